"""A kernel made ready to run: PTX instructions grouped in basic blocks, each instruction a step.

A step is a function of the running batch and the active threads. What can be decided before the launch is decided
here: register slots, constants, which functions are called, which registers live in one block only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from . import ptx
from .memory import lay_out
from .ptx import Function, Symbol

Step = Callable[..., None]


class NotEmulated(NotImplementedError):
    """An instruction, or a form of one, that the emulated GPU does not know."""


@dataclass
class Block:
    """Instructions without a jump between them.  tally: (line, counter) -> count for one thread (or one warp)."""

    start: int
    steps: list[Step] = field(default_factory=list)
    end: Callable | None = None  # (batch, active) -> [(next block, active)]; None: falls through
    length: int = 0
    lines: Counter = field(default_factory=Counter)
    flops: Counter = field(default_factory=Counter)
    scratch: set[int] = field(default_factory=set)  # slots that hold no more than the threads that run it right now
    waits: bool = False  # reads what other threads may write meanwhile: a loop of it may wait for them


@dataclass(frozen=True)
class Site:
    """A memory instruction.  base: basic block, register and how often it had changed there: what `offset` is from."""

    index: int
    line: int
    space: str
    op: str
    unit: int  # bytes of an element
    width: int  # bytes a lane moves
    base: tuple[int, str, int] | None = None
    offset: int = 0
    variable: str = ""  # the shared variable whose address it was made of, if there is one and only one
    checks_itself: bool = False  # a compare-and-swap


@dataclass(frozen=True)
class Way:
    """How neighbouring accesses may be merged.  widths: site -> bytes it moves, 0: another one does.

    wide: (offset from the register, bytes) of the accesses that several of them became.
    """

    widths: dict[int, int]
    wide: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Group:
    """Neighbouring accesses through one register. ways(): how they may be merged, the likeliest first (slow)."""

    sites: tuple[Site, ...]
    ways: Callable[[], tuple[Way, ...]]

    def may_merge(self, start: np.ndarray) -> bool:
        """Whether two neighbours could be one aligned access, wherever the register points (`start`, bytes)."""
        begins = {site.offset for site in self.sites}
        leaders = [site for site in self.sites if site.offset + site.width in begins]
        return any(not ((start + one.offset) & (2 * one.width - 1)).any() for one in leaders)


class Program:
    """What `Batch` runs.  slots: how many registers; constants: slot -> value; specials: slot -> name."""

    def __init__(self, module: ptx.Module, entry: str) -> None:
        self.module = module
        self.entry = module.functions[entry]
        self.slots = 0
        self.constants: dict[int, np.generic] = {}
        self.specials: dict[int, str] = {}
        self.parameters: dict[int, tuple[int, int]] = {}  # slot -> (byte offset, width)
        self.symbols: dict[int, tuple[str, str, int]] = {}  # slot -> (symbol, its space, byte offset): an address
        self.call_slots: dict[tuple[str, str, int], int] = {}
        self.blocks: list[Block] = []
        self.loops: list[tuple[int, int]] = []  # (first, last) block of each jump back
        self.sites: list[Site] = []
        self.merged: dict[int, int] = {}  # site -> bytes that a lane really moves with it; 0: another one does it
        self.groups: dict[int, Group] = {}  # site -> the accesses that ptxas may have merged it with
        self.fences = False  # has the kernel any fence, acquire or release?
        self.entries: dict[str, int] = {}  # function -> its first block
        self.functions = _reachable(module, self.entry)
        self.parameter_offsets = _offsets(self.entry)

    @cached_property
    def waiting_loops(self) -> set[int]:
        """The first blocks of loops that may wait for what other threads do."""
        return {first for first, last in self.loops if any(block.waits for block in self.blocks[first : last + 1])}

    @property
    def static_shared(self) -> int:
        """Bytes of shared memory that the code itself declares."""
        return lay_out(self.variables["shared"])[2]

    @property
    def variables(self) -> dict[str, list[ptx.Variable]]:
        """Space -> variables of the module and of the functions that run."""
        found = defaultdict(list)
        local = [variable for function in self.functions for variable in function.variables]
        for variable in [*self.module.variables.values(), *local]:
            found[variable.space].append(variable)
        return found

    def new_slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def call_slot(self, function: str, name: str, offset: int) -> int:
        """Where a function finds a parameter, leaves its result, or finds the block to return to."""
        key = (function, name, offset)
        if key not in self.call_slots:
            self.call_slots[key] = self.new_slot()
        return self.call_slots[key]


def _reachable(module: ptx.Module, entry: Function) -> list[Function]:
    """Every function that is called, before its callers, and the entry last: what stands first in the code runs first,
    so threads wait for those that are in a call. Recursion has no place for its registers and is refused."""
    order: list[Function] = []

    def visit(function: Function, path: tuple[str, ...]) -> None:
        if function.name in path:
            raise NotEmulated(f"`{function.name}` calls itself: recursion on the GPU is not emulated")
        for instruction in function.instructions:
            if instruction.parts[0] == "call":
                callee = next((one.name for one in instruction.operands if isinstance(one, Symbol)), "")
                if callee in module.functions and module.functions[callee].instructions:
                    visit(module.functions[callee], (*path, function.name))
        if function not in order:
            order.append(function)

    visit(entry, ())
    return order


def _offsets(entry: Function) -> dict[str, int]:
    """Each parameter's place in the launch's parameter bytes."""
    offsets, at = {}, 0
    for variable in entry.parameters:
        at = -(-at // variable.align) * variable.align
        offsets[variable.name] = at
        at += variable.size
    return offsets
