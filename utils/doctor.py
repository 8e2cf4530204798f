"""`./study doctor`: what works on this machine, and for each thing that does not, the command that mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .lab import PORT, free
from .machine import ROOT
from .proofs import REMAKE, Absent, Unfit, proofs, prove

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def doctor() -> int:
    """Print the preflight and the state of the installation; 1 if something needed is broken."""
    console = Console(highlight=False)
    console.print(f"[dim]{ROOT}  ·  Python {platform.python_version()}  ·  {machine()}[/]")
    found = [
        *proofs().proofs,
        prove("packages", packages, REMAKE),
        prove("work", lambda: writable(ROOT / "work")),
        prove("progress", lambda: progress(progress_file())),
        prove("port", port),
        prove("browser", browser),
    ]
    table = Table(box=None, show_header=False, padding=(0, 1))
    for proof in found:
        mark = {True: "[green]✓", False: "[red]✗", None: "[dim]–"}[proof.ok]
        table.add_row(mark, proof.name, proof.detail)
        if proof.mend:
            table.add_row("", "", f"[bold]mend it:[/] {proof.mend}")
    console.print(table)
    wrong = [proof.name for proof in found if proof.ok is False]
    console.print(f"[red]Broken: {', '.join(wrong)}" if wrong else "[green]Everything that is needed works.")
    return 1 if wrong else 0


def machine() -> str:
    """Processor, cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def lines(name: str) -> dict[str, str]:
    """Package -> the rest of its line, of requirements.txt or constraints.txt."""
    from packaging.requirements import Requirement

    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if text := line.partition("#")[0].strip():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                found[requirement.name] = str(requirement.specifier)
    return found


def packages() -> str:
    """Every requirement is installed, within its range; says which differ from the recorded versions."""
    from packaging.specifiers import SpecifierSet

    recorded, wrong, other = lines("constraints.txt"), [], []
    for name, allowed in lines("requirements.txt").items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if not SpecifierSet(allowed, prereleases=True).contains(version.partition("+")[0]):
            wrong.append(f"{name} {version} is not {allowed}")
        elif not SpecifierSet(recorded.get(name, "")).contains(version):
            other.append(f"{name} {version}")
    if wrong:
        raise Unfit("; ".join(wrong), REMAKE)
    if other:
        return "within the ranges; not the recorded versions: " + ", ".join(other)
    return "the recorded versions"


def writable(folder: Path) -> str:
    try:
        folder.mkdir(exist_ok=True)
        probe = folder / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Unfit(f"cannot be written ({error.strerror})", f'chmod -R u+rwX "{folder}"') from error
    notebooks = len(list(folder.glob("*.ipynb")))
    return f"can be written; {notebooks} notebooks" if notebooks else "can be written; ./study lab fills it"


def progress_file() -> Path:
    return Path(os.environ.get("STUDY_PROGRESS") or ROOT / "work/progress.sqlite3")


def progress(path: Path) -> str:
    """Reads the file without writing it."""
    if not path.exists():
        raise Absent("nothing recorded yet")
    try:
        with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as database:
            state = database.execute("pragma quick_check").fetchone()[0]
    except sqlite3.Error as error:
        state = str(error)
    if state != "ok":
        mend = f'mv "{path}" "{path}.damaged"'
        raise Unfit(f"the file is damaged ({state}); the next check starts a new one and keeps it", mend)
    return "can be read"


def port() -> str:
    if free(PORT):
        return f"{PORT} is free for ./study lab"
    raise Absent(f"{PORT} is taken; ./study lab takes the next free one")


def browser() -> str:
    """Only `./study test` uses it."""
    name = next(filter(shutil.which, BROWSERS), None)
    if name is None:
        raise Absent("none for ./study test, which skips the browser tests (sudo apt install chromium)")
    if shutil.which("fc-list") and not subprocess.run(["fc-list"], capture_output=True).stdout.strip():
        raise Absent(f"{name}, but no fonts to draw with (sudo apt install fonts-dejavu-core)")
    return f"{name}, for ./study test"
