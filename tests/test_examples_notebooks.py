"""The notebooks run from their first cell to the last; what they print is checked in them.

The first one keeps its outputs: `python tests/golden/make_notebook.py` after a change.
"""

import base64
import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from support import close, golden_script, slow_once

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples" / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_notebook_is_committed_without_output(path):
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_the_first_notebook_reads_without_being_run():
    text = NOTEBOOKS[0].read_text("utf-8")
    assert len(text) < 300_000
    assert not re.search(r"/home/|/root/|/tmp/|/usr/|site-packages|<script|<iframe", text)
    notebook = json.loads(text)
    assert notebook["metadata"].keys() == {"kernelspec", "language_info"}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]
    kinds = [set(output["data"]) for cell in code for output in cell["outputs"] if "data" in output]
    assert sum("image/svg+xml" in kind for kind in kinds) >= 10
    safe = {"text/html", "image/png"}  # what JupyterLab shows of a notebook that it does not trust
    assert [kind for kind in kinds if "image/svg+xml" in kind and not kind & safe] == []


def test_the_kept_plots_have_their_colours():
    """A picture of few colours loses those of few pixels, such as that of two dots."""
    np, image = pytest.importorskip("numpy"), pytest.importorskip("PIL.Image")
    cells = json.loads(NOTEBOOKS[0].read_text("utf-8"))["cells"]
    kept = [
        o["data"]["image/png"]
        for cell in cells
        for o in cell.get("outputs", ())
        if "image/png" in o.get("data", ())
    ]
    assert len(kept) == 5
    orange = [0xD5, 0x5E, 0x00]
    for png in (kept[2], kept[4]):  # the surface with its arrow, the training run with its dots
        pixels = np.asarray(image.open(io.BytesIO(base64.b64decode("".join(png)))).convert("RGB")).astype(int)
        assert (abs(pixels - orange).max(-1) < 16).any()


def said(cell):
    """Return what the outputs of a cell say: what was printed, and the words and numbers in their pictures.

    Of plots those that are words: where the ticks of an axis stand is matplotlib's business.
    """
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            yield from "".join(output["text"]).split()
            continue
        svg = "".join(output["data"].get("image/svg+xml", ""))
        plot = "image/png" in output["data"]
        texts = re.findall(r"<text[^>]*>(.*?)</text>", re.sub("</?tspan[^>]*>", "", svg), re.DOTALL)
        for text in texts if svg else ["".join(output["data"]["text/plain"])]:
            if not plot or re.search("[a-z]", text):
                yield from text.split()


def same(word, other):
    numbers = []
    for text in (word, other):
        bare = re.sub(r"^[^\d.+-]*|[^\d]*$", "", text)
        with contextlib.suppress(ValueError):
            numbers.append(float(bare))
    return word == other or (len(numbers) == 2 and close(*numbers, rel=1e-4))


def shown(cell):
    """Return the kinds of data of each output but printed text, which may come in one piece or in several."""
    return [set(output.data) for output in cell.get("outputs", ()) if "data" in output]


@pytest.mark.slow
def test_the_kept_outputs_are_those_of_a_run(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    for name in ("nbclient", "ipykernel", "matplotlib", "PIL"):
        pytest.importorskip(name)
    before = nbformat.read(NOTEBOOKS[0], as_version=4)
    after = golden_script("make_notebook").execute(nbformat.read(NOTEBOOKS[0], as_version=4), tmp_path)
    told = 0
    for old, new in zip(before.cells, after.cells):
        words, others = [*said(old)], [*said(new)]
        assert len(words) == len(others), old.source
        assert [pair for pair in zip(words, others) if not same(*pair)] == [], old.source
        assert shown(old) == shown(new), old.source
        told += len(words)
    assert told > 500


def execute(notebook, folder, monkeypatch):
    """Run all cells of a notebook in a kernel, as Jupyter does."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()


@slow_once
def test_plots_show_in_a_notebook_that_does_not_know_pyplot(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses it
    cells = [
        "from micrograd_c import MLP, plot\nmodel = MLP(2, [3, 1])",
        "plot.loss_curve([3.0, 2.0, 1.0]);",
        "_ = plot.decision_boundary(model, [[0, 0], [1, 1]], [1, -1], steps=5)",
        "for _ in range(2):\n    plot.gradient_histogram(model)",
        "1 + 1",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    execute(notebook, tmp_path, monkeypatch)
    pictures = [sum("image/png" in output.get("data", ()) for output in cell.outputs) for cell in notebook.cells]
    assert pictures == [0, 1, 1, 2, 0]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, tmp_path, monkeypatch)
    shown = [
        kind for cell in notebook.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())
    ]
    assert {"text/html", "image/svg+xml"} & set(shown)
    errors = [o for cell in notebook.cells for o in cell.get("outputs", ()) if o["output_type"] == "error"]
    assert errors == []
