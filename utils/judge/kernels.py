"""Tries a Triton kernel with its launcher: the rules of a Python answer, and what only a kernel can get wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .. import machine
from ..triton_or_not import MISSING
from . import functions
from .arrays import GUARD, POISON, is_tensor
from .exercise import Kernel
from .trial import Diagnosis, Trial
from .triton_trace import Trace, watch

ALLOCATE = {"empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided"}
# A launcher may allocate, look at and reshape tensors. Everything else computes.
HARMLESS = ALLOCATE | {
    "zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones", "full", "full_like", "new_full", "zero_",
    "fill_", "view", "_unsafe_view", "reshape", "as_strided", "expand", "permute", "transpose", "t", "slice", "select",
    "unsqueeze", "squeeze", "unbind", "split", "alias", "detach", "clone", "contiguous", "copy_", "_local_scalar_dense",
    "unfold", "view_as_real", "lift_fresh", "set_", "resize_", "is_pinned", "flatten",
}  # fmt: skip


# How the interpreter fails on what it lacks (inline assembly, bf16 constants ...): no verdict on the answer.
# The last: Triton 3.6 with NumPy 2.5 on `range(0, n)` in a kernel; 3.7 has mended it.
UNSUPPORTED = (
    "\nNotImplementedError",
    "'InterpreterBuilder' object has no attribute",
    "only 0-dimensional arrays can be converted to Python scalars",
)


class Launcher(TorchDispatchMode):
    """Watches what a launcher asks of torch outside its kernels, and poisons what it allocates."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.trace = trace
        self.computed: list[str] = []
        self.allocated: list[tuple[Any, int]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would import all of its compiler (2 s) to keep it away from this class

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        result = func(*args, **(kwargs or {}))
        if self.trace.inside:
            return result
        if name not in HARMLESS:
            self.computed.append(name)
        if name in ALLOCATE and result.numel() and result.is_contiguous():
            return self._guard(result)
        return result

    def _guard(self, plain: Any) -> Any:
        size, item = plain.numel(), plain.element_size()
        raw = torch.full(((size + 2 * GUARD) * item,), POISON, dtype=torch.uint8, device=plain.device)
        self.allocated.append((raw, size * item))
        return raw.view(plain.dtype)[GUARD : GUARD + size].view(plain.shape)

    def damaged(self) -> bool:
        """Whether a guard band of an allocated tensor was written."""
        for raw, size in self.allocated:
            edge = (raw.numel() - size) // 2
            if (raw[:edge] != POISON).any() or (raw[edge + size :] != POISON).any():
                return True
        return False


def prepare() -> str:
    """Import Triton the way this machine runs it, and prove a known answer once before any verdict."""
    if machine.triton_backend() is None:
        return MISSING
    from .known import prove

    prove(machine.triton_backend())
    return ""


def forks() -> bool:
    return machine.triton_backend() == "interpreter"  # a CUDA context does not survive a fork


def backend() -> str:
    return "Triton interpreter" if forks() else str(machine.gpu())


def trials(exercise: Kernel, answer: Callable, seed: int, tell: Callable[[str], None]) -> list[Trial]:
    """As for a Python answer, with tensors on the GPU if there is one."""
    device = "cpu" if forks() else "cuda"

    def inputs(rng: np.random.Generator, **shape: Any) -> tuple:
        return tuple(v.to(device) if is_tensor(v) else v for v in exercise.inputs(rng, **shape))

    done: list[Trial] = []
    for number, shape in enumerate(exercise.shapes):
        label = ", ".join(f"{key} = {value}" for key, value in shape.items()) or "the only case"
        tell(label)
        trial = Trial(label, inputs(np.random.default_rng([seed, number]), **shape), exercise.block)
        done.append(_attempt(exercise, answer, trial, interpreted=device == "cpu"))
        if trial.error or trial.unjudged:
            break
    return done


def _attempt(exercise: Kernel, answer: Callable, trial: Trial, interpreted: bool) -> Trial:
    seen: list[Any] = []

    def call(answer: Callable, given: list) -> Any:
        with watch(interpreted) as trace, Launcher(trace) as launcher:
            seen[:] = [trace, launcher]
            result = answer(*given)
            if not interpreted:
                torch.cuda.synchronize()
        seen.append(result)
        if interpreted:
            _notice_untouched(exercise, trial, trace, result, given)
        return result

    functions.attempt(exercise, answer, trial, call)
    if seen:
        _notice(exercise, trial, *seen[:2])
    return trial


def _notice(exercise: Kernel, trial: Trial, trace: Trace, launcher: Launcher) -> None:
    """What the launcher and its kernels did, whatever the values are; the most certain first."""
    first: list[Diagnosis] = list(trace.faults)
    if launcher.damaged() and not trace.faults:
        first.append(
            Diagnosis(
                "outside-output",
                "**The kernel writes outside the tensor the launcher allocated.** Mask the store.",
            )
        )
    if not trace.launches and not trial.error:
        first.append(
            Diagnosis(
                "no-launch",
                f"**No kernel was launched.** `{exercise.answer}` is to launch it: `kernel[grid](...)`.",
            )
        )
    if launcher.computed:
        first.append(Diagnosis(
            "forbidden-route", f"**The launcher computes with torch** (`{launcher.computed[0]}`). The kernel is to do "
            "the work; the launcher may allocate, reshape and launch."))  # fmt: skip
    trial.noticed[:0] = first
    if len(trace.launches) > exercise.launches:
        sentence = f"**{len(trace.launches)} kernel launches**, {exercise.launches} allowed."
        trial.noticed.append(Diagnosis("too-many-launches", sentence))
    if exercise.traffic and trial.wrong is None and not trial.noticed and trace.loaded:
        _notice_traffic(exercise, trial, trace)
    if any(sign in trial.error for sign in UNSUPPORTED):
        reason = trial.error.strip().splitlines()[-1]
        trial.unjudged = f"Triton's interpreter cannot run this ({reason}). It may be right: check it on a GPU."
    if trace.bf16:
        trial.unjudged = (
            "Triton's interpreter computes bf16 arithmetic wrongly, without a warning. Widen to float32 first "
            "(`x.to(tl.float32)`, exact), which is what a GPU wants too; or check this on a GPU."
        )


def _notice_traffic(exercise: Kernel, trial: Trial, trace: Trace) -> None:
    needed = sum(v.nbytes for v in trial.args if is_tensor(v)) + sum(v.nbytes for v in trial.got)
    if exercise.outputs:
        needed -= sum(v.nbytes for v in trial.got)
    moved = trace.loaded + trace.stored
    if moved > exercise.traffic * needed:
        trial.noticed.append(Diagnosis(
            "too-much-traffic", f"**The kernel moves {moved:,} bytes**, {needed:,} are needed ({moved / needed:.2f}×; "
            f"{exercise.traffic:g}× is allowed) when {trial.label}. What is read or written twice?"))  # fmt: skip


def _notice_untouched(exercise: Kernel, trial: Trial, trace: Trace, result: Any, given: list) -> None:
    """Values that no kernel stored came by another route."""
    if not trace.launches:
        return
    names = exercise.parameters
    outputs = [given[names.index(name)] for name in exercise.outputs] if exercise.outputs else result
    for tensor in outputs if isinstance(outputs, (tuple, list)) else (outputs,):
        if not is_tensor(tensor) or not tensor.is_contiguous() or not tensor.numel():
            continue
        stored = trace.covers(tensor)
        raw = tensor.reshape(-1).view(torch.uint8).reshape(tensor.numel(), -1)
        poison = (raw == POISON).all(dim=1).numpy()
        if (missing := int((~stored & ~poison).sum())) and not stored.all():
            trial.noticed.append(Diagnosis(
                "forbidden-route", f"**{missing} of {tensor.numel()} elements of the result were not stored by a "
                "kernel**: they came by another route."))  # fmt: skip
