"""Watches what a launcher asks of torch outside its kernels, and poisons what it allocates."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .arrays import dtype_name
from .poison import GUARD, byte
from .triton_trace import Trace

ALLOCATE = {"empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided"}
FILL = {"zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones", "full", "full_like", "new_full", "zero_",
        "fill_"}  # fmt: skip
COPY = {"clone", "contiguous", "copy_"}
# A launcher may allocate, look at and reshape tensors. Everything else computes.
HARMLESS = ALLOCATE | FILL | COPY | {
    "view", "_unsafe_view", "reshape", "as_strided", "expand", "permute", "transpose", "t", "slice", "select",
    "unsqueeze", "squeeze", "unbind", "split", "alias", "detach", "unfold", "view_as_real", "lift_fresh", "set_",
    "resize_", "is_pinned", "flatten", "arange", "_local_scalar_dense",
}  # fmt: skip
LEAVE = ("numpy", "tolist", "__array__", "item", "__float__", "__int__")  # methods by which values leave torch


class Launcher(TorchDispatchMode):
    """computed: what it did that only a kernel should do.  filled: storages that zeros() and the like made."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.trace = trace
        self.computed: list[str] = []
        self.filled: set[int] = set()
        self.copies: dict[int, Any] = {}
        self.allocated: list[tuple[Any, int, int]] = []
        self.leaving = [patch.object(torch.Tensor, name, self._left(name)) for name in LEAVE]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would import all of its compiler (2 s) to keep it away from this class

    def __enter__(self) -> Launcher:
        for change in self.leaving:
            change.start()
        return super().__enter__()

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        for change in self.leaving:
            change.stop()

    def _left(self, name: str) -> Any:
        original = getattr(torch.Tensor, name)

        def call(tensor: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.trace.inside:
                self.computed.append(f".{name}()")
            return original(tensor, *args, **kwargs)

        return call

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        result = func(*args, **(kwargs or {}))
        if self.trace.inside:
            return result
        if name not in HARMLESS:
            self.computed.append(f"`{name}`")
        if name in ALLOCATE and result.numel() and result.is_contiguous():
            return self._guard(result)
        if name in FILL:
            self.filled.add(result.untyped_storage().data_ptr())
        if name in COPY:
            self.copies[result.untyped_storage().data_ptr()] = args[1 if name == "copy_" else 0]
        return result

    def _guard(self, plain: Any) -> Any:
        size, item, fill = plain.numel(), plain.element_size(), byte(dtype_name(plain))
        raw = torch.full(((size + 2 * GUARD) * item,), fill, dtype=torch.uint8, device=plain.device)
        self.allocated.append((raw, size * item, fill))
        return raw.view(plain.dtype)[GUARD : GUARD + size].view(plain.shape)

    def damaged(self) -> bool:
        """Whether a guard band of an allocated tensor was written."""
        for raw, size, fill in self.allocated:
            edge = (raw.numel() - size) // 2
            if (raw[:edge] != fill).any() or (raw[edge + size :] != fill).any():
                return True
        return False

    def origin(self, tensor: Any) -> Any:
        """What `tensor` was copied from, if the launcher copied it."""
        return self.copies.get(tensor.untyped_storage().data_ptr(), tensor)
