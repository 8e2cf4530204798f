"""Grading: one notebook in, one report out. The learner's cells run in the pristine chapter, in a clean process."""

from __future__ import annotations

import ast
import operator
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from .. import course
from ..course import Chapter, cell_id
from ..judge.exercise import Exercise, Predict
from ..judge.verdict import MIME
from . import files
from .run import Cell, Ending, Limits, run_cells
from .source import first_line
from .splice import COURSE_ID, Answers, answers_of, splice
from .stub import BadCell, assigned, title
from .workspace import names_of


@dataclass(frozen=True)
class Result:
    """One exercise. status: the verdict's, or "not_reached".  reason: what kept its check from a verdict."""

    exercise: str
    title: str
    status: str
    points: float
    max_points: float
    diagnosis: str = ""
    reason: str = ""
    text: str = ""
    html: str = ""


@dataclass
class Report:
    """One submission. problem: why it could not be graded, else "".  notes: what a teacher should know."""

    file: str
    chapter: str = ""
    problem: str = ""
    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def points(self) -> float:
        return sum(result.points for result in self.results)

    @property
    def max_points(self) -> float:
        return sum(result.max_points for result in self.results)

    def count(self, *statuses: str) -> int:
        return sum(result.status in statuses for result in self.results)

    def record(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self) | {"points": self.points, "max_points": self.max_points}


def grade(path: Path, limits: Limits | None = None, chapters: Sequence[Chapter] | None = None) -> Report:
    """Grade the notebook at `path`; never raises for what is in it."""
    report, start = Report(str(path)), time.monotonic()
    try:
        notebook = files.read(path)
    except files.Unreadable as error:
        report.problem = str(error)
        return report
    candidates = list(course.chapters() if chapters is None else chapters)
    chapter = chapter_of(path, notebook, candidates)
    if chapter is None:
        known = ", ".join(chapter.name for chapter in candidates)
        report.problem = f"neither its name nor its cells belong to a chapter ({known})"
        return report
    report.chapter = chapter.name
    try:
        pristine = files.read(chapter.notebook)
    except files.Unreadable as error:
        report.problem = f"chapters/{chapter.notebook.name} of the course: {error}; run ./study build"
        return report
    mine = answers_of(notebook, pristine, names_of(chapter))
    sources, said = with_first_predictions(notebook, mine, chapter)
    runnable = [extra for extra in mine.extras if extra.cell.cell_type == "code"]
    spliced = splice(pristine, sources, runnable)
    cells = [to_run(cell) for cell in spliced.cells if cell.cell_type == "code" and cell.source.strip()]
    endings = run_cells(cells, chapter.folder.parent.parent, limits or Limits())
    for identity, exercise in chapter.exercises().items():
        answer, check = endings.get(cell_id(identity)), endings.get(cell_id(identity, "check"))
        report.results.append(result(exercise, answer, check))
    report.notes = said + failures(spliced, endings)
    report.seconds = round(time.monotonic() - start, 1)
    return report


def chapter_of(path: Path, notebook: NotebookNode, chapters: Sequence[Chapter]) -> Chapter | None:
    """The chapter of a submission: the one whose exercise cells it has; its name decides where that does not."""

    def score(chapter: Chapter) -> tuple[int, bool]:
        exercises = chapter.exercises()
        ids = {cell_id(identity, kind) for identity in exercises for kind in ("ex", "check")}
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        titles = [title(cell.source) for cell in cells]
        own = sum(cell.id in ids for cell in cells)
        own += sum(named is not None and named[1] in exercises for named in titles)
        return own, chapter.name in path.name

    best = max(chapters, key=score, default=None)
    return best if best is not None and any(score(best)) else None


def to_run(cell: NotebookNode) -> Cell:
    """A check gets the course's own `check`, whatever the learner called by that name; it need not run twice."""
    if cell.id.startswith("check-"):
        return Cell(cell.id, f"from utils import check\n{cell.source}", again=False)
    return Cell(cell.id, cell.source)


def with_first_predictions(notebook: NotebookNode, mine: Answers, chapter: Chapter) -> tuple[dict[str, str], list[str]]:
    """(the learner's sources with the predictions they submitted first, notes on those that differ)."""
    sources, notes = dict(mine.sources), []
    exercises = chapter.exercises()
    for identity, values in first_predictions(notebook).items():
        exercise = exercises.get(identity)
        if not isinstance(exercise, Predict):
            continue
        kept = {name: values[name] for name in exercise.answers if values.get(name) is not None}
        lines = [f"{name} = {value!r}" for name, value in kept.items()]
        if kept and values_of(sources.get(cell_id(identity), "")) != values_of("\n".join(lines)):
            sources[cell_id(identity)] = "\n".join([f"# Predict {identity}", *lines])
            notes.append(f"{identity}: the values submitted first count ({', '.join(lines)})")
    return sources, notes


def values_of(source: str) -> dict[str, Any]:
    """What a cell assigns, {name: value}: plain values and arithmetic on numbers; for anything else its text."""
    values: dict[str, Any] = {}
    with suppress(BadCell):
        for name, text in assigned(source).items():
            values[name] = text
            with suppress(ValueError, SyntaxError, ArithmeticError, RecursionError):
                values[name] = evaluate(ast.parse(text, mode="eval").body, values)
    return {name: float(f"{v:.12g}") if isinstance(v, float) else v for name, v in values.items()}


def evaluate(node: ast.expr, values: dict[str, Any]) -> Any:
    """The value of an expression of numbers (as floats, so that no power is too long) or of a literal."""
    operations = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
                  ast.Mod: "mod", ast.Pow: "pow"}  # fmt: skip
    if isinstance(node, ast.BinOp) and type(node.op) in operations:
        left, right = evaluate(node.left, values), evaluate(node.right, values)
        if isinstance(left, float) and isinstance(right, float):
            return getattr(operator, operations[type(node.op)])(left, right)
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    value = ast.literal_eval(node)
    return float(value) if type(value) in (int, float) else value


def first_predictions(notebook: NotebookNode) -> dict[str, dict[str, Any]]:
    """{exercise: {name: value}} from the verdicts that the saved outputs hold."""
    found: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data")
            verdict = data.get(MIME) if isinstance(data, dict) else None
            if isinstance(verdict, dict) and isinstance(verdict.get("first"), dict) and verdict["first"]:
                found.setdefault(str(verdict.get("exercise")), verdict["first"])
    return found


def result(exercise: Exercise, answer: Ending | None, check: Ending | None) -> Result:
    """What an exercise is worth, from how its cell and its check ended."""
    trouble = answer.reason if answer and answer.kind != "ran" else ""
    verdicts = [v for v in (check.verdicts if check else []) if v.get("exercise") == exercise.id]
    verdict = verdicts[-1] if verdicts else None
    if verdict and (verdict["status"] == "passed" or not trouble):
        points = min(max(float(verdict["points"]), 0.0), float(exercise.points))
        reason = f"its cell {trouble}" if trouble else ""
        return Result(exercise.id, exercise.title, verdict["status"], points, exercise.points,
                      verdict["diagnosis"], reason, verdict["text"], verdict["html"])  # fmt: skip
    if trouble and answer and answer.kind != "not run":
        return Result(exercise.id, exercise.title, "error", 0, exercise.points, reason=f"its cell {trouble}")
    if check and check.kind not in ("ran", "not run"):
        return Result(exercise.id, exercise.title, "error", 0, exercise.points, reason=f"its check {check.reason}")
    ended = trouble or (check.reason if check else "") or "its check gave no verdict"
    return Result(exercise.id, exercise.title, "not_reached", 0, exercise.points, reason=ended)


def failures(spliced: NotebookNode, endings: dict[str, Ending]) -> list[str]:
    """Sentences on cells, other than answers and checks, that did not run to their end."""
    notes = []
    for cell in spliced.cells:
        ended = endings.get(cell.id)
        if ended is None or ended.kind == "ran" or cell.id.startswith(("ex-", "check-")):
            continue
        whose = "a course cell" if COURSE_ID.match(cell.id) else "a cell the learner added"
        notes.append(f"{whose} (`{first_line(cell)}`) {ended.reason}")
    return notes
