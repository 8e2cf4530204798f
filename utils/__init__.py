"""The course's everyday API: what a notebook imports. Heavy packages are imported when they are first used."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from . import machine

machine.triton_backend()  # sets TRITON_INTERPRET where there is no GPU: Triton reads it when imported
if "ipykernel" not in sys.modules:
    os.environ.setdefault("MPLBACKEND", "Agg")  # a chapter run as a plain script opens no windows

if TYPE_CHECKING:
    from .api import check, hint, progress, ready, reset, reveal
    from .proofs import preflight

# name -> (module, attribute); attribute "" is the module itself
LAZY = {
    "check": (".api", "check"),
    "hint": (".api", "hint"),
    "reveal": (".api", "reveal"),
    "reset": (".api", "reset"),
    "progress": (".api", "progress"),
    "ready": (".api", "ready"),
    "preflight": (".proofs", "preflight"),
    "draw": (".draw", ""),
    "recorded": (".records", "recorded"),
    "ladder": (".ladder", "ladder"),
    "points": (".ladder", "points"),
    "pyplot": (".theme", "pyplot"),
    "emulate": (".vgpu", "emulate"),
    "emulate_triton": (".emulated_triton", "emulate_triton"),
    "emulated_launches": (".judge.counted", "emulated_launches"),
    "triton_code": (".emulated_triton", "triton_code"),
    "annotate": (".vgpu.show", "annotate"),
    "sectors": (".vgpu.show", "sectors"),
    "banks": (".vgpu.show", "banks"),
    "compare": (".vgpu.show", "compare"),
    "roofline": (".roofline", "roofline"),
    "ceilings": (".roofline", "ceilings"),
    "headroom": (".headroom", "headroom"),
    "measures": (".headroom", "measures"),
    "layouts": (".layouts", ""),
    "triton": (".triton_or_not", "triton"),
    "tl": (".triton_or_not", "tl"),
}
__all__ = ["check", "hint", "preflight", "progress", "ready", "reset", "reveal"]


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"the course's utils has no {name!r}")
    module, _ = LAZY[name]
    loaded = importlib.import_module(module, __name__)
    for other, (source, what) in LAZY.items():  # all of them: importing utils.roofline sets `roofline` to the module,
        if source == module:  # which must not win over the function of that name
            globals()[other] = getattr(loaded, what) if what else loaded
    return globals()[name]
