"""NaN and infinity where a number is wanted: the cause that was seen, or else the usual ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from .arrays import bits, to_numpy
from .exercise import Function
from .likeness import show_number
from .trial import Diagnosis, Trial


def not_finite(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    numeric = [t for t in failing if t.wrong.got.dtype.kind not in "biuO"]
    for t in numeric:
        if (nan := _lost(t, np.isnan)).any():
            rows = nan.reshape(-1, nan.shape[-1]).all(axis=-1) if nan.ndim > 1 else np.array([nan.all()])
            where = "whole rows" if nan.ndim > 1 and rows.any() else f"{int(nan.sum())} of {nan.size} elements"
            return Diagnosis("nan", f"**NaN where a number is wanted** ({where}). {_cause(t, exercise, nan)}".rstrip())
    for t in numeric:
        if _lost(t, np.isinf).any():
            return Diagnosis(
                "overflow", f"**Overflow**: infinity where {show_number(t.wrong.want[t.wrong.first])} is wanted. "
                "Some intermediate value passes the largest finite number of its format.",
            )  # fmt: skip
    return None


def _lost(t: Trial, test: Callable) -> np.ndarray:
    return test(t.wrong.got.astype(np.float64)) & np.isfinite(t.wrong.want.astype(np.float64))


def _cause(t: Trial, exercise: Function, nan: np.ndarray) -> str:
    if t.undefined is not None and (nan & t.undefined).any():
        return ""  # lanes masked off: the advice says so
    if _added_as_integers(t):
        return "The bit patterns were added as integers: look at them as numbers of their format before adding."
    row = " in an empty or fully masked row" if _has_empty_row(t, exercise) else ""
    return (
        f"The usual ways to get one: 0/0{row}, the root or logarithm of a negative number, Inf - Inf or Inf/Inf after "
        "an overflow."
    )


def _added_as_integers(t: Trial) -> bool:
    """Whether the output's bits are the sum of two inputs' bits (and of a carry, where several lie in a word)."""
    got = t.wrong.got
    alike = [a for a in map(to_numpy, t.args) if a.dtype == got.dtype and a.size >= got.size >= 2]
    for one, other in combinations([bits(a).ravel()[: got.size] for a in alike], 2):
        carry = bits(got).ravel() - one - other  # unsigned: wraps around as the sum did
        if (carry <= 1).all():
            return True
    return False


def _has_empty_row(t: Trial, exercise: Function) -> bool:
    """Whether an input has a row of nothing but -Inf, of 0, or of False."""
    named = zip(exercise.parameters, t.args, strict=False)
    for array in [to_numpy(value) for name, value in named if name not in exercise.outputs]:
        if array.ndim and array.size and array.dtype.kind not in "OSU":
            rows = array.reshape(-1, array.shape[-1])
            values = rows if rows.dtype.kind in "biu" else rows.astype(np.float64)
            if (values == 0).all(axis=-1).any() or np.isneginf(values.astype(np.float64)).all(axis=-1).any():
                return True
    return False
