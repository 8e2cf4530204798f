"""Reductions in every classic form, scans, histograms and the other atomics."""

import numpy as np

from calibration.case import Args, Case, Shape, floats, int32, integers, raw, words, zeros

U32, I32 = np.uint32, np.int32


def block_sums(form: str, kind: str, per_block: int = 256) -> Case:
    dtype = np.float32 if kind == "float" else I32

    def args(rng: np.random.Generator) -> Args:
        n = 4 * per_block
        return [floats(rng, n) if kind == "float" else integers(rng, n), zeros(4, dtype=dtype)]

    def oracle(a: np.ndarray, out: np.ndarray) -> np.ndarray:
        return a.reshape(4, -1).sum(1, dtype=np.float64 if kind == "float" else dtype)

    return Case(
        f"sum_{form}_{kind}",
        "reductions.cu",
        f"sum_{form}<{kind}>",
        4,
        256,
        args,
        (1,),
        oracle,
        1e-5 if kind == "float" else 0.0,
    )


def atomic_sum(form: str, kind: str) -> Case:
    """Of floats: in a free order, within the rounding of 1024 additions."""
    free = kind in ("float", "double")
    dtype = {"int": I32, "float": np.float32, "double": np.float64, "unsigned long long": np.uint64}[kind]

    def args(rng: np.random.Generator) -> Args:
        source = floats(rng, 1024, dtype=dtype) + dtype(1.5) if free else words(rng, 1024, dtype=U32).astype(dtype)
        return [source, zeros(1, dtype=dtype)]

    def oracle(a: np.ndarray, out: np.ndarray) -> np.ndarray:
        return a.sum(dtype=np.float64 if free else dtype).reshape(1)

    return Case(
        f"sum_{form}_{kind.split()[-1]}",
        "reductions.cu",
        f"sum_{form}<{kind}>",
        4,
        256,
        args,
        (1,),
        oracle,
        1e-5 if free else 0.0,
        "bound" if free else "exact",
        1e-5 if free else 0.0,
    )


def vectorised(a: np.ndarray, out: np.ndarray, quads: int) -> np.ndarray:
    block = np.arange(len(a)) // 256 % 4
    return np.array([a[block == b].sum(dtype=np.float64) for b in range(4)])


def last_block(rng: np.random.Generator) -> Args:
    return [floats(rng, 2048) + np.float32(2), zeros(8), zeros(1, dtype=U32), zeros(1)]


def redux(a: np.ndarray, out: np.ndarray, least: np.ndarray) -> tuple:
    rows = a.reshape(-1, 32)
    return rows.sum(1, dtype=I32), rows.view(U32).min(1)


def scan(name: str, kernel: str, kind: str, per_block: int, n: int, exclusive: bool = False) -> Case:
    dtype = {"float": np.float32, "int": I32, "double": np.float64}[kind]

    def args(rng: np.random.Generator) -> Args:
        return [integers(rng, n) if kind == "int" else floats(rng, n, dtype=dtype), zeros(n, dtype=dtype)]

    def oracle(a: np.ndarray, out: np.ndarray) -> np.ndarray:
        rows = a.reshape(-1, per_block)
        wide = np.cumsum(rows, 1, dtype=I32 if kind == "int" else np.float64)
        return (wide - rows if exclusive else wide).reshape(-1)

    return Case(
        name, "scans.cu", kernel, n // max(per_block, 256), 256, args, (1,), oracle, 0.0 if kind == "int" else 1e-5
    )


def lookback_args(rng: np.random.Generator) -> Args:
    n = 2048
    return [
        integers(rng, n, below=1000),
        zeros(n, dtype=I32),
        zeros(1, dtype=U32),
        zeros(8, dtype=I32),
        zeros(8, dtype=I32),
        zeros(8, dtype=U32),
    ]


def counted(
    name: str, kernel: str, args: object, oracle: object, outputs: tuple = (1,), grid: Shape = 4, **more
) -> Case:
    return Case(name, "histograms.cu", kernel, grid, 256, args, outputs, oracle, **more)


def byte_args(most: int) -> object:
    def args(rng: np.random.Generator) -> Args:
        return [integers(rng, 4096, below=most, dtype=np.uint8), zeros(256, dtype=U32), int32(4096)]

    return args


def bincount(a: np.ndarray, bins: np.ndarray, *rest: object) -> np.ndarray:
    return np.bincount(a.astype(np.int64) % len(bins), minlength=len(bins)).astype(U32)


def weighted(name: str, kernel: str, dtype: type) -> Case:
    def args(rng: np.random.Generator) -> Args:
        weight = integers(rng, 1024, below=1000) if dtype is I32 else floats(rng, 1024, dtype=dtype) + dtype(2)
        return [integers(rng, 1024, below=32), weight, zeros(32, dtype=dtype)]

    def oracle(at: np.ndarray, weight: np.ndarray, bins: np.ndarray) -> np.ndarray:
        return np.bincount(at, weight, 32)

    bound = {} if dtype is I32 else {"compare": "bound", "rtol": 1e-5, "oracle_rtol": 1e-5}
    return counted(name, kernel, args, oracle, (2,), **bound)


def atomics_args(rng: np.random.Generator) -> Args:
    full = np.full(16, 0xFFFFFFFF, U32)
    return [
        words(rng, 1024).view(I32),
        np.full(16, 2**31 - 1, I32),
        np.full(16, -(2**31), I32),
        full,
        zeros(16, dtype=U32),
        zeros(16, dtype=U32),
        zeros(16, dtype=U32),
    ]


def atomics(a: np.ndarray, *rest: np.ndarray) -> tuple:
    cols, u = a.reshape(-1, 16), a.view(U32).reshape(-1, 16)
    ring = np.full(16, len(cols) % 10, U32)
    return (
        cols.min(0),
        cols.max(0),
        np.bitwise_and.reduce(u | U32(0xFF)),
        np.bitwise_or.reduce(u & U32(0xFF00)),
        np.bitwise_xor.reduce(u),
        ring,
    )


def shared_atomics(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    found = []
    for v in a.reshape(-1, 256):
        most, total = np.full(32, -(2**31) + 1, I32), np.zeros(32, I32)
        wide = v.view(U32).astype(np.uint64).reshape(-1, 4).sum(0)
        np.maximum.at(most, v & 31, v)
        np.add.at(total, (v >> 5) & 31, v)
        found.append(most ^ total ^ (np.tile(wide, 8) >> np.uint64(5)).astype(U32).view(I32))
    return np.concatenate(found)


def long_args(rng: np.random.Generator) -> Args:
    return [raw(rng, 1024), zeros(8, dtype=np.uint64), zeros(8, dtype=np.uint64)]


FORMS = ("interleaved_divergent", "interleaved_strided", "sequential", "last_warp_unrolled", "shuffle")
CASES = (
    *(block_sums(form, kind) for form in FORMS for kind in ("float", "int")),
    block_sums("first_add", "float", 512),
    block_sums("first_add", "int", 512),
    Case(
        "sum_vectorised",
        "reductions.cu",
        "sum_vectorised",
        4,
        256,
        lambda r: [floats(r, 2500, 4), zeros(4), int32(2500)],
        (1,),
        vectorised,
        1e-5,
    ),
    *(atomic_sum("global_atomic", kind) for kind in ("int", "float", "double")),
    *(atomic_sum("warp_atomic", kind) for kind in ("int", "float", "unsigned long long")),
    *(atomic_sum("shared_atomic", kind) for kind in ("int", "float")),
    Case(
        "sum_last_block",
        "reductions.cu",
        "sum_last_block",
        8,
        256,
        last_block,
        (1, 3),
        lambda a, *rest: (a.reshape(8, -1).sum(1, dtype=np.float64), a.sum(dtype=np.float64).reshape(1)),
        1e-5,
    ),
    Case(
        "sum_redux",
        "reductions.cu",
        "sum_redux",
        4,
        256,
        lambda r: [words(r, 1024).view(I32), zeros(32, dtype=I32), zeros(32, dtype=U32)],
        (1, 2),
        redux,
    ),
    Case(
        "argmax_rows",
        "reductions.cu",
        "argmax_rows",
        4,
        (32, 4),
        lambda r: [integers(r, 16, 100, below=50).astype(np.float32), zeros(16), zeros(16, dtype=I32), int32(100)],
        (1, 2),
        lambda a, *rest: (a.max(1), a.argmax(1).astype(I32)),
    ),
    scan("scan_hillis_steele_int", "scan_hillis_steele<int>", "int", 256, 1024),
    scan("scan_hillis_steele_float", "scan_hillis_steele<float>", "float", 256, 1024),
    scan("scan_blelloch", "scan_blelloch<false>", "int", 512, 2048, exclusive=True),
    scan("scan_blelloch_padded", "scan_blelloch<true>", "int", 512, 2048, exclusive=True),
    scan("scan_warps_int", "scan_warps<int>", "int", 32, 1024),
    scan("scan_warps_double", "scan_warps<double>", "double", 32, 1024),
    scan("scan_shuffle_int", "scan_shuffle<int>", "int", 256, 1024),
    scan("scan_shuffle_float", "scan_shuffle<float>", "float", 256, 1024),
    Case(
        "scan_lookback",
        "scans.cu",
        "scan_lookback",
        8,
        256,
        lookback_args,
        (1,),
        lambda a, *rest: np.cumsum(a, dtype=I32),
        counters=False,
    ),
    counted("histogram_global", "histogram_global", byte_args(256), bincount),
    counted("histogram_global_few", "histogram_global", byte_args(3), bincount),
    counted("histogram_shared", "histogram_shared", byte_args(256), bincount),
    counted("histogram_shared_few", "histogram_shared", byte_args(7), bincount),
    counted(
        "histogram_warps", "histogram_warps", lambda r: [words(r, 4096), zeros(64, dtype=U32), int32(4096)], bincount
    ),
    weighted("bins_int", "bins_of_weights<int>", I32),
    weighted("bins_float", "bins_of_weights<float>", np.float32),
    weighted("bins_double", "bins_of_weights<double>", np.float64),
    weighted("bins_shared_int", "bins_of_weights_shared<int>", I32),
    weighted("bins_shared_float", "bins_of_weights_shared<float>", np.float32),
    counted("atomics_of_integers", "atomics_of_integers", atomics_args, atomics, (1, 2, 3, 4, 5, 6)),
    counted(
        "atomics_of_long",
        "atomics_of_long",
        long_args,
        lambda a, *rest: (a.reshape(-1, 8).sum(0), a.reshape(-1, 8).max(0)),
        (1, 2),
    ),
    counted(
        "atomic_max_float",
        "atomic_max_float",
        lambda r: [floats(r, 1024) + np.float32(3), zeros(4, dtype=I32)],
        lambda a, out: a.reshape(-1, 4).max(0).view(I32),
        counters=False,
    ),
    counted(
        "take_places",
        "take_places",
        lambda r: [zeros(1, dtype=I32), zeros(1024, dtype=I32)],
        lambda a, b: (np.array([1024], I32), np.ones(1024, I32)),
        (0, 1),
    ),
    counted(
        "shared_atomics",
        "shared_atomics",
        lambda r: [integers(r, 1024, below=1 << 20), zeros(128, dtype=I32)],
        shared_atomics,
    ),
)
