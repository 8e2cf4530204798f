"""Stencils, sorting, compaction, bodies."""

import numpy as np

from calibration.case import Args, Case, Shape, floats, int32, integers, permutation, words, zeros

I32, F64 = np.int32, np.float64


def bound(rtol: float) -> dict:
    return {"compare": "bound", "rtol": rtol, "oracle_rtol": rtol}


def stencil_1d(a: np.ndarray, out: np.ndarray, n: int) -> np.ndarray:
    return np.convolve(a.astype(F64), np.ones(7), "same")


def stencil_1d_guarded(a: np.ndarray, out: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate([np.zeros(3), np.convolve(a.astype(F64), np.ones(7), "valid"), np.zeros(3)])


def heat(border: bool) -> object:
    def oracle(a: np.ndarray, out: np.ndarray, width: int, height: int) -> np.ndarray:
        p = np.pad(a.astype(F64), 1)
        new = a + 0.2 * (p[1:-1, :-2] + p[1:-1, 2:] + p[:-2, 1:-1] + p[2:, 1:-1] - 4.0 * a)
        if not border:
            new[[0, -1]] = new[:, [0, -1]] = 0
        return new

    return oracle


def heat_args(rng: np.random.Generator) -> Args:
    return [floats(rng, 45, 70), zeros(45, 70), int32(70), int32(45)]


def convolution(a: np.ndarray, weight: np.ndarray, out: np.ndarray, width: int, height: int) -> np.ndarray:
    p = np.pad(a.astype(F64), 1)
    return sum(weight[y, x] * p[y : y + height, x : x + width] for y in range(3) for x in range(3))


def life(a: np.ndarray, out: np.ndarray, width: int, height: int) -> np.ndarray:
    near = sum(np.roll(a, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)) - a
    return ((near == 3) | ((a == 1) & (near == 2))).astype(np.uint8)


def compact(a: np.ndarray, out: np.ndarray, counts: np.ndarray) -> tuple:
    out = out.copy().reshape(-1, 256)
    kept = [row[row > 0] for row in a.reshape(-1, 256)]
    for row, values in zip(out, kept, strict=True):
        row[: len(values)] = values
    return out, np.array([len(k) for k in kept], I32)


def compact_atomic(a: np.ndarray, out: np.ndarray, count: np.ndarray) -> tuple:
    n = int((a > 0).sum())
    return (np.arange(len(a)) < n).astype(I32), np.array([n], I32)


def signed(rng: np.random.Generator, n: int) -> np.ndarray:
    return words(rng, n).view(I32)


def bodies(a: np.ndarray, out: np.ndarray, n: int) -> np.ndarray:
    a = a.astype(F64)
    d = a[None, :, :3] - a[:, None, :3]
    pull = a[None, :, 3] * ((d * d).sum(-1) + 0.01) ** -1.5
    return np.concatenate([(d * pull[..., None]).sum(1), np.zeros((len(a), 1))], 1)


def list_args(rng: np.random.Generator) -> Args:
    order = permutation(rng, 256)
    following = np.empty(256, I32)
    following[order[:-1]], following[order[-1]] = order[1:], order[-1]
    return [following, (following != np.arange(256)).astype(I32), int32(256)]


def ranks(following: np.ndarray, rank: np.ndarray, n: int) -> np.ndarray:
    last = int(np.flatnonzero(following == np.arange(256))[0])
    before, out = np.argsort(following, kind="stable"), np.zeros(256, I32)
    before = {int(f): i for i, f in enumerate(following) if f != i}
    at, steps = last, 0
    while at in before:
        at, steps = before[at], steps + 1
        out[at] = steps
    return out


def radix(a: np.ndarray, out: np.ndarray, bit: int) -> np.ndarray:
    rows = a.reshape(-1, 256)
    return np.stack([row[np.argsort(row >> np.uint32(bit) & np.uint32(1), kind="stable")] for row in rows])


def csr_args(rng: np.random.Generator) -> Args:
    start = np.concatenate([[0], np.cumsum(integers(rng, 128, below=20))]).astype(I32)
    n = int(start[-1])
    return [start, integers(rng, n, below=200), floats(rng, n), floats(rng, 200), zeros(128)]


def csr(start: np.ndarray, column: np.ndarray, value: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    terms = np.concatenate([[0], np.cumsum(value.astype(F64) * x[column])])
    return terms[start[1:]] - terms[start[:-1]]


def edit_distance(a: np.ndarray, b: np.ndarray, out: np.ndarray, n: int) -> np.ndarray:
    row = list(range(n + 1))
    for i in range(n):
        above, row = row, [i + 1]
        for j in range(n):
            row.append(min(above[j + 1] + 1, row[j] + 1, above[j] + int(a[i] != b[j])))
    return np.array([row[-1]], I32)


def on(
    file: str, name: str, grid: Shape, block: Shape, args: object, outputs: tuple, oracle: object, rtol: float = 0
) -> Case:
    return Case(name, file, name, grid, block, args, outputs, oracle, rtol)


CASES = (
    on(
        "stencils.cu",
        "stencil_1d_global",
        4,
        256,
        lambda r: [floats(r, 1000), zeros(1000), int32(1000)],
        (1,),
        stencil_1d_guarded,
        1e-5,
    ),
    on(
        "stencils.cu",
        "stencil_1d_shared",
        8,
        128,
        lambda r: [floats(r, 1024), zeros(1024), int32(1024)],
        (1,),
        stencil_1d,
        1e-5,
    ),
    on("stencils.cu", "heat_global", (3, 6), (32, 8), heat_args, (1,), heat(False), 1e-5),
    on("stencils.cu", "heat_shared", (3, 6), (32, 8), heat_args, (1,), heat(True), 1e-5),
    on(
        "stencils.cu",
        "life",
        (2, 6),
        (32, 8),
        lambda r: [integers(r, 48, 64, below=2, dtype=np.uint8), zeros(48, 64, dtype=np.uint8), int32(64), int32(48)],
        (1,),
        life,
    ),
    on(
        "stencils.cu",
        "convolution_3x3",
        (2, 4),
        (32, 8),
        lambda r: [floats(r, 32, 64), floats(r, 3, 3), zeros(32, 64), int32(64), int32(32)],
        (2,),
        convolution,
        1e-5,
    ),
    on(
        "algorithms.cu",
        "bitonic_sort",
        2,
        256,
        lambda r: [signed(r, 1024)],
        (0,),
        lambda a: np.sort(a.reshape(2, -1), 1),
    ),
    on(
        "algorithms.cu",
        "compact_block",
        4,
        256,
        lambda r: [signed(r, 1024), zeros(1024, dtype=I32), zeros(4, dtype=I32)],
        (1, 2),
        compact,
    ),
    on(
        "algorithms.cu",
        "compact_atomic",
        4,
        256,
        lambda r: [signed(r, 1024), zeros(1024, dtype=I32), zeros(1, dtype=I32)],
        (1, 2),
        compact_atomic,
    ),
    Case(
        "bodies",
        "algorithms.cu",
        "bodies",
        2,
        128,
        lambda r: [floats(r, 256, 4), zeros(256, 4), int32(256)],
        (1,),
        bodies,
        **bound(1e-5),
    ),
    on("algorithms.cu", "list_ranking", 1, 256, list_args, (1,), ranks),
    on(
        "algorithms.cu",
        "radix_split",
        4,
        256,
        lambda r: [words(r, 1024), zeros(1024, dtype=np.uint32), int32(13)],
        (1,),
        radix,
    ),
    on("algorithms.cu", "csr_matvec", 1, 128, csr_args, (4,), csr, 1e-5),
    on(
        "algorithms.cu",
        "edit_distance_row",
        1,
        64,
        lambda r: [integers(r, 40, below=4), integers(r, 40, below=4), zeros(1, dtype=I32), int32(40)],
        (2,),
        edit_distance,
    ),
)
