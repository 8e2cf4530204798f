"""What Triton kernels do while a launcher runs: launches on any backend; every access on the interpreter.

The interpreter reads and writes raw addresses, so an access outside its tensors would crash or, worse, work.
Here each lane's address is compared with the tensors the kernel was given; a lane that is outside is recorded
and not performed. Lanes masked off in a load without `other=` have no defined value (Triton's documentation of
`tl.load`): they are given NaN, not the interpreter's 0. Arithmetic on bf16 is wrong in the interpreter
without a warning (seen in 3.6, 3.7 and 3.9) and is recorded too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from .arrays import is_tensor
from .trial import Diagnosis


@dataclass
class Trace:
    """launches: kernel names in order.  loaded, stored: bytes.  written: byte ranges as (addresses, itemsize)."""

    launches: list[str] = field(default_factory=list)
    faults: list[Diagnosis] = field(default_factory=list)
    loaded: int = 0
    stored: int = 0
    written: list[tuple[np.ndarray, int]] = field(default_factory=list)
    bf16: bool = False
    depth: int = 0
    tensors: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    @property
    def inside(self) -> bool:
        """Whether a kernel is running just now."""
        return self.depth > 0

    def covers(self, tensor: Any) -> np.ndarray:
        """Which elements of a contiguous tensor the kernels stored."""
        size, item = tensor.numel(), tensor.element_size()
        done = np.zeros(size, bool)
        for addresses, _ in self.written:
            index = (addresses.astype(np.int64) - tensor.data_ptr()) // item
            done[index[(index >= 0) & (index < size)]] = True
        return done

    def allowed(self, kind: str, pointers: np.ndarray, mask: np.ndarray, item: int, program: Any) -> np.ndarray:
        """The lanes of `mask` whose address lies in a tensor; a fault is recorded for the first other one."""
        good = np.zeros(pointers.shape, bool)
        for start, stop, _ in self.tensors.values():
            good |= (pointers >= start) & (pointers + item <= stop)
        bad = mask & ~good
        if bad.any() and len(self.faults) < 8:
            self.faults.append(self._fault(kind, int(pointers[bad].ravel()[0]), int(bad.sum()), program))
        return mask & good

    def _fault(self, kind: str, address: int, lanes: int, program: Any) -> Diagnosis:
        def distance(item: tuple[str, tuple[int, int, int]]) -> int:
            start, stop, _ = item[1]
            return min(abs(address - start), abs(address - stop))

        name, (start, stop, size) = min(self.tensors.items(), key=distance, default=("?", (0, 0, 1)))
        index, length = (address - start) // size, (stop - start) // size
        verb = "writes" if kind == "store" else "reads"
        key = "outside-output" if kind == "store" else "out-of-bounds"
        has, which = f"{length} element{'s' * (length != 1)}", f"{lanes} lane{'s' * (lanes != 1)}"
        return Diagnosis(
            key,
            f"**The kernel {verb} outside its arrays**: `{name}[{index}]`, but `{name}` has {has} "
            f"(program {tuple(program)}, {which}). Mask the {kind}, and look at the grid.",
        )


@contextmanager
def watch(interpreted: bool) -> Iterator[Trace]:
    """Record into the Trace all kernels launched inside the `with`."""
    trace = Trace()
    patches = _interpreter_patches(trace) if interpreted else _gpu_patches(trace)
    for change in patches:
        change.start()
    try:
        yield trace
    finally:
        for change in reversed(patches):
            change.stop()


def _gpu_patches(trace: Trace) -> list[Any]:
    from triton.runtime.jit import JITFunction

    original = JITFunction.run

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("warmup"):
            trace.launches.append(self.__name__)
        trace.depth += 1
        try:
            return original(self, *args, **kwargs)
        finally:
            trace.depth -= 1

    return [patch.object(JITFunction, "run", run)]


def _interpreter_patches(trace: Trace) -> list[Any]:
    from triton.runtime import interpreter

    builder = interpreter.InterpreterBuilder
    return [
        patch.object(interpreter.GridExecutor, "__call__", _launch(trace, interpreter.GridExecutor.__call__)),
        patch.object(builder, "create_masked_load", _load(trace, interpreter)),
        patch.object(builder, "create_masked_store", _store(trace, builder.create_masked_store)),
        patch.object(builder, "create_atomic_rmw", _atomic(trace, builder.create_atomic_rmw, masked=True)),
        patch.object(builder, "create_atomic_cas", _atomic(trace, builder.create_atomic_cas, masked=False)),
        *(patch.object(builder, name, _no_bf16(trace, getattr(builder, name)))
          for name in ("binary_op", "unary_op", "ternary_op", "create_dot")),
        patch.object(interpreter.ReduceScanOpInterface, "apply",
                     _no_bf16(trace, interpreter.ReduceScanOpInterface.apply)),
    ]  # fmt: skip


def _launch(trace: Trace, original: Callable) -> Callable:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        trace.launches.append(self.fn.__name__)
        for name, value in (*zip(self.arg_names, args, strict=False), *kwargs.items()):
            value = getattr(value, "base", value) if not is_tensor(value) else value
            if is_tensor(value) and value.numel():
                span = sum((n - 1) * s for n, s in zip(value.shape, value.stride(), strict=True)) + 1
                start, item = value.data_ptr(), value.element_size()
                trace.tensors[name] = (start, start + span * item, item)
        trace.depth += 1
        try:
            return original(self, *args, **kwargs)
        finally:
            trace.depth -= 1
            trace.tensors.clear()

    return call


def _load(trace: Trace, interpreter: Any) -> Callable:
    def create_masked_load(self: Any, ptrs: Any, mask: Any, other: Any, *rest: Any, **named: Any) -> Any:
        dtype = ptrs.get_element_ty()
        np_dtype = np.dtype(interpreter._get_np_dtype(dtype))
        if other is None:
            other = interpreter.TensorHandle(np.full(ptrs.data.shape, _undefined(np_dtype, str(dtype))), dtype)
        lanes = trace.allowed("load", ptrs.data, mask.data, np_dtype.itemsize, self.grid_idx)
        trace.loaded += int(lanes.sum()) * np_dtype.itemsize
        data = interpreter._interpreter.load(ptrs.data, lanes, other.data, np_dtype)
        return interpreter.TensorHandle(data, dtype)

    return create_masked_load


def _undefined(dtype: np.dtype, triton_name: str) -> np.generic:
    """What a lane without a value holds: NaN (not the poison of unwritten outputs), a huge integer otherwise."""
    if triton_name == "bf16":  # kept in 16-bit integers by the interpreter
        return np.uint16(0x7FC0)
    if dtype.kind == "f":
        return dtype.type(np.nan)
    return np.frombuffer(b"\x7f" * dtype.itemsize, dtype)[0]  # 0x7F is NaN in fp8


def _store(trace: Trace, original: Callable) -> Callable:
    def create_masked_store(self: Any, ptrs: Any, value: Any, mask: Any, *rest: Any, **named: Any) -> Any:
        item = value.data.dtype.itemsize
        lanes = trace.allowed("store", ptrs.data, mask.data, item, self.grid_idx)
        trace.stored += int(lanes.sum()) * item
        trace.written.append((ptrs.data[lanes], item))
        mask = type(mask)(lanes, mask.dtype)
        return original(self, ptrs, value, mask, *rest, **named)

    return create_masked_store


def _atomic(trace: Trace, original: Callable, masked: bool) -> Callable:
    def create(self: Any, *args: Any) -> Any:
        args = list(args)
        at = 1 if masked else 0  # rmw(op, ptr, value, mask, ...), cas(ptr, compare, value, ...)
        pointers, item = args[at].data, args[at + 1].data.dtype.itemsize
        mask = args[3].data if masked else np.ones(pointers.shape, bool)
        lanes = trace.allowed("store", pointers, np.broadcast_to(mask, pointers.shape), item, self.grid_idx)
        if masked:
            args[3] = type(args[3])(lanes, args[3].dtype)
        elif not lanes.all():
            raise RuntimeError("an atomic outside its array")
        trace.loaded += int(lanes.sum()) * item
        trace.stored += int(lanes.sum()) * item
        trace.written.append((pointers[lanes], item))
        return original(self, *args)

    return create


def _no_bf16(trace: Trace, original: Callable) -> Callable:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        selects = any(arg is np.where for arg in args)  # choosing between bf16 values is exact
        for arg in args if not selects else ():
            for handle in arg if isinstance(arg, tuple) else (arg,):
                dtype = getattr(handle, "dtype", None)
                if str(getattr(dtype, "scalar", dtype)) == "bf16":
                    trace.bf16 = True
        return original(self, *args, **kwargs)

    return call
