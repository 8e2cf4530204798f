"""One calibration case: a kernel, a launch, inputs made from a fixed seed, and what comes out.

Needs NumPy only (ml_dtypes for bf16, where it is installed): the machine that records has nothing of the course.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
Shape = int | tuple[int, ...]
Args = list  # NumPy arrays (device memory) and NumPy scalars (passed by value), in the kernel's order


def three(shape: Shape) -> tuple[int, int, int]:
    """(x, y, z) of a grid or block written as 4, (4,) or (4, 2)."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return shape + (1,) * (3 - len(shape))


@dataclass(frozen=True)
class Case:
    """`compare`: "exact", or "bound" where float atomics add in a free order or a function is approximate (`rtol`).

    `oracle` maps the arguments to the expected outputs, in the order of `outputs`, within `oracle_rtol` of the
    largest expected value (0: bit-equal).  `counters` is False where they depend on timing (a lock is tried until
    it opens).
    """

    name: str
    file: str
    kernel: str  # an entry, or an instance of a template: "copy<float4>"
    grid: Shape
    block: Shape
    args: Callable[[np.random.Generator], Args]
    outputs: tuple[int, ...]
    oracle: Callable[..., object] | None = None
    oracle_rtol: float = 0.0
    compare: str = "exact"
    rtol: float = 0.0
    dynamic_shared: int = 0
    counters: bool = True

    @property
    def path(self) -> Path:
        return HERE / "kernels" / self.file

    @property
    def source(self) -> str:
        return text(self.path)

    def make(self) -> Args:
        return self.args(generator(self.name))

    def expected(self) -> list[np.ndarray] | None:
        """What the oracle gives for this case's inputs."""
        if self.oracle is None:
            return None
        with np.errstate(all="ignore"):  # integers wrap as the GPU's do
            found = self.oracle(*self.make())
        return list(found) if isinstance(found, tuple | list) else [found]


@cache
def text(path: Path) -> str:
    return path.read_text()


def generator(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


# Inputs are drawn from the raw bits, which NumPy keeps the same from version to version, unlike its distributions.
def raw(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """uint64, all bits random."""
    return np.asarray(rng.bit_generator.random_raw(int(np.prod(shape))), np.uint64).reshape(shape)


def floats(rng: np.random.Generator, *shape: int, dtype: type = np.float32) -> np.ndarray:
    """In [-1, 1), multiples of 2**-23 before rounding to dtype."""
    return ((raw(rng, shape) >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0).astype(dtype)


def doubles(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (raw(rng, shape) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0


def integers(rng: np.random.Generator, *shape: int, below: int = 1 << 31, dtype: type = np.int32) -> np.ndarray:
    """In [0, below)."""
    return ((raw(rng, shape) >> np.uint64(11)) % np.uint64(below)).astype(dtype)


def words(rng: np.random.Generator, *shape: int, dtype: type = np.uint32) -> np.ndarray:
    """Unsigned integers of dtype, all bits random."""
    return (raw(rng, shape) >> np.uint64(64 - 8 * np.dtype(dtype).itemsize)).astype(dtype)


def permutation(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.argsort(raw(rng, n), kind="stable").astype(np.int32)


def bfloat16(values: np.ndarray) -> np.ndarray:
    """float32 rounded to bf16 (to nearest even); as its bits, in uint16, where ml_dtypes is not installed."""
    bits = values.astype(np.float32).view(np.uint32)
    bits = ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)
    try:
        import ml_dtypes
    except ImportError:
        return bits
    return bits.view(ml_dtypes.bfloat16)


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def int32(value: int) -> np.int32:
    return np.int32(value)
