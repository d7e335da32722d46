"""Wrong lines: mypy --strict and pyright report each of them, or the comment that expects it is reported itself.

Each line from the mark on raises when it runs, or what it makes does.
"""

import micrograd_c as mg
from micrograd_c import Value, nn, optim

a = Value(2.0)
layer = nn.Layer(2, 2)
sgd = optim.SGD(layer.parameters(), lr=0.1)


@mg.jit
def f(x: Value, y: Value) -> Value:
    """Return a product."""
    return x * y


# ---- each line is wrong
a.relo()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
a.item()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
a.tanh(2.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
a.maximum()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
a + "1"  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
a.data = "1"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
Value("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mg.sum(a)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mg.tanh(a)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
mg.stats().live_node  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
nn.MLP(2, [3, 1], activaton="tanh")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
nn.MLP(2, [1], init="glorot")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
nn.MLP(2, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
nn.Neuron(2, activation="rel")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
nn.Layer(2, 2, activation="rel")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
nn.Layer(2, 2, nonlinear=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
layer([1.0, 2.0], 3.0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
layer.neurons[0].bias  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
optim.SGD(lr=0.1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
optim.SGD(layer, lr=0.1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
optim.Adam(layer.parameters(), learning_rate=0.1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
sgd.lr = "fast"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
sgd.moment  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
f(1.0, 2.0, 3.0)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
f("1", 2.0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
f.backward([1.0], [2.0], reduce="max")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
f.grad(1.0, 2.0)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
mg.jit(a)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
mg.jit(f, static_argnames=1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
mg.jit(f, static_args="y")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
mg.grad(3.0)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
mg.grad(f, a)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
