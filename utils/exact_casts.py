"""Casts to bf16 and fp8 on Triton's interpreter, rounded to nearest even as a GPU does.

The interpreter's own conversion truncates to bf16 and loses the carry in fp8 (seen in 3.6 and 3.7). ml_dtypes
does it right; what passes the largest fp8 number saturates, as PTX's `cvt.rn.satfinite` does.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

FORMATS = {"bf16": ml_dtypes.bfloat16, "fp8e5": ml_dtypes.float8_e5m2, "fp8e4nv": ml_dtypes.float8_e4m3fn,
           "fp16": np.float16, "fp32": np.float32, "fp64": np.float64}  # fmt: skip


def install() -> None:
    """Put the exact conversion in the interpreter's place; once is enough."""
    from triton.runtime import interpreter

    if getattr(interpreter._convert_float, "exact", False):
        return
    original = interpreter._convert_float

    def convert(values: np.ndarray, source: Any, target: Any, rounding: Any) -> np.ndarray:
        if str(source) not in FORMATS or str(target) not in FORMATS:
            return original(values, source, target, rounding)
        have, want = np.dtype(FORMATS[str(source)]), np.dtype(FORMATS[str(target)])
        wide = np.ascontiguousarray(values).view(have).astype(np.float64 if have.itemsize == 8 else np.float32)
        if want.itemsize == 1:
            largest = float(ml_dtypes.finfo(want).max)
            wide = np.where(np.isnan(wide), wide, np.clip(wide, -largest, largest))
        with np.errstate(all="ignore"):
            return wide.astype(want).view(f"u{want.itemsize}").reshape(np.shape(values))

    convert.exact = True
    interpreter._convert_float = convert
