"""C = A B on Hopper: one warp keeps the copy engine busy, two warpgroups the tensor cores, each at its own pace.

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
from utils.tiles import check_descriptor, check_tile

ROWS, COLUMNS = 64, 128  # of one accumulator; a consumer has two side by side, a block two consumers
STAGES = 4


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
    """The producer: one warp that fills stages, each two tiles of A and two of B, as soon as they are empty."""
    ROWS: gl.constexpr = a.block_type.shape[0]
    BLOCK_K: gl.constexpr = a.block_type.shape[1]
    COLUMNS: gl.constexpr = b.block_type.shape[0 if TRANSPOSED else 1]
    STAGES: gl.constexpr = full.type.shape[0]
    tiles = gl.cdiv(M, 2 * ROWS) * gl.cdiv(N, 2 * COLUMNS)
    step = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        row, column = place_of(tile, M, N, 2 * ROWS, 2 * COLUMNS, GROUP)
        for k in range(0, K, BLOCK_K):
            stage = step % STAGES
            mbarrier.wait(empty.index(stage), step // STAGES & 1 ^ 1)
            mbarrier.expect(full.index(stage), 2 * a.block_type.nbytes + 2 * b.block_type.nbytes)
            for half in gl.static_range(2):
                at, to = [row + half * ROWS, k], 2 * stage + half
                tma.async_copy_global_to_shared(a, at, full.index(stage), a_stages.index(to))
                at = [column + half * COLUMNS, k] if TRANSPOSED else [k, column + half * COLUMNS]
                tma.async_copy_global_to_shared(b, at, full.index(stage), b_stages.index(to))
            step += 1


@gluon.jit
def product(a, b, total, add, TRANSPOSED: gl.constexpr):
    """total (if `add`) + a b, under way."""
    if TRANSPOSED:
        b = b.permute((1, 0))
    return warpgroup_mma(a, b, total, use_acc=add, is_async=True)


@gluon.jit
def store(c, c_tile, at, total):
    """Once the copy engine has read the tile before it out of c_tile; it stores this one while the products go on."""
    tma.store_wait(0)
    c_tile.store(total.to(c.dtype))
    fence_async_shared()
    tma.async_copy_shared_to_global(c, at, c_tile)


@gluon.jit
def multiply(c, a_stages, b_stages, c_tiles, full, empty, M, N, K, GROUP: gl.constexpr, TRANSPOSED: gl.constexpr,
             HALF: gl.constexpr):  # fmt: skip
    """A consumer, upper or lower HALF of the rows: a step's products are under way while the next one's start."""
    STAGES: gl.constexpr = full.type.shape[0]
    ROWS: gl.constexpr = a_stages.type.shape[1]
    BLOCK_K: gl.constexpr = a_stages.type.shape[2]
    COLUMNS: gl.constexpr = b_stages.type.shape[1 if TRANSPOSED else 2]
    DEPTH: gl.constexpr = 256 // a_stages.dtype.primitive_bitwidth  # K of one wgmma: 32 bytes
    layout: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [gl.num_warps(), 1], [16, COLUMNS, DEPTH])
    tiles = gl.cdiv(M, 2 * ROWS) * gl.cdiv(N, 2 * COLUMNS)
    step = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        row, column = place_of(tile, M, N, 2 * ROWS, 2 * COLUMNS, GROUP)
        left = gl.zeros((ROWS, COLUMNS), gl.float32, layout)
        right = gl.zeros((ROWS, COLUMNS), gl.float32, layout)
        for k in range(0, K, BLOCK_K):
            stage = step % STAGES
            mbarrier.wait(full.index(stage), step // STAGES & 1)
            a, b0, b1 = a_stages.index(2 * stage + HALF), b_stages.index(2 * stage), b_stages.index(2 * stage + 1)
            left = product(a, b0, left, k > 0, TRANSPOSED)
            right = product(a, b1, right, k > 0, TRANSPOSED)
            left, right = warpgroup_mma_wait(2, deps=[left, right])  # all but these two: the step before is done
            mbarrier.arrive(empty.index((step + STAGES - 1) % STAGES), pred=k > 0)
            step += 1
        left, right = warpgroup_mma_wait(0, deps=[left, right])
        mbarrier.arrive(empty.index((step + STAGES - 1) % STAGES))
        store(c, c_tiles.index(HALF), [row + HALF * ROWS, column], left)
        store(c, c_tiles.index(HALF), [row + HALF * ROWS, column + COLUMNS], right)
    tma.store_wait(0)


@gluon.jit
def ring(a, b, c, STAGES: gl.constexpr):
    """Shared memory: stages of two tiles of A and of B, a tile of C for each consumer, the stages' barriers."""
    a_stages = gl.allocate_shared_memory(a.dtype, [2 * STAGES] + a.block_type.shape, a.layout)
    b_stages = gl.allocate_shared_memory(b.dtype, [2 * STAGES] + b.block_type.shape, b.layout)
    c_tiles = gl.allocate_shared_memory(c.dtype, [2] + c.block_type.shape, c.layout)
    full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for stage in gl.static_range(STAGES):
        mbarrier.init(full.index(stage), count=1)  # the bytes' barrier: one arrival, of the producer
        mbarrier.init(empty.index(stage), count=2)  # both consumers have read it
    return a_stages, b_stages, c_tiles, full, empty


@gluon.jit
def gemm_kernel(a, b, c, M, N, K, STAGES: gl.constexpr, GROUP: gl.constexpr, TRANSPOSED: gl.constexpr,
                num_warps: gl.constexpr):  # fmt: skip
    a_stages, b_stages, c_tiles, full, empty = ring(a, b, c, STAGES)
    gl.warp_specialize(
        [
            (multiply, (c, a_stages, b_stages, c_tiles, full, empty, M, N, K, GROUP, TRANSPOSED, 0)),
            (multiply, (c, a_stages, b_stages, c_tiles, full, empty, M, N, K, GROUP, TRANSPOSED, 1)),
            (load, (a, b, a_stages, b_stages, full, empty, M, N, K, GROUP, TRANSPOSED)),
        ],
        [4, 1],  # warps of the second consumer and of the producer; the first has num_warps
        [240, 24],  # registers of a thread: of consumers, with 128 sums, and of the producer
    )


TYPES = {torch.bfloat16: gl.bfloat16, torch.float16: gl.float16, torch.float8_e4m3fn: gl.float8e4nv}


def descriptor(x: torch.Tensor, block: list[int], name: str) -> TensorDescriptor:
    check_descriptor(x, block, name)
    return TensorDescriptor.from_tensor(x, block, gl.NVMMASharedLayout.get_default_for(block, TYPES[x.dtype]))


def gemm(a: torch.Tensor, b: torch.Tensor, transposed: bool = False, group: int = 16) -> torch.Tensor:
    """a @ b, or a @ b.T if `transposed`; bf16 out of fp8, whose sums stay in the tensor cores (else: gemm_fp8.py).

    Raises utils.tiles.TileError where the tile does not fit the GPU or TMA cannot read an array.
    """
    (M, K), N = a.shape, b.shape[0 if transposed else 1]
    block_k = 128 // a.itemsize
    check_tile(2 * ROWS, 2 * COLUMNS, block_k, STAGES, 8, a.itemsize, store=2 * ROWS * COLUMNS * 2)
    c = torch.empty(M, N, dtype=torch.bfloat16 if a.itemsize == 1 else a.dtype, device=a.device)
    grid = (programs(cdiv(M, 2 * ROWS) * cdiv(N, 2 * COLUMNS), a),)
    b_block = [COLUMNS, block_k] if transposed else [block_k, COLUMNS]
    tiles = descriptor(a, [ROWS, block_k], "a"), descriptor(b, b_block, "b"), descriptor(c, [ROWS, COLUMNS], "c")
    gemm_kernel[grid](*tiles, M, N, K, STAGES, group, transposed, num_warps=4)
    return c
