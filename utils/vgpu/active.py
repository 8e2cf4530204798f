"""Which threads take part in an instruction."""

from __future__ import annotations

from functools import cached_property

import numpy as np

LANES = 32


class Parted(Exception):
    """An exchange names lanes that are not here yet.  warps: mask of the threads whose warps wait for them."""

    def __init__(self, warps: np.ndarray) -> None:
        self.warps = warps


class Active:
    """mask: bool of shape (1, T), the same threads in each of the batch's blocks, or (blocks, T); never empty.

    whole: every thread that still runs is among them, so that what the others hold does not matter.
    """

    def __init__(self, mask: np.ndarray, blocks: int, whole: bool) -> None:
        self.mask = mask
        self.blocks = blocks
        self.alike = blocks // len(mask)  # how many blocks a row of the mask stands for
        self.whole = whole

    @cached_property
    def threads(self) -> int:
        return int(np.count_nonzero(self.mask)) * self.alike

    @cached_property
    def lanes(self) -> np.ndarray:
        """The mask as (rows, warps, 32)."""
        return self.mask.reshape(len(self.mask), -1, LANES)

    @cached_property
    def warps(self) -> int:
        return int(np.count_nonzero(self.lanes.any(-1))) * self.alike

    @cached_property
    def full(self) -> bool:
        """Every slot of every block, unused ones included: no mask is needed."""
        return bool(self.mask.all())

    @cached_property
    def first(self) -> tuple[int, int]:
        """Row and slot of one active thread."""
        return divmod(int(self.mask.argmax()), self.mask.shape[1])

    def where(self, predicate: np.ndarray) -> Active | None:
        """Those for which the predicate holds; None if there are none."""
        if np.ndim(predicate) == 0 or predicate.size == 1:
            return self if predicate.all() else None
        mask = self.mask & predicate
        threads = int(np.count_nonzero(mask)) * (self.blocks // len(mask))
        if threads == self.threads:
            return self
        if not threads:
            return None
        part = Active(mask, self.blocks, False)
        part.threads = threads
        return part

    def one_of(self, values: np.ndarray) -> np.generic:
        """The value that one active thread has."""
        if np.ndim(values) == 0:
            return values
        row, slot = self.first
        return values[min(row, len(values) - 1), min(slot, values.shape[1] - 1)]

    def pick(self, values: np.ndarray) -> np.ndarray:
        """The values of the active threads of all blocks, one after the other: shape (threads,)."""
        shape = np.broadcast_shapes(self.mask.shape, np.shape(values), (self.blocks, 1))
        return np.broadcast_to(values, shape)[np.broadcast_to(self.mask, shape)]

    def spread(self, picked: np.ndarray) -> np.ndarray:
        """The inverse of `pick`: shape (blocks, T), zero where not active."""
        out = np.zeros((self.blocks, self.mask.shape[1]), picked.dtype)
        out[np.broadcast_to(self.mask, out.shape)] = picked
        return out
