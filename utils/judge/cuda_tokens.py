"""The words of CUDA C++: what is code in a source, without its comments, texts and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from .exercise import Forbid

# What is skipped, and names. A raw text ends where its own delimiter does; others at their quote, or the line's end.
WORD = re.compile(
    r"""//[^\n]* | /\*.*?(?:\*/|\Z) | (?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"
    | (?:u8|[uUL])?(?:"(?:[^"\\\n]|\\.)*"? | '(?:[^'\\\n]|\\.)*'?) | \.?\d(?:[eEpP][+-]|'?[\w.])*
    | (?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)


def names(source: str) -> Iterator[str]:
    """Every name and keyword in CUDA C++, in order; two that the preprocessor joins (`a ## b`) also as one."""
    source = re.sub(r"\\\r?\n", "", source)  # a line that goes on
    source = "".join(f"{a}{b}\n" for a, b in re.findall(r"(\w+)\s*##\s*(\w+)", source)) + source
    yield from (found["name"] for found in WORD.finditer(source) if found["name"])


def forbidden(source: str, rules: tuple[Forbid, ...]) -> tuple[str, Forbid] | None:
    """The first forbidden name in the source, with its rule."""
    for name in names(source) if rules else ():
        for rule in rules:
            if any(fnmatchcase(name, pattern) for pattern in rule.names):
                return name, rule
    return None
