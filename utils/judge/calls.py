"""Tries a Python answer on many small inputs a case: tuples and numbers, where some must be refused with ValueError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import functions
from .arrays import Mismatch
from .exercise import Calls
from .trial import Diagnosis, Trial, Unfit
from .verdict import Verdict

forks, backend, prepare = functions.forks, functions.backend, functions.prepare
Parts = dict[str, np.ndarray]
LATE = 100  # the rank of a failure behind all parts of a result
MOST_SHOWN = 90  # characters of a call or a result in a sentence


class Refused:
    """ValueError was raised; `said` is its text."""

    def __init__(self, said: str = "") -> None:
        self.said = said


@dataclass(frozen=True)
class Failure:
    """One call that went wrong."""

    args: tuple
    want: Parts | Refused
    got: Parts | Refused
    found: Diagnosis
    part: str = ""


def trials(exercise: Calls, answer: Callable, seed: int, tell: Callable[[str], None]) -> list[Trial]:
    """A trial for every case, which shows the smallest call that failed. Stops where an answer raises."""
    done: list[Trial] = []
    failures: list[Failure] = []
    for trial in functions.cases(exercise, seed, exercise.inputs):
        calls, label = trial.args, trial.label
        trial.label, trial.args = f"{label} ({len(calls)} calls)", ()
        tell(trial.label)
        failed = []
        for args in calls:
            try:
                failure = attempt(exercise, answer, args)
            except Exception as problem:
                functions._raised(trial, problem)
                trial.label = f"{label}, in `{called(exercise, args)}`"
                return [*done, trial]
            failed += [failure] if failure else []
        if failed:
            _show(trial, min(failed, key=_telling))
        else:
            trial.want, trial.got = [np.array(len(calls))], [np.array(len(calls))]
        failures += failed
        done.append(trial)
    if failures:
        found = explanation(exercise, failures)
        for trial in done:
            if not trial.want or trial.wrong:
                trial.noticed.append(found)
    return done


def attempt(exercise: Calls, answer: Callable, args: tuple) -> Failure | None:
    """One call, and what is wrong with it. Raises what the answer raises, unless it is ValueError."""
    want = outcome(exercise.oracle, args)
    try:
        result = answer(*args)
    except ValueError as problem:
        if isinstance(want, Refused):
            return None
        found = Diagnosis("refused", f"**`ValueError` for an input that has an answer**: `{called(exercise, args)}` "
                          f"says {str(problem) or 'nothing'!r}.")  # fmt: skip
        return Failure(args, want, Refused(str(problem)), found)
    returned = f"`{called(exercise, args)}` returns `{short(exercise.write(result))}`"
    if isinstance(want, Refused):
        sentence = f"**`ValueError` is wanted here**: {returned}. {exercise.inadmissible or want.said}"
        return Failure(args, want, _read(exercise, result, args), Diagnosis("accepted", sentence))
    if result is None:
        sentence = f"**The answer returns `None`** from `{called(exercise, args)}`: is a `return` missing?"
        return Failure(args, want, {}, Diagnosis("returned-nothing", sentence))
    try:
        got = parts(exercise.read(result, *args))
    except Unfit as problem:
        found = Diagnosis(problem.key, f"{problem} In `{called(exercise, args)}`.", problem.hint)
        return Failure(args, want, {}, found)
    except ValueError as problem:
        return Failure(args, want, {}, Diagnosis("wrong-type", f"**{problem}**: {returned}."))
    part = next((name for name in want if not np.array_equal(want[name], got.get(name))), None)
    return Failure(args, want, got, _differs(returned, part, want[part], got[part]), part) if part else None


def _read(exercise: Calls, result: Any, args: tuple) -> Parts:
    try:
        return parts(exercise.read(result, *args)) if result is not None else {}
    except ValueError:
        return {}


def outcome(oracle: Callable, args: tuple) -> Parts | Refused:
    try:
        return parts(oracle(*args))
    except ValueError as problem:
        return Refused(str(problem))


def parts(values: Mapping[str, Any]) -> Parts:
    return {name: np.atleast_1d(np.asarray(value)) for name, value in values.items()}


def same(a: Parts | Refused, b: Parts | Refused) -> bool:
    if isinstance(a, Refused) or isinstance(b, Refused):
        return isinstance(a, Refused) and isinstance(b, Refused)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def explanation(exercise: Calls, failures: list[Failure]) -> Diagnosis:
    """A misconception that explains every failed call; else what the smallest shows of those that fail earliest."""
    smallest = min(failures, key=_telling)
    for rival in exercise.rivals:
        if all(same(outcome(rival.oracle, failure.args), failure.got) for failure in failures):
            return Diagnosis(rival.key, f"{rival.sentence} See {smallest.found.sentence}", rival.hint)
    return smallest.found


def called(exercise: Calls, args: tuple) -> str:
    """composition(6:1, 3:2)"""
    return short(f"{exercise.answer}({', '.join(map(exercise.write, args))})")


def short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


def _length(failure: Failure) -> tuple[int, str]:
    text = repr(failure.args)
    return len(text), text


def _telling(failure: Failure) -> tuple:
    """Nothing that can be read, wrong values (an earlier part first), ValueError where none is wanted, and none where
    one is; of each, the smallest call."""
    if failure.part:
        rank = list(failure.want).index(failure.part)
    else:
        rank = {"refused": LATE, "accepted": LATE + 1}.get(failure.found.key, -1)
    return rank, *_length(failure)


def _show(trial: Trial, failure: Failure) -> None:
    trial.args = failure.args
    if failure.part and failure.want[failure.part].shape == failure.got[failure.part].shape:
        want, got = failure.want[failure.part], failure.got[failure.part]
        trial.want, trial.got, trial.output = [want], [got], failure.part
        trial.wrong = Mismatch(want, got, want != got, float("inf"))


def _differs(returned: str, part: str, want: np.ndarray, got: np.ndarray) -> Diagnosis:
    key = "wrong-" + part.replace(" ", "-")
    if want.shape != got.shape:
        return Diagnosis(key, f"{returned}: **{part} has {got.size} value{'s' * (got.size != 1)}**, "
                         f"{want.size} are wanted.")  # fmt: skip
    if want.size == 1:
        return Diagnosis(key, f"{returned}: **{part} is {got[0]}**, {want[0]} is wanted.")
    at = int(np.flatnonzero(want != got)[0])
    return Diagnosis(key, f"{returned}: **{part}[{at}] is {got[at]}**, {want[at]} is wanted.")


def dress(exercise: Calls, verdict: Verdict, tried: list[Trial]) -> Verdict:
    """How many calls were right in all."""
    if verdict.status != "passed":
        return verdict
    (label, values), *rest = verdict.rows
    calls = sum(int(trial.want[0]) for trial in tried)
    return replace(verdict, rows=((label, values.replace(" · ", f", {calls:,} calls · ", 1)), *rest))
