"""Classes over Value with operators of their own, got in all ways, against the same classes over micrograd's."""

import operator
import types

from micrograd.engine import Value as Theirs

from micrograd_c import Value

NAMES = [f"__{r}{name}__" for name in ("add", "sub", "mul", "truediv") for r in ("", "r")] + ["__neg__", "__pow__"]
WAYS = ["body", "decorator", "mixin", "behind", "metaclass", "early", "after", "late"]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]


def case(rng):
    """Compute with random classes over both Values; the same methods are called, with the same numbers."""
    classes, steps = random_classes(rng), [random_step(rng) for _ in range(8)]
    answers = []
    for base in (Value, Theirs):
        calls = []
        try:
            made, late = made_over(base, classes, calls)
        except TypeError as error:  # Python has no order of these classes, or no metaclass
            answers.append(str(error).split("(")[0].split("\n")[0])
            continue
        results = computed(base, made, late, steps, calls)
        answers.append((results, calls))
    assert answers[0] == answers[1], f"{classes}\n{steps}\nours:   {answers[0]}\ntheirs: {answers[1]}"


def random_classes(rng):
    """Return for each class what its operators do, the way in which it gets them, and its bases by number."""
    classes = []
    for i in range(rng.randrange(1, 5)):
        way = rng.choice(WAYS)
        names = rng.sample(NAMES, rng.choice([0, 1, 1, 2, 3]))
        if way == "late":  # a call of super().__radd__ is not told from one of __add__ then
            names = [name for name in names if name not in ("__radd__", "__rmul__")]
        does = {name: rng.choice(["super", "super", "plain", "own", "refuse"]) for name in names}
        bases = sorted(rng.sample(range(i), min(i, rng.choice([0, 1, 1, 2]))), reverse=True)
        classes.append((way, does, bases))
    return classes


def random_step(rng):
    kind = rng.choice(["values", "values", "values", "number", "number left", "negative", "sum"])
    return kind, rng.choice(BINARY), rng.randrange(-1, 4), rng.randrange(-1, 4), rng.choice([2, 0.5, 3])


def made_over(base, classes, calls):
    """Return the classes over `base`, and what some of them get when they have instances."""
    made, late = [], []
    for i, (way, does, numbers) in enumerate(classes):
        bases, home = tuple(made[j] for j in numbers) or (base,), []
        methods = {name: method(name, i, kind, base, home, calls) for name, kind in does.items()}
        owner = None

        def put(cls, methods=methods):
            for name in [*methods]:
                setattr(cls, name, methods.pop(name))

        if way == "body":
            cls = types.new_class(f"C{i}", bases, exec_body=lambda body, methods=methods: body.update(methods))
        elif way in ("mixin", "behind"):
            owner = type("Mixin", (), methods)
            cls = types.new_class(f"C{i}", (owner, *bases) if way == "mixin" else (*bases, owner))
        elif way == "metaclass":

            class Meta(type(types.new_class("Some", bases))):
                def __new__(meta, *given, put=put):
                    cls = super().__new__(meta, *given)
                    put(cls)
                    return cls

            cls = Meta(f"C{i}", bases, {})
        elif way in ("early", "after"):

            class Mixin:
                def __init_subclass__(cls, put=put, way=way):
                    if way == "after":
                        super().__init_subclass__()
                    put(cls)
                    if way == "early":
                        super().__init_subclass__()

            cls = types.new_class(f"C{i}", (Mixin, *bases))
        else:
            cls = types.new_class(f"C{i}", bases)
            if way == "decorator":
                put(cls)
            else:
                late.append((cls, put))
        home += [owner or cls, cls]
        made.append(cls)
    return made, late


def method(name, i, kind, base, home, calls):
    def overriding(self, *others):
        calls.append((name, i, type(self).__name__, *(type(x).__name__ for x in others)))
        if kind == "own":
            return home[1](2 * self.data + sum(getattr(x, "data", x) for x in others))
        if kind == "plain":
            return base(self.data + 0.25)
        if kind == "refuse" and name != "__pow__" and not all(isinstance(x, base) for x in others):
            return NotImplemented
        return getattr(super(home[0], self), name)(*others)

    return overriding


def computed(base, made, late, steps, calls):
    """Return the result of each step, and the gradients of all Values that it was given."""
    results = []
    for cls in made:
        cls(1.0)
    for cls, put in late:
        put(cls)
    for kind, op, i, j, number in steps:
        x, y, z = ([base, *made][k + 1 if k < len(made) else 0](1.5 + 0.25 * k) for k in (i, j, i))
        calls.append((kind, op.__name__))
        try:
            if kind == "negative":
                out = -x
            elif kind == "sum":
                out = sum([x, y, z])
            else:
                out = op(number if kind == "number left" else x, number if kind == "number" else y)
        except TypeError:
            results.append("refused")
            continue
        out.backward()
        gradients = [round(float(v.grad), 9) for v in (x, y, z)]
        results.append((type(out).__name__, round(out.data, 9), gradients))
    return results
