"""Races: the same work on several engines, round by round in turn.

A machine that other people use drifts by 20 % and more within a minute. So an engine is never
measured for a minute and then the next: each has a worker process, and the workers run one
round each, again and again. The ratio of two medians is then a ratio under the same weather.

A round that had to share its processor with somebody else is run again: the scheduler does not let
a round of milliseconds wait as it does one of seconds, and the ratio of the two would be wrong.
"""

import contextlib
import functools
import importlib.metadata
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from tqdm import tqdm

from engines import ENGINES

HERE = Path(__file__).parent
CSRC = HERE.parent / "csrc"

OURS = ("micrograd-c", "micrograd-c, cffi core")
MICROGRADS = (*OURS, "micrograd", "micrograd, collector off")

# C programs that answer like a worker: sources, and whether the engine is linked in
C_PROGRAMS = {
    "plain C": ("c/tape.c", False),
    "C, engine.h": ("c/build.c", True),
}


@dataclass(frozen=True, eq=False)
class Race:
    """One workload on several engines.

    Attributes
    ----------
    title : str
        The heading in tables.
    lanes : dict of str to (str, dict)
        Engine -> workload and its arguments; for a C program its arguments alone matter.
    phases : dict of str to tuple of str
        Phase -> the engines that have it; an empty tuple stands for all.
    rounds : int
        Rounds of each engine; one more comes first as a warm-up and is forgotten.
    per, unit : int, str
        A time is shown divided by `per`, as the time of one `unit`.
    fresh : bool
        A new process for every round.
    heavy : bool
        Left out with --quick.
    """

    title: str
    lanes: dict
    phases: dict
    rounds: int
    per: int = 1
    unit: str = ""
    fresh: bool = False
    heavy: bool = False


def cases(*races):
    """Return the (race, engine, phase) triples to parametrise a benchmark with."""
    return [
        pytest.param(
            race, engine, phase, id=f"{race.title}: {phase} - {engine}", marks=_reasons_to_skip(race, engine)
        )
        for race in races
        for phase, engines in race.phases.items()
        for engine in race.lanes
        if not engines or engine in engines
    ]


def _reasons_to_skip(race, engine):
    if engine in C_PROGRAMS:
        missing = None if shutil.which("gcc") else "gcc"
    else:
        distribution = ENGINES[engine][1]
        missing = None if distribution is None or is_installed(distribution) else distribution
    marks = [pytest.mark.skip(reason=f"{missing} is not installed")] if missing else []
    return marks + ([pytest.mark.heavy] if race.heavy else [])


@functools.cache
def is_installed(distribution):
    """Tell whether a Python distribution is there."""
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def run(race, engines, rounds):
    """Run a race.

    Returns
    -------
    dict of str to list of dict
        Engine -> for each round what the worker answered: the seconds of each phase under
        "seconds"; under "share", for Python workers, the share of the round on a processor.

    Raises
    ------
    ValueError
        Two engines did not compute the same numbers.
    """
    commands = {engine: command(engine, *race.lanes[engine]) for engine in engines}
    answers = {engine: [] for engine in engines}
    progress = tqdm(total=rounds * len(engines), desc=race.title, unit="round", disable=None)  # only on a terminal
    workers = {} if race.fresh else {engine: Worker(command) for engine, command in commands.items()}
    try:
        for _ in range(1 + 2 * rounds):
            for engine in engines:
                if sum(map(undisturbed, answers[engine][1:])) == rounds:
                    continue
                worker = Worker(commands[engine]) if race.fresh else workers[engine]
                answers[engine].append(worker.round())
                progress.update(len(answers[engine]) > 1 and undisturbed(answers[engine][-1]))
                if race.fresh:
                    worker.close()
    finally:
        progress.close()
        for worker in workers.values():
            worker.close()
    _compare_results(answers)
    # the first round is a warm-up; disturbed rounds count only where there are too few others
    return {engine: sorted(answers[engine][1:], key=undisturbed, reverse=True)[:rounds] for engine in engines}


def undisturbed(answer):
    """Tell whether a worker had a processor to itself for nearly all of a round."""
    return answer.get("share", 1.0) > 0.95


def _compare_results(answers):
    (first, expected), *others = answers.items()
    for engine, given in others:
        for one, other in zip(expected, given):
            for x, y in zip(one["result"], other["result"]):
                if not math.isclose(x, y, rel_tol=1e-6):
                    raise ValueError(f"{first} computed {x!r}, {engine} {y!r}")


def command(engine, workload, arguments):
    """Return the command line of a worker."""
    if engine in C_PROGRAMS:
        return [str(compiled(*C_PROGRAMS[engine])), *map(str, arguments.values())]
    return [sys.executable, str(HERE / "worker.py"), engine, workload, json.dumps(arguments)]


@functools.cache
def compiled(source, with_engine):
    """Compile a C program of benchmarks/c with gcc -O3 and return its path."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    program = folder / Path(source).stem
    sources = [str(HERE / source)]
    if with_engine:
        sources += [str(path) for path in sorted(CSRC.rglob("*.c")) if path.parent.name != "value"]
    command = [
        "gcc",
        "-std=gnu11",
        "-O3",
        "-ffp-contract=off",
        f"-I{CSRC}",
        *sources,
        "-o",
        str(program),
        "-lm",
    ]
    subprocess.run([*command, "-lpthread"], check=True)
    return program


class Worker:
    """A process that runs a round for every line it is sent."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )

    def round(self):
        with contextlib.suppress(BrokenPipeError):  # it may have died before
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.process.args[2:4])} died with status {self.process.wait()}")
        return json.loads(line)

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Clock:
    """Stands still, but for the seconds that a worker has measured.

    pytest-benchmark reads it before and after a round; what it records is then the worker's time,
    without the pipe and the process between them.
    """

    def __init__(self):
        self.now = 0.0

    def replay(self, seconds):
        """Return a function that lets the next of `seconds` pass at each call."""
        left = iter(seconds)

        def one_round():
            self.now += next(left)

        return one_round


CLOCK = Clock()


def worker_clock():
    """Return the seconds measured in workers so far."""
    return CLOCK.now
