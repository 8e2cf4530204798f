"""The products measured beside cuBLAS, and the tile sizes of the boss: `./study bench --gpu 06`, on a GPU."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
import torch
from checks import NAIVE  # of this folder

from solutions.kernels import few_rows, gemm_fp8, gemm_skinny, gemm_triton, gemm_warp_specialized, sgemm
from utils import course, machine
from utils.climb import NO_GPU, Wrong, summary
from utils.records import record, recorded
from utils.timing import alternated, peak_bandwidth, ratio, refuse_impossible
from utils.vgpu.device import kernel_on_gpu

FP8 = torch.float8_e4m3fn


@dataclass
class Product:
    """One shape.  library, rungs: by name, functions of no arguments that return C (M x N).

    allowed: of the relative error's norm, against float64.  moved: bytes, each input and output once.
    """

    m: int
    n: int
    k: int
    inputs: tuple[torch.Tensor, torch.Tensor]  # A, M x K, and B, K x N (a view, where it lies turned)
    library: dict[str, Callable[[], torch.Tensor]]
    rungs: dict[str, Callable[[], torch.Tensor]]
    allowed: float

    @property
    def flops(self) -> int:
        return 2 * self.m * self.n * self.k

    @property
    def moved(self) -> int:
        a, b = self.inputs
        return a.nbytes + b.nbytes + 4 * self.m * self.n // (1 if a.itemsize == 4 else 2)

    def error(self, c: torch.Tensor) -> float:
        """Of up to 1,024 rows and 2,048 columns, the last ones too, against float64; over what is allowed."""
        a, b = self.inputs
        rows = torch.arange(0, self.m, max(1, self.m // 1024), device=a.device)
        columns = torch.arange(self.n - 1, -1, -max(1, self.n // 2048), device=a.device)
        want = a[rows].double() @ b[:, columns].double()
        off = c[rows][:, columns].double() - want
        return float(off.norm() / want.norm() / self.allowed)


def measured(product: Product, rounds: int) -> dict[str, Any]:
    """All alternated in one run; raises Wrong or Impossible."""
    functions, last = {**product.library, **product.rungs}, {}

    def timed(name: str) -> None:
        last[name] = functions[name]()

    times = alternated({name: partial(timed, name) for name in functions}, rounds)
    for name in product.rungs:
        if not (error := product.error(last[name])) <= 1:
            raise Wrong(f"{name}, {product.m} x {product.n} x {product.k}: {error:.3g} times the deviation allowed")
        refuse_impossible(name, min(times[name]), product.moved, peak_bandwidth())
    library = next(iter(product.library))
    entries = {name: entry(product, taken, times[library]) for name, taken in times.items()}
    for name, one in entries.items():
        figures = f"{one['ms']:9.4f} ms {one['TFLOP/s']:7.1f} TFLOP/s {one['of library']:6.3f}"
        print(f"  {product.m:5} {product.n:5} {product.k:5}  {name:44} {figures}", flush=True)
    return {
        "shape": f"{product.m} × {product.n} × {product.k}",
        "bytes": product.moved,
        "flops": product.flops,
        "library": {"name": library, **entries[library]},
        "rungs": [{"name": name, **entries[name]} for name in functions if name != library],
    }


def entry(product: Product, taken: list[float], library: list[float]) -> dict[str, Any]:
    return {
        **summary(taken),
        "TFLOP/s": round(product.flops / median(taken) / 1e9, 2),
        "of library": round(ratio(taken, library), 4),
    }


def climb(topic: str, title: str, products: Iterator[Product], rounds: int) -> None:
    print(topic)
    print(record(topic, {"title": title, "rounds": rounds, "shapes": [measured(one, rounds) for one in products]}))


def drawn(m: int, n: int, k: int, dtype: torch.dtype, turned: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """A and B, normal; B a view of N x K if `turned`."""
    a, b = (
        torch.randn(m, k, device="cuda").to(dtype),
        torch.randn(n if turned else k, k if turned else n, device="cuda"),
    )
    return a, b.to(dtype).T if turned else b.to(dtype)


def cuda_rung(source: str, kernel: str, launch: dict[str, Any], a: torch.Tensor, b: torch.Tensor, *more: int):
    (m, k), n = a.shape, b.shape[1]
    c, ready = torch.full((m, n), float("nan"), device="cuda"), kernel_on_gpu(source, kernel)
    shared = launch.get("dynamic_shared", 0)
    return lambda: ready(launch["grid"], launch["block"], a, b, c, m, n, k, *more, dynamic_shared=shared) or c


def answer_rung(id: str, kernel: str, a: torch.Tensor, b: torch.Tensor) -> Callable[[], torch.Tensor]:
    """The model answer of an exercise in CUDA C++, launched as its check does."""
    _, exercise = course.find(id)
    names: dict[str, Any] = {}
    exec(course.model(id), names)
    return cuda_rung(names[exercise.answer], kernel, exercise.launch(*a.shape[:1], b.shape[1], a.shape[1]), a, b)


def in_float32() -> Iterator[Product]:
    size = 4096
    a, b = drawn(size, size, size, torch.float32)
    rungs = {"naive": cuda_rung(NAIVE, "sgemm", {"grid": (size // 8, size // 32), "block": (32, 8)}, a, b)}
    answers = {"06.2": "coalesced", "06.20": "shared tile 32 × 32", "06.22": "64 × 64, a column of sums a thread",
               "06.23": "64 × 64, 4 × 4 sums a thread", "06.25": "float4 everywhere",
               "06.29": "boss: any size"}  # fmt: skip
    rungs |= {f"{id} {what}": answer_rung(id, "sgemm", a, b) for id, what in answers.items()}
    launch = {"grid": sgemm.blocks(size, size), "block": sgemm.THREADS, "dynamic_shared": sgemm.SHARED}
    rungs["128 × 256, 8 × 16 sums a thread, cp.async"] = cuda_rung(sgemm.SGEMM, "sgemm", launch, a, b, 8)
    yield Product(size, size, size, (a, b), {"cuBLAS, float32": lambda: a @ b}, rungs, 1e-5)


def in_bf16(shapes: list[tuple[int, int, int]], triton: bool) -> Iterator[Product]:
    for m, n, k in shapes:
        a, b = drawn(m, n, k, torch.bfloat16)
        rungs = {"Triton, persistent, TMA": partial(gemm_triton.gemm, a, b)} if triton else {}
        rungs["Gluon, warp specialized"] = partial(gemm_warp_specialized.gemm, a, b)
        yield Product(m, n, k, (a, b), {"cuBLAS": partial(torch.matmul, a, b)}, rungs, 3e-3)


def in_fp8(promote: bool) -> Iterator[Product]:
    one = torch.ones((), device="cuda")
    for size in (4096, 8192):
        a, b = drawn(size, size, size, FP8, turned=True)
        scaled = partial(torch._scaled_mm, a, b, one, one, out_dtype=torch.bfloat16, use_fast_accum=not promote)
        if promote:
            rungs = {"Gluon, promoted every 128": partial(gemm_fp8.gemm_promoted, a, b.T)}
        else:
            rungs = {"Gluon": partial(gemm_warp_specialized.gemm, a, b.T, transposed=True)}
        yield Product(size, size, size, (a, b), {"_scaled_mm": scaled}, rungs, 2e-3 if promote else 5e-3)


def few_row_kernels(m: int) -> dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]:
    """By name, of x and W (N x K)."""
    if m == 1:
        return {"Triton, TMA, W x^T": gemm_skinny.skinny, "Triton, CUDA cores": gemm_skinny.gemv}
    return {"Triton, TMA, W x^T": gemm_skinny.skinny, "CUDA C++, wgmma, weights evicted first": few_rows.few_rows}


def of_few_rows() -> Iterator[Product]:
    for m in (1, 16, 64):
        x, w = drawn(m, 8192, 8192, torch.bfloat16, turned=True)
        rungs = {name: partial(kernel, x, w.T) for name, kernel in few_row_kernels(m).items()}
        yield Product(m, 8192, 8192, (x, w), {"cuBLAS": partial(torch.matmul, x, w)}, rungs, 3e-3)


SETS = 8  # of weights, 1 GiB: no run finds its own in the L2 cache


def without_flush(rounds: int = 15) -> None:
    """Few rows again, as a decoder does it: one set of weights after the other, no writes that the cache must drop."""
    rows = []
    for m in (1, 16, 64):
        sets = [(x, w.T) for x, w in (drawn(m, 8192, 8192, torch.bfloat16, turned=True) for _ in range(SETS))]
        graphs = {"cuBLAS": graph(lambda x, w: x @ w.T, sets)}
        graphs |= {name: graph(kernel, sets) for name, kernel in few_row_kernels(m).items()}
        times: dict[str, list[float]] = {name: [] for name in graphs}
        for _ in range(rounds):
            for name, one in graphs.items():
                start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                one.replay()
                start.record()
                one.replay()
                end.record()
                torch.cuda.synchronize()
                times[name].append(start.elapsed_time(end) / SETS)
        entries = [
            {"name": name, **summary(taken), "of library": round(ratio(taken, times["cuBLAS"]), 4)}
            for name, taken in times.items()
        ]
        rows.append({"shape": f"{m} × 8192 × 8192", "rungs": entries})
        print(m, entries, flush=True)
    print(
        record("06_skinny_rotated", {"title": "Few rows, 8 sets of weights in turn", "rounds": rounds, "shapes": rows})
    )


def graph(function: Callable, sets: list[tuple]) -> torch.cuda.CUDAGraph:
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        function(*sets[0])  # compiles
    torch.cuda.synchronize()
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        for one in sets:
            function(*one)
    return captured


def tiles(rounds: int = 9) -> None:
    """Every configuration of the boss on every shape; what is there is measured anew."""
    known = recorded("06_tiles")[0]["figures"]
    ms, cublas = [], []
    for m, n, k in known["shapes"]:
        a, b = drawn(m, n, k, torch.bfloat16)
        functions = {"cuBLAS": partial(torch.matmul, a, b)}
        for bm, bn, bk, stages, warps in known["configurations"]:
            call = partial(gemm_triton.gemm, a, b, block=(bm, bn, bk), stages=stages, warps=warps)
            functions[str(len(functions))] = call
        taken = [round(median(times), 5) for times in alternated(functions, rounds).values()]
        cublas.append(taken[0])
        ms.append(taken[1:])
    print(record("06_tiles", known | {"ms": ms, "cublas_ms": cublas}))


def main() -> None:
    if not machine.gpu():
        raise SystemExit(NO_GPU)
    torch.backends.cuda.matmul.allow_tf32 = False
    climb("06_sgemm", "SGEMM, float32 on CUDA cores", in_float32(), 7)
    climb("06_gemm", "bf16 on tensor cores", in_bf16([(4096, 4096, 4096), (8192, 8192, 8192)], True), 25)
    over_k = [(8192, 8192, 512 * 2**i) for i in range(6)]
    climb("06_gemm_k", "bf16, M = N = 8192, over K", in_bf16(over_k, False), 25)
    climb("06_fp8", "fp8, sums in the tensor cores", in_fp8(False), 25)
    climb("06_fp8_promoted", "fp8, sums promoted to float32", in_fp8(True), 25)
    climb("06_skinny", "Few rows, the cache flushed by writing zeros", of_few_rows(), 25)
    without_flush()
    if "--tiles" in sys.argv:
        tiles()


if __name__ == "__main__":
    main()
