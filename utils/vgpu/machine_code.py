"""The widest memory accesses in a kernel's machine code, read off the bits: disassembling takes half a second.

An instruction has 16 bytes (sm_70 and later): bits 0 to 8 say which it is, bits 73 to 75 of a load or store how wide
it is. Found by comparing nvdisasm's text with the bits over the kernels in tests/calibration.
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np

LOADS_AND_STORES = {0x181: ("global", "ld"), 0x183: ("local", "ld"), 0x184: ("shared", "ld"),
                    0x186: ("global", "st"), 0x187: ("local", "st"), 0x188: ("shared", "st")}  # fmt: skip
BYTES = np.array([1, 1, 2, 2, 4, 8, 16, 16])


@cache
def widest(cubin: bytes, entry: str) -> dict[tuple[str, str], int] | None:
    """(space, op) -> bytes that a lane moves at most; None if the kernel's code is not found."""
    code = _section(cubin, f".text.{entry}")
    if code is None:
        return None
    low, high = np.frombuffer(code, np.uint64).reshape(-1, 2).T
    kinds, sizes = low & np.uint64(0x1FF), BYTES[(high >> np.uint64(73 - 64) & np.uint64(7)).astype(int)]
    return {what: int(sizes[kinds == kind].max(initial=0)) for kind, what in LOADS_AND_STORES.items()}


def _section(elf: bytes, name: str) -> bytes | None:
    """The contents of a section of a 64-bit ELF file."""
    if elf[:5] != b"\x7fELF\x02":
        return None
    (table,) = struct.unpack_from("<Q", elf, 40)
    size, count, strings = struct.unpack_from("<HHH", elf, 58)
    headers = [struct.unpack_from("<IIQQQQ", elf, table + size * number) for number in range(count)]
    names = headers[strings][4]
    for at, _, _, _, offset, length in headers:
        if elf[names + at : elf.index(b"\0", names + at)] == name.encode():
            return elf[offset : offset + length]
    return None
