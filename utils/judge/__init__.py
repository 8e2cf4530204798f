"""The judge: tries an answer against an exercise and says what was proved, or what is wrong and why.

exercise.py   what a chapter declares          run.py        from an answer to a verdict (and what a kind is)
functions.py  Python answers, case by case     kernels.py    Triton kernels with their launcher
predictions.py  numbers written down first     diagnose.py   from a mismatch to the likely mistake
sandbox.py    a child process with limits      verdict.py    what the learner sees
"""

from .exercise import (
    Exercise,
    Forbid,
    Function,
    Kernel,
    Misread,
    Predict,
    Quantity,
    Right,
    Rival,
    Wrong,
    sizes,
    spread,
)
from .explain import not_attempted
from .run import judge, judge_source
from .tolerance import EXACT, Tolerance
from .verdict import Verdict

__all__ = [
    "EXACT", "Exercise", "Forbid", "Function", "Kernel", "Misread", "Predict", "Quantity", "Right", "Rival",
    "Tolerance", "Verdict", "Wrong", "judge", "judge_source", "not_attempted", "sizes", "spread",
]  # fmt: skip
