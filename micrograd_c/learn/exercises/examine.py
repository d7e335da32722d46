"""The check of one file: on which case it goes wrong, and which known mistake does the same."""

from __future__ import annotations

import io
import re
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from math import isclose, isfinite
from types import FrameType
from typing import Any

from .course import Exercise
from .graphs import shrink
from .probe import Case, Names, Probe, Seen
from .probes import PROBES

__all__ = ["SECONDS", "examine", "same"]

SECONDS = 2.0  # for one case
LIKENESS = 80  # a mistake is looked for in so many small cases, and large ones
LARGE = 9  # steps of a random graph; one of more has more paths than anybody walks
RAISED = "raised"  # the label of an exception

Verdict = dict[str, Any]


class TimeUp(BaseException):
    """A case takes too long. No Exception: `except Exception` of a learner would swallow it."""


class _Nowhere(io.TextIOBase):
    """A file that forgets."""

    def write(self, text: str) -> int:
        """Write nothing."""
        return len(text)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise TimeUp in the block after so many seconds, where the system has such an alarm."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)  # again and again: one may be lost in an `except:`
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _portable(x: Any) -> Any:
    """Return an observation as plain data."""
    if isinstance(x, str):
        return x[:200]
    if isinstance(x, list):
        return [_portable(each) for each in x[:50]]
    try:
        return float(x) if isfinite(x) else str(float(x))
    except Exception:
        return "None" if x is None else f"a {type(x).__name__}"


def _line(error: BaseException, file: str) -> int | None:
    """Return the last line of the learner's file that the exception went through."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    frames = traceback.walk_tb(error.__traceback__)  # extract_tb looks for the source of each of a thousand frames
    return next((n for frame, n in reversed([*frames]) if frame.f_code.co_filename == file), None)


def _told(error: BaseException, source: str, file: str) -> dict[str, Any]:
    """Return an exception as plain data."""
    line = _line(error, file) if file else None
    lines = source.splitlines()
    message = error.msg if isinstance(error, SyntaxError) else _message(error)
    code = lines[line - 1].strip()[:200] if line and line <= len(lines) else ""
    return {"type": type(error).__name__, "message": message[:300], "line": line, "code": code}


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # a learner's own exception can do anything
        return ""


def _seen(what: Callable[[], Seen], source: str = "", file: str = "") -> dict[str, Any]:
    """Return the observations by label; an exception ends them, and is the last."""
    seen: dict[str, Any] = {}
    try:
        with _limited(SECONDS):
            for label, x in what():
                seen[label] = _portable(x)
    except BaseException as error:
        seen[RAISED] = _told(error, source, file)
    return seen


def same(x: Any, y: Any) -> bool:
    """Tell whether two observations are the same, but for rounding."""
    if isinstance(x, float) and isinstance(y, float):
        return isclose(x, y, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, dict) and isinstance(y, dict):  # exceptions
        return bool(_kind(x) == _kind(y))
    return bool(x == y)


def _kind(error: dict[str, Any]) -> tuple[str, bool, str]:
    """Return what counts of an exception: its type, whether it is of a None, and what does not fit together."""
    what = ""
    if error["type"] == "TypeError":
        what = re.sub("'.*?'", "", error["message"]) + error["code"]
    elif error["type"] == "AttributeError":
        what = error["message"].replace("'int'", "'float'")
    return error["type"], "NoneType" in error["message"], what


def _alike(x: dict[str, Any], y: dict[str, Any]) -> bool:
    return list(x) == list(y) and all(same(x[label], y[label]) for label in x)


def _defined(source: str, file: str) -> Names:
    """Return what a file defines."""
    names: Names = {"__name__": file[:-3], "__file__": file}
    exec(compile(source, file, "exec"), names)
    return names


def _cases(probe: Probe, cases: Iterable[Case]) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Yield the cases that the engine can do, with the truth."""
    for case in cases:
        truth = _seen(lambda case=case: probe.truth(case))  # type: ignore[misc]
        numbers = [x for x in truth.values() if isinstance(x, float)]
        if RAISED not in truth and all(abs(x) < 1e6 for x in numbers):
            yield case, truth


def examine(exercise: Exercise, source: str) -> Verdict:
    """Check the text of a file.

    Returns
    -------
    dict
        Plain data: `done`; of a file that is not, `case` with what it gives there (`yours`) and what the engine
        gives (`truth`), the `mistake` by name, and the `error` where it raised one: `type`, `message`, `line` and
        `code`.
    """
    file = f"{exercise.name}.py"
    probe = PROBES[exercise.probe]
    verdict: Verdict = {"done": False, "case": None, "yours": {}, "truth": {}, "mistake": "", "error": None}
    try:
        with _limited(SECONDS):
            names = _defined(source, file)
    except BaseException as error:
        return {**verdict, "error": _told(error, source, file)}
    missing = [name for name in probe.needs if name not in names]
    if missing:
        return {**verdict, "error": {"type": "missing", "message": missing[0], "line": None, "code": ""}}

    def of(case: Case) -> dict[str, Any]:
        return _seen(lambda: probe.observe(names, case), source, file)

    with redirect_stdout(_Nowhere()):  # what it prints is shown of the case that is told, and of no other
        found = _first_wrong(probe, exercise, of)
        if found is None:
            return {**verdict, "done": True}
        case, truth, yours = found
        if yours.get(RAISED, {}).get("type") == "TimeUp":  # once more would take as long again
            again = len(case.get("steps", [])) > LARGE  # in smaller ones such a walk comes to an end
            verdict.update(case=case, yours=yours, truth=truth, error=yours[RAISED])
            return {**verdict, "mistake": "walked-again" if again else ""}
        if "steps" in case:

            def fails(smaller: Case) -> bool:
                truth = _seen(lambda: probe.truth(smaller))
                return RAISED not in truth and not _alike(of(smaller), truth)

            case = shrink(case, fails)
        truth, mistake = _seen(lambda: probe.truth(case)), _mistake(exercise, probe, names, case, source)
    yours = of(case)
    return {
        **verdict,
        "case": case,
        "yours": yours,
        "truth": truth,
        "mistake": mistake,
        "error": yours.get(RAISED),
    }


def _first_wrong(
    probe: Probe, exercise: Exercise, of: Callable[[Case], dict[str, Any]]
) -> tuple[Case, dict[str, Any], dict[str, Any]] | None:
    """Return the first case that goes wrong, with what it should give and what it gives."""
    for case, truth in _cases(probe, probe.cases(exercise.ops)):
        yours = of(case)
        if not _alike(yours, truth):
            return case, truth, yours
    return None


def _lines(source: str) -> Counter[str]:
    return Counter(line.strip() for line in source.splitlines())


def _mistake(exercise: Exercise, probe: Probe, names: Names, case: Case, source: str) -> str:
    """Return the name of the known mistake that stands in this file, or does on many cases what it does."""
    for mistake, pattern in exercise.texts:
        if re.search(pattern, source, re.MULTILINE):
            return mistake
    every = list(probe.cases(exercise.ops))
    small, large = every[:LIKENESS], every[LIKENESS:][-LIKENESS:]
    cases = [case, *(each for each, _ in _cases(probe, small + large))]
    with suppress(BaseException), _limited(SECONDS):
        if named := probe.named(names, cases):
            return named
    # On large graphs a wrong engine may depend on the order of a set, which differs from run to run.
    cases = [case, *(each for each, _ in _cases(probe, small))]
    given, solved = _lines(exercise.start), _lines(exercise.solution)

    def does(of: Names, text: str, case: Case) -> dict[str, Any]:
        seen = _seen(lambda: probe.observe(of, case), text, of["__file__"])
        if RAISED in seen and seen[RAISED]["code"] not in given:  # each writes lines of his own in another way
            seen[RAISED]["code"] = ""
        return seen

    yours = [does(names, source, case) for case in cases]
    for mistake, wrong in exercise.mistakes:
        if mistake in dict(exercise.texts):  # others do the same, and have no such line
            continue
        left_out = solved - _lines(wrong)
        if left_out and set(_lines(wrong) - solved) <= {"pass"} and not (solved - _lines(source)).keys() & left_out:
            continue  # it is that of leaving out lines, and this file has them
        its = _defined(wrong, "mistake.py")
        if all(_alike(one, does(its, wrong, case)) for one, case in zip(yours, cases)):
            return mistake
    return ""
