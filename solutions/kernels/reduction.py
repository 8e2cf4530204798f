"""The sum of a float32 array (below 2**30 elements), and the sums of the rows of a bf16 matrix, in float32.

The first rungs are the classic ones: a block turns 256 or 512 elements into one, and the kernel is launched again on
what the blocks leave, until one number remains.
"""

from utils import tl, triton
from utils.launches import Launch, Rung, blocks, multiprocessors

from .rows import power

THREADS = 256

SUM = r"""
__device__ float warp_sum(float v) {
    for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_down_sync(0xffffffff, v, lanes);
    return v;  // right in lane 0
}

// Of all the block's v; right in thread 0. At most 1024 threads.
__device__ float block_sum(float v) {
    __shared__ float part[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    v = warp_sum(v);
    if (lane == 0) part[warp] = v;
    __syncthreads();
    v = threadIdx.x < blockDim.x / 32 ? part[lane] : 0;
    return warp == 0 ? warp_sum(v) : 0;
}

// Neighbours first. Of 32 lanes 16 work, then 8, 4, 2, 1: every warp is busy to the end.
__global__ void divergent(const float* x, float* y, int n) {
    __shared__ float s[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    s[t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int d = 1; d < 256; d *= 2) {
        if (t % (2 * d) == 0) s[t] += s[t + d];
        __syncthreads();
    }
    if (t == 0) y[blockIdx.x] = s[0];
}

// The same sums by the first threads: whole warps fall idle, but the lanes that work stand 2 d apart, in few banks.
__global__ void interleaved(const float* x, float* y, int n) {
    __shared__ float s[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    s[t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int d = 1; d < 256; d *= 2) {
        if (int k = 2 * d * t; k < 256) s[k] += s[k + d];
        __syncthreads();
    }
    if (t == 0) y[blockIdx.x] = s[0];
}

// Far halves first: neighbouring lanes, neighbouring banks.
__global__ void sequential(const float* x, float* y, int n) {
    __shared__ float s[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    s[t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int d = 128; d > 0; d /= 2) {
        if (t < d) s[t] += s[t + d];
        __syncthreads();
    }
    if (t == 0) y[blockIdx.x] = s[0];
}

// The first addition happens on the way in: no thread only loads.
__global__ void on_load(const float* x, float* y, int n) {
    __shared__ float s[256];
    int t = threadIdx.x, i = blockIdx.x * 512 + t;
    s[t] = (i < n ? x[i] : 0) + (i + 256 < n ? x[i + 256] : 0);
    __syncthreads();
    for (int d = 128; d > 0; d /= 2) {
        if (t < d) s[t] += s[t + d];
        __syncthreads();
    }
    if (t == 0) y[blockIdx.x] = s[0];
}

// Lanes exchange registers: one barrier instead of nine.
__global__ void shuffles(const float* x, float* y, int n) {
    int i = blockIdx.x * 512 + threadIdx.x;
    float sum = block_sum((i < n ? x[i] : 0) + (i + 256 < n ? x[i + 256] : 0));
    if (threadIdx.x == 0) y[blockIdx.x] = sum;
}

// A grid of fixed size walks over the array, HELD float4 a thread in flight. The block that finishes last adds what
// all blocks left: one launch, and the same order of additions every time. `finished` is 0 before and after.
template <int HELD> __global__ void one_pass(const float* x, float* y, float* left, unsigned* finished, int n) {
    const float4* from = reinterpret_cast<const float4*>(x);
    int i = blockIdx.x * blockDim.x + threadIdx.x, step = gridDim.x * blockDim.x * HELD;
    float sum = i < n % 4 ? x[n - 1 - i] : 0;
    for (int first = blockIdx.x * blockDim.x * HELD + threadIdx.x; first < n / 4; first += step) {
        float4 v[HELD];
#pragma unroll
        for (int k = 0; k < HELD; ++k)
            v[k] = first + k * blockDim.x < n / 4 ? from[first + k * blockDim.x] : make_float4(0, 0, 0, 0);
#pragma unroll
        for (int k = 0; k < HELD; ++k) sum += v[k].x + v[k].y + (v[k].z + v[k].w);
    }
    sum = block_sum(sum);
    __shared__ bool last;
    if (threadIdx.x == 0) {
        left[blockIdx.x] = sum;
        __threadfence();  // what is left is seen before the count
        last = atomicInc(finished, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    sum = 0;
    for (int k = threadIdx.x; k < gridDim.x; k += blockDim.x) sum += __ldcg(left + k);
    sum = block_sum(sum);
    if (threadIdx.x == 0) y[0] = sum;
}"""

ROW_SUM = r"""
#include <cuda_bf16.h>

__device__ float warp_sum(float v) {
    for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffff, v, lanes);
    return v;
}

// Every lane in a row of its own: each load of a warp touches 32 rows.
__global__ void thread_a_row(const __nv_bfloat16* x, float* y, int rows, int cols) {
    int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    float sum = 0;
    for (int c = 0; c < cols; ++c) sum += __bfloat162float(x[(size_t)row * cols + c]);
    y[row] = sum;
}

__global__ void warp_a_row(const __nv_bfloat16* x, float* y, int rows, int cols) {
    int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    float sum = 0;
    for (int c = lane; c < cols; c += 32) sum += __bfloat162float(x[(size_t)row * cols + c]);
    sum = warp_sum(sum);
    if (lane == 0) y[row] = sum;
}

// V elements a load (8: 16 bytes, where every row is aligned), HELD loads in flight.
template <int V, int HELD> __global__ void vectors(const __nv_bfloat16* x, float* y, int rows, int cols) {
    struct alignas(2 * V) Pack { __nv_bfloat16 at[V]; };
    int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    const Pack* from = reinterpret_cast<const Pack*>(x + (size_t)row * cols);
    float sum = 0;
    for (int first = lane; first < cols / V; first += 32 * HELD) {
        Pack held[HELD];
#pragma unroll
        for (int k = 0; k < HELD; ++k)
            if (int i = first + 32 * k; i < cols / V) held[k] = from[i];
            else for (int e = 0; e < V; ++e) held[k].at[e] = __nv_bfloat16(0.f);
#pragma unroll
        for (int k = 0; k < HELD; ++k)
            for (int e = 0; e < V; ++e) sum += __bfloat162float(held[k].at[e]);
    }
    sum = warp_sum(sum);
    if (lane == 0) y[row] = sum;
}"""


@triton.jit
def sums_triton(x, left, n, BLOCK: tl.constexpr):
    sums = tl.zeros((BLOCK,), tl.float32)
    for start in tl.range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        i = start + tl.arange(0, BLOCK)
        sums += tl.load(x + i, mask=i < n, other=0)
    tl.store(left + tl.program_id(0), tl.sum(sums))


@triton.jit
def row_sum_triton(x, y, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    sums = tl.zeros((BLOCK,), tl.float32)
    for start in tl.range(0, cols, BLOCK):
        c = start + tl.arange(0, BLOCK)
        sums += tl.load(x + row * cols + c, mask=c < cols, other=0).to(tl.float32)
    tl.store(y + row, tl.sum(sums))


def levels(kernel, each):
    """The kernel on x, then on what its blocks left, and so on; the last launch writes y.

    left: room for two levels, float32, len(x) / 128 + 2.
    """

    def plan(x, y, left, finished):
        launches, source, n, side = [], x, len(x), 0
        while True:
            grid = blocks(n, each)
            target = y if grid == 1 else left[side * (len(left) // 2) :]
            launches.append(Launch(kernel, grid, (source, target, n), THREADS, SUM))
            if grid == 1:
                return launches
            source, n, side = target, grid, 1 - side

    return plan


def one_pass(x, y, left, finished, held=4, threads=1024, each=32):
    grid = min(blocks(len(x), 4 * held * threads), each * multiprocessors(), len(left))
    return [Launch(f"one_pass<{held}>", grid, (x, y, left, finished, len(x)), threads, SUM)]


def sum_in_triton(x, y, left, finished, block=4096, warps=8, each=4):
    grid = min(blocks(len(x), block), each * multiprocessors(), len(left))
    first = Launch(sums_triton, grid, (x, left, len(x)), options={"BLOCK": block, "num_warps": warps})
    return [first, Launch(sums_triton, 1, (left, y, grid), options={"BLOCK": 1024, "num_warps": 4})]


def thread_a_row(x, y):
    rows, cols = x.shape
    return [Launch("thread_a_row", blocks(rows, 128), (x, y, rows, cols), 128, ROW_SUM)]


def warp_a_row(x, y):
    rows, cols = x.shape
    return [Launch("warp_a_row", blocks(rows, 4), (x, y, rows, cols), 128, ROW_SUM)]


def row_vectors(x, y, held=4, warps=1):
    rows, cols = x.shape
    kernel = f"vectors<{1 if cols % 8 else 8}, {held}>"
    return [Launch(kernel, blocks(rows, warps), (x, y, rows, cols), 32 * warps, ROW_SUM)]


def row_sum_in_triton(x, y):
    rows, cols = x.shape
    block = min(max(power(cols), 128), 4096)
    options = {"BLOCK": block, "num_warps": max(block // 512, 1)}
    return [Launch(row_sum_triton, rows, (x, y, cols), options=options)]


SUMS = (
    Rung("interleaved, divergent", ("lanes", "instructions"), levels("divergent", 256)),
    Rung("interleaved, first threads", ("shared load", "instructions"), levels("interleaved", 256)),
    Rung("sequential", ("shared load", "instructions"), levels("sequential", 256)),
    Rung("first addition on the way in", ("instructions", "shared"), levels("on_load", 512)),
    Rung("shuffles", ("instructions", "shared"), levels("shuffles", 512)),
    Rung("one pass, float4, four in flight", ("instructions",), one_pass),
    Rung("Triton", ("instructions",), sum_in_triton),
)
ROW_SUMS = (
    Rung("a thread a row", ("global load", "instructions"), thread_a_row),
    Rung("a warp a row", ("global load", "instructions"), warp_a_row),
    Rung("16-byte loads, four in flight", ("global load", "instructions"), row_vectors),
    Rung("Triton, a program a row", ("global load", "instructions"), row_sum_in_triton),
)
