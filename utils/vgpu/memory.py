"""Where bytes live: the global arena, a block's shared memory, a thread's local memory.

Every space is one flat byte array. Shared memory has a copy for each block of the batch, local memory one for each
thread; `base` says where a thread's copy starts, with a shape that broadcasts to (blocks, threads).
Generic addresses are the arena's own; shared and local memory stand in windows above it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .ptx import Variable

GLOBAL_BASE = 0x7000_0000_0000
SHARED_WINDOW = 0x7F00_0000_0000
LOCAL_WINDOW = 0x7F80_0000_0000
WINDOWS = {"global": GLOBAL_BASE, "shared": SHARED_WINDOW, "local": LOCAL_WINDOW}
ALIGNMENT = 256  # of cudaMalloc
GUARD = 4096  # bytes of nobody between two arrays, so that a near miss hits neither
DTYPES = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@dataclass(frozen=True)
class Region:
    """An array: bytes [start, start + size) of its space; item: bytes of an element, for messages."""

    name: str
    start: int
    size: int
    item: int = 1
    symbol: str = ""  # of a variable, its name in the PTX

    @property
    def end(self) -> int:
        return self.start + self.size


class Space:
    """size: bytes of one copy.  marks: which bytes have been read (global memory only) and written."""

    def __init__(self, name: str, regions: Iterable[Region], size: int, copies: int, base: np.ndarray) -> None:
        self.name = name
        self.regions = sorted(regions, key=lambda region: region.start)
        self.named = {region.symbol: region for region in self.regions if region.symbol}
        self.starts = [region.start for region in self.regions]
        self.size = size
        self.stride = -(-size // 16) * 16
        self.bytes = np.zeros(max(self.stride, 16) * copies, np.uint8)
        self.views = _views(self.bytes)
        kinds = ("read", "written") if name == "global" else ("written",)
        self.marks = {kind: _views(np.zeros(len(self.bytes), np.uint8)) for kind in kinds}
        self.complete = name == "global"  # every byte of every copy holds something: no read needs a look
        self.bases = {width: base * (self.stride // width) for width in DTYPES}
        self.single = copies == 1
        self.copies = copies
        self.per_block = name == "shared" and copies > 1

    def forget(self, starts: Sequence[int]) -> None:
        """The regions that begin there hold nothing yet."""
        self.complete = not starts
        if starts:
            self.marks["written"][1][:] = 1
            for region in self.regions:
                if region.start in starts:
                    self.marks["written"][1][region.start : region.end] = 0

    def note_complete(self) -> None:
        if not self.complete and self.name != "global":
            rows = self.marks["written"][1].reshape(-1, max(self.stride, 16))
            self.complete = all(bool(rows[:, one.start : one.end].all()) for one in self.regions)

    def region_at(self, offset: int) -> Region | None:
        """The region that holds this byte."""
        found = bisect_right(self.starts, offset) - 1
        return self.regions[found] if found >= 0 and offset < self.regions[found].end else None

    def nearest(self, offset: int) -> Region | None:
        """The region that an access outside all of them most likely meant."""

        def distance(region: Region) -> int:
            return region.start - offset if offset < region.start else offset - region.end + 1

        return min(self.regions, key=distance, default=None)

    def holds(self, low: int, high: int, meant: Region | None = None) -> bool:
        """Whether bytes [low, high) belong to one region, or to the one that is meant."""
        region = meant or self.region_at(low)
        return region is not None and region.start <= low and high <= region.end

    def inside(self, offsets: np.ndarray, width: int | np.ndarray, meant: Region | None = None) -> np.ndarray:
        """For each offset, whether its `width` bytes belong to one region, or to the one that is meant."""
        if meant:
            return (offsets >= meant.start) & (offsets + width <= meant.end)
        starts = np.array(self.starts, np.int64)
        ends = np.array([region.end for region in self.regions], np.int64)
        found = np.searchsorted(starts, offsets, "right") - 1
        return (found >= 0) & (offsets + width <= ends[found])

    def elements(self, offsets: np.ndarray, width: int) -> np.ndarray:
        """Indices into `views[width]` of each thread's own copy."""
        index = offsets >> (width.bit_length() - 1) if width > 1 else offsets
        return index if self.single else index + self.bases[width]

    def columns(self, view: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
        """A block's copy a row, where every thread slot goes to the same place in each block; else None."""
        if self.per_block and len(offsets) == 1:
            return view.reshape(self.copies, -1)
        return None


def _views(data: np.ndarray) -> dict[int, np.ndarray]:
    return {width: data.view(dtype) for width, dtype in DTYPES.items()}


def lay_out(variables: Sequence[Variable], dynamic: int = 0) -> tuple[list[Region], dict[str, int], int]:
    """Variables one after the other, those of unstated size (dynamic shared memory) sharing the end.

    Returns regions, each variable's offset, and the size in bytes.
    """
    regions, offsets, at = [], {}, 0
    for variable in sorted(variables, key=lambda one: one.size is None):
        start = -(-at // variable.align) * variable.align
        offsets[variable.name] = start
        size = variable.size if variable.size is not None else dynamic
        regions.append(Region(plain_name(variable.name), start, size, min(variable.align, 8), variable.name))
        at = start + (variable.size or 0)
    unstated = [offset for variable in variables if variable.size is None for offset in [offsets[variable.name]]]
    return regions, offsets, max([at, *(offset + dynamic for offset in unstated)])


def plain_name(symbol: str) -> str:
    """`_ZZ9transposePfE4tile` is what the learner called `tile`."""
    if not symbol.startswith("_Z"):
        return symbol
    name, at = symbol, 0
    while at < len(symbol):
        digits = at
        while digits < len(symbol) and symbol[digits].isdigit():
            digits += 1
        length = int(symbol[at:digits] or 0)
        if digits > at and symbol[digits - 1 : digits].isdigit() and digits + length <= len(symbol) and length:
            name, at = symbol[digits : digits + length], digits + length
        else:
            at += 1
    return name


class Arena:
    """Global memory as it fills up: arrays and module variables, each aligned, with guard zones between."""

    def __init__(self) -> None:
        self.regions: list[Region] = []
        self.size = GUARD

    def place(self, name: str, size: int, item: int, align: int = ALIGNMENT) -> int:
        """Returns the offset of the new region."""
        start = -(-self.size // max(align, ALIGNMENT)) * max(align, ALIGNMENT)
        self.regions.append(Region(name, start, size, item))
        self.size = start + size + GUARD
        return start

    def space(self) -> Space:
        return Space("global", self.regions, self.size, 1, np.zeros((1, 1), np.int64))
