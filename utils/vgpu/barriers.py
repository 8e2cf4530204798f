"""bar.sync and its kin: threads of a block, or lanes of a warp, wait for one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .active import LANES, Active

if TYPE_CHECKING:
    from .machine import Batch, Fronts

Vote = tuple[str, np.ndarray, Callable]  # popc, and, or; the predicate; where the result goes


@dataclass
class Arrival:
    """absent: living lanes of the same warps that came not along.  ran: those of them that did other work since."""

    following: int
    mask: np.ndarray
    line: int
    waits: bool
    vote: Vote | None
    expected: int | None
    absent: np.ndarray | None = None
    ran: np.ndarray | bool = False


class Barriers:
    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.arrived: dict[int, list[Arrival]] = {}
        self.at_warp: list[tuple[Arrival, np.ndarray]] = []  # with the lanes it waits for, as a mask

    def meet(
        self,
        following: int,
        active: Active,
        number: np.ndarray,
        expected: np.ndarray | None,
        line: int,
        waits: bool = True,
        vote: Vote | None = None,
    ) -> Fronts:
        """The active threads arrive at a barrier of their block; who may go on is returned."""
        name = int(active.one_of(number))
        count = None if expected is None else int(active.one_of(expected))
        arrival = Arrival(following, active.mask, line, waits, vote, count)
        self.arrived.setdefault(name, []).append(arrival)
        if waits and count is None and not active.whole:
            absent = active.lanes.any(-1, keepdims=True) & ~active.lanes
            absent = absent.reshape(len(absent), -1) & self.batch.alive
            arrival.absent = absent if absent.any() else None
        free = [] if waits else [(following, active)]
        return free + self.release(name)

    def release(self, name: int) -> Fronts:
        """Blocks all of whose threads that still run (or as many as the barrier expects) have arrived."""
        batch, arrivals = self.batch, self.arrived[name]
        here = arrivals[0].mask
        for arrival in arrivals[1:]:
            here = here | arrival.mask
        count = arrivals[0].expected
        if count is None:
            complete = ~(batch.alive & ~here).any(1, keepdims=True) & here.any(1, keepdims=True)
        else:
            threads = sum(np.count_nonzero(arrival.mask, axis=1)[:, None] for arrival in arrivals)
            complete = threads >= count
        if not complete.any():
            return []
        met = here & complete
        self.check_one_place(arrivals, complete)
        batch.races.barrier(complete, met, count is not None, batch.step)
        for memory in batch.spaces.values():
            memory.note_complete()
        self.count_votes(arrivals, complete)
        free, left = [], []
        for arrival in arrivals:
            going = arrival.mask & complete
            if arrival.waits and going.any():
                free.append((arrival.following, Active(going, batch.blocks, False)))
            staying = arrival.mask & ~complete
            if staying.any():
                left.append(replace(arrival, mask=staying))
        self.arrived[name] = left
        if not left:
            del self.arrived[name]
        return free

    def check_one_place(self, arrivals: list[Arrival], complete: np.ndarray) -> None:
        """Threads of one block that meet from different __syncthreads(): undefined in CUDA, even where it works."""
        lines = {arrival.line for arrival in arrivals}
        if len(lines) < 2 or any(arrival.expected is not None for arrival in arrivals):
            return
        first = arrivals[0]
        for other in arrivals[1:]:
            both = first.mask.any(1) & other.mask.any(1) & complete[:, 0]
            if other.line != first.line and both.any():
                self.fault(other, f"while others of its block stand at the one of line {first.line}")
                return

    def count_votes(self, arrivals: list[Arrival], complete: np.ndarray) -> None:
        voting = [arrival for arrival in arrivals if arrival.vote]
        if not voting:
            return
        blocks = self.batch.blocks
        kind = voting[0].vote[0]
        yes = sum((a.mask & a.vote[1] & np.ones((blocks, 1), bool)).sum(1, keepdims=True) for a in voting)
        all_ = sum((a.mask & np.ones((blocks, 1), bool)).sum(1, keepdims=True) for a in voting)
        result = {"popc": yes.astype(np.uint32), "and": yes == all_, "or": yes > 0}[kind]
        for arrival in voting:
            arrival.vote[2](self.batch, Active(arrival.mask & complete, blocks, False), result)

    def meet_warp(self, following: int, active: Active, members: np.ndarray, line: int) -> Fronts:
        """bar.warp.sync: the lanes named wait for one another; those that have left are not waited for."""
        batch = self.batch
        lane = np.arange(active.mask.shape[1], dtype=np.uint32) % LANES
        bits = active.lanes
        named = np.broadcast_to(np.asarray(members), np.broadcast_shapes(np.shape(members), active.mask.shape))
        named = named.reshape(len(named), -1, LANES)
        wanted = np.where(bits, named, np.uint32(0))
        wanted = np.bitwise_or.reduce(wanted, axis=-1, keepdims=True)
        mask = ((wanted >> lane[:LANES]) & np.uint32(1)).astype(bool).reshape(len(wanted), -1)
        unnamed = active.where(~((np.asarray(members) >> lane) & np.uint32(1)).astype(bool))
        if unnamed is not None:
            self.fault(
                Arrival(following, unnamed.mask, line, True, None, None), "(__syncwarp), whose mask does not name it"
            )
        missing = mask & batch.alive & ~active.mask
        if not missing.any():
            batch.races.warp_sync(active.mask, batch.step, np.asarray(members))
            return [(following, active)]
        self.at_warp.append((Arrival(following, active.mask, line, True, None, None), mask))
        return self.release_warps()

    def release_warps(self) -> Fronts:
        batch = self.batch
        here = np.zeros((1, batch.slots), bool)
        for arrival, _ in self.at_warp:
            here = here | arrival.mask
        free, left = [], []
        for arrival, wanted in self.at_warp:
            lacking = (wanted & batch.alive & ~here).reshape(-1, batch.slots // LANES, LANES).any(-1, keepdims=True)
            blocked = np.broadcast_to(lacking, (*lacking.shape[:2], LANES)).reshape(len(lacking), -1)
            going, staying = arrival.mask & ~blocked, arrival.mask & blocked
            if going.any():
                batch.races.warp_sync(going, batch.step)
                free.append((arrival.following, Active(going, batch.blocks, False)))
            if staying.any():
                left.append((Arrival(arrival.following, staying, arrival.line, True, None, None), wanted))
        self.at_warp = left
        return free

    def after_leaving(self) -> Fronts:
        """Threads have exited: the others wait for them no longer."""
        free = [front for name in list(self.arrived) for front in self.release(name)]
        return free + (self.release_warps() if self.at_warp else [])

    def went_on(self, active: Active) -> None:
        """Remember who works while lanes of their warp wait at a barrier of the block: they may still come to it."""
        for arrivals in self.arrived.values():
            for arrival in arrivals:
                if arrival.absent is not None:
                    arrival.ran = arrival.ran | arrival.absent & active.mask

    def passed_by(self, active: Active, worked: bool) -> None:
        """Lanes that did other work and left, while lanes of their warp wait at a barrier of the block."""
        for arrivals in self.arrived.values():
            for arrival in arrivals:
                gone = active.mask if worked else active.mask & arrival.ran
                lanes = gone.reshape(len(gone), -1, LANES).any(-1, keepdims=True)
                waiting = arrival.mask.reshape(len(arrival.mask), -1, LANES) & lanes
                if arrival.expected is None and waiting.any():
                    left = replace(arrival, mask=waiting.reshape(len(waiting), -1))
                    self.fault(left, "but other lanes of its warp went past it")
                    return

    def check_nobody_waits(self) -> None:
        waiting = [arrival for arrivals in self.arrived.values() for arrival in arrivals if arrival.waits]
        for arrival in waiting:
            self.fault(arrival, "and waits for ever: other threads of its block never get there")
        for arrival, _ in self.at_warp:
            self.fault(arrival, "(__syncwarp) and waits for ever: lanes that its mask names never get there")

    def fault(self, arrival: Arrival, what: str) -> None:
        at = Active(arrival.mask, self.batch.blocks, False)
        what = f"stands at the barrier of line {arrival.line} {what}"
        self.batch.faults.stuck("barrier", self.batch, at, arrival.line, what)
