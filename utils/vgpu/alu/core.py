"""What every family of opcodes shares: the Operation, PTX types, and the small grammar that mnemonics are written in.

A family's syntax is one line, as in the PTX ISA: "add RND? ftz? sat? f32" is `add{.rnd}{.ftz}{.sat}.f32`. Each word is
one component of the mnemonic: alternatives are joined by `|`, a `?` makes it optional, capitals stand for the sets in
WORDS. The same line parses a learner's opcode and lists all legal ones (for the comparison with hardware).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Operation:
    """One opcode. `run` maps raw bits of the types `inputs` to raw bits of type `output`, elementwise."""

    run: Callable[..., Any]
    inputs: tuple[str, ...]
    output: str
    flops: str = ""
    carry: bool = False  # run(*args, carry) -> (out, carry)
    approximate: str = ""  # the documented bound of an approximate function
    second: Callable[..., Array] | None = None  # what q receives in `setp p|q` and in `lop3.or d|p`


UNSIGNED = {8: np.dtype("u1"), 16: np.dtype("u2"), 32: np.dtype("u4"), 64: np.dtype("u8")}
SIGNED = {8: np.dtype("i1"), 16: np.dtype("i2"), 32: np.dtype("i4"), 64: np.dtype("i8")}
PACKED = {"e4m3x2": 16, "e5m2x2": 16, "tf32": 32, "pred": 1}  # types whose width is not the number in their name

WORDS = {
    "RND": "rn|rz|rm|rp",
    "INT": "u16|u32|u64|s16|s32|s64",
    "BITS": "b16|b32|b64",
    "HALF": "f16|f16x2|bf16|bf16x2",
}


def width(kind: str) -> int:
    """Bits of a PTX type: 32 for "s32" and for "f16x2"."""
    if kind in PACKED:
        return PACKED[kind]
    if kind.endswith("x2"):
        return 2 * width(kind[:-2])
    return int(kind.lstrip("abcdefghijklmnopqrstuvwxyz"))


def raw(kind: str) -> np.dtype:
    """The NumPy type of a register's bits."""
    return np.dtype(bool) if kind == "pred" else UNSIGNED[width(kind)]


def value(kind: str) -> np.dtype:
    """The NumPy type in which an integer of this PTX type counts."""
    return SIGNED[width(kind)] if kind[0] == "s" else raw(kind)


@cache
def _components(line: str) -> tuple[tuple[tuple[str, ...], bool], ...]:
    """A syntax line as ((alternatives, optional?), ...), its family name left off."""
    parts = []
    for word in line.split()[1:]:
        optional = word.endswith("?")
        names = [WORDS.get(name, name) for name in word.rstrip("?").split("|")]
        parts.append((tuple("|".join(names).split("|")), optional))
    return tuple(parts)


def match(line: str, words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The component that stands at each place of the line ("" where an optional one is absent), or None."""
    found, position = [], 0
    for alternatives, optional in _components(line):
        if position < len(words) and words[position] in alternatives:
            found.append(words[position])
            position += 1
        elif optional:
            found.append("")
        else:
            return None
    return tuple(found) if position == len(words) else None


def expand(line: str) -> Iterator[str]:
    """Every mnemonic that the line allows."""
    choices = [(*names, "") if optional else names for names, optional in _components(line)]
    for chosen in product(*choices):
        yield ".".join([line.split()[0], *filter(None, chosen)])


def _spread(a: Array, shape: tuple[int, ...]) -> Array:
    return a if a.shape == shape else np.broadcast_to(a, shape)


def chunked(run: Callable[..., Array], size: int = 32768) -> Callable[..., Array]:
    """An elementwise function of many passes, run in pieces whose temporaries stay in the L2 cache."""

    def pieces(*args: Array) -> Array:
        shape = args[0].shape if len(args) == 1 else np.broadcast_shapes(*(a.shape for a in args))
        total = prod(shape)
        if total <= size:
            return run(*args)
        flat = [a.reshape(()) if a.size == 1 else _spread(a, shape).reshape(-1) for a in args]
        result = None
        for start in range(0, total, size):
            part = run(*(a[start : start + size] if a.ndim else a for a in flat))
            if result is None:
                result = np.empty(total, part.dtype)
            result[start : start + size] = part
        return result.reshape(shape)

    return pieces


def choose(where: Array, a: Array, b: Array) -> Array:
    """a where true, else b, without branches: `np.where` mispredicts on data (raw bits, or numbers seen as such)."""
    mask = np.negative(where.view(np.int8)).astype(SIGNED[8 * a.dtype.itemsize]).view(a.dtype)
    return b ^ ((a ^ b) & mask)


def each_half(run: Callable[..., Array]) -> Callable[..., Array]:
    """A 16-bit operation made to work on both halves of 32-bit registers."""

    def packed(*args: Array) -> Array:
        if all(a.shape == args[0].shape and a.ndim and a.flags.c_contiguous for a in args):
            return run(*(a.view(np.uint16) for a in args)).view(np.uint32)
        low = run(*(a.astype(np.uint16) for a in args))
        high = run(*((a >> 16).astype(np.uint16) for a in args))
        return low | high.astype(np.uint32) << 16

    return packed
