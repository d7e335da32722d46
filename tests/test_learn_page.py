"""The lesson: what is in the file. Its scenes are tried in test_learn_scenes.py."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from micrograd.engine import Value as Outside
from micrograd.nn import MLP as OutsideMLP

import micrograd_c as mg
from micrograd_c.learn import page

SCENES = Path(page.__file__).parent / "scenes"
SECTIONS = page.SECTIONS


def article(a, b):
    a, b = Outside(a), Outside(b)
    tmp = a * b
    return {"a": a, "b": b, "tmp": tmp, "c": tmp + b}


def test_lesson_is_one_file_below_600_kB_that_names_no_address():
    text = page.page(page.words())
    assert len(text.encode()) < 600_000
    assert set(re.findall(r"https?://[\w./]*", text)) == {"http://www.w3.org/2000/svg"}
    assert "%%" not in text.replace("%%DATA%%", "")  # where mount() puts the data into the player
    assert 'src="' not in text
    assert re.findall(r'<section id="(\w+)">', text) == list(SECTIONS)


def test_lesson_is_the_same_each_time_and_draws_no_random_number_of_the_users():
    random.seed(3)
    before = random.getstate()
    assert page.page(page.words()) == page.page(page.words())
    assert random.getstate() == before


def test_each_scene_is_a_file_below_250_lines():
    files = {path.name: len(path.read_text("utf-8").splitlines()) for path in SCENES.glob("*.js")}
    assert {f"{name}.js" for name in page.SCRIPTS.split()} == set(files)
    assert {f"{name}.js" for name in SECTIONS} <= set(files)
    assert max(files.values()) < 250, files


def test_answers_are_those_of_micrograd():
    x, (bx, by), small = Outside(3.0), (Outside(1.0), Outside(2.0)), article(4.0, 7.0)
    (x * x).backward()
    (bx * bx + by * by).backward()
    small["c"].backward()
    answers = page._answers()
    assert answers["slope"] == x.grad
    assert (1.0 - answers["gradient"] * bx.grad, 2.0 - answers["gradient"] * by.grad) == (0.0, 0.0)
    assert answers["backward"] == small["b"].grad
    assert answers["network"] == len(OutsideMLP(2, [4, 4, 1]).parameters())


def test_no_answer_is_readable_in_the_file():
    text = page.page(page.words())
    for name in SECTIONS:
        part = page.words()[name]
        for sentence in [part["praise"], *part["after"], *(hint for _, hint in part["hints"])]:
            assert sentence not in text and json.dumps(sentence, ensure_ascii=False)[1:-1] not in text


def test_hints_end_with_one_for_all_other_answers_and_take_no_right_answer():
    for name, answer in page._answers().items():
        *conditions, (last, _) = page.words()[name]["hints"]
        assert last == ""
        assert all(re.fullmatch(r"[=>] [\d.]+", condition) for condition, _ in conditions)
        assert all(float(c[2:]) != answer for c, _ in conditions if c[0] == "=")


def test_notebook_shows_the_page_in_a_frame_without_rights():
    shown = mg.lesson()._repr_html_()
    assert 'sandbox="allow-scripts"' in shown and shown.count("<iframe srcdoc=") == 1
    assert "not trusted" in shown
    assert "<script" not in shown
