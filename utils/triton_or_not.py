"""Triton and its language, or, where it has no wheels, stand-ins that say so when a kernel is launched."""

from __future__ import annotations

import sys
from typing import Any

from . import machine

MISSING = (
    "Triton is not installed: its wheels are for Linux. The NumPy and torch exercises work here; for this one "
    "use Linux (WSL2 included), with or without a GPU."
)


class Missing:
    """Accepts what a kernel's definition asks of Triton; launching raises with the reason."""

    constexpr = int

    def jit(self, function: Any = None, **options: Any) -> Any:
        return Missing() if function else lambda f: Missing()

    def cdiv(self, n: int, d: int) -> int:
        return -(-n // d)

    def __getitem__(self, grid: Any) -> Any:
        raise RuntimeError(MISSING)


if machine.triton_backend() is None:
    triton: Any = Missing()
    tl: Any = Missing()
else:
    import triton  # noqa: F401
    import triton.language as tl  # noqa: F401

    if machine.triton_backend() == "interpreter":
        from . import compile_worker, exact_casts, history, triton_interpreter

        triton_interpreter.install()
        exact_casts.install()
        if "ipykernel" in sys.modules and history.recording():  # a learner at work: the first check need not wait
            compile_worker.start()
