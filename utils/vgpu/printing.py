"""printf on the device: the text is collected, thread after thread."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from .active import Active
from .memory import GLOBAL_BASE, LOCAL_WINDOW, SHARED_WINDOW

if TYPE_CHECKING:
    from .machine import Batch

CONVERSION = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(hh|h|ll|l|j|z|t)?([diouxXeEfFgGaAcsp%])")
LIMIT = 1 << 20  # characters, as the hardware's buffer


class Printer:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.size = 0

    def write(self, text: str) -> None:
        if self.size < LIMIT:
            self.text.append(text)
        self.size += len(text)

    def printf(self, batch: Batch, active: Active, template: np.ndarray, arguments: np.ndarray) -> None:
        where = np.broadcast_to(active.mask, (batch.blocks, active.mask.shape[1]))
        templates, addresses = active.pick(template), active.pick(arguments)
        for (row, slot), at, address in zip(np.argwhere(where), templates, addresses, strict=True):
            if self.size >= LIMIT:
                return
            copy = int(row) * batch.slots + int(slot)
            self.write(self.formatted(batch, self.text_at(batch, int(at)), int(address), copy))

    def formatted(self, batch: Batch, template: str, address: int, copy: int) -> str:
        """The arguments lie one after the other in local memory, each aligned to its size."""
        at = address

        def one(found: re.Match) -> str:
            nonlocal at
            size, kind = found.groups()
            if kind == "%":
                return "%"
            wide = kind in "eEfFgGaAsp" or size in ("l", "ll", "j", "z", "t")
            width = 8 if wide else 4
            at = -(-at // width) * width
            raw = self.bytes_at(batch, at, width, copy)
            at += width
            spec = re.sub(r"(hh|h|ll|l|j|z|t)(?=[a-zA-Z]$)", "", found[0])
            if kind == "s":
                return spec % self.text_at(batch, struct.unpack("<Q", raw)[0])
            if kind == "p":
                return f"{struct.unpack('<Q', raw)[0]:#x}"
            if kind in "eEfFgGaA":
                return (spec if kind not in "aA" else "%s") % struct.unpack("<d", raw)[0]
            signed = kind in "dic"
            value = int.from_bytes(raw, "little", signed=signed)
            return spec % (chr(value & 0xFF) if kind == "c" else value)

        return CONVERSION.sub(one, template)

    def bytes_at(self, batch: Batch, address: int, width: int, copy: int) -> bytes:
        if address >= LOCAL_WINDOW:
            memory = batch.spaces["local"]
            start = copy * memory.stride + address - LOCAL_WINDOW
        elif address >= SHARED_WINDOW:
            memory = batch.spaces["shared"]
            start = copy // batch.slots * memory.stride + address - SHARED_WINDOW
        else:
            memory, start = batch.spaces["global"], address - GLOBAL_BASE
        return memory.bytes[start : start + width].tobytes()

    def text_at(self, batch: Batch, address: int) -> str:
        memory, start = batch.spaces["global"], address - GLOBAL_BASE
        end = start
        while end < len(memory.bytes) and memory.bytes[end]:
            end += 1
        return memory.bytes[start:end].tobytes().decode("utf-8", "replace")
