"""What a function's instructions write and read, and what follows from that."""

from __future__ import annotations

from collections import Counter, defaultdict

from .ptx import Address, Function, Instruction, Negated, Not, Operand, Register, Symbol, Vector

NO_RESULT = ("st", "red", "bra", "brx", "ret", "exit", "trap", "call", "membar", "fence", "prefetch", "prefetchu",
             "discard", "applypriority", "nanosleep", "pmevent", "bar", "barrier", "cp")  # fmt: skip
CONTRACTS = ("f32", "ftz.f32", "f64", "f16", "ftz.f16", "f16x2", "ftz.f16x2", "bf16", "bf16x2")  # types
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
    return [one.name for one in mentioned(Instruction(instruction.opcode, tuple(operands), instruction.guard, 0))]


def mentioned(instruction: Instruction) -> list[Register]:
    """The registers that stand in an instruction."""
    found: list[Register] = []

    def visit(operand: Operand | None) -> None:
        if isinstance(operand, Register):
            found.append(operand)
        elif isinstance(operand, Negated):
            visit(operand.operand)
        elif isinstance(operand, Not):
            found.append(operand.register)
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


def unset(function: Function, starts: list[int]) -> set[str]:
    """Registers that some path from the start reads before it writes them: variables without a first value."""
    instructions, early, written, following = function.instructions, [], [], []
    for number, (begin, end) in enumerate(zip(starts, [*starts[1:], len(instructions)], strict=True)):
        before, after = set(), set()
        for instruction in instructions[begin:end]:
            before |= set(sources(instruction)) - after
            if instruction.guard is None:
                after |= {register.name for register in results(instruction)}
        early.append(before), written.append(after)
        following.append(_targets(function, starts, instructions[end - 1], number))
    live = [set(before) for before in early]
    changed = True
    while changed:
        changed = False
        for number in range(len(starts) - 1, -1, -1):
            later = set().union(*(live[after] for after in following[number] if after < len(starts)))
            if not later - written[number] <= live[number]:
                live[number] |= later - written[number]
                changed = True
    return live[0] if live else set()


def _targets(function: Function, starts: list[int], last: Instruction, number: int) -> list[int]:
    """The blocks that may run after the one whose last instruction this is."""
    family, names = last.parts[0], []
    if family == "bra":
        names = [last.operands[0].name]
    elif family == "brx":
        names = function.tables[last.operands[1].name]
    ends = family in ("bra", "brx", "ret", "exit", "trap") and last.guard is None
    return [starts.index(function.labels[name]) for name in names] + [number + 1] * (not ends)


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


def contracted(function: Function, starts: list[int]) -> list[Instruction]:
    """The instructions, products contracted as ptxas does: `mul` and `add` or `sub` of no stated rounding, one `fma`.

    NVRTC contracts most sums itself and leaves differences, and halves, to ptxas. Where both sides are products the
    first one is contracted (seen in SASS and on an H200).
    """
    instructions = list(function.instructions)
    reads = Counter(name for one in instructions for name in sources(one))
    writes = Counter(register.name for one in instructions for register in results(one))
    products: dict[str, int] = {}  # register -> where in this block it was made, its factors unchanged since
    for index, one in enumerate(instructions):
        if index in starts:
            products.clear()
        family, _, type_ = one.opcode.partition(".")
        free = type_ in CONTRACTS and one.guard is None
        if free and family in ("add", "sub"):
            at = _product(one, products, instructions, f"mul.{type_}")
            if at is not None:
                instructions[index] = _fused(one, instructions[at], type_)
                instructions[at] = Instruction("nop", (), None, instructions[at].line)
        changed = {register.name for register in results(one)}
        products = {name: at for name, at in products.items() if not changed & {name, *sources(instructions[at])}}
        if free and family == "mul":
            name = one.operands[0].name
            if reads[name] == writes[name] == 1:
                products[name] = index
    return instructions


def _product(one: Instruction, products: dict[str, int], instructions: list[Instruction], opcode: str) -> int | None:
    """Where the first operand of a sum that is a product was made."""
    made = (products.get(operand.name) for operand in one.operands[1:] if isinstance(operand, Register))
    return next((at for at in made if at is not None and instructions[at].opcode == opcode), None)


def _fused(one: Instruction, product: Instruction, type_: str) -> Instruction:
    result, first, second = one.operands
    made, a, b = product.operands
    if first == made:
        operands = (a, b, Negated(second) if one.opcode.startswith("sub") else second)
    else:
        operands = (Negated(a) if one.opcode.startswith("sub") else a, b, first)
    return Instruction(f"fma.rn.{type_}", (result, *operands), None, one.line)
