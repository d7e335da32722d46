"""`python -m micrograd_c lesson`."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from .page import lesson

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Write the lesson as the command line asks for it; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m micrograd_c lesson",
        description="Writes the lesson: one page, from a slope to a network that learns.",
    )
    parser.add_argument(
        "--html", metavar="FILE", type=os.path.expanduser, default="lesson.html", help="where to (%(default)s)"
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    options = parser.parse_args(arguments)
    path = Path(options.html).resolve()
    try:
        lesson().html(path)
    except OSError as error:
        reason = "there is no such folder" if not path.parent.is_dir() else error.strerror
        print(f"micrograd_c: cannot write {path}: {reason}", file=sys.stderr)
        return 2
    print(f"wrote {path}: open it in a browser" if not options.open else f"wrote {path}")
    if options.open and not webbrowser.open(path.as_uri()):
        print("micrograd_c: no browser was found; open the file in one", file=sys.stderr)
        return 1
    return 0
