"""The model of Hopper's fp8 sums, against one that adds exact fractions, term by term."""

from fractions import Fraction
from math import floor

import numpy as np

from utils.fp8_accumulator import DEPTH, FRACTION, wgmma_fp8


def cut(terms: list[Fraction]) -> list[Fraction]:
    largest, unit = max(map(abs, terms)), Fraction(1)
    while largest and unit * 2 <= largest:
        unit *= 2
    while largest and unit > largest:
        unit /= 2
    unit /= 2**FRACTION
    return [floor(abs(term) / unit) * unit * (1 if term >= 0 else -1) for term in terms]


def test_as_exact_fractions_add() -> None:
    rng = np.random.default_rng(0)
    total = np.zeros((2, 3), np.float32)
    for _ in range(40):
        a, b = (rng.integers(-15, 16, shape) * 2.0 ** rng.integers(-6, 3, shape) for shape in ((2, DEPTH), (DEPTH, 3)))
        products = [[[Fraction(x) * Fraction(y) for x, y in zip(row, col, strict=True)] for col in b.T] for row in a]
        terms = [[[Fraction(float(total[i, j])), *products[i][j]] for j in range(3)] for i in range(2)]
        wanted = [[float(cut([sum(cut(these))])[0]) for these in row] for row in terms]
        total = wgmma_fp8(total, a, b)
        assert total.dtype == np.float32 and wanted == total.tolist()


def test_what_lies_below_the_cut_is_lost_towards_zero() -> None:
    one, small = np.zeros((1, DEPTH)), np.zeros((DEPTH, 1))
    one[0, 0], small[0] = 1, 2.0**-14
    for sign in (1, -1):
        assert wgmma_fp8(np.full((1, 1), sign, np.float32), one, sign * small) == sign
    assert wgmma_fp8(np.zeros((1, 1), np.float32), one, small) == 2.0**-14
