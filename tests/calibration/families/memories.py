"""Kinds of memory: dynamic shared, local, constant, structures, cp.async."""

import numpy as np

from calibration.case import Args, Case, Shape, doubles, floats, int32, integers, words, zeros

I32, U32 = np.int32, np.uint32


def simple(
    file: str,
    name: str,
    args: object,
    oracle: object,
    outputs: tuple = (1,),
    grid: Shape = 4,
    block: Shape = 128,
    **more,
) -> Case:
    return Case(more.pop("as_", name), file, name, grid, block, args, outputs, oracle, **more)


def ints(n: int = 512, below: int = 1 << 31, out: int | None = None) -> object:
    return lambda r: [integers(r, n, below=below), zeros(n if out is None else out, dtype=I32)]


def async_copy(kind: str, parts: int, kernel: str) -> Case:
    span = 512 if kernel == "async_copy" else 1024

    def args(rng: np.random.Generator) -> Args:
        return [floats(rng, span, parts), zeros(512, parts)]

    def oracle(a: np.ndarray, out: np.ndarray) -> np.ndarray:
        t, b = np.arange(512) % 128, np.arange(512) // 128 * 128
        return a[b + 127 - t] if kernel == "async_copy" else a[(b + (t ^ 32)) * 2]

    return Case(f"{kernel}{4 * parts}", "asynchronous.cu", f"{kernel}<{kind}>", 4, 128, args, (1,), oracle)


def double_buffer(a: np.ndarray, out: np.ndarray, tiles: int) -> np.ndarray:
    return a.astype(np.float64).reshape(2, tiles, 64, 4)[:, :, ::-1].sum((1, 3)).reshape(-1)


def zero_fill(a: np.ndarray, out: np.ndarray, quads: int) -> np.ndarray:
    filled = np.zeros_like(out)
    filled[:quads] = a
    return filled[np.arange(len(out)) ^ 1]


def pipeline(a: np.ndarray, out: np.ndarray, tiles: int) -> np.ndarray:
    weight = np.arange(1, tiles + 1)[None, :, None]
    return (a.astype(np.float64).reshape(2, tiles, 128)[:, :, np.arange(128) ^ 64] * weight).sum(1).reshape(-1)


def local_array(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    found = []
    for i in range(len(a)):
        box = [int(a[(i + k * 7) & 255]) for k in range(16)]
        for k in range(16):
            j = box[k] & 15
            kept, box[j] = box[j], box[k]
            box[k] = kept + 1
        v = 0
        for k in range(16):
            v = (v * 31 + box[(k + i) & 15]) & 0xFFFFFFFF
        found.append(v)
    return np.array(found, U32).view(I32)


TAPS = np.array([0.5, -0.25, 0.125, 1.0, -1.0, 0.75, 2.0, -0.0625])


TABLE = np.array(
    [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3, 2, 7, 9, 5] + [0] * 32
)


WEIGHTS = np.array([2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5, 2, 3, 5, 3, 6, 0, 2, 8, 7, 4, 7, 1, 3, 5, 2, 6])


def taps(a: np.ndarray, out: np.ndarray, n: int) -> np.ndarray:
    i = np.minimum(np.arange(n)[:, None] + np.arange(8), n - 1)
    return (a.astype(np.float64)[i] * TAPS).sum(1)


def hints(a: np.ndarray, once: np.ndarray, out: np.ndarray, kept: np.ndarray) -> np.ndarray:
    i = np.arange(len(a))
    return a.astype(np.float64)[i] + 2.0 * once + a[i ^ 1] + a[i ^ 2]


def particles(rng: np.random.Generator) -> Args:
    data = floats(rng, 64, 5)
    data[:, 4] = integers(rng, 64, below=100).view(np.float32)
    return [data, int32(3), int32(7), int32(-2)]


def step(data: np.ndarray, x: int, y: int, z: int) -> np.ndarray:
    out, ids = data.copy(), data[:, 4].view(I32)
    row = np.arange(64)
    moved = data[row, ids % 3].astype(np.float64) + data[:, 3].astype(np.float64) * 3  # one rounding, as fma has
    out[row, ids % 3] = moved
    out[:, 4] = (ids * y + z).astype(I32).view(np.float32)
    return out


def indices(out: np.ndarray) -> np.ndarray:
    z, y, x = np.meshgrid(np.arange(4), np.arange(6), np.arange(16), indexing="ij")
    return (x + 100 * y + 10000 * z).astype(I32)


A, L, M = "asynchronous.cu", "locks.cu", "memory_kinds.cu"


CASES = (
    *(
        async_copy(kind, parts, kernel)
        for kind, parts in (("float", 1), ("float2", 2), ("float4", 4))
        for kernel in ("async_copy", "async_scatter")
    ),
    simple(
        A,
        "async_double_buffer",
        lambda r: [floats(r, 2 * 5 * 64, 4), zeros(128), int32(5)],
        double_buffer,
        grid=2,
        block=64,
        oracle_rtol=1e-5,
    ),
    simple(A, "async_zero_fill", lambda r: [floats(r, 100, 4), zeros(128, 4), int32(100)], zero_fill, grid=2, block=64),
    simple(
        A,
        "pipeline_primitives",
        lambda r: [floats(r, 2 * 4 * 128), zeros(256), int32(4)],
        pipeline,
        grid=2,
        oracle_rtol=1e-5,
    ),
    simple(
        M,
        "dynamic_reverse",
        lambda r: [floats(r, 2, 500), zeros(2, 500), int32(500)],
        lambda a, b, n: a[:, ::-1],
        grid=2,
        dynamic_shared=2000,
    ),
    simple(
        M,
        "dynamic_reverse",
        lambda r: [floats(r, 1, 20000), zeros(1, 20000), int32(20000)],
        lambda a, b, n: a[:, ::-1],
        grid=1,
        block=1024,
        dynamic_shared=80000,
        as_="dynamic_80000_bytes",
    ),
    simple(
        M,
        "dynamic_two_arrays",
        lambda r: [np.argsort(words(r, 128)).astype(I32), doubles(r, 128), zeros(128, dtype=np.float64), int32(128)],
        lambda k, v, out, n: v[k],
        (2,),
        1,
        dynamic_shared=128 * 10,
    ),
    simple(M, "local_array", ints(256, 1 << 20), local_array, grid=2),
    simple(M, "constant_taps", lambda r: [floats(r, 512), zeros(512), int32(512)], taps, oracle_rtol=1e-5),
    simple(M, "constant_by_lane", ints(), lambda a, b: (TABLE[a & 63] * 10 + TABLE[np.arange(512) & 1]).astype(I32)),
    simple(M, "module_memory", ints(512, 1000), lambda a, b: (a * WEIGHTS[np.arange(512) * 3 & 31]).astype(I32)),
    simple(
        M,
        "cache_hints",
        lambda r: [floats(r, 512), floats(r, 512), zeros(512), zeros(512)],
        hints,
        (2,),
        oracle_rtol=1e-5,
    ),
    simple(M, "struct_argument", particles, step, (0,), 1, 64),
    simple(M, "say", lambda r: [integers(r, 64, below=1000), zeros(64, dtype=I32)], lambda a, b: a, grid=2, block=32),
    simple(
        M,
        "shared_struct",
        lambda r: [floats(r, 128), zeros(128)],
        lambda a, b: a.reshape(2, 64)[:, ::-1],
        grid=2,
        block=64,
    ),
    simple(M, "indices_3d", lambda r: [zeros(4, 6, 16, dtype=I32)], indices, (0,), (2, 3, 2), (8, 2, 2)),
)
