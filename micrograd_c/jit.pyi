"""Types of `jit`: what a function that takes Values takes as a program, by the number of its arguments.

`Function` has as parameters what the function returns, its arguments as numbers, the gradient by numbers, the
gradient by batches, and its arguments as batches.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from typing_extensions import ParamSpec, TypeAlias, TypeVarTuple, Unpack

from ._core.operators import Number
from .engine import Value
from .program.derivatives import Derivatives
from .program.program import Program as Program
from .program.traced import TracingError as TracingError

class _Array(Protocol):
    def __array__(self) -> NDArray[Any]: ...

Batch: TypeAlias = Number | _Array | Sequence[Number] | Sequence[Sequence[Number]]
Array: TypeAlias = NDArray[np.float64]
Reduce: TypeAlias = Literal["sum", "mean"]
Axes: TypeAlias = int | tuple[int | None, ...] | None
Names: TypeAlias = str | Sequence[str]

_R = TypeVar("_R")
_Numbers = ParamSpec("_Numbers")
_N = TypeVar("_N")
_B = TypeVar("_B")
_Ts = TypeVarTuple("_Ts")

# What a function gets for numbers and batches. One with another argument, a text say, is _Open.
class _Given(Value, list[Value]): ...  # type: ignore[misc]

class Function(Derivatives, Generic[_R, _Numbers, _N, _B, Unpack[_Ts]]):
    @overload
    def __call__(
        self: Function[Value, _Numbers, _N, _B, Unpack[_Ts]], *args: _Numbers.args, **kwargs: _Numbers.kwargs
    ) -> float: ...
    @overload
    def __call__(self: Function[Value, _Numbers, _N, _B, Unpack[_Ts]], *args: Unpack[_Ts]) -> Array: ...
    @overload
    def __call__(self, *args: Unpack[_Ts]) -> Any: ...
    @overload
    def __call__(self: _Open, *args: Any, **kwargs: Any) -> Any: ...
    @overload
    def __call__(self, first: Batch = ..., /, **kwargs: Batch | str | None) -> Any: ...
    @overload
    def backward(self, *args: Unpack[_Ts], reduce: Reduce = "sum", weights: Batch | None = None) -> float: ...
    @overload
    def backward(
        self: _Open, *args: Any, reduce: Reduce = "sum", weights: Batch | None = None, **kwargs: Any
    ) -> float: ...
    @overload
    def backward(
        self,
        first: Batch = ...,
        /,
        *,
        reduce: Reduce = "sum",
        weights: Batch | None = None,
        **kwargs: Batch | str | None,
    ) -> float: ...
    @overload
    def gradient(self, *args: _Numbers.args, **kwargs: _Numbers.kwargs) -> _N: ...
    @overload
    def gradient(self, *args: Unpack[_Ts], per_sample: bool = False) -> _B: ...
    @overload
    def gradient(self, first: Batch = ..., /, *, per_sample: bool = False, **kwargs: Batch | str | None) -> Any: ...
    @overload
    def value_and_gradient(self, *args: _Numbers.args, **kwargs: _Numbers.kwargs) -> tuple[float, _N]: ...
    @overload
    def value_and_gradient(self, *args: Unpack[_Ts]) -> tuple[Array, _B]: ...
    @overload
    def value_and_gradient(self, first: Batch = ..., /, **kwargs: Batch | str | None) -> tuple[Any, Any]: ...
    @overload
    def program(self, *args: Unpack[_Ts]) -> Program: ...
    @overload
    def program(self: _Open, *args: Any, **kwargs: Any) -> Program: ...
    @overload
    def program(self, first: Batch = ..., /, **kwargs: Batch | str | None) -> Program: ...
    def retrace(self) -> None: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Function[_R, _Numbers, _N, _B, Unpack[_Ts]]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> _Open: ...

# Its arguments are not known one by one: what comes out may be a number or an array.
_Open: TypeAlias = Function[object, ..., Any, Any, Unpack[tuple[Any, ...]]]

# Functions with arguments that may be left out, or with any number of them.
class _Open0(Protocol):
    def __call__(self, a: Any = ..., /) -> Any: ...

class _Open1(Protocol):
    def __call__(self, a: Any, b: Any = ..., /) -> Any: ...

class _Open2(Protocol):
    def __call__(self, a: Any, b: Any, c: Any = ..., /) -> Any: ...

@overload
def jit(function: _Open0 | _Open1 | _Open2, /) -> _Open: ...
@overload
def jit(function: Callable[[], _R], /) -> Function[_R, [], Any, Any, Unpack[tuple[()]]]: ...
@overload
def jit(function: Callable[[_Given], _R], /) -> Function[_R, [float], float, Array, Batch]: ...
@overload
def jit(
    function: Callable[[_Given, _Given], _R], /
) -> Function[_R, [float, float], tuple[float, float], tuple[Any, Any], Batch, Batch]: ...
@overload
def jit(
    function: Callable[[_Given, _Given, _Given], _R], /
) -> Function[_R, [float, float, float], tuple[float, float, float], tuple[Any, Any, Any], Batch, Batch, Batch]: ...
@overload
def jit(function: Callable[..., Any], /, *, in_axes: Axes = ..., static_argnames: Names = ...) -> _Open: ...
@overload
def jit(
    function: None = None, *, in_axes: Axes = ..., static_argnames: Names = ...
) -> Callable[[Callable[..., Any]], _Open]: ...
def set_threads(n: int) -> None: ...
