"""Screenshots of the explainer's pages into build/screenshots: ten states at four sizes, light and dark.

python .ci/screenshots.py [STATE...]: only those whose names begin so.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver

sys.path.insert(0, str(Path(__file__).parent.parent))
import micrograd_c as mg
from micrograd_c import MLP, Value

OUT = Path(__file__).parent.parent / "build" / "screenshots"
SIZES = (1440, 900), (1280, 800), (820, 1180), (390, 844)


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
STATES = {  # name: the page, and what is done to it
    "forward": ("rules", "go(3)"),
    "order": ("article", "go(stops.findIndex(i => RUN.events[i].kind === 'skip'))"),
    "share": ("article", f"go({MORE})"),
    "why": ("article", f"go({MORE}); openWhy()"),
    "divided": ("rules", f"go({MORE}); openWhy(); {DIVIDED}"),
    "network": ("network", f"go({MORE} - 20)"),
    "neuron": ("network", f"toggleNeuron(0); refresh(true); go({MORE} - 1)"),
    "samples": ("samples", f"go({MORE} - 9)"),
    "wrong": ("article", "choose('overwrite'); go(Infinity)"),
    "refused": ("rules", f"editLeaf(NODES.find(n => n.name === 'a')); {REFUSE}"),
    "predict": ("article", f"settings.predict = true; refresh(); go({ASKED})"),
}


def main() -> None:
    """Make them."""
    OUT.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    with tempfile.TemporaryDirectory() as folder:
        for flag in ("headless=new", "no-sandbox", "hide-scrollbars", f"user-data-dir={folder}/browser"):
            options.add_argument(f"--{flag}")
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        for name, explanation in pages().items():
            explanation.html(f"{folder}/{name}.html")
        wanted = [name for name in STATES if not sys.argv[1:] or name.startswith(tuple(sys.argv[1:]))]
        for width, height in SIZES:
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            for scheme in ("light", "dark"):
                features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
                listed = [{"name": feature, "value": value} for feature, value in features.items()]
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})
                for state in wanted:
                    page, script = STATES[state]
                    driver.get("about:blank")
                    driver.get(Path(folder, f"{page}.html").as_uri())
                    time.sleep(0.2)
                    driver.execute_script(script)
                    time.sleep(0.2)
                    driver.save_screenshot(str(OUT / f"page-{state}-{width}-{scheme}.png"))
        driver.quit()


if __name__ == "__main__":
    main()
