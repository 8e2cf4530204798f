"""A known answer from Triton before any verdict: a tail-masked sum of squares, exact in float32."""

from __future__ import annotations

from functools import cache

import torch
import triton
import triton.language as tl


@triton.jit
def _squares(x, y, total, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + i, mask=i < n, other=0.0)
    tl.store(y + i, v * v, mask=i < n)
    tl.atomic_add(total, tl.sum(v * v))


@cache
def prove(backend: str) -> None:
    """Raises RuntimeError if `backend` ("interpreter" or "gpu") gets a known answer wrong."""
    device = "cuda" if backend == "gpu" else "cpu"
    x = torch.arange(1, 22, dtype=torch.float32, device=device)
    y, total = torch.full_like(x, -1.0), torch.zeros(1, device=device)
    _squares[(2,)](x, y, total, x.numel(), BLOCK=16)
    if not torch.equal(y, x * x) or total.item() != 3311.0:
        raise RuntimeError(
            f"Triton's {backend} gets a known answer wrong ({total.item()} for 3311), so it cannot judge yours. "
            "Run `./study doctor`."
        )
