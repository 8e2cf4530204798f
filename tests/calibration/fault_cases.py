"""Kernels with one planted fault each, and clean ones that look faulty: what the CUDA model says of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.case import HERE, Args, Shape, floats, generator, int32, integers, zeros


@dataclass(frozen=True)
class FaultCase:
    """`fault`: race, out-of-bounds, misaligned, uninitialized, barrier, endless-loop; "" for a clean kernel.

    `tool`: of compute-sanitizer's, the one that covers the class ("": none does); `why` says so or what is wrong.
    `unwritten`: arguments whose memory is allocated and not filled.  `hangs`: may never end on a real GPU.
    """

    name: str
    file: str
    kernel: str
    grid: Shape
    block: Shape
    args: Callable[[np.random.Generator], Args]
    fault: str
    tool: str
    why: str
    dynamic_shared: int = 0
    unwritten: tuple[int, ...] = ()
    hangs: bool = False

    @property
    def path(self) -> Path:
        return HERE / "faults" / self.file

    @property
    def source(self) -> str:
        return self.path.read_text()

    def make(self) -> Args:
        return self.args(generator(self.name))


def ints(*sizes: int, scalars: tuple = (), below: int = 100) -> Callable[[np.random.Generator], Args]:
    """A random array of the first size, empty ones of the others, and scalars."""

    def args(rng: np.random.Generator) -> Args:
        first, *others = sizes
        return [integers(rng, first, below=below), *(zeros(n, dtype=np.int32) for n in others), *map(int32, scalars)]

    return args


def reals(first: int, *others: int, scalars: tuple = ()) -> Callable[[np.random.Generator], Args]:
    return lambda rng: [floats(rng, first), *(zeros(n) for n in others), *map(int32, scalars)]


def blank(*sizes: int, scalars: tuple = ()) -> Callable[[np.random.Generator], Args]:
    return lambda rng: [*(zeros(n, dtype=np.int32) for n in sizes), *map(int32, scalars)]


def family(file: str, *rows: tuple) -> list[FaultCase]:
    return [
        FaultCase(f"fault_{kernel}", file, kernel, grid, block, args, *facts, **(extra[0] if extra else {}))
        for kernel, grid, block, args, facts, *extra in rows
    ]


def last_block(rng: np.random.Generator) -> Args:
    return [integers(rng, 4), zeros(4, dtype=np.int32), zeros(1, dtype=np.uint32), zeros(4, dtype=np.int32)]


def local_args(rng: np.random.Generator) -> Args:
    return [np.concatenate([integers(rng, 32), np.arange(32, dtype=np.int32)]), zeros(32, dtype=np.int32)]


GLOBAL_RACE = "racecheck sees shared memory only"
RACES = family(
    "races.cu",
    (
        "transpose_without_barrier",
        1,
        (16, 16),
        reals(256, 256),
        ("race", "racecheck", "no barrier between store and load"),
    ),
    ("tree_without_barrier", 1, 256, ints(256, 1), ("race", "racecheck", "no barrier between the levels of the tree")),
    (
        "loop_without_second_barrier",
        1,
        128,
        ints(512, 128, scalars=(4,)),
        ("race", "racecheck", "the next tile overwrites the one still read"),
    ),
    ("warp_sum_volatile", 1, 32, ints(64, 1), ("race", "racecheck", "volatile is no __syncwarp")),
    (
        "neighbours_in_a_warp",
        1,
        32,
        ints(32, 32),
        ("race", "racecheck", "a lane stores where its neighbour still reads"),
    ),
    ("warps_write_one_place", 1, 128, blank(128), ("race", "racecheck", "two warps write different values")),
    ("all_write_the_same", 1, 128, blank(128), (None, "racecheck", "all write one value: no order changes the result")),
    (
        "dynamic_without_barrier",
        1,
        128,
        ints(128, 128, scalars=(128,)),
        ("race", "racecheck", "in dynamic shared memory"),
        {"dynamic_shared": 512},
    ),
    ("shuffle_as_barrier", 1, 32, ints(32, 32), ("race", "racecheck", "a shuffle orders no memory")),
    ("histogram_plain", 1, 128, ints(128, 8), ("race", "racecheck", "++ without an atomic")),
    ("blocks_add_plainly", 4, 32, ints(4, 1), ("race", "", GLOBAL_RACE)),
    ("halves_of_a_block", 1, 64, ints(32, 64), ("race", "racecheck", "two warps, no barrier")),
    ("flag_with_fence", 2, 64, blank(64, 1, 64), ("", "", "fence, flag, fence: ordered")),
    ("flag_without_fence", 2, 64, blank(64, 1, 64), ("race", "", GLOBAL_RACE)),
    ("last_block", 4, 32, last_block, ("", "", "the atomic and the fences order the partial sums")),
    ("transpose_padded", 1, (16, 16), reals(256, 256), ("", "racecheck", "a barrier between store and load")),
    ("syncwarp_exchange", 1, 64, ints(64, 64), ("", "racecheck", "__syncwarp orders the lanes of a warp")),
    ("atomics_mixed", 1, 128, ints(128, 1), ("", "racecheck", "atomics do not race with atomics")),
    ("double_buffer_one_barrier", 1, 128, ints(512, 128, scalars=(4,)), ("", "racecheck", "the buffers alternate")),
    (
        "async_without_barrier",
        1,
        64,
        ints(64, 64),
        ("race", "racecheck", "cp.async.wait_all waits for one's own copies"),
    ),
)
MEMORY = family(
    "memory.cu",
    (
        "read_one_past",
        2,
        128,
        reals(200, 200, scalars=(200,)),
        ("out-of-bounds", "memcheck", "the last thread reads in[n]"),
    ),
    (
        "read_before_start",
        2,
        128,
        reals(200, 200, scalars=(200,)),
        ("out-of-bounds", "memcheck", "thread 0 reads in[-1]"),
    ),
    ("write_past_end", 2, 128, reals(1, 250), ("out-of-bounds", "memcheck", "six threads too many store")),
    (
        "rows_without_guard",
        (2, 2),
        (16, 16),
        reals(20 * 20, 20 * 20, scalars=(20, 20)),
        ("out-of-bounds", "memcheck", "no guard on rows: some threads leave the array"),
    ),
    ("quads_past_end", 1, 64, reals(62 * 4, 64 * 4), ("out-of-bounds", "memcheck", "two float4 past the end")),
    ("atomic_past_end", 1, 32, ints(32, 90), ("out-of-bounds", "memcheck", "keys up to 99, 90 bins")),
    (
        "shared_into_neighbour",
        1,
        64,
        ints(64, 64, scalars=(8,)),
        ("out-of-bounds", "", "inside the block's allocation: memcheck cannot tell the arrays apart"),
    ),
    (
        "shared_past_allocation",
        1,
        64,
        ints(64, 64, scalars=(8,)),
        ("out-of-bounds", "memcheck", "past the only shared array"),
    ),
    (
        "dynamic_past_allocation",
        1,
        64,
        ints(64, 64),
        ("out-of-bounds", "memcheck", "64 elements, room for 48"),
        {"dynamic_shared": 192},
    ),
    (
        "local_past_end",
        1,
        32,
        local_args,
        ("out-of-bounds", "", "memcheck sees local memory only past the whole frame"),
    ),
    (
        "float4_off_by_one_float",
        1,
        32,
        reals(140, 32),
        ("misaligned", "memcheck", "float4 at an address 4 past a multiple of 16"),
    ),
    ("store_float2_odd", 1, 32, reals(32, 70), ("misaligned", "memcheck", "float2 at an odd float")),
    (
        "shared_misaligned",
        1,
        32,
        reals(32, 32, scalars=(0,)),
        ("misaligned", "memcheck", "float2 at odd floats of shared memory"),
    ),
    (
        "shared_never_written",
        1,
        64,
        blank(64, scalars=(5,)),
        ("uninitialized", "", "initcheck sees global memory only"),
    ),
    ("accumulator_never_cleared", 1, 64, ints(64, 16), ("uninitialized", "", "initcheck sees global memory only")),
    (
        "global_never_written",
        1,
        64,
        blank(64, 64),
        ("uninitialized", "initcheck", "the scratch memory was never filled"),
        {"unwritten": (0,)},
    ),
    (
        "global_half_written",
        1,
        64,
        blank(64, 64),
        ("uninitialized", "initcheck", "every second element was never filled"),
        {"unwritten": (0,)},
    ),
    ("guarded_tail", 2, 128, reals(200, 200, scalars=(200,)), ("", "memcheck", "the guard holds")),
    (
        "scratch_written_first",
        1,
        64,
        blank(64, 64),
        ("", "initcheck", "all of it is written before it is read"),
        {"unwritten": (0, 1)},
    ),
)
BARRIERS = family(
    "barriers.cu",
    (
        "barrier_in_branch",
        1,
        64,
        ints(64, 64),
        ("barrier", "synccheck", "16 threads of the block never come"),
        {"hangs": True},
    ),
    (
        "barriers_in_both_branches",
        1,
        64,
        ints(64, 64),
        ("barrier", "synccheck", "the two halves stand at two barriers"),
        {"hangs": True},
    ),
    (
        "return_before_barrier",
        1,
        64,
        ints(64, 64, scalars=(50,)),
        (None, "synccheck", "14 lanes of a warp have left before its barrier: it waits for those that run"),
        {"hangs": True},
    ),
    (
        "barrier_by_trip_count",
        1,
        64,
        ints(64, 64),
        (None, "synccheck", "the second warp comes once more, when the first has left"),
        {"hangs": True},
    ),
    ("syncwarp_wrong_mask", 1, 32, ints(32, 32), ("barrier", "synccheck", "lanes that are not in the mask come")),
    (
        "syncwarp_missing_lanes",
        1,
        32,
        ints(33, 32, below=1),
        ("barrier", "synccheck", "named lanes do not come"),
        {"hangs": True},
    ),
    ("endless_wait", 1, 1, blank(1, 1), ("endless-loop", "", "nobody sets the flag"), {"hangs": True}),
    (
        "whole_warps_leave",
        1,
        128,
        ints(128, 128, scalars=(96,)),
        ("", "synccheck", "a warp that has left does not count"),
    ),
    ("barrier_in_uniform_branch", 1, 64, ints(64, 64, scalars=(4,)), ("", "synccheck", "all threads take the branch")),
)
FAULT_CASES: tuple[FaultCase, ...] = tuple(RACES + MEMORY + BARRIERS)
assert len({case.name for case in FAULT_CASES}) == len(FAULT_CASES), "two cases of one name"
