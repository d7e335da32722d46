"""What is measured in a fresh process: memory and import time."""

import pytest

from race import OURS, Race, cases

N = 1_000_000

MEMORY = Race(
    title="1,000,000 kept nodes",
    lanes={name: ("Memory", {"n": N}) for name in (*OURS, "micrograd", "xad")},
    phases={"build": ()},
    rounds=2,
    per=N,
    unit="node",
    fresh=True,
    heavy=True,
)

MODULES = {
    "python": "sys",
    **dict.fromkeys(OURS, "micrograd_c.engine, micrograd_c.nn"),
    "micrograd": "micrograd.engine, micrograd.nn",
    "xad": "xad",
    "autograd": "autograd",
    "torch": "torch",
}

IMPORT = Race(
    title="import",
    lanes={name: ("Import", {"module": module}) for name, module in MODULES.items()},
    phases={"import": ()},
    rounds=31,
)


@pytest.mark.parametrize("race, engine, phase", cases(MEMORY, IMPORT))
def bench_process(record, race, engine, phase):
    record(race, engine, phase)
