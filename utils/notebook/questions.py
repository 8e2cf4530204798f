"""questions.md -> one markdown cell a question: the prompt open, everything else folded.

Format: `## The question` starts one; below it what belongs to the prompt, then paragraphs or lists that begin
with `**Strong answer**`, `**30 seconds**`, `**3 minutes**`, `**Follow-ups**`, `**Trap**`, `**Sources**`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELDS = ("Strong answer", "30 seconds", "3 minutes", "Follow-ups", "Trap", "Sources")
FOLD = "Say your answer aloud, then compare"
FIELD = re.compile(rf"^\*\*({'|'.join(FIELDS)})[.:]?\*\*[.:]?", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """title: after `## `.  prompt: up to the first field.  answer: the fields, as written."""

    title: str
    prompt: str
    answer: str

    @property
    def missing(self) -> list[str]:
        """The fields it lacks."""
        present = set(FIELD.findall(self.answer))
        return [field for field in FIELDS if field not in present]


def questions(text: str) -> list[Question]:
    """The questions of a questions.md, in order; what stands before the first one is for authors."""
    parts: list[tuple[str, list[str]]] = []
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        if line.startswith("## ") and not fenced:
            parts.append((line[3:].strip(), []))
        elif parts:
            parts[-1][1].append(line)
    return [question(name, "\n".join(lines)) for name, lines in parts]


def question(name: str, body: str) -> Question:
    start = FIELD.search(body)
    cut = start.start() if start else len(body)
    return Question(name, body[:cut].strip(), body[cut:].strip())


def question_cells(text: str) -> list[str]:
    """The markdown of each question; blank lines around the fold let JupyterLab render what is inside."""
    cells = []
    for number, item in enumerate(questions(text), 1):
        parts = [f"### Question {number}\n**{item.title}**"]
        if item.prompt:
            parts.append(item.prompt)
        if item.answer:
            answer = re.sub(r"\n(?=\*\*)", "\n\n", item.answer)  # each field its own paragraph
            answer = re.sub(r"\n{3,}", "\n\n", answer)
            parts.append(f"<details>\n<summary>{FOLD}</summary>\n\n{answer}\n\n</details>")
        cells.append("\n\n".join(parts))
    return cells
