"""Derivatives as Values, which can be differentiated again: `grad` and `value_and_grad`."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, overload

from ._checks import flag
from ._copying import restore
from ._core import NAMES, OPS, as_number, brief, check, core, ffi, lib, warn
from ._core.numbers import is_object
from ._core.walk import below, references
from ._operands import as_values, instead, is_tracing, listed, pass_parameters, traced_among
from .engine import Value
from .program.derivatives import as_index
from .program.function import Function
from .program.program import flatten, rebuilt
from .program.static import is_static
from .program.trace import meets_a_list, runs

_DOT, _CONSTANT = NAMES.index("DOT"), NAMES.index("CONSTANT")
_NOBODY = -(2**31)  # an operand that is not there
_NEAR = 1e-6  # how far a function is called from the point, relative to the numbers that it is called with
_HIGHEST = 1000  # order of a nested derivative; C(1029, 514) is infinite
_running: list[None] = []  # one for each call of `_run`; what an interrupt leaves in here costs time, no more


@overload
def grad(f: Value, argnums: Value, *, create_graph: bool = ...) -> Value: ...
@overload
def grad(f: Value, argnums: Sequence[Value], *, create_graph: bool = ...) -> list[Value]: ...
@overload
def grad(f: Callable[..., Any], argnums: int | Sequence[int] = ...) -> Callable[..., Any]: ...
def grad(f: Any, argnums: Any = 0, *, create_graph: bool = False) -> Any:
    """Return the derivative of a function as a function, or the derivatives of a Value.

    Parameters
    ----------
    f : callable or Value
        A function that returns one Value; or a Value, y.
    argnums : int or sequence of int; Value or sequence of Value
        What the derivative is taken with respect to. Of a function: arguments, counted from 0. Of y: Values that it
        was computed from, leaves or not.
    create_graph : bool
        Of a Value: whether its derivatives can be differentiated again. If not, they have no history.

    Returns
    -------
    callable, Value or list of Value
        Of a function one that takes what `f` takes for one sample: a number, a Value, or lists, tuples, dicts and
        arrays of them. It returns the derivative in the argument's structure, and a tuple of them where `argnums`
        is a sequence: floats where all arguments are numbers, else Values that can be differentiated again, as
        inside of another `grad` and of `jit`. Of a Value one Value for each of `argnums`. What `f` or y does not
        depend on has the derivative 0, and so has a number that `f` returns instead of a Value.

    Raises
    ------
    TypeError
        `f` does not return one Value, or an argument in `argnums` is no number, or static as in `jit`.
    ValueError
        There is no argument of this number.
    RuntimeError
        A node made by hand has no local derivatives, but a Python closure.

    Warns
    -----
    UserWarning
        A number that `f` returns changes with the arguments, as `(x * x).data` does. A constant does not: to find
        out, `f` is called again close by, once or twice.

    See Also
    --------
    value_and_grad : The value too, from the same run.
    Value.backward : All derivatives at once, into `.grad`.
    micrograd_c.jit.Function.gradient : Over batches, at the speed of C.

    Notes
    -----
    `.grad` of all Values stays as it is.

    Examples
    --------
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> a = Value(3.0)
    >>> da = grad(a * a * a, a, create_graph=True)
    >>> da.data, grad(da, a).data
    (27.0, 18.0)
    """
    create_graph = flag(create_graph, "create_graph")
    if not isinstance(f, Value):
        if create_graph:
            raise TypeError(
                "create_graph belongs to the derivatives of a Value; what a function grad(f) returns can "
                "be differentiated again where an argument is a Value"
            )
        if not callable(f):
            remedy = ": the Value itself, and not its data" if as_number(f) is not None else ""
            raise TypeError(
                f"grad takes a function, or a Value and Values to derive by, not {type(f).__name__}{remedy}"
            )
        both = value_and_grad(f, argnums)
        f = _plain(f)
        slope: Any = functools.wraps(f)(_slope_of(both))
        return slope
    if isinstance(argnums, Value):
        return _derivatives(f, (argnums,), create_graph)[0]
    if type(argnums) is int:
        raise TypeError("grad of a Value needs the Values to derive by: grad(y, a), or grad(y, [a, b])")
    wanted = listed(argnums, "argnums") if hasattr(type(argnums), "__iter__") else (argnums,)
    for i, x in enumerate(wanted):
        if not isinstance(x, Value):
            remedy = f": {pass_parameters(x)}" if hasattr(x, "parameters") else ""
            raise TypeError(
                f"grad(y, [a, b]): item {i} to derive by must be a Value, not {type(x).__name__}{remedy}"
            )
    return _derivatives(f, wanted, create_graph)


def value_and_grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., tuple[Any, Any]]:
    """Return a function that returns the value of `f`, and what `grad(f, argnums)` returns, from one run.

    Parameters
    ----------
    f, argnums
        As of `grad`.

    See Also
    --------
    grad : Without the value.

    Examples
    --------
    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)
    (6.0, (3.0, 2.0))
    """
    if not callable(f):
        remedy = ": for a Value write mg.grad(y, [a, b])" * (type(f) is Value)  # type: ignore[unreachable]
        raise TypeError(f"value_and_grad takes a function, not {type(f).__name__}{remedy}")
    static = f._static[0] if isinstance(f, Function) else ()
    f = _plain(f)
    name = getattr(f, "__qualname__", type(f).__name__)
    numbers: tuple[Any, ...] = tuple(map(as_index, argnums if isinstance(argnums, Sequence) else (argnums,)))
    if None in numbers:
        raise TypeError(
            f"grad of {name}: argnums={brief(argnums)}, expected an int or a sequence of them; the derivative at x "
            "is mg.grad(f)(x), and by Values that f reads mg.grad(f(x), [a, b])"
        )

    inner, inner_order = (f, 0) if isinstance(argnums, Sequence) else _below(f, argnums)
    if inner_order == _HIGHEST:
        raise ValueError(
            f"grad of {name}: derivatives of order {_HIGHEST + 1:,} have binomial coefficients that no float holds"
        )

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        given, wanted, trees = list(args), [], []
        for i in numbers:
            if not -len(args) <= i < len(args):
                raise ValueError(
                    f"grad of {name}: argnums={brief(argnums)}, but {len(args)} arguments are given by place"
                )
            if given[i] is not args[i]:
                raise ValueError(f"grad of {name}: argnums={brief(argnums)} names an argument twice")
            if i % len(args) in static or is_static(args[i]):
                raise TypeError(
                    f"grad of {name}: argnums={brief(argnums)}: argument {i} is static, {brief(args[i])}, "
                    "and has no derivative"
                )
            leaves: list[Value] = []
            tree = _as_leaves(args[i], leaves, f"grad of {name}: argument {i}")
            trees.append(tree)
            given[i] = rebuilt(tree, iter(leaves))
            wanted += leaves
        g, order = (inner, inner_order + 1) if wanted and tree is None else (f, 1)
        plain = _are_plain(*args, *kwargs.values())
        try:
            y = _run(g, given, kwargs)
        except (TypeError, AttributeError) as error:
            if plain and (text := meets_a_list(error, given)):
                words = (
                    "to grad a list is one argument, x[0] its first item; of a batch write mg.jit(mg.grad(f))(X)"
                )
                error.args = (f"{text}: {words}",)
            raise
        if not isinstance(y, Value):
            if as_number(y) is None:
                raise TypeError(
                    f"grad needs a function that returns one Value; {name} returns {type(y).__name__}"
                    f"{_instead_of(y)}"
                )

            def close_by(to: float) -> Any:
                moved = iter([Value(v.data + to * (1 + i) * max(1.0, abs(v.data))) for i, v in enumerate(wanted)])
                again = list(args)
                for i, tree in zip(numbers, trees):
                    again[i] = rebuilt(tree, moved)
                return _run(f, again, kwargs)

            if wanted and traced_among(wanted) is None and _changes(as_number(y), close_by):
                warn(
                    f"{name} returned {brief(y)}, a number and no Value: its derivative is 0, although it changes "
                    "with the arguments. Return the Value itself, not its .data"
                )
            y = Value(y)
        slopes = _derivatives(y, wanted, not plain, order)
        if order > 1:
            y, *slopes = slopes
        rest = iter([x.data for x in slopes] if plain else slopes)
        parts = tuple(rebuilt(tree, rest, _array if plain else list) for tree in trees)
        return (y.data if plain else y), (parts if isinstance(argnums, Sequence) else parts[0])

    return value_and_gradient


def _are_plain(*args: Any) -> bool:
    """Are derivatives by these numbers? cloudpickle copies what calls this, with a list of its own."""
    is_inside = _running and runs(_run.__code__)
    return not is_inside and not is_tracing() and not any(map(_has_values, args))


def _run(f: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call a function that is derived; `runs` knows by this frame what is called inside of it."""
    _running.append(None)
    try:
        return f(*args, **kwargs)
    finally:
        _running.pop()


def _instead_of(y: Any) -> str:
    """Return the remedy for a function that returns no number."""
    if y is None:
        return ": is its `return` missing?"
    return ": mg.jit(f).jacobian(x) has the derivatives of several" if isinstance(y, (list, tuple, dict)) else ""


def _changes(number: Any, close_by: Callable[[float], Any]) -> bool:
    """Tell whether a function that returned a float returns other ones to both sides, so that it is no constant."""
    try:
        return type(number) is float and all(
            as_number(x := close_by(to)) is not None and x != number == number for to in (_NEAR, -_NEAR)
        )
    except Exception:  # the function is not defined there
        return False


def _plain(f: Any) -> Any:
    """Return the function that jit was given."""
    return f._function if isinstance(f, Function) else f


def _slope_of(both: Any) -> Any:
    """Return the second of two results, as a function that `_below` knows by its code, which no wrapper has."""
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


_SLOPE = _slope_of(None).__code__


def _below(f: Any, argnum: int) -> tuple[Any, int]:
    """Return the function of which `f` is a derivative by this argument, and its order; of others f and 0."""
    if isinstance(f, types.FunctionType) and f.__code__ == _SLOPE:
        both = inspect.getclosurevars(f).nonlocals["both"]  # of a deep copy it is a copy too
        known = inspect.getclosurevars(both).nonlocals
        if known["argnums"] == argnum:
            return known["inner"], known["inner_order"] + 1
    return f, 0


# ---- arguments ---------------------------------------------------------------------------------------------------


def _as_leaves(argument: Any, leaves: list[Value], name: str) -> Any:
    """Add the numbers and Values of an argument as new Values; return its structure.

    A Value is not taken itself: the function may read it in another way too, as `lambda t: t * x` called with x.
    """
    found: list[Value] = []
    tree = flatten(argument, found, f"{name} must be a number, a Value", True)
    leaves += [instead(x, x) for x in found]
    return tree


def _array(slopes: list[Any]) -> Any:
    """Return the derivatives by an array of numbers as an array."""
    import numpy

    return numpy.array(slopes)


def _has_values(x: Any) -> bool:
    if is_object(x):
        x = x.tolist()
    if isinstance(x, (list, tuple, dict)):
        return any(map(_has_values, x.values() if isinstance(x, dict) else x))
    return isinstance(x, Value)


# ---- graphs ------------------------------------------------------------------------------------------------------


def _derivatives(y: Value, wanted: Sequence[Value], create_graph: bool, order: int = 1) -> list[Any]:
    """Return d y / d each of the Values, or those of order - 1 and `order` by one; see program/nodes.c."""
    trace: Any = next((x._trace for x in (y, *wanted) if hasattr(x, "_trace")), None)
    tracing = trace is not None or is_tracing()  # a program computes them anew at each run
    if trace is not None:
        y, wanted = trace.node_of(y), [trace.node_of(x) for x in wanted]
    status = ffi.new("int32_t[2]")
    found = lib.mg_derive(core.handle_of(y), core.handles(wanted), len(wanted), order, status, status + 1)
    if status[0] == 1:
        raise _no_derivative(next(x for x in below((y,)).values() if core.handle_of(x) == status[1]))
    check(status[0])
    found = ffi.gc(found, lib.mg_free_derivatives)
    n = len(wanted) if order == 1 else 2
    if not create_graph and not tracing:
        return [Value(number) for number in found.numbers[0:n]]
    code, numbers = ffi.unpack(found.code, found.ints), ffi.unpack(found.numbers, n + 2 * found.nodes)
    values = {core.handle_of(x): x for x in below((y,), references).values()}
    values[_NOBODY] = None
    at = n
    for i in range(found.nodes):
        op, count = code[at : at + 2]
        parts = [values[x] for x in code[at + 2 : at + 2 + count]]
        values[~i] = _made(op, parts, *numbers[n + 2 * i : n + 2 * i + 2])
        at += 2 + count
    out = [values[x] for x in code[:n]]
    if trace is not None:
        out = [trace.traced(x) for x in out]
    return out if create_graph else [x.detach() for x in out]


def _made(op: int, parts: list[Any], k: float, data: float) -> Value:
    """Return a node; nothing is computed, so nothing is raised where a derivative is infinite."""
    a: Any
    b: Any
    if op == _CONSTANT:
        return as_values((data,))[0]
    if op == _DOT:
        a, b = tuple(parts[2::2]), (*parts[1::2], *(x for x in parts[:1] if x is not None))
    else:
        a, b = parts[0], k if OPS[op].takes_k else parts[1] if len(parts) == 2 else None
    node: Value = restore(core.new(), op, a, b, -1, data, 0.0)
    return node


def _no_derivative(node: Any) -> RuntimeError:
    """Return the error for a node whose backward is not the engine's own."""
    name = f" named {node.name!r}" if node.name else ""
    closure = getattr(core.peek(node, "_backward"), "__code__", None)
    where = f", {closure.co_filename}:{closure.co_firstlineno}," if closure else ""
    return RuntimeError(
        f"grad: the derivative of {brief(node)}{name}, made by hand as {node._op!r}, is not known: its "
        f"_backward is a Python closure{where} or nothing. Give it Values as local derivatives, "
        "Value(data, (a, b), (da, db))"
    )
