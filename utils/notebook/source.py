"""chapter.py (jupytext percent, solved) -> the solved notebook, with stable ids and the cards filled in."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from ..course import Chapter, cell_id
from ..judge.exercise import Exercise, Predict
from .questions import question_cells
from .stub import title

PERCENT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
CARD = re.compile(r"^\{\{card (\d\d\.\d+)\}\}[ \t]*$", re.MULTILINE)
QUESTIONS = re.compile(r"^\{\{questions\}\}[ \t]*$", re.MULTILINE)
CHECK = re.compile(r"""^check\(["'](\d\d\.\d+)["']\)$""")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class BadChapter(Exception):
    """A chapter that cannot be built; the message names the chapter and the cell."""


def solved(chapter: Chapter) -> NotebookNode:
    """The chapter as it is written, answers included. Raises BadChapter."""
    text = (chapter.folder / "chapter.py").read_text(encoding="utf-8")
    questions = chapter.folder / "questions.md"
    try:
        exercises = chapter.exercises()
    except Exception as error:  # checks.py is code: it raises what it likes
        raise BadChapter(f"checks.py cannot be loaded ({type(error).__name__}: {error})") from error
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in jupytext.reads(text, PERCENT).cells:
        if cell.cell_type == "markdown":
            source = CARD.sub(lambda found: card(exercises, found[1]), cell.source)
            notebook.cells += asked(source, questions)
        else:
            tags = cell.metadata.get("tags", [])
            metadata = {"tags": tags} if tags else {}
            notebook.cells.append(nbformat.v4.new_code_cell(cell.source, metadata=metadata))
    identify(notebook)
    nbformat.validate(notebook)
    return notebook


def card(exercises: Mapping[str, Exercise], identity: str) -> str:
    """The heading of an exercise: its title, and how hard, how long and how large it is."""
    if identity not in exercises:
        raise BadChapter(f"{{{{card {identity}}}}}: checks.py declares no such exercise")
    exercise = exercises[identity]
    if isinstance(exercise, Predict):
        return f"### Predict {identity} · {exercise.title}\n{exercise.minutes} min\n"
    facts = ["●" * exercise.dots + "○" * (3 - exercise.dots), f"{exercise.minutes} min"]
    if exercise.size:
        facts.append(f"about {exercise.size}")
    return f"### Exercise {identity} · {exercise.title}\n{' · '.join(facts)}\n"


def asked(source: str, questions: Path) -> list[NotebookNode]:
    """The markdown cell of `source`, or, where it says {{questions}}, that cell and one for each question."""
    before, *after = QUESTIONS.split(source)
    if not after:
        return [nbformat.v4.new_markdown_cell(source)]
    texts = question_cells(questions.read_text(encoding="utf-8")) if questions.exists() else []
    return [nbformat.v4.new_markdown_cell(text.strip()) for text in [before, *texts, *after] if text.strip()]


def identify(notebook: NotebookNode) -> None:
    """Give every cell its id: ex-01-3, check-01-3, and for the rest one made of the source."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "exercise" in tags:
            named = title(cell.source)
            if named is None:
                raise BadChapter(f"an exercise cell begins with `# Exercise CC.N`, not {first_line(cell)}")
            cell.id = cell_id(named[1])
        elif "check" in tags:
            found = CHECK.match(cell.source.strip())
            if found is None:
                raise BadChapter(f'a check cell holds `check("CC.N")` alone: {first_line(cell)}')
            cell.id = cell_id(found[1], "check")
        else:
            cell.id = content_id("kc", cell.source)
        seen[cell.id] += 1
        if seen[cell.id] > 1:
            if not cell.id.startswith("kc-"):
                raise BadChapter(f"two cells are {cell.id}")
            cell.id = f"{cell.id}-{seen[cell.id]}"


def identity_of(cell: str) -> str:
    """The exercise of a cell id: "01.3" for "ex-01-3" and "check-01-3"."""
    return ".".join(cell.split("-")[1:])


def content_id(prefix: str, source: str) -> str:
    """An id that a source always gets, so that a build changes no byte without a change of the source."""
    return f"{prefix}-{hashlib.sha1(source.encode('utf-8', 'replace')).hexdigest()[:8]}"


def first_line(cell: NotebookNode) -> str:
    return cell.source.strip().split("\n", 1)[0][:80]


def is_exercise(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and cell.id.startswith("ex-")
