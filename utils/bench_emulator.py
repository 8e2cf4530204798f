"""`./study bench --emulator`: how fast the emulated GPU is, beside numba's simulator, and how its time grows.

Every time includes the counters and the search for faults; compiling is not in it (it happens once a source).
"""

from __future__ import annotations

import json
import multiprocessing
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from .doctor import machine
from .machine import ROOT

PICTURE = ROOT / "build" / "emulator.svg"
NUMBA = ROOT / "build" / "numba"  # a throwaway virtual environment: the course needs no numba
PACKAGES = ("numba", "numba-cuda")
SCRIPT = Path(__file__).with_name("bench_numba.py")
FASTER = 100  # times numba's simulator, at least
GIGABYTE = 10**9
RUNS = 5
MARK = {True: "[green]✓", False: "[red]✗"}

TRANSPOSE = """
__global__ void transpose(const float* x, float* y, int n) {
    __shared__ float tile[32][33];
    int column = blockIdx.x * 32 + threadIdx.x, row = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (row + k < n && column < n) tile[threadIdx.y + k][threadIdx.x] = x[(row + k) * n + column];
    __syncthreads();
    column = blockIdx.y * 32 + threadIdx.x, row = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (row + k < n && column < n) y[(row + k) * n + column] = tile[threadIdx.x][threadIdx.y + k];
}"""
REDUCTION = """
__global__ void reduction(const float* x, float* total, int n) {
    __shared__ float part[256];
    int thread = threadIdx.x;
    float value = 0;
    for (int i = blockIdx.x * 256 + thread; i < n; i += 256 * gridDim.x) value += x[i];
    part[thread] = value;
    __syncthreads();
    for (int step = 128; step > 0; step /= 2) {
        if (thread < step) part[thread] += part[thread + step];
        __syncthreads();
    }
    if (thread == 0) atomicAdd(total, part[0]);
}"""
PRODUCT = """
__global__ void product(const float* a, const float* b, float* c, int n) {
    __shared__ float left[16][16], right[16][16];
    int x = threadIdx.x, y = threadIdx.y, column = blockIdx.x * 16 + x, row = blockIdx.y * 16 + y;
    float total = 0;
    for (int k = 0; k < n; k += 16) {
        left[y][x] = a[row * n + k + x];
        right[y][x] = b[(k + y) * n + column];
        __syncthreads();
        for (int j = 0; j < 16; ++j) total += left[y][j] * right[j][x];
        __syncthreads();
    }
    c[row * n + column] = total;
}"""
WORK = """
__global__ void work(float* x, int turns) {
    int i = blockIdx.x * 256 + threadIdx.x;
    float value = x[i];
    #pragma unroll 1
    for (int k = 0; k < turns; ++k) value = value * 0.5f + k;
    x[i] = value;
}"""


@dataclass(frozen=True)
class Kernel:
    """small: the size that numba's simulator ends; full: the size with a target in seconds."""

    name: str
    source: str
    small: int
    full: int
    target: float
    called: str


KERNELS = (
    Kernel("reduction", REDUCTION, 16_384, 1 << 20, 0.3, "sum of {:,} floats"),
    Kernel("transpose", TRANSPOSE, 128, 1024, 1.5, "transpose of {0} × {0}"),
    Kernel("product", PRODUCT, 64, 256, 3.0, "tiled product of {0} × {0} × {0}"),
)
THREADS = tuple(1 << k for k in range(8, 23, 2))
TURNS = tuple(1 << k for k in range(0, 11, 2))


@dataclass(frozen=True)
class Point:
    """threads and warp instructions of one launch of `work`, and its seconds."""

    threads: int
    turns: int
    instructions: int
    seconds: float


def bench(json_out: Path | None = None) -> int:
    """Measure, print, draw and write JSON; 1 if a target is missed."""
    console = Console(highlight=False)
    console.print(f"[dim]{machine()}  ·  Python {platform.python_version()}, NumPy {np.__version__}[/]")
    record: dict = {"machine": machine(), "python": platform.python_version(), "numpy": np.__version__}
    with console.status("the emulated GPU at full size"):
        record["targets"], peak = fresh(targets)
    record["peak_bytes"] = peak
    console.print(targets_table(record["targets"], peak))
    with console.status("numba's simulator (half a minute, and a minute to install it the first time)"):
        record["beside_numba"], reason = beside_numba()
    console.print(numba_table(record["beside_numba"]) if not reason else f"[yellow]Not compared with numba: {reason}")
    with console.status("how time grows"):
        by_threads, by_turns = fresh(growth)
    console.print(growth_table(by_threads, by_turns))
    record["growth"] = {"threads": [asdict(p) for p in by_threads], "instructions": [asdict(p) for p in by_turns]}
    draw(by_threads, by_turns, PICTURE)
    console.print(f"Picture: {PICTURE.relative_to(ROOT)}")
    if json_out:
        json_out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if kept(record) else 1


def kept(record: dict) -> bool:
    """Whether every target was kept, of those that were measured."""
    fast = all(record["targets"][kernel.name] < kernel.target for kernel in KERNELS)
    ahead = all(row["numba"] >= FASTER * row["ours"] for row in record["beside_numba"].values())
    return fast and ahead and record["peak_bytes"] < GIGABYTE


# The emulator


def fresh(measure: Callable) -> tuple:
    """`measure()` in a process of its own: memory is counted from its start."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure).result()


def targets() -> tuple[dict[str, float], int]:
    """Seconds of each kernel at full size, and the bytes of memory that the process took at most."""
    seconds = {kernel.name: median_seconds(kernel, kernel.full) for kernel in KERNELS}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, peak * (1 if sys.platform == "darwin" else 1024)


def ours() -> dict[str, float]:
    """Seconds of each kernel at numba's size."""
    return {kernel.name: median_seconds(kernel, kernel.small) for kernel in KERNELS}


def median_seconds(kernel: Kernel, n: int) -> float:
    """One launch, the median of several; the first, which compiles, is left out. Raises if it is wrong."""
    from .vgpu import emulate

    seconds = []
    for _ in range(RUNS + 1):
        grid, block, args, right = prepared(kernel.name, n)
        start = time.perf_counter()
        report = emulate(kernel.source, kernel.name, grid, block, args)
        seconds.append(time.perf_counter() - start)
        if report.faults or not right():
            raise RuntimeError(f"{kernel.name} of {n} is wrong on the emulated GPU: {report.faults}")
    return statistics.median(seconds[1:])


def prepared(name: str, n: int) -> tuple[tuple, tuple, list, Callable[[], bool]]:
    """(grid, block, arguments, whether they hold the right result)."""
    rng = np.random.default_rng(n)
    if name == "reduction":
        x, total = rng.standard_normal(n, np.float32), np.zeros(1, np.float32)
        near = 1e-6 * np.abs(x).sum()
        return (-(-n // 1024),), (256,), [x, total, n], lambda: abs(total[0] - x.sum(dtype=np.float64)) < near
    if name == "transpose":
        x, y = rng.standard_normal((n, n), np.float32), np.zeros((n, n), np.float32)
        return (-(-n // 32),) * 2, (32, 8), [x, y, n], lambda: np.array_equal(y, x.T)
    a, b = rng.standard_normal((2, n, n), np.float32)
    c = np.zeros((n, n), np.float32)
    return (n // 16,) * 2, (16, 16), [a, b, c, n], lambda: np.allclose(c, a.astype(np.float64) @ b, 1e-4, 1e-4)


def growth() -> tuple[list[Point], list[Point]]:
    """A loop of a few instructions: with more and more threads, then with more and more turns."""
    return [launched(threads, 16) for threads in THREADS], [launched(1 << 14, turns) for turns in TURNS]


def launched(threads: int, turns: int) -> Point:
    from .vgpu import emulate

    seconds = []
    for _ in range(4):
        x = np.zeros(threads, np.float32)
        start = time.perf_counter()
        report = emulate(WORK, "work", threads // 256, 256, [x, turns])
        seconds.append(time.perf_counter() - start)
    return Point(threads, turns, int(report.metrics["smsp__inst_executed.sum"]), statistics.median(seconds[1:]))


# numba's simulator


def beside_numba() -> tuple[dict[str, dict], str]:
    """(seconds of ours and of numba's simulator at the same size, by kernel; why there are none)."""
    try:
        python = numba_python()
    except subprocess.CalledProcessError as problem:
        why = problem.stderr.strip().splitlines()[-1] if problem.stderr else str(problem)
        return {}, f"{why}. It takes a package index: `pip install {' '.join(PACKAGES)}` into {NUMBA / 'venv'}"
    mine = fresh(ours)
    rows = {}
    for kernel in KERNELS:
        done = subprocess.run([python, SCRIPT, kernel.name, str(kernel.small)], capture_output=True, text=True)
        if done.returncode:
            return {}, done.stderr.strip().splitlines()[-1]
        result = json.loads(done.stdout.splitlines()[-1])
        if not result["right"]:
            return {}, f"its {kernel.name} is wrong"
        rows[kernel.name] = {"n": kernel.small, "ours": mine[kernel.name], "numba": result["seconds"]}
    return rows, ""


def numba_python() -> Path:
    """The Python of a virtual environment with numba in it, made the first time."""
    python = NUMBA / "venv" / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", "import numba.cuda"], capture_output=True).returncode:
        for step in ([sys.executable, "-m", "venv", NUMBA / "venv"], [python, "-m", "pip", "install", "-q", *PACKAGES]):
            subprocess.run(step, check=True, capture_output=True, text=True)
    return python


# What is shown


def targets_table(seconds: dict[str, float], peak: int) -> Table:
    result = Table("the emulated GPU, counters and faults included", "target", "measured", "", box=None,
                   header_style="dim")  # fmt: skip
    for kernel in KERNELS:
        took = seconds[kernel.name]
        result.add_row(kernel.called.format(kernel.full), f"< {kernel.target:g} s", f"{took:.2f} s",
                       MARK[took < kernel.target])  # fmt: skip
    result.add_row("memory for all three", "< 1000 MB", f"{peak / 1e6:.0f} MB", MARK[peak < GIGABYTE])
    return result


def numba_table(rows: dict[str, dict]) -> Table:
    result = Table("beside numba's simulator", "numba", "ours", "times faster", f"target {FASTER}", box=None,
                   header_style="dim")  # fmt: skip
    for kernel in KERNELS:
        row = rows[kernel.name]
        ratio = row["numba"] / row["ours"]
        result.add_row(kernel.called.format(kernel.small), f"{row['numba']:.2f} s", f"{1e3 * row['ours']:.1f} ms",
                       f"{ratio:,.0f}", MARK[ratio >= FASTER])  # fmt: skip
    return result


def growth_table(by_threads: Iterable[Point], by_turns: Iterable[Point]) -> Table:
    result = Table("how time grows", "turns of a loop", "warp instructions", "ms", "ns a thread instruction", box=None,
                   header_style="dim")  # fmt: skip
    for point in (*by_threads, *by_turns):
        each = 1e9 * point.seconds / (32 * point.instructions)
        result.add_row(f"{point.threads:,} threads", str(point.turns), f"{point.instructions:,}",
                       f"{1e3 * point.seconds:.1f}", f"{each:.2f}")  # fmt: skip
    return result


def draw(by_threads: list[Point], by_turns: list[Point], file: Path) -> None:
    """Two panels, both axes logarithmic, with the line along which time is proportional."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    panels = zip(figure.subplots(1, 2), (by_threads, by_turns), ("threads", "instructions"), strict=True)
    for axes, points, name in panels:
        across = [getattr(point, name) for point in points]
        axes.loglog(across, [1e3 * point.seconds for point in points], "o-")
        last = points[-1]
        axes.loglog(across, [1e3 * last.seconds * value / across[-1] for value in across], ":", label="proportional")
        held = "16 turns of a loop" if name == "threads" else f"{last.threads:,} threads"
        axes.set(xlabel="threads" if name == "threads" else "warp instructions", ylabel="ms", title=held)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file)
