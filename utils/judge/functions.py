"""Tries a Python answer on one case after the other, under all the rules that need no knowledge of the exercise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import numpy.random  # noqa: F401 (else NumPy imports it when first used: in every child anew, 20 ms)

from . import arrays, poison, sandbox
from .arrays import dtype_name, is_tensor, mismatch, to_numpy
from .exercise import Function
from .poison import private_copy
from .source import own_lines
from .trial import Diagnosis, Trial, label_of
from .watchdog import TooLong
from .watched import Watch


def prepare() -> str:
    return ""


def forks() -> bool:
    return True


def backend() -> str:
    return "CPU"


def trials(exercise: Function, answer: Callable, seed: int, tell: Callable[[str], None]) -> list[Trial]:
    """Every case once, smallest first as declared; stops at the first that raises."""
    done: list[Trial] = []
    for trial in cases(exercise, seed, exercise.inputs):
        tell(trial.label)
        done.append(attempt(exercise, answer, trial))
        if trial.error or trial.unjudged:
            break
    return done


def cases(exercise: Function, seed: int, inputs: Callable[..., tuple]) -> Iterator[Trial]:
    """A trial for every shape, then one shape again with other values: a result remembered by size is stale."""
    again = exercise.shapes[len(exercise.shapes) // 2]
    for number, shape in enumerate([*exercise.shapes, again]):
        label = label_of(shape) + (", again" if number == len(exercise.shapes) else "")
        yield Trial(label, tuple(inputs(np.random.default_rng([seed, number]), **shape)))


def attempt(exercise: Function, answer: Callable, trial: Trial, call: Callable | None = None) -> Trial:
    """Call the answer on private copies of the case's inputs and notice everything that is wrong."""
    call = call or _plain_call(exercise)
    _once(exercise, answer, trial, call)
    if trial.wrong is not None and ((left := poison.is_poison(trial.wrong.got)) & trial.wrong.bad).any():
        again = Trial(trial.label, trial.args)
        with poison.second_fill():
            _once(exercise, answer, again, call)
            same = again.wrong is not None and again.wrong.got.shape == left.shape
            trial.unwritten = left & poison.is_poison(again.wrong.got) if same else None
    return trial


def _once(exercise: Function, answer: Callable, trial: Trial, call: Callable) -> None:
    names = exercise.parameters
    given = [private_copy(value) for value in trial.args]
    written: dict[int, Any] = {}
    for name in exercise.outputs:
        index = names.index(name)
        given[index], written[index] = poison.guarded(trial.args[index])
    watch = Watch(exercise.widest)
    try:
        with poison.poisoned_numpy():
            result = call(answer, [watch.over(value) for value in given])
    except BaseException as problem:
        _raised(trial, problem)
        return
    if watch.wider:
        trial.noticed.append(watch.diagnosis())
    for index, whole in written.items():
        if damage := poison.guard_damage(whole, trial.args[index]):
            trial.noticed.append(_outside(names[index], damage, trial.args[index].shape))
    _notice_changes(exercise, trial, given, names)
    outputs = tuple(given[names.index(name)] for name in exercise.outputs) if exercise.outputs else result
    compare(exercise, trial, outputs)
    if trial.ok and not exercise.outputs and not exercise.may_return_view:
        _notice_view(trial, outputs, given)


def _plain_call(exercise: Function) -> Callable:
    def call(answer: Callable, given: list) -> Any:
        if not exercise.each:
            return answer(*given)
        columns = [np.atleast_1d(v).tolist() if isinstance(v, np.ndarray) else None for v in given]
        count = max(len(column) for column in columns if column is not None)
        rows = zip(*(c if c is not None else [v] * count for c, v in zip(columns, given, strict=True)), strict=True)
        return _column([answer(*row) for row in rows], np.dtype(exercise.dtype))

    return call


def _column(results: list[Any], dtype: np.dtype) -> Any:
    """Single results as one array, if each is a number that `dtype` can hold; otherwise the first that is not."""
    held = range(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max) + 1) if dtype.kind in "iu" else None
    if set(map(type, results)) == {float} and not held:  # the usual case; one by one takes five times as long
        return np.array(results).astype(dtype)
    numbers = []
    for result in results:
        number = to_numpy(result)
        if number.dtype.kind not in "biuf":
            return result
        if held is not None and not (number.dtype.kind in "iu" and all(int(v) in held for v in number.flat)):
            return str(result)
        numbers.append(number)
    return np.array(numbers).astype(dtype)


def compare(exercise: Function, trial: Trial, outputs: Any) -> None:
    """Type, count, shape, dtype and device before values; fills `trial`."""
    with np.errstate(all="ignore"):
        wanted = exercise.oracle(*(private_copy(value) for value in trial.args))
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    dtypes = exercise.dtype if isinstance(exercise.dtype, tuple) else (exercise.dtype,) * len(wanted)
    if outputs is None:
        trial.noticed.append(Diagnosis("returned-nothing", "**The answer returns `None`**: is a `return` missing?"))
        return
    if len(wanted) > 1 and (not isinstance(outputs, (tuple, list)) or len(outputs) != len(wanted)):
        trial.noticed.append(_type(f"{len(wanted)} results are wanted", outputs))
        return
    outputs = tuple(outputs) if len(wanted) > 1 else (outputs[0] if exercise.outputs else outputs,)
    results = []
    for number, (want, got, dtype) in enumerate(zip(wanted, outputs, dtypes, strict=True)):
        name = exercise.outputs[number] if exercise.outputs else "result" + (f"[{number}]" if len(wanted) > 1 else "")
        value = _checked(trial, name, to_numpy(want), got, dtype)
        if value is None:
            return
        results.append((name, to_numpy(want), value))
    trial.want, trial.got = [r[1] for r in results], [r[2] for r in results]
    for name, want, value in results:
        _refuse_nonfinite_oracle(exercise, want)
        unwritten = poison.is_poison(value) if value.dtype.kind == "b" else None
        if value.dtype.kind not in "biu" and exercise.expects_nonfinite:
            unwritten = poison.is_poison(value)  # NaN is wanted somewhere: the poison must not pass for it
        if trial.wrong is None and (wrong := mismatch(want, value, exercise.tolerance, unwritten)):
            trial.wrong, trial.output = wrong, name


def _checked(trial: Trial, name: str, want: np.ndarray, got: Any, dtype: str) -> np.ndarray | None:
    """`got` as NumPy if its type, shape, dtype and device are right; otherwise it is noticed and None."""
    problem = None
    if not _is_number(got, want):
        word = "a text" if want.dtype.kind == "U" else "a number"
        problem = _type("an array of numbers is wanted" if want.ndim else f"{word} is wanted", got)
    elif (shape := tuple(getattr(got, "shape", ()))) != want.shape:
        problem = _shape(name, want.shape, shape)
    elif dtype and not _same_dtype(got, dtype) and (want.ndim or hasattr(got, "dtype")):
        problem = Diagnosis(
            "wrong-dtype",
            f"**`{name}` has dtype {dtype_name(got) or type(got).__name__}**, {dtype} is wanted.",
        )
    elif is_tensor(got) and (devices := [a.device for a in trial.args if is_tensor(a)]) and got.device != devices[0]:
        problem = Diagnosis("wrong-device", f"**`{name}` is on {got.device}**, the inputs are on {devices[0]}.")
    if problem:
        trial.noticed.append(problem)
        return None
    return to_numpy(got)


def _is_number(got: Any, want: np.ndarray) -> bool:
    """A plain, strided array, a number, or a text, of a kind that can be compared with `want`."""
    if want.dtype.kind == "U":
        return isinstance(got, str)
    if is_tensor(got):
        import torch

        return got.layout is torch.strided and got.device.type != "meta" and not got.is_complex()
    if isinstance(got, np.ma.MaskedArray) or not isinstance(got, (np.ndarray, np.generic, bool, int, float)):
        return False
    array = np.asarray(got)
    if want.dtype.kind in "iu" and array.dtype.kind == "b":
        return False
    return array.dtype.kind in "biuf" or array.dtype.name in dir(ml_dtypes)


def _same_dtype(got: Any, dtype: str) -> bool:
    return dtype_name(got) == dtype or (isinstance(got, np.ndarray) and str(got.dtype.newbyteorder("=")) == dtype)


def _shape(name: str, want: tuple, got: tuple) -> Diagnosis:
    if len(want) >= 2 and got == (*want[:-2], want[-1], want[-2]):
        return Diagnosis(
            "transposed-shape",
            f"**`{name}` has shape {got}**, {want} is wanted: rows and columns are swapped.",
        )
    return Diagnosis("wrong-shape", f"**`{name}` has shape {got}**, {want} is wanted.")


def _type(wanted: str, got: Any) -> Diagnosis:
    return Diagnosis("wrong-type", f"**The answer returns {type(got).__name__}**: {wanted}.")


def _outside(name: str, damage: list[int], shape: tuple) -> Diagnosis:
    return Diagnosis(
        "outside-output", f"**The answer writes outside `{name}`**: at flat index {damage[0]}, but it has "
        f"{int(np.prod(shape))} elements.")  # fmt: skip


def _notice_changes(exercise: Function, trial: Trial, given: list, names: tuple[str, ...]) -> None:
    for name, before, after in zip(names, trial.args, given, strict=False):
        is_array, is_plain = is_tensor(before) or isinstance(before, np.ndarray), isinstance(before, (dict, list))
        if not (is_array or is_plain) or name in exercise.outputs or name in exercise.may_change:
            continue
        if after is not before and not (before == after if is_plain else arrays.same_bits(before, after)):
            sentence = f"**The answer changes its input `{name}`**, which belongs to the caller. Work on a copy."
            trial.noticed.append(Diagnosis("input-changed", sentence))


def _notice_view(trial: Trial, outputs: Any, given: list) -> None:
    for got in outputs if isinstance(outputs, (tuple, list)) else (outputs,):
        if any(arrays.shares_memory(got, value) for value in given):
            trial.noticed.append(Diagnosis(
                "returns-input-view", "**The result shares memory with an input**: the next write to one changes the "
                "other. Return an array of its own."))  # fmt: skip


def _refuse_nonfinite_oracle(exercise: Function, want: np.ndarray) -> None:
    if want.dtype.kind not in "biuOU" and not exercise.expects_nonfinite:
        assert np.isfinite(want.astype(np.float64)).all(), f"{exercise.id}: the oracle gives NaN or Inf; declare it"


def _raised(trial: Trial, problem: BaseException) -> None:
    """Keep what the answer raised, its traceback cut down to the learner's own lines."""
    root = problem
    while root.__cause__ is not None and type(root).__name__ == "InterpreterError":
        root = root.__cause__
    if isinstance(root, TooLong) or (isinstance(root, KeyboardInterrupt) and not sandbox.in_child):
        raise root
    kinds = {MemoryError: "memory", RecursionError: "recursion", SystemExit: "exited"}
    trial.error_key = next((key for kind, key in kinds.items() if isinstance(root, kind)), "exception")
    if isinstance(root, RuntimeError) and re.search(r"can't allocate|not enough memory", str(root)):
        trial.error_key = "memory"  # torch's own word for it
    trial.error = own_lines(root)
