/* The panes beside the graph: the rule with its numbers, the code, the steps, the values, the order. */

const term = (name, symbol, value) => el("div", {class: `term ${name}`},
  el("span", {class: `sym${typeof symbol === "string" ? " code" : ""}`}, symbol), el("span", {class: "num"}, value));
const join = sign => el("div", {class: "term join"}, el("span", {class: "sym"}), el("span", {class: "num"}, sign));
const note = (...words) => el("p", {class: "note"}, ...words);
const plain = (big, ...small) => el("div", {class: "plain"}, ...small.map(text => el("span", {class: "soft"}, text)), el("span", {class: "big"}, big));
const verdict = (good, text) => el("span", {class: good ? "good" : "bad"}, text);
const foot = (...words) => el("div", {class: "foot"}, note(...words), el("button", {type: "button", onclick: openWhy}, "Why?"));
const stale = () => RIGHT.events.some(e => e.kind === "stale"); // the quotient is of data computed anew
const bySeed = () => seedTimes() && ` × ${factor(SEED)}`;
const distrust = ({trust, value}) => fill(DATA.notes[trust], {root: ROOT.name, times: bySeed(), quotient: short(value)});
/* The gradient of z, as it is called: a derivative where the seed is 1 */
const upstream = (root, z) => seedTimes() ? `${trimmed(z, 12)}.grad` : fraction(root, z);
const told = (key, words = {}) => note(fill(DATA.notes[key], {root: ROOT.name, ...words}));

/* ---- the rule ---- */

const RULES = {
  leaf: e => [plain(`${e.z.name} = ${short(e.value)}`), told(e.z.cut ? "cut" : BY_HAND ? "by-hand" : e.z.part ? "part" : "leaf", {z: e.z.name})],
  operation: e => folded(e.z) ? [plain(`${e.z.name} = ${short(e.value)}`), told("folded")] : [computation(e), foot(DATA.notes.operation)],
  stale: e => [plain(`${e.z.name} = ${short(e.value)}`), note(e.text)],
  opaque: e => [plain(`${e.z.name} = ${short(e.value)}`), told("by-hand")],
  children: e => [plain(distinct(e.z.operands).length > 4 ? `${distinct(e.z.operands).length} operands` : distinct(e.z.operands).map(name).join(", "), `${e.z.name}._prev`), told(e.z.op === "hand" ? "hand" : "children", {z: e.z.name, op: e.z.op})],
  "no-children": e => [plain(e.z.cut ? "…" : "nothing", `${e.z.name}._prev`), told(e.z.cut ? "cut" : "no-children")],
  enter: e => [calls(e), told(engine === "depth" ? "depth" : "enter")],
  call: e => [calls(e), told("depth")],
  skip: e => [calls(e, e.z), told("skip", {z: e.z.name})],
  append: e => [calls(e, e.z), told("append")],
  order: () => [plain("reversed(topo)"), told("order")],
  zero: () => [plain("grad = 0"), told("zero")],
  seed: e => [el("div", {class: "equation"}, term("up", upstream(ROOT.name, ROOT.name), short(SEED))), told(seedTimes() ? "seeded" : "seed", {text: e.text})],
  again: () => [plain("grad ≠ 0"), note(DATA.engines.twice[1])],
  node: e => [el("div", {class: "equation"}, term("up", upstream(ROOT.name, e.z.name), short(e.upstream))), passNote(e)],
  "leaf-node": e => [plain(`${e.z.name}.grad`), told(e.z.cut ? "cut" : "leaf-node")],
  unreached: e => [plain(`${e.z.name}.grad`), note(e.text)],
  "not-taken": e => [plain(`${e.z.name}.grad`), note(e.text)],
  gradient: e => [resultEquation(e), resultNote(e)],
  wrong: e => [resultEquation(e), resultNote(e)],
};

function showRule(e) {
  $("rule-title").textContent = DATA.titles[e.chapter];
  $("rule-body").replaceChildren(...isShare(e) ? [shareEquation(e), foot(...shareWords(e))] : RULES[e.kind](e));
}

function computation(e) {
  const numbers = trimmed(formula(e.z, i => factor(DATA_NOW.get(i))), 44);
  return el("div", {class: "plain"}, el("span", {class: "soft"}, `${e.z.name} = ${trimmed(formula(e.z), 48)}`),
    el("span", {class: `big value${numbers.length > 16 ? " long" : ""}`}, `${numbers} ${equals(approximate(e.z), e.value)} ${short(e.value)}`));
}

function calls(e, done) {
  const list = [...state.calls, ...done ? [done] : []].filter(visible), build = engine === "depth" ? "backward" : "build";
  return el("div", {class: "plain"}, el("span", {class: "soft note"}, "Open calls"),
    el("div", {class: "calls"}, ...list.length > 5 ? [el("span", {}, "…")] : [], ...list.slice(-5).map(n => el("span", {}, `${build}(${trimmed(n.name, 10)})`))));
}

function passNote(e) {
  const right = RIGHT.grad.get(e.node), z = e.z.name;
  if (near(e.upstream, right, 1e-9)) return told(e.z.part ? "part" : DATA.outer ? "through" : "node", {z});
  return note(verdict(false, engine === "depth" ? `✕ ${z} goes too early: its gradient is not complete.` : `✕ ${z}.grad should be ${short(right)} here, not ${short(e.upstream)}.`));
}

function shareEquation(e) {
  const digits = [e.before, e.upstream, e.local ?? 0, e.after].map(x => short(x)).join("").length, all = [ROOT.name, e.z.name, e.x.name];
  const long = digits > 13 || all.join("").length + e.x.name.length > (narrow() ? 16 : 26), [root, z, x] = all.map(name => trimmed(name, long ? 8 : 10));
  const late = x => secret ? "?" : landed ? x : "…", closure = e.kind === "closure", sign = equals(value(short(e.before)) + value(short(e.upstream)) * value(short(e.local)), e.after);
  const product = closure ? [term("up", "share", late(factor(e.contribution)))] : [el("div", {class: "product", "data-share": `share ${late(short(e.contribution))}`},
    term("up", upstream(root, z), factor(e.upstream)), join("×"), term("local-term", fraction(z, x), secret ? "?" : factor(e.local)))];
  const before = engine === "overwrite" ? [] : [term("old", "so far", short(e.before)), join("+")];
  return el("div", {class: `equation${long ? " long" : ""}`, role: "math", "aria-label": `new gradient of ${e.x.name}: ${late(short(e.after))}`},
    ...before, ...product, join(secret || !landed || closure || engine === "overwrite" ? "=" : sign), term("new", `${x}.grad`, late(short(e.after))));
}

function shareWords(e) {
  const problem = e.lost.length && engine === "overwrite" ? `The old ${short(e.before)} is lost. ${DATA.engines.overwrite[1]}`
    : e.early ? `${e.z.name}.grad was still ${short(e.upstream)}. ${DATA.engines.depth[1]}` : e.again ? DATA.engines.twice[1] : "";
  if (secret) return ["Type the new number into the box with the question mark."];
  if (problem) return [verdict(false, `✕ ${problem}`)];
  if (answer) return [verdict(answer.good, answer.text)];
  if (e.kind === "closure") return [`by the _backward of ${e.z.name}`];
  const written = short(e.local), where = e.box || e.formula === number(e.local) ? "" : e.formula === "given" ? `given with ${e.z.name}` : trimmed(e.formula, 40);
  return [fraction(e.z.name, e.x.name), where ? ` = ${where} = ${written}` : ` = ${written}`];
}

function resultEquation(e) {
  const paths = state.paths.get(e.node) ?? [], some = engine === "right" && paths.length > 1 && paths.length < 4 ? paths : [];
  return el("div", {class: `equation${some.length > 2 ? " long" : ""}`},
    ...some.flatMap((p, i) => [join(i ? "+" : ""), term("old", `from ${trimmed(p.z.name, 8)}`, factor(p.contribution))]), ...some.length ? [join("=")] : [],
    term("new", e.z.part ? `${trimmed(e.z.name, 12)}.grad` : upstream(ROOT.name, e.z.name), short(e.gradient)));
}

function resultNote(e) {
  if (e.z.part) return told("part", {z: e.z.name});
  if (BY_HAND || stale() || NODES.length > 400) return told("unchecked");
  const check = quotient(e.z, e.gradient), {value, trust, agrees} = check;
  return note(trust ? distrust(check) : `Difference quotient${bySeed()}: ${short(value)} `, trust ? "" : verdict(agrees, agrees ? "✓ agrees" : `✕ this engine says ${short(e.gradient)}`));
}

/* ---- the code ---- */

/* The lines of words.py; the program and a node's _backward are written out, and those around the lit one are shown. */
function codeOf(e) {
  if (e.chapter === RESULT) return [{text: `${ROOT.name}.backward(${seedTimes() && `seed=${python(SEED)}`})`}, {text: ""}, {text: `print(${e.z.name}.grad)  # ${e.z.part ? `${number(e.gradient)} by what is shown` : python(e.gradient)}`, lit: true}];
  const current = DATA.phrases[e.kind][1], lines = [], sign = engine === "overwrite" ? "‹=›" : "+=";
  const put = (text, lit) => lines.push({text, lit});
  for (const coded of (DATA.code[engine === "depth" && !REUSED ? "returning" : engine] ?? DATA.code.right).split("\n")) {
    const [key, text] = coded.split("|"), lit = key && key === current, indent = text.match(/^ */)[0];
    if (text.includes("{formula}")) { if (e.chapter <= GRAPH) program(e, put); }
    else if (e.chapter <= GRAPH) continue;
    else if (text.includes("{update}")) updates(e, sign, indent, put);
    else put(key === "again" ? `‹${fill(text, {root: ROOT.name})}›` : fill(text, {seed: short(SEED), root: ROOT.name}), lit);
  }
  return lines;
}

function program(e, put) {
  for (const n of NODES.filter(visible)) {
    const inputs = folded(n) ? distinct(GROUPS[GROUP_OF.get(n.id)].members.flatMap(i => NODE.get(i).operands)).filter(i => visible(NODE.get(i))).map(name) : [];
    put(`${n.name} = ${folded(n) ? `neuron(${trimmed(inputs.join(", "), 30)})` : n.operands.length ? formula(n) : n.cut ? "…" : `Value(${number(DATA_NOW.get(n.id))})`}`, n === e.z);
  }
}

function updates(e, sign, indent, put) {
  const turn = e.chapter === BACKWARD && e.z.operands.length && e.kind !== "call" && !folded(e.z);
  const steps = turn ? STEPS.filter(([what, i]) => (what === "share" || what === "closure") && i === e.node) : [];
  if (!steps.length || e.z.closure) put(folded(e.z) && e.chapter === BACKWARD ? `${indent}# ${trimmed(e.z.name, 8)}, folded: one step for all` : `${indent}x.grad ${sign} dv/dx * v.grad  # each x`, isShare(e));
  else for (const [, , slot, formula] of steps) put(`${indent}${name(e.z.operands[slot])}.grad ${sign} ${formula} * ${e.z.name}.grad`, isShare(e) && slot === e.slot);
}

function showCode(e) {
  const lines = codeOf(e), at = Math.max(0, lines.findIndex(line => line.lit)), list = $("code").querySelector("ol");
  const room = Math.max(3, Math.floor(list.clientHeight / parseFloat(getComputedStyle(list).lineHeight)) || 8), from = clamp(at - Math.floor(room / 2), 0, Math.max(0, lines.length - room));
  const shown = lines.slice(from, from + room), fit = Math.floor((list.clientWidth - 20) / 7.6), starts = shown.map(({text}) => Math.max(0, text.search(/\S/)));
  const indent = shown.some(({text}) => text.length > fit) ? Math.min(...starts.filter((_, i) => shown[i].text)) : 0; // a long line begins further left
  list.replaceChildren(...shown.map(({text, lit}, i) => el("li", {class: lit ? `now${e.chapter <= GRAPH ? " fwd" : ""}` : null, "aria-current": lit ? "true" : null},
    ...text.slice(clamp(text.length - fit, Math.min(indent, starts[i]), starts[i])).split(/[‹›]/).map((part, i) => i % 2 ? el("mark", {}, part) : part || " "))));
}

/* ---- the steps, and the values ---- */

function showSteps(e) {
  $("list-title").textContent = `${CHAPTERS[e.chapter]}: steps`;
  const rows = stops.map((index, i) => ({i, e: RUN.events[index]})).filter(row => row.e.chapter === e.chapter);
  $("steps").replaceChildren(el("ol", {}, ...rows.map(stepRow)));
  const now = $("steps").querySelector("[aria-current]"), frame = $("steps");
  if (!now) return;
  const high = now.offsetHeight, wanted = Math.round((now.offsetTop - frame.clientHeight / 2) / high + .5);
  frame.scrollTop = Math.min(wanted, Math.floor((frame.scrollHeight - frame.clientHeight) / high)) * high;
}

/* No number before it is computed. */
function stepRow({i, e}) {
  const shown = asShown(e), [text, result = ""] = row(shown), hidden = i > at || i === at && !landed, bad = e.early || e.again && isShare(e) || e.lost?.length > 0 || e.kind === "wrong";
  return el("li", {}, el("button", {
    type: "button", class: [isShare(e) && "under", i > at && "future", e.chapter <= GRAPH && "fwd"].filter(Boolean).join(" "), title: hidden ? null : trimmed(e.text, 300),
    "aria-current": i === at ? "step" : null, onclick: () => go(i),
  }, el("span", {}, text), el("span", {class: `sum${bad ? " bad" : ""}`}, hidden ? "" : result)));
}

function showValues(e) {
  const head = ["Value", "Data", "Gradient", `Quotient${bySeed()}`].map(text => el("th", {scope: "col"}, text));
  const rows = NODES.filter(visible).slice(0, 400).map(n => {
    const waits = isShare(e) && !landed && e.operand === n.id, grad = waits ? e.before : state.grad.get(n.id), last = e.chapter === RESULT;
    const wrong = last && !near(grad, RIGHT.grad.get(n.id), 1e-9), check = last && !BY_HAND && !n.part && !stale() && !n.operands.length && NODES.length < 120 ? quotient(n, grad) : null;
    return el("tr", {}, el("th", {scope: "row"}, trimmed(n.name, 20)), el("td", {class: "d"}, e.chapter > FORWARD || state.computed.has(n.id) || !n.operands.length ? short(DATA_NOW.get(n.id)) : ""),
      el("td", {class: wrong ? "bad" : "g"}, grad === undefined ? "" : short(grad)), el("td", {class: check && !check.agrees && !check.trust ? "bad" : null, title: check?.trust ? distrust(check) : null},
        check ? `${short(check.value)} ${check.trust ? "?" : check.agrees ? "✓" : "✕"}` : ""));
  });
  const reset = edited ? [el("button", {type: "button", id: "reset", onclick: resetData}, "Original data")] : [];
  $("values").replaceChildren(...reset, el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)), note(checked(e)));
}

/* What the page's arithmetic and the engine's have to do with each other. */
function checked(e) {
  const known = NODES.filter(n => n.grad !== null), off = known.filter(n => !near(RIGHT.grad.get(n.id), n.grad, 1e-12));
  if (edited || !known.length) return DATA.notes[edited ? "edited" : "by-hand"];
  if (e.chapter < RESULT) return "";
  return off.length ? `${off.length} of ${known.length} gradients differ from the engine's: ${list(off.map(n => n.id))}.` : `Checked: the page gives the gradients that the engine gives, ${known.length} of ${known.length}.`;
}

/* ---- the order ---- */

function showOrder(e) {
  const depth = engine === "depth", shown = depth ? [] : shownTopo(state), word = text => el("span", {class: "word"}, text);
  const mark = i => e.chapter !== SEED_ && i === e.node ? " now" : e.chapter >= BACKWARD && state.rested.has(i) ? " done" : "";
  const around = Math.max(0, shown.indexOf(e.node) - 40), row = el("span", {class: "row"}, ...shown.slice(around, around + 80).map(i => el("span", {class: `chip${mark(i)}`}, trimmed(name(i), 12))));
  $("order").replaceChildren(word(depth ? "no topo: straight down from each value" : e.chapter < ORDER ? "topo comes in the chapter Order" : "topo ="), row, word(e.chapter === BACKWARD && !depth ? "← read" : ""));
  const now = row.querySelector(".now");
  if (now) row.scrollLeft = now.offsetLeft - row.offsetLeft - row.clientWidth / 2;
}
