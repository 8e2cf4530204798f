"""From an exercise and an answer to a verdict.

A kind of exercise is a class in `exercise.py` whose `kind` names a module here with four functions:
`prepare()` gets its tools ready and says why they cannot judge, if so; `forks()` whether an answer can run in
a child process; `backend()` where the values come from; `trials(exercise, answer, seed, tell)` tries the cases.
It may have more: `answer_of(exercise, namespace)`, the answer or why it cannot be tried; `forbidden(answer, rules)`;
`dress(exercise, verdict, trials)`, the verdict with what the trials counted; and `confirm(session, verdict)`, for what
must be proved of a right answer outside the child.
"""

from __future__ import annotations

import importlib
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any

from . import predictions, sandbox, watchdog
from .exercise import Exercise, Function, Predict
from .explain import Session, cell_raised, missing_answer
from .source import closure, forbidden, load, misfit
from .trial import Diagnosis
from .verdict import Verdict

MISSING = object()
LOADING = "running the cell"


def judge(exercise: Exercise, namespace: dict[str, Any], seed: int | None = None) -> Verdict:
    """Try the live answer in `namespace` (a notebook's globals)."""
    session = Session(exercise, random.randrange(10**6) if seed is None else seed)
    if isinstance(exercise, Predict):
        return predictions.judge(session, namespace)
    kind = kind_of(exercise)
    if reason := kind.prepare():
        return session.unjudged(reason)

    def work(tell: Callable[[str], None]) -> Verdict:
        return _try(session, kind, namespace, tell)

    return _confirmed(session, kind, session.settle(_run(kind, work, exercise)))


def judge_source(
    exercise: Exercise,
    code: str,
    seeds: Sequence[int] = (1,),
    prelude: str = "",
    enough: Callable[[list[Verdict]], bool] = lambda verdicts: False,
    extra: float | None = None,
) -> list[Verdict]:
    """Run `code` (a whole cell) clean, after the chapter's `prelude`, and try its answer under each seed.

    enough: is asked before each try but the first, with the verdicts so far, whether to stop.
    extra: seconds that all tries together may take beyond the exercise's own; half a second for each seed by default.
    Returns one verdict for each seed tried, or a single one when the code does not get that far.
    """
    session = Session(exercise, seeds[0])
    kind = None if isinstance(exercise, Predict) else kind_of(exercise)
    if kind and (reason := kind.prepare()):
        return [session.unjudged(reason)]
    base = _after(prelude)

    def work(tell: Callable[[str], None]) -> list[Verdict]:
        tell(LOADING)
        try:
            namespace = vars(load(code, base, folder))
        except (SystemExit, MemoryError, watchdog.TooLong):
            raise
        except BaseException as problem:
            if isinstance(problem, KeyboardInterrupt) and not sandbox.in_child:
                raise
            return [cell_raised(session, problem)]
        verdicts: list[Verdict] = []
        for seed in seeds:
            if verdicts and enough(verdicts):
                break
            one = Session(exercise, seed)
            verdicts.append(_try(one, kind, namespace, tell) if kind else predictions.judge(one, namespace))
        return verdicts

    with tempfile.TemporaryDirectory(prefix="answer-") as folder:
        outcome = _run(kind, work, exercise, extra=0.5 * len(seeds) if extra is None else extra)
    if outcome.reason != "done":
        return [session.settle(outcome)]
    verdicts = [session.settle(replace(outcome, value=verdict)) for verdict in outcome.value]
    return [_confirmed(session, kind, verdicts[0]), *verdicts[1:]] if kind else verdicts


def kind_of(exercise: Exercise) -> ModuleType:
    return importlib.import_module(f".{exercise.kind}", __package__)


def _try(session: Session, kind: ModuleType, namespace: dict[str, Any], tell: Callable[[str], None]) -> Verdict:
    exercise = session.exercise
    assert isinstance(exercise, Function)
    answer = getattr(kind, "answer_of", _callable)(exercise, namespace)
    if isinstance(answer, Diagnosis):
        return session.error(answer)
    if found := getattr(kind, "forbidden", forbidden)(answer, exercise.forbid):
        return session.refused(*found)
    tried = kind.trials(exercise, answer, session.seed, tell)
    verdict = session.conclude(tried, kind.backend())
    if hasattr(kind, "dress"):
        verdict = kind.dress(exercise, verdict, tried)
    if verdict.status == "passed" and hasattr(kind, "confirm"):
        verdict.evidence["source"] = closure(namespace, exercise.answers)
    return verdict


def _confirmed(session: Session, kind: ModuleType, verdict: Verdict) -> Verdict:
    """A kind may have more to prove of an answer that passed, in this process (see `confirm`)."""
    return kind.confirm(session, verdict) if verdict.evidence.get("source") else verdict


def _run(kind: ModuleType | None, work: Callable, exercise: Exercise, extra: float = 0.0) -> sandbox.Outcome:
    seconds = getattr(exercise, "seconds", 10.0) + extra
    if kind is None or kind.forks():
        return sandbox.contained(work, seconds, getattr(exercise, "gigabytes", 2.0))
    return watchdog.guarded(work, 3 * seconds)  # a GPU compiles first


@cache
def _after(prelude: str) -> dict[str, Any]:
    """The namespace after the chapter's setup cell: trusted, run once, in this process."""
    with tempfile.TemporaryDirectory(prefix="setup-") as folder:
        return dict(vars(load(prelude, {}, folder, "setup"))) if prelude else {}


def _callable(exercise: Function, namespace: dict[str, Any]) -> Any:
    """The answer, a function that takes what the exercise gives it, or what is wrong with it."""
    answer = namespace.get(exercise.answer, MISSING)
    if answer is MISSING:
        return missing_answer(exercise)
    if not callable(answer) or hasattr(answer, "arg_names"):
        kind = "a kernel" if callable(answer) else f"a {type(answer).__name__}"
        return Diagnosis("not-callable", f"`{exercise.answer}` is {kind}; a function `{exercise.signature}` is wanted.")
    if reason := misfit(answer, exercise.answer, exercise.parameters):
        return Diagnosis("wrong-signature", reason)
    return answer
