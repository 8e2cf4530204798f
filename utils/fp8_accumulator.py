"""What a Hopper tensor core does with the sums of an fp8 product, as measured by others; a model in NumPy.

One `wgmma` of fp8 multiplies 32 deep. The 32 products and the sum so far are shifted to the largest exponent of them,
cut off 13 bits below it, and added; the sum is cut off in the same way (DeepSeek-V3, arXiv 2412.19437, section 3.3.2:
"around 14 bits"; "Insights into DeepSeek-V3", arXiv 2505.09343: 13 fraction bits).
"""

from __future__ import annotations

import numpy as np

DEPTH = 32  # k of one wgmma with 8-bit operands
FRACTION = 13  # bits kept below the leading one of the largest term


def wgmma_fp8(total: np.ndarray, a: np.ndarray, b: np.ndarray, fraction: int = FRACTION) -> np.ndarray:
    """total + a @ b, added as Hopper adds fp8; float32 [M, N].

    total: [M, N], 0 to begin with.  a: [M, 32] and b: [32, N], values that fp8 (E4M3) can hold, as any float type.
    """
    if a.shape[1] != DEPTH or b.shape[0] != DEPTH:
        raise ValueError(f"one wgmma of fp8 is {DEPTH} deep, not {a.shape[1]} by {b.shape[0]}")
    a, b = a.astype(np.float64), b.astype(np.float64)
    products = a.T[:, :, None] * b[:, None, :]  # [32, M, N], exact
    terms = np.concatenate([np.asarray(total, np.float64)[None], products])
    return cut(cut(terms, fraction).sum(0)[None], fraction)[0].astype(np.float32)


def cut(terms: np.ndarray, fraction: int) -> np.ndarray:
    """Each term without its bits more than `fraction` places below the leading bit of the largest (first axis)."""
    leading = np.frexp(np.abs(terms).max(0))[1] - 1
    unit = np.ldexp(1.0, leading - fraction)
    return np.trunc(terms / unit) * unit
