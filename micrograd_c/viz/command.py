"""`python -m micrograd_c explain`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .explanation import explain
from .parse import Refused, parse
from .picture import draw

__all__ = ["main"]

_HELP = """\
examples:
  python -m micrograd_c explain "c = a*b + b" a=2 b=3
  python -m micrograd_c explain "c = a*b + b" a=2 b=3 --what-if a=2.0001,b=3.01
  python -m micrograd_c explain "n = w*x + b; o = n.tanh()" w=-3 x=2 b=6.88 --html page.html

There are numbers, names, + - * / **, brackets, and the functions of Value: tanh(x), relu(x), exp(x), log(x) ...
Nothing else is read, and nothing is run. A script named explain is run by its path: python -m micrograd_c ./explain
"""


def _assignments(texts: Sequence[str]) -> dict[str, float]:
    out: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise ValueError(f"{text!r} is not of the form name=number")
        if name in out:
            raise ValueError(f"{name} is given twice")
        try:
            out[name] = float(number)
        except ValueError:
            raise ValueError(f"{text!r}: {number!r} is no number") from None
    return out


def main(arguments: Sequence[str]) -> int:
    """Explain an expression as the command line asks for it; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m micrograd_c explain",
        description="Backpropagation through an expression, step by step.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("expression", help="such as 'c = a*b + b'; several lines are separated by ;")
    parser.add_argument("values", nargs="*", metavar="name=number", help="the leaves")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--html", metavar="FILE", help="write a page that steps through it")
    output.add_argument("--json", action="store_true", help="print the steps as JSON")
    output.add_argument("--draw", metavar="FILE", help="write a picture: .svg, .html, .dot or .png")
    parser.add_argument("--what-if", metavar="a=1,b=2", default="", help="what the result would be with other data")
    options = parser.parse_intermixed_args(list(arguments))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        data = _assignments(options.values)
        what_if = _assignments([text for text in options.what_if.split(",") if text.strip()])
        root, _ = parse(options.expression, data)
        explanation = explain(root, title=" ".join(options.expression.split()), names={})
        if options.html:
            explanation.html(options.html)
            print(f"wrote {options.html}: open it in a browser")
        elif options.json:
            print(explanation.json())
        elif options.draw:
            root.backward()
            draw(root, names={}).save(options.draw)
            print(f"wrote {options.draw}")
        else:
            print(explanation.text(what_if), end="")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Refused as error:
        print(f"micrograd_c: the expression is refused at {error}", file=sys.stderr)
        return 2
    except (ValueError, ArithmeticError, OSError, RuntimeError) as error:
        print(f"micrograd_c: {error}", file=sys.stderr)
        return 2
    return 0
