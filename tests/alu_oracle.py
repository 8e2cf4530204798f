"""What arithmetic of PTX must give, by Python's integers and exact fractions; bits to try it on."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np

from utils.vgpu import alu
from utils.vgpu.alu.core import raw, value, width

EDGES = {
    "f32": [0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F800001, 0x3F7FFFFF, 0x7F7FFFFF, 0x7F800000, 0x7FC00001,
            0x40490FDB, 0x4B000001, 0x00000002, 0x33800000, 0x5F000000, 0x4F000000, 0x4EFFFFFF],
    "f16": [0, 1, 0x3FF, 0x400, 0x3C00, 0x3C01, 0x7BFF, 0x7C00, 0x7E01, 0x3BFF, 0x0001, 0x1400],
    "bf16": [0, 1, 0x7F, 0x80, 0x3F80, 0x3F81, 0x7F7F, 0x7F80, 0x7FC1, 0x3F7F, 0x0002],
    "f64": [0, 1, 0xFFFFFFFFFFFFF, 1 << 52, 0x3FF0000000000000, 0x3FF0000000000001, 0x7FEFFFFFFFFFFFFF,
            0x7FF0000000000000, 0x7FF8000000000001, 0x43E0000000000000, 0x41E0000000000000, 0x3CA0000000000000],
}  # fmt: skip
LAYOUT = {"f16": (11, -14), "bf16": (8, -126), "f32": (24, -126), "f64": (53, -1022), "tf32": (11, -126)}
DTYPE = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
NAN = {"f16": 0x7FFF, "bf16": 0x7FFF, "f32": 0x7FFFFFFF, "f64": 0xFFF8000000000000}


def bits(kind: str, count: int, seed: int) -> np.ndarray:
    """Edge patterns of both signs, then random ones: half of them raw bits, half numbers of moderate size."""
    rng = np.random.default_rng([seed, width(kind)])
    if kind == "pred":
        return rng.integers(0, 2, count).astype(bool)
    n, every = width(kind), raw(kind)
    free = rng.integers(0, 2**64 - 1, count, dtype=np.uint64) >> np.uint64(64 - n)
    if kind in EDGES:
        edge = [e | sign for e in EDGES[kind] for sign in (0, 1 << n - 1)]
        near = rng.standard_normal(count) * 2.0 ** rng.integers(-12, 12, count)
        free[1::2] = near[1::2].astype(DTYPE[kind]).view(every)
    else:
        top = 1 << n
        edge = [0, 1, 2, 7, 31, 32, 33, top // 2 - 1, top // 2, top // 2 + 1, top - 1, top - 2]
        free[::3] &= np.uint64(255)
    values = np.array(edge, np.uint64)
    picked = values[rng.integers(0, len(values), count)]
    return np.where(rng.random(count) < 0.3, picked, free).astype(every)


def run(opcode: str, *args: np.ndarray) -> np.ndarray:
    operation = alu.operation(opcode)
    assert operation is not None, opcode
    copies = [a.copy() for a in args]
    with np.errstate(all="ignore"):
        result = operation.run(*args)
    assert all((a == b).all() for a, b in zip(args, copies, strict=True)), "an input was written"
    assert isinstance(result, np.ndarray) and result.dtype == raw(operation.output)
    return result


def numbers(kind: str, a: np.ndarray) -> list:
    return a.view(value(kind) if kind[0] in "us" else DTYPE[kind]).tolist()


def wrap(x: int, kind: str) -> int:
    return x & (1 << width(kind)) - 1


def rounded(x: Fraction, kind: str, mode: str, zero: float = 0.0) -> float:
    """An exact number rounded to a format by the definition of the rounding."""
    if x == 0:
        return zero
    digits, smallest = LAYOUT[kind]
    size, sign = abs(x), -1 if x < 0 else 1
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if size < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, smallest) - digits + 1)
    down = size // unit
    rest = size / unit - down
    up = {"rn": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and down % 2), "rz": False,
          "rna": rest >= Fraction(1, 2), "rm": sign < 0 and rest > 0, "rp": sign > 0 and rest > 0}[mode]  # fmt: skip
    result = (down + bool(up)) * unit
    largest = (2 - Fraction(2) ** (1 - digits)) * Fraction(2) ** (1 - smallest)
    if result > largest:
        stays = mode == "rz" or (mode == "rm" and sign > 0) or (mode == "rp" and sign < 0)
        return sign * (float(largest) if stays else math.inf)
    return math.copysign(float(result), sign)


def exact(function, kind: str, mode: str, *args: float) -> float:
    """sum, product, fma, quotient of floats rounded once; the IEEE rules for infinities and zeros from float64."""
    plain = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b, "fma": lambda a, b, c: a * b + c,
             "sub": lambda a, b: a - b, "div": lambda a, b: a / b}[function]  # fmt: skip
    if not all(map(math.isfinite, args)) or (function == "div" and args[1] == 0):
        product_finite = function == "fma" and math.isfinite(args[0]) and math.isfinite(args[1])
        with np.errstate(all="ignore"):
            return args[2] if product_finite else float(plain(*map(np.float64, args)))
    x = plain(*map(Fraction, args))
    signs = [math.copysign(1, a) for a in args]
    if function in ("mul", "div"):
        zero = math.copysign(0.0, signs[0] * signs[1])
    else:
        first = signs[0] * signs[1] if function == "fma" else signs[0]
        last = -signs[-1] if function == "sub" else signs[-1]
        nothing = Fraction(args[0]) * (Fraction(args[1]) if function == "fma" else 1) == 0 and args[-1] == 0
        zero = math.copysign(0.0, first) if nothing and first == last else (-0.0 if mode == "rm" else 0.0)
    return rounded(x, kind, mode, zero)


def assert_same(opcode: str, got: np.ndarray, want: list, kind: str, *args: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        expected = np.array(want, np.float64).astype(DTYPE[kind])
        plain = np.where(np.isnan(np.array(want, np.float64)), raw(kind).type(NAN[kind]), expected.view(raw(kind)))
    wrong = got != plain
    if kind == "f64" or any(a.dtype == np.uint64 for a in args):  # a NaN keeps its payload: tests/gpu compares that
        is_nan = np.isnan(got.view(DTYPE[kind]).astype(np.float64))
        wrong &= ~(is_nan & np.isnan(expected.astype(np.float64)))
    wrong = np.nonzero(wrong)[0]
    assert not len(wrong), (
        f"{opcode}: {len(wrong)} wrong; {[hex(int(a[wrong[0]])) for a in args]} -> {int(got[wrong[0]]):#x}, not {int(plain[wrong[0]]):#x}"  # noqa: E501
    )
