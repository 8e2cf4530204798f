"""What a launch did that it must not: noted once a line, with how many threads did it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .active import Active
from .memory import Region, Space
from .report import Fault

if TYPE_CHECKING:
    from .machine import Batch

VERBS = {"ld": "reads", "ldgsts": "reads", "ldsm": "reads", "st": "writes", "stsm": "writes"}


class Faults:
    def __init__(self) -> None:
        self.found: dict[tuple[str, str, int], Fault] = {}

    def note(self, fault: Fault) -> None:
        key = (fault.kind, fault.space, fault.line)
        first = self.found.get(key)
        self.found[key] = replace(first, count=first.count + fault.count) if first else fault

    def stuck(self, kind: str, batch: Batch, at: Active, line: int, what: str) -> None:
        """A fault of no array: the threads `at` a barrier, an exchange, a loop."""
        thread, block = batch.coordinates(*at.first)
        message = f"Thread {shown(thread)} of block {shown(block)} {what}."
        self.note(Fault(kind, "", "", -1, thread, block, line, message, at.threads))

    def access(
        self,
        kind: str,
        batch: Batch,
        site: int,
        memory: Space,
        offsets: np.ndarray,
        bad: Active,
        width: int,
        meant: Region | None = None,
    ) -> None:
        """An access by the `bad` threads to places where they may not be.  meant: the array they wanted, if known."""
        place = batch.program.sites[site]
        offset = int(bad.one_of(offsets))
        region = meant or memory.region_at(offset) or memory.nearest(offset) or Region("", 0, 0)
        item = region.item if memory.name == "global" else width
        index, length = (offset - region.start) // item, region.size // item
        thread, block = batch.coordinates(*bad.first)
        who = f"Thread {shown(thread)} of block {shown(block)} {VERBS.get(place.op, 'updates')}"
        far = not -4096 <= index <= 4 * length + 4096
        what = "an address that belongs to no array" if far or not region.name else f"{region.name}[{index}]"
        if width > item and not far:  # one access of several elements
            what += f" to {region.name}[{index + width // item - 1}]"
        message = {
            "out-of-bounds": f"{who} {what}" + ("" if far else f", but `{region.name}` has {plural(length)}"),
            "misaligned": f"{who} {width} bytes at byte {offset - region.start} of `{region.name}`,"
            f" which is no multiple of {width}",
            "uninitialized": f"{who} {what} of {memory.name} memory before any thread has written it",
        }[kind]
        message += f" (line {place.line})."
        why, cause = _why(batch, bad, offset) if kind == "uninitialized" and memory.name == "shared" else ("", "")
        self.note(Fault(kind, memory.name, region.name, index, thread, block, place.line, message + cause, bad.threads,
                        length, why=why))  # fmt: skip


def _why(batch: Batch, reading: Active, offset: int) -> tuple[str, str]:
    """Why nothing has been written at this byte of shared memory, as far as it can be seen, and in words."""
    row = reading.first[0]
    if (site := batch.copies.under_way(row, offset)) is not None:
        return "copying", f" A copy to it has been started (line {batch.program.sites[site].line}), and not waited for."
    if left := batch.left_early(row):
        count = "A thread" if left == 1 else f"{left} threads"
        return "left", f" {count} of the block had left before, having stored nothing in shared memory."
    return "", ""


def plural(count: int) -> str:
    return f"{count} element" + "s" * (count != 1)


def shown(coordinates: tuple[int, int, int]) -> str:
    """(3, 0, 0) is 3, (3, 1, 0) is (3, 1)."""
    x, y, z = coordinates
    return str(x) if y == z == 0 else f"({x}, {y})" if z == 0 else f"({x}, {y}, {z})"
