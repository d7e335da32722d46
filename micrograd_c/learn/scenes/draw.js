/* Scales, marks, and a stage that redraws with its width. Elements are made by the head of viz/draw.js. */
const range = (n) => Array.from({ length: n }, (_, i) => i);

function linear(from, to, start, end) {
  const scale = (v) => start + ((v - from) / (to - from)) * (end - start);
  scale.invert = (p) => from + ((p - start) / (end - start)) * (to - from);
  return scale;
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const power = (exponent) => (exponent === 0 ? "1" : "10" + [...String(exponent)].map((c) => SUPERSCRIPT[c]).join(""));
/* A true minus sign, no "-0", and no more digits than a reader wants. */
function num(v, digits = 2) {
  if (!Number.isFinite(v)) return v > 0 ? "∞" : v < 0 ? "−∞" : say("number.none");
  if (Math.abs(v) >= 1e6) return scientific(v, 1);
  const words = v.toFixed(digits);
  return (Number(words) === 0 ? words.replace("-", "") : words).replace("-", "−");
}
function scientific(v, digits) {
  const exponent = Math.floor(Math.log10(Math.abs(v)) + 1e-9);
  const front = num(v / 10 ** exponent, digits);
  return Number(front) === 1 ? power(exponent) : `${front} · ${power(exponent)}`;
}
const short = (v) =>
  Math.abs(v) >= 1e6
    ? num(v)
    : num(v, 4)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "");

const line = (x1, y1, x2, y2, kind) => svg("line", { x1, y1, x2, y2, class: kind });
const text = (x, y, words, kind = "", anchor = "start") => svg("text", { x, y, class: kind, "text-anchor": anchor }, words);
const dot = (cx, cy, r, kind) => svg("circle", { cx, cy, r, class: kind });
const polyline = (points, kind) =>
  svg("path", { d: points.length ? "M" + points.map((p) => p.map((v) => v.toFixed(1)).join(",")).join("L") : "", class: kind });

function arrow(x1, y1, x2, y2, kind, color = "var(--grad)") {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const length = Math.hypot(x2 - x1, y2 - y1);
  const head = Math.min(14, length);
  const corner = (turn) => `${x2 - head * Math.cos(angle + turn)},${y2 - head * Math.sin(angle + turn)}`;
  return svg(
    "g",
    {},
    line(x1, y1, x2 - head * 0.8 * Math.cos(angle), y2 - head * 0.8 * Math.sin(angle), kind),
    svg("path", { d: `M${x2},${y2}L${corner(0.42)}L${corner(-0.42)}Z`, style: `fill:${color}` }),
  );
}
/* A number on a small plate, readable on any ground. */
function pill({ x, y }, words, kind = "grad") {
  const width = 22 + 7 * words.length;
  return svg(
    "g",
    { class: `pill on-${kind}` },
    svg("rect", { x: x - width / 2, y: y - 13, width, height: 26, rx: 13 }),
    text(x, y + 5, words, kind, "middle"),
  );
}
const fraction = (top, bottom) => el("span", { class: "frac" }, el("span", {}, top), el("span", {}, bottom));

/* Units of a network in columns, and the wire of a weight: dashed below 0, thick where it is large. */
const unitPlaces = (sizes, gapX, gapY) =>
  sizes.map((count, l) => range(count).map((n) => ({ x: l * gapX, y: (n - (count - 1) / 2) * gapY })));
const signClass = (v, plus, minus) => (v < 0 ? minus : plus);

function wire(p, q, weight, width, extra = "") {
  const bend = (q.x - p.x) / 2;
  return svg("path", {
    d: `M${p.x},${p.y}C${p.x + bend},${p.y} ${q.x - bend},${q.y} ${q.x},${q.y}`,
    class: `wire ${signClass(weight, "", "neg")} ${extra}`,
    "stroke-width": width.toFixed(2),
    "stroke-dasharray": weight < 0 && `${(3 + 1.6 * width).toFixed(1)} ${(2 + width).toFixed(1)}`,
  });
}

/* A stage keeps 1 unit = 1 pixel, so that words keep their size on a phone.
   `paint` returns the marks for the width at hand; handles live in their own layer and survive,
   and a mark with a data-key keeps the keyboard's focus when it is painted anew. */
function stage(host, { label, height, paint, least = 236 }) {
  const marks = svg("g");
  const handles = svg("g");
  const root = svg("svg", { role: "group", "aria-label": label }, marks, handles);
  host.append(root);
  const self = { root, handles, draw };
  function draw() {
    const w = Math.round(host.clientWidth);
    if (!w) return;
    const h = Math.round(Math.min(height(w), Math.max(least, innerHeight - 124))); // a phone on its side shows all of it
    root.setAttribute("viewBox", `0 0 ${w} ${h}`);
    root.style.height = `${h}px`;
    const held = marks.contains(document.activeElement) ? document.activeElement.dataset.key : "";
    marks.replaceChildren(...paint(w, h).flat(Infinity).filter(Boolean));
    if (held) marks.querySelector(`[data-key="${held}"]`)?.focus({ preventScroll: true });
  }
  new ResizeObserver(draw).observe(host);
  return self;
}
