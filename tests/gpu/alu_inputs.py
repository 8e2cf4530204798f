"""The numbers on which utils/vgpu/alu meets the GPU: the same on both sides, from fixed seeds."""

from __future__ import annotations

import numpy as np

from utils.vgpu.alu.core import raw, width

COUNT = 8192
EDGES = {
    8: [0, 1, 0x7F, 0x80, 0xFF, 0x40],
    16: [
        0, 1, 0x3FF, 0x400, 0x3C00, 0x3C01, 0x7BFF, 0x7C00, 0x7C01, 0x7E01, 0x7FFF, 0x80, 0x7F, 0x3F80, 0x7F7F,
        0x7F80, 0x7F81, 0x7FC1, 31, 16, 0x4248,
    ],
    32: [
        0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F800001, 0x3F7FFFFF, 0x7F7FFFFF, 0x7F800000, 0x7F800001,
        0x7FC00001, 0x7FFFFFFF, 0x4F000000, 0x4EFFFFFF, 0x4F800000, 0x5F000000, 0x5F800000, 0x43000000,
        0x42FE0000, 0x477FF000, 0x43E00000, 0x43E80000, 0x33800000, 0x38800000, 0x387FC000, 0x3F000000,
        0x3FC00000, 0x40200000, 0x7E800000, 0x7F000000, 31, 32, 33, 63, 64, 255, 0x3C003C00, 0x7C007E01,
        0x04000001, 0x7F803F80, 0x00800001, 0x7F810080, 0x40490FDB, 0x3FC90FDB, 0x49742400,
    ],
    64: [
        0, 1, 0xFFFFFFFFFFFFF, 1 << 52, 0x3FF0000000000000, 0x3FF0000000000001, 0x7FEFFFFFFFFFFFFF,
        0x7FF0000000000000, 0x7FF0000000000001, 0x7FF8000000000001, 0x43E0000000000000, 0x43F0000000000000,
        0x41E0000000000000, 0x41F0000000000000, 0x3FE0000000000000, 0x3FF8000000000000, 0x47EFFFFFE0000000,
        0x47EFFFFFF0000000, 0x3690000000000000, 0x36A0000000000000, 0x380FFFFFFFFFFFFF, 31, 32, 63, 64,
        0x380FFFFFE0000000, 0x380FFFFFF0000000, 0x380FFFFFF8000000, 0x40EFFDFFFFFFFFFF,
    ],
}  # fmt: skip
FLOATS = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
LAYOUT = {"f16": (16, 10), "bf16": (16, 7), "f32": (32, 23), "f64": (64, 52)}  # bits, of the significand


def special(kind: str, rng: np.random.Generator) -> np.ndarray:
    """NaNs, quiet and signalling, of both signs and any payload (two thirds), infinities and zeros."""
    bits, fraction = LAYOUT[kind]
    infinity = (1 << bits - 1) - (1 << fraction)
    payload = rng.integers(1, 1 << fraction, COUNT, dtype=np.uint64)
    which = rng.integers(0, 6, COUNT)
    size = np.choose(which, [0, infinity, *([payload | np.uint64(infinity)] * 4)]).astype(np.uint64)
    return size | rng.integers(0, 2, COUNT, dtype=np.uint64) << np.uint64(bits - 1)


def boundary(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Within a few last bits of 1, of the smallest normal number, or that number itself counted in the last bit of 1:
    products and quotients of these round up to the smallest normal number, sums of three likewise."""
    bits, fraction = LAYOUT[kind]
    one = (1 << bits - 2) - (1 << fraction)
    middle = np.array([one, 1 << fraction, 5], np.int64)[rng.integers(0, 3, COUNT)]
    size = (middle + rng.integers(-4, 5, COUNT)).astype(np.uint64)
    return size | rng.integers(0, 2, COUNT, dtype=np.uint64) << np.uint64(bits - 1)


def patterns(kind: str, seed: int) -> np.ndarray:
    """Edges of both signs, raw random bits, numbers of moderate size or small integers, NaNs, limits: a share each."""
    rng = np.random.default_rng([seed, width(kind), sum(map(ord, kind))])
    if kind == "pred":
        return rng.integers(0, 2, COUNT).astype(bool)
    if kind in ("f16x2", "bf16x2"):
        low, high = (patterns(kind[:-2], s).astype(np.uint32) for s in (seed, seed + 7))
        return low | high << np.uint32(16)
    bits, every = width(kind), raw(kind)
    values = rng.integers(0, 2**64 - 1, COUNT, dtype=np.uint64) >> np.uint64(64 - bits)
    moderate = rng.standard_normal(COUNT) * 2.0 ** rng.integers(-20, 20, COUNT)
    odd, close = (special(kind, rng), boundary(kind, rng)) if kind in LAYOUT else (values, values)
    if kind in FLOATS:
        moderate = np.clip(moderate, -6e4, 6e4) if kind == "f16" else moderate
        near = moderate.astype(FLOATS[kind]).view(every).astype(np.uint64)
    elif kind == "bf16":
        near = (moderate.astype(np.float32).view(np.uint32) >> 16).astype(np.uint64)
    else:
        near = rng.integers(0, 80, COUNT).astype(np.uint64)
    edge = np.array([e ^ s for e in EDGES[bits] for s in (0, 1 << bits - 1)], np.uint64)
    each = [edge[rng.integers(0, len(edge), COUNT)], values, near, odd, close]
    return np.choose(rng.integers(0, 5, COUNT), each).astype(every)
