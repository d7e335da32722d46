"""Check the house: arrows between files point down, no file is long, and the documentation shows the floors.

python .ci/house.py          name every arrow and file that does not hold to this, and fail
python .ci/house.py --draw   draw the pictures of docs/architecture.md anew

An arrow goes from a file of C to another whose header it includes, or whose function or variable it uses, and from
a Python module to another that it imports, wherever in the file the import stands, or has import_later import. What
is imported for the type checker does not count. Files on one floor do not know each other, so a house without an
arrow upwards has no circle. The tables of docs/architecture.md tell of a file after all that it uses.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# From the bottom to the top. A file is named by its path without ending: NAME.c and NAME.h are one room. Those that
# stand here with their ending are rooms of their own.
C_FLOORS = """
ops.def memory posix.h
engine.h
table
sweep
arena
layer autograd optim handmade
ops
engine
program/graph program/lane_math
program/build program/code.h
program/optimise program/guard program/schedule program/reuse program/uniform program/rule
program/derive
program/series
program/nodes program/tiles.inc
program/kernels.inc
program/pool
program/kernels_avx2 program/kernels_avx512
program/kernels program/run.h
program/plan program/listing
program/run
program/program
value/value
value/collector
value/dealloc
value/attributes
value/construct
value/slots value/layers
value/module
"""
PYTHON_FLOORS = """
_version _core/_cffi _core/_native
_core/hints
_core/absent _core/errors _core/interrupts
_core/numbers _core/docs
_core/ieee _core/methods _core/cffi_nodes
_core/cffi_core _core/native_core
_core
_core/stats _core/walk _pure
_operands _reach _samples
_value_attributes
_copying
engine
_own_attributes
_own_nodes
_checks _likeness
_fused replace _schedules
_state _summary
nn program/traced program/static
program/trace program/arguments
program/program
program/derivatives
program/function
optim losses jit _tracing _grad _gradcheck plot/axes
plot/functions plot/models
plot/training
plot
viz/layout viz/text viz/words
viz/expression viz/graph
viz/rules
viz/boxes viz/events viz/fold viz/parse viz/read
viz/picture
viz/page
viz/explanation
viz
viz/command learn/page
learn/exercises/course learn/exercises/graphs learn/exercises/words
learn/exercises/probe
learn/exercises/functions learn/exercises/nodes learn/exercises/networks
learn/exercises/probes
learn/exercises/examine
learn/exercises/child learn/exercises/process
learn/exercises/report learn/exercises/folder
learn/exercises/grade
learn/exercises/command learn/command
__init__
as_micrograd
__main__
"""


def floors(text):
    """Return the floor of each room, counted from the bottom."""
    return {room: i for i, line in enumerate(text.split("\n")) for room in line.split()}


# ---- C -----------------------------------------------------------------------------------------------------------

DEFINITION = re.compile(
    r"^(?!static|typedef|extern|#|//|return)[A-Za-z_][\w \*]*?[ \*](mg_\w+)\((?:[^;{}]|\n)*?\)\n\{"
    r"|^(?!static|typedef|extern)(?:[\w]+ )+\*?(mg_?\w*)(?:\[\w*\])*(?: = |;)",
    re.MULTILINE,
)


def c_rooms(here, known):
    """Return the text of each room of C code."""
    rooms = {}
    for path in sorted(here.rglob("*")):
        if path.suffix not in (".c", ".h", ".inc", ".def"):
            continue
        name = path.relative_to(here).as_posix()
        room = name if name in known else name.rpartition(".")[0]
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        rooms.setdefault(room, []).append((path, text))
    return rooms


def c_arrows(here, known):
    """Yield (from, to, why) for each arrow between rooms of C code."""
    rooms = c_rooms(here, known)
    room_of = {path: room for room, files in rooms.items() for path, _ in files}
    owner = {}
    for room, files in rooms.items():
        for path, text in files:
            if path.suffix == ".c":
                for found in DEFINITION.finditer(text):
                    owner[found[1] or found[2]] = room
    for room, files in rooms.items():
        for path, text in files:
            if "<Python.h>" in text and not room.startswith("value/"):
                yield room, "Python.h", f"{path.name} includes Python.h, which value/ alone may know"
            for header in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE):
                target = next(p for p in ((path.parent / header).resolve(), here / header) if p in room_of)
                yield room, room_of[target], f"{path.name} includes {header}"
            if path.suffix != ".h":
                for name in sorted(set(re.findall(r"\bmg_?\w*", text))):
                    if name in owner:
                        yield room, owner[name], f"{path.name} uses {name}"


# ---- Python ------------------------------------------------------------------------------------------------------


def imports(tree):
    """Yield every import of a module but those for the type checker."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        else:
            todo += ast.iter_child_nodes(node)


def python_arrows(here, known):
    """Yield (from, to, why) for each arrow between modules of the package."""
    for path in sorted(here.rglob("*.py")):
        parts = path.relative_to(here).with_suffix("").parts
        package = parts[:-1]
        room = "/".join(package if parts[-1] == "__init__" and package else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in imports(tree):
            for target in targets(node, package, here):
                name = "/".join(target) or "__init__"
                yield room, name, f"line {node.lineno}: {ast.unparse(node)}"
        for line, name in imported_later(tree, here):
            yield room, name, f"line {line}: import_later of {name}"


def imported_later(tree, here):
    """Yield line and module for each key of a dict in a module that calls import_later."""
    if any(isinstance(node, ast.Call) and "import_later" in ast.unparse(node.func) for node in ast.walk(tree)):
        for key in (key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys):
            if isinstance(key, ast.Constant) and exists(here, tuple(str(key.value).split("."))):
                yield key.lineno, key.value.replace(".", "/")


def targets(node, package, here):
    """Yield the modules of the package that an import names, as tuples of names."""
    if isinstance(node, ast.Import):
        found = [tuple(alias.name.split(".")) for alias in node.names]
        bases = [(name[1:], []) for name in found if name[0] == here.name]
    else:
        module = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            bases = [((*package[: len(package) + 1 - node.level], *module), node.names)]
        else:
            bases = [(module[1:], node.names)] if module[:1] == (here.name,) else []
    for base, names in bases:
        inner = [(*base, alias.name) for alias in names]
        modules = [name for name in inner if exists(here, name)]
        yield from modules
        if len(modules) < len(inner) or not inner:
            yield base


def exists(here, name):
    """Tell whether there is a module or a package of this name; compiled ones have a stub."""
    path = here.joinpath(*name)
    return path.is_dir() or path.with_suffix(".py").exists() or path.with_suffix(".pyi").exists()


# ---- the check ---------------------------------------------------------------------------------------------------

MOST_LINES = 450
CODE = {".c", ".h", ".inc", ".def", ".py", ".pyi", ".js", ".css"}


def long_files(here):
    """Yield what is wrong with each file of code that is too long to be read at one go."""
    for path in sorted(here.rglob("*")):
        if path.suffix in CODE:
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > MOST_LINES:
                yield f"{path.relative_to(here)} has {lines} lines, and {MOST_LINES} is the most"


def check(arrows, floor):
    """Return (arrows between rooms, what is wrong)."""
    seen, wrong = {}, []
    for start, end, why in arrows:
        if start != end:
            seen.setdefault((start, end), why)
    for (start, end), why in sorted(seen.items()):
        for room in (start, end):
            if room not in floor:
                wrong.append(f"{room} stands on no floor")
        if start in floor and end in floor and floor[start] <= floor[end]:
            wrong.append(f"{start} -> {end}: {why}")
    return seen, list(dict.fromkeys(wrong))


# ---- the pictures ------------------------------------------------------------------------------------------------

ROW, HIGH, GAP, LETTER = 62, 26, 18, 7.3
STYLE = """<style>
rect { fill: #f6f8fa; stroke: #57606a }
text { font: 12px ui-monospace, monospace; fill: #1f2328; text-anchor: middle }
path { fill: none; stroke: #57606a; opacity: 0.45 }
@media (prefers-color-scheme: dark) {
  rect { fill: #161b22; stroke: #8b949e } text { fill: #e6edf3 } path { stroke: #8b949e }
}
</style>"""


def without_detours(pairs):
    """Return the arrows from which all others follow: those that no chain of other arrows replaces."""
    below = {}
    for start, end in pairs:
        below.setdefault(start, set()).add(end)

    def reached(room, known={}):  # noqa: B006 - rooms are few, and an arrow that points down ends
        if room not in known:
            known[room] = set().union(*[{end} | reached(end) for end in below.get(room, ())])
        return known[room]

    return [(a, b) for a, b in sorted(pairs) if not any(b in reached(other) for other in below[a] - {b})]


def picture(title, pairs, floor):
    """Return an SVG with a row for each floor; an arrow stands for all that the arrows below it imply."""
    rows = [[room for room in floor if floor[room] == i] for i in sorted(set(floor.values()))]
    width = {room: LETTER * len(room) + 20 for room in floor}
    pairs = without_detours(pairs)
    at = {}
    for _ in range(8):  # each room moves above the middle of those that it stands on
        for row in rows:
            centre = {r: [at[b] for a, b in pairs if a == r and b in at] for r in row}
            row.sort(key=lambda r: sum(centre[r]) / len(centre[r]) if centre[r] else 0.0)
            x = -(sum(width[r] for r in row) + GAP * (len(row) - 1)) / 2
            for r in row:
                at[r] = x + width[r] / 2
                x += width[r] + GAP
    half = max(at[r] + width[r] / 2 for r in floor) + 10
    top = {room: (len(rows) - 1 - i) * ROW + 10 for i, row in enumerate(rows) for room in row}
    lines = [
        f'<path d="M{at[a]:.0f} {top[a] + HIGH}C{at[a]:.0f} {top[a] + ROW} {at[b]:.0f} {top[b] - ROW + HIGH}'
        f' {at[b]:.0f} {top[b]}"/>'
        for a, b in pairs
    ]
    for room in floor:
        left, wide = at[room] - width[room] / 2, width[room]
        lines.append(
            f'<rect x="{left:.0f}" y="{top[room]}" width="{wide:.0f}" height="{HIGH}" rx="4"/>'
            f'<text x="{at[room]:.0f}" y="{top[room] + 17}">{room}</text>'
        )
    size = f'viewBox="{-half:.0f} 0 {2 * half:.0f} {len(rows) * ROW}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>Floors of {title}</title>'
    return "\n".join([head, STYLE, *lines, "</svg>", ""])


def forward_references(tour, title, arrows):
    """Yield what the tables of a tour tell of a room before they have told of what it stands on."""
    told, section = {}, ""
    for number, line in enumerate(tour.split("\n")):
        section = line if line.startswith("## ") else section
        if section.startswith(f"## {title}") and line.startswith("| "):
            for room in re.findall(r"`([^`]+)`", line.split("|")[1]):
                told.setdefault(room, number)
    for a, b in sorted({*arrows}):
        if told.get(a, 0) < told.get(b, 0):
            yield f"docs/architecture.md tells of `{a}` before `{b}`, which it uses"


def main():
    """Print what is wrong; return whether anything is."""
    failed = False
    tour = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for title, find, text in (("csrc", c_arrows, C_FLOORS), ("micrograd_c", python_arrows, PYTHON_FLOORS)):
        floor = floors(text)
        arrows, wrong = check(find(ROOT / title, floor), floor)
        rooms = {room for arrow in arrows for room in arrow}
        wrong += long_files(ROOT / title)
        wrong += [f"{room} is no file" for room in floor if room not in rooms]
        wrong += [f"docs/architecture.md does not name `{room}`" for room in floor if f"`{room}`" not in tour]
        wrong += forward_references(tour, title, arrows)
        if not wrong:
            drawn = picture(title, arrows, floor)
            file = ROOT / "docs" / f"floors-{title}.svg"
            if "--draw" in sys.argv:
                file.write_text(drawn, encoding="utf-8")
            elif not file.exists() or file.read_text(encoding="utf-8") != drawn:
                wrong.append(f"docs/{file.name} is not of this tree; python .ci/house.py --draw draws it anew")
        for line in wrong:
            print(f"{title}: {line}")
        print(
            f"{title}: {len(rooms)} rooms on {len(set(floor.values()))} floors, {len(arrows)} arrows"
            + (f", {len(wrong)} wrong" if wrong else ", all down")
        )
        failed |= bool(wrong)
    return failed


if __name__ == "__main__":
    sys.exit(main())
