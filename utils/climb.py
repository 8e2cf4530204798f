"""A ladder climbed on a GPU: every rung checked, timed beside a copy and the library, and recorded with its counter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from . import machine
from .launches import Rung
from .records import record
from .timing import alternated, peak_bandwidth, ratio, refuse_impossible

COPY, ROUNDS = "copy", 25


class Wrong(RuntimeError):
    """A rung whose last timed output is not what it should be."""


@dataclass(frozen=True)
class Case:
    """One shape.  moved: bytes that must cross the memory, each input and output once.  flops: that must be done.

    arrays: torch's, on the GPU.  prepare: poisons the output (or sets it to where an update starts).
    error: the worst deviation in the output, over what is allowed; more than 1 is wrong, and NaN.
    library: its name, and what it does on the same arrays.
    """

    shape: str
    moved: int
    flops: int
    arrays: tuple
    prepare: Callable[[], Any]
    error: Callable[[], float]
    library: tuple[str, Callable[[], Any]]


@dataclass(frozen=True)
class Ladder:
    """topic: as in "03_transpose".  small: arrays of NumPy on which the emulator counts.  cases: one at a time."""

    topic: str
    title: str
    rungs: Sequence[Rung]
    small: Callable[[], tuple]
    cases: Sequence[Callable[[], Case]]


def climb(ladder: Ladder, rounds: int = ROUNDS) -> str:
    """Measure all shapes and record them; returns the name of the file."""
    evidence = {rung.name: rung.evidence(*ladder.small()) for rung in ladder.rungs}
    print(ladder.topic)
    figures = {
        "title": ladder.title,
        "datasheet TB/s": (peak_bandwidth() or 0) / 1e12,
        "rounds": rounds,
        "shapes": [measure(make(), ladder.rungs, evidence, rounds) for make in ladder.cases],
    }
    return record(ladder.topic, figures)


def measure(case: Case, rungs: Sequence[Rung], evidence: dict[str, str], rounds: int = ROUNDS) -> dict[str, Any]:
    """One shape's figures. Raises Wrong or Impossible."""
    import torch

    half = case.moved // 8  # float32s whose copy moves as many bytes
    source, target = torch.randn(half, device="cuda"), torch.empty(half, device="cuda")
    library, call = case.library
    functions = {rung.name: rung.on_gpu(*case.arrays) for rung in rungs}
    functions |= {COPY: lambda: target.copy_(source), library: call}
    errors: dict[str, float] = {}

    def before(name: str) -> None:
        case.prepare()

    def after(name: str) -> None:
        if name not in (COPY, library):
            errors[name] = case.error()

    times = alternated(functions, rounds, before, after)
    peak = peak_bandwidth()
    for name, taken in times.items():
        if name in errors and not errors[name] <= 1:
            raise Wrong(f"{name} on {case.shape}: {errors[name]:.3g} times the deviation allowed")
        refuse_impossible(f"{name} on {case.shape}", min(taken), case.moved, peak)
    entries = {name: _entry(case, taken, times[COPY], times[library]) for name, taken in times.items()}
    for name, entry in entries.items():
        print(f"  {case.shape:>18}  {name:<42} {entry['TB/s']:6.3f} TB/s  {entry['of copy']:6.3f} of copy", flush=True)
    return {
        "shape": case.shape,
        "bytes": case.moved,
        "flops": case.flops,
        "copy": entries[COPY],
        "library": {"name": library, **entries[library]},
        "rungs": [{"name": rung.name, **entries[rung.name], "counters": evidence[rung.name]} for rung in rungs],
    }


def _entry(case: Case, taken: list[float], copy: list[float], library: list[float]) -> dict[str, Any]:
    return {
        **summary(taken),
        "TB/s": round(case.moved / median(taken) / 1e9, 4),
        "of copy": round(ratio(taken, copy), 4),
        "of library": round(ratio(taken, library), 4),
    }


def summary(taken: Sequence[float]) -> dict[str, Any]:
    """A kernel's times in ms, as they are recorded: the median, and as "spread" the middle half of the rounds."""
    ranked = sorted(taken)
    quarter = len(ranked) // 4
    return {"ms": round(median(ranked), 5), "spread": [round(ranked[at], 5) for at in (quarter, -1 - quarter)]}


NO_GPU = (
    "no GPU here: ladders are measured on an NVIDIA GPU, with a CUDA build of torch (./study --torch cuda doctor "
    "installs one); what was recorded on other machines is drawn in the chapters"
)


class CannotClimb(RuntimeError):
    """Why a chapter's ladders cannot be measured here; one line."""


def climb_all(ladders: Sequence[Ladder]) -> None:
    """What a bench.py does as a script."""
    if not machine.gpu():
        raise SystemExit(NO_GPU)
    for ladder in ladders:
        print(climb(ladder))


def climb_chapter(number: str) -> int:
    """Run solutions/NN_topic/bench.py; returns its exit code."""
    if not (machine.ROOT / "solutions" / "kernels").is_dir():
        raise CannotClimb("ladders are measured with the model kernels, which only the teacher's copy has")
    files = {file.parent.name[:2]: file for file in sorted((machine.ROOT / "solutions").glob("[0-9][0-9]_*/bench.py"))}
    if number not in files:
        raise CannotClimb(f"chapter {number} has nothing to measure on a GPU; there are {', '.join(files)}")
    if not machine.gpu():
        raise CannotClimb(NO_GPU)
    return subprocess.run([sys.executable, str(files[number])], cwd=machine.ROOT, check=False).returncode
