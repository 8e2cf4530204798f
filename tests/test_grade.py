"""Grading: whatever a submission does, it gets a report, and the next one too."""

from __future__ import annotations

import io
import json
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from rich.console import Console
from tiny_course import cell, chapter_of, solved, tiny_course, unsolved

from utils import course
from utils.judge.verdict import MIME
from utils.notebook import files
from utils.notebook.grade import Report, grade
from utils.notebook.report import grade_files, page
from utils.notebook.run import Limits

PLENTY = Limits(cell_seconds=20, total_seconds=60, memory_gb=2)
QUICK = Limits(cell_seconds=1.5, total_seconds=60, memory_gb=2)  # for cells that never end
DOUBLE = "# Exercise 90.2\ndef double(x):\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_course(tmp_path_factory.mktemp("grade"))


def graded(root: Path, notebook: NotebookNode, name: str = "90_tiny.ipynb", limits: Limits = PLENTY) -> Report:
    path = root / "submissions" / name
    files.write(path, files.dumps(notebook))
    report = grade(path, limits, course.chapters(root))
    assert not (root / "work").exists()
    return report


def statuses(report: Report) -> dict[str, str]:
    assert report.problem == ""
    return {result.exercise: result.status for result in report.results}


def with_answers(root: Path, **sources: str) -> NotebookNode:
    """The solved notebook with other sources in some cells (ex_90_2="...")."""
    notebook = solved(root)
    for identity, source in sources.items():
        cell(notebook, identity.replace("_", "-")).source = source
    return notebook


def test_the_solved_notebook_gets_every_point(root: Path) -> None:
    report = graded(root, solved(root), "anna (1).ipynb")
    assert statuses(report) == {"90.1": "passed", "90.2": "passed", "90.3": "passed"}
    assert (report.points, report.max_points, report.chapter, report.notes) == (4, 4, "90_tiny", [])
    assert "90.2" in report.results[1].html


def test_the_notebook_as_shipped_gets_none(root: Path) -> None:
    report = graded(root, unsolved(root))
    assert set(statuses(report).values()) == {"not_attempted"}
    assert (report.points, report.notes) == (0, [])


def test_a_wrong_answer_is_diagnosed(root: Path) -> None:
    report = graded(root, with_answers(root, ex_90_2=DOUBLE + "    return -2 * x"))
    assert statuses(report) == {"90.1": "passed", "90.2": "failed", "90.3": "passed"}
    assert report.results[1].diagnosis == "sign"
    assert report.points == 3


HOSTILE = {
    "raises": ("x = 1\n1 / x\n1 / 0", "error", "raised ZeroDivisionError: division by zero\nline 4: 1 / 0"),
    "syntax": ("def double(x)\n    return", "error", "raised SyntaxError"),
    "exits": ("import sys\nsys.exit(3)", "error", "raised SystemExit: 3"),
    "segfaults": ("import os\nos.kill(os.getpid(), 11)", "error", "crashed the Python process (SIGSEGV, line 3"),
    "leaves": ("import os\nos._exit(0)", "error", "ended the Python process (exit code 0)"),
    "loops": ("while True: pass", "error", "ran longer than 1.5 s\nline 2"),
    "hogs": ("keep = []\nwhile True:\n    keep.append(np.empty(10**8))", "error", "needed more than 2 GB\nline 4"),
    "floods": ("for i in range(10**5):\n    print('x' * 100)\nimport os\nos.write(1, b'y' * 10**6)\n"
               "def double(x):\n    return 2 * x", "passed", ""),
    "asks": ("name = input()", "error", "raised EOFError"),
    "recurses": ("def f():\n    f()\nf()", "error", "raised RecursionError"),
    "calls itself check": ("check = ready = None\ndef double(x):\n    return x + x", "passed", ""),
    "uses magics": ("%matplotlib inline\n!ls\ndef double(x):\n    return x + x", "passed", ""),
    "times itself": ("def double(x):\n    while True: pass", "error", "its check ran longer than 1.5 s"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_cell_costs_only_its_own_exercise(root: Path, kind: str) -> None:
    code, status, reason = HOSTILE[kind]
    report = graded(root, with_answers(root, ex_90_2=f"# Exercise 90.2\n{code}"), limits=QUICK)
    assert statuses(report) == {"90.1": "passed", "90.2": status, "90.3": "passed"}
    assert reason in report.results[1].reason


def test_a_cell_that_cannot_be_interrupted_is_killed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.notebook.run.GRACE", 1.0)
    stubborn = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\nwhile True: pass"
    report = graded(root, with_answers(root, ex_90_2=f"# Exercise 90.2\n{stubborn}"), limits=QUICK)
    assert statuses(report)["90.3"] == "passed"
    assert report.results[1].reason == "its cell ran longer than 1.5 s and could not be interrupted"


def test_the_total_limit_leaves_the_rest_not_reached(root: Path) -> None:
    notebook = with_answers(root, ex_90_3="# Exercise 90.3\nimport time\ntime.sleep(60)")
    report = graded(root, notebook, limits=Limits(cell_seconds=60, total_seconds=5))
    assert statuses(report) == {"90.1": "passed", "90.2": "passed", "90.3": "not_reached"}
    assert "the 5 s were used up" in report.results[2].reason


def test_added_cells_and_edited_setup_run_in_their_place(root: Path) -> None:
    notebook = with_answers(root, ex_90_2=DOUBLE + "    return scale * x * int(math.sqrt(1))")
    notebook.cells[1].source += "\nimport math"
    notebook.cells.insert(2, new_code_cell("scale = np.float32(2)"))
    notebook.cells.append(new_code_cell("open('here.txt', 'w').write('x'); 1 / 0"))
    report = graded(root, notebook)
    assert report.points == 4
    assert ["a cell the learner added" in note and "division" in note for note in report.notes] == [True]
    assert not list(root.rglob("here.txt"))


def test_a_cell_that_fails_after_its_answer_still_counts(root: Path) -> None:
    report = graded(root, with_answers(root, ex_90_2=DOUBLE + "    return 2 * x\nassert False"))
    assert statuses(report)["90.2"] == "passed"
    assert report.results[1].reason.startswith("its cell raised AssertionError")


def test_only_a_check_cell_gives_a_verdict(root: Path) -> None:
    forged = {"exercise": "90.2", "status": "passed", "points": 99}
    code = f"import os\nopen(os.environ['STUDY_VERDICTS'], 'a').write({json.dumps(forged)!r} + '\\n')"
    report = graded(root, with_answers(root, ex_90_2=f"# Exercise 90.2\n{code}"))
    assert statuses(report)["90.2"] == "not_attempted"
    assert report.points == 3


def test_the_first_submitted_prediction_counts(root: Path) -> None:
    notebook = solved(root)

    def submit(bits: int) -> None:
        data = {MIME: {"exercise": "90.1", "first": {"bits": bits, "exponent": 5}}}
        cell(notebook, "check-90-1").outputs = [new_output("display_data", data=data)]

    submit(32)
    report = graded(root, notebook)
    assert report.notes == ["90.1: the values submitted first count (bits = 32, exponent = 5)"]
    assert report.results[0].points < report.results[0].max_points
    submit(16)
    cell(notebook, "ex-90-1").source = "# Predict 90.1\nbits = 2**3 * 2\nexponent = bits - 11"
    assert graded(root, notebook).notes == []


BROKEN = {
    "empty.ipynb": (b"", "the file is empty"),
    "text.ipynb": (b"hello", "not JSON"),
    "latin1.ipynb": ('{"cells": "ä"}'.encode("latin-1"), "not UTF-8"),
    "list.ipynb": (b"[1]", "JSON without `nbformat`"),
    "future.ipynb": (b'{"nbformat": 9, "cells": []}', "notebook format 9"),
    "cells.ipynb": (b'{"nbformat": 4, "nbformat_minor": 5, "cells": [3]}', "a damaged notebook"),
    "other.ipynb": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "neither its name"),
}


def test_a_bad_submission_spoils_no_other(root: Path, tmp_path: Path) -> None:
    for name, (data, _) in BROKEN.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / ".ipynb_checkpoints").mkdir()
    for folder in ("anna", "anna/.ipynb_checkpoints"):
        files.write(tmp_path / folder / "90_tiny.ipynb", files.dumps(solved(root)))
    screen = Console(file=io.StringIO(), width=200)
    html, data = tmp_path / "out" / "r.html", tmp_path / "out" / "r.json"
    paths = [tmp_path, tmp_path / "nowhere.ipynb"]
    assert grade_files(paths, html, data, PLENTY, course.chapters(root), screen) == 0
    rows = {Path(row["file"]).name: row for row in json.loads(data.read_text())}
    assert rows["90_tiny.ipynb"]["points"] == 4 and len(rows) == len(BROKEN) + 2
    for name, (_, problem) in BROKEN.items():
        assert problem in rows[name]["problem"]
    assert rows["nowhere.ipynb"]["problem"] == "no such file"
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "4/4" in text and "✓✓✓" in text and "not UTF-8" in text
    assert "prefers-color-scheme: dark" in html.read_text() and "90.3 Largest" in html.read_text()


def test_grading_only_broken_files_fails(tmp_path: Path, root: Path) -> None:
    (tmp_path / "a.ipynb").write_text("no")
    assert grade_files([tmp_path], chapters=course.chapters(root), console=Console(file=io.StringIO())) == 1


def test_old_formats_and_huge_outputs_are_graded(root: Path) -> None:
    notebook = solved(root)
    old = nbformat.convert(nbformat.reads(files.dumps(notebook), 4), 3)
    path = root / "submissions" / "homework.ipynb"
    path.write_text(nbformat.v3.writes_json(old))
    assert grade(path, PLENTY, course.chapters(root)).points == 4
    notebook.cells[1].outputs = [new_output("stream", name="stdout", text="x" * 30_000_000)]
    assert graded(root, notebook).points == 4


def test_a_report_runs_no_script_of_a_submission() -> None:
    report = Report("<script>1</script>", problem="<b>")
    assert "<script>" not in page([report]) and "default-src 'none'" in page([report])


def test_the_chapter_is_told_by_cells_before_names(root: Path) -> None:
    assert graded(root, solved(root), "02_memory.ipynb").chapter == chapter_of(root).name
