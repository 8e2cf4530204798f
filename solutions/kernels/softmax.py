"""y = softmax of each row of x, bf16 in and out, computed in float32; rows up to 32,768 in registers.

exp(v - high) is 2 ** (v log2(e) - high log2(e)): one multiply-add and one instruction of the special-function unit.
"""

from utils import tl, triton
from utils.launches import Launch, Rung

from .rows import COMMON, held, power, threads, warps

SOFTMAX = (
    COMMON
    + r"""
constexpr float LOG2E = 1.4426950408889634f;

__device__ float exp2_fast(float v) {
    asm("ex2.approx.ftz.f32 %0, %0;" : "+f"(v));
    return v;
}

// Maximum, sum, result: the row is read three times.
__global__ void three_passes(const __nv_bfloat16* x, __nv_bfloat16* y, int cols) {
    x += (size_t)blockIdx.x * cols, y += (size_t)blockIdx.x * cols;
    float high = -INFINITY, sum = 0;
    for (int c = threadIdx.x; c < cols; c += 256) high = fmaxf(high, __bfloat162float(x[c]));
    high = reduce<Max, 256>(high, 0) * LOG2E;
    for (int c = threadIdx.x; c < cols; c += 256) sum += exp2_fast(__bfloat162float(x[c]) * LOG2E - high);
    sum = 1 / reduce<Add, 256>(sum, 1);
    for (int c = threadIdx.x; c < cols; c += 256)
        y[c] = __float2bfloat16(exp2_fast(__bfloat162float(x[c]) * LOG2E - high) * sum);
}

// Online: maximum and sum in one pass. When the maximum grows, the sum so far shrinks by 2 ** (old - new).
__global__ void online(const __nv_bfloat16* x, __nv_bfloat16* y, int cols) {
    x += (size_t)blockIdx.x * cols, y += (size_t)blockIdx.x * cols;
    float mine = -INFINITY, sum = 0;
    for (int c = threadIdx.x; c < cols; c += 256) {
        float v = __bfloat162float(x[c]) * LOG2E;
        if (v > mine) sum *= exp2_fast(mine - v), mine = v;
        sum += exp2_fast(v - mine);
    }
    float high = reduce<Max, 256>(mine, 0);
    sum = mine == -INFINITY ? 0 : sum * exp2_fast(mine - high);
    sum = 1 / reduce<Add, 256>(sum, 1);
    for (int c = threadIdx.x; c < cols; c += 256)
        y[c] = __float2bfloat16(exp2_fast(__bfloat162float(x[c]) * LOG2E - high) * sum);
}

// The row is read once and stays in registers, packed as it came; its exponentials are computed twice, or (ONCE) once
// and kept too, as float32.
template <int V, int HELD, int THREADS, bool ONCE>
__global__ void __launch_bounds__(THREADS) in_registers(const __nv_bfloat16* x, __nv_bfloat16* y, int cols) {
    size_t start = (size_t)blockIdx.x * cols;
    Pack<V> held[HELD];
    load_row<V, HELD, THREADS>(held, reinterpret_cast<const Pack<V>*>(x + start), cols / V, -INFINITY);
    float high = -INFINITY, sum = 0, kept[HELD][V];
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        for (int e = 0; e < V; ++e) high = fmaxf(high, __bfloat162float(held[k].at[e]));
    high = reduce<Max, THREADS>(high, 0) * LOG2E;
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        for (int e = 0; e < V; ++e)
            sum += kept[k][e] = exp2_fast(__bfloat162float(held[k].at[e]) * LOG2E - high);
    sum = 1 / reduce<Add, THREADS>(sum, 1);
    Pack<V>* to = reinterpret_cast<Pack<V>*>(y + start);
#pragma unroll
    for (int k = 0; k < HELD; ++k) {
        Pack<V> out;
        for (int e = 0; e < V; ++e) {
            float p = ONCE ? kept[k][e] : exp2_fast(__bfloat162float(held[k].at[e]) * LOG2E - high);
            out.at[e] = __float2bfloat16(p * sum);
        }
        if (int i = threadIdx.x + k * THREADS; i < cols / V) to[i] = out;
    }
}"""
)


@triton.jit
def loops_triton(x, y, cols, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * cols
    high = tl.full((BLOCK,), float("-inf"), tl.float32)
    sums = tl.zeros((BLOCK,), tl.float32)
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=float("-inf")).to(tl.float32)
        new = tl.maximum(high, v)
        sums = tl.where(new == float("-inf"), 0.0, sums * tl.exp(high - new) + tl.exp(v - new))
        high = new
    top = tl.max(high)
    total = tl.sum(tl.where(high == float("-inf"), 0.0, sums * tl.exp(high - top)))
    for first in tl.range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=0).to(tl.float32)
        tl.store(y + start + c, (tl.exp(v - top) / total).to(tl.bfloat16), mask=c < cols)


@triton.jit
def row_triton(x, y, cols, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * cols
    c = tl.arange(0, BLOCK)
    v = tl.load(x + start + c, mask=c < cols, other=float("-inf")).to(tl.float32)
    v = tl.exp(v - tl.max(v))
    tl.store(y + start + c, (v / tl.sum(v)).to(tl.bfloat16), mask=c < cols)


def passes(kernel):
    return lambda x, y: [Launch(kernel, x.shape[0], (x, y, x.shape[1]), 256, SOFTMAX)]


def in_registers(x, y, packs=4, wide=True, once=False):
    rows, cols = x.shape
    instance = held(cols, packs, wide)
    if instance is None:
        return passes("online")(x, y)
    kernel = f"in_registers<{instance}, {str(once).lower()}>"
    return [Launch(kernel, rows, (x, y, cols), threads(instance), SOFTMAX)]


def two_byte_loads(*arrays):
    return in_registers(*arrays, wide=False)


def exponentials_once(x, y):
    return in_registers(x, y, once=True)


def loops_in_triton(x, y, block=1024, num_warps=4):
    rows, cols = x.shape
    return [Launch(loops_triton, rows, (x, y, cols), options={"BLOCK": block, "num_warps": num_warps})]


def row_in_triton(x, y, each=32):
    rows, cols = x.shape
    return [Launch(row_triton, rows, (x, y, cols), options={"BLOCK": power(cols), "num_warps": warps(cols, each)})]


RUNGS = (
    Rung("three passes", ("read", "instructions"), passes("three_passes")),
    Rung("online: two passes", ("read", "instructions"), passes("online")),
    Rung(
        "row in registers, 2-byte loads",
        ("read", "global load", "instructions"),
        two_byte_loads,
    ),
    Rung("16-byte loads", ("read", "global load", "instructions"), in_registers),
    Rung("each exponential once", ("instructions",), exponentials_once),
    Rung("Triton, online", ("read", "instructions"), loops_in_triton),
    Rung("Triton, row in registers", ("read", "global load", "instructions"), row_in_triton),
)
