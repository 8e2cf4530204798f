"""Inline SVG and HTML that follow JupyterLab's theme: no scripts, no ids, nothing from the network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from math import log2

TEXT = "var(--jp-ui-font-color1, #222)"
MUTED = "var(--jp-ui-font-color2, #666)"
LINE = "var(--jp-border-color2, #ccc)"
PAPER = "var(--jp-layout-color1, #fff)"
SHADE = "var(--jp-layout-color2, #f4f4f4)"
MONO = "var(--jp-code-font-family, monospace)"
SANS = "var(--jp-ui-font-family, sans-serif)"
# Mid tones: legible as ink, and with some transparency as a ground behind text, on white and on black.
BLUE, AMBER, RED, GREEN, GREY = "#3f86d8", "#d98a1f", "#d9534f", "#2a9d78", "#8a8a8a"
WARM, HOT = (226, 164, 42), (214, 56, 48)


@dataclass(frozen=True)
class Picture:
    """Notebooks show `html`, terminals `text`; `caption` is what it says, in a line."""

    caption: str
    html: str
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.html


def element(tag: str, *body: str, **attributes: object) -> str:
    """Attributes in Python's spelling (`text_anchor`, `aria_label`); the body is markup, not text."""
    words = "".join(f' {name.strip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    return f"<{tag}{words}>{''.join(body)}</{tag}>" if body else f"<{tag}{words}/>"


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))


def rect(x: float, y: float, width: float, height: float, style: str, title: str = "", radius: float = 0) -> str:
    tip = [element("title", escape(title))] if title else []
    return element("rect", *tip, x=x, y=y, width=width, height=height, rx=radius, style=style)


def text(x: float, y: float, words: str, colour: str = TEXT, size: float = 12, anchor: str = "start",
         weight: int = 400, font: str = SANS) -> str:  # fmt: skip
    style = f"fill:{colour};font:{weight} {size:g}px {font}"
    return element("text", escape(words), x=x, y=y, text_anchor=anchor, style=style)


def path(d: str, style: str) -> str:
    return element("path", d=d, style=style)


def figure(caption: str, width: float, height: float, parts: list[str]) -> str:
    """One picture; a screen reader gets its caption."""
    style = f"display:block;width:{width:g}px;max-width:100%;height:auto"
    return element("svg", *parts, role="img", aria_label=caption, viewBox=f"0 0 {width:g} {height:g}", style=style)


def closing(y: float, caption: str) -> str:
    """The caption below a picture, what comes after its semicolon less loud."""
    said, semicolon, rest = caption.partition(";")
    quiet = element("tspan", escape(semicolon + rest), style="font-weight:400")
    return element("text", escape(said), quiet, x=0, y=y, style=f"fill:{TEXT};font:600 13px {SANS}")


def hatch(x: float, y: float, width: float, height: float, step: float = 5) -> str:
    """Path data of diagonals in a rectangle. (A pattern would need an id, and ids of two pictures would collide.)"""
    d, shift = [], step - (x % step)
    while shift < width + height:
        # the diagonal from (x + shift, y) down to the left, cut at the rectangle's sides
        start, end = min(shift, width), max(shift - height, 0)
        d.append(f"M{x + start:.1f} {y + shift - start:.1f}L{x + end:.1f} {y + shift - end:.1f}")
        shift += step
    return "".join(d)


def heat(factor: float, strength: float = 1) -> str:
    """A ground for a value that is `factor` times the ideal: none at 1, hottest from 32 on."""
    if factor < 1.02:
        return "transparent"
    t = min(log2(factor) / 5, 1)
    red, green, blue = (round(warm + (hot - warm) * t) for warm, hot in zip(WARM, HOT, strict=True))
    return f"rgba({red},{green},{blue},{strength * (0.2 + 0.42 * t):.2f})"


def prose(words: str) -> str:
    """Escape; `code` becomes a code element."""
    style = f"font-family:{MONO};font-size:.95em;background:{SHADE};color:inherit;padding:0 3px;border-radius:3px"
    return re.sub(r"`([^`]+)`", rf'<code style="{style}">\1</code>', escape(words, quote=False))


def number(value: float) -> str:
    """3 digits that matter: 4, 1.9, 1,024, 16.4 k, 1.05 M."""
    for size, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            scaled = value / min(size, 1e3 if suffix == " k" else size)
            return f"{scaled:.3g}{suffix}" if scaled < 999.5 else f"{scaled:.0f}{suffix}"
    if abs(value - round(value)) < 1e-9:
        return f"{round(value):,}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 2 else 2
    return f"{value:.{digits}f}" if abs(value - round(value)) >= 0.05 else f"{value:.3g}"


def size(count: float) -> str:
    """Bytes: 96 B, 1,024 B, 65.5 kB, 4.19 MB."""
    words = number(count)
    return f"{words}B" if " " in words else f"{words} B"


def times(factor: float) -> str:
    """8×, 1.5×, 1.03×."""
    return f"{factor:.3g}×" if factor < 1.1 else f"{factor:.2g}×" if factor < 10 else f"{factor:.0f}×"


def plural(count: int, noun: str) -> str:
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"
