"""Train a network on the two moons, on micrograd-c and on micrograd, and compare.

All of examples/moons.py runs on micrograd-c; its first steps run on micrograd, with Python's
cyclic garbage collector on, as it comes, and off. The script is the same file each time.
"""

import argparse
import importlib.util
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MOONS = Path(__file__).with_name("moons.py")
COLLECTOR_OFF = """
import gc, runpy, sys
gc.disable()
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""

STEP = re.compile(r"step (\d+) loss (\S+), accuracy (\S+)%")
SPEED = re.compile(r"(\S+) ms a step")


def run(title: str, command: list[str]) -> tuple[list[float], float]:
    """Run the script with its output shown.

    Returns
    -------
    losses : list of float
        One for each step.
    milliseconds : float
        Median time of a step.
    """
    print(f"\n--- {title} ---", flush=True)
    losses, milliseconds = [], math.nan
    command = [sys.executable, *command]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if not line.startswith("MLP of"):
                print(line, end="", flush=True)
            if match := STEP.search(line):
                losses.append(float(match[2]))
            if match := SPEED.search(line):
                milliseconds = float(match[1])
    if process.returncode:
        sys.exit(f"{title}: the run ended with status {process.returncode}")
    return losses, milliseconds


def check_installed() -> None:
    """End with a message where something that the demo needs is not installed."""
    packages = {"micrograd_c": ".", "sklearn": "scikit-learn", "matplotlib": "matplotlib", "tqdm": "tqdm"}
    packages["micrograd"] = "micrograd==0.1.0"
    missing = [package for module, package in packages.items() if importlib.util.find_spec(module) is None]
    if missing:
        sys.exit(f"The demo needs packages that are not installed: python -m pip install {' '.join(missing)}")


def main() -> None:
    """Run the script on three engines and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="steps on micrograd (default: 5)")
    parser.add_argument("--out", default="moons.png", help="the picture (default: moons.png)")
    options = parser.parse_args()
    check_installed()

    with tempfile.TemporaryDirectory() as folder:
        few = ["--steps", str(options.steps), "--out", str(Path(folder, "few.png"))]
        moons = str(MOONS)
        runs = {
            "micrograd-c": run("micrograd-c", ["-m", "micrograd_c", moons, "--out", options.out]),
            "micrograd": run(f"micrograd, {options.steps} steps", [moons, *few]),
            "micrograd, collector off": run(
                f"micrograd, {options.steps} steps, collector off", ["-c", COLLECTOR_OFF, moons, *few]
            ),
        }

    our_losses, ours = runs["micrograd-c"]
    print(f"\n{'':<26}{'ms a step':>12}{'against ours':>14}")
    for engine in ("micrograd", "micrograd, collector off", "micrograd-c"):
        milliseconds = runs[engine][1]
        print(f"{engine:<26}{milliseconds:>12.2f}{milliseconds / ours:>13.1f}x")

    their_losses, _ = runs["micrograd"]
    largest = max(abs(x - y) / abs(y) for x, y in zip(our_losses, their_losses))
    print(f"\nLargest relative difference of a loss in the first {len(their_losses)} steps: {largest:.1e}")


if __name__ == "__main__":
    main()
