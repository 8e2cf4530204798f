"""y = (x - mean) / sqrt(variance + 1e-5) · weight + bias, over each row; bf16 in and out, computed in float32."""

from utils import tl, triton
from utils.launches import Launch, Rung

from .rows import COMMON, held, power, threads, warps

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

// The row is read once and stays in registers; weights and bias come from the caches.
template <int V, int HELD, int THREADS> __global__ void __launch_bounds__(THREADS)
in_registers(const __nv_bfloat16* x, const __nv_bfloat16* weight, const __nv_bfloat16* bias, __nv_bfloat16* y,
             int cols, float eps) {
    size_t start = (size_t)blockIdx.x * cols;
    Pack<V> held[HELD];
    load_row<V, HELD, THREADS>(held, reinterpret_cast<const Pack<V>*>(x + start), cols / V, 0);
    float sum = 0, squares = 0;
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        for (int e = 0; e < V; ++e) sum += __bfloat162float(held[k].at[e]);  // 0 beyond the row
    float mean = reduce<Add, THREADS>(sum, 0) / cols;
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (threadIdx.x + k * THREADS < cols / V)
            for (int e = 0; e < V; ++e) {
                float d = __bfloat162float(held[k].at[e]) - mean;
                squares += d * d;
            }
    float scale = rsqrtf(reduce<Add, THREADS>(squares, 1) / cols + eps);
    const Pack<V>* weights = reinterpret_cast<const Pack<V>*>(weight);
    const Pack<V>* biases = reinterpret_cast<const Pack<V>*>(bias);
    Pack<V>* to = reinterpret_cast<Pack<V>*>(y + start);
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = threadIdx.x + k * THREADS; i < cols / V) {
            Pack<V> w = weights[i], b = biases[i], out;
            for (int e = 0; e < V; ++e)
                out.at[e] = __float2bfloat16((__bfloat162float(held[k].at[e]) - mean) * scale
                                             * __bfloat162float(w.at[e]) + __bfloat162float(b.at[e]));
            to[i] = out;
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
    d = tl.where(c < cols, v - tl.sum(v) / cols, 0.0)
    scale = tl.rsqrt(tl.sum(d * d) / cols + eps)
    w = tl.load(weight + c, mask=c < cols, other=0).to(tl.float32)  # late: registers are for the row
    b = tl.load(bias + c, mask=c < cols, other=0).to(tl.float32)
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


def two_byte_loads(*arrays):
    return in_registers(*arrays, wide=False)


def loops_in_triton(x, weight, bias, y, block=1024, num_warps=4):
    rows, cols = x.shape
    options = {"BLOCK": block, "num_warps": num_warps}
    return [Launch(loops_triton, rows, (x, weight, bias, y, cols, EPS), options=options)]


def row_in_triton(x, weight, bias, y, each=32):
    rows, cols = x.shape
    options = {"BLOCK": power(cols), "num_warps": warps(cols, each)}
    return [Launch(row_triton, rows, (x, weight, bias, y, cols, EPS), options=options)]


RUNGS = (
    Rung("three passes", ("read", "instructions"), passes("three_passes")),
    Rung("Welford: two passes", ("read", "instructions"), passes("welford")),
    Rung(
        "row in registers, 2-byte loads",
        ("read", "global load", "instructions"),
        two_byte_loads,
    ),
    Rung("16-byte loads", ("read", "global load", "instructions"), in_registers),
    Rung("Triton, three passes", ("read", "instructions"), loops_in_triton),
    Rung("Triton, row in registers", ("read", "global load", "instructions"), row_in_triton),
)
