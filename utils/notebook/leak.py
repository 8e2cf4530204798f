"""Does a model answer show up in a text that learners see? Three consecutive lines of it are a leak."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping

from .stub import split, stub, title, unpredicted

LINES = 3
TRIVIAL = re.compile(r"^(#|//|@|import |from |(async )?def |class |else:|try:|finally:|pass$|\.\.\.|[\W_]*$)")


def triples(model: str) -> set[tuple[str, ...]]:
    """Every run of three lines of a model answer that is more than boilerplate or what the stub gives away.

    An answer of two such lines is one run of two; a single line is too little to tell.
    """
    named = title(model)
    if named is None or named[0] == "Predict":
        return set()
    given = {line.strip() for line in stub(model).split("\n")}
    quoted = docstring_lines(model)
    lines = [line.strip() for number, line in enumerate(model.split("\n"), 1) if number not in quoted]
    answer = {line.strip() for line in split(model)[1]}
    lines = [line for line in lines if line in answer and line not in given and not TRIVIAL.match(line)]
    length = min(LINES, len(lines))
    if length < 2:
        return set()
    return {tuple(lines[i : i + length]) for i in range(len(lines) - length + 1)}


def docstring_lines(source: str) -> set[int]:
    """Numbers of the lines that docstrings occupy."""
    numbers: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            numbers.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return numbers


def predicted(model: str) -> str:
    """The assignments of a solved prediction, which must not stand in an unsolved notebook; "" otherwise."""
    named = title(model)
    return model if named and named[0] == "Predict" and unpredicted(model) != model else ""


def leaks(texts: Mapping[str, str], models: Mapping[str, str]) -> list[str]:
    """Sentences on the places of `texts` (name -> text) that show an answer of `models` (id -> source)."""
    wanted = {identity: triples(model) for identity, model in models.items()}
    found = []
    for name, text in texts.items():
        lines = [line.strip() for line in text.split("\n")]
        lines = [line for line in lines if not TRIVIAL.match(line)]
        present = {tuple(lines[i : i + n]) for n in (2, LINES) for i in range(len(lines) - n + 1)}
        for identity, runs in wanted.items():
            if hit := next(iter(sorted(runs & present)), None):
                found.append(f"{name}: shows the answer of {identity} (`{hit[0]}` and what follows)")
            elif (answer := predicted(models[identity])) and answer.strip() in text:
                found.append(f"{name}: shows the prediction of {identity}")
    return found


def notebook_texts(name: str, data: str) -> dict[str, str]:
    """{name of a cell: its text, outputs included} of a notebook file, for `leaks`."""
    texts = {}
    for number, cell in enumerate(json.loads(data)["cells"], 1):
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        texts[f"{name}, cell {number}"] = "\n".join([text, *strings(cell.get("outputs", []))])
    return texts


def strings(value: object) -> Iterable[str]:
    """Every text inside nested lists and dicts (notebook outputs)."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
