"""What the judge says of an answer: one status, what was seen, the likely mistake, the next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .. import page

Rows = Sequence[tuple[str, str]]
Status = Literal["passed", "failed", "not_attempted", "error", "unjudged"]
COLOURS = {"passed": page.GREEN, "failed": page.RED, "error": page.RED, "not_attempted": page.BLUE,
           "unjudged": page.AMBER}  # fmt: skip
WORDS = {  # by diagnosis, else by status
    "not_attempted": "not attempted yet",
    "not-defined": "not defined in this session",
    "error": "error in your code",
    "unjudged": "cannot be judged here",
}
SENTENCE = re.compile(r"(^\**|[.?!]\**\s+\**)(a|[a-z]{2,})(?=[\s,;:?!*]|\.(?!\w)|$)")
ABBREVIATION = re.compile(r"(\b(e\.g|i\.e|vs|cf|incl|approx)|\.\.)\.$")
MIME = "application/vnd.kernel-course.verdict+json"


def sentences(text: str) -> str:
    """`text` with a capital where a sentence begins; code in backticks stays as it is."""
    parts = text.split("`")

    def capital(match: re.Match[str]) -> str:
        before, word = match.groups()
        if (not before and opened) or ABBREVIATION.search(match.string[: match.start() + 1]):
            return match[0]
        return before + word[0].upper() + word[1:]

    for number in range(0, len(parts), 2):
        opened = number > 0  # something stands before it
        parts[number] = SENTENCE.sub(capital, parts[number])
    return "`".join(parts)


@dataclass(frozen=True)
class Verdict:
    """rows: (label, text) pairs in reading order; a text with a line break is shown as it is, in a fixed font.

    diagnosis: the key of the likely mistake, "" when there is none.  backend: where the values were obtained.
    first: the first submitted values of a prediction.  evidence: for a kind's own further proof, not shown.
    picture: something with `html` and `text` that is shown below the rows, or None.
    """

    exercise: str
    title: str
    status: Status
    rows: tuple[tuple[str, str], ...] = ()
    diagnosis: str = ""
    points: float = 0.0
    max_points: float = 0.0
    backend: str = ""
    seed: int = 0
    seconds: float = 0.0
    hint: int = 0
    first: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    picture: Any = field(default=None, repr=False, compare=False)

    @property
    def word(self) -> str:
        return WORDS.get(self.diagnosis) or WORDS.get(self.status, self.status)

    @property
    def headline(self) -> str:
        return f"{self.exercise} {self.title}: {self.word}"

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [(label, text if "\n" in text else sentences(text)) for label, text in self.rows]

    def __repr__(self) -> str:
        tail = f" · {self.diagnosis}" if self.diagnosis else ""
        return f"{self.exercise} {self.word}{tail}"

    def __str__(self) -> str:
        lines = [self.headline]
        for label, text in self.shown:
            indented = text.replace("\n", "\n" + " " * 12)
            lines.append(f"  {label:>8} · {indented}")
        return "\n".join([*lines, *([f"\n{self.picture.text}"] if self.picture else [])])

    def _repr_html_(self) -> str:
        rows = [(label, page.pre(text) if "\n" in text else page.inline(text)) for label, text in self.shown]
        rows += [("", self.picture.html)] if self.picture else []
        return page.card(self.headline, COLOURS[self.status], rows)

    def record(self) -> dict[str, Any]:
        """The verdict as plain data, for graders and for the notebook's output."""
        return {
            "exercise": self.exercise,
            "status": self.status,
            "diagnosis": self.diagnosis,
            "text": str(self),
            "html": self._repr_html_(),
            "points": self.points,
            "max_points": self.max_points,
            "backend": self.backend,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "first": self.first,
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        brief = {key: value for key, value in self.record().items() if key not in ("html", "text")}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: brief}
