"""An emulated GPU: CUDA C++ runs on it, is counted as Nsight Compute would, and is searched for faults.

CUDA C++ -> compiler (NVRTC) -> ptx -> program (basic blocks of steps) -> launch -> machine (batches of blocks in
lockstep: alu, accesses, atomics, warps, barriers) -> tallies and faults -> report -> show.
Nothing here knows the course.
"""

from .arguments import ArgumentError, LaunchError
from .compiler import CompileError, NvrtcMissing, UnknownKernel, compile_cuda, nvrtc_version
from .device import kernel_on_gpu, run_on_gpu
from .emulate import emulate, emulate_ptx
from .program import NotEmulated
from .report import Access, Fault, Report

__all__ = [
    "Access",
    "ArgumentError",
    "CompileError",
    "Fault",
    "LaunchError",
    "NotEmulated",
    "NvrtcMissing",
    "Report",
    "UnknownKernel",
    "compile_cuda",
    "emulate",
    "emulate_ptx",
    "kernel_on_gpu",
    "nvrtc_version",
    "run_on_gpu",
]
