"""atom and red: read, change and write as one act. Threads go in the order of their numbers; the hardware's is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import alu
from .accesses import Form, address_of, split_generic
from .active import Active
from .lowering import Lowering
from .memory import Space
from .program import NotEmulated
from .ptx import Instruction, Register, Symbol, Vector

if TYPE_CHECKING:
    from .machine import Batch

OPERATIONS = ("add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas")


def atomic(low: Lowering, instruction: Instruction) -> None:
    parts = instruction.parts
    operation = next((part for part in parts if part in OPERATIONS), None)
    form = Form(instruction.opcode)
    if operation is None or (form.count > 1 and operation not in ("add", "min", "max")):
        raise NotEmulated()
    returns = parts[0] == "atom"
    destination = instruction.operands[0] if returns else Symbol("_")
    address, *operands = instruction.operands[returns:]
    results = destination.parts if isinstance(destination, Vector) else (destination,)
    if form.count > 1:
        operands = operands[0].parts
    sources = [low.source(operand, form.type) for operand in operands]
    stores = [low.put(result, form.type) for result in results]
    find = address_of(low, address, form.space)
    is_read = returns and any(isinstance(one, Register) and one.name in low.read for one in results)
    # ptxas turns an atomic whose result nobody wants into a reduction, but for pairs of halves
    op = "atom" if is_read or (returns and form.type.endswith("x2")) else "red"
    aggregates = form.type[1:] == "32" and form.type[0] in "usb"  # 32-bit integers at one place: the warp's lanes first
    site = low.site(form.space, op, form.width, form.count, checks_itself=operation == "cas")
    change = changer(operation, form.type, parts)
    low.block.waits |= is_read

    def step(batch, active):
        values = [batch.registers[source] for source in sources]
        addresses = find(batch)
        pieces = [(form.space, addresses, active)]
        if form.space == "generic":
            pieces = split_generic(addresses, active)
        for space, offsets, part in pieces:
            old = perform(batch, site, op, space, offsets, part, form, values, change, aggregates)
            if returns and old is not None:
                for store, value in zip(stores, old, strict=True):
                    store(batch, part, value)

    low.emit(step)


def perform(
    batch: Batch,
    site: int,
    op: str,
    space: str,
    offsets: np.ndarray,
    active: Active,
    form: Form,
    values: list,
    change,
    aggregates: bool,
) -> list[np.ndarray] | None:
    """Returns what was in memory before, for each thread: of a vector, element by element."""
    one_place = offsets.shape[1] == 1
    found = batch.unit.checked(site, space, offsets, active, form.width * form.count)
    if found is None:
        return None
    offsets, active = found
    counted = offsets[:, :1] if one_place else offsets  # where lanes are left out, too
    batch.unit.count(site, space, op, counted, active, form.width * form.count, aggregates)
    memory: Space = batch.spaces[space]
    batch.unit.check_written(site, memory, offsets, active, form)
    batch.unit.mark(memory.marks["written"], memory, offsets, active, form)
    view, places = memory.views[form.width], active.pick(memory.elements(offsets, form.width))
    operands = [active.pick(value) for value in values]
    found = []
    for element in range(form.count):
        index = places + element
        before = view[index]
        old = change(view, index, operands[element:] if form.count > 1 else operands)
        batch.changed |= not np.array_equal(before, view[index])
        found.append(old)
    wrote = active.spread(found[0] == operands[0]) if change is compare_and_swap else True
    batch.races.atomic(site, space, offsets, active, form, wrote)
    if op == "atom":
        batch.seen += found
    return [active.spread(old) for old in found]


def changer(operation: str, type_: str, parts: list[str]):
    """Returns change(view, index, operands) -> what each found: does the operation for all, one after the other."""
    if operation == "exch":
        return exchange
    if operation == "cas":
        return compare_and_swap
    if operation == "add" and type_[0] in "us":
        return add
    binary = _binary(operation, type_, parts)

    def change(view, index, operands):
        return in_rounds(view, index, operands[0], binary)

    return change


def _binary(operation: str, type_: str, parts: list[str]):
    if operation == "inc":
        return lambda old, value: np.where(old >= value, 0, old + old.dtype.type(1)).astype(old.dtype)
    if operation == "dec":
        return lambda old, value: np.where((old == 0) | (old > value), value, old - old.dtype.type(1))
    if operation in ("and", "or", "xor"):
        return {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[operation]
    rounding = ".rn" if operation == "add" and type_ in ("f32", "f64", "f16", "bf16", "f16x2", "bf16x2") else ""
    found = alu.operation(f"{operation}{rounding}.{type_}")
    if found is None:
        raise NotEmulated()
    return found.run


def add(view, index, operands):
    """Integer sums in the order of the threads: each finds the sum of those before it."""
    order = np.argsort(index, kind="stable")
    places, values = index[order], operands[0][order]
    running = np.cumsum(values, dtype=values.dtype) - values
    first = np.ones(len(places), bool)
    first[1:] = places[1:] != places[:-1]
    group = np.cumsum(first) - 1
    found = view[places] + running - running[first][group]
    old = np.empty_like(found)
    old[order] = found
    np.add.at(view, index, operands[0])
    return old


def exchange(view, index, operands):
    order = np.argsort(index, kind="stable")
    places, values = index[order], operands[0][order]
    found = view[places]
    same = places[1:] == places[:-1]
    found[1:][same] = values[:-1][same]
    view[places] = values  # the last one stays
    old = np.empty_like(found)
    old[order] = found
    return old


def compare_and_swap(view, index, operands):
    """Between two successes all that compare find the same value, so rounds are as many as successes at one place."""
    wanted, value = operands
    old = np.empty_like(value)
    left = np.arange(len(index))
    while len(left):
        now = view[index[left]]
        matching = np.flatnonzero(now == wanted[left])
        places, first = np.unique(index[left][matching], return_index=True)
        winners = matching[first]  # of each place, in `left`
        turn = np.full(len(left), len(left))
        if len(places):
            at = np.searchsorted(places, index[left])
            known = (at < len(places)) & (places[np.minimum(at, len(places) - 1)] == index[left])
            turn[known] = winners[at[known]]
        done = np.arange(len(left)) <= turn
        old[left[done]] = now[done]
        view[index[left[winners]]] = value[left[winners]]
        left = left[~done]
    return old


def in_rounds(view, index, values, binary):
    """Each round takes the first thread that is left at each place."""
    old = np.empty_like(values)
    order = np.argsort(index, kind="stable")
    places = index[order]
    starts = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
    lengths = np.diff(np.append(starts, len(places)))
    for turn in range(int(lengths.max())):
        at = order[starts[lengths > turn] + turn]
        found = view[index[at]]
        old[at] = found
        view[index[at]] = binary(found, values[at])
    return old


def fence(low: Lowering, instruction: Instruction) -> None:
    """membar.gl, fence.acq_rel.gpu: what a thread did before is seen before what it does next."""
    low.program.fences = True
    low.emit(lambda batch, active: batch.races.fence(active, batch.step))


FAMILIES = {"atom": atomic, "red": atomic, "membar": fence, "fence": fence}
