"""HTML for notebook cells: colours that follow JupyterLab's theme, no scripts, nothing from the network."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

TEXT = "var(--jp-content-font-color1, #222)"
MUTED = "var(--jp-content-font-color2, #666)"
LINE = "var(--jp-border-color2, #ccc)"
PAPER = "var(--jp-layout-color1, #fff)"
SHADE = "var(--jp-layout-color2, #f4f4f4)"
MONO = "var(--jp-code-font-family, monospace)"
GREEN = "var(--jp-success-color1, #2e7d32)"
RED = "var(--jp-error-color1, #c62828)"
AMBER = "var(--jp-warn-color1, #b26a00)"
BLUE = "var(--jp-info-color1, #0277bd)"


def inline(text: str) -> str:
    """Escape `text`; `code` and **bold** become HTML."""
    text = html.escape(text, quote=False)
    code = rf'<code style="font-family:{MONO};background:{SHADE};padding:0 3px;border-radius:3px">\1</code>'
    text = re.sub(r"`([^`]+)`", code, text)
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)


def pre(text: str) -> str:
    return (
        f'<pre style="margin:2px 0;padding:6px 8px;background:{SHADE};color:{TEXT};font-size:12px;'
        f'line-height:1.35;overflow-x:auto;border-radius:3px">{html.escape(text, quote=False)}</pre>'
    )


def card(title: str, colour: str, rows: list[tuple[str, str]]) -> str:
    """A titled box with a coloured edge; each row is (label, HTML)."""
    body = "".join(
        f'<div style="display:flex;gap:12px;margin-top:4px"><div style="flex:0 0 68px;text-align:right;'
        f'color:{MUTED}">{html.escape(label)}</div><div style="flex:1;min-width:0">{cell}</div></div>'
        for label, cell in rows
    )
    return (
        f'<div style="border:1px solid {LINE};border-left:4px solid {colour};border-radius:4px;'
        f"padding:8px 12px;margin:4px 0;max-width:860px;color:{TEXT};background:{PAPER};"
        f'font-size:13px;line-height:1.5"><div style="font-weight:600;color:{colour}">{inline(title)}</div>'
        f"{body}</div>"
    )


@dataclass(frozen=True)
class Card:
    """What `hint`, `reveal`, `reset` and `progress` show: rows are (label, text), or (label, HTML) if `raw`."""

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    colour: str = BLUE
    raw: str = ""

    def __repr__(self) -> str:
        return self.title

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"  {label:>8} · {text}" for label, text in self.rows)])

    def _repr_html_(self) -> str:
        rows = [(label, pre(text) if "\n" in text else inline(text)) for label, text in self.rows]
        return card(self.title, self.colour, rows if not self.raw else [("", self.raw)])
