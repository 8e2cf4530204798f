"""The quantities that listings, cards and comparisons show, each a row of one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .svg import number, size

INSTRUCTIONS = "smsp__inst_executed.sum"
THREAD_INSTRUCTIONS = "smsp__thread_inst_executed.sum"
FLOPS = {f"smsp__sass_thread_inst_executed_op_{kind}{op}_pred_on.sum": 2 if op == "fma" else 1
         for kind in "fhd" for op in ("add", "mul", "fma")}  # fmt: skip
WORDS = {"ld": "load", "st": "store", "atom": "atomic", "red": "reduction", "ldgsts": "async copy"}
LOADS = ("ld", "ldgsts")
ATOMIC = ("atom", "red")
SECTOR = 32
LANES = 32


@dataclass(frozen=True)
class Part:
    """A report's counters and memory instructions, of the whole launch or of one line."""

    counters: Mapping[str, float]
    accesses: Sequence[Any]  # of Access

    def sum(self, *names: str) -> float:
        return sum(self.counters.get(name, 0) for name in names)

    def only(self, space: str, ops: Sequence[str] = ()) -> list[Any]:
        return [one for one in self.accesses if one.space == space and (not ops or one.op in ops)]


def whole(report: Any) -> Part:
    return Part(report.metrics, report.accesses)


def line(report: Any, at: int) -> Part:
    return Part(report.by_line.get(at, {}), [access for access in report.accesses if access.line == at])


@dataclass(frozen=True)
class Measure:
    """value: 0 is "nothing of this kind".  ideal: what `value` could be, 0 where there is no such thing.

    title: heads a column.  label, unit: make a sentence, "global load: 4 sectors a request".
    nsight: what Nsight Compute calls it.  places: (space, ops) of the memory instructions that it is about.
    """

    key: str
    title: str
    label: str
    unit: str
    value: Callable[[Part], float]
    ideal: Callable[[Part], float] = lambda part: 0
    nsight: str = ""
    show: Callable[[float], str] = number
    more_is_better: bool = False
    is_count: bool = False  # so that lines have a share of the launch
    neutral: bool = False  # neither more nor less is better
    places: tuple[str, tuple[str, ...]] | None = None  # no ops: all

    def unit_of(self, value: float) -> str:
        """1 sector a request, 4 sectors a request."""
        return self.unit.replace("s ", " ", 1) if value == 1 else self.unit

    def factor(self, part: Part) -> float:
        """How many times the ideal; 1 where there is none."""
        value, ideal = self.value(part), self.ideal(part)
        if not value or not ideal:
            return 1.0
        return ideal / value if self.more_is_better else value / ideal


def _per_request(key: str, space: str, label: str, *ops: str) -> Measure:
    """Sectors (global, local) or wavefronts (shared) that an average request takes."""
    unit = "wavefronts" if space == "shared" else "sectors"

    def mean(field: str) -> Callable[[Part], float]:
        def value(part: Part) -> float:
            places = part.only(space, ops)
            requests = sum(access.requests for access in places)
            return sum(getattr(access, field) for access in places) / requests if requests else 0

        return value

    pipe = "data_pipe_lsu_wavefronts" if space == "shared" else "t_sectors_pipe_lsu"
    names = f"l1tex__{pipe}_mem_{space}"
    nsight = f"{names}_op_{ops[0]}.sum" if ops else f"{names}.sum"
    title = f"{'local ' if space == 'local' else ''}{unit} / request"
    return Measure(key, title, label, f"{unit} a request", mean(unit), mean("ideal"), f"{nsight} / requests",
                   places=(space, ops))  # fmt: skip


def _sum(key: str, title: str, label: str, *names: str, nsight: str = "", **more: Any) -> Measure:
    return Measure(key, title, label, "", lambda part: part.sum(*names), nsight=nsight or names[0], **more)


def _bytes(direction: str) -> Measure:
    """Of the launch: what went through global memory's sectors, against the bytes that were ever wanted."""
    needed = f"bytes_needed.{direction}"
    return _sum(direction, direction, f"bytes {direction}", f"bytes_moved.{direction}", show=size,
                ideal=lambda part: part.sum(needed))  # fmt: skip


def _moved(field: str) -> Callable[[Part], float]:
    return lambda part: SECTOR * sum(getattr(access, field) for access in part.only("global"))


def _flops(part: Part) -> float:
    return sum(weight * part.sum(name) for name, weight in FLOPS.items())


def _lanes(part: Part) -> float:
    instructions = part.sum(INSTRUCTIONS)
    return part.sum(THREAD_INSTRUCTIONS) / instructions if instructions else 0


CONFLICTS = [f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{op}.sum" for op in ("ld", "st", *ATOMIC)]
BANK_CONFLICTS = _sum("conflicts", "bank conflicts", "bank conflicts", *CONFLICTS, is_count=True,
                      nsight="l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum")  # fmt: skip
INSTRUCTION_COUNT = _sum("instructions", "warp instr.", "warp instructions", INSTRUCTIONS, is_count=True)
LANES_USED = Measure("lanes", "lanes / instr.", "active lanes", "lanes an instruction", _lanes, lambda part: LANES,
                     "smsp__thread_inst_executed_per_inst_executed.ratio", more_is_better=True)  # fmt: skip
FLOP_COUNT = Measure("flops", "FLOPs", "FLOPs", "", _flops, neutral=True, is_count=True,
                     nsight="smsp__sass_thread_inst_executed_op_{fadd,fmul,ffma,...}_pred_on.sum")  # fmt: skip

# The columns of a listing.
COLUMNS = (
    INSTRUCTION_COUNT,
    LANES_USED,
    _per_request("sectors", "global", "global"),
    Measure("moved", "bytes moved", "bytes moved", "", _moved("sectors"), _moved("ideal"), show=size),
    Measure("needed", "bytes needed", "bytes needed", "", _moved("ideal"), show=size, neutral=True),
    _per_request("local", "local", "local"),
    _per_request("wavefronts", "shared", "shared"),
    BANK_CONFLICTS,
    FLOP_COUNT,
)

# The launch as a whole, for cards and comparisons.
TOTALS = (
    _per_request("global load", "global", "global load", *LOADS),
    _per_request("global store", "global", "global store", "st"),
    _per_request("global atomic", "global", "global atomic", *ATOMIC),
    _per_request("local", "local", "local memory"),
    _per_request("shared load", "shared", "shared load", "ld"),
    _per_request("shared store", "shared", "shared store", "st", "ldgsts"),
    _per_request("shared atomic", "shared", "shared atomic", *ATOMIC),
    BANK_CONFLICTS,
    _bytes("read"),
    _bytes("written"),
    LANES_USED,
    INSTRUCTION_COUNT,
    FLOP_COUNT,
)


def launch(report: Any) -> str:
    """transpose<<<(4, 4), (32, 8)>>>"""
    return f"{report.kernel}<<<{_extent(report.grid)}, {_extent(report.block)}>>>"


def _extent(sizes: Sequence[int]) -> str:
    shown = list(sizes)
    while len(shown) > 1 and shown[-1] == 1:
        shown.pop()
    return str(shown[0]) if len(shown) == 1 else f"({', '.join(map(str, shown))})"


def act(access: Any) -> str:
    """load x"""
    return f"{WORDS.get(access.op, access.op)} {access.array}"


def sentence(fault: Any) -> str:
    """A fault's message, and how often it happened."""
    words = str(fault)
    return words if fault.count <= 1 else f"{words} ({number(fault.count)} times at this line)"
