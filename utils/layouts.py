"""Layouts as CuTe has them, `(shape, stride)`: what they map by brute force, as text, and as pictures.

A shape is a number or a tuple of shapes, its stride has the same nesting. The leftmost mode runs fastest.
Nothing here uses the layout algebra: it is what answers about the algebra are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from .vgpu.show import svg

Layout = tuple[Any, Any]
LARGEST = 1 << 16  # elements whose offsets are listed
HUES = ("#3f86d8", "#d98a1f", "#2a9d78", "#b565c9", "#d9534f", "#9a8a3c", "#4db6c4", "#8a8a8a")
CELL, HIGH, EDGE = 38, 26, 30


def flat(tree: Any) -> list[int]:
    """The numbers of a nested tuple, from left to right: flat(((2, 4), 8)) is [2, 4, 8]."""
    return [number for part in tree for number in flat(part)] if isinstance(tree, (tuple, list)) else [tree]


def modes(layout: Layout) -> list[tuple[int, int]]:
    """All modes of a layout, flat: modes(((2, 4), 8), ((1, 16), 2)) is [(2, 1), (4, 16), (8, 2)]."""
    return list(zip(flat(layout[0]), flat(layout[1]), strict=True))


def size(shape: Any) -> int:
    """How many coordinates a shape has."""
    return prod(flat(shape))


def text(layout: Layout) -> str:
    """As CuTe prints it: "((2,4),8):((1,16),2)"."""
    return f"{_plain(layout[0])}:{_plain(layout[1])}"


def _plain(tree: Any) -> str:
    return f"({','.join(map(_plain, tree))})" if isinstance(tree, (tuple, list)) else str(tree)


def checked(value: Any) -> Layout:
    """`value`, if it is a layout. Raises ValueError with the reason."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError("A layout is wanted, a pair `(shape, stride)`")
    if not _alike(*value):
        raise ValueError("Shape and stride of a layout must have the same nesting, of integers")
    if any(s < 1 or d < 0 for s, d in modes(value)):
        raise ValueError("Sizes must be at least 1, strides at least 0")
    return tuple(value)


def _alike(shape: Any, stride: Any) -> bool:
    nested = [isinstance(tree, (tuple, list)) for tree in (shape, stride)]
    if all(nested):
        return len(shape) == len(stride) > 0 and all(map(_alike, shape, stride))
    return not any(nested) and all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in (shape, stride)
    )


def offsets(layout: Layout) -> np.ndarray:
    """What index 0, 1, 2, ... maps to. Raises ValueError if it is no layout, or one too large to list."""
    layout = checked(layout)
    if size(layout[0]) > LARGEST:
        raise ValueError(f"A layout of {size(layout[0]):,} elements is larger than any that is wanted")
    found = np.zeros(1, np.int64)
    for extent, stride in modes(layout):
        found = (found[None, :] + stride * np.arange(extent, dtype=np.int64)[:, None]).ravel()
    return found


def layout_of(values: Sequence[int]) -> Layout | None:
    """The flat layout of fewest modes with these offsets; None if no layout has them."""
    rest, extents, strides = np.asarray(values, np.int64), [], []
    if rest[0] != 0:
        return None
    while len(rest) > 1:
        line = rest == rest[1] * np.arange(len(rest))
        run = len(rest) if line.all() else int(np.argmin(line))
        if len(rest) % run:
            return None
        table = rest.reshape(-1, run)
        if rest[1] < 0 or (table != table[:, :1] + table[:1]).any():
            return None
        extents.append(run)
        strides.append(int(rest[1]))
        rest = table[:, 0]
    if not extents:
        return 1, 0
    return (extents[0], strides[0]) if len(extents) == 1 else (tuple(extents), tuple(strides))


def draw_layout(layout: Layout, title: str = "", colour: Callable[[int, int], int] | None = None) -> svg.Picture:
    """A layout of two modes as a grid: row is the coordinate in mode 0, column that in mode 1, in the cell the offset.

    colour(row, column) -> which of eight colours the cell gets; without it, by offset, from light to dark.
    """
    rows, columns = (size(mode) for mode in layout[0])
    table = offsets(layout).reshape(columns, rows).T
    words = [[str(value) for value in row] for row in table]
    top = max(int(table.max()), 1)

    def style(row: int, column: int) -> tuple[str, float]:
        if colour is None:
            return HUES[0], 0.08 + 0.5 * table[row, column] / top
        return HUES[colour(row, column) % len(HUES)], 0.3

    return draw_grid(words, title or text(layout), style)


def draw_threads(layout: Layout, rows: int, columns: int, title: str = "") -> svg.Picture:
    """Who holds what: a layout (thread, value) -> index in a column-major tile of rows x columns."""
    threads = size(layout[0][0])
    words, owner = [["·"] * columns for _ in range(rows)], {}
    for number, index in enumerate(offsets(layout)):
        row, column = index % rows, index // rows
        words[row][column] = f"T{number % threads} V{number // threads}"
        owner[row, column] = number % threads

    def style(row: int, column: int) -> tuple[str, float]:
        return HUES[owner.get((row, column), 7) % len(HUES)], 0.3 if (row, column) in owner else 0.05

    return draw_grid(words, title or text(layout), style)


def draw_grid(
    words: Sequence[Sequence[str]], title: str, style: Callable[[int, int], tuple[str, float]], numbered: bool = True
) -> svg.Picture:
    """A table of small texts on coloured ground; numbered: rows and columns have their number beside them."""
    longest = max(len(word) for row in words for word in row)
    wide = max(CELL, 8 * longest + 8)
    parts = []
    for row, line in enumerate(words):
        y = EDGE + row * HIGH
        if numbered:
            parts.append(svg.text(EDGE - 8, y + 17, str(row), svg.MUTED, 11, "end"))
        for column, word in enumerate(line):
            hue, opacity = style(row, column)
            ground = f"fill:{hue};fill-opacity:{opacity:.2f};stroke:{svg.GREY};stroke-opacity:.6;stroke-width:.7"
            x = EDGE + column * wide
            parts.append(svg.rect(x, y, wide, HIGH, ground))
            parts.append(svg.text(x + wide / 2, y + 17, word, anchor="middle", font=svg.MONO))
    for column in range(len(words[0]) if numbered else 0):
        parts.append(svg.text(EDGE + (column + 0.5) * wide, EDGE - 8, str(column), svg.MUTED, 11, "middle"))
    bottom = EDGE + len(words) * HIGH + 22
    width = max(EDGE + len(words[0]) * wide + 4, 8.2 * len(title))
    picture = svg.figure(title, width, bottom + 8, [*parts, svg.closing(bottom, title)])
    lines = ["".join(f"{word:>{longest + 2}}" for word in line) for line in words]
    return svg.Picture(title, picture, "\n".join([title, *lines]))
