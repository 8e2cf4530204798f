"""The emulator's integers against Python's: sums, products, carries, bits, packed lanes."""

from __future__ import annotations

import numpy as np
import pytest
from alu_oracle import bits, numbers, run, wrap

from utils.vgpu import alu
from utils.vgpu.alu.core import raw, value, width

INTEGER_RULES = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul.lo": lambda a, b: a * b,
    "min": min,
    "max": max,
}


@pytest.mark.parametrize("kind", ["u16", "u32", "u64", "s16", "s32", "s64"])
def test_integers(kind: str) -> None:
    a, b, c = (bits(kind, 600, seed) for seed in (1, 2, 3))
    x, y, z = (numbers(kind, v) for v in (a, b, c))
    for name, rule in INTEGER_RULES.items():
        assert run(f"{name}.{kind}", a, b).tolist() == [wrap(rule(p, q), kind) for p, q in zip(x, y, strict=True)], name
    n = width(kind)
    high = [wrap(p * q >> n, kind) for p, q in zip(x, y, strict=True)]
    assert run(f"mul.hi.{kind}", a, b).tolist() == high
    assert run(f"mad.hi.{kind}", a, b, c).tolist() == [wrap(h + r, kind) for h, r in zip(high, z, strict=True)]
    assert run(f"mad.lo.{kind}", a, b, c).tolist() == [wrap(p * q + r, kind) for p, q, r in zip(x, y, z, strict=True)]
    assert run(f"sad.{kind}", a, b, c).tolist() == [wrap(abs(p - q) + r, kind) for p, q, r in zip(x, y, z, strict=True)]
    quotient = [(abs(p) // abs(q) * (1 if p * q >= 0 else -1)) if q else -1 for p, q in zip(x, y, strict=True)]
    rest = [p - s * q if q else -1 for p, q, s in zip(x, y, quotient, strict=True)]
    divisible = b != 0
    for name, want in (("div", quotient), ("rem", rest)):
        got = run(f"{name}.{kind}", a, b)
        assert got[divisible].tolist() == [wrap(w, kind) for w, q in zip(want, y, strict=True) if q], name
        if kind[0] == "u":
            assert (got[~divisible] == raw(kind).type(2**n - 1)).all(), name
    if n < 64:
        double = f"{kind[0]}{2 * n}"
        d = bits(double, 600, 4)
        assert run(f"mul.wide.{kind}", a, b).tolist() == [wrap(p * q, double) for p, q in zip(x, y, strict=True)]
        want = [wrap(p * q + r, double) for p, q, r in zip(x, y, numbers(double, d), strict=True)]
        assert run(f"mad.wide.{kind}", a, b, d).tolist() == want
    if kind[0] == "s":
        assert run(f"neg.{kind}", a).tolist() == [wrap(-p, kind) for p in x]
        assert run(f"abs.{kind}", a).tolist() == [wrap(abs(p), kind) for p in x]


def test_saturation_and_24_bits() -> None:
    a, b, c = (bits("s32", 800, seed) for seed in (1, 2, 3))
    clamp = lambda v: wrap(min(max(v, -(2**31)), 2**31 - 1), "s32")  # noqa: E731
    x, y, z = (numbers("s32", v) for v in (a, b, c))
    assert run("add.sat.s32", a, b).tolist() == [clamp(p + q) for p, q in zip(x, y, strict=True)]
    assert run("sub.sat.s32", a, b).tolist() == [clamp(p - q) for p, q in zip(x, y, strict=True)]
    assert run("mad.hi.sat.s32", a, b, c).tolist() == [
        clamp((p * q >> 32) + r) for p, q, r in zip(x, y, z, strict=True)
    ]
    low = [((p & 0xFFFFFF) ^ 0x800000) - 0x800000 for p in x], [((q & 0xFFFFFF) ^ 0x800000) - 0x800000 for q in y]
    assert run("mul24.lo.s32", a, b).tolist() == [wrap(p * q, "s32") for p, q in zip(*low, strict=True)]
    assert run("mul24.hi.s32", a, b).tolist() == [wrap(p * q >> 16, "s32") for p, q in zip(*low, strict=True)]
    u = [wrap((p & 0xFFFFFF) * (q & 0xFFFFFF) + r, "u32") for p, q, r in zip(x, y, z, strict=True)]
    assert run("mad24.lo.u32", a, b, c).tolist() == u


def test_dot_products() -> None:
    a, b, c = (bits("u32", 500, seed) for seed in (1, 2, 3))
    for first in ("u32", "s32"):
        for second in ("u32", "s32"):
            bytes_a = a.view(np.int8 if first == "s32" else np.uint8).reshape(-1, 4).astype(np.int64)
            bytes_b = b.view(np.int8 if second == "s32" else np.uint8).reshape(-1, 4).astype(np.int64)
            halves = a.view(np.int16 if first == "s32" else np.uint16).reshape(-1, 2).astype(np.int64)
            want = (bytes_a * bytes_b).sum(1) + c
            assert (run(f"dp4a.{first}.{second}", a, b, c) == want.astype(np.uint32)).all()
            for part, take in (("lo", slice(0, 2)), ("hi", slice(2, 4))):
                want = (halves * bytes_b[:, take]).sum(1) + c
                assert (run(f"dp2a.{part}.{first}.{second}", a, b, c) == want.astype(np.uint32)).all()


@pytest.mark.parametrize("kind", ["u32", "u64"])
def test_carries(kind: str) -> None:
    """A chain of three words is one long integer."""
    a, b = ([bits(kind, 400, seed + i) for i in range(3)] for seed in (10, 20))
    n = width(kind)
    long = lambda words: [sum(int(w[i]) << n * j for j, w in enumerate(words)) for i in range(400)]  # noqa: E731
    with np.errstate(all="ignore"):
        for first, later, sign in (("add.cc", "addc.cc", 1), ("sub.cc", "subc.cc", -1)):
            flag, words = np.zeros(400, bool), []
            for i in range(3):
                word, flag = alu.operation(f"{first if i == 0 else later}.{kind}").run(a[i], b[i], flag)
                words.append(word)
            want = [(p + sign * q) % (1 << 3 * n) for p, q in zip(long(a), long(b), strict=True)]
            assert long(words) == want
        flag = np.ones(400, bool)
        total, out = alu.operation(f"madc.hi.cc.{kind}").run(a[0], b[0], a[1], flag)
        want = [(int(p) * int(q) >> n) + int(r) + 1 for p, q, r in zip(a[0], b[0], a[1], strict=True)]
        assert total.tolist() == [w % (1 << n) for w in want] and out.tolist() == [w >= 1 << n for w in want]


def test_bit_operations() -> None:
    for kind in ("b32", "b64"):
        n = width(kind)
        a, b = bits(kind, 400, 1), bits(kind, 400, 2)
        start, length = bits("u32", 400, 3) % 80, bits("u32", 400, 4) % 80
        p = a.tolist()
        mask = (1 << n) - 1
        assert run(f"popc.{kind}", a).tolist() == [v.bit_count() for v in p]
        assert run(f"clz.{kind}", a).tolist() == [n - v.bit_length() for v in p]
        assert run(f"brev.{kind}", a).tolist() == [int(f"{v:0{n}b}"[::-1], 2) for v in p]
        assert run(f"bfind.u{n}", a).tolist() == [(v.bit_length() - 1) & 0xFFFFFFFF for v in p]
        assert run(f"bfind.shiftamt.u{n}", a).tolist() == [n - v.bit_length() if v else 0xFFFFFFFF for v in p]
        signed = [(~v & mask if v >> n - 1 else v).bit_length() - 1 & 0xFFFFFFFF for v in p]
        assert run(f"bfind.s{n}", a).tolist() == signed
        assert run(f"shl.{kind}", a, start).tolist() == [v << int(s) & mask for v, s in zip(p, start, strict=True)]
        assert run(f"shr.{kind}", a, start).tolist() == [v >> int(s) for v, s in zip(p, start, strict=True)]
        assert run(f"shr.s{n}", a, start).tolist() == [
            (v >> int(s)) & mask for v, s in zip(a.view(value(f"s{n}")).tolist(), start, strict=True)
        ]
        want_u, want_s, want_i = [], [], []
        for v, w, s, size in zip(p, b.tolist(), start.tolist(), length.tolist(), strict=True):  # the ISA's loop
            ones = sum(1 << i for i in range(size) if s + i <= n - 1)
            field = (v >> s if s < n else 0) & ((1 << size) - 1)
            want_u.append(field)
            top = min(s + size - 1, n - 1)
            sign = v >> top & 1 if size else 0
            for i in range(n):
                if i >= size or s + i > n - 1:
                    field = field & ~(1 << i) | sign << i
            want_s.append(field & mask)
            want_i.append(w & ~(ones << s) & mask | v << s & (ones << s) & mask if s < n else w)
        assert run(f"bfe.u{n}", a, start, length).tolist() == want_u
        assert run(f"bfe.s{n}", a, start, length).tolist() == want_s
        assert run(f"bfi.{kind}", a, b, start, length).tolist() == want_i


def test_shf_lop3_prmt() -> None:
    a, b, c = (bits("b32", 300, seed) for seed in (1, 2, 3))
    n = bits("u32", 300, 4) % 70
    for mode in ("clamp", "wrap"):
        amounts = [min(int(v), 32) if mode == "clamp" else int(v) & 31 for v in n]
        both = [int(q) << 32 | int(p) for p, q in zip(a, b, strict=True)]
        assert run(f"shf.l.{mode}.b32", a, b, n).tolist() == [
            v << s >> 32 & 0xFFFFFFFF for v, s in zip(both, amounts, strict=True)
        ]
        assert run(f"shf.r.{mode}.b32", a, b, n).tolist() == [
            v >> s & 0xFFFFFFFF for v, s in zip(both, amounts, strict=True)
        ]
    for table in range(256):
        want = np.zeros(300, np.uint32)
        for i in range(8):
            if table >> i & 1:
                want |= (a if i & 4 else ~a) & (b if i & 2 else ~b) & (c if i & 1 else ~c)
        assert (run("lop3.b32", a, b, c, np.array(table, np.uint32)) == want).all()
    for selectors in (c, np.array(0x5410, np.uint32), np.array(0x7632, np.uint32), np.array(0x0123, np.uint32)):
        want = []
        for p, q, s in zip(a.tolist(), b.tolist(), np.broadcast_to(selectors, 300).tolist(), strict=True):
            data = (q << 32 | p).to_bytes(8, "little")
            chosen = [s >> 4 * i & 15 for i in range(4)]
            want.append(
                sum(
                    (data[k & 7] if k < 8 else (255 if data[k & 7] > 127 else 0)) << 8 * i for i, k in enumerate(chosen)
                )
            )
        assert run("prmt.b32", a, b, selectors).tolist() == want
    assert run("prmt.b32.f4e", a, b, c % 4).tolist() == [
        ((int(q) << 32 | int(p)) >> 8 * int(s % 4)) & 0xFFFFFFFF for p, q, s in zip(a, b, c, strict=True)
    ]


def test_fns_bmsk_szext() -> None:
    def fns(mask: int, base: int, offset: int) -> int:  # the ISA's loop
        if offset == 0:
            return base if mask >> base & 1 else 0xFFFFFFFF
        position, count, step = base, abs(offset) - 1, 1 if offset > 0 else -1
        while 0 <= position < 32:
            if mask >> position & 1:
                if count == 0:
                    return position
                count -= 1
            position += step
        return 0xFFFFFFFF

    mask, base, offset = bits("b32", 400, 1), bits("b32", 400, 2) % 32, bits("u32", 400, 3) % 9 - np.uint32(4)
    want = [fns(int(m), int(s), int(o)) for m, s, o in zip(mask, base, offset.view(np.int32), strict=True)]
    assert run("fns.b32", mask, base, offset).tolist() == want
    n = bits("u32", 400, 4) % 40
    for mode in ("clamp", "wrap"):
        for kind in ("u32", "s32"):
            want = []
            for v, size in zip(mask.tolist(), n.tolist(), strict=True):
                size = min(size, 32) if mode == "clamp" else size & 31
                field = v & (1 << size) - 1
                negative = kind == "s32" and size and field >> size - 1
                want.append((field | (0xFFFFFFFF << size if negative else 0)) & 0xFFFFFFFF)
            assert run(f"szext.{mode}.{kind}", mask, n).tolist() == want
    assert run("bmsk.clamp.b32", base, n).tolist() == [
        ((1 << int(size)) - 1) << int(s) & 0xFFFFFFFF for s, size in zip(base, n, strict=True)
    ]


def test_video() -> None:
    a, b, c = (bits("u32", 300, seed) for seed in (1, 2, 3))
    u = a.view(np.uint8).reshape(-1, 4).astype(int), b.view(np.uint8).reshape(-1, 4).astype(int)
    s = a.view(np.int8).reshape(-1, 4).astype(int), b.view(np.int8).reshape(-1, 4).astype(int)
    difference = abs(u[0] - u[1])
    pack = lambda lanes: lanes.astype(np.uint8).view(np.uint32).ravel()  # noqa: E731
    assert (run("vabsdiff4.u32.u32.u32", a, b, c) == pack(difference)).all()
    assert (run("vabsdiff4.u32.u32.u32.add", a, b, c) == (difference.sum(1) + c).astype(np.uint32)).all()
    assert (run("vadd4.s32.s32.s32.sat", a, b, c) == pack(np.clip(s[0] + s[1], -128, 127))).all()
