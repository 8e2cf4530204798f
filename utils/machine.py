"""What this machine offers: the course's folder, a GPU or not, and which way Triton runs. Cheap to import."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from functools import cache
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent


@cache
def gpu() -> str | None:
    """Name of the first GPU that torch could use, or None. Asks the driver; torch is not imported."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    count, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    if driver.cuDeviceGetName(name, 256, 0) or not torch_has_cuda():
        return None
    return name.value.decode()


@cache
def torch_has_cuda() -> bool:
    """Whether the installed torch is a CUDA build, read off its version file."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = (Path(spec.origin).parent / "version.py").read_text()
    return re.search(r"^cuda\b.*= *['\"]\d", version, re.MULTILINE) is not None


@cache
def triton_backend() -> Literal["interpreter", "gpu"] | None:
    """How a Triton kernel runs in this process; None where there is no Triton (its wheels are for Linux).

    Triton reads TRITON_INTERPRET when it is imported, so this is called (by `utils`) before that.
    """
    if importlib.util.find_spec("triton") is None:
        return None
    if gpu() is None:
        os.environ.setdefault("TRITON_INTERPRET", "1")
    return "interpreter" if os.environ.get("TRITON_INTERPRET") == "1" else "gpu"
