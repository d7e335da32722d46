"""Derivatives of any order of what jit makes of a function: matrices of them, and their products with vectors.

A program is derived into another one, in C (csrc/program/derive.c), which is kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import chain
from math import inf
from operator import index
from typing import Any

from .._checks import flag
from .._core import brief, ffi, lib
from .._core.absent import importing
from .arguments import NUMBER, ONE, VECTOR, Arguments, doubles, import_numpy, size_of
from .program import BACKWARD, Program, flattened, rebuilt
from .static import Static, is_static
from .trace import is_inside
from .traced import TracingError

_NULL = ffi.NULL


class Derivatives:
    """The part of `Function` that needs programs of derivatives."""

    _function: Any
    _name: str
    _in_axes: Any
    _static: Static
    _options: dict[str, float]

    def _prepare(self, args: Any, kwargs: Any, single: str = "") -> tuple[Program, Arguments]:
        raise NotImplementedError

    # ---- matrices ------------------------------------------------------------------------------------------------

    def jacobian(self, *args: Any, argnums: int | Sequence[int] = 0, sparse: bool = False, **kwargs: Any) -> Any:
        """Return the derivatives of all values with respect to some arguments, for each sample.

        Parameters
        ----------
        *args, **kwargs
            As for a call.
        argnums : int or sequence of int
            Numbers of the arguments; those given by name come after the others. None of them may be static.
        sparse : bool
            True: each matrix is a `scipy.sparse.csr_array` of what is not known to be 0.

        Returns
        -------
        float or array, or a tuple of them where `argnums` is a sequence
            Of shape (N, outputs, k) for an argument of shape (N, k). There is no axis N without a batch, none of
            outputs where the function returns a single Value, and none of k for a number or an argument (N,). The
            outputs of dicts, and of tuples in tuples, stand in the order in which they appear. Sparse ones have the
            shape (outputs, k), and there is a list of N of them where there is a batch.
        """
        self._refuse_options("jacobian", args, argnums=argnums != 0, sparse=sparse is not False)
        program, a = self._start("jacobian", args, kwargs)
        if not flag(sparse, "sparse"):
            return self._jacobian(program, a, argnums)
        wanted = self._one(a, argnums)
        derived = program.derived(lib.MG_JACOBIAN, wanted)
        return _sparse(derived, a, program.outputs, len(wanted))

    def _jacobian(self, program: Program, a: Arguments, argnums: Any) -> Any:
        spans, wanted = self._spans(a, argnums)
        derived = program.derived(lib.MG_JACOBIAN, wanted)
        full = _zeros(a.n, program.outputs, len(wanted))
        rows, columns = derived.entries
        full[:, rows, columns] = derived.matrix(a).T
        several = program.tree is not None
        out = tuple(_cut(full[:, :, at], bool(a.batches), several, k) for at, k in spans)
        return out if isinstance(argnums, Sequence) else out[0]

    def hessian(self, *args: Any, argnums: int | Sequence[int] = 0, sparse: bool = False, **kwargs: Any) -> Any:
        """Return the second derivatives of the value with respect to some arguments, for each sample.

        Parameters
        ----------
        *args, argnums, sparse, **kwargs
            As of `jacobian`.

        Returns
        -------
        float or array, or a tuple of tuples of them where `argnums` is a sequence
            Of shape (N, k, k) for an argument of shape (N, k), and (N, k, l) for the block of two arguments. There
            is no axis N without a batch, and none of k for a number or an argument (N,). Sparse ones have the shape
            (k, k), and there is a list of N of them where there is a batch.
        """
        self._refuse_options("hessian", args, argnums=argnums != 0, sparse=sparse is not False)
        program, a = self._start("hessian", args, kwargs, "hessian")
        spans, wanted = self._spans(a, argnums) if not flag(sparse, "sparse") else ([], self._one(a, argnums))
        gradient = program.derived(lib.MG_JACOBIAN, wanted)
        derived = gradient.derived(lib.MG_SYMMETRIC, wanted)
        if sparse:
            return _sparse(derived, a, len(wanted), len(wanted), True)
        rows, columns = derived.entries
        full = _zeros(a.n, len(wanted), len(wanted))
        full[:, rows, columns] = full[:, columns, rows] = derived.matrix(a).T
        out = tuple(tuple(_cut(full[:, i, j], bool(a.batches), k, m) for j, m in spans) for i, k in spans)
        return out if isinstance(argnums, Sequence) else out[0][0]

    # ---- products with vectors -----------------------------------------------------------------------------------

    def jvp(self, args: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """Return the values and the Jacobian times a vector, for each sample.

        Parameters
        ----------
        args : tuple
            The arguments of a call.
        tangents : tuple
            The direction: one for each argument, of its shape.

        Returns
        -------
        tuple
            What a call returns, and the same structure of derivatives along the direction.
        """
        program, a = self._start("jvp", args, {})
        a = a.beside(self._tangents(a, tangents))
        out = program.derived(lib.MG_FORWARD, range(program.inputs)).matrix(a)
        rows = iter(out if a.batches else out[:, 0].tolist())
        return rebuilt(program.tree, rows), rebuilt(program.tree, rows)

    def vjp(self, args: Sequence[Any], cotangent: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the values and a vector times the Jacobian, for each sample.

        Parameters
        ----------
        args : tuple
            The arguments of a call.
        cotangent : float or array of shape (N,)
            The weights of the values in the sum that is differentiated: of the structure of what a call returns.

        Returns
        -------
        tuple
            What a call returns, and a tuple of derivatives: one for each argument, of its shape. That of a number
            beside batches is the sum over the samples.
        """
        program, a = self._start("vjp", args, {})
        kind, parts = (ONE if a.batches else NUMBER), flattened(program.tree, cotangent, self._name)
        c = Arguments(self._function, f"{self._name}: cotangent", parts, {})
        for found in c.kinds:
            if found != kind or c.n != a.n:
                raise ValueError(
                    f"{self._name}: a cotangent is {_shape(found, c.n)}, expected {_shape(kind, a.n)} as the value"
                )
        # batches without columns
        alike = a.batches and not any(size for kind, size in zip(a.kinds, a.sizes) if kind >= ONE)
        if alike:
            c.numbers, c.arrays, c.batches = [float(x.sum()) for x in c.arrays], [], []
        out = program.derived(lib.MG_REVERSE, range(program.inputs)).matrix(a.beside(c))
        values, slopes = out[: program.outputs], out[program.outputs :]
        if alike:
            slopes[:, 1:] = 0.0  # the first sample has those of all
        spans, _ = self._spans(a, a.places)
        gradients = [_as_argument(slopes[at], kind) for (at, _), kind in zip(spans, a.kinds)]
        return rebuilt(program.tree, iter(values if a.batches else values[:, 0].tolist())), a.as_given(gradients)

    def hvp(
        self,
        args: Sequence[Any],
        tangents: Any,
        wrt: str = "arguments",
        reduce: str = "sum",
        weights: Any = None,
    ) -> Any:
        """Return the second derivatives of the value times a vector.

        Parameters
        ----------
        args : tuple
            The arguments of a call.
        tangents : tuple, or array of shape (P,)
            The vector: one for each argument, of its shape; or a number for each of the P `program.parameters`.
        wrt : {'arguments', 'parameters'}
            What the derivatives are taken by.
        reduce : {'sum', 'mean'}
            With wrt='parameters': how the values of the samples become one number, as in `backward`.
        weights : array of shape (N,), optional
            With wrt='parameters': as in `backward`.

        Returns
        -------
        float or array, or a tuple of them; or array of shape (P,)
            As `gradient` returns them, for each sample; by the parameters those of the reduced value.
        """
        program, a = self._start("hvp", args, {}, "hvp")
        if isinstance(wrt, str) and wrt == "arguments":
            along = program.derived(lib.MG_ALONG, range(program.inputs))
            _, parts = along.gradient(a, False, self._tangents(a, tangents))
            return parts[0] if len(a.kinds) == 1 else parts
        if not isinstance(wrt, str) or wrt != "parameters":
            raise ValueError(f"{self._name}: wrt must be 'arguments' or 'parameters', not {brief(wrt)}")
        numpy = import_numpy()
        count = len(program.parameters)
        t = Arguments(lambda tangents: None, self._name, (tangents,), {})
        if t.key != (ONE,) or t.n != count:
            raise ValueError(
                f"{self._name}: tangents have shape {numpy.shape(tangents)}, expected ({count},): "
                "one for each parameter"
            )
        vector = t.arrays[0].astype(float)
        scale, w = a.reduction(reduce, weights)
        out = numpy.empty(count)
        along = program.derived(lib.MG_ALONG, range(-1, -count - 1, -1))
        a.numbers = doubles(numpy.concatenate(([*a.numbers], vector)))
        along.run(BACKWARD, a, w, scale, ffi.new("double[]", 1), doubles(out), _NULL)
        return out

    # ---- arguments -----------------------------------------------------------------------------------------------

    def _start(self, what: str, args: Any, kwargs: Any, single: str = "") -> tuple[Program, Arguments]:
        if not isinstance(args, (tuple, list)):
            example = f"f.{what}((x, ...), ...)"
            raise TypeError(
                f"{self._name}: args must be a tuple of arguments, not {type(args).__name__}: write {example}"
            )
        self._refuse_inside(what, args, kwargs)
        return self._prepare(tuple(args), kwargs, single)

    def _refuse_inside(self, what: str, args: Any, kwargs: dict[str, Any]) -> None:
        if is_inside((*args, *kwargs.values())):
            raise TracingError(
                f"{self._name}.{what}() is called while another function is traced: call it outside of that one, "
                "or write mg.grad(f)(x), which is recorded"
            )

    def _refuse_options(self, what: str, args: tuple[Any, ...], **given: bool) -> None:
        """Raise TypeError for an option that is given and may be meant for an argument of its name."""
        for name, place in self._options.items():
            if given.get(name) and place >= len(args):
                raise TypeError(
                    f"{self._name}.{what}({name}=...): {what} has an option {name}, and the function an argument: "
                    + ("pass the argument by place" if place < inf else "give one of them another name")
                )

    def _spans(self, a: Arguments, argnums: Any) -> tuple[list[tuple[slice, bool]], Sequence[int]]:
        """Return where each argument stands among the wanted inputs, if it is rows, and the wanted inputs."""
        spans: list[tuple[slice, bool]] = []
        wanted: list[range] = []
        kinds, sizes, at, n = a.kinds, a.sizes, 0, len(a.kinds) + len(a.static)
        for given in argnums if isinstance(argnums, Sequence) else (argnums,):
            place = as_index(given)
            if place is None or not -n <= place < n:
                expected = f"numbers of arguments from 0 to {n - 1}" if n else "none: no argument is given"
                raise ValueError(f"{self._name}: argnums={brief(argnums)}, expected {expected}")
            place %= n
            if place in a.static:
                raise ValueError(
                    f"{self._name}: argnums={brief(argnums)}: argument {a.names()[place]} is static, "
                    f"{brief(a.static[place])}, and has no derivative"
                )
            i = a.places.index(place)
            inputs = range(first := sum(sizes[:i]), first + sizes[i])
            if inputs and inputs in wanted:
                raise ValueError(f"{self._name}: argnums={brief(argnums)} names an argument twice")
            spans.append((slice(at, at := at + sizes[i]), kinds[i] not in (NUMBER, ONE)))
            wanted.append(inputs)
        return spans, wanted[0] if len(wanted) == 1 else tuple(chain(*wanted))

    def _one(self, a: Arguments, argnums: Any) -> Sequence[int]:
        """Return the wanted inputs of a sparse matrix."""
        if isinstance(argnums, Sequence):
            raise TypeError(f"{self._name}: argnums={brief(argnums)}; with sparse=True it must be a single number")
        return self._spans(a, argnums)[1]

    def _tangents(self, a: Arguments, tangents: Any) -> Arguments:
        if not isinstance(tangents, (tuple, list)) or len(tangents) != len(a.kinds):
            raise TypeError(
                f"{self._name}: tangents must be a tuple of {len(a.kinds)}, one for each argument"
                f"{' that is not static' if a.static else ''}"
            )
        given, names = tuple(a.call([*tangents])[0]), a.names()
        t = Arguments(self._function, f"{self._name}: tangents", given, {}, self._in_axes, self._static)
        for i in t.static.keys() - a.static.keys():
            raise t.no_number(type(given[i]), i)
        for i, kind, found in zip(a.places, a.kinds, t.kinds):
            if kind != found or (kind >= ONE and t.n != a.n):
                raise ValueError(
                    f"{self._name}: the tangent of {names[i]} is {_shape(found, t.n)}, expected {_shape(kind, a.n)}"
                )
        return t


def as_index(x: Any) -> int | None:
    """Return an integer of any class, but no bool, as an int; None for what is none."""
    try:
        return None if is_static(x) else index(x)
    except TypeError:
        return None


def _shape(kind: int, n: int) -> str:
    if kind == NUMBER:
        return "a number"
    return (
        f"of shape ({n}, {size_of(kind)})" if kind > ONE else f"of shape ({n if kind == ONE else size_of(kind)},)"
    )


def _as_argument(slopes: Any, kind: int) -> Any:
    """Return the derivatives by the inputs of one argument, rows of (k, N), in its shape."""
    if kind <= VECTOR:
        return slopes.sum(1)
    if kind == NUMBER:
        return float(slopes.sum())
    return slopes[0] if kind == ONE else slopes.T


def _zeros(*shape: int) -> Any:
    numpy = import_numpy()
    return numpy.zeros(shape)


def _sparse(derived: Program, a: Arguments, n: int, k: int, symmetric: bool = False) -> Any:
    """Return the matrices whose entries a program computes; `symmetric`: those of one half."""
    numpy = import_numpy()
    if derived.pattern is None:
        try:
            with importing:
                from scipy.sparse import csr_array
        except ImportError as error:
            raise ImportError("sparse matrices are scipy's, of class csr_array: pip install scipy") from error
        rows, columns = derived.entries
        entries, mirrored = numpy.arange(len(rows)), numpy.flatnonzero(rows != columns)[: None if symmetric else 0]
        entries = numpy.concatenate((entries, mirrored))
        i, j = numpy.concatenate((rows, columns[mirrored])), numpy.concatenate((columns, rows[mirrored]))
        order = numpy.lexsort((j, i))
        indices, begins = j[order].astype("i"), numpy.searchsorted(i[order], numpy.arange(n + 1)).astype("i")
        derived.pattern = entries[order], csr_array((numpy.zeros(len(order)), indices, begins), shape=(n, k))
    entries, empty = derived.pattern
    out = [copy(empty) for _ in range(a.n)]  # scipy checks no indices again
    for matrix, data in zip(out, derived.matrix(a).T.take(entries, axis=1)):
        matrix.data, matrix.indices, matrix.indptr = data, empty.indices.copy(), empty.indptr.copy()
    return out if a.batches else out[0]


def _cut(block: Any, *kept: bool) -> Any:
    """Return a block without the axes that are not kept, which have one item."""
    out = block[tuple(slice(None) if axis else 0 for axis in kept)]
    return out if out.ndim else float(out)
