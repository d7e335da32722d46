"""What a reader does with the explainer's page: play, edit, ask why, predict, share, choose a wrong engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chromium import axe_source
from explainer import CHECKED, Page, neuron, started, texts
from graphs import article
from selenium.webdriver.common.keys import Keys

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.viz.page import as_json, page_data, player

pytestmark = [pytest.mark.slow, pytest.mark.once]


EMBED = (Path(mg.__file__).parent / "viz" / "embed.js").read_text("utf-8")


def test_gradient_moves_from_the_result_to_the_operand(page):
    """While it moves the sum is open; then it grows."""
    page.media(prefers_reduced_motion="no-preference")
    page.run("document.getElementById('speed').value = '2600'")
    page.go("first")
    places = page.driver.execute_async_script("""const done = arguments[0], out = [];
        go(at - 1); go(at + 1, true);
        const look = () => { const p = document.querySelector('.packet');
          if (!p) { done(out); return; }
          const [x] = p.getAttribute('transform').match(/-?[\\d.]+/g);
          const sum = $('rule').querySelector('.new .num').textContent;
          out.push([+x, sum, $('rule').querySelector('.equation').ariaLabel]); requestAnimationFrame(look); };
        look();""")
    assert len(places) > 3 and places[-1][0] < places[0][0]
    assert {tuple(told) for _, *told in places} == {("…", "new gradient of e: …")}
    assert page.text("#rule .new .num") == "1"
    assert page.find("#rule .equation").get_attribute("aria-label") == "new gradient of e: 1"


def test_keyboard_alone_is_enough(page):
    page.media(prefers_reduced_motion="reduce")
    page.run("document.body.focus()")
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.run("return at") == 2
    page.press(Keys.ARROW_LEFT)
    assert page.run("return at") == 1
    page.press(Keys.END)
    assert page.run("return at === stops.length - 1")
    page.press(Keys.HOME)
    assert page.run("return at") == 0
    page.go("enter")
    page.press(Keys.SPACE)
    assert page.text("#play") == "Pause"
    page.press(Keys.SPACE)
    assert page.text("#play") == "Play"
    missed = {"next", "scrub", "predict", "engine", "only", "fit", "data 2 of a: edit"}
    for _ in range(50):
        page.press(Keys.TAB)
        missed -= {page.run("const a = document.activeElement; return a.id || a.ariaLabel || a.textContent")}
        if not missed:  # later on the browser's own buttons have their turn
            break
    assert not missed
    page.run("document.getElementById('next').focus()")
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    now = page.run("return at")
    page.press(Keys.ENTER)
    assert page.run("return at") == now + 1
    page.run("document.querySelector('.edit[aria-label*=\" of a:\"]').focus()")
    page.press(Keys.ENTER)
    page.press("5", Keys.ENTER)
    assert page.run("return RUN.grad.get(NODES.find(n => n.name === 'b').id)") == 6
    page.go("first")
    page.find("#rule .foot button").send_keys(Keys.ENTER)
    assert page.find("#why").is_displayed()
    page.press(Keys.ESCAPE)
    assert not page.find("#why").is_displayed()


def test_play_stops_at_the_end_of_each_chapter(page):
    page.media(prefers_reduced_motion="reduce")
    page.run("$('speed').lastChild.value = '20'; $('speed').value = '20'")
    chapters = []
    for _ in range(8):
        page.find("#play").click()
        page.driver.execute_async_script(
            "const look = setInterval(() => { if (!timer) { clearInterval(look); arguments[0](); } }, 20);"
        )
        chapters.append(page.run("return CHAPTERS[event().chapter]"))
        if page.run("return at === stops.length - 1"):
            break
    assert chapters == ["Forward", "Graph", "Order", "Seed", "Backward", "Result"]
    assert page.text("#play") == "Again"


def test_chapters_rails_and_what_repeats(page):
    names = [button.text.split()[0] for button in page.all(".chapter .label")]
    assert names == ["Forward", "Graph", "Order", "Seed", "Backward", "Result"]
    page.all(".chapter .label")[4].click()
    assert page.run("return event().kind") == "node" and page.text("#where").startswith("Backward 1 of")
    page.find("#scrub").send_keys(Keys.ARROW_RIGHT)
    assert page.run("return event().kind") == "first"
    stops = page.run("return stops.length")
    page.find("#skip").click()
    assert page.run("return stops.length") > stops
    assert page.run("return stops.length === RUN.events.length")
    page.find("#only").click()
    assert [button.text.split()[0] for button in page.all(".chapter .label")] == ["Seed", "Backward", "Result"]
    page.all("#steps button")[2].click()
    assert page.run("return at - stops.findIndex(i => RUN.events[i].chapter === event().chapter)") == 2


def test_why_shows_the_reason_with_the_readers_numbers(page):
    page.set("b", "4")
    page.go("first", last=True)
    page.find("#rule .foot button").click()
    assert page.text("#why-title") == "Why is ∂e/∂a = b?"
    assert "4" in page.text("#why .picture") and page.all("#why .sums b")[0].text == "2"
    slider = page.find("#why input[type=range]")
    page.run("arguments[0].value = -0.25; arguments[0].dispatchEvent(new Event('input'))", slider)
    assert [b.text for b in page.all("#why .sums b")] == ["−1", "−1"] and "(the same)" in page.text("#why .sums")
    page.all("#why .pick button")[1].click()
    assert page.text("#why-title") == "Why is ∂e/∂b = a?"
    page.shoot("why")


def test_editing_leaves_recomputes_everything(page):
    page.media(prefers_reduced_motion="reduce")
    assert page.edit("a", "2.0001") == page.edit("b", "3.01") == ""
    assert page.run("return DATA_NOW.get(ROOT.id)") == pytest.approx(9.030301)
    assert page.run(CHECKED).startswith("The data are yours")
    page.end()
    assert page.gradients() == {"a": "3.01", "b": "3", "e": "1", "c": "1"}
    assert page.run("return RUN.grad.get(NODES.find(n => n.name === 'b').id)") == pytest.approx(3.0001)
    page.find("#list-tabs button[data-name=values]").click()
    assert "3.0001 ✓" in page.text("#values")
    page.shoot("edited")
    page.find("#reset").click()
    assert page.run("return DATA_NOW.get(ROOT.id)") == 9
    page.assert_silent()


def test_an_edit_that_python_refuses_keeps_the_last_good_state(browser, tmp_path):
    a, b = Value(3.0, label="a"), Value(2.0, label="b")
    page = Page(browser, mg.explain(a / b + a.log()), tmp_path / "page.html", width=1440)
    page.go("seed")
    for name, text, said in (
        ("b", "0", "3.0 / 0.0: division by zero. b stays 2."),
        ("a", "-1", "log(-1.0) is not defined: the argument x must satisfy x > 0. a stays 3."),
        ("a", "abc", "could not convert string to float: 'abc'. a stays 3."),
        ("a", "", "could not convert string to float: ''. a stays 3."),
    ):
        before = texts(page)
        assert page.edit(name, text or Keys.BACKSPACE) == said
        assert page.find(".ask input").get_attribute("aria-invalid") == "true" and texts(page) == before
        page.press(Keys.ESCAPE)
    page.shoot("refused")
    page.assert_silent()


def test_links_hold_the_step_and_the_data(page, browser, tmp_path):
    page.media(prefers_reduced_motion="reduce")
    page.edit("b", "5")
    page.choose("overwrite")
    page.go("first", last=True)
    page.wait(0.3)
    fragment = page.run("return location.hash")
    other = Page(browser, page.explanation, tmp_path / "other.html", fragment)
    assert other.run("return [event().kind, engine, DATA_NOW.get(ROOT.id)]") == ["first", "overwrite", 15]
    other = Page(browser, page.explanation, tmp_path / "other.html", "#step=999&engine=none&v.b=abc&v.zz=1&open=77")
    assert other.run("return [at === stops.length - 1, engine, DATA_NOW.get(ROOT.id)]") == [True, "right", 9]
    other.run("location.hash = '#step=1'")
    other.wait(0.1)
    assert other.run("return at") == 0
    other.assert_silent()


@pytest.mark.parametrize("clipboard", ["as it is", "refuses", "missing"])
def test_link_is_copied_with_or_without_a_clipboard(page, clipboard):
    """Pages over http have none."""
    refuse = {"refuses": "({writeText: () => Promise.reject(Error('not allowed'))})", "missing": "undefined"}
    if clipboard in refuse:
        page.run(f"Object.defineProperty(navigator, 'clipboard', {{value: {refuse[clipboard]}}})")
    page.set("b", "5")
    page.go("more")
    page.find("#link").click()
    page.wait(0.2)
    assert page.find("#link").get_attribute("textContent") == "Copied"
    assert page.run("return document.activeElement.id") == "link"
    page.wait(0.9)
    page.find("#link").click()
    page.wait(0.8)  # more than 1.5 s after the first click
    assert page.find("#link").get_attribute("textContent") == "Copied"
    page.run("const area = el('textarea', {id: 'paste'}); document.body.append(area)")
    page.find("#paste").send_keys(Keys.CONTROL, "v")
    pasted = page.run("return document.getElementById('paste').value")
    assert pasted == page.run("return location.href")
    assert f"step={page.run('return stops[at] + 1')}&v.b=5" in pasted
    page.assert_silent()


def test_assigning_instead_of_adding_fails_visibly(page):
    page.choose("overwrite")
    assert "Only += keeps both" in page.text("#verdict") and "3" not in page.text("#verdict")
    page.go("first", last=True)
    assert page.text("#code mark") == "=" and "The old 1 is lost" in page.text("#rule")
    page.end()
    verdict = page.text("#verdict")
    assert "b.grad is 2, but should be 3" in verdict and "b is used 2 times" in verdict
    assert page.gradients()["b"] == "2"
    assert len(page.all("g.wrong")) == 1 and "✕ 1 is lost" in [tag.text for tag in page.all("g.tag.bad")]
    assert "b.grad = e.grad * de/db = 1 * 2 = 2" in texts(page)
    page.shoot("wrong-overwrite")


def test_depth_first_without_order_fails_visibly(page):
    page.choose("depth")
    page.end()
    verdict = page.text("#verdict")
    assert "a.grad is 0, but should be 3" in verdict and "its turn later" in verdict
    assert page.gradients() == {"a": "0", "b": "1", "e": "1", "c": "1"} and len(page.all("g.wrong")) == 2
    page.shoot("wrong-depth")


def test_depth_first_passes_on_what_is_not_complete(browser, tmp_path):
    page = Page(browser, mg.explain(reused()), tmp_path / "page.html")
    page.choose("depth")
    page.end()
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
    page.find("#skip").click()
    shown = page.run("""return stops.map((_, i) => { go(i); const e = RUN.events[stops[i]];
        return [$("now").textContent !== "" && $("steps").querySelectorAll("[aria-current]").length === 1
            && $("code").querySelectorAll("li.now").length === 1,
          state.calls.length, e.depth ?? null, e.kind]; })""")
    assert all(told for told, *_ in shown)
    for _, calls, depth, kind in shown:  # a call stands in the stack as deep as it is
        assert depth is None or calls == depth + (kind not in ("append", "skip"))
    page.assert_silent()


def test_second_backward_without_zero_grad_fails_visibly(page):
    page.choose("twice")
    page.end()
    verdict = page.text("#verdict")
    assert "b.grad is 8, but should be 3" in verdict and "zero_grad()" in verdict
    c = article()
    c.backward()
    c.backward()
    order = {v.name: v.grad for v in mg.topological_order(c)}
    assert {name: float(text) for name, text in page.gradients().items()} == order
    page.shoot("wrong-twice")
    page.choose("right")
    assert not page.find("#verdict").is_displayed()


@pytest.mark.parametrize("engine", ["overwrite", "depth", "twice"])
def test_wrong_engines_say_so_when_nothing_can_go_wrong(browser, tmp_path, engine):
    page = Page(browser, mg.explain(Value(2.0, label="a") * Value(3.0, label="b")), tmp_path / "page.html")
    page.choose(engine)
    page.end()
    lucky = engine != "twice"
    assert ("by luck" in page.text("#verdict")) == lucky
    page.assert_silent()


def test_predictions_are_asked_for_and_scored(page):
    page.media(prefers_reduced_motion="reduce")
    page.find("#predict").click()
    page.go("more")
    assert page.text("#rule .new .num") == "?" and page.text(".local.lit").endswith("= ?")
    assert "What will b.grad be" in page.text("#now") and page.gradients()["b"] == "1"
    page.press("x", Keys.ENTER)
    assert "Type a number" in page.text(".ask p")
    page.press(Keys.BACKSPACE, "3", Keys.ENTER)
    assert page.text("#now").startswith("✓ Right (1 of 1).") and page.gradients()["b"] == "3"
    page.run("go(at - 1)")
    page.press("7", Keys.ENTER)
    assert page.text("#now").startswith("✕ Not 7.") and page.gradients()["a"] == "3"
    page.go("first")
    page.shoot("predict")
    page.press(Keys.ARROW_RIGHT)  # shows it without a guess
    assert page.run("return event().kind") == "first" and page.text("#rule .new .num") == "1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_on_a_phone_has_tabs_and_a_menu(page, scheme):
    page.device(360, 780, mobile=True)
    page.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    page.refresh()
    page.go("more")
    for tab in ("code", "steps", "values", "why", "rule"):
        page.find(f"#tabs button[data-name={tab}]").click()
        pane = {"steps": "#steps", "values": "#values"}.get(tab, f"#{tab}")
        assert page.find(pane).is_displayed()
        page.shoot(f"phone-{tab}-{scheme}")
    assert not page.find("#engine").is_displayed()
    page.find("#more").click()
    assert page.find("#engine").is_displayed()
    width, inner = page.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner
    page.assert_silent()


def test_motion_stops_where_the_reader_asks_for_less(page):
    page.media(prefers_reduced_motion="reduce")
    page.go("first")
    page.run("go(at - 1); go(at + 1, true)")
    assert page.all(".packet") == [] and page.text("#rule .new .num") == "1"
    assert page.run("return getComputedStyle(document.querySelector('.link path')).transitionDuration") == "0s"


def test_theme_button_overrides_the_system(page):
    page.media(prefers_color_scheme="light")
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(colour)
    page.find("#theme").click()
    dark = page.run(colour)
    assert dark != light
    page.media(prefers_color_scheme="dark")
    assert page.run(colour) == dark
    page.find("#theme").click()
    assert page.run(colour) == light


def test_mount_puts_the_player_into_another_page(browser, tmp_path):
    """With other data, another engine and a step, as the lesson opens it."""
    explanation = mg.explain(article())
    text = json.dumps(player()).replace("<", "\\u003c")
    data = as_json(page_data(explanation)).replace("<", "\\u003c")
    path = tmp_path / "host.html"
    path.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><title>h</title><div id="here"></div><script>{EMBED}\n'
        f"const frame = mount(document.getElementById('here'), {text}, {data}, "
        "{step: 26, engine: 'overwrite', values: {b: 5}, theme: 'dark'});"
        "frame.style.cssText = 'width:1100px;height:700px';</script>",
        "utf-8",
    )
    browser.get(path.as_uri())
    browser.execute_async_script("const done = arguments[0]; frame.player(() => done())")
    browser.switch_to.frame(0)
    started(browser)
    try:
        told = browser.execute_script(
            "return [stops[at], engine, DATA_NOW.get(ROOT.id), document.documentElement.dataset.theme]"
        )
        assert told == [25, "overwrite", 15, "dark"]
    finally:
        browser.switch_to.default_content()
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "state", ["start", "share", "end", "wrong", "predict", "refused", "why", "values", "phone"]
)
def test_axe_finds_no_violation(page, state, scheme):
    page.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    if state == "phone":
        page.device(360, 780, mobile=True)
    if state in ("share", "why"):
        page.go("more")
    if state == "end":
        page.end()
    elif state == "wrong":
        page.choose("overwrite")
        page.end()
    elif state == "predict":
        page.find("#predict").click()
        page.go("first")
    elif state == "refused":
        page.edit("a", "abc")
    elif state == "why":
        page.run("openWhy()")
    elif state == "values":
        page.run("pressed('list-tabs', 'list', 'values')")
    page.run(axe_source())
    result = page.driver.execute_async_script("axe.run({resultTypes: ['violations']}).then(arguments[0])")
    violations = [
        (v["id"], v["impact"], [node["html"][:200] for node in v["nodes"]][:3]) for v in result["violations"]
    ]
    assert violations == []
