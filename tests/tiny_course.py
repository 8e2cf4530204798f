"""A copy of the course with one tiny chapter, for the tests of utils/notebook."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbformat import NotebookNode

from utils import course, machine
from utils.notebook import files
from utils.notebook.build import build

TINY = Path(__file__).parent / "fixtures" / "tiny"


def tiny_course(folder: Path) -> Path:
    """A built course in `folder`/course: the tiny chapter with the real utils. Returns its root."""
    root = folder / "course"
    shutil.copytree(TINY, root, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(machine.ROOT / "utils", root / "utils", ignore=shutil.ignore_patterns("__pycache__"))
    assert build(chapters=course.chapters(root)) == []
    return root


def chapter_of(root: Path) -> course.Chapter:
    return course.chapters(root)[0]


def unsolved(root: Path) -> NotebookNode:
    return files.read(root / "chapters" / "90_tiny.ipynb")


def solved(root: Path) -> NotebookNode:
    return files.read(root / "build" / "solved" / "90_tiny.ipynb")


def cell(notebook: NotebookNode, identity: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == identity)
