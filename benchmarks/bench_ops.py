"""One eager operation, and the update loop."""

import pytest

from race import MICROGRADS, Race, cases

OPS = 100_000
PARAMETERS = 8_192

EAGER_OP = Race(
    title="eager op a*b",
    lanes={name: ("EagerOp", {"n": OPS}) for name in (*MICROGRADS, "xad", "autograd", "torch")},
    phases={"dropped": (), "kept": (), "kept and then dropped": ()},
    rounds=11,
    per=OPS,
    unit="op",
)

UPDATE = Race(
    title="p.data -= lr * p.grad",
    lanes={name: ("Update", {"n": PARAMETERS}) for name in MICROGRADS},
    phases={"update": ()},
    rounds=51,
    per=PARAMETERS,
    unit="parameter",
)


@pytest.mark.parametrize("race, engine, phase", cases(EAGER_OP, UPDATE))
def bench_ops(record, race, engine, phase):
    record(race, engine, phase)
