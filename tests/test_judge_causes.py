"""The cause that a verdict names was seen: each of these once named another one, or none."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from utils.judge import Budget, Cuda, Function, Kernel, Predict, Quantity, Tolerance, Verdict, judge_source, spread

CARD = dict(id="99.1", title="T", minutes=1, dots=1, hints=("a", "b"), why="because", seconds=20.0)
HEAD = "import torch\nimport triton\nimport triton.language as tl\n"


def tensor(rng: np.random.Generator, n: int) -> torch.Tensor:
    return torch.from_numpy(spread(rng, n) + np.float32(9))


DOUBLE = Kernel(
    **CARD, answer="double", signature="double(x: float32[n]) -> float32[n]", inputs=lambda rng, n: (tensor(rng, n),),
    oracle=lambda x: 2 * x, shapes=[dict(n=n) for n in (1, 127, 128, 129)], dtype="float32",
    tolerance=Tolerance.of("float32"), block=(128,),
)  # fmt: skip
TOTAL = dataclasses.replace(
    DOUBLE, answer="total", signature="total(x: float32[n]) -> float32[1]", oracle=lambda x: x.sum().reshape(1)
)
MAP = (
    HEAD
    + """
@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + i, FACTOR * tl.load(x + i, mask=i < n), mask=i < n)
def double(x):
    y = torch.empty_like(x)
    kernel[GRID](x, y, len(x), BLOCK=128)
    return y
"""
)
SUM = (
    HEAD
    + """
@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y, tl.sum(tl.load(x + i, mask=i < n)))
def total(x):
    y = torch.empty(1, dtype=x.dtype)
    kernel[(1,)](x, y, len(x), BLOCK=256)
    return y
"""
)


def verdict(exercise: Function, code: str) -> Verdict:
    return judge_source(exercise, code, (1,))[0]


def mapped(factor: str, grid: str = "(triton.cdiv(len(x), 128),)") -> Verdict:
    return verdict(DOUBLE, MAP.replace("FACTOR", factor).replace("GRID", grid))


def test_lanes_without_a_value_are_named_only_if_the_result_depends_on_them() -> None:
    seen = mapped("3")
    assert seen.diagnosis == "scaled" and "other=" not in str(seen), str(seen)
    seen = verdict(TOTAL, SUM)
    assert seen.status == "failed" and "with 0 in those lanes it changes" in str(seen), str(seen)
    assert "fully masked row" not in str(seen)


def test_an_empty_row_is_named_only_if_there_is_one() -> None:
    softmax = Function(
        **CARD, answer="softmax", signature="softmax(x: float32[n, m]) -> float32[n, m]",
        inputs=lambda rng, n: (spread(rng, (n, 8)),),
        oracle=lambda x: np.exp(x.astype("float64")) / np.exp(x.astype("float64")).sum(1, keepdims=True),
        shapes=[dict(n=n) for n in (1, 5)], dtype="float32", tolerance=Tolerance.of("float32", 8),
    )  # fmt: skip
    head = "import numpy as np\ndef softmax(x):\n"
    code = head + "    e = np.exp(x * np.float32(1000))\n    return e / e.sum(1, keepdims=True)"
    seen = verdict(softmax, code)
    assert seen.diagnosis == "nan" and "masked row" not in str(seen) and "Inf/Inf" in str(seen), str(seen)

    def blank(rng: np.random.Generator, n: int) -> tuple[np.ndarray]:
        return (np.concatenate([spread(rng, (n, 8)), np.full((1, 8), -np.inf, "float32")]),)

    zeros = dataclasses.replace(
        softmax, inputs=blank, oracle=lambda x: np.exp(x) / np.maximum(np.exp(x).sum(1), 1e-9)[:, None]
    )
    assert "masked row" in str(verdict(zeros, code))


def test_bit_patterns_added_as_integers_are_recognized() -> None:
    add = Function(
        **CARD, answer="add", signature="add(x: float16[n], y: float16[n]) -> float16[n]",
        inputs=lambda rng, n: (spread(rng, n, "float16"), spread(rng, n, "float16")),
        oracle=lambda x, y: (x.astype("float64") + y).astype("float16"),
        shapes=[dict(n=n) for n in (2, 64, 96)], dtype="float16", tolerance=Tolerance.of("float16"),
    )  # fmt: skip
    code = "import numpy as np\ndef add(x, y):\n    return (x.view('uint32') + y.view('uint32')).view('float16')"
    seen = verdict(add, code)
    assert seen.diagnosis == "nan" and "added as integers" in str(seen), str(seen)


def test_counts_are_not_rounded() -> None:
    count = Function(
        **CARD, answer="count", signature="count(x: int32[n], mask: bool[n]) -> int64[n]",
        inputs=lambda rng, n: (rng.integers(0, 99, n, "int32"), rng.random(n) < 0.5),
        oracle=lambda x, mask: np.where(mask, x, 0).astype("int64"),
        shapes=[dict(n=n) for n in (1, 5, 64)], dtype="int64",
    )  # fmt: skip
    seen = verdict(count, "import numpy as np\ndef count(x, mask):\n    return np.where(mask, x, 1).astype('int64')")
    assert seen.status == "failed" and "last place" not in str(seen), str(seen)
    seen = verdict(
        count, "import numpy as np\ndef count(x, mask):\n    return np.where(mask, x, 0).astype('int64') - 1"
    )
    assert seen.diagnosis == "offset" and "rounded up" in str(seen), str(seen)


def test_a_grid_that_is_a_number() -> None:
    seen = mapped("2", "triton.cdiv(len(x), 128)")
    assert seen.status == "error" and "A grid is a tuple" in str(seen), str(seen)
    assert mapped("2").status == "passed"


def test_a_number_that_is_right_or_far_off_is_no_rounding_error() -> None:
    best = Function(
        **CARD, answer="best", signature="best(a: list[float]) -> float",
        inputs=lambda rng, k: ([5.0 + k, 5.3 + k, 9.0 + k],),
        oracle=lambda a: min(a), shapes=[dict(k=k) for k in range(8)], tolerance=Tolerance(1e-6),
    )  # fmt: skip
    seen = verdict(best, "def best(a):\n    return a[1] if a[0] > 11 else a[0]")
    assert seen.status == "failed" and seen.diagnosis != "low-precision", str(seen)
    seen = verdict(best, "import numpy as np\ndef best(a):\n    return float(np.float16(a[0] + 0.0137))")
    assert seen.status == "failed"


REVERSED = Cuda(
    **CARD, answer="turn", signature="turn(const float* x, float* y, int n)",
    inputs=lambda rng, n: (spread(rng, n), np.zeros(n, "float32"), n),
    oracle=lambda x, y, n: np.concatenate([part[::-1] for part in np.split(x, range(64, n, 64))]), outputs=("y",),
    shapes=[dict(n=n) for n in (64, 640)], launch=lambda n: dict(grid=-(-n // 64), block=64), dtype="float32",
)  # fmt: skip
SUMS = Cuda(
    **CARD, answer="sums", signature="sums(const int* x, int* y, int n)",
    inputs=lambda rng, n: (rng.integers(1, 99, n, "int32"), np.zeros(-(-n // 128), "int32"), n),
    oracle=lambda x, y, n: np.add.reduceat(x, np.arange(0, n, 128)).astype("int32"), outputs=("y",),
    shapes=[dict(n=n) for n in (100, 128, 300)], launch=lambda n: dict(grid=-(-n // 128), block=128), dtype="int32",
)  # fmt: skip
TREE = """
__global__ void sums(const int* x, int* y, int n) {
    __shared__ int s[128];
    int t = threadIdx.x, i = blockIdx.x * 128 + t;
    FILL
    __syncthreads();
    for (int k = 64; k > 0; k /= 2) {
        if (t < k) s[t] += s[t + k];
        BARRIER
    }
    if (t == 0) y[blockIdx.x] = s[0];
}
"""
COPIED = """
#include <cuda_pipeline.h>
__global__ void turn(const float* x, float* y, int n) {
    __shared__ float s[64];
    int t = threadIdx.x, first = blockIdx.x * 64;
    __pipeline_memcpy_async(&s[t], &x[first + t], 4);
    __pipeline_commit();
    WAIT
    __syncthreads();
    y[first + t] = s[63 - t];
}
"""


def cuda(exercise: Cuda, source: str) -> Verdict:
    return verdict(exercise, f'{exercise.answer} = r"""{source}"""')


def tree(fill: str, barrier: str = "__syncthreads();") -> Verdict:
    return cuda(SUMS, TREE.replace("FILL", fill).replace("BARRIER", barrier))


def test_a_thread_that_left_before_it_stored() -> None:
    assert tree("s[t] = i < n ? x[i] : 0;").status == "passed"
    seen = tree("if (i >= n) return; s[t] = x[i];")
    assert seen.diagnosis == "uninitialized" and "28 threads of the block had left before" in str(seen), str(seen)
    assert "an early `return`" in str(seen)
    seen = tree("if (i < n) s[t] = x[i];")  # they are all still there
    assert seen.diagnosis == "uninitialized" and "left" not in str(seen), str(seen)


def test_a_copy_that_was_not_waited_for() -> None:
    assert cuda(REVERSED, COPIED.replace("WAIT", "__pipeline_wait_prior(0);")).status == "passed"
    seen = cuda(REVERSED, COPIED.replace("WAIT", ""))
    assert "copy to it has been started (line 6), and not waited for" in str(seen), str(seen)
    assert seen.diagnosis == "uninitialized" and "__pipeline_wait_prior" in str(seen)


def test_a_missing_barrier_is_not_an_atomic_and_a_counter_is() -> None:
    seen = tree("s[t] = i < n ? x[i] : 0;", "")
    assert seen.diagnosis == "race" and "atomic" not in str(seen) and "__syncthreads" in str(seen), str(seen)
    count = TREE.replace("FILL", "s[t] = 0;").replace("if (t < k) s[t] += s[t + k]", "s[0] += i < n ? x[i] : 0")
    seen = cuda(SUMS, count.replace("k = 64", "k = 1").replace("BARRIER", "__syncthreads();"))
    assert seen.diagnosis == "race" and "atomic" in str(seen), str(seen)


COPY = dataclasses.replace(
    REVERSED, answer="copy", signature="copy(const float* x, float* y, int n)", oracle=lambda x, y, n: x,
    shapes=[dict(n=n) for n in (64, 640, 1000)],
    budgets=(
        Budget(quantity="l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum", at_most=lambda n: n, because="Few."),
        Budget(quantity="global load", at_most=1.05, of_ideal=True, because="Stretches.", key="sectors"),
        Budget(quantity="traffic", at_most=1.05, because="Twice?", key="traffic"),
    ),
)  # fmt: skip
EVERY = """
__global__ void copy(const float* x, float* y, int n) {
    for (int i = threadIdx.x + OFFSET; i < n; i += 64) y[i] = x[i];
}
"""


def test_what_is_moved_many_times_over_is_told_before_the_sectors() -> None:
    seen = cuda(COPY, EVERY.replace("threadIdx.x + OFFSET", "(threadIdx.x * 5 + 1) % 64"))
    assert seen.diagnosis == "traffic" and "Twice?" in str(seen), str(seen)
    seen = cuda(COPY, EVERY.replace("OFFSET; i < n; i += 64", "64 * blockIdx.x; i < n; i += 64 * gridDim.x"))
    assert seen.status == "passed", str(seen)


def test_a_counter_with_a_name_is_called_by_it() -> None:
    few = Budget(quantity="l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum", at_most=1, because="Few.")
    tight = dataclasses.replace(COPY, budgets=(few,))
    seen = cuda(tight, EVERY.replace("OFFSET; i < n; i += 64", "64 * blockIdx.x; i < n; i += 64 * gridDim.x"))
    assert "Load requests: 32" in str(seen) and "l1tex" not in str(seen), str(seen)


def test_a_prediction_is_answered_in_figures_that_matter() -> None:
    about = Predict(
        id="99.2", title="T", hints=("a", "b"), why="w",
        quantities=(Quantity(name="k", value=175000 / 88, unit="threads", rtol=0.02, because="so"),),
    )  # fmt: skip
    assert "it is **1,989 threads**" in str(verdict(about, "k = 7"))
