"""Scalar classes as scripts write their own, and what such scripts do with them."""

# With closures, as lectures and the article have it.
CLOSURES = '''
import math

class Value:
    """A number that knows which numbers it came from."""

    def __init__(self, data, _children=(), _op='', label=''):
        self.data = data
        self.grad = 0.0
        self._backward = lambda: None
        self._prev = set(_children)
        self._op = _op
        self.label = label

    def __repr__(self):
        return f"Value(data={self.data:.6f}, grad={self.grad:.6f})"

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        total = Value(self.data + other.data, (self, other), '+')
        def push():
            self.grad += total.grad
            other.grad += total.grad
        total._backward = push
        return total

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        product = Value(self.data * other.data, (self, other), '*')
        def push():
            self.grad += product.grad * other.data
            other.grad += product.grad * self.data
        product._backward = push
        return product

    def __pow__(self, k):
        assert isinstance(k, (int, float)), "k must be a number"
        power = Value(self.data ** k, (self,), f'**{k}')
        def push():
            self.grad += k * self.data ** (k - 1) * power.grad
        power._backward = push
        return power

    def relu(self):
        kept = Value(0 if self.data < 0 else self.data, (self,), 'ReLU')
        def push():
            self.grad += (kept.data > 0) * kept.grad
        kept._backward = push
        return kept

    def tanh(self):
        t = math.tanh(self.data)
        squashed = Value(t, (self,), 'tanh')
        def push():
            self.grad += (1 - t * t) * squashed.grad
        squashed._backward = push
        return squashed

    def exp(self):
        grown = Value(math.exp(self.data), (self,), 'exp')
        def push():
            self.grad += grown.data * grown.grad
        grown._backward = push
        return grown

    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v._prev:
                    visit(child)
                order.append(v)
        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()

    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __sub__(self, other): return self + (-other)
    def __rsub__(self, other): return other + (-self)
    def __rmul__(self, other): return self * other
    def __truediv__(self, other): return self * other ** -1
    def __rtruediv__(self, other): return other * self ** -1
'''

# With local derivatives and slots, as teaching GPTs have it.
SLOPES = """
import math

class Value:
    __slots__ = ('data', 'grad', '_children', '_local_grads')

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0
        self._children = children
        self._local_grads = local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, k): return Value(self.data ** k, (self,), (k * self.data ** (k - 1),))
    def log(self): return Value(math.log(self.data), (self,), (1 / self.data,))
    def exp(self): return Value(math.exp(self.data), (self,), (math.exp(self.data),))
    def tanh(self): return Value(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,))
    def relu(self): return Value(max(0, self.data), (self,), (float(self.data > 0),))
    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __sub__(self, other): return self + (-other)
    def __rsub__(self, other): return other + (-self)
    def __rmul__(self, other): return self * other
    def __truediv__(self, other): return self * other ** -1
    def __rtruediv__(self, other): return other * self ** -1

    def backward(self):
        order, seen = [], set()
        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v._children:
                    visit(child)
                order.append(v)
        visit(self)
        self.grad = 1
        for v in reversed(order):
            for child, slope in zip(v._children, v._local_grads):
                child.grad += slope * v.grad
"""

# What the article does with its class, in numbers and steps of our own: expressions, then a neuron that learns.
EXPRESSIONS = """
import random
a, b = Value(2.0), Value(-3.0)
c = a * b + b
d = c ** 2 + 2 * a - b / 4 + (1 - a) * 3 + 1 / b + (-a).relu() + b.relu()
e = (d / 100).tanh() * (b / 10).exp()
for root in (c, e, e):
    root.backward()
    print(*(f"{x.data:.9f} {x.grad:.9f}" for x in (a, b, c, d, e)))

random.seed(3)
weights = [Value(random.uniform(-1, 1)) for _ in range(3)]
samples = [((random.gauss(0, 1), random.gauss(0, 1)), random.choice((-1.0, 1.0))) for _ in range(6)]
for step in range(8):
    errors = []
    for (x, y), wanted in samples:
        out = (weights[0] * x + weights[1] * y + weights[2]).tanh()
        errors.append((out - wanted) ** 2)
    loss = sum(errors) / len(errors)
    for w in weights:
        w.grad = 0
    loss.backward()
    for w in weights:
        w.data -= 0.1 * w.grad
    print(step, loss.data, *(w.data for w in weights))
print(random.random())
"""
