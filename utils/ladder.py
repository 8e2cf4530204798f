"""The ladders: one operation from its first version to its best, as measured on a GPU, and on yours if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from statistics import median
from typing import Any

from . import machine
from .records import recorded
from .timing import Impossible, alternated, peak_bandwidth, ratio, refuse_impossible
from .vgpu.show.svg import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    LINE,
    MUTED,
    PAPER,
    SANS,
    TEXT,
    Picture,
    element,
    figure,
    rect,
    text,
)  # fmt: skip

LEFT, RIGHT, GAP, ROW, BAR, HEAD = 356, 508, 14, 36, 7, 26  # pixels
TIED = 0.99
Here = Callable[[], tuple[int, Mapping[str, Callable[[], Any]]]]
NO_GPU = "no GPU here: not measured on this machine"


def ladder(topic: str, here: Here | None = None) -> Picture:
    """The recorded climb of a topic such as "03_transpose"; `here`, on a GPU, is measured and drawn beneath.

    here: called only where there is a GPU; returns the bytes that must cross the memory, and the rungs by name, each
        a function that launches.
    """
    runs = recorded(topic)
    if runs:
        runs.sort(key=lambda run: "H100" not in run["machine"]["gpu"])
        shown = _recorded(runs[0], [run["machine"]["gpu"] for run in runs[1:]])
    else:
        shown = _note(f"{topic}: nothing recorded yet. On an NVIDIA GPU, ./study bench --gpu {topic[:2]} measures it")
    if here is None:
        return shown
    below = _measured(here) if machine.gpu() else _note(NO_GPU)
    return Picture(shown.caption, shown.html + below.html, f"{shown.text}\n{below.text}")


def points(topic: str) -> dict[str, tuple[float, float]]:
    """rung -> (FLOP/byte, FLOP/s) for `roofline`, of the largest recorded shape; {} where nothing is computed."""
    runs = sorted(recorded(topic), key=lambda run: "H100" not in run["machine"]["gpu"])
    if not runs:
        return {}
    shape = max(runs[0]["figures"]["shapes"], key=lambda shape: shape["bytes"])
    if not shape["flops"]:
        return {}
    intensity = shape["flops"] / shape["bytes"]
    return {rung["name"]: (intensity, shape["flops"] / rung["ms"] * 1e3) for rung in shape["rungs"]}


def _recorded(run: Mapping[str, Any], others: list[str]) -> Picture:
    about, figures = run["machine"], run["figures"]
    shapes = figures["shapes"]
    tops = [max(shape["rungs"], key=lambda rung: rung["TB/s"]) for shape in shapes]
    shares = sorted(f"{top['of copy']:.2f}" for top in tops)
    share = shares[0] if shares[0] == shares[-1] else f"{shares[0]} to {shares[-1]}"
    caption = f"{figures['title']}: the best rung moves bytes at {share} times the rate of a copy"
    source = (
        f"Measured on an {about['gpu']}, driver {about['driver']}, torch {about['torch']}, Triton {about['triton']}, "
        f"{about['date']}, commit {about['commit']}; medians of {figures['rounds']} rounds, all alternated in one run, "
        "the L2 cache flushed. Counters: from the emulated GPU."
    )
    if others:
        source += f" Recorded also: {', '.join(others)}."
    return _picture(caption, source, shapes, figures["datasheet TB/s"])


def _picture(caption: str, source: str, shapes: list[Mapping[str, Any]], ceiling: float) -> Picture:
    names = [rung["name"] for rung in shapes[0]["rungs"]]
    counters = [rung.get("counters", "") for rung in shapes[0]["rungs"]]
    rows = [
        *((name, counter, [shape["rungs"][i] for shape in shapes]) for i, (name, counter) in
          enumerate(zip(names, counters, strict=True))),
    ]  # fmt: skip
    if shapes[0].get("library"):
        rows.append((shapes[0]["library"]["name"], "the library, in the same run", [s["library"] for s in shapes]))
    rows.append(("torch's copy", "as many bytes, in the same run", [shape["copy"] for shape in shapes]))
    ceiling = ceiling or 1.1 * max(entry["TB/s"] for _, _, entries in rows for entry in entries)
    width = (RIGHT + GAP) / len(shapes) - GAP
    best = [max(rung["TB/s"] for rung in shape["rungs"]) for shape in shapes]
    parts = [text(0, 14, "TB/s, and share of the copy", MUTED, 11)]
    for column, shape in enumerate(shapes):
        parts.append(text(LEFT + column * (width + GAP), 14, shape["shape"], MUTED, 11))
    bottom = HEAD + ROW * len(rows)
    for i, (name, counter, entries) in enumerate(rows):
        y = HEAD + i * ROW
        own = i < len(names)
        parts.append(text(0, y + 13, name, TEXT if own else MUTED, 12.5, weight=600 if own else 400))
        parts.append(text(0, y + 27, counter, MUTED, 11))
        for column, entry in enumerate(entries):
            x = LEFT + column * (width + GAP)
            top = own and entry["TB/s"] >= TIED * best[column]
            copy = i == len(rows) - 1
            colour = GREEN if top else BLUE if own else GREY if copy else AMBER
            number = element("tspan", f"{entry['TB/s']:.2f}", style="font-weight:600")
            share = "" if copy else f" · {100 * entry['of copy']:.0f} %"
            quiet = element("tspan", escape(share), style=f"fill:{MUTED}")
            style = f"fill:{TEXT};font:12px {SANS}"
            parts.append(element("text", number, quiet, x=float(x), y=y + 12, style=style))
            parts.append(rect(x, y + 18, width, BAR, f"fill:{GREY};fill-opacity:.16", radius=1))
            tip = f"{name}, {shapes[column]['shape']}: {entry['ms']:.4g} ms"
            parts.append(rect(x, y + 18, min(width * entry["TB/s"] / ceiling, width), BAR, f"fill:{colour}", tip, 1))
            mark = x + width * min(shapes[column]["copy"]["TB/s"] / ceiling, 1)
            parts.append(rect(mark - 0.75, y + 15, 1.5, BAR + 6, f"fill:{TEXT}"))
    drawn = figure(caption, LEFT + RIGHT, bottom + 2, parts)
    legend = f"Bars end at the memory's datasheet rate, {ceiling:.2f} TB/s. Upright mark: the copy. "
    legend += "Green: the best, and what is within 1 % of it."
    if any("× the bytes" in counter for counter in counters):
        legend += " “3 × the bytes”: the loads ask for three times what is needed, of the caches if not of the memory."
    html = (
        f'<div style="border:1px solid {LINE};border-radius:4px;padding:8px 12px;margin:4px 0;max-width:880px;'
        f'box-sizing:border-box;overflow-x:auto;background:{PAPER};color:{TEXT};font-size:13px;line-height:1.45">'
        f'<div style="font-weight:600;margin-bottom:6px">{escape(caption)}</div>{drawn}'
        f'<div style="color:{MUTED};font-size:11px;margin-top:6px">{escape(legend)} {escape(source)}</div></div>'
    )
    return Picture(caption, html, _text(caption, source, shapes, rows))


def _text(caption: str, source: str, shapes: list[Mapping[str, Any]], rows: list[tuple]) -> str:
    widest = max(len(name) for name, _, _ in rows)
    lines = [caption, f"  {'':{widest}}  " + "".join(f"{shape['shape']:>18}" for shape in shapes)]
    for name, counter, entries in rows:
        cells = "".join(f"{entry['TB/s']:>9.2f} {100 * entry['of copy']:>4.0f} %  " for entry in entries)
        lines.append(f"  {name:{widest}}  {cells}  {counter}".rstrip())
    return "\n".join([*lines, f"  TB/s and share of the copy. {source}"])


def _note(words: str) -> Picture:
    html = f'<div style="color:{MUTED};font-size:12px;margin:4px 0">{escape(words)}</div>'
    return Picture(words, html, words)


def _measured(here: Here) -> Picture:
    """The learner's rungs on the GPU here. Whatever they do wrong is said, not raised."""
    try:
        return _climbed(here)
    except Impossible as problem:
        return _note(f"not measured on this machine: {problem}")
    except Exception as problem:  # a kernel of the learner's that does not launch, memory that does not suffice
        return _note(f"could not be measured on this machine: {type(problem).__name__}: {problem}")


def _climbed(here: Here) -> Picture:
    import torch

    moved, rungs = here()
    source = torch.randn(moved // 8, device="cuda")
    target = torch.empty_like(source)
    times = alternated({**rungs, "": lambda: target.copy_(source)})
    peak = peak_bandwidth()
    entries = []
    for name, taken in times.items():
        refuse_impossible(name or "torch's copy", min(taken), moved, peak)
        entries.append({"name": name, "ms": median(taken), "TB/s": moved / median(taken) / 1e9,
                        "of copy": ratio(taken, times[""])})  # fmt: skip
    copy = entries.pop()
    shape = {"shape": f"{moved / 1e9:.3g} GB moved", "rungs": entries, "copy": copy}
    top = max(entries, key=lambda rung: rung["TB/s"])
    gpu = machine.gpu()
    caption = f"On your {gpu}: {top['name']} is the fastest, at {top['of copy']:.2f} times the rate of a copy"
    return _picture(caption, "Measured just now, everything alternated in one run.", [shape], (peak or 0) / 1e12)
