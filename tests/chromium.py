"""Headless Chromium, driven over WebDriver, for the tests of pages; conftest.py has it as the fixture `browser`."""

import os
import shutil
from pathlib import Path

import pytest

SHOTS = Path(__file__).parent.parent / "build" / "screenshots"
FLAGS = """headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
    disable-component-update disable-sync disable-dev-shm-usage hide-scrollbars force-prefers-reduced-motion"""


def start(folder):
    """Return a browser that writes into `folder`, moves nothing unasked, and logs errors and requests."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="the browser tests are driven by selenium")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no Chromium or no chromedriver; on Debian: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS.split(), f"user-data-dir={folder}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    SHOTS.mkdir(parents=True, exist_ok=True)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.set_script_timeout(60)
    return browser


def as_new(browser):
    """Return the browser without the sizes, media and messages of the test before."""
    browser.switch_to.default_content()
    browser.get("about:blank")
    browser.set_window_size(1400, 1500)
    for command, parameters in (
        ("setEmulatedMedia", {"media": "", "features": []}),
        ("setTouchEmulationEnabled", {"enabled": False}),
        ("clearDeviceMetricsOverride", {}),
    ):
        browser.execute_cdp_cmd(f"Emulation.{command}", parameters)
    browser.get_log("browser"), browser.get_log("performance")
    return browser


def axe_source():
    """axe-core as a package of PyPI ships it, or a newer one by MICROGRAD_C_AXE."""
    if "MICROGRAD_C_AXE" in os.environ:
        return Path(os.environ["MICROGRAD_C_AXE"]).read_text("utf-8")
    package = pytest.importorskip("axe_core_python", reason="axe-core comes with the package axe-core-python")
    return (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")
