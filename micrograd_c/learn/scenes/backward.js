/* The walk back as a player; predict, then reveal. */
function backwardScene(host) {
  const GRAPH = GIVEN.graphs.history;
  const LEAVES = ["a", "b"];
  const NUDGE = 1e-6;
  let revealed = 0;
  let timer = 0;
  const values = () => Object.fromEntries(LEAVES.map((name) => [name, store.get(name)]));
  const data = () => forward(GRAPH, values());
  const engine = () => ENGINES[store.get("engine")];
  const steps = () => walk(GRAPH, data(), engine());
  const at = () => clamp(store.get("step"), 0, steps().length - 1);
  const waiting = (list, i) => store.get("ask") === 1 && list[i].kind === "share" && revealed < i;

  const chapters = entry("backward.chapters").map((name, i) =>
    html("li", {}, html("button", { type: "button", onclick: () => goTo(steps().findIndex((s) => s.chapter === i)) }, name)),
  );
  const readout = html("div", { class: "readout" });
  const guessBox = html("div", { class: "guess-box" });
  const picture = html("div");
  const proof = html("table", { class: "proof" });
  const moral = html("p");
  const play = button(say("backward.play"), () => toggle());
  const scrub = html("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": say("backward.step-label"),
    oninput: () => goTo(Number(scrub.value)),
  });
  host.append(
    html("ol", { class: "chapters", "aria-label": say("backward.chapters-label") }, chapters),
    readout,
    html(
      "div",
      { class: "cols walk" },
      picture,
      html("div", { class: "pair" }, guessBox, html("div", { class: "mini" }, html("h3", {}, say("backward.proof")), proof, moral)),
    ),
    controls(
      buttons(
        button("←", () => goTo(at() - 1)),
        button(say("backward.next"), () => goTo(at() + 1), "main"),
        play,
      ),
      html("span", { class: "field" }, say("backward.step"), scrub),
    ),
    controls(
      html("span", {}, "a = ", scrubber("a", "a")),
      html("span", {}, "b = ", scrubber("b", "b")),
      switchBox(say("backward.ask-first"), "ask"),
      choice(say("backward.engine"), "engine", entry("backward.engines")),
    ),
    html("figcaption", {}, say("backward.caption")),
  );
  host.querySelector(".buttons .button").setAttribute("aria-label", say("backward.prev"));
  const plot = stage(picture, { label: say("backward.picture"), height: (w) => (w < 560 ? 470 : 330), paint });

  /* The leaves with a wrong slope; a wrong engine may have none, by luck. */
  const lost = (step) => LEAVES.filter((name) => step.grads[name] !== gradients(GRAPH, values())[name]);
  function goTo(i) {
    store.set({ step: clamp(i, 0, steps().length - 1) });
  }
  function toggle() {
    if (timer) return stop();
    if (at() === steps().length - 1) goTo(0);
    play.textContent = say("backward.stop");
    timer = setInterval(() => {
      if (at() === steps().length - 1) return stop();
      goTo(at() + 1);
      reveal();
    }, 1500);
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = say("backward.play");
  }
  function reveal() {
    revealed = at();
    show();
  }

  function paint(w, h) {
    const list = steps();
    const step = list[at()];
    const known = waiting(list, at()) ? list[at() - 1] : step;
    const look = { shown: new Set(["a", "b", "tmp", "c"]), grads: known.grads ?? {}, nodes: {}, edges: {}, labels: {} };
    if (step.node) look.nodes[step.node] = "hot";
    if (step.kind === "result") lost(step).forEach((name) => (look.nodes[name] = "lost"));
    list
      .slice(0, at() + 1)
      .filter((s) => s.kind === "share")
      .forEach((s) => {
        look.labels[`${s.node}>${signOf(s.from)}`] = `× ${short(s.local)}`;
      });
    if (step.kind === "share") {
      const op = signOf(step.from);
      look.edges[`${op}>${step.from}`] = "flow";
      look.edges[`${step.node}>${op}`] = "flow";
    }
    return [paintGraph(w, h, data(), look), step.chapter === 0 && orderBadges(w, h, step.done)];
  }
  function orderBadges(w, h, done) {
    const { centre, box } = graphLayout(w, h, 2);
    return done.map((name, i) => {
      const [x, y] = [centre[name].x + box.w / 2 - 6, centre[name].y - box.h / 2 + 4];
      return svg("g", { class: "badge" }, dot(x, y, 13), text(x, y + 5, String(i + 1), "", "middle"));
    });
  }

  const grad = (words) => html("em", { class: "g" }, words);
  const slope = (words) => html("em", { class: "l" }, words);
  const part = (from, node) => slope(fraction(`∂${from}`, `∂${node}`));
  function formula(list, i) {
    const step = list[i];
    if (step.kind === "start") return [say("backward.start")];
    if (step.kind === "append") return [`topo = [${step.done.join(", ")}]`];
    if (step.kind === "seed") {
      const told = say(step.again ? "backward.again" : "backward.seed");
      return [part("c", "c"), "= c.grad =", grad("1"), html("small", {}, told)];
    }
    if (step.kind === "result")
      return [
        "a.grad =",
        grad(short(step.grads.a)),
        "b.grad =",
        grad(short(step.grads.b)),
        html("small", {}, say(lost(step).length ? "backward.lost" : "backward.done")),
      ];
    const open = !waiting(list, i);
    const sign = engine() === "overwrite" ? "=" : "+=";
    const { node: name, before, after } = step;
    return [
      `${step.node}.grad ${sign} ${step.from}.grad ×`,
      part(step.from, step.node),
      "=",
      ...(open ? [grad(short(step.up)), "×", slope(short(step.local))] : [grad("?")]),
      open
        ? html("small", {}, say(before === undefined ? "backward.is" : "backward.grows", { name, before: short(before ?? 0), after: short(after) }))
        : "",
    ];
  }

  function guess(list, i) {
    if (!waiting(list, i)) return [];
    const step = list[i];
    const input = html("input", {
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      "aria-label": say("backward.guess-label", { name: step.node }),
    });
    const hint = html("span", { class: "quiet", role: "status" });
    const check = (event) => {
      event.preventDefault();
      if (near(readNumber(input.value), step.after)) return reveal();
      hint.textContent =
        step.before !== undefined && near(readNumber(input.value), step.share)
          ? say("backward.new-share", { name: step.node, before: short(step.before) })
          : say("backward.look");
    };
    return [
      html(
        "form",
        { class: "guess", onsubmit: check },
        html("b", {}, say("backward.guess", { name: step.node })),
        input,
        html("button", { class: "button" }, say("backward.check")),
        button(say("backward.show"), reveal),
        hint,
      ),
    ];
  }

  function checkTable(step) {
    const c = (more) => forward(GRAPH, { ...values(), ...more })[GRAPH.root];
    const rows = LEAVES.map((name) => {
      const truth = (c({ [name]: store.get(name) + NUDGE }) - c({})) / NUDGE;
      const mine = step.kind === "result" ? step.grads[name] : undefined;
      const good = mine !== undefined && Math.abs(mine - truth) < 1e-3;
      return html(
        "tr",
        {},
        html("td", {}, name),
        html("td", {}, mine === undefined ? "?" : num(truth, 3)),
        html("td", {}, mine === undefined ? "·" : short(mine)),
        html("td", { class: mine === undefined ? "quiet" : good ? "ok" : "bad" }, mine === undefined ? "" : say(good ? "backward.same" : "backward.wrong")),
      );
    });
    proof.replaceChildren(
      html(
        "tr",
        {},
        ["leaf", "nudge", "grad", "verdict"].map((key) => html("th", {}, say(`backward.${key}`))),
      ),
      ...rows,
    );
    moral.textContent =
      step.kind !== "result"
        ? say("backward.later")
        : lost(step).length
          ? entry("backward.why")[store.get("engine")]
          : say(engine() === "right" ? "backward.exact" : "backward.luck");
  }

  function show() {
    const list = steps();
    const i = at();
    const now = list[i].chapter;
    scrub.max = list.length - 1;
    chapters.forEach((li, k) => {
      li.className = k < now ? "past" : k === now ? "now" : "";
    });
    readout.replaceChildren(...formula(list, i));
    guessBox.replaceChildren(...guess(list, i));
    scrub.value = i;
    scrub.setAttribute("aria-valuetext", say("backward.step-at", { i: i + 1, n: list.length }));
    checkTable(list[i]);
    plot.draw();
  }
  store.watch(["a", "b", "engine", "ask"], show);
  store.watch(["step"], () => {
    revealed = Math.min(revealed, at() - 1);
    show();
  });
}
