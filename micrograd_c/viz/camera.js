/* The window on the picture: fit, follow, zoom, pan, and a map of the whole. */

/* Under READABLE, less on a phone, the camera follows; under SMALLEST an open box is not shown whole. */
const READABLE = .6, SMALLEST = .5;
/* Is the page laid out for a phone? page.css says when. */
const narrow = () => getComputedStyle(document.documentElement).getPropertyValue("--sheet").trim() === "1";
const askWidth = () => narrow() ? 230 : 290; // of an input on the graph, and of what is said of it
const union = (a, b) => {
  const x = Math.min(a.x, b.x), y = Math.min(a.y, b.y);
  return {x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y};
};

class Camera {
  constructor(pane, layer) {
    Object.assign(this, {pane, layer, view: {x: 0, y: 0, k: 1}, free: false, pointers: new Map()});
    requestAnimationFrame(() => requestAnimationFrame(() => { this.placed = true; })); // nothing glides as the page opens
    pane.addEventListener("wheel", e => { e.preventDefault(); this.zoom(Math.exp(-e.deltaY * .0016), e); }, {passive: false});
    pane.addEventListener("pointerdown", e => this.#down(e));
    pane.addEventListener("pointermove", e => this.#move(e));
    for (const end of ["pointerup", "pointercancel"]) pane.addEventListener(end, e => { this.pointers.delete(e.pointerId); pane.classList.remove("dragging"); });
  }

  setWorld({width, height, frames}) {
    this.world = {x: -34, y: -36, w: width + 54, h: height + 74};
    this.frames = frames;
    this.free = false;
    this.fit();
  }

  get size() { return {w: this.pane.clientWidth || 1, h: this.pane.clientHeight || 1}; }
  scaleFor(box, most) { return Math.min(this.size.w / box.w, this.size.h / box.h, most); }

  centre(box, k, glide = true) {
    const {w, h} = this.size;
    this.#apply({k, x: w / 2 - (box.x + box.w / 2) * k, y: h / 2 - (box.y + box.h / 2) * k}, glide);
  }
  fit(glide) { this.centre(this.world, this.scaleFor(this.world, 1.7), glide); }

  /* Show all while it can be read; else go where something happens. What is lit is always in view. */
  follow(box) {
    const whole = this.scaleFor(this.world, 1.7);
    if (this.free || whole >= (narrow() ? SMALLEST : READABLE)) { this.reveal(box, this.view.k); return; }
    const scene = this.frames.length && union(this.frames[0], box);
    if (scene && this.scaleFor(scene, 1) >= SMALLEST) this.centre(scene, this.scaleFor(scene, 1) * .98);
    else this.reveal(box, this.scaleFor(box, .85));
  }

  reveal(box, k = this.view.k) {
    const {w, h} = this.size;
    k = Math.min(k, this.scaleFor(box, 9));
    const keep = k === this.view.k, inside = (at, from, long, pane) => long * k < pane ? pane / 2 - (from + long / 2) * k : clamp(at, pane - (from + long) * k, -from * k);
    const x = keep ? this.view.x : inside(w / 2 - (box.x + box.w / 2) * k, this.world.x, this.world.w, w);
    const y = keep ? this.view.y : inside(h / 2 - (box.y + box.h / 2) * k, this.world.y, this.world.h, h);
    this.#apply({k, x: clamp(x, -box.x * k, w - (box.x + box.w) * k), y: clamp(y, -box.y * k, h - (box.y + box.h) * k)}, true);
  }

  zoom(by, at) {
    const {left, top} = this.pane.getBoundingClientRect(), {w, h} = this.size;
    const px = at ? at.clientX - left : w / 2, py = at ? at.clientY - top : h / 2, {x, y, k} = this.view;
    const next = clamp(k * by, .12, 4), ratio = next / k;
    this.free = true;
    this.#apply({k: next, x: px - (px - x) * ratio, y: py - (py - y) * ratio}, !at);
  }

  #down(e) {
    if (e.target.closest("button, input, .edit, .fold, .local.lit")) return;
    this.pane.setPointerCapture(e.pointerId);
    this.pointers.set(e.pointerId, e);
    this.pane.classList.add("dragging");
  }

  #move(e) {
    const last = this.pointers.get(e.pointerId);
    if (!last) return;
    const other = [...this.pointers.values()].find(p => p.pointerId !== e.pointerId);
    this.pointers.set(e.pointerId, e);
    if (other) { const far = p => Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY); this.zoom(far(e) / far(last), other); return; }
    this.free = true;
    this.#apply({...this.view, x: this.view.x + e.clientX - last.clientX, y: this.view.y + e.clientY - last.clientY}, false);
  }

  #apply(view, glide) {
    this.view = view;
    this.layer.classList.toggle("glide", Boolean(glide && this.placed));
    this.layer.style.transform = `translate(${view.x}px,${view.y}px) scale(${view.k})`;
    this.showMap();
  }

  /* `busy` is what the map must not hide: boxes, and what is lit, as rectangles of the picture. */
  drawMap(nodes, e, busy) {
    const {x, y, w, h} = this.world, hot = new Set([e.node, e.operand]);
    this.window = svg("rect", {class: "window"});
    this.busy = busy;
    $("map").setAttribute("viewBox", `${x} ${y} ${w} ${h}`);
    $("map").replaceChildren(...[...nodes].map(([id, n]) => svg("rect", {x: n.x, y: n.y, width: n.w, height: n.h, class: hot.has(id) ? "hot" : null})), this.window);
    this.showMap();
  }

  /* Where it hides nothing: where it stood, in a corner, or somewhere along the edge; smaller where there is no such place. */
  #roomForMap() {
    const {x, y, k} = this.view, {w, h} = this.size, busy = this.busy.map(b => ({left: b.x * k + x, top: b.y * k + y, right: (b.x + b.w) * k + x, foot: (b.y + b.h) * k + y})), ask = document.querySelector("#pane > .ask");
    if (ask) busy.push({left: ask.offsetLeft, top: ask.offsetTop, right: ask.offsetLeft + askWidth(), foot: ask.offsetTop + 96}); // with room for what is said
    const free = ({left, top, wide, high}) => busy.every(b => b.left >= left + wide || b.right <= left || b.top >= top + high || b.foot <= top);
    const sizes = narrow() ? [[92, 56], [68, 40]] : [[150, 84], [92, 56]];
    return sizes.flatMap(([wide, high]) => {
      const steps = end => [end, 8, ...Array.from({length: Math.max(0, Math.floor(end / 20) - 1)}, (_, i) => end - 20 * (i + 1))];
      const [xs, ys] = [steps(w - wide - 8), steps(h - high - 8)], edge = i => i < 2;
      const places = ys.flatMap((top, i) => xs.map((left, j) => ({left, top, wide, high, corner: edge(i) && edge(j), edge: edge(i) || edge(j)}))).filter(p => p.edge);
      const last = this.place?.wide === wide && this.place.left + wide < w && this.place.top + high < h ? [this.place] : [];
      return [...last, ...places.filter(p => p.corner), ...places.filter(p => !p.corner)];
    }).find(free);
  }

  /* The map shows only what is not in view anyway. */
  showMap() {
    if (!this.window) return;
    const {x, y, k} = this.view, {w, h} = this.size, wanted = h >= 200 && k >= this.scaleFor(this.world, 1.7) * 1.12;
    this.place = wanted ? this.#roomForMap() : undefined;
    $("map").toggleAttribute("hidden", !this.place);
    if (this.place) $("map").style.cssText = `left:${this.place.left}px;top:${this.place.top}px;width:${this.place.wide}px;height:${this.place.high}px`;
    make(this.window, {x: -x / k, y: -y / k, width: w / k, height: h / k});
  }
}
