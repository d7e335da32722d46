"""`python -m micrograd_c lesson`."""

from __future__ import annotations

import webbrowser

import pytest

from micrograd_c.learn import page
from micrograd_c.learn.command import main


def test_command_writes_into_the_current_folder_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path.resolve() / 'lesson.html'}: open it in a browser\n"
    assert (tmp_path / "lesson.html").read_text("utf-8") == page.page(page.words())


def test_command_opens_a_browser_and_says_when_there_is_none(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or len(opened) == 1)
    file = tmp_path / "l.html"
    assert main(["--html", str(file), "--open"]) == 0
    assert main(["--html", str(file), "--open"]) == 1
    assert opened == [file.resolve().as_uri()] * 2
    assert "no browser was found" in capsys.readouterr().err


def test_command_names_the_folder_that_is_missing(tmp_path, capsys):
    assert main(["--html", str(tmp_path / "no" / "l.html")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_command_line_knows_the_lesson(monkeypatch, tmp_path, capsys):
    from micrograd_c.__main__ import main as run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["micrograd_c", "lesson", "--html", "here.html"])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 0 and (tmp_path / "here.html").exists()
