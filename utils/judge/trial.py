"""One answer on one case: what it was given, what was wanted, what came, and what else was noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import Mismatch


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake: a key for tests and statistics, a sentence for the learner, the hint that fits.

    case: the label of the trial that shows it, where that is not the smallest that failed.
    """

    key: str
    sentence: str
    hint: int = 0
    case: str = ""


class Unfit(ValueError):
    """Raised by the `read` of an exercise of calls that knows what is wrong with a result; its text is the sentence."""

    def __init__(self, key: str, sentence: str, hint: int = 0) -> None:
        super().__init__(sentence)
        self.key, self.hint = key, hint


@dataclass
class Trial:
    """label: "n = 127".  noticed: diagnoses that need no comparison of values (wrong shape, out of bounds ...).

    unwritten: elements nobody wrote.  kept: they held a value at the start, and hold it still.
    suspect: a load left lanes without a value.  undefined: wrong elements that depend on them, if that was tried.
    advice: a remark to the likely mistake.  launches: of kernels, in order.
    wrong: the first output that differs.  output: its name.  error: a traceback, if the answer raised.
    """

    label: str
    args: tuple
    output: str = ""
    want: Sequence[np.ndarray] = ()
    got: Sequence[np.ndarray] = ()
    wrong: Mismatch | None = None
    noticed: list[Diagnosis] = field(default_factory=list)
    error: str = ""
    error_key: str = ""
    unjudged: str = ""
    unwritten: np.ndarray | None = None
    kept: bool = False
    suspect: bool = False
    undefined: np.ndarray | None = None
    advice: str = ""
    launches: tuple = ()

    @property
    def never_written(self) -> np.ndarray:
        """Wrong elements that nobody wrote: they hold the poison, whatever it was, or what they held at the start."""
        return np.zeros(self.wrong.want.shape, bool) if self.unwritten is None else self.unwritten

    @property
    def ok(self) -> bool:
        return not (self.wrong or self.noticed or self.error or self.unjudged)


def label_of(shape: Mapping[str, Any]) -> str:
    """How a case is called: "n = 127, ties"."""
    parts = (value if isinstance(value, str) else f"{key} = {value}" for key, value in shape.items())
    return ", ".join(parts) or "the only case"
