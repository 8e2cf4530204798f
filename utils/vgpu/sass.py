"""What ptxas made of neighbouring accesses: it merges loads of adjacent words into one wider load.

The machine code decides. Where a basic block of PTX reads adjacent words through one register, the accesses of the
same source line in the SASS tell which of them became one: a register there that covers the same bytes, shifted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, partial

from .machine_code import Run, accesses, widest
from .program import Group, Program, Site, Way


def merge(program: Program, cubin: bytes) -> dict[int, Group]:
    """Site -> its group, for those that the machine code may merge.

    Where several registers of a line cover bytes alike, the addresses decide (see Tallies.width): a wide access is
    aligned, and the machine code is not read before some address is.
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
    runs = accesses(cubin, program.entry.name).get(line, [])
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
