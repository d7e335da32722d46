"""A GPT of 4,192 scalars that learns to spell names, in the sizes of A. Karpathy's microgpt (2026).

    python examples/microgpt.py                                   # on pure_value.py, a class in pure Python
    python -m micrograd_c --replace-value examples/microgpt.py    # on micrograd-c, nothing else changed
    python examples/microgpt.py --use optim                       # micrograd-c and its Adam
    python examples/microgpt.py --use dot                         # and one node for each product of vectors
    python examples/microgpt.py --use programs                    # and mg.jit, a program for each length

All five print the same losses and the same names. It reads a name letter by letter, and what it has read so far
tells it which letter comes next: an embedding of letter and place, attention of four heads over the letters so far,
a layer that thinks about each place by itself, and scores for the 27 tokens that may follow.
"""

import argparse
import random
import time
from pathlib import Path

from tqdm import tqdm

NAMES = Path(__file__).with_name("data") / "names.txt"
WIDTH, HEADS, CONTEXT = 16, 4, 16
SIZE = WIDTH // HEADS  # of a head


class Text:
    """Names in random order, and their letters as tokens; the last token, `end`, stands at both ends of a name."""

    def __init__(self, path=NAMES):
        self.names = Path(path).read_text(encoding="utf-8").split()
        random.shuffle(self.names)
        self.letters = sorted(set("".join(self.names)))
        self.end = len(self.letters)

    def tokens(self, name):
        """Return the tokens that are read, and those that have to follow them."""
        tokens = [self.end, *map(self.letters.index, name), self.end][: CONTEXT + 1]
        return tokens[:-1], tokens[1:]


class GPT:
    """The model: matrices of Values, as lists of rows.

    Parameters
    ----------
    Value : type
    tokens : int
        How many there are.
    dot, sum : function, optional
        The products and sums of the engine; those of Python make a node for each * and +.
    """

    def __init__(self, Value, tokens, dot=None, sum=sum):
        def matrix(rows, columns):
            return [[Value(random.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.tokens, self.sum = tokens, sum
        self.dot = dot or (lambda ws, xs: sum(w * x for w, x in zip(ws, xs)))
        self.letters, self.places, self.out = matrix(tokens, WIDTH), matrix(CONTEXT, WIDTH), matrix(tokens, WIDTH)
        self.query, self.key, self.value, self.mix = (matrix(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = matrix(4 * WIDTH, WIDTH), matrix(WIDTH, 4 * WIDTH)

    def parameters(self):
        """Return all 4,192 of them."""
        matrices = (
            self.letters,
            self.places,
            self.out,
            self.query,
            self.key,
            self.value,
            self.mix,
            self.up,
            self.down,
        )
        return [p for matrix in matrices for row in matrix for p in row]

    def times(self, matrix, x):
        """Return the product of a matrix and a vector."""
        return [self.dot(row, x) for row in matrix]

    def norm(self, x):
        """Return x divided by the root of the mean of its squares."""
        scale = (self.dot(x, x) / len(x) + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def softmax(self, scores, largest):
        """Return exp(score) by the sum of all exp(score); the largest is taken off, so no exp overflows."""
        exps = [(score - largest).exp() for score in scores]
        total = self.sum(exps)
        return [e / total for e in exps]

    def __call__(self, embedding, place, keys, values, largest):
        """Return the scores of the next token. `keys` and `values` are of the places so far, and get this one's."""
        x = self.norm([a + b for a, b in zip(embedding, self.places[place])])
        normed = self.norm(x)
        query = self.times(self.query, normed)
        keys.append(self.times(self.key, normed))
        values.append(self.times(self.value, normed))
        seen = []
        for head in (slice(first, first + SIZE) for first in range(0, WIDTH, SIZE)):
            matches = [self.dot(query[head], key[head]) / SIZE**0.5 for key in keys]
            weights = self.softmax(matches, largest(matches))
            seen += [self.dot(weights, column) for column in zip(*(value[head] for value in values))]
        x = [a + b for a, b in zip(x, self.times(self.mix, seen))]
        thought = [h.relu() for h in self.times(self.up, self.norm(x))]
        x = [a + b for a, b in zip(x, self.times(self.down, thought))]
        return self.times(self.out, x)

    def loss(self, embeddings, chosen, largest):
        """Return the mean of -log(probability of the token that follows).

        Parameters
        ----------
        embeddings : list of list of Value
            One for each place.
        chosen : list of function of a list of Value
            They choose the one at the token that follows.
        largest : function of a list of Value
        """
        keys, values, losses = [], [], []
        for place, (embedding, choose) in enumerate(zip(embeddings, chosen)):
            scores = self(embedding, place, keys, values, largest)
            losses.append(-choose(self.softmax(scores, largest(scores))).log())
        return self.sum(losses) / len(losses)

    def loss_of(self, tokens, following):
        """Return the loss of a name as a Value."""
        return self.loss(
            [self.letters[t] for t in tokens], [lambda ps, t=t: ps[t] for t in following], largest_number
        )

    def draw(self, end, temperature=0.5):
        """Return the tokens of a new name."""
        keys, values, tokens = [], [], [end]
        while len(tokens) <= CONTEXT:
            scores = self(self.letters[tokens[-1]], len(tokens) - 1, keys, values, largest_number)
            scores = [score / temperature for score in scores]
            weights = [p.data for p in self.softmax(scores, largest_number(scores))]
            tokens += random.choices(range(len(weights)), weights)
            if tokens[-1] == end:
                return tokens[1:-1]
        return tokens[1:]


def largest_number(values):
    """Return the largest of the data."""
    return max(v.data for v in values)


class Adam:
    """Adam (Kingma and Ba, 2015), one parameter after the other."""

    def __init__(self, parameters, lr=0.01, betas=(0.85, 0.99), eps=1e-8):
        self.parameters, self.lr, self.betas, self.eps = parameters, lr, betas, eps
        self.means, self.squares, self.steps = [0.0] * len(parameters), [0.0] * len(parameters), 0

    def step(self):
        """Move every parameter against its gradient."""
        self.steps += 1
        (beta1, beta2), lr, eps, means, squares = self.betas, self.lr, self.eps, self.means, self.squares
        scale1, scale2 = 1 - beta1**self.steps, 1 - beta2**self.steps
        for i, p in enumerate(self.parameters):
            g = p.grad
            mean = means[i] = beta1 * means[i] + (1 - beta1) * g
            square = squares[i] = beta2 * squares[i] + (1 - beta2) * g * g
            p.data -= lr * (mean / scale1) / ((square / scale2) ** 0.5 + eps)

    def zero_grad(self):
        """Set all gradients to 0."""
        for p in self.parameters:
            p.grad = 0.0


def programs_of(mg, model):
    """Return a function that does forward and backward of a name in one call; tokens go in as rows of 0 and 1."""
    by_length = {}

    def largest(values):
        most = values[0]
        for v in values[1:]:
            most = most.maximum(v)
        return most

    def program_of(n):
        @mg.jit
        def loss(bits):
            rows = [bits[i : i + model.tokens] for i in range(0, len(bits), model.tokens)]
            columns = [*zip(*model.letters)]
            embeddings = [[mg.dot(row, column) for column in columns] for row in rows[:n]]
            return model.loss(embeddings, [lambda ps, row=row: mg.dot(row, ps) for row in rows[n:]], largest)

        return loss

    def forward_backward(tokens, following):
        n = len(tokens)
        if n not in by_length:
            by_length[n] = program_of(n)
        bits = [float(token == i) for token in (*tokens, *following) for i in range(model.tokens)]
        return by_length[n].backward([bits])

    return forward_backward


class Training:
    """A model, its text and its steps, on one of the five engines."""

    def __init__(self, use="", steps=1000):
        random.seed(42)
        self.steps, self.text = steps, Text()
        tokens = self.text.end + 1
        if not use:
            from pure_value import Value

            self.model = GPT(Value, tokens)
            self.optimiser = Adam(self.model.parameters())
        else:
            import micrograd_c as mg
            from micrograd_c import optim

            more = () if use == "optim" else (mg.dot, mg.sum)
            self.model = GPT(mg.Value, tokens, *more)
            self.optimiser = optim.Adam(self.model.parameters(), lr=0.01, betas=(0.85, 0.99), eps=1e-8)
        self.forward_backward = programs_of(mg, self.model) if use == "programs" else self.by_nodes

    def by_nodes(self, tokens, following):
        """Compute the gradients of the loss of a name, and return the loss as a number."""
        loss = self.model.loss_of(tokens, following)
        loss.backward()
        return loss.data

    def step(self, number):
        """Learn from one name, and return its loss."""
        tokens = self.text.tokens(self.text.names[number % len(self.text.names)])
        loss = self.forward_backward(*tokens)
        self.optimiser.lr = 0.01 * (1 - number / self.steps)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return loss

    def draw(self):
        """Return a new name."""
        return "".join(self.text.letters[token] for token in self.model.draw(self.text.end))


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--use", choices=("optim", "dot", "programs"), default="", help="what of micrograd-c")
    parser.add_argument("--steps", type=int, default=1000, help="names to learn from (default: 1000)")
    parser.add_argument("--names", type=int, default=20, help="names to make up (default: 20)")
    options = parser.parse_args()
    training = Training(options.use, options.steps)
    print(f"{len(training.text.names)} names, {len(training.model.parameters())} parameters")
    start = time.perf_counter()
    with tqdm(total=options.steps, unit="name", disable=None) as progress:  # None: only on a terminal
        for number in range(options.steps):
            loss = training.step(number)
            progress.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            progress.update()
            if (number + 1) % max(1, options.steps // 10) == 0:
                progress.write(f"step {number + 1:4d}  loss {loss:.12g}")
    print(f"{1e3 * (time.perf_counter() - start) / max(1, options.steps):.2f} ms a step")
    print(*(training.draw() for _ in range(options.names)))


if __name__ == "__main__":
    main()
