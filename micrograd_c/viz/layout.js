/* Where boxes stand: in columns along the way of the data (or, turned, in rows: phones), with few crossings and
   straight lines. x runs along the way and y across it until the end. What is folded is fold.js's affair. */

const BOX = {w: 128, h: 62}, CARD = {w: 178, row: 28, top: 34, foot: 8}, FRAME = {pad: 22, top: 34};
const mean = list => list.length ? list.reduce((total, x) => total + x, 0) / list.length : undefined;

/* items stand in topological order, links name them; returns a place for each item and the bends of each link */
function layered(items, links, gap) {
  const into = Map.groupBy(links, l => l.to), from = Map.groupBy(links, l => l.from);
  const rank = ranks(items, into, from), columns = [], routes = new Map();
  for (const item of items) (columns[rank.get(item.key)] ??= []).push({...item, near: []});
  const cell = new Map(columns.flat().map(c => [c.key, c]));
  for (const link of links) routes.set(link.key, addBends(link, cell, rank, columns));
  orderColumns(columns, items, into);
  placeAcross(columns, gap.y);
  const width = placeAlong(columns, gap.x), all = columns.flat();
  const top = Math.min(...all.map(c => c.y - c.h / 2)), bottom = Math.max(...all.map(c => c.y + c.h / 2));
  for (const c of all) c.y -= top;
  return {cell, routes, columns, width, height: bottom - top};
}

/* A leaf stands one column before the first that reads it, all else behind what it reads. */
function ranks(items, into, from) {
  const rank = new Map();
  for (const {key} of items) rank.set(key, Math.max(-1, ...(into.get(key) ?? []).map(l => rank.get(l.from))) + 1);
  for (const {key, pinned} of items)
    if (!pinned && !into.has(key) && from.has(key)) rank.set(key, Math.min(...from.get(key).map(l => rank.get(l.to))) - 1);
  return rank;
}

/* A line that passes columns has a bend in each. */
function addBends(link, cell, rank, columns) {
  const chain = [cell.get(link.from)];
  for (let r = rank.get(link.from) + 1; r < rank.get(link.to); r++) {
    const bend = {key: `${link.key}@${r}`, w: 0, h: 18, near: [], bend: true};
    columns[r].push(bend);
    chain.push(bend);
  }
  chain.push(cell.get(link.to));
  chain.slice(1).forEach((c, i) => { c.near.push(chain[i]); chain[i].near.push(c); });
  return chain;
}

/* First as a walk from the result meets them, then by the mean place of the neighbours, swept forth and back. */
function orderColumns(columns, items, into) {
  const seen = new Map(), todo = [items.at(-1).key];
  while (todo.length) {
    const key = todo.pop();
    if (seen.has(key)) continue;
    seen.set(key, seen.size);
    todo.push(...(into.get(key) ?? []).map(l => l.from).reverse());
  }
  const first = c => { while (c.bend && !seen.has(c.key)) c = c.near[0]; return seen.get(c.key) ?? 0; };
  for (const col of columns) { col.sort((a, b) => first(a) - first(b)); number(col); }
  for (let sweep = 0; sweep < 6; sweep++)
    for (const col of sweep % 2 ? columns : [...columns].reverse()) {
      const want = new Map(col.map(c => [c, mean(c.near.map(n => n.row)) ?? c.row]));
      col.sort((a, b) => want.get(a) - want.get(b));
      number(col);
    }
  function number(col) { col.forEach((c, i) => { c.row = i - (col.length - 1) / 2; }); }
}

function placeAcross(columns, gap) {
  for (const col of columns) spread(col, col.map(c => c.row * (c.h + gap)), gap);
  for (let round = 0; round < 16; round++)
    for (const col of round % 2 ? columns : [...columns].reverse())
      spread(col, col.map(c => mean(c.near.map(n => n.y)) ?? c.y), gap);
}

/* The places nearest to the wanted ones that keep the order and the distance: isotonic regression. */
function spread(col, want, gap) {
  const offset = [], blocks = [];
  col.forEach((c, i) => {
    offset.push(i ? offset[i - 1] + (col[i - 1].h + c.h) / 2 + gap : 0);
    blocks.push({sum: want[i] - offset[i], n: 1});
    while (blocks.length > 1 && blocks.at(-2).sum / blocks.at(-2).n > blocks.at(-1).sum / blocks.at(-1).n) {
      const last = blocks.pop();
      blocks.at(-1).sum += last.sum;
      blocks.at(-1).n += last.n;
    }
  });
  let i = 0;
  for (const b of blocks) for (let k = 0; k < b.n; k++, i++) col[i].y = b.sum / b.n + offset[i];
}

function placeAlong(columns, gap) {
  let x = 0;
  for (const col of columns) {
    const wide = Math.max(...col.map(c => c.w));
    for (const c of col) { c.left = c.x = x; c.right = x + wide; }
    x += wide + gap;
  }
  return x - gap;
}

/* Few columns stand further apart, as far as the pane is wide; on a phone the way that shows more. */
function roomyLayout(pane) {
  const longest = Math.max(...NODES.filter(visible).map(n => Math.min(9, n.name.length))); // a label on a line needs room
  const close = {x: pane.w < 600 && !CLOSED.size ? 92 : Math.max(104, 72 + 8 * longest), y: 30};
  const flat = lay(false, close), scale = l => Math.min(pane.w / (l.width + 54), pane.h / (l.height + 74));
  const turned = pane.w < 600 && scale(flat) < .6 ? lay(true, {x: 62, y: 22}) : flat;
  if (scale(turned) > scale(flat) * 1.15) return turned;
  if (OPEN.size) return flat;
  const {columns} = flat, rows = Math.max(...columns.map(c => c.length)), wide = Math.max(...columns.flat().map(c => c.w));
  const x = clamp((pane.w - 60 - columns.length * wide) / Math.max(1, columns.length - 1), close.x, 96 + 20 * rows);
  const k = Math.min(1.4, pane.w / (columns.length * (wide + x)));
  return lay(false, {x, y: clamp((pane.h / k - 60) / rows - BOX.h, close.y, 72)});
}

/* The whole picture: a folded layer is a card with a row for each neuron, an open neuron a frame of its own. */
function lay(turned, gap) {
  const size = (w, h) => turned ? {w: h, h: w} : {w, h}, inner = new Map(), items = new Map(), links = new Map(), link = new Map();
  for (const g of OPEN) inner.set(`frame:${g}`, layFrame(g, gap, size));
  const sizeOf = key => inner.get(key) ?? (key.startsWith("layer:") ? size(CARD.w, cardHeight(LAYERS[+key.slice(6)])) : size(BOX.w, BOX.h));
  for (const n of NODES) {
    const to = unit(n);
    if (visible(n) || hides(n)) { items.delete(to); items.set(to, {key: to, ...sizeOf(to)}); }
    n.operands.forEach((i, slot) => {
      const a = NODE.get(i), from = unit(a), key = edgeKey(n.id, slot);
      if (from === to || !visible(a)) return;
      const shared = folded(n) ? `${a.id}>${to}` : key; // one line from a value into a folded box
      link.set(key, shared);
      links.set(shared, {key: shared, from, to});
    });
  }
  return collect(layered([...items.values()], [...links.values()], gap), inner, link, turned);
}
const cardHeight = layer => CARD.top + layer.outs.length * CARD.row + CARD.foot;

function layFrame(g, gap, size) {
  const name = `frame:${g}`, members = NODES.filter(n => unit(n) === name), items = [], links = [];
  for (const n of members) n.operands.forEach((i, slot) => {
    const key = edgeKey(n.id, slot), inside = unit(NODE.get(i)) === name;
    if (!inside) items.push({key: `port:${key}`, w: 0, h: 14, pinned: true, bend: true});
    links.push({key, from: inside ? i : `port:${key}`, to: n.id});
  });
  items.push(...members.map(n => ({key: n.id, ...size(BOX.w, BOX.h)})));
  const place = layered(items, links, {x: gap.x * .8, y: gap.y}), flat = size(1, 2).w === 1, both = FRAME.pad + FRAME.top;
  return {...place, dx: flat ? FRAME.pad : FRAME.top, dy: flat ? FRAME.top : FRAME.pad,
    w: place.width + (flat ? 2 * FRAME.pad : both), h: place.height + (flat ? both : 2 * FRAME.pad)};
}

function collect(outer, inner, link, turned) {
  const places = new Map(), frames = [], cards = [], lines = new Map(), boxes = new Map(), edges = new Map();
  const put = (key, c, dx = 0, dy = 0) => places.set(key, {x: c.x + dx, y: c.y - c.h / 2 + dy, w: c.w, h: c.h});
  const turn = b => turned ? {x: b.y, y: b.x, w: b.h, h: b.w} : b;
  for (const [key, c] of outer.cell) {
    put(key, c);
    const place = inner.get(key), kind = key.split(":")[0], index = +key.split(":")[1], here = places.get(key);
    if (kind === "layer") cards.push({layer: index, ...turn(here)});
    if (!place) continue;
    frames.push({group: index, ...turn(here)});
    for (const [k, m] of place.cell) put(`node:${k}`, m, here.x + place.dx, here.y + place.dy);
    for (const [k, chain] of place.routes) lines.set(k, bends(chain, here.x + place.dx, here.y + place.dy));
  }
  for (const n of NODES) if (visible(n)) {
    const key = unit(n), row = key.startsWith("layer:"), at = turn(places.get(row ? key : `node:${n.id}`) ?? places.get(key));
    const i = row ? LAYERS[+key.slice(6)].outs.indexOf(n.id) : 0;
    boxes.set(n.id, row ? {x: at.x, y: at.y + CARD.top + i * CARD.row, w: at.w, h: CARD.row, row, top: at.y, foot: at.y + at.h} : at);
  }
  const end = n => places.get(folded(n) ? unit(n) : `node:${n.id}`) ?? places.get(unit(n));
  const start = n => {
    const key = unit(n), b = places.get(`node:${n.id}`) ?? places.get(key);
    if (!key.startsWith("layer:")) return [b.x + b.w, b.y + b.h / 2];
    const {outs} = LAYERS[+key.slice(6)], i = outs.indexOf(n.id);
    return [b.x + b.w, b.y + (turned ? b.h * (i + 1) / (outs.length + 1) : CARD.top + (i + .5) * CARD.row)];
  };
  for (const n of NODES) n.operands.forEach((i, slot) => {
    const key = edgeKey(n.id, slot), a = NODE.get(i), shared = link.get(key) ?? key;
    if (!visible(a) || !link.has(key) && !lines.has(key) || edges.has(shared)) return;
    const way = [...outer.routes.has(shared) ? bends(outer.routes.get(shared), 0, 0) : [], ...lines.get(key) ?? []], to = end(n), from = start(a);
    const step = Math.min(16, to.h * .7 / n.operands.length), shift = folded(n) ? 0 : (slot - (n.operands.length - 1) / 2) * step;
    const last = [to.x - (turned ? 20 : 13), to.y + to.h / 2 + shift];
    const points = [from, ...way.filter(p => p[0] > from[0] && p[0] < last[0]), last];
    edges.set(shared, {key: shared, from: i, to: folded(n) ? outOf(n) : n.id, points: turned ? points.map(([x, y]) => [y, x]) : points});
  });
  const [width, height] = turned ? [outer.height, outer.width] : [outer.width, outer.height];
  return {boxes, frames, cards, edges: [...edges.values()], link, columns: outer.columns, width, height, turned};
}

/* Where a line goes straight through a column: at each bend, and beside a box that is narrower than its column. */
function bends(chain, dx, dy) {
  const first = chain[0], beside = !first.bend && first.right > first.x + first.w ? [[first.right + dx, first.y + dy]] : [];
  return [...beside, ...chain.filter(c => c.bend).flatMap(c => [[c.left + dx, c.y + dy], [c.right + dx, c.y + dy]])];
}
