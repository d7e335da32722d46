"""python -m micrograd_c runs scripts and modules that were written for micrograd."""

import json
import sys
import textwrap
import zipfile

import pytest
from own_values import CLOSURES
from support import PYPY, run_python

import micrograd_c

WHERE = """
from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Module, Neuron
import micrograd, micrograd.engine, micrograd.nn as nn, sys
print(Value.__module__, MLP.__module__, micrograd.__name__, nn.__name__)
"""
OURS = "micrograd_c.engine micrograd_c.nn micrograd_c micrograd_c.nn\n"


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


@pytest.fixture
def no_micrograd(tmp_path):
    """An environment in which no micrograd is installed."""
    import os

    write(
        tmp_path / "blocked",
        "sitecustomize.py",
        """
        import sys

        class Blocked:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name.partition(".")[0] == "micrograd":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Blocked)
        """,
    )
    paths = [str(tmp_path / "blocked"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_a_script_finds_our_engine_under_micrograds_names(tmp_path):
    done = run_python("-m", "micrograd_c", write(tmp_path, "script.py", WHERE), cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (OURS, "", 0)


def test_networks_are_imported_when_they_are_asked_for_and_are_one_module_under_two_names():
    code = """
        import importlib.util, pickle, sys
        import micrograd_c.as_micrograd
        import micrograd.engine
        assert "micrograd_c.nn" not in sys.modules and "nn" in dir(micrograd)
        assert importlib.util.find_spec("micrograd.nn")
        first, second = {names}
        __import__(first), __import__(second)
        theirs, ours = sys.modules["micrograd.nn"], sys.modules["micrograd_c.nn"]
        assert theirs is ours is micrograd.nn and micrograd.MLP is ours.MLP
        assert ours.__name__ == ours.__spec__.name == "micrograd_c.nn" and ours.__spec__.origin == ours.__file__
        assert type(pickle.loads(pickle.dumps(micrograd.MLP(1, [1])))) is micrograd.MLP
        assert importlib.reload(theirs) is ours
    """
    for names in ("micrograd.nn", "micrograd_c.nn"), ("micrograd_c.nn", "micrograd.nn"):
        done = run_python("-c", textwrap.dedent(code).format(names=names))
        assert (done.stderr, done.returncode) == ("", 0)


def test_it_makes_no_difference_whether_micrograd_is_installed(tmp_path, no_micrograd):
    script = write(tmp_path, "script.py", WHERE)
    plain = run_python(script, cwd=tmp_path, env=no_micrograd)
    assert plain.returncode == 1 and "No module named 'micrograd'" in plain.stderr
    done = run_python("-m", "micrograd_c", script, cwd=tmp_path, env=no_micrograd)
    assert (done.stdout, done.stderr, done.returncode) == (OURS, "", 0)
    done = run_python("-c", "import micrograd_c.as_micrograd\n" + WHERE, cwd=tmp_path, env=no_micrograd)
    assert (done.stdout, done.stderr) == (OURS, "")


def test_as_micrograd_does_the_same_from_inside_of_a_program(tmp_path):
    done = run_python("-c", "import micrograd_c.as_micrograd\n" + WHERE, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (OURS, "")
    code = "import micrograd.engine\n" * 0 + "import micrograd_c\nprint('micrograd' in __import__('sys').modules)"
    assert run_python("-c", code, cwd=tmp_path).stdout == "False\n"


def test_as_micrograd_replaces_a_micrograd_that_was_imported_before(tmp_path):
    pytest.importorskip("micrograd")
    done = run_python("-c", "import micrograd.nn, micrograd.engine\nimport micrograd_c.as_micrograd\n" + WHERE)
    assert (done.stdout, done.stderr) == (OURS, "")


def test_a_script_sees_argv_main_file_and_path_as_python_sets_them(tmp_path):
    script = write(
        tmp_path / "folder",
        "script.py",
        """
        import os, sys
        import neighbour
        import __main__
        print(sys.argv)
        print(__name__, os.path.basename(__file__), neighbour.X, sys.path[0] == os.path.dirname(__file__))
        print(__main__.sys is sys, __spec__, __package__ in (None, ''))
        if __name__ == "__main__":
            print("main")
        """,
    )
    write(tmp_path / "folder", "neighbour.py", "X = 7")
    ours = run_python("-m", "micrograd_c", script, "-x", "--help", "file", cwd=tmp_path)
    python = run_python(script, "-x", "--help", "file", cwd=tmp_path)
    assert ours.stdout == python.stdout and ours.stdout
    assert (ours.stderr, ours.returncode) == ("", 0)


SHOWN = """import os, sys
import beside
print(sys.argv, __file__, sys.path[0], __builtins__.__name__, sorted(x for x in globals() if x.startswith("__")))
print(__loader__ is None, __spec__ and __spec__.name, __package__, sys.modules["__main__"].os is os)
"""


@pytest.mark.parametrize("own", [(), ("--replace-value",)])
@pytest.mark.parametrize("text", ["", "class Value: pass\n", CLOSURES])
@pytest.mark.parametrize(
    "name", ["script.py", "./a/../script.py", "a/link.py", "empty.py", "-m script", "-m a", "a"]
)
def test_a_script_sees_the_same_of_itself_and_its_folder(name, text, own, tmp_path):
    write(tmp_path, "script.py", text + SHOWN)
    write(tmp_path, "beside.py", "")
    write(tmp_path, "empty.py", "")
    write(tmp_path / "a", "__main__.py", text + SHOWN)
    write(tmp_path / "a", "beside.py", "")
    (tmp_path / "a" / "link.py").symlink_to("../script.py")
    done = run_python("-m", "micrograd_c", "-q", *own, *name.split(), "x", "-y", cwd=tmp_path)
    assert (done.stdout, done.stderr) == (run_python(*name.split(), "x", "-y", cwd=tmp_path).stdout, "")


HOOK = """import sys
def hook(kind, error, traceback):
    files = []
    while traceback:
        files.append(traceback.tb_frame.f_code.co_filename)
        traceback = traceback.tb_next
    print(kind.__name__, files == [__file__] * len(files), len(files))
sys.excepthook = hook
"""


@pytest.mark.parametrize("own", [(), ("--replace-value",)])
@pytest.mark.parametrize(
    "line", ["1 / 0", "import no_such_module", "open('no such file')", "raise KeyError from ValueError()"]
)
def test_a_hook_of_the_script_for_errors_sees_its_frames_alone(line, own, tmp_path):
    write(tmp_path, "script.py", f"{HOOK}{CLOSURES}def f():\n    {line}\nf()\n")
    python, ours = (run_python(*m, "script.py", cwd=tmp_path) for m in ((), ("-m", "micrograd_c", "-q", *own)))
    assert (ours.stdout, ours.stderr, ours.returncode) == (python.stdout, "", 1)
    assert python.stdout.endswith(" True 2\n")


@pytest.mark.parametrize(
    ("name", "command"),
    [("explian", "explain"), ("exercise", "exercises"), ("Lesson", "lesson"), ("lesson.py", "")],
)
def test_a_command_with_a_slip_is_told(name, command, tmp_path):
    done = run_python("-m", "micrograd_c", name, "x", cwd=tmp_path)
    assert "can't open file" in done.stderr and done.returncode == 2
    assert done.stderr.partition("; ")[2] == (f"close to it is the command {command}\n" if command else "")
    done = run_python("-m", "micrograd_c", "--time", "lesson", cwd=tmp_path)
    assert "; the command lesson stands first, no option stands before it\n" in done.stderr and done.returncode == 2
    done = run_python("-m", "micrograd_c", "help", cwd=tmp_path)
    assert done.stderr.endswith("; see python -m micrograd_c --help\n") and done.returncode == 2


def test_a_notebook_is_not_run_as_a_script_and_the_two_ways_out_are_told(tmp_path):
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ["1 + 1"]}
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (tmp_path / "lecture.ipynb").write_text(text)
    done = run_python("-m", "micrograd_c", "lecture.ipynb", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("micrograd_c: lecture.ipynb is a notebook: ")
    assert "import micrograd_c.as_micrograd" in done.stderr and "null" not in done.stderr


def test_a_relative_path_and_a_folder_with_main_run_too(tmp_path):
    write(tmp_path / "folder", "__main__.py", "import sys\nprint('folder', len(sys.argv))")
    write(tmp_path, "script.py", "print(__file__)")
    assert run_python("-m", "micrograd_c", "script.py", cwd=tmp_path).stdout.endswith("script.py\n")
    assert run_python("-m", "micrograd_c", "folder", "x", cwd=tmp_path).stdout == "folder 2\n"


def test_m_runs_a_module_with_its_arguments(tmp_path):
    write(
        tmp_path, "mod.py", WHERE + "print(__name__, sys.argv[1:], sys.argv[0].endswith('mod.py'), __spec__.name)"
    )
    done = run_python("-m", "micrograd_c", "-m", "mod", "-m", "1", cwd=tmp_path)
    assert (done.stdout, done.stderr) == (OURS + "__main__ ['-m', '1'] True mod\n", "")
    write(tmp_path / "package", "__init__.py", "")
    write(tmp_path / "package", "__main__.py", "from . import sub\nprint(sub.X, __package__)")
    write(tmp_path / "package", "sub.py", "X = 5")
    assert run_python("-m", "micrograd_c", "-m", "package", cwd=tmp_path).stdout == "5 package\n"


def test_exit_codes_and_streams_are_those_of_the_script(tmp_path):
    script = write(
        tmp_path,
        "script.py",
        "import sys\nprint(input())\nprint('err', file=sys.stderr)\nsys.exit(int(sys.argv[1]))",
    )
    done = run_python("-m", "micrograd_c", script, "3", stdin="text\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "text\n", "err\n")
    assert run_python("-m", "micrograd_c", script, "0", stdin="text\n").returncode == 0


def test_a_traceback_names_file_line_and_error_of_the_script(tmp_path):
    script = write(
        tmp_path, "script.py", "from micrograd.engine import Value\n\ndef f():\n    Value(1.0) / 0\n\nf()\n"
    )
    done = run_python("-m", "micrograd_c", script)
    assert done.returncode == 1
    assert f'File "{script}", line 6, in <module>' in done.stderr
    assert f'File "{script}", line 4, in f' in done.stderr
    assert "Value(1.0) / 0" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("ZeroDivisionError: ")


def test_functions_and_classes_of_a_script_can_be_pickled(tmp_path):
    script = write(
        tmp_path,
        "script.py",
        """
        import pickle
        from micrograd.engine import Value
        from micrograd.nn import MLP

        class Mine(MLP):
            pass

        if __name__ == "__main__":
            m = pickle.loads(pickle.dumps(Mine(2, [1])))
            print(type(m).__name__, isinstance(m, Mine), pickle.loads(pickle.dumps(Value(2.0))).data)
        """,
    )
    done = run_python("-m", "micrograd_c", script)
    assert (done.stdout, done.stderr) == ("Mine True 2.0\n", "")


def test_version_and_help():
    for option in ("--version", "-V"):
        done = run_python("-m", "micrograd_c", option)
        assert (done.stdout, done.stderr, done.returncode) == (f"micrograd-c {micrograd_c.__version__}\n", "", 0)
    for option in ("--help", "-h"):
        done = run_python("-m", "micrograd_c", option)
        assert done.returncode == 0 and done.stderr == ""
        for word in ("usage: python -m micrograd_c [options] script.py", "-m module", "--version", "as_micrograd"):
            assert word in done.stdout


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import PackageNotFoundError, version

    try:
        assert version("micrograd-c") == micrograd_c.__version__
    except PackageNotFoundError:
        pytest.skip("the package runs from its sources")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["usage:"]),
        (["-m"], ["-m names no module", "--help"]),
        (["--unknown"], ["--unknown", "--help"]),
    ],
)
def test_a_wrong_command_line_is_told_in_words(arguments, words, tmp_path):
    done = run_python("-m", "micrograd_c", *arguments, cwd=tmp_path)
    assert done.returncode not in (0, None)
    for word in words:
        assert word in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.py"],
        ["missing/script.py"],
        ["folder"],
        ["empty.zip"],
        ["-m", "no_such_module_"],
        ["-m", "no.such"],
        ["-m", "json"],
        ["-m", "sys"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_found_is_told_as_python_tells_it(arguments, tmp_path):
    (tmp_path / "folder").mkdir()
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as file:
        file.writestr("x.py", "")
    ours = run_python("-m", "micrograd_c", *arguments, cwd=tmp_path)
    pythons = run_python(*arguments, cwd=tmp_path)
    assert pythons.returncode and ours.returncode == pythons.returncode
    if sys.implementation.name != "pypy":
        told, expected = (x.stderr.partition(": ")[2].replace(f"{tmp_path}/", "") for x in (ours, pythons))
        assert told == expected
    assert "Traceback" not in ours.stderr


@pytest.mark.parametrize(
    "text", ["import no_such_module_", "import runpy\nrunpy.run_module('no_such_module_')", "open('no_such_file')"]
)
@pytest.mark.parametrize("option", [(), ("-m",)], ids=["script", "module"])
def test_what_a_script_does_not_find_has_a_traceback(text, option, tmp_path):
    write(tmp_path, "script.py", text)
    done = run_python("-m", "micrograd_c", *option, "script" if option else "script.py", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" in done.stderr and "script.py" in done.stderr


def test_the_package_imports_without_numpy_and_without_micrograd(tmp_path, no_micrograd):
    code = "import sys, micrograd_c, micrograd_c.nn; print([m for m in ('numpy', 'micrograd') if m in sys.modules])"
    done = run_python("-c", code, cwd=tmp_path, env=no_micrograd)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_public_names_are_listed_and_there():
    for module in (micrograd_c, micrograd_c.engine, micrograd_c.nn):
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert hasattr(module, name)
            assert name.startswith("__") or getattr(module, name).__doc__


# ---- star imports ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["engine", "nn"])
def test_import_star_brings_what_it_brings_from_micrograd(module):
    pytest.importorskip("micrograd")
    theirs, ours, alias = {}, {}, {}
    exec(f"from micrograd.{module} import *", theirs)
    exec(f"from micrograd_c.{module} import *", ours)
    assert theirs.keys() == ours.keys()
    done = run_python(
        "-c",
        f"import micrograd_c.as_micrograd\nbefore = {{*dir()}}\nfrom micrograd.{module} import *\n"
        "print(sorted({*dir()} - before))",
    )
    exec(done.stdout and f"names = {done.stdout}", alias)
    assert {*alias["names"], "__builtins__", "before"} == {*ours, "before"}
    for name in theirs.keys() - {"__builtins__"}:
        assert getattr(ours[name], "__name__", "") == theirs[name].__name__


def test_import_star_of_the_package_brings_everything_public_and_hides_nothing_of_pythons():
    import builtins

    names = {}
    exec("from micrograd_c import *", names)
    assert not names.keys() & {n for n in dir(builtins) if not n.startswith("__")}
    for name in ("Value", "MLP", "jit", "draw", "explain", "optim", "dot", "where", "zero_grad", "gradcheck"):
        assert names[name] is getattr(micrograd_c, name)
    public = {n for n in dir(micrograd_c) if not n.startswith("_")}
    assert names.keys() - {"__builtins__"} == {*micrograd_c.__all__}
    functions = {n for n in public if getattr(getattr(micrograd_c, n), "__module__", "").startswith("micrograd_c.")}
    assert functions - {"sum", "load_ipython_extension"} <= names.keys()  # IPython asks for the latter


def test_help_of_the_package_lists_every_public_name():
    import pydoc

    text = pydoc.plain(pydoc.render_doc(micrograd_c))
    for name in (*micrograd_c.__all__, "sum", "plot"):
        assert f" {name}\n" in text or f" {name}(" in text or f"`{name}`" in text, name


def test_jit_has_one_signature_as_a_function_and_as_a_module():
    import importlib
    import inspect

    module = importlib.import_module("micrograd_c.jit")
    assert inspect.signature(module) == inspect.signature(module.jit)


# ---- processes ---------------------------------------------------------------------------------------------------

PROCESSES = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # where another micrograd may be
from micrograd.engine import Value
from micrograd.nn import MLP

def where(depth):
    if depth == 0:
        return Value.__module__, MLP.__module__, sys.argv[1:]
    with ProcessPoolExecutor(1, multiprocessing.get_context(sys.argv[1])) as pool:
        return pool.submit(where, depth - 1).result()

def square(v):
    out = v * v
    out.backward()
    return out

def work():
    print(Value.__module__)

if __name__ == "__main__":
    os.chdir(os.path.dirname(sys.executable))
    context = multiprocessing.get_context(sys.argv[1])
    process = context.Process(target=work)
    process.start()
    process.join()
    print("exit", process.exitcode)
    with ProcessPoolExecutor(1, context) as pool:
        out = pool.submit(square, Value(3.0)).result()
        print(type(out) is Value, out.data, [v.grad for v in out._prev])
    print(where(2))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("option", [(), ("-m",)], ids=["script", "module"])
def test_processes_that_a_script_starts_find_our_engine_too(method, option, tmp_path, no_micrograd):
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    if PYPY and not hasattr(ProcessPoolExecutor, "_adjust_process_count"):
        pytest.skip("concurrent.futures of this PyPy starts no processes")
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"there is no {method} here")
    script = write(tmp_path, "script.py", PROCESSES)
    write(tmp_path / "micrograd", "__init__.py", "raise ImportError('the wrong micrograd')")
    done = run_python(
        "-m", "micrograd_c", *option, "script" if option else script, method, cwd=tmp_path, env=no_micrograd
    )
    assert done.returncode == 0, done.stderr
    expected = ["micrograd_c.engine", "exit 0", "True 9.0 [6.0]"]
    assert done.stdout.splitlines() == [*expected, f"('micrograd_c.engine', 'micrograd_c.nn', ['{method}'])"]


FORK = """
import multiprocessing
from micrograd.net import Neuron
from micrograd.engine import Value

if __name__ == "__main__":
    print(Neuron()(3.0), hasattr(Value, "gelu"))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(Neuron(), [2.0]))
"""


@pytest.mark.parametrize("option", [(), ("-m",)], ids=["script", "module"])
def test_a_micrograd_of_the_folder_is_found_if_its_class_is_to_be_replaced(option, tmp_path):
    script = write(tmp_path, "script.py", FORK)
    own = CLOSURES + "    def halved(self): return self * 0.5\n"
    write(tmp_path / "micrograd", "__init__.py", "")
    write(tmp_path / "micrograd", "engine.py", own)
    neuron = "class Neuron:\n    def __call__(self, x): return (Value(2.0) * x).halved().data\n"
    write(tmp_path / "micrograd", "net.py", "from micrograd.engine import Value\n" + neuron)
    named = (*option, "script" if option else script)
    done = run_python("-m", "micrograd_c", "--replace-value", *named, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("3.0 True\n[2.0]\n", "")
    plain = run_python("-m", "micrograd_c", *named, cwd=tmp_path)
    assert f"the micrograd in {tmp_path} is not used" in plain.stderr and "No module named" in plain.stderr
    quiet = run_python("-m", "micrograd_c", "-q", *named, cwd=tmp_path)
    assert "is not used" not in quiet.stderr


def test_as_micrograd_reaches_processes_where_multiprocessing_was_there_first(tmp_path):
    write(tmp_path, "work.py", "from micrograd.engine import Value\n\ndef where(_):\n    return Value.__module__\n")
    code = """
        import multiprocessing.spawn
        if __name__ == "__main__":
            import micrograd_c.as_micrograd, work
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work.where, [0]))
        """
    done = run_python(write(tmp_path, "main.py", code), cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("['micrograd_c.engine']\n", 0), done.stderr


def test_multiprocessing_is_not_imported_for_scripts_without_it(tmp_path):
    script = write(tmp_path, "script.py", "import sys, micrograd\nprint('multiprocessing' in sys.modules)")
    assert run_python("-m", "micrograd_c", script).stdout == "False\n"
