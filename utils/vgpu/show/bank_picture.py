"""One warp's request to shared memory: banks as columns, wavefronts as rows."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from .schedule import BANKS, LANES, Served, lanes_together, schedule
from .sector_picture import heading
from .svg import BLUE, GREY, LINE, MONO, MUTED, RED, TEXT, Picture, closing, figure, number, plural, rect, text

CELL, LEFT, TOP = 24, 88, 46
SHOWN_ROWS = 10  # of the text form
PORTIONS = {LANES: "warp", 16: "half warp", 8: "quarter warp"}


def banks(access: Any) -> Picture:
    """Which lanes each bank serves in each wavefront of one warp's request."""
    if access.space != "shared":
        raise ValueError(f"{access.space} memory has sectors, not banks: show it with sectors(access)")
    # Banks count from the start of shared memory, not of the array.
    addresses = [None if a is None else a + access.base for a in access.addresses]
    wavefronts = schedule(addresses, access.width, access.op == "ld")
    together = lanes_together(access.width, addresses if access.op == "ld" else ())
    turns = [(portion, list(rows)) for portion, rows in groupby(wavefronts, lambda row: row[0][1][0] // together)]
    caption = _caption(turns, together)
    title = heading(access)
    return Picture(caption, _draw(turns, together, caption, title), "\n".join([title, *_rows(turns), caption]))


def _caption(turns: list[tuple[int, list[list[Served]]]], together: int) -> str:
    total, fewest = sum(len(rows) for _, rows in turns), len(turns)
    if not turns:
        return "no active lane, no wavefront"
    ways = max(len(rows) for _, rows in turns)
    each = f", one for each {PORTIONS[together]}" if fewest > 1 else ""
    if total == fewest:
        words = f"no conflict: {plural(total, 'wavefront')}{each}"
    else:
        words = f"{ways}-way conflict: {plural(total, 'wavefront')} where {fewest} would do{each}"
    shared = max(len(lanes) for _, rows in turns for row in rows for _, lanes, _ in row)
    return words if shared == 1 else f"{words}; a word goes to up to {shared} lanes at once (broadcast)"


def _draw(turns: list[tuple[int, list[list[Served]]]], together: int, caption: str, title: str) -> str:
    count = sum(len(rows) for _, rows in turns)
    height = 20 if count <= 10 else 16 if count <= 20 else 13
    parts = [text(0, 13, title, MUTED), text(LEFT - 10, TOP - 6, "bank", MUTED, 11, "end")]
    parts += [text(LEFT + (b + 0.5) * CELL, TOP - 6, str(b), MUTED, 10, "middle", font=MONO) for b in range(BANKS)]
    y = float(TOP)
    number_of = 0
    for portion, rows in turns:
        if together < LANES:
            first = portion * together
            parts.append(text(LEFT, y + 11, f"lanes {first}–{first + together - 1}", MUTED, 10))
            y += 16
        for turn, row in enumerate(rows):
            number_of += 1
            name = f"wavefront {number_of}" if height > 13 or turn in (0, len(rows) - 1) else str(number_of)
            parts.append(
                text(LEFT - 10, y + height / 2 + 4, name, MUTED if turn else TEXT, 11 if height > 13 else 10, "end")
            )
            parts.append(rect(LEFT, y + 1, BANKS * CELL, height - 2, f"fill:{GREY};fill-opacity:.07"))
            parts += [_cell(y, height, run, turn) for run in _runs(row)]
            y += height
    parts += [
        rect(LEFT + b * CELL, TOP, 0.01, y - TOP, f"stroke:{LINE};stroke-width:.5") for b in range(0, BANKS + 1, 4)
    ]
    y += 20
    cells = [served for _, rows in turns for row in rows for served in row]
    legend = [(BLUE, "a lane, served in the first turn")]
    legend += [(RED, "had to wait for its bank")] if count > len(turns) else []
    legend += [("", "×4 or 0–3: four lanes get the same word")] if any(len(lanes) > 1 for _, lanes, _ in cells) else []
    x = LEFT
    for colour, words in legend:
        parts += [rect(x, y - 9, 16, 10, _style(colour))] if colour else []
        parts.append(text(x + 22, y, words, MUTED, 11))
        x += 46 + 6 * len(words)
    parts.append(closing(y + 26, caption))
    return figure(caption, LEFT + BANKS * CELL, y + 34, parts)


def _runs(row: list[Served]) -> list[list[Served]]:
    """Neighbouring banks that serve one lane's wide word, together."""
    runs: list[list[Served]] = []
    for served in row:
        if runs and served[1] == runs[-1][-1][1] and served[2] == runs[-1][-1][2] + 1:
            runs[-1].append(served)
        else:
            runs.append([served])
    return runs


def _style(colour: str) -> str:
    return f"fill:{colour};fill-opacity:.28;stroke:{colour};stroke-width:1"


def _cell(y: float, height: float, run: list[Served], turn: int) -> str:
    bank, lanes, word = run[0]
    colour = RED if turn else BLUE
    x, width = LEFT + bank * CELL, len(run) * CELL
    who = f"lane {lanes[0]}" if len(lanes) == 1 else f"lanes {', '.join(map(str, lanes))}"
    tip = f"bank {bank}, word {word}: {who}"
    label = _lanes(lanes)
    small = 8.5 if len(label) > 3 and len(run) == 1 else 10
    return rect(x + 1, y + 1, width - 2, height - 2, _style(colour), tip, 2) + text(
        x + width / 2, y + height / 2 + 3.5, label, TEXT, small, "middle", font=MONO
    )


def _lanes(lanes: tuple[int, ...]) -> str:
    """As much as fits a cell: 7, 0–31, ×4."""
    if len(lanes) == 1:
        return str(lanes[0])
    if len(lanes) > 2 and lanes[-1] - lanes[0] == len(lanes) - 1:
        return f"{lanes[0]}–{lanes[-1]}" if lanes[-1] < 10 or lanes[0] == 0 else f"×{len(lanes)}"
    return f"×{len(lanes)}"


def _rows(turns: list[tuple[int, list[list[Served]]]]) -> list[str]:
    """The text form: a row a wavefront, a lane in the column of its bank, + where others get the same word."""
    wavefronts = [row for _, rows in turns for row in rows]
    lines = ["  bank         " + "".join(f"{bank:>4}" for bank in range(BANKS))]
    for i, row in enumerate(wavefronts[:SHOWN_ROWS]):
        cells = {bank: f"{lanes[0]}{'+' if len(lanes) > 1 else ''}" for bank, lanes, _ in row}
        lines.append(f"  wavefront {i + 1:>2} " + "".join(f"{cells.get(bank, '·'):>4}" for bank in range(BANKS)))
    if len(wavefronts) > SHOWN_ROWS:
        lines.append(f"  and {number(len(wavefronts) - SHOWN_ROWS)} more wavefronts")
    return lines
