/* The rail, the light that moves on, the theme. */
function rail() {
  const tick = () => svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("path", { d: "M1.5 5.2 4 7.6 8.6 2.4" }));
  const items = SECTIONS.map((id) =>
    el("li", {}, el("a", { href: `#${id}`, "data-to": id }, el("span", { class: "dot" }, tick()), el("span", {}, say(`${id}.name`)))),
  );
  document.querySelector("#rail ol").append(...items);
  const mark = (here) =>
    items.forEach((li, i) => {
      const done = store.get("done");
      li.className = [i < done && "done", i <= done && "lit", i <= done && i > 0 && "reached", SECTIONS[i] === here && "here"]
        .filter(Boolean)
        .join(" ");
      if (SECTIONS[i] === here) li.firstChild.setAttribute("aria-current", "step");
      else li.firstChild.removeAttribute("aria-current");
    });
  let here = "";
  const find = () => {
    const passed = ["top", ...SECTIONS].filter((id) => $(id).getBoundingClientRect().top < innerHeight * 0.4).at(-1);
    here = passed === "top" ? "" : (passed ?? "");
    if (here) store.visit(here);
    mark(here);
  };
  addEventListener("scroll", find, { passive: true });
  store.watch(["done"], () => mark(here));
  find();
}

function lights() {
  const teasers = document.querySelectorAll(".teaser");
  teasers.forEach((p) =>
    p.append(
      el("span"),
      el("button", { type: "button", class: "plain", onclick: () => light(p.parentElement.id) }, say("page.light-up")),
    ),
  );
  const light = (id) => store.set({ done: SECTIONS.indexOf(id) });
  let before = store.get("done");
  store.watch(["done"], () => {
    const done = store.get("done");
    SECTIONS.forEach((id, i) => {
      const section = $(id);
      section.classList.toggle("unlit", i > done);
      section.classList.toggle("solved", i < done);
      section.classList.toggle("just-lit", done > before && i === done);
      const teaser = section.querySelector(".teaser");
      if (!teaser) return;
      teaser.querySelector("span").textContent = i === done + 1 ? say("page.lit-next") : "";
      teaser.lastChild.hidden = i !== done + 1;
    });
    before = done;
  });
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let paper = "";
  const current = () => paper || store.get("theme") || (dark.matches ? "dark" : "light");
  const apply = () => {
    document.documentElement.dataset.theme = current();
    $("theme").textContent = say(current() === "dark" ? "page.light" : "page.dark");
    document.dispatchEvent(new Event("scheme"));
  };
  $("theme").addEventListener("click", () => store.set({ theme: current() === "dark" ? "light" : "dark" }));
  dark.addEventListener("change", apply);
  /* On paper the page is light, and all of its parts are lit, so that their pictures are drawn. */
  const print = (scheme) => {
    const [from, to] = scheme ? ["unlit", "printed"] : ["printed", "unlit"];
    document.querySelectorAll(`.${from}`).forEach((section) => section.classList.replace(from, to));
    paper = scheme;
    if (document.documentElement.dataset.theme !== current()) apply();
  };
  addEventListener("beforeprint", () => print("light"));
  addEventListener("afterprint", () => print(""));
  store.watch(["theme"], apply);
}

function goTo(id) {
  const target = $(id);
  if (target) target.scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
}

theme();
heroScene();
slopeScene($("slope-scene"));
gradientScene($("gradient-scene"));
historyScene($("history-scene"));
backwardScene($("backward-scene"));
networkScene($("network-scene"));
trainingScene($("training-scene"));
document.querySelectorAll(".question").forEach(question);
lights();
rail();
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (!link) return;
  event.preventDefault();
  goTo(link.hash.slice(1));
});
$("again").addEventListener("click", () => {
  store.set({ ...DEFAULTS, theme: store.get("theme") });
  goTo("top");
});
addEventListener("hashchange", () => {
  const { section, values } = readHash(location.hash);
  store.set(values);
  goTo(section);
});
if (readHash(location.hash).section) $(readHash(location.hash).section)?.scrollIntoView();
