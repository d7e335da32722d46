/* The picture of c = a*b + b. */
const WIDE = { a: [0, 0.17], b: [0, 0.82], "*": [0.28, 0.3], tmp: [0.52, 0.3], "+": [0.76, 0.58], c: [1, 0.58] };
const TALL = { a: [0.1, 0], b: [0.9, 0], "*": [0.1, 0.3], tmp: [0.1, 0.54], "+": [0.5, 0.78], c: [0.5, 1] };
const NODES = GIVEN.graphs.history.nodes.map(([name, , prev, op]) => ({ name, prev, op }));
const OP_RADIUS = 19;

function graphLayout(w, h) {
  const tall = w < 560 && h >= 300;
  const box = { w: tall ? 104 : w < 560 ? 84 : 116, h: 54 };
  const [padX, padY] = [box.w / 2 + 4, tall ? box.h / 2 + 12 : 0];
  const centre = {};
  for (const [name, [x, y]] of Object.entries(tall ? TALL : WIDE)) {
    centre[name] = { x: padX + x * (w - 2 * padX), y: padY + y * (h - 2 * padY) };
  }
  return { tall, box, centre };
}

/* Ends of an edge lie on the rims of the boxes; what comes from aside in an upright graph goes into the side of an op. */
function edgePath({ tall, box, centre }, from, to) {
  const p = { ...centre[from] };
  const q = { ...centre[to] };
  const half = (name) => (name in { "*": 1, "+": 1 } ? OP_RADIUS : (tall ? box.h : box.w) / 2);
  const side = Math.sign(p.x - q.x);
  if (tall && side) {
    p.y += half(from);
    q.x += side * OP_RADIUS;
    return { d: `M${p.x},${p.y}Q${p.x},${q.y} ${q.x},${q.y}`, head: `M${q.x},${q.y}l${10 * side},-6v12z` };
  }
  if (tall) {
    p.y += half(from);
    q.y -= half(to);
  } else {
    p.x += half(from);
    q.x -= half(to);
  }
  const bend = (tall ? q.y - p.y : q.x - p.x) / 2;
  const head = tall ? `M${q.x},${q.y}l-6,-10h12z` : `M${q.x},${q.y}l-10,-6v12z`;
  const d = tall
    ? `M${p.x},${p.y}C${p.x},${p.y + bend} ${q.x},${q.y - bend} ${q.x},${q.y}`
    : `M${p.x},${p.y}C${p.x + bend},${p.y} ${q.x - bend},${q.y} ${q.x},${q.y}`;
  return { d, head };
}

/* look: { shown, nodes: {name: class}, ops: {op: class}, edges: {"a>*": class}, fresh } */
function paintGraph(w, h, data, look, touch) {
  const layout = graphLayout(w, h);
  const shown = NODES.filter((v) => look.shown.has(v.name));
  const edges = [];
  for (const v of shown.filter((n) => n.op)) {
    const { op } = v;
    for (const [from, to] of [...v.prev.map((p) => [p, op]), [op, v.name]]) {
      const key = `${from}>${to}`;
      const { d, head } = edgePath(layout, from, to);
      const kind = `${look.edges?.[key] ?? ""} ${v.name === look.fresh ? "fresh" : ""}`;
      edges.push(
        svg("path", { d, class: `edge ${kind}` }),
        svg("path", { d: head, class: `head ${kind}` }),
      );
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
  return [edges, ops, shown.map((v) => nodeBox(v, data[v.name], layout, look, touch))];
}

function nodeBox(v, data, { box, centre }, look, touch) {
  const { x, y } = centre[v.name];
  const [left, top] = [x - box.w / 2, y - box.h / 2];
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
    text(left + 12, top + 43, "data"),
    text(left + box.w - 12, top + 43, short(data), "value", "end"),
  );
}
