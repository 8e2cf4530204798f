"""Poison: what memory holds before an answer writes it, so that an element nobody wrote is seen.

NaN in every float format (FP8 included); in integers an unlikely pattern; in booleans a byte that is neither 0
nor 1. Any pattern of an integer may be a right value, so what looks unwritten is tried again with a second fill.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np

from .arrays import bits, dtype_name, is_tensor, to_numpy

GUARD = 64  # elements of poison on each side of an array that an answer writes
BYTES = {"float": (0xFF, 0x7F), "int": (0xA5, 0x5A), "bool": (0x02, 0x03)}
_fill = 0


@contextmanager
def second_fill() -> Iterator[None]:
    """Use the other pattern for a while."""
    global _fill
    _fill = 1
    try:
        yield
    finally:
        _fill = 0


def byte(dtype: str) -> int:
    """The byte that poisons an array of a type such as "float16", "uint8" or "bool"."""
    kind = "bool" if dtype == "bool" else "float" if "float" in dtype or "complex" in dtype else "int"
    return BYTES[kind][_fill]


def is_poison(array: np.ndarray) -> np.ndarray:
    """Elements that still hold the poison, bit for bit."""
    if array.dtype.kind in "OSUMm":
        return np.zeros(array.shape, bool)
    raw = array.view(np.uint8) if array.dtype.kind == "b" else bits(array)
    return raw == np.frombuffer(bytes([byte(str(array.dtype))]) * raw.itemsize, raw.dtype)[0]


def guarded(template: Any) -> tuple[Any, Any]:
    """A poisoned array with `template`'s shape and strides inside a larger poisoned one: (inner, whole)."""
    strides, span = _layout(template)
    fill, length = byte(dtype_name(template)), span + 2 * GUARD
    if is_tensor(template):
        torch = sys.modules["torch"]
        count = length * template.element_size()
        whole = torch.full((count,), fill, dtype=torch.uint8, device=template.device).view(template.dtype)
        return torch.as_strided(whole, template.shape, strides, GUARD), whole
    item = template.dtype.itemsize
    whole = np.full(length * item, fill, np.uint8).view(template.dtype)
    steps = [s * item for s in strides]
    return np.ndarray(template.shape, template.dtype, whole, GUARD * item, steps), whole


def guard_damage(whole: Any, template: Any) -> list[int]:
    """Indices, relative to the start of the inner array, at which its guard bands and gaps were written."""
    strides, _ = _layout(template)
    clean = is_poison(to_numpy(whole))
    inner = np.lib.stride_tricks.as_strided(clean[GUARD:], template.shape, strides)
    inner[...] = True  # a boolean has one byte: strides in elements are strides in bytes
    return [int(i) - GUARD for i in np.flatnonzero(~clean)]


def _layout(template: Any) -> tuple[tuple[int, ...], int]:
    """Strides and span in elements; those of a contiguous array where `template` runs backwards or repeats."""
    shape = tuple(template.shape)
    item = 1 if is_tensor(template) else template.dtype.itemsize
    strides = tuple(s // item for s in (template.stride() if is_tensor(template) else template.strides))
    if any(s <= 0 for s in strides):
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    span = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1
    return strides, span if np.prod(shape) else 0


def private_copy(value: Any) -> Any:
    """A copy between guard bands that shares no memory with `value`; strides kept, poison in the gaps."""
    if is_tensor(value):
        return guarded(value)[0].copy_(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcV" and value.dtype.names is None:
        inner, _ = guarded(value)
        inner[...] = value
        return inner
    if isinstance(value, (dict, list)):
        return deepcopy(value)
    return np.copy(value) if isinstance(value, np.ndarray) else value


@contextmanager
def poisoned_numpy() -> Iterator[None]:
    """`np.empty` and `np.empty_like` give poison, so that an element nobody wrote cannot happen to be right."""
    empty, empty_like = np.empty, np.empty_like

    def poisoned(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind in "biufcV" and array.dtype.names is None:
            array.ravel(order="K").view(np.uint8)[...] = byte(str(array.dtype))
        return array

    np.empty = lambda *args, **kwargs: poisoned(empty(*args, **kwargs))
    np.empty_like = lambda *args, **kwargs: poisoned(empty_like(*args, **kwargs))
    try:
        yield
    finally:
        np.empty, np.empty_like = empty, empty_like
