"""The package is built by the commands that README.md shows, and says what is missing where it cannot be."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import textwrap
import zipfile
import zlib
from pathlib import Path

import pytest
from support import PYPY, run_python, slow_once

import micrograd_c

ROOT = Path(__file__).parent.parent
NO_NATIVE = "native core of Value is not built"


@pytest.fixture
def clone(tmp_path):
    """What a clone of this tree would hold: no build, no environment."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no checkout, or there is no git")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


def shell(commands, folder):
    """Run commands as a reader types them, in a shell that knows nothing of the environment of the tests."""
    kept = {
        name: text for name, text in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    }
    return subprocess.run(["bash", "-ec", commands], cwd=folder, env=kept, capture_output=True, text=True)


def test_source_that_is_not_compiled_says_what_to_do(tmp_path):
    shutil.copytree(
        Path(micrograd_c.__file__).parent,
        tmp_path / "micrograd_c",
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"),
    )
    done = run_python("-c", "import micrograd_c", cwd=tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: the C code of ")
    assert f"run `python -m pip install -e .` in {tmp_path}" in last and "another folder" in last


@pytest.mark.skipif(PYPY, reason="PyPy has cffi built in")
def test_missing_cffi_is_not_taken_for_missing_c_code(tmp_path):
    code = "import sys; sys.modules['_cffi_backend'] = None; import micrograd_c"
    done = run_python("-c", code, cwd=tmp_path)
    assert done.returncode == 1 and "_cffi_backend" in done.stderr.splitlines()[-1]


def test_a_build_that_fails_does_not_say_before_that_it_does_without_the_native_core(clone):
    pytest.importorskip("setuptools", minversion="77")
    for compiler, words in ("no-such-compiler-", "was not found"), ("false", "could not be compiled"):
        done = run_python("setup.py", "build_ext", "--inplace", cwd=clone, env={"CC": compiler})
        assert done.returncode == 1 and words in done.stderr
        assert NO_NATIVE not in done.stderr + done.stdout


@slow_once
@pytest.mark.skipif(PYPY or bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="it has no stable ABI")
def test_on_windows_mingw_compiles_what_every_version_of_python_can_load(clone):
    pytest.importorskip("setuptools", minversion="77")
    pytest.importorskip("cffi")
    code = """
        import runpy, setuptools, setuptools.command.build_ext as original, sys
        seen = {}
        setuptools.setup = lambda **given: seen.update(given)
        original.build_ext.get_libraries = lambda self, ext: ["m", "python{}{}".format(*sys.version_info)]
        import cffi
        sys.platform = "win32"
        runpy.run_path("setup.py")
        build_ext = seen["cmdclass"]["build_ext"]
        print(seen["options"]["build_ext"], build_ext.get_libraries(object.__new__(build_ext), None))
        print(*[ext.extra_link_args for ext in seen["ext_modules"]])
    """
    done = run_python("-c", textwrap.dedent(code), cwd=clone)
    assert done.stdout == "{'compiler': 'mingw32'} ['m', 'python3']\n['-static']\n", done.stderr


@slow_once
@pytest.mark.skipif(PYPY, reason="PyPy has no native core")
def test_a_package_without_the_native_core_says_so_after_the_build(clone):
    pytest.importorskip("setuptools", minversion="77")
    (clone / "csrc" / "value" / "module.c").write_text("#error not today\n")
    done = run_python("setup.py", "build_ext", "--inplace", cwd=clone)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count(NO_NATIVE) == 1
    done = run_python(
        "-c", "import micrograd_c; print(micrograd_c.stats().core)", cwd=clone, env={"MICROGRAD_C_CORE": ""}
    )
    assert done.stdout == "cffi\n"


@slow_once
@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the compiler is a shell script")
def test_two_builds_give_the_same_wheel_byte_for_byte(clone, tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    fast = tmp_path / "cc"  # what could differ does so without optimisation too
    fast.write_text(f'#!/bin/sh\nexec {os.environ.get("CC", "cc")} "$@" -O0\n')
    fast.chmod(0o755)
    shutil.copytree(clone, tmp_path / "a clone in another folder")
    wheels = []
    for folder in clone, tmp_path / "a clone in another folder":
        env = {"CC": str(fast), "SOURCE_DATE_EPOCH": "1700000000"}
        done = run_python("setup.py", "-q", "bdist_wheel", cwd=folder, env=env)
        assert done.returncode == 0, done.stderr
        (wheel,) = (folder / "dist").iterdir()
        with zipfile.ZipFile(wheel) as archive:
            wheels.append({name: zlib.crc32(archive.read(name)) for name in archive.namelist()})
        wheels[-1]["the wheel as a whole"] = zlib.crc32(wheel.read_bytes())
    assert wheels[0] == wheels[1]


def test_what_make_installs_are_groups_that_ask_for_no_published_package_of_ours():
    tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups, extras = settings["dependency-groups"], settings["project"]["optional-dependencies"]
    (line,) = re.findall(r"^GROUPS := (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert sorted([*line.split(), "dev"]) == sorted(groups)
    for name, items in groups.items():
        for item in items:
            assert item["include-group"] in groups if isinstance(item, dict) else "micrograd-c" not in item, name
    assert groups["examples"] == extras["examples"]


@slow_once
def test_the_sdist_has_what_builds_and_tests_need_and_no_results_of_benchmarks(clone):
    pytest.importorskip("setuptools", minversion="77")
    done = run_python("setup.py", "-q", "sdist", cwd=clone)
    assert done.returncode == 0, done.stderr
    (sdist,) = (clone / "dist").iterdir()
    with tarfile.open(sdist) as archive:
        packed = {member.name.partition("/")[2] for member in archive if member.isfile()}
    kept = {path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()}
    left_out = {name for name in kept - packed if not name.startswith(("dist/", ".git", "__pycache__/"))}
    assert left_out == {name for name in kept if name.startswith("benchmarks/results/")} != set()


@slow_once
def test_the_commands_of_the_readme_run_a_script_in_a_clone(clone):
    text = (clone / "README.md").read_text("utf-8")
    (block,) = [code for code in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) if "pip install -e ." in code]
    (clone / "your_script.py").write_text("from micrograd.engine import Value\nprint(Value.__module__)\n")
    done = shell(block, clone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "micrograd_c.engine"


@slow_once
def test_an_installed_package_that_the_source_hides_says_what_to_do(clone, tmp_path):
    commands = "python3 -m venv ../env && ../env/bin/python -m pip install ."
    done = shell(commands, clone)
    assert done.returncode == 0, done.stderr
    (tmp_path / "script.py").write_text("from micrograd.engine import Value\nprint(Value.__module__)\n")
    done = shell("../env/bin/python -m micrograd_c ../script.py", clone)
    assert done.returncode == 1 and "pip install -e ." in done.stderr.splitlines()[-1]
    done = shell("env/bin/python -m micrograd_c script.py", tmp_path)
    assert done.stdout == "micrograd_c.engine\n", done.stderr


def test_the_demo_trains_nothing_where_there_is_no_folder_for_its_picture(tmp_path):
    demo = ROOT / "examples" / "demo.py"
    done = run_python(demo, "--out", "no folder/x.png", cwd=tmp_path, env={"PYTHONOPTIMIZE": "2"})
    assert done.returncode == 2 and "--" not in done.stderr.splitlines()[-1].replace("--out", "")
    assert done.stderr.endswith("there is no folder 'no folder'; make it first\n"), done.stderr


@slow_once
def test_the_demo_prints_one_table_and_leaves_its_picture_where_it_says(tmp_path):
    for module in ("micrograd", "sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(module)
    tmp_path = tmp_path / "a für b"
    tmp_path.mkdir()
    env = {"PYTHONOPTIMIZE": "2", "PYTHONIOENCODING": "ascii"}
    done = run_python(ROOT / "examples" / "demo.py", "--steps", "2", "--out", "here.png", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("-- ")]
    assert len(said) == 3 and "\r" not in done.stderr and "step/s" not in done.stderr
    _, _, *rows, _, difference, picture = done.stdout.splitlines()
    assert [row[:26].strip() for row in rows] == ["micrograd", "micrograd, collector off", "micrograd-c"]
    assert float(difference.split(" by ")[1].split()[0]) < 1e-9
    assert picture.endswith("a f\\xfcr b/here.png") and (tmp_path / "here.png").stat().st_size > 1000


def test_both_modules_depend_on_every_file_of_csrc(tmp_path, monkeypatch):
    """Where one of them was compiled from other text, `_core` refuses the pair by this number."""
    pytest.importorskip("cffi")
    monkeypatch.syspath_prepend(str(ROOT))
    import build_ffi

    shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    monkeypatch.setattr(build_ffi, "ROOT", tmp_path)
    texts = [path for path in (tmp_path / "csrc").rglob("*") if path.is_file()]
    numbers = {build_ffi.sources()}
    for path in texts:
        path.write_text(path.read_text() + "\n")
        numbers.add(build_ffi.sources())
    assert len(numbers) == len(texts) + 1 and {"run.c", "kernels.inc", "slots.c"} <= {path.name for path in texts}
    assert sorted(build_ffi.all_files()) == sorted(path.relative_to(tmp_path).as_posix() for path in texts)
