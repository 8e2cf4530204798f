"""Runs a notebook's cells one after the other in this process, for `run.py`: python -P worker.py JOB.json

Standard library only, and nothing of the course, so that the cells meet a clean process. The job names the
folders, the limits and the cells; what happens is appended to its `events` file, line by line, so that it is
there whatever the cells do to this process.
"""

from __future__ import annotations

import builtins
import faulthandler
import io
import json
import linecache
import os
import re
import signal
import sys
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

MOST_PRINTED = 4000  # characters kept of what a cell prints
MOST_MESSAGE = 600
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


class CellTimeout(BaseException):
    """The cell's time is up. Not an Exception, so that `except Exception` lets it through."""


class Printed(io.TextIOBase):
    """Keeps the beginning of what a cell prints."""

    def __init__(self) -> None:
        self.kept, self.total = "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.kept += text[: MOST_PRINTED - len(self.kept)]
        self.total += len(text)
        return len(text)

    def fileno(self) -> int:
        return 1


def main(job_file: str) -> None:
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    limit(job)
    sys.path.insert(0, job["root"])
    with open(job["crash"], "w") as crash, open(job["events"], "a", buffering=1, encoding="utf-8") as events:
        faulthandler.enable(crash)
        run_all(job, events)
    os._exit(0)  # threads and exit handlers that the cells left behind are not waited for


def run_all(job: dict[str, Any], events: TextIO) -> None:
    """Run the cells and tell of each. Stops early when a cell has used up the memory for those after it."""
    namespace = fresh_main()
    verdicts = Path(job["verdicts"])
    for number, cell in enumerate(job["cells"]):
        if cell["skip"]:
            continue
        events.write(json.dumps({"started": number}) + "\n")
        seen = verdicts.stat().st_size if verdicts.exists() else 0
        start = time.monotonic()
        error, printed = run(cell, namespace, job["cell_seconds"])
        event = {"ended": number, "seconds": round(time.monotonic() - start, 3), "error": error}
        full = error is not None and error["kind"] == "MemoryError"
        event |= {"printed": printed, "verdicts": verdict_lines(verdicts, seen), "full": full}
        events.write(json.dumps(event) + "\n")
        if full:
            return
    events.write('{"done": true}\n')


def limit(job: dict[str, Any]) -> None:
    """Memory, file size and core dumps; the alarm that ends a cell."""
    try:
        import resource

        limits = {job["memory_kind"]: job["memory"], "RLIMIT_FSIZE": job["disk"], "RLIMIT_CORE": 0}
        for name, most in limits.items():
            resource.setrlimit(getattr(resource, name), (most, most))
    except (ImportError, OSError, ValueError):  # macOS refuses some of them
        pass
    signal.signal(signal.SIGALRM, on_alarm)


def on_alarm(number: int, frame: types.FrameType | None) -> None:
    raise CellTimeout


def fresh_main() -> dict[str, Any]:
    """The namespace of a new `__main__`, with what IPython adds to a notebook's."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    builtins.display = lambda *objects, **options: None  # type: ignore[attr-defined]
    return module.__dict__


def run(cell: dict[str, Any], namespace: dict[str, Any], seconds: float) -> tuple[dict[str, Any] | None, str]:
    """Execute one cell; (what it raised or None, what it printed)."""
    printed = Printed()
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = printed
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, 1)  # again each second, if the cell swallows it
        exec(compiled(cell), namespace)
        error = None
    except BaseException as raised:
        signal.setitimer(signal.ITIMER_REAL, 0)
        error = described(raised, cell["file"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout, sys.stderr = stdout, stderr
    return error, printed.kept


def compiled(cell: dict[str, Any]) -> types.CodeType:
    """The cell's code, compiled from a file: Triton and `inspect` read functions back from theirs."""
    path, source = Path(cell["file"]), cell["source"]
    try:
        code = compile(source, str(path), "exec")
    except SyntaxError:
        if source.lstrip().startswith("%%"):  # a cell magic: %%time and its like run the rest
            magic, _, source = source.lstrip().partition("\n")
            source = "\n" + (source if re.match(r"%%(time|timeit|capture|prun)\b", magic) else "")
        source = MAGIC.sub(r"\1pass", source)
        code = compile(source, str(path), "exec")
    path.write_text(source, encoding="utf-8", errors="replace")
    linecache.checkcache(str(path))
    return code


def described(raised: BaseException, file: str) -> dict[str, Any]:
    """An exception as plain data: its kind, its message, and the lines of notebook cells it went through."""
    folder = os.path.dirname(file)
    frames, step = [], raised.__traceback__
    while step is not None:
        if os.path.dirname(step.tb_frame.f_code.co_filename) == folder:
            frames.append((step.tb_frame.f_code.co_filename, step.tb_lineno))
        step = step.tb_next
    if isinstance(raised, SyntaxError) and raised.filename == file:
        frames.append((file, raised.lineno or 1))
    lines = [f"line {number}: {linecache.getline(name, number).strip()}" for name, number in frames]
    if len(lines) > 6:
        lines = [*lines[:3], "...", *lines[-2:]]
    try:
        message = str(raised)
    except Exception:
        message = "(its message cannot be shown)"
    return {"kind": type(raised).__name__, "message": message[:MOST_MESSAGE], "lines": lines}


def verdict_lines(path: Path, start: int) -> list[dict[str, Any]]:
    """The verdicts that were appended to the file since it had `start` bytes."""
    verdicts = []
    for line in path.read_bytes()[start:].splitlines() if path.exists() else []:
        with suppress(ValueError):
            verdicts.append(json.loads(line))
    return [verdict for verdict in verdicts if isinstance(verdict, dict)]


if __name__ == "__main__":
    main(sys.argv[1])
