"""The ladders of global memory: `./study bench --gpu 02`, on a GPU, measures and records them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
import numpy as np

from solutions.kernels import copy
from utils.climb import Case, Ladder, climb_all

N = 2**28  # float32s: 1 GiB an array
SMALL = 2**16  # for the counters
A = 0.5


def numbers(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(count, dtype=np.float32)


def moving(scale: float):
    """y = scale x; the case of the copies and of the strides."""

    def make() -> Case:
        import torch

        x, y = torch.randn(N, device="cuda"), torch.empty(N, device="cuda")
        return Case(
            shape="2^28 float32",
            moved=8 * N,
            flops=0 if scale == 1 else N,
            arrays=(x, y),
            prepare=lambda: y.fill_(float("nan")),
            error=lambda: 0.0 if torch.equal(y, scale * x) else float("inf"),
            library=("y.copy_(x)", lambda: y.copy_(x)) if scale == 1 else ("2 * x", lambda: torch.mul(x, 2, out=y)),
        )

    return make


def axpy() -> Case:
    import torch

    x, before = torch.randn(N, device="cuda"), torch.randn(N, device="cuda")
    y = before.clone()

    def error() -> float:
        want = before.double() + A * x.double()
        return float(((y - want).abs() / (1e-7 * (before.abs() + x.abs()))).max())

    return Case(
        shape="2^28 float32",
        moved=12 * N,
        flops=2 * N,
        arrays=(x, y, A),
        prepare=lambda: y.copy_(before),
        error=error,
        library=("y.add_(x, alpha=a)", lambda: y.add_(x, alpha=A)),
    )


def pair() -> tuple:
    return numbers(SMALL), np.empty(SMALL, np.float32)


LADDERS = (
    Ladder("02_copy", "Copying 1 GiB of float32", copy.COPIES, pair, [moving(1)]),
    Ladder("02_axpy", "y += a x, 1 GiB of float32 each", copy.AXPYS, lambda: (*pair(), A), [axpy]),
    Ladder("02_strided", "y = 2 x, a thread taking neighbours in turn", copy.STRIDES, pair, [moving(2)]),
)

if __name__ == "__main__":
    climb_all(LADDERS)
