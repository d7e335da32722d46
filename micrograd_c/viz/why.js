/* Why a rule is what it is: a reason, and a nudge with the reader's own numbers. */

let NUDGE = "h"; // no name of a value
while (NODES.some(n => n.name === NUDGE)) NUDGE += "′";

class WhyDrawer {
  constructor() { this.h = .5; }

  show(e) {
    const fits = n => n.operands.length && !BY_HAND && rule(n) && !(folded(n) && n.row !== "DOT") && localOf(n).some(x => x !== null);
    const node = fits(e.z) && !e.box ? e.z : NODES.findLast(n => fits(n) && visible(n));
    const key = node ? `${node.id}:${isShare(e) && e.z === node ? e.slot : localOf(node).findIndex(x => x !== null)}` : "";
    if (this.from !== key) Object.assign(this, {from: key, node, slot: +key.split(":")[1]});
    if (node) this.render(); else $("why").replaceChildren(this.head("Why?"), el("p", {class: "say"}, DATA.notes["by-hand"]));
  }

  head(text) {
    return el("header", {}, el("h2", {id: "why-title"}, text), el("button", {type: "button", id: "why-close", class: "icon", "aria-label": "Close", onclick: closeWhy}, icon("close")));
  }

  names() { return this.node.operands.map(i => trimmed(name(i), 12)); }

  render() {
    const {node, slot} = this, names = this.names(), local = localOf(node);
    const step = STEPS.find(([what, i, s]) => what === "share" && i === node.id && s === slot), written = trimmed(step?.[3] ?? "", 30);
    const picks = names.slice(0, 8).map((name, i) => local[i] === null ? null : el("button", {type: "button", "aria-pressed": String(i === slot), onclick: () => { this.slot = i; this.render(); }}, fraction(node.name, name)));
    this.picture = el("div", {class: "picture"});
    this.sums = el("div", {class: "sums", role: "status"});
    this.output = el("output");
    const slider = el("input", {type: "range", min: -1, max: 1, step: .01, value: this.h, "aria-label": `Nudge ${NUDGE}`, oninput: e => { this.h = +e.target.value; this.update(); }});
    $("why").replaceChildren(this.head(`Why is ∂${trimmed(node.name, 12)}/∂${names[slot]} = ${written}?`),
      el("div", {class: "segments pick", role: "group", "aria-label": "Operand"}, ...picks), el("p", {class: "say"}, this.reason()),
      this.picture, el("div", {class: "nudge"}, el("span", {}, `Nudge ${names[slot]} by ${NUDGE}`), slider, this.output), this.sums);
    this.update();
  }

  reason() {
    const {node, slot} = this, reasons = DATA.reasons, whole = node.row !== "POW" || node.k > 1 && Number.isInteger(node.k), said = whole && reasons[node.row] || reasons[""], names = this.names(), p = node.pairs;
    const other = node.row === "DOT" ? names[slot < p ? slot + p : slot < 2 * p ? slot - p : -1] : names[1 - slot];
    return fill(Array.isArray(said) ? said[Math.min(slot, said.length - 1)] : said, {h: NUDGE, x: names[slot], y: other ?? "1", z: node.name, k: node.k ?? node.operands.length});
  }

  update() {
    const {node, slot, h} = this, xs = node.operands.map(i => DATA_NOW.get(i)), moved = xs.map((x, i) => i === slot ? x + h : x);
    const z = DATA_NOW.get(node.id), next = compute(node, moved), slope = localOf(node)[slot], there = fill(node.formula, {...moved.map(factor), k: node.k});
    const line = (text, value, name) => [el("b", {class: name}, value), el("span", {class: "soft"}, text)];
    this.output.textContent = `${NUDGE} = ${short(h)}`;
    this.sums.replaceChildren(
      ...line(`${trimmed(node.name, 12)} really moves: ${trimmed(there, 40)} − ${factor(z)}`, short(next - z), ""),
      ...line(`derivative · ${NUDGE} = ${factor(slope)} × ${factor(h)}${near(next - z, slope * h, 1e-6) ? " (the same)" : ` (nearer for a small ${NUDGE})`}`, short(slope * h), "good"));
    this.picture.replaceChildren(this.draw(xs, moved, z, next, slope));
  }

  draw(xs, moved, z, next, slope) {
    const {node, slot, h} = this, names = this.names(), own = {ADD: sumPicture, SUB: sumPicture, MUL: areaPicture, TRUEDIV: quotientPicture}[node.row];
    if (own) return own(names, node, xs, slot, h);
    return curvePicture(x => compute(node, xs.map((v, i) => i === slot ? x : v)), xs[slot], moved[slot], z, next, slope);
  }
}

const localOf = n => { const [f, gs] = localDerivatives(n, DATA_NOW); return gs.map(g => g === null ? null : f * g); };
const picture = (...children) => svg("svg", {viewBox: "0 0 400 206", role: "img", "aria-label": "Picture of the nudge"}, ...children);
const word = (x, y, text, name = "") => svg("text", {x, y, class: `pic-text ${name}`}, text);
const rect = (x, y, width, height, name) => svg("rect", {x, y, width: Math.max(0, width), height: Math.max(0, height), class: name});

/* x * y as an area, a negative side with its length: a nudge adds a strip */
function areaPicture(names, node, [x, y], slot, h) {
  const sides = [Math.abs(x), Math.abs(y)], grow = h * Math.sign([x, y][slot] || 1), unit = [230 / (sides[0] + 1), 172 / (sides[1] + 1)].map((u, i, all) => Math.max(all[0] / all[1], all[1] / all[0]) > 8 ? u : Math.min(...all, 90));
  const w = sides[0] * unit[0], t = sides[1] * unit[1], left = 200 - w / 2, base = 180, strip = Math.abs(grow) * unit[slot], name = grow >= 0 ? "pic-more" : "pic-less";
  const extra = slot === 0 ? rect(grow >= 0 ? left + w : left + w - strip, base - t, strip, t, name) : rect(left, grow >= 0 ? base - t - strip : base - t, w, strip, name);
  const tip = slot === 0 ? [left + w + (grow >= 0 ? strip : 0) + 10, base - t / 2 + 4] : [left + w + 10, base - t - grow * unit[1] / 2 + 4];
  return picture(rect(left, base - t, w, t, "pic-base"), extra,
    word(left + w / 2, base - t / 2 + 5, short(x * y)), word(left + w / 2, 199, `${names[0]} = ${short(x)}`), word(left - 8, base - t / 2 + 4, `${names[1]} = ${short(y)}`, "end"),
    word(...tip, `${short([y, x][slot])} · ${NUDGE}`, "start local"));
}

/* x / y as the height of an area x that is y wide: more area makes it higher, a wider one lower */
function quotientPicture(names, node, [x, y], slot, h) {
  const now = [Math.abs(x), Math.abs(y)], then = [Math.abs(slot ? x : x + h), Math.abs(slot ? y + h : y)], high = ([area, wide]) => area / (wide || 1e-9);
  const wide = 220 / Math.max(now[1], then[1], 1e-9), tall = 150 / Math.max(high(now), Math.min(high(then), 4 * high(now) + 1), 1e-9), at = pair => [pair[1] * wide, Math.min(high(pair) * tall, 170)];
  const [w, t] = at(now), [w2, t2] = at(then), left = 90, base = 178;
  return picture(rect(left, base - t, w, t, "pic-base"), rect(left, base - t2, w2, t2, high(then) >= high(now) ? "pic-more over" : "pic-less"),
    word(left + w / 2, base - Math.min(t, t2) / 2 + 5, `area ${names[0]} = ${short(x)}`), word(left + w / 2, 199, `width ${names[1]} = ${short(y)}`), word(left - 8, base - t / 2, "height", "end"), word(left - 8, base - t / 2 + 22, short(x / y), "end"),
    word(left + Math.max(w, w2) + 10, base - t2 + 4, short(slot ? x / (y + h) : (x + h) / y), "start local"));
}

/* x + y, or x - y, as bars end to end */
function sumPicture(names, node, [x, second], slot, h) {
  const sign = node.row === "SUB" ? -1 : 1, y = sign * second, move = slot ? sign * h : h, end = x + y, all = [0, x, end, end + move, x + (slot ? 0 : h)];
  const low = Math.min(...all), unit = 310 / (Math.max(...all) - low || 1), spot = v => 62 + (v - low) * unit, shift = slot ? 0 : h;
  const bar = (from, to, top, name) => rect(Math.min(spot(from), spot(to)), top, Math.abs(spot(to) - spot(from)), 30, name), middle = (a, b) => clamp((spot(a) + spot(b)) / 2, 50, 350);
  const nudged = move >= 0 ? "pic-more" : "pic-less", [from, to] = slot ? [end, end + move] : [x, x + h];
  return picture(bar(0, x, 28, "pic-base"), bar(x + shift, end + shift, 70, "pic-other"), bar(0, end, 124, "pic-base"), bar(from, to, slot ? 70 : 28, nudged), bar(end, end + move, 124, nudged),
    word(middle(0, x), 48, `${names[0]} = ${short(x)}`), word(middle(x, end), 90, `${sign < 0 ? "− " : ""}${names[1]}, ${short(second)}`), word(middle(0, end), 144, `${trimmed(node.name, 10)} = ${short(end)}`),
    word(clamp(spot(end + move / 2), 60, 350), 174, `moves by ${slot && sign < 0 ? "−" : ""}${NUDGE}`, "local"), svg("line", {class: "pic-axis", x1: spot(0), x2: spot(0), y1: 18, y2: 160}));
}

function curvePicture(f, x, moved, z, next, slope) {
  const reach = clamp(Math.abs(x) * 1.3, 2, 4), points = Array.from({length: 81}, (_, i) => x - reach + i * reach / 40).map(v => [v, f(v)]).filter(([, v]) => Number.isFinite(v) && Math.abs(v - z) < 50);
  const values = [...points.map(p => p[1]), next, z].filter(Number.isFinite), low = Math.min(...values), high = Math.max(...values, low + .2);
  const px = v => 200 + (v - x) / reach * 180, py = v => 165 - (v - low) / (high - low) * 140, dot = (v, w, name) => isFinite(w) ? svg("circle", {class: `pic-dot ${name}`, cx: px(v), cy: py(w), r: 6}) : null;
  const half = Math.min(1.1, (high - low) / Math.max(Math.abs(slope), 1e-9));
  return picture(
    svg("line", {class: "pic-axis", x1: 10, x2: 390, y1: 176, y2: 176}), svg("path", {class: "pic-curve", d: points.length ? `M${points.map(([a, b]) => `${px(a)},${py(b)}`).join("L")}` : ""}),
    isFinite(slope) ? svg("line", {class: "pic-tangent", x1: px(x - half), x2: px(x + half), y1: py(z - half * slope), y2: py(z + half * slope)}) : null,
    svg("line", {class: "pic-move", x1: px(x), x2: px(moved), y1: 176, y2: 176}), word((px(x) + px(moved)) / 2, 190, NUDGE, "local"), dot(x, z, ""), dot(moved, next, "moved"));
}
