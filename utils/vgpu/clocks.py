"""What happens before what: barriers, warp syncs, and fences with flags.

Time is the machine's step number plus one, so that 0 is "never". A thread is one integer, block << 10 | slot, so
that the exclusive or of two threads tells how far apart they are: 0 the same, below 32 one warp, below 1024 one
block. An earlier access (thread t, time s) happens before what thread u does now if

* t is u (program order), or
* t and u share a block and s <= the block's last bar.sync, or share a warp and s <= a bar.warp.sync of both, or
* a clock that u holds knows t up to s (flags.py: fences with flags, barriers of a part of a block).

All arrays have one row for all blocks until the blocks stop doing the same; then one row each.
"""

from __future__ import annotations

import numpy as np

from .flags import Flags

LANES = 32
WARP = 1 << 5  # threads closer than this share a warp
BLOCK = 1 << 10  # ... a block: no block has more than 1024 threads
SLOT_BITS = 10
ID_BITS = 34  # a thread; above it 29 bits of time
ID = (1 << ID_BITS) - 1


class Order:
    """The order that synchronisation gives to the accesses of one kernel, in every memory space.

    threads: slots per block, a multiple of 32; real: those that exist.  fences: does the kernel contain any fence,
    release or acquire at all (if not, flags order nothing and cost nothing).
    """

    def __init__(self, threads: int, real: int | None = None, fences: bool = False) -> None:
        self.threads, self.warps = threads, threads // LANES
        self.padding = np.arange(threads) >= (threads if real is None else real)
        self.fences = fences
        self.flags = Flags(self)

    def begin_batch(self, first_block: int, blocks: int) -> None:
        """The blocks first_block, first_block + 1, ... of the grid start; those of earlier batches have ended."""
        self.first, self.blocks, self.rows = first_block, blocks, 1
        numbers = np.arange(first_block, first_block + blocks, dtype=np.int64)[:, None]
        self.ids = (numbers << SLOT_BITS) + np.arange(self.threads)
        self.bar = np.zeros((1, 1), np.int32)  # last bar.sync of the block
        self.sync = np.zeros((1, self.warps), np.int32)  # last bar.warp.sync of the whole warp
        self.met: np.ndarray | None = None  # (rows, threads, 32): up to when a thread knows each lane of its warp
        self.flags.begin_batch()

    def spread(self) -> None:
        """From now on the blocks differ: a row for each."""
        if self.rows == self.blocks:
            return
        self.rows = self.blocks
        for owner, names in ((self, ("bar", "sync", "met")), (self.flags, Flags.ARRAYS)):
            for name in names:
                if (array := getattr(owner, name)) is not None:
                    setattr(owner, name, np.repeat(array, self.blocks, 0))

    def rows_of(self, mask: np.ndarray) -> np.ndarray:
        """The mask as (rows, threads)."""
        mask = np.atleast_2d(mask)
        if len(mask) > 1:
            self.spread()
        return np.broadcast_to(mask, (self.rows, self.threads))

    # what the machine tells

    def barrier(self, blocks_mask: np.ndarray, step: int) -> None:
        """bar.sync: all threads of these blocks that still run have met.  blocks_mask: bool, (1, 1) or (B, 1)."""
        blocks_mask = np.atleast_2d(blocks_mask)
        if len(blocks_mask) > 1 and not blocks_mask.all():
            self.spread()
        chosen = np.broadcast_to(blocks_mask, (self.blocks, 1))[: self.rows]
        np.copyto(self.bar, step + 1, where=chosen)
        self.flags.barrier(chosen)

    def partial_barrier(self, mask: np.ndarray, step: int) -> None:
        """bar.sync id, count: only these threads, of each block, have met."""
        mask = self.rows_of(mask)
        whole = (mask | self.padding).all(1, keepdims=True)
        if whole.any():
            self.barrier(whole if len(whole) > 1 else np.repeat(whole, self.blocks, 0), step)
        if whole.all():
            return
        self.spread()
        mask = self.rows_of(mask & ~whole)
        for row in np.flatnonzero(mask.any(1)).tolist():
            self.flags.meet(row, np.flatnonzero(mask[row]), step + 1)

    def warp_sync(self, mask: np.ndarray, step: int, members: np.ndarray | None = None) -> None:
        """bar.warp.sync: these threads have met, warp by warp.

        members: each thread's member mask (uint32, broadcastable), where lanes of one warp may have met in several
        groups at this step, such as the tiles of a partitioned warp.
        """
        mask, time = self.rows_of(mask), step + 1
        groups = [mask]
        if members is not None:
            members = np.atleast_2d(members).astype(np.int64)
            if len(members) > 1:
                self.spread()
                mask = self.rows_of(mask)
            lowest = np.where(mask, members & -members, 0)  # groups of a warp are disjoint: their first lanes differ
            groups = [lowest == one for one in np.unique(lowest).tolist() if one]
        for group in groups:
            lanes = group.reshape(self.rows, self.warps, LANES)
            whole = (lanes | self.padding.reshape(self.warps, LANES)).all(-1) & lanes.any(-1)
            np.copyto(self.sync, time, where=whole)
            part = lanes & ~whole[..., None]
            if part.any():
                self._meet(part, time)
            self.flags.warp_sync(group)

    def fence(self, mask: np.ndarray, step: int) -> None:
        """membar / fence of any scope: by these threads."""
        if self.fences:
            self.flags.fence(self.rows_of(mask), step + 1)

    # what the shadow asks

    def unordered(self, earlier: np.ndarray, threads: np.ndarray) -> np.ndarray:
        """Whether each earlier access (time << ID_BITS | thread) may still be under way for `threads` (the same)."""
        apart, time = (earlier ^ threads) & ID, earlier >> ID_BITS
        slot = threads & (BLOCK - 1)
        row = (threads >> SLOT_BITS) - self.first if self.rows > 1 else 0
        free = (apart >= BLOCK) | (time > self.bar[row, 0])
        near = (apart < WARP) & (time <= self.sync[row, slot >> 5])
        if self.met is not None:
            near |= (apart < WARP) & (time <= self.met[row, slot, earlier & (LANES - 1)])
        free &= ~near & (apart != 0)
        return self.flags.unknown(free, earlier & ID, time, threads)

    def _meet(self, lanes: np.ndarray, time: int) -> None:
        """A part of a warp has met: its lanes join what they know of the warp.  lanes: (rows, warps, 32)."""
        if self.met is None:
            self.met = np.zeros((self.rows, self.threads, LANES), np.int32)
        met = self.met.reshape(self.rows, self.warps, LANES, LANES)
        joint = np.where(lanes[..., None], met, 0).max(2)
        joint[lanes] = time
        np.copyto(met, joint[:, :, None, :], where=lanes[..., None])
