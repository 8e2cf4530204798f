"""Every wrong answer is rejected for the stated reason and every unusual right one passes, under fresh seeds."""

import os
import random

import numpy as np
import pytest

from utils import course
from utils.judge import Calls, Function, Right, Wrong, judge_source
from utils.judge.arrays import mismatch, to_numpy

ATTEMPTS = [(chapter, attempt) for chapter in course.chapters() for attempt in chapter.attempts()]
MODELS = [(chapter, id) for chapter in course.chapters() for id in chapter.exercises()]
FUNCTIONS = [
    (chapter, exercise)
    for chapter in course.chapters()
    for exercise in chapter.exercises().values()
    if isinstance(exercise, Function) and not isinstance(exercise, Calls)
]
CALLS = [e for chapter in course.chapters() for e in chapter.exercises().values() if isinstance(e, Calls)]


def code_of(attempt):
    """The attempt's cell: its own code, or the model answer with its edits made."""
    if not attempt.edits:
        return attempt.code
    code = course.model(attempt.exercise)
    for old, new in attempt.edits:
        assert code.count(old) == 1, f"{attempt.exercise} {attempt.name}: {old!r} occurs {code.count(old)} times"
        code = code.replace(old, new)
    return code


def fresh_verdicts(chapter, id, code, most=20):
    """The verdicts under as many fresh seeds as 30 ms can try, `most` at most.

    `./study test --thorough` tries five at least: a draw in a thousand that misleads a verdict is met sooner.
    """
    fewest, seconds = (5, 0.4) if os.environ.get("STUDY_THOROUGH") else (1, 0.03)

    def tried(verdicts):
        return len(verdicts) >= fewest and sum(verdict.seconds for verdict in verdicts) >= seconds

    seeds = tuple(random.SystemRandom().randrange(10**6) for _ in range(most))
    exercise, setup = chapter.exercises()[id], course.prelude(chapter, id)
    return judge_source(exercise, code, seeds, setup, enough=tried, extra=2.5)


@pytest.mark.parametrize(("chapter", "attempt"), ATTEMPTS, ids=[f"{a.exercise} {a.name}" for _, a in ATTEMPTS])
def test_attempt(chapter, attempt):
    for verdict in fresh_verdicts(chapter, attempt.exercise, code_of(attempt), attempt.seeds):
        if isinstance(attempt, Right):
            assert verdict.status == "passed", str(verdict)
        else:
            assert isinstance(attempt, Wrong)
            assert verdict.status != "passed" and verdict.diagnosis == attempt.diagnosis, str(verdict)


@pytest.mark.parametrize(("chapter", "id"), MODELS, ids=[id for _, id in MODELS])
def test_model_answer_passes(chapter, id):
    for verdict in fresh_verdicts(chapter, id, course.model(id)):
        assert verdict.status == "passed", str(verdict)


@pytest.mark.parametrize(("chapter", "exercise"), FUNCTIONS, ids=[e.id for _, e in FUNCTIONS])
def test_trivial_results_never_pass(chapter, exercise):
    """Zeros, the mean and a shuffle of the right result: some case of every exercise rejects each of them.

    Where a text is wanted, no text is right in every case.
    """
    rejected = dict.fromkeys(("zeros", "mean", "shuffle"), False)
    single, numbers, texts = True, False, {}
    for number, shape in enumerate(exercise.shapes):
        rng = np.random.default_rng([11, number])
        args = exercise.inputs(rng, **shape)
        wanted = exercise.oracle(*args)
        for place, want in enumerate(map(to_numpy, wanted if isinstance(wanted, tuple) else (wanted,))):
            if want.dtype.kind == "U":
                texts.setdefault(place, set()).add(str(want))
                continue
            numbers = True
            single &= want.size == 1
            with np.errstate(all="ignore"):
                mean = np.full_like(want, np.nan_to_num(want.astype(np.float64).mean()))
            shuffled = rng.permutation(want.ravel()).reshape(want.shape)
            for name, got in (("zeros", np.zeros_like(want)), ("mean", mean), ("shuffle", shuffled)):
                rejected[name] |= mismatch(want, got, exercise.tolerance) is not None
    assert all(len(wants) > 1 for wants in texts.values()), texts
    assert not numbers or (rejected["zeros"] and (single or all(rejected.values()))), rejected
    assert numbers or texts


@pytest.mark.parametrize("exercise", CALLS, ids=[e.id for e in CALLS])
def test_calls_want_more_than_zeros_and_refuse_what_has_no_answer(exercise):
    calls, refused, telling = 0, 0, 0
    for number, shape in enumerate(exercise.shapes):
        for args in exercise.inputs(np.random.default_rng([11, number]), **shape):
            calls += 1
            try:
                telling += any(np.any(value) for value in exercise.oracle(*args).values())
            except ValueError:
                refused += 1
    assert calls >= 20 and telling > calls / 2
    assert refused or not exercise.inadmissible


def test_a_wrong_answer_is_declared_for_everything():
    """At least five mistakes, each earning its reason, and one unusual right answer for every exercise."""
    for chapter in course.chapters():
        for id in chapter.exercises():
            mine = [a for a in chapter.attempts() if a.exercise == id]
            assert sum(isinstance(a, Wrong) for a in mine) >= 5, id
            assert sum(isinstance(a, Right) for a in mine) >= 1, id
