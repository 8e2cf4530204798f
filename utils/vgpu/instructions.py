"""From one PTX instruction to its step: arithmetic and moves. Control, memory and warps have modules of their own."""

from __future__ import annotations

import numpy as np

from . import accesses, alu, atomics, control, matrices, ptx, tensor_cores, warps
from .lowering import Lowering
from .memory import SHARED_WINDOW, WINDOWS
from .program import NotEmulated
from .ptx import Instruction, Register, Special, Vector

DOUBLE = "ptx__thread_inst_executed_f64.sum"  # the emulator's own: conversions, divisions and comparisons included
CLOCKS = ("%clock", "%clock64", "%clock_hi", "%globaltimer", "%globaltimer_lo")


def lower(low: Lowering, instruction: Instruction) -> None:
    family = instruction.parts[0]
    if family in FAMILIES:
        FAMILIES[family](low, instruction)
    else:
        arithmetic(low, instruction)


def arithmetic(low: Lowering, instruction: Instruction) -> None:
    operation = alu.operation(instruction.opcode)
    if operation is None:
        raise NotEmulated()
    destination, *operands = instruction.operands
    sources = [low.source(operand, type_) for operand, type_ in zip(operands, operation.inputs, strict=True)]
    if isinstance(destination, Vector):  # setp p|q, ...
        return two_results(low, destination, operation, sources)
    store, run = low.put(destination, operation.output), operation.run
    if operation.flops:
        count_flops(low, operation.flops)
    if "f64" in instruction.parts:
        count_flops(low, DOUBLE)
    if operation.carry:
        flag = low.slot("carry flag")
        low.program.constants.setdefault(flag, np.bool_(False))

        def step(batch, active):
            values = batch.registers
            result, carry = run(*(values[slot] for slot in sources), values[flag])
            store(batch, active, result)
            values[flag] = carry if active.whole else np.where(active.mask, carry, values[flag])

    elif len(sources) == 1:
        (a,) = sources

        def step(batch, active):
            store(batch, active, run(batch.registers[a]))

    elif len(sources) == 2:
        a, b = sources

        def step(batch, active):
            values = batch.registers
            store(batch, active, run(values[a], values[b]))

    else:

        def step(batch, active):
            values = batch.registers
            store(batch, active, run(*[values[slot] for slot in sources]))

    low.emit(step)


def two_results(low: Lowering, destination: Vector, operation: alu.Operation, sources: list[int]) -> None:
    if operation.second is None:
        raise NotEmulated("two results")
    first, second = (
        low.put(part, kind) for part, kind in zip(destination.parts, (operation.output, "pred"), strict=True)
    )

    def step(batch, active):
        values = [batch.registers[slot] for slot in sources]
        results = operation.run(*values), operation.second(*values)
        first(batch, active, results[0])
        second(batch, active, results[1])

    low.emit(step)


def count_flops(low: Lowering, kind: str) -> None:
    """Of an unguarded instruction with its block; a guarded one counts the threads whose guard holds."""
    key = (low.instruction.line, kind)
    if low.instruction.guard is None:
        low.block.flops[key] += 1
        return

    def step(batch, active):
        batch.flops[key] += active.threads

    low.emit(step)


def move(low: Lowering, instruction: Instruction) -> None:
    """Also packs {a, b} into a wider register and unpacks one."""
    destination, origin = instruction.operands
    type_ = instruction.parts[-1]
    if isinstance(origin, Special) and origin.name in CLOCKS:
        return read_clock(low, destination, type_)
    if isinstance(destination, Vector):
        return unpack(low, destination, low.source(origin, type_), type_)
    if isinstance(origin, Vector):
        source = pack(low, origin, type_)
    else:
        source = low.source(origin, type_)
    store = low.put(destination, type_)
    low.emit(lambda batch, active: store(batch, active, batch.registers[source]))


def read_clock(low: Lowering, destination: Register, type_: str) -> None:
    """A clock ticks once an instruction."""
    store = low.put(destination, type_)
    dtype = np.uint64 if type_.endswith("64") else np.uint32
    low.emit(lambda batch, active: store(batch, active, dtype(batch.step)))


def unpack(low: Lowering, destination: Vector, source: int, type_: str) -> None:
    width = 8 * ptx.WIDTHS[type_] // len(destination.parts)
    stores = [low.put(part, f"b{width}") for part in destination.parts]
    dtype = np.dtype(f"u{width // 8}")

    def step(batch, active):
        value = np.asarray(batch.registers[source])
        for place, store in enumerate(stores):
            store(batch, active, (value >> value.dtype.type(place * width)).astype(dtype))

    low.emit(step)


def pack(low: Lowering, origin: Vector, type_: str) -> int:
    width = 8 * ptx.WIDTHS[type_] // len(origin.parts)
    parts = [low.source(part, f"b{width}") for part in origin.parts]
    dtype = np.dtype(f"u{ptx.WIDTHS[type_]}").type
    result = low.program.new_slot()
    low.block.scratch.add(result)

    def step(batch, active):
        values = [np.asarray(batch.registers[part]).astype(dtype) for part in parts]
        total = values[0]
        for place, value in enumerate(values[1:], 1):
            total = total | (value << dtype(place * width))
        batch.registers[result] = total

    low.block.steps.append(step)
    return result


def convert_address(low: Lowering, instruction: Instruction) -> None:
    """cvta.shared: to a generic address; cvta.to.shared: from one. Global addresses are generic ones."""
    space = next(part for part in instruction.parts if part in ("global", "shared", "local", "const", "param"))
    type_ = instruction.parts[-1]
    source = low.source(instruction.operands[1], type_)
    store = low.put(instruction.operands[0], type_)
    window = WINDOWS[space] if space in ("shared", "local") else 0
    if "to" in instruction.parts:
        window = -window
    shift = np.uint64(window % 2**64) if type_ == "u64" else np.uint32(window % 2**32)
    low.emit(lambda batch, active: store(batch, active, batch.registers[source] + shift))


def is_in_space(low: Lowering, instruction: Instruction) -> None:
    """isspacep.shared p, a"""
    space = instruction.parts[1]
    source, store = low.source(instruction.operands[1], "u64"), low.put(instruction.operands[0], "pred")
    start = {"global": 0, "const": 0}.get(space, WINDOWS.get(space, 0))
    end = SHARED_WINDOW if start == 0 else start + (1 << 39)

    def step(batch, active):
        value = batch.registers[source]
        store(batch, active, (value >= np.uint64(start)) & (value < np.uint64(end)))

    low.emit(step)


def nothing(low: Lowering, instruction: Instruction) -> None:
    """A hint: prefetches, sleeps."""


FAMILIES = {
    "mov": move,
    "cvta": convert_address,
    "isspacep": is_in_space,
    **control.FAMILIES,
    **accesses.FAMILIES,
    **atomics.FAMILIES,
    **warps.FAMILIES,
    **matrices.FAMILIES,
    **tensor_cores.FAMILIES,
    **dict.fromkeys(("nop", "prefetch", "prefetchu", "nanosleep", "pmevent", "discard", "applypriority"), nothing),
}
