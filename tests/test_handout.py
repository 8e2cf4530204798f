"""The students' copy: no answer in it, and its checks work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_course import cell, solved, tiny_course

from utils import course
from utils.machine import ROOT
from utils.notebook import files
from utils.notebook.build import build
from utils.notebook.grade import grade
from utils.notebook.handout import Refused, for_students, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tiny_course(tmp_path)
    for name in (
        "tests/test_a.py",
        "solutions/kernels/k.py",
        "solutions/90_tiny/bench.py",
        ".ci/run",
        "work/90_tiny.ipynb",
        "solutions/recorded/h.json",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    (root / "study").chmod(0o755)
    return root


def names(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith("utils/")}


def test_a_handout_has_everything_but_the_answers(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (message,) = write(folder, root)
    assert "no model answer" in message
    assert names(folder) == {
        ".handout", "README.md", "study", "chapters/90_tiny.ipynb", "solutions/90_tiny/checks.sealed",
        "solutions/90_tiny/questions.md", "solutions/recorded/h.json",
    }  # fmt: skip
    assert (folder / "README.md").read_text().startswith("> This is the students' copy")
    assert (folder / "study").stat().st_mode & 0o111
    assert "binary16" not in (folder / "solutions/90_tiny/checks.sealed").read_text()
    assert (folder / "utils" / "judge" / "run.py").exists()


def test_its_checks_and_its_grading_work(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "out", root)
    (chapter,) = course.chapters(tmp_path / "out")
    notebook = solved(root)
    cell(notebook, "ex-90-2").source = "# Exercise 90.2\ndef double(x):\n    return -2 * x"
    files.write(tmp_path / "90_tiny.ipynb", files.dumps(notebook))
    report = grade(tmp_path / "90_tiny.ipynb", chapters=[chapter])
    assert [result.status for result in report.results] == ["passed", "failed", "passed"]
    assert build(True, [chapter]) == []
    code = "from utils import course; course.model('90.2')"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True)
    assert "NoSolutions" in run.stderr


def test_it_replaces_an_earlier_handout_and_nothing_else(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write(folder, root)
    (folder / "notes.txt").write_text("the teacher's")
    (root / "solutions" / "recorded" / "h.json").unlink()
    write(folder, root)
    assert "notes.txt" in names(folder) and "solutions/recorded/h.json" not in names(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused, match="not empty"):
        write(other, root)
    assert names(other) == {"thesis.txt"}


def test_an_answer_anywhere_refuses_the_handout(root: Path, tmp_path: Path) -> None:
    answer = "best = float(x[0])\nfor value in x[1:]:\n    best = max(best, float(value))\n"
    (root / "utils" / "shown.py").write_text(answer)
    with pytest.raises(Refused, match="utils/shown.py: shows the answer of 90.3"):
        write(tmp_path / "out", root)
    assert names(tmp_path / "out") == set()


def test_with_git_only_tracked_files_are_handed_out(root: Path, tmp_path: Path) -> None:
    (root / "grades.csv").write_text("anna,4")
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "README.md", "study", "chapters", "solutions", "utils", "tests"], check=True)
    write(tmp_path / "out", root)
    assert "grades.csv" not in names(tmp_path / "out") and "study" in names(tmp_path / "out")
    assert not any(name.startswith(("tests", ".git")) for name in names(tmp_path / "out"))


def test_the_students_readme_says_only_what_is_there() -> None:
    text = for_students((ROOT / "README.md").read_text())
    for gone in ("tests/", "mistakes.py", "chapter.py", "checks.py", "./study test", "./study build", "git pull"):
        assert gone not in text
    assert "./study lab" in text and "checks.sealed" in text and "newer handout" in text and "\n\n\n" not in text


def test_its_study_offers_only_what_works_there(tmp_path: Path) -> None:
    shutil.copy(ROOT / "study", tmp_path)
    (tmp_path / ".handout").write_text("")

    def study(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([tmp_path / "study", *arguments], capture_output=True, text=True)

    shown = study().stdout
    assert all(f"./study {word}" in shown for word in ("lab", "grade", "doctor", "reset", "update"))
    for word in ("test", "build", "handout"):
        assert f"./study {word}" not in shown
        asked = study(word)
        assert asked.returncode == 2 and "needs the teacher's copy" in asked.stderr and asked.stderr.count("\n") == 1


def test_its_last_hint_sends_to_no_model_answer(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "out", root)
    code = "from utils import hint; hint('90.2'); hint('90.2')"
    environment = os.environ | {"STUDY_PROGRESS": str(tmp_path / "progress.sqlite3")}
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "out", env=environment, capture_output=True, text=True
    )
    assert "Ask your teacher" in shown.stdout and "reveal" not in shown.stdout, shown.stderr
