"""y = x W^T for few rows of x: W is read once, as fast as the memory gives it. That is a decoder's every linear layer.

x: M x K (M up to 64), W: N x K, y: M x N, row-major, bf16 or fp16. K a multiple of 8 (16 bytes, for TMA) if M > 1.
One row: CUDA cores keep up with the memory, and rows of W go straight to registers (gemv). More: tensor cores, and the
product is made turned, W x^T, so that their 64 rows are full of weights and not of padding.
"""

from __future__ import annotations

import torch
from triton.tools.tensor_descriptor import TensorDescriptor

from utils import tl, triton
from utils.tiles import check_descriptor, check_tile


@triton.jit
def gemv_kernel(w, x, y, N, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    """One program: BLOCK_N rows of W. They pass by once, so they are the first that the L2 cache may forget."""
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_N, BLOCK_K), tl.float32)
    for step in range(0, K, BLOCK_K):
        k = step + tl.arange(0, BLOCK_K)
        inside = (n < N)[:, None] & (k < K)[None, :]
        place = n.to(tl.int64)[:, None] * K + k[None, :]
        weights = tl.load(w + place, mask=inside, other=0.0, eviction_policy="evict_first")
        total += weights.to(tl.float32) * tl.load(x + k, mask=k < K, other=0.0).to(tl.float32)[None, :]
    tl.store(y + n, tl.sum(total, 1).to(y.dtype.element_ty), mask=n < N)


def gemv(x: torch.Tensor, w: torch.Tensor, block_n: int = 4, block_k: int = 2048, warps: int = 4) -> torch.Tensor:
    """x @ w.T for one row x: 1 x K."""
    N, K = w.shape
    y = torch.empty(1, N, dtype=x.dtype, device=x.device)
    gemv_kernel[(triton.cdiv(N, block_n),)](w, x, y, N, K, block_n, block_k, num_warps=warps)
    return y


@triton.jit
def skinny_kernel(w, x, y, parts, M, N, K, SPLIT: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_M: tl.constexpr,
                  BLOCK_K: tl.constexpr, STAGES: tl.constexpr):  # fmt: skip
    """One program: BLOCK_N rows of W, a SPLIT-th of K."""
    row, part = tl.program_id(0) * BLOCK_N, tl.program_id(1)
    total = tl.zeros((BLOCK_N, BLOCK_M), tl.float32)
    steps = tl.cdiv(K, BLOCK_K)
    for step in tl.range(part, steps, SPLIT, num_stages=STAGES):
        weights, inputs = w.load([row, step * BLOCK_K]), x.load([0, step * BLOCK_K])
        total = tl.dot(weights, inputs.T, total)
    n, m = row + tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_M)
    inside = (n < N)[:, None] & (m < M)[None, :]
    place = m[None, :] * N + n[:, None]
    if SPLIT == 1:
        tl.store(y + place, total.to(y.dtype.element_ty), mask=inside)
    else:
        tl.store(parts + part * M * N + place, total, mask=inside)


@triton.jit
def sum_kernel(parts, y, MN, SPLIT: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for part in tl.static_range(SPLIT):
        total += tl.load(parts + part * MN + at, mask=at < MN, other=0.0)
    tl.store(y + at, total.to(y.dtype.element_ty), mask=at < MN)


def skinny(x: torch.Tensor, w: torch.Tensor, block_n: int = 64, block_k: int = 128, stages: int = 6, split: int = 1,
           warps: int = 4) -> torch.Tensor:  # fmt: skip
    """x @ w.T; split: programs that share a row of W, whose sums a second kernel adds.

    Raises utils.tiles.TileError where the tile does not fit the GPU or TMA cannot read an array.
    """
    (M, K), N = x.shape, w.shape[0]
    block_m = max(16, triton.next_power_of_2(M))
    check_tile(block_n, block_m, block_k, stages, warps, x.itemsize)
    check_descriptor(w, [block_n, block_k], "w")
    check_descriptor(x, [block_m, block_k], "x")
    y = torch.empty(M, N, dtype=x.dtype, device=x.device)
    parts = torch.empty(split, M, N, dtype=torch.float32, device=x.device) if split > 1 else y
    of = TensorDescriptor.from_tensor
    skinny_kernel[(triton.cdiv(N, block_n), split)](
        of(w, [block_n, block_k]), of(x, [block_m, block_k]), y, parts, M, N, K, split, block_n, block_m, block_k,
        stages, num_warps=warps)  # fmt: skip
    if split > 1:
        sum_kernel[(triton.cdiv(M * N, 1024),)](parts, y, M * N, split, 1024)
    return y
