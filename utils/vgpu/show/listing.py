"""The learner's source with a column for each counter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from .measures import COLUMNS, INSTRUCTIONS, LANES_USED, Measure, Part, act, launch, line, sentence, whole
from .svg import BLUE, LINE, MONO, MUTED, PAPER, RED, SHADE, TEXT, Picture, heat, plural, prose, times

WHOLE_SOURCE = 40  # lines up to which nothing is folded
CONTEXT = 1  # lines shown around one that matters
BUSY = 0.03  # share of the warp instructions from which a line matters
SEEN = 1.02  # times the ideal from which it is said
LEGEND = (1.5, 4, 8, 32)
FACTOR = "in brackets: times the ideal"
CODE_WIDTH = "38ch"  # of the source, at least
CELL = "padding:1px 7px;border:0;vertical-align:top;white-space:nowrap"


@dataclass(frozen=True)
class Cell:
    """One value, or one for each of several memory instructions: (which, value, times the ideal)."""

    entries: tuple[tuple[str, str, float], ...] = ()
    share: float = 0  # of the launch, for plain counts
    counts: bool = True  # not if the line is too small a part of the launch to matter

    def __str__(self) -> str:
        return ", ".join(f"{which} {value} {_over(factor)}".strip() for which, value, factor in self.entries)


@dataclass(frozen=True)
class Row:
    """at: number of the line, 0 for a note, -1 for totals."""

    at: int
    code: str
    cells: tuple[Cell, ...] = ()
    faults: tuple[str, ...] = ()


def annotate(report: Any, columns: Sequence[str] | None = None) -> Picture:
    """The source of `report` with its counters beside each line.

    columns: keys of `measures.COLUMNS` or Nsight Compute's names of counters; without it, whatever is not zero.
    """
    chosen = _columns(report, columns)
    rows = _rows(report, chosen)
    caption = f"{launch(report)} by source line" + (f", {plural(len(report.faults), 'fault')}" if report.faults else "")
    return Picture(caption, _html(report, chosen, rows, caption), _text(report, chosen, rows))


def _columns(report: Any, keys: Sequence[str] | None) -> list[Measure]:
    total = whole(report)
    if keys is None:
        chosen = [column for column in COLUMNS if column.value(total)]
        # what was needed says nothing new where it is what was moved
        wasteful = any(access.space == "global" and access.sectors >= SEEN * access.ideal for access in report.accesses)
        return [column for column in chosen if wasteful or column.key != "needed"]
    known = {column.key: column for column in COLUMNS}
    counters = {name for counters in report.by_line.values() for name in counters}
    strange = [key for key in keys if key not in known and key not in counters]
    if strange:
        raise ValueError(f"no column {strange[0]!r}: there are {', '.join(known)}, and the counters of report.by_line")
    return [known.get(key) or Measure(key, key, key, "", lambda part, key=key: part.sum(key)) for key in keys]


def _rows(report: Any, columns: Sequence[Measure]) -> list[Row]:
    source = report.source.expandtabs(4).rstrip().split("\n")
    first = next((at for at, code in enumerate(source, 1) if code.strip()), 1)
    total = whole(report)
    faults = {at: tuple(sentence(fault) for fault in found)
              for at, found in groupby(sorted(report.faults, key=lambda f: f.line), key=lambda f: f.line)}  # fmt: skip
    rows = [Row(0, "", faults=found) for at, found in faults.items() if not 1 <= at <= len(source)]
    shown = _shown(report, len(source), faults)
    for folded, numbers in groupby(range(first, len(source) + 1), key=lambda at: at not in shown):
        if folded:
            lines = list(numbers)
            rows.append(Row(0, _folded(report, lines)))
            continue
        for at in numbers:
            part = line(report, at)
            cells = tuple(_cell(column, part, total) for column in columns)
            rows.append(Row(at, source[at - 1], cells, faults.get(at, ())))
    return [*rows, Row(-1, "whole launch", tuple(_cell(column, total, total) for column in columns))]


def _shown(report: Any, count: int, faults: Iterable[int]) -> set[int]:
    """The lines that matter: all of a short source; otherwise those that move memory, fail or are busy."""
    if count <= WHOLE_SOURCE:
        return set(range(1, count + 1))
    least = BUSY * whole(report).sum(INSTRUCTIONS)
    busy = {at for at in report.by_line if line(report, at).sum(INSTRUCTIONS) >= max(least, 1)}
    matter = busy | set(faults) | {access.line for access in report.accesses}
    return {near for at in matter for near in range(at - CONTEXT, at + CONTEXT + 1)}


def _folded(report: Any, lines: list[int]) -> str:
    inside = sum(line(report, at).sum(INSTRUCTIONS) for at in lines)
    every = whole(report).sum(INSTRUCTIONS)
    share = f", {100 * inside / every:.1f} % of the warp instructions" if inside else ""
    where = f"lines {lines[0]}–{lines[-1]}" if len(lines) > 1 else f"line {lines[0]}"
    return f"⋯ {where}{share}"


def _cell(column: Measure, part: Part, total: Part) -> Cell:
    value = column.value(part)
    if not value:
        return Cell()
    entry = ("", column.show(value), column.factor(part))
    if column.places and part is not total:
        # x and y on one line: each has its own number, unless they are equal
        places = part.only(*column.places)
        groups = [Part({}, [a for a in places if (a.op, a.array) == key])
                  for key in dict.fromkeys((a.op, a.array) for a in places)]  # fmt: skip
        several = tuple((act(g.accesses[0]), column.show(column.value(g)), column.factor(g)) for g in groups)
        if len({(shown, factor) for _, shown, factor in several}) > 1:
            return Cell(several)
    if part is total:
        return Cell((entry,))
    share = value / column.value(total) if column.is_count else 0
    idle = column is LANES_USED and part.sum(INSTRUCTIONS) < BUSY * total.sum(INSTRUCTIONS)
    return Cell((entry,), share, not idle)


def _over(factor: float) -> str:
    return f"({times(factor)})" if factor >= SEEN else ""


def _headings(title: str) -> tuple[str, str]:
    """Two short lines: warp | instr., sectors | / request."""
    first, _, second = title.partition(" ")
    return (first, second) if second else ("", first)


def _html(report: Any, columns: Sequence[Measure], rows: Sequence[Row], caption: str) -> str:
    head = f"{CELL};color:{MUTED};font-weight:400;vertical-align:bottom;padding-bottom:4px"
    titles = "".join(
        f'<th title="{escape(column.nsight)}" style="{head};text-align:right">'
        f"{'<br/>'.join(map(escape, _headings(column.title)))}</th>"
        for column in columns
    )
    what = f'<b style="color:{TEXT};font-family:{MONO}">{escape(launch(report))}</b> · {escape(report.arch)}'
    name = f'<th style="{head}"></th><th style="{head};text-align:left">{what}</th>'
    style = (
        f"border-collapse:collapse;table-layout:auto;margin:0;font-size:12px;line-height:1.5;color:{TEXT};width:auto"
    )
    table = (
        f'<table aria-label="{escape(caption)}" style="{style}"><thead style="border-bottom:1px solid {LINE}">'
        f'<tr style="background:none">{titles}{name}</tr></thead>'
        f"<tbody>{''.join(_html_row(row, len(columns)) for row in rows)}</tbody></table>"
    )
    note = ""
    if _any_factor(rows):
        swatches = "".join(
            f'<span style="background:{heat(f)};color:{TEXT};padding:1px 7px">{times(f)}</span>' for f in LEGEND
        )
        note = f'<div style="font-size:11px;color:{MUTED};margin:6px">{FACTOR} {swatches}</div>'
    return f'<div style="max-width:100%;overflow-x:auto;background:{PAPER};color:{TEXT}">{table}{note}</div>'


def _any_factor(rows: Sequence[Row]) -> bool:
    return any(factor >= SEEN for row in rows for cell in row.cells for _, _, factor in cell.entries)


def _html_row(row: Row, columns: int) -> str:
    values = "".join(map(_html_cell, row.cells)) or f'<td colspan="{columns}" style="{CELL}"></td>' * bool(columns)
    left, fixed = f"{CELL};text-align:left", f"{CELL};font-family:{MONO}"
    html = ""
    if row.at > 0:
        at = f'<td style="{fixed};text-align:right;color:{MUTED};padding-left:10px">{row.at}</td>'
        html = _tr(f'{values}{at}<td style="{fixed};text-align:left;{_wrapping(row.code)}">{_code(row.code)}</td>')
    elif row.code:
        look = f"border-top:1px solid {LINE};font-weight:600" if row.at < 0 else f"color:{MUTED};background:{SHADE}"
        html = _tr(f'{values}<td style="{CELL}"></td><td style="{left}">{escape(row.code)}</td>', look)
    for fault in row.faults:
        box = f"border-left:3px solid {RED};background:{heat(8, 0.4)};padding:3px 9px;max-width:640px"
        said = f'<div style="{box}"><b style="color:{RED}">✗</b> {prose(fault)}</div>'
        html += _tr(
            f'<td colspan="{columns + 1}" style="{CELL}"></td>'
            f'<td style="{left};white-space:normal;padding-bottom:5px">{said}</td>'
        )
    return html


def _tr(cells: str, look: str = "") -> str:
    return f'<tr style="background:none;{look}">{cells}</tr>'


def _html_cell(cell: Cell) -> str:
    # a line below the number, as long as its share of the launch
    share = f"linear-gradient({BLUE},{BLUE}) right bottom/{100 * cell.share:.1f}% 2px no-repeat," if cell.share else ""
    entries = []
    for which, value, factor in cell.entries:
        ground = heat(factor, 1 if cell.counts else 0.4)
        over = f' <span style="font-size:10px">{_over(factor)}</span>' if factor >= SEEN else ""
        name = f'<span style="font-size:11px;font-weight:400;opacity:.7">{escape(which)}</span> ' if which else ""
        weight = ' style="font-weight:600"' if factor >= 2 and cell.counts else ""
        words = f"{name}<span{weight}>{escape(value)}</span>{over}"
        entries.append(f'<div style="background:{share}{ground};padding:1px 7px">{words}</div>')
    return f'<td style="{CELL};text-align:right;padding:0">{"".join(entries)}</td>'


def _wrapping(code: str) -> str:
    """A line too long for the page goes on below, four places to the right of its start."""
    deeper = len(code) - len(code.lstrip()) + 4
    return (f"white-space:pre-wrap;overflow-wrap:anywhere;box-sizing:border-box;min-width:{CODE_WIDTH};"
            f"padding-left:calc(7px + {deeper}ch);text-indent:-{deeper}ch")  # fmt: skip


def _code(words: str) -> str:
    code, slashes, comment = words.partition("//")
    quiet = f'<span style="color:{MUTED}">{slashes}{escape(comment, quote=False)}</span>' if slashes else ""
    return escape(code, quote=False) + quiet


def _text(report: Any, columns: Sequence[Measure], rows: Sequence[Row]) -> str:
    """Numbers on the left, where long lines of code cannot push them away."""
    heads = [_headings(column.title) for column in columns]
    widths = [max(len(first), len(second), *(len(str(row.cells[i])) for row in rows if row.cells))
              for i, (first, second) in enumerate(heads)]  # fmt: skip

    def put(words: Sequence[object], rest: str) -> str:
        return ("".join(f"{word!s:>{width}}  " for word, width in zip(words, widths, strict=True)) + rest).rstrip()

    blank = [""] * len(widths)
    lines = [put([first for first, _ in heads], ""), put([second for _, second in heads], f"     {launch(report)}")]
    for row in rows:
        if row.at < 0:
            lines.append("─" * sum(width + 2 for width in widths))
        if row.cells or row.code:
            lines.append(put(row.cells or blank, f"{row.at if row.at > 0 else '':>4} {row.code}"))
        lines += [put(blank, f"     ✗ {fault}") for fault in row.faults]
    return "\n".join([*lines, *([FACTOR] if _any_factor(rows) else [])])
