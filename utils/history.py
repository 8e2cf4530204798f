"""What the learner has done, as a log of events in SQLite; everything shown is derived from it.

One table, appended to and never rewritten, so two notebooks may write at once (WAL) and a reset loses nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import machine

SCHEMA = """CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, exercise TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL)"""
_said: set[str] = set()


@dataclass
class State:
    """One exercise, as of now. status: "open", "failed", "error", "unjudged" or "passed" (once passed, stays).

    passed: marks of the answers that passed (see answers.fingerprint).
    """

    status: str = "open"
    tries: int = 0
    hints: int = 0
    seen_solution: bool = False
    first: dict[str, Any] = field(default_factory=dict)
    points: float = 0.0
    passed: set[str] = field(default_factory=set)


def path() -> Path:
    return Path(os.environ.get("STUDY_PROGRESS") or machine.ROOT / "work" / "progress.sqlite3")


def recording() -> bool:
    """CI and grading never write the learner's progress."""
    return not (os.environ.get("STUDY_EXPECT") or os.environ.get("STUDY_VERDICTS"))


def add(exercise: str, kind: str, **data: Any) -> None:
    """Append an event ("verdict", "hint", "reveal", "reset"). A folder that cannot be written is said once."""
    if not recording():
        return
    try:
        with _open() as db:
            db.execute("INSERT INTO events (time, exercise, kind, data) VALUES (?, ?, ?, ?)",
                       (time.time(), exercise, kind, json.dumps(data, default=str)))  # fmt: skip
    except (OSError, sqlite3.OperationalError) as problem:
        _say(f"Progress is not saved: {path()} cannot be written ({problem}). The verdict stands all the same.")


def events(exercise: str | None = None) -> list[tuple[float, str, str, dict[str, Any]]]:
    """(time, exercise, kind, data), oldest first."""
    if not path().exists():
        return []
    try:
        with _open() as db:
            rows = db.execute("SELECT time, exercise, kind, data FROM events ORDER BY id").fetchall()
    except (OSError, sqlite3.OperationalError) as problem:
        _say(f"Progress cannot be read: {problem}.")
        return []
    return [(t, e, k, json.loads(d)) for t, e, k, d in rows if exercise in (None, e)]


def states() -> dict[str, State]:
    """Each exercise that anything happened to."""
    found: dict[str, State] = {}
    for _, exercise, kind, data in events():
        state = found.setdefault(exercise, State())
        if kind == "reset":
            found[exercise] = State(first=state.first, hints=state.hints, seen_solution=state.seen_solution)
        elif kind == "hint":
            state.hints = max(state.hints, data["level"])
        elif kind == "reveal":
            state.seen_solution = True
        elif kind == "verdict" and data["status"] != "not_attempted":
            state.tries += 1
            state.first = state.first or data.get("first", {})
            if state.status != "passed":
                state.status = data["status"]
            if answer := data.get("answer"):
                state.passed.add(answer)
            state.points = max(state.points, data.get("points", 0.0))
    return found


def state(exercise: str) -> State:
    return states().get(exercise, State())


@contextmanager
def _open() -> Iterator[sqlite3.Connection]:
    """A connection with the table in place; a damaged file is set aside, never deleted."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        db = _connect(file)
    except sqlite3.DatabaseError as problem:
        if isinstance(problem, sqlite3.OperationalError) and "no such column" not in str(problem):
            raise
        aside = file.with_name(f"{file.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{file.suffix}")
        file.rename(aside)
        for extra in ("-wal", "-shm"):
            Path(f"{file}{extra}").unlink(missing_ok=True)
        _say(f"The progress file was damaged. It is kept as {aside.name}; a new one is started.")
        db = _connect(file)
    try:
        with db:
            yield db
    finally:
        db.close()


def _connect(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=10)
    try:
        with suppress(sqlite3.OperationalError):  # locked: another notebook is switching it just now
            db.execute("PRAGMA journal_mode=WAL").fetchall()
        db.execute(SCHEMA)
        db.execute("SELECT time, exercise, kind, data FROM events LIMIT 1").fetchall()
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def _say(message: str) -> None:
    if message not in _said:
        _said.add(message)
        print(message, file=sys.stderr)
