"""Kernels timed against each other on a GPU: alternated in one run, the cache flushed, what cannot be refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

FLUSH = 256 * 2**20  # bytes, five times an H100's L2
HEAD_START = 10  # flushes, 1 ms, and one more for each function: launches queue up, so that the GPU waits for none
# Bytes a second by the makers' datasheets; for others the driver's clock times the width of the bus.
DATASHEET = {
    "H100 PCIe": 2.0e12, "H100 NVL": 3.9e12, "H100 80GB HBM3": 3.35e12, "H200": 4.8e12, "A100-SXM4-40GB": 1.555e12,
    "A100-SXM4-80GB": 2.039e12, "A100 80GB PCIe": 1.935e12, "RTX 4090": 1.008e12, "RTX 3090": 0.936e12,
}  # fmt: skip


class Impossible(RuntimeError):
    """A time that the hardware cannot reach: the kernel did not do the work, or the clock did not see it."""


def alternated(
    functions: Mapping[str, Callable[[], Any]],
    rounds: int = 20,
    before: Callable[[str], None] | None = None,
    after: Callable[[str], None] | None = None,
) -> dict[str, list[float]]:
    """Milliseconds of each function, one a round: every round runs all of them, so that clocks and heat are shared.

    Before each run the L2 cache is overwritten, as triton.testing.do_bench does. In the last round `before(name)` comes
    before a function's run (to poison its output) and `after(name)` after it (to check what it wrote).
    """
    import torch

    flush = torch.empty(FLUSH // 4, dtype=torch.int32, device="cuda")
    for function in functions.values():  # compiles, loads, allocates
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(rounds):
        last, events = turn == rounds - 1, []
        for _ in range(HEAD_START + len(functions)):
            flush.zero_()
        for name, function in functions.items():
            if last and before:
                before(name)
            flush.zero_()
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            function()
            end.record()
            events.append((name, start, end))
            if last and after:
                after(name)
        torch.cuda.synchronize()
        for name, start, end in events:
            times[name].append(start.elapsed_time(end))
    return times


def ratio(times: list[float], other: list[float]) -> float:
    """How many times as fast as the other: median of the rounds' ratios."""
    return median(theirs / ours for ours, theirs in zip(times, other, strict=True))


def peak_bandwidth(name: str | None = None) -> float | None:
    """Bytes a second of a GPU's memory by its datasheet: of the one named, or of the one here; None if unknown."""
    here = name is None
    if here:
        import torch

        properties = torch.cuda.get_device_properties(0)
        name = properties.name
    for known, rate in DATASHEET.items():
        if known in name:
            return rate
    if not here or not hasattr(properties, "memory_bus_width"):
        return None
    return 2 * properties.memory_clock_rate * 1e3 * properties.memory_bus_width / 8


def refuse_impossible(name: str, milliseconds: float, moved: int, peak: float | None) -> None:
    """Raises Impossible where `moved` bytes in that time are more than the memory's datasheet rate."""
    if peak and moved / peak * 1e3 > milliseconds:
        raise Impossible(
            f"{name}: {moved / 1e9:.3g} GB in {milliseconds:.3g} ms is {moved / milliseconds / 1e9:.2f} TB/s, and the "
            f"memory gives at most {peak / 1e12:.2f}. It did not move all of them, or they came out of a cache"
        )
