"""y = (x - mean) / sqrt(variance + 1e-5) · weight + bias, over each row; bf16 in and out, computed in float32."""

from utils import tl, triton
from utils.launches import Launch, Rung

from .rows import COMMON, held, power, resident, threads, warps

EPS = 1e-5

LAYER_NORM = (
    COMMON
    + r"""
// Mean, variance, result: the row is read three times.
__global__ void three_passes(const __nv_bfloat16* x, const __nv_bfloat16* weight, const __nv_bfloat16* bias,
                             __nv_bfloat16* y, int cols, float eps) {
    x += (size_t)blockIdx.x * cols, y += (size_t)blockIdx.x * cols;
    float sum = 0, squares = 0;
    for (int c = threadIdx.x; c < cols; c += 256) sum += __bfloat162float(x[c]);
    float mean = reduce<Add, 256>(sum, 0) / cols;
    for (int c = threadIdx.x; c < cols; c += 256) {
        float d = __bfloat162float(x[c]) - mean;
        squares += d * d;
    }
    float scale = rsqrtf(reduce<Add, 256>(squares, 1) / cols + eps);
    for (int c = threadIdx.x; c < cols; c += 256)
        y[c] = __float2bfloat16((__bfloat162float(x[c]) - mean) * scale * __bfloat162float(weight[c])
                                + __bfloat162float(bias[c]));
}

// Welford: mean and squared deviations in one pass, without the cancellation of mean(x²) - mean(x)².
// Parts are joined as Chan does: the deviations of both, and those of their means from the mean of all.
__global__ void welford(const __nv_bfloat16* x, const __nv_bfloat16* weight, const __nv_bfloat16* bias,
                        __nv_bfloat16* y, int cols, float eps) {
    x += (size_t)blockIdx.x * cols, y += (size_t)blockIdx.x * cols;
    float count = 0, mine = 0, squares = 0;
    for (int c = threadIdx.x; c < cols; c += 256) {
        float v = __bfloat162float(x[c]), d = v - mine;
        count += 1;
        mine += __fdividef(d, count);
        squares += d * (v - mine);
    }
    float mean = reduce<Add, 256>(mine * count, 0) / cols;
    squares += count * (mine - mean) * (mine - mean);
    float scale = rsqrtf(reduce<Add, 256>(squares, 1) / cols + eps);
    for (int c = threadIdx.x; c < cols; c += 256)
        y[c] = __float2bfloat16((__bfloat162float(x[c]) - mean) * scale * __bfloat162float(weight[c])
                                + __bfloat162float(bias[c]));
}

template <int V, int HELD, int THREADS>
__device__ void moments(const Pack<V> (&held)[HELD], int cols, float eps, float& mean, float& scale) {
    float sum = 0, squares = 0;
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        for (int e = 0; e < V; ++e) sum += __bfloat162float(held[k].at[e]);  // 0 beyond the row
    mean = reduce<Add, THREADS>(sum, 0) / cols;
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (threadIdx.x + k * THREADS < cols / V)
            for (int e = 0; e < V; ++e) {
                float d = __bfloat162float(held[k].at[e]) - mean;
                squares += d * d;
            }
    scale = rsqrtf(reduce<Add, THREADS>(squares, 1) / cols + eps);
}

template <int V> __device__ Pack<V> normal(Pack<V> pack, Pack<V> w, Pack<V> b, float mean, float scale) {
    for (int e = 0; e < V; ++e)
        pack.at[e] = __float2bfloat16((__bfloat162float(pack.at[e]) - mean) * scale * __bfloat162float(w.at[e])
                                      + __bfloat162float(b.at[e]));
    return pack;
}

// The row is read once and stays in registers; weights and bias come from the caches.
template <int V, int HELD, int THREADS> __global__ void __launch_bounds__(THREADS)
in_registers(const __nv_bfloat16* x, const __nv_bfloat16* weight, const __nv_bfloat16* bias, __nv_bfloat16* y,
             int cols, float eps) {
    size_t start = (size_t)blockIdx.x * cols;
    const Pack<V>* w = reinterpret_cast<const Pack<V>*>(weight);
    const Pack<V>* b = reinterpret_cast<const Pack<V>*>(bias);
    Pack<V>* to = reinterpret_cast<Pack<V>*>(y + start);
    Pack<V> held[HELD];
    load_row<V, HELD, THREADS>(held, reinterpret_cast<const Pack<V>*>(x + start), cols / V, 0);
    float mean, scale;
    moments<V, HELD, THREADS>(held, cols, eps, mean, scale);
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = threadIdx.x + k * THREADS; i < cols / V) store(to + i, normal(held[k], w[i], b[i], mean, scale));
}

// Blocks stay for many rows: weights and bias are read once, and the next row is on its way.
template <int V, int HELD, int THREADS> __global__ void __launch_bounds__(THREADS)
ahead(const __nv_bfloat16* x, const __nv_bfloat16* weight, const __nv_bfloat16* bias, __nv_bfloat16* y, int rows,
      int cols, float eps) {
    Pack<V> held[HELD], next[HELD], w[HELD], b[HELD];
    load_row<V, HELD, THREADS>(held, reinterpret_cast<const Pack<V>*>(x + (size_t)blockIdx.x * cols), cols / V, 0);
    load_row<V, HELD, THREADS>(w, reinterpret_cast<const Pack<V>*>(weight), cols / V, 0);
    load_row<V, HELD, THREADS>(b, reinterpret_cast<const Pack<V>*>(bias), cols / V, 0);
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        size_t start = (size_t)row * cols, after = start + (size_t)gridDim.x * cols;
        if (row + gridDim.x < rows)
            load_row<V, HELD, THREADS>(next, reinterpret_cast<const Pack<V>*>(x + after), cols / V, 0);
        Pack<V>* to = reinterpret_cast<Pack<V>*>(y + start);
        float mean, scale;
        moments<V, HELD, THREADS>(held, cols, eps, mean, scale);
#pragma unroll
        for (int k = 0; k < HELD; ++k)
            if (int i = threadIdx.x + k * THREADS; i < cols / V)
                store(to + i, normal(held[k], w[k], b[k], mean, scale));
#pragma unroll
        for (int k = 0; k < HELD; ++k) held[k] = next[k];
    }
}"""
)


@triton.jit
def loops_triton(x, weight, bias, y, cols, eps, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * cols
    sums = tl.zeros((BLOCK,), tl.float32)
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        sums += tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
    mean = tl.sum(sums) / cols
    squares = tl.zeros((BLOCK,), tl.float32)
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        d = tl.where(c < cols, tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32) - mean, 0.0)
        squares += d * d
    scale = tl.rsqrt(tl.sum(squares) / cols + eps)
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
        w = tl.load(weight + c, mask=c < cols, other=0).to(tl.float32)
        b = tl.load(bias + c, mask=c < cols, other=0).to(tl.float32)
        tl.store(y + start + c, ((v - mean) * scale * w + b).to(tl.bfloat16), mask=c < cols)


@triton.jit
def row_triton(x, weight, bias, y, cols, eps, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * cols
    c = tl.arange(0, BLOCK)
    v = tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
    w = tl.load(weight + c, mask=c < cols, other=0).to(tl.float32)
    b = tl.load(bias + c, mask=c < cols, other=0).to(tl.float32)
    d = tl.where(c < cols, v - tl.sum(v) / cols, 0.0)
    scale = tl.rsqrt(tl.sum(d * d) / cols + eps)
    tl.store(y + start + c, (d * scale * w + b).to(tl.bfloat16), mask=c < cols)


def passes(kernel):
    def plan(x, weight, bias, y):
        rows, cols = x.shape
        return [Launch(kernel, rows, (x, weight, bias, y, cols, EPS), 256, LAYER_NORM)]

    return plan


def in_registers(x, weight, bias, y, packs=4, wide=True):
    rows, cols = x.shape
    instance = held(cols, packs, wide)
    if instance is None:
        return passes("welford")(x, weight, bias, y)
    return [Launch(f"in_registers<{instance}>", rows, (x, weight, bias, y, cols, EPS), threads(instance), LAYER_NORM)]


def ahead(x, weight, bias, y, packs=4, registers=64):
    rows, cols = x.shape
    instance = held(cols, packs)
    if instance is None:
        return passes("welford")(x, weight, bias, y)
    args = (x, weight, bias, y, rows, cols, EPS)
    return [Launch(f"ahead<{instance}>", resident(rows, instance, registers), args, threads(instance), LAYER_NORM)]


def loops_in_triton(x, weight, bias, y, block=1024, num_warps=4):
    rows, cols = x.shape
    options = {"BLOCK": block, "num_warps": num_warps}
    return [Launch(loops_triton, rows, (x, weight, bias, y, cols, EPS), options=options)]


def row_in_triton(x, weight, bias, y, each=16):
    rows, cols = x.shape
    options = {"BLOCK": power(cols), "num_warps": warps(cols, each)}
    return [Launch(row_triton, rows, (x, weight, bias, y, cols, EPS), options=options)]


RUNGS = (
    Rung("three passes", "read", passes("three_passes")),
    Rung("Welford: two passes", "read", passes("welford")),
    Rung("row in registers, 2-byte loads", "read", lambda *arrays: in_registers(*arrays, wide=False)),
    Rung("16-byte loads", "instructions", in_registers),
    Rung("the next row on its way", "instructions", ahead),
    Rung("Triton, three passes", "read", loops_in_triton),
    Rung("Triton, row in registers", "read", row_in_triton),
)
