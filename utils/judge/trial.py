"""One answer on one case: what it was given, what was wanted, what came, and what else was noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .arrays import Mismatch, is_poison


@dataclass(frozen=True)
class Diagnosis:
    """The likely mistake: a key for tests and statistics, a sentence for the learner, the hint that fits."""

    key: str
    sentence: str
    hint: int = 0


@dataclass
class Trial:
    """label: "n = 127".  noticed: diagnoses that need no comparison of values (wrong shape, out of bounds ...).

    wrong: the first output that differs.  output: its name.  error: a traceback, if the answer raised.
    """

    label: str
    args: tuple
    block: tuple[int, ...] = ()
    output: str = ""
    want: Sequence[np.ndarray] = ()
    got: Sequence[np.ndarray] = ()
    wrong: Mismatch | None = None
    noticed: list[Diagnosis] = field(default_factory=list)
    error: str = ""
    error_key: str = ""
    unjudged: str = ""

    @property
    def ok(self) -> bool:
        return not (self.wrong or self.noticed or self.error or self.unjudged)

    @property
    def unwritten(self) -> np.ndarray:
        """Wrong elements that still hold the poison.

        All bits set is an ordinary value of an integer, so there it takes many of them to mean anything.
        """
        assert self.wrong
        left = is_poison(self.wrong.got) & self.wrong.bad
        few = self.wrong.got.dtype.kind in "iu" and left.sum() <= max(2, left.size // 16) and not left.all()
        return np.zeros_like(left) if few else left
