"""The examples of the README and of the pages of docs/ run as tests, and so do those in docstrings."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import micrograd_c

ROOT = Path(__file__).parent.parent
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
# Blocks of a page share their names, as a reader reads them; in the README a heading starts afresh. One that begins
# with ```python continued goes on from something that the reader is to imagine, and is not run.
PARTS = re.compile(r"^##? |^```py(?:thon|con)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples():
    """Yield a page and the blocks of it that belong together, with the lines at which they begin."""
    for page in PAGES:
        text, blocks = page.read_text(encoding="utf-8"), []
        for part in PARTS.finditer(text):
            if part[1] is not None:
                blocks.append((text.count("\n", 0, part.start(1)) + 1, part[1]))
            elif blocks and page.name == "README.md":
                yield page, blocks
                blocks = []
        if blocks:
            yield page, blocks


def test_the_pages_have_examples():
    if not PAGES:
        pytest.skip("README.md and docs/ are not here")
    assert len(list(examples())) >= 10


@pytest.mark.parametrize("page, blocks", [pytest.param(*e, id=f"{e[0].name}-line{e[1][0][0]}") for e in examples()])
def test_the_examples_of_the_pages_run(page, blocks, tmp_path, monkeypatch, capsys):
    import doctest
    import sys

    for name in ("numpy", "scipy", "micrograd"):
        if any(re.search(rf"^\s*(import|from) {name}\b", code, re.MULTILINE) for _, code in blocks):
            pytest.importorskip(name)
    if any("plot." in code for _, code in blocks):
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    # An example may show `import micrograd_c.as_micrograd`, which is for the whole process.
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "micrograd"}
    from micrograd_c.jit import _default_threads

    names = {"__name__": "page"}
    try:
        for line, code in blocks:
            if ">>> " in code:
                test = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line - 1)
                runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
                report = []
                runner.run(test, out=report.append, clear_globs=False)
                assert not runner.failures, "".join(report)
                names = test.globs
            else:
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
                check_comments(code, capsys.readouterr().out)
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] == "micrograd"]:
            del sys.modules[name]
        sys.modules.update(before)
        micrograd_c.set_threads(_default_threads())  # a page may have chosen another number


def check_comments(code, printed):
    """Check that what print() calls show is what the comments beside them promise, as in print(f(x))  # 24.7041."""
    promised = re.findall(r"^ *print\(.*\)\s+# (.+)$", code, re.MULTILINE)
    if promised:
        assert printed.splitlines() == promised


PACKAGE = Path(micrograd_c.__file__).parent
# As `python -m doctest` checks them, in a process of their own: one of the modules replaces micrograd.
DOCTESTS = """
import doctest, importlib, sys
for name in sys.argv[1:]:
    found = doctest.testmod(importlib.import_module(name))
    print(name, "failed" if found.failed else "passed", found.attempted)
"""


def documented():
    """Return the modules whose docstrings have examples, the one that replaces micrograd last."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    paths = [path for path, text in texts.items() if re.search(r"^ *>>> ", text, re.MULTILINE)]
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    if not find_spec("matplotlib"):
        names = [name for name in names if ".plot" not in name]
    return sorted((name.removesuffix(".__init__") for name in names), key="micrograd_c.as_micrograd".__eq__)


def test_what_the_readme_says_of_a_type_in_c_is_an_error_on_the_native_core_alone():
    import inspect
    import sys

    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("README.md is not here")
    said = re.search(
        r"this is a type in C: (.*?)\s+raise TypeError", readme.read_text(encoding="utf-8"), re.DOTALL
    )[1]
    Value = micrograd_c.Value
    codes = re.findall("`(.+?)`", said)
    assert len(codes) >= 3
    for code in codes:
        names = {"inspect": inspect, "Value": Value, "v": Value(1.0), "Sub": type("Sub", (Value,), {})}
        if micrograd_c.stats().core == "native":
            newer = sys.version_info >= (3, 13) and code.startswith("object.")
            with pytest.raises(AttributeError if newer else TypeError):
                exec(code, names)
        else:
            exec(code, names)


def test_the_examples_in_docstrings_are_true(tmp_path):
    from support import run_python

    done = run_python("-c", DOCTESTS, *documented(), cwd=tmp_path, env={"MPLBACKEND": "agg"})
    said = [line.split() for line in done.stdout.splitlines() if line.startswith("micrograd_c")]
    assert [name for name, *_ in said] == documented()
    assert all(verdict == "passed" and int(n) > 0 for _, verdict, n in said), done.stdout
