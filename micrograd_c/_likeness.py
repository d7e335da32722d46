"""Whether a script's own class of scalars means what Value means, asked method by method, with numbers.

1. What is not pure (see _pure.py) is never called, and stays theirs.
2. A pure method is *ours* if it gives the same number, the same gradients and the same kind of error as Value's, at
   numbers large, small and zero, and next to the constants of its text. The graph has to grow by as many nodes,
   since a second backward() adds to these too.
3. Where that holds for some operands only, as for float exponents of positive numbers, or for a tanh by exp where
   neither exp overflows nor digits cancel, ours is used for these.
4. The constructor is described by what each of its arguments sets; backward() has to be Value's, or Value's after
   setting all gradients to 0. Otherwise Value cannot stand in.
"""

from __future__ import annotations

import _ast as ast
import sys
from types import FunctionType

from ._core import NAMES, OPS, Any, core
from ._core.hints import Callable, Iterator
from ._core.numbers import arrays_are_data
from ._operands import stops_short
from ._own_attributes import PROPERTIES, both, guarded, with_subclasses
from ._own_nodes import ABSENT, Nodes, UnlikeError, define
from ._pure import Body, Kinds, Text, is_constant, nodes_below, within
from ._samples import GUARDS, SIGNS, Samples, agree, called, gradients, is_formula, is_minus_one
from ._value_attributes import COMPARISONS
from .engine import Value, zero_grad

_TENSORS = {
    *str.split("""
    shape ndim zeros_like ones_like reshape asarray array ndarray unbroadcast dtype
""")
}
REFUSED = {
    *str.split("""
    __new__ __del__ __getattr__ __getattribute__ __setattr__ __delattr__ __init_subclass__ __reduce__
    __reduce_ex__ __getstate__ __setstate__ __matmul__
""")
}
_UNARY = {"__neg__", "__pos__", "__abs__"} | {
    name.lower()
    for name, op in zip(NAMES, OPS)
    if hasattr(Value, name.lower()) and op.arity == 1 and not op.takes_k
}
_REFLECTED = {f"__r{name}__" for name in ("add", "sub", "mul", "truediv", "pow")}
_BINARY = {name.replace("__r", "__", 1) for name in _REFLECTED} | _REFLECTED | {*COMPARISONS}

_Asks = Callable[[str], bool]
_BY_OTHERS = "__neg__ __radd__ __rmul__ __sub__ __rsub__ __truediv__ __rtruediv__"
_NAMING = ast.Attribute, ast.Constant, getattr(ast, "MatchClass", ast.Attribute)  # Python 3.9 has no `match`
_MISTAKES = None, "x"


def differences(
    theirs: type, tree: ast.ClassDef, nodes: Kinds, changed: bool, is_read: _Asks, is_made: _Asks
) -> dict[str, Any]:
    """Return what a class has instead of, or beyond, what Value has: attributes to be set on Value.

    Parameters
    ----------
    theirs : type
    tree : ast.ClassDef
        Its text.
    nodes : dict
        All of its module, by their types.
    changed : bool
        Operators of it, or of a subclass, are made elsewhere: what calls others has to call these.
    is_read : function of a str
        Whether something outside of the class may read an attribute of that name. If operands or labels are
        read, graphs look as theirs do.
    is_made : function of a str
        Whether a method of that name may be made anew outside of the class. What calls it goes on to call it.

    Raises
    ------
    UnlikeError
        Value cannot stand in for it.
    """
    if theirs.__bases__ != (object,) or type(theirs) is not type or tree.decorator_list[1:]:
        raise UnlikeError("has bases or decorators of its own")
    for name in REFUSED & vars(theirs).keys():
        raise UnlikeError(f"has a method {name}")
    for node in within(tree, nodes[ast.Attribute]):
        if node.attr in _TENSORS:
            raise UnlikeError(f"may hold arrays: it reads .{node.attr}")
    if is_read("__dict__"):
        raise UnlikeError("has its attributes read from __dict__")
    import warnings

    with warnings.catch_warnings():  # numpy's, of an overflow
        warnings.simplefilter("ignore")
        return _Comparison(theirs, tree, nodes, changed, is_read, is_made).attributes


OPERATORS = _UNARY | _BINARY | {"backward"}
_ours = {name: getattr(Value, name) for name in OPERATORS}  # before anything of a script is set on Value


def _backward(self: Value, seed: Any = 1.0) -> None:
    _ours["backward"](self, 1.0 if seed is None else seed)


def _zeroing(self: Value, seed: Any = 1.0) -> None:
    zero_grad(self)
    _backward(self, seed)


def _reached(nodes: list[Any]) -> set[Any]:
    """Return which arguments of an op are operands of the nodes that it made, as Nodes.shape() shows them."""
    return {place for _, _, operands in nodes for place in operands if type(place) is int}


class _Comparison(Nodes):
    """A class beside Value; `attributes` are the differences."""

    _inverse: tuple[str, bool] | None = None  # where x ** -1 is ours, once it was asked

    def __init__(
        self, theirs: type, tree: ast.ClassDef, nodes: Kinds, changed: bool, is_read: _Asks, is_made: _Asks
    ) -> None:
        body = Body(theirs, tree, nodes)
        self.body = body
        self._expect_pure("does more in its __init__ than to keep what it is given")
        super().__init__(body)
        body.keep({name for name in body.pure if self._is_of_nodes(name, is_read)})
        self._expect_pure("computes something in its __init__")
        for name in ("__init__", "backward", "__add__", "__mul__"):
            if helper := self.made_anew(name, is_read if name == "__init__" else is_made):
                raise UnlikeError(f"calls {helper} in {name}, which is made anew elsewhere")
        self.T = body.build()
        self.in_own_words: set[str] = set()  # methods that raise errors, for numbers
        init = self.constructor(is_read)
        self.attributes = {**self.names(), **({"__init__": init} if init else {})}
        self.expect_operands_kept(nodes, is_read)
        self._compare_backward(is_read)
        self._everywhere: set[str] = set()  # methods that are ours for all operands
        anew = {x for x in body.pure & (_UNARY | _BINARY) if self.made_anew(x, is_made)}
        named = body.pure & (_UNARY | _BINARY) - anew
        # Others that have constants, but those near which all methods are tried.
        self._cases = {name for name in named if not body.texts[name].numbers <= {0.0, 1.0}}
        self._tried: set[str] = set()
        in_order = sorted(named, key=lambda name: (_BY_OTHERS.find(name), name))  # after what it may be made of
        common = {name: self._common(name) for name in in_order}
        if changed or anew:
            common = {name: x for name, x in common.items() if tree.name in body.texts[name].names}
        for name in ("__add__", "__mul__"):
            if Value not in common.get(name, ()):
                tried = name in self._tried & common.keys()
                raise UnlikeError(
                    f"has another meaning of {name}" if tried else f"has a {name} that is not compared"
                )
        exact = any(map(is_read, self.graph)) or self._reads_graph(tree, {*common, "__init__", "backward"}, is_read)
        self._add_methods(common, exact)
        if is_constant(op := self.attributes.get("_op", ABSENT)):  # it would hide that of a node on the native core
            own = property(lambda v: op if (x := core.peek(v, "_op")) is None else x, PROPERTIES["_op"].fset)
            self.attributes["_op"] = both("_op", own, op)
        self.attributes["_mg_settle"] = with_subclasses(self._callers(), self.of_nodes)
        arrays_are_data[0], stops_short[0] = self._keeps_arrays(), bool(self.locals) and self.stops_short()

    def _callers(self) -> dict[str, tuple[Any, Any, set[str]]]:
        """Return methods of theirs that call others, what stands for them, and what they may call.

        One operator may be made of others that are made of others: any method that is no formula calls all of them.
        """
        body, found = self.body, dict[str, tuple[Any, Any, set[str]]]()
        called = {x: self.reads_below(x) & body.texts.keys() - {x} for x in body.pure & OPERATORS}
        by_any = {x for x in _ours if x.startswith("__")}.union(*(y for x, y in called.items() if x != "backward"))
        for name, below in called.items():
            theirs, stands = body.attributes[name], self.attributes.get(name, _ours[name])
            if name != "backward" and not is_formula(body.texts[name], body, smooth=name in _UNARY):
                below = by_any
            if below and theirs is not stands:
                found[name] = theirs, stands, below
        return found

    def _expect_pure(self, of_init: str) -> None:
        """Let pass a class whose methods that every node needs are pure; `of_init` is said of another __init__."""
        if "__init__" not in self.body.pure:
            raise UnlikeError(of_init)
        if "backward" not in self.body.pure:
            raise UnlikeError("does more in its backward() than to pass gradients on")
        seen_by = "__hash__" if "set" in self.body.texts["backward"].names else "__eq__"
        if seen_by in self.body.texts.keys() - self.body.pure:
            raise UnlikeError(f"does more in its {seen_by} than to look at data")
        for name in ("__add__", "__mul__"):
            if name not in self.body.pure:
                raise UnlikeError(f"does more in its {name} than to make a node")
            if self.body.texts[name].overwrites:
                raise UnlikeError(f"overwrites gradients in {name}")

    def _reads_graph(self, tree: ast.ClassDef, ours: set[str], is_read: _Asks) -> bool:
        """Tell whether something in the class that goes on to be called, and is not ours, may read the graph."""
        texts = {name: text for name, text in self.body.texts.items() if name not in ("__init__", "backward")}
        called = set().union(*(text.reads for text in texts.values()))
        for part in tree.body:
            name = getattr(part, "name", "")
            known = name in texts and not name.startswith("__") and name not in called and not is_read(name)
            slots = any(getattr(x, "id", "") == "__slots__" for x in getattr(part, "targets", ()))
            if name in ours or known or slots:  # or known: such as what backward() alone calls, which is ours
                continue
            named = [x for x in nodes_below(part) if type(x) in _NAMING]
            words = [getattr(x, "attr", getattr(x, "value", None)) for x in named]
            if not self.graph.isdisjoint(words + [y for x in named for y in getattr(x, "kwd_attrs", ())]):
                return True
        return False

    def _is_of_nodes(self, name: str, is_read: _Asks) -> bool:
        """Tell whether a method reads and assigns nothing of a node but what every node has."""
        text = self.body.texts[name]
        if not text.names.isdisjoint(("getattr", "hasattr")):
            known = {self.body.data, "grad", self.closure, self.locals} | self.graph
            for x in text.nodes:
                if type(x) is ast.Call and getattr(x.func, "id", "") in ("getattr", "hasattr"):
                    asked = str(getattr(x.args[1], "value", ""))
                    set_by = any(asked in other.assigns for other in self.body.texts.values())
                    if asked not in known and (set_by or is_read(asked)):
                        return False
        assigned = text.assigns - {self.body.data, "grad", self.closure, self.locals} - self.graph
        return name == "__init__" or not (assigned or text.reads & self.plain.keys())

    # ---- backward ----

    def _compare_backward(self, is_read: _Asks) -> None:
        f: Any = self.body.attributes["backward"]
        if not isinstance(f, FunctionType) or f.__code__.co_flags & 0x0C or f.__code__.co_kwonlyargcount:
            raise UnlikeError("has a backward() of another shape")
        parameters, defaults = f.__code__.co_varnames[1 : f.__code__.co_argcount], f.__defaults__ or ()
        read = [x for x in parameters if x in self.body.texts["backward"].used]
        if read not in ([], [*parameters[:1]]) or len(defaults) != len(parameters):
            raise UnlikeError("has a backward() of another shape")
        if self.op in (reads := self.reads_below("backward")):
            raise UnlikeError(f"looks at .{self.op} in its backward()")
        if not self.numbers_below("backward") <= {0.0, 1.0, 2.0}:
            raise UnlikeError("has a backward() with limits of its own")
        seeds = ((), (3.0,))[: 2 if read else 1]
        looks = not reads.isdisjoint(("grad", "data", self.body.data))
        hands = self.by_hand if "operands" in self.role else None, bool(self.closure) and is_read(self.closure)
        theirs = [gradients(self.T, self.T.backward, x, looks, *hands) for x in seeds]
        returned = {what for what, _ in theirs}
        if len(returned) > 1 or returned == {"something"}:
            raise UnlikeError("has a backward() that returns something")
        for self.backward in (_backward, _zeroing):
            ours = (gradients(Value, self.backward, x, looks, *hands)[1] for x in seeds)
            if all(agree(x, y) for x, (_, y) in zip(ours, theirs)):
                break
        else:
            raise UnlikeError("has another meaning of backward(), + or *")
        result = {"itself": "; return self", "gradient": "; return self.grad"}.get(theirs[0][0], "")
        if result or parameters not in ((), ("seed",)) or (parameters and (not read or defaults[0] is None)):
            sweep = max(parameters, key=len, default="sweep") + "_"  # no name of theirs
            scope = {sweep: self.backward, "defaults": defaults}
            given = "".join(f", {name}=defaults[{i}]" for i, name in enumerate(parameters))
            define(f"def backward(self{given}): {sweep}({', '.join(['self', *read])}){result}", scope)
            self.attributes["backward"] = scope["backward"]
        elif self.backward is _zeroing:
            self.attributes["backward"] = _zeroing

    # ---- operators and functions ----

    def _common(self, name: str) -> dict[Any, tuple[str, bool]]:
        """Return for which types of the other operand ours is theirs: under which guard, and whether to the label.

        None is the type where there is no other operand; `object` stands for what no operator takes.
        """
        f: Any = self.body.attributes[name]
        arity = 1 if name in _UNARY else 2
        text = self.body.texts[name]
        fits = isinstance(f, FunctionType) and f.__code__.co_argcount == arity and not f.__code__.co_flags & 0x0C
        if not fits or f.__code__.co_kwonlyargcount or text.loops or len(numbers := self.numbers_below(name)) > 24:
            return {}
        read = [text.of.get(x, set[str]()) for x in f.__code__.co_varnames[:arity]]
        if any(self.graph & x for x in (*read, self.reads_below(name) - text.reads)):  # samples have none
            return {}
        self._tried.add(name)
        found: dict[Any, Any] = {}
        for few in ((0, 5, 4)[arity], 1)[not self._is_simple(text) :]:  # the first sample and zero are in it
            all_numbers = self.numbers_below(name, self._cases) if few == 1 and self._cases else numbers
            self._samples = Samples(text, self.body if few == 1 else None, all_numbers, all_numbers != numbers)
            found = self._found(name, arity, text, few)
            if all(guard is None or guard[0] == "everywhere" for guard in found.values()):
                break  # few samples tell no other guard
        if all(guard and guard[0] == "everywhere" for kind, guard in found.items() if kind is not object):
            self._everywhere.add(name)
            self._cases.discard(name)
        return {kind: guard for kind, guard in found.items() if guard is not None}

    def _found(self, name: str, arity: int, text: Text, few: int) -> dict[Any, Any]:
        """Return the guards by types, None for no guard, as each `few`-th of the samples tells."""
        if arity == 1:
            return {None: self._guard(name, [(x, None) for x in self._samples.alone[::few]], None)}
        pairs: list[tuple[float, Any]] = [*self._samples.pairs(few)]
        found: dict[Any, Any] = {float: self._guard(name, pairs, float)}
        # Once floats are known to be ours, few ints and Values tell: they have cases of their own by type alone.
        known = few > 1 and found[float] is not None and found[float][0] == "everywhere"
        if found[float] is not None or name not in _REFLECTED:
            step = 6 if known else 2 if found[float] == ("everywhere", True) else few
            counted = self._samples.counted(step) + [(0.7, True)] * ("bool" in text.names)
            found[int] = self._guard(name, counted, int, found[float] if few > 1 else None)
        if name not in _REFLECTED:
            found[Value] = self._guard(name, [*(pairs[::2] if known else pairs), (0.7, None)], Value)
        texts_alike = few > 1 and text.names.isdisjoint(("str", "float"))  # it refuses them as it does None
        found[object] = self._guard(name, [(0.7, x) for x in _MISTAKES[: 1 if texts_alike else 2]], object)
        return found

    def _is_simple(self, text: Text) -> bool:
        """Tell whether a method is a polynomial, or arithmetic by operators that are ours everywhere.

        It means what ours does if it does so at a few numbers: no number is looked at, and none is a case apart.
        """
        tree = text.tree
        if isinstance(tree, ast.Lambda) or type(tree.body[0]) is not ast.Return:
            return is_formula(text, self.body)
        first, used = [*tree.args.posonlyargs, *tree.args.args][0].arg, set[str]()
        for node in nodes_below(tree.body[0].value):
            kind = type(node)
            sign = SIGNS.get(type(node.op), "") if kind is ast.BinOp else ""
            if sign == "pow":
                if not (is_minus_one(node.right) and self._inverts()):
                    return False
            elif sign:
                used.add(f"__{sign}__")
                if getattr(node.left, "id", "") != first:  # a plain number may be on the left
                    used.add(f"__r{sign}__")
            elif kind is ast.UnaryOp and type(node.op) is ast.USub:
                used.update(() if type(node.operand) is ast.Constant else ["__neg__"])
            elif kind is not ast.Name and not (kind is ast.Constant and node.value == 1):
                return False
        return all(name in self._everywhere for name in used if hasattr(self.T, name))

    def _inverts(self) -> bool:
        """Tell whether x ** -1 is ours everywhere."""
        if self._inverse is None and "__pow__" in self.body.pure:
            self._samples = Samples(self.body.texts["__pow__"], self.body, self.numbers_below("__pow__"))
            self._inverse = self._guard("__pow__", self._samples.inverses(), int) or ("", True)
        return self._inverse is not None and self._inverse[0] == "everywhere"

    def _guard(self, name: str, samples: list[tuple[float, Any]], kind: Any, like: Any = None) -> Any:
        """Return under which guard ours is theirs at samples, and whether to the label, as it is in `like`."""
        guards = [*GUARDS]
        same = like[1] if like else True
        shaped = not like and kind is not object and name not in COMPARISONS
        tried = [(x, y, 1.0 if i and not self._samples.looks else 3.0) for i, (x, y) in enumerate(samples)]
        if kind is not object and name not in COMPARISONS:
            tried += [(x, samples[0][1], gradient) for x, gradient in self._samples.gradients]
        theirs, ours = (self._outcomes(cls, name, tried, kind, shaped) for cls in (self.T, Value))
        if shaped:
            one, other = next(theirs), next(ours)
            same = one == other
            if _reached(one) != _reached(other):  # what lies below an operand that theirs forgets gets no gradient
                return None
        for (x, _, _), outcome, expected in zip(tried, theirs, ours):
            if not self._agree(name, kind, outcome, expected):
                guards = [guard for guard in guards if not GUARDS[guard](x)]
                if not guards:
                    return None
        return guards[0], same

    def _agree(self, name: str, kind: Any, theirs: Any, ours: Any) -> bool:
        """Tell whether theirs and ours have the same outcome at a sample."""
        if isinstance(theirs, type) and self.body.texts[name].raises:
            self.in_own_words.add(name)
        return bool(theirs == ours == "refused") if kind is object else agree(theirs, ours)

    def _outcomes(self, cls: Any, name: str, samples: Any, kind: Any, shaped: bool) -> Iterator[Any]:
        """Yield numbers and gradients of operands, which have some before, or what is no node, or an error's class.

        Samples have the gradient of the node, which a product gives it if it is not one node alone. How many nodes
        it has comes last, its shape first if asked for.
        """
        method, backward = (_ours[name], self.backward) if cls is Value else (getattr(cls, name), cls.backward)
        for x, y, factor in samples:
            shape: list[Any] = []
            try:
                v = cls(x)
                v.grad = 0.25 if abs(factor) >= 1.0 else 0.0  # which would hide a tiny one
                z, *more = called(cls, method, v, y, kind)
                outcome: Any = z if kind is not object else "refused" if z is NotImplemented else "taken"
                if isinstance(outcome, cls):
                    shape = self.shape(z, [v, *more], shaped) if shaped or self._samples.looks else []
                    if len(shape) == 1 and self.backward is _backward:
                        self.pass_on(z, factor)  # as backward() does, which takes longer
                    else:
                        backward(z if factor == 1.0 else z * cls(factor))
                    outcome = [z.data, v.grad, *(w.grad for w in more), len(shape)]
                    if shaped:
                        shape = self.shape(z, [v, *more], True)  # now with gradients
                    if cls is not Value:
                        vars(z).clear()  # its closure names it: that is garbage for the collector
            except Exception as error:
                outcome = "refused" if kind is object else type(error)
            if shaped:
                yield shape
            yield outcome
            shaped = False

    def _keeps_arrays(self) -> bool:
        """Tell whether an array as operand becomes data, which ours cannot have."""
        numpy: Any = sys.modules.get("numpy")
        try:
            return isinstance(numpy and self.T(0.7) * numpy.array([0.7, 2.5]), self.T)
        except Exception:
            return False

    # ---- what there is beyond ----

    def _add_methods(self, common: dict[str, Any], exact: bool) -> None:
        for name, attribute in self.body.attributes.items():
            if name in ("__init__", "backward"):
                continue
            guards = {kind: guard for kind, (guard, same) in common.get(name, {}).items() if same or not exact}
            expected = {None} if name in _UNARY else {float, int, object, *([Value] * (name not in _REFLECTED))}
            own_text = ">>>" in (attribute.__doc__ or "") or name in self.in_own_words
            if own_text or guards.keys() < expected or {*guards.values()} != {"everywhere"}:
                if guards.keys() - {object}:
                    tree = self.body.texts[name].tree
                    attribute = guarded(_ours[name], attribute, guards, tree, self.body.name)
            elif guards:
                continue
            if (text := self.body.texts.get(name)) and text.overwrites:
                raise UnlikeError(f"overwrites gradients in {name}")
            if text and self.locals in text.assigns:
                raise UnlikeError(f"assigns .{self.locals} in {name}")
            if name in self.of_nodes:
                attribute = both(name, self.attributes.get(name, getattr(Value, name, None)), attribute)
            self.attributes[name] = attribute
        if "__repr__" not in self.body.attributes:
            self.attributes["__repr__"] = object.__repr__
