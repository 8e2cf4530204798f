"""NVIDIA's runtime compiler, called through ctypes: libnvrtc of the nvidia-cuda-nvrtc package, and CUDA's headers.

Straight to the library, because NVIDIA's Python bindings come in one version only, and a torch for an older driver
wants an older one.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LIBRARY = "libnvrtc.so.13"
INSTALL = 'python -m pip install "nvidia-cuda-nvrtc==13.0.*" "nvidia-cuda-runtime==13.0.*"'


class NvrtcMissing(RuntimeError):
    """The compiler, or CUDA's headers, are not installed; the message has the command that installs them."""


def missing(what: str) -> NvrtcMissing:
    cure = f"Install it:\n    {INSTALL}"
    if sys.platform != "linux":
        cure = f"It runs on Linux, on Windows inside WSL2; there is none for {platform.system()}."
    return NvrtcMissing(f"NVRTC, the compiler of CUDA C++, is not here ({what}). {cure}")


@dataclass(frozen=True)
class Output:
    """What one compilation gave; the fields after `log` are empty unless `ok`."""

    ok: bool
    log: str
    entries: tuple[str, ...] = ()
    ptx: str = ""
    cubin: bytes = b""


def compile(
    source: str, file: str, expressions: Sequence[str], headers: Mapping[str, str], options: list[str]
) -> Output:
    """Compile `source`, called `file` in messages; `expressions` name the functions whose entries are asked for."""
    library, program = load(), ctypes.c_void_p()
    texts, names = _strings(headers.values()), _strings(headers)
    parts = (source.encode(), file.encode(), len(headers), texts, names)
    _check(library.nvrtcCreateProgram(ctypes.byref(program), *parts), "nvrtcCreateProgram")
    try:
        for expression in expressions:
            _check(library.nvrtcAddNameExpression(program, expression.encode()), "nvrtcAddNameExpression")
        status = library.nvrtcCompileProgram(program, len(options), _strings(options))
        log = _text(program, "ProgramLog")
        if status:
            return Output(False, log or _reason(status))
        entries = tuple(_lowered(program, expression) for expression in expressions)
        return Output(True, log, entries, _text(program, "PTX"), _bytes(program, "CUBIN"))
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _lowered(program: ctypes.c_void_p, expression: str) -> str:
    entry = ctypes.c_char_p()
    _check(load().nvrtcGetLoweredName(program, expression.encode(), ctypes.byref(entry)), "nvrtcGetLoweredName")
    return (entry.value or b"").decode()


@cache
def version() -> str:
    """Such as "13.0"."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(load().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    return f"{major.value}.{minor.value}"


@cache
def architectures() -> tuple[str, ...]:
    """What this NVRTC compiles for: ("sm_75", "sm_80", ...)."""
    count = ctypes.c_int()
    _check(load().nvrtcGetNumSupportedArchs(ctypes.byref(count)), "nvrtcGetNumSupportedArchs")
    numbers = (ctypes.c_int * count.value)()
    _check(load().nvrtcGetSupportedArchs(numbers), "nvrtcGetSupportedArchs")
    return tuple(f"sm_{number}" for number in numbers)


@cache
def load() -> ctypes.CDLL:
    """The library from its package, which torch's CUDA 13 builds share; else wherever the system has it."""
    folder = next((lib for lib in _folders("nvidia", "cu13/lib") if (lib / LIBRARY).exists()), None)
    try:
        for needed in sorted(folder.glob("libnvrtc-builtins.so.13.*")) if folder else ():
            ctypes.CDLL(str(needed))  # opened by NVRTC by its bare name, which works only once it is loaded
        library = ctypes.CDLL(str(folder / LIBRARY) if folder else LIBRARY)
    except OSError as problem:
        raise missing(str(problem)) from None
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    return library


@cache
def include() -> Path:
    """The folder with cuda_fp16.h: of the nvidia-cuda-runtime package, else the one inside Triton."""
    for folder in (*_folders("nvidia", "cu13"), *_folders("triton", "backends/nvidia")):
        if (folder / "include/cuda_fp16.h").exists():
            return folder / "include"
    raise missing("no cuda_fp16.h")


def _folders(package: str, inside: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations if spec else None) or ():
        yield Path(place, inside)


def _strings(texts: Iterable[str]) -> ctypes.Array:
    encoded = [text.encode() for text in texts]
    return (ctypes.c_char_p * len(encoded))(*encoded)


def _bytes(program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(getattr(load(), f"nvrtcGet{what}Size")(program, ctypes.byref(size)), what)
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(load(), f"nvrtcGet{what}")(program, buffer), what)
    return buffer.raw


def _text(program: ctypes.c_void_p, what: str) -> str:
    return _bytes(program, what).rstrip(b"\0").decode(errors="replace").strip(" \n")


def _reason(status: int) -> str:
    return load().nvrtcGetErrorString(status).decode()


def _check(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"{what}: {_reason(status)}")
