"""Bit operations: logic, shifts, fields, permutations and counts."""

from __future__ import annotations

import numpy as np

from .core import Array, Operation, chunked, raw, value, width


def logic(run):
    return lambda kind: Operation(run, (kind, kind), kind)


def shift_left(kind: str) -> Operation:
    """A shift by the width or more gives 0: NumPy's shifts do so too, if the count keeps its size."""
    return Operation(lambda a, n: a << _count(n, a.dtype), (kind, "u32"), kind)


def shift_right(kind: str) -> Operation:
    number, plain = value(kind), raw(kind)
    return Operation(lambda a, n: (a.view(number) >> _count(n, number)).view(plain), (kind, "u32"), kind)


def _count(n: Array, target: np.dtype) -> Array:
    return n.view(target) if target.itemsize == 4 else np.minimum(n, np.uint32(64)).astype(target)


def funnel(direction: str, mode: str, kind: str) -> Operation:
    """shf: the 64 bits b:a shifted; its upper (l) or lower (r) half."""

    def run(a: Array, b: Array, n: Array) -> Array:
        n = n & np.uint32(31) if mode == "wrap" else np.minimum(n, np.uint32(32))
        both = (b.astype(np.uint64) << np.uint64(32)) | a
        both = both << n.astype(np.uint64) >> np.uint64(32) if direction == "l" else both >> n.astype(np.uint64)
        return both.astype(np.uint32)

    return Operation(chunked(run), (kind, kind, "u32"), kind)


def lookup(table: int, a: Array, b: Array, c: Array) -> Array:
    """lop3: the function of three bits whose truth table is `table`, as an XOR of products of its inputs."""
    terms = [table >> i & 1 for i in range(8)]  # index: 4*a + 2*b + c
    for step in (1, 2, 4):  # truth table -> coefficients of the products
        for i in range(8):
            if i & step:
                terms[i] ^= terms[i ^ step]
    result = np.zeros(np.broadcast_shapes(a.shape, b.shape, c.shape), np.uint32)
    if terms[0]:
        result = ~result
    for i in range(1, 8):
        if terms[i]:
            chosen = [x for x, bit in ((a, 4), (b, 2), (c, 1)) if i & bit]
            factor = chosen[0]
            for x in chosen[1:]:
                factor = factor & x
            result = result ^ factor
    return result


def _lop3(a: Array, b: Array, c: Array, table: Array) -> Array:
    return lookup(int(table.flat[0]) & 255, a, b, c)


LOGIC = {"and": np.logical_and, "or": np.logical_or}


def lop3(combine: str, kind: str) -> Operation:
    """`lop3.or d|p, a, b, c, table, q`: p is (d != 0) or q."""
    if not combine:
        return Operation(_lop3, (kind,) * 3 + ("u32",), kind)
    return Operation(
        lambda a, b, c, table, q: _lop3(a, b, c, table),
        (kind,) * 3 + ("u32", "pred"),
        kind,
        second=lambda a, b, c, table, q: LOGIC[combine](_lop3(a, b, c, table) != 0, q),
    )


EIGHT, THREE, SEVEN = np.uint32(8), np.uint32(3), np.uint32(7)


def _byte(pair: Array, choice: Array) -> Array:
    """The byte of b:a that `choice` names; with bit 3 set, its sign spread over the byte."""
    byte = (pair >> ((choice & SEVEN) << THREE).astype(np.uint64)).astype(np.uint32) & np.uint32(255)
    sign = choice & EIGHT != 0
    return np.where(sign, (byte >> SEVEN) * np.uint32(255), byte) if sign.any() else byte


def _permuted(a: Array, b: Array, selector: int) -> Array:
    """prmt by a constant: bytes that keep their distance are moved together; no sign spreading."""
    result, left = None, list(range(4))
    while left:
        source, shift = (selector >> 4 * left[0]) & 4, (left[0] - (selector >> 4 * left[0] & 3)) * 8
        group = [i for i in left if (selector >> 4 * i & 4) == source and (i - (selector >> 4 * i & 3)) * 8 == shift]
        left = [i for i in left if i not in group]
        x = b if source else a
        moved = x << np.uint32(shift) if shift > 0 else x >> np.uint32(-shift) if shift else x
        moved = moved & np.uint32(sum(255 << 8 * i for i in group))
        result = moved if result is None else result | moved
    return result


SELECTORS = {  # prmt's modes: the four byte choices, lowest first, for c & 3 = 0, 1, 2, 3
    "f4e": (0x3210, 0x4321, 0x5432, 0x6543),
    "b4e": (0x5670, 0x6701, 0x7012, 0x0123),
    "rc8": (0x0000, 0x1111, 0x2222, 0x3333),
    "ecl": (0x3210, 0x3211, 0x3222, 0x3333),
    "ecr": (0x0000, 0x1110, 0x2210, 0x3210),
    "rc16": (0x1010, 0x3232, 0x1010, 0x3232),
}


def permute(kind: str, mode: str) -> Operation:
    """prmt: each byte of the result chosen by four bits of c."""
    table = np.array(SELECTORS[mode], np.uint32) if mode else None

    def run(a: Array, b: Array, c: Array) -> Array:
        if table is None and c.size == 1 and not (int(c.flat[0]) & 0x8888):
            shape = np.broadcast_shapes(a.shape, b.shape, c.shape)
            return np.broadcast_to(_permuted(a, b, int(c.flat[0])), shape)
        pair = (b.astype(np.uint64) << np.uint64(32)) | a
        if table is not None:
            c = table[c & THREE]
        result = _byte(pair, c & np.uint32(15))
        for i in (1, 2, 3):
            result = result | _byte(pair, c >> np.uint32(4 * i) & np.uint32(15)) << np.uint32(8 * i)
        return result

    return Operation(chunked(run), (kind,) * 3, kind)


def places(a: Array, *counts: Array) -> list[Array]:
    """Positions and lengths of bfe, bfi in a's type: their low byte counts, with 64 bits the whole number."""
    small = (x & np.uint32(255) if a.dtype.itemsize == 4 else np.minimum(x, np.uint32(255)) for x in counts)
    return [np.asarray(x).astype(a.dtype) for x in small]


def extract(kind: str) -> Operation:
    """bfe: `length` bits from `start`, sign-extended for signed types (the sign beyond bit 31/63 is the top bit)."""
    top = np.array(width(kind) - 1, raw(kind))

    def run(a: Array, start: Array, length: Array) -> Array:
        start, length = places(a, start, length)
        field = a >> start & ~(~np.zeros_like(length) << length)
        if kind[0] == "u":
            return field
        last = np.minimum(start + length - np.minimum(length, 1), top)
        sign = (a >> last & 1).astype(bool) & (length != 0)
        have = np.minimum(length, np.where(start > top, 0, top + 1 - np.minimum(start, top)).astype(a.dtype))
        return np.where(sign, field | ~np.zeros_like(have) << have, field).astype(a.dtype)

    return Operation(chunked(run), (kind, "u32", "u32"), kind)


def insert(kind: str) -> Operation:
    """bfi: the low `length` bits of a put into b from `start` on."""

    def run(a: Array, b: Array, start: Array, length: Array) -> Array:
        start, length = places(a, start, length)
        mask = ~(~np.zeros_like(length) << length) << start
        return a << start & mask | b & ~mask

    return Operation(chunked(run), (kind, kind, "u32", "u32"), kind)


def highest(x: Array) -> Array:
    """Number of bits up to and with the highest set one (0 for 0), for 32- and 64-bit unsigned numbers."""
    if x.dtype.itemsize == 8:
        upper = (x >> np.uint64(32)).astype(np.uint32)
        return np.where(upper != 0, 32 + highest(upper), highest(x.astype(np.uint32))).astype(np.uint32)
    exponent = x.astype(np.float64).view(np.uint64) >> np.uint64(52)
    return np.where(x != 0, exponent - np.uint64(1022), np.uint64(0)).astype(np.uint32)


def count_leading_zeros(kind: str) -> Operation:
    return Operation(chunked(lambda a: np.uint32(width(kind)) - highest(a)), (kind,), "u32")


def find_highest(shift: str, kind: str) -> Operation:
    """bfind: position of the highest bit that is not the sign (-1 if none); .shiftamt: how far to the left end."""
    number, bits = value(kind), width(kind)

    def run(a: Array) -> Array:
        if kind[0] == "s":
            a = (a.view(number) ^ a.view(number) >> bits - 1).view(a.dtype)
        found = highest(a)
        return np.where(found == 0, found, np.uint32(bits + 1) - found) - 1 if shift else found - np.uint32(1)

    return Operation(chunked(run), (kind,), "u32")


def reverse(kind: str) -> Operation:
    swaps = [(1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)]
    plain = raw(kind)

    def run(a: Array) -> Array:
        for step, mask in swaps:
            keep, by = plain.type(mask & int(np.iinfo(plain).max)), plain.type(step)
            a = (a >> by & keep) | (a & keep) << by
        return a.byteswap()

    return Operation(chunked(run), (kind,), kind)


def count_ones(kind: str) -> Operation:
    return Operation(lambda a: np.bitwise_count(a).astype(np.uint32), (kind,), "u32")


def find_nth(kind: str) -> Operation:
    """fns: position of the n-th set bit from `base` on, upwards for n > 0, downwards for n < 0; 0xffffffff if none."""

    def run(mask: Array, base: Array, n: Array) -> Array:
        base, n = base.astype(np.int64), n.view(np.int32).astype(np.int64)
        step, left = np.where(n < 0, -1, 1), np.maximum(np.abs(n), 1)
        single = n == 0  # only the bit at base counts
        shape = np.broadcast_shapes(mask.shape, base.shape, n.shape)
        result = np.full(shape, 0xFFFFFFFF, np.int64)
        left = np.broadcast_to(left, shape).copy()
        for i in range(32):
            at = base + step * i
            bit = (
                (mask >> (at & 31).astype(np.uint32) & np.uint32(1)).astype(bool) & (at >= 0) & (at < 32) & (base < 32)
            )
            bit = bit & ~(single & (i > 0))
            left -= bit
            result = np.where(bit & (left == 0), at, result)
        return np.where(n == -(2**31), 0, result).astype(np.uint32)  # -n is no number: the program that runs gives 0

    return Operation(chunked(run), (kind, "b32", "s32"), kind)


def mask_of(mode: str, kind: str) -> Operation:
    """bmsk: `length` ones from `start` on."""

    def run(start: Array, length: Array) -> Array:
        if mode == "wrap":
            start, length = start & np.uint32(31), length & np.uint32(31)
        return ~(~np.zeros_like(length) << length) << start

    return Operation(run, (kind, kind), kind)


def extend(mode: str, kind: str) -> Operation:
    """szext: the low n bits of a, zero- or sign-extended."""

    def run(a: Array, n: Array) -> Array:
        n = n & np.uint32(31) if mode == "wrap" else np.minimum(n, np.uint32(32))
        up = np.uint32(32) - n
        shifted = a << up
        return (shifted.view(np.int32) >> up.view(np.int32)).view(np.uint32) if kind == "s32" else shifted >> up

    return Operation(run, (kind, "u32"), kind)


SYNTAX = {
    "and pred|BITS": logic(np.bitwise_and),
    "or pred|BITS": logic(np.bitwise_or),
    "xor pred|BITS": logic(np.bitwise_xor),
    "not pred|BITS": lambda kind: Operation(np.invert, (kind,), kind),
    "cnot BITS": lambda kind: Operation(lambda a: (a == 0).astype(a.dtype), (kind,), kind),
    "shl BITS": shift_left,
    "shr BITS|INT": shift_right,
    "shf l|r clamp|wrap b32": funnel,
    "lop3 and|or? b32": lop3,
    "prmt b32 f4e|b4e|rc8|ecl|ecr|rc16?": permute,
    "bfe u32|u64|s32|s64": extract,
    "bfi b32|b64": insert,
    "bfind shiftamt? u32|u64|s32|s64": find_highest,
    "brev b32|b64": reverse,
    "popc b32|b64": count_ones,
    "clz b32|b64": count_leading_zeros,
    "fns b32": find_nth,
    "bmsk clamp|wrap b32": mask_of,
    "szext clamp|wrap u32|s32": extend,
}
