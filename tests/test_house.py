"""Every module has a file of tests of its name, or stands here with the file that tests it."""

import runpy
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
HOUSE = TESTS.parent / ".ci" / "house.py"

# What has no file of tests of its name: the files that test it.
ELSEWHERE = {
    # Python
    "__init__ as_micrograd __main__": "test_as_micrograd",
    "_version": "test_setup",
    "_copying _reach _tracing": "test_engine_copying",
    "_operands": "test_engine_handmade",
    "_checks _fused": "test_nn_fused",
    "_state": "test_nn_state",
    "jit": "test_program_function",
    "program/traced": "test_program_traced",
    "_core _core/_cffi _core/_native _core/cffi_core _core/native_core _core/hints": "test_cores",
    "_pure _own_attributes _own_nodes _samples _likeness": "test_replace",
    "_core/cffi_nodes": "test_engine_closures",
    "_core/walk": "test_engine_backward",
    "_core/stats": "test_arena",
    "_core/docs _core/absent": "test_core_errors",
    "_core/ieee": "test_core_numpy",
    "viz viz/explanation viz/events viz/words viz/rules viz/read viz/graph": "test_viz_explain",
    "viz/text": "test_viz_expression",
    "viz/boxes": "test_viz_picture",
    **dict.fromkeys(
        (
            "learn/exercises/course learn/exercises/graphs learn/exercises/examine",
            "learn/exercises/probe learn/exercises/functions learn/exercises/nodes learn/exercises/networks",
            "learn/exercises/probes",
            "learn/exercises/child learn/exercises/process learn/exercises/words learn/exercises/report",
            "learn/exercises/folder learn/exercises/grade learn/exercises/command",
        ),
        "test_learn_exercises",
    ),
    # C
    "ops.def table": "test_ops",
    "engine.h engine sweep": "test_autograd",
    "posix.h": "test_threads",
    "optim _schedules": "test_optim",
    "plot/axes": "test_plot_models",
    "program/rule": "test_rule",
    "program/derive program/series program/nodes": "test_derive",
    "program/kernels.inc program/tiles.inc program/lane_math program/uniform": "test_program_kernels",
    "program/kernels_avx2 program/kernels_avx512": "test_program_kernels",
    **{f"program/{room}": f"test_{room}" for room in ("graph", "optimise", "guard", "schedule", "reuse", "pool")},
    "program/code.h program/build program/listing program/program program/plan program/run.h": "test_program",
    "value/value value/dealloc": "test_value_collector",
    "value/construct value/slots value/attributes value/module": "test_engine_value",
    "value/layers": "test_nn_fused",
}


@pytest.mark.skipif(not HOUSE.exists(), reason="the tests of an sdist")
def test_every_module_has_its_file_of_tests():
    house = runpy.run_path(str(HOUSE))
    files = {path.stem for path in [*TESTS.glob("test_*.py"), *TESTS.glob("c/test_*.c")]}
    elsewhere = {room: file for rooms, file in ELSEWHERE.items() for room in rooms.split()}
    rooms = {**house["floors"](house["C_FLOORS"]), **house["floors"](house["PYTHON_FLOORS"])}
    assert elsewhere.keys() <= rooms.keys(), "there are no such rooms"
    for room in rooms:
        name = "test_" + "_".join(part.strip("_") for part in room.split("/"))
        file = elsewhere.get(room)
        assert file in files or any(f == name or f.startswith(name + "_") for f in files), (
            f"{room} has no file of tests: make {name}.py, or name the file that tests it in {Path(__file__).name}"
        )


@pytest.mark.skipif(not HOUSE.exists(), reason="the tests of an sdist")
@pytest.mark.parametrize(
    ("find", "file", "text", "wrong"),
    [
        ("python_arrows", "low.py", "from . import high", ["low -> high: line 1: from . import high"]),
        ("python_arrows", "low.py", "def f():\n    import house.high", ["low -> high: line 2: import house.high"]),
        (
            "python_arrows",
            "low.py",
            "import_later(x, {'high': 'f'})",
            ["low -> high: line 1: import_later of high"],
        ),
        ("python_arrows", "low.py", "if TYPE_CHECKING:\n    from . import high", []),
        ("python_arrows", "high.py", "from . import low", []),
        ("python_arrows", "other.py", "from . import low", ["other stands on no floor"]),
        ("c_arrows", "low.c", '#include "high.h"', ["low -> high: low.c includes high.h"]),
        ("c_arrows", "low.c", "int x = mg_high();", ["low -> high: low.c uses mg_high"]),
        ("c_arrows", "low.h", "#include <Python.h>", ["Python.h stands on no floor"]),
        ("c_arrows", "high.c", '#include "low.h"', []),
    ],
)
def test_an_arrow_that_points_up_is_found(find, file, text, wrong, tmp_path):
    house = runpy.run_path(str(HOUSE))
    here = tmp_path / "house"
    here.mkdir()
    for name in ("low", "high"):
        (here / f"{name}.py").touch()
        (here / f"{name}.h").touch()
        (here / f"{name}.c").write_text(f"int mg_{name}(void)\n{{\n    return 1;\n}}\n", encoding="utf-8")
    (here / file).write_text(text, encoding="utf-8")
    floor = {"low": 0, "high": 1}
    found = house["check"](house[find](here, floor), floor)[1]
    assert len(found) >= len(wrong) and bool(found) == bool(wrong)
    for line in wrong:
        assert any(said.startswith(line) for said in found), found


@pytest.mark.skipif(not HOUSE.exists(), reason="the tests of an sdist")
def test_a_long_file_is_found(tmp_path):
    house = runpy.run_path(str(HOUSE))
    for name, lines in (("long.py", 451), ("full.c", 450), ("words.json", 900)):
        (tmp_path / name).write_text("x\n" * lines, encoding="utf-8")
    assert list(house["long_files"](tmp_path)) == ["long.py has 451 lines, and 450 is the most"]


@pytest.mark.skipif(not HOUSE.exists(), reason="the tests of an sdist")
def test_a_tour_that_tells_of_a_room_before_what_it_uses_is_found():
    house = runpy.run_path(str(HOUSE))
    tour = (
        "## csrc\n| `high` | |\n## house: rooms\n| `lowest`, `low` | |\n| {} | |\n| {} | |\n## Where\n| `high` | |"
    )
    arrows = [("high", "low"), ("high", "middle"), ("middle", "lowest"), ("low", "lowest")]
    assert list(house["forward_references"](tour.format("`middle`", "`high`"), "house", arrows)) == []
    found = list(house["forward_references"](tour.format("`high`", "`middle`"), "house", arrows))
    assert found == ["docs/architecture.md tells of `high` before `middle`, which it uses"]
