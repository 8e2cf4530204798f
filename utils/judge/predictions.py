"""Judges numbers and choices that the learner wrote down before running anything."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from .exercise import Predict, Quantity
from .explain import Session, not_attempted
from .trial import Diagnosis
from .verdict import Verdict


def is_open(value: Any) -> bool:
    """Whether a prediction still holds its placeholder."""
    return value is ... or value is None


def right(quantity: Quantity, value: Any) -> bool:
    truth = quantity.truth
    if quantity.choices or isinstance(truth, (str, bool)):
        return _plain(value) == _plain(truth)
    number = as_number(value)
    if number is None:
        return False
    if math.isnan(truth) or math.isinf(truth):
        return number == truth or (math.isnan(number) and math.isnan(truth))
    return abs(number - truth) <= quantity.rtol * abs(truth)


def as_number(value: Any) -> float | None:
    """A finite or infinite number out of an int, float or NumPy scalar; None for anything else."""
    if isinstance(value, (str, bytes, bool)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def diagnose(quantity: Quantity, value: Any) -> Diagnosis:
    """Why a wrong prediction is wrong: a known misreading first, then the shape of the error."""
    for misread in quantity.misreads:
        same = right(Quantity(name="", value=misread.value, because="", rtol=max(quantity.rtol, 1e-6)), value)
        if same and not isinstance(value, bool):
            return Diagnosis(misread.key, misread.sentence)
    if quantity.choices:
        if _plain(value) not in [_plain(c) for c in quantity.choices]:
            return Diagnosis("wrong-type", f"Choose one of {', '.join(map(repr, quantity.choices))}.")
        return Diagnosis("wrong-choice", "")
    number, truth = as_number(value), quantity.truth
    if isinstance(truth, bool):
        return Diagnosis("wrong-choice" if isinstance(value, bool) else "wrong-type", "Answer True or False.")
    if number is None:
        kind = "text: leave the quotes out" if isinstance(value, str) else type(value).__name__
        return Diagnosis("not-a-number", f"A number is wanted, not {kind}.")
    if not truth or not number or not math.isfinite(number) or not math.isfinite(truth):
        return Diagnosis("wrong-value", "")
    return _ratio(number / truth, quantity.unit)


def _ratio(ratio: float, unit: str) -> Diagnosis:
    """Names the factor between a prediction and the truth when it is a telling one."""
    if abs(ratio + 1) < 1e-9:
        return Diagnosis("sign", "The magnitude is right, the sign is not.")
    size = abs(ratio)
    if any(_near(size, f) for f in (2.0, 0.5)):
        return Diagnosis("factor-of-two", "Off by a factor of two.")
    if any(_near(size, f) for f in (8.0, 0.125)) and unit in ("bits", "bytes", "B"):
        return Diagnosis("bits-for-bytes", "Off by a factor of eight: bits or bytes?")
    if any(_near(size, (1.024**k), 1e-4) or _near(size, 1.024**-k, 1e-4) for k in (1, 2, 3)):
        return Diagnosis("thousand-1024", "1024 and 1000 are mixed up.")
    power = math.log10(size)
    if round(power) != 0 and abs(power - round(power)) < 0.005:
        return Diagnosis("power-of-ten", f"Off by a factor of 10^{abs(round(power))}.")
    return Diagnosis("wrong-value", "")


def _near(value: float, target: float, rtol: float = 1e-3) -> bool:
    return abs(value - target) <= rtol * target


def _plain(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def judge(session: Session, values: dict[str, Any]) -> Verdict:
    """Partial points: every quantity counts alike. Open until each has a value."""
    exercise = session.exercise
    assert isinstance(exercise, Predict)
    given = {q.name: values.get(q.name, ...) for q in exercise.quantities}
    if all(is_open(value) for value in given.values()):
        return not_attempted(exercise)
    lines, wrong, hits = rows(exercise, given)
    count = len(exercise.quantities)
    found = wrong[0] if wrong else Diagnosis("" if hits == count else "open", "")
    first = {name: _bare(value) for name, value in given.items()}
    return session.verdict(
        "passed" if hits == count else "failed", (*lines, ("score", f"{hits} of {count} right")), found,
        exercise.points * hits / count, backend="prediction", first=first,
    )  # fmt: skip


def first_counts(session: Session, now: Verdict, first: dict[str, Any]) -> Verdict:
    """A later answer, with the points of the first."""
    graded = judge(session, first)
    said = ", ".join(f"`{name}` = {_show(value)}" for name, value in first.items())
    points = f"{graded.points:.2g} of {graded.max_points:g} point{'s' * (graded.max_points != 1)}"
    row = ("graded", f"{points}: the first answer ({said}) is the one that is graded.")
    return replace(now, rows=(*now.rows, row), points=graded.points, first=first)


def rows(exercise: Predict, values: dict[str, Any]) -> tuple[list[tuple[str, str]], list[Diagnosis], int]:
    """One line for each quantity, the diagnoses of the wrong ones, and how many are right."""
    lines, wrong, hits = [], [], 0
    for q in exercise.quantities:
        value, unit = values.get(q.name, ...), f" {q.unit}" if q.unit else ""
        because = q.because[:1].upper() + q.because[1:]
        if is_open(value):
            lines.append(("open", f"`{q.name}`: no prediction yet."))
        elif right(q, value):
            hits += 1
            lines.append(("right", f"`{q.name}`: {_show(value)}{unit}. {because}"))
        else:
            found = diagnose(q, value)
            wrong.append(found)
            said = " ".join(part for part in (found.sentence, because) if part)
            lines.append(("wrong", f"`{q.name}`: you said {_show(value)}, it is **{_truth(q)}{unit}**. {said}"))
    return lines, wrong, hits


def _bare(value: Any) -> Any:
    """A single number of NumPy's or torch's as Python's own, so that it reads and is stored like one."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _truth(q: Quantity) -> str:
    """A number that is wanted to some tolerance is shown with 4 digits, as an integer where it has more."""
    truth = _bare(q.truth)
    if isinstance(truth, float) and q.rtol and math.isfinite(truth):
        return f"{truth:,.0f}" if abs(truth) >= 1000 else f"{truth:.4g}"
    return _show(truth)


def _show(value: Any) -> str:
    value = _bare(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else repr(value)
