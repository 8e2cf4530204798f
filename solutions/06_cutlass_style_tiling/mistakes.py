"""Wrong answers to chapter 06 with the diagnosis each must get, and right answers of another shape."""

from __future__ import annotations

from utils.judge import Right, Wrong

# Drawing hundreds of layouts that divide, or running a product on the emulated GPU, takes half a second and more.
SLOW = {"06.2", "06.10", "06.13", "06.14", "06.15", "06.20", "06.22", "06.23", "06.25", "06.29"}


def seeds(exercise: str) -> int:
    return 1 if exercise in SLOW else 4


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
    slip("06.2", "blocks of 8 columns", "partly-written", ("blockIdx.x * 32", "blockIdx.x * 8")),
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
    slip("06.13", "a pair of layouts", "wrong-type", ("return (tile[0], rest[0]), (tile[1], rest[1])", "return tile, rest, 0")),
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
    slip("06.16", "a row-major tile", "row-major", ("numbered(threads, (vr, vc * rows)), numbered(values, (1, rows))",
         "numbered(threads, (vr * threads[0][1] * vc, vc)), numbered(values, (threads[0][1] * vc, 1))")),
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
