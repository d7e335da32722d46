/* Forward, backward, update, live. */
function trainingScene(host) {
  const KINDS = ["moons", "circles", "xor", "spiral"];
  const SIZES = [2, 8, 8, 1];
  const PER_FRAME = 3;
  const SPAN = 1.15;
  const LINES = [
    "loss = how_wrong(model, data)",
    "model.zero_grad()",
    "loss.backward()",
    "p.data -= rate * p.grad",
  ];
  let net,
    data,
    taken,
    held,
    chosen = 0,
    losses = [],
    before = [];

  const cloud = el("canvas", { class: "cloud", tabindex: 0, role: "slider", "aria-label": say("training.cloud"), "aria-valuemin": 1 });
  const wiring = el("div");
  const curve = el("div", { class: "mini" }, el("h3", {}, say("training.loss")));
  const meter = (i) => {
    const value = el("dd");
    return [value, el("div", {}, el("dt", {}, entry("training.meters")[i]), value)];
  };
  const [lossOut, lossBox] = meter(0);
  const [rightOut, rightBox] = meter(1);
  const [gradOut, gradBox] = meter(2);
  const code = LINES.map((words, i) => el("li", {}, el("span", {}, words), el("span", { class: "quiet" }, entry("training.notes")[i])));
  const play = button(say("training.play"), () => walk.run(!walk.on), "main");
  const rate = slider(say("training.rate"), {
    min: -2,
    max: 0.6,
    step: 0.02,
    value: 0,
    show: (v) => short(Number((10 ** v).toPrecision(2))),
    input: (v) => store.set({ lr: Number((10 ** v).toPrecision(2)) }),
  });
  const moral = el("p", { class: "verdict wrong", role: "status" });
  host.append(
    el("dl", { class: "meters" }, lossBox, rightBox, gradBox),
    el("div", { class: "cols field-first" }, cloud, el("div", { class: "pair" }, wiring, curve)),
    controls(
      buttons(play, button(say("training.step"), step), button(say("training.reset"), reset)),
      rate.node,
    ),
    controls(
      segments(say("training.data"), "data", entry("training.kinds")),
      switchBox(say("training.forget"), "forget"),
      button(say("training.open"), openGraph),
    ),
    el("div", { class: "cols loop-row" }, el("ol", { class: "listing loop", "aria-label": say("training.loop") }, code), moral),
    el("figcaption", {}, say("training.caption")),
  );
  const walk = player(cloud, tick, (on) => {
    play.textContent = say(on ? "training.stop" : "training.play");
  });
  const web = stage(wiring, { label: say("training.web"), height: (w) => clamp(w * 0.5, 150, 230), paint: paintWeb });
  const chart = stage(curve, { label: say("training.chart"), height: (w) => clamp(w * 0.42, 120, 196), paint: paintLoss });

  function reset() {
    net = new Net(SIZES, 2);
    data = points(KINDS[store.get("data")]);
    if (losses.length > 20) before = losses;
    losses = [];
    taken = 0;
    lightLine(-1);
    show();
  }
  function once() {
    if (store.get("forget") !== 1) net.zeroGrad();
    losses.push(net.loss(data, true));
    net.update(store.get("lr"));
    taken++;
  }
  function tick() {
    for (let i = 0; i < PER_FRAME; i++) once();
    show();
  }
  /* A single step is shown line by line, so that the loop can be read. */
  function step() {
    walk.run(false);
    once();
    if (still.matches) return show();
    LINES.forEach((_, i) =>
      setTimeout(() => {
        lightLine(i);
        if (i === 3) show();
      }, i * 350),
    );
    setTimeout(() => lightLine(-1), 4 * 350 + 300);
  }
  /* Points can be pulled about while the network learns; SPAN is the part of the plane in the picture. */
  function place(x, y) {
    const box = cloud.getBoundingClientRect();
    return [((2 * (x - box.left)) / box.width - 1) * SPAN, (1 - (2 * (y - box.top)) / box.height) * SPAN];
  }
  function grabPoint(event) {
    const [x, y] = place(event.clientX, event.clientY);
    const distance = (p) => Math.hypot(p[0] - x, p[1] - y);
    const nearest = data.reduce((best, p) => (distance(p) < distance(best) ? p : best));
    held = distance(nearest) < 0.12 ? nearest : null;
    if (held) chosen = data.indexOf(held);
  }
  function pullPoint(x, y) {
    if (held) put(held, place(x, y));
  }
  function put(point, spot) {
    [point[0], point[1]] = spot.map((v) => clamp(v, -SPAN, SPAN));
    if (!walk.on) show();
  }
  /* By keyboard: Page Up and Page Down choose a point, which gets a ring, the arrow keys move it. */
  function choosePoint(event) {
    const way = { PageDown: 1, PageUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    chosen = (chosen + way + data.length) % data.length;
    show();
  }
  /* The graph of one point's loss, with the numbers that the network has now, in the explainer's player. */
  function openGraph() {
    walk.run(false);
    const [x1, x2, truth] = data[chosen];
    const values = { x1, x2, truth, ...Object.fromEntries(GIVEN.sample.names.map((name, i) => [name, net.p[i]])) };
    const title = say("training.opened", { i: chosen + 1 });
    const place = el("div", { class: "place" });
    const close = button(say("training.close"), () => dialog.close());
    const dialog = el("dialog", { "aria-label": title, onclose: () => dialog.remove() }, el("header", {}, el("b", {}, title), close), place);
    document.body.append(dialog);
    mount(place, GIVEN.player, GIVEN.sample.data, { values, theme: document.documentElement.dataset.theme }).title = title;
    dialog.showModal();
  }
  const lightLine = (now) =>
    code.forEach((li, i) => {
      li.classList.toggle("now", i === now);
    });

  function paintWeb(w, h) {
    const world = unitPlaces(SIZES, (w - 44) / 3, (h - 20) / 7.4).map((layer) => layer.map((p) => ({ x: p.x + 22, y: p.y + h / 2 })));
    const size = (weight) => clamp(Math.abs(weight) * 1.5, 0.25, 6);
    const wires = range(SIZES.length - 1).map((k) =>
      world[k + 1].map((q, n) =>
        world[k].map((p, i) => {
          const weight = net.p[net.at(k + 1, n, i)];
          return wire(p, q, weight, size(weight), "soft");
        }),
      ),
    );
    return [wires, world.map((layer) => layer.map((p) => dot(p.x, p.y, 8, "bead")))];
  }
  /* The run before stays as a grey line, so that two settings can be compared. */
  function paintLoss(w, h) {
    const count = Math.max(200, losses.length);
    const X = linear(0, count, 30, w - 8);
    const Y = linear(0, 2, h - 22, 8);
    const spot = (loss, i) => [X(i), Y(Math.min(2, loss))];
    const trace = (run) =>
      run
        .slice(0, count)
        .map(spot)
        .filter((_, i) => i % Math.ceil(count / w) === 0);
    const last = losses.length - 1;
    return [
      [0, 1, 2].map((v) => [line(X(0), Y(v), X(count), Y(v), "axis"), text(X(0) - 8, Y(v) + 4, String(v), "", "end")]),
      text(X(count), h - 5, say("training.steps", { n: losses.length }), "", "end"),
      polyline(trace(before), "ghost"),
      before.length > 0 && text(X(0) + 4, h - 5, say("training.ghost")),
      polyline(trace(losses), "slope"),
      last >= 0 && dot(...spot(losses[last], last), 5, "spot now"),
    ];
  }
  function show() {
    const forgot = store.get("forget") === 1;
    const lossNow = net.loss(data);
    const length = net.gradientLength();
    paintField(cloud, (x, y) => net.lean(x, y), data, { span: [-SPAN, SPAN, -SPAN, SPAN], cells: 80, ring: document.activeElement === cloud && data[chosen] });
    const [x, y] = data[chosen];
    cloud.setAttribute("aria-valuemax", data.length);
    cloud.setAttribute("aria-valuenow", chosen + 1);
    cloud.setAttribute("aria-valuetext", say("training.cloud-at", { i: chosen + 1, n: data.length, x: num(x), y: num(y) }));
    lossOut.textContent = num(lossNow, 3);
    rightOut.textContent = say("training.right", { right: net.right(data), all: data.length });
    gradOut.textContent = taken ? num(length, length > 99 ? 0 : 2) : say("training.no-gradient");
    gradOut.className = forgot && taken ? "bad" : "";
    code[1].firstChild.className = forgot ? "gone" : "";
    moral.textContent = forgot ? say("training.forgot") : "";
    web.draw();
    chart.draw();
  }
  store.watch(["data"], reset);
  store.watch(["forget"], () => {
    const restart = taken > 0;
    reset();
    if (restart) walk.run(true);
  });
  store.watch(["lr"], () => {
    rate.set(Math.log10(store.get("lr")));
    rate.node.querySelector("output").textContent = short(store.get("lr"));
    show();
  });
  draggable(cloud, { grab: grabPoint, move: pullPoint });
  arrowKeys(cloud, (dx, dy) => put(data[chosen], [data[chosen][0] + 0.05 * dx, data[chosen][1] + 0.05 * dy]));
  cloud.addEventListener("keydown", choosePoint);
  for (const change of ["focus", "blur"]) cloud.addEventListener(change, show);
  new ResizeObserver(show).observe(cloud);
  document.addEventListener("scheme", show);
}
