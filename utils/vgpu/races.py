"""Data races: two accesses of one granule, one of them a write, not both atomic, and neither ordered before the other.

The shadow of a memory space keeps, for each granule, the few past accesses on which the verdict depends. It finds races
by what happens before what (clocks.py), not by what this schedule let happen.

Several threads that write the same value without order are no race here: compute-sanitizer's racecheck gives such
hazards the severity INFO, since the result does not depend on the order.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .clocks import BLOCK, ID, ID_BITS, SLOT_BITS, Order
from .history import History

SHOWN = 8  # conflicts spelled out per access
WORDS = ("read", "write", "atomic")


class Conflict(NamedTuple):
    granule: int
    block: int  # of this access, counted within the batch
    thread: int  # slot
    kind: str  # "read-write": this access is a read, the other one a write; "atomic" counts as a word too
    other_block: int  # of the other access, counted within the grid
    other_thread: int
    other_site: int


class Found(NamedTuple):
    """count: granule accesses in conflict; the first few of them."""

    count: int
    examples: list[Conflict]

    def __bool__(self) -> bool:
        return self.count > 0


NOTHING = Found(0, [])


class Races:
    """The shadow of one memory space.

    space: "shared" (a copy per block, fresh in each batch) or "global" (one for the grid).  granules: of the space (of
    one block's copy).  Accesses of a call go to `span` consecutive granules from `index`; those of one step either
    coincide or do not overlap, as aligned accesses of one width do.
    index, mask, values: broadcastable to (blocks, threads); the index of a thread that the mask leaves out is not
    looked at.
    """

    def __init__(self, space: str, granules: int, order: Order) -> None:
        self.space, self.granules, self.order = space, granules, order
        self.own = space == "shared"
        self.times, self.sites, self.words = array("q"), array("q"), array("b")
        self._clear()

    def begin_batch(self) -> None:
        """After Order.begin_batch."""
        if self.own:
            self._clear()
        else:
            self.rows = self.order.blocks

    def _clear(self) -> None:
        self.rows = 1
        self.past: dict[str, History] = {}  # by kind: read, write, strong read, strong write
        self.values: np.ndarray | None = (
            None  # of the latest plain write; a hash over the blocks while they share a row
        )
        self.hashed = 0  # up to when they were hashes that no longer compare

    # accesses

    def read(self, index: np.ndarray, span: int, mask: np.ndarray, step: int, site: int, strong: bool = False) -> Found:
        """strong: volatile, relaxed or acquire, which does not race with strong writes."""
        if strong:
            return self._access(index, span, mask, step, site, 0, "strong read", ("write",))
        return self._access(index, span, mask, step, site, 0, "read", ("write", "strong write"))

    def write(
        self, index: np.ndarray, span: int, mask: np.ndarray, step: int, site: int,
        values: Sequence[np.ndarray] | None = None, strong: bool = False,
    ) -> Found:  # fmt: skip
        """values: the raw registers stored one after the other, equally wide, together `span` granules."""
        if strong:
            return self._access(index, span, mask, step, site, 1, "strong write", ("write", "read"))
        everything = ("write", "read", "strong write", "strong read")
        return self._access(index, span, mask, step, site, 1, "write", everything, values)

    def atomic(self, index: np.ndarray, span: int, mask: np.ndarray, step: int, site: int) -> Found:
        return self._access(index, span, mask, step, site, 2, "strong write", ("write", "read"))

    # flags: what strong accesses order, to be told after the access itself

    def publish(self, index: np.ndarray, mask: np.ndarray, step: int, release: bool = False) -> None:
        """A strong write.  release: .release, which needs no fence before it."""
        self._flag(index, mask, step, False, True, False, release)

    def observe(self, index: np.ndarray, mask: np.ndarray, step: int, acquire: bool = False) -> None:
        """A strong read.  acquire: .acquire, which needs no fence after it."""
        self._flag(index, mask, step, True, False, acquire, False)

    def exchange(
        self, index: np.ndarray, mask: np.ndarray, step: int, wrote: np.ndarray | bool = True,
        acquire: bool = False, release: bool = False,
    ) -> None:  # fmt: skip
        """A read-modify-write, thread after thread in ascending order.  wrote: not where compare-and-swap failed."""
        self._flag(index, mask, step, True, wrote, acquire, release)

    def _flag(self, index, mask, step, reads, writes, acquire, release) -> None:  # noqa: ANN001
        if not self.order.fences:
            return
        if self.own:
            self.order.spread()  # each block's flag is its own
        mask = np.broadcast_to(mask, (self.order.blocks, self.order.threads))
        at = np.broadcast_to(self._places(index), mask.shape)[mask]
        writes = writes if isinstance(writes, bool) else np.broadcast_to(writes, mask.shape)[mask]
        self.order.flags.exchange(self.space, at, self.order.ids[mask], step + 1, reads, writes, acquire, release)

    # the shadow

    def _places(self, index: np.ndarray) -> np.ndarray:
        """Where in the shadow."""
        if self.own and self.order.rows > 1:
            return index + np.arange(self.order.rows)[:, None] * self.granules
        return np.atleast_2d(index)

    def _lanes(self, index: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | int]:
        """Of each active thread: its place in the shadow, its number, and the stamp below which all is ordered."""
        order, index, mask = self.order, np.atleast_2d(index), np.atleast_2d(mask)
        if self.own:
            if len(index) > 1 or len(mask) > 1:
                order.spread()
            if self.rows < order.rows:
                self._spread()
        shape = (self.rows, order.threads)
        floor = order.bar.astype(np.int64) + 1 << ID_BITS if self.own else 1 << ID_BITS
        parts = [self._places(index), order.ids[: self.rows]]
        if self.own and self.rows > 1:
            parts.append(floor)
        elif self.own:
            floor = int(floor[0, 0])
        if mask.all():
            parts = [np.broadcast_to(one, shape).ravel() for one in parts]
        else:
            mask = np.broadcast_to(mask, shape)
            parts = [np.broadcast_to(one, shape)[mask] for one in parts]
        return parts[0], parts[1], parts[2] if len(parts) > 2 else floor

    def _spread(self) -> None:
        self.rows = self.order.rows
        for history in self.past.values():
            history.spread(self.rows)
        if self.values is not None:
            self.values = np.zeros(self.granules * self.rows, np.uint32)
            self.hashed = self.times[-1] + 1 << ID_BITS

    def _access(
        self, index: np.ndarray, span: int, mask: np.ndarray, step: int, site: int, word: int, kind: str,
        against: Sequence[str], values: Sequence[np.ndarray] | None = None,
    ) -> Found:  # fmt: skip
        at, threads, floor = self._lanes(index, mask)
        stamps = threads + (step + 1 << ID_BITS)
        self.times.append(step + 1), self.sites.append(site), self.words.append(word)
        pieces = self._pieces(values, span, mask, stamps) if kind == "write" else [None] * span
        size = self.granules * (self.rows if self.own else 1)
        mine = self.past.get(kind)
        if mine is None:
            mine = self.past[kind] = History(size)
        count, examples = 0, []
        for piece in pieces:
            hit = None
            for other in against:
                if other in self.past:
                    for entries in self.past[other].entries:
                        earlier = entries[at]
                        near = (earlier >= floor) & (((earlier ^ threads) & ID) != 0)
                        if not near.any():
                            continue
                        lanes = np.flatnonzero(near)
                        if other == "strong write" and entries is not self.past[other].latest:
                            lanes = lanes[~self._atomic(self.past[other].latest[at[lanes]])]
                        if piece is not None and other == "write":
                            differ = (self.values[at[lanes]] != piece[lanes]) & (earlier[lanes] >= self.hashed)
                            lanes = lanes[differ]
                        lanes = lanes[self.order.unordered(earlier[lanes], threads[lanes])]
                        hit = self._note(hit, lanes, at, threads, earlier, word, examples)
            if piece is None:
                mine.record(at, stamps, floor)
            else:
                mine.latest[at] = stamps
                self.values[at] = piece
                now = mine.latest[at]
                lanes = np.flatnonzero(now != stamps)
                lanes = lanes[self.values[at[lanes]] != piece[lanes]]
                hit = self._note(hit, lanes, at, threads, now, word, examples)
            count += 0 if hit is None else int(np.count_nonzero(hit))
            if span > 1:
                at = at + 1
        return Found(count * (self.order.blocks // self.rows), examples) if count else NOTHING

    def _atomic(self, stamps: np.ndarray) -> np.ndarray:
        """Whether these were read-modify-writes, which order all earlier strong writes of the granule before them."""
        found = np.searchsorted(np.frombuffer(self.times, np.int64), stamps >> ID_BITS)
        return np.frombuffer(self.words, np.int8)[found] == WORDS.index("atomic")

    def _pieces(self, values, span, mask, stamps) -> list[np.ndarray]:  # noqa: ANN001
        """What each granule of the span is given, by active thread."""
        if self.values is None:
            self.values = np.zeros(self.granules * (self.rows if self.own else 1), np.uint32)
        if values is None:  # unknown: something that nobody else is likely to write
            return [(stamps * 0x9E3779B1 >> 13).astype(np.uint32)] * span
        shape = (self.rows, self.order.threads)
        mask = np.broadcast_to(np.atleast_2d(mask), shape)
        whole = mask.all()
        out = []
        for register in values:
            register = np.atleast_2d(register)
            per = span // len(values)  # granules in a register
            if register.dtype.itemsize // per < register.dtype.itemsize:
                narrow = np.dtype(f"u{register.dtype.itemsize // per}")
                register = np.ascontiguousarray(register)[..., None].view(narrow)
            else:
                register = register[..., None]
            for part in range(per):
                piece = register[..., part]
                if self.rows < self.order.blocks:  # equal in all blocks, or not the same
                    weights = np.arange(1, 2 * self.order.blocks, 2, dtype=np.uint32)[:, None] * np.uint32(0x9E3779B1)
                    piece = (piece * weights).sum(0, np.uint32, keepdims=True)
                piece = np.broadcast_to(piece, shape)
                out.append(piece.ravel() if whole else piece[mask])
        return out

    def _note(self, hit, lanes, at, threads, earlier, word, examples) -> np.ndarray | None:  # noqa: ANN001
        """Add the lanes in conflict; spell out the first few."""
        if not len(lanes):
            return hit
        hit = np.zeros(len(at), bool) if hit is None else hit
        for lane in lanes[~hit[lanes]][: SHOWN - len(examples)].tolist():
            other, thread = int(earlier[lane]), int(threads[lane])
            entry = bisect_left(self.times, other >> ID_BITS)
            examples.append(
                Conflict(
                    int(at[lane]) % self.granules,
                    (thread >> SLOT_BITS) - self.order.first,
                    thread & (BLOCK - 1),
                    f"{WORDS[word]}-{WORDS[self.words[entry]]}",
                    (other & ID) >> SLOT_BITS,
                    other & (BLOCK - 1),
                    self.sites[entry],
                )
            )
        hit[lanes] = True
        return hit
