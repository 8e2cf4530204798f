"""The learner's copies under work/: made once, brought up to date without losing anything of theirs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from .. import course
from ..course import Chapter, cell_id
from ..machine import ROOT
from . import files
from .source import content_id, identity_of
from .splice import Answers, Extra, answers_of, plain, relocate, same, splice

WORK = ROOT / "work"


def sync(chapters: Sequence[Chapter] | None = None, work: Path = WORK) -> list[str]:
    """Copy into work/ the chapters that are not there yet; what is there stays. Returns messages."""
    messages, outdated = [], []
    for chapter in course.chapters() if chapters is None else chapters:
        if not chapter.notebook.exists():
            continue
        mine, base = work / chapter.notebook.name, work / ".pristine" / chapter.notebook.name
        data = chapter.notebook.read_bytes()
        if not mine.exists():
            files.write(base, data)
            files.write(mine, data)
            messages.append(f"{mine.name}: copied into {work.name}/")
        elif not base.exists() or base.read_bytes() != data:
            outdated.append(mine.name)
    if outdated:
        messages.append(f"newer than your copy: {', '.join(outdated)}. `./study update` keeps your answers.")
    return messages


def update(chapters: Sequence[Chapter] | None = None, work: Path = WORK) -> list[str]:
    """Put the learner's answers and cells into the newest chapters. Returns messages.

    The notebook as it was goes to work/backups/ first. A file that is no notebook is moved there.
    """
    messages = []
    for chapter in course.chapters() if chapters is None else chapters:
        if not chapter.notebook.exists():
            continue
        mine = work / chapter.notebook.name
        if mine.exists():
            messages += update_one(chapter, mine, work)
        else:
            messages += sync([chapter], work)
    return messages


def update_one(chapter: Chapter, mine: Path, work: Path) -> list[str]:
    base = work / ".pristine" / mine.name
    data = chapter.notebook.read_bytes()
    try:
        notebook = files.read(mine)
    except files.Refused as error:
        return [f"{mine.name}: {error}"]
    except files.Unreadable as error:
        aside = backup(mine, work, ".damaged")
        files.write(base, data)
        files.write(mine, data)
        return [f"{mine.name}: {error}. Kept as {work.name}/backups/{aside.name}; a fresh copy is in its place."]
    if base.exists() and base.read_bytes() == data:
        return [f"{mine.name}: up to date"]
    new = files.read(chapter.notebook)
    old, notes = new, []
    try:
        old = files.read(base)
    except files.Unreadable:
        notes.append("its original is missing, so an exercise that changed counts as yours")
    merged, said = merge(notebook, old, new, names_of(chapter))
    saved = backup(mine, work)
    files.write(mine, files.dumps(merged))
    files.write(base, data)
    head = f"{mine.name}: updated; as it was: {work.name}/backups/{saved.name}"
    return ["\n    ".join([head, *notes, *said])]


def merge(
    notebook: NotebookNode, old: NotebookNode, new: NotebookNode, names: dict[str, tuple[str, ...]]
) -> tuple[NotebookNode, list[str]]:
    """(the newer chapter with everything of the learner's, messages); `old` is what `notebook` came from."""
    mine = answers_of(notebook, old, names)
    fresh = {cell.id: cell for cell in new.cells}
    before = {cell.id: cell for cell in old.cells}
    notes, sources, changed = [], {}, set()
    for key, source in mine.sources.items():
        if key not in fresh:
            mine.extras.append(Extra(key, notebook.cells[mine.where[key]]))
            notes.append(f"{identity_of(key)} is gone from the chapter; your code is kept as an added cell")
            continue
        sources[key] = source
        if not same(before[key].source, fresh[key].source):
            changed.add(key)
            notes.append(f"{identity_of(key)} has changed; your code is kept: run its check again")
    shipped = {plain(cell.source) for cell in new.cells}
    extras = [extra for extra in mine.extras if not (extra.edited and plain(extra.cell.source) in shipped)]
    merged = splice(new, sources, relocate(extras, old, new))
    restore_outputs(merged, mine, before, changed)
    merged.metadata = NotebookNode(notebook.metadata | new.metadata)
    edited = sum(extra.edited for extra in extras)
    counts = {"answer": len(sources), "added cell": len(extras) - edited, "edited cell": edited}
    words = [f"{n} {what}{'s' * (n != 1)}" for what, n in counts.items() if n]
    return merged, [f"kept: {', '.join(words)}" if words else "nothing of yours was in it", *notes]


def restore_outputs(
    merged: NotebookNode, mine: Answers, before: dict[str, NotebookNode], changed: Iterable[str]
) -> None:
    """Give cells that the update left alone the outputs that the learner saw."""
    stale = {cell_id(identity_of(key), "check") for key in changed} | set(changed)
    for cell in merged.cells:
        if cell.id not in mine.outputs or cell.id in stale:
            continue
        if cell.id in mine.sources or same(cell.source, before[cell.id].source):
            cell.outputs, cell.execution_count = copy.deepcopy(mine.outputs[cell.id])


def reset(identity: str, chapters: Sequence[Chapter] | None = None, work: Path = WORK) -> list[str]:
    """Put the stub of one exercise back into the learner's notebook, and clear what its check said.

    Their code goes to work/backups/.
    """
    chapter, key = owner(identity, course.chapters() if chapters is None else chapters), cell_id(identity)
    mine, base = work / chapter.notebook.name, work / ".pristine" / chapter.notebook.name
    if not mine.exists():
        return [f"{identity}: {work.name}/{mine.name} does not exist yet; `./study lab` makes it"]
    try:
        notebook = files.read(mine)
    except files.Unreadable as error:
        return [f"{mine.name}: {error}. `./study update` sets it aside and puts a fresh copy in its place."]
    pristine = files.read(base if base.exists() else chapter.notebook)
    stub = next(cell for cell in pristine.cells if cell.id == key)
    found = answers_of(notebook, pristine, names_of(chapter))
    check = found.where.get(cell_id(identity, "check"))
    said = bool(check is not None and notebook.cells[check].outputs)
    if said:
        notebook.cells[check].outputs, notebook.cells[check].execution_count = [], None
    if key in found.where and key not in found.sources:
        if said:
            files.write(mine, files.dumps(notebook))
        return [f"{identity}: the cell is as it came" + (", what its check said is cleared" if said else "")]
    messages = []
    if key in found.where:
        cell = notebook.cells[found.where[key]]
        saved = unused(work / "backups" / f"{mine.stem}.{stamp()}.{key}.py")
        files.write(saved, (cell.source + "\n").encode("utf-8", "backslashreplace"))
        messages.append(
            f"{identity}: your code is saved as {work.name}/backups/{saved.name}; to have it back, copy it from there "
            "into the cell"
        )
        cell.source, cell.outputs, cell.execution_count = stub.source, [], None
    else:
        for cell in notebook.cells:  # markdown now, so it holds no answer
            cell.id = content_id("my", cell.source) if cell.id == key else cell.id
        ids = [cell.id for cell in pristine.cells]
        earlier = [found.where[i] for i in ids[: ids.index(key)] if i in found.where]
        notebook.cells.insert(earlier[-1] + 1 if earlier else 0, copy.deepcopy(stub))
    files.write(mine, files.dumps(notebook))
    return [*messages, f"{identity}: the empty exercise is back; if {mine.name} is open, reload it from disk"]


def owner(identity: str, chapters: Sequence[Chapter]) -> Chapter:
    """The chapter of an exercise. Raises course.UnknownExercise."""
    for chapter in chapters:
        if identity in chapter.exercises():
            return chapter
    return course.find(identity)[0]


def names_of(chapter: Chapter) -> dict[str, tuple[str, ...]]:
    """Exercise cell id -> the names its answer defines."""
    return {cell_id(identity): exercise.answers for identity, exercise in chapter.exercises().items()}


def backup(path: Path, work: Path, suffix: str = "") -> Path:
    """Copy a notebook into work/backups/ under its name and the time; returns where it is."""
    target = unused(work / "backups" / f"{path.stem}.{stamp()}{suffix}{path.suffix}")
    files.write(target, path.read_bytes())
    return target


def stamp() -> str:
    return datetime.now().strftime("%Y-%m-%d-%H%M%S")


def unused(path: Path) -> Path:
    """`path`, or with a number where that exists."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate
