"""Sums over a whole launch, batch after batch, and the metrics made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from .counters import SECTOR, Tally
from .program import Program, Way
from .report import Access

FLOPS = ("fadd", "fmul", "ffma", "hadd", "hmul", "hfma", "dadd", "dmul", "dfma")
INSTRUCTIONS, THREADS = "smsp__inst_executed.sum", "smsp__thread_inst_executed.sum"


UNMERGED = Way({}, ())


@dataclass
class Sum:
    width: int
    requests: int = 0
    cost: int = 0
    ideal: int = 0
    worst: int = 0
    sample: tuple = ()


@dataclass
class Tallies:
    """runs: block -> [warp executions, thread executions].  accesses: (site, space, op) -> Sum."""

    program: Program
    runs: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    accesses: dict[tuple[int, str, str], Sum] = field(default_factory=dict)
    flops: Counter = field(default_factory=Counter)
    ways: dict[int, Way] = field(default_factory=dict)  # group (by identity) -> how it is merged
    known: dict[tuple, Tally] = field(default_factory=dict)  # requests that are the same in every block

    def width(self, site: int, offsets: np.ndarray, width: int) -> int:
        """Bytes that a lane really moves with this instruction, after what ptxas merged; 0: another one does it."""
        group = self.program.groups.get(site)
        if group is None:
            return self.program.merged.get(site, width)
        way = self.ways.get(id(group))
        if way is None:
            start = offsets - self.program.sites[site].offset
            ways = group.ways() if group.may_merge(start) else ()
            way = next((way for way in ways if _aligned(way, start)), UNMERGED)
            self.ways[id(group)] = way
        return way.widths.get(site, self.program.merged.get(site, width))

    def worst(self, site: int, space: str, op: str) -> int:
        found = self.accesses.get((site, space, op))
        return found.worst if found else 0

    def add(self, site: int, space: str, op: str, width: int, tally: Tally, alike: int, sample: tuple | None) -> None:
        total = self.accesses.setdefault((site, space, op), Sum(width))
        total.requests += tally.requests * alike
        total.cost += tally.cost * alike
        total.ideal += tally.ideal * alike
        if sample and tally.worst > total.worst:
            total.worst, total.sample = tally.worst, sample

    def by_line(self) -> dict[int, dict[str, int]]:
        """Every counter that has an event, by line of the source."""
        lines: dict[int, Counter] = defaultdict(Counter)
        for number, (warps, threads) in self.runs.items():
            block = self.program.blocks[number]
            for line, count in block.lines.items():
                lines[line][INSTRUCTIONS] += count * warps
                lines[line][THREADS] += count * threads
            for (line, kind), count in block.flops.items():
                lines[line][flop_metric(kind)] += count * threads
        for (line, kind), threads in self.flops.items():
            lines[line][flop_metric(kind)] += threads
        for (site, space, op), total in self.accesses.items():
            for name, value in _names(space, op, total):
                lines[self.program.sites[site].line][name] += value
        return {line: dict(counts) for line, counts in sorted(lines.items())}

    def metrics(self, by_line: dict[int, dict[str, int]], space) -> dict[str, float]:
        total: Counter = Counter({name: 0 for name in always_shown()})
        for counts in by_line.values():
            total.update(counts)
        out: dict[str, float] = dict(total)
        warps = total[INSTRUCTIONS]
        out["smsp__thread_inst_executed_per_inst_executed.ratio"] = total[THREADS] / warps if warps else 0.0
        for kind, marks in space.marks.items():
            out[f"bytes_needed.{kind}"] = int(np.count_nonzero(marks[1]))
        moved = Counter()
        for (_, where, op), sums in self.accesses.items():
            if where == "global":
                moved["read" if op in ("ld", "ldgsts") else "written"] += sums.cost * SECTOR
        out["bytes_moved.read"], out["bytes_moved.written"] = moved["read"], moved["written"]
        return out

    def samples(self) -> list[Access]:
        out = []
        for (site, space, op), total in sorted(self.accesses.items()):
            name, start, lanes = total.sample or ("", 0, (None,) * 32)
            sectors, wavefronts = (0, total.cost) if space == "shared" else (total.cost, 0)
            out.append(
                Access(
                    line=self.program.sites[site].line,
                    space=space,
                    op=op,
                    width=total.width,
                    array=name,
                    addresses=lanes,
                    base=start % 128,
                    requests=total.requests,
                    sectors=sectors,
                    wavefronts=wavefronts,
                    ideal=total.ideal,
                )
            )
        return out


def _aligned(way: Way, start: np.ndarray) -> bool:
    """Whether the wide accesses of `way` would be aligned where the group's register points."""
    return all(not ((start + offset) & (width - 1)).any() for offset, width in way.wide)


def flop_metric(kind: str) -> str:
    """The counter of an operation by its short name ("ffma"), or by its own name."""
    return kind if "__" in kind else f"smsp__sass_thread_inst_executed_op_{kind}_pred_on.sum"


def always_shown() -> list[str]:
    """Counters that are reported even when they are zero."""
    names = [
        f"l1tex__t_{what}_pipe_lsu_mem_global_op_{op}.sum" for what in ("requests", "sectors") for op in ("ld", "st")
    ]
    shared = (
        "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{}.sum",
        "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{}.sum",
    )
    return [*names, *(name.format(op) for name in shared for op in ("ld", "st")), *map(flop_metric, FLOPS)]


def _names(space: str, op: str, total: Sum) -> list[tuple[str, int]]:
    if op == "ldgsts" and space == "global":
        op = "ld"
    if space == "shared":
        return [
            (f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{op}.sum", total.cost),
            (f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{op}.sum", total.cost - total.ideal),
            (f"smsp__inst_executed_op_shared_{op}.sum", total.requests),
        ]
    return [
        (f"l1tex__t_requests_pipe_lsu_mem_{space}_op_{op}.sum", total.requests),
        (f"l1tex__t_sectors_pipe_lsu_mem_{space}_op_{op}.sum", total.cost),
    ]
