"""Special functions and fast divisions: the correctly rounded value, and the error the PTX ISA allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .core import Array, Operation
from .floating import arithmetic
from .half import NARROW, decode, packable

F32, F64 = np.float32, np.float64

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "ex2": np.exp2,
    "lg2": np.log2,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "rcp": np.reciprocal,
    "rsqrt": lambda x: np.reciprocal(np.sqrt(x)),
}

BOUNDS = {  # PTX ISA 9.0, "Floating Point Instructions" and "Half Precision Floating Point Instructions"
    "ex2": "relative error 2^-22",
    "lg2": "absolute error 2^-22.6 for 0.5 < a < 2, else relative error 2^-22.6",
    "sin": "absolute error 2^-20.5 for |a| <= 2 pi, 2^-14.7 for |a| <= 100 pi",
    "cos": "absolute error 2^-20.5 for |a| <= 2 pi, 2^-14.7 for |a| <= 100 pi",
    "tanh": "relative error 2^-11",
    "sqrt": "relative error 2^-23",
    "rcp": "relative error 2^-23",
    "rsqrt": "relative error 2^-22.9",
    "div": "2 ulp",
}
HALF_BOUNDS = {
    ("ex2", "f16"): "relative error 2^-9.9",
    ("ex2", "bf16"): "relative error 2^-7",
    ("tanh", "f16"): "absolute error 2^-10.987",
    ("tanh", "bf16"): "absolute error 2^-8",
}


def special(name: str):
    """A maker for `name.approx{.ftz}.f32`."""

    def make(_approx: str, ftz: str, kind: str) -> Operation:
        function = FUNCTIONS[name]
        single = lambda x: function(x.astype(F64)).astype(F32)  # noqa: E731
        return replace(arithmetic(single, kind, 1, ftz), approximate=BOUNDS[name])

    return make


def half_special(name: str):
    """A maker for `name.approx{.ftz}` of f16, bf16 and their pairs."""

    def make(_approx: str, kind: str) -> Operation:
        scalar, function = kind.removesuffix("x2"), FUNCTIONS[name]
        read, write = decode(scalar), NARROW[scalar]
        made = packable(kind, lambda a: write(function(read(a).astype(F64))), 1)
        return replace(made, approximate=HALF_BOUNDS[name, scalar])

    return make


HIGH_WORD = np.uint64(0xFFFFFFFF00000000)


def upper_word(name: str):
    """rcp, rsqrt of f64: only the upper 32 bits of argument and result count; subnormals are zeros."""

    def run(a: Array) -> Array:
        x = (a & HIGH_WORD).view(F64)
        x = np.where(np.abs(x) < 2.0**-1022, np.copysign(0.0, x), x)
        result = FUNCTIONS[name](x)
        result = np.where(np.abs(result) < 2.0**-1022, np.copysign(0.0, result), result)
        nan = np.uint64(0x7FFFFFFF00000000)
        return np.where(result != result, nan, result.view(np.uint64) & HIGH_WORD)

    return lambda *_words: Operation(run, ("f64",), "f64", approximate="relative error 2^-20 (gross approximation)")


def quick_quotient(a: Array, b: Array) -> Array:
    """div.approx: a * (1/b), where 1/b is 0 for |b| > 2^126."""
    quotient, huge = a / b, np.abs(b) > F32(2.0**126)
    return np.where(huge & np.isfinite(b), a * np.copysign(F32(0), b), quotient) if huge.any() else quotient


def quotient(how: str, ftz: str, kind: str) -> Operation:
    function = quick_quotient if how == "approx" else np.divide
    return replace(arithmetic(function, kind, 2, ftz), approximate=BOUNDS["div"])


SYNTAX = {
    "div approx|full ftz? f32": quotient,
    "rcp approx ftz f64": upper_word("rcp"),
    "rsqrt approx ftz? f64": upper_word("rsqrt"),
    "ex2 approx f16|f16x2": half_special("ex2"),
    "ex2 approx ftz bf16|bf16x2": lambda approx, ftz, kind: half_special("ex2")(approx, kind),
    "tanh approx HALF": half_special("tanh"),
    "tanh approx f32": lambda approx, kind: special("tanh")(approx, "", kind),
    **{f"{name} approx ftz? f32": special(name) for name in ("ex2", "lg2", "sin", "cos", "sqrt", "rcp", "rsqrt")},
}
