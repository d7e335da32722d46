"""Fuzzers: random input against a second opinion, with fresh seeds at each run.

    make fuzz                                  each for a minute, on both cores of Value
    make fuzz SECONDS=3600 FUZZ='networks'     one for an hour
    make fuzz SEED=123 FUZZ='networks'         again from the case that failed

A fuzzer is a file of this folder, fuzz_NAME.py, with a function case(rng) that raises where something is wrong.
It may say CORES = ("native",) where one core is enough. Case i of a run takes the seed of the run plus i: so a case
that failed is the first of a run with its own seed. Each fuzzer runs in a process of its own, since it may end it.
"""

import argparse
import concurrent.futures
import faulthandler
import gc
import importlib
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tqdm import tqdm

HERE = Path(__file__).resolve().parent
CORES = ("native", "cffi")
BAR = "{l_bar}{bar}| {n:.0f} of {total:.0f} s{postfix}"


def worker(name, seconds, seed, progress):
    """Run the cases of one fuzzer until the time is up; write the seed of each into a file before it begins."""
    faulthandler.enable()
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    file = os.open(progress, os.O_WRONLY)
    module = importlib.import_module(f"fuzz_{name}")
    if hasattr(gc, "freeze"):
        gc.freeze()  # full collections need not walk over what was imported
    end = time.monotonic() + seconds
    i = 0
    while i == 0 or time.monotonic() < end:
        os.pwrite(file, b"%-20d %-12d" % (seed + i, i), 0)
        try:
            module.case(random.Random(seed + i))
        except BaseException:
            traceback.print_exc()
            return 1
        i += 1
    os.pwrite(file, b"%-20d %-12d" % (seed + i, i), 0)
    return 0


def tell(text):
    """Print a text, above the bar where there is one."""
    tqdm.write(text)
    sys.stdout.flush()


def wait(runs, begun, seconds):
    """Wait for all runs; on a terminal, show for how much of their time they have run."""
    with tqdm(total=len(runs) * seconds, unit="s", disable=None, leave=False, bar_format=BAR) as bar:
        while pending := concurrent.futures.wait(runs, None if bar.disable else 0.5).not_done:
            now = time.monotonic()
            bar.n = sum(min(seconds, now - start) for start in begun)
            bar.set_postfix_str(f"{len(runs) - len(pending)} of {len(runs)} done")


def cores_of(name):
    """Read the CORES of a fuzzer without running it."""
    for line in (HERE / f"fuzz_{name}.py").read_text(encoding="utf-8").splitlines():
        if line.startswith("CORES ="):
            return tuple(core for core in CORES if core in line)
    return CORES if sys.implementation.name != "pypy" else ("cffi",)


def run(name, core, seconds, seed, begun):
    """Run one fuzzer on one core, print a line about it; return whether it found nothing."""
    begun.append(time.monotonic())
    with tempfile.NamedTemporaryFile() as progress:
        command = [
            sys.executable,
            __file__,
            "--worker",
            progress.name,
            "--seconds",
            str(seconds),
            "--seed",
            str(seed),
        ]
        done = subprocess.run(
            [*command, name],
            env={**os.environ, "MICROGRAD_C_CORE": core},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        last, cases = (Path(progress.name).read_text().split() or [seed, 0])[:2]
    if done.returncode == 0:
        tell(f"{name:<14} {core:<7} {int(cases):>9,} cases, seeds from {seed}")
        return True
    how = f"signal {-done.returncode}" if done.returncode < 0 else "an error"
    tell(
        f"{done.stdout[-6000:]}\n{name:<14} {core:<7} FAILED after {int(cases):,} cases: {how}\n"
        f"to repeat: MICROGRAD_C_CORE={core} make fuzz SECONDS=0 SEED={last} FUZZ={name}"
    )
    return False


def main():
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description="Run the fuzzers.")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each fuzzer and core")
    parser.add_argument("--seed", type=int, help="of the first case")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many run at the same time")
    parser.add_argument("--worker", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="all of them by default")
    options = parser.parse_args()
    if options.worker:
        return worker(options.names[0], options.seconds, options.seed, options.worker)

    names = options.names or sorted(path.stem[5:] for path in HERE.glob("fuzz_*.py"))
    chosen = os.environ.get("MICROGRAD_C_CORE")
    first = random.SystemRandom().randrange(2**40) if options.seed is None else options.seed
    begun = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [
            pool.submit(run, name, core, options.seconds, first, begun)
            for name in names
            for core in cores_of(name)
            if chosen in (None, "", core)
        ]
        wait(runs, begun, options.seconds)
    return 0 if all(future.result() for future in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
