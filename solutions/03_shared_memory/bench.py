"""The ladders of shared memory: `./study bench --gpu 03`, on a GPU, measures and records them."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
import ml_dtypes
import numpy as np

from solutions.kernels import layer_norm, reduction, rms_norm, softmax, transpose
from utils.climb import Case, Ladder, climb_all

ELEMENTS = 2**29  # of a bf16 matrix that is read and written: 1 GiB each
READ_ONLY = 2**30  # of what is only read
COLS = (2048, 4096, 8192, 16384, 32768)
ULP = 2.0**-8  # half the distance of neighbouring bf16s, over the larger: a result rounded once


def numbers(*shape: int, bf16: bool = False) -> np.ndarray:
    drawn = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return drawn.astype(ml_dtypes.bfloat16) if bf16 else drawn


def turned(n: int) -> Callable[[], Case]:
    def make() -> Case:
        import torch

        x, y = torch.randn(n, n, device="cuda"), torch.empty(n, n, device="cuda")
        return Case(
            shape=f"{n} × {n}",
            moved=8 * n * n,
            flops=0,
            arrays=(x, y),
            prepare=lambda: y.fill_(float("nan")),
            error=lambda: 0.0 if torch.equal(y, x.T) else float("inf"),
            library=("x.T.contiguous()", lambda: x.T.contiguous()),
        )

    return make


def total() -> Case:
    import torch

    x, y = torch.randn(READ_ONLY, device="cuda"), torch.empty(1, device="cuda")
    left = torch.empty(READ_ONLY // 128 + 2, device="cuda")
    finished = torch.zeros(1, dtype=torch.int32, device="cuda").view(torch.uint32)
    parts = x.view(16, -1)
    want = sum(float(part.double().sum()) for part in parts)
    allowed = 1e-6 * sum(float(part.abs().double().sum()) for part in parts)
    return Case(
        shape="2^30 float32",
        moved=4 * READ_ONLY,
        flops=READ_ONLY,
        arrays=(x, y, left, finished),
        prepare=lambda: (y.fill_(float("nan")), left.fill_(float("nan"))),
        error=lambda: abs(float(y) - want) / allowed,
        library=("x.sum()", lambda: x.sum()),
    )


def row_totals(cols: int) -> Callable[[], Case]:
    def make() -> Case:
        import torch

        rows = READ_ONLY // cols
        x = torch.randn(rows, cols, device="cuda", dtype=torch.bfloat16)
        y = torch.empty(rows, device="cuda")
        want = torch.cat([part.double().sum(1) for part in x.chunk(16)])
        allowed = 1e-6 * torch.cat([part.double().abs().sum(1) for part in x.chunk(16)])
        return Case(
            shape=f"rows of {cols}",
            moved=2 * READ_ONLY + 4 * rows,
            flops=READ_ONLY,
            arrays=(x, y),
            prepare=lambda: y.fill_(float("nan")),
            error=lambda: float(((y - want).abs() / allowed).max()),
            library=("x.sum(-1)", lambda: x.sum(-1)),
        )

    return make


def over_rows(cols: int, extra: int, flops: int, function: Callable, library: tuple[str, Callable]):
    """A row operation with `extra` vectors (weight, bias); function: in float64, on a part of the rows."""

    def make() -> Case:
        import torch

        rows = ELEMENTS // cols
        x = torch.randn(rows, cols, device="cuda", dtype=torch.bfloat16)
        y = torch.empty_like(x)
        vectors = [(torch.randn(cols, device="cuda") / 4 + (1 - i)).bfloat16() for i in range(extra)]
        wide = [vector.double() for vector in vectors]

        def error() -> float:
            worst = []
            for part, got in zip(x.chunk(16), y.chunk(16), strict=True):
                want = function(part.double(), *wide)
                allowed = ULP * want.abs() + 1e-5 * want.abs().amax(1, keepdim=True)
                worst.append(((got - want).abs() / allowed).max())
            return float(torch.stack(worst).max())

        name, call = library
        return Case(
            shape=f"rows of {cols}",
            moved=4 * ELEMENTS + 2 * extra * cols,
            flops=flops * ELEMENTS,
            arrays=(x, *vectors, y),
            prepare=lambda: y.fill_(float("nan")),
            error=error,
            library=(name, lambda: call(x, *vectors)),
        )

    return make


def of_softmax(cols: int):
    import torch

    return over_rows(cols, 0, 5, lambda x: torch.softmax(x, 1), ("torch.softmax", lambda x: torch.softmax(x, 1)))


def of_rms_norm(cols: int):
    import torch.nn.functional as F

    def apply(x, w):
        return F.rms_norm(x, x.shape[1:], w, rms_norm.EPS)

    return over_rows(cols, 1, 4, apply, ("F.rms_norm", apply))


def of_layer_norm(cols: int):
    import torch.nn.functional as F

    def apply(x, w, b):
        return F.layer_norm(x, x.shape[1:], w, b, layer_norm.EPS)

    return over_rows(cols, 2, 7, apply, ("F.layer_norm", apply))


def small_rows(extra: int) -> Callable[[], tuple]:
    return lambda: (
        numbers(264, 2048, bf16=True),
        *(numbers(2048, bf16=True) for _ in range(extra)),
        np.empty((264, 2048), ml_dtypes.bfloat16),
    )


def small_sum() -> tuple:
    return numbers(2**18), np.empty(1, np.float32), np.empty(2**11 + 2, np.float32), np.zeros(1, np.uint32)


LADDERS = (
    Ladder("03_transpose", "Transposing float32", transpose.RUNGS,
           lambda: (numbers(256, 256), np.empty((256, 256), np.float32)), [turned(8192), turned(16384)]),
    Ladder("03_sum", "The sum of 4 GiB of float32", reduction.SUMS, small_sum, [total]),
    Ladder("03_row_sum", "The sums of the rows of 2 GiB of bf16", reduction.ROW_SUMS,
           lambda: (numbers(128, 2048, bf16=True), np.empty(128, np.float32)),
           [row_totals(cols) for cols in (2048, 8192, 32768)]),
    Ladder("03_softmax", "Softmax of rows of bf16, 1 GiB in and out", softmax.RUNGS, small_rows(0),
           [of_softmax(cols) for cols in COLS]),
    Ladder("03_rms_norm", "RMSNorm of rows of bf16, 1 GiB in and out", rms_norm.RUNGS, small_rows(1),
           [of_rms_norm(cols) for cols in COLS]),
    Ladder("03_layer_norm", "LayerNorm of rows of bf16, 1 GiB in and out", layer_norm.RUNGS, small_rows(2),
           [of_layer_norm(cols) for cols in COLS]),
)  # fmt: skip

if __name__ == "__main__":
    climb_all(LADDERS)
