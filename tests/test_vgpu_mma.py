"""mma.sync against float64, and the tiles' places in the registers against an independent reading of the PTX ISA."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from utils.vgpu import NotEmulated, emulate
from utils.vgpu.tensor_cores import Form, form_of, sums

RNG = np.random.default_rng(5)
KINDS = {
    "f16": np.float16, "bf16": ml_dtypes.bfloat16, "tf32": np.float32, "f32": np.float32, "s8": np.int8,
    "u8": np.uint8, "s32": np.int32, "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2,
}  # fmt: skip
FORMS = [
    (16, "f16", "f16", "f32"), (8, "f16", "f16", "f32"), (16, "f16", "f16", "f16"), (16, "bf16", "bf16", "f32"),
    (8, "bf16", "bf16", "f32"), (8, "tf32", "tf32", "f32"), (4, "tf32", "tf32", "f32"), (32, "s8", "s8", "s32"),
    (16, "s8", "u8", "s32"), (32, "u8", "s8", "s32"), (32, "e4m3", "e4m3", "f32"), (32, "e5m2", "e4m3", "f32"),
]  # fmt: skip


def source(k: int, a: str, b: str, sums: str, suffix: str = "") -> str:
    """A warp a tile: every element loaded by its row and column, as the PTX ISA gives them for a_i, b_i, c_i."""
    bits = {"f16": 16, "bf16": 16, "tf32": 32}.get(a, 8)
    each, store = 32 // bits, {32: "unsigned", 16: "unsigned short", 8: "unsigned char"}[bits]
    half = sums == "f16"
    many_a, many_b, many_c = 16 * k // 32 // each, 8 * k // 32 // each, 2 if half else 4
    names = iter(range(99))

    def listed(count: int) -> str:
        return "{" + ",".join(f"%{next(names)}" for _ in range(count)) + "}"

    tiles = [listed(count) for count in (many_c, many_a, many_b)]
    operands = ", ".join([*tiles, tiles[0]])
    kind = '"+r"' if half or sums == "s32" else '"+f"'
    word = "unsigned" if half else {"s32": "int", "f32": "float"}[sums]
    outs = ", ".join(f"{kind}(c[{i}])" for i in range(many_c))
    ins = ", ".join([f'"r"(A[{i}])' for i in range(many_a)] + [f'"r"(B[{i}])' for i in range(many_b)])
    c_type, c_each = ("unsigned short", 2) if half else (word, 1)
    return f"""
__global__ void mma(const {store}* a, const {store}* b, const {c_type}* c0, {c_type}* d) {{
    int lane = threadIdx.x, g = lane / 4, t = lane % 4;
    a += blockIdx.x * {16 * k}, b += blockIdx.x * {8 * k}, c0 += blockIdx.x * 128, d += blockIdx.x * 128;
    union {{ unsigned A[{many_a}]; {store} a_[{many_a * each}]; }};
    union {{ unsigned B[{many_b}]; {store} b_[{many_b * each}]; }};
    union {{ {word} c[{many_c}]; {c_type} c_[{many_c * c_each}]; }};
    for (int i = 0; i < {many_a * each}; i++) {{
        int r = i / {each}, row = r % 2 ? g + 8 : g, col = t * {each} + i % {each} + (r / 2) * {4 * each};
        a_[i] = a[row * {k} + col];
    }}
    for (int i = 0; i < {many_b * each}; i++) b_[i] = b[(t * {each} + i % {each} + (i / {each}) * {4 * each}) * 8 + g];
    for (int i = 0; i < 4; i++) c_[i] = c0[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2];
    asm volatile("mma.sync.aligned.m16n8k{k}.row.col{suffix}.{sums}.{a}.{b}.{sums} {operands};"
                 : {outs} : {ins});
    for (int i = 0; i < 4; i++) d[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = c_[i];
}}"""


def values(kind: str, shape: tuple[int, int]) -> np.ndarray:
    if kind in ("s8", "u8", "s32"):
        info = np.iinfo(KINDS[kind])
        return RNG.integers(info.min // (1 if kind != "s32" else 2**12), info.max, shape, endpoint=True).astype(
            KINDS[kind]
        )
    return RNG.standard_normal(shape).astype(KINDS[kind])


def raw(array: np.ndarray) -> np.ndarray:
    return array.view(f"u{array.itemsize}") if array.dtype.kind != "i" or array.itemsize == 1 else array


@pytest.mark.parametrize("form", FORMS, ids=lambda form: ".".join(map(str, form)))
def test_product(form):
    k, a_kind, b_kind, sums = form
    a, b, c = values(a_kind, (16, k)), values(b_kind, (k, 8)), values(sums, (16, 8))
    d = np.zeros_like(c)
    given = [raw(a), raw(b), raw(c) if sums == "f16" else c, raw(d) if sums == "f16" else d]
    report = emulate(source(*form), "mma", 1, 32, given)
    assert not report.faults
    wide = [one.astype(np.float64) for one in (a, b, c)]
    if a_kind == "tf32":  # its last 13 bits are not looked at
        wide[:2] = [(one.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32).astype(np.float64) for one in (a, b)]
    want = wide[0] @ wide[1] + wide[2]
    if sums == "s32":
        assert (d == want).all()
    else:
        bound = {"f32": 2.0**-22, "f16": 2.0**-10}[sums] * (np.abs(wide[0]) @ np.abs(wide[1]) + np.abs(wide[2]))
        assert (np.abs(d.astype(np.float64) - want) <= bound).all()
    (counter,) = (name for name in report.metrics if "path_tensor" in name)
    assert report.metrics[counter] == 2 * 16 * 8 * k


RECORDED = np.load(Path(__file__).parent / "calibration/recorded/mma.npz")
CASES = sorted({name.rpartition(" ")[0] for name in RECORDED.files} - {""})


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_an_h100(case):
    """Numbers of one size, of mixed size, the smallest, the largest, and Inf and NaN (tests/gpu/mma_on_gpu.py)."""
    assert str(RECORDED["machine"]) == "NVIDIA H100 80GB HBM3"
    k, a_kind, b_kind, c_kind = FORMS[int(case.split()[0])]
    a, b, c, d = (RECORDED[f"{case} {name}"] for name in "abcd")
    a, b, c = (one.view(KINDS[kind]) for one, kind in ((a, a_kind), (b, b_kind), (c, c_kind)))
    if a_kind == "tf32":
        a, b = ((one.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32) for one in (a, b))
    got = sums(Form(k, a_kind, b_kind, c_kind, False), a, b, c)
    assert (got == d.view(got.dtype)).all()


def test_integers_wrap_or_are_clamped():
    a, b = np.full((16, 32), -128, np.int8), np.full((32, 8), 127, np.int8)
    c = np.full((16, 8), -(2**31), np.int32)
    exact = int(c[0, 0]) - 32 * 128 * 127
    for suffix, want in (("", exact + 2**32), (".satfinite", -(2**31))):
        d = np.zeros_like(c)
        emulate(source(32, "s8", "s8", "s32", suffix), "mma", 1, 32, [raw(a), raw(b), c, d])
        assert (d == want).all()


def test_a_warp_that_is_not_whole_is_a_fault():
    guarded = source(16, "f16", "f16", "f32").replace("asm volatile", "if (lane < 31) asm volatile")
    zeros = [np.zeros(256, np.uint16), np.zeros(128, np.uint16), np.zeros(128, np.float32), np.zeros(128, np.float32)]
    report = emulate(guarded, "mma", 1, 32, zeros)
    assert [fault.kind for fault in report.faults] == ["barrier"]


@pytest.mark.parametrize("opcode", [
    "mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32", "mma.sync.aligned.m16n8k32.row.col.f32.s8.s8.f32",
    "mma.sync.aligned.m16n8k16.row.col.satfinite.f32.f16.f16.f32", "mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32",
    "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc", "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64",
])  # fmt: skip
def test_other_forms_are_refused(opcode):
    with pytest.raises(NotEmulated):
        form_of(opcode)
