"""The load-store unit: checks every access, performs it, and counts what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import counters
from .accesses import Form, read, split_generic, write
from .active import LANES, Active
from .memory import DTYPES, Space
from .tallies import Tallies

if TYPE_CHECKING:
    from .machine import Batch

ATOMICS = ("atom", "red")
MARKED = {width: np.asarray(int("01" * width, 16), dtype) for width, dtype in DTYPES.items()}  # every byte of it


class LoadStore:
    def __init__(self, batch: Batch, tallies: Tallies) -> None:
        self.batch = batch
        self.tallies = tallies

    def load(self, site: int, space: str, offsets: np.ndarray, active: Active, form: Form, counted: bool) -> list:
        if space == "generic":
            return self._load_generic(site, offsets, active, form)
        found = self.checked(site, space, offsets, active, form.width * form.count)
        if found is None:
            return [np.zeros((1, 1), DTYPES[form.width])] * form.count
        offsets, active = found
        memory = self.batch.spaces[space]
        values = read(memory, memory.views[form.width], offsets, form.width, form.count)
        if counted:
            self.account(site, space, "ld", offsets, active, form)
        if form.strong:
            self.batch.observe(values, active)
        return values

    def store(self, site: int, space: str, offsets: np.ndarray, active: Active, form: Form, values: list) -> None:
        if space == "generic":
            for where, inner, part in split_generic(offsets, active):
                self.store(site, where, inner, part, form, values)
            return
        found = self.checked(site, space, offsets, active, form.width * form.count)
        if found is None:
            return
        offsets, active = found
        self.account(site, space, "st", offsets, active, form, values)
        memory = self.batch.spaces[space]
        write(memory, memory.views[form.width], offsets, form.width, values, active)
        self.batch.changed = True

    def land(self, site: int, offsets: np.ndarray, form: Form, values: list, active: Active) -> None:
        """An asynchronous copy arrives in shared memory: counted when it began, a write from now on."""
        memory = self.batch.spaces["shared"]
        write(memory, memory.views[form.width], offsets, form.width, values, active)
        self.mark(memory.marks["written"], memory, offsets, active, form)
        self.batch.races.land(site, offsets, active, form, values)
        self.batch.changed = True

    def _load_generic(self, site: int, addresses: np.ndarray, active: Active, form: Form) -> list:
        parts = split_generic(addresses, active)
        if len(parts) == 1:
            space, offsets, active = parts[0]
            return self.load(site, space, offsets, active, form, True)
        totals = [np.zeros((1, 1), DTYPES[form.width])] * form.count
        for space, offsets, part in parts:
            values = self.load(site, space, offsets, part, form, True)
            totals = [np.where(part.mask, value, total) for value, total in zip(values, totals, strict=True)]
        return totals

    def checked(
        self, site: int, space: str, offsets: np.ndarray, active: Active, width: int, reach: np.ndarray | None = None
    ) -> tuple[np.ndarray, Active] | None:
        """Offsets fit to be used for all slots, and the threads that may go on; the others' faults are noted.

        reach: how many of the `width` bytes are really accessed, where that differs.
        """
        memory = self.batch.spaces.get(space) or self.batch.no_memory(space)
        if not active.full:
            offsets = np.where(active.mask, offsets, active.one_of(offsets))
        low, high = int(offsets.min()), int(offsets.max())
        meant = memory.named.get(self.batch.program.sites[site].variable)
        if memory.holds(low, high + width, meant) and not (width > 1 and (offsets & (width - 1)).any()):
            return offsets, active
        inside = memory.inside(offsets, width if reach is None else reach, meant)
        aligned = (offsets & (width - 1)) == 0
        faults = self.batch.faults
        for kind, bad in (("out-of-bounds", ~inside), ("misaligned", inside & ~aligned)):
            part = active.where(bad)
            if part is not None:
                faults.access(kind, self.batch, site, memory, offsets, part, width, meant)
        good = active.where(inside & aligned)
        return (np.where(good.mask, offsets, good.one_of(offsets)), good) if good else None

    def account(
        self,
        site: int,
        space: str,
        op: str,
        offsets: np.ndarray,
        active: Active,
        form: Form,
        values: list | None = None,
    ) -> None:
        """Count the request, mark the bytes, and let the race detector see it."""
        self.count(site, space, op, offsets, active, form.width * form.count)
        memory = self.batch.spaces[space]
        if op == "st" and not (memory.complete and space != "global"):
            self.mark(memory.marks["written"], memory, offsets, active, form)
        elif op != "st":
            self.check_written(site, memory, offsets, active, form)
            if space == "global":
                self.mark(memory.marks["read"], memory, offsets, active, form)
        self.batch.races.access(site, space, op, offsets, active, form, values)

    def mark(
        self, marks: dict[int, np.ndarray], memory: Space, offsets: np.ndarray, active: Active, form: Form
    ) -> None:
        """Remember which bytes have been read or written."""
        ones = [MARKED[form.width]] * form.count
        write(memory, marks[form.width], offsets, form.width, ones, active)
        if memory.name == "shared":
            self.batch.stored = self.batch.stored | active.mask

    def check_written(self, site: int, memory: Space, offsets: np.ndarray, active: Active, form: Form) -> None:
        """Shared and local memory hold nothing at first."""
        if memory.complete:
            return
        for marks in read(memory, memory.marks["written"][form.width], offsets, form.width, form.count):
            bad = marks != MARKED[form.width]
            if bad.any() and (part := active.where(bad)) is not None:
                self.batch.faults.access("uninitialized", self.batch, site, memory, offsets, part, form.width)

    def count(
        self, site: int, space: str, op: str, offsets: np.ndarray, active: Active, width: int, one_place: bool = True
    ) -> None:
        """one_place: a warp's lanes that ask for one place count as one lane, whatever they do there."""
        width = self.tallies.width(site, offsets, width)
        if not width:
            return
        rows = max(len(offsets), len(active.mask))
        alike = self.batch.blocks // rows
        if space == "global" and offsets.shape[1] == 1 and (op not in ATOMICS or one_place):
            tally = counters.Tally(active.warps, active.warps, active.warps, 0, 1)
            self.tallies.add(site, space, op, width, tally, 1, self.sample(space, offsets, active, 0))
            return
        key = (site, space, offsets.tobytes(), active.mask.tobytes()) if rows == 1 else None
        tally = self.tallies.known.get(key)
        if tally is None:
            paired = op == "ld" and self.batch.program.sites[site].op != "ldsm"
            tally = self.measure(space, op, offsets, active, width, rows, paired)
            if key:
                self.tallies.known[key] = tally
        is_worst = tally.worst > self.tallies.worst(site, space, op)
        sample = self.sample(space, offsets, active, tally.worst_row) if is_worst else None
        self.tallies.add(site, space, op, width, tally, alike, sample)

    def measure(
        self, space: str, op: str, offsets: np.ndarray, active: Active, width: int, rows: int, paired: bool
    ) -> counters.Tally:
        threads = active.mask.shape[1]
        spread = np.broadcast_to(offsets, (rows, threads))
        if space == "local":  # the hardware lays out a warp's words side by side
            lane = np.arange(threads) % LANES
            spread = (spread // 4) * (4 * LANES) + lane * 4 + spread % 4
        lanes = np.broadcast_to(active.mask, (rows, threads)).reshape(-1, LANES)
        offsets = spread.reshape(-1, LANES)
        if space == "shared":
            return counters.wavefronts(offsets, lanes, width, paired)
        return (counters.atomic_sectors if op in ATOMICS else counters.sectors)(offsets, lanes, width)

    def sample(self, space: str, offsets: np.ndarray, active: Active, row: int) -> tuple:
        """(array, its start, offsets of the 32 lanes from it) of one warp's request."""
        shape = np.broadcast_shapes(offsets.shape, active.mask.shape)
        lanes = np.broadcast_to(offsets, shape).reshape(-1, LANES)[row]
        mask = np.broadcast_to(active.mask, shape).reshape(-1, LANES)[row]
        if not mask.any():
            return ()
        region = self.batch.spaces[space].region_at(int(lanes[mask][0]))
        start, name = (region.start, region.name) if region else (0, "")
        return name, start, tuple(int(at) - start if on else None for at, on in zip(lanes, mask, strict=True))
