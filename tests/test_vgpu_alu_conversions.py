"""The emulator's conversions against exact fractions and ml_dtypes."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from alu_oracle import DTYPE, assert_same, bits, numbers, rounded, run, wrap

from utils.vgpu import alu
from utils.vgpu.alu.core import value, width


@pytest.mark.parametrize("source", ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"])
def test_integer_conversions(source: str) -> None:
    a = bits(source, 150, 1)
    x = numbers(source, a)
    for target in ("u8", "s16", "u32", "s32", "u64", "s64"):
        if target == source:
            continue
        assert run(f"cvt.{target}.{source}", a).tolist() == [wrap(v, target) for v in x]
        low, high = int(np.iinfo(value(target)).min), int(np.iinfo(value(target)).max)
        want = [wrap(min(max(v, low), high), target) for v in x]
        if alu.operation(f"cvt.sat.{target}.{source}"):  # ptxas refuses .sat where nothing can be out of range
            assert run(f"cvt.sat.{target}.{source}", a).tolist() == want
    for target in ("f32", "f64", "f16", "bf16"):
        for mode in ("rn", "rz", "rm", "rp"):
            if target == "bf16" and not alu.operation(f"cvt.{mode}.{target}.{source}"):
                continue  # ptxas knows some widths only
            want = [rounded(Fraction(v), target, mode) for v in x]
            assert_same(f"cvt.{mode}.{target}.{source}", run(f"cvt.{mode}.{target}.{source}", a), want, target, a)


@pytest.mark.parametrize("source", ["f16", "bf16", "f32", "f64"])
def test_float_to_integer(source: str) -> None:
    a = bits(source, 500, 1)
    x = [float(v) for v in numbers(source, a)]
    whole = {"rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}
    for target in ("s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"):
        low, high = int(np.iinfo(value(target)).min), int(np.iinfo(value(target)).max)
        nan = 1 << width(target) - 1 if source == "f64" or width(target) == 64 else 0
        for mode, rule in whole.items():
            want = [
                nan
                if math.isnan(v)
                else wrap(min(max(rule(v) if math.isfinite(v) else int(math.copysign(2**70, v)), low), high), target)  # noqa: E501
                for v in x
            ]
            if source != "bf16" or alu.operation(f"cvt.{mode}.{target}.{source}"):  # ptxas knows some widths only
                assert run(f"cvt.{mode}.{target}.{source}", a).tolist() == want, (mode, target)


def test_float_conversions() -> None:
    for source, targets in (("f64", ("f32", "f16", "bf16")), ("f32", ("f16", "bf16"))):
        a = bits(source, 600, 1)
        for target in targets:
            for mode in ("rn", "rz") if source == "f32" else ("rn", "rz", "rm", "rp"):
                want = [
                    v if not math.isfinite(v) else rounded(Fraction(v), target, mode, v) for v in numbers(source, a)
                ]
                assert_same(f"cvt.{mode}.{target}.{source}", run(f"cvt.{mode}.{target}.{source}", a), want, target, a)
    a = bits("f32", 800, 2)
    for mode in ("rna", "rn", "rz"):
        got = run(f"cvt.{mode}.tf32.f32", a)
        x = numbers("f32", a)
        want = [v if not math.isfinite(v) else rounded(Fraction(v), "tf32", mode, v) for v in x]
        number = ~np.isnan(a.view(np.float32))  # a NaN keeps payload bits
        assert_same(f"cvt.{mode}.tf32.f32", got[number], [v for v in want if v == v], "f32", a[number])
    for source, target in (("f16", "f32"), ("bf16", "f32"), ("f16", "f64"), ("f32", "f64")):
        every = np.arange(0, 65536, 11, dtype=np.uint16) if source != "f32" else a
        with np.errstate(invalid="ignore"):
            want = every.view(DTYPE[source]).astype(np.float64)
        every, want = every[want == want], want[want == want]  # a NaN keeps payload bits
        assert_same("widening", run(f"cvt.{target}.{source}", every), want.tolist(), target, every)
    h = np.arange(65536, dtype=np.uint16)
    assert (run("cvt.rn.f16.f32", run("cvt.f32.f16", h)) == np.where(np.isnan(h.view(np.float16)), 0x7FFF, h)).all()


@pytest.mark.parametrize("name,dtype", [("e4m3", ml_dtypes.float8_e4m3fn), ("e5m2", ml_dtypes.float8_e5m2)])
def test_fp8(name: str, dtype: type) -> None:
    a, b = bits("f32", 3000, 1), bits("f32", 3000, 2)
    largest = float(ml_dtypes.finfo(dtype).max)

    def encode(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            code = np.clip(x, -largest, largest).astype(dtype).view(np.uint8)
        return np.where(np.isnan(x), 0x7F, code).astype(np.uint16)

    x, y = a.view(np.float32), b.view(np.float32)
    assert (run(f"cvt.rn.satfinite.{name}x2.f32", a, b) == (encode(x) << 8 | encode(y))).all()
    relu = [np.where(v > 0, v, np.where(np.isnan(v), v, 0)) for v in (x, y)]
    assert (run(f"cvt.rn.satfinite.relu.{name}x2.f32", a, b) == (encode(relu[0]) << 8 | encode(relu[1]))).all()
    every = np.arange(65536, dtype=np.uint16)
    low, high = (every & 255).astype(np.uint8), (every >> 8).astype(np.uint8)
    got = run(f"cvt.rn.f16x2.{name}x2", every)
    for part, code in ((got & 0xFFFF, low), (got >> 16, high)):
        value16 = code.view(dtype).astype(np.float32)
        want = np.where(np.isnan(value16), 0x7FFF, value16.astype(np.float16).view(np.uint16))
        assert (part == want).all()
    again = run(f"cvt.rn.satfinite.{name}x2.f16x2", got)
    h = got.view(np.float16).astype(np.float32).reshape(-1, 2)
    assert (again == (encode(h[:, 1]) << 8 | encode(h[:, 0]))).all()


def test_pack() -> None:
    a, b, c = (bits("s32", 300, seed) for seed in (1, 2, 3))
    x, y = numbers("s32", a), numbers("s32", b)
    s8 = lambda v: min(max(v, -128), 127) & 255  # noqa: E731
    want = [(int(r) << 16 | s8(p) << 8 | s8(q)) & 0xFFFFFFFF for p, q, r in zip(x, y, c, strict=True)]
    assert run("cvt.pack.sat.s8.s32.b32", a, b, c).tolist() == want
    u16 = lambda v: min(max(v, 0), 65535)  # noqa: E731
    assert run("cvt.pack.sat.u16.s32", a, b).tolist() == [u16(p) << 16 | u16(q) for p, q in zip(x, y, strict=True)]
