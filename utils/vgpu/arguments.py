"""What may be given for a kernel's parameters and for its launch, on the emulator and on the real device alike."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import ml_dtypes
import numpy as np

Extent = int | Sequence[int]

# C type -> (name of the dtype, how many make one), as the compiler spells types. NumPy and torch share the names.
NUMBERS = {
    "bool": "bool", "char": "int8", "signed char": "int8", "unsigned char": "uint8", "short": "int16",
    "unsigned short": "uint16", "int": "int32", "unsigned int": "uint32", "long": "int64", "unsigned long": "uint64",
    "long long": "int64", "unsigned long long": "uint64", "float": "float32", "double": "float64", "__half": "float16",
    "__nv_bfloat16": "bfloat16", "__nv_fp8_e4m3": "float8_e4m3fn", "__nv_fp8_e5m2": "float8_e5m2",
}  # fmt: skip
VECTORS = {
    "char": "int8", "uchar": "uint8", "short": "int16", "ushort": "uint16", "int": "int32", "uint": "uint32",
    "long": "int64", "ulong": "uint64", "longlong": "int64", "ulonglong": "uint64", "float": "float32",
    "double": "float64",
}  # fmt: skip
TYPES = {name: (kind, 1) for name, kind in NUMBERS.items()}
TYPES |= {f"{name}{count}": (kind, count) for name, kind in VECTORS.items() for count in (1, 2, 3, 4)}
TYPES |= {"__half2": ("float16", 2), "__nv_bfloat162": ("bfloat16", 2)}
TYPES |= {"__nv_fp8x2_e4m3": ("float8_e4m3fn", 2), "__nv_fp8x4_e4m3": ("float8_e4m3fn", 4)}
TYPES |= {"__nv_fp8x2_e5m2": ("float8_e5m2", 2), "__nv_fp8x4_e5m2": ("float8_e5m2", 4)}

# CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
MOST_THREADS, MOST_BLOCK, MOST_GRID = 1024, (1024, 1024, 64), (2**31 - 1, 65535, 65535)
SHARED_KIB = {"sm_75": 64, "sm_80": 163, "sm_86": 99, "sm_87": 163, "sm_89": 99, "sm_120": 99, "sm_121": 99}
MOST_SHARED_KIB = 227  # of sm_90, and of every other


class ArgumentError(TypeError):
    """An argument that the kernel's parameter cannot take."""


class LaunchError(ValueError):
    """A launch beyond what the hardware allows."""


@dataclass(frozen=True)
class Pointer:
    """array: a C-contiguous NumPy array, on the real device a CUDA tensor; writable: the parameter is not const."""

    name: str
    type: str
    array: Any
    writable: bool


@dataclass(frozen=True)
class Scalar:
    """data: little-endian, as it lies in the parameter space."""

    name: str
    type: str
    data: bytes


def bind(
    parameters: tuple[str, ...],
    args: Sequence[Any],
    names: tuple[str, ...] = (),
    sizes: tuple[int, ...] = (),
    device: str = "cpu",
) -> list[Pointer | Scalar]:
    """Match `args` to C types such as ("const float *", "int"), or say which one does not fit and what would.

    device "cpu": arrays of NumPy, and torch tensors there that share their memory.  device "cuda": torch tensors.
    names: of the parameters.  sizes: in bytes, which tells how long a struct given as bytes must be.
    """
    names = names or ("",) * len(parameters)
    if len(args) != len(parameters):
        listed = ", ".join(f"{kind} {name}".strip() for kind, name in zip(parameters, names, strict=True))
        raise ArgumentError(f"the kernel takes {len(parameters)} arguments ({listed}); {len(args)} are given")
    bound = []
    for index, (kind, name, value) in enumerate(zip(parameters, names, args, strict=True)):
        place = f"argument {index + 1} ({kind} {name})".replace(" )", ")").replace("* ", "*")
        if "(" in kind or kind.endswith(("**", "*const *")) or kind.endswith("&"):
            raise ArgumentError(f"{place}: such a parameter cannot be given from Python; use pointers to numbers")
        if kind.endswith("*") and value is None:
            bound.append(Scalar(name, kind, bytes(8)))
        elif kind.endswith("*"):
            bound.append(Pointer(name, kind, *_pointer(place, kind, value, device)))
        else:
            size = sizes[index] if sizes else 0
            bound.append(Scalar(name, kind, _scalar(place, kind, value, size)))
    return bound


def _pointer(place: str, kind: str, value: Any, device: str) -> tuple[Any, bool]:
    writable = not re.search(r"\bconst\b", kind)
    pointee = re.sub(r"\b(const|volatile)\b|\*", "", kind).strip()
    array = _on_device(place, value) if device == "cuda" else _in_numpy(place, value)
    dtype = str(array.dtype).removeprefix("torch.")
    wanted, count = TYPES.get(pointee, (dtype, 1))
    if not _same_bits(dtype, wanted):
        raise ArgumentError(f"{place} is {describe(value)}; {pointee} is {wanted}: give {_converted(value, wanted)}")
    contiguous = array.is_contiguous() if device == "cuda" else array.flags.c_contiguous
    if not contiguous:
        copy = "x.contiguous()" if _is_torch(value) else "np.ascontiguousarray(x)"
        raise ArgumentError(f"{place} is {describe(value)} with gaps or in another order: give {copy}")
    if device == "cpu" and writable and not array.flags.writeable:
        raise ArgumentError(f"{place} is a read-only array, and the kernel may write to it: give x.copy(), or declare"
                            " the parameter const")  # fmt: skip
    width = array.dtype.itemsize
    if array.nbytes % (width * count):
        raise ArgumentError(f"{place} has {array.nbytes // width} elements; {pointee} takes {count} at a time: give a"
                            f" multiple of {count}")  # fmt: skip
    align = min(width * count, 16) if count != 3 else width
    start = array.data_ptr() if device == "cuda" else _offset(array)
    if start % align:
        raise ArgumentError(f"{place} begins {start % align} bytes after a multiple of {align}, where no {pointee} can"
                            " lie: give x.copy() or x.clone()")  # fmt: skip
    return array, writable


def _same_bits(given: str, wanted: str) -> bool:
    """Signed and unsigned integers of one width are told apart by the kernel, not by the memory."""
    return given == wanted or ("int" in wanted and given.lstrip("u") == wanted.lstrip("u"))


def _converted(value: Any, dtype: str) -> str:
    if _is_torch(value):
        return f"x.to(torch.{dtype})"
    return f"x.astype({'np' if hasattr(np, dtype) else 'ml_dtypes'}.{dtype})"


def _is_torch(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "data_ptr")


def _in_numpy(place: str, value: Any) -> np.ndarray:
    """`value`, sharing its memory."""
    if _is_torch(value):
        if value.device.type != "cpu":
            raise ArgumentError(f"{place} is {describe(value)}; the emulator works in the computer's memory: x.cpu()")
        name = str(value.dtype).removeprefix("torch.")
        if hasattr(np, name):
            return value.detach().numpy()
        import torch

        bits = value.detach().view(torch.int16 if value.itemsize == 2 else torch.uint8).numpy()
        return bits.view(getattr(ml_dtypes, name))
    if not isinstance(value, np.ndarray):
        raise ArgumentError(f"{place} wants an array; {describe(value)} is given: np.array(...), or np.zeros(n, dtype)")
    if not value.dtype.isnative or value.dtype.hasobject:
        raise ArgumentError(f"{place} is {describe(value)}, which no GPU can read: give x.astype of a plain dtype")
    return value


def _on_device(place: str, value: Any) -> Any:
    if not _is_torch(value):
        raise ArgumentError(f"{place} wants a tensor on the GPU; {describe(value)} is given: torch.tensor(x).cuda()")
    if value.device.type != "cuda":
        raise ArgumentError(f"{place} is {describe(value)}; it must be on the GPU: give x.cuda()")
    return value.detach()


def _offset(array: np.ndarray) -> int:
    """Bytes from the start of the memory that this is a view of: the emulator aligns that one as a GPU would."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    return array.__array_interface__["data"][0] - root.__array_interface__["data"][0]


def _scalar(place: str, kind: str, value: Any, size: int) -> bytes:
    if isinstance(value, (bytes, np.void)) or kind not in TYPES:
        return _struct(place, value, size)
    dtype, count = TYPES[kind]
    if count > 1 or kind[-1] == "1":
        values = list(value) if isinstance(value, (tuple, list, np.ndarray)) else None
        if values is None or len(values) != count:
            raise ArgumentError(f"{place} is {describe(value)}: give {count} numbers, as in {tuple(range(count))}")
        return b"".join(_number(place, dtype, part) for part in values).ljust(size, b"\0")
    return _number(place, dtype, value)


def _number(place: str, dtype: str, value: Any) -> bytes:
    if getattr(value, "shape", None) == ():  # a NumPy scalar, or an array or tensor of no dimension
        value = value.item()
    if dtype == "bool":
        if not isinstance(value, (bool, int)) or value not in (0, 1):
            raise ArgumentError(f"{place} is {describe(value)}: give True or False")
        return bytes([bool(value)])
    number = np.dtype(getattr(np, dtype, None) or getattr(ml_dtypes, dtype))
    if "int" in dtype:
        if not isinstance(value, int):
            raise ArgumentError(f"{place} is {describe(value)}: give a whole number (// divides to one)")
        info = np.iinfo(number)
        if not info.min <= value <= info.max:
            raise ArgumentError(f"{place} is {value}: an {dtype} holds {info.min} to {info.max}")
        return value.to_bytes(number.itemsize, "little", signed=dtype[0] == "i")
    if not isinstance(value, (int, float)):
        raise ArgumentError(f"{place} is {describe(value)}: give a number")
    largest = float(ml_dtypes.finfo(number).max)
    if abs(value) > largest and abs(value) != float("inf"):
        raise ArgumentError(f"{place} is {value}: a {dtype} ends at {largest:g}")
    return np.asarray(value, np.float64).astype(number).tobytes()


def _struct(place: str, value: Any, size: int) -> bytes:
    if not isinstance(value, (bytes, np.void, np.ndarray)):
        raise ArgumentError(f"{place} is {describe(value)}: give the struct's bytes, as from struct.pack, or np.void")
    data = value if isinstance(value, bytes) else value.tobytes()
    if size and len(data) != size:
        raise ArgumentError(f"{place} takes {size} bytes, with the padding; {len(data)} are given")
    return data


def describe(value: Any) -> str:
    """What an argument is, for a message."""
    if _is_torch(value):
        return f"a tensor of {str(value.dtype).removeprefix('torch.')} on {value.device}, shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}, shape {value.shape}"
    if isinstance(value, (bool, int, float, np.generic)):
        return f"{value} ({type(value).__name__})"
    return f"a {type(value).__name__}" if value is not None else "None"


def check_launch(
    grid: Extent, block: Extent, dynamic_shared: int = 0, static_shared: int = 0, arch: str = "sm_90"
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(grid, block), each with three extents, if the hardware can launch them with this shared memory (bytes)."""
    grid, block = _extents("grid", grid, MOST_GRID), _extents("block", block, MOST_BLOCK)
    if prod(block) > MOST_THREADS:
        raise LaunchError(f"a block of {_times(block)} = {prod(block)} threads: a block has at most {MOST_THREADS}")
    most = SHARED_KIB.get(arch.rstrip("af"), MOST_SHARED_KIB) * 1024
    if isinstance(dynamic_shared, bool) or not hasattr(dynamic_shared, "__index__") or dynamic_shared < 0:
        raise LaunchError(f"dynamic_shared is {describe(dynamic_shared)}: give a number of bytes, 0 or more")
    total = operator.index(dynamic_shared) + static_shared
    if total > most:
        parts = f" ({static_shared} in the code, {dynamic_shared} dynamic)" if static_shared else ""
        raise LaunchError(
            f"{total} bytes of shared memory{parts}: a block has at most {most} ({most >> 10} KB) on {arch}"
        )
    return grid, block


def _extents(what: str, value: Extent, most: tuple[int, ...]) -> tuple[int, int, int]:
    given = list(value) if isinstance(value, (tuple, list, np.ndarray)) else [value]
    if not 1 <= len(given) <= 3:
        raise LaunchError(f"{what} {value!r} has {len(given)} extents: give 1 to 3, x first")
    for extent in given:
        if isinstance(extent, bool) or not hasattr(extent, "__index__"):
            raise LaunchError(f"{what} {value!r} needs whole numbers: (n + 255) // 256 rounds n / 256 up")
    extents = [operator.index(extent) for extent in given] + [1] * (3 - len(given))
    for axis, extent, limit in zip("xyz", extents, most, strict=True):
        if extent < 1:
            raise LaunchError(f"{what}.{axis} is {extent}: every extent is at least 1")
        if extent > limit:
            raise LaunchError(f"{what}.{axis} is {extent}: it is at most {limit}")
    return tuple(extents)


def _times(extents: tuple[int, ...]) -> str:
    return " x ".join(map(str, extents))
