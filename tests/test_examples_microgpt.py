"""examples/microgpt.py: the losses and names that the same sizes gave in pure Python, on every engine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from micrograd_c._core import core

pytest.importorskip("tqdm")

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
# Of the first 20 steps, by a class in pure Python that is not ours; the later ones agree with a program in C.
FIRST = [
    3.396186163558503, 3.27944377498138, 3.175664580155237, 3.305831226741021, 3.504912565213378,
    3.363927395879913, 3.2568204041220845, 3.522781158075823, 3.2527390847843787, 3.4799890876300625,
    2.929423546191013, 2.8603973676278827, 3.7390603703345855, 2.767133387770266, 2.9791031394256544,
    2.8810947509854414, 3.0184850646723143, 2.7906260412247295, 2.971138365701158, 2.5510772385721485,
]  # fmt: skip
LATER = {
    100: 2.206040433923726, 200: 2.3258678188423594, 300: 2.1090432574712095, 400: 2.8158163733993695,
    500: 2.4883099024687847, 600: 3.063027334824821, 700: 2.3318738194129325, 800: 2.34344941483069,
    900: 1.6318086723132297, 1000: 2.1465835095556973,
}  # fmt: skip
NAMES = (
    "shela marin selele lela arynen tosha ho noria elerina sherin lely nana elenia sovis elane larin sela darice "
    "corie lolde"
)


@pytest.fixture
def microgpt(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import microgpt

    return microgpt


@pytest.mark.parametrize("use", ["", "optim", "dot"])
def test_first_losses_are_those_of_pure_python(microgpt, use):
    steps = 1 if use == "" else 20 if use == "dot" else 6
    training = microgpt.Training(use)
    assert [training.step(i) for i in range(steps)] == pytest.approx(FIRST[:steps], rel=1e-12, abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("use", ["dot", "programs", "optim"])
def test_a_whole_run_has_the_known_losses_and_draws_the_known_names(microgpt, use):
    if use == "programs":
        pytest.importorskip("numpy")
    if core.NAME == "cffi" and use != "programs":
        pytest.skip("takes long there; the first steps are compared above")
    training = microgpt.Training(use)
    losses = [training.step(i) for i in range(1000)]
    assert losses[:20] == pytest.approx(FIRST, rel=1e-12, abs=0)
    assert {i: losses[i - 1] for i in LATER} == pytest.approx(LATER, rel=1e-12, abs=0)
    assert " ".join(training.draw() for _ in range(20)) == NAMES


def test_a_drawn_name_is_no_longer_than_the_context(microgpt, monkeypatch):
    training = microgpt.Training("dot")
    assert len(training.model.draw(training.text.end)) <= microgpt.CONTEXT
    monkeypatch.setattr(microgpt.random, "choices", lambda tokens, weights: [tokens[0]])
    assert training.model.draw(training.text.end) == [0] * microgpt.CONTEXT


def test_a_name_longer_than_the_context_is_learnt_up_to_there(microgpt):
    training = microgpt.Training("dot")
    read, following = training.text.tokens("ab" * 20)
    assert (len(read), len(following)) == (microgpt.CONTEXT, microgpt.CONTEXT)
    assert read == [training.text.end, *following[:-1]]
    assert training.text.tokens("ab" * 8) == (read, following)


def test_the_script_prints_the_same_on_its_own_class_and_on_ours():
    script = [str(EXAMPLES / "microgpt.py"), "--steps", "1", "--names", "1"]
    ways = [[], ["-m", "micrograd_c", "--replace-value"]]
    done = [subprocess.run([sys.executable, *way, *script], capture_output=True, text=True) for way in ways]
    plain, ours = ([line for line in x.stdout.splitlines() if " ms a step" not in line] for x in done)
    assert plain == ours and len(plain) == 3, [x.stderr for x in done]
    assert plain[0] == "5163 names, 4192 parameters"
    assert re.fullmatch(r"step    1  loss 3\.39618616356", plain[1])
    assert done[1].stderr == ""  # neither a bar nor a word of ours
