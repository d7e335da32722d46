"""What people do with the engine: a training step of examples/moons.py, and a network for digits."""

import pytest

from race import MICROGRADS, Race, cases

MOONS = Race(
    title="moons, one training step",
    lanes={
        **{name: ("MoonsStep", {}) for name in MICROGRADS},
        **{name: ("MoonsStepPort", {}) for name in ("xad", "autograd", "torch")},
        "torch, dense": ("MoonsStepDense", {}),
    },
    phases={
        "step": (),
        "loss()": MICROGRADS,
        "zero_grad()": MICROGRADS,
        "backward()": MICROGRADS,
        "update": MICROGRADS,
    },
    rounds=11,
)

DIGITS = Race(
    title="MLP(64, [128, 128, 10]), one sample",
    lanes={name: ("MlpSample", {}) for name in MICROGRADS},
    phases={"forward + backward": (), "zero_grad()": (), "forward": (), "backward": (), "drop": ()},
    rounds=11,
)


@pytest.mark.parametrize("race, engine, phase", cases(MOONS, DIGITS))
def bench_training(record, race, engine, phase):
    record(race, engine, phase)
