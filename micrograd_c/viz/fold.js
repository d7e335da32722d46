/* What of a graph is shown: a neuron is one box until it is opened, a layer one card with a row for each neuron. */

const edgeKey = (node, slot) => `${node}:${slot}`;
const GROUPS = DATA.groups.map(([name, note, members, layer]) => ({name, note, members, layer, out: members.at(-1)}));
const LAYERS = DATA.layers.map(([name, note], i) => ({name, note, outs: GROUPS.filter(g => g.layer === i).map(g => g.out)}));
const GROUP_OF = new Map(GROUPS.flatMap((g, i) => g.members.map(id => [id, i])));

/* Leaves that only neurons read are shown with them: parameters, and numbers that are in one neuron only. */
const INNER = new Map();
for (const n of NODES) {
  if (n.operands.length || n.role !== "parameter" && n.role !== "constant") continue;
  const by = distinct(readers(n).map(m => GROUP_OF.get(m.id)));
  if (by.length && !by.includes(undefined) && (n.role === "parameter" || by.length === 1 && GROUPS[by[0]].members.length > 1)) INNER.set(n.id, by);
}

const OPEN = new Set(), CLOSED = new Set(); // neurons that are open, layers that are folded
const closed = g => CLOSED.has(GROUPS[g].layer);
const open = g => OPEN.has(g) && !closed(g);
const folded = n => GROUP_OF.has(n.id) && !open(GROUP_OF.get(n.id));
const outOf = n => GROUPS[GROUP_OF.get(n.id)].out;
/* Is it in the picture at all? */
function visible(n) {
  if (INNER.has(n.id)) return INNER.get(n.id).some(open);
  return !folded(n) || outOf(n) === n.id;
}
/* A hidden member of a folded neuron keeps the place of its box in the order. */
const hides = n => folded(n) && outOf(n) !== n.id;
/* The box of the picture that it is in. */
function unit(n) {
  const inner = INNER.get(n.id), g = inner ? inner.length === 1 ? inner[0] : undefined : GROUP_OF.get(n.id);
  if (g === undefined) return `node:${n.id}`;
  if (closed(g)) return `layer:${GROUPS[g].layer}`;
  return OPEN.has(g) ? `frame:${g}` : `node:${GROUPS[g].out}`;
}

/* At first neurons are folded, but for a small one that is all there is, and layers where there are very many. */
function foldAtFirst() {
  OPEN.clear(), CLOSED.clear();
  if (GROUPS.length === 1 && NODES.length <= 16) OPEN.add(0);
  if (NODES.filter(visible).length > 24) LAYERS.forEach((_, i) => CLOSED.add(i));
  if (!inOrder()) CLOSED.clear();
}

/* Would any box come before what it reads? */
function inOrder() {
  const last = new Map(NODES.map((n, i) => [unit(n), i]));
  return NODES.every(n => n.operands.every(i => unit(NODE.get(i)) === unit(n) || last.get(unit(NODE.get(i))) < last.get(unit(n))));
}

/* Open or close a neuron; one is open at a time. */
function toggleNeuron(g) {
  if (!OPEN.delete(g)) { OPEN.clear(); OPEN.add(g); }
}

/* Open or close a layer; where layers read each other in both directions none can be one box. */
function toggleLayer(layer) {
  if (!CLOSED.delete(layer)) CLOSED.add(layer);
  OPEN.clear();
  if (!inOrder()) CLOSED.clear();
}
