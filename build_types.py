"""Writes ``micrograd_c/_core/operators.pyi``: for type checkers and editors, what each row of the op table gives.

setup.py calls it at every build, so that an op is typed by its row alone. Nothing imports the file when code runs.
"""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
STUB = ROOT / "micrograd_c" / "_core" / "operators.pyi"
OPERATORS = {"ADD", "SUB", "MUL", "TRUEDIV", "NEG", "ABS"}  # written as Python's operators

HEAD = '''"""Written by build_types.py from csrc/ops.def, at every build."""

from collections.abc import Iterable
from typing import Literal, SupportsFloat, SupportsIndex, TypedDict, Union

from typing_extensions import TypeAlias

from ..engine import Value

__all__: list[str] = [{functions}]

Number: TypeAlias = Union[SupportsFloat, SupportsIndex]
Activation: TypeAlias = Literal[{activations}]

Init: TypeAlias = Union[Literal["uniform", "xavier", "he"], float]

class NeuronOptions(TypedDict, total=False):
    nonlin: bool
    activation: Activation | None
    fused: bool
    init: Init
    bias: bool

class Node:
    @property
    def data(self) -> float:
        """The value of this node, a float; may be assigned."""
    @data.setter
    def data(self, number: Number) -> None: ...
    @property
    def grad(self) -> float:
        """The derivative of the root with respect to this node; may be assigned."""
    @grad.setter
    def grad(self, number: Number) -> None: ...
    def __setattr__(self, name: str, value: object) -> None: ...
    def __lt__(self, other: Number, /) -> bool: ...
    def __le__(self, other: Number, /) -> bool: ...
    def __gt__(self, other: Number, /) -> bool: ...
    def __ge__(self, other: Number, /) -> bool: ...
    def __pow__(self, other: Number, mod: None = None, /) -> Value: ...
    def __rpow__(self, other: Number, mod: None = None, /) -> Value: ...
'''


def rows(text: str) -> Iterator[list[str]]:
    """Yield the kind and the columns of each row of the op table."""
    text = re.sub(r"^#.*", "", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    for start in re.finditer(r"^(\w+) *\(", text, re.MULTILINE):
        columns, depth, at = [""], 1, start.end()
        while depth:
            depth += (text[at] == "(") - (text[at] == ")")
            if text[at] == "," and depth == 1:
                columns.append("")
            elif depth:
                columns[-1] += text[at]
            at += 1
        yield [start[1], *(" ".join(column.split()) for column in columns)]


def stub(text: str) -> str:
    """Return the stub for an op table."""
    methods, functions, activations = [], {}, ["linear"]
    for kind, op, _label, *columns in rows(text):
        name = op.lower()
        if kind == "INSTEAD" or op == "SUM":  # no method; written by hand
            continue
        if kind == "OPN":
            functions[name] = f"\ndef {name}(values: Iterable[Number], /) -> Value: ...\n"
        elif op in OPERATORS:
            other = ", other: Number, /" if kind == "OP2" else ""
            methods += [f"def __{r}{name}__(self{other}) -> Value: ..." for r in (("", "r") if other else ("",))]
        else:
            k = columns[1]  # of a kind with a K
            other = ", other: Number, /" if kind in ("OP2", "CHOICE") else ""
            if kind.endswith("K"):
                other = f", k: float{'' if k == 'NAN' else f' = {k}'}"
            z = {"OP1": 1, "OP1K": 3, "OP2": 2, "ACTIVATION": 1, "ACTIVATIONK": 3, "CHOICE": 0}[kind]
            methods.append(
                f'def {name}(self{other}) -> Value:\n        """Return {columns[z]}, where x is this Value."""'
            )
        if kind.startswith("ACTIVATION"):
            activations.append(name)
    head = HEAD
    for name, items in (("activations", activations), ("functions", functions)):
        head = head.replace(f"{{{name}}}", ", ".join(f'"{item}"' for item in items))
    return head + "".join(f"    {method}\n" for method in methods) + "".join(functions.values())


def write() -> None:
    """Write the stub, where it is not as it was."""
    text = stub((ROOT / "csrc" / "ops.def").read_text(encoding="utf-8"))
    if not STUB.exists() or STUB.read_text(encoding="utf-8") != text:
        STUB.write_text(text, encoding="utf-8")
