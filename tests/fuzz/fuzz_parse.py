"""Arithmetic as people type it: expressions against Python's own eval, and garbage that must get a message."""

import ast
import contextlib
import io
import math

from micrograd_c import Value
from micrograd_c.viz.command import main
from micrograd_c.viz.parse import parse

FUNCTIONS = {
    name: (lambda method: lambda x, *k: getattr(x if isinstance(x, Value) else Value(x), method)(*k))(name)
    for name in ("tanh", "relu", "exp", "log", "sqrt", "sigmoid", "sin", "leaky_relu", "softplus", "maximum")
}
WORDS = r"""a b c 1 2.5 1e400 + - * ** / ( ) [ ] = == , . : ; " \ ' @ # { } % tanh max math sum lambda if else for
    in not é 𝒂 await yield f'{a}' a=1 b= =3 --what-if --json -1 -- nan inf 1_0 0x1 1j None True ..."""
ALPHABET = [*WORDS.split(), " ", "\t", "\n", "\0", "\x0b", "\x0c", "\u2028", "\u202e", "\ud800"]


class Maths:
    """What `math` is in an expression: functions of Values."""

    pi, e, tau = math.pi, math.e, math.tau

    def __getattr__(self, name):
        return FUNCTIONS[name]


def text(rng, depth):
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(["a", "b", "c", "a", "2", "0.5", "3", "-1", "1e-3", "math.pi", "0"])
    x, y = text(rng, depth - 1), text(rng, depth - 1)
    kind = rng.randrange(8)
    if kind < 4:
        return f"({x} {rng.choice('+-*/')} {y})" if rng.random() < 0.7 else f"{x} {rng.choice('+-*/')} {y}"
    if kind == 4:
        return f"({x})**{rng.choice(['2', '3', '-1', '0.5', f'({y})'])}"
    if kind == 5:
        return f"{rng.choice(['-', '+'])}{x}"
    if kind == 6:
        name = rng.choice(["tanh", "relu", "exp", "log", "sqrt", "sigmoid", "sin", "leaky_relu", "softplus"])
        return rng.choice([f"{name}({x})", f"math.{name}({x})", f"(a*1 + {x}).{name}()"])
    return f"{rng.choice(['max', 'min'])}({x}, {y})" if rng.random() < 0.5 else f"sum({x}, {y}, {x})"


def as_python(source, data):
    """Return the result and the gradients as Python evaluates the text with Values."""
    names = {name: Value(x) for name, x in data.items()}

    def value(x):
        return x if isinstance(x, Value) else Value(x)

    def extreme(of):
        def pick(first, *others):
            for other in others:
                first = getattr(value(first), of)(other)
            return first

        return pick

    def total(*items):
        out = 0.0
        for item in items:
            out = out + item
        return out

    scope = {
        **names,
        **FUNCTIONS,
        "math": Maths(),
        "sum": total,
        "max": extreme("maximum"),
        "min": extreme("minimum"),
    }
    tree = ast.parse(source, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = float(node.value)  # as the parser has it: 0 * -1 is 0, and 0.0 * -1.0 is -0.0
    out = value(eval(compile(tree, source, "eval"), {"__builtins__": {}}, scope))
    out.backward()
    return out.data, {name: v.grad for name, v in names.items()}


def same(x, y):
    return x == y or (x != x and y != y) or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12)


def expressions(rng):
    data = {name: rng.choice([rng.uniform(-2, 2), 0.0, 1.0, -3.0]) for name in "abc"}
    source = text(rng, rng.randrange(1, 5))
    used = {name: x for name, x in data.items() if name in _names(source)}
    try:
        expected, gradients = as_python(source, used)
    except (ValueError, ArithmeticError, TypeError):  # TypeError: a power of numbers that is complex
        return
    root, named = parse(source, used)
    root.backward()
    assert same(root.data, expected), (source, used, root.data, expected)
    for name in used:
        assert same(named[name].grad, gradients[name]), (source, used, name, named[name].grad, gradients[name])


def _names(source):
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def garbage(rng):
    n = rng.randrange(1, 4)
    texts = ["".join(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 12))) for _ in range(n)]
    if rng.random() < 0.5:
        at = rng.randrange(len(source := text(rng, 3)) + 1)
        texts[0] = source[:at] + rng.choice(ALPHABET) + source[at:]
        texts[1:] = [f"{name}=1" for name in "abc" if name in source]
    texts = [part for part in texts if not part.startswith("--h")]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(texts)
        except SystemExit as end:  # argparse
            status = end.code
    assert status in (0, 2), (texts, status)
    assert (status == 0) != bool(err.getvalue()) and "Traceback" not in err.getvalue(), (texts, err.getvalue())


def case(rng):
    expressions(rng)
    garbage(rng)
