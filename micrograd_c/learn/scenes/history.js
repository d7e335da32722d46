/* Every line makes a box; a box knows what it was made from. */
function historyScene(host) {
  const NAMES = ["a", "b", "tmp", "c"];
  let touched = NAMES[store.get("lines") - 1] ?? "";
  const lines = [["a = Value(", scrubber("a", "a"), ")"], ["b = Value(", scrubber("b", "b"), ")"], ["tmp = a * b"], ["c = tmp + b"]].map(
    (parts) => el("li", {}, el("span", {}, parts)),
  );
  const memory = el("div", { class: "memory", role: "status" });
  const picture = el("div");
  const next = button(say("history.next"), () => runTo(store.get("lines") + 1), "main");
  host.append(
    el(
      "div",
      { class: "cols history-cols" },
      el("div", {}, el("ol", { class: "listing", "aria-label": say("history.program") }, lines), memory),
      picture,
    ),
    controls(
      buttons(
        next,
        button(say("history.all"), () => runTo(4)),
        button(say("history.clear"), () => runTo(0)),
      ),
    ),
    el("figcaption", {}, say("history.caption")),
  );

  const plot = stage(picture, { label: say("history.picture"), height: (w) => (w < 560 ? 400 : 300), paint });
  const current = () => forward(GIVEN.graphs.history, { a: store.get("a"), b: store.get("b") });
  const box = () => NODES.find((n) => n.name === touched && made().includes(n.name));
  const made = () => NAMES.slice(0, store.get("lines"));
  function runTo(count) {
    touched = count > store.get("lines") ? NAMES[Math.min(count, 4) - 1] : "";
    store.set({ lines: clamp(count, 0, 4) });
  }
  function touch(name) {
    if (name === touched) return;
    touched = name;
    show();
  }
  function paint(w, h) {
    const v = box();
    const look = { shown: new Set(made()), nodes: { [touched]: "on" }, ops: {}, edges: {}, fresh: plot?.fresh };
    if (v?.op) {
      const { op } = v;
      look.ops[op] = "on";
      v.prev.forEach((p) => {
        look.nodes[p] = "prev";
        look.edges[`${p}>${op}`] = "prev";
      });
      look.edges[`${op}>${v.name}`] = "prev";
    }
    const empty = !made().length && text(w / 2, h / 2, say("history.empty"), "", "middle");
    return [paintGraph(w, h, current(), look, touch), empty];
  }
  function show() {
    const v = box();
    memory.replaceChildren(
      ...(v
        ? [
            el("div", {}, `${v.name}.data  = ${short(current()[v.name])}`),
            el("div", {}, `${v.name}._prev = {${v.prev.join(", ")}}`),
            el("div", {}, `${v.name}._op   = '${v.op}'`),
            el("span", { class: "note" }, say(v.op ? "history.operands" : "history.leaf")),
          ]
        : [el("span", { class: "note" }, say("history.nothing"))]),
    );
    plot.draw();
  }
  /* Printed before a line has run, the picture shows what all of them make. */
  let unread = false;
  addEventListener("beforeprint", () => {
    unread = !store.get("lines");
    if (unread) runTo(4);
  });
  addEventListener("afterprint", () => unread && runTo(0));
  let before = store.get("lines");
  store.watch(["lines", "a", "b"], () => {
    const count = store.get("lines");
    lines.forEach((li, i) => {
      li.className = i < count ? (i === count - 1 ? "now" : "") : "ahead";
    });
    next.disabled = count === 4;
    plot.fresh = count > before ? NAMES[count - 1] : "";
    before = count;
    show();
    plot.fresh = "";
  });
}
