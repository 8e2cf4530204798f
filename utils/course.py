"""The chapters on disk and the exercises they declare. Knows where things are, not what they mean."""

from __future__ import annotations

import ast
import base64
import difflib
import importlib.util
import json
import re
import sys
import types
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import machine
from .judge.attempts import Attempt
from .judge.exercise import Exercise

EXERCISE_ID = re.compile(r"^\d\d\.\d+$")


class UnknownExercise(KeyError):
    """No such exercise id; the message names the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


class NoSolutions(RuntimeError):
    """This copy of the course came without model answers (a handout)."""


@dataclass(frozen=True)
class Chapter:
    """folder: solutions/NN_slug.  notebook: chapters/NN_slug.ipynb, what learners get."""

    number: str
    slug: str
    folder: Path
    notebook: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        return self.slug.replace("_", " ").capitalize()

    def exercises(self) -> dict[str, Exercise]:
        """By id, in the chapter's order; from checks.py, or from its sealed form in a handout."""
        return {e.id: e for e in _module(self.folder, "checks").EXERCISES}

    def attempts(self) -> list[Attempt]:
        """The wrong and unusual right answers that test the checks (not in a handout)."""
        return list(_module(self.folder, "mistakes").ATTEMPTS)


def chapters(root: Path = machine.ROOT) -> list[Chapter]:
    """Every folder solutions/NN_slug that declares checks, in order."""
    found = []
    for folder in sorted((root / "solutions").glob("[0-9][0-9]_*")):
        if (folder / "checks.py").exists() or (folder / "checks.sealed").exists():
            number, _, slug = folder.name.partition("_")
            found.append(Chapter(number, slug, folder, root / "chapters" / f"{folder.name}.ipynb"))
    return found


def find(exercise_id: str) -> tuple[Chapter, Exercise]:
    """The chapter and exercise of an id such as "01.4"; raises UnknownExercise."""
    wanted = str(exercise_id).strip()
    if not wanted:
        has = (f"chapter {chapter.number} has {' to '.join(_ends(chapter))}" for chapter in chapters())
        raise UnknownExercise(f'Say which exercise, as in `check("01.3")`: {", ".join(has)}.')
    for chapter in chapters():
        if wanted.startswith(f"{chapter.number}.") and wanted in (exercises := chapter.exercises()):
            return chapter, exercises[wanted]
    known = [id for chapter in chapters() for id in chapter.exercises()]
    near = difflib.get_close_matches(_normal(wanted), known, n=3, cutoff=0.5)
    hint = f" Did you mean {', '.join(near)}?" if near else f" There are {known[0]} to {known[-1]}." if known else ""
    raise UnknownExercise(f"There is no exercise {wanted!r}.{hint}")


def _ends(chapter: Chapter) -> list[str]:
    """The ids of a chapter's first and last exercise."""
    ids = list(chapter.exercises())
    return list(dict.fromkeys([*ids[:1], *ids[-1:]]))


def _normal(text: str) -> str:
    """ "1.4", "01-4" and "ex 1.4" read as "01.4"."""
    match = re.search(r"(\d+)\D+(\d+)", text)
    return f"{int(match[1]):02d}.{int(match[2])}" if match else text


def has_solutions() -> bool:
    """Whether this copy has model answers (a handout has none)."""
    return any((chapter.folder / "chapter.py").exists() for chapter in chapters())


def cell_id(exercise_id: str, kind: str = "ex") -> str:
    """Notebook cell id: "ex-01-4" (ids allow no dot)."""
    return f"{kind}-{exercise_id.replace('.', '-')}"


def stub(exercise_id: str) -> str:
    """The exercise cell as shipped, before anything is written in it; raises UnknownExercise."""
    chapter, _ = find(exercise_id)
    return _sources(chapter.notebook, chapter.notebook.stat().st_mtime_ns)[cell_id(exercise_id)]


def saved(exercise_id: str, work: Path = machine.ROOT / "work") -> str:
    """The exercise cell in the learner's copy of the chapter, as last saved; "" if there is none."""
    chapter, _ = find(exercise_id)
    file = work / chapter.notebook.name
    with suppress(OSError, ValueError, KeyError):
        return _sources(file, file.stat().st_mtime_ns).get(cell_id(exercise_id), "")
    return ""


def is_stub(source: str, shipped: str, names: tuple[str, ...]) -> bool:
    """Whether the definitions of `names` in `source` are those of the shipped cell (comments aside)."""
    try:
        mine, theirs = definitions(source), definitions(shipped)
    except SyntaxError:
        return False
    return all(name in mine and mine[name] == theirs.get(name) for name in names)


def definitions(source: str) -> dict[str, str]:
    """Top-level functions and assignments of a cell, each as a normal form of its syntax tree."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = ast.dump(node)
        elif isinstance(node, ast.Assign):
            found |= {t.id: ast.dump(node.value) for t in node.targets if isinstance(t, ast.Name)}
    return found


def model(exercise_id: str) -> str:
    """The model answer's whole cell, markers removed; raises NoSolutions in a handout."""
    chapter, _ = find(exercise_id)
    path = chapter.folder / "chapter.py"
    if not path.exists():
        raise NoSolutions("This copy of the course came without model answers: ask your teacher.")
    title = re.compile(rf"^# (Exercise|Predict) {re.escape(exercise_id)}$", re.MULTILINE)
    for cell in re.split(r"^# %%.*\n", path.read_text(), flags=re.MULTILINE):
        if title.search(cell):
            lines = [line for line in cell.strip().splitlines() if "### BEGIN SOLUTION" not in line]
            return "\n".join(line for line in lines if "### END SOLUTION" not in line) + "\n"
    raise UnknownExercise(f"{path} has no cell for {exercise_id}.")


def setup_cell(chapter: Chapter) -> str:
    """Source of the chapter's setup cells: the imports of all exercises, and what a later section adds for its own."""
    cells = json.loads(chapter.notebook.read_text())["cells"]
    return "\n".join(_text(cell) for cell in cells if "setup" in cell["metadata"].get("tags", []))


def prelude(chapter: Chapter, exercise_id: str) -> str:
    """What comes before an answer that is run by itself: the setup cells, and the model answers that it may call."""
    uses = chapter.exercises()[exercise_id].uses
    return "\n".join([setup_cell(chapter), *map(model, uses)])


@cache
def _sources(notebook: Path, _modified: int) -> dict[str, str]:
    return {cell["id"]: _text(cell) for cell in json.loads(notebook.read_text())["cells"]}


def _text(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


@cache
def _module(folder: Path, name: str) -> types.ModuleType:
    """solutions/NN_slug/NAME.py as a module; NAME.sealed (zlib, base64) where a handout has that instead."""
    path, sealed = folder / f"{name}.py", folder / f"{name}.sealed"
    full_name = f"solutions_{folder.name}_{name}"
    if path.exists():
        spec = importlib.util.spec_from_file_location(full_name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[full_name] = module
        spec.loader.exec_module(module)
        return module
    if not sealed.exists():
        raise NoSolutions(f"This copy of the course came without {path.name} of chapter {folder.name}.")
    module = types.ModuleType(full_name)
    sys.modules[full_name] = module
    exec(zlib.decompress(base64.b64decode(sealed.read_bytes())), module.__dict__)
    return module
