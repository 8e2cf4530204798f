"""Arithmetic on f16 and bf16, one or two to a register. Both are computed in float32, and in float64 where in doubt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .core import Array, Operation, choose, chunked, each_half
from .floating import NUMBER, clamped, flushed
from .rounding import repaired, sum_odd

F32, F64, U16, U32 = np.float32, np.float64, np.uint16, np.uint32
NAN16, SIGN16, SIGN32 = U16(0x7FFF), U16(0x8000), U32(0x8000)
TINY16 = F32(2.0**-14)  # smallest normal f16
FLUSHED16 = F32(2.0**-14 - 2.0**-26)  # .ftz: what lies below stays below TINY16 when rounded to 11 bits


def from_f16(a: Array) -> Array:
    """f16 as float32, looked up."""
    return F16_VALUES.take(a)


F16_VALUES = np.arange(1 << 16, dtype=U16).view(np.float16).astype(F32)
F16_VALUES[np.isnan(F16_VALUES)] = np.array(0x7FFFFFFF, U32).view(F32)  # as cvt gives them


def from_bf16(a: Array) -> Array:
    return (a.astype(U32) << U32(16)).view(F32)


def to_f16(x: Array) -> Array:
    """To nearest even; every NaN is 0x7fff. float64 may be exact or rounded to odd.

    The sum with 2^13 times x's power of two leaves x, counted in last bits of f16 and rounded, in the last bits.
    """
    bits = (x if x.dtype == F32 else odd32(x)).view(U32)
    size = bits & U32(0x7FFFFFFF)
    nan = size > U32(0x7F800000) if size.max(initial=0) > 0x7F800000 else None
    power = size & U32(0xFF << 23)
    power = np.minimum(np.maximum(power, U32(113 << 23)), U32(143 << 23))  # of subnormals: the smallest normal one's
    size = np.minimum(size, U32(143 << 23))  # 2^16: infinity
    shifter = power + U32(13 << 23)
    result = (size.view(F32) + shifter.view(F32)).view(U32)
    result -= shifter
    power >>= U32(13)
    power -= U32(113 << 10)
    result += power
    result |= bits >> U32(16) & SIGN32
    return result.astype(U16) if nan is None else choose(np.asarray(nan), NAN16, result.astype(U16))


def odd32(x: Array) -> Array:
    """float64 to float32, rounded to odd."""
    near = x.astype(F32)
    bits, inexact = near.view(U32), (near != x) & (x == x)
    return (bits - (inexact & (np.abs(near) > np.abs(x))) | inexact).view(F32)


def to_bf16(x: Array) -> Array:
    """To nearest even; every NaN is 0x7fff."""
    x = x if x.dtype == F32 else odd32(x)
    bits, nan = x.view(U32), x != x
    result = (bits + (bits >> U32(16) & U32(1)) + U32(0x7FFF) >> U32(16)).astype(U16)
    return choose(np.asarray(nan), NAN16, result) if nan.any() else result


WIDEN = {"f16": from_f16, "bf16": from_bf16}
NARROW = {"f16": to_f16, "bf16": to_bf16}


def decode(kind: str, ftz: str = "") -> Callable[[Array], Array]:
    """Raw bits as numbers; f16 and bf16 as float32."""
    if kind in NUMBER:
        number = NUMBER[kind]
        return (lambda a: flushed(a.view(number))) if ftz else (lambda a: a.view(number))
    widen = WIDEN[kind]
    return (lambda a: widen(flushed16(a))) if ftz and kind == "f16" else widen


def flushed16(a: Array) -> Array:
    """Raw f16 with subnormals replaced by zeros of their sign."""
    return choose(a & U16(0x7C00) == 0, a & SIGN16, a)


def add(_kind: str, a: Array, b: Array) -> Array:
    """float32's 24 bits are enough for a sum of 8- or 11-bit numbers to be rounded twice (Figueroa 1995)."""
    return a + b


def multiply(kind: str, a: Array, b: Array) -> Array:
    """Exact in float32, but for bf16 products below its normal numbers."""
    product = a * b
    if kind == "f16":
        return product
    tiny = (np.abs(product) < F32(2.0**-126)) & (a != 0) & (b != 0)
    return repaired(product, tiny, lambda a, b: odd32(np.multiply(a, b, dtype=F64)), a, b)


def fma(kind: str, a: Array, b: Array, c: Array) -> Array:
    """In float32; it may round twice on a tie of the result's, near its subnormals, past the largest."""
    total = a * b + c
    tie, small = (U32(0x1FFF), F32(2.0**-14)) if kind == "f16" else (U32(0xFFFF), F32(2.0**-100))
    size = np.abs(total)
    doubtful = (total.view(U32) & tie == tie // U32(2) + U32(1)) | ~(size < F32(np.inf))
    low = size < small
    if low.any():
        doubtful = doubtful | (low & (a != 0) & (b != 0))
    return repaired(
        total, doubtful, lambda a, b, c: odd32(sum_odd(np.multiply(a, b, dtype=F64), c.astype(F64))), a, b, c
    )


def packable(kind: str, run: Callable[..., Array], count: int, flops: str = "") -> Operation:
    """An operation on raw 16-bit numbers, or on pairs of them."""
    run = chunked(run)
    return Operation(each_half(run) if kind.endswith("x2") else run, (kind,) * count, kind, flops)


def family(compute: Callable[..., Array], count: int, flops: str = ""):
    """A maker for `op.rn{.ftz}{.sat}{.relu}` of a half type."""

    def make(ftz: str, sat: str, relu: str, kind: str) -> Operation:
        scalar = kind.removesuffix("x2")
        read, write = decode(scalar, ftz), NARROW[scalar]

        def run(*args: Array) -> Array:
            result = compute(scalar, *(read(a) for a in args))
            if ftz:
                result = flushed(result, FLUSHED16)
            bits = write(clamped(result) if sat else result)
            return choose((bits & SIGN16).astype(bool), U16(0) & bits, bits) if relu else bits

        return packable(kind, run, count, flops)

    return make


ADD = family(add, 2, "hadd")
SUBTRACT = family(lambda _kind, a, b: a - b, 2, "hadd")
MULTIPLY = family(multiply, 2, "hmul")
FMA = family(fma, 3, "hfma")


def sign_bit(change: Callable[[Array, Array], Array]):
    def make(ftz: str, kind: str) -> Operation:
        infinity = U16(0x7F80 if kind.startswith("b") else 0x7C00)

        def run(a: Array) -> Array:
            changed, nan = change(flushed16(a) if ftz else a, SIGN16), a & ~SIGN16 > infinity
            return np.where(nan, NAN16, changed) if nan.any() else changed

        return packable(kind, run, 1)

    return make


def ordered(a: Array) -> Array:
    """A signed number that orders as the float of these bits does, -0 below +0; its own inverse."""
    number = a.view(np.int16)
    return number ^ (number >> 15 & np.int16(0x7FFF))


def extreme(pick: Callable[[Array, Array], Array]):
    """min, max as for f32: a number beats NaN (.NaN: NaN wins), -0 < +0."""

    def make(ftz: str, nan: str, xorsign: str, absolute: str, kind: str) -> Operation | None:
        if bool(xorsign) != bool(absolute):
            return None
        infinity = U16(0x7F80 if kind.startswith("b") else 0x7C00)

        def run(a: Array, b: Array) -> Array:
            if ftz:
                a, b = flushed16(a), flushed16(b)
            if xorsign:
                signs, a, b = (a ^ b) & SIGN16, a & ~SIGN16, b & ~SIGN16
            result = ordered(pick(ordered(a), ordered(b)).view(U16)).view(U16)
            a_nan, b_nan = a & ~SIGN16 > infinity, b & ~SIGN16 > infinity
            if a_nan.any() or b_nan.any():
                result = np.where(a_nan, b, np.where(b_nan, a, result))
                result = np.where(a_nan | b_nan if nan else a_nan & b_nan, NAN16, result)
            return np.where(result == NAN16, result, result | signs) if xorsign else result

        return packable(kind, run, 2)

    return make


NEGATE, ABSOLUTE = sign_bit(np.bitwise_xor), sign_bit(lambda a, sign: a & ~sign)
MINIMUM, MAXIMUM = extreme(np.minimum), extreme(np.maximum)

SYNTAX = {
    "add rn? ftz? sat? f16|f16x2": lambda _rn, ftz, sat, kind: ADD(ftz, sat, "", kind),
    "sub rn? ftz? sat? f16|f16x2": lambda _rn, ftz, sat, kind: SUBTRACT(ftz, sat, "", kind),
    "mul rn? ftz? sat? f16|f16x2": lambda _rn, ftz, sat, kind: MULTIPLY(ftz, sat, "", kind),
    "fma rn ftz? sat? f16|f16x2": lambda _rn, ftz, sat, kind: FMA(ftz, sat, "", kind),
    "fma rn ftz? relu f16|f16x2": lambda _rn, ftz, relu, kind: FMA(ftz, "", relu, kind),
    "add rn? bf16|bf16x2": lambda _rn, kind: ADD("", "", "", kind),
    "sub rn? bf16|bf16x2": lambda _rn, kind: SUBTRACT("", "", "", kind),
    "mul rn? bf16|bf16x2": lambda _rn, kind: MULTIPLY("", "", "", kind),
    "fma rn relu? bf16|bf16x2": lambda _rn, relu, kind: FMA("", "", relu, kind),
    "neg ftz? f16|f16x2": NEGATE,
    "neg bf16|bf16x2": lambda kind: NEGATE("", kind),
    "abs ftz? f16|f16x2": ABSOLUTE,
    "abs bf16|bf16x2": lambda kind: ABSOLUTE("", kind),
    "min ftz? NaN? xorsign? abs? f16|f16x2": MINIMUM,
    "max ftz? NaN? xorsign? abs? f16|f16x2": MAXIMUM,
    "min NaN? xorsign? abs? bf16|bf16x2": lambda *words: MINIMUM("", *words),
    "max NaN? xorsign? abs? bf16|bf16x2": lambda *words: MAXIMUM("", *words),
}
