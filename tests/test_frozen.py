"""Scripts frozen by PyInstaller find all that the package reads and imports, without options."""

import importlib.util
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from support import PYPY, environment, slow_once

import micrograd_c
from micrograd_c import _frozen

HOME = Path(micrograd_c.__file__).parent
PYPROJECT = HOME.parent / "pyproject.toml"


@pytest.fixture(scope="module")
def hook():
    """What the hook says."""
    (folder,) = _frozen.folders()
    return runpy.run_path(str(Path(folder) / "hook-micrograd_c.py"))


def test_every_file_that_is_no_module_goes_along_to_its_place(hook):
    files = {path for path in HOME.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    files = {path for path in files if path.suffix not in (".py", ".so", ".pyd")}
    assert {Path(path) for path, _ in hook["datas"]} == files and HOME / "viz" / "page.html" in files
    for path, folder in hook["datas"]:
        assert HOME.parent / folder == Path(path).parent


def test_all_that_is_imported_later_is_named(hook):
    assert PYPY or "_cffi_backend" in hook["hiddenimports"]
    assert {f"micrograd_c.{home}" for home in micrograd_c._LATER} <= {*hook["hiddenimports"]}
    for name in hook["hiddenimports"]:
        # Not imported: as_micrograd would be micrograd for all tests that follow.
        assert (PYPY and name == "_cffi_backend") or importlib.util.find_spec(name)


@pytest.mark.skipif(not PYPROJECT.exists(), reason="an installed package")
def test_the_entry_point_is_the_function_of_the_folder():
    text = PYPROJECT.read_text()
    module, name = re.search(r'entry-points.pyinstaller40\]\nhook-dirs = "(.*):(.*)"', text).groups()
    assert getattr(importlib.import_module(module), name) is _frozen.folders


SCRIPT = """
import micrograd_c as mg

y = mg.MLP(2, [3, 1])([1.0, 2.0])
y.backward()
print(mg.stats().core, mg.jit(lambda x: x * x)(3.0), mg.softmax([y])[0].data)
print("<svg" in mg.draw(y).svg(), "<html" in mg.explain(y).html())
"""


@slow_once
def test_a_frozen_script_runs(tmp_path):
    pytest.importorskip("PyInstaller")
    (tmp_path / "app.py").write_text(SCRIPT)
    options = [part for name in ("numpy", "matplotlib", "scipy", "IPython") for part in ("--exclude-module", name)]
    options += [
        "--paths",
        str(HOME.parent),
        "--additional-hooks-dir",
        *_frozen.folders(),
    ]  # it may not be installed
    done = subprocess.run(
        [sys.executable, "-m", "PyInstaller", "-y", *options, "app.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for core in ("cffi", micrograd_c.stats().core):
        env = environment({"MICROGRAD_C_CORE": core})
        ran = subprocess.run([tmp_path / "dist" / "app" / "app"], env=env, capture_output=True, text=True)
        assert ran.stdout.split() == [core, "9.0", "1.0", "True", "True"], ran.stderr
