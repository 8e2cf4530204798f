"""Integer arithmetic: sums, products, quotients, minima, carries and dot products."""

from __future__ import annotations

import numpy as np

from .core import SIGNED, UNSIGNED, Array, Operation, chunked, each_half, raw, value, width

LIMITS = {kind: (np.iinfo(value(kind)).min, np.iinfo(value(kind)).max) for kind in ("s16", "s32", "s64")}


def typed(run, *kinds: str):
    """`run`, which computes on numbers, as a function of raw bits of the types `kinds`."""
    if all(value(kind) == raw(kind) for kind in kinds):
        return run
    types = [value(kind) for kind in kinds]

    def on_bits(*args: Array) -> Array:
        result = run(*(a.view(t) for a, t in zip(args, types, strict=True)))
        return result.view(UNSIGNED[8 * result.dtype.itemsize])

    return on_bits


def wide_type(kind: str) -> np.dtype:
    """The integer type twice as wide."""
    return (SIGNED if kind[0] == "s" else UNSIGNED)[2 * width(kind)]


def product_wide(kind: str):
    """a*b in full, for factors of up to 32 bits."""
    double = wide_type(kind)
    return lambda a, b: np.multiply(a, b, dtype=double)


def product_high(kind: str):
    """The upper half of a*b."""
    bits = width(kind)
    if bits < 64:
        single, full = value(kind), product_wide(kind)
        return lambda a, b: (full(a, b) >> bits).astype(single)

    def unsigned(a: Array, b: Array) -> Array:
        mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
        a0, a1, b0, b1 = a & mask, a >> half, b & mask, b >> half
        cross = a1 * b0 + (a0 * b0 >> half)
        other = (cross & mask) + a0 * b1
        return a1 * b1 + (cross >> half) + (other >> half)

    def signed(a: Array, b: Array) -> Array:
        high = unsigned(a.view(np.uint64), b.view(np.uint64)).view(np.int64)
        return high - (a >> 63 & b) - (b >> 63 & a)

    return signed if kind[0] == "s" else unsigned


def saturating(run, kind: str = "s32"):
    """A sum or difference of 32-bit numbers, clamped to their range."""
    low, high = LIMITS[kind]
    return lambda a, b: np.clip(run(a.astype(np.int64), b.astype(np.int64)), low, high).astype(value(kind))


def divide(a: Array, b: Array) -> Array:
    """Unsigned quotient; x/0 has all bits set. Up to 32 bits the float64 quotient, cut off, is exact."""
    if a.dtype.itemsize < 8:
        quotient = np.divide(a, b, dtype=np.float64)
        zero = b == 0
        if zero.any():
            quotient = np.where(zero, float(np.iinfo(a.dtype).max), quotient)
        return quotient.astype(np.int64).astype(a.dtype)
    return np.where(b == 0, ~b, a // np.maximum(b, np.uint64(1)))


def remainder(a: Array, b: Array) -> Array:
    """Unsigned remainder; x%0 has all bits set, as the sequence that ptxas emits leaves it."""
    if a.dtype.itemsize < 8:
        return np.where(b == 0, ~b, a - divide(a, b) * b)
    return np.where(b == 0, ~b, a % np.maximum(b, np.uint64(1)))


def signed_division(unsigned, sign_of):
    """Division of magnitudes, then the sign; by zero, whatever the unsigned division gives."""

    def run(a: Array, b: Array) -> Array:
        plain = UNSIGNED[8 * a.dtype.itemsize]
        result = unsigned(np.abs(a).view(plain), np.abs(b).view(plain)).view(a.dtype)
        return np.where((sign_of(a, b) < 0) & (b != 0), -result, result)

    return run


DIVISIONS = {
    "div": (divide, signed_division(divide, np.bitwise_xor)),
    "rem": (remainder, signed_division(remainder, lambda a, b: a)),
}


def binary(kind: str, run) -> Operation:
    return Operation(typed(run, kind, kind), (kind, kind), kind)


def sums(run):
    def make(sat: str, kind: str) -> Operation:
        return binary(kind, saturating(run) if sat else run)

    return make


def packed_sum(run):
    return lambda kind: Operation(each_half(run), (kind, kind), kind)


def multiply(part: str, kind: str) -> Operation:
    if part == "wide":
        return Operation(typed(product_wide(kind), kind, kind), (kind, kind), f"{kind[0]}{2 * width(kind)}")
    return binary(kind, product_high(kind) if part == "hi" else np.multiply)


def multiply_add(part: str, sat: str, kind: str) -> Operation:
    result = f"{kind[0]}{2 * width(kind)}" if part == "wide" else kind
    if part == "lo":
        return Operation(lambda a, b, c: a * b + c, (kind, kind, kind), kind)
    times = product_wide(kind) if part == "wide" else product_high(kind)
    plus = saturating(np.add) if sat else np.add
    return Operation(typed(lambda a, b, c: plus(times(a, b), c), kind, kind, result), (kind, kind, result), result)


def product24(part: str, kind: str):
    """Bits 0-31 or 16-47 of the product of the low 24 bits."""
    double, single = wide_type(kind), value(kind)

    def run(a: Array, b: Array) -> Array:
        low = [(x << np.uint32(8)).view(single) >> 8 for x in (a, b)]
        full = np.multiply(*low, dtype=double)
        return (full >> 16 if part == "hi" else full).astype(np.uint32)

    return run


def multiply24(part: str, kind: str) -> Operation:
    return Operation(product24(part, kind), (kind, kind), kind)


def multiply_add24(part: str, sat: str, kind: str) -> Operation:
    times = product24(part, kind)
    plus = typed(saturating(np.add), kind, kind) if sat else np.add
    return Operation(lambda a, b, c: plus(times(a, b), c), (kind, kind, kind), kind)


def absolute_difference(kind: str) -> Operation:
    plain = raw(kind)
    return Operation(
        typed(lambda a, b, c: c + (np.maximum(a, b) - np.minimum(a, b)).view(plain).view(c.dtype), kind, kind, kind),
        (kind, kind, kind),
        kind,
    )


def division(name: str):
    return lambda kind: binary(kind, chunked(DIVISIONS[name][kind[0] == "s"]))


def unary(run):
    return lambda kind: Operation(typed(run, kind), (kind,), kind)


def extreme(run):
    def make(relu: str, kind: str) -> Operation:
        scalar = kind.removesuffix("x2")
        best = (lambda a, b: np.maximum(run(a, b), 0)) if relu else run
        bits = typed(best, scalar, scalar)
        return Operation(each_half(bits) if kind != scalar else bits, (kind, kind), kind)

    return make


def add_carry(reads: bool, writes: bool):
    """a + b (+ carry); the carry out is the sum's 33rd (65th) bit."""

    def make(_cc: str, kind: str) -> Operation:
        def run(a: Array, b: Array, carry: Array) -> tuple[Array, Array]:
            total = a + b
            out = total < a
            if reads:
                total = total + carry
                out = out | (carry & (total == 0))
            return total, out if writes else carry

        return Operation(run, (kind, kind), kind, carry=True)

    return make


def subtract_borrow(reads: bool, writes: bool):
    """a - b (- borrow); the flag out is the borrow."""

    def make(_cc: str, kind: str) -> Operation:
        def run(a: Array, b: Array, carry: Array) -> tuple[Array, Array]:
            out, total = a < b, a - b
            if reads:
                out = out | (carry & (total == 0))
                total = total - carry
            return total, out if writes else carry

        return Operation(run, (kind, kind), kind, carry=True)

    return make


def with_optional_cc(rule):
    return lambda cc, kind: rule(True, bool(cc))(cc, kind)


def multiply_add_carry(reads: bool):
    def make(part: str, cc: str, kind: str) -> Operation:
        times = np.multiply if part == "lo" else typed(product_high(kind), kind, kind)
        plus = add_carry(reads, bool(cc))(cc, kind).run
        return Operation(lambda a, b, c, carry: plus(times(a, b), c, carry), (kind,) * 3, kind, carry=True)

    return make


def dot(lanes: int):
    """dp4a, dp2a: c plus the products of the packed 8-bit (dp2a: 16- by 8-bit) numbers."""

    def make(*words: str) -> Operation:
        kinds = words[-2:]
        first = 4 if lanes == 4 else 2
        offset = 2 if words[0] == "hi" else 0

        def lane(x: Array, kind: str, bits: int, index: int) -> Array:
            up = x << np.uint32(32 - bits * (index + 1))
            return (up.view(np.int32) >> (32 - bits)).view(np.uint32) if kind == "s32" else up >> np.uint32(32 - bits)

        def run(a: Array, b: Array, c: Array) -> Array:
            for i in range(lanes):
                c = c + lane(a, kinds[0], 32 // first, i) * lane(b, kinds[1], 8, i + offset)
            return c

        total = "u32" if kinds == ("u32", "u32") else "s32"
        return Operation(run, (*kinds, total), total)

    return make


SYNTAX = {
    "add sat? s32": sums(np.add),
    "sub sat? s32": sums(np.subtract),
    "add u16|u32|u64|s16|s64": lambda kind: binary(kind, np.add),
    "sub u16|u32|u64|s16|s64": lambda kind: binary(kind, np.subtract),
    "add u16x2|s16x2": packed_sum(np.add),
    "mul lo|hi INT": multiply,
    "mul wide u16|u32|s16|s32": multiply,
    "mad lo|wide u16|u32|s16|s32": lambda part, kind: multiply_add(part, "", kind),
    "mad lo u64|s64": lambda part, kind: multiply_add(part, "", kind),
    "mad hi INT": lambda part, kind: multiply_add(part, "", kind),
    "mad hi sat s32": multiply_add,
    "mul24 lo|hi u32|s32": multiply24,
    "mad24 lo|hi u32|s32": lambda part, kind: multiply_add24(part, "", kind),
    "mad24 hi sat s32": multiply_add24,
    "sad INT": absolute_difference,
    "div INT": division("div"),
    "rem INT": division("rem"),
    "abs s16|s32|s64": unary(np.abs),
    "neg s16|s32|s64": unary(np.negative),
    "min u16|u32|u64|u16x2|s16|s64": lambda kind: extreme(np.minimum)("", kind),
    "max u16|u32|u64|u16x2|s16|s64": lambda kind: extreme(np.maximum)("", kind),
    "min relu? s16x2|s32": extreme(np.minimum),
    "max relu? s16x2|s32": extreme(np.maximum),
    "min s16x2|s32 relu": lambda kind, relu: extreme(np.minimum)(relu, kind),  # as CUDA's headers write it
    "max s16x2|s32 relu": lambda kind, relu: extreme(np.maximum)(relu, kind),
    "add cc u32|s32|u64|s64": add_carry(False, True),
    "sub cc u32|s32|u64|s64": subtract_borrow(False, True),
    "addc cc? u32|s32|u64|s64": with_optional_cc(add_carry),
    "subc cc? u32|s32|u64|s64": with_optional_cc(subtract_borrow),
    "mad lo|hi cc u32|s32|u64|s64": multiply_add_carry(False),
    "madc lo|hi cc? u32|s32|u64|s64": multiply_add_carry(True),
    "dp4a u32|s32 u32|s32": dot(4),
    "dp2a lo|hi u32|s32 u32|s32": dot(2),
}
