"""Arrays of either library as NumPy, poison for what was never written, and where two arrays differ."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from .tolerance import Tolerance

# Every byte 0xFF: NaN in each float format of the course (FP8 included), -1 or the largest integer otherwise.
POISON = 0xFF
GUARD = 64  # elements of poison on each side of an array that an answer writes


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


def private_copy(value: Any) -> Any:
    """A copy that shares no memory with `value`, strides kept; contiguous tensors lie between guard bands."""
    if is_tensor(value):
        if value.is_contiguous():
            inner, _ = guarded(value)
            return inner.copy_(value)
        storage = value.untyped_storage().clone()
        return value.new_empty(0).set_(storage, value.storage_offset(), value.size(), value.stride())
    return np.copy(value, order="K") if isinstance(value, np.ndarray) else value


def bits(array: np.ndarray) -> np.ndarray:
    """The bit patterns of `array` as unsigned integers (bools and objects as they are)."""
    if array.dtype.kind in "bO":
        return array
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").reshape(array.shape)


def same_bits(a: Any, b: Any) -> bool:
    a, b = to_numpy(a), to_numpy(b)
    return a.dtype == b.dtype and a.shape == b.shape and bool((bits(a) == bits(b)).all())


def is_poison(array: np.ndarray) -> np.ndarray:
    """Elements that still hold the poison, bit for bit."""
    if array.dtype.kind in "bO":
        return np.zeros(array.shape, bool)
    raw = bits(array)
    return raw == np.iinfo(raw.dtype).max


def guarded(template: Any) -> tuple[Any, Any]:
    """A poisoned array like `template` inside a larger poisoned one: (inner, whole)."""
    size = int(np.prod(template.shape))
    if is_tensor(template):
        torch = sys.modules["torch"]
        raw = torch.full(
            ((size + 2 * GUARD) * template.element_size(),), POISON, dtype=torch.uint8, device=template.device
        )
        whole = raw.view(template.dtype)
    else:
        whole = np.full((size + 2 * GUARD) * template.dtype.itemsize, POISON, np.uint8).view(template.dtype)
    return whole[GUARD : GUARD + size].reshape(template.shape), whole


def guard_damage(whole: Any, size: int) -> list[int]:
    """Indices, relative to the inner array, at which its guard bands were written."""
    clean = is_poison(to_numpy(whole))
    clean[GUARD : GUARD + size] = True
    return [int(i) - GUARD for i in np.flatnonzero(~clean)]


def shares_memory(got: Any, given: Any) -> bool:
    if is_tensor(got) and is_tensor(given):
        return got.numel() > 0 and got.untyped_storage().data_ptr() == given.untyped_storage().data_ptr()
    if isinstance(got, np.ndarray) and isinstance(given, np.ndarray):
        return np.may_share_memory(got, given)
    return False


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


def mismatch(want: np.ndarray, got: np.ndarray, tolerance: Tolerance) -> Mismatch | None:
    """Compare element by element; shapes must be equal. `tolerance.rtol` 0 means the same value and sign."""
    if tolerance.rtol == 0 or want.dtype.kind in "biuO":
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
    return Mismatch(want, got, bad, error) if bad.any() else None


def differs(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Elements that differ exactly; NaN equals NaN, -0.0 differs from 0.0."""
    if want.dtype.kind in "biuO" or got.dtype.kind in "biuO":
        return np.asarray(want != got)
    wide, mine = want.astype(np.float64), got.astype(np.float64)
    both_nan = np.isnan(wide) & np.isnan(mine)
    return ((wide != mine) | (np.signbit(wide) != np.signbit(mine))) & ~both_nan


def row_scale(want: np.ndarray) -> np.ndarray:
    """Largest finite |want| along the last axis, kept for broadcasting: what errors are measured against."""
    size = np.abs(np.where(np.isfinite(want), want, 0.0))
    return size.max(axis=-1, keepdims=True, initial=0.0) if size.ndim else size
