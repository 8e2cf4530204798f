"""check, hint, reveal, reset, progress, ready: the whole everyday API of a learner."""

from __future__ import annotations

import functools
import json
import os
import random
import sys
from collections.abc import Callable
from typing import Any

from . import course, history, machine, page
from .answers import attempted, fingerprint, stale, undefined
from .judge import Exercise, Kernel, Predict, Verdict, judge, not_attempted, not_defined, predictions
from .judge.explain import Session

Shown = page.Card | Verdict


def under_ipython() -> bool:
    return "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None


def shown(function: Callable[..., Shown]) -> Callable[..., Shown]:
    """A notebook displays what is returned; a plain script has it printed. An unknown id is a message, not a crash."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Shown:
        try:
            result = function(*args, **kwargs)
        except (course.UnknownExercise, course.NoSolutions) as problem:
            if not history.recording():
                raise
            result = page.Card(str(problem), colour=page.AMBER)
        if not under_ipython():
            print(result)
        return result

    return call


@shown
def check(exercise_id: str = "", seed: int | None = None) -> Verdict:
    """Check your answer to an exercise, e.g. `check("01.4")`.

    Fresh random inputs each time; `seed` repeats those of an earlier verdict. Never stops "Run All".
    """
    namespace = _callers_namespace()
    _, exercise = course.find(exercise_id)
    if not attempted(exercise, namespace):
        why = undefined(exercise, namespace)
        verdict = not_defined(exercise, why) if why else not_attempted(exercise)
    elif isinstance(exercise, Predict):
        verdict = _predicted(exercise, namespace)
    else:
        verdict = _tried(exercise, namespace, random.randrange(10**6) if seed is None else seed)
    _keep(verdict, fingerprint(exercise, namespace) if verdict.status == "passed" else "")
    return verdict


@shown
def hint(exercise_id: str = "") -> page.Card:
    """The next hint; each is more concrete than the one before."""
    _, exercise = course.find(exercise_id)
    level = min(history.state(exercise.id).hints + 1, len(exercise.hints))
    history.add(exercise.id, "hint", level=level)
    rows = tuple((f"{n + 1} of {len(exercise.hints)}", exercise.hints[n]) for n in range(level))
    if level == len(exercise.hints):
        after = f' `reveal("{exercise.id}")` shows a model answer.' if course.has_solutions() else " Ask your teacher."
        rows += (("next", f"That was the last one.{after}"),)
    return page.Card(f"Hint for {exercise.id} {exercise.title}", rows)


@shown
def reveal(exercise_id: str = "") -> page.Card:
    """The model answer and the idea behind it; recorded as seen."""
    _, exercise = course.find(exercise_id)
    source = course.model(exercise.id)
    history.add(exercise.id, "reveal")
    rows = (
        ("answer", source),
        ("why", exercise.why),
        ("next", "Close it, and write it again in your own way."),
    )
    return page.Card(f"Model answer to {exercise.id} {exercise.title}", rows)


@shown
def reset(exercise_id: str = "") -> page.Card:
    """Start an exercise again: its verdicts no longer count, and the empty cell is put below this one."""
    _, exercise = course.find(exercise_id)
    source = course.stub(exercise.id)
    history.add(exercise.id, "reset")
    if under_ipython():
        sys.modules["IPython"].get_ipython().set_next_input(source, replace=False)
    rows = (
        ("cell", source),
        ("or", f"`./study reset {exercise.id}` puts the empty cell back into the notebook file"),
    )
    return page.Card(f"{exercise.id} {exercise.title} is open again", rows)


@shown
def progress() -> page.Card:
    """Chapters and exercises, what is done, and what to do next."""
    from .overview import overview

    return overview()


def ready(exercise_id: str) -> bool:
    """Whether you have written `exercise_id`, and not changed it since it passed; says "needs ..." if not.

    For cells that use your answer.
    """
    namespace = _callers_namespace()
    _, exercise = course.find(exercise_id)
    if attempted(exercise, namespace):
        if not stale(exercise, namespace):
            return True
        why = "it has changed since it passed, run its check again"
    else:
        why = undefined(exercise, namespace)
    print(f"needs {exercise.id} {exercise.title}" + (f": {why}" if why else ""))
    return False


def _tried(exercise: Exercise, namespace: dict[str, Any], seed: int) -> Verdict:
    if isinstance(exercise, Kernel) and machine.triton_backend() == "gpu":
        from .recheck import judge_twice

        return judge_twice(exercise, namespace, seed)
    return judge(exercise, namespace, seed)


def _predicted(exercise: Predict, namespace: dict[str, Any]) -> Verdict:
    """The first submitted values are the ones that count; a later attempt is answered all the same."""
    now = predictions.judge(Session(exercise, 0), namespace)
    before = history.state(exercise.id).first if history.recording() else {}
    if not before or before == now.first:
        return now
    return predictions.first_counts(Session(exercise, 0), now, before)


def _keep(verdict: Verdict, answer: str) -> None:
    """Store the verdict where it belongs: the learner's progress (with the mark of the answer that passed), a grader's
    file, or CI's expectation."""
    if file := os.environ.get("STUDY_VERDICTS"):
        with open(file, "a") as out:
            out.write(json.dumps(verdict.record(), default=str) + "\n")
    history.add(
        verdict.exercise,
        "verdict",
        answer=answer,
        **{k: v for k, v in verdict.record().items() if k not in ("exercise", "html", "text")},
    )
    expected = os.environ.get("STUDY_EXPECT")
    if expected and verdict.status != expected:
        raise AssertionError(f"{verdict.exercise}: expected {expected}, got\n{verdict}")


def _callers_namespace() -> dict[str, Any]:
    """Globals of the first frame outside this module: the notebook's, or the script's."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame.f_globals
