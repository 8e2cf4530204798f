"""ladder(...): what was recorded is drawn, with its machine; what was not is said; impossible times are refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from utils import climb, ladder, machine, points, records, timing
from utils.cli import main

ABOUT = {"gpu": "NVIDIA H100 80GB HBM3", "driver": "580.1", "torch": "2.11.0+cu130", "triton": "3.6.0",
         "date": "2026-11-24", "commit": "abc1234"}  # fmt: skip


def entry(name: str, rate: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "ms": 2 / rate, "TB/s": rate, "of copy": rate / 3, "of library": rate, **more}


def shape(name: str, best: float, flops: int = 4 * 10**9) -> dict[str, Any]:
    rungs = [entry("naive <a>", 0.4, counters="32 sectors a store"), entry("tiled", best, counters="4 sectors a store")]
    return {"shape": name, "bytes": 2 * 10**9, "flops": flops, "copy": entry("copy", 3.0), "rungs": rungs,
            "library": entry("x.T.contiguous()", 1.0)}  # fmt: skip


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    return tmp_path


def write(folder: Path, gpu: str, shapes: list[dict[str, Any]]) -> None:
    figures = {"title": "Transposing", "datasheet TB/s": 3.35, "rounds": 25, "shapes": shapes}
    file = folder / f"99_transpose.{gpu.lower().replace(' ', '-')}.json"
    file.write_text(json.dumps({"machine": ABOUT | {"gpu": gpu}, "figures": figures}))


def svgs(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def test_a_recorded_ladder_is_drawn_with_its_machine(folder: Path) -> None:
    write(folder, "NVIDIA A100", [shape("8192", 1.4)])
    write(folder, ABOUT["gpu"], [shape("8192", 2.7), shape("16384", 2.85)])
    picture = ladder("99_transpose")
    assert picture.caption == "Transposing: the best rung moves bytes at 0.90 to 0.95 times the rate of a copy"
    for said in (str(picture), picture._repr_html_()):
        for words in ("32 sectors a store", "x.T.contiguous()", "16384", "580.1", "2026-11-24", "abc1234", "A100"):
            assert words in said, words
    assert "2.70   90 %" in str(picture) and "2.85   95 %" in str(picture)
    (drawn,) = svgs(picture._repr_html_())  # one, and well-formed
    assert drawn.get("aria-label") == picture.caption


def test_bars_are_as_long_as_their_rates(folder: Path) -> None:
    write(folder, ABOUT["gpu"], [shape("8192", 2.7)])
    (drawn,) = svgs(ladder("99_transpose")._repr_html_())
    bars = [float(bar.get("width")) for bar in drawn.iter("rect") if bar.find("title") is not None]
    assert [round(bar / bars[-1], 3) for bar in bars] == [0.133, 0.9, 0.333, 1]  # the last is the copy


def test_what_is_not_there_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = str(ladder("99_transpose"))
    assert "nothing recorded yet" in said and "./study bench --gpu 99" in said
    write(folder, ABOUT["gpu"], [shape("8192", 2.7)])
    monkeypatch.setattr(machine, "gpu", lambda: None)
    picture = ladder("99_transpose", lambda: pytest.fail("called without a GPU"))
    assert str(picture).endswith("no GPU here: not measured on this machine")


def test_what_goes_wrong_on_the_learners_gpu_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, ABOUT["gpu"], [shape("8192", 2.7)])
    monkeypatch.setattr(machine, "gpu", lambda: "NVIDIA Test")

    def broken() -> Any:
        raise ValueError("no such kernel")

    picture = ladder("99_transpose", broken)
    assert str(picture).endswith("could not be measured on this machine: ValueError: no such kernel")
    assert len(svgs(picture._repr_html_())) == 1


def test_a_function_is_not_hidden_by_the_module_that_it_is_in() -> None:
    code = "from utils import points, ladder, ceilings, roofline; assert callable(ladder) and callable(roofline)"
    subprocess.run([sys.executable, "-c", code], cwd=machine.ROOT, check=True)


def test_points_for_the_roofline(folder: Path) -> None:
    assert points("99_transpose") == {}
    write(folder, ABOUT["gpu"], [shape("8192", 2.0)])
    assert points("99_transpose")["tiled"] == (2.0, pytest.approx(4e12))  # 4 GFLOP over 2 GB, in 1 ms
    write(folder, ABOUT["gpu"], [shape("8192", 2.0, flops=0)])
    assert points("99_transpose") == {}


def test_impossible_times_are_refused() -> None:
    timing.refuse_impossible("copy", 1.0, 3 * 10**9, 3.35e12)
    timing.refuse_impossible("copy", 0.1, 3 * 10**9, None)  # an unknown card: nothing to refuse by
    with pytest.raises(timing.Impossible, match=r"cheat: 3 GB in 0.8 ms is 3.75 TB/s, .* at most 3.35"):
        timing.refuse_impossible("cheat", 0.8, 3 * 10**9, 3.35e12)
    assert timing.peak_bandwidth("NVIDIA H100 80GB HBM3") == 3.35e12
    assert timing.peak_bandwidth("NVIDIA H200") == 4.8e12 and timing.peak_bandwidth("a card of 2040") is None


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert timing.ratio([1, 2, 4], [2, 2, 2]) == 1  # of 2, 1 and 0.5


@pytest.mark.parametrize(
    ("chapter", "said"),
    [("03", "no GPU here"), ("77", "chapter 77 has nothing to measure on a GPU; there are 01, 02, 03")],
)
def test_the_command_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], chapter: str, said: str
) -> None:
    monkeypatch.setattr(machine, "gpu", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--gpu", chapter])
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and said in shown and shown.count("\n") == 1


def test_a_handout_has_no_kernels_to_measure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    with pytest.raises(climb.CannotClimb, match="teacher's copy"):
        climb.climb_chapter("03")
