"""Triton's interpreter without the work whose result nobody sees: half of its time (3.6 and 3.7); one fault mended.

Triton 3.6 takes a number for `range(0, n)` out of an array in a way that NumPy 2.5 refuses; 3.7's way is taken instead.
The other four, each equal by construction to what it replaces:
- it computes every sum and product of integers three times over, in 64 bits, for a `device_assert` on overflow that
  does nothing unless `debug` is set, and it never is;
- it looks through all of `triton.language` at every launch and at every call of a function inside a kernel (`tl.max`,
  `tl.cdiv`) for what it has to put its own functions in place of; which names those are does not change;
- it builds a table of all dtypes anew to look up one;
- it makes the type of a block with other elements anew for every operand, where one will do.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np


def install() -> None:
    """Before a kernel runs, not within one; once is enough."""
    from triton.runtime import interpreter

    if getattr(interpreter._patch_builtin, "quick", False):
        return
    builder, language = interpreter.interpreter_builder, interpreter.tl
    if not builder.options.debug:
        builder.options = replace(builder.options, sanitize_overflow=False)
    interpreter._patch_builtin = _patch_builtin(interpreter, language)
    interpreter._patch_lang_tensor = _patch_lang_tensor(interpreter._patch_lang_tensor)
    interpreter._get_np_dtype = _np_dtype(interpreter._get_np_dtype)
    language.block_type.with_element_ty = _with_element_ty(language.block_type.with_element_ty)


def _patch_builtin(interpreter: Any, language: Any) -> Any:
    original, is_builtin = interpreter._patch_builtin, language.core.is_builtin
    searched = (language, language.core, language.tensor, language.math, language.core.tensor_descriptor_base)
    names = {
        id(place): [name for name, member in inspect.getmembers(place) if is_builtin(member)] for place in searched
    }

    def patch(place: Any, builder: Any, scope: Any) -> None:
        if id(place) not in names:
            return original(place, builder, scope)
        for name in names[id(place)]:
            member = getattr(place, name)
            if is_builtin(member):  # not if it has been replaced already
                interpreter._patch_attr(place, name, member, builder, scope)

    patch.quick = True
    return patch


def _patch_lang_tensor(original: Any) -> Any:
    def patch(tensor: Any, scope: Any) -> None:
        original(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.squeeze()))

    return patch


def _np_dtype(original: Any) -> Any:
    known: dict[str, np.dtype] = {}

    def np_dtype(kind: Any) -> np.dtype:
        name = kind.scalar.name  # a block's element, a pointer
        if name not in known:
            known[name] = original(kind)
        return known[name]

    return np_dtype


def _with_element_ty(original: Any) -> Any:
    def with_element_ty(self: Any, scalar_ty: Any) -> Any:
        known = self.__dict__.setdefault("quick", {})
        if id(scalar_ty) not in known:
            known[id(scalar_ty)] = scalar_ty, original(self, scalar_ty)  # kept, so that its id stays its own
        return known[id(scalar_ty)][1]

    return with_element_ty
