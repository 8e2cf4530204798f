"""Tries CUDA C++ on the emulated GPU: faults first, then values, then what it cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from .. import machine
from ..vgpu import (
    ArgumentError,
    CompileError,
    LaunchError,
    NotEmulated,
    NvrtcMissing,
    Report,
    UnknownKernel,
    compile_cuda,
    emulate,
    show,
)
from ..vgpu.arguments import bind
from . import budgets, functions
from .cuda_faults import faults
from .cuda_tokens import forbidden as forbidden_name
from .exercise import Cuda, Forbid
from .explain import Session, missing_answer
from .source import misfit
from .trial import Diagnosis, Trial
from .verdict import Verdict

ARCH = "sm_90"
PROOF = "__global__ void proof(float* x, int n) { int i = blockIdx.x * 32 + threadIdx.x; if (i < n) x[i] += 1; }"
CLEAN = "no races, nothing out of bounds"
FIELDS = ("grid", "block", "dynamic_shared", "entry")


@dataclass(frozen=True)
class Answer:
    """source: the string.  launcher: the learner's function, if the exercise leaves the launch to them."""

    source: Any
    launcher: Callable | None = None


@dataclass(frozen=True)
class Ran:
    """One launch that was counted."""

    label: str
    shape: Mapping[str, Any]
    needed: int  # bytes of all inputs and outputs
    report: Report


def prepare() -> str:
    """Prove a known answer once, which also loads all that a child needs; says what to install if it is not here."""
    try:
        prove()
    except NvrtcMissing as problem:
        return str(problem)
    return ""


@cache
def prove() -> None:
    """Raises RuntimeError if the emulated GPU gets a known answer wrong."""
    x = np.arange(40, dtype=np.float32)
    report = emulate(PROOF, "proof", 2, 32, [x, 40], ARCH)
    if report.faults or not np.array_equal(x, np.arange(1, 41)):
        raise RuntimeError(
            "The emulated GPU gets a known answer wrong, so it cannot judge yours. Run `./study doctor`."
        )


def forks() -> bool:
    return True


def backend() -> str:
    return f"emulated {ARCH}"


def answer_of(exercise: Cuda, namespace: Mapping[str, Any]) -> Answer | Diagnosis:
    """What the cell defines, if it can be compiled and be called with what the exercise gives it."""
    missing = [name for name in exercise.answers if name not in namespace]
    if missing:
        return missing_answer(replace(exercise, answer=missing[0]))
    answer = Answer(namespace[exercise.answer], namespace[exercise.launcher] if exercise.launcher else None)
    if not isinstance(answer.source, str):
        word = f'{exercise.answer} = r"""..."""'
        sentence = f"`{exercise.answer}` is a {type(answer.source).__name__}; a text with CUDA C++ is wanted: `{word}`."
        return Diagnosis("not-source", sentence)
    if exercise.launcher:
        wanted = tuple(name for name, value in exercise.shapes[0].items() if not isinstance(value, str))
        if not callable(answer.launcher):
            return Diagnosis("not-callable", f"`{exercise.launcher}` is no function `{exercise.launcher}{wanted}`.")
        if reason := misfit(answer.launcher, exercise.launcher, wanted):
            return Diagnosis("wrong-signature", reason)
    return _does_not_fit(exercise, answer) or answer


def _does_not_fit(exercise: Cuda, answer: Answer) -> Diagnosis | None:
    """Why the source does not compile, or its kernel does not take the exercise's arguments."""
    for shape in exercise.shapes:
        try:
            entry = launch_of(exercise, answer, shape)["entry"]
        except Exception:
            return None  # the case will show what the launcher raises
        try:
            compiled = compile_cuda(answer.source, entry, ARCH)
            args = exercise.inputs(np.random.default_rng(0), **shape)
            bind(compiled.parameters, args, compiled.names, compiled.sizes)
        except CompileError as problem:
            return Diagnosis("compile-error", f"It does not compile:\n{problem}\n")
        except UnknownKernel as problem:
            return Diagnosis("unknown-kernel", f"**There is no such kernel to launch**: {problem} "
                             f"Wanted: `{exercise.signature}`.")  # fmt: skip
        except ArgumentError as problem:
            reason = str(problem).rpartition(": give")[0] or str(problem)
            return Diagnosis("wrong-signature", f"**The kernel cannot take its arguments**: {reason}. "
                             f"Wanted: `{exercise.signature}`.")  # fmt: skip
        except ValueError as problem:
            return Diagnosis("compile-error", f"**It does not compile**: {problem}.")
    return None


def forbidden(answer: Answer, rules: tuple[Forbid, ...]) -> tuple[str, Forbid] | None:
    return forbidden_name(answer.source, rules)


def launch_of(exercise: Cuda, answer: Answer, shape: Mapping[str, Any]) -> dict[str, Any]:
    """grid, block, dynamic_shared and entry for one shape, by the exercise or by the learner. Raises LaunchError."""
    if answer.launcher:
        given = answer.launcher(*(value for value in shape.values() if not isinstance(value, str)))
    else:
        given = exercise.launch(**shape)
    name = exercise.launcher or "launch"
    if not isinstance(given, Mapping) or not {"grid", "block"} <= set(given) <= set(FIELDS):
        what = f"the keys {', '.join(map(str, given))}" if isinstance(given, Mapping) else f"a {type(given).__name__}"
        raise LaunchError(f"`{name}` returns {what}; wanted: dict(grid=..., block=...), and dynamic_shared=... if used")
    return {"dynamic_shared": 0, "entry": exercise.kernel, **given}


def trials(exercise: Cuda, answer: Answer, seed: int, tell: Callable[[str], None]) -> list[Trial]:
    """Every case once; stops where a loop or a barrier does, since the later cases would. Then the budgets."""
    shape: dict[str, Any] = {}

    def inputs(rng: np.random.Generator, **given: Any) -> tuple:
        shape.clear()
        shape.update(given)
        return exercise.inputs(rng, **given)

    done: list[Trial] = []
    for trial in functions.cases(exercise, seed, inputs):
        tell(trial.label)
        done.append(_attempt(exercise, answer, trial, dict(shape)))
        if trial.error or trial.unjudged or {d.key for d in trial.noticed} & {"endless-loop", "barrier"}:
            break
    _mark_kept(exercise, [trial for trial in done if trial.wrong])
    if all(trial.ok for trial in done):
        ran = [trial.launches[0] for trial in done]
        for found in budgets.exceeded(exercise.budgets, ran):
            next(t for t in done if t.label == found.case).noticed.append(found)
    return done


def _mark_kept(exercise: Cuda, failing: list[Trial]) -> None:
    """Outputs that held a value at the start: nobody wrote where all that is wrong still holds it, in every case."""
    kept = []
    for trial in failing:
        if trial.output not in exercise.accumulates:
            return
        same = trial.wrong.got == trial.args[exercise.parameters.index(trial.output)]
        if (trial.wrong.bad & ~same).any():
            return
        kept.append(trial.wrong.bad)
    for trial, elements in zip(failing, kept, strict=True):
        trial.unwritten, trial.kept = elements, True


def _attempt(exercise: Cuda, answer: Answer, trial: Trial, shape: Mapping[str, Any]) -> Trial:
    noticed: list[Diagnosis] = []
    sizes = {name: np.asarray(value).nbytes * isinstance(value, np.ndarray)
             for name, value in zip(exercise.parameters, trial.args, strict=True)}  # fmt: skip
    needed = sum(sizes.values()) + sum(sizes[name] for name in exercise.accumulates)  # these are read, and written

    def call(answer: Answer, given: list) -> None:
        first = not trial.launches
        # Arrays that own their memory: the emulator sees an access beyond the end of one.
        arrays = [np.array(value, order="C") if isinstance(value, np.ndarray) else value for value in given]
        empty = [
            arrays[exercise.parameters.index(name)] for name in exercise.outputs if name not in exercise.accumulates
        ]
        for name in exercise.accumulates:
            place = exercise.parameters.index(name)
            arrays[place][...] = trial.args[place]
        try:
            how = launch_of(exercise, answer, shape)
            report = emulate(answer.source, how.pop("entry"), **how, args=arrays, arch=ARCH, unwritten=empty,
                             limit=exercise.steps)  # fmt: skip
        except NotEmulated as problem:
            trial.unjudged = f"The emulated GPU does not know this: {problem}. It may be right; write it another way."
            return
        except LaunchError as problem:
            rounding = " Does the grid round up, as in `(n + 255) // 256`?" if " is 0:" in str(problem) else ""
            noticed[:] = [Diagnosis("launch", f"**The launch is refused**: {problem}.{rounding}")]
            return
        for before, after in zip(given, arrays, strict=True):
            if isinstance(before, np.ndarray):
                before[...] = after
        if first:  # a second fill calls again
            trial.launches = (Ran(trial.label, dict(shape), needed, report),)
            noticed[:] = faults(report)
            print(report.printed, end="")

    functions.attempt(exercise, answer, trial, call)
    trial.noticed[:0] = noticed
    return trial


def dress(exercise: Cuda, verdict: Verdict, tried: list[Trial]) -> Verdict:
    """The verdict with the counters in it: in a row if the values are right, beside the lines if those are at fault."""
    ran = {launch.label: launch for trial in tried for launch in trial.launches}
    if verdict.status == "passed":
        (label, values), *rest = verdict.rows
        values = values.replace(f" · {backend()}", f" · {CLEAN} · {backend()}")
        largest = max(ran.values(), key=lambda launch: launch.report.metrics["smsp__inst_executed.sum"])
        rows = ((label, values), ("counters", budgets.counters(largest)), *rest)
        return replace(verdict, rows=rows, evidence={})
    if verdict.status == "failed" and any(trial.wrong for trial in tried):
        verdict = _with_warnings(verdict, [launch.report for launch in ran.values()])
    telling = [t for t in tried if t.label in ran and any(d.key == verdict.diagnosis for d in t.noticed)]
    if verdict.status != "failed" or not telling:
        return verdict
    launch = ran[telling[0].label]
    rows = verdict.rows
    if not launch.report.faults:
        rows = (*rows[:-1], ("counters", budgets.counters(launch)), rows[-1])
    return replace(verdict, rows=rows, picture=show.annotate(launch.report))


def _with_warnings(verdict: Verdict, reports: list[Report]) -> Verdict:
    """What the compiler warned of in CUDA C++, which often is the mistake: `y[i] == 3;` has no effect."""
    sources = {(one.source, one.kernel): one for one in reports if "__global__" in one.source}
    warnings = "\n".join(compile_cuda(source, kernel, ARCH).log for source, kernel in sources).strip()
    if not warnings:
        return verdict
    return replace(verdict, rows=(*verdict.rows[:-1], ("compiler", f"{warnings}\n"), verdict.rows[-1]))


def confirm(session: Session, verdict: Verdict) -> Verdict:
    """Where there is a GPU, the same source also runs on it."""
    if machine.gpu() is None:
        return verdict
    from . import cuda_device

    return cuda_device.confirm(session, verdict)
