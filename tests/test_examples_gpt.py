"""examples/gpt.py: one model on three engines, its numbers against a dense one, and the script itself."""

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tqdm")

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
GPT_PY = EXAMPLES / "gpt.py"
FORMS = [("python", "scalar"), ("micrograd-c", "scalar"), ("micrograd-c", "dot")]
WORDS = ["dorothy", "james", "al"]


@pytest.fixture
def gpt(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import gpt

    return gpt


def small_model(gpt, form, **sizes):
    sizes = {"context": 9, "width": 8, "heads": 2, "layers": 2, **sizes}
    return gpt.GPT(gpt.load_engine(*form), 27, rng=random.Random(5), **sizes)


def losses_and_gradients(gpt, form, steps):
    """Train, and return the loss of each step and the gradients that the update found, one after the other."""
    gradients = []

    class Watched(gpt.Adam):
        def step(self, rate):
            gradients.extend(p.grad for p in self.parameters)
            super().step(rate)

    model = small_model(gpt, form)
    text = gpt.Text(gpt.NAMES)
    optimiser = Watched(model.parameters())
    batch = [text.tokens(word) for word in WORDS]
    return [gpt.train_step(model, optimiser, batch, 0.01) for _ in range(steps)], gradients


def run(*arguments, status=0):
    process = subprocess.run(
        [sys.executable, str(GPT_PY), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert process.returncode == status, process.stderr
    return process


# ---- the model ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS[1:], ids=" ".join)
def test_losses_and_gradients_of_the_first_steps_agree_with_pure_python(gpt, form):
    losses, gradients = losses_and_gradients(gpt, form, steps=3)
    expected_losses, expected_gradients = losses_and_gradients(gpt, FORMS[0], steps=3)
    assert losses == pytest.approx(expected_losses, rel=1e-9, abs=0)
    assert gradients == pytest.approx(expected_gradients, rel=1e-9, abs=1e-9)
    assert len(set(losses)) == 3
    assert max(map(abs, gradients)) > 0.01


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_scores_are_those_of_masked_attention_over_matrices(gpt, form):
    np = pytest.importorskip("numpy")
    model = small_model(gpt, form)
    tokens = [0, 4, 15, 18, 15, 20, 8, 25]
    n, width, size = len(tokens), 8, 4
    weights = {name: np.array([[p.data for p in row] for row in matrix]) for name, matrix in model.weights.items()}

    def norm(x):
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)

    x = weights["token"][tokens] + weights["position"][:n]
    for layer in range(2):
        q, k, v = (norm(x) @ weights[name, layer].T for name in ("query", "key", "value"))
        heads = []
        for first in range(0, width, size):
            head = slice(first, first + size)
            scores = np.where(np.tri(n), q[:, head] @ k[:, head].T / np.sqrt(size), -np.inf)
            attention = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            heads.append(attention @ v[:, head])
        x = x + np.hstack(heads) @ weights["mix", layer].T
        x = x + np.maximum(norm(x) @ weights["up", layer].T, 0) @ weights["down", layer].T
    expected = norm(x) @ weights["output"].T

    cache = model.cache()
    found = [[score.data for score in model(token, cache)] for token in tokens]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_training_on_one_word_learns_it_by_heart(gpt):
    model = small_model(gpt, ("micrograd-c", "dot"), layers=1)
    text = gpt.Text(gpt.NAMES)
    optimiser = gpt.Adam(model.parameters())
    batch = [text.tokens("dorothy")]
    losses = [gpt.train_step(model, optimiser, batch, 0.02) for _ in range(60)]
    assert 3.2 < losses[0] < 3.4  # 27 tokens, all nearly as likely: log(27) = 3.30
    assert losses[-1] < 0.1  # a mean probability of more than 0.9
    assert text.word(model.make_up(random.Random(0), temperature=0.3)) == "dorothy"


def test_a_made_up_word_is_no_longer_than_the_context(gpt):
    model = small_model(gpt, ("micrograd-c", "dot"), context=3, layers=1)
    rng = random.Random(0)
    assert max(len(model.make_up(rng, 1.0)) for _ in range(20)) == 3


def test_a_word_longer_than_the_context_is_learnt_up_to_there(gpt):
    model = small_model(gpt, ("micrograd-c", "dot"), context=3)
    assert model.loss([0, 1, 2, 3, 4, 0]).data == model.loss([0, 1, 2, 3]).data


# ---- the script --------------------------------------------------------------------------------------------------


def test_the_script_prints_the_same_losses_and_words_on_every_engine():
    outputs = []
    for engine, linear in FORMS:
        sizes = ("--width", "8", "--heads", "2", "--batch", "2")
        process = run("--engine", engine, "--linear", linear, "--steps", "3", "--samples", "4", *sizes)
        header, *steps, speed, w1, w2, w3, w4 = process.stdout.splitlines()
        assert header == "5163 words of 26 letters, 1296 parameters"
        assert [int(re.fullmatch(r"step +(\d+)  mean loss 3\.\d{4}", line)[1]) for line in steps] == [1, 2, 3]
        assert re.fullmatch(r"\d+ tokens in \d+\.\d s: \d+\.\d tokens a second", speed)
        for word in (w1, w2, w3, w4):
            assert re.fullmatch(r"  [a-z]{0,12}( \(is in the text\))?", word)
        assert "3/3" in process.stderr  # the progress bar
        assert re.search(r"loss 3\.\d{3}, \d+ tokens/s", process.stderr)
        outputs.append([header, *steps, w1, w2, w3, w4])
    assert outputs[0] == outputs[1] == outputs[2]


def test_another_seed_gives_another_run():
    few = ("--linear", "dot", "--steps", "1", "--samples", "2")
    first, again, other = (run(*few, "--seed", seed).stdout.splitlines() for seed in "778")
    assert first[1] == again[1] != other[1]
    assert first[3:] == again[3:] != other[3:]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--engine", "python", "--linear", "dot"), "--linear dot needs --engine micrograd-c"),
        (("--width", "10"), "4 heads cannot share a width of 10"),
        (("--layers", "0"), "must be at least 1"),
        (("--text", os.devnull), "holds no words"),
        (("--text", "there-is-no-such-file"), "there-is-no-such-file"),
    ],
)
def test_the_script_explains_what_it_cannot_do(arguments, message):
    assert message in run(*arguments, status=2).stderr.splitlines()[-1]


# ---- the text ----------------------------------------------------------------------------------------------------


def test_the_names_are_as_their_readme_says():
    names = (EXAMPLES / "data" / "names.txt").read_text(encoding="ascii").splitlines()
    readme = (EXAMPLES / "data" / "README.md").read_text(encoding="utf-8")
    count, shortest, longest = re.search(
        r"^([\d,]+) first names.* (\d+) to (\d+) letters", readme, re.MULTILINE
    ).groups()
    assert len(names) == int(count.replace(",", ""))
    assert names == sorted(set(names))
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")
    assert (min(map(len, names)), max(map(len, names))) == (int(shortest), int(longest))
