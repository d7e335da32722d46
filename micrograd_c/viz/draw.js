/* The drawing library of the page and of the lesson: elements, icons, fractions, pills, lines. It knows no graph. */
const $ = id => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)"); // no flight, no glide
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

/* Attributes and children; "onclick" and its like are listeners, null, undefined and false are left out of both. */
function make(node, attributes, children = []) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return node;
}
const el = (tag, attributes = {}, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const onPress = act => e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); act(); } };

/* ---- marks of the page alone; what stands above, the lesson has too ---- */
const ICONS = {
  play: "M4 2 L14 8 L4 14 Z", pause: "M3 2 h4 v12 h-4 Z M9 2 h4 v12 h-4 Z", back: "M12 2 L4 8 L12 14 Z", next: "M4 2 L12 8 L4 14 Z",
  theme: "M8 1 a7 7 0 1 0 0 14 Z M8 1 a7 7 0 0 1 0 14 v-1.6 a5.4 5.4 0 0 0 0 -10.8 Z", more: "M2 3h12v2H2Z M2 7h12v2H2Z M2 11h12v2H2Z",
  close: "M3 4.4 4.4 3 8 6.6 11.6 3 13 4.4 9.4 8 13 11.6 11.6 13 8 9.4 4.4 13 3 11.6 6.6 8Z",
};
const icon = name => svg("svg", {viewBox: "0 0 16 16", width: 16, height: 16, fill: "currentColor", "aria-hidden": "true"}, svg("path", {d: ICONS[name]}));

/* A number as a picture has room for it: 5 digits, 3 decimals under 1, a real minus. */
function short(x, digits = 5) {
  if (!isFinite(x)) return String(x).replace("NaN", "nan").replace("Infinity", "inf").replace("-", "−");
  const size = Math.abs(x);
  if (!size) return "0";
  const text = size >= 1e6 || size < 1e-4 ? x.toExponential(digits < 5 ? 0 : 1).replace("e+", "e")
    : String(+(size >= 1 ? x.toPrecision(digits) : size >= .01 ? x.toFixed(3) : x.toPrecision(2)));
  return text.replace(/-/g, "−");
}
const value = text => +text.replace(/−/g, "-").replace("inf", "Infinity").replace("nan", "NaN");
const factor = x => x < 0 ? `(${short(x)})` : short(x);
/* = where the numbers as they are written make the result as it is written, else ≈ */
const equals = (made, result) => short(made) === short(result) || !isFinite(made) ? "=" : "≈";
const times = (x, y, z) => `${short(x)} × ${factor(y)} ${equals(value(short(x)) * value(short(y)), z)} ${short(z)}`;
const plus = (x, y) => `${short(x)} ${y < 0 ? "−" : "+"} ${short(Math.abs(y))}`;
const sum = (x, y, z) => `${plus(x, y)} ${equals(value(short(x)) + value(short(y)), z)} ${short(z)}`;
const trimmed = (text, most) => [...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text;

/* ∂top/∂bottom as text of the page, and as a label of a picture with its value, centred on (0, 0) */
const fraction = (top, bottom) => el("span", {class: "frac", role: "math", "aria-label": `d ${top} by d ${bottom}`},
  el("span", {"aria-hidden": "true"}, `∂${trimmed(top, 12)}`), el("span", {"aria-hidden": "true"}, `∂${trimmed(bottom, 12)}`));

/* How wide a text of the graph is in the reader's own font, as the sum of its letters; "local eq" is .eq in .local. */
const WIDTHS = new Map();
function textWidth(text, classes) {
  const [outer, inner] = classes.split(" "), letter = char => {
    const node = svg("text", {class: inner}, char === " " ? "\u00a0" : char), probe = svg("g", {class: outer}, node);
    $("graph").append(probe);
    const wide = node.getComputedTextLength();
    probe.remove();
    return wide;
  };
  return [...text].reduce((sum, char) => {
    const key = `${classes}|${char}`;
    if (!WIDTHS.has(key)) WIDTHS.set(key, letter(char));
    return sum + WIDTHS.get(key);
  }, 0);
}

function fractionLabel(top, bottom, number) {
  const [over, under] = [top, bottom].map(text => `∂${trimmed(text, 10)}`), equal = `= ${number}`;
  const bar = 6 + Math.max(textWidth(over, "local"), textWidth(under, "local")), w = bar + 5 + textWidth(equal, "local eq"), left = -w / 2, mid = left + bar / 2;
  return svg("g", {class: "local"},
    svg("rect", {x: left - 8, y: -19, width: w + 16, height: 38, rx: 8}),
    svg("text", {x: mid, y: -5}, over),
    svg("line", {x1: left, x2: left + bar, y1: 0, y2: 0}),
    svg("text", {x: mid, y: 13}, under),
    svg("text", {x: left + bar + 5, y: 4.5, class: "eq"}, equal));
}

/* Text in a capsule, centred on (0, 0): a gradient on its way, a sum that grew. */
function pill(name, text, height = 24) {
  const w = Math.max(height, textWidth(text, name) + 16);
  return svg("g", {class: name}, svg("rect", {x: -w / 2, y: -height / 2, width: w, height, rx: height / 2}), svg("text", {y: 4.5}, text));
}

/* The badge of an op, where the lines come in; a long word is small. */
function badge(symbol, x, y) {
  const text = trimmed(symbol, 5), size = Math.min(13, 13 * 24 / textWidth(text, "op-text"));
  return svg("g", {transform: `translate(${x},${y})`}, svg("circle", {class: "op", r: 14}), svg("text", {class: "op-text", y: size * .35, style: `font-size:${size}px`}, text));
}

/* A smooth way through points, from left to right or, turned, from top to bottom. */
function curve(points, turned) {
  let d = `M${points[0]}`;
  points.slice(1).forEach(([x, y], i) => {
    const [px, py] = points[i], mx = (px + x) / 2, my = (py + y) / 2;
    d += turned ? `C${px},${my} ${x},${my} ${x},${y}` : `C${mx},${py} ${mx},${y} ${x},${y}`;
  });
  return d;
}
const arrowhead = (x, y, turned) => turned ? `M${x - 4.5},${y - 9} l4.5,9 l4.5,-9 z` : `M${x - 9},${y - 4.5} l9,4.5 l-9,4.5 z`;
