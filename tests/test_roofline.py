"""utils/roofline.py: the recorded ceilings, and kernels drawn under them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from matplotlib import pyplot

from utils import ceilings, roofline

module = sys.modules["utils.roofline"]  # `utils.roofline` is the function
H100 = ceilings("H100 80GB")


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    pyplot.close("all")
    yield
    pyplot.close("all")


def drawn() -> tuple[list[str], str]:
    """The texts in the only figure, and its title."""
    (ax,) = pyplot.gcf().axes
    return [text.get_text() for text in ax.texts], ax.get_title()


def test_ceilings_are_what_was_measured_and_below_the_datasheet() -> None:
    assert "H100" in H100.gpu and H100.date.startswith("20")
    assert 2.8e12 < H100.copy < 3.35e12 < H100.l2 < H100.shared
    assert 55e12 < H100.fp32 < 67e12 and 650e12 < H100.bf16 < 989.4e12
    assert H100.latency["L1"]["cycles"] < H100.latency["L2"]["cycles"] < H100.latency["HBM"]["cycles"]
    assert H100.ridge("bf16") == H100.peak("bf16") / H100.copy and round(H100.ridge()) == 21


def test_a_gpu_without_a_record_gets_the_first_and_its_name() -> None:
    assert ceilings("no such GPU") == ceilings()


def test_a_missing_record_says_what_is_missing_and_who_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "recorded", lambda topic: [])
    with pytest.raises(FileNotFoundError, match=r"has no 04_ceilings: `./study bench --gpu 04` records it"):
        module.ceilings.__wrapped__("")


def test_the_ceilings_as_a_table() -> None:
    rows = dict(module.describe(H100))
    assert rows["copy, read and write counted"] == "3 TB/s" and rows["BF16 matrix product"] == "728 TFLOP/s"
    assert module._rate(1.5e15, "B/s") == "1.5 PB/s" and module._rate(12, "B/s") == "12 B/s"


def test_kernels_carry_their_share_of_the_roof() -> None:
    half = 0.5 * H100.copy / 8
    roofline({"half": (1 / 8, half), "untimed": (1.0, None)}, H100, kind="fp32")
    texts, title = drawn()
    assert "half, 50 %" in texts and "untimed" in texts and title == f"{H100.gpu}, as measured {H100.date}"
    (ax,) = pyplot.gcf().axes
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert marks[1].get_markerfacecolor() == "none" and marks[1].get_ydata()[0] == H100.copy
    assert not any("bf16" in text for text in texts)


def test_both_roofs_without_a_kind() -> None:
    roofline({}, H100, title="mine")
    texts, title = drawn()
    assert title == "mine" and [text for text in texts if text.startswith("ridge")] == ["ridge 21", "ridge 243"]
