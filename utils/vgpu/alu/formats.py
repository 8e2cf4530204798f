"""The floating-point formats: reading raw bits as exact numbers, and rounding exact numbers into a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import rounding
from .core import Array
from .floating import canonical
from .half import decode as decode_number
from .half import from_f16, to_bf16, to_f16

F32, F64 = np.float32, np.float64


@dataclass(frozen=True)
class Format:
    """`digits` of the significand, exponent of the smallest normal number, the largest number, NaN's bits."""

    digits: int
    smallest: int
    largest: float
    nan: int
    encode: Callable[[Array], Array]  # float64 that the format holds exactly (or +-Inf) -> raw bits


def _e4m3(x: Array) -> Array:
    """f16 has the same layout with three more exponent values and seven more digits below."""
    bits = to_f16(x * 2.0**-8)
    return (bits >> np.uint16(8) & np.uint16(0x80) | bits >> np.uint16(7) & np.uint16(0x7F)).astype(np.uint8)


def _e5m2(x: Array) -> Array:
    return (to_f16(x) >> np.uint16(8)).astype(np.uint8)


def _bf16(x: Array) -> Array:
    return (x.astype(F32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)


def _f32(x: Array) -> Array:
    return x.astype(F32).view(np.uint32)


FORMATS = {
    "f64": Format(53, -1022, float(np.finfo(F64).max), 0xFFF8000000000000, lambda x: x.view(np.uint64)),
    "f32": Format(24, -126, float(np.finfo(F32).max), 0x7FFFFFFF, _f32),
    "tf32": Format(11, -126, (2 - 2.0**-10) * 2.0**127, 0x7FFFE000, _f32),
    "f16": Format(11, -14, 65504.0, 0x7FFF, to_f16),
    "bf16": Format(8, -126, (2 - 2.0**-7) * 2.0**127, 0x7FFF, _bf16),
    "e4m3": Format(4, -6, 448.0, 0x7F, _e4m3),
    "e5m2": Format(3, -14, 57344.0, 0x7F, _e5m2),
}

TO_WHOLE: dict[str, Callable[[Array], Array]] = {
    "rn": np.rint,
    "rz": np.trunc,
    "rm": np.floor,
    "rp": np.ceil,
}


def decode(kind: str) -> Callable[[Array], Array]:
    """Raw bits as float32 or float64, exactly."""
    return {"e4m3": from_e4m3, "e5m2": from_e5m2}.get(kind) or decode_number(kind)


def from_e5m2(a: Array) -> Array:
    return from_f16(a.astype(np.uint16) << np.uint16(8))


def from_e4m3(a: Array) -> Array:
    wide = a.astype(np.uint16)
    x = from_f16((wide & np.uint16(0x80)) << np.uint16(8) | (wide & np.uint16(0x7F)) << np.uint16(7)) * F32(2.0**8)
    return np.where(wide & np.uint16(0x7F) == np.uint16(0x7F), F32(np.nan), x)


def power(exponent: Array) -> Array:
    """2.0**exponent of an int64 array, for normal numbers."""
    return (exponent + 1023 << 52).view(F64)


def round_to(kind: str, x: Array, mode: str) -> Array:
    """float64 (exact or rounded to odd) to the nearest number of the format in this mode, with its overflow rule."""
    form = FORMATS[kind]
    if kind == "f32":
        return rounding.narrow32(x, mode).astype(F64)
    exponent = (x.view(np.int64) >> 52 & 0x7FF) - 1023
    unit = np.clip(exponent, form.smallest, 1000) - (form.digits - 1)
    result = TO_WHOLE[mode](x * power(-unit)) * power(unit)
    over = np.abs(result) > form.largest
    if not over.any():
        return result
    stays = {"rn": False, "rz": True, "rm": result > 0, "rp": result < 0}[mode]
    bound = np.where(np.isinf(x) | ~np.asarray(stays), np.inf, form.largest)
    return np.where(over, np.copysign(bound, result), result)


def encoder(kind: str, mode: str, satfinite: str = "", relu: str = "", sat: str = "", ftz: str = ""):
    """A function from float64 (exact or rounded to odd) or float32 to raw bits of the format."""
    form = FORMATS[kind]
    quick = {("f16", "rn"): to_f16, ("bf16", "rn"): to_bf16, ("f32", "rn"): lambda x: canonical(x.astype(F32), "f32")}
    if (kind, mode) in quick and not (satfinite or relu or sat or ftz):
        return quick[kind, mode]

    def run(x: Array) -> Array:
        nan, x = x != x, x.astype(F64)
        if sat:
            x = np.where(x > 0, np.minimum(x, 1.0), 0.0)
        if relu:
            x = np.where(x > 0, x, 0.0)
        if satfinite:
            x = np.clip(x, -form.largest, form.largest)
        y = round_to(kind, x, mode) if kind != "f64" else x
        if ftz:
            tiny = np.abs(rounding.narrow32(x * 2.0**24, mode)) < F32(2.0**-102)  # rounded as if exponents had no end
            y = np.where(tiny, np.copysign(0.0, y), y)
        bits = form.encode(y)
        return bits if sat or not nan.any() else np.where(nan, bits.dtype.type(form.nan), bits)

    return run
