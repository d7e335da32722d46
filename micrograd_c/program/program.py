"""A program: what one trace of a function recorded, and its runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._core import as_number, brief, check, core, ffi, lib
from .._core.numbers import is_array
from ..engine import Value
from .arguments import NUMBER, ONE, ROWS, Arguments, doubles, import_numpy, size_of
from .trace import Trace
from .traced import TracingError

VALUES, BACKWARD, GRADIENT = lib.MG_VALUES, lib.MG_BACKWARD, lib.MG_GRADIENT
SLOPES, WITH_VALUE = lib.MG_SLOPES, lib.MG_VALUE_AND_SLOPES
_NULL = ffi.NULL
_new = ffi.new
_run, _run_once = lib.mg_program_run, lib.mg_program_run_once


class Program:
    """What one trace of a function recorded.

    Attributes
    ----------
    nodes_recorded : int
        Nodes of the graph that the function built.
    nodes : int
        Nodes that are left after optimisation.
    instructions : int
        What computes them; one may compute a whole layer.
    inputs : int
        Scalars among the arguments.
    parameters : tuple of Value
        Leaves that the function read; their data are read at each run.
    bytes : int
        Memory of the program, without that of its runs.
    listing : str
        The instructions. x: columns of the batches, n: numbers among the arguments, p: parameters, v: computed for
        each sample, u: computed once a run.
    """

    def __init__(self, title: str, c: Any, values: dict[int, Value], tree: Any) -> None:
        self._c = c
        self.tree = tree
        self.title = title
        figures = ffi.new("mg_program_figures *")
        lib.mg_program_describe(c, figures)
        self.nodes_recorded: int = figures.recorded
        self.nodes: int = figures.nodes
        self.instructions: int = figures.instructions
        self.inputs: int = figures.inputs
        self.outputs: int = figures.outputs
        self.bytes: int = figures.bytes
        handles = ffi.unpack(lib.mg_program_parameters(c), figures.parameters)
        self._derived: dict[Any, Program] = {}
        self.pattern: Any = None  # of sparse matrices: which output each entry is, and a matrix of zeros
        self._parameters = tuple(values[handle] for handle in handles)  # `c` has their handles

    @property
    def parameters(self) -> tuple[Value, ...]:
        """Leaves that the function read."""
        return self._parameters

    @property
    def listing(self) -> str:
        """The instructions, as text."""
        size = lib.mg_program_listing(self._c, _NULL, 0) + 1
        text = ffi.new("char[]", size)
        lib.mg_program_listing(self._c, text, size)
        listing: str = ffi.string(text).decode()
        return listing

    def __repr__(self) -> str:
        return (
            f"program of {self.title}\n"
            f"{self.nodes_recorded} nodes recorded, {self.nodes} after optimisation, "
            f"{self.instructions} instructions; {self.inputs} inputs, {len(self.parameters)} parameters, "
            f"{self.bytes} bytes\n{self.listing}"
        )

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a program cannot be copied or pickled: copy the function that it was recorded from, {self.title}"
        )

    # ---- runs ----------------------------------------------------------------------------------------------------

    def values(self, a: Arguments) -> Any:
        """Return what the function returns for these arguments."""
        if not a.batches:
            return self.of_numbers(a.numbers)
        return rebuilt(self.tree, iter(self.matrix(a)))

    def of_numbers(self, numbers: Sequence[float]) -> Any:
        """Return what the function returns where there is no batch."""
        out = _new("double[]", self.outputs)
        status = _run_once(self._c, VALUES, numbers, out, _NULL)
        if status < 0:
            check(status)
        return out[0] if self.tree is None else rebuilt(self.tree, iter(out))

    def backward_of_numbers(self, numbers: Sequence[float]) -> float:
        """Add the gradients to `.grad` of all parameters, where there is no batch; return the value."""
        out = _new("double[]", 1)
        status = _run_once(self._c, BACKWARD, numbers, out, _NULL)
        if status < 0:
            check(status)
        value: float = out[0]
        return value

    def run(self, what: int, a: Arguments, weights: Any, scale: float, *out: Any) -> None:
        """Run over all samples; `out`: for values, derivatives by numbers, and by batches."""
        if not a.batches:
            status = _run_once(self._c, what, a.numbers, *out[:2])
        else:
            unfinished = _new("mg_run **")
            try:
                status = _run(
                    self._c, what, a.n, a.numbers, len(a.batches), a.batches, weights, scale, *out, unfinished
                )
                if status == 1:
                    status = _go_on(unfinished)
            finally:
                if unfinished[0]:
                    lib.mg_program_give_up(unfinished)
        if status < 0:
            check(status)

    def gradient(
        self, a: Arguments, with_value: bool, behind: Arguments | None = None
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the values, if they are wanted, and the derivatives by the arguments `a`, not by those behind."""
        batches, way, p = len(a.batches), (WITH_VALUE if with_value else SLOPES), self
        summed = batches and len(a.numbers)  # derivatives over all samples: the way back adds them up
        if not summed:
            p = self._derived.get(way) or self._derived.setdefault(way, self.derived(way, range(sum(a.sizes))))
        given = a.beside(behind) if behind else a
        at, value, arrays = 0, None, [import_numpy().empty(x.shape) for x in a.arrays]
        numbers = values = _new("double[]", 1 + (len(given.numbers) if summed else p.outputs))
        if batches:
            value = import_numpy().empty(a.n) if with_value else None
            values = doubles(value) if with_value else _NULL
        rows = [*map(doubles, arrays), *[_NULL] * (len(given.batches) - batches)]
        p.run(GRADIENT if summed else VALUES, given, _NULL, 1.0, values, numbers, rows)
        if with_value and not batches:
            value, at = numbers[0], 1
        rest, parts = iter(arrays), []
        for kind in a.kinds:
            if kind >= ONE:
                parts.append(next(rest))
            elif kind == NUMBER:
                parts.append(numbers[at] + 0.0)  # no -0.0
                at += 1
            else:
                part = import_numpy().frombuffer(ffi.buffer(numbers))[at : (at := at + size_of(kind))]
                parts.append(part + 0.0)  # a copy
        return value, a.as_given(parts)

    # ---- derivatives ---------------------------------------------------------------------------------------------

    def derived(self, way: int, wanted: Sequence[int]) -> Program:
        """Return the program of derivatives by these inputs, or parameters as ~number; `way` is an mg_way."""
        found = self._derived.get((way, wanted))
        if found is None:
            status = _new("int32_t *")
            c = lib.mg_program_derive(self._c, way, list(wanted), len(wanted), status)
            check(status[0])
            leaves = {core.handle_of(value): value for value in self._parameters}
            found = Program(self.title, ffi.gc(c, lib.mg_program_free), leaves, None)
            found = self._derived.setdefault((way, wanted), found)
        return found

    @property
    def entries(self) -> Any:
        """Row and column of each output, of a program of a Jacobian."""
        numpy = import_numpy()
        out = numpy.empty((2, self.outputs), "i")
        rows, columns = (ffi.from_buffer("int32_t[]", x, require_writable=True) for x in out)
        lib.mg_program_entries(self._c, rows, columns)
        return out

    def matrix(self, a: Arguments) -> Any:
        """Return the values of all outputs, an array of shape (outputs, N)."""
        numpy = import_numpy()
        out = numpy.empty((self.outputs, a.n))
        if out.size:
            self.run(VALUES, a, _NULL, 1.0, doubles(out), _NULL, _NULL)
        return out


def _go_on(unfinished: Any) -> int:
    """Go on with a run to its end: between two slices of time Python looks at its signals."""
    status = 1
    while status == 1:
        status = lib.mg_program_resume(unfinished)
    return status


def record(function: Callable[..., Any], name: str, a: Arguments) -> Program:
    """Trace the function for such arguments."""
    kinds = a.kinds
    sizes = a.sizes
    trace = Trace()
    try:
        inputs = trace.inputs(sum(sizes))
        rest = iter(inputs)
        given: list[Any] = [
            next(rest) if kind in (NUMBER, ONE) else [next(rest) for _ in range(size)]
            for kind, size in zip(kinds, sizes)
        ]
        outputs: list[Value] = []
        tree = flatten(trace.run(function, *a.call(given)), outputs, f"{name} must return Values")
        batched = [kind >= ONE for kind, size in zip(kinds, sizes) for _ in range(size)]
        status = ffi.new("int32_t[2]")
        results = core.handles(map(trace.node_of, outputs))
        values = trace.values_below()  # first: another thread may make a leaf of one of them
        c = lib.mg_program_new(
            core.handle_of(trace.marker),
            core.handles(map(trace.node_of, inputs)),
            batched,
            len(inputs),
            results,
            len(outputs),
            status,
            status + 1,
        )
        if status[0] == 1:
            raise _closure_error(status[1], function, name)
        check(status[0])
        c = ffi.gc(c, lib.mg_program_free)
    finally:
        trace.close()
    words = [*map(_in_words, kinds)]
    for i, x in a.static.items():
        words.insert(i, brief(x))
    signature = ", ".join(map("{}: {}".format, a.names(), words))
    return Program(f"{name}({signature})", c, values, tree)


def _in_words(kind: int) -> str:
    if kind in (NUMBER, ONE):
        return "number" if kind == NUMBER else "batch"
    return f"{'batch' if kind >= ROWS else 'vector'} of {size_of(kind)}"


def _closure_error(handle: int, function: Callable[..., Any], name: str) -> TracingError:
    """Return the error for a node whose backward is not the engine's own; it names a line."""
    value = core.closure_at(handle)
    closure = None if value is None else core.peek(value, "_backward")
    code = getattr(closure, "__code__", None) or getattr(function, "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else name
    label = f" {value._op!r}" if value is not None and value._op else ""
    return TracingError(
        f"{where}\n{name} reads a node{label} made by hand, Value(data, (a, b), ...), or one with a Python "
        "closure as _backward. A program runs without Python and records ops of Value alone: write the node with "
        "those (+, *, exp, maximum, mg.where, ...), or call the function without jit."
    )


# ---- what a function returns, as a list of Values and a structure ------------------------------------------------


class Array:
    """Stands for an array in the structure of arguments."""


def flatten(result: Any, outputs: list[Value], what: str, arrays: bool = False) -> Any:
    """Add the Values of a result to `outputs`; return its structure, None for a single one. `what` is asked for."""
    if isinstance(result, Value):
        outputs.append(result)
        return None
    if isinstance(result, (list, tuple)):
        return type(result), [flatten(item, outputs, what, arrays) for item in result]
    if isinstance(result, dict):
        cls = dict if isinstance(result, defaultdict) else type(result)  # which takes no dict
        return cls, [flatten(item, outputs, what, arrays) for item in result.values()], list(result)
    if arrays and is_array(result):
        rows = result.tolist() if hasattr(result, "A1") else result  # a row of a matrix is a matrix
        return Array, [flatten(item, outputs, what, arrays) for item in rows]
    if as_number(result) is None:
        remedy = ": write a.tolist()" if is_array(result) else ""
        if result is None and what.endswith("return Values"):
            remedy = ": is a `return` missing?"
        raise TypeError(f"{what}, or tuples, lists and dicts of them, not {type(result).__name__}{remedy}")
    outputs.append(Value(result))  # one of numpy's stays one
    return None


def flattened(tree: Any, given: Any, name: str) -> tuple[Any, ...]:
    """Return the items of what has the structure of a result."""
    if tree is None:
        return (given,)
    cls, items, *keys = tree
    if keys and isinstance(given, dict) and [*given] == keys[0]:
        given = [*given.values()]
    elif keys or not isinstance(given, (tuple, list)) or len(given) != len(items):
        expected = f"a dict of {', '.join(map(brief, keys[0]))}" if keys else f"a {cls.__name__} of {len(items)}"
        raise TypeError(f"{name}: expected the structure of the value, {expected}, not {brief(given)}")
    return tuple(x for item, part in zip(items, given) for x in flattened(item, part, name))


def rebuilt(tree: Any, values: Iterator[Any], array: Callable[[list[Any]], Any] = list) -> Any:
    """Return the structure with the next values in the places of the Values; `array` makes what stands for one."""
    if tree is None:
        return next(values)
    cls, items = tree[0], [rebuilt(item, values, array) for item in tree[1]]
    if cls is Array:
        return array(items)
    if issubclass(cls, dict):
        return cls(dict(zip(tree[2], items)))
    return cls(*items) if hasattr(cls, "_fields") else cls(items)
