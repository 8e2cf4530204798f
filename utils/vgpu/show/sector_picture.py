"""One warp's request over the sectors (32 bytes) and lines (128 bytes) of memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .measures import LOADS, WORDS
from .svg import (
    AMBER,
    BLUE,
    GREY,
    LINE,
    MONO,
    MUTED,
    TEXT,
    Picture,
    closing,
    figure,
    hatch,
    number,
    path,
    plural,
    rect,
    size,
    text,
)

SECTOR, LINE_BYTES, LANES = 32, 128, 32
PITCH = 26  # pixels from lane to lane; the bytes below them span the same width
WIDTH = PITCH * LANES + 2
LANE_Y, LANE_HEIGHT = 28, 18
BYTES_Y, BYTES_HEIGHT = 122, 30
ROOMY = 62  # pixels of a sector from which it says how much of it was needed
SHOWN_LINES = 8  # of the text form


def sectors(access: Any) -> Picture:
    """Which sectors one warp's request touches, and how many of their bytes it wanted."""
    if access.space == "shared":
        raise ValueError("shared memory has banks, not sectors: show it with banks(access)")
    spans = [None if a is None else (a + access.base, a + access.base + access.width) for a in access.addresses]
    wanted = sorted({byte for span in spans if span for byte in range(*span)})
    touched = sorted({byte // SECTOR for byte in wanted})
    caption = _caption(access, len(wanted), len(touched))
    title = heading(access)
    html = _draw(access, spans, set(wanted), touched, caption, title)
    return Picture(caption, html, "\n".join([title, *_rows(access, set(wanted), touched), caption]))


def heading(access: Any) -> str:
    """line 5 · load of 4 B a lane from x · the costliest of 1,024 requests"""
    way = "from" if access.op in LOADS else "to" if access.op == "st" else "on"
    if not access.array:
        return f"line {access.line} · {access.space} {WORDS.get(access.op, access.op)}"
    which = f"the costliest of {plural(access.requests, 'request')}" if access.requests > 1 else "the only request"
    what = f"{access.space} {WORDS.get(access.op, access.op)}, {access.width} B a lane {way} {access.array}"
    return f"line {access.line} · {what} · {which}"


def _caption(access: Any, wanted: int, touched: int) -> str:
    active = sum(address is not None for address in access.addresses)
    if not touched:
        return "no active lane, nothing moved"
    asked, moved = active * access.width, touched * SECTOR
    lanes = f"{plural(active, 'lane')} × {access.width} B = {asked} B"
    lanes += " needed" if wanted == asked else f", {wanted} B of them different"
    fewest = -(-wanted // SECTOR)
    would_do = "no fewer would do" if touched == fewest else f"{plural(fewest, 'sector')} would do"
    percent = f"{100 * wanted / moved:.3g} %"
    return f"{lanes}, {plural(touched, 'sector')} × {SECTOR} B = {size(moved)} moved: {percent}; {would_do}"


def _offset(access: Any, byte: int) -> str:
    """Where a byte is, from the start of the array."""
    offset = byte - access.base
    return f"{access.array} {'−' if offset < 0 else '+'} {abs(offset):,}"


def _draw(access: Any, spans: Sequence[tuple[int, int] | None], wanted: set[int], touched: list[int], caption: str,
          title: str) -> str:  # fmt: skip
    where, scale = _places(touched)
    thick = max(access.width * scale, 1.6)
    lanes, ribbons = [], []
    used = {}  # by address: lanes that want the same bytes share a mark
    for lane, span in enumerate(spans):
        left, on = lane * PITCH, span is not None
        box = f"fill:{BLUE};fill-opacity:.16;stroke:{BLUE}" if on else f"fill:none;stroke:{GREY};stroke-dasharray:2 2"
        tip = f"lane {lane}: off"
        if span:
            tip = f"lane {lane}: bytes {span[0] - access.base} to {span[1] - access.base - 1} of {access.array}"
            x = where[span[0] // LINE_BYTES] + span[0] % LINE_BYTES * scale
            ribbons.append(_ribbon(left + PITCH / 2, min(thick, PITCH - 6), x, thick))
            inset = 0.5 if thick > 5 else 0
            mark = rect(x + inset, BYTES_Y + 1, thick - 2 * inset, BYTES_HEIGHT - 2, f"fill:{BLUE}", tip)
            used.setdefault(span, mark)
        lanes.append(rect(left + 1.5, LANE_Y, PITCH - 3, LANE_HEIGHT, box, tip, 2))
        lanes.append(text(left + PITCH / 2, LANE_Y + 13, str(lane), TEXT if on else MUTED, 10, "middle", font=MONO))
    if not touched:
        parts = [text(0, 13, title, MUTED), *lanes, closing(LANE_Y + LANE_HEIGHT + 26, caption)]
        return figure(caption, WIDTH, LANE_Y + LANE_HEIGHT + 34, parts)
    # thin ribbons need more ink to be seen
    ink = f"fill:{BLUE};fill-opacity:{0.3 if thick > 6 else 0.6};stroke:{BLUE};stroke-opacity:.4;stroke-width:.6"
    wasted, edges, labels, low = _memory(access, where, scale, wanted, touched)
    parts = [text(0, 13, title, MUTED), *lanes, path("".join(ribbons), ink), *wasted, *used.values(), *edges, *labels]
    parts += _legend(low + 40, elided=max(where) - min(where) >= len(where))
    parts.append(closing(low + 66, caption))
    return figure(caption, WIDTH, low + 74, parts)


def _places(touched: list[int]) -> tuple[dict[int, float], float]:
    """The x of each touched line, what lies between them left out, and the pixels a byte."""
    lines = sorted({sector * SECTOR // LINE_BYTES for sector in touched})
    breaks = sum(b > a + 1 for a, b in zip(lines, lines[1:], strict=False))
    gap = 16 if breaks <= 8 else 4
    scale = (WIDTH - 4 - gap * breaks) / (LINE_BYTES * max(len(lines), 1))
    where, at = {}, 1.0
    for i, line in enumerate(lines):
        at += gap if i and line > lines[i - 1] + 1 else 0
        where[line] = at
        at += LINE_BYTES * scale
    return where, scale


def _ribbon(centre: float, top: float, start: float, bottom: float) -> str:
    """From a lane's box down to its bytes."""
    y0, y1 = LANE_Y + LANE_HEIGHT, BYTES_Y
    bend = (y0 + y1) / 2
    a, b, c, d = centre - top / 2, centre + top / 2, start + bottom, start
    return (f"M{a:.1f} {y0}C{a:.1f} {bend} {d:.1f} {bend} {d:.1f} {y1}L{c:.1f} {y1}"
            f"C{c:.1f} {bend} {b:.1f} {bend} {b:.1f} {y0}Z")  # fmt: skip


def _memory(access: Any, where: dict[int, float], scale: float, wanted: set[int], touched: list[int]
            ) -> tuple[list[str], list[str], list[str], float]:  # fmt: skip
    """What moved for nothing, the sectors' edges, the lines' labels, and the y below them."""
    pixels, below = SECTOR * scale, BYTES_Y + BYTES_HEIGHT
    ground, diagonals, labels = [], [], []
    edges: dict[bool, list[str]] = {False: [], True: []}  # those of touched sectors go on top
    for line, left in where.items():
        for i in range(LINE_BYTES // SECTOR):
            sector, x = line * 4 + i, left + i * pixels
            hit, unused = sector in touched, _unused(line * 4 + i, wanted)
            count = SECTOR - sum(length for _, length in unused)
            tip = f"sector at {_offset(access, sector * SECTOR)}: " + (
                f"{count} of 32 B needed" if hit else "not moved"
            )
            style = f"fill:none;stroke:{BLUE if hit else LINE};stroke-width:{1.2 if hit else 1};pointer-events:all"
            edges[hit].append(rect(x, BYTES_Y, pixels, BYTES_HEIGHT, style, tip))
            for first, length in unused if hit else ():
                start, wide = left + first * scale, length * scale
                ground.append(f"M{start:.1f} {BYTES_Y}h{wide:.1f}v{BYTES_HEIGHT}h{-wide:.1f}z")
                diagonals.append(hatch(start, BYTES_Y, wide, BYTES_HEIGHT))
            if hit and pixels > ROOMY:
                labels.append(text(x + pixels / 2, below + 13, f"{count} of 32 B", MUTED, 10, "middle"))
    low = below + (18 if pixels > ROOMY else 4)
    labels += _addresses(access, where, 4 * pixels, low)
    wasted = [path("".join(ground), f"fill:{AMBER};fill-opacity:.14"), path("".join(diagonals), f"stroke:{AMBER}")]
    return wasted, edges[False] + edges[True], labels, low


def _addresses(access: Any, where: dict[int, float], wide: float, y: float) -> list[str]:
    """A bracket below each line, and its address where there is room."""
    parts = []
    room = max((len(_offset(access, line * LINE_BYTES)) for line in where), default=0) * 6.2 + 10
    free, before = 0.0, None
    for line, left in where.items():
        parts.append(path(f"M{left:.1f} {y}v5H{left + wide:.1f}v-5", f"fill:none;stroke:{GREY};stroke-width:1.4"))
        if before is not None and line > before + 1 and (gap := left - where[before] - wide) > 8:
            parts.append(text(left - gap / 2, BYTES_Y + 19, "⋯", MUTED, 12, "middle"))
        if free <= left < WIDTH - room + 14:
            parts.append(text(left, y + 17, _offset(access, line * LINE_BYTES), MUTED, 10, font=MONO))
            free = left + room
        before = line
    return parts


def _unused(sector: int, wanted: set[int]) -> list[tuple[int, int]]:
    """Runs of bytes that nobody wanted: (first byte in the line, how many)."""
    runs: list[tuple[int, int]] = []
    for byte in range(sector * SECTOR, (sector + 1) * SECTOR):
        if byte in wanted:
            continue
        at = byte % LINE_BYTES
        if runs and sum(runs[-1]) == at:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((at, 1))
    return runs


def _legend(y: float, elided: bool) -> list[str]:
    parts, x = [], 0.0
    moved = f"fill:{AMBER};fill-opacity:.14;stroke:{BLUE}"
    for style, words in ((f"fill:{BLUE};stroke:{BLUE}", "needed"), (moved, "moved, not needed"),
                         (f"fill:none;stroke:{LINE}", "not moved")):  # fmt: skip
        parts.append(rect(x + 0.5, y - 9, 16, 10, style))
        if style is moved:
            parts.append(path(hatch(x + 0.5, y - 9, 16, 10), f"stroke:{AMBER}"))
        parts.append(text(x + 22, y, words, MUTED, 11))
        x += 46 + 6 * len(words)
    parts.append(path(f"M{x} {y - 7}v5h28v-5", f"fill:none;stroke:{GREY};stroke-width:1.4"))
    words = "a line of 128 B, four sectors" + ("; untouched lines between them are left out" if elided else "")
    return [*parts, text(x + 34, y, words, MUTED, 11)]


def _rows(access: Any, wanted: set[int], touched: list[int]) -> list[str]:
    """The text form: a row a line, a character for 4 bytes."""
    lines = sorted({sector * SECTOR // LINE_BYTES for sector in touched})
    rows = []
    for line in lines[:SHOWN_LINES]:
        cells = []
        for sector in range(line * 4, line * 4 + 4):
            words = range(sector * SECTOR, (sector + 1) * SECTOR, 4)
            rest = "░" if sector in touched else " "
            cells.append("".join(_mark(sum(b in wanted for b in range(w, w + 4)), rest) for w in words))
        rows.append(f"  {_offset(access, line * LINE_BYTES):>16} │{'│'.join(cells)}│")
    if len(lines) > SHOWN_LINES:
        rows.append(f"  {'':>16}  and {number(len(lines) - SHOWN_LINES)} more lines of 128 B")
    return rows and [*rows, "  █ needed (▌ in part)  ░ moved, not needed"]


def _mark(count: int, rest: str) -> str:
    return "█" if count == 4 else "▌" if count else rest
