/* What is said of a wrong engine: while it runs what is wrong about it, at the end what came of it, and why. */

function showVerdict(e) {
  const wrong = engine === "right" ? [] : NODES.filter(n => !near(RUN.grad.get(n.id), RIGHT.grad.get(n.id), 1e-9)), box = $("verdict");
  box.hidden = engine === "right";
  if (engine === "right") return;
  const [, about] = DATA.engines[engine];
  const said = e.chapter < RESULT ? about : wrong.length ? `${why(wrong)}` : `On this graph it comes out right, by luck. ${why(wrong)}`;
  const text = [...wrong].sort((a, b) => (a.role === "constant") - (b.role === "constant")).slice(0, 3)
    .map(n => `${n.name}.grad is ${short(RUN.grad.get(n.id))}, but should be ${short(RIGHT.grad.get(n.id))}`).join("; ");
  const summary = e.chapter < RESULT ? "Wrong engine. " : wrong.length ? `Wrong: ${text}${wrong.length > 3 ? `, and ${wrong.length - 3} more` : ""}. ` : "";
  const words = summary + said;
  if (box.textContent !== words) { box.replaceChildren(el("b", {}, summary), said); box.scrollTop = 0; }
  box.classList.toggle("lucky", e.chapter === RESULT && !wrong.length);
  fadeVerdict();
}

/* Its last line fades while there is more below; then it can be scrolled by keyboard too. */
function fadeVerdict() {
  const box = $("verdict"), below = box.scrollHeight - box.clientHeight;
  box.classList.toggle("more", below - box.scrollTop > 4);
  if (below > 4) box.tabIndex = 0; else box.removeAttribute("tabindex");
}

/* Why a wrong engine goes wrong on this graph, at the nodes `wrong`. */
function why(wrong) {
  if (engine === "overwrite") {
    const shared = NODES.filter(n => RIGHT.counts.get(n.id) > 1), n = shared.find(n => wrong.includes(n)) || shared[0];
    return n ? `${n.name} is used ${RIGHT.counts.get(n.id)} times, so as many shares arrive at it. With = the last one replaces the others; only += adds up the shares of all paths.`
      : "Every value is used once here, and = and += do the same. Use one of them twice, as in b + b, and = loses a share.";
  }
  if (engine === "twice") {
    const n = wrong.find(n => !n.operands.length) || wrong[0], twice = n && near(RUN.grad.get(n.id) / RIGHT.grad.get(n.id), 2, 1e-9);
    const told = !n ? "" : twice ? `${n.name}.grad is twice what it should be. ` : `${n.name}.grad is not even twice what it should be: the values in between kept their gradients too, and passed those on again. `;
    return `Nobody set the gradients back to 0 between the two calls, so the second one added to what the first had left. ${told}Call zero_grad() before each backward().`;
  }
  if (REUSED) {
    const passed = RUN.events.filter(e => e.kind === "node" && e.node === REUSED.id).map(e => short(e.upstream));
    const times = passed.length > 6 ? `${passed.length} times` : `${passed.length} times: ${passed.join(", then ")}`;
    return `${REUSED.name} has several readers. Going straight down from each of them, it passed its gradient on ${times}. In reverse topological order its turn comes once, when all of its shares have arrived.`
      + (wrong.length ? "" : " Here the surplus shares are 0.")
      + (stopped ? ` It was stopped after ${MOST_STEPS} steps: every path is walked by itself, and there are very many.` : "");
  }
  const n = NODES.find(n => n.operands.length && n !== ROOT);
  return n ? `_backward() was called on the way back, operands first: ${n.name} passed its gradient on while it was still 0, since ${readers(n)[0].name}, which reads it, had its turn later. Readers must come before what they read: that is what the reversed topological order is for.`
    : "There is only one operation, so there is no order to get wrong.";
}
