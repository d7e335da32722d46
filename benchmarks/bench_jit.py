"""Programs beside hand-written C, a compiler, numpy, jax and torch."""

import pytest

from race import Race, cases

MOONS = Race(
    title="moons as a program, one training step",
    lanes={
        "micrograd-c": ("MoonsProgram", {}),
        "C by hand": ("MoonsByHand", {}),
        "jax": ("MoonsJax", {}),
        "torch, dense": ("MoonsDense", {}),
        "micrograd": ("MoonsNotebook", {}),
    },
    phases={"step": ()},
    rounds=15,
)

DIGITS = Race(
    title="MLP(64, [128, 128, 10]), batch of 128, gradients",
    lanes={
        "micrograd-c": ("DigitsProgram", {}),
        "micrograd-c, 2 threads": ("DigitsProgram", {"threads": 2}),
        "numpy": ("DigitsNumpy", {}),
    },
    phases={"step": ()},
    rounds=15,
)

INFERENCE = Race(
    title="MLP(784, [128, 10]), inference, batch of 1000",
    lanes={"micrograd-c": ("InferenceProgram", {}), "numpy": ("InferenceNumpy", {})},
    phases={"inference": ()},
    rounds=15,
)

UNROLLED = Race(
    title="400 random ops, 100,000 samples",
    lanes={"micrograd-c": ("UnrolledProgram", {}), "gcc -O2": ("UnrolledC", {})},
    phases={"value and gradient": ()},
    rounds=9,
)

TRACING = [
    Race(
        title=f"tracing the {what} loss",
        lanes={"micrograd-c": ("Tracing", {"what": what})},
        phases={"trace": ()},
        rounds=9,
    )
    for what in ("moons", "digits")
]

CALLS = Race(
    title="a program of 10 nodes, no batch",
    lanes={"micrograd-c": ("Calls", {})},
    phases={"call": (), "backward": ()},
    rounds=9,
)

SIZES = [
    Race(
        title=f"moons loss, backward, {n:,} samples",
        lanes={"micrograd-c": ("Size", {"n": n})},
        phases={"backward": ()},
        rounds=5,
        per=n,
        unit="sample",
    )
    for n in (100, 1_000, 10_000, 100_000, 1_000_000)
]


@pytest.mark.parametrize("race, engine, phase", cases(MOONS, DIGITS, INFERENCE, UNROLLED, *TRACING, CALLS, *SIZES))
def bench_jit(record, race, engine, phase):
    record(race, engine, phase)
