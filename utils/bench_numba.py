"""Three kernels on numba's CUDA simulator, timed: what `./study bench --emulator` is compared with.

A script of its own, for a Python that has numba and not the course: `python bench_numba.py transpose 128` prints the
seconds of one launch and whether its values are right. The kernels do what those in `bench_emulator.py` do.
"""

import json
import os
import sys
import time

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np
from numba import cuda, float32

TILE = 16


@cuda.jit
def transpose(x, y, n):
    tile = cuda.shared.array((32, 33), float32)
    column = cuda.blockIdx.x * 32 + cuda.threadIdx.x
    row = cuda.blockIdx.y * 32 + cuda.threadIdx.y
    for k in range(0, 32, 8):
        if row + k < n and column < n:
            tile[cuda.threadIdx.y + k, cuda.threadIdx.x] = x[row + k, column]
    cuda.syncthreads()
    column = cuda.blockIdx.y * 32 + cuda.threadIdx.x
    row = cuda.blockIdx.x * 32 + cuda.threadIdx.y
    for k in range(0, 32, 8):
        if row + k < n and column < n:
            y[row + k, column] = tile[cuda.threadIdx.x, cuda.threadIdx.y + k]


@cuda.jit
def reduction(x, total, n):
    part = cuda.shared.array(256, float32)
    thread = cuda.threadIdx.x
    value = float32(0)
    i = cuda.blockIdx.x * 256 + thread
    while i < n:
        value += x[i]
        i += 256 * cuda.gridDim.x
    part[thread] = value
    cuda.syncthreads()
    step = 128
    while step > 0:
        if thread < step:
            part[thread] += part[thread + step]
        cuda.syncthreads()
        step //= 2
    if thread == 0:
        cuda.atomic.add(total, 0, part[0])


@cuda.jit
def product(a, b, c, n):
    left = cuda.shared.array((TILE, TILE), float32)
    right = cuda.shared.array((TILE, TILE), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    column, row = cuda.blockIdx.x * TILE + x, cuda.blockIdx.y * TILE + y
    total = float32(0)
    for k in range(0, n, TILE):
        left[y, x] = a[row, k + x]
        right[y, x] = b[k + y, column]
        cuda.syncthreads()
        for j in range(TILE):
            total += left[y, j] * right[j, x]
        cuda.syncthreads()
    c[row, column] = total


def once(name: str, n: int) -> tuple[float, bool]:
    """Seconds of one launch, and whether it was right."""
    rng = np.random.default_rng(n)
    if name == "transpose":
        x, y = rng.standard_normal((n, n), np.float32), np.zeros((n, n), np.float32)
        seconds = timed(transpose[(-(-n // 32), -(-n // 32)), (32, 8)], x, y, n)
        return seconds, np.array_equal(y, x.T)
    if name == "reduction":
        x, total = rng.standard_normal(n, np.float32), np.zeros(1, np.float32)
        seconds = timed(reduction[-(-n // 1024), 256], x, total, n)
        return seconds, bool(abs(total[0] - x.sum(dtype=np.float64)) < 1e-6 * np.abs(x).sum())
    a, b = rng.standard_normal((2, n, n), np.float32)
    c = np.zeros((n, n), np.float32)
    seconds = timed(product[(n // TILE, n // TILE), (TILE, TILE)], a, b, c, n)
    return seconds, bool(np.allclose(c, a.astype(np.float64) @ b, rtol=1e-4, atol=1e-4))


def timed(launch, *args) -> float:
    start = time.perf_counter()
    launch(*args)
    return time.perf_counter() - start


if __name__ == "__main__":
    seconds, right = once(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"seconds": seconds, "right": right}))
