"""What a kernel may cost: budgets against the emulated GPU's counters, and the counters in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..vgpu.show.measures import TOTALS, Measure, Part, act, line, whole
from ..vgpu.show.svg import number, size, times
from .exercise import Budget
from .trial import Diagnosis

if TYPE_CHECKING:
    from .cuda import Ran

SEEN = 1.05  # times the ideal from which a counter is shown with that factor
SLACK = 1e-9
BY_FAR = 2.0
TRAFFIC = Measure("traffic", "traffic", "bytes moved", "times what is needed", lambda part: 0)
QUANTITIES = {one.key: one for one in (*TOTALS, TRAFFIC)}
QUANTITIES |= {  # memory instructions of warps (the wider the accesses, the fewer), and what they took
    words: Measure(words, words, words, "", lambda part, name=name: part.sum(name), nsight=name, is_count=True)
    for words, name in (
        ("load requests", "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"),
        ("store requests", "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum"),
        ("atomic requests", "l1tex__t_requests_pipe_lsu_mem_global_op_atom.sum"),
        ("reduction requests", "l1tex__t_requests_pipe_lsu_mem_global_op_red.sum"),
        ("load sectors", "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"),
        ("store sectors", "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"),
        ("shared load requests", "smsp__inst_executed_op_shared_ld.sum"),
        ("shared store requests", "smsp__inst_executed_op_shared_st.sum"),
        ("shared load wavefronts", "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"),
        ("shared store wavefronts", "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_st.sum"),
        ("operations in double precision", "ptx__thread_inst_executed_f64.sum"),
    )
}
NAMED = {one.nsight: one for one in QUANTITIES.values() if one.nsight}
SHOWN = tuple(one for one in TOTALS if one.key not in ("read", "written"))


def exceeded(budgets: Sequence[Budget], ran: Sequence[Ran]) -> list[Diagnosis]:
    """What is over its budget, in the order of the budgets.

    Only the bytes moved where these are furthest over by far: then requests are dear because there are too many.
    """
    over = [(*found, budget) for budget in budgets if (found := _exceeded(budget, ran))]
    traffic = [one for one in over if _measure(one[2].quantity) is TRAFFIC]
    others = [factor for factor, _, budget in over if _measure(budget.quantity) is not TRAFFIC]
    if traffic and others and traffic[0][0] >= BY_FAR * max(others):
        over = traffic
    return [found for _, found, _ in over]


def _exceeded(budget: Budget, ran: Sequence[Ran]) -> tuple[float, Diagnosis] | None:
    """How far the launch that is furthest over the budget is over it, as a factor; None if all keep it."""
    worst, found = 1 + SLACK, None
    for launch in ran:
        if budget.where and not budget.where(**launch.shape):
            continue
        limit = budget.at_most(**launch.shape) if callable(budget.at_most) else budget.at_most
        for value, unit, where in _values(budget, launch):
            over = value / limit if limit else 1 + value
            if over > worst:
                worst, found = over, (over, _over(budget, launch.label, value, limit, unit, where))
    return found


def _values(budget: Budget, launch: Ran) -> Iterator[tuple[float, str, str]]:
    """(value, its unit, where it comes from) of every access that a quantity is about, or of the whole launch."""
    report, measure = launch.report, _measure(budget.quantity)
    unit = "times the fewest possible" if budget.of_ideal else measure.unit_of(2)
    if measure is TRAFFIC:
        yield _moved(launch) / launch.needed, unit, ""
        return
    if not measure.places:
        part = whole(report)
        yield (measure.factor(part) if budget.of_ideal else measure.value(part)), unit, _costliest(measure, launch)
        return
    groups: dict[tuple, list[Any]] = {}
    for access in whole(report).only(*measure.places):
        groups.setdefault((access.line, access.op, access.array), []).append(access)
    for (at, _, _), accesses in groups.items():
        part = Part({}, accesses)
        value = measure.factor(part) if budget.of_ideal else measure.value(part)
        took = f"{act(accesses[0])}, {number(measure.value(part))} {measure.unit_of(measure.value(part))}"
        name = f" ({took if budget.of_ideal else act(accesses[0])})"
        yield value, unit, f"Line {at}{name}: {quoted(report.source, at)}."


def _measure(quantity: str) -> Measure:
    """A row of QUANTITIES, or a counter by Nsight Compute's name."""
    if found := QUANTITIES.get(quantity) or NAMED.get(quantity):
        return found
    assert "__" in quantity, f"no quantity {quantity!r}: {', '.join(QUANTITIES)}, or a counter of Nsight Compute's"
    return Measure(quantity, quantity, f"`{quantity}`", "", lambda part: part.sum(quantity), is_count=True)


def _costliest(measure: Measure, launch: Ran) -> str:
    """The line where most of a count comes from."""
    lines = [at for at in launch.report.by_line if at > 0]
    if not measure.is_count or not lines:
        return ""
    at = max(lines, key=lambda at: measure.value(line(launch.report, at)))
    value = measure.value(line(launch.report, at))
    return f"Most of it, {measure.show(value)}, in line {at}: {quoted(launch.report.source, at)}." if value else ""


def _over(budget: Budget, label: str, value: float, limit: float, unit: str, where: str) -> Diagnosis:
    measure = _measure(budget.quantity)
    show = number if measure.places or budget.of_ideal else measure.show
    got, unit = f"{show(value)} {unit}".strip(), f"at most {show(limit)} is allowed"
    name = measure.label[0].upper() + measure.label[1:]
    sentence = f"**{name}: {got}**, {unit}, when {label}. {where} {budget.because}"
    return Diagnosis(budget.key, " ".join(sentence.split()), budget.hint, label)


def _moved(launch: Ran) -> float:
    return launch.report.metrics["bytes_moved.read"] + launch.report.metrics["bytes_moved.written"]


def counters(launch: Ran) -> str:
    """What an answer cost, in a line: "global load 4 sectors a request · bank conflicts 0 · ..."."""
    part, shown = whole(launch.report), []
    for measure in SHOWN:
        value = measure.value(part)
        if value or (measure.key == "conflicts" and part.only("shared")):
            factor = measure.factor(part)
            over = f" ({times(factor)} the fewest)" if measure.places and factor >= SEEN else ""
            unit = "of 32" if measure.key == "lanes" else measure.unit_of(value)
            shown.append(f"{measure.label} {measure.show(value)} {unit}".strip() + over)
    moved = f"{size(_moved(launch))} moved for {size(launch.needed)} of inputs and outputs"
    return f"when {launch.label}: " + " · ".join([*shown, moved])


def quoted(source: str, at: int) -> str:
    """A line of the learner's source, as code; "" where there is none."""
    lines = source.split("\n")
    code = lines[at - 1].partition("//")[0].strip() if 0 < at <= len(lines) else ""
    return f"`{code}`" if code and "`" not in code else ""
