"""The judge: tries an answer against an exercise and says what was proved, or what is wrong and why.

exercise.py   what a chapter declares          run.py        from an answer to a verdict (and what a kind is)
functions.py  Python answers, case by case     kernels.py    Triton kernels with their launcher
predictions.py  numbers written down first     diagnose.py   from a mismatch to the mistake (patterns.py, nonfinite.py)
calls.py      Python answers on tuples and numbers, many calls a case (choices.py: judged by what they cost together)
cuda.py       CUDA C++, on the emulated GPU    cuda_faults.py  what it did wrong (and cuda_tokens.py, cuda_device.py)
budgets.py    what it may cost                 attempts.py   the answers that test a check
sandbox.py    a child process with limits      explain.py    what was found, in a verdict's words
poison.py     memory that nobody has written   verdict.py    what the learner sees
source.py     an answer's text (and reach.py)  triton_watch.py, triton_trace.py, launcher.py, compiled.py: of kernels
"""

from .attempts import Right, Wrong
from .choices import Choices
from .exercise import (
    Budget,
    Calls,
    Cuda,
    Exercise,
    Forbid,
    Function,
    Kernel,
    Misread,
    Predict,
    Quantity,
    Rival,
    sizes,
    spread,
)
from .explain import not_attempted, not_defined
from .run import judge, judge_source
from .tolerance import EXACT, Tolerance
from .trial import Unfit
from .verdict import Verdict

__all__ = [
    "EXACT", "Budget", "Calls", "Choices", "Cuda", "Exercise", "Forbid", "Function", "Kernel", "Misread", "Predict",
    "Quantity", "Right", "Rival", "Tolerance", "Unfit", "Verdict", "Wrong", "judge", "judge_source", "not_attempted",
    "not_defined", "sizes", "spread",
]  # fmt: skip
