"""The tutorial of docs/article.md: what it names is there, nothing is left out. test_readme.py runs its code."""

import re
from pathlib import Path

from micrograd_c.learn.exercises.course import course
from micrograd_c.learn.page import SECTIONS
from micrograd_c.viz.words import CHAPTERS, ENGINES

PAGE = Path(__file__).parent.parent / "docs" / "article.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""


def test_each_step_says_where_it_can_be_watched():
    steps = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    assert len(steps) > 20
    assert [step.split("\n")[0] for step in steps if step.count("\n*Watch it:* ") != 1] == []


def watched():
    return "\n".join(re.findall(r"^\*Watch it:\* (.*)$", TEXT, re.MULTILINE))


def test_every_exercise_is_named_in_its_step_and_no_other():
    assert sorted(re.findall(r"`(\d\d_\w+)`", watched())) == sorted([*course(), "21_division"])  # twice that one


def test_every_part_of_the_lesson_and_every_chapter_of_the_explainer_is_named():
    parts = re.findall(r"lesson \*(\w+)\*", watched())
    assert [name for name in SECTIONS if name not in parts] == [] and {*parts} == {*SECTIONS}
    emphasised = re.findall(r"\*([^*]+)\*", watched())
    assert [name for name in CHAPTERS if name not in emphasised] == []
    engines = [title.removeprefix("wrong: ") for title, _ in ENGINES.values() if title != "correct"]
    assert [name for name in engines if name not in emphasised] == []
