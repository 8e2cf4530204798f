"""`./study build`: every chapter's source becomes the notebook learners open and, solved, the one CI runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from .. import course
from ..course import Chapter
from . import files
from .leak import leaks, notebook_texts
from .lint import problems_of
from .source import BadChapter, identity_of, is_exercise, solved
from .splice import splice
from .stub import BadCell, stub


def build(check: bool = False, chapters: Sequence[Chapter] | None = None) -> list[str]:
    """Write chapters/*.ipynb and build/solved/*.ipynb; returns what is wrong, one sentence each.

    check: write nothing in chapters/, and call a notebook there that a build would change a problem.
    """
    problems: list[str] = []
    built: list[Path] = []
    for chapter in course.chapters() if chapters is None else chapters:
        if not (chapter.folder / "chapter.py").exists():  # a handout: its notebooks are all there is
            built.append(chapter.notebook)
            continue
        try:
            problems += build_one(chapter, check)
        except (BadChapter, BadCell, OSError) as error:
            problems.append(f"{chapter.folder.name}: {error}")
        built.append(chapter.notebook)
    for folder in {notebook.parent for notebook in built}:
        stale = set(folder.glob("*.ipynb")) - set(built)
        problems += [f"chapters/{path.name}: nothing in solutions/ makes it; delete it" for path in sorted(stale)]
    return problems


def build_one(chapter: Chapter, check: bool) -> list[str]:
    """Build one chapter; returns its problems. Raises BadChapter, BadCell, OSError."""
    full = solved(chapter)
    models = model_answers(full)
    plain = unsolved(full)
    again = splice(plain, models)
    if files.dumps(again) != files.dumps(full):
        raise BadChapter("putting the model answers back does not give the source")
    data = files.dumps(plain)
    problems = problems_of(chapter, full)
    if check and (not chapter.notebook.exists() or chapter.notebook.read_bytes() != data):
        problems.append(f"chapters/{chapter.notebook.name}: differs from its source; run ./study build")
    elif not check:
        files.write(chapter.notebook, data)
    files.write(solved_path(chapter), files.dumps(again))
    shipped = files.raw(chapter.notebook) if chapter.notebook.exists() else data.decode()
    texts = notebook_texts(f"chapters/{chapter.notebook.name}", shipped)
    return problems + leaks(texts, {identity_of(cell_id): source for cell_id, source in models.items()})


def unsolved(full: NotebookNode) -> NotebookNode:
    """The notebook that learners open: every exercise cell is its stub."""
    stubs = {}
    for cell in filter(is_exercise, full.cells):
        try:
            stubs[cell.id] = stub(cell.source)
        except BadCell as error:
            raise BadCell(f"cell {cell.id}: {error}") from error
    return splice(full, stubs)


def model_answers(full: NotebookNode) -> dict[str, str]:
    """Exercise cell id -> model answer, of a solved notebook."""
    return {cell.id: cell.source for cell in full.cells if is_exercise(cell)}


def solved_path(chapter: Chapter) -> Path:
    """Where the solved notebook goes: build/solved/ of the course that holds the chapter."""
    return chapter.folder.parent.parent / "build" / "solved" / chapter.notebook.name
