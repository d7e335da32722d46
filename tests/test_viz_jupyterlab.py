"""What JupyterLab itself shows of pictures and explanations, in Chromium: in a notebook that it does not trust too.

A screenshot of each state is kept in build/screenshots.
"""

import base64
import io
import os
import socket
import subprocess
import sys
import urllib.request

import pytest
from chromium import SHOTS

import micrograd_c as mg
from micrograd_c import Value

pytest.importorskip("jupyterlab")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("PIL")
image = pytest.importorskip("matplotlib.image")
pytest.importorskip("selenium.webdriver")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("jupyter")


@pytest.fixture(scope="module")
def environment(folder):
    """Let JupyterLab read and write nothing of the user's."""
    places = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    return {**os.environ, **places, "HOME": str(folder), "IPYTHONDIR": str(folder / "ipython")}


@pytest.fixture(scope="module")
def address(folder, environment):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "notebooks").mkdir()
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--LabApp.news_url="]
    options += [
        "--expose-app-in-browser",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
    ]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        WebDriverWait(None, 120).until(lambda _: server.poll() is not None or answers(url + "/api"))
        assert server.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        server.terminate()
        server.wait()


def answers(url):
    try:
        return urllib.request.urlopen(url).status == 200
    except OSError:
        return False


class Notebook:
    """A notebook with a picture, an explanation and a training run in its outputs, open in JupyterLab."""

    def __init__(self, browser, address, path):
        self.browser = browser
        browser.get(f"{address}/lab/tree/{path.name}?reset")
        self.wait(lambda _: len(self.outputs()) == 3)

    def wait(self, condition):
        return WebDriverWait(self.browser, 90).until(condition)

    def outputs(self):
        return self.browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-OutputArea-output")

    def colours(self, i=0):
        """Return how many different colours are seen in the picture of an output."""
        picture = self.outputs()[i].find_element(By.TAG_NAME, "img")
        ready = "return arguments[0].complete && arguments[0].naturalWidth > 0"
        self.wait(lambda browser: browser.execute_script(ready, picture))
        pixels = image.imread(io.BytesIO(picture.screenshot_as_png))
        return len({tuple(pixel) for pixel in pixels.reshape(-1, pixels.shape[-1])})

    def told(self):
        """Return what is written where the explanation is."""
        return self.outputs()[1].text

    def frames(self):
        return len(self.outputs()[1].find_elements(By.TAG_NAME, "iframe"))

    def save(self):
        """Save it, and return when that is done."""
        self.browser.execute_async_script(
            "jupyterapp.commands.execute('docmanager:save').then(arguments[0], arguments[0])"
        )


def written(folder, name):
    """Write a notebook that was run elsewhere, so that JupyterLab does not trust its outputs."""
    a, b = Value(2.0), Value(3.0)
    c = a * b + b
    c.backward()
    run = mg.plot.training(lambda x: x[0], [[0, 0], [1, 1]], [-1, 1], steps=2, step=lambda k: 1.0 / (k + 1), grid=4)
    cells = []
    for source, shown in (("mg.draw(c)", mg.draw(c)), ("mg.explain(c)", mg.explain(c)), ("run", run)):
        data = {"text/plain": repr(shown)}
        for kind, form in (("text/html", "html"), ("image/svg+xml", "svg"), ("image/png", "png")):
            if method := getattr(shown, f"_repr_{form}_", None):
                data[kind] = base64.b64encode(method()).decode() if form == "png" else method()
        output = nbformat.v4.new_output("execute_result", data, execution_count=1)
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1))
    path = folder / "notebooks" / name
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def test_untrusted_notebook_shows_the_picture_and_says_what_to_do(browser, address, folder):
    path = written(folder, "untrusted.ipynb")
    for _ in range(2):  # saved, and opened again
        notebook = Notebook(browser, address, path)
        assert notebook.colours() > 10 and notebook.colours(2) > 10
        assert notebook.frames() == 0
        assert "this notebook is not trusted" in notebook.told() and "Trust Notebook" in notebook.told()
        browser.save_screenshot(str(SHOTS / "jupyterlab-untrusted.png"))
        notebook.save()
        saved = nbformat.read(path, as_version=4).cells
        assert [set(cell.outputs[0].data) & {"text/html", "image/png"} for cell in saved] == [
            {"text/html"},
            {"text/html"},
            {"image/png"},
        ]


def test_trusted_notebook_shows_the_page_and_no_word_of_trust(browser, address, folder, environment):
    path = written(folder, "trusted.ipynb")
    trust = "from nbformat.sign import TrustNotebookApp; TrustNotebookApp.launch_instance()"
    subprocess.run([sys.executable, "-c", trust, str(path)], env=environment, check=True)
    notebook = Notebook(browser, address, path)
    assert notebook.colours() > 10 and notebook.colours(2) > 10
    assert notebook.frames() == 1 and notebook.told() == ""
    browser.save_screenshot(str(SHOTS / "jupyterlab-trusted.png"))
    frame = notebook.outputs()[1].find_element(By.TAG_NAME, "iframe")
    browser.switch_to.frame(frame)
    try:
        browser.execute_async_script("window.started.then(arguments[0])")
        assert "c" in browser.find_element(By.ID, "graph").text
    finally:
        browser.switch_to.default_content()
