"""Makes `.venv` what requirements.txt asks for, then starts the command line. `./study` runs this folder.

Standard library only: it runs before anything is installed. The stamp in .venv is written last, so what has
no stamp was interrupted and is made again; pip keeps its downloads, so that costs little.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packages import DISK_FULL, Problem, pip, pip_major, say
from torch_build import gpu_answers, offered_build, torch_index
from wish import Wish, step, wish

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHONS = (3, 11), (3, 14)  # the oldest and the newest that torch and Triton have wheels for; `study` too
STAMP, UNDERWAY = "study.json", "underway"  # in .venv: what it holds; that it is being changed
OLDEST_PIP = 25  # asks an index for metadata alone, and tells its progress to a program
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from utils.cli import main; main()"


def requirement(root: Path, name: str, newest: bool) -> str:
    """The line of `name`: its range, or its recorded version."""
    text = (root / ("requirements.txt" if newest else "constraints.txt")).read_text()
    found = re.search(rf"^{name}[<>=][^#;\s]*", text, re.MULTILINE)
    if not found:
        raise Problem(f"requirements.txt and constraints.txt must both name {name}.")
    return found[0]


def create(venv: Path, want: Wish) -> None:
    """An empty .venv with pip. The mark comes first and stays: without a stamp it says "interrupted"."""
    mark = begin(venv, want)
    for child in venv.iterdir():
        if child != mark:
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    made = subprocess.run([want.python, "-m", "venv", venv], capture_output=True, text=True)
    if made.returncode:
        fix = "On Debian and Ubuntu: sudo apt install python3-venv"
        raise Problem(f"{want.python} could not make a .venv. {fix}\n{(made.stdout + made.stderr).strip()}")


def begin(venv: Path, want: Wish) -> Path:
    """Mark that .venv is being changed, and keep what was asked for, should this be interrupted."""
    venv.mkdir(exist_ok=True)
    mark = venv / UNDERWAY
    mark.write_text(json.dumps(asdict(want)))
    return mark


def install(root: Path, want: Wish, action: str, lock: int | None) -> None:
    """Bring .venv to `want`; the stamp goes first and comes back last."""
    venv, stamp = root / ".venv", root / ".venv" / STAMP
    if action == "create":
        create(venv, want)
    elif action == "update":
        begin(venv, want)
    stamp.unlink(missing_ok=True)
    python = venv / "bin/python"
    if pip_major(python) < OLDEST_PIP:
        pip(venv, lock, f"pip>={OLDEST_PIP}", progress_bar="off")
    torch = requirement(root, "torch", want.newest)
    index, reason = torch_index(want, platform.system(), gpu_answers, lambda: offered_build(python, torch))
    say(f"  {torch}: {reason}")
    if index:
        pip(venv, lock, "--no-deps", "--index-url", index, torch)
    pinned = () if want.newest else ("-c", root / "constraints.txt")
    pip(venv, lock, "-r", root / "requirements.txt", *pinned)
    stamp.write_text(json.dumps({**asdict(want), "torch_build": reason}, indent=1) + "\n")
    (venv / UNDERWAY).unlink(missing_ok=True)


def recorded(file: Path) -> Mapping[str, Any] | None:
    try:
        wish = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return wish if isinstance(wish, dict) else None


def locked(root: Path) -> int | None:
    """Lock the course's folder itself, which leaves no file behind; None where that cannot be done."""
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another ./study is installing in this folder; waiting for it.")
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError:
        os.close(folder)
        return None
    return folder


def decide(root: Path, environment: Mapping[str, str]) -> tuple[str, str, Wish]:
    venv = root / ".venv"
    stamp = recorded(venv / STAMP)
    want = wish(root, environment, stamp or recorded(venv / UNDERWAY))
    return *step(want, stamp, (venv / "bin/python").exists(), (venv / UNDERWAY).exists()), want


def make_ready(root: Path, environment: Mapping[str, str]) -> None:
    """Return once .venv holds what is asked for. Raises Problem, with what to do about it."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:  # ./study looked, unless .venv was made by hand
        found = ".".join(map(str, sys.version_info[:2]))
        raise Problem(f"the .venv here holds Python {found}; 3.11 to 3.14 will do. Remove it: rm -r .venv")
    if decide(root, environment)[0] == "ready":
        return
    lock = locked(root)
    try:
        action, why, want = decide(root, environment)  # again: another ./study may just have done it
        if action == "ready":
            return
        began = time.monotonic()
        say(f"Installing into {root / '.venv'}" + (f": {why}" if why else " (once)"))
        install(root, want, action, lock)
        say(f"  done in {time.monotonic() - began:.0f} s")
    except OSError as error:
        raise Problem(unwritable(root, error)) from error
    finally:
        if lock is not None:
            os.close(lock)


def unwritable(root: Path, error: OSError) -> str:
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        copy = f'cp -r "{root}" ~/kernel-course && ~/kernel-course/study'
        return f"this folder cannot be written, and .venv and work/ belong in it. Copy it:\n    {copy}"
    return f"the installation stopped: {DISK_FULL if error.errno == errno.ENOSPC else error}"


def main() -> None:
    try:
        make_ready(ROOT, os.environ)
    except Problem as problem:
        sys.exit(f"./study: {problem}")
    except KeyboardInterrupt:
        say("\nStopped. Nothing is lost: run the same command again.")
        sys.exit(130)
    python = str(ROOT / ".venv/bin/python")
    os.execv(python, [python, "-P", "-c", START, str(ROOT), *sys.argv[1:]])


if __name__ == "__main__":
    main()
