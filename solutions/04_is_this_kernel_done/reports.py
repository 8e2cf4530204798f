"""The kernels whose Nsight Compute reports chapter 04 reads, as they were run: `bench.py` profiles and times them.

Names say what a kernel computes, never what limits it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BIG = 1 << 26


@dataclass(frozen=True)
class Profiled:
    """needed: bytes of each input once and each output once.  flops: that the result takes, FMA = 2."""

    name: str
    what: str
    source: str
    grid: Any
    block: Any
    make: Callable[[Any], tuple]  # torch -> the kernel's arguments, on the GPU
    needed: int
    flops: int = 0
    dynamic_shared: int = 0


def randn(torch: Any, *shape: int) -> Any:
    return torch.randn(*shape, device="cuda")


SCALE = r"""
extern "C" __global__ void scale(const float4* x, float4* y, float a, int n4) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n4) {
        float4 v = x[i];
        y[i] = make_float4(a * v.x, a * v.y, a * v.z, a * v.w);
    }
}
"""
FIELD = r"""
struct Particle { float x, y, z, vx, vy, vz, mass, charge; };
extern "C" __global__ void field(const float* particles, float* energy, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        float vx = ((const Particle*)particles)[i].vx;
        energy[i] = 0.5f * vx * vx;
    }
}
"""
TURN = r"""
extern "C" __global__ void turn(const float* x, float* y, int n) {
    __shared__ float tile[32][32];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8) tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * n + c];
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8) y[(r + k) * n + c] = tile[threadIdx.x][threadIdx.y + k];
}
"""
WALK = r"""
extern "C" __global__ void walk(const int* next, int* last, int steps) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, at = i;
    for (int k = 0; k < steps; ++k) at = next[at];
    last[i] = at;
}
"""
POLY = r"""
extern "C" __global__ void poly(const float* x, float* y, float a, float b, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float v = x[i], s = a;
    for (int k = 0; k < 512; ++k) s = s * v + b;
    y[i] = s;
}
"""
CHOOSE = r"""
__device__ float rounds(float v, float a, float b) {
    for (int k = 0; k < 64; ++k) v = v * a + b;
    return v;
}
extern "C" __global__ void choose(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float v = x[i];
    switch (i % 8) {
        case 0: v = rounds(v, 0.91f, 0.1f); break;
        case 1: v = rounds(v * v, 0.92f, 0.2f); break;
        case 2: v = rounds(v + 1, 0.93f, 0.3f) - v; break;
        case 3: v = rounds(v - 1, 0.94f, 0.4f) * v; break;
        case 4: v = rounds(-v, 0.95f, 0.5f); break;
        case 5: v = rounds(fabsf(v), 0.96f, 0.6f); break;
        case 6: v = rounds(2 * v, 0.97f, 0.7f) + v; break;
        default: v = rounds(v * 3 + 1, 0.98f, 0.8f);
    }
    y[i] = v;
}
"""
ROUNDS = r"""
extern "C" __global__ void rounds(const float* x, float* y, float a, float b, int steps) {
    extern __shared__ float kept[];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float v = x[i], s = a;
    for (int k = 0; k < steps; ++k) s = s * v + b;
    kept[threadIdx.x] = s;
    __syncthreads();
    y[i] = kept[threadIdx.x ^ 1];
}
"""
FEW = r"""
extern "C" __global__ void few(const float* x, float* y, float a, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}
"""
TALLY = r"""
extern "C" __global__ void tally(const unsigned char* key, int* bins, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(&bins[key[i]], 1);
}
"""
GAUSS = r"""
__device__ float power_of_two(float v) {
    float r;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
    return r;
}
extern "C" __global__ void gauss(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float v = x[i], s = 0;
    for (int k = 0; k < 64; ++k) s += power_of_two(v * (0.01f * k));
    y[i] = s;
}
"""
RECENT = r"""
extern "C" __global__ void recent(const float* x, const int* order, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float kept[64];
    for (int k = 0; k < 64; ++k) kept[k] = x[(k * 4096 + i) & (n - 1)];
    float s = 0;
    for (int k = 0; k < 64; ++k) s += kept[order[k]] * k;
    y[i] = s;
}
"""
AGAIN = r"""
extern "C" __global__ void again(const float4* x, float* y, int n4, int times) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, all = gridDim.x * blockDim.x;
    float s = 0;
    for (int t = 0; t < times; ++t)
        for (int k = i; k < n4; k += all) {
            float4 v = __ldcg(x + k);
            s += v.x + v.y + v.z + v.w;
        }
    y[i] = s;
}
"""
LEADER = r"""
extern "C" __global__ void leader(const float* x, float* sums, int rows) {
    __shared__ float row[512];
    for (int r = blockIdx.x; r < rows; r += gridDim.x) {
        row[threadIdx.x] = x[r * 512 + threadIdx.x];
        __syncthreads();
        if (threadIdx.x == 0) {
            float s = 0;
            for (int k = 0; k < 512; ++k) s += row[k];
            sums[r] = s;
        }
        __syncthreads();
    }
}
"""
THIN = r"""
extern "C" __global__ void thin(const float* x, float* y, float a, int n) {
    extern __shared__ float unused[];
    if (a == 12345.f) unused[threadIdx.x] = a;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) y[i] = a * x[i];
}
"""


def linked(torch: Any, n: int) -> Any:
    """One random permutation: from each element on, every step lands somewhere else in 256 MB."""
    return torch.randperm(n, device="cuda").to(torch.int32)


def table() -> list[Profiled]:
    n = BIG
    quarter = n // 4
    return [
        Profiled("scale", "y = a·x, 67,108,864 float32, four a thread", SCALE, n // 1024, 256,
                 lambda t: (randn(t, n), t.empty(n, device="cuda"), 1.5, n // 4), 8 * n, n),
        Profiled("field", "the kinetic energy along x of 16,777,216 particles of eight float32 each", FIELD,
                 quarter // 256, 256, lambda t: (randn(t, 8 * quarter), t.empty(quarter, device="cuda"), quarter),
                 8 * quarter, 2 * quarter),
        Profiled("turn", "the transpose of an 8192 × 8192 float32 matrix", TURN, (256, 256), (32, 8),
                 lambda t: (randn(t, 8192, 8192), t.empty(8192, 8192, device="cuda"), 8192), 8 * n),
        Profiled("walk", "33,792 threads follow links, 64 steps each, through a table of 67,108,864 int32", WALK,
                 264, 128, lambda t: (linked(t, n), t.empty(264 * 128, dtype=t.int32, device="cuda"), 64),
                 264 * 128 * 65 * 4),
        Profiled("poly", "a polynomial of degree 512 at 16,777,216 points", POLY, quarter // 256, 256,
                 lambda t: (t.rand(quarter, device="cuda"), t.empty(quarter, device="cuda"), 0.5, 0.25, quarter),
                 8 * quarter, 1024 * quarter),
        Profiled("choose", "one of eight recurrences of 64 steps, by i mod 8, for 16,777,216 elements", CHOOSE,
                 quarter // 256, 256, lambda t: (randn(t, quarter), t.empty(quarter, device="cuda"), quarter),
                 8 * quarter, 128 * quarter),
        Profiled("rounds", "140 blocks of 1024 threads, 120 KB of shared memory each, 40,000 FMA a thread", ROUNDS,
                 140, 1024, lambda t: (t.rand(140 * 1024, device="cuda"), t.empty(140 * 1024, device="cuda"), 0.5, 0.25,
                                       40_000), 8 * 140 * 1024, 2 * 40_000 * 140 * 1024, 120 * 1024),
        Profiled("few", "y += a·x for 10,000 float32", FEW, 40, 256,
                 lambda t: (randn(t, 10_000), randn(t, 10_000), 1.5, 10_000), 12 * 10_000, 2 * 10_000),
        Profiled("tally", "how often each of 16 keys occurs among 16,777,216 bytes", TALLY, quarter // 256, 256,
                 lambda t: (t.randint(0, 16, (quarter,), dtype=t.uint8, device="cuda"),
                            t.zeros(256, dtype=t.int32, device="cuda"), quarter), quarter + 64),
        Profiled("gauss", "sums of 64 exponentials at 16,777,216 points", GAUSS, quarter // 256, 256,
                 lambda t: (randn(t, quarter), t.empty(quarter, device="cuda"), quarter), 8 * quarter, 192 * quarter),
        Profiled("recent", "64 values a thread, kept in an array and summed in an order read from memory", RECENT,
                 n // 64 // 256, 256, lambda t: (randn(t, n // 64), t.randperm(64, device="cuda").to(t.int32),
                                                 t.empty(n // 64, device="cuda"), n // 64),
                 8 * (n // 64), 128 * (n // 64)),
        Profiled("again", "the sum of 16 MB of float32, taken 64 times over", AGAIN, 528, 512,
                 lambda t: (randn(t, 1 << 22), t.empty(528 * 512, device="cuda"), 1 << 20, 64),
                 4 << 22, 64 << 22),
        Profiled("leader", "sums of 131,072 rows of 512 float32", LEADER, 528, 512,
                 lambda t: (randn(t, 131_072 * 512), t.empty(131_072, device="cuda"), 131_072), 4 * n + 4 * 131_072, n),
        Profiled("thin", "y = a·x, 67,108,864 float32, 132 blocks with 200 KB of shared memory each", THIN, 132, 128,
                 lambda t: (randn(t, n), t.empty(n, device="cuda"), 1.5, n), 8 * n, n, 200 * 1024),
    ]  # fmt: skip
