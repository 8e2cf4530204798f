"""Grading many submissions: a table on the terminal, an HTML page and a JSON file for the teacher."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..course import Chapter
from ..judge.verdict import WORDS
from . import files
from .grade import Report, Result, grade
from .run import Limits

MARKS = {"passed": "✓", "failed": "✗", "error": "!", "not_attempted": "·", "unjudged": "?", "not_reached": "–"}
STATUS = WORDS | {"error": "error in the code", "not_attempted": "not attempted", "not_reached": "not reached"}
OPEN = ("not_attempted", "not_reached", "unjudged")
CHECKPOINTS = ".ipynb_checkpoints"
LEGEND = "✓ passed   ✗ failed   ! error   · not attempted   ? cannot be judged here   – not reached"


def grade_files(
    paths: Iterable[Path],
    report: Path | None = None,
    json_out: Path | None = None,
    limits: Limits | None = None,
    chapters: Sequence[Chapter] | None = None,
    console: Console | None = None,
) -> int:
    """Grade files, and folders with all notebooks below; returns the exit code: 1 if none could be graded."""
    console = console or Console()
    reports = []
    submissions, missing = notebooks(paths)
    for path in submissions:
        with console.status(f"grading {path}"):
            try:
                reports.append(grade(path, limits, chapters))
            except Exception as error:  # a bug here must not cost the other submissions their grades
                reports.append(Report(str(path), problem=f"the grader failed: {type(error).__name__}: {error}"))
    reports += missing
    console.print(table(reports))
    console.print(LEGEND, style="dim")
    for one in reports:
        for note in [one.problem] if one.problem else one.notes:
            console.print(f"{one.file}: {note}", style="yellow" if one.problem else "dim", markup=False)
    if report:
        files.write(report, page(reports).encode("utf-8", "replace"))
        console.print(f"report: {report}", markup=False)
    if json_out:
        data = json.dumps([one.record() for one in reports], indent=1, ensure_ascii=False)
        files.write(json_out, data.encode("utf-8", "backslashreplace"))
    return 0 if any(not one.problem for one in reports) else 1


def notebooks(paths: Iterable[Path]) -> tuple[list[Path], list[Report]]:
    """(the notebooks of `paths`, each once, reports on those that hold none)."""
    found: dict[Path, None] = {}
    missing = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*.ipynb")) if p.is_file() and CHECKPOINTS not in p.parts]
            found |= dict.fromkeys(inside)
            if not inside:
                missing.append(Report(str(path), problem="no notebook in this folder"))
        elif path.exists():
            found[path] = None
        else:
            missing.append(Report(str(path), problem="no such file"))
    return list(found), missing


def table(reports: Sequence[Report]) -> Table:
    """A row for each submission."""
    result = Table(title=f"{len(reports)} submission{'s' * (len(reports) != 1)}", title_justify="left")
    for column in ("file", "chapter"):
        result.add_column(column, overflow="fold")
    for column in ("points", "passed", "failed", "open"):
        result.add_column(column, justify="right", no_wrap=True)
    result.add_column("exercises", overflow="fold")
    for one in reports:
        if one.problem:
            result.add_row(one.file, one.chapter, "–", "", "", "", "could not be graded")
            continue
        result.add_row(
            one.file, one.chapter, f"{one.points:g}/{one.max_points:g}", str(one.count("passed")),
            str(one.count("failed", "error")), str(one.count(*OPEN)),
            "".join(MARKS.get(r.status, r.status) for r in one.results),
        )  # fmt: skip
    return result


CSS = """
:root { color-scheme: light dark; --jp-content-font-color1: #222; --jp-content-font-color2: #666;
  --jp-border-color2: #ccc; --jp-layout-color1: #fff; --jp-layout-color2: #f4f4f4; --jp-success-color1: #2e7d32;
  --jp-error-color1: #c62828; --jp-warn-color1: #b26a00; --jp-info-color1: #0277bd; }
@media (prefers-color-scheme: dark) { :root { --jp-content-font-color1: #e4e4e4;
  --jp-content-font-color2: #a0a0a0; --jp-border-color2: #444; --jp-layout-color1: #17191c;
  --jp-layout-color2: #24272b; --jp-success-color1: #66bb6a; --jp-error-color1: #ef6b6b;
  --jp-warn-color1: #e0a030; --jp-info-color1: #4fc3f7; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--jp-content-font-color1); background: var(--jp-layout-color1); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--jp-border-color2); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; padding: .2rem 0; } a { color: inherit; }
details { margin-left: 1rem; } .dim { color: var(--jp-content-font-color2); }
.passed { color: var(--jp-success-color1); } .failed, .error { color: var(--jp-error-color1); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--jp-layout-color2); padding: .5rem; }
"""
# A submission could write its own verdict; no script in it may run in the teacher's browser.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(reports: Sequence[Report]) -> str:
    """A self-contained HTML page: the table, then every submission with its verdicts."""
    rows, parts = [], []
    for number, one in enumerate(reports):
        points = "" if one.problem else f"{one.points:g}/{one.max_points:g}"
        figures = [points, one.count("passed"), one.count("failed", "error"), one.count(*OPEN)]
        cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
        if one.problem:
            cells = '<td colspan="4" class="failed">could not be graded</td>'
        rows.append(
            f'<tr><td><a href="#s{number}">{html.escape(one.file)}</a></td>'
            f"<td>{html.escape(one.chapter)}</td>{cells}</tr>"
        )
        parts.append(section(number, one, points))
    head = "".join(f'<th class="n">{name}</th>' for name in ("points", "passed", "failed", "open"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Grades</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{CSS}</style>'
        f"<h1>Grades</h1><table><tr><th>file</th><th>chapter</th>{head}</tr>{''.join(rows)}</table>"
        f"{''.join(parts)}</html>\n"
    )


def section(number: int, one: Report, points: str) -> str:
    """One submission on the page."""
    body = f"<p>{html.escape(one.problem)}</p>" if one.problem else ""
    body += "".join(f"<pre>{html.escape(note)}</pre>" for note in one.notes)
    body += "".join(map(exercise, one.results))
    took = f'<p class="dim">{html.escape(one.chapter)} · graded in {one.seconds:g} s</p>' if one.chapter else ""
    return f'<h2 id="s{number}">{html.escape(one.file)} <span class="dim">{points}</span></h2>{took}{body}'


def exercise(one: Result) -> str:
    """One exercise on the page, folded if it passed or was not tried."""
    opened = " open" if one.status in ("failed", "error") else ""
    words = html.escape(STATUS.get(one.status, one.status))
    reason = f"<pre>{html.escape(one.reason)}</pre>" if one.reason else ""
    return (
        f"<details{opened}><summary>{html.escape(one.exercise)} {html.escape(one.title)} "
        f'<span class="{html.escape(one.status)}">{words}</span> '
        f'<span class="dim">{one.points:g}/{one.max_points:g}</span></summary>{reason}{one.html}</details>'
    )
