"""The scheduler: a batch of blocks run in lockstep, all threads that stand at the same place at once.

Threads that stand at different places are fronts. The front that stands first in the code goes first, so threads
that parted meet again by themselves. Threads that wait in a loop for what others must do (a lock, a flag) stand first
as well: a loop that saw nothing new gives way until something in memory has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .active import LANES, Active, Parted
from .barriers import Barriers
from .copies import Copies
from .faults import Faults, shown
from .loadstore import LoadStore
from .memory import Space
from .ordering import Ordering
from .printing import Printer
from .program import Program
from .tallies import Tallies

Fronts = list[tuple[int, Active]]


class Stop(Exception):
    """The batch cannot go on; why has been noted as a fault."""


@dataclass
class Parked:
    """Threads that wait in the middle of a block.

    values: by slot, what the block had computed for them.  alive: who still ran when the first of them came.
    """

    active: Active
    values: dict[int, np.ndarray]
    alive: np.ndarray


class Batch:
    """blocks: how many; T: thread slots of a block, a multiple of 32; shape of every register: up to (blocks, T)."""

    def __init__(
        self,
        program: Program,
        spaces: dict[str, Space],
        registers: list,
        blocks: np.ndarray,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        tallies: Tallies,
        faults: Faults,
        races: Ordering,
        printer: Printer,
        limit: int,
    ) -> None:
        self.program, self.spaces, self.registers, self.numbers = program, spaces, registers, blocks
        self.grid, self.block, self.limit = grid, block, limit
        self.blocks, threads = len(blocks), int(np.prod(block))
        self.slots = -(-threads // LANES) * LANES
        self.alive = self.all = np.arange(self.slots)[None, :] < threads
        self.stored = np.zeros((1, self.slots), bool)  # in shared memory, while some of it held nothing
        self.tallies, self.faults, self.races, self.printer = tallies, faults, races, printer
        self.flops = tallies.flops
        self.unit = LoadStore(self, tallies)
        self.load, self.store = self.unit.load, self.unit.store
        self.barriers = Barriers(self)
        self.meet, self.meet_warp = self.barriers.meet, self.barriers.meet_warp
        self.copies = Copies()
        self.step = 0
        self.changed = False  # has memory changed since a waiting loop last looked?
        start = program.entries[program.entry.name]
        self.fronts: dict[int, Active] = {start: Active(self.alive, self.blocks, True)}
        self.stalled: Fronts = []
        self.parked: dict[tuple[int, int], Parked] = {}  # (block, step) -> who waits there for lanes of their warps
        self.expected: np.ndarray | None = None  # who an exchange that was waited at may want to take part
        self.may_wait = True  # is there still somebody who may come?
        self.seen: list[np.ndarray] = []  # what strong reads gave since the last turn of a loop
        self.last_turn: dict[int, tuple[np.ndarray, list[np.ndarray]]] = {}
        self.alone: list | None = None  # the registers when only waiting loops were left

    def run(self) -> None:
        blocks = self.program.blocks
        self.last_step = self.step + self.limit
        while self.fronts or self.parked or self.unstall():
            if not self.fronts and self.stalled and self.changed:
                self.unstall()
                continue
            number, active = self.begin() if self.fronts else self.insist()
            if active is not None:
                end = blocks[number].end
                for following, part in end(self, active) if end else [(number + 1, active)]:
                    self.add(following, part)
            if self.stalled and self.changed:
                self.unstall()
            if self.step > self.last_step:
                self.endless(number, active or self.parked.popitem()[1].active)

    def begin(self) -> tuple[int, Active | None]:
        """Run the block at which the first front stands."""
        number = min(self.fronts)
        active = self.fronts.pop(number)
        if self.barriers.arrived and self.program.blocks[number].length > 1:
            self.barriers.went_on(active)
        run = self.tallies.runs[number]
        run[:] = run[0] + active.warps, run[1] + active.threads
        return number, self.execute(number, active, 0)

    def execute(self, number: int, active: Active, index: int) -> Active | None:
        """A block's steps from `index` on, by these threads and those that they meet; None if they have to wait."""
        block, waited = self.program.blocks[number], None
        while True:
            try:
                if waited is not None:
                    block.steps[index](self, active)
                    self.expected, waited, index = None, None, index + 1
                for index, step in enumerate(block.steps[index:], index):  # noqa: B007, B020 where it stops
                    self.step += 1
                    step(self, active)
                return active
            except Parted as parted:
                waiting = self.parked.pop((number, index), None)
                if waiting is not None:
                    active = self.united(waiting.active, active)
                    self.restore(waiting)
                    self.expected = waited = waiting.alive
                    continue
                values = {slot: self.registers[slot] for slot in block.scratch}
                alive = self.alive if waited is None else waited
                self.parked[number, index] = Parked(active.where(parted.warps), values, alive)
                self.expected = waited = None
                active = active.where(~parted.warps)
                if active is None:
                    return None

    def insist(self) -> tuple[int, Active | None]:
        """Nobody else can move: the lanes that an exchange waits for will not come. It goes on without them."""
        number, index = min(self.parked)
        waiting = self.parked.pop((number, index))
        self.restore(waiting)
        self.may_wait, self.expected = False, waiting.alive
        self.program.blocks[number].steps[index](self, waiting.active)
        self.may_wait, self.expected = True, None
        return number, self.execute(number, waiting.active, index + 1)

    def restore(self, waiting: Parked) -> None:
        """What the threads had computed in this block: others have run it since."""
        for slot, value in waiting.values.items():
            now = self.registers[slot]
            if value is not None and now is not value:
                self.registers[slot] = value if now is None else np.where(waiting.active.mask, value, now)

    def united(self, one: Active, other: Active) -> Active:
        """Both together, and whether they are all that still run."""
        mask = one.mask | other.mask
        running = np.count_nonzero(self.alive) * (self.blocks // len(self.alive))
        return Active(mask, self.blocks, np.count_nonzero(mask) * (self.blocks // len(mask)) == running)

    def add(self, number: int, active: Active) -> None:
        """Threads that go on at a block, together with those that stand there."""
        waiting = self.fronts.get(number)
        mask = active.mask if waiting is None else active.mask | waiting.mask
        running = np.count_nonzero(self.alive) * (self.blocks // len(self.alive))
        if waiting is not None or not active.whole:
            threads = np.count_nonzero(mask) * (self.blocks // len(mask))
            active = Active(mask, self.blocks, threads == running)
        self.fronts[number] = active

    def looped(self, target: int, active: Active) -> Fronts:
        """A turn of a loop; one that waits and saw what it had seen the turn before gives way."""
        if target not in self.program.waiting_loops:
            return [(target, active)]
        before, now = self.last_turn.get(target), (active.mask, self.seen)
        self.last_turn[target], self.seen = now, []
        if before is None or not _same(before, now):
            return [(target, active)]
        self.stalled.append((target, active))
        return []

    def unstall(self) -> bool:
        """Let the waiting loops look again. False when the batch is done; deadlocks end it with a fault.

        Where nobody else can move, a loop may have seen the same and be counting all the same: it goes on. One whose
        turn changes no register either waits for ever.
        """
        if not self.stalled:
            self.barriers.check_nobody_waits()
            return False
        if self.changed or self.fronts:
            self.changed, self.alone = False, None
        elif self.alone is not None and all(map(_equal, self.alone, self.registers)):
            self.barriers.check_nobody_waits()
            self.endless(*self.stalled[0], waits=True)
        else:
            self.alone = list(self.registers)
        stalled, self.stalled = self.stalled, []
        for number, active in stalled:
            self.add(number, active)
        return True

    def endless(self, number: int, active: Active, waits: bool = False) -> None:
        lines = self.program.blocks[number].lines
        line = max(lines, key=lambda line: (line > 0, lines[line]))
        why = (
            "waits in this loop for a value that no thread will write any more"
            if waits
            else f"still runs this loop after {self.limit:,} steps: does it end?"
        )
        self.faults.stuck("endless-loop", self, active, line, f"{why} (line {line})")
        raise Stop

    def leave(self, active: Active, worked: bool) -> None:
        """worked: the threads did something between the last branch and the end."""
        if self.barriers.arrived:
            self.barriers.passed_by(active, worked)
        self.alive = self.alive & ~active.mask
        for following, part in self.barriers.after_leaving():
            self.add(following, part)

    def left_early(self, row: int) -> int:
        """How many threads of a row's block have left without storing anything in shared memory."""
        gone = self.all & ~self.alive & ~self.stored
        return int(np.count_nonzero(gone[min(row, len(gone) - 1)]))

    def trapped(self, active: Active, line: int, text: str = "") -> None:
        thread, block = self.coordinates(*active.first)
        what = f"the assertion `{text}` failed" if text else "the kernel stopped itself (`__trap()`)"
        self.printer.write(f"line {line}: block {shown(block)}, thread {shown(thread)}: {what}\n")
        raise Stop

    def assign(self, slot: int, value: np.ndarray, active: Active) -> None:
        old = self.registers[slot]
        self.registers[slot] = value if active.whole or old is None else np.where(active.mask, value, old)

    def observe(self, values: list, active: Active) -> None:
        """A strong read: what a waiting loop looks at."""
        self.seen += [active.pick(value) for value in values]

    def printf(self, active: Active, template: np.ndarray, arguments: np.ndarray) -> None:
        self.printer.printf(self, active, template, arguments)

    def text_at(self, address: np.integer) -> str:
        return self.printer.text_at(self, int(address))

    def no_memory(self, space: str) -> Space:
        """The kernel declared none, so every access to it is out of bounds."""
        self.spaces[space] = Space(space, (), 0, 1, np.zeros((1, 1), np.int64))
        return self.spaces[space]

    def coordinates_of(self, number: int, slot: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """threadIdx and blockIdx of a thread of any batch: block number within the grid."""
        return _unravel(slot, self.block), _unravel(number, self.grid)

    def coordinates(self, row: int, slot: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """threadIdx and blockIdx of a slot, as (x, y, z)."""
        return _unravel(slot, self.block), _unravel(int(self.numbers[row]), self.grid)


def _unravel(index: int, extents: tuple[int, int, int]) -> tuple[int, int, int]:
    x, y, _ = extents
    return index % x, index // x % y, index // (x * y)


def _same(before: tuple, now: tuple) -> bool:
    (mask, seen), (mask_now, seen_now) = before, now
    return (
        bool(seen_now)
        and len(seen) == len(seen_now)
        and np.array_equal(mask, mask_now)
        and all(np.array_equal(a, b) for a, b in zip(seen, seen_now, strict=True))
    )


def _equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))
