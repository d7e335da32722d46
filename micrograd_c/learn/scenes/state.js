/* What the page was given, its sentences, and everything a reader can set, which the address keeps: #slope?x=2&h=3 */
/* The sentences stand in words.json; say() puts numbers into their slots, and rich() whatever stands on a page. */
const GIVEN = JSON.parse(document.getElementById("lesson-data").textContent);

const entry = (key) => key.split(".").reduce((table, part) => table[part], GIVEN.words);
const say = (key, slots = {}) => entry(key).replace(/\{(\w+)\}/g, (_, slot) => slots[slot]);
const rich = (key, slots) => entry(key).split(/\{(\w+)\}/).map((part, i) => (i % 2 ? slots[part] : part));

/* name: [at the start, least, most, step] */
const NUMBERS = {
  done: [0, 0, 6, 1],
  x: [3, -0.5, 4, 0.05],
  h: [0, 0, 16, 0.25],
  gx: [1, -3.5, 3.5, 0.1],
  gy: [2, -2.8, 2.8, 0.1],
  steps: [0, 0, 40, 1],
  rate: [0.1, 0.01, 1.2, 0.01],
  lines: [0, 0, 4, 1],
  a: [2, -9, 9, 1],
  b: [3, -9, 9, 1],
  zoom: [0, 0, 2, 0.01],
  bend: [0, 0, 1, 1],
  in1: [1, -3, 3, 0.1],
  in2: [-0.5, -3, 3, 0.1],
  data: [0, 0, 3, 1],
  lr: [0.5, 0.01, 4, 0.001],
  forget: [0, 0, 1, 1],
};
/* name: [at the start, what it may look like] */
const WORDS = { theme: ["", /^(light|dark)$/], pick: ["1.1", /^([12]\.[0-3]|3\.0)$/], walk: ["", /^[\w.=&,+-]*$/] };
const DEFAULTS = Object.fromEntries(Object.entries({ ...NUMBERS, ...WORDS }).map(([key, [first]]) => [key, first]));
const SECTIONS = ["slope", "gradient", "history", "backward", "network", "training"];

/* An address may be old or edited by hand: what does not fit is left out or pulled into range. */
function tidy(key, raw) {
  if (key in WORDS) return WORDS[key][1].test(raw) ? raw : undefined;
  if (!(key in NUMBERS) || raw === "" || !Number.isFinite(Number(raw))) return undefined;
  const [, least, most, step] = NUMBERS[key];
  return Number((Math.round(Math.min(most, Math.max(least, Number(raw))) / step) * step).toPrecision(6));
}
function readHash(hash) {
  const [section, query] = hash.slice(1).split("?");
  const values = {};
  for (const [key, raw] of new URLSearchParams(query ?? "")) {
    const value = tidy(key, raw);
    if (value !== undefined) values[key] = value;
  }
  return { section, values };
}

const store = (() => {
  const first = readHash(location.hash);
  const values = { ...DEFAULTS, ...first.values };
  const watchers = [];
  let section = first.section;
  let timer = 0;
  function write() {
    const changed = Object.entries(values).filter(([key, value]) => value !== DEFAULTS[key]);
    const query = new URLSearchParams(
      changed.map(([key, value]) => [key, typeof value === "number" ? Number(value.toPrecision(6)) : value]),
    );
    try {
      history.replaceState(null, "", `#${section}${changed.length ? `?${query}` : ""}`);
    } catch {
      /* a frame in a notebook has no address of its own */
    }
  }
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(write, 250);
  };
  return {
    get: (key) => values[key],
    set(patch) {
      const changed = Object.keys(patch).filter((key) => patch[key] !== values[key]);
      Object.assign(values, patch);
      watchers.filter(({ keys }) => keys.some((key) => changed.includes(key))).forEach(({ run }) => run());
      if (changed.length) later();
    },
    watch(keys, run) {
      watchers.push({ keys, run });
      run();
    },
    visit(id) {
      if (id !== section) {
        section = id;
        later();
      }
    },
  };
})();
