"""The notebooks run from their first cell to the last; what they print is checked in them."""

import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples" / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_output(path):
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def execute(notebook, folder, monkeypatch):
    """Run all cells of a notebook in a kernel, as Jupyter does."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()


@pytest.mark.slow
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
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
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
