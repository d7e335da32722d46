"""What networks show of themselves: micrograd's text, short where it is long, and a table in notebooks."""

import ast
import os
import re
import sys
from pathlib import Path

import pytest
from support import run_python

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, Value


def micrograds(model):
    """Return the text of a network as micrograd's __repr__ of MLP and Layer make it."""
    layers = [f"Layer of [{', '.join(str(n) for n in layer.neurons)}]" for layer in model.layers]
    return f"MLP of [{', '.join(layers)}]"


@pytest.mark.parametrize("sizes", [[16, 16, 1], [1], [128, 128, 10]], ids=str)
def test_the_text_of_a_network_is_micrograds(sizes):
    model = MLP(2, sizes)
    assert str(model) == f"{model}" == micrograds(model)
    assert str(model.layers[0]) == micrograds(model)[len("MLP of [") : len("MLP of [") + len(str(model.layers[0]))]


def test_the_demos_network_has_the_repr_of_micrograd_itself():
    nn = pytest.importorskip("micrograd.nn")
    for sizes in ([16, 16, 1], [4, 4, 1]):
        assert repr(MLP(2, sizes)) == str(MLP(2, sizes)) == repr(nn.MLP(2, sizes))


def test_a_long_repr_counts_equal_neurons():
    model = MLP(2, [128, 128, 1])
    assert len(str(model)) > 4000
    layers = "Layer of [128 x ReLUNeuron(2)], Layer of [128 x ReLUNeuron(128)], Layer of [LinearNeuron(128)]"
    assert repr(model) == f"MLP of [{layers}]"
    layer = Layer(3, 100)
    assert repr(layer) == "Layer of [100 x ReLUNeuron(3)]"
    layer.neurons[50].activation = "leaky_relu"
    assert repr(layer) == "Layer of [50 x ReLUNeuron(3), LeakyReLUNeuron(3), 49 x ReLUNeuron(3)]"


def test_a_repr_of_a_users_class_is_its_text_too():
    class Mine(MLP):
        def __repr__(self):
            return "mine"

    class Text(MLP):
        def __str__(self):
            return repr(self)

    assert str(Mine(2, [1])) == f"{Mine(2, [1])}" == "mine"
    assert str(Text(2, [200])) == repr(MLP(2, [200])).replace("200 x ReLU", "200 x Linear")


def rows(model):
    """Return the cells of the table that a notebook shows."""
    html = model._repr_html_()
    assert html.startswith("<table><tr><th>") and html.count("<tr>") == html.count("</tr>")
    return [tuple(re.findall("<td>(.*?)</td>", row)) for row in html.split("<tr>")[2:]]


def test_a_notebook_shows_a_row_for_each_layer():
    model = MLP(3, [16, 1], activation="tanh")
    expected = [
        ("layers.0: Layer tanh", "3 → 16", "64"),
        ("layers.1: Layer linear", "16 → 1", "17"),
        ("all", "", "81"),
    ]
    assert rows(model) == expected
    assert rows(model.layers[1]) == [("Layer linear", "16 → 1", "17"), ("all", "", "17")]
    assert rows(Neuron(2)) == [("Neuron relu", "2 → 1", "3"), ("all", "", "3")]


def test_a_notebook_shows_the_modules_in_a_users_one():
    class Both(mg.Module):
        def __init__(self):
            self.body = MLP(2, [30, 40])
            self.heads = {"<a>": Neuron(40), "b": Layer(40, 2, bias=False)}
            self.scale = Value(1.0)

        def parameters(self):
            modules = self.body, *self.heads.values()
            return (p for p in [self.scale, self.scale, *(p for m in modules for p in m.parameters())])

    assert rows(Both()) == [
        ("body: MLP", "", "1,330"),
        ("heads.&lt;a&gt;: Neuron relu", "40 → 1", "41"),
        ("heads.b: Layer relu", "40 → 2", "80"),
        ("all", "", "1,452"),
    ]
    assert rows(mg.Module()) == [("Module", "", "0"), ("all", "", "0")]
    assert Both().count_parameters() == 1452


def test_ipython_takes_the_table():
    pytest.importorskip("IPython")
    from IPython.core.formatters import HTMLFormatter

    assert HTMLFormatter()(MLP(2, [1])) == MLP(2, [1])._repr_html_()


def test_the_table_asks_no_activation_of_what_is_no_neuron():
    class Gate(mg.Module):
        _activation = "tanh"

        def parameters(self):
            return [Value(1.0)]

    model = MLP(2, [2, 1])
    model.layers[0].neurons[1] = Gate()
    assert "Layer" in model._repr_html_() and "Gate" in Gate()._repr_html_()


def test_nothing_slow_is_imported_before_it_is_asked_for():
    code = "import sys; before = {*sys.modules}; import micrograd_c; print(*({*sys.modules} - before))"
    loaded = {*run_python("-S", "-c", code, env={"PYTHONPATH": os.pathsep.join(sys.path)}).stdout.split()}
    assert "micrograd_c.engine" in loaded
    assert not loaded & {
        "micrograd_c.nn",
        "micrograd_c._core.stats",
        "re",
        "enum",
        "html",
        "typing",
        "inspect",
        "random",
        "functools",
        "numpy",
    }


def test_no_module_asks_the_package_for_what_it_imports_late():
    """Else two threads wait for each other: one with the lock of that module, one with that of late imports."""
    package = Path(mg.__file__).parent
    late = {name for names in mg._LATER.values() for name in names.split()}
    found = []
    for file in package.rglob("*.py"):
        depth = len(file.relative_to(package).parts)  # dots that lead to the package itself
        for node in ast.parse(file.read_text()).body:
            home = (node.level, node.module) if isinstance(node, ast.ImportFrom) else None
            if home in ((depth, None), (0, "micrograd_c")):
                found += [(file.name, alias.name) for alias in node.names if alias.name in late]
    assert not found


@pytest.mark.parametrize("name", ["w", "b", "neurons", "layers", "nonlin"])
@pytest.mark.parametrize("what", [Value(0.5), None, 3, "abc", len, {}, (), [], [Value(1.0)], [None]])
def test_a_module_of_the_users_may_call_anything_by_a_name_of_ours(name, what):
    class Line(mg.Module):
        def __init__(self):
            setattr(self, name, what)

        def parameters(self):
            return [Value(1.0)]

    class Net(mg.Module):
        def __init__(self):
            self.line, self.model = Line(), MLP(1, [2])

        def parameters(self):
            return self.line.parameters() + self.model.parameters()

    for module in (Line(), Net()):
        assert "Line</td>" in module._repr_html_() and repr(module)
