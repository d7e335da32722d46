"""Screenshots of the lesson's scenes and of explainer pages into build/screenshots: five sizes, light and dark.

python .ci/screenshots.py [NAME...]: only those whose names begin so, such as page-wrong, or lesson. A folder of
contact sheets, build/screenshots/sheets, has the pictures of a size and a scheme side by side.
"""

from __future__ import annotations

import itertools
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver

sys.path.insert(0, str(Path(__file__).parent.parent))
import micrograd_c as mg
from micrograd_c import MLP, Value

OUT = Path(__file__).parent.parent / "build" / "screenshots"
SIZES = (1440, 900), (1280, 800), (820, 1180), (390, 844), (740, 360)  # the last: a phone on its side


def pages() -> dict[str, mg.Explanation]:
    """Return the graphs that are shown."""
    a, b, c = (Value(x, label=name) for x, name in ((2.0, "a"), (3.0, "b"), (0.5, "c")))
    tmp = a * b
    c_ = tmp + b
    rules = b.relu() ** 2 / a - c.exp()
    random.seed(7)
    model = MLP(3, [4, 4, 1], activation="tanh")
    loss = (model([Value(x, label=f"x{i}") for i, x in enumerate((1.0, -2.0, 0.5), 1)]) - 1) ** 2
    small = MLP(3, [2, 1], activation="tanh", fused=False)
    xs = [2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]
    total = sum((small(x) - y) ** 2 for x, y in zip(xs, (1.0, -1.0, -1.0, 1.0)))
    return {
        "article": mg.explain(c_, title="c = a*b + b", names={"c": c_, "tmp": tmp}),
        "rules": mg.explain(rules, title="y = relu(b)**2 / a - exp(c)", names={"y": rules}),
        "network": mg.explain(loss, model, names={"loss": loss}),
        "samples": mg.explain(total, small, names={"loss": total}, limit=None),
    }


REFUSE = "document.querySelector('.ask input').value = '0'; document.querySelector('.ask').requestSubmit()"
DIVIDED = "reasons.node = NODES.find(n => n.row === 'TRUEDIV'); reasons.render()"
ASKED = "stops.findIndex(i => RUN.events[i].kind === 'more')"
MORE = "stops.findLastIndex(i => RUN.events[i].operand !== undefined)"
PAGES = {  # the graph, and what is done to its page
    "forward": ("rules", "go(3)"),
    "order": ("article", "go(stops.findIndex(i => RUN.events[i].kind === 'skip'))"),
    "share": ("article", f"go({MORE})"),
    "why": ("article", f"go({MORE}); openWhy()"),
    "divided": ("rules", f"go({MORE}); openWhy(); {DIVIDED}"),
    "network": ("network", f"go({MORE} - 20)"),
    "neuron": ("network", f"toggleNeuron(0); refresh(true); go({MORE} - 1)"),
    "samples": ("samples", f"go({MORE} - 9)"),
    "wrong": ("article", "choose('overwrite'); go(Infinity)"),
    "verdict": ("network", "choose('depth'); go(Infinity)"),
    "refused": ("rules", f"editLeaf(NODES.find(n => n.name === 'a')); {REFUSE}"),
    "predict": ("article", f"settings.predict = true; refresh(); go({ASKED})"),
}
HS = "for (let h = 0; h < 60; h += 2) store.set({h: h / 4}); store.set({h: 14.75})"
TRAIN = "for (let i = 0; i < 80; i++) document.querySelectorAll('#training-scene .button')[1].click()"
LESSON = {  # the address of a state of the lesson, and what is done there
    "top": ("", ""),
    "top-learnt": ("", "$('hero-go').click()"),
    "slope": ("#slope", ""),
    "slope-rounding": ("#slope?h=14.75", HS),
    "gradient": ("#gradient?done=1&steps=6&rate=0.85", ""),
    "history": ("#history?done=2&lines=4", ""),
    "backward": ("#backward?done=3&walk=step%3D20", ""),
    "backward-wrong": ("#backward?done=3&walk=step%3D99%26engine%3Dtwice", ""),
    "network": ("#network?done=4", ""),
    "network-whole": ("#network?done=4&zoom=2&pick=2.1", ""),
    "training": ("#training?done=5", TRAIN),
    "end": ("#training?done=6&forget=1&data=3", ""),
}
# The scene in the window; where it is higher than the window, its upper part.
LOOK = """const scene = document.getElementById(`${location.hash.slice(1).split("?")[0]}-scene`);
    if (scene) scrollTo(0, scene.getBoundingClientRect().top + scrollY - 60);"""


def states(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the pages; return the address of each state by its name, and the script that leads to it."""
    for name, explanation in pages().items():
        explanation.html(folder / f"{name}.html")
    mg.lesson().html(folder / "lesson.html")
    at = {f"page-{name}": ((folder / f"{page}.html").as_uri(), script) for name, (page, script) in PAGES.items()}
    lesson = (folder / "lesson.html").as_uri()
    return at | {
        f"lesson-{name}": (lesson + place, f"{script}; {LOOK}") for name, (place, script) in LESSON.items()
    }


def main() -> None:
    """Make them."""
    (OUT / "sheets").mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    with tempfile.TemporaryDirectory() as folder:
        for flag in ("headless=new", "no-sandbox", "hide-scrollbars", f"user-data-dir={folder}/browser"):
            options.add_argument(f"--{flag}")
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        wanted = {k: v for k, v in states(Path(folder)).items() if k.startswith(tuple(sys.argv[1:]) or "")}
        for (width, height), scheme in itertools.product(SIZES, ("light", "dark")):
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
            listed = [{"name": feature, "value": value} for feature, value in features.items()]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})
            for name, (address, script) in wanted.items():
                driver.get("about:blank")
                driver.get(address)
                driver.execute_async_script("(window.started ?? Promise.resolve()).then(arguments[0])")
                driver.execute_script(script)
                time.sleep(0.6 if name.startswith("lesson") else 0.2)
                driver.save_screenshot(str(OUT / f"{name}-{width}-{scheme}.png"))
            sheet(f"{width}-{scheme}", [OUT / f"{name}-{width}-{scheme}.png" for name in wanted])
        driver.quit()
    print(f"wrote {2 * len(SIZES) * len(wanted)} pictures into {OUT}")


def sheet(name: str, files: list[Path], columns: int = 4) -> None:
    """Put pictures side by side, in half of their size."""
    pictures = [Image.open(file).convert("RGB").reduce(2) for file in files]
    width, height = pictures[0].size
    whole = Image.new("RGB", (columns * (width + 8), -(-len(pictures) // columns) * (height + 8)), "#888")
    for i, picture in enumerate(pictures):
        whole.paste(picture, (i % columns * (width + 8), i // columns * (height + 8)))
    whole.save(OUT / "sheets" / f"{name}.png")


if __name__ == "__main__":
    main()
