/* One picture, three zooms; touch a neuron to open it. */
function networkScene(host) {
  const SIZES = [2, 4, 4, 1];
  const RADIUS = 38;
  let world = unitPlaces(SIZES, 340, 94);
  let camera = null;
  let frame = 0;
  const picture = el("div");
  const readout = el("p", { class: "readout" });
  const sum = el("p", { class: "sum" });
  const zoom = slider(say("network.zoom"), {
    min: 0,
    max: 2,
    step: 0.01,
    value: 0,
    show: () => "",
    told: (v) => entry("network.stops")[Math.round(v)],
    input: (v) => store.set({ zoom: v }),
  });
  const stops = entry("network.stops").map((words, i) => button(words, () => flyTo(i)));
  const input = (key, i) => el("span", {}, `x${"₁₂"[i]} = `, scrubber(say("network.input", { i: i + 1 }), key, 0.1, 3));
  const inputs = ["in1", "in2"].map(input);
  host.append(
    readout,
    picture,
    sum,
    controls(zoom.node, buttons(stops)),
    controls(inputs, segments(say("network.activation"), "bend", ["tanh", "relu"])),
    el("figcaption", {}, say("network.caption")),
  );
  const plot = stage(picture, {
    label: say("network.picture"),
    height: (w) => clamp(w * 0.52, 300, 440),
    least: 300,
    paint,
  });

  const net = () => {
    const made = new Net(SIZES, 5, { bend: ["tanh", "relu"][store.get("bend")] });
    made.forward(store.get("in1"), store.get("in2"));
    return made;
  };
  const picked = () => store.get("pick").split(".").map(Number);
  const frameOf = (units, pad) => {
    const xs = units.map((p) => p.x),
      ys = units.map((p) => p.y);
    return { x0: Math.min(...xs) - pad, x1: Math.max(...xs) + pad, y0: Math.min(...ys) - pad, y1: Math.max(...ys) + pad };
  };
  function cameraAt(z) {
    const [l, n] = picked();
    const frames = [frameOf([...world[l - 1], world[l][n]], 84), frameOf([...world[l - 1], ...world[l]], 70), frameOf(world.flat(), picture.clientWidth < 560 ? 110 : 80)];
    const i = Math.min(1, Math.floor(z));
    const t = z - i;
    return Object.fromEntries(Object.keys(frames[0]).map((side) => [side, frames[i][side] + (frames[i + 1][side] - frames[i][side]) * t]));
  }
  function flyTo(target) {
    cancelAnimationFrame(frame);
    if (still.matches) return store.set({ zoom: target });
    const move = () => {
      const gap = target - store.get("zoom");
      store.set({ zoom: Math.abs(gap) < 0.01 ? target : store.get("zoom") + gap * 0.14 });
      if (store.get("zoom") !== target) frame = requestAnimationFrame(move);
    };
    move();
  }

  function paint(w, h) {
    world = unitPlaces(SIZES, w < 560 ? 190 : 340, 94);
    const view = cameraAt(store.get("zoom"));
    const k = Math.min(w / (view.x1 - view.x0), h / (view.y1 - view.y0), 2.1);
    const centre = { x: (view.x0 + view.x1) / 2, y: (view.y0 + view.y1) / 2 };
    const place = (p) => ({ x: w / 2 + (p.x - centre.x) * k, y: h / 2 + (p.y - centre.y) * k });
    camera = { k, r: RADIUS * k, open: Math.min(80, w * 0.14), place };
    const now = net();
    return [wires(now), weightLabels(now), world.map((layer, l) => layer.map((_, n) => (l ? unit(now, l, n) : inputUnit(now, n))))];
  }
  function inFocus(l, n) {
    const z = store.get("zoom");
    const [pl, pn] = picked();
    if (z > 1.5) return true;
    return z > 0.5 ? l === pl : l === pl && n === pn;
  }
  /* The chosen neuron opens like a flower, so that its inside can be read at any distance. */
  function radiusOf(l, n) {
    if (l === 0) return camera.r * 0.62;
    const [pl, pn] = picked();
    const opened = clamp(1 - 2 * store.get("zoom"), 0, 1);
    return l === pl && n === pn ? Math.max(camera.r, camera.r + (camera.open - camera.r) * opened) : camera.r;
  }
  /* Where a unit stands on the screen; the neighbours make room for the open one. */
  function spot(l, n) {
    const p = camera.place(world[l][n]);
    const [pl, pn] = picked();
    if (l === pl) p.y += Math.sign(n - pn) * (radiusOf(pl, pn) - camera.r);
    return p;
  }
  function wires(now) {
    const marks = [];
    for (let l = 1; l < SIZES.length; l++) {
      for (let n = 0; n < SIZES[l]; n++) for (let i = 0; i < SIZES[l - 1]; i++) marks.push(oneWire(now, l, n, i));
    }
    return marks;
  }
  function ends(l, n, i) {
    const p = spot(l - 1, i);
    const q = spot(l, n);
    return [
      { x: p.x + radiusOf(l - 1, i), y: p.y },
      { x: q.x - radiusOf(l, n), y: q.y },
    ];
  }
  function oneWire(now, l, n, i) {
    const weight = now.p[now.at(l, n, i)];
    const width = (0.6 + 3.4 * Math.abs(weight)) * Math.sqrt(camera.k);
    return svg("g", { opacity: inFocus(l, n) ? 1 : 0.16 }, wire(...ends(l, n, i), weight, width));
  }
  function weightLabels(now) {
    if (store.get("zoom") > 0.5) return [];
    const [l, n] = picked();
    return range(SIZES[l - 1]).map((i) => {
      const [p, q] = ends(l, n, i);
      const weight = now.p[now.at(l, n, i)];
      return pill({ x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 }, `× ${num(weight)}`, signClass(weight, "plus", "minus"));
    });
  }
  function inputUnit(now, i) {
    const { x, y } = spot(0, i);
    const r = radiusOf(0, i);
    return svg(
      "g",
      {},
      svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, rx: 6, class: "input-box" }),
      r > 21
        ? [text(x, y - 4, `x${"₁₂"[i]}`, "", "middle"), text(x, y + 14, num(now.out[0][i], 1), "value", "middle")]
        : text(x - r - 4, y + 4, num(now.out[0][i], 1), "value", "end"),
    );
  }
  function unit(now, l, n) {
    const { x, y } = spot(l, n);
    const [pl, pn] = picked();
    const chosen = l === pl && n === pn;
    const r = radiusOf(l, n);
    const open = chosen && r > 42;
    const near = inFocus(l, n) || l < pl;
    const pick = () => {
      store.set({ pick: `${l}.${n}` });
      if (store.get("zoom") > 1.5) flyTo(0);
    };
    return svg(
      "g",
      {
        class: `unit ${chosen ? "on" : ""}`,
        tabindex: 0,
        role: "button",
        opacity: near ? 1 : 0.28,
        "data-key": `${l}.${n}`,
        "aria-label": say("network.unit", { n: n + 1, l, out: num(now.out[l][n]) }),
        onclick: pick,
        onkeydown: (event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            pick();
          }
        },
      },
      dot(x, y, r),
      open ? inside(now, l, n, x, y, r) : near && camera.r > 14 && text(x, y + 5, num(now.out[l][n], camera.r > 26 ? 2 : 1), "value", "middle"),
    );
  }
  /* Inside an open neuron: the bend as a curve, with a dot where the sum falls. */
  function inside(now, l, n, x, y, r) {
    const s = now.sum(l, n);
    const { f } = now.bendOf(l);
    const X = linear(-3, 3, x - r * 0.72, x + r * 0.72);
    const Y = linear(-1.4, 1.4, y + r * 0.46, y - r * 0.46);
    const high = (v) => Y(clamp(f(v), -1.4, 1.4));
    return [
      line(X(-3), Y(0), X(3), Y(0), "axis"),
      line(X(0), Y(-1.3), X(0), Y(1.3), "axis"),
      polyline(
        range(49).map((i) => {
          const v = -3 + i / 8;
          return [X(v), high(v)];
        }),
        "curve thin",
      ),
      line(X(clamp(s, -3, 3)), Y(0), X(clamp(s, -3, 3)), high(clamp(s, -3, 3)), "run"),
      dot(X(clamp(s, -3, 3)), high(clamp(s, -3, 3)), 6, "bead"),
      text(x, y - r * 0.56, say("network.sum", { sum: num(s) }), "strong halo", "middle"),
      text(x, y + r * 0.76, num(f(s)), "value halo", "middle"),
    ];
  }

  function tell() {
    const now = net();
    const [l, n] = picked();
    const z = Math.round(store.get("zoom"));
    const start = now.at(l, n, 0);
    const count = SIZES[l - 1];
    const bend = now.bendOf(l) === BEND.tanh ? "tanh" : "relu";
    const total = SIZES.slice(1).reduce((t, size, i) => t + size * SIZES[i], 0);
    const counted = (words) => ({ count: el("em", { class: "v" }, words) });
    const weights = counted(say("network.weights", { n: count }));
    const neurons = counted(SIZES[l] > 1 ? say("network.neurons", { n: SIZES[l] }) : say("network.one-neuron"));
    const lines = counted(say("network.lines", { n: total }));
    readout.replaceChildren(
      ...[rich("network.neuron-is", weights), rich("network.layer-is", neurons), rich("network.network-is", lines)][z],
    );
    sum.replaceChildren(
      ...range(count).map((i) =>
        el(
          "span",
          { class: "term" },
          i ? "+ " : "",
          el("span", { class: signClass(now.p[start + i], "plus-text", "neg-word") }, num(now.p[start + i])),
          ` × ${num(now.out[l - 1][i])}`,
        ),
      ),
      el(
        "span",
        { class: "term" },
        `${say("network.bias")} `,
        el("span", { class: signClass(now.p[start + count], "plus-text", "neg-word") }, num(now.p[start + count])),
      ),
      el("span", { class: "term" }, `= ${num(now.sum(l, n))}`),
      el("span", { class: "term" }, `→ ${bend} → `, el("em", { class: "v" }, num(now.out[l][n]))),
    );
  }
  store.watch(["zoom", "bend", "in1", "in2", "pick"], () => {
    zoom.set(store.get("zoom"));
    stops.forEach((stop, i) => {
      stop.classList.toggle("main", i === Math.round(store.get("zoom")));
      stop.setAttribute("aria-pressed", i === Math.round(store.get("zoom")));
    });
    tell();
    plot.draw();
  });
}
