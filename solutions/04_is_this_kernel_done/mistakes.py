"""Wrong answers to chapter 04 with the diagnosis each must get, and right answers of another shape."""

from __future__ import annotations

from utils.judge import Right, Wrong


def guess(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """A wrong prediction: nothing random in it, so one seed is enough."""
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, edits=edits, seeds=1)


def slip(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str], seeds: int = 0) -> Wrong:
    """The model answer with one thing changed."""
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, edits=edits, seeds=seeds or SEEDS.get(exercise, 6))


def same(exercise: str, name: str, *edits: tuple[str, str], seeds: int = 2) -> Right:
    """The model answer written another way."""
    return Right(exercise=exercise, name=name, edits=edits, seeds=seeds)


def whole(exercise: str, name: str, code: str, diagnosis: str = "", seeds: int = 0) -> Wrong | Right:
    """A cell of its own; right if there is no diagnosis."""
    if diagnosis:
        return Wrong(exercise, name, code=code, diagnosis=diagnosis, seeds=seeds or SEEDS.get(exercise, 6))
    return Right(exercise, name, code=code, seeds=seeds or 2)


SEEDS = {"04.6": 2, "04.11": 3, "04.12": 3, "04.15": 1, "04.17": 2, "04.18": 2, "04.21": 4, "04.24": 2, "04.26": 1}

FLOORS = [
    guess("04.1", "only x", "one-way", ("536.9", "268.4")),
    guess("04.1", "in and out, twice", "twice", ("536.9", "1074")),
    guess("04.1", "by the datasheet", "datasheet", ("179", "160.3")),
    guess("04.1", "only x's time", "one-way", ("179", "89.5")),
    guess("04.1", "the arithmetic", "compute", ("179", "1.06")),
    guess("04.1", "milliseconds", "power-of-ten", ("179", "0.179")),
    same("04.1", "as an expression", ("536.9", "2 * 4 * 2**26 / 1e6"), ("179", "536.9 / 3.0"), seeds=1),
    slip("04.2", "the sum", "sum", ("max(by_memory, by_compute)", "by_memory + by_compute")),
    slip("04.2", "the smaller", "smaller", ("max(by_memory", "min(by_memory")),
    slip("04.2", "the wrong word", "swapped-limit", ("by_memory >= by_compute", "by_memory < by_compute")),
    slip("04.2", "memory alone", "memory-only", ("max(by_memory, by_compute)", "by_memory")),
    slip("04.2", "microseconds", "not-seconds", ("max(by_memory, by_compute)", "1e6 * max(by_memory, by_compute)")),
    slip("04.2", "upside down", "inverted", ("moved / bandwidth, flops / peak", "bandwidth / moved, peak / max(flops, 1e-30)"),
         ("max(by_memory, by_compute)", "(by_memory if flops == 0 else max(by_memory, by_compute))"),
         ("by_memory >= by_compute", "moved / bandwidth >= flops / peak")),
    slip("04.2", "the smaller, and its word", "smaller", ("max(by_memory", "min(by_memory"), ("by_memory >= by_compute", "by_memory <= by_compute")),
    slip("04.2", "a tie is the arithmetic's", "tie", ("by_memory >= by_compute", "by_memory > by_compute")),
    slip("04.2", "no word", "wrong-type", (', "memory" if by_memory >= by_compute else "compute"', "")),
    slip("04.2", "a bool for the word", "wrong-type", ('"memory" if by_memory >= by_compute else "compute"', "by_memory >= by_compute")),
    whole("04.2", "by the ridge", """
def floors(moved, flops, bandwidth, peak):
    if flops / moved > peak / bandwidth:
        return flops / peak, "compute"
    return moved / bandwidth, "memory"
"""),
]  # fmt: skip

WORK = [
    slip("04.3", "a multiply-add is one", "half-flops", ("2 * M * N * K", "M * N * K")),
    slip("04.3", "C is free", "no-output", (" + M * N)", ")")),
    slip("04.3", "elements", "elements", ("size * (M", "(M")),
    slip("04.3", "no reuse", "no-reuse", ("(M * K + K * N + M * N)", "(2 * M * N * K + M * N)")),
    slip("04.3", "sides mixed up", "wrong-sides", ("(M * K + K * N + M * N)", "(M * N + N * K + M * M)")),
    slip("04.3", "C is read too", "c-is-read", ("+ M * N)", "+ 2 * M * N)")),
    slip("04.3", "one number", "wrong-type", (", size * (M * K + K * N + M * N)", "")),
    whole("04.3", "with arrays", """
def gemm_work(M, N, K, size):
    sides = [(M, K), (K, N), (M, N)]
    return 2.0 * M * N * K, sum(a * b for a, b in sides) * size
"""),
    guess("04.4", "half a FLOP", "half-flops", ("intensity_of_one = 1.0", "intensity_of_one = 0.5")),
    guess("04.4", "one byte an element", "one-byte", ("intensity_of_one = 1.0", "intensity_of_one = 2.0")),
    guess("04.4", "the square's", "square", ("intensity_of_one = 1.0", "intensity_of_one = 2730")),
    guess("04.4", "the datasheet's ridge", "datasheet", ("243", "295.3")),
    guess("04.4", "upside down", "inverted", ("243", "0.00412")),
    guess("04.4", "128 times", "compute-bound", ("times_as_long = 1.0", "times_as_long = 128")),
    guess("04.4", "twice", "guess", ("times_as_long = 1.0", "times_as_long = 2")),
    same("04.4", "as an expression", ("243", "728 / 3.0"), seeds=1),
    slip("04.5", "one product", "half-flops", ("4 * B * H", "2 * B * H")),
    slip("04.5", "no output", "one-operand", ("2 * Tq * d + 2 * Tk", "Tq * d + 2 * Tk")),
    slip("04.5", "no V", "one-operand", ("+ 2 * Tk * d", "+ Tk * d")),
    slip("04.5", "scores once", "scores-once", ("4 * Tq * Tk\n", "Tq * Tk\n")),
    slip("04.5", "scores written and read", "scores-once", ("4 * Tq * Tk\n", "2 * Tq * Tk\n")),
    slip("04.5", "never fused", "never-fused", ("if not fused", "if True")),
    slip("04.5", "always fused", "always-fused", ("if not fused", "if False")),
    slip("04.5", "one head", "no-heads", ("4 * B * H", "4 * B"), ("size * B * H", "size * B")),
    slip("04.5", "as many keys as queries", "wrong-rows", ("2 * Tk * d", "2 * Tq * d")),
    whole("04.5", "array by array", """
def attention_work(B, H, Tq, Tk, d, size, fused):
    flops = moved = 0
    for _ in range(B * H):
        flops += 2 * Tq * Tk * d * 2
        moved += sum([Tq * d, Tk * d, Tk * d, Tq * d]) + (0 if fused else 4 * Tq * Tk)
    return flops, moved * size
"""),
]  # fmt: skip

GATED = """gated = r'''
__global__ void gated(const float* gate, const float* up, float* y, int n) {
    BODY
}'''
"""
FUSION = [
    slip("04.6", "no guard", "out-of-bounds", ("if (i < n) {", "{")),
    slip("04.6", "one too few", "tail-unwritten", ("if (i < n)", "if (i < n - 1)")),
    slip("04.6", "sigmoid", "sigmoid-only", ("g / (1", "1 / (1")),
    slip("04.6", "no up", "no-up", (" * up[i]", "")),
    slip("04.6", "the wrong input", "wrong-input", ("float g = gate[i]", "float g = up[i]"), ("* up[i]", "* gate[i]")),
    slip("04.6", "of the product", "silu-of-product", ("float g = gate[i]", "float g = gate[i] * up[i]"), (" * up[i];\n    }", ";\n    }")),
    slip("04.6", "the sign", "exp-sign", ("expf(-g)", "expf(g)")),
    whole("04.6", "two passes through y", GATED.replace("BODY", """int i = blockIdx.x * blockDim.x + threadIdx.x;
    volatile float* t = y;
    if (i < n) t[i] = gate[i] / (1 + expf(-gate[i]));
    if (i < n) t[i] = t[i] * up[i];"""), "traffic"),
    whole("04.6", "a stretch for each thread", GATED.replace("BODY", """int threads = gridDim.x * blockDim.x, m = (n + threads - 1) / threads;
    int each = m < 4 ? 4 : m, t = blockIdx.x * blockDim.x + threadIdx.x;
    for (int i = t * each; i < (t + 1) * each && i < n; ++i) y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];"""), "coalescing"),
    whole("04.6", "a grid-stride loop, the fast exponential", GATED.replace("BODY", """for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x)
        y[i] = __fdividef(gate[i], 1.f + __expf(-gate[i])) * up[i];""")),
    whole("04.6", "through tanh", GATED.replace("BODY", """int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= n) return;
    float g = gate[i];
    y[i] = 0.5f * g * (1.f + tanhf(0.5f * g)) * up[i];""")),
    guess("04.7", "the array once", "once", ("6.96", "0.1087")),
    guess("04.7", "gigabytes", "power-of-ten", ("6.96", "6955.7")),
    guess("04.7", "from HBM", "wrong-choice", ('"L2"', '"HBM"')),
    guess("04.7", "from L1", "wrong-choice", ('"L2"', '"L1"')),
    guess("04.7", "no cache", "wrong-type", ('"L2"', '"cache"')),
    same("04.7", "as an expression", ("6.96", "64 * 16.777 / 154.4"), ('"L2"', '"l2"'), seeds=1),
]  # fmt: skip

LITTLE = [
    guess("04.8", "the whole GPU", "whole-gpu", ("7.94", "1047.6")),
    guess("04.8", "bytes", "power-of-ten", ("7.94", "7936.3")),
    guess("04.8", "threads", "lanes", ("= 62", "= 1984")),
    guess("04.8", "wider loads need more", "more", ("15.5", "248")),
    guess("04.8", "half of it", "factor-of-two", ("= 62", "= 31")),
    same("04.8", "as expressions", ("7.94", "3.0e12 * 349e-9 / 132 / 1e3"), ("15.5", "16"), seeds=1),
    slip("04.9", "rounded down", "rounded-down", ("ceil(under_way /", "int(under_way /")),
    slip("04.9", "the whole GPU", "whole-gpu", (" / sms", "")),
    slip("04.9", "threads", "threads", ("32 * lane_bytes * loads", "lane_bytes * loads")),
    slip("04.9", "loads ignored", "no-loads", ("32 * lane_bytes * loads", "32 * lane_bytes")),
    slip("04.9", "always 4 bytes", "no-width", ("32 * lane_bytes * loads", "32 * 4 * loads")),
    slip("04.9", "down, plus one", "plus-one", ("ceil(under_way / (32 * lane_bytes * loads))", "int(under_way / (32 * lane_bytes * loads)) + 1")),
    slip("04.9", "nothing returned", "returned-nothing", ("return ceil", "warps = ceil")),
    whole("04.9", "bytes of a warp first", """
def warps_needed(bandwidth, latency, sms, lane_bytes, loads):
    of_a_warp = 32 * lane_bytes * loads
    return -int(-(bandwidth * latency / sms) // of_a_warp)
"""),
]  # fmt: skip

OCCUPANCY = [
    guess("04.10", "no limit", "no-limit", ("= 32", "= 64")),
    guess("04.10", "parts of blocks", "whole-blocks", ("= 24", "= 28")),
    guess("04.10", "no rounding at all", "no-rounding", ("= 24", "= 31")),
    guess("04.10", "no cliff", "no-cliff", ("= 24", "= 32")),
    guess("04.10", "blocks", "blocks", ("= 32", "= 4")),
    same("04.10", "as expressions", ("= 32", "= 4 * 8"), ("= 24", "= 3 * 8"), seeds=1),
    slip("04.11", "registers as they are", "no-register-unit", ("ceil(registers * 32 / 256) * 256", "registers * 32")),
    slip("04.11", "one pool", "no-quarters", ("4 * (16384 // of_a_warp)", "65536 // of_a_warp")),
    slip("04.11", "no reserve", "no-reserve", ("(shared + 1024)", "max(shared, 1)")),
    slip("04.11", "no unit of 128", "no-shared-unit", ("ceil((shared + 1024) / 128) * 128", "shared + 1024")),
    slip("04.11", "no block limit", "no-block-limit", ("min(32, ", "min(")),
    slip("04.11", "no warp limit", "no-warp-limit", ("min(32, 64 // warps,", "min(32,")),
    slip("04.11", "threads, not warps", "threads-not-warps", ("ceil(threads / 32)", "threads / 32"), ("min(32, 64 // warps, by_registers, by_shared)",
         "int(min(32, 64 // warps, by_registers, by_shared))")),
    slip("04.11", "2048 threads", "threads-not-warps", ("64 // warps", "2048 // threads")),
    slip("04.11", "whole blocks a quarter", "blocks-a-quarter", ("4 * (16384 // of_a_warp) // warps", "4 * (16384 // of_a_warp // warps)")),
    slip("04.11", "warps", "warps-returned", ("return min(32, 64 // warps, by_registers, by_shared)",
         "return min(32, 64 // warps, by_registers, by_shared) * warps")),
    slip("04.11", "floats", "wrong-type", ("return min(32, 64 // warps, by_registers, by_shared)", "return str(min(32, 64 // warps))")),
    whole("04.11", "one block more, as long as it fits", """
def blocks_on_an_sm(registers, threads, shared):
    warps = (threads + 31) // 32
    units = (registers + 7) // 8
    n = 0
    while True:
        n += 1
        fullest = (n * warps + 3) // 4
        if n > 32 or n * warps > 64 or fullest * units * 256 > 16384 or n * ((shared + 1024 + 127) // 128) > 1824:
            return n - 1
"""),
    slip("04.12", "no 255", "no-255", ("min(255, 16384 // in_a_quarter // 256 * 8)", "16384 // in_a_quarter // 256 * 8")),
    slip("04.12", "256", "no-255", ("min(255,", "min(256,")),
    slip("04.12", "no eights", "no-rounding", ("16384 // in_a_quarter // 256 * 8", "16384 // in_a_quarter // 32")),
    slip("04.12", "one pool", "no-quarters", ("in_a_quarter = ceil(blocks * ceil(threads / 32) / 4)", "in_a_quarter = blocks * ceil(threads / 32) / 4"),
         ("16384 // in_a_quarter // 256 * 8", "int(16384 // in_a_quarter // 256 * 8)")),
    slip("04.12", "one step too many", "one-too-many", ("// 256 * 8)", "// 256 * 8 + 8)")),
    whole("04.12", "65536 / (threads · blocks)", "def most_registers(threads, blocks):\n    return min(255, 65536 // (threads * blocks))\n", "no-rounding"),
    whole("04.12", "by trying", """
def blocks(r, t):
    return 4 * (16384 // (ceil(r / 8) * 256)) // ceil(t / 32)

def most_registers(threads, blocks_wanted):
    return max(r for r in range(1, 256) if blocks(r, threads) >= blocks_wanted)
"""),
]  # fmt: skip

RAGGED = """ragged = r'''
__global__ void ragged(const float* x, const int* starts, float* sums, int* next, int rows) {
    BODY
}'''
"""
WAVES = [
    guess("04.13", "as if it could be shared out", "divisible", ("1.89", "1.0076")),
    guess("04.13", "four times the work", "work", ("ratio_132_to_33 = 1.0", "ratio_132_to_33 = 4")),
    guess("04.13", "twice", "wrong-value", ("ratio_132_to_33 = 1.0", "ratio_132_to_33 = 2.02")),
    guess("04.13", "three waves", "wrong-value", ("1.89", "3")),
    guess("04.13", "a text", "not-a-number", ("1.89", "'twice'")),
    same("04.13", "whole waves", ("1.89", "2"), seeds=1),
    slip("04.14", "no partial tiles", "no-partial-tiles", ("M * N / (tiles * tile_m * tile_n)", "1.0")),
    slip("04.14", "one block an SM", "one-per-sm", ("(per_sm * sms)) * per_sm * sms", "sms) * sms")),
    slip("04.14", "no last wave", "no-last-wave", ("ceil(tiles / (per_sm * sms)) * per_sm * sms", "per_sm * sms")),
    slip("04.14", "blocks over places, at most 1", "no-last-wave", ("tiles / places", "min(1.0, tiles / (per_sm * sms))")),
    slip("04.14", "the last wave alone", "last-wave-only", ("tiles / places", "((tiles - 1) % (per_sm * sms) + 1) / (per_sm * sms)")),
    slip("04.14", "upside down", "inverted", ("M * N / (tiles * tile_m * tile_n), tiles / places", "tiles * tile_m * tile_n / (M * N), places / tiles")),
    slip("04.14", "in the other order", "swapped", ("M * N / (tiles * tile_m * tile_n), tiles / places", "tiles / places, M * N / (tiles * tile_m * tile_n)")),
    slip("04.14", "the tile's sides", "swapped-sides", ("ceil(M / tile_m) * ceil(N / tile_n)", "ceil(M / tile_n) * ceil(N / tile_m)")),
    slip("04.14", "area over area", "fractional-tiles", ("ceil(M / tile_m) * ceil(N / tile_n)", "ceil(M * N / (tile_m * tile_n))")),
    whole("04.14", "with negative floors", """
def efficiencies(M, N, tile_m, tile_n, per_sm, sms):
    tiles = -(-M // tile_m) * -(-N // tile_n)
    slots = per_sm * sms
    return (M / (-(-M // tile_m) * tile_m)) * (N / (-(-N // tile_n) * tile_n)), tiles / (-(-tiles // slots) * slots)
"""),
    slip("04.15", "no barrier after the draw", "race", ("        __syncthreads();\n        int r = row;", "        int r = row;")),
    slip("04.15", "no barrier before the sum", "race", ("        __syncthreads();\n        if (t == 0) sums", "        if (t == 0) sums")),
    slip("04.15", "every thread draws", "barrier", ("if (t == 0) row = atomicAdd(next, 1);\n        __syncthreads();\n        int r = row;", "int r = atomicAdd(next, 1);")),
    slip("04.15", "once for a block", "never-written", ("if (r >= rows) return;", "if (r < rows || r >= rows) return;")),
    slip("04.15", "one row a block", "tail-unwritten", ("+ part[3];\n    }", "+ part[3];\n        return;\n    }")),
    slip("04.15", "one warp's part", "wrong-values", ("part[0] + part[1] + part[2] + part[3]", "part[0]")),
    slip("04.15", "beyond the last row", "out-of-bounds", ("if (r >= rows) return;", "if (r > rows) return;")),
    slip("04.15", "the next row's first element too", "out-of-bounds", ("i < starts[r + 1]", "i <= starts[r + 1]")),
    whole("04.15", "dealt out beforehand", RAGGED.replace("BODY", """__shared__ float part[4];
    int t = threadIdx.x;
    for (int r = blockIdx.x; r < rows; r += gridDim.x) {
        float s = 0;
        for (int i = starts[r] + t; i < starts[r + 1]; i += 128) s += x[i];
        for (int d = 16; d > 0; d /= 2) s += __shfl_down_sync(~0u, s, d);
        if (t % 32 == 0) part[t / 32] = s;
        __syncthreads();
        if (t == 0) sums[r] = part[0] + part[1] + part[2] + part[3];
        __syncthreads();
    }"""), "never-drawn"),
    whole("04.15", "a row for each warp", RAGGED.replace("BODY", """int lane = threadIdx.x % 32;
    while (true) {
        int r;
        if (lane == 0) r = atomicAdd(next, 1);
        r = __shfl_sync(~0u, r, 0);
        if (r >= rows) break;
        float s = 0;
        for (int i = starts[r] + lane; i < starts[r + 1]; i += 32) s += x[i];
        for (int d = 16; d > 0; d /= 2) s += __shfl_down_sync(~0u, s, d);
        if (lane == 0) sums[r] = s;
    }"""), "one-ticket-a-row"),
    whole("04.15", "a row for each thread", RAGGED.replace("BODY", """for (int r = atomicAdd(next, 1); r < rows; r = atomicAdd(next, 1)) {
        float s = 0;
        for (int i = starts[r]; i < starts[r + 1]; ++i) s += x[i];
        sums[r] = s;
    }"""), "one-ticket-a-row"),
    whole("04.15", "one thread sums", RAGGED.replace("BODY", """__shared__ int row;
    while (true) {
        if (threadIdx.x == 0) row = atomicAdd(next, 1);
        __syncthreads();
        int r = row;
        if (r >= rows) return;
        if (threadIdx.x == 0) {
            float s = 0;
            for (int i = starts[r]; i < starts[r + 1]; ++i) s += x[i];
            sums[r] = s;
        }
        __syncthreads();
    }"""), "shared-out", seeds=2),
    whole("04.15", "a row for each block's number, then the tickets", RAGGED.replace("BODY", """__shared__ float all[128];
    __shared__ int row;
    int t = threadIdx.x;
    if (t == 0) row = atomicAdd(next, 1);
    __syncthreads();
    while (row < rows) {
        int r = row;
        float s = 0;
        for (int i = starts[r] + t; i < starts[r + 1]; i += 128) s += x[i];
        all[t] = s;
        for (int d = 64; d > 0; d /= 2) {
            __syncthreads();
            if (t < d) all[t] += all[t + d];
        }
        if (t == 0) sums[r] = all[0], row = atomicAdd(next, 1);
        __syncthreads();
    }""")),
    whole("04.15", "atomics in shared memory", RAGGED.replace("BODY", """__shared__ int row;
    __shared__ float sum;
    for (;;) {
        if (threadIdx.x == 0) { row = atomicAdd(next, 1); sum = 0; }
        __syncthreads();
        if (row >= rows) break;
        float s = 0;
        for (int i = starts[row] + threadIdx.x; i < starts[row + 1]; i += blockDim.x) s += x[i];
        for (int d = 16; d; d >>= 1) s += __shfl_xor_sync(0xffffffff, s, d);
        if (threadIdx.x % 32 == 0) atomicAdd(&sum, s);
        __syncthreads();
        if (threadIdx.x == 0) sums[row] = sum;
        __syncthreads();
    }""")),
]  # fmt: skip

BENT = """bent = r'''
__global__ void bent(const float* x, float* y, int steps, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float v = x[i];
    BODY
    y[i] = v;
}'''
"""
SLOW = """outliers = r'''
__device__ float slow(float v) {
    for (int k = 0; k < 64; ++k) v = 0.97f * v + 0.01f / (1.f + v * v);
    return v;
}
__global__ void outliers(const float* x, float* y, int n) {
    BODY
}'''
"""
DIVERGENCE = [
    guess("04.16", "eight lanes", "ways", ("lanes_by_thread = 4", "lanes_by_thread = 8")),
    guess("04.16", "all lanes", "all", ("lanes_by_thread = 4", "lanes_by_thread = 32")),
    guess("04.16", "warps part too", "still-divergent", ("lanes_by_warp = 32", "lanes_by_warp = 4")),
    guess("04.16", "for free", "free", ("times_slower = 7", "times_slower = 1")),
    guess("04.16", "sixteen", "factor-of-two", ("lanes_by_warp = 32", "lanes_by_warp = 16")),
    same("04.16", "eight times", ("times_slower = 7", "times_slower = 8"), seeds=1),
    whole("04.17", "two loops", BENT.replace("BODY", """if (v < 0) {
        for (int k = 0; k < steps; ++k) v = 0.95f * v + 0.1f;
    } else {
        for (int k = 0; k < steps; ++k) v = 0.90f * v - 0.2f;
    }"""), "divergence"),
    whole("04.17", "both loops, then one is chosen", BENT.replace("BODY", """float w = v;
    for (int k = 0; k < steps; ++k) v = 0.95f * v + 0.1f;
    for (int k = 0; k < steps; ++k) w = 0.90f * w - 0.2f;
    v = x[i] < 0 ? v : w;"""), "divergence"),
    slip("04.17", "swapped", "swapped", ("v < 0 ? 0.95f : 0.90f", "v >= 0 ? 0.95f : 0.90f"), ("v < 0 ? 0.1f : -0.2f", "v >= 0 ? 0.1f : -0.2f")),
    slip("04.17", "one of the two constants", "one-constant", ("b = v < 0 ? 0.1f : -0.2f", "b = -0.2f")),
    whole("04.17", "chosen anew", BENT.replace("BODY", "for (int k = 0; k < steps; ++k) v = (v < 0 ? 0.95f : 0.90f) * v + (v < 0 ? 0.1f : -0.2f);"),
          "decided-anew"),
    slip("04.17", "always the upper way", "one-branch", ("v < 0 ? 0.95f : 0.90f", "0.90f"), ("v < 0 ? 0.1f : -0.2f", "-0.2f")),
    slip("04.17", "no guard", "out-of-bounds", ("if (i < n) {", "{")),
    whole("04.17", "arithmetic instead of a choice", BENT.replace("BODY", """int low = signbit(v) != 0;
    float a = 0.90f + 0.05f * low, b = -0.2f + 0.3f * low;
    #pragma unroll 4
    for (int k = 0; k < steps; ++k) v = fmaf(a, v, b);""")),
    whole("04.17", "a table", BENT.replace("BODY", """const float a[2] = {0.90f, 0.95f}, b[2] = {-0.2f, 0.1f};
    float p = v < 0 ? a[1] : a[0], q = v < 0 ? b[1] : b[0];
    while (steps-- > 0) v = p * v + q;""")),
    whole("04.18", "as it was", SLOW.replace("BODY", """int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= n) return;
    float v = x[i];
    if (fabsf(v) > 3.f) y[i] = slow(v);
    else                y[i] = 0.5f * v;"""), "divergence"),
    slip("04.18", "no barrier after the count is cleared", "race", ("if (t == 0) count = 0;\n    __syncthreads();", "if (t == 0) count = 0;")),
    slip("04.18", "no barrier after the queue is filled", "race", ("    __syncthreads();\n    if (t < count)", "    if (t < count)")),
    slip("04.18", "not cleared", "uninitialized", ("    if (t == 0) count = 0;\n    __syncthreads();\n", "")),
    slip("04.18", "no atomic", "race", ("queue[atomicAdd(&count, 1)] = i", "queue[count++] = i")),
    slip("04.18", "only large positive ones", "no-abs", ("fabsf(v) > 3.f", "v > 3.f")),
    slip("04.18", "one place too few", "out-of-bounds", ("queue[256]", "queue[255]")),
    slip("04.18", "the first warp only", "partly-written", ("if (t < count)", "if (t < 32 && t < count)")),
    same("04.18", "returned before the barriers, which the hardware allows", ("    if (t == 0) count = 0;\n    __syncthreads();\n    if (i < n) {",
         "    if (i >= n) return;\n    if (t == 0) count = 0;\n    __syncthreads();\n    {")),
    whole("04.18", "values in the queue, places by ballot", SLOW.replace("BODY", """__shared__ float value[256];
    __shared__ int place[256], begin[9];
    int t = threadIdx.x, i = blockIdx.x * 256 + t, lane = t % 32, w = t / 32;
    float v = i < n ? x[i] : 0.f;
    bool far = fabsf(v) > 3.f;
    unsigned who = __ballot_sync(~0u, far);
    if (lane == 0) begin[w + 1] = __popc(who);
    __syncthreads();
    int at = 0, all = 0;
    for (int k = 1; k < 9; ++k) { if (k <= w) at += begin[k]; all += begin[k]; }
    at += __popc(who & ((1u << lane) - 1));
    if (far) value[at] = v, place[at] = i;
    else if (i < n) y[i] = v / 2;
    __syncthreads();
    for (int k = t; k < all; k += 256) y[place[k]] = slow(value[k]);""")),
    whole("04.18", "collected from the other end", SLOW.replace("BODY", """__shared__ int left;
    __shared__ int queue[256];
    if (!threadIdx.x) left = 256;
    __syncthreads();
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && fabsf(x[i]) > 3) queue[atomicSub(&left, 1) - 1] = i;
    else if (i < n) y[i] = x[i] * 0.5f;
    __syncthreads();
    int k = 255 - (int)threadIdx.x;
    if (k >= left) y[queue[k]] = slow(x[queue[k]]);""")),
]  # fmt: skip

MIX = [
    slip("04.19", "the sum", "sum", ("return times[busiest], busiest", "return sum(times.values()), busiest")),
    slip("04.19", "the first to finish", "fastest", ("max(times", "min(times")),
    slip("04.19", "one SM", "one-sm", ("* sms * clock", "* clock")),
    slip("04.19", "warps", "per-warp", ("count / (rates", "count / 32 / (rates")),
    slip("04.19", "most work", "most-work", ("max(times, key=times.get)", "max(work, key=work.get)")),
    slip("04.19", "cycles", "no-clock", (" * clock", "")),
    slip("04.19", "every rate has work", "exception", ("for name, count in work.items()", "for name, count in ((name, work[name]) for name in rates)")),
    whole("04.19", "a loop", """
def pipe_floor(work, rates, sms, clock):
    worst, busiest = -1.0, None
    for name in work:
        cycles = work[name] / rates[name] / sms
        if cycles > worst:
            worst, busiest = cycles, name
    return worst / clock, busiest
"""),
    guess("04.20", "the GPU alone", "gpu-only", ("2.73", "0.656")),
    guess("04.20", "the sum", "sum", ("2.73", "3.39")),
    guess("04.20", "the host's, in the graph too", "host", ("0.66", "2.73")),
    guess("04.20", "microseconds", "power-of-ten", ("2.73", "2733.4")),
    guess("04.20", "half", "factor-of-two", ("0.66", "0.328")),
    same("04.20", "as expressions", ("2.73", "400 * 6.8e-3"), ("0.66", "400 * 1.6e-3"), seeds=1),
    slip("04.21", "all of them", "no-budget", ("> days", "> 10**6")),
    slip("04.21", "gains added", "gains-added", ("left[step] /= factor", "left[step] -= steps[step] * (1 - 1 / factor)")),
    slip("04.21", "the second change replaces the first", "same-step", ("left[step] /= factor", "left[step] = steps[step] / factor")),
    whole("04.21", "the largest gain that is left", """
def best_plan(steps, changes, days):
    left, todo = dict(steps), list(changes)
    while True:
        todo = [c for c in todo if c[2] <= days]
        if not todo:
            return sum(left.values())
        best = max(todo, key=lambda c: left[c[0]] - left[c[0]] / c[1])
        todo.remove(best)
        left[best[0]] /= best[1]
        days -= best[2]
""", "greedy"),
    whole("04.21", "the cheapest first", """
def best_plan(steps, changes, days):
    left = dict(steps)
    for step, factor, cost in sorted(changes, key=lambda c: c[2]):
        if cost <= days:
            left[step] /= factor
            days -= cost
    return sum(left.values())
""", "greedy"),
    slip("04.21", "one change", "longest-step", ("range(len(changes) + 1)", "range(2)")),
    whole("04.21", "largest factor first", """
def best_plan(steps, changes, days):
    left = dict(steps)
    for step, factor, cost in sorted(changes, key=lambda c: -c[1]):
        if cost <= days:
            left[step] /= factor
            days -= cost
    return sum(left.values())
""", "greedy"),
    whole("04.21", "largest gain a day first", """
def best_plan(steps, changes, days):
    left = dict(steps)
    for step, factor, cost in sorted(changes, key=lambda c: -steps[c[0]] * (1 - 1 / c[1]) / c[2]):
        if cost <= days:
            left[step] /= factor
            days -= cost
    return sum(left.values())
""", "greedy"),
    slip("04.21", "the input is used up", "input-changed", ("left = dict(steps)", "left = steps")),
    slip("04.21", "nothing returned", "returned-nothing", ("return best", "best")),
    whole("04.21", "recursion", """
def best_plan(steps, changes, days):
    if not changes:
        return sum(steps.values())
    (step, factor, cost), *rest = changes
    without = best_plan(steps, rest, days)
    if cost > days:
        return without
    return min(without, best_plan({**steps, step: steps[step] / factor}, rest, days - cost))
"""),
]  # fmt: skip

READING = [
    guess("04.22", "field is at its floor", "not-memory", ('"wasted bytes"', '"memory"')),
    guess("04.22", "field waits", "not-latency", ('"wasted bytes"', '"latency"')),
    guess("04.22", "turn is at its floor", "not-memory", ('"bank conflicts"', '"memory"')),
    guess("04.22", "scale wastes bytes", "not-wasted-bytes", ('scale_is = "memory"', 'scale_is = "wasted bytes"')),
    guess("04.22", "walk has a tail", "not-tail", ('"latency"', '"tail"')),
    guess("04.22", "no such limit", "wrong-type", ('"latency"', '"the memory"')),
    same("04.22", "capitals", ('"latency"', '"Latency"'), seeds=1),
    guess("04.23", "choose computes", "not-compute", ('"divergence"', '"compute"')),
    guess("04.23", "rounds waits", "not-latency", ('"tail"', '"latency"')),
    guess("04.23", "tally waits", "not-latency", ('"atomics"', '"latency"')),
    guess("04.23", "gauss computes", "not-compute", ('"special functions"', '"compute"')),
    guess("04.23", "tally is short", "not-launch", ('"atomics"', '"launch"')),
    same("04.23", "with a space", ('"tail"', '" tail "'), seeds=1),
    slip("04.24", "no launch", "no-launch", ('if m["us"] < 5 and m["waves"] < 1:', "if False:")),
    slip("04.24", "no tail", "no-tail", ('if m["busy"] < 80:', "if False:")),
    slip("04.24", "no lanes", "no-divergence", ('"divergence" if m["lanes"] < 24 else ', "")),
    slip("04.24", "no XU", "no-special-functions", ('"special functions" if m["xu"] >= 80 else ', "")),
    slip("04.24", "no local memory", "no-local-memory", ('if m["local"] >= 20:', "if False:")),
    slip("04.24", "no conflicts", "no-bank-conflicts", ('if m["l1"] >= max(m["l2"], m["dram"]) and m["conflicts"] >= 20:', "if False:")),
    slip("04.24", "no L2", "no-L2", ('if m["dram"] < 60:', "if False:")),
    slip("04.24", "no waste", "no-wasted-bytes", ('"wasted bytes" if m["moved"] >= 1.3 * m["needed"] else ', "")),
    slip("04.24", "no barrier", "no-barrier", ('if m["stall"] == "barrier":', "if False:")),
    slip("04.24", "no atomics", "no-atomics", ('"atomics" if m["atomics"] >= 10 else ', "")),
    slip("04.24", "conflicts before everything", "wrong-choice", ('if m["us"] < 5', 'if m["conflicts"] >= 20:\n        return "bank conflicts"\n    if m["us"] < 5')),
    whole("04.24", "the card does it", """
def diagnose(m):
    from utils.headroom import limit
    return limit(m)
""", "forbidden-route"),
    whole("04.24", "a list of rules", """
def diagnose(m):
    busiest = max(m["compute"], m["memory"])
    c = busiest >= 60 and m["compute"] >= m["memory"]
    d = busiest >= 60 and not c
    rules = [
        ("launch", m["us"] < 5 and m["waves"] < 1), ("tail", m["busy"] < 80),
        ("divergence", c and m["lanes"] < 24), ("special functions", c and m["xu"] >= 80), ("compute", c),
        ("local memory", d and m["local"] >= 20),
        ("bank conflicts", d and m["l1"] >= m["l2"] and m["l1"] >= m["dram"] and m["conflicts"] >= 20),
        ("L2", d and m["dram"] < 60), ("wasted bytes", d and m["moved"] / m["needed"] >= 1.3), ("memory", d),
        ("barrier", m["stall"] == "barrier"), ("atomics", m["atomics"] >= 10),
    ]
    for name, holds in rules:
        if holds:
            return name
    return "latency"
"""),
]  # fmt: skip

PLANTED = """scale_transpose = r'''
__global__ void scale_transpose(const float* x, float* y, int* amax, float scale, int rows, int cols) {
    __shared__ float tile[32][32];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < rows && c < cols) {
            float v = x[(r + k) * cols + c];
            atomicMax(amax, __float_as_int(fabsf(v)));
            tile[threadIdx.y + k][threadIdx.x] = v;
        }
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < cols && c < rows) {
            float v = tile[threadIdx.x][threadIdx.y + k];
            y[(r + k) * rows + c] = fmin(fmax(v / (double)scale, -448.0), 448.0);
        }
}'''
"""
OUT = "fminf(fmaxf(tile[lane][k] * inverse, -448.f), 448.f)"
BOSS = [
    guess("04.25", "conflicts first", "wrong-choice", ('"atomics"', '"bank conflicts"')),
    guess("04.25", "doubles first", "wrong-choice", ('"atomics"', '"doubles"')),
    guess("04.25", "as many times as wavefronts", "wavefronts", ("gain_of_conflicts_alone = 1.0", "gain_of_conflicts_alone = 32")),
    guess("04.25", "twice", "guess", ("gain_of_conflicts_alone = 1.0", "gain_of_conflicts_alone = 2")),
    guess("04.25", "more than there is", "wavefronts", ("9.6", "32")),
    same("04.25", "the floor's", ("9.6", "1932 / 179"), seeds=1),
    whole("04.26", "as planted", PLANTED, "atomics"),
    slip("04.26", "an atomic a warp", "atomics", ("if (lane == 0) of_warp[warp] = most;", "if (lane == 0) atomicMax(amax, most);\n    of_warp[warp] = 0;")),
    slip("04.26", "no padding", "bank-conflicts", ("tile[32][33]", "tile[32][32]")),
    slip("04.26", "padded by two", "bank-conflicts", ("tile[32][33]", "tile[32][34]")),
    slip("04.26", "clamped in doubles", "doubles", (OUT, "fmin(fmax((double)tile[lane][k] * inverse, -448.0), 448.0)")),
    slip("04.26", "divided in doubles", "doubles", (OUT, "(float)fmin(fmax(tile[lane][k] / (double)scale, -448.0), 448.0)")),
    same("04.26", "a double that the compiler narrows again", (OUT, "fminf(fmaxf(tile[lane][k] / (double)scale, -448.f), 448.f)")),
    slip("04.26", "no barrier", "race", ("    __syncthreads();\n", "")),
    slip("04.26", "not clamped", "not-clipped", (OUT, "tile[lane][k] * inverse")),
    slip("04.26", "multiplied", "multiplied", ("* inverse,", "* scale,")),
    slip("04.26", "the largest x", "no-magnitude", ("__float_as_int(fabsf(v))", "__float_as_int(v)")),
    slip("04.26", "amax is overwritten", "race", ("atomicMax(amax, most);", "*amax = most;")),
    slip("04.26", "one warp's largest", "wrong-values", ("for (int w = 1; w < 8; ++w) most = max(most, of_warp[w]);\n", "\n")),
    slip("04.26", "no tile", "coalescing", ("y[(c0 + k) * rows + r0 + lane] = " + OUT, "y[(c0 + lane) * rows + r0 + k] = fminf(fmaxf(tile[k][lane] * inverse, -448.f), 448.f)"),
         ("if (c0 + k < cols && r0 + lane < rows)", "if (c0 + lane < cols && r0 + k < rows)")),
    slip("04.26", "no guard", "out-of-bounds", ("if (c0 + k < cols && r0 + lane < rows)\n", "\n")),
    same("04.26", "a swizzle, and a true division", ("tile[32][33]", "tile[32][32]"), ("tile[k][lane] = ", "tile[k][lane ^ k] = "),
         (OUT, "fminf(fmaxf(tile[lane][k ^ lane] / scale, -448.f), 448.f)"), ("    float inverse = 1.f / scale;\n", "")),
    same("04.26", "the warps meet by an atomic in shared memory", ("__shared__ int of_warp[8];", "__shared__ int block_most;\n    if (threadIdx.x + threadIdx.y == 0) block_most = 0;\n    __syncthreads();"),
         ("if (lane == 0) of_warp[warp] = most;", "if (lane == 0) atomicMax(&block_most, most);"),
         ("        for (int w = 1; w < 8; ++w) most = max(most, of_warp[w]);\n        atomicMax(amax, most);", "        if (block_most) atomicMax(amax, block_most);")),
    same("04.26", "by shuffles", ("most = __reduce_max_sync(~0u, most);", "for (int d = 16; d; d /= 2) most = max(most, __shfl_xor_sync(~0u, most, d));")),
]  # fmt: skip

ATTEMPTS = [*FLOORS, *WORK, *FUSION, *LITTLE, *OCCUPANCY, *WAVES, *DIVERGENCE, *MIX, *READING, *BOSS]
