"""Rules that read a likely mistake off the shape of a mismatch: where elements are wrong, and how they relate.

Every rule is a function of the failing trials alone, general to all exercises, and returns a Diagnosis or
None. A rule speaks only if what it says holds in every trial that is large enough to tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import bits, differs, row_scale, to_numpy
from .exercise import Function
from .tolerance import EXACT, Tolerance
from .trial import Diagnosis, Trial

CLOSE = Tolerance(2e-2)  # patterns such as "transposed" must survive rounding on top of them


def everywhere(failing: list[Trial], least: int, holds: Callable[[Trial], bool]) -> bool:
    """Whether `holds` in every failing trial with at least `least` elements, and there is one."""
    large = [t for t in failing if t.wrong.want.size >= least]
    return bool(large) and all(holds(t) for t in large)


def suffix_start(bad: np.ndarray) -> int | None:
    """If the flat bad elements are exactly a tail of the array, where it starts (> 0)."""
    index = np.flatnonzero(bad)
    start = int(index[0])
    return start if start > 0 and len(index) == bad.size - start else None


def constant(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        return np.ptp(as_float(t.wrong.got)) == 0 and np.ptp(as_float(t.wrong.want)) > 0

    if not everywhere(failing, 3, holds):
        return None
    value = show_number(failing[-1].wrong.got.flat[0])
    return Diagnosis("constant", f"**Every element is {value}**, whatever the input.")


def copied(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        arrays = [to_numpy(a) for a in t.args if np.shape(a) == t.wrong.got.shape and t.wrong.got.ndim]
        return any(not differs(a, t.wrong.got).any() for a in arrays if a.dtype == t.wrong.got.dtype)

    if everywhere(failing, 2, holds):
        return Diagnosis("copied-input", "**An input comes back unchanged.**")
    return None


def sign(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    if everywhere(
        failing, 2, lambda t: _close(-as_float(t.wrong.got)[t.wrong.bad], as_float(t.wrong.want)[t.wrong.bad])
    ):
        return Diagnosis("sign", "**The sign is wrong**: the magnitudes are right.")
    return None


def scaled(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    ratios = []

    def holds(t: Trial) -> bool:
        got, want = as_float(t.wrong.got).ravel(), as_float(t.wrong.want).ravel()
        both = np.isfinite(got) & np.isfinite(want)
        if not both.any() or not (want[both] @ want[both]) > 0 or not (got[both] @ got[both]) > 0:
            return False
        ratios.append((got[both] @ want[both]) / (want[both] @ want[both]))
        near = max(1e-3, exercise.tolerance.rtol)
        return abs(ratios[-1] - 1) > 2 * near and _close(got, ratios[-1] * want, near)

    if not everywhere(failing, 3, holds):
        return None
    same = np.ptp(ratios) <= 1e-2 * abs(ratios[0])
    factor = f"{ratios[0]:.4g}" if same else "a constant that changes with the size"
    return Diagnosis("scaled", f"**Everything is scaled by {factor}**: the pattern is right, a factor is not.")


def transposed(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        want = t.wrong.want
        return _close(t.wrong.got.ravel(), np.swapaxes(want, -1, -2).ravel())

    matrices = [t for t in failing if t.wrong.want.ndim >= 2 and min(t.wrong.want.shape[-2:]) > 1]
    if matrices and everywhere(matrices, 4, holds):
        return Diagnosis("transposed", "**Rows and columns are swapped**: the elements lie as in the transpose.")
    return None


def shifted(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    for step, word in ((1, "right"), (-1, "left")):

        def holds(t: Trial, step: int = step) -> bool:
            got, want = t.wrong.got.ravel(), t.wrong.want.ravel()
            inner = (slice(1, None), slice(None, -1)) if step == 1 else (slice(None, -1), slice(1, None))
            return not _close(want[inner[0]], want[inner[1]]) and _close(got[inner[0]], want[inner[1]])

        if everywhere(failing, 4, holds):
            return Diagnosis("shifted", f"**Off by one**: every element is one place too far to the {word}.")
    return None


def tail(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    least = 1 if exercise.block else 2  # one wrong element at the end is no tail unless there are blocks

    def holds(t: Trial) -> bool:
        start = suffix_start(t.wrong.bad)
        return start is not None and t.wrong.want.size // 2 <= start <= t.wrong.want.size - least

    big = [t for t in failing if not t.wrong.bad.all()]
    if not big or not everywhere(big, 3, holds):
        return None
    t = max(big, key=lambda t: t.wrong.want.size)
    advice = " Look at the mask of the last, partly filled block." if exercise.block else ""
    start, size = suffix_start(t.wrong.bad), t.wrong.want.size
    sentence = (
        f"**Only the tail is wrong**: everything before element {start} of {size} is right when {t.label}.{advice}"
    )
    return Diagnosis("tail", sentence)


def every_block(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    for block in (*exercise.block, *(2**k for k in range(3, 11))):

        def holds(t: Trial, block: int = block) -> bool:
            index = np.flatnonzero(t.wrong.bad)
            places, seen = np.unique(index % block), np.unique(index // block)
            blocks = -(-t.wrong.bad.size // block)
            # The same few places, in (nearly) every block: not a random sprinkle, not a single spot.
            return len(places) <= block // 4 and len(seen) >= blocks - 1 and len(index) >= 0.8 * len(places) * len(seen)

        large = [t for t in failing if t.wrong.want.size >= 3 * block]
        if large and all(holds(t) for t in large):
            places = np.unique(np.flatnonzero(large[-1].wrong.bad) % block)
            return Diagnosis(
                "every-block", f"**The same place is wrong in every block of {block}**: element "
                f"{', '.join(map(str, places[:4]))} of each. Look at the edge of a block, not at the end of the array.",
            )  # fmt: skip
    return None


def permuted(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        got, want = np.sort(t.wrong.got, axis=None), np.sort(t.wrong.want, axis=None)
        return not _close(want, want[::-1]) and _close(got, want)

    if everywhere(failing, 3, holds):
        return Diagnosis("permuted", "**The right values in the wrong places**: they come back permuted.")
    return None


def rounding(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        got, want = t.wrong.got[t.wrong.bad], t.wrong.want[t.wrong.bad]
        if got.dtype != want.dtype or got.dtype.kind in "bO":
            return False
        got, want = bits(got), bits(want)
        return bool((np.maximum(got, want) - np.minimum(got, want) <= 1).all())

    if exercise.tolerance == EXACT and everywhere(failing, 1, holds):
        t = failing[-1].wrong
        return Diagnosis(
            "rounding", f"**Wrong by one unit in the last place** ({int(t.bad.sum())} of {t.bad.size} elements): "
            "rounded the wrong way. Look at ties and at what is cut off.",
        )  # fmt: skip
    return None


def same_bits_wrong(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    masks = set()

    def holds(t: Trial) -> bool:
        if t.wrong.got.dtype != t.wrong.want.dtype or t.wrong.got.dtype.kind not in "iu":
            return False
        masks.update(np.unique(bits(t.wrong.got)[t.wrong.bad] ^ bits(t.wrong.want)[t.wrong.bad]).tolist())
        return len(masks) == 1

    if everywhere(failing, 1, holds):
        which = [i for i in range(64) if masks.copy().pop() >> i & 1]
        return Diagnosis(
            "bits", f"**Always the same bits are wrong**: bit {', '.join(map(str, which))} (0 is the lowest)."
        )
    return None


def as_float(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def show_number(value: object) -> str:
    return f"{float(value):.6g}"


def _close(got: np.ndarray, want: np.ndarray, rtol: float = CLOSE.rtol) -> bool:
    """Equal up to `rtol` of the row's scale; bit patterns and other integers exactly; the same NaN or Inf is equal."""
    if got.dtype.kind in "biu" and want.dtype.kind in "biu":
        return bool((got == want).all()) and bool(want.any())
    got, want = as_float(got), as_float(want)
    scale = row_scale(want)
    with np.errstate(invalid="ignore"):
        near = (np.abs(got - want) <= rtol * scale) | (got == want) | (np.isnan(got) & np.isnan(want))
    return got.size > 0 and bool(np.any(scale > 0)) and bool(near.all())
