"""A kernel launch as data: made on a GPU, or on the emulator, which counts what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from . import machine
from .vgpu.show.measures import TOTALS, whole

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

    plan: from the operation's arrays, its launches in order; the first is the one that `counter` explains.
    counter: key of one of utils.vgpu.show's measures.
    """

    name: str
    counter: str
    plan: Callable[..., list[Launch]]

    def on_gpu(self, *arrays: Any) -> Callable[[], None]:
        ready = [launch.on_gpu() for launch in self.plan(*arrays)]
        if len(ready) == 1:
            return ready[0]
        return lambda: [launch() for launch in ready] and None

    def emulated(self, *arrays: Any) -> list[Report]:
        return [launch.emulated() for launch in self.plan(*arrays)]

    def evidence(self, *arrays: Any) -> str:
        """The counter, as the emulator counts it for these arrays: "global store: 32 sectors a request"."""
        return explain(self.plan(*arrays)[0].emulated(), self.counter)


def explain(report: Report, key: str) -> str:
    """One measure of a launch in words; traffic and instructions as ratios, so that they hold at any size."""
    part, measure = whole(report), next(one for one in TOTALS if one.key == key)
    value = measure.value(part)
    if key in ("read", "written"):
        return f"bytes {key}: {value / measure.ideal(part):.3g} times those needed"
    if key == "instructions":
        moved = part.sum("bytes_needed.read", "bytes_needed.written")
        return f"warp instructions: {value / moved * KIB:.3g} a KiB moved"
    return f"{measure.label}: {measure.show(value)} {measure.unit_of(value)}".rstrip()


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
