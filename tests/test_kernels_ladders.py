"""solutions/kernels: every rung is right at odd sizes, runs clean, and shows the counters that explain its speed."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from solutions.kernels import copy, layer_norm, reduction, rms_norm, softmax, transpose
from solutions.kernels.layer_norm import EPS
from utils import machine
from utils.launches import Rung
from utils.records import recorded

A = 0.5
BF16 = ml_dtypes.bfloat16
LENGTHS = (1, 255, 256, 1021, 9000)
SHAPES = ((1, 1), (64, 64), (97, 67), (100, 132))
GPU = machine.gpu() is not None
ROWS = ((2, 7), (3, 1001), (2, 2048), *(((1, 1), (1, 4104), (1, 33000)) if GPU else ()))


def numbers(*shape: int, kind: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32).astype(kind)


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(1, keepdims=True), x.var(1, keepdims=True)


# operation -> (rungs, sizes, arrays, result in float64 from the arrays as they were, place of the output, bound)
def _pair(n: int) -> list:
    return [numbers(n), np.empty(n, np.float32)]


def _sum(n: int) -> list:
    return [numbers(n), np.empty(1, np.float32), np.empty(n // 128 + 2, np.float32), np.zeros(1, np.uint32)]


def _rows(extra: int):
    def make(shape: tuple[int, int]) -> list:
        vectors = [numbers(shape[1] + i, kind=BF16)[: shape[1]].copy() for i in range(extra)]
        return [numbers(*shape, kind=BF16), *vectors, np.empty(shape, BF16)]

    return make


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _layer_norm(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    mean, variance = moments(x)
    return (x - mean) / np.sqrt(variance + EPS) * w + b


EXACT, F32, ROUNDED = (0, 0), (1e-6, 0), (1e-5, 2**-8)  # of the largest term; of the value: bf16, rounded once
OPERATIONS = {
    "copy": (copy.COPIES, LENGTHS, _pair, lambda x, y: x, 1, EXACT),
    "axpy": (copy.AXPYS, LENGTHS, lambda n: [numbers(n), numbers(n + 1)[:n].copy(), A],
             lambda x, y, a: y + a * x, 1, F32),
    "strides": (copy.STRIDES, LENGTHS, _pair, lambda x, y: 2 * x, 1, EXACT),
    "transpose": (transpose.RUNGS, SHAPES, lambda s: [numbers(*s), np.empty(s[::-1], np.float32)],
                  lambda x, y: x.T, 1, EXACT),
    "sum": (reduction.SUMS, (*LENGTHS, 66000), _sum, lambda x, *rest: x.sum(keepdims=True), 1, F32),
    "row sum": (reduction.ROW_SUMS, ((1, 1), (5, 7), (33, 264), (7, 1000)),
                lambda s: [numbers(*s, kind=BF16), np.empty(s[0], np.float32)], lambda x, y: x.sum(1), 1, F32),
    "softmax": (softmax.RUNGS, ROWS, _rows(0), lambda x, y: _softmax(x), 1, ROUNDED),
    "rms norm": (rms_norm.RUNGS, ROWS, _rows(1),
                 lambda x, w, y: x / np.sqrt((x * x).mean(1, keepdims=True) + EPS) * w, 2, ROUNDED),
    "layer norm": (layer_norm.RUNGS, ROWS, _rows(2),
                   lambda x, w, b, y: _layer_norm(x, w, b), 3, ROUNDED),
}  # fmt: skip
CASES = [(name, rung) for name, (rungs, *_) in OPERATIONS.items() for rung in rungs]
IDS = [f"{name}: {rung.name}" for name, rung in CASES]


def deviation(name: str, arrays: list, before: list) -> float:
    """The worst error over the bound."""
    _, _, _, result, place, (absolute, relative) = OPERATIONS[name]
    wide = [one.astype(np.float64) if isinstance(one, np.ndarray) else one for one in before]
    want = result(*wide)
    terms = np.abs(wide[0]).sum() if "sum" in name else max(np.abs(want).max(), np.abs(wide[0]).max())
    if name == "softmax":
        terms = want.max()
    error = np.abs(arrays[place].astype(np.float64) - want)
    allowed = absolute * terms + relative * np.abs(want)
    return float(np.where(error <= allowed, 0, np.inf).max()) if np.isfinite(error).all() else np.inf


def ready(name: str, size: Any) -> tuple[list, list]:
    """Arrays whose output is poisoned, and what they were."""
    arrays = OPERATIONS[name][2](size)
    if name != "axpy":
        arrays[OPERATIONS[name][4]][...] = np.nan
    return arrays, [one.copy() if isinstance(one, np.ndarray) else one for one in arrays]


@pytest.mark.skipif(GPU, reason="the emulator's part")
@pytest.mark.parametrize(("name", "rung"), CASES, ids=IDS)
def test_every_rung_is_right_and_clean_on_the_emulator(name: str, rung: Rung) -> None:
    for size in OPERATIONS[name][1]:
        arrays, before = ready(name, size)
        reports = rung.emulated(*arrays)
        assert not [str(fault) for report in reports for fault in report.faults], size
        assert deviation(name, arrays, before) <= 1, size
        for place, (one, was) in enumerate(zip(arrays, before, strict=True)):
            if isinstance(one, np.ndarray) and place != OPERATIONS[name][4] and not (name == "sum" and place == 2):
                assert np.array_equal(one, was), f"{size}: argument {place} was changed"


@pytest.mark.skipif(not GPU, reason="no GPU here")
@pytest.mark.parametrize(("name", "rung"), CASES, ids=IDS)
def test_every_rung_is_right_on_the_gpu(name: str, rung: Rung) -> None:
    import torch

    def moved(one: Any) -> Any:
        if not isinstance(one, np.ndarray):
            return one
        if one.dtype == BF16:
            return torch.from_numpy(one.view(np.int16)).cuda().view(torch.bfloat16)
        return torch.from_numpy(one.view(np.int32)).cuda().view(getattr(torch, str(one.dtype)))

    for size in OPERATIONS[name][1]:
        arrays, before = ready(name, size)
        there = [moved(one) for one in arrays]
        rung.on_gpu(*there)()
        torch.cuda.synchronize()
        place = OPERATIONS[name][4]
        arrays[place] = there[place].float().cpu().numpy()
        assert deviation(name, arrays, before) <= 1, size


@cache
def bench(chapter: str) -> ModuleType:
    file = machine.ROOT / "solutions" / chapter / "bench.py"
    spec = importlib.util.spec_from_file_location(f"bench_{chapter}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LADDERS = [one for chapter in ("02_global_memory", "03_shared_memory") for one in bench(chapter).LADDERS]


@pytest.mark.skipif(GPU, reason="the emulator's part")
@pytest.mark.parametrize("ladder", LADDERS, ids=[one.topic for one in LADDERS])
def test_the_recorded_counters_are_what_the_emulator_counts(ladder: Any) -> None:
    """Of CUDA C++: another version of Triton makes other code."""
    (run, *_) = recorded(ladder.topic)
    noted = {rung["name"]: rung["counters"] for rung in run["figures"]["shapes"][0]["rungs"]}
    assert list(noted) == [rung.name for rung in ladder.rungs]
    for rung in ladder.rungs:
        if "Triton" not in rung.name:
            assert rung.evidence(*ladder.small()) == noted[rung.name]


def test_the_counters_tell_the_transposes_apart() -> None:
    shapes = recorded("03_transpose")[0]["figures"]["shapes"]
    naive, tile, padded, swizzled, vectors, _ = (rung["counters"] for rung in shapes[0]["rungs"])
    assert naive.startswith("32 sectors a store") and tile.startswith("32 wavefronts a shared load")
    assert padded.startswith("1 wavefront a shared load") and swizzled.startswith("1 wavefront a shared load")
    assert vectors.startswith("0 bank conflicts")


def test_a_row_too_long_for_registers_takes_the_online_way() -> None:
    x = np.empty((1, 33000), BF16)
    assert [launch.kernel for launch in softmax.in_registers(x, x)] == ["online"]
    assert [launch.kernel for launch in rms_norm.in_registers(x, x, x)] == ["two_passes"]
    assert [launch.kernel for launch in layer_norm.in_registers(x, x, x, x)] == ["welford"]


# Share of the same run's copy that the best rung must have reached, at every shape.
REACHED = {"02_copy": 0.98, "02_axpy": 0.98, "02_strided": 0.98, "03_transpose": 0.92, "03_sum": 1.0, "03_row_sum": 1.0,
           "03_softmax": 0.95, "03_rms_norm": 0.95, "03_layer_norm": 0.95}  # fmt: skip


@pytest.mark.parametrize("topic", REACHED)
def test_what_was_reached_on_an_h100(topic: str) -> None:
    run = next(run for run in recorded(topic) if "H100" in run["machine"]["gpu"])
    for shape in run["figures"]["shapes"]:
        assert max(rung["of copy"] for rung in shape["rungs"]) >= REACHED[topic], shape["shape"]
        assert all(entry["TB/s"] < 3.35 for entry in (*shape["rungs"], shape["copy"], shape["library"]))
