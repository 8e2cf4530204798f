"""The emulated GPU against a real one: outputs, counters and faults of the calibration set.

`python tests/test_calibration.py` prints the table of residuals: every counter that differs from the recording.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(path) for path in (HERE.parent, HERE) if str(path) not in sys.path]

from calibration.case import Case  # noqa: E402
from calibration.cases import CASES  # noqa: E402
from calibration.fault_cases import FAULT_CASES, FaultCase  # noqa: E402
from calibration.residuals import CAUSES, cause  # noqa: E402

from utils.vgpu import Report, emulate  # noqa: E402
from utils.vgpu.compiler import compile_together  # noqa: E402

RECORDED = HERE / "calibration" / "recorded"
# Counters of memory, which the machine code and the PTX share; instruction counts are those of another instruction set.
COUNTERS = (
    *(
        f"l1tex__t_{what}_pipe_lsu_mem_global_op_{op}.sum"
        for op in ("ld", "st", "atom", "red")
        for what in ("requests", "sectors")
    ),
    *(f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{op}.sum" for op in ("ld", "st")),
    *(f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{op}.sum" for op in ("ld", "st")),
    *(
        f"smsp__sass_thread_inst_executed_op_{op}_pred_on.sum"
        for op in ("fadd", "fmul", "ffma", "hadd", "hmul", "hfma", "dadd", "dmul", "dfma")
    ),
)


@lru_cache(maxsize=1)
def recording() -> dict | None:
    path = RECORDED / "record.json"
    return json.loads(path.read_text()) if path.exists() else None


@lru_cache(maxsize=1)
def recorded_faults() -> dict:
    path = RECORDED / "faults.json"
    return json.loads(path.read_text())["cases"] if path.exists() else {}


@lru_cache(maxsize=1)
def outputs() -> dict[str, np.ndarray]:
    with np.load(RECORDED / "outputs.npz") as file:
        return dict(file)


@cache
def compiled(source: str) -> None:
    """All kernels of a file at once."""
    compile_together(source, sorted({case.kernel for case in (*CASES, *FAULT_CASES) if case.source == source}))


def emulated(case: Case | FaultCase) -> tuple:
    compiled(case.source)
    args = case.make()
    unwritten = [args[index] for index in getattr(case, "unwritten", ())]
    report = emulate(
        case.source, case.kernel, case.grid, case.block, args, dynamic_shared=case.dynamic_shared, unwritten=unwritten
    )
    return report, args


def recorded(case: Case) -> dict:
    """The recording of `case`, which must be of this source and these inputs."""
    if recording() is None:
        pytest.skip("nothing recorded yet: tests/calibration/record.py on a machine with a GPU writes it")
    entry = recording()["cases"].get(case.name, {"error": "not in the recording"})
    if "error" in entry:
        pytest.skip(entry["error"])
    assert entry["source"] == digest(case.source.encode()), f"{case.file} has changed since it was recorded"
    assert entry["inputs"] == digest(b"".join(a.tobytes() for a in case.make())), "these are not the recorded inputs"
    return entry


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def near(want: np.ndarray, got: np.ndarray, rtol: float) -> None:
    """Within rtol of the largest expected value; NaN equals NaN."""
    want, got = want.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(want)
    assert np.array_equal(finite, np.isfinite(got))
    np.testing.assert_allclose(got[finite], want[finite], rtol=0, atol=rtol * np.abs(want[finite]).max(initial=0))


PUBLISHED = {name for one in CAUSES for name in one.cases}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    """One run: the oracle's values without a fault, the real bits, the real counters but for published residuals."""
    report, args = emulated(case)
    assert not report.faults, str(report.faults[0])
    check_oracle(case, args)
    entry = recorded(case)
    check_bits(case, args, entry)
    if "printed" in entry:
        assert sorted(report.printed.split("\n")) == sorted(entry["printed"].split("\n"))
    if case.counters and "counters" in entry:
        found = residuals(case, report)
        unexplained = [row for row in found if cause(row[0], row[1]) is None]
        assert not unexplained, table(unexplained)
        assert found or case.name not in PUBLISHED, "equal by now: strike it off residuals.py"


def check_oracle(case: Case, args: list) -> None:
    if not case.oracle:
        return
    for index, want in zip(case.outputs, case.expected(), strict=True):
        got = args[index]
        want = np.asarray(want).reshape(got.shape)
        if case.oracle_rtol:
            near(want, got, case.oracle_rtol)
        else:
            np.testing.assert_array_equal(got, want.astype(got.dtype))


def check_bits(case: Case, args: list, entry: dict) -> None:
    """Bit-equal to the real device; float atomics and approximate functions within their bound."""
    for index in case.outputs:
        got = args[index]
        key = f"{case.name}:{index}"
        if case.compare == "bound":
            near(outputs()[key].view(got.dtype).reshape(got.shape), got, case.rtol)
        elif digest(got.tobytes()) != entry["outputs"][str(index)]:
            if key not in outputs() and not case.oracle:
                pytest.fail("the bits differ from the recording, of which only a digest is kept")
            want = outputs()[key].view(got.dtype).reshape(got.shape) if key in outputs() else case.expected()[0]
            np.testing.assert_array_equal(got.view(np.uint8), np.ascontiguousarray(want, got.dtype).view(np.uint8))
            pytest.fail("the bits differ from the recording")


def residuals(case: Case, report: Report) -> list[tuple[str, str, float, float]]:
    """(case, counter, recorded, emulated) wherever they differ."""
    real = dict(zip(recording()["metrics"], recorded(case)["counters"], strict=True))
    pairs = [(name, real[name], report.metrics.get(name, 0)) for name in COUNTERS if real.get(name) is not None]
    return [(case.name, name, want, got) for name, want, got in pairs if want != got]


@pytest.mark.parametrize("case", FAULT_CASES, ids=lambda case: case.name)
def test_faults(case: FaultCase) -> None:
    """The planted fault is found, and none in a clean kernel."""
    report, _ = emulated(case)
    kinds = {fault.kind for fault in report.faults}
    assert (case.fault in kinds) if case.fault else not kinds, (
        f"{case.why}; found {[str(f) for f in report.faults[:3]]}"
    )


@pytest.mark.parametrize("case", [c for c in FAULT_CASES if c.tool], ids=lambda case: case.name)
def test_verdict_of_the_tool(case: FaultCase) -> None:
    """compute-sanitizer says on the real device what the model says, wherever one of its tools covers the class."""
    verdict = recorded_faults().get(case.name, {}).get(case.tool)
    if verdict is None or "error" in verdict:
        pytest.skip("no verdict recorded")
    said = f"{case.tool} says {verdict['kinds']}, {verdict['summary']}"
    if case.fault:
        assert case.fault in verdict["kinds"] or (case.hangs and verdict["timed_out"]), said
    else:
        assert not verdict["kinds"], said


def table(rows: list[tuple[str, str, float, float]]) -> str:
    return "\n".join(f"{name:32} {metric:64} {want:>12} {got:>12}" for name, metric, want, got in rows)


def by_cause(rows: list[tuple[str, str, float, float]]) -> str:
    """The table, each cause over the counters that it explains."""
    groups: dict[str, list] = {}
    for row in rows:
        known = cause(row[0], row[1])
        groups.setdefault(known.why if known else "NO KNOWN CAUSE", []).append(row)
    return "\n".join(f"\n{why}\n{table(group)}" for why, group in groups.items())


def main() -> None:
    """Print every counter that differs, and how many agree."""
    rows, equal, left_out = [], 0, []
    for case in CASES:
        if not case.counters:
            left_out.append((case.name, "depends on timing"))
            continue
        differing = residuals(case, emulated(case)[0])
        rows += differing
        equal += not differing
    for machine in filter(None, (recording() or {}).get("machines", {}).values()):
        print(f"recorded on {machine['device']}, {machine['date']}; driver {machine['driver']}")
    print(f"{'case':32} {'counter':64} {'real':>12} {'emulated':>12}")
    print(by_cause(rows))
    print(f"{equal} cases equal in every counter, {len({row[0] for row in rows})} not, {len(left_out)} left out")
    for name, why in left_out:
        print(f"  left out: {name}: {why}")


if __name__ == "__main__":
    main()
