"""Chapter 00: one small exercise of each kind."""

import numpy as np
import torch

from utils.judge import Function, Kernel, Misread, Predict, Quantity, Rival, Tolerance, sizes, spread


def line(rng: np.random.Generator, n: int) -> tuple[float, np.ndarray, np.ndarray]:
    x, y = spread(rng, n), spread(rng, n)
    if n < 3:  # where one or two numbers are all there is, let a·x and y not cancel: the error would be all one sees
        y = np.copysign(y, x)
    return float(rng.uniform(2, 3)), x, y


MATRIX = Predict(
    id="00.1",
    title="How big is a weight matrix?",
    quantities=(
        Quantity(
            name="megabytes_fp16",
            value=4096 * 4096 * 2 / 1e6,
            unit="MB",
            rtol=0.01,
            because="4096 × 4096 numbers of 2 bytes are 33,554,432 bytes, and a megabyte is 10^6 bytes.",
            misreads=(
                Misread(4096 * 4096 / 1e6, "one-byte", "That is one byte per number; float16 takes two."),
                Misread(4096 * 4096 * 16 / 1e6, "bits", "Those are megabits: 16 bits are 2 bytes."),
                Misread(4096 * 2 / 1e6, "one-row", "That is one row. The matrix has 4096 of them."),
                Misread(4096 * 4096 * 4 / 1e6, "float32", "That is float32, with 4 bytes per number."),
            ),
        ),
        Quantity(
            name="microseconds_to_read",
            value=4096 * 4096 * 2 / 3.0e12 * 1e6,
            unit="µs",
            rtol=0.05,
            because="33.6 MB at 3.0 TB/s take 11 µs, however fast the arithmetic is.",
            misreads=(Misread(4096 * 4096 * 2 / 3.0e9, "milli", "Off by a thousand: TB/s is MB/µs."),),
        ),
    ),
    hints=("A float16 has 16 bits, a byte has 8.", "Bytes = rows × columns × 2. Time = bytes / (3.0e12 bytes/s)."),
    why="Bytes and bandwidth give the floor of any kernel that must read the matrix once. You will use it all the time.",
)

SAXPY = Function(
    id="00.2",
    title="saxpy",
    minutes=3,
    dots=1,
    size="1 line",
    answer="saxpy",
    signature="saxpy(a: float, x: float32[n], y: float32[n]) -> float32[n]",
    inputs=line,
    oracle=lambda a, x, y: a * x.astype(np.float64) + y,
    shapes=sizes(),
    dtype="float32",
    tolerance=Tolerance.of("float32", floor=8.0),
    rivals=(
        Rival(key="swapped", sentence="**You scale `y`.** The `a` belongs to `x`.", oracle=lambda a, x, y: a * y + x),
        Rival(key="no-a", sentence="**`a` is not used**: this is x + y.", oracle=lambda a, x, y: x + y),
        Rival(key="no-y", sentence="**`y` is not added**: this is a·x.", oracle=lambda a, x, y: a * x),
    ),
    hints=("Element i of the result is a * x[i] + y[i].", "NumPy does that for whole arrays: `a * x + y`."),
    why="`a * x + y` allocates a new array and leaves both inputs alone. The name is BLAS's: single-precision a x plus y.",
    follow_up="how many bytes does it move for n numbers, and how many operations does it do on them?",
)

ADD = Kernel(
    id="00.3",
    title="Your first kernel",
    minutes=8,
    dots=2,
    size="4 lines",
    answer="add",
    signature="add(x: float32[n], y: float32[n]) -> float32[n]",
    inputs=lambda rng, n: (torch.from_numpy(spread(rng, n)), torch.from_numpy(spread(rng, n))),
    oracle=lambda x, y: x.double() + y.double(),
    shapes=sizes(),
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    block=(128,),
    traffic=1.01,
    rivals=(
        Rival(key="subtracts", sentence="**This is x − y.**", oracle=lambda x, y: x - y),
        Rival(
            key="one-input", sentence="**`y` is never read**: the kernel adds `x` to itself.", oracle=lambda x, y: x + x
        ),
    ),
    hints=(
        "Program p works on elements p·BLOCK to p·BLOCK + BLOCK − 1. `tl.program_id(0)` is p, `tl.arange(0, BLOCK)` "
        "gives 0 to BLOCK − 1.",
        "The last program reaches past n. Give every `tl.load` and `tl.store` a `mask=i < n`.",
        "i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), then load x + i and y + i, add, store to out + i.",
    ),
    why="One program for each block of 128 elements; the mask keeps the last one inside the arrays. `x + i` is pointer "
    "arithmetic: 128 addresses at once.",
    follow_up="what would happen on a real GPU without the mask?",
)

EXERCISES = [MATRIX, SAXPY, ADD]
