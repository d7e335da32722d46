"""The README's examples run as tests."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
# Blocks of a page share their names, as a reader reads them; a heading of the first or second level starts afresh.
PARTS = re.compile(r"^##? |^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples():
    """Yield the blocks of each chapter, with the lines at which they begin."""
    if not README.exists():
        return
    text, blocks = README.read_text(encoding="utf-8"), []
    for part in PARTS.finditer(text):
        if part[1] is not None:
            blocks.append((text.count("\n", 0, part.start(1)) + 1, part[1]))
        elif blocks:
            yield blocks
            blocks = []
    if blocks:
        yield blocks


def test_the_readme_has_examples():
    if not README.exists():
        pytest.skip("there is no README.md yet")
    assert list(examples())


@pytest.mark.parametrize("blocks", list(examples()), ids=lambda blocks: f"line{blocks[0][0]}")
def test_the_examples_of_the_readme_run(blocks, tmp_path, monkeypatch, capsys):
    import doctest

    for name in ("numpy", "micrograd"):
        if any(re.search(rf"^\s*(import|from) {name}\b", code, re.MULTILINE) for _, code in blocks):
            pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    # An example may show `import micrograd_c.as_micrograd`, which is for the whole process.
    import sys

    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "micrograd"}
    names = {"__name__": "readme"}
    try:
        for line, code in blocks:
            if ">>> " in code:
                test = doctest.DocTestParser().get_doctest(code, names, "README", str(README), line - 1)
                runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
                report = []
                runner.run(test, out=report.append, clear_globs=False)
                assert not runner.failures, "".join(report)
                names = test.globs
            else:
                exec(compile("\n" * (line - 1) + code, str(README), "exec"), names)
                check_comments(code, names, capsys.readouterr().out)
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] == "micrograd"]:
            del sys.modules[name]
        sys.modules.update(before)


def check_comments(code, names, printed):
    """Check that what print() calls show is what the comments beside them promise, as in print(f(x))  # 24.7041."""
    promised = re.findall(r"^print\(.*\)\s+# (?:prints )?(.+)$", code, re.MULTILINE)
    if promised and len(promised) == len(printed.splitlines()):
        for expected, line in zip(promised, printed.splitlines()):
            shown = re.split(r",\s+i\.e\.|\s+-\s+|: ", expected)[0].strip()
            assert line.startswith(shown.split()[0].rstrip(",")), (line, expected)


@pytest.mark.parametrize("module", ["", ".engine", "._grad", ".nn", ".as_micrograd", ".jit", ".optim"])
def test_the_examples_in_docstrings_are_true(module):
    """As `python -m doctest` would check them, in a process where nothing is replaced afterwards."""
    from support import run_python

    code = f"""
import doctest, importlib
module = importlib.import_module("micrograd_c{module}")
result = doctest.testmod(module)
print(result.failed)
"""
    done = run_python("-c", code)
    assert done.stdout.splitlines()[-1] == "0", done.stdout
