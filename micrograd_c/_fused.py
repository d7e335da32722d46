"""What makes networks fast: a neuron is one node, and a call of a layer or an MLP is one call of C."""

from __future__ import annotations

import sys
from functools import wraps
from itertools import chain, repeat
from operator import attrgetter, is_not, ne

from ._checks import ACTIVATIONS, ordered
from ._copying import in_slots
from ._core import Any, Held, as_number, core, ffi, lib
from ._operands import AT_FIRST, with_leaves
from ._value_attributes import classes, give_way
from .engine import unequal

Value: Any = type(core.new())  # whatever a script has put into micrograd.engine meanwhile

# A plan depends on these attributes. It is made anew if one of them was assigned since, of any module.
_ATTRIBUTES = frozenset(("w", "b", "nonlin", "fused", "_activation", "neurons", "layers"))
_WATCHED = _ATTRIBUTES | {"parameters", "__class__", "__dict__"}
_assignments = 0


def _but_for_plans(own: Any) -> Any:
    """Return the __getattr__ of a user's class, which is not asked for the plan: it may have that of another."""

    @wraps(own)
    def method(self: Any, name: str) -> Any:
        if name == "_mg_plan":
            raise AttributeError(name)
        return own(self, name)

    method._mg_asks = own  # type: ignore[attr-defined]
    return method


class Watched:
    """Counts the assignments that plans depend on."""

    _mg_plan: _Plan | None  # in a slot of classes that have one: a class over Module may be one over list too

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        ours = (c for c in cls.__mro__[1:] if c.__module__.partition(".")[0] == __package__)
        give_way(cls, next(c for c in ours if issubclass(c, Watched)))
        own: Any = next((vars(c)["__getattr__"] for c in cls.__mro__ if "__getattr__" in vars(c)), None)
        if own is not None and not hasattr(own, "_mg_asks"):
            type.__setattr__(cls, "__getattr__", _but_for_plans(own))

    def __setattr__(self, name: str, value: Any) -> None:
        global _assignments
        object.__setattr__(self, name, value)
        if name in _WATCHED:
            _assignments += 1

    def __delattr__(self, name: str) -> None:
        global _assignments
        object.__delattr__(self, name)
        if name in _WATCHED:
            _assignments += 1

    def __getstate__(self) -> Any:  # Python's own one would take the plan along
        slots = in_slots(self, {"_mg_plan"})
        attributes = {name: x for name, x in self.__dict__.items() if name != "_mg_plan"}
        return (attributes, slots) if slots else attributes


_same_items = lib.mg_same_items


def _for_c(items: list[Any], lists: list[Any], copies: list[Any]) -> Any:
    """Return what `_same_items` reads: addresses, and how many items each list held. It keeps no list alive."""
    each = chain.from_iterable(zip(map(id, lists), map(len, copies)))
    return ffi.new("uintptr_t[]", [id(items), *each, 0])


def _can_read_lists() -> bool:
    """Tell whether C finds in a list what `mg_same_items` says: so it is in CPython with a GIL."""
    if sys.implementation.name != "cpython" or list.__basicsize__ != 5 * ffi.sizeof("uintptr_t"):
        return False
    some: list[Any] = [[0, None], [0, None], [0, True], [0]]
    return [_same_items(_for_c(some[0], [other], some[:1])) for other in some] == [1, 1, 0, 0]


_c_reads_lists = _can_read_lists()


class _Plan:
    """What one call of C has to know about layers in a row, as long as nothing of it is changed."""

    assignments: int  # _assignments at the time it was made
    layers: Any  # the layers of an MLP; None: the owner itself is the layer
    lists: list[Any]  # the layers' lists of neurons, the neurons' lists of weights: the very objects ...
    copies: list[Any]  # ... and what they held
    items: list[Any]  # all of that in turn, where C reads lists ...
    known: Any  # ... and what it reads
    types: tuple[Any, ...] | None  # classes of layers and neurons; None: changes of some can't be seen
    width: int | None  # inputs
    call: tuple[int, int, int, int, list[Any], list[Any]] | None  # of core.layers; None: these can't be fused
    keep: list[Any]  # memory of the C layers
    held: Any  # Held with the parameters; None: not known yet, False: ask for them each time

    def __reduce__(self) -> Any:  # a class with a __getstate__ of its own takes it along
        return type(None), ()

    def __init__(self, owner: Watched, layers: Any, width: int | None) -> None:
        self.assignments = _assignments
        self.width = width
        self.layers = layers
        self.lists, self.copies = [], []
        self.call = self.held = self.types = None
        row: Any = [owner] if layers is None else [None]
        if type(layers) in (list, tuple):
            row = self._copy_of(layers) if type(layers) is list else layers
        rows: list[list[tuple[Any, list[Any]]]] = []
        types: set[Any] = set()

        def show_changes(some: set[Any]) -> bool:
            new = some - types
            types.update(new)
            return all(map(_shows_changes, new))

        for layer in row:
            if not show_changes({type(layer)}):  # nothing is read of a property: it may draw random numbers
                break
            if isinstance(layer, _Neuron):  # a single one is a layer of one
                neurons: Any = [layer]
            else:
                neurons = getattr(layer, "neurons", None) if isinstance(layer, _Layer) else None
                if type(neurons) is not list:
                    break
                neurons = self._copy_of(neurons)
            if not show_changes({*map(type, neurons)}):
                break
            weights: list[Any] = [getattr(n, "w", None) if isinstance(n, _Neuron) else None for n in neurons]
            if not all(type(w) is list for w in weights):
                break
            rows.append([*zip(neurons, map(self._copy_of, weights))])
        else:
            self.types = tuple(types)
        if _c_reads_lists:
            self.items = [*chain.from_iterable(self.copies)]
            self.known = _for_c(self.items, self.lists, self.copies)
        if self.types is not None and rows and all(rows):
            self._compile(rows)

    def _copy_of(self, items: list[Any]) -> list[Any]:
        """Return what a list holds now: the plan is made of that, whatever changes the list meanwhile."""
        copy = [*items]
        self.lists.append(items)
        self.copies.append(copy)
        return copy

    def _compile(self, rows: list[list[tuple[Any, list[Any]]]]) -> None:
        """Fill in what C needs, if every neuron can be fused."""
        c_layers = ffi.new("mg_layer[]", len(rows))
        self.keep = [c_layers]
        all_params = []
        outputs, width = 0, self.width
        for c_layer, neurons in zip(c_layers, rows):
            params, biases, activations = [], [], []
            for n, weights in neurons:
                bias, activation = getattr(n, "b", ...), ACTIVATIONS.get(n._mg_activation())
                # Without b or weights, or with more or fewer than inputs, the scalar form does what micrograd does.
                if len(weights) != width or not weights or not n.fused or activation is None:
                    return
                some = () if bias is None else (bias,)
                if not {*map(type, (*weights, *some))} <= {Value}:
                    return
                params.append((*weights, *some))
                biases.append(-1 if bias is None else core.handle_of(bias))
                activations.append(activation)
            handles = core.handles([w for _, weights in neurons for w in weights])
            c_layer.neurons = len(neurons)
            for name, numbers in (("weights", handles), ("biases", biases), ("activations", activations)):
                self.keep.append(ffi.new("int32_t[]", numbers))
                setattr(c_layer, name, self.keep[-1])
            self.keep.append(ffi.new("int8_t[]", len(neurons)))
            c_layer.consecutive = self.keep[-1]
            all_params.append(params)
            outputs += len(neurons)
            width = len(neurons)
        *inner_params, last = all_params
        address = int(ffi.cast("uintptr_t", c_layers))
        self.call = (address, len(rows), outputs, outputs - len(last), inner_params, last)


# The classes of neurons, layers and networks, once they exist, and their methods as they were at first.
_Neuron: Any
_Layer: Any
_calls: tuple[Any, ...]
_parameters: tuple[Any, ...]


def know(neuron: Any, layer: Any, mlp: Any) -> None:
    """Take these classes, of which a plan is made."""
    global _Neuron, _Layer, _calls, _parameters
    _Neuron, _Layer = neuron, layer
    _calls = (neuron.__call__, layer.__call__)
    _parameters = (neuron.parameters, layer.parameters, mlp.parameters)


# A script may put a relu of its own into Value: then the scalar form uses that.
_NAMES = ("__add__", "__mul__", *(name for name, op in ACTIVATIONS.items() if op >= 0))
_scalar_operators = attrgetter(*_NAMES)
_OPERATORS = tuple(AT_FIRST[name] for name in _NAMES)
_EQUAL = AT_FIRST["__eq__"]


def _plan_of(owner: Watched, layers: Any, width: int | None) -> _Plan:
    """Return the plan of `layers`, or of `owner` alone, for so many inputs; None: for any number."""
    plan = getattr(owner, "_mg_plan", None)
    if (
        plan is None
        or plan.assignments != _assignments
        or (plan.width != width and width is not None)
        or plan.layers is not layers
        or _are_changed(plan)
    ):
        plan = _Plan(owner, layers, width)
        object.__setattr__(owner, "_mg_plan", plan)
    return plan


def _are_changed(plan: _Plan) -> bool:
    """Tell whether a list holds other objects than it did, or some that say that they are equal."""
    if _c_reads_lists:
        return not _same_items(plan.known)
    own = [r for r in [*classes.values()] if r().__eq__ is not _EQUAL]
    if own or Value.__eq__ is not _EQUAL:  # the user's == may say and raise anything
        return any(map(ne, map(len, plan.copies), map(len, plan.lists))) or any(
            map(any, map(map, repeat(is_not), plan.copies, plan.lists))
        )
    before = unequal[0]
    return plan.copies != plan.lists or unequal[0] != before  # a Value on the left is asked first, and counts


def outputs(owner: Watched, layers: Any, x: Any) -> list[Any] | None:
    """Return the outputs of the last layer, or None if only the scalar form does what the user asks for."""
    try:
        width = len(x)
    except TypeError:
        if not isinstance(x, Value):  # what a layer of one neuron gave
            return None
        x, width = (x,), 1
    plan = _plan_of(owner, layers, width)
    if plan.call is None or _scalar_operators(Value) != _OPERATORS:
        return None
    for t in plan.types or ():
        if t.__call__ not in _calls:
            return None
    inputs = tuple(x) if type(x) is list else x if type(x) is tuple else tuple(ordered(x))
    if len(inputs) != width:  # a __len__ of the user's, or another thread
        return None
    outs = core.layers(*plan.call, inputs) if core.TAKES_FLOATS or type(inputs[0]) is Value else None
    if outs is None and (converted := _input_values(inputs)) is not None:
        outs = core.layers(*plan.call, converted)
    return outs


def zero_grad(owner: Any) -> None:
    """Set the gradients of the parameters to 0, in one call of C if they are plain Values."""
    held = _held_parameters(owner)
    if held is None:
        parameters = list(owner.parameters())
        if not {*map(type, parameters)} <= {Value}:
            core.handles(p for p in parameters if isinstance(p, Value))  # no half-made one
            for p in parameters:
                p.grad = 0.0
            return
        held = Held(parameters)
    held.zero_grad()


def _held_parameters(owner: Any) -> Held | None:
    """Return the parameters of a Neuron, Layer or MLP, None if they have to be asked for anew."""
    owns: Any = type(owner).parameters
    if owns not in _parameters:
        return None
    plan = _plan_of(owner, owner.layers if owns is _parameters[2] else None, None)
    if plan.types is None:
        return None
    for t in plan.types:
        if t.parameters not in _parameters:
            return None
    if plan.held is None:
        modules = [owner, *(m for m in chain(plan.layers or (), *plan.lists) if isinstance(m, Watched))]
        values = owner.parameters()
        # A neuron with fused=False has everything read at each call.
        seen = all("parameters" not in vars(m) and getattr(m, "fused", True) for m in modules)
        plan.held = Held(values) if seen and {*map(type, values)} <= {Value} else False
    return plan.held or None


def _input_values(inputs: tuple[Any, ...]) -> tuple[Value, ...] | None:
    """Return inputs as Values; None if one is of a class of the user's: its operators are used then."""
    places = [i for i, x in enumerate(inputs) if type(x) is not Value]
    numbers = [as_number(inputs[i]) for i in places]
    return None if None in numbers else with_leaves(inputs, places, [*map(float, numbers)])  # type: ignore[arg-type]


def _shows_changes(t: Any) -> bool:
    """Tell whether a class of neurons or layers leaves all attributes that a plan depends on to Watched."""
    return (
        t.__setattr__ is Watched.__setattr__
        and t.__delattr__ is Watched.__delattr__
        and t.__getattribute__ is object.__getattribute__
        and not hasattr(t, "__getattr__")
        and getattr(t, "activation", _Neuron.activation) is _Neuron.activation
        and not any(hasattr(getattr(t, name, None), "__get__") for name in _ATTRIBUTES)
        and all(_ATTRIBUTES.isdisjoint(vars(c)) for c in t.__mro__ if c.__module__ != _Neuron.__module__)
    )
