"""Work that takes long shows on a terminal how far it is, and leaves nothing of that in files and pipes."""

import ast
import sys
from pathlib import Path

import pytest
from support import run_on_a_terminal, run_python, slow_once

ROOT = Path(__file__).parent.parent
FOLDERS = [ROOT / name for name in ("examples", "benchmarks", "docs", "tests", ".ci")]
FUZZ = (ROOT / "tests" / "fuzz", "--seconds", "0", "--seed", "7", "parse")
MOONS = ("-m", "micrograd_c", ROOT / "examples" / "moons.py", "--steps", "2", "--out", "")
EXAMPLES = {
    "moons_jit": ["--steps", "10"],
    "digits_jit": ["--epochs", "1"],
    "digits": ["--epochs", "1", "--batch", "512"],
    "microgpt": ["--steps", "2", "--names", "0"],
}


def is_quiet(text):
    """Is a text free of what moves the cursor of a terminal?"""
    return "\r" not in text and "\x1b" not in text


def bars(folders):
    """Yield where each bar of tqdm's is made, and what it gets for `disable`."""
    for path in (path for folder in folders for path in sorted(folder.rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        for call in ast.walk(ast.parse(text)) if "tqdm" in text else ():
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("tqdm", "trange"):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                yield f"{path.name}:{call.lineno}", given.get("disable")


def test_every_bar_is_drawn_on_terminals_alone():
    found = dict(bars(FOLDERS))
    if not found:
        pytest.skip("neither examples nor benchmarks are here")
    assert [where for where, disable in found.items() if disable != "None"] == []


def test_the_fuzzers_show_how_far_they_are_on_a_terminal_alone():
    pytest.importorskip("tqdm")
    done = run_python(*FUZZ)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and is_quiet(done.stdout) and done.stderr == "", done.stderr
    assert lines and all(line.startswith("parse ") and line.endswith("seeds from 7") for line in lines)
    status, seen = run_on_a_terminal(*FUZZ)
    assert status == 0 and "0 of 0 s" in seen
    assert all(line.rpartition("\r")[2] in seen for line in lines)


@slow_once
def test_a_training_shows_a_bar_on_a_terminal():
    for module in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(module)
    status, seen = run_on_a_terminal(*MOONS)
    assert status == 0 and "step/s" in seen and "\r" in seen.replace("\r\n", "")
    assert "ms a step" in seen


@slow_once
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_writes_whole_lines_into_a_pipe(name):
    for module in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(module)
    done = run_python(ROOT / "examples" / f"{name}.py", *EXAMPLES[name])
    assert done.returncode == 0 and done.stdout.count("\n") >= 3
    assert is_quiet(done.stdout) and done.stderr == "", done.stderr


@slow_once
@pytest.mark.skipif(sys.implementation.name == "pypy", reason="what is measured is CPython's")
def test_a_race_shows_its_rounds_on_a_terminal_alone():
    for module in ("tqdm", "pytest_benchmark"):
        pytest.importorskip(module)
    if not (ROOT / "benchmarks").exists():
        pytest.skip("benchmarks/ is not here")
    command = (ROOT / "benchmarks" / "run.py", "--quick", "-k", "import and (python or core)")
    done = run_python(*command)
    assert done.returncode == 0 and is_quiet(done.stdout + done.stderr), done.stderr
    status, seen = run_on_a_terminal(*command)
    assert status == 0 and "\rimport: 100%" in seen and "round/s" in seen
