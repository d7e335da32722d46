"""The page of the ops, from the rows of csrc/ops.def: formulas as MathML, domain, and a curve of z and dz/dx."""

from __future__ import annotations

import ast
import html
import math
from collections.abc import Callable, Iterator

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._checks import ACTIVATIONS
from micrograd_c._core import ffi
from micrograd_c._core.docs import is_operator
from micrograd_c._core.errors import DOMAINS, LABELS, NAMES, NARY, OPS
from micrograd_c.viz.expression import _parsed

SECOND = 1.5  # the second operand of the curves
ERRORS = {"TOTAL": "", "QUOTIENT": "y ≠ 0", "POWER": "the power is a real number"}
PARTS = {
    "Operators": lambda op: (is_operator(op) and NAMES[op].lower() not in COMPARISONS) or NAMES[op] == "POW",
    "Comparisons and choices": lambda op: NAMES[op].lower() in COMPARISONS or NAMES[op] in ("WHEN", "UNLESS"),
    "Activations": lambda op: NAMES[op].lower() in ACTIVATIONS,
    "Functions of two numbers": lambda op: OPS[op].arity == 2,
    "Functions of many numbers": lambda op: op in NARY,
    "Functions of one number": lambda op: OPS[op].arity == 1,
}
STEEPER = {"leaky_relu": 0.1}  # another k than the default, so that it is seen
COMPARISONS = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]


# ---- formulas ----------------------------------------------------------------------------------------------------

SIGNS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "·", ast.USub: "−", ast.UAdd: "+", ast.And: "and", ast.Or: "or"}
SIGNS |= {ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.Eq: "=", ast.NotEq: "≠"}
CONSTANTS = {"M_2_SQRTPI": "2/sqrt(pi)", "M_SQRT1_2": "sqrt(1/2)", "INFINITY": "inf", "NAN": "nan"}
TIGHT = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2}


def mathml(source: str) -> str:
    """Return an expression of the table as MathML."""
    source = source.replace("x < y || x != x", "x < y").replace("x > y || x != x", "x > y")  # nan is another story
    source = source.replace("x != x ? x : ", "").replace("(x > 0 ? x : 0)", "fmax(x, 0)")
    for name, text in CONSTANTS.items():
        if name.startswith("M_"):
            source = source.replace(name, f"({text})")
    source = (
        source.replace("pi", "PI").replace("0.6931471805599453", "log(2)").replace("2.302585092994046", "log(10)")
    )
    return f"<math displaystyle='true'><mrow>{written(_readable(source))}</mrow></math>"


def _readable(source: str) -> ast.expr:
    """Return the tree of an expression, in which pi may stand."""
    return _parsed(source.replace("PI", "3.14159"))


def row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def bracketed(text: str) -> str:
    return row("<mo>(</mo>", text, "<mo>)</mo>")


def sign(node: ast.AST) -> str:
    return f"<mo>{html.escape(SIGNS[type(node)])}</mo>"


def tightness(node: ast.expr) -> int:
    """Return how tightly an expression holds together: 0 a choice, 1 a sum, 2 a product, 3 all else."""
    if isinstance(node, ast.BinOp):
        return TIGHT.get(type(node.op), 3)
    if isinstance(node, (ast.IfExp, ast.BoolOp, ast.Compare)):
        return 0
    return 1 if isinstance(node, ast.UnaryOp) else 3


def within(node: ast.expr, least: int) -> str:
    """Return an operand, in brackets if it holds together less tightly than what it stands in."""
    if isinstance(node, ast.Compare):  # a truth as a number
        return row("<mo>[</mo>", written(node), "<mo>]</mo>")
    return written(node) if tightness(node) >= least else bracketed(written(node))


def written(node: ast.expr) -> str:
    """Return the MathML of a tree."""
    if isinstance(node, ast.Constant):
        return "<mi>π</mi>" if node.value == 3.14159 else f"<mn>{node.value}</mn>"
    if isinstance(node, ast.Name):
        return (
            f"<mi>{node.id}</mi>" if len(node.id) == 1 else f"<mn>{'∞' if node.id == 'INFINITY' else node.id}</mn>"
        )
    if isinstance(node, ast.UnaryOp):
        return row(sign(node.op), within(node.operand, 2))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        above, below = node.left, [written(node.right)]
        while isinstance(above, ast.BinOp) and isinstance(above.op, ast.Div):
            above, below = above.left, [written(above.right), *below]
        denominator = f"<msup>{row(below[0])}<mn>{len(below)}</mn></msup>" if len(below) > 1 else row(below[0])
        if isinstance(above, ast.UnaryOp):
            return row(sign(above.op), f"<mfrac>{row(written(above.operand))}{denominator}</mfrac>")
        return f"<mfrac>{row(written(above))}{denominator}</mfrac>"
    if isinstance(node, ast.BinOp):
        least = TIGHT[type(node.op)]
        left = within(node.left, 1 if isinstance(node.left, ast.UnaryOp) else least)  # a sign in front
        return row(left, sign(node.op), within(node.right, least + isinstance(node.op, ast.Sub)))
    if isinstance(node, ast.Compare):
        return row(written(node.left), sign(node.ops[0]), written(node.comparators[0]))
    if isinstance(node, ast.BoolOp):
        inner = f'<mspace width="0.4em"/><mtext>{SIGNS[type(node.op)]}</mtext><mspace width="0.4em"/>'
        return row(inner.join(written(part) for part in node.values))
    if isinstance(node, ast.IfExp):
        lines = [(node.body, node.test), (node.orelse, None)]
        cells = (
            f"<mtr><mtd>{written(value)}</mtd><mtd>"
            + (f"<mtext>if\u00a0</mtext>{written(test)}" if test else "<mtext>else</mtext>")
            + "</mtd></mtr>"
            for value, test in lines
        )
        return row("<mo stretchy='true'>{</mo>", f"<mtable columnalign='left'>{''.join(cells)}</mtable>")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return call(node.func.id, node.args)
    raise TypeError(ast.dump(node))


def call(name: str, arguments: list[ast.expr]) -> str:
    """Return the MathML of a function's value."""
    first = arguments[0]
    if name == "sqrt":
        return f"<msqrt>{written(first)}</msqrt>"
    if name == "pow":
        return f"<msup>{row(within(first, 3))}{row(written(arguments[1]))}</msup>"
    if name == "exp":
        return f"<msup><mi>e</mi>{row(written(first))}</msup>"
    if name == "fabs":
        return row("<mo>|</mo>", written(first), "<mo>|</mo>")
    name = {"logistic": "σ", "isfinite": "finite", "fmax": "max"}.get(name, name)
    inner = "<mo>,</mo>".join(written(argument) for argument in arguments)
    return row(f"<mi mathvariant='normal'>{name}</mi><mo>&#x2061;</mo>", bracketed(inner))


# ---- curves ------------------------------------------------------------------------------------------------------

LEFT, RIGHT, LOW, HIGH = -4.0, 4.0, -3.0, 3.0
SCALE = 30.0  # pixels a unit


def function(op: int) -> Callable[[Value], Value]:
    """Return z as a function of x alone."""
    name = NAMES[op].lower()
    if op in NARY:
        return lambda x: getattr(mg, name)([x, SECOND])
    if name == "pow":
        return lambda x: x**3
    if is_operator(op) and name not in COMPARISONS:
        import operator

        apply = getattr(operator, f"__{name}__")
        return (lambda x: apply(x, SECOND)) if OPS[op].arity == 2 else apply
    method = getattr(Value, name)
    if OPS[op].arity == 2:
        return lambda x: method(x, Value(SECOND))
    return lambda x: method(x, *([STEEPER[name]] if name in STEEPER else []))


def points(f: Callable[[Value], Value]) -> Iterator[tuple[float, float, float]]:
    """Yield x, z and dz/dx; nan where z is not defined."""
    for i in range(385):
        x = Value(LEFT + (RIGHT - LEFT) * (i - 0.5) / 383)  # 0 and whole numbers are not met: corners stand there
        try:
            z = f(x)
            z.backward()
            yield x.data, z.data, x.grad
        except (ValueError, ZeroDivisionError, OverflowError):
            yield x.data, math.nan, math.nan


def path(xs: list[float], ys: list[float]) -> str:
    """Return an SVG path through the points, with a gap wherever it leaves the frame or jumps."""
    text, last = "", math.nan
    for x, y in zip(xs, ys):
        if not LOW - 1 <= y <= HIGH + 1:
            last = math.nan
            continue
        joined = abs(y - last) < 0.7
        text += f"{'L' if joined else 'M'}{(x - LEFT) * SCALE:.0f} {(HIGH - y) * SCALE:.1f}"
        last = y
    return text


def curve(op: int) -> str:
    """Return an SVG with z and dz/dx over x."""
    xs, zs, slopes = zip(*points(function(op)))
    width, height = (RIGHT - LEFT) * SCALE, (HIGH - LOW) * SCALE
    ticks = "".join(
        f'<path class="grid" d="M{(i - LEFT) * SCALE:.0f} 0V{height:.0f}"/>' for i in range(-3, 4) if i
    ) + "".join(f'<path class="grid" d="M0 {(HIGH - i) * SCALE:.0f}H{width:.0f}"/>' for i in range(-2, 3) if i)
    name, axis = NAMES[op].lower(), f"M0 {HIGH * SCALE:.0f}H{width:.0f}M{-LEFT * SCALE:.0f} 0V{height:.0f}"
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="Curves of {name} and its derivative,'
        f' x from {LEFT:.0f} to {RIGHT:.0f}">{ticks}<path class="axis" d="{axis}"/>'
        f'<path class="slope" d="{path(list(xs), list(slopes))}"/>'
        f'<path class="value" d="{path(list(xs), list(zs))}"/></svg>'
    )


# ---- the page ----------------------------------------------------------------------------------------------------


def text_of(c: object) -> str:
    return str(ffi.string(c).decode())


def usage(op: int) -> str:
    """Return how the op is written in Python."""
    name, label = NAMES[op].lower(), LABELS[op]
    if op in NARY:
        return f"mg.{name}(xs)"
    if name in ("neg", "abs"):
        return {"neg": "-x", "abs": "abs(x)"}[name]
    if name == "pow":
        return "x ** k"
    if name == "power":
        return "x ** y"
    if is_operator(op) and name not in COMPARISONS:
        return f"x {label} y"
    if OPS[op].arity == 2:
        return f"x.{name}(y)"
    return f"x.{name}(k={OPS[op].k:g})" if OPS[op].takes_k else f"x.{name}()"


def card(op: int) -> str:
    """Return the box of one op."""
    op_row, name = OPS[op], NAMES[op].lower()
    lines = [("z", mathml(text_of(op_row.value)))]
    if op in NARY:
        start, step = mathml(text_of(op_row.start)), mathml(text_of(op_row.step))
        lines[:0] = [("y", f"{start}, then {step} for each x")]
    lines.append(("∂z/∂x", mathml(text_of(op_row.dx) or "0")))
    if op_row.arity == 2:
        lines.append(("∂z/∂y", mathml(text_of(op_row.dy) or "0")))
    domain = mathml(DOMAINS[op]) if DOMAINS[op] != "1" else ERRORS[text_of(op_row.errors)] if op not in NARY else ""
    if domain:
        lines.append(("where", domain))
    listed = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in lines)
    drawn = f", y = {SECOND}" if op_row.arity == 2 else f", of x and {SECOND}" if op in NARY else ""
    drawn = ", k = 3" if name == "pow" else f", k = {STEEPER.get(name, op_row.k)}" if op_row.takes_k else drawn
    look = "op wide" if max(len(text_of(part)) for part in (op_row.value, op_row.dx, op_row.dy)) > 36 else "op"
    return (
        f'<div class="{look}" id="op-{name.replace("_", "-")}"><h3><code>{html.escape(usage(op))}</code></h3>'
        f"<figure>{curve(op)}<figcaption>z and ∂z/∂x{drawn}</figcaption></figure><dl>{listed}</dl></div>"
    )


def cards() -> str:
    """Return the ops as HTML, part by part, each in the first part that takes it."""
    left = [op for op in range(len(OPS)) if (OPS[op].arity > 0 or op in NARY) and NAMES[op] != "INSTEAD"]
    text = ""
    for title, takes in PARTS.items():
        taken = [op for op in left if takes(op)]
        left = [op for op in left if op not in taken]
        text += f'## {title}\n\n<div class="ops">\n' + "\n".join(map(card, taken)) + "\n</div>\n\n"
    return text
