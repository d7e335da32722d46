"""`Value` in pure Python: what examples/microgpt.py runs on.

It is micrograd's, with exp and log, in the form that teaching GPTs give it: a node keeps its
operands and its local derivatives, where micrograd's keeps a closure. A closure that refers to its
own node is a cycle, which only Python's cyclic collector can free; without them such a GPT
takes a quarter of the time. backward() does not recurse, so the depth of a graph is no limit.
"""

import math


class Value:
    """A scalar, its gradient, and how it was computed."""

    __slots__ = ("_derivatives", "_prev", "data", "grad")

    def __init__(self, data, _children=(), _derivatives=()):
        self.data = data
        self.grad = 0.0
        self._prev = _children
        self._derivatives = _derivatives  # of this node with respect to each of its operands

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, k):
        return Value(self.data**k, (self,), (k * self.data ** (k - 1),))

    def relu(self):
        return Value(0.0 if self.data < 0 else self.data, (self,), (float(self.data > 0),))

    def exp(self):
        z = math.exp(self.data)
        return Value(z, (self,), (z,))

    def log(self):
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def backward(self):
        order, seen, todo = [], set(), [(self, False)]
        while todo:
            node, operands_done = todo.pop()
            if operands_done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                todo.append((node, True))
                todo += [(operand, False) for operand in node._prev]

        self.grad = 1.0
        for node in reversed(order):
            for operand, derivative in zip(node._prev, node._derivatives):
                operand.grad += derivative * node.grad

    def __neg__(self):
        return self * -1.0

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return other + (-self)

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return other * self**-1

    def __repr__(self):
        return f"Value(data={self.data}, grad={self.grad})"
