"""The answers that live in a session: whether they are there, the learner's own, and still what passed."""

from __future__ import annotations

import ast
import difflib
import hashlib
import inspect
from contextlib import suppress
from typing import Any

from . import course, history
from .judge import Exercise, Function, Predict, predictions
from .judge.source import closure, plain_function


def attempted(exercise: Exercise, namespace: dict[str, Any]) -> bool:
    """Whether the live answer differs from the shipped cell."""
    if isinstance(exercise, Predict):
        return not any(predictions.is_open(namespace.get(q.name, ...)) for q in exercise.quantities)
    if any(name not in namespace for name in exercise.answers):
        return False
    shipped = course.stub(exercise.id)
    mine = []
    for name in course.definitions(shipped):
        value = namespace.get(name)
        function = plain_function(value)
        try:
            mine.append(inspect.getsource(function) if function else _assigned(name, value, shipped, namespace))
        except (OSError, TypeError):
            return True  # defined where no source can be read: certainly not the stub
    return not course.is_stub("\n".join(mine), shipped, tuple(course.definitions(shipped)))


def _assigned(name: str, value: Any, shipped: str, namespace: dict[str, Any]) -> str:
    """`name = value`, or `name = other + rest` where the shipped cell puts a text of the session before its own."""
    if not isinstance(value, str):
        return f"{name} = 0"
    for node in ast.parse(shipped).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.BinOp(left=ast.Name(id=other), op=ast.Add())):
                before = namespace.get(other)
                if found == name and isinstance(before, str) and value.startswith(before):
                    return f"{name} = {other} + {value.removeprefix(before)!r}"
    return f"{name} = {value!r}"


def undefined(exercise: Exercise, namespace: dict[str, Any]) -> str:
    """Why a name is not there although its cell was written; "" if it is there, or nothing was written."""
    missing = [name for name in exercise.answers if name not in namespace]
    if not missing:
        return ""
    if near := difflib.get_close_matches(missing[0], _others(exercise, namespace), n=1, cutoff=0.8):
        return f"`{near[0]}` is defined. Did you mean `{missing[0]}`? That is the name the exercise wants."
    if written := _written(exercise):
        return f"`{missing[0]}` is not defined in this session: run its cell ({written})."
    return ""


def _others(exercise: Exercise, namespace: dict[str, Any]) -> list[str]:
    """Names of the learner's own that may be meant for the answer's: of no other exercise, no import."""
    chapter, _ = course.find(exercise.id)
    known = {name for other in chapter.exercises().values() for name in other.answers}
    known |= course.definitions(course.stub(exercise.id)).keys()
    mine = {name: value for name, value in namespace.items() if name not in known and name[0] != "_"}
    return [name for name, value in mine.items() if exercise.may_be(value)]


def _written(exercise: Exercise) -> str:
    """How it is known that the exercise was worked on; "" if it was not."""
    if not history.recording():
        return ""
    state = history.state(exercise.id)
    if state.status == "passed":
        return "it passed earlier"
    if state.tries:
        return "it was checked earlier"
    shipped, saved = course.stub(exercise.id), course.saved(exercise.id)
    return "it is filled in" if saved and saved.strip() != shipped.strip() else ""


def fingerprint(exercise: Exercise, namespace: dict[str, Any]) -> str:
    """A mark of the answer and of what it uses, comments aside (about 5 ms); "" where no source can be read."""
    if not isinstance(exercise, Function):
        return ""
    with suppress(OSError, TypeError, SyntaxError):
        tree = ast.dump(ast.parse(closure(namespace, exercise.answers)))
        return hashlib.sha256(tree.encode()).hexdigest()[:16]
    return ""


def stale(exercise: Exercise, namespace: dict[str, Any]) -> bool:
    """Whether the answer has passed, and is now another that has not."""
    passed = history.state(exercise.id).passed if history.recording() else set()
    return bool(passed) and (mark := fingerprint(exercise, namespace)) != "" and mark not in passed
