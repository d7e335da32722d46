"""What the nodes of a script's class keep, found on a few of them, and how its constructor makes them."""

from __future__ import annotations

import _ast as ast
import math
from contextlib import suppress
from types import FunctionType

from ._core import core
from ._core.hints import Any, Callable
from ._own_attributes import PROPERTIES, assign_slopes, closure_or, in_container, or_given, slopes_in
from ._pure import Body, Kinds, by_kind, is_constant, parsed, within
from ._samples import agree, is_empty, number_of, operators_in
from .engine import Value

# As they are before anything of a script is set on Value.
_make = Value.__init__
_GIVEN, _TYPE = "given as ", "type of "  # attributes that keep what was given empty, and in which container
_TYPES = {tuple, list, set, frozenset}
ABSENT: Any = object()  # what Value has and a class has not


class UnlikeError(Exception):
    """Why a class cannot be replaced, in words that follow its name."""


def define(text: str, scope: dict[str, Any]) -> None:
    """Run a definition in a file of ours: the frames of what it makes are left out of tracebacks."""
    exec(compile(text, f"{__file__}: made", "exec", dont_inherit=True), scope)


class Nodes:
    """A class of scalars by what its nodes keep.

    Attributes
    ----------
    body : Body
    T : type
        Its pure methods, built again.
    operands : list of (str, type, bool)
        Attributes that have the operands, the types of these, and whether x * x has x once there.
    closure, locals, op : str
        The attribute that has the closure that passes gradients on, the local derivatives, the label; ''.
    of_nodes : set of str
        All attributes of a leaf and of a node.
    plain : dict
        Attributes that are the same on every new node, and their values.
    label : list of str
        The one of these that is a text, as `label` and `name` of Value are.
    graph : set of str
        `operands` and `op`.
    leaf : dict
        What these, `closure` and `locals` are on a leaf, where ours has a function or something empty instead.
    kept : set of str
        Attributes that keep the type of the container that was given, if somebody looks.
    role : dict
        The arguments of the constructor by what they set.
    """

    def __init__(self, body: Body) -> None:
        self.body, self.T = body, body.build()
        self._find()
        self.graph = {name for name, _, _ in self.operands} | {self.op} - {""}

    def _find(self) -> None:
        try:
            x, y = self.T(2.0), self.T(3.0)
            z, summed = x * y, getattr(x + y, "__dict__", {})
        except Exception as error:
            raise UnlikeError(f"cannot be tried out: {type(error).__name__}: {error}") from None
        if type(z) is not self.T:
            raise UnlikeError("has another meaning of *")
        leaf, node, square = vars(x), vars(z), vars(x * x)
        self._first = {**leaf}
        self.of_nodes = {*leaf, *node}
        turned = vars(y * x)
        used = {*self.body.attributes}.union(*(x.assigns | x.reads for x in self.body.texts.values()))
        if self.body.data != "data" and "data" in used:
            raise UnlikeError(f"has a .{self.body.data} and another .data")
        if type(leaf.get(self.body.data)) not in (int, float):
            raise UnlikeError("makes something else of its data than Python's numbers")
        self._expect_all_numbers()
        found = [number_of(v.get(name)) for v in (leaf, node) for name in (self.body.data, "grad")]
        if found != [2.0, 0.0, 6.0, 0.0]:
            raise UnlikeError("has another meaning of data, of grad or of *")
        self.operands: list[tuple[str, Any, bool]] = []
        self.closure = self.locals = self.op = ""
        self.plain: dict[str, Any] = {}
        self.leaf: dict[str, Any] = {}
        for name in [name for name in {**leaf, **node} if name not in (self.body.data, "grad")]:
            before, after = leaf.get(name, self), node.get(name, self)
            kind = type(after)
            if kind is FunctionType and not self.closure:
                self.closure = name
            elif kind in (set, frozenset, tuple, list) and {*map(id, after)} == {id(x), id(y)}:
                once = len(square[name]) == 1
                if kind in (tuple, list) and not once and (after[0] is x) != (turned[name][0] is y):
                    raise UnlikeError(f"keeps its operands in .{name} in an order of its own")
                self.operands.append((name, kind, once))
            elif kind in (tuple, list) and agree([*after], [3.0, 2.0]) and not self.locals:
                self.locals, self._slopes = name, kind
            elif kind is str and not self.op and (label := after or summed.get(name)) and label != before:
                self.op = name  # which + may have where * has none
            elif is_constant(after) and kind not in (list, dict, set) and type(before) is kind and before == after:
                self.plain[name] = after
            else:
                raise UnlikeError(f"keeps in .{name} what no other Value has")
            if name not in self.plain:
                self._look_at_leaf(name, before, kind)
        # Ours are two names of one text, '' at first.
        texts = [name for name in ("label", "name") if name in self.plain]
        self.label = texts if [self.plain[name] for name in texts] == [""] else []
        if not self.operands or bool(self.closure) == bool(self.locals):
            raise UnlikeError("keeps derivatives in a way of its own")
        if self.closure:
            z.grad = 1.0
            try:
                getattr(z, self.closure)()
            except Exception:
                raise UnlikeError(f"calls its .{self.closure} in a way of its own") from None
            if not agree([x.grad, y.grad], [3.0, 2.0]):
                raise UnlikeError(f"has another meaning of .{self.closure}()")

    def _look_at_leaf(self, name: str, x: Any, ours: Any) -> None:
        """Keep what a leaf has in an attribute of the graph, unless that is a function, or empty, as ours is."""
        if callable(x) if name == self.closure else type(x) is ours and not x:
            return
        if not is_constant(x):
            raise UnlikeError(f"keeps in .{name} of leaves what no other Value has")
        self.leaf[name] = x

    def _expect_all_numbers(self) -> None:
        """Let pass a constructor that keeps each number as it is, next to the constants of its text too."""
        near = [c * x for c in self.body.texts["__init__"].numbers for x in (1.01, -1.01, 0.99)]
        for x in (*near, 1e-300, -1e300, math.inf, -math.inf, math.nan):
            try:
                kept = agree(x, self.T(x).data)
            except Exception:
                kept = False
            if not kept:
                raise UnlikeError(f"makes something else of {x:g} in its __init__")

    def constructor(self, is_read: Callable[[str], bool]) -> Any:
        """Return an __init__ of their arguments; None if Value's own takes them."""
        known = self.of_nodes | self.body.attributes.keys()
        self.absent = {x for x in ("label", "name") if x not in known and self._is_seen(x, is_read)}
        if self.absent or "name" in self.body.attributes:  # else it is of no matter that both are one text
            self.label = []
        init: Any = self.body.attributes["__init__"]
        code, defaults = init.__code__, init.__defaults__ or ()
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        if code.co_flags & 0x0C or code.co_posonlyargcount or not names or code.co_argcount - len(defaults) > 2:
            raise UnlikeError("has a constructor of another shape")
        given = dict(zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults))
        given.update(init.__kwdefaults__ or {})
        sets = {name: self._sets(name) for name in names[1:]}
        self.role = {what: name for name, what in sets.items() if what}
        containers = {self.locals, *(name for name, _, _ in self.operands)} - {""}
        self.kept = {x for x in containers if self._keeps_type(x) and self._is_seen(x, is_read)}
        try:
            nested = number_of(self.T(self.T(2.0)).data) == 2.0
        except Exception:  # it takes numbers alone
            nested = False
        ours = {"_children": "operands", "children": "operands", "_op": self.op, "local_grads": "locals"}
        ours.update((name, name) for name in self.label)
        fits = all(role == ours.get(name) for name, role in sets.items()) and [*sets.values()] in (
            ["operands", third, *self.label][:n] for third in (self.op, "locals") for n in range(4)
        )
        fits &= names[0] == "data" and "data" not in given and not code.co_kwonlyargcount
        if fits and not (nested or self.leaf or self.kept):
            return None
        return self._constructor(names, code.co_argcount - 1, given, sets, nested)

    def _is_seen(self, name: str, is_read: Callable[[str], bool]) -> bool:
        """Tell whether somebody reads an attribute but __init__, and what is called in backward() alone."""
        inner = {"__init__", "backward"} | self.reads_below("backward")
        return is_read(name) or any(name in text.reads for x, text in self.body.texts.items() if x not in inner)

    def _keeps_type(self, name: str) -> bool:
        """Tell whether an attribute is the container that was given, of any type."""
        x = self.T(3.0)
        try:
            role = self.role["locals" if name == self.locals else "operands"]
            return all(type(vars(self.T(2.0, **{role: y}))[name]) is type(y) for y in ((x, x), [x, x]))
        except Exception:
            return False

    def _sets(self, parameter: str) -> str:
        """Return what an argument sets: 'operands', 'locals', '' for nothing, or the name of an attribute."""
        leaf, x = vars(self.T(2.0)), self.T(3.0)
        for probe in ((x, x), [x, x], 7.5, "text"):
            try:
                made = vars(self.T(2.0, **{parameter: probe}))
            except Exception:
                continue
            changed = {k for k, found in made.items() if k != self.closure and not agree(found, leaf.get(k, self))}
            if made.get(self.closure) is probe:
                return self.closure
            if type(probe) in (tuple, list) and changed == {name for name, _, _ in self.operands}:
                return "operands"
            if type(probe) is tuple and changed == {self.locals} and [*made[self.locals]] == [x, x]:
                return "locals"
            name = str(*changed) if len(changed) == 1 else ""
            if name:
                if made[name] is probe or (name == "grad" and agree(made[name], probe)):
                    return name
            elif not changed and parameter not in self.body.texts["__init__"].used:
                return ""
        raise UnlikeError(f"does something of its own with the argument {parameter}")

    def _constructor(self, names: Any, n: int, given: dict[str, Any], sets: dict[str, str], nested: bool) -> Any:
        role = self.role
        scope = {"make": _make, "Value": Value, **{f"default_{name}": x for name, x in given.items()}}
        shown = [f"{name}=default_{name}" if name in given else name for name in names]
        arguments = ", ".join(["self", *shown[:n], *(["*"] if shown[n:] else []), *shown[n:]])
        data, children = names[0], role.get("operands")
        lines = [f"if isinstance({data}, Value): {data} = {data}.data"] if nested else []
        hand = f"{children} or ()"
        if self.op in role:
            hand += f", {role[self.op]}" if given.get(role[self.op]) == "" else f", {role[self.op]} or ''"
        if "locals" in role:
            hand += f", local_grads={role['locals']} or None" if self.op in role else f", {role['locals']} or ()"
        some = " or ".join(role[x] for x in ("operands", self.op, "locals") if x in role)
        made = f"make(self, {data}"
        lines.append(f"{made}, {hand}) if {some} else {made})" if children else f"{made})")
        for name in self.kept:
            p = role["locals" if name == self.locals else "operands"]
            lines.append(f"if type({p}) in types: put(self, {_TYPE + name!r}, type({p}))")
        scope |= {"put": core.put, "types": _TYPES}
        for name, what in sets.items():
            if what not in ("operands", "locals", self.op, ""):
                lines.append(f"if {name} is not default_{name}: self.{what} = {name}")
            elif kept := self._empty(name, what):
                scope[f"kept_{name}"] = kept
                lines.append(f"if not {name}: [put(self, *x) for x in kept_{name}.get(type({name}), ())]")
        define(f"def __init__({arguments}):\n " + "\n ".join(lines), scope)
        return scope["__init__"]

    def by_hand(self, cls: Any, operands: Any, slopes: Any, below: Any = None) -> Any:
        """Return a node over operands; its closure passes its gradient on to these, or to others."""
        if cls is Value:
            out: Any = Value(1.0, operands, slopes if self.locals else "")
        else:
            given = {self.role[x]: y for x, y in (("operands", operands), ("locals", slopes)) if x in self.role}
            out = cls(1.0, **given)
        if self.closure:

            def push() -> None:
                for v, slope in zip(below or operands, slopes):
                    v.grad += slope * out.grad

            setattr(out, "_backward" if cls is Value else self.closure, push)
        elif cls is not Value and "locals" not in self.role:
            setattr(out, self.locals, slopes)
        return out

    def stops_short(self) -> bool:
        """Tell whether backward() takes operands and local derivatives as by zip(): the shorter ends it."""
        a, b = self.T(2.0), self.T(3.0)
        try:
            for operands, slopes in (((a, b), (2.0,)), ((a,), (1.0, 4.0))):
                self.T.backward(self.by_hand(self.T, operands, slopes))
        except Exception:
            return False
        return [a.grad, b.grad] == [3.0, 0.0]

    def pass_on(self, z: Any, gradient: float) -> None:
        """Let a node have a gradient, and pass it on to its operands."""
        name, kind, once = self.operands[0]
        if type(z) is Value:
            z.backward(gradient)
        elif self.closure:
            z.grad = gradient
            getattr(z, self.closure)()
        elif kind in (set, frozenset) or once:  # its own backward() knows which local derivative is whose
            (z * self.T(gradient)).backward()
        else:
            z.grad = gradient
            for v, slope in zip(getattr(z, name), getattr(z, self.locals)):
                v.grad += slope * gradient

    def _empty(self, parameter: str, what: str) -> dict[type, list[tuple[str, Any]]]:
        """Return by types what leaves have that are given something empty, if other leaves have something else."""
        names = {"operands": {name for name, _, _ in self.operands}, "locals": {self.locals}}.get(what, {what})
        found: dict[type, list[tuple[str, Any]]] = {}
        empties: tuple[Any, ...] = (), [], set(), "", None
        for empty in empties if names & self.leaf.keys() else ():
            with suppress(Exception):
                made = vars(self.T(2.0, **{parameter: empty}))
                unlike = [x for x in names & self.leaf.keys() if not agree(made[x], self.leaf[x])]
                found[type(empty)] = [(_GIVEN + x, made[x]) for x in unlike]
        return found

    def reads_below(self, name: str) -> set[str]:
        """Return the attributes that a method reads, and the methods that it calls."""
        texts, found, todo = self.body.texts, set[str](), [name]
        if texts[name].reads.isdisjoint(texts):
            return texts[name].reads
        for x in todo:  # which grows
            new = texts[x].reads - found
            found |= new
            todo += new & texts.keys()
        return found

    def made_anew(self, name: str, is_made: Callable[[str], bool]) -> str:
        """Return a method that another one calls and that may be made anew; ''."""
        called = self.reads_below(name) & self.body.texts.keys() - {name}
        return next(filter(is_made, sorted(called)), "")

    def expect_operands_kept(self, nodes: Kinds, is_read: Callable[[str], bool]) -> None:
        """Let pass a module that takes no operands from a node, which ours does not allow."""
        names = {name for name, _, _ in self.operands}
        assigned = set[str]().union(*(x.assigns for name, x in self.body.texts.items() if name != "__init__"))
        if names.isdisjoint(assigned) and not any(map(is_read, names)):
            return
        if any(nodes[bytes]):  # the tree is of the class alone
            nodes = by_kind(parsed(nodes[bytes][0]))
        init = within(self.body.texts["__init__"].tree, nodes[ast.Assign])
        for node in nodes[ast.Assign]:
            if node not in init and is_empty(node.value):
                for name in names.intersection(getattr(x, "attr", "") for x in node.targets):
                    raise UnlikeError(f"has nodes that lose their .{name}")

    def shape(self, z: Any, arguments: list[Any], closely: bool) -> list[Any]:
        """Return the nodes that an op made of these Values, the last first: label, container and operands.

        What is no argument, as a number's Value, is shown with its gradient, since pictures of the graph show it.
        Where it looks at nodes of theirs closely, an attribute that other nodes have not so is an error.
        """
        ours = type(z) is Value
        closely &= not ours
        operands, kind, _ = self.operands[0]
        read: Any = PROPERTIES["_children"].fget if ours else lambda v: [*(getattr(v, operands) or ())]
        label = "_op" if ours else self.op
        places = {id(a): i for i, a in reversed([*enumerate(arguments)])}
        nodes, todo = [], [z]
        for v in todo:  # which grows
            if id(v) in places:
                continue
            if closely and any(vars(v)[name] != x for name, x in self.plain.items()):
                raise ValueError
            if not (below := read(v)):
                continue
            kinds = [(w, self._kind(w) if closely else "leaf") for w in below]
            shown = [places.get(id(w), (what, w.data, round(w.grad, 9))) for w, what in kinds]
            if kind in (set, frozenset):
                shown.sort(key=str)
            found = kind if ours else type(getattr(v, operands))
            nodes.append((getattr(v, label) if self.op else "", found, shown))
            todo += below
        return nodes

    def numbers_below(self, name: str, operators: set[str] | None = None) -> set[float]:
        """Return the constants of a method and of what it calls, these operators too, with the defaults of that."""
        texts = self.body.texts
        found, todo = {name}, [name]
        for x in todo:
            more = texts[x].reads & texts.keys() - found
            more |= operators_in(texts[x], operators - found) if operators else set()
            found |= more
            todo += more
        functions: list[Any] = [
            self.body.called[y] for x in found for y in texts[x].names & self.body.called.keys()
        ]
        functions += [getattr(f, "__func__", f) for f in map(self.body.attributes.get, found - {name})]
        defaults = [x for f in functions for x in getattr(f, "__defaults__", None) or ()]
        return {float(x) for x in defaults if type(x) in (int, float)}.union(*(texts[x].numbers for x in found))

    def _kind(self, v: Any) -> str:
        """Return "leaf" for a node, or something else for a leaf that is not as one of a number alone."""
        names = self.graph | {self.closure, self.locals} - {""}
        first, found = self._first, vars(v)
        is_leaf = not getattr(v, self.operands[0][0])
        like = all(agree(found[x], first[x]) or (callable(found[x]) and callable(first[x])) for x in names)
        return "another" if is_leaf and not like else "leaf"

    def names(self) -> dict[str, Any]:
        """Return attributes of Value by which its nodes have these names and types."""
        found = {name: self.plain[name] for name in self.plain.keys() - {*self.label}}
        found.update(dict.fromkeys(self.absent, ABSENT))
        for name, kind, once in self.operands:
            if (name, kind, once) != ("_prev", set, True) or name in self.kept:  # ours can be assigned
                get = in_container(kind, once, _TYPE + name if name in self.kept else "")
                found[name] = property(get, PROPERTIES["_prev"].fset)
        for name, ours in ((self.closure, "_backward"), (self.op, "_op")):
            if name and name != ours:
                found[name] = PROPERTIES[ours]
        if self.locals:
            typed = self.locals in self.kept or self._slopes is list
            get = slopes_in(self._slopes, _TYPE + self.locals) if typed else PROPERTIES["_local_grads"].fget
            found[self.locals] = property(get, assign_slopes)
        for name, x in self.leaf.items():
            whole = found.get(name, PROPERTIES.get(name))
            slot = "_op" if name == self.op else ""
            get = closure_or(x) if name == self.closure else or_given(whole.fget, slot, _GIVEN + name, x)
            found[name] = property(get, whole.fset, whole.fdel)
        if self.body.data != "data":
            found[self.body.data] = next(vars(cls)["data"] for cls in Value.__mro__ if "data" in vars(cls))
        return found
