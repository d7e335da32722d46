"""Right uses: neither mypy --strict nor pyright may report a line, and all of it runs."""

# pyright: strict, reportPrivateUsage=false

from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_origin

import numpy as np

import micrograd_c as mg
from micrograd_c import Value, nn, optim

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value, kind):
        assert kind is Any or isinstance(value, get_origin(kind) or kind), (value, kind)


# ---- Values ------------------------------------------------------------------------------------------------------

a = Value(2.0, label="a")
assert_type(a + 2.0, Value)
assert_type(2.0 / a, Value)
assert_type(a.data, float)
assert_type(a.grad, float)
assert_type(a < 1, bool)
a_product = a * np.float32(2)
for node in (a / Fraction(1, 2), a**2, 2**a, a**a, -a, abs(a), +a, a - True):
    assert_type(node, Value)
for node in (a.tanh(), a.leaky_relu(), a.leaky_relu(0.2), a.leaky_relu(k=0.2), a.pow(2), a.maximum(0.0), a.less(a)):
    assert_type(node, Value)
assert_type(mg.sum([a, 1.0]), Value)
assert_type(mg.mean([a, 1]), Value)
assert_type(mg.logsumexp([a, 1]), Value)
assert_type(mg.softmax([a, 1]), list[Value])
assert_type(mg.cross_entropy(mg.log_softmax([a, 1]), 0), Value)
assert_type(mg.mse([a, 1], [0.5, 1.0]), Value)
assert_type(mg.dot([a, a], (1.0, 2.0), bias=a), Value)
assert_type(mg.where(a.greater(0), lambda: a.log(), 0.0), Value)
assert_type(max(a, a), Value)
assert_type(a.detach(), Value)
assert_type(a.clip(-1, a), Value)
assert_type(a.atan2(2.0), Value)
total = sum([a, a], Value(0.0))
total.backward()
total.backward(seed=2)
a.data -= 0.1 * a.grad
a.data = 3
a.grad = np.float64(0.0)
a.note = "anything"
a.name, a.label = "b", "c"
by_hand = Value(a.data * 2, (a,), "double", label="d")
by_hand._backward = lambda: None
Value(a.data**2, (a,), (2 * a.data,))
Value(a.data**2, children=[a], local_grads=[2 * a])
assert_type(mg.topological_order(total), list[Value])


def product(x: Value, y: Value) -> Value:
    """Return a product."""
    return x * y


assert_type(mg.gradcheck(product, 1.0, a), bool)
mg.numerical_gradient(product, 1.0, a, h=1e-3)
assert_type(mg.stats().live_nodes, int)
assert_type(mg.stats().core, str)
mg.stats()["rows"]
mg.zero_grad(total)
f"{a:.2f} {round(a, 2)} {int(a)}"

# ---- networks ----------------------------------------------------------------------------------------------------

model = nn.MLP(2, (3, 1), activation="gelu", init="he")
assert_type(nn.Layer(2, 3, init=0.5, bias=False).count_parameters(), int)
assert_type(model.layers, list[nn.Layer])
assert_type(model.layers[0].neurons, list[nn.Neuron])
assert_type(model.layers[0].neurons[0].w, list[Value])
assert_type(model.layers[0].neurons[0].b, Value)
assert_type(model.parameters(), list[Value])
assert_type(model.state_dict(), dict[str, float])
nn.Layer(2, 3, activation="tanh", fused=False)
assert_type(nn.Neuron(2, nonlin=False)([a, 1.0]), Value)
for name, p in model.named_parameters():
    p.data += len(name) * 0.01
loss = sum(((model([0.5, x]) - 1) ** 2 for x in (1.0, a)), Value(0))
sgd = optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)
sgd.lr *= 0.5
sgd.lr = optim.cosine(0.1, 100, least=0.01)
sgd.lr = lambda t: 0.1 / (1 + t)
assert_type(sgd.lr, float)
assert_type(sgd.momentum, float)
groups = optim.RMSprop([{"params": model.parameters(), "alpha": 0.5}], lr=optim.warm_up(0.1, 10), centered=True)
groups.groups[0].alpha *= 0.5
optim.SGD([{"params": model.layers[0].parameters(), "lr": 0.1}, {"params": model.layers[1].parameters()}])
assert_type(optim.clip_grad_norm(groups.params, 1.0), float)
adam = optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=0.1)
assert_type(adam.betas, tuple[float, float])
assert_type(adam.params, tuple[Value, ...])
adam.load_state_dict(adam.state_dict())
adam.zero_grad()
loss.backward()
adam.step()


class Own(nn.Module):
    """A module of the user's."""

    def __init__(self) -> None:
        self.scale = Value(1.0)

    def __call__(self, x: Value) -> Value:
        return self.scale * x

    def parameters(self) -> list[Value]:
        return [self.scale]


assert_type(Own()(a), Value)

# ---- programs ----------------------------------------------------------------------------------------------------

X, y = np.ones((4, 2)), np.ones(4)


@mg.jit
def f(x: list[Value], y: Value) -> Value:
    """Return a loss."""
    return mg.sum(x) * model.layers[0].neurons[0].b - y


assert_type(f.backward(X, y, reduce="mean", weights=y), float)
assert_type(f.backward(X, y=y), float)
assert_type(f.backward(x=X, y=y, reduce="mean"), float)
f(X, y).sum()
f(X, y=y)
f(x=X, y=y)
f([[1.0, 2.0]], [1.0])
f(X, 1.0)
f(X, Fraction(1, 2))
values, (by_x, by_y) = f.value_and_gradient(X, y)
values.sum()
f.gradient(X, y)
assert_type(f.program(X, y).nodes, int)
print(f.program(X, y).listing, f.program(X, y).parameters[0].grad)
f.retrace()


@mg.jit
def square(x: Value) -> Value:
    """Return a square."""
    return x * x


assert_type(square(2.0), float)
assert_type(square(2), float)
assert_type(square.gradient(2.0), float)
assert_type(square.value_and_gradient(2.0), tuple[float, float])
square(y).mean()
square.gradient(y).mean()
square.gradient(y, per_sample=True)
square.hessian(y, argnums=0)
f.jacobian(X, y, argnums=(0, 1))
value, tangent = square.jvp((y,), (y,))
value, (cotangent,) = square.vjp((y,), y)
square.hvp((y,), (y,))
mg.jit(model)(X)
mg.jit(lambda a, b: a * b)(1.0, 2.0)


@mg.jit
def with_default(x: Value, k: Value | float = 1.0) -> Value:
    """Take one argument or two."""
    return x * k


with_default(1.0)
with_default(1.0, 2.0)
with_default(X[:, 0], k=2.0).mean()


@mg.jit
def of_any(*xs: Value) -> Value:
    """Take any number of arguments."""
    return mg.sum(xs)


of_any(1.0)
of_any(1.0, 2.0, 3.0, 4.0, 5.0)


@mg.jit
def several(x: Value, y: Value) -> tuple[Value, dict[str, Value]]:
    """Return a structure."""
    return x + y, {"product": x * y}


one, rest = several(1.0, 2.0)
print(rest["product"] + one)


class Holder:
    """Has a program as a method."""

    @mg.jit
    def product(self, x: Value, y: Value) -> Value:
        """Return a product."""
        return x * y


Holder().product(1.0, 2.0)
Holder().product(y, y=y).mean()


@mg.jit(in_axes=(None, 0))
def in_one_direction(w: list[Value], x: list[Value]) -> Value:
    """Return a product with a vector that is the same for all samples."""
    return mg.dot(w, x)


in_one_direction([1.0, 2.0], X).mean()
mg.jit(product, in_axes=0)(y, y).mean()


@mg.jit
def in_this_way(x: list[Value], way: str, part: bool, top: str | None) -> Value:
    """Take arguments that are static by their type."""
    return x[0] if part else mg.sum(x)


in_this_way(X, "first", True, None).mean()
in_this_way.gradient(X, "first", part=False, top="end")
in_this_way.backward(X, "first", True, top=None, reduce="mean")


@mg.jit(static_argnames=("n", "way"))
def power(x: Value, n: int, *, way: str = "last") -> Value:
    """Take arguments that are static by their name."""
    return mg.sum([x] * n) if way == "sum" else x**n


power(y, 3, way="sum").mean()
power.program(y, 3, way="sum")
power.hessian(y, n=3)
mg.jit(in_this_way, static_argnames="way", in_axes=None)([1.0, 2.0], way="first", part=True, top=None)
mg.set_threads(2)

# ---- derivatives that can be differentiated again

assert_type(mg.grad(total, total), Value)
assert_type(mg.grad(total, [total, Value(1.0)], create_graph=True), list[Value])
mg.grad(mg.grad(product, argnums=1))(2.0, 1.0)
mg.jit(mg.grad(product, (0, 1)))
mg.value_and_grad(product, argnums=0)(0.5, 2.0)

# ---- pictures ----------------------------------------------------------------------------------------------------

assert_type(mg.draw(total).svg(), str)
assert_type(mg.explain(total, names={}).text(), str)
