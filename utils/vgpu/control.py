"""Where threads go next: branches, calls, the end, barriers. Each makes the end of a basic block."""

from __future__ import annotations

import numpy as np

from .lowering import Lowering
from .program import NotEmulated
from .ptx import Instruction, Symbol, Vector


def branch(low: Lowering, instruction: Instruction) -> None:
    target, following = low.target(instruction.operands[0]), low.number + 1
    backward = target <= low.number
    if backward:
        low.program.loops.append((target, low.number))
    if instruction.guard is None:

        def jump(batch, active):
            return batch.looped(target, active) if backward else [(target, active)]

        low.block.end = jump
        return
    slot = low.guard_slot(instruction.guard)

    def end(batch, active):
        taken = active.where(batch.registers[slot])
        if taken is None:
            return [(following, active)]
        if taken is active:
            return batch.looped(target, active) if backward else [(target, active)]
        rest = active.where(~np.asarray(batch.registers[slot]))
        stay = [(following, rest)]
        return stay + (batch.looped(target, taken) if backward else [(target, taken)])

    low.block.end = end


def branch_table(low: Lowering, instruction: Instruction) -> None:
    """brx.idx index, table: what a switch becomes."""
    index = low.source(instruction.operands[0], "u32")
    labels = low.function.tables[instruction.operands[1].name]
    targets = [low.target(Symbol(label)) for label in labels]

    def end(batch, active):
        value = batch.registers[index]
        parts = [(target, active.where(value == np.uint32(i))) for i, target in enumerate(targets)]
        return [(target, part) for target, part in parts if part is not None]

    low.block.end = guarded_end(low, end)


def leave(low: Lowering, instruction: Instruction) -> None:
    """ret and exit; a function returns to where it was called, which may differ between threads."""
    if low.function.is_entry or instruction.parts[0] in ("exit", "trap"):
        block = low.block

        def end(batch, active):
            batch.leave(active, block.length > 1)
            return []

        if instruction.parts[0] == "trap":

            def end(batch, active):  # noqa: F811 one of the two
                batch.trapped(active, instruction.line)
                return []

    else:
        slot = low.program.call_slot(low.function.name, "return", 0)

        def end(batch, active):
            value = np.asarray(batch.registers[slot])
            targets = np.unique(active.pick(value))
            return [(int(target), active.where(value == target)) for target in targets]

    low.block.end = guarded_end(low, end)


def guarded_end(low: Lowering, end):
    """Threads whose guard does not hold go on with the next block."""
    if low.instruction.guard is None:
        return end
    slot, following = low.guard_slot(low.instruction.guard), low.number + 1

    def guarded(batch, active):
        value = np.asarray(batch.registers[slot])
        part, rest = active.where(value), active.where(~value)
        return (end(batch, part) if part else []) + ([(following, rest)] if rest else [])

    return guarded


def barrier(low: Lowering, instruction: Instruction) -> None:
    """bar.sync, bar.arrive, bar.red (__syncthreads_count, _and, _or), bar.warp.sync."""
    parts = [part for part in instruction.parts if part not in ("cta", "aligned")]
    following, line = low.number + 1, instruction.line
    if parts[1] == "warp":
        members = low.source(instruction.operands[0], "b32")

        def end(batch, active):
            return batch.meet_warp(following, active, batch.registers[members], line)

    elif parts[1] == "red":
        destination, name, *rest = instruction.operands
        predicate = low.source(rest[-1], "pred")
        count = low.source(rest[0], "u32") if len(rest) == 2 else None
        store = low.put(destination, "u32" if parts[2] == "popc" else "pred")
        number = low.source(name, "u32")

        def end(batch, active):
            vote = (parts[2], np.asarray(batch.registers[predicate]), store)
            expected = None if count is None else batch.registers[count]
            return batch.meet(following, active, batch.registers[number], expected, line, vote=vote)

    else:
        number = low.source(instruction.operands[0], "u32")
        count = low.source(instruction.operands[1], "u32") if len(instruction.operands) > 1 else None
        waits = parts[1] != "arrive"

        def end(batch, active):
            expected = None if count is None else batch.registers[count]
            return batch.meet(following, active, batch.registers[number], expected, line, waits=waits)

    low.block.end = guarded_end(low, end)


def call(low: Lowering, instruction: Instruction) -> None:
    """printf and failed assertions are the machine's; other functions are run."""
    vectors = [operand.parts for operand in instruction.operands if isinstance(operand, Vector)]
    name = next(operand.name for operand in instruction.operands if isinstance(operand, Symbol))
    returned, passed = vectors if len(vectors) == 2 else ((), *vectors) if vectors else ((), ())
    following, line = low.number + 1, instruction.line
    if name in BUILT_IN:
        arguments = [low.parameter_slot(argument.name, 0) for argument in passed]
        for symbol in returned:
            low.program.constants[low.parameter_slot(symbol.name, 0)] = np.uint32(0)
        low.block.end = guarded_end(low, BUILT_IN[name](arguments, following, line))
        return
    callee = low.program.module.functions.get(name)
    if callee is None or name not in low.program.entries:
        raise NotEmulated(f"a call of {name}")
    pairs = [
        (slot, low.program.call_slot(name, parameter.name, offset))
        for argument, parameter in zip(passed, callee.parameters, strict=True)
        for offset, slot in low.stored_parameters(argument.name)
    ]
    for parameter, symbol in zip(callee.returns, returned, strict=True):
        low.aliases[symbol.name] = (name, parameter.name)
    entry, back = low.program.entries[name], low.program.call_slot(name, "return", 0)

    def end(batch, active):
        values = batch.registers
        for origin, destination in pairs:
            batch.assign(destination, values[origin], active)
        batch.assign(back, np.int64(following), active)
        return [(entry, active)]

    low.block.end = guarded_end(low, end)


def print_formatted(arguments, following, line):
    def end(batch, active):
        batch.printf(active, *(batch.registers[slot] for slot in arguments))
        return [(following, active)]

    return end


def assertion_failed(arguments, following, line):
    def end(batch, active):
        batch.trapped(active, line, batch.text_at(active.one_of(batch.registers[arguments[0]])))
        return []

    return end


BUILT_IN = {"vprintf": print_formatted, "__assertfail": assertion_failed}


FAMILIES = {
    "bra": branch,
    "brx": branch_table,
    "ret": leave,
    "exit": leave,
    "trap": leave,
    "bar": barrier,
    "barrier": barrier,
    "call": call,
}
