"""Wrong answers to chapter 06 with the diagnosis each must get, and right answers of another shape."""

from __future__ import annotations

from utils.judge import Right, Wrong

# Drawing hundreds of layouts that divide, or running a product on the emulated GPU, takes half a second and more.
SLOW = {
    "06.2", "06.10", "06.13", "06.14", "06.15", "06.20", "06.22", "06.23", "06.25", "06.29", "06.32", "06.33", "06.34",
    "06.38", "06.40", "06.41", "06.44", "06.45",
}  # fmt: skip


def seeds(exercise: str) -> int:
    return 1 if exercise in SLOW else 2


def guess(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """A wrong prediction: nothing random in it, so one seed is enough."""
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, edits=edits, seeds=1)


def slip(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """The model answer with something changed."""
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, edits=edits, seeds=seeds(exercise))


def wrong(exercise: str, name: str, diagnosis: str, code: str) -> Wrong:
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, code=code, seeds=seeds(exercise))


def same(exercise: str, name: str, *edits: tuple[str, str]) -> Right:
    """The model answer written another way."""
    return Right(exercise=exercise, name=name, edits=edits, seeds=seeds(exercise))


def right(exercise: str, name: str, code: str) -> Right:
    return Right(exercise=exercise, name=name, code=code, seeds=seeds(exercise))


TRAFFIC = [
    guess("06.1", "a row of A", "rows-and-columns", ("sectors_of_a = 32", "sectors_of_a = 4")),
    guess("06.1", "A as a broadcast", "broadcast", ("sectors_of_a = 32", "sectors_of_a = 1")),
    guess("06.1", "a row of B", "coalesced", ("sectors_of_b = 1", "sectors_of_b = 4")),
    guess("06.1", "a column of B", "strided", ("sectors_of_b = 1", "sectors_of_b = 32")),
    guess("06.1", "one FLOP a multiply-add", "fma-is-two", ("0.0606", "0.0303")),
    guess("06.1", "what is asked for", "asked-for", ("0.0606", "0.25")),
    guess("06.1", "bytes a FLOP", "upside-down", ("0.0606", "16.5")),
    guess("06.1", "for each sector", "sectors-not-bytes", ("0.0606", "64 / 33")),
    same("06.1", "as a fraction", ("0.0606", "2 * 32 / ((32 + 1) * 32)")),
    slip("06.2", "x still walks down", "out-of-bounds", ("blockIdx.y * 8 + threadIdx.y", "blockIdx.y * 32 + threadIdx.x"),
         ("blockIdx.x * 32 + threadIdx.x", "blockIdx.x * 8 + threadIdx.y"), ("if (i >= m || j >= n) return;\n", "\n")),
    slip("06.2", "rows and columns swapped, the launch ignored", "partly-written", ("blockIdx.y * 8 + threadIdx.y", "blockIdx.y * 32 + threadIdx.x"),
         ("blockIdx.x * 32 + threadIdx.x", "blockIdx.x * 8 + threadIdx.y")),
    slip("06.2", "blocks of 32 rows", "partly-written", ("blockIdx.y * 8", "blockIdx.y * 32")),
    slip("06.2", "the first block for all", "partly-written", ("blockIdx.x * 32 + threadIdx.x", "threadIdx.x")),
    slip("06.2", "x down the rows, inside the block's tile", "uncoalesced",
         ("blockIdx.y * 8 + threadIdx.y", "blockIdx.y * 8 + (threadIdx.y * 32 + threadIdx.x) % 8"),
         ("blockIdx.x * 32 + threadIdx.x", "blockIdx.x * 32 + (threadIdx.y * 32 + threadIdx.x) / 8")),
    slip("06.2", "B by columns", "out-of-bounds", ("B[p * n + j]", "B[j * n + p]")),
    same("06.2", "a number for the thread", ("blockIdx.y * 8 + threadIdx.y", "blockIdx.y * 8 + (threadIdx.y * 32 + threadIdx.x) / 32"),
         ("blockIdx.x * 32 + threadIdx.x", "blockIdx.x * 32 + (threadIdx.y * 32 + threadIdx.x) % 32")),
    same("06.2", "blockDim", ("blockIdx.y * 8", "blockIdx.y * blockDim.y"), ("blockIdx.x * 32", "blockIdx.x * blockDim.x")),
    same("06.2", "columns from the right", ("blockIdx.x * 32 + threadIdx.x", "n - 1 - (int)(blockIdx.x * 32 + threadIdx.x)"),
         ("j >= n", "j < 0")),
    slip("06.3", "whole tiles", "whole-tiles", ("4 * k * (m * columns + n * rows)", "4 * k * (bm + bn) * columns * rows")),
    slip("06.3", "rows and columns swapped", "swapped", ("m * columns + n * rows", "m * rows + n * columns")),
    slip("06.3", "floats", "floats", ("4 * k * (", "k * (")),
    slip("06.3", "inputs once", "once", ("m * columns + n * rows", "m + n")),
    slip("06.3", "not rounded", "no-rounding", ("-(-n // bn), -(-m // bm)", "n / bn, m / bm")),
    slip("06.3", "rounded down", "rounds-down", ("-(-n // bn), -(-m // bm)", "n // bn, m // bm")),
    slip("06.3", "one too many", "wrong-bytes", ("-(-n // bn), -(-m // bm)", "n // bn + 1, m // bm + 1")),
    slip("06.3", "nothing returned", "returned-nothing", ("return 4", "total = 4")),
    right("06.3", "tile by tile", """
def tile_traffic(m, n, k, bm, bn):
    return sum(4 * k * (min(bm, m - i) + min(bn, n - j)) for i in range(0, m, bm) for j in range(0, n, bn))
"""),
    right("06.3", "a float, by ceil", """
import math

def tile_traffic(m, n, k, bm, bn):
    return 4.0 * (m * k * math.ceil(n / bn) + k * n * math.ceil(m / bm))
"""),
    guess("06.4", "multiply-adds a float", "fma-or-float", ("tile_32 = 8", "tile_32 = 16")),
    guess("06.4", "one FLOP a multiply-add", "fma-is-two", ("tile_32 = 8", "tile_32 = 4")),
    guess("06.4", "FLOPs a float", "bytes", ("tile_32 = 8", "tile_32 = 32")),
    guess("06.4", "by area", "area", ("tile_128 = 32", "tile_128 = 128")),
    guess("06.4", "multiply-adds a float, 128", "fma-or-float", ("tile_128 = 32", "tile_128 = 64")),
    guess("06.4", "16 is not 20", "just-below", ("smallest_side = 128", "smallest_side = 64")),
    guess("06.4", "one too far", "one-too-far", ("smallest_side = 128", "smallest_side = 256")),
    same("06.4", "as quotients", ("tile_32 = 8", "tile_32 = 32 / 4"), ("tile_128 = 32", "tile_128 = 128 * 128 / (2 * 256)")),
    guess("06.5", "one direction", "one-direction", ("warps = 4", "warps = 2")),
    guess("06.5", "k split", "k-counted", ("warps = 4", "warps = 8")),
    guess("06.5", "threads", "threads", ("warps = 4", "warps = 128")),
    guess("06.5", "a whole warp's", "per-warp", ("accumulators_per_thread = 128", "accumulators_per_thread = 4096")),
    guess("06.5", "k forgotten", "k-forgotten", ("mma_per_warp = 64", "mma_per_warp = 32")),
    guess("06.5", "the block's", "block", ("mma_per_warp = 64", "mma_per_warp = 256")),
    guess("06.5", "n of 16", "n-is-16", ("mma_per_warp = 64", "mma_per_warp = 16")),
    same("06.5", "as products", ("warps = 4", "warps = 2 * 2"), ("mma_per_warp = 64", "mma_per_warp = 4 * 8 * 2")),
]  # fmt: skip

COORDINATES = [
    guess("06.6", "rightmost first in the mode", "first-mode-last", ("offset_of_1_2 = 5", "offset_of_1_2 = 20")),
    guess("06.6", "the modes swapped", "wrong-mode", ("offset_of_1_2 = 5", "offset_of_1_2 = 18")),
    guess("06.6", "as if row-major", "row-major", ("offset_of_1_2 = 5", "offset_of_1_2 = 10")),
    guess("06.6", "the index itself", "identity", ("offset_of_index_13 = 35", "offset_of_index_13 = 13")),
    guess("06.6", "the mode not split", "flat-strides", ("offset_of_index_13 = 35", "offset_of_index_13 = 7")),
    guess("06.6", "rightmost first", "row-major", ("offset_of_index_13 = 35", "offset_of_index_13 = 11")),
    same("06.6", "the sum written out", ("offset_of_index_13 = 35", "offset_of_index_13 = 1 * 1 + 2 * 16 + 1 * 2")),
    slip("06.7", "from the right", "last-first", ("in shape:\n", "in reversed(shape):\n"), ("tuple(crd)", "tuple(reversed(crd))")),
    slip("06.7", "never divided", "never-divided", ("        index //= layouts.size(mode)\n", "")),
    slip("06.7", "subtracted, not divided", "wrong-coordinate", ("index //= layouts.size(mode)", "index -= index % layouts.size(mode)")),
    slip("06.7", "nested modes are numbers", "wrong-type", ("idx2crd(index % layouts.size(mode), mode)", "index % layouts.size(mode)")),
    slip("06.7", "a flat result", "wrong-type", ("crd.append(idx2crd(index % layouts.size(mode), mode))",
         "crd += [index // step % s for s, step in zip(layouts.flat(mode), np.cumprod([1, *layouts.flat(mode)]))]")),
    slip("06.7", "a tuple for a number", "wrong-type", ("        return index\n", "        return (index,)\n")),
    slip("06.7", "the result forgotten", "returned-nothing", ("return tuple(crd)", "tuple(crd)")),
    slip("06.7", "the first mode only", "exception", ("layouts.size(mode)\n", "mode\n")),
    right("06.7", "with divmod and its own size", """
from math import prod

def size(shape):
    return prod(map(size, shape)) if isinstance(shape, tuple) else shape

def idx2crd(index, shape):
    if isinstance(shape, int):
        return index
    out = ()
    for part in shape:
        index, here = divmod(index, size(part))
        out += (idx2crd(here, part),)
    return out
"""),
    right("06.7", "lists, by strides", """
def idx2crd(index, shape):
    strides = iter(np.cumprod([1, *layouts.flat(shape)]))

    def walk(part):
        return [walk(p) for p in part] if isinstance(part, tuple) else index // int(next(strides)) % part

    return walk(shape)
"""),
    slip("06.8", "a number is not split", "exception", ("    if not isinstance(crd, tuple):\n        crd = idx2crd(crd, shape)\n", "")),
    slip("06.8", "a number goes to the first mode", "not-split", ("crd = idx2crd(crd, shape)", "crd = (crd,) + (0,) * (len(shape) - 1)")),
    slip("06.8", "a number is split from the right", "last-first", ("crd = idx2crd(crd, shape)",
         "crd = idx2crd(crd, shape[::-1])[::-1] if all(isinstance(s, int) for s in shape) else list(__import__('itertools').product(*[list(range(layouts.size(s))) for s in shape]))[crd]")),
    slip("06.8", "the index instead of the offset", "wrong-offset", ("return crd * stride", "return crd")),
    slip("06.8", "only the last mode", "wrong-offset", ("return sum(", "return max(")),
    slip("06.8", "strides of the shape", "wrong-offset", ("shape, stride = layout", "shape, stride = layout\n    stride = stride if isinstance(stride, tuple) else 1")),
    slip("06.8", "a tuple comes back", "wrong-type", ("return sum(crd2idx(c, (s, d)) for", "return tuple(c * 1 for")),
    right("06.8", "through the index", """
def crd2idx(crd, layout):
    def index(crd, shape):
        if not isinstance(crd, tuple):
            return crd
        total, step = 0, 1
        for c, s in zip(crd, shape):
            total, step = total + step * index(c, s), step * layouts.size(s)
        return total

    left, offset = index(crd, layout[0]), 0
    for s, d in layouts.modes(layout):
        left, here = divmod(left, s)
        offset += here * d
    return offset
"""),
    right("06.8", "looked up", """
def crd2idx(crd, layout):
    def flat_index(crd, shape):
        if not isinstance(crd, tuple):
            return crd
        return sum(flat_index(c, s) * int(np.prod([layouts.size(p) for p in shape[:i]])) for i, (c, s) in enumerate(zip(crd, shape)))

    return layouts.offsets(layout)[flat_index(crd, layout[0])]
"""),
    slip("06.9", "keeps modes of size 1", "keeps-ones", ("        if s == 1:\n            continue\n", "")),
    slip("06.9", "sorted by stride", "sorted", ("layouts.modes(A):", "sorted(layouts.modes(A), key=lambda mode: mode[::-1]):")),
    slip("06.9", "equal strides merge", "same-stride", ("d == kept[-1][0] * kept[-1][1]", "d == kept[-1][1]")),
    slip("06.9", "only flattened", "only-flat", ("        if s == 1:\n            continue\n", ""), ("if kept and d ==", "if False and d ==")),
    slip("06.9", "the later stride is kept", "wrong-offsets", ("(kept[-1][0] * s, kept[-1][1])", "(kept[-1][0] * s, d)")),
    slip("06.9", "nothing left for size 1", "wrong-type", ("    if not kept:\n        return 1, 0\n", "")),
    slip("06.9", "a tuple of one", "wrong-depth", ("return kept[0] if len(kept) == 1 else tuple(zip(*kept))", "return tuple(zip(*kept))")),
    slip("06.9", "a list of modes", "wrong-type", ("tuple(zip(*kept))", "tuple(kept) + ((1, 0),)")),
    slip("06.9", "the course's own", "forbidden-route", ("    kept = []\n", "    if A:\n        return layouts.layout_of(layouts.offsets(A))\n    kept = []\n")),
    right("06.9", "from the offsets alone", """
def coalesce(A):
    values = [int(v) for v in layouts.offsets(A)]
    shape, stride = [], []
    while len(values) > 1:
        step, run = values[1], 1
        while run < len(values) and values[run] == run * step:
            run += 1
        shape.append(run)
        stride.append(step)
        values = values[::run]
    if not shape:
        return 1, 0
    return (shape[0], stride[0]) if len(shape) == 1 else (tuple(shape), tuple(stride))
"""),
    right("06.9", "recursive, from the right", """
def coalesce(A):
    def join(pairs):
        if len(pairs) < 2:
            return pairs
        (s, d), *rest = pairs
        rest = join(rest)
        if rest and rest[0][1] == s * d:
            return [(s * rest[0][0], d)] + rest[1:]
        return [(s, d)] + rest

    pairs = join([(s, d) for s, d in layouts.modes(A) if s > 1])
    if len(pairs) < 2:
        return pairs[0] if pairs else (1, 0)
    return tuple(s for s, _ in pairs), tuple(d for _, d in pairs)
"""),
]  # fmt: skip

GREEDY = """
def as_layout(values):
    values = [int(v) for v in values]
    shape, stride = [], []
    while len(values) > 1:
        step, run = values[1], 1
        while run < len(values) and values[run] == run * step:
            run += 1
        if len(values) % run or any(values[i] != values[i % run] + values[i - i % run] for i in range(len(values))):
            raise ValueError("no layout")
        shape.append(run)
        stride.append(step)
        values = values[::run]
    return (tuple(shape), tuple(stride)) if shape else (1, 0)
"""
CHECKED = """    if (layouts.offsets(R) != layouts.offsets(A)[layouts.offsets(B)]).any():
        raise ValueError("no layout maps like A after B")
"""
DIVISIONS = """            if extent % d and d % extent:
                raise ValueError(f"neither divides the other: {extent} and a step of {d}")
"""
TAKEN = """            if s % take:
                raise ValueError(f"{s} elements, {take} of them in a mode")
"""

ALGEBRA = [
    slip("06.10", "nothing is checked", "no-error", (CHECKED, ""), (DIVISIONS, ""), (TAKEN, "")),
    slip("06.10", "not compared at the end", "modes-meet", (CHECKED, "")),
    slip("06.10", "A's first mode only", "one-mode", (CHECKED, ""), ("*inner, (_, last) = layouts.modes(coalesce(A))", "inner, last = [], layouts.modes(A)[0][1]")),
    slip("06.10", "B after A", "exception", ("    s, d = B\n", "    A, B = B, A\n    s, d = B\n")),
    slip("06.10", "the step is not applied to strides", "refused", ("stride * d))", "stride))")),
    slip("06.10", "takes what is offered, not what is wanted", "refused", ("min(max(extent // d, 1), s)", "max(extent // d, 1)")),
    slip("06.10", "A is not coalesced", "refused", ("layouts.modes(coalesce(A))", "layouts.modes(A)")),
    slip("06.10", "no stride 0", "exception", ("elif s == 1 or d == 0:", "elif s == 1:")),
    slip("06.10", "raises for a step past a mode", "refused", ("if extent % d and d % extent:", "if extent % d:")),
    slip("06.10", "gives None instead of raising", "exception", (CHECKED, ""), (DIVISIONS, "            if extent % d and d % extent:\n                return None\n")),
    slip("06.10", "returns the offsets", "wrong-type", ("    return R\n", "    return [int(v) for v in layouts.offsets(R)]\n")),
    slip("06.10", "the course's own", "forbidden-route", ("    s, d = B\n", "    s, d = B\n    if s:\n        return layouts.layout_of(layouts.offsets(A)[layouts.offsets(B)])\n")),
    right("06.10", "from the offsets alone", GREEDY + """
def composition(A, B):
    return as_layout(layouts.offsets(A)[layouts.offsets(B)])
"""),
    same("06.10", "checked only at the end", (DIVISIONS, ""), (TAKEN, "            if s % take:\n                raise ValueError\n")),
    guess("06.11", "a covered place", "holes", ("third_copy = 8", "third_copy = 2")),
    guess("06.11", "one too far", "fourth", ("third_copy = 8", "third_copy = 16")),
    guess("06.11", "repetitions only", "repeats-only", ("copies = 6", "copies = 3")),
    guess("06.11", "places", "elements", ("copies = 6", "copies = 24")),
    guess("06.11", "its own size", "its-size", ("copies = 6", "copies = 4")),
    guess("06.11", "places left", "places-left", ("copies = 6", "copies = 20")),
    same("06.11", "as a quotient", ("copies = 6", "copies = 24 // 4")),
    slip("06.12", "only the repetitions", "only-repeats", ("        found.append((d // span, span))\n", "")),
    slip("06.12", "in A's order", "unsorted", ("in sorted((d, s) for s, d in layouts.modes(A) if s > 1):", "in ((d, s) for s, d in layouts.modes(A) if s > 1):")),
    slip("06.12", "M rounded down", "rounds-down", ("-(-M // span)", "max(M // span, 1)")),
    slip("06.12", "one repetition too many", "wrong-offsets", ("-(-M // span)", "M // span + 1")),
    slip("06.12", "no error", "exception", ("if d == 0 or d % span:", "if False:")),
    slip("06.12", "stride 0 passes", "exception", ("if d == 0 or d % span:", "if d % span:")),
    slip("06.12", "modes of size 1 count", "counts-ones", (" if s > 1):", "):")),
    slip("06.12", "holes of the first mode only", "wrong-offsets", ("(d // span, span)", "(d // span if span == 1 else 1, span)")),
    slip("06.12", "not the last", "wrong-offsets", ("    found.append((-(-M // span), span))\n", "    found.append((1, 0))\n")),
    slip("06.12", "the course's own", "forbidden-route", ("    found, span = [], 1", "    layouts.layout_of([0])\n    found, span = [], 1")),
    right("06.12", "by filling holes", GREEDY + """
def complement(A, M):
    values = [int(v) for v in layouts.offsets(A)]
    span = max([s * d for s, d in layouts.modes(A) if s > 1], default=1)
    top = -(-M // span) * span if span else 1
    covered, places = set(), []
    for place in range(top):
        if place in covered:
            continue
        copy = [place + v for v in values]
        if len(set(copy)) < len(copy) or covered & set(copy):
            raise ValueError("copies meet")
        covered |= set(copy)
        places.append(place)
    if len(places) * len(values) != top:
        raise ValueError("copies stick out")
    return as_layout(places)
"""),
    same("06.12", "modes of size 1 left in", ("return coalesce(tuple(zip(*found)))", "return tuple(zip(*found))")),
    slip("06.13", "the rest not through A", "not-composed", ("composition(A, complement(B, layouts.size(A[0])))", "complement(B, layouts.size(A[0]))")),
    slip("06.13", "tile and rest swapped", "swapped", ("return (tile[0], rest[0]), (tile[1], rest[1])", "return (rest[0], tile[0]), (rest[1], tile[1])")),
    slip("06.13", "the next tile is the next piece", "contiguous", ("complement(B, layouts.size(A[0]))", "(layouts.size(A[0]) // layouts.size(B[0]), layouts.size(B[0]))")),
    slip("06.13", "complement up to the size of B", "wrong-rest", ("layouts.size(A[0]))", "layouts.size(B[0]))")),
    slip("06.13", "two layouts", "wrong-type", ("return (tile[0], rest[0]), (tile[1], rest[1])", "return tile, rest")),
    slip("06.13", "the tile is B", "wrong-tile", ("tile = composition(A, B)", "tile = B")),
    slip("06.13", "only the tile", "wrong-type", ("return (tile[0], rest[0]), (tile[1], rest[1])", "return tile")),
    slip("06.13", "errors are swallowed", "accepted", ("    tile = composition(A, B)\n", "    try:\n        complement(B, layouts.size(A[0])), composition(A, B)\n"
         "        composition(A, complement(B, layouts.size(A[0])))\n    except ValueError:\n        return (1, 1), (0, 0)\n    tile = composition(A, B)\n")),
    right("06.13", "one composition with both modes", """
def logical_divide(A, B):
    rest = complement(B, layouts.size(A[0]))
    return composition(A, ((B[0], rest[0]), (B[1], rest[1])))
"""),
    slip("06.14", "size(A) apart", "by-size", ("composition(complement(A, layouts.size(A[0]) * cosize), B)", "composition((cosize, layouts.size(A[0])), B)"),
         ("    cosize =", "    complement(A, 1)\n    cosize =")),
    slip("06.14", "cosize(A) apart", "by-cosize", ("composition(complement(A, layouts.size(A[0]) * cosize), B)", "composition((cosize, int(layouts.offsets(A).max()) + 1), B)"),
         ("    cosize =", "    complement(A, 1)\n    cosize =")),
    slip("06.14", "the places are B", "not-placed", ("places = composition(complement(A, layouts.size(A[0]) * cosize), B)", "complement(A, 1)\n    places = B")),
    slip("06.14", "size of B instead of its cosize", "exception", ("int(layouts.offsets(B).max()) + 1", "1")),
    slip("06.14", "the places in order", "wrong-rest", ("places = composition(complement(A, layouts.size(A[0]) * cosize), B)", "places = composition(complement(A, layouts.size(A[0]) * cosize), (layouts.size(B[0]), 1))")),
    slip("06.14", "places first", "wrong-tile", ("return (A[0], places[0]), (A[1], places[1])", "return (places[0], A[0]), (places[1], A[1])")),
    slip("06.14", "A through B", "not-placed", ("(A[1], places[1])", "(A[1], B[1])"), ("(A[0], places[0])", "(A[0], B[0])")),
    right("06.14", "a generous cotarget", """
def logical_product(A, B):
    copies = complement(A, 1000 * layouts.size(A[0]) * layouts.size(B[0]))
    parts = [A, composition(copies, B)]
    return tuple(zip(*parts))
"""),
    slip("06.15", "in logical_divide's order", "by-mode", ("return tuple(zip(rows, columns)), tuple(zip(row_steps, column_steps))", "return (rows, columns), (row_steps, column_steps)")),
    slip("06.15", "as a vector", "as-vector", ("    halves = []\n", "    if layouts.size(A[0]) % (tile[0] * tile[1]) == 0:\n        return logical_divide(A, (tile[0] * tile[1], 1))\n    raise ValueError\n    halves = []\n")),
    slip("06.15", "tile swapped", "wrong-tile", ("in zip(*A, tile):", "in zip(*A, tile[::-1]):")),
    slip("06.15", "no check of the size", "accepted", ("        if layouts.size(shape) % extent:\n            raise ValueError(f\"a tile of {extent} does not divide {layouts.size(shape)}\")\n", "")),
    slip("06.15", "the tiles are strided", "wrong-tile", ("(extent, 1)))", "(extent, layouts.size(shape) // extent)))")),
    slip("06.15", "rest in front", "wrong-tile", ("tuple(zip(rows, columns)), tuple(zip(row_steps, column_steps))", "tuple(zip(rows, columns))[::-1], tuple(zip(row_steps, column_steps))[::-1]")),
    slip("06.15", "columns first", "wrong-tile", ("tuple(zip(rows, columns)), tuple(zip(row_steps, column_steps))", "tuple(zip(columns, rows)), tuple(zip(column_steps, row_steps))")),
    right("06.15", "compositions by mode", """
def zipped_divide(A, tile):
    inside, outside = [], []
    for s, d, t in zip(A[0], A[1], tile):
        count, left = divmod(layouts.size(s), t)
        if left:
            raise ValueError("does not divide")
        inside.append(composition((s, d), (t, 1)))
        outside.append(composition((s, d), (count, t)))
    both = [tuple(zip(*inside)), tuple(zip(*outside))]
    return tuple(zip(*both))
"""),
    slip("06.16", "raked", "raked", ("(vr, vc * rows)", "(1, rows)"), ("numbered(values, (1, rows))", "numbered(values, (threads[0][0], threads[0][1] * rows))")),
    slip("06.16", "a row-major tile", "row-major", ("numbered(threads, (vr, vc * rows))", "numbered(threads, (vr * threads[0][1] * vc, vc))"),
         ("numbered(values, (1, rows))", "numbered(values, (threads[0][1] * vc, 1))")),
    slip("06.16", "numbering ignored", "numbering", ("sorted(zip(grid[1], grid[0], steps))", "list(zip(grid[1], grid[0], steps))")),
    slip("06.16", "rows of the threads only", "wrong-places-of-value-0", ("threads[0][0] * values[0][0], values[0]", "threads[0][0], values[0]")),
    slip("06.16", "threads one apart", "wrong-places-of-value-0", ("(vr, vc * rows)", "(1, rows)")),
    slip("06.16", "columns one apart", "wrong-places-of-value-0", ("(vr, vc * rows)", "(vr, vc)")),
    slip("06.16", "values and threads swapped", "wrong-places-of-value-0", ("return (t_shape, v_shape), (t_stride, v_stride)", "return (v_shape, t_shape), (v_stride, t_stride)")),
    slip("06.16", "the grids' own strides", "wrong-places-of-value-0", ("return (t_shape, v_shape), (t_stride, v_stride)", "return (threads[0], values[0]), (threads[1], values[1])")),
    slip("06.16", "a table", "wrong-type", ("return (t_shape, v_shape), (t_stride, v_stride)", "return np.arange(rows)")),
    right("06.16", "columns and rows by hand", """
def thread_values(threads, values):
    (tr, tc), (vr, vc) = threads[0], values[0]
    rows = tr * vr
    by_rows = threads[1][1] == 1 and tc > 1
    t = ((tc, tr), (vc * rows, vr)) if by_rows else ((tr, tc), (vr, vc * rows))
    v = ((vc, vr), (rows, 1)) if values[1][1] == 1 and vc > 1 else ((vr, vc), (1, rows))
    return (t[0], v[0]), (t[1], v[1])
"""),
    right("06.16", "by counting", GREEDY + """
def thread_values(threads, values):
    (tr, tc), (vr, vc) = threads[0], values[0]
    number = [(r * threads[1][0] + c * threads[1][1], r * vr + c * vc * tr * vr) for r in range(tr) for c in range(tc)]
    held = [(r * values[1][0] + c * values[1][1], r + c * tr * vr) for r in range(vr) for c in range(vc)]
    parts = [as_layout([place for _, place in sorted(pairs)]) for pairs in (number, held)]
    return tuple(zip(*parts))
"""),
]  # fmt: skip

SWIZZLE = [
    guess("06.17", "one quarter of the warp", "one-quarter", ("plain = 32", "plain = 8")),
    guess("06.17", "no conflict", "free", ("plain = 32", "plain = 4")),
    guess("06.17", "every word", "words", ("plain = 32", "plain = 128")),
    guess("06.17", "one wavefront for 512 bytes", "one-wavefront", ("swizzled = 4", "swizzled = 1")),
    guess("06.17", "two rows meet", "two-way", ("swizzled = 4", "swizzled = 8")),
    guess("06.17", "padding is no help", "no-help", ("padded = 4", "padded = 32")),
    same("06.17", "as products", ("plain = 32", "plain = 8 * 4"), ("swizzled = 4", "swizzled = 512 // 128")),
    slip("06.18", "the upper field changes", "upper-changes", ("    rows = offset & ((2**B - 1) << (M + S))\n    return offset ^ (rows >> S)",
         "    chunks = offset & ((2**B - 1) << M)\n    return offset ^ (chunks << S)")),
    slip("06.18", "M forgotten", "base-forgotten", ("(2**B - 1) << (M + S)", "(2**B - 1) << S")),
    slip("06.18", "no mask", "no-mask", ("offset & ((2**B - 1) << (M + S))", "offset >> (M + S) << (M + S)")),
    slip("06.18", "overlap goes unnoticed", "unchecked", ("    if S < B:\n        raise ValueError(f\"S = {S} is less than B = {B}: the fields overlap\")\n", "")),
    slip("06.18", "one bit too few", "wrong-offset", ("(2**B - 1)", "(2**B // 2)")),
    slip("06.18", "OR instead of XOR", "wrong-offset", ("offset ^ (rows >> S)", "offset | (rows >> S)")),
    slip("06.18", "added", "wrong-offset", ("offset ^ (rows >> S)", "offset + (rows >> S)")),
    slip("06.18", "refuses S = B", "refused", ("if S < B:", "if S <= B:")),
    slip("06.18", "a float", "wrong-type", ("return offset ^ (rows >> S)", "return float(offset ^ (rows >> S))")),
    right("06.18", "with divisions", """
def swizzle(offset, B, M, S):
    if S < B:
        raise ValueError("overlap")
    unit, size = 2**M, 2**B
    row = offset // (unit * 2**S) % size
    chunk = offset // unit % size
    return offset + ((chunk ^ row) - chunk) * unit
"""),
    slip("06.19", "always the 128-byte mode", "always-128", ("return B, M, S", "return 3, 4, 3")),
    slip("06.19", "rows of less than 128 bytes", "row-bits-too-low", ("B = min(row_bits, 7) - M", "B = row_bits - M"), ("S = max(row_bits, 7) - M", "S = row_bits - M")),
    slip("06.19", "no swizzle", "wrong-wavefronts", ("return B, M, S", "return 0, M, S")),
    slip("06.19", "one bit too few", "wrong-wavefronts", ("B = min(row_bits, 7) - M", "B = max(min(row_bits, 7) - M - 1, 0)")),
    slip("06.19", "chunks torn apart", "wrong-whole-chunks", ("return B, M, S", "return min(B, M), 0, M + 3")),
    slip("06.19", "S above the row", "wrong-wavefronts", ("S = max(row_bits, 7) - M", "S = max(row_bits, 7) - M + 1")),
    slip("06.19", "the bank bits forgotten", "wrong-type", ("S = max(row_bits, 7) - M", "S = 7 - M - 7 + B - 1")),
    slip("06.19", "a text", "wrong-type", ("return B, M, S", "return f'Swizzle<{B},{M},{S}>'")),
    right("06.19", "by trying all", """
def swizzle_for(row, chunk):
    lanes = 128 // chunk
    M = chunk.bit_length() - 1
    for B in range(6):
        for S in range(B, 11):
            def put(offset):
                return offset ^ ((offset >> S) & ((2**B - 1) << M))

            if all(len({put(r * row + c) % 128 for r in range(lanes)}) == lanes for c in range(0, row, chunk)):
                return B, M, S
"""),
    right("06.19", "fields wider than needed", """
def swizzle_for(row, chunk):
    M = int(np.log2(chunk))
    return 7 - M, M, max(int(np.log2(row)), 7) - M
"""),
]  # fmt: skip

BARRIERS = "        __syncthreads();\n"


def barriers(exercise: str, loop: str) -> list[Wrong]:
    """A product without its first barrier, and without its second; loop: the text before the loop over q."""
    first = BARRIERS + loop
    return [
        slip(exercise, "no barrier before the tile is read", "race", (first, loop)),
        slip(exercise, "no barrier after the tile is read", "race", ("        }\n" + BARRIERS, "        }\n")),
    ]


LADDER = [
    slip("06.20", "no first barrier", "race", ("        __syncthreads();\n        for (int q", "        for (int q")),
    slip("06.20", "no second barrier", "race", ("Bs[q][x];\n        __syncthreads();\n", "Bs[q][x];\n")),
    slip("06.20", "no guard along k in A", "out-of-bounds", ("i < m && p + x < k ?", "i < m ?")),
    slip("06.20", "no guard on B", "out-of-bounds", ("p + y < k && j < n ?", "j < n ?")),
    slip("06.20", "leaves before the barrier", "uninitialized", ("    for (int p = 0;", "    if (i >= m || j >= n) return;\n    for (int p = 0;")),
    slip("06.20", "guarded store of the tile only", "uninitialized",
         ("As[y][x] = i < m && p + x < k ? A[i * k + p + x] : 0.0f;", "if (i < m && p + x < k) As[y][x] = A[i * k + p + x];")),
    slip("06.20", "the tile stays where it is", "out-of-bounds", ("A[i * k + p + x]", "A[i * k + x]"), ("i < m && p + x < k ?", "i < m ?")),
    slip("06.20", "only the last tile", "only-last-tile", ("        for (int q = 0;", "        sum = 0;\n        for (int q = 0;")),
    slip("06.20", "only the first step", "only-first-tile", ("p < k; p += 32", "p < min(k, 32); p += 32")),
    slip("06.20", "no unfinished step", "k-tail-lost", ("p < k; p += 32", "p + 32 <= k; p += 32")),
    slip("06.20", "B turned in the tile", "tile-turned", ("Bs[q][x]", "Bs[x][q]")),
    slip("06.20", "both turned in the tile", "tile-turned", ("As[y][q] * Bs[q][x]", "As[q][y] * Bs[x][q]")),
    slip("06.20", "no tile", "not-tiled", ("sum += As[y][q] * Bs[q][x];", "if (i < m && j < n && p + q < k) sum += A[i * k + p + q] * B[(p + q) * n + j];")),
    slip("06.20", "x down the rows while loading A", "uncoalesced", ("As[y][x] = i < m && p + x < k ? A[i * k + p + x] : 0.0f;",
         "int ai = blockIdx.y * 32 + x;\n        As[x][y] = ai < m && p + y < k ? A[ai * k + p + y] : 0.0f;")),
    slip("06.20", "the A tile is turned", "bank-conflicts", ("As[y][x] =", "As[x][y] ="), ("As[y][q]", "As[q][y]")),
    slip("06.20", "atomics", "forbidden-route", ("sum += As[y][q] * Bs[q][x];", "atomicAdd(&sum, As[y][q] * Bs[q][x]);")),
    same("06.20", "padded tiles, the loop counted otherwise", ("for (int p = 0; p < k; p += 32) {", "for (int step = 0, p = 0; step < (k + 31) / 32; ++step, p = 32 * step) {"),
         ("As[32][32], Bs[32][32]", "As[32][33], Bs[32][33]")),
    guess("06.21", "no reuse", "no-reuse", ("column_of_8 = 9 / 8", "column_of_8 = 2")),
    guess("06.21", "eight loads for eight", "wrong-value", ("column_of_8 = 9 / 8", "column_of_8 = 1")),
    guess("06.21", "eight sums, eight loads", "eight-for-eight", ("square_4x4 = 8 / 16", "square_4x4 = 1")),
    guess("06.21", "one load", "one-load", ("square_4x4 = 8 / 16", "square_4x4 = 1 / 16")),
    guess("06.21", "like 4 x 4", "like-4x4", ("square_8x8 = 16 / 64", "square_8x8 = 0.5")),
    guess("06.21", "by area", "area", ("square_8x8 = 16 / 64", "square_8x8 = 1 / 8")),
    same("06.21", "decimals", ("9 / 8", "1.125"), ("16 / 64", "0.25")),
    *barriers("06.22", "        for (int q = 0; q < 8; ++q) {"),
    slip("06.22", "no guard on A", "out-of-bounds", ("i0 + ai < m && p + aq < k ?", "i0 + ai < m ?")),
    slip("06.22", "B read eight times", "no-reuse", ("sum[r] += As[row + r][q] * b;", "sum[r] += As[row + r][q] * *(volatile float*)&Bs[q][col];")),
    slip("06.22", "one row for all eight", "wrong-values", ("As[row + r][q]", "As[row][q]")),
    slip("06.22", "the sums begin again", "only-last-tile", ("            float b = Bs[q][col];", "            if (q == 0) for (int r = 0; r < 8; ++r) sum[r] = 0;\n            float b = Bs[q][col];")),
    slip("06.22", "no unfinished step", "k-tail-lost", ("p < k; p += 8", "p + 8 <= k; p += 8")),
    slip("06.22", "B straight from global memory", "not-tiled", ("float b = Bs[q][col];", "float b = p + q < k && j0 + col < n ? B[(p + q) * n + j0 + col] : 0.0f;")),
    same("06.22", "unrolled, A in a register first", ("        for (int q = 0; q < 8; ++q) {", "        #pragma unroll\n        for (int q = 0; q < 8; ++q) {"),
         ("sum[r] += As[row + r][q] * b;", "{ float a = As[row + r][q]; sum[r] = fmaf(a, b, sum[r]); }")),
    slip("06.23", "no barrier before the tile is read", "race", ("        __syncthreads();\n        for (int q = 0;", "        for (int q = 0;")),
    slip("06.23", "no barrier after the tile is read", "race", ("+= a[r] * b[c];\n        }\n        __syncthreads();\n", "+= a[r] * b[c];\n        }\n")),
    slip("06.23", "a quarter of the tiles", "uninitialized", ("e < 1024; e += 256", "e < 256; e += 256")),
    slip("06.23", "no guard on B", "out-of-bounds", ("p + bq < k && j0 + j < n ?", "j0 + j < n ?")),
    slip("06.23", "sixteen rows of one column", "no-reuse", ("row = t / 16 * 4, col = t % 16 * 4", "row = t / 64 * 16, col = t % 64"),
         ("            float a[4], b[4];\n            for (int r = 0; r < 4; ++r) a[r] = As[row + r][q], b[r] = Bs[q][col + r];\n", "            float b = Bs[q][col];\n"),
         ("            for (int r = 0; r < 4; ++r)\n                for (int c = 0; c < 4; ++c) sum[r][c] += a[r] * b[c];\n",
          "            for (int r = 0; r < 16; ++r) sum[r / 4][r % 4] += As[row + r][q] * b;\n"),
         ("    for (int r = 0; r < 4; ++r)\n        for (int c = 0; c < 4; ++c)\n            if (i0 + row + r < m && j0 + col + c < n) C[(i0 + row + r) * n + j0 + col + c] = sum[r][c];",
          "    for (int r = 0; r < 16; ++r)\n        if (i0 + row + r < m && j0 + col < n) C[(i0 + row + r) * n + j0 + col] = sum[r / 4][r % 4];")),
    slip("06.23", "B loaded down its columns", "uncoalesced", ("bq = e / 64, j = e % 64", "bq = e % 16, j = e / 16")),
    slip("06.23", "the sums turned", "wrong-values", ("sum[r][c] += a[r] * b[c];", "sum[c][r] += a[r] * b[c];")),
    slip("06.23", "the sums begin again", "only-last-tile", ("            float a[4], b[4];", "            if (q == 0) for (int e = 0; e < 16; ++e) sum[e / 4][e % 4] = 0;\n            float a[4], b[4];")),
    same("06.23", "straight from the tiles: the compiler keeps what it has read", ("            float a[4], b[4];\n            for (int r = 0; r < 4; ++r) a[r] = As[row + r][q], b[r] = Bs[q][col + r];\n", ""),
         ("a[r] * b[c]", "As[row + r][q] * Bs[q][col + c]")),
    same("06.23", "padded A, one loop of sixteen", ("            for (int r = 0; r < 4; ++r)\n                for (int c = 0; c < 4; ++c) sum[r][c] += a[r] * b[c];",
         "            for (int e = 0; e < 16; ++e) sum[e / 4][e % 4] += a[e / 4] * b[e % 4];"), ("float As[64][16]", "float As[64][17]")),
    guess("06.24", "words", "words", ("loads_per_fma = 2 / 16", "loads_per_fma = 0.5")),
    guess("06.24", "one load", "one", ("loads_per_fma = 2 / 16", "loads_per_fma = 1 / 16")),
    guess("06.24", "no conflict", "free", ("store_wavefronts = 4", "store_wavefronts = 1")),
    guess("06.24", "the banks used", "upside-down", ("store_wavefronts = 4", "store_wavefronts = 8")),
    guess("06.24", "all in one bank", "all-in-one", ("store_wavefronts = 4", "store_wavefronts = 32")),
    guess("06.24", "two deep", "two", ("store_wavefronts = 4", "store_wavefronts = 2")),
    same("06.24", "a decimal", ("2 / 16", "0.125")),
    *barriers("06.25", "        for (int q = 0; q < 16; ++q) {"),
    slip("06.25", "no guard on A", "out-of-bounds", ("if (i0 + ar < m && p + aq < k)", "if (i0 + ar < m)")),
    slip("06.25", "four loads for A", "narrow-loads", ("a4 = *(const float4*)(A + (i0 + ar) * k + p + aq);",
         "for (int i = 0; i < 4; ++i) (&a4.x)[i] = *(volatile const float*)(A + (i0 + ar) * k + p + aq + i);")),
    slip("06.25", "C word by word", "narrow-stores", ("*(float4*)(C + (i0 + row + r) * n + j0 + col) = {sum[r][0], sum[r][1], sum[r][2], sum[r][3]};",
         "for (int c = 0; c < 4; ++c) C[(i0 + row + r) * n + j0 + col + c] = sum[r][c];")),
    slip("06.25", "A not turned", "wrong-values", ("As[aq][ar] = a4.x, As[aq + 1][ar] = a4.y, As[aq + 2][ar] = a4.z, As[aq + 3][ar] = a4.w;", "*(float4*)(&As[0][0] + ar * 16 + aq) = a4;")),
    slip("06.25", "one float too far", "out-of-bounds", ("(A + (i0 + ar) * k + p + aq)", "(A + (i0 + ar) * k + p + aq + 1 - (p + aq > 0))")),
    slip("06.25", "columns 16 apart", "narrow-stores", ("float4 a = *(float4*)&As[q][row], b = *(float4*)&Bs[q][col];",
         "float4 a = *(float4*)&As[q][row], b = {Bs[q][t % 16], Bs[q][t % 16 + 16], Bs[q][t % 16 + 32], Bs[q][t % 16 + 48]};"),
         ("j0 + col < n)\n            *(float4*)(C + (i0 + row + r) * n + j0 + col) = {sum[r][0], sum[r][1], sum[r][2], sum[r][3]};",
          "true)\n            for (int c = 0; c < 4; ++c) if (j0 + t % 16 + 16 * c < n) C[(i0 + row + r) * n + j0 + t % 16 + 16 * c] = sum[r][c];")),
    slip("06.25", "no second step", "only-first-tile", ("p < k; p += 16", "p < min(k, 16); p += 16")),
    same("06.25", "padded, named parts", ("As[16][64], Bs[16][64]", "As[16][68], Bs[16][68]"),
         ("sum[r][c] += (&a.x)[r] * (&b.x)[c];", "{ float x = r == 0 ? a.x : r == 1 ? a.y : r == 2 ? a.z : a.w; sum[r][c] += x * (&b.x)[c]; }")),
    same("06.25", "A lies as it comes: the compiler reads four q at once", ("As[16][64], Bs", "As[64][16], Bs"),
         ("As[aq][ar] = a4.x, As[aq + 1][ar] = a4.y, As[aq + 2][ar] = a4.z, As[aq + 3][ar] = a4.w;", "*(float4*)&As[ar][aq] = a4;"),
         ("*(float4*)&As[q][row]", "{As[row][q], As[row + 1][q], As[row + 2][q], As[row + 3][q]}")),
]  # fmt: skip

CHOICE = [
    guess("06.26", "rounded down", "rounds-down", ("waves = 4", "waves = 3")),
    guess("06.26", "one block for each SM", "one-per-sm", ("waves = 4", "waves = 8")),
    guess("06.26", "not rounded", "not-rounded", ("waves = 4", "waves = 1024 / 264")),
    guess("06.26", "the last wave", "last-wave", ("1024 / 1056", "0.879")),
    guess("06.26", "no tail", "no-tail", ("1024 / 1056", "1.0")),
    guess("06.26", "percent", "percent", ("1024 / 1056", "96.97")),
    guess("06.26", "one tile more", "one-tile", ("33 * 32", "1025")),
    same("06.26", "from the waves", ("1024 / 1056", "32 * 32 / (waves * 264)")),
    slip("06.27", "registers not rounded", "register-units", ("-(-registers // 8) * 8", "registers")),
    slip("06.27", "one register file", "partitions", ("4 * (16_384 // (32 * rounded))", "65_536 // (32 * rounded)")),
    slip("06.27", "nothing reserved", "no-reserve", ("233_472 // (shared + 1024)", "233_472 // shared")),
    slip("06.27", "one stage", "stages", ("stages * (bm * bk + bk * bn) * 4", "(bm * bk + bk * bn) * 4")),
    slip("06.27", "any number of blocks", "block-slots", ("min(32, 2048 // threads,", "min(2048 // threads,")),
    slip("06.27", "any number of threads", "no-thread-limit", ("min(32, 2048 // threads,", "min(32,")),
    slip("06.27", "registers forgotten", "no-register-limit", ("by_registers, by_shared)", "by_shared)")),
    slip("06.27", "floats for bytes", "wrong-blocks", ("(bm * bk + bk * bn) * 4", "(bm * bk + bk * bn)")),
    slip("06.27", "only the A tile", "wrong-blocks", ("(bm * bk + bk * bn)", "(bm * bk)")),
    same("06.27", "the block's limit follows from the SM's", ("    if shared > 232_448:\n        return 0\n", "")),
    right("06.27", "one block after the other", """
def fits(bm, bn, bk, threads, registers, stages):
    shared = 4 * stages * bk * (bm + bn)
    if shared > 227 * 1024:
        return 0
    warps, each = threads // 32, 32 * ((registers + 7) // 8 * 8)
    blocks = 0
    while blocks < 32:
        n = blocks + 1
        if n * threads > 2048 or n * (shared + 1024) > 228 * 1024 or n * warps > 4 * (16384 // each):
            break
        blocks = n
    return blocks
"""),
    slip("06.28", "full tiles at the edge", "no-edges", ("return m * n /", "return tiles * bm * bn /")),
    slip("06.28", "waves not rounded", "no-waves", ("-(-tiles // wave)", "tiles / wave")),
    slip("06.28", "tiles rounded down", "rounds-down", ("-(-m // bm) * -(-n // bn)", "max(m // bm, 1) * max(n // bn, 1)")),
    slip("06.28", "one block for each SM", "one-block", ("wave = sms * per_sm", "wave = sms")),
    slip("06.28", "one wave too many", "wrong-share", ("-(-tiles // wave)", "tiles // wave + 1")),
    slip("06.28", "percent", "wrong-share", ("return m * n /", "return 100 * m * n /")),
    slip("06.28", "upside down", "wrong-share", ("return m * n / (waves * wave * bm * bn)", "return waves * wave * bm * bn / (m * n)")),
    right("06.28", "two losses multiplied", """
import math

def useful_share(m, n, bm, bn, per_sm, sms):
    tiles = math.ceil(m / bm) * math.ceil(n / bn)
    edge = m * n / (tiles * bm * bn)
    tail = tiles / (math.ceil(tiles / (sms * per_sm)) * sms * per_sm)
    return edge * tail
"""),
]  # fmt: skip

BOSS = [
    *barriers("06.29", "        for (int q = 0; q < 16; ++q) {"),
    slip("06.29", "always float4 in A", "out-of-bounds", ("i0 + ar < m ? k : 0, k % 4 == 0)", "i0 + ar < m ? k : 0, true)")),
    slip("06.29", "never float4", "narrow-loads", ("i0 + ar < m ? k : 0, k % 4 == 0)", "i0 + ar < m ? k : 0, false)"), ("p + y < k ? n : 0, n % 4 == 0)", "p + y < k ? n : 0, false)")),
    slip("06.29", "no swizzle", "bank-conflicts", ("[ar ^ 2 * aq]", "[ar]"), ("As[q][y ^ q / 4 * 2]", "As[q][y]")),
    slip("06.29", "swizzled on one side", "wrong-values", ("As[q][y ^ q / 4 * 2]", "As[q][y]")),
    slip("06.29", "padded by four", "bank-conflicts", ("float4 As[16][16]", "float4 As[16][17]"), ("[ar ^ 2 * aq]", "[ar]"), ("As[q][y ^ q / 4 * 2]", "As[q][y]")),
    slip("06.29", "rows of A beyond m", "out-of-bounds", ("i0 + ar < m ? k : 0", "k")),
    same("06.29", "the XOR written otherwise", ("[ar ^ 2 * aq]", "[ar / 4 * 4 ^ aq / 4 * 8 | ar % 4]"), ("As[q][y ^ q / 4 * 2]", "As[q][(4 * y ^ q / 4 * 8) / 4]")),
    right("06.29", "two kernels in one, by template; rows of A rotated", '''
fast = r"""
template <bool WIDE> __device__ float4 load(const float* x, int rows, int cols, int i, int j) {
    float4 v = {};
    if (i >= rows) return v;
    if (WIDE) { if (j < cols) v = *(const float4*)(x + i * cols + j); return v; }
    for (int e = 0; e < 4; ++e) if (j + e < cols) (&v.x)[e] = x[i * cols + j + e];
    return v;
}
template <bool WIDE> __device__ void body(const float* A, const float* B, float* C, int m, int n, int k) {
    __shared__ __align__(16) float As[16 * 64], Bs[16 * 64];
    int t = threadIdx.x, row = t / 16 * 4, col = t % 16 * 4, i0 = blockIdx.y * 64, j0 = blockIdx.x * 64;
    float sum[16] = {};
    for (int p = 0; p < k; p += 16) {
        float4 a = load<WIDE>(A, m, k, i0 + t / 4, p + t % 4 * 4), b = load<WIDE>(B, k, n, p + t / 16, j0 + col);
        int turn = t % 4;
        for (int e = 0; e < 4; ++e) As[(turn * 4 + e) * 64 + (t / 4 + 8 * turn) % 64] = (&a.x)[e];
        *(float4*)(Bs + t / 16 * 64 + col) = b;
        __syncthreads();
        for (int q = 0; q < 16; ++q) {
            float4 x = *(float4*)(As + q * 64 + (row + q / 4 * 8) % 64), y = *(float4*)(Bs + q * 64 + col);
            for (int e = 0; e < 16; ++e) sum[e] = fmaf((&x.x)[e / 4], (&y.x)[e % 4], sum[e]);
        }
        __syncthreads();
    }
    for (int e = 0; e < 16; ++e) {
        int i = i0 + row + e / 4, j = j0 + col + e % 4;
        if (i < m && j < n) C[i * n + j] = sum[e];
    }
}
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    if (n % 4 == 0 && k % 4 == 0) body<true>(A, B, C, m, n, k);
    else body<false>(A, B, C, m, n, k);
}
"""
'''),
]  # fmt: skip

# --- Tensor cores -----------------------------------------------------------------------------------------

FMA_LOOP = '''
{name} = r"""
#include <cuda_fp16.h>
__global__ void hgemm(const half* A, const half* B, float* C, int m, int n, int k) {{
    for (int e = threadIdx.x; e < {rows} * {columns}; e += blockDim.x) {{
        int i = blockIdx.y * {rows} + e / {columns}, j = blockIdx.x * {columns} + e % {columns};
        float sum = 0;
        if (i < m && j < n) {{
            for (int p = 0; p < k; ++p) sum += __half2float(A[i * k + p]) * __half2float(B[p * n + j]);
            C[i * n + j] = sum;
        }}
    }}
}}"""
'''
STEP_33 = "            ldmatrix(a, As + r * 8 + ((2 * s + h) ^ r % 8));\n"

TENSOR = [
    guess("06.30", "multiply-adds", "fma-is-two", ("flops = 4096", "flops = 2048")),
    guess("06.30", "n of 16", "n-is-16", ("flops = 4096", "flops = 8192")),
    guess("06.30", "a lane's", "per-lane", ("flops = 4096", "flops = 128")),
    guess("06.30", "elements", "elements", ("registers = 10", "registers = 16")),
    guess("06.30", "D apart", "d-apart", ("registers = 10", "registers = 14")),
    guess("06.30", "lanes go down", "lanes-down", ("lane = 14", "lane = 19")),
    guess("06.30", "a place is one column", "one-element", ("lane = 14", "lane = 13")),
    guess("06.30", "registers along k", "along-k", ("register = 1", "register = 2")),
    guess("06.30", "the element's number", "element", ("register = 1", "register = 3")),
    same("06.30", "as formulas", ("lane = 14", "lane = 11 % 8 * 4 + 5 // 2"), ("registers = 10", "registers = 4 + 2 + 4")),
    slip("06.31", "registers along k first", "along-k", ("(each, rows // 8, columns // (4 * each)), (rows, 8, 4 * each * rows)", "(each, columns // (4 * each), rows // 8), (rows, 4 * each * rows, 8)")),
    slip("06.31", "by rows", "row-major", ("(each * rows, 1)", "(each, columns)"), ("(rows, 8, 4 * each * rows)", "(1, 8 * columns, 4 * each)")),
    slip("06.31", "lanes go down", "lanes-down", ("(4, 8), (each * rows, 1)", "(8, 4), (1, each * rows)")),
    slip("06.31", "neighbours four lanes apart", "not-packed", ("(each * rows, 1)", "(rows, 1)"), ("(rows, 8, 4 * each * rows)", "(4 * rows, 8, 4 * each * rows)")),
    slip("06.31", "B as k x 8", "b-as-rows", ("    return (lanes[0]", "    if operand == 'B':\n        lanes, values = ((4, 8), (each, k)), ((each, k // (4 * each)), (1, 4 * each))\n    return (lanes[0]")),
    slip("06.31", "always 16 bits", "wrong-value-0", ("else 32 // bits", "else 2"), ("columns // (4 * each)", "max(1, columns // (4 * each))")),
    slip("06.31", "the value first", "wrong-type", ("return (lanes[0], values[0]), (lanes[1], values[1])", "return (values[0], lanes[0]), (values[1], lanes[1])")),
    slip("06.31", "C packed like A", "wrong-value-0", ("2 if operand == \"C\" else 32 // bits", "32 // bits"), ("columns // (4 * each)", "max(1, columns // (4 * each))")),
    slip("06.31", "nothing returned", "returned-nothing", ("    return (lanes[0]", "    result = (lanes[0]")),
    slip("06.31", "flat", "wrong-type", ("return (lanes[0], values[0]), (lanes[1], values[1])", "return lanes[0] + values[0], lanes[1] + values[1]")),
    right("06.31", "CuTe's, from a table", """
def fragment(operand, k, bits):
    if operand == "C":
        return ((4, 8), (2, 2)), ((32, 1), (16, 8))
    return {
        ("A", 16, 16): (((4, 8), (2, 2, 2)), ((32, 1), (16, 8, 128))), ("B", 16, 16): (((4, 8), (2, 2)), ((16, 1), (8, 64))),
        ("A", 8, 16): (((4, 8), (2, 2)), ((32, 1), (16, 8))), ("B", 8, 16): (((4, 8), 2), ((16, 1), 8)),
        ("A", 8, 32): (((4, 8), (2, 2)), ((16, 1), (8, 64))), ("B", 8, 32): (((4, 8), 2), ((8, 1), 32)),
        ("A", 4, 32): (((4, 8), 2), ((16, 1), 8)), ("B", 4, 32): (((4, 8), 1), ((8, 1), 0)),
        ("A", 32, 8): (((4, 8), (4, 2, 2)), ((64, 1), (16, 8, 256))), ("B", 32, 8): (((4, 8), (4, 2)), ((32, 1), (8, 128))),
        ("A", 16, 8): (((4, 8), (4, 2)), ((64, 1), (16, 8))), ("B", 16, 8): (((4, 8), 4), ((32, 1), 8)),
    }[operand, k, bits]
"""),
    right("06.31", "coalesced, in lists", """
def fragment(operand, k, bits):
    rows, columns = {"A": (16, k), "B": (8, k), "C": (16, 8)}[operand]
    e = columns // 4 if operand == "C" else 32 // bits
    modes = [(e, rows)] + [(2, 8)] * (rows == 16)
    if columns > 4 * e:
        modes.append((columns // (4 * e), 4 * e * rows))
    return [[[4, 8], [s for s, _ in modes]], [[e * rows, 1], [d for _, d in modes]]]
"""),
    slip("06.32", "registers of A along k first", "a-registers", ("(g + r % 2 * 8) * k + p + r / 2 * 8", "(g + r / 2 * 8) * k + p + r % 2 * 8")),
    slip("06.32", "values of C by columns", "c-registers", ("(g + v / 2 * 8) * n + 2 * t + v % 2", "(g + v % 2 * 8) * n + 2 * t + v / 2")),
    slip("06.32", "k not stepped", "only-first-tile", ("* k + p + r / 2", "* k + r / 2"), ("(p + r * 8 + 2 * t)", "(r * 8 + 2 * t)"), ("p < k; p += 16", "p < 16; p += 16")),
    slip("06.32", "set to 0 in the loop", "only-last-tile", ("        mma(c, a, b);", "        for (int v = 0; v < 4; ++v) c[v] = 0;\n        mma(c, a, b);")),
    slip("06.32", "pairs of B along the row", "b-along-row", ("pair(at[0], at[n])", "pair(at[0], at[1])")),
    slip("06.32", "the pair the wrong way round", "b-pair-swapped", ("pair(at[0], at[n])", "pair(at[n], at[0])")),
    slip("06.32", "B loaded as A is", "b-as-a", ("const half* at = B + (p + r * 8 + 2 * t) * n + g;", "const half* at = B + (p + r * 8 + g) * n + 2 * t;"), ("pair(at[0], at[n])", "pair(at[0], at[1])")),
    slip("06.32", "quads and places swapped", "wrong-values", ("g = lane / 4, t = lane % 4", "g = lane % 8, t = lane / 8")),
    slip("06.32", "mma by some lanes", "barrier", ("        mma(c, a, b);", "        if (lane < 31) mma(c, a, b);")),
    slip("06.32", "halves one by one", "narrow-loads", ("a[r] = *(const unsigned*)(A + (g + r % 2 * 8) * k + p + r / 2 * 8 + 2 * t);",
         "{\n            const half* at = A + (g + r % 2 * 8) * k + p + r / 2 * 8 + 2 * t;\n            a[r] = pair(((volatile const unsigned short*)at)[0] ? at[0] : at[0], at[1]);\n        }")),
    slip("06.32", "no sum is stored for row g + 8", "partly-written", ("v < 4; ++v) C", "v < 2; ++v) C")),
    wrong("06.32", "an FMA loop", "not-tensor-cores", FMA_LOOP.format(name="one_warp", rows=16, columns=8)),
    right("06.32", "with half2, by lane", '''
one_warp = r"""
#include <cuda_fp16.h>
__global__ void hgemm(const half* A, const half* B, float* C, int m, int n, int k) {
    int l = threadIdx.x, row = blockIdx.y * 16 + (l >> 2), col = blockIdx.x * 8 + (l >> 2), q = (l & 3) * 2;
    float d0 = 0, d1 = 0, d2 = 0, d3 = 0;
    for (int p = k - 16; p >= 0; p -= 16) {
        half2 a0 = *(const half2*)&A[row * k + p + q], a1 = *(const half2*)&A[(row + 8) * k + p + q];
        half2 a2 = *(const half2*)&A[row * k + p + q + 8], a3 = *(const half2*)&A[(row + 8) * k + p + q + 8];
        half2 b0 = __halves2half2(B[(p + q) * n + col], B[(p + q + 1) * n + col]);
        half2 b1 = __halves2half2(B[(p + q + 8) * n + col], B[(p + q + 9) * n + col]);
        asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(d0), "+f"(d1), "+f"(d2), "+f"(d3)
            : "r"(*(unsigned*)&a0), "r"(*(unsigned*)&a1), "r"(*(unsigned*)&a2), "r"(*(unsigned*)&a3), "r"(*(unsigned*)&b0), "r"(*(unsigned*)&b1));
    }
    float2* out = (float2*)(C + row * n + blockIdx.x * 8 + q);
    out[0] = {d0, d1};
    out[4 * n] = {d2, d3};
}"""
'''),
    slip("06.33", "no swizzle", "bank-conflicts", ("(q ^ r % 8)", "q"), ("((2 * s + h) ^ r % 8)", "2 * s + h"), ("((2 * j + h) ^ r % 8)", "2 * j + h")),
    slip("06.33", "A swizzled on one side", "swizzle-one-side", ("((2 * s + h) ^ r % 8)", "2 * s + h")),
    slip("06.33", "B swizzled on one side", "swizzle-one-side", ("((2 * j + h) ^ r % 8)", "2 * j + h")),
    slip("06.33", "B without .trans", "b-not-turned", ("ldmatrix_trans(b, ", "ldmatrix(b, ")),
    slip("06.33", "A with .trans", "a-turned", ("ldmatrix(a, ", "ldmatrix_trans(a, ")),
    slip("06.33", "matrices of A along k first", "matrices-of-a", (STEP_33, "            ldmatrix(a, As + (lane % 8 + lane / 16 * 8) * 8 + ((2 * s + lane / 8 % 2) ^ lane % 8));\n")),
    slip("06.33", "registers 0 and 2 of B", "matrices-of-b", ("{b[0], b[1]}", "{b[0], b[2]}"), ("{b[2], b[3]}", "{b[1], b[3]}")),
    slip("06.33", "no barrier before reading", "race", ("        __syncthreads();\n        for (int s", "        for (int s")),
    slip("06.33", "no barrier after reading", "race", ("            }\n        }\n        __syncthreads();\n", "            }\n        }\n")),
    slip("06.33", "all lanes name row 0", "wrong-values", ("int r = lane % 16, h = lane / 16;", "int r = 0, h = 0;")),
    slip("06.33", "set to 0 in the loop", "only-last-tile", ("        for (int s = 0; s < 4; ++s) {", "        for (int j = 0; j < 8; ++j) for (int v = 0; v < 4; ++v) c[j][v] = 0;\n        for (int s = 0; s < 4; ++s) {")),
    slip("06.33", "A loaded for every product", "too-many-loads", ("                ldmatrix_trans(b,", "                " + STEP_33.strip() + "\n                ldmatrix_trans(b,")),
    slip("06.33", "4 bytes a lane", "narrow-loads", ("            Bs[place] = *(const uint4*)(B + (p + r) * n + q * 8);\n        }",
         "        }\n        for (int e = lane; e < 64 * 32; e += 32)\n            ((volatile unsigned*)(Bs + e / 32 * 8 + (e % 32 / 4 ^ e / 32 % 8)))[e % 4] = *(const unsigned*)(B + (p + e / 32) * n + e % 32 * 2);")),
    slip("06.33", "the last columns by FMA", "not-tensor-cores", ("    for (int j = 0; j < 8; ++j) store(", """    for (int v = 0; v < 4; ++v) {
        c[7][v] = 0;
        for (int p = 0; p < k; ++p) c[7][v] += __half2float(A[(lane / 4 + v / 2 * 8) * k + p]) * __half2float(B[p * n + 56 + lane % 4 * 2 + v % 2]);
    }
    for (int j = 0; j < 8; ++j) store(""")),
    same("06.33", "padded rows", ("As[16 * 8], Bs[64 * 8]", "As[16 * 9], Bs[64 * 9]"), ("place = r * 8 + (q ^ r % 8)", "place = r * 9 + q"),
         ("As + r * 8 + ((2 * s + h) ^ r % 8)", "As + r * 9 + 2 * s + h"), ("(16 * s + r) * 8 + ((2 * j + h) ^ r % 8)", "(16 * s + r) * 9 + 2 * j + h")),
    same("06.33", "the XOR in Swizzle's words, on bytes", ("place = r * 8 + (q ^ r % 8)", "at = r * 128 + q * 16, place = (at ^ (at >> 3 & 7 << 4)) / 16")),
    slip("06.34", "no swizzle for A", "bank-conflicts", ("(q ^ r / 2 % 4)", "q"), ("((2 * s + h) ^ ar / 2 % 4)", "2 * s + h")),
    slip("06.34", "A swizzled as if rows had 128 bytes", "bank-conflicts", ("(q ^ r / 2 % 4)", "(q ^ r % 4)"), ("((2 * s + h) ^ ar / 2 % 4)", "((2 * s + h) ^ ar % 4)")),
    slip("06.34", "A swizzled on one side", "swizzle-one-side", ("((2 * s + h) ^ ar / 2 % 4)", "2 * s + h")),
    slip("06.34", "B swizzled on one side", "swizzle-one-side", ("((wj / 8 + 2 * i + h) ^ br % 8)", "wj / 8 + 2 * i + h")),
    slip("06.34", "B without .trans", "b-not-turned", ("ldmatrix_trans(b[i], ", "ldmatrix(b[i], ")),
    slip("06.34", "registers 0 and 2 of B", "matrices-of-b", ("{b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]}", "{b[j / 2][j % 2], b[j / 2][j % 2 + 2]}")),
    slip("06.34", "no barrier before reading", "race", ("        __syncthreads();\n        for (int s", "        for (int s")),
    slip("06.34", "no barrier after reading", "race", ("        }\n        __syncthreads();\n    }\n", "        }\n    }\n")),
    slip("06.34", "rows of A beyond m", "out-of-bounds", ("i < m && at < k", "at < k")),
    slip("06.34", "rows of B beyond k", "out-of-bounds", ("p + r < k && at < n", "at < n")),
    slip("06.34", "no unfinished step", "k-tail-lost", ("p < k; p += 32", "p + 32 <= k; p += 32")),
    slip("06.34", "half of each tile is copied", "uninitialized", ("e < 256; e += 128", "e < 128; e += 128")),
    slip("06.34", "fragments of B again for each row", "no-reuse", ("mma(c[i][j], a[i], {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]});",
         "{\n                    int br = 16 * s + lane % 16;\n                    ldmatrix_trans(b[0], Bs + br * 8 + ((wj / 8 + j / 2 * 2 + lane / 16) ^ br % 8));\n                    mma(c[i][j], a[i], {b[0][j % 2 * 2], b[0][j % 2 * 2 + 1]});\n                }")),
    wrong("06.34", "an FMA loop", "not-tensor-cores", FMA_LOOP.format(name="block_tile", rows=64, columns=64)),
    slip("06.34", "rows of A padded by a chunk", "bank-conflicts", ("As[64 * 4]", "As[64 * 5]"), ("As[r * 4 + (q ^ r / 2 % 4)]", "As[r * 5 + q]"), ("As + ar * 4 + ((2 * s + h) ^ ar / 2 % 4)", "As + ar * 5 + 2 * s + h")),
    same("06.34", "rows of B padded, two rows of A in a line of 128 bytes", ("Bs[32 * 8]", "Bs[32 * 9]"), ("Bs[r * 8 + (q ^ r % 8)]", "Bs[r * 9 + q]"), ("Bs + br * 8 + ((wj / 8 + 2 * i + h) ^ br % 8)", "Bs + br * 9 + wj / 8 + 2 * i + h"),
         ("As[r * 4 + (q ^ r / 2 % 4)]", "As[r / 2 * 8 + (r % 2 * 4 + q ^ r / 2 % 8)]"), ("As + ar * 4 + ((2 * s + h) ^ ar / 2 % 4)", "As + ar / 2 * 8 + (ar % 2 * 4 + 2 * s + h ^ ar / 2 % 8)")),
    same("06.34", "columns of products first", ("            for (int i = 0; i < 2; ++i)\n                for (int j = 0; j < 4; ++j) mma(", "            for (int j = 3; j >= 0; --j)\n                for (int i = 0; i < 2; ++i) mma(")),
    guess("06.35", "halves", "halves", ("bytes_16x8 = 768", "bytes_16x8 = 384")),
    guess("06.35", "C counted", "with-c", ("bytes_16x8 = 768", "bytes_16x8 = 1280")),
    guess("06.35", "clocks", "upside-down", ("share_32x32 = 0.5", "share_32x32 = 2")),
    guess("06.35", "no reuse", "no-reuse", ("share_32x32 = 0.5", "share_32x32 = 1 / 6")),
    guess("06.35", "the whole step", "whole-step", ("bytes_64x64 = 128", "bytes_64x64 = 4096")),
    guess("06.35", "like 32 x 32", "like-32", ("bytes_64x64 = 128", "bytes_64x64 = 256")),
    guess("06.35", "B four times", "b-four-times", ("bytes_wgmma = 80", "bytes_wgmma = 272")),
    guess("06.35", "not divided", "not-divided", ("bytes_wgmma = 80", "bytes_wgmma = 10240")),
    same("06.35", "as formulas", ("bytes_16x8 = 768", "bytes_16x8 = 2 * 16 * (16 + 8)"), ("bytes_wgmma = 80", "bytes_wgmma = 2 * 16 * (64 + 256) / (4 * 32)")),
]  # fmt: skip

# --- Triton, few tiles ---

LOOP_2D = """
@triton.jit
def kernel(a, b, c, m, n, k, a_row, a_col, b_row, b_col, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    i = tl.program_id(0) * BM + tl.arange(0, BM)
    j = tl.program_id(1) * BN + tl.arange(0, BN)
    p = tl.arange(0, BK)
    a += (i % m)[:, None] * a_row + p[None, :] * a_col
    b += p[:, None] * b_row + (j % n)[None, :] * b_col
    total = tl.zeros((BM, BN), tl.float32)
    for step in range(tl.cdiv(k, BK)):
        left = k - step * BK
        x = tl.load(a, mask=p[None, :] < left, other=0.0)
        y = tl.load(b, mask=p[:, None] < left, other=0.0)
        total += tl.dot(x, y)
        a += BK * a_col
        b += BK * b_row
    tl.store(c + i[:, None] * n + j[None, :], total.to(c.dtype.element_ty), mask=(i[:, None] < m) & (j[None, :] < n))


def matmul(a, b):
    c = torch.empty(a.shape[0], b.shape[1], dtype=a.dtype, device=a.device)
    m, n = c.shape
    kernel[triton.cdiv(m, 16), triton.cdiv(n, 128)](a, b, c, m, n, a.shape[1], a.stride(0), a.stride(1), b.stride(0), b.stride(1), 16, 128, 64)
    return c
"""
PERSISTENT = """
@triton.jit
def kernel(a, b, c, m, n, k, a0, a1, b0, b1, B: tl.constexpr):
    across = tl.cdiv(n, B)
    for tile in range(tl.program_id(0), across * tl.cdiv(m, B), tl.num_programs(0)):
        i, j = tile // across * B + tl.arange(0, B), tile % across * B + tl.arange(0, B)
        total = tl.zeros((B, B), tl.float32)
        for start in range((k - 1) // B * B, -1, -B):
            p = start + tl.arange(0, B)
            x = tl.load(a + i[:, None] * a0 + p[None, :] * a1, mask=(i[:, None] < m) & (p[None, :] < k), other=0.0)
            y = tl.load(b + j[:, None] * b1 + p[None, :] * b0, mask=(j[:, None] < n) & (p[None, :] < k), other=0.0)
            total = tl.dot(x, tl.trans(y), acc=total)
        tl.store(c + i[:, None] * n + j[None, :], total, mask=(i[:, None] < m) & (j[None, :] < n))


def matmul(a, b):
    c = a.new_empty((a.shape[0], b.shape[1]))
    kernel[(3,)](a, b, c, *c.shape, a.shape[1], *a.stride(), *b.stride(), B=32)
    return c
"""
EPILOGUE = "z = 0.5 * z * (1.0 + tl.erf(z * 0.7071067811865476)) + rest"

IN_TRITON = [
    guess("06.36", "four rows", "rounds-down", ("rows_plain = 5", "rows_plain = 4")),
    guess("06.36", "nothing shared", "no-sharing", ("rows_plain = 5", "rows_plain = 132")),
    guess("06.36", "132 columns", "no-sharing", ("columns_plain = 32", "columns_plain = 132")),
    guess("06.36", "two bands", "two-bands", ("rows_grouped = 8", "rows_grouped = 16")),
    guess("06.36", "sixteen columns", "rounds-down", ("columns_grouped = 17", "columns_grouped = 16")),
    guess("06.36", "all columns", "plain", ("columns_grouped = 17", "columns_grouped = 32")),
    guess("06.36", "the plain order", "plain", ("kib_grouped = 400", "kib_grouped = 592")),
    guess("06.36", "what is asked for", "asked-for", ("kib_grouped = 400", "kib_grouped = 132 * 32")),
    guess("06.36", "FP32", "fp32", ("kib_grouped = 400", "kib_grouped = 800")),
    guess("06.36", "bytes", "bytes", ("kib_grouped = 400", "kib_grouped = 25 * 128 * 64 * 2")),
    same("06.36", "written out", ("kib_grouped = 400", "kib_grouped = (8 + 17) * 128 * 64 * 2 / 1024")),
    slip("06.37", "the last band full", "short-group", ("min(rows - first, group)", "group")),
    slip("06.37", "plain", "not-grouped", ("first + within % height, within // height", "tile // columns, tile % columns")),
    slip("06.37", "no bands", "one-band", ("first + within % height, within // height", "tile % rows, tile // rows")),
    slip("06.37", "swapped", "swapped", ("first + within % height, within // height", "within // height, first + within % height")),
    slip("06.37", "across the band first", "not-grouped", ("within % height, within // height", "within // columns, within % columns")),
    slip("06.37", "the band's first row forgotten", "wrong-row", ("return first + within", "return within")),
    slip("06.37", "the band's number for its first row", "wrong-row", ("// (group * columns) * group", "// (group * columns)")),
    slip("06.37", "floats", "wrong-type", ("within // height", "within / height")),
    slip("06.37", "nothing returned", "returned-nothing", ("return first", "place = first")),
    wrong("06.37", "a list of all tiles", "forbidden-route", """
def place_of(tile, rows, columns, group):
    order = []
    for top in range(0, rows, group):
        for column in range(columns):
            order += [(row, column) for row in range(top, min(top + group, rows))]
    return order[tile]
"""),
    wrong("06.37", "bands of columns", "bands-of-columns", """
def place_of(tile, rows, columns, group):
    first = tile // (group * rows) * group
    within = tile % (group * rows)
    height = min(columns - first, group)
    return within // height, first + within % height
"""),
    right("06.37", "with divmod and a list", """
def place_of(tile, rows, columns, group):
    band, within = divmod(tile, group * columns)
    full = rows // group
    height = group if band < full else rows % group
    column, row = divmod(within, height)
    return [band * group + row, column]
"""),
    slip("06.38", "no mask along k at all", "out-of-bounds", ("(i[:, None] < m) & (p[None, :] < k), (p[:, None] < k) & (j[None, :] < n)", "i[:, None] < m, j[None, :] < n")),
    slip("06.38", "masks of a on the wrong axis", "exception", ("(i[:, None] < m) & (p[None, :] < k), (p", "(i[None, :] < m) & (p[:, None] < k), (p")),
    slip("06.38", "steps rounded down", "k-tail-lost", ("range(tl.cdiv(k, BK))", "range(k // BK)")),
    slip("06.38", "one step", "only-first-step", ("range(tl.cdiv(k, BK))", "range(1)")),
    slip("06.38", "total set anew", "only-last-step", ("tl.dot(x, y, total)", "tl.dot(x, y)")),
    slip("06.38", "sums in float16", "low-precision", ("tl.zeros((BM, BN), tl.float32)", "tl.zeros((BM, BN), tl.float16)"),
         ("total = tl.dot(x, y, total)", "total = (total + tl.dot(x, y)).to(tl.float16)")),
    slip("06.38", "row-major, whatever comes", "strides-ignored", ("*a.stride(), *b.stride()", "k, 1, n, 1")),
    slip("06.38", "only the first strides", "strides-ignored", ("*a.stride(), *b.stride()", "a.stride(0), 1, b.stride(0), 1")),
    slip("06.38", "store not masked", "outside-output", (", mask=(i[:, None] < m) & (j[None, :] < n))", ")")),
    slip("06.38", "one row of tiles", "tail-unwritten", ("triton.cdiv(m, 64) * triton.cdiv(n, 64)", "triton.cdiv(n, 64)")),
    slip("06.38", "torch multiplies", "forbidden-route", ("    return c\n", "    return a @ b\n")),
    slip("06.38", "copies first", "forbidden-route", ("    (m, k), n = a.shape", "    a, b = a.contiguous(), b.contiguous()\n    (m, k), n = a.shape")),
    slip("06.38", "C stored turned", "transposed", ("c + i[:, None] * n + j[None, :]", "c + j[None, :] * m + i[:, None]")),
    slip("06.38", "no other", "nan", ("mask=x_inside, other=0.0", "mask=x_inside"), ("mask=y_inside, other=0.0", "mask=y_inside")),
    right("06.38", "as in Triton's tutorial: rows wrapped around, pointers that move on", LOOP_2D),
    right("06.38", "persistent, k from behind, b turned in the kernel", PERSISTENT),
    guess("06.39", "one stage", "one-stage", ("147_456", "49_152")),
    guess("06.39", "elements", "elements", ("147_456", "147_456 // 2")),
    guess("06.39", "a buffer less", "two-stages", ("147_456", "98_304")),
    guess("06.39", "eight warps", "eight-warps", ("sums_4_warps = 256", "sums_4_warps = 128")),
    guess("06.39", "what a thread has", "the-limit", ("sums_4_warps = 256", "sums_4_warps = 255")),
    guess("06.39", "four warps", "four-warps", ("sums_8_warps = 128", "sums_8_warps = 256")),
    guess("06.39", "both groups", "both-groups", ("wgmma_a_step = 4", "wgmma_a_step = 8")),
    guess("06.39", "one", "k-forgotten", ("wgmma_a_step = 4", "wgmma_a_step = 1")),
    same("06.39", "as products", ("147_456", "3 * 2 * 64 * (128 + 256)"), ("wgmma_a_step = 4", "wgmma_a_step = 64 / 16")),
    slip("06.40", "no GELU", "no-activation", (EPILOGUE, "z = z + rest")),
    slip("06.40", "the sigmoid form", "sigmoid-gelu", (EPILOGUE, "z = z * tl.sigmoid(1.702 * z) + rest")),
    slip("06.40", "residual inside", "residual-inside", ("total + shift[None, :]", "total + shift[None, :] + rest"), (EPILOGUE, EPILOGUE.removesuffix(" + rest"))),
    slip("06.40", "no residual", "no-residual", (EPILOGUE, EPILOGUE.removesuffix(" + rest"))),
    slip("06.40", "no scale", "no-scale", ("scale * total", "total")),
    slip("06.40", "bias scaled too", "scale-after-bias", ("scale * total + shift[None, :]", "scale * (total + shift[None, :])")),
    slip("06.40", "bias along the rows", "bias-per-row", ("bias + j, mask=j < n", "bias + i, mask=i < n"), ("shift[None, :]", "shift[:, None]")),
    slip("06.40", "float16 before the epilogue", "low-precision", ("scale * total", "scale * total.to(tl.float16).to(tl.float32)")),
    slip("06.40", "float16 before the residual", "low-precision", (EPILOGUE, EPILOGUE.replace("z = ", "z = (").replace(" + rest", ").to(tl.float16).to(tl.float32) + rest"))),
    slip("06.40", "bias not masked", "out-of-bounds", ("bias + j, mask=j < n, other=0.0", "bias + j")),
    slip("06.40", "bias after GELU", "bias-after", ("scale * total + shift[None, :]", "scale * total"), ("+ rest", "+ shift[None, :] + rest")),
    slip("06.40", "residual added by torch", "forbidden-route", (EPILOGUE, EPILOGUE.removesuffix(" + rest")), ("    return c\n", "    return c + residual\n")),
    same("06.40", "the tanh form, by a sigmoid", (EPILOGUE, "z = z * tl.sigmoid(1.5957691216057308 * (z + 0.044715 * z * z * z)) + rest")),
    same("06.40", "bias and residual in their own format, masks without other", ("mask=j < n, other=0.0).to(tl.float32)", "mask=j < n)"), ("mask=live, other=0.0).to(tl.float32)", "mask=live)")),
    slip("06.41", "every part takes all", "every-part-all", ("range(tl.program_id(2) * BK, k, SPLIT * BK)", "range(0, k, BK)")),
    slip("06.41", "parts overlap", "parts-overlap", ("k, SPLIT * BK)", "k, BK)")),
    slip("06.41", "pieces in a row", "pieces-in-a-row", ("range(tl.program_id(2) * BK, k, SPLIT * BK)",
         "range(tl.program_id(2) * tl.cdiv(tl.cdiv(k, BK), SPLIT) * BK, min(k, (tl.program_id(2) + 1) * tl.cdiv(tl.cdiv(k, BK), SPLIT) * BK), BK)")),
    slip("06.41", "all parts in one place", "tail-unwritten", ("(tl.program_id(2) * m + i[:, None])", "i[:, None]")),
    slip("06.41", "no mask along k", "out-of-bounds", ("(i[:, None] < m) & (p[None, :] < k), other", "i[:, None] < m, other"), ("(p[:, None] < k) & (j[None, :] < n), other", "j[None, :] < n, other")),
    slip("06.41", "an empty part stores nothing", "tail-unwritten", ("mask=(i[:, None] < m) & (j[None, :] < n))", "mask=(i[:, None] < m) & (j[None, :] < n) & (tl.program_id(2) * BK + 0 * i[:, None] < k))")),
    slip("06.41", "only the first part", "first-part-only", ("for s in range(SPLIT)", "for s in range(1)")),
    slip("06.41", "the parts added in float16", "low-precision", ("tl.zeros((BLOCK,), tl.float32)", "tl.zeros((BLOCK,), tl.float16)"),
         ("total += tl.load(parts + s * mn + e, mask=e < mn, other=0.0)", "total += tl.load(parts + s * mn + e, mask=e < mn, other=0.0).to(tl.float16)")),
    slip("06.41", "torch adds", "forbidden-route", ("    return parts, c\n", "    return parts, parts.sum(0).half()\n")),
    same("06.41", "the parts as rows of a tile, from the last step back", ("range(tl.program_id(2) * BK, k, SPLIT * BK)", "range(tl.program_id(2) * BK, tl.cdiv(k, BK) * BK, BK * SPLIT)"),
         ("    total = tl.zeros((BLOCK,), tl.float32)\n    for s in range(SPLIT):\n        total += tl.load(parts + s * mn + e, mask=e < mn, other=0.0)\n",
          "    s = tl.arange(0, 8)[:, None]\n    total = tl.sum(tl.load(parts + s * mn + e[None, :], mask=(e < mn)[None, :] & (s < SPLIT), other=0.0), axis=0)\n")),
    slip("06.42", "ends inclusive", "ends-inclusive", ("end - tile * steps))", "end - tile * steps - 1))")),
    slip("06.42", "the quotient rounded up", "last-gets-less", ("program * total // programs, (program + 1) * total // programs",
         "min(total, program * -(-total // programs)), min(total, (program + 1) * -(-total // programs))")),
    slip("06.42", "the rest to the last", "rest-to-the-last", ("program * total // programs, (program + 1) * total // programs",
         "program * (total // programs), total if program == programs - 1 else (program + 1) * (total // programs)")),
    slip("06.42", "the rest lost", "rest-lost", ("program * total // programs, (program + 1) * total // programs", "program * (total // programs), (program + 1) * (total // programs)")),
    wrong("06.42", "whole tiles", "whole-tiles", """
def stream_k(tiles, steps, programs):
    return [[(tile, 0, steps) for tile in range(program, tiles, programs)] for program in range(programs)]
"""),
    wrong("06.42", "steps in turn", "wrong-runs-of-a-program", """
def stream_k(tiles, steps, programs):
    numbers = [range(program, tiles * steps, programs) for program in range(programs)]
    return [[(s // steps, s % steps, s % steps + 1) for s in one] for one in numbers]
"""),
    wrong("06.42", "a piece a step", "wrong-repeated-tiles", """
def stream_k(tiles, steps, programs):
    total = tiles * steps
    bounds = [program * total // programs for program in range(programs + 1)]
    return [[(s // steps, s % steps, s % steps + 1) for s in range(low, high)] for low, high in zip(bounds, bounds[1:])]
"""),
    slip("06.42", "a flat list", "wrong-type", ("        schedule.append(pieces)", "        schedule += pieces")),
    slip("06.42", "programs without work left out", "wrong-programs", ("        schedule.append(pieces)", "        if pieces: schedule.append(pieces)")),
    right("06.42", "from the last tile back, the longer shares first", """
def stream_k(tiles, steps, programs):
    share, rest = divmod(tiles * steps, programs)
    high, schedule = tiles * steps, []
    for program in range(programs):
        low = high - share - (program < rest)
        mine = []
        for tile in reversed(range(tiles)):
            first, end = max(low, tile * steps), min(high, (tile + 1) * steps)
            if first < end:
                mine.append([tile, first - tile * steps, end - tile * steps])
        schedule.append(tuple(mine))
        high = low
    return tuple(schedule)
"""),
]  # fmt: skip

# --- Waves, persistence, choosing -------------------------------------------------------------------------

LOADS_AND_STORE = """
from utils import tl, triton

@triton.jit
def one_tile(a, b, c, m, n, k, row, column, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    a_tile = tl.make_block_ptr(a, (m, k), (k, 1), (row * BM, 0), (BM, BK), (1, 0))
    b_tile = tl.make_block_ptr(b, (k, n), (n, 1), (0, column * BN), (BK, BN), (1, 0))
    c_tile = tl.make_block_ptr(c, (m, n), (n, 1), (row * BM, column * BN), (BM, BN), (1, 0))
    total = tl.zeros((BM, BN), tl.float32)
    for _ in range(tl.cdiv(k, BK)):
        x = tl.load(a_tile, boundary_check=(0, 1), padding_option="zero")
        y = tl.load(b_tile, boundary_check=(0, 1), padding_option="zero")
        total = tl.dot(x, y, total)
        a_tile = tl.advance(a_tile, (0, BK))
        b_tile = tl.advance(b_tile, (BK, 0))
    tl.store(c_tile, total, boundary_check=(0, 1))
"""
LAUNCH = "persistent_kernel[(programs,)](a, b, c, m, n, k, 32, 32, 32)"
DEAL = "range(tl.program_id(0), tl.cdiv(m, BM) * columns, tl.num_programs(0))"
FIT = "    return min(rates, key=lambda c: rates[c] @ terms(m, n, k, *c[:3]))\n"
CHOOSER = "from utils import tile_times\n\ndef choose(m, n, k):\n    return "


def chosen(name: str, diagnosis: str, expression: str) -> Wrong:
    """A chooser in one expression; nothing random in it, so one seed is enough."""
    return Wrong(exercise="06.46", name=name, diagnosis=diagnosis, code=f"{CHOOSER}{expression}\n", seeds=1)


CHOOSING = [
    guess("06.43", "waves rounded down", "rounds-down", ("waves_8192 = 16", "waves_8192 = 15")),
    guess("06.43", "two blocks an SM", "two-per-sm", ("waves_8192 = 16", "waves_8192 = 8")),
    guess("06.43", "square tiles", "square-tiles", ("waves_8192 = 16", "waves_8192 = 32")),
    guess("06.43", "one row is nothing", "no-row", ("waves_4225 = 5", "waves_4225 = 4")),
    guess("06.43", "not rounded", "not-rounded", ("waves_4225 = 5", "waves_4225 = 544 / 132")),
    guess("06.43", "over the products", "of-the-products", ("fixed_share = 6 / 14", "fixed_share = 6 / 8")),
    guess("06.43", "the share of products", "the-rest", ("fixed_share = 6 / 14", "fixed_share = 8 / 14")),
    guess("06.43", "elements for steps", "elements", ("fixed_share = 6 / 14", "fixed_share = 6 / 518")),
    guess("06.43", "percent", "percent", ("fixed_share = 6 / 14", "fixed_share = 42.857")),
    guess("06.43", "all of it hidden", "all-hidden", ("gain = 56 / 38", "gain = 14 / 8")),
    guess("06.43", "new over old", "upside-down", ("gain = 56 / 38", "gain = 38 / 56")),
    guess("06.43", "no gain", "none", ("gain = 56 / 38", "gain = 1")),
    same("06.43", "decimals", ("6 / 14", "0.43"), ("56 / 38", "1.474")),
    slip("06.44", "the sums go on", "sums-go-on",
         ("        total = tl.zeros((BM, BN), tl.float32)\n", ""), ("    for tile in", "    total = tl.zeros((BM, BN), tl.float32)\n    for tile in")),
    slip("06.44", "the sums go on, tiles by columns", "sums-go-on",
         ("        total = tl.zeros((BM, BN), tl.float32)\n", ""), ("    for tile in", "    total = tl.zeros((BM, BN), tl.float32)\n    for tile in"),
         ("tile // columns * BM", "tile % tl.cdiv(m, BM) * BM"), ("tile % columns * BN", "tile // tl.cdiv(m, BM) * BN")),
    slip("06.44", "whole rounds only", "partly-written", (DEAL, "range(tl.program_id(0), tl.cdiv(m, BM) * columns // tl.num_programs(0) * tl.num_programs(0), tl.num_programs(0))")),
    slip("06.44", "one tile a program", "partly-written", (DEAL, "range(tl.program_id(0), tl.program_id(0) + 1)")),
    slip("06.44", "tiles rounded down", "partly-written", (DEAL, "range(tl.program_id(0), m // BM * (n // BN), tl.num_programs(0))")),
    slip("06.44", "all programs make all tiles", "race", (DEAL, "range(0, tl.cdiv(m, BM) * columns)")),
    slip("06.44", "a step of one", "race", (DEAL, "range(tl.program_id(0), tl.cdiv(m, BM) * columns)")),
    slip("06.44", "rows of tiles for columns", "partly-written", ("columns = tl.cdiv(n, BN)", "columns = tl.cdiv(m, BM)"),
         ("tl.cdiv(m, BM) * columns, tl", "tl.cdiv(n, BN) * columns, tl")),
    slip("06.44", "a program for each tile", "too-many-programs", (LAUNCH, LAUNCH.replace("programs,", "triton.cdiv(m, 32) * triton.cdiv(n, 32),"))),
    slip("06.44", "one program does it", "uneven", (LAUNCH, LAUNCH.replace("programs,", "1,"))),
    slip("06.44", "the last program takes what is left", "uneven", (DEAL,
         "range(tl.program_id(0) * (tl.cdiv(m, BM) * columns // tl.num_programs(0)), tl.where(tl.program_id(0) == tl.num_programs(0) - 1, "
         "tl.cdiv(m, BM) * columns, (tl.program_id(0) + 1) * (tl.cdiv(m, BM) * columns // tl.num_programs(0))))")),
    slip("06.44", "whole steps along k", "whole-steps", ("range(0, k, BK)", "range(0, k // BK * BK, BK)")),
    slip("06.44", "the sums in half precision", "low-precision", ("total = tl.zeros((BM, BN), tl.float32)", "total = tl.zeros((BM, BN), tl.float16)"),
         ("total = tl.dot(x, y, total)", "total = (total + tl.dot(x, y)).to(tl.float16)")),
    slip("06.44", "a launch for each round", "too-many-launches", (LAUNCH, f"for _ in range(2):\n        {LAUNCH}")),
    wrong("06.44", "torch multiplies", "no-launch", "def persistent(a, b, programs):\n    return a.float() @ b.float()\n"),
    same("06.44", "the grid is no larger than the tiles are many", (LAUNCH, LAUNCH.replace("programs,", "min(programs, triton.cdiv(m, 32) * triton.cdiv(n, 32)),"))),
    right("06.44", "block pointers, tiles by columns, a loop that counts its turns", LOADS_AND_STORE + '''
@triton.jit
def rounds_kernel(a, b, c, m, n, k, BLOCK: tl.constexpr):
    rows = tl.cdiv(m, BLOCK)
    tiles = rows * tl.cdiv(n, BLOCK)
    for turn in range(tl.cdiv(tiles, tl.num_programs(0))):
        tile = turn * tl.num_programs(0) + tl.program_id(0)
        if tile < tiles:
            one_tile(a, b, c, m, n, k, tile % rows, tile // rows, BLOCK, BLOCK, BLOCK)

def persistent(a, b, programs):
    c = a.new_empty((a.shape[0], b.shape[1]), dtype=torch.float32)
    rounds_kernel[lambda meta: (programs,)](a, b, c, a.shape[0], b.shape[1], a.shape[1], BLOCK=32)
    return c
'''),
    right("06.44", "neighbouring tiles for each program", LOADS_AND_STORE + '''
@triton.jit
def pieces_kernel(a, b, c, m, n, k, BLOCK: tl.constexpr):
    columns = tl.cdiv(n, BLOCK)
    tiles = tl.cdiv(m, BLOCK) * columns
    each = tl.cdiv(tiles, tl.num_programs(0))
    first = tl.program_id(0) * each
    for tile in range(first, min(first + each, tiles)):
        one_tile(a, b, c, m, n, k, tile // columns, tile % columns, BLOCK, BLOCK, BLOCK)

def persistent(a, b, programs):
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty((m, n), device=a.device)
    pieces_kernel[(programs,)](a, b, c, m, n, k, 32)
    return c
'''),
    slip("06.45", "one stage", "stages", ("stages * (bm * bk + bk * bn) * itemsize", "(bm * bk + bk * bn) * itemsize")),
    slip("06.45", "C forgotten", "no-c", (" * itemsize + bm * bn\n", " * itemsize\n")),
    slip("06.45", "always two bytes", "two-bytes", ("(bm * bk + bk * bn) * itemsize", "(bm * bk + bk * bn) * 2"), ("bk * itemsize % 32", "bk * 2 % 32"), ("= bk * itemsize\n", "= bk * 2\n")),
    slip("06.45", "255 for every thread", "no-register-file", ("min(255, 65_536 // threads)", "255")),
    slip("06.45", "as many sums as registers", "none-left", ("sums >= min", "sums > min")),
    slip("06.45", "the SM's shared memory", "sm-not-block", ("232_448", "233_472")),
    slip("06.45", "the first limit only", "one-limit", ("    return found", "    return dict(list(found.items())[:1])")),
    slip("06.45", "True for the number", "wrong-type", ('found["rows"] = bm', 'found["rows"] = True')),
    slip("06.45", "zeros for what is not broken", "wrong-type", ("found = {}", 'found = {"rows": 0, "depth": 0, "warps": 0, "shared": 0, "registers": 0}')),
    slip("06.45", "another name", "wrong-type", ('found["shared"]', 'found["shared memory"]')),
    slip("06.45", "rows in 16", "wrong-rows", ("if bm % 64", "if bm % 16")),
    slip("06.45", "elements for bytes", "wrong-depth", ('found["depth"] = bk * itemsize', 'found["depth"] = bk')),
    right("06.45", "a table, filtered", """
def why_not(bm, bn, bk, stages, warps, itemsize):
    threads = warps * 32
    table = [("registers", bm * bn / threads, bm * bn / threads >= min(255, 65536 / threads)),
             ("warps", warps, warps < 4), ("rows", bm, bm < 64), ("depth", bk * itemsize, bk * itemsize < 32),
             ("shared", bm * bn + itemsize * stages * bk * (bm + bn), bm * bn + itemsize * stages * bk * (bm + bn) > 227 * 1024)]
    return {name: number for name, number, bad in table if bad}
"""),
    chosen("always the largest tile", "always-the-same", "(128, 256, 64, 3, 8)"),
    chosen("always 128 x 128", "always-the-same", "(128, 128, 64, 4, 8)"),
    chosen("a tile of its own", "not-a-choice", "(192, 128, 64, 4, 8)"),
    chosen("the tile without the rest", "not-a-choice", "(128, 256, 64)"),
    chosen("a number in the list", "not-a-choice", "0"),
    chosen("least waste", "waste-only", "min(tile_times.configurations(), key=lambda c: -(-m // c[0]) * c[0] * (-(-n // c[1]) * c[1]))"),
    chosen("fewest waves", "waves-only", "min(tile_times.configurations(), key=lambda c: (-(-(-(-m // c[0]) * -(-n // c[1])) // 132), c[0] * c[1]))"),
    chosen("least room in the waves", "room-only",
           "min(tile_times.configurations(), key=lambda c: -(-(-(-m // c[0]) * -(-n // c[1])) // 132) * c[0] * c[1])"),
    chosen("the seen ones by heart", "only-seen",
           "min(zip(tile_times.seen().get((m, n, k), [1] + [2] * 25), tile_times.configurations()))[1]"),
    chosen("two tiles, by the rows", "ignores-n", "(64, 64, 128, 6, 4) if m <= 64 else (128, 256, 64, 4, 8)"),
    chosen("reads the file", "forbidden-route", "tile_times.figures()['configurations'][0]"),
    right("06.46", "typed constants, in microseconds, and a list", """
from math import ceil

STEPS = {(128, 128, 64, 6, 4): (4.8, 1.35, 0.38), (64, 64, 128, 6, 4): (3.7, 0.36, 0.40), (128, 256, 64, 4, 8): (4.3, 2.95, 0.64),
         (64, 128, 128, 4, 4): (5.2, 0.59, 0.53), (128, 64, 64, 6, 4): (4.3, 0.65, 0.33)}

def choose(m, n, k):
    best = None
    for (bm, bn, bk, stages, warps), (start, fixed, step) in STEPS.items():
        waves = ceil(ceil(m / bm) * ceil(n / bn) / 132)
        time = start + waves * (fixed + ceil(k / bk) * step)
        if best is None or time < best[0]:
            best = time, [bm, bn, bk, stages, warps]
    return best[1]
"""),
    slip("06.46", "m taken for 4096", "ignores-m", (FIT, FIT.replace("m, n, k, *c", "4096, n, k, *c"))),
]  # fmt: skip

# --- Hopper ---

HOPPER = [
    guess("06.47", "elements", "elements", ("bytes_a_stage = 49152", "bytes_a_stage = 24576")),
    guess("06.47", "A alone", "a-only", ("bytes_a_stage = 49152", "bytes_a_stage = 128 * 64 * 2")),
    guess("06.47", "four stages", "c-forgotten", ("stages_that_fit = 3", "stages_that_fit = 4")),
    guess("06.47", "a part of a stage", "not-whole", ("stages_that_fit = 3", "stages_that_fit = 163 / 48")),
    guess("06.47", "the step's parity", "stage-or-step", ("parity_at_step_7 = 0", "parity_at_step_7 = 7 % 2")),
    guess("06.47", "the phase", "not-a-parity", ("parity_at_step_7 = 0", "parity_at_step_7 = 7 // 3")),
    guess("06.47", "phase 0 first", "waits-for-ever", ("parity_of_first_fill = 1", "parity_of_first_fill = 0")),
    same("06.47", "as sums", ("bytes_a_stage = 49152", "bytes_a_stage = (128 + 256) * 64 * 2"), ("parity_of_first_fill = 1", "parity_of_first_fill = 0 ^ 1")),
    slip("06.48", "the consumers' parity", "deadlock", ("(turn + 1) % 2", "turn % 2")),
    slip("06.48", "no wait", "overwritten", ("yield ring.empty[stage].wait((turn + 1) % 2)", "yield ring.empty[stage].wait(int(ring.empty[stage].phases % 2 == 0))")),
    slip("06.48", "waits without yield", "not-yielded", ("yield ring.empty[stage].wait((turn + 1) % 2)\n", "ring.empty[stage].wait((turn + 1) % 2)\n        yield\n")),
    slip("06.48", "always the same parity", "overwritten", ("(turn + 1) % 2", "1")),
    slip("06.48", "one step at a time", "never-ahead", ("        ring.copy_b(step, stage)\n", "        ring.copy_b(step, stage)\n        yield ring.full[stage].wait(turn % 2)\n")),
    slip("06.48", "expects A alone", "expected-bytes", ("expect(ring.bytes_a + ring.bytes_b)", "expect(ring.bytes_a)")),
    slip("06.48", "expects 49,152", "expected-bytes", ("expect(ring.bytes_a + ring.bytes_b)", "expect(49152)")),
    slip("06.48", "arrives, expects nothing", "expected-bytes", ("expect(ring.bytes_a + ring.bytes_b)", "arrive()")),
    slip("06.48", "expects nothing at all", "expected-bytes", ("        ring.full[stage].expect(ring.bytes_a + ring.bytes_b)\n", "")),
    slip("06.48", "expects each copy by itself", "too-many-arrivals", ("expect(ring.bytes_a + ring.bytes_b)", "expect(ring.bytes_a)\n        ring.full[stage].expect(ring.bytes_b)")),
    slip("06.48", "expects, and arrives too", "too-many-arrivals", ("expect(ring.bytes_a + ring.bytes_b)", "expect(ring.bytes_a + ring.bytes_b)\n        ring.full[stage].arrive()")),
    slip("06.48", "forgets B", "deadlock", ("        ring.copy_b(step, stage)\n", "")),
    slip("06.48", "a step too few", "steps-missing", ("range(steps)", "range(steps - 1)")),
    slip("06.48", "the turn itself as parity", "no-parity", ("(turn + 1) % 2", "turn + 1")),
    slip("06.48", "arrives on empty", "wrong-role", ("        ring.copy_a(step", "        ring.empty[stage].arrive()\n        ring.copy_a(step")),
    slip("06.48", "the stage counted from 1", "wrong-stage", ("ring.copy_a(step, stage)", "ring.copy_a(step, (stage + 1) % ring.stages)")),
    slip("06.48", "a list", "wrong-type", ("    for step in range(steps):", "    return [ring]\n    for step in []:"), ("yield ring.empty[stage].wait((turn + 1) % 2)", "pass")),
    right("06.48", "a phase that is flipped, no wait on the first turn, expects last", """
def producer(ring, steps):
    stage, phase = 0, 0
    for step in range(steps):
        if step >= ring.stages:
            yield ring.empty[stage].wait(phase ^ 1)
        ring.copy_b(step, stage)
        ring.copy_a(step, stage)
        ring.full[stage].expect(ring.bytes_b + ring.bytes_a)
        stage += 1
        if stage == ring.stages:
            stage, phase = 0, phase ^ 1
"""),
    right("06.48", "turn by turn", """
def producer(ring, steps):
    def one(step):
        s = step % ring.stages
        yield ring.empty[s].wait(step // ring.stages & 1 ^ 1)
        ring.full[s].expect(ring.bytes_a + ring.bytes_b)
        ring.copy_a(step, s), ring.copy_b(step, s)

    for first in range(0, steps, ring.stages):
        for step in range(first, min(first + ring.stages, steps)):
            yield from one(step)
"""),
    slip("06.49", "one product after the other", "tensor-cores-dry", ("yield ring.products(1)", "yield ring.products(0)")),
    slip("06.49", "no wait for full", "read-before-full", ("            yield ring.full[stage].wait(turn % 2)\n", "")),
    slip("06.49", "the producer's parity", "read-before-full", ("wait(turn % 2)", "wait((turn + 1) % 2)")),
    slip("06.49", "hands its own stage back", "handed-back-too-early", ("            if k > 0:\n                ring.empty[(step - 1) % ring.stages].arrive()\n", "            ring.empty[stage].arrive()\n")),
    slip("06.49", "does not wait for products", "handed-back-too-early", ("            yield ring.products(1)\n", "")),
    slip("06.49", "hands back before the first step", "handed-back-unread", ("            if k > 0:\n                ring", "            if True:\n                ring")),
    slip("06.49", "the last stage is never handed back", "deadlock", ("        yield ring.products(0)\n        ring.empty[(step - 1) % ring.stages].arrive()\n", "        yield ring.products(0)\n")),
    slip("06.49", "hands nothing back", "deadlock", ("                ring.empty[(step - 1) % ring.stages].arrive()\n            step", "                pass\n            step")),
    slip("06.49", "stores while the last product runs", "handed-back-too-early", ("        yield ring.products(0)\n", "")),
    slip("06.49", "steps begin anew with each tile", "wrong-step", ("    step = 0\n    for tile in range(tiles):\n", "    for tile in range(tiles):\n        step = 0\n")),
    slip("06.49", "stores nothing", "not-stored", ("        yield ring.store(tile)\n", "")),
    slip("06.49", "one tile alone", "steps-missing", ("range(tiles)", "range(1)")),
    slip("06.49", "store without yield", "not-yielded", ("yield ring.store(tile)", "ring.store(tile)")),
    right("06.49", "a list of what is held, handed back before the next wait", """
def consumer(ring, tiles, steps):
    held = []
    for step in range(tiles * steps):
        stage, turn = step % ring.stages, step // ring.stages
        while len(held) > 1:
            yield ring.products(1)
            ring.empty[held.pop(0)].arrive()
        yield ring.full[stage].wait(turn & 1)
        ring.multiply(step, stage)
        held.append(stage)
        if (step + 1) % steps == 0:
            yield ring.products(0)
            while held:
                ring.empty[held.pop(0)].arrive()
            yield ring.store(step // steps)
"""),
    right("06.49", "a phase that is flipped; the last stage handed back after the store", """
def consumer(ring, tiles, steps):
    stage, phase, before = 0, 0, None
    for tile in range(tiles):
        for k in range(steps):
            yield ring.full[stage].wait(phase)
            ring.multiply(tile * steps + k, stage)
            if before is not None:
                yield ring.products(1)
                ring.empty[before].arrive()
            before, stage = stage, stage + 1
            if stage == ring.stages:
                stage, phase = 0, 1 - phase
        yield ring.products(0)
        yield ring.store(tile)
        ring.empty[before].arrive()
        before = None
"""),
    slip("06.50", "never promoted", "never-promoted", ("range(0, a.shape[1], 128)", "range(0, a.shape[1], a.shape[1])"), ("min(start + 128, a.shape[1])", "a.shape[1]")),
    slip("06.50", "every wgmma", "every-32", ("range(0, a.shape[1], 128)", "range(0, a.shape[1], 32)"), ("start + 128", "start + 32")),
    slip("06.50", "every 64", "every-64", ("range(0, a.shape[1], 128)", "range(0, a.shape[1], 64)"), ("start + 128", "start + 64")),
    slip("06.50", "every 256", "every-256", ("range(0, a.shape[1], 128)", "range(0, a.shape[1], 256)"), ("start + 128", "start + 256")),
    slip("06.50", "whole pieces only", "tail-lost", ("range(0, a.shape[1], 128)", "range(0, a.shape[1] // 128 * 128, 128)")),
    slip("06.50", "the partial sum goes on", "not-reset", ("        partial = np.zeros_like(total)\n", ""), ("    for start in", "    partial = np.zeros_like(total)\n    for start in")),
    slip("06.50", "exact", "no-narrow", ("    for start in range(0, a.shape[1], 128):", "    return (a.astype(np.float64) @ b).astype(np.float32)\n    for start in range(0, a.shape[1], 128):")),
    slip("06.50", "no tail guard", "exception", ("min(start + 128, a.shape[1])", "start + 128")),
    slip("06.50", "float64", "wrong-dtype", ("    return total", "    return total.astype(np.float64)")),
    right("06.50", "the total in float64, a step at a time", """
from utils.fp8_accumulator import wgmma_fp8


def promoted(a, b):
    total = np.zeros((a.shape[0], b.shape[1]))
    partial = np.zeros(total.shape, np.float32)
    for k in range(0, len(b), 32):
        partial = wgmma_fp8(partial, a[:, k : k + 32], b[k : k + 32])
        if k % 128 == 96:
            total, partial = total + partial, np.zeros_like(partial)
    return (total + partial).astype(np.float32)
"""),
    guess("06.51", "after every wgmma", "every-wgmma", ("fadds_a_thread = 64", "fadds_a_thread = 256")),
    guess("06.51", "one warpgroup", "one-warpgroup", ("fadds_a_thread = 64", "fadds_a_thread = 128")),
    guess("06.51", "upside down", "upside-down", ("share = 0.25", "share = 4")),
    guess("06.51", "a multiply-add as one", "flops-for-fma", ("share = 0.25", "share = 128 / 1024")),
    guess("06.51", "a share of the FLOPs", "flops", ("share = 0.25", "share = 1 / 256")),
    guess("06.51", "one set of sums", "one-set", ("registers_128x256 = 256", "registers_128x256 = 128")),
    guess("06.51", "a random walk", "random-walk", ('"times 16"', '"times 4"')),
    guess("06.51", "no growth", "rounding", ('"times 16"', '"times 1"')),
    same("06.51", "as quotients", ("fadds_a_thread = 64", "fadds_a_thread = 128 * 128 // 256"), ("share = 0.25", "share = 128 / 512")),
]  # fmt: skip

ATTEMPTS = TRAFFIC + COORDINATES + ALGEBRA + SWIZZLE + LADDER + CHOICE + BOSS + TENSOR + IN_TRITON + CHOOSING + HOPPER
