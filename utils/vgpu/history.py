"""The past accesses of each granule of a memory space."""

from __future__ import annotations

import numpy as np

from .clocks import BLOCK, ID, SLOT_BITS, WARP


class History:
    """For each granule, past accesses of one kind as time << ID_BITS | thread; 0 is none.

    The latest; the latest before it by another thread of its warp, by another warp of its block, and by another block.
    With barriers of whole blocks and warps, whatever these forget is ordered if these are. Untouched memory costs
    nothing: the system commits zeroed pages on first use.
    """

    def __init__(self, size: int) -> None:
        self.latest = np.zeros(size, np.int64)
        self.others: list[np.ndarray | None] = [None, None, None]

    @property
    def entries(self) -> list[np.ndarray]:
        return [self.latest, *(one for one in self.others if one is not None)]

    def record(self, at: np.ndarray, stamps: np.ndarray, floor: np.ndarray | int) -> None:
        """floor: what is below it is ordered for good and can be forgotten."""
        old = self.latest[at]
        self.latest[at] = stamps
        now = self.latest[at]
        self._keep(at, now, old, (old >= floor) & (((old ^ now) & ID) != 0))
        self._keep(at, now, stamps, now != stamps)  # several threads in this step: one is the latest, these are not

    def _keep(self, at: np.ndarray, latest: np.ndarray, other: np.ndarray, which: np.ndarray) -> None:
        if not which.any():
            return
        at, other, apart = at[which], other[which], ((latest ^ other) & ID)[which]
        for level, (near, far) in enumerate(((0, WARP), (WARP, BLOCK), (BLOCK, ID + 1))):
            here = (apart >= near) & (apart < far)
            if here.any():
                if self.others[level] is None:
                    self.others[level] = np.zeros_like(self.latest)
                self.others[level][at[here]] = other[here]

    def spread(self, blocks: int) -> None:
        """One row for all blocks becomes a row each, with their own threads."""
        shift = (np.arange(blocks, dtype=np.int64) << SLOT_BITS)[:, None]
        self.latest = np.where(self.latest, self.latest + shift, 0).ravel()
        self.others = [None if one is None else np.where(one, one + shift, 0).ravel() for one in self.others]
