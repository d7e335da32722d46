"""The scenes of the lesson in a real browser: headless Chromium, driven over WebDriver."""

from __future__ import annotations

import json
import math

import pytest

pytest.importorskip("selenium.webdriver", reason="the browser tests are driven by selenium")

from chromium import axe_source
from micrograd.engine import Value as Outside
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import micrograd_c as mg
from micrograd_c import MLP, Value
from micrograd_c.learn import page as pages

pytestmark = [pytest.mark.slow, pytest.mark.once]

SIZES = [(1440, 900), (1280, 800), (820, 1180), (360, 740)]
TEXT = """const own = e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data);
    return [...document.querySelectorAll('body *')].filter(e => !e.closest('script, noscript, .still'))
    .flatMap(e => [...e.closest('p, .aside')?.textContent.startsWith('[') ? [] : own(e),
        ...['aria-label', 'aria-valuetext'].map(a => e.getAttribute(a))]).filter(t => t && t.trim())"""


class Lesson:
    """The lesson in the browser, and what a reader does with it."""

    def __init__(self, driver, path):
        self.driver = driver
        self.path = path
        mg.lesson().html(path)

    def open(self, fragment=""):
        self.driver.get("about:blank")
        self.driver.get_log("browser"), self.driver.get_log("performance")
        self.driver.get(self.path.as_uri() + fragment)
        return self

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def state(self, *keys):
        return self.run("return arguments[0].map(key => store.get(key))", keys)

    def click(self, selector):
        self.run("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def press(self, selector, *keys):
        self.run("arguments[0].focus()", self.find(selector))
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def drag(self, selector, dx, dy):
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self.driver).drag_and_drop_by_offset(element, dx, dy).perform()

    def answer(self, section, value):
        """Give an answer, and return what the page says."""
        host = f"[data-question={section}]"
        fields = self.driver.find_elements(By.CSS_SELECTOR, f"{host} input")
        if fields[0].get_attribute("type") == "radio":
            self.click(f"{host} input[value='{value}']")
        else:
            fields[0].clear()
            fields[0].send_keys(str(value))
        self.click(f"{host} button")
        return self.find(f"{host} .verdict").text

    def device(self, width, height, mobile=False):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def media(self, medium="", **features):
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": listed})

    def assert_silent(self):
        """No error in the console, no request to anywhere."""
        assert [entry for entry in self.driver.get_log("browser") if entry["level"] != "INFO"] == []
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        own = (
            self.path.as_uri(),
            "about:blank",
            "chrome:",
            "chrome-untrusted:",
            "data:",
            "about:srcdoc",
        )  # the browser's own
        assert [url for url in asked if not url.startswith(own)] == []


@pytest.fixture
def lesson(browser, tmp_path):
    lesson = Lesson(browser, tmp_path / "lesson.html")
    lesson.device(1280, 900)
    return lesson


# ---- numbers -----------------------------------------------------------------------------------------------------


def test_graphs_have_the_values_and_gradients_of_the_engine(lesson, rng):
    lesson.open()
    for name, make in (("slope", pages._parabola), ("gradient", pages._bowl), ("history", pages._article)):
        for _ in range(5):
            data = [rng.uniform(-3, 3) for _ in range(1 if name == "slope" else 2)]
            root, *leaves = make(*data)
            root.backward()
            given = dict(zip((leaf.label for leaf in leaves), data))
            value, gradients = lesson.run(
                """const graph = GIVEN.graphs[arguments[0]];
                return [forward(graph, arguments[1])[graph.root], gradients(graph, arguments[1])]""",
                *(name, given),
            )
            assert value == root.data
            assert {leaf.label: gradients[leaf.label] for leaf in leaves} == {x.label: x.grad for x in leaves}
    lesson.assert_silent()


def outside(engine, a, b):
    """Return the gradients that micrograd has, right or made wrong."""
    a, b = Outside(a), Outside(b)
    tmp = a * b
    c = tmp + b
    if engine == "overwrite":
        c.grad = 1
        for value in (c, tmp):
            for operand in value._prev:
                operand.grad = 0
            value._backward()
    else:
        for _ in range(1 + (engine == "twice")):
            c.backward()
    return {"a": a.grad, "b": b.grad, "tmp": tmp.grad, "c": c.grad}


@pytest.mark.parametrize("bend", ["tanh", "relu"])
def test_networks_have_the_loss_and_gradients_of_the_engine(lesson, bend):
    sizes, count = [2, 4, 4, 1], 20
    lesson.open()
    p, data, loss, gradients = lesson.run(
        """const net = new Net(arguments[0], 5, {bend: arguments[1]}), data = points("moons", arguments[2]);
        const loss = net.loss(data, true);
        return [[...net.p], data, loss, [...net.grad]]""",
        *(sizes, bend, count),
    )
    model = MLP(2, sizes[1:], activation=bend)
    model.layers[-1] = type(model.layers[-1])(4, 1, activation="tanh")
    order = [x for layer in model.layers for neuron in layer.neurons for x in [*neuron.w, neuron.b]]
    assert len(order) == len(p)
    for parameter, number in zip(order, p):
        parameter.data = number
    total = sum(((model([x, y]) - side) ** 2 for x, y, side in data), Value(0.0)) / count
    total.backward()
    assert loss == pytest.approx(total.data, rel=1e-12)
    assert gradients == pytest.approx([parameter.grad for parameter in order], rel=1e-9, abs=1e-14)


# ---- scenes ------------------------------------------------------------------------------------------------------


def test_slope_is_7_at_first_6_in_the_limit_and_lost_in_rounding(lesson):
    lesson.open("#slope")
    scene = "#slope-scene .readout em"
    assert lesson.find(scene).text == "7"
    lesson.press("#slope-scene input[type=range]", *[Keys.ARROW_RIGHT] * 20)
    assert lesson.state("h") == [5]
    assert math.isclose(float(lesson.find(scene).text), 6, abs_tol=1e-4)
    lesson.press("#slope-scene input[type=range]", Keys.END)
    assert lesson.find(scene).text == "0"
    lesson.press("#slope-scene .handle", Keys.ARROW_RIGHT, Keys.ARROW_UP)
    assert lesson.state("x") == [3.2]
    lesson.drag("#slope-scene .handle", -120, 0)
    assert lesson.state("x")[0] < 3
    lesson.assert_silent()


def test_gradient_walks_down_arrives_at_once_or_leaves(lesson):
    lesson.open("#gradient?done=1")
    assert "(2, 4)" in lesson.find("#gradient-scene .readout").text
    lesson.drag("#gradient-scene .handle", 60, 0)
    assert lesson.state("gx")[0] > 1
    lesson.press("#gradient-scene .handle", Keys.ARROW_UP)
    assert lesson.state("gy") == [2.1]
    for rate, told in ((0.5, "One step, and it is there."), (1.1, "Up!"), (1, "Back and forth"), (0.1, "Down")):
        lesson.run("store.set({gx: 1, gy: 2, rate: arguments[0], steps: 0})", rate)
        lesson.click("#gradient-scene .button.main")
        assert told in lesson.find("#gradient-scene .mini > p").text
    lesson.run("store.set({rate: 1.2, steps: 40})")
    assert "left the picture" in lesson.find("#gradient-scene").text
    lesson.assert_silent()


def test_history_makes_a_box_a_line_and_boxes_name_their_operands(lesson):
    lesson.open("#history?done=2")
    assert lesson.driver.find_elements(By.CSS_SELECTOR, "#history-scene .node") == []
    for count in range(1, 5):
        lesson.click("#history-scene .button.main")
        assert len(lesson.driver.find_elements(By.CSS_SELECTOR, "#history-scene .node")) == count
    memory = lesson.find("#history-scene .memory").text
    assert "c.data = 9" in memory and "c._prev = {tmp, b}" in memory and "c._op = '+'" in memory
    lesson.press("#history-scene .node[data-key=a]")
    assert "a._prev = {}" in lesson.find("#history-scene .memory").text
    lesson.press("#history-scene .scrub", Keys.ARROW_RIGHT)
    lesson.drag("#history-scene .scrub", 28, 0)
    assert lesson.state("a") == [5]
    assert "a.data = 5" in lesson.find("#history-scene .memory").text.replace("  ", " ")
    lesson.assert_silent()


class Inside:
    """Within the frame of the player; what it tells the page has arrived when this ends."""

    def __init__(self, lesson, frame="#backward-scene iframe"):
        self.lesson, self.frame = lesson, frame

    def __enter__(self):
        self.lesson.run("arguments[0].scrollIntoView()", self.lesson.find(self.frame.replace(" iframe", "")))
        WebDriverWait(self.lesson.driver, 10).until(lambda _: self.lesson.run(READY, self.frame))
        self.lesson.driver.switch_to.frame(self.lesson.find(self.frame))

    def __exit__(self, *_):
        self.lesson.driver.switch_to.default_content()


READY = "return !!document.querySelector(arguments[0])?.contentWindow.document.querySelector('#graph .node')"
AT_B = "return go(stops.findIndex(i => RUN.events[i].kind === 'more'))"  # the second share arrives


def test_backward_is_the_player_that_asks_first(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open("#backward?done=3")
    with Inside(lesson):
        lesson.run(AT_B)
        assert "3" not in lesson.find("#rule-body").text
        lesson.press(".ask input", "2", Keys.ENTER)
        assert "Not" in lesson.find("#now").text
        lesson.run("toggle('predict'); toggle('predict')")
        lesson.run(AT_B)
        lesson.press(".ask input", "3", Keys.ENTER)
        assert "Right" in lesson.find("#now").text
    lesson.assert_silent()


def test_backward_is_moved_by_keys_and_by_the_pointer_and_kept_in_the_address(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open("#backward?done=3")
    with Inside(lesson):
        lesson.press("#next", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        step = lesson.run("return stops[at] + 1")
    assert step > 1 and lesson.state("walk") == [f"step={step}"]
    with Inside(lesson):
        rail = lesson.find("#timeline .chapter .rail")
        ActionChains(lesson.driver).click_and_hold(rail).move_by_offset(400, 0).release().perform()
        moved = lesson.run("return stops[at] + 1")
    assert moved > step and lesson.state("walk") == [f"step={moved}"]
    lesson.driver.execute_async_script("setTimeout(arguments[0], 400)")
    address = lesson.run("return location.hash")
    lesson.open(address)
    with Inside(lesson):
        assert lesson.run("return stops[at] + 1") == moved
    lesson.assert_silent()


@pytest.mark.parametrize("engine, wrong", [("overwrite", ["b"]), ("twice", ["tmp", "a", "b"])])
def test_backward_shows_a_wrong_engine_with_the_numbers_that_micrograd_gets_by_it(lesson, rng, engine, wrong):
    a, b = rng.uniform(1, 3), rng.uniform(1, 3)
    lesson.open(f"#backward?done=3&walk=engine%3D{engine}%26v.a%3D{a!r}%26v.b%3D{b!r}")
    with Inside(lesson):
        grads = lesson.run("return Object.fromEntries(NODES.map(n => [n.name, RUN.grad.get(n.id)]))")
        right = lesson.run("return Object.fromEntries(NODES.map(n => [n.name, RIGHT.grad.get(n.id)]))")
        lesson.run("go(Infinity)")
        assert lesson.find("#verdict").is_displayed()
    assert grads == outside(engine, a, b)
    assert right == outside("right", a, b)
    assert {name for name in grads if grads[name] != right[name]} == set(wrong)
    lesson.assert_silent()


def test_backward_has_the_data_and_the_theme_of_the_page(lesson):
    lesson.open("#backward?done=3&a=5")
    with Inside(lesson):
        assert lesson.run("return NODES.map(n => DATA_NOW.get(n.id))") == [5, 3, 15, 18]
    lesson.run("store.set({b: 2, theme: 'dark'})")
    with Inside(lesson):
        assert lesson.run("return NODES.map(n => DATA_NOW.get(n.id))") == [5, 2, 10, 12]
        assert lesson.run("return document.documentElement.dataset.theme") == "dark"
    lesson.assert_silent()


def test_network_zooms_opens_neurons_and_shows_the_sum(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open("#network?done=4")
    assert "2 weights" in lesson.find("#network-scene .readout").text
    lesson.press("#network-scene input[type=range]", Keys.END)
    assert lesson.state("zoom") == [2] and "28 lines" in lesson.find("#network-scene .readout").text
    lesson.press("#network-scene .unit[data-key='2.3']", Keys.ENTER)
    assert lesson.state("pick", "zoom") == ["2.3", 0] and "4 weights" in lesson.find("#network-scene .readout").text
    before = lesson.find("#network-scene .sum").text
    lesson.drag("#network-scene .scrub", -42, 0)
    assert lesson.state("in1") == [0.7] and lesson.find("#network-scene .sum").text != before
    lesson.press("#network-scene .segments input", Keys.ARROW_RIGHT)
    assert lesson.state("bend") == [1] and "relu" in lesson.find("#network-scene .sum").text
    lesson.assert_silent()


def test_training_learns_and_forgetting_zero_grad_does_not(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open("#training?done=5")
    loss = "#training-scene .meters dd"
    before = float(lesson.find(loss).text)
    meters = lesson.driver.find_elements(By.CSS_SELECTOR, loss)
    assert meters[2].text == "none yet"
    for _ in range(3):
        lesson.click("#training-scene .controls .button:nth-child(2)")
    assert float(lesson.find(loss).text) < before
    assert float(meters[2].text) > 0
    runs = lesson.run(
        """return [0, 1].map(forget => { const net = new Net([2, 8, 8, 1], 2), data = points("moons");
            for (let i = 0; i < 300; i++) { if (!forget) net.zeroGrad(); net.loss(data, true); net.update(0.5); }
            return [net.loss(data), net.right(data)]; })"""
    )
    assert runs[0][0] < 0.01 and runs[0][1] == 100
    assert runs[1][0] > 0.3
    cloud, value = (
        "#training-scene .cloud",
        lambda: lesson.find("#training-scene .cloud").get_attribute("aria-valuetext"),
    )
    lesson.press(cloud, Keys.PAGE_DOWN)
    first = value()
    lesson.press(cloud, Keys.ARROW_UP)
    assert first.startswith("point 2 of 100") and value() != first
    lesson.assert_silent()


def test_training_points_can_be_dragged(lesson):
    lesson.open("#training?done=5")
    cloud = lesson.find("#training-scene .cloud")
    lesson.run("arguments[0].scrollIntoView({block: 'center'})", cloud)
    x, y = lesson.run("return points('moons')[0].slice(0, 2)")
    half = lesson.run("return arguments[0].getBoundingClientRect().width / 2", cloud) / 1.15
    start = cloud.get_attribute("aria-valuetext")
    mouse = ActionChains(lesson.driver).move_to_element_with_offset(cloud, int(x * half), int(-y * half))
    mouse.click_and_hold().move_by_offset(-80, 30).release().perform()
    moved = cloud.get_attribute("aria-valuetext")
    assert moved != start
    lesson.assert_silent()


def test_training_opens_the_graph_of_a_point_with_the_numbers_of_the_network(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open("#training?done=5")
    for _ in range(2):
        lesson.click("#training-scene .controls .button:nth-child(2)")
    lesson.press("#training-scene .cloud", *[Keys.PAGE_DOWN] * 3)
    lesson.click("#training-scene .controls > .button")
    frame = lesson.find("dialog iframe")
    lesson.driver.switch_to.frame(frame)
    lesson.driver.execute_async_script("const done = arguments[0]; setTimeout(done, 300)")
    gradients = lesson.run("return Object.fromEntries(NODES.map(n => [n.name, RIGHT.grad.get(n.id)]))")
    loss = lesson.run("return DATA_NOW.get(DATA.root)")
    lesson.driver.switch_to.default_content()
    names, p, x1, x2, truth, wanted, grad = lesson.run(
        """const net = new Net([2, 8, 8, 1], 2), data = points("moons");
        for (let i = 0; i < 2; i++) { net.zeroGrad(); net.loss(data, true); net.update(0.5); }
        net.zeroGrad();
        const point = data[3], loss = net.loss([point], true);
        return [GIVEN.sample.names, [...net.p], ...point, loss, [...net.grad]]"""
    )
    assert loss == pytest.approx(wanted, rel=1e-12)
    assert [gradients[name] for name in names] == pytest.approx(grad, rel=1e-9, abs=1e-14)
    model = MLP(2, [8, 8, 1], activation="tanh")
    model.layers[-1] = mg.Layer(8, 1, activation="tanh")
    order = [x for layer in model.layers for neuron in layer.neurons for x in [*neuron.w, neuron.b]]
    for parameter, number in zip(order, p):
        parameter.data = number
    ((model([x1, x2]) - truth) ** 2).backward()
    assert [gradients[name] for name in names] == pytest.approx([x.grad for x in order], rel=1e-9, abs=1e-14)
    lesson.click("dialog .button")
    assert lesson.driver.find_elements(By.CSS_SELECTOR, "dialog") == []
    lesson.assert_silent()


WRONG = {"slope": [7, 9, 0, 5], "gradient": [2, 0.7, 0.2, -1], "history": [0, 1], "backward": [4, 1, 7, 3],
         "network": [28, 9, 30], "training": [0, 2]}  # fmt: skip


@pytest.mark.parametrize("section", pages.SECTIONS)
def test_question_answers_each_wrong_number_and_lights_the_next_part(lesson, section):
    index = pages.SECTIONS.index(section)
    lesson.open(f"#{section}?done={index}")
    table = pages.words()[section]
    said = [lesson.answer(section, wrong) for wrong in WRONG[section]]
    assert said == [words for _, words in table["hints"]]
    assert lesson.state("done") == [index]
    assert not lesson.find(f"#{section} .after").is_displayed()
    if "choices" not in table:
        assert lesson.answer(section, "abc") == pages.words()["question"]["no-number"]
    assert lesson.answer(section, pages._answers()[section]) == table["praise"]
    assert lesson.state("done") == [index + 1]
    assert lesson.find(f"#{section} .after").is_displayed()
    for i, name in enumerate(pages.SECTIONS):
        assert lesson.find(f"#{name}-scene").is_displayed() == (i <= index + 1)
    lesson.assert_silent()


def test_an_answer_may_be_a_fraction(lesson):
    lesson.open("#gradient?done=1")
    for wrong in ("1/", "/2", "1/2/1", " "):
        assert lesson.answer("gradient", wrong) == pages.words()["question"]["no-number"]
    assert lesson.answer("gradient", "2/2") == pages.words()["gradient"]["hints"][1][1]
    assert lesson.answer("gradient", "1 / 2") == pages.words()["gradient"]["praise"]
    lesson.assert_silent()


# ---- the page ----------------------------------------------------------------------------------------------------


def test_first_screen_learns_by_the_button(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open()
    assert lesson.find("#hero-right").text.startswith("33 of 100")
    lesson.press("#faders input", Keys.ARROW_UP)
    lesson.click("#hero-go")
    assert lesson.find("#hero-right").text.startswith("100 of 100")
    lesson.click("#hero-reset")
    assert lesson.find("#hero-right").text.startswith("33 of 100")
    lesson.assert_silent()


def test_address_keeps_the_state_and_bad_ones_do_no_harm(lesson):
    lesson.open("#gradient?done=1&rate=0.85&steps=2&gx=99&theme=purple&nonsense=1&lines=abc&walk=<b>")
    assert lesson.state("done", "rate", "steps", "gx", "theme", "lines", "walk") == [1, 0.85, 2, 3.5, "", 0, ""]
    lesson.run("store.set({rate: 0.3})")
    lesson.driver.execute_async_script("setTimeout(arguments[0], 400)")
    address = lesson.run("return location.hash")
    lesson.open(address)
    assert lesson.state("done", "rate", "steps", "gx") == [1, 0.3, 2, 3.5]
    lesson.assert_silent()


@pytest.mark.parametrize("width, height", SIZES)
def test_nothing_is_wider_than_the_window(lesson, width, height):
    lesson.device(width, height, mobile=width < 500)
    lesson.open("#training?done=6&lines=4&zoom=2")
    assert lesson.run("return document.documentElement.scrollWidth") <= width
    out = lesson.run(
        """return [...document.querySelectorAll('.scene svg text')].filter(t => {
            const s = t.closest('svg'), b = t.getBoundingClientRect(), r = s.getBoundingClientRect();
            return b.left < r.left - 1 || b.right > r.right + 1; }).map(t => t.textContent)"""
    )
    assert out == []


@pytest.mark.parametrize("width, height", [(740, 360), (667, 375), (932, 430)])
def test_a_phone_on_its_side_shows_each_picture_whole(lesson, width, height):
    """Below the bar at the top; the player of the part Backward with its buttons."""
    lesson.device(width, height, mobile=True)
    lesson.open("#backward?done=6&lines=4&zoom=0")
    lesson.run("document.querySelector('#backward-scene').scrollIntoView()")
    WebDriverWait(lesson.driver, 20).until(lambda _: lesson.driver.find_elements(By.TAG_NAME, "iframe"))
    room = "return innerHeight - document.getElementById('rail').getBoundingClientRect().height"
    high = """return [...document.querySelectorAll('.scene svg, .scene canvas, .scene iframe')]
        .map(n => [n.closest('section').id, n.tagName, n.getBoundingClientRect().height])"""
    pictures = [(section, tag, high) for section, tag, high in lesson.run(high) if high]
    assert {"slope", "gradient", "history", "backward", "network", "training"} <= {
        section for section, *_ in pictures
    }
    assert [each for each in pictures if each[2] > lesson.run(room)] == []


@pytest.mark.parametrize("zoom", [0, 1])
def test_no_text_of_a_scene_is_faint(lesson, zoom):
    """What stands aside is drawn faintly; its text would be too faint to be read."""
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open(f"#training?done=6&lines=4&steps=3&zoom={zoom}")
    faint = """return [...document.querySelectorAll('.scene text')].filter(t => {
        for (let e = t; e; e = e.parentElement) if (getComputedStyle(e).opacity < 1) return true;
        return false; }).map(t => t.textContent)"""
    assert lesson.run(faint) == []


def test_touch_drags_a_handle(lesson):
    lesson.device(390, 844, mobile=True)
    lesson.open("#slope")
    knob = lesson.find("#slope-scene .handle .core")
    lesson.run("arguments[0].scrollIntoView({block: 'center'})", knob)
    x, y = lesson.run(
        "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]", knob
    )
    for kind, at in (
        ("touchStart", [x, y]),
        ("touchMove", [x - 20, y]),
        ("touchMove", [x - 60, y]),
        ("touchEnd", None),
    ):
        points = [{"x": at[0], "y": at[1]}] if at else []
        lesson.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert lesson.state("x")[0] < 2.9


def test_reduced_motion_leaves_no_animation(lesson):
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open("#slope")
    assert lesson.run("return document.getAnimations().length") == 0
    lesson.media(prefers_reduced_motion="no-preference")
    lesson.open("#slope")
    assert lesson.run("return document.getAnimations().length") > 0


def test_print_shows_all_text_and_no_controls(lesson):
    lesson.open()
    lesson.media("print")
    for selector in (".prose p", ".scene svg", ".question legend"):
        hidden = lesson.run(
            "return [...document.querySelectorAll(arguments[0])].filter(e => !e.getClientRects().length).length",
            selector,
        )
        assert hidden == 0, selector
    shown = "return [...document.querySelectorAll(arguments[0])].filter(e => e.getClientRects().length).length"
    assert lesson.run(shown, ".controls, .buttons, #rail") == 0


def test_paper_is_light_and_shows_each_picture(lesson):
    """A fresh page in the dark, of which most parts are hidden: on paper none of it is dark or empty."""
    lesson.media(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
    lesson.open()
    looks = """return [...document.querySelectorAll('canvas')].map(c =>
        c.getBoundingClientRect().width ? Math.min(...c.getContext('2d').getImageData(9, 9, 1, 1).data) : null)"""
    nodes = "return document.querySelectorAll('#history-scene .node').length"
    lit = "return document.querySelectorAll('.unlit').length"
    before = lesson.run(looks), lesson.state("lines"), lesson.run(lit)
    lesson.run("dispatchEvent(new Event('beforeprint'))")
    assert min(lesson.run(looks)) > 180
    assert (lesson.run(nodes), lesson.run(lit)) == (4, 0)
    lesson.run("dispatchEvent(new Event('afterprint'))")
    assert (lesson.run(looks), lesson.state("lines"), lesson.run(lit)) == before


@pytest.mark.parametrize("width", [360, 820])
def test_heads_of_arrows_lie_apart_in_an_upright_graph(lesson, width):
    lesson.device(width, 1180, mobile=width < 800)
    lesson.open("#history?done=2&lines=4")
    heads = lesson.run("""return [...document.querySelectorAll('#history-scene .head')].map(e => {
        const b = e.getBoundingClientRect(); return [b.x, b.y]})""")
    assert len(heads) == 6
    assert min(math.dist(p, q) for i, p in enumerate(heads) for q in heads[:i]) > 8


@pytest.mark.parametrize("width, height", [(390, 844), (740, 360)])
def test_first_button_moves_no_other_thing(lesson, width, height):
    lesson.device(width, height, mobile=True)
    lesson.media(prefers_reduced_motion="reduce")
    lesson.open()
    places = """return ['#hero-go', '#hero-reset', '.desk'].map(name => {
        const b = document.querySelector(name).getBoundingClientRect(); return [b.x, b.y, b.width]})"""
    before = lesson.run(places)
    lesson.run("$('hero-go').click()")
    assert lesson.run("return $('hero-right').textContent").startswith("100")
    assert lesson.run(places) == before


@pytest.mark.parametrize("width, height", [(390, 844), (740, 360)])
def test_phone_shows_what_the_first_button_does(lesson, width, height):
    lesson.device(width, height, mobile=True)
    lesson.open()
    ends = "return ['hero-go', 'hero-canvas', 'faders'].map(id => $(id).getBoundingClientRect().bottom)"
    assert max(lesson.run(ends)) <= height


def test_the_first_two_buttons_stand_in_a_row_on_a_phone_on_its_side(lesson):
    lesson.device(740, 360, mobile=True)
    lesson.open()
    tops = "return ['hero-go', 'hero-reset'].map(id => $(id).getBoundingClientRect().top)"
    assert len(set(lesson.run(tops))) == 1


@pytest.mark.parametrize("width, height", [(740, 360), (667, 375)])
def test_phone_on_its_side_has_pictures_beside_what_moves_them(lesson, width, height):
    lesson.device(width, height, mobile=True)
    lesson.open("#training?done=6&lines=4")
    boxes = """return [...document.querySelectorAll(arguments[0])].map(e => {
        const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]})"""
    for picture, moved_by in (("#training-scene .cloud", ".controls"), ("#history-scene svg", ".listing")):
        (left, top, right, bottom), *others = lesson.run(boxes, picture)
        assert others == []
        for one in lesson.run(boxes, f"{picture.split()[0]} {moved_by}"):
            assert (one[0] >= right or one[2] <= left) and one[1] < bottom and one[3] > top
    drawn = lesson.run(boxes, "#history-scene .node rect, #history-scene .op circle")
    assert len(drawn) == 6
    for i, p in enumerate(drawn):
        for q in drawn[:i]:
            assert p[0] > q[2] + 8 or q[0] > p[2] + 8 or p[1] > q[3] + 8 or q[1] > p[3] + 8


@pytest.mark.parametrize("width, height", [*SIZES, (740, 360)])
def test_no_text_crosses_a_dot_or_the_edge_of_a_box(lesson, width, height):
    lesson.device(width, height, mobile=width < 800)
    lesson.media(prefers_reduced_motion="reduce")
    crossed = """const box = e => e.getBoundingClientRect(), far = 3.5;
        const words = [...document.querySelectorAll('#slope-scene .mini text, #network-scene text')];
        const texts = words.map(e => [e, box(e)]);
        const marks = [...document.querySelectorAll('#slope-scene .mini circle, #network-scene rect.input-box')];
        return marks.flatMap(m => { const b = box(m); return texts.filter(([, t]) => {
            const apart = t.right < b.left || t.left > b.right || t.bottom < b.top || t.top > b.bottom;
            const inside = m.tagName === 'rect' && t.left > b.left + far && t.right < b.right - far
                && t.top > b.top + far && t.bottom < b.bottom - far;
            return !apart && !inside; }).map(([t]) => t.textContent); })"""
    for zoom in range(3):
        lesson.open(f"#network?done=5&zoom={zoom}")
        assert lesson.run(crossed) == [], zoom


def test_translation_is_one_file(lesson):
    """With each sentence in brackets all text of the page is in brackets, but numbers, names and code."""

    def bracketed(item):
        if isinstance(item, str):
            return f"[{item}]" if item[:1] not in ("=", ">", "") else item
        return (
            {k: bracketed(v) for k, v in item.items()} if isinstance(item, dict) else [bracketed(v) for v in item]
        )

    lesson.path.write_text(pages.page(bracketed(pages.words())), encoding="utf-8")
    for fragment in (
        "",
        "#training?done=6&lines=4&steps=3&rate=1.2&forget=1",
        "#backward?done=6",
    ):
        lesson.open(fragment)
        text = lesson.run(TEXT)
        assert any(t.startswith("[Nudge, and look") for t in text)
        plain = [t for t in text if "[" not in t and "]" not in t]
        code = (
            "Value(",
            "tmp = ",
            "loss = how_wrong",
            "model.zero_grad",
            "loss.backward",
            "p.data -=",
            "x*x",
            "grad ",
            ".grad",
            "→",
        )
        words = [
            t
            for t in plain
            if any(part.isalpha() and len(part) > 3 for part in t.split()) and not any(c in t for c in code)
        ]
        known = {"data", "grad", "tmp", "tanh", "relu", "x*x", "x*x + y*y", "Value", "_prev", "_op", "c.grad"}
        assert [t for t in words if t.strip() not in known] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["", "#slope?done=6&lines=4", "#training?done=6&forget=1"])
def test_axe_finds_no_violation(lesson, fragment, scheme):
    lesson.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    lesson.open(fragment)
    lesson.run(axe_source())
    result = lesson.driver.execute_async_script("axe.run({resultTypes: ['violations']}).then(arguments[0])")
    found = [(v["id"], v["impact"], [node["html"][:200] for node in v["nodes"]][:3]) for v in result["violations"]]
    assert found == []
