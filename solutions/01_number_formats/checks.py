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
    with np.errstate(invalid="ignore"):  # NumPy warns of every signalling NaN it casts
        return raw.astype(np.float32).astype(np.float64) if kind.itemsize < 4 else raw.astype(np.float64)


# --- 01.1 to 01.4: reading bit patterns -------------------------------------------------------------------


def patterns(rng: np.random.Generator, E: int, M: int, what: str) -> tuple[np.ndarray, int, int]:
    width = 1 + E + M
    if what == "all":
        return rng.permutation(2**width).astype(np.uint32), E, M
    if what == "special":
        top, one = (2**E - 1) << M, 1 << (width - 1)
        inside = [0, 1, 2**M - 1, 2**M, top - 1, top, top + 1, top + 2**M - 1]
        return np.array(inside + [one | code for code in inside], np.uint32), E, M
    return rng.integers(0, 2**width, int(what), dtype=np.uint32), E, M


def decoded(bits: np.ndarray, E: int, M: int) -> np.ndarray:
    return values_of(bits, IEEE[E, M])


def decoded_wrongly(hidden: bool = True, special: bool = True, subnormal: bool = True, bias: int = 0):
    """decode with one rule of the format left out, as an oracle."""

    def oracle(bits: np.ndarray, E: int, M: int) -> np.ndarray:
        code = bits.astype(np.int64)
        sign = 1.0 - 2.0 * (code >> (E + M) & 1)
        exponent, fraction = code >> M & (2**E - 1), (code & (2**M - 1)) / 2**M
        power = exponent - (2 ** (E - 1) - 1) + bias
        normal = np.ldexp(hidden + fraction, power)
        small = np.ldexp(fraction, power + 1) if subnormal else normal
        size = np.where(exponent == 0, small, normal)
        if special:
            size = np.where(exponent == 2**E - 1, np.where(fraction == 0, np.inf, np.nan), size)
        return sign * size

    return oracle


def fp8_codes(rng: np.random.Generator, n: int) -> tuple[np.ndarray]:
    return (rng.permutation(256)[:n].astype(np.uint8),)


def special_codes(rng: np.random.Generator, n: int = 0, what: str = "") -> tuple[np.ndarray]:
    if what == "edges":
        edges = [0x00, 0x01, 0x07, 0x08, 0x38, 0x77, 0x78, 0x7E, 0x7F]
        return (np.array(edges + [0x80 | code for code in edges], np.uint8),)
    return fp8_codes(rng, n)


def fp8_values(bits: np.ndarray) -> np.ndarray:
    return values_of(bits, np.dtype(e4m3))


def fp8_as(kind: type):
    return lambda bits: values_of(bits, np.dtype(kind))


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


def numbers(rng: np.random.Generator, E: int, M: int, what: str, saturate: bool = False) -> tuple:
    rungs = ladder(E, M)
    if what == "ties":
        at = rng.permutation(len(rungs) - 1)[:500]
        x = (rungs[at] + rungs[at + 1]) / 2
    elif what == "near ties":
        at = rng.permutation(len(rungs) - 1)[:500]
        middle = ((rungs[at] + rungs[at + 1]) / 2).astype(np.float32)
        x = np.nextafter(middle, np.where(rng.random(len(at)) < 0.5, np.inf, 0).astype(np.float32))
    elif what == "exact":
        x = rungs[:-1]
    elif what == "edges":
        end = np.float32((rungs[-2] + rungs[-1]) / 2)
        x = [0.0, rungs[1], rungs[1] / 2, rungs[-2], np.nextafter(end, np.float32(0)), end, 3e38, np.inf]
    else:
        x = spread(rng, int(what)) * 2.0 ** rng.integers(-6, 3, int(what))
    x = np.asarray(x, np.float32)
    x = np.concatenate([x, -x]) if what in ("edges", "exact") else x * rng.choice([-1, 1], len(x))
    return np.append(np.nan, x).astype(np.float32) if what == "edges" else x.astype(np.float32), E, M, saturate


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
    return (code | np.signbit(x) * (1 << (E + M))).astype(np.uint32)


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


# --- 01.8, 01.9: float32 to bfloat16 ----------------------------------------------------------------------

NANS = [0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF, 0x7F80FFFF, 0x7FFF8000]
EDGES = [0, 0x80000000, 0x7F800000, 0xFF800000, 0x00000001, 0x00008000, 0x00008001, 0x7F7F7FFF, 0x7F7F8000, 0xFF7FFFFF]


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
    with np.errstate(invalid="ignore"):  # NumPy warns of every signalling NaN it casts
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


def float_and_noise(rng: np.random.Generator, **shape) -> tuple[np.ndarray, np.ndarray]:
    x = floats(rng, **shape)
    noise = rng.integers(0, 1 << 16, len(x)).astype(np.uint16)
    low = (x.view(np.uint32) & 0xFFFF).astype(np.int64)
    edge = np.arange(len(x)) % 3  # just enough, one too little, or any noise
    noise = np.where(edge == 0, (65536 - low) & 0xFFFF, np.where(edge == 1, 65535 - low, noise))
    return x, noise.astype(np.uint16)


def stochastic(x: np.ndarray, r: np.ndarray, up=lambda low, r: low + r > 0xFFFF) -> np.ndarray:
    low = (x.view(np.uint32) & 0xFFFF).astype(np.int64)
    moved = cut(x).astype(np.int64) + up(low, r.astype(np.int64))
    return np.where(np.isnan(x), to_bf16_bits(x), moved).astype(np.uint16)


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


def softmax_without_max(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        e = np.exp(x)
        return (e / e.sum(axis=1, keepdims=True, dtype=np.float32)).astype(np.float16)


def softmax_nan_if_masked(x: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(x).all(axis=1, keepdims=True), np.nan, softmax(x))


def softmax_fp16_total(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.astype(np.float32) - x.max(axis=1, keepdims=True).astype(np.float32))
    return e / e.sum(axis=1, keepdims=True).astype(np.float16)


def softmax_down_columns(x: np.ndarray) -> np.ndarray:
    return softmax(x.T).T


# --- 01.13: sums ------------------------------------------------------------------------------------------


def columns(rng: np.random.Generator, n: int, m: int, what: str = "") -> tuple[np.ndarray]:
    x = ((1 + spread(rng, (n, m)) / 16) * (1 + np.arange(m) / 4)).astype(np.float16)
    if what == "large first":
        x[0] = 2048
    if what == "mixed signs":
        x[1::2] = -x[1::2] / 2
    return (x,)


def compensated(x: np.ndarray, sign: float) -> np.ndarray:
    """A float16 sum that adds `sign` times what was lost: 0 stalls, +1 makes it worse."""
    total, lost = np.zeros((2, x.shape[1]), np.float16)
    for row in x:
        y = row + np.float16(sign) * lost
        new = total + y
        total, lost = new, (new - total) - y
    return total


# --- 01.15: loss scaling ----------------------------------------------------------------------------------


def training_step(rng: np.random.Generator, n: int, what: str = "") -> tuple:
    w = spread(rng, n) * 1e-3
    scale = float(2.0 ** rng.integers(12, 16))
    g = (spread(rng, n) * 1e-6 * scale).astype(np.float16)
    if what == "Inf":
        g[int(rng.integers(n))] = np.inf
    if what == "NaN":
        g[int(rng.integers(n))] = np.nan
    return w, g, 0.25, scale


def stepped(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    wide = g.astype(np.float64)
    if not np.isfinite(wide).all():
        return w.astype(np.float64), scale / 2
    return w.astype(np.float64) - lr * wide / scale, scale


def stepped_in_fp16(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    if not np.isfinite(g).all():
        return w, scale / 2
    return w - np.float32(lr) * (g / np.float16(scale)).astype(np.float32), scale


def stepped_unscaled(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    _, scale_new = stepped(w, g, lr, scale)
    return (w if scale_new != scale else w - lr * g.astype(np.float64)), scale_new


def stepped_with_zeros(w: np.ndarray, g: np.ndarray, lr: float, scale: float) -> tuple[np.ndarray, float]:
    good = np.where(np.isfinite(g), g, 0).astype(np.float64)
    return w - lr * good / scale, scale if np.isfinite(g).all() else scale / 2


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
    finite = np.arange(0x7F)
    at = np.resize(rng.permutation(finite[1:-1]), (m, n))
    rungs = values_of(finite, np.dtype(e4m3))
    y = rungs[at] + rng.uniform(-0.45, 0.45, (m, n)) * np.minimum(rungs[at] - rungs[at - 1], rungs[at + 1] - rungs[at])
    amax = float(np.float32(10 ** rng.uniform(-3, 2)))
    y = y * rng.choice([-1, 1], (m, n))
    if what == "stale amax":
        y.ravel()[:: max(3, m * n // 9)] *= 40
    x = (y * (amax / 448)).astype(np.float32)
    if what == "special":
        x.ravel()[:5] = [np.inf, -np.inf, np.nan, 0.0, amax]
    return x, amax


def quantized(x: np.ndarray, amax: float, top: float = 448, clamp: bool = True) -> tuple[np.ndarray, float]:
    scale = amax / top if amax > 0 else 1.0
    y = x.astype(np.float64) / scale
    y = np.clip(y, -top, top) if clamp else y
    return y.astype(np.float32).astype(e4m3).view(np.uint8), scale


def quantized_reciprocal(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    codes, scale = quantized(x, amax)
    return codes, 1 / scale


def quantized_zero_scale(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    return (x / np.float32(amax)).astype(e4m3).view(np.uint8), amax / 448


def quantized_by_own_amax(x: np.ndarray, amax: float) -> tuple[np.ndarray, float]:
    finite = x[np.isfinite(x)]
    return quantized(x, float(np.abs(finite).max()))


# --- 01.24: MXFP4 -----------------------------------------------------------------------------------------


def mx_input(rng: np.random.Generator, m: int, n: int, what: str = "") -> tuple:
    x = spread(rng, (m, n)) * np.exp2(rng.integers(-12, 9, (m, n // 32))).repeat(32, axis=1)
    blocks = x.reshape(-1, 32)
    blocks[np.arange(len(blocks)), rng.integers(0, 32, len(blocks))] *= 8  # one large element, in any place
    if what == "ties":
        y = rng.choice([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 5.5, 7.9], (m, n)) * rng.choice([-1, 1], (m, n))
        y[:, ::32] = 6
        x = y * np.exp2(rng.integers(-9, 9, (m, n // 32))).repeat(32, axis=1)
    elif what == "zeros":
        x[:, :32] = 0
    elif what == "wide":
        x = spread(rng, (m, n)) * np.exp2(rng.integers(-90, 90, (m, n // 32))).repeat(32, axis=1)
    x = torch.from_numpy(x.astype(np.float32))
    return x, torch.zeros(m, n // 2, dtype=torch.uint8), torch.zeros(m, n // 32, dtype=torch.uint8)


def mx_quantized(
    x: torch.Tensor,
    codes: torch.Tensor,
    scales: torch.Tensor,
    shift: int = 2,
    swap: bool = False,
    pick: str = "",
    signed: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    wide = x.cpu().numpy().astype(np.float64)
    blocks = wide.reshape(-1, 32)
    amax = np.abs(blocks).max(axis=1, keepdims=True)
    power = np.where(amax > 0, np.frexp(amax)[1] - 1 - shift, -127).clip(-127, 127)
    y = np.ldexp(blocks, -power).clip(-6, 6)
    if pick == "half up":
        grid = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
        up = np.searchsorted((grid[1:] + grid[:-1]) / 2, np.abs(y), side="right")
        y = np.copysign(grid[up], y)
    nibble = y.astype(np.float32).astype(ml_dtypes.float4_e2m1fn).view(np.uint8)
    nibble = nibble if signed else nibble & 7
    even, odd = nibble[:, 0::2], nibble[:, 1::2]
    packed = even << 4 | odd if swap else odd << 4 | even
    return packed.reshape(tuple(codes.shape)), (power + 127).astype(np.uint8).reshape(tuple(scales.shape))


# --- what is asked ----------------------------------------------------------------------------------------

NO_TABLES = Forbid(
    names=("ml_dtypes", "torch", "struct", ".view", "numpy.float16", "numpy.frombuffer"),
    because="The point is to read the three fields yourself: shifts, masks and a power of two.",
)
NO_LIBRARY_ROUNDING = Forbid(
    names=("ml_dtypes", "torch", "struct", "numpy.float16"),
    because="A library cast does the rounding for you. Integer arithmetic on `x.view(np.uint32)` is enough.",
)
NO_CONVERSION = Forbid(
    names=(
        ".astype", "float", "numpy.float16()", "numpy.float32", "numpy.float64", "numpy.array", "numpy.asarray", "torch",
    ),
    because="No integer may be converted to a float: that is the slow instruction this trick avoids. Allowed: `&`, "
    "`|`, `>>`, `.view(...)`, and one subtract or multiply-add with plain Python numbers on the result.",
)  # fmt: skip
ONLY_FP16 = Forbid(
    names=(
        "numpy.float32", "numpy.float64", "numpy.sum", ".sum", "numpy.cumsum", ".cumsum", "numpy.add.reduce", ".reduce",
        "math.fsum", "sum", "numpy.mean", ".mean", "numpy.dot", "numpy.einsum", "torch", ".astype", "float",
    ),
    because="Every running value must stay in float16; `np.sum` accumulates float16 in float32 behind your back.",
)  # fmt: skip

EXERCISES = [
    Predict(
        id="01.1",
        title="One pattern, two numbers",
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
                    Misread(-4.0, "no-fraction", "the exponent is right; the fraction 256/1024 adds a quarter of 4."),
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
        minutes=8,
        dots=2,
        size="8 lines",
        answer="decode",
        signature="decode(bits: int, E: int, M: int) -> float",
        inputs=patterns,
        oracle=decoded,
        shapes=(
            {"E": 5, "M": 10, "what": "special"},
            {"E": 4, "M": 3, "what": "all"},
            {"E": 5, "M": 2, "what": "all"},
            {"E": 5, "M": 10, "what": "all"},
            {"E": 8, "M": 7, "what": "all"},
            {"E": 8, "M": 23, "what": "special"},
            {"E": 8, "M": 23, "what": 1009},
        ),
        dtype="float64",
        each=True,
        expects_nonfinite=True,
        forbid=(NO_TABLES,),
        rivals=(
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
                oracle=decoded_wrongly(hidden=False),
                hint=1,
            ),
            Rival(
                key="wrong-bias",
                sentence="**The exponent is off by one**: the bias is 2^(E−1) − 1, so that 15 goes with 5 bits.",
                oracle=decoded_wrongly(bias=-1),
                hint=1,
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
            "Cut the word with shifts and masks: sign = bits >> (E + M) & 1, exponent = bits >> M & (2**E − 1), "
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
        hints=(
            "IEEE's rule would reserve exponent 15 (all ones) for Inf and NaN. E4M3 keeps it for numbers, all but one "
            "fraction.",
            "The largest number has exponent 15 and fraction 110: 2^(15 − 7) × 1.75.",
        ),
        why="Eight patterns a sign is 6 % of a byte's codes: too much to spend on Inf and NaN. E4M3 keeps one NaN a sign.",
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
        minutes=4,
        dots=1,
        size="6 lines",
        answer="decode_e4m3",
        signature="decode_e4m3(bits: int) -> float",
        inputs=special_codes,
        oracle=fp8_values,
        shapes=({"n": 1}, {"what": "edges"}, {"n": 127}, {"n": 256}),
        dtype="float64",
        each=True,
        expects_nonfinite=True,
        forbid=(NO_TABLES,),
        rivals=(
            Rival(
                key="ieee-rule",
                sentence="**You kept IEEE's rule for the top exponent.** In E4M3 only S.1111.111 is NaN; S.1111.000 to "
                "S.1111.110 are the numbers 256 to 448.",
                oracle=fp8_as(ml_dtypes.float8_e4m3),
                hint=1,
            ),
            Rival(
                key="fnuz",
                sentence="**That is AMD's FNUZ variant** (bias 8, one NaN at 0x80, no −0): every value is half of OCP's.",
                oracle=fp8_as(ml_dtypes.float8_e4m3fnuz),
                hint=1,
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
            "Fields: sign = bits >> 7, exponent = bits >> 3 & 15, fraction = bits & 7, bias 7. One pattern of each sign "
            "is special, and it is not an infinity.",
            "`bits & 0x7F == 0x7F` is NaN (mind the precedence in Python: `(bits & 0x7F) == 0x7F`). Exponent 0: "
            "fraction / 8 × 2**−6. All else: (1 + fraction / 8) × 2**(exponent − 7).",
        ),
        why="Same fields, one rule changed: the top exponent is an ordinary octave, 256 to 448, and only its last "
        "fraction is NaN. The price: nothing says 'too large', so a kernel has to clamp before it casts.",
        follow_up="How many of the 256 patterns are distinct finite numbers? (Mind the two zeros.)",
    ),
    Predict(
        id="01.5",
        title="The first integer that is lost",
        hints=(
            "Integers are exact as long as the gap between neighbours is at most 1.",
            "With m fraction bits the gap passes 1 at 2^(m+1). FP16: m = 10. BF16: m = 7.",
        ),
        why="At 2^(m+1) the gap becomes 2, and every odd number falls between two neighbours.",
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
        minutes=12,
        dots=3,
        size="10 lines",
        answer="encode",
        signature="encode(x: float32[n], E: int, M: int, saturate: bool) -> uint32[n]",
        inputs=numbers,
        oracle=encoded,
        shapes=(
            {"E": 5, "M": 10, "what": 1},
            {"E": 4, "M": 3, "what": "edges"},
            {"E": 4, "M": 3, "what": "edges", "saturate": True},
            {"E": 5, "M": 2, "what": "ties"},
            {"E": 5, "M": 2, "what": "exact"},
            {"E": 5, "M": 10, "what": "edges"},
            {"E": 5, "M": 10, "what": "edges", "saturate": True},
            {"E": 5, "M": 10, "what": "ties"},
            {"E": 5, "M": 10, "what": "near ties"},
            {"E": 5, "M": 10, "what": "exact"},
            {"E": 8, "M": 7, "what": "edges"},
            {"E": 8, "M": 7, "what": "ties"},
            {"E": 8, "M": 7, "what": "exact"},
            {"E": 8, "M": 7, "what": 1009},
        ),
        dtype="uint32",
        forbid=(
            Forbid(
                names=("ml_dtypes", "torch", "struct", "numpy.float16", ".view"),
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
                sentence="**Ties go up instead of to the even neighbour.** `floor(v + 0.5)` does that; `np.rint` rounds "
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
                key="zero-as-normal",
                sentence="**Zero is encoded as a normal number**: `np.frexp(0)` gives power 0. Zero belongs to the "
                "subnormals.",
                oracle=encoded_zero_as_normal,
                hint=2,
            ),
            Rival(
                key="nan-to-inf",
                sentence="**NaN becomes Inf**: its fraction must not be 0. Set the top fraction bit.",
                oracle=lambda x, E, M, saturate: np.where(np.isnan(x), (2**E - 1) << M, encoded(x, E, M, saturate)),
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
        hints=(
            "In BF16 the neighbours of 1 are 2^−7 apart: 1, 1.0078125, 1.015625. Both numbers lie exactly half way "
            "between two of them.",
            "A tie goes to the neighbour whose last fraction bit is 0: 1.0 ends in 0, 1.0078125 in 1, 1.015625 in 0. "
            "For the NaN: 0x7FFFFFFF + 0x8000 = 0x80007FFF; keep the upper half and read its sign.",
        ),
        why="Ties to even keep the errors centred; an integer add that rounds may carry through all the exponent bits "
        "into the sign.",
        follow_up="Which NaN becomes Inf when you simply cut the lower half off?",
        quantities=(
            Quantity(
                name="tie_low",
                value=lambda: float(bfloat16(1 + 2**-8)),
                because="half way between 1.0 and 1.0078125; the pattern of 1.0 is the even one.",
                misreads=(
                    Misread(1.0078125, "ties-up", "that is half-up; ties go to the even pattern, which is 1.0 here."),
                    Misread(1.00390625, "unrounded", "BF16 has no such number: 1 + 2^−8 needs 8 fraction bits."),
                ),
            ),
            Quantity(
                name="tie_high",
                value=lambda: float(bfloat16(1 + 3 * 2**-8)),
                because="half way between 1.0078125 (odd) and 1.015625 (even): the even one.",
                misreads=(
                    Misread(1.0078125, "ties-down", "its last bit is 1; the even neighbour is above."),
                    Misread(1.01171875, "unrounded", "BF16 has no such number: it needs 8 fraction bits."),
                ),
            ),
            Quantity(
                name="nan_becomes",
                value="-0.0",
                choices=("NaN", "Inf", "-0.0", "largest"),
                because="0x7FFFFFFF + 0x8000 carries through exponent and sign: 0x80007FFF, whose upper half is −0.0.",
            ),
        ),
    ),
    Function(
        id="01.8",
        title="FP32 to BF16 with integers",
        minutes=8,
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
        forbid=(NO_LIBRARY_ROUNDING,),
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
        ),
        hints=(
            "BF16 is the upper half of FP32's pattern. Work on `bits = x.view(np.uint32)`; the lower 16 bits decide "
            "whether the upper half goes up by one.",
            "Add 0x7FFF plus the lowest bit that stays, (bits >> 16) & 1, then shift right by 16. Above half: carries. "
            "Exactly half: carries only if the kept part is odd.",
            "For NaN: `np.where(np.isnan(x), bits >> 16 & 0x8000 | 0x7FC0, rounded)`. Then make it uint16.",
        ),
        why="0x7FFF + odd is 'half, minus a hair, plus the tie-break'. Everything below half dies in the lower 16 bits, "
        "everything above carries, and a tie carries only from odd to even. The same five lines are in every library.",
        follow_up="On a GPU this is one instruction (`cvt.rn.bf16x2.f32` converts two at once). Why two?",
    ),
    Function(
        id="01.9",
        title="Stochastic rounding",
        minutes=5,
        dots=1,
        size="4 lines",
        answer="stochastic_bf16",
        signature="stochastic_bf16(x: float32[n], r: uint16[n]) -> uint16[n]",
        inputs=float_and_noise,
        oracle=stochastic,
        shapes=({"n": 1}, {"what": "edges"}, {"what": "nan"}, {"what": "ties"}, *sizes(128)[2:]),
        dtype="uint16",
        forbid=(NO_LIBRARY_ROUNDING,),
        rivals=(
            Rival(
                key="truncates",
                sentence="**The noise is never used**: this is truncation.",
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
            "`bits = x.view(np.uint32) + r`, shift right by 16; treat NaN as in 01.8. Mind the dtype: uint32 + uint16 "
            "is uint32, which is wide enough for anything but a NaN.",
        ),
        why="A carry out of (lower half + r) happens for exactly `lower half` of the 65536 values of r: the chance of "
        "going up is the distance already travelled, so the expected result is x itself.",
        follow_up="How many random bits do you need a weight and step, and where does a GPU kernel get them from?",
    ),
    Predict(
        id="01.10",
        title="Where exp overflows",
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
                because="ln 65504 = 11.09 (65520, half a gap above, is where rounding turns to Inf).",
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
                because="ln 3.4028e38 = 88.72. BF16 has the same exponent field, so nearly the same edge.",
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
        minutes=6,
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
            Forbid(
                names=("torch", "scipy", "numpy.float64", "numpy.longdouble"),
                because="Write it in NumPy, with float16 and float32 only: that is what a kernel has.",
            ),
        ),
        rivals=(
            Rival(
                key="masked-row",
                sentence="**A row of nothing but −Inf comes back as NaN**: its maximum is −Inf, and −Inf − (−Inf) is NaN. "
                "Zeros are wanted.",
                oracle=softmax_nan_if_masked,
                hint=3,
            ),
            Rival(
                key="no-max",
                sentence="**exp is taken of the raw logits**: it is Inf from 11.09 on in float16, from 88.7 on in float32, "
                "and Inf/Inf is NaN. Subtract the row's maximum first.",
                oracle=softmax_without_max,
                hint=1,
            ),
            Rival(
                key="fp16-total",
                sentence="**The sum of the exps is held in float16**: 70,001 ones are more than 65504. Sum in float32.",
                oracle=softmax_fp16_total,
                hint=2,
            ),
            Rival(
                key="wrong-axis",
                sentence="**Softmax over the columns**: each row is to sum to 1 (axis 1, the last).",
                oracle=softmax_down_columns,
                hint=1,
            ),
        ),
        hints=(
            "softmax(x) = softmax(x − c) for any c. With c the maximum of the row (axis=1, keepdims=True) every exponent "
            "is ≤ 0 and every exp lies in (0, 1].",
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
                    Misread(10_000, "exact", "10,000 itself is a number of FP16, but the way there goes through 2048."),
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
        minutes=6,
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
            {"n": 1009, "m": 1, "what": "large first"},
            {"n": 5003, "m": 3},
        ),
        dtype="float16",
        tolerance=Tolerance.of("float16"),
        forbid=(ONLY_FP16,),
        rivals=(
            Rival(
                key="stalls",
                sentence="**A plain running sum**: it stalls at 2048, where a 1 is half a gap. Carry what each addition "
                "lost into the next one.",
                oracle=lambda x: compensated(x, 0),
                hint=1,
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
            "After total + y rounds, what was lost is (new − total) − y: exactly, in floating point. Keep it in a second "
            "variable and take it off the next term.",
            "Per row: y = row − lost; new = total + y; lost = (new − total) − y; total = new. All four in float16, "
            "`total` and `lost` starting as np.zeros(m, np.float16).",
        ),
        why="Two numbers of 11 bits hold the sum: the total and what it could not hold. The error no longer grows with n, "
        "at four operations a term. A compiler that may reorder floating point (-ffast-math) simplifies `lost` to 0.",
        follow_up="Kahan fails for [1, 1e4, 1, −1e4] in FP16. What does Neumaier's variant change?",
    ),
    Predict(
        id="01.14",
        title="Choosing a loss scale",
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
                        32, "subnormal", "with 32 it just rounds up to the smallest subnormal: one bit of precision."
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
        minutes=6,
        dots=2,
        size="4 lines",
        answer="scaled_step",
        signature="scaled_step(w: float32[n], g: float16[n], lr: float, scale: float) -> float32[n], float",
        inputs=training_step,
        oracle=stepped,
        shapes=(
            {"n": 1},
            {"n": 5},
            {"n": 5, "what": "Inf"},
            {"n": 127},
            {"n": 128, "what": "NaN"},
            {"n": 129, "what": "Inf"},
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
        hints=(
            "0x6400 in FP16 is 1024 = 2^10: the exponent says 2^10 and the fraction is 0. One step of the fraction is "
            "2^10 / 2^10 = 1.",
            "0x4300 in BF16 is 128, a step of the fraction is 1, and the fraction has only 7 bits (0 to 6). 11 << 4 = "
            "0xB0 has its top bit at position 7: one more bit of exponent, 0x43B0 = 2^8 × (1 + 48/128).",
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
                    Misread(1035, "not-shifted", "the nibble now sits at bits 4 to 7: each of its steps is worth 16."),
                    Misread(0x6400 | 11 << 4, "integer", "that is the pattern read as an integer; read it as FP16."),
                ),
            ),
            Quantity(
                name="high_nibble_bf16",
                value=lambda: float(np.uint16(0x4300 | 11 << 4).view(bfloat16)),
                because="BF16's fraction ends at bit 6: bit 7 of the nibble raises the exponent, 2^8 × (1 + 48/128).",
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
        minutes=10,
        dots=3,
        size="8 lines",
        answer="dequant_fp16",
        signature="dequant_fp16(words: uint32[n]) -> float16[8n]",
        inputs=word_input,
        oracle=int4_values,
        shapes=({"n": 1}, {"what": "every nibble everywhere"}, *sizes(128)[2:5], {"n": 1009}),
        dtype="float16",
        forbid=(NO_CONVERSION,),
        rivals=(
            Rival(
                key="sequential-order",
                sentence="**The nibbles are taken in order 0, 1, 2, ...** They are stored as elements 0, 2, 4, 6, 1, 3, 5, "
                "7, so that one mask picks two neighbours.",
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
                key="base-left",
                sentence="**The base is still in it**: 1024 + n and 1024 + 16 n come out. Subtracting it is the last step.",
                oracle=int4_with_base,
                hint=1,
            ),
        ),
        hints=(
            "`word & 0x000F000F | 0x64006400` is two FP16 numbers 1024 + n, side by side. Read them with "
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
        minutes=5,
        dots=2,
        size="6 lines",
        answer="dequant_bf16",
        signature="dequant_bf16(words: uint32[n]) -> bfloat16[8n]",
        inputs=word_input,
        oracle=int4_values,
        shapes=({"n": 1}, {"what": "every nibble everywhere"}, *sizes(128)[2:5], {"n": 1009}),
        dtype="bfloat16",
        forbid=(NO_CONVERSION,),
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
        minutes=10,
        dots=3,
        size="6 lines",
        answer="dequant",
        signature="dequant(words: int32[n], out: float16[8n])",
        inputs=int4_tensors,
        oracle=on_tensors(int4_values),
        shapes=({"n": 1}, {"what": "every nibble everywhere"}, *sizes(128)[2:5], {"n": 257}),
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
        "one subtract an element. In a W4A16 GEMM this sits between the load of B and the tensor core.",
        follow_up="Here each element is masked on its own. How would you make two a time, as the hardware's `half2` does?",
    ),
    Predict(
        id="01.20",
        title="Where the codes are",
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
                    Misread(8, "one-sided", "both signs count."),
                ),
            ),
            Quantity(
                name="inner_e4m3",
                value=lambda: len({v for v in fp8_values(np.arange(256, dtype=np.uint8)).tolist() if abs(v) <= 28}),
                because="codes 0 to 94 of either sign, one zero: three quarters of all codes are in the inner sixteenth.",
                misreads=(
                    Misread(
                        15, "like-int8", "that is INT8; a float spends as many codes on [14, 28] as on [224, 448]."
                    ),
                    Misread(16, "like-int8", "a sixteenth of the codes would be an integer's way."),
                    Misread(95, "one-sided", "both signs count."),
                    Misread(190, "two-zeros", "+0 and −0 are one value."),
                ),
            ),
        ),
    ),
    Function(
        id="01.21",
        title="FP8 with one scale a tensor",
        minutes=6,
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
            {"m": 13, "n": 101},
            {"m": 8, "n": 128, "what": "stale amax"},
        ),
        dtype=("uint8", ""),
        tolerance=Tolerance(1e-6),
        rivals=(
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
                oracle=lambda x, amax: quantized(x, amax, top=240),
                hint=1,
            ),
            Rival(
                key="own-amax",
                sentence="**The amax argument is ignored**: the scale must come from it, even when x has outgrown it.",
                oracle=quantized_by_own_amax,
                hint=1,
            ),
        ),
        hints=(
            "scale = amax / 448 (1.0 if amax is 0), code = E4M3 of x / scale: the tensor's largest value lands on E4M3's.",
            "`np.clip(x / np.float32(scale), -448, 448)` keeps NaN and mends everything else, Inf included. Then "
            "`.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)`.",
        ),
        why="One multiply a tensor uses the whole range of the format. The clamp is what makes a stale amax (delayed "
        "scaling) cost a little accuracy instead of a NaN.",
        follow_up="Why does delayed scaling (an amax from earlier steps) save a whole pass over the tensor?",
    ),
    Predict(
        id="01.22",
        title="What four bits really cost",
        hints=(
            "The scale's bits are shared by the block: MXFP4 has 8 bits for 32 elements, NVFP4 8 bits for 16.",
            "4 + 8/32 and 4 + 8/16. (NVFP4's one float32 a tensor does not count.)",
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
                because="measured on one H100 80GB HBM3, cuBLAS, 8192³: 678 TFLOP/s in BF16, 664 in FP16.",
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
        minutes=15,
        dots=3,
        size="12 lines",
        answer="mxfp4",
        signature="mxfp4(x: float32[m, n], codes: uint8[m, n // 2], scales: uint8[m, n // 32])",
        inputs=mx_input,
        oracle=mx_quantized,
        shapes=(
            {"m": 1, "n": 32},
            {"m": 2, "n": 64, "what": "ties"},
            {"m": 3, "n": 32, "what": "zeros"},
            {"m": 15, "n": 32},
            {"m": 4, "n": 128},
            {"m": 17, "n": 32},
            {"m": 11, "n": 96},
            {"m": 5, "n": 224, "what": "wide"},
        ),
        dtype=("uint8", "uint8"),
        outputs=("codes", "scales"),
        block=(16, 32),
        traffic=1.05,
        rivals=(
            Rival(
                key="not-scaled-to-six",
                sentence="**Scaled to 1 instead of to the top octave**: E2M1's largest exponent is 2 (6 = 1.5 × 2²), so the "
                "scale is 2^(floor(log2 amax) − 2).",
                oracle=lambda x, c, s: mx_quantized(x, c, s, shift=0),
                hint=1,
            ),
            Rival(
                key="swapped-nibbles",
                sentence="**The two elements of a byte are swapped**: the even element goes into the lower four bits.",
                oracle=lambda x, c, s: mx_quantized(x, c, s, swap=True),
                hint=3,
            ),
            Rival(
                key="ties-away",
                sentence="**Ties go up instead of to the even code.** Compare with > where the lower code is even and with "
                "≥ where it is odd.",
                oracle=lambda x, c, s: mx_quantized(x, c, s, pick="half up"),
                hint=2,
            ),
            Rival(
                key="sign-lost",
                sentence="**The sign is lost**: bit 3 of each nibble is the sign of x.",
                oracle=lambda x, c, s: mx_quantized(x, c, s, signed=False),
                hint=3,
            ),
        ),
        hints=(
            "The scale from the bits: for a float32 a > 0, (a's pattern >> 23) is 127 + floor(log2 a). So the E8M0 code is "
            "that minus 2, at least 0, and the float 2^−(code − 127) has the pattern (254 − code) << 23.",
            "E2M1 by counting: the code of |y| is how many of the seven midpoints 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5 it "
            "passes. A tie must reach the even code: > 0.25, ≥ 0.75, > 1.25, ≥ 1.75, > 2.5, ≥ 3.5, > 5. Saturation is free.",
            "Load even and odd elements as two tiles [B, 16] (x + 2·pair and x + 2·pair + 1): each is read once, amax is the "
            "maximum over both, and the byte is even | odd << 4. The sign is `pattern >> 28 & 8`.",
        ),
        why="A power-of-two scale needs no division: it is read off amax's exponent and put back as an exponent. Read once, "
        "write once: x is 32 bits in, 4.25 bits out, so the reading is 88 % of the traffic.",
        follow_up="NVFP4 wants an E4M3 scale a 16 elements and one FP32 scale a tensor. Why does that second level cost a "
        "pass over the tensor, and who pays it?",
    ),
]
