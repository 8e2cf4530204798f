"""Packed video instructions on four bytes or two 16-bit numbers: CUDA's SIMD intrinsics use vabsdiff4."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .core import Array, Operation, chunked

RULES: dict[str, Callable[[Array, Array], Array]] = {
    "vadd": np.add,
    "vsub": np.subtract,
    "vavrg": lambda a, b: a + b + (a + b >= 0) >> 1,
    "vabsdiff": lambda a, b: np.abs(a - b),
    "vmin": np.minimum,
    "vmax": np.maximum,
}


def packed(name: str, lanes: int):
    """A maker for `name.dtype.atype.btype{.sat|.add} d, a, b, c`; .add: d = c + the sum of the lanes' results."""
    bits, rule = 32 // lanes, RULES[name]

    def lane(x: Array, kind: str, index: int) -> Array:
        up = (x << np.uint32(32 - bits * (index + 1))).view(np.int32 if kind == "s32" else np.uint32)
        return (up >> up.dtype.type(32 - bits)).view(np.int32)

    def make(target: str, first: str, second: str, how: str) -> Operation:
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if target == "s32" else (0, (1 << bits) - 1)

        def run(a: Array, b: Array, c: Array) -> Array:
            results = [rule(lane(a, first, i), lane(b, second, i)) for i in range(lanes)]
            if how == "add":
                return c + sum(results[1:], results[0]).view(np.uint32)
            if how == "sat":
                results = [np.clip(r, low, high) for r in results]
            fields = [
                (r.view(np.uint32) & np.uint32((1 << bits) - 1)) << np.uint32(bits * i) for i, r in enumerate(results)
            ]
            return sum(fields[1:], fields[0])

        return Operation(chunked(run), (first, second, target), target)

    return make


SYNTAX = {f"{name}{lanes} u32|s32 u32|s32 u32|s32 sat|add?": packed(name, lanes) for name in RULES for lanes in (2, 4)}
