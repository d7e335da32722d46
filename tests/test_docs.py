"""The links of the documentation lead somewhere: in the repository, and in the site that `make docs` builds."""

import importlib
import inspect
import json
import math
import operator
import os
import re
import shutil
import subprocess
from doctest import DocTestFinder
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from chromium import axe_source
from support import slow_once

from micrograd_c import Neuron, optim
from micrograd_c._checks import ACTIVATIONS
from micrograd_c._core import NAMES, OPS, ffi

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "docs"
PAGES = [
    path
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if path.exists()
]
CODE = re.compile(r"^(```+|~~~+|:::+).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def anchors(page):
    """Return what a link to a heading of a page may say, as GitHub has it."""
    text = re.sub(r"^(```+).*?^\1", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_of_the_repository(page):
    text = CODE.sub("", page.read_text("utf-8"))
    for words, link in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text):
        if urlsplit(link).scheme:
            continue
        name, _, anchor = link.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists() or name.startswith("gallery/"), f"{page.name}: {link}"  # drawn as the site is built
        assert words, f"{page.name}: a link to {link} without words, which GitHub does not show"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name}: {link}"


CODE_OF_PAGE = re.compile(r"^(```+)([^\n]*)\n(.*?)^\1", re.MULTILINE | re.DOTALL)
GALLERY = sorted((ROOT / "examples" / "gallery").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS, *GALLERY], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_line_of_code_is_wider_than_a_page_of_the_site(page):
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        blocks = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        assert blocks
    elif page.suffix == ".py":
        blocks = [text.split('"""', 2)[2]]
    else:
        blocks = [block for _, kind, block in CODE_OF_PAGE.findall(text) if kind != "text"]  # that wraps
    assert [line for block in blocks for line in block.splitlines() if len(line) > 90] == []


@pytest.mark.parametrize(
    "module", ["", ".nn", ".optim", "._schedules", ".plot", ".viz", "._grad", "._gradcheck", ".losses"]
)
def test_no_example_of_a_docstring_is_wider_than_the_reference(module):
    tests = DocTestFinder().find(importlib.import_module(f"micrograd_c{module}"), "micrograd_c")
    lines = [line for test in tests for each in test.examples for line in (each.source + each.want).splitlines()]
    assert [line for line in lines if len(line) > 80] == []


def test_the_picture_of_the_speed_has_room_for_the_names_of_its_bars():
    picture = ROOT / "docs" / "speed.svg"
    if not picture.exists():
        pytest.skip("docs/ is not here")
    names = ElementTree.parse(picture).findall(".//*[@text-anchor='end']")
    assert len(names) > 20
    assert [name.text for name in names if 8 * len(name.text) > float(name.get("x"))] == []  # pixels a letter


def test_the_page_on_tests_says_how_many_tests_programs_and_fuzzers_there_are():
    page = ROOT / "docs" / "reliability.md"
    programs, fuzzers = sorted((ROOT / "tests" / "c").glob("test_*.c")), (ROOT / "tests" / "fuzz").glob("fuzz_*.py")
    if not page.exists() or not programs:
        pytest.skip("this is not the repository")
    ran = sum(len(re.findall(r"\bRUN(?:_FORK)?\([a-z]", program.read_text())) for program in programs)
    told = re.search(
        r"more than (\d+) tests in (\d+) programs .*?second opinions \| (\d+) \|",
        page.read_text("utf-8"),
        re.DOTALL,
    )
    for number, there in zip(told.groups(), (ran, len(programs), len([*fuzzers]))):
        assert int(number) <= there < 1.15 * int(number)


@pytest.fixture
def tools(monkeypatch):
    """The modules that build the site."""
    if not (ROOT / "docs").exists():
        pytest.skip("docs/ is not here")
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import make_site
    import op_page

    return make_site, op_page


def test_the_page_of_the_ops_has_formulas_and_curves_of_each_row_of_the_table(tools):
    _, op_page = tools
    cards = op_page.cards()
    rows = re.findall(
        r"^(?:OP\w+|ACTIVATIONK?|CHOICE) *\((\w+),", (ROOT / "csrc" / "ops.def").read_text(), re.MULTILINE
    )
    assert re.findall('id="op-(.*?)"', cards) != [] and len(rows) > 50
    assert {name.lower().replace("_", "-") for name in rows} == set(re.findall('id="op-(.*?)"', cards))
    for part in re.findall(r"<div class=\"op[ \"].*?</dl></div>", cards):
        card = ElementTree.fromstring(part)
        assert len(card.findall(".//math")) >= 2 and "nan" not in part.replace("isnan", "")
        value, slope = (card.find(f".//path[@class='{name}']").get("d") for name in ("value", "slope"))
        assert len(value) > 50 and len(slope) > 50, card.get("id")


def test_a_curve_goes_where_the_function_goes(tools):
    _, op_page = tools
    text = op_page.curve(op_page.NAMES.index("TAN"))
    value = ElementTree.fromstring(text).find("path[@class='value']").get("d")
    parts = value.split("M")[1:]
    assert len(parts) == 3  # it is cut at -pi/2 and at pi/2
    for x, y in re.findall(r"[ML]([\d.]+) (-?[\d.]+)", value):
        a, b = op_page.LEFT + float(x) / op_page.SCALE, op_page.HIGH - float(y) / op_page.SCALE
        assert abs(math.atan(b) - math.atan(math.tan(a))) < 0.05


def test_links_from_file_to_file_become_links_from_page_to_page(tools):
    make_site, _ = tools
    linked = {}
    text = "[a](docs/train.md#watch-it) [b](csrc/ops.def) [c](https://x.y/z) [d](none.md) f[0](x) [e](#below)"
    moved = make_site.moved(text, ROOT / "README.md", linked)
    assert moved == text.replace("docs/train.md", "train.md").replace("csrc/ops.def", "files/csrc/ops.def")
    assert linked == {
        "train.md": ROOT / "docs" / "train.md",
        "files/csrc/ops.def": ROOT / "csrc" / "ops.def",
    }
    rows = "| micrograd-c | 60.4 ms | 5 Values |\nmicrograd-c 60.4 ms\n"
    kept = "| micrograd\N{NON-BREAKING HYPHEN}c | 60.4\N{NO-BREAK SPACE}ms | 5 Values |\nmicrograd-c 60.4 ms\n"
    assert make_site.on_one_line(rows) == kept
    back = make_site.moved("[a](../README.md#speed) [b](../examples/notebooks)", ROOT / "docs" / "faq.md", linked)
    assert back == "[a](overview.md#speed) [b](notebooks.md)"


@pytest.mark.parametrize(
    "module", ["micrograd_c", "micrograd_c.nn", "micrograd_c.optim", "micrograd_c.jit", "micrograd_c.plot"]
)
def test_the_reference_has_every_public_name(module):
    pages = sorted((ROOT / "docs" / "api").glob("*.rst"))
    if not pages:
        pytest.skip("docs/ is not here")
    text = "\n".join(page.read_text("utf-8") for page in pages)
    if f"automodule:: {module}\n" in text:
        return
    module = importlib.import_module(module)
    public = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name)) or name == "jit"}
    assert public - {*re.findall(r"^\.\. auto\w+:: (?:[\w.]+\.)?(\w+)$", text, re.MULTILINE)} == set()


# Ops that the README names by another word: `**`, comparisons, `where`.
OTHER_WORDS = {"power", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "when", "unless"}


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="README.md is not here")
def test_the_lists_for_people_have_every_op_activation_and_optimiser():
    names = {name.lower(): row for name, row in zip(NAMES, OPS) if row.method or ffi.string(row.step)}
    ops = {name for name in names if not hasattr(operator, f"__{name}__")} - OTHER_WORDS
    optimisers = {name for name in optim.__all__ if isinstance(getattr(optim, name), type)} - {"Optimizer"}
    text = {
        name: {*re.findall(r"\w+", (ROOT / name).read_text("utf-8"))}
        for name in ("README.md", "docs/train.md", "docs/programs.md", "docs/coming-from.md", "docs/api/index.md")
    }
    for page, words in text.items():
        assert optimisers <= words, f"{page} lacks {optimisers - words}"
    assert ops <= text["README.md"], f"README.md lacks {ops - text['README.md']}"
    for where, said in (("README.md", (ROOT / "README.md").read_text("utf-8")), ("Neuron", Neuron.__doc__)):
        assert [name for name in ACTIVATIONS if f"'{name}'" not in said] == [], f"{where} lacks an activation"


@pytest.fixture
def old_python(tmp_path):
    """Stand-ins that log how they are called: a Python 3.10 that does nothing, and a make."""
    if not (ROOT / ".ci").exists():
        pytest.skip("this is not the repository")
    (tmp_path / "bin").mkdir()
    for name in ("python", "make"):
        path = tmp_path / "bin" / name
        text = f"""#!/bin/sh
echo {name} "$@" >>{tmp_path}/log
case "$*" in *"version_info < (3, 11)"*) exit ${{OLD:-1}};; *--version*) echo Python 3.10.13;; esac
"""
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def test_make_docs_says_which_python_it_needs_before_it_compiles_anything(old_python):
    make = ["make", "-C", str(ROOT), f"VENV={old_python}", f"-o{old_python}/.venv"]
    done = subprocess.run([*make, "docs"], capture_output=True, text=True)
    assert done.returncode and "needs Python 3.11 or newer" in done.stdout
    assert "pip" not in (old_python / "log").read_text()


@pytest.mark.parametrize("old", ["1", "0"])
def test_the_checks_of_a_change_step_over_the_site_where_python_is_old(old_python, old):
    folder = old_python / "tree"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    path = os.pathsep.join([str(old_python / "bin"), os.environ["PATH"]])
    (old_python / "bin" / "chromedriver").symlink_to(old_python / "bin" / "make")
    done = subprocess.run(
        [folder / ".ci" / "run"],
        env={**os.environ, "PATH": path, "PYTHON": "python", "OLD": old},
        capture_output=True,
    )
    calls = re.findall(r"^make .* (\S+)$", (old_python / "log").read_text(), re.MULTILINE)
    assert done.returncode == 0 and calls == ["demo", "lint", *["docs"] * (old == "0"), "fuzz", "test-slow", "test"]
    assert (b"-- docs: not built" in done.stdout) == (old == "1")


class Page(HTMLParser):
    """What a page of HTML links to, what it loads, and where one can link to in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.ids = [], [], set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        loads = ("src", "srcset", "data", "poster") + (("href",) if tag in ("link", "image", "use") else ())
        self.loaded += [given[name] for name in loads if given.get(name)]


def site():
    if not (SITE / "index.html").exists():
        pytest.skip("the site is not built: make docs")
    return {path: Page(path) for path in sorted(SITE.rglob("*.html"))}


@slow_once
def test_every_link_of_the_site_leads_to_a_page_and_a_place_in_it():
    pages = site()
    dead = []
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not there.is_file() or (anchor and there in pages and anchor not in pages[there].ids):
                dead.append(f"{path.relative_to(SITE)}: {link}")
    assert not dead
    assert len(pages) > 30 and sum(len(page.links) for page in pages.values()) > 1000


@slow_once
def test_the_site_loads_nothing_from_elsewhere():
    for path, page in site().items():
        away = [link for link in page.loaded if urlsplit(link).scheme not in ("", "data") or link.startswith("//")]
        assert not away, path.name
    for path in SITE.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", path.read_text("utf-8")), path.name


@pytest.fixture(scope="module")
def served():
    """The address of the site: pages of files may not read each other."""
    site()
    handler = partial(QuietHandler, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Tells of no request."""

    def log_message(self, *args):
        pass


# Elements of a page that scroll sideways and that the tab key does not reach; then what is wider than the window.
UNREACHED = """
const wide = [...document.querySelectorAll("article *")].filter(part => part.scrollWidth > part.clientWidth + 1
  && /auto|scroll/.test(getComputedStyle(part).overflowX) && !part.closest("iframe, svg"));
const root = document.documentElement;
return [wide.length, wide.filter(part => part.tabIndex < 0).map(part => part.outerHTML.slice(0, 80)),
  root.scrollWidth - root.clientWidth];
"""


@slow_once
def test_what_scrolls_sideways_on_a_phone_takes_focus_and_no_page_is_wider_than_it(browser, served):
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    every = 0
    for path in site():
        name = path.relative_to(SITE).as_posix()
        if name.startswith("live/"):  # tested with the explainer and the lesson
            continue
        browser.get(served + name)
        for _ in range(100):  # the event of the page's size may come a little later
            scrolling, unreached, beyond = browser.execute_script(UNREACHED)
            if not unreached:
                break
        assert (unreached, beyond) == ([], 0), name
        every += scrolling
    assert every > 50
    size["width"] = 3000
    browser.get(served + "errors.html")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**size, "mobile": False})
    for _ in range(100):  # the event of the new size comes a little later
        if not browser.execute_script("return document.querySelectorAll('article pre[tabindex]').length"):
            break
    else:
        pytest.fail("what scrolls no more still takes focus")


@slow_once
@pytest.mark.parametrize("name", ["index", "errors", "api/value", "api/optim", "genindex"])
def test_axe_finds_no_violation_in_a_page_of_the_site(browser, served, name):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    browser.get(f"{served}{name}.html")
    browser.execute_script(axe_source())
    run = "axe.run({resultTypes: ['violations']}).then(arguments[0])"
    found = browser.execute_async_script(run)["violations"]
    assert [(each["id"], [node["html"][:80] for node in each["nodes"]]) for each in found] == []
