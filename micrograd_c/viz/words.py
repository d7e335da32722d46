"""The words of an explanation, in its text and in its page."""

from __future__ import annotations

__all__ = ["CHAPTERS", "CODE", "CUT_PHRASES", "ENGINES", "NOTES", "PHASES", "PHRASES", "REASONS", "SAID", "SEEDED"]
__all__ += ["WRONG_PHRASES"]

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
# The same where the seed is not 1.
SEEDED = {
    5: ("Seed", "gradients start at 0, and that of the result at the seed"),
    7: ("Gradients", "the seed times how much the result changes for each unit that a value changes"),
}

# Each kind of event: its phase, the key of its line in CODE, and its sentence, for `fill` in text.py.
PHRASES = {
    "leaf": (1, "forward", "{z} = {value}"),
    "operation": (1, "forward", "{z} = {formula} = {numbers} = {value}"),
    "stale": (1, "forward", "{z} = {value}, but now its operands give {formula} = {numbers} = {expected}"),
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
        "{x}.grad += {contribution}, by the _backward of {z}: {before} + {(contribution)} = {after}",
    ),
    "gradient": (7, "", "{times}d{root}/d{z} = {z}.grad = {gradient}"),
}

# The same of a value whose operands are not shown, and of a gradient where not all ways to the root are.
CUT_PHRASES = {
    "leaf": "{z} = … = {value}",
    "no-children": "{z}: what it was computed from is not shown",
    "leaf-node": "{z}: what it would pass its gradient on to is not shown",
    "gradient": "{z}.grad = {gradient} by what is shown; some ways from {z} to {root} are not",
}

# What the page's wrong engines do besides.
WRONG_PHRASES = {
    "call": (6, "enter", "call backward({z})"),
    "again": (5, "again", "backward() is called a second time; nobody has called zero_grad()"),
    "wrong": (7, "", "{z}.grad = {gradient}, but {times}d{root}/d{z} = {right}"),
}

# The engines of the page: one that is right and three that are not, and what is wrong about each.
ENGINES = {
    "right": ("correct", "It adds up with +=, in topological order, once."),
    "overwrite": ("wrong: = for +=", "With = a new share replaces the old one. Only += keeps both."),
    "depth": (
        "wrong: no order",
        "Without reversed(topo) a value may pass its gradient on before all of it has arrived.",
    ),
    "twice": ("wrong: backward twice", "Nobody set the gradients back to 0, so the second run adds to the first."),
}

# The chapters of the page, and the titles of the pane that shows the rule in each.
CHAPTERS = {
    "Forward": "Compute the value",
    "Graph": "Remember the operands",
    "Order": "Find the order",
    "Seed": "Seed",
    "Backward": "The chain rule",
    "Result": "The gradient",
}

# What the page says of a step above the graph, where it is not the sentence of PHRASES.
SAID = {
    "leaf": "{z} is a leaf. You gave it the number {value}.",
    "neuron": "The neuron {z} gives {value}.",
    "children": "{z} remembers its operands, and the operation.",
    "enter": "{z} is new. First look at what it was made from.",
    "skip": "{z} was visited before. Do not list it twice.",
    "append": "All that {z} needs is in the list. Now add {z}.",
    "order": "Read the list from its end: each value comes before those it was made from.",
    "zero": "Every gradient starts at 0.",
    "seed": "Start at the result: {root}.grad = {seed}. If {root} moves by 1, {root} moves by 1.",
    "again": "backward() runs a second time. Nobody set the gradients back to 0.",
    "node": "{z} has its gradient, {upstream}. Now it passes a share to each operand.",
    "leaf-node": "{z} is a leaf. It has nobody to pass a share to.",
    "share": "{z} sends {product} to {x}.",
    "effect": "Move {z} up a little, and {root} moves {way} {rate}.",
    "flat": "Move {z} a little, and {root} does not move.",
    "infinite": "At this place {root} has no slope in {z}: a small move has no limit.",
}

# The notes of the page under a rule with its numbers.
NOTES = {
    "leaf": "A leaf: a number that you give. Click it on the graph to change it.",
    "cut": "What this was computed from is not shown. Its number stands for it.",
    "part": "Some ways from {z} to {root} are not shown. Their shares are missing here.",
    "by-hand": "A value of this graph was made by hand. How to compute it is not known, so data stay as they are.",
    "folded": "A neuron, folded: open it with + to see what is inside.",
    "operation": "The result remembers its operands. That is the way back.",
    "children": "{z} remembers what it was made from, and by which operation: _op is {op}. Backward goes this way.",
    "hand": "{z} remembers what it was made from. Backward goes this way.",
    "no-children": "A leaf was made from nothing. Here the way back ends.",
    "enter": "build calls itself for each operand, and only then adds the value to the list.",
    "depth": "No list: backward calls itself for each operand at once.",
    "skip": "{z} is in visited already. A value stands in the list once.",
    "append": "Operands come first, results after them. Backward reads the list from its end.",
    "order": "When a value has its turn, all that read it had theirs before: its gradient is complete.",
    "zero": "Shares will be added, so we begin with nothing.",
    "seed": "The result moves exactly as much as itself. All other gradients come from this one.",
    "seeded": "{text}. All other gradients come from this one.",
    "node": "All that used {z} had their turn before it, so its gradient is complete.",
    "through": "All that used {z} here had their turn before it. This is the share that comes through {root}.",
    "leaf-node": "A leaf has no operands. Its gradient stays here, for you to use.",
    "unchecked": "The sum of the shares of all paths to {root}.",
    "edited": "The data are yours now, and so the page's own arithmetic is all there is to go by.",
    "rounding": "The difference quotient{times}, {quotient}, cannot be trusted here: its digits are rounded away.",
    "corner": "The difference quotient{times}, {quotient}, cannot be trusted here: a pole or a corner is near.",
    "edge": "The difference quotient cannot be trusted here: a small move leaves where {root} is defined.",
}

# Why the derivative of each rule is what it is: {x} is nudged by {h}, {y} is the other operand. Two are for the two
# operands; "" is for the rows that have none of their own.
REASONS: dict[str, str | list[str]] = {
    "": "Near your number the curve is almost a straight line. The derivative is the slope of that line.",
    "ADD": "Make {x} longer by {h}, and the sum is longer by {h}. One for one.",
    "SUM": "Make {x} larger by {h}, and the sum is larger by {h}. One for one.",
    "MEAN": "{x} is one of {k} numbers: of each {h} that it grows the mean gets {h} / {k}.",
    "SUB": [
        "Make {x} larger by {h}, and the difference is larger by {h}.",
        "Take away {h} more, and the result is smaller by {h}.",
    ],
    "MUL": "The result is an area. {x} longer by {h} adds a strip: {y} long, {h} wide. Its area is {y} · {h}.",
    "TRUEDIV": [
        "The result is how high an area {x} stands on a width {y}. Of {h} more area each unit gets {h} / {y}.",
        "The result is how high the area stands. On a width of {h} more the same area stands lower.",
    ],
    "DOT": "{x} stands in a product with {y}: {h} moves the sum by {y} · {h}. What bends it passes on its slope.",
    "POW": "Each of the {k} factors {x} grows by {h} in turn, and the others stay: {k} times {x}**({k} - 1) · {h}.",
    "RELU": "While {x} is above 0 the result moves along with it. Below 0 it stands still.",
    "LEAKY_RELU": "Above 0 the result moves along with {x}. Below 0 it moves by {k} of that.",
    "TANH": "Near your number the curve is almost a straight line. It is steep in the middle and flat far out.",
    "SIGMOID": "The curve goes from 0 to 1. It is steepest in the middle, where it is 1/2, and flat far out.",
    "EXP": "This curve has a special property: at each place it is as steep as it is high.",
    "LOG": "The larger {x} is, the less one more {h} counts: it is {h} / {x} of what is there.",
    "SQRT": "The curve is steep near 0 and ever flatter: to grow by as much, a large {x} needs more.",
    "NEG": "The result is {x} seen in a mirror: {h} up becomes {h} down.",
    "ABS": "Above 0 the result moves along with {x}, below 0 against it.",
    "MAXIMUM": "The larger one counts. A nudge of the other one moves nothing.",
    "MINIMUM": "The smaller one counts. A nudge of the other one moves nothing.",
}

# What the backward() of each looks like, and which line an event stands on: a key and a line, parted by |. The one
# that overwrites looks like the right one, but for {update}. The slots are those of `fill` in text.py.
_RIGHT = """\
forward|{formula}
|
init|self.grad = 0  # by Value.__init__
|
|def backward(self):
|    topo, visited = [], set()
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
    "twice": _RIGHT + "\n|\n|{root}.backward()\nagain|{root}.backward()  # and no zero_grad() between",
    "depth": """\
forward|{formula}
|
init|v.grad = 0  # by Value.__init__, for each v
|
|def backward(v):
node|    v._backward()
contribution|        {update}
children|    for child in v._prev:
enter|        backward(child)
|
seed|{root}.grad = {seed}
|backward({root})""",
    "returning": """\
forward|{formula}
|
init|v.grad = 0  # by Value.__init__, for each v
|
|def backward(v):
test|    if v not in visited:
enter|        visited.add(v)
children|        for child in v._prev:
|            backward(child)
node|        v._backward()
contribution|            {update}
|
seed|{root}.grad = {seed}
|backward({root})""",
}
