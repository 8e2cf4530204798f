"""What callers use: CUDA C++ or PTX on the emulated GPU, and a report of what it did."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import Extent, Pointer, bind, check_launch
from .compiler import compile_cuda
from .launch import LIMIT, Launch
from .lowering import program
from .report import Report


def emulate(
    source: str,
    kernel: str,
    grid: Extent,
    block: Extent,
    args: Sequence[Any],
    arch: str = "sm_90",
    dynamic_shared: int = 0,
    unwritten: Sequence[np.ndarray] = (),
    limit: int = LIMIT,
) -> Report:
    """Compile CUDA C++ and run `kernel` with every thread of the grid; the report counts and judges.

    kernel: a name, or a template's instance ("transpose<32>").  grid, block: extents, x first.
    args: NumPy arrays, written in place (C-contiguous; bf16 and fp8 as ml_dtypes; CPU tensors of torch are shared),
        and numbers.  Two views of one array share memory, as two pointers into it would.
    dynamic_shared: bytes.  unwritten: arrays that hold nothing yet, so that reading one before writing is a fault.
    limit: instructions after which a loop counts as endless.
    Raises CompileError, UnknownKernel, ArgumentError, LaunchError, NotEmulated; what the kernel does wrong while it
    runs is in `report.faults`.
    """
    compiled = compile_cuda(source, kernel, arch)
    ready = program(compiled.ptx, compiled.entry, compiled.cubin)
    grid, block = check_launch(grid, block, dynamic_shared, ready.static_shared, arch)
    bound = bind(compiled.parameters, args, compiled.names, compiled.sizes)
    names = [one.name or f"argument {place}" for place, one in enumerate(bound, 1)]
    values = [
        (name, one.array if isinstance(one, Pointer) else one.data) for name, one in zip(names, bound, strict=True)
    ]
    launch = Launch(ready, grid, block, values, dynamic_shared, unwritten, limit)
    return _report(launch, kernel, source, arch)


def emulate_ptx(
    ptx: str,
    entry: str,
    grid: Extent,
    block: Extent,
    args: Sequence[Any],
    source: str = "",
    arch: str = "sm_90",
    dynamic_shared: int = 0,
    limit: int = LIMIT,
    names: Sequence[str] = (),
) -> Report:
    """As `emulate`, for PTX that another compiler made (Triton's, say).

    args: NumPy arrays, and numbers as NumPy scalars of the parameter's width; pointers beyond those given are null,
        as Triton's scratch pointers are.  source: what the PTX's line numbers refer to.  names: of the arguments.
    """
    ready = program(ptx, entry)
    grid, block = check_launch(grid, block, dynamic_shared, ready.static_shared, arch)
    sizes = [variable.size for variable in ready.entry.parameters]
    given = [value if isinstance(value, np.ndarray) and value.ndim else np.asarray(value).tobytes() for value in args]
    given += [bytes(size) for size in sizes[len(given) :]]
    for place, (value, size) in enumerate(zip(given, sizes, strict=True), 1):
        if isinstance(value, bytes) and len(value) != size:
            raise TypeError(f"argument {place} has {len(value)} bytes; the kernel's parameter has {size}: np.int32(n)?")
    names = [*names, *(f"argument {place}" for place in range(len(names) + 1, len(given) + 1))]
    values = list(zip(names, given, strict=True))
    return _report(Launch(ready, grid, block, values, dynamic_shared, (), limit), entry, source, arch)


def _report(launch: Launch, kernel: str, source: str, arch: str) -> Report:
    began = time.perf_counter()
    launch.run()
    tallies = launch.tallies
    by_line = tallies.by_line()
    return Report(
        kernel=kernel,
        source=source,
        arch=arch,
        grid=launch.grid,
        block=launch.block,
        metrics=tallies.metrics(by_line, launch.memory),
        by_line=by_line,
        faults=list(launch.faults.found.values()),
        accesses=tallies.samples(),
        printed="".join(launch.printer.text),
        seconds=time.perf_counter() - began,
    )
