"""y = x / sqrt(mean(x²) + 1e-5) · weight, over each row; bf16 in and out, computed in float32."""

from utils import tl, triton
from utils.launches import Launch, Rung

from .rows import COMMON, held, power, threads, warps

EPS = 1e-5

RMS_NORM = (
    COMMON
    + r"""
// The squares, then the result: the row is read twice.
__global__ void two_passes(const __nv_bfloat16* x, const __nv_bfloat16* weight, __nv_bfloat16* y, int cols, float eps) {
    x += (size_t)blockIdx.x * cols, y += (size_t)blockIdx.x * cols;
    float sum = 0;
    for (int c = threadIdx.x; c < cols; c += 256) {
        float v = __bfloat162float(x[c]);
        sum += v * v;
    }
    float scale = rsqrtf(reduce<Add, 256>(sum, 0) / cols + eps);
    for (int c = threadIdx.x; c < cols; c += 256)
        y[c] = __float2bfloat16(__bfloat162float(x[c]) * scale * __bfloat162float(weight[c]));
}

// The row is read once and stays in registers; the weights come from the caches, late:
// loaded beside the row, they would take registers from rows of other blocks.
template <int V, int HELD, int THREADS> __global__ void __launch_bounds__(THREADS)
in_registers(const __nv_bfloat16* x, const __nv_bfloat16* weight, __nv_bfloat16* y, int cols, float eps) {
    size_t start = (size_t)blockIdx.x * cols;
    Pack<V> held[HELD];
    load_row<V, HELD, THREADS>(held, reinterpret_cast<const Pack<V>*>(x + start), cols / V, 0);
    float sum = 0;
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        for (int e = 0; e < V; ++e) {
            float v = __bfloat162float(held[k].at[e]);
            sum += v * v;  // 0 beyond the row
        }
    float scale = rsqrtf(reduce<Add, THREADS>(sum, 0) / cols + eps);
    const Pack<V>* weights = reinterpret_cast<const Pack<V>*>(weight);
    Pack<V>* to = reinterpret_cast<Pack<V>*>(y + start);
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = threadIdx.x + k * THREADS; i < cols / V) {
            Pack<V> w = weights[i], out;
            for (int e = 0; e < V; ++e)
                out.at[e] = __float2bfloat16(__bfloat162float(held[k].at[e]) * scale * __bfloat162float(w.at[e]));
            to[i] = out;
        }
}"""
)


@triton.jit
def loops_triton(x, weight, y, cols, eps, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * cols
    squares = tl.zeros((BLOCK,), tl.float32)
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
        squares += v * v
    scale = tl.rsqrt(tl.sum(squares) / cols + eps)
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
        w = tl.load(weight + c, mask=c < cols, other=0).to(tl.float32)
        tl.store(y + start + c, (v * scale * w).to(tl.bfloat16), mask=c < cols)


@triton.jit
def row_triton(x, weight, y, cols, eps, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * cols
    c = tl.arange(0, BLOCK)
    v = tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(v * v) / cols + eps)
    w = tl.load(weight + c, mask=c < cols, other=0).to(tl.float32)  # late: registers are for the row
    tl.store(y + start + c, (v * scale * w).to(tl.bfloat16), mask=c < cols)


def two_passes(x, weight, y):
    rows, cols = x.shape
    return [Launch("two_passes", rows, (x, weight, y, cols, EPS), 256, RMS_NORM)]


def in_registers(x, weight, y, packs=4, wide=True):
    rows, cols = x.shape
    instance = held(cols, packs, wide)
    if instance is None:
        return two_passes(x, weight, y)
    return [Launch(f"in_registers<{instance}>", rows, (x, weight, y, cols, EPS), threads(instance), RMS_NORM)]


def two_byte_loads(*arrays):
    return in_registers(*arrays, wide=False)


def loops_in_triton(x, weight, y, block=1024, num_warps=4):
    rows, cols = x.shape
    options = {"BLOCK": block, "num_warps": num_warps}
    return [Launch(loops_triton, rows, (x, weight, y, cols, EPS), options=options)]


def row_in_triton(x, weight, y, each=32):
    rows, cols = x.shape
    options = {"BLOCK": power(cols), "num_warps": warps(cols, each)}
    return [Launch(row_triton, rows, (x, weight, y, cols, EPS), options=options)]


RUNGS = (
    Rung("two passes", ("read", "instructions"), two_passes),
    Rung(
        "row in registers, 2-byte loads",
        ("read", "global load", "instructions"),
        two_byte_loads,
    ),
    Rung("16-byte loads", ("read", "global load", "instructions"), in_registers),
    Rung("Triton, two passes", ("read", "instructions"), loops_in_triton),
    Rung("Triton, row in registers", ("read", "global load", "instructions"), row_in_triton),
)
