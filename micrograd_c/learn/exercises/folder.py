"""A learner's folder: its files, and which of them were done when they were last checked."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path

from .course import US, Exercise, course
from .process import Verdict, check, read

__all__ = ["Folder", "untouched"]

_STATE = ".progress.json"


def untouched(exercise: Exercise, source: str) -> bool:
    """Tell whether nothing is written yet where something has to be written."""
    return source == exercise.start and bool(re.search(r"#.*\bwrite\b", exercise.start))


class Folder:
    """The exercises in one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.new: set[str] = set()  # done since this object was made, and not told yet
        self._done: dict[str, str] = {}
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            kept = json.loads((path / _STATE).read_text("utf-8"))["done"]
            self._done = {name: str(mark) for name, mark in kept.items()}

    def file(self, exercise: Exercise) -> Path:
        """Return the path of an exercise's file."""
        return self.path / f"{exercise.name}.py"

    def exists(self) -> bool:
        """Tell whether there is an exercise in it."""
        return any(self.file(exercise).is_file() for exercise in course().values())

    def start(self) -> int:
        """Write the files that are not there; return how many."""
        self.path.mkdir(parents=True, exist_ok=True)
        new = [exercise for exercise in course().values() if not self.file(exercise).exists()]
        for exercise in new:
            self.write(exercise)
        return len(new)

    def write(self, exercise: Exercise) -> None:
        """Write the file as it is at the start."""
        with open(self.file(exercise), "w", encoding="utf-8", newline="\n") as file:
            file.write(exercise.start)

    def is_done(self, exercise: Exercise, seconds: float) -> bool:
        """Tell whether an exercise is done; runs it only where it was changed since that is known."""
        return self.verdict(exercise, seconds) is None

    def verdict(self, exercise: Exercise, seconds: float) -> Verdict | str | None:
        """Return None for what is done, a text for what cannot be checked or was not begun, else the verdict."""
        try:
            source = read(self.file(exercise))
        except FileNotFoundError:
            return f"There is no file {exercise.name}.py here. To get it back: {US} reset {exercise.name}"
        except (OSError, ValueError) as error:
            return f"It cannot be read: {error}."
        mark = hashlib.sha256(f"{exercise.solution}\0{source}".encode("utf-8", "replace")).hexdigest()
        if self._done.get(exercise.name) == mark:
            return None
        if untouched(exercise, source):
            file = f"{exercise.name}.py"
            return f"Open {file} in your editor: its first lines say what to write. Save it and check again."
        found = check(exercise, source, seconds)
        if found["done"]:
            self._done[exercise.name] = mark
            self.new.add(exercise.name)
            with suppress(OSError):  # a folder that cannot be written is checked anew each time
                (self.path / _STATE).write_text(json.dumps({"done": self._done}, indent=1), encoding="utf-8")
            return None
        return found
