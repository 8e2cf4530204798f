"""A Triton kernel that passed, compiled and run once more on the emulated GPU, where what it costs can be counted.

What the interpreter cannot see shows here as well: promises to the compiler that do not hold (`tl.multiple_of`), and
what the machine code's wide accesses touch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from ..compile_worker import CompileError
from ..emulated_triton import emulate_triton
from ..vgpu import NotEmulated, Report
from . import budgets, cuda, cuda_faults, functions, poison
from .arrays import is_tensor
from .exercise import Kernel
from .explain import Session
from .poison import private_copy
from .source import load
from .trial import Diagnosis, Trial
from .verdict import Verdict

OPTIONS = ("num_warps", "num_stages")
OTHERS = {"num_ctas", "maxnreg", "enable_fp_fusion", "warmup", "stream", "device", "debug", "sanitize_overflow"}
PROMISE = (
    "What did `tl.multiple_of`, `tl.max_contiguous` or `tl.assume` promise? The interpreter ignores them; the GPU's "
    "compiler believes them, and makes accesses as wide as they allow."
)


def confirm(session: Session, verdict: Verdict) -> Verdict:
    """The verdict with the counters in it; failed where the compiled kernel is wrong or over a budget."""
    exercise = session.exercise
    assert isinstance(exercise, Kernel)
    with tempfile.TemporaryDirectory(prefix="answer-") as folder:
        answer = getattr(load(verdict.evidence["source"], {}, folder), exercise.answer)
        try:
            tried = trials(exercise, answer, session.seed)
        except (NotEmulated, CompileError, RuntimeError) as problem:
            reason = str(problem).strip().split("\n")[-1]
            return replace(verdict, rows=(*verdict.rows, ("counters", f"not counted: {reason}")))
        counted = cuda.dress(exercise, session.conclude(tried, cuda.backend()), tried)
    if counted.status != "passed":
        return replace(counted, rows=(("first", dict(verdict.rows)["values"]), *counted.rows))
    first, *rest = verdict.rows
    return replace(verdict, rows=(first, ("counters", dict(counted.rows)["counters"]), *rest), evidence={})


def trials(exercise: Kernel, answer: Callable, seed: int) -> list[Trial]:
    """Every case that a budget is about; then the budgets."""
    shape: dict[str, Any] = {}

    def inputs(rng: np.random.Generator, **given: Any) -> tuple:
        shape.clear()
        shape.update(given)
        return exercise.inputs(rng, **given)

    done = []
    for trial in functions.cases(exercise, seed, inputs):
        if any(budget.where is None or budget.where(**shape) for budget in exercise.budgets):
            done.append(_attempt(exercise, answer, trial, dict(shape)))
    if all(trial.ok for trial in done):
        ran = [launch for trial in done for launch in trial.launches]
        for found in budgets.exceeded(exercise.budgets, ran):
            next(t for t in done if t.label == found.case).noticed.append(found)
    return done


def _attempt(exercise: Kernel, answer: Callable, trial: Trial, shape: dict[str, Any]) -> Trial:
    given = [private_copy(value) for value in trial.args]
    places = [exercise.parameters.index(name) for name in exercise.outputs]
    for place in places:
        given[place], _ = poison.guarded(trial.args[place])
    with emulated_launches() as reports:
        result = answer(*given)
    outputs = tuple(given[place] for place in places) if places else result
    arrays = [value for value in trial.args if is_tensor(value)]
    made = () if places else result if isinstance(result, tuple) else (result,)
    needed = sum(value.nbytes for value in (*arrays, *made))
    trial.launches = tuple(cuda.Ran(trial.label, shape, needed, report) for report in reports)
    trial.noticed += [_plain(found) for report in reports for found in cuda_faults.faults(report)]
    functions.compare(exercise, trial, outputs)
    return trial


def _plain(found: Diagnosis) -> Diagnosis:
    """A fault of the compiled kernel in the words of Triton: it is the compiler that chose the width."""
    name, advice = cuda_faults.FAULTS["misaligned"]
    sentence = found.sentence.replace(advice, PROMISE).replace(f"**{name}.**", "**A promise that does not hold.**")
    return replace(found, sentence=sentence) if found.key == "misaligned" else found


@contextmanager
def emulated_launches() -> Iterator[list[Report]]:
    """Kernels launched inside run on the emulated GPU; their reports, in order."""
    from triton.runtime.autotuner import Autotuner
    from triton.runtime.interpreter import InterpretedFunction
    from triton.runtime.jit import JITFunction

    reports: list[Report] = []

    def run(kernel: Any, *args: Any, grid: Any, warmup: bool = False, **named: Any) -> None:
        chosen = {name: value for name, value in named.items() if name in OPTIONS and value is not None}
        given = {name: value for name, value in named.items() if name not in OTHERS and name not in OPTIONS}
        reports.append(emulate_triton(kernel, grid, *args, **given, **chosen))

    with (
        patch.object(InterpretedFunction, "run", run),
        patch.object(JITFunction, "run", run),
        patch.object(Autotuner, "_bench", lambda self, *args, config, **meta: [0.0, 0.0, 0.0]),
    ):
        yield reports
