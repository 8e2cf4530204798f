"""Tries an answer that chooses, one of many for each input: judged by what its choices cost, all of a case together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import calls, functions
from .exercise import Calls
from .trial import Diagnosis, Trial, label_of
from .verdict import Verdict

forks, backend, prepare = functions.forks, functions.backend, functions.prepare
WORST = 3  # calls that a diagnosis shows
ALTERED = 12  # calls that are made again with one argument changed,
VALUES = 5  # to about so many values
MEASURE = "Geometric mean of your choice's time over the best one's"


@dataclass(frozen=True, kw_only=True)
class Choices(Calls):
    """A function whose every call has many admissible results, some cheaper than others.

    inputs, read, write, rivals: as for Calls; oracle(*args) -> the cheapest result, read.
    cost(choice, *args) -> how many times the cheapest result's cost, at least 1; choice: as `read` gives it.
    at_most: the geometric mean of the costs that a case may have.  learned: the case whose costs the learner knows.
    groups: {what such inputs are called: (*args) -> whether it is one}; the first that fits counts.
    """

    kind = "choices"
    cost: Callable[..., float]
    at_most: float
    learned: str = ""
    groups: Mapping[str, Callable[..., bool]]


@dataclass(frozen=True)
class Choice:
    """One call, what was chosen (as `read` gives it, and as it was returned), and what that costs."""

    args: tuple
    chosen: calls.Parts
    result: Any
    cost: float


def trials(exercise: Choices, answer: Callable, seed: int, tell: Callable[[str], None]) -> list[Trial]:
    """A trial for every case. Stops where an answer raises, or returns what is no choice."""
    done: list[Trial] = []
    made: dict[str, list[Choice]] = {}
    for number, shape in enumerate(exercise.shapes):
        trial = Trial(label_of(shape), ())
        tell(trial.label)
        done.append(trial)
        found = made[trial.label] = []
        for args in exercise.inputs(np.random.default_rng([seed, number]), **shape):
            try:
                result = answer(*args)
            except Exception as problem:
                functions._raised(trial, problem)
                trial.label = f"{trial.label}, in `{calls.called(exercise, args)}`"
                return done
            choice = _choice(exercise, args, result)
            if isinstance(choice, Diagnosis):
                trial.noticed.append(choice)
                return done
            found.append(choice)
        trial.want = trial.got = [np.array(mean(found))]
    failing = [trial for trial in done if mean(made[trial.label]) > exercise.at_most]
    if failing:
        found = explanation(exercise, answer, made)
        for trial in failing:
            trial.want = trial.got = ()
            trial.noticed.append(found)
    return done


def mean(choices: list[Choice]) -> float:
    """The geometric mean of the costs."""
    return math.exp(sum(math.log(choice.cost) for choice in choices) / len(choices))


def _choice(exercise: Choices, args: tuple, result: Any) -> Choice | Diagnosis:
    called = calls.called(exercise, args)
    if result is None:
        return Diagnosis("returned-nothing", f"**The answer returns `None`** from `{called}`: is a `return` missing?")
    try:
        chosen = calls.parts(exercise.read(result, *args))
    except ValueError as problem:
        returned = calls.short(exercise.write(result))
        return Diagnosis("not-a-choice", f"**{problem}**: `{called}` returns `{returned}`.")
    return Choice(args, chosen, result, exercise.cost(chosen, *args))


def explanation(exercise: Choices, answer: Callable, made: Mapping[str, list[Choice]]) -> Diagnosis:
    """Why the choices are dear: always one, a known rule, an argument that is not looked at, learned by heart; else
    the group of inputs that loses most."""
    every = [choice for choices in made.values() for choice in choices]
    means = ", ".join(f"{mean(choices):.3f} on {label}" for label, choices in made.items())
    shown = f"{MEASURE}: {means}; at most {exercise.at_most:g} is wanted."
    worst = f"Worst: {'; '.join(_said(exercise, choice) for choice in sorted(every, key=lambda c: -c.cost)[:WORST])}."
    if all(calls.same(choice.chosen, every[0].chosen) for choice in every):
        found = Diagnosis("always-the-same", f"**It is always `{exercise.write(every[0].result)}`.**")
    else:
        found = _rival(exercise, every) or _by_heart(exercise, made) or _blind(exercise, answer, every)
        found = found or _group(exercise, every)
    return replace(found, sentence=f"{found.sentence} {shown} {worst}")


def _said(exercise: Choices, choice: Choice) -> str:
    best = exercise.write(tuple(exercise.oracle(*choice.args).values())[0])
    times = f"{choice.cost:.2f} times as long as `{best}`" if math.isfinite(choice.cost) else "it did not run"
    return f"`{calls.called(exercise, choice.args)}` chose `{exercise.write(choice.result)}`, {times}"


def _rival(exercise: Choices, every: list[Choice]) -> Diagnosis | None:
    for rival in exercise.rivals:
        if all(calls.same(calls.outcome(rival.oracle, choice.args), choice.chosen) for choice in every):
            return Diagnosis(rival.key, rival.sentence, rival.hint)
    return None


def _by_heart(exercise: Choices, made: Mapping[str, list[Choice]]) -> Diagnosis | None:
    if exercise.learned not in made or mean(made[exercise.learned]) > exercise.at_most:
        return None
    return Diagnosis("only-seen", f"**It is right on {exercise.learned} only.** What you have fitted to them does not "
                     "hold for others: fewer constants, each with a meaning, carry further than a table.")  # fmt: skip


def _blind(exercise: Choices, answer: Callable, every: list[Choice]) -> Diagnosis | None:
    """An argument that can be anything without a change in what is chosen."""
    for at, name in enumerate(exercise.parameters):
        values = sorted({choice.args[at] for choice in every})
        some = every[:: max(1, len(every) // ALTERED)]
        tried = [*values[:: max(1, len(values) // VALUES)], values[-1]]
        again = ((c, (*c.args[:at], value, *c.args[at + 1 :])) for c in some for value in tried)
        try:
            if all(calls.same(calls.parts(exercise.read(answer(*args), *args)), c.chosen) for c, args in again):
                return Diagnosis(f"ignores-{name}", f"**`{name}` plays no part**: the choice stays, whatever it is.")
        except Exception:  # inputs of our own making, which the answer need not take
            continue
    return None


def _group(exercise: Choices, every: list[Choice]) -> Diagnosis:
    groups: dict[str, list[Choice]] = {}
    for choice in every:
        name = next((name for name, fits in exercise.groups.items() if fits(*choice.args)), "the others")
        groups.setdefault(name, []).append(choice)
    worst = max(groups, key=lambda name: sum(math.log(choice.cost) for choice in groups[name]))
    return Diagnosis("loses-on-" + worst.replace(" ", "-"), f"**Most is lost on {worst}**: {len(groups[worst])} of "
                     f"{len(every)} inputs, and {mean(groups[worst]):.2f} times the best time there.")  # fmt: skip


def dress(exercise: Choices, verdict: Verdict, tried: list[Trial]) -> Verdict:
    """What the choices cost, beside the limit."""
    if verdict.status != "passed":
        return verdict
    means = ", ".join(f"**{float(trial.want[0]):.3f}** on {trial.label}" for trial in tried)
    row = "cost", f"{MEASURE.lower()}: {means} (at most {exercise.at_most:g})"
    return replace(verdict, rows=(verdict.rows[0], row, *verdict.rows[1:]))
