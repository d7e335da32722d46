"""Graphs of scalars: build, backward, drop; wide ones, deep ones, and a small one in a crowd."""

import pytest

from race import MICROGRADS, OURS, Race, cases

PHASES = {"build": (), "backward": (), "drop": ()}


def wide(nodes, peers, rounds, heavy=False):
    python = (*MICROGRADS, *peers) if nodes < 1_000_000 else (*OURS, *peers)
    return Race(
        title=f"wide graph of {nodes:,} nodes",
        lanes={name: ("Wide", {"n": nodes}) for name in (*python, "plain C")},
        phases={"build": python, "backward": (), "drop": python},
        rounds=rounds,
        per=nodes,
        unit="node",
        heavy=heavy,
    )


def chain(nodes, peers, rounds, heavy=False):
    python = (*MICROGRADS, *peers) if nodes <= 1_000 else (*OURS, *peers)
    return Race(
        title=f"chain of {nodes:,} nodes",
        lanes={name: ("Chain", {"n": nodes}) for name in python},
        phases=PHASES,
        rounds=rounds,
        per=nodes,
        unit="node",
        heavy=heavy,
    )


GRAPHS = [
    wide(1_000, ("xad", "autograd", "torch"), rounds=101),
    wide(100_000, ("xad", "autograd", "torch"), rounds=11),
    wide(1_000_000, ("xad",), rounds=9, heavy=True),
    chain(1_000, ("xad", "autograd", "torch"), rounds=101),
    chain(100_000, ("xad", "torch"), rounds=11),
    chain(1_000_000, ("xad",), rounds=9, heavy=True),
]

SCALAR = Race(
    title="moons loss as 65,818 scalar nodes",
    lanes={
        **{name: ("ScalarBuild", {"fused": False}) for name in OURS},
        "micrograd": ("ScalarBuild", {}),
        "micrograd, collector off": ("ScalarBuild", {}),
        "C, engine.h": (None, {}),
    },
    phases=PHASES,
    rounds=11,
    per=65_818,
    unit="node",
)

BY_HAND = [
    Race(
        title=f"20,000 nodes made by hand, {words}",
        lanes={name: ("ByHand", {"n": 20_000, "operands": operands}) for name in MICROGRADS},
        phases=PHASES,
        rounds=11,
        per=20_000,
        unit="node",
    )
    for operands, words in ((1, "one operand"), (2, "two operands"))
]

# Two engines that are the same one, in two processes.
CROWD = Race(
    title="100 nodes",
    lanes={"micrograd-c": ("Crowd", {"crowd": 0}), "micrograd-c, crowded": ("Crowd", {"crowd": 5_000_000})},
    phases={"backward": ()},
    rounds=51,
    per=100,
    unit="node",
    heavy=True,
)


@pytest.mark.parametrize("race, engine, phase", cases(*GRAPHS, SCALAR, *BY_HAND, CROWD))
def bench_graphs(record, race, engine, phase):
    record(race, engine, phase)
