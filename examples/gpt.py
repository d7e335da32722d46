"""A GPT that learns to spell, scalar by scalar.

It reads first names letter by letter and predicts the next letter; then it makes up names.
It is a GPT in full, only small: token and position embeddings, RMS norm, causal attention of
several heads over a cache of keys and values, an MLP, and Adam. The idea is that of A. Karpathy's
microgpt (2026): all of it fits on a few pages once there is a scalar that knows its derivative.

    python examples/gpt.py                      # Values of micrograd-c
    python examples/gpt.py --linear dot         # and its dot() and sum(), one node for each
    python examples/gpt.py --engine python      # Values in pure Python, examples/pure_value.py

The code below is the same for all three.
"""

import argparse
import builtins
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

NAMES = Path(__file__).with_name("data") / "names.txt"


# ---- what the model is written in --------------------------------------------------------------------------------


class Engine(NamedTuple):
    """A class of scalars, and how products and sums are written in it."""

    Value: Any
    dot: Callable[[Any, Any], Any]  # (ws, xs) -> ws[0]*xs[0] + ws[1]*xs[1] + ...
    sum: Callable[[Any], Any]


def scalar_dot(ws, xs):
    """Return the dot product, a node for each `*` and `+`."""
    return sum(w * x for w, x in zip(ws, xs))


def load_engine(name="micrograd-c", linear="scalar"):
    """Return the engine of that name.

    Parameters
    ----------
    name : {'micrograd-c', 'python'}
    linear : {'scalar', 'dot'}
        'dot' makes each product of vectors and each sum a single node; micrograd-c alone can.
    """
    if name == "python":
        if linear != "scalar":
            raise ValueError("--linear dot needs --engine micrograd-c")
        from pure_value import Value
    else:
        import micrograd_c
        from micrograd_c import Value

        if linear == "dot":
            return Engine(Value, micrograd_c.dot, micrograd_c.sum)
    return Engine(Value, scalar_dot, builtins.sum)


# ---- the text ----------------------------------------------------------------------------------------------------


class Text:
    """Words, separated by white space, and their letters as tokens. Token 0 stands before a word and after it.

    Attributes
    ----------
    words : list of str
    letters : str
        All that occur; the letter at i is token i + 1.
    """

    def __init__(self, path):
        self.words = Path(path).read_text(encoding="utf-8").split()
        if not self.words:
            raise ValueError(f"{path} holds no words")
        self.letters = "".join(sorted(set("".join(self.words))))

    def tokens(self, word):
        """Return the tokens of a word, with 0 at both ends."""
        return [0, *(self.letters.index(letter) + 1 for letter in word), 0]

    def word(self, tokens):
        """Return the word that tokens spell."""
        return "".join(self.letters[token - 1] for token in tokens)


# ---- the model ---------------------------------------------------------------------------------------------------


class GPT:
    """The model.

    Parameters
    ----------
    engine : Engine
    tokens : int
        How many there are.
    context : int
        Tokens that it can look back on, at most.
    width : int
        Length of the vector that stands for a token.
    heads : int
        Attention heads; they share the width.
    layers : int
    rng : random.Random
        For the parameters.
    """

    def __init__(self, engine, tokens, context=12, width=16, heads=4, layers=1, rng=random):
        if min(context, width, heads, layers) < 1:
            raise ValueError("context, width, heads and layers must be at least 1")
        if width % heads:
            raise ValueError(f"{heads} heads cannot share a width of {width}: it must be a multiple of {heads}")
        self.engine, self.context, self.heads, self.layers = engine, context, heads, layers

        def matrix(rows, columns, deviation=columns_to_deviation):
            size = deviation(columns)
            return [[engine.Value(rng.gauss(0.0, size)) for _ in range(columns)] for _ in range(rows)]

        self.weights = {
            "token": matrix(tokens, width),
            "position": matrix(context, width),
            "output": matrix(tokens, width, nearly_zero),
        }
        for layer in range(layers):
            for name in ("query", "key", "value"):
                self.weights[name, layer] = matrix(width, width)
            self.weights["mix", layer] = matrix(width, width, nearly_zero)
            self.weights["up", layer] = matrix(4 * width, width)
            self.weights["down", layer] = matrix(width, 4 * width, nearly_zero)

    def parameters(self):
        """Return all parameters in a list."""
        return [p for matrix in self.weights.values() for row in matrix for p in row]

    def cache(self):
        """Return an empty cache: for each layer the keys and the values of the tokens so far."""
        return [([], []) for _ in range(self.layers)]

    def __call__(self, token, cache):
        """Read one token, and add its keys and values to the cache.

        Returns
        -------
        list of Value
            A score for each token that might come next; softmax makes probabilities of them.
        """
        position = len(cache[0][0])
        x = add(self.weights["token"][token], self.weights["position"][position])
        for layer, (keys, values) in enumerate(cache):
            x = add(x, self.attention(layer, self.norm(x), keys, values))
            x = add(x, self.mlp(layer, self.norm(x)))
        return self.linear("output", self.norm(x))

    def attention(self, layer, x, keys, values):
        """Let each head look back: a mean of the values so far, weighted by how well their keys match the query."""
        query = self.linear(("query", layer), x)
        keys.append(self.linear(("key", layer), x))
        values.append(self.linear(("value", layer), x))
        size = len(x) // self.heads
        out = []
        for first in range(0, len(x), size):
            head = slice(first, first + size)
            scores = [self.engine.dot(query[head], key[head]) * size**-0.5 for key in keys]
            weights = self.softmax(scores)
            out += [self.engine.dot(weights, column) for column in zip(*(value[head] for value in values))]
        return self.linear(("mix", layer), out)

    def mlp(self, layer, x):
        """Think about each token by itself: four times as wide, relu, and back."""
        hidden = [h.relu() for h in self.linear(("up", layer), x)]
        return self.linear(("down", layer), hidden)

    def linear(self, name, x):
        """Return the product of a matrix and a vector."""
        return [self.engine.dot(row, x) for row in self.weights[name]]

    def norm(self, x):
        """RMS norm: the vector, scaled so that the mean of its squares is 1."""
        scale = (self.engine.dot(x, x) / len(x) + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def softmax(self, scores):
        """Return exp(score) / sum of all exp(score). The largest is taken off first, so no exp overflows."""
        largest = max(score.data for score in scores)
        exps = [(score - largest).exp() for score in scores]
        scale = self.engine.sum(exps) ** -1
        return [e * scale for e in exps]

    def loss(self, tokens):
        """Return the mean cross-entropy of each next token, as one Value, given those before it."""
        cache = self.cache()
        losses = []
        for token, following in itertools.islice(zip(tokens, tokens[1:]), self.context):
            losses.append(-self.softmax(self(token, cache))[following].log())
        return self.engine.sum(losses) / len(losses)

    def make_up(self, rng, temperature):
        """Return the tokens of a new word, drawn one by one.

        Parameters
        ----------
        rng : random.Random
        temperature : float
            The higher, the more daring.
        """
        cache = self.cache()
        tokens = [0]
        while len(tokens) <= self.context:
            scores = [score / temperature for score in self(tokens[-1], cache)]
            probabilities = [p.data for p in self.softmax(scores)]
            (token,) = rng.choices(range(len(probabilities)), probabilities)
            if token == 0:
                break
            tokens.append(token)
        return tokens[1:]


def columns_to_deviation(columns):
    """Keep the size of what goes through a matrix: its entries have a variance of 1 / columns."""
    return columns**-0.5


def nearly_zero(columns):
    """Start with hardly any effect: all tokens are equally likely, and a layer changes nothing yet."""
    return 0.02


def add(xs, ys):
    """Return the sum of two vectors."""
    return [x + y for x, y in zip(xs, ys)]


# ---- training ----------------------------------------------------------------------------------------------------


class Adam:
    """Adam (Kingma and Ba, 2015): each parameter moves by its mean gradient over the root of its mean square.

    Parameters
    ----------
    parameters : list of Value
    beta1, beta2 : float
        How much of the two running means is kept at each step.
    epsilon : float
    """

    def __init__(self, parameters, beta1=0.9, beta2=0.99, epsilon=1e-8):
        self.parameters, self.beta1, self.beta2, self.epsilon = parameters, beta1, beta2, epsilon
        self.means = [0.0] * len(parameters)
        self.squares = [0.0] * len(parameters)
        self.steps = 0

    def step(self, rate):
        """Move every parameter, and set its gradient to 0."""
        beta1, beta2, epsilon = self.beta1, self.beta2, self.epsilon
        means, squares = self.means, self.squares
        self.steps += 1
        mean_scale = 1.0 / (1.0 - beta1**self.steps)  # both means start at 0, which is too small
        square_scale = 1.0 / (1.0 - beta2**self.steps)
        for i, p in enumerate(self.parameters):
            g = p.grad
            means[i] = mean = beta1 * means[i] + (1.0 - beta1) * g
            squares[i] = square = beta2 * squares[i] + (1.0 - beta2) * g * g
            p.data -= rate * mean * mean_scale / ((square * square_scale) ** 0.5 + epsilon)
            p.grad = 0.0


def shuffled(words, rng):
    """Yield the words for ever, in another order each time."""
    while True:
        yield from rng.sample(words, len(words))


def train_step(model, optimiser, batch, rate):
    """Learn from words, given as tokens, and return their mean loss as a float. The graph dies with this call."""
    # forward
    loss = model.engine.sum([model.loss(tokens) for tokens in batch]) / len(batch)

    # backward
    loss.backward()

    # update
    optimiser.step(rate)
    return loss.data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("micrograd-c", "python"), default="micrograd-c")
    parser.add_argument("--linear", choices=("scalar", "dot"), default="scalar", help="products of vectors")
    parser.add_argument("--text", type=Path, default=NAMES, help="a file of words (default: first names)")
    parser.add_argument("--steps", type=int, default=1000, help="training steps (default: 1000)")
    parser.add_argument("--batch", type=int, default=4, help="words a step (default: 4)")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate at the start (default: 0.01)")
    parser.add_argument("--width", type=int, default=16, help="numbers that stand for a token (default: 16)")
    parser.add_argument("--heads", type=int, default=4, help="attention heads (default: 4)")
    parser.add_argument("--layers", type=int, default=1, help="layers (default: 1)")
    parser.add_argument("--context", type=int, default=12, help="tokens to look back on (default: 12)")
    parser.add_argument("--samples", type=int, default=20, help="words to make up (default: 20)")
    parser.add_argument("--temperature", type=float, default=0.6, help="how daringly (default: 0.6)")
    parser.add_argument("--seed", type=int, default=1337, help="of everything random (default: 1337)")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    try:
        engine = load_engine(options.engine, options.linear)
        text = Text(options.text)
        sizes = options.context, options.width, options.heads, options.layers
        model = GPT(engine, len(text.letters) + 1, *sizes, rng)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    optimiser = Adam(model.parameters())
    print(f"{len(text.words)} words of {len(text.letters)} letters, {len(optimiser.parameters)} parameters")

    words = shuffled(text.words, rng)
    recent, tokens_read = [], 0
    start = time.perf_counter()
    with tqdm(total=options.steps, unit="step") as progress:
        for step in range(options.steps):
            batch = [text.tokens(next(words)) for _ in range(options.batch)]
            recent.append(train_step(model, optimiser, batch, options.rate * (1.0 - step / options.steps)))
            tokens_read += sum(min(len(tokens) - 1, options.context) for tokens in batch)
            speed = tokens_read / (time.perf_counter() - start)
            progress.set_postfix_str(f"loss {recent[-1]:.3f}, {speed:.0f} tokens/s", refresh=False)
            progress.update()
            if len(recent) == max(1, options.steps // 10):
                progress.write(f"step {step + 1:5d}  mean loss {sum(recent) / len(recent):.4f}")
                recent.clear()
    seconds = time.perf_counter() - start
    print(f"{tokens_read} tokens in {seconds:.1f} s: {tokens_read / seconds:.1f} tokens a second")

    known = set(text.words)
    for _ in range(options.samples):
        word = text.word(model.make_up(rng, options.temperature))
        print(f"  {word}{' (is in the text)' if word in known else ''}")


if __name__ == "__main__":
    main()
