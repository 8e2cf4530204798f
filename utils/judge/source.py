"""An answer's source: loading it clean from text, and finding forbidden names in its syntax tree."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
import tempfile
import textwrap
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .exercise import Forbid

SYNTAX = {"for": (ast.For, ast.comprehension), "while": ast.While, "if": (ast.If, ast.IfExp)}


def load(code: str, namespace: dict[str, Any], name: str = "answer") -> types.ModuleType:
    """Execute `code` as a module of its own that starts from `namespace`. Triton needs it to be in a file."""
    folder = Path(tempfile.mkdtemp(prefix="answer-"))
    path = folder / f"{name}.py"
    path.write_text(code)
    module = types.ModuleType(name)
    module.__dict__.update(namespace, __name__=name, __file__=str(path))
    sys.modules[name] = module
    exec(compile(code, str(path), "exec"), module.__dict__)
    return module


def plain_function(answer: Any) -> types.FunctionType | None:
    """The Python function behind an answer (a Triton kernel keeps it in `.fn`)."""
    answer = inspect.unwrap(answer) if callable(answer) else answer
    while not isinstance(answer, types.FunctionType) and hasattr(answer, "fn"):
        answer = answer.fn
    return answer if isinstance(answer, types.FunctionType) else None


def used_functions(answer: Any) -> list[types.FunctionType]:
    """The answer's function and the notebook's own functions and kernels it uses, directly or not."""
    found: list[types.FunctionType] = []
    waiting = [plain_function(answer)]
    while waiting:
        function = waiting.pop()
        if function is None or function in found:
            continue
        found.append(function)
        for name in code_names(function.__code__):
            other = plain_function(function.__globals__.get(name))
            if other is not None and other.__globals__ is function.__globals__:
                waiting.append(other)
    return found


def closure(namespace: dict[str, Any], names: tuple[str, ...]) -> str:
    """Source that defines `names` again: the notebook's own functions and plain constants they rest on."""
    functions = [f for name in names for f in used_functions(namespace.get(name))]
    sources = [textwrap.dedent(inspect.getsource(f)) for f in dict.fromkeys(reversed(functions))]
    used = set().union(*(code_names(f.__code__) for f in functions)) if functions else set()
    constants = {name: namespace[name] for name in sorted(used) if isinstance(namespace.get(name), int | float | str)}
    return "\n".join([*(f"{name} = {value!r}" for name, value in constants.items()), *sources])


def code_names(code: types.CodeType) -> set[str]:
    inner = (code_names(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*inner)


def forbidden(answer: Any, rules: tuple[Forbid, ...]) -> tuple[str, Forbid] | None:
    """The first forbidden name the answer uses, with its rule."""
    if not rules:
        return None
    for function in used_functions(answer):
        for spelled, thing in uses(function):
            for rule in rules:
                for name in rule.names:
                    if _matches(name, spelled, thing):
                        return spelled, rule
    return None


def uses(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Everything `function` mentions: (as it is spelled, the object, syntax node or None)."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        for name in code_names(function.__code__):
            yield name, _lookup(name, function)
            yield f".{name}", None
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, _imported(alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}", _imported(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Call):
            yield f"{ast.unparse(node.func)}()", _resolve(node.func, function)
        elif isinstance(node, ast.Name):
            yield node.id, _lookup(node.id, function)
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}", None
            yield ast.unparse(node), _resolve(node, function)
        else:
            for word, kinds in SYNTAX.items():
                if isinstance(node, kinds):
                    yield word, None


def _lookup(name: str, function: types.FunctionType) -> Any:
    return function.__globals__.get(name, getattr(builtins, name, None))


def _resolve(node: ast.expr, function: types.FunctionType) -> Any:
    """The object a dotted name stands for, or None."""
    if isinstance(node, ast.Name):
        return _lookup(node.id, function)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, function)
        return None if owner is None else getattr(owner, node.attr, None)
    return None


def _imported(dotted: str) -> Any:
    """An object by its dotted name, importing what it needs; None if there is no such thing."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part, None)
        return thing
    return getattr(builtins, dotted, None)


def _matches(rule: str, spelled: str, thing: Any) -> bool:
    if rule.startswith(".") or rule in SYNTAX:
        return spelled == rule
    if rule.endswith("()"):
        return spelled.endswith("()") and _matches(rule[:-2], spelled[:-2], thing)
    target = _imported(rule)
    if target is None or thing is None:
        return False
    if isinstance(target, types.ModuleType):  # a whole package: the module, or anything from it
        home = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(thing, "__module__", None) or ""
        return home == rule or home.startswith(f"{rule}.")
    return thing is target


def own_lines(problem: BaseException) -> str:
    """The traceback without the frames of the course and of installed packages."""
    frames = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if "site-packages" not in frame.filename
        and "/utils/judge/" not in frame.filename
        and "/lib/python" not in frame.filename
    ]
    shown = frames if len(frames) <= 6 else [*frames[:3], *frames[-3:]]
    lines = [f"line {frame.lineno}, in {frame.name}\n    {frame.line}" for frame in shown]
    return "\n".join([*lines, f"{type(problem).__name__}: {str(problem)[:400]}"])


def misfit(answer: Any, name: str, wanted: tuple[str, ...]) -> str:
    """Why the answer cannot be called with `wanted` positional arguments; "" if it can."""
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*wanted)
    except TypeError:
        return f"`{name}({', '.join(signature.parameters)})` cannot be called as `{name}({', '.join(wanted)})`."
    return ""
