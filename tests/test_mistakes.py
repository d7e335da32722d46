"""Typical mistakes: the message names what was given, what is expected and the remedy, on both cores alike."""

import importlib
import inspect
import math
import re
import sys
from array import array

import pytest
from support import nothing_left_behind

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, Value, losses, optim, plot

numpy = pytest.importorskip("numpy")

# ---- values that have no text of their own: more digits than Python prints, or a __repr__ that fails -------------


class Mute(float):
    def __repr__(self):
        raise RuntimeError("no text")

    __str__ = __repr__


class Count(int):
    __repr__ = __str__ = bit_length = Mute.__repr__


MUTE = {
    "count": Count(-3),
    "huge": 10**5000,
    "negative": -(10**5000),
    "(huge,)": (10**5000,),
    "[huge]": [10**5000],
    "mute": Mute(-2.0),
}
MUTE["[mute]"] = [Mute(2.0)]


def jitted(x):
    return x * x


CALLS = """
Value(1.0, (v,), x)|Value(1.0, x)|Value(1.0, (x,))|Value(1.0, (v,), x, local_grads=(1.0,))
setattr(Value(1.0), "_prev", x)|v + x|x / v|v**x|Value(-1.5) ** x|v.maximum(x)|v.leaky_relu(x)|v.backward(x)
mg.sum([v, x])|mg.dot([v], x)|mg.mse([v], [x])|mg.cross_entropy([v, v], x)|mg.gradcheck(lambda a: x, 1.0)
mg.numerical_gradient(abs, 1.0, h=x)|mg.gradcheck(abs, 1.0, eps=x)
mg.grad(jitted, x)(1.0)|mg.grad(jitted, (x,))(1.0)|mg.grad(lambda a, flag: a, 1)(1.0, x)
mg.jit(jitted, in_axes=x)|mg.jit(jitted, in_axes=(x,))(numpy.ones(3))
mg.jit(jitted, in_axes=(x,))(3.0)|mg.jit(jitted, static_argnames=x)|mg.jit(jitted, static_argnames=(x,))
mg.jit(lambda a, b: a, static_argnames="b").jacobian(1.0, x, argnums=1)
mg.jit(lambda a, b: a, static_argnames="b")(1.0, x)
f(x)|f([x])|f.backward([1.0], reduce=x)
f.backward([1.0], weights=[x])|f.jacobian(1.0, argnums=x)
f.hessian(1.0, argnums=(x,))|f.hessian([[1.0]], argnums=x, sparse=True)|f.jvp((1.0,), x)
f.hvp((1.0,), (1.0,), wrt=x)|mg.jit(lambda a: (a, a)).vjp((1.0,), x)|mg.jit(lambda a: {x: a}).vjp((1.0,), [1.0])
importlib.import_module("micrograd_c.jit").set_threads(-abs(x))
Neuron(2, activation=x)|Neuron(2, init=x)|Neuron(-abs(x))|Neuron(1)(x)
MLP(2, x) if type(x) is Mute else None|MLP(2, [1])(x)
MLP(2, [1])([x, 1.0])|MLP(2, [1], fused=False)([x, 1.0])|[n := Neuron(2), setattr(n, "w", x), n([1.0, 2.0])]
model.load_state_dict({x: 1.0})|optim.SGD([v]).load_state_dict({x: 1.0})
optim.SGD([v], lr=x)|optim.Adam([v], betas=x)|optim.Adam([v], betas=(x, 0.5))|optim.SGD([{"params": [v], "lr": x}])
optim.SGD([v], lr=lambda t: x).step()|optim.cosine(x, 10)|optim.cosine(0.1, x)|optim.clip_grad_norm([v], x)
optim.SGD([v]).load_state_dict({**optim.SGD([v]).state_dict(), "steps": x})|mg.draw(v, theme=x)
"""


@pytest.mark.filterwarnings("ignore:a neuron of")
@pytest.mark.parametrize("call", [call for line in CALLS.strip().splitlines() for call in line.split("|")])
def test_an_error_tells_what_is_wrong_of_values_that_have_no_text_too(call):
    v, model, f = Value(2.0), MLP(1, [1]), mg.jit(jitted)
    for x in MUTE.values():
        try:
            eval(call, {**globals(), "v": v, "model": model, "f": f, "x": x})
        except Exception as error:
            assert "no text" not in str(error) and "Exceeds the limit" not in str(error) and len(str(error)) < 600


def test_two_numbers_in_place_of_a_list_are_told_of_in_a_traced_model_too():
    with pytest.raises(TypeError, match=r"the inputs must be one list, not 2 .* f\(\[\[1.0, 2.0\]\]\)"):
        mg.jit(MLP(2, [1]))(1.0, 2.0)
    with pytest.raises(TypeError, match=r"def loss\(x, y\): .*; reduce= is given by name"):
        mg.jit(MLP(2, [1])).backward([[1.0, 2.0]], "mean")


def whole_batch(xs, ys):
    model = MLP(2, [1])
    return mg.mse([model(x) for x in xs], ys)


@pytest.mark.parametrize("f", [whole_batch, lambda x, y: mg.mse(x[0], y)])
def test_the_loss_of_a_whole_batch_is_told_to_be_a_mean_over_samples(f):
    with pytest.raises(TypeError, match=r"; of a batch .*f\.backward\(X, reduce='mean'\) is the mean$"):
        mg.jit(f)([[1.0, 2.0], [3.0, 4.0]], [1.0, 0.0])


@pytest.mark.parametrize("f", [lambda x: x * x, lambda x: Value(2.0) * x, lambda x: x.tanh(), mg.grad(jitted)])
@pytest.mark.parametrize("derivative", [mg.grad, mg.value_and_grad])
def test_a_batch_for_grad_is_told_to_be_one_for_jit(f, derivative):
    with pytest.raises(
        (TypeError, AttributeError), match=r"of a batch write mg.jit\(mg.grad\(f\)\)\(X\)$"
    ) as caught:
        derivative(f)([1.0, 2.0])
    assert str(caught.value).count("of a batch") == 1
    mg.jit(derivative(f))([1.0, 2.0])


def unpacking(x):
    one, two = x
    return one * two


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: sum(x), "'TracedValue' object is not iterable: "),
        (lambda x: x[0] * x[1], "'TracedValue' object is not subscriptable: "),
        (lambda x: x[0] * 2 / len(x), "'TracedValue' object is not subscriptable: "),
        (lambda x: 1 / len(x), r"object of type 'TracedValue' has no len\(\): "),
        (lambda x: mg.sum(x), "values must be a list of Values, not TracedValue: "),
        (lambda x: mg.dot(x, x), "ws must be a list of Values, not TracedValue: "),
        (unpacking, "TracedValue.*: "),
    ],
)
def test_one_sample_as_a_list_is_told_to_be_a_batch(f, words):
    told = rf"{words}to jit a list is a batch: pass one sample as \[\[\.\.\.\]\].* of a batch.* is the mean"
    with pytest.raises(TypeError, match=told):
        mg.jit(f)([1.0, 2.0])
    assert mg.jit(lambda x: x[0] + x[1])([[1.0, 2.0]]) == 3.0


@pytest.mark.parametrize("f", [lambda x: x * x, lambda x: x - 1, lambda x: x.tanh(), lambda x: -x], ids=range(4))
def test_a_row_of_a_batch_is_told_to_be_a_list(f):
    X = numpy.ones((3, 1))
    with pytest.raises((TypeError, AttributeError), match=r"list.*: of a batch of shape \(N, k\) .*x\[0\] is one"):
        mg.jit(f)(X)
    assert mg.jit(lambda x: f(x[0]))(X).tolist() == mg.jit(f)(X[:, 0]).tolist()


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: (x - y) ** 2,
        lambda x, y: (y - x) ** 2,
        lambda x, y: y.maximum(x),
        lambda x, y: mg.where(y.greater(0), x, y),
        lambda x, y: mg.mse([x], [y]),
        lambda x, y: mg.sum([y, x]),
        lambda x, y: Value(x) * y,
    ],
)
def test_a_row_that_an_operator_gets_is_told_to_be_a_list(f):
    X, y = numpy.ones((3, 1)), numpy.ones(3)
    row = r"not list: of a batch of shape \(N, k\) the function gets lists of k Values: x\[0\] is one, X\[:, 0\] a"
    for kwargs in ({}, {"x": X}):
        with pytest.raises(TypeError, match=row):
            mg.jit(f)(*[X][len(kwargs) :], y=y, **kwargs)
    with pytest.raises(TypeError, match=r"\[x \* q for q in \.\.\.\]$"):  # a list of the user's own
        mg.jit(lambda x, y: y * [1.0])(X, y)
    with pytest.raises(TypeError, match=r"\[x \* q for q in \.\.\.\]$"):
        mg.jit(lambda t, y: y * t, static_argnames="t")((1.0, 2.0), y)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda v, y: mg.mse(v, [y]), "predictions .* TracedValue: write"),
        (lambda v, y: mg.mse([v], y), r"targets .* TracedValue: to jit .* as \[\[\.\.\.\]\], or write"),
        (lambda v, y: mg.sum(y), "values .*, or write"),
        (lambda v, y: mg.dot([v], y), "xs .*, or write"),
        (lambda v, y: mg.softmax(v * y)[0], "logits .* TracedValue: write"),
    ],
)
def test_what_is_one_value_of_a_sample_is_told_to_stand_in_a_list(f, words):
    with pytest.raises(TypeError, match=rf"^{words} \[v, \.\.\.\]; of a batch the function gets one sample"):
        mg.jit(lambda x, y: f(x[0] * x[1], y))(numpy.ones((3, 2)), numpy.ones(3))


def test_an_error_of_a_traced_function_that_is_the_users_own_stays_as_it_is():
    with pytest.raises(TypeError, match=r"^object of type 'int' has no len\(\)$"):
        mg.jit(lambda x: x * len(3))(1.0)


class ListError(TypeError):
    """One of the user's, with two arguments."""

    def __str__(self):
        return f"the 'list' TracedValue is not iterable: {self.args[1]}"


def raising(error):
    raise error


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: raising(ListError(3, "left")), "left$"),
        (lambda x: raising(TypeError("a list of mine")), "^a list of mine$"),
        (lambda x: mg.mean(3.0), r"^values must be a list of Values, not float: write \[v, ...\]$"),
        (lambda x: Value([x, x]), r"^data must be a number, not list: .*\]$"),
    ],
)
@pytest.mark.parametrize("sample", [[[1.0, 2.0]], [1.0, 2.0]], ids=["rows", "numbers"])
def test_an_error_of_a_function_of_rows_that_has_its_own_words_keeps_them(f, words, sample):
    with pytest.raises(TypeError, match=words) as caught:
        mg.jit(f)(sample)
    assert caught.type is TypeError or caught.value.args == (3, "left")


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: [x for _ in range(x)], r"counted with.*write mg.jit\(f, static_argnames='n'\)"),
        (lambda x: [1.0, 2.0][x], r"used as an index.*write mg.jit\(f, static_argnames='n'\)"),
        (lambda x: int(x), r"turned into an int.*x.floor\(\) is a whole number"),
        (lambda x: math.floor(x), r"math.floor\(\) of a Value.* Write x.floor\(\)\.$"),
        (lambda x: math.ceil(x), r"math.ceil\(\) of a Value.* Write x.ceil\(\)\.$"),
        (
            lambda x: math.trunc(x),
            r"math.trunc\(\) of a Value.* Write mg.where\(x.less\(0\), x.ceil\(\), x.floor\(\)\)",
        ),
        (lambda x: round(x), r"A Value is rounded.* Write \(x \+ 0.5\).floor\(\),"),
        (lambda x: mg.draw(x * 2), r"The graph below a Value is asked for.*print\(f.program\(...\)\)"),
        (lambda x: (x * 2).zero_grad(), r"The graph below a Value is asked for.*print\(f.program\(...\)\)"),
    ],
)
def test_what_a_trace_refuses_has_a_remedy_that_fits(f, words):
    with pytest.raises(mg.TracingError, match=f"(?s){words}"):
        mg.jit(f)(2.0)


@pytest.mark.parametrize(
    ("f", "remedy"),
    [
        (math.floor, lambda x: x.floor()),
        (math.ceil, lambda x: x.ceil()),
        (math.trunc, lambda x: mg.where(x.less(0), x.ceil(), x.floor())),
        (round, lambda x: (x + 0.5).floor()),
        (lambda x: round(x, 2), lambda x: (x * 100 + 0.5).floor() / 100),
    ],
)
def test_what_is_named_instead_of_a_function_of_whole_numbers_computes_the_same(f, remedy):
    numbers = [-1.624, -0.4, 0.3, 2.0, 2.626]
    assert [*mg.jit(remedy)(numpy.array(numbers))] == [f(x) for x in numbers]


@pytest.mark.parametrize("k", [-0.5, 0.0, 2.0])
def test_what_is_named_instead_of_a_plain_number_gives_a_gradient_to_a_value_too(k):
    for x in (-2.0, 0.0, 3.0):
        plain, leaf, slope = Value(x), Value(x), Value(k)
        mg.where(leaf.greater(0), leaf, slope * leaf).backward()
        plain.leaky_relu(k).backward()
        assert (leaf.grad, slope.grad) == (plain.grad, min(x, 0.0))
    with pytest.raises(TypeError, match=r"write mg.where\(x.greater\(0\), x, k \* x\)$"):
        mg.jit(leaf.leaky_relu)(k)
    with pytest.raises(TypeError, match=r"write x \*\* k, or x.power\(k\)$"):
        mg.jit(lambda x: x.pow(x))(k)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mg.grad(lambda x: None)(1.0), r"<lambda> returns NoneType: is its `return` missing\?"),
        (lambda: mg.grad(lambda x: [x])(1.0), r"<lambda> returns list: mg.jit\(f\).jacobian\(x\) has"),
        (lambda: mg.jit(lambda x: None)(1.0), r"must return Values, .*NoneType: is a `return` missing\?"),
        (lambda: mg.gradcheck(lambda x: x.data, 1.0), "a Value, not float, 1.0: return the Value itself, not its"),
        (lambda: mg.gradcheck(lambda x: [x], 1.0), "a Value, not list, .*: one Value alone has a gradient"),
        (
            lambda: mg.jit(lambda x: numpy.exp(x))([[1.0, 2.0]]),
            r"must return Values, .*ndarray: write a.tolist\(\)",
        ),
        (lambda: mg.gradcheck(lambda x: None, 1.0), r"a Value, not NoneType, None: is its `return` missing\?"),
    ],
)
def test_a_function_that_returns_no_value_is_told_what_to_return(call, words):
    with pytest.raises(TypeError, match=words):
        call()


@pytest.mark.parametrize(
    ("f", "words", "remedy"),
    [
        (lambda x: (x > 0) & (x < 2), r"a \* b of conditions", lambda x: (x > 0) * (x < 2)),
        (lambda x: (x > 0) | (x < -2), r"a.maximum\(b\) of conditions", lambda x: (x > 0).maximum(x < -2)),
        (lambda x: ~x.less(0), "1 - a of a condition", lambda x: 1 - x.less(0)),
        (lambda x: x // 0.7, r"\(x / y\).floor\(\)", lambda x: (x / 0.7).floor()),
        (lambda x: 2.5 % x, r"x - y \* \(x / y\).floor\(\)", lambda x: 2.5 - x * (2.5 / x).floor()),
        (lambda x: not x > 0, r"1 - a for `not a`\.", lambda x: 1 - (x > 0)),
    ],
)
def test_an_operator_that_values_do_not_have_is_answered_with_one_that_they_have(f, words, remedy):
    with pytest.raises((TypeError, mg.TracingError), match=f"(write |and ){words}$"):
        mg.jit(f)(2.0)
    for x in (-3.0, -1.0, 1.5, 2.0):
        expected = x >= 0 if "of a condition" in words else f(x)
        assert mg.jit(remedy)(x) == pytest.approx(float(expected))


def test_a_value_as_argument_is_told_to_be_read():
    w = Value(3.0)
    with pytest.raises(TypeError, match="which no gradient flows; a parameter is read by the function"):
        mg.jit(lambda w, x: w * x).backward(w, 2.0)
    mg.jit(lambda x: w * x).backward(2.0)
    assert w.grad == 2.0


def test_the_remedy_for_a_value_as_argument_keeps_its_gradient():
    square = mg.jit(lambda x: x * x)
    with pytest.raises(TypeError, match=r"call the function without jit, f\.__wrapped__\(v\), or"):
        mg.grad(lambda x: square(x) * x)(2.0)
    assert mg.grad(lambda x: square.__wrapped__(x) * x)(2.0) == 12.0


def test_a_traced_value_is_not_said_to_have_a_number():
    with pytest.raises(
        AttributeError, match=r"no attribute 'item': while jit traces it has no number: compute with"
    ):
        mg.jit(lambda x: x.item())(2.0)


@pytest.mark.parametrize("text", ["0", "x", "\u00b2", " 2 "])  # the third is a digit to Python, and no number
def test_a_wrong_number_of_threads_in_the_environment_is_told(text, monkeypatch):
    monkeypatch.setenv("MICROGRAD_C_THREADS", text)
    with pytest.raises(ValueError, match=f"MICROGRAD_C_THREADS={text}: it must be a whole number, 1 or more"):
        importlib.import_module("micrograd_c.jit")._default_threads()


def test_no_network_of_no_inputs_is_recommended():
    with pytest.warns(UserWarning, match=r"2 of the weights are not used, as in micrograd. Pass 2 inputs\.$"):
        Neuron(2)([])
    with pytest.warns(UserWarning, match=r"Pass 1 input, or make the network for 2\.$"):
        Neuron(1)([1.0, 2.0])


@pytest.mark.parametrize("digits", [1000, 5000])
def test_a_huge_number_is_told_by_its_size(digits):
    """Python before 3.10.7 prints more than 4,300 digits too."""
    number = 10**digits
    with pytest.raises(
        ValueError, match=rf"lr must be finite, 0\.0 or more, not <int of {number.bit_length()} bits>"
    ):
        optim.SGD([Value(1.0)], lr=number)


MODULES = {"mg": "micrograd_c", "mg.engine": "micrograd_c.engine", "mg.nn": "micrograd_c.nn"}
MISTAKES = {
    # a root that is no Value
    "mg.zero_grad(3)": "TypeError: a Value is needed here, not int: .*the loss",
    "mg.zero_grad([v, w])": "TypeError: a Value is needed here, not list: .*mg.sum(values)",
    "mg.zero_grad(model)": "TypeError: a Value is needed here, not MLP: .*zero_grad() is for its parameters",
    "mg.topological_order(3)": "TypeError: a Value is needed here, not int: .*the loss",
    "mg.topological_order([v])": "TypeError: a Value is needed here, not list: .*mg.sum(values)",
    "mg.topological_order(None)": "TypeError: a Value is needed here, not NoneType: .*the loss",
    "mg.draw(v.data)": "TypeError: a Value is needed here, not float: .*the Value itself, and not its data",
    "mg.explain(mg.jit(model)([[1.0, 2.0]]))": "TypeError: a Value is needed here, not ndarray: .*mg.jit.*no graph",
    "mg.zero_grad('v')": "TypeError: a Value is needed here, not str: .*the loss",
    "mg.draw(3)": "TypeError: a Value is needed here, not int: .*the loss",
    "mg.explain(model)": "TypeError: a Value is needed here, not MLP: .*a call of it",
    # one Value, or none, where a list is expected
    "mg.sum(v)": "TypeError: values must be a list of Values, not Value: write [v, ...]",
    "mg.sum(v, w)": "TypeError: values must be a list of Values, not Value: write [v, ...]",
    "mg.mean(3)": "TypeError: values must be a list of Values, not int: write [v, ...]",
    "mg.draw(v, model=3)": "TypeError: model must be a list of Values, not int: write [v, ...]",
    "mg.sum([v, 'a'])": "TypeError: item 1 must be a number, not str",
    "mg.sum([v], [w])": "TypeError: item 0 of start and values must be a number, not list",
    "mg.dot([v], ['a'])": "TypeError: item 0 of xs must be a number, not str",
    "mg.dot([v], [w], bias='a')": "TypeError: item 1 of ws and bias must be a number, not str",
    "mg.sum(model)": "TypeError: values must be a list of Values, not MLP: pass its parameters()",
    "mg.mean(model.parameters)": "TypeError: values must be a list of Values, not method: pass what it returns",
    "mg.dot(v, w)": "TypeError: ws must be a list of Values, not Value: write [v, ...]",
    "mg.dot([v], w)": "TypeError: xs must be a list of Values, not Value: write [v, ...]",
    "Value(1.0, 'a')": "TypeError: _children must be Values, not str: label='a' gives a name",
    "Value(1.0, children=[2.0])": "TypeError: children must be Values, not float: 2.0",
    "Value(1.0, (v,), local_grads=3)": "TypeError: local_grads must be the local derivatives.*not int: 3",
    "Value(1.0, v)": "TypeError: _children must be a list of Values, not Value: write [v, ...]",
    # several numbers where one is expected
    "Value(1.0, children=None)": "TypeError: children must be a list of Values, not NoneType: write [v, ...]",
    "Value(1.0, (v,), children=0)": "TypeError: children and _children are two names of one argument",
    "Value([1.0, 2.0])": "TypeError: data must be a number, not list: .*[Value(x) for x in ...]",
    "Value(array('d', [1.0, 2.0]))": "TypeError: data must be a number, not array: .*[Value(x) for x in ...]",
    "Value(numpy.ones(3))": "TypeError: data must be a number, not ndarray: .*[Value(x) for x in ...]",
    "Value(x for x in [1.0])": "TypeError: data must be a number, not generator: .*[Value(x) for x in ...]",
    "v + {1.0: 2.0}.values()": "TypeError: the right operand of +.*not dict_values: .*[x + q for q in ...]",
    # operands that are no numbers
    "v * '3'": "TypeError: the right operand of *.*Value or a number, not str.*float('3')",
    "'3' * v": "TypeError: the left operand of *.*Value or a number, not str.*float('3')",
    "'3' + v": "TypeError: the left operand of +.*not str",
    "v + [1.0, 2.0]": "TypeError: the right operand of +.*not list.*[x + q for q in ...]",
    "(1.0,) + v": "TypeError: the left operand of +.*not tuple.*[q + x for q in ...]",
    "v - None": "TypeError: the right operand of -.*not NoneType",
    "None / v": "TypeError: the left operand of /.*not NoneType",
    "v ** '2'": "TypeError: the right operand of **.*not str.*float('2')",
    "b'2' ** v": "TypeError: the left operand of **.*not bytes",
    "v * 1j": "TypeError: the right operand of *.*not complex.*.real",
    "v * len": "TypeError: the right operand of *.*not " + type(len).__name__,
    "v.maximum('3')": "TypeError: maximum(other): other must be a Value or a number, not str.*float('3')",
    "v.minimum([1.0])": "TypeError: minimum(other): other must be.*not list.*[x.minimum(q) for q in ...]",
    "v.pow('3')": "TypeError: pow(k): k must be a plain number, not str",
    "v.pow(w)": "TypeError: pow(k): k must be a plain number, not a Value: write x ** k, or x.power(k); k.data",
    "v.leaky_relu(w)": "TypeError: leaky_relu(k): .*not a Value: write mg.where(x.greater(0), x, k * x); k.data",
    "v.pow()": "TypeError: .*missing 1 required positional argument: 'k'",
    "v.pow(2, 3)": "TypeError: Value.pow() takes ",
    "v.leaky_relu(slope=0.1)": "TypeError: .*'slope'.*Value.leaky_relu()"
    if mg.stats().core == "native" and sys.version_info < (3, 13)
    else "TypeError: Value.leaky_relu() got an unexpected keyword argument 'slope'",
    "v.leaky_relu(None)": "TypeError: leaky_relu(k): k must be a plain number, not NoneType",
    "Value(v)": "TypeError: data must be a number, not a Value: pass value.data, without its gradient, or take",
    "Value('3')": "TypeError: data must be a number, not str: .*float('3')",
    # no function where one is expected
    "mg.gradcheck(3, 1.0)": "TypeError: gradcheck takes a function and its point, gradcheck(f, 1.0), not int",
    "mg.gradcheck(v, 1.0)": "TypeError: gradcheck takes a function and its point, gradcheck(f, 1.0), not Value",
    "mg.grad(v.data, v)": "TypeError: grad takes a function, or .*not float: the Value itself, and not its data",
    # numbers that are none, or of which nothing right can come
    "mg.gradcheck(abs, v, eps='a')": "TypeError: eps must be a number, not str: pass a float or an int",
    "mg.gradcheck(abs, v, rtol=None)": "TypeError: rtol must be a number, not NoneType",
    "mg.gradcheck(abs, v, eps=0)": "ValueError: gradcheck: eps must be greater than 0, not 0.0",
    "jit_module(1)": "TypeError: jit takes a function, not int",
    # pictures, explanations, derivatives
    "mg.draw(v, names=[v])": "TypeError: names must be a dict of names and Values, as in {'a': a}, not [Value(",
    "mg.explain(v, names=3)": "TypeError: names must be a dict of names and Values, as in {'a': a}, not 3",
    "mg.draw(v, limit='a')": "ValueError: limit must be a whole number, at least 1, not 'a'",
    "mg.draw(v, limit=0)": "ValueError: limit must be a whole number, at least 1, not 0",
    "mg.explain(v, limit=1.5)": "ValueError: limit must be a whole number, at least 1, not 1.5",
    "mg.explain(v, seed='a')": "TypeError: seed must be a number, not str: pass a float or an int",
    "mg.explain(v, seed=w)": "TypeError: seed must be a number, not a Value: pass value.data",
    "mg.jit(lambda: v * w).jacobian()": "ValueError: <lambda>: argnums=0, expected none: no argument is given",
    "mg.jit(lambda: v * w).hessian(argnums=1)": "ValueError: <lambda>: argnums=1, expected none: no argument",
    # optimisers
    "optim.SGD(model)": "TypeError: params must be a list of Values, not MLP: pass its parameters()",
    "optim.SGD(MLP)": "TypeError: params must be a list of Values, not type: pass the parameters() of a model",
    "optim.SGD({'params': ps})": "TypeError: parameter 0 must be a Value, not str: .*[{'params': [v, ...]}]",
    "sgd.param_groups": "AttributeError: 'SGD' object has no attribute 'param_groups': write opt.lr = 0.1, or",
    "optim.SGD(mg.jit(model))": "TypeError: params must be .*not Function: .*or the parameters() of the model",
    "optim.SGD([computed])": "ValueError: parameter 0 was computed.*make one, Value(p.data), and compute with that",
    "optim.SGD([v, v])": "ValueError: parameter 1 is there twice: pass dict.fromkeys(params)",
    "optim.SGD([{'params': [v, w]}, {'params': [v]}])": "ValueError: parameter 2 is there twice: leave it out",
    "optim.SGD([ps])": "TypeError: parameter 0 must be a Value, not list: [p for ps in params for p",
    "optim.SGD(model.named_parameters())": "TypeError: parameter 0 must be a Value, not tuple: pass model.param",
    "MLP(2, {4, 1})": "TypeError: nouts must be a list of the sizes of the layers, not {.*}: MLP(2, [16, 1])",
    "optim.SGD([])": "ValueError: an optimizer needs at least one parameter; a class of your own has those",
    "nested.count_parameters()": "TypeError: parameter 0 must be a Value, not list: [p for ps in params for p",
    "nested.state_dict()": "TypeError: parameter 0 must be a Value, not list: [p for ps in params for p",
    "mg.draw(v, nested)": "TypeError: parameter 0 must be a Value, not list: [p for ps in params for p",
    "mg.jit(model).parameters()": "AttributeError: 'Function' object .* 'parameters': .*model.parameters(",
    "mg.jit(model).zero_grad()": "AttributeError: 'Function' object .* 'zero_grad': .*model.zero_grad(",
    "mg.jit(model).grad": "AttributeError: 'Function' object has no attribute 'grad': write f.gradient(",
    "optim.AdamW()": "TypeError: AdamW(params, lr=0.001, .*'params', as in AdamW(model.parameters())",
    "optim.SGD(ps, 0.1, 0.9, False, 0.0, 5)": "TypeError: SGD(params, lr=0.001, .*too many.*as in SGD(model.",
    "optim.SGD(ps, learning_rate=0.1)": "TypeError: SGD: argument 'learning_rate' is unknown; there are params, lr",
    "optim.SGD(ps, 0.1, weight_dacey=1)": "TypeError: SGD: argument 'weight_dacey' .*close to it is weight_decay",
    "optim.Adam(ps, beta1=0.9)": "TypeError: Adam: argument 'beta1' is unknown.*close to it is betas",
    "optim.SGD(ps, lr='0.1')": "TypeError: lr must be a number, not str: .*float('0.1')",
    "optim.SGD(ps, lr=v)": "TypeError: lr must be a number, not a Value: pass value.data",
    "optim.SGD(ps, lr=None)": "TypeError: lr must be a number, not NoneType: pass a float",
    "sgd.load_state_dict({})": "ValueError: load_state_dict: the state does not fit SGD. missing: lr, momentum, ",
    "sgd.load_state_dict({'lr': 1, 'betas': 2})": "ValueError: .*missing: momentum, .*; not in SGD: betas",
    "model.load_state_dict({'w': 1})": "ValueError: .*fit MLP. missing: layers.0.neurons.0.w.0, .*; not in MLP: w",
    "sgd.load_state_dict({**sgd.state_dict(), 'lr': -1, 'steps': 0.5, 'state': [1.0]})": "ValueError: .*fit SGD. "
    "lr must be finite, 0.0 or more, not -1; steps must be a whole number, at least 0, not 0.5; "
    "state has 1 numbers, and 9",
    "sgd.load_state_dict({**sgd.state_dict(), 'steps': 2**62})": "ValueError: .*at least 0 and below 2**62, not",
    "optim.Adam(ps).load_state_dict({**optim.Adam(ps).state_dict(), 'state': [-1e999] * 18})": "ValueError: .*fit "
    "Adam. number 9 of state must be a float, 0.0 or more, not -inf",
    # networks
    "without_weights([1.0, 2.0])": "TypeError: the weights w must be a list of Values, not int: 3",
    "MLP(2, [1], nonlin=False)": "TypeError: MLP: argument 'nonlin' is unknown; there are nin, nouts, activation,"
    ".*bias; write activation='linear'",
    "Layer(2, 1, seed=1)": "TypeError: Neuron: argument 'seed' is unknown; .*bias; .*write random.seed(1)",
    "MLP(2, [1], act='tanh')": "TypeError: MLP: argument 'act' is unknown; there are .*activation",
    "MLP(2, [1], activaton='tanh')": "TypeError: MLP: argument 'activaton' is unknown.*close to it is activation",
    "Layer(2, 1, act='tanh')": "TypeError: Neuron: argument 'act' is unknown; there are .*activation",
    "MLP(2, [1], Value.tanh)": "TypeError: activation must be a name in quotes, not tanh; there are relu,",
    "Neuron(2, biases=False)": "TypeError: Neuron: argument 'biases' is unknown; .*close to it is bias",
    "Neuron(2, nonlin='tanh')": "TypeError: nonlin must be True or False, not 'tanh': pass activation='tanh'",
    "model(1.0, 2.0)": "TypeError: the inputs must be one list, not 2 arguments: .*model([1.0, 2.0])",
    "model.layers[0](1.0, 2.0)": "TypeError: the inputs must be one list, not 2 arguments: .*model([1.0, 2.0])",
    "model.layers[0].neurons[0](*range(5))": "TypeError: the inputs must be one list, not 5 arguments: .*model([",
    "model([1.0, 2.0], [3.0, 4.0])": "TypeError: .*one list, not 2 arguments: .*[model(row) for row in rows]",
    "mg.where(v, lambda: 'x', w)": "TypeError: a of where must be a number, not str",
    "mg.where(0, v, lambda: None)": "TypeError: b of where must be a number, not NoneType",
    "mg.where(v > 2, 'x', w)": "TypeError: a of where must be a number, not str",
    "mg.where(v, 'x', w)": "TypeError: a of where must be a number, not str",
    "mg.where(None, v, w)": "TypeError: the condition of where must be .*not NoneType: write x.less(y)",
    "mg.where([v > w], v, w)": "TypeError: the condition of where must be .*not list: write x.less(y)",
    "mg.mse(v, 1.0)": "TypeError: predictions must be a list of Values, not Value: write [v, ...]",
    "mg.mse([v], 1.0)": "TypeError: targets must be a list of Values, not float: write [v, ...]",
    "mg.cross_entropy(v, 0)": "TypeError: logits must be a list of Values, not Value: write [v, ...]",
    "mg.grad(v, model)": "TypeError: .*item 0 to derive by must be a Value, not MLP: pass its parameters()",
    "mg.grad(v, MLP)": "TypeError: grad(y, [a, b]): item 0 to derive by must be a Value, not type: pass the",
    "mg.grad(model, ps)": "TypeError: .*expected an int or .*by Values that f reads mg.grad(f(x), [",
    "mg.jit(abs).vjp(1.0, 1.0)": "TypeError: .*must be a tuple of arguments, not float: write f.vjp((x, ...), ",
    "mg.vmap(abs)": "AttributeError: module 'micrograd_c' has no attribute 'vmap': write mg.jit(f)(X)",
    "mg.grad(v)": "TypeError: grad of a Value needs the Values to derive by: grad(y, a), or grad(y, [a, b])",
    "mg.draw(v, 'v.svg')": "TypeError: model must be a Module or a list of Values, not 'v.svg': .*.save(",
    "mg.explain(v, 'v.html')": "TypeError: model must be a Module or a list of Values, not 'v.html': .*.html(",
    "mg.explain(v, [1.0])": "TypeError: parameter 0 must be a Value, not float: pass model.parameters()",
    "mg.draw(v, {'w': 3})": "TypeError: parameter 0 must be a Value, not int: pass model.parameters()",
    "mg.draw(v, names={v: 'a'})": "TypeError: names must be a dict of names and Values, as in {'a': a}, not {Value",
    "mg.explain(v).what_if(v='3')": "TypeError: what_if: v must be a number, not str: .*float('3')",
    "mg.explain(v).what_if(v=w)": "TypeError: what_if: v must be a number, not a Value: pass value.data",
    "mg.explain(v).save('v.html')": "AttributeError: 'Explanation' object has no attribute 'save': write html(",
    "mg.lesson().save('x.html')": "AttributeError: 'Lesson' object has no attribute 'save': write html(",
    "mg.draw(v).show()": "AttributeError: 'Picture' object has no attribute 'show': a notebook shows it; .*save(",
    "mg.explain(v).what_if({'v': 3.0})": "TypeError: what_if takes data by name: what_if(a=2.0), or **{",
    "mg.explain(v).text({v: 3.0})": "TypeError: what_if must be a dict of numbers by name.*not {Value",
    "mg.draw(v, unfold_neurons=model.layers[0].neurons)": "TypeError: unfold_neurons[0] must be a Value.*not ReLUN",
    "mg.draw(v, unfold_neurons='all')": "TypeError: unfold_neurons[0] must be a Value that a neuron returned",
    "mg.plot.loss_curve({'train': 3.0})": "TypeError: loss_curve: 'train' must be a list of losses, not float",
    "mg.draw(v, unfold_neurons=3)": "TypeError: unfold_neurons must be True, or a list of what neurons.*not 3",
    "mg.plot.gradient_histogram(v)": "TypeError: parameters must be a list of Values, not Value: write [v, ...]",
    "mg.plot.gradient_histogram([1.0])": "TypeError: parameter 0 must be a Value, not float: pass model.param",
    # names that other libraries have
    "losses.mse_loss([v], [1.0])": "AttributeError: module .*'mse_loss': write mg.mse(predictions,",
    "mg.nn.CrossEntropyLoss()": "AttributeError: module .*'CrossEntropyLoss': write mg.cross_entropy(logits,",
    "losses.BCELoss()": "AttributeError: module .*: write x.softplus() - y * x",
    "losses.softmx([v])": "AttributeError: module .*'softmx': close to it are softmax, log_softmax",
    "mg.manual_seed(1)": "AttributeError: .*: weights are drawn by Python's random: write random.seed(1)",
    "mg.matmul([v], [w])": "AttributeError: .* 'matmul': write mg.dot(ws, xs)",
    "mg.hessian(abs)": "AttributeError: .* 'hessian': write mg.jit(f).jacobian(x)",
    "optim.StepLR(sgd, 10)": "AttributeError: .*: pass a function of the step as lr",
    "model.train()": "AttributeError: 'MLP' object has no attribute 'train': leave it out: a model has no modes",
    "model.cuda()": "AttributeError: 'MLP' object has no attribute 'cuda': leave it out: .*the processor",
    "model.predict([1.0, 2.0])": "AttributeError: 'MLP' object has no attribute 'predict': call the model itself",
    "model.layers[0].weights": "AttributeError: 'Layer' object has no attribute 'weights': .*model.parameters()",
    "model.fit([[1.0, 2.0]], [1.0])": "AttributeError: .*'fit': write the loop of opt.zero_grad(), loss.backward()",
    "v.to('cpu')": "AttributeError: 'Value' object has no attribute 'to': .*v.data",
    "v.softmax()": "AttributeError: 'Value' object has no attribute 'softmax': write mg.softmax(values)",
    "v.add_(1.0)": "AttributeError: 'Value' object has no attribute 'add_': write v.data += number",
    "v.prev": "AttributeError: 'Value' object has no attribute 'prev': .*v._prev",
    "v.item": "AttributeError: 'Value' object has no attribute 'item': .*v.data",
    "v.clone()": "AttributeError: 'Value' object has no attribute 'clone': use v itself, which no op changes",
    "v.numpy()": "AttributeError: 'Value' object has no attribute 'numpy': .*v.data",
    "v.requires_grad_(False)": "AttributeError: 'Value' object has no attribute 'requires_grad_': .*v.detach",
    "v.shape": "AttributeError: 'Value' object has no attribute 'shape': .*mg.sum(values)",
    "v.reciprocal()": "AttributeError: 'Value' object has no attribute 'reciprocal': write 1 / v",
    "mg.no_grad()": "AttributeError: module 'micrograd_c' has no attribute 'no_grad': compute with v.data",
    "mg.Adam": "AttributeError: module 'micrograd_c' has no attribute 'Adam': close to it .*optim.Adam",
    "mg.cosine(0.1, 1000)": "AttributeError: .* has no attribute 'cosine': close to it .*optim.cosine",
    "optim.lr_scheduler": "AttributeError: .*: pass a function of the step as lr",
    # names that a module does not have
    **{
        f"{module}.{name}": f"AttributeError: module '{full}' has no attribute '{name}'{remedy}"
        for module, full in MODULES.items()
        for name, remedy in {
            "Valeu": ": close to it is Value",
            "tanh": ": close to it .*v.tanh",
            "tahn": ": close to it .*v.tanh",
            "backward": ": close to it .*v.backward",
            "Tensor": ": write Value(number)",
            "Sequential": ": write MLP(",
        }.items()
    },
    # methods of the class
    "Value.tanh(3)": "TypeError: .*Value.*int",
    "Value.__add__(3, v)": "TypeError: .*Value.*int",
    # Python's own messages have the name of the class
    "v[0]": "TypeError: 'Value' object is not subscriptable",
    "v @ w": "TypeError: unsupported operand type(s) for @: 'Value' and 'Value'",
    "v < 'a'": "TypeError: '<' not supported between instances of 'Value' and 'str'",
}


class Nested(mg.Module):
    """A network whose author has forgotten that parameters() is one list."""

    def __init__(self):
        self.layers = [Layer(2, 2), Layer(2, 1)]

    def parameters(self):
        return [layer.parameters() for layer in self.layers]


@pytest.mark.parametrize(("text", "words"), MISTAKES.items(), ids=MISTAKES)
def test_the_message_of_a_mistake_names_what_was_given_and_the_remedy(text, words):
    model = MLP(2, [2, 1])
    names = {
        "mg": mg,
        "numpy": numpy,
        "array": array,
        "losses": losses,
        "optim": optim,
        "MLP": MLP,
        "Layer": Layer,
        "Neuron": Neuron,
        "Value": Value,
        "v": Value(1.0),
        "w": Value(2.0),
        "model": model,
        "nested": Nested(),
        "without_weights": Neuron(2),
        "jit_module": importlib.import_module("micrograd_c.jit"),
        "ps": model.parameters(),
    }
    names["without_weights"].w = 3
    names["computed"] = names["v"] * 2
    names["sgd"] = optim.SGD(names["ps"], lr=0.1)
    with nothing_left_behind(), pytest.raises(Exception) as caught:
        eval(text, names)
    message = f"{caught.type.__name__}: {caught.value}"
    for word in words.split(".*"):
        assert word in message
    assert message.startswith(words.partition(".*")[0])


# What takes a plain number alone, and what takes Values too.
PLAIN = """
v.backward(x)|v.leaky_relu(x)|setattr(v, "grad", x)|mg.cross_entropy([v, v], x)|mg.numerical_gradient(abs, 1, h=x)
mg.gradcheck(abs, v, eps=x)|mg.sum([v, x])|mg.explain(v, seed=x)|mg.explain(v).what_if(v=x)
optim.SGD([v], weight_decay=x)|optim.cosine(0.1, x)|optim.SGD([v], lr=lambda step: x).step()
"""
OPERANDS = {
    "Value(x)": "pass its elements one by one, as in [Value(x) for x in ...]",
    "setattr(v, 'data', x)": "pass its elements one by one, as in [Value(x) for x in ...]",
    "v + x": "compute with its elements one by one, as in [x + q for q in ...]",
    "x * v": "compute with its elements one by one, as in [q * x for q in ...]",
    "v**x": "compute with its elements one by one, as in [x ** q for q in ...]",
    "v.maximum(x)": "compute with its elements one by one, as in [x.maximum(q) for q in ...]",
}
REMEDIES = {
    "three": "pass a float or an int",
    "3": "convert it first, float('3')",
    len: "call it, and pass what it returns",
    Value(2.0).relu: "call it, and pass what it returns",
    (1.0, 2.0): "pass one number",
}


@pytest.mark.parametrize("x", REMEDIES, ids=["text", "digits", "function", "method", "tuple"])
@pytest.mark.parametrize("call", [*PLAIN.strip().replace("\n", "|").split("|"), *OPERANDS])
def test_the_remedy_for_what_is_no_number_is_one_that_can_be_taken(call, x):
    remedy = OPERANDS.get(call, REMEDIES[x]) if type(x) is tuple else REMEDIES[x]
    with pytest.raises(TypeError) as caught:
        eval(call, {**globals(), "v": Value(2.0, label="v"), "x": x})
    assert str(caught.value).endswith(f": {remedy}")


@pytest.mark.parametrize("call", ["x + y", "y + x", "y - x", "x * y", "x / y", "y**x", "x.less(y)", "x.power(y)"])
@pytest.mark.parametrize("y", [[1.0, 2.0], [Value(1.0), Value(2.0)]], ids=["numbers", "values"])
def test_the_remedy_for_an_operand_that_is_a_list_computes_with_each_item(call, y):
    x = Value(3.0)
    with pytest.raises(TypeError) as caught:
        eval(call)
    found = eval(re.search(r"\[.* for q in ", str(caught.value))[0] + "y]", {"x": x, "y": y})
    assert [v.data for v in found] == [eval(call, {"x": x, "y": q}).data for q in y]


def test_what_does_not_fit_a_large_model_is_told_in_few_names():
    model = MLP(30, [40])
    with pytest.raises(ValueError, match=r"neurons\.0\.w\.19, \.\.\. \(1240 in all\); not in MLP: a$"):
        model.load_state_dict({"a": 1.0})
    with pytest.raises(ValueError, match=r"float or an int; \.\.\. \(1240 in all\)$"):
        model.load_state_dict(dict.fromkeys(model.state_dict(), None))


@pytest.mark.parametrize("name", ["Adagrad", "sgd", "zero_grads", "steps", "backwards"])
def test_no_name_of_a_value_is_close_to_one_of_an_optimiser(name):
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'") as caught:
        getattr(optim, name)
    assert "v." not in str(caught.value)


@pytest.mark.parametrize("module", [mg, mg.engine, mg.nn, losses, optim, plot], ids=lambda module: module.__name__)
def test_a_public_name_in_the_wrong_case_or_with_a_letter_more_is_answered_with_the_right_one(module):
    for name in dir(module):
        for wrong in (name.swapcase(), name.lower(), f"{name}s"):
            if name[0] != "_" and not hasattr(module, wrong):
                with pytest.raises(AttributeError, match=rf"close to it .*\b{name}\b"):
                    getattr(module, wrong)


# What draw takes is also a list of Values, and the truth of nonlin counts, as in micrograd.
NO_FLAGS = {"Neuron.nonlin", "draw.unfold_neurons"}
FLAGS = {
    "Neuron.bias": lambda x: Neuron(2, bias=x),
    "Neuron.fused": lambda x: Neuron(2, fused=x),
    "MLP.bias": lambda x: MLP(2, [1], bias=x),
    "MLP.fused": lambda x: MLP(2, [1], fused=x),
    "SGD.nesterov": lambda x: optim.SGD([Value(1.0)], momentum=0.5, nesterov=x),
    "RMSprop.centered": lambda x: optim.RMSprop([Value(1.0)], centered=x),
    "draw.legend": lambda x: mg.draw(Value(1.0).tanh(), legend=x),
    "explain.unfold_neurons": lambda x: mg.explain(Value(1.0).tanh(), unfold_neurons=x),
    "grad.create_graph": lambda x: mg.grad((a := Value(1.0)) * a, a, create_graph=x),
    "gradient.per_sample": lambda x: mg.jit(jitted).gradient(1.0, per_sample=x),
    "jacobian.sparse": lambda x: mg.jit(jitted).jacobian(1.0, sparse=x),
    "hessian.sparse": lambda x: mg.jit(jitted).hessian(1.0, sparse=x),
}


def test_all_that_is_true_or_false_stands_in_the_table_of_flags():
    program = type(mg.jit(jitted))
    public = [getattr(x, name, None) for x in (mg, optim, plot, program) for name in dir(x) if name[0] != "_"]
    found = set()
    for x in filter(callable, public):
        try:
            parameters = inspect.signature(x).parameters.values()
        except ValueError:  # of a class of Python's, such as a dict
            continue
        found |= {f"{x.__name__}.{p.name}" for p in parameters if isinstance(p.default, bool)}
    assert found == FLAGS.keys() | NO_FLAGS


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("wrong", ["no", None, 0.5, [], Value(1.0)], ids=repr)
def test_what_is_neither_true_nor_false_is_not_taken_by_its_truth(flag, wrong):
    with pytest.raises(TypeError, match=f"{flag.partition('.')[2]} must be True or False, not "):
        FLAGS[flag](wrong)


@pytest.mark.parametrize("flag", FLAGS)
def test_numbers_and_bools_of_numpy_are_flags(flag):
    if flag.endswith("sparse"):
        pytest.importorskip("scipy")
    for right in (True, False, 1, 0, numpy.bool_(True), numpy.bool_(False)):
        FLAGS[flag](right)


@pytest.mark.parametrize("module", MODULES)
def test_a_name_that_tools_ask_a_module_for_is_answered_without_a_remedy(module):
    with pytest.raises(AttributeError, match=r"no attribute '__wrapped__'$"):
        eval(f"{module}.__wrapped__", {"mg": mg})


def test_the_class_has_its_name_and_its_module():
    assert (Value.__name__, Value.__qualname__, Value.__module__) == ("Value", "Value", "micrograd_c.engine")


def test_an_error_of_an_iterator_of_the_users_own_stays_theirs():
    class Broken:
        def __iter__(self):
            raise TypeError("not today")

    for call in (mg.sum, mg.mean, lambda x: mg.dot(x, [1.0]), lambda x: Value(1.0, x)):
        with pytest.raises(TypeError, match=r"^not today$"):
            call(Broken())


@pytest.mark.parametrize("kind", [MLP, Neuron, optim.SGD, optim.Adam])
def test_an_unknown_argument_is_answered_with_all_that_there_are(kind):
    there = [p.name for p in inspect.signature(kind).parameters.values() if p.kind != p.VAR_KEYWORD]
    with pytest.raises(TypeError, match=f"'qqq' is unknown; there are {', '.join(there)}$"):
        kind(2, [1], qqq=1)


def test_what_is_close_to_a_name_is_of_the_class_that_was_asked():
    class Own(Value):
        def squash(self):
            return self.tanh()

    for v, remedy in (
        (Own(1.0), "close to it is squash"),
        (Own(1.0) * 2, None),
        (Own(1.0), "close to it is squash"),
    ):
        with pytest.raises(AttributeError, match="no attribute 'sqash'") as told:
            v.sqash  # noqa: B018
        if mg.stats().core == "native":  # the other core leaves the words to Python
            assert str(told.value).endswith(remedy or "'sqash'")


def test_value_and_grad_of_a_value_names_itself_and_what_takes_a_value():
    with pytest.raises(
        TypeError, match=r"^value_and_grad takes a function, not Value: .* mg\.grad\(y, \[a, b\]\)$"
    ):
        mg.value_and_grad(Value(1.0))


@pytest.mark.parametrize("check", [mg.gradcheck, mg.numerical_gradient])
@pytest.mark.parametrize("point", [(1.0, 2.0), [1.0, 2.0], [0.5]])
def test_a_point_as_a_list_is_told_to_be_given_by_its_numbers(check, point):
    with pytest.raises(TypeError, match=rf"operand 0 must be a number, not {type(point).__name__}.*\(f, \*point\)"):
        check(lambda *xs: Value(1.0) * sum(xs), point)
