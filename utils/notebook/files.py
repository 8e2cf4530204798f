"""Reading and writing notebook files: tolerant of what learners hand in, never leaving half a file behind."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from pathlib import Path

import nbformat
from nbformat import NotebookNode

MOST_MEGABYTES = 500
CELL_TYPES = ("code", "markdown", "raw")


class Unreadable(Exception):
    """A file that is no notebook; the message says why, in a sentence a learner understands."""


class Refused(Unreadable):
    """A file that may well be a notebook, but cannot be opened here."""


def read(path: Path) -> NotebookNode:
    """The notebook at `path` as nbformat 4, whatever nbformat 3 or 4 wrote it. Raises Unreadable."""
    return loads(raw(path))


def raw(path: Path) -> str:
    """The text of the file at `path`. Raises Refused if it cannot be read, Unreadable if it is no text."""
    try:
        if path.stat().st_size > MOST_MEGABYTES * 10**6:
            raise Refused(f"larger than {MOST_MEGABYTES} MB: clear its outputs and save it again")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 text (byte {error.start:,}): save it again from JupyterLab") from error
    except OSError as error:
        raise Refused(f"cannot be read: {error.strerror or error}") from error


def loads(text: str) -> NotebookNode:
    """The notebook that `text` holds, every cell with a source, metadata and an id. Raises Unreadable."""
    if not text.strip():
        raise Unreadable("the file is empty")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not a notebook: it is not JSON ({error})") from error
    major = data.get("nbformat") if isinstance(data, dict) else None
    if not isinstance(major, int):
        raise Unreadable("not a notebook: it is JSON without `nbformat`")
    if major not in (3, 4):
        raise Unreadable(f"written in notebook format {major}; formats 3 and 4 can be read")
    try:
        notebook = upgraded(text) if major == 3 else nbformat.from_dict(data)
        notebook.cells = [normal(cell, number) for number, cell in enumerate(notebook.cells)]
    except Exception as error:  # nbformat's converters raise whatever a malformed cell makes them raise
        raise Unreadable(f"a damaged notebook ({type(error).__name__}: {error})") from error
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    if not isinstance(notebook.get("metadata"), dict):
        notebook.metadata = NotebookNode()
    return notebook


def upgraded(text: str) -> NotebookNode:
    """A format 3 notebook (worksheets, `input`) in format 4."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nbformat.reads(text, as_version=4)


def normal(cell: NotebookNode, number: int) -> NotebookNode:
    """`cell` with the fields that every cell of format 4.5 has."""
    if cell["cell_type"] not in CELL_TYPES:
        raise ValueError(f"cell {number + 1} is of the unknown type {cell['cell_type']!r}")
    source = cell.get("source", "")
    cell.source = source if isinstance(source, str) else "".join(source)
    if not isinstance(cell.get("metadata"), dict):
        cell.metadata = NotebookNode()
    if not isinstance(cell.get("id"), str) or not cell.id:
        cell.id = f"unnamed-{number + 1}"
    if cell.cell_type == "code":
        outputs = cell.get("outputs")
        cell.outputs = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
        cell.setdefault("execution_count", None)
    return cell


def dumps(notebook: NotebookNode) -> bytes:
    """The bytes a notebook is stored as: the same notebook always gives the same bytes."""
    return (nbformat.v4.writes(notebook) + "\n").encode("utf-8", "backslashreplace")


def write(path: Path, data: bytes) -> None:
    """Put `data` into the file at `path`: all of it, or (full disk, power cut) the old content stays."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
