"""Runs pip with its progress shown, and says in one sentence why it stopped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

DISK_FULL = "the disk is full: the course takes 2.5 GB, with a CUDA build of torch 8 GB."
REASONS = {
    r"No space left on device": DISK_FULL,
    r"(?i)name resolution|NewConnectionError|Connection refused|timed out|ProxyError|is unreachable": (
        "the package index cannot be reached. Check the network, or the proxy and index that pip uses "
        "(pip config list), and run the same command again."
    ),
    r"No matching distribution found for (\S+)": (
        "no {0} was found: the package index cannot be reached, or has no wheel of it for this machine and Python."
    ),
    r"Read-only file system|Permission denied": "the folder cannot be written.",
}


# Over what the user's pip is set to: its lines are read here, and it installs into .venv.
PIP_SETTINGS = {"PIP_QUIET": "0", "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


class Problem(Exception):
    """Something the user can mend; the message says how."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def start(command: list[Any], **more: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **PIP_SETTINGS}
    return subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", stdin=subprocess.DEVNULL, env=environment, **more,
    )  # fmt: skip


class Progress(threading.Thread):
    """One status line, redrawn every half second; on no terminal only the large downloads are told."""

    def __init__(self, packages: Path) -> None:
        super().__init__(daemon=True)
        self.packages, self.text, self.total, self.over = packages, "", 0, threading.Event()
        self.began, self.terminal = time.monotonic(), sys.stderr.isatty()

    def see(self, line: str) -> None:
        line = line.strip()
        if found := re.match(r"(?:Collecting|Using cached|Downloading|Processing) (\S+)(.*)", line):
            self.text = found[0].split(" (from")[0]
            if not self.terminal and re.search(r"\(\d{2,}(\.\d+)? MB\)|GB\)", line):
                say(f"  {self.text}")
        elif found := re.match(r"Progress (\d+) of (\d+)", line):
            share = f"  {int(found[1]) >> 20} of {int(found[2]) >> 20} MB"
            self.text = re.sub(r"  \d+ of \d+ MB$|$", share, self.text, count=1)
        elif line.startswith("Installing collected packages:"):
            self.total = len(line.split(",")) + self.installed()
            self.text = "installing"
            if not self.terminal and "," in line:
                say(f"  installing {len(line.split(','))} packages")

    def installed(self) -> int:
        return sum(1 for _ in self.packages.glob("*.dist-info"))

    def run(self) -> None:
        while self.terminal and not self.over.wait(0.5):
            done = f"  {min(self.installed(), self.total)} of {self.total} packages" if self.total else ""
            line = f"  {time.monotonic() - self.began:4.0f} s  {self.text}{done}"
            sys.stderr.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()

    def stop(self) -> None:
        self.over.set()
        if self.terminal:
            self.join()
            sys.stderr.write("\r\033[K")


def pip(venv: Path, lock: int | None, *arguments: Any, progress_bar: str = "raw") -> None:
    """`pip install ARGUMENTS` in `venv`, with progress; everything pip said goes to .venv/install.log."""
    python, log = venv / "bin/python", venv / "install.log"
    command = [python, "-m", "pip", "install", "--no-input", "--progress-bar", progress_bar, *arguments]
    # The child holds the lock too: were this process killed, nobody else starts while pip still writes.
    process = start(command, pass_fds=() if lock is None else (lock,))
    progress = Progress(next((venv / "lib").glob("python3*/site-packages"), venv))
    progress.start()
    try:
        with log.open("a") as file:
            for line in process.stdout or ():
                file.write(line)
                progress.see(line)
        code = process.wait()
    finally:
        progress.stop()
    if code:
        raise Problem(explain(log.read_text(errors="replace")) + f"\nWhat pip said is in {log}")


def explain(log: str) -> str:
    tail = "\n".join(log.splitlines()[-60:])
    for pattern, sentence in REASONS.items():
        if found := re.search(pattern, tail):
            return "the installation stopped: " + sentence.format(*found.groups())
    errors = [line for line in tail.splitlines() if line.startswith("ERROR")]
    return "the installation stopped: " + (errors[-1] if errors else "pip failed.")


def pip_major(python: Path) -> int:
    said = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True).stdout
    found = re.match(r"pip (\d+)", said)
    return int(found[1]) if found else 0
