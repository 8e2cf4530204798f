"""Chapter 03: banks, barriers, reductions. Wavefronts are counted by hand here and by the emulated GPU in the checks."""

import math

import numpy as np
import torch

from utils.judge import Budget, Cuda, Forbid, Function, Kernel, Misread, Predict, Quantity, Rival, Tolerance, spread
from utils.vgpu.show.schedule import schedule

LANES = np.arange(32)
STEPS = 6000  # of a thread: no loop here needs half as many
LOADS = "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"
REQUESTS = "l1tex__t_requests_pipe_lsu_mem_global_op_{}.sum"
FREE = Budget(
    quantity="conflicts", at_most=0, key="bank-conflicts",
    because="Which word does each of the 32 lanes want, and which of these are equal mod 32?",
)  # fmt: skip


def served(index, width: int = 4) -> int:
    """Wavefronts of the request in which lane l wants element index[l], of `width` bytes."""
    return len(schedule([int(i) * width for i in index], width))


def normal(rng: np.random.Generator, shape) -> np.ndarray:
    """For sums: zero-mean, but their sum is not 0, as it is for `spread`."""
    return rng.standard_normal(shape).astype("float32")


def lines(*sizes: int) -> tuple[dict[str, int], ...]:
    return tuple({"n": n} for n in sizes)


# 1, 2  Banks


def stride(step: int, truth: int, misreads: tuple[Misread, ...]) -> Quantity:
    assert truth == served(step * LANES)
    return Quantity(
        name=f"stride_{step}", value=lambda: served(step * LANES),  misreads=misreads,
        because=f"the lanes visit 32 / gcd({step}, 32) banks, which makes {32 // truth}, so {truth} of the 32 meet in each of them.",
    )  # fmt: skip


STRIDES = Predict(
    id="03.1",
    title="Strides",
    minutes=3,
    quantities=(
        stride(3, 1, (Misread(3, "stride-itself", "A stride is not a conflict: 3·l mod 32 is different for all 32 lanes."),
                      Misread(2, "nearly", "96 words are three rounds of the banks, but no bank is visited twice."))),
        stride(8, 8, (Misread(4, "banks-visited", "4 banks are visited; 32 lanes share them, 8 in each."),)),
        stride(12, 4, (Misread(12, "stride-itself", "Only what 12 has in common with 32 counts: 4."),
                       Misread(8, "banks-visited", "8 banks are visited; 32 lanes share them, 4 in each."),
                       Misread(1, "not-a-power", "12 is no power of two, but it has the factor 4."))),
        stride(32, 32, (Misread(1, "one-bank", "All lanes are in one bank, and each wants another word of it: that is "
                                "the worst case, not a broadcast."),)),
    ),
    hints=(
        "The bank of word w is w mod 32. Write down the banks of lanes 0, 1, 2, ... until one comes back.",
        "After how many lanes is s·l a multiple of 32? That many banks are visited, by 32 lanes.",
    ),
    why="Lane l and lane l + 32/gcd(s, 32) meet in a bank, so gcd(s, 32) lanes queue at each bank that is visited at all.",
)  # fmt: skip


def words_of(rng: np.random.Generator, pattern: str) -> tuple[np.ndarray]:
    kind, _, step = pattern.partition(" ")
    words = {
        "stride": lambda: int(step) * LANES,
        "broadcast": lambda: np.full(32, 5),
        "random": lambda: rng.integers(0, 2048, 32),
        "few": lambda: rng.integers(0, 6, 32) * 32 + rng.integers(0, 2, 32),
        "twice": lambda: LANES // 2 * 32 + 7,
        "half": lambda: np.where(LANES < 16, 2 * LANES, -1),
        "idle": lambda: np.full(32, -1),
        "one": lambda: np.where(rng.integers(32) == LANES, 77, -1),
        "holes": lambda: np.where(rng.random(32) < 0.4, -1, rng.integers(0, 12, 32) * 32 + rng.integers(0, 3, 32)),
        "edge": lambda: np.where(LANES < 20, 31 + 32 * (LANES % 3), -1),
        "mirror": lambda: 31 + 32 * (LANES % 3) - LANES // 3,
    }[kind]()
    return (words.astype(np.int32),)


def longest_queue(groups, banks_of) -> int:
    """Sum over groups of the longest queue at a bank; banks_of(item) -> the words it wants."""
    total = 0
    for group in groups:
        queues = [set() for _ in range(32)]
        for item in group:
            for word in banks_of(item):
                queues[word % 32].add(word)
        total += max(map(len, queues))
    return total


def busy(words) -> list[int]:
    return [int(w) for w in words if w >= 0]


COUNT = Function(
    id="03.2",
    title="Count wavefronts",
    minutes=8,
    dots=1,
    size="2 lines",
    answer="count_wavefronts",
    signature="count_wavefronts(words: int32[32]) -> int",
    inputs=words_of,
    oracle=lambda words: longest_queue([busy(words)], lambda w: (w,)),
    shapes=[{"pattern": p} for p in ("stride 1", "stride 2", "stride 32", "stride 33", "broadcast", "twice", "half", "idle",
                                     "one", "few", "holes", "random", "mirror", "edge")],
    rivals=(
        Rival(key="lanes-counted", sentence="**You count lanes, not words.** Lanes that want the *same* word share a "
              "wavefront: take each word once.",
              oracle=lambda words: max(np.bincount(np.array(busy(words), int) % 32, minlength=32), default=0)),
        Rival(key="idle-is-one", sentence="**A request without an active lane takes no wavefront**; yours takes one.",
              oracle=lambda words: max(longest_queue([busy(words)], lambda w: (w,)), 1)),
        Rival(key="idle-counted", sentence="**An idle lane is counted as if −1 were a word** (−1 mod 32 is bank 31). "
              "Drop the −1 first.",
              oracle=lambda words: longest_queue([[int(w) for w in words]], lambda w: (w,))),
        Rival(key="lanes-and-idle", sentence="**You count lanes, not words, and idle lanes too.** Drop the −1 first, then take each "
              "word once.", oracle=lambda words: max(np.bincount(words % 32, minlength=32))),
        Rival(key="banks-counted", sentence="**That is the number of banks asked for.** Wanted is the longest queue at one "
              "of them.", oracle=lambda words: len({w % 32 for w in busy(words)})),
        Rival(key="words-counted", sentence="**That is the number of different words.** Words in different banks come in "
              "the same wavefront.", oracle=lambda words: len(set(busy(words)))),
        Rival(key="first-two", sentence="**Only the first two words are looked at.** gcd(stride, 32) holds where all 32 lanes "
              "keep one stride; here they need not.", oracle=lambda words: math.gcd(int(words[1] - words[0]), 32)),
    ),
    hints=(
        "Throw away the idle lanes, keep each word once, and count the words in each bank.",
        "`np.unique` keeps each once; `np.bincount(x, minlength=32)` counts 0 to 31, also when x is empty.",
        "`wanted = np.unique(words[words >= 0])`, then the largest of `np.bincount(wanted % 32, minlength=32)`.",
    ),
    why="A bank hands out one word a wavefront, to all who want it. So duplicates do not count, and the longest queue "
    "decides.",
    follow_up="which of 32 random words in 32 banks is the expected longest queue: nearer to 1, 3 or 6?",
)  # fmt: skip

WIDE = Predict(
    id="03.3",
    title="Wide words",
    minutes=4,
    quantities=(
        Quantity(
            name="float2_neighbours", value=lambda: served(LANES, 8),
            because="each half warp wants 16 × 8 = 128 bytes, all banks once.",
            misreads=(Misread(1, "one", "32 lanes × 8 bytes are 256 bytes; a wavefront carries 128."),),
        ),
        Quantity(
            name="float4_neighbours", value=lambda: served(LANES, 16),
            because="each quarter warp wants 8 × 16 = 128 bytes, all banks once. These four are no conflicts.",
            misreads=(Misread(1, "one", "32 lanes × 16 bytes are 512 bytes; a wavefront carries 128."),
                      Misread(16, "four-way", "The four words of a lane lie in four banks, and 8 lanes fill all 32: no "
                              "lane of a quarter waits.")),
        ),
        Quantity(
            name="float4_every_second", value=lambda: served(2 * LANES, 16),
            because="in a quarter warp lane l starts at bank 8·l mod 32, so lanes l and l + 4 meet: 2 wavefronts a quarter.",
            misreads=(Misread(4, "no-conflict", "8 lanes, 8 words apart, reach over 64 words: two rounds of the banks."),
                      Misread(16, "four-way", "Only two of the 8 lanes of a quarter meet in a bank.")),
        ),
        Quantity(
            name="double_column_padded", value=lambda: served(33 * LANES, 8),
            because="a row is 66 words, 66 mod 32 = 2: the 16 lanes of a half warp start at banks 0, 2, 4, ... 30.",
            misreads=(Misread(1, "one", "No conflict, but two half warps: 32 lanes × 8 bytes are 256 bytes."),
                      Misread(4, "two-way", "66 mod 32 is 2, and a double is 2 words wide: neighbours just fit."),
                      Misread(32, "not-padded", "That is the tile without the padding.")),
        ),
    ),
    hints=(
        "A wavefront carries 128 bytes: 32 lanes × 4, 16 × 8 or 8 × 16. First split the warp, then look for conflicts.",
        "For 16 bytes: in a quarter warp lane l starts at word 4·l (neighbours) or 8·l (every second).",
    ),
    why="Wide accesses are served in groups that could use all banks once. Only lanes of one group can be in conflict.",
)  # fmt: skip


def places_of(rng: np.random.Generator, width: int, pattern: str) -> tuple[np.ndarray, int]:
    kind, _, step = pattern.partition(" ")
    index = {
        "stride": lambda: int(step) * LANES,
        "random": lambda: rng.integers(0, 512, 32),
        "few": lambda: rng.permutation(32) % 11 * 8,
        "holes": lambda: np.where(rng.random(32) < 0.3, -1, rng.integers(0, 200, 32)),
        "first": lambda: np.where(LANES < 9, 8 * LANES, -1),
        "idle": lambda: np.full(32, -1),
        "twins": lambda: 32 * (LANES % 4),
        "apart": lambda: np.where(LANES % 8 == 1, LANES // 8, -1),
    }[kind]()
    return np.where(index < 0, -1, index * width).astype(np.int32), width


def groups_of(addresses, size: int) -> list[list[int]]:
    return [busy(addresses[first : first + size]) for first in range(0, 32, size)]


def words_at(width: int):
    return lambda address: range(address // 4, (address + width) // 4)


COUNT_WIDE = Function(
    id="03.4",
    title="Count wide wavefronts",
    minutes=12,
    dots=2,
    size="6 lines",
    answer="count_wide",
    signature="count_wide(addresses: int32[32], width: int) -> int",
    inputs=places_of,
    oracle=lambda addresses, width: longest_queue(groups_of(addresses, 128 // width), words_at(width)),
    shapes=[{"width": w, "pattern": p} for w in (4, 8, 16) for p in ("stride 1", "stride 2", "stride 3", "stride 33",
            "few", "first", "holes", "random", "twins", "apart")] + [{"width": 16, "pattern": "idle"}],
    rivals=(
        Rival(key="dropped-first", sentence="**The idle lanes are dropped before the groups are formed.** Lanes 0-7 are a quarter, however "
              "many of them are active.", oracle=lambda addresses, width: longest_queue(
                  groups_of([*busy(addresses), *[-1] * 32][:32], 128 // width), words_at(width))),
        Rival(key="not-split", sentence="**The warp is not split.** 8-byte requests are served half by half, 16-byte ones "
              "quarter by quarter, and the groups' wavefronts add up.",
              oracle=lambda addresses, width: longest_queue([busy(addresses)], words_at(width))),
        Rival(key="word-by-word", sentence="**You count the whole warp at once**, one word of each lane after the other. The hardware "
              "takes half of the lanes (8 bytes) or a quarter (16 bytes) with all their words at once.",
              oracle=lambda addresses, width: sum(longest_queue([busy(addresses)], lambda a, k=k: (a // 4 + k,))
                                                  for k in range(width // 4))),
        Rival(key="bytes-for-words", sentence="**A byte address is taken for a word.** Word = address / 4; bank = word mod "
              "32.", oracle=lambda addresses, width: longest_queue(groups_of(addresses, 128 // width),
                                                                   lambda a: range(a, a + width // 4))),
        Rival(key="largest-group", sentence="**You take the slowest group.** The groups are served one after the other: add "
              "up.", oracle=lambda addresses, width: max(longest_queue([g], words_at(width))
                                                         for g in groups_of(addresses, 128 // width))),
        Rival(key="lanes-counted", sentence="**You count lanes, not words.** Lanes of a group that want the same word share "
              "it.", oracle=lambda addresses, width: sum(
                  max(np.bincount(np.array([w for a in g for w in words_at(width)(a)], int) % 32, minlength=32))
                  for g in groups_of(addresses, 128 // width))),
        Rival(key="swapped-groups", sentence="**The groups are mixed up**: 8 bytes go by half warps (16 lanes), 16 bytes by "
              "quarters (8 lanes).", oracle=lambda addresses, width: longest_queue(
                  groups_of(addresses, {4: 32, 8: 8, 16: 16}[width]), words_at(width))),
        Rival(key="interleaved", sentence="**A group is made of lanes that lie apart.** Half warps are lanes 0-15 and 16-31; "
              "quarters 0-7, 8-15, and so on.", oracle=lambda addresses, width: longest_queue(
                  [busy(addresses[k :: width // 4]) for k in range(width // 4)], words_at(width))),
    ),
    hints=(
        "How many lanes make 128 bytes? Go through the warp in groups of that many, count as in 03.2, add up.",
        "The words of one lane are address // 4, + 1, ... (width // 4 of them). `group[:, None] // 4 + np.arange(width // 4)` "
        "makes them for a whole group.",
        "For each group: `np.bincount(np.unique(words) % 32, minlength=32).max()`; an empty group gives 0 by itself.",
    ),
    why="Split first, then the rule of 4-byte words holds in each group.",
    follow_up="which is the smallest stride in float4s, beyond 1, at which neighbours are free again?",
)  # fmt: skip

# 3  The first barrier

BLUR = Cuda(
    steps=STEPS,
    id="03.5",
    title="A word from the neighbour",
    minutes=12,
    dots=1,
    size="6 lines",
    answer="blur",
    signature="blur(const float* x, float* y, int n)",
    inputs=lambda rng, n: (spread(rng, n), np.zeros(n, "float32"), n),
    oracle=lambda x, y, n: np.convolve(x.astype("float64"), np.ones(3))[1 : n + 1],
    outputs=("y",),
    shapes=lines(1, 2, 255, 256, 257, 1009, 2048),
    launch=lambda n: dict(grid=-(-n // 256), block=256),
    dtype="float32",
    tolerance=Tolerance.of("float32", floor=4.0),
    block=(256,),
    budgets=(
        Budget(quantity="traffic", at_most=1.5, where=lambda n: n > 1000, because="Each element of x is to come from "
               "global memory once: put it into shared memory, and let the neighbours read it there."),
    ),
    rivals=(
        Rival(key="block-edges", sentence="**At the edge of a block the neighbour is taken for 0**, though it exists: it "
              "belongs to the next block's elements. Fetch 258 elements, not 256.",
              oracle=lambda x, y, n: np.concatenate(
                  [np.convolve(x[k : k + 256].astype("float64"), np.ones(3))[1 : len(x[k : k + 256]) + 1]
                   for k in range(0, n, 256)])),
        Rival(key="clamped", sentence="**Outside x there is 0**, not the first or last element again.",
              oracle=lambda x, y, n: np.convolve(np.pad(x.astype("float64"), 1, mode="edge"), np.ones(3), "valid")),
        Rival(key="wraps", sentence="**The ends of x are neighbours of each other** in your sums. Outside x there is 0.",
              oracle=lambda x, y, n: x.astype("float64") + np.roll(x, 1) + np.roll(x, -1)),
        Rival(key="no-left", sentence="**x[i − 1] is missing** from the sum.",
              oracle=lambda x, y, n: x.astype("float64") + np.append(x[1:], 0)),
        Rival(key="no-right", sentence="**x[i + 1] is missing** from the sum.",
              oracle=lambda x, y, n: x.astype("float64") + np.append(0, x[:-1])),
        Rival(key="no-middle", sentence="**x[i] itself is missing** from the sum.",
              oracle=lambda x, y, n: np.append(0, x[:-1]).astype("float64") + np.append(x[1:], 0)),
    ),
    hints=(
        "`__shared__ float s[258];` where s[t + 1] is the block's element t, s[0] and s[257] are the neighbours outside.",
        "Every thread puts its element (or 0 beyond the end) into s[t + 1]; thread 0 also fills s[0], thread 255 s[257]. "
        "Then the barrier, outside any `if`. Then read.",
        "s[t + 1] = i < n ? x[i] : 0; if (t == 0) s[0] = i > 0 ? x[i - 1] : 0; if (t == 255) s[257] = i + 1 < n ? x[i + 1] : 0;",
    ),
    why="A block keeps what several of its threads want. Two extra elements, the *halo*, make blocks independent of each "
    "other. The barrier stands between the last write to s and the first read of another's element.",
    follow_up="with a radius of 100 instead of 1, what share of the loads is halo? With a block of 1024?",
)  # fmt: skip

# 4, 5  Transposes

PADDING = Predict(
    id="03.6",
    title="33 and 34",
    quantities=(
        Quantity(
            name="wavefronts_33", value=lambda: served(33 * LANES),
            because="lane c reads word 33·c + r, bank (c + r) mod 32: 32 different banks.",
            misreads=(Misread(32, "no-change", "One word more a row moves each row on by one bank."),
                      Misread(2, "wraps", "33 · 31 is far beyond 32, but mod 32 the lanes are at 0, 1, 2, ..., 31."),),
        ),
        Quantity(
            name="wavefronts_34", value=lambda: served(34 * LANES),
            because="lane c reads word 34·c + r, bank (2·c + r) mod 32, so lanes c and c + 16 meet. Padding works when the row "
            "length is odd.",
            misreads=(Misread(1, "any-padding", "More padding is not better: 34 is even."),
                      Misread(32, "no-change", "Two words more a row do help, just not completely.")),
        ),
    ),
    hints=("In which bank is element [c][r] of `tile[32][33]`? It is word 33·c + r.", "gcd(33, 32) = ?, gcd(34, 32) = ?"),
    why="The row length is the stride of a column. Odd strides are free.",
)  # fmt: skip


def square(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, int]:
    return spread(rng, (n, n)), np.zeros((n, n), "float32"), n


def tiles(x: np.ndarray, turned: bool) -> np.ndarray:
    """x with each 32 x 32 tile turned where it is, or with the tiles exchanged and not turned inside."""
    n = -(-len(x) // 32)
    whole = np.zeros((32 * n, 32 * n), x.dtype)
    whole[: len(x), : len(x)] = x
    parts = whole.reshape(n, 32, n, 32)
    parts = parts.transpose(0, 3, 2, 1) if turned else parts.transpose(2, 1, 0, 3)
    return parts.reshape(whole.shape)[: len(x), : len(x)]


TILES = (
    Rival(key="tiles-stay", sentence="**Each tile is turned, but stays where it was.** Tile (row, column) of x goes to (column, row) of "
          "y: exchange blockIdx.x and blockIdx.y for the store.", oracle=lambda x, y, n: tiles(x, True)),
    Rival(key="tiles-not-turned", sentence="**The tiles are exchanged, but nothing turns inside a tile.** Write it along rows, read it "
          "along columns.", oracle=lambda x, y, n: tiles(x, False)),
)  # fmt: skip
ROWS = "Let the lanes of a warp follow each other along a row, of x when loading and of y when storing."
TRANSPOSE = Cuda(
    steps=STEPS,
    id="03.7",
    title="Transpose without bank conflicts",
    minutes=10,
    dots=2,
    size="1 line",
    answer="transpose",
    signature="transpose(const float* x, float* y, int n)",
    inputs=square,
    oracle=lambda x, y, n: x.T,
    outputs=("y",),
    shapes=lines(1, 31, 32, 33, 64, 67),
    launch=lambda n: dict(grid=(-(-n // 32),) * 2, block=(32, 8)),
    dtype="float32",
    block=(32,),
    rivals=TILES,
    budgets=(
        Budget(quantity="global load", at_most=4, because=ROWS, where=lambda n: n % 32 == 0, key="uncoalesced"),
        Budget(quantity="global store", at_most=4, because=ROWS, where=lambda n: n % 32 == 0, key="uncoalesced"),
        FREE,
    ),
    hints=(
        "A column read has the row length of the tile as its stride. Which strides are free?",
        "Declare `__shared__ float tile[32][33];`. Or keep 32 and put element (r, c) into column c ^ r, in the write *and* in "
        "the read.",
    ),
    why="With 33 words a row, element [c][r] is in bank (c + r) mod 32: rows and columns both visit all banks.",
    follow_up="what happens with float64 elements? With bytes?",
)  # fmt: skip

PLACE = Cuda(
    steps=STEPS,
    id="03.8",
    title="A swizzle of your own",
    minutes=5,
    dots=1,
    size="1 line",
    answer="swizzled",
    signature="both_ways(const float* x, float* y, float* z)",
    inputs=lambda rng, n: (spread(rng, (n, n)), np.zeros((n, n), "float32"), np.zeros((n, n), "float32")),
    oracle=lambda x, y, z: (x.T, x.T),
    outputs=("y", "z"),
    shapes=lines(32),
    launch=lambda n: dict(grid=1, block=(32, 8)),
    dtype="float32",
    budgets=(FREE,),
    hints=(
        "Keep each element in its row: 32·r + something. The something must differ for all c (in a row) and for all r (in a "
        "column).",
        "XOR with r permutes 0 ... 31: c ^ r. Or rotate: (c + r) % 32.",
    ),
    why="In a fixed row c ^ r takes each value once as c runs, in a fixed column each once as r runs: no two lanes of either "
    "access share a bank.",
    follow_up="which access pattern makes c ^ r as bad as no swizzle at all? And (c + r) % 32?",
)  # fmt: skip


def chunk_table(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.permutation(rows * 32).astype("uint32").reshape(rows, 8, 4)
    return x, np.zeros_like(x), np.zeros((rows, 8), "int32")


CHUNKS = Cuda(
    steps=STEPS,
    id="03.9",
    title="Sixteen bytes at a time",
    minutes=12,
    dots=2,
    size="1 line",
    answer="chunks",
    signature="columns(const uint4* x, uint4* y, int* row)",
    inputs=chunk_table,
    oracle=lambda x, y, row: (x, np.repeat(np.arange(len(x), dtype="int32")[:, None], 8, axis=1)),
    outputs=("y", "row"),
    shapes=({"rows": 64},),
    launch=lambda rows: dict(grid=1, block=256),
    dtype=("uint32", "int32"),
    budgets=(
        Budget(quantity="shared store", at_most=4, key="row-conflicts", because="Storing a row: the 8 lanes of a quarter warp have "
               "one r and q = 0 ... 7. Their places mod 8 must all differ."),
        Budget(quantity="shared load", at_most=4, key="column-conflicts", because="Loading a column: the 8 lanes of a quarter warp "
               "have one q and r = 8k ... 8k + 7. Their places mod 8 must all differ."),
    ),
    rivals=(
        Rival(key="rows-torn", sentence="**A row does not stay in its own 128 bytes**: place(r, q) / 8 must be r. Move chunks "
              "within the row only.",
              oracle=lambda x, y, row: (x, (np.arange(8, dtype="int32")[None] * len(x) + np.arange(len(x))[:, None]) // 8)),
    ),
    hints=(
        "place = r·8 + a chunk column from 0 to 7. Which 8 rows are read together?",
        "Rows 8k to 8k + 7. So XOR q with what tells these rows apart: r % 8.",
    ),
    why="8 lanes × 16 bytes fill the 32 banks once if their chunk columns differ. r % 8 differs for any 8 rows in a row; XOR "
    "with it is a permutation of the 8 chunks. NVIDIA calls it the 128-byte swizzle.",
    follow_up="why is padding no choice here? What would a row of 144 bytes do to TMA?",
)  # fmt: skip

TRANSPOSE4 = Cuda(
    steps=STEPS,
    id="03.10",
    title="Four elements a thread",
    minutes=20,
    dots=3,
    size="10 lines",
    answer="transpose4",
    signature="transpose4(const float* x, float* y, int n)",
    inputs=square,
    oracle=lambda x, y, n: x.T,
    outputs=("y",),
    shapes=lines(32, 64, 96),
    launch=lambda n: dict(grid=(n // 32,) * 2, block=(8, 32)),
    dtype="float32",
    block=(32,),
    rivals=TILES,
    budgets=(
        Budget(quantity="load requests", at_most=lambda n: n * n / 128, key="narrow-loads",
               because="Load a `float4` a thread: 512 bytes a request."),
        Budget(quantity="store requests", at_most=lambda n: n * n / 128, key="narrow-stores",
               because="Store a `float4` a thread: collect four words of a tile column in registers first."),
        FREE,
    ),
    hints=(
        "Load a float4 of a row of x, put its four parts into four words of a tile row. After the barrier collect a float4 for a "
        "row of y: its four parts are one below the other in the tile.",
        "A warp is 4 rows (ty) of 8 threads (tx). Storing word k: bank of tile[ty][4·tx + k]. With W = 33 it is ty + 4·tx + k: "
        "32 different ones.",
        "y's row is blockIdx.x·32 + ty, its columns start at blockIdx.y·32 + 4·tx: the parts are tile[4·tx][ty], "
        "tile[4·tx + 1][ty], tile[4·tx + 2][ty], tile[4·tx + 3][ty].",
    ),
    why="A quarter of the requests for the same bytes. In the tile the words stay single: with 33 words a row both the four "
    "stores and the four loads visit 32 banks.",
    follow_up="could the tile be stored with `float4` stores? Which row lengths allow it, and what do the column reads say?",
)  # fmt: skip

# 6  Reductions


def threads_of_round(s: int) -> np.ndarray:
    """Words that the first warp wants in a round of the strided tree: 2·s·t + s for the threads that work."""
    words = 2 * s * LANES + s
    return words[words < 256]


ROUNDS = Predict(
    id="03.11",
    title="Trees and banks",
    minutes=3,
    quantities=(
        Quantity(
            name="strided_8", value=lambda: served(threads_of_round(8)),
            because="words 16·t + 8: banks 8 and 24, 8 of the 16 threads in each.",
            misreads=(Misread(16, "all-wait", "16 threads, but they share two banks, not one."),
                      Misread(2, "banks-visited", "Two banks are visited; 8 threads queue at each."),
                      Misread(1, "no-conflict", "The stride is 16 words: a power of two.")),
        ),
        Quantity(
            name="strided_1", value=lambda: served(threads_of_round(1)),
            because="words 2·t + 1: the odd banks, two threads in each.",
            misreads=(Misread(1, "no-conflict", "32 threads, stride 2: lanes t and t + 16 meet."),
                      Misread(32, "all-wait", "16 banks are visited, not one.")),
        ),
        Quantity(
            name="halving_64", value=lambda: served(LANES + 64),
            because="neighbouring threads want neighbouring words.",
            misreads=(Misread(64, "distance", "The distance s is the same for all lanes; what counts is that words differ mod "
                              "32."), Misread(2, "two-warps", "Two warps work, and each makes its own request.")),
        ),
    ),
    hints=("Write down the words of threads 0, 1, 2, 3: their distance is the stride.", "Threads: 16; stride: 2·s = 16 words."),
    why="The same sum, another numbering of the threads, and the conflicts are gone.",
)  # fmt: skip


def block_sums(threads: int):
    return lambda x, sums, n: np.add.reduceat(x.astype("float64"), np.arange(0, n, threads))


def numbers(rng: np.random.Generator, n: int, threads: int = 256) -> tuple[np.ndarray, np.ndarray, int]:
    return normal(rng, n), np.zeros(-(-n // threads), "float32"), n


SUMS = Tolerance.of("float32", length=256, floor=8.0)
BLOCK_SUM = Cuda(
    steps=STEPS,
    id="03.12",
    title="Halve, halve, halve",
    minutes=12,
    dots=2,
    size="7 lines",
    answer="block_sum",
    signature="block_sum(const float* x, float* sums, int n)",
    inputs=numbers,
    oracle=block_sums(256),
    outputs=("sums",),
    shapes=lines(1, 2, 255, 256, 257, 1009, 2048),
    launch=lambda n: dict(grid=-(-n // 256), block=256),
    dtype="float32",
    tolerance=SUMS,
    forbid=(
        Forbid(names=("__shfl*", "atomic*", "__reduce*"), because="This one goes through shared memory and barriers; "
               "shuffles are 03.13."),
    ),
    budgets=(
        Budget(quantity="load requests", at_most=lambda n: 8 * -(-n // 256), key="one-by-one", because="Each of the 256 threads is to "
               "load one number of its own, a warp 32 in one request; one thread that loads them all makes 256 requests."),
        FREE,
        Budget(quantity=LOADS, at_most=lambda n: 40 * -(-n // 256), where=lambda n: n > 2000, key="wavefronts", because="Each round has half as many working "
               "threads as the one before: let them be neighbours, t < s, and few warps will work at all."),
    ),
    rivals=(
        Rival(key="half", sentence="**Half of the numbers are lost.** Does the last round, s = 1, run? `s > 0`, not `s > 1`.",
              oracle=lambda x, sums, n: np.add.reduceat(
                  np.where(np.arange(n) % 256 % 2 == 0, x, 0).astype("float64"), np.arange(0, n, 256))),
        Rival(key="upper-half", sentence="**Threads 128 to 255 are left out.** The first round is s = 128.",
              oracle=lambda x, sums, n: np.add.reduceat(
                  np.where(np.arange(n) % 256 < 128, x, 0).astype("float64"), np.arange(0, n, 256))),
        Rival(key="first-only", sentence="**sums[b] is the block's first number**: nothing has been added to it.",
              oracle=lambda x, sums, n: x[::256].astype("float64")),
    ),
    hints=(
        "Fill part[t] with x[i], or with 0 beyond the end; barrier. Then rounds s = 128, 64, ..., 1; barrier after each.",
        "The `if (t < s)` holds the addition only; `__syncthreads()` stands after it, for all threads.",
        "for (int s = 128; s > 0; s /= 2) { if (t < s) part[t] += part[t + s]; __syncthreads(); }",
    ),
    why="Working threads are always the first ones: whole warps fall asleep, and neighbours read neighbouring words.",
    follow_up="of the 8 rounds, in which does a warp have idle lanes?",
)  # fmt: skip


def sums_of_blocks(x: np.ndarray, sums: np.ndarray, n: int) -> np.ndarray:
    threads = next(t for t in (32, 256, 1024) if -(-n // t) == len(sums))
    return block_sums(threads)(x, sums, n)


def half_warps(x: np.ndarray, sums: np.ndarray, n: int) -> np.ndarray:
    threads = next(t for t in (32, 256, 1024) if -(-n // t) == len(sums))
    place = np.arange(n) % threads
    return block_sums(threads)(np.where((place % 32 < 16) & (place // 32 < 16), x, 0), sums, n)


SHUFFLE_SUM = Cuda(
    steps=STEPS,
    seconds=20.0,
    id="03.13",
    title="Shuffles",
    minutes=15,
    dots=2,
    size="8 lines",
    answer="shuffle_sum",
    signature="block_sum(const float* x, float* sums, int n)",
    inputs=numbers,
    oracle=sums_of_blocks,
    outputs=("sums",),
    shapes=[{"n": n, "threads": t} for t, sizes in (
        (32, (1, 31, 33, 257)), (256, (31, 257, 1009, 2048)), (1024, (1, 1009, 2048))) for n in sizes],
    launch=lambda n, threads: dict(grid=-(-n // threads), block=threads),
    dtype="float32",
    tolerance=Tolerance.of("float32", length=1024, floor=8.0),
    budgets=(
        Budget(quantity=LOADS, at_most=lambda n, threads: 2 * -(-n // threads), key="wavefronts", because="Within a warp use "
               "`__shfl_down_sync`; only one number a warp goes through shared memory, and one warp reads them in one go."),
    ),
    rivals=(
        Rival(key="four-rounds", sentence="**Lanes 16 to 31 are left out**: 32 lanes need five rounds, the first with d = 16.",
              oracle=lambda x, sums, n: half_warps(x, sums, n)),
        Rival(key="first-warp", sentence="**Only the first warp's numbers are summed.** Each warp puts its sum into part[warp]; "
              "after the barrier the first warp adds those up.",
              oracle=lambda x, sums, n: np.array([x[k : k + 32].sum(dtype="float64") for k in (
                  np.arange(len(sums)) * next(t for t in (32, 256, 1024) if -(-n // t) == len(sums)))])),
    ),
    hints=(
        "warp_sum: for d = 16, 8, 4, 2, 1: v += __shfl_down_sync(0xffffffff, v, d). All 32 lanes must come there: give those "
        "without an element a 0, do not skip them.",
        "Lane 0 of each warp writes part[warp]. After the barrier warp 0 reads part[lane] where there is such a warp, else 0.",
        "There are blockDim.x / 32 warps: `lane < blockDim.x / 32 ? part[lane] : 0.0f`.",
    ),
    why="Registers are exchanged directly; shared memory carries one word a warp, and there is one barrier for the whole block.",
    follow_up="why does `__shfl_down_sync` take a mask at all, and what is wrong with it inside `if (i < n)`?",
)  # fmt: skip

TOTAL = Cuda(
    steps=STEPS,
    id="03.14",
    title="One pass over memory",
    minutes=20,
    dots=3,
    size="12 lines",
    answer="total",
    signature="total(const float* x, float* out, int n)",
    inputs=lambda rng, n: (normal(rng, n), np.zeros(1, "float32"), n),
    oracle=lambda x, out, n: np.array([x.sum(dtype="float64")]),
    outputs=("out",),
    accumulates=("out",),
    shapes=lines(1, 3, 4, 5, 255, 257, 4099, 8192, 10007),
    launch=lambda n: dict(grid=8, block=256),
    dtype="float32",
    tolerance=Tolerance.of("float32", length=1024, floor=64.0),
    budgets=(
        Budget(quantity="load requests", at_most=lambda n: n / 128 + 8, where=lambda n: n >= 4096, key="narrow-loads",
               because="Read x as `const float4*`, 16 bytes a lane, each element once."),
        Budget(quantity=REQUESTS.format("red"), at_most=8, where=lambda n: n >= 4096, key="many-atomics",
               because="One `atomicAdd` a block is enough: first sum in registers, then in the block."),
        Budget(quantity=LOADS, at_most=16, key="wavefronts", because="2 a block are enough: one number a warp, read by one warp."),
    ),
    rivals=(
        Rival(key="no-tail", sentence="**The last n mod 4 elements are lost**: n / 4 float4s leave up to 3 elements over.",
              oracle=lambda x, out, n: np.array([x[: n // 4 * 4].sum(dtype="float64")])),
        Rival(key="tail-by-every-block", sentence="**The last n mod 4 elements are added by every block.** Let one do it.",
              oracle=lambda x, out, n: np.array([x.sum(dtype="float64") + 7 * x[n // 4 * 4 :].sum(dtype="float64")])),
        Rival(key="no-stride", sentence="**Only one float4 a thread is added**, 8192 elements. Threads go on in steps of the whole "
              "grid until the end.",
              oracle=lambda x, out, n: np.array([np.concatenate([x[: min(n // 4 * 4, 8192)], x[n // 4 * 4 :]]).sum(dtype="float64")])),
        Rival(key="first-warp", sentence="**Only warp 0's sum of each block arrives.** The other seven put theirs into part[].",
              oracle=lambda x, out, n: np.array([
                  x[: n // 4 * 4][np.arange(n // 4 * 4) // 4 % 256 < 32].sum(dtype="float64") + x[n // 4 * 4 :].sum(dtype="float64")])),
    ),
    hints=(
        "Thread `first` of the grid takes float4 number first, first + step, first + 2·step, ... below n / 4, and adds into a "
        "register. Then n mod 4 threads take one single element each.",
        "The block sum is 03.13's. Thread 0 does `atomicAdd(out, v)` instead of a store.",
        "Loop: `for (int i = first; i < n / 4; i += step) { float4 q = ((const float4*)x)[i]; v += q.x + q.y + q.z + q.w; }`; tail: "
        "`if (first < n % 4) v += x[n - 1 - first];`",
    ),
    why="The loads are wide and few, the sum lives in a register until the end, and the block combines once instead of once for each "
    "256 numbers.",
    follow_up="how many float4 loads does each thread have in flight at a time? What would four accumulators change?",
)  # fmt: skip

# 7, 8  Scan and histogram

SCAN_COST = Predict(
    id="03.15",
    title="What a scan costs",
    minutes=3,
    quantities=(
        Quantity(
            name="rounds", value=lambda: int(math.log2(256)),  because="the distance d doubles from 1 to 128.",
            misreads=(Misread(255, "serial", "That is one thread's way: 255 steps."),
                      Misread(9, "one-too-many", "d = 256 would reach before the block: nothing is left to add."),
                      Misread(7, "one-short", "d = 1, 2, 4, 8, 16, 32, 64, 128.")),
        ),
        Quantity(
            name="additions", value=lambda: sum(256 - 2**k for k in range(8)),
            because="in the round d only 256 − d elements have one d places before them: 8·256 − 255.",
            misreads=(Misread(8 * 256, "all-add", "The first d elements of a round have nothing to add."),
                      Misread(255, "serial", "One thread needs that many; the parallel way needs more, in fewer rounds."),
                      Misread(7 * 256, "all-add", "Eight rounds, and in each d elements do not add.")),
        ),
    ),
    hints=("How often can 1 be doubled before it reaches 256?", "Σ over d = 1, 2, ..., 128 of (256 − d)."),
    why="Parallel scans do more work to need fewer steps. Blelloch's tree needs only about 2n additions, in twice as many rounds.",
)  # fmt: skip


def scanned(step: int, exclusive: bool = False):
    def oracle(x, y, n):
        wide = x.astype("float64")
        parts = [np.cumsum(wide[k : k + step]) for k in range(0, n, step)]
        return np.concatenate(
            [p - wide[k * step : k * step + len(p)] for k, p in enumerate(parts)] if exclusive else parts
        )

    return oracle


SCAN = Cuda(
    steps=STEPS,
    seconds=20.0,
    id="03.16",
    title="Scan a block",
    minutes=20,
    dots=3,
    size="18 lines",
    answer="scan",
    signature="scan(const float* x, float* y, int n)",
    inputs=lambda rng, n: (normal(rng, n), np.zeros(n, "float32"), n),
    oracle=scanned(256),
    outputs=("y",),
    shapes=lines(1, 33, 255, 257, 601),
    launch=lambda n: dict(grid=-(-n // 256), block=256),
    dtype="float32",
    tolerance=Tolerance.of("float32", length=256, floor=16.0),
    block=(32, 256),
    budgets=(
        Budget(quantity="instructions", at_most=lambda n: 1100 * -(-n // 256), key="steps", because="Log-many rounds: in round d each "
               "element adds the one d places before it."),
    ),
    rivals=(
        Rival(key="exclusive", sentence="**This is an exclusive scan**: y[i] must include x[i].", oracle=scanned(256, True)),
        Rival(key="per-warp", sentence="**The scan starts again at each warp.** Add the totals of the warps before.",
              oracle=scanned(32)),
        Rival(key="copied", sentence="**y is x**: nothing is added.", oracle=lambda x, y, n: x.astype("float64")),
        Rival(key="block-sum", sentence="**Every element is the sum of its whole block.**", oracle=lambda x, y, n: np.concatenate(
            [np.full(len(x[k : k + 256]), x[k : k + 256].sum(dtype="float64")) for k in range(0, n, 256)])),
        Rival(key="own-warp-too", sentence="**The total of the own warp is added as well**: only those of the warps before belong to it.",
              oracle=lambda x, y, n: scanned(256)(x, y, n) + np.concatenate(
                  [np.full(len(part), part.sum(dtype="float64")) for part in (x[k : k + 32] for k in range(0, n, 32))])),
        Rival(key="previous-warp", sentence="**Only the total of the warp just before is added**, not of all warps before.",
              oracle=lambda x, y, n: scanned(32)(x, y, n) + np.concatenate([
                  np.repeat(np.append(0, np.add.reduceat(part.astype("float64"), np.arange(0, len(part), 32))[:-1]), 32)[: len(part)]
                  for part in (x[k : k + 256] for k in range(0, n, 256))])),
    ),
    hints=(
        "Hillis-Steele in shared memory: read s[t − d] into a register, barrier, add it to s[t], barrier; d = 1, 2, ..., 128. Both "
        "barriers outside the `if`.",
        "By shuffles: five rounds of `before = __shfl_up_sync(~0u, v, d); if (lane >= d) v += before;` scan a warp. Lane 31 then "
        "holds the warp's total: store it, barrier, add the totals of all warps before yours (a loop over at most 7 will do).",
    ),
    why="Scan each warp in registers, hand the 8 totals on through shared memory, have the first warp scan them in the same way, add "
    "the total of all warps before. The shuffle must be executed by all lanes; only the addition is conditional.",
    follow_up="how do you scan 10 million elements? What does decoupled look-back save?",
)  # fmt: skip

ATOMICS = Predict(
    id="03.17",
    title="Private bins",
    minutes=2,
    quantities=(
        Quantity(
            name="direct", value=2**20,  because="one for each number.",
            misreads=(Misread(2**15, "requests", "Those are warp requests, 2²⁰ / 32; the additions inside are one a number."),),
        ),
        Quantity(
            name="privatized", value=128 * 256,  because="128 blocks × 256 bins, once at the end.",
            misreads=(Misread(256, "one-block", "Each of the 128 blocks has its own 256 bins to add."),
                      Misread(2**20, "no-change", "The additions of single numbers now happen in shared memory.")),
        ),
    ),
    hints=("(a) is easy: every number is one addition.", "(b) does not depend on how many numbers there are."),
    why="Privatization replaces contended additions by uncontended ones: 32 times fewer here, and no longer two a bin at the same time.",
)  # fmt: skip


def counted(x, bins, n):
    return (bins + np.bincount(x, minlength=64)).astype("int32")


def values(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Half of the values are the same: as real data are."""
    x = np.where(rng.random(n) < 0.5, rng.integers(0, 64, n), rng.integers(0, 64))
    return x.astype("int32"), rng.integers(1, 1000, 64).astype("int32"), n


HISTOGRAM = Cuda(
    steps=STEPS,
    id="03.18",
    title="Histogram",
    minutes=15,
    dots=2,
    size="7 lines",
    answer="histogram",
    signature="histogram(const int* x, int* bins, int n)",
    inputs=values,
    oracle=counted,
    outputs=("bins",),
    accumulates=("bins",),
    shapes=lines(1, 31, 255, 257, 1009, 8192, 9001),
    launch=lambda n: dict(grid=2, block=256),
    dtype="int32",
    budgets=(
        Budget(quantity=REQUESTS.format("red"), at_most=128, where=lambda n: n >= 8192, key="direct",
               because="Count into `mine[64]` in shared memory first; each block then adds each bin to global memory once."),
    ),
    rivals=(
        Rival(key="no-stride", sentence="**Only the first 512 numbers are counted**: there are 2 blocks of 256 threads, whatever n "
              "is. Let threads go on in steps of the grid.", oracle=lambda x, bins, n: counted(x[:512], bins, n)),
        Rival(key="half-of-the-bins", sentence="**Bins 32 to 63 never reach global memory.**", oracle=lambda x, bins, n: np.where(
            np.arange(64) < 32, counted(x, bins, n), bins)),
        Rival(key="counted-twice", sentence="**Every number is counted twice**: by both blocks. Start at "
              "blockIdx.x·256 + threadIdx.x and go in steps of the whole grid.",
              oracle=lambda x, bins, n: (bins + 2 * np.bincount(x, minlength=64)).astype("int32")),
        Rival(key="nothing-added", sentence="**The bins come back as they were.**", oracle=lambda x, bins, n: bins),
    ),
    hints=(
        "Three steps with a barrier between: clear mine, count into mine, add mine to bins.",
        "`if (threadIdx.x < 64) mine[threadIdx.x] = 0;` barrier. `atomicAdd(&mine[x[i]], 1)` for all of the thread's i. Barrier. "
        "`if (threadIdx.x < 64) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);`",
    ),
    why="Threads of one block contend in shared memory, which is near and has an integer add of its own; blocks meet once a bin.",
    follow_up="with 65,536 bins the private copy does not fit. What then?",
)  # fmt: skip

# 9  Rows


def soft(x) -> np.ndarray:
    wide = np.asarray(x, "float64")
    wide = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return wide / wide.sum(axis=-1, keepdims=True)


def by_warp(x) -> np.ndarray:
    """What comes out if each of four warps takes m and s of its own columns only."""
    y = np.zeros(x.shape)
    for warp in range(4):
        mine = np.arange(x.shape[1]) % 128 // 32 == warp
        if mine.any():
            y[:, mine] = soft(x[:, mine])
    return y


def raised(x) -> np.ndarray:
    wide = np.asarray(x, "float64")
    return np.exp(wide - wide.max(axis=-1, keepdims=True))


def logits(rng: np.random.Generator, rows: int, cols: int) -> np.ndarray:
    """Some rows around 0, some far below and far above: exp of them as they are is 0 or infinite."""
    return (spread(rng, (rows, cols)) * 25 + rng.permutation([-400, 0, 200])[:rows, None]).astype("float32")


SOFT = Tolerance.of("float32", slack=64, floor=1 / 1024)  # the largest of a row of 1024 is at least that
TWICE = (
    "Let neighbouring threads take neighbouring columns, and get m and s in one pass over the row, as pairs that merge; then read "
    "it once more to write y. Or keep the row in shared memory."
)
SOFTMAX = Cuda(
    steps=STEPS,
    seconds=20.0,
    id="03.19",
    title="Softmax of a row by a block",
    minutes=25,
    dots=3,
    size="12 lines",
    answer="softmax",
    signature="softmax(const float* x, float* y, int cols)",
    inputs=lambda rng, rows, cols: (logits(rng, rows, cols), np.zeros((rows, cols), "float32"), cols),
    oracle=lambda x, y, cols: soft(x),
    outputs=("y",),
    shapes=[{"rows": r, "cols": c} for r, c in ((3, 1), (3, 31), (3, 128), (3, 129), (1, 1024))],
    launch=lambda rows, cols: dict(grid=rows, block=128),
    dtype="float32",
    tolerance=SOFT,
    block=(128,),
    budgets=(Budget(quantity="traffic", at_most=1.55, where=lambda rows, cols: cols == 1024, key="three-reads", because=TWICE),),
    rivals=(
        Rival(key="not-divided", sentence="**The division by s is missing.**", oracle=lambda x, y, cols: raised(x)),
        Rival(key="own-warp", sentence="**Each warp uses its own m and s**, of a quarter of the row. Merge the four pairs through shared memory.",
              oracle=lambda x, y, cols: by_warp(x)),
        Rival(key="whole-matrix", sentence="**The softmax runs over the whole matrix**, not over each row.",
              oracle=lambda x, y, cols: soft(x.reshape(1, -1)).reshape(x.shape)),
    ),
    hints=(
        "Each thread merges its elements c = t, t + 128, ... into a pair (m, s); shuffles merge pairs within a warp; four pairs go "
        "through shared memory.",
        "merge: m = fmaxf(a.x, b.x); s = a.y·expf(a.x − m) + b.y·expf(b.x − m). Start with m = −1e30f, s = 0: exp of a huge negative "
        "number is 0, and no NaN comes up.",
        "`__shfl_xor_sync` gives the result to all lanes. After the barrier every thread merges part[0] to part[3] for itself, in any way.",
    ),
    why="(m, s) is a sum in another algebra: the merge is associative, so the whole reduction ladder applies to it. The row is read "
    "twice instead of three times.",
    follow_up="which of the two, reading twice or keeping the row in shared memory, is better for 1,000 columns? For 100,000?",
)  # fmt: skip

ONLINE = Kernel(
    id="03.20",
    title="Online softmax in Triton",
    minutes=20,
    dots=2,
    size="11 lines",
    answer="online_softmax",
    signature="online_softmax(x: float32[rows, cols]) -> float32[rows, cols]",
    inputs=lambda rng, rows, cols: (torch.from_numpy(logits(rng, rows, cols)),),
    oracle=lambda x: torch.from_numpy(soft(x.numpy(force=True))),
    shapes=[{"rows": r, "cols": c} for r, c in ((3, 2), (1, 127), (3, 128), (3, 129), (1, 4111))],
    dtype="float32",
    tolerance=SOFT,
    block=(128,),
    traffic=1.55,
    forbid=(
        Forbid(names=("triton.next_power_of_2", "tl.softmax", "triton.language.softmax"), because="Rows may be longer than a block "
               "can hold: loop over 128 columns at a time."),
    ),
    rivals=(
        Rival(key="not-divided", sentence="**The division by s is missing.**", oracle=lambda x: torch.from_numpy(raised(x.numpy(force=True)))),
        Rival(key="each-block", sentence="**Each block of 128 columns is a softmax of its own.** m and s must go through the whole row "
              "before the first store.",
              oracle=lambda x: torch.from_numpy(np.concatenate(
                  [soft(x.numpy(force=True)[:, k : k + 128]) for k in range(0, x.shape[1], 128)], axis=1))),
        Rival(key="no-rescale", sentence="**s is not rescaled when m grows.** What was added before belongs to the old m: "
              "s = s·exp(m_old − m_new) + ...",
              oracle=lambda x: torch.from_numpy(unscaled(x.numpy(force=True)))),
        Rival(key="zeros-beyond", sentence="**The lanes beyond the row count as zeros.** exp(0 − m) is not 0: load −∞ there.",
              oracle=lambda x: torch.from_numpy(
                  soft(np.pad(x.numpy(force=True), ((0, 0), (0, -x.shape[1] % 128))))[:, : x.shape[1]])),
        Rival(key="empty-lane", sentence="**A lane without any element computes (−∞) − (−∞)**, which is NaN, and spoils its row. Begin m "
              "with -1e30 in each lane, not with −∞.", oracle=lambda x: torch.from_numpy(
                  soft(x.numpy(force=True)) * (1 if x.shape[1] >= 128 else np.nan))),
        Rival(key="first-block", sentence="**m and s are those of the first block of columns.** Let them go through the whole row.",
              oracle=lambda x: torch.from_numpy(first_block(x.numpy(force=True)))),
        Rival(key="last-m", sentence="**m is the largest of the last block**, not of the row.",
              oracle=lambda x: torch.from_numpy(last_block(x.numpy(force=True)))),
    ),
    hints=(
        "First loop: load a block, new = max(m, its max), s = s·exp(m − new) + sum of exp(v − new), m = new. Second loop: load again, "
        "store exp(v − m) / s.",
        "`other=-float(\"inf\")` makes lanes outside the row contribute exp(−∞) = 0 and never be the maximum.",
        "Begin with m = -1e30 and s = 0.0. Each block has at least one real column, so m is finite after the first.",
    ),
    why="The loop carries one pair (m, s) through any number of blocks. Flash attention adds a third item to it, the output so far.",
    follow_up="what changes when two programs share one row?",
)  # fmt: skip


def unscaled(x: np.ndarray) -> np.ndarray:
    wide, m, s = x.astype("float64"), np.full((len(x), 1), -1e30), np.zeros((len(x), 1))
    for k in range(0, x.shape[1], 128):
        m = np.maximum(m, wide[:, k : k + 128].max(axis=1, keepdims=True))
        s = s + np.exp(wide[:, k : k + 128] - m).sum(axis=1, keepdims=True)
    return np.exp(wide - m) / s


def first_block(x: np.ndarray) -> np.ndarray:
    wide = x.astype("float64")
    m = wide[:, :128].max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):
        return (np.exp(wide - m) / np.exp(wide[:, :128] - m).sum(axis=1, keepdims=True)).astype("float32")


def last_block(x: np.ndarray) -> np.ndarray:
    wide = x.astype("float64")
    last = wide[:, (x.shape[1] - 1) // 128 * 128 :].max(axis=1, keepdims=True)
    s = np.exp(wide - last).sum(axis=1, keepdims=True)
    return np.exp(wide - last) / s


def normed(x, w, b, ddof: int = 0, affine: bool = True, eps: float = 1e-5, outside: float = 0.0):
    wide = x.double()
    off = wide - wide.mean(1, keepdim=True)
    y = off / (torch.sqrt((off * off).sum(1, keepdim=True) / max(x.shape[1] - ddof, 1) + eps) + outside)
    return y * w.double() + b.double() if affine else y


def layer(rng: np.random.Generator, rows: int, cols: int, mean: int) -> tuple[torch.Tensor, ...]:
    """Rows around +-3 and a large mean; around 0, a spread so small that epsilon matters."""
    x = normal(rng, (rows, cols))
    x = x + rng.uniform(0.9, 1.1, (rows, 1)) * mean + np.where(np.arange(cols) % 2, 3, -3) if mean else x * 0.003
    w, b = rng.uniform(0.5, 1.5, cols), normal(rng, cols)
    return tuple(torch.from_numpy(a.astype("float32")) for a in (x, w, b))


LAYERNORM = Kernel(
    id="03.21",
    title="LayerNorm in Triton",
    minutes=15,
    dots=2,
    size="7 lines",
    answer="layernorm",
    signature="layernorm(x: float32[rows, cols], w: float32[cols], b: float32[cols]) -> float32[rows, cols]",
    inputs=layer,
    oracle=normed,
    shapes=[{"rows": 3, "cols": c, "mean": m} for c, m in ((7, 1000), (64, 0), (127, 1000), (128, 1000), (129, 0), (1009, 1000))],
    dtype="float32",
    tolerance=Tolerance.of("float32", slack=4000, floor=3.0),
    block=(128,),
    traffic=1.75,
    rivals=(
        Rival(key="no-affine", sentence="**w and b are left out.**", oracle=lambda x, w, b: normed(x, w, b, affine=False)),
        Rival(key="bias-left-out", sentence="**b is left out.**",
              oracle=lambda x, w, b: normed(x, w, b, affine=False) * w.double()),
        Rival(key="ddof", sentence="**The variance is divided by cols − 1.** LayerNorm divides by cols.",
              oracle=lambda x, w, b: normed(x, w, b, ddof=1)),
        Rival(key="rms", sentence="**The mean is not subtracted**: this is RMSNorm.",
              oracle=lambda x, w, b: x.double() / torch.sqrt((x.double() ** 2).mean(1, keepdim=True) + 1e-5) * w.double() + b.double()),
        Rival(key="divided-by-block", sentence="**The sums are divided by BLOCK**, not by cols.",
              oracle=lambda x, w, b: by_block(x, w, b)),
        Rival(key="masked-lanes", sentence="**Lanes beyond the row count in the variance**: they hold 0, and 0 − mean is about −1000. Set them to 0 "
              "after the subtraction (`tl.where`).", oracle=lambda x, w, b: with_padding(x, w, b)),
        Rival(key="eps-outside", sentence="**1e-5 is added to the root**; it belongs under it, to the variance.",
              oracle=lambda x, w, b: normed(x, w, b, outside=1e-5, eps=0.0)),
        Rival(key="wrong-epsilon", sentence="**Another epsilon**: 1e-5 is added to the variance, not 1e-6.",
              oracle=lambda x, w, b: normed(x, w, b, eps=1e-6)),
        Rival(key="no-root", sentence="**The square root is missing.**", oracle=lambda x, w, b: without_root(x, w, b)),
    ),
    hints=(
        "mean = sum / cols; off = x − mean, and 0 in the lanes beyond the row; var = sum(off · off) / cols.",
        "`off = tl.where(live, v - mean, 0.0)`: the masked lanes hold 0 before the subtraction and −mean after it.",
        "y = off / tl.sqrt(var + 1e-5) · w + b, with w and b loaded at c, masked like everything.",
    ),
    why="The row stays in registers, so the second pass over it costs no traffic, and the variance is exact where E[x²] − E[x]² would "
    "subtract two large numbers.",
    follow_up="a row of 100,000 columns does not fit in registers. How do you get mean and variance in one pass (Welford)?",
)  # fmt: skip


def block_of(x) -> int:
    return 1 << (x.shape[1] - 1).bit_length()


def by_block(x, w, b):
    wide, block = x.double(), block_of(x)
    off = wide - wide.sum(1, keepdim=True) / block
    return off / torch.sqrt((off * off).sum(1, keepdim=True) / block + 1e-5) * w.double() + b.double()


def with_padding(x, w, b):
    wide = x.double()
    mean = wide.mean(1, keepdim=True)
    extra = (block_of(x) - x.shape[1]) * mean * mean
    var = (((wide - mean) ** 2).sum(1, keepdim=True) + extra) / x.shape[1]
    return (wide - mean) / torch.sqrt(var + 1e-5) * w.double() + b.double()


def without_root(x, w, b):
    off = x.double() - x.double().mean(1, keepdim=True)
    return off / ((off * off).mean(1, keepdim=True) + 1e-5) * w.double() + b.double()


# 10  Copies that run ahead


def tiles_of(rng: np.random.Generator, tiles: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    return normal(rng, (2, tiles, 128)), np.zeros((2, 128), "float32"), np.zeros((2, tiles), "int32"), tiles


def weighted(x, weights=None) -> np.ndarray:
    weights = np.arange(1, x.shape[1] + 1) if weights is None else weights
    return (weights[None, :, None] * x[:, :, np.arange(128) ^ 64].astype("float64")).sum(1)


def ahead(tiles: int, most: int = 1) -> np.ndarray:
    return np.tile(np.minimum(most, tiles - 1 - np.arange(tiles)), (2, 1)).astype("int32")


PIPELINE = Cuda(
    steps=STEPS,
    id="03.22",
    title="Double buffer",
    minutes=20,
    dots=3,
    size="7 lines",
    answer="pipeline",
    signature="pipeline(const float* x, float* out, int* lead, int tiles)",
    inputs=tiles_of,
    oracle=lambda x, out, lead, tiles: (weighted(x), ahead(tiles)),
    outputs=("out", "lead"),
    shapes=[{"tiles": k} for k in (1, 2, 3, 6)],
    launch=lambda tiles: dict(grid=2, block=128),
    dtype=("float32", "int32"),
    tolerance=Tolerance.of("float32", length=64, floor=16.0),
    budgets=(
        Budget(quantity="l1tex__data_pipe_lsu_wavefronts_mem_shared_op_st.sum", at_most=0, key="plain-loads", because="The tiles are to come "
               "by `request(k)`, as asynchronous copies. A plain load stops the thread where its value is needed."),
        Budget(quantity="store requests", at_most=lambda tiles: 2 * (tiles + 4), key="lead-overwritten", because="`lead` is written by "
               "`use(k)`, which knows what is on its way: leave it alone, and use each tile once."),
    ),
    rivals=(
        Rival(key="no-overlap", sentence="**Nothing is on its way while a tile is used** (`lead` is 0). Request tile k + 1 before "
              "use(k), and wait for it only after that: `wait(0)` waits for everything that has been requested.",
              oracle=lambda x, out, lead, tiles: (weighted(x), np.zeros((2, tiles), "int32"))),
        Rival(key="last-tile", sentence="**The last tile is never used.**", oracle=lambda x, out, lead, tiles: (
            weighted(x, np.where(np.arange(tiles) < tiles - 1, np.arange(tiles) + 1, 0)), ahead(tiles))),
        Rival(key="first-tile", sentence="**The first tile is never used.**", oracle=lambda x, out, lead, tiles: (
            weighted(x, np.where(np.arange(tiles) > 0, np.arange(tiles) + 1, 0)), ahead(tiles))),
    ),
    hints=(
        "Before the loop: request(0). In round k: wait for tile k, barrier, request(k + 1) if there is one, use(k).",
        "When you wait in round k, only tile k is on its way: `wait(0)`. (If you request k + 1 first, it is "
        "`wait(1)`, but 0 in the last round, and the buffer needs a second barrier after use(k).)",
    ),
    why="wait (my copies), barrier (everybody's copies, and everybody is done with the other buffer), request the next, use this one.",
    follow_up="with three buffers, what changes in the wait, and how many tiles are on their way during use(k)?",
)  # fmt: skip

# 11, 12  Triton's swizzle, and the price


def tile_places(rng: np.random.Generator, vec: int, per_phase: int, max_phase: int) -> tuple:
    row, col = np.meshgrid(np.arange(20), np.arange(max_phase * vec), indexing="ij")
    some = rng.permutation(row.size)[:60]
    return row.ravel()[some], col.ravel()[some], vec, per_phase, max_phase


SWIZZLED = Function(
    id="03.23",
    title="Triton's swizzle",
    minutes=8,
    dots=1,
    size="2 lines",
    answer="swizzled_column",
    signature="swizzled_column(row: int, col: int, vec: int, per_phase: int, max_phase: int) -> int",
    inputs=tile_places,
    each=True,
    oracle=lambda row, col, vec, per_phase, max_phase: (
        ((col // vec) ^ (row // per_phase % max_phase)) * vec + col % vec).astype("int64"),
    shapes=[{"vec": v, "per_phase": p, "max_phase": m} for v, p, m in ((8, 1, 8), (8, 2, 4), (8, 4, 2), (4, 1, 8), (1, 1, 16), (8, 1, 1))],
    dtype="int64",
    rivals=(
        Rival(key="no-per-phase", sentence="**`per_phase` is not used**: that many rows share a phase, row // per_phase.",
              oracle=lambda row, col, vec, per_phase, max_phase: (((col // vec) ^ (row % max_phase)) * vec + col % vec).astype("int64")),
        Rival(key="no-max-phase", sentence="**The phase does not start again** after max_phase: take it mod max_phase.",
              oracle=lambda row, col, vec, per_phase, max_phase: (((col // vec) ^ (row // per_phase)) * vec + col % vec).astype("int64")),
        Rival(key="mod-first", sentence="**The order of mod and division**: first divide the row by per_phase, then take it mod max_phase.",
              oracle=lambda row, col, vec, per_phase, max_phase: (
                  ((col // vec) ^ (row % max_phase // per_phase)) * vec + col % vec).astype("int64")),
        Rival(key="chunk-start", sentence="**The place inside the chunk is lost**: add col % vec.",
              oracle=lambda row, col, vec, per_phase, max_phase: (((col // vec) ^ (row // per_phase % max_phase)) * vec).astype("int64")),
        Rival(key="elements", sentence="**Elements are swapped, not chunks.** XOR the chunk number col // vec with the phase.",
              oracle=lambda row, col, vec, per_phase, max_phase: (col ^ (row // per_phase % max_phase)).astype("int64")),
        Rival(key="added", sentence="**The phase is added, not XORed.**", oracle=lambda row, col, vec, per_phase, max_phase: (
            (col // vec + row // per_phase) % max_phase * vec + col % vec).astype("int64")),
        Rival(key="chunk-number", sentence="**That is the chunk's number.** A column is wanted: chunk · vec + place inside.",
              oracle=lambda row, col, vec, per_phase, max_phase: ((col // vec) ^ (row // per_phase % max_phase)).astype("int64")),
    ),
    hints=(
        "Three numbers: chunk = col // vec, inside = col % vec, phase = (row // per_phase) % max_phase.",
        "New column = (chunk ^ phase) * vec + inside. Mind the precedence: in Python `^` binds weaker than `*` and `+`.",
    ),
    why="XOR of chunk numbers, with a phase that changes as often as the rows fill the 32 banks once.",
    follow_up="what is c ^ r of 03.8 in this notation?",
)  # fmt: skip


def blocks(shared: int, reserved: int = 1024, threads: int = 256) -> int:
    """Of an SM of compute capability 9.0, by threads and shared memory (CUDA programming guide)."""
    return min(2048 // threads, 32, 228 * 1024 // (shared + reserved))


FIT = Predict(
    id="03.24",
    title="What fits on an SM",
    minutes=4,
    quantities=(
        Quantity(
            name="small_tile", value=lambda: blocks(32 * 33 * 4),
            because="4,224 bytes are not the limit: 2048 threads / 256 are.",
            misreads=(Misread(44, "shared-only", "44 would fit by shared memory. The SM holds 2048 threads."),
                      Misread(55, "shared-only", "By shared memory perhaps. The SM holds 2048 threads."),
                      Misread(32, "block-limit", "32 blocks is the limit for small blocks; 256 threads × 32 are too many.")),
        ),
        Quantity(
            name="with_48_kb", value=lambda: blocks(48 * 1024),  because="228 / (48 + 1) = 4.65.",
            misreads=(Misread(8, "threads-only", "By threads 8; by shared memory 228 / 49."),
                      Misread(5, "rounded-up", "A block fits as a whole or not at all: round down.")),
        ),
        Quantity(
            name="three_stages", value=lambda: blocks(3 * 38 * 1024),
            because="2 × (114 + 1) = 230 KB are more than 228: the reserved kilobyte decides.",
            misreads=(Misread(2, "no-reserve", "2 × 114 = 228, but each block takes 1 KB more."),),
        ),
    ),
    hints=("Two limits: 2048 / 256 threads, and 228 KB / (the block's KB + 1). The smaller one, rounded down.",
           "`float tile[32][33]` is 32 · 33 · 4 bytes."),
    why="Occupancy is a minimum of whole numbers, so it falls in steps, and a kilobyte can cost half of it.",
)  # fmt: skip

# Boss

ELEMENTS = {"unsigned char": ("uint8", 1), "unsigned short": ("uint16", 2), "float": ("float32", 4), "double": ("float64", 8),
            "float4": ("float32", 16)}  # fmt: skip


def matrix(rng: np.random.Generator, T: str, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    dtype, bytes_of = ELEMENTS[T]
    parts = (4,) if T == "float4" else ()
    if dtype.startswith("uint"):
        x = rng.integers(1, 256**bytes_of, (rows, cols)).astype(dtype)
    else:
        x = spread(rng, (rows, cols, *parts), dtype)
    return x, np.zeros((cols, rows, *parts), dtype), rows, cols


def unit_of(T: str) -> tuple[int, int]:
    """(bytes of a unit, elements in it)"""
    size = ELEMENTS[T][1]
    return max(size, 4), max(4 // size, 1)


def boss_launch(T: str, rows: int, cols: int) -> dict:
    side = 32 * unit_of(T)[1]
    return dict(grid=(-(-cols // side), -(-rows // side)), block=(32, 8), entry=f"transpose<{T}>")


def full_requests(T: str, rows: int, cols: int) -> float:
    return rows * cols * ELEMENTS[T][1] / (32 * unit_of(T)[0])


def full(verb: str) -> Budget:
    return Budget(quantity=f"{verb} requests", at_most=full_requests, key=f"narrow-{verb}s", where=lambda T, rows, cols:
                  rows % 128 == cols % 128 == 0, because=f"Each lane is to {verb} a whole unit of 4 bytes: 4 bytes or 2 halves "
                  "that follow each other in a row. The compiler splits the access if the struct is not `alignas`.")  # fmt: skip


BOSS = Cuda(
    steps=STEPS,
    seconds=20.0,
    id="03.25",
    title="Boss: any element size",
    minutes=40,
    dots=3,
    size="15 lines",
    answer="any_transpose",
    signature="transpose(const T* x, T* y, int rows, int cols)",
    inputs=matrix,
    oracle=lambda x, y, rows, cols: np.swapaxes(x, 0, 1),
    outputs=("y",),
    shapes=[{"T": t, "rows": r, "cols": c} for t, r, c in (
        ("float", 36, 68), ("unsigned char", 4, 8), ("unsigned char", 128, 128), ("unsigned char", 132, 60),
        ("unsigned short", 60, 76), ("unsigned short", 128, 128), ("double", 32, 36), ("float4", 36, 28))],
    launch=boss_launch,
    block=(32,),
    budgets=(full("load"), full("store"), FREE),
    hints=(
        "First get it right with `tile[W][32]` of units and no swizzle: load units along rows of x; for row c of y collect element "
        "c % V of unit c / V from the V tile rows j·V ... j·V + V − 1.",
        "At the same time the lanes j = 0 ... 31 read unit c / V of rows j·V + k. r changes by V from lane to lane, so c ^ r skips "
        "banks. r / V changes by one.",
        "Store unit j of row r at tile[r][j ^ (r / V)], and read unit c / V of row j·V + k at tile[j·V + k][(c / V) ^ j].",
    ),
    why="Banks see units, not elements. The lanes of a store want rows that are V apart, so the swizzle must use the row divided by V: "
    "it counts 0 ... 31 over the lanes of a column access, and is constant along a row.",
    follow_up="the bytes are read one by one from shared memory, four loads a unit. How would `__byte_perm` make it one?",
)  # fmt: skip

EXERCISES = [
    STRIDES, COUNT, WIDE, COUNT_WIDE, BLUR, PADDING, TRANSPOSE, PLACE, CHUNKS, TRANSPOSE4, ROUNDS, BLOCK_SUM, SHUFFLE_SUM, TOTAL,
    SCAN_COST, SCAN, ATOMICS, HISTOGRAM, SOFTMAX, ONLINE, LAYERNORM, PIPELINE, SWIZZLED, FIT, BOSS,
]  # fmt: skip
