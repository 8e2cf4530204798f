"""From the failing trials to the likely mistake.

The order of the rules is the order of trust: what is certain before what is likely. Rules that look at where
the wrong elements lie are in `patterns.py`; here are those that need the exercise or the numbers themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .arrays import Mismatch, mismatch, to_numpy
from .exercise import Function
from .likeness import CLOSE, Pooled, as_float
from .nonfinite import not_finite
from .patterns import (
    columns,
    constant,
    copied,
    every_block,
    everywhere,
    offset,
    permuted,
    rounding,
    same_bits_wrong,
    scaled,
    shifted,
    sign,
    suffix_start,
    tail,
    transposed,
)  # fmt: skip
from .tolerance import EXACT, ROUNDOFF, Tolerance
from .trial import Diagnosis, Trial

COARSEST = ROUNDOFF["bfloat16"]
LEAST_EXPLAINED = 3  # wrong elements; one or two may fit a rival by chance

Rule = Callable[[list[Trial], Function], "Diagnosis | None"]


def diagnose(trials: Sequence[Trial], exercise: Function) -> Diagnosis:
    """The likely mistake behind the failing trials (at least one)."""
    for trial in trials:
        if trial.noticed:
            return trial.noticed[0]
    failing = pooled([t for t in trials if t.wrong], trials)
    apart = [t for t in trials if t.wrong]
    if isinstance(failing[0], Pooled) and len(apart) >= LEAST_EXPLAINED and (found := rival(apart, exercise)):
        return found
    texts = failing[0].wrong.want.dtype.kind == "U"
    for rule in RULES[:1] if texts else RULES:  # a text has a rival, but no pattern
        if found := rule(failing, exercise):
            return found
    known = one_of_them(trials, exercise)
    if texts and not known:
        wrong = next(t for t in trials if t.wrong and t.wrong.want.dtype.kind == "U")
        said = f"**{str(wrong.wrong.got)!r} where {str(wrong.wrong.want)!r} is wanted**, when {wrong.label}."
        return Diagnosis("wrong-choice", said)
    return known or Diagnosis("wrong-values", "The values differ, in no pattern that is known here.")


def pooled(failing: list[Trial], trials: Sequence[Trial]) -> list[Trial]:
    """Single-number results of many cases, read as one vector: alone, one number shows no pattern."""
    compared = [t for t in trials if t.want and t.got]
    if any(t.wrong.want.size > 1 for t in failing if t.wrong) or len(compared) < 3:
        return failing
    if any(len(t.want) != 1 or t.want[0].size != 1 or t.got[0].size != 1 for t in compared):
        return failing
    want = np.array([t.want[0].reshape(()) for t in compared])
    got = np.array([t.got[0].reshape(()) for t in compared])
    labels = {id(t) for t in failing}
    bad = np.array([id(t) in labels for t in compared])
    whole = Mismatch(want, got, bad, max(t.wrong.error for t in failing if t.wrong))
    return [Pooled(label="all cases", args=(), wrong=whole)]


def unwritten(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    left = [t for t in failing if t.never_written.any()]
    if not left:
        return None
    if all(t.never_written.all() for t in left):
        if left[0].kept:
            return Diagnosis("never-written", "The output stays as it was: nothing that changes it is stored.")
        return Diagnosis("never-written", "The output is never written: it still holds what the judge put there.")
    t = max(left, key=lambda t: (t.wrong.want.size, t.never_written.sum()))
    count, size = int(t.never_written.sum()), t.wrong.want.size
    word = "stay as they were" if t.kept else "are never written"
    partial = [t for t in left if not t.never_written.all()]
    if all(suffix_start(t.never_written) is not None for t in partial):
        start = suffix_start(max(partial, key=lambda t: t.wrong.want.size).never_written)
        tail, more = "stays as it was" if t.kept else "is never written", " Does the last block write its part?"
        return Diagnosis(
            "tail-unwritten",
            f"**The tail {tail}**: nothing from element {start} on ({count} of {size}) when {t.label}."
            + ("" if any(t.advice for t in left) else more),
        )
    return Diagnosis("partly-written", f"**{count} of {size} elements {word}** when {t.label}.")


def miscounted(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    """Integers that are added up in an output: all of them too small, or all too large."""
    real = [t for t in failing if t.output in getattr(exercise, "accumulates", ()) and t.wrong.want.dtype.kind in "iu"]
    if not real or len(real) < len(failing) or sum(int(t.wrong.bad.sum()) for t in real) < LEAST_EXPLAINED:
        return None
    off = [t.wrong.got.astype(np.int64) - t.wrong.want for t in real]
    if real[0].wrong.want.size == 1 or not (all((d <= 0).all() for d in off) or all((d >= 0).all() for d in off)):
        return None
    most = max(range(len(real)), key=lambda one: abs(off[one].sum()))
    count, whole, case = abs(int(off[most].sum())), int(real[most].wrong.want.sum()), real[most].label
    if off[most].sum() < 0:
        return Diagnosis("too-few", f"**Too few**: {count} of {whole} are missing when {case}. What does no thread "
                         "take? Look at the end of the data, and at the step of the loop.", case=case)  # fmt: skip
    return Diagnosis("too-many", f"**Too many**: {count} more than {whole} when {case}. What do several threads take? "
                     "Look at where each starts, and at the step of the loop.", case=case)  # fmt: skip


def rival(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    for candidate in exercise.rivals:
        real = [t for t in failing if t.args]
        if real and all(agrees_with(t, candidate.oracle, exercise.tolerance) for t in real):
            return Diagnosis(candidate.key, candidate.sentence, candidate.hint)
    return None


def one_of_them(trials: Sequence[Trial], exercise: Function) -> Diagnosis | None:
    """Of several mistakes at once, a rival that nothing contradicts and that explains most of what is wrong."""
    tried = [t for t in trials if t.args and t.want and t.got]
    most, best = 0, None
    for candidate in exercise.rivals:
        counts = [explained(t, candidate.oracle, exercise.tolerance) for t in tried]
        if None in counts:
            continue
        hits, wrong = (sum(column) for column in zip(*counts, strict=True))
        whole = any(hit == bad >= LEAST_EXPLAINED for hit, bad in counts)
        if hits > most and hits >= LEAST_EXPLAINED and (whole or 2 * hits > wrong):
            shares = [hit / max(bad, 1) for hit, bad in counts]
            more = f"**This explains {hits} of {wrong} wrong elements; the others may have another cause.** "
            said = candidate.sentence if hits == wrong else more + candidate.sentence
            best = Diagnosis(candidate.key, said, candidate.hint, tried[shares.index(max(shares))].label)
            most = hits
    return best


def explained(trial: Trial, oracle: Callable, tolerance: Tolerance) -> tuple[int, int] | None:
    """(wrong elements that are `oracle`'s, wrong elements); None if `oracle` is wrong where the answer is right."""
    hits = bad = 0
    for value, want, got in zip(values_of(oracle, trial), trial.want, trial.got, strict=False):
        if value.shape != want.shape:
            return None
        mine, rivals, apart = (wrong_in(*pair, tolerance) for pair in ((want, got), (want, value), (value, got)))
        if (rivals & ~mine).any():
            return None
        hits, bad = hits + int((mine & ~apart).sum()), bad + int(mine.sum())
    return hits, bad


def wrong_in(want: np.ndarray, got: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    found = mismatch(want, got, tolerance)
    return np.zeros(want.shape, bool) if found is None else found.bad


def values_of(oracle: Callable, trial: Trial) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        values = oracle(*trial.args)
    return [to_numpy(v) for v in (values if isinstance(values, tuple) else (values,))]


def agrees_with(trial: Trial, oracle: Callable, tolerance: Tolerance) -> bool:
    """Whether the answer computed what `oracle` computes."""
    values = values_of(oracle, trial)
    if len(values) != len(trial.got):
        return False
    return all(v.shape == g.shape and mismatch(v, g, tolerance) is None for v, g in zip(values, trial.got, strict=True))


def nearly_right(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    """Before the patterns: an array that is right up to small errors is close to many of them."""
    return low_precision(failing, exercise) if all(t.wrong.error < CLOSE for t in failing) else None


def underflow(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        want = np.abs(as_float(t.wrong.want))
        lost = want[t.wrong.bad]
        return bool(
            (as_float(t.wrong.got)[t.wrong.bad] == 0).all()
            and (lost > 0).all()
            and lost.max() < np.median(want) + 1e-30
        )

    if everywhere(failing, 1, holds):
        return Diagnosis(
            "underflow",
            "**Small values have become 0**: they are below the smallest number of some format on the way.",
        )
    return None


def low_precision(failing: list[Trial], exercise: Function) -> Diagnosis | None:
    def holds(t: Trial) -> bool:
        if t.wrong.error >= 0.3 or t.wrong.want.dtype.kind in "biuO":
            return False
        got, want = as_float(t.wrong.got)[t.wrong.bad], as_float(t.wrong.want)[t.wrong.bad]
        known = want != 0
        return not known.any() or float(np.median(np.abs(got - want)[known] / np.abs(want[known]))) < 0.05

    if exercise.tolerance == EXACT or not everywhere(failing, 1, holds):
        return None
    worst = max(failing, key=lambda t: t.wrong.error)
    few = sum(t.wrong.want.size for t in failing) <= len(exercise.shapes) // 2
    if few and worst.wrong.error > COARSEST and all(t.wrong.want.size == 1 or isinstance(t, Pooled) for t in failing):
        return None  # single numbers, most of them right, some far off: rounding would touch nearly all
    where = "in the worst case" if isinstance(worst, Pooled) else f"when {worst.label}"
    return Diagnosis(
        "low-precision",
        f"**Right, but not precise enough**: the error reaches {worst.wrong.error:.1g} of the row's largest value "
        f"{where}; {exercise.tolerance.rtol:.1g} is allowed. Where does a number pass through a smaller "
        "format? An error that grows with the length points to the accumulator.",
    )


RULES: tuple[Rule, ...] = (
    rival, unwritten, miscounted, not_finite, constant, copied, offset, rounding, nearly_right, sign, scaled,
    transposed, shifted, tail, columns, every_block, permuted, same_bits_wrong, underflow, low_precision,
)  # fmt: skip
