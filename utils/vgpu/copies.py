"""cp.async: copies from global to shared memory that land when their thread waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .accesses import Form, read
from .active import Active

if TYPE_CHECKING:
    from .machine import Batch


COPIED = {4: "cp.b32", 8: "cp.b64", 16: "cp.v2.b64"}  # bytes -> what is moved


@dataclass
class Pending:
    """group: for each thread (broadcasting to (blocks, T)) the group it belongs to."""

    group: np.ndarray
    active: Active
    site: int
    offsets: np.ndarray
    values: list[np.ndarray]
    form: Form


class Copies:
    """committed: how many groups each thread has closed."""

    def __init__(self) -> None:
        self.committed = np.zeros((1, 1), np.int64)
        self.pending: list[Pending] = []

    def start(
        self,
        batch: Batch,
        active: Active,
        sites: tuple[int, int],
        to: np.ndarray,
        origin: np.ndarray,
        width: int,
        wanted: np.ndarray | None,
    ) -> None:
        """wanted: how many bytes to read (the rest is zero); a predicate says to read none."""
        form = Form(COPIED[width])
        reading = active
        reach = None
        if wanted is not None:
            wanted = np.asarray(wanted)
            reach = None if wanted.dtype == bool else wanted.astype(np.int64)
            none = wanted if wanted.dtype == bool else wanted == 0
            reading = active.where(~none)
        values = [np.zeros((1, 1), np.uint64 if form.width == 8 else np.uint32)] * form.count
        if reading is not None:
            found = batch.unit.checked(sites[0], "global", origin, reading, width, reach)
            if found is not None:
                offsets, part = found
                memory = batch.spaces["global"]
                read_values = read(memory, memory.views[form.width], offsets, form.width, form.count)
                values = [np.where(part.mask, new, old) for new, old in zip(read_values, values, strict=True)]
                if wanted is not None and wanted.dtype != bool:
                    values = [_cut(value, wanted, place * form.width) for place, value in enumerate(values)]
                batch.unit.account(sites[0], "global", "ldgsts", offsets, part, form)
        found = batch.unit.checked(sites[1], "shared", to, active, width)
        if found is not None:
            offsets, part = found
            batch.unit.count(sites[1], "shared", "ldgsts", offsets, part, width)
            batch.races.land(sites[1], offsets, part, form, values)  # from now on, at any moment
            self.pending.append(Pending(self.committed, part, sites[1], offsets, values, form))

    def commit(self, active: Active) -> None:
        self.committed = self.committed + active.mask

    def wait(self, batch: Batch, active: Active, keep: int | None) -> None:
        """All but the last `keep` groups of the active threads land (None: everything, committed or not)."""
        left = []
        for copy in self.pending:
            due = np.ones((1, 1), bool) if keep is None else copy.group < self.committed - keep
            landing = copy.active.where(due & active.mask)
            if landing is not None:
                batch.unit.land(copy.site, copy.offsets, copy.form, copy.values, landing)
            if landing is not copy.active and (rest := copy.active.where(~(due & active.mask))) is not None:
                left.append(Pending(copy.group, rest, copy.site, copy.offsets, copy.values, copy.form))
        self.pending = left

    def under_way(self, row: int, offset: int) -> int | None:
        """The site of a copy that will write this byte in the row's block, and has not landed."""
        for copy in self.pending:
            mask, offsets = np.broadcast_arrays(copy.active.mask, copy.offsets)
            to = offsets[min(row, len(offsets) - 1)][mask[min(row, len(mask) - 1)]]
            if ((to <= offset) & (offset < to + copy.form.width * copy.form.count)).any():
                return copy.site
        return None


def _cut(value: np.ndarray, wanted: np.ndarray, start: int) -> np.ndarray:
    """Zero where the byte offset is beyond the bytes wanted."""
    bits = value.dtype.itemsize * 8
    keep = np.clip((wanted.astype(np.int64) - start) * 8, 0, bits)
    ones = np.array([(1 << count) - 1 for count in range(bits + 1)], object).astype(value.dtype)
    return value & ones[keep]
