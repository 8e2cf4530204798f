"""Pictures of bits: rows of labeled boxes as inline SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

TEXT = "var(--jp-ui-font-color1, #333)"
MUTED = "var(--jp-ui-font-color2, #777)"
MONO = "var(--jp-code-font-family, monospace)"
# Mid tones: legible as a border and, at 25 % opacity, as a fill behind text on white and on black.
COLOURS = {
    "sign": "#d9534f",
    "exponent": "#d98a1f",
    "fraction": "#3f86d8",
    "scale": "#2a9d78",
    "constant": "#9467bd",
    "dropped": "#8a8a8a",
    "unused": "#8a8a8a",
}
HEIGHT, ROW, LABEL = 22, 34, 84
TOP = 34  # the title's line
CHARACTER = 7.9  # width of one in the 13 px fixed font


@dataclass(frozen=True)
class Box:
    """One field or digit: its text, its kind (a key of COLOURS) and its width in bits."""

    text: str
    kind: str
    width: float = 1


@dataclass(frozen=True)
class Row:
    """A line of boxes with a label on the left and a note on the right."""

    label: str
    boxes: Sequence[Box]
    note: str = ""


@dataclass(frozen=True)
class Drawing:
    """A picture that Jupyter shows; elsewhere one line of text."""

    title: str
    html: str

    def __repr__(self) -> str:
        return f"<drawing: {self.title}>"

    def _repr_html_(self) -> str:
        return self.html


def bits(title: str, rows: Iterable[Row]) -> Drawing:
    """Draw `rows` under each other, the title above, below a legend of the kinds of box that occur."""
    rows = list(rows)
    columns = max(sum(box.width for box in row.boxes) for row in rows)
    unit = 19 if columns <= 20 else 15  # pixels a bit; a 32-bit word and its note must fit a notebook's width
    note_x = LABEL + columns * unit + 12
    width = max(note_x + CHARACTER * max(len(row.note) for row in rows), CHARACTER * len(title))
    parts = [_text(0, 15, title, MUTED, size=12)]
    parts += [part for i, row in enumerate(rows) for part in _row(row, TOP + i * ROW, unit, note_x)]
    kinds = [k for k in COLOURS if any(box.kind == k for row in rows for box in row.boxes)]
    height = TOP + len(rows) * ROW + 22
    x = float(LABEL)
    for kind in kinds:
        parts.append(_rect(x, height - 20, 11, 11, kind))
        parts.append(_text(x + 16, height - 10, kind, MUTED, size=11))
        x += 34 + 7 * len(kind)
    svg = (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width:.0f} {height}" '
        f'style="width:{width:.0f}px;max-width:100%;height:auto">{"".join(parts)}</svg>'
    )
    return Drawing(title, svg)


def layout(name: str, sign: int, exponent: int, fraction: int, note: str = "") -> Row:
    """The fields of a format, each box as wide as its number of bits."""
    fields = [("sign", sign), ("exponent", exponent), ("fraction", fraction)]
    boxes = [Box(str(n), kind, n) for kind, n in fields if n]
    return Row(name, boxes, note)


def pattern(name: str, word: int, exponent: int, fraction: int, note: str = "") -> Row:
    """The digits of one bit pattern of a format with a sign bit, coloured by field."""
    digits = f"{word:0{1 + exponent + fraction}b}"
    kinds = ["sign"] + ["exponent"] * exponent + ["fraction"] * fraction
    return Row(name, [Box(d, k) for d, k in zip(digits, kinds, strict=True)], note)


def digits(name: str, text: str, kinds: Sequence[tuple[str, int]], note: str = "") -> Row:
    """Any string of digits, coloured by runs: kinds = [("constant", 6), ("fraction", 4), ...]."""
    colours = [kind for kind, count in kinds for _ in range(count)]
    return Row(name, [Box(d, k) for d, k in zip(text, colours, strict=True)], note)


def _row(row: Row, y: float, unit: float, note_x: float) -> list[str]:
    parts = [_text(0, y + 16, row.label, TEXT, weight=600)]
    x = float(LABEL)
    for box in row.boxes:
        parts.append(_rect(x, y, box.width * unit, HEIGHT, box.kind))
        parts.append(_text(x + box.width * unit / 2, y + 16, box.text, TEXT, anchor="middle"))
        x += box.width * unit
    if row.note:
        parts.append(_text(note_x, y + 16, row.note, MUTED))
    return parts


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    colour = COLOURS[kind]
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2" '
        f'style="fill:{colour};fill-opacity:.25;stroke:{colour};stroke-width:1"/>'
    )


def _text(x: float, y: float, text: str, colour: str, size: int = 13, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" '
        f'style="fill:{colour};font-family:{MONO};font-size:{size}px;font-weight:{weight}">{escape(text)}</text>'
    )
