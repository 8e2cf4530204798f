"""On a GPU machine, a Triton answer is judged twice: on the interpreter in a process of its own, then on the GPU.

A GPU reads past the end of an array without a word, and values alone cannot tell. The interpreter sees every
access. Triton decides when it is imported which of the two a process has, hence the second process (about 3 s).
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import course, machine
from .judge import Exercise, Verdict, judge
from .judge.source import closure

SECONDS = 120


def judge_twice(exercise: Exercise, namespace: dict[str, Any], seed: int) -> Verdict:
    """The interpreter's verdict if that is not "passed"; otherwise the GPU's, which names both."""
    first = on_interpreter(exercise, namespace, seed)
    if first.status in ("failed", "error"):
        return first
    second = judge(exercise, namespace, seed)
    if (first.status, second.status) != ("passed", "passed"):
        return second  # the GPU can judge what the interpreter could not, such as bf16
    return replace(second, rows=(("first", dict(first.rows)["values"]), *second.rows))


def on_interpreter(exercise: Exercise, namespace: dict[str, Any], seed: int) -> Verdict:
    """Judge the answer's source, with the notebook's own functions it uses, where there is no GPU to be seen."""
    hidden = {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(machine.ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.py"
        answer.write_text(closure(namespace, exercise.answers))
        command = [sys.executable, "-m", "utils.recheck", exercise.id, str(seed), str(answer)]
        done = subprocess.run(
            command, env=os.environ | hidden, cwd=machine.ROOT, capture_output=True, text=True, timeout=SECONDS
        )
        if done.returncode:
            raise RuntimeError(f"the interpreter's process failed, not your answer:\n{done.stderr[-2000:]}")
        return pickle.loads(answer.with_suffix(".verdict").read_bytes())


def main(arguments: Sequence[str]) -> None:
    """In the second process: exercise id, seed, file with the answer; the verdict is written beside that file."""
    from .judge import judge_source

    id, seed, file = arguments
    _, exercise = course.find(id)
    (verdict,) = judge_source(exercise, Path(file).read_text(), (int(seed),))
    Path(file).with_suffix(".verdict").write_bytes(pickle.dumps(verdict))


if __name__ == "__main__":
    main(sys.argv[1:])
