"""The reference GEMMs, as far as a machine without a GPU can prove them: values at odd sizes, the compiler's output."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from solutions.kernels.sgemm import SGEMM, SHARED, THREADS, blocks
from utils import machine
from utils.vgpu import emulate

needs_triton = pytest.mark.skipif(machine.triton_backend() is None, reason="Triton has wheels for Linux only")


@pytest.mark.parametrize(("M", "N", "K"), [(1, 4, 4), (130, 132, 20), (128, 512, 72)])
def test_sgemm(M, N, K):
    rng = np.random.default_rng(M)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((M, K), (K, N)))
    c = np.full((M, N), np.nan, np.float32)
    report = emulate(SGEMM, "sgemm", blocks(M, N), THREADS, [a, b, c, M, N, K, 8], dynamic_shared=SHARED)
    assert not report.faults
    assert np.abs(c - a.astype(np.float64) @ b).max() < 3e-7 * K + 1e-6
    conflicts = "l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{}.sum"
    assert report.metrics[conflicts.format("ld")] == report.metrics[conflicts.format("st")] == 0


@needs_triton
@pytest.mark.parametrize("transposed", [False, True])
def test_triton_gemm(transposed):
    from solutions.kernels.gemm_triton import gemm

    device = "cuda" if machine.gpu() else "cpu"
    a, b = (torch.randn(shape, device=device).half() for shape in ((200, 96), (96, 264)))
    c = gemm(a, b.T.contiguous() if transposed else b, transposed, block=(64, 64, 32))
    torch.testing.assert_close(c.double(), a.double() @ b.double(), rtol=1e-3, atol=2e-2)


@needs_triton
@pytest.mark.parametrize(("M", "split"), [(1, 1), (16, 3), (33, 2)])
def test_skinny_gemm(M, split):
    from solutions.kernels.gemm_skinny import skinny

    device = "cuda" if machine.gpu() else "cpu"
    x, w = (torch.randn(shape, device=device).half() for shape in ((M, 264), (200, 264)))
    y = skinny(x, w, block_k=64, stages=2, split=split)
    torch.testing.assert_close(y.double(), x.double() @ w.double().T, rtol=1e-3, atol=4e-2)


@needs_triton
@pytest.mark.parametrize(("N", "K"), [(1, 1), (13, 2051), (200, 264)])
def test_gemv(N, K):
    from solutions.kernels.gemm_skinny import gemv

    device = "cuda" if machine.gpu() else "cpu"
    x, w = (torch.randn(shape, device=device).half() for shape in ((1, K), (N, K)))
    torch.testing.assert_close(gemv(x, w).double(), x.double() @ w.double().T, rtol=1e-3, atol=4e-2)


@needs_triton
def test_what_does_not_fit_is_said_with_its_number():
    from solutions.kernels.gemm_skinny import skinny
    from solutions.kernels.gemm_triton import gemm
    from utils.tiles import TileError

    a, b = torch.randn(64, 64).half(), torch.randn(64, 64).half()
    with pytest.raises(TileError, match=r"327,680.*232,448"):
        gemm(a, b, block=(128, 256, 64), stages=6)
    with pytest.raises(TileError, match="b.*24 bytes.*16"):
        gemm(torch.randn(64, 64).half(), torch.randn(64, 12).half(), block=(64, 64, 32))
    with pytest.raises(TileError, match="bm = 96"):
        gemm(a, b, block=(96, 64, 32))
    with pytest.raises(TileError, match="behind a multiple of 16"):
        skinny(torch.randn(8 * 64 + 1).half()[1:].view(8, 64), b, block_k=32, stages=2)


GLUON = """
import json, subprocess, tempfile
import triton
from triton.backends.compiler import GPUTarget
from triton.experimental.gluon import language as gl
from triton.experimental.gluon._runtime import GluonASTSource
from triton.backends.nvidia.compiler import get_ptxas
from solutions.kernels import gemm_fp8, gemm_warp_specialized

def tile(block, kind="bf16"):
    layout = gl.NVMMASharedLayout.get_default_for(block, gl.float8e4nv if kind == "fp8e4nv" else gl.bfloat16)
    return f"tensordesc<{kind}[{block[0]},{block[1]}],{layout!r}>"

found, words = {}, ("wgmma.mma_async", "setmaxnreg", "cp.async.bulk.tensor", ".local")
for name in ("bf16", "fp8", "promoted"):
    kind, block_b, k = ("bf16", [64, 128], 64) if name == "bf16" else ("fp8e4nv", [128, 128], 128)
    constants = {"STAGES": 4, "GROUP": 8, "TRANSPOSED": name != "bf16", "num_warps": 4}
    kernel = gemm_warp_specialized.gemm_kernel
    if name == "promoted":
        kernel = gemm_fp8.gemm_kernel
        del constants["TRANSPOSED"]
    types = {"a": tile([64, k], kind), "b": tile(block_b, kind), "c": tile([64, 128])}
    types |= dict.fromkeys("MNK", "i32") | dict.fromkeys(constants, "constexpr")
    source = GluonASTSource(fn=kernel, signature=types, constexprs=constants, attrs={})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 4})
    found[name] = {word: made.asm["ptx"].count(word) for word in words} | {"shared": made.metadata.shared}
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(made.asm["ptx"])
        file.flush()
        assembler = [get_ptxas(90).path, "-v", "--gpu-name=sm_90a", file.name, "-o", "/dev/null"]
        found[name]["said"] = subprocess.run(assembler, capture_output=True, text=True, check=True).stderr
print(json.dumps(found))
"""


@needs_triton
@pytest.mark.parametrize("rows", [16, 32, 64])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_few_rows_is_made_of_hoppers_own_instructions(rows, dtype):
    from solutions.kernels.few_rows import source
    from utils.vgpu.compiler import compile_cuda

    ptx = compile_cuda(source(rows, dtype, 3), "few_rows", "sm_90a").ptx
    assert ptx.count(f"wgmma.mma_async.sync.aligned.m64n{rows}k16") == 16  # 256 of k
    assert "L2::cache_hint" in ptx and ".local" not in ptx


@needs_triton
def test_the_gluon_gemm_is_made_of_hoppers_own_instructions():
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = str(machine.ROOT)
    ran = subprocess.run(
        [sys.executable, "-c", GLUON], capture_output=True, text=True, env=environment, cwd=machine.ROOT, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    for name, seen in json.loads(ran.stdout.splitlines()[-1]).items():
        # Two consumers; two halves, or four steps of four quarters; 128 bytes deep, four times 32.
        assert seen["wgmma.mma_async"] == (2 * 4 * 4 * 4 if name == "promoted" else 2 * 2 * 4), name
        assert seen["cp.async.bulk.tensor"] >= 8, name
        assert seen["setmaxnreg"] and not seen[".local"], name
        assert "serialized" not in seen["said"] and " 0 bytes spill stores" in seen["said"], (name, seen["said"])
        assert seen["shared"] <= 227 * 1024, name
