"""The learner's copies: made once, updated and reset without losing anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from tiny_course import cell, chapter_of, tiny_course

from utils import course
from utils.notebook import files
from utils.notebook.build import build
from utils.notebook.workspace import reset, sync, update

MINE = "# Exercise 90.2\ndef double(x):\n    return 2 * x"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_course(tmp_path)


@pytest.fixture
def work(root: Path) -> Path:
    sync(course.chapters(root), root / "work")
    return root / "work"


def mine(work: Path) -> NotebookNode:
    return files.read(work / "90_tiny.ipynb")


def edit(work: Path, **sources: str) -> None:
    """Write sources into cells of the learner's notebook (ex_90_2="...")."""
    notebook = mine(work)
    for identity, source in sources.items():
        cell(notebook, identity.replace("_", "-")).source = source
    files.write(work / "90_tiny.ipynb", files.dumps(notebook))


def say(work: Path, *checks: str) -> None:
    """Give check cells an output."""
    notebook = mine(work)
    for identity in checks:
        cell(notebook, identity).outputs = [new_output("stream", name="stdout", text="passed")]
    files.write(work / "90_tiny.ipynb", files.dumps(notebook))


def newer(root: Path, *changes: tuple[str, str]) -> None:
    """A new version of the chapter."""
    path = root / "solutions" / "90_tiny" / "chapter.py"
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    build(chapters=course.chapters(root))


def test_sync_copies_what_is_missing_and_nothing_else(root: Path, work: Path) -> None:
    chapters = course.chapters(root)
    assert (work / "90_tiny.ipynb").read_bytes() == chapters[0].notebook.read_bytes()
    (work / "90_tiny.ipynb").write_text("anything")
    assert sync(chapters, work) == []
    assert (work / "90_tiny.ipynb").read_text() == "anything"
    newer(root, ("A chapter as small", "A newer chapter as small"))
    (message,) = sync(chapters, work)
    assert "90_tiny.ipynb" in message and "./study update" in message
    assert (work / "90_tiny.ipynb").read_text() == "anything"


def test_update_keeps_answers_cells_edits_and_outputs(root: Path, work: Path) -> None:
    edit(work, ex_90_2=MINE)
    notebook = mine(work)
    notebook.cells[0].source += "\nMy note."
    notebook.cells.insert(2, new_code_cell("scratch = 1", id="scratch"))
    for identity in ("check-90-2", "check-90-3"):
        cell(notebook, identity).outputs = [new_output("stream", name="stdout", text=f"said {identity}")]
    files.write(work / "90_tiny.ipynb", files.dumps(notebook))
    newer(root, ("A chapter as small", "A newer chapter as small"), ("Returns a float.", "Returns one float."))
    (message,) = update(course.chapters(root), work)
    assert "kept: 1 answer, 1 added cell, 1 edited cell" in message
    new = mine(work)
    assert cell(new, "ex-90-2").source == MINE
    assert "Returns one float." in cell(new, "ex-90-3").source
    assert [c.source.split("\n")[0] for c in new.cells[:4]] == [
        "# 90 Tiny", "*Your version of the cell above:*", "# ruff: noqa", "scratch = 1"]  # fmt: skip
    assert "A newer chapter" in new.cells[0].source and "My note." in new.cells[1].source
    assert "said check-90-2" in json.dumps(cell(new, "check-90-2").outputs)
    (saved,) = (work / "backups").iterdir()
    assert saved.read_bytes() == files.dumps(notebook)
    assert update(course.chapters(root), work) == ["90_tiny.ipynb: up to date"]


def test_a_changed_exercise_keeps_the_learners_code_and_says_so(root: Path, work: Path) -> None:
    edit(work, ex_90_2=MINE)
    newer(root, ('"""x: float32[n]. Returns float32[n]."""', '"""x: float32[n, m]."""'))
    (message,) = update(course.chapters(root), work)
    assert "90.2 has changed; your code is kept" in message
    assert cell(mine(work), "ex-90-2").source == MINE


def test_an_exercise_that_is_gone_leaves_the_learners_code(root: Path, work: Path) -> None:
    edit(work, ex_90_2=MINE)
    newer(root, ("# Exercise 90.2", "# Exercise 90.4"), ("card 90.2", "card 90.4"), ('check("90.2")', 'check("90.4")'))
    checks = root / "solutions" / "90_tiny" / "checks.py"
    checks.write_text(checks.read_text().replace('id="90.2"', 'id="90.4"'))
    course._module.cache_clear()
    build(chapters=course.chapters(root))
    (message,) = update(course.chapters(root), work)
    assert "90.2 is gone" in message
    assert MINE in [c.source for c in mine(work).cells]


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00", b"[]", b'{"nbformat": 4, "cells": [1]}'])
def test_a_damaged_notebook_is_set_aside(root: Path, work: Path, content: bytes) -> None:
    (work / "90_tiny.ipynb").write_bytes(content)
    (message,) = update(course.chapters(root), work)
    assert "Kept as work/backups/" in message
    (saved,) = (work / "backups").iterdir()
    assert saved.read_bytes() == content
    assert (work / "90_tiny.ipynb").read_bytes() == chapter_of(root).notebook.read_bytes()


def test_update_without_the_original_still_keeps_everything(root: Path, work: Path) -> None:
    edit(work, ex_90_2=MINE)
    shutil.rmtree(work / ".pristine")
    newer(root, ("A chapter as small", "A newer chapter as small"))
    (message,) = update(course.chapters(root), work)
    assert "its original is missing" in message
    assert cell(mine(work), "ex-90-2").source == MINE
    assert [c.id for c in mine(work).cells] == [c.id for c in files.read(chapter_of(root).notebook).cells]


def test_reset_puts_the_stub_back_and_saves_the_code(root: Path, work: Path) -> None:
    chapters = course.chapters(root)
    assert reset("90.2", chapters, work) == ["90.2: the cell is as it came"]
    edit(work, ex_90_2=MINE, ex_90_3="best = 1")
    say(work, "check-90-2", "check-90-3")
    messages = reset("90.2", chapters, work)
    assert "your code is saved as work/backups/90_tiny." in messages[0] and "copy it from there" in messages[0]
    assert (cell(mine(work), "check-90-2").outputs, cell(mine(work), "check-90-2").execution_count) == ([], None)
    assert cell(mine(work), "check-90-3").outputs
    (saved,) = (work / "backups").iterdir()
    assert saved.read_text() == MINE + "\n"
    assert "your code here" in cell(mine(work), "ex-90-2").source
    assert cell(mine(work), "ex-90-3").source == "best = 1"
    say(work, "check-90-2")
    assert reset("90.2", chapters, work) == ["90.2: the cell is as it came, what its check said is cleared"]
    assert not cell(mine(work), "check-90-2").outputs


def test_reset_brings_a_deleted_exercise_back(root: Path, work: Path) -> None:
    notebook = mine(work)
    order = [c.id for c in notebook.cells]
    notebook.cells = [c for c in notebook.cells if c.id != "ex-90-2"]
    files.write(work / "90_tiny.ipynb", files.dumps(notebook))
    reset("90.2", course.chapters(root), work)
    assert [c.id for c in mine(work).cells] == order


def test_reset_of_an_unknown_exercise_names_the_nearest(
    root: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapters = course.chapters(root)
    monkeypatch.setattr(course, "chapters", lambda: chapters)
    with pytest.raises(course.UnknownExercise, match="90.2"):
        reset("90.9", work=work)


def test_a_failed_write_leaves_the_old_file(root: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (work / "90_tiny.ipynb").read_bytes()

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        files.write(work / "90_tiny.ipynb", b"half")
    assert (work / "90_tiny.ipynb").read_bytes() == before
    assert sorted(p.name for p in work.iterdir()) == [".pristine", "90_tiny.ipynb"]
