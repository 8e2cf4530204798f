"""Chapter 02: what each answer must do."""

from __future__ import annotations

import numpy as np
import torch

from utils.judge import (
    Budget,
    Cuda,
    Forbid,
    Function,
    Kernel,
    Misread,
    Predict,
    Quantity,
    Rival,
    Tolerance,
    spread,
)

ATOMICS = Forbid(
    names=("atomic*",), because="Every element has one thread of its own: nothing meets, nothing needs one."
)
NO_SHARED = Forbid(names=("__shared__",), because="Shared memory is chapter 03's. Here the index alone is to do it.")


def zeros(shape: int | tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    return np.zeros(shape, dtype)


def tensor(rng: np.random.Generator, shape: int | tuple[int, ...], dtype: str = "float32") -> torch.Tensor:
    return torch.from_numpy(spread(rng, shape, dtype))


def ceil(n: int, d: int) -> int:
    return -(-n // d)


# The truths of the predictions. The chapter asserts beside each of them that the emulated GPU counts the same.


def sector_set(addresses: np.ndarray, width: int) -> int:
    return len({int(byte) // 32 for first in addresses for byte in (first, first + width - 1)})


def loaded(width: int = 4, stride: int = 1, offset: int = 0) -> int:
    """Sectors that a full warp's load costs; stride and offset in elements of `width` bytes."""
    return sector_set(width * (np.arange(32) * stride + offset), width)


def quantity(name: str, value, because: str, *misreads: tuple, unit: str = "sectors", **more) -> Quantity:
    """A predicted number with (value, key, sentence) for each likely wrong one."""
    return Quantity(
        name=name, value=value, because=because, unit=unit, misreads=tuple(Misread(*m) for m in misreads), **more
    )


# 2 Requests, sectors, lines

OFFSET = Predict(
    id="02.1",
    title="A load that starts a little late",
    minutes=3,
    quantities=(
        quantity("offset_1", lambda: loaded(offset=1), "The 128 bytes begin 4 bytes into a sector, so they end 4 bytes into a fifth.",
                 (4, "aligned", "That is the aligned case."),
                 (8, "two-lines", "Two lines are touched, and of them only the sectors that are needed are fetched: not all 8."),
                 (2, "lines", "Those are lines of 128 bytes. Sectors of 32 bytes are what is fetched."),
                 (32, "serialized", "The lanes are not served one by one: what counts is how many different sectors they want.")),
        quantity("offset_8", lambda: loaded(offset=8), "8 floats are 32 bytes: the load begins with another sector, but at its start.",
                 (5, "any-offset", "An offset by whole sectors (32 bytes, 8 floats) leaves no sector half used."),
                 (8, "two-lines", "Two lines are touched (3 sectors of one, 1 of the next), and only the sectors needed are fetched.")),
        quantity("percent_needed", lambda: 100 * 4 / loaded(offset=1), "128 of the 160 bytes moved were wanted.",
                 (97, "one-lane", "Not one lane in 32: what is moved is a whole sector more, 160 bytes for 128."),
                 (50, "two-lines", "That is two whole lines. Five sectors are moved, not eight."),
                 (20, "wasted", "That is the part that is wasted."), (0.8, "fraction", "As a percentage: 80."),
                 unit="%", rtol=0.01),
    ),
    hints=(
        "Write down the first and the last byte that the warp wants, from the start of x.",
        "With offset 1 the warp of threads 0 to 31 wants the bytes 4 to 131. Which numbers have the sectors (byte // 32) of these two?",
    ),
    why="Sectors begin at multiples of 32 bytes. What counts is which of them the lanes touch: bytes // 32, without repeats.",
)  # fmt: skip

WIDTHS = (1, 2, 4, 8, 16)


def addresses(rng: np.random.Generator, what: str) -> tuple[np.ndarray, int]:
    width = 4 if what in ("four bytes", "two far apart") else int(rng.choice(WIDTHS))
    lane, base = np.arange(32), 128 * int(rng.integers(1 << 30, 1 << 38))  # as on a GPU: beyond 32 bits
    at = {
        "four bytes": lambda: 4 * lane,
        "stride 1": lambda: width * lane,
        "shifted": lambda: width * (lane + int(rng.integers(1, 40))),
        "strided": lambda: width * lane * int(rng.integers(2, 40)),
        "backwards": lambda: width * lane[::-1],
        "random": lambda: width * rng.integers(0, 400, 32),
        "one word for all": lambda: np.full(32, width * int(rng.integers(0, 99))),
        "in pairs": lambda: width * (lane // 2),
        "two far apart": lambda: np.where(lane // 2 % 2, 0, 1 << 34) + width * lane,
        "one lane": lambda: width * rng.integers(0, 99, 1),
        "some lanes": lambda: width * rng.permutation(64)[: int(rng.integers(2, 31))],
        "no lane": lambda: np.zeros(0),
    }[what]()
    return (base + at).astype(np.int64), width


PATTERNS = ("four bytes", "one lane", "no lane", "stride 1", "shifted", "strided", "backwards", "random", "one word for all",
            "in pairs", "two far apart", "some lanes")  # fmt: skip


COUNT = Function(
    id="02.2",
    title="Count the sectors",
    minutes=6,
    dots=1,
    size="3 lines",
    answer="count_sectors",
    signature="count_sectors(addresses: int64[lanes], width: int) -> int",
    inputs=lambda rng, what: addresses(rng, what),
    oracle=sector_set,
    shapes=[{"what": what} for what in PATTERNS],
    rivals=(
        Rival(key="cut-off", sentence="**Addresses are cut off**: they have up to 47 bits on a GPU. Keep them in 64 (or in Python's own "
              "integers), and take no remainder of the sector's number.",
              oracle=lambda a, w: len({int(b) // 32 % 2**16 for b in a})),
        Rival(key="no-lane", sentence="**No lane, no sector**: where `addresses` is empty, nothing is fetched, so 0.",
              oracle=lambda a, w: max(1, sector_set(a, w))),
        Rival(key="lines", sentence="**Those are lines of 128 bytes.** What is fetched are sectors of 32.",
              oracle=lambda a, w: len(np.unique(a // 128))),
        Rival(key="bytes", sentence="**Bytes wanted, divided by 32.** That is the fewest that could do. Lanes far apart touch "
              "more sectors, lanes that want the same word touch fewer: count which sectors are touched.",
              oracle=lambda a, w: ceil(len(a) * w, 32)),
        Rival(key="bytes", sentence="**Different bytes wanted, divided by 32.** That is the fewest that could do. Where the lanes "
              "are apart, each sector that is touched is fetched whole.",
              oracle=lambda a, w: ceil(len(np.unique(a)) * w, 32)),
        Rival(key="span", sentence="**From the first to the last sector, all of them.** Sectors in between that no lane touches "
              "are not fetched.",
              oracle=lambda a, w: int(a.max() // 32 - a.min() // 32 + 1) if len(a) else 0),
        Rival(key="repeats", sentence="**Two lanes in one sector count once**: it is fetched once for the whole warp.",
              oracle=lambda a, w: len(a)),
        Rival(key="distinct-addresses", sentence="**Those are different addresses.** Several of them lie in one sector.",
              oracle=lambda a, w: len(np.unique(a))),
        Rival(key="order", sentence="**Only neighboring lanes are compared.** A lane further on may want a sector that was there "
              "before: the order of the lanes does not matter.",
              oracle=lambda a, w: int((np.diff(a // 32) != 0).sum()) + 1 if len(a) else 0),
    ),
    hints=(
        "Byte b lies in sector b // 32. An access never straddles two sectors, because its address is a multiple of its width.",
        "How many different values does addresses // 32 have?",
        "`len(set(...))` counts what is different; NumPy has `np.unique`.",
    ),
    why="A request costs as many sectors as its lanes touch, each counted once. The width needs no thought: aligned accesses of "
    "up to 16 bytes lie inside one sector.",
    follow_up="why can order not matter: lanes backwards, or shuffled?",
)  # fmt: skip

# 3 Who sits beside whom

AXPY = Cuda(
    id="02.3",
    title="axpy in CUDA",
    minutes=8,
    dots=1,
    size="2 lines",
    answer="axpy",
    signature="axpy(float a, const float* x, float* y, int n)",
    inputs=lambda rng, n: (float(np.float32(rng.uniform(2, 3))), spread(rng, n), spread(rng, n), n),
    oracle=lambda a, x, y, n: a * x.astype(np.float64) + y,
    outputs=("y",),
    accumulates=("y",),
    shapes=[{"n": n} for n in (1, 2, 127, 128, 129, 293)],
    seconds=20.0,
    launch=lambda n: dict(grid=ceil(n, 128), block=128),
    dtype="float32",
    tolerance=Tolerance.of("float32", floor=8.0),
    block=(128, 32),
    forbid=(ATOMICS,),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda n: n >= 128, key="uncoalesced", hint=2,
               because="Neighboring threads must want neighboring elements: `threadIdx.x` belongs into the index with factor 1."),
        Budget(quantity="global store", at_most=1.01, of_ideal=True, where=lambda n: n >= 128, key="uncoalesced", hint=2,
               because="Neighboring threads must write neighboring elements: `threadIdx.x` belongs into the index with factor 1."),
        Budget(quantity="instructions", at_most=lambda n: 60 * ceil(n, 32), where=lambda n: n > 290, key="idle-lanes", hint=0,
               because="Most threads idle, or all of them do each other's work: each takes one element."),
    ),
    rivals=(
        Rival(key="no-y", sentence="**y is not added**: this is a·x.", oracle=lambda a, x, y, n: a * x),
        Rival(key="no-a", sentence="**a is not used**: this is x + y.", oracle=lambda a, x, y, n: x + y),
        Rival(key="swapped", sentence="**You scale y.** The a belongs to x.", oracle=lambda a, x, y, n: a * y + x),
    ),
    hints=(
        "Thread `threadIdx.x` of block `blockIdx.x` takes element i = blockIdx.x · 128 + threadIdx.x.",
        "The last block reaches past n: only threads with i < n may touch memory.",
        "`int i = blockIdx.x * blockDim.x + threadIdx.x;` and then `if (i < n) y[i] = a * x[i] + y[i];`",
    ),
    why="Thread i takes element i, so the 32 lanes of a warp want 128 bytes in a row: 4 sectors, none of them wasted. The guard "
    "turns off the lanes past n; a request with some lanes off costs only the sectors that the others touch.",
    follow_up="how many bytes does it move for each of its n elements, and how many operations does it do on them?",
)  # fmt: skip

STRIDE = Predict(
    id="02.4",
    title="Strides",
    minutes=4,
    quantities=(
        quantity("stride_2", lambda: loaded(stride=2), "The lanes span 256 bytes, and every sector of them holds 4 floats that are wanted.",
                 (4, "same", "The lanes span twice as many bytes now."), (16, "lanes", "Each sector still serves 4 lanes.")),
        quantity("stride_8", lambda: loaded(stride=8), "Lanes are 32 bytes apart: each has a sector of its own.",
                 (8, "is-stride", "That is the stride. How many bytes apart are two lanes, and how many share a sector?"),
                 (16, "half", "A stride of 4 does that: two lanes a sector. At 8 each lane has its own.")),
        quantity("stride_100", lambda: loaded(stride=100), "32 lanes cannot touch more than 32 sectors: from stride 8 on it gets no worse.",
                 (400, "unbounded", "One lane touches one sector, so 32 lanes touch 32 at most."),
                 (100, "unbounded", "One lane touches one sector, so 32 lanes touch 32 at most.")),
        quantity("double_stride_1", lambda: loaded(8), "32 × 8 bytes are 256 bytes: 8 sectors, all of them needed.",
                 (4, "same", "That is for 4 bytes a lane."),
                 (16, "half-used", "Neighboring doubles share sectors, four to each: nothing is wasted.")),
        quantity("byte_stride_1", lambda: loaded(1), "32 × 1 byte: one sector serves the whole warp.",
                 (4, "same", "That is for 4 bytes a lane."), (32, "one-each", "32 bytes are one sector, and the lanes share it."),
                 unit="sector"),
    ),
    hints=(
        "How many bytes lie between neighboring lanes? How many lanes share 32 bytes?",
        "32 lanes that stand b bytes apart span 32 · b bytes, which are b sectors; but one lane touches one sector, so 32 at most.",
    ),
    why="32 lanes from an aligned start: sectors a request = min(32, bytes from lane to lane). More than one sector a lane is "
    "never possible.",
)  # fmt: skip


def rows_input(rng: np.random.Generator, m: int, n: int) -> tuple:
    pitch = n + (-n % 32) + 32
    return spread(rng, m), spread(rng, (m, pitch)), zeros((m, n)), m, n, pitch


SCALE_ROWS = Cuda(
    id="02.5",
    title="Scale the rows of a matrix",
    minutes=12,
    dots=2,
    size="5 lines",
    answer="scale_rows",
    launcher="launch_rows",
    signature="scale_rows(const float* s, const float* x, float* y, int m, int n, int pitch)",
    inputs=rows_input,
    oracle=lambda s, x, y, m, n, pitch: s[:, None].astype(np.float64) * x[:, :n],
    outputs=("y",),
    shapes=[{"m": m, "n": n} for m, n in ((1, 1), (1, 33), (7, 31), (8, 32), (9, 64), (33, 128), (5, 257), (64, 96))],
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    block=(32, 8),
    forbid=(ATOMICS, NO_SHARED),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda m, n: n % 32 == 0, key="uncoalesced", hint=1,
               because="Neighboring lanes are in different rows there. `threadIdx.x` is what differs between the lanes of a warp: "
               "let it be the column, and change the launch with it."),
        Budget(quantity="global store", at_most=1.01, of_ideal=True, where=lambda m, n: n % 32 == 0, key="uncoalesced", hint=1,
               because="Neighboring lanes are in different rows there. `threadIdx.x` is what differs between the lanes of a warp: "
               "let it be the column, and change the launch with it."),
        Budget(quantity="store requests", at_most=lambda m, n: m * ceil(n, 32), where=lambda m, n: n % 32 == 0, key="too-much-work",
               because="Do two threads take the same element, or do most lanes of a warp idle?"),
    ),
    rivals=(
        Rival(key="pitch", sentence="**Row r of x begins at r · pitch, not at r · n**: the rows are padded.",
              oracle=lambda s, x, y, m, n, pitch: s[:, None] * x.reshape(-1)[: m * n].reshape(m, n)),
        Rival(key="pitch-guessed", sentence="**`pitch` is not used**: you round n up to a multiple of 32. Rows may be padded by more: "
              "the caller says how far apart they are, row r begins at r · pitch.",
              oracle=lambda s, x, y, m, n, pitch: s[:, None] * x.reshape(-1)[: m * 32 * ceil(n, 32)].reshape(m, -1)[:, :n]),
        Rival(key="scale-by-column", sentence="**Row r is multiplied by s[r]**, the same number for all its columns.",
              oracle=lambda s, x, y, m, n, pitch: np.resize(s, n)[None, :] * x[:, :n] if n <= m else np.zeros((m, n))),
        Rival(key="not-scaled", sentence="**The rows are copied, not scaled.**", oracle=lambda s, x, y, m, n, pitch: x[:, :n]),
    ),
    hints=(
        "One thread for one element (r, c). A block of (32, 8) threads makes a patch of 8 rows and 32 columns, if "
        "threadIdx.x is the column.",
        "The lanes of a warp differ in threadIdx.x, and memory runs along a row: c = blockIdx.x · 32 + threadIdx.x, "
        "r = blockIdx.y · 8 + threadIdx.y.",
        "`if (r < m && c < n) y[r * n + c] = s[r] * x[r * pitch + c];`, launched with "
        "`dict(grid=((n + 31) // 32, (m + 7) // 8), block=(32, 8))`.",
    ),
    why="threadIdx.x runs along the row, as memory does. All lanes of a warp want the same s[r]: one word, one sector, a "
    "broadcast. The pitch keeps every row of x at a multiple of 128 bytes, so that no row begins inside a sector.",
    follow_up="y has no pitch: for which n do its rows begin inside a sector, and what does a store cost then?",
)  # fmt: skip

# 4 Layouts and gathers

LAYOUT = Predict(
    id="02.6",
    title="One field of many structs",
    minutes=3,
    quantities=(
        quantity("aos_12", lambda: loaded(stride=3), "Lanes are 12 bytes apart: 32 × 12 = 384 bytes are spanned, 12 sectors.",
                 (4, "soa", "Only if all x lie side by side. Here y and z lie between them."),
                 (32, "one-each", "A sector of 32 bytes holds more than two structs of 12 bytes: lanes share it.")),
        quantity("aos_32", lambda: loaded(stride=8), "Every struct is a sector of its own.",
                 (4, "soa", "Only if all x lie side by side."), (8, "fields", "Eight fields, but 32 structs, each in its own sector.")),
        quantity("soa", lambda: loaded(stride=1), "All x side by side: 32 × 4 bytes in a row."),
        quantity("percent_needed_aos_32", lambda: 100 * 4 / loaded(stride=8), "4 bytes of each 32.",
                 (25, "quarter", "4 of 32 bytes, not 4 of 16."), (0.125, "fraction", "As a percentage: 12.5."), unit="%", rtol=0.01),
    ),
    hints=(
        "Neighboring lanes want fields that are sizeof(struct) bytes apart.",
        "It is the stride of 02.4 again, with stride sizeof(struct) / 4.",
    ),
    why="An array of structs is a strided access as soon as you use one field of it. A struct of arrays is stride 1 for every field.",
)  # fmt: skip

VOCABULARY = 50


def embed_input(rng: np.random.Generator, tokens: int, width: int) -> tuple:
    ids = rng.permutation(VOCABULARY)[:tokens].astype(np.int32)
    ids[0] = VOCABULARY - 1
    return spread(rng, (VOCABULARY, width)), ids, zeros((tokens, width)), tokens, width


def started(table: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """`width` floats of the table from each of `starts`, counted in floats."""
    return table.reshape(-1)[(starts[:, None] + np.arange(width)) % table.size]


EMBED = Cuda(
    id="02.7",
    title="Embedding lookup",
    minutes=10,
    dots=2,
    size="3 lines",
    answer="embed",
    signature="embed(const float* table, const int* ids, float* out, int tokens, int width)",
    inputs=embed_input,
    oracle=lambda table, ids, out, tokens, width: table[ids],
    outputs=("out",),
    shapes=[{"tokens": t, "width": w} for t, w in ((1, 1), (3, 31), (2, 127), (5, 128), (4, 129), (3, 256))],
    seconds=20.0,
    launch=lambda tokens, width: dict(grid=tokens, block=128),
    dtype="float32",
    block=(128, 32),
    forbid=(ATOMICS, NO_SHARED),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda tokens, width: width % 128 == 0, key="uncoalesced",
               hint=2, because="The lanes of a warp should walk along one row together: lane c beside lane c + 1."),
        Budget(quantity="global store", at_most=1.01, of_ideal=True, where=lambda tokens, width: width % 128 == 0, key="uncoalesced",
               hint=2, because="The lanes of a warp should walk along one row together: lane c beside lane c + 1."),
        Budget(quantity="store requests", at_most=lambda tokens, width: tokens * ceil(width, 32), key="idle-lanes",
               where=lambda tokens, width: width % 128 == 0,
               because="Most lanes idle, or threads do each other's work: one block has one row, and all its threads share it."),
    ),
    rivals=(
        Rival(key="ids-unused", sentence="**Row t is copied, row ids[t] is wanted.**",
              oracle=lambda table, ids, out, tokens, width: table[:tokens]),
        Rival(key="one-round", sentence="**Only the first 128 columns are copied.** The block has 128 threads, and `width` may be more: each "
              "thread goes on, 128 columns further, until it passes `width`.",
              oracle=lambda table, ids, out, tokens, width: np.where(np.arange(width) < 128, table[ids], np.nan)),
        Rival(key="row-start", sentence="**Row ids[t] begins at ids[t] · width**: `width` floats are a row. You multiply by the number of tokens.",
              oracle=lambda table, ids, out, tokens, width: started(table, ids * tokens, width)),
        Rival(key="row-start", sentence="**Row ids[t] begins at ids[t] · width**: ids[t] counts rows, and the table is an array of floats.",
              oracle=lambda table, ids, out, tokens, width: started(table, ids, width)),
        Rival(key="one-row", sentence="**Every token gets the row of token 0.** Which block is this one?",
              oracle=lambda table, ids, out, tokens, width: np.repeat(table[ids[:1]], tokens, 0)),
    ),
    hints=(
        "Block t copies one row: from table + ids[t] · width to out + t · width.",
        "128 threads, `width` columns: thread c takes columns c, c + 128, c + 256, ... while they are below `width`.",
        "`for (int c = threadIdx.x; c < width; c += blockDim.x) out[t * width + c] = table[ids[t] * width + c];`",
    ),
    why="A gather of rows is as good as a copy: inside a row neighboring lanes want neighboring words. Only a gather of single "
    "words is bad. A table may have more than 2³¹ elements: then the row's start must be computed in 64 bits, `(size_t)id * width`.",
    follow_up="what would the lookup cost if the table were stored transposed, [width][vocabulary]?",
)  # fmt: skip

# 5 Wider accesses

FLOAT4 = Predict(
    id="02.8",
    title="Four floats a lane",
    minutes=3,
    quantities=(
        quantity("requests", 4096 // 4 // 32, "1024 threads are 32 warps, and each issues one load.",
                 (128, "scalar", "That is with one float a lane: 4096 / 32. A float4 brings 128 floats a request."),
                 (1024, "threads", "Those are threads. A request is one instruction of a whole warp."), unit="requests"),
        quantity("sectors_a_request", lambda: loaded(16), "32 lanes × 16 bytes are 512 bytes: 16 sectors, all of them needed.",
                 (4, "scalar", "That is with 4 bytes a lane."), (32, "one-each", "Two lanes with 16 bytes share a sector."),
                 (1, "packed", "A request of 512 bytes cannot fit into one sector of 32.")),
        quantity("sectors_total", 4096 * 4 // 32, "16,384 bytes are 512 sectors, however they are asked for.",
                 (128, "quarter", "The bytes are the same as before, so are the sectors. The instructions are a quarter."),
                 (2048, "four-times", "Nothing is moved twice: 4096 floats of 4 bytes, in sectors of 32.")),
    ),
    hints=(
        "4096 floats are 1024 float4. One thread takes one; 32 threads make a request.",
        "A request asks for 32 × 16 bytes in a row. A sector is 32 bytes.",
    ),
    why="Wider accesses ask for the same sectors with fewer instructions.",
)  # fmt: skip


def requests(per_warp: int, extra: int, times: int = 1):
    """A limit for the requests of n elements of which a warp's request brings `per_warp`."""
    return lambda n: times * ceil(n, per_warp) + extra


def rest_cut(a: float, x: np.ndarray, y: np.ndarray, n: int, backwards: bool = False) -> np.ndarray:
    """axpy whose last n % 4 elements are dealt to the threads from n / 4 on, as far as there are any."""
    there, rest = 128 * ceil(n, 512) - n // 4, n % 4
    done = AXPY.oracle(a, x, y, n)
    if rest > there:
        lost = slice(n - rest, n - there) if backwards else slice(n - rest + there, n)
        done[lost] = y[lost]
    return done


REST = "**The rest is dealt to threads that are not launched.** With n = 511 there are 128 threads: 127 have a float4, one is left, and three elements remain. Let one thread take all of them."  # fmt: skip

AXPY4 = Cuda(
    id="02.9",
    title="axpy, four at a time",
    minutes=15,
    dots=2,
    size="8 lines",
    answer="axpy4",
    signature="axpy4(float a, const float* x, float* y, int n)",
    inputs=AXPY.inputs,
    oracle=AXPY.oracle,
    outputs=("y",),
    accumulates=("y",),
    shapes=[{"n": n} for n in (1, 3, 4, 5, 127, 511, 512, 513, 1021, 2052)],
    launch=lambda n: dict(grid=ceil(n, 512), block=128),
    dtype="float32",
    tolerance=AXPY.tolerance,
    block=(512, 4),
    forbid=(ATOMICS, NO_SHARED),
    rivals=(
        *AXPY.rivals,
        Rival(key="too-few-threads", sentence=REST, oracle=rest_cut, hint=2),
        Rival(key="too-few-threads", sentence=REST, oracle=lambda a, x, y, n: rest_cut(a, x, y, n, backwards=True), hint=2),
    ),
    budgets=(
        Budget(quantity="load requests", at_most=requests(128, 8, 2), where=lambda n: n > 500, key="not-vectorized", hint=1,
               because="One load must bring 16 bytes a lane: read `float4`s through `(const float4*)x` (and `(float4*)y`), "
               "one by one only what does not fill one."),
        Budget(quantity="store requests", at_most=requests(128, 4), where=lambda n: n > 500, key="not-vectorized", hint=1,
               because="The store, too, must move 16 bytes a lane: put the four results into a `float4` and store that."),
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda n: n > 500, key="not-vectorized", hint=1,
               because="One load must bring 16 bytes a lane, and neighboring lanes must want neighboring float4s: four loads of one "
               "float each leave the lanes 16 bytes apart."),
    ),
    hints=(
        "`n / 4` float4s fit. Thread i takes float4 number i, if i < n / 4; what is left are n % 4 floats at the end.",
        "`float4 p = ((const float4*)x)[i];` is one load of 16 bytes. `p.x`, `p.y`, `p.z`, `p.w` are its parts.",
        "The thread with i == n / 4 finds the rest: `for (int k = 4 * i; k < n; ++k) y[k] = a * x[k] + y[k];`",
    ),
    why="Whole float4s first, then a scalar tail of at most 3 elements, by one thread. Both pointers are aligned to 16 bytes, so "
    "every float4 is. Requests fall to a quarter; the sectors stay what they were.",
    follow_up="the caller passes x + 1. What happens, and how would a library's kernel deal with that?",
)  # fmt: skip

HALVES = Predict(
    id="02.10",
    title="Two bytes an element",
    minutes=3,
    quantities=(
        quantity("half_a_lane", lambda: loaded(2), "32 × 2 bytes are 64 bytes: 2 sectors.",
                 (4, "float", "That is for 4-byte elements."), (1, "one", "64 bytes do not fit into one sector.")),
        quantity("eight_halves_a_lane", lambda: loaded(16), "8 × 2 = 16 bytes a lane, 512 bytes a request.",
                 (8, "count", "8 halves are 16 bytes: as a float4."), (2, "scalar", "That is with one half a lane."),
                 (32, "one-each", "Two lanes with 16 bytes share a sector.")),
        Quantity(name="float4_at_x_plus_1", value="error", choices=("error", "17 sectors", "two requests"),
                 because="An access of 16 bytes must begin at a multiple of 16; x + 1 does not. The GPU stops the kernel with "
                 "`misaligned address`. Loads of one float may begin at any float."),
    ),
    hints=(
        "Bytes a lane × 32 lanes / 32 bytes a sector.",
        "What does 'natural alignment' ask of an access of 16 bytes?",
    ),
    why="Small elements need wide accesses the most: one half a lane uses a request for 64 bytes. And width has its price: alignment.",
)  # fmt: skip


def residual_input(rng: np.random.Generator, n: int) -> tuple:
    return spread(rng, n, "float16"), spread(rng, n, "float16"), zeros(n, "float16"), n


def residual_sum(x: np.ndarray, r: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    return (x.astype(np.float64) + r).astype(np.float16)  # the sum of two halves is exact in float64


def toward_zero(x: np.ndarray, r: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    exact, near = x.astype(np.float64) + r, residual_sum(x, r, y, n)
    return np.where(np.abs(near.astype(np.float64)) > np.abs(exact), np.nextafter(near, np.float16(0)), near)


def patterns_added(word: str):
    return lambda x, r, y, n: (x.view(word) + r.view(word)).view(np.float16)


INTEGERS = "**Bit patterns were added as integers.** The parts of a `uint4` are unsigned numbers: look at them as halves first, `__half2* u = (__half2*)&p;`, and add with `__hadd2`."  # fmt: skip

RESIDUAL = Cuda(
    id="02.11",
    title="Residual add in FP16, eight at a time",
    minutes=15,
    dots=2,
    size="8 lines",
    answer="residual",
    signature="residual(const __half* x, const __half* r, __half* y, int n)",
    inputs=residual_input,
    oracle=residual_sum,
    outputs=("y",),
    shapes=[{"n": n} for n in (8, 16, 1016, 1024, 1032, 256, 3208)],
    launch=lambda n: dict(grid=ceil(n, 1024), block=128),
    dtype="float16",
    block=(1024, 8),
    forbid=(ATOMICS, NO_SHARED),
    rivals=(
        Rival(key="no-residual", sentence="**r is not added.**", oracle=lambda x, r, y, n: x),
        Rival(key="every-other", sentence="**Only every second element is added**: a `__half2` holds two; `__hadd2` adds both.",
              oracle=lambda x, r, y, n: np.where(np.arange(n) % 2, x, x + r)),
        Rival(key="toward-zero", sentence="**Rounded toward zero.** To nearest is wanted: `__hadd2` does that, and so do the conversions with `_rn`.",
              oracle=toward_zero),
        Rival(key="integers", sentence=INTEGERS, oracle=patterns_added("uint32"), hint=1),
        Rival(key="integers", sentence=INTEGERS, oracle=patterns_added("uint16"), hint=1),
    ),
    budgets=(
        Budget(quantity="load requests", at_most=requests(256, 0, 2), key="not-vectorized", hint=1, where=lambda n: n > 200,
               because="Eight halves are 16 bytes: one load a lane for x and one for r, as `uint4` or `float4`."),
        Budget(quantity="store requests", at_most=requests(256, 0), key="not-vectorized", hint=1, where=lambda n: n > 200,
               because="Eight halves are 16 bytes: one store a lane. Gather the sums in one `uint4` and store that."),
    ),
    hints=(
        "Thread i takes the halves 8 i to 8 i + 7, if 8 i < n. n is a multiple of 8, so there is no tail.",
        "`uint4 p = ((const uint4*)x)[i];` loads them. A `__half2*` on `&p` sees them as four pairs.",
        "`__half2* u = (__half2*)&p;` and the same for r; then `u[k] = __hadd2(u[k], v[k])` for k = 0 to 3, and store p.",
    ),
    why="The pointer type decides the width: 16 bytes as a uint4, looked at as four __half2. The casts cost nothing: all four "
    "registers are where they were. __hadd2 adds two halves in one instruction.",
    follow_up="hidden sizes are multiples of 8 nearly always. What would you do for one that is not?",
)  # fmt: skip

# 6 In flight

BANDWIDTH, LATENCY, SMS = 3.0e12, 350e-9, 132  # of an H100; solutions/recorded/04_ceilings
PER_SM = BANDWIDTH * LATENCY / SMS
LITTLE = Predict(
    id="02.12",
    title="How much must be on its way?",
    minutes=4,
    quantities=(
        quantity("kilobytes_per_sm", PER_SM / 1e3, "3.0e12 B/s × 350e-9 s = 1.05 MB on the whole GPU, over 132 SMs.",
                 (BANDWIDTH * LATENCY / 1e3, "whole-gpu", "That is the whole GPU. Divide by its 132 SMs."),
                 (PER_SM, "bytes", "Those are bytes; kilobytes are wanted."),
                 (PER_SM / 1024, "kibi", "A kilobyte is 1000 bytes here."), unit="kB", rtol=0.02),
        quantity("threads_with_4_bytes", PER_SM / 4, "7.95 kB / 4 B: nearly every thread that an SM can hold (2048), all waiting at once.",
                 (PER_SM / 32, "sectors", "A thread that loads one float has 4 bytes in flight."),
                 (PER_SM / 128, "warps", "Those are warps. Threads are wanted."), unit="threads", rtol=0.02),
        quantity("threads_with_16_bytes", PER_SM / 16, "7.95 kB / 16 B: a quarter of what an SM can hold.",
                 (PER_SM / 4, "four-bytes", "A float4 is 16 bytes."), (PER_SM / 512, "warps", "Those are warps. Threads are wanted."),
                 unit="threads", rtol=0.02),
    ),
    hints=(
        "Little's law: what is on its way = rate × time on the way.",
        "bytes in flight = 3.0e12 B/s × 350e-9 s for the GPU; divide by 132 for one SM; divide by 4 or 16 bytes for threads.",
    ),
    why="A bandwidth is only reached with bandwidth × latency bytes under way at every moment. Threads, wider loads and "
    "several loads before the first use are three ways to the same product.",
)  # fmt: skip

GRID_STRIDE = Cuda(
    id="02.13",
    title="A grid-stride loop",
    minutes=10,
    dots=2,
    size="3 lines",
    answer="scale",
    signature="scale(float a, const float* x, float* y, int n)",
    inputs=lambda rng, n: (float(np.float32(rng.uniform(2, 3))), spread(rng, n), zeros(n), n),
    oracle=lambda a, x, y, n: a * x.astype(np.float64),
    outputs=("y",),
    shapes=[{"n": n} for n in (1, 63, 64, 65, 256, 257, 1283)],
    seconds=20.0,
    launch=lambda n: dict(grid=4, block=64),
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    block=(256, 64),
    steps=13_000,
    forbid=(ATOMICS, NO_SHARED),
    rivals=(
        Rival(key="not-scaled", sentence="**x is copied, not scaled.**", oracle=lambda a, x, y, n: x),
        Rival(key="one-round", sentence="**Only the first gridDim.x · blockDim.x elements are done.** The grid does not grow with n: each thread goes on, a whole grid further, until it passes n.",
              oracle=lambda a, x, y, n: np.where(np.arange(n) < 256, a * x, np.nan)),
    ),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda n: n > 500, key="uncoalesced", hint=1,
               because="In each round neighboring threads must take neighboring elements: all threads of the grid side by side, "
               "then all of them one grid further on (a smaller step makes threads take each other's elements). A stretch of its own for each thread is what a CPU likes."),
        Budget(quantity="traffic", at_most=1.02, where=lambda n: n > 500, key="too-much-traffic",
               because="Each element is read once and written once: do two threads take the same ones? The step from an element to the next is the whole grid, gridDim.x · blockDim.x."),
    ),
    hints=(
        "The grid has gridDim.x · blockDim.x threads, 256 here, whatever n is. Thread number g starts with element g.",
        "After element i the same thread takes i + gridDim.x · blockDim.x, as long as that is below n.",
        "`for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)`",
    ),
    why="The loop's step is the whole grid, so every round is a coalesced sweep. The launch no longer depends on n: take as many "
    "blocks as the GPU holds at once, and each thread computes addresses and sets up constants once for many elements.",
    follow_up="n is just below 2³¹. What happens to `i += stride` in an int?",
)  # fmt: skip

# 7 Hints to the caches

CACHE = Predict(
    id="02.14",
    title="What a hint changes",
    minutes=3,
    quantities=(
        Quantity(name="restrict_load", value="ld.global.nc", choices=("ld.global", "ld.global.nc", "ld.const"),
                 because="`__restrict__` says that nobody writes x through another pointer, and this kernel does not write through x, "
                 "so the compiler may use the read-only path: `.nc`, non-coherent. Constant memory (`ld.const`) is another thing."),
        quantity("sectors_ldg_stride_2", lambda: loaded(stride=2), "The addresses are the same, and so are the sectors: a "
                 "hint says how to cache them.",
                 (4, "hint-mends", "The read-only path does not put strided data side by side."),
                 (16, "more", "Stride 2 touches 8 sectors, by whatever path.")),
        Quantity(name="x0_loads_without_restrict", value=2, unit="loads",
                 because="The store to y[i] might have changed x[0] (y may be x), so it must be loaded again. With `__restrict__` it stays in "
                 "a register.",
                 misreads=(Misread(1, "no-alias", "Not without `__restrict__`: the store to y[i] in between may have changed x[0]."),)),
    ),
    hints=(
        "`nc` means non-coherent: the compiler promises that nobody writes there while the kernel runs. What lets it promise that?",
        "Without `__restrict__` y and x may be the same array.",
    ),
    why="`__restrict__` tells the compiler that pointers do not overlap. The read-only path is the smaller part of what it buys: "
    "fewer loads is the larger.",
)  # fmt: skip

# 8 Triton

WIDTH = Predict(
    id="02.15",
    title="How wide will Triton load?",
    minutes=4,
    quantities=(
        quantity("fp32_256_warps_4", 8, "256 elements for 128 threads: 2 each, 8 bytes.",
                 (16, "always", "Only if there are enough elements: 256 for 128 threads are 2 each."),
                 (4, "scalar", "Two neighboring elements go to one thread: 8 bytes."), unit="bytes"),
        quantity("fp32_1024_warps_4", 16, "8 elements for each thread; 16 bytes is the widest, so two loads of 4.",
                 (32, "wider", "16 bytes is the widest access there is: two of them."), unit="bytes"),
        quantity("fp16_512_warps_4", 8, "4 elements of 2 bytes each.",
                 (16, "as-fp32", "4 elements a thread, of 2 bytes."), unit="bytes"),
        quantity("fp16_1024_warps_8", 8, "8 warps are 256 threads: 4 elements each, 8 bytes.",
                 (16, "warps-4", "That is with 4 warps, 128 threads."), unit="bytes"),
    ),
    hints=(
        "A warp is 32 threads. Elements a thread = BLOCK / (32 · num_warps).",
        "Width = elements a thread × bytes an element, at most 16.",
    ),
    why="A program's elements are dealt to its threads in runs as long as 16 bytes allow, and as the block has for everybody.",
)  # fmt: skip


def half_pair(rng: np.random.Generator, n: int) -> tuple:
    return tensor(rng, n, "float16"), tensor(rng, n, "float16")


TRITON_ADD = Kernel(
    id="02.16",
    title="Residual add in Triton",
    minutes=10,
    dots=1,
    size="7 lines",
    answer="residual_add",
    signature="residual_add(x: float16[n], r: float16[n]) -> float16[n]",
    inputs=half_pair,
    oracle=lambda x, r: x.double() + r.double(),
    shapes=[{"n": n} for n in (16, 1008, 1024, 1040, 4096, 8176)],
    dtype="float16",
    tolerance=Tolerance.of("float16", floor=8.0),
    block=(1024, 128),
    traffic=1.01,
    rivals=(
        Rival(key="no-residual", sentence="**r is not added.**", oracle=lambda x, r: x),
        Rival(key="doubled", sentence="**x is added to itself**: r is never loaded.", oracle=lambda x, r: x + x),
    ),
    budgets=(
        Budget(quantity="load requests", at_most=requests(256, 0, 2), where=lambda n: n > 4000, key="narrow", hint=1,
               because="16 bytes a lane are 8 halves, so a block must have at least 8 elements for each of its 32 · num_warps threads."),
        Budget(quantity="store requests", at_most=requests(256, 0), where=lambda n: n > 4000, key="narrow", hint=1,
               because="16 bytes a lane are 8 halves, so a block must have at least 8 elements for each of its 32 · num_warps threads."),
    ),
    hints=(
        "The kernel is that of chapter 00; what matters here is BLOCK and num_warps in the launch.",
        "8 halves × 32 lanes × num_warps ≤ BLOCK: with 4 warps BLOCK is at least 1024.",
        "`residual_kernel[(triton.cdiv(n, 1024),)](x, r, out, n, BLOCK=1024)`; num_warps is 4 unless you say otherwise.",
    ),
    why="Triton deals a block's elements to threads in runs of up to 16 bytes. It can only do so if there are enough elements "
    "for all threads; with BLOCK=128 and 4 warps each thread gets one.",
    follow_up="why not BLOCK = 16384, then?",
)  # fmt: skip

MASKS = Predict(
    id="02.17",
    title="What an odd length costs",
    minutes=4,
    quantities=(
        quantity("n_4096", 16, "4096 is a multiple of 16, and Triton's launcher tells the compiler so: groups of 4 are inside or outside together.",
                 (4, "masked", "A mask alone does not forbid it: with n a multiple of 16, four neighbors have the same mask."), unit="bytes"),
        quantity("n_4099", 4, "The mask may split a group of 4, so every element needs its own test and its own load.",
                 (16, "only-the-last", "It is one program for all blocks: the compiler cannot make the last block alone narrow."),
                 (1, "byte", "Single elements, of 4 bytes."), unit="bytes"),
        quantity("n_4100", 4, "It is a multiple of 4, but the launcher only looks whether 16 divides a number.",
                 (16, "four-divides", "Right by arithmetic, but Triton's launcher only looks whether 16 divides it."), unit="bytes"),
        quantity("sectors_a_request_4099", 16, "The thread still owns 4 neighbors, so the lanes of each single load stand 16 bytes apart.",
                 (4, "coalesced", "That would be so if lane c took element c. The lanes own runs of 4, so they are 16 bytes apart.")),
    ),
    hints=(
        "What must be true of `i < n` for four neighbors to be loaded at once?",
        "A value that changes from launch to launch is known to the compiler only as far as the launcher looks: is it 1? is it a "
        "multiple of 16?",
    ),
    why="Width needs three things known when compiling: elements side by side (contiguity), where they begin (divisibility) and that "
    "a whole group has one mask (constancy).",
)  # fmt: skip

TAIL = Kernel(
    id="02.18",
    title="Do not let the tail slow the rest",
    minutes=15,
    dots=2,
    size="6 lines",
    answer="relu",
    signature="relu(x: float32[n]) -> float32[n]",
    inputs=lambda rng, n: (tensor(rng, n),),
    oracle=lambda x: x.double().clamp_min(0),
    shapes=[{"n": n} for n in (1, 1023, 1024, 1025, 2048, 4099, 7 * 1024 + 1)],
    dtype="float32",
    block=(1024,),
    traffic=1.01,
    rivals=(
        Rival(key="copied", sentence="**Negative elements come back unchanged.** Keep max(x, 0).", oracle=lambda x: x),
        Rival(key="absolute", sentence="**That is |x|.** Negative elements become 0.", oracle=lambda x: x.abs()),
    ),
    budgets=(
        Budget(quantity="load requests", at_most=requests(128, 44), where=lambda n: n > 4000, key="narrow", hint=1,
               because="All blocks pay for the mask that only the last one needs. Give the blocks that lie inside a way of their "
               "own, without a mask or with one that 16 divides."),
        Budget(quantity="store requests", at_most=requests(128, 44), where=lambda n: n > 4000, key="narrow", hint=1,
               because="All blocks pay for the mask that only the last one needs. Give the blocks that lie inside a way of their "
               "own, without a mask or with one that 16 divides."),
    ),
    hints=(
        "Only the last program is partly outside. The condition `start + BLOCK <= n` is one number for the whole program: an "
        "ordinary `if` may ask it.",
        "Inside the `if`: load and store without a mask. In the `else`: with `mask=i < n`.",
        "`if start + BLOCK <= n: tl.store(out + i, tl.maximum(tl.load(x + i), 0.0))` and the masked pair in the `else`.",
    ),
    why="A branch on a number that all threads share costs next to nothing. Without a mask the compiler sees contiguous, "
    "aligned elements and loads 16 bytes; the slow way is walked by one program of many.",
    follow_up="what else could the launcher do, if it owned the memory of x and out?",
)  # fmt: skip


def matrix_input(rng: np.random.Generator, m: int, n: int, what: str) -> tuple:
    x = tensor(rng, (m, n)) if what == "row-major" else tensor(rng, (n, m)).T
    return x, tensor(rng, m)


def masked_off(at: torch.Tensor, other: float | None) -> torch.Tensor:
    """What lane `at` of a load without a value holds: `other`, or what the judge puts where a mask has no `other=`."""
    return torch.tensor([np.nan, np.inf, -np.inf] if other is None else [other] * 3).double()[at % 3]


def along_columns(loaded_by: str, tile: int, other: float | None):
    """x times s laid along the columns; s was loaded by row numbers (the tile's) or by column numbers, `other` where masked."""

    def oracle(x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        r, c = torch.arange(x.shape[0])[:, None], torch.arange(x.shape[1])[None, :]
        at = r // tile * tile + c % tile if loaded_by == "rows" else c + 0 * r
        return x.double() * torch.where(at < len(s), s[at.clamp_max(len(s) - 1)].double(), masked_off(c % tile, other))

    return oracle


TILES = Kernel(
    id="02.19",
    title="Rows or columns, whichever is contiguous",
    minutes=20,
    dots=3,
    size="12 lines",
    answer="scale_matrix",
    signature="scale_matrix(x: float32[m, n], s: float32[m]) -> float32[m, n]",
    inputs=matrix_input,
    oracle=lambda x, s: x.double() * s.double()[:, None],
    shapes=[{"m": m, "n": n, "what": w} for m, n, w in (
        (1, 1, "row-major"), (3, 5, "transposed"), (31, 33, "row-major"), (33, 31, "transposed"), (64, 32, "row-major"),
        (32, 64, "transposed"))],
    seconds=20.0,
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    block=(32, 64),
    forbid=(Forbid(names=(".contiguous", ".clone", ".copy_", ".flatten", ".ravel", "torch.clone", "torch.ravel", "torch.flatten"),
                   because="A copy moves the whole matrix once more. The kernel takes the strides as arguments and reads x where it lies."),),
    rivals=(
        Rival(key="strides-ignored", sentence="**The strides of x are not used**: a transposed x is read as if its rows were contiguous.",
              oracle=lambda x, s: torch.as_strided(x, x.shape, (x.shape[1], 1)).double() * s.double()[:, None], hint=1),
        *(Rival(key="scale-by-column", sentence="**The factors are laid along the columns.** Row r is multiplied by s[r]: a vector stands in a tile "
                "as a column with `f[:, None]`; `f[None, :]`, and a bare `f`, is a row of it.", oracle=along_columns(by, tile, other))
          for by, tile in (("rows", 16), ("rows", 32), ("rows", 64), ("columns", 32)) for other in (None, 0.0)),
        Rival(key="empty-like", sentence="**`empty_like` keeps the strides of x**: for a transposed x the result is not row-major, and your stores "
              "assume that it is.", oracle=lambda x, s: torch.as_strided((x.double() * s.double()[:, None]).contiguous(), x.shape, x.stride())),
        Rival(key="not-scaled", sentence="**The matrix is copied, not scaled.**", oracle=lambda x, s: x),
    ),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda m, n, what: m % 32 == 0, key="uncoalesced", hint=2,
               because="A tile of one row is a column of strided words when x is transposed: give the tile at least 32 rows and "
               "32 columns, and the compiler finds the contiguous direction."),
        Budget(quantity="global store", at_most=1.01, of_ideal=True, where=lambda m, n, what: m % 32 == 0, key="uncoalesced", hint=2,
               because="The result is row-major: the tile must be wide enough in the direction of its rows, at least 32 columns."),
    ),
    hints=(
        "A tile is a matrix of addresses: r[:, None] * stride_row + c[None, :] * stride_column.",
        "`x.stride(0)` and `x.stride(1)` are arguments of the kernel. For a transposed x the first is 1.",
        "Tiles of 32 × 32: in a narrower one there are not enough neighbors in one of the two directions.",
        "r = tl.program_id(0) * 32 + tl.arange(0, 32), c the same with program_id(1); mask (r[:, None] < m) & (c[None, :] < n).",
    ),
    why="Triton looks for the direction in which the addresses are contiguous (a stride of 1 is made a constant of the compiled "
    "kernel) and lets lanes run along it, separately for the load and for the store. Between them it moves the tile "
    "through shared memory. Your part is a tile that is wide both ways.",
    follow_up="which of the launcher's arguments tells the compiler that a stride is 1?",
)  # fmt: skip


def segment_input(rng: np.random.Generator, s: int) -> tuple:
    starts = 16 * rng.permutation(500)[:s].astype(np.int32)
    return tensor(rng, 16 * 500 + 512), torch.from_numpy(starts)


SEGMENTS = Kernel(
    id="02.20",
    title="Tell the compiler what you know",
    minutes=15,
    dots=2,
    size="5 lines",
    answer="gather_segments",
    signature="gather_segments(x: float32[n], starts: int32[s]) -> float32[s, 512]",
    inputs=segment_input,
    oracle=lambda x, starts: torch.stack([x[at : at + 512] for at in starts.tolist()]),
    shapes=[{"s": s} for s in (1, 2, 3, 7, 13)],
    dtype="float32",
    block=(512,),
    rivals=(
        Rival(key="starts-unused", sentence="**Segment p begins at x[starts[p]]**, not at x[512·p].",
              oracle=lambda x, starts: x[: 512 * (len(x) // 512)].reshape(-1, 512)[: len(starts)] if len(starts) <= len(x) // 512
              else torch.zeros(len(starts), 512)),
        Rival(key="index-not-start", sentence="**starts[p] is an element of x**, not a number of a block: do not multiply it.",
              oracle=lambda x, starts: torch.stack([x[at // 16 : at // 16 + 512] for at in starts.tolist()])),
        Rival(key="one-segment", sentence="**Every program copies the first segment.** Which program is this one?",
              oracle=lambda x, starts: x[int(starts[0]) : int(starts[0]) + 512].repeat(len(starts), 1)),
    ),
    budgets=(
        Budget(quantity="load requests", at_most=lambda s: 8 * s, where=lambda s: s > 6, key="narrow", hint=1,
               because="The compiler does not know that 16 divides the starts, since they come out of memory: say so with "
               "`tl.multiple_of(start, 16)`."),
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda s: s > 6, key="narrow", hint=1,
               because="The compiler does not know that 16 divides the starts, since they come out of memory: say so with "
               "`tl.multiple_of(start, 16)`."),
    ),
    hints=(
        "start = tl.load(starts + p) is a number for the whole program; x + start + tl.arange(0, 512) are the addresses.",
        "The compiler must know that 16 divides the start; it cannot look into memory. `tl.multiple_of(start, 16)` promises it.",
        "start = tl.multiple_of(tl.load(starts + p), 16), then load x + start + i, store to out + p * 512 + i.",
    ),
    why="What is loaded at run time is unknown when compiling. tl.multiple_of is a promise: kept, it buys 16-byte loads; broken, "
    "it is a misaligned address on the GPU, and nothing at all on the interpreter.",
    follow_up="if you promised 128 or 512: the code is the same, since 16 bytes is the widest access, so no counter and no value "
    "can tell; it is false all the same, and only 16 was promised to you. And `start // 16 * 16` would be understood, too: what does "
    "it do when the promise does not hold?",
)  # fmt: skip


def turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b, c, s = x[0::2].double(), x[1::2].double(), cos.double(), sin.double()
    return torch.stack((a * c - b * s, a * s + b * c), 1).reshape(-1)


def other_turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    return turn(x, cos, -sin)


def halves_turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.double().chunk(2)
    return torch.cat((a * cos - b * sin, a * sin + b * cos))


def block_halves_turn(other: float | None, back: bool):
    """Pairs (first half, second half) of each program's 512 elements; stored side by side, or back in halves."""

    def oracle(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        def blocks(v: torch.Tensor, size: int) -> torch.Tensor:
            missing = masked_off(torch.arange(len(v), len(v) + -len(v) % size) % size, other)
            return torch.cat((v.double(), missing)).reshape(-1, size)

        (a, b), c, s = blocks(x, 512).chunk(2, 1), blocks(cos, 256), blocks(sin, 256)
        first, second = a * c - b * s, a * s + b * c
        turned = torch.cat((first, second), 1) if back else torch.stack((first, second), 2)
        return turned.reshape(-1)[: len(x)]

    return oracle


PAIRS = Kernel(
    id="02.21",
    title="Rotate pairs",
    minutes=20,
    dots=3,
    size="9 lines",
    answer="rotate",
    signature="rotate(x: float32[2n], cos: float32[n], sin: float32[n]) -> float32[2n]",
    inputs=lambda rng, n: (tensor(rng, 2 * n), tensor(rng, n), tensor(rng, n)),
    oracle=turn,
    shapes=[{"n": n} for n in (1, 255, 256, 257, 1024, 1009, 2048)],
    dtype="float32",
    tolerance=Tolerance.of("float32", floor=32.0),
    block=(512, 256, 2),
    traffic=1.01,
    rivals=(
        Rival(key="other-way", sentence="**Turned the other way**: the first is a·cos − b·sin, the second a·sin + b·cos.",
              oracle=other_turn),
        Rival(key="halves", sentence="**Pairs are neighbors here, (x[2i], x[2i+1])**, not (x[i], x[i + n]). Both exist in real models.",
              oracle=halves_turn, hint=1),
        *(Rival(key="halves", sentence="**The pairs are (x[i], x[i + BLOCK]) there**: the first half of the block with the second. Pairs are neighbors "
                "here: in `tl.reshape(v, (BLOCK, 2))` each row is a pair; with (2, BLOCK) each column would be.", hint=1,
                oracle=block_halves_turn(other, back)) for other in (None, 0.0) for back in (False, True)),
        Rival(key="not-rotated", sentence="**x comes back as it was.**", oracle=lambda x, cos, sin: x),
    ),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda n: n >= 1024 and n % 16 == 0, key="strided", hint=1,
               because="Loading x[2i] and x[2i + 1] apart moves every sector twice. Load the 2·BLOCK elements as they lie, then take them "
               "apart in registers: `tl.split(tl.reshape(v, (BLOCK, 2)))`."),
        Budget(quantity="global store", at_most=1.01, of_ideal=True, where=lambda n: n >= 1024 and n % 16 == 0, key="strided", hint=2,
               because="Storing the two results apart moves every sector twice. Put them together in registers first, "
               "`tl.reshape(tl.join(a, b), (2 * BLOCK,))`, and store them as they lie."),
    ),
    hints=(
        "Program p has the pairs p·BLOCK to p·BLOCK + BLOCK − 1, which are the elements 2·p·BLOCK to 2·p·BLOCK + 2·BLOCK − 1 of x.",
        "Load all 2·BLOCK elements side by side. `tl.reshape(v, (BLOCK, 2))` has a pair in each row, and `tl.split` gives the two columns.",
        "Back: `tl.join(first, second)` has shape (BLOCK, 2), and `tl.reshape(..., (2 * BLOCK,))` lays the pairs side by side.",
    ),
    why="Interleaved pairs are an array of structs of two. Whole sectors are loaded once, and split and join sort them in registers "
    "(with a trip through shared memory where threads must exchange).",
    follow_up="Llama pairs x[i] with x[i + n/2] instead. What does that change for the loads?",
)  # fmt: skip

# 10 Boss

FIELDS = 6


def particles(rng: np.random.Generator, n: int) -> tuple:
    return spread(rng, (n, FIELDS)), zeros((FIELDS, n)), float(np.float32(rng.uniform(0.5, 1.5))), n


def moved(aos: np.ndarray, soa: np.ndarray, dt: float, n: int) -> np.ndarray:
    place, speed = aos[:, :3].astype(np.float64), aos[:, 3:].astype(np.float64)
    return np.concatenate((place + dt * speed, speed), 1).T


STEP = Cuda(
    id="02.22",
    title="Boss: move the particles, and turn their layout",
    minutes=30,
    dots=3,
    size="12 lines",
    answer="step",
    signature="step(const float* aos, float* soa, float dt, int n)",
    inputs=particles,
    oracle=moved,
    outputs=("soa",),
    shapes=[{"n": n} for n in (1, 127, 128, 129, 384)],
    seconds=20.0,
    launch=lambda n: dict(grid=ceil(n, 128), block=128),
    dtype="float32",
    tolerance=Tolerance.of("float32", floor=8.0),
    block=(128, 32),
    forbid=(ATOMICS,),
    rivals=(
        Rival(key="not-moved", sentence="**The positions are not moved**: add dt · velocity.",
              oracle=lambda aos, soa, dt, n: aos.T),
        Rival(key="still-aos", sentence="**The result is still an array of structs**: field f of particle i belongs at soa[f·n + i].",
              oracle=lambda aos, soa, dt, n: moved(aos, soa, dt, n).T.reshape(FIELDS, n), hint=0),
        Rival(key="no-dt", sentence="**dt is not used**: position + dt · velocity.",
              oracle=lambda aos, soa, dt, n: moved(aos, soa, 1.0, n)),
        Rival(key="velocity-scaled", sentence="**The velocities change, and they should not**: only the positions move.",
              oracle=lambda aos, soa, dt, n: moved(aos, soa, dt, n) * np.repeat([1, dt], 3)[:, None]),
    ),
    budgets=(
        Budget(quantity="global load", at_most=1.01, of_ideal=True, where=lambda n: n % 128 == 0, key="strided", hint=1,
               because="Lanes that each read their own struct are 24 bytes apart. Let the block copy its 768 floats into shared memory "
               "as they lie (thread t takes floats t, t + 128, ...), and pick the fields out there."),
        Budget(quantity="global store", at_most=1.01, of_ideal=True, where=lambda n: n % 128 == 0, key="strided",
               because="Field f of particle i belongs at soa[f·n + i]: lane beside lane."),
        Budget(quantity="traffic", at_most=1.01, where=lambda n: n % 128 == 0, key="too-much-traffic",
               because="Every sector is to be read once and written once."),
    ),
    hints=(
        "Thread t of block b has particle i = 128 b + t. Its results go to soa[f * n + i], f = 0 to 5: these stores are coalesced already.",
        "The block's particles are floats 768 b to 768 b + 767 of aos. Read them side by side into `__shared__ float tile[768]`: thread t "
        "takes t, t + 128, ..., t + 640, if they exist (below 6 n).",
        "`__syncthreads()` for all threads of the block, and then thread t finds its particle in tile[6 t] to tile[6 t + 5].",
        "The guard `i < n` comes after the barrier: threads without a particle still help to load.",
    ),
    why="The layout is turned where turning is cheap. Global memory is read as it lies and written as it is wanted, each sector once; "
    "between the two, shared memory gives any word to any thread.",
    follow_up="thread t reads tile[6 t + f]: which banks do the 32 lanes hit? That is where chapter 03 begins.",
)  # fmt: skip

EXERCISES = [
    OFFSET, COUNT, AXPY, STRIDE, SCALE_ROWS, LAYOUT, EMBED, FLOAT4, AXPY4, HALVES, RESIDUAL, LITTLE, GRID_STRIDE, CACHE, WIDTH,
    TRITON_ADD, MASKS, TAIL, TILES, SEGMENTS, PAIRS, STEP,
]  # fmt: skip
