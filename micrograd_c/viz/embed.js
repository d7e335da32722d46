/* mount(element, page, data, options): the explainer's player in a frame of its own within another page, such as the
   lesson. `page` is what Python's player() returns, `data` what page_data() returns. Options, all optional: step (1 is
   the first), engine ("right", "overwrite", "depth", "twice"), predict (true), only ("backward"), theme, and in `values`
   other data of leaves by name. Returns the frame; frame.player(window => ...) runs once it is there. The document in
   it tells each new state by an event "address". */
function mount(element, page, data, {values = {}, predict, ...options} = {}) {
  const state = new URLSearchParams(Object.entries({...options, ...predict ? {predict: 1} : {}}).filter(([, x]) => x !== undefined));
  for (const [name, x] of Object.entries(values)) state.set(`v.${name}`, x);
  const frame = document.createElement("iframe"), text = JSON.stringify(data).replace(/</g, "\\u003c");
  frame.title = "The explainer";
  frame.className = "explainer";
  frame.srcdoc = page.replace("<html ", () => `<html data-state="${String(state).replace(/&/g, "&amp;")}" `).replace("%%DATA%%", () => text);
  const begun = async () => { try { await frame.contentWindow.started; } catch { /* a frame without rights */ } return frame.contentWindow; };
  const ready = new Promise(done => frame.addEventListener("load", () => done(begun()), {once: true}));
  frame.player = use => ready.then(use);
  element.replaceChildren(frame);
  return frame;
}
