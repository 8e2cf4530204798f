"""What ptxas made of neighbouring accesses: it merges loads of adjacent words into one wider load.

The machine code decides. Where a basic block of PTX reads adjacent words through one register, the accesses of the
same source line in the SASS tell which of them became one: a register there that covers the same bytes, shifted.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

from .machine_code import widest
from .program import Group, Program, Site, Way

KINDS = {"LDS": ("shared", "ld"), "STS": ("shared", "st"), "LDG": ("global", "ld"), "STG": ("global", "st"),
         "LDL": ("local", "ld"), "STL": ("local", "st")}  # fmt: skip
ACCESS = re.compile(
    r"\b(LDS|STS|LDG|STG|LDL|STL)((?:\.\w+)*)\s[^\[;]*?(?:desc\[\w+\])?\[([^\]]*)\]",
)
LINE = re.compile(r'//## File "[^"]*", line (\d+)')
PLACE = re.compile(r"(U?R\d+|URZ|RZ)?(?:\.\w+)*\+?(U?R\d+)?\+?(-?0x[0-9a-f]+)?")
Run = frozenset[tuple[int, int]]  # (byte offset, width) of the accesses through one register


def merge(program: Program, cubin: bytes) -> dict[int, Group]:
    """Site -> its group, for those that the machine code may merge.

    Where several registers of a line cover bytes alike, the addresses decide (see Tallies.width): a wide access is
    aligned. Disassembling takes longer than most launches, so it waits until some address is.
    """
    found: dict[int, Group] = {}
    for across in (False, True):  # blocks: ptxas joins those that a short branch parts
        for key, sites in _groups(program, across).items():
            if not cubin or not _adjacent(sites) or any(site.index in found for site in sites):
                continue
            if not across or len({site.offset for site in sites}) == len(sites):  # else: one place, at several times
                group = Group(tuple(sites), cache(partial(_ways, program, cubin, key[:3], tuple(sites))))
                found.update({site.index: group for site in sites})
    return found


def _ways(program: Program, cubin: bytes, line: tuple[int, str, str], sites: Sequence[Site]) -> tuple[Way, ...]:
    """How the machine code moves the bytes of `sites`, those ways that merge most first."""
    wide = widest(cubin, program.entry.name)
    if wide is not None and wide[line[1:]] <= min(site.width for site in sites):
        return ()
    runs = _accesses(cubin, program.entry.name).get(line, [])
    ways = [way for run in runs if (way := _match(sites, run))]
    if not ways:  # a run that moves just what some other group does is that group's
        others = [group for key, group in _groups(program, False).items() if key[:3] == line]
        left = [run for run in runs if not any(_match(group, run) for group in others)]
        if _all_wider(sites, left):
            ways = [way for run in left for way in _covers(sites, run)]
    return tuple(sorted(ways, key=lambda way: list(way.widths.values()).count(0), reverse=True))


def _groups(program: Program, across: bool) -> dict[tuple, list[Site]]:
    """Accesses of one source line through one unchanged register, in one basic block or across several."""
    groups = defaultdict(list)
    for site in program.sites:
        if site.base and program.merged.get(site.index) != 0:
            groups[site.line, site.space, site.op, *site.base[across:]].append(site)
    return groups


def _adjacent(sites: list[Site]) -> bool:
    ends = {site.offset + site.width for site in sites}
    return any(site.offset in ends for site in sites)


def _all_wider(sites: Sequence[Site], runs: Sequence[Run]) -> bool:
    """Whether the line has no machine access as narrow as these: then they must be parts of wider ones."""
    narrow = max(site.width for site in sites)
    return bool(runs) and all(width > narrow for run in runs for _, width in run)


def _match(sites: Sequence[Site], run: Run) -> Way | None:
    """How the bytes of `sites` are moved by `run`, if it moves the same ones, all shifted alike.

    `run` may go on where `sites` end: a loop that ptxas unrolled further.
    """
    ours, theirs = _bytes((site.offset, site.width) for site in sites), _bytes(run)
    length = max(ours) - min(ours) + 1
    shift = min(ours) - min(theirs)
    if len(theirs) > len(ours) == length and len(theirs) % length == 0:
        run = frozenset((offset, width) for offset, width in run if offset + shift < min(ours) + length)
        theirs = _bytes(run)
    return _way(sites, run, shift) if {at + shift for at in theirs} == ours else None


def _covers(sites: Sequence[Site], run: Run) -> list[Way]:
    """How `run` may move the bytes of `sites` among others, such as the padding between rows."""
    ours, theirs = _bytes((site.offset, site.width) for site in sites), _bytes(run)
    first, step = min(ours) - min(theirs), min(site.unit for site in sites)
    shifts = range(first, first - len(theirs), -step)
    return [_way(sites, run, shift) for shift in shifts if ours <= {at + shift for at in theirs}]


def _way(sites: Sequence[Site], run: Run, shift: int) -> Way:
    widths, wide = {}, []
    for offset, width in run:
        inside = [site for site in sites if offset + shift <= site.offset < offset + shift + width]
        if len(inside) > 1 or (inside and inside[0].width < width):
            leader = min(inside, key=lambda site: site.offset)
            widths.update({site.index: 0 for site in inside})
            widths[leader.index] = width
            wide.append((offset + shift, width))
    return Way(widths, tuple(wide))


def _bytes(accesses) -> set[int]:
    return {at for offset, width in accesses for at in range(offset, offset + width)}


@cache
def _accesses(cubin: bytes, entry: str) -> dict[tuple[int, str, str], list[Run]]:
    """(line, space, op) -> for each register, what is accessed through it."""
    found: dict[tuple, dict[str, set]] = defaultdict(lambda: defaultdict(set))
    line, inside = 0, False
    for text in _disassembled(cubin).splitlines():
        if text.startswith(".text."):
            inside = text == f".text.{entry}:"
        elif place := LINE.search(text):
            line = int(place[1])
        elif inside and (access := ACCESS.search(text)):
            name, modifiers, address = access.groups()
            register, more, offset = PLACE.match(address.replace(" ", "")).groups()
            width = next((int(part) // 8 for part in modifiers.split(".") if part in ("64", "128")), 4)
            width = next(
                (1 if "8" in part else 2 for part in modifiers.split(".") if part in ("U8", "S8", "U16", "S16")), width
            )
            found[line, *KINDS[name]][f"{register}+{more}"].add((int(offset or "0", 16), width))
    return {key: [frozenset(run) for run in runs.values()] for key, runs in found.items()}


@cache
def _disassembled(cubin: bytes) -> str:
    """By the nvdisasm in Triton's wheel; empty without it, and then nothing counts as merged."""
    triton = find_spec("triton")
    tool = Path(triton.submodule_search_locations[0]) / "backends/nvidia/bin/nvdisasm" if triton else None
    if tool is None or not tool.exists():
        return ""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run([str(tool), "-c", "-gi", file.name], capture_output=True, text=True)
    return done.stdout
