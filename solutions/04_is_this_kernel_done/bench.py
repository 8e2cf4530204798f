"""Measure what chapter 04 teaches from: `python solutions/04_is_this_kernel_done/bench.py [PHASE...]`, on a GPU.

Writes solutions/recorded/04_*.json: ceilings, curves, occupancy, scale_transpose, reports (the last needs `ncu`).
About two minutes. A phase that fails says so and leaves the others alone.
"""

from __future__ import annotations

import csv
import ctypes
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
import curves
import torch
from reports import Profiled, randn, table
from triton.testing import do_bench

from utils.records import record
from utils.vgpu.device import DYNAMIC_SHARED, _check, _driver, kernel_on_gpu

SMS, MOST_SHARED = 132, 227 * 1024
REGISTERS = 4  # CU_FUNC_ATTRIBUTE_NUM_REGS


def timed(launch: Callable[[], Any], rep: int = 80) -> float:
    """Seconds, the median; L2 is flushed before each launch."""
    return do_bench(launch, warmup=20, rep=rep, return_mode="median") / 1e3


def replayed(launch: Callable[[], Any], times: int = 200) -> float:
    """Seconds of one launch among `times` in a CUDA graph: the caches are warm, and nothing waits for the host."""
    launch()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(times):
            launch()
    return do_bench(graph.replay, warmup=20, rep=60, return_mode="median") / 1e3 / times


def wall(act: Callable[[], Any], times: int) -> float:
    """Seconds of the host's clock for one of `times` acts, the GPU's work included."""
    act()
    torch.cuda.synchronize()
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(times):
            act()
        torch.cuda.synchronize()
        seconds.append((time.perf_counter() - begin) / times)
    return median(seconds)


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device="cuda")


def filled(n: int) -> torch.Tensor:
    return torch.randn(n, device="cuda")


# --- ceilings -----------------------------------------------------------------------------------------------------


def ceilings() -> dict[str, Any]:
    """Bytes and FLOP a second, seconds a launch, cycles and nanoseconds a load."""
    n = 1 << 28
    x, y = filled(n), empty(n)
    found: dict[str, Any] = {"copy": 8 * n / timed(lambda: y.copy_(x), 200)}
    read = kernel_on_gpu(curves.READ, "read")
    found["read"] = 4 * n / timed(lambda: read(SMS * 16, 512, x, y, n // 4), 200)
    small = filled(1 << 22)
    again = next(one for one in table() if one.name == "again")
    kernel, args = kernel_on_gpu(again.source, "again"), (small, y, 1 << 20, 64)
    found["L2"] = 64 * 4 * (1 << 22) / timed(lambda: kernel(528, 512, *args))
    shared, steps = kernel_on_gpu(curves.SHARED, "shared"), 4000
    found["shared"] = SMS * 2 * 1024 * 16 * 8 * steps / timed(lambda: shared(SMS * 2, 1024, y, steps))
    fma = kernel_on_gpu(curves.FMA, "madd")
    found["fp32"] = 8 * 20_000 * SMS * 2 * 1024 / timed(lambda: fma(SMS * 2, 1024, y, 0.5, 0.25, 20_000))
    for m in (4096, 8192):
        a, b = (torch.randn(m, m, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        found[f"bf16 {m}"] = 2 * m**3 / timed(lambda a=a, b=b: a @ b, 300)
    found["bf16"] = max(found["bf16 4096"], found["bf16 8192"])
    return {**found, **launches(), "latency": latencies()}


def launches() -> dict[str, float]:
    """Seconds that one launch takes: of an empty kernel back to back, in a graph, waited for; of a torch operator."""
    kernel = kernel_on_gpu(curves.EMPTY, "empty")
    kernel(1, 32)
    function, go = kernel.function, _driver().cuLaunchKernel
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)

    def launch() -> None:
        go(function, 1, 1, 1, 32, 1, 1, 0, stream, None, None)

    def and_wait() -> None:
        launch()
        torch.cuda.synchronize()

    one = torch.zeros(1, device="cuda")
    return {
        "launch": wall(launch, 2000),
        "launch in a graph": replayed(lambda: kernel(1, 32), 1000),
        "launch and wait": wall(and_wait, 500),
        "torch operator": wall(lambda: one.add_(1), 2000),
    }


def latencies() -> dict[str, dict[str, float]]:
    """One dependent load, by where it is found: {"cycles", "ns"}."""
    found, clocks, flush = {}, torch.zeros(2, dtype=torch.int64, device="cuda"), empty(1 << 27)
    for name, size, load, steps in (("L1", 1 << 14, "*", 4096), ("L2", 1 << 23, "__ldcg", 8192),
                                    ("HBM", 1 << 29, "__ldcg", 8192)):  # fmt: skip
        around = torch.randperm(size // 4, device="cuda")
        after = torch.empty(size // 4, dtype=torch.int32, device="cuda")
        after[around] = around.roll(-1).to(torch.int32)
        chase = kernel_on_gpu(curves.CHASE.replace("LOAD", load), "chase")
        seen = []
        for _ in range(5):
            if name == "HBM":
                flush.zero_()
            chase(1, 1, after, clocks, steps)
            seen.append((clocks / steps).tolist())
        cycles, ns = (round(median(column), 1) for column in zip(*seen[1:], strict=True))
        found[name] = {"cycles": cycles, "ns": ns}
    shared = kernel_on_gpu(curves.CHASE_SHARED, "chase_shared")
    for _ in range(2):
        shared(1, 32, clocks, 4096)
        found["shared"] = {"cycles": round(clocks[0].item() / 4096, 1)}
    return found


# --- curves -------------------------------------------------------------------------------------------------------


def curve_figures() -> dict[str, Any]:
    found = {}
    for phase in (flight, waves, ways, sweep, products, operators):
        try:
            found[phase.__name__] = phase()
        except Exception:
            traceback.print_exc()
    return found


def flight() -> list[dict[str, float]]:
    """Bandwidth by what is in flight: warps on an SM, 4-byte loads under way in each thread."""
    x, y, rows = filled(1 << 26), empty(1), []
    for depth in (1, 2, 4, 8):
        kernel = kernel_on_gpu(curves.FLIGHT.replace("DEPTH", str(depth)), "flight")
        for warps in (1, 2, 4, 8, 16, 32, 64):
            blocks, shared = (2, 100 * 1024) if warps > 32 else (1, 120 * 1024)
            n = min(1 << 26, 1 << (21 + (warps * depth).bit_length()))
            grid, block = SMS * blocks, warps * 32 // blocks
            step = grid * block * depth
            seconds = timed(lambda: kernel(grid, block, x, y, n, dynamic_shared=shared), 40)  # noqa: B023
            rows.append({"warps": warps, "depth": depth, "bytes in flight an SM": warps * 128 * depth,
                         "bandwidth": n // step * step * 4 / seconds})  # fmt: skip
    return rows


def waves() -> dict[str, list[list[float]]]:
    """Seconds by number of blocks, one block of 1024 threads on an SM at a time, and eight of 256."""
    source = next(one.source for one in table() if one.name == "rounds")
    kernel, x, y, found = kernel_on_gpu(source, "rounds"), filled(1 << 20), empty(1 << 20), {}
    grids = [1, 33, 66, 99, 120, 131, 132, 133, 140, 165, 198, 231, 263, 264, 265, 297, 330, 363, 395, 396, 397, 430]
    found["one block an SM"] = [
        [grid, timed(lambda: kernel(grid, 1024, x, y, 0.5, 0.25, 8000, dynamic_shared=120 * 1024), 30)]  # noqa: B023
        for grid in grids
    ]
    found["eight blocks an SM"] = [
        [grid, timed(lambda: kernel(grid, 256, x, y, 0.5, 0.25, 8000, dynamic_shared=24 * 1024), 30)]  # noqa: B023
        for grid in (132, 264, 528, 792, 1056, 1057, 1100, 1320, 1584, 1848, 2112, 2113, 2376, 2640, 3168, 3169)
    ]
    return found


def ways() -> list[list[float]]:
    """Seconds by how many branches the lanes of a warp take, the work of each lane the same."""
    n = 1 << 24
    kernel, x, y = kernel_on_gpu(curves.WAYS, "ways"), filled(n), empty(n)
    return [
        [count, timed(lambda: kernel(n // 256, 256, x, y, n, count))]  # noqa: B023
        for count in (1, 2, 4, 8, 16, 32)
    ]


def sweep() -> list[dict[str, float]]:
    """A stream with more and more FMA for each float32 read and written."""
    n = 1 << 26
    x, y, rows = filled(n), empty(n), []
    for fmas in (1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 256, 512):
        kernel = kernel_on_gpu(curves.SWEEP.replace("FMAS", str(fmas)), "sweep")
        seconds = timed(lambda: kernel(n // 1024, 256, x, y, 0.5, 0.25, n // 4))  # noqa: B023
        rows.append({"fmas": fmas, "intensity": 2 * fmas / 8, "flops a second": 2 * fmas * n / seconds,
                     "seconds": seconds})  # fmt: skip
    return rows


def products() -> list[dict[str, float]]:
    """torch's bf16 product [M, 8192] @ [8192, 8192], from a decode step to a prefill."""
    k, rows = 8192, []
    b = torch.randn(k, k, device="cuda", dtype=torch.bfloat16)
    for m in (1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 512, 1024, 2048, 4096, 8192):
        a = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
        out = torch.empty(m, k, device="cuda", dtype=torch.bfloat16)
        rows.append({"m": m, "seconds": timed(lambda: torch.mm(a, b, out=out), 60)})  # noqa: B023
    return rows


def operators() -> dict[str, float]:
    """Seconds of torch's softmax, attention and elementwise operators, and of three fusions of them."""
    x = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    q, k, v = (torch.randn(4, 32, 4096, 128, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    one = torch.randn(4, 32, 1, 128, device="cuda", dtype=torch.bfloat16)
    attend = torch.nn.functional.scaled_dot_product_attention
    return {
        "softmax 8192x8192 bf16": timed(lambda: torch.softmax(x, 1)),
        "add 8192x8192 bf16": timed(lambda: x + x),
        "gelu 8192x8192 bf16": timed(lambda: torch.nn.functional.gelu(x)),
        "attention 4x32x4096x128 bf16": timed(lambda: attend(q, k, v)),
        "causal attention 4x32x4096x128 bf16": timed(lambda: attend(q, k, v, is_causal=True)),
        "decode attention 4x32x1 on 4096x128 bf16": timed(lambda: attend(one, k, v)),
    }


# --- occupancy ----------------------------------------------------------------------------------------------------


def occupancy() -> list[list[int]]:
    """CUDA's own answer for real kernels: [registers a thread, threads, bytes of dynamic shared memory, blocks]."""
    rows, seen, blocks, choose = [], set(), ctypes.c_int(), random.Random(0)
    threads = (1, 32, 33, 64, 96, 100, 128, 160, 192, 224, 256, 288, 320, 384, 448, 480, 512, 576, 640, 768, 896, 960,
               1000, 1024)  # fmt: skip
    shared = (0, 1, 128, 1000, 1024, 2048, 4096, 6000, 6144, 8192, 10_000, 12_288, 16_384, 20_000, 24_576, 28_160,
              28_161, 32_768, 37_000, 37_888, 45_670, 45_671, 48 * 1024, 57_344, 57_345, 65_536, 75_000, 76_800, 76_801,
              100_000, 115_712, 115_713, 116_736, 160_000, 200_000, MOST_SHARED - 1, MOST_SHARED)  # fmt: skip
    for most in (16, 18, *range(21, 80, 3), 32, 40, 64, *range(81, 256, 11), 96, 128, 168, 192, 255):
        count = max(2, most - 12)
        source = curves.LIVE.replace("MOST", str(most)).replace("COUNT", str(count))
        function = kernel_on_gpu(source, "live").function
        registers = ctypes.c_int()
        _check("cuFuncGetAttribute", ctypes.byref(registers), REGISTERS, function)
        _check("cuFuncSetAttribute", function, DYNAMIC_SHARED, MOST_SHARED)
        if registers.value in seen:
            continue
        seen.add(registers.value)
        for many, dynamic in choose.sample([*product(threads, shared)], 20):
            status = _driver().cuOccupancyMaxActiveBlocksPerMultiprocessor(
                ctypes.byref(blocks), function, ctypes.c_int(many), ctypes.c_size_t(dynamic)
            )
            rows.append([registers.value, many, dynamic, blocks.value if status == 0 else -status])
    return rows


# --- the boss -----------------------------------------------------------------------------------------------------


def variant(amax: int, conflicts: bool, doubles: bool) -> str:
    width = 32 if conflicts else 33
    return f"#define AMAX {amax}\n#define WIDTH {width}\n" + "#define DOUBLES\n" * doubles + curves.TRANSPOSE


def scale_transpose(n: int = 8192) -> list[dict[str, Any]]:
    """Seconds with every choice of the planted mistakes; beside them torch's copy in the same run."""
    x, y = filled(n * n), empty(n * n)
    most = torch.zeros(1, dtype=torch.int32, device="cuda")
    want, rows = (x.view(n, n).double().T / 0.01).clamp(-448, 448), []
    for amax, conflicts, doubles in product((0, 1, 2), (True, False), (True, False)):
        kernel = kernel_on_gpu(variant(amax, conflicts, doubles), "scale_transpose")
        most.zero_(), y.fill_(float("nan"))
        seconds = timed(lambda: kernel((n // 32, n // 32), (32, 8), x, y, most, 0.01, n, n))  # noqa: B023
        right = torch.allclose(y.view(n, n).double(), want, rtol=1e-5) and most.view(torch.float32) == x.abs().max()
        rows.append({"an atomic for each": ("element", "warp", "block")[amax], "conflicts": conflicts,
                     "doubles": doubles, "seconds": seconds, "right": bool(right)})  # fmt: skip
    copied = timed(lambda: y.copy_(x))
    matrix = x.view(n, n)
    eager = timed(lambda: ((matrix.T / 0.01).clamp(-448, 448).contiguous(), matrix.abs().max()))
    return [*rows, {"torch copy": copied}, {"torch, one operator after the other": eager}]


def boss_table() -> list[Profiled]:
    """The boss as it is given out, and after each mistake mended in the order of gain."""
    n = 8192
    stages = ((0, True, True), (1, True, True), (2, True, True), (2, False, True), (2, False, False))
    return [
        Profiled("scale_transpose", f"{stage}", variant(*stage), (n // 32, n // 32), (32, 8),
                 lambda t: (randn(t, n * n), empty(n * n), t.zeros(1, dtype=t.int32, device="cuda"), 0.01, n, n),
                 8 * n * n, 3 * n * n)
        for stage in stages
    ]  # fmt: skip


# --- reports ------------------------------------------------------------------------------------------------------


def launcher(one: Profiled) -> Callable[[], None]:
    kernel, args = kernel_on_gpu(one.source, one.name), one.make(torch)
    return lambda: kernel(one.grid, one.block, *args, dynamic_shared=one.dynamic_shared)


def profile_me(kernels: list[Profiled]) -> None:
    """Run under ncu: each kernel once."""
    for one in kernels:
        launcher(one)()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


SECTIONS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "MemoryWorkloadAnalysis_Tables", "ComputeWorkloadAnalysis",
            "SchedulerStats", "WarpStateStats", "InstructionStats", "LaunchStats", "Occupancy", "SourceCounters",
            "WorkloadDistribution")  # fmt: skip
# What is kept of some two thousand counters: the ones that the chapter reads, and those beside them.
COUNTERS = re.compile(
    r"""
    gpu__time_duration\.sum | gpu__(compute_memory|dram)_throughput.*elapsed | (sm|lts)__throughput.*elapsed
    | l1tex__throughput.*active | dram__bytes(_read|_write)?\.sum(\.per_second)?
    | (lts|l1tex)__t_sector_hit_rate\.pct
    | l1tex__t_(sectors|requests)_pipe_lsu_mem_(global|local)_op_(ld|st|red|atom)\.sum
    | l1tex__data_(bank_conflicts|pipe_lsu_wavefronts)_pipe_lsu_mem_shared(_op_(ld|st))?\.sum
    | l1tex__data_pipe_lsu_wavefronts_mem_shared(_op_(ld|st))?\.sum | memory_.*_(global|shared|local)(_ideal)?
    | derived__memory_l1_(wavefronts_shared_excessive|conflicts_shared_nway) | derived__memory_l2.*excessive
    | derived__memory_.*(global|local|shared).*
    | smsp__(issue_active\.avg\.pct.*active|inst_executed\.sum|thread_inst_executed_per_inst_executed\.ratio)
    | smsp__(warps_eligible\.avg|issue_active\.avg|warps_active\.avg)\.per_cycle_active
    | smsp__average_warps_issue_stalled_.*_per_issue_active\.ratio | smsp__average_warp.*latency.*
    | sm__(warps_active\.avg\.pct.*active|maximum_warps_per_active_cycle_pct|cycles_(active|elapsed)\.(avg|max|min))
    | sm__inst_executed_pipe_(alu|fma|fp64|lsu|xu|tensor).*\.pct_of_peak_sustained_active
    | sm__cycles_elapsed.avg.per_second
    | sm__pipe_(tensor|fp64).*active | smsp__sass_thread_inst_executed_op_[fhd](add|mul|fma)_pred_on\.sum
    | launch__(waves.*|registers_per_thread|occupancy_limit_.*|shared_mem_per_block.*|grid_size|block_size|thread_count)
""",
    re.VERBOSE,
)
DULL = re.compile(r"\.(max|min|sum)\.pct|tensor_op|fma_type")
FLOPS = ",".join(
    f"smsp__sass_thread_inst_executed_op_{t}{op}_pred_on.sum" for t in "fd" for op in ("add", "mul", "fma")
)
NOISE = ("SOLFPRoofline", "MemoryL2Compression", "FPInstructions")


def reports(phase: str = "reports") -> list[dict[str, Any]]:
    """Every kernel of a table under Nsight Compute, and its time on its own."""
    kept, kernels = Path(tempfile.mkdtemp()), TABLES[phase]()
    names = "|".join({one.name for one in kernels})
    about = ["--clock-control", "none", "-f", "-o", str(kept / "found"), "-k", f"regex:^({names})$", "--metrics", FLOPS]
    me = [sys.executable, __file__, "profile-me", phase]
    for chosen in (["--set", "full"], [part for s in SECTIONS for part in ("--section", s)]):
        done = subprocess.run(["ncu", *chosen, *about, *me], capture_output=True, text=True, timeout=140, check=False)
        print(done.stdout[-500:], done.stderr[-500:])
        if done.returncode == 0 and (kept / "found.ncu-rep").exists():
            break
    pages = []
    for page in ("raw", "details"):
        argv = ["ncu", "--import", str(kept / "found.ncu-rep"), "--csv", "--page", page, "--print-units", "base"]
        pages.append(rows_of(subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False).stdout))
    raw, details = pages
    return [written(one, row, [d for d in details if d["ID"] == row["ID"]])
            for one, row in zip(kernels, raw, strict=True)]  # fmt: skip


def boss() -> list[dict[str, Any]]:
    return reports("boss")


def rows_of(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), len(lines))
    return [row for row in csv.DictReader(lines[start:]) if (row.get("ID") or "").isdigit()]


def written(one: Profiled, raw: dict[str, str], details: list[dict[str, str]]) -> dict[str, Any]:
    """One kernel's report: what was run, its time on its own, the counters that COUNTERS names, what ncu advises."""
    counters = {key: number(value) for key, value in raw.items() if COUNTERS.fullmatch(key) and not DULL.search(key)}
    said = [(row["Rule Name"], row["Rule Description"]) for row in details if row.get("Rule Description")]
    return {
        "name": one.name,
        "what": one.what,
        "source": one.source.strip(),
        "grid": one.grid,
        "block": one.block,
        "dynamic shared": one.dynamic_shared,
        "needed": one.needed,
        "flops": one.flops,
        "seconds": timed(launcher(one)),
        "replayed": replayed(launcher(one), 20),
        "counters": {key: value for key, value in counters.items() if value is not None},
        "rules": [{"rule": rule, "says": says} for rule, says in said if rule not in NOISE],
    }


def number(text: str) -> float | int | None:
    try:
        value = float(text.replace(",", ""))
    except (ValueError, AttributeError):
        return None
    return int(value) if value.is_integer() else value


TABLES = {"reports": table, "boss": boss_table}
PHASES = {"ceilings": ceilings, "curves": curve_figures, "occupancy": occupancy, "scale_transpose": scale_transpose,
          "reports": reports, "boss": boss}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:2] == ["profile-me"]:
        profile_me(TABLES[sys.argv[2]]())
        sys.exit()
    for phase in sys.argv[1:] or PHASES:
        begin = time.time()
        try:
            print(record(f"04_{phase}", PHASES[phase]()), f"{time.time() - begin:.0f} s", flush=True)
        except Exception:
            traceback.print_exc()
        torch.cuda.empty_cache()
