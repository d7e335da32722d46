/* What a reader moves: handles in a picture, numbers in a text, sliders, switches; and what moves by itself. */
function pointIn(root, event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
}

/* Calls move(x, y) while a pointer is held; works the same for mouse, pen and finger. */
function draggable(node, { root, grab = () => {}, move, drop = () => {} }) {
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    node.classList.add("held");
    node.classList.remove("new");
    grab(event);
    event.preventDefault();
    node.focus?.({ preventScroll: true });
  });
  node.addEventListener("pointermove", (event) => {
    if (!node.hasPointerCapture(event.pointerId)) return;
    const point = root ? pointIn(root, event) : { x: event.clientX, y: event.clientY };
    move(point.x, point.y);
  });
  for (const end of ["pointerup", "pointercancel"])
    node.addEventListener(end, () => {
      node.classList.remove("held");
      drop();
    });
}

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
function arrowKeys(node, nudge) {
  node.addEventListener("keydown", (event) => {
    const way = KEYS[event.key];
    if (!way) return;
    event.preventDefault();
    node.classList.remove("new");
    nudge(...way.map((v) => v * (event.shiftKey ? 10 : 1)));
  });
}

function handle(stageOf, { label, min, max, move, nudge }) {
  const node = svg(
    "g",
    { class: "handle new", tabindex: 0, role: "slider", "aria-label": label, "aria-valuemin": min, "aria-valuemax": max },
    dot(0, 0, 26, "hit"),
    dot(0, 0, 16, "ring"),
    dot(0, 0, 9, "core"),
  );
  draggable(node, { root: stageOf.root, move });
  arrowKeys(node, nudge);
  stageOf.handles.append(node);
  return {
    place(x, y, value, words) {
      node.setAttribute("transform", `translate(${x.toFixed(1)},${y.toFixed(1)})`);
      node.setAttribute("aria-valuenow", value);
      node.setAttribute("aria-valuetext", words);
    },
  };
}

/* A number in running code or text that is dragged sideways, or moved with the arrow keys. */
function scrubber(label, key, step = 1, limit = 9) {
  const node = el("span", {
    class: "scrub",
    tabindex: 0,
    role: "slider",
    "aria-label": label,
    "aria-valuemin": -limit,
    "aria-valuemax": limit,
  });
  let start = 0;
  let from = 0;
  const set = (v) => store.set({ [key]: clamp(Number((Math.round(v / step) * step).toPrecision(6)), -limit, limit) });
  draggable(node, {
    grab: (event) => {
      start = event.clientX;
      from = store.get(key);
    },
    move: (x) => set(from + Math.round((x - start) / 14) * step),
  });
  arrowKeys(node, (dx, dy) => set(store.get(key) + (dx + dy) * step));
  store.watch([key], () => {
    node.textContent = short(store.get(key));
    node.setAttribute("aria-valuenow", store.get(key));
  });
  return node;
}

const button = (words, onclick, kind = "") => el("button", { type: "button", class: `button ${kind}`, onclick }, words);

function slider(label, { min, max, step, value, show, told = show, input }) {
  const out = el("output");
  const box = el("input", { type: "range", min, max, step, value, "aria-label": label, oninput: () => input(Number(box.value)) });
  const node = el("label", { class: "field" }, el("span", {}, label), box, out);
  return {
    node,
    set(v) {
      box.value = v;
      out.textContent = show(v);
      box.setAttribute("aria-valuetext", told(v));
    },
  };
}
function switchBox(label, key) {
  const box = el("input", { type: "checkbox", role: "switch", onchange: () => store.set({ [key]: box.checked ? 1 : 0 }) });
  store.watch([key], () => {
    box.checked = store.get(key) === 1;
  });
  return el("label", { class: "switch" }, box, label);
}
function segments(label, key, options) {
  const boxes = options.map((_, i) => el("input", { type: "radio", name: key, onchange: () => store.set({ [key]: i }) }));
  store.watch([key], () =>
    boxes.forEach((box, i) => {
      box.checked = store.get(key) === i;
    }),
  );
  return el(
    "span",
    { class: "segments", role: "radiogroup", "aria-label": label },
    options.map((words, i) => el("label", {}, boxes[i], el("span", {}, words))),
  );
}

/* Runs `tick` once a frame while the scene is on the screen; never in the background. */
function player(host, tick, changed) {
  let on = false;
  let seen = false;
  let frame = 0;
  const loop = () => {
    frame = 0;
    if (on && seen) {
      tick();
      frame = requestAnimationFrame(loop);
    }
  };
  const wake = () => {
    if (!frame && on && seen) frame = requestAnimationFrame(loop);
  };
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    wake();
  }).observe(host);
  return {
    get on() {
      return on;
    },
    run(value) {
      on = value;
      changed(on);
      wake();
    },
  };
}

/* Below a picture stand rows of what moves it, and in a row its buttons. */
const controls = (...items) => el("div", { class: "controls" }, items);
const buttons = (...items) => el("div", { class: "buttons" }, items);
