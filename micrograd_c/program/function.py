"""What jit makes of a function: it is called with numbers and batches, and runs as programs."""

from __future__ import annotations

import functools
import sys
import types
from _thread import interrupt_main, start_new_thread
from collections.abc import Callable
from typing import Any
from weakref import ref

from .._checks import flag
from .._core import brief, ffi
from .._core.absent import say_of
from .._core.interrupts import guarded
from .._operands import open_traces as _open
from .arguments import GUESS, NUMBER, Arguments
from .derivatives import Derivatives
from .program import BACKWARD, Program, record
from .static import options_in, static_arguments, without_first
from .trace import is_inside

_NULL = ffi.NULL
_new = ffi.new
_PLAIN = {float, int}
_MOST_PROGRAMS = 512  # that a function keeps; the oldest go first


class _Bound(ref):  # type: ignore[type-arg]
    """A weak reference to an instance, with the programs that its method has recorded."""

    __slots__ = ("key", "programs", "table")

    def __new__(cls, instance: Any, table: dict[int, Any]) -> Any:
        """Return a reference to `instance`, which `table` has by its id."""
        try:
            return ref.__new__(cls, instance, _forget)
        except TypeError:
            raise TypeError(
                f"a method made by jit needs instances that can be referred to weakly: "
                f"give {type(instance).__name__} the slot '__weakref__'"
            ) from None

    def __init__(self, instance: Any, table: dict[int, Any]) -> None:
        self.key, self.table = id(instance), table
        self.programs: list[dict[Any, Any]] = [{}]


@guarded
def _forget(bound: _Bound) -> None:
    try:
        if bound.table.get(bound.key) is bound:
            del bound.table[bound.key]
    except KeyboardInterrupt:
        _forget(bound)
        start_new_thread(interrupt_main, ())


class Function(Derivatives):
    """A function that runs as a program. Made by `jit`."""

    def __init__(self, function: Callable[..., Any], in_axes: Any = GUESS, static_argnames: Any = ()) -> None:
        self._kind = next((kind for kind in (classmethod, staticmethod) if isinstance(function, kind)), None)
        if self._kind is not None:
            function = function.__func__  # type: ignore[attr-defined]
        if not callable(function):
            raise TypeError(f"jit takes a function, not {type(function).__name__}")
        axes = in_axes if isinstance(in_axes, tuple) else (in_axes,)
        if isinstance(in_axes, str) and in_axes == GUESS:
            axes = ()
        if any(x is not None and type(x) is not int for x in axes):
            raise TypeError(f"in_axes must be an int, None or a tuple of them, not {brief(in_axes)}")
        self._function = function
        self._in_axes = in_axes
        # By Arguments.key; those of numbers alone by their count too. All that __get__ returns for one instance
        # share the list.
        self._programs: list[dict[Any, Program]] = [{}]
        self._bound: dict[int, _Bound] = {}  # by id of the instance
        functools.update_wrapper(self, function, updated=())
        self._name: str = getattr(function, "__qualname__", type(function).__name__)
        self._static = static_arguments(function, static_argnames, self._name)
        self._options: dict[str, float] = options_in(function)

    # ---- what users call -----------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the values of the function.

        Parameters
        ----------
        *args, **kwargs
            Numbers, and batches: arrays, lists or tuples of shape (N,) or (N, k), all of the same N. `in_axes` of
            `jit` may say otherwise. Static arguments, see `jit`, reach the function as they are.

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
        if not kwargs and (program := self._of_numbers(args)) is not None:
            return program.of_numbers(args)
        program, a = self._prepare(args, kwargs)
        return program.values(a)

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
        if _open:
            self._refuse_inside("backward", args, kwargs)
        if not kwargs and weights is None and reduce == "sum":
            found = self._of_numbers(args)
            if found is not None and found.tree is None:
                return found.backward_of_numbers(args)
        if self._options:
            self._refuse_options("backward", args, weights=weights is not None, reduce=reduce != "sum")
        out = _new("double[]", 1)
        program, a = self._prepare(args, kwargs, "backward")
        scale, w = (1.0, _NULL) if weights is None and reduce == "sum" else a.reduction(reduce, weights)
        program.run(BACKWARD, a, w, scale, out, _NULL, _NULL)
        value: float = out[0]
        return value

    def gradient(self, *args: Any, per_sample: bool = False, **kwargs: Any) -> Any:
        """Return the derivatives with respect to the arguments.

        Parameters
        ----------
        *args, **kwargs
            As for a call.
        per_sample : bool
            True: the derivative by a number beside batches is an array of shape (N,), one for each sample.

        Returns
        -------
        float or array, or a tuple of them
            One for each argument that is not static, of its shape: row i is the derivative of value i. For a number
            beside batches it is the sum over the samples. A single one has its derivative returned as it is.
        """
        if per_sample is not False and flag(per_sample, "per_sample"):
            self._refuse_options("gradient", args, per_sample=True)
            program, a = self._start("gradient", args, kwargs, "gradient")
            out = self._jacobian(program, a, a.places)
            return out[0] if len(out) == 1 else out
        return self._gradient(args, kwargs, False)[1]

    def value_and_gradient(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return what a call and what `gradient` returns, from one run."""
        return self._gradient(args, kwargs, True)

    def program(self, *args: Any, **kwargs: Any) -> Program:
        """Return the program for these arguments, traced now if need be; print it to read it."""
        return self._prepare(args, kwargs)[0]

    def retrace(self) -> None:
        """Forget what was recorded: the next call traces the function as it is then."""
        self._programs[0] = {}

    def __repr__(self) -> str:
        programs = "".join(
            f"\n  {p.title}: {p.nodes_recorded} nodes -> {p.nodes}" for p in {*self._programs[0].values()}
        )
        return f"<jit of {self._name}{programs or ': not traced yet'}>"

    # ---- methods -------------------------------------------------------------------------------------------------

    def __get__(self, instance: Any, owner: Any = None) -> Function:
        """Return the function with `instance` as its first argument, or the class, as Python's functions do.

        Each instance has programs of its own, as each class has. They live as long as it does.
        """
        bind = getattr(type(self._function), "__get__", None)
        if self._kind is classmethod:
            instance = type(instance) if owner is None else owner
        if instance is None or bind is None or self._kind is staticmethod:
            return self
        function = bind(self._function, instance, owner)
        if function is self._function:  # a bound method
            return self
        bound = self._bound.get(id(instance))
        if bound is None or bound() is not instance:
            bound = self._bound[id(instance)] = _Bound(instance, self._bound)
        out = Function.__new__(type(self))
        out.__dict__.update(
            self.__dict__, _kind=None, _function=function, __wrapped__=function, _programs=bound.programs
        )
        if isinstance(function, types.MethodType):
            out._static = without_first(self._function, self._static)
            out._options = self._options and options_in(function)
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
        return Function, (self._given(), self._in_axes, (*self._static[1],)), self._attributes() or None

    def _given(self, function: Any = None) -> Any:
        """Return what jit was given: a function, or a classmethod or a staticmethod of it."""
        function = self._function if function is None else function
        return function if self._kind is None else self._kind(function)

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        from copy import deepcopy

        if self._is_global():
            return self
        out = memo[id(self)] = Function(
            self._given(_deep_copy(self._function, memo)), self._in_axes, self._static[1]
        )
        vars(out).update(deepcopy(self._attributes(), memo))
        return out

    # ---- programs ------------------------------------------------------------------------------------------------

    def _of_numbers(self, args: tuple[Any, ...]) -> Program | None:
        """Return the program for these arguments if all are plain numbers, and it has been recorded."""
        return self._programs[0].get(len(args)) if not args or {*map(type, args)} <= _PLAIN else None

    def _prepare(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], single: str = ""
    ) -> tuple[Program, Arguments]:
        """Return the program for these arguments, recorded now if need be; `single`: what needs one Value."""
        a = Arguments(self._function, self._name, args, kwargs, self._in_axes, self._static)
        programs = self._programs[0]
        program = programs.get(a.key)
        if program is None:
            a.check_count()
            # No lock: two threads that come here at once both trace, and both take what the first one recorded.
            program = programs.setdefault(a.key, record(self._function, self._name, a))
            if not kwargs and not a.static and {*a.kinds} <= {NUMBER}:
                programs[len(args)] = program
            for key in [*programs][:-_MOST_PROGRAMS]:
                programs.pop(key, None)
        if single and program.tree is not None:
            raise TypeError(
                f"{single} needs a function that returns one Value; {self._name} returns a "
                f"{program.tree[0].__name__} of {program.outputs}"
            )
        return program, a

    def _gradient(self, args: Any, kwargs: Any, with_value: bool) -> tuple[Any, Any]:
        if _open:
            self._refuse_inside("gradient", args, kwargs)
        program, a = self._prepare(args, kwargs, "gradient")
        value, parts = program.gradient(a, with_value)
        return value, (parts[0] if len(parts) == 1 else parts)


# What users look for that belongs to the model.
_OF_THE_MODEL = ("parameters", "named_parameters", "zero_grad", "state_dict", "load_state_dict")
say_of(
    Function,
    {
        **{name: f"it belongs to the model that is called: write model.{name}(...)" for name in _OF_THE_MODEL},
        "grad": "write f.gradient(...) for arguments; f.backward(...) adds to the .grad of parameters",
    },
)

# ---- copies ------------------------------------------------------------------------------------------------------


def _deep_copy(function: Any, memo: dict[int, Any]) -> Any:
    """Return a deep copy; that of a Python function, or of a partial one, reads copies of what its closure has."""
    from copy import deepcopy

    if isinstance(function, types.ModuleType):
        return function
    if id(function) in memo:
        return memo[id(function)]
    if type(function) is functools.partial:
        inner = _deep_copy(function.func, memo)
        args = [_deep_copy(x, memo) for x in function.args]
        kwargs = {name: _deep_copy(x, memo) for name, x in function.keywords.items()}
        memo[id(function)] = made = functools.partial(inner, *args, **kwargs)
        vars(made).update((name, _deep_copy(x, memo)) for name, x in vars(function).items())
        return made
    if type(function) is not types.FunctionType:
        return deepcopy(function, memo)
    cells = function.__closure__ or ()
    closure = tuple(memo.setdefault(id(cell), types.CellType()) for cell in cells)
    out = types.FunctionType(function.__code__, function.__globals__, function.__name__, None, closure or None)
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
