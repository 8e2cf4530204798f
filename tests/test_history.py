"""Progress: an append-only log that survives damage, two writers and a folder that cannot be written."""

import sqlite3
import threading

import pytest

from utils import history


@pytest.fixture(autouse=True)
def own_file(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_PROGRESS", str(tmp_path / "work" / "progress.sqlite3"))
    monkeypatch.delenv("STUDY_EXPECT", raising=False)
    monkeypatch.delenv("STUDY_VERDICTS", raising=False)
    history._said.clear()


def verdict(exercise, status, **data):
    history.add(exercise, "verdict", status=status, **data)


def test_states_are_derived_from_events():
    verdict("01.1", "not_attempted")
    verdict("01.1", "failed")
    history.add("01.1", "hint", level=2)
    verdict("01.1", "passed", points=2)
    verdict("01.1", "failed")
    history.add("01.1", "reveal")
    state = history.state("01.1")
    assert (state.status, state.tries, state.hints, state.seen_solution, state.points) == ("passed", 3, 2, True, 2)
    assert history.state("01.2").status == "open"


def test_reset_opens_again_and_forgets_nothing():
    verdict("01.1", "passed", points=2, first={"a": 1})
    history.add("01.1", "reset")
    assert history.state("01.1").status == "open"
    assert history.state("01.1").first == {"a": 1}
    assert len(history.events("01.1")) == 2


def test_first_submitted_values_stay():
    verdict("01.1", "failed", first={"a": 1})
    verdict("01.1", "passed", first={"a": 2})
    assert history.state("01.1").first == {"a": 1}


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_damaged_file_is_set_aside(content, capsys):
    history.path().parent.mkdir(parents=True)
    history.path().write_bytes(content)
    verdict("01.1", "passed")
    kept = list(history.path().parent.glob("progress.damaged-*"))
    assert [k.read_bytes() for k in kept] == [content]
    assert history.state("01.1").status == "passed"
    assert "kept as" in capsys.readouterr().err


def test_another_programs_table_is_set_aside():
    history.path().parent.mkdir(parents=True)
    with sqlite3.connect(history.path()) as db:
        db.execute("CREATE TABLE events (something TEXT)")
    verdict("01.1", "passed")
    assert history.state("01.1").status == "passed"
    assert list(history.path().parent.glob("progress.damaged-*"))


def test_a_folder_that_cannot_be_written_is_said_once(monkeypatch, capsys, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("STUDY_PROGRESS", str(blocked / "work" / "progress.sqlite3"))
    verdict("01.1", "passed")
    verdict("01.1", "passed")
    assert capsys.readouterr().err.count("not saved") == 1


def test_two_notebooks_write_at_once():
    def write(name):
        for _ in range(50):
            verdict(name, "failed")

    writers = [threading.Thread(target=write, args=(f"01.{i}",)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {name: state.tries for name, state in history.states().items()} == {f"01.{i}": 50 for i in range(4)}


@pytest.mark.parametrize("variable", ["STUDY_EXPECT", "STUDY_VERDICTS"])
def test_ci_and_grading_write_no_progress(variable, monkeypatch):
    monkeypatch.setenv(variable, "passed")
    verdict("01.1", "passed")
    assert not history.path().exists()


def test_the_answers_that_passed_are_remembered_until_a_reset():
    verdict("01.1", "passed", answer="aa")
    verdict("01.1", "failed", answer="")
    verdict("01.1", "passed", answer="bb")
    assert history.state("01.1").passed == {"aa", "bb"}
    history.add("01.1", "reset")
    assert history.state("01.1").passed == set()
