"""An answer's source: loading it clean from text, and finding forbidden names in its syntax tree."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import linecache
import math
import sys
import textwrap
import traceback
import types
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .exercise import Forbid
from .reach import cells, code_parts, global_names, held, installed, local_names, reached

SYNTAX = {"for": (ast.For, ast.comprehension), "while": ast.While, "if": (ast.If, ast.IfExp)}


def load(code: str, namespace: dict[str, Any], folder: str | Path, name: str = "answer") -> types.ModuleType:
    """Execute `code` as a module of its own that starts from `namespace`.

    It is written to `folder`: Triton and tracebacks read a function's source from its file.
    """
    path = Path(folder) / f"{name}.py"
    path.write_text(code)
    module = types.ModuleType(name)
    module.__dict__.update(namespace, __name__=name, __file__=str(path))
    sys.modules[name] = module
    linecache.checkcache(str(path))
    exec(compile(code, str(path), "exec"), module.__dict__)
    return module


def plain_function(answer: Any) -> types.FunctionType | None:
    """The Python function behind an answer: inside its decorators, and a Triton kernel keeps it in `.fn`."""
    for _ in range(100):
        names = ("__wrapped__",) if isinstance(answer, types.FunctionType) else ("__wrapped__", "fn")
        inner = next((value for name in names if (value := held(answer).get(name)) is not None), None)
        if inner is None or isinstance(answer, type):
            break
        answer = inner
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
        for name in sorted(global_names(function.__code__)):
            other = plain_function(function.__globals__.get(name))
            if other is not None and other.__globals__ is function.__globals__:
                waiting.append(other)
    return found


def closure(namespace: dict[str, Any], names: tuple[str, ...]) -> str:
    """Source that defines `names` again by itself: imports, plain constants and the notebook's functions they use."""
    functions = [f for name in names for f in used_functions(namespace.get(name))]
    functions = list(dict.fromkeys(reversed(functions)))
    used = set(names).union(*(global_names(f.__code__) | _around(f) for f in functions))
    others = [name for name in sorted(used) if name in namespace and plain_function(namespace[name]) not in functions]
    lines = [line for name in others if (line := _defines(name, namespace[name]))]
    return "\n".join([*lines, *(textwrap.dedent(inspect.getsource(f)) for f in functions)])


def _around(function: types.FunctionType) -> set[str]:
    """Names in decorators, defaults and annotations (`triton`, `tl`), which the code object does not mention."""
    parts: list[ast.AST | None] = []
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.FunctionDef):
            parts += [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, node.returns]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
    names = (node for part in parts if part for node in ast.walk(part))
    return {node.id for node in names if isinstance(node, ast.Name)}


def _defines(name: str, value: Any) -> str:
    """A line that makes `name` what it is here: an import or a constant; "" for the notebook's own objects."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}"
    if type(value).__name__ == "constexpr":
        return (
            f"import triton.language\n{name} = triton.language.constexpr({_literal(value.value) or repr(value.value)})"
        )
    if literal := _literal(value):
        return f"{name} = {literal}"
    home = getattr(value, "__module__", None) or ""
    if (
        home.split(".")[0] in sys.modules
        and getattr(sys.modules.get(home), getattr(value, "__name__", ""), None) is value
    ):
        return f"from {home} import {value.__name__} as {name}"
    return ""


def _literal(value: Any) -> str:
    """Python's text for a constant (NaN and infinities too); "" for all else."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value) if value is None or isinstance(value, bool | int | float | str) else ""


def code_names(code: types.CodeType) -> set[str]:
    return set().union(*(part.co_names for part in code_parts(code)))


def forbidden(answer: Any, rules: tuple[Forbid, ...]) -> tuple[str, Forbid] | None:
    """The first forbidden name the answer uses, with its rule."""
    if not rules:
        return None
    functions, carried = reached(answer)
    for spelled, thing in chain(chain.from_iterable(map(uses, functions)), carried):
        for rule in rules:
            for name in rule.names:
                if _matches(name, spelled, thing):
                    return spelled.removeprefix("()") or name, rule
    return None


def uses(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Everything `function` mentions: (as it is spelled, the object, syntax node or None)."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (OSError, TypeError, SyntaxError):
        for name in code_names(function.__code__):
            yield name, _lookup(name, function)
            yield f".{name}", None
        return
    local = dict(_local_imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, _imported(alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}", _imported(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Call):
            yield f"{ast.unparse(node.func)}()", _resolve(node.func, function, local)
        elif isinstance(node, ast.Name):
            yield node.id, _resolve(node, function, local)
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}", None
            yield ast.unparse(node), _resolve(node, function, local)
        else:
            for word, kinds in SYNTAX.items():
                if isinstance(node, kinds):
                    yield word, None


def _local_imports(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """Names that the function itself imports, and what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                yield alias.asname or first, _imported(alias.name if alias.asname else first)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, _imported(f"{node.module}.{alias.name}")


def _lookup(name: str, function: types.FunctionType) -> Any:
    """The object a name stands for in `function`; None for its own variables and parameters."""
    code = function.__code__
    if name in code.co_freevars:
        return cells(function).get(name)
    if name in local_names(code) and name not in global_names(code):
        return None
    return function.__globals__.get(name, getattr(builtins, name, None))


def _resolve(node: ast.expr, function: types.FunctionType, local: dict[str, Any]) -> Any:
    """The object a dotted name stands for, or None."""
    if isinstance(node, ast.Name):
        return local[node.id] if node.id in local else _lookup(node.id, function)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, function, local)
        return None if owner is None else _attribute(owner, node.attr)
    return None


def _attribute(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name, None)
    except Exception:  # a property or __getattr__ of the answer's own
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


@cache
def _rule_target(name: str) -> Any:
    return _imported(name)  # looking for what may be a module and is not goes through all of sys.path


def _matches(rule: str, spelled: str, thing: Any) -> bool:
    if rule.startswith(".") or rule in SYNTAX:
        return spelled == rule
    if rule.endswith("()"):
        return spelled.endswith("()") and _matches(rule[:-2], spelled[:-2], thing)
    target = _rule_target(rule)
    if target is None or thing is None:
        return False
    if isinstance(target, types.ModuleType):  # a whole package: the module, or anything from it
        home = thing.__name__ if isinstance(thing, types.ModuleType) else _attribute(thing, "__module__")
        return isinstance(home, str) and (home == rule or home.startswith(f"{rule}."))
    return thing is target


def own_lines(problem: BaseException) -> str:
    """The traceback without the frames of the course and of installed packages: text that can always be shown."""
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if not installed(frame.filename)]
    shown = frames if len(frames) <= 6 else [*frames[:3], *frames[-3:]]
    lines = [f"line {frame.lineno}, in {frame.name}\n    {frame.line}" for frame in shown]
    try:
        message = f"{type(problem).__name__}: {str(problem)[:400]}"
    except Exception:  # its own __str__ or __repr__ raises
        message = type(problem).__name__
    return "\n".join([*lines, message]).encode("utf-8", "backslashreplace").decode()


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
