"""What every answer of chapter 01 must do. Oracles use ml_dtypes and float64, never the model answers."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import torch

from utils.judge import Forbid, Function, Kernel, Misread, Predict, Quantity, Rival, Tolerance, sizes, spread

bfloat16 = ml_dtypes.bfloat16
e4m3 = ml_dtypes.float8_e4m3fn

# Formats under IEEE 754's rules by (exponent bits, fraction bits); ml_dtypes.float8_e4m3 is E4M3 as IEEE would have it.
IEEE = {
    (5, 10): np.dtype(np.float16),
    (8, 7): np.dtype(bfloat16),
    (8, 23): np.dtype(np.float32),
    (5, 2): np.dtype(ml_dtypes.float8_e5m2),
    (4, 3): np.dtype(ml_dtypes.float8_e4m3),
}


def values_of(bits: np.ndarray, kind: np.dtype) -> np.ndarray:
    """The numbers that bit patterns stand for, in float64."""
    raw = bits.astype(f"u{kind.itemsize}").view(kind)
    with np.errstate(invalid="ignore"):  # NumPy warns of every signaling NaN it casts
        return raw.astype(np.float32).astype(np.float64) if kind.itemsize < 4 else raw.astype(np.float64)


# --- 01.1 to 01.4: reading bit patterns -------------------------------------------------------------------


def patterns(rng: np.random.Generator, E: int, M: int, n: int = 0, what: str = "") -> tuple[np.ndarray, int, int]:
    width = 1 + E + M
    if what == "all patterns":
        return rng.permutation(2**width).astype(np.uint32), E, M
    if what == "special patterns":
        top, one = (2**E - 1) << M, 1 << (width - 1)
        inside = [0, 1, 2**M - 1, 2**M, top - 1, top, top + 1, top + 2**M - 1]
        return np.array(inside + [one | code for code in inside], np.uint32), E, M
    return rng.integers(0, 2**width, n, dtype=np.uint32), E, M


def decoded(bits: np.ndarray, E: int, M: int) -> np.ndarray:
    return values_of(bits, IEEE[E, M])


def decoded_wrongly(
    hidden: int = 1, special: bool = True, subnormal: bool = True, bias=lambda E: 2 ** (E - 1) - 1, low: int = 1,
    keeps_sign: bool = False, steps: int = 0, mask_e=lambda E: 2**E - 1, mask_m=lambda M: 2**M - 1,
):  # fmt: skip
    """decode with one rule of the format broken, as an oracle.

    low: the exponent of subnormals before the bias.  keeps_sign: the sign bit stays in the exponent.
    steps: what is added to 2^M in the fraction's denominator.  mask_e, mask_m: what the two fields are masked with.
    """

    def oracle(bits: np.ndarray, E: int, M: int) -> np.ndarray:
        code = bits.astype(np.int64)
        sign = 1.0 - 2.0 * (code >> (E + M) & 1)
        exponent, fraction = code >> M, (code & mask_m(M)) / (2**M + steps)
        exponent = exponent if keeps_sign else exponent & mask_e(E)
        normal = np.ldexp(hidden + fraction, exponent - bias(E))
        small = np.ldexp(fraction, low - bias(E)) if subnormal else normal
        size = np.where(exponent == 0, small, normal)
        if special:
            size = np.where(exponent == 2**E - 1, np.where(fraction == 0, np.inf, np.nan), size)
        return sign * size

    return oracle


def decoded_through_widths(rules: bool) -> list:
    """`& E` and `& M`: the widths of the fields used as masks, both or one of them."""
    masks = [{"mask_e": lambda E: E, "mask_m": lambda M: M}, {"mask_e": lambda E: E}, {"mask_m": lambda M: M}]
    return [decoded_wrongly(special=rules, subnormal=rules, **mask) for mask in masks]


def alike(key: str, sentence: str, hint: int, *oracles) -> tuple[Rival, ...]:
    """One mistake that comes in several forms."""
    return tuple(Rival(key=key, sentence=sentence, oracle=oracle, hint=hint) for oracle in oracles)


def fp8_codes(rng: np.random.Generator, n: int) -> tuple[np.ndarray]:
    return (rng.permutation(256)[:n].astype(np.uint8),)


def special_codes(rng: np.random.Generator, n: int = 0, what: str = "") -> tuple[np.ndarray]:
    if what == "edge codes":
        edges = [0x00, 0x01, 0x07, 0x08, 0x38, 0x77, 0x78, 0x7E, 0x7F]
        return (np.array(edges + [0x80 | code for code in edges], np.uint8),)
    return fp8_codes(rng, n)


def fp8_values(bits: np.ndarray) -> np.ndarray:
    return values_of(bits, np.dtype(e4m3))


def fp8_as(kind: type):
    return lambda bits: values_of(bits, np.dtype(kind))


def fp8_top_exponent_as(value: float):
    """S.1111.000 to S.1111.110 read as `value` too."""
    return lambda bits: np.where(bits & 0x78 == 0x78, np.where(bits & 0x80, -value, value), fp8_values(bits))


def fp8_short_exponent(nan: bool):
    """The exponent's top bit masked away."""
    return lambda bits: np.where(nan & np.isnan(fp8_values(bits)), np.nan, fp8_values(bits & 0xBF))


def first_lost(kind: type) -> int:
    """The smallest positive integer that `kind` cannot hold."""
    whole = np.arange(1, 5000)
    with np.errstate(over="ignore"):
        return int(whole[whole.astype(np.float32).astype(kind).astype(np.float64) != whole][0])


# --- 01.6: encoding ---------------------------------------------------------------------------------------


def ladder(E: int, M: int) -> np.ndarray:
    """All finite values from 0 up by code, and where the next one would stand if the exponent went on."""
    values = decoded(np.arange((2**E - 1) << M), E, M)
    return np.append(values, 2 * values[-1] - values[-2])


def numbers(rng: np.random.Generator, E: int, M: int, n: int = 0, what: str = "", saturate: bool = False) -> tuple:
    rungs = ladder(E, M)
    at = rng.permutation(len(rungs) - 1)[:500]
    if what == "ties":
        x = (rungs[at] + rungs[at + 1]) / 2
    elif what == "near ties":
        middle = ((rungs[at] + rungs[at + 1]) / 2).astype(np.float32)
        x = np.nextafter(middle, np.where(rng.random(len(at)) < 0.5, np.inf, 0).astype(np.float32))
    elif what == "carries":  # a little below each power of two, nearer to it than to the number before it
        power = np.arange(1 << M, len(rungs), 1 << M)
        x = rungs[power] - rng.uniform(0.1, 0.4, len(power)) * (rungs[power] - rungs[power - 1])
    elif what == "exact":
        x = rungs[:-1]
    elif what == "zeros":
        x = [0.0]
    elif what == "NaN":
        x = [np.nan]
    elif what == "smallest numbers":
        x = [rungs[1], rungs[1] * 0.7, rungs[1] / 2, rungs[1] * 0.3]
    elif what == "largest numbers":
        end = np.float32((rungs[-2] + rungs[-1]) / 2)
        x = [rungs[-2], np.nextafter(end, np.float32(0)), end, 3e38, np.inf]
    else:
        x = spread(rng, n) * 2.0 ** rng.integers(-6, 3, n)
    x = np.asarray(x, np.float32)
    both = len(x) < 9 or what == "exact"
    x = np.concatenate([x, -x]) if both and what else x * rng.choice([-1, 1], len(x))
    return x.astype(np.float32), E, M, saturate


def encoded(x: np.ndarray, E: int, M: int, saturate: bool, pick: str = "nearest even") -> np.ndarray:
    """Codes by search among all values of the format, in float64."""
    rungs = ladder(E, M)
    infinity = len(rungs) - 1
    size = np.abs(x.astype(np.float64))
    low = np.minimum(np.searchsorted(rungs, size, side="right") - 1, infinity - 1)
    down, up = size - rungs[low], rungs[low + 1] - size
    odd = low % 2 == 1
    rule = {"nearest even": (up < down) | (up == down) & odd, "truncate": up <= 0, "half up": up <= down}
    code = low + rule[pick]
    code = np.where(size >= rungs[-1], infinity, code)
    code = np.minimum(code, infinity - 1) if saturate else code
    code = np.where(np.isnan(size), infinity + (1 << (M - 1)), code)
    return signed(code, x, E, M)


def signed(code: np.ndarray, x: np.ndarray, E: int, M: int) -> np.ndarray:
    return code.astype(np.uint32) | np.signbit(x).astype(np.uint32) << np.uint32(E + M)


def encoded_flushed(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
    """Subnormals become zero."""
    code = encoded(x, E, M, saturate)
    sign = code & (1 << (E + M))
    return np.where((code ^ sign) < 1 << M, sign, code).astype(np.uint32)


def encoded_never_saturates(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
    return encoded(x, E, M, False)


def encoded_zero_as_normal(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
    code = encoded(x, E, M, saturate)
    return np.where(x == 0, code | (2 ** (E - 1) - 3) << M, code)


def encoded_nan_as(nan):
    """NaN encoded as nan(E, M, saturate), an array of codes; all else is right."""
    return lambda x, E, M, saturate: np.where(
        np.isnan(x), signed(nan(x, E, M, saturate), x, E, M), encoded(x, E, M, saturate)
    )


def encoded_no_carry(wraps: bool, clipped: bool):
    """The fraction rounded by itself: 2^M units of it are OR-ed into the exponent, or wrap to 0."""

    def oracle(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
        code, down = encoded(x, E, M, False), encoded(x, E, M, False, "truncate")
        top = (2**E - 1) << M
        up = (code != down) & (code & (2**M - 1) == 0) & (np.abs(x) < ladder(E, M)[-1])  # a carry left the fraction
        up &= (code & top != top) | (not clipped)
        exponent = down >> M << M
        stuck = np.where(up, exponent if wraps else exponent | 1 << M, code)
        sign = stuck & (1 << (E + M))
        last = np.where(np.isnan(x), 2**32 - 1, top - saturate)
        return (sign | np.minimum(stuck ^ sign, last)).astype(np.uint32)

    return oracle


def encoded_hidden_twice(subnormals: bool):
    """The hidden 1 added to the exponent as well: one octave too high."""

    def oracle(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
        code = encoded(np.abs(x), E, M, saturate).astype(np.int64)
        high = (np.abs(x) >= 2.0 ** (2 - 2 ** (E - 1))) | subnormals
        last = ((2**E - 1) << M) - saturate
        return signed(np.where(np.isnan(x), code, np.minimum(code + high * 2**M, last)), x, E, M)

    return oracle


def encoded_low_subnormals(negative: bool):
    """Subnormals counted in gaps half as wide (exponent −bias); `negative`: with the hidden 1's octave taken off."""

    def oracle(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
        bias = 2 ** (E - 1) - 1
        size = np.abs(x.astype(np.float64))
        gaps = np.rint(np.ldexp(size, bias + M))
        code = np.where(size < 2.0 ** (1 - bias), gaps - negative * 2**M, encoded(np.abs(x), E, M, saturate))
        return signed(code, x, E, M)

    return oracle


def encoded_low_octaves(zero: bool, end: str):
    """No lower end to the exponent: below 2^(1 − bias) the code turns negative and wraps, or is clipped.

    zero: encoded like frexp's power 0.  end: "wraps", "0" (clipped from below), or "last" (from above, once wrapped).
    """

    def oracle(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
        bias, last = 2 ** (E - 1) - 1, ((2**E - 1) << M) - saturate
        size = np.abs(x.astype(np.float64))
        _, power = np.frexp(size)
        code = np.rint(np.ldexp(size, M + 1 - power)) + (power + bias - 2.0) * 2**M
        code = np.maximum(code, 0) if end == "0" else code
        code = code.astype(np.int64).astype(np.uint32)
        code = np.minimum(code, last) if end == "last" else code
        low = (size < 2.0 ** (1 - bias)) & (zero | (size > 0))
        return np.where(low, signed(code, x, E, M), encoded(x, E, M, saturate))

    return oracle


def encoded_past_the_end(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
    """Finite numbers that are too large keep counting."""
    bias = 2 ** (E - 1) - 1
    fraction, power = np.frexp(np.abs(x.astype(np.float64)))
    code = np.rint(np.ldexp(fraction, M + 1)) + (power + bias - 2.0) * 2**M
    return np.where(np.isfinite(x) & (np.abs(x) >= ladder(E, M)[-2]), signed(code, x, E, M), encoded(x, E, M, saturate))


def encoded_early_inf(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
    """Inf for everything above the largest number, before rounding."""
    last = ((2**E - 1) << M) - saturate
    return np.where(np.abs(x) > ladder(E, M)[-2], signed(np.full(x.shape, last), x, E, M), encoded(x, E, M, saturate))


def encoded_inf_stays(x: np.ndarray, E: int, M: int, saturate: bool) -> np.ndarray:
    return np.where(np.isinf(x), encoded(x, E, M, False), encoded(x, E, M, saturate))


# --- 01.8, 01.9: float32 to bfloat16 ----------------------------------------------------------------------

NANS = [0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7F80FFFF, 0x7FFF8000]
EDGES = [
    0,
    0x80000000,
    0x7F800000,
    0xFF800000,
    0x00000001,
    0x00008000,
    0x00008001,
    0x7F7F7FFF,
    0x7F7F8000,
    0xFF7FFFFF,
]


def floats(rng: np.random.Generator, n: int = 0, what: str = "") -> np.ndarray:
    if what == "nan":
        bits = np.array(NANS, np.uint32)
    elif what == "edges":
        bits = np.array(EDGES, np.uint32)
    elif what == "ties":
        bits = (rng.permutation(0x7F7F)[:1000].astype(np.uint32) << 16) | 0x8000
        bits |= rng.integers(0, 2, 1000, dtype=np.uint32) << 31
    elif what == "all upper halves":
        low = rng.choice(np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32), 1 << 16)
        bits = (rng.permutation(1 << 16).astype(np.uint32) << 16) | low
    else:
        return spread(rng, n)
    return bits.view(np.float32)


def float_input(rng: np.random.Generator, **shape) -> tuple[np.ndarray]:
    return (floats(rng, **shape),)


def to_bf16_bits(x: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # NumPy warns of every signaling NaN it casts
        return x.astype(bfloat16).view(np.uint16)


def cut(x: np.ndarray) -> np.ndarray:
    return (x.view(np.uint32) >> 16).astype(np.uint16)


def half_up(x: np.ndarray) -> np.ndarray:
    return ((x.view(np.uint32) + np.uint32(0x8000)) >> 16).astype(np.uint16)


def keeping_nan(oracle):
    """The same with NaN done right: two mistakes are often made one at a time."""
    return lambda x, *rest: np.where(np.isnan(x), to_bf16_bits(x), oracle(x, *rest))


def nan_lost(x: np.ndarray) -> np.ndarray:
    bits = x.view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def ties_down(x: np.ndarray) -> np.ndarray:
    return ((x.view(np.uint32) + np.uint32(0x7FFF)) >> 16).astype(np.uint16)


def float_and_noise(rng: np.random.Generator, **shape) -> tuple[np.ndarray, np.ndarray]:
    x = floats(rng, **shape)
    noise = rng.integers(0, 1 << 16, len(x)).astype(np.uint16)
    low = (x.view(np.uint32) & 0xFFFF).astype(np.int64)
    edge = rng.integers(0, 3, len(x))  # just enough, one too little, or any noise
    noise = np.where(edge == 0, (65536 - low) & 0xFFFF, np.where(edge == 1, 65535 - low, noise))
    noise = np.where(np.isfinite(x), noise, 0xFFFF)  # so that a NaN whose sum is looked at always turns into a number
    return x, noise.astype(np.uint16)


def stochastic(x: np.ndarray, r: np.ndarray, up=lambda low, r: low + r > 0xFFFF) -> np.ndarray:
    low = (x.view(np.uint32) & 0xFFFF).astype(np.int64)
    moved = cut(x).astype(np.int64) + up(low, r.astype(np.int64))
    return np.where(np.isnan(x), to_bf16_bits(x), moved).astype(np.uint16)


def stochastic_down(negative):
    """Negative numbers take the noise off instead of adding it."""

    def oracle(x: np.ndarray, r: np.ndarray) -> np.ndarray:
        moved = ((x.view(np.uint32) - r) >> 16).astype(np.uint16)
        return np.where(negative(x) & ~np.isnan(x), moved, stochastic(x, r))

    return oracle


def stochastic_rounded_again(nearest, nan: str):
    """The sum with r is rounded once more.  nan: asked of "x", of the "sum", of "both", or "lost"."""

    def oracle(x: np.ndarray, r: np.ndarray) -> np.ndarray:
        added = (x.view(np.uint32) + r).view(np.float32)
        code = nearest(added)
        code = np.where(np.isnan(added), to_bf16_bits(added), code) if nan in ("sum", "both") else code
        return np.where(np.isnan(x), to_bf16_bits(x), code) if nan in ("x", "both") else code

    return oracle


def stochastic_nan_late(x: np.ndarray, r: np.ndarray) -> np.ndarray:
    """The sum is asked whether it is NaN, not x."""
    added = x.view(np.uint32) + r
    return np.where(np.isnan(added.view(np.float32)), added >> 16 & 0x8000 | 0x7FC0, added >> 16).astype(np.uint16)


# --- 01.11: softmax ---------------------------------------------------------------------------------------


def logits(rng: np.random.Generator, m: int, n: int, what: str = "") -> tuple[np.ndarray]:
    x = spread(rng, (m, n))
    if what == "large":
        x = x * 15000
    elif what == "hot":
        x = x + 14
    elif what == "masked":
        x = np.where(rng.random((m, n)) < 0.4, -np.inf, x)
        x[:, 0] = 1
        x[-1] = -np.inf
    elif what == "flat":
        x = x * 1e-3
    return (x.astype(np.float16),)


def softmax(x: np.ndarray) -> np.ndarray:
    wide = x.astype(np.float64)
    top = wide.max(axis=1, keepdims=True)
    e = np.where(np.isneginf(wide), 0, np.exp(wide - np.where(np.isfinite(top), top, 0)))
    total = e.sum(axis=1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def softmax_nan_if_masked(x: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(x).all(axis=1, keepdims=True), np.nan, softmax(x))


def softmax_fp16_total(x: np.ndarray) -> np.ndarray:
    masked = np.isneginf(x).all(axis=1, keepdims=True)
    e = np.exp(x.astype(np.float32) - x.max(axis=1, keepdims=True).astype(np.float32))
    return np.where(masked, 0, e / e.sum(axis=1, keepdims=True).astype(np.float16))


def softmax_fp16_total_nan_if_masked(x: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(x).all(axis=1, keepdims=True), np.nan, softmax_fp16_total(x))


def softmax_down_columns(guarded: bool):
    return lambda x: (softmax if guarded else softmax_nan_if_masked)(x.T).T


def softmax_one_total(axis: int | None, guarded: bool):
    """One sum for all rows; the maximum of each row (axis 1) or of all."""

    def oracle(x: np.ndarray) -> np.ndarray:
        wide = x.astype(np.float32)
        top = wide.max(axis=axis, keepdims=True)
        e = np.exp(wide - (np.where(np.isneginf(top), 0, top) if guarded else top))
        return e / e.sum()

    return oracle


def softmax_below(top, guarded: bool, kind: type = np.float32):
    """exp(x − top(x)) in `kind`, summed in float32; where all of a row underflows: zeros if guarded, else NaN."""

    def oracle(x: np.ndarray) -> np.ndarray:
        wide = x.astype(kind)
        e = np.exp(wide - top(wide))
        total = e.sum(axis=1, keepdims=True, dtype=np.float32)
        return e / np.where((total > 0) | (not guarded), total, np.float32(1))

    return oracle


def softmax_clipped(high: float, low: float):
    def oracle(x: np.ndarray) -> np.ndarray:
        e = np.exp(np.clip(x.astype(np.float32), low, high))
        return e / e.sum(axis=1, keepdims=True)

    return oracle


def softmax_masked_uniform(x: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(x).all(axis=1, keepdims=True), 1 / x.shape[1], softmax(x))


# --- 01.13: sums ------------------------------------------------------------------------------------------


def columns(rng: np.random.Generator, n: int, m: int, what: str = "") -> tuple[np.ndarray]:
    x = ((1 + spread(rng, (n, m)) / 16) * (1 + np.arange(m) / 4)).astype(np.float16)
    if what == "2048 first, then halves":  # even a block of 64 that holds the first row loses the other 63
        x = x / 2
        x[0] = 2048
    if what == "mixed signs":
        x[1::2] = -x[1::2] / 4
    return (x,)


def compensated(x: np.ndarray, sign: float) -> np.ndarray:
    """A float16 sum that adds `sign` times what was lost: 0 stalls, +1 makes it worse."""
    total, lost = np.zeros((2, x.shape[1]), np.float16)
    for row in x:
        y = row + np.float16(sign) * lost
        new = total + y
        total, lost = new, (new - total) - y
    return total


def compensated_by_row(x: np.ndarray) -> np.ndarray:
    total, lost = np.zeros((2, x.shape[1]), np.float16)
    for row in x:
        new = total + (row - lost)
        total, lost = new, (new - total) - row
    return total


def compensated_late(x: np.ndarray) -> np.ndarray:
    """The total has moved before what was lost is computed."""
    total, lost = np.zeros((2, x.shape[1]), np.float16)
    for row in x:
        y = row - lost
        total = total + y
        lost = (total - total) - y
    return total


def corrected_at_end(larger_first: bool):
    """Neumaier's way: what was lost is gathered and added once."""

    def oracle(x: np.ndarray) -> np.ndarray:
        total, lost = np.zeros((2, x.shape[1]), np.float16)
        for row in x:
            new = total + row
            kept = (total - new) + row
            other = (row - new) + total
            lost = lost + np.where((np.abs(total) >= np.abs(row)) | (not larger_first), kept, other)
            total = new
        return total + lost

    return oracle


def summed_in_blocks(size: int):
    """Running sums of `size` rows, then a running sum of those."""

    def oracle(x: np.ndarray) -> np.ndarray:
        parts = [compensated(x[start : start + size], 0) for start in range(0, len(x), size)]
        return compensated(np.array(parts), 0)

    return oracle


# --- 01.15: loss scaling ----------------------------------------------------------------------------------


def training_step(rng: np.random.Generator, n: int, what: str = "") -> tuple:
    if n == 1:  # numbers that a reader can check in the head
        w, g = rng.integers(1, 9, 1) / 8, rng.integers(1, 64, 1) * rng.choice([-1, 1])
        return w.astype(np.float32), g.astype(np.float16), 0.5, 1024.0
    w = spread(rng, n) * np.float32(1e-3)  # small enough that a gradient rounded in float16 shows
    scale = 2.0**24 if what == "scale 2^24" else float(2.0 ** rng.integers(12, 16))
    g = spread(rng, n) * 1e-6 * scale
    if what == "large g":  # finite, but their sum in float16 is not
        g = rng.uniform(20_000, 60_000, n)
    elif what == "subnormal g":
        g, scale = spread(rng, n) * 1e-6, 1.0
    g = g.astype(np.float16)
    if what.startswith("g has "):
        g[int(rng.integers(n))] = float(what.removeprefix("g has "))
    return w, g, float(rng.choice([0.1, 0.25, 0.4])), scale


def stepped(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    wide = g.astype(np.float64)
    if not np.isfinite(wide).all():
        return w.astype(np.float64), scale / 2
    return w.astype(np.float64) - lr * wide / scale, scale


def stepped_in_fp16(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    if not np.isfinite(g).all():
        return w, scale / 2
    with np.errstate(over="ignore"):
        return w - np.float32(lr) * (g / np.float16(scale)).astype(np.float32), scale


# lr · g / scale by float16 arithmetic, in g's own format or narrowed to it
FP16_STEPS = (
    lambda g, lr, scale: lr * g / scale,
    lambda g, lr, scale: lr * (g / scale),
    lambda g, lr, scale: lr / scale * g,
    lambda g, lr, scale: (lr * g).astype(np.float32) / np.float32(scale),
    lambda g, lr, scale: (lr * g.astype(np.float32) / scale).astype(np.float16),
)


def stepped_in_fp16_unless(bad, step):
    """w − step(g, lr, scale), not taken if bad(g)."""
    return lambda w, g, lr, scale: (w, scale / 2) if bad(g) else (w - step(g, lr, scale), scale)


def stepped_unscaled(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    _, scale_new = stepped(w, g, lr, scale)
    return (w if scale_new != scale else w - lr * g.astype(np.float64)), scale_new


def stepped_with_zeros(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    good = np.where(np.isfinite(g), g, 0).astype(np.float64)
    return w - lr * good / scale, scale if np.isfinite(g).all() else scale / 2


def stepped_unless(bad):
    """The step is taken unless bad(g); the scale follows."""

    def oracle(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
        return (w, scale / 2) if bad(g) else (w - lr * g.astype(np.float64) / scale, scale)

    return oracle


def stepped_growing(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    new, after = stepped(w, g, lr, scale)
    return new, 2 * scale if after == scale else after


def stepped_same_scale(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    return stepped(w, g, lr, scale)[0], scale


# --- 01.17 to 01.19: int4 ---------------------------------------------------------------------------------

ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # nibble i of a word holds element ORDER[i]


def words(rng: np.random.Generator, n: int = 0, what: str = "") -> np.ndarray:
    if what == "every nibble everywhere":
        same = [sum(value << 4 * i for i in range(8)) for value in range(16)]
        alone = [value << 4 * i for i in range(8) for value in range(16)]
        return np.array(same + alone, np.uint32)
    return rng.integers(0, 2**32, n, dtype=np.uint32)


def word_input(rng: np.random.Generator, **shape) -> tuple[np.ndarray]:
    return (words(rng, **shape),)


def nibbles(word: np.ndarray, order: list[int] = ORDER) -> np.ndarray:
    out = np.empty((len(word), 8), np.int64)
    for i, element in enumerate(order):
        out[:, element] = word.astype(np.int64) >> 4 * i & 15
    return out


def int4_values(words: np.ndarray) -> np.ndarray:
    return (nibbles(words) - 8.0).ravel()


def int4_sequential(words: np.ndarray) -> np.ndarray:
    return (nibbles(words, list(range(8))) - 8.0).ravel()


def int4_unsigned(words: np.ndarray) -> np.ndarray:
    return nibbles(words).astype(np.float64).ravel()


def int4_two_complement(words: np.ndarray) -> np.ndarray:
    n = nibbles(words)
    return np.where(n > 7, n - 16.0, n).ravel()


def int4_high_unscaled(words: np.ndarray) -> np.ndarray:
    """The upper nibble of each byte left at 16 n: the subtract of the low one on (1024 + 16 n)."""
    n = nibbles(words).astype(np.float64)
    high = [element for i, element in enumerate(ORDER) if i % 4 in (1, 3)]
    n[:, high] *= 16
    return (n - 8).ravel()


def int4_with_base(words: np.ndarray) -> np.ndarray:
    n = nibbles(words).astype(np.float64)
    n[:, [element for i, element in enumerate(ORDER) if i % 4 in (1, 3)]] *= 16
    return (n + 1024).ravel()


def int4_converted(words: np.ndarray) -> np.ndarray:
    """0x6400 | n as an integer, converted to float16 instead of read as one."""
    integer = (nibbles(words) | 0x6400).astype(np.float16)
    return (integer - np.float16(1032)).astype(np.float64).ravel()


def int4_bf16_spilled(words: np.ndarray) -> np.ndarray:
    """0x00F0 OR-ed into 0x4300 without a shift: the nibble's top bit lands in the exponent."""
    n = nibbles(words).astype(np.float64)
    high = [element for i, element in enumerate(ORDER) if i % 4 in (1, 3)]
    spilled = np.where(n < 8, 128 + 16 * n, 256 + 32 * (n - 8)) / 16
    n[:, high] = spilled[:, high] - 8
    return (n - 8).ravel()


HIGH = [element for i, element in enumerate(ORDER) if i % 4 in (1, 3)]  # elements of the nibbles at bits 4 to 7


def int4_awq_high(words: np.ndarray) -> np.ndarray:
    """AWQ's 64 instead of 72 for the upper nibbles."""
    q = nibbles(words) - 8.0
    q[:, HIGH] += 8
    return q.ravel()


def int4_elements(*which: int | None):
    """Element e of a word is its nibble which[e], minus 8; None is a nibble of zeros."""

    def oracle(words: np.ndarray) -> np.ndarray:
        wide = words.astype(np.int64)
        return np.stack([(0 if i is None else wide >> 4 * i & 15) - 8.0 + 0 * wide for i in which], axis=1).ravel()

    return oracle


def int4_wrapped(wrapped: float, order: list[int] = ORDER):
    """n − 8 in uint32: below 0 it becomes 2^32 − 8 and more, which the float format stores as `wrapped`."""

    def oracle(words: np.ndarray) -> np.ndarray:
        q = nibbles(words, order) - 8.0
        return np.where(q < 0, wrapped, q).ravel()

    return oracle


def int4_by_pair(words: np.ndarray) -> np.ndarray:
    """Elements 0 and 1 of every word, then 2 and 3 of every word, and so on."""
    return int4_values(words).reshape(-1, 4, 2).transpose(1, 0, 2).ravel()


def int4_from_bits(*shifts: int):
    """Element e of a word is the four bits from bit shifts[e] on, minus 8."""
    return lambda words: ((words[:, None] >> np.uint32(shifts) & 15).astype(np.float64) - 8).ravel()


def int4_fp16_base(words: np.ndarray) -> np.ndarray:
    """0x6400 | n read as BF16, minus 136."""
    pattern = (nibbles(words) | 0x6400).astype(np.uint16)
    return (pattern.view(bfloat16) - bfloat16(136)).ravel()


def int4_unmasked(words: np.ndarray) -> np.ndarray:
    """The higher nibbles are left in the pattern."""
    word = words.view(np.int32)[:, None]
    pattern = (word >> np.array([4 * ORDER.index(e) for e in range(8)], np.int32)) | 0x6400
    return (pattern.astype(np.uint16).view(np.float16) - np.float16(1032)).ravel()


def int4_first_eighth(words: np.ndarray) -> np.ndarray:
    """Only the first n of the 8n elements are written."""
    values = int4_values(words)
    values[len(words) :] = np.nan
    return values


def int4_one_apart(words: np.ndarray) -> np.ndarray:
    """Word w stored from element w on: the words after it overwrite all but its first element."""
    values = int4_values(words).reshape(-1, 8)
    out = np.full(values.size, np.nan)
    out[: len(words)] = values[:, 0]
    out[len(words) : len(words) + 7] = values[-1, 1:]
    return out


def int4_tensors(rng: np.random.Generator, **shape) -> tuple[torch.Tensor, torch.Tensor]:
    packed = words(rng, **shape)
    return torch.from_numpy(packed.view(np.int32)), torch.zeros(8 * len(packed), dtype=torch.float16)


def on_tensors(oracle):
    """An oracle over uint32 words as one over (words, out) tensors."""
    return lambda packed, out: oracle(packed.cpu().numpy().view(np.uint32))


# --- 01.21: FP8 -------------------------------------------------------------------------------------------


def fp8_input(rng: np.random.Generator, m: int = 1, n: int = 1, what: str = "") -> tuple[np.ndarray, float]:
    """Values that stay clear of ties after scaling, so that the order of multiply and divide does not matter."""
    if what == "zeros":
        return np.zeros((m, n), np.float32), 0.0
    if what == "amax 0, x not":
        return spread(rng, (m, n)) * 100, 0.0
    finite = np.arange(0x7F)
    at = np.resize(rng.permutation(finite[1:-1]), (m, n))
    rungs = values_of(finite, np.dtype(e4m3))
    y = rungs[at] + rng.uniform(-0.45, 0.45, (m, n)) * np.minimum(rungs[at] - rungs[at - 1], rungs[at + 1] - rungs[at])
    if what == "near ties":  # too close to a tie for float16, far enough for float32
        at = np.resize(rng.permutation(finite[8:-1]), (m, n))
        y = (rungs[at] + rungs[at + 1]) / 2 * (1 + rng.choice([-1, 1], (m, n)) * 2.0**-13)
    amax = float(np.float32(10 ** rng.uniform(-3, 2)))
    y = y * rng.choice([-1, 1], (m, n))
    if what == "stale amax":
        late = y.ravel()[:: max(3, m * n // 9)]
        late[:] = np.copysign(rng.uniform(500, 9000, late.size), late)  # beyond the format: clamped, never near a tie
    x = (y * (amax / 448)).astype(np.float32)
    if what == "special":
        x.ravel()[:5] = [np.inf, -np.inf, np.nan, 0.0, amax]
    return x, amax


def quantized(
    x: np.ndarray, amax: float, top: float = 448, clamp: bool = True, kind: type = np.float64
) -> tuple[np.ndarray, float]:
    """kind: in what x is divided. The right scale keeps clear of ties, a wrong one needs the learner's rounding."""
    scale = amax / top if amax > 0 else 1.0
    y = x.astype(kind) / kind(scale)
    y = np.clip(y, -top, top) if clamp else y
    return y.astype(np.float32).astype(e4m3).view(np.uint8), scale


def quantized_reciprocal(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    codes, scale = quantized(x, amax)
    return codes, 1 / scale


def quantized_zero_scale(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    y = np.clip(x / np.float32(amax / 448), -448, 448)  # 0/0 is NaN, the rest the largest
    return y.astype(e4m3).view(np.uint8), amax / 448


def quantized_through(kind: type):
    """Rounded twice: to `kind` and then to E4M3, or to `kind` alone if that is a byte wide."""

    def oracle(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
        scale = amax / 448 if amax > 0 else 1.0
        y = np.clip(x.astype(np.float64) / scale, -448, 448).astype(np.float32).astype(kind)
        return (y if y.itemsize == 1 else y.astype(e4m3)).view(np.uint8), scale

    return oracle


def quantized_with(change):
    """change(x, codes) on the right codes."""
    return lambda x, amax: (change(x, quantized(x, amax)[0]), quantized(x, amax)[1])


def quantized_multiplied(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    scale = amax / 448 if amax > 0 else 1.0
    return np.clip(x * np.float32(scale), -448, 448).astype(e4m3).view(np.uint8), scale


def quantized_by_own_amax(own, clamp: bool, otherwise: float = 1.0):
    """amax = own(x), whatever was given.  otherwise: the scale where that is 0 or NaN."""

    def oracle(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
        amax = float(own(np.abs(x)))
        scale = amax / 448 if amax > 0 else otherwise if amax != 0 else 1.0
        y = x / np.float32(scale)
        return (np.clip(y, -448, 448) if clamp else y).astype(e4m3).view(np.uint8), scale

    return oracle


def quantized_clamping_x(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    """Clamped to ±amax before the division."""
    scale = amax / 448 if amax > 0 else 1.0
    return (np.clip(x, -amax, amax) / np.float32(scale)).astype(e4m3).view(np.uint8), scale


def quantized_converted(through_e4m3: bool):
    """The numbers turned into integers, where their patterns are wanted."""

    def oracle(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
        scale = amax / 448 if amax > 0 else 1.0
        y = np.clip(x / np.float32(scale), -448, 448)
        return (y.astype(e4m3) if through_e4m3 else y).astype(np.uint8), scale

    return oracle


# --- 01.24: MXFP4 -----------------------------------------------------------------------------------------


def mx_input(rng: np.random.Generator, m: int, n: int, what: str = "") -> tuple:
    x = spread(rng, (m, n)) * np.exp2(rng.integers(-12, 9, (m, n // 32))).repeat(32, axis=1)
    blocks = x.reshape(-1, 32)
    top = rng.integers(0, 32, len(blocks))
    blocks[np.arange(len(blocks)), top] *= 8  # one large element, in any place
    if what == "ties":
        y = rng.choice([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 5.5, 7.9], (m, n)) * rng.choice([-1, 1], (m, n))
        y[:, ::32] = 6
        x = y * np.exp2(rng.integers(-9, 9, (m, n // 32))).repeat(32, axis=1)
    elif what == "zeros":
        x[:, :32] = 0
        x[0, 32:48] = -0.0
        x[0, 48:64] = -1e-30  # becomes -0
    elif what == "wide":
        x = spread(rng, (m, n)) * np.exp2(rng.integers(-90, 30, (m, n // 32))).repeat(32, axis=1)
    elif what == "amax just below 2^k":
        below = np.nextafter(np.exp2(rng.integers(-9, 9, len(blocks)).astype(np.float32)), np.float32(0))
        blocks[np.arange(len(blocks))] = spread(rng, blocks.shape) / 8 * below[:, None]
        blocks[np.arange(len(blocks)), top] = below * rng.choice([-1, 1], len(blocks))
    elif what == "tiny and huge":
        large = np.resize(np.float32([1e38, 3e-38, 6e-39, 1e-40, 2e-45]), len(blocks)).astype(np.float64)
        blocks[:] = spread(rng, blocks.shape) / 4 * large[:, None]
        blocks[np.arange(len(blocks)), top] = large
    x = torch.from_numpy(x.astype(np.float32))
    return x, torch.zeros(m, n // 2, dtype=torch.uint8), torch.zeros(m, n // 32, dtype=torch.uint8)


def floor_log2(amax: np.ndarray) -> np.ndarray:
    return np.frexp(amax)[1] - 1


def mx_quantized(
    x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, shift: int = 2, swap: bool = False,
    up: str = ".1.1.1.", signed: bool = True, largest=lambda blocks: np.abs(blocks).max(axis=1, keepdims=True),
    log2=floor_log2, bias: int = 127, order=lambda blocks: blocks,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Scales and codes.  up: "1" for each of the seven ties between neighbors that goes up.

    largest, log2: how amax and its power are found.  bias: what is added to the exponent that is stored.
    order: where the 32 elements of each block are taken from.
    """
    blocks = order(x.cpu().numpy().astype(np.float64).reshape(-1, 32))
    amax = largest(blocks)
    power = np.where(amax > 0, log2(amax) - shift, -127).clip(-127, 127).astype(np.int64)
    y = np.ldexp(blocks, -power).clip(-6, 6)
    middles = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])
    ties = np.array([digit == "1" for digit in up])
    size = np.abs(y)[:, :, None]
    nibble = ((size > middles) | ((size == middles) & ties)).sum(axis=2).astype(np.uint8)
    nibble = nibble | (np.signbit(y) & signed).astype(np.uint8) << 3
    even, odd = nibble[:, 0::2], nibble[:, 1::2]
    packed = even << 4 | odd if swap else odd << 4 | even
    return ((power + bias) & 255).astype(np.uint8).reshape(tuple(scales.shape)), packed.reshape(tuple(codes.shape))


def one_apart(step: int):
    """Pair p read from x + p and x + p + step."""

    def order(blocks: np.ndarray) -> np.ndarray:
        first = np.arange(16 * len(blocks))
        return blocks.ravel()[np.stack([first, first + step], axis=1)].reshape(blocks.shape)

    return order


def halves(blocks: np.ndarray) -> np.ndarray:
    """Element j of a block paired with element j + 16."""
    return blocks.reshape(-1, 2, 16).swapaxes(1, 2).reshape(blocks.shape)


def mx_with(**change):
    """mx_quantized with one rule changed."""
    return lambda x, codes, scales: mx_quantized(x, codes, scales, **change)


def mx_zero_sign(x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    return mx_quantized(x + 0.0, codes, scales)  # -0.0 + 0.0 is 0.0


def mx_unclamped(x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """amax's exponent field minus 2 may fall below 0; the bits then make another float, step by step as on the GPU."""
    _, right = mx_quantized(x, codes, scales)
    blocks = x.cpu().numpy().reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1).view(np.int32) >> 23) - 2
    inverse = (254 - scale << 23).astype(np.int64).astype(np.int32).view(np.float32)
    y = blocks * inverse[:, None]
    nibble = (np.abs(y)[:, :, None] > np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])).sum(axis=2).astype(np.uint8)
    nibble |= np.signbit(y).astype(np.uint8) << 3
    low = scale < 0
    packed = np.where(low[:, None], nibble[:, 1::2] << 4 | nibble[:, 0::2], right.reshape(-1, 16))
    return (scale & 255).astype(np.uint8).reshape(tuple(scales.shape)), packed.astype(np.uint8).reshape(right.shape)


# --- what is asked ----------------------------------------------------------------------------------------

NUMPY = Forbid(
    names=("torch", "scipy"),
    because="Write it in NumPy or plain Python: that is what this exercise is checked on.",
)
NO_TABLES = Forbid(
    names=("ml_dtypes", "struct", ".view", "numpy.float16", "numpy.frombuffer"),
    because="The point is to read the three fields yourself: shifts, masks and a power of two.",
)
NO_LIBRARY_ROUNDING = Forbid(
    names=("ml_dtypes", "numpy.float16"),
    because="A library cast does the rounding for you. Integer arithmetic on `x.view(np.uint32)` is enough.",
)
OWN_NOISE = Forbid(
    names=("numpy.random", "random", "secrets"),
    because="The noise is given to you, in `r`: the same noise must give the same bits.",
)
NO_CONVERSION = Forbid(
    names=(
        ".astype",
        "float",
        "numpy.float16()",
        "numpy.float32",
        "numpy.float64",
        "numpy.array",
        "numpy.asarray",
    ),
    because="It can turn an integer into a float, the slow step that this trick avoids, and the check cannot see what it "
    "is used for, so the card rules it out. `&`, `|`, `>>`, `.view(...)` and one subtract or multiply-add are enough.",
)
HIDDEN_FP32 = Forbid(
    names=(
        "numpy.sum", ".sum", "numpy.nansum", "numpy.add.reduce", ".reduce", "numpy.mean", ".mean", "numpy.average",
        "numpy.dot", ".dot", "numpy.inner", "numpy.matmul", "numpy.einsum",
    ),
    because="It may accumulate float16 in float32 behind your back; every running value must stay in float16.",
)  # fmt: skip
PYTHON_FLOATS = Forbid(
    names=("math.fsum", "float", ".tolist", ".item"),
    because="A Python float is a float64; every running value must stay in float16.",
)

EXERCISES = [
    Predict(
        id="01.1",
        title="One pattern, two numbers",
        minutes=3,
        hints=(
            "Write 0xC500 in binary: 1100 0101 0000 0000. The first bit is the sign in both formats.",
            "FP16: sign 1, exponent 10001 = 17, fraction 0100000000 = 256. BF16: sign 1, exponent 10001010 = 138, "
            "fraction 0000000 = 0.",
        ),
        why="Nothing in a tensor's bytes says which format they are in. A BF16 checkpoint read as FP16 gives finite, "
        "plausible numbers, and a model that talks nonsense.",
        follow_up="Which FP16 and BF16 patterns mean the same number in both?",
        quantities=(
            Quantity(
                name="as_fp16",
                value=lambda: float(np.uint16(0xC500).view(np.float16)),
                because="sign 1, exponent 17 − 15 = 2, fraction 256/1024: −(1.25 × 4).",
                misreads=(
                    Misread(
                        -4.0,
                        "no-fraction",
                        "the exponent is right; the fraction 256/1024 adds a quarter of 4.",
                    ),
                    Misread(-163840.0, "no-bias", "you used the stored exponent 17; the bias 15 comes off it."),
                    Misread(
                        -1.0,
                        "no-hidden-one",
                        "1.25, not 0.25: a normal number has a 1 before the point that is not stored.",
                    ),
                ),
            ),
            Quantity(
                name="as_bf16",
                value=lambda: float(np.uint16(0xC500).view(bfloat16)),
                because="BF16 has 8 exponent bits: 10001010 = 138, 138 − 127 = 11, and the fraction is 0: −2^11.",
                misreads=(
                    Misread(-5.0, "same-fields", "that is FP16's cut of the word; BF16's exponent is 8 bits wide."),
                    Misread(0.0, "no-hidden-one", "the fraction is 0 but the hidden 1 is not: 1.0 × 2^11."),
                ),
            ),
        ),
    ),
    Function(
        id="01.2",
        title="Decode any IEEE-style float",
        minutes=15,
        dots=2,
        size="8 lines",
        answer="decode",
        signature="decode(bits: int, E: int, M: int) -> float",
        inputs=patterns,
        oracle=decoded,
        shapes=(
            {"E": 5, "M": 10, "what": "special patterns"},
            {"E": 4, "M": 3, "what": "all patterns"},
            {"E": 5, "M": 2, "what": "all patterns"},
            {"E": 8, "M": 23, "what": "special patterns"},
            {"E": 5, "M": 10, "what": "all patterns"},
            {"E": 8, "M": 7, "what": "all patterns"},
            {"E": 8, "M": 23, "n": 1009},
        ),
        dtype="float64",
        each=True,
        expects_nonfinite=True,
        forbid=(NUMPY, NO_TABLES),
        rivals=(
            Rival(
                key="formula-alone",
                sentence="**That is the formula alone; two exponent fields are special.** Field 0 has no hidden 1, and "
                "its exponent is 1 − bias: zero and the subnormals. All ones is no number: Inf (fraction 0) or NaN.",
                oracle=decoded_wrongly(special=False, subnormal=False),
                hint=2,
            ),
            *alike(
                "width-as-mask",
                "**`E` and `M` are widths, not masks**: `& 5` keeps bits 0 and 2. A mask of E ones is `2**E - 1`, of M "
                "ones `2**M - 1`.",
                1,
                *decoded_through_widths(rules=True),
                *decoded_through_widths(rules=False),
            ),
            Rival(
                key="no-subnormals",
                sentence="**Subnormals are read as if they had a hidden 1.** When the stored exponent is 0 there is no "
                "hidden 1, and the exponent is 1 − bias, not 0 − bias.",
                oracle=decoded_wrongly(subnormal=False),
                hint=2,
            ),
            Rival(
                key="no-specials",
                sentence="**The largest exponent is read as a number.** All ones there means Inf (fraction 0) or NaN.",
                oracle=decoded_wrongly(special=False),
                hint=2,
            ),
            Rival(
                key="no-hidden-one",
                sentence="**The hidden 1 is missing**: a normal number is 1 + F/2^M, and the 1 is not stored.",
                oracle=decoded_wrongly(hidden=0),
                hint=1,
            ),
            Rival(
                key="subnormal-exponent",
                sentence="**Subnormals come out half as large as they are**: their exponent is 1 − bias, not 0 − bias, so "
                "that they go on in the lowest octave's steps.",
                oracle=decoded_wrongly(low=0),
                hint=2,
            ),
            Rival(
                key="wrong-bias",
                sentence="**The exponent is off by one**: the bias is 2^(E−1) − 1, so that 15 goes with 5 bits.",
                oracle=decoded_wrongly(bias=lambda E: 2 ** (E - 1)),
                hint=1,
            ),
            Rival(
                key="wrong-bias",
                sentence="**The bias is about twice too large**: it is 2^(E−1) − 1, half of the exponents, not 2^E − 1.",
                oracle=decoded_wrongly(bias=lambda E: 2**E - 1),
                hint=1,
            ),
            *alike(
                "fixed-bias",
                "**The bias is right for one format only**: it depends on E, 2^(E−1) − 1: 7, 15 and 127 for 4, 5 and 8 bits.",
                1,
                *(decoded_wrongly(bias=lambda E, bias=bias: bias) for bias in (15, 127, 7)),
            ),
            Rival(
                key="exponent-mask",
                sentence="**The sign bit is still in the exponent** of negative numbers: after the shift, mask E bits, "
                "`(bits >> M) & (2**E - 1)`.",
                oracle=decoded_wrongly(keeps_sign=True),
                hint=1,
            ),
            Rival(
                key="fraction-steps",
                sentence="**The fraction is divided by 2^M − 1**: an octave has 2^M steps, so a full fraction stays below 1.",
                oracle=decoded_wrongly(steps=-1),
                hint=1,
            ),
            Rival(
                key="zero-sign",
                sentence="**−0.0 loses its sign**: 0.0 == −0.0, but they are two patterns. Let the sign multiply at the "
                "very end, as −1.0.",
                oracle=lambda bits, E, M: decoded(bits, E, M) + 0.0,
                hint=3,
            ),
            Rival(
                key="inf-sign",
                sentence="**−Inf comes back as +Inf**: the sign counts for Inf too.",
                oracle=lambda bits, E, M: np.where(np.isneginf(decoded(bits, E, M)), np.inf, decoded(bits, E, M)),
                hint=3,
            ),
            Rival(
                key="no-sign",
                sentence="**The sign bit is not used**: it is the highest of the 1 + E + M.",
                oracle=lambda bits, E, M: np.abs(decoded(bits, E, M)),
                hint=1,
            ),
            Rival(
                key="nan-to-inf",
                sentence="**NaN is read as Inf.** With the exponent all ones, only fraction 0 is Inf.",
                oracle=lambda bits, E, M: decoded(np.where(np.isnan(decoded(bits, E, M)), bits >> M << M, bits), E, M),
                hint=2,
            ),
        ),
        hints=(
            "Cut the word with shifts and masks: sign = (bits >> (E + M)) & 1, exponent = (bits >> M) & (2**E − 1), "
            "fraction = bits & (2**M − 1). The bias is 2**(E − 1) − 1.",
            "Three cases, by the stored exponent: all ones → Inf or NaN; 0 → fraction / 2**M × 2**(1 − bias); otherwise "
            "(1 + fraction / 2**M) × 2**(exponent − bias).",
            "The sign multiplies at the end, for zero too: `-1.0 * 0.0` is −0.0, but `-0` as an integer is just 0.",
        ),
        why="Three fields, three cases. The subnormal case exists so that the ruler goes down to 0 in equal steps: "
        "without it there would be a hole around 0 in which x − y could be 0 for x ≠ y.",
        follow_up="Why is the exponent stored with a bias and not in two's complement? (Sort the patterns as integers.)",
    ),
    Predict(
        id="01.3",
        title="What E4M3 can reach",
        minutes=2,
        hints=(
            "IEEE's rule would reserve exponent 15 (all ones) for Inf and NaN. E4M3 keeps it for numbers, all but one "
            "fraction.",
            "The largest number has exponent 15 and fraction 110: 2^(15 − 7) × 1.75.",
        ),
        why="Eight patterns of each sign are 6 % of a byte's codes: too much for Inf and NaN. E4M3 keeps one NaN of each sign.",
        follow_up="What does a cast of 1000.0 to E4M3 give, then? Ask three libraries.",
        quantities=(
            Quantity(
                name="largest",
                value=lambda: float(ml_dtypes.finfo(e4m3).max),
                because="exponent 15 − 7 = 8, fraction 6/8: 1.75 × 256; only fraction 7 at the top exponent is NaN.",
                misreads=(
                    Misread(
                        240.0,
                        "ieee-rule",
                        "that is IEEE's rule (top exponent reserved) and AMD's FNUZ; E4M3 uses the top exponent.",
                    ),
                    Misread(
                        480.0,
                        "nan-pattern",
                        "fraction 111 at the top exponent is the NaN; one step below it is the largest.",
                    ),
                    Misread(57344.0, "e5m2", "that is E5M2."),
                ),
            ),
            Quantity(
                name="infinities",
                value=lambda: int(np.isinf(fp8_values(np.arange(256, dtype=np.uint8))).sum()),
                because="no pattern of E4M3 is an infinity: what is too large becomes NaN or is clamped to 448.",
                misreads=(Misread(2, "ieee-rule", "E5M2 has two; E4M3 gave them up for range."),),
            ),
        ),
    ),
    Function(
        id="01.4",
        title="Decode FP8 E4M3",
        minutes=6,
        dots=1,
        size="6 lines",
        answer="decode_e4m3",
        signature="decode_e4m3(bits: int) -> float",
        inputs=special_codes,
        oracle=fp8_values,
        shapes=({"n": 1}, {"what": "edge codes"}, {"n": 127}, {"n": 256}),
        dtype="float64",
        each=True,
        expects_nonfinite=True,
        forbid=(NUMPY, NO_TABLES),
        rivals=(
            Rival(
                key="ieee-rule",
                sentence="**You kept IEEE's rule for the top exponent.** In E4M3 only S.1111.111 is NaN; S.1111.000 to "
                "S.1111.110 are the numbers 256 to 448.",
                oracle=fp8_as(ml_dtypes.float8_e4m3),
                hint=1,
            ),
            *alike(
                "top-exponent",
                "**The whole top exponent is given away.** Only S.1111.111 is NaN; S.1111.000 to S.1111.110 are the "
                "numbers 256 to 448. So look at the fraction, too: `(bits & 0x7F) == 0x7F`.",
                1,
                fp8_top_exponent_as(np.nan),
                fp8_top_exponent_as(np.inf),
            ),
            Rival(
                key="fnuz",
                sentence="**That is AMD's FNUZ variant** (bias 8, one NaN at 0x80, no −0): every value is half of OCP's.",
                oracle=fp8_as(ml_dtypes.float8_e4m3fnuz),
                hint=1,
            ),
            Rival(
                key="one-nan",
                sentence="**0xFF is read as −480**: it is NaN like 0x7F. Look at the pattern without its sign.",
                oracle=lambda bits: np.where(bits == 0xFF, -480.0, fp8_values(bits)),
                hint=2,
            ),
            Rival(
                key="nan-to-largest",
                sentence="**The NaN pattern is read as 448**: that is its neighbor S.1111.110.",
                oracle=lambda bits: np.where(bits & 0x7F == 0x7F, fp8_values(bits ^ 1), fp8_values(bits)),
                hint=2,
            ),
            Rival(
                key="zero-sign",
                sentence="**−0.0 loses its sign**: 0x80 is −0.0. Let the sign multiply at the very end, as −1.0.",
                oracle=lambda bits: fp8_values(bits) + 0.0,
                hint=1,
            ),
            *alike(
                "exponent-mask",
                "**The exponent's top bit is masked away**: it has four bits, `& 15`; three are the fraction's.",
                1,
                fp8_short_exponent(nan=True),
                fp8_short_exponent(nan=False),
            ),
            Rival(
                key="subnormal-exponent",
                sentence="**Subnormals come out half as large as they are**: fraction/8 × 2^−6, 1 − bias, not 2^−7.",
                oracle=lambda bits: np.where(bits & 0x78, fp8_values(bits), fp8_values(bits) / 2),
                hint=2,
            ),
            Rival(
                key="no-nan",
                sentence="**The NaN pattern is read as 480.** S.1111.111 is the one NaN of each sign.",
                oracle=lambda bits: decoded_wrongly(special=False)(bits, 4, 3),
                hint=1,
            ),
            Rival(
                key="no-subnormals",
                sentence="**Subnormals are read as if they had a hidden 1.** Exponent 0 means fraction/8 × 2^−6.",
                oracle=lambda bits: np.where(
                    bits & 0x78, fp8_values(bits), decoded_wrongly(subnormal=False)(bits, 4, 3)
                ),
                hint=2,
            ),
            Rival(
                key="wrong-bias",
                sentence="**Everything is half of what it should be**: the bias is 7 (2^(4−1) − 1).",
                oracle=lambda bits: fp8_values(bits) / 2,
                hint=1,
            ),
            Rival(
                key="no-sign",
                sentence="**The sign bit is not used**: it is the highest of the eight.",
                oracle=lambda bits: np.abs(fp8_values(bits)),
                hint=1,
            ),
        ),
        hints=(
            "Fields: sign = bits >> 7, exponent = (bits >> 3) & 15, fraction = bits & 7, bias 7. One pattern of each sign "
            "is special, and it is not an infinity.",
            "`(bits & 0x7F) == 0x7F` is NaN. Exponent 0: fraction / 8 × 2**−6. All else: (1 + fraction / 8) × "
            "2**(exponent − 7). The sign multiplies at the end, zero and all.",
        ),
        why="Same fields, one rule changed: the top exponent is an ordinary octave, 256 to 448, and only its last "
        "fraction is NaN. The price: nothing says 'too large', so a kernel has to clamp before it casts.",
        follow_up="How many of the 256 patterns are distinct finite numbers? (Mind the two zeros.)",
    ),
    Predict(
        id="01.5",
        title="The first integer that is lost",
        minutes=2,
        hints=(
            "Integers are exact as long as the gap between neighbors is at most 1.",
            "With m fraction bits the gap passes 1 at 2^(m+1). FP16: m = 10. BF16: m = 7.",
        ),
        why="At 2^(m+1) the gap becomes 2, and every odd number falls between two neighbors.",
        follow_up="Which is the first integer that FP32 loses? Which E4M3?",
        quantities=(
            Quantity(
                name="lost_by_fp16",
                value=lambda: first_lost(np.float16),
                because="10 fraction bits: from 2^11 = 2048 on the gap is 2, so 2049 rounds to 2048.",
                misreads=(
                    Misread(2048, "fence-post", "2048 = 2^11 itself is exact; the one after it is not."),
                    Misread(1025, "hidden-one", "the hidden 1 is an eleventh bit of precision: one octave more."),
                    Misread(65505, "range", "that is the range; the gaps are wider than 1 long before it."),
                    Misread(32769, "integer", "FP16 spends 5 bits on the exponent: not 15 bits of integer."),
                ),
            ),
            Quantity(
                name="lost_by_bf16",
                value=lambda: first_lost(bfloat16),
                because="7 fraction bits: from 2^8 = 256 on the gap is 2, so 257 rounds to 256.",
                misreads=(
                    Misread(256, "fence-post", "256 = 2^8 itself is exact; the one after it is not."),
                    Misread(129, "hidden-one", "the hidden 1 is an eighth bit of precision: one octave more."),
                    Misread(2049, "same-as-fp16", "BF16 paid for its range with 3 fraction bits: 8 times coarser."),
                ),
            ),
        ),
    ),
    Function(
        id="01.6",
        title="Encode, rounding to nearest even",
        minutes=20,
        dots=3,
        size="10 lines",
        answer="encode",
        signature="encode(x: float32[n], E: int, M: int, saturate: bool) -> uint32[n]",
        inputs=numbers,
        oracle=encoded,
        shapes=(
            {"E": 5, "M": 10, "n": 1},
            {"E": 5, "M": 10, "what": "zeros"},
            {"E": 5, "M": 10, "what": "NaN"},
            {"E": 5, "M": 10, "what": "NaN", "saturate": True},
            {"E": 5, "M": 10, "what": "smallest numbers"},
            {"E": 5, "M": 10, "what": "largest numbers"},
            {"E": 5, "M": 10, "what": "largest numbers", "saturate": True},
            {"E": 4, "M": 3, "what": "carries"},
            {"E": 4, "M": 3, "what": "zeros"},
            {"E": 4, "M": 3, "what": "NaN"},
            {"E": 4, "M": 3, "what": "smallest numbers"},
            {"E": 4, "M": 3, "what": "largest numbers"},
            {"E": 4, "M": 3, "what": "largest numbers", "saturate": True},
            {"E": 5, "M": 2, "what": "ties"},
            {"E": 5, "M": 2, "what": "exact"},
            {"E": 5, "M": 10, "what": "carries"},
            {"E": 5, "M": 10, "what": "ties"},
            {"E": 5, "M": 10, "what": "near ties"},
            {"E": 5, "M": 10, "what": "exact"},
            {"E": 8, "M": 7, "what": "largest numbers"},
            {"E": 8, "M": 7, "what": "ties"},
            {"E": 8, "M": 7, "what": "exact"},
            {"E": 8, "M": 7, "n": 1009},
        ),
        dtype="uint32",
        forbid=(
            NUMPY,
            Forbid(
                names=("ml_dtypes", "struct", "numpy.float16", ".view"),
                because="A cast or a bit view would do the work for you. `np.frexp`, `np.ldexp`, `np.rint` and "
                "`.astype` between standard dtypes other than float16 are fine.",
            ),
        ),
        rivals=(
            Rival(
                key="truncates",
                sentence="**It rounds towards zero.** Divide by the gap and use `np.rint`, which takes the nearest and "
                "breaks ties to even.",
                oracle=lambda x, E, M, saturate: encoded(x, E, M, saturate, "truncate"),
                hint=1,
            ),
            Rival(
                key="ties-away",
                sentence="**Ties go up instead of to the even neighbor.** `floor(v + 0.5)` does that; `np.rint` rounds "
                "ties to even.",
                oracle=lambda x, E, M, saturate: encoded(x, E, M, saturate, "half up"),
                hint=1,
            ),
            Rival(
                key="flush-to-zero",
                sentence="**Subnormals become 0.** Below 2^(1 − bias) the gap stays what it is in the lowest octave.",
                oracle=encoded_flushed,
                hint=2,
            ),
            Rival(
                key="ignores-saturate",
                sentence="**`saturate=True` changes nothing**: it wants the largest finite code where Inf would come out.",
                oracle=encoded_never_saturates,
                hint=3,
            ),
            Rival(
                key="always-saturates",
                sentence="**It clamps even when `saturate` is False**: then what is too large is Inf.",
                oracle=lambda x, E, M, saturate: encoded(x, E, M, True),
                hint=3,
            ),
            Rival(
                key="zero-sign",
                sentence="**−0.0 loses its sign**: −0.0 < 0 is False. `np.signbit` reads the bit itself.",
                oracle=lambda x, E, M, saturate: np.where(x == 0, 0, encoded(x, E, M, saturate)),
                hint=3,
            ),
            Rival(
                key="nan-sign",
                sentence="**A negative NaN comes back positive**: the card asks for the sign of x there, too.",
                oracle=lambda x, E, M, saturate: encoded(np.where(np.isnan(x), np.abs(x), x), E, M, saturate),
                hint=3,
            ),
            Rival(
                key="zero-sign",
                sentence="**−0.0 loses its sign, and so does a negative NaN**: neither is < 0. `np.signbit` reads the bit.",
                oracle=lambda x, E, M, saturate: encoded(np.where(x < 0, x, np.abs(x)), E, M, saturate),
                hint=3,
            ),
            Rival(
                key="zero-as-normal",
                sentence="**Zero is encoded as a normal number**: `np.frexp(0)` gives power 0. Zero belongs to the "
                "subnormals.",
                oracle=encoded_zero_as_normal,
                hint=2,
            ),
            Rival(
                key="nan-to-inf",
                sentence="**NaN becomes Inf**: its fraction must not be 0. Set the top fraction bit.",
                oracle=encoded_nan_as(lambda x, E, M, saturate: np.full(x.shape, (2**E - 1) << M)),
                hint=3,
            ),
            Rival(
                key="nan-to-largest",
                sentence="**NaN is clamped to the largest number**: `saturate` is for what is too large. NaN stays NaN.",
                oracle=encoded_nan_as(lambda x, E, M, saturate: np.full(x.shape, ((2**E - 1) << M) - saturate)),
                hint=3,
            ),
            *alike(
                "nan-payload",
                "**NaN gets other fraction bits**: a NaN as well, but the card asks for the top one alone.",
                3,
                encoded_nan_as(lambda x, E, M, saturate: np.full(x.shape, (2**E << M) - 1)),
                encoded_nan_as(lambda x, E, M, saturate: np.full(x.shape, ((2**E - 1) << M) + 1)),
            ),
            Rival(
                key="nan-unhandled",
                sentence="**NaN has no rule of its own**: cast to an integer, a float NaN is whatever the processor makes "
                "of it. Pick NaNs out with `np.isnan`.",
                oracle=encoded_nan_as(lambda x, E, M, saturate: np.full(x.shape, np.nan).astype(np.uint32)),
                hint=3,
            ),
            *alike(
                "carry-lost",
                "**A carry out of the fraction is lost**: just below a power of two the fraction rounds up to 2^M, which "
                "is fraction 0 of the next octave. Add the fraction to the exponent field instead of OR-ing it.",
                3,
                *(encoded_no_carry(wraps, clipped) for wraps in (False, True) for clipped in (False, True)),
            ),
            *alike(
                "hidden-twice",
                "**One octave too high: the hidden 1 is counted twice.** size / gap is 2^M or more for a normal number, so "
                "the 1 is in it already: code = gaps + (exponent + bias − 1) × 2^M.",
                3,
                encoded_hidden_twice(subnormals=True),
                encoded_hidden_twice(subnormals=False),
            ),
            *alike(
                "subnormal-exponent",
                "**Subnormals are counted in gaps half as wide as theirs**: their exponent is 1 − bias, not −bias.",
                2,
                encoded_low_subnormals(negative=True),
                encoded_low_subnormals(negative=False),
            ),
            *alike(
                "exponent-too-low",
                "**The exponent has no lower end**: below 2^(1 − bias) it goes on falling, and the code turns negative. "
                "Subnormals share the lowest octave's gap: exponent = max(exponent, 1 − bias).",
                2,
                *(encoded_low_octaves(zero, end) for zero in (False, True) for end in ("wraps", "0", "last")),
            ),
            Rival(
                key="no-sign",
                sentence="**The sign is forgotten**: bit E + M of the pattern is 1 for a negative x, −0.0 included.",
                oracle=lambda x, E, M, saturate: encoded(x, E, M, saturate) & np.uint32((1 << (E + M)) - 1),
                hint=3,
            ),
            Rival(
                key="not-clipped",
                sentence="**Numbers past the end keep counting**, through Inf into the NaNs and the sign: no code may "
                "pass Inf's, or with `saturate` the largest number's.",
                oracle=encoded_past_the_end,
                hint=3,
            ),
            Rival(
                key="early-inf",
                sentence="**Overflow is decided before rounding**: what is above the largest number may still round to it "
                "(65519 to 65504 in FP16). Round first, then look.",
                oracle=encoded_early_inf,
                hint=3,
            ),
            Rival(
                key="inf-not-saturated",
                sentence="**Inf stays Inf although `saturate` is True**: the card wants the largest number for it as well.",
                oracle=encoded_inf_stays,
                hint=3,
            ),
        ),
        hints=(
            "Find the gap (ulp) at x: 2^(exponent − M), where 2^exponent ≤ |x|. Then `np.rint(|x| / gap)` is a whole "
            "number of gaps, ties already to even.",
            "`_, power = np.frexp(size)` gives 2^(power − 1) ≤ size < 2^power. Subnormals share the lowest octave's gap: "
            "exponent = max(power − 1, 1 − bias). (`frexp` of 0 gives power 0: make zero a subnormal yourself.)",
            "code = rint(size / gap) + (exponent + bias − 1) × 2^M: the hidden 1 adds itself, a carry walks into the "
            "exponent by itself, and what passes the top becomes the pattern of Inf (or is clamped one below it).",
        ),
        why="Counting in gaps turns rounding into one `rint`. Because the patterns of positive floats are in numeric "
        "order, a carry out of the fraction is exactly the right step into the next octave, and beyond the last "
        "finite number the next code is Inf's.",
        follow_up="Rounding float64 to FP16 through FP32 rounds twice. Find an x for which that gives another answer.",
    ),
    Predict(
        id="01.7",
        title="Three roundings to BF16",
        minutes=4,
        hints=(
            "In BF16 the neighbors of 1 are 2^−7 apart: 1, 1.0078125, 1.015625. Both numbers lie exactly half way "
            "between two of them.",
            "A tie goes to the neighbor whose last fraction bit is 0: 1.0 ends in 0, 1.0078125 in 1, 1.015625 in 0. "
            "For the NaN: 0x7FFFFFFF + 0x8000 = 0x80007FFF; keep the upper half and read its sign.",
        ),
        why="Ties to even keep the errors centered; an integer add that rounds may carry through all the exponent bits "
        "into the sign.",
        follow_up="Which NaN becomes Inf when you simply cut the lower half off?",
        quantities=(
            Quantity(
                name="tie_low",
                value=lambda: float(bfloat16(1 + 2**-8)),
                rtol=1e-4,
                because="half way between 1.0 and 1.0078125; the pattern of 1.0 is the even one.",
                misreads=(
                    Misread(
                        1.0078125,
                        "ties-up",
                        "that is half-up; ties go to the even pattern, which is 1.0 here.",
                    ),
                    Misread(1.00390625, "unrounded", "BF16 has no such number: 1 + 2^−8 needs 8 fraction bits."),
                ),
            ),
            Quantity(
                name="tie_high",
                value=lambda: float(bfloat16(1 + 3 * 2**-8)),
                rtol=1e-4,
                because="half way between 1.0078125 (odd) and 1.015625 (even): the even one.",
                misreads=(
                    Misread(1.0078125, "ties-down", "its last bit is 1; the even neighbor is above."),
                    Misread(1.01171875, "unrounded", "BF16 has no such number: it needs 8 fraction bits."),
                ),
            ),
            Quantity(
                name="nan_becomes",
                value=lambda: str(float(np.uint16(0x7FFFFFFF + 0x8000 >> 16).view(bfloat16))),
                choices=("NaN", "Inf", "-0.0", "largest"),
                because="0x7FFFFFFF + 0x8000 carries through exponent and sign: 0x80007FFF, whose upper half is −0.0.",
            ),
        ),
    ),
    Function(
        id="01.8",
        title="FP32 to BF16 with integers",
        minutes=12,
        dots=2,
        size="5 lines",
        answer="to_bf16",
        signature="to_bf16(x: float32[n]) -> uint16[n]",
        inputs=float_input,
        oracle=to_bf16_bits,
        shapes=(
            {"n": 1},
            {"what": "edges"},
            {"what": "nan"},
            {"what": "ties"},
            *sizes(128)[2:],
            {"what": "all upper halves"},
        ),
        dtype="uint16",
        forbid=(NUMPY, NO_LIBRARY_ROUNDING),
        rivals=(
            Rival(
                key="truncates",
                sentence="**The lower half is cut off, not rounded**: every result is too close to 0, half a gap on "
                "average, and a NaN whose payload is in the lower half becomes Inf.",
                oracle=cut,
                hint=1,
            ),
            Rival(
                key="truncates",
                sentence="**The lower half is cut off, not rounded**: every result is too close to 0, half a gap on average.",
                oracle=keeping_nan(cut),
                hint=1,
            ),
            Rival(
                key="nan-lost",
                sentence="**A NaN did not survive**: the add carried out of its fraction. NaNs need a way of their own.",
                oracle=nan_lost,
                hint=3,
            ),
            Rival(
                key="ties-away",
                sentence="**Ties go up instead of to even**: adding 0x8000 rounds half up. The even rule adds 0x7FFF, and "
                "one more if the bit that will be the last is 1.",
                oracle=keeping_nan(half_up),
                hint=2,
            ),
            Rival(
                key="ties-away",
                sentence="**Ties go up instead of to even, and a NaN did not survive**: adding 0x8000 carries out of its "
                "fraction. The even rule adds 0x7FFF, and one more if the bit that will be the last is 1.",
                oracle=half_up,
                hint=2,
            ),
            Rival(
                key="nan-sign",
                sentence="**A negative NaN comes back positive**: the card asks for `0x7FC0` with the sign bit of x.",
                oracle=lambda x: np.where(np.isnan(x), 0x7FC0, to_bf16_bits(x)),
                hint=3,
            ),
            Rival(
                key="inf-to-nan",
                sentence="**Inf becomes NaN**: with the exponent all ones, only a fraction that is not 0 means NaN.",
                oracle=lambda x: np.where(np.isinf(x), to_bf16_bits(x) | 0x40, to_bf16_bits(x)),
                hint=3,
            ),
            *alike(
                "ties-down",
                "**Ties always go down**: 0x7FFF alone never carries from exactly a half. Add one more if the bit that "
                "will be the last is 1.",
                2,
                keeping_nan(ties_down),
                ties_down,
            ),
        ),
        hints=(
            "BF16 is the upper half of FP32's pattern. Work on `bits = x.view(np.uint32)`; the lower 16 bits decide "
            "whether the upper half goes up by one.",
            "Add 0x7FFF plus the lowest bit that stays, (bits >> 16) & 1, then shift right by 16. Above half: carries. "
            "Exactly half: carries only if the kept part is odd.",
            "For NaN: `np.where(np.isnan(x), ((bits >> 16) & 0x8000) | 0x7FC0, rounded)`. Then make it uint16.",
        ),
        why="0x7FFF + odd is 'half, minus a hair, plus the tie-break'. Everything below half dies in the lower 16 bits, "
        "everything above carries, and a tie carries only from odd to even. The same five lines are in every library.",
        follow_up="Why do overflow and subnormals need no case of their own here?",
    ),
    Function(
        id="01.9",
        title="Stochastic rounding",
        minutes=8,
        dots=1,
        size="4 lines",
        answer="stochastic_bf16",
        signature="stochastic_bf16(x: float32[n], r: uint16[n]) -> uint16[n]",
        inputs=float_and_noise,
        oracle=stochastic,
        shapes=({"n": 1}, {"what": "edges"}, {"what": "nan"}, {"what": "ties"}, *sizes(128)[2:]),
        dtype="uint16",
        forbid=(NUMPY, NO_LIBRARY_ROUNDING, OWN_NOISE),
        rivals=(
            Rival(
                key="truncates",
                sentence="**The noise changes nothing**: this is truncation. Either r is not used, or the lower half and r "
                "are added in uint16, where the carry is lost: 16 bits + 16 bits need 17.",
                oracle=lambda x, r: stochastic(x, r, lambda low, r: low < 0),
                hint=1,
            ),
            Rival(
                key="nearest",
                sentence="**The noise is never used**: this is round-to-nearest-even.",
                oracle=lambda x, r: to_bf16_bits(x),
                hint=1,
            ),
            Rival(
                key="other-convention",
                sentence="**Unbiased, but another rule than the card's**: you go up when r < lower half; the card adds r "
                "to the lower half and looks at the carry, so that both give the same bits for the same noise.",
                oracle=lambda x, r: stochastic(x, r, lambda low, r: r < low),
                hint=1,
            ),
            Rival(
                key="nan-lost",
                sentence="**A NaN did not survive**: the add carried out of its fraction. NaNs need a way of their own.",
                oracle=lambda x, r: ((x.view(np.uint32) + r) >> 16).astype(np.uint16),
                hint=2,
            ),
            *alike(
                "rounded-again",
                "**It is rounded twice**: adding r *is* the rounding. After it the lower half is cut off: `>> 16`, not "
                "`to_bf16`, not + 0x7FFF.",
                2,
                *(
                    stochastic_rounded_again(again, nan)
                    for again in (nan_lost, half_up)
                    for nan in ("x", "sum", "both", "lost")
                ),
            ),
            *alike(
                "noise-as-number",
                "**r is added to the number, not to its pattern**: 0.5 + 45,000 is 45,000.5. Add it to `x.view(np.uint32)`.",
                2,
                lambda x, r: to_bf16_bits(x + r),
                lambda x, r: np.where(np.isnan(x), to_bf16_bits(x), cut(x + r)),
                lambda x, r: cut(x + r),
            ),
            Rival(
                key="nan-late",
                sentence="**The sum is asked whether it is NaN**: adding r to Inf gives a NaN's pattern, and adding it to "
                "a NaN may give none. Ask x.",
                oracle=stochastic_nan_late,
                hint=2,
            ),
            Rival(
                key="nan-sign",
                sentence="**A negative NaN comes back positive**: the card asks for `0x7FC0` with the sign bit of x.",
                oracle=lambda x, r: np.where(np.isnan(x), 0x7FC0, stochastic(x, r)),
                hint=2,
            ),
            Rival(
                key="one-noise",
                sentence="**Every element gets r[0]**: each has its own noise, r[i].",
                oracle=lambda x, r: stochastic(x, np.full_like(r, r[0])),
                hint=1,
            ),
            *alike(
                "flipped-negative",
                "**Negative numbers go the other way**: the pattern holds a magnitude, so adding r to it is right for both "
                "signs, and a carry leads away from 0.",
                1,
                stochastic_down(lambda x: x < 0),
                stochastic_down(np.signbit),
                lambda x, r: np.where(
                    (x < 0) & (cut(x).astype(np.uint32) << 16 != x.view(np.uint32)),
                    stochastic(x, ~r),
                    stochastic(x, r),
                ),
            ),
            Rival(
                key="one-too-many",
                sentence="**It goes up one r too often**: with lower half 0 the number is exact and must never move. "
                "Only a carry out of 16 bits counts, lower half + r ≥ 65536.",
                oracle=lambda x, r: stochastic(x, r, lambda low, r: low + r >= 0xFFFF),
                hint=1,
            ),
        ),
        hints=(
            "The lower half, divided by 65536, is how far x is on its way to the next BF16. Add the noise r (0 to 65535) "
            "to the whole pattern: it carries into the upper half with just that probability.",
            "`(x.view(np.uint32) + r) >> 16`; treat NaN as in 01.8. Mind the dtype: uint32 + uint16 is uint32, which is "
            "wide enough for anything but a NaN.",
        ),
        why="A carry out of (lower half + r) happens for exactly `lower half` of the 65536 values of r: the chance of "
        "going up is the distance already traveled, so the expected result is x itself.",
        follow_up="How many random bits do you need per weight and step, and where does a GPU kernel get them from?",
    ),
    Predict(
        id="01.10",
        title="Where exp overflows",
        minutes=2,
        hints=(
            "exp(x) is finite as long as it rounds to at most the largest number: x < ln(largest).",
            "ln 65504 and ln 3.4e38; ln 10 = 2.3026.",
        ),
        why="ln of the largest number: the exponent range, in natural units. FP32 only moves the cliff from 11 to 88.",
        follow_up="And the other side: from which x on is exp(x) = 0 in FP16?",
        quantities=(
            Quantity(
                name="edge_fp16",
                value=lambda: float(np.log(65520)),
                rtol=2e-3,
                because="the edge is ln 65504 = 11.09 (65520, half a gap above, is where rounding turns to Inf).",
                misreads=(
                    Misread(4.816, "log10", "that is log10 of 65504; exp is to base e."),
                    Misread(16.0, "log2", "that is log2 of 65504; exp is to base e."),
                    Misread(12.0, "rule-of-thumb", "exp(12) = 162755 is well past 65504."),
                ),
            ),
            Quantity(
                name="edge_fp32",
                value=lambda: float(np.log(np.finfo(np.float32).max)),
                rtol=2e-3,
                because="the edge is ln 3.4028e38 = 88.72. BF16 has the same exponent field, so nearly the same edge.",
                misreads=(
                    Misread(38.53, "log10", "that is log10 of 3.4e38; exp is to base e."),
                    Misread(128.0, "log2", "that is log2 of 3.4e38; exp is to base e."),
                    Misread(709.78, "float64", "that is float64's edge."),
                ),
            ),
        ),
    ),
    Function(
        id="01.11",
        title="A softmax that survives FP16",
        minutes=12,
        dots=2,
        size="7 lines",
        answer="safe_softmax",
        signature="safe_softmax(x: float16[m, n]) -> float16[m, n]",
        inputs=logits,
        oracle=softmax,
        shapes=(
            {"m": 1, "n": 1},
            {"m": 3, "n": 5},
            {"m": 2, "n": 5, "what": "masked"},
            {"m": 3, "n": 127},
            {"m": 2, "n": 128, "what": "hot"},
            {"m": 5, "n": 129, "what": "large"},
            {"m": 4, "n": 131, "what": "masked"},
            {"m": 1, "n": 70001, "what": "flat"},
        ),
        dtype="float16",
        tolerance=Tolerance(3e-3),
        forbid=(
            NUMPY,
            Forbid(
                names=("math.exp", "math.fsum", ".tolist", ".item"),
                because="It computes in Python's floats, which are float64; a kernel has float16 and float32.",
            ),
        ),
        widest="float32",
        rivals=(
            Rival(
                key="masked-row",
                sentence="**A row of nothing but −Inf comes back as NaN**: its maximum is −Inf, and −Inf − (−Inf) is NaN. "
                "Zeros are wanted.",
                oracle=softmax_nan_if_masked,
                hint=3,
            ),
            *alike(
                "no-max",
                "**exp is taken of the raw logits**: it is Inf from 11.09 on in float16, from 88.7 on in float32, "
                "and Inf/Inf is NaN. Subtract the row's maximum first.",
                1,
                *(
                    softmax_below(lambda x: x.dtype.type(0), guarded, kind)
                    for guarded in (True, False)
                    for kind in (np.float16, np.float32)
                ),
            ),
            Rival(
                key="masked-uniform",
                sentence="**A fully masked row comes back as 1/n everywhere**: with −Inf replaced by a large negative "
                "number, all its logits are equal. Zeros are wanted.",
                oracle=softmax_masked_uniform,
                hint=3,
            ),
            *alike(
                "global-maximum",
                "**The maximum is taken over the whole array**: a row far below it underflows to 0 everywhere. Each row "
                "needs its own (axis=1, keepdims=True).",
                1,
                *(softmax_below(lambda x: x.max(), guarded) for guarded in (True, False)),
            ),
            *alike(
                "abs-maximum",
                "**The largest |x| is subtracted**: where that is a negative logit, every exp of the row underflows to 0. "
                "Subtract the largest x.",
                1,
                *(softmax_below(lambda x: np.abs(x).max(axis=1, keepdims=True), guarded) for guarded in (True, False)),
            ),
            *alike(
                "clipped",
                "**The logits are clipped**: all that lie above the bound become equal. Subtracting the row's maximum "
                "changes nothing, clipping does.",
                1,
                *(softmax_clipped(high, low) for high in (10, 11, 12, 80, 88) for low in (-high, -np.inf)),
            ),
            Rival(
                key="fp16-total",
                sentence="**The sum of the exps is held in float16**: 70,001 ones are more than 65504. Sum in float32.",
                oracle=softmax_fp16_total,
                hint=2,
            ),
            *alike(
                "wrong-axis",
                "**Softmax over the columns, not the rows**: each row is to sum to 1, so maximum and sum go along axis 1, "
                "with keepdims=True.",
                1,
                softmax_down_columns(guarded=True),
                softmax_down_columns(guarded=False),
            ),
            *alike(
                "one-total",
                "**One sum for the whole array**: each row has a sum of its own (axis=1, keepdims=True).",
                1,
                *(softmax_one_total(axis, guarded) for axis in (None, 1) for guarded in (True, False)),
            ),
            Rival(
                key="masked-row",
                sentence="**Two things. A row of nothing but −Inf comes back as NaN**: its maximum is −Inf, and −Inf − (−Inf) "
                "is NaN; zeros are wanted. **And the sum of the exps is held in float16**: 70,001 ones are more than 65504.",
                oracle=softmax_fp16_total_nan_if_masked,
                hint=3,
            ),
        ),
        hints=(
            "softmax(x) = softmax(x − c) for any c. With c the maximum of the row (axis=1, keepdims=True) every exponent "
            "is ≤ 0 and every exp lies in [0, 1].",
            "Widen once, to float32; exp and sum there; narrow the quotient at the end.",
            "A row of nothing but −Inf has maximum −Inf, and −Inf − (−Inf) is NaN: use 0 as its maximum, and divide by 1 "
            "where the sum is 0.",
        ),
        why="Subtracting the maximum costs one pass and makes overflow impossible in any format. FP32 for the sum is the "
        "other half: a long row's sum passes 65504, or stalls, even when every term is at most 1.",
        follow_up="The maximum needs a pass of its own. How does online softmax get rid of it?",
    ),
    Predict(
        id="01.12",
        title="Adding ones",
        hints=(
            "A running sum stops growing when half the gap at the sum is as large as what you add.",
            "FP16 at 2048: gap 2, half of it 1: the tie goes to the even 2048. BF16 at 256: the same.",
        ),
        why="The gap grows with the sum, what you add does not. At 2^(m+1) adding 1 is a tie, and even wins, for ever.",
        follow_up="Where does adding 0.1 stop in FP16?",
        quantities=(
            Quantity(
                name="ones_fp16",
                value=lambda: float(np.cumsum(np.ones(10_000, np.float16))[-1]),
                because="2048 + 1 lies half way between 2048 and 2050 and rounds to the even 2048.",
                misreads=(
                    Misread(
                        10_000,
                        "exact",
                        "10,000 itself is a number of FP16, but the way there goes through 2048.",
                    ),
                    Misread(65504, "range", "the sum stalls long before it overflows."),
                    Misread(2049, "fence-post", "2049 is the first integer FP16 does not have."),
                ),
            ),
            Quantity(
                name="ones_bf16",
                value=lambda: float(np.cumsum(np.ones(10_000, bfloat16))[-1]),
                because="256 + 1 lies half way between 256 and 258 and rounds to the even 256.",
                misreads=(
                    Misread(10_000, "exact", "the sum stalls where the gap becomes 2."),
                    Misread(2048, "same-as-fp16", "BF16 has 3 fraction bits less: it stalls 8 times earlier."),
                    Misread(257, "fence-post", "257 is the first integer BF16 does not have."),
                ),
            ),
        ),
    ),
    Function(
        id="01.13",
        title="Kahan's sum in FP16",
        minutes=12,
        dots=2,
        size="7 lines",
        answer="kahan_sum",
        signature="kahan_sum(x: float16[n, m]) -> float16[m]",
        inputs=columns,
        oracle=lambda x: x.astype(np.float64).sum(axis=0),
        shapes=(
            {"n": 1, "m": 1},
            {"n": 2, "m": 3},
            {"n": 127, "m": 5},
            {"n": 128, "m": 2, "what": "mixed signs"},
            {"n": 1009, "m": 5, "what": "2048 first, then halves"},
            {"n": 5003, "m": 3},
        ),
        dtype="float16",
        tolerance=Tolerance.of("float16"),
        forbid=(NUMPY, HIDDEN_FP32, PYTHON_FLOATS),
        widest="float16",
        rivals=(
            Rival(
                key="stalls",
                sentence="**A plain running sum**: it stalls where half the gap reaches what you add, at 2048 for ones, at "
                "4096 for anything from 1 to 2. Carry what each addition lost into the next one.",
                oracle=lambda x: compensated(x, 0),
                hint=1,
            ),
            Rival(
                key="lost-from-row",
                sentence="**What was lost is measured against `row`**: `row − lost` is what was added, so the loss is "
                "(new − total) − y. With row the old loss is forgotten at every step.",
                oracle=compensated_by_row,
                hint=2,
            ),
            Rival(
                key="total-moved",
                sentence="**`total` is overwritten before the loss is computed**: new − total is then 0, and all of y seems "
                "to be lost. First lost = (new − total) − y, then total = new.",
                oracle=compensated_late,
                hint=2,
            ),
            *alike(
                "corrects-at-end",
                "**What was lost is gathered and added once, at the end**: the running total stalls all the same, and what "
                "is gathered stalls after it. Take the loss off the next term.",
                2,
                corrected_at_end(False),
                corrected_at_end(True),
            ),
            *alike(
                "blocks",
                "**Running sums of blocks**: better than one, but beside the 2048 in the first row a block of them loses "
                "every half. Kahan's sum and a tree keep those.",
                1,
                *(summed_in_blocks(2**k) for k in range(3, 9)),
            ),
            Rival(
                key="compensation-sign",
                sentence="**What was lost is lost twice**: (new − total) − y is what came out too large; it is taken off the "
                "next term, not added to it.",
                oracle=lambda x: compensated(x, 1),
                hint=2,
            ),
        ),
        hints=(
            "After total + y rounds, what was lost is (new − total) − y: exactly so, as long as |total| ≥ |y|. Keep it in "
            "a second variable and take it off the next term.",
            "Per row: y = row − lost; new = total + y; lost = (new − total) − y; total = new. All four in float16, "
            "`total` and `lost` starting as np.zeros(m, np.float16).",
        ),
        why="Two numbers of 11 bits hold the sum: the total and what it could not hold. The error no longer grows with n, "
        "at four operations per term. A compiler that may reorder floating point (-ffast-math) simplifies `lost` to 0.",
        follow_up="Kahan fails for [1, 1e4, 1, −1e4] in FP16. What does Neumaier's variant change?",
    ),
    Predict(
        id="01.14",
        title="Choosing a loss scale",
        minutes=2,
        hints=(
            "Normal FP16 numbers begin at 2^−14 = 6.1e−5. Below, precision is lost bit by bit.",
            "2^−14 / 1e−9 = 61,035: the next power of two.",
        ),
        why="Scaling by a power of two only adds to the exponent: nothing is rounded. 65536 happens to be where PyTorch's "
        "GradScaler starts.",
        follow_up="Why a power of two, and not 61,035 itself?",
        quantities=(
            Quantity(
                name="loss_scale",
                value=lambda: int(2 ** np.ceil(np.log2(2.0**-14 / 1e-9))),
                because="1e−9 × 65536 = 6.55e−5 is just above 2^−14 = 6.10e−5; with 32768 it would be subnormal.",
                misreads=(
                    Misread(
                        64,
                        "subnormal",
                        "with 64 it is no longer 0, but subnormal, with 1 bit left: 2^−24 is the smallest, 2^−14 the smallest normal.",
                    ),
                    Misread(
                        32,
                        "subnormal",
                        "with 32 it just rounds up to the smallest subnormal: one bit of precision.",
                    ),
                    Misread(
                        61036,
                        "not-a-power",
                        "enough, but a power of two was asked for: it changes the exponent only, so nothing is rounded.",
                    ),
                ),
            ),
        ),
    ),
    Function(
        id="01.15",
        title="A training step with loss scaling",
        minutes=10,
        dots=2,
        size="4 lines",
        answer="scaled_step",
        signature="scaled_step(w: float32[n], g: float16[n], lr: float, scale: float) -> float32[n], float",
        inputs=training_step,
        oracle=stepped,
        shapes=(
            {"n": 1},
            {"n": 5},
            {"n": 5, "what": "g has inf"},
            {"n": 127, "what": "subnormal g"},
            {"n": 128, "what": "g has nan"},
            {"n": 129, "what": "g has -inf"},
            {"n": 131, "what": "large g"},
            {"n": 7, "what": "g has -65504"},
            {"n": 137, "what": "scale 2^24"},
            {"n": 1009},
        ),
        dtype=("float32", ""),
        tolerance=Tolerance.of("float32"),
        rivals=(
            Rival(
                key="unscaled-in-fp16",
                sentence="**The gradient is divided by the scale while still in float16**: it goes straight back to where "
                "FP16 has no precision. Widen to float32 first.",
                oracle=stepped_in_fp16,
                hint=1,
            ),
            *alike(
                "step-in-fp16",
                "**The step is computed in float16**: g is float16, and a Python number beside it does not widen it, so "
                "`lr * g / scale` rounds, overflows and underflows as float16 does. Widen g first.",
                1,
                *(stepped_in_fp16_unless(lambda g: not np.isfinite(g).all(), step) for step in FP16_STEPS),
            ),
            Rival(
                key="not-unscaled",
                sentence="**The scale is never taken off**: the step is `scale` times too long.",
                oracle=stepped_unscaled,
                hint=1,
            ),
            Rival(
                key="zeros-for-inf",
                sentence="**Only the bad elements are left out.** One Inf says that others are damaged too: the whole "
                "step is skipped, for every weight.",
                oracle=stepped_with_zeros,
                hint=2,
            ),
            Rival(
                key="nan-not-skipped",
                sentence="**A NaN in g must skip the step as well**: Inf − Inf somewhere in the backward pass makes one. "
                "`np.isfinite` sees both.",
                oracle=stepped_unless(lambda g: np.isinf(g).any()),
                hint=2,
            ),
            Rival(
                key="positive-inf-only",
                sentence="**−Inf must skip the step as well.** `np.isfinite` sees both signs, and NaN.",
                oracle=stepped_unless(lambda g: np.isnan(g).any() | np.isposinf(g).any()),
                hint=2,
            ),
            Rival(
                key="inf-not-skipped",
                sentence="**An Inf in g must skip the step as well**: it is what an overflow leaves. `np.isfinite` sees "
                "both.",
                oracle=stepped_unless(lambda g: np.isnan(g).any()),
                hint=2,
            ),
            Rival(
                key="never-skips",
                sentence="**The step is taken although g holds an Inf or NaN**: one bad element is enough to skip it, so "
                "`not np.isfinite(g).all()`.",
                oracle=stepped_unless(lambda g: False),
                hint=2,
            ),
            Rival(
                key="skips-too-early",
                sentence="**65504 is taken for an overflow**: it is FP16's largest number, and finite.",
                oracle=stepped_unless(lambda g: (~(np.abs(g) < 65504)).any()),
                hint=2,
            ),
            Rival(
                key="sum-overflows",
                sentence="**The gradients are added up to find an Inf**: in float16 the sum of finite numbers can be Inf "
                "too. `np.isfinite(g).all()` looks at each.",
                oracle=stepped_unless(lambda g: not np.isfinite(g.sum())),
                hint=2,
            ),
            Rival(
                key="scale-grows",
                sentence="**The scale grows after every good step**: here it stays; growing is for the loop around it, "
                "after many.",
                oracle=stepped_growing,
                hint=2,
            ),
            Rival(
                key="uphill",
                sentence="**The step goes uphill**: w − lr · gradient, not plus.",
                oracle=lambda w, g, lr, scale: stepped(w, g, -lr, scale),
                hint=1,
            ),
            Rival(
                key="same-scale",
                sentence="**The scale does not come down after an overflow**: the next step would overflow again.",
                oracle=stepped_same_scale,
                hint=2,
            ),
            *alike(
                "step-in-fp16",
                "**Two things. The step is computed in float16**: g is float16, and a Python number beside it does not "
                "widen it. Widen g first. **And a NaN in g must skip the step as well**: `np.isfinite` sees both.",
                1,
                *(stepped_in_fp16_unless(lambda g: np.isinf(g).any(), step) for step in FP16_STEPS),
            ),
        ),
        hints=(
            "`g` holds scale × gradient in float16. Widen to float32, divide by the scale, and only then multiply by lr.",
            "`np.isfinite(g).all()` decides for the whole tensor. If it is False: return a copy of w, and scale / 2.",
        ),
        why="Underflow is mended by the scale, and the scale's own overflow is detected for free: an Inf or NaN in the "
        "gradients is the signal, a skipped step the price. GradScaler doubles again after 2000 clean steps.",
        follow_up="Where does gradient clipping go: before or after the unscaling? Why does BF16 need none of this?",
    ),
    Predict(
        id="01.16",
        title="A nibble in the fraction",
        minutes=3,
        hints=(
            "0x6400 in FP16 is 1024 = 2^10: the exponent says 2^10 and the fraction is 0. One step of the fraction is "
            "2^10 / 2^10 = 1.",
            "0x4300 in BF16 is 128, a step of the fraction is 1, and the fraction has only 7 bits (0 to 6). 11 << 4 = "
            "0xB0 has its top bit at position 7, the lowest bit of the exponent: 0x43B0 = 2^8 × (1 + 48/128).",
        ),
        why="A float whose gap is 1 holds an integer in its lowest bits. In BF16 the fraction has 7 bits, and a nibble at "
        "bits 4 to 7 does not fit.",
        follow_up="Which base would you use for 8-bit integers and FP32?",
        quantities=(
            Quantity(
                name="low_nibble",
                value=lambda: float(np.uint16(0x6400 | 11).view(np.float16)),
                because="1024 + 11 × 1.",
                misreads=(
                    Misread(11, "no-base", "the base 1024 is still in it: it has to be subtracted."),
                    Misread(0x6400 | 11, "integer", "that is the pattern read as an integer; read it as FP16."),
                ),
            ),
            Quantity(
                name="high_nibble",
                value=lambda: float(np.uint16(0x6400 | 11 << 4).view(np.float16)),
                because="four bits further up each step is 16: 1024 + 16 × 11.",
                misreads=(
                    Misread(
                        1035,
                        "not-shifted",
                        "the nibble now sits at bits 4 to 7: each of its steps is worth 16.",
                    ),
                    Misread(
                        0x6400 | 11 << 4,
                        "integer",
                        "that is the pattern read as an integer; read it as FP16.",
                    ),
                ),
            ),
            Quantity(
                name="high_nibble_bf16",
                value=lambda: float(np.uint16(0x4300 | 11 << 4).view(bfloat16)),
                because="BF16's fraction ends at bit 6: the nibble's top bit is bit 7 of the word, in the exponent: 2^8 × (1 + 48/128).",
                misreads=(
                    Misread(
                        304,
                        "no-spill",
                        "128 + 16 × 11 would need an eighth fraction bit: the nibble's top bit is in the exponent.",
                    ),
                    Misread(176, "dropped-bit", "the top bit is not lost: it doubles the number."),
                ),
            ),
        ),
    ),
    Function(
        id="01.17",
        title="int4 to FP16 without a conversion",
        minutes=20,
        dots=3,
        size="8 lines",
        answer="dequant_fp16",
        signature="dequant_fp16(words: uint32[n]) -> float16[8n]",
        inputs=word_input,
        oracle=int4_values,
        shapes=({"n": 1}, {"what": "every nibble everywhere"}, *sizes(128)[2:5], {"n": 1009}),
        dtype="float16",
        forbid=(NUMPY, NO_CONVERSION),
        rivals=(
            Rival(
                key="sequential-order",
                sentence="**The nibbles are taken in order 0, 1, 2, ...** They are stored as elements 0, 2, 4, 6, 1, 3, 5, "
                "7, so that one mask picks two neighbors.",
                oracle=int4_sequential,
                hint=2,
            ),
            Rival(
                key="unsigned",
                sentence="**n comes out, n − 8 is wanted**: the stored nibble is the weight plus 8. Subtract 1032.",
                oracle=int4_unsigned,
                hint=1,
            ),
            Rival(
                key="twos-complement",
                sentence="**The nibbles are read as two's complement.** They are stored with 8 added: 0 means −8.",
                oracle=int4_two_complement,
                hint=1,
            ),
            Rival(
                key="high-nibble-unscaled",
                sentence="**The upper nibbles come out 16 times too large**: at bits 4 to 7 you get 1024 + 16 n. Multiply "
                "by 1/16 and subtract 72.",
                oracle=int4_high_unscaled,
                hint=3,
            ),
            Rival(
                key="awq-high",
                sentence="**The upper nibbles come out 8 too large**: −64 is AWQ's constant, for unsigned weights; here it "
                "is −72 = −(64 + 8).",
                oracle=int4_awq_high,
                hint=3,
            ),
            Rival(
                key="shift-four",
                sentence="**Shifted by 4 the masks pick nibbles 1, 5 and 2, 6**: two of them a second time. Shift by 8.",
                oracle=int4_elements(0, 4, 1, 5, 1, 5, 2, 6),
                hint=2,
            ),
            Rival(
                key="inverse-order",
                sentence="**The list is read the wrong way round**: nibble i holds element [0, 2, 4, 6, 1, 3, 5, 7][i]; "
                "element e is nibble [0, 4, 1, 5, 2, 6, 3, 7][e].",
                oracle=int4_elements(*ORDER),
                hint=2,
            ),
            Rival(
                key="halves-swapped",
                sentence="**The two halves of each word are swapped**: `.view(np.float16)` gives the lower half first, and "
                "that is where the even element is.",
                oracle=int4_elements(4, 0, 5, 1, 6, 2, 7, 3),
                hint=2,
            ),
            *alike(
                "wraps",
                "**n − 8 wraps around below 0**: the words are uint32, and there 3 − 8 is 4,294,967,291, which float16 stores as Inf. Subtract as "
                "floats: OR the nibble into 0x6400, read the pattern with `.view`, then take 1032 off. (Storing integers in a "
                "float array is a conversion anyway.)",
                1,
                *(int4_wrapped(np.inf, order) for order in (ORDER, list(range(8)))),
            ),
            Rival(
                key="by-pair",
                sentence="**The pairs lie one after the other**: elements 0 and 1 of every word come first, then 2 and 3 "
                "of every word. Group by word: join the (n, 2) pieces along axis 1, then `.ravel()`.",
                oracle=int4_by_pair,
                hint=3,
            ),
            Rival(
                key="base-left",
                sentence="**The base is still in it**: 1024 + n and 1024 + 16 n come out. Subtracting it is the last step.",
                oracle=int4_with_base,
                hint=1,
            ),
        ),
        hints=(
            "`(word & 0x000F000F) | 0x64006400` is two FP16 numbers 1024 + n, side by side. Read them with "
            "`.view(np.float16)` and subtract 1032 = 1024 + 8.",
            "That mask picks nibbles 0 and 4: elements 0 and 1. The mask 0x00F000F0 picks nibbles 1 and 5, elements 2 "
            "and 3, as 1024 + 16 n. Shift the word right by 8, and the same two masks give elements 4 to 7.",
            "1024 + 16 n times 1/16, minus 72, is n − 8. `pair.view(np.float16).reshape(-1, 2)` gives shape (n, 2); four "
            "of them side by side, `np.concatenate([...], axis=1).ravel()`, are the answer.",
        ),
        why="An OR instead of a conversion, one subtract or FMA for two elements, one shift for all eight: 4 + 1 + 2 + 2 = "
        "9 instructions in FasterTransformer's interleaved_numeric_conversion.h.",
        follow_up="Weights with a zero-point z instead of the fixed 8: which constants change, and what can you fold away?",
    ),
    Function(
        id="01.18",
        title="The same for BF16",
        minutes=8,
        dots=2,
        size="6 lines",
        answer="dequant_bf16",
        signature="dequant_bf16(words: uint32[n]) -> bfloat16[8n]",
        inputs=word_input,
        oracle=int4_values,
        shapes=({"n": 1}, {"what": "every nibble everywhere"}, *sizes(128)[2:5], {"n": 1009}),
        dtype="bfloat16",
        forbid=(NUMPY, NO_CONVERSION),
        rivals=(
            Rival(
                key="spilled",
                sentence="**The upper nibbles spill into the exponent**: from 8 on their top bit lands in bit 7, which in "
                "BF16 belongs to the exponent. Shift before you mask.",
                oracle=int4_bf16_spilled,
                hint=1,
            ),
            Rival(
                key="sequential-order",
                sentence="**The nibbles are taken in order 0, 1, 2, ...** They are stored as elements 0, 2, 4, 6, 1, 3, 5, 7.",
                oracle=int4_sequential,
                hint=2,
            ),
            Rival(
                key="unsigned",
                sentence="**n comes out, n − 8 is wanted**: subtract 136 = 128 + 8.",
                oracle=int4_unsigned,
                hint=1,
            ),
            Rival(
                key="shift-16",
                sentence="**The last shift is 16, it should be 12**: after 16 the nibbles 4 and 8 are picked, and there is "
                "no nibble 8.",
                oracle=int4_elements(0, 4, 1, 5, 2, 6, 4, None),
                hint=2,
            ),
            *alike(
                "wraps",
                "**n − 8 wraps around below 0**: the words are uint32, and there 3 − 8 is 4,294,967,291. Subtract as "
                "floats: OR the nibble into 0x4300, read the pattern with `.view`, then take 136 off. (Storing integers in a "
                "float array is a conversion anyway.)",
                1,
                *(int4_wrapped(2.0**32, order) for order in (ORDER, list(range(8)))),
            ),
            Rival(
                key="by-pair",
                sentence="**The pairs lie one after the other**: elements 0 and 1 of every word come first, then 2 and 3 "
                "of every word. Group by word: join the (n, 2) pieces along axis 1, then `.ravel()`.",
                oracle=int4_by_pair,
                hint=2,
            ),
            Rival(
                key="fp16-base",
                sentence="**0x6400 is FP16's base**: read as BF16 it is about 9.4e21, with a gap far above 1. BF16's base "
                "is 0x4300 = 128.",
                oracle=int4_fp16_base,
                hint=1,
            ),
        ),
        hints=(
            "Only one mask works here, 0x000F000F, with 0x43004300 (two times 128.0). Subtract 136 = 128 + 8.",
            "Shift the word right by 0, 4, 8 and 12: the same mask then picks elements 0 and 1, 2 and 3, 4 and 5, 6 and 7.",
        ),
        why="BF16's fraction has 7 bits; a nibble above the lowest four does not fit, so every pair is shifted down first: "
        "4 + 3 + 4 = 11 instructions for eight elements against FP16's 9.",
        follow_up="Would base 0x4380 (256.0) help? What is the gap there?",
    ),
    Kernel(
        id="01.19",
        title="int4 to FP16 as a Triton kernel",
        minutes=15,
        dots=3,
        size="6 lines",
        answer="dequant",
        signature="dequant(words: int32[n], out: float16[8n])",
        inputs=int4_tensors,
        oracle=on_tensors(int4_values),
        shapes=({"n": 1}, {"what": "every nibble everywhere"}, *sizes(128)[2:5], {"n": 2053}),
        dtype="float16",
        outputs=("out",),
        block=(1024, 128),
        traffic=1.05,
        rivals=(
            Rival(
                key="sequential-order",
                sentence="**The nibbles are taken in order 0, 1, 2, ...** Element e is nibble e // 2 + 4 (e % 2).",
                oracle=on_tensors(int4_sequential),
                hint=2,
            ),
            Rival(
                key="unsigned",
                sentence="**n comes out, n − 8 is wanted**: subtract 1032 = 1024 + 8.",
                oracle=on_tensors(int4_unsigned),
                hint=1,
            ),
            Rival(
                key="twos-complement",
                sentence="**The nibbles are read as two's complement.** They are stored with 8 added: 0 means −8.",
                oracle=on_tensors(int4_two_complement),
                hint=1,
            ),
            Rival(
                key="precedence",
                sentence="**Only every other nibble is right**: in Python `4 * e % 2` is (4·e) % 2, which is 0. Write "
                "`4 * (e % 2)`.",
                oracle=on_tensors(int4_elements(0, 0, 1, 1, 2, 2, 3, 3)),
                hint=2,
            ),
            *alike(
                "shift-in-nibbles",
                "**The shift counts nibbles, `>>` counts bits**: nibble i begins at bit 4·i.",
                2,
                on_tensors(int4_from_bits(*(e // 2 + 4 * (e % 2) for e in range(8)))),
                on_tensors(int4_from_bits(*range(8))),
            ),
            Rival(
                key="no-mask",
                sentence="**The higher nibbles are still in the pattern**: after the shift, `& 0xF` keeps one.",
                oracle=on_tensors(int4_unmasked),
                hint=2,
            ),
            Rival(
                key="words-too-close",
                sentence="**The words are stored on top of each other**: word w has eight elements, from out + 8 * w on.",
                oracle=on_tensors(int4_one_apart),
                hint=3,
            ),
            Rival(
                key="mask-in-words",
                sentence="**The store's mask counts words, its tile has elements**: only the first n of the 8n elements "
                "are written. The mask is w < n for all 8 elements of a word.",
                oracle=on_tensors(int4_first_eighth),
                hint=3,
            ),
            Rival(
                key="converted",
                sentence="**The pattern is converted, not read**: `.to(tl.float16)` makes the integer 25,600 + n a float, and "
                "FP16's gap there is 16. Read the bits: `.to(tl.int16).to(tl.float16, bitcast=True)`.",
                oracle=on_tensors(int4_converted),
                hint=1,
            ),
        ),
        hints=(
            "One program takes BLOCK words and makes a tile of [BLOCK, 8] elements: `word[:, None] >> shift[None, :]`. "
            "(nibble | 0x6400) as int16, read as float16: `.to(tl.int16).to(tl.float16, bitcast=True)`.",
            "Element e (0 to 7) is nibble e // 2 + 4 * (e % 2), so shift = 4 * that. An int32 shifts its sign in from the "
            "left: `& 15` afterwards takes care of it.",
            "Element e of word w goes to out + 8 * w + e. The mask of loads and stores is w < n (for the tile: "
            "`[:, None]`). Subtract 1032.0 as the last step.",
        ),
        why="The word is read once and stays in a register; the bit cast costs nothing; the only arithmetic is one OR and "
        "one subtract per element. In a W4A16 GEMM this sits between the load of B and the tensor core.",
        follow_up="Here each element is masked on its own. How would you make two at a time, as the hardware's `half2` does?",
    ),
    Predict(
        id="01.20",
        title="Where the codes are",
        minutes=3,
        hints=(
            "INT8 with amax at 127: the inner sixteenth is |q| ≤ 127/16 = 7.9. E4M3 with amax at 448: |value| ≤ 28.",
            "28 = 1.75 × 2^4: exponent 4 + 7 = 11, fraction 6: code 11 × 8 + 6 = 94. Codes 0 to 94, twice, less one zero.",
        ),
        why="A float's codes are spread evenly over the octaves, an integer's over the range. Four octaves below the top, a "
        "float still has most of its codes left; that is what survives an outlier.",
        follow_up="And within the top octave, [amax/2, amax]: who has more codes there?",
        quantities=(
            Quantity(
                name="inner_int8",
                value=lambda: int((np.abs(np.arange(-127, 128)) <= 127 / 16).sum()),
                because="−7 to 7: an integer's codes are spread evenly over the range.",
                misreads=(
                    Misread(16, "fence-post", "−7 to 7 are 15 values: 127/16 is 7.9, not 8."),
                    Misread(17, "fence-post", "−7 to 7 are 15 values: 8 is above 127/16 = 7.9."),
                    Misread(14, "no-zero", "0 is a value too."),
                    Misread(8, "one-sided", "both signs count: those are 0 to 7."),
                    Misread(7, "one-sided", "both signs count, and 0: those are 1 to 7."),
                ),
            ),
            Quantity(
                name="inner_e4m3",
                value=lambda: len({v for v in fp8_values(np.arange(256, dtype=np.uint8)).tolist() if abs(v) <= 28}),
                because="codes 0 to 94 of either sign, one zero: three quarters of all codes are in the inner sixteenth.",
                misreads=(
                    Misread(
                        15,
                        "like-int8",
                        "that is INT8; a float spends as many codes on [14, 28] as on [224, 448].",
                    ),
                    Misread(16, "like-int8", "a sixteenth of the codes would be an integer's way."),
                    Misread(8, "like-int8", "that is INT8, and of one sign."),
                    Misread(7, "like-int8", "that is INT8, and of one sign, without 0."),
                    Misread(95, "one-sided", "both signs count: those are codes 0 to 94."),
                    Misread(94, "one-sided", "both signs count, and 0: those are codes 1 to 94."),
                    Misread(188, "no-zero", "0 is a value too."),
                    Misread(190, "two-zeros", "+0 and −0 are one value."),
                ),
            ),
        ),
    ),
    Function(
        id="01.21",
        title="FP8 with one scale per tensor",
        minutes=10,
        dots=2,
        size="4 lines",
        answer="quantize_fp8",
        signature="quantize_fp8(x: float32[m, n], amax: float) -> uint8[m, n], float",
        inputs=fp8_input,
        oracle=quantized,
        shapes=(
            {"m": 1, "n": 1},
            {"m": 3, "n": 5},
            {"m": 2, "n": 3, "what": "zeros"},
            {"m": 3, "n": 7, "what": "special"},
            {"m": 2, "n": 127, "what": "stale amax"},
            {"m": 2, "n": 5, "what": "amax 0, x not"},
            {"m": 3, "n": 43, "what": "near ties"},
            {"m": 13, "n": 101},
            {"m": 8, "n": 128, "what": "stale amax"},
        ),
        dtype=("uint8", ""),
        tolerance=Tolerance(1e-6),
        rivals=(
            Rival(
                key="inf-to-nan",
                sentence="**Inf becomes NaN**: the card wants ±Inf clamped like everything that is too large.",
                oracle=quantized_with(lambda x, codes: np.where(np.isinf(x), codes | 0x7F, codes)),
                hint=2,
            ),
            Rival(
                key="no-clamp",
                sentence="**What is larger than amax becomes NaN.** E4M3 has no infinity and this cast does not saturate: "
                "clamp to ±448 first.",
                oracle=lambda x, amax: quantized(x, amax, clamp=False),
                hint=2,
            ),
            Rival(
                key="zero-scale",
                sentence="**A tensor of zeros becomes NaN**: amax is 0, and 0/0 is NaN. Its scale is to be 1.0.",
                oracle=quantized_zero_scale,
                hint=1,
            ),
            Rival(
                key="reciprocal",
                sentence="**The scale is upside down**: x ≈ code × scale, so scale = amax / 448.",
                oracle=quantized_reciprocal,
                hint=1,
            ),
            Rival(
                key="ieee-range",
                sentence="**amax is mapped to 240**, the largest of IEEE-style E4M3 (and of AMD's FNUZ). Here it is 448.",
                oracle=lambda x, amax: quantized(x, amax, top=240, kind=np.float32),
                hint=1,
            ),
            *alike(
                "own-amax",
                "**The amax argument is ignored**: amax is computed from x. The card's warning is meant: the scale "
                "must come from the argument, even when x has outgrown it, for no pass over x has been paid for.",
                1,
                *(
                    quantized_by_own_amax(own, clamp, otherwise)
                    for clamp in (True, False)
                    for own, otherwise in (
                        (lambda size: size[np.isfinite(size)].max(), 1.0),
                        (np.max, 1.0),
                        (np.max, np.nan),
                        (np.nanmax, 1.0),
                    )
                ),
            ),
            Rival(
                key="clamps-x",
                sentence="**x is clamped to ±amax**: with amax 0 nothing is left of it. Clamp x / scale to ±448.",
                oracle=quantized_clamping_x,
                hint=2,
            ),
            *alike(
                "converted",
                "**The numbers are converted to integers, not read as patterns**: `.astype(np.uint8)` makes 3 of 3.25; "
                "`.view(np.uint8)` gives its code, 0x45.",
                2,
                quantized_converted(through_e4m3=True),
                quantized_converted(through_e4m3=False),
            ),
            *alike(
                "nan-lost",
                "**A NaN becomes a number**: a NaN that is hidden here is never found. `np.clip` keeps it; `np.nan_to_num`, "
                "`np.fmin` and `np.fmax` do not.",
                2,
                *(
                    quantized_with(lambda x, codes, code=code: np.where(np.isnan(x), np.uint8(code), codes))
                    for code in (0x00, 0x7E, 0xFE)
                ),
            ),
            Rival(
                key="e5m2",
                sentence="**The codes are E5M2's**: `float8_e5m2` has two fraction bits; E4M3 is `float8_e4m3fn`.",
                oracle=quantized_through(ml_dtypes.float8_e5m2),
                hint=2,
            ),
            Rival(
                key="double-rounding",
                sentence="**It is rounded twice**: float16 first, and what float16 rounds onto a tie then goes the wrong "
                "way. Cast float32 to E4M3 in one step.",
                oracle=quantized_through(np.float16),
                hint=2,
            ),
            Rival(
                key="multiplies",
                sentence="**x is multiplied by the scale**: x ≈ code × scale, so the code comes from x / scale.",
                oracle=quantized_multiplied,
                hint=1,
            ),
        ),
        hints=(
            "scale = amax / 448 (1.0 if amax is 0), code = E4M3 of x / scale: the tensor's largest value lands on E4M3's.",
            "`np.clip(x / np.float32(scale), -448, 448)` keeps NaN and mends everything else, Inf included. Then "
            "`.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)`.",
        ),
        why="One factor per tensor puts its values on the whole range of the format. The clamp is what makes a stale amax (delayed "
        "scaling) cost a little accuracy instead of a NaN.",
        follow_up="Why does delayed scaling (an amax from earlier steps) save a whole pass over the tensor?",
    ),
    Predict(
        id="01.22",
        title="What four bits really cost",
        minutes=2,
        hints=(
            "The scale's bits are shared by the block: MXFP4 has 8 bits for 32 elements, NVFP4 8 bits for 16.",
            "4 + 8/32 and 4 + 8/16. (NVFP4's one float32 per tensor does not count.)",
        ),
        why="Half the block, twice the overhead: the trade between a scale's cost and how far an outlier's damage reaches.",
        follow_up="INT4 with groups of 128 and an FP16 scale: how many bits? And with a 4-bit zero-point?",
        quantities=(
            Quantity(
                name="mxfp4_bits",
                value=4 + 8 / 32,
                unit="bits",
                because="4 + 8/32: one E8M0 scale for 32 elements.",
                misreads=(
                    Misread(4, "no-scale", "the block's scale has to be stored too."),
                    Misread(5, "scale-of-32", "8 bits over 32 elements are a quarter of a bit each, not one."),
                    Misread(4.5, "nvfp4", "that is a block of 16."),
                ),
            ),
            Quantity(
                name="nvfp4_bits",
                value=4 + 8 / 16,
                unit="bits",
                because="4 + 8/16: one E4M3 scale for 16 elements.",
                misreads=(
                    Misread(4, "no-scale", "the block's scale has to be stored too."),
                    Misread(4.25, "mxfp4", "NVFP4's block is 16, not 32."),
                ),
            ),
        ),
    ),
    Predict(
        id="01.23",
        title="FP16 against BF16 on tensor cores",
        hints=(
            "H100's datasheet gives one figure for both. RTX 4090's gives two for FP16, by the accumulator.",
            "On a 4090 FP16 products can be accumulated in FP16 (330.3 TFLOP/s) or FP32 (165.2); BF16 only in FP32.",
        ),
        why="The multiplier array costs the same for both; what GeForce sells at half rate is the FP32 accumulator, and only "
        "FP16 can do without it.",
        follow_up="So why are inference checkpoints often FP16? (In which format were they trained?)",
        quantities=(
            Quantity(
                name="on_h100",
                value="about equal",
                choices=("FP16 twice as fast", "about equal", "BF16 twice as fast"),
                because="measured on one H100 80GB HBM3 with cuBLAS at n = 2048, 4096, 8192: FP16 at 0.95 to 0.99 of BF16's rate.",
            ),
            Quantity(
                name="on_4090",
                value="FP16 twice as fast",
                choices=("FP16 twice as fast", "about equal", "BF16 twice as fast"),
                because="330.3 TFLOP/s with FP16 accumulate against 165.2 for BF16, which has FP32 accumulate only.",
            ),
        ),
    ),
    Kernel(
        id="01.24",
        title="Boss: MXFP4 in one pass",
        minutes=30,
        dots=3,
        size="12 lines",
        answer="mxfp4",
        signature="mxfp4(x: float32[m, n], codes: uint8[m, n // 2], scales: uint8[m, n // 32])",
        inputs=mx_input,
        oracle=mx_quantized,
        shapes=(
            {"m": 1, "n": 32},
            {"m": 2, "n": 64, "what": "ties"},
            {"m": 3, "n": 64, "what": "zeros"},
            {"m": 15, "n": 32},
            {"m": 4, "n": 128},
            {"m": 17, "n": 32},
            {"m": 11, "n": 96},
            {"m": 5, "n": 224, "what": "wide"},
            {"m": 3, "n": 96, "what": "amax just below 2^k"},
            {"m": 4, "n": 64, "what": "tiny and huge"},
            {"m": 261, "n": 32},
        ),
        dtype=("uint8", "uint8"),
        outputs=("scales", "codes"),  # scales first: a wrong one makes its block's codes wrong as well
        block=(16, 32),
        traffic=1.05,
        seconds=20.0,
        rivals=(
            Rival(
                key="not-scaled-to-six",
                sentence="**Scaled to 1 instead of to the top octave**: E2M1's largest exponent is 2 (6 = 1.5 × 2²), so the "
                "scale is 2^(floor(log2 amax) − 2).",
                oracle=mx_with(shift=0),
                hint=1,
            ),
            Rival(
                key="amax-signed",
                sentence="**amax is the largest x, not the largest |x|**: a block whose largest element is negative is scaled "
                "too little.",
                oracle=mx_with(largest=lambda blocks: blocks.max(axis=1, keepdims=True)),
                hint=3,
            ),
            *alike(
                "half-a-block",
                "**amax is taken over half of the block**: both tiles count, the even elements and the odd ones.",
                3,
                *(mx_with(largest=lambda b, i=i: np.abs(b[:, i::2]).max(axis=1, keepdims=True)) for i in (0, 1)),
            ),
            *alike(
                "log2-not-floored",
                "**The exponent of amax is rounded, not floored**: the rule is ⌊log₂ amax⌋, and log2 in float32 of a number "
                "just below 2^k is k. The exponent field of amax's bits is exact.",
                1,
                mx_with(log2=lambda amax: np.ceil(np.log2(np.where(amax > 0, amax, 1)))),
                mx_with(log2=lambda amax: np.rint(np.log2(np.where(amax > 0, amax, 1)))),
                mx_with(log2=lambda amax: np.floor(np.log2(np.where(amax > 0, amax, 1).astype(np.float32)))),
            ),
            Rival(
                key="never-saturates",
                sentence="**That is another rule: ⌈log₂(amax / 6)⌉**, the smallest scale at which nothing saturates. OCP's "
                "is ⌊log₂ amax⌋ − 2: amax lands in [4, 8), and what is above 6 saturates.",
                oracle=mx_with(log2=lambda amax: np.ceil(np.log2(np.where(amax > 0, amax, 1) / 6)), shift=0),
                hint=1,
            ),
            *alike(
                "pairs-one-apart",
                "**Pair p is read from x + p on**: its elements are 2p and 2p + 1, so x + 2 * pair.",
                3,
                mx_with(order=one_apart(1)),
                mx_with(order=one_apart(16)),
            ),
            Rival(
                key="halves-packed",
                sentence="**A byte holds elements j and j + 16 of its block**: it should hold the neighbors 2j and 2j + 1.",
                oracle=mx_with(order=halves),
                hint=3,
            ),
            Rival(
                key="no-e8m0-bias",
                sentence="**The scale's code is the exponent without 127**: E8M0 stores exponent + 127, so 2^0 is 127.",
                oracle=mx_with(bias=0),
                hint=1,
            ),
            Rival(
                key="scale-code-below-0",
                sentence="**The scale's code falls below 0 for a tiny amax, or a block of zeros**: the exponent field minus 2 "
                "is then −2 or −1, 254 or 255 as a byte. Clamp it at 0.",
                oracle=mx_unclamped,
                hint=1,
            ),
            Rival(
                key="swapped-nibbles",
                sentence="**The two elements of a byte are swapped**: the even element goes into the lower four bits.",
                oracle=mx_with(swap=True),
                hint=3,
            ),
            *alike(
                "ties",
                "**Only ties differ**: half way between two codes the even one wins. Compare with > where the lower code is "
                "even and with ≥ where it is odd.",
                2,
                mx_with(up="1111111"),
                mx_with(up="......."),
                *(mx_with(up=".1.1.1."[:i] + "1."[i % 2] + ".1.1.1."[i + 1 :]) for i in range(7)),
            ),
            Rival(
                key="sign-lost",
                sentence="**The sign is lost**: bit 3 of each nibble is the sign of x.",
                oracle=mx_with(signed=False),
                hint=3,
            ),
            Rival(
                key="zero-sign",
                sentence="**−0 loses its sign**: `x < 0` is False for −0.0, and for what has become 0. Take the sign bit.",
                oracle=mx_zero_sign,
                hint=3,
            ),
        ),
        hints=(
            "The scale from the bits: for a float32 a > 0, (a's pattern >> 23) is 127 + floor(log2 a). So the E8M0 code is "
            "that minus 2, at least 0, and the float 2^−(code − 127) has the pattern (254 − code) << 23.",
            "E2M1 by counting: the code of |y| is how many of the seven midpoints 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5 it "
            "passes. A tie must reach the even code: > 0.25, ≥ 0.75, > 1.25, ≥ 1.75, > 2.5, ≥ 3.5, > 5. Saturation is free.",
            "Load even and odd elements as two tiles [B, 16] (x + 2·pair and x + 2·pair + 1): each is read once, amax is the "
            "maximum over both, and the byte is even | (odd << 4). The sign is `(pattern >> 28) & 8`.",
        ),
        why="A power-of-two scale needs no division: it is read off amax's exponent and put back as an exponent. Read once, "
        "write once: x is 32 bits in, 4.25 bits out, so the reading is 88 % of the traffic.",
        follow_up="NVFP4 wants an E4M3 scale for every 16 elements and one FP32 scale per tensor. Why does that second level cost a "
        "pass over the tensor, and who pays it?",
    ),
]
