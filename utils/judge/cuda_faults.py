"""What a fault of a kernel is called, and what to do about it: by what the emulated GPU saw, by no exercise."""

from __future__ import annotations

import re
from math import prod

from ..vgpu import Fault, Report, show
from . import budgets
from .trial import Diagnosis

WARP = 32

# By kind, the most telling first: the others may follow from it.
FAULTS = {
    "out-of-bounds": ("Out of bounds", "Compare the index with the size before the access, as in `if (i < n)`."),
    "misaligned": ("Misaligned", "An access of 8 or 16 bytes begins at a multiple of 8 or 16: look at where a `float2` "
                   "or `float4` starts, and at what does not fill one."),
    "barrier": ("Not every thread comes to the barrier", "All threads of a block must reach the same "
                "`__syncthreads()`, equally often: put it outside the `if`, and give all the same number of turns of a "
                "loop around it."),
    "endless-loop": ("It does not end", "What changes the loop's condition, and does every thread get there? A loop "
                     "that would end after a very long time has too few threads to share it."),
    "race": ("A race", "Put `__syncthreads()` between the two, use an atomic, or give each thread its own place."),
    "uninitialized": ("Read before it is written", "What stands there is chance. Is it the place that was written, or "
                      "are rows and columns, or two offsets, mixed up? If it is: threads beyond the end of the data "
                      "must store too, a neutral value (0 in a sum)."),
}  # fmt: skip
WHY = {  # why nothing stands there, where it was seen
    "copying": "Wait for it before the barrier: `__pipeline_wait_prior(0)` (`cp.async.wait_group 0`) in the thread "
    "that started it, then `__syncthreads()` for the others. (With 1, the latest group may still be under way.)",
    "left": "What they should have stored is missing: an early `return` takes them out. Let every thread store, a "
    "neutral value where it has no data (0 in a sum), and guard only the rest, as in `if (i < n) y[i] = ...`.",
}
EXCHANGE = ("Not every lane takes part", "Move the `_sync` function out of the `if` or the loop that some lanes leave, "
            "and give it the mask of the lanes that call it.")  # fmt: skip


def faults(report: Report) -> list[Diagnosis]:
    """What the kernel did that it must not, the most telling first."""
    order = list(FAULTS)
    found = sorted(report.faults, key=lambda fault: (order.index(fault.kind), fault.line))
    return [Diagnosis(fault.kind, _sentence(fault, report)) for fault in found]


def _sentence(fault: Fault, report: Report) -> str:
    name, advice = _words(fault, report)
    code = budgets.quoted(report.source, fault.line)
    seen = _in_rows(fault, report.source, show.measures.sentence(fault))
    return f"**{name}.** {seen}{f' Line {fault.line}: {code}.' if code else ''} {advice}"


def _words(fault: Fault, report: Report) -> tuple[str, str]:
    name, advice = FAULTS[fault.kind]
    if fault.kind == "race":
        return name, _race(fault, report)
    if fault.kind == "barrier" and "exchange" in fault.message:
        return EXCHANGE
    if fault.kind == "out-of-bounds":
        return name, _beyond(fault, report)
    if fault.why:
        return name, WHY[fault.why]
    if fault.kind == "uninitialized" and not fault.space:
        return name, "Give the variable its first value where it is declared: 0 for a sum, `-INFINITY` for a maximum."
    if fault.kind == "uninitialized" and fault.space == "global":
        return name, "An output holds nothing yet: store into it before you add to it."
    return name, advice


def _race(fault: Fault, report: Report) -> str:
    """What keeps two threads apart depends on where they are, and on what they do."""
    if fault.other is None:
        return FAULTS["race"][1]
    thread, block, line = fault.other
    same_line, both_write = line == fault.line, "reads" not in fault.does
    if block != fault.block:
        if same_line and thread == fault.thread:
            part = "Both have the same `threadIdx`: is `blockIdx` in the index?"
        else:
            part = "Has each block its own part, or do two come to the same index?"
        return f"{part} If they do mean one place, use an atomic: `__syncthreads()` orders one block's threads only."
    if both_write:
        if not same_line:
            return "Put `__syncthreads()` between the two, or give each its own place."
        return ("If they do mean one place, let one thread write it, as in `if (threadIdx.x == 0)`, or use an atomic; "
                "if not, the index takes two threads to one place.")  # fmt: skip
    if _warp(thread, report) == _warp(fault.thread, report):
        return ("Put `__syncthreads()` between the two, or `__syncwarp()` if they are always of one warp: its threads "
                "need not run in step, and `volatile` orders nothing.")  # fmt: skip
    if same_line and _places(fault, report.source) == 1:
        return ("If several threads add to one place, use an atomic. If each has its own, let all read before one "
                "writes: `__syncthreads()` between the two, and at the end of each turn of a loop.")  # fmt: skip
    if same_line:
        return ("Between one thread's write and another's read there must be a barrier: `__syncthreads()` at the end "
                "of each turn of the loop, and between reading and writing if both can be of one turn.")  # fmt: skip
    if fault.does[0] != "reads" and fault.line < line:
        return ("The next turn of the loop overwrites what others still read: a second `__syncthreads()` is missing at "
                "the loop's end.")  # fmt: skip
    return "Put `__syncthreads()` between the two."


def _places(fault: Fault, source: str) -> int:
    """How many different elements of the fault's array its line names: `s[t] += s[t + k]` names two, `h[b]++` one."""
    code = source.split("\n")[fault.line - 1].partition("//")[0] if fault.line > 0 else ""
    return len(set(re.findall(rf"\b{re.escape(fault.array)}\s*((?:\[[^\[\]]*(?:\[[^\]]*\][^\[\]]*)?\]\s*)+)", code)))


def _warp(thread: tuple[int, int, int], report: Report) -> int:
    x, y, z = thread
    return (x + report.block[0] * (y + report.block[1] * z)) // WARP


def _beyond(fault: Fault, report: Report) -> str:
    if f"[{fault.index}]" in fault.message and fault.index < 0:
        return "The index is negative: compare it with 0 before the access, or look at how it is computed."
    if "] to " in fault.message:
        return "One access takes several elements: the last of them must be below the size too."
    if fault.space != "shared":
        return FAULTS["out-of-bounds"][1]
    if fault.length == 0:
        return (f"The launch gives no dynamic shared memory, and `{fault.array}` is declared without a size: write "
                "one, or ask for the bytes at the launch.")  # fmt: skip
    return (f"A block has {prod(report.block)} threads: is `{fault.array}` as large as what they store in it, and does "
            "the index stay below its size?")  # fmt: skip


def _in_rows(fault: Fault, source: str, sentence: str) -> str:
    """`tile[34]` as `tile[1][1]` where the code declares `tile[32][33]` of just as many elements."""
    name = re.escape(fault.array)
    declared = re.search(rf"__shared__[^;]*\b{name}\s*\[\s*(\d+)\s*\]\s*\[\s*(\d+)\s*\]\s*[;,]", source)
    if not declared or fault.index < 0 or int(declared[1]) * int(declared[2]) != fault.length:
        return sentence
    row, column = divmod(fault.index, int(declared[2]))
    return sentence.replace(f"{fault.array}[{fault.index}]", f"{fault.array}[{row}][{column}]")
