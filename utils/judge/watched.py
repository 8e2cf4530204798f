"""Inputs that notice how wide the arithmetic on them gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .trial import Diagnosis


class Watched(np.ndarray):
    """An array whose every operation, and every operation on its results, is seen by `watch`."""

    watch: Watch

    def __array_finalize__(self, parent: Any) -> None:
        self.watch = getattr(parent, "watch", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        if out:
            options["out"] = tuple(plain(array) for array in out)
        result = getattr(ufunc, method)(*map(plain, inputs), **options)
        return self.watch.saw(ufunc, result)


def plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Watched) else value


class Watch:
    """Remembers the first operation whose result is a wider float than `widest` ("" watches nothing)."""

    def __init__(self, widest: str) -> None:
        self.widest = np.dtype(widest) if widest else None
        self.wider = ""

    def over(self, value: Any) -> Any:
        """`value`, watched if it is a float array."""
        if self.widest is None or not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            return value
        watched = value.view(Watched)
        watched.watch = self
        return watched

    def saw(self, ufunc: np.ufunc, result: Any) -> Any:
        if isinstance(result, tuple):
            return tuple(self.saw(ufunc, part) for part in result)
        if isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind == "f":
            if result.dtype.itemsize > self.widest.itemsize and not self.wider:
                self.wider = f"`{ufunc.__name__}` gives {result.dtype}"
            return self.over(result)
        return result

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(
            "too-wide",
            f"**An intermediate is wider than {self.widest}**: {self.wider}. `np.zeros(n)` and Python's floats bring "
            "float64 in; name the dtype.",
        )
