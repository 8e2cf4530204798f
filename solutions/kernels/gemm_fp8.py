"""C = A B of fp8 on Hopper, its sums promoted: each 128 of K is added up by the tensor cores, and these in float32.

A: M x K, B: N x K (fp8's wgmma takes no other), e4m3, rows multiples of 16 bytes; C: M x N, bf16. The warps are as in
gemm_warp_specialized.py (whose gemm(a, b, transposed=True) does not promote). A consumer multiplies its 64 x 256 a
quarter at a time, into two sums in turn: one is added to its total while the other is multiplied.
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

from solutions.kernels.gemm_warp_specialized import COLUMNS, ROWS, STAGES, descriptor, load, place_of, ring
from solutions.kernels.persistent import programs
from utils.tiles import check_tile

BLOCK_K = 128
QUARTER = gl.constexpr(64)  # columns of C
STEPS = gl.constexpr(4)  # between waits for all of a consumer's products; TMA fills K up to a multiple with zeros


@gluon.jit
def quarter(a, b, part, first: gl.constexpr):
    """64 rows times 64 of b's, under way, into `part`, whatever was there."""
    b = b.slice(first, QUARTER, dim=0).permute((1, 0))
    return warpgroup_mma(a, b, part, use_acc=False, is_async=True)


@gluon.jit
def plus(total, part):
    """An addition that stays where it is written. Behind the next product, where the compiler would move it, `part` is
    overwritten: it had to be copied, and no product could start before the one in front of it was done."""
    return gl.inline_asm_elementwise(
        "add.rn.f32 $0, $1, $2;", "=f,f,f", [total, part], dtype=gl.float32, is_pure=False, pack=1
    )


@gluon.jit
def store(c, c_tile, at, left, right):
    """Two quarters, once the copy engine has read those before them out of c_tile."""
    tma.store_wait(0)
    c_tile.slice(0, QUARTER, dim=1).store(left.to(c.dtype))
    c_tile.slice(QUARTER, QUARTER, dim=1).store(right.to(c.dtype))
    fence_async_shared()
    tma.async_copy_shared_to_global(c, at, c_tile)


@gluon.jit
def multiply(c, a_stages, b_stages, c_tiles, full, empty, M, N, K, GROUP: gl.constexpr, HALF: gl.constexpr):
    """A consumer, the upper or the lower HALF of the rows."""
    STAGES: gl.constexpr = full.type.shape[0]
    ROWS: gl.constexpr = a_stages.type.shape[1]
    BLOCK_K: gl.constexpr = a_stages.type.shape[2]
    COLUMNS: gl.constexpr = b_stages.type.shape[1]
    layout: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [gl.num_warps(), 1], [16, QUARTER, 32])
    tiles = gl.cdiv(M, 2 * ROWS) * gl.cdiv(N, 2 * COLUMNS)
    step = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        row, column = place_of(tile, M, N, 2 * ROWS, 2 * COLUMNS, GROUP)
        total0 = gl.zeros((ROWS, QUARTER), gl.float32, layout)
        total1 = gl.zeros((ROWS, QUARTER), gl.float32, layout)
        total2 = gl.zeros((ROWS, QUARTER), gl.float32, layout)
        total3 = gl.zeros((ROWS, QUARTER), gl.float32, layout)
        even = gl.zeros((ROWS, QUARTER), gl.float32, layout)
        odd = gl.zeros((ROWS, QUARTER), gl.float32, layout)
        for _ in range(0, K, STEPS * BLOCK_K):
            for i in gl.static_range(STEPS):
                stage = (step + i) % STAGES
                mbarrier.wait(full.index(stage), (step + i) // STAGES & 1)
                a, b0, b1 = a_stages.index(2 * stage + HALF), b_stages.index(2 * stage), b_stages.index(2 * stage + 1)
                even = quarter(a, b0, even, 0)
                if i > 0:
                    odd = warpgroup_mma_wait(1, deps=[odd])  # all but `even`: the step before is done
                    mbarrier.arrive(empty.index((step + i - 1) % STAGES))
                    total3 = plus(total3, odd)
                odd = quarter(a, b0, odd, QUARTER)
                even = warpgroup_mma_wait(1, deps=[even])
                total0 = plus(total0, even)
                even = quarter(a, b1, even, 0)
                odd = warpgroup_mma_wait(1, deps=[odd])
                total1 = plus(total1, odd)
                odd = quarter(a, b1, odd, QUARTER)
                even = warpgroup_mma_wait(1, deps=[even])
                total2 = plus(total2, even)
            odd = warpgroup_mma_wait(0, deps=[odd])  # where a loop begins anew nothing may be under way
            mbarrier.arrive(empty.index((step + STEPS - 1) % STAGES))
            total3 = plus(total3, odd)
            step += STEPS
        store(c, c_tiles.index(HALF), [row + HALF * ROWS, column], total0, total1)
        store(c, c_tiles.index(HALF), [row + HALF * ROWS, column + COLUMNS], total2, total3)
    tma.store_wait(0)


@gluon.jit
def gemm_kernel(a, b, c, M, N, K, STAGES: gl.constexpr, GROUP: gl.constexpr, num_warps: gl.constexpr):
    a_stages, b_stages, c_tiles, full, empty = ring(a, b, c, STAGES)
    DEPTH: gl.constexpr = STEPS * a.block_type.shape[1]
    K = gl.cdiv(K, DEPTH) * DEPTH
    gl.warp_specialize(
        [
            (multiply, (c, a_stages, b_stages, c_tiles, full, empty, M, N, K, GROUP, 0)),
            (multiply, (c, a_stages, b_stages, c_tiles, full, empty, M, N, K, GROUP, 1)),
            (load, (a, b, a_stages, b_stages, full, empty, M, N, K, GROUP, True)),
        ],
        [4, 1],  # warps of the second consumer and of the producer; the first has num_warps
        [240, 24],  # registers of a thread: of consumers, with 128 totals and 64 sums under way, and of the producer
    )


def gemm_promoted(a: torch.Tensor, b: torch.Tensor, group: int = 16) -> torch.Tensor:
    """a @ b.T in bf16.

    Raises utils.tiles.TileError where the tile does not fit the GPU or TMA cannot read an array.
    """
    (M, K), N = a.shape, b.shape[0]
    check_tile(2 * ROWS, 2 * COLUMNS, BLOCK_K, STAGES, 8, a.itemsize, store=2 * ROWS * COLUMNS * 2)
    c = torch.empty(M, N, dtype=torch.bfloat16, device=a.device)
    grid = (programs(cdiv(M, 2 * ROWS) * cdiv(N, 2 * COLUMNS), a),)
    tiles = [descriptor(a, [ROWS, BLOCK_K], "a"), descriptor(b, [COLUMNS, BLOCK_K], "b")]
    gemm_kernel[grid](*tiles, descriptor(c, [ROWS, COLUMNS], "c"), M, N, K, STAGES, group, num_warps=4)
    return c
