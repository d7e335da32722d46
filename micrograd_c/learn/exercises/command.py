"""`python -m micrograd_c exercises`."""

from __future__ import annotations

import argparse
import itertools
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from .course import US, Exercise, UnknownName, by_name, course
from .folder import Folder
from .grade import as_csv, as_json, as_table, grade
from .process import SECONDS
from .report import page, report

__all__ = ["main"]

_PAGES = "pages"
_POLL = 0.3  # seconds


def _here() -> Folder:
    folder = Folder(Path())
    if not folder.exists():
        raise ValueError(
            f"there are no exercises in this folder; go to yours by cd FOLDER, or make one: {US} start FOLDER"
        )
    return folder


def _start(options: argparse.Namespace) -> int:
    path = Path(options.folder).expanduser()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file: the exercises need a folder")
    new = Folder(path).start()
    n = len(course())
    first = next(iter(course()))
    if new < n:
        print(f"{path}: {n - new} of {n} exercises were there already and are left as they are; {new} are new.")
    else:
        print(f"{path}: {n} exercises.")
    print(f"""
1. {shlex.join(["cd", str(path)])}
2. Open {first}.py in your editor. Its first lines say what to write.
3. {US} check
   or, to have that done at each save: {US} watch""")
    return 0


def _bar(done: int) -> str:
    cells = 40 * done // len(course())
    return f"[{'#' * cells}{'.' * (40 - cells)}] {done} of {len(course())}"


def _passing(text: str = "") -> None:
    """Show on a terminal what the next text is written over; without a text, clear it."""
    if sys.stdout.isatty():
        wide = shutil.get_terminal_size().columns - 1
        print(f"{text:{wide}.{wide}}", end="\r", flush=True)


def _one(folder: Folder, exercise: Exercise, seconds: float, done: str = "checking") -> bool:
    """Check one exercise, and tell what is to be told; return whether it is done."""
    _passing(f"{done} {exercise.name}")
    found = folder.verdict(exercise, seconds)
    _passing()
    path = folder.path / _PAGES / f"{exercise.name}.html"
    if found is None:
        with suppress(OSError):  # most often there is none
            path.unlink()  # it shows a graph that is right now
        return True
    if isinstance(found, str):
        print(f"{exercise.name} is open: {exercise.title}\n\n{found}")
    else:
        print(report(exercise, found, str(path) if page(exercise, found, path) else ""), end="")
    print(f"\nA hint: {US} hint {exercise.name}", flush=True)
    return False


def _tell_after(exercise: Exercise) -> None:
    for line in exercise.after:
        print(f"  {line}", flush=True)


def _check(options: argparse.Namespace) -> int:
    if options.name:
        exercise = by_name(options.name)
        done = _one(_here(), exercise, options.seconds)
        if done:
            print(f"{exercise.name} is done: {exercise.title}")
            _tell_after(exercise)
        return 0 if done else 1
    return _in_turn(_here(), options.seconds)


def _in_turn(folder: Folder, seconds: float) -> int:
    for i, exercise in enumerate(course().values()):
        if not _one(folder, exercise, seconds, _bar(i)):
            print(f"{i} of {len(course())} are done." if i else "", end="\n" if i else "", flush=True)
            return 1
        print(f"{exercise.name} is done", flush=True)
        if exercise.name in folder.new:
            folder.new.remove(exercise.name)
            _tell_after(exercise)
    print(f"All {len(course())} are done: you have written an engine, a network, and its training.", flush=True)
    return 0


def _watch(options: argparse.Namespace) -> int:
    folder, before = _here(), None
    try:
        while True:
            files = [folder.file(exercise) for exercise in course().values()]
            now = [(s.st_mtime_ns, s.st_size) if (s := _stat(file)) else None for file in files]
            if now != before:
                before = now
                print("\x1b[2J\x1b[H" if sys.stdout.isatty() else "", end="")
                if _in_turn(folder, options.seconds) == 0:
                    return 0
                print("\nWatching: save a file and it is checked. Ctrl-C ends it.", flush=True)
            time.sleep(_POLL)
    except KeyboardInterrupt:
        print(f"\nStopped. Go on by {US} watch")
        return 1


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:  # an editor that writes a new file and renames it
        return None


def _hint(options: argparse.Namespace) -> int:
    exercise = by_name(options.name)
    first, *more = exercise.hints
    print(first)
    for hint in more if options.more else []:
        print(hint)
    if more and not options.more:
        print(f"\nMore: {US} hint {exercise.name} --more")
    return 0


def _solution(options: argparse.Namespace) -> int:
    print(by_name(options.name).solution, end="")
    return 0


def _old_names(file: Path) -> Iterator[Path]:
    """Yield NAME.py.old, NAME.py.old2, NAME.py.old3 and so on."""
    yield file.with_suffix(".py.old")
    yield from (file.with_suffix(f".py.old{i}") for i in itertools.count(2))


def _reset(options: argparse.Namespace) -> int:
    exercise, folder = by_name(options.name), _here()
    file = folder.file(exercise)
    if file.is_file() and file.read_bytes() == exercise.start.encode():  # .old has what was written
        print(f"{file} is as at the start already.")
        return 0
    if file.exists():
        old = next(old for old in _old_names(file) if not old.exists())
        file.replace(old)
        print(f"{file} is as at the start. What you had is in {old}")
    else:
        print(f"{file} is there again.")
    folder.write(exercise)
    return 0


def _list(options: argparse.Namespace) -> int:
    folder = _here()
    width, done = max(map(len, course())), 0
    for exercise in course().values():
        is_done = folder.is_done(exercise, options.seconds)
        done += is_done
        print(f"{exercise.name:{width}}  {'done' if is_done else 'open'}  {exercise.title}", flush=True)
    if sys.stdout.isatty():
        print(f"\n{_bar(done)}")
    return 0 if done == len(course()) else 1


def _grade(options: argparse.Namespace) -> int:
    for name in options.folders:
        if not Path(name).is_dir():
            raise ValueError(f"there is no folder {name!r}")
    for file in {options.csv, options.json} - {None, "-"}:
        open(file, "a", encoding="utf-8").close()  # where it cannot be written that is said before the long work
    rows = grade([os.path.normpath(name) for name in options.folders], options.seconds)
    made = {options.csv: as_csv, options.json: as_json}
    made.pop(None, None)
    for file, form in made.items():
        if file == "-":
            print(form(rows), end="")
            continue
        with open(file, "w", encoding="utf-8", newline="") as out:
            out.write(form(rows))
    if "-" not in made:
        print(as_table(rows), end="")
    return 0 if all(row["done"] == len(course()) for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=US,
        description="Exercises in the article's order, from the difference quotient to a network that learns. "
        "Each is checked against the engine.",
        epilog="Exit status: 0 done, 1 open, 2 an unknown name or a mistake in the command. "
        "A script named exercises is run as ./exercises.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: object, about: str, *, named: str = "", timed: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(run=run)
        if named:
            command.add_argument(
                "name", metavar="NAME", nargs=named if named == "?" else None, help="04_add, add or 4"
            )
        if timed:
            command.add_argument(
                "--seconds",
                type=float,
                default=SECONDS,
                help="a file is stopped after so long (default: %(default)g)",
            )
        return command

    add("start", _start, "write the files into a folder").add_argument("folder", metavar="FOLDER")
    add("check", _check, "check NAME, or all in turn up to the first that is open", named="?", timed=True)
    add("watch", _watch, "check at each save", timed=True)
    more = add("hint", _hint, "a hint", named="1")
    more.add_argument("--more", action="store_true", help="all hints")
    add("solution", _solution, "print the whole file, solved", named="1")
    add("reset", _reset, "write the file as it was at the start; yours is kept as NAME.py.old", named="1")
    add("list", _list, "a line for each exercise: its name, done or open, what it is about", timed=True)
    of_class = add("grade", _grade, "a table for a class", timed=True)
    of_class.add_argument("folders", metavar="FOLDER", nargs="+", help="one for each learner")
    form = of_class.add_mutually_exclusive_group()
    form.add_argument("--csv", metavar="FILE", help="write the table as CSV; - prints it")
    form.add_argument("--json", metavar="FILE", help="write it as JSON, with the messages; - prints it")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; return the exit status."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (UnknownName, ValueError, OSError) as error:
        print(f"micrograd_c: {error}", file=sys.stderr)
        return 2
