"""Shared memory: strides of 1 to 64 words of 4, 8 and 16 bytes, random and chosen patterns, masked lanes."""

import numpy as np

from calibration.case import Args, Case, floats, integers, permutation, words, zeros
from calibration.families.gathers import PATTERNS, WORD

WORDS = 512  # of the tile in shared_patterns.cu
STRIDES = {4: (1, 2, 3, 4, 8, 16, 31, 32, 33, 64), 8: (1, 2, 3, 4, 8, 16, 17), 16: (1, 2, 3, 4, 8, 9)}
PROBES = (
    "one",
    "pairs",
    "fours",
    "quarters_alike",
    "halves_alike",
    "every_second",
    "wrapped",
    "reversed",
    "far_quarters",
    "even_lanes",
    "tail",
)


def strided(size: int, stride: int, load: bool) -> Case:
    kind, dtype, parts = WORD[size]

    def args(rng: np.random.Generator) -> Args:
        return [words(rng, 32 * stride if load else 64, parts, dtype=dtype), zeros(64, parts, dtype=dtype)]

    def oracle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.tile(a[::stride], (2, 1)) if load else a.reshape(2, 32, parts)[:, ::-1].reshape(-1, parts)

    verb = "load" if load else "store"
    return Case(
        f"shared_{verb}{size}_stride_{stride}",
        "shared_strides.cu",
        f"shared_{verb}<{kind}, {stride}>",
        2,
        32,
        args,
        (1,),
        oracle,
    )


def all_strides(size: int, load: bool) -> Case:
    kind, dtype, parts = WORD[size]

    def args(rng: np.random.Generator) -> Args:
        return [words(rng, 2048, parts, dtype=dtype), zeros(2048, parts, dtype=dtype)]

    def oracle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        lane, stride = np.meshgrid(np.arange(32), np.arange(1, 65))
        at = lane * stride if load else (stride - 1) * 32 + (lane ^ 1)
        return a[at.reshape(-1)]

    verb = "load" if load else "store"
    return Case(
        f"shared_{verb}{size}_all_strides",
        "shared_strides.cu",
        f"shared_{verb}_all_strides<{kind}>",
        1,
        32,
        args,
        (1,),
        oracle,
    )


def gather(size: int, name: str, index: object) -> Case:
    kind, dtype, parts = WORD[size]

    def args(rng: np.random.Generator) -> Args:
        at = np.asarray(index(rng), np.int32)
        return [words(rng, WORDS, parts, dtype=dtype), at, zeros(len(at), parts, dtype=dtype)]

    def oracle(a: np.ndarray, at: np.ndarray, out: np.ndarray) -> np.ndarray:
        return np.where((at >= 0)[:, None], a[at], out)

    blocks = 1 if name in PATTERNS else 4
    return Case(
        f"shared_gather{size}_{name}",
        "shared_patterns.cu",
        f"shared_gather<{kind}>",
        blocks,
        32 if name in PATTERNS else 128,
        args,
        (2,),
        oracle,
    )


def scatter(size: int, name: str, index: object) -> Case:
    kind, dtype, parts = WORD[size]

    def args(rng: np.random.Generator) -> Args:
        at = np.asarray(index(rng), np.int32)
        return [words(rng, WORDS, parts, dtype=dtype), at, zeros(max(1, len(at) // 128) * WORDS, parts, dtype=dtype)]

    def oracle(a: np.ndarray, at: np.ndarray, out: np.ndarray) -> np.ndarray:
        tiles = np.tile(a, (len(out) // WORDS, 1, 1))
        for tile, places in zip(tiles, at.reshape(len(tiles), -1), strict=True):
            tile[places[places >= 0]] = a[: places.size][places >= 0]
        return tiles.reshape(out.shape)

    one = name in PATTERNS
    return Case(
        f"shared_scatter{size}_{name}",
        "shared_patterns.cu",
        f"shared_scatter<{kind}>",
        1 if one else 2,
        32 if one else 128,
        args,
        (2,),
        oracle,
    )


def random(rng: np.random.Generator) -> np.ndarray:
    return integers(rng, 512, below=WORDS)


def few(rng: np.random.Generator) -> np.ndarray:
    """Each lane one of 40 elements: many lanes of a warp meet."""
    return integers(rng, 512, below=40)


def masked(rng: np.random.Generator) -> np.ndarray:
    return np.where(integers(rng, 512, below=2) == 0, -1, integers(rng, 512, below=WORDS))


def distinct(rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([permutation(rng, WORDS)[:128] for _ in range(2)])


def distinct_masked(rng: np.random.Generator) -> np.ndarray:
    return np.where(integers(rng, 256, below=2) == 0, -1, distinct(rng))


def collisions(at: np.ndarray, out: np.ndarray) -> np.ndarray:
    out = out.reshape(2, WORDS).copy()
    for row, places in zip(out, at.reshape(2, 128), strict=True):
        row[places] = places + 1
    return out


def broadcast(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    return np.full(512, np.add.accumulate(a[::5])[-1], np.float32)


def byte_sums(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    t, k = np.meshgrid(np.arange(256), np.arange(4), indexing="ij")
    return (a[t * 4 + k] + a[1023 - t - 256 * k]).reshape(-1)


CASES = (
    *(strided(size, stride, True) for size, strides in STRIDES.items() for stride in strides),
    *(strided(4, stride, False) for stride in (1, 2, 32, 33)),
    *(strided(8, stride, False) for stride in (1, 2, 16)),
    *(strided(16, stride, False) for stride in (1, 2, 3, 8)),
    *(all_strides(size, load) for size in (4, 8) for load in (True, False)),
    *(gather(size, "random", random) for size in WORD),
    *(gather(size, "few", few) for size in WORD),
    *(gather(size, "masked", masked) for size in (4, 8, 16)),
    *(gather(size, name, lambda r, at=PATTERNS[name]: at) for size in (8, 16) for name in PROBES),
    *(scatter(size, "distinct", distinct) for size in WORD),
    *(scatter(size, "masked", distinct_masked) for size in (4, 8, 16)),
    *(
        scatter(16, name, lambda r, at=PATTERNS[name]: at)
        for name in ("every_second", "wrapped", "even_lanes", "tail")
        if len(set(PATTERNS[name][PATTERNS[name] >= 0])) == (PATTERNS[name] >= 0).sum()
    ),
    Case(
        "shared_store_collisions",
        "shared_patterns.cu",
        "shared_store_collisions",
        2,
        128,
        lambda r: [integers(r, 256, below=24), zeros(2, WORDS, dtype=np.int32)],
        (1,),
        collisions,
    ),
    Case(
        "shared_broadcast",
        "shared_patterns.cu",
        "shared_broadcast",
        2,
        256,
        lambda r: [floats(r, 256), zeros(512)],
        (1,),
        broadcast,
    ),
    Case(
        "shared_bytes",
        "shared_patterns.cu",
        "shared_bytes",
        1,
        256,
        lambda r: [words(r, 1024, dtype=np.uint8), zeros(1024, dtype=np.uint8)],
        (1,),
        byte_sums,
    ),
    Case(
        "shared_halves",
        "shared_patterns.cu",
        "shared_halves",
        1,
        (32, 8),
        lambda r: [floats(r, 32, 32, dtype=np.float16), zeros(32, 32, dtype=np.float16)],
        (1,),
        lambda a, b: a.T,
    ),
)
