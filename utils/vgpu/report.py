"""What an emulated launch tells: counters, faults, and each memory instruction's costliest request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """One memory instruction, shown through its costliest warp request.

    line: of the learner's source, from 1.  space: global, shared, local.  op: ld, st, atom, red.
    width: bytes that a lane moves.  array: the parameter or shared variable.
    addresses: for 32 lanes, the byte offset from the start of `array`; None where the lane was not active.
    base: address of the array's start modulo 128.  requests, sectors, wavefronts: sums over the whole launch;
    ideal: the fewest sectors (global, local) or wavefronts (shared) for the bytes that were asked for.
    """

    line: int
    space: str
    op: str
    width: int
    array: str
    addresses: tuple[int | None, ...]
    base: int
    requests: int
    sectors: int
    wavefronts: int
    ideal: int


@dataclass(frozen=True)
class Fault:
    """kind: race, out-of-bounds, misaligned, uninitialized, barrier, endless-loop.

    index: element of `array` (-1: none), which has `length`.  count: how many threads did this at this line; this is
    the first.  other: the earlier side of a race (its thread, block and line); does: what each side does.
    why: of an uninitialized read, if it was seen: "copying" (a cp.async to that place has not been waited for), "left"
    (threads of the block have exited that stored nothing in shared memory).
    """

    kind: str
    space: str
    array: str
    index: int
    thread: tuple[int, int, int]
    block: tuple[int, int, int]
    line: int
    message: str
    count: int = 1
    length: int = -1
    other: tuple[tuple[int, int, int], tuple[int, int, int], int] | None = None
    does: tuple[str, str] = ("", "")
    why: str = ""

    def __str__(self) -> str:
        return self.message


@dataclass
class Report:
    """metrics: Nsight Compute's names.  by_line: the same, by line of the source.  seconds: of emulation."""

    kernel: str
    source: str
    arch: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    metrics: dict[str, float]
    by_line: dict[int, dict[str, int]]
    faults: list[Fault]
    accesses: list[Access]
    printed: str
    seconds: float

    def __repr__(self) -> str:
        from .show import overview

        return str(overview(self))

    def _repr_html_(self) -> str:
        from .show import overview

        return overview(self)._repr_html_()
