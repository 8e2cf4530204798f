"""On a GPU machine: CUDA C++ that passed on the emulated GPU is run on the real one, and must be right there too."""

import dataclasses

import ml_dtypes
import numpy as np
import pytest

from utils import machine
from utils.judge import Cuda, Tolerance, judge_source, spread

pytestmark = pytest.mark.skipif(machine.triton_backend() != "gpu", reason="no GPU here")
CARD = dict(title="T", minutes=1, dots=1, hints=("a", "b"), why="because", seconds=20.0, block=(128,))

SCALE = Cuda(
    **CARD,
    id="99.1",
    answer="scale",
    signature="scale(const float* x, float* y, float a, int n)",
    inputs=lambda rng, n: (spread(rng, n), np.zeros(n, "float32"), 2.5, n),
    oracle=lambda x, y, a, n: x.astype("float64") * 2.5,
    outputs=("y",),
    shapes=[dict(n=n) for n in (1, 127, 129, 1009)],
    launch=lambda n: dict(grid=-(-n // 128), block=128),
    dtype="float32",
    tolerance=Tolerance.of("float32"),
)
WIDEN = dataclasses.replace(
    SCALE,
    id="99.2",
    answer="widen",
    signature="widen(const __nv_bfloat16* x, __nv_bfloat16* y, int n)",
    inputs=lambda rng, n: (spread(rng, n).astype(ml_dtypes.bfloat16), np.zeros(n, ml_dtypes.bfloat16), n),
    oracle=lambda x, y, n: x,
    dtype="bfloat16",
    tolerance=Tolerance.of("bfloat16"),
)
COUNT = Cuda(
    **CARD,
    id="99.3",
    answer="count",
    launcher="launch",
    signature="count(const unsigned char* x, unsigned* bins, int n)",
    inputs=lambda rng, n: (rng.integers(0, 8, n, "uint8"), np.zeros(8, "uint32"), n),
    oracle=lambda x, bins, n: np.bincount(x, minlength=8).astype("uint32"),
    outputs=("bins",),
    accumulates=("bins",),
    shapes=[dict(n=n) for n in (1, 255, 1009)],
    dtype="uint32",
)
ANSWERS = {
    "99.1": """scale = r'''
__global__ void scale(const float* x, float* y, float a, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i];
}'''""",
    "99.2": """widen = r'''
#include <cuda_bf16.h>
__global__ void widen(const __nv_bfloat16* x, __nv_bfloat16* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = __float2bfloat16(__bfloat162float(x[i]));
}'''""",
    "99.3": """count = r'''
__global__ void count(const unsigned char* x, unsigned* bins, int n) {
    extern __shared__ unsigned mine[];
    if (threadIdx.x < 8) mine[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&mine[x[i]], 1u);
    __syncthreads();
    if (threadIdx.x < 8) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);
}'''
def launch(n):
    return dict(grid=3, block=128, dynamic_shared=32)
""",
}


@pytest.mark.parametrize("exercise", [SCALE, WIDEN, COUNT], ids=lambda one: one.answer)
def test_a_right_answer_passes_on_both(exercise):
    seen = judge_source(exercise, ANSWERS[exercise.id], (7,))[0]
    assert seen.status == "passed", str(seen)
    assert "emulated sm_90" in seen.backend and str(machine.gpu()) in seen.backend, seen.backend


def test_what_only_the_device_gets_wrong_fails_there():
    """A clock of the emulator counts steps from the launch, the device's counts nanoseconds from long ago."""
    probe = (
        "__device__ bool real() {\n    unsigned long long now;\n"
        '    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));\n    return now >> 40;\n}\n__global__'
    )
    code = ANSWERS["99.1"].replace("__global__", probe).replace("a * x[i]", "a * x[i] + (real() ? 100.0f : 0.0f)")
    seen = judge_source(SCALE, code, (7,))[0]
    assert seen.status == "failed" and str(machine.gpu()) in seen.backend, str(seen)
