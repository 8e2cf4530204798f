"""Arithmetic on f32 and f64, with .ftz, .sat and every rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import rounding
from .core import UNSIGNED, Array, Operation, choose, chunked

NUMBER = {"f32": np.dtype("f4"), "f64": np.dtype("f8")}
NAN = {"f32": np.uint32(0x7FFFFFFF), "f64": np.uint64(0xFFF8000000000000)}  # what an operation makes of numbers
QUIET = np.uint64(1 << 51)
SIGN = {"f32": np.uint32(1 << 31), "f64": np.uint64(1 << 63)}
TINY = {"f32": np.float32(2.0**-126), "f64": 2.0**-1022}


SHORT = {rounding.add32, rounding.multiply32, rounding.divide32, rounding.add64, rounding.multiply64}  # few passes


def flushed(x: Array, limit: np.float32 = TINY["f32"]) -> Array:
    """float32 with subnormals (numbers below the limit) replaced by zeros of their sign."""
    small = np.abs(x) < limit
    if not small.any():
        return x
    bits = x.view(np.uint32)
    return choose(np.asarray(small), bits & SIGN["f32"], bits).view(np.float32)


def clamped(x: Array) -> Array:
    """.sat: into [0, 1]; NaN and -0 give +0."""
    return np.where(x > 0, np.minimum(x, x.dtype.type(1)), x.dtype.type(0))


def canonical(x: Array, kind: str, *sources: Array) -> Array:
    """Raw bits with every NaN as the hardware writes it. f64 hands on the first NaN of its sources, quiet, its sign
    kept; f32 forgets them (each of f16, bf16, f32 has the one NaN of all ones behind its sign)."""
    nan, bits = x != x, x.view(UNSIGNED[8 * x.dtype.itemsize])
    if not nan.any():
        return bits
    bits = choose(np.asarray(nan), NAN[kind], bits)
    for source in reversed(sources) if kind == "f64" else ():
        bits = np.where(nan & (source != source), source.view(np.uint64) | QUIET, bits)
    return bits


def flushed_result(
    result: Array, compute: Callable[..., Array], powers: tuple[int, ...], numbers: list[Array]
) -> Array:
    """.ftz of a result: what was below the smallest normal number once rounded, had exponents no end, is 0.

    So in doubt is that number alone: it may have been rounded up to. Computed again 2^24 times as large, with the
    numbers multiplied by 2^powers, it shows. (Without powers the operation gives no such number inexactly.)
    """
    small = np.abs(result) <= TINY["f32"]
    if not small.any():
        return result
    doubtful, result = np.abs(result) == TINY["f32"], flushed(result)
    if not powers or not doubtful.any():
        return result
    near = [
        np.broadcast_to(x, result.shape)[doubtful] * np.float32(2.0**p) for x, p in zip(numbers, powers, strict=True)
    ]
    small, kept = np.abs(compute(*near)) < np.float32(2.0**-102), result[doubtful]
    result = np.array(result)
    result[doubtful] = np.where(small, np.copysign(np.float32(0), kept), kept)
    return result


def arithmetic(
    compute: Callable[..., Array],
    kind: str,
    count: int,
    ftz: str = "",
    sat: str = "",
    flops: str = "",
    powers: tuple[int, ...] = (),
    order: tuple[int, ...] = (0,),
):
    """An Operation from a function on numbers: inputs flushed, result flushed, clamped, its NaN as the hardware has it.

    powers: see flushed_result; order: of the operands that may be NaN, which is handed on.
    """
    number = NUMBER[kind]
    short = compute in SHORT and not ftz

    def run(*args: Array) -> Array:
        numbers = [a.view(number) for a in args]
        if ftz:
            numbers = [flushed(x) for x in numbers]
        result = compute(*numbers)
        if ftz:
            result = flushed_result(result, compute, powers, numbers)
        if sat:
            return clamped(result).view(np.uint32)  # never NaN
        return canonical(result, kind, *(numbers[i] for i in order))

    return Operation(run if short else chunked(run), (kind,) * count, kind, flops)


def rounded(function: Callable[..., Array], mode: str) -> Callable[..., Array]:
    return function if mode in ("", "rn") else lambda *args: function(*args, mode=mode)


def family(f32, f64, flops: str = "", powers: tuple[int, ...] = (), order: tuple[int, ...] = (0,)):
    """A maker for `op{.rnd}{.ftz}{.sat}.f32` and `op{.rnd}.f64`."""

    def make(mode: str, ftz: str, sat: str, kind: str) -> Operation:
        function = rounded(f32 if kind == "f32" else f64, mode)
        counted = ("f" if kind == "f32" else "d") + flops if flops else ""
        return arithmetic(function, kind, len(order), ftz, sat, counted, powers, order)

    return make


# Of two NaNs, the hardware's f64 units hand on the second; division, a program, the first.
ADD = family(rounding.add32, rounding.add64, "add", order=(1, 0))
SUBTRACT = family(
    lambda a, b, mode="rn": rounding.add32(a, -b, mode),
    lambda a, b, mode="rn": rounding.add64(a, -b, mode),
    "add",
    order=(1, 0),
)
MULTIPLY = family(rounding.multiply32, rounding.multiply64, "mul", powers=(24, 0), order=(1, 0))
FMA = family(rounding.fma32, rounding.fma64, "fma", powers=(24, 0, 24), order=(1, 2, 0))
DIVIDE = family(rounding.divide32, rounding.divide64, powers=(24, 0), order=(0, 1))
ROOT = family(rounding.root32, rounding.root64)
RECIPROCAL = family(
    lambda a, mode="rn": rounding.divide32(np.ones((), np.float32), a, mode),
    lambda a, mode="rn": rounding.divide64(np.ones((), np.float64), a, mode),
    powers=(-24,),
)


def sign_bits(change: Callable[[Array, Array], Array]):
    """neg, abs change the sign bit; of a NaN they make what a sum with 0 would."""

    def make(ftz: str, kind: str) -> Operation:
        sign, number = SIGN[kind], NUMBER[kind]

        def run(a: Array) -> Array:
            x = a.view(number)
            changed, nan = change(flushed(x).view(a.dtype) if ftz else a, sign), x != x
            return choose(np.asarray(nan), canonical(x, kind, x), changed) if nan.any() else changed

        return Operation(run, (kind,), kind)

    return make


def extreme(larger: bool):
    """min, max: a number beats NaN (.NaN: NaN wins), -0 < +0; .xorsign.abs: of magnitudes, with the signs' product."""

    def make(ftz: str, nan: str, xorsign: str, absolute: str, kind: str) -> Operation | None:
        if bool(xorsign) != bool(absolute):
            return None
        best = {(False, False): np.fmin, (False, True): np.minimum, (True, False): np.fmax, (True, True): np.maximum}[
            larger, bool(nan)
        ]
        zeros = np.bitwise_and if larger else np.bitwise_or
        number, plain, sign = NUMBER[kind], UNSIGNED[8 * NUMBER[kind].itemsize], SIGN[kind]

        def run(a: Array, b: Array) -> Array:
            x, y = a.view(number), b.view(number)
            if ftz:
                x, y = flushed(x), flushed(y)
            if xorsign:
                signs, x, y = (x.view(plain) ^ y.view(plain)) & sign, np.abs(x), np.abs(y)
            result, equal = best(x, y), x == y
            if equal.any():  # +0 and -0 are equal: take the sign bit's word
                result = np.where(equal, zeros(x.view(plain), y.view(plain)), result.view(plain)).view(number)
            bits = canonical(result, kind, y, x)
            return np.where(result == result, bits | signs, bits) if xorsign else bits

        return Operation(run, (kind, kind), kind)

    return make


def copysign(kind: str) -> Operation:
    """The sign of a on the magnitude of b."""
    sign = SIGN[kind]
    return Operation(lambda a, b: a & sign | b & ~sign, (kind, kind), kind)


def test(what: str, kind: str) -> Operation:
    number, tiny = NUMBER[kind], TINY[kind]
    rules = {
        "finite": np.isfinite,
        "infinite": np.isinf,
        "number": lambda x: ~np.isnan(x),
        "notanumber": np.isnan,
        "normal": lambda x: np.isfinite(x) & (np.abs(x) >= tiny) | (x == 0),  # zeros too
        "subnormal": lambda x: (np.abs(x) < tiny) & (x != 0),
    }
    return Operation(lambda a: rules[what](a.view(number)), (kind,), "pred")


NEGATE, ABSOLUTE = sign_bits(np.bitwise_xor), sign_bits(lambda a, sign: a & ~sign)
MINIMUM, MAXIMUM = extreme(False), extreme(True)

SYNTAX = {
    "add RND? ftz? sat? f32": ADD,
    "sub RND? ftz? sat? f32": SUBTRACT,
    "mul RND? ftz? sat? f32": MULTIPLY,
    "fma RND ftz? sat? f32": FMA,
    "mad RND ftz? sat? f32": FMA,
    "div RND ftz? f32": lambda mode, ftz, kind: DIVIDE(mode, ftz, "", kind),
    "rcp RND ftz? f32": lambda mode, ftz, kind: RECIPROCAL(mode, ftz, "", kind),
    "sqrt RND ftz? f32": lambda mode, ftz, kind: ROOT(mode, ftz, "", kind),
    "add RND? f64": lambda mode, kind: ADD(mode, "", "", kind),
    "sub RND? f64": lambda mode, kind: SUBTRACT(mode, "", "", kind),
    "mul RND? f64": lambda mode, kind: MULTIPLY(mode, "", "", kind),
    "fma RND f64": lambda mode, kind: FMA(mode, "", "", kind),
    "mad RND f64": lambda mode, kind: FMA(mode, "", "", kind),
    "div RND f64": lambda mode, kind: DIVIDE(mode, "", "", kind),
    "rcp RND f64": lambda mode, kind: RECIPROCAL(mode, "", "", kind),
    "sqrt RND f64": lambda mode, kind: ROOT(mode, "", "", kind),
    "neg ftz? f32": NEGATE,
    "neg f64": lambda kind: NEGATE("", kind),
    "abs ftz? f32": ABSOLUTE,
    "abs f64": lambda kind: ABSOLUTE("", kind),
    "min ftz? NaN? xorsign? abs? f32": MINIMUM,
    "max ftz? NaN? xorsign? abs? f32": MAXIMUM,
    "min f64": lambda kind: MINIMUM("", "", "", "", kind),
    "max f64": lambda kind: MAXIMUM("", "", "", "", kind),
    "copysign f32|f64": copysign,
    "testp finite|infinite|number|notanumber|normal|subnormal f32|f64": test,
}
