/* The picture of c = a*b + b, used by two parts. */
const WIDE = { a: [0, 0.17], b: [0, 0.82], "*": [0.28, 0.3], tmp: [0.52, 0.3], "+": [0.76, 0.58], c: [1, 0.58] };
const TALL = { a: [0.1, 0], b: [0.9, 0], "*": [0.1, 0.3], tmp: [0.1, 0.54], "+": [0.5, 0.78], c: [0.5, 1] };
const NODES = GIVEN.graphs.history.nodes.map(([name, , prev, op]) => ({ name, prev, op }));
const OP_RADIUS = 19;
const signOf = (name) => NODES.find((n) => n.name === name).op;

function graphLayout(w, h, rows) {
  const tall = w < 560;
  const box = { w: tall ? 104 : 116, h: rows === 2 ? 78 : 54 };
  const [padX, padY] = [box.w / 2 + 4, tall ? box.h / 2 + 12 : 0];
  const centre = {};
  for (const [name, [x, y]] of Object.entries(tall ? TALL : WIDE)) {
    centre[name] = { x: padX + x * (w - 2 * padX), y: padY + y * (h - 2 * padY) };
  }
  return { tall, box, centre };
}

/* Ends of an edge lie on the rims of the boxes; both ends point in the direction of reading. */
function edgePath({ tall, box, centre }, from, to) {
  const p = { ...centre[from] };
  const q = { ...centre[to] };
  const half = (name) => (name in { "*": 1, "+": 1 } ? OP_RADIUS : (tall ? box.h : box.w) / 2);
  if (tall) {
    p.y += half(from);
    q.y -= half(to);
  } else {
    p.x += half(from);
    q.x -= half(to);
  }
  const bend = (tall ? q.y - p.y : q.x - p.x) / 2;
  const head = (tip, back) => (tall ? `M${tip.x},${tip.y}l-6,${-10 * back}h12z` : `M${tip.x},${tip.y}l${-10 * back},-6v12z`);
  const d = tall
    ? `M${p.x},${p.y}C${p.x},${p.y + bend} ${q.x},${q.y - bend} ${q.x},${q.y}`
    : `M${p.x},${p.y}C${p.x + bend},${p.y} ${q.x - bend},${q.y} ${q.x},${q.y}`;
  return { d, middle: { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 }, ahead: head(q, 1), back: head(p, -1) };
}

/* look: { shown, nodes: {name: class}, ops: {op: class}, edges: {"a>*": class}, labels: {"a>*": words}, grads, fresh } */
function paintGraph(w, h, data, look, touch) {
  const rows = look.grads ? 2 : 1;
  const layout = graphLayout(w, h, rows);
  const shown = NODES.filter((v) => look.shown.has(v.name));
  const edges = [];
  const labels = [];
  for (const v of shown.filter((n) => n.op)) {
    const { op } = v;
    for (const [from, to] of [...v.prev.map((p) => [p, op]), [op, v.name]]) {
      const key = `${from}>${to}`;
      const { d, middle, ahead, back } = edgePath(layout, from, to);
      const kind = `${look.edges?.[key] ?? ""} ${v.name === look.fresh ? "fresh" : ""}`;
      edges.push(
        svg("path", { d, class: `edge ${kind}` }),
        svg("path", { d: kind.startsWith("flow") ? back : ahead, class: `head ${kind}` }),
      );
      if (look.labels?.[key]) labels.push(pill(middle, look.labels[key], "local"));
    }
  }
  const ops = shown
    .filter((n) => n.op)
    .map((v) => {
      const { x, y } = layout.centre[v.op];
      return svg(
        "g",
        { class: `op ${look.ops?.[v.op] ?? ""} ${v.name === look.fresh ? "fresh" : ""}` },
        dot(x, y, OP_RADIUS),
        text(x, y + 6, v.op === "*" ? "×" : "+", "", "middle"),
      );
    });
  return [edges, ops, shown.map((v) => nodeBox(v, data[v.name], layout, look, touch)), labels];
}

function nodeBox(v, data, { box, centre }, look, touch) {
  const { x, y } = centre[v.name];
  const [left, top] = [x - box.w / 2, y - box.h / 2];
  const grad = look.grads?.[v.name];
  const row = (label, value, kind, dy) => [text(left + 12, top + dy, label), text(left + box.w - 12, top + dy, value, kind, "end")];
  return svg(
    "g",
    {
      class: `node ${look.nodes?.[v.name] ?? ""} ${v.name === look.fresh ? "fresh" : ""}`,
      "data-key": v.name,
      ...(touch && {
        tabindex: 0,
        role: "button",
        onclick: () => touch(v.name),
        onfocus: () => touch(v.name),
        onpointerenter: () => touch(v.name),
      }),
    },
    svg("rect", { x: left, y: top, width: box.w, height: box.h, rx: 10 }),
    text(left + 12, top + 22, v.name, "title"),
    look.grads
      ? [row("data", short(data), "value", 44), row("grad", grad === undefined ? "·" : short(grad), grad === undefined ? "" : "grad", 65)]
      : row("data", short(data), "value", 43),
  );
}
