"""On a GPU: the reference GEMMs at rectangular, prime and tiny sizes, every type that they take, against float64."""

import pytest
import torch

from solutions.kernels import gemm_skinny, gemm_triton, sgemm
from utils import machine

pytestmark = pytest.mark.skipif(machine.triton_backend() != "gpu", reason="no GPU here")
SHAPES = [
    (1, 8, 16),
    (17, 16, 16),
    (64, 128, 64),
    (127, 264, 48),
    (129, 1000, 528),
    (1031, 520, 2064),
    (3000, 2048, 16),
]
FEW = [(1, 1, 8), (5, 13, 24), (16, 520, 2048), (33, 1031, 136), (64, 8192, 8192)]
FP8 = torch.float8_e4m3fn
# Of the error's norm over the result's: rounding to 8 and 11 bits, and fp8's sums of few bits.
ALLOWED = {torch.bfloat16: 4e-3, torch.float16: 5e-4, FP8: 4e-3}


def drawn(m, n, k, dtype, turned):
    b = torch.randn((n, k) if turned else (k, n), device="cuda").to(dtype)
    return torch.randn(m, k, device="cuda").to(dtype), b


def off(c, a, b, turned):
    want = a.double() @ (b.double().T if turned else b.double())
    assert c.shape == want.shape
    return float((c.double() - want).norm() / want.norm())


@pytest.mark.parametrize("dtype", ALLOWED, ids=str)
@pytest.mark.parametrize("kernel", ["triton", "gluon"])
def test_products(kernel, dtype):
    from solutions.kernels import gemm_warp_specialized as gluon

    for m, n, k in SHAPES:
        for turned in (True,) if dtype == FP8 else (False, True):
            a, b = drawn(m, n, k, dtype, turned)
            if kernel == "triton":
                c = gemm_triton.gemm(a, b, turned, block=(128, 128, 64), stages=4)
            else:
                c = gluon.gemm(a, b, turned)
            assert off(c, a, b, turned) < ALLOWED[dtype], (m, n, k, turned)


def test_promotion():
    """Promoted sums err less; a K that is no multiple of a consumer's steps leaves no sum out."""
    from solutions.kernels.gemm_fp8 import gemm_promoted

    for m, n, k in [*SHAPES, (129, 264, 4096 - 16)]:
        a, b = drawn(m, n, k, FP8, True)
        assert off(gemm_promoted(a, b), a, b, True) < 2e-3, (m, n, k)  # rounding to bf16 alone: 1.7e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("split", [1, 3])
def test_few_rows(dtype, split):
    for m, n, k in FEW:
        x, w = drawn(m, n, k, dtype, True)
        assert off(gemm_skinny.skinny(x, w, split=split), x, w, True) < ALLOWED[dtype], (m, n, k)
    for n, k in [(1, 1), (13, 2051), (8192, 8192)]:
        x, w = drawn(1, n, k, dtype, True)
        assert off(gemm_skinny.gemv(x, w), x, w, True) < ALLOWED[dtype], (n, k)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_few_rows_in_cuda(dtype):
    from solutions.kernels.few_rows import few_rows

    for m, n, k in FEW:
        x, w = drawn(m, n, k, dtype, True)
        assert off(few_rows(x, w), x, w, True) < ALLOWED[dtype], (m, n, k)


def test_sgemm():
    from utils.vgpu.device import kernel_on_gpu

    for m, n, k in [(1, 4, 4), (127, 260, 36), (1031, 1000, 500), (129, 4, 4096)]:
        a, b = drawn(m, n, k, torch.float32, False)
        c = torch.full((m, n), float("nan"), device="cuda")
        launch = kernel_on_gpu(sgemm.SGEMM, "sgemm")
        launch(sgemm.blocks(m, n), sgemm.THREADS, a, b, c, m, n, k, 8, dynamic_shared=sgemm.SHARED)
        assert off(c, a, b, False) < 2e-6, (m, n, k)
