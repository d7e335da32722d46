/* The state of the page, and what moves through the steps: the player, the timeline, the reader's numbers. */

let DATA_NOW, RUN, RIGHT, engine = "right", edited = false;
let stops = [], at = 0, state, timer = 0, landed = true, secret = false, answer = null, view, reasons;
const settings = {skip: true, only: false, predict: false}, score = {right: 0, asked: 0}, revealed = new Set();
const framed = window !== window.parent; // in a notebook, or in the lesson: no address, no link
const event = () => asShown(RUN.events[stops[at]]);
const pace = () => +$("speed").value;

/* Anything that changes the run comes through here, and keeps the reader's place if it can. */
function rerun() {
  const index = stops[at] ?? 0;
  edited = NODES.some(n => !Object.is(n.data, n.original));
  DATA_NOW = forward();
  RIGHT = run("right");
  RUN = annotate(engine === "right" ? RIGHT : run(engine));
  revealed.clear();
  restop(index);
  view.build();
}

function restop(index = stops[at]) {
  stops = stopsOf(RUN);
  const found = stops.findIndex(i => i >= index);
  at = found < 0 ? stops.length - 1 : found;
}

function go(to, moving) { pause(); move(to, moving); }
function move(to, moving = false) {
  at = clamp(to, 0, stops.length - 1);
  const e = event();
  answer = null;
  secret = settings.predict && (e.kind === "first" || e.kind === "more") && !revealed.has(stops[at]);
  landed = !(isShare(e) && (moving && !still.matches || secret));
  render();
  if (secret) { pause(); askPrediction(e, stops[at]); }
  else if (!landed) view.fly(e, pace() * .62, () => { landed = true; render(); });
}

function render() {
  const e = event();
  state = stateAt(RUN.events, stops[at]);
  closeAsk();
  showVerdict(e);
  showCaption(e);
  view.show(e, state, {landed, secret});
  for (const show of [showRule, showCode, showSteps, showValues, showOrder, showTimeline]) show(e);
  if (document.body.dataset.why || document.body.dataset.tab === "why") reasons.show(e);
  writeAddress();
}

function showCaption(e) {
  const inChapter = stops.filter(i => RUN.events[i].chapter === e.chapter), place = inChapter.indexOf(stops[at]) + 1;
  $("where").replaceChildren(el("b", {}, CHAPTERS[e.chapter]), ` ${place} of ${inChapter.length}`);
  $("now").textContent = (answer ? `${answer.text} ` : "") + trimmed(sentence(e, secret), 240);
}

function play() {
  if (timer) { pause(); return; }
  if (at === stops.length - 1) at = -1;
  timer = 1;
  advance();
}
/* Play stops at the end of each chapter. */
function advance() {
  const begun = at >= 0;
  move(at + 1, true);
  if (!timer) return;
  const next = RUN.events[stops[at + 1]];
  if (!next || begun && next.chapter !== event().chapter) { pause(); return; }
  timer = setTimeout(advance, pace());
  showPlay();
}
function pause() { clearTimeout(timer); timer = 0; showPlay(); }

/* → on a hidden number shows it; the next → goes on */
function stepOn() {
  if (secret) { revealed.add(stops[at]); go(at, true); } else go(at + 1, true);
}

/* ---- the timeline ---- */

function buildTimeline() {
  for (const old of $("timeline").querySelectorAll(".chapter")) old.remove();
  $("scrub").max = stops.length - 1;
  $("timeline").append(...CHAPTERS.map(chapterButton).filter(Boolean));
}

function chapterButton(title, chapter) {
  const inChapter = i => RUN.events[i].chapter === chapter, count = stops.filter(inChapter).length, first = stops.findIndex(inChapter);
  if (!count) return null;
  const rail = el("span", {class: "rail"}, el("span", {class: "fill"}), count <= (narrow() ? 12 : 40) ? el("span", {class: "ticks", style: `--tick:${100 / count}%`}) : null);
  return el("button", {
    type: "button", class: "chapter", style: `flex-grow:${Math.sqrt(count)}`, "data-first": first, "data-count": count, "data-chapter": chapter,
    onclick: e => go(scrubPlace(e, rail, first, count)),
  }, el("span", {class: "label"}, title, el("i", {}, count)), rail);
}

/* A click on the name goes to the chapter, a click on the rail to that step. */
function scrubPlace(e, rail, first, count) {
  const box = rail.getBoundingClientRect();
  return e.clientY < box.top - 2 ? first : first + clamp(Math.floor((e.clientX - box.left) / box.width * count), 0, count - 1);
}

/* Dragging along the rails goes through the steps. */
function scrub(e) {
  if (e.buttons !== 1) return;
  for (const button of $("timeline").querySelectorAll(".chapter")) {
    const rail = button.querySelector(".rail"), {left, right} = rail.getBoundingClientRect();
    if (e.clientX < left || e.clientX > right) continue;
    const to = scrubPlace({clientX: e.clientX, clientY: Infinity}, rail, +button.dataset.first, +button.dataset.count);
    if (to !== at) go(to);
  }
}

function showTimeline(e) {
  for (const button of $("timeline").querySelectorAll(".chapter")) {
    button.querySelector(".fill").style.width = `${clamp((at + 1 - +button.dataset.first) / +button.dataset.count, 0, 1) * 100}%`;
    button.toggleAttribute("aria-current", +button.dataset.chapter === e.chapter);
  }
  $("scrub").value = at;
  $("scrub").setAttribute("aria-valuetext", `${CHAPTERS[e.chapter]}, step ${at + 1} of ${stops.length}`);
  $("back").disabled = at === 0;
  $("next").disabled = at === stops.length - 1 && !secret;
  showPlay();
}

function showPlay() {
  const next = RUN.events[stops[at + 1]], text = timer ? "Pause" : !next ? "Again" : at >= 0 && next.chapter !== event().chapter ? CHAPTERS[next.chapter] : "Play";
  $("play").replaceChildren(icon(timer ? "pause" : "play"), text);
}

/* ---- an input on the graph: edit a leaf, predict a gradient ---- */

function closeAsk() { document.querySelector(".ask")?.remove(); }

/* It stands at its place in the pane; without one, as on a phone, under the graph, where it hides no box. */
function ask({place, label, value, predict, submit}) {
  closeAsk();
  const message = el("p", {role: "alert"}), input = el("input", {type: "text", "aria-label": label, value, placeholder: predict ? "?" : null});
  const box = el("form", {class: `ask${predict ? " predict" : ""}`, novalidate: "", onsubmit: e => { e.preventDefault(); submit(input.value, message, input); }}, input, message);
  box.classList.toggle("strip", !place);
  box.style.cssText = place ? `left: ${clamp(place.left, 4, Math.max(4, $("pane").clientWidth - askWidth() - 6))}px;
    max-width: ${askWidth()}px; top: ${clamp(place.top, 4, Math.max(4, $("pane").clientHeight - 90))}px` : "";
  input.addEventListener("keydown", e => { if (e.key === "Escape") { closeAsk(); e.stopPropagation(); } else if (e.key !== "ArrowRight" || input.value) e.stopPropagation(); });
  (place ? $("pane") : $("stage")).append(box);
  view.camera.showMap();
  input.focus({preventScroll: true});
  input.select();
  return {message, box};
}

function editLeaf(n) {
  pause();
  const {box} = ask({place: view.screenPlace(n.id, "data"), label: `Data of ${n.name}`, value: python(n.data),
    submit: (text, message, input) => {
      const problem = setLeaf(n, text);
      if (!problem) return;
      message.className = "bad";
      message.replaceChildren(`${problem}. `, el("span", {}, `${n.name} stays ${short(n.data)}.`));
      input.setAttribute("aria-invalid", "true");
    }});
  box.addEventListener("focusout", e => { if (!box.contains(e.relatedTarget)) setTimeout(() => box.remove()); });
}

/* Returns what Python would say, and changes nothing, or computes anew. */
function setLeaf(n, text) {
  const x = parsed(text), problem = x === null ? fill(DATA.refused.text, {text: `'${text.trim()}'`}) : refusal(new Map([[n.id, x]]));
  if (problem) return problem;
  n.data = x;
  refresh(true);
  return "";
}
function resetData() {
  for (const n of NODES) n.data = n.original;
  refresh(true);
}

function askPrediction(e, index) {
  const prompt = ask({place: narrow() ? null : view.screenPlace(e.operand, "grad"), label: `Your guess for ${e.x.name}.grad`, value: "", predict: true,
    submit: (text, message) => {
      const guess = parsed(text);
      if (guess === null) { message.textContent = "Type a number, or press → to see it."; return; }
      const good = near(guess, e.after, 5e-3);
      score.asked++;
      score.right += good;
      revealed.add(index);
      move(at, true);
      answer = {good, text: good ? `✓ Right (${score.right} of ${score.asked}).` : `✕ Not ${text}.`};
      showCaption(e);
      showRule(e);
    }});
  prompt.message.textContent = engine === "overwrite" ? `${factor(e.upstream)} × ?` : `${short(e.before)} + ${factor(e.upstream)} × ?`;
}

/* ---- options ---- */

function refresh(anew) {
  if (anew) rerun(); else restop();
  buildTimeline();
  $("engine").value = engine;
  $("engine").classList.toggle("wrong", engine !== "right");
  for (const [id, on] of Object.entries(settings)) $(id).setAttribute("aria-pressed", String(on));
  move(at);
}
function toggle(id) {
  pause();
  settings[id] = !settings[id];
  if (id === "predict") { revealed.clear(); Object.assign(score, {right: 0, asked: 0}); }
  refresh();
}
function choose(name) {
  pause();
  engine = name;
  refresh(true);
}

function pressed(group, key, name) {
  document.body.dataset[key] = name;
  for (const b of $(group).children) b.setAttribute("aria-pressed", String(b.dataset.name === name));
  if (RUN) render();
}
function openWhy() {
  if (narrow()) { pressed("tabs", "tab", "why"); return; }
  document.body.dataset.why = "open";
  reasons.show(event());
  $("why-close").focus();
}
function closeWhy() {
  if (document.body.dataset.tab === "why") pressed("tabs", "tab", "rule");
  delete document.body.dataset.why;
  $("rule").querySelector(".foot button")?.focus();
}
function theme(name) {
  const page = document.documentElement, now = page.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  page.dataset.theme = name ?? (now === "dark" ? "light" : "dark");
}

/* ---- the address, or the options of mount(): the step, the engine and the reader's data ---- */

let addressTimer = 0;
function address() {
  const p = new URLSearchParams({step: stops[at] + 1});
  if (engine !== "right") p.set("engine", engine);
  if (!settings.skip) p.set("leaves", "all");
  if (settings.only) p.set("only", "backward");
  if (OPEN.size) p.set("open", [...OPEN].join());
  for (const n of NODES) if (!n.operands.length && !Object.is(n.data, n.original)) p.set(`v.${n.name}`, n.data);
  return `#${p}`;
}
function writeAddress() {
  if (framed) { document.dispatchEvent(new CustomEvent("address", {detail: address().slice(1)})); return; }
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => { try { history.replaceState(null, "", address()); } catch { /* too many at once */ } }, 150);
}
function readAddress(text) {
  const p = new URLSearchParams(text);
  engine = p.get("engine") in DATA.engines ? p.get("engine") : "right";
  settings.skip = p.get("leaves") !== "all";
  settings.only = p.get("only") === "backward";
  settings.predict = p.get("predict") === "1";
  foldAtFirst();
  if (p.has("open")) OPEN.clear();
  for (const g of (p.get("open") ?? "").split(",")) if (g && GROUPS[g]) { CLOSED.delete(GROUPS[g].layer); OPEN.add(+g); }
  for (const n of NODES) {
    const x = p.has(`v.${n.name}`) && editable(n) ? parsed(p.get(`v.${n.name}`)) : null;
    n.data = x !== null && !refusal(new Map([[n.id, x]])) ? x : n.original;
  }
  if (p.has("theme")) theme(p.get("theme"));
  at = 0;
  stops = [clamp((+p.get("step") || 1) - 1, 0, Infinity)];
}

let sayLink; // the timer after which the button says that again
/* Where there is no clipboard, as over http, or it refuses, the old way; else the address bar has it. */
async function copyLink() {
  const link = location.href.split("#")[0] + address();
  const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false) || copySelected(link);
  $("link").textContent = copied ? "Copied" : "In the address bar";
  clearTimeout(sayLink);
  sayLink = setTimeout(() => { $("link").textContent = "Link"; }, 1500);
}
function copySelected(text) {
  const area = el("textarea", {class: "off-screen"});
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  $("link").focus();
  return copied;
}

/* On paper: the end, and every step as a sentence. */
function printed({matches}) {
  document.getElementById("paper")?.remove();
  if (matches) $("paper-place").append(el("ol", {id: "paper"}, ...RUN.events.map(e => el("li", {}, e.text))));
}

/* ---- begin ---- */

function buildControls() {
  const button = (group, key) => name => el("button", {type: "button", "data-name": name, onclick: () => pressed(group, key, name)}, name[0].toUpperCase() + name.slice(1));
  $("tabs").append(...["rule", "code", "steps", "values", "why"].map(button("tabs", "tab")));
  $("list-tabs").append(...["steps", "values"].map(button("list-tabs", "list")));
  $("engine").append(...Object.entries(DATA.engines).map(([name, [title]]) => el("option", {value: name}, title)));
  for (const id of ["theme", "more", "back", "next"]) $(id).append(icon(id));
  $("link").hidden = framed;
}

function listen() {
  const on = (id, type, act) => $(id).addEventListener(type, act);
  on("engine", "change", e => choose(e.target.value));
  for (const id of Object.keys(settings)) on(id, "click", () => toggle(id));
  on("theme", "click", () => theme());
  on("more", "click", () => $("more").setAttribute("aria-expanded", String($("options").classList.toggle("open"))));
  on("back", "click", () => go(at - 1));
  on("next", "click", stepOn);
  on("play", "click", play);
  on("timeline", "pointermove", scrub);
  on("scrub", "input", e => go(+e.target.value));
  on("zoom-in", "click", () => view.camera.zoom(1.3));
  on("zoom-out", "click", () => view.camera.zoom(1 / 1.3));
  on("fit", "click", () => { view.camera.free = true; view.camera.fit(); });
  on("verdict", "scroll", fadeVerdict);
  on("link", "click", copyLink);
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", () => { pause(); readAddress(location.hash.slice(1)); refresh(true); });
  new ResizeObserver(() => {
    const {w, h} = view.camera.size, {builtFor} = view;
    if (w !== builtFor.w || h !== builtFor.h) { view.build(); render(); if (secret) askPrediction(event(), stops[at]); }
  }).observe($("pane"));
  let phone = narrow();
  addEventListener("resize", () => { if (narrow() !== phone) { phone = !phone; refresh(true); } });
  const paper = matchMedia("print");
  paper.addEventListener("change", printed);
}

const KEYS = {ArrowRight: stepOn, ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(Infinity), " ": play, Escape: closeWhy};
function onKey(e) {
  const own = e.target.closest?.("input, select"), free = own?.closest(".ask.predict") && e.key === "ArrowRight";
  if (!KEYS[e.key] || e.ctrlKey || e.metaKey || e.altKey || own && e.key !== "Escape" && !free) return;
  if (e.key === " " && e.target.closest?.("button, summary, [role=button]")) return;
  e.preventDefault();
  KEYS[e.key]();
}

view = new GraphView({
  edit: editLeaf, why: openWhy,
  neuron: g => { pause(); toggleNeuron(g); refresh(true); view.attend([GROUPS[g].out]); },
  layer: i => { pause(); toggleLayer(i); refresh(true); view.attend(LAYERS[i].outs); },
});
reasons = new WhyDrawer();
buildControls();
pressed("tabs", "tab", "rule");
pressed("list-tabs", "list", "steps");
readAddress(document.documentElement.dataset.state ?? location.hash.slice(1));
refresh(true);
listen();
