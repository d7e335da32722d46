"""Takes pictures of the lesson, each part at four sizes, light and dark, into build/screenshots/lesson.

python tests/shoot_lesson.py [PART ...]
"""

import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver

import micrograd_c as mg

SIZES = {"1440x900": (1440, 900), "1280x800": (1280, 800), "820x1180": (820, 1180), "390x844": (390, 844)}
SHOTS = Path(__file__).parent.parent / "build" / "screenshots" / "lesson"

# Each part of the page in states that show what it can do; the second text is run first.
STATES = {
    "top": ("", ""),
    "top-learnt": ("", "byId('hero-go').click()"),
    "slope": ("#slope", ""),
    "slope-rounding": (
        "#slope?h=14.75",
        "for (let h = 0; h < 60; h += 2) store.set({h: h / 4}); store.set({h: 14.75})",
    ),
    "gradient": ("#gradient?done=1&steps=6&rate=0.85", ""),
    "history": ("#history?done=2&lines=4", ""),
    "backward": ("#backward?done=3&walk=step%3D20", ""),
    "backward-wrong": ("#backward?done=3&walk=step%3D99%26engine%3Dtwice", ""),
    "network": ("#network?done=4", ""),
    "network-whole": ("#network?done=4&zoom=2&pick=2.1", ""),
    "training": (
        "#training?done=5",
        "for (let i = 0; i < 80; i++) document.querySelectorAll('#training-scene .button')[1].click()",
    ),
    "end": ("#training?done=6&forget=1&data=3", ""),
}


def main():
    """Take the pictures."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lesson.html"
        mg.lesson().html(file)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        for scheme in ("light", "dark"):
            features = [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            for size, (width, height) in SIZES.items():
                metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
                for name, (fragment, script) in STATES.items():
                    if sys.argv[1:] and name not in sys.argv[1:]:
                        continue
                    driver.get("about:blank")
                    driver.get(file.as_uri() + fragment)
                    driver.execute_script(f"{script}; {LOOK}", fragment[1:].split("?")[0], height)
                    driver.execute_async_script("setTimeout(arguments[0], 600)")
                    driver.save_screenshot(str(SHOTS / f"{name}-{size}-{scheme}.png"))
        driver.quit()
    print(f"wrote {len(list(SHOTS.glob('*.png')))} pictures into {SHOTS}")


# The scene in the window; where it is higher than the window, its upper part.
LOOK = """const scene = document.getElementById(`${arguments[0]}-scene`);
    if (scene) scrollTo(0, scene.getBoundingClientRect().top + scrollY - 60);"""

if __name__ == "__main__":
    main()
