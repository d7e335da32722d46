/* The walk back: the explainer's own player, on the graph of the part before, with the reader's a and b. */
function backwardScene(host) {
  const place = el("div", { class: "place" });
  const printed = Object.assign(el("div", { class: "still" }), { innerHTML: GIVEN.still });
  host.append(place, printed, el("figcaption", {}, say("backward.caption")));
  const kept = () => Object.fromEntries(new URLSearchParams(store.get("walk")));

  /* Where the player stands and what was edited in it is kept in the address. In a notebook its frame hides that. */
  function follow(frame) {
    try {
      frame.document.addEventListener("address", ({ detail }) => store.set({ walk: detail }));
    } catch {
      /* a frame without rights */
    }
  }
  function show() {
    const theme = document.documentElement.dataset.theme;
    const values = { a: store.get("a"), b: store.get("b") };
    const frame = mount(place, GIVEN.player, GIVEN.article, { theme, predict: true, "v.a": values.a, "v.b": values.b, ...kept() });
    frame.title = say("backward.picture");
    frame.player(follow);
  }
  /* Other data in the part before are those of the player too. */
  function renew() {
    const { "v.a": a, "v.b": b, ...rest } = kept();
    store.set({ walk: String(new URLSearchParams(rest)) });
    show();
  }
  new IntersectionObserver(([entry], watcher) => {
    if (!entry.isIntersecting) return;
    watcher.disconnect();
    let first = true;
    store.watch(["a", "b"], () => (first ? show() : renew()));
    first = false;
    document.addEventListener("scheme", show);
  }).observe(place);
}
