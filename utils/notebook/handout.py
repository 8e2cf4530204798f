"""`./study handout DIR`: the course as students get it, without model answers, with checks that still work."""

from __future__ import annotations

import base64
import re
import subprocess
import zlib
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ..course import chapters
from ..machine import ROOT
from . import files
from .build import model_answers
from .leak import leaks, notebook_texts
from .source import identity_of, solved

MARKER = ".handout"
# Model answers, and what measures them on a GPU: it runs the model kernels; students have what it recorded.
LEFT_OUT = (
    "solutions/*/chapter.py",
    "solutions/*/mistakes.py",
    "solutions/*/bench.py",
    "solutions/*/curves.py",
    "solutions/*/reports.py",
    "solutions/kernels/*",
    "tests/*",
    ".ci/*",
)
SEALED = "solutions/*/checks.py"
NEVER = {".git", ".venv", "work", "build", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache"}
# The README's lines on what only the teacher's copy has: how each begins, what it becomes.
README = {
    "./study test": "",
    "solutions/": "solutions/           what the checks need (sealed), and the interview questions\n",
    "    chapter.py": "",
    "    checks.py": "    checks.sealed      what each answer must do\n",
    "    mistakes.py": "",
    "  kernels/": "",
    "tests/": "",
    "A new chapter is": "",
}
BANNER = "> This is the students' copy: everything but the model answers, which your teacher has.\n\n"


class Refused(Exception):
    """A handout that cannot be written; the message says why."""


def write(folder: Path, root: Path = ROOT) -> list[str]:
    """Write the handout into `folder`; returns messages. Raises Refused."""
    if any(folder.iterdir()) if folder.exists() else False:
        empty_earlier(folder)
    written = []
    for path in shared(root, folder):
        name, data = path.as_posix(), (root / path).read_bytes()
        if fnmatchcase(name, SEALED):
            name, data = name.removesuffix(".py") + ".sealed", base64.b64encode(zlib.compress(data, 9)) + b"\n"
        elif name == "README.md":
            data = for_students(data.decode()).encode()
        files.write(folder / name, data)
        if (root / path).stat().st_mode & 0o100:
            (folder / name).chmod(0o755)
        written.append(name)
    files.write(folder / MARKER, "\n".join(["files of this handout:", *written, ""]).encode())
    if found := leaked(folder, written, root):
        empty_earlier(folder)
        raise Refused("nothing was written, because answers would show:\n" + "\n".join(found))
    return [f"{folder}: {len(written)} files, no model answer among them"]


def for_students(readme: str) -> str:
    """The README without what only works with the solutions."""
    body, _, rest = readme.partition("## For teachers")
    lines = []
    for line in body.splitlines(keepends=True):
        changed = next((new for start, new in README.items() if line.startswith(start)), line)
        lines.append(changed.replace("after a `git pull`", "after a newer handout is unpacked over this folder"))
    body = re.sub(r"\n{3,}", "\n\n", "".join(lines))
    return BANNER + body + rest[rest.find("## License") :]


def empty_earlier(folder: Path) -> None:
    """Delete the files of an earlier handout, and nothing else. Raises Refused if there is none."""
    marker = folder / MARKER
    if not folder.is_dir() or not marker.exists():
        raise Refused(f"{folder} is not empty and holds no earlier handout: name another folder")
    for name in marker.read_text(encoding="utf-8").splitlines()[1:]:
        if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts:
            (folder / name).unlink(missing_ok=True)
    marker.unlink()


def shared(root: Path, folder: Path) -> list[PurePosixPath]:
    """The files of the course that students get: those git tracks, or all outside ignored folders."""
    answer = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False)
    names = [name for name in answer.stdout.decode().split("\0") if name]
    if answer.returncode or not names:
        names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*"))
                 if path.is_file() and not NEVER & set(path.relative_to(root).parts)
                 and not path.resolve().is_relative_to(folder.resolve())]  # fmt: skip
    return [
        PurePosixPath(name)
        for name in names
        if (root / name).is_file() and not any(fnmatchcase(name, pattern) for pattern in LEFT_OUT)
    ]


def leaked(folder: Path, written: list[str], root: Path) -> list[str]:
    """Places of the handout that show a model answer."""
    models, texts = {}, {}
    for chapter in chapters(root):
        if (chapter.folder / "chapter.py").exists():
            models |= {identity_of(key): source for key, source in model_answers(solved(chapter)).items()}
    for name in written:
        try:
            text = (folder / name).read_bytes().decode("utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        texts |= notebook_texts(name, text) if name.endswith(".ipynb") else {name: text}
    return leaks(texts, models)
