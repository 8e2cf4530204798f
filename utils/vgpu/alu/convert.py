"""cvt between every pair of types, with every rounding and saturation, and the packed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .core import Array, Operation, chunked, raw, value, width
from .floating import clamped, flushed
from .formats import FORMATS, TO_WHOLE, decode, encoder
from .half import decode as decode_number
from .rounding import add64, to_odd, two_sum

F32, F64 = np.float32, np.float64
MODES = ("rn", "rz", "rm", "rp")
HOLDS = {("f16", "f32"), ("bf16", "f32"), ("f16", "f64"), ("bf16", "f64"), ("f32", "f64")}  # source fits exactly


def fitted(a: Array, kind: str) -> Array:
    """A register wider than its operand's type counts with its low bits."""
    return a if a.dtype == raw(kind) else a.astype(raw(kind))


def can_hold(target: str, source: str) -> bool:
    """Whether every number of one integer type is one of another, so that .sat is not allowed."""
    new, old = np.iinfo(value(target)), np.iinfo(value(source))
    return int(new.min) <= int(old.min) and int(old.max) <= int(new.max)


def between_integers(sat: str, target: str, source: str) -> Operation:
    old, new, plain = value(source), value(target), raw(target)

    def plain_run(a: Array) -> Array:
        return fitted(a, source).view(old).astype(new).view(plain)

    def clamping(a: Array) -> Array:
        number = fitted(a, source).view(old)
        low = max(int(np.iinfo(new).min), int(np.iinfo(old).min))
        high = min(int(np.iinfo(new).max), int(np.iinfo(old).max))
        return np.clip(number, old.type(low), old.type(high)).astype(new).view(plain)

    return Operation(clamping if sat else plain_run, (source,), target)


def to_integer(mode: str, ftz: str, target: str, source: str) -> Operation:
    """Float to integer: rounded, clamped; NaN gives 0, with 64 bits on either side 0x80...0 (PTX ISA)."""
    read, number, plain = decode_number(source, ftz), value(target), raw(target)
    low, high = float(np.iinfo(number).min), float(np.iinfo(number).max)
    invalid = plain.type(1 << (width(target) - 1)) if source == "f64" or width(target) == 64 else plain.type(0)
    to_whole, quick = TO_WHOLE[mode[:2]], target == "s32" and source != "f64"

    def whole(a: Array) -> tuple[Array, Array]:
        x = read(fitted(a, source))
        return x != x, to_whole(x.astype(F64))

    def narrow(a: Array) -> Array:
        if quick:  # the usual case: all in range, as the processor converts
            x = to_whole(read(fitted(a, source)))
            if (np.abs(x) < F32(2.0**31)).all():
                return x.astype(np.int32).view(plain)
        nan, x = whole(a)
        bits = np.clip(x, low, high).astype(np.int64).astype(plain)
        return np.where(nan, invalid, bits) if nan.any() else bits

    def wide(a: Array) -> Array:  # 2^63 and 2^64 are float64s, the largest integers are not
        nan, x = whole(a)
        if target == "u64":
            upper = x >= 2.0**63
            bits = np.where(upper, x - 2.0**63, np.maximum(x, 0)).astype(np.int64).view(plain)
            bits = np.where(upper, bits | np.uint64(1 << 63), bits)
            bits = np.where(x >= 2.0**64, np.uint64(2**64 - 1), bits)
        else:
            bits = np.maximum(x, low).astype(np.int64).view(plain)
            bits = np.where(x >= 2.0**63, np.uint64(2**63 - 1), bits)
        return np.where(nan, invalid, bits)

    return Operation(chunked(wide if width(target) == 64 else narrow), (source,), target)


def from_integer(mode: str, sat: str, target: str, source: str) -> Operation:
    number, plain = value(source), raw(target)
    if mode == "rn" and not sat and target in ("f32", "f64"):
        real = F32 if target == "f32" else F64
        return Operation(lambda a: fitted(a, source).view(number).astype(real).view(plain), (source,), target)
    write = encoder(target, mode, sat=sat)

    def odd(a: Array) -> Array:
        x = fitted(a, source).view(number)
        if width(source) < 64:
            return x.astype(F64)
        high, low = (x >> number.type(32)).astype(F64) * 2.0**32, (x & number.type(0xFFFFFFFF)).astype(F64)
        return to_odd(*two_sum(high, low))

    if target != "f64" or width(source) < 64:
        return Operation(chunked(lambda a: write(odd(a))), (source,), target)

    def to_double(a: Array) -> Array:
        x = fitted(a, source).view(number)
        high, low = (x >> number.type(32)).astype(F64) * 2.0**32, (x & number.type(0xFFFFFFFF)).astype(F64)
        result = add64(high, low, mode)
        return (np.where(result == 0, 0.0, clamped(result) if sat else result)).view(plain)

    return Operation(to_double, (source,), target)


FRACTION = {"f16": 10, "bf16": 7, "f32": 23, "f64": 52}
CANONICAL64 = np.uint64(0x7FFFFFFFE0000000)  # f32's NaN, widened


def carried(a: Array, source: str, target: str) -> Array:
    """A NaN in another type: its sign and the upper bits of its payload; quiet where a side is f64."""
    old, new, plain = FRACTION[source], FRACTION[target], raw(target)
    sign = a.astype(np.uint64) >> np.uint64(width(source) - 1) << np.uint64(width(target) - 1)
    payload = (a & a.dtype.type((1 << old) - 1)).astype(np.uint64)
    payload = payload << np.uint64(new - old) if new >= old else payload >> np.uint64(old - new)
    quiet = np.uint64(1 << new - 1 if "f64" in (source, target) else 0)
    infinity = np.uint64((1 << width(target) - 1) - (1 << new))
    return (sign | infinity | quiet | payload).astype(plain)


def between_floats(mode: str, ftz: str, sat: str, target: str, source: str) -> Operation | None:
    """Same width: copied or rounded to a whole number; wider: exact; narrower: rounded."""
    read, plain = decode_number(source), raw(target)
    whole = mode.endswith("i")
    widens = (source, target) in HOLDS
    if source == target or widens:
        if mode and not whole and source != "bf16":
            return None
        if source == target in ("f32", "f64") and not (whole or sat or ftz):
            return Operation(lambda a: a, (source,), target)
        if whole and widens:
            return None
    elif whole or not mode and {target, source} != {"bf16", "f16"}:
        return None
    if target == "f32" and source in ("f16", "bf16") and not (ftz or sat):
        return Operation(lambda a: read(fitted(a, source)).view(plain), (source,), target)
    flush_in = ftz and source == "f32" and target != "f16"
    keeps = not sat and ("f64" in (source, target) and not flush_in or widens and source == "bf16")
    write = encoder(target, mode if mode and not whole else "rn", sat=sat, ftz=ftz if target == "f32" else "")

    def run(a: Array) -> Array:
        x = read(fitted(a, source))
        if flush_in:
            x = flushed(x)
        if whole:
            x = TO_WHOLE[mode[:2]](x)
        if target == "f64" and not sat:
            bits = np.where(x != x, CANONICAL64, x.astype(F64).view(plain)) if flush_in else x.astype(F64).view(plain)
        else:
            bits = write(x)
        nan = x != x
        return np.where(nan, carried(fitted(a, source), source, target), bits) if keeps and nan.any() else bits

    return Operation(chunked(run), (source,), target)


def scalar(mode: str, ftz: str, sat: str, target: str, source: str) -> Operation | None:
    """cvt{.rnd}{.ftz}{.sat}.dtype.atype by the kinds of its types."""
    to_float, from_float = target in FORMATS, source in FORMATS
    if ftz and "f32" not in (target, source) or sat and "bf16" in (target, source):
        return None
    if "bf16" in (target, source) and ("8" in (target[1:], source[1:]) or target == source and mode in MODES):
        return None
    if not to_float and not from_float:
        if mode or ftz or sat and can_hold(target, source):
            return None
        return between_integers(sat, target, source)
    if not to_float:
        return to_integer(mode, ftz, target, source) if mode.endswith("i") else None
    if not from_float:
        return None if mode.endswith("i") or not mode else from_integer(mode, sat, target, source)
    return between_floats(mode, ftz, sat, target, source)


def shortened(mode: str, relu: str, satfinite: str, target: str, source: str) -> Operation:
    """f32 to f16, bf16, tf32 with .relu, .satfinite."""
    if mode == "rna":
        return Operation(nearest_away_tf32(satfinite), (source,), "b32")
    write, read = encoder(target, mode, satfinite, relu), decode_number(source)
    return Operation(chunked(lambda a: write(read(a))), (source,), target if target != "tf32" else "b32")


def nearest_away_tf32(satfinite: str) -> Callable[[Array], Array]:
    """cvt.rna.tf32: half a unit added to the bits; NaN is cut off, and .satfinite lowers all that is not finite."""
    half, unit, infinity = np.uint32(1 << 12), np.uint32(1 << 13), np.uint32(0x7F800000)

    def run(a: Array) -> Array:
        nan = a & np.uint32(0x7FFFFFFF) > infinity
        result = np.where(nan, a, a + half) & ~(unit - np.uint32(1))
        return np.where(result & infinity == infinity, result - unit, result) if satfinite else result

    return chunked(run)


def pair(mode: str, relu: str, satfinite: str, target: str, source: str) -> Operation:
    """Two f32 into one register: the first into its upper half."""
    one, plain = target.removesuffix("x2"), raw(target)
    write, read, shift = encoder(one, mode, satfinite, relu), decode_number(source), plain.type(width(target) // 2)

    def run(a: Array, b: Array) -> Array:
        return write(read(a)).astype(plain) << shift | write(read(b)).astype(plain)

    return Operation(chunked(run), (source, source), target)


def repack(mode: str, satfinite: str, relu: str, target: str, source: str) -> Operation:
    """e4m3x2, e5m2x2 from and to f16x2."""
    new, old = target.removesuffix("x2"), source.removesuffix("x2")
    write, read = encoder(new, mode, satfinite, relu), decode(old)
    half_in, half_out = raw(source).type(width(source) // 2), raw(target).type(width(target) // 2)
    small, plain = (np.uint8 if width(source) == 16 else np.uint16), raw(target)

    def run(a: Array) -> Array:
        low, high = write(read(a.astype(small))), write(read((a >> half_in).astype(small)))
        return high.astype(plain) << half_out | low.astype(plain)

    return Operation(chunked(run), (source,), target)


def packed_integers(_sat: str, target: str, source: str, rest: str) -> Operation:
    """cvt.pack: a and b clamped and packed, a above b; with a third operand, its low bits above both."""
    bits, number = int(target[1:]), value("s32")
    low = 0 if target[0] == "u" else -(1 << bits - 1)
    high = (1 << bits) - 1 + low
    keep, step = np.uint32((1 << bits) - 1), np.uint32(bits)

    def clamp(x: Array) -> Array:
        return np.clip(x.view(number), np.int32(low), np.int32(high)).view(np.uint32) & keep

    def run(a: Array, b: Array, *c: Array) -> Array:
        both = clamp(a) << step | clamp(b)
        return both | c[0] << np.uint32(2 * bits) if c else both

    return Operation(run, (source, source, *([rest] if rest else [])), "b32")


def packing(sat: str, target: str, source: str, rest: str) -> Operation | None:
    return packed_integers(sat, target, source, rest) if (target[1:] == "16") != bool(rest) else None


NUMBERS = "u8|u16|u32|u64|s8|s16|s32|s64|bf16|f16|f32|f64"
Maker = Callable[..., Operation | None]
SYNTAX: dict[str, Maker] = {
    f"cvt rn|rz|rm|rp|rni|rzi|rmi|rpi? ftz? sat? {NUMBERS} {NUMBERS}": scalar,
    "cvt rn|rz relu? satfinite? f16|bf16 f32": shortened,
    "cvt rn|rz relu? tf32 f32": lambda mode, relu, *kinds: shortened(mode, relu, "", *kinds),
    "cvt rn|rz satfinite relu f16|bf16 f32": lambda mode, satfinite, relu, *kinds: shortened(
        mode, relu, satfinite, *kinds
    ),
    "cvt rn|rz satfinite relu f16x2|bf16x2 f32": lambda mode, satfinite, relu, *kinds: pair(
        mode, relu, satfinite, *kinds
    ),
    "cvt rn relu satfinite e4m3x2|e5m2x2 f32": pair,
    "cvt rn relu satfinite e4m3x2|e5m2x2 f16x2": lambda mode, relu, satfinite, *kinds: repack(
        mode, satfinite, relu, *kinds
    ),
    "cvt rna satfinite? tf32 f32": lambda mode, satfinite, *kinds: shortened(mode, "", satfinite, *kinds),
    "cvt rn|rz relu? satfinite? f16x2|bf16x2 f32": pair,
    "cvt rn satfinite relu? e4m3x2|e5m2x2 f32": lambda mode, satfinite, relu, *kinds: pair(
        mode, relu, satfinite, *kinds
    ),
    "cvt rn satfinite relu? e4m3x2|e5m2x2 f16x2": repack,
    "cvt rn relu? f16x2 e4m3x2|e5m2x2": lambda mode, relu, *kinds: repack(mode, "", relu, *kinds),
    "cvt pack sat u16|s16 s32": lambda _pack, sat, target, source: packing(sat, target, source, ""),
    "cvt pack sat u2|s2|u4|s4|u8|s8 s32 b32": lambda _pack, *words: packing(*words),
}
