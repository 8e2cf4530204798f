"""`./study bench --emulator`: its kernels are right, what it measures is shown and judged, numba may be missing."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from utils import bench_emulator as bench
from utils.cli import main

SIZES = {"reduction": 1000, "transpose": 33, "product": 32}
POINTS = [bench.Point(256, 16, 760, 0.002), bench.Point(1024, 16, 3040, 0.004)]


def quick(measure):
    """In place of minutes: what the measuring functions return."""
    return {
        bench.targets: (dict.fromkeys(SIZES, 0.1), 5e8),
        bench.ours: dict.fromkeys(SIZES, 0.01),
        bench.growth: (POINTS, POINTS),
    }[measure]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command with numba's answers given; returns (exit code, the record written)."""
    monkeypatch.setattr(bench, "fresh", quick)
    monkeypatch.setattr(bench, "PICTURE", tmp_path / "build" / "emulator.svg")
    monkeypatch.setattr(bench, "ROOT", tmp_path)

    def run(seconds: float = 0, problem: str = "") -> tuple[int, dict]:
        monkeypatch.setattr(bench, "numba_python", lambda: Path("python"))
        done = subprocess.CompletedProcess([], bool(problem), json.dumps({"seconds": seconds, "right": True}), problem)
        monkeypatch.setattr(bench.subprocess, "run", lambda *_, **__: done)
        with pytest.raises(SystemExit) as ended:
            main(["bench", "--emulator", "--json", str(tmp_path / "out.json")])
        return ended.value.code, json.loads((tmp_path / "out.json").read_text())

    return run


@pytest.mark.parametrize("kernel", bench.KERNELS, ids=lambda kernel: kernel.name)
def test_the_kernels_that_are_timed_are_right(kernel: bench.Kernel) -> None:
    assert 0 < bench.median_seconds(kernel, SIZES[kernel.name]) < 5
    broken = dataclasses.replace(kernel, source=kernel.source.replace("__syncthreads();", ""))
    with pytest.raises(RuntimeError, match="is wrong on the emulated GPU"):
        bench.median_seconds(broken, SIZES[kernel.name])


def test_more_turns_are_more_instructions() -> None:
    few, many = bench.launched(256, 1), bench.launched(256, 64)
    assert many.instructions > 10 * few.instructions


def test_the_command_measures_compares_and_draws(run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, record = run(seconds=5.0)
    said = capsys.readouterr().out
    assert code == 0 and "✗" not in said and "tiled product of 64 × 64 × 64" in said and "500" in said
    assert record["beside_numba"]["product"] == {"n": 64, "ours": 0.01, "numba": 5.0}
    assert (tmp_path / "build" / "emulator.svg").read_text().count("<svg") == 1


def test_a_missed_target_is_said_and_fails(run, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(seconds=0.5)
    assert code == 1 and capsys.readouterr().out.count("✗") == 3


def test_without_numba_the_rest_is_measured(run, capsys: pytest.CaptureFixture[str]) -> None:
    code, record = run(problem="Traceback\nModuleNotFoundError: No module named 'numba'\n")
    said = capsys.readouterr().out
    assert code == 0 and record["beside_numba"] == {} and "how time grows" in said
    assert "Not compared with numba: ModuleNotFoundError: No module named 'numba'" in said.replace("\n", " ")
