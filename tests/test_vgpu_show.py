"""utils.vgpu.show: what learners see of a launch says the right numbers, in a notebook and in a terminal."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache

import pytest

from utils.vgpu import show
from utils.vgpu.report import Access, Fault, Report
from utils.vgpu.show import schedule

ISSUED, THREADS = "smsp__inst_executed.sum", "smsp__thread_inst_executed.sum"
FFMA = "smsp__sass_thread_inst_executed_op_ffma_pred_on.sum"


def memory(line, space, op, array, addresses, width=4, warps=1024, base=0) -> Access:
    """An instruction whose requests all look like this one."""
    active = [a + base for a in addresses if a is not None]
    sectors = {byte // 32 for a in active for byte in (a, a + width - 1)}
    if space == "shared":
        waves = schedule([None if a is None else a + base for a in addresses], width)
        groups = len({wave[0][1][0] // (32 if width <= 4 else 128 // width) for wave in waves})
        return Access(
            line, space, op, width, array, tuple(addresses), base, warps, 0, warps * len(waves), warps * groups
        )
    ideal = -(-len(set(active)) * width // 32)
    return Access(line, space, op, width, array, tuple(addresses), base, warps, warps * len(sectors), 0, warps * ideal)


def launch(source, accesses, run, faults=(), grid=(128, 1, 1), block=(256, 1, 1), printed="") -> Report:
    """run: line -> (warp instructions, lanes, fused multiply-adds a thread)."""
    by_line = defaultdict(Counter)
    for line, (count, lanes, ffma) in run.items():
        by_line[line].update({ISSUED: count, THREADS: count * lanes, FFMA: ffma * lanes * count} if ffma else
                             {ISSUED: count, THREADS: count * lanes})  # fmt: skip
    totals = Counter()
    for a in accesses:
        if a.space == "shared":
            by_line[a.line][f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{a.op}.sum"] += a.wavefronts
            by_line[a.line][f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{a.op}.sum"] += a.wavefronts - a.ideal
        else:
            by_line[a.line][f"l1tex__t_sectors_pipe_lsu_mem_{a.space}_op_{a.op}.sum"] += a.sectors
            way = "read" if a.op == "ld" else "written"
            totals.update({f"bytes_moved.{way}": 32 * a.sectors, f"bytes_needed.{way}": 32 * a.ideal})
    for counts in by_line.values():
        totals.update(counts)
    name = re.search(r"void (\w+)", source)[1]
    return Report(name, source, "sm_90", grid, block, dict(totals), {k: dict(v) for k, v in by_line.items()},
                  list(faults), list(accesses), printed, 0.21)  # fmt: skip


COPY = r"""
extern "C" __global__ void copy(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;   // one element a thread
    if (i < n)
        y[i] = x[i%s];
}"""
RUN = {3: (4096, 32, 0), 4: (2048, 32, 0), 5: (4096, 32, 0)}


def copy(stride=1, width=4, base=0) -> Report:
    source = COPY % ("" if stride == 1 else f" * {stride} % n")
    read = memory(5, "global", "ld", "x", [stride * width * lane for lane in range(32)], width, base=base)
    return launch(source, [read, memory(5, "global", "st", "y", [width * lane for lane in range(32)], width)], RUN)


def transpose(row: int) -> Report:
    source = rf"""
extern "C" __global__ void transpose(const float* x, float* y, int n) {{
    __shared__ float tile[32][{row}];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * n + c];
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        y[(r + k) * n + c] = tile[threadIdx.x][threadIdx.y + k];
}}"""
    lanes = range(32)
    accesses = [
        memory(6, "global", "ld", "x", [4 * lane for lane in lanes], warps=32768),
        memory(6, "shared", "st", "tile", [4 * lane for lane in lanes], warps=32768),
        memory(10, "shared", "ld", "tile", [4 * row * lane for lane in lanes], warps=32768),
        memory(10, "global", "st", "y", [4 * lane for lane in lanes], warps=32768),
    ]
    run = {4: (65536, 32, 0), 6: (163840, 32, 0), 7: (8192, 32, 0), 8: (32768, 32, 0), 10: (163840 + 512 * row, 32, 0)}
    return launch(source, accesses, run, grid=(32, 32, 1), block=(32, 8, 1))


def racy() -> Report:
    source = r"""
extern "C" __global__ void reduce(const float* x, float* out, int n) {
    __shared__ float part[256];
    int t = threadIdx.x;
    int i = blockIdx.x * 256 + t;
    part[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    for (int s = 1; s < 256; s *= 2) {
        if (t % (2 * s) == 0)
            part[t] += part[t + s];      // who has written part[t + s]?
    }
    if (t == 0)
        out[blockIdx.x] = part[0] + part[256];
}"""
    even = [8 * lane for lane in range(32)]
    accesses = [
        memory(6, "global", "ld", "x", [4 * lane for lane in range(32)]),
        memory(6, "shared", "st", "part", [4 * lane for lane in range(32)]),
        memory(10, "shared", "ld", "part", [a if a % 16 == 0 else None for a in even], warps=2600),
        memory(10, "shared", "st", "part", [a if a % 16 == 0 else None for a in even], warps=2600),
        memory(13, "shared", "ld", "part", [0] + [None] * 31, warps=128),
        memory(13, "global", "st", "out", [4] + [None] * 31, warps=128),
    ]
    run = {4: (1024, 32, 0), 5: (1024, 32, 0), 6: (5120, 32, 0), 7: (1024, 32, 0), 8: (24576, 32, 0),
           9: (24576, 32, 0), 10: (13000, 9.2, 0), 12: (1024, 32, 0), 13: (640, 1, 0)}  # fmt: skip
    faults = [
        Fault("race", "shared", "part", 2, (0, 0, 0), (0, 0, 0), 10, "race: thread (0, 0, 0) of block (0, 0, 0) reads "
              "`part[2]` in line 10 while thread (2, 0, 0) writes it there: no __syncthreads() is between them", 896),
        Fault("out-of-bounds", "shared", "part", 256, (0, 0, 0), (0, 0, 0), 13,
              "out of bounds: thread (0, 0, 0) of block (0, 0, 0) reads `part[256]`; part has 256 elements", 128),
    ]  # fmt: skip
    return launch(source, accesses, run, faults, printed="block 0: 31.5\nblock 1: 30.75\n")


def long_source() -> Report:
    filler = "\n".join(f"    // remark {i}" for i in range(60))
    body = COPY % "" + "\n" + filler + "\n}"
    return launch(body, copy().accesses, RUN)


def gather(seed=7, span=1200) -> Access:
    chance = random.Random(seed)
    return memory(5, "global", "ld", "x", [4 * chance.randrange(span) for _ in range(32)])


LANES = range(32)
REQUESTS = {
    "coalesced": memory(5, "global", "ld", "x", [4 * i for i in LANES]),
    "offset by 3": memory(5, "global", "ld", "x", [4 * i + 12 for i in LANES]),
    "misaligned array": memory(5, "global", "ld", "x", [4 * i for i in LANES], base=16),
    "stride 2": memory(5, "global", "ld", "x", [8 * i for i in LANES]),
    "stride 8": memory(5, "global", "ld", "x", [32 * i for i in LANES]),
    "stride 32": memory(5, "global", "ld", "x", [128 * i for i in LANES]),
    "row of a matrix": memory(5, "global", "ld", "x", [4096 * i for i in LANES]),
    "float4": memory(5, "global", "ld", "x", [16 * i for i in LANES], 16),
    "bytes": memory(5, "global", "ld", "x", list(LANES), 1),
    "broadcast": memory(5, "global", "ld", "x", [64] * 32),
    "masked": memory(5, "global", "st", "y", [4 * i + 400 if i < 9 or i == 20 else None for i in LANES]),
    "gather": gather(),
    "near gather": gather(3, 90),
    "tiles of 8": memory(5, "global", "ld", "x", [4 * (i % 8) + 1024 * (i // 8) for i in LANES]),
}
SHARED = {
    "row": memory(6, "shared", "st", "tile", [4 * i for i in LANES]),
    "column of tile[32][32]": memory(10, "shared", "ld", "tile", [128 * i for i in LANES]),
    "column of tile[32][33]": memory(10, "shared", "ld", "tile", [132 * i for i in LANES]),
    "column of tile[32][34]": memory(10, "shared", "ld", "tile", [136 * i for i in LANES]),
    "stride 8": memory(10, "shared", "ld", "s", [32 * i for i in LANES]),
    "broadcast": memory(10, "shared", "ld", "s", [20] * 32),
    "pairs": memory(10, "shared", "ld", "s", [4 * (i // 2) for i in LANES]),
    "double": memory(10, "shared", "ld", "s", [8 * i for i in LANES], 8),
    "float4": memory(10, "shared", "ld", "s", [16 * i for i in LANES], 16),
    "float4, stride 2": memory(10, "shared", "ld", "s", [32 * i for i in LANES], 16),
    "half": memory(10, "shared", "ld", "s", [2 * i for i in LANES], 2),
    "masked": memory(10, "shared", "ld", "s", [64 * i if i % 3 else None for i in LANES]),
    "gather": memory(10, "shared", "ld", "s", [4 * random.Random(i).randrange(256) for i in LANES]),
}
NOBODY = Access(5, "global", "ld", 4, "", (None,) * 32, 0, 0, 0, 0, 0)


@cache
def everything() -> dict[str, show.Picture]:
    reports = {"copy": copy(), "stride 2": copy(2), "stride 32": copy(32), "float4": copy(width=16), "racy": racy(),
               "transpose": transpose(32), "padded": transpose(33), "long": long_source()}  # fmt: skip
    return {
        **{f"sectors, {name}": show.sectors(access) for name, access in [*REQUESTS.items(), ("nobody", NOBODY)]},
        **{
            f"banks, {name}": show.banks(access)
            for name, access in [*SHARED.items(), ("nobody", replace(NOBODY, space="shared"))]
        },
        **{f"annotate, {name}": show.annotate(report) for name, report in reports.items()},
        **{f"overview, {name}": show.overview(report) for name, report in reports.items()},
        "compare, padding": show.compare(transpose(32), transpose(33)),
        "compare, stride": show.compare(copy(), copy(32)),
        "compare, nothing": show.compare(copy(), copy()),
    }


def parsed(picture: show.Picture) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{picture._repr_html_()}</div>")


def words(picture: show.Picture) -> str:
    """All that the notebook form says, tooltips left out."""
    root = parsed(picture)
    for parent in list(root.iter()):
        for child in [one for one in parent if one.tag == "title"]:
            parent.remove(child)
    return re.sub(r"\s+", " ", " ".join(root.itertext())).replace(" ;", ";")


@pytest.mark.parametrize("name", everything())
def test_html_is_inline_and_follows_the_theme(name):
    picture = everything()[name]
    root, html = parsed(picture), picture._repr_html_()
    assert not re.search(r"<script|https?:|url\(|\bsrc=|\bhref=|\bid=|<style", html)
    assert "var(--jp-ui-font-color1, " in html
    for svg in root.iter("svg"):
        assert svg.get("role") == "img" and svg.get("aria-label") == picture.caption
        assert picture.caption in words(picture) and "width:" in svg.get("style")
    for table in root.iter("table"):
        assert table.get("aria-label") == picture.caption
    assert str(picture) == repr(picture) and "<div" not in str(picture) and "\n\n" not in str(picture)
    assert len(html) < 60_000


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("coalesced", "32 lanes × 4 B = 128 B needed, 4 sectors × 32 B = 128 B moved: 100 %; no fewer would do"),
        ("stride 2", "32 lanes × 4 B = 128 B needed, 8 sectors × 32 B = 256 B moved: 50 %; 4 sectors would do"),
        ("stride 32", "32 lanes × 4 B = 128 B needed, 32 sectors × 32 B = 1,024 B moved: 12.5 %; 4 sectors would do"),
        ("misaligned array", "32 lanes × 4 B = 128 B needed, 5 sectors × 32 B = 160 B moved: 80 %; 4 sectors would do"),
        ("float4", "32 lanes × 16 B = 512 B needed, 16 sectors × 32 B = 512 B moved: 100 %; no fewer would do"),
        ("bytes", "32 lanes × 1 B = 32 B needed, 1 sector × 32 B = 32 B moved: 100 %; no fewer would do"),
        ("masked", "10 lanes × 4 B = 40 B needed, 3 sectors × 32 B = 96 B moved: 41.7 %; 2 sectors would do"),
        (
            "broadcast",
            "32 lanes × 4 B = 128 B, 4 B of them different, 1 sector × 32 B = 32 B moved: 12.5 %; no fewer would do",
        ),
    ],
)
def test_captions_of_sectors(name, caption):
    picture = show.sectors(REQUESTS[name])
    assert picture.caption == caption
    assert str(picture).endswith(caption)


@pytest.mark.parametrize("name", REQUESTS)
def test_sector_pictures_mark_what_moved(name):
    access = REQUESTS[name]
    picture = show.sectors(access)
    tips = [title.text for title in parsed(picture).iter("title")]
    moved = [tip for tip in tips if "of 32 B needed" in tip]
    assert len(moved) == access.sectors // access.requests
    assert {int(tip.split()[1].rstrip(":")) for tip in tips if tip.startswith("lane ")} == set(range(32))
    assert sum(tip.endswith(": off") for tip in tips) == access.addresses.count(None)
    lines = len(moved) + sum("not moved" in tip for tip in tips)
    if lines <= 4 * 8 and access.width >= 4:
        marks = "".join(row.split(" ", 2)[-1] for row in str(picture).split("\n") if "│" in row)
        needed = {a + access.base + byte for a in access.addresses if a is not None for byte in range(access.width)}
        assert 4 * marks.count("█") == len(needed) and 4 * marks.count("░") == 32 * len(moved) - len(needed)


def test_lines_far_apart_are_drawn_side_by_side():
    html = show.sectors(memory(1, "global", "ld", "x", [0, 10**9] + [None] * 30))._repr_html_()
    assert max(float(x) for x in re.findall(r' x="([\d.]+)"', html)) < 850
    assert "untouched lines between them are left out" in html and "x + 1,000,000,000" in html


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("row", "no conflict: 1 wavefront"),
        ("column of tile[32][32]", "32-way conflict: 32 wavefronts where 1 would do"),
        ("column of tile[32][33]", "no conflict: 1 wavefront"),
        ("column of tile[32][34]", "2-way conflict: 2 wavefronts where 1 would do"),
        ("stride 8", "8-way conflict: 8 wavefronts where 1 would do"),
        ("broadcast", "no conflict: 1 wavefront; a word goes to up to 32 lanes at once (broadcast)"),
        ("half", "no conflict: 1 wavefront; a word goes to up to 2 lanes at once (broadcast)"),
        ("double", "no conflict: 2 wavefronts, one for each half warp"),
        ("float4", "no conflict: 4 wavefronts, one for each quarter warp"),
        ("float4, stride 2", "2-way conflict: 8 wavefronts where 4 would do, one for each quarter warp"),
    ],
)
def test_captions_of_banks(name, caption):
    picture = show.banks(SHARED[name])
    assert picture.caption == caption
    assert str(picture).endswith(caption)


def test_each_space_has_its_own_picture():
    with pytest.raises(ValueError, match="show it with banks"):
        show.sectors(SHARED["row"])
    with pytest.raises(ValueError, match="show it with sectors"):
        show.banks(REQUESTS["coalesced"])


def test_a_schedule_serves_every_lane_once_and_no_bank_twice():
    chance = random.Random(1)
    for width in (1, 2, 4, 8, 16):
        for _ in range(20):
            addresses = [chance.choice([None, width * chance.randrange(100)]) for _ in range(32)]
            served = Counter()
            for wavefront in schedule(addresses, width):
                banks = [bank for bank, _, _ in wavefront]
                assert wavefront and len(banks) == len(set(banks))
                for bank, lanes, word in wavefront:
                    assert bank == word % 32
                    served.update((lane, word) for lane in lanes)
            wanted = Counter(
                (lane, word) for lane, a in enumerate(addresses) if a is not None
                for word in range(a // 4, (a + width - 1) // 4 + 1)
            )  # fmt: skip
            assert served == wanted


def test_a_schedule_has_as_many_wavefronts_as_the_machine_counts():
    counters = pytest.importorskip("utils.vgpu.counters")
    numpy = pytest.importorskip("numpy")
    chance = random.Random(2)
    for width in (1, 2, 4, 8, 16):
        for span in (8, 40, 400):
            addresses = [chance.choice([None, *[width * chance.randrange(span)] * 4]) for _ in range(32)]
            offsets = numpy.array([[a or 0 for a in addresses]], numpy.int64)
            active = numpy.array([[a is not None for a in addresses]])
            for load in (False, True):
                assert len(schedule(addresses, width, load)) == counters.wavefronts(offsets, active, width, load).cost
                twins = [a if lane % 2 else addresses[lane + 1] for lane, a in enumerate(addresses)]
                offsets2, active2 = numpy.repeat(offsets[:, 1::2], 2, 1), numpy.repeat(active[:, 1::2], 2, 1)
                assert len(schedule(twins, width, load)) == counters.wavefronts(offsets2, active2, width, load).cost


def test_a_listing_says_the_numbers_of_each_line():
    picture = show.annotate(transpose(32))
    text = {row.split()[-1]: row for row in str(picture).split("\n")}
    read = next(row for row in str(picture).split("\n") if "tile[threadIdx.x]" in row)
    assert "32 (32×)" in read and "1.02 M" in read and "4.19 MB" in read and "180 k" in read
    assert "16.5 (16×)" in text["launch"]
    for number in ("(32×)", "1.02 M", "4.19 MB", "8.39 MB", "180 k", "(16×)", "whole launch"):
        assert number in words(picture) and number in str(picture)
    assert "bytes needed" not in words(picture)  # the same as what was moved


def test_two_arrays_on_a_line_have_each_its_own_number():
    picture = show.annotate(copy(32))
    assert "load x 32 (8×), store y 4" in str(picture)
    assert "load x 32 (8×) store y 4" in words(picture)
    assert re.search(r"1.18 MB \(4.5×\) +262 kB", str(picture))


def test_faults_stand_below_their_line():
    report = racy()
    picture = show.annotate(report)
    lines = str(picture).split("\n")
    for fault, code in zip(report.faults, ("part[t] +=", "out[blockIdx.x]"), strict=True):
        at = next(i for i, line in enumerate(lines) if code in line)
        assert fault.message in lines[at + 1] and f"({fault.count} times at this line)" in lines[at + 1]
        assert all(piece.strip() in words(picture) for piece in fault.message.split("`"))
    lost = Fault("endless-loop", "", "", -1, (0, 0, 0), (0, 0, 0), 0, "endless loop: no thread ends")
    assert (
        str(show.annotate(launch(COPY % "", [], RUN, [lost]))).split("\n")[2].endswith("✗ endless loop: no thread ends")
    )


def test_columns_can_be_chosen():
    picture = show.annotate(transpose(32), ["wavefronts", ISSUED])
    assert "sectors" not in str(picture) and ISSUED in str(picture)
    with pytest.raises(ValueError, match="no column 'wave': there are instructions, lanes, sectors"):
        show.annotate(copy(), ["wave"])


def test_long_sources_are_folded():
    picture = show.annotate(long_source())
    assert "⋯ lines 7–67" in str(picture) and "⋯ lines 7–67" in words(picture)
    assert "remark 40" not in str(picture) and "remark 40" not in words(picture)
    assert "remark" not in str(show.annotate(copy())) and "⋯" not in str(show.annotate(copy()))


def test_source_is_escaped():
    report = launch('__global__ void f(int* x) { if (1 < 2 && "a") *x = 1 << 3; }', [], {1: (8, 32, 0)})
    assert "1 << 3" in words(show.annotate(report)) and "1 << 3" in str(show.annotate(report))


def test_overview():
    picture = show.overview(racy())
    assert picture.caption == "reduce<<<128, 256>>>: 2 faults"
    assert str(picture).split("\n")[1].startswith("  ✗ race: thread (0, 0, 0)")
    for said in ("1.95 wavefronts a request", "ideal 1, 2× as many", "block 1: 30.75", "131 kB needed, 100 %", "72 k"):
        assert said in str(picture) and said in words(picture)
    assert "no faults" in str(show.overview(copy()))
    assert "32 sectors a request · ideal 4, 8× as many" in str(show.overview(copy(32)))
    assert show.overview(copy())._repr_html_() == copy()._repr_html_()


def test_compare():
    picture = show.compare(transpose(32), transpose(33))
    assert picture.caption == "better: shared load 32 → 1 wavefront a request (32× less), bank conflicts 1.02 M → 0"
    assert "32× less" in str(picture) and "gone" in words(picture) and "global load 4" in words(picture)
    worse = show.compare(copy(), copy(32))
    assert worse.caption.startswith(
        "worse: global load 4 → 32 sectors a request (8× more), bytes read 131 kB → 1.05 MB"
    )
    assert show.compare(racy(), copy()).caption.startswith("better: faults 2 → 0")
    assert show.compare(copy(), copy()).caption == "no counter got better or worse"


def test_a_wider_access_is_no_worse():
    picture = show.compare(copy(), copy(width=16))
    assert "sectors" not in picture.caption and "accesses 4× wider" in picture.text, picture.text
    assert "global load" in show.compare(copy(width=16), copy(32)).caption.partition("worse")[2]


def test_shared_memory_that_only_one_has_is_one_line():
    picture = show.compare(copy(), transpose(33))
    assert picture.text.count(" new ") == 1 and "shared memory" in picture.text, picture.text
    assert show.compare(transpose(33), copy()).text.count(" gone ") == 1


def test_the_package_knows_nothing_of_the_course():
    from pathlib import Path

    for module in Path(show.__file__).parent.glob("*.py"):
        source = module.read_text()
        assert not re.search(r"from \.\.|import utils|from utils", source), module.name
        assert len(source.split("\n")) < 300, module.name
