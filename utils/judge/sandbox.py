"""Runs an answer in a forked child with a time and a memory limit, so that nothing it does reaches the notebook.

One thread in the child: a fork after OpenMP has run hangs as soon as a second one is asked for.
"""

from __future__ import annotations

import builtins
import faulthandler
import gc
import io
import os
import pickle
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .reach import installed

MOST_PRINTED, MOST_LINES = 2000, 12  # of an answer's own output: characters kept, lines shown


in_child = False  # set in the child: what an answer raises there stays there


@dataclass(frozen=True)
class Outcome:
    """How a contained run ended. reason: "done", "timeout", "crash", "exited" or "memory"."""

    reason: str
    value: Any = None
    detail: str = ""
    stage: str = ""
    printed: str = ""


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed and counts the rest."""

    def __init__(self) -> None:
        self.kept, self.total = "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text = text.encode("utf-8", "backslashreplace").decode()
        self.kept += text[: MOST_PRINTED - len(self.kept)]
        self.total += len(text)
        return len(text)

    def __str__(self) -> str:
        lines = self.kept.splitlines()[:MOST_LINES]
        shown = "\n".join(lines)
        more = self.total - len(shown) - 1
        return shown + (f"\n... and {more:,} characters more" if more > 0 else "")


def contained(work: Callable[[Callable[[str], None]], Any], seconds: float, gigabytes: float) -> Outcome:
    """Run `work(tell)` in a child; `tell(stage)` says where it is, for the message if it does not return.

    The value it returns must pickle. An exception of `work` itself is a bug of the judge and is raised here.
    """
    if not hasattr(os, "fork"):  # pragma: no cover (Windows without WSL)
        return Outcome("done", work(lambda stage: None))
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12+ warns of threads; the child starts none
        pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _child(work, write_end, gigabytes)
    os.close(write_end)
    try:
        return _listen(pid, read_end, seconds, gigabytes)
    finally:
        os.close(read_end)
        _end(pid)


def _child(work: Callable, pipe: int, gigabytes: float) -> None:
    """The child's whole life; it never returns."""
    global in_child
    in_child, printed = True, Printed()

    def send(kind: str, payload: Any) -> None:
        data = pickle.dumps((kind, payload))
        os.write(pipe, len(data).to_bytes(8, "little"))
        view = memoryview(data)
        while view:
            view = view[os.write(pipe, view) :]

    try:
        os.setsid()
        gc.freeze()  # a collection would walk, and so copy, the half million objects of the parent
        faulthandler.disable()  # a crash is reported by the parent
        _limit_memory(gigabytes)
        _one_thread()
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(quiet, fd)
        sys.stdout = sys.stderr = printed
        warnings.showwarning = _warned
        builtins.input = _no_input
        send("done", (work(lambda stage: send("stage", stage)), str(printed)))
    except SystemExit:
        send("exited", str(printed))
    except MemoryError:
        send("memory", str(printed))
    except BaseException:
        send("bug", traceback.format_exc())
    finally:
        os._exit(0)


def _warned(message: Warning | str, category: type[Warning], *where: Any) -> None:
    """Print a warning with the line of the answer that led to it; one that no line of the answer led to is noise."""
    for frame, line in traceback.walk_stack(sys._getframe(1)):
        file, module = frame.f_code.co_filename, frame.f_globals.get("__name__", "")
        if file.endswith("/judge/run.py"):  # who called the judge
            return
        if not installed(file):
            if not module.startswith(("utils.", "solutions_")):
                print(f"line {line}: {category.__name__}: {message}")
            return


def _listen(pid: int, pipe: int, seconds: float, gigabytes: float) -> Outcome:
    deadline, stage, buffer = time.monotonic() + seconds, "", b""
    readable = select.poll()  # unlike select(), it takes any file number
    readable.register(pipe)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not readable.poll(left * 1000):
            return Outcome("timeout", detail=f"{seconds:g} s", stage=stage)
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            return _died(pid, stage, gigabytes)
        buffer += chunk
        while len(buffer) >= 8 and len(buffer) >= 8 + (size := int.from_bytes(buffer[:8], "little")):
            kind, payload = pickle.loads(buffer[8 : 8 + size])
            buffer = buffer[8 + size :]
            if kind == "stage":
                stage = payload
            elif kind == "done":
                return Outcome("done", payload[0], stage=stage, printed=payload[1])
            elif kind == "bug":
                raise RuntimeError(f"the judge failed, not your answer:\n{payload}")
            else:
                return Outcome(kind, stage=stage, printed=payload, detail=f"{gigabytes:g} GB")


def _died(pid: int, stage: str, gigabytes: float) -> Outcome:
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:  # the kernel's out-of-memory killer
            return Outcome("memory", stage=stage, detail=f"{gigabytes:g} GB")
        return Outcome("crash", stage=stage, detail=signal.Signals(number).name)
    return Outcome("exited", stage=stage)


def _end(pid: int) -> None:
    """Kill the child and all that it started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _limit_memory(gigabytes: float) -> None:
    """At most `gigabytes` more than the notebook already maps (Linux: macOS keeps no such limit)."""
    try:
        import resource

        with open("/proc/self/statm") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        limit = mapped + int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        pass


def _one_thread() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _no_input(prompt: str = "") -> str:
    raise RuntimeError("an answer cannot ask for keyboard input while it is checked")
