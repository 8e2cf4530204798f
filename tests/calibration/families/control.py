"""Divergence, votes and shuffles, locks and flags between blocks."""

import numpy as np

from calibration.case import Args, Case, Shape, doubles, floats, int32, integers, words, zeros

I32, U32 = np.int32, np.uint32


def collatz(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v, n = a.astype(np.int64), np.zeros(len(a), I32)
    while (v > 1).any():
        n += v > 1
        v = np.where(v > 1, np.where(v % 2 == 1, 3 * v + 1, v // 2), v)
    return n


def trips(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v, lane = a.copy(), np.arange(len(a)) % 32
    for k in range(31):
        v = np.where(k < lane, v * np.float32(0.5) + np.float32(1), v)  # exact: halving does not round
    return v


def switch(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    t = np.arange(len(a)) % 8
    popc = np.array([int(v).bit_count() for v in a], I32)
    ways = [a * a, a // 7, a ^ 0x5555, a[np.arange(len(a)) ^ 1] + 3, popc, a % 11, (a << 3) - 1, a - 1]
    return np.choose(t, [w.astype(I32) for w in ways])


def early(a: np.ndarray, out: np.ndarray, n: int) -> np.ndarray:
    return np.where((np.arange(len(a)) < n) & (a >= 0), a + 1, out)


def calls(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v = a.copy()
    for d in range(3):
        v = np.where((v >> d) & 1 == 1, v + 1 if d == 0 else v * 2 + d, v).astype(I32)
    return v


def match(key: np.ndarray) -> np.ndarray:
    """(warps, 32) -> the mask of lanes with the same key."""
    return ((key[:, :, None] == key[:, None, :]) * (U32(1) << np.arange(32, dtype=U32))).sum(2, dtype=U32)


def ballot(flag: np.ndarray) -> np.ndarray:
    return (flag * (U32(1) << np.arange(32, dtype=U32))).sum(-1, keepdims=True, dtype=U32)


def votes(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v = a.reshape(-1, 32)
    agreed = (v >> 30 == v[:, :1] >> 30).all(1, keepdims=True)
    every = np.where(agreed, U32(0xFFFFFFFF), U32(0))
    flags = (v == 3).any(1, keepdims=True) | (v >= 0).all(1, keepdims=True) << 1 | agreed << 2
    return (ballot(v & 1) ^ match(v & 7) * U32(3) ^ every * U32(5) ^ flags.astype(U32)).reshape(-1)


def votes_of_some(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v, odd = a.reshape(-1, 32), np.arange(32) % 2 == 1
    same = match(np.where(odd, -1, v & 3))
    return np.where(odd, ballot((v & 1) * odd), same).reshape(-1)


def prefix(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v = a.reshape(-1, 32) & 1
    return (np.cumsum(v, 1) - v).astype(I32).reshape(-1)


def shuffles(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v, lane = a.reshape(-1, 32), np.arange(32)
    up, down = np.where(lane >= 3, lane - 3, lane), np.where(lane % 16 + 7 < 16, lane + 7, lane)
    mixed = [v[:, lane * 5 & 31], v[:, up] * 3, v[:, down] * 5, v[:, lane ^ 9] * 7, v[:, lane // 8 * 8 + 2] * 11]
    return np.bitwise_xor.reduce([m.astype(I32) for m in mixed]).reshape(-1)


def barrier_counts(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    v = a.reshape(-1, 128)
    row = (v & 1).sum(1) * 4 + (v == 5).any(1) * 2 + (v >= 0).all(1)
    return np.repeat(row, 128).astype(I32)


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


def signed(r: np.random.Generator) -> Args:
    return [words(r, 512).view(I32), zeros(512, dtype=I32)]


def unsigned_out(below: int) -> object:
    return lambda r: [integers(r, 512, below=below), zeros(512, dtype=U32)]


def flag_pairs(a: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    return a[np.arange(len(a)) ^ 1] * 3 + 1


A, L, M = "asynchronous.cu", "locks.cu", "memory_kinds.cu"


CASES = (
    simple("control.cu", "collatz", ints(256, 1000), collatz, grid=2),
    simple("control.cu", "trips_by_lane", lambda r: [floats(r, 128), zeros(128)], trips, grid=1, oracle_rtol=1e-6),
    simple("control.cu", "switch_by_lane", ints(512, 40000), switch),
    simple(
        "control.cu",
        "nested_branches",
        lambda r: [integers(r, 256, below=1000), integers(r, 256, below=1000)],
        None,
        grid=2,
    ),
    simple("control.cu", "early_exit", lambda r: [*signed(r), int32(450)], early),
    simple("control.cu", "calls", ints(512, 1000), calls),
    simple("control.cu", "votes", unsigned_out(8), votes),
    simple("control.cu", "votes", unsigned_out(1 << 31), votes, as_="votes_wide"),
    simple("control.cu", "votes_of_some", unsigned_out(1 << 20), votes_of_some),
    simple("control.cu", "prefix_by_ballot", ints(), prefix),
    simple("control.cu", "shuffles", signed, shuffles),
    simple(
        "control.cu",
        "shuffle_double",
        lambda r: [doubles(r, 512), zeros(512, dtype=np.float64)],
        lambda a, b: a[np.arange(512) ^ 16] - a,
    ),
    simple(
        "control.cu",
        "mandelbrot",
        lambda r: [zeros(48, 64, dtype=np.uint8), int32(64), int32(60)],
        None,
        (0,),
        (2, 6),
        (32, 8),
    ),
    simple("control.cu", "barrier_counts", ints(512, 200), barrier_counts),
    simple(
        L,
        "spin_lock",
        lambda r: [zeros(1, dtype=I32), zeros(1, dtype=I32), zeros(64, dtype=I32)],
        lambda *a: np.array([28], I32),
        (1,),
        8,
        32,
        counters=False,
    ),
    simple(
        L,
        "spin_lock_lanes",
        lambda r: [zeros(1, dtype=I32), zeros(1, dtype=I32)],
        lambda *a: np.array([2 * 528], I32),
        (1,),
        2,
        32,
        counters=False,
    ),
    simple(
        L,
        "ticket_lock",
        lambda r: [zeros(1, dtype=U32), zeros(1, dtype=U32), zeros(1, dtype=I32)],
        lambda *a: (np.array([8], U32), np.array([255], I32)),
        (1, 2),
        8,
        32,
        counters=False,
    ),
    simple(
        L,
        "flag_pairs",
        lambda r: [integers(r, 256, below=1000), zeros(256, dtype=I32), zeros(4, dtype=I32), zeros(256, dtype=I32)],
        flag_pairs,
        (3,),
        8,
        64,
        counters=False,
    ),
    simple(
        L,
        "grid_barrier",
        lambda r: [integers(r, 256, below=1000), zeros(256, dtype=I32), zeros(1, dtype=U32), zeros(256, dtype=I32)],
        lambda a, *rest: (a[::-1] + 1) * 2,
        (3,),
        4,
        64,
        counters=False,
    ),
    simple(
        L,
        "acquire_release",
        lambda r: [integers(r, 64, below=1000), zeros(64, dtype=I32), zeros(1, dtype=I32), zeros(64, dtype=I32)],
        lambda a, *rest: a[np.arange(64) ^ 3] + 5,
        (3,),
        2,
        64,
        counters=False,
    ),
)
