"""CUDA C++ that passed on the emulated GPU, run once more on the real one: its values must be right there too."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .. import machine
from ..vgpu import run_on_gpu
from ..vgpu.device import DeviceError, NoDevice
from . import cuda, functions, poison
from .arrays import to_numpy
from .exercise import Cuda
from .explain import Session
from .source import load
from .trial import Trial
from .verdict import Verdict


def confirm(session: Session, verdict: Verdict) -> Verdict:
    """The verdict with the device's name in it; what the device says if its values are wrong."""
    exercise = session.exercise
    with tempfile.TemporaryDirectory(prefix="answer-") as folder:
        answer = cuda.answer_of(exercise, vars(load(verdict.evidence["source"], {}, folder)))
        try:
            tried = trials(exercise, answer, session.seed)
        except (DeviceError, NoDevice) as problem:
            return replace(verdict, rows=(*verdict.rows, ("device", f"not run on {machine.gpu()}: {problem}")))
    on_gpu = session.conclude(tried, str(machine.gpu()))
    if on_gpu.status != "passed":
        return replace(on_gpu, rows=(("first", dict(verdict.rows)["values"]), *on_gpu.rows))
    both = f"{cuda.backend()} and {on_gpu.backend}"
    rows = ((label, text.replace(cuda.backend(), both)) for label, text in verdict.rows)
    return replace(verdict, rows=tuple(rows), backend=both, evidence={})


def trials(exercise: Cuda, answer: cuda.Answer, seed: int) -> list[Trial]:
    """Every case on the device."""
    shape: dict[str, Any] = {}

    def inputs(rng: np.random.Generator, **given: Any) -> tuple:
        shape.clear()
        shape.update(given)
        return exercise.inputs(rng, **given)

    done = []
    for trial in functions.cases(exercise, seed, inputs):
        functions.compare(exercise, trial, _outputs(exercise, answer, trial, shape))
        done.append(trial)
    return done


def _outputs(exercise: Cuda, answer: cuda.Answer, trial: Trial, shape: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    """What one launch on the device leaves in the outputs, which held poison before."""
    arrays = [np.array(value, order="C") if isinstance(value, np.ndarray) else value for value in trial.args]
    places = [exercise.parameters.index(name) for name in exercise.outputs]
    for name, place in zip(exercise.outputs, places, strict=True):
        if name not in exercise.accumulates:
            arrays[place].reshape(-1).view(np.uint8)[...] = poison.byte(str(arrays[place].dtype))
    given = [to_device(value) if isinstance(value, np.ndarray) else value for value in arrays]
    how = cuda.launch_of(exercise, answer, shape)
    run_on_gpu(answer.source, how.pop("entry"), **how, args=given)
    return tuple(to_numpy(given[place]).astype(arrays[place].dtype, copy=False) for place in places)


def to_device(array: np.ndarray) -> Any:
    """A CUDA tensor with the same bits: torch lacks some of NumPy's types, and NumPy some of torch's."""
    import torch

    raw = torch.from_numpy(array.reshape(-1).view(np.uint8)).cuda()
    name = str(array.dtype)
    assert hasattr(torch, name), f"torch has no {name}"
    return raw.view(getattr(torch, name)).reshape(array.shape)
