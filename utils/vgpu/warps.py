"""What lanes of a warp tell each other: shuffles, votes, matches, reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .active import LANES, Active, Parted
from .lowering import Lowering
from .program import NotEmulated
from .ptx import Instruction, Vector

LANE = np.arange(LANES, dtype=np.int64)
BIT = np.uint32(1) << LANE.astype(np.uint32)


def by_lane(value: np.ndarray, active: Active) -> np.ndarray:
    """A register, or a mask, as (rows, warps, 32)."""
    shape = np.broadcast_shapes(np.shape(value), (1, active.mask.shape[1]))
    return np.broadcast_to(value, shape).reshape(shape[0], -1, LANES)


def flat(lanes: np.ndarray) -> np.ndarray:
    return lanes.reshape(lanes.shape[0], -1)


def shuffle(low: Lowering, instruction: Instruction) -> None:
    """shfl.sync.mode d|p, a, b, c, members: PTX ISA's pseudocode; c is clamp and segment mask."""
    mode = instruction.parts[2]
    destination, origin, *others = instruction.operands
    value, other_predicate = destination.parts if isinstance(destination, Vector) else (destination, None)
    source = low.source(origin, "b32")
    b, c, members = (low.source(operand, "b32") for operand in others)
    store = low.put(value, "b32")
    store_predicate = low.put(other_predicate, "pred") if other_predicate else None
    meet = meeting(low)

    def step(batch, active):
        values = batch.registers
        index = by_lane(values[b], active).astype(np.int64) & 31
        control = by_lane(values[c], active).astype(np.int64)
        clamp, segment = control & 31, (control >> 8) & 31
        lowest = LANE & segment
        highest = lowest | (clamp & ~segment)
        from_lane = {"up": LANE - index, "down": LANE + index, "bfly": LANE ^ index}.get(
            mode, lowest | (index & ~segment)
        )
        inside = from_lane >= highest if mode == "up" else from_lane <= highest
        from_lane = np.where(inside, from_lane, LANE)
        meet(batch, active, values[members], lambda: _read(from_lane, active))
        lanes = by_lane(values[source], active)
        if from_lane.shape[0] == from_lane.shape[1] == 1:
            taken = lanes[..., from_lane[0, 0]]
        else:
            shape = np.broadcast_shapes(lanes.shape, from_lane.shape)
            taken = np.take_along_axis(np.broadcast_to(lanes, shape), np.broadcast_to(from_lane, shape), -1)
        store(batch, active, flat(taken))
        if store_predicate:
            store_predicate(batch, active, flat(np.broadcast_to(inside, (*lanes.shape[:2], LANES))))

    low.emit(step)


def meeting(low: Lowering) -> Callable:
    """Returns meet(batch, active, members, reads): lanes that an exchange names take part in it, and are waited for.

    It raises Parted where some are still on their way, notes a fault where they will not come. Those that have left
    the kernel meanwhile are missed only if the exchange reads their values: reads() gives a mask of such lanes. A
    guarded exchange does not wait.
    """
    line, waits = low.instruction.line, low.instruction.guard is None
    return lambda batch, active, members, reads=lambda: False: _meet(batch, active, members, reads, line, waits)


def _read(from_lane: np.ndarray, active: Active) -> np.ndarray:
    """(rows, warps, 32): which lanes some active lane of their warp reads."""
    at = np.where(active.lanes, from_lane, -1)
    return (at[..., :, None] == LANE).any(-2)


def _meet(batch, active: Active, members: np.ndarray, reads: Callable, line: int, waits: bool) -> None:
    if active.full and np.ndim(members) == 0 and members == 0xFFFFFFFF:
        return
    named = (by_lane(members, active) & BIT).astype(bool)
    lanes = active.lanes
    wanted = np.where(lanes.any(-1, keepdims=True), _any_named(named, members, active), False)
    alive = by_lane(batch.alive if batch.expected is None else batch.expected, active)
    absent, unnamed = wanted & alive & ~lanes, lanes & ~named
    if waits and batch.may_wait and absent.any():
        raise Parted(_to_all_lanes(absent.any(-1, keepdims=True)))
    if absent.any():
        absent = absent & (by_lane(batch.alive, active) | reads())
    for bad, what in ((absent, "is named in the mask of this exchange but does not take part"),
                      (unnamed, "takes part in this exchange but its mask does not name it")):  # fmt: skip
        if bad.any():
            at = Active(np.broadcast_to(flat(bad), (len(bad), batch.slots)), batch.blocks, False)
            batch.faults.stuck("barrier", batch, at, line, f"{what} (line {line}): the result is undefined")
            return


def _any_named(named: np.ndarray, members: np.ndarray, active: Active) -> np.ndarray:
    """Lanes that some active lane of their warp names."""
    if np.ndim(members) == 0 or members.size == 1:
        return named
    sets = np.where(active.lanes, by_lane(members, active), np.uint32(0))
    union = np.bitwise_or.reduce(sets, axis=-1, keepdims=True)
    return (union & BIT).astype(bool)


def vote(low: Lowering, instruction: Instruction) -> None:
    mode = instruction.parts[2]
    predicate, members = low.source(instruction.operands[1], "pred"), low.source(instruction.operands[2], "b32")
    store = low.put(instruction.operands[0], instruction.parts[-1])
    meet = meeting(low)

    def step(batch, active):
        meet(batch, active, batch.registers[members])
        yes, lanes = by_lane(batch.registers[predicate], active), active.lanes
        if mode == "ballot":
            result = np.where(yes & lanes, BIT, np.uint32(0)).sum(-1, keepdims=True, dtype=np.uint32)
        else:
            any_yes, any_no = (yes & lanes).any(-1, keepdims=True), (~yes & lanes).any(-1, keepdims=True)
            result = {"all": ~any_no, "any": any_yes, "uni": ~(any_yes & any_no)}[mode]
        store(batch, active, _to_all_lanes(result))

    low.emit(step)


def _to_all_lanes(result: np.ndarray) -> np.ndarray:
    """One value for each warp, given to its lanes."""
    return flat(np.broadcast_to(result, (*result.shape[:2], LANES)))


def active_mask(low: Lowering, instruction: Instruction) -> None:
    store = low.put(instruction.operands[0], "b32")

    def step(batch, active):
        result = np.where(active.lanes, BIT, np.uint32(0)).sum(-1, keepdims=True, dtype=np.uint32)
        store(batch, active, _to_all_lanes(result))

    low.emit(step)


def match(low: Lowering, instruction: Instruction) -> None:
    """match.any gives the lanes with the same value; match.all them all, or 0 where they differ."""
    destination = instruction.operands[0]
    value, predicate = destination.parts if isinstance(destination, Vector) else (destination, None)
    source, store = low.source(instruction.operands[1], instruction.parts[-1]), low.put(value, "b32")
    members = low.source(instruction.operands[2], "b32")
    store_predicate = low.put(predicate, "pred") if predicate else None
    any_ = instruction.parts[1] == "any"
    meet = meeting(low)

    def step(batch, active):
        meet(batch, active, batch.registers[members])
        lanes, named = by_lane(batch.registers[source], active), active.lanes
        named = named & (by_lane(batch.registers[members], active) & BIT).astype(bool)
        same = (lanes[..., :, None] == lanes[..., None, :]) & named[..., None, :]
        result = np.where(same, BIT, np.uint32(0)).sum(-1, dtype=np.uint32)
        if any_:
            return store(batch, active, flat(result))
        everybody = np.where(named, BIT, np.uint32(0)).sum(-1, keepdims=True, dtype=np.uint32)
        agreed = result == everybody
        store(batch, active, flat(np.where(agreed, result, np.uint32(0))))
        if store_predicate:
            store_predicate(batch, active, flat(agreed))

    low.emit(step)


REDUCTIONS = {"add": np.add, "min": np.minimum, "max": np.maximum, "and": np.bitwise_and, "or": np.bitwise_or,
              "xor": np.bitwise_xor}  # fmt: skip


def reduce(low: Lowering, instruction: Instruction) -> None:
    """redux.sync.op.type d, a, members: over the lanes of equal member masks that are active."""
    operation, type_ = instruction.parts[2], instruction.parts[-1]
    if type_ == "f32" or operation not in REDUCTIONS:
        raise NotEmulated()
    source, members = low.source(instruction.operands[1], type_), low.source(instruction.operands[2], "b32")
    store = low.put(instruction.operands[0], type_)
    ufunc = REDUCTIONS[operation]
    dtype = np.int32 if type_ == "s32" else np.uint32
    start = {"min": np.iinfo(dtype).max, "max": np.iinfo(dtype).min, "and": dtype(-1 if type_ == "s32" else 2**32 - 1)}
    neutral = dtype(start.get(operation, 0))
    meet = meeting(low)

    def step(batch, active):
        meet(batch, active, batch.registers[members])
        lanes = by_lane(batch.registers[source], active).view(dtype)
        named = (by_lane(batch.registers[members], active) & BIT).astype(bool)
        if np.ndim(batch.registers[members]) == 0:
            counted = np.where(active.lanes & named, lanes, neutral)
            result = ufunc.reduce(counted, axis=-1, keepdims=True, dtype=dtype).view(np.uint32)
            return store(batch, active, _to_all_lanes(result))
        own = by_lane(batch.registers[members], active)
        together = (((own[..., :, None] >> LANE.astype(np.uint32)) & np.uint32(1)).astype(bool)) & active.lanes[
            ..., None, :
        ]
        counted = np.where(together, lanes[..., None, :], neutral)
        store(batch, active, flat(ufunc.reduce(counted, axis=-1, dtype=dtype).view(np.uint32)))

    low.emit(step)


def elect(low: Lowering, instruction: Instruction) -> None:
    """elect.sync d|p, members: the lowest lane that takes part."""
    value, predicate = instruction.operands[0].parts
    store, store_predicate = low.put(value, "b32"), low.put(predicate, "pred")
    members, meet = low.source(instruction.operands[1], "b32"), meeting(low)

    def step(batch, active):
        meet(batch, active, batch.registers[members])
        leader = active.lanes.argmax(-1)[..., None]
        store(batch, active, _to_all_lanes(leader.astype(np.uint32)))
        store_predicate(batch, active, flat(leader == LANE))

    low.emit(step)


FAMILIES = {"shfl": shuffle, "vote": vote, "activemask": active_mask, "match": match, "redux": reduce, "elect": elect}
