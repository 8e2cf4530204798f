"""Wrong answers to chapter 02 with the diagnosis each must get, and right answers of another shape."""

from __future__ import annotations

from utils.judge import Right, Wrong

SEEDS = {"02.2": 5}  # the others are slow, and every run draws its own seed


def guess(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """A wrong prediction: nothing random in it, so one seed is enough."""
    return Wrong(exercise, name, diagnosis=diagnosis, edits=edits, seeds=1)


def slip(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str], seeds: int = 0) -> Wrong:
    """The model answer with something changed."""
    return Wrong(exercise, name, diagnosis=diagnosis, edits=edits, seeds=seeds or SEEDS.get(exercise, 1))


def costly(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """A Triton answer with right values over its budget: budgets are looked at under the first seed only."""
    return Wrong(exercise, name, diagnosis=diagnosis, edits=edits, seeds=1)


def same(exercise: str, name: str, *edits: tuple[str, str], seeds: int = 0) -> Right:
    """The model answer written another way."""
    return Right(exercise, name, edits=edits, seeds=seeds or SEEDS.get(exercise, 1))


def count(name: str, diagnosis: str, body: str) -> Wrong:
    return Wrong("02.2", name, diagnosis=diagnosis, seeds=5, code=f"def count_sectors(addresses, width):\n    {body}\n")


def counts(name: str, body: str) -> Right:
    return Right("02.2", name, seeds=5, code=f"def count_sectors(addresses, width):\n    {body}\n")


SECTORS = [
    guess("02.1", "as if aligned", "aligned", ("offset_1 = 5", "offset_1 = 4")),
    guess("02.1", "two whole lines", "two-lines", ("offset_1 = 5", "offset_1 = 8")),
    guess("02.1", "lines for sectors", "lines", ("offset_1 = 5", "offset_1 = 2")),
    guess("02.1", "every lane alone", "serialized", ("offset_1 = 5", "offset_1 = 32")),
    guess("02.1", "any offset costs", "any-offset", ("offset_8 = 4", "offset_8 = 5")),
    guess("02.1", "what is wasted", "wasted", ("100 * 128 / 160", "20")),
    guess("02.1", "a fraction", "fraction", ("100 * 128 / 160", "128 / 160")),
    guess("02.1", "one lane of 32", "one-lane", ("100 * 128 / 160", "100 * 31 / 32")),
    same("02.1", "as formulas", ("offset_1 = 5", "offset_1 = 131 // 32 - 4 // 32 + 1"), seeds=1),
    count("lines", "lines", "return len({int(a) // 128 for a in addresses})"),
    count("bytes", "bytes", "return -(-len(addresses) * width // 32)"),
    count("different bytes", "bytes", "return -(-len(set(addresses.tolist())) * width // 32)"),
    count("first to last", "span", "return int(addresses.max()) // 32 - int(addresses.min()) // 32 + 1 if len(addresses) else 0"),
    count("first to last, no lane", "exception", "return int(addresses.max()) // 32 - int(addresses.min()) // 32 + 1"),
    count("a sector for each lane", "repeats", "return len(addresses)"),
    count("different addresses", "distinct-addresses", "return len(set(addresses.tolist()))"),
    count("divided by the width", "distinct-addresses", "return len(set((addresses // width).tolist()))"),
    count("true division", "distinct-addresses", "return len(set((addresses / 32).tolist()))"),
    count("returns the sectors", "wrong-type", "return {int(a) // 32 for a in addresses}"),
    count("16 bits of an address", "cut-off", "return len(set((addresses // 32).astype(np.int16).tolist()))"),
    count("32 bits of an address", "cut-off", "return len(set((addresses.astype(np.int32) // 32).tolist()))"),
    count("the sector's number modulo 4096", "cut-off", "return len(set((addresses // 32 % 4096).tolist()))"),
    count("one sector for no lane", "no-lane", "return max(1, len({int(a) // 32 for a in addresses}))"),
    count("only neighbors compared", "order",
          "s = addresses // 32; return int((s[1:] != s[:-1]).sum()) + 1 if len(s) else 0"),
    counts("NumPy", "return np.unique(addresses // 32).size"),
    counts("shift", "return len(set((addresses >> 5).tolist()))"),
    counts("first and last byte", "return len({(int(a) + k) >> 5 for a in addresses for k in (0, width - 1)})"),
    counts("a tally of sectors", "seen = {}\n    for a in addresses.tolist(): seen[a // 32] = 1 + seen.get(a // 32, 0)\n    return len(seen)"),
    counts("sorted, a NumPy integer", "s = np.sort(addresses // 32); return (np.diff(s) != 0).sum() + min(len(s), 1)"),
]  # fmt: skip

INDEX = "int i = blockIdx.x * blockDim.x + threadIdx.x;"
LANES = [
    slip("02.3", "no guard", "out-of-bounds", ("if (i < n) ", "")),
    slip("02.3", "one too far", "out-of-bounds", ("i < n", "i <= n")),
    slip("02.3", "one too few", "tail-unwritten", ("i < n", "i < n - 1")),
    slip("02.3", "the block forgotten", "race", (INDEX, "int i = threadIdx.x;")),
    slip("02.3", "blocks dealt in turn", "uncoalesced", (INDEX, "int i = threadIdx.x * gridDim.x + blockIdx.x;")),
    slip("02.3", "y not added", "no-y", ("a * x[i] + y[i]", "a * x[i]")),
    slip("02.3", "a forgotten", "no-a", ("a * x[i] + y[i]", "x[i] + y[i]")),
    slip("02.3", "a scales y", "swapped", ("a * x[i] + y[i]", "a * y[i] + x[i]")),
    slip("02.3", "added twice", "wrong-values", ("y[i] = a * x[i] + y[i]", "y[i] += a * x[i] + y[i]")),
    slip("02.3", "atomics", "forbidden-route", ("y[i] = a * x[i] + y[i]", "atomicAdd(y + i, a * x[i])")),
    slip("02.3", "no semicolon", "compile-error", ("threadIdx.x;", "threadIdx.x")),
    slip("02.3", "nothing stored", "never-written", ("y[i] = a * x[i] + y[i]", "float v = a * x[i] + y[i]")),
    slip("02.3", "one thread does it all", "idle-lanes",
         ("if (i < n) y[i] = a * x[i] + y[i];", "if (i == 0) for (int k = 0; k < n; ++k) y[k] = a * x[k] + y[k];")),
    same("02.3", "early return", ("if (i < n) y[i] = a * x[i] + y[i];", "if (i >= n) return;\n    y[i] += a * x[i];")),
    same("02.3", "fmaf", ("a * x[i] + y[i]", "fmaf(a, x[i], y[i])")),
    same("02.3", "grid-stride", ("if (i < n)", "for (; i < n; i += gridDim.x * blockDim.x)")),
    same("02.3", "lanes backwards", (INDEX, "int i = (blockIdx.x + 1) * blockDim.x - 1 - threadIdx.x;")),
    same("02.3", "restrict and __ldg", ("const float* x", "const float* __restrict__ x"), ("a * x[i]", "a * __ldg(x + i)")),
    guess("02.4", "a stride changes nothing", "same", ("stride_2 = 8", "stride_2 = 4")),
    guess("02.4", "a sector for two lanes", "lanes", ("stride_2 = 8", "stride_2 = 16")),
    guess("02.4", "the stride itself", "is-stride", ("stride_8 = 32", "stride_8 = 8")),
    guess("02.4", "half", "half", ("stride_8 = 32", "stride_8 = 16")),
    guess("02.4", "no end", "unbounded", ("stride_100 = 32", "stride_100 = 400")),
    guess("02.4", "doubles waste", "half-used", ("double_stride_1 = 8", "double_stride_1 = 16")),
    guess("02.4", "bytes as floats", "same", ("byte_stride_1 = 1", "byte_stride_1 = 4")),
    guess("02.4", "a sector for each byte", "one-each", ("byte_stride_1 = 1", "byte_stride_1 = 32")),
    same("02.4", "as formulas", ("stride_100 = 32", "stride_100 = min(32, 400)"), seeds=1),
]  # fmt: skip

PATCH = """int c = blockIdx.x * blockDim.x + threadIdx.x;
    int r = blockIdx.y * blockDim.y + threadIdx.y;
    if (r < m && c < n) y[r * n + c] = s[r] * x[r * pitch + c];"""
GRID = "dict(grid=((n + 31) // 32, (m + 7) // 8), block=(32, 8))"
A_ROW_A_THREAD = """int r = blockIdx.x * blockDim.x + threadIdx.x;
    for (int c = 0; r < m && c < n; ++c) y[r * n + c] = s[r] * x[r * pitch + c];"""
SWAPPED = """int r = blockIdx.x * blockDim.x + threadIdx.x;
    int c = blockIdx.y * blockDim.y + threadIdx.y;
    if (r < m && c < n) y[r * n + c] = s[r] * x[r * pitch + c];"""
A_WARP_A_ROW = """int r = blockIdx.x * 4 + threadIdx.x / 32;
    if (r < m) for (int c = threadIdx.x % 32; c < n; c += 32) y[r * n + c] = s[r] * x[r * pitch + c];"""
FLAT = """int i = blockIdx.x * blockDim.x + threadIdx.x, r = i / n;
    if (i < m * n) y[i] = s[r] * x[r * pitch + i % n];"""
A_COLUMN_A_THREAD = """int c = blockIdx.x * blockDim.x + threadIdx.x;
    for (int r = 0; c < n && r < m; ++r) y[r * n + c] = s[r] * x[r * pitch + c];"""
ROWS = [
    slip("02.5", "a row for each thread", "uncoalesced", (PATCH, A_ROW_A_THREAD), (GRID, "dict(grid=(m + 63) // 64, block=64)")),
    slip("02.5", "threadIdx.x is the row", "uncoalesced", (PATCH, SWAPPED),
         (GRID, "dict(grid=((m + 31) // 32, (n + 7) // 8), block=(32, 8))")),
    slip("02.5", "a narrow block", "uncoalesced", (GRID, "dict(grid=((n + 3) // 4, (m + 31) // 32), block=(4, 32))")),
    slip("02.5", "pitch ignored", "pitch", ("r * pitch + c", "r * n + c")),
    slip("02.5", "pitch guessed", "pitch-guessed", ("r * pitch + c", "r * ((n + 31) / 32 * 32) + c")),
    slip("02.5", "y padded as well", "out-of-bounds", ("r * n + c", "r * pitch + c")),
    slip("02.5", "no guard for columns", "out-of-bounds", ("r < m && c < n", "r < m")),
    slip("02.5", "no guard for rows", "out-of-bounds", ("r < m && c < n", "c < n")),
    slip("02.5", "grid rounds down", "launch", ("(n + 31) // 32", "n // 32")),
    slip("02.5", "too few rows", "tail-unwritten", ("(m + 7) // 8", "(m + 31) // 32")),
    slip("02.5", "scale of the column", "out-of-bounds", ("s[r]", "s[c]")),
    slip("02.5", "copied", "not-scaled", ("s[r] * x", "x")),
    slip("02.5", "a tuple", "launch", (GRID, "((n + 31) // 32, (m + 7) // 8), (32, 8)")),
    slip("02.5", "rows and columns swapped in the launch", "partly-written",
         ("grid=((n + 31) // 32, (m + 7) // 8)", "grid=((m + 7) // 8, (n + 31) // 32)")),
    same("02.5", "a warp for each row", (PATCH, A_WARP_A_ROW), (GRID, "dict(grid=(m + 3) // 4, block=128)")),
    same("02.5", "one index", (PATCH, FLAT), (GRID, "dict(grid=(m * n + 255) // 256, block=256)")),
    same("02.5", "a column for each thread", (PATCH, A_COLUMN_A_THREAD), (GRID, "dict(grid=(n + 63) // 64, block=64)")),
    same("02.5", "a block for each row", (PATCH, """for (int c = threadIdx.x; c < n; c += blockDim.x)
        y[blockIdx.x * n + c] = s[blockIdx.x] * x[blockIdx.x * pitch + c];"""), (GRID, "dict(grid=m, block=96)")),
]  # fmt: skip

LOOKUP = """const float* row = table + (size_t)ids[blockIdx.x] * width;
    for (int c = threadIdx.x; c < width; c += blockDim.x)
        out[(size_t)blockIdx.x * width + c] = row[c];"""
LAYOUTS = [
    guess("02.6", "AoS as SoA", "soa", ("aos_12 = 12", "aos_12 = 4")),
    guess("02.6", "a sector for each struct", "one-each", ("aos_12 = 12", "aos_12 = 32")),
    guess("02.6", "eight fields", "fields", ("aos_32 = 32", "aos_32 = 8")),
    guess("02.6", "AoS of 32 as SoA", "soa", ("aos_32 = 32", "aos_32 = 4")),
    guess("02.6", "a quarter", "quarter", ("= 12.5", "= 25")),
    guess("02.6", "a fraction", "fraction", ("= 12.5", "= 1 / 8")),
    same("02.6", "as formulas", ("aos_12 = 12", "aos_12 = 32 * 12 // 32"), seeds=1),
    slip("02.7", "only one round", "one-round", ("for (int c = threadIdx.x; c < width; c += blockDim.x)", "int c = threadIdx.x; if (c < width)")),
    slip("02.7", "no end at width", "out-of-bounds", ("for (int c = threadIdx.x; c < width; c += blockDim.x)", "int c = threadIdx.x;")),
    slip("02.7", "one too far", "out-of-bounds", ("c < width", "c <= width")),
    slip("02.7", "ids not used", "ids-unused", ("(size_t)ids[blockIdx.x]", "blockIdx.x")),
    slip("02.7", "the first token for all", "one-row", ("ids[blockIdx.x]", "ids[0]")),
    slip("02.7", "a row is not width long", "row-start", ("ids[blockIdx.x] * width", "ids[blockIdx.x]")),
    slip("02.7", "tokens for width", "row-start", ("ids[blockIdx.x] * width", "ids[blockIdx.x] * tokens")),
    slip("02.7", "id of the lane", "out-of-bounds", ("ids[blockIdx.x]", "ids[threadIdx.x]")),
    slip("02.7", "a stretch for each thread", "uncoalesced", ("for (int c = threadIdx.x; c < width; c += blockDim.x)",
         "int each = (width + 127) / 128;\n    for (int c = threadIdx.x * each; c < width && c < (threadIdx.x + 1) * each; ++c)")),
    slip("02.7", "a token for each thread", "uncoalesced", (LOOKUP, """int t = blockIdx.x * blockDim.x + threadIdx.x;
    if (t < tokens) for (int c = 0; c < width; ++c) out[t * width + c] = table[ids[t] * width + c];""")),
    slip("02.7", "everybody copies everything", "idle-lanes",
         ("int c = threadIdx.x; c < width; c += blockDim.x", "int c = 0; c < width; ++c")),
    same("02.7", "indices", (LOOKUP, """for (int c = threadIdx.x; c < width; c += 128)
        out[blockIdx.x * width + c] = table[ids[blockIdx.x] * width + c];""")),
    same("02.7", "while, id first", (LOOKUP, """int id = ids[blockIdx.x], c = threadIdx.x;
    while (c < width) { out[blockIdx.x * width + c] = __ldg(&table[id * width + c]); c += blockDim.x; }""")),
    same("02.7", "float4 where it fits", (LOOKUP, """const float* from = table + ids[blockIdx.x] * width;
    float* to = out + blockIdx.x * width;
    if (width % 4 == 0) {
        for (int c = threadIdx.x; c < width / 4; c += blockDim.x) ((float4*)to)[c] = ((const float4*)from)[c];
    } else {
        for (int c = threadIdx.x; c < width; c += blockDim.x) to[c] = from[c];
    }""")),
]  # fmt: skip

VECTOR_AXPY = """int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n / 4) {
        float4 p = ((const float4*)x)[i], q = ((const float4*)y)[i];
        ((float4*)y)[i] = make_float4(a * p.x + q.x, a * p.y + q.y, a * p.z + q.z, a * p.w + q.w);
    } else if (i == n / 4) {
        for (int k = 4 * i; k < n; ++k) y[k] = a * x[k] + y[k];
    }"""
WIDE = [
    guess("02.8", "one float a lane", "scalar", ("requests = 32", "requests = 128")),
    guess("02.8", "threads for requests", "threads", ("requests = 32", "requests = 1024")),
    guess("02.8", "sectors as before", "scalar", ("sectors_a_request = 16", "sectors_a_request = 4")),
    guess("02.8", "a sector a lane", "one-each", ("sectors_a_request = 16", "sectors_a_request = 32")),
    guess("02.8", "a quarter of the sectors", "quarter", ("sectors_total = 512", "sectors_total = 128")),
    guess("02.8", "four times the sectors", "four-times", ("sectors_total = 512", "sectors_total = 2048")),
    same("02.8", "as formulas", ("requests = 32", "requests = 4096 / 128"), seeds=1),
    slip("02.9", "no tail", "tail-unwritten", (" else if (i == n / 4) {\n        for (int k = 4 * i; k < n; ++k) y[k] = a * x[k] + y[k];\n    }", "")),
    slip("02.9", "the last float4 is not whole", "out-of-bounds", ("if (i < n / 4)", "if (4 * i < n)")),
    slip("02.9", "no guard", "out-of-bounds", ("if (i < n / 4)", "if (true)")),
    slip("02.9", "index in floats", "out-of-bounds", ("((const float4*)x)[i]", "((const float4*)x)[4 * i]")),
    slip("02.9", "two floats further instead of four", "misaligned", ("((const float4*)x)[i]", "*(const float4*)(x + 2 * i)")),
    slip("02.9", "four scalars", "not-vectorized", (VECTOR_AXPY, """int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    for (int k = i; k < i + 4 && k < n; ++k) y[k] = a * x[k] + y[k];""")),
    slip("02.9", "four scalars, a block apart", "not-vectorized", (VECTOR_AXPY, """int i = blockIdx.x * 512 + threadIdx.x;
    for (int k = i; k < i + 512 && k < n; k += 128) y[k] = a * x[k] + y[k];""")),
    slip("02.9", "stores by parts", "not-vectorized", ("((float4*)y)[i] = make_float4(a * p.x + q.x, a * p.y + q.y, a * p.z + q.z, a * p.w + q.w);",
         "y[4 * i] = a * p.x + q.x; y[4 * i + 1] = a * p.y + q.y; y[4 * i + 2] = a * p.z + q.z; y[4 * i + 3] = a * p.w + q.w;")),
    slip("02.9", "a part forgotten", "partly-written", ("a * p.w + q.w", "q.w")),
    slip("02.9", "a part twice", "every-block", ("a * p.w + q.w", "a * p.z + q.z")),
    slip("02.9", "y not added", "no-y", ("a * p.x + q.x, a * p.y + q.y, a * p.z + q.z, a * p.w + q.w", "a * p.x, a * p.y, a * p.z, a * p.w"),
         ("a * x[k] + y[k]", "a * x[k]")),
    slip("02.9", "every thread does the tail", "race", ("else if (i == n / 4)", "else"), ("int k = 4 * i", "int k = n / 4 * 4")),
    slip("02.9", "float4 arithmetic", "compile-error", ("make_float4(a * p.x + q.x, a * p.y + q.y, a * p.z + q.z, a * p.w + q.w)", "a * p + q")),
    slip("02.9", "threads for the rest that are not launched, forwards", "too-few-threads", ("else if (i == n / 4) {\n        for (int k = 4 * i; k < n; ++k) y[k] = a * x[k] + y[k];\n    }",
         "else if (i < n / 4 + n % 4) {\n        int k = n / 4 * 4 + i - n / 4;\n        y[k] = a * x[k] + y[k];\n    }")),
    same("02.9", "reinterpret_cast, in place", (VECTOR_AXPY, """int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    if (i + 3 < n) {
        float4 p = *reinterpret_cast<const float4*>(x + i), q = *reinterpret_cast<float4*>(y + i);
        q.x += a * p.x; q.y += a * p.y; q.z += a * p.z; q.w += a * p.w;
        *reinterpret_cast<float4*>(y + i) = q;
    } else for (; i < n; ++i) y[i] += a * x[i];""")),
    same("02.9", "grid-stride, tail by block 0", (VECTOR_AXPY, """int step = gridDim.x * blockDim.x;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n / 4; i += step) {
        float4 p = ((const float4*)x)[i], q = ((const float4*)y)[i];
        ((float4*)y)[i] = float4{fmaf(a, p.x, q.x), fmaf(a, p.y, q.y), fmaf(a, p.z, q.z), fmaf(a, p.w, q.w)};
    }
    int rest = n / 4 * 4 + threadIdx.x;
    if (blockIdx.x == 0 && rest < n) y[rest] += a * x[rest];""")),
    guess("02.10", "halves as floats", "float", ("half_a_lane = 2\n", "half_a_lane = 4\n")),
    guess("02.10", "halves in one sector", "one", ("half_a_lane = 2\n", "half_a_lane = 1\n")),
    guess("02.10", "eight", "count", ("eight_halves_a_lane = 16", "eight_halves_a_lane = 8")),
    guess("02.10", "a sector a lane", "one-each", ("eight_halves_a_lane = 16", "eight_halves_a_lane = 32")),
    guess("02.10", "misaligned is only slow", "wrong-choice", ('"error"', '"17 sectors"')),
    guess("02.10", "no such choice", "wrong-type", ('"error"', '"slow"')),
    same("02.10", "capitals", ('"error"', '"Error"'), seeds=1),
]  # fmt: skip

EIGHT = """int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (8 * i >= n) return;
    uint4 p = ((const uint4*)x)[i], q = ((const uint4*)r)[i];
    __half2* u = (__half2*)&p;
    const __half2* v = (const __half2*)&q;
    for (int k = 0; k < 4; ++k) u[k] = __hadd2(u[k], v[k]);
    ((uint4*)y)[i] = p;"""
HALF = [
    slip("02.11", "no guard", "out-of-bounds", ("    if (8 * i >= n) return;\n", "")),
    slip("02.11", "guard in threads", "out-of-bounds", ("8 * i >= n", "i >= n")),
    slip("02.11", "index in halves", "out-of-bounds", ("((const uint4*)x)[i]", "((const uint4*)x)[8 * i]")),
    slip("02.11", "r not added", "no-residual", ("u[k] = __hadd2(u[k], v[k])", "u[k] = u[k]")),
    slip("02.11", "only three pairs", "every-block", ("k < 4", "k < 3")),
    slip("02.11", "only the low halves", "every-other", ("u[k] = __hadd2(u[k], v[k])", "u[k].x = __hadd(u[k].x, v[k].x)")),
    slip("02.11", "one half at a time", "not-vectorized", (EIGHT, """int i = 8 * (blockIdx.x * blockDim.x + threadIdx.x);
    for (int k = i; k < i + 8 && k < n; ++k) y[k] = __hadd(x[k], r[k]);""")),
    slip("02.11", "__half2 loads", "not-vectorized", (EIGHT, """int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    for (int k = i; k < i + 4 && 2 * k < n; ++k) ((__half2*)y)[k] = __hadd2(((const __half2*)x)[k], ((const __half2*)r)[k]);""")),
    slip("02.11", "wide loads, narrow stores", "not-vectorized", ("((uint4*)y)[i] = p;", "for (int k = 0; k < 4; ++k) ((__half2*)y)[4 * i + k] = u[k];")),
    slip("02.11", "integers are added", "integers", ("for (int k = 0; k < 4; ++k) u[k] = __hadd2(u[k], v[k]);", "p.x += q.x; p.y += q.y; p.z += q.z; p.w += q.w;")),
    slip("02.11", "rounded toward zero", "toward-zero", ("for (int k = 0; k < 4; ++k) u[k] = __hadd2(u[k], v[k]);",
         "for (int k = 0; k < 8; ++k) ((__half*)u)[k] = __float2half_rz(__half2float(((__half*)u)[k]) + __half2float(((const __half*)v)[k]));")),
    slip("02.11", "four halves further instead of eight", "misaligned", ("((const uint4*)x)[i]", "*(const uint4*)(x + 4 * i)")),
    slip("02.11", "r added twice", "wrong-values", ("__hadd2(u[k], v[k])", "__hadd2(__hadd2(u[k], v[k]), v[k])")),
    same("02.11", "float4 and operators", ("uint4 p = ((const uint4*)x)[i], q = ((const uint4*)r)[i]", "float4 p = ((const float4*)x)[i], q = ((const float4*)r)[i]"),
         ("((uint4*)y)[i] = p", "((float4*)y)[i] = p"), ("__hadd2(u[k], v[k])", "u[k] + v[k]")),
    same("02.11", "a fused multiply-add by one", ("__hadd2(u[k], v[k])", "__hfma2(u[k], __float2half2_rn(1.f), v[k])")),
    same("02.11", "by way of float", ("u[k] = __hadd2(u[k], v[k])", """{
        float2 f = __half22float2(u[k]), g = __half22float2(v[k]);
        u[k] = __floats2half2_rn(f.x + g.x, f.y + g.y);
    }""")),
    same("02.11", "a struct of eight", (EIGHT, """struct __align__(16) Eight { __half h[8]; };
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n / 8) return;
    Eight p = ((const Eight*)x)[i], q = ((const Eight*)r)[i];
    for (int k = 0; k < 8; ++k) p.h[k] = __hadd(p.h[k], q.h[k]);
    ((Eight*)y)[i] = p;""")),
]  # fmt: skip

SWEEP = """for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        y[i] = a * x[i];"""
FLIGHT = [
    guess("02.12", "the whole GPU", "whole-gpu", ("kilobytes_per_sm = 3.0e12 * 350e-9 / 132 / 1e3", "kilobytes_per_sm = 3.0e12 * 350e-9 / 1e3")),
    guess("02.12", "bytes", "bytes", ("/ 132 / 1e3", "/ 132")),
    guess("02.12", "kibibytes", "kibi", ("/ 132 / 1e3", "/ 132 / 1024")),
    guess("02.12", "warps", "warps", ("/ 132 / 4\n", "/ 132 / 128\n")),
    guess("02.12", "a sector each", "sectors", ("/ 132 / 4\n", "/ 132 / 32\n")),
    guess("02.12", "float4 as float", "four-bytes", ("/ 132 / 16", "/ 132 / 4")),
    same("02.12", "rounded", ("3.0e12 * 350e-9 / 132 / 1e3", "8"), seeds=1),
    slip("02.13", "if instead of for", "one-round", (SWEEP, INDEX + "\n    if (i < n) y[i] = a * x[i];")),
    slip("02.13", "step of one block", "too-much-traffic", ("i += gridDim.x * blockDim.x", "i += blockDim.x")),
    slip("02.13", "step of the number of blocks", "too-much-traffic", ("i += gridDim.x * blockDim.x", "i += gridDim.x")),
    slip("02.13", "the block forgotten", "partly-written", ("int i = blockIdx.x * blockDim.x + threadIdx.x", "int i = threadIdx.x")),
    slip("02.13", "a stretch for each thread", "uncoalesced", (SWEEP, """int each = (n + 255) / 256, g = blockIdx.x * blockDim.x + threadIdx.x;
    for (int i = g * each; i < (g + 1) * each && i < n; ++i) y[i] = a * x[i];""")),
    slip("02.13", "one too far", "out-of-bounds", ("i < n", "i <= n")),
    slip("02.13", "copied", "not-scaled", ("a * x[i]", "x[i]")),
    slip("02.13", "a fixed number of rounds", "out-of-bounds", (SWEEP, """for (int k = 0; k < 4; ++k) {
        int i = k * 256 + blockIdx.x * blockDim.x + threadIdx.x;
        y[i] = a * x[i];
    }""")),
    slip("02.13", "no step", "endless-loop", ("i += gridDim.x * blockDim.x", "")),
    same("02.13", "a stretch for each block", (SWEEP, """int each = ((n + 3) / 4 + 31) / 32 * 32, end = min(n, (int)(blockIdx.x + 1) * each);
    for (int i = blockIdx.x * each + threadIdx.x; i < end; i += blockDim.x) y[i] = a * x[i];""")),
    same("02.13", "float4 and a tail", (SWEEP, """int g = blockIdx.x * blockDim.x + threadIdx.x;
    for (int i = g; i < n / 4; i += 256) {
        float4 p = ((const float4*)x)[i];
        ((float4*)y)[i] = make_float4(a * p.x, a * p.y, a * p.z, a * p.w);
    }
    if (g < n % 4) y[n / 4 * 4 + g] = a * x[n / 4 * 4 + g];""")),
    same("02.13", "64-bit index, two at a time", (SWEEP, """size_t step = (size_t)gridDim.x * blockDim.x;
    for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += 2 * step) {
        float p = x[i], q = i + step < n ? x[i + step] : 0;
        y[i] = a * p;
        if (i + step < n) y[i + step] = a * q;
    }""")),
    guess("02.14", "plain", "wrong-choice", ('"ld.global.nc"', '"ld.global"')),
    guess("02.14", "constant memory", "wrong-choice", ('"ld.global.nc"', '"ld.const"')),
    guess("02.14", "another spelling", "wrong-type", ('"ld.global.nc"', '"nc"')),
    guess("02.14", "the hint mends the stride", "hint-mends", ("sectors_ldg_stride_2 = 8", "sectors_ldg_stride_2 = 4")),
    guess("02.14", "the hint costs", "more", ("sectors_ldg_stride_2 = 8", "sectors_ldg_stride_2 = 16")),
    guess("02.14", "no aliasing", "no-alias", ("x0_loads_without_restrict = 2", "x0_loads_without_restrict = 1")),
    same("02.14", "as formulas", ("sectors_ldg_stride_2 = 8", "sectors_ldg_stride_2 = 2 * 4"), seeds=1),
]  # fmt: skip

HALF_KERNEL = """    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(r + i, mask=mask), mask=mask)"""
HALF_LAUNCH = "residual_kernel[(triton.cdiv(x.numel(), 1024),)](x, r, out, x.numel(), BLOCK=1024, num_warps=4)"
TRITON = [
    guess("02.15", "always 16", "always", ("fp32_256_warps_4 = 8", "fp32_256_warps_4 = 16")),
    guess("02.15", "an element a lane", "scalar", ("fp32_256_warps_4 = 8", "fp32_256_warps_4 = 4")),
    guess("02.15", "wider than there is", "wider", ("fp32_1024_warps_4 = 16", "fp32_1024_warps_4 = 32")),
    guess("02.15", "halves as floats", "as-fp32", ("fp16_512_warps_4 = 8", "fp16_512_warps_4 = 16")),
    guess("02.15", "always four warps", "warps-4", ("fp16_1024_warps_8 = 8", "fp16_1024_warps_8 = 16")),
    same("02.15", "as formulas", ("fp16_1024_warps_8 = 8", "fp16_1024_warps_8 = 1024 // 256 * 2"), seeds=1),
    costly("02.16", "a small block", "narrow", (HALF_LAUNCH, "residual_kernel[(triton.cdiv(x.numel(), 128),)](x, r, out, x.numel(), BLOCK=128)")),
    costly("02.16", "too many warps", "narrow", ("num_warps=4", "num_warps=8")),
    slip("02.16", "grid rounds down", "tail-unwritten", ("triton.cdiv(x.numel(), 1024)", "max(x.numel() // 1024, 1)")),
    slip("02.16", "no mask on the store", "outside-output", ("tl.load(r + i, mask=mask), mask=mask)", "tl.load(r + i, mask=mask))")),
    slip("02.16", "no masks", "out-of-bounds", ("tl.load(x + i, mask=mask)", "tl.load(x + i)")),
    slip("02.16", "r not added", "no-residual", (" + tl.load(r + i, mask=mask)", "")),
    slip("02.16", "x twice", "doubled", ("tl.load(r + i", "tl.load(x + i")),
    slip("02.16", "the program forgotten", "tail-unwritten", ("tl.program_id(0) * BLOCK + ", "")),
    slip("02.16", "torch adds", "forbidden-route", ("return out", "return x + r")),
    slip("02.16", "float32 comes back", "wrong-dtype", ("torch.empty_like(x)", "torch.empty(x.shape, dtype=torch.float32)")),
    same("02.16", "16 elements a thread, 8 warps", ("x.numel(), 1024)", "x.numel(), 4096)"), ("BLOCK=1024, num_warps=4", "BLOCK=4096, num_warps=8")),
    same("02.16", "one warp", ("x.numel(), 1024)", "x.numel(), 256)"), ("BLOCK=1024, num_warps=4", "BLOCK=256, num_warps=1")),
    same("02.16", "sums in float32", ("tl.load(x + i, mask=mask) + tl.load(r + i, mask=mask), mask=mask",
         "(tl.load(x + i, mask=mask, other=0).to(tl.float32) + tl.load(r + i, mask=mask, other=0)).to(tl.float16), mask=mask")),
    same("02.16", "a loop over the array", (HALF_KERNEL, """    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        i = start + tl.arange(0, BLOCK)
        tl.store(out + i, tl.load(x + i, mask=i < n) + tl.load(r + i, mask=i < n), mask=i < n)"""),
         ("triton.cdiv(x.numel(), 1024)", "3"), seeds=1),
    guess("02.17", "a mask forbids width", "masked", ("n_4096 = 16", "n_4096 = 4")),
    guess("02.17", "only the last block pays", "only-the-last", ("n_4099 = 4", "n_4099 = 16")),
    guess("02.17", "byte by byte", "byte", ("n_4099 = 4", "n_4099 = 1")),
    guess("02.17", "four divides", "four-divides", ("n_4100 = 4", "n_4100 = 16")),
    guess("02.17", "still coalesced", "coalesced", ("sectors_a_request_4099 = 16", "sectors_a_request_4099 = 4")),
    same("02.17", "as formulas", ("n_4099 = 4", "n_4099 = 32 // 8"), seeds=1),
]  # fmt: skip

PEELED = """    if start + BLOCK <= n:
        tl.store(out + i, tl.maximum(tl.load(x + i), 0.0))
    else:
        tl.store(out + i, tl.maximum(tl.load(x + i, mask=i < n), 0.0), mask=i < n)"""
MASKED = "    tl.store(out + i, tl.maximum(tl.load(x + i, mask=i < n), 0.0), mask=i < n)"
TAILS = [
    costly("02.18", "one mask for all", "narrow", (PEELED, MASKED)),
    costly("02.18", "wide loads, masked stores", "narrow", ("        tl.store(out + i, tl.maximum(tl.load(x + i), 0.0))\n",
           "        tl.store(out + i, tl.maximum(tl.load(x + i), 0.0), mask=i < n)\n")),
    slip("02.18", "no masks", "out-of-bounds", (PEELED, "    tl.store(out + i, tl.maximum(tl.load(x + i), 0.0))")),
    slip("02.18", "no else", "tail-unwritten", ("""    else:
        tl.store(out + i, tl.maximum(tl.load(x + i, mask=i < n), 0.0), mask=i < n)""", "")),
    slip("02.18", "compares the start alone", "out-of-bounds", ("start + BLOCK <= n", "start <= n")),
    slip("02.18", "the tail's store has no mask", "outside-output", ("mask=i < n), 0.0), mask=i < n)", "mask=i < n), 0.0))")),
    slip("02.18", "copied", "copied", ("tl.maximum(tl.load(x + i), 0.0)", "tl.load(x + i)"),
         ("tl.maximum(tl.load(x + i, mask=i < n), 0.0)", "tl.load(x + i, mask=i < n)")),
    slip("02.18", "absolute", "absolute", ("tl.maximum(tl.load(x + i), 0.0)", "tl.abs(tl.load(x + i))"),
         ("tl.maximum(tl.load(x + i, mask=i < n), 0.0)", "tl.abs(tl.load(x + i, mask=i < n))")),
    slip("02.18", "the program forgotten", "tail-unwritten", ("tl.program_id(0) * BLOCK", "0")),
    costly("02.18", "a promise about a number, not about addresses", "narrow", (PEELED, "    n = tl.multiple_of(n, 16)\n" + MASKED)),
    same("02.18", "the last program is known", ("start + BLOCK <= n", "tl.program_id(0) < n // BLOCK")),
    same("02.18", "a bound that 16 divides, and the rest", (PEELED, """    whole = n // 16 * 16
    tl.store(out + i, tl.maximum(tl.load(x + i, mask=i < whole), 0.0), mask=i < whole)
    if tl.program_id(0) == tl.num_programs(0) - 1:
        k = whole + tl.arange(0, 16)
        tl.store(out + k, tl.maximum(tl.load(x + k, mask=k < n), 0.0), mask=k < n)""")),
]  # fmt: skip

STRIDED_STORE = "out + r[:, None] * n + c[None, :]"
TILE_GRID = """    grid = (triton.cdiv(m, 32), triton.cdiv(n, 32))
    scale_kernel[grid](x, s, out, m, n, x.stride(0), x.stride(1), TILE=32)"""
TILES = [
    slip("02.19", "strides ignored", "strides-ignored", ("r[:, None] * stride_r + c[None, :] * stride_c", "r[:, None] * n + c[None, :]")),
    slip("02.19", "stride of the columns forgotten", "wrong-values", ("c[None, :] * stride_c", "c[None, :]")),
    slip("02.19", "strides of x for out", "transposed", (STRIDED_STORE, "out + r[:, None] * stride_r + c[None, :] * stride_c")),
    slip("02.19", "out like x", "empty-like", ("torch.empty(x.shape, dtype=x.dtype, device=x.device)", "torch.empty_like(x)")),
    slip("02.19", "mask of rows alone", "out-of-bounds", ("(r[:, None] < m) & (c[None, :] < n)", "(r[:, None] < m) & (c[None, :] < n + 64)")),
    slip("02.19", "a copy first", "forbidden-route", ("    m, n = x.shape\n", "    m, n = x.shape\n    x = x * 1\n")),
    slip("02.19", "grid the other way round", "partly-written", ("grid = (triton.cdiv(m, 32), triton.cdiv(n, 32))", "grid = (triton.cdiv(n, 32), triton.cdiv(m, 32))")),
    slip("02.19", "contiguous first", "forbidden-route", ("    m, n = x.shape\n", "    m, n = x.shape\n    x = x.contiguous()\n")),
    slip("02.19", "cloned first", "forbidden-route", ("    m, n = x.shape\n", "    m, n = x.shape\n    x = torch.clone(x, memory_format=torch.contiguous_format)\n")),
    slip("02.19", "factors along the columns", "scale-by-column", ("factor[:, None]", "factor[None, :]")),
    slip("02.19", "factors with no direction, zero where masked", "scale-by-column", ("factor[:, None]", "factor"), ("mask=r < m)", "mask=r < m, other=0.0)")),
    slip("02.19", "scale of the column", "scale-by-column", ("tl.load(s + r, mask=r < m)", "tl.load(s + c, mask=c < m)"), ("factor[:, None]", "factor[None, :]")),
    slip("02.19", "copied", "not-scaled", ("factor[:, None] * tile", "tile")),
    costly("02.19", "a row for each program", "uncoalesced", ("    r = tl.program_id(0) * TILE + tl.arange(0, TILE)", "    r = tl.program_id(0) + tl.arange(0, 1)"),
           ("triton.cdiv(m, 32), triton.cdiv(n, 32)", "m, triton.cdiv(n, 32)")),
    same("02.19", "empty_like, row-major", ("torch.empty(x.shape, dtype=x.dtype, device=x.device)", "torch.empty_like(x, memory_format=torch.contiguous_format)")),
    same("02.19", "64-bit offsets", ("tl.arange(0, TILE)\n    c =", "tl.arange(0, TILE).to(tl.int64)\n    c =")),
    same("02.19", "8 warps", ("TILE=32)", "TILE=32, num_warps=8)")),
    Right("02.19", "a tile for each number, rectangular", seeds=1, code="""
@triton.jit
def any_kernel(x, s, out, m, n, sr, sc, R: tl.constexpr, C: tl.constexpr):
    across = tl.cdiv(n, C)
    r = tl.program_id(0) // across * R + tl.arange(0, R)
    c = tl.program_id(0) % across * C + tl.arange(0, C)
    inside = (r < m)[:, None] & (c < n)[None, :]
    v = tl.load(x + (r * sr)[:, None] + (c * sc)[None, :], mask=inside, other=0.0)
    tl.store(out + (r * n)[:, None] + c[None, :], v * tl.load(s + r, mask=r < m, other=0.0)[:, None], mask=inside)

def scale_matrix(x, s):
    out = x.new_empty(x.shape)
    m, n = x.shape
    any_kernel[(triton.cdiv(m, 32) * triton.cdiv(n, 64),)](x, s, out, m, n, *x.stride(), R=32, C=64)
    return out
"""),
]  # fmt: skip

START = "tl.multiple_of(tl.load(starts + p), 16)"
SEGMENT = [
    costly("02.20", "no promise", "narrow", (START, "tl.load(starts + p)")),
    costly("02.20", "a promise about the pointer to starts", "narrow", (START, "tl.load(tl.multiple_of(starts + p, 16))")),
    costly("02.20", "a small promise", "narrow", ("starts + p), 16)", "starts + p), 2)")),
    costly("02.20", "contiguous is not aligned", "narrow", (START, "tl.load(starts + p)"), ("i = tl.arange(0, W)", "i = tl.max_contiguous(tl.arange(0, W), W)")),
    slip("02.20", "block p", "starts-unused", (START, "p * W")),
    slip("02.20", "every program the first", "one-segment", ("tl.load(starts + p)", "tl.load(starts)")),
    slip("02.20", "multiplied by the width", "out-of-bounds", ("x + start + i", "x + start * W + i")),
    slip("02.20", "start divided", "index-not-start", ("x + start + i", "x + start // 16 + i")),
    slip("02.20", "rows one element apart", "tail-unwritten", ("out + p * W + i", "out + p + i")),
    slip("02.20", "half of a row", "partly-written", ("i = tl.arange(0, W)", "i = tl.arange(0, W // 2)")),
    slip("02.20", "nothing stored", "never-written", ("    tl.store(out + p * W + i, tl.load(x + start + i))\n", "    tl.load(x + start + i)\n")),
    same("02.20", "rounded down", (START, "tl.load(starts + p) // 16 * 16")),
    same("02.20", "a promise about the offsets", (START, "tl.load(starts + p)"), ("x + start + i", "x + tl.multiple_of(tl.max_contiguous(start + i, W), 16)"), seeds=1),
    costly("02.20", "assumed, which is not understood", "narrow", (START, "tl.load(starts + p)"), ("    i = tl.arange(0, W)\n", "    tl.assume(start % 16 == 0)\n    start = start - start % 16\n    i = tl.arange(0, W)\n")),
]  # fmt: skip

ROTATE = """    k = tl.program_id(0) * 2 * BLOCK + tl.arange(0, 2 * BLOCK)
    a, b = tl.split(tl.reshape(tl.load(x + k, mask=k < 2 * n), (BLOCK, 2)))"""
JOINED = """    turned = tl.join(a * c - b * s, a * s + b * c)
    tl.store(out + k, tl.reshape(turned, (2 * BLOCK,)), mask=k < 2 * n)"""
APART_LOAD = """    a = tl.load(x + 2 * i, mask=i < n)
    b = tl.load(x + 2 * i + 1, mask=i < n)
    k = tl.program_id(0) * 2 * BLOCK + tl.arange(0, 2 * BLOCK)"""
APART_STORE = """    tl.store(out + 2 * i, a * c - b * s, mask=i < n)
    tl.store(out + 2 * i + 1, a * s + b * c, mask=i < n)"""
TURN = [
    costly("02.21", "stride 2 both ways", "strided", (ROTATE, APART_LOAD), (JOINED, APART_STORE)),
    costly("02.21", "stores of stride 2", "strided", (JOINED, APART_STORE)),
    slip("02.21", "the other way", "other-way", ("tl.join(a * c - b * s, a * s + b * c)", "tl.join(a * c + b * s, b * c - a * s)")),
    slip("02.21", "the halves as pairs", "halves", (ROTATE, """    a = tl.load(x + i, mask=i < n)
    b = tl.load(x + n + i, mask=i < n)"""), (JOINED, """    tl.store(out + i, a * c - b * s, mask=i < n)
    tl.store(out + n + i, a * s + b * c, mask=i < n)""")),
    slip("02.21", "reshaped the other way round", "halves", ("tl.reshape(tl.load(x + k, mask=k < 2 * n), (BLOCK, 2))",
         "tl.trans(tl.reshape(tl.load(x + k, mask=k < 2 * n), (2, BLOCK)))")),
    slip("02.21", "reshaped the other way round, there and back", "halves", ("tl.reshape(tl.load(x + k, mask=k < 2 * n), (BLOCK, 2))",
         "tl.trans(tl.reshape(tl.load(x + k, mask=k < 2 * n), (2, BLOCK)))"), ("tl.reshape(turned, (2 * BLOCK,))", "tl.reshape(tl.trans(turned), (2 * BLOCK,))")),
    slip("02.21", "mask of pairs for elements", "tail-unwritten", ("turned, (2 * BLOCK,)), mask=k < 2 * n)", "turned, (2 * BLOCK,)), mask=k < n)")),
    slip("02.21", "no masks", "out-of-bounds", ("tl.load(x + k, mask=k < 2 * n)", "tl.load(x + k)")),
    slip("02.21", "blocks of elements overlap", "tail-unwritten", ("tl.program_id(0) * 2 * BLOCK", "tl.program_id(0) * BLOCK")),
    slip("02.21", "no change", "not-rotated", ("tl.join(a * c - b * s, a * s + b * c)", "tl.join(a, b)")),
    slip("02.21", "one angle for a program", "wrong-values", ("tl.load(sin + i, mask=i < n)", "tl.load(sin + tl.program_id(0) * BLOCK)")),
    same("02.21", "interleaved", ("tl.reshape(turned, (2 * BLOCK,))", "tl.interleave(a * c - b * s, a * s + b * c)")),
    same("02.21", "a matrix of offsets", (ROTATE, """    k = 2 * i[:, None] + tl.arange(0, 2)[None, :]
    a, b = tl.split(tl.load(x + k, mask=k < 2 * n))"""), ("tl.reshape(turned, (2 * BLOCK,))", "turned")),
]  # fmt: skip

STAGED = """__shared__ float tile[768];
    int t = threadIdx.x, begin = blockIdx.x * 768;
    for (int k = t; k < 768; k += 128)
        if (begin + k < 6 * n) tile[k] = aos[begin + k];
    __syncthreads();
    int i = blockIdx.x * 128 + t;
    if (i >= n) return;
    for (int f = 0; f < 3; ++f) {
        soa[f * n + i] = tile[6 * t + f] + dt * tile[6 * t + 3 + f];
        soa[(f + 3) * n + i] = tile[6 * t + 3 + f];
    }"""
DIRECT = """int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    for (int f = 0; f < 3; ++f) {
        soa[f * n + i] = aos[6 * i + f] + dt * aos[6 * i + 3 + f];
        soa[(f + 3) * n + i] = aos[6 * i + 3 + f];
    }"""
FLOAT4S = """__shared__ float4 staged[192];
    int t = threadIdx.x, first = blockIdx.x * 192;
    for (int k = t; k < 192; k += 128) {
        if (4 * (first + k) + 3 < 6 * n) staged[k] = ((const float4*)aos)[first + k];
        else for (int j = 4 * (first + k); j < 6 * n; ++j) ((float*)staged)[j - 4 * first] = aos[j];
    }
    __syncthreads();
    const float* p = (const float*)staged + 6 * t;
    int i = blockIdx.x * 128 + t;
    if (i < n) {
        soa[i] = p[0] + dt * p[3]; soa[n + i] = p[1] + dt * p[4]; soa[2 * n + i] = p[2] + dt * p[5];
        soa[3 * n + i] = p[3]; soa[4 * n + i] = p[4]; soa[5 * n + i] = p[5];
    }"""
BY_WARP = """__shared__ float tile[4][192];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, begin = (blockIdx.x * 4 + warp) * 192;
    for (int k = lane; k < 192; k += 32) if (begin + k < 6 * n) tile[warp][k] = aos[begin + k];
    __syncwarp();
    int i = blockIdx.x * 128 + threadIdx.x;
    for (int f = 0; f < 6 && i < n; ++f)
        soa[f * n + i] = tile[warp][6 * lane + f] + (f < 3 ? dt * tile[warp][6 * lane + f + 3] : 0.f);"""
BOSS = [
    slip("02.22", "each thread its struct", "strided", (STAGED, DIRECT)),
    slip("02.22", "no barrier", "race", ("    __syncthreads();\n", "")),
    slip("02.22", "leaves before loading", "uninitialized", ("    int t = threadIdx.x, begin", "    if (blockIdx.x * 128 + threadIdx.x >= n) return;\n    int t = threadIdx.x, begin")),
    slip("02.22", "reads past the end", "out-of-bounds", ("if (begin + k < 6 * n) ", "")),
    slip("02.22", "still an array of structs", "still-aos", ("soa[f * n + i]", "soa[6 * i + f]"), ("soa[(f + 3) * n + i]", "soa[6 * i + f + 3]")),
    slip("02.22", "dt forgotten", "no-dt", ("dt * tile", "tile")),
    slip("02.22", "positions stay", "not-moved", (" + dt * tile[6 * t + 3 + f]", "")),
    slip("02.22", "velocities scaled", "velocity-scaled", ("= tile[6 * t + 3 + f];", "= dt * tile[6 * t + 3 + f];")),
    slip("02.22", "only one round of loads", "uninitialized", ("for (int k = t; k < 768; k += 128)", "int k = t;")),
    slip("02.22", "each thread loads its own six", "strided", ("for (int k = t; k < 768; k += 128)", "for (int k = 6 * t; k < 6 * t + 6; ++k)")),
    same("02.22", "float4 into the tile", (STAGED, FLOAT4S)),
    same("02.22", "a tile for each warp", (STAGED, BY_WARP)),
]  # fmt: skip

ATTEMPTS = [*SECTORS, *LANES, *ROWS, *LAYOUTS, *WIDE, *HALF, *FLIGHT, *TRITON, *TAILS, *TILES, *SEGMENT, *TURN, *BOSS]
