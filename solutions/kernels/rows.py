"""What the kernels over rows of bf16 share: 16-byte packs, sums over a block, and how many threads hold a row."""

from utils.launches import blocks

COMMON = r"""
#include <cuda_bf16.h>

// V neighbours, moved by one instruction: V is 8 (16 bytes) where every row is aligned, else 1.
template <int V> struct alignas(2 * V) Pack { __nv_bfloat16 at[V]; };

template <int V> __device__ Pack<V> filled(float value) {
    Pack<V> pack;
    for (int e = 0; e < V; ++e) pack.at[e] = __float2bfloat16(value);
    return pack;
}

// A thread's part of a row of `packs`: packs threadIdx.x, + THREADS, + 2 THREADS ... All loads stand before any use.
template <int V, int HELD, int THREADS>
__device__ void load_row(Pack<V> (&held)[HELD], const Pack<V>* from, int packs, float beyond) {
#pragma unroll
    for (int k = 0; k < HELD; ++k) {
        int i = threadIdx.x + k * THREADS;
        held[k] = i < packs ? from[i] : filled<V>(beyond);
    }
}

struct Add { static __device__ float of(float a, float b) { return a + b; } };
struct Max { static __device__ float of(float a, float b) { return fmaxf(a, b); } };

// Over the block's threads, for each of them. Reductions that follow each other take other slots (0, 1): a slot is
// written again only after a barrier that all threads reach after they read it.
template <class Op, int THREADS> __device__ float reduce(float v, int slot) {
    __shared__ float part[2][32];
    for (int lanes = 16; lanes > 0; lanes /= 2) v = Op::of(v, __shfl_xor_sync(0xffffffff, v, lanes));
    if constexpr (THREADS > 32) {
        if (threadIdx.x % 32 == 0) part[slot][threadIdx.x / 32] = v;
        __syncthreads();
        v = part[slot][threadIdx.x % (THREADS / 32)];
        for (int lanes = THREADS / 64; lanes > 0; lanes /= 2) v = Op::of(v, __shfl_xor_sync(0xffffffff, v, lanes));
    }
    return v;
}
"""
LONGEST = 32768  # elements of a row that a block holds in registers


def power(n: int) -> int:
    """The smallest power of 2 that is at least n."""
    return 1 << max(n - 1, 0).bit_length()


def held(cols: int, packs_a_thread: int, wide: bool = True) -> str | None:
    """ "V, HELD, THREADS" for a row in registers, or None for one that is too long."""
    V = 8 if wide and cols % 8 == 0 else 1
    packs = blocks(cols, V)
    each = packs_a_thread * 8 // V
    threads = min(max(power(blocks(packs, each)), 32), 1024)
    each = max(power(blocks(packs, threads)), 1)
    return f"{V}, {each}, {threads}" if each * V <= 64 and cols <= LONGEST else None


def threads(instance: str) -> int:
    return int(instance.rpartition(", ")[2])


def warps(cols: int, each: int) -> int:
    """Triton's num_warps for a row in one program, `each` elements a thread."""
    return min(max(power(cols) // (32 * each), 1), 32)
