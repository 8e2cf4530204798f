"""Answers that a chapter keeps to test its checks: what `mistakes.py` declares."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True)
class Attempt:
    """An answer kept to test a check: `code` is a whole cell, or `edits` turn the model answer into it.

    edits: (old, new) pairs; each old text must occur exactly once in the model answer.
    """

    exercise: str
    name: str
    _: KW_ONLY
    code: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    seeds: int = 20


@dataclass(frozen=True, kw_only=True)
class Wrong(Attempt):
    """A wrong answer and the key of the diagnosis it must get."""

    diagnosis: str


@dataclass(frozen=True)
class Right(Attempt):
    """An unusual right answer that must pass."""
