"""`./study test`: everything CI runs, one step after the other; a step that fails does not stop the next."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

from .machine import ROOT

CODE = ("utils", "tests", "solutions")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
WORKERS = ("-n", str(min(CORES, 8)))
NBVAL = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120", *WORKERS, "--dist", "loadfile")

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
    name: str
    run: Callable[[], Counts]


def steps(fast: bool) -> list[Step]:
    notebooks = [
        Step("solved chapters", lambda: pytest(*NBVAL, ROOT / "build/solved", expect="passed")),
        Step("chapters as shipped", lambda: pytest(*NBVAL, ROOT / "chapters", expect="not_attempted")),
    ]
    return [
        Step("lint", lambda: command("ruff", "check", *CODE)),
        Step("format", lambda: command("ruff", "format", "--check", *CODE)),
        Step("chapters match their source", drift),
        Step("unit tests and mistakes", lambda: pytest(*WORKERS, ROOT / "tests")),
        *([] if fast else notebooks),
    ]


def run(fast: bool, thorough: bool = False) -> int:
    """Run every step; the last line printed counts the tests of all of them. Returns the exit code.

    thorough: what tests may do seldom (before a release), they do now: STUDY_THOROUGH.
    """
    if thorough:
        os.environ["STUDY_THOROUGH"] = "1"
    if not (ROOT / "tests").is_dir():
        print("This is a students' copy, without the tests and answers: ./study test needs the teacher's.")
        return 1
    console = Console(highlight=False)
    table = Table("step", "", "result", "seconds", box=None, header_style="dim")
    total, began = Counts(), time.monotonic()
    for step in steps(fast):
        console.rule(f"[bold]{step.name}", align="left")
        start = time.monotonic()
        counts = step.run()
        seconds = time.monotonic() - start
        console.print(f"{counts} in {seconds:.1f} s", style="red" if counts.failed else "green")
        mark = "[red]✗" if counts.failed else "[green]✓" if counts.passed else "[yellow]–"
        table.add_row(step.name, mark, str(counts), f"{seconds:.1f}")
        total += counts
    console.rule("[bold]summary", align="left")
    console.print(table)
    console.print(f"{time.monotonic() - began:.0f} s in all")
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


def command(*words: str) -> Counts:
    """A tool of the .venv that says yes or no; it counts as one test."""
    code = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    return Counts(failed=1) if code else Counts(passed=1)


def drift() -> Counts:
    """Also writes build/solved, which the next steps run."""
    from .notebook.build import build

    problems = build(check=True)
    for problem in problems:
        print(problem)
    return Counts(failed=len(problems)) if problems else Counts(passed=1)


def pytest(*arguments: str | Path, expect: str = "") -> Counts:
    """Run pytest on the last argument; what is counted is read from its JUnit file.

    expect: the status that every `check` in a notebook must reach, else it raises.
    """
    folder = Path(arguments[-1])
    if expect and not any(folder.glob("*.ipynb")):
        print(f"no notebook in {folder.relative_to(ROOT)}")
        return Counts(failed=1)
    environment = os.environ | LARGE_PAGES | ({"STUDY_EXPECT": expect} if expect else {})
    early = ("-p", "utils.notebook")  # before nbval imports nbformat, see there
    with tempfile.TemporaryDirectory() as scratch:
        xml = Path(scratch) / "junit.xml"
        line = [sys.executable, "-m", "pytest", "-q", *early, f"--junitxml={xml}", *map(str, arguments)]
        code = subprocess.run(line, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL).returncode
        counts = read_junit(xml) if xml.exists() else Counts()
    broken = code != 0 and not counts.failed  # pytest itself failed: nothing collected, a crash, Ctrl-C
    return counts + Counts(failed=1) if broken else counts


def read_junit(xml: Path) -> Counts:
    total = Counts()
    for suite in ElementTree.parse(xml).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
        )
        total += Counts(tests - failures - errors - skipped, failures + errors, skipped)
    return total
