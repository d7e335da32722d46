"""The words of an explanation, in its text and in its page."""

from __future__ import annotations

__all__ = ["CODE", "PHASES", "PHRASES"]

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

# The sentence of each kind of event. The page's script fills in the same ones.
PHRASES = {
    "leaf": "{z} = {value}",
    "operation": "{z} = {formula} = {numbers} = {value}",
    "stale": "{z} = {value}: its data was assigned; {formula} would give {expected}",
    "opaque": "{z} = {formula} = {value}",
    "children": "{z} was computed from {operands} by {op}",
    "no-children": "{z} is a leaf: it was computed from nothing",
    "enter": "visit {z}: not visited yet, so add it to visited",
    "skip": "visit {z}: already visited, skip",
    "append": "append {z} to topo: [{topo}]",
    "order": "reversed(topo) = [{topo}]",
    "zero": "every gradient is 0 before it begins",
    "seed": "{z}.grad = {seed}",
    "node": "{z} passes its gradient {upstream} on to {operands}",
    "leaf-node": "{z} is a leaf: it has nothing to pass on",
    "first": "{x}.grad += {z}.grad * d{z}/d{x} = {upstream} * {local} = {contribution}",
    "more": "{x}.grad += {z}.grad * d{z}/d{x} = {before} + {upstream} * {local} = {after}",
    "closure": "{x}.grad += {contribution}, by the _backward of {z}: {before} + {contribution} = {after}",
    "gradient": "d{root}/d{z} = {z}.grad = {gradient}",
}

# What micrograd's own backward() looks like, and which line an event stands on.
CODE = [
    ("forward", "{formula}"),
    ("", ""),
    ("", "def backward(self):"),
    ("init", "    topo, visited = [], set()"),
    ("", "    def build_topo(v):"),
    ("test", "        if v not in visited:"),
    ("enter", "            visited.add(v)"),
    ("children", "            for child in v._prev:"),
    ("", "                build_topo(child)"),
    ("append", "            topo.append(v)"),
    ("", "    build_topo(self)"),
    ("seed", "    self.grad = 1"),
    ("order", "    for v in reversed(topo):"),
    ("node", "        v._backward()"),
    ("contribution", "            {update}"),
]
