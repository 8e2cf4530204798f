"""Figures measured on real GPUs, kept in solutions/recorded/ with all that is needed to doubt them."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
from typing import Any

from . import machine

FOLDER = machine.ROOT / "solutions" / "recorded"


def recorded(topic: str) -> list[dict[str, Any]]:
    """Every recorded run of a topic such as "01_matmul": one a GPU, with `machine` and `figures`."""
    return [json.loads(file.read_text()) for file in sorted(FOLDER.glob(f"{topic}.*.json"))]


def record(topic: str, figures: Any) -> str:
    """Write `figures` (plain data) for this machine's GPU, replacing its earlier run; returns the file's name."""
    about = environment()
    name = f"{topic}.{re.sub(r'[^a-z0-9]+', '-', about['gpu'].lower()).strip('-')}.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(json.dumps({"machine": about, "figures": figures}, indent=1) + "\n")
    return name


def environment() -> dict[str, str]:
    """GPU, driver, clocks and power as found, versions, date and commit."""
    import torch
    import triton

    fields = "name,driver_version,clocks.sm,clocks.mem,power.limit"
    query = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader", "--id=0"]
    name, driver, sm, memory, power = (part.strip() for part in _output(query).split(","))
    return {
        "gpu": name,
        "driver": driver,
        "clocks": f"{sm} SM, {memory} memory, not locked",
        "power limit": power,
        "torch": torch.__version__,
        "triton": triton.__version__,
        "date": datetime.date.today().isoformat(),
        "commit": _output(["git", "-C", str(machine.ROOT), "rev-parse", "--short", "HEAD"]) or "not in a checkout",
    }


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
