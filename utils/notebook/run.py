"""Runs the code cells of a notebook in a clean process with limits, whatever they do, and says how they ended.

A cell that ends or hangs the process is skipped in a second run, so that the cells after it get their turn.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ..machine import gpu

GRACE = 5.0  # seconds past a cell's limit after which its process is killed
MOST_RUNS = 12
LINKS = ("study", "utils", "chapters", "solutions")  # of the course, seen from the folder the cells run in


@dataclass(frozen=True)
class Limits:
    """What a submission may use. memory_gb: address space (with a GPU: private memory)."""

    cell_seconds: float = 60.0
    total_seconds: float = 900.0
    memory_gb: float = 6.0
    disk_gb: float = 1.0


@dataclass(frozen=True)
class Cell:
    """A cell to run. again: whether a second run has to repeat it (a check that ended need not)."""

    key: str
    source: str
    again: bool = True


@dataclass
class Ending:
    """How a cell ended. kind: "ran", "raised", "timeout", "crash" or "not run"; reason: for the reader."""

    kind: str
    reason: str = ""
    seconds: float = 0.0
    verdicts: list[dict[str, Any]] = field(default_factory=list)


def run_cells(cells: list[Cell], root: Path, limits: Limits) -> dict[str, Ending]:
    """Run `cells` in order; {key: how it ended}. `root` is the course whose `utils` they import."""
    endings: dict[str, Ending] = {}
    deadline = time.monotonic() + limits.total_seconds
    scratch = Path(tempfile.mkdtemp(prefix="kernel-course-"))
    try:
        for _ in range(MOST_RUNS):
            if not attempt(cells, root, limits, deadline, scratch, endings):
                break
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for cell in cells:
        endings.setdefault(cell.key, Ending("not run", "other cells ended the process too often"))
    return endings


def attempt(
    cells: list[Cell], root: Path, limits: Limits, deadline: float, scratch: Path, endings: dict[str, Ending]
) -> bool:
    """One run; fills in `endings`. True if another is needed because a cell ended the process."""
    job = prepare(cells, root, limits, scratch, endings)
    process = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("worker.py")), str(scratch / "job.json")],
        cwd=scratch / "home", env=environment(scratch), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        current, late = watch(process, Path(job["events"]), limits, deadline)
    finally:
        kill(process)
    events = read_events(Path(job["events"]))
    for event in events:
        if "ended" in event:
            endings[cells[event["ended"]].key] = ending(event, limits)
    if any("done" in event for event in events):
        return False
    if events and events[-1].get("full"):  # what the cell allocated would leave nothing for the others
        return True
    if late == "total":
        for cell in cells:
            endings.setdefault(cell.key, Ending("not run", f"the {limits.total_seconds:g} s were used up"))
        return False
    if current is None:
        endings.update({cell.key: Ending("not run", "the process did not start") for cell in cells})
        return False
    endings[cells[current].key] = killed(process.returncode, late, limits, scratch)
    return True


def prepare(cells: list[Cell], root: Path, limits: Limits, scratch: Path, endings: dict[str, Ending]) -> dict[str, Any]:
    """Lay out the folders and the job file of a run. The cells run in a folder that looks like the course."""
    for folder in ("home", "cells"):
        (scratch / folder).mkdir(exist_ok=True)
    for name in LINKS:
        if (root / name).exists() and not (scratch / "home" / name).is_symlink():
            (scratch / "home" / name).symlink_to(root / name)
    for name in ("events", "verdicts"):
        (scratch / name).unlink(missing_ok=True)

    def skip(cell: Cell) -> bool:
        ended = endings.get(cell.key)
        return ended is not None and (ended.kind in ("crash", "timeout") or not cell.again)

    job = {name: str(scratch / name) for name in ("events", "verdicts", "crash")}
    job |= {"root": str(root), "cell_seconds": limits.cell_seconds, "disk": int(limits.disk_gb * 2**30)}
    # A CUDA context reserves far more address space than memory, so there only what is written counts.
    job |= {"memory": int(limits.memory_gb * 2**30), "memory_kind": "RLIMIT_DATA" if gpu() else "RLIMIT_AS"}
    paths = [str(scratch / "cells" / f"{number:03}_{cell.key}.py") for number, cell in enumerate(cells)]
    job["cells"] = [
        {"source": cell.source, "skip": skip(cell), "file": path} for cell, path in zip(cells, paths, strict=True)
    ]
    (scratch / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return job


def environment(scratch: Path) -> dict[str, str]:
    """The grader's environment, but no window, no learner's progress, and few threads."""
    env = {key: value for key, value in os.environ.items() if key not in ("STUDY_EXPECT", "PYTHONPATH")}
    env |= {"MPLBACKEND": "Agg", "STUDY_VERDICTS": str(scratch / "verdicts"), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"STUDY_PROGRESS": str(scratch / "progress.sqlite3"), "PYTHONUNBUFFERED": "1"}
    return env | {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}  # each thread reserves address space


def watch(process: subprocess.Popen[bytes], events: Path, limits: Limits, deadline: float) -> tuple[int | None, str]:
    """Wait for the process; (the cell it was in or None, "cell" or "total" if its time is up, else "")."""
    since, size = time.monotonic(), -1
    while process.poll() is None:
        now = time.monotonic()
        if events.exists() and events.stat().st_size != size:
            size, since = events.stat().st_size, now
        if now > deadline:
            return in_cell(events), "total"
        if now - since > limits.cell_seconds + GRACE:
            return in_cell(events), "cell"
        time.sleep(0.02)
    return in_cell(events), ""


def in_cell(events: Path) -> int | None:
    """The cell that started and did not end."""
    last = (read_events(events) or [{}])[-1]
    return last.get("started")


def read_events(path: Path) -> list[dict[str, Any]]:
    events = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            events.append(json.loads(line))
        except ValueError:  # the process was killed while it wrote
            break
    return events


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all it started (the judge's children have sessions of their own)."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def ending(event: dict[str, Any], limits: Limits) -> Ending:
    """What the worker said of a cell that it came out of."""
    error, kind = event["error"], "raised"
    if error is None:
        return Ending("ran", "", event["seconds"], event["verdicts"])
    reason = f"raised {error['kind']}: {error['message']}".removesuffix(": ")
    if error["kind"] == "CellTimeout":
        reason = f"ran longer than {limits.cell_seconds:g} s"
    elif event["full"]:
        reason, kind = f"needed more than {limits.memory_gb:g} GB", "crash"
    return Ending(kind, "\n".join([reason, *error["lines"]]), event["seconds"], event["verdicts"])


def killed(code: int, late: str, limits: Limits, scratch: Path) -> Ending:
    """What to say of a cell that took its process with it."""
    if late:
        return Ending("timeout", f"ran longer than {limits.cell_seconds:g} s and could not be interrupted")
    if code == -9:
        return Ending("crash", "was killed by the system, probably for want of memory")
    if code >= 0:
        return Ending("crash", f"ended the Python process (exit code {code})")
    trace = (scratch / "crash").read_bytes().decode("utf-8", "replace").splitlines()
    place = [line.strip() for line in trace if str(scratch / "cells") in line][:1]
    where = f", {place[0].rsplit(', ', 1)[-1]}" if place else ""
    return Ending("crash", f"crashed the Python process ({signal.Signals(-code).name}{where})")
