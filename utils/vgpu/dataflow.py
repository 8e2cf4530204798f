"""What a function's instructions write and read, and what follows from that."""

from __future__ import annotations

from collections import defaultdict

from .ptx import Address, Function, Instruction, Not, Operand, Register, Symbol, Vector

NO_RESULT = ("st", "red", "bra", "brx", "ret", "exit", "trap", "call", "membar", "fence", "prefetch", "prefetchu",
             "discard", "applypriority", "nanosleep", "pmevent", "bar", "barrier", "cp")  # fmt: skip
ENDS = ("bra", "brx", "ret", "exit", "trap", "call", "bar", "barrier")


def leaders(function: Function) -> list[int]:
    starts = {0, *function.labels.values()}
    for index, instruction in enumerate(function.instructions):
        if instruction.parts[0] in ENDS:
            starts.add(index + 1)
    return sorted(start for start in starts if start < len(function.instructions))


def results(instruction: Instruction) -> list[Register]:
    """The registers that an instruction writes."""
    if instruction.parts[0] in NO_RESULT and instruction.parts[:2] not in (["bar", "red"], ["barrier", "red"]):
        return []
    first = instruction.operands[0] if instruction.operands else None
    parts = first.parts if isinstance(first, Vector) else (first,)
    return [part for part in parts if isinstance(part, Register)]


def sources(instruction: Instruction) -> list[str]:
    """The registers that an instruction reads."""
    operands = instruction.operands[1:] if results(instruction) else instruction.operands
    return _mentions(Instruction(instruction.opcode, tuple(operands), instruction.guard, 0))


def _mentions(instruction: Instruction) -> list[str]:
    found: list[str] = []

    def visit(operand: Operand | None) -> None:
        if isinstance(operand, Register):
            found.append(operand.name)
        elif isinstance(operand, Not):
            found.append(operand.register.name)
        elif isinstance(operand, Vector):
            for part in operand.parts:
                visit(part)
        elif isinstance(operand, Address):
            visit(operand.base)

    for operand in (*instruction.operands, instruction.guard):
        visit(operand)
    return found


def temporaries(function: Function, starts: list[int]) -> set[str]:
    """Registers that one basic block writes before it reads them, and no other mentions: no mask need be kept."""
    blocks: dict[str, set[int]] = defaultdict(set)
    first_written: dict[str, bool] = {}
    number = -1
    for index, instruction in enumerate(function.instructions):
        if number + 1 < len(starts) and starts[number + 1] == index:
            number += 1
        written, read = {register.name for register in results(instruction)}, set(sources(instruction))
        for name in read | written:
            first_written.setdefault(name, name not in read and instruction.guard is None)
            blocks[name].add(number)
    return {name for name, where in blocks.items() if len(where) == 1 and first_written[name]}


def origins(function: Function, shared: set[str]) -> dict[str, set[str]]:
    """Register -> the shared variables whose address went into its value, through moves and sums."""
    found_in: dict[str, set[str]] = defaultdict(set)
    changed = True
    while changed:
        changed = False
        for instruction in function.instructions:
            if instruction.parts[0] not in ("mov", "add", "sub", "cvta", "mad", "cvt", "selp", "or"):
                continue
            found = set().union(*(found_in[name] for name in sources(instruction)))
            found |= {one.name for one in instruction.operands if isinstance(one, Symbol) and one.name in shared}
            for register in results(instruction):
                if not found <= found_in[register.name]:
                    found_in[register.name] |= found
                    changed = True
    return found_in
