"""Runs a script or a module with `micrograd` resolved to micrograd-c, and with Value for a class of its own."""

from __future__ import annotations

import gc
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from time import perf_counter

from . import __version__
from ._core import Any

_HELP = """\
usage: python -m micrograd_c [options] script.py [args ...]
       python -m micrograd_c [options] -m module [args ...]
       python -m micrograd_c explain EXPRESSION name=number ... [--html FILE | --json]
       python -m micrograd_c exercises start FOLDER | check [NAME] | ...
       python -m micrograd_c lesson [--html FILE] [--open]
       python -m micrograd_c --version | --help

Runs a Python script or module that was written for micrograd: its imports of
micrograd, micrograd.engine and micrograd.nn find micrograd-c. Nothing else of
it changes. In a notebook, `import micrograd_c.as_micrograd` does the same.

  --replace-value[=Name]  a script that does not import micrograd but has a class
                          Value (or Name) of its own runs on that of micrograd-c;
                          in a notebook: %load_ext micrograd_c
  --time                  tell at the end how long it took
  -q                      no remarks on stderr

explain shows backpropagation through an expression, step by step; more of it by
python -m micrograd_c explain --help. A script named explain is run as ./explain.
exercises are small files to fill in, from a derivative to a network that learns,
each checked against the engine: python -m micrograd_c exercises --help.
lesson writes a page that teaches backpropagation, from a slope to a network.
"""


def main() -> None:
    """Run what the command line names, as Python itself would."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_HELP, end="")
        sys.exit(0 if arguments else 2)
    if arguments[0] in ("-V", "--version"):
        print(f"micrograd-c {__version__}")
        return
    if arguments[0] == "explain":
        from .viz.command import main as explain

        sys.exit(explain(arguments[1:]))
    if arguments[0] == "exercises":
        from .learn.exercises.command import main as exercises

        sys.exit(exercises(arguments[1:]))
    if arguments[0] == "lesson":
        from .learn.command import main as lesson

        sys.exit(lesson(arguments[1:]))
    quiet = timed = as_module = False
    replaced = ""
    while arguments and arguments[0].startswith("-") and not as_module:
        option, _, name = arguments.pop(0).partition("=")
        if option == "--replace-value":
            replaced = name or "Value"
            if not replaced.isidentifier():
                sys.exit(f"micrograd_c: --replace-value={name}: {name!r} is no name of a class")
        elif option in ("-q", "--time", "-m") and not name:
            quiet, timed, as_module = quiet or option == "-q", timed or option == "--time", option == "-m"
        else:
            sys.exit(f"micrograd_c: unknown option {option}; see python -m micrograd_c --help")
    if not arguments or arguments[0].startswith("-"):
        what = "-m names no module" if as_module else "there is no script to run"
        sys.exit(f"micrograd_c: {what}; see python -m micrograd_c --help")

    if arguments[0].endswith(".ipynb") and not as_module and os.path.isfile(arguments[0]):
        sys.exit(
            f"micrograd_c: {arguments[0]} is a notebook: open it in Jupyter, `import micrograd_c.as_micrograd` "
            f"at its top, or make a script of it: jupyter nbconvert --to script {arguments[0]}"
        )

    ours = _show_theirs if replaced else _show
    sys.argv, sys.excepthook = arguments, ours
    start = perf_counter()
    try:
        _run(arguments[0], as_module, replaced, quiet)
    except Exception as error:
        if isinstance(error, (ImportError, OSError)) and not _script_in(error.__traceback__):
            if isinstance(error, ImportError):
                sys.exit(f"{sys.executable}: {error}")
            what = f"can't open file {error.filename!r}: [Errno {error.errno}] {error.strerror}"
            commands = {x: f"the command {x}" for x in ("explain", "exercises", "lesson")}
            if arguments[0] in commands:
                what += f"; {commands[arguments[0]]} stands first, no option stands before it"
            elif arguments[0].isalpha():  # no name of a script
                from ._core.absent import close_to

                close = close_to(arguments[0], commands)
                what += f"; {close or 'see python -m micrograd_c --help'}"
            print(f"{sys.executable}: {what}", file=sys.stderr)
            sys.exit(2)
        if sys.excepthook is ours:
            raise
        _strip(error, bool(replaced))
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
    finally:
        if timed:
            print(f"micrograd_c: {arguments[0]} took {perf_counter() - start:.3f} s", file=sys.stderr)


def _run(name: str, as_module: bool, replaced: str, quiet: bool) -> None:
    import micrograd_c.as_micrograd as as_micrograd  # "from . import" would look for likely names first

    path = os.path.join(os.getcwd(), name)  # as it is in __file__
    if sys.implementation.name == "pypy":
        path = os.path.abspath(path)
    folder = os.getcwd() if as_module else path if os.path.isdir(path) else os.path.dirname(os.path.realpath(path))
    found: Any = None
    code: Any = None
    replace: Any = None
    root = folder
    collects = gc.isenabled()
    gc.disable()  # until the script runs: what is made here is no garbage
    if replaced or not (quiet or as_module or not _says_class(name)):
        import micrograd_c.replace as module

        replace = module
        replace.silent = quiet
        found = None if as_module or not os.path.isfile(name) else replace.parse(path, replaced or "Value")
    if replaced:
        is_script, here = os.path.isfile(path) and not as_module, os.getcwd()
        if is_script and folder.startswith(here + os.sep):  # a script in a folder of its own, as tests/
            root = here
        tell = replace.Finder(root, replaced, path if is_script else None).tell
        as_micrograd.tell = tell
        if _has_micrograd(folder) or _has_micrograd(root):  # of the script's author: its class is to be replaced
            as_micrograd.step_back()
            as_micrograd.tell = lambda data: f"{tell(data)}; micrograd_c.as_micrograd.step_back()"
        code = found and replace.replace_in_main(path, *found, replaced)
    elif found:
        code = None if found[1] else found[0]
        replace.say(
            f"{name} has a class Value of its own; with --replace-value before its name it runs on micrograd-c"
        )
    if not (replaced or quiet) and _has_micrograd(folder):
        print(
            f"micrograd_c: the micrograd in {folder} is not used, imports find micrograd-c; with --replace-value "
            "before the name they find it, and its class Value runs on micrograd-c",
            file=sys.stderr,
        )
    try:
        if code is None and not as_module and not os.path.isdir(path):
            code = _source(path)
        code = code and compile(code, path, "exec", dont_inherit=True)
    finally:
        if collects:
            gc.enable()
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.freeze()  # no later collection looks at what is here now, least of all those of the exit
    main = sys.modules["__main__"] = type(sys)("__main__")
    names = vars(main)
    names["__builtins__"] = __builtins__
    if "__annotations__" in globals():  # as in each main module before Python 3.14
        names["__annotations__"] = {}
    run: Any = runpy
    if as_module:  # sys.path[0] is the current folder already
        run._run_module_as_main(name)  # what python itself calls
    else:
        sys.path[0] = folder
        if code:
            names.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
            exec(code, names)
        elif os.path.isdir(path):
            run._run_module_as_main("__main__", False)
        else:
            runpy.run_path(name, run_name="__main__")
    if replaced and not replace.statements:
        replace.say(
            f"no class {replaced} whose text has __init__, data, grad, backward, + and * was found outside of "
            f"functions, in modules of {root}"
        )


def _has_micrograd(folder: str) -> bool:
    """Tell whether a folder has a micrograd that Python would import from there."""
    files = "micrograd.py", "micrograd/engine.py", "micrograd/__init__.py"
    return any(os.path.isfile(os.path.join(folder, file)) for file in files)


def _source(path: str) -> bytes:
    """Return the text of a script; nothing of what is no text, an archive or bytecode."""
    with open(path, "rb") as file:
        text = file.read()
    return b"" if b"\0" in text else text or b"\n"


def _says_class(name: str) -> bool:
    """Tell whether it may be worth the time to read the syntax tree of a script."""
    if not os.path.isfile(name):
        return False
    with open(name, "rb") as file:
        return b"class Value" in file.read()


def _script_in(traceback: Any) -> Any:
    """Return the part of a traceback that is of what was run, and not of runpy, which may not have found it."""
    before = {id(globals()), id(vars(runpy))}
    while traceback is not None and id(traceback.tb_frame.f_globals) in before:
        traceback = traceback.tb_next
    return traceback


def _show(kind: Any, error: Any, traceback: Any) -> None:
    """Show an error as Python does, without the frames that led to the script."""
    _strip(error.with_traceback(traceback), False)
    sys.__excepthook__(kind, error, error.__traceback__)


def _show_theirs(kind: Any, error: Any, traceback: Any) -> None:
    """Show an error, and those it came from, as Python does where the class of the script is in use."""
    _strip(error.with_traceback(traceback), True)
    sys.__excepthook__(kind, error, error.__traceback__)


def _strip(error: Any, replaced: bool) -> None:
    """Take from an error the frames that led to the script, and from those it came from too all frames of ours."""
    errors = [error.with_traceback(_script_in(error.__traceback__))]
    for e in errors if replaced else ():
        e.__traceback__ = _without_ours(e.__traceback__)
        errors += (x for x in (e.__cause__, e.__context__) if x and all(x is not known for known in errors))


def _without_ours(traceback: Any) -> Any:
    """Return a traceback without the frames of this package."""
    here, steps = os.path.dirname(__file__) + os.sep, []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(here):
            steps.append(traceback)
        traceback = traceback.tb_next
    for step, following in zip(steps, [*steps[1:], None]):
        step.tb_next = following
    return steps[0] if steps else None


if __name__ == "__main__":
    main()
