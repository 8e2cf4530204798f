"""Compiles a Triton kernel for a GPU that need not be here, in a process of its own (0.2 s; the first time 3 s).

Its own process, because `triton.compile` fails under TRITON_INTERPRET, which the course sets where there is no
GPU, and changing that variable after the import breaks Triton's own functions. The process is kept, with torch and
Triton imported; each job runs in a fork of it, so that nothing of one kernel's file reaches the next.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
IDLE = 600.0  # seconds after which a process that nobody asks ends by itself (it holds 0.3 GB)


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
    sass: bool = True,
) -> dict[str, Any]:
    """The kernel's stages as text: ttir, ttgir, llir, ptx, sass; and "metadata" (name, shared, num_warps, stack ...).

    file: a Python file that defines the kernel, in Triton or in Gluon.  signature: argument -> type, as in Triton's own
    compile tool: "*fp32", "i32"; ":16" after it says divisible by 16 (what Triton sees of an aligned tensor).
    "tensordesc<bf16[128,64],NVMMASharedLayout(...)>" is a descriptor for TMA, its layout as Gluon prints it.
    constexprs: argument -> value.  options: num_warps, num_stages.  sass: whether to disassemble (0.6 s).
    Tried with Triton 3.6.0 and 3.7.1. Raises CompileError when the compiler refuses the kernel, RuntimeError when
    it could not be asked.
    """
    job = {"file": str(Path(file).resolve()), "kernel": kernel_name, "signature": dict(signature), "target": target}
    job |= {"constexprs": dict(constexprs), "options": dict(options or {}), "sass": sass}
    answer = _ask(job, seconds)
    if "broken" in answer:
        raise RuntimeError(f"the compiler's process {answer['broken']}")
    if "refused" in answer:
        raise CompileError(answer["refused"])
    return answer


class Worker:
    """The compiler's process as its user sees it: a job a line in, its answer a line out."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "utils.compile_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.said, env={**os.environ, "TRITON_INTERPRET": "0", "PYTHONPATH": str(ROOT)}, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip

    @property
    def usable(self) -> bool:
        """Not after a fork (another process owns it), nor when it has ended."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, job: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        deadline, answer, out = time.monotonic() + seconds, b"", self.process.stdout.fileno()
        try:
            self.process.stdin.write(json.dumps(job).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {"broken": self._last_words()}
        readable = select.poll()
        readable.register(out)
        while not answer.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not readable.poll(left * 1000):
                raise CompileError(f"the compiler did not finish in {seconds:.0f} s")
            if not (chunk := os.read(out, 1 << 20)):
                return {"broken": self._last_words()}
            answer += chunk
        return json.loads(answer)

    def _last_words(self) -> str:
        code = self.process.wait()
        return f"ended with {code}:\n{_tail(self.said)}"

    def end(self) -> None:
        """Kill it and all that it started, if it is this process's own."""
        if self.owner == os.getpid():
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.said):
            file.close()


_worker: Worker | None = None
_one_at_a_time = threading.Lock()


def start() -> Worker:
    """The compiler's process; started, if there is none, without waiting for it to be ready (3 s)."""
    global _worker
    if _worker is None or not _worker.usable:
        _worker = Worker()
    return _worker


def _ask(job: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    with _one_at_a_time:
        worker = start()
        try:
            return worker.ask(job, seconds)
        except BaseException:  # late or interrupted: its answer must not be taken for the next one's
            _stop()
            raise


@atexit.register
def stop() -> None:
    """End the compiler's process, if there is one; the next job starts another."""
    with _one_at_a_time:
        _stop()


def _stop() -> None:
    global _worker
    if _worker is not None:
        _worker.end()
        _worker = None


def _tail(file: Any) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")[-2000:]


# The process's side


def serve() -> None:
    """Answer jobs until nobody is there or nobody asks; each is compiled in a fork."""
    import torch  # noqa: F401 (kernels' files import it)
    import triton  # noqa: F401
    from triton.runtime.cache import triton_key

    triton_key()  # reads all of Triton, once
    while select.select([sys.stdin], [], [], IDLE)[0] and (line := sys.stdin.readline()):
        sys.stdout.buffer.write(_forked(json.loads(line)))
        sys.stdout.buffer.flush()


def _forked(job: Mapping[str, Any]) -> bytes:
    """The answer to one job, a line of JSON: what the compiler gives, "refused", or "broken"."""
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        if (child := os.fork()) == 0:
            status = 1
            try:
                for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, said.fileno()), (2, said.fileno())):
                    os.dup2(file, number)
                answer.write(json.dumps(compiled(job)).encode())
                answer.flush()
                status = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            return json.dumps({"broken": f"ended with {code}:\n{_tail(said)}"}).encode() + b"\n"
        answer.seek(0)
        return answer.read() + b"\n"


def compiled(job: Mapping[str, Any]) -> dict[str, Any]:
    """Compile `job` in this process."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.experimental.gluon._runtime import GluonASTSource, GluonJITFunction

    function = getattr(load(Path(job["file"])), job["kernel"])
    while not isinstance(function, triton.JITFunction):  # inside autotune, heuristics
        function = function.fn
    types = {name: kind.partition(":") for name, kind in job["signature"].items()}
    order = list(function.arg_names)
    source = (GluonASTSource if isinstance(function, GluonJITFunction) else ASTSource)(
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
    metadata = {k: v for k, v in kernel.metadata._asdict().items() if isinstance(v, str | int | float)}
    metadata |= resources(kernel.asm["cubin"])
    return {**stages, "sass": sass(kernel.asm["cubin"]) if job["sass"] else "", "metadata": metadata}


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sass(cubin: bytes) -> str:
    """What the GPU runs."""
    return _tool("nvdisasm", "-c", cubin=cubin)


def resources(cubin: bytes) -> dict[str, int]:
    """What a thread takes.  registers: of 4 bytes; 0 if the tool does not say.
    stack: bytes of local memory; without calls, that is where registers spill (Triton's n_spills, times 4).
    """
    used = _tool("cuobjdump", "-res-usage", cubin=cubin)
    return {
        "registers": sum(int(number) for number in re.findall(r"\bREG:(\d+)", used)),
        "stack": sum(int(number) for number in re.findall(r"\b(?:STACK|LOCAL):(\d+)", used)),
    }


def _tool(name: str, option: str, cubin: bytes) -> str:
    """What one of the tools in Triton's wheel says of `cubin`; "" if it cannot."""
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin" / name
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run([tool, option, file.name], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    serve()
