"""The recorded times of tiles are the kernel's, not those of the machine that launches it."""

from math import ceil

import pytest

from utils import tile_times
from utils.records import recorded

pytestmark = pytest.mark.skipif(not recorded("06_tiles"), reason="the times of tiles are not recorded here")


def test_no_time_is_the_hosts():
    """A generous bound: 15 µs, then for each wave 4 µs and 1 µs for 64 of k, and every element at 1 TB/s."""
    figures, slow = tile_times.figures(), []
    for (m, n, k), row in zip(figures["shapes"], figures["ms"], strict=True):
        for (bm, bn, *rest), ms in zip(figures["configurations"], row, strict=True):
            waves = ceil(ceil(m / bm) * ceil(n / bn) / 132)
            most = 15 + waves * (4 + ceil(k / 64)) + 2 * (m * k + k * n + m * n) / 1e6
            if ms is not None and 1000 * ms > most:
                slow.append(f"{m} x {n} x {k}, {(bm, bn, *rest)}: {1000 * ms:.0f} µs, at most {most:.0f}")
    assert not slow, f"{len(slow)} times, such as {slow[0]}"


def test_half_of_the_shapes_are_shown():
    figures, seen = tile_times.figures(), tile_times.seen()
    assert len(figures["shapes"]) == 60 and len(seen) == 30 and len(set(map(tuple, figures["shapes"]))) == 60
    assert all(len(row) == len(tile_times.configurations()) and min(row) > 0 for row in seen.values())
