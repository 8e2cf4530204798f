"""`./study test`: everything CI runs, in two lanes if there are cores for both; a step that fails stops no other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

from .machine import ROOT

CODE = ("utils", "tests", "solutions")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
WORKERS = min(CORES, 8)
ASIDE = WORKERS // 4  # those of a second lane, where there are four cores: more workers than cores upset time limits
NBVAL = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120", "--dist", "loadfile")
# Every answer runs in a fork: with large pages there is less of a page table to copy (7 ms instead of 14).
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


@dataclass(frozen=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Step:
    """run: writes what it has to say to the file that it is given."""

    name: str
    run: Callable[[TextIO], Counts]


def lanes(fast: bool) -> list[list[Step]]:
    """Steps of one lane follow each other: the notebooks of build/solved are there once the chapters are built."""
    tests = [Step("unit tests and mistakes", lambda out: pytest(out, ROOT / "tests", WORKERS - ASIDE))]
    notebooks = [
        Step("solved chapters", lambda out: nbval(out, ROOT / "build/solved", expect="passed")),
        Step("chapters as shipped", lambda out: nbval(out, ROOT / "chapters", expect="not_attempted")),
    ]
    chapters = [
        Step("lint", lambda out: command(out, "ruff", "check", *CODE)),
        Step("format", lambda out: command(out, "ruff", "format", "--check", *CODE)),
        Step("chapters match their source", drift),
        *([] if fast else notebooks),
    ]
    return [tests, chapters] if ASIDE else [chapters + tests]


def run(fast: bool, thorough: bool = False) -> int:
    """Run every step; the last line printed counts the tests of all of them. Returns the exit code.

    thorough: what tests may do seldom (before a release), they do now: STUDY_THOROUGH.
    """
    if thorough:
        os.environ["STUDY_THOROUGH"] = "1"
    if not (ROOT / "tests").is_dir():
        print("This is a students' copy, without the tests and answers: ./study test needs the teacher's.")
        return 1
    console, began = Console(highlight=False), time.monotonic()
    table = Table("step", "", "result", "seconds", box=None, header_style="dim")
    totals: list[Counts] = []
    going: list[str] = []
    lock, stopping = threading.Lock(), threading.Event()

    def follow(lane: list[Step]) -> None:
        for step in lane:
            if stopping.is_set():
                return
            start = time.monotonic()
            going.append(step.name)
            status.update(" · ".join(going))
            with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
                counts = step.run(out)
                out.seek(0)
                said = out.read()
            seconds = time.monotonic() - start
            with lock:
                going.remove(step.name)
                show(console, table, step.name, said, counts, seconds)
                totals.append(counts)

    with ThreadPoolExecutor() as pool, console.status("") as status:  # a step is shown when it is done
        running = [pool.submit(follow, lane) for lane in lanes(fast)]
        try:
            for lane in running:
                lane.result()
        finally:
            stopping.set()  # Ctrl-C reaches the running steps by itself
    console.rule("[bold]summary", align="left")
    console.print(table)
    console.print(f"{time.monotonic() - began:.0f} s in all")
    total = sum(totals, Counts())
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


def show(console: Console, table: Table, name: str, said: str, counts: Counts, seconds: float) -> None:
    """What a step said, and its line of the summary."""
    console.rule(f"[bold]{name}", align="left")
    console.out(said, end="", highlight=False)
    console.print(f"{counts} in {seconds:.1f} s", style="red" if counts.failed else "green")
    mark = "[red]✗" if counts.failed else "[green]✓" if counts.passed else "[yellow]–"
    table.add_row(name, mark, str(counts), f"{seconds:.1f}")


def command(out: TextIO, *words: str) -> Counts:
    """A tool of the .venv that says yes or no; it counts as one test."""
    return Counts(failed=1) if _python(out, words, {}) else Counts(passed=1)


def drift(out: TextIO) -> Counts:
    """Also writes build/solved, which the next steps run."""
    from .notebook.build import build

    problems = build(check=True)
    out.writelines(f"{problem}\n" for problem in problems)
    return Counts(failed=len(problems)) if problems else Counts(passed=1)


def nbval(out: TextIO, folder: Path, expect: str) -> Counts:
    """Run all notebooks of a folder; `expect` is the status that every `check` in them must reach, else it raises."""
    if not any(folder.glob("*.ipynb")):
        out.write(f"no notebook in {folder.relative_to(ROOT)}\n")
        return Counts(failed=1)
    return pytest(out, folder, ASIDE or WORKERS, *NBVAL, STUDY_EXPECT=expect)


def pytest(out: TextIO, folder: Path, workers: int, *options: str, **environment: str) -> Counts:
    """Run pytest on a folder; what is counted is read from its JUnit file."""
    with tempfile.TemporaryDirectory() as scratch:
        xml = Path(scratch) / "junit.xml"
        early = ("-p", "utils.notebook")  # before nbval imports nbformat, see there
        line = ("pytest", "-q", *early, f"--junitxml={xml}", "-n", str(workers), *options, str(folder))
        code = _python(out, line, LARGE_PAGES | environment)
        counts = read_junit(xml) if xml.exists() else Counts()
    broken = code != 0 and not counts.failed  # pytest itself failed: nothing collected, a crash, Ctrl-C
    return counts + Counts(failed=1) if broken else counts


def _python(out: TextIO, words: tuple[str, ...], environment: dict[str, str]) -> int:
    """The exit code of a module of the .venv."""
    line = [sys.executable, "-m", *words]
    where = {"cwd": ROOT, "env": os.environ | environment}
    return subprocess.run(line, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **where).returncode


def read_junit(xml: Path) -> Counts:
    total = Counts()
    for suite in ElementTree.parse(xml).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
        )
        total += Counts(tests - failures - errors - skipped, failures + errors, skipped)
    return total
