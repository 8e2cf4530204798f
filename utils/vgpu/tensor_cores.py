"""mma.sync: a warp multiplies a 16 x K tile by a K x 8 tile and adds a 16 x 8 tile (PTX ISA, "mma instructions").

The tiles lie in the registers of the 32 lanes. Lane 4g + t is place t of quad g. A register of A holds neighbours of
row g (even registers) or g + 8 (odd ones), one of B neighbours of column g; C and D have two of row g, then of g + 8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from .active import LANES
from .alu.core import Array
from .alu.floating import canonical
from .alu.formats import decode
from .alu.half import to_f16
from .alu.rounding import narrow32
from .lowering import Lowering
from .matrices import EVERYBODY
from .program import NotEmulated
from .ptx import Instruction
from .warps import by_lane, flat, meeting

M, N = 16, 8
SYNTAX = re.compile(
    r"mma\.sync\.aligned\.m16n8k(?P<k>\d+)\.row\.col(?P<clamps>\.satfinite)?"
    r"\.(?P<d>f16|f32|s32)\.(?P<a>\w+)\.(?P<b>\w+)\.(?P<c>f16|f32|s32)"
)
BITS = {"f16": 16, "bf16": 16, "tf32": 32, "s8": 8, "u8": 8, "e4m3": 8, "e5m2": 8}
DEPTHS = {8: (16, 32), 16: (8, 16), 32: (4, 8)}  # bits of an element -> what K may be
COUNTERS = {"f16": "fp16", "bf16": "bf16_dst_fp32", "tf32": "tf32_dst_fp32", "s8": "int8", "u8": "int8",
            "e4m3": "fp16", "e5m2": "fp16"}  # fmt: skip
LANE = np.arange(LANES)
GROUP, PLACE = (LANE // 4)[:, None], (LANE % 4)[:, None]
KEPT = 25  # bits that stay below the largest exponent: float32's 23, and two


@dataclass(frozen=True)
class Form:
    """k: the depth of the tiles.  a, b: types of their elements.  sums: of C and D.  clamps: integers do not wrap."""

    k: int
    a: str
    b: str
    sums: str
    clamps: bool

    @property
    def bits(self) -> int:
        return BITS[self.a]

    @property
    def registers(self) -> tuple[int, int, int]:
        """How many each lane gives for A, B and C."""
        return M * self.k * self.bits // 1024, N * self.k * self.bits // 1024, 2 if self.sums == "f16" else 4

    @property
    def counter(self) -> str:
        return f"sm__ops_path_tensor_src_{COUNTERS[self.a]}.sum"


def multiply(low: Lowering, instruction: Instruction) -> None:
    form = form_of(instruction.opcode)
    d, *tiles = (one.parts for one in instruction.operands)
    if tuple(map(len, tiles)) != form.registers or len(d) != form.registers[2]:
        raise NotEmulated("this many registers")
    kind = "f32" if form.sums == "f32" else "b32"
    slots = [[low.source(part, type_) for part in one] for one, type_ in zip(tiles, ("b32", "b32", kind), strict=True)]
    stores = [low.put(part, kind) for part in d]
    key, operations = (instruction.line, form.counter), 2 * M * N * form.k
    meet = meeting(low)

    def step(batch, active):
        meet(batch, active, EVERYBODY, lambda: True)
        given = [_together([by_lane(batch.registers[slot], active) for slot in one]) for one in slots]
        result = product(form, *given)
        for place, store in enumerate(stores):
            store(batch, active, flat(result[..., place]))
        batch.flops[key] += operations * active.warps

    low.emit(step)


def form_of(opcode: str) -> Form:
    found = SYNTAX.fullmatch(opcode)
    if not found or found["a"] not in BITS or BITS.get(found["b"]) != BITS[found["a"]] or found["c"] != found["d"]:
        raise NotEmulated("covered are m16n8k4 to m16n8k32 of f16, bf16, tf32, 8-bit integers and fp8")
    form = Form(int(found["k"]), found["a"], found["b"], found["d"], bool(found["clamps"]))
    integer = form.a in ("s8", "u8")
    same = form.a == form.b or form.bits == 8
    if form.k not in DEPTHS[form.bits] or not same or integer != (form.sums == "s32") or (form.clamps and not integer):
        raise NotEmulated("no such form")
    return form


def product(form: Form, a: Array, b: Array, c: Array) -> Array:
    """A's, B's and C's registers, uint32 of shape (..., 32 lanes, registers), to D's."""
    rows, columns = _values(form.a, a), _values(form.b, b)
    at_a, at_b, at_c = places(form)
    left = _matrix(rows, at_a, M, form.k)
    right = _matrix(columns, at_b, N, form.k).swapaxes(-1, -2)
    added = _matrix(_values(form.sums, c), at_c, M, N)
    total = sums(form, left, right, added)
    return np.ascontiguousarray(total.reshape(*total.shape[:-2], M * N)[..., at_c]).view(np.uint32)


def sums(form: Form, a: Array, b: Array, c: Array) -> Array:
    """A B + C in the bits of D's type."""
    if form.sums == "s32":
        total = np.matmul(a.astype(np.int64), b.astype(np.int64)) + c
        return (np.clip(total, -(2**31), 2**31 - 1) if form.clamps else total).astype(np.int32).view(np.uint32)
    if form.bits == 8:
        return halves_of_fp8(form, a, b, c)
    total = aligned(a, b, c)
    return to_f16(total) if form.sums == "f16" else canonical(cut_off(total), "f32")


def halves_of_fp8(form: Form, a: Array, b: Array, c: Array) -> Array:
    """Hopper has no mma of fp8: ptxas makes fp16 of it, two products of half the depth, and adds C at the end."""
    total, place = np.zeros_like(c), np.arange(form.k) % 4
    for pair in (place < 2, place > 1):
        total = cut_off(aligned(a[..., pair], b[..., pair, :], total))
    return canonical(total + c, "f32")


def aligned(a: Array, b: Array, c: Array) -> Array:
    """A B + C as the tensor cores of an H100 add, bit for bit (tests/gpu/mma_on_gpu.py): each product and C is moved to
    the largest exponent among them and cut off KEPT bits below it. The sum of what is left is exact: float64.
    """
    left, right, c = (one.astype(np.float64) for one in (a[..., :, :, None], b[..., None, :, :], c))
    with np.errstate(all="ignore"):
        terms = left * right
        powers = np.where(terms == 0, -np.inf, power_of(left) + power_of(right))
        unit = np.exp2(np.maximum(powers.max(-2), power_of(c)) - KEPT)
        total = (np.trunc(terms / unit[..., None, :]).sum(-2) + np.trunc(c / unit)) * unit
        usual = np.isfinite(total)
        return total if usual.all() else np.where(usual, total, terms.sum(-2) + c)


def cut_off(x: Array) -> Array:
    """float64 to float32, towards zero; what is too large becomes infinite all the same."""
    with np.errstate(over="ignore"):
        return np.where(np.abs(x) < 2.0**128, narrow32(x, "rz"), x.astype(np.float32))


def power_of(x: Array) -> Array:
    """The exponent of the power of two at or below |x|; -inf for 0."""
    return np.where(x == 0, -np.inf, np.frexp(x)[1] - 1.0)


@cache
def places(form: Form) -> tuple[Array, Array, Array]:
    """For A, B (by column) and C: where in the tile, row by row, each element of each lane stands: (32, elements)."""
    each = 32 // form.bits
    many_a, many_b, _ = form.registers
    inside = np.arange(each)

    def depth(registers: Array, per_step: int) -> Array:
        """Columns of A, or rows of B: a step of 4 lanes' registers for each pair of A's, for each of B's."""
        return ((registers // per_step)[:, None] * 4 * each + inside).ravel()

    registers = np.arange(many_a)
    row_a = GROUP + 8 * np.repeat(registers % 2, each)
    at_a = row_a * form.k + depth(registers, 2) + PLACE * each
    at_b = GROUP * form.k + depth(np.arange(many_b), 1) + PLACE * each
    four = np.arange(4)
    at_c = (GROUP + 8 * (four // 2)) * N + 2 * PLACE + four % 2
    return at_a, at_b, at_c


def _together(registers: list[Array]) -> Array:
    return np.stack(np.broadcast_arrays(*registers), axis=-1)


def _values(type_: str, registers: Array) -> Array:
    """The numbers in registers of 32 bits, (..., registers) to (..., elements)."""
    registers = np.ascontiguousarray(registers).view(np.uint32)
    if type_ in ("s8", "u8", "s32"):
        return registers.view({"s8": np.int8, "u8": np.uint8, "s32": np.int32}[type_])
    if type_ == "tf32":
        return (registers & np.uint32(0xFFFFE000)).view(np.float32)
    if type_ == "f32":
        return registers.view(np.float32)
    return decode(type_)(registers.view(np.uint16 if BITS[type_] == 16 else np.uint8))


def _matrix(values: Array, at: Array, rows: int, columns: int) -> Array:
    """(..., 32 lanes, elements) to (..., rows, columns)."""
    order = np.argsort(at, axis=None)
    return values.reshape(*values.shape[:-2], -1)[..., order].reshape(*values.shape[:-2], rows, columns)


FAMILIES = {"mma": multiply}
