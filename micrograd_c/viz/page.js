/* The panes, which show where the steps of engines.js stand, and what moves through them. */

let DATA_NOW, RUN, RIGHT, engine = "right", at = 0, timer = 0, edited = false, predicting = false;

/* An element of a class, or with several properties; what is `now` is told to those who do not see it too. */
const element = (tag, of, ...inside) => {
  const out = Object.assign(document.createElement(tag), typeof of === "string" ? {className: of} : of);
  if (of === "now") out.ariaCurrent = "true";
  out.append(...inside);
  return out;
};
const quiet = text => element("p", "quiet", text);

const BOX = new Map([...$("graph").querySelectorAll("g[data-i]")].map(g =>
  [+g.dataset.i, {g, data: g.querySelector(".mgc-d"), grad: g.querySelector(".mgc-g"), title: g.querySelector("title")}]));
const LINES = $("graph").querySelectorAll("path[data-e]");

/* What stands in memory after the events so far. */
function stateAfter(past) {
  const grad = new Map(), stack = [], nodes = (...kinds) => past.filter(e => kinds.includes(e.kind)).map(e => e.node);
  for (const e of past) {
    if (e.kind === "zero") for (const n of NODES) grad.set(n.id, 0);
    if (e.after !== undefined) grad.set(e.operand ?? e.node, e.after);
    if (e.depth !== undefined) stack.splice(e.depth, Infinity, ...e.kind === "append" || e.kind === "skip" ? [] : [e.node]);
  }
  return {grad, stack, visited: distinct(nodes("enter", "call")), topo: nodes("append")};
}

const hidden = e => predicting && e.phase >= 6;
const spoken = e => !hidden(e) ? e.text : e.kind === "node" ? `${name(e.node)} passes its gradient on` : e.text.replace(/=.*/, "= …");

function show(step, from) {
  at = Math.max(0, Math.min(RUN.events.length - 1, step));
  const past = RUN.events.slice(0, at + 1), e = past[at], state = stateAfter(past);
  $("at").textContent = at + 1;
  $("scrub").value = at;
  $("scrub").ariaValueText = `${at + 1}: ${spoken(e)}`;
  $("now").textContent = spoken(e);
  $("link").href = `#step-${at + 1}`;
  $("first").disabled = $("back").disabled = at === 0;
  $("next").disabled = $("last").disabled = at === RUN.events.length - 1;
  if (from !== "hash") try { history.replaceState(null, "", `#step-${at + 1}`); } catch { /* a frame without an address */ }
  showGraph(e, state, past);
  showStack(e, state);
  showCode(e);
  $("chain").replaceChildren(...chain(e, past));
  showSteps(from);
}

function write(part, text) { if (part.textContent !== text) part.textContent = text; }

function showGraph(e, state, past) {
  const computed = new Set(past.map(e => e.node));
  const lit = e.operand !== undefined ? `${e.operand} ${e.node} ${e.slot}` : "";
  for (const path of LINES) path.classList.toggle("lit", path.dataset.e === lit);
  for (const n of NODES) {
    const box = BOX.get(n.id);
    if (!box) continue;
    const data = e.phase > 1 || computed.has(n.id) ? `data ${number(DATA_NOW.get(n.id), 6)}` : "data …";
    const gradient = state.grad.get(n.id), none = gradient === undefined;
    const wrong = !none && e.phase === 7 && engine !== "right" && !predicting && !near(gradient, RIGHT.grad.get(n.id), 1e-9);
    const grad = none ? "grad not computed" : predicting ? "grad ?" : `grad ${wrong ? `${number(gradient, 4)} ✗` : number(gradient, 6)}`;
    write(box.data, data);
    write(box.grad, grad);
    write(box.title, `${n.label || n.name} (${n.role}${n.operands.length ? `, ${n.op}` : ""}): ${data}, ${grad}`);
    box.grad.classList.toggle("mgc-m", none);
    box.g.classList.toggle("now", n.id === e.node);
    box.g.classList.toggle("target", n.id === e.operand);
    box.g.classList.toggle("visited", e.phase === 3 && state.visited.includes(n.id) && n.id !== e.node);
    box.g.classList.toggle("wrong", wrong);
  }
  const box = BOX.get(e.operand !== undefined ? e.operand : e.node), frame = $("graph");
  if (box && (frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight)) {
    const b = box.g.getBoundingClientRect(), f = frame.getBoundingClientRect();
    if (b.left < f.left || b.right > f.right) frame.scrollLeft += b.left - f.left - (f.width - b.width) / 2;
    if (b.top < f.top || b.bottom > f.bottom) frame.scrollTop += b.top - f.top - (f.height - b.height) / 2;
  }
}

/* A titled row of texts, `now` lit; of many those around it, else the last ones. */
function chips(title, texts, now, empty) {
  const most = 10, last = texts.length - most, first = Math.max(0, texts.includes(now) ? Math.min(texts.lastIndexOf(now) - most / 2, last) : last);
  const items = texts.slice(first, first + most).map(text => element("li", text === now ? "now" : "", text));
  return element("div", "chips", element("h3", "", title), items.length ? element("ol", "", ...items) : quiet(empty),
    last > 0 ? quiet(`${first + 1} to ${first + most} of ${texts.length}`) : "");
}

function showStack(e, state) {
  const z = name(e.node), call = i => `${engine === "depth" ? "backward" : "build_topo"}(${name(i)})`;
  const visiting = e.phase === 3 || engine === "depth" && e.phase === 6;
  const open = visiting ? [...state.stack, ...e.kind === "skip" || e.kind === "append" ? [e.node] : []].map(call)
    : e.phase === 6 && e.kind !== "leaf-node" ? [`${z}._backward()`] : [];
  const topo = state.topo.map(name), depth = engine === "depth";
  $("stack").replaceChildren(
    chips("Call stack", e.phase < 3 ? [] : ["backward()", ...open], visiting ? call(e.node) : `${z}._backward()`, "backward() has not been called yet"),
    chips("visited", state.visited.map(name), e.phase === 3 ? z : "", "empty"),
    e.phase < 4 || depth ? chips("topo", topo, e.kind === "append" ? z : "", depth ? "there is none" : "empty")
      : chips("reversed(topo)", topo.reverse(), e.phase > 4 ? z : ""));
}

function showCode(e) {
  const n = NODE.get(e.node), sign = engine === "overwrite" ? "=" : "+=", current = DATA.phrases[e.kind][1];
  const now = n.operands.length ? formula(n) : `Value(${number(DATA_NOW.get(n.id))})`;
  const update = e.operand === undefined || e.kind === "closure" ? `operand.grad ${sign} d v / d operand * v.grad`
    : `${name(e.operand)}.grad ${sign} ${e.formula} * ${n.name}.grad`;
  const code = DATA.code[engine === "depth" && !REUSED ? "returning" : engine] || DATA.code.right;
  $("code").replaceChildren(element("ol", "code", ...code.split("\n").map(coded => {
    const [key, text] = coded.split("|");
    const line = fill(text, {formula: `${n.name} = ${now}`, update, seed: SEED});
    return element("li", key && key === current ? "now" : "", line || "\u00a0");
  })));
}

/* The chain rule at a step: the equation with its parts, and what it says. */
function chain(e, past) {
  if (hidden(e)) return [quiet("Hidden until you reveal your predictions.")];
  if (e.kind === "closure" || e.phase === 7) return [element("p", "big", e.text)];
  if (e.operand === undefined)
    return [quiet(e.phase < 5 ? "x.grad += z.grad * dz/dx, for each operand x of each value z. It is not there yet."
      : e.phase === 6 ? `${e.text}.` : `d${ROOT.name}/d${ROOT.name} = 1: that is where the chain begins.`)];
  const n = NODE.get(e.node), z = n.name, x = name(e.operand), add = engine !== "overwrite", local = number(e.local);
  const count = past.filter(p => p.operand === e.operand).length, many = count > 1;
  const part = (sign, className, caption, text) =>
    element("span", "", sign, element("span", className, element("small", "", caption), element("b", "", text)));
  return [
    element("p", "big", `${x}.grad ${add ? "+=" : "="} ${z}.grad * d${z}/d${x}`),
    element("p", "equation", ...add ? [part("", "grad", "so far", number(e.before))] : [], part(add ? "+" : "", "grad", `${z}.grad`, fill("{(upstream)}", e)),
      part("×", "local", `d${z}/d${x}`, fill("{(local)}", e)), part("=", "grad after", `${x}.grad`, number(e.after))),
    quiet(`d${z}/d${x} = ${n.given ? `${local}, given with ${z}` : `${e.formula === local ? local : `${e.formula} = ${local}`}, since ${z} = ${formula(n)}`}`),
    element("p", "sum", add ? `${x}.grad = ${fill("{before} + {(contribution)} = {after}", e)}${many ? `, share ${count} of ${RUN.counts.get(e.operand)} that arrive at ${x}` : ""}`
      : many ? `${x}.grad was ${number(e.before)}; it is overwritten and is ${number(e.after)} now.` : `${x}.grad is ${number(e.after)} now.`),
  ];
}

/* ---- the list of steps: scrolling it moves through them ---- */

let ITEMS = [], quietUntil = 0;

function listSteps() {
  let phase = 0, ol;
  $("steps").replaceChildren();
  ITEMS = RUN.events.map((e, i) => {
    if (e.phase !== phase) {
      phase = e.phase;
      const [number, title, about] = DATA.phases[phase - 1];
      ol = element("ol", {start: i + 1});
      $("steps").append(element("h3", "", `${number}. ${title}`), quiet(about), ol);
    }
    const onclick = event => { event.preventDefault(); go(i); };
    const li = element("li", e.operand === undefined ? "" : "share", element("a", {href: `#step-${i + 1}`, tabIndex: -1, onclick}, spoken(e)));
    if (e.depth) li.style.paddingInlineStart = `${Math.min(e.depth, 12) * 0.8}em`;
    ol.append(li);
    return li;
  });
  $("scrub").max = ITEMS.length - 1;
  $("of").textContent = ITEMS.length;
}

function showSteps(from) {
  const frame = $("steps"), old = frame.querySelector("li.now"), li = ITEMS[at], most = frame.scrollHeight - frame.clientHeight;
  if (old) { old.classList.remove("now"); Object.assign(old.firstChild, {ariaCurrent: null, tabIndex: -1}); }
  li.classList.add("now");
  Object.assign(li.firstChild, {ariaCurrent: "step", tabIndex: 0});
  if (from === "scroll") return;
  quietUntil = performance.now() + 200;
  if (most > 0) frame.scrollTop = (li.offsetTop + li.offsetHeight / 2) * most / (most + frame.clientHeight);
}

/* The current step is the one at a line that wanders from the top of the frame to its end. */
$("steps").addEventListener("scroll", () => {
  const frame = $("steps");
  if (performance.now() < quietUntil || frame.scrollHeight <= frame.clientHeight) return;
  const line = frame.scrollTop * frame.scrollHeight / (frame.scrollHeight - frame.clientHeight);
  const step = Math.max(0, ITEMS.findLastIndex(li => li.offsetTop <= line));
  if (step !== at) { play(false); show(step, "scroll"); }
}, {passive: true});

/* ---- moving ---- */

/* Play, or stop. */
function play(on = !timer) {
  const last = RUN.events.length - 1;
  clearInterval(timer);
  timer = on ? setInterval(() => at < last ? show(at + 1) : play(false), +$("speed").value) : 0;
  if (on && at === last) show(0);
  $("play").ariaLabel = on ? "Stop" : "Play";
  $("play").firstChild.textContent = on ? "■ Stop" : "▶ Play";
}

const go = (step, from) => { play(false); show(step, from); };
$("first").onclick = () => go(0);
$("back").onclick = () => go(at - 1);
$("play").onclick = () => play();
$("next").onclick = () => go(at + 1);
$("last").onclick = () => go(RUN.events.length - 1);
$("scrub").oninput = () => go(+$("scrub").value);
$("speed").onchange = () => { if (timer) play(true); };
$("link").onclick = event => {
  const link = $("link"), told = text => { link.textContent = text; };
  const copied = () => { told("Link copied"); setTimeout(told, 1500, "Link to this step"); };
  event.preventDefault();
  if (navigator.clipboard) navigator.clipboard.writeText(location.href.split("#")[0] + link.hash).then(copied, () => {}); else location.hash = link.hash;
};

const KEYS = {ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", " ": "play"};
document.addEventListener("keydown", event => {
  const button = $(KEYS[event.key]), own = `input, select${event.key === " " ? ", button, a" : ""}`;
  if (!button || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(own)) return;
  event.preventDefault();
  button.click();
});

const linked = () => (/^#step-(\d+)$/.exec(location.hash)?.[1] ?? at + 1) - 1;
addEventListener("hashchange", () => go(linked(), "hash"));

/* ---- the wrong engines ---- */

/* Why a wrong engine goes wrong on this graph, at the nodes `wrong`. */
function why(wrong) {
  if (engine === "overwrite") {
    const shared = NODES.filter(n => RIGHT.counts.get(n.id) > 1), n = shared.find(n => wrong.includes(n)) || shared[0];
    return n ? `${n.name} is used ${RIGHT.counts.get(n.id)} times, so as many shares arrive at it. With = the last one replaces the others; only += adds up the shares of all paths.`
      : "Every value is used once here, and = and += do the same. Use one of them twice, as in b + b, and = loses a share.";
  }
  if (engine === "twice") {
    const n = wrong.find(n => !n.operands.length) || wrong[0], twice = n && near(RUN.grad.get(n.id) / RIGHT.grad.get(n.id), 2, 1e-9);
    const told = !n ? "" : twice ? `${n.name}.grad is twice what it should be. ` : `${n.name}.grad is not even twice what it should be: the values in between kept their gradients too, and passed those on again. `;
    return `Nobody set the gradients back to 0 between the two calls, so the second one added to what the first had left. ${told}Call zero_grad() before each backward().`;
  }
  if (REUSED) {
    const passed = RUN.events.filter(e => e.kind === "node" && e.node === REUSED.id).map(e => number(e.upstream));
    const times = predicting || passed.length > 6 ? `${passed.length} times` : `${passed.length} times: ${passed.join(", then ")}`;
    return `${REUSED.name} has several readers. Going straight down from each of them, it passed its gradient on ${times}. In reverse topological order its turn comes once, when all of its shares have arrived.`
      + (wrong.length ? "" : " Here the surplus shares are 0.")
      + (stopped ? ` It was stopped after ${MOST_STEPS} steps: every path is walked by itself, and there are very many.` : "");
  }
  const n = NODES.find(n => n.operands.length && n !== ROOT);
  return n ? `_backward() was called on the way back, operands first: ${n.name} passed its gradient on while it was still 0, since ${readers(n)[0].name}, which reads it, had its turn later. Readers must come before what they read: that is what the reversed topological order is for.`
    : "There is only one operation, so there is no order to get wrong.";
}

function verdict() {
  if (engine === "right") { $("verdict").replaceChildren(quiet("Every gradient is the sum of the shares of all paths to the result.")); return; }
  const wrong = NODES.filter(n => !near(RUN.grad.get(n.id), RIGHT.grad.get(n.id), 1e-9));
  const told = [...wrong].sort((a, b) => (a.role === "constant") - (b.role === "constant")).slice(0, 4)
    .map(n => `${n.name}.grad is ${number(RUN.grad.get(n.id))}, but should be ${number(RIGHT.grad.get(n.id))}`).join("; ");
  const summary = !wrong.length ? "On this graph it comes out right, by luck." : predicting ? "Wrong. The numbers are hidden until you reveal your predictions."
    : `Wrong: ${told}${wrong.length > 4 ? `, and ${wrong.length - 4} more` : ""}.`;
  $("verdict").replaceChildren(element("p", wrong.length ? "wrong" : "", summary), element("p", "", why(wrong)));
}

$("engines").onchange = event => { engine = event.target.value; rebuild(true); };

/* Begin anew, with other data or another engine. */
function rebuild(toSeed, from) {
  edited = NODES.some(n => !Object.is(n.data, n.original));
  DATA_NOW = forward();
  RIGHT = run("right");
  RUN = engine === "right" ? RIGHT : run(engine);
  listSteps();
  verdict();
  showValues();
  go(toSeed ? RUN.events.findIndex(e => e.kind === "seed") : at, from);
}

/* ---- the table: data to change, gradients to predict ---- */

const ROWS = new Map(), field = ariaLabel => element("input", {type: "number", step: "any", ariaLabel});
for (const n of [...NODES].sort((a, b) => !!a.operands.length - !!b.operands.length)) {
  const input = field(`Data of ${n.name}`), guessed = field(`Your prediction of ${n.name}.grad`), score = element("span", "score");
  const cells = {input, guessed, score, data: element("td", ""), grad: element("td", ""), diff: element("td", "")};
  if (!n.operands.length && !BY_HAND) cells.data.append(input);
  input.value = n.data;
  input.oninput = () => {
    input.ariaInvalid = isNaN(input.valueAsNumber);
    if (isNaN(input.valueAsNumber)) return;
    n.data = input.valueAsNumber;
    rebuild();
  };
  $("values").tBodies[0].append(element("tr", "",
    element("th", {scope: "row"}, element("span", `role ${n.role}`, n.name), element("span", "quiet", ` ${n.role}`)),
    cells.data, element("td", "guess", ...n === ROOT ? [] : [guessed, score]), cells.grad, cells.diff));
  ROWS.set(n.id, cells);
}
if (BY_HAND) $("edit-note").textContent = "A value of this graph was made by hand: this page does not know how to compute it, so data stay as they are.";

function showValues() {
  for (const n of NODES) {
    const cells = ROWS.get(n.id), value = RUN.grad.get(n.id), right = RIGHT.grad.get(n.id), wrong = !near(value, right, 1e-9);
    if (!cells.input.isConnected) cells.data.textContent = number(DATA_NOW.get(n.id));
    cells.grad.textContent = predicting ? "?" : number(value) + (wrong ? ` ✗ ${number(right)} is right` : "");
    cells.grad.className = wrong && !predicting ? "wrong" : "";
    cells.diff.textContent = predicting ? "?" : BY_HAND || NODES.length > 120 && n.operands.length ? "–" : number(quotient(n), 6);
  }
  const known = NODES.filter(n => n.grad !== null), off = known.filter(n => !near(RIGHT.grad.get(n.id), n.grad, 1e-12));
  $("reset").disabled = !edited;
  $("check").className = off.length && !edited ? "wrong" : "";
  $("check").textContent = edited ? "The data are yours now, and so the page's own arithmetic is all there is to go by; with the original data it is compared with the engine's."
    : !known.length ? "The engine's gradients are not compared: a value was made by hand."
    : off.length ? `${off.length} of ${known.length} gradients differ from the engine's: ${list(off.map(n => n.id))}.`
    : `Checked: the page's own arithmetic gives the gradients that the engine gives, ${known.length} of ${known.length}.`;
}

$("reset").onclick = () => {
  for (const n of NODES) {
    n.data = n.original;
    Object.assign(ROWS.get(n.id).input, {value: n.data, ariaInvalid: false});
  }
  rebuild();
};

function predict(on, score) {
  predicting = on;
  $("predict").ariaPressed = on;
  $("reveal").hidden = !on;
  $("score").textContent = score;
  rebuild();
}

$("predict").onclick = () => {
  const on = !predicting;
  document.body.classList.toggle("guessed", on);
  if (on) for (const {guessed, score} of ROWS.values()) guessed.value = score.textContent = "";
  predict(on, on ? "Write down what you expect, as many as you like, and press Reveal." : "");
};

$("reveal").onclick = () => {
  const asked = NODES.filter(n => ROWS.get(n.id).guessed.value !== "");
  const right = asked.filter(n => {
    const {score, guessed} = ROWS.get(n.id), good = near(+guessed.value, RIGHT.grad.get(n.id), 5e-3);
    score.textContent = good ? "✓ right" : "✗ not quite";
    score.className = `score ${good ? "good" : "wrong"}`;
    return good;
  });
  predict(false, asked.length ? `${right.length} of ${asked.length} right.` : "Nothing was predicted; here they are.");
  $("predict").focus();
};

/* On paper: the end of the story. */
let before = 0;
addEventListener("beforeprint", () => { before = at; go(RUN.events.length - 1); });
addEventListener("afterprint", () => go(before));

/* ---- begin ---- */

const svg = $("graph").querySelector("svg");
/* The whole picture where its letters are of 7 px at least; else it scrolls. */
function fit() {
  const {width, height} = svg.viewBox.baseVal, wide = $("graph").clientWidth / width, high = 0.4 * innerHeight / height;
  svg.style.width = `${width * Math.min(1.15, [Math.min(wide, high), wide].find(scale => scale >= 0.6) || 1)}px`;
}
addEventListener("resize", () => { fit(); showSteps(); });
fit();
at = linked();
rebuild(false, "hash");
