"""Arrays of either library as NumPy, poison for what was never written, and where two arrays differ."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from .tolerance import Tolerance


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor; torch is not imported to find out."""
    return "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)


def dtype_name(value: Any) -> str:
    """ "float16" for an array or tensor of that type; "" for plain Python values."""
    return str(value.dtype).removeprefix("torch.") if hasattr(value, "dtype") else ""


def to_numpy(value: Any) -> np.ndarray:
    """A private NumPy copy of an array, tensor or number; bf16 and fp8 tensors as ml_dtypes."""
    if not is_tensor(value):
        return np.array(value)
    torch, tensor = sys.modules["torch"], value.detach().cpu().contiguous()
    exotic = getattr(ml_dtypes, dtype_name(value), None)
    if exotic is None:
        return tensor.numpy().copy()
    raw = tensor.view(torch.int16 if tensor.element_size() == 2 else torch.uint8)
    return raw.numpy().copy().view(exotic)


def bits(array: np.ndarray) -> np.ndarray:
    """The bit patterns of `array` as unsigned integers (bools and objects as they are)."""
    if array.dtype.kind in "bO":
        return array
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").reshape(array.shape)


def same_bits(a: Any, b: Any) -> bool:
    a, b = to_numpy(a), to_numpy(b)
    return a.dtype == b.dtype and a.shape == b.shape and bool((bits(a) == bits(b)).all())


def shares_memory(got: Any, given: Any) -> bool:
    """Whether two arrays or tensors overlap, a NumPy view of a tensor included."""
    (a, b), (c, d) = _extent(got), _extent(given)
    return a < d and c < b


def _extent(value: Any) -> tuple[int, int]:
    """First and last address (exclusive) of an array's memory; nothing for other values."""
    if is_tensor(value) and value.layout is sys.modules["torch"].strided and value.device.type == "cpu":
        storage = value.untyped_storage()
        return (storage.data_ptr(), storage.data_ptr() + storage.nbytes()) if value.numel() else (0, 0)
    if isinstance(value, np.ndarray) and value.size:
        return np.lib.array_utils.byte_bounds(value)
    return 0, 0


@dataclass(frozen=True)
class Mismatch:
    """Where `got` is not `want`: bad has want's shape; error is |got - want| over the row's scale."""

    want: np.ndarray
    got: np.ndarray
    bad: np.ndarray
    error: float

    @property
    def first(self) -> tuple[int, ...]:
        return tuple(int(i) for i in np.argwhere(self.bad)[0])


def mismatch(
    want: np.ndarray, got: np.ndarray, tolerance: Tolerance, unwritten: np.ndarray | None = None
) -> Mismatch | None:
    """Compare element by element; shapes must be equal. `unwritten` elements are wrong whatever they hold.

    `tolerance.rtol` 0 means the same value and sign.
    """
    if tolerance.rtol == 0 or want.dtype.kind in "biuOU":
        bad = differs(want, got)
        error = float("inf") if bad.any() else 0.0
    else:
        wide, mine = want.astype(np.float64), got.astype(np.float64)
        scale = np.maximum(row_scale(wide), tolerance.floor)
        with np.errstate(invalid="ignore"):
            off = np.abs(mine - wide)
        same = (mine == wide) | (np.isnan(mine) & np.isnan(wide))
        off = np.where(same, 0.0, np.where(np.isfinite(off), off, np.inf))
        bad = off > tolerance.rtol * scale
        error = float((off / np.where(scale > 0, scale, 1)).max(initial=0.0))
    bad = bad if unwritten is None else bad | unwritten
    return Mismatch(want, got, bad, error) if bad.any() else None


def differs(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Elements that differ exactly; NaN equals NaN, -0.0 differs from 0.0."""
    if want.dtype.kind in "biuOU" or got.dtype.kind in "biuOU":
        return np.asarray(want != got)
    wide, mine = want.astype(np.float64), got.astype(np.float64)
    both_nan = np.isnan(wide) & np.isnan(mine)
    return ((wide != mine) | (np.signbit(wide) != np.signbit(mine))) & ~both_nan


def row_scale(want: np.ndarray) -> np.ndarray:
    """Largest finite |want| along the last axis, kept for broadcasting: what errors are measured against."""
    size = np.abs(np.where(np.isfinite(want), want, 0.0))
    return size.max(axis=-1, keepdims=True, initial=0.0) if size.ndim else size
