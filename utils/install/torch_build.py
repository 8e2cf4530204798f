"""Which build of torch: the public index serves a CUDA build of several GB to every Linux machine."""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packages import start
from wish import Wish

CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # PyTorch's own public index of CPU builds


def gpu_answers() -> bool:
    """Whether an NVIDIA driver reports a GPU. WSL2's driver library lies in a folder of its own."""
    for library in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"):
        try:
            driver, count = ctypes.CDLL(library), ctypes.c_int()
        except OSError:
            continue
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value:
            return True
    smi = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path="/usr/lib/wsl/lib")
    if not smi:
        return False
    try:
        return "GPU 0" in subprocess.run([smi, "-L"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False


def torch_index(want: Wish, system: str, gpu: Callable[[], bool], offered: Callable[[], str]) -> tuple[str, str]:
    """(index to take torch from, "" for pip's own; the reason). `offered()` is asked only if it matters."""
    if want.index:
        return want.index, "from the index you named"
    if system != "Linux":
        return "", "no Triton (its wheels are for Linux): NumPy and torch exercises work, the others say so"
    if want.torch == "cuda":
        return "", "a CUDA build, as asked"
    if want.torch == "auto" and gpu():
        return "", "a CUDA build: a GPU is there"
    reason = "a CPU build: no GPU answers here" if want.torch == "auto" else "a CPU build, as asked"
    return ("", reason) if offered() == "cpu" else (CPU_INDEX, f"{reason}; from PyTorch's CPU index")


def build_of(item: Mapping[str, Any]) -> str:
    """Tell "cpu" or "cuda" from one entry of pip's installation report."""
    local = item["metadata"]["version"].partition("+")[2]
    needs = item["metadata"].get("requires_dist", [])
    if local.startswith("cpu"):
        return "cpu"
    return "cuda" if local or any(re.match(r"(nvidia|cuda)-", need) for need in needs) else "cpu"


def offered_build(python: Path, requirement: str) -> str:
    """The build of torch that pip would install: "cpu", "cuda" or "unknown".

    A dry run reads metadata only, where the index has it apart; where it has not, pip starts to fetch the
    wheel itself, and is stopped at the line that says so. The wheel's name may tell then.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--dry-run", "--no-deps", "--ignore-installed", "--no-input", "--only-binary=:all:"]
        named = "unknown"
        process = start([python, "-m", "pip", "install", *options, "--report", report, requirement])
        for line in process.stdout or ():
            if wheel := re.match(r"\s*Downloading (\S+)\.whl(?!\.metadata)", line):
                process.kill()
                named = "cpu" if re.search(r"(\+|%2B)cpu", wheel[1]) else "unknown"
        if process.wait() or not report.exists():
            return named
        return build_of(json.loads(report.read_text())["install"][0])
