"""Tries a Triton kernel with its launcher: the rules of a Python answer, and what only a kernel can get wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .. import exact_casts, machine, triton_interpreter
from ..triton_or_not import MISSING
from . import functions
from .arrays import differs, is_tensor, to_numpy
from .exercise import Kernel
from .explain import Session
from .launcher import Launcher
from .poison import is_poison
from .trial import Diagnosis, Trial
from .triton_trace import Trace
from .triton_watch import watch
from .verdict import Verdict

# How the interpreter fails on what it lacks (inline assembly, bf16 constants ...): no verdict on the answer.
UNSUPPORTED = re.compile(
    r"^NotImplementedError|'InterpreterBuilder' object has no attribute",
    re.MULTILINE,
)
BF16 = (
    "Triton's interpreter computes bf16 arithmetic wrongly, without a warning. Widen to float32 first "
    "(`x.to(tl.float32)`, exact), which is what a GPU wants too; or check this on a GPU."
)

MOST_AGAIN = 3  # failing cases, the smallest first, that are tried with other values in masked-off lanes


def prepare() -> str:
    """Import Triton the way this machine runs it, and prove a known answer once before any verdict."""
    if machine.triton_backend() is None:
        return MISSING
    from .known import prove

    if forks():
        triton_interpreter.install()
    prove(machine.triton_backend())
    if forks():
        exact_casts.install()
    return ""


def forks() -> bool:
    return machine.triton_backend() == "interpreter"  # a CUDA context does not survive a fork


def backend() -> str:
    return "Triton interpreter" if forks() else str(machine.gpu())


def confirm(session: Session, verdict: Verdict) -> Verdict:
    """Values on the interpreter are half of a kernel: it must compile for a GPU too. On a GPU it just did.

    Then its budgets, if it has any.
    """
    from . import compiled

    source = verdict.evidence["source"]
    verdict = compiled.confirm(session, verdict) if forks() else verdict
    if verdict.status != "passed" or not session.exercise.budgets:
        return verdict
    from . import counted

    verdict.evidence["source"] = source
    return counted.confirm(session, verdict)


def trials(exercise: Kernel, answer: Callable, seed: int, tell: Callable[[str], None]) -> list[Trial]:
    """As for a Python answer, with tensors on the GPU if there is one."""
    device = "cpu" if forks() else "cuda"

    def inputs(rng: np.random.Generator, **shape: Any) -> tuple:
        return tuple(v.to(device) if is_tensor(v) else v for v in exercise.inputs(rng, **shape))

    done: list[Trial] = []
    for trial in functions.cases(exercise, seed, inputs):
        tell(trial.label)
        done.append(_attempt(exercise, answer, trial, interpreted=device == "cpu"))
        if trial.error or trial.unjudged:
            break
    for trial in [t for t in done if t.wrong and t.suspect][:MOST_AGAIN]:
        if _find_undefined(exercise, answer, trial):
            break
    return done


def _find_undefined(exercise: Kernel, answer: Callable, trial: Trial) -> bool:
    """Try the case again with 0 in the lanes that a load left without a value: do the wrong elements depend on them?"""
    again = Trial(trial.label, trial.args)

    def call(answer: Callable, given: list) -> Any:
        with np.errstate(all="ignore"), watch(True, zeros=True) as trace, Launcher(trace):
            return answer(*given)

    functions.attempt(exercise, answer, again, call)
    if len(again.got) != len(trial.got):
        return False
    place = next(at for at, got in enumerate(trial.got) if got is trial.wrong.got)
    trial.undefined = trial.wrong.bad & ~trial.never_written & differs(trial.wrong.got, again.got[place])
    if trial.undefined.any():
        trial.advice = (
            "Lanes masked off in a load have no defined value unless `other=` gives one, and the result depends on "
            "them: with 0 in those lanes it changes. Give `other=`, a neutral value (0 in a sum, -Inf in a maximum)."
        )
    return bool(trial.undefined.any())


def _attempt(exercise: Kernel, answer: Callable, trial: Trial, interpreted: bool) -> Trial:
    seen: list[Any] = []

    def call(answer: Callable, given: list) -> Any:
        # The interpreter computes lanes that nobody uses, too: their NumPy warnings are noise.
        with np.errstate(all="ignore"), watch(interpreted) as trace, Launcher(trace) as launcher:
            seen[:] = seen or [trace, launcher]  # a second fill calls again: the first call is the one that counts
            result = answer(*given)
            if not interpreted:
                torch.cuda.synchronize()
        if interpreted and seen[0] is trace:
            _notice_untouched(exercise, trial, trace, launcher, result, given)
        return result

    functions.attempt(exercise, answer, trial, call)
    if seen:
        _notice(exercise, trial, *seen)
        trial.launches = tuple(seen[0].launches)
    return trial


def _notice(exercise: Kernel, trial: Trial, trace: Trace, launcher: Launcher) -> None:
    """What the launcher and its kernels did, whatever the values are; the most certain first."""
    first: list[Diagnosis] = list(trace.faults)
    if launcher.damaged() and not trace.faults:
        sentence = "**The kernel writes outside the tensor the launcher allocated.** Mask the store."
        first.append(Diagnosis("outside-output", sentence))
    if not trace.launches and not trial.error and any(want.size for want in trial.want or [np.ones(1)]):
        sentence = f"**No kernel was launched.** `{exercise.answer}` is to launch it: `kernel[grid](...)`."
        first.append(Diagnosis("no-launch", sentence))
    if launcher.computed:
        first.append(Diagnosis(
            "forbidden-route", f"**The launcher computes outside the kernel** ({launcher.computed[0]}). The kernel is "
            "to do the work; the launcher may allocate, reshape and launch."))  # fmt: skip
    trial.noticed[:0] = first
    if len(trace.launches) > exercise.launches:
        sentence = f"**{len(trace.launches)} kernel launches**, {exercise.launches} allowed."
        trial.noticed.append(Diagnosis("too-many-launches", sentence))
    _notice_programs(exercise, trial, trace)
    if trial.wrong is None:
        trial.noticed += trace.races[:1]
        _notice_share(exercise, trial, trace)
        if exercise.traffic and not trial.noticed and trace.loaded:
            _notice_traffic(exercise, trial, trace)
    else:
        trial.advice = _advice(trial, trace)
        trial.suspect = trace.undefined and not trace.faults and not trial.advice
    if UNSUPPORTED.search(trial.error):
        reason = trial.error.strip().splitlines()[-1]
        trial.unjudged = f"Triton's interpreter cannot run this ({reason}). It may be right: check it on a GPU."
    if trace.bf16:
        trial.unjudged = BF16


def _advice(trial: Trial, trace: Trace) -> str:
    """What the trace adds to a likely mistake in the values."""
    size = sum(want.size for want in trial.want)
    if trace.faults:
        return ""
    if trace.same_place:
        return "All programs work on the same block: where does `tl.program_id` come in?"
    if trial.never_written.any() and 0 < trace.lanes < size:
        return (
            f"There are {size} elements to store, and room for {trace.lanes} in the {trace.programs} "
            f"program{'s' * (trace.programs != 1)} launched: does the grid round up (`cdiv`), and does each program "
            "store a whole block?"
        )
    return ""


def _notice_programs(exercise: Kernel, trial: Trial, trace: Trace) -> None:
    launched, most = sum(launch.programs for launch in trace.launches), 0
    if exercise.programs and launched > (most := exercise.programs(*trial.args)):
        sentence = f"**{launched} programs are launched**, {most} at most are wanted when {trial.label}."
        trial.noticed.append(Diagnosis("too-many-programs", sentence))


def _notice_share(exercise: Kernel, trial: Trial, trace: Trace) -> None:
    if exercise.share and not trial.noticed and trace.share > (most := exercise.share(*trial.args)):
        trial.noticed.append(Diagnosis(
            "uneven", f"**One program stores {trace.share:,} elements**, {most:,} at most are wanted when "
            f"{trial.label}: the others wait for it. Deal the work out evenly."))  # fmt: skip


def _notice_traffic(exercise: Kernel, trial: Trial, trace: Trace) -> None:
    needed = sum(v.nbytes for v in trial.args if is_tensor(v)) + sum(v.nbytes for v in trial.got)
    if exercise.outputs:
        needed -= sum(v.nbytes for v in trial.got)
    moved = trace.loaded + trace.stored
    if moved > exercise.traffic * needed:
        trial.noticed.append(Diagnosis(
            "too-much-traffic", f"**The kernel moves {moved:,} bytes**, {needed:,} are needed ({moved / needed:.2f}×; "
            f"{exercise.traffic:g}× is allowed) when {trial.label}. What is read or written twice?"))  # fmt: skip


def _notice_untouched(
    exercise: Kernel, trial: Trial, trace: Trace, launcher: Launcher, result: Any, given: list
) -> None:
    """Values that no kernel stored came by another route, unless they are what `zeros` and the like put there."""
    names = exercise.parameters
    outputs = [given[names.index(name)] for name in exercise.outputs] if exercise.outputs else result
    for tensor in outputs if isinstance(outputs, (tuple, list)) else (outputs,):
        if not is_tensor(tensor):
            if tensor is not None and trace.launches:
                trial.noticed.append(
                    Diagnosis("wrong-type", "**The answer returns no tensor**: a torch tensor is wanted.")
                )
            continue
        source = launcher.origin(tensor)
        if not trace.launches or not tensor.numel() or source.untyped_storage().data_ptr() in launcher.filled:
            continue
        if source is not tensor:
            stored, count = np.array([trace.stored > 0]), tensor.numel()
        elif tensor.is_contiguous():
            stored, count = trace.covers(tensor) | is_poison(to_numpy(tensor)).ravel(), tensor.numel()
        else:
            continue
        if missing := int((~stored).sum()):
            trial.noticed.append(Diagnosis(
                "forbidden-route", f"**{missing} of {count} elements of the result were not stored by a kernel**: "
                "they came by another route."))  # fmt: skip
