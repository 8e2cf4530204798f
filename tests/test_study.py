"""The launcher: which Python, what to install, which build of torch, and what is said when it cannot go on."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from utils.cli import app
from utils.machine import ROOT

INSTALL = ROOT / "utils/install"
sys.path.insert(0, str(INSTALL))
import packages  # noqa: E402
import torch_build  # noqa: E402
from wish import Wish, step, wish  # noqa: E402

spec = importlib.util.spec_from_file_location("install_main", INSTALL / "__main__.py")
main = importlib.util.module_from_spec(spec)
spec.loader.exec_module(main)

SHOW = """import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "python": os.environ.get("WHICH", ""), "environment":
    {key: value for key, value in os.environ.items() if key.startswith("STUDY_")}}))
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the launcher whose installer only shows what it was given; a PATH with no Python in it."""
    home = tmp_path / "a course"
    (home / "utils/install").mkdir(parents=True)
    shutil.copy(ROOT / "study", home)
    (home / "utils/install/__main__.py").write_text(SHOW)
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "cat", "dirname", "readlink"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return home


def fake_python(course: Path, name: str, version: str, venv: bool = True) -> None:
    """A program that says it is Python `version` and runs scripts with the real one."""
    script = f"""#!{shutil.which("bash")}
case "$2" in
  *version_info*) echo {version} ;;
  *ensurepip*) exit {0 if venv else 1} ;;
  *) WHICH={name} exec "{sys.executable}" "$@" ;;
esac
"""
    path = course.parent / "bin" / name
    path.write_text(script)
    path.chmod(0o755)


def study(course: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    keep = {key: value for key, value in os.environ.items() if not key.startswith("STUDY_")}
    keep |= {"PATH": str(course.parent / "bin"), **environment}
    return subprocess.run([course / "study", *arguments], capture_output=True, text=True, env=keep, cwd=course.parent)


def test_alone_lists_every_command_and_needs_no_python(course: Path) -> None:
    shown = study(course)
    listed = re.findall(r"^  \./study ([a-z]+)", shown.stdout, re.MULTILINE)
    assert shown.returncode == 0
    assert sorted(listed) == sorted(command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["frob"], 'no command "frob"'),
        (["--frob", "lab"], "no option --frob"),
        (["--torch", "rocm", "lab"], "auto, cpu or cuda"),
        (["--python"], "--python needs a value"),
    ],
)
def test_a_wrong_word_is_one_line(course: Path, arguments: list[str], said: str) -> None:
    result = study(course, *arguments)
    assert result.returncode == 2
    assert said in result.stderr and result.stderr.count("\n") == 1 and not result.stdout


@pytest.mark.parametrize("version", ["3.9.2", "3.15.0", "2.7.18"])
def test_too_old_or_too_new_a_python(course: Path, version: str) -> None:
    fake_python(course, "python3", version)
    result = study(course, "lab")
    assert result.returncode == 1
    assert f"python3 is {version}" in result.stderr and "3.11, 3.12, 3.13 or 3.14" in result.stderr


def test_no_python_at_all(course: Path) -> None:
    result = study(course, "lab")
    assert result.returncode == 1 and "no Python" in result.stderr and "apt install" in result.stderr


def test_no_venv_module(course: Path) -> None:
    fake_python(course, "python3", "3.12.3", venv=False)
    result = study(course, "lab")
    assert result.returncode == 1
    assert "sudo apt install python3-venv" in result.stderr and "python3.12-venv" in result.stderr


def test_the_first_python_that_fits_is_taken(course: Path) -> None:
    fake_python(course, "python3", "3.9.2")
    fake_python(course, "python3.12", "3.12.3")
    shown = json.loads(study(course, "grade", "my notebook.ipynb").stdout)
    assert shown["python"] == "python3.12" and shown["arguments"] == ["grade", "my notebook.ipynb"]


def test_options_before_the_command_become_variables(course: Path) -> None:
    fake_python(course, "mine", "3.14.0")
    options = ["--torch=cuda", "--newest", "--python", "mine", "--torch-index", "https://example.org/x"]
    shown = json.loads(study(course, *options, "lab", "--port", "9000").stdout)
    assert shown["arguments"] == ["lab", "--port", "9000"]
    assert shown["environment"] == {
        "STUDY_TORCH": "cuda",
        "STUDY_NEWEST": "1",
        "STUDY_PYTHON": "mine",
        "STUDY_TORCH_INDEX": "https://example.org/x",
    }


def test_called_through_a_link(course: Path, tmp_path: Path) -> None:
    fake_python(course, "python3", "3.11.9")
    (tmp_path / "link").symlink_to(course / "study")
    environment = {**os.environ, "PATH": str(tmp_path / "bin")}
    result = subprocess.run([tmp_path / "link", "doctor"], capture_output=True, text=True, env=environment, cwd="/")
    assert json.loads(result.stdout)["arguments"] == ["doctor"]


# What .venv needs

WANT = Wish(folder="/c", python="/usr/bin/python3.12", requirements="abc")
HELD = {"folder": "/c", "python": "/usr/bin/python3.12", "torch": "auto", "index": "", "newest": False}


@pytest.mark.parametrize(
    "stamp, exists, underway, action, why",
    [
        (None, False, False, "create", ""),
        (None, False, True, "create", ""),
        (None, True, True, "create", "interrupted"),
        (None, True, False, "adopt", ""),
        (HELD | {"requirements": "abc"}, True, False, "ready", ""),
        (HELD | {"requirements": "old"}, True, False, "update", "requirements have changed"),
        (HELD | {"requirements": "abc", "folder": "/b"}, True, False, "create", "moved"),
        (HELD | {"requirements": "abc", "torch": "cuda"}, True, False, "create", "another build"),
        (HELD | {"requirements": "abc", "newest": True}, True, False, "create", "other versions"),
        (HELD | {"requirements": "abc", "python": "/x"}, True, False, "create", "another Python"),
        ({}, True, False, "create", ""),
    ],
)
def test_step(stamp: dict | None, exists: bool, underway: bool, action: str, why: str) -> None:
    assert step(WANT, stamp, exists, underway)[0] == action
    assert why in step(WANT, stamp, exists, underway)[1]


def test_choices_are_remembered_and_can_be_taken_back() -> None:
    python = os.path.realpath(sys.executable)
    first = wish(ROOT, {"STUDY_TORCH": "cpu", "STUDY_NEWEST": "1", "STUDY_PYTHON": python}, None)
    held = vars(first)
    assert wish(ROOT, {}, held) == first
    assert wish(ROOT, {"STUDY_NEWEST": "0", "STUDY_TORCH": "auto"}, held).torch == "auto"
    assert not wish(ROOT, {"STUDY_NEWEST": "0"}, held).newest
    assert wish(ROOT, {}, held | {"python": "/gone"}).python == os.path.realpath(sys._base_executable)


# Which torch


@pytest.mark.parametrize(
    "torch, index, system, gpu, offered, source, said",
    [
        ("auto", "", "Linux", True, "cuda", "", "a GPU is there"),
        ("auto", "", "Linux", False, "cpu", "", "no GPU answers"),
        ("auto", "", "Linux", False, "cuda", torch_build.CPU_INDEX, "no GPU answers"),
        ("auto", "", "Linux", False, "unknown", torch_build.CPU_INDEX, "no GPU answers"),
        ("cpu", "", "Linux", True, "cuda", torch_build.CPU_INDEX, "as asked"),
        ("cpu", "", "Linux", True, "cpu", "", "as asked"),
        ("cuda", "", "Linux", False, "cuda", "", "as asked"),
        ("auto", "", "Darwin", False, "cpu", "", "no Triton"),
        ("auto", "https://example.org", "Linux", True, "cuda", "https://example.org", "you named"),
    ],
)
def test_torch_index(torch: str, index: str, system: str, gpu: bool, offered: str, source: str, said: str) -> None:
    want = Wish("/c", "/p", torch=torch, index=index)
    got, reason = torch_build.torch_index(want, system, lambda: gpu, lambda: offered)
    assert got == source and said in reason


@pytest.mark.parametrize(
    "version, needs, build",
    [
        ("2.13.0+cpu", ["filelock"], "cpu"),
        ("2.13.0", ["filelock", "triton==3.7.1"], "cpu"),  # arm64 before CUDA wheels, macOS
        ("2.13.0", ['nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"'], "cuda"),
        ("2.13.0", ["cuda-toolkit[cublas]==13.0.3"], "cuda"),
        ("2.13.0+cu126", ["filelock"], "cuda"),
    ],
)
def test_build_of(version: str, needs: list[str], build: str) -> None:
    assert torch_build.build_of({"metadata": {"version": version, "requires_dist": needs}}) == build


@pytest.mark.parametrize(
    "lines, version, build",
    [
        (["  Downloading torch-2.13.0-cp312-cp312-manylinux_2_28_x86_64.whl.metadata (29 kB)"], "2.13.0", "cuda"),
        (["Processing /wheels/torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"], "2.13.0+cpu", "cpu"),
        (["  Downloading torch-2.13.0-cp312-cp312-manylinux_2_28_x86_64.whl (526.6 MB)", "WAIT"], "", "unknown"),
        (["  Downloading https://x/torch-2.13.0%2Bcpu-cp312-linux.whl (190 MB)", "WAIT"], "", "cpu"),
        (["ERROR: no network"], "", "unknown"),
    ],
)
def test_asking_pip_never_fetches_a_wheel(tmp_path: Path, lines: list[str], version: str, build: str) -> None:
    """A stand-in for pip; where it would go on to fetch the wheel (WAIT) it has to be stopped."""
    report = {"install": [{"metadata": {"version": version, "requires_dist": ["nvidia-nccl-cu13==2"]}}]}
    (tmp_path / "pip.py").write_text(f"""import pathlib, sys, time
for line in {lines!r}:
    time.sleep(30) if line == "WAIT" else print(line, flush=True)
if {version!r}:
    pathlib.Path(sys.argv[sys.argv.index("--report") + 1]).write_text({json.dumps(report)!r})
""")
    pip = tmp_path / "python"
    pip.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "pip.py"}" "$@"\n')
    pip.chmod(0o755)
    start = time.monotonic()
    assert torch_build.offered_build(pip, "torch==2.13.0") == build
    assert time.monotonic() - start < 10


# Installing


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course folder in which `install` runs with a stand-in for pip."""
    for name in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(main, "pip", lambda *arguments, **options: None)
    monkeypatch.setattr(main, "pip_major", lambda python: 26)
    monkeypatch.setattr(main, "gpu_answers", lambda: False)
    monkeypatch.setattr(main, "offered_build", lambda python, requirement: "cpu")
    monkeypatch.setattr(main, "create", lambda venv, want: bare(main.begin(venv, want).parent))
    return tmp_path


def bare(venv: Path) -> None:
    (venv / "bin").mkdir(exist_ok=True)
    (venv / "bin/python").touch()


@pytest.mark.parametrize(
    "environment, offered, torch, rest",
    [
        ({}, "cpu", [], ["-c"]),
        ({}, "cuda", ["--no-deps", "--index-url", torch_build.CPU_INDEX, "torch=="], ["-c"]),
        ({"STUDY_NEWEST": "1"}, "cuda", ["--no-deps", "--index-url", torch_build.CPU_INDEX, "torch>="], []),
    ],
)
def test_what_pip_is_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch, environment: dict, offered: str, torch: list, rest: list
) -> None:
    """Only torch may come from an index of its own, and only without its dependencies."""
    calls: list[list[str]] = []
    monkeypatch.setattr(main, "pip", lambda venv, lock, *words, **options: calls.append([str(w) for w in words]))
    monkeypatch.setattr(main, "offered_build", lambda python, requirement: offered)
    main.make_ready(home, environment)
    *first, last = calls
    assert last[:2] == ["-r", str(home / "requirements.txt")] and last[2:3] == rest
    assert [word[: len(want)] for call in first for word, want in zip(call, torch, strict=True)] == torch


def interrupt(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_installation_is_done_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(main, "pip", interrupt)
        main.make_ready(home, {"STUDY_TORCH": "cpu"})
    action, why, want = main.decide(home, {})
    assert (action, why) == ("create", "the last installation was interrupted")
    assert want.torch == "cpu"  # what was asked for is not forgotten
    main.make_ready(home, {})
    assert main.decide(home, {})[0] == "ready"


def test_an_interrupted_update_is_no_longer_called_ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main.make_ready(home, {})
    (home / "requirements.txt").write_text((home / "requirements.txt").read_text() + "\n")
    assert main.decide(home, {})[0] == "update"
    monkeypatch.setattr(main, "pip", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main.make_ready(home, {})
    assert main.decide(home, {})[0] == "create"


def test_a_venv_made_by_hand_is_filled_not_emptied(home: Path) -> None:
    (home / ".venv").mkdir()
    bare(home / ".venv")
    (home / ".venv/mine").touch()
    assert main.decide(home, {})[0] == "adopt"
    main.make_ready(home, {})
    assert (home / ".venv/mine").exists() and main.decide(home, {})[0] == "ready"


def test_a_read_only_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions do not stop root, so the failure is raised."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(main.Problem, match="cannot be written.*\n.*cp -r"):
        main.make_ready(home, {})


def test_a_python_without_ensurepip_is_named_with_its_cure(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho ensurepip is not available >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(main.Problem, match="apt install python3-venv\nensurepip is not available"):
        main.create(tmp_path / ".venv", Wish(str(tmp_path), str(python)))


def test_two_at_once_wait_for_each_other(tmp_path: Path) -> None:
    first, order = main.locked(tmp_path), []

    def second() -> None:
        os.close(main.locked(tmp_path))
        order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(0.1)
    order.append("first")
    os.close(first)
    thread.join(10)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    "log, said",
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying ... NewConnectionError ...\nERROR: No matching distribution found for x", "reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no torch==2.13.0 was found"),
        ("ERROR: something else", "something else"),
    ],
)
def test_why_pip_stopped(log: str, said: str) -> None:
    assert said in packages.explain(log)


def test_progress_counts_what_pip_says(tmp_path: Path) -> None:
    progress = packages.Progress(tmp_path)
    progress.see("  Downloading triton-3.7.1.whl (197.7 MB)")
    progress.see("Progress 52428800 of 207303475")
    progress.see("Progress 104857600 of 207303475")
    assert progress.text == "Downloading triton-3.7.1.whl (197.7 MB)  100 of 197 MB"
    progress.see("Installing collected packages: a, b, c")
    assert progress.total == 3


# The two files


def test_every_requirement_says_who_needs_it_and_is_recorded_within_its_range() -> None:
    recorded = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), line
            recorded[pin.name] = str(pin.specifier)[2:]
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            text, _, who = line.partition("#")
            need = Requirement(text.strip())
            assert who.strip(), line
            assert need.specifier.contains(recorded[need.name]), line
