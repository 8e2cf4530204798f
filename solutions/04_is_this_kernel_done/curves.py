"""Kernels that measure a GPU rather than compute something: ceilings, latencies, and what a curve is drawn from."""

from __future__ import annotations

# Sum of all elements, one float4 a step and thread: reading and nothing else.
READ = r"""
extern "C" __global__ void read(const float4* x, float* y, int n4) {
    float s = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n4; i += gridDim.x * blockDim.x) {
        float4 v = x[i];
        s += v.x + v.y + v.z + v.w;
    }
    if (s == 1.2345f) y[0] = s;
}
"""
# Four independent chains a thread: enough for every scheduler to issue an FMA each cycle.
FMA = r"""
extern "C" __global__ void madd(float* y, float a, float b, int steps) {
    float s[4] = {a, a + 1, a + 2, a + 3};
    for (int k = 0; k < steps; ++k)
        #pragma unroll
        for (int j = 0; j < 4; ++j) s[j] = s[j] * b + a;
    y[blockIdx.x * blockDim.x + threadIdx.x] = s[0] + s[1] + s[2] + s[3];
}
"""
# 16 bytes a lane and load, all banks, no conflict.
SHARED = r"""
extern "C" __global__ void shared(float* y, int steps) {
    __shared__ float4 tile[1024];
    tile[threadIdx.x] = make_float4(threadIdx.x, 1, 2, 3);
    __syncthreads();
    float4 s = make_float4(0, 0, 0, 0);
    for (int k = 0; k < steps; ++k)
        #pragma unroll
        for (int j = 0; j < 8; ++j) {
            float4 v = tile[(threadIdx.x + 32 * (8 * k + j)) & 1023];
            s.x += v.x; s.y += v.y; s.z += v.z; s.w += v.w;
        }
    y[blockIdx.x * blockDim.x + threadIdx.x] = s.x + s.y + s.z + s.w;
}
"""
# One thread follows links; the clock of its SM (cycles) and the device's timer (ns) are read before and after.
CHASE = r"""
extern "C" __global__ void chase(const int* next, long long* clocks, int steps) {
    int at = 0;
    long long began, ended, begin = clock64();
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(began));
    for (int k = 0; k < steps; ++k) at = LOAD(next + at);
    if (at == -1) begin = 0;
    clocks[0] = clock64() - begin;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(ended));
    clocks[1] = ended - began;
}
"""
CHASE_SHARED = r"""
extern "C" __global__ void chase_shared(long long* clocks, int steps) {
    __shared__ int next[1024];
    for (int i = threadIdx.x; i < 1024; i += blockDim.x) next[i] = (i + 33) & 1023;
    __syncthreads();
    if (threadIdx.x) return;
    int at = 0;
    long long begin = clock64();
    for (int k = 0; k < steps; ++k) at = next[at];
    if (at == -1) begin = 0;
    clocks[0] = clock64() - begin;
}
"""
EMPTY = 'extern "C" __global__ void empty() {}'

# Loads in flight: each thread has DEPTH loads under way at once, and the block's warps are set by the launch.
FLIGHT = r"""
extern "C" __global__ void flight(const float* x, float* y, int n) {
    extern __shared__ float limits_blocks[];
    int all = gridDim.x * blockDim.x;
    float s = 0;
    #pragma unroll 1
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i + (DEPTH - 1) * all < n; i += DEPTH * all) {
        float v[DEPTH];
        #pragma unroll
        for (int j = 0; j < DEPTH; ++j) v[j] = x[i + j * all];
        #pragma unroll
        for (int j = 0; j < DEPTH; ++j) s += v[j];
    }
    if (s == 1.2345f) { limits_blocks[threadIdx.x] = s; y[0] = limits_blocks[0]; }
}
"""
# The same work for every element, whatever WAYS is: its lanes take WAYS different branches.
WAYS = r"""
template <int way> __device__ float work(float v) {
    for (int k = 0; k < 256; ++k) v = v * (0.9f + 0.001f * way) + 0.1f * way;
    return v;
}
template <int way> __device__ float pick(int chosen, float v) {
    if constexpr (way == 31) return work<31>(v);
    else { if (chosen == way) return work<way>(v); else return pick<way + 1>(chosen, v); }
}
extern "C" __global__ void ways(const float* x, float* y, int n, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = pick<0>(threadIdx.x % count, x[i]);
}
"""
# FLOPS FMA for each element read and written: a sweep over arithmetic intensity.
SWEEP = r"""
extern "C" __global__ void sweep(const float4* x, float4* y, float a, float b, int n4) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n4) return;
    float4 v = x[i];
    #pragma unroll 16
    for (int k = 0; k < FMAS; ++k) {
        v.x = v.x * a + b; v.y = v.y * a + b; v.z = v.z * a + b; v.w = v.w * a + b;
    }
    y[i] = v;
}
"""
# LIVE values a thread, all needed at the end: the registers grow with LIVE.
LIVE = r"""
extern "C" __global__ void __maxnreg__(MOST) live(const float* x, float* y, int n) {
    float v[COUNT];
    #pragma unroll
    for (int k = 0; k < COUNT; ++k) v[k] = x[k * n + threadIdx.x];
    for (int t = 0; t < n; ++t)
        #pragma unroll
        for (int k = 0; k < COUNT; ++k) v[k] = v[k] * v[(k + 1) % COUNT] + t;
    float s = 0;
    #pragma unroll
    for (int k = 0; k < COUNT; ++k) s += v[k];
    y[blockIdx.x * blockDim.x + threadIdx.x] = s;
}
"""
# Before every FP8 matmul: y = clamp(xᵀ / scale), and the largest |x| for the next step's scale. AMAX: 0, an atomic for
# each element; 1, for each warp; 2, for each block. WIDTH: of a row of the tile. DOUBLES: the arithmetic is in float64.
TRANSPOSE = r"""
#ifdef DOUBLES
#define OUT(v) fmin(fmax((v) / (double)scale, -448.0), 448.0)
#else
#define OUT(v) fminf(fmaxf((v) * inverse, -448.f), 448.f)
#endif
extern "C" __global__ void scale_transpose(const float* x, float* y, int* amax, float scale, int rows, int cols) {
    __shared__ float tile[32][WIDTH];
    __shared__ int of_warp[8];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y, most = 0;
    float inverse = 1.f / scale;
    for (int k = 0; k < 32; k += 8)
        if (r + k < rows && c < cols) {
            float v = x[(r + k) * cols + c];
            if (AMAX == 0) atomicMax(amax, __float_as_int(fabsf(v)));
            most = max(most, __float_as_int(fabsf(v)));
            tile[threadIdx.y + k][threadIdx.x] = v;
        }
    if (AMAX > 0) most = __reduce_max_sync(~0u, most);
    if (AMAX == 1 && threadIdx.x == 0) atomicMax(amax, most);
    if (AMAX == 2 && threadIdx.x == 0) of_warp[threadIdx.y] = most;
    __syncthreads();
    if (AMAX == 2 && threadIdx.x == 0 && threadIdx.y == 0) {
        for (int w = 1; w < 8; ++w) most = max(most, of_warp[w]);
        atomicMax(amax, most);
    }
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < cols && c < rows) y[(r + k) * rows + c] = OUT(tile[threadIdx.x][threadIdx.y + k]);
}
"""
