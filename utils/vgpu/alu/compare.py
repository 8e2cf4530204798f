"""Comparisons (setp, set) and selections (selp, slct)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .core import Array, Operation, choose, raw, value
from .floating import NUMBER, flushed
from .half import decode

ORDERED = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal,
}  # fmt: skip
OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "le": "gt", "gt": "le", "ge": "lt"}
COMBINE = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}

Test = Callable[[Array, Array], Array]


def integer_test(name: str, kind: str) -> Test:
    number = value(kind)
    if number == raw(kind):
        return ORDERED[name]
    return lambda a, b: ORDERED[name](a.view(number), b.view(number))


def ordered_and_unequal(a: Array, b: Array) -> Array:
    return (a < b) | (a > b)


def float_test(name: str, kind: str, ftz: str) -> Test:
    """Comparisons are false with a NaN; with `u` behind their name, true."""
    if name == "num":
        test: Test = lambda x, y: (x == x) & (y == y)  # noqa: E731
    elif name == "nan":
        test = lambda x, y: (x != x) | (y != y)  # noqa: E731
    elif name == "ne":
        test = ordered_and_unequal
    elif name == "equ":
        test = lambda x, y: ~ordered_and_unequal(x, y)  # noqa: E731
    elif name == "neu":
        test = np.not_equal
    elif name.endswith("u"):
        opposite = ORDERED[OPPOSITE[name[:-1]]]
        test = lambda x, y: ~opposite(x, y)  # noqa: E731
    else:
        test = ORDERED[name]
    read = decode(kind, ftz)
    return lambda a, b: test(read(a), read(b))


def comparison(name: str, ftz: str, kind: str) -> Test | None:
    """The test of a comparison on raw bits; None where the type has no such comparison."""
    floating = kind in NUMBER or kind in ("f16", "bf16")
    if not floating and (name.endswith("u") or name in ("num", "nan") or ftz):
        return None
    if name in ("lo", "ls", "hi", "hs") and kind[0] != "u":
        return None
    if kind[0] == "b" and not floating and name not in ("eq", "ne"):
        return None
    return float_test(name, kind, ftz) if floating else integer_test(name, kind)


def halves(test: Test) -> tuple[Test, Test]:
    """The test on the lower and on the upper 16 bits."""

    def low(a: Array, b: Array) -> Array:
        return test(a.astype(np.uint16), b.astype(np.uint16))

    def high(a: Array, b: Array) -> Array:
        return test((a >> 16).astype(np.uint16), (b >> 16).astype(np.uint16))

    return low, high


def combined(test: Test, boolean: str) -> Callable[..., Array]:
    return (lambda a, b, c: COMBINE[boolean](test(a, b), c)) if boolean else test


def set_predicate(name: str, boolean: str, ftz: str, kind: str) -> Operation | None:
    """setp: p = BoolOp(a ? b, c); second, q, with the opposite test (x2: p the lower half, q the upper)."""
    test = comparison(name, ftz, kind.removesuffix("x2"))
    if test is None:
        return None
    inputs = (kind, kind, "pred") if boolean else (kind, kind)
    first, other = halves(test) if kind.endswith("x2") else (test, lambda a, b: ~test(a, b))
    return Operation(combined(first, boolean), inputs, "pred", second=combined(other, boolean))


ONES = {"f32": 0x3F800000, "f16": 0x3C00, "bf16": 0x3F80}


def set_value(name: str, boolean: str, ftz: str, target: str, kind: str) -> Operation | None:
    """set: 1.0 or all ones where the test holds, else 0."""
    test = comparison(name, ftz, kind.removesuffix("x2"))
    if test is None:
        return None
    inputs = (kind, kind, "pred") if boolean else (kind, kind)
    if kind.endswith("x2"):
        low, high = (combined(t, boolean) for t in halves(test))
        true = np.uint32(ONES.get(target.removesuffix("x2"), 0xFFFF))
        return Operation(lambda *args: low(*args) * true | high(*args) * true << np.uint32(16), inputs, target)
    plain, test = raw(target), combined(test, boolean)
    true = plain.type(ONES.get(target, np.iinfo(plain).max))
    return Operation(lambda *args: test(*args) * true, inputs, target)


def select(kind: str) -> Operation:
    return Operation(lambda a, b, c: choose(c, a, b), (kind, kind, "pred"), kind)


def select_by_sign(ftz: str, kind: str, sign: str) -> Operation:
    """slct: a where c >= 0, else b (NaN chooses b)."""
    number = np.dtype("i4") if sign == "s32" else NUMBER["f32"]
    read = flushed if ftz else lambda c: c
    return Operation(lambda a, b, c: choose(read(c.view(number)) >= 0, a, b), (kind, kind, sign), kind)


FLOAT_TESTS = "eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan"
TESTS = FLOAT_TESTS + "|lo|ls|hi|hs"
NUMBERS = "BITS|INT|f32|f64"

SYNTAX = {
    f"setp {TESTS} and|or|xor? BITS|INT|f64": lambda name, boolean, kind: set_predicate(name, boolean, "", kind),
    f"setp {FLOAT_TESTS} and|or|xor? ftz? f32|f16|f16x2": set_predicate,
    f"setp {FLOAT_TESTS} and|or|xor? bf16|bf16x2": lambda name, boolean, kind: set_predicate(name, boolean, "", kind),
    f"set {TESTS} and|or|xor? u32|s32|f32 BITS|INT|f64": lambda name, boolean, target, kind: set_value(
        name, boolean, "", target, kind
    ),
    f"set {FLOAT_TESTS} and|or|xor? ftz? u32|s32|f32 f32": set_value,
    f"set {TESTS} and|or|xor? f16|bf16 BITS|INT|f64": lambda name, boolean, target, kind: set_value(
        name, boolean, "", target, kind
    ),
    f"set {FLOAT_TESTS} and|or|xor? ftz? f16|u16|s16|u32|s32 f16": set_value,
    f"set {FLOAT_TESTS} and|or|xor? ftz? f16 f32": set_value,
    f"set {FLOAT_TESTS} and|or|xor? bf16 f16|f32": lambda name, boolean, target, kind: set_value(
        name, boolean, "", target, kind
    ),
    f"set {FLOAT_TESTS} and|or|xor? ftz? f16x2|u32|s32 f16x2": set_value,
    f"set {FLOAT_TESTS} and|or|xor? bf16|u16|s16|u32|s32 bf16": lambda name, boolean, target, kind: set_value(
        name, boolean, "", target, kind
    ),
    f"set {FLOAT_TESTS} and|or|xor? bf16x2|u32|s32 bf16x2": lambda name, boolean, target, kind: set_value(
        name, boolean, "", target, kind
    ),
    "selp BITS|INT|f32|f64": select,
    "slct BITS|INT|f32|f64 s32": lambda kind, sign: select_by_sign("", kind, sign),
    "slct ftz? BITS|INT|f32|f64 f32": select_by_sign,
}
