"""The one table of tolerances: by dtype and by the length of the reduction."""

from __future__ import annotations

from dataclasses import dataclass

# Unit roundoff: half the spacing of numbers at 1 (FACTS: number-format table).
ROUNDOFF = {"float64": 2**-53, "float32": 2**-24, "float16": 2**-11, "bfloat16": 2**-8}


@dataclass(frozen=True)
class Tolerance:
    """How far an answer may be from the oracle: `rtol` times the largest |want| of the row (last axis).

    rtol 0 means bit for bit: NaN equals NaN, and -0.0 differs from 0.0.
    floor: the row's scale is taken to be at least this. Where terms cancel, a right answer is off by the rounding of
    the terms, however small their sum: give the size of the terms.
    """

    rtol: float = 0.0
    floor: float = 0.0

    @classmethod
    def of(cls, dtype: str, length: int = 1, slack: float = 4.0, floor: float = 0.0) -> Tolerance:
        """`slack` roundoffs of `dtype`, growing with the square root of the reduction length."""
        return cls(slack * ROUNDOFF[dtype] * max(length, 1) ** 0.5, floor)


EXACT = Tolerance()
