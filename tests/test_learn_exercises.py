"""The exercises: the course, the check of one file, and the processes in which files are checked."""

import io
import json
import linecache
import os
import re
import select
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from support import run_on_a_terminal, run_python, slow_once

from micrograd_c.learn.exercises import examine as examination
from micrograd_c.learn.exercises.course import UnknownName, by_name, course, filled, sentence
from micrograd_c.learn.exercises.examine import examine
from micrograd_c.learn.exercises.graphs import build, code, graphs, shrink
from micrograd_c.learn.exercises.probes import PROBES
from micrograd_c.learn.exercises.process import check
from micrograd_c.learn.exercises.report import page, report, says

COURSE = course()
# Wrong solutions as people write them, and the name by which each is to be told: not those that the course knows.
WRONG = re.split(
    r"^=== (\S+) (\S+)\n", (Path(__file__).parent / "golden" / "wrong_exercises.txt").read_text("utf-8"), flags=re.M
)[1:]
WRONG = [(COURSE[name], mistake, hole) for name, mistake, hole in zip(WRONG[::3], WRONG[1::3], WRONG[2::3])]


def exercises(*arguments, **more):
    return run_python("-m", "micrograd_c", "exercises", *arguments, **more)


def wrong(name, hole):
    return filled(COURSE[name].body, hole)


# ---- the course --------------------------------------------------------------------------------------------------


def test_the_course_has_some_25_exercises_and_60_wrong_solutions():
    assert 25 <= len(COURSE) <= 30
    assert len(WRONG) >= 60
    assert {exercise.name for exercise, *_ in WRONG} >= set(COURSE) - {"27_mend_the_engine"}


@pytest.mark.parametrize("exercise", COURSE.values(), ids=COURSE)
def test_the_solution_passes_and_the_start_does_not(exercise):
    verdict = examine(exercise, exercise.solution)
    assert verdict["done"], verdict
    assert not examine(exercise, exercise.start)["done"]
    assert exercise.start.startswith('"""') and exercise.hints


def test_no_file_has_thirty_words_and_signs_in_a_row_that_micrograd_has():
    def rows(text):
        tokens = re.findall(r"'\S*'|\w+|[-+*/=]+|[^\w\s]", text.replace('"', "'"))
        return {" ".join(tokens[i : i + 30]) for i in range(len(tokens) - 29)}

    try:
        folder = metadata.distribution("micrograd").locate_file("micrograd")
    except metadata.PackageNotFoundError:
        pytest.skip("micrograd is not installed")
    theirs = set.union(*(rows((Path(folder) / name).read_text("utf-8")) for name in ("engine.py", "nn.py")))
    for exercise in COURSE.values():
        assert not theirs & (rows(exercise.start) | rows(exercise.solution)), exercise.name


@pytest.mark.parametrize("exercise", COURSE.values(), ids=COURSE)
def test_a_text_that_names_a_mistake_stands_in_no_right_file_and_in_a_wrong_one(exercise):
    right = [exercise.start, *(other.solution for other in COURSE.values())]
    for mistake, pattern in exercise.texts:
        assert not any(re.search(pattern, text, re.M) for text in right), pattern
        wrong = [text for each in COURSE.values() for name, text in each.mistakes if name == mistake]
        assert any(re.search(pattern, text, re.M) for text in wrong), pattern


@slow_once
@pytest.mark.parametrize(
    ("exercise", "mistake", "hole"), WRONG, ids=[f"{exercise.name}-{mistake}" for exercise, mistake, _ in WRONG]
)
def test_a_wrong_solution_is_told_by_name(exercise, mistake, hole):
    verdict = examine(exercise, filled(exercise.body, hole))
    assert (verdict["done"], verdict["mistake"]) == (False, mistake), verdict
    assert sentence(mistake) in report(exercise, verdict)


@slow_once
@pytest.mark.parametrize("exercise", COURSE.values(), ids=COURSE)
def test_no_mistake_of_an_exercise_is_taken_for_another_one(exercise):
    for mistake, source in exercise.mistakes:
        verdict = examine(exercise, source)
        assert (verdict["done"], verdict["mistake"]) == (False, mistake), source
        assert sentence(mistake), mistake


@slow_once
def test_the_files_of_the_course_are_installed(tmp_path):
    root = Path(__file__).parent.parent
    if not (root / "setup.py").exists():
        pytest.skip("the tests of an installed package")
    pytest.importorskip("setuptools", minversion="77")
    done = run_python("setup.py", "-q", "build_py", "-d", tmp_path, cwd=root)
    assert done.returncode == 0, done.stderr
    installed = {path.stem for path in tmp_path.glob("micrograd_c/learn/exercises/course/*.txt")}
    assert installed == {*COURSE, "parts", "mistakes"}


def test_a_folder_in_place_of_a_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ex").mkdir()
    (tmp_path / "add").mkdir()
    with pytest.raises(UnknownName, match=r"there is no exercise 'ex': it is a folder; go there first \(cd ex\)$"):
        by_name("ex")
    assert by_name("add").name == "04_add"


def test_a_name_may_be_short_and_an_unknown_one_gets_the_nearest():
    for name in ("04_add", "04_add.py", "add", "4", "04"):
        assert by_name(name).name == "04_add"
    with pytest.raises(UnknownName, match="do you mean 17_tanh"):
        by_name("17_tahn")
    with pytest.raises(UnknownName, match="python -m micrograd_c exercises list shows the names"):
        by_name("???")


# ---- graphs ------------------------------------------------------------------------------------------------------


def test_random_graphs_are_what_their_code_says():
    from micrograd_c import Value

    for graph in graphs(["x + y", "x * 3", "2 - x", "x.tanh()"])[::5]:
        names = {"Value": Value}
        exec("\n".join(code(graph)), names)
        root = build(graph, Value)[-1]
        assert names[code(graph)[-1].split()[0]].data == root.data
        assert len({id(v) for v in root._prev}) > 0


def test_shrink_finds_the_smallest_graph():
    """A graph fails where it has a product below a product; the smallest of these has two steps."""

    def fails(graph):
        n = len(graph["leaves"])
        product = [op == "x * y" for op, *_ in graph["steps"]]
        return any(
            product[i] and j >= n and product[j - n] for i, (_, *js) in enumerate(graph["steps"]) for j in js
        )

    large = [graph for graph in graphs(["x + y", "x * y"]) if len(graph["steps"]) > 5 and fails(graph)]
    assert large
    for graph in large:
        small = shrink(graph, fails)
        assert fails(small) and len(small["steps"]) == 2, (graph, small)


# ---- what is told ------------------------------------------------------------------------------------------------


def test_the_missing_share_is_named_on_the_smallest_graph():
    exercise = COURSE["10_add_backward"]
    source = wrong("10_add_backward", "            self.grad = out.grad\n            other.grad = out.grad\n"
                   "\n        out._backward = _backward\n        return out\n")  # fmt: skip
    text = report(exercise, examine(exercise, source))
    assert "    a = Value(3.0)\n    b = a + a\n" in text
    assert "a.grad should be 2 = 1 + 1. Missing: the share from b, 1 * 1 = 1." in text


def test_long_lists_of_numbers_stand_below_each_other():
    """Side by side the table of a layer of four neurons had lines of 350 characters."""
    exercise = COURSE["23_layer"]
    text = report(exercise, examine(exercise, dict(exercise.mistakes)["sizes-swapped"]))
    table = [line for line in text.splitlines() if line.startswith("    ")]
    assert max(map(len, table)) <= 104
    at = table.index("    outputs  <-- wrong")
    assert table[at + 1].startswith("      yours   [-0.33") and table[at + 2].startswith("      engine  [-0.68")


def test_a_double_share_is_named():
    exercise = COURSE["14_backward"]
    hole = "        self.grad = 1.0\n        self._backward()\n        for v in topological_order(self)[::-1]:\n"
    text = report(exercise, examine(exercise, wrong("14_backward", f"{hole}            v._backward()\n")))
    assert "Counted twice: every share" in text


@pytest.mark.parametrize(
    ("name", "hole", "told"),
    [
        ("01_slope", "    return (f(x + h) - f(x) / h\n", "Python cannot read the file"),
        ("01_slope", "  return 1\n   return 2\n", "The spaces at the beginning"),
        ("01_slope", "    return (f(x + hh) - f(x)) / h\n", "Python does not know this name"),
        ("01_slope", "    return 1 / (h - h)\n", "divided by 0"),
        ("01_slope", "    return slope(f, x, h)\n", "calls itself again and again"),
        ("01_slope", "    return float(input())\n", "input() waits for a person"),
        ("01_slope", "    return exit()\n", "ends Python"),
        ("01_slope", "    import nump\n", "Each exercise stands alone"),
        ("01_slope", "    raise KeyError(1)\n", "no such key"),
        ("04_add", "        return Value(self.dat + other.data)\n", "nothing of this name"),
    ],
)
def test_an_exception_gets_a_line_that_a_beginner_understands(name, hole, told, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    text = report(COURSE[name], examine(COURSE[name], wrong(name, hole)))
    assert told in text and "Python stops" in text


KEPT = "        out._backward = _backward\n        return out\n"


@pytest.mark.parametrize(
    ("name", "hole", "told", "untold"),
    [
        ("01_slope", "    (f(x + h) - f(x)) / h\n", "None is what a function gives without", "print"),
        ("01_slope", "    print((f(x + h) - f(x)) / h)\n", "print shows a number to you", "Python stops"),
        ("01_slope", "    return (f[x + h] - f[x]) / h\n", "A function is called with ( )", "another kind"),
        ("02_gradient", "    return (f(x + h, y) - f(x, y)) / h\n", "2 numbers are asked for", "Python stops"),
        ("02_gradient", "    return f(x), f(y)\n", "Too few or too many arguments", "another kind"),
        ("02_gradient", "    return slope(f, x, h), 0\n", "from another exercise", "another kind"),
        ("03_value", "        self._data = data\n", "`self.data = data` keeps it", "Python cannot read"),
        ("04_add", "        return Value(self.data, (1, 2), '+')\n", "a plain 1, a plain 2    ", "Python stops"),
        ("04_add", "        return Value(self.data, self, other, '+')\n", "Too few or too many", "another kind"),
        ("06_constants", "    def __add__(self, x):\n        return Value(0, (self, Value(Value(x))))\n",
         "a, a Value", "format"),
        ("08_all_nodes", "    return [root, [root]]\n", "a list, b", "?"),
        ("08_all_nodes", "    found = {root}\n    for v in found:\n        found.add(v._op)\n    return found\n",
         "A set may not grow while `for` walks it", "Python cannot"),
        ("08_all_nodes", "    found = {root}\n    for v in root._prev:\n        found.add({v})\n    return found\n",
         "a whole set goes in with found.update", "another kind"),
        ("10_add_backward", f"            operand.grad += out.grad\n{KEPT}", "called self and other", "misspelt"),
        ("04_add", "        return Value(a.data + b.data, (a, b), '+')\n", "called self and other", "misspelt"),
        ("03_value", "        self.data = data\n        self._prv = set(_children)\n        self._op = _op\n",
         "d._op       \"\"       \"\"\n    d._prev  missing  nothing", "reached"),
        ("06_constants", "    def __add__(self, other):\n        if isinstance(other, Value):\n"
         "            other = Value(other)\n        return Value(self.data + other.data, (self, other), '+')\n",
         "the wrong way round", "is missing, in one place"),
        ("07_minus", "    def __neg__(self):\n        return self * -1\n\ndef __sub__(self, other):\n    pass\n",
         "outside of the class: move it", "not-reflected"),
        ("09_local_derivatives", "    return x + y\n", "2 numbers are asked for", "Python stops"),
        ("22_neuron", "    def __call__(self, x):\n        return Value(1.0)\n\ndef parameters(self):\n    pass\n",
         "outside of the class: move it", "no-return"),
        ("09_local_derivatives", '    if op = "+":\n        return 1, 1\n', "the second = of ==", "another kind"),
        ("10_add_backward", f"            grad += out.grad\n{KEPT}", "Is `self.` missing in", "further down"),
        ("10_add_backward", f"            out.grad += self.grad\n{KEPT}", "to the grad of the operands?", "nobody"),
        ("10_add_backward", "            self.grad += 1\n        return _backward\n", "no attribute", "no-return"),
        ("12_by_hand", "    c.grad = 1.0\n    c._backward\n    e._backward()\n", "brackets call it", "kept in out"),
        ("14_backward", "        for v in topological_order(self).reverse():\n            v._backward()\n",
         "in a line of their own", "without `return`"),
        ("16_zero_grad", "    for p in parameters:\n        p.grad == 0.0\n", "`==` only compares", "Python stops"),
        ("17_tanh", f"            self.grad += (1 - t^2) * out.grad\n{KEPT}", "write x**2", "another kind"),
        ("17_tanh", f"            self.grad += (1 - t²) * out.grad\n{KEPT}", "this sign", "a bracket"),
        ("17_tanh", f"            self.grad += tanh(1) * out.grad\n{KEPT}", "write math.tanh", "misspelt"),
        ("17_tanh", f"            self.grad += isnan(1) * out.grad\n{KEPT}", "write math.isnan", "v.isnan()"),
        ("19_pow", f"            self.grad += n self.data\n{KEPT}", "a sign such as *", "another kind"),
        ("23_layer", "    def __init__(self, nin, nout):\n        self.neurons = [Neuron(nin) for _ in nout]\n",
         "range(n) counts", "one thing only"),
        ("26_training", "    loss_of = loss_of(model, xs, ys)\n", "the name of a function, too", "is one missing"),
        ("01_slope", "    return [(f(x + h) - f(x)) / h]\n", "One number is asked for", "Python stops"),
        ("01_slope", "    return str((f(x + h) - f(x)) / h)\n", "this is a text", "a tuple"),
        ("01_slope", "    return (f * (x + h) - f * x) / h\n", "Brackets are missing behind", "another kind"),
        ("03_value", "        return data, _children, _op\n", "__init__ returns nothing", "another kind"),
        ("03_value", "        self.data = data,\n        self._prev = set(_children)\n        self._op = _op\n",
         "a comma at the end", "text"),
        ("04_add", "        return Value(self.data + other, (self,))\n", "Is .data missing", "another kind"),
        ("04_add", "        return Value(sum(self.data, other.data), (self,))\n", "one thing only", "no-tuple"),
        ("13_order", "    return [root, *root._prev]\n", "nodes in it", "ValueError"),
        ("16_zero_grad", "    for p in parameters:\n        p.grad = None\n", "none-for-zero", "without `return`"),
        ("22_neuron", "    def __call__(self, x):\n        return sum(w * y for w, y in (self.w, x))\n",
         "in zip(xs, ys)", "Python does not"),
    ],
)  # fmt: skip
def test_a_beginner_reads_what_is_so_and_nothing_else(name, hole, told, untold):
    text = report(COURSE[name], {**examine(COURSE[name], wrong(name, hole)), "output": "6" * ("print" in hole)})
    assert told in text and untold not in text, text
    assert not text.endswith("\n\n")


def test_the_name_is_that_of_the_mistake_on_the_graph_that_is_shown():
    """The start of the last exercise has three; in `b = a * a` the order of the nodes does no harm."""
    exercise = COURSE["27_mend_the_engine"]
    text = report(exercise, examine(exercise, exercise.start))
    assert "    b = a * a\n    b.backward()\n" in text
    assert "known as `overwrites`" in text


def test_a_loop_without_an_end_is_told_with_its_line(monkeypatch):
    monkeypatch.setattr(examination, "SECONDS", 0.1)
    exercise = COURSE["08_all_nodes"]
    hole = "    while True:\n        try:\n            found = set([root])\n"
    hole += "        except Exception:\n            pass\n"
    text = report(exercise, examine(exercise, wrong("08_all_nodes", hole)))
    assert "This does not come to an end" in text
    assert re.search(r"Python stops in line \d+: (while True|try|found)", text)


@slow_once
@pytest.mark.parametrize("exercise", [e for e in COURSE.values() if "backward-not-kept" in dict(e.mistakes)])
def test_no_line_is_called_missing_that_is_there(exercise):
    head, body = exercise.solution.rsplit("def _backward():", 1)
    source = head + "def _backward():" + re.sub(r"(self|other)\.grad \+= .*", r"out.grad += \1.grad", body)
    verdict = examine(exercise, source)
    assert not verdict["done"] and verdict["mistake"] != "backward-not-kept"


@slow_once
@pytest.mark.parametrize("visit", ["found.add(v)", "found |= {v}"])
def test_nodes_that_are_walked_again_and_again_are_told(visit, monkeypatch):
    hole = f"    found = set()\n    def walk(v):\n        nonlocal found\n        {visit}\n"
    hole += "        for x in v._prev:\n            walk(x)\n    walk(root)\n    return found\n"
    monkeypatch.setattr(examination, "SECONDS", 0.5)
    verdict = examine(COURSE["08_all_nodes"], wrong("08_all_nodes", hole))
    assert (verdict["done"], verdict["mistake"]) == (False, "walked-again")
    text = report(COURSE["08_all_nodes"], verdict)
    assert "It does not come to an end here:" in text and "\n    ...\n    all_nodes(u)\n" in text
    assert "smallest graph" not in text and len(text.splitlines()) < 15


def test_a_method_that_calls_itself_is_told_without_a_look_for_the_text_of_its_thousand_frames(monkeypatch):
    """Each look goes through all of sys.path: the process of a check had no time left to tell the mistake."""
    monkeypatch.setattr(linecache, "getline", lambda *_: pytest.fail("a line was looked for"))
    for exercise, mistake, hole in WRONG:
        if mistake == "calls-itself":
            verdict = examine(exercise, filled(exercise.body, hole))
            assert (verdict["mistake"], verdict["error"]["type"]) == (mistake, "RecursionError")
            assert verdict["error"]["code"] in hole


def test_what_a_file_prints_is_that_of_the_case_that_is_told(capsys):
    hole = "        print(self.data, other.data)\n        return self.data + other.data\n"
    assert not examine(COURSE["04_add"], wrong("04_add", hole))["done"]
    assert capsys.readouterr().out == "3.0 3.0\n"


def test_a_missing_name_is_told():
    assert "There is no `slope` in the file" in report(COURSE["01_slope"], examine(COURSE["01_slope"], "x = 1\n"))


# ---- processes ---------------------------------------------------------------------------------------------------

SOLVED = COURSE["01_slope"].solution


def test_a_file_in_a_process_is_done_and_what_it_prints_is_kept():
    verdict = check(COURSE["01_slope"], SOLVED + 'print("hello")\n')
    assert verdict["done"] and verdict["output"] == "hello\n"


@pytest.mark.parametrize(
    ("addition", "kind"),
    [
        ("import os; os._exit(0)", "ended"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended"),
        ("open('verdict', 'w').write('{\"done\": true}'); import os; os._exit(0)", "ended"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("while True: print('x' * 1000)", "OSError"),
    ],
)
def test_a_file_cannot_pass_by_ending_the_process(addition, kind):
    verdict = check(COURSE["01_slope"], f"{SOLVED}\n{addition}\n")
    assert verdict["done"] is False
    assert verdict["error"]["type"] == kind, verdict["error"]


@slow_once
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no limit of memory")
@pytest.mark.memory
def test_memory_is_limited():
    verdict = check(COURSE["01_slope"], f"{SOLVED}\nx = bytearray(3 << 30)\n")
    assert verdict["error"]["type"] == "MemoryError"


@slow_once
def test_a_file_that_holds_on_is_ended_with_what_it_started(tmp_path):
    """It forks, ignores the alarm, and its copy does the same: a pipe that both hold has to come to its end."""
    os.mkfifo(tmp_path / "held")
    reader = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    hold = "import os, signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
    hold += f"held = open({str(tmp_path / 'held')!r}, 'wb', 0)\nos.fork()\nheld.write(b'x')\nwhile True: pass\n"
    verdict = check(COURSE["01_slope"], SOLVED + hold, seconds=3.0)
    assert verdict["error"]["type"] == "time"
    assert says(verdict)[1] == "Does a method use its own operator? Or does a loop never end?"
    assert os.read(reader, 9) == b"xx"
    assert select.select([reader], [], [], 60)[0] and os.read(reader, 9) == b""
    os.close(reader)


def test_a_file_does_not_see_the_environment(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "secret")
    verdict = check(COURSE["01_slope"], SOLVED + "import os; print(dict(os.environ))\n")
    assert verdict["done"] and "secret" not in verdict["output"]


# ---- commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    assert exercises("start", tmp_path / "mine").returncode == 0
    return tmp_path / "mine"


def solve(folder, *names):
    for name in names:
        (folder / f"{name}.py").write_text(COURSE[name].solution, encoding="utf-8")


def test_check_goes_up_to_the_first_that_is_open(folder):
    solve(folder, "01_slope", "02_gradient")
    done = exercises("check", cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith("01_slope is done\n02_gradient is done\n03_value is open: ")
    assert "2 of 27 are done." in done.stdout
    assert exercises("check", "slope", cwd=folder).returncode == 0
    assert exercises("check", "17_tanh", cwd=folder).returncode == 1
    unknown = exercises("check", "slop", cwd=folder)
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "micrograd_c: there is no exercise 'slop': do you mean slope?\n",
    )


def test_what_was_to_be_learned_is_told_once_when_it_is_done(folder):
    after = "".join(f"  {line}\n" for line in COURSE["09_local_derivatives"].after)
    assert "-x/(y*y)" in after
    solve(folder, *list(COURSE)[:9])
    told = [exercises("check", cwd=folder).stdout for _ in range(2)]
    assert f"09_local_derivatives is done\n{after}10_add_backward is open" in told[0]
    assert "09_local_derivatives is done\n10_add_backward is open" in told[1]
    assert exercises("check", "9", cwd=folder).stdout.endswith(after)


def test_check_shows_a_bar_on_a_terminal_and_none_of_it_in_a_pipe(folder):
    solve(folder, "01_slope", "02_gradient")
    status, seen = run_on_a_terminal("-m", "micrograd_c", "exercises", "check", cwd=folder)
    assert status == 1
    for done, name in ((0, "01_slope"), (1, "02_gradient"), (2, "03_value")):
        cells = 40 * done // len(COURSE)
        assert f"[{'#' * cells}{'.' * (40 - cells)}] {done} of {len(COURSE)} {name}" in seen
    assert "\r01_slope is done" in seen
    assert "\r" not in exercises("check", cwd=folder).stdout


@slow_once
def test_a_wrong_file_gets_a_page_of_its_graph_and_loses_it_when_it_is_right(folder):
    file, page = folder / "11_mul_backward.py", folder / "pages" / "11_mul_backward.html"
    file.write_text(COURSE["11_mul_backward"].mistakes[0][1], encoding="utf-8")
    done = exercises("check", "11_mul_backward", cwd=folder)
    assert done.returncode == 1 and "pages/11_mul_backward.html" in done.stdout
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    solve(folder, "11_mul_backward")
    assert exercises("check", "11_mul_backward", cwd=folder).returncode == 0
    assert not page.exists()


@slow_once
def test_list_has_a_line_for_each_and_its_state_follows_the_file(folder):
    solve(folder, "04_add")
    done = exercises("list", cwd=folder)
    assert done.returncode == 1
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    assert lines == [[name, "done" if name == "04_add" else "open"] for name in COURSE]
    (folder / "04_add.py").write_text("oh no", encoding="utf-8")
    assert ["04_add", "open"] in [line.split()[:2] for line in exercises("list", cwd=folder).stdout.splitlines()]


@slow_once
def test_a_page_that_cannot_be_written_is_left_out(folder):
    (folder / "pages").write_text("no folder")
    (folder / "12_by_hand.py").write_text(COURSE["12_by_hand"].mistakes[0][1])
    done = exercises("check", "by_hand", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert "<-- wrong" in done.stdout and "pages" not in done.stdout
    solve(folder, "12_by_hand")
    done = exercises("check", "by_hand", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_of_a_backward_is_there_once_backward_is_the_subject(tmp_path):
    """A learner of the second file cannot know what a player of backward shows."""
    for i, (name, exercise) in enumerate(COURSE.items(), 1):
        cases = PROBES[exercise.probe].cases(exercise.ops)
        if i < 10:
            assert PROBES[exercise.probe].root(next(iter(cases))) is None, name
    exercise = COURSE["10_add_backward"]
    assert page(exercise, examine(exercise, exercise.mistakes[0][1]), tmp_path / "pages" / "a.html")


@slow_once
def test_start_leaves_what_is_there_and_reset_keeps_a_copy(folder):
    file = folder / "01_slope.py"
    file.write_text("mine", encoding="utf-8")
    again = exercises("start", folder)
    assert again.returncode == 0 and "27 of 27 exercises were there already" in again.stdout
    assert file.read_text("utf-8") == "mine"
    assert exercises("reset", "slope", cwd=folder).returncode == 0
    assert file.read_text("utf-8") == COURSE["01_slope"].start
    again = exercises("reset", "slope", cwd=folder)
    assert again.returncode == 0 and "already" in again.stdout
    file.write_text("mine once more", encoding="utf-8")
    again = exercises("reset", "slope", cwd=folder)
    assert again.returncode == 0 and "01_slope.py.old2" in again.stdout
    assert (folder / "01_slope.py.old").read_text("utf-8") == "mine"
    assert (folder / "01_slope.py.old2").read_text("utf-8") == "mine once more"


def test_start_says_where_to_go_and_that_a_file_is_no_folder(tmp_path):
    done = exercises("start", "my course", cwd=tmp_path)
    assert "1. cd 'my course'\n" in done.stdout
    (tmp_path / "file").write_text("")
    done = exercises("start", "file", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "micrograd_c: file is a file: the exercises need a folder\n")


@slow_once
def test_hint_and_solution_need_no_folder(tmp_path):
    assert exercises("solution", "tanh", cwd=tmp_path).stdout == COURSE["17_tanh"].solution
    first, *more = COURSE["17_tanh"].hints
    assert exercises("hint", "tanh", cwd=tmp_path).stdout.startswith(first + "\n\nMore: ")
    assert exercises("hint", "tanh", "--more", cwd=tmp_path).stdout == "\n".join([first, *more, ""])


@slow_once
@pytest.mark.parametrize(
    "arguments", [["check"], ["list"], ["watch"], ["reset", "add"], ["grade", "nobody"], ["x"], []]
)
def test_what_cannot_be_done_says_why_with_status_2(arguments, tmp_path):
    done = exercises(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr
    assert "Traceback" not in done.stderr


@slow_once
def test_files_that_are_no_texts_are_open(folder):
    (folder / "01_slope.py").write_bytes(b"\xff\xfe")
    assert "no text in UTF-8" in exercises("check", cwd=folder).stdout
    (folder / "01_slope.py").unlink()
    assert "To get it back: python -m micrograd_c exercises reset 01_slope" in exercises("check", cwd=folder).stdout


@slow_once
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent by a signal")
@pytest.mark.parametrize("arguments", [["check"], ["list"], ["grade", "."]])
def test_ctrl_c_ends_a_check_without_a_traceback(arguments, folder):
    import signal

    (folder / "01_slope.py").write_text(f"open({str(folder / 'begun')!r}, 'w').close()\nwhile True:\n    pass\n")
    command = [sys.executable, "-m", "micrograd_c", "exercises", *arguments, "--seconds", "2"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        while not (folder / "begun").exists() and run.poll() is None:
            pass
        run.send_signal(signal.SIGINT)
        told = run.communicate(timeout=60)[0]
    assert (told, run.returncode) == ("\nStopped.\n", 1)


@slow_once
def test_watch_checks_at_each_save_and_ctrl_c_ends_it(folder):
    import signal

    command = [sys.executable, "-m", "micrograd_c", "exercises", "watch"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as watch:
        until(watch, "Watching")
        solve(folder, "01_slope")
        assert "01_slope is done" in until(watch, "Watching")
        watch.send_signal(signal.SIGINT)
        rest = watch.stdout.read()
    assert "Stopped" in rest and "Traceback" not in rest
    assert watch.returncode == 1


def until(process, word):
    text = ""
    for line in process.stdout:
        text += line
        if word in line:
            return text
    raise AssertionError(text)


# ---- grade -------------------------------------------------------------------------------------------------------


@slow_once
def test_grade_makes_a_table_csv_and_json(tmp_path):
    anna, boris, empty = tmp_path / "anna", tmp_path / "=boris", tmp_path / "empty"
    for each in (anna, boris, empty):
        each.mkdir()
    solve(anna, "01_slope", "02_gradient")
    hole = "        return self.data + other.data\n"
    (anna / "04_add.py").write_text(wrong("04_add", hole), encoding="utf-8")
    (boris / "01_slope.py").write_text(SOLVED + "\nimport os; os._exit(0)\n", encoding="utf-8")
    (boris / "02_gradient.py").write_text(COURSE["02_gradient"].start, encoding="utf-8")
    (boris / "03_value.py").write_bytes(b"\xff\xfe")
    (boris / "15_used_twice.py").write_text(COURSE["15_used_twice"].start, encoding="utf-8")
    names = ["anna", "=boris", "empty"]
    table = exercises("grade", *names, cwd=tmp_path)
    assert table.returncode == 1
    lines = table.stdout.splitlines()
    assert lines[:3] == ["anna     2/27  ## o", "=boris   0/27  !.o           .", "empty    0/27"]
    assert lines[-1] == "1 x plain-number in 04_add"
    exercises("grade", *names, "--csv", "class.csv", cwd=tmp_path)
    rows = (tmp_path / "class.csv").read_text("utf-8").splitlines()
    assert rows[0].startswith("folder,done,of,01_slope,") and rows[2].startswith(
        "'=boris,0,27,ended,untouched,open"
    )
    assert rows[1].startswith("anna,2,27,done,done,missing,open: plain-number,missing")
    data = json.loads(exercises("grade", *names, "--json", "-", cwd=tmp_path).stdout)
    assert data["schema"] == "micrograd-c/grade/1" and data["of"] == len(COURSE)
    assert data["learners"][0]["exercises"]["04_add"] == {
        "status": "open",
        "mistake": "plain-number",
        "says": sentence("plain-number"),
    }
    assert data["learners"][1]["exercises"]["03_value"]["says"] == "03_value.py is no text in UTF-8"
    assert not (tmp_path / "pages").exists()


@slow_once
def test_grade_says_at_once_that_a_table_cannot_be_written(folder):
    """Before any file of a learner runs."""
    (folder / "01_slope.py").write_text(f"open({str(folder / 'begun')!r}, 'w').close()\n")
    done = exercises("grade", folder, "--csv", folder / "nowhere" / "class.csv")
    assert done.returncode == 2 and "nowhere" in done.stderr
    assert not (folder / "begun").exists()


@slow_once
def test_check_and_list_of_a_solved_course_are_done(tmp_path):
    solve(tmp_path, *COURSE)
    done = exercises("check", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.endswith("All 27 are done: you have written an engine, a network, and its training.\n")
    assert exercises("list", cwd=tmp_path).returncode == 0


def test_every_probe_is_used():
    assert {exercise.probe for exercise in COURSE.values()} == set(PROBES)
