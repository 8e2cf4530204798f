"""A launch: arrays into the arena, blocks run batch after batch, arrays out again, counters and faults in a report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .faults import Faults
from .machine import Batch, Stop
from .memory import GLOBAL_BASE, Arena, Space, lay_out
from .ordering import Ordering
from .printing import Printer
from .program import Program
from .ptx import Variable
from .tallies import Tallies

THREADS_AT_ONCE = 1 << 16  # enough for NumPy to be fast, few enough for the cache
OWN_BYTES = 1 << 26  # shared and local memory of the blocks of a batch together
RESIDENT = 132 * 2048  # threads an H100 holds at once: blocks that wait for each other must all be there
LIMIT = 500_000  # steps of one batch: a few seconds


class Launch:
    """One launch.  values: (name, NumPy array or the scalar's bytes) of each parameter."""

    def __init__(
        self,
        ready: Program,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        values: Sequence[tuple[str, np.ndarray | bytes]],
        dynamic_shared: int,
        unwritten: Sequence[np.ndarray],
        limit: int,
    ) -> None:
        self.ready, self.grid, self.block, self.dynamic, self.limit = ready, grid, block, dynamic_shared, limit
        self.tallies, self.faults, self.printer = Tallies(ready), Faults(), Printer()
        variables = ready.variables
        self.shared, shared_offsets, self.shared_size = lay_out(variables["shared"], dynamic_shared)
        self.local, local_offsets, self.local_size = lay_out(variables["local"])
        arena = Arena()
        self.placed = _place_arrays(arena, values)
        self.symbols = {**_place_variables(arena, ready), **shared_offsets, **local_offsets}
        parameters = _parameter_bytes(ready, values, self.placed)
        self.symbols["parameters"] = GLOBAL_BASE + arena.place("the parameters", len(parameters), 1)
        self.memory = arena.space()
        _fill(self.memory, ready, self.symbols, parameters)
        for array, offset in self.placed.values():
            self.memory.bytes[offset : offset + array.nbytes] = array.reshape(-1).view(np.uint8)
        self.memory.forget([self.placed[id(root_of(array))][1] for array in unwritten])

    def run(self) -> None:
        """Every block; then what was written goes back into the arrays."""
        with np.errstate(all="ignore"):
            self.run_batches()
        for array, offset in self.placed.values():
            if array.flags.writeable:
                array.reshape(-1).view(np.uint8)[:] = self.memory.bytes[offset : offset + array.nbytes]

    def run_batches(self) -> None:
        blocks, threads = int(np.prod(self.grid)), int(np.prod(self.block))
        at_once = RESIDENT if self.ready.waiting_loops else THREADS_AT_ONCE
        own = self.shared_size + self.local_size * threads  # bytes of a block
        size = max(min(at_once // max(threads, 32), OWN_BYTES // max(own, 1)), 1)
        sizes = {"global": len(self.memory.bytes), "shared": self.shared_size}
        races = Ordering(self.ready, sizes, threads, self.faults)
        for first in range(0, blocks, size):
            numbers = np.arange(first, min(first + size, blocks))
            spaces = self.spaces(len(numbers), -(-threads // 32) * 32)
            registers = self.registers(numbers)
            batch = Batch(self.ready, spaces, registers, numbers, self.grid, self.block, self.tallies, self.faults,
                          races, self.printer, self.limit)  # fmt: skip
            races.begin(batch, first)
            try:
                batch.run()
            except Stop:
                return

    def spaces(self, blocks: int, slots: int) -> dict[str, Space]:
        spaces = {"global": self.memory}
        if self.shared:
            base = np.arange(blocks)[:, None]
            spaces["shared"] = Space("shared", self.shared, self.shared_size, blocks, base)
        if self.local:
            base = np.arange(blocks * slots).reshape(blocks, slots)
            spaces["local"] = Space("local", self.local, self.local_size, blocks * slots, base)
        return spaces

    def registers(self, numbers: np.ndarray) -> list:
        values: list = [None] * self.ready.slots
        for slot, value in self.ready.constants.items():
            values[slot] = value
        for slot, (offset, width) in self.ready.parameters.items():
            start = self.symbols["parameters"] - GLOBAL_BASE + offset
            values[slot] = self.memory.views[width][start // width] if start % width == 0 else None
        for slot, (symbol, _, offset) in self.ready.symbols.items():
            values[slot] = np.uint64(self.symbols[symbol] + offset)
        special = Specials(self.grid, self.block, numbers, self.dynamic, self.shared_size)
        for slot, name in self.ready.specials.items():
            values[slot] = special.value(name)
        return values


class Specials:
    """The read-only registers, each in the smallest shape that holds it."""

    def __init__(self, grid, block, numbers: np.ndarray, dynamic: int, shared: int) -> None:
        threads = int(np.prod(block))
        slot = np.arange(-(-threads // 32) * 32)[None, :]
        lane = slot % 32
        one = np.ones_like(lane, dtype=np.uint64)
        below = (one << lane.astype(np.uint64)) - one
        bit = one << lane.astype(np.uint64)
        full = np.uint64(0xFFFFFFFF)
        self.values = {
            **_axes("tid", slot, block),
            **_axes("ctaid", numbers[:, None], grid),
            **{f"%ntid.{axis}": extent for axis, extent in zip("xyz", block, strict=True)},
            **{f"%nctaid.{axis}": extent for axis, extent in zip("xyz", grid, strict=True)},
            "%laneid": lane,
            "%warpid": slot // 32,
            "%nwarpid": -(-threads // 32),
            "%lanemask_eq": bit,
            "%lanemask_lt": below,
            "%lanemask_le": below | bit,
            "%lanemask_gt": full & ~(below | bit),
            "%lanemask_ge": full & ~below,
            "%dynamic_smem_size": dynamic,
            "%total_smem_size": shared,
            "%smid": numbers[:, None] % 132,
            "%nsmid": 132,
            "%gridid": 0,
            "%cluster_ctaid.x": 0, "%cluster_ctarank": 0, "%cluster_nctaid.x": 1, "%cluster_nctarank": 1,
        }  # fmt: skip

    def value(self, name: str) -> np.ndarray:
        return np.asarray(self.values[name]).astype(np.uint32)


def _axes(name: str, index: np.ndarray, extents: tuple[int, int, int]) -> dict[str, np.ndarray]:
    x, y, _ = extents
    return {f"%{name}.x": index % x, f"%{name}.y": index // x % y, f"%{name}.z": index // (x * y)}


def _place_arrays(
    arena: Arena, arguments: Sequence[tuple[str, np.ndarray | bytes]]
) -> dict[int, tuple[np.ndarray, int]]:
    """The array that owns the memory -> where it lies. Two views of one array share it, as pointers would."""
    placed = {}
    for name, value in arguments:
        if isinstance(value, np.ndarray):
            root = root_of(value)
            if id(root) not in placed:
                placed[id(root)] = (root, arena.place(name, root.nbytes, root.itemsize))
    return placed


def root_of(array: np.ndarray) -> np.ndarray:
    """The contiguous array whose memory this is a part of."""
    while isinstance(array.base, np.ndarray) and array.base.flags.c_contiguous:
        array = array.base
    return array


def _place_variables(arena: Arena, ready: Program) -> dict[str, int]:
    """Module variables -> address."""
    variables = [*ready.variables["global"], *ready.variables["const"]]
    return {one.name: GLOBAL_BASE + arena.place(one.name, one.size or 0, min(one.align, 8)) for one in variables}


def _parameter_bytes(ready: Program, arguments: Sequence[tuple[str, np.ndarray | bytes]], placed: dict) -> bytes:
    out = b""
    for variable, (_, value) in zip(ready.entry.parameters, arguments, strict=True):
        out = out.ljust(ready.parameter_offsets[variable.name], b"\0")
        if isinstance(value, np.ndarray):
            root, offset = placed[id(root_of(value))]
            inner = value.__array_interface__["data"][0] - root.__array_interface__["data"][0]
            out += (GLOBAL_BASE + offset + inner).to_bytes(8, "little")
        else:
            out += value
    return out


def _fill(memory: Space, ready: Program, symbols: dict[str, int], parameters: bytes) -> None:
    def put(address: int, data: bytes) -> None:
        memory.bytes[address - GLOBAL_BASE :][: len(data)] = np.frombuffer(data, np.uint8)

    put(symbols["parameters"], parameters)
    variables: list[Variable] = [*ready.variables["global"], *ready.variables["const"]]
    for variable in variables:
        if variable.data:
            put(symbols[variable.name], variable.data)
        for offset, name in variable.relocations:
            put(symbols[variable.name] + offset, symbols[name].to_bytes(8, "little"))
