"""ldmatrix, stmatrix, movmatrix: a warp moves 8x8 matrices of 16-bit elements (PTX ISA, "warp-level matrix").

Lane 8k + i gives the address of row i of matrix k, 16 bytes; row i lies in lanes 4i to 4i + 3, two elements a lane,
in register k. `.trans` hands out columns in place of rows.
"""

from __future__ import annotations

import numpy as np

from .accesses import Form, address_of
from .active import LANES, Active
from .lowering import Lowering
from .memory import SHARED_WINDOW
from .program import NotEmulated
from .ptx import Instruction, Vector
from .warps import LANE, by_lane, flat, meeting

FORM = Form("matrix.v4.b32")  # a row
EVERYBODY = np.uint32(0xFFFFFFFF)
LAYOUT = [f"{space}.b16" for space in ("", ".shared", ".shared::cta")]


def load_matrix(low: Lowering, instruction: Instruction) -> None:
    destination, address = instruction.operands
    registers = destination.parts if isinstance(destination, Vector) else (destination,)
    transposed, find, site = _prepare(low, instruction, registers, address, "ldsm")
    stores = [low.put(register, "b32") for register in registers]
    meet, givers = meeting(low), 8 * len(registers) > LANE

    def step(batch, active):
        meet(batch, active, EVERYBODY, lambda: True)
        addressing = _rows(active, givers)
        if addressing is None:
            return
        words = batch.load(site, "shared", find(batch), addressing, FORM, True)
        halves = _halves(words, active)
        for matrix, store in enumerate(stores):
            one = halves[:, :, 8 * matrix : 8 * matrix + 8]
            store(batch, active, _fragments(one.swapaxes(2, 3) if transposed else one))

    low.emit(step)


def store_matrix(low: Lowering, instruction: Instruction) -> None:
    address, origin = instruction.operands
    registers = origin.parts if isinstance(origin, Vector) else (origin,)
    transposed, find, site = _prepare(low, instruction, registers, address, "stsm")
    sources = [low.source(register, "b32") for register in registers]
    meet, givers = meeting(low), 8 * len(registers) > LANE

    def step(batch, active):
        meet(batch, active, EVERYBODY, lambda: True)
        addressing = _rows(active, givers)
        if addressing is None:
            return
        matrices = [_elements(by_lane(batch.registers[source], active)) for source in sources]
        shape = np.broadcast_shapes(*(one.shape[:2] for one in matrices))
        rows = np.zeros((*shape, LANES, 8), np.uint16)
        for number, one in enumerate(matrices):
            rows[:, :, 8 * number : 8 * number + 8] = one.swapaxes(2, 3) if transposed else one
        words = rows.view(np.uint32)
        batch.store(site, "shared", find(batch), addressing, FORM, [flat(words[..., place]) for place in range(4)])

    low.emit(step)


def move_matrix(low: Lowering, instruction: Instruction) -> None:
    """movmatrix.sync.aligned.m8n8.trans.b16 d, a"""
    if instruction.opcode != "movmatrix.sync.aligned.m8n8.trans.b16":
        raise NotEmulated()
    destination, origin = instruction.operands
    source, store, meet = low.source(origin, "b32"), low.put(destination, "b32"), meeting(low)

    def step(batch, active):
        meet(batch, active, EVERYBODY, lambda: True)
        store(batch, active, _fragments(_elements(by_lane(batch.registers[source], active)).swapaxes(2, 3)))

    low.emit(step)


def _prepare(low: Lowering, instruction: Instruction, registers: tuple, address, op: str):
    """(whether .trans, find(batch) -> offsets in shared memory, site); refuses the forms of later GPUs."""
    name, _, rest = instruction.opcode.partition(".sync.aligned.m8n8.x")
    count, _, rest = rest.partition(".")
    transposed = rest.startswith("trans")
    if f".{rest.removeprefix('trans.')}" not in LAYOUT or count != str(len(registers)):
        raise NotEmulated("only .m8n8 of .b16")
    generic = ".shared" not in instruction.opcode
    find = address_of(low, address, "generic" if generic else "shared")
    site = low.site("shared", op, 4, 4, address)
    return transposed, (lambda batch: find(batch) - SHARED_WINDOW) if generic else find, site


def _rows(active: Active, givers: np.ndarray) -> Active | None:
    """The lanes whose addresses count."""
    return active if givers.all() else active.where(np.tile(givers, active.mask.shape[1] // LANES)[None])


def _halves(words: list[np.ndarray], active: Active) -> np.ndarray:
    """The rows that the lanes' addresses stand for: uint16, (rows of blocks, warps, 32 lanes, 8 elements)."""
    lanes = np.stack(np.broadcast_arrays(*(by_lane(word, active) for word in words)), axis=-1)
    return lanes.view(np.uint16)


def _fragments(matrices: np.ndarray) -> np.ndarray:
    """(..., 8, 8) elements -> a register: lane 4i + j holds elements 2j and 2j + 1 of row i."""
    pairs = np.ascontiguousarray(matrices).view(np.uint32)
    return flat(pairs.reshape(*pairs.shape[:2], LANES))


def _elements(register: np.ndarray) -> np.ndarray:
    """The inverse of `_fragments`."""
    return np.ascontiguousarray(register).view(np.uint16).reshape(*register.shape[:2], 8, 8)


FAMILIES = {"ldmatrix": load_matrix, "stmatrix": store_matrix, "movmatrix": move_matrix}
