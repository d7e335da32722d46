"""Measure this tree against another state of it: two builds, the same work, in turn.

python benchmarks/pair.py BASE                 BASE: a git revision, or the folder of a built tree
python benchmarks/pair.py BASE -k backward     some of it
python benchmarks/pair.py BASE --core cffi     on the other core of Value
python benchmarks/pair.py BASE --kernels avx2  programs as on a processor that has no more than AVX2; or baseline

Both builds run the benchmark code of this tree, a round of the one beside a round of the other. Pairs in which one
had to wait for a processor do not count. What is printed is the median of the ratios this / BASE, with its 95 %
interval from the order of the ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

import race

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Pair:
    """A workload of worker.py, and the phases of it that are compared."""

    workload: str
    arguments: dict
    phases: tuple


PAIRS = {
    "a*b": Pair("EagerOp", {"n": 100_000}, ("dropped", "kept", "kept and then dropped")),
    "v.data": Pair("Read", {"n": 100_000}, ("data", "grad")),
    "wide graph": Pair("Wide", {"n": 100_000}, ("build", "backward", "drop")),
    "a class of one's own": Pair("OwnClass", {"n": 50_000}, ("leaf", "product")),
    "by hand": Pair("ByHand", {"n": 20_000, "operands": 2}, ("build", "backward", "drop")),
    "moons": Pair("MoonsStep", {}, ("step",)),
    "moons, scalar nodes": Pair("ScalarBuild", {"fused": False}, ("build", "backward", "drop")),
    "MLP(64, [128, 128, 10])": Pair("MlpSample", {}, ("zero_grad()", "forward", "backward", "drop")),
    "microgpt, class replaced": Pair("GptStep", {"replaced": True}, ("step",)),
    "p.data -= lr * p.grad": Pair("Update", {"n": 8_192}, ("update",)),
    "jit moons": Pair("MoonsProgram", {}, ("step",)),
    "jit digits": Pair("DigitsProgram", {}, ("step",)),
    "jit 400 ops": Pair("UnrolledProgram", {}, ("value and gradient",)),
    "jit trace": Pair("Tracing", {"what": "digits"}, ("trace",)),
    "import": Pair("Import", {}, ("import",)),
}


def built(base):
    """Return the folder of a built tree; a git revision is checked out and built below build/pair."""
    if Path(base).is_dir():
        return Path(base).resolve()
    revision = subprocess.run(
        ["git", "rev-parse", "--verify", f"{base}^{{commit}}"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    tree = ROOT / "build" / "pair" / revision[:12]
    if not tree.is_dir():
        tree.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=tree, input=archive, check=True)
    return compiled(tree)


def compiled(tree):
    """Compile the C code of a tree, where it is newer than what was compiled; return the tree."""
    subprocess.run([sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"], cwd=tree, check=True)
    return tree


def ratios(title, pair, trees, engine, env, rounds):
    """Return for each phase the ratios this / base, one for each pair of rounds."""
    workers = []
    for tree in trees:
        arguments = pair.arguments
        if pair.workload == "Import":  # in a Python that looks into no folder by itself
            path = f"sys; sys.path.insert(0, {str(tree)!r}); import micrograd_c.engine, micrograd_c.nn"
            arguments = {"module": path}
        command = race.command(engine, pair.workload, arguments)
        workers.append(race.Worker(command, {"PYTHONPATH": str(tree), **env}))
    found = {phase: [] for phase in pair.phases}
    progress = tqdm(total=rounds, desc=title, unit="round", leave=False, disable=None)  # None: only on a terminal
    try:
        for i in range(1 + 2 * rounds):
            order = (0, 1) if i % 2 else (1, 0)
            answers = {which: workers[which].round() for which in order}
            if i == 0 or not all(map(race.undisturbed, answers.values())):  # a warm-up, or a busy machine
                continue
            for phase in pair.phases:
                found[phase].append(answers[0]["seconds"][phase] / answers[1]["seconds"][phase])
            progress.update()
            if len(found[pair.phases[0]]) == rounds:
                break
    finally:
        progress.close()
        for worker in workers:
            worker.close()
    return found


def interval(values):
    """Return the 95 % interval of the median, from the order of the values alone."""
    n = len(values)
    k = max(0, int(n / 2 - 0.98 * n**0.5))
    return sorted(values)[k], sorted(values)[n - 1 - k]


def main():
    parser = argparse.ArgumentParser(
        prog="python benchmarks/pair.py", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("base", help="a git revision, or the folder of a built tree")
    parser.add_argument("-k", dest="part", default="", help="only what has this in its name")
    parser.add_argument("--core", default="native", choices=("native", "cffi"))
    parser.add_argument("--kernels", default="", choices=("avx512", "avx2", "baseline"))
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    os.chdir(ROOT)
    trees = (compiled(ROOT), built(options.base))
    env = {"MICROGRAD_C_CORE": options.core, "KERNELS": options.kernels}
    engine = "micrograd-c" if options.core == "native" else "micrograd-c, cffi core"
    print(f"{'this tree / ' + options.base:<42} median  95 % interval", flush=True)
    for title, pair in PAIRS.items():
        if options.part not in title:
            continue
        try:
            found = ratios(title, pair, trees, engine, env, options.rounds)
        except RuntimeError as error:  # the base may be older than what is measured
            print(f"{title}: {error}")
            continue
        for phase, values in found.items():
            if not values:
                print(f"{title}: {phase}: the machine was busy in every round")
                continue
            low, high = interval(values)
            name = title if phase == title else f"{title}: {phase}"
            print(f"{name:<42} {statistics.median(values):6.3f}  {low:.3f} to {high:.3f}", flush=True)


if __name__ == "__main__":
    main()
