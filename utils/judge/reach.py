"""What calling an answer may run: the notebook's own functions behind it, and the objects they carry along.

Attributes are read without running any of the answer's code.
"""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterator
from typing import Any

INSIDE = ("__wrapped__", "fn", "func", "pyfunc")  # where decorators and Triton keep the function they wrap
Step = tuple[str | None, Any]  # as a use is spelled: "()" is called, "" is held, None is only followed


def reached(answer: Any) -> tuple[list[types.FunctionType], list[tuple[str, Any]]]:
    """The notebook's functions that `answer` may run, and what else is bound in partials, cells, defaults, objects."""
    functions: list[types.FunctionType] = []
    carried: list[tuple[str, Any]] = []
    seen: dict[tuple, Any] = {}
    waiting: list[Step] = [("()", answer)]
    while waiting:
        spelled, thing = waiting.pop()
        if (spelled, id(thing)) in seen:
            continue
        seen[spelled, id(thing)] = thing  # kept alive, so that no id is used twice
        home = functions[0].__globals__ if functions else None
        if is_own(thing, home):
            if thing not in functions:
                functions.append(thing)
                waiting += of_function(thing)
            continue
        if spelled is not None:
            carried.append((spelled, thing))
        waiting += parts(thing, home)
    return functions, carried


def of_function(function: types.FunctionType) -> Iterator[Step]:
    yield from (("", value) for value in cells(function).values())
    yield from (("", value) for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()))
    yield "()", held(function).get("__wrapped__")
    yield from ((None, function.__globals__.get(name)) for name in global_names(function.__code__))


def parts(thing: Any, home: dict | None) -> Iterator[Step]:
    """What an object that is no function of the notebook runs or holds."""
    if isinstance(thing, functools.partial | functools.partialmethod):
        yield "()", thing.func
        yield from (("", value) for value in (*thing.args, *thing.keywords.values()))
    elif isinstance(thing, types.MethodType):
        yield "()", thing.__func__
        yield None, thing.__self__
    elif isinstance(thing, staticmethod | classmethod):
        yield "()", thing.__func__
    elif isinstance(thing, property):
        yield from (("()", part) for part in (thing.fget, thing.fset))
    elif isinstance(thing, type):
        if is_own_class(thing, home):
            yield from (("", value) for value in vars(thing).values())
            yield from ((None, base) for base in thing.__bases__)
    elif isinstance(thing, types.FunctionType):  # a library's wrapper around a function of the notebook
        yield None, held(thing).get("__wrapped__")
        yield from ((None, value) for value in cells(thing).values())
    elif not isinstance(thing, types.ModuleType):
        yield None, type(thing)
        own = any(is_own_class(kind, home) for kind in type(thing).__mro__)
        yield from (("", value) for name, value in held(thing).items() if own or name in INSIDE)


def is_own(thing: Any, home: dict | None) -> bool:
    """Whether `thing` is a function of the notebook, `home`; of any file that is not installed while that is open."""
    if not isinstance(thing, types.FunctionType):
        return False
    return thing.__globals__ is home if home is not None else not installed(thing.__code__.co_filename)


def is_own_class(kind: type, home: dict | None) -> bool:
    wrapped = (getattr(value, "__func__", getattr(value, "fget", value)) for value in vars(kind).values())
    return any(is_own(value, home) for value in wrapped)


def installed(filename: str) -> bool:
    """Whether a file is the course's judge, Python's own or a package's."""
    return any(part in filename for part in ("site-packages", "/utils/judge/", "/lib/python", "<frozen"))


def held(thing: Any) -> dict[str, Any]:
    """An object's own attributes."""
    try:
        return dict(object.__getattribute__(thing, "__dict__"))
    except (AttributeError, TypeError):
        return {}


def cells(function: types.FunctionType) -> dict[str, Any]:
    """The values of the enclosing functions' variables that `function` uses."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            pass
    return found


def code_parts(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions and classes inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from code_parts(const)


@functools.cache
def global_names(code: types.CodeType) -> frozenset[str]:
    """Names that the code reads as globals or builtins."""
    steps = (step for part in code_parts(code) for step in dis.get_instructions(part))
    return frozenset(step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


@functools.cache
def local_names(code: types.CodeType) -> frozenset[str]:
    """Names of variables and parameters, in the functions inside it too."""
    return frozenset().union(*(part.co_varnames + part.co_cellvars for part in code_parts(code)))
