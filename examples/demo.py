"""Train a network on the two moons, on micrograd-c and on micrograd, and compare.

All of examples/moons.py runs on micrograd-c; its first steps run on micrograd, with Python's
cyclic garbage collector on, as it comes, and off. The script is the same file each time.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

MOONS = str(Path(__file__).with_name("moons.py"))
COLLECTOR_OFF = """
import gc, runpy, sys
gc.disable()
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""

STEP = re.compile(r"^step \d+: loss (\S+), accuracy (\S+)$", re.MULTILINE)
SPEED = re.compile(r"^(\S+) ms a step", re.MULTILINE)


def run(title: str, *command: str) -> tuple[list[float], str, float]:
    """Run the script; on a terminal its progress bar is seen.

    Returns
    -------
    losses : list of float
        One for each step.
    accuracy : str
        That of the last step.
    milliseconds : float
        Median time of a step.
    """
    print(f"-- training on {title}", file=sys.stderr, flush=True)
    env = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, encoding="utf-8", env=env)
    if done.returncode:
        sys.exit(f"{title}: the run ended with status {done.returncode}")
    steps = STEP.findall(done.stdout)
    return [float(loss) for loss, _ in steps], steps[-1][1], float(SPEED.search(done.stdout)[1])


def check_installed() -> None:
    """End with a message where something that the demo needs is not installed."""
    modules = ("micrograd_c", "micrograd", "matplotlib", "numpy", "sklearn", "tqdm")
    if missing := [module for module in modules if importlib.util.find_spec(module) is None]:
        sys.exit(f"The demo needs {', '.join(missing)}: run python -m pip install -e '.[examples]'")


def positive(text: str) -> int:
    """Read a number of steps."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def picture(text: str) -> str:
    """Read where the picture goes to: nothing is trained before there is a place for it."""
    folder = Path(text).parent
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(folder)!r}; make it first")
    return text


def main() -> None:
    """Run the script on three engines and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=positive, default=5, help="steps on micrograd (default: 5)")
    parser.add_argument("--out", type=picture, default="moons.png", help="the picture; '' for none (%(default)s)")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # of a folder's name
    check_installed()

    few = [MOONS, "--steps", str(options.steps), "--out", ""]
    ours = run("micrograd-c", "-m", "micrograd_c", MOONS, "--out", options.out)
    theirs = run(f"micrograd, {options.steps} steps", *few)
    collector_off = run(f"micrograd without Python's collector, {options.steps} steps", "-c", COLLECTOR_OFF, *few)

    print(f"\n{'':<26}{'steps':>6}{'loss':>9}{'accuracy':>10}{'ms a step':>12}{'against ours':>14}")
    rows = {"micrograd": theirs, "micrograd, collector off": collector_off, "micrograd-c": ours}
    for engine, (losses, accuracy, ms) in rows.items():
        print(f"{engine:<26}{len(losses):>6}{losses[-1]:>9.4f}{accuracy:>10}{ms:>12.2f}{ms / ours[2]:>13.1f}x")

    largest = max(abs(x - y) / abs(y) for x, y in zip(ours[0], theirs[0]))
    print(f"\nThe losses of the first {len(theirs[0])} steps differ by {largest:.1e} at most, relatively.")
    if options.out:
        print(f"What the network has learned: {Path(options.out).resolve()}")


if __name__ == "__main__":
    main()
