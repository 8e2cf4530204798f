"""The commands: wrong words are one line and exit code 2; the lab's port; the test run's summary."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from utils import history, lab, suite
from utils.cli import main
from utils.machine import ROOT


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["frob"], "frob"),
        (["build", "--frob"], "--frob"),
        (["grade"], "FILES"),
        (["grade", "/no/such.ipynb"], "no such file: /no/such.ipynb"),
        (["reset", "99.99"], "There is no exercise '99.99'"),
        (["lab", "--port", "many"], "--port"),
        (["bench"], "./study bench --laptop"),
        (["bench", "--laptop", "--emulator"], "./study bench --laptop"),
    ],
)
def test_what_a_user_got_wrong_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert said.lower() in shown.err.lower() and shown.err.startswith("./study: ")
    assert shown.err.count("\n") == 1 and not shown.out


def test_a_bug_is_not_dressed_up_as_a_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "run", lambda fast, thorough: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["test"])


def test_reset_reopens_the_exercise_in_the_progress(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STUDY_PROGRESS", str(tmp_path / "progress.sqlite3"))
    monkeypatch.setattr("utils.notebook.workspace.reset", lambda id: [f"{id}: saved"])
    history.add("00.2", "verdict", status="passed", points=1)
    assert run("reset", "00.2") == 0
    assert history.state("00.2").status == "open"
    assert capsys.readouterr().out == "00.2: saved\n00.2: open again in your progress\n"


@pytest.mark.parametrize(("git", "said"), [(True, "`git pull`"), (False, "unpack the newer handout over this folder")])
def test_update_says_where_newer_chapters_come_from(
    git: bool, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").mkdir() if git else None
    monkeypatch.setattr("utils.machine.ROOT", tmp_path)
    monkeypatch.setattr("utils.notebook.workspace.update", lambda: [])
    assert run("update") == 0
    assert said in capsys.readouterr().out


# ./study lab


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What would have become JupyterLab."""
    calls: list[tuple] = []
    monkeypatch.setattr(os, "execve", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr("utils.notebook.workspace.sync", lambda: ["copied"])
    return calls


@pytest.fixture
def taken() -> Callable[[], int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_named_and_nothing_is_started(
    started: list, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("lab", "--port", str(taken)) == 2
    assert f"port {taken} is taken" in capsys.readouterr().err and not started


def test_the_next_free_port_is_taken_and_said(
    started: list, taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "PORT", taken)
    assert run("lab", "--no-browser") == 0
    program, line, environment = started[0]
    port = int(next(word for word in line if "port=" in word).rpartition("=")[2])
    assert program == sys.executable and port != taken and lab.free(port)
    assert f"Port {taken} is taken" in capsys.readouterr().out
    assert "--no-browser" in line and f"--ServerApp.root_dir={ROOT}" in line
    assert "--LabApp.default_url=/lab/tree/work/00_start_here.ipynb" in line
    assert environment["JUPYTER_CONFIG_PATH"].startswith(str(ROOT / "utils/jupyter"))


def test_the_labs_settings_are_found_by_jupyterlab(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyterlab_server.settings_utils import _get_overrides

    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(lab.SETTINGS))
    overrides, problem = _get_overrides("")
    assert not problem
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


# ./study test


def test_a_failed_step_does_not_stop_the_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [
        suite.Step("bad", lambda: suite.Counts(failed=1)),
        suite.Step("good", lambda: suite.Counts(passed=5, skipped=2)),
    ]
    monkeypatch.setattr(suite, "steps", lambda fast: steps)
    assert run("test") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 1 failed, 2 skipped"


def test_a_run_of_nothing_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "steps", lambda fast: [])
    assert run("test") == 1


def test_fast_leaves_the_notebooks_out() -> None:
    assert {step.name for step in suite.steps(False)} - {step.name for step in suite.steps(True)} == {
        "solved chapters",
        "chapters as shipped",
    }


def test_junit_counts(tmp_path: Path) -> None:
    xml = tmp_path / "junit.xml"
    xml.write_text('<testsuites><testsuite name="pytest" tests="9" failures="2" errors="1" skipped="3"/></testsuites>')
    assert suite.read_junit(xml) == suite.Counts(passed=3, failed=3, skipped=3)


def test_a_pytest_that_collects_nothing_counts_as_failed(tmp_path: Path) -> None:
    assert suite.pytest("-p", "no:cacheprovider", tmp_path) == suite.Counts(failed=1)


def test_a_folder_without_notebooks_counts_as_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    assert suite.pytest(tmp_path / "build", expect="passed") == suite.Counts(failed=1)
