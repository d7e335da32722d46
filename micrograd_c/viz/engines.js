/* Python's steps with the page's numbers: those of other data, and of engines that are wrong. */
const DATA = JSON.parse($("data").textContent);
const distinct = list => [...new Set(list)];
const real = x => typeof x === "string" ? +x.replace("inf", "Infinity") : x;
const NODES = DATA.nodes.map(([id, name, role, row, operands, data, grad, more]) => ({id, name, role, row, operands,
  data: real(data), original: real(data), grad: real(grad), formula: OPS[row]?.formula, ...more, k: real(more.k),
  symbol: {"*": "×", "-": "−", "/": "÷"}[more.op] ?? (more.op ?? "").split("(")[0]}));
const STEPS = DATA.steps.map(([what, ...more]) => [DATA.happenings[what], ...more]);
const NODE = new Map(NODES.map(n => [n.id, n])), ROOT = NODE.get(DATA.root), SEED = real(DATA.seed);
const READERS = new Map(NODES.map(n => [n.id, []]));
for (const n of NODES) for (const i of distinct(n.operands)) READERS.get(i).push(n);
const readers = n => READERS.get(n.id);
/* By what the gradients are more than derivatives of the root; dloss/de was another number with other data. */
const seedWord = () => DATA.outer && !edited ? DATA.outer : SEED === 1 ? "" : number(SEED);
const seedTimes = () => seedWord() && `${seedWord()} * `;
const BY_HAND = NODES.some(n => n.closure || n.row === "CUSTOM" || n.given);
const editable = n => !n.operands.length && !n.part && !BY_HAND;
const near = (x, y, tolerance, least = 1) => Object.is(x, y)
  || isFinite(x - y) && Math.abs(x - y) <= tolerance * Math.max(least, Math.abs(x), Math.abs(y));
const name = i => NODE.get(i).name;

/* ---- text: the rules of text.py and words.py ---- */

function number(x, digits = 8) {
  if (!isFinite(x)) return String(x).replace("NaN", "nan").replace("Infinity", "inf");
  const rounded = +x.toPrecision(digits), size = Math.abs(rounded);
  return !size || size >= 1e-4 && size < 10 ** digits ? String(rounded) : rounded.toExponential().replace("+", "");
}

const fill = (template, words) => template.replace(/\{(\(?)(\w+)\)?\}/g, (_, bracket, key) => {
  const text = typeof words[key] === "string" ? words[key] : number(words[key]);
  return bracket && text.startsWith("-") ? `(${text})` : text;
});
const formula = (n, word = name) => fill(n.formula, {...n.operands.map(i => word(i)), k: n.k});

const list = ids => (ids.length <= 12 ? [ids] : [ids.slice(0, 2), ids.slice(-8)]).map(end => end.map(name).join(", ")).join(", …, ");

/* ---- forward and the local derivatives, from the op table: the rules of rules.py ---- */

const weightedSum = (n, xs) =>
  xs.slice(0, n.pairs).reduce((sum, x, i) => sum + xs[n.pairs + i] * x, xs[2 * n.pairs] ?? 0);
const rule = n => OPS[n.row === "DOT" ? n.activation : n.row];

const evaluate = (n, data) => compute(n, n.operands.map(i => data.get(i)));
function compute(n, xs) {
  const op = rule(n);
  if (op?.step) return op.value(0, xs.reduce((y, x) => op.step(x, y), op.start), xs.length);
  if (n.row === "DOT") return Number(op.value(weightedSum(n, xs), 0, n.k));
  return op && xs.length < 3 ? Number(op.value(xs[0], xs[1], n.k)) : null;
}

/* f and, for each operand, g: d n / d operand is f * g; null where the operand gets nothing */
function localDerivatives(n, data) {
  const xs = n.operands.map(i => data.get(i)), z = data.get(n.id), p = n.pairs, op = rule(n);
  if (n.closure) return [1, xs.map(() => 1)];
  if (n.given) return [1, n.given.map(real)];
  if (op.step) return [1, xs.map(x => Number(op.local[0](x, 0, z, xs.length)))];
  if (n.row === "DOT")
    return [Number(op.local[0](weightedSum(n, xs), 0, z, n.k)), [...xs.slice(p, 2 * p), ...xs.slice(0, p), ...xs.slice(2 * p).map(() => 1)]];
  const out = op.local.map(f => f && Number(f(xs[0], xs[1], z, n.k)));
  return [1, out[0] === null ? [null, out[1] || null] : out];
}

/* The data; `changed` are those that are assigned and not computed. */
function forward(changed) {
  const data = new Map();
  for (const n of NODES)
    data.set(n.id, changed?.get(n.id) ?? (n.operands.length && (edited || changed) ? evaluate(n, data) : null) ?? n.data);
  return data;
}

/* The difference quotient, which knows nothing of the chain rule, and why it is not to be trusted where it is not. */
function quotient(n, gradient) {
  const x = DATA_NOW.get(n.id), y = DATA_NOW.get(ROOT.id), at = to => forward(new Map([[n.id, to]])).get(ROOT.id);
  const measure = h => {
    const [high, low] = [at(x + h), at(x - h)], [right, left] = [(high - y) / h, (y - low) / h];
    return {value: SEED * (high - low) / (2 * h), right, left, noise: 8 * Math.abs(SEED) * 2.2e-16 * Math.max(Math.abs(high), Math.abs(low), Math.abs(y)) / h};
  };
  const h = 1e-6 * Math.max(1, Math.abs(x)), far = measure(h), close = measure(h / 8), {value, noise} = far;
  const bends = (a, b) => Math.abs(a - b) > 1e-3 * Math.max(Math.abs(a), Math.abs(b)) + 2 * close.noise / Math.abs(SEED || 1);
  const trust = !isFinite(value) ? "edge" : noise > 1e-4 * Math.max(Math.abs(value), Math.abs(gradient)) && value !== gradient ? "rounding"
    : bends(close.right, close.left) || bends(far.value, close.value) ? "corner" : "";
  return {value, trust, agrees: !trust && near(value, gradient, 1e-4, 1e-3)};
}

/* ---- edits that Python would refuse, in its words: the rules of csrc/table.h ---- */

/* A float as Python writes it. */
function python(x) {
  if (!isFinite(x)) return number(x);
  const [digits, exponent] = x.toExponential().split("e"), size = Math.abs(+exponent);
  if (x && (+exponent < -4 || +exponent > 15)) return `${digits}e${+exponent < 0 ? "-" : "+"}${size < 10 ? "0" : ""}${size}`;
  return Number.isInteger(x) ? `${Object.is(x, -0) ? "-" : ""}${x}.0` : String(x);
}

/* A number as people type it and as Python's float takes it, or null. */
function parsed(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".").replace(/(?<=\d)_(?=\d)/g, "");
  if (/^[-+]?(nan|infinity)$/i.test(plain)) return /nan/i.test(plain) ? NaN : plain.startsWith("-") ? -Infinity : Infinity;
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? +plain : /^[-+]?inf$/i.test(plain) ? real(plain.toLowerCase()) : null;
}

/* What the engine says where it would refuse to compute z from such operands; else nothing. */
function refused(n, [x, second], z) {
  const op = OPS[n.row], y = n.k ?? second, wild = !isFinite(z) && isFinite(x);
  const why = op?.errors === "QUOTIENT" ? y === 0 && "zero" : op?.errors === "POWER" ? wild && isFinite(y) && (isNaN(z) ? "power" : x === 0 ? "zero" : "overflow")
    : op?.errors === "DOMAIN" ? !op.domain(x) && !isNaN(x) ? "domain" : wild && !isNaN(z) && "overflow" : "";
  if (!why) return "";
  const xs = op.errors === "DOMAIN" ? [x] : [x, y], sign = /^\w+$/.test(op.label) ? "" : ` ${op.label} `;
  const call = sign && xs.length === 2 ? xs.map(x => x < 0 ? `(${python(x)})` : python(x)).join(sign) : `${op.label}(${xs.map(python).join(", ")})`;
  return fill(DATA.refused[why], {call, domain: op.said});
}

/* The same for the graph with other data. */
function refusal(changed) {
  const data = forward(changed);
  for (const n of NODES) {
    const why = n.operands.length && refused(n, n.operands.map(i => data.get(i)), data.get(n.id));
    if (why) return why;
  }
  return "";
}

/* ---- the engines: one that is right and three that are not ---- */

/* Depth first goes wrong in one of two ways: from readers down, where a result in between has two readers; else the
   way of those who call _backward() on the way back. */
const REUSED = NODES.find(n => n.operands.length && readers(n).length > 1);
const MOST_STEPS = 6000;

/* The steps of an engine: Python's, or what a wrong one makes of them. */
let stopped = false;
function stepsOf(engine) {
  const steps = STEPS, [visit, order, zero, turn, end] =
    ["enter", "order", "zero", "turn", "gradient"].map(what => steps.findIndex(step => step[0] === what));
  if (engine === "twice")
    return [...steps.slice(0, end), ["again", DATA.root], ["seed", DATA.root], ...steps.slice(turn)];
  if (engine !== "depth") return steps;
  const turns = new Map(NODES.map(n => [n.id, []])), walk = [], todo = REUSED ? [[DATA.root, 0]] : [];
  for (const step of steps.slice(turn, end)) turns.get(step[1]).push(step);
  if (!REUSED) for (const step of steps.slice(visit, order)) walk.push(...step[0] === "append" ? turns.get(step[1]) : [step]);
  while (todo.length && walk.length < MOST_STEPS) {
    const [i, depth] = todo.pop();
    walk.push(...depth ? [["call", i, depth - 1]] : [], ...turns.get(i));
    for (const child of distinct(NODE.get(i).operands).reverse()) todo.push([child, depth + 1]);
  }
  stopped = todo.length > 0;
  return [...steps.slice(0, visit), ...steps.slice(zero, turn), ...walk, ...steps.slice(end)];
}

/* The events of an engine: its steps with their numbers, as Stream in events.py puts them in. */
function run(engine) {
  const events = [], grad = new Map(NODES.map(n => [n.id, 0])), counts = new Map(), topo = [], data = DATA_NOW;
  let reached, passing;
  const add = (kind, n, fields, words) => {
    let [phase, , phrase] = DATA.phrases[kind];
    if (kind === "gradient" ? n.part : n.cut) phrase = DATA.cut[kind] ?? phrase;
    if (engine === "overwrite" && phrase.includes("+=")) phrase = phrase.replace("+=", "=").split(": ")[0];
    events.push({kind, phase: engine === "depth" && phase === 3 ? 6 : phase, node: n.id, ...fields, text: fill(phrase, {z: n.name, root: ROOT.name, times: seedTimes(), ...fields, ...words})});
  };
  const arrive = (kind, n, slot, contribution, fields, known) => {
    const x = NODE.get(n.operands[slot]), before = grad.get(x.id);
    const after = engine === "overwrite" ? contribution : known === undefined || engine !== "right" ? before + contribution : known;
    grad.set(x.id, after);
    counts.set(x.id, (counts.get(x.id) || 0) + 1);
    add(kind, n, {operand: x.id, slot, before, upstream: grad.get(n.id), contribution, after, ...fields}, {x: x.name});
  };
  const happens = {
    value(n) {
      const value = data.get(n.id), expected = evaluate(n, data);
      const kind = !n.operands.length ? "leaf" : expected === null ? "opaque" : near(expected, value, 1e-9, 1e-300) ? "operation" : "stale";
      add(kind, n, {value, expected}, n.operands.length && {formula: formula(n), numbers: formula(n, i => data.get(i))});
    },
    children(n) { add(n.operands.length ? "children" : "no-children", n, {}, {xs: list(distinct(n.operands)), op: n.op}); },
    append(n, depth) {
      topo.push(n.id);
      add("append", n, {depth}, {topo: list(topo)});
    },
    order(n) { add("order", n, {}, {topo: list([...topo].reverse())}); },
    seed(n) {
      grad.set(n.id, SEED);
      reached = new Set(engine === "depth" && !REUSED ? NODE.keys() : [n.id]);
      add("seed", n, {after: SEED}, {outer: DATA.outer && !edited ? ` (${DATA.outer})` : ""});
    },
    turn(n) {
      passing = null;
      if (!n.operands.length) { add("leaf-node", n); return; }
      if (!reached.has(n.id)) { add("unreached", n); return; }
      const [f, gs] = localDerivatives(n, data), taken = distinct(n.operands.filter((_, slot) => gs[slot] !== null));
      if (!taken.length) { add("not-taken", n, {}, {xs: name(n.operands.at(-1))}); return; }
      for (const i of taken) reached.add(i);
      passing = {f, gs};
      add("node", n, {upstream: grad.get(n.id)}, {xs: list(taken)});
    },
    share(n, slot, formula) {
      if (!passing) return;
      const {f, gs} = passing, kind = engine !== "overwrite" && counts.has(n.operands[slot]) ? "more" : "first";
      arrive(kind, n, slot, grad.get(n.id) * f * gs[slot], {local: f * gs[slot], formula});
    },
    closure(n, slot, by, was, after) {
      if (passing) arrive("closure", n, slot, real(by) ? real(was) * grad.get(n.id) / real(by) : real(was), {}, real(after));
    },
    gradient(n) {
      const gradient = grad.get(n.id), right = engine === "right" ? gradient : RIGHT.grad.get(n.id);
      add(near(gradient, right, 1e-9) ? "gradient" : "wrong", n, {gradient, right});
    },
  };
  for (const [what, i, ...more] of stepsOf(engine))
    if (happens[what]) happens[what](NODE.get(i), ...more); else add(what, NODE.get(i), {depth: more[0]});
  return {events, grad, counts};
}
