"""Integer, floating-point and bit arithmetic, conversions, approximate functions."""

import math

import numpy as np

from calibration.case import Args, Case, bfloat16, doubles, floats, raw, words, zeros

N = 512
I32, U32, F64 = np.int32, np.uint32, np.float64


def case(name: str, args: object, oracle: object = None, outputs: tuple = (2,), **more) -> Case:
    return Case(name, "arithmetic.cu", name, 4, 128, args, outputs, oracle, **more)


def murmur(k: np.ndarray, out: np.ndarray) -> np.ndarray:
    def turn(v: np.ndarray, by: int) -> np.ndarray:
        return v << U32(by) | v >> U32(32 - by)

    h = U32(0x9747B28C) ^ turn(k * U32(0xCC9E2D51), 15) * U32(0x1B873593)
    h = turn(h, 13) * U32(5) + U32(0xE6546B64)
    h = (h ^ h >> U32(16)) * U32(0x85EBCA6B)
    h = (h ^ h >> U32(13)) * U32(0xC2B2AE35)
    return h ^ h >> U32(16)


def splitmix(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    u = np.uint64
    z = a + u(0x9E3779B97F4A7C15)
    z = (z ^ z >> u(30)) * u(0xBF58476D1CE4E5B9)
    z = (z ^ z >> u(27)) * u(0x94D049BB133111EB)
    return z ^ z >> u(31)


def quotient(x: int, y: int) -> int:
    """Towards zero, as C divides."""
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def wide(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    def one(x: int, y: int) -> int:
        y |= 1
        v = quotient(x, y) + x - quotient(x, y) * y + (x * y >> 64) + (x >> (y & 63)) - ((x % 2**64) >> 7)
        return (v + min(x, y) * 3 - abs(x >> 1)) % 2**64

    return np.array([one(int(x), int(y)) for x, y in zip(a, b, strict=True)], np.uint64).view(np.int64)


def divisions(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    def one(x: int, y: int) -> int:
        y |= 1
        u, w = x % 2**32, y % 2**32
        rest = x - quotient(x, y) * y
        v = quotient(x, y) ^ rest * 3 ^ u // w * 5 ^ u % w * 7 ^ quotient(x, 10) ^ (x - quotient(x, 7) * 7) << 3
        return v % 2**32

    return np.array([one(int(x), int(y)) for x, y in zip(a, b, strict=True)], U32).view(I32)


def dot_bytes(a: np.ndarray, b: np.ndarray, c: np.ndarray, out: np.ndarray) -> np.ndarray:
    a8, b8 = a.view(np.int8).reshape(-1, 4).astype(np.int64), b.view(np.int8).reshape(-1, 4).astype(np.int64)
    c8, ua8 = c.view(np.uint8).reshape(-1, 4).astype(np.int64), a.view(np.uint8).reshape(-1, 4).astype(np.int64)
    v = (a8 * b8).sum(1) + c.view(I32)
    low = (a.view(np.int16).reshape(-1, 2) * b8[:, :2]).sum(1) + v
    return (low ^ ((c8 * ua8).sum(1) + 3)).astype(np.uint64).astype(U32).view(I32)


def double_operations(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    v = x / y + np.sqrt(np.abs(x)) * 3 - (x * y + 0.1) + np.minimum(x, y) * np.maximum(x, 0.25) + np.floor(y * 7)
    return v + ((x * 0.5 + 0.25) * x + y) * x - 1


def special(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    pick = np.where(x < y, np.float32(1), np.where(np.isnan(x), np.float32(2), np.float32(3)))
    return np.stack([x + y, x * y, x / y, np.fmin(x, y) + pick], 1)


def special_args(rng: np.random.Generator) -> Args:
    """Every pair of 22 values: zeros, infinities, NaN, denormals, the largest, and ordinary ones."""
    some = np.array(
        [0.0, np.inf, np.nan, 1e-45, 1e-40, 1.1754942e-38, 1.1754944e-38, 3.4028235e38, 1.0, 1.5, 3e-20], np.float32
    )
    x, y = np.meshgrid(np.concatenate([some, -some]), np.concatenate([some, -some]))
    pad = np.ones(N - x.size, np.float32)
    return [np.concatenate([x.reshape(-1), pad]), np.concatenate([y.reshape(-1), pad]), zeros(N, 4)]


def gelu(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    x = a.astype(F64) * 3
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def fast(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    a = a.astype(F64)
    x = np.abs(a) + 0.1
    return np.stack([np.exp(x), np.log(x), np.sin(x), np.cos(x), x**-0.5, a / x, x**1.5, np.tan(x)], 1)


def exact(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    x = a.astype(F64) * 4
    p = np.abs(x) + 0.01
    erf = np.array([math.erf(v) for v in x])
    return np.stack([np.exp(x), np.log(p), np.sin(x), np.cos(x), np.tanh(x), erf, p**0.7, np.cbrt(p)], 1)


def polynomial(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v = np.zeros(len(a))
    for k in range(16):
        v = v * a.astype(F64) + 1.0 / (k + 1)
    return v


def carry(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    rows = []
    for x, y in zip(a, b, strict=True):
        total = sum((int(x[k]) + int(y[k])) << 32 * k for k in range(4))
        rows.append([total >> 32 * k & 0xFFFFFFFF for k in range(4)])
    return np.array(rows, U32)


def pairs(make: object, shape: tuple = (N,)) -> object:
    """Arguments: two arrays and an empty one of their type."""

    def args(rng: np.random.Generator) -> Args:
        a, b = make(rng, *shape), make(rng, *shape)
        return [a, b, np.zeros_like(a)]

    return args


def halves(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (floats(rng, *shape) * 3).astype(np.float16)


def bfloats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return bfloat16(floats(rng, *shape) * 3)


def signed(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return words(rng, *shape).view(I32)


def longs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Signed, of all magnitudes."""
    return raw(rng, shape).view(np.int64) >> (raw(rng, shape) % np.uint64(60)).astype(np.int64)


def dot_args(rng: np.random.Generator) -> Args:
    return [signed(rng, N), signed(rng, N), words(rng, N), zeros(N, dtype=I32)]


CASES = (
    case("murmur", lambda r: [words(r, N), zeros(N, dtype=U32)], murmur, (1,)),
    case("splitmix", lambda r: [raw(r, N), zeros(N, dtype=np.uint64)], splitmix, (1,)),
    case("wide_integers", pairs(longs), wide),
    case("divisions", pairs(signed), divisions),
    case("bits", pairs(words)),
    case("dot_bytes", dot_args, dot_bytes, (3,)),
    case("float_operations", pairs(floats)),
    case("float_special", special_args, special),
    case("double_operations", pairs(doubles), double_operations, oracle_rtol=1e-12),
    case("conversions", lambda r: [floats(r, N), zeros(N, dtype=I32)], None, (1,)),
    case("half_operations", pairs(halves)),
    case("half2_operations", pairs(halves, (N, 2))),
    case("bfloat_operations", pairs(bfloats)),
    case("bfloat2_operations", pairs(bfloats, (N, 2))),
    case(
        "fast_functions",
        lambda r: [floats(r, N), zeros(N, 8)],
        fast,
        (1,),
        compare="bound",
        rtol=2e-6,
        oracle_rtol=2e-6,
    ),
    case(
        "exact_functions",
        lambda r: [floats(r, N), zeros(N, 8)],
        exact,
        (1,),
        compare="bound",
        rtol=1e-6,
        oracle_rtol=1e-6,
    ),
    case("gelu", lambda r: [floats(r, N), zeros(N)], gelu, (1,), compare="bound", rtol=1e-6, oracle_rtol=1e-6),
    case("polynomial", lambda r: [floats(r, N), zeros(N)], polynomial, (1,), oracle_rtol=1e-6),
    case("carry_chain", pairs(words, (N, 4)), carry),
)
