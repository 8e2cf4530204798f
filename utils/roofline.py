"""The roofline of a GPU as measured, and kernels on it.

Where no GPU was recorded under the name asked for, the first recorded one is drawn and named: figures of one GPU say
nothing about another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .records import recorded

TOPIC = "04_ceilings"


@dataclass(frozen=True)
class Ceilings:
    """What one GPU was seen to reach.

    copy, read, l2, shared: bytes a second (copy counts reading and writing).  fp32, bf16: FLOP a second, by FMA and by
    torch's matrix product.  latency: {"L1", "L2", "HBM": {"cycles", "ns"}}, one dependent load.  launch, graph, wait,
    operator: seconds of one launch, back to back, inside a CUDA graph, waited for, and of one torch operator.
    """

    gpu: str
    date: str
    copy: float
    read: float
    l2: float
    shared: float
    fp32: float
    bf16: float
    launch: float
    graph: float
    wait: float
    operator: float
    latency: Mapping[str, Mapping[str, float]]

    def peak(self, kind: str = "fp32") -> float:
        """FLOP a second of "fp32" or "bf16"."""
        return {"fp32": self.fp32, "bf16": self.bf16}[kind]

    def ridge(self, kind: str = "fp32") -> float:
        """The intensity, FLOP/byte, at which both floors are equally high."""
        return self.peak(kind) / self.copy


@cache
def ceilings(gpu: str = "") -> Ceilings:
    """The recorded ceilings of the GPU whose name contains `gpu`; without a name, or if there is none, the first's."""
    runs = recorded(TOPIC)
    if not runs:
        raise FileNotFoundError(f"solutions/recorded/ has no {TOPIC}: `./study bench --gpu 04` records it on a GPU")
    run = next((run for run in runs if gpu.lower() in run["machine"]["gpu"].lower()), runs[0])
    found, about = run["figures"], run["machine"]
    return Ceilings(
        about["gpu"], about["date"], found["copy"], found["read"], found["L2"], found["shared"], found["fp32"],
        found["bf16"], found["launch"], found["launch in a graph"], found["launch and wait"], found["torch operator"],
        found["latency"],
    )  # fmt: skip


def roofline(
    points: Mapping[str, tuple[float, float | None]], ceilings: Ceilings | None = None, kind: str = "", title: str = ""
) -> None:
    """Draw kernels, name: (FLOP/byte, FLOP/s), under the measured roofs of one GPU, both axes logarithmic.

    A FLOP/s of None is a kernel that was not timed: a hollow mark on the roof, the most that it could reach.
    kind: "fp32" or "bf16" draws that roof alone.
    """
    from .theme import COLOURS, INK, pyplot

    most = ceilings or _of_any()
    kinds = [kind] if kind else ["fp32", "bf16"]
    seen = [intensity for intensity, _ in points.values()]
    low = min([0.1, *(0.5 * x for x in seen)])
    high = max([6 * most.ridge(kinds[-1]), *(6 * x for x in seen)])
    figure, ax = pyplot.subplots(figsize=(7.5, 4.4))
    for one in kinds:
        ax.plot(
            [low, most.ridge(one), high], [low * most.copy, most.peak(one), most.peak(one)], color=INK, linewidth=1.6
        )
        ax.text(high, most.peak(one) * 1.08, f"{one} {_rate(most.peak(one), 'FLOP/s')}", ha="right", fontsize=9)
        ax.plot([most.ridge(one)] * 2, [0.5 * low * most.copy, most.peak(one)], color=INK, linewidth=0.8, linestyle=":")
        where = (most.ridge(one) * 1.06, 0.62 * low * most.copy)
        ax.text(*where, f"ridge {most.ridge(one):.0f}", fontsize=8, rotation=90, va="bottom")
    ax.text(low * 1.1, low * most.copy * 9, f"memory {_rate(most.copy, 'B/s')}", fontsize=9)
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(0.5 * low * most.copy, 3 * most.peak(kinds[-1])))
    ax.set(xlabel="arithmetic intensity, FLOP/byte", ylabel="FLOP/s")
    labels = []
    for number, (name, (intensity, rate)) in enumerate(points.items()):
        roof = min(intensity * most.copy, most.peak(kinds[-1]))
        colour = COLOURS[number % len(COLOURS)]
        height = roof if rate is None else rate
        ax.plot(intensity, height, "o", color=colour, markersize=7, markerfacecolor="none" if rate is None else colour)
        share = "" if rate is None else f", {100 * rate / roof:.0f} %"
        labels.append((intensity, height, f"{name}{share}", colour))
    _label(ax, labels)
    ax.set_title(title or f"{most.gpu}, as measured {most.date}", fontsize=10)


def _label(ax: Any, labels: list[tuple[float, float, str, str]]) -> None:
    """Names beside their points, from the top down, each at least a line below those that it would run into."""
    line, placed = 13, []  # points
    for x, y, words, colour in sorted(labels, key=lambda label: -label[1]):
        across, up = ax.transData.transform((x, y)) * 72 / ax.figure.dpi
        at = up - 11
        for other_across, other_at, other_words in placed:
            reach = 5.2 * (len(other_words) if other_across <= across else len(words))
            if abs(other_across - across) < reach and at > other_at - line:
                at = other_at - line
        placed.append((across, at, words))
        ax.annotate(words, (x, y), (9, at - up), textcoords="offset points", color=colour, fontsize=9)


def _of_any() -> Ceilings:
    from . import machine

    return ceilings(machine.gpu() or "")


def _rate(value: float, unit: str) -> str:
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G")):
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def describe(most: Ceilings) -> list[tuple[str, Any]]:
    """The ceilings as rows of a table: (what, how much)."""
    return [
        ("copy, read and write counted", _rate(most.copy, "B/s")),
        ("read", _rate(most.read, "B/s")),
        ("L2", _rate(most.l2, "B/s")),
        ("shared memory, all SMs", _rate(most.shared, "B/s")),
        ("FP32 FMA", _rate(most.fp32, "FLOP/s")),
        ("BF16 matrix product", _rate(most.bf16, "FLOP/s")),
    ]
