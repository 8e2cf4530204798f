"""Proves, with known answers, that what judges a learner's work is right on this machine, before any verdict."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import machine, page
from .compile_worker import compile_triton

KERNELS = Path(__file__).with_name("proof_kernels.py")
REMAKE = "rm -r .venv && ./study doctor"
DRIVER_INDEX = "https://download.pytorch.org/whl/cu126"  # a CUDA build for drivers too old for CUDA 13


@dataclass(frozen=True)
class Proof:
    """ok: True proved, False wrong, None not here and not needed.  mend: the command that mends it."""

    name: str
    ok: bool | None
    detail: str
    mend: str = ""

    def __str__(self) -> str:
        mark = {True: "ok", False: "WRONG", None: "none"}[self.ok]
        return f"{mark:>5}  {self.name:<9} {self.detail}" + (f"\n{'mend:':>22} {self.mend}" if self.mend else "")


@dataclass(frozen=True)
class Preflight:
    proofs: tuple[Proof, ...]

    @property
    def ok(self) -> bool:
        return all(proof.ok is not False for proof in self.proofs)

    def __repr__(self) -> str:
        held = [proof.name for proof in self.proofs if proof.ok]
        wrong = [proof.name for proof in self.proofs if proof.ok is False]
        return f"preflight: {', '.join(held)} proved" + (f"; WRONG: {', '.join(wrong)}" if wrong else "")

    def __str__(self) -> str:
        return "\n".join(map(str, self.proofs))

    def _repr_html_(self) -> str:
        colours = {True: page.GREEN, False: page.RED, None: page.MUTED}
        marks = {True: "✓", False: "✗", None: "–"}
        rows = [
            (
                proof.name,
                f'<b style="color:{colours[proof.ok]}">{marks[proof.ok]}</b> {page.inline(proof.detail)}'
                + (f"<br>Mend it in a terminal: {page.inline(f'`{proof.mend}`')}" if proof.mend else ""),
            )
            for proof in self.proofs
        ]
        title = "This machine is ready" if self.ok else "Something here gives wrong answers"
        return page.card(title, page.GREEN if self.ok else page.RED, rows)


class Absent(Exception):
    """What would be proved is not on this machine; the course goes on without."""


def preflight() -> Preflight:
    """Prove every backend. Displayed in a notebook; printed by a plain script."""
    from .api import under_ipython

    result = proofs()
    if not under_ipython():
        print(result)
    return result


def proofs() -> Preflight:
    """About 4 s; most of it imports torch, Triton and the compiler."""
    return Preflight(
        (
            prove("formats", known_bits, REMAKE),
            prove("sandbox", sandbox),
            prove("Triton", triton_values, REMAKE),
            prove("compiler", compiler, REMAKE),
            prove("NVRTC", cuda_compiler, REMAKE),
            prove("GPU", gpu),
        )
    )


def prove(name: str, proof: Callable[[], str], mend: str = "") -> Proof:
    """Run one proof. It returns what was seen, and raises where that is not the known answer."""
    try:
        return Proof(name, True, proof())
    except Absent as reason:
        return Proof(name, None, str(reason))
    except Unfit as problem:
        return Proof(name, False, str(problem), problem.mend)
    except Exception as problem:
        return Proof(name, False, f"{type(problem).__name__}: {problem}".splitlines()[0], mend)


class Unfit(Exception):
    """Wrong, and the command that mends it is known."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


def expect(seen: object, known: object, what: str) -> None:
    if seen != known:
        raise AssertionError(f"{what}: {seen}, should be {known}")


def known_bits() -> str:
    """Bit patterns from the formats' definitions; NumPy, torch and ml_dtypes must agree on them."""
    import ml_dtypes
    import numpy as np
    import torch

    expect(hex(np.float16(65504).view(np.uint16)), "0x7bff", "largest fp16 in NumPy")
    ties = np.array([1 + 2**-8, 1 + 3 * 2**-8], np.float32)  # halfway: to even, once down and once up
    expect([hex(b) for b in ties.astype(ml_dtypes.bfloat16).view(np.uint16)], ["0x3f80", "0x3f82"], "bf16 rounding")
    torch_ties = torch.from_numpy(ties).to(torch.bfloat16).view(torch.int16)
    expect([hex(b) for b in torch_ties.tolist()], ["0x3f80", "0x3f82"], "bf16 rounding in torch")
    for name, largest, bits in (("float8_e4m3fn", 448.0, 0x7E), ("float8_e5m2", 57344.0, 0x7B)):
        expect(int(np.array(largest, getattr(ml_dtypes, name)).view(np.uint8)), bits, f"largest {name}")
        got = torch.tensor(largest).to(getattr(torch, name)).view(torch.uint8).item()
        expect(got, bits, f"largest {name} in torch")
    return f"known bits in NumPy {np.__version__}, torch {torch.__version__}, ml_dtypes {ml_dtypes.__version__}"


def sandbox() -> str:
    """A crash of an answer must end the child, not this process."""
    from .judge.sandbox import contained

    if not hasattr(os, "fork"):
        raise Absent("no fork on this system: an answer that crashes takes its notebook's kernel along")
    expect(contained(lambda tell: 6 * 7, 10, 2).value, 42, "a value from the child")
    expect(contained(lambda tell: os.abort(), 10, 2).reason, "crash", "the end of a child that aborts")
    expect(contained(lambda tell: time.sleep(60), 0.1, 2).reason, "timeout", "the end of a child that hangs")
    return "an answer that crashes or hangs is contained"


def triton_values() -> str:
    """Masked add with a tail, dot in fp16 and fp32, against NumPy."""
    backend = machine.triton_backend()
    if backend is None:
        raise Absent("Triton has wheels for Linux only: its exercises say what they need")
    import numpy as np
    import torch
    import triton

    from .proof_kernels import add_kernel, dot_kernel

    device = "cuda" if backend == "gpu" else "cpu"
    x = torch.arange(37, dtype=torch.float32, device=device)
    out = torch.full((48,), -1.0, device=device)  # 11 beyond the end must stay -1
    add_kernel[(3,)](x, x * x, out, 37, BLOCK=16)
    n = np.arange(37.0)
    expect(out.tolist(), (n + n * n).tolist() + [-1.0] * 11, "masked add with a tail")
    for dtype in (torch.float16, torch.float32):
        a = (torch.arange(256, device=device) % 7 - 3).reshape(16, 16).to(dtype)
        product = torch.empty(16, 16, device=device)
        dot_kernel[(1,)](a, a, product, 16, 16, 16)
        known = a.cpu().double().numpy() @ a.cpu().double().numpy()  # small integers: exact in both
        expect(product.tolist(), known.tolist(), f"dot in {dtype}")
    return f"known answers from Triton {triton.__version__} on the {'GPU' if backend == 'gpu' else 'interpreter'}"


def compiler() -> str:
    """A copy kernel compiled for sm_90, which need not be here, must load 128 bits at a time."""
    if machine.triton_backend() is None:
        raise Absent("needs Triton")
    types = {"x_ptr": "*fp32:16", "out_ptr": "*fp32:16", "n": "i32:16"}
    kernel = compile_triton(KERNELS, "copy_kernel", types, {"BLOCK": 1024})
    for stage, part in (("ptx", ".target sm_90"), ("ptx", "ld.global.v4"), ("sass", "LDG.E.128")):
        if part not in kernel[stage]:
            raise AssertionError(f"no {part} in the {stage.upper()} of a copy compiled for sm_90")
    return "PTX and SASS for sm_90: a copy loads 128 bits at a time (`ld.global.v4`, `LDG.E.128`)"


COPY = """
__global__ void copy(const float4* x, float4* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i];
}"""


def cuda_compiler() -> str:
    """The same copy in CUDA C++; a header of CUDA's must be found too."""
    from .vgpu.compiler import compile_cuda, nvrtc_version

    if sys.platform != "linux":
        raise Absent("NVRTC has wheels for Linux: the CUDA C++ exercises say what they need")
    program = compile_cuda("#include <cuda_fp16.h>" + COPY, "copy")
    expect(program.parameters, ("const float4 *", "float4 *", "int"), "the parameters of a kernel")
    for part in (".target sm_90", "ld.global.v4.", "st.global.v4."):
        if part not in program.ptx:
            raise AssertionError(f"no {part} in the PTX of a copy compiled for sm_90")
    return f"NVRTC {nvrtc_version()} compiles CUDA C++ for sm_90: `ld.global.v4` in a copy of float4"


def gpu() -> str:
    """Name and driver; its values are proved under Triton."""
    if machine.gpu() is None:
        if not Path("/dev/nvidiactl").exists() and not Path("/usr/lib/wsl/lib/libcuda.so.1").exists():
            raise Absent("no NVIDIA GPU here: values and counters are judged all the same, speed is not")
        if not machine.torch_has_cuda():
            raise Unfit("a GPU is here, but torch is a CPU build", "./study --torch cuda doctor")
        raise Unfit("a GPU is here, but its driver does not answer", "nvidia-smi")
    import torch

    if not torch.cuda.is_available():
        raise Unfit(
            f"{machine.gpu()}: its driver is too old for this torch (CUDA {torch.version.cuda})",
            f"./study --torch-index {DRIVER_INDEX} doctor",
        )
    x = torch.arange(1000, device="cuda", dtype=torch.float32)
    expect((x + x).sum().item(), 999000.0, "a sum on the GPU")
    return f"{machine.gpu()}, driver {driver()}, CUDA {torch.version.cuda}"


def driver() -> str:
    smi = shutil.which("nvidia-smi")
    if not smi:
        return "unknown"
    command = [smi, "--query-gpu=driver_version", "--format=csv,noheader"]
    return (subprocess.run(command, capture_output=True, text=True).stdout.split() or ["unknown"])[0]
