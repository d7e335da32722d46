"""The hot part of Value over cffi: it runs on any Python.

`Node` owns one node of the arena, by handle, and refers to the Values that it was computed from:

======================  ==================  ===================
op                      ``_a``              ``_b``
======================  ==================  ===================
leaf                    None                ... where its number came from numpy, else None
f(x)                    x                   None
f(x; k)                 x                   k, a plain number
f(x, y)                 x                   y
sum                     tuple of operands   None
made by hand            x                   None, or y
... over more           tuple of operands   None
... of data of numpy's  tuple of operands   ...
... with Values as      tuple of operands   list of them
local derivatives
dot, neuron             tuple of inputs     tuple of weights, then the bias if there is one
neuron after neurons    Hidden              likewise
======================  ==================  ===================
"""

from __future__ import annotations

import sys
from _weakref import ref
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from ._cffi import ffi, lib
from .absent import HABITS, absent
from .errors import OPS, check, error
from .ieee import failure
from .interrupts import raised_later
from .methods import install
from .numbers import from_numpy, to_float

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

if "Node" in globals():  # a second set of tables would know nothing of the nodes there are
    raise ImportError(
        f"{__name__} cannot be reloaded: Values that live would lose their nodes; start a new process"
    )

NAME = "cffi"
PYPY = sys.implementation.name == "pypy"

check(lib.mg_init())

# ---- the end of a node -------------------------------------------------------------------------------------------
# A call into C costs more than all else that __del__ has to do, so handles go back by the hundred. There is no
# lock, and a Ctrl-C may come between any two steps:
#  1. `_dead` gives each handle to one thread only, and straight into a C array that `_returned` has already.
#  2. C frees each handle of an array once, and writes -1 in its place. So an array may be freed twice.
#  3. Each flush frees all arrays that it finds. So it finishes what an interrupted one has left.

_BATCH = 256
_dead: list[int] = []
_returned: list[Any] = []

# Values whose `_backward` is a Python closure, by handle.
_closures: dict[int, ref[Any]] = {}


# What these need stands in their defaults: they still run when the interpreter has cleared this module.
def flush(
    dead: list[int] = _dead,
    returned: list[Any] = _returned,
    new: Callable[..., Any] = ffi.new,
    free: Callable[..., None] = lib.mg_free_once,
    times: Callable[..., Any] = repeat,
) -> None:
    """Give the handles of all Values that have died back to the arena."""
    n = len(dead)
    batch = new("int32_t[]", [-1] * n)
    returned.append(batch)
    try:  # noqa: SIM105 - contextlib may be gone at exit
        batch[0:n] = map(dead.pop, times(-1, n))
    except IndexError:  # another thread took the rest
        pass
    for array in (batch, *[other for other in returned if other is not batch]):
        free(array, len(array))
        try:  # noqa: SIM105
            returned.remove(array)
        except ValueError:  # another thread has done it
            pass


@raised_later
def _del(
    self: Any,
    dead: list[int] = _dead,
    full: int = _BATCH,
    flush: Callable[[], None] = flush,
    closures: dict[int, Any] = _closures,
    plain: Any = int,
) -> None:
    try:
        handle = self._h
    except AttributeError:  # __init__ raised before there was a node
        return
    if closures:
        closures.pop(handle, None)
    if type(handle) is plain:
        dead.append(handle)
    self._h = -1
    if len(dead) >= full:
        flush()


class _Owned:
    """A node by its handle; it is given back when this object dies.

    For PyPy: it finalizes an object after all that refer to it, one of them a collection, and a chain of Values
    with __del__ would take as many collections as it is long. These refer to nothing, so all of them go at once.
    """

    __slots__ = ("_h",)

    def __init__(self, handle: int) -> None:
        self._h = handle

    __del__ = _del


class _OwnedArray:
    """The nodes of inner layers, see Hidden; they are given back when this object dies."""

    __slots__ = ("handles", "n")

    def __init__(self, handles: Any, n: int) -> None:
        self.n = n
        self.handles = handles  # from here on they are owned

    @raised_later
    def __del__(self, free: Callable[..., None] = lib.mg_free_once) -> None:
        if hasattr(self, "handles"):
            free(self.handles, self.n)


class _Lent(int):
    """A handle whose node belongs to another object, and which keeps that alive."""

    owner: Any

    @property
    def _h(self) -> int:
        return self


def _lend(handle: int, owner: Any) -> int:
    lent = _Lent(handle)
    lent.owner = owner
    return lent


# ---- nodes -------------------------------------------------------------------------------------------------------

_new = object.__new__
_NULL = ffi.NULL
_unary, _unary_k, _binary, _binary_number = lib.mg_unary, lib.mg_unary_k, lib.mg_binary, lib.mg_binary_number
_data, _grad, _set_data, _set_grad = lib.mg_data, lib.mg_grad, lib.mg_set_data, lib.mg_set_grad
_leaf, _by_hand, _by_hand_over = lib.mg_leaf, lib.mg_by_hand, lib.mg_by_hand_over
_set_python, _resume = lib.mg_set_python, lib.mg_sweep_resume


class _Absent:
    """Says what to write instead of an attribute: a __getattr__ would make every attribute slower."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, node: Any, cls: Any = None) -> Any:
        raise (node is not None and absent(node, self._name)) or AttributeError(
            f"type object 'Value' has no attribute {self._name!r}"
        )


class Node:
    """One node of the arena: data, grad, operators, lifetime."""

    _h: int
    _a: Any
    _b: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a node; where a trace has to record one made by hand, a traced one."""
        if len(args) > 1 and hasattr(type(args[0]), "_reflected"):
            return args[0]._by_hand(cls, args, kwargs)
        return object.__new__(cls)

    if not PYPY:
        __slots__ = ("__dict__", "__weakref__", "_a", "_b", "_h")
        __del__ = _del
    elif not TYPE_CHECKING:
        __slots__ = ("__dict__", "__weakref__", "_a", "_b", "_owned")

        @property
        def _h(self) -> int:
            return self._owned._h

        @_h.setter
        def _h(self, handle: int) -> None:
            self._owned = _Owned(handle) if type(handle) is int else handle

    # numpy's scalars and arrays step aside for whoever has a higher priority.
    __array_priority__ = 1000.0

    @property
    def data(self) -> float:
        """The value of this node, a float; may be assigned. What was computed from it stays as it is."""
        try:
            data: float = _data(self._h)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        if data != data:
            self._check_alive()
        return data

    @data.setter
    def data(self, data: float) -> None:
        if type(data) is not float:
            data = to_float(data, "data")
        try:
            if _set_data(self._h, data) < 0:
                self._check_alive()
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None

    @data.deleter
    def data(self) -> None:
        raise AttributeError("data of a Value cannot be deleted")

    @property
    def grad(self) -> float:
        """The derivative of the root with respect to this node, summed over backward() calls; may be assigned."""
        try:
            grad: float = _grad(self._h)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        if grad != grad:
            self._check_alive()
        return grad

    @grad.setter
    def grad(self, grad: float) -> None:
        if type(grad) is not float:
            grad = to_float(grad, "grad")
        try:
            if _set_grad(self._h, grad) < 0:
                self._check_alive()
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None

    @grad.deleter
    def grad(self) -> None:
        raise AttributeError("grad of a Value cannot be deleted: assign 0.0 to clear it")

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in HABITS or hasattr(self, name)]

    def _check_alive(self) -> None:
        if self._h < 0:
            raise error(lib.MG_EHANDLE)


for _name in HABITS:
    setattr(Node, _name, _Absent(_name))

_Value: Any = Node  # the class of what operators return; engine.Value as soon as it exists


def complete(cls: Any) -> Any:
    """Return the class of Values, with all that `cls` adds to Node; operators return it from now on.

    When the engine is loaded again, the class stays, as that of the native core does.
    """
    global _Value
    if _Value is Node:
        _Value = cls
    else:
        for name, attribute in vars(cls).items():
            if name not in ("__slots__", "__module__", "__qualname__", "__dict__", "__weakref__"):
                setattr(_Value, name, attribute)
    return _Value


def peek(node: Node, name: str) -> Any:
    """Return an attribute past all properties, None where there is none."""
    return node.__dict__.get(name)


def put(node: Node, name: str, attribute: Any) -> None:
    """Set an attribute past all properties; the sweep pauses at the node from its `_backward` on."""
    node.__dict__[name] = attribute
    if name == "_backward" and hasattr(node, "_h"):
        _closures[int(node._h)] = ref(node)  # a lent handle would keep the node alive
        _set_python(node._h, 1)


def forget_made(node: Node) -> None:
    """Drop the label and the closure of a node."""
    attributes = node.__dict__
    if attributes:
        attributes.pop("_op", None)
        if attributes.pop("_backward", None) is not None and _closures.pop(node._h, None) is not None:
            _set_python(node._h, 0)


def closure_at(handle: int) -> Any:
    """Return the node with a closure at a handle, or None."""
    reference = _closures.get(handle)
    return None if reference is None else reference()


def sweep(node: Node, seed: float) -> None:
    """Run backward from a node, and the closures on its way."""
    pause = ffi.gc(ffi.new("mg_pause *"), lib.mg_sweep_close)  # for a Ctrl-C in `finally`
    try:
        status = lib.mg_backward(handle_of(node), seed, pause)
        while status > 0:
            paused: Any = _closures[pause.node]()
            paused.__dict__["_backward"]()
            status = _resume(pause)
        check(status)
    finally:
        if pause.sweep:
            lib.mg_sweep_close(pause)


def attributes(node: Node) -> dict[str, Any]:
    """Return a copy of all attributes."""
    return dict(node.__dict__)


def handle_of(node: Node) -> int:
    """Return the handle of a node; an error where it has none."""
    return handles((node,))[0]


def handles(nodes: Iterable[Node]) -> list[int]:
    """Return the handles of nodes; an error where one of them has none."""
    nodes = list(nodes)
    try:
        out = [node._h for node in nodes]
    except AttributeError:
        raise error(lib.MG_EHANDLE) from None
    if -1 in out:
        _failure(lib.MG_EHANDLE, 0, nodes[out.index(-1)])
    return out


def parts(node: Node) -> tuple[Any, Any]:
    """Return `_a` and `_b` as they are, a Hidden too."""
    try:
        return node._a, node._b
    except AttributeError:
        raise error(lib.MG_EHANDLE) from None


def operands(node: Node) -> tuple[Any, Any]:
    """Return `_a` and `_b`."""
    a, b = parts(node)
    return a.values() if type(a) is Hidden else a, b


def _own(node: Any, handle: int) -> None:
    """Give `node` its handle. A class may have a __del__ of its own, which need not call ours."""
    node._h = handle if PYPY or type(node).__del__ is _del else _lend(handle, _Owned(handle))


def new() -> Any:
    """Return a Value that has no node yet."""
    return _new(_Value)


def own(node: Any, a: Any, b: Any, function: Callable[..., int], *arguments: Any) -> Any:
    """Let `node`, which has none yet, own the node that `function` returns the handle of."""
    return make(node, check(function(*arguments)), a, b)


def make(node: Any, handle: int, a: Any, b: Any) -> Any:
    """Let `node`, which has none yet, own the node at `handle`."""
    node._a = a
    node._b = b
    _own(node, handle)
    return node


class Hidden:
    """All layers of an MLP call but the last; their Values are made when one is asked for.

    Most never are, and a Value costs more than the node that it stands for. The nodes belong to this object's
    `owner`, which the Values keep alive.

    Parameters
    ----------
    owner : _OwnedArray
        The nodes, layer after layer.
    inputs : tuple of Value
        What the first layer reads.
    params : sequence of list of tuple of Value
        For each inner layer and each of its neurons the weights, then the bias.
    """

    __slots__ = ("_inputs", "_made", "_owner", "_params")

    def __init__(self, owner: _OwnedArray, inputs: Any, params: Sequence[Any]) -> None:
        self._owner = owner
        self._inputs = inputs
        self._params = params
        self._made: dict[int, tuple[Any, ...]] = {}

    def owned(self) -> list[Any]:
        """Return the Values that this object refers to."""
        return [*self._inputs, *(p for layer in self._params for neuron in layer for p in neuron)]

    def values(self) -> tuple[Any, ...]:
        """Return the Values of the last of these layers; the same ones each time."""
        if not self._made:
            handles = iter(self._owner.handles)
            inputs = self._inputs
            for params in self._params:
                inputs = tuple(_node(_lend(next(handles), self._owner), inputs, neuron) for neuron in params)
            self._made.setdefault(0, inputs)  # another thread may have been here first
        return self._made[0]


def _node(handle: int, a: Any, b: Any) -> Any:
    out = _new(_Value)
    out._a = a
    out._b = b
    out._h = handle
    return out


def layers(
    address: int, n: int, outputs: int, inner: int, inner_params: Any, params: list[Any], inputs: tuple[Any, ...]
) -> list[Any] | None:
    """Run `n` layers, and return the outputs of the last.

    Parameters
    ----------
    address : int
        Of an mg_layer[n].
    outputs, inner : int
        Neurons of all layers, and of all but the last.
    inner_params, params : list
        Weights, then bias, of each neuron of each inner layer, and of the last layer.
    inputs : tuple of Value
        Of the first layer.

    Returns
    -------
    list of Value or None
        None where an input is no Value, or one of a subclass.
    """
    if not {*map(type, inputs)} <= {_Value}:
        return None
    out = ffi.new("int32_t[]", outputs)
    check(lib.mg_layers(ffi.cast("mg_layer *", address), n, handles(inputs), len(inputs), out))
    read = Hidden(_OwnedArray(out, inner), inputs, inner_params) if inner else inputs
    return [_node(handle, read, b) for handle, b in zip(out[inner:outputs], params)]


def dot(ws: Any, xs: Any, bias: Any) -> Any:
    """Return engine.dot where a core has a shorter way to it, else None."""
    return None


def sum(values: Any) -> Any:
    """Return engine.sum where a core has a shorter way to it, else None."""
    return None


def has_node(node: Node) -> bool:
    """Tell whether `node` owns one."""
    return hasattr(node, "_h")


def by_hand(
    node: Node, data: float, operands: tuple[Any, ...], slopes: list[Any] | None, numpy: bool = False
) -> None:
    """Let `node` own a node made by hand; one that it owns becomes it.

    Parameters
    ----------
    operands : tuple of Value
        A leaf has none.
    slopes : list of float or of Value, or None
        Local derivatives.
    numpy : bool
        `data` came from there.
    """
    n = len(operands)
    if n < 3 and slopes is None and not numpy and not hasattr(node, "_h"):  # as lectures make them
        a: Any = operands[0] if n else None
        b: Any = operands[1] if n == 2 else None
        try:
            if b is not None and b._h < 0:
                handles(operands)  # names it
            handle = _by_hand_over(a._h, -1 if b is None else b._h, data) if n else _leaf(data)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        if handle < 0:
            handles(operands)  # names one that has no node
            raise error(handle)
        node._a = a
        node._b = b
        _own(node, handle)
        return
    given = n > 0 and slopes is not None and isinstance(slopes[0], Node)
    handle = _by_hand(
        node._h if hasattr(node, "_h") else -1,
        handles(operands),
        n,
        _NULL if slopes is None or given else slopes,
        [x._h for x in slopes] if given else _NULL,  # type: ignore[union-attr]
        data,
    )
    if handle < 0:
        handles((*operands, *(slopes if given and slopes else ())))  # names one that has no node
        raise error(handle)
    if not has_node(node):
        _own(node, handle)
    if n > 2 or (n and (given or numpy)):
        node._a = operands
        node._b = slopes if given else ... if numpy else None
    else:
        node._a = operands[0] if n else None
        node._b = operands[1] if n == 2 else ... if numpy else None


def leaves(numbers: list[float], given: Sequence[Any], constant: bool = False) -> list[Any]:
    """Return new leaves, in consecutive rows; the numbers were `given` as these objects.

    `constant`: they came as operands.
    """
    n = len(numbers)
    out = ffi.new("int32_t[]", n)
    check((lib.mg_constants if constant else lib.mg_leaves)(numbers, n, out))
    return [
        _node(handle, None, ... if type(x) is not float and from_numpy(x) else None)
        for handle, x in zip(ffi.unpack(out, n), given)
    ]


def _failure(status: int, op: int, *operands: Any) -> Any:
    """Return the node that a failed op gives by the rules of numpy, or raise its error."""
    out = failure(sys.modules[__name__], status, op, *operands)
    if isinstance(out, Node):
        return out
    raise out


def _with_number(op: int, node: Node, other: Any, number: float, left: int) -> Any:
    """Return op(node, number), or op(number, node) with `left`; the number, given as `other`, becomes a leaf."""
    numpy = ... if number is not other and from_numpy(other) else None
    try:
        pair = _binary_number(op, node._h, number, left)
    except AttributeError:
        raise error(lib.MG_EHANDLE) from None
    if pair < 0:
        return _failure(pair, op, *((other, node) if left else (node, other)))
    leaf = _new(_Value)
    leaf._h = pair >> 32
    leaf._a = None
    leaf._b = numpy
    out = _new(_Value)
    out._h = pair & 0xFFFFFFFF
    if left:
        out._a, out._b = leaf, node
    else:
        out._a, out._b = node, leaf
    return out


def _apply(op: int, otherwise: Any) -> Callable[..., Any]:
    """Return the function of an op over Values, see methods.py."""

    def unary(self: Node, /) -> Any:
        try:
            handle = _unary(op, self._h)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        if handle < 0:
            return _failure(handle, op, self)
        out = _new(_Value)
        out._h = handle
        out._a = self
        out._b = None
        return out

    def unary_k(self: Node, k: Any) -> Any:
        try:
            handle = _unary_k(op, self._h, k)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        return _failure(handle, op, self, k) if handle < 0 else _node(handle, self, k)

    def binary(self: Node, value: Any, /) -> Any:
        if not isinstance(value, Node):
            return otherwise(self, value)
        try:
            handle = _binary(op, self._h, value._h)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        if handle < 0:
            if (record := getattr(type(value), "_reflected", None)) is not None:  # see program/traced.py
                return record(value, op, self)
            return _failure(handle, op, self, value)
        out = _new(_Value)
        out._h = handle
        out._a = self
        out._b = value
        return out

    return unary_k if OPS[op].takes_k else unary if OPS[op].arity == 1 else binary


install(Node, Node, _apply, _with_number)
