"""Watches Triton kernels while a launcher runs: launches on any backend; every access on the interpreter.

The interpreter reads and writes raw addresses, so an access outside its tensors would crash or, worse, work. Here
a lane that is outside is recorded and not performed. Lanes masked off in a load without `other=` have no defined
value (Triton's documentation of `tl.load`): they hold NaN and infinities, not the interpreter's 0. Arithmetic on
bf16 is wrong in the interpreter without a warning (seen in 3.6, 3.7 and 3.9) and is recorded too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any
from unittest.mock import patch

import numpy as np

from .arrays import is_tensor
from .triton_trace import Launch, Trace


@contextmanager
def watch(interpreted: bool, zeros: bool = False) -> Iterator[Trace]:
    """Record into the Trace all kernels launched inside the `with`.  zeros: what lanes without a value hold."""
    trace = Trace(zeros=zeros)
    patches = _interpreter_patches(trace) if interpreted else _gpu_patches(trace)
    for change in patches:
        change.start()
    try:
        yield trace
    finally:
        for change in reversed(patches):
            change.stop()


def _gpu_patches(trace: Trace) -> list[Any]:
    from triton.runtime.autotuner import Autotuner
    from triton.runtime.jit import JITFunction

    original, bench = JITFunction.run, Autotuner._bench

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        trace.begin(launch := Launch(self.__name__, {}))
        if kwargs.get("warmup") or trace.depth > 1:  # compiling, or trying configurations
            trace.launches.pop()
        try:
            return original(self, *args, **kwargs | {"grid": counting(kwargs["grid"], launch)})
        finally:
            trace.end()

    def counting(grid: Any, launch: Launch) -> Any:
        """The grid, which may be a function of the arguments; what it is goes to `launch`."""

        def counted(*args: Any) -> tuple[int, ...]:
            dims = grid(*args) if callable(grid) else grid
            launch.programs = prod(dims)
            return dims

        return counted

    def quietly(self: Any, *args: Any, **kwargs: Any) -> Any:
        trace.depth += 1
        try:
            return bench(self, *args, **kwargs)
        finally:
            trace.depth -= 1

    return [patch.object(JITFunction, "run", run), patch.object(Autotuner, "_bench", quietly)]


def _interpreter_patches(trace: Trace) -> list[Any]:
    from triton.runtime import interpreter
    from triton.runtime.autotuner import Autotuner

    builder = interpreter.InterpreterBuilder
    return [
        patch.object(interpreter.GridExecutor, "__call__", _launch(trace, interpreter.GridExecutor.__call__)),
        patch.object(builder, "create_masked_load", _load(trace, interpreter)),
        patch.object(builder, "create_masked_store", _store(trace, interpreter, builder.create_masked_store)),
        patch.object(builder, "create_atomic_rmw", _atomic(trace, builder.create_atomic_rmw, masked=True)),
        patch.object(builder, "create_atomic_cas", _atomic(trace, builder.create_atomic_cas, masked=False)),
        *(patch.object(builder, name, _no_bf16(trace, getattr(builder, name)))
          for name in ("binary_op", "unary_op", "ternary_op", "create_dot")),
        patch.object(interpreter.ReduceScanOpInterface, "apply",
                     _no_bf16(trace, interpreter.ReduceScanOpInterface.apply)),
        patch.object(Autotuner, "_bench", lambda self, *args, config, **meta: [0.0, 0.0, 0.0]),  # no clock here
    ]  # fmt: skip


def _launch(trace: Trace, original: Callable) -> Callable:
    from triton.runtime.interpreter import interpreter_builder

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(self.arg_names, args, strict=False)) | {
            name: value for name, value in kwargs.items() if name in self.arg_names
        }
        types = {name: _type(value, name in self.constexprs) for name, value in given.items()}
        trace.begin(launch := Launch(self.fn.__name__, types))
        for name, value in given.items():
            parts = value if isinstance(value, tuple) else (value,)
            for at, part in enumerate(parts):
                part = part if is_tensor(part) else getattr(part, "base", part)  # a tensor descriptor has a base
                if is_tensor(part) and part.numel():
                    span = sum((n - 1) * s for n, s in zip(part.shape, part.stride(), strict=True)) + 1
                    start, item = part.data_ptr(), part.element_size()
                    label = name if len(parts) == 1 else f"{name}[{at}]"
                    trace.tensors[label] = (start, start + span * item, item)
        try:
            return original(self, *args, **kwargs)
        finally:
            launch.programs = prod(interpreter_builder.grid_dim)
            trace.end()

    return call


def _type(value: Any, constexpr: bool) -> Any:
    """An argument as Triton's compiler names its type; a constexpr with its value; None where there is no name."""
    from triton.runtime.jit import mangle_type

    if constexpr or value is None:
        return "constexpr", getattr(value, "value", value)
    if isinstance(value, tuple) or hasattr(value, "base"):
        return None
    return mangle_type(value)


def _load(trace: Trace, interpreter: Any) -> Callable:
    def create_masked_load(self: Any, ptrs: Any, mask: Any, other: Any, *rest: Any, **named: Any) -> Any:
        dtype = ptrs.get_element_ty()
        np_dtype = np.dtype(interpreter._get_np_dtype(dtype))
        wanted = np.broadcast_to(_plain(mask), ptrs.data.shape)
        lanes = trace.access("load", ptrs.data, wanted, np_dtype.itemsize, self.grid_idx)
        if other is None:
            trace.undefined |= not wanted.all()
            lost = (
                np.zeros(ptrs.data.shape, np_dtype)
                if trace.zeros
                else _undefined(ptrs.data.shape, np_dtype, str(dtype))
            )
            other = interpreter.TensorHandle(lost, dtype)
        data = interpreter._interpreter.load(ptrs.data, lanes, other.data, np_dtype)
        return interpreter.TensorHandle(data, dtype)

    return create_masked_load


def _plain(mask: Any) -> np.ndarray:
    """Block pointers and descriptors bring their mask as a NumPy array, loads and stores as a handle."""
    return mask if isinstance(mask, np.ndarray) else mask.data


def _undefined(shape: tuple[int, ...], dtype: np.dtype, triton_name: str) -> np.ndarray:
    """What lanes without a value hold. `tl.max` passes over a NaN, `exp` turns -Inf into 0: nothing bears all three."""
    if triton_name == "bf16":  # kept in 16-bit integers by the interpreter
        return np.full(shape, 0x7FC0, np.uint16)
    if dtype.kind == "f":
        return np.resize(np.array([np.nan, np.inf, -np.inf], dtype), shape)
    return np.full(shape, np.frombuffer(b"\x7f" * dtype.itemsize, dtype)[0])  # 0x7F is NaN in fp8


def _store(trace: Trace, interpreter: Any, original: Callable) -> Callable:
    def create_masked_store(self: Any, ptrs: Any, value: Any, mask: Any, *rest: Any, **named: Any) -> Any:
        lanes = trace.access("store", ptrs.data, _plain(mask), value.data.dtype.itemsize, self.grid_idx)
        return original(self, ptrs, value, interpreter.TensorHandle(lanes, interpreter.tl.int1), *rest, **named)

    return create_masked_store


def _atomic(trace: Trace, original: Callable, masked: bool) -> Callable:
    def create(self: Any, *args: Any) -> Any:
        args = list(args)
        at = 1 if masked else 0  # rmw(op, ptr, value, mask, ...), cas(ptr, compare, value, ...)
        pointers, item = args[at].data, args[at + 1].data.dtype.itemsize
        mask = args[3].data if masked else np.ones(pointers.shape, bool)
        lanes = trace.access("atomic", pointers, mask, item, self.grid_idx)
        if masked:
            args[3] = type(args[3])(lanes, args[3].dtype)
        elif not lanes.all():
            raise RuntimeError("an atomic outside its array")
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
