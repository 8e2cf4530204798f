"""The emulator's floats against exact fractions and math; every opcode, every type."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from alu_oracle import DTYPE, assert_same, bits, exact, numbers, run

from utils.vgpu import alu
from utils.vgpu.alu.core import raw, width
from utils.vgpu.ptx import WIDTHS

ARITHMETIC = [
    ("add", "f32", 2), ("sub", "f32", 2), ("mul", "f32", 2), ("div", "f32", 2), ("fma", "f32", 3),
    ("add", "f64", 2), ("sub", "f64", 2), ("mul", "f64", 2), ("div", "f64", 2), ("fma", "f64", 3),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
@pytest.mark.parametrize("name,kind,count", ARITHMETIC)
def test_floats_round_once(name: str, kind: str, count: int, mode: str) -> None:
    args = [bits(kind, 500, seed) for seed in range(count)]
    got = run(f"{name}.{mode}.{kind}", *args)
    want = [exact(name, kind, mode, *row) for row in zip(*(numbers(kind, a) for a in args), strict=True)]
    assert_same(f"{name}.{mode}.{kind}", got, want, kind, *args)


@pytest.mark.parametrize("kind", ["f16", "bf16"])
@pytest.mark.parametrize("name,count", [("add", 2), ("sub", 2), ("mul", 2), ("fma", 3)])
def test_halves_round_once(name: str, count: int, kind: str) -> None:
    args = [bits(kind, 2000, seed) for seed in range(count)]
    got = run(f"{name}.rn.{kind}", *args)
    want = [exact(name, kind, "rn", *row) for row in zip(*(map(float, numbers(kind, a)) for a in args), strict=True)]
    assert_same(f"{name}.rn.{kind}", got, want, kind, *args)
    assert (run(f"{name}.rn.{kind}x2", *(a.view(np.uint32) for a in args)).view(np.uint16) == got).all()


def test_fma_ties() -> None:
    """Products whose sum lands on a tie of the result once rounded to float64: one rounding must decide."""
    rng = np.random.default_rng(5)
    a = np.float32(1 + 2.0**-12) * np.ones(4000, np.float32)
    b = (np.float32(1 + 2.0**-12) + rng.integers(-3, 3, 4000) * np.float32(2.0**-23)).astype(np.float32)
    c = (rng.choice([-1, 1], 4000) * 2.0 ** rng.integers(-60, 60, 4000)).astype(np.float32)
    args = [x.view(np.uint32) for x in (a, b, c)]
    want = [exact("fma", "f32", "rn", *row) for row in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)]
    assert_same("fma.rn.f32", run("fma.rn.f32", *args), want, "f32", *args)
    tie = np.array([2.0**-24], np.float32), np.array([1 + 2.0**-23], np.float32), np.array([1.0], np.float32)
    tiny = np.array([2.0**-75], np.float32), np.array([2.0**-75], np.float32), np.array([2.0**-149 * 3], np.float32)
    for row in (tie, tiny):
        want = [exact("fma", "f32", "rn", *(float(x[0]) for x in row))]
        assert_same("fma.rn.f32", run("fma.rn.f32", *(x.view(np.uint32) for x in row)), want, "f32")


def test_fma_ties_of_float64() -> None:
    """The sum's tail is 2^-53 (1 - 2^-60): rounded to nearest on the way it would become a tie."""
    for sign in (1, -1):
        for last in range(4):
            row = 2.0**-53 * (1 + sign * 2.0**-30), 1 - sign * 2.0**-30, 1 + last * 2.0**-52
            args = [np.array([x]).view(np.uint64) for x in row]
            assert_same("fma.rn.f64", run("fma.rn.f64", *args), [exact("fma", "f64", "rn", *row)], "f64", *args)


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_roots_and_reciprocals(kind: str) -> None:
    a = bits(kind, 600, 1)
    for mode in ("rn", "rz", "rm", "rp"):
        want = [exact("div", kind, mode, 1.0, x) for x in numbers(kind, a)]
        assert_same(f"rcp.{mode}.{kind}", run(f"rcp.{mode}.{kind}", a), want, kind, a)
        got = run(f"sqrt.{mode}.{kind}", a).view(DTYPE[kind])
        for x, r in zip(numbers(kind, a), got.tolist(), strict=True):
            if math.isnan(x) or x < 0:
                assert math.isnan(r)
            elif x == 0 or math.isinf(x):
                assert r == x and math.copysign(1, r) == math.copysign(1, x)
            else:
                below, above = (float(np.nextafter(DTYPE[kind](r), DTYPE[kind](t))) for t in (0, np.inf))
                square, exact_x = Fraction(r) ** 2, Fraction(x)
                if mode == "rn":
                    assert (Fraction(r) + Fraction(below)) ** 2 <= 4 * exact_x <= (Fraction(r) + Fraction(above)) ** 2
                elif mode == "rp":
                    assert square >= exact_x > Fraction(below) ** 2
                else:
                    assert square <= exact_x < Fraction(above) ** 2


def test_flush_and_saturate() -> None:
    a, b, c = (bits("f32", 2000, seed) for seed in (1, 2, 3))
    flush = lambda v: np.where(v & 0x7F800000 == 0, v & 0x80000000, v).astype(np.uint32)  # noqa: E731
    for name, args in (("add.rn", (a, b)), ("mul.rn", (a, b)), ("fma.rn", (a, b, c)), ("div.rn", (a, b))):
        want = flush(run(f"{name}.f32", *map(flush, args)))
        got = run(f"{name}.ftz.f32", *args)
        at_edge = (want & 0x7FFFFFFF == 0x00800000) & (got & 0x7FFFFFFF == 0)  # flushed before it was rounded up
        assert ((got == want) | at_edge).all() and at_edge.sum() < 5
    plain = run("fma.rn.f32", a, b, c).view(np.float32)
    with np.errstate(invalid="ignore"):
        want = np.where(plain > 0, np.minimum(plain, 1), 0).astype(np.float32)
    assert (run("fma.rn.sat.f32", a, b, c) == want.view(np.uint32)).all()
    a = a[~np.isnan(a.view(np.float32))]  # a NaN becomes the canonical one
    assert (run("neg.f32", a) == a ^ 0x80000000).all() and (run("abs.f32", a) == a & 0x7FFFFFFF).all()


@pytest.mark.parametrize("kind", ["f32", "f64", "f16", "bf16"])
def test_extremes_and_comparisons(kind: str) -> None:
    a, b = bits(kind, 2000, 1), bits(kind, 2000, 2)
    b[:300] = a[:300]
    x, y = numbers(kind, a), numbers(kind, b)
    key = lambda v: (v, math.copysign(1, v))  # noqa: E731
    for name, pick in (("min", min), ("max", max)):
        want = [q if math.isnan(p) else p if math.isnan(q) else pick(p, q, key=key) for p, q in zip(x, y, strict=True)]
        assert_same(f"{name}.{kind}", run(f"{name}.{kind}", a, b), want, kind, a, b)
        if kind != "f64":
            want = [
                math.nan if math.isnan(p) or math.isnan(q) else pick(p, q, key=key) for p, q in zip(x, y, strict=True)
            ]
            assert_same(f"{name}.NaN.{kind}", run(f"{name}.NaN.{kind}", a, b), want, kind, a, b)
    rules = {"eq": lambda p, q: p == q, "ne": lambda p, q: p < q or p > q, "lt": lambda p, q: p < q,
             "le": lambda p, q: p <= q, "gt": lambda p, q: p > q, "ge": lambda p, q: p >= q}  # fmt: skip
    nan = [math.isnan(p) or math.isnan(q) for p, q in zip(x, y, strict=True)]
    for name, rule in rules.items():
        want = [rule(p, q) for p, q in zip(x, y, strict=True)]
        assert run(f"setp.{name}.{kind}", a, b).tolist() == want
        assert run(f"setp.{name}u.{kind}", a, b).tolist() == [w or n for w, n in zip(want, nan, strict=True)]
    assert run(f"setp.nan.{kind}", a, b).tolist() == nan
    assert run(f"setp.num.{kind}", a, b).tolist() == [not n for n in nan]


def test_predicates_and_selection() -> None:
    a, b, p = bits("s32", 500, 1), bits("s32", 500, 2), bits("pred", 500, 3)
    x, y = numbers("s32", a), numbers("s32", b)
    less = np.array([u < v for u, v in zip(x, y, strict=True)])
    assert (run("setp.lt.and.s32", a, b, p) == (less & p)).all()
    assert (alu.operation("setp.lt.xor.s32").second(a, b, p) == (~less ^ p)).all()
    assert (run("setp.lo.u32", a, b) == (a < b)).all() and (run("set.lt.u32.s32", a, b) == less * 0xFFFFFFFF).all()
    assert (run("set.lt.f32.s32", a, b).view(np.float32) == less).all()
    assert (run("selp.b32", a, b, p) == np.where(p, a, b)).all()
    assert (run("slct.u32.s32", a, b, a) == np.where(a.view(np.int32) >= 0, a, b)).all()
    h = bits("f16", 1000, 4).view(np.uint32), bits("f16", 1000, 5).view(np.uint32)
    with np.errstate(invalid="ignore"):
        each = np.less(*(v.view(np.float16) for v in h))
    assert (run("set.lt.f16x2.f16x2", *h).view(np.float16) == each).all()
    pair = alu.operation("setp.lt.f16x2")
    assert (pair.run(*h) == each[::2]).all() and (pair.second(*h) == each[1::2]).all()


def test_special_functions() -> None:
    a = bits("f32", 3000, 1)
    with np.errstate(invalid="ignore"):
        x = a.view(np.float32).astype(np.float64)
    rules = {"ex2": np.exp2, "lg2": np.log2, "sin": np.sin, "cos": np.cos, "rcp": lambda v: 1 / v, "sqrt": np.sqrt,
             "rsqrt": lambda v: 1 / np.sqrt(v)}  # fmt: skip
    with np.errstate(all="ignore"):
        for name, rule in rules.items():
            want = rule(x).astype(np.float32)
            got = run(f"{name}.approx.f32", a).view(np.float32)
            assert np.array_equal(got, want, equal_nan=True), name
            assert alu.operation(f"{name}.approx.f32").approximate
    table = {  # the ISA's tables of special inputs
        "ex2": {0xFF800000: 0, 0x80000001: 0x3F800000, 0x7F800000: 0x7F800000},
        "lg2": {0x80000000: 0xFF800000, 0x00000001: 0xFF800000, 0xBF800000: 0x7FFFFFFF},
        "rcp": {0x80000000: 0xFF800000, 0x80000001: 0xFF800000, 0xFF800000: 0x80000000, 0x7F000000: 0},
        "rsqrt": {0x80000000: 0xFF800000, 0x80000001: 0xFF800000, 0x7F800000: 0, 0xBF800000: 0x7FFFFFFF},
        "sqrt": {0x80000001: 0x80000000, 0x80000000: 0x80000000, 0xBF800000: 0x7FFFFFFF},
        "sin": {0x80000001: 0x80000000, 0x7F800000: 0x7FFFFFFF},
        "cos": {0x80000001: 0x3F800000, 0xFF800000: 0x7FFFFFFF},
    }
    for name, rows in table.items():
        got = run(f"{name}.approx.ftz.f32", np.array(list(rows), np.uint32))
        assert [hex(v) for v in got.tolist()] == [hex(v) for v in rows.values()], name
    big = np.array([0x7F7FFFFF], np.uint32)  # |b| > 2^126: a * (1/b) with 1/b flushed
    assert run("div.approx.f32", np.array([0x40000000], np.uint32), big).tolist() == [0]
    assert run("div.full.f32", big, big).view(np.float32).tolist() == [1.0]


def test_shapes_and_unknown_opcodes() -> None:
    for opcode in ("add.s32", "fma.rn.f32", "fma.rn.f16x2", "selp.b32", "cvt.rn.bf16x2.f32", "prmt.b32", "div.s32"):
        kinds = alu.operation(opcode).inputs
        full = [bits(kind, 8 * 64, i).reshape(8, 64) for i, kind in enumerate(kinds)]
        narrow = [full[0][:, :1], *(a[:1] for a in full[1:])]
        scalars = [a[0, 0].reshape(()) for a in full]
        assert run(opcode, *scalars).shape == ()
        spread = [np.ascontiguousarray(np.broadcast_to(a, (8, 64))) for a in narrow]
        assert np.array_equal(np.broadcast_to(run(opcode, *narrow), (8, 64)), run(opcode, *spread))
    for opcode in ("ld.global.f32", "add.rn.s32", "add.f8", "setp.lo.s32", "setp.equ.s32", "bra.uni", "cvt.f16.f32"):
        assert alu.operation(opcode) is None, opcode
    assert alu.operation("add.f32") is alu.operation("add.f32")


def test_every_opcode_takes_any_bits() -> None:
    """No operation raises or returns another type or shape, whatever garbage the registers hold."""
    pool = {kind: bits(kind, 96, 7).reshape(3, 32) for kind in ("u8", "u16", "u32", "u64", "f32", "f64", "pred")}
    count = 0
    with np.errstate(all="ignore"):
        for opcode in alu.opcodes():
            operation = alu.operation(opcode)
            args = [pool["pred" if k == "pred" else k if k in pool else f"u{width(k)}"] for k in operation.inputs]
            out = operation.run(*args, pool["pred"])[0] if operation.carry else operation.run(*args)
            assert out.dtype == raw(operation.output), opcode
            assert np.broadcast_shapes(out.shape, (3, 32)) == (3, 32), opcode
            count += 1
    assert count > 4000


def test_every_type_of_an_opcode_is_one_that_registers_hold() -> None:
    """What the table says is covered can be lowered."""
    operations = [alu.operation(opcode) for opcode in alu.opcodes()]
    kinds = {kind for one in operations for kind in (*one.inputs, one.output)}
    assert {kind: max(width(kind) // 8, 1) for kind in kinds} == {kind: WIDTHS[kind] for kind in kinds}
