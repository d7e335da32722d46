"""Programs: a function of scalars, traced once, runs natively over whole batches.

>>> import micrograd_c as mg
>>> a = mg.Value(3.0)
>>> @mg.jit
... def f(x):
...     return a * x * x
>>> f(2.0)
12.0
>>> f.gradient(2.0)
12.0
>>> f.backward(2.0), a.grad
(12.0, 4.0)
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import ref

from ._core import as_number, check, core, ffi, lib
from ._core.interrupts import raised_later
from ._tracing import Trace, TracedValue, TracingError, _open, closure_error, is_inside, leaves_below, outside
from .engine import Value

__all__ = ["Function", "Program", "TracingError", "jit", "set_threads"]

_VALUES, _BACKWARD, _GRADIENT = lib.MG_VALUES, lib.MG_BACKWARD, lib.MG_GRADIENT
_MOST = lib.MG_MOST_ARGUMENTS
_NULL = ffi.NULL
_run, _run_once = lib.mg_program_run, lib.mg_program_run_once
_new, _buffer = ffi.new, ffi.from_buffer

# Characters of numpy's dtypes whose numbers C reads as they are; long's size depends on the system.
_TYPES = {
    "d": lib.MG_F64,
    "f": lib.MG_F32,
    "q": lib.MG_I64,
    "l": lib.MG_I64 if ffi.sizeof("long") == 8 else lib.MG_I32,
    "i": lib.MG_I32,
    "h": lib.MG_I16,
    "b": lib.MG_I8,
    "Q": lib.MG_U64,
    "L": lib.MG_U64 if ffi.sizeof("unsigned long") == 8 else lib.MG_U32,
    "I": lib.MG_U32,
    "H": lib.MG_U16,
    "B": lib.MG_U8,
    "?": lib.MG_U8,
}

# How an argument enters the function: _NUMBER, _ONE (a batch of numbers), or _ROWS + k (a batch of lists of k).
_NUMBER, _ONE, _ROWS = -1, 0, 1
_PLAIN = {float, int}


def jit(function: Callable[..., Any]) -> Function:
    """Let a function of scalars be traced once and then run natively.

    Parameters
    ----------
    function : callable
        Plain scalar code for one sample. It is called with a Value for each number and each batch of shape (N,),
        and with a list of k Values for each batch of shape (N, k). It returns a Value, or tuples, lists and dicts
        of Values.

    Returns
    -------
    Function
        Called like `function`, with numbers and batches.
    """
    return function if isinstance(function, Function) else Function(function)


def set_threads(n: int) -> None:
    """Let programs use so many threads, the caller's included.

    Parameters
    ----------
    n : int
        1 or more. At first it is MICROGRAD_C_THREADS, or else the number of cores that the process may use. Results
        are the same for any number.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"set_threads(n): n must be an int, not {type(n).__name__}")
    if n < 1:
        raise ValueError(f"set_threads({n}): there must be 1 thread at least")
    check(lib.mg_set_threads(min(int(n), 1 << 16)))


def _default_threads() -> int:
    text = os.environ.get("MICROGRAD_C_THREADS", "")
    if text:
        if not text.isdigit() or int(text) < 1:
            raise ValueError(f"MICROGRAD_C_THREADS={text}: it must be a whole number, 1 or more")
        return int(text)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


set_threads(_default_threads())


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

    def __init__(self, name: str, signature: str, c: Any, parameters: tuple[Value, ...], tree: Any) -> None:
        self._c = c
        self._tree = tree
        self._parameters = parameters  # `c` has their handles: they must live as long
        self._title = f"{name}({signature})"
        figures = ffi.new("mg_program_figures *")
        lib.mg_program_describe(c, figures)
        self.nodes_recorded: int = figures.recorded
        self.nodes: int = figures.nodes
        self.instructions: int = figures.instructions
        self.inputs: int = figures.inputs
        self.outputs: int = figures.outputs
        self.bytes: int = figures.bytes

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
            f"program of {self._title}\n"
            f"{self.nodes_recorded} nodes recorded, {self.nodes} after optimisation, "
            f"{self.instructions} instructions; {self.inputs} inputs, {len(self.parameters)} parameters, "
            f"{self.bytes} bytes\n{self.listing}"
        )

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a program cannot be copied or pickled: copy the function that it was recorded from, {self._title}"
        )


class _Arguments:
    """The arguments of one call, as C wants them."""

    __slots__ = ("data", "keep", "kinds", "layout", "n", "numbers", "shapes")

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.numbers: list[float] = []
        self.data: list[Any] = []  # pointers
        self.layout: list[int] = []  # columns, bytes from sample to sample, from column to column, type
        self.shapes: list[Any] = []  # of each batch
        self.keep: list[Any] = []
        self.n = 1  # samples


class Function:
    """A function that runs as a program. Made by `jit`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise TypeError(f"jit takes a function, not {type(function).__name__}")
        self._function = function
        # By kinds of arguments and names of keywords; those of numbers alone by their count too. All that __get__
        # returns for one instance share the list.
        self._programs: list[dict[Any, Program]] = [{}]
        self._bound: dict[int, _Bound] = {}  # by id of the instance
        functools.update_wrapper(self, function, updated=())
        self._name: str = getattr(function, "__qualname__", type(function).__name__)

    # ---- what users call -----------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the values of the function.

        Parameters
        ----------
        *args, **kwargs
            Numbers, and batches: arrays, lists or tuples of shape (N,) or (N, k), all of the same N.

        Returns
        -------
        float or array of shape (N,)
            A float where no argument is a batch. The same structure of them where the function returns several.

        Raises
        ------
        TracingError
            Where the function asks for the number of a traced Value.
        """
        if _open and is_inside((*args, *kwargs.values())):
            return self._function(*args, **kwargs)
        if not kwargs and {*map(type, args)} <= _PLAIN:
            program = self._programs[0].get(len(args))
            if program is not None:
                return self._once(program, args)
        a = self._arguments(args, kwargs)
        program = self._program(a, args, kwargs)
        if not a.data:
            return self._once(program, a.numbers)
        values = _numpy().empty((program.outputs, a.n))
        self._call(program, _VALUES, a, _NULL, 1.0, _doubles(values), _NULL, _NULL)
        return values[0] if program._tree is None else _rebuild(program._tree, iter(values))

    def backward(self, *args: Any, reduce: str = "sum", weights: Any = None, **kwargs: Any) -> float:
        """Add the gradients of the reduced value to `.grad` of all parameters, as Value.backward does.

        Parameters
        ----------
        *args, **kwargs
            As for a call.
        reduce : {'sum', 'mean'}
            How the values f of the samples become one number: sum w*f, or sum w*f / sum w.
        weights : array of shape (N,), optional
            The w; 1 without them. They must be finite.

        Returns
        -------
        float
            The reduced value.
        """
        if _open and is_inside((*args, *kwargs.values())):
            raise TracingError(f"{self._name}.backward() is called while another function is traced")
        out = _new("double[]", 1)
        a = self._arguments(args, kwargs)
        program = self._program(a, args, kwargs)
        if program._tree is not None:
            raise self._several(program, "backward")
        scale, w = (1.0, _NULL) if weights is None and reduce == "sum" else _reduction(reduce, weights, a)
        if a.data:
            self._call(program, _BACKWARD, a, w, scale, out, _NULL, _NULL)
        else:
            status = _run_once(program._c, _BACKWARD, a.numbers, out, _NULL)
            if status < 0:
                check(status)
        value: float = out[0]
        return value

    def gradient(self, *args: Any, **kwargs: Any) -> Any:
        """Return the derivatives with respect to the arguments.

        Returns
        -------
        float or array, or a tuple of them
            One for each argument, of its shape: row i is the derivative of value i. For a number beside batches it
            is the sum over the samples. A single argument has its derivative returned as it is.
        """
        return self._gradient(args, kwargs, False)[1]

    def value_and_gradient(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return what a call and what `gradient` returns, from one run."""
        return self._gradient(args, kwargs, True)

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """Return the program for these arguments, traced now if need be; print it to read it."""
        return self._program(self._arguments(args, kwargs), args, kwargs)

    def retrace(self) -> None:
        """Forget what was recorded: the next call traces the function as it is then."""
        self._programs[0] = {}

    def __repr__(self) -> str:
        programs = "".join(
            f"\n  {p._title}: {p.nodes_recorded} nodes -> {p.nodes}" for p in {*self._programs[0].values()}
        )
        return f"<jit of {self._name}{programs or ': not traced yet'}>"

    # ---- methods -------------------------------------------------------------------------------------------------

    def __get__(self, instance: Any, owner: Any = None) -> Function:
        """Return the function with `instance` as its first argument, as Python's functions do.

        Each instance has programs of its own. They live as long as it does.
        """
        bind = getattr(type(self._function), "__get__", None)
        if instance is None or bind is None:
            return self
        function = bind(self._function, instance, owner)
        if function is self._function:  # a bound method
            return self
        bound = self._bound.get(id(instance))
        if bound is None or bound() is not instance:
            bound = self._bound[id(instance)] = _Bound(instance, self._bound)
        out = Function.__new__(type(self))
        out.__dict__.update(self.__dict__, _function=function, __wrapped__=function, _programs=bound.programs)
        return out

    # ---- copies --------------------------------------------------------------------------------------------------

    def _is_global(self) -> bool:
        """Tell whether module and qualified name lead to this object."""
        found: Any = sys.modules.get(self.__module__)
        for name in getattr(self, "__qualname__", "?").split("."):
            found = getattr(found, name, None)
        return found is self

    def _attributes(self) -> dict[str, Any]:
        """Return what users have set."""
        own = vars(Function(self._function))
        return {name: x for name, x in vars(self).items() if name not in own}

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._is_global() and not (self.__module__ == "__main__" and _by_value()):
            return getattr(self, "__qualname__")  # noqa: B009, it is an attribute of the instance
        return jit, (self._function,), self._attributes() or None

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        from copy import deepcopy

        if self._is_global():
            return self
        out = memo[id(self)] = Function(_deep_copy(self._function, memo))
        vars(out).update(deepcopy(self._attributes(), memo))
        return out

    # ---- a run ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _once(program: Program, numbers: Sequence[float]) -> Any:
        """Return the values where there is no batch."""
        out = _new("double[]", program.outputs)
        status = _run_once(program._c, _VALUES, numbers, out, _NULL)
        if status < 0:
            check(status)
        return out[0] if program._tree is None else _rebuild(program._tree, iter(out))

    @staticmethod
    def _call(program: Program, what: int, a: _Arguments, weights: Any, scale: float, *out: Any) -> None:
        unfinished = _new("mg_work **")
        data = a.data
        try:
            status = _run(
                program._c, what, a.n, a.numbers, len(data), data, a.layout, weights, scale, *out, unfinished
            )
            while status == 1:  # between two slices Python looks at its signals
                status = lib.mg_program_resume(unfinished)
        finally:
            if unfinished[0]:
                lib.mg_program_give_up(unfinished)
        if status < 0:
            check(status)

    def _gradient(self, args: Any, kwargs: Any, with_value: bool) -> tuple[Any, Any]:
        if _open and is_inside((*args, *kwargs.values())):
            raise TracingError(f"{self._name}.gradient() is called while another function is traced")
        a = self._arguments(args, kwargs)
        program = self._program(a, args, kwargs)
        if program._tree is not None:
            raise self._several(program, "gradient")
        numbers = _new("double[]", max(1, len(a.numbers)))
        arrays = [_numpy().empty(shape) for shape in a.shapes]
        if a.data:
            value = _numpy().empty(a.n)
            value_pointer = _doubles(value) if with_value else _NULL
        else:
            value = value_pointer = _new("double[]", 1)
        gradients = [_doubles(array) for array in arrays]
        self._call(program, _GRADIENT, a, _NULL, 1.0, value_pointer, numbers, gradients)
        next_array, next_number = iter(arrays), iter(numbers)
        parts = tuple(next(next_number) if kind == _NUMBER else next(next_array) for kind in a.kinds)
        return (value if a.data else value[0]), (parts[0] if len(parts) == 1 else parts)

    def _several(self, program: Program, what: str) -> TypeError:
        return TypeError(
            f"{what} needs a function that returns one Value; {self._name} returns a {program._tree[0].__name__} "
            f"of {program.outputs}"
        )

    # ---- arguments -----------------------------------------------------------------------------------------------

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Arguments:
        a = _Arguments()
        for i, x in enumerate(args):
            t = type(x)
            if t is float or t is int:
                a.kinds.append(_NUMBER)
                a.numbers.append(x)
            else:
                self._add(a, x, i, args, kwargs)
        for name, x in kwargs.items():
            self._add(a, x, name, args, kwargs)
        return a

    def _add(self, a: _Arguments, x: Any, which: int | str, args: Any, kwargs: Any) -> None:
        """Add a number or a batch."""
        numpy = sys.modules.get("numpy")
        if numpy is None or type(x) is not numpy.ndarray or x.ndim == 0:
            number = None if isinstance(x, Value) or _is_masked(type(x)) else as_number(x)
            if number is not None:
                a.kinds.append(_NUMBER)
                a.numbers.append(number)
                return
            x = self._array(x, which)
        shape, strides = x.shape, x.strides
        code = _TYPES.get(x.dtype.char)
        if code is None or not x.dtype.isnative:
            x = self._converted(x, which)
            shape, strides, code = x.shape, x.strides, lib.MG_F64
        if len(shape) == 1:
            a.kinds.append(_ONE)
            a.layout += (1, strides[0], 0, code)
        elif len(shape) == 2:
            a.kinds.append(_ROWS + shape[1])
            a.layout += (shape[1], strides[0], strides[1], code)
        else:
            raise ValueError(
                f"{self._name}: argument {self._argument_name(which)} has shape {shape}; "
                "a batch has shape (N,) or (N, k)"
            )
        if a.data and shape[0] != a.n:
            raise ValueError(
                f"{self._name}: all batches must have the same number of samples, but the shapes are "
                f"{self._shapes(args, kwargs)}"
            )
        if len(a.data) == _MOST:
            raise ValueError(f"{self._name}: more than {_MOST} batches; put them side by side in one array (N, k)")
        a.n = shape[0]
        a.shapes.append(shape)
        try:
            a.data.append(_buffer(x))
        except (BufferError, ValueError):  # not contiguous
            a.data.append(ffi.cast("void *", x.__array_interface__["data"][0]))
        a.keep.append(x)

    def _array(self, x: Any, which: int | str) -> Any:
        """Return a list, a tuple or the like as an array."""
        types = _types_within(x)
        if TracedValue in types:
            raise outside()
        if wrong := [t for t in types if t is type(None) or issubclass(t, (Value, *_NO_NUMBERS)) or _is_masked(t)]:
            raise self._no_number(wrong[0], which)
        try:
            return _numpy().asarray(x)
        except ValueError as error:
            raise ValueError(
                f"{self._name}: argument {self._argument_name(which)} is no array of shape (N,) or (N, k): {error}"
            ) from None

    def _converted(self, x: Any, which: int | str) -> Any:
        """Return an array of another type as one of floats."""
        if x.dtype.kind in "biuf":
            return x.astype(float)
        if x.dtype.kind != "O":
            raise self._no_number(x.dtype, which)
        numbers = []
        for item in x.flat:
            number = None if isinstance(item, Value) else as_number(item)
            if number is None:
                raise self._no_number(type(item), which)
            numbers.append(number)
        return _numpy().array(numbers, float).reshape(x.shape)

    def _no_number(self, found: Any, which: int | str) -> TypeError:
        """Return the error for an argument that is or holds something of this class or dtype."""
        hint = ""
        if isinstance(found, type) and issubclass(found, Value):
            hint = ": pass its .data, or call the function without jit"
        elif isinstance(found, type) and _is_masked(found):
            hint = ": pass a.filled(number), or a.compressed()"
        return TypeError(
            f"{self._name}: argument {self._argument_name(which)} must be a number or an array of real numbers, "
            f"not {getattr(found, '__name__', found)}{hint}"
        )

    def _argument_name(self, which: int | str) -> str:
        if isinstance(which, str):
            return which
        names = self._parameter_names()
        return names[which] if which < len(names) else str(which)

    def _parameter_names(self) -> list[str]:
        try:
            parameters = inspect.signature(self._function).parameters.values()
        except (TypeError, ValueError):
            return []
        return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]

    def _shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        named = [(self._argument_name(i), x) for i, x in enumerate(args)] + list(kwargs.items())
        return ", ".join(f"{name}: {_shape(x)}" for name, x in named) or "nothing"

    # ---- traces --------------------------------------------------------------------------------------------------

    def _program(self, a: _Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
        key = (*a.kinds, *kwargs) if kwargs else tuple(a.kinds)
        programs = self._programs[0]
        program = programs.get(key)
        if program is None:
            self._check_count(args, kwargs)
            # No lock: two threads that come here at once both trace, and both take what the first one recorded.
            program = programs.setdefault(key, self._trace(a, kwargs))
            if not kwargs and not a.data:
                programs[len(args)] = program
        return program

    def _check_count(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise TypeError where arguments are missing or too many."""
        try:
            signature = inspect.signature(self._function)
        except (TypeError, ValueError):  # the call itself will tell
            return
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}{signature}: {error}; given: {self._shapes(args, kwargs)}") from None

    def _trace(self, a: _Arguments, kwargs: dict[str, Any]) -> Program:
        trace = Trace()
        try:
            sizes = [1 if kind in (_NUMBER, _ONE) else kind - _ROWS for kind in a.kinds]
            inputs = trace.inputs(sum(sizes))
            rest = iter(inputs)
            values: list[Any] = [
                [next(rest) for _ in range(size)] if kind >= _ROWS else next(rest)
                for kind, size in zip(a.kinds, sizes)
            ]
            positional = len(values) - len(kwargs)
            result = trace.run(self._function, values[:positional], dict(zip(kwargs, values[positional:])))
            outputs: list[Value] = []
            tree = self._flatten(result, outputs)
            batched = [kind != _NUMBER for kind, size in zip(a.kinds, sizes) for _ in range(size)]
            c = self._compile(trace, inputs, batched, outputs)
        finally:
            trace.close()
        leaves = leaves_below(list(trace.plain.values()))
        count = ffi.new("mg_program_figures *")
        lib.mg_program_describe(c, count)
        handles = ffi.unpack(lib.mg_program_parameters(c), count.parameters)
        names = [*self._parameter_names()[:positional], *kwargs] if len(a.kinds) else []
        names += [str(i) for i in range(len(names), len(a.kinds))]
        signature = ", ".join(f"{name}: {_kind(kind)}" for name, kind in zip(names, a.kinds))
        return Program(self._name, signature, c, tuple(leaves[handle] for handle in handles), tree)

    def _compile(self, trace: Trace, inputs: Sequence[Value], batched: list[bool], outputs: list[Value]) -> Any:
        status = ffi.new("int32_t[2]")
        c = lib.mg_program_new(
            core.handle_of(trace.marker),
            core.handles(map(trace.node_of, inputs)),
            batched,
            len(inputs),
            core.handles(map(trace.node_of, outputs)),
            len(outputs),
            status,
            status + 1,
        )
        if status[0] == 1:
            raise closure_error(status[1], self._function, self._name)
        check(status[0])
        return ffi.gc(c, lib.mg_program_free)

    def _flatten(self, result: Any, outputs: list[Value]) -> Any:
        """Add the Values of a result to `outputs`; return its structure, None for a single one."""
        if isinstance(result, Value):
            outputs.append(result)
            return None
        if isinstance(result, (list, tuple)):
            return type(result), [self._flatten(item, outputs) for item in result]
        if isinstance(result, dict):
            return dict, [self._flatten(item, outputs) for item in result.values()], list(result)
        number = as_number(result)
        if number is None:
            raise TypeError(
                f"{self._name} must return Values, or tuples, lists and dicts of them, not {type(result).__name__}"
            )
        outputs.append(Value(number))
        return None


def _numpy() -> Any:
    import numpy

    return numpy


def _doubles(array: Any) -> Any:
    return _buffer("double[]", array, require_writable=True)


def _shape(x: Any) -> str:
    """Return the shape of an argument in words."""
    if as_number(x) is not None:
        return "a number"
    try:
        return str(_numpy().shape(x))
    except ValueError:
        return "ragged"


_NO_NUMBERS = (str, bytes, bytearray, dict, set, frozenset, complex)


def _types_within(x: Any) -> set[type]:
    """Return the classes of what a list or tuple holds, or rows in it; of anything else its own."""
    if not isinstance(x, (list, tuple)):
        return {type(x)}
    return {*map(type, x)}.union(*({*map(type, row)} for row in x if isinstance(row, (list, tuple))))


def _is_masked(t: type) -> bool:
    masked = sys.modules.get("numpy.ma")
    return masked is not None and issubclass(t, masked.MaskedArray)


def _kind(kind: int) -> str:
    return "number" if kind == _NUMBER else "batch" if kind == _ONE else f"batch of {kind - _ROWS}"


def _rebuild(tree: Any, values: Iterator[Any]) -> Any:
    if tree is None:
        return next(values)
    cls, items = tree[0], [_rebuild(item, values) for item in tree[1]]
    if cls is dict:
        return dict(zip(tree[2], items))
    return cls(*items) if hasattr(cls, "_fields") else cls(items)


def _reduction(reduce: str, weights: Any, a: _Arguments) -> tuple[float, Any]:
    """Return the factor of the sum, and the weights for C."""
    if reduce != "sum" and reduce != "mean":
        raise ValueError(f"reduce must be 'sum' or 'mean', not {reduce!r}")
    n = a.n if a.data else 1
    if weights is None:
        if reduce == "sum":
            return 1.0, _NULL
        if n == 0:
            raise ValueError(f"the mean of no samples: the batches have the shapes {a.shapes}")
        return 1.0 / n, _NULL
    if not a.data:
        raise ValueError("weights are one for each sample of a batch, and there is no batch")
    w = _numpy().ascontiguousarray(weights, dtype=float)
    if w.shape != (n,):
        raise ValueError(
            f"weights have shape {_numpy().shape(weights)}, and the batches have the shapes {a.shapes}"
        )
    if not _numpy().isfinite(w).all():
        raise ValueError(
            f"weights of shape {w.shape} must be finite; number {int(_numpy().isfinite(w).argmin())} is not"
        )
    total = float(w.sum())
    if reduce == "mean" and (n == 0 or total == 0.0):
        raise ValueError(f"the mean with weights of shape {w.shape} whose sum is {total}")
    a.keep.append(w)
    return (1.0 if reduce == "sum" else 1.0 / total), _buffer("double[]", w)


class _Bound(ref):  # type: ignore[type-arg]
    """A weak reference to an instance, with the programs that its method has recorded."""

    __slots__ = ("key", "programs", "table")

    def __new__(cls, instance: Any, table: dict[int, Any]) -> _Bound:
        try:
            return ref.__new__(cls, instance, _forget)
        except TypeError:
            raise TypeError(
                f"a method made by jit needs instances that can be referred to weakly: "
                f"give {type(instance).__name__} the slot '__weakref__'"
            ) from None

    def __init__(self, instance: Any, table: dict[int, Any]) -> None:
        self.key, self.table = id(instance), table
        self.programs: list[dict[Any, Program]] = [{}]


@raised_later
def _forget(bound: _Bound) -> None:
    if bound.table.get(bound.key) is bound:
        del bound.table[bound.key]


def _deep_copy(function: Any, memo: dict[int, Any]) -> Any:
    """Return a deep copy; that of a Python function reads copies of the variables in its closure."""
    from copy import deepcopy

    if isinstance(function, types.ModuleType):
        return function
    if type(function) is not types.FunctionType:
        return deepcopy(function, memo)
    if id(function) in memo:
        return memo[id(function)]
    cells = function.__closure__ or ()
    closure = [memo.setdefault(id(cell), types.CellType()) for cell in cells]
    out = types.FunctionType(function.__code__, function.__globals__, function.__name__, None, tuple(closure))
    memo[id(function)] = functools.update_wrapper(out, function)
    del out.__wrapped__  # type: ignore[attr-defined]
    out.__defaults__ = deepcopy(function.__defaults__, memo)
    out.__kwdefaults__ = deepcopy(function.__kwdefaults__, memo)
    for cell, copy in zip(cells, closure):
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        copy.cell_contents = _deep_copy(content, memo)
    return out


def _by_value() -> bool:
    """Tell whether cloudpickle, by itself or inside of joblib and others, is at work: it copies __main__."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "pickle":
        frame = frame.f_back
    return frame is not None and "cloudpickle" in frame.f_globals.get("__name__", "")


class _Module(types.ModuleType):
    """Whichever way `micrograd_c.jit` is imported, function or module, it can be called."""

    def __call__(self, function: Callable[..., Any]) -> Function:
        return jit(function)

    def __reduce__(self) -> Any:
        return importlib.import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Module
