"""Wrong answers of chapter 03 and the diagnosis each must get; unusual right ones."""

from utils.judge import Right, Wrong

SEEDS = 1  # for answers that run on the emulated GPU or in Triton's interpreter: about 0.1 s each


def predicted(exercise: str, truth: dict[str, object], wrong: dict[str, tuple[object, str]]) -> list[Wrong | Right]:
    """A wrong answer for each entry "what it is": (name=value, diagnosis); the others as they are."""
    attempts: list[Wrong | Right] = []
    for name, (change, diagnosis) in wrong.items():
        values = {**truth, **dict([change])}
        code = "\n".join(f"{key} = {value}" for key, value in values.items())
        attempts.append(Wrong(exercise, name, code=code, diagnosis=diagnosis))
    written = "\n".join(f"{key} = np.int64({value})" for key, value in truth.items())
    attempts.append(Right(exercise, "as NumPy numbers", code=f"import numpy as np\n{written}"))
    return attempts


def wrong(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    return Wrong(exercise, name, edits=edits, diagnosis=diagnosis, seeds=SEEDS)


def right(exercise: str, name: str, *edits: tuple[str, str]) -> Right:
    return Right(exercise, name, edits=edits, seeds=SEEDS)


def cuda(answer: str, source: str) -> str:
    return f'{answer} = r"""\n{source.strip()}\n"""'


PREDICTIONS = [
    *predicted("03.1", {"stride_3": 1, "stride_8": 8, "stride_12": 4, "stride_32": 32}, {
        "the stride itself": (("stride_3", 3), "stride-itself"), "12 itself": (("stride_12", 12), "stride-itself"),
        "banks visited": (("stride_8", 4), "banks-visited"), "12 is no power of two": (("stride_12", 1), "not-a-power"),
        "32 as a broadcast": (("stride_32", 1), "one-bank"), "half": (("stride_32", 16), "factor-of-two"),
        "a text": (("stride_8", "'8'"), "not-a-number"), "one left open": (("stride_8", "..."), "open"),
    }),
    *predicted("03.3", {"float2_neighbours": 2, "float4_neighbours": 4, "float4_every_second": 8, "double_column_padded": 2}, {
        "one for 8 bytes": (("float2_neighbours", 1), "one"), "one for 16 bytes": (("float4_neighbours", 1), "one"),
        "four-way conflict": (("float4_neighbours", 16), "four-way"),
        "no conflict at stride 2": (("float4_every_second", 4), "no-conflict"),
        "four of a quarter": (("float4_every_second", 16), "four-way"),
        "padding is for floats": (("double_column_padded", 4), "two-way"), "not padded": (("double_column_padded", 32), "not-padded"),
    }),
    *predicted("03.6", {"wavefronts_33": 1, "wavefronts_34": 2}, {
        "any padding": (("wavefronts_34", 1), "any-padding"), "33 does nothing": (("wavefronts_33", 32), "no-change"),
        "34 does nothing": (("wavefronts_34", 32), "no-change"), "wraps": (("wavefronts_33", 2), "wraps"),
        "34": (("wavefronts_34", 34), "wrong-value"),
    }),
    *predicted("03.11", {"strided_8": 8, "strided_1": 2, "halving_64": 1}, {
        "all wait": (("strided_8", 16), "all-wait"), "two banks": (("strided_8", 2), "banks-visited"),
        "none waits": (("strided_1", 1), "no-conflict"), "the distance": (("halving_64", 64), "distance"),
        "two warps": (("halving_64", 2), "two-warps"),
    }),
    *predicted("03.15", {"rounds": 8, "additions": 1793}, {
        "serial": (("rounds", 255), "serial"), "one round too many": (("rounds", 9), "one-too-many"),
        "one round short": (("rounds", 7), "one-short"), "all add": (("additions", 2048), "all-add"),
        "serial additions": (("additions", 255), "serial"),
    }),
    *predicted("03.17", {"direct": 2**20, "privatized": 2**15}, {
        "requests": (("direct", 2**15), "requests"), "one block": (("privatized", 256), "one-block"),
        "no change": (("privatized", 2**20), "no-change"), "half": (("privatized", 2**14), "factor-of-two"),
        "open": (("direct", "..."), "open"),
    }),
    *predicted("03.24", {"small_tile": 8, "with_48_kb": 4, "three_stages": 1}, {
        "by shared memory alone": (("small_tile", 44), "shared-only"), "without the reserve, too": (("small_tile", 55), "shared-only"),
        "32 blocks": (("small_tile", 32), "block-limit"), "by threads alone": (("with_48_kb", 8), "threads-only"),
        "rounded up": (("with_48_kb", 5), "rounded-up"), "without the reserve": (("three_stages", 2), "no-reserve"),
    }),
]  # fmt: skip

FUNCTIONS = [
    Wrong("03.2", "lanes, not words", edits=(("np.unique(words[words >= 0])", "words[words >= 0]"),), diagnosis="lanes-counted"),
    Wrong("03.2", "idle lanes counted", edits=(("words[words >= 0]", "words"),), diagnosis="idle-counted"),
    Wrong("03.2", "number of banks", diagnosis="banks-counted",
          edits=(("int(np.bincount(wanted % 32, minlength=32).max())", "len(set((wanted % 32).tolist()))"),)),
    Wrong("03.2", "number of words", diagnosis="words-counted",
          edits=(("int(np.bincount(wanted % 32, minlength=32).max())", "len(wanted)"),)),
    Wrong("03.2", "lanes, the idle ones too", diagnosis="lanes-and-idle", code="def count_wavefronts(words):\n    banks = [w % 32 for w in "
          "words]\n    return max(banks.count(b) for b in range(32))"),
    Wrong("03.2", "conflicts", edits=((".max())", ".max()) - 1 if len(wanted) else 0"),), diagnosis="offset"),
    Wrong("03.2", "at least one", edits=(("return int(", "return max(1, int("), (".max())", ".max()))")), diagnosis="idle-is-one"),
    Wrong("03.2", "fails without lanes", edits=((", minlength=32", ""),), diagnosis="exception"),
    Wrong("03.2", "gcd of the first two", diagnosis="first-two",
          code="import math\ndef count_wavefronts(words):\n    return math.gcd(int(words[1] - words[0]), 32)"),
    Right("03.2", "sets", code="def count_wavefronts(words):\n    queues = {}\n    for w in set(words.tolist()) - {-1}:\n"
          "        queues.setdefault(w % 32, set()).add(w)\n    return max(map(len, queues.values()), default=0)"),
    Right("03.2", "sorted", code="import numpy as np\ndef count_wavefronts(words):\n    w = np.sort(words[words >= 0])\n"
          "    w = w[np.append(True, w[1:] != w[:-1])] if len(w) else w\n"
          "    return max(int((w % 32 == b).sum()) for b in range(32))"),
    Wrong("03.4", "not split", diagnosis="not-split", edits=(("lanes, total = 128 // max(width, 4), 0", "lanes, total = 32, 0"),)),
    Wrong("03.4", "whole warp, word by word", diagnosis="word-by-word", code="import numpy as np\ndef count_wide(addresses, width):\n"
          "    first = addresses[addresses >= 0] // 4\n    return sum(int(np.bincount(np.unique(first + k) % 32, minlength=32).max()) "
          "for k in range(width // 4))"),
    Wrong("03.4", "idle lanes dropped first", diagnosis="dropped-first", edits=(("    for first in", "    addresses = addresses[addresses >= 0]\n    for first in"),)),
    Right("03.4", "first words suffice, as all are aligned", edits=((" + np.arange(width // 4)", " + np.arange(1)"),)),
    Wrong("03.4", "bytes for words", diagnosis="bytes-for-words", edits=(("None] // 4 + ", "None] + "),)),
    Wrong("03.4", "the slowest group", diagnosis="largest-group", edits=(("total += int(", "total = max(total, int("),
                                                                        ("minlength=32).max())", "minlength=32).max()))"))),
    Wrong("03.4", "lanes, not words", diagnosis="lanes-counted", edits=(("np.unique(words)", "words.ravel()"),)),
    Wrong("03.4", "groups mixed up", diagnosis="swapped-groups",
          edits=(("128 // max(width, 4)", "{4: 32, 8: 8, 16: 16}[width]"),)),
    Wrong("03.4", "every second lane", diagnosis="interleaved",
          edits=(("range(0, 32, lanes)", "range(width // 4)"), ("first : first + lanes]", "first :: width // 4]"))),
    Wrong("03.4", "idle lanes counted", diagnosis="wrong-values", edits=(("group[group >= 0, None]", "group[:, None]"),
                                                                         ("% 32, minlength", "% 32 , minlength"))),
    Right("03.4", "loops", code="def count_wide(addresses, width):\n    total, lanes = 0, 128 // width\n"
          "    for g in range(width // 4):\n        queues = [set() for _ in range(32)]\n"
          "        for a in addresses[g * lanes : (g + 1) * lanes].tolist():\n            if a != -1:\n"
          "                for w in range(a // 4, (a + width) // 4):\n                    queues[w % 32].add(w)\n"
          "        total += max(map(len, queues))\n    return total"),
    Wrong("03.23", "per_phase forgotten", edits=(("(row // per_phase)", "row"),), diagnosis="no-per-phase"),
    Wrong("03.23", "mod before the division", edits=(("(row // per_phase) % max_phase", "row % max_phase // per_phase"),), diagnosis="mod-first"),
    Wrong("03.23", "max_phase forgotten", edits=(("(row // per_phase) % max_phase", "row // per_phase"),), diagnosis="no-max-phase"),
    Wrong("03.23", "place in the chunk lost", edits=((" + col % vec", ""),), diagnosis="chunk-start"),
    Wrong("03.23", "elements swapped", edits=(("((col // vec) ^ phase) * vec + col % vec", "col ^ phase"),), diagnosis="elements"),
    Wrong("03.23", "added", edits=(("((col // vec) ^ phase) * vec", "(col // vec + phase) % max_phase * vec"),), diagnosis="added"),
    Wrong("03.23", "number of the chunk", edits=((" * vec + col % vec", ""),), diagnosis="chunk-number"),
    Wrong("03.23", "precedence", edits=(("((col // vec) ^ phase) * vec", "col // vec ^ phase * vec"),), diagnosis="wrong-values"),
    Right("03.23", "on the whole column", edits=(("((col // vec) ^ phase) * vec + col % vec", "col ^ (phase * vec)"),)),
    Right("03.23", "divmod", code="def swizzled_column(row, col, vec, per_phase, max_phase):\n    chunk, inside = divmod(col, vec)\n"
          "    return vec * (chunk ^ row % (per_phase * max_phase) // per_phase) + inside"),
]  # fmt: skip

DIRECT_BLUR = cuda("blur", """
__global__ void blur(const float* x, float* y, int n) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < n) y[i] = (i > 0 ? x[i - 1] : 0.0f) + x[i] + (i + 1 < n ? x[i + 1] : 0.0f);
}""")  # fmt: skip
SHUFFLED_BLUR = cuda("blur", """
__global__ void blur(const float* x, float* y, int n) {
    int i = blockIdx.x * 256 + threadIdx.x, lane = threadIdx.x % 32;
    float v = i < n ? x[i] : 0.0f;
    float l = __shfl_up_sync(~0u, v, 1), r = __shfl_down_sync(~0u, v, 1);
    if (lane == 0) l = i > 0 && i <= n ? x[i - 1] : 0.0f;
    if (lane == 31) r = i + 1 < n ? x[i + 1] : 0.0f;
    if (i < n) y[i] = l + v + r;
}""")  # fmt: skip
DYNAMIC_BLUR = cuda("blur", """
#define AT(k) ((k) >= 0 && (k) < n ? x[k] : 0.0f)
__global__ void blur(const float* __restrict__ x, float* __restrict__ y, int n) {
    __shared__ float s[2][129 + 1];
    int base = blockIdx.x * 256;
    for (int k = threadIdx.x; k < 258; k += blockDim.x) s[k / 129][k % 129] = AT(base + k - 1);
    __syncthreads();
    int i = base + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (int k = threadIdx.x; k <= threadIdx.x + 2; ++k) sum += s[k / 129][k % 129];
    y[i] = sum;
}""")  # fmt: skip
BLUR = [
    wrong("03.5", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.5", "left early", "uninitialized", ("    __shared__ float s[258];", "    __shared__ float s[258];\n    if (i >= n) return;")),
    wrong("03.5", "no left halo", "uninitialized", ("    if (t == 0) s[0] = i > 0 ? x[i - 1] : 0.0f;\n", "")),
    wrong("03.5", "halo unguarded", "out-of-bounds", ("i > 0 ? x[i - 1] : 0.0f", "x[i - 1]")),
    wrong("03.5", "right halo unguarded", "out-of-bounds", ("i + 1 < n ? x[i + 1] : 0.0f", "x[i + 1]")),
    wrong("03.5", "no tail guard", "out-of-bounds", ("i < n ? x[i] : 0.0f", "x[i]")),
    wrong("03.5", "256 words", "out-of-bounds", ("s[258]", "s[256]")),
    wrong("03.5", "zero at the edges of a block", "block-edges", ("i > 0 ? x[i - 1] : 0.0f", "0.0f"),
          ("i + 1 < n ? x[i + 1] : 0.0f", "0.0f")),
    wrong("03.5", "the ends are neighbours", "wraps", ("i > 0 ? x[i - 1] : 0.0f", "x[(i + n - 1) % n]"), ("s[t + 1] = i < n ? x[i] : 0.0f", "s[t + 1] = i < n ? x[i] : x[0]"),
          ("i + 1 < n ? x[i + 1] : 0.0f", "x[(i + 1) % n]")),
    wrong("03.5", "no left neighbour", "no-left", ("y[i] = s[t] ", "y[i] = 0 ")),
    wrong("03.5", "no middle", "no-middle", ("               + s[t + 1]   // itself\n", "")),
    Wrong("03.5", "straight from global memory", code=DIRECT_BLUR, diagnosis="budget", seeds=SEEDS),
    Right("03.5", "shuffles", code=SHUFFLED_BLUR, seeds=SEEDS),
    Right("03.5", "a loop fills it, threads leave after the barrier", code=DYNAMIC_BLUR, seeds=SEEDS),
]  # fmt: skip

TILE = "__shared__ float tile[32][33];"
SWIZZLE = (("tile[threadIdx.y + k][threadIdx.x] =", "tile[threadIdx.y + k][threadIdx.x ^ (threadIdx.y + k)] ="),
           ("tile[threadIdx.x][threadIdx.y + k];", "tile[threadIdx.x][(threadIdx.y + k) ^ threadIdx.x];"))  # fmt: skip
NAIVE = cuda("transpose", """
__global__ void transpose(const float* x, float* y, int n) {
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8) if (r + k < n && c < n) y[c * n + r + k] = x[(r + k) * n + c];
}""")  # fmt: skip
TRANSPOSES = [
    wrong("03.7", "32", "bank-conflicts", (TILE, "__shared__ float tile[32][32];")),
    wrong("03.7", "34", "bank-conflicts", (TILE, "__shared__ float tile[32][34];")),
    wrong("03.7", "36, for alignment", "bank-conflicts", (TILE, "__shared__ float tile[32][36];")),
    wrong("03.7", "a row more instead of a column", "bank-conflicts", (TILE, "__shared__ float tile[33][32];")),
    wrong("03.7", "31", "out-of-bounds", (TILE, "__shared__ float tile[32][31];")),
    wrong("03.7", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.7", "swizzled on one side only", "uninitialized", (TILE, "__shared__ float tile[32][32];"), SWIZZLE[1]),
    wrong("03.7", "not transposed inside the tile", "uninitialized",
          ("tile[threadIdx.x][threadIdx.y + k];", "tile[threadIdx.y + k][threadIdx.x];")),
    wrong("03.7", "no guard on the store", "out-of-bounds", ("if (r + k < n && c < n) y[", "y[")),
    Wrong("03.7", "no tile", code=NAIVE, diagnosis="uncoalesced", seeds=SEEDS),
    right("03.7", "swizzled", (TILE, "__shared__ float tile[32][32];"), *SWIZZLE),
    right("03.7", "35", (TILE, "__shared__ float tile[32][35];")),
    right("03.7", "turned when written", (TILE, "__shared__ float tile[32][33];"),
          ("tile[threadIdx.y + k][threadIdx.x] =", "tile[threadIdx.x][threadIdx.y + k] ="),
          ("tile[threadIdx.x][threadIdx.y + k];", "tile[threadIdx.y + k][threadIdx.x];")),
    wrong("03.8", "row by row", "bank-conflicts", ("r * 32 + (c ^ r)", "r * 32 + c")),
    wrong("03.8", "padded", "out-of-bounds", ("r * 32 + (c ^ r)", "r * 33 + c")),
    wrong("03.8", "without the row", "race", ("r * 32 + (c ^ r)", "c ^ r")),
    wrong("03.8", "only 8 columns", "bank-conflicts", ("(c ^ r)", "(c ^ (r % 8))")),
    wrong("03.8", "half a row", "bank-conflicts", ("(c ^ r)", "(c ^ (r / 2))")),
    wrong("03.8", "not mod 32", "out-of-bounds", ("(c ^ r)", "c + r")),
    wrong("03.8", "OR instead of XOR", "race", ("(c ^ r)", "(c | r)")),
    right("03.8", "rotated", ("(c ^ r)", "(c + r) % 32")),
    right("03.8", "rotated the other way", ("(c ^ r)", "((c - r) & 31)")),
    right("03.8", "by columns", ("r * 32 + (c ^ r)", "c * 32 + (r ^ c)")),
    right("03.8", "odd multiple", ("(c ^ r)", "(c + 5 * r) % 32")),
    right("03.8", "precedence", ("r * 32 + (c ^ r)", "r * 32 + c ^ r")),
    wrong("03.9", "row by row", "column-conflicts", ("(q ^ (r % 8))", "q")),
    wrong("03.9", "without the row", "race", ("r * 8 + (q ^ (r % 8))", "q ^ r % 8")),
    wrong("03.9", "not mod 8", "out-of-bounds", ("(q ^ (r % 8))", "(q ^ r)")),
    wrong("03.9", "every second row", "column-conflicts", ("(r % 8)", "(r / 2 % 8)")),
    wrong("03.9", "four only", "column-conflicts", ("(r % 8)", "(r % 4)")),
    wrong("03.9", "by columns", "rows-torn", ("r * 8 + (q ^ (r % 8))", "q * 64 + r")),
    wrong("03.9", "padded", "out-of-bounds", ("r * 8 + (q ^ (r % 8))", "r * 9 + q")),
    right("03.9", "rotated", ("(q ^ (r % 8))", "(q + r) % 8")),
    right("03.9", "bits", ("r * 8 + (q ^ (r % 8))", "(r << 3 | q) ^ (r & 7)")),
    right("03.9", "three times the row", ("(q ^ (r % 8))", "(q + 3 * r) % 8")),
    wrong("03.10", "32", "bank-conflicts", (TILE, "__shared__ float tile[32][32];")),
    wrong("03.10", "36, aligned", "bank-conflicts", (TILE, "__shared__ float tile[32][36];")),
    wrong("03.10", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.10", "float4 into a padded row", "misaligned", ("tile[ty][4 * tx] = v.x;", "*(float4*)&tile[ty][4 * tx] = v;"),
          ("    tile[ty][4 * tx + 1] = v.y;\n    tile[ty][4 * tx + 2] = v.z;\n    tile[ty][4 * tx + 3] = v.w;\n", "")),
    wrong("03.10", "blocks not exchanged", "tiles-stay", ("(blockIdx.x * 32 + ty) * n + blockIdx.y * 32 + 4 * tx",
                                                                 "(blockIdx.y * 32 + ty) * n + blockIdx.x * 32 + 4 * tx")),
    wrong("03.10", "tile not turned", "tiles-not-turned", ("tile[4 * tx][ty], tile[4 * tx + 1][ty], tile[4 * tx + 2][ty], tile[4 * tx + 3][ty]",
                                                   "tile[ty][4 * tx], tile[ty][4 * tx + 1], tile[ty][4 * tx + 2], tile[ty][4 * tx + 3]")),
    wrong("03.10", "words loaded singly", "narrow-loads", ("float4 v = ((const float4*)x)[from / 4];",
          "volatile const float* p = x + from;\n    float4 v = make_float4(p[0], p[1], p[2], p[3]);")),
    wrong("03.10", "words stored singly", "narrow-stores", ("((float4*)y)[to / 4] = v;",
          "volatile float* p = y + to;\n    p[0] = v.x; p[1] = v.y; p[2] = v.z; p[3] = v.w;")),
    right("03.10", "swizzled by quads", (TILE, "__shared__ float tile[32][32];"),
          ("tile[ty][4 * tx] =", "tile[ty][4 * tx ^ ty] ="), ("tile[ty][4 * tx + 1] =", "tile[ty][(4 * tx + 1) ^ ty] ="),
          ("tile[ty][4 * tx + 2] =", "tile[ty][(4 * tx + 2) ^ ty] ="), ("tile[ty][4 * tx + 3] =", "tile[ty][(4 * tx + 3) ^ ty] ="),
          ("make_float4(tile[4 * tx][ty], tile[4 * tx + 1][ty], tile[4 * tx + 2][ty], tile[4 * tx + 3][ty])",
           "make_float4(tile[4 * tx][ty ^ (4 * tx)], tile[4 * tx + 1][ty ^ (4 * tx + 1)], tile[4 * tx + 2][ty ^ (4 * tx + 2)], "
           "tile[4 * tx + 3][ty ^ (4 * tx + 3)])")),
    right("03.10", "turned when written", ("tile[ty][4 * tx] =", "tile[4 * tx][ty] ="), ("tile[ty][4 * tx + 1] =", "tile[4 * tx + 1][ty] ="),
          ("tile[ty][4 * tx + 2] =", "tile[4 * tx + 2][ty] ="), ("tile[ty][4 * tx + 3] =", "tile[4 * tx + 3][ty] ="),
          ("make_float4(tile[4 * tx][ty], tile[4 * tx + 1][ty], tile[4 * tx + 2][ty], tile[4 * tx + 3][ty])",
           "make_float4(tile[ty][4 * tx], tile[ty][4 * tx + 1], tile[ty][4 * tx + 2], tile[ty][4 * tx + 3])")),
]  # fmt: skip

TREE = """for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }"""
LAST = "if (t == 0) sums[blockIdx.x] = part[0];"
SUMS = [
    wrong("03.12", "no barrier in the loop", "race", ("+ s];\n        __syncthreads();", "+ s];")),
    wrong("03.12", "no barrier before it", "race", ("0.0f;\n    __syncthreads();", "0.0f;")),
    wrong("03.12", "barrier in the branch", "barrier", (TREE, """for (int s = 128; s > 0; s /= 2)
        if (t < s) { part[t] += part[t + s]; __syncthreads(); }""")),
    wrong("03.12", "no tail guard", "out-of-bounds", ("i < n ? x[i] : 0.0f", "x[i]")),
    wrong("03.12", "tail not filled", "uninitialized", ("part[t] = i < n ? x[i] : 0.0f;", "if (i < n) part[t] = x[i];")),
    wrong("03.12", "last round missing", "half", ("s > 0", "s > 1")),
    wrong("03.12", "first round missing", "upper-half", ("s = 128", "s = 64")),
    wrong("03.12", "every thread stores", "race", (LAST, "sums[blockIdx.x] = part[t];")),
    wrong("03.12", "endless", "endless-loop", ("s > 0", "s >= 0")),
    wrong("03.12", "every other thread", "wavefronts", (TREE, """for (int s = 1; s < 256; s *= 2) {
        if (t % (2 * s) == 0) part[t] += part[t + s];
        __syncthreads();
    }""")),
    wrong("03.12", "strided", "bank-conflicts", (TREE, """for (int s = 1; s < 256; s *= 2) {
        if (2 * s * t < 256) part[2 * s * t] += part[2 * s * t + s];
        __syncthreads();
    }""")),
    wrong("03.12", "one thread adds", "wavefronts", (TREE, ""), (LAST,
          "float v = 0.0f;\n    if (t == 0) { for (int k = 0; k < 256; ++k) v += part[k]; sums[blockIdx.x] = v; }")),
    Wrong("03.12", "one thread, no shared memory", diagnosis="one-by-one", seeds=SEEDS, code=cuda("block_sum", """
__global__ void block_sum(const float* x, float* sums, int n) {
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    if (t == 0) { float s = 0; for (int k = i; k < n && k < i + 256; k++) s += x[k]; sums[blockIdx.x] = s; }
}""")),
    wrong("03.12", "shuffles", "forbidden-route", ("i < n ? x[i] : 0.0f;", "i < n ? x[i] : 0.0f;\n    __shfl_down_sync(~0u, 0, 1);")),
    right("03.12", "counting up", ("int s = 128; s > 0; s /= 2", "int k = 7; k >= 0; --k"), ("if (t < s) part[t] += part[t + s];",
                                                                                          "if (t < (1 << k)) part[t] += part[t + (1 << k)];")),
    right("03.12", "eight each, then one warp", (TREE, """if (t < 32) {
        float v = 0.0f;
        for (int k = 0; k < 8; ++k) v += part[t + 32 * k];
        part[t] = v;
        for (int s = 16; s > 0; s /= 2) {
            __syncwarp();
            float w = t < s ? part[t + s] : 0.0f;
            __syncwarp();
            part[t] += w;
        }
    }""")),
    right("03.12", "from the other end", (TREE, """for (int m = 256; m > 1;) {
        int h = m / 2;
        if (t >= h && t < m) part[m - 1 - t] += part[t];
        m = h;
        __syncthreads();
    }""")),
    wrong("03.13", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.13", "no 16", "four-rounds", ("int d = 16", "int d = 8")),
    wrong("03.13", "missing warps read", "uninitialized", ("lane < blockDim.x / 32 ? part[lane] : 0.0f", "part[lane]")),
    wrong("03.13", "always eight warps", "uninitialized", ("lane < blockDim.x / 32", "lane < 8")),
    wrong("03.13", "first warp only", "first-warp", ("lane < blockDim.x / 32 ? part[lane] : 0.0f", "lane < 1 ? part[lane] : 0.0f")),
    wrong("03.13", "no tail guard", "out-of-bounds", ("i < n ? x[i] : 0.0f", "x[i]")),
    wrong("03.13", "every lane writes", "race", ("if (lane == 0) part[warp] = v;", "part[warp] = v;")),
    wrong("03.13", "shuffles in a branch", "barrier", ("float v = warp_sum(i < n ? x[i] : 0.0f);", "float v = 0.0f;\n    if (i < n) v = warp_sum(x[i]);")),
    wrong("03.13", "through shared memory", "wavefronts", ("v = warp_sum(lane < blockDim.x / 32 ? part[lane] : 0.0f);",
          "v = 0.0f;\n        for (int w = 0; w < blockDim.x / 32; ++w) v += part[w];")),
    right("03.13", "butterfly", ("__shfl_down_sync", "__shfl_xor_sync")),
    right("03.13", "the last warp sums", ("if (warp == 0) {", "if (warp == blockDim.x / 32 - 1) {")),
    right("03.13", "upwards, lane 31 summed back", ("for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffff, v, d);",
          "for (int d = 1; d < 32; d *= 2) v += __shfl_sync(~0u, v, (threadIdx.x + d) % 32);")),
    wrong("03.14", "no tail", "no-tail", ("    if (first < n % 4) v += x[n - 1 - first];\n", "")),
    wrong("03.14", "tail by every block", "tail-by-every-block", ("if (first < n % 4) v += x[n - 1 - first];", "if (t < n % 4) v += x[n - 1 - t];")),
    wrong("03.14", "no stride", "no-stride", ("for (int i = first; i < n / 4; i += step)", "if (int i = first; i < n / 4)")),
    wrong("03.14", "rounded up", "out-of-bounds", ("i < n / 4", "i < (n + 3) / 4")),
    wrong("03.14", "stored, not added", "race", ("atomicAdd(out, v)", "*out = v")),
    wrong("03.14", "added without an atomic", "race", ("atomicAdd(out, v)", "*out += v")),
    wrong("03.14", "an atomic for each thread", "many-atomics", ("v = warp_sum(v);\n    if (t % 32 == 0)", "atomicAdd(out, v);\n    if (t % 32 == 0)"),
          ("if (t == 0) atomicAdd(out, v);", "")),
    wrong("03.14", "single words", "narrow-loads", ("i < n / 4; i += step) {\n        float4 q = ((const float4*)x)[i];\n        v += (q.x + q.y) + (q.z + q.w);",
          "i < n / 4 * 4; i += step) {\n        v += x[i];")),
    wrong("03.14", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.14", "first warp only", "first-warp", ("t < 8 ? part[t] : 0.0f", "t < 1 ? part[t] : 0.0f")),
    right("03.14", "two accumulators", ("float v = 0.0f;", "float v = 0.0f, u = 0.0f;"), ("v += (q.x + q.y) + (q.z + q.w);", "v += q.x + q.y, u += q.z + q.w;"),
          ("v = warp_sum(v);\n", "v = warp_sum(v + u);\n")),
    right("03.14", "tail by the last thread", ("if (first < n % 4) v += x[n - 1 - first];",
          "if (first == step - 1) for (int i = n / 4 * 4; i < n; ++i) v += x[i];")),
    right("03.14", "each block a stretch", ("for (int i = first; i < n / 4; i += step) {",
          "int each = (n / 4 + 7) / 8, end = min(n / 4, (blockIdx.x + 1) * each);\n    for (int i = blockIdx.x * each + t; i < end; i += 256) {")),
]  # fmt: skip

FIRST_WARP = """    if (warp == 0) {
        float e = lane < 8 ? ends[lane] : 0.0f;
        for (int d = 1; d < 8; d *= 2) {
            float before = __shfl_up_sync(0xffffffff, e, d);
            if (lane >= d) e += before;
        }
        if (lane < 8) ends[lane] = e;
    }
    __syncthreads();
    if (warp > 0) v += ends[warp - 1];
"""
STEELE = """
__global__ void scan(const float* x, float* y, int n) {
    __shared__ float s[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    s[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    for (int d = 1; d < 256; d *= 2) {
        float v = t >= d ? s[t - d] : 0.0f;
        __syncthreads();
        s[t] += v;
        __syncthreads();
    }
    if (i < n) y[i] = s[t];
}"""
TWO_ARRAYS = """
__global__ void scan(const float* x, float* y, int n) {
    __shared__ float s[2][256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t, in = 0;
    s[0][t] = i < n ? x[i] : 0.0f;
    for (int d = 1; d < 256; d *= 2, in ^= 1) {
        __syncthreads();
        s[in ^ 1][t] = s[in][t] + (t >= d ? s[in][t - d] : 0.0f);
    }
    if (i < n) y[i] = s[in][t];
}"""
SERIAL = """
__global__ void scan(const float* x, float* y, int n) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (threadIdx.x == 0) { float v = 0.0f; for (int k = i; k < n && k < i + 256; ++k) y[k] = v += x[k]; }
}"""
ALL_BEFORE = """
__global__ void scan(const float* x, float* y, int n) {
    __shared__ float s[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    s[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    float v = 0.0f;
    for (int k = 0; k <= t; ++k) v += s[k];
    if (i < n) y[i] = v;
}"""


def scan(source: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return cuda("scan", source)


SCANS = [
    Wrong("03.16", "in place, one barrier", seeds=SEEDS, diagnosis="race", code=scan(STEELE,
          ("float v = t >= d ? s[t - d] : 0.0f;\n        __syncthreads();\n        s[t] += v;", "if (t >= d) s[t] += s[t - d];"))),
    Wrong("03.16", "no barrier after the write", seeds=SEEDS, diagnosis="race", code=scan(STEELE, ("s[t] += v;\n        __syncthreads();", "s[t] += v;"))),
    Wrong("03.16", "no barrier after the read", seeds=SEEDS, diagnosis="race", code=scan(STEELE, ("0.0f;\n        __syncthreads();", "0.0f;"))),
    Wrong("03.16", "one round short", seeds=SEEDS, diagnosis="wrong-values", code=scan(STEELE, ("d < 256", "d < 128"))),
    Wrong("03.16", "one thread", seeds=SEEDS, diagnosis="steps", code=scan(SERIAL)),
    Wrong("03.16", "each adds all before it", seeds=SEEDS, diagnosis="steps", code=scan(ALL_BEFORE)),
    wrong("03.16", "exclusive", "exclusive", ("if (i < n) y[i] = v;", "if (i < n) y[i] = v - x[i];")),
    wrong("03.16", "warps not joined", "per-warp", ("    if (warp > 0) v += ends[warp - 1];\n", "")),
    wrong("03.16", "only the warp before", "previous-warp", ("if (lane < 8) ends[lane] = e;", "")),
    wrong("03.16", "no barrier", "race", ("ends[warp] = v;\n    __syncthreads();", "ends[warp] = v;")),
    wrong("03.16", "no second barrier", "race", ("    }\n    __syncthreads();\n    if (warp > 0)", "    }\n    if (warp > 0)")),
    wrong("03.16", "its own warp too", "own-warp-too", ("if (warp > 0) v += ends[warp - 1];", "v += ends[warp];")),
    wrong("03.16", "lowest lanes add themselves", "wrong-values", ("if (lane >= d) v += before;", "v += before;")),
    Right("03.16", "Hillis-Steele", seeds=SEEDS, code=scan(STEELE)),
    Right("03.16", "two arrays, one barrier", seeds=SEEDS, code=scan(TWO_ARRAYS)),
    right("03.16", "each adds the totals before", (FIRST_WARP, "    for (int w = 0; w < warp; ++w) v += ends[w];\n")),
]  # fmt: skip

CLEAR = "    if (threadIdx.x < 64) mine[threadIdx.x] = 0;\n"
HISTOGRAMS = [
    wrong("03.18", "not cleared", "uninitialized", (CLEAR, "")),
    wrong("03.18", "no barrier after clearing", "race", ("= 0;\n    __syncthreads();", "= 0;")),
    wrong("03.18", "no barrier before adding", "race", ("1);\n    __syncthreads();", "1);")),
    wrong("03.18", "++ without an atomic", "race", ("atomicAdd(&mine[x[i]], 1)", "mine[x[i]]++")),
    wrong("03.18", "added without an atomic", "race", ("atomicAdd(&bins[threadIdx.x], mine[threadIdx.x])", "bins[threadIdx.x] += mine[threadIdx.x]")),
    wrong("03.18", "direct", "direct", ("atomicAdd(&mine[x[i]], 1)", "atomicAdd(&bins[x[i]], 1)")),
    wrong("03.18", "no stride", "no-stride", ("for (int i = first; i < n; i += step)", "if (int i = first; i < n)")),
    wrong("03.18", "half of the bins", "half-of-the-bins", ("if (threadIdx.x < 64) atomicAdd", "if (threadIdx.x < 32) atomicAdd")),
    wrong("03.18", "both blocks count all", "counted-twice", ("int i = first; i < n; i += step", "int i = threadIdx.x; i < n; i += 256")),
    wrong("03.18", "one too far", "out-of-bounds", ("i < n;", "i <= n;")),
    wrong("03.18", "nothing added", "nothing-added", ("    if (threadIdx.x < 64) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);\n", "")),
    wrong("03.18", "cleared by 32 threads", "uninitialized", ("if (threadIdx.x < 64) mine", "if (threadIdx.x < 32) mine")),
    right("03.18", "only bins that are not empty", ("if (threadIdx.x < 64) atomicAdd", "if (threadIdx.x < 64 && mine[threadIdx.x]) atomicAdd")),
    right("03.18", "two private copies", ("int mine[64];", "int mine[128];"), ("if (threadIdx.x < 64) mine[", "if (threadIdx.x < 128) mine["),
          ("&mine[x[i]]", "&mine[x[i] + threadIdx.x / 128 * 64]"), ("mine[threadIdx.x]);", "mine[threadIdx.x] + mine[threadIdx.x + 64]);")),
    right("03.18", "one warp clears and adds", ("if (threadIdx.x < 64) mine[threadIdx.x] = 0;", "for (int b = threadIdx.x; b < 64 && threadIdx.x < 32; b += 32) mine[b] = 0;"),
          ("if (threadIdx.x < 64) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);", "for (int b = threadIdx.x; b < 64 && threadIdx.x < 32; b += 32) atomicAdd(&bins[b], mine[b]);")),
]  # fmt: skip

THREE_READS = """
__global__ void softmax(const float* x, float* y, int cols) {
    __shared__ float part[4];
    int t = threadIdx.x;
    const volatile float* row = x + blockIdx.x * cols;
    float m = -INFINITY, s = 0.0f;
    for (int c = t; c < cols; c += 128) m = fmaxf(m, row[c]);
    for (int d = 16; d > 0; d /= 2) m = fmaxf(m, __shfl_xor_sync(~0u, m, d));
    if (t % 32 == 0) part[t / 32] = m;
    __syncthreads();
    for (int d = 1; d < 4; ++d) m = fmaxf(m, part[t / 32 ^ d]);
    __syncthreads();
    for (int c = t; c < cols; c += 128) s += expf(row[c] - m);
    for (int d = 16; d > 0; d /= 2) s += __shfl_xor_sync(~0u, s, d);
    if (t % 32 == 0) part[t / 32] = s;
    __syncthreads();
    for (int d = 1; d < 4; ++d) s += part[t / 32 ^ d];
    for (int c = t; c < cols; c += 128) y[blockIdx.x * cols + c] = expf(row[c] - m) / s;
}"""
KEPT_ROW = THREE_READS.replace("part[4];", "part[4], kept[1024];").replace(
    "m = fmaxf(m, row[c])", "m = fmaxf(m, kept[c] = row[c])").replace(
    "s += expf(row[c] - m)", "s += kept[c] = expf(kept[c] - m)").replace("expf(row[c] - m) / s", "kept[c] / s")  # fmt: skip


def softmax(source: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return cuda("softmax", source)


EACH_BLOCK = """
@triton.jit
def kernel(x, y, cols, BLOCK: tl.constexpr):
    start = tl.program_id(0) * cols
    for first in range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=-float("inf"))
        e = tl.exp(v - tl.max(v, axis=0))
        tl.store(y + start + c, e / tl.sum(e, axis=0), mask=c < cols)

def online_softmax(x):
    y = torch.empty_like(x)
    kernel[(x.shape[0],)](x, y, x.shape[1], BLOCK=128)
    return y
"""
SOFTMAXES = [
    Wrong("03.19", "three reads", code=softmax(THREE_READS), diagnosis="three-reads", seeds=SEEDS),
    Wrong("03.19", "the second barrier", seeds=SEEDS, diagnosis="race", code=softmax(KEPT_ROW,
          ("m = fmaxf(m, part[t / 32 ^ d]);\n    __syncthreads();", "m = fmaxf(m, part[t / 32 ^ d]);"))),
    Wrong("03.19", "largest not subtracted", seeds=SEEDS, diagnosis="nan", code=softmax(KEPT_ROW, ("expf(kept[c] - m)", "expf(kept[c])"))),
    wrong("03.19", "0 to begin with", "nan", ("-1e30f", "0.0f")),
    wrong("03.19", "−50 to begin with", "nan", ("-1e30f", "-50.0f")),
    wrong("03.19", "−∞ to begin with", "nan", ("-1e30f", "-INFINITY")),
    wrong("03.19", "not divided", "not-divided", ("expf(row[c] - a.x) / a.y", "expf(row[c] - a.x)")),
    wrong("03.19", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.19", "each warp by itself", "own-warp", ("    a = part[t % 4];\n    for (int d = 1; d < 4; d *= 2)\n        a = merge(a, make_float2(__shfl_xor_sync(~0u, a.x, d), __shfl_xor_sync(~0u, a.y, d)));\n", "")),
    wrong("03.19", "two of four warps", "wrong-values", ("part[t % 4]", "part[t % 2]")),
    wrong("03.19", "not rescaled", "wrong-values", ("a.y * expf(a.x - m) + b.y * expf(b.x - m)", "a.y + b.y")),
    wrong("03.19", "tail left out", "partly-written", ("for (int c = t; c < cols; c += 128) y[", "for (int c = t; c < cols / 128 * 128; c += 128) y[")),
    Right("03.19", "the row is kept", code=softmax(KEPT_ROW), seeds=SEEDS),
    right("03.19", "zero only if both are empty", ("-1e30f", "-INFINITY"), ("    float m = fmaxf(a.x, b.x);\n", """    if (a.x == -INFINITY) return b;
    if (b.x == -INFINITY) return a;
    float m = fmaxf(a.x, b.x);
""")),
    right("03.19", "downwards, then broadcast", ("    a = part[t % 4];\n    for (int d = 1; d < 4; d *= 2)\n        a = merge(a, make_float2(__shfl_xor_sync(~0u, a.x, d), __shfl_xor_sync(~0u, a.y, d)));\n",
          "    if (t == 0) { for (int k = 1; k < 4; ++k) part[0] = merge(part[0], part[k]); }\n    __syncthreads();\n    a = part[0];\n")),
    wrong("03.20", "not divided", "not-divided", ("tl.exp(v - m) / s", "tl.exp(v - m)")),
    wrong("03.20", "0 to begin with", "nan", ("m, s = -1e30, 0.0", "m, s = 0.0, 0.0")),
    wrong("03.20", "−20 to begin with", "nan", ("m, s = -1e30, 0.0", "m, s = -20.0, 0.0")),
    wrong("03.20", "vectors from −∞", "empty-lane", ("m, s = -1e30, 0.0", "ms = tl.full((BLOCK,), -float('inf'), tl.float32)\n    ss = tl.zeros((BLOCK,), tl.float32)"),
          ("        new = tl.maximum(m, tl.max(v, axis=0))\n        s = s * tl.exp(m - new) + tl.sum(tl.exp(v - new), axis=0)\n        m = new\n",
           "        new = tl.maximum(ms, v)\n        ss = ss * tl.exp(ms - new) + tl.exp(v - new)\n        ms = new\n"
           "    m = tl.max(ms, axis=0)\n    s = tl.sum(ss * tl.exp(ms - m), axis=0)\n")),
    wrong("03.20", "not rescaled", "no-rescale", ("s = s * tl.exp(m - new) + ", "s = s + ")),
    Wrong("03.20", "each block by itself", seeds=SEEDS, diagnosis="each-block", code=EACH_BLOCK),
    right("03.20", "−∞ to begin with", ("m, s = -1e30, 0.0", "m, s = -float('inf'), 0.0")),
    wrong("03.20", "zeros beyond the row", "zeros-beyond", ("        v = tl.load(x + start + c, mask=c < cols, other=-float(\"inf\"))\n        new", "        v = tl.load(x + start + c, mask=c < cols, other=0.0)\n        new")),
    wrong("03.20", "the whole row at a time", "tail-unwritten", ("BLOCK=128)", "BLOCK=1024)"), ("    for first in range(0, cols, BLOCK):\n        c = first + tl.arange(0, BLOCK)\n        v = tl.load(x + start + c, mask=c < cols, other=-float(\"inf\"))\n        tl.store",
          "    for first in range(0, BLOCK, BLOCK):\n        c = first + tl.arange(0, BLOCK)\n        v = tl.load(x + start + c, mask=c < cols, other=-float(\"inf\"))\n        tl.store")),
    wrong("03.20", "no mask", "out-of-bounds", ("        v = tl.load(x + start + c, mask=c < cols, other=-float(\"inf\"))\n        new", "        v = tl.load(x + start + c)\n        new")),
    wrong("03.20", "store without a mask", "outside-output", ("/ s, mask=c < cols)", "/ s)")),
    wrong("03.20", "only the first block", "partly-written", ("    for first in range(0, cols, BLOCK):\n        c = first + tl.arange(0, BLOCK)\n        v = tl.load(x + start + c, mask=c < cols, other=-float(\"inf\"))\n        tl.store",
          "    for first in range(0, 128, BLOCK):\n        c = first + tl.arange(0, BLOCK)\n        v = tl.load(x + start + c, mask=c < cols, other=-float(\"inf\"))\n        tl.store")),
    wrong("03.20", "one large block", "forbidden-route", ("BLOCK=128)", "BLOCK=triton.next_power_of_2(x.shape[1]))")),
    wrong("03.20", "torch does it", "forbidden-route", ("return y", "return torch.softmax(x, 1)")),
    right("03.20", "vectors of pairs", ("m, s = -1e30, 0.0", "ms = tl.full((BLOCK,), -1e30, tl.float32)\n    ss = tl.zeros((BLOCK,), tl.float32)"),
          ("        new = tl.maximum(m, tl.max(v, axis=0))\n        s = s * tl.exp(m - new) + tl.sum(tl.exp(v - new), axis=0)\n        m = new\n",
           "        new = tl.maximum(ms, v)\n        ss = ss * tl.exp(ms - new) + tl.exp(v - new)\n        ms = new\n"
           "    m = tl.max(ms, axis=0)\n    s = tl.sum(ss * tl.exp(ms - m), axis=0)\n")),
    wrong("03.21", "no affine", "no-affine", ("off * scale * weight + bias", "off * scale")),
    wrong("03.21", "no bias", "bias-left-out", ("off * scale * weight + bias", "off * scale * weight")),
    wrong("03.21", "divided by cols − 1", "ddof", ("tl.sum(off * off, axis=0) / cols", "tl.sum(off * off, axis=0) / tl.maximum(cols - 1, 1)")),
    wrong("03.21", "RMSNorm", "rms", ("mean = tl.sum(v, axis=0) / cols", "mean = 0.0")),
    wrong("03.21", "divided by BLOCK", "divided-by-block", ("mean = tl.sum(v, axis=0) / cols", "mean = tl.sum(v, axis=0) / BLOCK"),
          ("tl.sum(off * off, axis=0) / cols", "tl.sum(off * off, axis=0) / BLOCK")),
    wrong("03.21", "masked lanes counted", "masked-lanes", ("tl.where(live, v - mean, 0.0)", "v - mean")),
    wrong("03.21", "E[x²] − E[x]²", "low-precision", ("tl.sum(off * off, axis=0) / cols + 1e-5", "tl.abs(tl.sum(v * v, axis=0) / cols - mean * mean) + 1e-5")),
    wrong("03.21", "epsilon 1e-6", "wrong-epsilon", ("cols + 1e-5", "cols + 1e-6")),
    wrong("03.21", "no root", "no-root", ("tl.sqrt(tl.sum(off * off, axis=0) / cols + 1e-5)", "(tl.sum(off * off, axis=0) / cols + 1e-5)")),
    wrong("03.21", "epsilon outside the root", "eps-outside", ("tl.sqrt(tl.sum(off * off, axis=0) / cols + 1e-5)", "(tl.sqrt(tl.sum(off * off, axis=0) / cols) + 1e-5)")),
    wrong("03.21", "x read twice", "too-much-traffic", ("off = tl.where(live, v - mean, 0.0)", "off = tl.where(live, tl.load(x + place, mask=live, other=0.0) - mean, 0.0)")),
    wrong("03.21", "no mask", "out-of-bounds", ("v = tl.load(x + place, mask=live, other=0.0)", "v = tl.load(x + place)")),
    right("03.21", "rsqrt", ("1 / tl.sqrt(tl.sum(off * off, axis=0) / cols + 1e-5)", "tl.rsqrt(tl.sum(off * off, axis=0) / cols + 1e-5)")),
    right("03.21", "shifted sums", ("mean = tl.sum(v, axis=0) / cols", "pivot = tl.load(x + tl.program_id(0) * cols)\n    mean = pivot + tl.sum(tl.where(live, v - pivot, 0.0), axis=0) / cols")),
]  # fmt: skip

LOOP = """request(0);
    for (int k = 0; k < tiles; ++k) {
        wait(0);
        __syncthreads();
        if (k + 1 < tiles) request(k + 1);
        use(k);
    }"""


def loop(body: str) -> tuple[str, str]:
    return LOOP, body.strip()


TWO_BARRIERS = """request(0);
    for (int k = 0; k < tiles; ++k) {
        if (k + 1 < tiles) request(k + 1);
        if (k + 1 < tiles) wait(1); else wait(0);
        __syncthreads();
        use(k);
        __syncthreads();
    }"""
AHEAD = """request(0);
    if (tiles > 1) request(1);
    for (int k = 0; k < tiles; ++k) {
        wait(k + 1 < tiles);
        __syncthreads();
        use(k);
        __syncthreads();
        if (k + 2 < tiles) request(k + 2);
    }"""
PIPELINES = [
    wrong("03.22", "no barrier", "race", ("        __syncthreads();\n", "")),
    wrong("03.22", "no wait", "uninitialized", ("        wait(0);\n", "")),
    wrong("03.22", "barrier before the wait", "race", ("wait(0);\n        __syncthreads();", "__syncthreads();\n        wait(0);")),
    wrong("03.22", "requested before the barrier", "race", ("__syncthreads();\n        if (k + 1 < tiles) request(k + 1);", "if (k + 1 < tiles) request(k + 1);\n        __syncthreads();")),
    wrong("03.22", "one after the other", "no-overlap", loop("""for (int k = 0; k < tiles; ++k) {
        request(k);
        wait(0);
        __syncthreads();
        use(k);
        __syncthreads();
    }""")),
    wrong("03.22", "requested, and waited for at once", "no-overlap", loop("""request(0);
    for (int k = 0; k < tiles; ++k) {
        if (k + 1 < tiles) request(k + 1);
        wait(0);
        __syncthreads();
        use(k);
        __syncthreads();
    }""")),
    wrong("03.22", "counted by hand", "compile-error", loop("""for (int k = 0; k < tiles; ++k) {
        request(k);
        wait(0);
        __syncthreads();
        asked = min(k + 2, tiles);
        use(k);
        __syncthreads();
    }""")),
    wrong("03.22", "lead by hand, no copy at all", "plain-loads", loop("""for (int k = 0; k < tiles; ++k) {
        tile[0][t] = x[(blockIdx.x * tiles + k) * 128 + t];
        __syncthreads();
        sum += (k + 1) * tile[0][t ^ 64];
        if (t == 0) lead[blockIdx.x * tiles + k] = k + 1 < tiles;
        __syncthreads();
    }""")),
    wrong("03.22", "lead overwritten", "lead-overwritten", loop("""for (int k = 0; k < tiles; ++k) {
        request(k);
        wait(0);
        __syncthreads();
        use(k);
        if (t == 0) lead[blockIdx.x * tiles + k] = k + 1 < tiles;
        __syncthreads();
    }""")),
    wrong("03.22", "two barriers, one forgotten", "race", loop(TWO_BARRIERS.replace("use(k);\n        __syncthreads();", "use(k);"))),
    wrong("03.22", "waits for too little in the last round", "uninitialized",
          loop(TWO_BARRIERS.replace("if (k + 1 < tiles) wait(1); else wait(0);", "wait(1);"))),
    wrong("03.22", "one tile too far", "out-of-bounds", ("if (k + 1 < tiles) request", "request")),
    wrong("03.22", "last tile not used", "last-tile", ("use(k);\n    }", "if (k + 1 < tiles) use(k);\n    }")),
    right("03.22", "two barriers", loop(TWO_BARRIERS)),
    right("03.22", "two requested at the start", loop(AHEAD.replace("wait(k + 1 < tiles);", "if (k + 1 < tiles) wait(1); else wait(0);"))),
    right("03.22", "the last tile after the loop", loop("""request(0);
    for (int k = 0; k + 1 < tiles; ++k) {
        wait(0);
        __syncthreads();
        request(k + 1);
        use(k);
    }
    wait(0);
    __syncthreads();
    use(tiles - 1);""")),
]  # fmt: skip

BOSS = [
    wrong("03.25", "no swizzle", "bank-conflicts", ("tile[r][j ^ (r / V)]", "tile[r][j]"), ("[c / V ^ j]", "[c / V]")),
    wrong("03.25", "XOR with the row itself", "bank-conflicts", ("tile[r][j ^ (r / V)]", "tile[r][j ^ (r % 32)]"), ("[c / V ^ j]", "[c / V ^ (j * V + k) % 32]")),
    wrong("03.25", "swizzled on one side", "uninitialized", ("[c / V ^ j]", "[c / V]")),
    wrong("03.25", "no barrier", "race", ("    __syncthreads();\n", "")),
    wrong("03.25", "not aligned", "narrow-loads", ("struct alignas(V * sizeof(T)) Unit", "struct Unit")),
    wrong("03.25", "no guard on the load", "out-of-bounds", ("        if (r0 + r < rows && c0 + j * V < cols)\n", "")),
    wrong("03.25", "no guard on the store", "out-of-bounds", ("if (c0 + c < cols && r0 + j * V < rows)", "if (c0 + c < cols)")),
    Wrong("03.25", "an element a lane", seeds=SEEDS, diagnosis="narrow-loads", code=cuda("any_transpose", """
template <typename T>
__global__ void transpose(const T* x, T* y, int rows, int cols) {
    constexpr int V = sizeof(T) < 4 ? 4 / sizeof(T) : 1;
    __shared__ T tile[32][33];
    for (int a = 0; a < V; ++a) for (int b = 0; b < V; ++b) {
        int r0 = (blockIdx.y * V + a) * 32, c0 = (blockIdx.x * V + b) * 32, t = threadIdx.x;
        for (int r = threadIdx.y; r < 32; r += 8) if (r0 + r < rows && c0 + t < cols) tile[r][t] = x[(r0 + r) * cols + c0 + t];
        __syncthreads();
        for (int c = threadIdx.y; c < 32; c += 8) if (c0 + c < cols && r0 + t < rows) y[(c0 + c) * rows + r0 + t] = tile[t][c];
        __syncthreads();
    }
}""")),
    right("03.25", "one unit of padding every V rows", ("__shared__ Unit tile[W][32];", "__shared__ Unit tile[32 * V * 32 + 32];"),
          ("tile[r][j ^ (r / V)]", "tile[r * 32 + r / V + j]"), ("tile[j * V + k][c / V ^ j].e", "tile[(j * V + k) * 32 + j + c / V].e")),
    right("03.25", "rotated", ("tile[r][j ^ (r / V)]", "tile[r][(j + r / V) % 32]"), ("[c / V ^ j]", "[(c / V + j) % 32]")),
]  # fmt: skip

ATTEMPTS = [*PREDICTIONS, *FUNCTIONS, *BLUR, *TRANSPOSES, *SUMS, *SCANS, *HISTOGRAMS, *SOFTMAXES, *PIPELINES, *BOSS]
