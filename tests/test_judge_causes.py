"""The cause that a verdict names was seen: each of these once named another one, or none."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from utils.judge import Budget, Cuda, Function, Kernel, Tolerance, Verdict, judge_source, spread

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
