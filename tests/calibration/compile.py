"""Compile every calibration and fault kernel to machine code, so that the recording machine needs no compiler.

    python tests/calibration/compile.py OUTDIR

Writes OUTDIR/NNN.cubin, one a kernel instance, and OUTDIR/manifest.json: which cubin, entry and source each case has.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from calibration.cases import CASES  # noqa: E402
from calibration.fault_cases import FAULT_CASES  # noqa: E402
from utils.vgpu.compiler import compile_cuda, nvrtc_version  # noqa: E402


def compile_all(folder: Path) -> dict:
    """The manifest; a case whose kernel does not compile has an "error" in place of its cubin."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, str], dict] = {}
    manifest = {"nvrtc": nvrtc_version(), "arch": "sm_90", "cases": {}}
    for case in (*CASES, *FAULT_CASES):
        key = (str(case.path), case.kernel)
        if key not in found:
            found[key] = compile_one(case.source, case.kernel, folder, f"{len(found):03d}.cubin")
        manifest["cases"][case.name] = found[key]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def compile_one(source: str, kernel: str, folder: Path, name: str) -> dict:
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    try:
        program = compile_cuda(source, kernel)
    except Exception as problem:  # the others are still worth recording
        return {"kernel": kernel, "source": digest, "error": f"{type(problem).__name__}: {problem}"}
    (folder / name).write_bytes(program.cubin)
    return {"kernel": kernel, "source": digest, "cubin": name, "entry": program.entry}


if __name__ == "__main__":
    cases = compile_all(Path(sys.argv[1]))["cases"]
    broken = {name: entry["error"] for name, entry in cases.items() if "error" in entry}
    print(f"{len(cases)} cases, {len({e.get('cubin') for e in cases.values()})} kernels, {len(broken)} do not compile")
    for name, error in broken.items():
        print(f"{name}: {error}")
    sys.exit(bool(broken))
