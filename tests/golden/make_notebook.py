"""Run notebook 1, and keep its outputs in the file, so that it reads on a web page.

python tests/golden/make_notebook.py: after a change of the notebook, or of what it shows
"""

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path

NOTEBOOK = Path(__file__).parent.parent.parent / "examples" / "notebooks" / "1_from_derivative_to_mlp.ipynb"
LARGE = 25_000  # characters: where the SVG of a plot has more its PNG alone is kept

# Text stays text in the SVGs of plots, and nothing in them is random.
MATPLOTLIBRC = (
    "svg.fonttype: none\nsvg.hashsalt: micrograd-c\nfigure.figsize: 6, 4\nsavefig.dpi: 80\nfigure.dpi: 80\n"
)
KERNEL = "get_config().InlineBackend.figure_formats = {'svg', 'png'}\n"


def execute(notebook, folder):
    """Run all cells in a kernel, with `folder` as the place of its settings and files."""
    import nbclient

    settings = folder / "ipython" / "profile_default"
    settings.mkdir(parents=True)
    (settings / "ipython_kernel_config.py").write_text(KERNEL)
    (folder / "matplotlibrc").write_text(MATPLOTLIBRC)
    names = {"IPYTHONDIR": folder / "ipython", "MATPLOTLIBRC": folder / "matplotlibrc"}
    names["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in names.items()})
    try:
        nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(kept, cell.outputs) if output]
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def kept(output):
    """Return an output as it is kept: text, SVG, and a picture that JupyterLab shows without trust; no script."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    data = output.data
    shown = {"text/plain": data["text/plain"]}
    if "image/png" in data:  # a plot
        shown["image/png"] = still(data["image/png"])
        if len(svg := small(data.get("image/svg+xml", ""))) in range(1, LARGE):
            shown["image/svg+xml"] = svg
    elif "image/svg+xml" in data:  # a graph, with its SVG as an image too
        shown |= {kind: data[kind] for kind in ("image/svg+xml", "text/html")}
    output.data, output.metadata = shown, {}
    return output


def small(svg):
    """Return the SVG of a plot with tenths of a point, without the day on which it was made."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(?<=[ \"LM-])(-?\d+\.\d)\d+", r"\1", svg)
    return re.sub(r"\s*\n\s*", "\n", svg)


def still(png):
    """Return the first picture of a PNG, in 128 colours, rare ones among them."""
    from PIL import Image

    out = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    image.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def main():
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder))
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK.name}: {NOTEBOOK.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
