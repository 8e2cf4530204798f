"""Triton answers held to counter budgets: what passed on the interpreter runs compiled on the emulated GPU."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from utils.judge import Budget, Kernel, Verdict, judge_source, spread

SEGMENT = 512
NARROW = Budget(
    quantity="load requests", at_most=lambda s: 8 * s, because="Say where it starts.", where=lambda s: s > 1
)


def aligned(rng: np.random.Generator, s: int, odd: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    starts = 16 * rng.integers(0, 90, s).astype("int32") + odd
    return torch.from_numpy(spread(rng, 2000)), torch.from_numpy(starts)


GATHER = Kernel(
    id="99.1",
    title="T",
    minutes=1,
    dots=1,
    hints=("a", "b"),
    why="because",
    answer="gather",
    signature="gather(x: float32[n], starts: int32[s]) -> float32[s, 512]",
    inputs=aligned,
    oracle=lambda x, starts: torch.stack([x[at : at + SEGMENT] for at in starts.tolist()]),
    shapes=[{"s": 1}, {"s": 3}],
    dtype="float32",
    budgets=(NARROW,),
)
ANSWER = """
import torch
from utils import triton, tl
@triton.jit
def gather_kernel(x, starts, out, W: tl.constexpr):
    p = tl.program_id(0)
    start = PROMISE
    i = tl.arange(0, W)
    tl.store(out + p * W + i, tl.load(x + start + i))
def gather(x, starts):
    out = torch.empty((len(starts), 512), dtype=x.dtype)
    gather_kernel[(len(starts),)](x, starts, out, W=512, num_warps=4)
    return out
"""


def verdict(exercise: Kernel, start: str) -> Verdict:
    (found,) = judge_source(exercise, ANSWER.replace("PROMISE", start), (1,))
    return found


@pytest.mark.parametrize("start", ["tl.multiple_of(tl.load(starts + p), 16)", "tl.load(starts + p) // 16 * 16"])
def test_a_kernel_within_its_budget_shows_its_counters(start: str) -> None:
    found = verdict(GATHER, start)
    assert found.status == "passed", str(found)
    rows = dict(found.rows)
    assert "Triton interpreter" in rows["values"] and "global load 8.5 sectors a request" in rows["counters"]
    assert "compiles for sm_90" in rows["code"]


def test_a_kernel_over_its_budget_is_told_which_line_costs_it() -> None:
    found = verdict(GATHER, "tl.load(starts + p)")
    assert (found.status, found.diagnosis) == ("failed", "budget"), str(found)
    assert "Load requests: 60" in str(found) and "in line 6" in str(found) and "Say where it starts." in str(found)


def test_a_promise_that_does_not_hold_is_found() -> None:
    odd = dataclasses.replace(GATHER, inputs=lambda rng, s: aligned(rng, s, odd=1))
    found = verdict(odd, "tl.multiple_of(tl.load(starts + p), 16)")
    assert (found.status, found.diagnosis) == ("failed", "misaligned"), str(found)
    assert "A promise that does not hold" in str(found)
