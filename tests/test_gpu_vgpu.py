"""On a GPU machine: the same CUDA C++ on the real device, through torch tensors."""

import pytest

torch = pytest.importorskip("torch")

from utils.vgpu.arguments import ArgumentError, LaunchError  # noqa: E402
from utils.vgpu.device import NoDevice, kernel_on_gpu, run_on_gpu  # noqa: E402

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

AXPY = """
__global__ void axpy(const float* x, float* y, float a, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += a * x[i];
}"""

TRANSPOSE = """
template <int T> __global__ void transpose(const float* x, float* y) {
    extern __shared__ float tile[];
    for (int i = threadIdx.x; i < T * T; i += blockDim.x) tile[i % T * T + i / T] = x[i];
    __syncthreads();
    for (int i = threadIdx.x; i < T * T; i += blockDim.x) y[i] = tile[i];
}"""

HALF = """
#include <cuda_fp16.h>
struct Pair { char first; double second; };
extern "C" __global__ void scale(const half* x, half2* y, half a, Pair pair, bool negative) {
    half2 two = __halves2half2(x[2 * threadIdx.x], x[2 * threadIdx.x + 1]);
    y[threadIdx.x] = __hmul2(two, __half2half2(__hmul(a, __double2half(negative ? -pair.second : pair.first))));
}"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu() -> None:
    with pytest.raises(NoDevice, match="emulate"):
        run_on_gpu(AXPY, "axpy", 4, 256, (torch.ones(3), torch.ones(3), 2.0, 3))


@gpu
def test_axpy_and_its_stream() -> None:
    x, y = torch.arange(1000.0, device="cuda"), torch.ones(1000, device="cuda")
    run_on_gpu(AXPY, "axpy", 4, 256, (x, y, 2.5, 1000))
    assert torch.equal(y, 1 + 2.5 * x)
    launch, stream = kernel_on_gpu(AXPY, "axpy"), torch.cuda.Stream()
    assert launch is kernel_on_gpu(AXPY, "axpy")
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        for _ in range(10):
            launch((4, 1), (256,), x, y, -0.25, 1000)
    stream.synchronize()
    assert torch.equal(y, torch.ones_like(y))


@gpu
def test_dynamic_shared_memory_beyond_48_kb_in_a_template() -> None:
    x = torch.rand(160, 160, device="cuda")  # 100 KB
    y = torch.empty_like(x)
    run_on_gpu(TRANSPOSE, "transpose<160>", 1, 1024, (x, y), dynamic_shared=4 * 160 * 160)
    assert torch.equal(y, x.T)


@gpu
def test_half_a_struct_and_a_bool() -> None:
    x = torch.arange(64, device="cuda").to(torch.float16)
    y = torch.empty_like(x)
    pair = bytes([3]) + bytes(7) + torch.tensor(0.5, dtype=torch.float64).numpy().tobytes()
    run_on_gpu(HALF, "scale", 1, 32, (x, y, 2.0, pair, True))
    assert torch.equal(y, -x)
    run_on_gpu(HALF, "scale", 1, 32, (x, y, 2.0, pair, False))
    assert torch.equal(y, 6 * x)


@gpu
def test_what_does_not_fit() -> None:
    x, y = torch.ones(8, device="cuda"), torch.ones(8, device="cuda")
    with pytest.raises(ArgumentError, match=r"argument 1 .*x\.to\(torch\.float32\)"):
        run_on_gpu(AXPY, "axpy", 1, 8, (x.double(), y, 1.0, 8))
    with pytest.raises(ArgumentError, match=r"argument 1 .*x\.cuda\(\)"):
        run_on_gpu(AXPY, "axpy", 1, 8, (x.cpu(), y, 1.0, 8))
    with pytest.raises(ArgumentError, match=r"argument 2 .*x\.contiguous\(\)"):
        run_on_gpu(AXPY, "axpy", 1, 4, (x, y[::2], 1.0, 4))
    with pytest.raises(LaunchError, match="at most 1024"):
        run_on_gpu(AXPY, "axpy", 1, 2048, (x, y, 1.0, 8))
