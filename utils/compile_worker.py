"""Compiles a Triton kernel for a GPU that need not be here, in a process of its own (about 1 s).

Its own process, because `triton.compile` fails under TRITON_INTERPRET, which the course sets where there is no
GPU, and changing that variable after the import breaks Triton's own functions.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class CompileError(RuntimeError):
    """The kernel does not compile; the message is what the compiler said."""


def compile_triton(
    file: str | Path,
    kernel_name: str,
    signature: Mapping[str, str],
    constexprs: Mapping[str, Any],
    target: str = "sm_90",
    options: Mapping[str, Any] | None = None,
    seconds: float = 60,
) -> dict[str, Any]:
    """The kernel's stages as text: ttir, ttgir, llir, ptx, sass; and "metadata" (name, shared, num_warps ...).

    file: a Python file that defines the kernel.  signature: argument -> type, as in Triton's own compile tool:
    "*fp32", "i32"; ":16" after it says divisible by 16 (what Triton sees of an aligned tensor).
    constexprs: argument -> value.  options: num_warps, num_stages.
    Tried with Triton 3.6.0 and 3.7.1. Raises CompileError when the compiler refuses the kernel, RuntimeError when
    it could not be asked.
    """
    job = {"file": str(Path(file).resolve()), "kernel": kernel_name, "signature": dict(signature), "target": target}
    job |= {"constexprs": dict(constexprs), "options": dict(options or {})}
    environment = {**os.environ, "TRITON_INTERPRET": "0", "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "utils.compile_worker"], input=json.dumps(job), text=True, timeout=seconds,
            capture_output=True, env=environment, cwd=ROOT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CompileError(f"the compiler did not finish in {seconds:.0f} s") from None
    if done.returncode:
        raise RuntimeError(f"the compiler's process ended with {done.returncode}:\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "refused" in answer:
        raise CompileError(answer["refused"])
    return answer


def compiled(job: Mapping[str, Any]) -> dict[str, Any]:
    """The worker's side: compile `job` in this process."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    function = getattr(load(Path(job["file"])), job["kernel"])
    while not isinstance(function, triton.JITFunction):  # inside autotune, heuristics
        function = function.fn
    types = {name: kind.partition(":") for name, kind in job["signature"].items()}
    order = list(function.arg_names)
    source = ASTSource(
        fn=function,
        signature={name: "constexpr" if name in job["constexprs"] else types[name][0] for name in order},
        constexprs={(order.index(name),): value for name, value in job["constexprs"].items()},
        attrs={(order.index(name),): [["tt.divisibility", int(hint)]] for name, (_, _, hint) in types.items() if hint},
    )
    capability = int(re.fullmatch(r"sm_(\d+)a?", job["target"])[1])
    try:
        kernel = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=job["options"])
    except Exception as problem:
        return {"refused": f"{type(problem).__name__}: {problem}"}
    stages = {name: text for name, text in kernel.asm.items() if isinstance(text, str)}
    metadata = kernel.metadata._asdict()
    return {
        **stages,
        "sass": sass(kernel.asm["cubin"]),
        "metadata": {key: value for key, value in metadata.items() if isinstance(value, str | int | float)},
    }


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sass(cubin: bytes) -> str:
    """What the GPU runs, by the nvdisasm that comes in Triton's wheel."""
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/nvdisasm"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run([tool, "-c", file.name], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    print("\n" + json.dumps(compiled(json.load(sys.stdin))))
