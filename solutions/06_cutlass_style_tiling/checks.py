"""What every answer of chapter 06 must do. Layouts are judged by what they map, listed element by element."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cache, lru_cache
from itertools import product
from math import ceil, prod

import ml_dtypes
import numpy as np
import torch

from utils import fp8_accumulator, layouts, tile_times
from utils.judge import (
    Budget,
    Calls,
    Choices,
    Cuda,
    Forbid,
    Function,
    Kernel,
    Misread,
    Predict,
    Quantity,
    Rival,
    Tolerance,
    Unfit,
    spread,
)
from utils.layouts import flat, layout_of, modes, size
from utils.mbarriers import Fault, Warp
from utils.ring import Ring
from utils.vgpu import emulate, tensor_cores

offsets = lru_cache(10_000)(layouts.offsets)  # of what is drawn here; what an answer returns may hold lists
CALLS = 60  # of the answer in each case of an exercise on layouts

# --- Random layouts ---------------------------------------------------------------------------------------


def nested(rng: np.random.Generator, extents: list[int], strides: list[int], deep: float = 0.5) -> tuple:
    """The same modes, some neighbours of them gathered in tuples."""
    shape, stride = list(extents), list(strides)
    while len(shape) > 2 and rng.random() < deep:
        first = int(rng.integers(0, len(shape) - 1))
        last = int(rng.integers(first + 2, len(shape) + 1))
        shape[first:last], stride[first:last] = [tuple(shape[first:last])], [tuple(stride[first:last])]
    if len(shape) == 1:
        return shape[0], stride[0]
    return tuple(shape), tuple(stride)


def one_of(rng: np.random.Generator, values: Sequence) -> object:
    """One of the values; rng.choice takes ten times as long."""
    return values[int(rng.integers(len(values)))]


def extents_of(rng: np.random.Generator, rank: int, most: int = 6) -> list[int]:
    return [int(n) for n in rng.integers(1, most + 1, rank)]


def packed(rng: np.random.Generator, extents: list[int], gap: int = 1) -> list[int]:
    """Strides that fill memory in a random order of the modes; gap: up to so many times as much between them."""
    strides, span = [0] * len(extents), 1
    for mode in rng.permutation(len(extents)):
        span *= int(rng.integers(1, gap + 1))
        strides[mode] = span
        span *= extents[mode]
    return strides


def random_layout(rng: np.random.Generator, what: str) -> tuple:
    """One layout of the kind `what`: flat, nested, gaps, sizes of 1, any strides, neighbours that merge."""
    rank = int(rng.integers(1, 5))
    extents = extents_of(rng, rank)
    if what == "neighbours that merge":
        extents = [int(n) for n in rng.integers(1, 5, rank + 1)]
        strides = [int(rng.integers(0, 5))]
        for n in extents[:-1]:  # where a mode of size 1 stands between two that merge, its stride is anything
            strides.append(strides[-1] * n if rng.random() < 0.8 else int(rng.integers(0, 30)))
        return nested(rng, extents, strides)
    if what == "sizes of 1":
        extents = [n if rng.random() < 0.5 else 1 for n in extents]
        strides = [d if n > 1 else int(rng.integers(0, 9)) for n, d in zip(extents, packed(rng, extents), strict=True)]
        return nested(rng, extents, strides)
    if what == "any strides":
        return nested(rng, extents, [int(d) for d in rng.integers(0, 20, rank)])
    return nested(rng, extents, packed(rng, extents, 3 if what == "gaps" else 1), 0.0 if what == "flat" else 0.6)


KINDS = ("flat", "nested", "gaps", "sizes of 1", "any strides", "neighbours that merge")
KIND_CASES = tuple({"what": what} for what in KINDS)


def coordinate(rng: np.random.Generator, shape: object, whole: float = 0.3) -> object:
    """A coordinate of `shape`: at each tuple a tuple, or now and then a single number for all of it."""
    if isinstance(shape, tuple) and rng.random() >= whole:
        return tuple(coordinate(rng, part, whole) for part in shape)
    return int(rng.integers(0, size(shape)))


def index_of(crd: object, shape: object, last_first: bool = False) -> int:
    """The number of a coordinate when all are counted, the leftmost mode fastest."""
    if not isinstance(crd, tuple):
        return crd
    parts = list(zip(crd, shape, strict=True))
    index = 0
    for part, extent in parts if last_first else parts[::-1]:
        index = index * size(extent) + index_of(part, extent, last_first)
    return index


def coordinates(shape: object, last_first: bool = False) -> list:
    """All coordinates of a shape in the order of their numbers."""
    if not isinstance(shape, tuple):
        return list(range(shape))
    parts = [coordinates(part, last_first) for part in shape]
    if last_first:
        return list(product(*parts))
    return [tuple(reversed(crd)) for crd in product(*reversed(parts))]


def a_layout(value: object) -> dict:
    """What a returned layout maps."""
    return {"offsets": layouts.offsets(value)}


# --- 06.7 and 06.8: coordinates ---------------------------------------------------------------------------


def coordinate_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    found = []
    for _ in range(CALLS):
        layout = random_layout(rng, what)
        whole = one_of(rng, [0.0, 0.3, 1.0])
        found.append((coordinate(rng, layout[0], whole), layout))
    return found


def offset_of(crd: object, layout: tuple) -> dict:
    return {"offset": offsets(layout)[index_of(crd, layout[0])]}


def offset_last_first(crd: object, layout: tuple) -> dict:
    """A number for a tuple of modes is taken apart with the rightmost mode fastest."""
    return {"offset": offset_with(crd, layout, lambda n, shape: coordinates(shape, last_first=True)[n])}


def offset_with(crd: object, layout: tuple, apart) -> int:
    shape, stride = layout
    if not isinstance(shape, tuple):
        return crd * stride
    crd = crd if isinstance(crd, tuple) else apart(crd, shape)
    return sum(offset_with(c, (s, d), apart) for c, s, d in zip(crd, shape, stride, strict=True))


def offset_first_stride(crd: object, layout: tuple) -> dict:
    """A number for a tuple of modes goes to the first of them, undivided."""
    return {"offset": offset_with(crd, layout, lambda n, shape: (n,) + (0,) * (len(shape) - 1))}


def a_number(value: object, *args) -> dict:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError("A whole number is wanted")
    return {"offset": value}


def index_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    shapes = [random_layout(rng, what)[0] for _ in range(CALLS)]
    return [(int(rng.integers(0, size(shape))), shape) for shape in shapes]


def coordinate_of(index: int, shape: object) -> dict:
    return {"coordinate": flat(coordinates(shape)[index])}


def coordinate_last_first(index: int, shape: object) -> dict:
    return {"coordinate": flat(coordinates(shape, last_first=True)[index])}


def coordinate_by_mode(index: int, shape: object) -> dict:
    """The index modulo every mode, never divided."""
    return {"coordinate": [index % n for n in flat(shape)]}


def a_coordinate(value: object, index: int, shape: object) -> dict:
    def fits(crd: object, extent: object) -> bool:
        if isinstance(extent, tuple):
            return isinstance(crd, (tuple, list)) and len(crd) == len(extent) and all(map(fits, crd, extent))
        return isinstance(crd, (int, np.integer)) and not isinstance(crd, bool)

    if not fits(value, shape):
        raise ValueError(f"A coordinate with the nesting of the shape {shape} is wanted")
    return {"coordinate": flat(value)}


# --- 06.9: coalesce ---------------------------------------------------------------------------------------


def layout_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    return [(random_layout(rng, what),) for _ in range(CALLS)]


def coalesced(A: tuple) -> dict:
    best = layout_of(offsets(A))
    return {"offsets": offsets(A), "depth": depth(best[0]), "modes": len(flat(best[0]))}


def depth(shape: object) -> int:
    return 1 + max(map(depth, shape)) if isinstance(shape, (tuple, list)) else 0


def a_flat_layout(value: object, *args) -> dict:
    values = layouts.offsets(value)
    return {"offsets": values, "depth": depth(value[0]), "modes": len(flat(value[0]))}


def merged(pairs: list[tuple[int, int]], keep_ones: bool = False, joins=lambda s, d, d1: d1 == s * d) -> dict:
    """What a coalesce with another rule returns."""
    found: list[tuple[int, int]] = []
    for s, d in pairs:
        if s == 1 and not keep_ones:
            continue
        if found and joins(*found[-1], d):
            found[-1] = found[-1][0] * s, found[-1][1]
        else:
            found.append((s, d))
    found = found or [(1, 0)]
    layout = found[0] if len(found) == 1 else tuple(zip(*found, strict=True))
    return a_flat_layout(layout)


def coalesced_keeping_ones(A: tuple) -> dict:
    return merged(modes(A), keep_ones=True)


def coalesced_sorted(A: tuple) -> dict:
    return merged(sorted(modes(A), key=lambda pair: pair[::-1]))


def coalesced_same_stride(A: tuple) -> dict:
    return merged(modes(A), joins=lambda s, d, d1: d1 == d)


def coalesced_flattened(A: tuple) -> dict:
    """Only flattened."""
    shape, stride = (tuple(n) for n in zip(*modes(A), strict=True))
    return a_flat_layout((shape, stride) if len(shape) > 1 else (shape[0], stride[0]))


# --- 06.10: composition -----------------------------------------------------------------------------------


def divisible(ends: list[int], s: int, d: int) -> bool:
    """Whether every d-th of the first s·d elements is a layout by CuTe's rule; ends: where a coalesced mode ends."""
    if s == 1 or d == 0:
        return True
    return all((end % d == 0 or d % end == 0) and (s * d <= end or s * d % end == 0) for end in ends)


def composed(A: tuple, B: tuple) -> np.ndarray:
    """A(B(i)) for every i. Raises ValueError where no layout has these offsets."""
    values = offsets(A)[offsets(B)]
    if layout_of(values) is None:
        raise ValueError("No layout has the offsets A(B(0)), A(B(1)), ...")
    return values


@cache
def composes(A: tuple, B: tuple) -> bool | None:
    """True: CuTe's rules give A∘B.  False: no layout is A∘B.  None: there is one, which the rules do not find."""
    if offsets(B).max() >= size(A[0]):
        return None
    whole = offsets(A)
    values, ends = whole[offsets(B)], np.cumprod(flat(layout_of(whole)[0]))[:-1].tolist()
    if all(divisible(ends, s, d) for s, d in modes(B)):
        by_mode = np.zeros(1, np.int64)
        for s, d in modes(B):
            steps = whole[[min(d * i, len(whole) - 1) for i in range(s)]]
            by_mode = (by_mode[None, :] + steps[:, None]).ravel()
        if np.array_equal(by_mode, values):
            return True
    return None if layout_of(values) is not None else False


def some(rng: np.random.Generator, draw, count: int = 40) -> list[tuple]:
    """`count` calls out of what `draw` makes; it returns None where a draw is of no use."""
    found: list[tuple] = []
    for _ in range(400 * count):
        if len(found) == count:
            return found
        if (call := draw(rng)) is not None:
            found.append(call)
    raise AssertionError(f"only {len(found)} of {count} calls were drawn")


def inner_layout(rng: np.random.Generator, top: int, what: str) -> tuple:
    """A layout whose values lie below `top`, and often divide it."""
    rank = int(rng.integers(1, 4)) if what != "one mode" else 1
    divisors = [n for n in range(1, 9) if top % n == 0]
    extents, strides, span = [], [], 1
    for _ in range(rank):
        step = one_of(rng, [1, 1, 2, 3, 4])
        extent = one_of(rng, divisors if rng.random() < 0.7 else [2, 3, 4, 5, 6])
        extents.append(extent)
        strides.append(span * step)
        span *= step * extent
    order = rng.permutation(rank)
    return nested(rng, [extents[i] for i in order], [strides[i] for i in order], 0.3)


def meeting(rng: np.random.Generator) -> tuple | None:
    """A and B whose modes divide one by one, but add up past the end of a mode of A; no layout is A∘B."""
    first, step = (int(n) for n in rng.integers(2, 7, 2))
    A = (first * step, int(rng.integers(2, 5))), tuple(int(n) for n in rng.permutation(np.arange(1, 30))[:2])
    sizes = [first, *(n for n in (2, 3, 4) if first * step % n == 0)]
    B = (one_of(rng, sizes), one_of(rng, sizes)), (step, int(rng.integers(1, first * step)))
    if offsets(B).max() >= size(A[0]) or composes(A, B) is not False:
        return None
    ends = [first * step]
    return (A, B) if all(divisible(ends, s, d) for s, d in modes(B)) else None


def composition_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    def draw(rng: np.random.Generator) -> tuple | None:
        if what == "modes that meet":
            return meeting(rng)
        A = random_layout(rng, one_of(rng, ["flat", "nested", "gaps", "sizes of 1", "neighbours that merge"]))
        if not 4 <= size(A[0]) <= 400:
            return None
        B = inner_layout(rng, size(A[0]), what)
        if what == "repeats (stride 0)":
            B = ((B[0], int(rng.integers(2, 4))), (B[1], 0))
        if what == "A has one mode":
            A = int(rng.integers(4, 200)), int(rng.integers(1, 9))
        wanted = what != "no layout"
        return (A, B) if composes(A, B) is wanted and size(B[0]) > 1 else None

    return some(rng, draw)


COMPOSITIONS = tuple(
    {"what": what}
    for what in ("A has one mode", "one mode", "several modes", "repeats (stride 0)", "no layout", "modes that meet")
)


def composition_of(A: tuple, B: tuple) -> dict:
    return {"offsets": composed(A, B)}


def composed_in_one_line(A: tuple, B: tuple) -> dict:
    """Strides multiplied with A's first stride: right where A is one mode."""
    return {"offsets": offsets(B) * modes(A)[0][1]}


def composed_unchecked(A: tuple, B: tuple, up: bool = False, checked: bool = False) -> dict:
    """The walk over A's modes with divisions that never complain.

    up: A's modes are divided rounding up, as CuTe does, else down.  checked: ValueError after all if the map is not A∘B.
    """
    best = modes(layout_of(offsets(A)))
    total = np.zeros(1, np.int64)
    for s, d in modes(B):
        part, rest, step = np.zeros(1, np.int64), s, d
        for extent, stride in best[:-1]:
            have = max(1, ceil(extent / step) if up and step else extent // step if step else extent)
            take = min(have, rest)
            part = (part[None, :] + stride * step * np.arange(take)[:, None]).ravel()
            rest, step = max(1, rest // take), max(1, -(-step // extent) if up else step // extent) if step else 0
        part = (part[None, :] + best[-1][1] * step * np.arange(rest)[:, None]).ravel()
        total = (total[None, :] + part[:, None]).ravel()
    return {"offsets": total}


def by_rules(A: tuple, B: tuple) -> np.ndarray:
    """A∘B where CuTe's rules find it, ValueError where they do not."""
    if not composes(A, B):
        raise ValueError("A mode does not divide")
    return composed(A, B)


def composed_mode_by_mode(A: tuple, B: tuple) -> dict:
    """Every mode of B checked by itself, their sum not."""
    whole = offsets(A)
    ends, total = np.cumprod(flat(layout_of(whole)[0]))[:-1].tolist(), np.zeros(1, np.int64)
    for s, d in modes(B):
        if not divisible(ends, s, d):
            raise ValueError("A mode does not divide")
        total = (total[None, :] + whole[d * np.arange(s)][:, None]).ravel()
    return {"offsets": total}


# --- 06.12: complement ------------------------------------------------------------------------------------


def span_of(A: tuple) -> int:
    """Where a repetition of A begins: the largest size · stride of a mode."""
    return max([s * d for s, d in modes(A) if s > 1], default=1)


def holes(values: np.ndarray, top: int) -> list[int]:
    """Shifts that put copies of `values` side by side until 0 to top − 1 are covered, the lowest hole first.

    Raises ValueError where copies meet.
    """
    covered, found, hole = np.zeros(top + int(values.max()) + 1, bool), [], 0
    while hole < top:
        places = values + hole
        if covered[places].any():
            raise ValueError("Two copies of A meet")
        covered[places] = True
        found.append(hole)
        rest = covered[hole:top]
        step = int(rest.argmin())
        hole = top if rest[step] else hole + step
    return found


def complement_of(A: tuple, M: int) -> dict:
    values = offsets(A)
    if len(np.unique(values)) < len(values):
        raise ValueError("A has the same offset twice")
    span = span_of(A)
    return {"offsets": holes(values, ceil(M / span) * span)}


def tiles(A: tuple) -> bool | None:
    """True: CuTe's rule for complements holds.  False: copies of A cannot fill memory.  None: neither."""
    span = 1
    for d, s in sorted((d, s) for s, d in modes(A) if s > 1):
        if d % span or d == 0:
            try:
                complement_of(A, 4 * span_of(A))
            except ValueError:
                return False
            return None
        span = s * d
    return True


def complement_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    def draw(rng: np.random.Generator) -> tuple | None:
        kind = {"no holes": "nested", "no complement": "any strides"}.get(what, one_of(rng, ["gaps", "sizes of 1"]))
        A = random_layout(rng, kind)
        if tiles(A) is not (what != "no complement") or span_of(A) > 400 or size(A[0]) > 200:
            return None
        span = span_of(A)
        M = span * int(rng.integers(1, 5))
        if what == "M is no multiple":
            M = int(rng.integers(1, 3 * span + 2))
        return A, M

    return some(rng, draw)


COMPLEMENTS = tuple({"what": what} for what in ("no holes", "holes", "M is no multiple", "no complement"))


def complement_only_repeats(A: tuple, M: int) -> dict:
    """Only the last mode: how often A repeats, the holes inside it forgotten."""
    complement_of(A, M)
    span = span_of(A)
    return {"offsets": span * np.arange(ceil(M / span))}


def complement_walk(pairs: list[tuple[int, int]], M: int) -> dict:
    """The usual walk over (size, stride) pairs, in the order in which they are given."""
    found, span = [], 1
    for s, d in pairs:
        if d % span or d == 0:
            raise ValueError
        found.append((d // span, span))
        span = s * d
    found.append((ceil(M / span), span))
    return {"offsets": offsets(tuple(zip(*found, strict=True)))}


def complement_unsorted(A: tuple, M: int) -> dict:
    return complement_walk([(s, d) for s, d in modes(A) if s > 1], M)


def complement_with_ones(A: tuple, M: int) -> dict:
    return complement_walk([(s, d) for d, s in sorted((d, s) for s, d in modes(A))], M)


def complement_rounded_down(A: tuple, M: int) -> dict:
    span = span_of(A)
    values = complement_of(A, M)["offsets"]
    inside = sum(value < span for value in values)
    return {"offsets": values[: inside * max(M // span, 1)]}


# --- 06.13 to 06.15: divide, product, tiles ---------------------------------------------------------------


def pair_fits(value: object) -> bool:
    """Whether it is a layout."""
    try:
        return layouts.checked(value) is not None
    except ValueError:
        return False


def two_modes(value: object, *args) -> dict:
    """What the two modes of a returned layout map."""
    if isinstance(value, (tuple, list)) and len(value) == 2 and not pair_fits(value) and all(map(pair_fits, value)):
        raise ValueError("These are two layouts; one is wanted: both shapes in one pair, both strides in another")
    layouts.offsets(value)
    if not isinstance(value[0], (tuple, list)) or len(value[0]) != 2:
        raise ValueError("A layout of two modes is wanted, `((tile, rest), (their strides))`")
    return {name: layouts.offsets((value[0][n], value[1][n])) for n, name in enumerate(("tile", "rest"))}


def divided(A: tuple, B: tuple) -> dict:
    rest = np.array(complement_of(B, size(A[0]))["offsets"])
    if len(rest) * size(B[0]) != size(A[0]):
        raise ValueError("The tiles do not fill A")
    values = offsets(A)[rest]
    if layout_of(values) is None:
        raise ValueError("No layout has these offsets")
    return {"tile": composed(A, B), "rest": values}


def divides(A: tuple, B: tuple) -> bool | None:
    tiling = tiles(B)
    if not tiling or size(A[0]) % span_of(B):
        return tiling if tiling is False else None
    rest = layout_of(complement_of(B, size(A[0]))["offsets"])
    parts = [composes(A, B), composes(A, rest)]
    return True if all(parts) else False if False in parts else None


def divide_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    def draw(rng: np.random.Generator) -> tuple | None:
        A = random_layout(rng, one_of(rng, ["flat", "nested", "gaps", "neighbours that merge"]))
        if not 4 <= size(A[0]) <= 300:
            return None
        B = inner_layout(rng, size(A[0]), "one mode" if what in ("one mode", "neighbours") else what)
        if what == "neighbours":
            B = B[0], 1
        return (A, B) if divides(A, B) is (what != "no layout") and size(B[0]) > 1 else None

    return some(rng, draw)


DIVIDES = tuple({"what": what} for what in ("neighbours", "one mode", "several modes", "no layout"))


def divided_tile_only(A: tuple, B: tuple) -> dict:
    """The rest left as the complement itself, not mapped through A."""
    return {"tile": composed(A, B), "rest": complement_of(B, size(A[0]))["offsets"]}


def divided_swapped(A: tuple, B: tuple) -> dict:
    found = divided(A, B)
    return {"tile": found["rest"], "rest": found["tile"]}


def divided_contiguous(A: tuple, B: tuple) -> dict:
    """The rest steps over whole tiles: every size(B)-th element."""
    return {"tile": by_rules(A, B), "rest": by_rules(A, (size(A[0]) // size(B[0]), size(B[0])))}


def multiplied(A: tuple, B: tuple) -> dict:
    values, places = offsets(A), offsets(B)
    if len(np.unique(values)) < len(values):
        raise ValueError("A has the same offset twice")
    copies = holes(values, span_of(A) * (int(places.max()) + 1))
    rest = np.array(copies)[places]
    if layout_of(rest) is None:
        raise ValueError("No layout has these offsets")
    return {"tile": values, "rest": rest}


def product_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    def draw(rng: np.random.Generator) -> tuple | None:
        kind = "gaps" if what == "with holes" else "any strides" if what == "no layout" else "nested"
        A = random_layout(rng, kind)
        B = random_layout(rng, "gaps" if what == "places with gaps" else "nested")
        if any(d == 0 and s > 1 for s, d in modes(A)) or not 2 <= size(A[0]) <= 60 or not 2 <= size(B[0]) <= 40:
            return None
        if span_of(A) > 200 or int(offsets(B).max()) > 100:
            return None
        if what == "no layout":
            return (A, B) if tiles(A) is False else None
        if not tiles(A):
            return None
        cotarget = size(A[0]) * (int(offsets(B).max()) + 1)
        for top in (cotarget, max(cotarget, 4 * span_of(A))):  # an answer may complement further than it needs to
            copies = complement_of(A, top)["offsets"]
            if len(copies) <= int(offsets(B).max()) or not composes(layout_of(copies), B):
                return None
        return A, B

    return some(rng, draw)


PRODUCTS = tuple({"what": what} for what in ("packed", "with holes", "places with gaps", "no layout"))


def multiplied_by_size(A: tuple, B: tuple) -> dict:
    """Copies stand size(A) apart: right only where A has no holes."""
    return {"tile": offsets(A), "rest": offsets(B) * size(A[0])}


def multiplied_by_span(A: tuple, B: tuple) -> dict:
    return {"tile": offsets(A), "rest": offsets(B) * span_of(A)}


def multiplied_by_cosize(A: tuple, B: tuple) -> dict:
    return {"tile": offsets(A), "rest": offsets(B) * (int(offsets(A).max()) + 1)}


def multiplied_not_placed(A: tuple, B: tuple) -> dict:
    """The second mode is B itself."""
    return {"tile": offsets(A), "rest": offsets(B)}


def mode_of(A: tuple, n: int) -> tuple:
    return A[0][n], A[1][n]


def tiled(A: tuple, tile: tuple) -> dict:
    """By counting: element (i, j) of tile (I, J) is A(I·tm + i, J·tn + j)."""
    (rows, columns), (tm, tn) = (size(part) for part in A[0]), tile
    if rows % tm or columns % tn:
        raise ValueError("The tiles do not fill A")
    table = offsets(A).reshape(columns, rows)  # [column, row]
    inside, corners = table[:tn, :tm].ravel(), table[::tn, ::tm].ravel()
    for n, (extent, step) in enumerate(((rows, tm), (columns, tn))):
        mode = offsets(mode_of(A, n))
        if layout_of(mode[:step]) is None or layout_of(mode[::step]) is None:
            raise ValueError("No layout has these offsets")
        if (mode.reshape(extent // step, step) != mode[::step, None] + mode[None, :step]).any():
            raise ValueError("Tiles differ: no layout has these offsets")
    return {"tile": inside, "rest": corners}


def tile_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    def draw(rng: np.random.Generator) -> tuple | None:
        pairs = [extents_of(rng, int(rng.integers(1, 3)), 8) for _ in range(2)]
        if what == "row-major" or what == "column-major":
            pairs = [[prod(part)] for part in pairs]
        extents = pairs[0] + pairs[1]
        strides = packed(rng, extents, 2 if what == "nested modes" else 1)
        if what == "column-major":
            strides = [1, extents[0]]
        if what == "row-major":
            strides = [extents[1], 1]
        cut = len(pairs[0])
        halves = [(extents[:cut], strides[:cut]), (extents[cut:], strides[cut:])]
        joined = [(s[0], d[0]) if len(s) == 1 else (tuple(s), tuple(d)) for s, d in halves]
        A = tuple(zip(*joined, strict=True))
        tile = tuple(int(rng.integers(1, size(part) + 1)) for part in A[0])
        if not 4 <= size(A[0]) <= 600:
            return None
        found = [divides(mode_of(A, n), (tile[n], 1)) if size(A[0][n]) % tile[n] == 0 else False for n in (0, 1)]
        wanted = all(found) if what != "no layout" else False in found
        return (A, tile) if wanted else None

    return some(rng, draw)


TILES = tuple({"what": what} for what in ("column-major", "row-major", "nested modes", "no layout"))


def tiled_by_mode(A: tuple, tile: tuple) -> dict:
    """logical_divide's order: (tile, rest) of the rows, then of the columns."""
    found = [divided(mode_of(A, n), (tile[n], 1)) for n in (0, 1)]

    def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (np.array(first)[None, :] + np.array(second)[:, None]).ravel()

    return {"tile": both(*(found[0][name] for name in ("tile", "rest"))),
            "rest": both(*(found[1][name] for name in ("tile", "rest")))}  # fmt: skip


def tiled_as_vector(A: tuple, tile: tuple) -> dict:
    """The whole matrix divided as one vector of tm·tn neighbours."""
    return divided(A, (tile[0] * tile[1], 1))


# --- 06.16: threads and values ----------------------------------------------------------------------------


def arrangement(rng: np.random.Generator, most: int) -> tuple:
    """A grid (rows, columns) numbered by columns or by rows."""
    r, c = (int(n) for n in rng.integers(1, most + 1, 2))
    return ((r, c), (1, r)) if rng.random() < 0.5 else ((r, c), (c, 1))


def thread_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    found = []
    for _ in range(CALLS):
        threads, values = arrangement(rng, 6), arrangement(rng, 4)
        if what == "one value a thread":
            values = ((1, 1), (1, 1))
        if what == "one thread":
            threads = ((1, 1), (1, 1))
        if what == "vectors":
            values = ((1, one_of(rng, [2, 4])), (1, 1))
        found.append((threads, values))
    return found


THREADS = tuple({"what": what} for what in ("one value a thread", "one thread", "vectors", "blocks of values"))


def held(threads: tuple, values: tuple, raked: bool = False, row_major: bool = False, number=None) -> dict:
    """Index in the tile of every value of every thread, thread first, by looking through both grids.

    raked: neighbouring elements belong to neighbouring threads.
    """
    (tr, tc), (vr, vc) = threads[0], values[0]
    rows, columns = tr * vr, tc * vc
    order = [sorted(np.ndindex(*grid[0]), key=lambda at, grid=grid: at[0] * grid[1][0] + at[1] * grid[1][1])
             if number is None else number(grid) for grid in (threads, values)]  # fmt: skip
    found = []
    for v in order[1]:
        for t in order[0]:
            i, j = (v[0] * tr + t[0], v[1] * tc + t[1]) if raked else (t[0] * vr + v[0], t[1] * vc + v[1])
            found.append(i * columns + j if row_major else i + j * rows)
    return {"places of value 0": np.array(found[: tr * tc]), "places": np.array(found)}


def owners(value: object, threads: tuple, values: tuple) -> dict:
    layouts.offsets(value)
    if not isinstance(value[0], (tuple, list)) or len(value[0]) != 2:
        raise ValueError("A layout of two modes is wanted, (threads, values)")
    return {"places of value 0": layouts.offsets((value[0][0], value[1][0])), "places": layouts.offsets(value)}


def by_columns(grid: tuple) -> list:
    """Numbered by columns whatever the strides say."""
    return [(r, c) for c in range(grid[0][1]) for r in range(grid[0][0])]


# --- 06.18 and 06.19: swizzle -----------------------------------------------------------------------------


def swizzle_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    found = []
    for _ in range(CALLS):
        B, M = int(rng.integers(0, 5)), int(rng.integers(0, 5))
        S = B + int(rng.integers(0, 4))
        if what == "128 bytes":
            B, M, S = 3, 4, 3
        if what == "fields meet":
            B = int(rng.integers(1, 5))
            S = int(rng.integers(0, B))
        found.append((int(rng.integers(0, 1 << (M + S + B + 2))), B, M, S))
    return found


SWIZZLES = tuple({"what": what} for what in ("128 bytes", "any B, M, S", "fields meet"))


def bits_of(number: int) -> list[int]:
    return [number >> place & 1 for place in range(24)]


def swizzled(offset: int, B: int, M: int, S: int, down: bool = True, base: bool = True, wide: bool = False) -> dict:
    """Bit by bit: bit M + i becomes its XOR with bit M + S + i, for i below B.

    down: else the upper field changes.  base: else M is forgotten.  wide: everything above takes part.
    """
    if S < B:
        raise ValueError("The two fields overlap")
    bits, found, M = bits_of(offset), bits_of(offset), M if base else 0
    for i in range(24 - M - S if wide else B):
        low, high = M + i, M + S + i
        found[low if down else high] = bits[low] ^ bits[high]
    return {"offset": sum(bit << place for place, bit in enumerate(found))}


def swizzle_unchecked(offset: int, B: int, M: int, S: int) -> dict:
    return {"offset": offset ^ ((offset >> S) & ((2**B - 1) << M))}


def bank_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    widths = {"128-byte rows": [128], "short rows": [16, 32, 64], "long rows": [256, 512, 1024]}[what]
    return [(row, chunk) for row in widths for chunk in (4, 8, 16) if row >= chunk]


BANKS = tuple({"what": what} for what in ("128-byte rows", "short rows", "long rows"))


def wanted_banks(row: int, chunk: int) -> dict:
    return {"whole chunks": 1, "one to one": 1, "wavefronts": np.ones(row // chunk)}


def counted_banks(value: object, row: int, chunk: int) -> dict:
    """What a swizzle does to a tile of 128 / chunk rows: is it a permutation, and how many wavefronts has a column?"""
    good = isinstance(value, (tuple, list)) and len(value) == 3
    if not good or any(not isinstance(n, (int, np.integer)) or n < 0 for n in value) or value[2] < value[0]:
        raise ValueError("`(B, M, S)` is wanted, three whole numbers, S not below B")
    B, M, S = (int(n) for n in value)
    lanes = 128 // chunk
    place = np.arange(lanes * row)
    moved = place ^ (place >> S & (2**B - 1) << M)
    whole = bool((moved.reshape(-1, chunk) == moved[::chunk, None] + np.arange(chunk)).all())
    fits = bool((np.sort(moved) == place).all())
    words = moved.reshape(lanes, row)[:, ::4].reshape(lanes, row // chunk, chunk // 4) // 4  # [row, chunk, word]
    fronts = [np.bincount(np.unique(words[:, column]) % 32).max() for column in range(row // chunk)]
    return {"whole chunks": int(whole), "one to one": int(fits), "wavefronts": np.array(fronts)}


def banks_with(pick) -> object:
    """A rival that picks (B, M, S) otherwise."""
    return lambda row, chunk: counted_banks(pick(row, chunk), row, chunk)


def log2(n: int) -> int:
    return n.bit_length() - 1


# --- 06.3, 06.27, 06.28: numbers about tiles --------------------------------------------------------------


def one_result(name: str):
    """Reads a single number; `name` is what it is called."""

    def read(value: object, *args) -> dict:
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise ValueError("A number is wanted")
        return {name: round(float(value), 9)}

    return read


def drawn(**ranges) -> object:
    """Calls with each argument drawn from its list, by the case."""
    names = [name for name in ranges if name != "cases"]

    def calls(rng: np.random.Generator, what: str) -> list[tuple]:
        lists = {**{name: ranges[name] for name in names}, **ranges["cases"][what]}
        return [tuple(one_of(rng, lists[name]) for name in names) for _ in range(CALLS)]

    return calls


DIMENSIONS = [1, 7, 31, 63, 64, 65, 100, 128, 129, 200, 333, 512]
SIDES = [8, 16, 32, 64, 128]
traffic_calls = drawn(m=DIMENSIONS, n=DIMENSIONS, k=DIMENSIONS, bm=SIDES, bn=SIDES, cases={
    "tiles that divide": dict(m=[128, 256, 512], n=[128, 384, 640], k=[32, 64]), "any size": {}})  # fmt: skip


def tile_bytes(m: int, n: int, k: int, bm: int, bn: int) -> dict:
    """Tile by tile."""
    total = 0
    for i in range(0, m, bm):
        for j in range(0, n, bn):
            total += 4 * k * (min(bm, m - i) + min(bn, n - j))
    return {"bytes": total}


def whole_tile_bytes(m: int, n: int, k: int, bm: int, bn: int) -> dict:
    return {"bytes": 4 * k * (bm + bn) * ceil(m / bm) * ceil(n / bn)}


def bytes_with(count) -> object:
    return lambda m, n, k, bm, bn: {"bytes": round(float(count(m, n, k, bm, bn)), 9)}


SM_SHARED, BLOCK_SHARED, RESERVED = 233_472, 232_448, 1024


def fitting(bm: int, bn: int, bk: int, threads: int, registers: int, stages: int, unit: int = 8, partitions: int = 4,
            reserved: int = RESERVED, most_blocks: int = 32, stage_count=None,
            limits: str = "threads registers shared") -> dict:  # fmt: skip
    """How many more blocks find room on one SM, taken in one by one."""
    shared = 4 * bk * (bm + bn) * (stages if stage_count is None else stage_count)
    if shared > BLOCK_SHARED:
        return {"blocks": 0}
    held, warps = -(-registers // unit) * unit, threads // 32
    per_partition = 65536 // partitions // (32 * held)
    blocks = 0
    while blocks < most_blocks:
        more = blocks + 1
        if "threads" in limits and more * threads > 2048:
            break
        if "registers" in limits and more * warps > partitions * per_partition:
            break
        if "shared" in limits and more * (shared + reserved) > SM_SHARED:
            break
        blocks = more
    return {"blocks": blocks}


def fits_with(**changes) -> object:
    return lambda *args: fitting(*args, **changes)


FIT_RULES = {  # what is forgotten -> how many blocks fit then
    "registers in units of 8": fits_with(unit=1),
    "partitions of the register file": fits_with(partitions=1),
    "what the system takes": fits_with(reserved=0),
    "stages": fits_with(stage_count=1),
    "32 blocks": fits_with(most_blocks=10**6),
    "2048 threads": fits_with(limits="registers shared"),
    "registers": fits_with(limits="threads shared"),
}


FIT_VALUES = dict(bm=[32, 64, 128, 256], bn=[32, 64, 128, 256], bk=[8, 16, 32, 64], threads=[64, 128, 256, 384, 512],
                  registers=list(range(24, 256, 3)), stages=[1, 2, 3, 4])  # fmt: skip
SMALL = dict(bm=[8, 16, 32], bn=[8, 16, 32], bk=[4, 8, 16], stages=[1, 2])
FIT_NARROWED = {  # values among which a rule decides often enough
    "registers in units of 8": SMALL, "partitions of the register file": SMALL | dict(registers=list(range(60, 256, 3))),
    "what the system takes": dict(bm=[32, 64], bn=[32, 64], bk=[16, 32], threads=[64, 128], registers=[24, 32, 40]),
    "32 blocks": dict(bm=[8, 16], bn=[8, 16], bk=[4, 8], stages=[1], threads=[32], registers=[16, 24, 32, 40, 48]),
    "2048 threads": SMALL | dict(registers=[16, 20, 24, 30]), "registers": SMALL,
}  # fmt: skip


def fit_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    """Calls in which one rule decides; or any."""
    lists = list((FIT_VALUES | FIT_NARROWED.get(what, {})).values())

    def draw(rng: np.random.Generator) -> tuple | None:
        at = rng.integers(0, [len(values) for values in lists])
        call = tuple(values[i] for values, i in zip(lists, at, strict=True))
        return call if what == "any" or FIT_RULES[what](*call) != fitting(*call) else None

    return some(rng, draw)


SHARE_VALUES = dict(m=[1, 7, 16, 128, 1000, 1024, 2048, 4096, 4097, 8192], n=[128, 512, 1000, 2048, 4096, 8192],
                    bm=[64, 128, 256], bn=[64, 128, 256], per_sm=[1, 2, 3, 4], sms=[108, 132, 148])  # fmt: skip
SHARE_NARROWED = {
    "tiles that divide": dict(m=[256, 1024, 4096], n=[256, 2048, 8192]), "few rows": dict(m=[1, 7, 16, 33]),
    "full waves": dict(m=[1024, 2048, 4096], n=[2048, 4096], sms=[16, 32, 64]),
    "a started tile begins a wave": dict(m=[1000, 2049, 4097], n=[1000, 1030, 2050], sms=[8, 12, 16]),
}  # fmt: skip


def share_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    lists = list((SHARE_VALUES | SHARE_NARROWED.get(what, {})).values())

    def draw(rng: np.random.Generator) -> tuple | None:
        at = rng.integers(0, [len(values) for values in lists])
        call = tuple(values[i] for values, i in zip(lists, at, strict=True))
        edge = what != "a started tile begins a wave" or share_of(*call) != share_rounded_down(*call)
        return call if edge else None

    return some(rng, draw)


def share_rounded_down(*call: int) -> dict:
    return share_of(*call, tiles=lambda m, n, bm, bn: max(m // bm, 1) * max(n // bn, 1))


def share_of(m: int, n: int, bm: int, bn: int, per_sm: int, sms: int, tiles=None, waves=ceil, area=None) -> dict:
    """Useful elements over all that the launched waves have room for."""
    count = -(-m // bm) * -(-n // bn) if tiles is None else tiles(m, n, bm, bn)
    room = waves(count / (sms * per_sm)) * sms * per_sm * bm * bn
    return {"share": round((m * n if area is None else area(m, n, bm, bn)) / room, 9)}


def share_with(**changes) -> object:
    return lambda *args: share_of(*args, **changes)


# --- CUDA C++: the product itself -------------------------------------------------------------------------

SIGNATURE = "sgemm(const float* A, const float* B, float* C, int m, int n, int k)"


def matrices(rng: np.random.Generator, m: int, n: int, k: int) -> tuple:
    return spread(rng, (m, k)), spread(rng, (k, n)), np.zeros((m, n), np.float32), m, n, k


def multiplied_matrices(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
    return A.astype(np.float64) @ B.astype(np.float64)


def b_transposed(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
    """B read as if it were stored by columns, where that stays inside."""
    return A.astype(np.float64) @ B.reshape(n, k).T.astype(np.float64)


def b_along_row(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
    """Odd rows of B are not read: their values are those to the right of the row above."""
    b = B.astype(np.float64)
    flat = b.ravel()
    for row in range(1, k, 2):
        b[row] = flat[(row - 1) * n + 1 : row * n + 1]
    return A.astype(np.float64) @ b


def a_transposed(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
    return A.reshape(k, m).T.astype(np.float64) @ B.astype(np.float64)


def only_steps(step: int, which: str):
    """A sum over some of the k: the "first" step, the "last", or all but the unfinished one ("whole")."""

    def oracle(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
        first = (k - 1) // step * step if which == "last" else 0
        last = min(step, k) if which == "first" else k // step * step if which == "whole" else k
        return A[:, first:last].astype(np.float64) @ B[first:last].astype(np.float64)

    return oracle


def product_rivals(step: int) -> tuple[Rival, ...]:
    return (
        Rival(key="only-last-tile", oracle=only_steps(step, "last"), hint=1,
              sentence="**Only the last tile of k counts**: the sums are set to 0, or stored, inside the loop over tiles. "
              "They live across all of it."),
        Rival(key="only-first-tile", oracle=only_steps(step, "first"), hint=1,
              sentence=f"**Only the first {step} of k are summed**: the tile moves on along k with every turn. Do the "
              "loads use the loop's variable?"),
        Rival(key="k-tail-lost", oracle=only_steps(step, "whole"), hint=1,
              sentence=f"**The last, unfinished tile of k is left out** (k is no multiple of {step}). Round the number of "
              "steps up, and fill what is missing with 0."),
        Rival(key="b-transposed", oracle=b_transposed, sentence="**B is read by columns**: row p of B begins at "
              "`p * n`, so B[p][j] is `B[p * n + j]`."),
        Rival(key="a-transposed", oracle=a_transposed, sentence="**A is read by columns**: row i of A begins at "
              "`i * k`, so A[i][p] is `A[i * k + p]`."),
    )  # fmt: skip


def turned(of_a: bool, of_b: bool, side: int = 32):
    """Square tiles of A, of B, or both read with row and column swapped."""

    def oracle(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
        rows, columns, steps = (-(-size // side) * side for size in (m, n, k))
        a, b, c = np.zeros((rows, steps)), np.zeros((steps, columns)), np.zeros((rows, columns))
        a[:m, :k], b[:k, :n] = A, B
        for i, j, p in product(range(0, rows, side), range(0, columns, side), range(0, steps, side)):
            one, other = a[i : i + side, p : p + side], b[p : p + side, j : j + side]
            c[i : i + side, j : j + side] += (one.T if of_a else one) @ (other.T if of_b else other)
        return c[:m, :n]

    return oracle


def turned_tiles(name: str, *which: bool) -> Rival:
    return Rival(key="tile-turned", oracle=turned(*which), hint=2, sentence=f"**{name} read with row and column swapped.** Row y of the A "
                 "tile is `As[y][q]`, column x of the B tile `Bs[q][x]`, for all q.")  # fmt: skip


def shapes(*sizes: tuple[int, int, int]) -> tuple[dict[str, int], ...]:
    return tuple({"m": m, "n": n, "k": k} for m, n, k in sizes)


def read_once_a_tile(bm: int, bn: int):
    """Bytes that tiles of bm x bn load, and 2 % for what is not aligned."""
    return lambda m, n, k: 1.02 * tile_bytes(m, n, k, bm, bn)["bytes"]


def per_fma(rate: float):
    """A count for each multiply-add of a warp."""
    return lambda m, n, k: rate * m * n * k / 32


def whole_tiles(m: int, n: int, k: int) -> bool:
    return m % 64 == n % 64 == 0 and k % 32 == 0


LOADS = "smsp__inst_executed_op_shared_ld.sum"
WAVEFRONTS = "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"
ATOMICS = Forbid(names=("atomic*",), because="Each element of C has one thread that adds it up.")
TENSOR = Forbid(names=("wmma*", "mma*", "asm"), because="This half of the chapter is about FP32 on ordinary cores.")


def sgemm(id: str, answer: str, tile: tuple[int, int], step: int, sizes, budgets, launch, rivals=(), **more) -> Cuda:
    longest = max(k for _, _, k in sizes)
    return Cuda(
        id=id, answer=answer, signature=SIGNATURE, inputs=matrices, oracle=multiplied_matrices, outputs=("C",),
        shapes=shapes(*sizes), launch=launch, dtype="float32",
        # Terms of up to 16 cancel: a right sum is off by the rounding of the terms.
        tolerance=Tolerance.of("float32", longest, floor=16.0), block=tile, budgets=budgets,
        rivals=(*product_rivals(step), *rivals), forbid=(ATOMICS, TENSOR), seconds=40.0, **more,
    )  # fmt: skip


def tiles_of(bm: int, bn: int, block):
    return lambda m, n, k: dict(grid=(ceil(n / bn), ceil(m / bm)), block=block)


# --- What the emulated GPU counts: the truths of the predictions ------------------------------------------

NAIVE = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    int i = blockIdx.y * 32 + threadIdx.x, j = blockIdx.x * 8 + threadIdx.y;
    if (i >= m || j >= n) return;
    float sum = 0;
    for (int p = 0; p < k; ++p) sum += A[i * k + p] * B[p * n + j];
    C[i * n + j] = sum;
}"""
COLUMN = r"""
__global__ void column(float4* out, int row, int swizzled) {
    extern __shared__ float4 s[];
    for (int i = threadIdx.x; i < 32 * row; i += 32) s[i] = make_float4(0, 0, 0, 0);
    __syncthreads();
    int at = threadIdx.x * row;
    out[threadIdx.x] = s[swizzled ? at ^ (at >> 3 & 7) : at];
}"""
STORE = r"""
__global__ void store(float* out) {
    __shared__ float As[16][64];
    int t = threadIdx.x, ar = t / 4, aq = t % 4 * 4;
    for (int i = 0; i < 4; ++i) As[aq + i][ar] = i;
    __syncthreads();
    out[t] = As[t % 16][t];
}"""


@cache
def naive_sectors(array: str, op: str = "ld") -> int:
    """Sectors of one request of the naive product."""
    args = [np.ones((64, 64), np.float32), np.ones((64, 64), np.float32), np.zeros((64, 64), np.float32), 64, 64, 64]
    report = emulate(NAIVE, "sgemm", (8, 2), (32, 8), args)
    found = [one for one in report.accesses if one.array == array and one.op == op]
    return sum(one.sectors for one in found) // sum(one.requests for one in found)


def naive_intensity() -> float:
    """FLOPs a byte of one step of one warp: 32 multiply-adds for the sectors of A and B."""
    return 64 / (32 * (naive_sectors("A") + naive_sectors("B")))


@cache
def column_wavefronts(row: int, swizzled: bool) -> int:
    """Of a load in which lane l reads the first 16 bytes of row l; row: in units of 16 bytes."""
    args = [np.zeros(128, np.float32), row, int(swizzled)]
    report = emulate(COLUMN, "column", 1, 32, args, dynamic_shared=32 * row * 16)
    return next(one for one in report.accesses if one.space == "shared" and one.op == "ld").wavefronts


@cache
def store_wavefronts() -> int:
    """Of one store of a column-wise written A tile of 16 x 64, lanes 4 to a row of A."""
    report = emulate(STORE, "store", 1, 32, [np.zeros(32, np.float32)])
    found = [one for one in report.accesses if one.space == "shared" and one.op == "st"]
    return max(one.wavefronts // one.requests for one in found)


def layout_value(at: object) -> int:
    return int(offset_of(at, (((2, 4), 8), ((1, 16), 2)))["offset"])


RIDGE_FP32 = 67 / 3.35  # FLOP a byte: H100 SXM's 67 TFLOP/s of FP32 over 3.35 TB/s


# --- Tensor cores -----------------------------------------------------------------------------------------

HGEMM = "hgemm(const half* A, const half* B, float* C, int m, int n, int k)"
MMA_FORMS = {  # what -> the depth of the tile, the bits of an element, the type
    "f16, k = 16": (16, 16, "f16"), "f16, k = 8": (8, 16, "f16"), "tf32, k = 8": (8, 32, "tf32"),
    "tf32, k = 4": (4, 32, "tf32"), "s8, k = 32": (32, 8, "s8"), "s8, k = 16": (16, 8, "s8"),
}  # fmt: skip
FRAGMENTS = {"A": lambda k: (16, k), "B": lambda k: (8, k), "C": lambda k: (16, 8)}  # rows and columns of the tiles
PREDICTED = (11, 5)  # row and column of the element of A that 06.30 asks for


def held_by(operand: str, k: int, bits: int, by_k: bool = False, row_major: bool = False, lanes_down: bool = False,
            pairs: bool = True, b_as_rows: bool = False) -> dict:  # fmt: skip
    """Index in the column-major tile of each value of each lane, by counting.

    by_k: the registers of A go along k first.  lanes_down: neighbouring lanes stand in neighbouring rows.
    pairs: neighbours in a register are neighbours in the tile.  b_as_rows: the tile of B is k x 8, not 8 x k.
    """
    high, wide = FRAGMENTS[operand](k)
    each = 2 if operand == "C" else 32 // bits
    downs, rights = high // 8, wide // (4 * each)
    steps = product(range(downs), range(rights), range(each)) if by_k else (
        (down, right, part) for right, down, part in product(range(rights), range(downs), range(each)))  # fmt: skip
    found = []
    for down, right, part in steps:
        for lane in range(32):
            g, t = (lane % 8, lane // 8) if lanes_down else (lane // 4, lane % 4)
            row, column = g + 8 * down, 4 * each * right + (t * each + part if pairs else t + 4 * part)
            turned = b_as_rows and operand == "B"
            found.append(row * wide + column if row_major or turned else row + column * high)
    return {"value 0": np.array(found[:32]), "values": np.array(found)}


def fragment_of(operand: str, k: int, bits: int) -> dict:
    """The same, from where the emulated GPU takes the elements."""
    kind = next(kind for depth, width, kind in MMA_FORMS.values() if (depth, width) == (k, bits))
    form = tensor_cores.Form(k, kind, kind, "s32" if kind == "s8" else "f32", False)
    at = tensor_cores.places(form)["ABC".index(operand)].T  # [value, lane]; row by row, B column by column
    high, wide = FRAGMENTS[operand](k)
    index = at // wide + at % wide * high
    return {"value 0": index[0], "values": index.ravel()}


def fragment_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    k, bits, _ = MMA_FORMS[what]
    return [(str(one), k, bits) for one in rng.permutation(list("ABCABC"))]


def a_fragment(value: object, operand: str, k: int, bits: int) -> dict:
    layouts.offsets(value)
    if not isinstance(value[0], (tuple, list)) or len(value[0]) != 2:
        raise ValueError("A layout of two modes is wanted, (lanes, values)")
    if size(value[0][0]) != 32:
        raise ValueError(f"The first mode is the lane, 0 to 31; here it has size {size(value[0][0])}")
    return {"value 0": layouts.offsets((value[0][0], value[1][0])), "values": layouts.offsets(value)}


def half_matrices(rng: np.random.Generator, m: int, n: int, k: int) -> tuple:
    return spread(rng, (m, k), "float16"), spread(rng, (k, n), "float16"), np.zeros((m, n), np.float32), m, n, k


def with_zeros(x: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """float64, with zeros up to multiples of rows and columns."""
    high, wide = (-(-length // step) * step for length, step in zip(x.shape, (rows, columns), strict=True))
    whole = np.zeros((high, wide))
    whole[: x.shape[0], : x.shape[1]] = x
    return whole


def in_blocks(x: np.ndarray, rows: int, columns: int, change) -> np.ndarray:
    """Every block of rows x columns replaced by change(block), the block's last two axes."""
    whole = with_zeros(x, rows, columns)
    blocks = whole.reshape(whole.shape[0] // rows, rows, -1, columns).swapaxes(1, 2)
    return np.ascontiguousarray(change(blocks).swapaxes(1, 2)).reshape(whole.shape)


def quarters_swapped(blocks: np.ndarray) -> np.ndarray:
    """Of 16 x 16: the upper right and the lower left quarter change places."""
    found = blocks.copy()
    found[..., :8, 8:], found[..., 8:, :8] = blocks[..., 8:, :8], blocks[..., :8, 8:]
    return found


def turned_eights(blocks: np.ndarray) -> np.ndarray:
    return blocks.swapaxes(-1, -2)


def chunks_moved(by_row):
    """Chunk c of row r is where chunk c ^ by_row(r) should be: what a swizzle on one side only does."""

    def change(blocks: np.ndarray) -> np.ndarray:
        chunks = blocks.reshape(*blocks.shape[:-1], -1, 8)
        rows, places = np.ogrid[: chunks.shape[-3], : chunks.shape[-2]]
        return chunks[..., rows, places ^ by_row(rows), :].reshape(blocks.shape)

    return change


def with_changed(of_a=None, of_b=None, of_c=None):
    """The product of changed tiles: each is (rows, columns, change) of the blocks."""

    def oracle(A: np.ndarray, B: np.ndarray, C: np.ndarray, m: int, n: int, k: int) -> np.ndarray:
        a = in_blocks(A, *of_a) if of_a else with_zeros(A, 16, 64)
        b = in_blocks(B, *of_b) if of_b else with_zeros(B, 64, 64)
        depth = max(a.shape[1], b.shape[0])
        a, b = with_zeros(a, 1, depth), with_zeros(b, depth, 1)
        c = a[:m] @ b[:, :n]
        return in_blocks(c, *of_c)[:m, :n] if of_c else c

    return oracle


def c_swapped(blocks: np.ndarray) -> np.ndarray:
    """Of 16 x 8: the second and the third register of C change places."""
    found = blocks.copy()
    found[..., :8, 1::2], found[..., 8:, ::2] = blocks[..., 8:, ::2], blocks[..., :8, 1::2]
    return found


QUARTERS = Rival(key="a-registers", oracle=with_changed(of_a=(16, 16, quarters_swapped)), hint=0, sentence="**The second and the third "
                 "register of A are swapped.** Register 1 is eight *rows* further down, register 2 eight columns further along k.")  # fmt: skip
MATRIX_RIVALS = (
    Rival(key="matrices-of-a", oracle=with_changed(of_a=(16, 16, quarters_swapped)), hint=1, sentence="**The four 8 × 8 matrices of A come in the "
          "wrong order.** Wanted: rows 0-7, then rows 8-15, then the same with columns 8-15. Lanes 8 to 15 give the rows 8 to 15."),
    Rival(key="b-not-turned", oracle=with_changed(of_b=(8, 8, turned_eights)), hint=2, sentence="**B is loaded without `.trans`**: lane 4g + t "
          "gets two neighbours of *row* g, and mma wants two neighbours of *column* g. Each 8 × 8 matrix of B arrives transposed."),
    Rival(key="a-turned", oracle=with_changed(of_a=(8, 8, turned_eights)), hint=1, sentence="**A is loaded with `.trans`**: A's fragment wants "
          "neighbours of a row, which is what plain `ldmatrix` gives."),
    Rival(key="matrices-of-b", oracle=with_changed(of_b=(16, 16, quarters_swapped)), hint=2, sentence="**The four 8 × 8 matrices of B go to the "
          "wrong products.** With lanes 0-15 giving rows 0-15 of the left eight columns, registers 0 and 1 are the left product's B, 2 and 3 the right one's."),
)  # fmt: skip


def all_by_mma(first: tuple[int, int, int]) -> tuple[Budget, Budget]:
    """No FLOPs but those of mma, said at the smallest case, so before what an ordinary product is also over."""
    because = "That is the wrong route: all of the product is to be done by `mma`, on the tensor cores, and added up by it too. Arithmetic on floats in C++ runs on the ordinary cores."

    def budget(where=None) -> Budget:
        return Budget(quantity="flops", at_most=0, key="not-tensor-cores", hint=0, because=because, where=where)

    return budget(lambda m, n, k: (m, n, k) == first), budget()


def swizzle_rivals(rows_a: tuple, rows_b: tuple) -> tuple[Rival, ...]:
    """rows_a, rows_b: (rows of the tile, elements in a row, what a chunk's number is XOR-ed with)."""
    changes = [(rows, wide, chunks_moved(by_row)) for rows, wide, by_row in (rows_a, rows_b)]
    sides = {"A": dict(of_a=changes[0]), "B": dict(of_b=changes[1]), "A and B": dict(of_a=changes[0], of_b=changes[1])}
    return tuple(Rival(key="swizzle-one-side", oracle=with_changed(**change), hint=3, sentence=f"**The tile of {name} is stored and read by "
                       "different rules.** The XOR that is used for one of the two has to be used for the other.")
                 for name, change in sides.items())  # fmt: skip


def hgemm(id: str, answer: str, step: int, sizes, budgets, launch, rivals=(), **more) -> Cuda:
    longest = max(k for _, _, k in sizes)
    return Cuda(
        id=id, answer=answer, signature=HGEMM, inputs=half_matrices, oracle=multiplied_matrices, outputs=("C",),
        shapes=shapes(*sizes), launch=launch, dtype="float32",
        # Tensor cores cut off where others round: each mma may lose a whole last place of a sum of about this size.
        tolerance=Tolerance.of("float32", longest, slack=8.0, floor=64.0), budgets=(*all_by_mma(sizes[0]), *budgets),
        rivals=(*rivals, *product_rivals(step)), forbid=(ATOMICS,), seconds=40.0, **more,
    )  # fmt: skip


def fragment_place(row: int, column: int) -> tuple[int, int]:
    """Lane and register of an element of A, m16n8k16."""
    at = tensor_cores.places(tensor_cores.Form(16, "f16", "f16", "f32", False))[0]
    lane, element = (int(one[0]) for one in np.nonzero(at == 16 * row + column))
    return lane, element // 2


def operand_bytes(rows: int, columns: int) -> float:
    """Bytes of A and B in shared memory that a warp tile reads for each mma of m16n8k16, FP16."""
    return 2 * 16 * (rows + columns) / (rows // 16 * (columns // 8))


TENSOR_CORES = [
    Predict(
        id="06.30", title="Who holds it", minutes=4,
        quantities=(
            Quantity(
                name="flops", value=2 * 16 * 8 * 16, because="16 · 8 elements of C, 16 multiply-adds each, two FLOPs a multiply-add.",
                misreads=(Misread(2048, "fma-is-two", "A multiply-add counts as two FLOPs."), Misread(128, "per-lane", "That is a lane's share. The instruction is the whole warp's."),
                          Misread(16 * 16 * 16 * 2, "n-is-16", "The tile of C is 16 × 8.")),
            ),
            Quantity(
                name="registers", unit="registers", value=(16 * 16 + 16 * 8) * 2 // 4 // 32 + 16 * 8 // 32,
                because="A is 512 bytes, B 256, C 512 (float32): 1280 bytes over 32 lanes of 4 bytes.",
                misreads=(Misread(16, "elements", "8 + 4 + 4 are elements. A register holds two FP16 elements of A or B."), Misread(6, "without-c", "C needs registers too: four floats."),
                          Misread(14, "d-apart", "D may lie in C's registers, and does when you accumulate."), Misread(320, "per-warp", "That is the warp's. A lane has a 32nd of it."),
                          Misread(8, "half-c", "C is float32: four registers.")),
            ),
            Quantity(
                name="lane", value=lambda: fragment_place(*PREDICTED)[0],
                because="row 11 is 8 + 3, so quad g = 3; columns 4 and 5 are place t = 2: lane 4·3 + 2.",
                misreads=(Misread(13, "one-element", "A place is two columns wide: column 5 is place 2, not 5 mod 4."), Misread(19, "lanes-down", "Neighbouring lanes go along a row: lane = 4g + t."),
                          Misread(46, "row-not-mod-8", "There are eight quads: row 11 is the second element of quad 3."), Misread(12, "first-place", "Column 5 is not in the first two columns: t = 2.")),
            ),
            Quantity(
                name="register", value=lambda: fragment_place(*PREDICTED)[1],
                because="row 11 lies in the lower eight, column 5 in the left eight: register 0 + 1.",
                misreads=(Misread(2, "along-k", "That is the register of rows 0-7, columns 8-15: rows come before columns."), Misread(3, "element", "3 is the number of the *element* in the lane; registers hold two."),
                          Misread(0, "upper", "Register 0 has rows 0 to 7.")),
            ),
        ),
        hints=("Cut A into four 8 × 8 blocks. In each block lane 4g + t has row g, columns 2t and 2t + 1: one register.",
               "Block (rows 8-15, columns 0-7) is register 1. Row 11 is row 3 of it, column 5 is in pair 2."),
        why="All of mma.sync's operands are made of one pattern: 8 rows × 16 bytes, a row to a quad, four bytes to a lane.",
    ),
    Calls(
        id="06.31", title="Fragments as layouts", minutes=20, dots=3, size="6 to 9 lines", answer="fragment",
        signature="fragment(operand, k, bits)", inputs=fragment_calls, oracle=fragment_of, read=a_fragment, shapes=tuple({"what": what} for what in MMA_FORMS),
        rivals=(
            Rival(key="along-k", oracle=lambda *a: held_by(*a, by_k=True), hint=1, sentence="**The registers of A are counted along k first.** Register 1 is eight rows further down; k comes after."),
            Rival(key="b-as-rows", oracle=lambda *a: held_by(*a, b_as_rows=True), hint=0, sentence="**B is taken as k × 8.** CuTe's tile of B is n × k: here 8 × k, column-major, element (column of B, row of B) has index column + 8·row."),
            Rival(key="row-major", oracle=lambda *a: held_by(*a, row_major=True), hint=0, sentence="**The tile is counted by rows**: element (i, j) of a column-major tile with R rows is number i + j·R."),
            Rival(key="lanes-down", oracle=lambda *a: held_by(*a, lanes_down=True), hint=2, sentence="**Neighbouring lanes go down the rows here.** Lanes 4g to 4g + 3 share row g: the lane's fastest mode is its place in the quad, along a row."),
            Rival(key="not-packed", oracle=lambda *a: held_by(*a, pairs=False), hint=2, sentence="**Neighbours in a register are not neighbours in the tile here.** A register holds 32 / bits elements that lie side by side in a row; the next lane begins behind them."),
        ),
        hints=("R rows: 16 for A and C, 8 for B. One step to the right in the tile is a stride of R, one step down a stride of 1.",
               "Values of A, the fastest first: the elements of a register (stride R), the lower eight rows (stride 8), the next four lanes' worth of columns (stride 4·e·R, with e elements in a register).",
               "Lanes: (4, 8), with strides (e·R, 1). e is 32 // bits for A and B, and 2 for C."),
        why="One rule makes all of mma.sync's fragments: a lane has four bytes of a row. CuTe's traits for the sm_80 atoms are these layouts, typed in by hand for each instruction.",
        follow_up="why does C's layout hold two neighbours a row, when a lane's 4-byte register holds one?",
    ),
    hgemm(
        "06.32", "one_warp", 16, [(16, 8, 16), (16, 24, 48), (48, 8, 32), (32, 40, 16), (64, 64, 64)],
        (
            Budget(quantity="load requests", at_most=lambda m, n, k: 8 * m // 16 * n // 8 * k // 16, key="narrow-loads", hint=1,
                   because="A's neighbours in a register are neighbours in memory: one 4-byte load for two. Four loads for A, four for B in each step."),
        ),
        tiles_of(16, 8, 32),
        rivals=(
            QUARTERS,
            Rival(key="c-registers", oracle=with_changed(of_c=(16, 8, c_swapped)), hint=3, sentence="**The second and the third value of C are swapped.** Values 0 and 1 are neighbours in row g, values 2 and 3 in row g + 8."),
            Rival(key="b-pair-swapped", oracle=with_changed(of_b=(2, 1, lambda pair: pair[..., ::-1, :])), hint=2, sentence="**The two values of B in a register are the wrong way round**: the lower row is the low half, `pair`'s first."),
            Rival(key="b-along-row", oracle=b_along_row, hint=2, sentence="**A register of B takes two neighbours of a row.** It wants two of a *column*: rows 2t and 2t + 1, n halves apart in memory."),
            Rival(key="b-as-a", oracle=with_changed(of_b=(8, 8, turned_eights)), hint=2, sentence="**B is loaded as A is**: lane 4g + t takes two neighbours of row g, and mma wants two of *column* g. Each 8 × 8 matrix of B arrives transposed."),
        ),
        title="One warp, by hand", minutes=25, dots=2, size="9 lines",
        hints=("For each step of 16: fill `unsigned a[4], b[2]`, then `mma(c, a, b)`. `c` stays in registers for the whole loop.",
               "Register r of A: row `g + r % 2 * 8`, columns `r / 2 * 8 + 2 * t` and the next: `*(const unsigned*)(address)` loads both.",
               "Register r of B: column g, rows `r * 8 + 2 * t` and the next, n halves apart in memory: `pair(at[0], at[n])`.",
               "Value v of C: row `g + v / 2 * 8`, column `2 * t + v % 2`."),
        why="A tensor-core instruction is a matrix product in which you have to deal the cards yourself. Dealt from global memory it takes eight loads for one mma, half of them of two bytes.",
        follow_up="this warp loads 768 bytes for 4,096 FLOPs. What would two neighbouring tiles of C share?",
    ),
    hgemm(
        "06.33", "by_ldmatrix", 64, [(16, 64, 64), (32, 64, 128), (16, 192, 64), (48, 128, 128)],
        (
            Budget(quantity="read", at_most=lambda m, n, k: 1.02 * 2 * k * (m * n // 64 + n * m // 16), key="not-tiled", hint=0,
                   because="A warp needs its 16 × 64 tile of A and the 64 × 64 tile of B once for each step."),
            Budget(quantity="load requests", at_most=lambda m, n, k: 20 * m // 16 * n // 64 * k // 64, key="narrow-loads", hint=0,
                   because="Copy 16 bytes a lane: 4 loads for the tile of A, 16 for that of B."),
            Budget(quantity="conflicts", at_most=0, key="bank-conflicts", hint=3,
                   because="All rows of the tile begin at bank 0. Store chunk c of row r at `c ^ r % 8`, and look for it there."),
            Budget(quantity=LOADS, at_most=lambda m, n, k: 20 * m // 16 * n // 64 * k // 64, key="too-many-loads", hint=2,
                   because="For each 16 of k: one `ldmatrix` for A, and one `ldmatrix_trans` for every two products."),
        ),
        tiles_of(16, 64, 32),
        rivals=(*MATRIX_RIVALS, *swizzle_rivals((16, 64, lambda r: r % 8), (64, 64, lambda r: r % 8))),
        title="ldmatrix and the swizzle", minutes=40, dots=3, size="22 lines",
        hints=("Copying: 64 rows of 8 chunks. `for (int e = lane; e < 512; e += 32)`: row `e / 8`, chunk `e % 8`; rows below 16 for A too. Then `__syncthreads()`.",
               "A: lane l gives row `l % 16`, chunk `2 * s + l / 16` for the s-th sixteen of k: `ldmatrix(a, As + row * 8 + chunk)`.",
               "B: lane l gives row `16 * s + l % 16`, chunk `2 * j + l / 16`: `ldmatrix_trans` fills b[0], b[1] for product 2j and b[2], b[3] for product 2j + 1: `mma(c[2 * j], a, {b[0], b[1]})`.",
               "Swizzle: wherever a chunk is stored or read, `row * 8 + (chunk ^ row % 8)`."),
        why="ldmatrix deals the cards: every lane names one row of 16 bytes and gets what mma wants. It reads eight rows at a time, so eight rows have to lie in different banks: Swizzle<3,4,3>.",
        follow_up="why does B need .trans here, and when would it not?",
    ),
    hgemm(
        "06.34", "block_tile", 32, [(1, 8, 8), (63, 72, 40), (65, 56, 24), (5, 136, 16), (64, 64, 64)],
        (
            Budget(quantity="read", at_most=lambda m, n, k: 1.02 * tile_bytes(m, n, k, 64, 64)["bytes"] / 2, where=whole_tiles, key="not-tiled", hint=0,
                   because="A block loads its 64 × 32 tile of A and its 32 × 64 tile of B once a step; all four warps read them from shared memory."),
            Budget(quantity="load requests", at_most=lambda m, n, k: 16 * ceil(m / 64) * ceil(n / 64) * ceil(k / 32), key="narrow-loads", hint=0,
                   because="128 threads, 256 chunks of 16 bytes in each tile: two loads a thread and tile."),
            Budget(quantity="conflicts", at_most=0, key="bank-conflicts", hint=3,
                   because="The rows of A's tile have 64 bytes, so rows r and r + 2 meet: `chunk ^ r / 2 % 4` (06.19). B's have 128: `chunk ^ r % 8`."),
            Budget(quantity=WAVEFRONTS, at_most=lambda m, n, k: 2 * (m * n * k / 2048), where=whole_tiles, key="no-reuse", hint=1,
                   because="A warp tile of 32 × 32 reads, for each 16 of k, 1,024 bytes of A and 1,024 of B for 8 mma: 2 wavefronts each. Load all fragments of the step before the products."),
        ),
        tiles_of(64, 64, 128),
        rivals=(*MATRIX_RIVALS, *swizzle_rivals((64, 32, lambda r: r // 2 % 4), (32, 64, lambda r: r % 8))),
        title="A block on tensor cores", minutes=50, dots=3, size="30 lines",
        hints=("Copying: thread x takes chunks x and x + 128 of each tile. A: row `e / 4`, chunk `e % 4`. B: row `e / 8`, chunk `e % 8`. What is outside is `uint4{}`; n and k are multiples of 8, so a chunk is inside or outside, never half.",
               "For each s (0, 1): `unsigned a[2][4], b[2][4]`, two `ldmatrix` of A for rows `wi + 16 * i + lane % 16`, two `ldmatrix_trans` of B for columns `wj + 16 * j`. Then 2 × 4 products.",
               "Product (i, j): `mma(c[i][j], a[i], {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]})`. The order of lanes in ldmatrix is that of 06.33.",
               "Place of chunk q of row r: A at `r * 4 + (q ^ r / 2 % 4)`, B at `r * 8 + (q ^ r % 8)`, in the copy and in the ldmatrix."),
        why="The kernel of the Ampere generation: 16-byte copies, a swizzled tile, ldmatrix, mma.sync. What is missing to CUTLASS 2.x's are cp.async stages and larger tiles.",
        follow_up="where would cp.async go, and what would it save besides time?",
    ),
    Predict(
        id="06.35", title="Feeding it", minutes=5,
        quantities=(
            Quantity(
                name="bytes_16x8", unit="bytes", value=operand_bytes(16, 8), because="A: 16 × 16 halves, 512 bytes. B: 16 × 8, 256 bytes. One mma.",
                misreads=(Misread(384, "halves", "A half has two bytes."), Misread(1280, "with-c", "C stays in registers; only A and B come from shared memory."), Misread(512, "only-a", "And B: 256 bytes.")),
            ),
            Quantity(
                name="share_32x32", rtol=0.01, value=128 / operand_bytes(32, 32), because="1,024 bytes of A and as many of B for 2 × 4 mma: 256 bytes each. At 128 bytes a clock that is one mma in two clocks.",
                misreads=(Misread(2.0, "upside-down", "That is how many clocks the memory needs for one mma. The share is its inverse."), Misread(1.0, "enough", "256 bytes an mma are more than 128 bytes a clock."),
                          Misread(1 / 6, "no-reuse", "That would be 16 × 8 again: here each fragment of A serves four mma, each of B two."), Misread(1 / 16, "whole-step", "2,048 bytes are for the eight mma of a step.")),
            ),
            Quantity(
                name="bytes_64x64", unit="bytes", value=operand_bytes(64, 64), because="2,048 bytes of A and as many of B for 4 × 8 mma.",
                misreads=(Misread(4096, "whole-step", "Those 4,096 bytes are for 32 mma."), Misread(64, "one-operand", "That is A alone, or B."), Misread(256, "like-32", "Twice the side: twice the bytes, four times the mma."),
                          Misread(64 * 64 * 2 * 2 / 32, "k-is-64", "k is 16 for one step.")),
            ),
            Quantity(
                name="bytes_wgmma", unit="bytes", value=operand_bytes(64, 256), because="A: 64 × 16 halves, 2,048 bytes; B: 16 × 256, 8,192 bytes, read once for all four warps; the work of 4 × 32 mma.",
                misreads=(Misread(operand_bytes(16, 256), "b-four-times", "That is when each of four warps reads B for itself, as with mma.sync."), Misread(10240, "not-divided", "That is for all of it; it does the work of 128 mma."),
                          Misread(64, "only-b", "That is B alone (and right if A is in registers).")),
            ),
        ),
        hints=("One step of 16 along k of a warp tile R × S: 2·16·(R + S) bytes, R/16 · S/8 mma.",
               "For wgmma, 64 × 256 is one tile: 2·16·(64 + 256) bytes, for 4 · 32 times the work of one mma."),
        why="The law of section 1 a third time: bytes go with the sides of the tile, work with its area. What was HBM against the SM is here shared memory against the tensor core.",
        follow_up="what limits a 128 × 128 warp tile?",
    ),
]  # fmt: skip


# --- Triton, few tiles ---


def tile_order(rows: int, columns: int, group: int) -> list[tuple[int, int]]:
    """All tiles in the order in which bands of `group` rows are walked, column by column."""
    return [
        (row, column)
        for top in range(0, rows, group)
        for column in range(columns)
        for row in range(top, min(top + group, rows))
    ]


def first_wave(group: int, which: int) -> int:
    """Rows (0) or columns (1) of tiles that the first 132 of 32 × 32 tiles touch."""
    return len({tile[which] for tile in tile_order(32, 32, group)[:132]})


def place_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    calls = []
    for _ in range(CALLS):
        columns, group = int(rng.integers(2, 9)), int(rng.integers(2, 7))
        rows = group * int(rng.integers(1, 5))
        if what == "a short last group":
            rows += int(rng.integers(1, group))
        elif what == "fewer rows than a group":
            rows = int(rng.integers(1, group))
        elif what == "one column or one row a group":
            columns, group = one_of(rng, [(1, group), (columns, 1)])
        first = rows // group * group * columns if rng.random() < 0.5 else 0  # the short group is where mistakes show
        first = first if first < rows * columns else 0
        calls.append((int(rng.integers(first, rows * columns)), rows, columns, group))
    return calls


PLACES = ("groups that fit", "a short last group", "fewer rows than a group", "one column or one row a group")


def row_and_column(row: int, column: int) -> dict:
    return {"row": row, "column": column}


def placed(tile: int, rows: int, columns: int, group: int) -> dict:
    return row_and_column(*tile_order(rows, columns, group)[tile])


def placed_in_full_groups(tile: int, rows: int, columns: int, group: int) -> dict:
    first, within = tile // (group * columns) * group, tile % (group * columns)
    return row_and_column(first + within % group, within // group)


def a_place(value: object, *args) -> dict:
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise ValueError("A pair (row, column) is wanted")
    if any(isinstance(x, bool) or not isinstance(x, (int, np.integer)) for x in value):
        raise ValueError("Row and column are whole numbers: divide with //")
    return row_and_column(*map(int, value))


def halves(rng: np.random.Generator, rows: int, columns: int, stored: str = "by rows") -> torch.Tensor:
    """A float16 matrix; stored "by rows", "by columns", or "apart", with a gap behind every element."""
    x = torch.from_numpy(spread(rng, (rows, columns), "float16"))
    if stored == "by columns":
        return x.T.contiguous().T
    return x.repeat_interleave(2, 1)[:, ::2] if stored == "apart" else x


def cancelling(a: torch.Tensor, b: torch.Tensor, k: int) -> None:
    """The first product of each sum is 64 and the last -64: what lies between suffers in float16."""
    a /= 8
    b /= 8
    a[:, 0], b[0] = 8, 8
    a[:, k - 1], b[k - 1] = 8, -8


def half_product(
    rng: np.random.Generator, m: int, n: int, k: int, a: str = "by rows", b: str = "by rows", what: str = ""
) -> tuple:
    given = halves(rng, m, k, a), halves(rng, k, n, b)
    if what:
        cancelling(*given, k)
    return given


def wide_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a.double() @ b.double()


def read_with(x: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """What a kernel reads of x with these strides instead of its own; NaN in gaps and beyond the end."""
    (rows, columns), (own_row, own_column) = x.shape, x.stride()
    spans = [(rows - 1) * r + (columns - 1) * c + 1 for r, c in ((row, column), (own_row, own_column))]
    memory = torch.full((max(spans),), float("nan"), dtype=torch.float64)
    memory.as_strided(x.shape, x.stride()).copy_(x)
    return memory.as_strided(x.shape, (row, column))


def strides_taken(kind: str, of_a: bool, of_b: bool):
    """A rival's product: strides of a, of b or of both are taken to be those of a row-major matrix, or the last to be 1."""

    def taken(x: torch.Tensor) -> torch.Tensor:
        x = x.cpu()
        return read_with(x, x.shape[1] if kind == "row-major" else x.stride(0), 1)

    return lambda a, b: wide_product(taken(a) if of_a else a.cpu(), taken(b) if of_b else b.cpu())


def stride_rivals() -> tuple[Rival, ...]:
    said = {
        "row-major": "is read as if it were stored by rows, without gaps**: `i * a.stride(0) + p * a.stride(1)` holds for all, and views have other strides.",
        "last is 1": "is read as if neighbours in a row were neighbours in memory**: the second stride counts too.",
    }  # fmt: skip
    which = {"a": (True, False), "b": (False, True), "a and b": (True, True)}
    return tuple(
        Rival(key="strides-ignored", oracle=strides_taken(kind, *flags), hint=2, sentence=f"**The matrix {name} {sentence}".replace("matrix a and b is", "matrices a and b are, each,"))
        for kind, sentence in said.items()
        for name, flags in which.items()
    )  # fmt: skip


def some_of_k(step: int, which: str):
    """A product over some of the k: the "first" step, the "last", or all but the unfinished one ("whole")."""

    def oracle(a: torch.Tensor, b: torch.Tensor, *rest) -> torch.Tensor:
        k = a.shape[1]
        first = (k - 1) // step * step if which == "last" else 0
        last = min(step, k) if which == "first" else k // step * step if which == "whole" else k
        return wide_product(a[:, first:last], b[first:last])

    return oracle


def triton_rivals() -> tuple[Rival, ...]:
    """Known mistakes in the loop over k; the learner chooses the step."""
    said = {
        "last": ("only-last-step", "**Only the last step of k counts**: `total` is set anew in the loop. `total = tl.dot(x, y, total)` adds."),
        "first": ("only-first-step", "**Only the first step of k counts**: do the addresses move on with the loop's variable?"),
        "whole": ("k-tail-lost", "**The last, unfinished step of k is left out.** Round the number of steps up (`range(0, k, BK)` does), and load 0 where "
                  "k ends."),
    }  # fmt: skip
    return tuple(
        Rival(key=key, sentence=sentence, oracle=some_of_k(step, which), hint=1)
        for which, (key, sentence) in said.items()
        for step in (16, 32, 64, 128)
    )


HALF = Tolerance.of("float16", slack=2.0)
TRITON_PRODUCTS = [
    dict(m=1, n=1, k=1),
    dict(m=3, n=5, k=7),
    dict(m=17, n=33, k=64),
    dict(m=65, n=40, k=97, b="by columns"),
    dict(m=31, n=130, k=33, a="apart", b="by columns"),
    dict(m=64, n=61, k=70, a="by columns", b="apart"),
    dict(m=20, n=37, k=150, what="sums that cancel"),
]  # fmt: skip


CANCELS, FAR_UP = "A B and bias cancel", "GELU and residual cancel"


def epilogue_input(rng: np.random.Generator, m: int, n: int, k: int, what: str = "") -> tuple:
    a, b = halves(rng, m, k), halves(rng, k, n)
    a /= 4
    b /= 4
    scale = one_of(rng, [0.375, 0.75, 1.5])
    bias = torch.from_numpy(spread(rng, n, "float16"))
    if what == CANCELS:  # what A B adds, the bias takes away again
        turn = torch.where(torch.arange(n) % 2 == 0, 1.0, -1.0).half()
        a[:, 0], b[0] = 16, 16 * turn
        bias = (bias.double() - scale * 256 * turn.double()).half()
    residual = halves(rng, m, n)
    if what == FAR_UP:  # where GELU(x) is x; the residual takes it away but for what float16 cannot hold
        a, b = (torch.from_numpy(rng.integers(-1, 2, x.shape)).half() for x in (a, b))  # the product loses nothing
        bias, scale = (bias.abs() + 40).half(), 0.3
        residual = -epilogue(after=lambda y, bias, r: y)(a, b, bias, residual, scale).half()
    return a, b, bias, residual, scale


def gelu(x: torch.Tensor) -> torch.Tensor:
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))


def epilogue(
    before=lambda s, ab, bias, residual: s * ab + bias, activation=gelu, after=lambda y, bias, residual: y + residual
):
    """The right epilogue, or one with something else before, in or after the activation."""

    def oracle(
        a: torch.Tensor, b: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor, scale: float
    ) -> torch.Tensor:
        wide, r = bias.double(), residual.double()
        return after(activation(before(scale, wide_product(a, b), wide, r)), wide, r)

    return oracle


def bias_of_rows(bias: torch.Tensor, rows: int) -> torch.Tensor:
    """The bias laid along the rows, 0 where it is too short."""
    return torch.cat([bias, bias.new_zeros(max(0, rows - len(bias)))])[:rows, None]


def split_input(rng: np.random.Generator, m: int, n: int, k: int, split: int, what: str = "") -> tuple:
    a, b = half_product(rng, m, n, k)
    if what:  # 64 in the first part of each sum, -64 in the last
        cancelling(a, b, k)
    return a, b, split


PART_STEP = 32


def split_sums(
    a: torch.Tensor,
    b: torch.Tensor,
    split: int,
    owner=lambda step, steps, split: step % split,
    total=lambda parts: parts.sum(0),
) -> tuple:
    """(parts, their total); owner: of a step of 32 k, the part or parts to whose sums it goes."""
    k = a.shape[1]
    steps = ceil(k / PART_STEP)
    parts = torch.zeros((split, a.shape[0], b.shape[1]), dtype=torch.float64, device=a.device)
    for step in range(steps):
        piece = slice(step * PART_STEP, min(k, (step + 1) * PART_STEP))
        owners = owner(step, steps, split)
        for part in owners if isinstance(owners, range) else (owners,):
            if part < split:
                parts[part] += wide_product(a[:, piece], b[piece])
    return parts, total(parts)


def split_with(**changes):
    return lambda a, b, split: split_sums(a, b, split, **changes)


def stream_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    calls = []
    for _ in range(CALLS):
        steps, programs = int(rng.integers(1, 9)), int(rng.integers(1, 12))
        tiles = int(rng.integers(1, 20))
        if what == "one tile":
            tiles = 1
        elif what == "tiles that fit the programs":
            tiles = programs * int(rng.integers(1, 3))
        elif what == "more programs than steps":
            tiles, steps = int(rng.integers(1, 4)), int(rng.integers(1, 4))
            programs = tiles * steps + int(rng.integers(1, 5))
        elif what == "one tile too many":
            programs = int(rng.integers(3, 12))
            tiles = programs + 1
        calls.append((tiles, steps, programs))
    return calls


STREAMS = ("one tile", "tiles that fit the programs", "one tile too many", "more programs than steps", "any")


def a_schedule(value: object, tiles: int, steps: int, programs: int) -> dict:
    """What a schedule does, whichever program does it: how often each step is done, and how even and whole the shares are."""
    if not isinstance(value, (list, tuple)) or any(not isinstance(pieces, (list, tuple)) for pieces in value):
        raise ValueError("A list of lists is wanted, one for each program")
    done, loads, runs, again = np.zeros(tiles * steps, int), [], 1, 0
    for pieces in value:
        spans = []
        for piece in pieces:
            if not isinstance(piece, (list, tuple)) or len(piece) != 3:
                raise ValueError("A piece is (tile, first, end)")
            if any(isinstance(x, bool) or not isinstance(x, (int, np.integer)) for x in piece):
                raise ValueError("Tiles and steps are whole numbers")
            tile, first, end = map(int, piece)
            if not (0 <= tile < tiles and 0 <= first <= end <= steps):
                raise ValueError(f"The piece {(tile, first, end)} is outside {tiles} tiles of {steps} steps")
            if first < end:
                spans.append((tile * steps + first, tile * steps + end, tile))
                done[tile * steps + first : tile * steps + end] += 1
        spans.sort()
        loads.append(sum(end - first for first, end, _ in spans))
        runs = max(runs, 1 + sum(one[1] != other[0] for one, other in zip(spans, spans[1:], strict=False)))
        again = max(again, len(spans) - len({tile for *_, tile in spans}))
    uneven = max(loads) - min(loads) if loads else 0
    return {
        "programs": len(value),
        "times done": done,
        "unevenness": max(1, uneven),
        "runs of a program": runs,
        "repeated tiles": again,
    }


def right_schedule(tiles: int, steps: int, programs: int) -> dict:
    return {
        "programs": programs,
        "times done": np.ones(tiles * steps, int),
        "unevenness": 1,
        "runs of a program": 1,
        "repeated tiles": 0,
    }


def cut(bounds: list[int], steps: int, last: int = 0) -> list[list[tuple[int, int, int]]]:
    """The schedule whose programs take steps bounds[p] to bounds[p + 1] of all; `last` is added to every end."""
    found = []
    for low, high in zip(bounds, bounds[1:], strict=False):
        tiles = range(low // steps, -(-high // steps)) if low < high else range(0)
        found.append(
            [(t, max(low, t * steps) - t * steps, min(high, (t + 1) * steps) - t * steps + last) for t in tiles]
        )
    return found


def stream_with(bounds, last: int = 0):
    """A rival whose program p begins at bounds(p, all steps, tiles, steps, programs)."""

    def oracle(tiles: int, steps: int, programs: int) -> dict:
        edges = [min(tiles * steps, bounds(p, tiles * steps, tiles, steps, programs)) for p in range(programs + 1)]
        return a_schedule(cut(edges, steps, last), tiles, steps, programs)

    return oracle


IN_TRITON = [
    Predict(
        id="06.36", title="What a wave touches", minutes=5,
        quantities=(
            Quantity(
                name="rows_plain", unit="rows of tiles", value=lambda: first_wave(1, 0), because="132 = 4 · 32 + 4: four full rows of tiles and the beginning of a fifth.",
                misreads=(Misread(4, "rounds-down", "The last four programs begin a row of their own."), Misread(132, "no-sharing", "Programs with the same row of tiles want the same rows of A."),
                          Misread(32, "columns", "Tiles are numbered along a row first.")),
            ),
            Quantity(
                name="columns_plain", unit="columns of tiles", value=lambda: first_wave(1, 1), because="a full row of tiles goes through all 32 columns.",
                misreads=(Misread(132, "no-sharing", "There are only 32 columns of tiles."), Misread(5, "rows", "That are the rows.")),
            ),
            Quantity(
                name="rows_grouped", unit="rows of tiles", value=lambda: first_wave(8, 0), because="the first band has 8 rows · 32 columns = 256 tiles; the wave does not leave it.",
                misreads=(Misread(17, "columns", "That are the columns: a band is walked down its 8 rows first."), Misread(5, "plain", "That is the plain order."),
                          Misread(16, "two-bands", "The first band has 256 tiles, more than a wave.")),
            ),
            Quantity(
                name="columns_grouped", unit="columns of tiles", value=lambda: first_wave(8, 1), because="132 = 16 · 8 + 4: sixteen full columns of 8 and the beginning of a 17th.",
                misreads=(Misread(16, "rounds-down", "The last four programs begin a column of their own."), Misread(32, "plain", "A band is walked down first: 8 tiles, then the next column."),
                          Misread(16.5, "not-whole", "A column that is begun is needed.")),
            ),
            Quantity(
                name="kib_grouped", unit="KiB", value=lambda: (first_wave(8, 0) + first_wave(8, 1)) * 128 * 64 * 2 / 1024,
                because="8 + 17 pieces of 128 · 64 · 2 bytes = 16 KiB. In the plain order it is 5 + 32 pieces, 592 KiB.",
                misreads=(Misread(592, "plain", "That is the plain order."), Misread(132 * 32, "asked-for", "That is what the programs ask the L2 for. Each piece comes from HBM once."),
                          Misread(800, "fp32", "FP16: 2 bytes."), Misread(409_600, "bytes", "In KiB."), Misread(8 * 17 * 16, "product", "Rows and columns add: 8 pieces of A and 17 of B.")),
            ),
        ),
        hints=("Number the first 132 tiles: tile t is in row t // 32, column t % 32. Which rows and columns occur?",
               "Grouped: tile t of the first band is in row t % 8, column t // 8.",
               "A piece, for one step of k, is 128 · 64 elements of 2 bytes."),
        why="A wave of tiles is itself a tile of C, and section 1 applies to it: what it loads goes with rows + columns, what it computes with rows · columns. Square is best.",
    ),
    Calls(
        id="06.37", title="Which tile is mine?", minutes=12, dots=2, size="4 lines", answer="place_of",
        signature="place_of(tile, rows, columns, group) -> (row, column)", inputs=place_calls, oracle=placed, read=a_place,
        shapes=tuple({"what": what} for what in PLACES),
        forbid=(Forbid(names=("for", "while", "range()"), because="A program knows its number and nothing of the others: arithmetic, a handful of integer operations."),),
        rivals=(
            Rival(key="short-group", oracle=placed_in_full_groups, hint=2, sentence="**The last group is taken to be full.** Where it has fewer rows, its columns are shorter: divide by the rows it really has."),
            Rival(key="not-grouped", oracle=lambda tile, rows, columns, group: row_and_column(*divmod(tile, columns)), hint=0, sentence="**That is the plain order**, along a whole row of C. Inside a band, walk down first."),
            Rival(key="one-band", oracle=lambda tile, rows, columns, group: row_and_column(tile % rows, tile // rows), hint=0, sentence="**That walks down all rows**: the band of `group` rows is forgotten."),
            Rival(key="bands-of-columns", oracle=lambda tile, rows, columns, group: row_and_column(*tile_order(columns, rows, group)[tile][::-1]), hint=0,
                  sentence="**These are bands of `group` columns.** Here a band has `group` rows."),
            Rival(key="swapped", oracle=lambda *call: row_and_column(*tuple(placed(*call).values())[::-1]), hint=0, sentence="**Row and column are swapped.**"),
        ),
        hints=("A full band has group · columns tiles. Band number: tile // (group · columns). Its first row: that times group.",
               "Inside the band, with `within = tile % (group * columns)`: down first, so the row moves with `within % height`, the column with `within // height`.",
               "`height = min(rows - first, group)`: the last band may be lower."),
        why="The launch is one-dimensional, and the order of the tiles becomes a matter of arithmetic in the kernel. This is CUTLASS's threadblock swizzle (a swizzle of *tiles*; it has nothing to do with banks).",
        follow_up="the launch order is not a promise of the hardware. Why does this work all the same?",
    ),
    Kernel(
        id="06.38", title="A product of any shape and strides", minutes=25, dots=2, size="14 lines", answer="matmul",
        signature="matmul(a: float16[m, k], b: float16[k, n]) -> float16[m, n]", inputs=half_product, oracle=wide_product,
        shapes=TRITON_PRODUCTS, dtype="float16", tolerance=HALF, block=(64, 64), seconds=20.0,
        forbid=(Forbid(names=(".contiguous", ".clone", ".copy_", ".reshape"), because="A copy costs a trip of the matrix to memory and back. The kernel can read any strides: pass them to it."),),
        rivals=(
            *triton_rivals(),
            *stride_rivals(),
        ),
        hints=("Begin with `first_kernel`. Which of its lines rely on row-major inputs, which on a k that BK divides?",
               "`p = start + tl.arange(0, BK)` are this step's k. Where p ≥ k, both loads are masked and give 0: 0 · 0 adds nothing. A mask on one of the two is not enough if the other holds NaN.",
               "Offsets of the tile of a: `i[:, None] * a_row + p[None, :] * a_col`; of b: `p[:, None] * b_row + j[None, :] * b_col`.",
               "`total = tl.dot(x, y, total)` with total in float32; `.to(tl.float16)` once, at the store, masked in both directions."),
        why="Three ends, three masks: rows at the loads of a, columns at the loads of b, k at both, and rows and columns again at the store. Strides make transposed views free: the same kernel, other numbers.",
        follow_up="which of the four layouts (a and b by rows or columns) does wgmma take from shared memory as they are?",
    ),
    Predict(
        id="06.39", title="What three stages cost", minutes=5,
        quantities=(
            Quantity(
                name="shared_bytes", unit="bytes", value=lambda: 3 * (128 * 64 + 64 * 256) * 2, because="a stage is (128 · 64 + 64 · 256) · 2 = 49,152 bytes; three of them.",
                misreads=(Misread(49_152, "one-stage", "That is one stage."), Misread(294_912, "fp32", "FP16: 2 bytes. (This would not fit: a block gets at most 232,448.)"), Misread(73_728, "elements", "Elements are not bytes."),
                          Misread(98_304, "two-stages", "num_stages counts the buffers, the one being multiplied included.")),
            ),
            Quantity(
                name="sums_4_warps", unit="registers", value=lambda: 128 * 256 // 128, because="128 · 256 sums, 128 threads. A thread has at most 255 registers in all: it must spill.",
                misreads=(Misread(128, "eight-warps", "4 warps are 128 threads."), Misread(128 * 256 // 4, "warps", "A warp has 32 threads."), Misread(255, "the-limit", "That is the limit of a thread; the sums alone want more.")),
            ),
            Quantity(
                name="sums_8_warps", unit="registers", value=lambda: 128 * 256 // 256, because="128 · 256 sums, 256 threads.",
                misreads=(Misread(256, "four-warps", "8 warps are 256 threads."), Misread(64, "fp16", "The sums are FP32: one register each.")),
            ),
            Quantity(
                name="wgmma_a_step", value=lambda: 64 // 16, because="two warp groups, 64 rows each, all 256 columns in one instruction: only k is left, 64 / 16.",
                misreads=(Misread(8, "both-groups", "That is for 4 warps, whose one group has 128 rows, or both groups together."), Misread(1, "k-forgotten", "One instruction takes 16 of the step's 64 k."), Misread(64, "mma-sync", "That is mma.sync's scale. wgmma multiplies 64 × 256 × 16 at once.")),
            ),
        ),
        hints=("A stage holds a tile of A, 128 × 64, and one of B, 64 × 256, in FP16.",
               "Sums: 128 · 256 of them, one register each, dealt to all threads.",
               "One wgmma m64n256k16 is issued by a warp group (4 warps) and makes 64 × 256 sums for 16 k."),
        why="Shared memory pays for stages, registers for sums. A tile of 128 × 256 needs two warp groups because the sums of one would fill every register that a thread can have.",
    ),
    Kernel(
        id="06.40", title="The epilogue rides along", minutes=15, dots=2, size="7 lines", answer="fused",
        signature="fused(a: float16[m, k], b: float16[k, n], bias: float16[n], residual: float16[m, n], scale) -> float16[m, n]",
        inputs=epilogue_input, oracle=epilogue(), dtype="float16", tolerance=Tolerance.of("float16", slack=1.5, floor=2.0), block=(64, 64), seconds=20.0,
        shapes=[dict(m=1, n=1, k=32), dict(m=5, n=3, k=32), dict(m=33, n=65, k=32), dict(m=70, n=31, k=64), dict(m=16, n=128, k=64, what=CANCELS), dict(m=9, n=70, k=32, what=FAR_UP)],
        rivals=(
            Rival(key="no-activation", oracle=epilogue(activation=lambda x: x), hint=1, sentence="**GELU is missing.**"),
            Rival(key="relu", oracle=epilogue(activation=lambda x: x.clamp_min(0)), hint=1, sentence="**That is ReLU**: GELU is x · Φ(x), and below 0 it is not 0."),
            Rival(key="sigmoid-gelu", oracle=epilogue(activation=lambda x: x * torch.sigmoid(1.702 * x)), hint=1, sentence="**That is x · sigmoid(1.702 x)**, a coarse stand-in for GELU: off by up to 0.02. Use `tl.erf`."),
            Rival(key="silu", oracle=epilogue(activation=lambda x: x * torch.sigmoid(x)), hint=1, sentence="**That is SiLU**, x · sigmoid(x)."),
            Rival(key="erf-argument", oracle=epilogue(activation=lambda x: 0.5 * x * (1 + torch.erf(x))), hint=1, sentence="**erf wants x / √2**: Φ(x) = (1 + erf(x / √2)) / 2."),
            Rival(key="residual-inside", oracle=epilogue(before=lambda s, ab, bias, r: s * ab + bias + r, after=lambda y, bias, r: y), hint=0, sentence="**The residual goes through GELU.** It is added to what GELU gives."),
            Rival(key="no-residual", oracle=epilogue(after=lambda y, bias, r: y), hint=0, sentence="**The residual is not added.**"),
            Rival(key="no-bias", oracle=epilogue(before=lambda s, ab, bias, r: s * ab), hint=0, sentence="**The bias is not added.**"),
            Rival(key="no-scale", oracle=epilogue(before=lambda s, ab, bias, r: ab + bias), hint=0, sentence="**The scale is missing.**"),
            Rival(key="scale-after-bias", oracle=epilogue(before=lambda s, ab, bias, r: s * (ab + bias)), hint=0, sentence="**The bias is scaled too.** First scale · (A B), then the bias."),
            Rival(key="scale-outside", oracle=lambda a, b, bias, r, s: epilogue(before=lambda _, ab, bias, r: ab + bias, after=lambda y, bias, r: s * y + r)(a, b, bias, r, s), hint=0,
                  sentence="**The scale comes after GELU.** It belongs to A B."),
            Rival(key="low-precision", oracle=epilogue(before=lambda s, ab, bias, r: s * ab.half().double() + bias), hint=0, sentence="**The product is rounded to float16** before the rest is done to it. Keep `total` in float32 to the end."),
            Rival(key="low-precision", oracle=epilogue(after=lambda y, bias, r: y.half().double() + r), hint=0, sentence="**What GELU gives is rounded to float16** before the residual is added. Add in float32, and cast once."),
            Rival(key="bias-after", oracle=epilogue(before=lambda s, ab, bias, r: s * ab, after=lambda y, bias, r: y + bias + r), hint=0, sentence="**The bias comes after GELU.** It belongs inside."),
            Rival(key="bias-per-row", oracle=epilogue(before=lambda s, ab, bias, r: s * ab + bias_of_rows(bias, len(ab))), hint=2, sentence="**The bias goes along the rows.** It has n elements, one for each column: `[None, :]`."),
        ),
        hints=("In this order, all of it in float32: scale · total, plus bias, GELU, plus residual. Then one cast and one store.",
               "GELU(x) = 0.5 · x · (1 + erf(x / √2)): `0.5 * x * (1 + tl.erf(x * 0.7071067811865476))`.",
               "The bias is a vector over the columns: `tl.load(bias + j, mask=j < n, other=0.0)[None, :]`. The residual is a tile like c: same offsets, same mask as the store."),
        why="The sums are in registers, in float32, when the loop ends. Everything that is done to them there costs instructions but no trip to memory and no rounding to FP16 in between.",
        follow_up="a softmax over the row of C cannot be fused like this. Why, and what does flash attention do?",
    ),
    Kernel(
        id="06.41", title="Split-K", minutes=25, dots=3, size="14 lines", answer="split_k",
        signature="split_k(a: float16[m, k], b: float16[k, n], split) -> (parts: float32[split, m, n], c: float16[m, n])",
        inputs=split_input, oracle=split_sums, dtype=("float32", "float16"), tolerance=HALF, launches=2, block=(16, 64), seconds=20.0,
        shapes=[dict(m=1, n=1, k=1, split=1), dict(m=1, n=40, k=33, split=2), dict(m=3, n=70, k=40, split=2), dict(m=16, n=64, k=64, split=2),
                dict(m=17, n=40, k=129, split=2), dict(m=5, n=31, k=70, split=4), dict(m=4, n=20, k=130, split=3, what="parts that cancel")],
        rivals=(
            Rival(key="every-part-all", oracle=split_with(owner=lambda step, steps, split: range(split)), hint=0, sentence="**Every part adds up all of k**, so the total is `split` times too much."),
            Rival(key="parts-overlap", oracle=split_with(owner=lambda step, steps, split: range(min(split, step + 1))), hint=1, sentence="**The parts overlap**: part p begins at step p, and then takes every step. It goes on by SPLIT steps."),
            Rival(key="pieces-in-a-row", oracle=split_with(owner=lambda step, steps, split: step // max(1, ceil(steps / split))), hint=1,
                  sentence="**Each part has steps that follow one another.** That is split-K too, but here the steps are dealt out in turn: part p has steps p, p + SPLIT, p + 2 · SPLIT ..."),
            Rival(key="first-part-only", oracle=split_with(total=lambda parts: parts[0]), hint=2, sentence="**Only the first part reaches c.** `sum_kernel` adds all of them."),
            Rival(key="one-part-lost", oracle=split_with(total=lambda parts: parts[:-1].sum(0)), hint=2, sentence="**The last part is not added.**"),
        ),
        hints=("`part = tl.program_id(2)` is the part of this program. Its loop is that of 06.38 with another `range`.",
               "It begins at `part * BK` and goes on by `SPLIT * BK`. A part without any step stores zeros: `total` as it began.",
               "`sum_kernel` has 1-D blocks over the m · n elements; part s of element e is at `parts + s * mn + e`. Add in float32, in the order of the parts, and cast at the end."),
        why="split · tiles programs instead of tiles: an output too small to fill the GPU gets more of it. The parts go through memory once, in float32, and are added in a fixed order, so the same inputs give the same bits.",
        follow_up="with atomic adds there is no second kernel and no workspace. What do you lose?",
    ),
    Calls(
        id="06.42", title="Stream-K", minutes=20, dots=3, size="6 to 10 lines", answer="stream_k",
        signature="stream_k(tiles, steps, programs) -> a list for each program", inputs=stream_calls, oracle=right_schedule, read=a_schedule,
        shapes=tuple({"what": what} for what in STREAMS),
        rivals=(
            Rival(key="whole-tiles", oracle=lambda tiles, steps, programs: a_schedule([[(t, 0, steps) for t in range(p, tiles, programs)] for p in range(programs)], tiles, steps, programs), hint=0,
                  sentence="**Whole tiles are dealt out**, as without stream-K. Deal out steps: a program may begin and end in the middle of a tile."),
            Rival(key="whole-tiles", oracle=stream_with(lambda p, all, tiles, steps, programs: p * ceil(tiles / programs) * steps), hint=0,
                  sentence="**Whole tiles are dealt out**, as without stream-K. Deal out steps: a program may begin and end in the middle of a tile."),
            Rival(key="last-gets-less", oracle=stream_with(lambda p, all, tiles, steps, programs: p * ceil(all / programs)), hint=1,
                  sentence="**Each program gets the quotient rounded up, until nothing is left**, and the last ones get much less. Loads differ by one step at most."),
            Rival(key="rest-to-the-last", oracle=stream_with(lambda p, all, tiles, steps, programs: all if p == programs else p * (all // programs)), hint=1,
                  sentence="**The rest of the division goes to the last program.** Give one step more to as many programs as the rest has."),
            Rival(key="rest-lost", oracle=stream_with(lambda p, all, tiles, steps, programs: p * (all // programs)), hint=1, sentence="**The rest of the division is lost**: some steps are done by nobody."),
            Rival(key="ends-inclusive", oracle=stream_with(lambda p, all, tiles, steps, programs: p * all // programs, last=-1), hint=2,
                  sentence="**The end of a piece is taken as its last step.** It is the step behind it, as in `range`: (tile, 0, steps) is a whole tile."),
        ),
        hints=("Number all steps: step s of tile t is t · steps + s. There are tiles · steps; program p gets a run of them.",
               "Boundaries: program p begins at `p * total // programs`. These differ by the quotient rounded down or up, and none is lost.",
               "A run from low to high: while low < high, tile = low // steps, and the piece ends at the end of the tile or at high."),
        why="Steps are finer than tiles, so they divide more evenly: the last wave disappears, whatever the shape. The price are the tiles that two programs share: one hands its sums to the other through memory.",
        follow_up="program 1 finishes a tile that program 0 began. Who writes it, and how does it know that the other is done?",
    ),
]  # fmt: skip


# --- Waves, persistence, choosing -------------------------------------------------------------------------


def tile_waves(m: int, n: int, bm: int = 128, bn: int = 256, sms: int = 132) -> int:
    """Waves of a launch with one block an SM."""
    return ceil(ceil(m / bm) * ceil(n / bn) / sms)


FIXED = 6  # steps' worth of time that a tile spends before its first product and after its last: 06.43 says so


def fixed_share(k: int, bk: int = 64) -> float:
    """The share of a tile's time in which no product is made."""
    return FIXED / (k / bk + FIXED)


def overlap_gain(k: int, tiles: int, bk: int = 64) -> float:
    """`tiles` one after the other on an SM, over the same with only the first and last fixed part exposed."""
    return tiles * (k / bk + FIXED) / (tiles * k / bk + FIXED)


def persistent_inputs(rng: np.random.Generator, m: int, n: int, k: int, programs: int) -> tuple:
    a, b = (torch.from_numpy(spread(rng, shape, "float16")) for shape in ((m, k), (k, n)))
    return a, b, programs


def persistent_product(a: torch.Tensor, b: torch.Tensor, programs: int) -> torch.Tensor:
    return a.double() @ b.double()


TILE = 32  # of the persistent product: the side of its tiles and its step


def tile_grid(a: torch.Tensor, b: torch.Tensor, by_columns: bool = False) -> list[tuple[slice, slice]]:
    """Where each tile of C lies, in the order of their numbers."""
    starts = range(0, a.shape[0], TILE), range(0, b.shape[1], TILE)
    order = [(i, j) for j in starts[1] for i in starts[0]] if by_columns else list(product(*starts))
    return [(slice(i, i + TILE), slice(j, j + TILE)) for i, j in order]


def sums_go_on(a: torch.Tensor, b: torch.Tensor, programs: int, by_columns: bool = False) -> torch.Tensor:
    """The sums are not set to 0 between two tiles of a program. (Rows and columns outside are 0.)"""
    c = torch.zeros(a.shape[0], b.shape[1], dtype=torch.float64)
    sums = {}
    for number, (rows, cols) in enumerate(tile_grid(a, b, by_columns)):
        tile = a[rows].double() @ b[:, cols].double()
        total = sums.setdefault(number % programs, torch.zeros(TILE, TILE, dtype=torch.float64))
        total[: tile.shape[0], : tile.shape[1]] += tile
        c[rows, cols] = total[: tile.shape[0], : tile.shape[1]]
    return c


def whole_steps_only(a: torch.Tensor, b: torch.Tensor, programs: int) -> torch.Tensor:
    k = a.shape[1] // TILE * TILE
    return a[:, :k].double() @ b[:k].double()


def most_stored(a: torch.Tensor, b: torch.Tensor, programs: int) -> int:
    """Elements of C that one program stores if the tiles are dealt out evenly."""
    return ceil(len(tile_grid(a, b)) / programs) * TILE * TILE


PERSISTENT = [(1, 1, 1, 1), (33, 65, 31, 4), (31, 33, 64, 8), (40, 100, 65, 3), (96, 128, 5, 5)]
LIMITS = ("rows", "depth", "warps", "shared", "registers")


def broken(bm: int, bn: int, bk: int, stages: int, warps: int, itemsize: int, most_shared: int = 232_448, of_c: int = 1,
           of_stages: bool = True, of_a_thread: int = 255, of_an_sm: int = 65_536, none_left: int = 0) -> dict:  # fmt: skip
    """Each limit with its number if it is broken, else 0."""
    shared = (stages if of_stages else 1) * itemsize * bk * (bm + bn) + of_c * bm * bn
    sums, threads = bm * bn // (32 * warps), 32 * warps
    too_many = sums > min(of_a_thread, of_an_sm // threads) - 1 + none_left
    return {"rows": bm * (bm % 64 > 0), "depth": bk * itemsize * (bk * itemsize % 32 > 0), "warps": warps * (warps % 4 > 0),
            "shared": shared * (shared > most_shared), "registers": sums * too_many}  # fmt: skip


def broken_with(**changes) -> object:
    return lambda *call: broken(*call, **changes)


def only_the_first(*call: int) -> dict:
    found = broken(*call)
    first = next((name for name in LIMITS if found[name]), "")
    return {name: found[name] * (name == first) for name in LIMITS}


BREAK_RULES = {  # what is forgotten -> what is found then
    "stages": broken_with(of_stages=False), "the C tile": broken_with(of_c=0),
    "the bytes of an element": lambda bm, bn, bk, stages, warps, itemsize: broken(bm, bn, bk, stages, warps, 2),
    "the file of registers": broken_with(of_an_sm=2**30), "registers for the rest": broken_with(none_left=1),
    "what the system takes": broken_with(most_shared=233_472), "several limits": only_the_first,
}  # fmt: skip
BREAK_VALUES = dict(bm=[16, 32, 64, 128, 256], bn=[8, 16, 32, 64, 128, 256], bk=[8, 16, 32, 64, 128, 256], stages=[1, 2, 3, 4, 5, 6, 7, 8],
                    warps=[1, 2, 4, 8, 16], itemsize=[1, 2, 4])  # fmt: skip
LARGE = dict(bm=[64, 128, 256], bn=[64, 128, 256], bk=[32, 64, 128])
BREAK_NARROWED = {"stages": LARGE, "the C tile": LARGE, "the bytes of an element": LARGE,
                  "the file of registers": LARGE | dict(bm=[256, 512], bn=[128, 256], warps=[16, 32]),
                  "what the system takes": dict(bm=[64], bn=[64], bk=[64, 128, 256], stages=[7, 14, 28]),
                  "registers for the rest": dict(bm=[256], bn=[128, 256], warps=[8, 16, 32]),
                  "it runs": LARGE | dict(bk=[32, 64], stages=[1, 2, 3, 4], warps=[4, 8], itemsize=[1, 2])}  # fmt: skip


def break_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    """Calls in which one rule decides, in which nothing is broken, or any."""
    lists = list((BREAK_VALUES | BREAK_NARROWED.get(what, {})).values())

    def draw(rng: np.random.Generator) -> tuple | None:
        at = rng.integers(0, [len(values) for values in lists])
        call = tuple(values[i] for values, i in zip(lists, at, strict=True))
        if what == "it runs":
            return None if any(broken(*call).values()) else call
        return call if what == "any" or BREAK_RULES[what](*call) != broken(*call) else None

    return some(rng, draw)[: CALLS // 6 if what == "it runs" else CALLS]


def broken_limits(value: object, *call: int) -> dict:
    """The limits that an answer names, the others 0."""
    if not isinstance(value, dict):
        raise ValueError("A dict is wanted, from limits to numbers")
    for name, number in value.items():
        if name not in LIMITS:
            raise ValueError(f"{name!r} is not one of {', '.join(map(repr, LIMITS))}")
        if isinstance(number, bool) or not isinstance(number, (int, float, np.number)):
            raise ValueError(f"The number that breaks {name!r} is wanted")
        if not number:
            raise ValueError(
                f"Only limits that are broken are wanted: 0 breaks none, so {name!r} does not belong there"
            )
    return {name: value.get(name, 0) for name in LIMITS}


# The boss: what was measured. Every second shape is the learner's (`tile_times.seen`), the others decide too.


@cache
def timed() -> dict[tuple, dict[tuple, float]]:
    """{(m, n, k): {configuration: ms}}, where it ran."""
    figures, configurations = tile_times.figures(), tile_times.configurations()
    return {tuple(shape): {c: ms for c, ms in zip(configurations, row, strict=True) if ms is not None}
            for shape, row in zip(figures["shapes"], figures["ms"], strict=True)}  # fmt: skip


SEEN_SHAPES, OTHER_SHAPES = "the shapes you have seen", "those you have not"


def shapes_timed(rng: np.random.Generator, what: str) -> list[tuple]:
    return list(timed())[what == OTHER_SHAPES :: 2]


def best_tile(m: int, n: int, k: int) -> dict:
    times = timed()[m, n, k]
    return {"configuration": min(times, key=times.get)}


def a_configuration(value: object, m: int, n: int, k: int) -> dict:
    whole = isinstance(value, (tuple, list)) and all(isinstance(v, (int, np.integer)) for v in value)
    if not whole or len(value) != 5:
        raise ValueError("A configuration (bm, bn, bk, stages, warps) is wanted")
    if tuple(value) not in tile_times.configurations():
        raise ValueError("This is none of `tile_times.configurations()`, and was not measured")
    return {"configuration": tuple(int(v) for v in value)}


def times_best(chosen: dict, m: int, n: int, k: int) -> float:
    times = timed()[m, n, k]
    return times.get(tuple(map(int, chosen["configuration"])), float("inf")) / min(times.values())


def cheapest(cost) -> object:
    """The first configuration with the least of `cost`."""
    return lambda m, n, k: {"configuration": min(tile_times.configurations(), key=lambda c: cost(m, n, k, *c))}


def covered(m: int, n: int, bm: int, bn: int) -> int:
    return ceil(m / bm) * bm * ceil(n / bn) * bn


CHOOSING = [
    Predict(
        id="06.43", title="Waves, and what stands around the products", minutes=6,
        quantities=(
            Quantity(
                name="waves_8192", unit="waves", value=lambda: tile_waves(8192, 8192),
                because="64 · 32 = 2048 tiles, 132 at a time: 15.5 waves, so 16. Used: 2048 of 2112 places, 97 %, as at 4096 (512 of 528).",
                misreads=(Misread(15, "rounds-down", "The last 68 tiles need a wave of their own."), Misread(2048 / 132, "not-rounded", "A started wave takes as long as a full one."),
                          Misread(32, "square-tiles", "128 × 128 tiles would be 4096. Here a tile has 256 columns."), Misread(8, "two-per-sm", "One block for each SM: 132 tiles at a time.")),
            ),
            Quantity(
                name="waves_4225", unit="waves", value=lambda: tile_waves(4225, 4096),
                because="34 · 16 = 544 tiles. With 4224 rows it was 33 · 16 = 528 = 4 · 132, not one place empty; one row more, and 16 tiles need a fifth wave: a quarter more time.",
                misreads=(Misread(4, "no-row", "4224 rows fill four waves to the last place. Row 4225 begins a new row of tiles, of which there is no room in the fourth wave."),
                          Misread(544 / 132, "not-rounded", "A started wave takes as long as a full one."), Misread(9, "square-tiles", "Here a tile has 256 columns: 16 in a row of tiles.")),
            ),
            Quantity(
                name="fixed_share", rtol=0.01, value=lambda: fixed_share(512),
                because="512 / 64 = 8 steps and 6 around them: 6 / 14. At k = 8192 it is 6 of 134, 4 %.",
                misreads=(Misread(6 / 8, "of-the-products", "That is the fixed part over the products. Over all: 6 / (8 + 6)."), Misread(8 / 14, "the-rest", "That is the share of the products."),
                          Misread(6 / 518, "elements", "512 elements of k are 512 / 64 = 8 steps."), Misread(42.857, "percent", "A share, between 0 and 1.")),
            ),
            Quantity(
                name="gain", rtol=0.01, value=lambda: overlap_gain(512, 4),
                because="4 · (8 + 6) = 56 steps one after the other; with the fixed parts behind products, 4 · 8 + 6 = 38.",
                misreads=(Misread(14 / 8, "all-hidden", "Before an SM's first product and after its last there is nothing to hide behind: one fixed part stays."),
                          Misread(38 / 56, "upside-down", "How many times as fast: the old time over the new."),
                          Misread(1.0, "none", "While the tensor cores work on a tile, loads for the next and the store of the last can be under way: they use other units.")),
            ),
        ),
        hints=("Tiles: ⌈m / 128⌉ · ⌈n / 256⌉; waves: tiles / 132, rounded up.", "A tile: k / 64 steps of products, and 6 steps' time around them.",
               "Four tiles on an SM: 4 · (8 + 6) one after the other. Overlapped: 4 · 8 of products without a gap, and the 6 once."),
        why="The wave count says how many tiles an SM does in a row; the fixed part is paid for each of them unless the next tile's loads and the last tile's store run beside the products. At large k nobody notices; at k = 512 hiding it saves a third of the time.",
        follow_up="which k makes the gain 5 %?",
    ),
    Kernel(
        id="06.44", title="The product, persistent", minutes=20, dots=2, size="12 to 15 lines", answer="persistent",
        signature="persistent(a: float16[m, k], b: float16[k, n], programs: int) -> float32[m, n]",
        inputs=persistent_inputs, oracle=persistent_product, dtype="float32", tolerance=Tolerance.of("float32", 65, slack=16.0, floor=16.0),
        shapes=tuple(dict(m=m, n=n, k=k, programs=p) for m, n, k, p in PERSISTENT), seconds=20.0, block=(TILE, TILE),
        programs=lambda a, b, programs: programs, share=most_stored,
        rivals=(
            Rival(key="sums-go-on", oracle=sums_go_on, hint=2, sentence="**The sums go on from one tile to the next.** Set them to 0 inside the loop over tiles: a program has several."),
            Rival(key="sums-go-on", oracle=lambda *args: sums_go_on(*args, by_columns=True), hint=2, sentence="**The sums go on from one tile to the next.** Set them to 0 inside the loop over tiles: "
                  "a program has several."),
            Rival(key="whole-steps", oracle=whole_steps_only, hint=3, sentence="**The last, partly filled step along k is left out**: round the number of steps up, and mask."),
        ),
        hints=("Number the tiles: ⌈m / 32⌉ · ⌈n / 32⌉ of them, tile t at row t // columns, column t % columns, where columns = ⌈n / 32⌉.",
               "`for tile in range(tl.program_id(0), tiles, tl.num_programs(0))`: program p takes tiles p, p + programs, p + 2 · programs, ... Launch `(programs,)`.",
               "Everything that belongs to a tile goes into that loop: its rows and columns, the zeros of its sums, the loop over k, the store.",
               "Masks as in the kernel above: rows < m and q < k for A, q < k and columns < n for B, `other=0.0`."),
        why="The grid no longer says what there is to do, but who does it. All that the loop needs is the number of the program and how many there are.",
        follow_up="in which order should the tiles be numbered, so that programs that run at the same time share rows of A and columns of B in L2?",
    ),
    Calls(
        id="06.45", title="Why it does not run", minutes=12, dots=2, size="8 to 14 lines", answer="why_not",
        signature="why_not(bm, bn, bk, stages, warps, itemsize) -> dict", inputs=break_calls, oracle=broken, read=broken_limits,
        shapes=tuple({"what": what} for what in (*BREAK_RULES, "it runs", "any")),
        rivals=(
            Rival(key="sm-not-block", oracle=BREAK_RULES["what the system takes"], hint=1, sentence="**233,472 bytes are the SM's.** A block gets 232,448: the system takes 1,024 for each."),
            Rival(key="stages", oracle=BREAK_RULES["stages"], hint=1, sentence="**The stages are forgotten**: each holds a tile of A and one of B."),
            Rival(key="no-c", oracle=BREAK_RULES["the C tile"], hint=1, sentence="**C's way out is forgotten**: half a tile of 16-bit values, bm · bn bytes."),
            Rival(key="two-bytes", oracle=BREAK_RULES["the bytes of an element"], hint=1, sentence="**`itemsize` is forgotten**: fp8 takes 1 byte, bf16 2, tf32 4."),
            Rival(key="none-left", oracle=BREAK_RULES["registers for the rest"], hint=2, sentence="**Sums that take every register leave none for anything else**: as many sums as registers is too many."),
            Rival(key="no-register-file", oracle=BREAK_RULES["the file of registers"], hint=2, sentence="**A thread of a large block has fewer than 255 registers**: all threads of the block share 65,536."),
            Rival(key="one-limit", oracle=only_the_first, hint=0, sentence="**Only the first limit is named.** A configuration may break several, and mending one shows the next: name all."),
        ),
        hints=("Begin with `found = {}`, test each of the five limits, add name and number where it is broken, return `found`.",
               "shared: stages · (bm·bk + bk·bn) · itemsize + bm·bn, against 232,448.",
               "registers: bm·bn // (32·warps) sums a thread; broken if that is min(255, 65,536 // (32·warps)) or more.",
               "rows: `bm % 64`. depth: `bk * itemsize % 32`. warps: `warps % 4`."),
        why="Five divisions, and most of a tuner's search space is gone before anything is compiled. A message with the limit and the number says at once what to change: 262,144 of 232,448 bytes is one stage too many.",
        follow_up="which of the five can a compiler work around, and at what price?",
    ),
    Choices(
        id="06.46", title="Boss: choose the tile", minutes=60, dots=3, size="15 to 40 lines", answer="choose",
        signature="choose(m, n, k) -> (bm, bn, bk, stages, warps)", inputs=shapes_timed, oracle=best_tile, read=a_configuration, cost=times_best,
        shapes=({"what": SEEN_SHAPES}, {"what": OTHER_SHAPES}), learned=SEEN_SHAPES, at_most=1.05, seconds=20.0,
        groups={"few rows": lambda m, n, k: m <= 64, "few tiles": lambda m, n, k: ceil(m / 128) * ceil(n / 256) < 132, "short k": lambda m, n, k: k <= 1024,
                "sizes between tiles": lambda m, n, k: m % 128 > 0 or n % 128 > 0, "large products": lambda m, n, k: True},
        forbid=(
            Forbid(names=("open", "eval", "exec", "__import__", "json", "pathlib", "os", "io", "importlib", "utils.records", "utils.tile_times.figures"),
                   because="The chooser is to work out its choice, not to read it from the recorded times: it is asked about sizes that nobody has timed."),
        ),
        rivals=(
            Rival(key="waste-only", oracle=cheapest(lambda m, n, k, bm, bn, *_: covered(m, n, bm, bn)), hint=0, sentence="**Only the waste at the edges counts here.** Small tiles waste least, and "
                  "load most: 64 × 32 loads for each multiply-add four times what 128 × 256 does."),
            Rival(key="waves-only", oracle=cheapest(lambda m, n, k, bm, bn, *_: (tile_waves(m, n, bm, bn), bm * bn)), hint=0, sentence="**Only the number of waves counts here.** A wave of large tiles takes longer: "
                  "waves times the time of a tile."),
            Rival(key="room-only", oracle=cheapest(lambda m, n, k, bm, bn, *_: tile_waves(m, n, bm, bn) * bm * bn), hint=0, sentence="**Only the room of the waves counts here**, waves · bm · bn, as if every tile "
                  "multiplied at the same rate. Small ones wait for their loads: fit the time of a step for each configuration."),
        ),
        hints=("Begin with a model of three terms: time = start + waves · (fixed + steps · step). waves = ⌈tiles / 132⌉, steps = ⌈k / bk⌉; start, fixed and step belong to the configuration.",
               "Fit the three for each configuration on `tile_times.seen()`: `np.linalg.lstsq`, with rows (1, waves, waves · steps) and the times, both divided by the time, so that relative errors count.",
               "`choose` returns the configuration whose model is smallest: `min(tile_times.configurations(), key=...)`. Fit once, outside the function.",
               "Right on the seen shapes, wrong on the others? A table of them, or too many terms for 30 times. Three terms will do.",
               "To go on: some configuration is always predicted too fast, and is chosen for that. Choose among few: start with none, add the one that helps most to what the best of them loses on the seen shapes, five times."),
        why="What a library does: cuBLASLt's heuristic is a fitted model over a list of kernels. The physics gives the form (waves, steps, a fixed part), the measurement gives the rates, and held-out shapes say whether it is more than a table. Five candidates that together lose least are enough: their best is within 1 % of the best of all 26.",
        follow_up="which shapes would you time next, if you could time ten more?",
    ),
]  # fmt: skip


# --- Hopper ---

RINGS = {  # what a case is called: fewest and most stages, consumers, how the ring is slow
    "one stage": ((1, 1), 1, {"late": 4, "product": 4}),
    "copies are slow": ((2, 5), 1, {"late": 30, "product": 1}),
    "products are slow": ((2, 5), 1, {"late": 1, "product": 9}),
    "two consumers": ((2, 4), 2, {"late": 6, "product": 4}),
    "many stages": ((5, 8), 1, {"late": 4, "product": 3}),
}
RING_CASES = tuple({"what": what} for what in RINGS)
RING_HINTS = {"deadlock": 1, "overwritten": 1, "expected-bytes": 2, "handed-back-too-early": 2, "handed-back-unread": 2}


def ring_of(rng: np.random.Generator, what: str, tiles: int) -> Ring:
    """A ring of the kind `what`; its tiles' bytes, its steps and its luck with copies are drawn."""
    (least, most), consumers, slow = RINGS[what]
    stages = int(rng.integers(least, most + 1))
    a, b = (8192 * int(n) for n in rng.permutation(5)[:2] + 1)
    steps, seed = int(rng.integers(2, 4 * stages + 2)), int(rng.integers(2**31))
    return Ring(stages, steps, tiles, consumers, bytes_a=a, bytes_b=b, seed=seed, **slow)


def fill(ring: Ring) -> Warp:
    """A producer that does it right."""
    for step in range(ring.steps * ring.tiles):
        turn, stage = divmod(step, ring.stages)
        yield ring.empty[stage].wait((turn + 1) % 2)
        ring.full[stage].expect(ring.bytes_a + ring.bytes_b)
        ring.copy_a(step, stage)
        ring.copy_b(step, stage)


def drain(ring: Ring) -> Warp:
    """A consumer that does it right, one product after the other."""
    for step in range(ring.steps * ring.tiles):
        turn, stage = divmod(step, ring.stages)
        yield ring.full[stage].wait(turn % 2)
        ring.multiply(step, stage)
        yield ring.products(0)
        ring.empty[stage].arrive()
        if (step + 1) % ring.steps == 0:
            yield ring.store(step // ring.steps)


def producer_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    rings = [ring_of(rng, what, 1) for _ in range(8)]
    return [(ring, ring.steps) for ring in rings]


def consumer_calls(rng: np.random.Generator, what: str) -> list[tuple]:
    rings = [ring_of(rng, what, tiles) for tiles in (1, 1, 2, 2, 3, 3)]
    return [(ring, ring.tiles, ring.steps) for ring in rings]


def all_steps(ring: Ring, *_: int) -> dict:
    return {"steps": ring.tiles * ring.steps}


def simulated(ring: Ring, producer: object, consumers: list) -> dict:
    """What a run to the end shows; raises Unfit with what went wrong before."""
    if not all(isinstance(warp, Generator) for warp in (producer, *consumers)):
        raise ValueError("A generator is wanted: a function with `yield` in front of all that waits")
    try:
        ring.simulate(producer, *consumers)
    except Fault as fault:
        raise Unfit(fault.key, str(fault), RING_HINTS.get(fault.key, 0)) from None
    return all_steps(ring)


def producer_read(result: object, ring: Ring, steps: int) -> dict:
    seen = simulated(ring, result, [drain(ring) for _ in range(ring.consumers)])
    if not ring.ahead and min(ring.stages, steps) > 1:
        raise Unfit("never-ahead", "**The producer never runs ahead**: it asks for a step's tiles only when those of the step before have landed. "
                    "It waits for nothing but `empty`: that the stage is free.", 0)  # fmt: skip
    return seen


def consumer_read(result: object, ring: Ring, tiles: int, steps: int) -> dict:
    """The other consumer, if there are two, works one step at a time."""
    seen = simulated(ring, fill(ring), [result, *(drain(ring) for _ in range(1, ring.consumers))])
    if ring.dry["consumer 0"]:
        raise Unfit("tensor-cores-dry", f"**The tensor cores run dry {ring.dry['consumer 0']} times inside a tile**, with the next step's data in "
                    "place: each product is started only after the one before has ended. `products(1)` leaves one going.", 2)  # fmt: skip
    return seen


def ring_text(value: object) -> str:
    return f"ring of {value}" if isinstance(value, Ring) else str(value)


def fp8_values(rng: np.random.Generator, shape: tuple[int, int], low: float) -> np.ndarray:
    """float32 that fp8 (E4M3) can hold; low: 0 for positive values, -1 for both signs."""
    return rng.uniform(low, 1, shape).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)


def fp8_inputs(rng: np.random.Generator, M: int, N: int, K: int, low: int) -> tuple:
    return fp8_values(rng, (M, K), low), fp8_values(rng, (K, N), low)


def in_pieces(a: np.ndarray, b: np.ndarray, every: int, first: int = 0, last: int | None = None) -> np.ndarray:
    """Partial sums of `every` products in the narrow accumulator, added up in float32."""
    last, total = a.shape[1] if last is None else last, np.zeros((a.shape[0], b.shape[1]), np.float32)
    for start in range(first, last, every):
        partial = np.zeros_like(total)
        for k in range(start, min(start + every, last), fp8_accumulator.DEPTH):
            partial = fp8_accumulator.wgmma_fp8(partial, a[:, k : k + 32], b[k : k + 32])
        total = total + partial
    return total


def promoted_oracle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return in_pieces(a, b, 128)


def promoted_never(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return in_pieces(a, b, a.shape[1])


def promoted_without_tail(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return in_pieces(a, b, 128, last=a.shape[1] // 128 * 128)


def promoted_not_reset(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The narrow sum goes on, and is added again with all that was added before."""
    total = partial = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(0, a.shape[1], 32):
        partial = fp8_accumulator.wgmma_fp8(partial, a[:, k : k + 32], b[k : k + 32])
        if (k + 32) % 128 == 0 or k + 32 == a.shape[1]:
            total = total + partial
    return total


def promoted_narrowly(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Partial sums of 128, the total cut to the 13 fraction bits too."""
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for start in range(0, a.shape[1], 128):
        partial = in_pieces(a[:, start : start + 128], b[start : start + 128], 128)
        total = fp8_accumulator.cut(np.stack([total, partial]), 13).sum(0).astype(np.float32)
    return total


@cache
def narrow_error(K: int) -> float:
    """Root mean square error of a narrow sum of K products of positive fp8 values, relative to the exact one's."""
    rng = np.random.default_rng(0)
    a, b = fp8_inputs(rng, 8, 8, K, 0)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    return float(np.sqrt(((promoted_never(a, b) - exact) ** 2).mean() / (exact**2).mean()))


def growth(first: int, last: int) -> str:
    """How much larger the error is, to the nearest of the choices."""
    ratio = narrow_error(last) / narrow_error(first)
    return min(GROWTHS, key=lambda text: abs(np.log(ratio / float(text.split()[-1]))))


GROWTHS = ("times 1", "times 4", "times 16", "times 256")

HOPPER = [
    Predict(
        id="06.47", title="A ring in numbers", minutes=5, dots=2,
        quantities=(
            Quantity(
                name="bytes_a_stage", unit="bytes", value=lambda: (128 * 64 + 64 * 256) * 2, because="128 · 64 elements of A and 64 · 256 of B, two bytes each: 16,384 + 32,768.",
                misreads=(Misread(24576, "elements", "That counts elements; bf16 takes two bytes."), Misread(16384, "a-only", "That is A alone. Both copies count on the same barrier."),
                          Misread(32768, "b-only", "That is B alone. Both copies count on the same barrier."), Misread(65536, "c-tile", "That is the tile of C in bf16; nobody loads it."),
                          Misread(98304, "fp32", "bf16 takes two bytes, not four.")),
            ),
            Quantity(
                name="stages_that_fit", value=lambda: (227 * 1024 - 128 * 256 * 2) // ((128 * 64 + 64 * 256) * 2),
                because="227 KiB less 64 KiB for C leave 163 KiB; a stage is 48 KiB: 3, and 19 KiB are left for barriers.",
                misreads=(Misread(4, "c-forgotten", "Four stages of 48 KiB fit beside nothing; the tile of C wants 64 KiB of the 227."), Misread(163 / 48, "not-whole", "A whole number of stages."),
                          Misread(2, "too-few", "163 KiB are left for stages of 48 KiB."), Misread(1, "fp32-c", "C is bf16 here, 64 KiB.")),
            ),
            Quantity(
                name="parity_at_step_7", value=lambda: 7 // 3 % 2, because="step 7 is stage 1's third turn (steps 1, 4, 7): its phase 2 has to end, and 2 mod 2 = 0.",
                misreads=(Misread(1, "stage-or-step", "Not the step's parity, nor the stage's: count the turns of this stage. Steps 1 and 4 were phases 0 and 1; step 7 is phase 2."),
                          Misread(2, "not-a-parity", "Phase 2 is right; its parity is 0.")),
            ),
            Quantity(
                name="parity_of_first_fill", value=lambda: 1,
                because="on a fresh barrier phase 0 is in progress, so a wait for parity 0 would wait for consumers who have nothing yet; a wait for parity 1, the phase \"before\" it, passes at once.",
                misreads=(Misread(0, "waits-for-ever", "With 0 the producer waits until phase 0 of `empty` ends: until a consumer hands back what it was never given. Nobody can go on."),
                          Misread(-1, "not-a-parity", "The phase before phase 0 has parity 1: parities alternate.")),
            ),
        ),
        hints=("bf16 has two bytes; 227 KiB is what one block can have, and C's tile stands there too.",
               "Turn of a step: step // stages. Its parity: that modulo 2.",
               "A wait for parity p ends when the phase in progress has the other parity. At the start phase 0 is in progress."),
        why="Byte counts and parities are all that a TMA pipeline's two sides tell each other. One too few bytes and tiles are read half filled; one too many, or the wrong parity, and the kernel hangs.",
        follow_up="what changes with 128-byte wide fp8 tiles, 128 × 128?",
    ),
    Calls(
        id="06.48", title="The producer", minutes=15, dots=2, size="6 lines", answer="producer",
        signature="producer(ring, steps)", inputs=producer_calls, oracle=all_steps, read=producer_read, write=ring_text, shapes=RING_CASES,
        hints=("For each step: stage = step % ring.stages, turn = step // ring.stages. Wait, expect, copy, copy.",
               "It waits on `empty`, for the phase before the one in progress: on the first turn the wait must pass, so the parity is that of turn - 1, which is (turn + 1) % 2.",
               "One `expect` for each stage and turn, with the bytes of both copies: `ring.full[stage].expect(ring.bytes_a + ring.bytes_b)`."),
        why="One thread does this. No addresses, no registers for data, no masks: it asks for boxes and waits for barriers. The barrier that it waits for belongs to the stage, so it can be `stages` steps ahead, and no further.",
        follow_up="what would the copy of a step at the edge of A look like here?",
    ),
    Calls(
        id="06.49", title="The consumer, one product ahead", minutes=25, dots=3, size="11 lines", answer="consumer",
        signature="consumer(ring, tiles, steps)", inputs=consumer_calls, oracle=all_steps, read=consumer_read, write=ring_text, shapes=RING_CASES[1:],
        hints=("Count the steps through all tiles: neither stages nor phases begin anew with a tile.",
               "Each step: wait for `full`, with the turn's own parity; multiply; `yield ring.products(1)`. Then all but the newest product have ended.",
               "What has ended is the step *before*: hand back the stage of step - 1, unless the step is its tile's first.",
               "After a tile's last step: `yield ring.products(0)`, hand back the last stage, `yield ring.store(tile)`."),
        why="While a product runs, the next one must be queued already, so its stage cannot be handed back at once: the ring pays one stage for it. CUTLASS calls the number K_PIPE_MMAS, Gluon's warpgroup_mma_wait takes it as its argument.",
        follow_up="why does this need two stages, and deadlock with one?",
    ),
    Function(
        id="06.50", title="Promotion", minutes=12, dots=2, size="6 lines", answer="promoted",
        signature="promoted(a: float32[M, K], b: float32[K, N]) -> float32[M, N]", inputs=fp8_inputs, oracle=promoted_oracle, dtype="float32", tolerance=Tolerance(3e-6),
        shapes=tuple({"M": M, "N": N, "K": K, "low": low} for M, N, K, low in
                     [(1, 1, 32, 0), (3, 2, 128, 0), (2, 5, 160, 0), (3, 3, 256, 0), (2, 3, 480, -1), (4, 3, 2048, 0), (3, 4, 2080, -1)]),
        rivals=(
            Rival(key="never-promoted", oracle=promoted_never, hint=0, sentence="**All of k goes into the narrow accumulator**: nothing is promoted."),
            Rival(key="every-32", oracle=lambda a, b: in_pieces(a, b, 32), hint=1, sentence="**Every wgmma is promoted**: that is every 32 products. It is more exact, and costs four times the "
                  "additions; wanted is every 128."),
            Rival(key="every-64", oracle=lambda a, b: in_pieces(a, b, 64), hint=1, sentence="**Promoted every 64 products**, not every 128."),
            Rival(key="every-256", oracle=lambda a, b: in_pieces(a, b, 256), hint=1, sentence="**Promoted every 256 products**, not every 128."),
            Rival(key="tail-lost", oracle=promoted_without_tail, hint=2, sentence="**What is left after the last whole 128 is lost.**"),
            Rival(key="not-reset", oracle=promoted_not_reset, hint=1, sentence="**The partial sum is not begun anew**: after it was added to the total it must start from 0, else it is counted again."),
            Rival(key="narrow-total", oracle=promoted_narrowly, hint=0, sentence="**The total is cut to 13 fraction bits as well.** It must be kept and added in float32."),
            Rival(key="no-narrow", oracle=lambda a, b: (a.astype(np.float64) @ b).astype(np.float32), hint=0, sentence="**This is the exact product.** The tensor core adds up to 128 products in its "
                  "narrow accumulator: use `wgmma_fp8` for them."),
        ),
        hints=("Two sums: `partial`, which only `wgmma_fp8` touches, and `total`, float32.",
               "Four wgmma of depth 32 make 128: then `total += partial`, and partial begins at 0 again.",
               "Two loops: `for start in range(0, K, 128)` and inside `for k in range(start, min(start + 128, K), 32)`."),
        why="A narrow sum loses what lies 13 bits below it. If it never grows beyond 128 products, what it loses is small against the total, and the total is kept in 24 bits. The price is paid by CUDA cores: next question.",
        follow_up="with one scale for each 128 of k, where does the scale go?",
    ),
    Predict(
        id="06.51", title="What promotion costs", minutes=5, dots=2,
        quantities=(
            Quantity(
                name="fadds_a_thread", value=lambda: 128 * 128 // 256, because="128 · 128 sums over 256 threads, each added once: 64.",
                misreads=(Misread(256, "every-wgmma", "That adds after each of the four wgmma. Wanted is once for all four."), Misread(128, "one-warpgroup", "Two warpgroups share the tile: 256 threads."),
                          Misread(16384, "whole-tile", "That is the tile's; 256 threads share it."), Misread(128 * 128 * 128 // 256, "the-product", "That is the product itself. Promotion adds each sum once.")),
            ),
            Quantity(
                name="share", rtol=0.03, value=lambda: (128 * 128 / 128) / (2 * 128**3 / 8192),
                because="16,384 additions at 128 a clock take 128 clocks; 2 · 128³ FLOPs at 8,192 a clock take 512. The tile's size cancels: always a quarter.",
                misreads=(Misread(4, "upside-down", "The additions' clocks over the products'."), Misread(0.125, "flops-for-fma", "A multiply-add is two FLOPs: 2 · 128³."),
                          Misread(128 * 128 / (2 * 128**3), "flops", "That is the share of the FLOPs. CUDA cores do 128 additions a clock, tensor cores 8,192 FLOPs."), Misread(25, "percent", "A share, between 0 and 1."),
                          Misread(1.0, "every-wgmma", "That is for a promotion after each wgmma.")),
            ),
            Quantity(
                name="registers_128x256", value=lambda: 2 * 128 * 256 // 256, because="128 sums a thread, and as many in the partial sum. With addresses and all else that is beyond the 255 a thread can have.",
                misreads=(Misread(128, "one-set", "That is one accumulator. The total is kept beside the partial sum."), Misread(255, "limit", "That is the most a thread can have. What would it want?"),
                          Misread(512, "one-warpgroup", "Two warpgroups share the tile: 256 threads.")),
            ),
            Quantity(
                name="error_16384_over_1024", choices=GROWTHS, value=lambda: growth(1024, 16384),
                because="each addition cuts off, always downwards, up to a fixed share of the sum: the relative error grows with the number of additions, K / 32.",
                misreads=(Misread("times 4", "random-walk", "That would be the square root, for errors of either sign. Cutting off errs to one side: they add up."), Misread("times 1", "rounding", "Rounding errors "
                          "relative to the sum stay small only if they cancel. Here each addition cuts off, to the same side."), Misread("times 256", "square", "That is the square of it.")),
            ),
        ),
        hints=("One promotion adds each element of the tile once, whatever k is.",
               "Clocks: additions / 128, FLOPs / 8,192. A 128 × 128 × 128 step is 2 · 128³ FLOPs.",
               "How many times is the sum cut off, and does it err to both sides or to one?"),
        why="Promotion is a quarter of the tensor cores' time, on CUDA cores that have nothing else to do: it must overlap with the other warpgroup's wgmma. And it wants registers for a partial sum: a smaller tile, or half of the columns after the other (128 + 64 registers for 128 × 256).",
        follow_up="where do the block scales of DeepSeek's fp8 recipe come in, and what do they cost extra?",
    ),
]  # fmt: skip


EXERCISES = [
    Predict(
        id="06.1", title="The naive product, in sectors", minutes=3,
        quantities=(
            Quantity(
                name="sectors_of_a", value=lambda: naive_sectors("A"),
                because="32 neighbouring threads stand in 32 rows of A, k floats apart: a sector each.",
                misreads=(
                    Misread(4, "rows-and-columns", "4 would be 32 neighbours in one row. Here `threadIdx.x` chooses the *row*."),
                    Misread(1, "broadcast", "1 would be one address for all lanes. `i` differs from lane to lane."),
                ),
            ),
            Quantity(
                name="sectors_of_b", value=lambda: naive_sectors("B"),
                because="all 32 lanes have the same j, so they read the same float: one sector, a broadcast.",
                misreads=(
                    Misread(4, "coalesced", "4 would be 32 neighbouring columns. A warp here has one column j."),
                    Misread(32, "strided", "32 would be 32 different rows of B. Row p and column j are the same for the whole warp."),
                ),
            ),
            Quantity(
                name="flops_per_byte", rtol=0.02, value=naive_intensity,
                because="32 multiply-adds are 64 FLOPs; 33 sectors are 1056 bytes.",
                misreads=(
                    Misread(32 / 1056, "fma-is-two", "A multiply-add counts as two FLOPs."),
                    Misread(0.25, "asked-for", "That is what the threads ask for, 8 bytes each. Memory moves whole sectors of 32 bytes."),
                    Misread(64 / 33, "sectors-not-bytes", "That is FLOPs a sector; a sector is 32 bytes."),
                    Misread(1056 / 64, "upside-down", "That is bytes a FLOP: turn it over."),
                ),
            ),
        ),
        hints=("Which of i and j changes from lane to lane of a warp? Lanes count along `threadIdx.x`.",
               "A[i * k + p]: neighbouring lanes are k floats apart. B[p * n + j]: they are 0 floats apart."),
        why="A warp's 32 threads are neighbours in `threadIdx.x`. What that index selects decides about every access.",
    ),
    sgemm(
        "06.2", "coalesced", (8, 32), 1,
        [(1, 1, 1), (7, 31, 5), (8, 32, 16), (9, 33, 17), (61, 53, 29), (24, 96, 40), (64, 64, 32)],
        (
            Budget(quantity="global load", at_most=4, where=lambda m, n, k: n % 32 == 0, key="uncoalesced", hint=0,
                   because="Let neighbouring threads take neighbouring *columns*: then a warp's part of B is one row of 128 "
                   "bytes, and its element of A is one for all."),
            Budget(quantity="global store", at_most=4, where=lambda m, n, k: n % 32 == 0, key="uncoalesced", hint=0,
                   because="The store has the same cure: `threadIdx.x` is the column."),
        ),
        lambda m, n, k: dict(grid=(ceil(n / 32), ceil(m / 8)), block=(32, 8)),
        title="The same product, coalesced", minutes=6, dots=1, size="2 lines",
        hints=("The grid tells it: blocks of 32 × 8 threads, x over the columns of C, y over its rows.",
               "`i` comes from `blockIdx.y * 8 + threadIdx.y`, `j` from `blockIdx.x * 32 + threadIdx.x`; both need a guard.",
               "C[i * n + j] with j from threadIdx.x: 32 lanes, 32 neighbouring floats, 4 sectors."),
        why="The arithmetic is the same, the traffic falls from 33 to 5 sectors a step: a warp reads one float of A (broadcast) "
        "and 32 neighbours of B. Nothing else in this chapter is as cheap.",
        follow_up="what does a warp of 16 × 2 threads read in a step?",
    ),
    Calls(
        id="06.3", title="What tiles load", minutes=6, dots=1, size="1 to 3 lines", answer="tile_traffic",
        signature="tile_traffic(m, n, k, bm, bn) -> int", inputs=traffic_calls, oracle=tile_bytes, read=one_result("bytes"),
        shapes=({"what": "tiles that divide"}, {"what": "any size"}),
        rivals=(
            Rival(key="whole-tiles", oracle=whole_tile_bytes, hint=1,
                  sentence="**Tiles at the edge are counted whole.** What lies outside the matrix is not loaded: a tile of "
                  "the last column reads only the columns of B that exist."),
            Rival(key="swapped", oracle=bytes_with(lambda m, n, k, bm, bn: 4 * k * (m * -(-m // bm) + n * -(-n // bn))), hint=0,
                  sentence="**The two counts are swapped**: A is loaded once for each tile *column* of C, so n and bn say how often."),
            Rival(key="floats", oracle=bytes_with(lambda *a: tile_bytes(*a)["bytes"] / 4), sentence="**These are floats**; "
                  "bytes are wanted, 4 each."),
            Rival(key="once", oracle=bytes_with(lambda m, n, k, bm, bn: 4 * k * (m + n)), hint=0, sentence="**That is A and B once**, the "
                  "floor that only a single tile reaches."),
            Rival(key="no-rounding", oracle=bytes_with(lambda m, n, k, bm, bn: 4 * k * (m * n / bn + n * m / bm)), hint=1,
                  sentence="**The number of tiles is not rounded up**: a started tile loads its whole side."),
            Rival(key="rounds-down", oracle=bytes_with(lambda m, n, k, bm, bn: 4 * k * (m * (n // bn) + n * (m // bm))), hint=1,
                  sentence="**The number of tiles is rounded down**: the unfinished tile at the edge loads too."),
        ),
        hints=("How often is one row of A loaded? Once for each tile that lies in its row of tiles.",
               "There are ⌈n / bn⌉ tiles in a row of tiles, so all of A is loaded ⌈n / bn⌉ times; B likewise, ⌈m / bm⌉ times.",
               "`4 * k * (m * columns + n * rows)`, columns and rows counting tiles, rounded up: `-(-n // bn)`."),
        why="A tile of C needs bm rows of A and bn columns of B, whole: so A is read once for each tile column, B once for each tile row. "
        "Twice the tile side, half the traffic, until registers and shared memory are full.",
        follow_up="which of bm and bn should be larger if m is much larger than n?",
    ),
    Predict(
        id="06.4", title="FLOPs for each byte of a tile", minutes=3,
        quantities=(
            Quantity(
                name="tile_32", unit="FLOP/B", rtol=0.01, value=lambda: 32 * 32 / (2 * 64),
                because="a step of 32 × 32 tiles does 2·32·32 FLOPs with 4·(32 + 32) bytes for each k.",
                misreads=(Misread(16, "fma-or-float", "16 is multiply-adds per float, BM·BN/(BM + BN). FLOPs count 2, floats 4 bytes: half of it."),
                          Misread(4, "fma-is-two", "A multiply-add counts as two FLOPs."),
                          Misread(32, "bytes", "A float is 4 bytes.")),
            ),
            Quantity(
                name="tile_128", unit="FLOP/B", rtol=0.01, value=lambda: 128 * 128 / (2 * 256),
                because="four times the side, four times the reuse.",
                misreads=(Misread(128, "area", "Sixteen times the area, but the sides are loaded: four times."),
                          Misread(64, "fma-or-float", "64 is multiply-adds per float. FLOPs count 2, floats 4 bytes: half of it.")),
            ),
            Quantity(
                name="smallest_side", value=lambda: next(s for s in (16, 32, 64, 128, 256) if s / 4 > RIDGE_FP32),
                because="67 TFLOP/s over 3.35 TB/s are 20 FLOP a byte, and a square tile of side s does s/4.",
                misreads=(Misread(64, "just-below", "64 / 4 = 16 FLOP a byte, below the 20 that are needed."),
                          Misread(32, "half-bytes", "A square tile of side s does s/4 FLOP a byte in FP32: 8 for a side of 32."),
                          Misread(256, "one-too-far", "128 / 4 = 32 already passes 20.")),
            ),
        ),
        hints=("For each k, a tile loads BM floats of A and BN floats of B, and does BM·BN multiply-adds.",
               "2·BM·BN / (4·(BM + BN)); for a square of side s that is s/4."),
        why="BM·BN/(BM + BN) is the side-to-area ratio that all tiling lives on. It is the same at every level: global to shared, shared to registers.",
    ),
    Predict(
        id="06.5", title="A tile's warps and instructions", minutes=4,
        quantities=(
            Quantity(
                name="warps", value=lambda: (128 // 64) * (128 // 64) * (32 // 32),
                because="128×128 is covered by 2 × 2 warp tiles of 64×64, and both have all 32 of k.",
                misreads=(Misread(2, "one-direction", "2 in each of two directions."), Misread(8, "k-counted", "Along k both are 32: no further split."),
                          Misread(128, "threads", "These are threads; a warp has 32.")),
            ),
            Quantity(
                name="accumulators_per_thread", unit="registers", value=lambda: 64 * 64 // 32,
                because="a warp's 64·64 sums are shared out over 32 threads, in FP32 one register each.",
                misreads=(Misread(4096, "per-warp", "That is a whole warp's; it has 32 threads."), Misread(64, "half", "That would be FP16 sums, two in a register."),
                          Misread(512, "four-warps", "That would be all four warps' sums in one warp.")),
            ),
            Quantity(
                name="mma_per_warp", value=lambda: (64 // 16) * (64 // 8) * (32 // 16),
                because="64/16 · 64/8 · 32/16 instructions m16n8k16 for each step of k = 32.",
                misreads=(Misread(32, "k-forgotten", "That is one k of 16; the warp tile has 32."), Misread(256, "block", "That is the block's; each of its four warps does a quarter."),
                          Misread(16, "n-is-16", "m16n8k16: n is 8.")),
            ),
        ),
        hints=("Divide shape by shape: threadblock by warp gives warps, warp by instruction gives instructions.",
               "(128/64)·(128/64) warps; (64/16)·(64/8)·(32/16) instructions; 64·64 sums over 32 threads."),
        why="Three shapes, divided by each other, tell a kernel's threads, its registers and its instruction count. Interviewers do this sum aloud.",
    ),
    Predict(
        id="06.6", title="Shape and stride", minutes=4,
        quantities=(
            Quantity(
                name="offset_of_1_2", value=lambda: layout_value((1, 2)),
                because="1 in the mode (2,4):(1,16) is (1, 0), offset 1; 2 in the mode 8:2 is 4.",
                misreads=(Misread(20, "first-mode-last", "The number 1 in mode (2,4) is (1, 0): the leftmost runs fastest. You have taken (0, 1), offset 16."),
                          Misread(18, "wrong-mode", "Each coordinate goes with its own mode: 1 with (2,4):(1,16), 2 with 8:2."),
                          Misread(10, "row-major", "The strides say where: 1·1 + 2·2.")),
            ),
            Quantity(
                name="offset_of_index_13", value=lambda: layout_value(13),
                because="13 = 5 + 8·1: coordinate (5, 1), and 5 in (2,4) is (1, 2), offset 1 + 32; 1 in 8:2 is 2.",
                misreads=(Misread(13, "identity", "The index is not the offset, unless the strides are those of a packed, column-major layout."),
                          Misread(7, "flat-strides", "5 in the mode (2,4) is (1, 2): its second part has stride 16."),
                          Misread(11, "row-major", "Index 13 counts the leftmost mode fastest: 13 mod 8 = 5 goes to mode 0.")),
            ),
        ),
        hints=("A number given for a nested mode is split the same way as an index: leftmost fastest.",
               "13 mod 8 = 5 is for the first mode, 13 div 8 = 1 for the second. 5 in (2,4): (5 mod 2, 5 div 2)."),
        why="Every coordinate, index or tuple, comes down to one number for each mode; the offset is their dot product with the strides.",
    ),
    Calls(
        id="06.7", title="Index to coordinate", minutes=8, dots=1, size="5 to 7 lines", answer="idx2crd",
        signature="idx2crd(index, shape)", inputs=index_calls, oracle=coordinate_of, read=a_coordinate, shapes=KIND_CASES,
        rivals=(
            Rival(key="last-first", oracle=coordinate_last_first, hint=0, sentence="**The rightmost mode runs fastest here.** In CuTe it is the "
                  "leftmost: index 1 is the second element of the *first* mode."),
            Rival(key="never-divided", oracle=coordinate_by_mode, hint=1, sentence="**The index is never divided**: after a mode has taken its "
                  "remainder, the next one works on what is left, `index // size`."),
        ),
        hints=("A shape that is a number: the index is the coordinate. A tuple: each mode takes its share, from left to right.",
               "The share is `index % size(mode)`; the next mode goes on with `index // size(mode)`.",
               "The mode may be a tuple itself: call idx2crd on its share. `layouts.size` gives the size of any shape."),
        why="It is counting in a number system whose digits have different bases, the fastest digit on the left.",
    ),
    Calls(
        id="06.8", title="Coordinate to offset", minutes=10, dots=2, size="6 to 8 lines", answer="crd2idx", uses=("06.7",),
        signature="crd2idx(crd, layout) -> int", inputs=coordinate_calls, oracle=offset_of, read=a_number, shapes=KIND_CASES,
        rivals=(
            Rival(key="last-first", oracle=offset_last_first, hint=1, sentence="**A number for a tuple of modes is split with the rightmost mode "
                  "fastest.** In CuTe the leftmost is."),
            Rival(key="not-split", oracle=offset_first_stride, hint=1, sentence="**A number for a tuple of modes goes whole to the first of "
                  "them.** It has to be split among all: idx2crd does that."),
        ),
        hints=("Three cases: the shape is a number; shape and coordinate are tuples; the shape is a tuple, the coordinate a number.",
               "The third case becomes the second: `idx2crd(crd, shape)` splits the number.",
               "Two tuples: the sum of `crd2idx(c, (s, d))` over the modes. A number: `crd * stride`."),
        why="A layout is a function from coordinates to offsets: split what is not split yet, then take the dot product with the strides.",
    ),
    Calls(
        id="06.9", title="Coalesce", minutes=12, dots=2, size="8 to 12 lines", answer="coalesce",
        signature="coalesce(A)", inputs=layout_calls, oracle=coalesced, read=a_flat_layout, shapes=KIND_CASES,
        forbid=(Forbid(names=("utils.layouts.layout_of",), because="It is this exercise."),),
        rivals=(
            Rival(key="keeps-ones", oracle=coalesced_keeping_ones, hint=1, sentence="**Modes of size 1 stay**: their coordinate is always 0, so they "
                  "go, whatever their stride."),
            Rival(key="sorted", oracle=coalesced_sorted, hint=0, sentence="**The modes are sorted by stride**: that changes which index maps where. "
                  "Only neighbours, in the order they have, may merge."),
            Rival(key="same-stride", oracle=coalesced_same_stride, hint=2, sentence="**Modes of equal stride are merged.** s₀:d₀ and s₁:d₁ become one "
                  "when d₁ = s₀·d₀: the second goes on where the first ends."),
            Rival(key="only-flat", oracle=coalesced_flattened, hint=2, sentence="**It is flattened, and nothing is merged.**"),
        ),
        hints=("Flatten (`layouts.modes`), go from left to right, and keep a list of what cannot be merged further.",
               "Skip modes of size 1. They may stand between two that merge.",
               "Merge s₁:d₁ into the last kept s₀:d₀ when d₁ = s₀·d₀: it becomes s₀·s₁:d₀.",
               "One mode left: return numbers, not tuples of one. None left: (1, 0)."),
        why="Two neighbouring modes are one when the second continues where the first ends. Left to right is enough, since a merge does not change what the next "
        "mode is compared with: s₀·s₁·d₀ is where both end.",
        follow_up="which layouts of size 24 coalesce to 24:1?",
    ),
    Calls(
        id="06.10", title="Composition", minutes=30, dots=3, size="18 to 25 lines", answer="composition", uses=("06.9",),
        signature="composition(A, B)", inputs=composition_calls, oracle=composition_of, read=lambda value, *args: a_layout(value),
        shapes=COMPOSITIONS, inadmissible="No layout has the offsets A(B(0)), A(B(1)), ...",
        forbid=(Forbid(names=("utils.layouts.layout_of",), because="Find the layout from the modes of A and B."),),
        rivals=(
            Rival(key="modes-meet", oracle=composed_mode_by_mode, hint=3, sentence="**Modes of B that together run past the end of a mode of A go "
                  "unnoticed**: each of them divides, their sum carries over. Compare the result with A(B(i)) for all i at the end."),
            Rival(key="no-error", oracle=composed_unchecked, hint=3, sentence="**Divisions that leave a remainder go unnoticed**: where a mode of A is "
                  "not divided evenly, there may be no layout at all. Compare with A(B(i)) at the end, or check every division."),
            Rival(key="no-error", oracle=lambda A, B: composed_unchecked(A, B, up=True), hint=3, sentence="**Divisions that leave a remainder go "
                  "unnoticed**: where a mode of A is not divided evenly, there may be no layout at all. Compare with A(B(i)) at the end, or "
                  "check every division."),
            Rival(key="one-mode", oracle=composed_in_one_line, hint=1, sentence="**Only A's first mode is used.** Once B steps past the end of a mode of A, "
                  "it goes on in the next, with that mode's stride."),
        ),
        hints=("B of several modes: compose A with each mode of B by itself, and put the results side by side.",
               "One mode s:d of B: walk over the modes of `coalesce(A)`. Stepping by d leaves `extent // d` elements of the first (if d divides it), or none of it "
               "but one (if it divides d, and then d shrinks by it).",
               "From what a mode offers, take as many as are still wanted: `take = min(offer, s)`, stride `d` times the mode's; go on with `s // take`. The last mode of A "
               "gets all the rest.",
               "Where something does not divide: ValueError. And compare with A(B(i)) for all i at the end: where modes of B add up past the end of a mode of A, every "
               "mode by itself looks right."),
        why="B picks indices of A. One mode of B is a walk with a fixed step, and a walk through a mixed number system is again one if the steps divide the digits' bases. "
        "CuTe checks the divisions where it can, at compile time, and trusts you that modes of B do not add up past a digit; comparing all values costs nothing here.",
        follow_up="when is A∘B row-major for a column-major A?",
    ),
    Predict(
        id="06.11", title="What a layout leaves out", minutes=3,
        quantities=(
            Quantity(
                name="third_copy", value=lambda: complement_of((4, 2), 24)["offsets"][2],
                because="4:2 covers 0, 2, 4, 6. Its copy at 1 fills the holes; the next free place is 8.",
                misreads=(Misread(2, "holes", "2 is covered by the first copy. After the copies at 0 and 1, everything below 8 is."),
                          Misread(16, "fourth", "That is the copy after the next: 0, 1, 8, 9, 16, 17.")),
            ),
            Quantity(
                name="copies", value=lambda: len(complement_of((4, 2), 24)["offsets"]),
                because="each copy covers 4 of 24 places.",
                misreads=(Misread(3, "repeats-only", "The copies at 1, 9 and 17 belong too."), Misread(24, "elements", "These are places; a copy covers 4."),
                          Misread(4, "its-size", "That is the size of 4:2 itself."), Misread(20, "places-left", "These are the places left, not the copies.")),
            ),
        ),
        hints=("Write 0 to 23 in a row and mark what 4:2 covers. Shift it to the first free place; mark; again.",
               "0, 2, 4, 6, then 1, 3, 5, 7: now all below 8 is marked."),
        why="The complement says where copies of a layout go so that together they cover everything once.",
    ),
    Calls(
        id="06.12", title="Complement", minutes=18, dots=3, size="8 to 10 lines", answer="complement", uses=("06.9",),
        signature="complement(A, M)", inputs=complement_calls, oracle=complement_of, read=lambda value, *args: a_layout(value),
        shapes=COMPLEMENTS, inadmissible="Copies of A cannot cover every place once.",
        forbid=(Forbid(names=("utils.layouts.layout_of",), because="Find the layout from the modes of A."),),
        rivals=(
            Rival(key="only-repeats", oracle=complement_only_repeats, hint=1, sentence="**The holes inside A are forgotten**: copies that fill them come "
                  "first, repetitions of the whole after that."),
            Rival(key="counts-ones", oracle=complement_with_ones, hint=3, sentence="**Modes of size 1 take part**: their one coordinate is 0, "
                  "whatever their stride. Leave them out."),
            Rival(key="unsorted", oracle=complement_unsorted, hint=0, sentence="**The modes are taken in A's order.** The smallest stride comes first: the lowest hole is filled first."),
            Rival(key="rounds-down", oracle=complement_rounded_down, hint=2, sentence="**M is rounded down** to whole repetitions: the last, unfinished "
                  "one counts too."),
        ),
        hints=("Sort A's modes by stride. Below the smallest stride d there are d places and only place 0 is covered: that is a mode d:1 of the answer.",
               "Then A's mode s:d and that mode together cover s·d places without a hole. Call it the span. The next larger stride d' leaves d' / span of such stretches: a mode (d' / span):span.",
               "After the last mode: ⌈M / span⌉ repetitions, a mode ⌈M / span⌉:span.",
               "If a stride is no multiple of the span so far (0 is none, either), copies would meet or leave holes: ValueError. Modes of size 1 do not count."),
        why="Going up through the strides, everything below the span is covered, by A and by the copies so far. The next stride tells how many such stretches fit in between.",
        follow_up="what is the complement of the complement?",
    ),
    Calls(
        id="06.13", title="Logical divide", minutes=10, dots=2, size="4 lines", answer="logical_divide", uses=("06.9", "06.10", "06.12"),
        signature="logical_divide(A, B)", inputs=divide_calls, oracle=divided, read=two_modes, shapes=DIVIDES,
        inadmissible="B does not tile A: its copies meet, or no layout has the offsets.",
        forbid=(Forbid(names=("utils.layouts.layout_of",), because="Compose what you have."),),
        rivals=(
            Rival(key="not-composed", oracle=divided_tile_only, hint=1, sentence="**The second mode is the complement itself**: it counts in indices of A. Compose A with it."),
            Rival(key="swapped", oracle=divided_swapped, hint=0, sentence="**Tile and rest are swapped**: the first mode walks inside a tile, the second from tile to tile."),
            Rival(key="contiguous", oracle=divided_contiguous, hint=1, sentence="**The tiles are taken to be neighbours**, size(B) apart. Where B has a stride, the next tile begins "
                  "in its first hole: complement(B, size(A))."),
        ),
        hints=("Two modes: inside a tile, A∘B; from tile to tile, A composed with what B leaves out.",
               "What B leaves out is `complement(B, size of A)`.",
               "Put the two side by side: shapes in one pair, strides in another."),
        why="B says which indices make a tile, its complement where the other tiles begin; A turns both into offsets.",
    ),
    Calls(
        id="06.14", title="Logical product", minutes=10, dots=2, size="4 to 5 lines", answer="logical_product", uses=("06.9", "06.10", "06.12"),
        signature="logical_product(A, B)", inputs=product_calls, oracle=multiplied, read=two_modes, shapes=PRODUCTS,
        inadmissible="Copies of A cannot stand side by side.",
        forbid=(Forbid(names=("utils.layouts.layout_of",), because="Compose what you have."),),
        rivals=(
            Rival(key="by-size", oracle=multiplied_by_size, hint=0, sentence="**Copies are put size(A) apart**: right only where A has no holes. Where it has, the next copy goes into them."),
            Rival(key="by-span", oracle=multiplied_by_span, hint=0, sentence="**The copies stand behind each other, never in the holes of A.** complement(A, ...) lists the places in order."),
            Rival(key="by-cosize", oracle=multiplied_by_cosize, hint=0, sentence="**Copies are put cosize(A) apart**, never in the holes of A. complement(A, ...) lists the places in order."),
            Rival(key="not-placed", oracle=multiplied_not_placed, hint=1, sentence="**The second mode is B itself**: B counts copies of A; where copy number j stands is "
                  "complement(A, ...)(j)."),
        ),
        hints=("The places where copies of A can stand, in order, are complement(A, M), with M large enough for all copies that B names.",
               "B names copies 0 to cosize(B) − 1, where cosize is the largest offset of B, plus 1. So M = size(A) · cosize(B).",
               "First mode: A. Second mode: composition(complement(A, M), B)."),
        why="The product repeats A; B says in which order and with which gaps, and A's complement turns a copy's number into its place.",
    ),
    Calls(
        id="06.15", title="A matrix in tiles", minutes=12, dots=2, size="7 lines", answer="zipped_divide", uses=("06.9", "06.10", "06.12", "06.13"),
        signature="zipped_divide(A, tile)", inputs=tile_calls, oracle=tiled, read=two_modes, shapes=TILES,
        inadmissible="The tiles do not fill A, or no layout has these offsets.",
        forbid=(Forbid(names=("utils.layouts.layout_of",), because="Divide what you have."),),
        rivals=(
            Rival(key="by-mode", oracle=tiled_by_mode, hint=1, sentence="**The modes stand as logical_divide leaves them**, ((tm, rest), (tn, rest)). Gather them: both tile modes in the first, both "
                  "rests in the second."),
            Rival(key="as-vector", oracle=tiled_as_vector, hint=0, sentence="**The matrix is divided as one vector** of tm·tn neighbours. A tile of a matrix is a piece of its rows times a piece of its "
                  "columns: divide mode by mode."),
        ),
        hints=("Divide the row mode `(A[0][0], A[1][0])` by `(tile[0], 1)`, and the column mode likewise.",
               "Each gives two modes, (tile, rest). Gather: ((tile of rows, tile of columns), (rest of rows, rest of columns)), shapes and strides alike.",
               "A side that does not divide: ValueError. (CuTe rounds up there and leaves it to you to mask what is outside.)"),
        why="By-mode, then regrouped: the first mode is a tile with its own layout, the second says where each tile begins. `local_tile` in a CuTe kernel is this and an index.",
        follow_up="what is the layout of tile (1, 2)?",
    ),
    Calls(
        id="06.16", title="Who holds what", minutes=18, dots=3, size="6 to 9 lines", answer="thread_values",
        signature="thread_values(threads, values)", inputs=thread_calls, oracle=held, read=owners, shapes=THREADS,
        rivals=(
            Rival(key="raked", oracle=lambda *a: held(*a, raked=True), hint=0, sentence="**Neighbouring elements go to neighbouring threads here.** Wanted is that each thread holds a block: "
                  "thread row r has the tile's rows from r·vr on."),
            Rival(key="row-major", oracle=lambda *a: held(*a, row_major=True), hint=1, sentence="**The tile is counted by rows**: element (i, j) of a column-major tile with `rows` rows is number i + j·rows."),
            Rival(key="numbering", oracle=lambda *a: held(*a, number=by_columns), hint=2, sentence="**Threads and values are numbered by columns whatever their strides say.** A grid (4, 8):(8, 1) is numbered "
                  "by rows: its fastest mode is the one of stride 1."),
        ),
        hints=("One thread further down: vr rows further in the tile. One thread further right: vc columns, each of `rows` elements. One value down: 1, one value right: `rows`.",
               "rows = tr · vr. So the steps are (vr, vc · rows) for threads and (1, rows) for values.",
               "The thread's *number* runs fastest along the mode of stride 1: sort the two modes by their stride, the step of each with it."),
        why="A thread-value layout maps (thread, value) to the tile, and it is what `TiledCopy` and every MMA atom are described by. Composing the data's layout with it gives each thread's own piece.",
        follow_up="which order of threads makes the 128-byte loads of a row-major tile coalesced?",
    ),
    Predict(
        id="06.17", title="A column of 16-byte chunks", minutes=3,
        quantities=(
            Quantity(
                name="plain", unit="wavefronts", value=lambda: column_wavefronts(8, False),
                because="a quarter warp is 8 lanes, 8 rows of 128 bytes: all in the same four banks. 8 wavefronts, four times.",
                misreads=(Misread(8, "one-quarter", "That is one quarter of the warp; a 16-byte load is served in four."), Misread(4, "free", "4 is what it would take without conflicts."),
                          Misread(128, "words", "A lane's four words are in four banks: they do not wait for each other.")),
            ),
            Quantity(
                name="swizzled", unit="wavefronts", value=lambda: column_wavefronts(8, True),
                because="row r's chunk 0 sits at chunk r mod 8: eight lanes, eight groups of four banks.",
                misreads=(Misread(1, "one-wavefront", "32 · 16 bytes are 512; a wavefront carries 128."), Misread(8, "two-way", "Eight rows go to eight different chunks: no two meet.")),
            ),
            Quantity(
                name="padded", unit="wavefronts", value=lambda: column_wavefronts(9, False),
                because="rows of 144 bytes begin four banks further each time: 36·r mod 32 = 4·r.",
                misreads=(Misread(8, "two-way", "Lane r starts at bank 4·r: eight lanes cover all 32 banks."), Misread(32, "no-help", "One chunk of padding moves each row four banks on.")),
            ),
        ),
        hints=("16-byte loads are served by quarter warps, 8 lanes at a time (chapter 03, section 2).",
               "128 bytes are 32 banks: row r begins at bank 0 for every r. Where does it begin with 144?"),
        why="Both cures work. The swizzle costs no memory, leaves every row aligned to its 128 bytes, and is what TMA and the tensor cores' descriptors know.",
    ),
    Calls(
        id="06.18", title="Swizzle<B, M, S>", minutes=8, dots=1, size="4 lines", answer="swizzle",
        signature="swizzle(offset, B, M, S) -> int", inputs=swizzle_calls, oracle=swizzled, read=a_number, shapes=SWIZZLES,
        inadmissible="The two fields overlap when S < B, and the map would not be its own inverse.",
        rivals=(
            Rival(key="upper-changes", oracle=lambda *a: swizzled(*a, down=False), hint=1, sentence="**The upper field changes, the lower one should**: rows stay rows, chunks move inside their row."),
            Rival(key="base-forgotten", oracle=lambda *a: swizzled(*a, base=False), hint=0, sentence="**M is forgotten**: the lowest M bits stay as they are, both fields lie above them."),
            Rival(key="no-mask", oracle=lambda *a: swizzled(*a, wide=True), hint=0, sentence="**All bits above take part**: only B of them do. Mask the field before you shift it."),
            Rival(key="unchecked", oracle=swizzle_unchecked, hint=2, sentence="**S < B goes unnoticed**: the two fields overlap then, and ValueError is wanted."),
        ),
        hints=("B bits from bit M + S on are shifted down by S and XOR-ed into the B bits from bit M on.",
               "`mask = (2**B - 1) << (M + S)`; `offset ^ ((offset & mask) >> S)`.",
               "S below B: ValueError."),
        why="XOR with something that itself stays unchanged is its own inverse, so the map is one to one: no two offsets meet, and reading applies the same function as writing.",
    ),
    Calls(
        id="06.19", title="Choose the swizzle", minutes=12, dots=2, size="3 to 6 lines", answer="swizzle_for",
        signature="swizzle_for(row, chunk) -> (B, M, S)", inputs=bank_calls, oracle=wanted_banks, read=counted_banks, shapes=BANKS,
        rivals=(
            Rival(key="always-128", oracle=banks_with(lambda row, chunk: (3, 4, 3)), hint=0, sentence="**Swizzle<3,4,3> for everything**: it is made for rows of 128 bytes and chunks of 16."),
            Rival(key="row-bits-too-low", oracle=banks_with(lambda row, chunk: (log2(max(row, chunk)) - log2(chunk), log2(chunk), log2(max(row, chunk)) - log2(chunk))), hint=2,
                  sentence="**The bits of the row are taken right above the row.** In rows shorter than 128 bytes neighbours lie in different banks anyway; "
                  "the rows that meet differ from bit 7 on. In longer rows only 128 bytes' worth of chunks can be told apart."),
        ),
        hints=("M: a chunk stays whole, so M = log2(chunk). B: the chunks of one row, but at most those of 128 bytes, which are all the banks.",
               "Which address bits tell apart rows that meet in the same banks? Those from the row's length on, and never below 128 bytes, bit 7.",
               "B = min(log2 row, 7) − M, S = max(log2 row, 7) − M."),
        why="Banks are decided by address bits 2 to 6. Rows that collide agree in them and differ above: in bits from max(7, log2 row) on. XOR those into the bits that choose the chunk. For 16-byte chunks this gives "
        "<1,4,3>, <2,4,3>, <3,4,3> for rows of 32, 64, 128 bytes: the swizzle modes of TMA.",
        follow_up="why does TMA offer no swizzle for rows of 256 bytes?",
    ),
    sgemm(
        "06.20", "shared_tile", (32, 32), 32,
        [(1, 1, 1), (31, 33, 32), (33, 31, 33), (61, 37, 31), (40, 70, 40), (64, 64, 32)],
        (
            Budget(quantity="global load", at_most=4, where=whole_tiles, key="uncoalesced", hint=1,
                   because="Both tiles are copied row by row: `threadIdx.x` along the row, in A as in B."),
            Budget(quantity="read", at_most=read_once_a_tile(32, 32), where=whole_tiles, key="not-tiled", hint=0,
                   because="Each element of a tile is to be loaded from global memory once, by one thread of the block, and read by all from shared memory."),
            Budget(quantity="global store", at_most=4, where=whole_tiles, key="uncoalesced", because="`threadIdx.x` is the column of C."),
            Budget(quantity="conflicts", at_most=0, where=whole_tiles, key="bank-conflicts", hint=2,
                   because="A warp has one row of C: it reads one word of the A tile, for all lanes, and a row of the B tile. Neither needs a conflict."),
        ),
        tiles_of(32, 32, (32, 32)),
        rivals=(turned_tiles("The A tile is", True, False), turned_tiles("The B tile is", False, True), turned_tiles("Both tiles are", True, True)),
        title="A tile in shared memory", minutes=20, dots=2, size="12 lines",
        hints=("Each turn of the loop: every thread loads one element of the A tile and one of the B tile, a barrier, 32 multiply-adds, a barrier.",
               "A tile: row `i`, column `p + threadIdx.x`. B tile: row `p + threadIdx.y`, column `j`. Outside the matrices: 0.",
               "`sum += As[threadIdx.y][q] * Bs[q][threadIdx.x]`: the first is a broadcast, the second a row.",
               "Threads whose element of C lies outside still load and still reach both barriers: guard the loads and the store, nothing else."),
        why="Each element that comes in is used 32 times. The second barrier keeps a fast warp from overwriting a tile that a slow one still reads.",
        follow_up="what would happen with only the first barrier, and which fault would be reported?",
    ),
    Predict(
        id="06.21", title="Loads for each multiply-add", minutes=4,
        quantities=(
            Quantity(
                name="column_of_8", rtol=0.001, value=9 / 8, because="8 of A and 1 of B for 8 multiply-adds.",
                misreads=(Misread(2, "no-reuse", "That is the plain tile: the one B of a step now serves 8 multiply-adds."), Misread(16 / 8, "both", "B is read once for all 8.")),
            ),
            Quantity(
                name="square_4x4", rtol=0.001, value=8 / 16, because="4 of A and 4 of B for 16 multiply-adds.",
                misreads=(Misread(2, "no-reuse", "Every A meets every B: 8 loads, 16 multiply-adds."), Misread(1, "eight-for-eight", "8 loads make 4·4 = 16 multiply-adds."),
                          Misread(1 / 16, "one-load", "4 + 4 loads.")),
            ),
            Quantity(
                name="square_8x8", rtol=0.001, value=16 / 64, because="8 + 8 loads, 64 multiply-adds: BM·BN/(BM + BN) again, in registers.",
                misreads=(Misread(0.5, "like-4x4", "Twice the side, half the loads."), Misread(1 / 8, "area", "8 + 8 loads for 64."), Misread(2, "no-reuse", "Every A meets every B.")),
            ),
        ),
        hints=("Count, for one q: how many words of As and Bs does the thread read, and how many multiply-adds does it make of them?",
               "A column of TM: TM + 1 loads, TM multiply-adds. TM × TN: TM + TN loads, TM·TN."),
        why="The law of section 1 once more, one level down: shared memory to registers.",
    ),
    sgemm(
        "06.22", "column_tile", (64, 64), 8,
        [(1, 1, 1), (63, 65, 8), (65, 63, 9), (5, 130, 7), (64, 64, 32)],
        (
            Budget(quantity="global load", at_most=4, where=whole_tiles, key="uncoalesced", hint=1,
                   because="Lanes with neighbouring t are to load neighbouring elements of a row, of A as of B."),
            Budget(quantity="read", at_most=read_once_a_tile(64, 64), where=whole_tiles, key="not-tiled", hint=1,
                   because="A block loads its 64 × 8 and 8 × 64 tiles once a step, one element of each by every thread."),
            Budget(quantity=LOADS, at_most=per_fma(1.2), where=whole_tiles, key="no-reuse", hint=2,
                   because="Read `Bs[q][col]` once into a register and use it for all eight sums: 9 loads for 8 multiply-adds."),
            Budget(quantity="instructions", at_most=per_fma(3.9), where=whole_tiles, key="instructions",
                   because="Everything that does not change with q belongs outside its loop."),
            Budget(quantity="global store", at_most=4, where=whole_tiles, key="uncoalesced", because="The lanes of a warp own neighbouring columns."),
        ),
        tiles_of(64, 64, 512),
        title="Eight sums a thread", minutes=25, dots=2, size="17 lines",
        hints=("Thread t owns column t % 64 of the tile and the eight rows from t / 64 · 8 on: `float sum[8]`.",
               "Loading: the A tile has 64 · 8 elements, thread t takes row t / 8, column t % 8; the B tile row t / 64, column t % 64.",
               "For each q: one b in a register, then eight times `sum[r] += As[row + r][q] * b`."),
        why="A 64 × 64 tile halves the global traffic of 32 × 32, with half the threads: a thread with eight sums needs eight values of A, but only one of B.",
        follow_up="why eight rows and not eight columns?",
    ),
    sgemm(
        "06.23", "square_tile", (64, 64), 16,
        [(1, 1, 1), (63, 65, 16), (65, 63, 17), (5, 130, 15), (64, 64, 32)],
        (
            Budget(quantity="global load", at_most=4, where=whole_tiles, key="uncoalesced", hint=1,
                   because="Lanes with neighbouring t are to load neighbouring elements of a row, of A as of B."),
            Budget(quantity="read", at_most=read_once_a_tile(64, 64), where=whole_tiles, key="not-tiled", hint=0,
                   because="A block loads its 64 × 16 and 16 × 64 tiles once a step, four elements of each by every thread."),
            Budget(quantity=LOADS, at_most=per_fma(0.55), where=whole_tiles, key="no-reuse", hint=2,
                   because="Read four of A and four of B for all sixteen multiply-adds: the outer product of two short vectors."),
            Budget(quantity="instructions", at_most=per_fma(3.4), where=whole_tiles, key="instructions",
                   because="Everything that does not change with q belongs outside its loop."),
        ),
        tiles_of(64, 64, 256),
        title="Sixteen sums a thread", minutes=25, dots=2, size="20 lines",
        hints=("256 threads, 1024 elements in each tile: `for (int e = t; e < 1024; e += 256)`, row and column from e.",
               "Thread t owns rows t / 16 · 4 to + 3 and columns t % 16 · 4 to + 3, or any other 4 × 4 that together cover the tile.",
               "For each q: `float a[4], b[4]` filled from As and Bs, then two nested loops of multiply-adds on `sum[4][4]`."),
        why="An outer product of two small vectors: TM + TN loads, TM·TN multiply-adds. It is what every fast product does at the bottom, tensor cores included.",
        follow_up="8 × 8 sums would halve the loads again. What do they cost?",
    ),
    Predict(
        id="06.24", title="Sixteen bytes at a time", minutes=3,
        quantities=(
            Quantity(
                name="loads_per_fma", rtol=0.001, value=2 / 16, because="one float4 of A, one of B: two load instructions for sixteen multiply-adds.",
                misreads=(Misread(0.5, "words", "That counts words. A float4 is one instruction."), Misread(1 / 16, "one", "One for A and one for B.")),
            ),
            Quantity(
                name="store_wavefronts", unit="wavefronts", value=store_wavefronts,
                because="lanes 4r to 4r + 3 write column r of rows 0, 4, 8 and 12 of As: 64 floats apart, the same bank. Eight different banks, four deep.",
                misreads=(Misread(1, "free", "As[aq][ar]: four lanes share ar, and rows of 64 floats all begin at bank 0."), Misread(8, "upside-down", "8 is how many banks are used; each has 4 lanes."),
                          Misread(32, "all-in-one", "ar takes eight values in a warp, so eight banks are used."), Misread(2, "two", "Four lanes share one ar.")),
            ),
        ),
        hints=("Lane l has ar = l / 4 and aq = l % 4 · 4. Which bank is As[aq][ar]?",
               "(64·aq + ar) mod 32 = ar: eight different values in a warp."),
        why="Turning the A tile makes its reads wide and its writes narrow: 4 wavefronts a store, in a step that has 4 stores and 32 wide loads a thread. Padding by 4 halves it; a swizzle removes it.",
    ),
    sgemm(
        "06.25", "vector_tile", (64, 64), 16,
        [(1, 4, 4), (63, 64, 16), (65, 68, 20), (5, 132, 12), (64, 64, 32)],
        (
            Budget(quantity="load requests", at_most=lambda m, n, k: 16 * ceil(m / 64) * ceil(n / 64) * ceil(k / 16), key="narrow-loads", hint=0,
                   because="Load each tile with one `float4` a thread: 256 threads, 1024 floats."),
            Budget(quantity="store requests", at_most=lambda m, n, k: m * n / 32 / 4 * 1.01, where=whole_tiles, key="narrow-stores", hint=3,
                   because="A thread's four neighbouring sums of a row are one `float4` store."),
            Budget(quantity=LOADS, at_most=per_fma(0.15), where=whole_tiles, key="narrow-reads", hint=1,
                   because="For each q a thread reads one `float4` of the A tile, which therefore lies turned, `As[q][row]`, and one of the B tile."),
            Budget(quantity="instructions", at_most=per_fma(2.0), where=whole_tiles, key="instructions",
                   because="Everything that does not change with q belongs outside its loop."),
        ),
        tiles_of(64, 64, 256),
        title="float4 everywhere", minutes=30, dots=3, size="22 lines",
        hints=("Thread t loads the float4 at row t / 4, columns t % 4 · 4 of the A tile, and at row t / 16, columns t % 16 · 4 of the B tile. n and k are multiples of 4, so a float4 is inside or outside, never half.",
               "The four floats of A go to four rows of `As[16][64]`: As[aq + i][ar]. The B tile stays as it is: one float4 store.",
               "`float4 a = *(float4*)&As[q][row]`, with row a multiple of 4; its parts are a.x to a.w, or an array.",
               "Four rows of C, one float4 each: `*(float4*)(C + i * n + j) = make_float4(...)`."),
        why="Same bytes, same sums, a quarter of the memory instructions: the issue slots go to multiply-adds. It costs alignment (n and k in fours) and a turned A tile with conflicts in its stores.",
        follow_up="what would cp.async change here, and why can it not turn A on the way?",
    ),
    Predict(
        id="06.26", title="Waves", minutes=4,
        quantities=(
            Quantity(
                name="waves", value=lambda: ceil(32 * 32 / (132 * 2)),
                because="32 × 32 = 1024 tiles, 264 at a time: 3.88 waves, so 4.",
                misreads=(Misread(3, "rounds-down", "The last tiles need a wave of their own."), Misread(8, "one-per-sm", "Two blocks fit on an SM: 264 at a time."),
                          Misread(1024 / 264, "not-rounded", "A started wave takes as long as a full one.")),
            ),
            Quantity(
                name="useful_share", rtol=0.01, value=lambda: share_of(4096, 4096, 128, 128, 2, 132)["share"],
                because="1024 tiles in room for 4 · 264 = 1056.",
                misreads=(Misread(1024 / 264 - 3, "last-wave", "That is how full the last wave is. Over all four waves: 1024 of 1056."), Misread(1.0, "no-tail", "4 waves have room for 1056 tiles."),
                          Misread(96.97, "percent", "A share, between 0 and 1.")),
            ),
            Quantity(
                name="tiles_of_4097", unit="tiles", value=lambda: 33 * 32,
                because="one more row begins a 33rd row of tiles: 32 tiles, each with one useful row of 128.",
                misreads=(Misread(1024, "none", "The 4097th row needs tiles too."), Misread(33 * 33, "both", "Only m has grown; there are still 32 tile columns."), Misread(1025, "one-tile", "A row of tiles is 32 tiles.")),
            ),
        ),
        hints=("Tiles: ⌈m/128⌉ · ⌈n/128⌉. At a time: 132 · 2. Waves: the quotient, rounded up.",
               "Useful share: tiles over waves · 264."),
        why="Two losses that no inner loop can win back: tile quantization (edges) and wave quantization (the last wave).",
    ),
    Calls(
        id="06.27", title="How many blocks fit", minutes=12, dots=2, size="6 to 9 lines", answer="fits",
        signature="fits(bm, bn, bk, threads, registers, stages) -> int", inputs=fit_calls, oracle=fitting, read=one_result("blocks"),
        shapes=tuple({"what": what} for what in (*FIT_RULES, "any")),
        rivals=(
            Rival(key="register-units", oracle=FIT_RULES["registers in units of 8"], hint=1, sentence="**Registers are not rounded up**: they are handed out to a warp in units of 256, 8 for each thread."),
            Rival(key="partitions", oracle=FIT_RULES["partitions of the register file"], hint=1, sentence="**The register file is counted in one piece.** It is four of 16,384 registers; a warp lives in one of them, and what is left over in each "
                  "helps nobody."),
            Rival(key="no-reserve", oracle=FIT_RULES["what the system takes"], hint=2, sentence="**The 1,024 bytes that the system takes for each block are forgotten.**"),
            Rival(key="stages", oracle=FIT_RULES["stages"], hint=0, sentence="**The stages are forgotten**: each holds an A tile and a B tile."),
            Rival(key="block-slots", oracle=FIT_RULES["32 blocks"], hint=3, sentence="**An SM takes at most 32 blocks**, however small."),
            Rival(key="no-thread-limit", oracle=FIT_RULES["2048 threads"], hint=3, sentence="**An SM has room for 2,048 threads**: that limit is missing."),
            Rival(key="no-register-limit", oracle=FIT_RULES["registers"], hint=1, sentence="**The registers are forgotten.**"),
        ),
        hints=("Shared memory of a block: stages · (bm·bk + bk·bn) · 4 bytes.",
               "By registers: round `registers` up to a multiple of 8, r; a partition holds `16384 // (32 * r)` warps, the SM four times that; divide by the block's warps, rounding down.",
               "By shared memory: `233472 // (shared + 1024)`, and 0 blocks if shared is above 232448.",
               "The smallest of: 32, 2048 // threads, the registers' and the shared memory's."),
        why="Each resource gives a number of blocks; the scarcest decides. For products it is usually registers: the sums alone are bm·bn / threads of them.",
        follow_up="why do the fastest kernels run one block per SM?",
    ),
    Calls(
        id="06.28", title="The useful share", minutes=10, dots=2, size="4 lines", answer="useful_share",
        signature="useful_share(m, n, bm, bn, per_sm, sms) -> float", inputs=share_calls, oracle=share_of, read=one_result("share"),
        shapes=tuple({"what": what} for what in (*SHARE_NARROWED, "any")),
        rivals=(
            Rival(key="no-edges", oracle=share_with(area=lambda m, n, bm, bn: -(-m // bm) * -(-n // bn) * bm * bn), hint=1, sentence="**Tiles at the edge count as full.** Useful is m·n, what the tiles cover is more."),
            Rival(key="no-waves", oracle=share_with(waves=lambda x: x), hint=0, sentence="**The waves are not rounded up**: an SM without a tile in the last wave waits for the others."),
            Rival(key="rounds-down", oracle=share_rounded_down, hint=0, sentence="**The tiles are rounded down**: what is left at the edge needs tiles too."),
            Rival(key="one-block", oracle=lambda m, n, bm, bn, per_sm, sms: share_of(m, n, bm, bn, 1, sms), hint=1, sentence="**per_sm is forgotten**: a wave is sms · per_sm tiles."),
        ),
        hints=("Tiles: ⌈m/bm⌉ · ⌈n/bn⌉. A wave holds sms · per_sm of them; round the number of waves up.",
               "The launched waves have room for waves · sms · per_sm · bm · bn elements of C; m·n of them are useful."),
        why="Tile quantization and wave quantization multiply. It is a model: blocks that share an SM with nobody in the last wave run faster, so with several blocks an SM the truth is better. With per_sm = 1 it is what counts.",
        follow_up="which loss does stream-K remove?",
    ),
    sgemm(
        "06.29", "fast", (64, 64), 16,
        [(1, 1, 1), (63, 65, 15), (65, 62, 17), (3, 130, 5), (60, 68, 36), (64, 64, 32)],
        (
            Budget(quantity="load requests", at_most=lambda m, n, k: 16 * ceil(m / 64) * ceil(n / 64) * ceil(k / 16), where=whole_tiles, key="narrow-loads", hint=1,
                   because="Where n and k are multiples of 4, load with one `float4` a thread and tile."),
            Budget(quantity="read", at_most=read_once_a_tile(64, 64), where=whole_tiles, key="not-tiled", hint=0,
                   because="Each block loads its tiles of A and B once."),
            Budget(quantity="conflicts", at_most=0, where=whole_tiles, key="bank-conflicts", hint=2,
                   because="The stores of the turned A tile are the ones that meet: give rows 0-3, 4-7, 8-11 and 12-15 of As different banks, with an XOR that reads apply too."),
            Budget(quantity=LOADS, at_most=per_fma(0.15), where=whole_tiles, key="narrow-reads", hint=1,
                   because="Two `float4` reads for sixteen multiply-adds."),
            Budget(quantity="instructions", at_most=per_fma(2.0), where=whole_tiles, key="instructions", hint=3,
                   because="The test for alignment is the same for all threads and all steps: one branch around a whole load, not one for each element."),
        ),
        tiles_of(64, 64, 256),
        title="Boss: an SGEMM for any size", minutes=60, dots=3, size="25 to 40 lines",
        hints=("Begin with 06.25. What breaks when k is 17? Row 1 of A begins at float 17: no `float4` may begin there. What breaks when n is 65?",
               "A helper `float4 four(const float* row, int at, int end, bool aligned)`: one load if aligned, else four guarded ones, 0 beyond the end. Give it `k % 4 == 0` for A, `n % 4 == 0` for B.",
               "Store the A tile at column `ar ^ 2 * aq`: aq is 0, 4, 8 or 12, so rows move by 0, 8, 16, 24 banks. Row q is read at `row ^ (q / 4 * 8)`: still a multiple of 4.",
               "C: one float4 if n is a multiple of 4, else four guarded stores."),
        why="What CUTLASS calls alignment is a template parameter with the same meaning; a library picks a kernel by it. The XOR is Swizzle on the A tile: the same bits (which group of four rows) that made the lanes meet now tell them apart.",
        follow_up="this reads A and B from L2 many times. What would a larger tile cost, and what does double buffering need?",
    ),
    *TENSOR_CORES,
    *IN_TRITON,
    *CHOOSING,
    *HOPPER,
]  # fmt: skip
