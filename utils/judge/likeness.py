"""When two arrays, or parts of one, are alike enough for a pattern to be read into them."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from .arrays import differs, row_scale
from .exercise import Function
from .tolerance import EXACT
from .trial import Trial

CLOSE = 2e-2  # patterns such as "transposed" must survive rounding on top of them
CLOSE_SUM = 1e-3  # sums of many numbers are close to each other by themselves


class Pooled(Trial):
    """Single-number results of many cases in one vector: the order of its elements means nothing."""


def alike(got: np.ndarray, want: np.ndarray, trial: Trial, exercise: Function) -> bool:
    """Equal element by element up to 2 % and the exercise's own tolerance; exactly where it asks for exact results."""
    if exercise.tolerance == EXACT or want.dtype.kind in "biu":
        return got.size > 0 and not differs(want, got).any()
    got, want = as_float(got), as_float(want)
    largest = max((int(np.prod(np.shape(a))) for a in trial.args), default=0)
    sums = isinstance(trial, Pooled) or trial.wrong.want.size < largest
    close = max(CLOSE_SUM, exercise.tolerance.rtol) if sums else CLOSE
    slack = 4 * exercise.tolerance.rtol * np.maximum(row_scale(want), exercise.tolerance.floor)
    with np.errstate(invalid="ignore"):
        near = (np.abs(got - want) <= close * np.abs(want) + slack) | (np.isnan(got) & np.isnan(want))
    return got.size > 0 and bool(want.any()) and bool(near.all())


def nearly_all(bad: np.ndarray) -> bool:
    """Whether all are wrong, but for a few that may be right by chance (a 0 where 0 is wanted)."""
    return bool(bad.any()) and bad.size - int(bad.sum()) <= (bad.size + 8) // 10


def spacing(array: np.ndarray) -> float:
    """Relative distance of neighbouring numbers in the array's format; 0 for integers."""
    try:
        return float(ml_dtypes.finfo(array.dtype).eps)
    except ValueError:
        return 0.0


def in_dtype(want: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An oracle's float64 in the dtype of the output, where no value changes by that."""
    if want.dtype == dtype or want.dtype.kind != "f" or dtype.kind in "bO":
        return want
    with np.errstate(all="ignore"):
        cast = want.astype(dtype)
    return want if differs(want, cast).any() else cast


def as_float(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def show_number(value: object) -> str:
    return f"{float(value):.6g}"
