/* The events of engines.js as chapters with stops, what is known at each, and what is said of it. */

const CHAPTERS = DATA.chapters, CHAPTER = [0, 0, 1, 2, 2, 3, 4, 5]; // by the phase of an event
const [FORWARD, GRAPH, ORDER, SEED_, BACKWARD, RESULT] = CHAPTERS.keys();
const isShare = e => e.operand !== undefined;

/* Tell each event its chapter, and where a wrong engine goes wrong. */
function annotate(run) {
  const came = new Map();
  let round = 1;
  for (const e of run.events) {
    e.chapter = CHAPTER[e.phase];
    e.z = NODE.get(e.node);
    if (e.kind === "again") { round = 2; came.clear(); }
    e.round = round;
    if (round === 2 && e.chapter === SEED_) e.chapter = BACKWARD; // the second run has no chapter of its own
    if (!isShare(e)) { e.dull = !e.z.operands.length && ["leaf", "no-children", "enter", "leaf-node", "call"].includes(e.kind); continue; }
    e.x = NODE.get(e.operand);
    e.key = edgeKey(e.node, e.slot);
    e.early = engine === "depth" && !near(e.upstream, RIGHT.grad.get(e.node), 1e-9);
    e.lost = engine === "overwrite" && e.before !== 0 ? came.get(e.operand) ?? [] : [];
    e.again = round === 2;
    came.set(e.operand, [...came.get(e.operand) ?? [], e.key]);
  }
  return run;
}

/* Where the player stops: not inside a folded box, and as the reader likes not at leaves, or in backward only. */
function stopsOf(run) {
  const stops = [];
  run.events.forEach((e, i) => {
    if (settings.skip && e.dull || settings.only && e.chapter < SEED_) return;
    if (isShare(e)) { if (!visible(e.x) || unit(e.x) === unit(e.z) && folded(e.z)) return; }
    else if (!visible(e.z) || e.chapter === RESULT && e.z.role === "constant") return;
    stops.push(i);
  });
  return stops;
}

/* A folded box stands for all of its nodes: its local derivative is that of the whole box. Where a wrong engine goes
   wrong inside the box that product does not hold, and the share is shown as it arose. */
function asShown(e) {
  if (!isShare(e) || !folded(e.z) || e.z.id === outOf(e.z) && e.z.row === "DOT") return e;
  const group = GROUPS[GROUP_OF.get(e.node)], out = NODE.get(group.out), inner = new Map([[out.id, 1]]);
  for (const id of [...group.members].reverse()) {
    const [f, gs] = localDerivatives(NODE.get(id), DATA_NOW), up = inner.get(id) ?? 0;
    NODE.get(id).operands.forEach((x, slot) => inner.set(x, (inner.get(x) ?? 0) + up * f * (gs[slot] ?? 0)));
  }
  const pass = RUN.events.find(p => p.kind === "node" && p.node === out.id && p.round === e.round), local = inner.get(e.operand);
  return pass && near(pass.upstream * local, e.contribution, 1e-9) ? {...e, z: out, node: out.id, upstream: pass.upstream, local, formula: "", box: true} : e;
}

/* What stands in memory after the event at `last`. */
function stateAt(events, last) {
  const s = {computed: new Set(), visited: new Set(), calls: [], topo: [], grad: new Map(), edges: new Map(), bad: new Set(), rested: new Set(), paths: new Map()};
  for (const e of events.slice(0, last + 1)) {
    if (e.chapter === FORWARD) s.computed.add(e.node);
    if (e.kind === "enter" || e.kind === "call") s.visited.add(e.node);
    if (e.depth !== undefined) s.calls.splice(e.depth, Infinity, ...e.kind === "append" || e.kind === "skip" ? [] : [e.z]);
    if (e.kind === "append") s.topo.push(e.node);
    if (e.kind === "zero") for (const n of NODES) s.grad.set(n.id, 0);
    if (e.kind === "seed") s.grad.set(e.node, e.after);
    if (e.kind === "again") { s.rested.clear(); s.edges.clear(); }
    if (e.chapter === BACKWARD && !isShare(e)) s.rested.add(e.node);
    if (!isShare(e)) continue;
    s.grad.set(e.operand, e.after);
    s.edges.set(e.key, e);
    if (e.early || e.again) s.bad.add(e.key);
    for (const lost of e.lost) s.bad.add(lost);
    s.paths.set(e.operand, [...s.paths.get(e.operand) ?? [], e]);
  }
  return s;
}

/* One sentence for a step: those of words.py, the page's own where there is one. */
function sentence(e, secret) {
  const {z, x} = e, words = {z: z.name, x: x?.name, root: ROOT.name, seed: short(SEED)};
  if (secret) return `${z.name} sends a share to ${x.name}. What will ${x.name}.grad be?`;
  if (e.kind === "operation" && folded(z)) return fill(DATA.said.neuron, {...words, value: short(e.value)});
  if (e.kind === "operation")
    return `${z.name} = ${inWords(z)} = ${trimmed(formula(z, i => factor(DATA_NOW.get(i))), 80)} ${equals(approximate(z), e.value)} ${short(e.value)}`;
  if (isShare(e) && e.kind !== "closure") return fill(DATA.said.share, {...words, product: times(e.upstream, e.local, e.contribution)});
  if (z.cut || z.part && e.kind === "gradient" || seedTimes() && ["seed", "gradient"].includes(e.kind)) return e.text;
  if (e.kind === "gradient") return jumps(e) ? e.text : effect(e);
  const said = DATA.said[e.kind];
  return said ? fill(said, {...words, value: short(e.value), upstream: short(e.upstream)}) : e.text;
}
const inWords = n => trimmed(formula(n), 80);
/* The value from operands as they are written */
const approximate = n => compute(n, n.operands.map(i => value(short(DATA_NOW.get(i))))) ?? NaN;

/* Is it at a corner or a jump, where a move up and one down are two things? */
const jumps = ({z, gradient}) => !BY_HAND && isFinite(gradient) && NODES.length <= 400 && ["corner", "edge"].includes(quotient(z, gradient).trust);
function effect({z, gradient}) {
  const rate = near(Math.abs(gradient), 1, 1e-9) ? "just as much" : `${short(Math.abs(gradient))} times as much`;
  const words = {z: z.name, root: ROOT.name, way: gradient > 0 ? "up" : "down", rate};
  return fill(DATA.said[gradient === 0 ? "flat" : isFinite(gradient) ? "effect" : "infinite"], words);
}

/* A line of the list: what happens, and the number that comes of it. */
function row(e) {
  const z = e.z.name, leaf = e.z.cut ? "…" : "is a leaf", text = {
    leaf: () => [`${z} ${leaf}`, short(e.value)], operation: () => [folded(e.z) ? `${z}: a neuron` : `${z} = ${inWords(e.z)}`, short(e.value)], stale: () => [`${z}, not ${short(e.expected)}`, short(e.value)],
    opaque: () => [`${z} = ${inWords(e.z)}`, short(e.value)], children: () => [`${z} ← ${distinct(e.z.operands).map(name).join(", ")}`], "no-children": () => [`${z} ${leaf}`],
    enter: () => [`visit ${z}`], skip: () => [`skip ${z}: seen`], append: () => [`add ${z} to topo`], order: () => ["reversed(topo)"], zero: () => ["all gradients to 0"], seed: () => [`${z}.grad`, short(SEED)],
    node: () => [`${z} passes on`], "leaf-node": () => [`${z} ${leaf}`], unreached: () => [`${z}: no gradient came`], "not-taken": () => [`${z}: not taken`], call: () => [`call backward(${z})`], again: () => ["backward() again"],
    gradient: () => [`${z}.grad`, short(e.gradient)], wrong: () => [`${z}.grad`, short(e.gradient)],
  }[e.kind]?.();
  return text ?? [`${z} → ${e.x.name}`, engine === "overwrite" ? `= ${short(e.after)}` : sum(e.before, e.contribution, e.after)];
}
