"""`python -m micrograd_c explain`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from shlex import quote
from unicodedata import normalize

from .explanation import explain
from .parse import Refused, parse
from .picture import draw

__all__ = ["main"]

_HELP = """\
examples:
  python -m micrograd_c explain "c = a*b + b" a=2 b=3
  python -m micrograd_c explain "c = a*b + b" a=2 b=3 --what-if a=2.0001,b=3.01
  python -m micrograd_c explain "n = w*x + b; o = n.tanh()" w=-3 x=2 b=6.88 --html page.html

There are numbers, names, + - * / **, brackets, and the functions of Value: tanh(x), relu(x), exp(x), max(x, y) ...
Nothing else is read, and nothing is run. Put the expression into quotes: without them the shell reads it first.
A script named explain is run by its path: python -m micrograd_c ./explain
"""


def _leaf(text: str) -> tuple[str, str]:
    """Return the name and the number of 'a=2', as text; no name where it is of another form."""
    match = re.fullmatch(r"\s*([^\W\d]\w*)\s*=(?!=)\s*(.*?)\s*", text, re.DOTALL)
    return (normalize("NFKC", match[1]), match[2]) if match else ("", "")  # as Python's parser does it


def _number(text: str) -> float:
    """Return the number that a text says: 2, 1e-3, inf, and 1/2."""
    try:
        return float(text)
    except ValueError:
        if re.search(r"[;=\n]", text):
            raise ValueError(f"{text!r} is no number") from None
        return parse(text, {})[0].data


def _is_number(text: str) -> bool:
    try:
        return _number(text) is not None
    except (ValueError, ArithmeticError):
        return False


def _parted(texts: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Part the expression from its leaves; it comes in several texts where it was not quoted, and first or last."""
    if all(_is_number(_leaf(text)[1]) for text in texts[:-1]) and not _is_number(_leaf(texts[-1])[1]):
        return texts[-1], texts[:-1]
    n = 1
    while n < len(texts) and not _leaf(texts[n])[0]:
        n += 1
    return " ".join(texts[:n]), texts[n:]


def _assignments(texts: Sequence[str], what_if: bool = False) -> dict[str, float]:
    """Return the numbers of 'a=2' and 'b=3,c=4' by name."""
    out: dict[str, float] = {}
    parts = (part for text in texts for part in re.split(r"[,;](?=\s*(?:\w+\s*=|$))", text))
    for text in filter(str.strip, parts):
        name, number = _leaf(text)
        if not name:
            raise ValueError(f"{text!r} is not of the form name=number")
        if name in out:
            other = "; the other data of --what-if are one text, as a=1,b=2" * what_if
            raise ValueError(f"{name} is given twice{other}")
        try:
            out[name] = _number(number)
        except Refused:
            raise ValueError(f"{text!r}: {number!r} is no number") from None
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"{text!r}: {error}") from None
    return out


def _expect_folder(path: str) -> None:
    above = folder = os.path.dirname(path)
    if not path:
        raise ValueError("the name of the file to write is empty")
    while above and not os.path.exists(above):
        above = os.path.dirname(above)
    if above and not os.path.isdir(above):
        raise ValueError(f"cannot write {path}: {above!r} is a file, no folder")
    if above != folder:
        remedy = f"make it first (mkdir -p {quote(folder)})"
        raise ValueError(f"cannot write {path}: there is no folder {folder!r}; {remedy}")


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
    output.add_argument(
        "--html", metavar="FILE", type=os.path.expanduser, help="write a page that steps through it"
    )
    output.add_argument("--json", action="store_true", help="print the steps as JSON")
    output.add_argument(
        "--draw", metavar="FILE", type=os.path.expanduser, help="write a picture: .svg, .html, .dot or .png"
    )
    parser.add_argument(
        "--what-if",
        metavar="a=1,b=2",
        action="append",
        default=[],
        help="tell the result and gradients of other data",
    )
    # What begins with a minus is an expression, but for options.
    options = parser.parse_intermixed_args([f" {a}" if re.match("-[^-h]|-h.", a) else a for a in arguments])
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    expression, leaves = _parted([options.expression, *options.values])
    try:
        data = _assignments(leaves, bool(options.what_if))
        what_if = _assignments(options.what_if)
        if what_if and options.json:
            raise ValueError("--what-if is no part of the JSON: leave out --json, or give the leaves these numbers")
        file = options.draw if options.html is None else options.html
        if file is not None:
            _expect_folder(file)
        root, _ = parse(expression, data)
        explanation = explain(root, title=" ".join(expression.split()), names={})
        told = explanation.what_if_text(what_if) if file else explanation.text(what_if)
        if options.html:
            explanation.html(options.html)
            print(f"wrote {options.html}: open it in a browser")
        elif options.draw:
            root.backward()
            draw(root, names={}).save(options.draw)
            print(f"wrote {options.draw}")
        print(explanation.json() + "\n" if options.json else told, end="")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, ArithmeticError, OSError, RuntimeError) as error:
        refused = "the expression is refused at " * isinstance(error, Refused)
        print(f"micrograd_c: {refused}{error}", file=sys.stderr)
        if refused and expression != options.expression:
            print("Put the expression into quotes, and the leaves behind it, such as a=2.", file=sys.stderr)
        return 2
    return 0
