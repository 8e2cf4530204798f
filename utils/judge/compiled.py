"""A kernel that passed on the interpreter is also compiled for a GPU, where there is none: Python may allow what
a GPU's compiler does not (a global that is no constexpr, a list, a print of a tensor, a tile too small for tl.dot).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..compile_worker import CompileError, compile_triton
from .explain import Session
from .trial import Diagnosis
from .triton_trace import Launch
from .verdict import Verdict

TARGET = "sm_90"


def confirm(session: Session, verdict: Verdict) -> Verdict:
    """The verdict with a row of compiler's evidence, or failed because the kernel does not compile."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="compile-") as folder:
        file = Path(folder) / "answer.py"
        file.write_text(verdict.evidence["source"])
        for launch in distinct(verdict.evidence["launches"]):
            try:
                rows.append(_evidence(file, launch))
            except CompileError as problem:
                return _refused(session, verdict, launch.kernel, problem)
            except RuntimeError as problem:
                rows.append(f"not looked at: the course's compiler failed, not `{launch.kernel}` ({_last(problem)})")
    row = ("code", "; ".join(rows))
    return replace(verdict, rows=(verdict.rows[0], row, *verdict.rows[1:])) if rows else verdict


def _last(problem: RuntimeError) -> str:
    return str(problem).strip().splitlines()[-1]


def distinct(launches: Sequence[Launch]) -> list[Launch]:
    """One launch of each kernel: the first whose arguments all have a type that the compiler can be told."""
    first: dict[str, Launch] = {}
    for launch in launches:
        if launch.kernel not in first and all(kind is not None for kind in launch.arguments.values()):
            first[launch.kernel] = launch
    return list(first.values())


def _evidence(file: Path, launch: Launch) -> str:
    constants = {name: kind[1] for name, kind in launch.arguments.items() if isinstance(kind, tuple)}
    types = {name: kind for name, kind in launch.arguments.items() if not isinstance(kind, tuple)}
    stages = compile_triton(file, launch.kernel, types, constants, target=TARGET, sass=False)
    spilled = "registers spill" if stages["metadata"]["stack"] else "no spills"
    return f"`{launch.kernel}` compiles for {TARGET}, {spilled}"


def _refused(session: Session, verdict: Verdict, kernel: str, problem: CompileError) -> Verdict:
    error = "\n".join([line for line in str(problem).splitlines() if line.strip()][-8:])
    sentence = (
        f"**`{kernel}` does not compile for a GPU** ({TARGET}). The values are right on the interpreter, which runs it "
        "as Python; a GPU knows only Triton's operations, the kernel's arguments and constexprs."
    )
    rows = (verdict.rows[0], ("likely", sentence), ("error", error + "\n"), session.next)
    return session.verdict("failed", rows, Diagnosis("does-not-compile", sentence), backend=verdict.backend)
