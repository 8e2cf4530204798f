"""Every access and every synchronisation of a launch, as the race detector wants them; its findings as faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .active import Active
from .clocks import Order
from .faults import Faults, shown
from .memory import Region, Space
from .program import Program
from .races import Conflict, Found, Races
from .report import Fault

if TYPE_CHECKING:
    from .accesses import Form
    from .machine import Batch

WORDS = {"read": "reads", "write": "writes", "atomic": "updates"}


class Ordering:
    """One for a launch; global memory's history outlives a batch."""

    def __init__(self, program: Program, sizes: dict[str, int], threads: int, faults: Faults) -> None:
        """sizes: bytes of global memory, and of a block's shared memory.  threads: of a block."""
        self.program, self.faults, self.fences = program, faults, program.fences
        self.slots = -(-threads // 32) * 32
        self.order = Order(self.slots, threads, self.fences)
        self.granule = {space: _granule(program, space) for space in sizes}
        self.races = {
            space: Races(space, -(-size // self.granule[space]) + 1, self.order)
            for space, size in sizes.items()
            if size
        }
        self.clock = 0
        self.batch: Batch | None = None

    def begin(self, batch: Batch, first_block: int) -> None:
        batch.step = self.clock = self.batch.step + 1 if self.batch else 0
        self.batch = batch
        self.order.begin_batch(first_block, batch.blocks)
        for races in self.races.values():
            races.begin_batch()

    def access(
        self, site: int, space: str, op: str, offsets: np.ndarray, active: Active, form: Form, values: list | None
    ) -> None:
        """A load ("ld", "ldgsts") or a store ("st")."""
        races = self.races.get(space)
        if races is None:
            return
        index, span = self._granules(space, offsets, form)
        step = self.batch.step
        strong = form.strong and not (space == "shared" and form.volatile)  # as racecheck: no substitute for a barrier
        if op == "st":
            found = races.write(index, span, active.mask, step, site, values, strong)
            if self.fences and form.strong:
                races.publish(index, active.mask, step, form.release)
        else:
            found = races.read(index, span, active.mask, step, site, strong)
            if self.fences and form.strong:
                races.observe(index, active.mask, step, form.acquire)
        if found:
            self.report(space, found, site)

    def atomic(
        self, site: int, space: str, offsets: np.ndarray, active: Active, form: Form, wrote: np.ndarray | bool
    ) -> None:
        races = self.races.get(space)
        if races is None:
            return
        index, span = self._granules(space, offsets, form)
        found = races.atomic(index, span, active.mask, self.batch.step, site)
        if self.fences:
            races.exchange(index, active.mask, self.batch.step, wrote, form.acquire, form.release)
        if found:
            self.report(space, found, site)

    def land(self, site: int, offsets: np.ndarray, active: Active, form: Form, values: list) -> None:
        """An asynchronous copy arrives: its thread writes now, whatever barriers came before."""
        if races := self.races.get("shared"):
            index, span = self._granules("shared", offsets, form)
            if found := races.write(index, span, active.mask, self.batch.step, site, values):
                self.report("shared", found, site)

    def barrier(self, complete: np.ndarray, met: np.ndarray, partial: bool, step: int) -> None:
        if partial:
            self.order.partial_barrier(met, step)
        else:
            self.order.barrier(complete, step)

    def warp_sync(self, mask: np.ndarray, step: int, members: np.ndarray | None = None) -> None:
        self.order.warp_sync(mask, step, members)

    def fence(self, active: Active, step: int) -> None:
        if self.fences:
            self.order.fence(active.mask, step)

    def _is_guess(self, conflict: Conflict, site: int) -> bool:
        """A plain read beside compare-and-swaps: the usual first guess, which the swap itself checks."""
        sites = self.program.sites[site], self.program.sites[conflict.other_site]
        return "read" in conflict.kind.split("-") and any(one.checks_itself for one in sites)

    def _granules(self, space: str, offsets: np.ndarray, form: Form) -> tuple[np.ndarray, int]:
        size = self.granule[space]
        return offsets // size if size > 1 else offsets, form.width * form.count // size

    def report(self, space: str, found: Found, site: int) -> None:
        first = next((one for one in found.examples if not self._is_guess(one, site)), None)
        if first is None:
            return
        memory: Space = self.batch.spaces[space]
        offset = first.granule * self.granule[space]
        region = memory.region_at(offset) or Region("memory", 0, 0)
        width = max(self.program.sites[site].width, 1)
        item = region.item if space == "global" else width
        index = (offset - region.start) // item
        thread, block = self.batch.coordinates(first.block, first.thread)
        other = self.batch.coordinates_of(first.other_block, first.other_thread)
        line, other_line = self.program.sites[site].line, self.program.sites[first.other_site].line
        doing, done = (WORDS[word] for word in first.kind.split("-"))
        message = (
            f"{region.name}[{index}]: thread {shown(thread)} of block {shown(block)} {doing} it (line {line}) and"
            f" thread {shown(other[0])} of block {shown(other[1])} {done} it (line {other_line}) with nothing between"
            " them that says who comes first."
        )
        self.faults.note(Fault("race", space, region.name, index, thread, block, line, message, found.count,
                               region.size // item, (*other, other_line), (doing, done)))  # fmt: skip


def _granule(program: Program, space: str) -> int:
    """The smallest access to `space`, at most 4 bytes: how finely races are told apart."""
    widths = [site.unit for site in program.sites if site.space in (space, "generic")]
    return min([4, *widths])
