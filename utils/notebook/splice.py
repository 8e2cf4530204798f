"""The one operation behind CI, grading and updating: put a set of answers into a chapter's exercise cells.

`splice(chapter, answers)` puts them in; `answers_of(notebook, pristine)` finds them in what a learner saved,
whatever was deleted, moved, copied or stripped of its id meanwhile.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from .source import CHECK, content_id, identity_of, is_exercise
from .stub import defined, title

COURSE_ID = re.compile(r"^(ex|check)-\d\d-\d+$|^kc-[0-9a-f]{8}(-\d+)?$")
YOURS = "Your version of the cell above"


@dataclass(frozen=True)
class Extra:
    """A cell of the learner's. anchor: the course cell it follows (None: none). edited: their version of it."""

    anchor: str | None
    cell: NotebookNode
    edited: bool = False


@dataclass
class Answers:
    """What a learner's notebook holds beyond the course's own cells.

    sources: exercise cell id -> their code, where it is not the stub.  outputs: course cell id -> (outputs,
    execution count) as saved.  where: course cell id -> its index in their notebook.
    """

    sources: dict[str, str] = field(default_factory=dict)
    extras: list[Extra] = field(default_factory=list)
    outputs: dict[str, tuple[list[Any], int | None]] = field(default_factory=dict)
    where: dict[str, int] = field(default_factory=dict)


def splice(chapter: NotebookNode, answers: Mapping[str, str], extras: Iterable[Extra] = ()) -> NotebookNode:
    """A copy of `chapter` with `answers` (exercise cell id -> source) and the learner's own cells in place.

    Raises KeyError for an answer or an anchor that is no cell of the chapter.
    """
    result = copy.deepcopy(chapter)
    ids = {cell.id for cell in result.cells}
    exercises = {cell.id for cell in result.cells if is_exercise(cell)}
    extras = list(extras)
    lost = [key for key in answers if key not in exercises]
    lost += [str(extra.anchor) for extra in extras if extra.anchor not in ids and extra.anchor is not None]
    if lost:
        raise KeyError(f"not in this chapter: {', '.join(lost)}")
    following: dict[str | None, list[Extra]] = {}
    for extra in extras:
        following.setdefault(extra.anchor, []).append(extra)
    cells = [own(extra, ids) for extra in following.get(None, [])]
    for cell in result.cells:
        cell.source = answers.get(cell.id, cell.source)
        cells.append(cell)
        cells += [own(extra, ids) for extra in following.get(cell.id, [])]
    result.cells = cells
    return result


def own(extra: Extra, taken: set[str]) -> NotebookNode:
    """The learner's cell under an id of its own (added to `taken`), marked if it was a course cell."""
    cell = copy.deepcopy(extra.cell)
    if extra.edited:
        cell.source = marked(cell)
        cell.metadata.pop("tags", None)
    if extra.edited or cell.id in taken or COURSE_ID.match(cell.id) or not nbformat_id(cell.id):
        base = cell.id = content_id("my", cell.source)
        number = 1
        while cell.id in taken:
            number += 1
            cell.id = f"{base}-{number}"
    taken.add(cell.id)
    return cell


def nbformat_id(identity: str) -> bool:
    return re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identity) is not None


def marked(cell: NotebookNode) -> str:
    """The source of an edited course cell under a first line that says what it is."""
    if cell.cell_type != "code":
        return f"*{YOURS}:*\n\n{cell.source}"
    first, newline, rest = cell.source.partition("\n")
    if first.startswith("%%"):  # a cell magic must stay the first line
        return f"{first}\n# {YOURS}{newline}{rest}"
    return f"# {YOURS}\n{cell.source}"


def same(one: str, other: str) -> bool:
    """Equal but for white space at the ends of lines."""
    return plain(one) == plain(other)


def plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip("\n").splitlines()).rstrip()


def answers_of(
    notebook: NotebookNode, pristine: NotebookNode, names: Mapping[str, tuple[str, ...]] | None = None
) -> Answers:
    """The learner's answers and cells in `notebook`, which came from `pristine`.

    names: exercise cell id -> the names its answer defines (otherwise all names that the stub defines).
    """
    course = {cell.id: cell for cell in pristine.cells}
    by_source: dict[str, str] = {}
    for cell in pristine.cells:
        by_source.setdefault(plain(cell.source), cell.id)
    chosen = answer_cells(notebook, pristine, names or {})
    result, anchor = Answers(where={home: index for index, home in chosen.items()}), None
    for index, cell in enumerate(notebook.cells):
        home, edited = chosen.get(index), False
        if home is None:
            home, edited = place(cell, course, by_source, result.where)
        if home is None and (not cell.source.strip() or leftover(cell, course)):
            continue
        if home is None or edited:
            result.extras.append(Extra(home if edited else anchor, copy.deepcopy(cell), edited))
        anchor = home or anchor
        if home is None or result.where.setdefault(home, index) != index or edited:
            continue
        if cell.cell_type == "code":
            result.outputs[home] = (cell.outputs, cell.execution_count)
        if not same(cell.source, course[home].source):
            result.sources[home] = cell.source
    return result


def place(
    cell: NotebookNode,
    course: Mapping[str, NotebookNode],
    by_source: Mapping[str, str],
    taken: Mapping[str, int],
) -> tuple[str | None, bool]:
    """(course cell that `cell` is or was, whether the learner edited it); (None, False) for their own."""
    original = course.get(cell.id)
    if original is not None and same(cell.source, original.source):
        return cell.id, False
    if plain(cell.source) in by_source:  # a copy, or its id was changed
        return by_source[plain(cell.source)], False
    if original is None or is_exercise(original) or cell.id in taken:
        return None, False
    return cell.id, True


def leftover(cell: NotebookNode, course: Mapping[str, NotebookNode]) -> bool:
    """A course cell of another version of the chapter that the learner did not touch: nothing to keep."""
    if cell.id in course:
        return False
    if cell.id.startswith("check-"):
        return CHECK.match(cell.source.strip()) is not None
    return re.sub(r"(kc-\w{8})-\d+$", r"\1", cell.id) == content_id("kc", cell.source)


def answer_cells(
    notebook: NotebookNode, pristine: NotebookNode, names: Mapping[str, tuple[str, ...]]
) -> dict[int, str]:
    """{index in the learner's notebook: exercise cell id}, at most one cell an exercise.

    Found by id, else by first line, else by the tag and the check that follows; a cell that is still the stub
    gives way to an attempt found in a later way. Only when all that finds nothing: a cell of the learner's
    that defines the answer's names.
    """
    stubs = {cell.id: cell for cell in pristine.cells if is_exercise(cell)}
    course = {cell.id for cell in pristine.cells}
    teaching = {plain(cell.source) for cell in pristine.cells if not is_exercise(cell)} | {""}
    code = [(i, cell) for i, cell in enumerate(notebook.cells)
            if cell.cell_type == "code" and plain(cell.source) not in teaching]  # fmt: skip
    free = [(i, cell) for i, cell in code if cell.id not in course and not title(cell.source)]
    chosen: dict[int, str] = {}
    titles = {i: (title(cell.source) or ("", ""))[1] for i, cell in code}
    for identity, stub in stubs.items():
        own = identity_of(identity)
        by_id = [i for i, cell in code if cell.id == identity and titles[i] in (own, "")]
        by_line = [i for i, cell in code if titles[i] == own]
        by_tag = [i for i, cell in code if "exercise" in tags_of(cell) and not titles[i]
                  and next_check(notebook, i) == own]  # fmt: skip
        found = [i for i in dict.fromkeys(by_id + by_line + by_tag) if i not in chosen]
        if not found:
            wanted = set(names.get(identity) or defined(stub.source))
            found = [i for i, cell in free if i not in chosen and wanted and wanted <= defined(cell.source)]
        attempts = [i for i in found if not same(notebook.cells[i].source, stub.source)]
        if found:
            chosen[(attempts or found)[0]] = identity
    return chosen


def tags_of(cell: NotebookNode) -> list[str]:
    tags = cell.metadata.get("tags")
    return tags if isinstance(tags, list) else []


def next_check(notebook: NotebookNode, index: int) -> str | None:
    """The exercise that the next code cell checks, if it is a check cell."""
    for cell in notebook.cells[index + 1 :]:
        if cell.cell_type == "code":
            found = CHECK.match(cell.source.strip())
            return found[1] if found else None
    return None


def relocate(extras: Iterable[Extra], old: NotebookNode, new: NotebookNode) -> list[Extra]:
    """The extras with anchors of `new`: the same cell, the one that took its place, or the one before it."""
    before, after = [cell.id for cell in old.cells], [cell.id for cell in new.cells]
    anchors: dict[str | None, str | None] = {None: None}
    gone = set()
    for what, i, j, k, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        for number, identity in enumerate(before[i:j]):
            if what == "delete":
                anchors[identity] = after[k - 1] if k else None
                gone.add(identity)
            else:
                anchors[identity] = after[min(k + number, end - 1)]
    moved = set(before) & set(after)
    anchors |= {identity: identity for identity in moved}
    return [
        Extra(anchors.get(extra.anchor), extra.cell, extra.edited and extra.anchor not in gone - moved)
        for extra in extras
    ]
