"""Loads and stores: where the bytes are, who may touch them, and what the request costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import ptx
from .active import Active
from .lowering import Lowering
from .memory import GLOBAL_BASE, LOCAL_WINDOW, SHARED_WINDOW, WINDOWS, Space
from .program import NotEmulated
from .ptx import Address, Instruction, Register, Symbol, Vector

STRONG = ("volatile", "relaxed", "acquire", "release")


class Form:
    """The parts of ld.global.nc.v4.f32: space, type, how many, and whether it orders or sees other threads' work."""

    def __init__(self, opcode: str) -> None:
        parts = opcode.split(".")
        self.op = parts[0]
        self.type = next(part for part in reversed(parts) if part in ptx.WIDTHS)
        self.count = next((int(part[1:]) for part in parts if part in ("v2", "v4", "v8")), 1)
        self.space = next((part for part in parts if part in ptx.SPACES), "generic")
        self.strong = any(part in STRONG for part in parts)
        self.volatile = "volatile" in parts
        self.acquire = "acquire" in parts or "acq_rel" in parts
        self.release = "release" in parts or "acq_rel" in parts
        self.width = ptx.WIDTHS[self.type]
        if "v4" in parts and self.width == 8 or self.count == 8:
            raise NotEmulated("256-bit accesses are for later GPUs")


def load(low: Lowering, instruction: Instruction) -> None:
    form, destination, address = Form(instruction.opcode), *instruction.operands[:2]
    parts = destination.parts if isinstance(destination, Vector) else (destination,)
    if form.space == "param" and isinstance(address.base, Symbol):
        return load_parameter(low, parts, address, form)
    space = "global" if form.space in ("const", "param") else form.space
    counted = form.space not in ("const", "param")
    stores = [low.put(part, form.type) for part in parts]
    find = address_of(low, address, form.space)
    site = low.site(form.space, "ld", form.width, form.count, address)
    used = [place for place, part in enumerate(parts) if not isinstance(part, Register) or part.name in low.read]
    if counted and not form.strong:
        low.program.merged.setdefault(site, narrowed(used, form))
    low.block.waits |= form.strong
    low.program.fences |= form.acquire

    def step(batch, active):
        addresses = find(batch)
        for store, value in zip(stores, batch.load(site, space, addresses, active, form, counted), strict=True):
            store(batch, active, value)

    low.emit(step)


def narrowed(used: list[int], form: Form) -> int:
    """Bytes that ptxas loads of a vector of which some elements are not wanted: an aligned part of it, or nothing."""
    count = form.count
    while used and count > 1 and used[0] // (count // 2) == used[-1] // (count // 2):
        count //= 2
    return form.width * count if used else 0


def load_parameter(low: Lowering, parts: tuple, address: Address, form: Form) -> None:
    """A kernel's parameter is a constant of the launch; a called function's is a register."""
    name = address.base.name
    for place, part in enumerate(parts):
        offset = address.offset + place * form.width
        if low.function.is_entry and name in low.program.parameter_offsets:
            slot = low.slot(("parameter", name, offset, form.width))
            low.program.parameters[slot] = (low.program.parameter_offsets[name] + offset, form.width)
        else:
            slot = low.parameter_slot(name, offset)
        move(low, slot, part, form.type)


def move(low: Lowering, slot: int, part: Register, type_: str) -> None:
    store = low.put(part, type_)
    low.emit(lambda batch, active: store(batch, active, batch.registers[slot]))


def store(low: Lowering, instruction: Instruction) -> None:
    form, (address, origin) = Form(instruction.opcode), instruction.operands[:2]
    parts = origin.parts if isinstance(origin, Vector) else (origin,)
    sources = [low.source(part, form.type) for part in parts]
    if form.space == "param":
        for place, source in enumerate(sources):
            slot = low.parameter_slot(address.base.name, address.offset + place * form.width)
            low.emit(lambda batch, active, slot=slot, s=source: batch.assign(slot, batch.registers[s], active))
        return
    find = address_of(low, address, form.space)
    site = low.site(form.space, "st", form.width, form.count, address)
    low.program.fences |= form.release

    def step(batch, active):
        values = [batch.registers[source] for source in sources]
        batch.store(site, form.space, find(batch), active, form, values)

    low.emit(step)


def address_of(low: Lowering, address: Address, space: str) -> Callable:
    """Returns find(batch): the byte offsets within `space` (generic: the addresses), int64, broadcasting to (B, T)."""
    base = GLOBAL_BASE if space in ("global", "const", "param") else 0
    shift = np.int64(address.offset - base)
    if address.base is None:
        return lambda batch: np.asarray(shift).reshape(1, 1)
    slot = low.slot(address.base.name) if isinstance(address.base, Register) else low.symbol(address.base)
    narrow = isinstance(address.base, Register) and address.base.width == 4

    def find(batch):
        value = np.asarray(batch.registers[slot])
        value = value.astype(np.int64) if narrow else value.view(np.int64)
        value = value + shift if shift else value
        return value.reshape(1, 1) if value.ndim == 0 else value

    return find


def split_generic(addresses: np.ndarray, active: Active) -> list[tuple[str, np.ndarray, Active]]:
    """Which threads of a generic access go to which space, with the offsets there."""
    found = []
    spaces = ("global", 0, SHARED_WINDOW), ("shared", SHARED_WINDOW, LOCAL_WINDOW), ("local", LOCAL_WINDOW, 1 << 62)
    for space, start, end in spaces:
        part = active.where((addresses >= start) & (addresses < end))
        if part is not None:
            found.append((space, addresses - WINDOWS[space], part))
    return found


def read(space: Space, view: np.ndarray, offsets: np.ndarray, width: int, count: int) -> list[np.ndarray]:
    """The values at `offsets` (all inside), `count` neighbours of `width` bytes each; view: of that width."""
    rows = space.columns(view, offsets)
    if rows is not None:
        index = (offsets >> (width.bit_length() - 1))[0]
        return [rows.take(index + place if place else index, axis=1, mode="clip") for place in range(count)]
    index = space.elements(offsets, width)
    return [view.take(index + place if place else index, mode="clip") for place in range(count)]


def write(space: Space, view: np.ndarray, offsets: np.ndarray, width: int, values: list, active: Active) -> None:
    """Where several threads write one place, the last one's value stays; the hardware's choice is as free."""
    rows = space.columns(view, offsets) if len(active.mask) == 1 else None
    if rows is not None:
        index = (np.broadcast_to(offsets, active.mask.shape) >> (width.bit_length() - 1))[0]
        for place, value in enumerate(values):
            spread = np.broadcast_to(value, (len(rows), active.mask.shape[1]))
            if active.full:
                rows[:, index + place] = spread
            else:
                mask = active.mask[0]
                rows[:, index[mask] + place] = spread[:, mask]
        return
    index = space.elements(offsets, width)
    for place, value in enumerate(values):
        where = index + place if place else index
        shape = np.broadcast_shapes(where.shape, np.shape(value), active.mask.shape)
        if active.full:
            view[np.broadcast_to(where, shape)] = value
        else:
            mask = np.broadcast_to(active.mask, shape)
            view[np.broadcast_to(where, shape)[mask]] = np.broadcast_to(value, shape)[mask]


def copy_async(low: Lowering, instruction: Instruction) -> None:
    """cp.async.ca.shared.global [to], [from], bytes{, bytes that are not zero}, and its groups."""
    parts = instruction.parts
    if "commit_group" in parts:
        return low.emit(lambda batch, active: batch.copies.commit(active))
    if "wait_group" in parts or "wait_all" in parts:
        keep = int(instruction.operands[0].text) if instruction.operands else None
        return low.emit(lambda batch, active: batch.copies.wait(batch, active, keep))
    if parts[2:3] not in (["ca"], ["cg"]):
        raise NotEmulated("bulk copies")
    to, origin, size, *rest = instruction.operands
    find_to, find_from = address_of(low, to, "shared"), address_of(low, origin, "global")
    width, used = int(size.text), low.source(rest[0], "u32") if rest and not isinstance(rest[0], Register) else None
    if rest and isinstance(rest[0], Register):
        used = low.source(rest[0], "u32" if rest[0].type != "pred" else "pred")
    site = (
        low.site("global", "ldgsts", min(width, 8), max(width // 8, 1)),
        low.site("shared", "ldgsts", min(width, 8), max(width // 8, 1)),
    )

    def step(batch, active):
        wanted = None if used is None else batch.registers[used]
        batch.copies.start(batch, active, site, find_to(batch), find_from(batch), width, wanted)

    low.emit(step)


FAMILIES = {"ld": load, "ldu": load, "st": store, "cp": copy_async}
