"""The explainer's page in a real browser: headless Chromium, driven over WebDriver.

A screenshot of each state is kept in build/screenshots.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
from pathlib import Path

import pytest
from graphs import article, random_graph, wild_graph

import micrograd_c as mg
from micrograd_c import MLP, Value
from micrograd_c._core import NAMES, OPS
from micrograd_c.viz.rules import evaluate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
SHOTS = Path(__file__).parent.parent / "build" / "screenshots"

webdriver = pytest.importorskip("selenium.webdriver", reason="the browser tests are driven by selenium")
if not CHROMIUM or not CHROMEDRIVER:
    pytest.skip(
        "no Chromium or no chromedriver; on Debian: apt install chromium chromium-driver", allow_module_level=True
    )

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

pytestmark = pytest.mark.slow

NASTY = """</script><!-- <b onclick="alert('x')">&amp;😀\\ ${`%%JS%%`} """


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    flags = """headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
        disable-component-update disable-sync disable-dev-shm-usage hide-scrollbars window-size=1400,1500"""
    for flag in flags.split():
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))
    SHOTS.mkdir(parents=True, exist_ok=True)
    yield driver
    driver.quit()


class Page:
    """One page in the browser, and what a reader does with it."""

    def __init__(self, driver, explanation, path, fragment=""):
        self.driver = driver
        self.explanation = explanation
        self.path = path
        explanation.html(path)
        driver.get_log("browser"), driver.get_log("performance")
        driver.get("about:blank")
        driver.get(path.as_uri() + fragment)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def press(self, *keys):
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def shoot(self, name, full=True):
        if full:
            height = self.run("return document.documentElement.scrollHeight")
            width = self.run("return innerWidth")
            self.device(width, min(height, 6000))
        self.driver.save_screenshot(str(SHOTS / f"{name}.png"))
        if full:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def device(self, width, height, mobile=False):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile},
        )

    def media(self, **features):
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})

    def gradients(self):
        """What the boxes of the graph say."""
        return self.run("""const text = (g, part) => g.querySelector(part).textContent;
            return Object.fromEntries([...document.querySelectorAll('#graph g[data-i]')].map(
                g => [text(g, '.mgc-t'), text(g, '.mgc-g').replace('grad ', '')]))""")

    def row(self, name):
        for row in self.all("#values tbody tr"):
            if row.find_element(By.CSS_SELECTOR, "th .role").text == name:
                return row
        raise KeyError(name)

    def cells(self, name):
        return [cell.text for cell in self.row(name).find_elements(By.TAG_NAME, "td") if cell.is_displayed()]

    def edit(self, name, number):
        field = self.row(name).find_element(By.TAG_NAME, "input")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(number)

    def choose(self, engine):
        self.find(f"#engines input[value={engine}]").click()

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

    def assert_fits(self):
        """Nothing is wider than the window, and no text of a box runs out of it."""
        width, inner = self.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= inner
        out = self.run("""return [...document.querySelectorAll('g[data-i]')].filter(g => {
            const shape = g.querySelector('.mgc-s').getBBox();
            return [...g.querySelectorAll('text')].some(t => { const b = t.getBBox();
                return b.x < shape.x || b.x + b.width > shape.x + shape.width || b.y < shape.y - 2
                    || b.y + b.height > shape.y + shape.height + 2; }); }).map(g => g.textContent)""")
        assert out == []


def neuron():
    random.seed(7)
    model = MLP(2, [3, 1], activation="tanh")
    loss = (model([Value(1.0, label="x1"), Value(-2.0, label="x2")]) - 1) ** 2
    loss.label = "loss"
    return loss, model


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


@pytest.fixture
def page(browser, tmp_path):
    page = Page(browser, mg.explain(article()), tmp_path / "page.html")
    yield page
    page.media()
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_page_opens_from_a_file_without_error_or_request(page):
    assert page.text("h1") == "c and what it was computed from"
    assert page.text("#of") == "32"
    page.shoot("start")
    page.assert_silent()
    page.assert_fits()


def test_page_steps_to_the_end_and_shows_the_gradients(page):
    for _ in range(40):
        if page.find("#next").is_enabled():
            page.find("#next").click()
    assert page.text("#at") == "32"
    assert page.gradients() == {"a": "3", "b": "3", "e": "1", "c": "1"}
    page.shoot("end")
    page.assert_silent()


@pytest.mark.parametrize("make", [article, lambda: neuron()[0], every_op], ids=["article", "neuron", "every op"])
def test_page_tells_the_same_steps_as_python(browser, tmp_path, make):
    explanation = mg.explain(make())
    page = Page(browser, explanation, tmp_path / "page.html")
    texts = page.run("return RUN.events.map(e => e.text)")
    assert texts == [step["text"] for step in explanation.steps]
    assert page.text("#check").startswith("Checked:")
    page.assert_silent()


NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d.]*(?:e[+-]?\d+)?|inf|nan)(?!\w)")


def assert_told_alike(pages, python):
    """The same sentences; the last digits of numbers may differ, since exp and its like differ between C and V8."""
    assert [NUMBER.sub("#", text) for text in pages] == [NUMBER.sub("#", text) for text in python]
    for mine, wanted in zip(pages, python):
        numbers = [[float(x) for x in NUMBER.findall(text)] for text in (mine, wanted)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-6, abs=1e-12, nan_ok=True), (mine, wanted)


def texts(page):
    return page.run("return RUN.events.map(e => e.text)")


def test_page_tells_random_graphs_as_python_does(browser, tmp_path, rng):
    for make in [random_graph] * 5 + [lambda rng: wild_graph(rng)[0]] * 15:
        explanation = mg.explain(make(rng), limit=10**6)
        page = Page(browser, explanation, tmp_path / "page.html")
        assert_told_alike(texts(page), [step["text"] for step in explanation.steps])
        page.assert_silent()


def test_page_tells_edited_data_as_python_tells_a_graph_of_these_data(browser, tmp_path, rng):
    """After edits of leaves, and back to the first data."""
    for _ in range(8):
        root, leaves = wild_graph(rng, numbers=[0.0, 1.0, -1.0, 0.5, 12345678.5])
        explanation = mg.explain(root, limit=10**6)
        page = Page(browser, explanation, tmp_path / "page.html")
        before = texts(page)
        nodes = explanation._graph.nodes
        data = {i: node.data for i, node in nodes.items()}
        for i, node in nodes.items():
            if not node.operands and node.value in leaves:
                data[i] = rng.choice([0.0, -1.5, 2.25, 1e-9])
                page.edit(node.name, repr(data[i]))
            elif node.operands:
                data[i] = evaluate(node, data)
            node.value.data = data[i]
        again = mg.explain(root, limit=10**6, names={node.name: node.value for node in nodes.values()})
        assert_told_alike(texts(page), [step["text"] for step in again.steps])
        page.find("#reset").click()
        assert texts(page) == before
        page.assert_silent()


def test_branch_that_is_not_taken_gets_no_share_on_the_page(browser, tmp_path):
    x = Value(0.0, label="x")
    root = mg.where(x.greater(0), x.sqrt(), 2 * x)
    root.label = "root"
    page = Page(browser, mg.explain(root), tmp_path / "page.html")
    gradient = "return RUN.grad.get(arguments[0])"
    assert page.run(gradient, 0) == 2.0 and page.text("#check").startswith("Checked:")
    page.edit("x", "4")
    assert page.run(gradient, 0) == 0.25
    page.edit("x", "0")
    root.backward()
    root.backward()
    for engine, expected in (("overwrite", 2.0), ("twice", x.grad)):
        page.choose(engine)
        assert page.run(gradient, 0) == expected
    page.assert_silent()


def test_page_arithmetic_is_that_of_the_engine_for_each_op(browser, tmp_path):
    explanation = mg.explain(every_op())
    page = Page(browser, explanation, tmp_path / "page.html")
    got = page.run("return NODES.map(n => RIGHT.grad.get(n.id))")
    assert got == pytest.approx(list(explanation.engine.values()), rel=1e-13, abs=1e-300)
    anew = page.run("edited = true; return [...forward().values()]")
    assert anew == pytest.approx([node.data for node in explanation._graph.nodes.values()], rel=1e-13)


def test_page_shows_a_gradient_as_not_computed_until_there_is_one(page):
    assert set(page.gradients().values()) == {"not computed"}
    seed = next(step["index"] for step in page.explanation.steps if step["kind"] == "seed")
    page.run("go(arguments[0])", seed)
    assert page.gradients() == {"a": "0", "b": "0", "e": "0", "c": "1"}


def test_current_line_of_the_graph_is_lit(page):
    step = next(step for step in page.explanation.steps if step["kind"] == "more")
    page.run("go(arguments[0])", step["index"])
    lit = [path.get_attribute("data-e") for path in page.all("path.lit")]
    assert lit == [f"{step['operand']} {step['node']} {step['slot']}"]
    chain = page.text("#chain")
    assert "b.grad += e.grad * de/db" in chain and "1 + 2 = 3" in chain
    assert page.text("#code .now").strip() == "b.grad += a * e.grad"
    page.shoot("share")


def test_stack_and_topo_fill_while_visiting(page):
    step = next(step for step in page.explanation.steps if step["kind"] == "skip")
    page.run("go(arguments[0])", step["index"])
    assert "build_topo(c)" in page.text("#stack") and "build_topo(b)" in page.text("#stack")
    assert page.text("#now") == "visit b: already visited, skip"
    page.shoot("visit")


def test_keyboard_alone_is_enough(page):
    page.run("document.body.focus()")
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.text("#at") == "3"
    page.press(Keys.ARROW_LEFT)
    assert page.text("#at") == "2"
    page.press(Keys.END)
    assert page.text("#at") == "32"
    page.press(Keys.HOME)
    assert page.text("#at") == "1"
    page.press(Keys.SPACE)
    assert page.find("#play").get_attribute("aria-label") == "Stop"
    page.press(Keys.SPACE)
    assert page.find("#play").get_attribute("aria-label") == "Play"
    seen = set()
    for _ in range(60):
        page.press(Keys.TAB)
        seen.add(page.run("const a = document.activeElement; return a.id || a.ariaLabel || a.value"))
    assert {"next", "scrub", "graph", "steps", "predict", "Data of a"} <= seen
    focus = "return getComputedStyle(document.activeElement).outlineStyle"
    page.run("document.getElementById('next').focus()")
    assert page.run(focus) != "none"
    page.press(Keys.ENTER)
    assert page.text("#at") == "2"
    page.run("document.querySelector('#engines input').focus()")
    page.press(Keys.ARROW_DOWN)
    assert "2, but should be 3" in page.text("#verdict")


def test_playing_goes_on_by_itself_and_ends_at_the_end(page):
    page.run("document.getElementById('speed').value = '300'; play()")
    page.run("""const done = arguments[0]; window.played = new Promise(r => {
        const look = setInterval(() => { if (!timer) { clearInterval(look); r(at); } }, 50); });""")
    page.driver.set_script_timeout(30)
    assert page.driver.execute_async_script("window.played.then(arguments[0])") == 31


def test_scrolling_the_steps_moves_through_them(page):
    page.driver.set_script_timeout(10)
    page.run("document.getElementById('steps').style.height = '200px'; show(0); quietUntil = 0")
    scroll = """const done = arguments[1], f = document.getElementById('steps'); quietUntil = 0;
        f.addEventListener('scroll', () => requestAnimationFrame(() => done(at)), {once: true});
        f.scrollTop = arguments[0] * (f.scrollHeight - f.clientHeight);"""
    assert page.driver.execute_async_script(scroll, 1) == 31
    assert 8 < page.driver.execute_async_script(scroll, 0.5) < 24
    assert page.driver.execute_async_script(scroll, 0) == 0


def test_another_size_of_the_window_keeps_the_step(page):
    page.run("go(25)")
    for height in (3000, 700, 3000):  # the list of steps fits, and scrolls
        page.device(1400, height)
        page.driver.set_script_timeout(10)
        page.driver.execute_async_script("requestAnimationFrame(() => setTimeout(arguments[0], 300))")
        assert page.text("#at") == "26"
        seen = "const l = ITEMS[at].getBoundingClientRect(); return l.top > 0 && l.bottom < innerHeight"
        assert page.run(seen)


def test_scrubbing_and_links_lead_to_a_step(browser, tmp_path):
    page = Page(browser, mg.explain(article()), tmp_path / "page.html", "#step-19")
    assert page.text("#at") == "19"
    page.find("#scrub").send_keys(Keys.ARROW_RIGHT)
    assert page.text("#at") == "20"
    assert page.find("#link").get_attribute("href").endswith("#step-20")
    page.run("location.hash = '#step-3'")
    page.driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert page.text("#at") == "3"
    page.all("#steps a")[4].click()
    assert page.text("#at") == "5"


def test_editing_leaves_recomputes_everything(page):
    page.edit("a", "2.0001")
    page.edit("b", "3.01")
    assert page.cells("c")[0] == "9.030301"
    assert page.text("#check").startswith("The data are yours")
    page.press(Keys.TAB)
    page.run("go(RUN.events.length - 1)")
    assert page.gradients() == {"a": "3.01", "b": "3.0001", "e": "1", "c": "1"}
    assert page.run("return document.querySelector('g[data-i=\"3\"] .mgc-d').textContent") == "data 9.0303"
    for name in "abe":
        _, gradient, quotient = page.cells(name) if name != "e" else ["", *page.cells(name)[1:]]
        assert float(quotient) == pytest.approx(float(gradient), rel=1e-5)
    page.shoot("edited")
    page.find("#reset").click()
    assert page.cells("c")[0] == "9"
    page.edit("a", "1e")  # no number yet: what stood there last still counts
    assert page.row("a").find_element(By.TAG_NAME, "input").get_attribute("aria-invalid") == "true"
    assert page.cells("c")[0] == "6"
    page.assert_silent()


def test_assigning_instead_of_adding_fails_visibly(page):
    page.choose("overwrite")
    verdict = page.text("#verdict")
    assert "b.grad is 2, but should be 3" in verdict and "b is used 2 times" in verdict
    page.run("go(RUN.events.length - 1)")
    assert page.gradients()["b"] == "2 ✗"
    assert len(page.all("g.wrong")) == 1
    assert "b.grad = e.grad * de/db = 1 * 2 = 2" in texts(page)
    page.shoot("wrong-overwrite")


def test_depth_first_without_order_fails_visibly(page):
    page.choose("depth")
    verdict = page.text("#verdict")
    assert "a.grad is 0, but should be 3" in verdict and "its turn later" in verdict
    page.run("go(RUN.events.length - 1)")
    assert page.gradients() == {"a": "0 ✗", "b": "1 ✗", "e": "1", "c": "1"}
    page.shoot("wrong-depth")


def test_depth_first_passes_on_what_is_not_complete(browser, tmp_path):
    page = Page(browser, mg.explain(reused()), tmp_path / "page.html")
    page.choose("depth")
    verdict = page.text("#verdict")
    assert (
        "it passed its gradient on 2 times: 5, then 5." in verdict and "a.grad is 20, but should be 10" in verdict
    )
    page.shoot("wrong-depth-reused")


def reused():
    a = Value(1.0, label="a")
    b = a + a
    c = b * b + b
    b.label, c.label = "b", "c"
    return c


@pytest.mark.parametrize("make", [article, reused, lambda: neuron()[0]], ids=["article", "reused", "neuron"])
@pytest.mark.parametrize("engine", ["right", "overwrite", "depth", "twice"])
def test_every_step_of_every_engine_is_shown(browser, tmp_path, make, engine):
    page = Page(browser, mg.explain(make()), tmp_path / "page.html")
    page.choose(engine)
    shown = page.run("""return RUN.events.map((e, i) => {
        show(i, "hash");
        const calls = [...$("stack").querySelectorAll(".chips:first-child li")].map(li => li.textContent);
        const told = $("now").textContent === e.text && $("steps").querySelectorAll("li.now").length === 1;
        return [told, calls, e.depth ?? null];
    })""")
    assert all(told for told, _, _ in shown)
    for _, calls, depth in shown:  # a call stands in the stack as deep as it is, among at most ten
        assert depth is None or len(calls) == min(depth + 2, 10)
    page.assert_silent()


def test_second_backward_without_zero_grad_fails_visibly(page):
    page.choose("twice")
    verdict = page.text("#verdict")
    assert "b.grad is 8, but should be 3" in verdict and "zero_grad()" in verdict
    c = article()
    c.backward()
    c.backward()
    order = {v.name: v.grad for v in mg.topological_order(c)}
    page.run("go(RUN.events.length - 1)")
    assert {name: float(text.removesuffix(" ✗")) for name, text in page.gradients().items()} == order
    page.shoot("wrong-twice")
    page.choose("right")
    assert "sum of the shares" in page.text("#verdict")


@pytest.mark.parametrize("engine", ["overwrite", "depth", "twice"])
def test_wrong_engines_say_so_when_nothing_can_go_wrong(browser, tmp_path, engine):
    page = Page(browser, mg.explain(Value(2.0, label="a") * Value(3.0, label="b")), tmp_path / "page.html")
    page.choose(engine)
    lucky = engine != "twice"
    assert ("by luck" in page.text("#verdict")) == lucky
    page.assert_silent()


def test_predictions_are_hidden_revealed_and_scored(page):
    page.run("go(RUN.events.length - 1)")
    page.find("#predict").click()
    assert set(page.gradients().values()) == {"?"}
    assert "3" not in page.text("#now")
    assert not any("= 3" in item.text for item in page.all("#steps li")[20:])
    assert page.cells("a")[1:] == ["", "?", "?"]
    for name, guess in (("a", "3"), ("b", "2"), ("e", "1")):
        field = page.row(name).find_elements(By.TAG_NAME, "input")[-1]
        field.send_keys(guess)
    page.shoot("predict")
    page.find("#reveal").click()
    assert page.text("#score") == "2 of 3 right."
    assert "✓" in page.row("a").text and "✗" in page.row("b").text
    assert page.gradients()["b"] == "3"
    page.shoot("revealed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_a_phone(page, scheme):
    page.device(360, 780, mobile=True)
    page.media(prefers_color_scheme=scheme)
    page.driver.refresh()
    page.assert_fits()
    page.find("#next").click()
    assert page.text("#at") == "2"
    step = next(step["index"] for step in page.explanation.steps if step["kind"] == "more")
    page.run("go(arguments[0])", step)
    page.shoot(f"phone-{scheme}", full=False)
    page.find("#predict").click()
    page.assert_fits()
    page.find("#predict").click()
    page.device(360, 3600, mobile=True)
    page.driver.save_screenshot(str(SHOTS / f"phone-whole-{scheme}.png"))
    page.assert_silent()


def test_motion_stops_where_the_reader_asks_for_less(page):
    duration = "return getComputedStyle(document.querySelector('.mgc-e')).transitionDuration"
    page.media(prefers_reduced_motion="no-preference")
    assert page.run(duration) != "0s"
    page.media(prefers_reduced_motion="reduce")
    assert page.run(duration) == "0s"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_neuron_page_in_both_schemes(browser, tmp_path, scheme):
    loss, model = neuron()
    page = Page(browser, mg.explain(loss, model), tmp_path / "page.html")
    page.media(prefers_color_scheme=scheme)
    page.run("go(RUN.events.findIndex(e => e.kind === 'more'))")
    page.assert_fits()
    page.shoot(f"neuron-{scheme}")
    page.media()


def test_page_prints_every_step(page):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not page.find("#player").is_displayed()
    frame = page.run("const f = document.getElementById('steps'); return [f.scrollHeight, f.clientHeight]")
    assert frame[0] <= frame[1] + 1
    page.shoot("print")


def test_names_are_shown_and_never_interpreted(browser, tmp_path):
    a, b = Value(2.0, label=NASTY), Value(3.0, label="<img src=x onerror=alert(1)>")
    c = a * b
    c.label = "long " * 2000
    page = Page(browser, mg.explain(c, title=NASTY), tmp_path / "page.html")
    assert page.text("h1") == " ".join(NASTY.split())
    assert page.all("img, b") == []
    assert page.run("return NODES.map(n => n.label || n.name)")[0] == " ".join(NASTY.split())
    assert page.run("return NODES[2].label.length") > 9000
    assert page.run("return document.querySelector('g[data-i=\"2\"] title').textContent.length") > 9000
    page.run("go(RUN.events.length - 1)")
    page.assert_silent()
    page.assert_fits()
    page.shoot("names")


def test_frame_in_a_notebook_works(browser, tmp_path):
    """What JupyterLab puts into its output: the page in a frame of its own."""
    explanation = mg.explain(article())
    path = tmp_path / "notebook.html"
    path.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><title>n</title><body>{explanation._repr_html_()}</body>', "utf-8"
    )
    browser.get_log("browser")
    browser.get(path.as_uri())
    browser.switch_to.frame(0)
    try:
        browser.find_element(By.ID, "last").click()
        assert browser.find_element(By.ID, "at").text == "32"
        browser.find_element(By.ID, "link").click()
    finally:
        browser.switch_to.default_content()
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []


def test_hand_made_values_are_explained_and_not_edited(browser, tmp_path):
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    out = Value(a.data * b.data, (a, b), "mul'")

    def _backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    page = Page(browser, mg.explain(out * a), tmp_path / "page.html")
    page.run("go(RUN.events.length - 1)")
    assert page.gradients()["a"] == "20" and page.gradients()["b"] == "4"
    assert page.all("#values input[aria-label^=Data]") == []
    assert "made by hand" in page.text("#edit-note")
    assert texts(page) == [step["text"] for step in page.explanation.steps]
    page.choose("overwrite")
    assert "a.grad = 10, by the _backward of out" in texts(page)
    page.assert_silent()


def test_given_derivatives_are_told_as_such_on_the_page(browser, tmp_path):
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    out = Value(10.0, (a, b, a), (3.0, b, math.inf))
    explanation = mg.explain(out)
    page = Page(browser, explanation, tmp_path / "page.html")
    assert page.run("return RUN.events.map(e => e.text)") == [step["text"] for step in explanation.steps]
    page.run("go(RUN.events.findIndex(e => e.operand !== undefined))")
    assert "3, given with out" in page.text("#chain")
    page.run("go(RUN.events.length - 1)")
    assert page.gradients()["a"] == "inf" and page.gradients()["b"] == "5"
    assert page.all("#values input[aria-label^=Data]") == []
    page.assert_silent()


def axe_source():
    """axe-core as a package of PyPI ships it, or a newer one by MICROGRAD_C_AXE."""
    if "MICROGRAD_C_AXE" in os.environ:
        return Path(os.environ["MICROGRAD_C_AXE"]).read_text("utf-8")
    package = pytest.importorskip("axe_core_python", reason="axe-core comes with the package axe-core-python")
    return (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["start", "end", "wrong", "predict", "phone"])
def test_axe_finds_no_violation(page, state, scheme):
    page.media(prefers_color_scheme=scheme)
    if state == "end":
        page.run("go(RUN.events.length - 3)")
    elif state == "wrong":
        page.choose("overwrite")
        page.run("go(RUN.events.length - 1)")
    elif state == "predict":
        page.find("#predict").click()
    elif state == "phone":
        page.device(360, 780, mobile=True)
    page.run(axe_source())
    result = page.driver.execute_async_script("axe.run().then(arguments[0])")
    violations = [
        (v["id"], v["impact"], [node["html"][:200] for node in v["nodes"]][:3]) for v in result["violations"]
    ]
    assert violations == []


def test_largest_page_stays_below_300_kB_and_responds(browser, tmp_path):
    random.seed(3)
    model = MLP(4, [12, 8, 1], fused=False)
    explanation = mg.explain((model([1.0, -2.0, 0.5, 0.25]) - 1) ** 2, model)
    assert "of 548 values are explained" in explanation.notes[0]
    page = Page(browser, explanation, tmp_path / "page.html")
    assert page.path.stat().st_size < 300_000
    assert "548" in page.text("#notes")
    page.run("go(RUN.events.length - 1)")
    assert page.text("#check").startswith("Checked:")
    page.run("go(RUN.events.findIndex(e => e.kind === 'more'))")
    assert re.match(r"\S+\.grad \+= ", page.text("#now"))
    for step in range(100, len(explanation.steps), 150):
        page.run("go(arguments[0])", step)
        if explanation.steps[step]["phase"] in (3, 6):
            name = explanation._graph.nodes[explanation.steps[step]["node"]].name
            assert name in [chip.text for chip in page.all("#stack .now")]
    page.shoot("large", full=False)
    page.assert_silent()
