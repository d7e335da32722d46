r"""The exercises as data: what a learner gets, the solutions, and the mistakes that are known by name.

Each file of `course/` is one exercise. Its head has lines `key: text`; after a line `---` comes the Python file. A
line `@@ add mul` stands for those parts of `parts.txt`. Between `<<<` and `>>>` is the hole: what the learner finds
there, a line `===`, and what solves it. In the head `mistake: NAME: old => new ;; old => new` is a mistake with a
name: what it changes in the solved hole (`\n` is a new line, `@@` nothing). A line `--- NAME`, and below it another
text for the hole, is one as well. `text: NAME: PATTERN` names a mistake by what stands in the file: a line that is
wrong wherever it stands. What is said of a mistake stands in `mistakes.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["US", "Exercise", "UnknownName", "by_name", "course", "filled", "sentence"]

US = "python -m micrograd_c exercises"  # as people call it

_HERE = Path(__file__).parent / "course"
_HOLE = re.compile(r"^<<<\n(.*?)^===\n(.*?)^>>>\n", re.MULTILINE | re.DOTALL)


class UnknownName(LookupError):
    """There is no exercise of this name."""


class Exercise(NamedTuple):
    """One exercise.

    Attributes
    ----------
    name : str
        The learner's file is `name.py`.
    title : str
    hints : list of str
    after : list of str
        Lines that are told when it is done.
    probe : str
        What looks at it, a class of `probes.py`, and the words of the `ops` that it is given.
    ops : list of str
    body : str
        The file with its hole.
    start, solution : str
        The whole files.
    mistakes : list of (str, str)
        Names of mistakes, each with a whole file that makes it.
    texts : list of (str, str)
        Names of mistakes, each with a regular expression for what is wrong wherever it stands.
    """

    name: str
    title: str
    hints: list[str]
    after: list[str]
    probe: str
    ops: list[str]
    body: str
    start: str
    solution: str
    mistakes: list[tuple[str, str]]
    texts: list[tuple[str, str]]


def _sections(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of the sections that begin with lines of `mark` and a name."""
    pieces = re.split(rf"^{mark} (.+)\n", text, flags=re.MULTILINE)
    return zip(pieces[1::2], pieces[2::2])


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def filled(body: str, hole: str) -> str:
    """Return a file with a text in its hole."""
    return _HOLE.sub(lambda _: hole, body)


def _exercise(name: str, parts: dict[str, str]) -> Exercise:
    front, _, body = _read(f"{name}.txt").partition("\n---\n")
    head = front.partition("\n--- ")[0]
    keys = [line.split(": ", 1) for line in head.splitlines()]
    body = re.sub(r"^@@ (.+)\n", lambda m: "\n".join(parts[p] for p in m[1].split()), body, flags=re.MULTILINE)
    found = _HOLE.search(body)
    assert found, name

    mistakes = [(mistake, filled(body, hole.rstrip() + "\n")) for mistake, hole in _sections(front + "\n", "---")]
    for key, text in keys:
        if key == "mistake":
            mistake, _, change = text.partition(": ")
            hole = found[2]
            for one in change.replace("\\n", "\n").split(" ;; "):
                old, _, new = one.partition(" => ")
                assert old in hole, (name, old)
                hole = hole.replace(old, "" if new == "@@" else new)
            mistakes.append((mistake, filled(body, hole)))
    values = dict(keys)
    ops = [op.strip() for op in values.get("ops", "").split(",") if op.strip()]
    hints = [text for key, text in keys if key == "hint"]
    return Exercise(
        name,
        values["title"],
        hints,
        [text for key, text in keys if key == "after"],
        values["probe"],
        ops,
        body,
        filled(body, found[1]),
        filled(body, found[2]),
        mistakes,
        [(name, pattern) for key, text in keys if key == "text" for name, _, pattern in [text.partition(": ")]],
    )


@cache
def course() -> dict[str, Exercise]:
    """Return the exercises by name, in their order."""
    parts = dict(_sections(_read("parts.txt"), "##"))
    parts = {name: text.strip("\n") + "\n" for name, text in parts.items()}
    names = sorted(path.stem for path in _HERE.glob("[0-9]*.txt"))
    return {name: _exercise(name, parts) for name in names}


def by_name(name: str) -> Exercise:
    """Return the exercise that a person names: 04_add, 04_add.py, add or 4.

    Raises
    ------
    UnknownName
        With the nearest name.
    """
    folder = name if Path(name).is_dir() else ""
    name = Path(name).name
    name = name[:-3] if name.endswith(".py") else name
    for exercise in course().values():
        number, _, word = exercise.name.partition("_")
        if name in (exercise.name, number, word, str(int(number))):
            return exercise
    known = [*course(), *(each.partition("_")[2] for each in course())]
    near = get_close_matches(name, known, n=1)
    more = f"do you mean {near[0]}?" if near else f"{US} list shows the names"
    more = f"it is a folder; go there first (cd {folder})" if folder else more
    raise UnknownName(f"there is no exercise {name!r}: {more}")


@cache
def _sentences() -> dict[str, str]:
    return {name: " ".join(text.split()) for name, text in _sections(_read("mistakes.txt"), "##")}


def sentence(mistake: str) -> str:
    """Return what is said of a mistake; '' where nothing is known by that name."""
    return _sentences().get(mistake, "")
