"""The cffi core: the hot part of Value in Python, over the C functions of the engine.

Why it exists
    The native core is a C type, and needs CPython with its GIL. PyPy and free-threaded Python take this core, and
    so does every Python for which the native core could not be compiled. It is the other's oracle too:
    tests/test_cores.py compares the two bit by bit. So it stays thin: one call into C for each op.

What it owns
    A `Node` owns one node of the arena by its handle, `_mg_h`, and refers by `_mg_a` and `_mg_b` to the Values that
    it was computed from (protocol.py tells which). Python's references alone keep these alive: C has none.

Its rules
    1. A node outlives what reads it, since its reader refers to it: its operands are known, after a Ctrl-C too.
    2. One object owns a handle: a Node, or an owner of cffi_nodes.py that the Node keeps alive. It goes back when
       that object dies.
    3. cffi releases the GIL in each call but the quick ones of build_ffi.py, so two threads are in C at once; the
       arena has a lock of its own. Python keeps no number of C across a call, only handles.
    4. A Ctrl-C may come after any call into C. The node that this call made may be lost then, with the number that
       it reads, and stays until the process ends; nothing else is.
    5. What an op does with Values is written out, since each call of a Python function would be felt.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap

from ._cffi import ffi, lib
from .absent import HABITS, say_of
from .cffi_nodes import Owned, changes, column, give_back, keep_lent, lend, owned_list, run_closures
from .cffi_nodes import attributes as attributes
from .cffi_nodes import closure_at as closure_at
from .cffi_nodes import flush as flush
from .cffi_nodes import forget_made as forget_made
from .cffi_nodes import keep_slots as keep_slots
from .cffi_nodes import peek as peek
from .cffi_nodes import put as put
from .errors import OPS, check, no_node
from .hints import TYPE_CHECKING, Any
from .ieee import failure
from .methods import LEFT, RIGHT, install, know
from .numbers import NODES, from_numpy, scalars

if "Node" in globals():  # a second set of tables would know nothing of the nodes there are
    raise ImportError(
        f"{__name__} cannot be reloaded: Values that live would lose their nodes; start a new process"
    )

NAME = "cffi"
TAKES_FLOATS = True
PYPY = sys.implementation.name == "pypy"

check(lib.mg_init())

_THIS = sys.modules[__name__]  # it works on after it was deleted there
_new, _NULL = object.__new__, ffi.NULL
_class_of: Any = vars(object)["__class__"]
_unary, _unary_k, _binary, _binary_number = lib.mg_unary, lib.mg_unary_k, lib.mg_binary, lib.mg_binary_number
_leaf, _by_hand, _by_hand_over, _nary = lib.mg_leaf, lib.mg_by_hand, lib.mg_by_hand_over, lib.mg_nary


class Node:
    """One node of the arena: data, grad, operators, lifetime."""

    _mg_h: int
    _mg_a: Any
    _mg_b: Any
    _mg_closure: Any  # _backward and _op where they were assigned; unset or None: they were not
    _mg_label: Any

    if not PYPY:
        __slots__ = ("__dict__", "__weakref__", "_mg_a", "_mg_b", "_mg_closure", "_mg_h", "_mg_label")
        __del__ = give_back
    elif not TYPE_CHECKING:
        __slots__ = ("__dict__", "__weakref__", "_mg_a", "_mg_b", "_mg_closure", "_mg_label", "_mg_owned")

        @property
        def _mg_h(self) -> int:
            return self._mg_owned._mg_h

        @_mg_h.setter
        def _mg_h(self, handle: int) -> None:
            self._mg_owned = Owned(handle) if type(handle) is int else handle

    # numpy's scalars and arrays leave an operator to the operand of higher priority.
    __array_priority__ = 1000.0

    data: float = column(
        "data",
        "The value of this node, a float; may be assigned. What was computed from it stays as it is.",
        "data of a Value cannot be deleted",
    )
    grad: float = column(
        "grad",
        "The derivative of the root with respect to this node, summed over backward() calls; may be assigned.",
        "grad of a Value cannot be deleted: assign 0.0 to clear it",
    )

    __class__ = property(type, lambda node, cls: _become(node, cls), _class_of.__delete__)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        keep_slots(cls)


NODES.append(Node)
say_of(Node, HABITS)

_Value: Any = Node  # the class of what operators return; that of `complete` as soon as there is one


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


def sweep(node: Node, seed: float) -> None:
    """Run backward from a node, and the closures on its way."""
    pause = ffi.gc(ffi.new("mg_pause *"), lib.mg_sweep_close)  # for a Ctrl-C in `finally`
    try:
        status = lib.mg_backward(handle_of(node), seed, pause)
        check(run_closures(pause) if status > 0 else status)
    finally:
        if pause.sweep:
            lib.mg_sweep_close(pause)


def handle_of(node: Node) -> int:
    """Return the handle of a node; an error where it has none."""
    return _failure(lib.MG_EHANDLE, 0, node) if (handle := getattr(node, "_mg_h", -1)) == -1 else handle


def handles(nodes: Iterable[Node]) -> list[int]:
    """Return the handles of nodes; an error where one of them has none."""
    nodes = list(nodes)
    try:
        out = [node._mg_h for node in nodes]
    except AttributeError:
        out = [getattr(node, "_mg_h", -1) for node in nodes]
    if -1 in out:
        _failure(lib.MG_EHANDLE, 0, nodes[out.index(-1)])
    return out


def operands(node: Node) -> tuple[Any, Any]:
    """Return `_mg_a` and `_mg_b`, and the last neurons of a Hidden instead of it."""
    try:
        a, b = node._mg_a, node._mg_b
    except AttributeError:
        raise no_node(node) from None
    return a.values() if type(a) is Hidden else a, b


def _own(node: Any, handle: int) -> None:
    """Give `node` its handle. A class may have a __del__ of its own, which need not call ours."""
    if (cls := type(node)) is not _Value and cls._mg_settled is not cls:
        cls._mg_settle(cls)
    node._mg_h = handle if PYPY or cls.__del__ is give_back else lend(handle, Owned(handle))


def _become(node: Any, cls: Any) -> None:
    """Give `node` this class. Where a __del__ of its own needs it, another object owns the handle before."""
    handle = getattr(node, "_mg_h", None)
    if not PYPY and getattr(cls, "__del__", give_back) is not give_back and type(handle) is int:
        owner = _new(Owned)
        node._mg_h = lend(handle, owner)
        owner._mg_h = int(handle)  # the last step: two that own it would both give it back
    _class_of.__set__(node, cls)


def new() -> Any:
    """Return a Value that has no node yet."""
    return _new(_Value)


def own(node: Any, a: Any, b: Any, function: Callable[..., int], *arguments: Any) -> Any:
    """Let `node` own the node that `function` returns the handle of; one that it owns has become that."""
    if not hasattr(node, "_mg_h"):
        handle = check(function(*arguments))
        node._mg_a = a
        node._mg_b = b
        _own(node, handle)
        return node
    made: list[int] = []
    changes[0] = known = object()
    try:  # one step: an exception comes before the call or finds its status
        made.extend(starmap(function, (arguments,)))
        if made[0] >= 0:
            node._mg_a = a
            node._mg_b = b
    except BaseException:
        if made and made[0] >= 0:
            node._mg_a = a
            node._mg_b = b
        raise
    check(made[0])
    # Another thread, or a finalizer, may have done it too, in between: then C may know the operands of one call and
    # Python those of the other.
    return node if changes[0] is known else own(node, a, b, function, *arguments)


class Hidden:
    """All layers of an MLP call but the last, and inputs that are floats; Values are made when one is asked for.

    Most never are, and a Value costs more than its node. `owned` has the nodes till then, layer after layer, behind
    inputs that are floats. The first layer reads `inputs`; `params` has for each neuron its weights, then the bias.
    """

    __slots__ = ("_inputs", "_made", "_mg_owned", "_params")

    def __init__(self, owned: Any, inputs: tuple[Any, ...], params: Sequence[Any]) -> None:
        self._mg_owned = owned
        self._inputs = inputs
        self._params = params
        self._made: dict[int, tuple[tuple[Any, ...], list[Any]]] = {}

    def values(self) -> tuple[Any, ...]:
        """Return the Values of the last of these layers; the same ones each time."""
        if not self._made:
            handles = iter(self._mg_owned.handles[0 : self._mg_owned.n])
            inputs, all = self._inputs, list[Any]()
            if type(inputs[0]) is float:
                all += (inputs := tuple(_node(lend(next(handles), self._mg_owned), None, None) for _ in inputs))
            for params in self._params:
                all += (inputs := tuple(_node(lend(next(handles), self._mg_owned), inputs, b) for b in params))
            self._made.setdefault(0, (inputs, all))  # another thread may have been here first
        values, nodes = self._made[0]
        if self._mg_owned.n and not PYPY:  # which has no such step
            keep_lent(nodes, self._mg_owned)
        return values


def _node(handle: int, a: Any, b: Any) -> Any:
    out = _new(_Value)
    out._mg_a = a
    out._mg_b = b
    out._mg_h = handle
    return out


def _nodes(made: Any, first: int, a: Any, bs: Sequence[Any]) -> list[Any]:
    """Return Values with the handles of an owned list from `first` on, which they take out of it."""
    nodes = []
    for i, b in enumerate(bs, first):
        node = _new(_Value)
        node._mg_a = a
        node._mg_b = b
        handle = made[i]
        made[i] = -1
        node._mg_h = handle
        nodes.append(node)
    return nodes


def layers(
    address: int, n: int, outputs: int, inner: int, inner_params: Any, params: list[Any], inputs: tuple[Any, ...]
) -> list[Any] | None:
    """Return the outputs of the last of `n` layers; None where inputs are neither all Values nor all floats.

    Parameters
    ----------
    address : int
        Of an mg_layer[n].
    outputs, inner : int
        Neurons of all layers, and of all but the last.
    inner_params, params : list
        Weights, then bias, of each neuron of each inner layer, and of the last layer.
    inputs : tuple of Value or of float
        Of the first layer. Values of a subclass are none.
    """
    types = {*map(type, inputs)}
    width = len(inputs)
    first = width if types == {float} else 0  # so many of the new nodes are inputs
    if not first and not types <= {_Value}:
        return None
    owned = owned_list(first + outputs)
    made = owned.handles
    if first:
        check(lib.mg_leaves(inputs, width, made, True))
    x = made if first else handles(inputs)
    check(lib.mg_layers(ffi.cast("mg_layer *", address), n, x, width, made + first))
    read = Hidden(owned, inputs, inner_params) if first or inner else inputs
    return _nodes(made, first + inner, read, params)


def leaves(numbers: list[float], given: Sequence[Any], constant: bool = False) -> list[Any]:
    """Return new leaves in consecutive rows. The numbers were `given` as these objects; `constant`: as operands."""
    n = len(numbers)
    owned = owned_list(n)
    made = owned.handles
    check(lib.mg_leaves(numbers, n, made, constant))
    return _nodes(made, 0, None, [... if type(x) is not float and from_numpy(x) else None for x in given])


def no_shorter_way(*_: Any) -> Any:
    """Return None: this core has no shorter way to the node than its caller."""


dot = no_shorter_way


def nary(op: int, values: Any) -> Any:
    """Return the node of an op over a list or a tuple of Values; None: engine.py has to do it."""
    items = (*values,) if type(values) is list else values
    if type(items) is not tuple or {*map(type, items)} != {_Value}:
        return None
    try:
        handle = _nary(op, [x._mg_h for x in items], len(items))
    except AttributeError:
        return None
    return _node(handle, items, None) if handle >= 0 else None


def by_hand_at_once(node: Node, data: Any, operands: Any, label: Any) -> bool:
    """Let `node` own a node made by hand, as lectures make them. False: do it, or say why not."""
    if type(operands) is not tuple or type(label) is not str or hasattr(node, "_mg_h"):
        return False
    a = b = None
    n = len(operands)
    try:
        if type(data) is not float:
            if n == 0 and type(data) in scalars:
                b = ...
            elif type(data) is not int:
                return False
            data = float(data)
        if n == 0:
            handle = _leaf(data)
        elif n == 1 and isinstance(a := operands[0], Node):
            handle = _by_hand_over(a._mg_h, -1, data)
        elif n == 2 and isinstance(a := operands[0], Node) and isinstance(b := operands[1], Node) and b._mg_h >= 0:
            handle = _by_hand_over(a._mg_h, b._mg_h, data)
        elif n > 2 and all(isinstance(x, Node) for x in operands):
            a, handle = operands, _by_hand(-1, [x._mg_h for x in operands], n, _NULL, _NULL, data)
        else:
            return False
    except (AttributeError, OverflowError):  # an operand has no node; an int is too large
        return False
    if handle < 0:
        return False
    node._mg_a = a
    node._mg_b = b
    if type(node) is _Value:
        node._mg_h = handle
    else:
        _own(node, handle)
    node._mg_closure = None  # the end of an old one may call __init__ of the node
    node._mg_label = label or None
    return True


def _failure(status: int, op: int, *operands: Any) -> Any:
    """Return the Value that there is instead of a failed op, or raise its error."""
    out = failure(_THIS, status, op, *operands)
    if isinstance(out, Node):
        return out
    raise out


def _with_number(op: int, node: Node, other: Any, number: float, left: int) -> Any:
    """Return op(node, number), or op(number, node) with `left`; the number, given as `other`, becomes a leaf."""
    if left and type(node) is not _Value and op in RIGHT and RIGHT[op](type(node)):
        out = _Value._mg_made(op, other, node)
        if out is not NotImplemented:
            return out
    numpy = ... if number is not other and from_numpy(other) else None
    try:
        pair = _binary_number(op, node._mg_h, number, left)
    except AttributeError:
        raise no_node(node) from None
    if pair < 0:
        return _failure(pair, op, *((other, node) if left else (node, other)))
    leaf = _new(_Value)
    leaf._mg_h = pair >> 32
    leaf._mg_a, leaf._mg_b = None, numpy
    out = _new(_Value)
    out._mg_h = pair & 0xFFFFFFFF
    if left:
        out._mg_a, out._mg_b = leaf, node
    else:
        out._mg_a, out._mg_b = node, leaf
    return out


def _apply(op: int, otherwise: Any) -> Callable[..., Any]:
    """Return the function of an op over Values, see methods.py."""
    left, right = LEFT.get(op), RIGHT.get(op, bool)

    def unary(self: Node, /) -> Any:
        if left and type(self) is not _Value and left(type(self)):
            out = _Value._mg_made(op, self)
            if out is not NotImplemented:
                return out
        try:
            handle = _unary(op, self._mg_h)
        except AttributeError:
            raise no_node(self) from None
        if handle < 0:
            return _failure(handle, op, self)
        out = _new(_Value)
        out._mg_h = handle
        out._mg_a = self
        out._mg_b = None
        return out

    def unary_k(self: Node, k: Any) -> Any:
        try:
            handle = _unary_k(op, self._mg_h, k)
        except AttributeError:
            raise no_node(self) from None
        return _failure(handle, op, self, k) if handle < 0 else _node(handle, self, k)

    def binary(self: Node, value: Any, /) -> Any:
        if not isinstance(value, Node):
            return otherwise(self, value)
        try:
            handle = _binary(op, self._mg_h, value._mg_h)
        except AttributeError:
            raise no_node(self) from None
        if handle < 0:
            return _failure(handle, op, self, value)
        out = _new(_Value)
        out._mg_h = handle
        out._mg_a = self
        out._mg_b = value
        return out

    def binary_or_made(self: Node, value: Any, /) -> Any:
        cls, other = type(self), type(value)
        if (cls is not _Value and left(cls)) or (other is not _Value and isinstance(value, Node) and right(other)):
            out = _Value._mg_made(op, self, value)
            return binary(self, value) if out is NotImplemented else out
        return binary(self, value)

    return unary_k if OPS[op].takes_k else unary if OPS[op].arity == 1 else binary_or_made if left else binary


install(Node, Node, _apply, _with_number)
know(Node)
