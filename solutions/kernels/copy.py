"""y = x, y += a x, and y = 2 x with neighbouring lanes ever closer: what it takes to reach the memory's rate.

Arrays: float32 of one length below 2**30.  An axpy moves 12 bytes an element, the others 8.
"""

from utils import tl, triton
from utils.launches import Launch, Rung, blocks, multiprocessors

COPY = r"""
// One float a thread. Coalesced, and still slow: the 2048 threads of an SM have 8 KiB on their way, too little for the
// memory's latency.
__global__ void scalar(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i];
}

// HELD float4 a thread, all of them loaded before the first is stored: HELD * 16 bytes in flight a thread.
template <int HELD> __global__ void vectors(const float* x, float* y, int n) {
    const float4* from = reinterpret_cast<const float4*>(x);
    float4* to = reinterpret_cast<float4*>(y);
    int first = blockIdx.x * blockDim.x * HELD + threadIdx.x;
    float4 held[HELD];
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = first + k * blockDim.x; i < n / 4) held[k] = from[i];
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = first + k * blockDim.x; i < n / 4) to[i] = held[k];
    if (blockIdx.x == 0 && threadIdx.x < n % 4) y[n - 1 - threadIdx.x] = x[n - 1 - threadIdx.x];
}

// With hints: this is used once, keep it out of the caches' way. The sectors stay what they are.
__global__ void streaming(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n / 4) __stcs(reinterpret_cast<float4*>(y) + i, __ldcs(reinterpret_cast<const float4*>(x) + i));
    if (i < n % 4) y[n - 1 - i] = x[n - 1 - i];
}

// A grid of fixed size walks over the array.
template <int HELD> __global__ void strided(const float* x, float* y, int n) {
    const float4* from = reinterpret_cast<const float4*>(x);
    float4* to = reinterpret_cast<float4*>(y);
    int step = gridDim.x * blockDim.x * HELD;
    for (int first = blockIdx.x * blockDim.x * HELD + threadIdx.x; first < n / 4; first += step) {
        float4 held[HELD];
#pragma unroll
        for (int k = 0; k < HELD; ++k)
            if (int i = first + k * blockDim.x; i < n / 4) held[k] = from[i];
#pragma unroll
        for (int k = 0; k < HELD; ++k)
            if (int i = first + k * blockDim.x; i < n / 4) to[i] = held[k];
    }
    if (blockIdx.x == 0 && threadIdx.x < n % 4) y[n - 1 - threadIdx.x] = x[n - 1 - threadIdx.x];
}"""

AXPY = r"""
__global__ void scalar(const float* x, float* y, float a, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += a * x[i];
}

template <int HELD> __global__ void vectors(const float* x, float* y, float a, int n) {
    const float4* from = reinterpret_cast<const float4*>(x);
    float4* to = reinterpret_cast<float4*>(y);
    int first = blockIdx.x * blockDim.x * HELD + threadIdx.x;
    float4 u[HELD], v[HELD];
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = first + k * blockDim.x; i < n / 4) u[k] = from[i], v[k] = to[i];
#pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = first + k * blockDim.x; i < n / 4)
            to[i] = make_float4(v[k].x + a * u[k].x, v[k].y + a * u[k].y, v[k].z + a * u[k].z, v[k].w + a * u[k].w);
    if (blockIdx.x == 0 && threadIdx.x < n % 4) y[n - 1 - threadIdx.x] += a * x[n - 1 - threadIdx.x];
}"""

# A thread scales RUN neighbours, one after the other: at each step the lanes of a warp stand RUN floats apart. What the
# first step brings too much waits in L1 for the next ones. With RUN 2 that even helps: a load that touches 8 sectors
# puts 256 bytes on their way. With RUN 32 an SM's 2048 threads ask for 256 KiB of lines, more than its L1 holds.
RUNS = r"""
template <int RUN> __global__ void runs(const float* x, float* y, int n) {
    int first = (blockIdx.x * blockDim.x + threadIdx.x) * RUN;
#pragma unroll 1
    for (int k = 0; k < RUN; ++k)
        if (first + k < n) y[first + k] = 2 * x[first + k];
}

// The same four neighbours, moved by one instruction.
__global__ void run_of_four(const float* x, float* y, int n) {
    int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 3 < n) {
        float4 v = *reinterpret_cast<const float4*>(x + i);
        *reinterpret_cast<float4*>(y + i) = make_float4(2 * v.x, 2 * v.y, 2 * v.z, 2 * v.w);
    } else {
        for (; i < n; ++i) y[i] = 2 * x[i];
    }
}"""

THREADS = 256


@triton.jit
def copy_triton(x, y, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + i, tl.load(x + i, mask=i < n), mask=i < n)


@triton.jit
def axpy_triton(x, y, a, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    tl.store(y + i, tl.load(y + i, mask=mask) + a * tl.load(x + i, mask=mask), mask=mask)


def copy_scalar(x, y):
    return [Launch("scalar", blocks(len(x), THREADS), (x, y, len(x)), THREADS, COPY)]


def copy_vectors(x, y, held=1, threads=THREADS):
    grid = blocks(len(x), 4 * held * threads)
    return [Launch(f"vectors<{held}>", grid, (x, y, len(x)), threads, COPY)]


def copy_streaming(x, y, threads=THREADS):
    return [Launch("streaming", blocks(len(x), 4 * threads), (x, y, len(x)), threads, COPY)]


def copy_strided(x, y, held=4, threads=THREADS, each=8):
    grid = min(blocks(len(x), 4 * held * threads), each * multiprocessors())
    return [Launch(f"strided<{held}>", grid, (x, y, len(x)), threads, COPY)]


def copy_in_triton(x, y, block=1024, warps=4):
    return [Launch(copy_triton, blocks(len(x), block), (x, y, len(x)), options={"BLOCK": block, "num_warps": warps})]


def axpy_scalar(x, y, a):
    return [Launch("scalar", blocks(len(x), THREADS), (x, y, a, len(x)), THREADS, AXPY)]


def axpy_vectors(x, y, a, held=1, threads=THREADS):
    grid = blocks(len(x), 4 * held * threads)
    return [Launch(f"vectors<{held}>", grid, (x, y, a, len(x)), threads, AXPY)]


def axpy_in_triton(x, y, a, block=1024, warps=4):
    options = {"BLOCK": block, "num_warps": warps}
    return [Launch(axpy_triton, blocks(len(x), block), (x, y, a, len(x)), options=options)]


def runs(x, y, run):
    return [Launch(f"runs<{run}>", blocks(len(x), run * THREADS), (x, y, len(x)), THREADS, RUNS)]


def run_of_four(x, y):
    return [Launch("run_of_four", blocks(len(x), 4 * THREADS), (x, y, len(x)), THREADS, RUNS)]


WIDE = ("width", "instructions")
COPIES = (
    Rung("a float a thread", WIDE, copy_scalar),
    Rung("a float4 a thread", WIDE, copy_vectors),
    Rung("two float4 a thread", WIDE, lambda x, y: copy_vectors(x, y, held=2)),
    Rung("a float4, with streaming hints", WIDE, copy_streaming),
    Rung("a grid of fixed size", WIDE, copy_strided),
    Rung("Triton, 1024 a program", WIDE, copy_in_triton),
)
AXPYS = (
    Rung("a float a thread", WIDE, axpy_scalar),
    Rung("a float4 a thread", WIDE, axpy_vectors),
    Rung("two float4 a thread", WIDE, lambda x, y, a: axpy_vectors(x, y, a, held=2)),
    Rung("Triton, 1024 a program", WIDE, axpy_in_triton),
)
LANES = ("global load", "instructions")
STRIDES = (
    Rung("lanes 32 floats apart", LANES, lambda x, y: runs(x, y, 32)),
    Rung("lanes 8 floats apart", LANES, lambda x, y: runs(x, y, 8)),
    Rung("lanes 4 floats apart", LANES, lambda x, y: runs(x, y, 4)),
    Rung("lanes 2 floats apart", LANES, lambda x, y: runs(x, y, 2)),
    Rung("neighbouring lanes, neighbouring floats", LANES, lambda x, y: runs(x, y, 1)),
    Rung("4 floats apart, moved as one float4", LANES, run_of_four),
)
