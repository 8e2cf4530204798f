"""Gathers and scatters: 16-byte loads whose quarter-warps share sectors, random indices, collisions."""

import numpy as np

from calibration.case import Args, Case, int32, integers, permutation, words, zeros

WORD = {
    1: ("unsigned char", np.uint8, 1),
    2: ("unsigned short", np.uint16, 1),
    4: ("unsigned", np.uint32, 1),
    8: ("uint2", np.uint32, 2),
    16: ("uint4", np.uint32, 4),
}
LANE = np.arange(32)
# What each lane of a warp reads: which lanes of a 16-byte load share a sector, and whether they share a quarter-warp.
PATTERNS = {
    "one": LANE * 0,
    "pairs": LANE // 2,
    "fours": LANE // 4,
    "quarters_alike": LANE % 8,
    "halves_alike": LANE % 16,
    "quarters_share_sectors": LANE % 8 * 2 + LANE // 8 % 2,
    "every_second": LANE * 2,
    "every_fourth": LANE * 4,
    "wrapped": LANE * 2 % 32,
    "reversed": 31 - LANE,
    "far_quarters": LANE % 8 + LANE // 8 * 64,
    "odd_start": LANE + 1,
    "even_lanes": np.where(LANE % 2 == 0, LANE, -1),
    "tail": np.where(LANE < 11, LANE, -1),
}


def gather(size: int, name: str, index: object, kernel: str = "gather", extent: int = 512) -> Case:
    kind, dtype, parts = WORD[size]

    def args(rng: np.random.Generator) -> Args:
        at = np.asarray(index(rng), np.int32)
        n = (extent, len(at)) if kernel == "gather" else (len(at), extent)
        return [words(rng, n[0], parts, dtype=dtype), at, zeros(n[1], parts, dtype=dtype)]

    def oracle(source: np.ndarray, at: np.ndarray, out: np.ndarray) -> np.ndarray:
        out, used = out.copy(), at >= 0
        if kernel == "gather":
            out[used] = source[at[used]]
        else:
            out[at[used]] = source[used]
        return out

    return Case(
        f"{kernel}{size}_{name}",
        "gathers.cu",
        f"{kernel}<{kind}>",
        4 if name in SEVERAL else 1,
        128 if name in SEVERAL else 32,
        args,
        (2,),
        oracle,
    )


SEVERAL = ("random", "near", "random_masked", "permuted")


def random(rng: np.random.Generator) -> np.ndarray:
    return integers(rng, 512, below=512)


def near(rng: np.random.Generator) -> np.ndarray:
    """Every warp within 24 elements of its own place."""
    return np.arange(512) // 32 * 30 + integers(rng, 512, below=24)


def random_masked(rng: np.random.Generator) -> np.ndarray:
    return np.where(integers(rng, 512, below=3) == 0, -1, integers(rng, 512, below=512))


def shuffled(rng: np.random.Generator) -> np.ndarray:
    return permutation(rng, 512)


def sorted_args(rng: np.random.Generator) -> Args:
    return [
        np.sort(integers(rng, 1000, below=10000)),
        int32(1000),
        integers(rng, 512, below=10000),
        zeros(512, dtype=np.int32),
    ]


def twice_args(rng: np.random.Generator) -> Args:
    return [permutation(rng, 512), permutation(rng, 512), words(rng, 512).astype(np.float32), zeros(512)]


def equal_args(rng: np.random.Generator) -> Args:
    return [integers(rng, 256, below=20), zeros(64, dtype=np.int32)]


def equal(at: np.ndarray, out: np.ndarray) -> np.ndarray:
    out = out.copy()
    out[at] = at * 7 + 1
    return out


CASES = (
    *(gather(16, name, lambda r, at=at: at) for name, at in PATTERNS.items()),
    *(
        gather(8, name, lambda r, at=PATTERNS[name]: at)
        for name in ("pairs", "halves_alike", "every_second", "odd_start")
    ),
    *(gather(size, "random", random) for size in WORD),
    *(gather(size, "near", near) for size in WORD),
    gather(4, "random_masked", random_masked),
    gather(16, "random_masked", random_masked),
    *(gather(size, "permuted", shuffled, "scatter") for size in WORD),
    gather(16, "every_second", lambda r: PATTERNS["every_second"], "scatter"),
    gather(16, "even_lanes", lambda r: PATTERNS["even_lanes"], "scatter"),
    Case("scatter_equal_values", "gathers.cu", "scatter_equal", 2, 128, equal_args, (1,), equal),
    Case("gather_twice", "gathers.cu", "gather_twice", 4, 128, twice_args, (3,), lambda f, s, a, out: a[s[f]]),
    Case(
        "lower_bound",
        "gathers.cu",
        "lower_bound",
        4,
        128,
        sorted_args,
        (3,),
        lambda a, n, keys, out: np.searchsorted(a, keys).astype(np.int32),
    ),
)
