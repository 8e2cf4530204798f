"""Kernels as somebody wrote them who knew nothing of the emulator's rules: tried as a holdout first, kept since.

No oracle: the recorded device is one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calibration.case import Case, Shape, bfloat16, doubles, floats, int32, integers, words, zeros

I8, U8, I16, U16, I32, U32 = np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32
I64, U64, F16, F32, F64 = np.int64, np.uint64, np.float16, np.float32, np.float64
Make = Callable[[np.random.Generator], object]


def ints(n: int, below: int = 1000, dtype: type = I32) -> Make:
    return lambda rng: integers(rng, n, below=below, dtype=dtype)


def bits(n: int, dtype: type = U32) -> Make:
    return lambda rng: words(rng, n, dtype=np.dtype(f"u{np.dtype(dtype).itemsize}").type).view(dtype)


def real(n: int, dtype: type = F32) -> Make:
    return (lambda rng: doubles(rng, n)) if dtype is F64 else (lambda rng: floats(rng, n, dtype=dtype))


def brain(n: int) -> Make:
    return lambda rng: bfloat16(floats(rng, n))


def order(n: int, dtype: type = I32) -> Make:
    return lambda rng: np.argsort(words(rng, n), kind="stable").astype(dtype)


def ascending(n: int, below: int) -> Make:
    return lambda rng: np.sort(integers(rng, n, below=below))


def starts(n: int, most: int) -> Make:
    return lambda rng: np.concatenate([[0], np.cumsum(integers(rng, n, below=most))]).astype(I32)


def given(*values: int, dtype: type = I32) -> Make:
    return lambda rng: np.array(values, dtype)


def shifted(make: Make, by: int) -> Make:
    return lambda rng: make(rng) + by


class Out:
    """An array that starts at zero and is compared."""

    def __init__(self, n: int, dtype: type = F32) -> None:
        self.n, self.dtype = n, dtype

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        return bfloat16(zeros(self.n)) if self.dtype == "bf16" else zeros(self.n, dtype=self.dtype)


class InOut:
    """An array that is read, written and compared."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def __call__(self, rng: np.random.Generator) -> object:
        return self.make(rng)


def struct(**fields: Callable) -> Callable[[int], Make]:
    """Raw bytes of n structs, aligned as C aligns them, every field from its own maker."""

    def many(n: int) -> Make:
        def make(rng: np.random.Generator) -> np.ndarray:
            columns = {name: one(n)(rng) for name, one in fields.items()}
            kind = np.dtype([(name, values.dtype) for name, values in columns.items()], align=True)
            out = np.zeros(n, kind)
            for name, values in columns.items():
                out[name] = values
            return out.view(U8)

        return make

    return many


def family(file: str, *cases: tuple) -> tuple[Case, ...]:
    """(kernel, grid, block, parameters) or with a dict of further fields; the file's name distinguishes."""
    return tuple(case(file, *one) for one in cases)


def case(file: str, kernel: str, grid: Shape, block: Shape, parameters: list, more: dict | None = None) -> Case:
    def args(rng: np.random.Generator) -> list:
        made = [one(rng) if callable(one) else one for one in parameters]
        return [int32(one) if isinstance(one, int) else one for one in made]

    outputs = tuple(i for i, one in enumerate(parameters) if isinstance(one, Out | InOut))
    more = dict(more or {})
    name = more.pop("name", f"{file}_{kernel}".replace("<", "_").replace(">", "").replace(", ", "_").replace(" ", "_"))
    return Case(name, f"newcomer/{file}.cu", kernel, grid, block, args, outputs, **more)
