"""Two versions of a kernel side by side: what changed, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from .measures import TOTALS, Measure, Part, launch, whole
from .svg import AMBER, GREEN, GREY, LINE, MONO, MUTED, PAPER, TEXT, Picture, times

CHANGED = 1.005  # smaller factors are no change
NAMED = 3  # changes that the sentence names
BAR = 120  # pixels, of the larger of the two


@dataclass(frozen=True)
class Change:
    """wider: how many times wider an access has become, as its ideal tells; 1 where there is no such thing."""

    measure: Measure
    before: float
    after: float
    wider: float = 1.0

    @property
    def factor(self) -> float:
        """After over before, turned so that it is at least 1; infinite if one of them is 0."""
        low, high = sorted((self.before, self.after))
        return high / low if low else float("inf") if high else 1.0

    @property
    def better(self) -> bool | None:
        """Sectors and wavefronts are held against the fewest that are possible at that width."""
        grown = self.after / self.before / self.wider if self.before and self.after else 0
        if self.measure.neutral or (grown and max(grown, 1 / grown) < CHANGED):
            return None
        more = grown > 1 if grown else self.after > self.before
        return more == self.measure.more_is_better

    @property
    def verdict(self) -> str:
        if not self.after:
            return "gone"
        if not self.before:
            return "new"
        if self.wider != 1 and self.better is None:
            return f"accesses {times(max(self.wider, 1 / self.wider))} {'wider' if self.wider > 1 else 'narrower'}"
        return f"{times(self.factor)} {'more' if self.after > self.before else 'less'}"

    @property
    def shown(self) -> tuple[str, str]:
        return self.measure.show(self.before), self.measure.show(self.after)

    def __str__(self) -> str:
        factor = f" ({self.verdict})" if self.before and self.after else ""
        unit = self.measure.unit_of(self.after)
        return f"{self.measure.label} {' → '.join(self.shown)} {unit}".rstrip() + factor


USES = Measure("shared", "shared", "shared memory", "requests",
               lambda part: sum(access.requests for access in part.only("shared")), neutral=True,
               nsight="smsp__inst_executed_op_shared.sum")  # fmt: skip
FAULTS = Measure("faults", "faults", "faults", "", lambda part: 0)


def _change(measure: Measure, before: Part, after: Part) -> Change:
    ideals = [measure.ideal(part) if measure.places else 0 for part in (before, after)]
    return Change(measure, measure.value(before), measure.value(after), ideals[1] / ideals[0] if all(ideals) else 1.0)


def _measures(before: Part, after: Part) -> tuple[Measure, ...]:
    """Shared memory that only one of the two uses is one line: neither better nor worse by itself."""
    if bool(before.only("shared")) == bool(after.only("shared")):
        return TOTALS
    first, *others = (one for one in TOTALS if one.places and one.places[0] == "shared")
    return tuple(USES if one is first else one for one in TOTALS if one not in others)


def compare(before: Any, after: Any) -> Picture:
    """What differs between two launches of the same work."""
    first, second = whole(before), whole(after)
    changes = [_change(measure, first, second) for measure in _measures(first, second)]
    changes.insert(0, Change(FAULTS, len(before.faults), len(after.faults)))
    same = [c for c in changes if c.factor < CHANGED and c.before]
    changes = [c for c in changes if c.factor >= CHANGED]
    caption = _sentence(changes)
    note = f"unchanged: {', '.join(f'{c.measure.label} {c.shown[0]}' for c in same)}" if same else ""
    names = [launch(before), launch(after)]
    return Picture(caption, _html(names, changes, caption, note), _text(names, changes, caption, note))


def _sentence(changes: list[Change]) -> str:
    # what is broken first; bank conflicts only repeat what the wavefronts say
    ranked = sorted(changes, key=lambda c: (c.measure is not FAULTS, c.measure.key == "conflicts", -c.factor))
    better = [str(change) for change in ranked if change.better]
    worse = [str(change) for change in ranked if change.better is False]
    parts = [f"{word}: {', '.join(group[:NAMED])}" for word, group in (("better", better), ("worse", worse)) if group]
    if not parts:
        return "no counter got better or worse"
    return "; ".join(parts)


def _mark(change: Change) -> tuple[str, str]:
    """A sign that says it without colour, and the colour."""
    return {True: ("✓", GREEN), False: ("✗", AMBER), None: ("·", GREY)}[change.better]


def _html(names: list[str], changes: list[Change], caption: str, note: str) -> str:
    cell = "padding:4px 10px;border:0;text-align:left;vertical-align:middle;white-space:nowrap"
    head = f"{cell};color:{MUTED};font-weight:400"
    same = names[0] == names[1]
    labels = [f"{word}" if same else f'{word}<br/><span style="font-family:{MONO};font-size:11px">{escape(name)}</span>'
              for word, name in zip(("before", "after"), names, strict=True)]  # fmt: skip
    title = f'<span style="font-family:{MONO};font-weight:600;color:{TEXT}">{escape(names[0])}</span>' if same else ""
    right = head.replace("left", "right")
    headings = "".join(f'<th style="{right}">{label}</th>' for label in labels)
    body = "".join(_row(change, cell) for change in changes)
    style = f"border-collapse:collapse;table-layout:auto;margin:0;font-size:13px;width:100%;color:{TEXT}"
    table = (
        f'<table aria-label="{escape(caption)}" style="{style}">'
        f'<thead style="border-bottom:1px solid {LINE}"><tr style="background:none">'
        f'<th style="{head}">{title}</th>{headings}<th style="{head}"></th><th style="{head}"></th></tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    foot = f'<div style="font-size:11px;color:{MUTED};margin:5px 10px 0">{escape(note)}</div>' if note else ""
    box = f"border:1px solid {LINE};border-radius:4px;padding:8px 2px;margin:4px 0;max-width:860px;overflow-x:auto"
    said = f'<div style="font-weight:600;margin:0 10px 6px">{escape(caption)}</div>'
    return (
        f'<div style="{box};background:{PAPER};color:{TEXT};font-size:13px;line-height:1.35">'
        f"{said}{table if changes else ''}{foot}</div>"
    )


def _row(change: Change, cell: str) -> str:
    sign, colour = _mark(change)
    top = max(change.before, change.after)
    bars = "".join(
        f'<div style="height:7px;margin:1px 0;width:{max(BAR * value / top, 1):.1f}px;background:{ground};'
        f'border-radius:1px"></div>'
        for value, ground in ((change.before, f"{GREY}88"), (change.after, colour))
    )
    unit = f' <span style="color:{MUTED};font-size:11px">{escape(change.measure.unit)}</span>'
    name = f'<div style="color:{MUTED};font-size:10px;font-family:{MONO}">{escape(change.measure.nsight)}</div>'
    number = f"{cell};text-align:right;font-variant-numeric:tabular-nums"
    return (
        f'<tr style="background:none;border-bottom:1px solid {LINE}">'
        f'<td style="{cell};white-space:normal">{escape(change.measure.label)}{unit}{name}</td>'
        f'<td style="{number}">{escape(change.shown[0])}</td><td style="{number};font-weight:600">'
        f'{escape(change.shown[1])}</td><td style="{cell};width:{BAR}px">{bars}</td>'
        f'<td style="{cell}"><b style="color:{colour}">{sign}</b> {escape(change.verdict)}</td></tr>'
    )


def _text(names: list[str], changes: list[Change], caption: str, note: str) -> str:
    lines = [names[0] if names[0] == names[1] else f"{names[0]}  →  {names[1]}"]
    for change in changes:
        (before, after), (sign, _) = change.shown, _mark(change)
        name = change.measure.label
        bar = "█" * max(round(20 * change.after / max(change.before, change.after)), 1 if change.after else 0)
        full = "░" * max(round(20 * change.before / max(change.before, change.after)) - len(bar), 0)
        lines.append(f"  {name:>18}  {before:>8} → {after:<8}  {sign} {change.verdict:<12} {bar}{full}")
    return "\n".join([*lines, *([f"  {note}"] if note else []), caption])
