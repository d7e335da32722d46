"""The words of an explanation, in its text and in its page."""

from __future__ import annotations

__all__ = ["CODE", "ENGINES", "PHASES", "PHRASES", "WRONG_PHRASES"]

# The phases of an explanation, in the words of the article.
PHASES = {
    1: ("Forward", "every value is computed from its operands"),
    2: ("Graph", "every value remembers what it was computed from"),
    3: ("Visit", "depth first: operands go into topo before what reads them"),
    4: ("Order", "topo from its end: every reader before what it reads"),
    5: ("Seed", "gradients start at 0, and the derivative of the result by itself is 1"),
    6: ("Backward", "the chain rule: operand.grad += result.grad * d result / d operand"),
    7: ("Gradients", "how much the result changes for each unit that a value changes"),
}

# Each kind of event: its phase, the key of its line in CODE, and its sentence, for `fill` in text.py.
PHRASES = {
    "leaf": (1, "forward", "{z} = {value}"),
    "operation": (1, "forward", "{z} = {formula} = {numbers} = {value}"),
    "stale": (1, "forward", "{z} = {value}: its data was assigned; {formula} would give {expected}"),
    "opaque": (1, "forward", "{z} = {formula} = {value}"),
    "children": (2, "forward", "{z} was computed from {xs} by {op}"),
    "no-children": (2, "forward", "{z} is a leaf: it was computed from nothing"),
    "enter": (3, "enter", "visit {z}: not visited yet, so add it to visited"),
    "skip": (3, "test", "visit {z}: already visited, skip"),
    "append": (3, "append", "append {z} to topo: [{topo}]"),
    "order": (4, "order", "reversed(topo) = [{topo}]"),
    "zero": (5, "init", "every gradient is 0 before it begins"),
    "seed": (5, "seed", "{z}.grad = {after}{outer}"),
    "node": (6, "node", "{z} passes its gradient {upstream} on to {xs}"),
    "leaf-node": (6, "node", "{z} is a leaf: it has nothing to pass on"),
    "unreached": (6, "node", "no gradient has come to {z}: it has nothing to pass on"),
    "not-taken": (6, "node", "{z} did not take {xs}: it passes nothing on"),
    "first": (6, "contribution", "{x}.grad += {z}.grad * d{z}/d{x} = {(upstream)} * {(local)} = {contribution}"),
    "more": (6, "contribution", "{x}.grad += {z}.grad * d{z}/d{x} = {before} + {(upstream)} * {(local)} = {after}"),
    "closure": (
        6,
        "contribution",
        "{x}.grad += {contribution}, by the _backward of {z}: {before} + {contribution} = {after}",
    ),
    "gradient": (7, "", "d{root}/d{z} = {z}.grad = {gradient}"),
}

# What the page's wrong engines do besides.
WRONG_PHRASES = {
    "call": (6, "enter", "call backward({z})"),
    "again": (5, "again", "backward() is called a second time; nobody has called zero_grad()"),
    "wrong": (7, "", "{z}.grad = {gradient}, but d{root}/d{z} = {right}"),
}

# The engines of the page: one that is right and three that are not.
ENGINES = {
    "right": ("The right one", "adds up with +=, in topological order, once"),
    "overwrite": ("= instead of +=", "each share replaces the one before"),
    "depth": ("depth first, without the order", "a value may pass its gradient on before all of it has arrived"),
    "twice": ("backward() twice, without zero_grad()", "the second run adds to what the first one left"),
}

# What the backward() of each looks like, and which line an event stands on: a key and a line, parted by |. The one
# that overwrites looks like the right one, but for {update}. The slots are those of `fill` in text.py.
_RIGHT = """\
forward|{formula}
|
|def backward(self):
init|    topo, visited = [], set()
|    def build_topo(v):
test|        if v not in visited:
enter|            visited.add(v)
children|            for child in v._prev:
|                build_topo(child)
append|            topo.append(v)
|    build_topo(self)
seed|    self.grad = {seed}
order|    for v in reversed(topo):
node|        v._backward()
contribution|            {update}"""
CODE = {
    "right": _RIGHT,
    "twice": _RIGHT + "\n|\n|root.backward()\nagain|root.backward()  # and no zero_grad() between",
    "depth": """\
forward|{formula}
|
|def backward(v):
node|    v._backward()
contribution|        {update}
children|    for child in v._prev:
enter|        backward(child)
|
seed|root.grad = {seed}
|backward(root)""",
    "returning": """\
forward|{formula}
|
|def backward(v):
test|    if v not in visited:
enter|        visited.add(v)
children|        for child in v._prev:
|            backward(child)
node|        v._backward()
contribution|            {update}
|
seed|root.grad = {seed}
|backward(root)""",
}
