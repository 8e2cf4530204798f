"""Compare utils/vgpu/alu with a real Hopper GPU, opcode by opcode. Run from the repository root:

    python3 tests/gpu/alu_on_gpu.py out [pattern ...]

Needs cupy (with NVRTC), numpy and ml_dtypes; no torch, no triton. Every opcode that alu covers (or those that start
with a pattern) becomes one kernel of inline PTX, run on edge, random and NaN bits; what the GPU gives is the truth, to
the bits of NaNs. Approximate functions are compared by relative error. Writes out.json, a row for each opcode, and
out.npz, what the GPU gave wherever it differs; without a GPU, `--recorded out.npz` compares with that again.
"""

from __future__ import annotations

import json
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
for name in ("utils", "utils.vgpu"):  # empty packages: their own __init__ import what this machine may not have
    package = types.ModuleType(name)
    package.__path__ = [str(ROOT / name.replace(".", "/"))]
    sys.modules[name] = package

from alu_inputs import COUNT, FLOATS, patterns  # noqa: E402
from alu_kernels import compiled, paired  # noqa: E402

from utils.vgpu import alu  # noqa: E402
from utils.vgpu.alu.core import raw  # noqa: E402

BATCH, THREADS = 160, 12
TABLE = np.array(0xD8, np.uint32)  # lop3's, an immediate


def outputs(opcode: str) -> list[str]:
    """Types of what an instruction writes; the flag only where it writes one."""
    operation = alu.operation(opcode)
    return [operation.output] + (["pred"] if paired(opcode) or operation.carry else [])


def inputs(opcode: str, pool: dict) -> list[np.ndarray]:
    operation = alu.operation(opcode)
    kinds = list(operation.inputs) + (["pred"] if operation.carry else [])
    immediate = 3 if opcode.startswith("lop3") else None
    return [TABLE if i == immediate else pool.setdefault((k, i), patterns(k, i)) for i, k in enumerate(kinds)]


def on_gpu(opcode: str, function: object, pool: dict) -> list[np.ndarray]:
    import cupy

    sources = [pool.setdefault(("device", id(a)), cupy.asarray(a)) for a in inputs(opcode, pool) if a.ndim]
    results = [cupy.zeros(COUNT, raw(kind)) for kind in outputs(opcode)]
    function((COUNT // 256,), (256,), (*sources, *results))
    return [result.get() for result in results]


def on_cpu(opcode: str, pool: dict) -> list[np.ndarray]:
    operation, args = alu.operation(opcode), inputs(opcode, pool)
    with np.errstate(all="ignore"):
        got = operation.run(*args)
        return list(got) if operation.carry else [got] + ([operation.second(*args)] if paired(opcode) else [])


def relative_error(kind: str, want: np.ndarray, got: np.ndarray) -> float | None:
    if kind not in FLOATS:
        return None
    with np.errstate(all="ignore"):
        w, g = (v.view(FLOATS[kind]).astype(np.float64) for v in (want, got))
        both = np.isfinite(w) & np.isfinite(g) & (w != 0)
        return float(np.max(np.abs(g[both] - w[both]) / np.abs(w[both]), initial=0.0))


def compare(opcode: str, wants: list[np.ndarray], pool: dict) -> dict:
    """The row of one opcode: how many elements differ, and the first few."""
    operation, family = alu.operation(opcode), opcode.split(".")[0]
    row = {"opcode": opcode, "mismatches": 0, "first": []}
    if family in ("addc", "subc", "madc") and ".cc" not in opcode:
        wants = wants[:1]  # the flag is not written
    for want, got in zip(wants, on_cpu(opcode, pool), strict=False):
        wrong = np.nonzero(want != got)[0]
        row["mismatches"] += len(wrong)
        row["first"] += [
            {
                "inputs": [hex(int(a[i])) for a in inputs(opcode, pool) if a.ndim],
                "gpu": hex(int(want[i])),
                "alu": hex(int(got[i])),
            }
            for i in wrong[:6]
        ]
        if operation.approximate:
            row["approximate"] = operation.approximate
            row["worst_relative_error"] = relative_error(operation.output, want, got)
    return row


def chosen(given: list[str]) -> list[str]:
    """All opcodes; of the long families set and setp every seventh, enough to meet each test and each type."""
    everything = list(alu.opcodes())
    if given:
        return [o for o in everything if o.startswith(tuple(given))]
    long = [o for o in everything if o.startswith(("set.", "setp."))]
    return [o for o in everything if not o.startswith(("set.", "setp."))] + long[::7]


def show(rows: list[dict]) -> None:
    print(f"{'opcode':40} {'mismatch':>8}  first")
    for row in sorted(rows, key=lambda r: ("approximate" in r, -r["mismatches"])):
        if row["mismatches"]:
            error = row.get("worst_relative_error")
            print(f"{row['opcode']:40} {row['mismatches']:8}  {f'error {error:.2e}' if error else row['first'][0]}")
    print(f"{sum(not r['mismatches'] for r in rows)} of {len(rows)} equal bit for bit")


def main() -> None:
    started, pool = time.time(), {}
    if sys.argv[1] == "--recorded":
        with np.load(sys.argv[2]) as file:
            names = sorted({name.rsplit("/", 1)[0] for name in file})
            given = tuple(sys.argv[3:]) or ("",)
            todo = [n for n in names if n.startswith(given) and alu.operation(n)]
            show([compare(n, [file[f"{n}/{i}"] for i in range(len(outputs(n)))], pool) for n in todo])
        return
    todo = chosen(sys.argv[2:])
    with ThreadPoolExecutor(THREADS) as threads:
        done = list(threads.map(compiled, [todo[i : i + BATCH] for i in range(0, len(todo), BATCH)]))
    functions = {k: v for found, _refused in done for k, v in found.items()}
    refused = {k: v for _found, said in done for k, v in said.items()}
    print(f"{len(functions)} opcodes assembled, {len(refused)} refused: {' '.join(refused)}", flush=True)
    rows, different = [], {}
    for opcode, function in functions.items():
        wants = on_gpu(opcode, function, pool)
        rows.append(compare(opcode, wants, pool))
        if rows[-1]["mismatches"]:
            different |= {f"{opcode}/{i}": want for i, want in enumerate(wants)}
    show(rows)
    np.savez_compressed(f"{sys.argv[1]}.npz", **different)
    summary = {"seconds": round(time.time() - started, 1), "rows": rows, "refused": refused}
    Path(f"{sys.argv[1]}.json").write_text(json.dumps(summary, indent=1))
    print(f"{summary['seconds']} s")


if __name__ == "__main__":
    main()
