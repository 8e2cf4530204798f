"""Puts what was found into a verdict's words."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np

from .. import machine
from .arrays import to_numpy
from .diagnose import diagnose
from .exercise import Exercise, Forbid, Function, Kernel
from .plain_words import meaning
from .sandbox import Outcome
from .source import own_lines
from .trial import Diagnosis, Trial
from .verdict import Rows, Status, Verdict

ENDED = {
    "timeout": "**It did not finish within {detail}**{stage}. Does a loop have an end that is reached?",
    "crash": "**It crashed Python ({detail})**{stage}. The notebook is unharmed: it ran in a process of its own.",
    "exited": "**It ended Python** (`exit`, `os._exit`){stage}. Return instead.",
    "memory": "**It asked for more than {detail} of memory**{stage}.",
}


STEPS = (  # measured while the judge watches: 500 µs for a loop's turn of a load, an addition and a store
    " Or does it work element by element? Triton's interpreter needs some 100 µs for each load, addition or store, "
    "however small: work on a whole block at a time (`tl.arange`)."
)


class Session:
    """One check of one exercise: holds what every verdict of it repeats."""

    def __init__(self, exercise: Exercise, seed: int) -> None:
        self.exercise, self.seed, self.start = exercise, seed, time.perf_counter()

    def verdict(self, status: Status, rows: Rows, found: Diagnosis | None = None, points: float = 0.0, **more: Any):
        """A verdict with this session's exercise, seed and time."""
        exercise, found = self.exercise, found or Diagnosis("", "")
        return Verdict(
            exercise.id, exercise.title, status, tuple(rows), found.key, points, exercise.points,
            seed=self.seed, seconds=time.perf_counter() - self.start, hint=found.hint, **more,
        )  # fmt: skip

    def error(self, found: Diagnosis, rows: Rows = (), backend: str = "") -> Verdict:
        return self.verdict("error", (("what", found.sentence), *rows, self.next), found, backend=backend)

    def refused(self, spelled: str, rule: Forbid) -> Verdict:
        """A forbidden name stands in the answer: nothing is run."""
        found = Diagnosis("forbidden-route", f"**The answer uses `{spelled}`.** {rule.because}")
        return self.verdict("failed", (("values", "not looked at."), ("likely", found.sentence), self.next), found)

    def unjudged(self, reason: str, backend: str = "") -> Verdict:
        return self.verdict("unjudged", (("why", reason),), backend=backend)

    @property
    def next(self) -> tuple[str, str]:
        id = self.exercise.id
        return "next", f'mend it and check again, or `hint("{id}")`. Replay: `check("{id}", seed={self.seed})`'

    def settle(self, outcome: Outcome) -> Verdict:
        """The verdict a contained run came back with, or what became of the run."""
        printed = (("printed", outcome.printed.rstrip() + "\n"),) if outcome.printed.strip() else ()
        if outcome.reason == "done":
            verdict: Verdict = outcome.value
            if verdict.status == "passed":
                return verdict
            return replace(verdict, rows=(*verdict.rows[:-1], *printed, verdict.rows[-1]))
        stage = f", in the case {outcome.stage}" if outcome.stage else ""
        sentence = ENDED[outcome.reason].format(detail=outcome.detail, stage=stage)
        if outcome.reason == "timeout" and isinstance(self.exercise, Kernel) and machine.triton_backend() != "gpu":
            sentence += STEPS
        return self.error(Diagnosis(outcome.reason, sentence), printed)

    def conclude(self, tried: list[Trial], backend: str) -> Verdict:
        """From all trials of an answer to the verdict."""
        exercise = self.exercise
        if reason := next((t.unjudged for t in tried if t.unjudged), ""):
            return self.unjudged(reason, backend)
        if failing := [t for t in tried if not t.ok]:
            if broken := next((t for t in tried if t.error), None):
                return self._broken(tried, broken, backend)
            assert isinstance(exercise, Function)
            found = diagnose(failing, exercise)
            if advice := next((t.advice for t in failing if t.advice), ""):
                found = replace(found, sentence=f"{found.sentence} {advice}")
            rows = (("values", self._values(tried, found, backend)), ("likely", found.sentence), self.next)
            return self.verdict("failed", rows, found, backend=backend)
        rows = [("values", f"right in {len(tried)} of {cases(tried)} · {backend} · seed {self.seed}")]
        if exercise.follow_up:
            rows.append(("ask", f"Ask yourself: {exercise.follow_up}"))
        launches = [launch for trial in tried for launch in trial.launches]
        evidence = {"launches": launches}
        return self.verdict("passed", rows, points=exercise.points, backend=backend, evidence=evidence)

    def _broken(self, tried: list[Trial], broken: Trial, backend: str) -> Verdict:
        """The answer raised; an access outside an array in the same case explains it better than a traceback."""
        outside = [d for d in broken.noticed if d.key in ("outside-output", "out-of-bounds")]
        before = f" ({cases(tried[:-1])} before it ran)" if len(tried) > 1 else ""
        found = next(iter(outside), Diagnosis(broken.error_key, f"**It raises** when {broken.label}{before}:"))
        words = meaning(broken.error)
        rows = (("error", broken.error + "\n"), *((("likely", words),) if words else ()))
        return self.error(found, rows, backend)

    def _values(self, tried: list[Trial], found: Diagnosis, backend: str) -> str:
        """In how many cases the values are wrong, and the one that shows it best: the diagnosis's, or the smallest."""
        where = f"{backend} · seed {self.seed}."
        wrong = [t for t in tried if t.wrong or not t.want]
        if not wrong:
            noticed = next(t for t in tried if not t.ok)
            return f"right in {len(tried)} of {cases(tried)} · {where} But when {noticed.label}:"
        best = min((t for t in wrong if t.wrong), key=lambda t: t.wrong.want.size, default=wrong[0])
        best = next((t for t in wrong if t.label == found.case), best)
        shown = first_wrong(best, self.exercise) if best.wrong else ""
        before = list(takewhile(lambda t: t is not wrong[0], tried))
        passed = f" (not in the first {len(before)})" if before else ""
        word = "Case" if found.case else "Smallest"
        return f"wrong in {len(wrong)} of {cases(tried)}{passed} · {where} {word}: {best.label}. {shown}"


def cases(tried: list[Trial]) -> str:
    return f"{len(tried)} case{'s' * (len(tried) != 1)}"


def first_wrong(trial: Trial, exercise: Function) -> str:
    """The first three wrong elements: the call or index, want, got; and what the answer was given."""
    wrong, shown = trial.wrong, []
    for index in map(tuple, np.argwhere(wrong.bad)[:3]):
        never = " (as it was)" if trial.kept else " (never written)"
        never = never if trial.never_written[index] else ""
        place = f"{trial.output}{''.join(f'[{i}]' for i in index)}"
        if exercise.each:
            place = f"{exercise.answer}({', '.join(show(at(a, index)) for a in trial.args)})"
        want, got = apart(wrong.want[index], wrong.got[index])
        shown.append(f"`{place}`: want {want}, got {got}{never}")
        if not exercise.each and (source := beside(trial, exercise, index)):
            shown[-1] += f" (where {source})"
    return "; ".join(shown)


def beside(trial: Trial, exercise: Function, index: tuple[int, ...]) -> str:
    """The inputs at a wrong element, or all of them where they are few: "`x[3]` = 65519"."""
    named = [(n, a) for n, a in zip(exercise.parameters, trial.args, strict=False) if n not in exercise.outputs]
    place = "".join(f"[{i}]" for i in index)
    parts = [
        f"`{n}{place}` = {show(at(a, index))}" for n, a in named if getattr(a, "shape", None) == trial.wrong.want.shape
    ]
    parts += [f"`{n}` = {show(a)}" for n, a in named if not getattr(a, "shape", ())]
    return ", ".join(parts[:4])


def at(value: Any, index: tuple[int, ...]) -> Any:
    """The element of an array argument, or the argument itself where it is one number."""
    return to_numpy(value)[index] if getattr(value, "shape", ()) else value


def apart(want: Any, got: Any) -> tuple[str, str]:
    """Both as text, with as many digits as it takes to see that they differ."""
    for digits in (6, 9, 17):
        texts = show(want, digits), show(got, digits)
        if texts[0] != texts[1]:
            break
    return texts


def show(value: Any, digits: int = 6) -> str:
    """A number as it reads best: bit patterns (unsigned) in hexadecimal, large integers in both."""
    pattern = str(getattr(value, "dtype", "")).startswith("uint")
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, int) and not isinstance(value, bool) and (pattern or value > 255):
        return f"{value:#x}" if pattern else f"{value} ({value:#x})"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)[:80]


def missing_answer(exercise: Function) -> Diagnosis:
    return Diagnosis("missing", f"There is no `{exercise.answer}` yet. Run the cell that defines it, then this one.")


def cell_raised(session: Session, problem: BaseException) -> Verdict:
    """The cell that should define the answer does not even run."""
    rows = (("error", own_lines(problem) + "\n"),)
    return session.error(Diagnosis("exception", "**The cell itself raises**:"), rows)


def not_attempted(exercise: Exercise) -> Verdict:
    """The shipped cell, unchanged, or not run yet."""
    text = f'replace the `...` in the cell above, run it, then this one. Stuck? `hint("{exercise.id}")`'
    return Session(exercise, 0).verdict("not_attempted", (("next", text),))


def not_defined(exercise: Exercise, why: str) -> Verdict:
    """Written, but not in this session, or under another name."""
    return Session(exercise, 0).verdict("not_attempted", (("next", why),), Diagnosis("not-defined", why))
