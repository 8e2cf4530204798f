"""The same source on the real device: compiled by the same NVRTC, on torch's tensors, in torch's context and stream."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from .arguments import Extent, LaunchError, Pointer, bind, check_launch
from .compiler import Program, compile_cuda

DYNAMIC_SHARED, STATIC_SHARED = 8, 1  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, .._SHARED_SIZE_BYTES
WITHOUT_ASKING = 48 * 1024  # bytes of shared memory; more is opted into


class NoDevice(RuntimeError):
    """No NVIDIA GPU answers here, or torch has no CUDA."""


class DeviceError(RuntimeError):
    """What the driver answered; after a fault on the device this process cannot use the GPU any more."""


def run_on_gpu(
    source: str,
    kernel: str,
    grid: Extent,
    block: Extent,
    args: Sequence[Any],
    dynamic_shared: int = 0,
    arch: str | None = None,
) -> None:
    """Launch `kernel` once and wait for it. args: torch tensors on the GPU, written in place, and Python numbers."""
    import torch

    kernel_on_gpu(source, kernel, arch)(grid, block, *args, dynamic_shared=dynamic_shared)
    try:
        torch.cuda.synchronize()
    except RuntimeError as problem:
        said = str(problem).splitlines()[0]
        raise DeviceError(f"{kernel} failed on the GPU: {said}. Run it on the emulator, which names the line") from None


def kernel_on_gpu(source: str, kernel: str, arch: str | None = None) -> Kernel:
    """The kernel, compiled and loaded once: `launch = kernel_on_gpu(...)`, then `launch(grid, block, *args)`.

    A launch does not wait for the kernel, so that it can be timed. arch: of this GPU, unless given.
    """
    torch = _torch()
    device = torch.cuda.current_device()
    major, minor = torch.cuda.get_device_capability(device)
    return _loaded(compile_cuda(source, kernel, arch or f"sm_{major}{minor}"), device)


@lru_cache(maxsize=64)
def _loaded(program: Program, device: int) -> Kernel:
    """`device`: modules belong to the context of one."""
    _torch().zeros(1, device="cuda")  # makes the context current
    module, function, static = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int()
    _check("cuModuleLoadData", ctypes.byref(module), program.cubin)
    _check("cuModuleGetFunction", ctypes.byref(function), module, program.entry.encode())
    _check("cuFuncGetAttribute", ctypes.byref(static), STATIC_SHARED, function)
    return Kernel(program, function, static.value)


@dataclass(frozen=True)
class Kernel:
    """A loaded kernel.  static_shared: bytes."""

    program: Program
    function: ctypes.c_void_p
    static_shared: int

    def __call__(self, grid: Extent, block: Extent, *args: Any, dynamic_shared: int = 0) -> None:
        program = self.program
        grid, block = check_launch(grid, block, dynamic_shared, self.static_shared, program.arch)
        dynamic_shared = int(dynamic_shared)
        bound = bind(program.parameters, args, program.names, program.sizes, device="cuda")
        if dynamic_shared > WITHOUT_ASKING - self.static_shared:
            _check("cuFuncSetAttribute", self.function, DYNAMIC_SHARED, dynamic_shared)
        packed = [_packed(one) for one in bound]
        buffers = [ctypes.create_string_buffer(data, max(len(data), 1)) for data in packed]
        pointers = (ctypes.c_void_p * max(len(buffers), 1))(*map(ctypes.addressof, buffers))
        stream = ctypes.c_void_p(_torch().cuda.current_stream().cuda_stream)
        _check("cuLaunchKernel", self.function, *grid, *block, dynamic_shared, stream, pointers, None)


def _packed(argument: Any) -> bytes:
    if isinstance(argument, Pointer):
        return argument.array.data_ptr().to_bytes(8, "little")
    return argument.data


@cache
def _torch() -> Any:
    """torch, if it has a GPU."""
    try:
        import torch
    except ImportError:
        raise NoDevice("run_on_gpu takes torch tensors, and torch is not installed") from None
    if torch.version.cuda is None:
        raise NoDevice("this torch is a build without CUDA: emulate(...) runs the same source without a GPU")
    if not torch.cuda.is_available():
        raise NoDevice("no NVIDIA GPU answers here: emulate(...) runs the same source without one")
    return torch


@cache
def _driver() -> ctypes.CDLL:
    driver = ctypes.CDLL("libcuda.so.1")
    driver.cuLaunchKernel.argtypes = [ctypes.c_void_p, *[ctypes.c_uint] * 7, *[ctypes.c_void_p] * 3]
    return driver


MEANINGS = {
    "CUDA_ERROR_NO_BINARY_FOR_GPU": "it was compiled for another GPU: leave arch out",
    "CUDA_ERROR_INVALID_IMAGE": "the driver is older than the compiler, CUDA 13: update the driver",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": "the driver is older than the compiler, CUDA 13: update the driver",
    "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES": "the block's threads need more registers than there are: use fewer threads",
    "CUDA_ERROR_ILLEGAL_ADDRESS": "an earlier kernel read or wrote outside its arrays",
}


def _check(name: str, *arguments: Any) -> None:
    status = getattr(_driver(), name)(*arguments)
    if status:
        text = ctypes.c_char_p()
        _driver().cuGetErrorName(status, ctypes.byref(text))
        error = (text.value or b"unknown error").decode()
        kind = LaunchError if name == "cuLaunchKernel" else DeviceError
        raise kind(f"{name}: {error}" + (f" ({MEANINGS[error]})" if error in MEANINGS else ""))
