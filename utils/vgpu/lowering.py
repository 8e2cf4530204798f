"""From a function's PTX to the steps of a program: where operands are found and where results go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np

from . import ptx
from .dataflow import contracted, leaders, mentioned, origins, results, sources, temporaries, unset
from .memory import DTYPES, WINDOWS
from .parser import parse
from .program import Block, NotEmulated, Program, Site, Step
from .ptx import Address, Function, Immediate, Instruction, Negated, Not, Operand, Register, Special, Symbol
from .sass import merge


@cache
def program(text: str, entry: str, cubin: bytes = b"") -> Program:
    """cubin: the machine code of the same kernel, which tells what ptxas merged."""
    ready = Program(parse(text), entry)
    lowerings = [Lowering(ready, function) for function in ready.functions]
    for lowering in lowerings:
        lowering.number_blocks()
    for lowering in lowerings:
        lowering.lower()
    ready.groups = merge(ready, cubin)
    return ready


class Lowering:
    """One function's instructions as steps of the program."""

    def __init__(self, program: Program, function: Function) -> None:
        self.program = program
        self.function = function
        self.registers: dict[object, int] = {}
        self.starts = leaders(function)
        self.instructions = contracted(function, self.starts)
        self.aliases: dict[str, tuple[str, str]] = {}  # what a call returned in -> (function, its name there)
        self.instruction: Instruction | None = None
        self.changes: Counter[str] = Counter()  # register -> how often it has been written so far
        self.block: Block | None = None
        self.temporary: set[str] = temporaries(function, self.starts)
        self.origins = origins(function, {one.name for one in program.variables["shared"]})
        self.unset = unset(function, self.starts)
        self.read = {name for one in function.instructions for name in sources(one)}

    def number_blocks(self) -> None:
        self.first = len(self.program.blocks)
        self.program.entries[self.function.name] = self.first
        self.program.blocks += [Block(start) for start in self.starts]

    def lower(self) -> None:
        from .instructions import lower  # which needs Lowering

        bounds = [*self.starts, len(self.instructions)]
        for number, (begin, end) in enumerate(zip(bounds, bounds[1:], strict=False)):
            self.number = self.first + number
            self.block = self.program.blocks[self.number]
            self.loaded: set[tuple] = set()  # places that need not be loaded again
            for instruction in self.instructions[begin:end]:
                self.instruction = instruction
                self.block.length += 1
                self.block.lines[self.instruction.line] += 1
                try:
                    self.check_set()
                    lower(self, self.instruction)
                    self.forget_loads()
                    self.changes.update(register.name for register in results(self.instruction))
                except (NotEmulated, KeyError, ValueError, IndexError, TypeError) as problem:
                    raise self.refusal(problem) from problem

    def check_set(self) -> None:
        """A variable that no thread has given a value holds chance, as a register does."""
        line, certain = self.instruction.line, self.instruction.guard is None
        for register in mentioned(self.instruction):
            if register.name not in self.unset or register.name not in sources(self.instruction):
                continue
            slot = self.slot(register.name)
            largest = 2 ** (8 * register.width - 1) - 1  # of an integer; no number as a float
            chance = np.bool_(False) if register.type == "pred" else DTYPES[register.width](largest)

            def step(batch, active, slot=slot, chance=chance):
                if batch.registers[slot] is None:
                    batch.registers[slot] = chance
                    if certain:
                        what = f"reads a variable that has no value yet (line {line})"
                        batch.faults.stuck("uninitialized", batch, active, line, what)

            self.block.steps.append(step)

    def refusal(self, problem: Exception) -> NotEmulated:
        detail = f" ({problem})" if isinstance(problem, NotEmulated) and str(problem) else ""
        return NotEmulated(
            f"`{self.instruction.opcode}` is not emulated{detail}: line {self.instruction.line} of your source needs it"
        )

    def target(self, label: Operand) -> int:
        """The block that a label stands before."""
        return self.first + self.starts.index(self.function.labels[label.name])

    # Where operands are found and results go

    def slot(self, key: object) -> int:
        if key not in self.registers:
            self.registers[key] = self.program.new_slot()
        return self.registers[key]

    def parameter_slot(self, name: str, offset: int) -> int:
        """Of a function that is called: its own parameters, and those it passes on."""
        own = [one.name for one in (*self.function.parameters, *self.function.returns)]
        if name in own:
            return self.program.call_slot(self.function.name, name, offset)
        if name in self.aliases:
            return self.program.call_slot(*self.aliases[name], offset)
        return self.slot((name, offset))

    def stored_parameters(self, name: str) -> list[tuple[int, int]]:
        """(byte offset, slot) of what has been stored in a parameter about to be passed."""
        return [(key[1], slot) for key, slot in self.registers.items() if isinstance(key, tuple) and key[0] == name]

    def constant(self, value: int, width: int) -> int:
        dtype = np.bool_ if width == 0 else DTYPES[width]
        key = ("constant", value, width)
        slot = self.slot(key)
        self.program.constants[slot] = dtype(value)
        return slot

    def source(self, operand: Operand, type_: str) -> int:
        """The slot that holds an operand as raw bits of `type_`."""
        width = ptx.WIDTHS[type_]
        if isinstance(operand, Register):
            slot = self.slot(operand.name)
            return slot if operand.type == "pred" or operand.width == width else self.narrowed(slot, width)
        if isinstance(operand, Negated):
            sign = DTYPES[width](0x80008000 if type_.endswith("x2") else 1 << (8 * width - 1))
            return self.computed(lambda value: np.asarray(value) ^ sign, self.source(operand.operand, type_))
        if isinstance(operand, Not):
            return self.computed(np.logical_not, self.slot(operand.register.name))
        if isinstance(operand, Immediate):
            return self.constant(ptx.literal(operand.text, type_), 0 if type_ == "pred" else width)
        if isinstance(operand, Special):
            slot = self.slot(("special", operand.name, width))
            self.program.specials[slot] = operand.name
            return self.narrowed(slot, width)
        if isinstance(operand, Symbol):
            return self.narrowed(self.symbol(operand), width)
        raise NotEmulated(f"operand {operand}")

    def symbol(self, operand: Symbol) -> int:
        """The address of a variable: within its space for shared and local ones."""
        slot = self.slot(("symbol", operand.name, operand.offset))
        for variable in self.function.parameters if self.function.is_entry else ():
            if variable.name == operand.name:
                self.program.symbols[slot] = ("parameters", "global", self.program.parameter_offsets[operand.name])
                return slot
        every = [*self.function.variables, *self.program.module.variables.values()]
        variable = next((one for one in every if one.name == operand.name), None)
        if variable is None:
            raise NotEmulated(f"the address of {operand.name}")
        space = variable.space if variable.space in WINDOWS else "global"
        self.program.symbols[slot] = (operand.name, space, operand.offset)
        return slot

    def narrowed(self, slot: int, width: int) -> int:
        dtype = DTYPES[width]
        return self.computed(lambda value: np.asarray(value).astype(dtype, copy=False), slot)

    def computed(self, function: Callable, slot: int) -> int:
        """A slot that holds `function` of another one's value, computed just before the instruction."""
        result = self.program.new_slot()
        self.block.scratch.add(result)

        def step(batch, active):
            batch.registers[result] = function(batch.registers[slot])

        self.block.steps.append(step)
        return result

    def put(self, operand: Operand, type_: str) -> Callable:
        """Returns store(batch, active, value): writes a result of `type_` where it belongs, in active threads."""
        if isinstance(operand, Symbol) and operand.name == "_":
            return lambda batch, active, value: None
        if not isinstance(operand, Register):
            raise NotEmulated(f"a result in {operand}")
        slot, widen = self.slot(operand.name), _widening(type_, operand.type)
        if operand.name in self.temporary and self.instruction.guard is None:
            self.block.scratch.add(slot)

            def store(batch, active, value):
                batch.registers[slot] = widen(value) if widen else value

            return store

        def store_masked(batch, active, value):
            old = batch.registers[slot]
            value = widen(value) if widen else value
            batch.registers[slot] = value if active.whole or old is None else np.where(active.mask, value, old)

        return store_masked

    def emit(self, step: Step) -> None:
        """Add a step, run under the instruction's guard."""
        guard = self.instruction.guard
        if guard is None:
            self.block.steps.append(step)
            return
        slot = self.guard_slot(guard)

        def guarded(batch, active):
            part = active.where(batch.registers[slot])
            if part is not None:
                step(batch, part)

        self.block.steps.append(guarded)

    def guard_slot(self, guard: Register | Not) -> int:
        return self.source(guard, "pred")

    def site(
        self,
        space: str,
        op: str,
        unit: int,
        count: int = 1,
        address: Address | None = None,
        checks_itself: bool = False,
    ) -> int:
        base, variables, name = None, set(), ""
        if address and isinstance(address.base, Register):
            base = (self.number, address.base.name, self.changes[address.base.name])
            variables = self.origins.get(address.base.name, set())
        elif address and isinstance(address.base, Symbol):
            base, variables = (self.number, address.base.name, 0), {address.base.name}
        if len(variables) == 1 and space == "shared":
            (name,) = variables
        offset = address.offset if base else 0
        index, line = len(self.program.sites), self.instruction.line
        site = Site(index, line, space, op, unit, unit * count, base, offset, name, checks_itself)
        self.program.sites.append(site)
        if op == "ld":
            self.note_repeated(site)
        return site.index

    def note_repeated(self, site: Site) -> None:
        """ptxas loads once what a basic block loads twice from one place, with no write to that space between."""
        place = (site.space, site.base, site.offset, site.width, self.instruction.opcode)
        if not site.base or self.instruction.guard or "volatile" in self.instruction.opcode:
            return
        if place in self.loaded:
            self.program.merged[site.index] = 0
        self.loaded.add(place)

    def forget_loads(self) -> None:
        """After a write, or anything that other threads' writes may be seen after."""
        family = self.instruction.parts[0]
        if family in ("membar", "fence", "cp"):
            self.loaded.clear()
        elif family in ("st", "atom", "red"):
            written = next((part for part in self.instruction.parts if part in ptx.SPACES), "generic")
            self.loaded = {
                place for place in self.loaded if "generic" not in (written, place[0]) and place[0] != written
            }


def _widening(type_: str, register: str) -> Callable | None:
    """A result narrower than its register is extended, with its sign if it has one."""
    narrow, wide = ptx.WIDTHS[type_], ptx.WIDTHS[register]
    if register == "pred" or narrow >= wide:
        return None
    signed, dtype = type_.startswith("s"), DTYPES[wide]
    view, signed_dtype = np.dtype(f"i{narrow}"), np.dtype(f"i{wide}")
    if signed:
        return lambda value: np.asarray(value).view(view).astype(signed_dtype).view(dtype)
    return lambda value: np.asarray(value).astype(dtype)
