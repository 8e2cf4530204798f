"""C = A B in Triton on Hopper: persistent, tiles through TMA descriptors, C stored in halves.

A: M x K, B: K x N (or N x K: `transposed`), C: M x N, row-major; bf16 or fp16, fp8 with B transposed. Any sizes whose
rows are multiples of 16 bytes, as TMA wants them.
"""

from __future__ import annotations

import torch
from triton.tools.tensor_descriptor import TensorDescriptor

from solutions.kernels.persistent import programs
from utils import tl, triton
from utils.tiles import check_descriptor, check_tile


@triton.jit
def place_of(tile, M, N, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, GROUP: tl.constexpr):
    """Tiles in columns of GROUP rows, so that those in flight share rows of A and columns of B in the L2 cache."""
    rows, columns = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    first = tile // (GROUP * columns) * GROUP
    high = min(rows - first, GROUP)
    within = tile % (GROUP * columns)
    return (first + within % high) * BLOCK_M, within // high * BLOCK_N


@triton.jit
def gemm_kernel(a, b, c, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
                GROUP: tl.constexpr, TRANSPOSED: tl.constexpr):  # fmt: skip
    """flatten: the loops over tiles and over K become one, so that a tile's first loads are under way early."""
    tiles = tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N)
    for tile in tl.range(tl.program_id(0), tiles, tl.num_programs(0), flatten=True):
        row, column = place_of(tile, M, N, BLOCK_M, BLOCK_N, GROUP)
        total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for k in range(0, K, BLOCK_K):
            if TRANSPOSED:
                total = tl.dot(a.load([row, k]), b.load([column, k]).T, total)
            else:
                total = tl.dot(a.load([row, k]), b.load([k, column]), total)
        # Half a tile at a time: it passes through shared memory, most of which holds the stages of A and B.
        left, right = tl.split(tl.permute(tl.reshape(total, (BLOCK_M, 2, BLOCK_N // 2)), (0, 2, 1)))
        c.store([row, column], left.to(c.dtype))
        c.store([row, column + BLOCK_N // 2], right.to(c.dtype))


def gemm(a: torch.Tensor, b: torch.Tensor, transposed: bool = False, block: tuple[int, int, int] = (128, 256, 64),
         stages: int = 3, group: int = 8, warps: int = 8) -> torch.Tensor:  # fmt: skip
    """a @ b, or a @ b.T if `transposed`; bf16 out of fp8.

    Raises utils.tiles.TileError where the tile does not fit the GPU or TMA cannot read an array.
    """
    (M, K), N = a.shape, b.shape[0 if transposed else 1]
    m, n, k = block
    check_tile(m, n, k, stages, warps, a.itemsize, store=m * n)  # half of C, 2 bytes each
    c = torch.empty(M, N, dtype=torch.bfloat16 if a.itemsize == 1 else a.dtype, device=a.device)
    boxes = {"a": (a, [m, k]), "b": (b, [n, k] if transposed else [k, n]), "c": (c, [m, n // 2])}
    for name, (x, box) in boxes.items():
        check_descriptor(x, box, name)
    tiles = (TensorDescriptor.from_tensor(x, box) for x, box in boxes.values())
    gemm_kernel[(programs(triton.cdiv(M, m) * triton.cdiv(N, n), a),)](
        *tiles, M, N, K, m, n, k, group, transposed, num_warps=warps, num_stages=stages)  # fmt: skip
    return c
