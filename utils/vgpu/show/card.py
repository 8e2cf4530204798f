"""A launch on one card: what went wrong, then the ratios that matter."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from .measures import TOTALS, launch, sentence, whole
from .svg import (
    AMBER,
    GREEN,
    LINE,
    MONO,
    MUTED,
    PAPER,
    RED,
    SHADE,
    TEXT,
    Picture,
    heat,
    number,
    plural,
    prose,
    times,
)  # fmt: skip

WITHOUT_TILE = {"conflicts"}  # said already by the wavefronts
POINTER = "`annotate(report)` shows this by source line"
PRINTED_LINES, FAULTS_SHOWN = 12, 6


@dataclass(frozen=True)
class Tile:
    """label, value, unit and a remark on how far from the ideal it is; factor: how many times the ideal."""

    label: str
    value: str
    unit: str
    remark: str
    factor: float


def overview(report: Any) -> Picture:
    """The launch, its faults, and its ratios beside their ideals."""
    tiles = _tiles(report)
    faults = [sentence(fault) for fault in report.faults[:FAULTS_SHOWN]]
    if len(report.faults) > FAULTS_SHOWN:
        faults.append(f"and {plural(len(report.faults) - FAULTS_SHOWN, 'other fault')}")
    title = launch(report)
    facts = f"{report.arch} · emulated in {number(report.seconds)} s"
    state = plural(len(report.faults), "fault") if faults else "no faults"
    printed = report.printed.rstrip("\n").split("\n") if report.printed else []
    if len(printed) > PRINTED_LINES:
        printed = [*printed[:PRINTED_LINES], f"… {number(len(printed) - PRINTED_LINES)} more lines"]
    lines = [f"{title} · {facts} · {state}", *(f"  ✗ {fault}" for fault in faults)]
    for tile in tiles:
        lines.append(
            f"  {tile.label:>18}  {tile.value} {tile.unit}".rstrip() + (f" · {tile.remark}" if tile.remark else "")
        )
    lines += [f"  {'printed':>18}  {line}" for line in printed]
    html = _html(title, f"{facts} · {state}", faults, tiles, printed)
    return Picture(f"{title}: {state}", html, "\n".join([*lines, f"  {POINTER.replace('`', '')}"]))


def _tiles(report: Any) -> list[Tile]:
    part, tiles = whole(report), []
    for measure in TOTALS:
        value, ideal = measure.value(part), measure.ideal(part)
        if not value or measure.key in WITHOUT_TILE:
            continue
        remark, factor = "", measure.factor(part)
        if ideal and measure.key in ("read", "written"):
            remark = f"{measure.show(ideal)} needed, {100 * ideal / value:.3g} %"
        elif ideal and factor < 1.02:
            remark = "ideal"
        elif ideal:
            remark = f"ideal {measure.show(ideal)}"
            remark += "" if measure.more_is_better else f", {times(factor)} as many"
        tiles.append(Tile(measure.label, measure.show(value), measure.unit_of(value), remark, factor))
    return tiles


def _html(title: str, facts: str, faults: list[str], tiles: list[Tile], printed: list[str]) -> str:
    parts = [
        f'<div><span style="font-family:{MONO};font-weight:600">{escape(title)}</span>'
        f'<span style="color:{MUTED};margin-left:10px">{escape(facts)}</span></div>'
    ]
    if faults:
        items = "".join(f'<div><b style="color:{RED}">✗</b> {prose(fault)}</div>' for fault in faults)
        parts.append(f'<div style="border:1px solid {LINE};border-left:4px solid {RED};border-radius:3px;'
                     f'background:{heat(8, 0.35)};padding:5px 10px;margin-top:7px">{items}</div>')  # fmt: skip
    grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(184px,1fr));gap:8px;margin-top:8px"
    parts.append(f'<div style="{grid}">{"".join(map(_tile, tiles))}</div>')
    if printed:
        parts.append(f'<pre style="margin:8px 0 0;padding:6px 8px;background:{SHADE};color:{TEXT};font-family:{MONO};'
                     f'font-size:12px;line-height:1.35;overflow-x:auto;border-radius:3px">'
                     f"{escape(chr(10).join(printed), quote=False)}</pre>")  # fmt: skip
    parts.append(f'<div style="color:{MUTED};font-size:11px;margin-top:7px">{prose(POINTER)}</div>')
    edge = RED if faults else GREEN if all(tile.factor < 1.02 for tile in tiles) else AMBER
    return (
        f'<div style="border:1px solid {LINE};border-left:4px solid {edge};border-radius:4px;padding:8px 12px;'
        f"margin:4px 0;max-width:860px;box-sizing:border-box;color:{TEXT};background:{PAPER};font-size:13px;"
        f'line-height:1.5">{"".join(parts)}</div>'
    )


def _tile(tile: Tile) -> str:
    small = f"font-size:11px;line-height:1.35;color:{MUTED}"
    unit = f' <span style="font-size:11px;font-weight:400">{escape(tile.unit)}</span>' if tile.unit else ""
    good = f"color:{GREEN}" if tile.remark == "ideal" else "color:inherit" if tile.factor >= 1.02 else ""
    ground = heat(tile.factor) if tile.factor >= 1.02 else SHADE
    remark = f'<div style="{small};{good}">{"✓ " if tile.remark == "ideal" else ""}{escape(tile.remark)}</div>'
    return (
        f'<div style="border-radius:3px;padding:5px 10px;background:'
        f'{ground}"><div style="{small};color:inherit">{escape(tile.label)}</div>'
        f'<div style="font-size:17px;font-weight:600;line-height:1.3">{escape(tile.value)}{unit}</div>{remark}</div>'
    )
