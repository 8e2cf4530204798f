"""Order through fences and flags: sparse vector clocks, paid for only by threads that fence, publish and observe.

A strong (volatile, relaxed, atomic) write releases what its thread had fenced; a strong read of it, followed by a
fence or by a barrier of the reader, makes the reader know all that. Fenced is what a fence of the thread covered: its
own accesses, those before its block's last bar.sync at that time, and what it had acquired; a barrier shares it.
(That a bar.sync completes the acquire, and that threads may fence before the barrier after which one of them sets the
flag, is what the CUDA programming guide's sum with __threadfence relies on.) A fence counts for the whole grid
whatever its scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .clocks import Order

Clock = dict[int, np.ndarray]  # block -> for each of its slots, the time up to which its accesses are known
BUDGET = 100_000  # of a block at a flag; after that all counts as ordered, since each costs microseconds of Python
MANY = 64  # lanes from which looking for the few that meet a flag pays


def join(first: Clock | None, second: Clock | None) -> Clock | None:
    """What either knows; one of the two themselves where it already holds all. Clocks are never changed."""
    if first is second or second is None:
        return first
    if first is None:
        return second
    small, big = sorted((first, second), key=len)
    out = None
    for block, known in small.items():
        before = big.get(block)
        if before is known:
            continue
        if before is not None:
            known = np.maximum(before, known)
            if np.array_equal(known, before):
                continue
        out = dict(big) if out is None else out
        out[block] = known
    return big if out is None else out


class Flags:
    """Clocks of threads (by thread number) and of whole blocks (by block number); a thread's own, if any, holds its
    block's."""

    ARRAYS = ("fenced", "fenced_bar", "fenced_sync", "shared", "warp_shared")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.told: dict[tuple[str, int], Clock] = {}  # what a flag's last write released
        self.left = BUDGET

    def begin_batch(self) -> None:
        shape = (1, self.order.threads)
        self.fenced, self.fenced_bar, self.fenced_sync = (np.zeros(shape, np.int32) for _ in range(3))  # at its fence
        self.shared = np.zeros(shape, np.int32)  # by slot: what fences covered when the block met
        self.warp_shared = np.zeros(shape, np.int32)  # ... when the lane's warp met
        self.any_fence = self.since_barrier = False
        self.pending: dict[int, Clock] = {}  # read off a flag, not acquired yet
        self.thread_knows: dict[int, Clock] = {}
        self.block_knows: dict[int, Clock] = {}
        self.thread_fenced: dict[int, Clock] = {}  # what it knew, beyond its block's barriers, at its fence
        self.block_fenced: dict[int, Clock] = {}

    # synchronisation

    def fence(self, mask: np.ndarray, time: int) -> None:
        order = self.order
        self.any_fence = self.since_barrier = True
        np.copyto(self.fenced, time, where=mask)
        np.copyto(self.fenced_bar, order.bar, where=mask)
        np.copyto(self.fenced_sync, np.repeat(order.sync, 32, 1), where=mask)
        self._acquire(self._among(self.pending, mask))
        for thread in self._among(self.thread_knows, mask):
            self.thread_fenced[thread] = self.thread_knows[thread]
        for block in self.block_knows:
            if mask[block - order.first].any():  # as if all of the block had fenced: at worst a race is missed
                self.block_fenced[block] = join(self.block_fenced.get(block), self.block_knows[block])

    def barrier(self, chosen: np.ndarray) -> None:
        """chosen: bool (rows, 1), blocks all of whose threads met."""
        self._acquire(self._among(self.pending, chosen))
        for own, common in ((self.thread_knows, self.block_knows), (self.thread_fenced, self.block_fenced)):
            for thread in self._among(own, chosen):
                common[thread >> 10] = join(common.get(thread >> 10), own.pop(thread))
        if self.since_barrier:
            self.since_barrier = not chosen.all()
            warps = self.fenced_sync.reshape(len(self.fenced), -1, 32).max(2).repeat(32, 1)
            for covered in (self.fenced, self.fenced_bar.max(1, keepdims=True), warps):
                np.maximum(self.shared, covered, out=self.shared, where=chosen)
            if self.order.met is not None:
                lanes = self._met().reshape(len(self.fenced), -1, 32, 32).max(2)
                np.maximum(self.shared, lanes.reshape(self.shared.shape), out=self.shared, where=chosen)

    def warp_sync(self, mask: np.ndarray) -> None:
        if self.any_fence:
            np.copyto(self.warp_shared, self.fenced, where=mask)
            for covered in (self.fenced_bar, self.fenced_sync):
                lanes = np.where(mask, covered, 0).reshape(len(mask), -1, 32).max(2).repeat(32, 1)
                np.copyto(covered, lanes, where=mask)
        self._acquire(self._among(self.pending, mask))
        for own in (self.thread_knows, self.thread_fenced):
            for warp in {thread >> 5 for thread in self._among(own, mask)}:
                row, first = (warp >> 5) - self.order.first, (warp & 31) * 32
                lanes = np.flatnonzero(mask[row, first : first + 32]) + (warp << 5)
                self._share(own, lanes.tolist())

    def meet(self, row: int, slots: np.ndarray, time: int) -> None:
        """A part of a block met at a barrier of its own."""
        order, block = self.order, self.order.first + row
        threads = ((block << 10) + slots).tolist()
        self._acquire([thread for thread in threads if thread in self.pending])
        if self.any_fence:
            fenced = self._released(row, slots)
            self._share(self.thread_fenced, threads, fenced)
        known = np.full(order.threads, order.bar[row, 0])
        np.maximum.at(known.reshape(-1, 32), slots >> 5, order.sync[row, slots >> 5][:, None])
        if order.met is not None:
            np.maximum.at(known.reshape(-1, 32), slots >> 5, order.met[row, slots])
        known[slots] = time
        self._share(self.thread_knows, threads, join({block: known}, self.block_knows.get(block)))

    # flags

    def exchange(
        self, space: str, flags: np.ndarray, threads: np.ndarray, time: int, reads: bool, writes: np.ndarray | bool,
        acquire: bool, release: bool,
    ) -> None:  # fmt: skip
        """Strong accesses, block after block; each reads before it writes if it does both.

        flags: the place each accesses; threads: who; writes: who does write (a failed compare-and-swap does not).
        """
        if self.left < 0 or not self.order.fences:
            return
        order = self.order
        if release:
            order.spread()
            mask = np.zeros((order.blocks, order.threads), bool)
            mask[(threads >> 10) - order.first, threads & 1023] = True
            self.fence(mask, time)
        writing = np.any(writes) and (self.any_fence or bool(self.told))
        if not (writing or self.told):
            return  # nothing was fenced and nothing told: nothing to tell
        order.spread()
        writes = np.broadcast_to(writes, flags.shape)
        if len(flags) > MANY and not self.any_fence:
            chosen = np.isin(flags, np.array([place for where, place in self.told if where == space], np.int64))
            flags, threads, writes = flags[chosen], threads[chosen], writes[chosen]
        if not len(flags):
            return
        by_flag = np.lexsort((threads, flags))
        ends = np.flatnonzero(np.diff(flags[by_flag]) | np.diff(threads[by_flag] >> 10)) + 1
        self.left -= len(ends) + 1
        for group in np.split(by_flag, ends):  # the threads of one block at one flag act together
            place, row = (space, int(flags[group[0]])), int(threads[group[0]] >> 10) - order.first
            told, writers = self.told.get(place), threads[group][writes[group]]
            if len(writers):
                released = self._released(row, (writers if reads else writers[-1:]) & 1023)
                told = join(released, told) if reads else released
                if told is not None:
                    self.told[place] = told
                else:
                    self.told.pop(place, None)
            if reads and told is not None:
                members = threads[group].tolist()
                self._share(self.pending, members, told)
                if acquire:
                    self._acquire(members)
                    if release:
                        self.thread_fenced.update((one, self.thread_knows[one]) for one in members)

    def unknown(self, free: np.ndarray, earlier: np.ndarray, time: np.ndarray, threads: np.ndarray) -> np.ndarray:
        """Which of the `free` pairs (earlier thread at that time, thread now) no clock of the thread orders."""
        if self.left < 0:
            return np.zeros_like(free)
        if not (self.thread_knows or self.block_knows):
            return free
        if not (pairs := np.flatnonzero(free)).size:
            return free
        threads, earlier, time = threads[pairs], earlier[pairs], time[pairs]
        knowing = np.isin(threads, np.fromiter(self.thread_knows, np.int64, len(self.thread_knows)))
        holder = np.where(knowing, threads << 1 | 1, threads >> 10 << 11)  # a thread's own clock, or its block's
        by_clock = np.argsort(key := holder << 26 ^ earlier >> 10, kind="stable")
        for group in np.split(by_clock, np.flatnonzero(np.diff(key[by_clock])) + 1):
            thread, block = int(threads[group[0]]), int(earlier[group[0]]) >> 10
            clock = self.thread_knows.get(thread) or self.block_knows.get(thread >> 10) or {}
            if (known := clock.get(block)) is not None:
                free[pairs[group]] = time[group] > known[earlier[group] & 1023]
        return free

    # helpers

    def _among(self, threads: Iterable[int], mask: np.ndarray) -> list[int]:
        """Those of the threads that the mask, (rows, threads) or (rows, 1), holds."""
        threads = list(threads)
        if not threads:
            return threads
        first, rows, slots = self.order.first, *mask.shape
        return [one for one in threads if mask[min((one >> 10) - first, rows - 1), min(one & 1023, slots - 1)]]

    def _acquire(self, threads: list[int]) -> None:
        for thread in threads:
            knows = self.thread_knows.get(thread) or self.block_knows.get(thread >> 10)
            self.thread_knows[thread] = join(knows, self.pending.pop(thread))

    def _share(self, own: dict[int, Clock], threads: list[int], clock: Clock | None = None) -> None:
        """Give all of these threads what any of them has, and `clock`."""
        for one in {id(one): one for thread in threads if (one := own.get(thread))}.values():
            clock = join(clock, one)
        if clock is not None:
            own.update(dict.fromkeys(threads, clock))

    def _released(self, row: int, slots: np.ndarray) -> Clock | None:
        """What strong writes of these threads release together; None if nothing was fenced."""
        block, warps = self.order.first + row, slots >> 5
        known = np.maximum(self.shared[row], self.fenced_bar[row, slots].max())
        lanes = known.reshape(-1, 32)
        np.maximum.at(lanes, warps, self.fenced_sync[row, slots][:, None])
        lanes[warps] = np.maximum(lanes[warps], self.warp_shared[row].reshape(-1, 32)[warps])
        if self.order.met is not None:
            np.maximum.at(lanes, warps, self._met(row)[slots])
        known[slots] = np.maximum(known[slots], self.fenced[row, slots])
        clock = {block: known} if known.any() else None
        clock = join(clock, self.block_fenced.get(block))
        for slot in slots.tolist():
            clock = join(clock, self.thread_fenced.get((block << 10) + slot))
        return clock

    def _met(self, row: int | slice = slice(None)) -> np.ndarray:
        """What fences cover of the lanes that parts of the warp met; at worst, up to the fence: too much."""
        fenced = self.fenced[row]
        warp = self.warp_shared[row].reshape(*fenced.shape[:-1], -1, 32).max(-1).repeat(32, -1)
        return np.minimum(self.order.met[row], np.maximum(fenced, warp)[..., None])
