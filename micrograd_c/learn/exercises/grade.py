"""A table for a class: every exercise of every folder, each in a process of its own."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...viz.text import clean
from .course import Exercise, course, sentence
from .process import check, read
from .report import says

__all__ = ["as_csv", "as_json", "as_table", "grade"]

SCHEMA = "micrograd-c/grade/1"
_MARKS = {"done": "#", "open": "o", "untouched": ".", "missing": " ", "time": "t", "ended": "!"}

Row = dict[str, Any]


def _result(folder: Path, exercise: Exercise, seconds: float) -> dict[str, str]:
    """Return status, mistake and message of one file; what the file's own process says is never taken as it is."""
    try:
        source = read(folder / f"{exercise.name}.py")
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        return {"status": "missing" if missing else "open", "mistake": "", "says": clean(str(error))}
    if source == exercise.start:  # a wrong engine that is to be mended, too
        return {"status": "untouched", "mistake": "", "says": ""}
    verdict = check(exercise, source, seconds)
    if verdict["done"] is True:
        return {"status": "done", "mistake": "", "says": ""}
    mistake = str(verdict["mistake"])
    told = sentence(mistake)
    try:
        lines = says(verdict)
    except (TypeError, ValueError, KeyError):  # no verdict of ours
        lines = []
    kind = verdict["error"]["type"] if isinstance(verdict["error"], dict) else ""
    status = {"time": "time", "TimeUp": "time", "ended": "ended"}.get(str(kind), "open")
    return {"status": status, "mistake": mistake if told else "", "says": told or " ".join(lines)[:500]}


def grade(folders: Sequence[str], seconds: float) -> list[Row]:
    """Return a row for each folder: `folder`, `done`, and `exercises` by name, with status, mistake and message."""
    todo = [(folder, exercise) for folder in folders for exercise in course().values()]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        results = list(pool.map(lambda one: _result(Path(one[0]), one[1], seconds), todo))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for those alone that are running
    rows = []
    for i, folder in enumerate(folders):
        own = dict(zip(course(), results[i * len(course()) : (i + 1) * len(course())]))
        done = sum(result["status"] == "done" for result in own.values())
        rows.append({"folder": folder, "done": done, "exercises": own})
    return rows


def as_table(rows: Sequence[Row]) -> str:
    """Return the table for a terminal, and the mistakes that are made most often."""
    width = max(len(clean(row["folder"])) for row in rows)
    lines = []
    for row in rows:
        marks = "".join(_MARKS[result["status"]] for result in row["exercises"].values())
        lines.append(f"{clean(row['folder']):{width}}  {row['done']:2}/{len(course())}  {marks}".rstrip())
    lines += ["", "# done   o open   . not begun   t does not end   ! ended Python   (blank) no file"]
    made = Counter(
        f"{result['mistake']} in {name}"
        for row in rows
        for name, result in row["exercises"].items()
        if result["mistake"]
    )
    lines += [f"{n} x {mistake}" for mistake, n in made.most_common(10)]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Return a line for each folder; a cell that a spreadsheet would compute begins with '."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["folder", "done", "of", *course()])
    for row in rows:
        folder = f"'{row['folder']}" if row["folder"][:1] in tuple("=+-@\t\r") else row["folder"]
        cells = [": ".join(filter(None, (r["status"], r["mistake"]))) for r in row["exercises"].values()]
        writer.writerow([folder, row["done"], len(course()), *cells])
    return out.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    """Return all of it, with the messages."""
    return json.dumps({"schema": SCHEMA, "of": len(course()), "learners": list(rows)}, indent=2) + "\n"
