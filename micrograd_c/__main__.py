"""Runs a script or a module with `micrograd` resolved to micrograd-c."""

from __future__ import annotations

import os
import runpy
import sys

from . import __version__

_HELP = """\
usage: python -m micrograd_c script.py [args ...]
       python -m micrograd_c -m module [args ...]
       python -m micrograd_c explain EXPRESSION name=number ... [--html FILE | --json]
       python -m micrograd_c exercises start FOLDER | check [NAME] | ...
       python -m micrograd_c lesson [--html FILE] [--open]
       python -m micrograd_c --version | --help

Runs a Python script or module that was written for micrograd: its imports of
micrograd, micrograd.engine and micrograd.nn find micrograd-c. Nothing else of
it changes. In a notebook, `import micrograd_c.as_micrograd` does the same.

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
    as_module = arguments[0] == "-m"
    if as_module:
        arguments = arguments[1:]
    if not arguments or arguments[0].startswith("-"):
        what = "-m names no module" if as_module and not arguments else f"unknown option {arguments[0]}"
        sys.exit(f"micrograd_c: {what}; see python -m micrograd_c --help")

    from . import as_micrograd  # noqa: F401

    name, sys.argv = arguments[0], arguments
    try:
        if as_module:  # sys.path[0] is the current folder already
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = os.path.dirname(os.path.abspath(name))
            runpy.run_path(name, run_name="__main__")
    except (ImportError, OSError) as error:
        if _has_begun(error):
            raise
        if isinstance(error, ImportError):
            sys.exit(f"{sys.executable}: {error}")
        what = f"can't open file {error.filename!r}: [Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: {what}", file=sys.stderr)
        sys.exit(2)


def _has_begun(error: BaseException) -> bool:
    """Tell whether an error comes from what was run, and not from runpy, which has not found it."""
    traceback = error.__traceback__
    before = {id(globals()), id(vars(runpy))}
    while traceback is not None and id(traceback.tb_frame.f_globals) in before:
        traceback = traceback.tb_next
    return traceback is not None


if __name__ == "__main__":
    main()
