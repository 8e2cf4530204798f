"""Compile every calibration and fault kernel to machine code, so that the recording machine needs no compiler.

    python tests/calibration/compile.py OUTDIR

Writes OUTDIR/NNN.cubin, one a source file, and OUTDIR/manifest.json: which cubin, entry and source each case has.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from calibration.cases import CASES  # noqa: E402
from calibration.fault_cases import FAULT_CASES  # noqa: E402
from utils.vgpu.compiler import compile_cuda, compile_together, nvrtc_version  # noqa: E402


def compile_all(folder: Path) -> dict:
    """The manifest; a case whose file does not compile has an "error" in place of its cubin."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"nvrtc": nvrtc_version(), "arch": "sm_90", "cases": {}}
    files: dict[Path, list] = defaultdict(list)
    for case in (*CASES, *FAULT_CASES):
        files[case.path].append(case)
    for number, cases in enumerate(files.values()):
        entries = compile_file(cases[0].source, sorted({case.kernel for case in cases}), folder, f"{number:03d}.cubin")
        manifest["cases"].update({case.name: entries[case.kernel] for case in cases})
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def compile_file(source: str, kernels: list[str], folder: Path, name: str) -> dict[str, dict]:
    """By kernel: its source's digest, its cubin (one for all) and entry."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    entries = {kernel: {"kernel": kernel, "source": digest} for kernel in kernels}
    try:
        compile_together(source, kernels)
    except Exception as problem:  # the other files are still worth recording
        return {kernel: {**entry, "error": f"{type(problem).__name__}: {problem}"} for kernel, entry in entries.items()}
    programs = {kernel: compile_cuda(source, kernel) for kernel in kernels}
    (folder / name).write_bytes(programs[kernels[0]].cubin)
    return {kernel: {**entry, "cubin": name, "entry": programs[kernel].entry} for kernel, entry in entries.items()}


if __name__ == "__main__":
    cases = compile_all(Path(sys.argv[1]))["cases"]
    broken = {name: entry["error"] for name, entry in cases.items() if "error" in entry}
    print(f"{len(cases)} cases, {len({e.get('cubin') for e in cases.values()})} files, {len(broken)} do not compile")
    for name, error in broken.items():
        print(f"{name}: {error}")
    sys.exit(bool(broken))
