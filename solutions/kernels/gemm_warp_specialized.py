"""C = A B on Hopper: one warp keeps the copy engine busy, two warpgroups the tensor cores, and no tile waits for the
store of the one before it.

A: M x K and C: M x N, row-major; B: K x N (bf16, fp16) or its transpose, N x K (fp8 too, whose wgmma takes no other).
Any sizes whose rows are multiples of 16 bytes, as TMA wants them.
"""

from __future__ import annotations

import torch
from triton import cdiv
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

from solutions.kernels.persistent import programs


@gluon.jit
def place_of(tile, M, N, BLOCK_M: gl.constexpr, BLOCK_N: gl.constexpr, GROUP: gl.constexpr):
    """Tiles in columns of GROUP rows, so that those in flight share rows of A and columns of B in the L2 cache."""
    rows, columns = gl.cdiv(M, BLOCK_M), gl.cdiv(N, BLOCK_N)
    first = tile // (GROUP * columns) * GROUP
    high = gl.minimum(rows - first, GROUP)
    within = tile % (GROUP * columns)
    return (first + within % high) * BLOCK_M, within // high * BLOCK_N


@gluon.jit
def load(a, b, a_stages, b_stages, full, empty, M, N, K, GROUP: gl.constexpr, TRANSPOSED: gl.constexpr):
    """The producer: one warp that fills stages as soon as they are empty."""
    BLOCK_M: gl.constexpr = a.block_type.shape[0]
    BLOCK_K: gl.constexpr = a.block_type.shape[1]
    BLOCK_N: gl.constexpr = b.block_type.shape[0 if TRANSPOSED else 1]
    STAGES: gl.constexpr = a_stages.type.shape[0]
    tiles = gl.cdiv(M, BLOCK_M) * gl.cdiv(N, BLOCK_N)
    step = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        row, column = place_of(tile, M, N, BLOCK_M, BLOCK_N, GROUP)
        for k in range(0, K, BLOCK_K):
            stage = step % STAGES
            mbarrier.wait(empty.index(stage), step // STAGES & 1 ^ 1)
            mbarrier.expect(full.index(stage), a.block_type.nbytes + b.block_type.nbytes)
            tma.async_copy_global_to_shared(a, [row, k], full.index(stage), a_stages.index(stage))
            if TRANSPOSED:
                tma.async_copy_global_to_shared(b, [column, k], full.index(stage), b_stages.index(stage))
            else:
                tma.async_copy_global_to_shared(b, [k, column], full.index(stage), b_stages.index(stage))
            step += 1


@gluon.jit
def multiply(c, a_stages, b_stages, c_tile, full, empty, M, N, K, GROUP: gl.constexpr, TRANSPOSED: gl.constexpr):
    """The consumers: all of a tile's products, one always in flight, then its store, which the next tile overlaps."""
    STAGES: gl.constexpr = a_stages.type.shape[0]
    BLOCK_M: gl.constexpr = a_stages.type.shape[1]
    BLOCK_K: gl.constexpr = a_stages.type.shape[2]
    BLOCK_N: gl.constexpr = b_stages.type.shape[1 if TRANSPOSED else 2]
    DEPTH: gl.constexpr = 256 // a_stages.dtype.primitive_bitwidth  # K of one wgmma: 32 bytes
    layout: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [gl.num_warps(), 1], [16, BLOCK_N, DEPTH])
    tiles = gl.cdiv(M, BLOCK_M) * gl.cdiv(N, BLOCK_N)
    step = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        row, column = place_of(tile, M, N, BLOCK_M, BLOCK_N, GROUP)
        total = gl.zeros((BLOCK_M, BLOCK_N), gl.float32, layout)
        for k in range(0, K, BLOCK_K):
            stage = step % STAGES
            mbarrier.wait(full.index(stage), step // STAGES & 1)
            b_tile = b_stages.index(stage)
            if TRANSPOSED:
                b_tile = b_tile.permute((1, 0))
            total = warpgroup_mma(a_stages.index(stage), b_tile, total, use_acc=k > 0, is_async=True)
            total = warpgroup_mma_wait(1, deps=[total])
            mbarrier.arrive(empty.index((step + STAGES - 1) % STAGES), pred=k > 0)
            step += 1
        total = warpgroup_mma_wait(0, deps=[total])
        mbarrier.arrive(empty.index((step + STAGES - 1) % STAGES))
        tma.store_wait(0)
        c_tile.store(total.to(c.dtype))
        fence_async_shared()
        tma.async_copy_shared_to_global(c, [row, column], c_tile)
    tma.store_wait(0)


@gluon.jit
def gemm_kernel(
    a, b, c, M, N, K, STAGES: gl.constexpr, GROUP: gl.constexpr, TRANSPOSED: gl.constexpr, num_warps: gl.constexpr
):  # fmt: skip
    a_stages = gl.allocate_shared_memory(a.dtype, [STAGES] + a.block_type.shape, a.layout)
    b_stages = gl.allocate_shared_memory(b.dtype, [STAGES] + b.block_type.shape, b.layout)
    c_tile = gl.allocate_shared_memory(c.dtype, c.block_type.shape, c.layout)
    full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for stage in gl.static_range(STAGES):
        mbarrier.init(full.index(stage), count=1)
        mbarrier.init(empty.index(stage), count=1)
    gl.warp_specialize(
        [
            (multiply, (c, a_stages, b_stages, c_tile, full, empty, M, N, K, GROUP, TRANSPOSED)),
            (load, (a, b, a_stages, b_stages, full, empty, M, N, K, GROUP, TRANSPOSED)),
        ],
        [1],
        [24],
    )


TYPES = {torch.bfloat16: gl.bfloat16, torch.float16: gl.float16, torch.float8_e4m3fn: gl.float8e4nv}


def descriptor(x: torch.Tensor, block: list[int]) -> TensorDescriptor:
    return TensorDescriptor.from_tensor(x, block, gl.NVMMASharedLayout.get_default_for(block, TYPES[x.dtype]))


def gemm(
    a: torch.Tensor, b: torch.Tensor, transposed: bool = False, block=(128, 256, 64), stages: int = 3, group: int = 8
) -> torch.Tensor:
    """a @ b, or a @ b.T if `transposed`; bf16 out of fp8."""
    (M, K), N = a.shape, b.shape[0 if transposed else 1]
    m, n, k = block
    c = torch.empty(M, N, dtype=torch.bfloat16 if a.itemsize == 1 else a.dtype, device=a.device)
    grid = (programs(cdiv(M, m) * cdiv(N, n), a),)
    tiles = descriptor(a, [m, k]), descriptor(b, [n, k] if transposed else [k, n]), descriptor(c, [m, n])
    gemm_kernel[grid](*tiles, M, N, K, stages, group, transposed, num_warps=8)
    return c
