"""Golden numbers: 100 steps of the two-moons demo as micrograd has them, and the bits of 340 random programs."""

import json

import pytest
from support import GOLDEN, golden_script, slow_once

from micrograd_c import MLP, Value


def load():
    """Return the training loop that made the golden losses, and what it made."""
    return golden_script("make_moons"), json.loads((GOLDEN / "moons.json").read_text())


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "scalar"])
def test_a_hundred_steps_of_the_demo_give_micrograds_losses(fused):
    module, golden = load()
    steps = module.STEPS if fused else 10

    def mlp(nin, nouts):
        return MLP(nin, nouts, fused=fused)

    ours = list(module.train(Value, mlp, golden["x"], golden["y"], steps))
    assert len(golden["losses"]) == module.STEPS
    for k, (loss, accuracy) in enumerate(ours):
        assert abs(loss - golden["losses"][k]) <= 1e-9, k
        assert accuracy == golden["accuracies"][k], k
    if fused:
        assert ours[-1][1] == 1.0


@slow_once
def test_the_golden_losses_are_still_those_of_micrograd():
    engine, nn = pytest.importorskip("micrograd.engine"), pytest.importorskip("micrograd.nn")
    module, golden = load()
    live = module.train(engine.Value, nn.MLP, golden["x"], golden["y"], steps=2)
    assert [loss for loss, _ in live] == pytest.approx(golden["losses"][:2], rel=1e-13)


@slow_once
def test_the_golden_points_are_still_those_of_scikit_learn():
    pytest.importorskip("sklearn")
    module, golden = load()
    x, y = module.points()
    assert y == golden["y"]
    for row, expected in zip(x, golden["x"]):
        assert row == pytest.approx(expected, rel=1e-12)


@pytest.fixture(scope="module")
def programs():
    """Return the script of the random programs, what it finds now, and the kind of machine and hashes of before."""
    module = pytest.importorskip("numpy") and golden_script("make_programs")
    return module, module.baseline(lambda: [module.hashes(i) for i in range(module.COUNT)]), *module.read()


@pytest.mark.parametrize("column", ["values", "gradients", "listings"])
def test_random_programs_are_what_they_were_to_the_bit(programs, column):
    module, found, machine, golden = programs
    if column != "listings" and machine != module.machine():
        pytest.skip("other mathematical functions round otherwise")
    k = module.COLUMNS.index(column)
    changed = [i for i in range(module.COUNT) if found[i][k] != golden[i][k]]
    assert not changed, (
        f"{len(changed)} {column} of {module.COUNT} changed: functions {changed[:20]}; look with "
        f"`make_programs.py show {changed[0]}`; if it is meant, `make_programs.py {column}` writes them anew"
    )
