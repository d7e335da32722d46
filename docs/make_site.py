"""Build the site: `make docs` writes it to build/docs, with build/docs/index.html as its first page.

The pages are the Markdown of the repository as it stands there: README.md, CONTRIBUTING.md, docs/*.md and so on.
They are gathered into build/docs-source, with links from file to file turned into links from page to page. Each
build makes anew the curves of the op table, the pictures of the gallery, and three pages that live: the lesson and
two explanations.
"""

from __future__ import annotations

import logging
import os
import re
import runpy
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
SOURCE, SITE, LIVE, DRAWN = (BUILD / name for name in ("docs-source", "docs", "docs-live", "docs-drawn"))
# Files beside docs/ that are pages, and folders that a page is about.
PLACES = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/notebooks": "notebooks.md",
    "examples": "gallery.md",
}
ROW = re.compile(r"^\|.*$", re.MULTILINE)
UNIT = re.compile(r"(?<=\d) (?=(?:[mµun]?s|[kMG]B)\b)")
LINK = re.compile(r"(?<=\]\()([^()\s#]+)(?=[#\s)])")

sys.path[:0] = [str(ROOT), str(ROOT / "docs")]


def place_of(path: Path) -> str | None:
    """Return where a file of the repository stands in the site; None: it is no page."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith("docs/"):
        return name[5:]
    if path.suffix == ".ipynb":
        return f"notebooks/{path.name}"
    return PLACES.get(name)


def moved(text: str, path: Path, linked: dict[str, Path]) -> str:
    """Return the text of a page with its links as they are in the site; put what it needs into `linked`."""
    here = Path(place_of(path) or "").parent

    def target(link: re.Match[str]) -> str:
        there = (path.parent / link[1]).resolve()
        if not there.exists() or not there.is_relative_to(ROOT):
            return link[1]
        place = place_of(there) or f"files/{there.relative_to(ROOT).as_posix()}"
        if there.is_file():
            linked[place] = there
        return os.path.relpath(place, here)

    return LINK.sub(target, text)


def on_one_line(text: str) -> str:
    """Return the text of a page with our name, and numbers and their units, kept on one line in tables."""
    text = text.replace("| micrograd-c", "| micrograd\N{NON-BREAKING HYPHEN}c")
    return ROW.sub(lambda row: UNIT.sub("\N{NO-BREAK SPACE}", row[0]), text)


def gather() -> dict[str, bytes]:
    """Return the sources of the site: their places and what they hold."""
    import op_page

    pages = [ROOT / name for name in PLACES if name.endswith(".md")]
    pages += [path for path in sorted((ROOT / "docs").rglob("*")) if path.suffix in (".md", ".rst", ".svg")]
    pages += sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
    found: dict[str, bytes] = {}
    linked: dict[str, Path] = {}
    for path in pages:
        content = path.read_bytes()
        if path.suffix in (".md", ".ipynb"):
            text = moved(content.decode(), path, linked)
            text = text.replace("<!-- the ops -->", op_page.cards()) if path.name == "ops.md" else text
            text = text.replace("<!-- the gallery -->", gallery()) if path.name == "gallery.md" else text
            if place_of(path) == "overview.md":  # the first page has the project's name already
                text = text.replace("# micrograd-c\n", "# Five minutes with micrograd-c\n", 1)
            content = on_one_line(text).encode()
        found[place_of(path) or path.name] = content
    for place, path in linked.items():
        if place not in found:
            found[place] = path.read_bytes()
    for path in sorted(DRAWN.glob("*.svg")):
        found[f"gallery/{path.name}"] = path.read_bytes()
    return found


# ---- what is drawn -----------------------------------------------------------------------------------------------


def examples() -> list[Path]:
    """Return the scripts of the gallery."""
    return sorted((ROOT / "examples" / "gallery").glob("*.py"))


def draw() -> None:
    """Run the scripts of the gallery, each of which leaves a picture of its own name; write the live pages."""
    import micrograd_c as mg
    from micrograd_c import MLP, Value

    for folder in (DRAWN, LIVE / "live"):
        folder.mkdir(parents=True, exist_ok=True)
    for path in DRAWN.glob("*.svg"):
        path.unlink()
    import matplotlib
    from tqdm import tqdm

    matplotlib.rcParams |= {"savefig.transparent": True, "svg.fonttype": "none", "font.family": "sans-serif"}
    os.chdir(DRAWN)
    for script in tqdm(examples(), unit="picture", leave=False, disable=None):  # None: only on a terminal
        runpy.run_path(str(script), run_name="__main__")
    os.chdir(ROOT)
    mg.lesson().html(LIVE / "live" / "lesson.html")
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    e = a * b
    c = e + b
    mg.explain(c, title="c = a*b + b", names={"c": c, "e": e}).html(LIVE / "live" / "explain.html")
    import random

    random.seed(7)
    model = MLP(3, [4, 4, 1], activation="tanh")
    loss = (model([Value(x, label=f"x{i}") for i, x in enumerate((1.0, -2.0, 0.5), 1)]) - 1) ** 2
    mg.explain(loss, model, names={"loss": loss}).html(LIVE / "live" / "network.html")


def gallery() -> str:
    """Return the gallery: a picture of each example, then its text, picture and code, all from its script."""
    small, large = [], []
    for script in examples():
        _, text, code = script.read_text(encoding="utf-8").split('"""', 2)
        title, _, text = text.strip().partition("\n")
        title, name, file = title.rstrip("."), script.stem.partition("_")[2], script.relative_to(ROOT).as_posix()
        drawn = (DRAWN / f"{name}.svg").read_text(encoding="utf-8")
        look = "" if "prefers-color-scheme" in drawn else "{.plot}"  # where the page is dark it is inverted
        small.append(f"[![](gallery/{name}.svg){look} {title}](#{name})")
        large.append(
            f"({name})=\n## {title}\n{text}\n\n![{title}](gallery/{name}.svg){look}\n\n"
            f"```python\n{code.strip()}\n```\n\n`{file}`\n"
        )
    return "\n\n".join([":::{container} gallery", *small, ":::", *large])


# ---- all of it ---------------------------------------------------------------------------------------------------


def write(found: dict[str, bytes]) -> None:
    """Write what has changed since the last build, so that Sphinx reads no more than that."""
    for path in sorted(SOURCE.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(SOURCE).as_posix() not in found:
            path.unlink()
            (SITE / path.relative_to(SOURCE)).with_suffix(".html").unlink(missing_ok=True)
    for place, content in found.items():
        path = SOURCE / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def quiet(folder: Path) -> None:
    """Let the notebooks' kernels take no settings of the user's, and say no more than errors."""
    (folder / "profile_default").mkdir(parents=True, exist_ok=True)
    (folder / "profile_default" / "ipython_kernel_config.py").write_text(
        "get_config().Application.log_level = 40\n"
    )
    os.environ |= {"IPYTHONDIR": str(folder), "TQDM_DISABLE": "1"}  # no bars that move, in a page that does not
    logging.getLogger("traitlets").setLevel(logging.WARNING)


def main() -> int:
    """Build, and tell what is going on in a line for each part."""
    from sphinx.cmd.build import main as sphinx

    start = time.perf_counter()
    print("-- docs: drawing the gallery", flush=True)
    draw()
    found = gather()
    write(found)
    pages, notebooks = (sum(place.endswith(ends) for place in found) for ends in ((".md", ".rst"), ".ipynb"))
    print(f"-- docs: Sphinx reads {pages} pages and runs {notebooks} notebooks", flush=True)
    quiet(BUILD / "docs-ipython")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # for the notebooks
    options = [
        *(() if sys.stdout.isatty() else ("-q",)),  # on a terminal Sphinx shows how far it is
        "-j",
        "auto",
        "-W",
        "--keep-going",
        "-n",
        "-b",
        "html",
        "-c",
        str(ROOT / "docs"),
        "-d",
        str(BUILD / "docs-trees"),
    ]
    failed = sphinx([*options, *sys.argv[1:], str(SOURCE), str(SITE)])
    if not failed:
        print(f"-- docs: {SITE / 'index.html'} ({time.perf_counter() - start:.0f} s)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
