"""Rules that read a likely mistake off the shape of a mismatch: where elements are wrong, and how they relate.

Every rule is a function of the failing trials alone, general to all exercises, and returns a Diagnosis or
None. A rule speaks only if what it says holds in every trial that is large enough to tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arrays import bits, differs, row_scale, to_numpy
from .exercise import Function
from .likeness import Pooled, alike, as_float, in_dtype, nearly_all, show_number, spacing
from .tolerance import EXACT
from .trial import Diagnosis, Trial


def everywhere(failing: list[Trial], least: int, holds: Callable[[Trial], bool]) -> bool:
    """Whether `holds` in every failing trial with at least `least` elements, and there is one."""
    large = [t for t in failing if t.wrong.want.size >= least]
    return bool(large) and all(holds(t) for t in large)


def ordered(failing: list[Trial]) -> list[Trial]:
    """The failing trials whose elements have places."""
    return [t for t in failing if not isinstance(t, Pooled)]


def suffix_start(bad: np.ndarray) -> int | None:
    """If the flat bad elements are exactly a tail of the array, where it starts (> 0)."""
    index = np.flatnonzero(bad)
    start = int(index[0])
    return start if start > 0 and len(index) == bad.size - start else None


def first_of_tail(bad: np.ndarray) -> int | None:
    """Where the last part that is wrong begins; an element in it may be right by chance."""
    start = int(np.flatnonzero(bad)[0])
    return start if nearly_all(bad.ravel()[start:]) else None


def constant(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        return np.ptp(as_float(t.wrong.got)) == 0 and len(np.unique(t.wrong.want)) > 2

    if not everywhere(failing, 3, holds) or (len(failing) < 2 < len(exercise.shapes)):
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
    def holds(t: Trial) -> bool:
        bad = t.wrong.bad
        return t.wrong.got.dtype.kind != "u" and alike(-t.wrong.got[bad], t.wrong.want[bad], t, exercise)

    if everywhere(failing, 2, holds):
        return Diagnosis("sign", "**The sign is wrong**: the magnitudes are right.")
    return None


def offset(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    steps = []

    def holds(t: Trial) -> bool:
        got, want = t.wrong.got, t.wrong.want
        if "b" in (kinds := got.dtype.kind + want.dtype.kind) or "O" in kinds:
            return False
        if got.dtype.kind in "iu" and want.dtype.kind in "iu":  # the difference wraps around as the dtype does
            off = (got.astype(np.int64) - want.astype(np.int64)).astype(f"i{got.dtype.itemsize}")
            steps.append(int(off.flat[0]))
            return steps[-1] != 0 and bool((off == steps[-1]).all())
        got, want = as_float(got).ravel(), as_float(want).ravel()
        known = np.isfinite(got) & np.isfinite(want)
        if not known.any():
            return False
        off = got[known] - want[known]
        steps.append(float(np.median(off)))
        size = max(np.abs(want[known]).max(), abs(steps[-1]), exercise.tolerance.floor)
        slack = (4 * exercise.tolerance.rtol + spacing(t.wrong.got)) * size
        return abs(steps[-1]) > 8 * slack and bool((np.abs(off - steps[-1]) <= slack).all())

    telling = [t for t in failing if len(np.unique(t.wrong.want)) > 2]  # else it might as well be a factor
    if not telling or not everywhere(failing, 3, holds):
        return None
    same = np.ptp(steps) <= 1e-2 * abs(steps[0])
    step = f"{steps[0]:.3g}" if same else "a constant that changes with the case"
    step = str(steps[0]) if same and isinstance(steps[0], int) else step
    more = "the same number is added to every element."
    if same and abs(steps[0]) == 1 and telling[0].wrong.got.dtype.kind == "i":
        more = "is something rounded down that should be rounded up (`-(-a // b)`), or an end counted wrongly?"
    return Diagnosis("offset", f"**Everything is off by {step}**: {more}")


def scaled(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    ratios = []

    def holds(t: Trial) -> bool:
        got, want = as_float(t.wrong.got).ravel(), as_float(t.wrong.want).ravel()
        known = np.isfinite(got) & np.isfinite(want) & (want != 0)
        if not known.any() or not got[known].any():
            return False
        ratios.append(float(np.median(got[known] / want[known])))
        slack = exercise.tolerance.rtol * np.maximum(row_scale(want), exercise.tolerance.floor)
        near = np.abs(got - ratios[-1] * want) <= 1e-3 * np.abs(ratios[-1] * want) + slack
        return abs(ratios[-1] - 1) > 5e-3 and bool((near | ~(np.isfinite(got) & np.isfinite(want))).all())

    if not everywhere(failing, 3, holds):
        return None
    same = np.ptp(ratios) <= 1e-2 * abs(ratios[0])
    factor = f"{ratios[0]:.4g}" if same else "a constant that changes with the case"
    return Diagnosis("scaled", f"**Everything is scaled by {factor}**: the pattern is right, a factor is not.")


def transposed(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        want = t.wrong.want
        return alike(t.wrong.got.ravel(), np.swapaxes(want, -1, -2).ravel(), t, exercise)

    matrices = [t for t in failing if t.wrong.want.ndim >= 2 and min(t.wrong.want.shape[-2:]) > 1]
    if matrices and everywhere(matrices, 4, holds):
        return Diagnosis("transposed", "**Rows and columns are swapped**: the elements lie as in the transpose.")
    return None


def shifted(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    for step, word in ((1, "right"), (-1, "left")):

        def holds(t: Trial, step: int = step) -> bool:
            got, want = t.wrong.got.ravel(), t.wrong.want.ravel()
            inner = (slice(1, None), slice(None, -1)) if step == 1 else (slice(None, -1), slice(1, None))
            if alike(want[inner[0]], want[inner[1]], t, exercise):  # a shift would not show
                return False
            return alike(got[inner[0]], want[inner[1]], t, exercise)

        if everywhere(ordered(failing), 4, holds):
            return Diagnosis("shifted", f"**Off by one**: every element is one place too far to the {word}.")
    return None


def tail(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        start = first_of_tail(t.wrong.bad)
        return start is not None and start >= t.wrong.want.size // 2

    big = [t for t in ordered(failing) if not nearly_all(t.wrong.bad)]
    if not exercise.block or not big or not everywhere(big, 3, holds):
        return None
    t = max(big, key=lambda t: t.wrong.want.size)
    start, size = first_of_tail(t.wrong.bad), t.wrong.want.size
    return Diagnosis(
        "tail",
        f"**Only the tail is wrong**: everything before element {start} of {size} is right when {t.label}. "
        "Look at the mask of the last, partly filled block.",
    )


def columns(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    for axis, key, word, across in ((0, "columns", "Column", "row"), (1, "rows", "Row", "column")):

        def wrong_lines(t: Trial, axis: int = axis) -> np.ndarray:
            """Few columns (or rows) that hold all that is wrong and are wrong throughout; none if it is not so."""
            bad = t.wrong.bad.reshape(-1, t.wrong.bad.shape[-1])
            lines = np.flatnonzero(bad.any(axis=axis))
            whole = all(nearly_all(bad.take(i, 1 - axis)) for i in lines)
            return lines if whole and len(lines) <= max(1, bad.shape[1 - axis] // 4) else lines[:0]

        def is_telling(t: Trial, axis: int = axis) -> bool:
            shape = (t.wrong.want.size // max(t.wrong.want.shape[-1], 1), t.wrong.want.shape[-1])
            return shape[axis] >= 2 and shape[1 - axis] >= 3

        telling = [t for t in failing if t.wrong.want.ndim >= 2 and is_telling(t)]
        if telling and all(len(wrong_lines(t)) for t in telling):
            t = max(telling, key=lambda t: t.wrong.want.size)
            lines = ", ".join(map(str, wrong_lines(t)[:4])) + (", ..." if len(wrong_lines(t)) > 4 else "")
            many = "s" * (len(wrong_lines(t)) > 1)
            return Diagnosis(
                key, f"**{word}{many} {lines} {'are' if many else 'is'} wrong in every {across}** when {t.label}, and "
                f"the others are right. Look at the {word.lower()} index and its mask."
            )  # fmt: skip
    return None


def every_block(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    for block in (*exercise.block, *(2**k for k in range(3, 11))) if exercise.block else ():

        def holds(t: Trial, block: int = block) -> bool:
            index = np.flatnonzero(t.wrong.bad)
            places, seen = np.unique(index % block), np.unique(index // block)
            blocks = -(-t.wrong.bad.size // block)
            # The same few places, in (nearly) every block: not a random sprinkle, not a single spot.
            return len(places) <= block // 4 and len(seen) >= blocks - 1 and len(index) >= 0.8 * len(places) * len(seen)

        large = [t for t in ordered(failing) if t.wrong.want.size >= 3 * block]
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
        return not alike(want, want[::-1], t, exercise) and alike(got, want, t, exercise)

    if everywhere(ordered(failing), 3, holds):
        return Diagnosis("permuted", "**The right values in the wrong places**: they come back permuted.")
    return None


def counts(t: Trial) -> bool:
    """Whether integers come of nothing but signed integers: they count something."""
    kinds = {to_numpy(a).dtype.kind for a in t.args if isinstance(a, (int, float)) or np.shape(a)}
    return bool(kinds) and kinds <= set("bi")


def rounding(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        got, want = t.wrong.got[t.wrong.bad], in_dtype(t.wrong.want[t.wrong.bad], t.wrong.got.dtype)
        if got.dtype != want.dtype or got.dtype.kind in "bO":
            return False
        if got.dtype.kind == "i" and (isinstance(t, Pooled) or counts(t)):  # nothing is rounded
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
