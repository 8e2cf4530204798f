"""What .venv is to hold, what it holds, and so what is to be done with it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Wish:
    """What .venv is to hold. `requirements` is a hash of the two files, `folder` where .venv stands."""

    folder: str
    python: str
    torch: str = "auto"
    index: str = ""
    newest: bool = False
    requirements: str = ""


def wish(root: Path, environment: Mapping[str, str], stamp: Mapping[str, Any] | None) -> Wish:
    """What is asked for now: an option given, else what was chosen before, else the default."""
    before = stamp or {}
    earlier = before.get("python", "")
    asked = environment.get("STUDY_PYTHON")
    if asked:
        base = os.path.realpath(shutil.which(asked) or asked)
    else:  # the one chosen before, if it is still there; else the one that runs this (not its .venv)
        base = earlier if os.path.exists(earlier) else os.path.realpath(sys._base_executable)
    newest = environment.get("STUDY_NEWEST")
    digest = hashlib.sha256()
    for name in ("requirements.txt", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return Wish(
        folder=str(root),
        python=base,
        torch=environment.get("STUDY_TORCH") or before.get("torch", "auto"),
        index=environment.get("STUDY_TORCH_INDEX", before.get("index", "")),
        newest=before.get("newest", False) if newest in (None, "") else newest == "1",
        requirements=digest.hexdigest()[:16],
    )


def step(want: Wish, stamp: Mapping[str, Any] | None, exists: bool, underway: bool) -> tuple[str, str]:
    """("ready" | "create" | "update" | "adopt", why): what to do with .venv as it is found."""
    if not exists:
        return "create", ""
    if stamp is None:
        return ("create", "the last installation was interrupted") if underway else ("adopt", "")
    for key, why in {
        "folder": "the folder was moved or copied",
        "python": "another Python was chosen",
        "torch": "another build of torch was chosen",
        "index": "another index for torch was chosen",
        "newest": "other versions were chosen",
    }.items():
        if stamp.get(key) != getattr(want, key):
            return "create", why
    if stamp.get("requirements") != want.requirements:
        return "update", "the requirements have changed"
    return "ready", ""
