"""What a learner reads about a check: the case, the numbers, the share that is missing, and the mistake by name."""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations
from math import fsum, isclose
from pathlib import Path
from textwrap import wrap
from typing import Any

from ...viz.explanation import Explanation, explain
from ...viz.text import clean, number
from .course import Exercise, sentence
from .probes import PROBES
from .process import Verdict
from .words import in_plain_words, on_the_result

__all__ = ["page", "report", "says"]

_OUTPUT = 20  # lines of what the file printed
_WIDE = 100  # characters of a table's line; a wider one is read more easily as lines below each other
_CODE = 16  # lines of a case


def _shown(x: Any) -> str:
    if isinstance(x, float):
        return number(x)
    if isinstance(x, list):
        return "[" + ", ".join(map(_shown, x)) + "]"
    return clean(str(x))


def says(verdict: Verdict) -> list[str]:
    """Return what is told of the exception, or of the end of the process; none where there was neither."""
    error = verdict["error"]
    if not error:
        return []
    kind, message = clean(str(error["type"])), clean(str(error["message"]))
    if kind == "time":
        return [
            f"It was stopped after {float(message):g} seconds: it does not come to an end.",
            "Does a method use its own operator? Or does a loop never end?",
        ]
    if kind == "ended":
        return [
            "The process ended before the check did: does the file end Python, or does it take too much memory?"
        ]
    if kind == "missing":
        return [f"There is no `{message}` in the file: the check calls it, so its name has to stay as it was."]
    at = f"Python stops in line {error['line']}: {clean(str(error['code']))}" if error["line"] else "Python stops."
    name = f"{kind}: {message}" if kind != "TimeUp" else ""
    return [line for line in (at, name, in_plain_words(kind, message, error["code"])) if line]


def _explanation(exercise: Exercise, verdict: Verdict) -> Explanation | None:
    """Return the engine's backward on the case, where it is a graph."""
    found = verdict["case"] and PROBES[exercise.probe].root(verdict["case"])
    if not found:
        return None
    root, names = found
    return explain(root, names=names, title=f"{exercise.name}: the engine on this graph")


def page(exercise: Exercise, verdict: Verdict, path: Path) -> bool:
    """Write the explainer's page for the case, where there is one; tell whether it was written."""
    explanation = _explanation(exercise, verdict)
    if explanation is None:
        return False
    with suppress(OSError):  # a folder that cannot be written
        path.parent.mkdir(exist_ok=True)
        explanation.html(path)
        return True
    return False


def _share(exercise: Exercise, verdict: Verdict) -> str:
    """Return a sentence on the share that is missing or double in the first wrong gradient, from the root down."""
    yours, truth = verdict["yours"], verdict["truth"]
    wrong = (label for label, x in truth.items() if isinstance(x, float) and not _near(yours.get(label), x))
    label = next(wrong, "")
    explanation = _explanation(exercise, verdict)
    mine = yours.get(label)
    if not label.endswith(".grad") or explanation is None or not isinstance(mine, float):
        return ""
    data = explanation.data()
    name = {node["id"]: node["name"] for node in data["nodes"]}
    shares = [
        (f"from {name[e['node']]}, {number(e['upstream'])} * {_bracketed(e['local'])}", e["contribution"])
        for e in explanation.steps
        if e["kind"] in ("first", "more") and f"{name[e['operand']]}.grad" == label
    ]
    if not shares:
        return f"{label} is the seed: the result changes as fast as itself, so it is 1."
    told = [f"the share {words} = {number(x)}" for words, x in shares]
    total = fsum(x for _, x in shares)
    sums = f"{label} should be {number(total)}" + (
        f" = {' + '.join(_bracketed(x) for _, x in shares)}." if len(shares) > 1 else "."
    )
    for n in range(1, min(len(shares), 5) + 1):
        for some in combinations(range(len(shares)), n):
            part = fsum(shares[i][1] for i in some)
            words = " and ".join(told[i] for i in some) if n == 1 or n < len(shares) else "every share"
            if part and _near(mine, total - part):
                keeps = [text.count("out._backward = _backward") for text in (exercise.start, exercise.solution)]
                kept = keeps[0] < keeps[1] and n == len(shares)  # the learner's own line
                asked = " Is _backward kept in out, in a line outside of it?" if kept else ""
                asked += " And does it add to the grad of the operands?" if kept else ""
                return f"{sums} Missing: {words}.{asked}"
            if part and _near(mine, total + part):
                return f"{sums} Counted twice: {words}."
    return f"{sums} It is made of {' and '.join(told)}."


def _near(x: Any, y: float) -> bool:
    return isinstance(x, float) and isclose(x, y, rel_tol=1e-6, abs_tol=1e-9)


def _bracketed(x: float) -> str:
    return f"({number(x)})" if x < 0 else number(x)


def _table(verdict: Verdict) -> list[str]:
    """Return the observations beside the engine's, or above them where they are long."""
    rows = [("", "yours", "engine", "")]
    absent = "missing" if (verdict["error"] or {}).get("type") == "AttributeError" else "not reached"
    for label, x in verdict["truth"].items():
        yours = verdict["yours"].get(label)
        wrong = not (_near(yours, x) if isinstance(x, float) else _shown(yours) == _shown(x))
        sign = '"{}"' if label.endswith("._op") else "{}"
        mine = sign.format(_shown(yours)) if label in verdict["yours"] else absent
        rows.append((label, mine, sign.format(_shown(x)), "<-- wrong" if wrong and mine != absent else ""))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    if sum(widths) > _WIDE:
        return [line for row in rows[1:] for line in _stacked(*row)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) + f"  {row[3]}" for row in rows]


def _stacked(label: str, yours: str, engine: str, wrong: str) -> list[str]:
    sides = (("yours   ", yours), ("engine  ", engine))
    lines = [wrap(text, _WIDE, initial_indent=f"  {name}", subsequent_indent=" " * 11) for name, text in sides]
    return [f"{label}  {wrong}", *(line for side in lines for line in side)]


def report(exercise: Exercise, verdict: Verdict, shown: str = "") -> str:
    """Return the report on a file that is open; `shown` is the path of the page."""
    lines = [f"{exercise.name} is open: {exercise.title}", ""]
    case, truth = verdict["case"], verdict["truth"]
    if case:
        graph, code = "steps" in case, PROBES[exercise.probe].code(case)
        if len(code) > _CODE:
            code = [*code[:3], "...", code[-1]]
        if (verdict["error"] or {}).get("type") == "TimeUp":
            lines += ["It does not come to an end here:", ""]
        else:
            lines += ["The smallest graph found on which it goes wrong:" if graph else "It goes wrong here:", ""]
        lines += [f"    {line}" for line in code] + [""]
    if truth and verdict["yours"] and list(verdict["yours"]) != ["raised"]:
        lines += [f"    {line}".rstrip() for line in _table(verdict)] + [""]
    lines += says(verdict)
    printed = verdict.get("output", "").strip()
    of_another_form = (on_the_result(verdict["yours"].get(at), x, bool(printed)) for at, x in truth.items())
    lines += list(filter(None, of_another_form))[:1] if not verdict["error"] else []
    if case and (share := _share(exercise, verdict)):
        lines.append(share)
    if told := sentence(verdict["mistake"]):
        lines.append(f"The mistake is known as `{verdict['mistake']}`: {told}")
    if printed:
        output = [clean(line)[:200] for line in verdict["output"].splitlines()]
        lines += ["", "It printed:", *(f"    {line}" for line in output[:_OUTPUT])]
        lines += [f"    ... and {len(output) - _OUTPUT} lines more"] * (len(output) > _OUTPUT)
    if shown:
        lines += ["", f"What the engine does on this graph, step by step: {shown} (open it in a browser)"]
    return "\n".join(lines).rstrip() + "\n"
