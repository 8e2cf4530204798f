"""y = x W^T for up to 64 rows of x, in CUDA C++ for Hopper: the weights on their way say that they come only once.

x: M x K, W: N x K, y: M x N, row-major, bf16 or fp16; K a multiple of 8 (16-byte copies). What gemm_skinny.py cannot
say in Triton: its asynchronous copies carry no cache hint. A block makes 64 columns of y, turned (W x^T), by wgmma.
"""

from __future__ import annotations

from functools import cache

import torch
from triton import cdiv, next_power_of_2

from utils.vgpu.device import Kernel, kernel_on_gpu

ROWS, THREADS, BLOCK_K = 64, 256, 256  # rows of W of a block; all its threads copy, the first 128 multiply
SHARED = 226 * 1024  # bytes, for as many stages as fit
TYPES = {torch.bfloat16: ("__nv_bfloat16", "bf16"), torch.float16: ("__half", "f16")}

FEW_ROWS = r"""
#include <cuda_bf16.h>
#include <cuda_fp16.h>
constexpr int CHUNKS = BK / 8, PASS = THREADS / CHUNKS, STAGE = (ROWS + ROWS_X) * BK * 2;  // chunks of 16 bytes
static_assert(PASS % 8 == 0);  // so that a thread's rows are all swizzled alike

__device__ __forceinline__ unsigned at_shared(const void* p) { return (unsigned)__cvta_generic_to_shared(p); }

// Blocks of 64 along k, in rows of 128 bytes; a row's 16-byte chunks are exchanged as wgmma's 128-byte swizzle does.
__device__ __forceinline__ unsigned place(int rows, int row, int chunk) {
    return chunk / 8 * rows * 128 + row * 128 + (chunk % 8 ^ row % 8) * 16;
}

__device__ __forceinline__ unsigned long long descriptor(unsigned at) {  // groups of 8 rows, 1,024 bytes apart
    return (unsigned long long)(at >> 4 & 0x3FFF) | 1ULL << 16 | 64ULL << 32 | 1ULL << 62;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
few_rows(const TYPE* __restrict__ x, const TYPE* __restrict__ w, TYPE* __restrict__ y, int M, int N, int K) {
    extern __shared__ unsigned char memory[];
    unsigned base = at_shared(memory) + 1023 & ~1023;  // the swizzle counts from multiples of 1,024
    int t = threadIdx.x, first = blockIdx.x * ROWS, steps = (K + BK - 1) / BK;
    unsigned long long once;
    asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(once));

    // A thread copies one chunk of every PASS-th row. Rows beyond the last are copies of it, whose sums nobody reads.
    int row = t / CHUNKS, chunk = t % CHUNKS;
    const TYPE *from_w[ROWS / PASS], *from_x[ROWS_X / PASS];
#pragma unroll
    for (int i = 0; i < ROWS / PASS; i++) from_w[i] = w + (long long)min(first + row + i * PASS, N - 1) * K + chunk * 8;
#pragma unroll
    for (int i = 0; i < ROWS_X / PASS; i++) from_x[i] = x + (long long)min(row + i * PASS, M - 1) * K + chunk * 8;
    unsigned to_w = base + place(ROWS, row, chunk), to_x = base + ROWS * BK * 2 + place(ROWS_X, row, chunk);

    auto fetch = [&](int step) {
        if (step < steps) {
            int k = (step + 13 * blockIdx.x) % steps * BK;  // each block begins elsewhere: not all read the same of x
            int bytes = k + chunk * 8 < K ? 16 : 0;  // zeros behind the last column
            unsigned stage = step % STAGES * STAGE;
#pragma unroll
            for (int i = 0; i < ROWS / PASS; i++)
                asm volatile("cp.async.cg.shared.global.L2::cache_hint.L2::256B [%0], [%1], 16, %2, %3;"
                             ::"r"(to_w + stage + i * PASS * 128), "l"(from_w[i] + k), "r"(bytes), "l"(once)
                             : "memory");
#pragma unroll
            for (int i = 0; i < ROWS_X / PASS; i++)
                asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                             ::"r"(to_x + stage + i * PASS * 128), "l"(from_x[i] + k), "r"(bytes) : "memory");
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
    };
    float sum[ROWS_X / 2] = {};
#pragma unroll 1
    for (int step = 0; step < STAGES - 1; step++) fetch(step);
#pragma unroll 1
    for (int step = 0; step < steps; step++) {
        asm volatile("cp.async.wait_group %0;\nfence.proxy.async.shared::cta;" ::"n"(STAGES - 2) : "memory");
        __syncthreads();  // all have written this stage, and the one before it has been multiplied
        unsigned from = base + step % STAGES * STAGE;
        fetch(step + STAGES - 1);
        if (t < 128) {
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
            for (int q = 0; q < BK / 16; q++) {
                unsigned long long a = descriptor(from + q / 4 * ROWS * 128 + q % 4 * 32);
                unsigned long long b = descriptor(from + ROWS * BK * 2 + q / 4 * ROWS_X * 128 + q % 4 * 32);
                WGMMA;
            }
            asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory");
        }
    }
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    __syncthreads();
    float* turned = (float*)memory;  // rows of y, 4 floats longer than they need be
    if (t < 128)
#pragma unroll
        for (int i = 0; i < ROWS_X / 2; i++) {
            int m = i / 4 * 8 + t % 4 * 2 + i % 2, n = t / 32 * 16 + t % 32 / 4 + i / 2 % 2 * 8;
            turned[m * (ROWS + 4) + n] = sum[i];
        }
    __syncthreads();
    for (int i = t; i < M * ROWS; i += THREADS) {
        int m = i / ROWS, n = i % ROWS;
        if (first + n < N) y[(long long)m * N + first + n] = (TYPE)turned[m * (ROWS + 4) + n];
    }
}"""


def wgmma(rows: int, kind: str) -> str:
    """The instruction in C++: 64 rows of W times `rows` of x, 16 along k, added to sum."""
    count = rows // 2
    sums = ", ".join(f"%{i}" for i in range(count))
    held = ", ".join(f'"+f"(sum[{i}])' for i in range(count))
    name = f"wgmma.mma_async.sync.aligned.m64n{rows}k16.f32.{kind}.{kind}"
    return f'asm volatile("{name} {{{sums}}}, %{count}, %{count + 1}, 1, 1, 1, 0, 0;" : {held} : "l"(a), "l"(b))'


def source(rows: int, dtype: torch.dtype, stages: int) -> str:
    type, kind = TYPES[dtype]
    sizes = {"ROWS": ROWS, "ROWS_X": rows, "BK": BLOCK_K, "STAGES": stages, "THREADS": THREADS}
    sizes |= {"TYPE": type, "WGMMA": wgmma(rows, kind)}
    return "".join(f"#define {name} {size}\n" for name, size in sizes.items()) + FEW_ROWS


@cache
def kernel(rows: int, dtype: torch.dtype) -> tuple[Kernel, int]:
    """For `rows` of x, 16, 32 or 64; and the bytes of shared memory of a block."""
    stage = (ROWS + rows) * BLOCK_K * 2
    stages = SHARED // stage
    return kernel_on_gpu(source(rows, dtype, stages), "few_rows", "sm_90a"), stages * stage + 1024


def few_rows(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """x @ w.T for x of up to 64 rows. Raises ValueError where x has more, or a row is no multiple of 16 bytes."""
    (M, K), N = x.shape, w.shape[0]
    if M > 64 or K % 8:
        raise ValueError(f"x is {M} x {K}: at most 64 rows, and of a multiple of 8 columns (16 bytes), are taken")
    launch, shared = kernel(max(16, next_power_of_2(M)), x.dtype)
    y = torch.empty(M, N, dtype=x.dtype, device=x.device)
    launch(cdiv(N, ROWS), THREADS, x, w, y, M, N, K, dynamic_shared=shared)
    return y
