"""Is this kernel done? Floor, achieved share, what limits it, and what to try next, as one card.

`measures` reduces a report of Nsight Compute (as recorded in solutions/recorded/) or of the emulated GPU to the two
dozen figures that decide; `limit` goes through them in a fixed order; `headroom` says it in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .page import AMBER, GREEN, RED, Card
from .roofline import Ceilings, ceilings
from .vgpu.report import Report
from .vgpu.show.measures import FLOPS, THREAD_INSTRUCTIONS

Measures = dict[str, Any]

STALL = "smsp__average_warps_issue_stalled_{}_per_issue_active.ratio"
REASONS = ("barrier", "branch_resolving", "dispatch_stall", "drain", "imc_miss", "lg_throttle", "long_scoreboard",
           "math_pipe_throttle", "membar", "mio_throttle", "misc", "no_instruction", "short_scoreboard", "sleeping",
           "tex_throttle", "wait")  # fmt: skip
# measure -> Nsight Compute's counter: percentages of what the hardware sustains, and plain figures
COUNTERS = {
    "memory": "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed",
    "compute": "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "dram": "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed",
    "l2": "lts__throughput.avg.pct_of_peak_sustained_elapsed",
    "l1": "l1tex__throughput.avg.pct_of_peak_sustained_active",
    "fma": "sm__inst_executed_pipe_fma.avg.pct_of_peak_sustained_active",
    "xu": "sm__inst_executed_pipe_xu.avg.pct_of_peak_sustained_active",
    "issue": "smsp__issue_active.avg.pct_of_peak_sustained_active",
    "lanes": "smsp__thread_inst_executed_per_inst_executed.ratio",
    "occupancy": "sm__warps_active.avg.pct_of_peak_sustained_active",
    "occupancy limit": "sm__maximum_warps_per_active_cycle_pct",
    "waves": "launch__waves_per_multiprocessor",
    "registers": "launch__registers_per_thread",
}
GLOBAL = "l1tex__t_{}_pipe_lsu_mem_{}_op_{}.sum"

# limit -> (what it means, what to try next)
LIMITS = {
    "launch": ("the launch takes longer than the work", "fuse it with its neighbours, or use a CUDA graph"),
    "tail": ("most SMs wait for the last wave", "smaller blocks, a grid that fills whole waves, or blocks that take "
             "work until none is left"),
    "divergence": ("most lanes sit out each instruction", "let a warp take one path: one formula with two sets of "
                   "constants, or collect the rare elements first"),
    "special functions": ("the unit for exp, sin and 1/x", "fewer of them, or a polynomial on the FMA pipe for a part"),
    "compute": ("the arithmetic pipe is busy", "tensor cores, a narrower format, or fewer operations"),
    "local memory": ("arrays of a thread live in memory", "index them with constants only (unroll), or use fewer live "
                     "values; shared memory for the rest"),
    "bank conflicts": ("shared memory serves one access in many turns", "pad the row by one, or swizzle"),
    "wasted bytes": ("more bytes cross the memory than are needed", "neighbouring lanes on neighbouring elements; "
                     "structure of arrays; read once and keep"),
    "L2": ("the L2 cache serves all it can", "keep the data in shared memory or registers between uses"),
    "memory": ("the memory moves all it can", "stop, or move fewer bytes: fuse, a narrower format"),
    "barrier": ("warps wait for the slowest at a barrier", "share out what one thread does between two barriers"),
    "atomics": ("one address takes one update at a time", "reduce in the warp, then in the block, then one atomic"),
    "latency": ("too little is under way to hide the memory's latency", "more loads in flight: more warps, several "
                "independent loads a thread, 16-byte loads"),
}  # fmt: skip
# (side it is asked on, limit, whether it holds), what spoils other figures first; the last of each side always holds
RULES: tuple[tuple[str, str, Callable[[Measures], bool]], ...] = (
    ("", "launch", lambda m: m["us"] < 5 and m["waves"] < 1),
    ("", "tail", lambda m: m["busy"] < 80),
    ("compute", "divergence", lambda m: m["lanes"] < 24),
    ("compute", "special functions", lambda m: m["xu"] >= 80),
    ("compute", "compute", lambda m: True),
    ("memory", "local memory", lambda m: m["local"] >= 20),
    ("memory", "bank conflicts", lambda m: m["conflicts"] >= 20 and m["l1"] >= max(m["l2"], m["dram"])),
    ("memory", "L2", lambda m: m["dram"] < 60),
    ("memory", "wasted bytes", lambda m: m["moved"] >= 1.3 * m["needed"]),
    ("memory", "memory", lambda m: True),
    ("neither", "barrier", lambda m: m["stall"] == "barrier"),
    ("neither", "atomics", lambda m: m["atomics"] >= 10),
    ("neither", "latency", lambda m: True),
)
DONE = 0.85  # share of the floor's speed from which to stop


def measures(report: Report | Mapping[str, Any]) -> Measures:
    """The figures that decide, from a recorded report; percentages are Nsight Compute's "% of peak"."""
    if isinstance(report, Report):
        return _of_emulator(report)
    if "counters" not in report:
        return dict(report)
    seen = report["counters"]
    found: Measures = {name: round(seen.get(counter, 0), 1) for name, counter in COUNTERS.items()}
    stalls = {reason: seen.get(STALL.format(reason), 0) for reason in REASONS}
    found["stall"] = max(stalls, key=stalls.__getitem__)
    found["us"] = round(seen["gpu__time_duration.sum"] / 1e3, 2)
    found["busy"] = round(100 * seen["sm__cycles_active.avg"] / seen["sm__cycles_elapsed.max"], 1)
    found["moved"] = round((seen["dram__bytes_read.sum"] + seen["dram__bytes_write.sum"]) / 1e6, 2)
    found["needed"] = round(report["needed"] / 1e6, 2)
    loads = seen.get(GLOBAL.format("requests", "global", "ld"), 0)
    sectors = seen.get(GLOBAL.format("sectors", "global", "ld"), 0)
    found["sectors"] = round(sectors / loads, 1) if loads else 0
    turns = seen.get("l1tex__data_pipe_lsu_wavefronts_mem_shared.sum", 0)
    clashes = seen.get("l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum", 0)
    found["conflicts"] = round(100 * clashes / turns, 1) if turns else 0
    local = sum(seen.get(GLOBAL.format("sectors", "local", op), 0) for op in ("ld", "st"))
    everything = local + sum(seen.get(GLOBAL.format("sectors", "global", op), 0) for op in ("ld", "st"))
    found["local"] = round(100 * local / everything, 1) if everything else 0
    atomics = sum(seen.get(GLOBAL.format("requests", "global", op), 0) for op in ("red", "atom"))
    found["atomics"] = round(100 * atomics / loads, 1) if loads else 0
    return found


def _of_emulator(report: Report) -> Measures:
    """What needs no clock: bytes, lanes, conflicts, FLOPs. There is no time, and so no share of a peak."""
    seen = report.metrics
    moved = seen["bytes_moved.read"] + seen["bytes_moved.written"]
    needed = seen["bytes_needed.read"] + seen["bytes_needed.written"]
    turns = sum(value for name, value in seen.items() if "wavefronts_mem_shared" in name)
    clashes = sum(value for name, value in seen.items() if "bank_conflicts" in name)
    steps = seen["smsp__inst_executed.sum"]
    return {
        "moved": moved / 1e6,
        "needed": needed / 1e6,
        "lanes": round(seen[THREAD_INSTRUCTIONS] / steps, 1) if steps else 32.0,
        "conflicts": round(100 * clashes / turns, 1) if turns else 0,
        "flops": sum(weight * seen.get(name, 0) for name, weight in FLOPS.items()),
    }


def limit(m: Measures) -> str:
    """What limits a kernel, a key of LIMITS: the first rule of its side that holds."""
    return next(name for where, name, holds in RULES if where in ("", side(m)) and holds(m))


def side(m: Measures) -> str:
    """Where the kernel is busy, "compute" or "memory"; "neither" below 60 % of both peaks."""
    if max(m["compute"], m["memory"]) < 60:
        return "neither"
    return "compute" if m["compute"] >= m["memory"] else "memory"


def headroom(
    report: Report | Mapping[str, Any], seconds: float = 0, *, needed: float = 0, flops: float = 0, kind: str = "fp32",
    most: Ceilings | None = None,
) -> Card:  # fmt: skip
    """Floor, achieved share, limiting resource and what to try next.

    report: of `emulate(...)`, or one recorded from Nsight Compute.  seconds: measured; without it a recorded report's
    own.  needed: bytes of each input and output once; flops: that the result takes, of `kind` ("fp32", "bf16").
    """
    found, most = measures(report), most or ceilings()
    recorded = not isinstance(report, Report)
    needed = needed or 1e6 * found["needed"]
    flops = flops or (report.get("flops", 0) if recorded else found["flops"])
    seconds = seconds or (report.get("seconds", found.get("us", 0) / 1e6) if recorded else 0)
    by_memory, by_compute = needed / most.copy, flops / most.peak(kind)
    floor, over = max(by_memory, by_compute), "memory" if by_memory >= by_compute else "compute"
    said = f"{_time(floor)}, set by {over}: {_bytes(needed)} at {most.copy / 1e12:.2f} TB/s take {_time(by_memory)}, "
    said += f"{flops / 1e9:.3g} GFLOP at {most.peak(kind) / 1e12:.3g} TFLOP/s {_time(by_compute)} ({most.gpu})"
    rows = [("floor", said)]
    if not recorded:
        return _without_a_clock(report, found, rows, needed, floor, seconds)
    share = floor / seconds
    rows.append(("achieved", f"**{_share(share)}** of the floor's speed: {_time(seconds)}"))
    what = limit(found)
    rows += [("limit", f"**{what}**: {LIMITS[what][0]}"), ("evidence", evidence(what, found))]
    advice = "stop here" if share >= DONE else LIMITS[what][1]
    if share >= DONE:
        advice += f". Further only with fewer {'bytes' if over == 'memory' else 'operations'}: fuse, a narrower format"
    rows.append(("next", advice))
    colour = GREEN if share >= DONE else AMBER if share >= 0.5 else RED
    return Card(f"{report.get('name', 'kernel')}: {_share(share)} of its floor, limited by {what}", tuple(rows), colour)


def _without_a_clock(report: Report, found: Measures, rows: list, needed: float, floor: float, seconds: float) -> Card:
    """What the emulated GPU can say: which counters stand above what the work needs."""
    wasted = found["moved"] * 1e6 / needed if needed else 1
    over = {
        "wasted bytes": (wasted, f"{_bytes(found['moved'] * 1e6)} moved for {_bytes(needed)}: {wasted:.2g} times"),
        "divergence": (32 / found["lanes"], f"{found['lanes']:.3g} of 32 lanes active in an average instruction"),
        "bank conflicts": (1 / (1 - min(found["conflicts"], 99.9) / 100),
                           f"{found['conflicts']:.0f} % of the shared-memory wavefronts are conflicts"),
    }  # fmt: skip
    what = max(over, key=lambda name: over[name][0])
    if seconds:
        rows.append(("achieved", f"**{floor / seconds:.0%}** of the floor's speed: {_time(seconds)}"))
    else:
        rows.append(("achieved", "not measured: the emulated GPU has no clock"))
    if over[what][0] < 1.1:
        rows.append(("counters", "nothing stands out: no wasted bytes, no idle lanes, no bank conflicts"))
        rows.append(("next", "time it on a GPU; then occupancy, waves and stalls decide"))
        return Card(f"{report.kernel}: counters at their ideal", tuple(rows), GREEN)
    rows += [("suspect", f"**{what}**: {LIMITS[what][0]}"), ("evidence", over[what][1]), ("next", LIMITS[what][1])]
    return Card(
        f"{report.kernel}: {what}, a factor of {over[what][0]:.2g}", tuple(rows), RED if over[what][0] > 2 else AMBER
    )


def evidence(what: str, m: Measures) -> str:
    """The figures behind a limit, in a line."""
    both = f"memory {m['memory']:.0f} %, compute {m['compute']:.0f} % of peak"
    moved = f"{m['moved']:.0f} MB moved for {m['needed']:.0f} MB needed"
    dram = f"DRAM {m['dram']:.0f} %"
    return {
        "launch": f"{m['us']:.1f} µs on the GPU, {m['waves']:.2g} waves",
        "tail": f"an average SM is busy {m['busy']:.0f} % of the time; {m['waves']:.2f} waves",
        "divergence": f"{m['lanes']:.1f} of 32 lanes active; {both}",
        "special functions": f"XU pipe {m['xu']:.0f} %, FMA pipe {m['fma']:.0f} %, issue slots {m['issue']:.0f} %",
        "compute": f"FMA pipe {m['fma']:.0f} %, issue slots {m['issue']:.0f} %, {m['lanes']:.0f} lanes; {both}",
        "local memory": f"{m['local']:.0f} % of the L1 sectors are local; {moved}",
        "bank conflicts": f"{m['conflicts']:.0f} % of the wavefronts are conflicts; L1 {m['l1']:.0f} %, {dram}",
        "wasted bytes": f"{moved}; {m['sectors']:.3g} sectors a load",
        "L2": f"L2 {m['l2']:.0f} %, {dram}",
        "memory": f"{dram}; {moved}",
        "barrier": f"top stall: barrier; {both}",
        "atomics": f"{m['atomics']:.0f} atomics for 100 loads; {both}; top stall {m['stall']}",
        "latency": f"{both}; top stall {m['stall']}; achieved occupancy {m['occupancy']:.0f} %",
    }[what]


def _share(part: float) -> str:
    return f"{part:.0%}" if part >= 0.02 else f"{part:.1%}"


def _time(seconds: float) -> str:
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _bytes(count: float) -> str:
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"
