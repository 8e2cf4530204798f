"""Putting answers into a chapter, and finding them again in whatever a learner made of their notebook."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from tiny_course import cell, chapter_of, solved, tiny_course, unsolved

from utils.notebook import files
from utils.notebook.build import model_answers
from utils.notebook.splice import Extra, answers_of, splice
from utils.notebook.workspace import merge, names_of

MINE = "# Exercise 90.2\ndef double(x):\n    return 2 * x  # mine"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_course(tmp_path_factory.mktemp("splice"))


@pytest.fixture
def stubs(root: Path) -> NotebookNode:
    return unsolved(root)


@pytest.fixture
def learner(root: Path) -> NotebookNode:
    return unsolved(root)


def test_stubs_and_model_answers_make_the_solved_notebook(root: Path, stubs: NotebookNode) -> None:
    full = solved(root)
    assert files.dumps(splice(stubs, model_answers(full))) == files.dumps(full)
    assert answers_of(full, stubs).sources == model_answers(full)
    assert answers_of(full, stubs).extras == []


def test_an_untouched_notebook_holds_nothing(stubs: NotebookNode, learner: NotebookNode) -> None:
    found = answers_of(learner, stubs)
    assert (found.sources, found.extras) == ({}, [])


def test_unknown_answers_and_anchors_are_refused(stubs: NotebookNode) -> None:
    with pytest.raises(KeyError, match="ex-90-9"):
        splice(stubs, {"ex-90-9": "x = 1"})
    with pytest.raises(KeyError, match="kc-gone"):
        splice(stubs, {}, [Extra("kc-gone", new_code_cell("x = 1"))])


@pytest.mark.parametrize("way", ["id", "first line", "tag", "names", "copy", "swapped ids"])
def test_an_answer_is_found(way: str, stubs: NotebookNode, learner: NotebookNode) -> None:
    answer = cell(learner, "ex-90-2")
    answer.source = MINE
    if way == "id":
        answer.source = MINE.split("\n", 1)[1]
    elif way == "first line":
        answer.id, answer.metadata = "new", NotebookNode()
    elif way == "tag":
        answer.id, answer.source = "new", "def double(x):\n    return 2 * x"
    elif way == "names":
        answer.id, answer.metadata, answer.source = "new", NotebookNode(), "two = 2\ndef double(x):\n    return two * x"
        learner.cells.append(learner.cells.pop(learner.cells.index(answer)))
    elif way == "copy":  # the stub kept, the attempt in a copy of it
        answer.source = cell(stubs, "ex-90-2").source
        learner.cells.append(new_code_cell(MINE, id="copied"))
    elif way == "swapped ids":
        answer.id, cell(learner, "ex-90-3").id = "ex-90-3", "ex-90-2"
    wanted = MINE if way in ("copy", "swapped ids") else answer.source
    found = answers_of(learner, stubs)
    assert (found.sources, found.extras) == ({"ex-90-2": wanted}, [])


def test_the_declared_names_decide_which_cell_is_an_answer(root: Path, stubs: NotebookNode) -> None:
    learner = unsolved(root)
    learner.cells = [c for c in learner.cells if c.id != "ex-90-2"] + [new_code_cell("def doubled(x): ...", id="a")]
    names = names_of(chapter_of(root))
    assert answers_of(learner, stubs, names).sources == {}
    assert answers_of(learner, stubs, names | {"ex-90-2": ("doubled",)}).sources != {}


def test_a_deleted_exercise_is_not_attempted(stubs: NotebookNode, learner: NotebookNode) -> None:
    learner.cells = [c for c in learner.cells if c.id != "ex-90-2"]
    assert answers_of(learner, stubs).sources == {}


def test_an_answer_turned_into_markdown_is_kept_but_is_no_answer(stubs: NotebookNode, learner: NotebookNode) -> None:
    place = learner.cells.index(cell(learner, "ex-90-2"))
    learner.cells[place] = new_markdown_cell(MINE, id="ex-90-2")
    found = answers_of(learner, stubs)
    assert found.sources == {}
    assert [extra.cell.source for extra in found.extras] == [MINE]
    nbformat.validate(splice(stubs, found.sources, found.extras))


def test_added_cells_stay_in_place(stubs: NotebookNode, learner: NotebookNode) -> None:
    for source, after in (("one", "ex-90-2"), ("two", "check-90-2"), ("three", "check-90-2")):
        learner.cells.insert(learner.cells.index(cell(learner, after)) + 1, new_code_cell(source, id=source))
    learner.cells.insert(0, new_code_cell("first", id="first"))
    found = answers_of(learner, stubs)
    assert files.dumps(splice(stubs, {}, found.extras)) == files.dumps(learner)
    assert [extra.cell.id for extra in found.extras] == ["first", "one", "three", "two"]


def test_an_edited_teaching_cell_stays_beside_the_new_one(stubs: NotebookNode, learner: NotebookNode) -> None:
    setup = learner.cells[1]
    setup.source += "\nimport math"
    learner.cells[0].source += "\nMy note."
    found = answers_of(learner, stubs)
    assert [(extra.anchor, extra.edited) for extra in found.extras] == [
        (stubs.cells[0].id, True), (setup.id, True)]  # fmt: skip
    cells = splice(stubs, {}, found.extras).cells
    assert [c.source for c in cells[:3:2]] == [c.source for c in stubs.cells[:2]]
    assert cells[1].source.startswith("*Your version of the cell above:*\n\n# 90 Tiny")
    assert cells[3].source.startswith("# Your version of the cell above\n") and "import math" in cells[3].source


def test_cells_of_an_older_version_are_not_taken_for_the_learners(stubs: NotebookNode) -> None:
    older = copy.deepcopy(stubs)
    for old in older.cells:
        if old.id.startswith("kc-"):
            old.source += " "
            old.id = "kc-" + "0" * 8  # not its own source's: an edit of the learner's
    from utils.notebook.source import content_id

    older.cells[0].source, older.cells[0].id = "Older prose", content_id("kc", "Older prose")
    assert answers_of(older, stubs).extras == []


def random_edits(notebook: NotebookNode, rng: random.Random) -> set[str]:
    """Do to a notebook what learners and tools do; returns the lines that the learner wrote."""
    for number in range(rng.randrange(3, 15)):
        place = rng.randrange(len(notebook.cells)) if notebook.cells else 0
        if not notebook.cells:
            notebook.cells.append(new_code_cell(f"again_{number} = 0"))
        target = notebook.cells[place]
        edit = rng.choice(["write", "delete", "rename", "double", "move", "add", "strip", "kind", "unname"])
        if edit == "write":
            line = f"mine_{number} = {rng.random()}"
            target.source = rng.choice([f"{target.source}\n{line}", line, f"{line}\n{target.source}"])
        elif edit == "delete":
            notebook.cells.pop(place)
        elif edit == "rename":
            target.id = rng.choice([f"id-{number}", rng.choice(notebook.cells).id, "ex-90-2", "kc-12345678"])
        elif edit == "double":
            notebook.cells.insert(rng.randrange(len(notebook.cells)), copy.deepcopy(target))
        elif edit == "move":
            notebook.cells.insert(rng.randrange(len(notebook.cells)), notebook.cells.pop(place))
        elif edit == "add":
            kind = rng.choice([new_code_cell, new_markdown_cell])
            notebook.cells.insert(place, kind(f"added_{number} = {rng.random()}"))
        elif edit == "strip":
            for stripped in notebook.cells:
                stripped.metadata, stripped.id = NotebookNode(), f"id-{number}-{rng.randrange(10**9)}"
        elif edit == "kind" and target.cell_type == "code":
            notebook.cells[place] = new_markdown_cell(target.source, id=target.id)
        elif edit == "unname":
            target.source = target.source.partition("\n")[2]
    return {line for c in notebook.cells for line in c.source.split("\n") if line.startswith(("mine_", "added_"))}


@pytest.mark.parametrize("seed", range(80))
def test_nothing_of_the_learners_is_ever_lost(seed: int, root: Path) -> None:
    rng = random.Random(seed)
    old = unsolved(root)
    new = copy.deepcopy(old)
    if seed % 3:  # a newer chapter: a cell reworded, one gone, a stub changed, one exercise gone
        new.cells[0].source, new.cells[0].id = "# 90 Tiny, reworded", "kc-0000000a"
        new.cells = [c for c in new.cells if c.id != "ex-90-3" or seed % 3 == 1]
        cell(new, "ex-90-2").source += "\n    # a changed stub"
    learner = copy.deepcopy(old)
    cell(learner, "ex-90-2").source = f"# Exercise 90.2\ndef double(x):\nmine_x = {seed}"
    written = random_edits(learner, rng)
    notebook = files.loads(files.dumps(learner).decode())
    base = new if seed % 10 == 9 else old  # its original was lost
    merged, _ = merge(notebook, base, new, names_of(chapter_of(root)))
    nbformat.validate(merged)
    kept = {line for c in merged.cells for line in c.source.split("\n")}
    assert written <= kept
    assert [c.id for c in merged.cells if c.id in {n.id for n in new.cells}] == [c.id for c in new.cells]
    again, _ = merge(files.loads(files.dumps(merged).decode()), new, new, names_of(chapter_of(root)))
    assert files.dumps(again) == files.dumps(merged)
