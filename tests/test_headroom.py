"""utils/headroom.py: what limits a kernel, and the card that says so."""

from __future__ import annotations

import numpy as np
import pytest

from utils import ceilings, emulate, headroom, measures, recorded
from utils.headroom import LIMITS, RULES, evidence, limit

H100 = ceilings("H100 80GB")
REPORTS = {one["name"]: one for run in recorded("04_reports") if "H100 80GB" in run["machine"]["gpu"]
           for one in run["figures"]}  # fmt: skip
KNOWN = {
    "scale": "memory", "field": "wasted bytes", "turn": "bank conflicts", "walk": "latency", "poly": "compute",
    "choose": "divergence", "rounds": "tail", "few": "launch", "tally": "atomics", "gauss": "special functions",
    "recent": "local memory", "again": "L2", "leader": "barrier", "thin": "latency",
}  # fmt: skip
COPY = """__global__ void copy(const float* x, float* y, int n, int step) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i * step < n) y[i] = x[i * step];
}"""


def copied(step: int):
    n = 4096
    x, y = np.ones(n, np.float32), np.zeros(n // step, np.float32)
    return emulate(COPY, "copy", grid=n // step // 256, block=256, args=[x, y, n, step])


@pytest.mark.parametrize(("name", "what"), KNOWN.items())
def test_each_recorded_kernel_is_limited_by_what_its_source_says(name: str, what: str) -> None:
    found = measures(REPORTS[name])
    assert limit(found) == what and evidence(what, found)


def test_every_limit_has_a_rule_and_something_to_try() -> None:
    assert {name for _, name, _ in RULES} == set(LIMITS) == set(KNOWN.values())


def test_what_spoils_other_figures_is_asked_first() -> None:
    poly = measures(REPORTS["poly"])
    assert limit(poly | {"busy": 50.0, "lanes": 4.0}) == "tail"
    assert limit(poly | {"lanes": 4.0, "xu": 95.0}) == "divergence"
    assert limit(poly | {"memory": poly["compute"] + 1, "dram": 20.0, "local": 50.0}) == "local memory"
    assert limit(poly | {"compute": 59.9, "memory": 59.9, "stall": "wait", "atomics": 0}) == "latency"


def test_measures_of_measures_are_the_same() -> None:
    found = measures(REPORTS["field"])
    assert measures(found) == found
    assert (found["needed"], found["lanes"]) == (134.22, pytest.approx(32, abs=0.2))


def test_a_kernel_at_its_floor_is_told_to_stop() -> None:
    card = headroom(REPORTS["scale"], most=H100)
    text = str(card)
    assert card.title == "scale: 98% of its floor, limited by memory"
    assert "floor · 179 µs, set by memory: 537 MB at 3.00 TB/s" in text and "next · stop here" in text
    assert H100.gpu in text


def test_a_kernel_far_from_it_is_told_what_to_try() -> None:
    card = headroom(REPORTS["field"], most=H100)
    assert "limit · **wasted bytes**" in str(card) and "structure of arrays" in str(card)
    assert "602 MB moved for 134 MB needed" in str(card) and "stop" not in str(card)


def test_the_emulated_gpu_has_counters_and_no_clock() -> None:
    good, bad = headroom(copied(1), most=H100), headroom(copied(8), needed=4096, most=H100)
    assert good.title == "copy: counters at their ideal" and "has no clock" in str(good)
    assert bad.title.startswith("copy: wasted bytes, a factor of") and "suspect · **wasted bytes**" in str(bad)
    timed = str(headroom(copied(1), 1e-6, needed=32768, most=H100))
    assert "achieved · **1%** of the floor's speed: 1 µs" in timed


def test_flops_can_set_the_floor() -> None:
    text = str(headroom(REPORTS["poly"], most=H100))
    assert "set by compute" in text and "17.2 GFLOP" in text
