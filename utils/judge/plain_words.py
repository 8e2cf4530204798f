"""What the commonest errors of first kernels mean, in plain words."""

from __future__ import annotations

import re

INDEXED = "A pointer is not indexed with `[ ]`: read with `tl.load(x + i)`, write with `tl.store(out + i, value)`."
POWER = "Block sizes are powers of two, `tl.arange(0, 128)` say; a mask handles the rest."

# text in the error: what it means; the first that fits is shown
MEANINGS = {
    "'function' object is not subscriptable": "Is `@triton.jit` missing above the kernel?",
    "cannot add pointers together": "Two pointers are added. Load the numbers first: `tl.load(x + i)`.",
    "'int' object is not iterable": INDEXED,
    "only 0-dimensional arrays can be converted": INDEXED,
    "does not support item assignment": INDEXED,
    "must be a power of 2": POWER,
    "truth value of an array": "`if` asks one question, an array holds many answers: `np.where`, `tl.where`.",
    "Cannot bitcast": "A bit cast keeps the width: convert to an integer of that width before, `.to(tl.int16)`.",
    "incompatible dimensions": "Two shapes do not fit: `v[:, None]` makes a column of a vector, `v[None, :]` a row.",
    "outside of the scope of a kernel": "Launch it with a grid: `kernel[grid](...)`.",
    "is not defined": "A name is used that no cell has defined; has its cell been run?",
}

LAUNCH = re.compile(r"\w\[.*\]\(")  # kernel[grid](...
GRID = "A grid is a tuple, even of one number: `kernel[(count,)](...)`, with the comma."


def meaning(error: str) -> str:
    """A sentence for an error's last line; "" where it speaks for itself."""
    *before, last = error.strip().splitlines() or [""]
    if re.search(r"'(int|float)' has no len\(\)", last) and before and LAUNCH.search(before[-1]):
        return GRID
    return next((words for text, words in MEANINGS.items() if text in last), "")
