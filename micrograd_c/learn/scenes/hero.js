/* Seventeen faders, moved by hand or by the gradient. */
function heroScene() {
  const SEED = 67,
    SPREAD = 2,
    LIMIT = 4.5,
    RATE = 0.4,
    STEPS = 340;
  const canvas = $("hero-canvas");
  const data = points("moons");
  const fresh = new Net([2, 4, 1], SEED, { spread: SPREAD });
  const net = new Net([2, 4, 1], SEED, { spread: SPREAD });
  let taken = 0;
  const faders = range(net.p.length).map((i) =>
    el("input", {
      type: "range",
      min: -LIMIT,
      max: LIMIT,
      step: 0.05,
      "aria-label": say("hero.fader", { i: i + 1, n: net.p.length }),
      oninput: (event) => {
        net.p[i] = Number(event.target.value);
        taken = 0;
        draw();
      },
    }),
  );
  $("faders").append(...faders);
  const go = $("hero-go");
  const walk = player(canvas, tick, () => tell());
  function descend(times) {
    for (let i = 0; i < times; i++) {
      net.zeroGrad();
      net.loss(data, true);
      net.update(RATE);
      taken++;
    }
  }
  function tick() {
    descend(2);
    if (taken >= STEPS) walk.run(false);
    draw();
  }
  function tell() {
    const arrived = taken >= STEPS;
    go.textContent = say(`hero.${walk.on ? "stop" : arrived ? "replay" : "go"}`);
    $("hero-onward").textContent = say(arrived ? "hero.arrived" : "hero.before");
    $("hero-steps").textContent = taken ? say("hero.steps", { n: taken }) : say("hero.by-hand");
  }
  function draw() {
    faders.forEach((fader, i) => {
      fader.value = net.p[i];
    });
    paintField(canvas, (x, y) => net.lean(x, y), data, { span: [-1.15, 1.15, -0.9, 0.9], cells: 64 });
    $("hero-right").replaceChildren(...rich("hero.right", { right: el("b", {}, String(net.right(data))), all: data.length }));
    tell();
  }
  go.addEventListener("click", () => {
    if (walk.on) return walk.run(false);
    if (taken >= STEPS) restart();
    if (still.matches) {
      descend(STEPS);
      draw();
    } else walk.run(true);
  });
  function restart() {
    net.p.set(fresh.p);
    taken = 0;
    draw();
  }
  go.style.minWidth = `${Math.ceil(go.getBoundingClientRect().width)}px`; // other words in it move nothing below
  $("hero-reset").addEventListener("click", () => {
    walk.run(false);
    restart();
  });
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("scheme", draw);
}
