"""PTX text as data: a module's variables and functions, and each function's instructions.

Reads what NVRTC and Triton write, and inline assembly inside it (PTX ISA 9.0, chapters 4 to 8).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

WIDTHS = {"pred": 1, "b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "f16": 2, "bf16": 2, "b32": 4, "u32": 4,
          "s32": 4, "f32": 4, "f16x2": 4, "bf16x2": 4, "u16x2": 4, "s16x2": 4, "e4m3x2": 2,
          "e5m2x2": 2, "b64": 8, "u64": 8, "s64": 8, "f64": 8, "b128": 16}  # fmt: skip
SPACES = ("global", "shared", "local", "const", "param")


@dataclass(frozen=True)
class Register:
    """name is unique in its function: a register of an inner scope has the scope's number appended."""

    name: str
    type: str

    @property
    def width(self) -> int:
        return WIDTHS[self.type]


@dataclass(frozen=True)
class Special:
    """A read-only register of the hardware, such as %tid.x."""

    name: str


@dataclass(frozen=True)
class Immediate:
    """A literal as written: how it is read depends on the instruction's type."""

    text: str


@dataclass(frozen=True)
class Symbol:
    """A variable, label or function, with a byte offset."""

    name: str
    offset: int = 0


@dataclass(frozen=True)
class Address:
    base: Register | Symbol | None
    offset: int


@dataclass(frozen=True)
class Not:
    """A negated predicate."""

    register: Register


@dataclass(frozen=True)
class Negated:
    """A float operand with its sign changed, as machine code can have it."""

    operand: Register | Immediate


@dataclass(frozen=True)
class Vector:
    parts: tuple[Operand, ...]


Operand = Register | Special | Immediate | Symbol | Address | Not | Negated | Vector


@dataclass(frozen=True)
class Instruction:
    """line: of the learner's source, from 1 (0: none).  guard: the predicate it depends on."""

    opcode: str
    operands: tuple[Operand, ...]
    guard: Register | Not | None
    line: int

    @property
    def parts(self) -> list[str]:
        return self.opcode.split(".")


@dataclass(frozen=True)
class Variable:
    """size: bytes; None for an array of unstated size (dynamic shared memory)."""

    name: str
    space: str
    align: int
    size: int | None
    data: bytes | None = None
    relocations: tuple[tuple[int, str], ...] = ()  # (byte offset, symbol): pointers in the initial data


@dataclass
class Function:
    name: str
    is_entry: bool
    parameters: list[Variable] = field(default_factory=list)
    returns: list[Variable] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)  # name -> index of the instruction that follows
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of brx.idx


@dataclass
class Module:
    functions: dict[str, Function]
    variables: dict[str, Variable]


INTEGER = re.compile(r"[+-]?\s*(0[xX][0-9a-fA-F]+|\d+)U?$")


def literal(text: str, type_: str) -> int:
    """The bits, as an unsigned number, of a literal where an operand of `type_` stands."""
    width = WIDTHS.get(type_, 4)
    if found := re.match(r"0[fFdD]([0-9a-fA-F]{8,16})$", text):
        return int(found[1], 16)
    if INTEGER.match(text) and type_ not in ("f32", "f64"):
        return int(text.rstrip("U"), 0) % (1 << 8 * width)
    if text == "WARP_SZ":
        return 32
    code = {"f32": "f", "f64": "d"}.get(type_)
    if not code:
        raise ValueError(f"a literal {text} of type {type_}")
    return int.from_bytes(struct.pack("<" + code, float(text.rstrip("U"))), "little")
