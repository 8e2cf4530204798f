"""Exact arithmetic under every rounding: error-free sums and products, and float64 values "rounded to odd".

One idea carries all types narrower than float64: compute in float64 and, where that is not exact, make the last bit odd
(the float64 neighbour, on the exact value's side, whose last bit is 1). Such a value is no tie and lies on the exact
value's side of every shorter number, so that one rounding to 24 bits or fewer gives what the exact value would
(Boldo & Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from .core import Array, choose

F32, F64 = np.float32, np.float64
TIE32 = np.uint64(1 << 63)  # what is left of a float64 whose low 29 bits are 1000...0, moved 35 bits up
TINY32, HUGE64 = F32(2.0**-126), 2.0**1020


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b rounded, and what the rounding lost (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """a * b rounded, and what the rounding lost (Dekker); exact while nothing over- or underflows."""

    def split(x: Array) -> tuple[Array, Array]:
        scaled = x * 134217729.0  # 2**27 + 1
        high = scaled - (scaled - x)
        return high, x - high

    product, (a1, a0), (b1, b0) = a * b, split(a), split(b)
    return product, a0 * b0 - (((product - a1 * b1) - a0 * b1) - a1 * b0)


def to_odd(total: Array, lost: Array) -> Array:
    """The exact total + lost, rounded to odd."""
    bits = total.view(np.int64)
    outward = (lost > 0) == (total > 0)
    even = ((lost < 0) | (lost > 0)) & (bits & 1 == 0)
    return (bits + even * (2 * outward.view(np.int8) - 1)).view(F64)


def sum_odd(a: Array, b: Array, mode: str = "rn") -> Array:
    """a + b rounded to odd; an exact zero is -0 when rounding down, unless both are +0 (IEEE 754)."""
    total, lost = two_sum(a, b)
    if mode == "rm":
        total = np.where((total == 0) & (a.view(np.int64) | b.view(np.int64) != 0), -0.0, total)
    return to_odd(total, lost)


def directed(nearest: Array, below: Array, above: Array, mode: str) -> Array:
    """The nearest value moved as the mode asks; below, above: where the exact value is less, greater than it."""
    if mode == "rn":
        return nearest
    if mode == "rz":
        wrong, target = below & (nearest > 0) | above & (nearest < 0), 0
    elif mode == "rm":
        wrong, target = below, -np.inf
    else:
        wrong, target = above, np.inf
    moved = np.nextafter(nearest, nearest.dtype.type(target))
    bits = np.uint32 if nearest.dtype == F32 else np.uint64
    return choose(np.asarray(wrong), np.asarray(moved).view(bits), np.asarray(nearest).view(bits)).view(nearest.dtype)


def narrow32(x: Array, mode: str = "rn") -> Array:
    """float64, exact or rounded to odd, to float32."""
    nearest = x.astype(F32)
    return nearest if mode == "rn" else directed(nearest, x < nearest, x > nearest, mode)


def repaired(result: Array, doubtful: Array, exact: Callable[..., Array], *args: Array) -> Array:
    """The result with its doubtful elements computed again, exactly."""
    if not doubtful.any():
        return result
    if not result.ndim:
        return exact(*args)
    where, result = np.nonzero(doubtful), np.array(result)  # few: their places are faster than a mask
    result[where] = exact(*(np.broadcast_to(x, result.shape)[where] for x in args))
    return result


def fma32(a: Array, b: Array, c: Array, mode: str = "rn") -> Array:
    """float32 a*b + c with one rounding. The product is exact in float64; only the sum can be rounded twice."""
    product = np.multiply(a, b, dtype=F64)
    if mode != "rn":
        return narrow32(sum_odd(product, c.astype(F64), mode), mode)
    total = product + c
    result = total.astype(F32)
    # Two roundings differ from one only where the first lands on a tie of the second, or in a subnormal result.
    doubtful = (total.view(np.uint64) << np.uint64(35)) == TIE32
    small = np.abs(result) < TINY32
    if small.any():
        doubtful = doubtful | (small & (result != 0))
    return repaired(
        result, doubtful, lambda a, b, c: narrow32(sum_odd(np.multiply(a, b, dtype=F64), c.astype(F64))), a, b, c
    )


def add32(a: Array, b: Array, mode: str = "rn") -> Array:
    return a + b if mode == "rn" else narrow32(sum_odd(a.astype(F64), b.astype(F64), mode), mode)


def multiply32(a: Array, b: Array, mode: str = "rn") -> Array:
    return a * b if mode == "rn" else narrow32(np.multiply(a, b, dtype=F64), mode)


def divide32(a: Array, b: Array, mode: str = "rn") -> Array:
    """No quotient of 24-bit numbers is within float64's error of a float32 or of a tie without being it."""
    return a / b if mode == "rn" else narrow32(np.divide(a, b, dtype=F64), mode)


def root32(a: Array, mode: str = "rn") -> Array:
    return np.sqrt(a) if mode == "rn" else narrow32(np.sqrt(a, dtype=F64), mode)


# float64: error-free transforms; exponents at the edges by exact fractions, element by element


def _rounded(exact: Fraction, mode: str, zero: float) -> float:
    """A fraction rounded to float64; `zero`: what an exact 0 gives."""
    if exact == 0:
        return zero
    try:
        nearest = float(exact)
    except OverflowError:
        nearest = math.inf if exact > 0 else -math.inf
    below = nearest == math.inf or (nearest != -math.inf and exact < Fraction(nearest))
    above = nearest == -math.inf or (nearest != math.inf and exact > Fraction(nearest))
    toward = {"rn": nearest, "rz": 0.0, "rm": -math.inf, "rp": math.inf}[mode]
    wrong = {"rn": False, "rz": below if exact > 0 else above, "rm": below, "rp": above}[mode]
    return math.nextafter(nearest, toward) if wrong else nearest


def _fma_exactly(mode: str):
    def one(a: float, b: float, c: float) -> float:
        if not (math.isfinite(a) and math.isfinite(b)):
            return float(F64(a) * F64(b) + F64(c))
        if not math.isfinite(c):
            return c
        product_sign = math.copysign(1, a) * math.copysign(1, b)
        same = (Fraction(a) * Fraction(b) == 0) and c == 0 and product_sign == math.copysign(1, c)
        zero = product_sign * 0.0 if same else (-0.0 if mode == "rm" else 0.0)
        return _rounded(Fraction(a) * Fraction(b) + Fraction(c), mode, zero)

    return np.vectorize(one, otypes=[F64])


def fma64(a: Array, b: Array, c: Array, mode: str = "rn") -> Array:
    """float64 a*b + c with one rounding (Boldo & Melquiond)."""
    product, rest = two_product(a, b)
    low, lowest = two_sum(c, rest)
    high, middle = two_sum(product, low)
    tail = to_odd(*two_sum(middle, lowest))
    result, lost = two_sum(high, tail)
    if mode == "rm":
        zero = (result == 0) & (product.view(np.int64) | c.view(np.int64) != 0)
        result = np.where(zero, -0.0, result)
    else:
        result = np.where(result == 0, product + c, result)
    result = directed(result, lost < 0, lost > 0, mode)
    size = np.abs(product)
    safe = (np.maximum(np.abs(a), np.abs(b)) < 2.0**990) & (np.maximum(size, np.abs(c)) < HUGE64)
    safe &= (size > 2.0**-900) | (a == 0) | (b == 0)
    return repaired(result, ~safe, _fma_exactly(mode), a, b, c)


def add64(a: Array, b: Array, mode: str = "rn") -> Array:
    if mode == "rn":
        return a + b
    result, lost = two_sum(a, b)
    if mode == "rm":
        result = np.where((result == 0) & (a.view(np.int64) | b.view(np.int64) != 0), -0.0, result)
    one = np.ones((), F64)
    result_directed = directed(result, lost < 0, lost > 0, mode)
    unsafe = ~(np.maximum(np.abs(a), np.abs(b)) < HUGE64)
    return repaired(result_directed, unsafe, lambda a, b: _fma_exactly(mode)(a, one, b), a, b)


def multiply64(a: Array, b: Array, mode: str = "rn") -> Array:
    """a * b: as fma with a zero of the product's sign, which changes nothing."""
    if mode == "rn":
        return a * b
    zero = np.copysign(0.0, (a.view(np.int64) ^ b.view(np.int64)).view(F64))
    return fma64(a, b, zero, mode)


def _quotient_exactly(mode: str):
    def one(a: float, b: float) -> float:
        if not (math.isfinite(a) and math.isfinite(b)) or b == 0:
            return float(F64(a) / F64(b))
        return _rounded(Fraction(a) / Fraction(b), mode, math.copysign(0.0, a) * math.copysign(1.0, b))

    return np.vectorize(one, otypes=[F64])


def divide64(a: Array, b: Array, mode: str = "rn") -> Array:
    """a / b: the nearest quotient, moved by the sign of the remainder a - q*b."""
    nearest = a / b
    if mode == "rn":
        return nearest
    product, rest = two_product(nearest, b)
    remainder = (a - product) - rest
    beyond = np.where(b < 0, -remainder, remainder)
    sizes = [np.abs(x) for x in (a, b, nearest)]
    safe = np.logical_and.reduce(np.broadcast_arrays(*((x > 2.0**-900) & (x < 2.0**900) for x in sizes)))
    return repaired(directed(nearest, beyond < 0, beyond > 0, mode), ~safe, _quotient_exactly(mode), a, b)


def root64(a: Array, mode: str = "rn") -> Array:
    nearest = np.sqrt(a)
    if mode == "rn":
        return nearest
    scale = np.where(np.abs(a) < 1, 2.0**600, 2.0**-400)  # keeps the square's parts from underflowing
    scaled = a * scale
    product, rest = two_product(np.sqrt(scaled), np.sqrt(scaled))
    remainder = (scaled - product) - rest
    return directed(nearest, remainder < 0, remainder > 0, mode)
