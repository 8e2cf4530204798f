"""Triton kernels on the emulated GPU: values as a GPU has them, counters by line of the kernel, launches refused."""

from __future__ import annotations

import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

from utils import annotate, emulate_triton, machine, tl, triton, triton_code
from utils.compile_worker import CompileError
from utils.vgpu import ArgumentError, LaunchError

if machine.triton_backend() is None:
    pytest.skip("Triton has wheels for Linux only", allow_module_level=True)

SECTORS_LOADED = "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"
SECTORS_STORED = "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"
RNG = np.random.default_rng(0)
SCALE = tl.constexpr(2)


@triton.jit
def copy(x, y, n, stride, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    v = tl.load(x + i * stride, mask=inside)
    tl.store(y + i, v, mask=inside)


@triton.jit
def exponential(v):
    return tl.exp(v - tl.max(v, 0))


@triton.jit
def softmax(x, y, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * n + i, mask=i < n, other=-float("inf"))
    e = exponential(v)
    tl.store(y + row * n + i, e / tl.sum(e, 0), mask=i < n)


@triton.jit
def layernorm(x, y, weight, bias, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    inside = i < n
    v = tl.load(x + row * n + i, mask=inside, other=0.0).to(tl.float32)
    mean = tl.sum(v, 0) / n
    d = tl.where(inside, v - mean, 0.0)
    r = tl.rsqrt(tl.sum(d * d, 0) / n + eps)
    w = tl.load(weight + i, mask=inside).to(tl.float32)
    b = tl.load(bias + i, mask=inside).to(tl.float32)
    tl.store(y + row * n + i, d * r * w + b, mask=inside)


@triton.jit
def bf16_steps(x, y, z, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i) * tl.load(y + i) + tl.load(z + i) * SCALE)


@triton.jit
def transpose(x, y, n, m, sx, sy, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    j = tl.program_id(1) * B + tl.arange(0, B)
    inside = (i[:, None] < n) & (j[None, :] < m)
    v = tl.load(x + i[:, None] * sx + j[None, :], mask=inside)
    tl.store(y + j[:, None] * sy + i[None, :], tl.trans(v), mask=tl.trans(inside))


def line_of(source: str, text: str) -> int:
    return next(at for at, line in enumerate(source.splitlines(), 1) if text in line)


def test_a_copy_moves_the_fewest_sectors_and_its_lines_are_the_kernels() -> None:
    n = 10_000  # not a multiple of the block, nor of a sector
    x, y = RNG.standard_normal(n).astype(np.float16), np.zeros(n, np.float16)
    report = emulate_triton(copy, (triton.cdiv(n, 1024),), x, y, n, 1, BLOCK=1024)
    assert (x == y).all() and not report.faults
    assert report.metrics[SECTORS_LOADED] == report.metrics[SECTORS_STORED] == n * 2 / 32
    assert report.source.startswith("@triton.jit\ndef copy(") and report.kernel == "copy"
    load, store = line_of(report.source, "tl.load"), line_of(report.source, "tl.store")
    assert report.by_line[load][SECTORS_LOADED] == report.by_line[store][SECTORS_STORED] == n * 2 / 32
    assert {(access.array, access.op, access.line) for access in report.accesses} == {
        ("x", "ld", load),
        ("y", "st", store),
    }
    assert "tl.load" in str(annotate(report))


def test_a_strided_copy_shows_its_sectors() -> None:
    n = 4096
    x, y = RNG.standard_normal(n * 8).astype(np.float32), np.zeros(n, np.float32)
    report = emulate_triton(copy, lambda meta: (triton.cdiv(meta["n"], meta["BLOCK"]),), x, y, n, 8, BLOCK=512)
    assert (x[::8] == y).all()
    assert report.metrics[SECTORS_LOADED] == n  # a sector an element
    assert report.metrics[SECTORS_STORED] == n / 8


def test_softmax() -> None:
    x = RNG.standard_normal((9, 777)).astype(np.float32) * 5
    y = np.full_like(x, np.nan)
    report = emulate_triton(softmax, 9, x, y, 777, BLOCK=1024)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    np.testing.assert_allclose(y, e / e.sum(1, keepdims=True), rtol=2e-5)
    assert not report.faults
    last = len(report.source.splitlines())
    assert set(report.by_line) <= set(range(last + 1)), "lines of Triton's own library must not show"
    shared = [at for at, row in report.by_line.items() if any("mem_shared" in key and row[key] for key in row)]
    assert set(shared) == {line_of(report.source, "exponential(v)"), line_of(report.source, "tl.sum")}


@pytest.mark.parametrize("warps", [4, 8])
def test_layernorm_of_bf16(warps: int) -> None:
    """With four warps Triton changes the layout through shared memory with stmatrix."""
    n = 1000
    x = (RNG.standard_normal((5, n)) + 3).astype(ml_dtypes.bfloat16)
    y = np.zeros_like(x)
    w, b = (RNG.standard_normal(n).astype(ml_dtypes.bfloat16) for _ in range(2))
    report = emulate_triton(layernorm, (5,), x, y, w, b, n, 1e-5, BLOCK=1024, num_warps=warps)
    f = x.astype(np.float64)
    want = (f - f.mean(1, keepdims=True)) / np.sqrt(f.var(1, keepdims=True) + 1e-5)
    want = want * w.astype(np.float64) + b.astype(np.float64)
    # half a bf16 step of the result, and what fp32 loses where the product and the bias cancel
    np.testing.assert_allclose(y.astype(np.float64), want, rtol=2**-8, atol=1e-5)
    assert not report.faults and report.block == (32 * warps, 1, 1)


def test_arithmetic_in_bf16_rounds_as_a_gpu_does() -> None:
    """Triton's interpreter computes on the bits of bf16 as if they were integers."""
    torch = pytest.importorskip("torch")
    x, y, z = (torch.randn(256).to(torch.bfloat16) for _ in range(3))
    out = torch.zeros_like(x)
    emulate_triton(bf16_steps, 1, x, y, z, out, N=256)
    want = x.double() * y.double() + z.double() * 2  # every step but the sum is exact in float64, as one FMA is
    rounded = want.to(torch.bfloat16)
    stepwise = ((x.double() * y.double()).to(torch.bfloat16).double() + z.double() * 2).to(torch.bfloat16)
    assert ((out == rounded) | (out == stepwise)).all()


def test_a_transpose_of_tensors_that_are_views() -> None:
    torch = pytest.importorskip("torch")
    whole, out = torch.randn(50, 80), torch.zeros(70, 64)
    x, y = whole[3:, 5:69], out[:64, 4:51]
    report = emulate_triton(transpose, (2, 2), x, y, *x.shape, x.stride(0), y.stride(0), B=32)
    assert (y == x.T).all() and not report.faults
    assert (out[64:] == 0).all() and (out[:, :4] == 0).all()
    f = np.asfortranarray(RNG.standard_normal((48, 64)).astype(np.float32))
    t = np.zeros((64, 48), np.float32)
    emulate_triton(copy, 3, f, t, f.size, 1, BLOCK=1024)
    assert (t.ravel() == f.T.ravel()).all()


def test_an_access_outside_names_the_array_and_the_line() -> None:
    x, y = np.ones(100, np.float32), np.zeros(90, np.float32)
    report = emulate_triton(copy, 1, x, y, 100, 1, BLOCK=128)
    fault = report.faults[0]
    assert (fault.kind, fault.array, fault.index) == ("out-of-bounds", "y", 90)
    assert fault.line == line_of(report.source, "tl.store") and (y == 1).all()


@pytest.mark.parametrize(
    ("args", "named", "said"),
    [
        ((np.ones(4), np.ones(4), 4), {}, "missing a required argument"),
        ((np.ones(4), np.ones(4), 4, 1), {"BLOCKS": 4}, r"BLOCK.*copy\(x, y, n, stride, BLOCK"),
        ((np.ones(4, complex), np.ones(4), 4, 1), {"BLOCK": 4}, "`x` is an array of complex128"),
        ((np.ones(4), "y", 4, 1), {"BLOCK": 4}, "`y` is a str"),
        ((np.ones(4), np.ones(4), 4, 1), {"BLOCK": np.ones(2)}, "constexpr `BLOCK`"),
    ],
)
def test_arguments_that_do_not_fit_are_named(args: tuple, named: dict, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        emulate_triton(copy, 1, *args, **named)


def test_what_cannot_be_compiled_or_launched() -> None:
    x = np.ones(4, np.float32)
    with pytest.raises(CompileError, match="power of 2"):
        emulate_triton(copy, 1, x, x, 4, 1, BLOCK=3)
    with pytest.raises(LaunchError, match="grid.x is 0"):
        emulate_triton(copy, 0, x, x, 4, 1, BLOCK=4)
    with pytest.raises(ArgumentError, match="under @triton.jit"):
        emulate_triton("copy", 1, x, x, 4, 1, BLOCK=4)


def test_importing_it_by_name_is_lazy() -> None:
    code = "import sys; from utils import check; assert not {'numpy', 'utils.vgpu', 'utils.judge'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=machine.ROOT).returncode in (0, 1)


def test_the_code_can_be_read_without_running_it() -> None:
    x = np.zeros(1024, "float32")
    code = triton_code(copy, x, x.copy(), 1024, 1, BLOCK=512)
    assert "ld.global.v4" in code.ptx and "ttg.num-warps" in code.ttgir
    assert 0 < code.registers < 64 and code.spilled == 0
