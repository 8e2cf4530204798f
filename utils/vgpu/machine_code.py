"""The memory accesses in a kernel's machine code, read off the bits: nvdisasm takes more than half a second.

An instruction has 16 bytes (sm_70 and later). Bits 0 to 8 say which it is. Of a load or store, 24 to 31 are the
register of the address (255: none), 40 to 63 its offset, 73 to 75 the width. If bit 91 is set, a uniform register is
used too: 32 to 37 of a load, 64 to 69 of a store; of a global access it only describes the memory. Found by comparing
nvdisasm's text with the bits over the kernels in tests/calibration.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import defaultdict
from functools import cache

import numpy as np

from .line_table import Row, sequences

LOADS_AND_STORES = {0x181: ("global", "ld"), 0x183: ("local", "ld"), 0x184: ("shared", "ld"),
                    0x186: ("global", "st"), 0x187: ("local", "st"), 0x188: ("shared", "st")}  # fmt: skip
BYTES = np.array([1, 1, 2, 2, 4, 8, 16, 16])
Run = frozenset[tuple[int, int]]  # (byte offset, width) of the accesses through one register


@cache
def widest(cubin: bytes, entry: str) -> dict[tuple[str, str], int] | None:
    """(space, op) -> bytes that a lane moves at most; None if the kernel's code is not found."""
    code = _section(cubin, f".text.{entry}")
    if code is None:
        return None
    low, high = np.frombuffer(code, np.uint64).reshape(-1, 2).T
    kinds, sizes = low & np.uint64(0x1FF), BYTES[(high >> np.uint64(73 - 64) & np.uint64(7)).astype(int)]
    return {what: int(sizes[kinds == kind].max(initial=0)) for kind, what in LOADS_AND_STORES.items()}


@cache
def accesses(cubin: bytes, entry: str) -> dict[tuple[int, str, str], list[Run]]:
    """(source line, space, op) -> for each register, what is accessed through it."""
    code = _section(cubin, f".text.{entry}")
    rows = _rows(cubin, entry) if code else []
    starts = [row.address for row in rows]
    found: dict[tuple, dict[tuple, set]] = defaultdict(lambda: defaultdict(set))
    for number, (low, high) in enumerate(struct.iter_unpack("<QQ", code or b"")):
        if what := LOADS_AND_STORES.get(low & 0x1FF):
            at = bisect_right(starts, 16 * number)
            offset = (low >> 40) - (low >> 63 << 24)
            through = [low >> 24 & 0xFF]
            if high >> 27 & 1 and what[0] != "global":
                through.append((low >> 32 if what[1] == "ld" else high) & 0x3F)
            found[rows[at - 1].line if at else 0, *what][tuple(through)].add((offset, int(BYTES[high >> 9 & 7])))
    return {key: [frozenset(run) for run in runs.values()] for key, runs in found.items()}


def _rows(cubin: bytes, entry: str) -> list[Row]:
    """The kernel's line table; empty without one."""
    kernel = _sections(cubin)[f".text.{entry}"][0]
    table, symbols = _section(cubin, ".debug_line") or b"", _section(cubin, ".symtab")
    places = set()
    for name, form in ((".rel.debug_line", "<QQ"), (".rela.debug_line", "<QQq")):  # before sm_90, and from there
        for place, info, *_ in struct.iter_unpack(form, _section(cubin, name) or b""):
            (section,) = struct.unpack_from("<H", symbols, 24 * (info >> 32) + 6)
            if section == kernel:
                places.add(place)
    return next((one.rows for one in sequences(table) if one.place in places), [])


def _section(elf: bytes, name: str) -> bytes | None:
    found = _sections(elf).get(name)
    return elf[found[1] : found[1] + found[2]] if found else None


@cache
def _sections(elf: bytes) -> dict[str, tuple[int, int, int]]:
    """Name -> (number, offset, bytes) of the sections of a 64-bit ELF file; empty if it is none."""
    if elf[:5] != b"\x7fELF\x02":
        return {}
    (table,) = struct.unpack_from("<Q", elf, 40)
    size, count, strings = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQ", elf, table + size * number) for number in range(count)]
    names = headers[strings][4]
    return {
        elf[names + at : elf.index(b"\0", names + at)].decode(): (number, offset, length)
        for number, (at, _, _, _, offset, length) in enumerate(headers)
    }
