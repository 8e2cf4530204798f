"""What a chooser of tiles may learn from: every second of the shapes whose products were timed on an H100."""

from __future__ import annotations

from .records import recorded

Shape = tuple[int, int, int]  # m, n, k
Configuration = tuple[int, int, int, int, int]  # bm, bn, bk, stages, warps


def figures() -> dict:
    """The recorded run: "configurations", "shapes", "ms" (a row a shape, null where it did not run), "cublas_ms"."""
    return recorded("06_tiles")[0]["figures"]


def configurations() -> list[Configuration]:
    """The tiles that were timed, those of `solutions/kernels/gemm_triton.py`: bf16, B row-major."""
    return [tuple(configuration) for configuration in figures()["configurations"]]


def seen() -> dict[Shape, list[float]]:
    """Milliseconds of every configuration (infinite where it did not run) for the shapes that may be learned from."""
    every = list(zip(figures()["shapes"], figures()["ms"], strict=True))
    return {tuple(shape): [float("inf") if ms is None else ms for ms in row] for shape, row in every[::2]}
