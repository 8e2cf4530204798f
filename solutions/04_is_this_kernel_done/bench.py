"""Measure what chapter 04 teaches from: `python solutions/04_is_this_kernel_done/bench.py [PHASE...]`, on a GPU.

Writes solutions/recorded/04_*.json: ceilings, curves, occupancy, scale_transpose, reports (the last needs `ncu`).
About two minutes. A phase that fails says so and leaves the others alone.
"""

from __future__ import annotations

import csv
import ctypes
import os
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
from reports import Profiled, table
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


def occupancy() -> list[dict[str, int]]:
    """CUDA's own answer for real kernels: blocks on an SM by registers, threads and dynamic shared memory (bytes)."""
    rows, seen, blocks = [], set(), ctypes.c_int()
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
        for k, (many, dynamic) in enumerate(product(threads, shared)):
            status = _driver().cuOccupancyMaxActiveBlocksPerMultiprocessor(
                ctypes.byref(blocks), function, ctypes.c_int(many), ctypes.c_size_t(dynamic)
            )
            if (k * 7 + registers.value) % 5 == 0 or dynamic == 0:
                rows.append({"registers": registers.value, "threads": many, "shared": dynamic,
                             "blocks": blocks.value if status == 0 else -status})  # fmt: skip
    return rows


# --- the boss -----------------------------------------------------------------------------------------------------


def scale_transpose(n: int = 8192) -> list[dict[str, Any]]:
    """Seconds with every choice of the three planted mistakes; beside them torch's copy in the same run."""
    x, y = filled(n * n), empty(n * n)
    amax = torch.zeros(1, dtype=torch.int32, device="cuda")
    rows = []
    for atomic, conflicts, doubles in product((True, False), repeat=3):
        source = f"#define WIDTH {32 if conflicts else 33}\n"
        source += "#define ATOMIC_EACH\n" * atomic + "#define DOUBLES\n" * doubles + curves.TRANSPOSE
        kernel = kernel_on_gpu(source, "scale_transpose")
        block = n // 32
        seconds = timed(lambda: kernel((block, block), (32, 8), x, y, amax, 0.01, n, n))  # noqa: B023
        want = (x.view(n, n).double().T / 0.01).clamp(-448, 448)
        right = torch.allclose(y.view(n, n).double(), want, rtol=1e-5) and amax.view(torch.float32) == x.abs().max()
        rows.append({"atomic": atomic, "conflicts": conflicts, "doubles": doubles, "seconds": seconds,
                     "right": bool(right)})  # fmt: skip
    copied = timed(lambda: y.copy_(x))
    matrix = x.view(n, n)
    eager = timed(lambda: ((matrix.T / 0.01).clamp(-448, 448).contiguous(), matrix.abs().max()))
    return [*rows, {"torch copy": copied}, {"torch, one operator after the other": eager}]


# --- reports ------------------------------------------------------------------------------------------------------


def launcher(one: Profiled) -> Callable[[], None]:
    kernel, args = kernel_on_gpu(one.source, one.name), one.make(torch)
    return lambda: kernel(one.grid, one.block, *args, dynamic_shared=one.dynamic_shared)


def profile_me() -> None:
    """Run under ncu: each kernel once."""
    for one in table():
        launcher(one)()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


SECTIONS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "MemoryWorkloadAnalysis_Tables", "ComputeWorkloadAnalysis",
            "SchedulerStats", "WarpStateStats", "InstructionStats", "LaunchStats", "Occupancy", "SourceCounters",
            "WorkloadDistribution")  # fmt: skip


def reports() -> list[dict[str, Any]]:
    kept = Path(os.environ.get("OUT", tempfile.mkdtemp()))
    names = "|".join(one.name for one in table())
    about = ["--clock-control", "none", "-f", "-o", str(kept / "reports"), "-k", f"regex:^({names})$"]
    me = [sys.executable, __file__, "profile-me"]
    for chosen in (["--set", "full"], [part for s in SECTIONS for part in ("--section", s)]):
        done = subprocess.run(["ncu", *chosen, *about, *me], capture_output=True, text=True, timeout=140, check=False)
        print(done.stdout[-1500:], done.stderr[-800:])
        if done.returncode == 0 and (kept / "reports.ncu-rep").exists():
            break
    pages = {}
    for page in ("raw", "details"):
        argv = ["ncu", "--import", str(kept / "reports.ncu-rep"), "--csv", "--page", page, "--print-units", "base"]
        text = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False).stdout
        (kept / f"{page}.csv").write_text(text)
        pages[page] = rows_of(text)
    return [written(one, pages["raw"], pages["details"]) for one in table()]


def rows_of(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), len(lines))
    return [row for row in csv.DictReader(lines[start:]) if (row.get("ID") or "").isdigit()]


def written(one: Profiled, raw: list[dict[str, str]], details: list[dict[str, str]]) -> dict[str, Any]:
    """One kernel's report: what was run, its time on its own, and every counter that is a number."""
    mine = [row for row in raw if re.match(rf"{one.name}\b", row.get("Kernel Name", ""))]
    counters = {key: number(value) for key, value in (mine[0].items() if mine else ()) if "__" in key}
    rules = [
        {"rule": row.get("Rule Name"), "says": row.get("Rule Description")}
        for row in details
        if re.match(rf"{one.name}\b", row.get("Kernel Name", "")) and row.get("Rule Description")
    ]
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
        "rules": rules,
    }


def number(text: str) -> float | int | None:
    try:
        value = float(text.replace(",", ""))
    except (ValueError, AttributeError):
        return None
    return int(value) if value.is_integer() else value


PHASES = {"ceilings": ceilings, "curves": curve_figures, "occupancy": occupancy, "scale_transpose": scale_transpose,
          "reports": reports}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:] == ["profile-me"]:
        profile_me()
        sys.exit()
    for phase in sys.argv[1:] or PHASES:
        begin = time.time()
        try:
            print(record(f"04_{phase}", PHASES[phase]()), f"{time.time() - begin:.0f} s", flush=True)
        except Exception:
            traceback.print_exc()
        torch.cuda.empty_cache()
