"""Source lines of machine code, from a cubin's .debug_line: DWARF 2 with NVIDIA's note of what was inlined where.

A line program is a byte code that writes rows (address, line). NVIDIA adds the extended opcode 0x90: the rows behind it
are of a function inlined at an earlier row, whose number it gives (from 1; 0: not inlined). Found by comparing with
nvdisasm -gi over the kernels in tests/calibration.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

END, SET_ADDRESS, INLINED = 1, 2, 0x90  # extended opcodes
COPY, ADVANCE_PC, ADVANCE_LINE, CONST_ADD_PC, FIXED_ADVANCE_PC = 1, 2, 3, 8, 9  # standard ones; the rest is skipped


@dataclass(frozen=True)
class Row:
    """line: in the kernel's own text, where what was inlined was called."""

    address: int
    line: int


@dataclass(frozen=True)
class Sequence:
    """rows: by address, which counts from the begin of a section of code.  place: of that section's relocation."""

    rows: list[Row]
    place: int


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> int:
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def leb(self, signed: bool = False) -> int:
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value - (1 << shift) if signed and byte & 0x40 else value


def sequences(section: bytes) -> Iterator[Sequence]:
    """What a .debug_line says of each function."""
    reader = Reader(section)
    while reader.at < len(section):
        end = reader.take("I") + reader.at
        yield from _program(reader, end)
        reader.at = end


def _program(reader: Reader, end: int) -> Iterator[Sequence]:
    reader.take("H")
    code = reader.take("I") + reader.at
    step, _, base, range_, first = (reader.take(form) for form in "BBbBB")
    operands = [reader.take("B") for _ in range(first - 1)]
    reader.at = code
    lines: list[int] = []  # of every row so far, where it was called from
    found, address, line, called, place = [], 0, 1, 0, 0

    def row() -> None:
        lines.append(lines[called - 1] if called else line)
        found.append(Row(address, lines[-1]))

    while reader.at < end:
        opcode = reader.take("B")
        if opcode >= first:
            address += (opcode - first) // range_ * step
            line += base + (opcode - first) % range_
            row()
        elif opcode == 0:
            following = reader.leb() + reader.at
            what = reader.take("B")
            if what == END:
                yield Sequence(sorted(found, key=lambda row: row.address), place)
                lines, found, address, line, called = [], [], 0, 1, 0
            elif what == SET_ADDRESS:
                place, address = reader.at, reader.take("Q")
            elif what == INLINED:
                called = reader.leb()
            reader.at = following
        elif opcode == COPY:
            row()
        elif opcode == ADVANCE_PC:
            address += reader.leb() * step
        elif opcode == ADVANCE_LINE:
            line += reader.leb(signed=True)
        elif opcode == CONST_ADD_PC:
            address += (255 - first) // range_ * step
        elif opcode == FIXED_ADVANCE_PC:
            address += reader.take("H")
        else:
            for _ in range(operands[opcode - 1]):
                reader.leb()
