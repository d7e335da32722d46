"""Wrong things in the place of each argument of public functions: the error has the words of this package."""

import re

import pytest
from support import run_python

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, Value, optim

np = pytest.importorskip("numpy")

WRONG = [
    text.strip()
    for text in """
None | True | "three" | "3" | "" | b"2" | [] | [1.0] | [v] | [[1.0, 2.0]] | () | {} | {"a": 1.0} | {1.0}
-1 | -2.5 | 0 | float("nan") | float("inf") | 10**400 | 1j | v | model | len | Value | MLP | np.float64(2.0)
np.array(2.0) | np.ones(2) | np.ones((2, 3)) | np.array(["a", "b"]) | np.ma.masked_array([1.0, 2.0], [0, 1])
v.relu | range(3) | object() | ... | mg
""".replace("\n", "|").split("|")
    if text.strip()
]
# Each call as it should be; its arguments stand between « and ».
CALLS = """
v.maximum(«w»)|v.clip(«0.1», «0.9»)|v.leaky_relu(«0.1»)|v.pow(«2»)|v.backward(«1.0»)
Value(1.0, «(v, w)», «(1.0, 2.0)»)|mg.numerical_gradient(square, «0.5», h=«1e-6»)
mg.sum(«[v, w]»)|mg.mean(«[v, w]»)|mg.dot(«[v, w]», «[1.0, w]»)|mg.softmax(«[v, w]»)|mg.logsumexp(«[v, w]»)
mg.mse(«[v, w]», «[1.0, 2.0]»)|mg.cross_entropy([v, w], «1»)|mg.where(«v.less(w)», «v», «w»)
mg.zero_grad(«y»)|mg.topological_order(«y»)|mg.grad(«y», «[v]»)|mg.set_threads(«2»)|mg.jit(«product»)
mg.gradcheck(product, «0.5», «2.0», eps=«1e-6», rtol=«1e-4», atol=«1e-4»)
f.backward(X, reduce=«'mean'», weights=«X»)|f.gradient(X, per_sample=«True»)|f.jacobian(X, argnums=«0»)
f.jvp(«(1.0,)», «(0.5,)»)|f.hvp((1.0,), «(0.5,)», wrt=«'arguments'»)|mg.jit(square, in_axes=«0»)(X)
Neuron(«2», activation=«'tanh'», init=«'he'», bias=«True»)|Layer(«2», «3»)|MLP(«2», «[3, 1]»)
model(«[1.0, v]»)|model.load_state_dict(«model.state_dict()»)
optim.SGD(«ps», lr=«0.1», momentum=«0.9», nesterov=«True»)|optim.Adam(ps, betas=«(0.9, 0.99)», eps=«1e-8»)
sgd.load_state_dict(«sgd.state_dict()»)|optim.clip_grad_norm(«ps», «1.0»)
optim.cosine(«0.1», «10», «0.0»)(3)|optim.step_decay(«0.1», «3», «0.5»)(3)|optim.warm_up(«0.1», «3», «0.5»)(2)
mg.draw(«y», «model», direction=«'LR'», fold=«'auto'», limit=«10», theme=«'dark'», legend=«True», names=«{'a': v}»)
mg.explain(«y», «model», around=«v», limit=«10», seed=«2.0», title=«'t'», names=«{'a': v}»)
mg.draw(y).svg(«'dark'»)|mg.explain(y).text(«{'v': 2.0}»)|mg.explain(y).what_if(v=«2.0»)
"""
PLACES = [
    "".join(re.sub("[«»]", "", part) if i != place else "«»" for i, part in enumerate(parts))
    for call in CALLS.strip().replace("\n", "|").split("|")
    for parts in [re.split("(«.*?»)", call)]
    for place in range(1, len(parts), 2)
]
# Words of Python and numpy about what stands inside of this package.
INNER = re.compile(
    r"integer is required|integer scalar array|truth value|after \*\*|0-d array|safely coerced|signature matching"
    r"|object is not|object has no attribute|unsupported operand|not supported between|unpack|not iterable"
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", PLACES)
def test_an_argument_that_is_none_is_refused_in_words_of_this_package_and_changes_nothing(call):
    v, w, model = Value(0.5, label="v"), Value(2.0, label="w"), MLP(2, [2, 1])
    names = {"v": v, "w": w, "y": v * w + v, "model": model, "ps": model.parameters(), "X": np.array([1.0, 2.0])}
    names |= {"mg": mg, "np": np, "optim": optim, "Value": Value, "MLP": MLP, "Layer": Layer, "Neuron": Neuron}
    names |= {"square": lambda a: a * a, "product": lambda a, b: a * b, "f": mg.jit(lambda a: a * a)}
    names["sgd"] = optim.SGD(names["ps"])
    values = [names["y"], v, w, *names["ps"]]
    for wrong in WRONG:
        given, before = eval(wrong, names), [(x.data, x.grad) for x in values]
        try:
            eval(call.replace("«»", "given"), {**names, "given": given})
        except Exception as error:
            assert not isinstance(error, (KeyError, IndexError, RuntimeError)), wrong
            assert not INNER.search(str(error)), f"{call.replace('«»', wrong)}: {error}"
            assert [(x.data, x.grad) for x in values] == before, wrong


@pytest.mark.parametrize("write", ["mg.draw(v).save", "mg.explain(v).html", "mg.lesson().html"])
def test_a_number_is_no_path_and_closes_no_file(write):
    program = f"""
import micrograd_c as mg
v = mg.Value(1.0).tanh()
for number in (0, 1, 2, True, False):
    try:
        {write}(number)
    except TypeError as error:
        assert "not " + type(number).__name__ in str(error).replace("'", ""), error  # 3.12 quotes it
    else:
        raise AssertionError
print("still here")
"""
    assert run_python("-c", program).stdout == "still here\n"
