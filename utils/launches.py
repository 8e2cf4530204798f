"""A kernel launch as data: made on a GPU, or on the emulator, which counts what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from . import machine
from .vgpu.show.measures import LOADS, TOTALS, whole

if TYPE_CHECKING:
    from .vgpu import Report

SMS = 132  # of an H100; what a grid is sized for where there is no GPU
KIB = 1024


@dataclass(frozen=True)
class Launch:
    """kernel: a name in `source` (CUDA C++), or a function under @triton.jit.

    grid, block: extents, x first.  args: arrays (NumPy's for the emulator, torch's on a GPU) and numbers.
    options: Triton's constexprs, num_warps and num_stages.
    """

    kernel: Any
    grid: int | Sequence[int]
    args: tuple
    block: int | Sequence[int] = 1
    source: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def on_gpu(self) -> Callable[[], None]:
        """Compiled and loaded; each call launches and does not wait."""
        if not self.source:
            grid = (self.grid,) if isinstance(self.grid, int) else tuple(self.grid)
            return lambda: self.kernel[grid](*self.args, **self.options)
        from .vgpu.device import kernel_on_gpu

        launch = kernel_on_gpu(self.source, self.kernel)
        return lambda: launch(self.grid, self.block, *self.args)

    def emulated(self) -> Report:
        if not self.source:
            from .emulated_triton import emulate_triton

            return emulate_triton(self.kernel, self.grid, *self.args, **self.options)
        from .vgpu import emulate

        return emulate(self.source, self.kernel, self.grid, self.block, self.args)


@dataclass(frozen=True)
class Rung:
    """One version of an operation.

    plan: from the operation's arrays, its launches in order; the first is the one whose `counters` explain its speed.
    counters: keys of WORDS.
    """

    name: str
    counters: tuple[str, ...]
    plan: Callable[..., list[Launch]]

    def on_gpu(self, *arrays: Any) -> Callable[[], None]:
        ready = [launch.on_gpu() for launch in self.plan(*arrays)]
        if len(ready) == 1:
            return ready[0]
        return lambda: [launch() for launch in ready] and None

    def emulated(self, *arrays: Any) -> list[Report]:
        return [launch.emulated() for launch in self.plan(*arrays)]

    def evidence(self, *arrays: Any) -> str:
        """Its counters on the emulator, for these arrays: "1 wavefront a shared load · 53 instructions a KiB"."""
        report = self.plan(*arrays)[0].emulated()
        return " · ".join(explain(report, key) for key in self.counters)


# What is counted, in words; traffic and instructions as ratios, so that they hold at any size.
WORDS = {
    "width": "{} bytes a lane and load",
    "global load": "{} sector{s} a load",
    "global store": "{} sector{s} a store",
    "shared load": "{} wavefront{s} a shared load",
    "lanes": "{} of 32 lanes active",
    "read": "{} × the bytes",
    "instructions": "{} instructions a KiB",
    "shared": "{} shared wavefronts a KiB",
    "conflicts": "{} bank conflict{s} a KiB",
}
SHARED = [f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{op}.sum" for op in ("ld", "st")]


def explain(report: Report, key: str) -> str:
    """One counter of a launch in words.  A KiB is one that had to cross the memory."""
    part = whole(report)
    kib = part.sum("bytes_needed.read", "bytes_needed.written") / KIB
    if key == "width":
        value = max(access.width for access in part.only("global", LOADS))
    elif key == "shared":
        value = part.sum(*SHARED) / kib
    else:
        measure = next(one for one in TOTALS if one.key == key)
        value = measure.value(part)
        value /= kib if key in ("instructions", "conflicts") else measure.ideal(part) if key == "read" else 1
    shown = f"{value:.3g}"
    return WORDS[key].format(shown, s="" if shown == "1" else "s")


@cache
def multiprocessors() -> int:
    """Of the GPU here; of an H100 where there is none."""
    if not machine.gpu():
        return SMS
    import torch

    return torch.cuda.get_device_properties(0).multi_processor_count


def blocks(count: int, each: int) -> int:
    """How many blocks of `each` cover `count`; at least 1, since a launch of none is an error."""
    return max(-(-count // each), 1)
