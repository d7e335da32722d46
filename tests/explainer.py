"""The explainer's page in a real browser, and what a reader does with it: what tests/test_viz_page*.py share.

A screenshot of each state is kept in build/screenshots.
"""

from __future__ import annotations

import json
import random

import pytest
from chromium import SHOTS
from graphs import article

import micrograd_c as mg
from micrograd_c import MLP, Value
from micrograd_c._core import NAMES, OPS

webdriver = pytest.importorskip("selenium.webdriver", reason="the browser tests are driven by selenium")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHECKED = "return checked(RUN.events.at(-1))"


def settled(driver):
    """Wait until what observes sizes and media has drawn: two frames."""
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def started(driver):
    """Wait for the script of the page, which is packed."""
    driver.execute_async_script("window.started.then(arguments[0])")
    settled(driver)


class Page:
    """One page in the browser, and what a reader does with it."""

    def __init__(self, driver, explanation, path, fragment="", width=None):
        self.driver = driver
        self.explanation = explanation
        self.path = path
        explanation.html(path)
        if driver.current_url != "about:blank":
            driver.get("about:blank")
            driver.get_log("browser"), driver.get_log("performance")
        if width is not None:  # before the page loads, so that it need not load twice
            self.device(width, SIZES[width], mobile=width < 800)
        driver.get(path.as_uri() + fragment)
        started(driver)

    def refresh(self):
        self.driver.refresh()
        started(self.driver)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def press(self, *keys):
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(key).perform()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, seconds):
        self.driver.execute_async_script("setTimeout(arguments[1], arguments[0])", 1000 * seconds)

    def shoot(self, name):
        self.driver.save_screenshot(str(SHOTS / f"{name}.png"))

    def device(self, width, height, mobile=False):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile},
        )
        settled(self.driver)

    def media(self, **features):
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})
        settled(self.driver)

    def go(self, kind, last=False):
        """Go to the first stop, or to the last, of a kind of event."""
        self.run(f"go(stops.find{'Last' * last}Index(i => RUN.events[i].kind === arguments[0]))", kind)

    def gradients(self):
        """What the boxes of the graph say."""
        return self.run("""return Object.fromEntries([...view.nodes].map(
            ([id, node]) => [name(id), node.grad.num.textContent.replace('−', '-')]))""")

    def box(self, name):
        return self.find(f'g.node[data-i="{self.run("return NODES.find(n => n.name === arguments[0]).id", name)}"]')

    def edit(self, name, number):
        """Click the data of a leaf, type, Enter; what the engine says to it."""
        self.box(name).find_element(By.CSS_SELECTOR, ".edit .num").click()  # Firefox's driver clicks no <g>
        self.press(number, Keys.ENTER)
        return self.text(".ask p") if self.all(".ask p") else ""

    def set(self, name, number):
        """The same without the mouse, for graphs of any size."""
        return self.run("return setLeaf(NODES.find(n => n.name === arguments[0]), arguments[1])", name, number)

    def choose(self, engine):
        self.run(
            "$('engine').value = arguments[0]; $('engine').dispatchEvent(new Event('change'))",
            engine,
        )

    def end(self):
        self.run("go(Infinity)")

    def assert_silent(self):
        """No error in the console, no request to anywhere."""
        assert [entry for entry in self.driver.get_log("browser") if entry["level"] != "INFO"] == []
        requests = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                requests.append(message["params"]["request"]["url"])
        own = (self.path.as_uri(), "about:blank", "chrome:", "chrome-untrusted:", "data:")  # the browser's own
        assert [url for url in requests if not url.startswith(own)] == []

    def assert_all_in_view(self, most=60):
        """At each stop: the page does not scroll, what is lit is in its pane, and no label lies over a box."""
        self.media(prefers_reduced_motion="reduce")
        assert self.run(IN_VIEW, most)[:12] == []


SIZES = {1440: 900, 1280: 800, 1024: 768, 881: 711, 820: 1180, 740: 360, 667: 375, 390: 844, 360: 640}


IN_VIEW = """
document.head.append(el("style", {}, "*{transition:none!important;animation:none!important}"));
const out = [], rect = n => n.getBoundingClientRect(), seen = n => n && n.offsetParent !== null;
const inside = (n, frame, pad = 2) => {
  const b = rect(n), f = rect(frame);
  return b.left >= f.left - pad && b.right <= f.right + pad && b.top >= f.top - pad && b.bottom <= f.bottom + pad;
};
const over = (a, b) => a.left < b.right - 2 && a.right > b.left + 2 && a.top < b.bottom - 2 && a.bottom > b.top + 2;
const step = Math.max(1, Math.floor(stops.length / arguments[0]));
for (let i = 0; i < stops.length; i += step) {
  go(i);
  const e = event(), tell = what => out.push(`${i} ${e.kind}: ${what}`), page = document.documentElement;
  if (page.scrollHeight > innerHeight || page.scrollWidth > innerWidth) tell("the page scrolls");
  for (const id of [e.node, e.operand])
    if (view.nodes.has(id) && !inside(view.nodes.get(id).g, $("pane"))) tell(`box ${name(id)}`);
  for (const mark of document.querySelectorAll(".local.lit, .tag:not(.bad)"))
    if (!inside(mark, $("pane"), 3)) tell(`mark ${mark.textContent}`);
  for (const [pane, lit] of [["code", "li.now"], ["steps", "[aria-current]"]]) {
    const line = $(pane).querySelector(lit);
    if (seen($(pane)) && !(line && inside(line, $(pane)))) tell(`the lit line of ${pane}`);
    const cut = line.scrollWidth > line.clientWidth && line.textContent.trim().length < 44;
    if (seen($(pane)) && innerWidth > 1040 && cut) tell(`${pane} cut: ${line.textContent}`);
  }
  const row = $("steps").querySelector("[aria-current]"); // below which the list fades
  if (seen(row) && rect(row).bottom > rect($("steps")).bottom - 15) tell("the lit step fades");
  const parts = [...document.querySelectorAll(".node .name, .node .op")].map(part => [part, rect(part)]);
  for (const mark of document.querySelectorAll(".local.lit, .tag:not(.bad)")) {
    const at = rect(mark);
    for (const [part, its] of parts)
      if (over(at, its)) tell(`${mark.textContent} over ${part.parentNode.textContent}`);
  }
  for (const [mark, plate] of [[".local", "rect"], [".tag", "rect"], [".packet", "rect"], [".node", ".body"],
      [".data", "rect"], [".grad", "rect"], [".frame", "rect"], [".layer", ".back"], ["g:has(> .op)", "circle"]])
    for (const g of $("graph").querySelectorAll(mark)) for (const text of g.querySelectorAll(":scope > text")) {
      const t = rect(text), on = rect(g.querySelector(plate));
      if (t.width && (t.left < on.left - 1 || t.right > on.right + 1))
        tell(`${text.textContent} is wider than its ${mark}`);
    }
  for (const g of $("graph").querySelectorAll(".node, .frame, .layer")) {
    const [title, ...notes] = g.querySelectorAll(":scope > .name, :scope > .kind, :scope > .fold");
    for (const note of notes)
      if (note.textContent && over(rect(title), rect(note))) tell(`${title.textContent} over a note`);
  }
  if (seen($("rule"))) for (const part of $("rule").querySelectorAll(".equation *, .foot *, .note, .big"))
    if (!inside(part, $("rule"))) { tell(`rule ${part.textContent}`); break; }
  if (!inside($("now"), document.querySelector(".caption"))) tell("the sentence");
  if ($("pane").clientHeight < 90 || $("pane").clientWidth < 250) tell("no room for the graph");
  for (const mark of document.querySelectorAll(".local.lit, .tag")) for (const [id, node] of view.nodes) {
    const l = rect(mark.querySelector("rect")), b = rect(node.g.querySelector(".body"));
    if (node.row && mark.matches(".tag")) continue; // a row of a card has its tag outside of the card
    const across = l.left < b.right - 1 && l.right > b.left + 1;
    if (across && l.top < b.bottom && l.bottom > b.top) tell(`${mark.textContent} over ${name(id)}`);
  }
  for (const cell of document.querySelectorAll(".data, .grad")) {
    const number = rect(cell.querySelector(".num")), on = rect(cell.querySelector(".cell"));
    const edge = 1.5 * view.camera.view.k;
    if (number.width && (number.left < on.left + edge || number.right > on.right - edge))
      tell(`${cell.textContent} fills its cell`);
  }
  const labels = [...document.querySelectorAll(".chapter .label")].filter(seen);
  const ends = labels.map(n => { const r = document.createRange(); r.selectNodeContents(n); return rect(r); });
  labels.forEach((n, i) => {
    const close = i && ends[i].left < ends[i - 1].right + 4;
    if (close || n.scrollWidth > n.clientWidth) tell(`chapter ${n.textContent}`);
  });
}
return out;
"""


def neuron():
    random.seed(7)
    model = MLP(2, [3, 1], activation="tanh")
    loss = (model([Value(1.0, label="x1"), Value(-2.0, label="x2")]) - 1) ** 2
    loss.label = "loss"
    return loss, model


def samples():
    """A loss over four samples, by a network of scalars: 13 parameters."""
    random.seed(3)
    model = MLP(3, [2, 1], activation="tanh", fused=False)
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    loss = sum((model(x) - y) ** 2 for x, y in zip(xs, [1.0, -1.0, -1.0, 1.0]))
    loss.label = "loss"
    return mg.explain(loss, model, limit=None)


def thousand():
    """An MLP whose layers are taller than the pane."""
    random.seed(4)
    model = MLP(8, [16, 8, 1], activation="tanh", fused=False)
    loss = (model([0.1 * i for i in range(8)]) - 1) ** 2
    return mg.explain(loss, model, limit=None)


GRAPHS = {
    "article": lambda: mg.explain(article()),
    "network": lambda: mg.explain(*neuron()),
    "neuron": lambda: mg.explain(*neuron()),
    "samples": samples,
    "thousand": thousand,
}


def every_op():
    """A graph with each op of the table in it."""
    x, y = Value(0.4, label="x"), Value(0.7, label="y")
    total = (x + y) * (x - y) / y + x**y + x**3 + (-x)
    for name, row in zip(NAMES, OPS):
        method = getattr(x, name.lower(), None)
        if method is not None:
            arguments = [y] * (row.arity - 1) + [0.2] * (row.arity == 1 and row.takes_k)
            total = total + method(*arguments)
    return total + abs(x) + mg.sum([x, y]) + mg.dot([x, y], [y, x], x)


def texts(page):
    return page.run("return RUN.events.map(e => e.text)")


def opened(driver, path):
    """Return the page of the article's graph on a wide screen."""
    return Page(driver, mg.explain(article()), path, width=1440)
