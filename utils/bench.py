"""`./study bench --laptop`: how fast the course answers on this machine, against what it promises."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import course
from .doctor import machine
from .machine import ROOT

MEDIAN, SLOWEST = 2.0, 8.0  # seconds that a check of a chapter may take
STRICTER = {"00": (1.0, 5.0), "01": (1.0, 5.0)}  # where no GPU is emulated


@dataclass(frozen=True)
class Figure:
    name: str
    target: float  # seconds, an upper bound
    measured: float
    what: str

    @property
    def ok(self) -> bool:
        return self.measured < self.target


def bench(json_out: Path | None = None) -> int:
    """Measure, print, and write JSON; 1 if a target is missed."""
    console = Console(highlight=False)
    with console.status("importing in fresh processes"):
        figures = [cold_import()]
    checks: dict[str, float] = {}
    for chapter in course.chapters():
        with console.status(f"checking chapter {chapter.number}"):
            times = check_times(chapter)
        figures += summary(chapter.number, times)
        checks |= times
    console.print(f"[dim]{machine()}  ·  Python {platform.python_version()}[/]")
    console.print(table(figures))
    for name, seconds in sorted(checks.items(), key=lambda item: -item[1])[:3]:
        console.print(f"[dim]  {name}: {seconds:.2f} s[/]")
    if json_out:
        record = {"machine": machine(), "python": platform.python_version(), "checks": checks}
        record["figures"] = [{**asdict(figure), "ok": figure.ok} for figure in figures]
        json_out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if all(figure.ok for figure in figures) else 1


def cold_import(runs: int = 5) -> Figure:
    """Wall time of a fresh process that does `from utils import check`, Python's own start included."""
    line = [sys.executable, "-c", "from utils import check"]
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(line, cwd=ROOT, check=True)
        seconds.append(time.perf_counter() - start)
    return Figure("from utils import check", 0.7, statistics.median(seconds), f"median of {runs} processes")


def check_times(chapter: course.Chapter) -> dict[str, float]:
    """Seconds to judge each model answer of a chapter. One goes first, so that imports are not counted."""
    from .judge import judge_source

    exercises = list(chapter.exercises().values())
    seconds = {}
    for exercise in [exercises[0], *exercises]:
        start = time.perf_counter()
        verdict = judge_source(exercise, course.model(exercise.id), prelude=course.prelude(chapter, exercise.id))[0]
        seconds[exercise.id] = round(time.perf_counter() - start, 3)
        if verdict.status != "passed":
            raise RuntimeError(f"the model answer to {exercise.id} did not pass: {verdict!r}")
    return seconds


def summary(number: str, checks: dict[str, float]) -> Iterable[Figure]:
    median, slowest = STRICTER.get(number, (MEDIAN, SLOWEST))
    return (
        Figure(f"chapter {number}: a check, median", median, statistics.median(checks.values()), f"of {len(checks)}"),
        Figure("            slowest", slowest, max(checks.values()), max(checks, key=checks.__getitem__)),
    )


def table(figures: Iterable[Figure]) -> Table:
    result = Table("figure", "target", "measured", "", "of", box=None, header_style="dim")
    for figure in figures:
        mark = "[green]✓" if figure.ok else "[red]✗"
        result.add_row(figure.name, f"< {figure.target:.1f} s", f"{figure.measured:.2f} s", mark, f"[dim]{figure.what}")
    return result
