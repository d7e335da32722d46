"""The arguments of a call, numbers and batches, as C wants them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from .._core import as_number, brief, ffi, lib
from .._core.absent import importing
from .._core.numbers import is_masked, numpys
from ..engine import Value
from .static import Static, by_place, is_static, key_of, parameters_of, signature_of
from .traced import TracedValue, outside

_NONE: frozenset[int] = frozenset()
_MOST = lib.MG_MOST_BATCHES
_NULL = ffi.NULL
_buffer = ffi.from_buffer

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
_NO_NUMBERS = (str, bytes, bytearray, dict, set, frozenset, complex)

# How an argument enters the function: NUMBER, ONE (a batch of numbers), ROWS + k (a batch of lists of k), or
# VECTOR - k (one list of k, the same for all samples).
NUMBER, ONE, ROWS, VECTOR = -1, 0, 1, -2
GUESS = "by shape"  # which arguments are batches, where in_axes does not say it


class Arguments:
    """The arguments of one call.

    Attributes
    ----------
    key : tuple
        The kinds, the names of keywords, and the static arguments with their places if there are any.
    kinds : tuple
        How each argument that is not static enters the function.
    static : dict
        The static arguments by their numbers.
    numbers : list of float, or double[]
        Arguments that are numbers, and the items of vectors.
    arrays, batches : list
        Arguments with a sample in every row, and the items of an ``mg_batch`` for each.
    n : int
        Samples.
    """

    __slots__ = (
        "_args",
        "_axes",
        "_function",
        "_kwargs",
        "_moved",
        "_name",
        "_static",
        "arrays",
        "batches",
        "key",
        "kinds",
        "n",
        "numbers",
        "static",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        in_axes: Any = GUESS,
        static: Static | None = None,
    ) -> None:
        self._function, self._name, self._args, self._kwargs = function, name, args, kwargs
        self._axes, self._static = in_axes, static  # None: all arguments must be numbers
        self._moved: frozenset[int] = _NONE  # arguments whose samples do not stand along the first axis
        if type(in_axes) is tuple and len(in_axes) != len(args):
            raise ValueError(
                f"{name}: in_axes={brief(in_axes)} names {len(in_axes)} arguments; {len(args)} are given"
            )
        self.numbers: Any = []
        self.arrays: list[Any] = []
        self.batches: list[tuple[Any, ...]] = []
        self.n: int = 1
        found: dict[int, Any] = {}
        kinds: list[int] = []
        named = static[1] and self._named() if static else None
        for i, x in enumerate((*args, *kwargs.values()) if kwargs else args):
            t = type(x)
            if named and i in named:
                found[i] = x
            elif (t is float or t is int) and (in_axes == GUESS or self._axis(i) is None):
                self.numbers.append(x)
                kinds.append(NUMBER)
            elif (kind := self._add(x, i)) is None:
                found[i] = x
            else:
                kinds.append(kind)
        self.static: dict[int, Any] = found
        self.kinds: tuple[int, ...] = tuple(kinds)
        self.key: tuple[Any, ...] = (*kinds, *kwargs) if kwargs else self.kinds
        if self.static:
            self.key += (tuple((i, self._key(i)) for i in self.static),)

    @property
    def places(self) -> Sequence[int]:
        """The numbers of the arguments that are not static; those given by name come after the others."""
        n = len(self.kinds) + len(self.static)
        return [i for i in range(n) if i not in self.static] if self.static else range(n)

    def _named(self) -> set[int]:
        """Return the numbers of the arguments that static_argnames names."""
        places, names = self._static or ((), ())
        n = len(self._args)
        return {i for i in places if i < n} | {n + i for i, name in enumerate(self._kwargs) if name in names}

    def _key(self, i: int) -> Any:
        try:
            return key_of(self.static[i])
        except TypeError as error:
            raise self._error(
                TypeError,
                i,
                f"is static, and each value of it has a trace, so it must be hashable, a tuple say: {error}",
            ) from None

    def _axis(self, i: int) -> Any:
        """Return the axis of argument i along which its samples stand; None: it is no batch."""
        if type(self._axes) is tuple:
            return self._axes[i] if i < len(self._axes) else GUESS
        return self._axes

    @property
    def sizes(self) -> list[int]:
        """How many inputs of a program each argument is."""
        return [size_of(kind) for kind in self.kinds]

    def as_given(self, parts: Sequence[Any]) -> tuple[Any, ...]:
        """Return arrays, one for each argument and the samples along the first axis, in the arguments' shapes."""
        return tuple(x.T if i in self._moved else x for i, x in zip(self.places, parts))

    def call(self, given: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return what the function is called with: these, and the static arguments in their places."""
        for i, x in self.static.items():
            given.insert(i, x)
        n = len(self._args)
        return given[:n], dict(zip(self._kwargs, given[n:]))

    def beside(self, other: Arguments) -> Arguments:
        """Return these arguments, and behind them others over the same samples."""
        out = copy(self)
        out.numbers, out.arrays = [*self.numbers, *other.numbers], self.arrays + other.arrays
        out.batches, out.kinds = self.batches + other.batches, self.kinds + other.kinds
        if len(out.batches) > _MOST:
            raise self._too_many()
        return out

    def _add(self, x: Any, i: int) -> int | None:
        """Add argument i, a number or a batch; return how it enters the function, None for one that is static."""
        axis = self._axes
        if type(axis) is tuple:
            axis = self._axis(i)
        if type(x) is not numpys("ndarray") or x.ndim == 0:
            if self._static is not None and is_static(x):
                return None
            number = None if isinstance(x, Value) or is_masked(type(x)) else as_number(x)
            if number is not None:
                if axis is not None and axis != GUESS:
                    raise self._error(ValueError, i, f"is a number; with in_axes={brief(axis)} it must be a batch")
                self.numbers.append(number)
                return NUMBER
            x = self._array(x, i)
        if axis is None:
            return self._add_vector(x, i)
        if axis != GUESS and axis != 0:
            if not -x.ndim <= axis < x.ndim:
                raise self._error(ValueError, i, f"has shape {x.shape}, which has no axis {brief(axis)} of in_axes")
            if axis % x.ndim:
                x = x.T
                self._moved |= {i}
        code = _TYPES.get(x.dtype.char)
        if code is None or not x.dtype.isnative:
            x, code = self._converted(x, i), lib.MG_F64
        shape, strides = x.shape, x.strides
        if x.ndim == 1:
            kind, columns, stride = ONE, 1, 0
        elif x.ndim == 2:
            kind, columns, stride = ROWS + shape[1], shape[1], strides[1]
        else:
            raise self._error(ValueError, i, f"has shape {shape}; a batch has shape (N,) or (N, k)")
        if self.batches:
            if shape[0] != self.n:
                self.check_count()
                raise ValueError(
                    f"{self._name}: all batches must have the same number of samples, but the shapes are "
                    f"{self._in_words()}"
                )
            if len(self.batches) == _MOST:
                raise self._too_many()
        self.n = shape[0]
        try:
            data = _buffer(x)
        except (BufferError, ValueError):  # not contiguous
            data = ffi.cast("void *", x.__array_interface__["data"][0])
        self.batches.append((data, columns, strides[0], stride, code))
        self.arrays.append(x)
        return kind

    def _add_vector(self, x: Any, i: int) -> int:
        """Add argument i, the same for all samples."""
        if x.dtype.char not in _TYPES or not x.dtype.isnative:
            x = self._converted(x, i)
        if x.ndim != 1:
            raise self._error(ValueError, i, f"has shape {x.shape}; what is no batch is a number or has shape (k,)")
        sole = len(self._args) + len(self._kwargs) == 1
        if sole and x.dtype.char == "d" and x.flags.c_contiguous and x.flags.aligned:
            self.numbers = _buffer("double[]", x)  # C reads it where it is
        else:
            self.numbers += x.tolist()
        return VECTOR - len(x)

    def _array(self, x: Any, i: int) -> Any:
        """Return a list, a tuple or the like as an array."""
        types = _types_within(x)
        if TracedValue in types:
            raise outside()
        if wrong := [t for t in types if t is type(None) or issubclass(t, (Value, *_NO_NUMBERS)) or is_masked(t)]:
            raise self.no_number(wrong[0], i)
        numpy = import_numpy()
        try:
            return numpy.asarray(x)
        except ValueError as error:
            raise self._error(ValueError, i, f"is no array of shape (N,) or (N, k): {error}") from None

    def _converted(self, x: Any, i: int) -> Any:
        """Return an array of another type as one of floats."""
        if x.dtype.kind in "biuf":
            return x.astype(float)
        if x.dtype.kind != "O":
            raise self.no_number(x.dtype, i)
        out = sys.modules["numpy"].empty(x.shape)
        for at, item in enumerate(x.flat):
            number = None if isinstance(item, Value) else as_number(item)
            if number is None:
                raise self.no_number(type(item), i)
            out.flat[at] = float(number)  # an OverflowError of Python's
        return out

    def reduction(self, reduce: str, weights: Any) -> tuple[float, Any]:
        """Return the factor of the sum over the samples, and their weights for C."""
        if not isinstance(reduce, str) or reduce not in ("sum", "mean"):
            raise ValueError(f"reduce must be 'sum' or 'mean', not {brief(reduce)}")
        if weights is None:
            if reduce == "mean" and self.n == 0:
                raise ValueError(f"reduce='mean' needs at least one sample; {self._shapes()}")
            return 1.0 if reduce == "sum" else 1.0 / self.n, _NULL
        if not self.batches:
            raise ValueError("weights are one for each sample of a batch, and there is no batch")
        numpy = import_numpy()
        given = Arguments(lambda weights: None, self._name, (weights,), {})
        if given.key != (ONE,) or given.n != self.n:
            raise ValueError(f"weights have shape {numpy.shape(weights)}, and {self._shapes()}")
        w = numpy.require(given.arrays[0], float, ["C", "A"])  # it may be read-only
        if not numpy.isfinite(w).all():
            raise ValueError(
                f"weights of shape {w.shape} must be finite; number {int(numpy.isfinite(w).argmin())} is not"
            )
        total = float(w.sum())
        if reduce == "mean" and (self.n == 0 or total == 0.0):
            raise ValueError(f"the mean with weights of shape {w.shape} whose sum is {total}")
        return 1.0 if reduce == "sum" else 1.0 / total, _buffer("double[]", w)

    # ---- names and errors ----------------------------------------------------------------------------------------

    def check_count(self) -> None:
        """Raise TypeError where arguments are missing or too many."""
        try:
            signature = signature_of(self._function)
        except (TypeError, ValueError):  # the call itself will tell
            return
        try:
            signature.bind(*self._args, **self._kwargs)
        except TypeError as error:
            plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
            there = inspect.Signature(plain)
            raise TypeError(f"{self._name}{there}: {error}; given: {self._in_words()}") from None

    def names(self) -> list[str]:
        """Return the name of each argument, its number where the function does not name it."""
        named, n = by_place(parameters_of(self._function)), len(self._args)
        return [*named[:n], *map(str, range(len(named), n)), *self._kwargs]

    def _shapes(self) -> str:
        return f"the batches have shapes {[x.shape for x in self.arrays]}"

    def _in_words(self) -> str:
        pairs = zip(self.names(), (*self._args, *self._kwargs.values()))
        return ", ".join(f"{name}: {_shape(x)}" for name, x in pairs) or "nothing"

    def _error(self, cls: type[Exception], i: int, what: str) -> Exception:
        return cls(f"{self._name}: argument {self.names()[i]} {what}")

    def _too_many(self) -> ValueError:
        return ValueError(f"{self._name}: more than {_MOST} batches; put them side by side in one array (N, k)")

    def no_number(self, found: Any, i: int) -> Exception:
        """Return the error for argument i that is or holds something of this class or dtype."""
        self.check_count()  # polars calls with return_dtype first, and reads Python's words for what is not there
        hint, given = "", (*self._args, *self._kwargs.values())[i]
        if hasattr(found, "_mg_h"):  # of another import of this package too
            hint = (
                ": call the function without jit, f.__wrapped__(v), or pass v.data, through which no gradient "
                "flows; a parameter is read by the function, and not passed"
            )
        elif isinstance(found, type) and is_masked(found):
            hint = ": pass a.filled(number), or a.compressed()"
        elif isinstance(given, type):
            hint = ": to make a program of a method of a class, write @mg.jit above @classmethod"
        elif self._static is not None and type(given) is found and found.__hash__ is not None:
            hint = f"; if it chooses what is computed, let jit(f, static_argnames={self.names()[i]!r}) know"
        name = getattr(found, "__name__", found)
        return self._error(TypeError, i, f"must be a number or an array of real numbers, not {name}{hint}")


def size_of(kind: int) -> int:
    """Return how many inputs of a program an argument is."""
    return 1 if kind in (NUMBER, ONE) else kind - ROWS if kind >= ROWS else VECTOR - kind


def import_numpy() -> Any:
    """Return numpy, or say who needs it: numbers alone do without."""
    try:
        if "numpy" not in sys.modules:
            with importing:
                import numpy
        import numpy
    except ImportError as error:
        raise ImportError(
            "jit takes batches, and gives matrices, as arrays of numpy's: pip install numpy, or micrograd-c[numpy]"
        ) from error
    return numpy


def doubles(array: Any) -> Any:
    """Return an array of floats for C, which may write into it."""
    return _buffer("double[]", array, require_writable=True)


def _shape(x: Any) -> str:
    """Return the shape of an argument in words."""
    if as_number(x) is not None:
        return "a number"
    numpy = import_numpy()
    try:
        return str(numpy.shape(x) or type(x).__name__)
    except ValueError:
        return "ragged"


def _types_within(x: Any) -> set[type]:
    """Return the classes of what a list or tuple holds, or rows in it; of anything else its own."""
    if not isinstance(x, (list, tuple)):
        return {type(x)}
    return {*map(type, x)}.union(*({*map(type, row)} for row in x if isinstance(row, (list, tuple))))
