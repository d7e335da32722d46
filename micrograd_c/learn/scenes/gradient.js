/* A bowl seen from above, an arrow uphill, a walk downhill. */
function gradientScene(host) {
  const GRAPH = GIVEN.graphs.gradient;
  const height = ([x, y]) => forward(GRAPH, { x, y })[GRAPH.root];
  const slopes = ([x, y]) => (({ x: gx, y: gy }) => [gx, gy])(gradients(GRAPH, { x, y }));
  const SCALE = 0.25;
  const pair = (p) => `(${p.map((v) => short(Number(v.toPrecision(3)))).join(", ")})`;
  const beside = (x, y, side, words) => pill({ x: x + (side < 0 ? -1 : 1) * (24 + 3.5 * words.length), y }, words);
  const walk = () => {
    const path = [[store.get("gx"), store.get("gy")]];
    for (let i = 0; i < store.get("steps"); i++) {
      const [x, y] = path.at(-1);
      const [gx, gy] = slopes([x, y]);
      path.push([x - store.get("rate") * gx, y - store.get("rate") * gy]);
    }
    return path;
  };

  const readout = el("p", { class: "readout" });
  const map = el("div");
  const fall = el("div", { class: "mini" }, el("h3", {}, say("gradient.fall")));
  const verdict = el("p");
  const rate = slider(say("gradient.rate"), {
    min: 0.01,
    max: 1.2,
    step: 0.01,
    value: 0.1,
    show: (v) => num(v),
    input: (v) => store.set({ rate: v }),
  });
  const go = (count) => store.set({ steps: Math.min(40, store.get("steps") + count) });
  host.append(
    readout,
    el("div", { class: "cols wide-left" }, map, el("div", { class: "pair" }, fall)),
    controls(
      buttons(
        button(say("gradient.one"), () => go(1), "main"),
        button(say("gradient.ten"), () => go(10)),
        button(say("gradient.back"), () => store.set({ steps: 0 })),
      ),
      rate.node,
    ),
    el("figcaption", {}, say("gradient.caption")),
  );

  const plot = stage(map, {
    label: say("gradient.map"),
    height: (w) => clamp(w * 0.78, innerWidth > 760 ? 408 : 290, 460),
    paint: paintMap,
  });
  const setStart = (x, y) =>
    store.set({ gx: clamp(Math.round(x * 10) / 10, -3.5, 3.5), gy: clamp(Math.round(y * 10) / 10, -2.8, 2.8), steps: 0 });
  const knob = handle(plot, {
    label: say("gradient.knob"),
    min: -3.5,
    max: 3.5,
    move: (px, py) => setStart(plot.x.invert(px), plot.y.invert(py)),
    nudge: (dx, dy) => setStart(store.get("gx") + 0.1 * dx, store.get("gy") + 0.1 * dy),
  });
  const chart = stage(fall, {
    label: say("gradient.fall-label"),
    height: () => (innerWidth > 760 ? 356 : 200),
    paint: paintFall,
  });
  fall.append(verdict);

  function paintMap(w, hgt) {
    const unit = hgt / 7;
    const X = linear(0, 1, w / 2, w / 2 + unit);
    const Y = linear(0, 1, hgt / 2, hgt / 2 - unit);
    Object.assign(plot, { x: X, y: Y });
    const path = walk();
    const here = path.at(-1);
    const [gx, gy] = slopes(here);
    const tip = [here[0] + gx * SCALE, here[1] + gy * SCALE];
    const shade = (share) => `fill: color-mix(in srgb, var(--bowl) ${share}%, var(--card))`;
    const rings = [25, 20, 16, 12, 9, 6, 4, 2, 1, 0.25];
    const inside = Math.abs(here[0]) < w / unit / 2 && Math.abs(here[1]) < 3.5;
    knob.place(X(path[0][0]), Y(path[0][1]), path[0][0], say("gradient.knob-at", { x: short(path[0][0]), y: short(path[0][1]) }));
    return [
      svg("clipPath", { id: "bowl" }, svg("rect", { width: w, height: hgt, rx: 10 })),
      svg(
        "g",
        { "clip-path": "url(#bowl)" },
        svg("rect", { width: w, height: hgt, style: shade(80) }),
        rings.map((level, i) => svg("circle", { cx: X(0), cy: Y(0), r: Math.sqrt(level) * unit, style: shade(72 - i * 7.6) })),
        line(0, Y(0), w, Y(0), "axis"),
        line(X(0), 0, X(0), hgt, "axis"),
        polyline(
          path.map(([x, y]) => [clamp(X(x), -2e4, 2e4), clamp(Y(y), -2e4, 2e4)]),
          "trail",
        ),
        path.slice(0, -1).map(([x, y]) => dot(X(x), Y(y), 4.5, "bead")),
      ),
      [4, 9].map((level) => text(X(0) + 4, Y(Math.sqrt(level)) + 15, String(level), "", "start")),
      inside && dot(X(here[0]), Y(here[1]), 7, "spot now"),
      inside &&
        Math.hypot(gx, gy) * SCALE * unit > 20 && [
          line(X(here[0]), Y(here[1]), X(tip[0]), Y(here[1]), "rise"),
          line(X(tip[0]), Y(here[1]), X(tip[0]), Y(tip[1]), "rise"),
          arrow(X(here[0]), Y(here[1]), X(tip[0]), Y(tip[1]), "slope"),
          beside(X(tip[0]), Y(tip[1]), gx, pair([gx, gy])),
        ],
      !inside && pill({ x: 124, y: hgt - 26 }, say("gradient.left")),
    ];
  }

  function paintFall(w, hgt) {
    const path = walk();
    const count = Math.max(10, path.length - 1);
    const X = linear(0, count, 44, w - 12);
    const Y = linear(-3, 3, hgt - 28, 10);
    const level = (p) => Y(Math.max(-3.2, Math.log10(height(p) || 1e-9)));
    const spots = path.map((p, i) => [X(i), level(p)]);
    return [
      [-2, 0, 2].map((v) => [line(X(0), Y(v), X(count), Y(v), "axis"), text(X(0) - 8, Y(v) + 4, short(10 ** v), "", "end")]),
      [0, count / 2, count].map((v) => text(X(v), hgt - 8, String(Math.round(v)), "", "middle")),
      polyline(spots, "slope"),
      spots.map(([x, y], i) => dot(x, y, i === spots.length - 1 ? 6 : 3.5, `spot ${i === spots.length - 1 ? "now" : ""}`)),
    ];
  }

  function tell(rateNow) {
    if (!store.get("steps")) return "start";
    if (rateNow > 1) return "up";
    if (rateNow === 1) return "swing";
    if (rateNow === 0.5) return "there";
    if (rateNow > 0.5) return "jumps";
    return rateNow < 0.05 ? "creeps" : "down";
  }

  store.watch(["gx", "gy", "steps", "rate"], () => {
    const here = walk().at(-1);
    rate.set(store.get("rate"));
    readout.replaceChildren(
      ...rich("gradient.at", { place: el("em", { class: "v" }, pair(here)), arrow: el("em", { class: "g" }, pair(slopes(here))) }),
      el("small", {}, say("gradient.height", { height: short(Number(height(here).toPrecision(3))) })),
    );
    verdict.textContent = say(`gradient.${tell(store.get("rate"))}`);
    plot.draw();
    chart.draw();
  });
}
