"""What each arithmetic PTX opcode computes, bit for bit, on NumPy arrays of raw register bits.

`operation("fma.rn.ftz.f32")` parses the mnemonic against the syntax lines of the families; None if no line has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from . import approximate, bits, compare, convert, floating, half, integer, video
from .core import Operation, expand, match

__all__ = ["Operation", "operation", "opcodes"]

FAMILIES: dict[str, list[tuple[str, Callable[..., Operation | None]]]] = {}
for module in (integer, bits, floating, half, compare, convert, approximate, video):
    for line, maker in module.SYNTAX.items():
        FAMILIES.setdefault(line.split()[0], []).append((line, maker))


@cache
def operation(opcode: str) -> Operation | None:
    """The operation of a full mnemonic, e.g. "mad.lo.s32"; None if it is not arithmetic, or not covered."""
    family, *words = opcode.split(".")
    for line, maker in FAMILIES.get(family, ()):
        found = match(line, tuple(words))
        made = maker(*found) if found is not None else None
        if made:
            return replace(made, run=_as_arrays(made))
    return None


def _as_arrays(made: Operation) -> Callable[..., Any]:
    """NumPy turns results without dimensions into scalars: give arrays back."""
    run = made.run
    if made.carry:
        return lambda *args: tuple(map(np.asarray, run(*args)))
    return lambda *args: np.asarray(run(*args))


def opcodes() -> Iterator[str]:
    """Every mnemonic covered."""
    seen = set()
    for lines in FAMILIES.values():
        for line, _maker in lines:
            for opcode in expand(line):
                if opcode not in seen and operation(opcode):
                    seen.add(opcode)
                    yield opcode
