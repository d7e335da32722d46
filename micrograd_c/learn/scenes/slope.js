/* A secant that becomes a tangent, until rounding eats it. */
function slopeScene(host) {
  const GRAPH = GIVEN.graphs.slope;
  const f = (v) => forward(GRAPH, { x: v })[GRAPH.root];
  const exact = (v) => gradients(GRAPH, { x: v }).x;
  const tried = new Set();
  const h = () => 10 ** -store.get("h");
  const rise = (step) => f(store.get("x") + step) - f(store.get("x"));
  const quotient = (exponent) => rise(10 ** -exponent) / 10 ** -exponent;
  const plain = (v) => String(Number(Number(v).toPrecision(9))).replace("-", "−");
  const size = (v) => (v === 0 || Math.abs(v) >= 0.001 ? plain(v.toPrecision(4)) : scientific(v, 2));

  const readout = el("p", { class: "readout", "aria-live": "off" });
  const big = el("div");
  const lens = el("div", { class: "mini" }, el("h3", {}, say("slope.lens")));
  const errors = el("div", { class: "mini" }, el("h3", {}, say("slope.errors")));
  const moral = el("p");
  const hSlider = slider(say("slope.h"), {
    min: 0,
    max: 16,
    step: 0.25,
    value: 0,
    show: (v) => (Number.isInteger(v) ? power(-v) : size(10 ** -v)),
    input: (v) => store.set({ h: v }),
  });
  host.append(
    readout,
    el("div", { class: "cols wide-left" }, big, el("div", { class: "pair" }, lens, errors)),
    controls(hSlider.node),
    el("figcaption", {}, say("slope.caption")),
  );

  const plot = stage(big, {
    label: say("slope.curve"),
    height: (w) => clamp(w * 0.82, innerWidth > 760 ? 424 : 300, 470),
    paint: paintCurve,
  });
  const knob = handle(plot, {
    label: say("slope.knob"),
    min: -0.5,
    max: 4,
    move: (px) => setX(plot.x.invert(px)),
    nudge: (dx, dy) => setX(store.get("x") + 0.1 * (dx + dy)),
  });
  const zoom = stage(lens, { label: say("slope.lens-label"), height: () => 176, paint: paintLens });
  const log = stage(errors, { label: say("slope.errors-label"), height: () => 164, paint: paintErrors });
  errors.append(moral);
  const setX = (v) => store.set({ x: clamp(Math.round(v * 20) / 20, -0.5, 4) });

  function paintCurve(w, hgt) {
    const X = linear(-0.9, 5.1, 8, w - 8);
    const Y = linear(-3, 22, hgt - 6, 6);
    plot.x = X;
    const x = store.get("x");
    const [dx, dy] = [h(), rise(h())];
    const m = dy / dx;
    const far = (t) => [X(t), Y(f(x) + m * (t - x))];
    knob.place(X(x), Y(f(x)), x, say("slope.knob-at", { x: short(x), y: short(f(x)) }));
    const wide = dx > 0.12;
    return [
      line(X(-0.9), Y(0), X(5.1), Y(0), "axis"),
      line(X(0), Y(-3), X(0), Y(22), "axis"),
      range(5).map((i) => text(X(i + 1), Y(0) + 18, String(i + 1), "", "middle")),
      [5, 10, 15, 20].map((v) => text(X(0) - 8, Y(v) + 4, String(v), "", "end")),
      wide && svg("path", { d: `M${X(x)},${Y(f(x))}H${X(x + dx)}V${Y(f(x) + dy)}Z`, class: "area" }),
      polyline(
        range(81).map((i) => {
          const t = -0.9 + (i / 80) * 6;
          return [X(t), Y(f(t))];
        }),
        "curve",
      ),
      polyline([far(-0.9), far(5.1)], "slope"),
      wide && [
        line(X(x), Y(f(x)), X(x + dx), Y(f(x)), "run"),
        line(X(x + dx), Y(f(x)), X(x + dx), Y(f(x) + dy), "rise"),
        text((X(x) + X(x + dx)) / 2, Y(f(x)) + 20, say("slope.h-is", { h: short(dx) }), "value halo", "middle"),
        text(X(x + dx) + 10, Y(f(x) + dy / 2) + 5, `${dy < 0 ? "" : "+"}${short(dy)}`, "grad halo"),
        dot(X(x + dx), Y(f(x) + dy), 6, "spot now"),
      ],
      text(X(4.35), Y(20.6), "x*x", "value halo", "end"),
    ];
  }

  /* Every point here goes through the machine's own numbers: below 1e-14 the curve turns into stairs. */
  function paintLens(w, hgt) {
    const x = store.get("x");
    const unit = Math.max(1, Math.abs(exact(x)));
    const X = linear(-0.35, 1.5, 0, w);
    const Y = x < 0 ? linear(-1.5 * unit, 0.5 * unit, hgt, 0) : linear(-0.4 * unit, 1.75 * unit, hgt, 0);
    const curve = range(w).map((p) => [p, Y(rise(X.invert(p) * h()) / h())]);
    const m = rise(h()) / h();
    return [
      svg("rect", { x: 0.5, y: 0.5, width: w - 1, height: hgt - 1, rx: 8, class: "axis" }),
      svg("path", { d: `M${X(0)},${Y(0)}H${X(1)}V${Y(m)}Z`, class: "area" }),
      polyline(curve, "curve"),
      line(X(0), Y(0), X(1), Y(0), "run"),
      line(X(1), Y(0), X(1), Y(m), "rise"),
      polyline(
        [
          [X(-0.35), Y(-0.35 * m)],
          [X(1.5), Y(1.5 * m)],
        ],
        "slope",
      ),
      dot(X(0), Y(0), 6, "bead"),
      dot(X(1), Y(m), 6, "spot now"),
      text(
        (X(0) + X(1)) / 2,
        Y(0) + (x < 0 ? -8 : 20),
        say("slope.h-is", { h: store.get("h") % 1 ? size(h()) : power(-store.get("h")) }),
        "value halo",
        "middle",
      ),
    ];
  }

  function paintErrors(w, hgt) {
    const X = linear(0, 16, 48, w - 20);
    const Y = linear(-10, 1, hgt - 24, 8);
    const level = (exponent) => Math.max(-10, Math.log10(Math.abs(quotient(exponent) - exact(store.get("x"))) || 1e-10));
    const spots = [...tried].sort((a, b) => a - b);
    return [
      [0, -4, -8].map((v) => [line(X(0), Y(v), X(16), Y(v), "axis"), text(X(0) - 10, Y(v) + 4, power(v), "", "end")]),
      [0, 4, 8, 12, 16].map((v) => text(X(v), hgt - 6, power(-v), "", "middle")),
      spots.map((v) => dot(X(v), Y(level(v)), v === store.get("h") ? 6 : 3.5, `spot ${v === store.get("h") ? "now" : ""}`)),
    ];
  }

  function tell() {
    const low = tried.size && Math.max(...tried) >= 12;
    moral.textContent =
      say(`slope.${tried.size < 6 ? "few" : low ? "rounding" : "smaller"}`);
  }

  store.watch(["x", "h"], () => {
    tried.add(store.get("h"));
    hSlider.set(store.get("h"));
    const slope = rise(h()) / h();
    readout.replaceChildren(
      say("slope.slope"),
      fraction(size(rise(h())), size(h())),
      "=",
      el("em", { class: "g" }, plain(slope)),
      el("small", {}, say("slope.from", { x: short(store.get("x")), end: h() >= 0.001 ? short(store.get("x") + h()) : say("slope.further") })),
    );
    tell();
    [plot, zoom, log].forEach((s) => s.draw());
  });
}
