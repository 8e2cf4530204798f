"""A model answer cell -> the stub that the learner starts from, and what of it is the answer.

The text between `### BEGIN SOLUTION` and `### END SOLUTION` becomes `...  # your code here` (in CUDA C++ the
markers begin with `// ###`). In a `# Predict` cell every assigned value becomes `...`; comments stay.
"""

from __future__ import annotations

import ast
import re

BEGIN = re.compile(r"^(\s*)(// )?### BEGIN SOLUTION\s*$")
END = re.compile(r"^\s*(// )?### END SOLUTION\s*$")
TITLE = re.compile(r"^# (Exercise|Predict) (\d\d\.\d+)$")


class BadCell(Exception):
    """An exercise cell from which no stub can be made; the message says what to change."""


def title(source: str) -> tuple[str, str] | None:
    """("Exercise" or "Predict", id) when the first line of the cell names one."""
    found = TITLE.match(source.split("\n", 1)[0].rstrip())
    return (found[1], found[2]) if found else None


def stub(source: str) -> str:
    """The cell without its answer. Raises BadCell."""
    named = title(source)
    if named is None:
        raise BadCell("its first line must be `# Exercise CC.N` or `# Predict CC.N`")
    kept, _ = split(source)
    result = unpredicted(source) if named[0] == "Predict" else "\n".join(kept)
    if result == source:
        raise BadCell(f"{named[1]}: no `### BEGIN SOLUTION` ... `### END SOLUTION`: nothing is left to write")
    try:
        ast.parse(result)
    except SyntaxError as error:
        raise BadCell(f"{named[1]}: its stub is not valid Python ({error})") from error
    return result


def split(source: str) -> tuple[list[str], list[str]]:
    """(lines of the stub, lines of the answer) of a solved cell. Raises BadCell if markers do not pair."""
    kept: list[str] = []
    answer: list[str] = []
    inside = False
    for number, line in enumerate(source.split("\n"), 1):
        if begin := BEGIN.match(line):
            if inside:
                raise BadCell(f"line {number}: BEGIN SOLUTION inside a solution")
            inside = True
            indent, cuda = begin.groups()
            kept.append(f"{indent}// your code here" if cuda else f"{indent}...  # your code here")
        elif END.match(line):
            if not inside:
                raise BadCell(f"line {number}: END SOLUTION without BEGIN SOLUTION")
            inside = False
        elif inside:
            answer.append(line)
        else:
            kept.append(line)
    if inside:
        raise BadCell("BEGIN SOLUTION without END SOLUTION")
    return kept, answer


def unpredicted(source: str) -> str:
    """A `# Predict` cell with `...` for every value, and without markers, which it does not need."""
    lines = [line for line in source.split("\n") if not BEGIN.match(line) and not END.match(line)]
    source = "\n".join(lines)
    return with_values(source, dict.fromkeys(assigned(source), "..."))


def assigned(source: str) -> dict[str, str]:
    """{name: text of its value} for the assignments at the top level of a cell, in order. Raises BadCell."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise BadCell(f"not valid Python ({error})") from error
    values = {}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if not isinstance(target, ast.Name):
                    raise BadCell(f"line {statement.lineno}: a prediction is one name a line")
                values[target.id] = ast.get_source_segment(source, statement.value) or ""
    return values


def with_values(source: str, values: dict[str, str]) -> str:
    """The cell with the text after `name =` replaced, for each name in `values`."""
    data = source.encode()  # ast counts columns in bytes
    starts = [0, *(end + 1 for end, byte in enumerate(data) if byte == ord("\n"))]
    for statement in reversed(ast.parse(source).body):
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id in values:
                value = statement.value
                before = data[: starts[value.lineno - 1] + value.col_offset]
                after = data[starts[(value.end_lineno or 1) - 1] + (value.end_col_offset or 0) :]
                while before.rstrip().endswith(b"(") and after.lstrip().startswith(b")"):
                    before, after = before.rstrip()[:-1], after.lstrip()[1:]  # they belong to the value
                data = before + values[target.id].encode() + after
                break
    return data.decode()


def defined(source: str) -> set[str]:
    """Names that a cell defines at its top level; empty when it does not parse."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Assign):
            names.update(node.id for target in statement.targets for node in ast.walk(target)
                         if isinstance(node, ast.Name))  # fmt: skip
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.add(statement.target.id)
    return names
