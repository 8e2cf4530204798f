"""What every answer of chapter 04 must do. Oracles are brute force, float64, or what a GPU said."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np

from utils import ceilings, measures, recorded
from utils.judge import Budget, Cuda, Forbid, Function, Misread, Predict, Quantity, Rival, Tolerance, spread
from utils.vgpu import emulate

H100 = ceilings("H100 80GB")
CLOSE = Tolerance(1e-9)


@cache
def figures(topic: str):
    """The H100's record of a topic, so that an answer does not change when another GPU is recorded."""
    return next(run["figures"] for run in recorded(f"04_{topic}") if "H100 80GB" in run["machine"]["gpu"])


@cache
def report(name: str) -> dict:
    return next(one for one in figures("reports") if one["name"] == name)


def alike(key: str, sentence: str, *oracles, hint: int = 0) -> tuple[Rival, ...]:
    """One mistake that comes in several forms."""
    return tuple(Rival(key=key, sentence=sentence, oracle=oracle, hint=hint) for oracle in oracles)


# --- 04.1, 04.2: two floors -------------------------------------------------------------------------------

N = 1 << 26
SCALED = 8 * N  # bytes of y = a·x, float32

FLOOR = Predict(
    id="04.1",
    title="How fast can it be?",
    minutes=2,
    quantities=(
        Quantity(
            name="megabytes",
            value=SCALED / 1e6,
            unit="MB",
            rtol=0.02,
            because="2²⁶ numbers of 4 bytes are read and as many written: 2 × 268 MB.",
            misreads=(
                Misread(4 * N / 1e6, "one-way", "That is x alone. y has to be written too."),
                Misread(2 * SCALED / 1e6, "twice", "Once in, once out: each number crosses the memory two times."),
            ),
        ),
        Quantity(
            name="microseconds",
            value=lambda: SCALED / H100.copy * 1e6,
            unit="µs",
            rtol=0.03,
            because="Bytes / bandwidth. The arithmetic, 67 million products at 63 TFLOP/s, takes 1 µs and hides behind it.",
            misreads=(
                Misread(SCALED / 3.35e12 * 1e6, "datasheet", "That is the datasheet's 3.35 TB/s. No kernel gets it: a copy "
                        "reaches 3.0, and that is the yardstick."),
                Misread(4 * N / H100.copy * 1e6, "one-way", "That is the time for x alone. y has to be written too."),
                Misread(N / H100.fp32 * 1e6, "compute", "That is the floor of the arithmetic. The larger floor counts."),
            ),
        ),
    ),
    hints=("Each of the 2²⁶ numbers has 4 bytes, is read once and written once.",
           "Time = bytes / bandwidth, and TB/s is MB/µs: 537 MB at 3.0 MB/µs."),
    why="Two numbers are worked out before a kernel is written: bytes that must move, operations that must be done. Each "
    "divided by what the hardware reaches is a time; the larger one is the floor.",
)  # fmt: skip


def both_floors(rng: np.random.Generator, what: str) -> tuple[float, float, float, float]:
    bandwidth, peak = rng.uniform(0.5, 5) * 1e12, rng.uniform(10, 900) * 1e12
    if what == "a tie":  # a power of two: both divisions come out exactly
        return bandwidth / 4096, peak / 4096, bandwidth, peak
    seconds = rng.uniform(1, 900) * 1e-6
    ratio = {"memory": rng.uniform(0.01, 0.9), "compute": rng.uniform(1.1, 50), "no FLOPs": 0.0}[what]
    return seconds * bandwidth, seconds * ratio * peak, bandwidth, peak


def floored(moved, flops, bandwidth, peak, pick=max, swap=False):
    by_memory, by_compute = moved / bandwidth, flops / peak
    return pick(by_memory, by_compute), "memory" if (by_memory >= by_compute) != swap else "compute"


FLOORS = Function(
    id="04.2",
    title="The larger of two",
    minutes=4,
    dots=1,
    size="3 lines",
    answer="floors",
    signature="floors(moved: bytes, flops: FLOP, bandwidth: bytes/s, peak: FLOP/s) -> (seconds: float, limit: str)",
    inputs=both_floors,
    oracle=floored,
    shapes=[dict(what=what) for what in ("memory", "compute", "no FLOPs", "memory", "compute", "a tie")],
    tolerance=CLOSE,
    rivals=(
        Rival(key="sum", sentence="**The two times are added.** Memory and arithmetic work at the same time: while one warp "
              "waits for data, another computes. The floor is the larger of the two.",
              oracle=lambda *a: floored(*a, pick=lambda m, c: m + c)),
        Rival(key="memory-only", sentence="**The arithmetic is ignored**: this is the memory's time in every case.",
              oracle=lambda m, f, b, p: (m / b, floored(m, f, b, p)[1])),
        Rival(key="tie", sentence='**If both take equally long, the limit is "memory"**: compare with `>=`.',
              oracle=lambda m, f, b, p: (max(m / b, f / p), "memory" if m / b > f / p else "compute")),
        *alike("smaller", "**This is the smaller of the two times.** The kernel is done when both are done.",
               lambda *a: floored(*a, pick=min), lambda *a: floored(*a, pick=min, swap=True),
               lambda m, f, b, p: (min(m / b, f / p), "memory" if m / b <= f / p else "compute")),
        Rival(key="swapped-limit", sentence="**The limit is the side with the *longer* time**: the seconds are right, the "
              "word is the other one.", oracle=lambda *a: floored(*a, swap=True)),
        Rival(key="not-seconds", sentence="**The time is not in seconds.**",
              oracle=lambda *a: (floored(*a)[0] * 1e6, floored(*a)[1])),
        Rival(key="not-seconds", sentence="**The time is not in seconds.**",
              oracle=lambda *a: (floored(*a)[0] * 1e3, floored(*a)[1])),
        Rival(key="inverted", sentence="**The division is upside down**: seconds are bytes / (bytes per second).",
              oracle=lambda m, f, b, p: (max(b / m, p / f if f else 0), floored(m, f, b, p)[1])),
    ),
    hints=("Work out both times: moved / bandwidth, and flops / peak.",
           'Return `max` of the two, and "memory" if the first is at least the second, else "compute".'),
    why="Memory and arithmetic overlap, so the floor is the larger of the two times, not their sum.",
    follow_up="a kernel takes 1.9 times its floor. Which three questions do you ask first?",
)  # fmt: skip

# --- 04.3 to 04.5: intensity ------------------------------------------------------------------------------


def dimensions(rng: np.random.Generator, what: str) -> tuple[int, int, int, int]:
    odd = [int(v) for v in rng.choice(np.arange(33, 4000), 3, replace=False)]
    size = int(rng.choice([1, 2, 4]))
    return {"rectangle": (*odd, size), "one row": (1, *odd[1:], size), "thin": (odd[0], odd[1], 8, size)}[what]


def product_work(M, N, K, size):
    return 2 * M * N * K, size * (M * K + K * N + M * N)


GEMM = Function(
    id="04.3",
    title="The work of a matrix product",
    minutes=4,
    dots=1,
    size="2 lines",
    answer="gemm_work",
    signature="gemm_work(M: int, N: int, K: int, size: bytes) -> (flops: int, moved: int)",
    inputs=dimensions,
    oracle=product_work,
    shapes=[dict(what=what) for what in ("rectangle", "one row", "thin", "rectangle", "one row")],
    rivals=(
        Rival(key="half-flops", sentence="**A multiply-add is two operations**: the FLOPs are half of what is meant.",
              oracle=lambda M, N, K, s: (M * N * K, product_work(M, N, K, s)[1])),
        Rival(key="no-output", sentence="**The result is not counted**: C, M × N, has to be written.",
              oracle=lambda M, N, K, s: (2 * M * N * K, s * (M * K + K * N))),
        Rival(key="elements", sentence="**`moved` counts elements**, not bytes: `size` is missing.",
              oracle=lambda M, N, K, s: (2 * M * N * K, M * K + K * N + M * N)),
        Rival(key="no-reuse", sentence="**Each operand is counted once for every product it is in.** That is the kernel "
              "without any reuse; the floor counts each element of A and B once.",
              oracle=lambda M, N, K, s: (2 * M * N * K, s * (2 * M * N * K + M * N))),
        Rival(key="wrong-sides", sentence="**The sides are mixed up**: A is M × K, B is K × N, C is M × N.",
              oracle=lambda M, N, K, s: (2 * M * N * K, s * (M * N + N * K + M * M))),
        Rival(key="c-is-read", sentence="**C is counted as read and written.** C = A·B only writes it; C += A·B would read it.",
              oracle=lambda M, N, K, s: (2 * M * N * K, s * (M * K + K * N + 2 * M * N))),
    ),
    hints=("Each of the M·N results is a sum of K products: K multiplications, K additions.",
           "Bytes: A has M·K elements, B has K·N, C has M·N, and each crosses the memory once."),
    why="2·M·N·K operations on M·K + K·N + M·N numbers. Squares of side n give an intensity of n / 3 in bf16; one row gives 1.",
    follow_up="what is the intensity of a square product of side n, in bf16 and in fp8?",
)  # fmt: skip


def timed_product(m: int) -> float:
    return next(row["seconds"] for row in figures("curves")["products"] if row["m"] == m)


DECODE = Predict(
    id="04.4",
    title="One token or 128",
    minutes=3,
    quantities=(
        Quantity(
            name="intensity_of_one",
            value=lambda: 2 * 8192**2 / (2 * (8192**2 + 2 * 8192)),
            unit="FLOP/byte",
            rtol=0.05,
            because="Every weight, 2 bytes, is used for one multiply-add, 2 FLOP.",
            misreads=(
                Misread(0.5, "half-flops", "A multiply-add is two operations."),
                Misread(2.0, "one-byte", "bf16 has 2 bytes an element."),
                Misread(8192 / 3, "square", "That is the square product's. Here M is 1."),
            ),
        ),
        Quantity(
            name="ridge",
            value=lambda: H100.ridge("bf16"),
            unit="FLOP/byte",
            rtol=0.05,
            because="728 TFLOP/s ÷ 3.0 TB/s. Above it arithmetic is the floor, below it memory.",
            misreads=(
                Misread(989.4 / 3.35, "datasheet", "That is the datasheet's 989 / 3.35. Measured figures are asked for."),
                Misread(3.0 / 728, "inverted", "Upside down: FLOP/s divided by bytes/s."),
            ),
        ),
        Quantity(
            name="times_as_long",
            value=lambda: timed_product(128) / timed_product(1),
            rtol=0.15,
            because="At 128 rows the intensity is 124, still left of the ridge: the weights' 134 MB set the time for 1 row "
            "and for 128.",
            misreads=(
                Misread(128, "compute-bound", "128 times the arithmetic, but arithmetic is not what takes the time."),
                Misread(2, "guess", "Not even that: both are left of the ridge."),
            ),
        ),
    ),
    hints=("M = 1: each weight (2 bytes) takes part in one multiply-add (2 FLOP).",
           "The ridge is peak / bandwidth. Is the intensity at M = 128 left or right of it?"),
    why="Left of the ridge a product costs what its weights cost to read. That is why a decode step takes as long for 64 "
    "requests as for one, and why engines batch.",
)  # fmt: skip


def heads(rng: np.random.Generator, what: str) -> tuple:
    batch, head, d = int(rng.integers(1, 9)), int(rng.integers(2, 33)), int(rng.choice([64, 96, 128]))
    queries, keys = (int(v) for v in rng.choice(np.arange(100, 5000), 2, replace=False))
    size = int(rng.choice([1, 2, 4]))
    queries = 1 if what == "decode" else queries
    return batch, head, queries, keys, d, size, what != "not fused"


def attended(B, H, Tq, Tk, d, size, fused):
    scores = 0 if fused else 4 * Tq * Tk
    return 4 * B * H * Tq * Tk * d, size * B * H * (2 * Tq * d + 2 * Tk * d + scores)


def attended_but(flops=4, rows=2, columns=2, scores=4, by_head=True):
    def oracle(B, H, Tq, Tk, d, size, fused):
        h = H if by_head else 1
        extra = 0 if fused else scores * Tq * Tk
        return flops * B * h * Tq * Tk * d, size * B * h * (rows * Tq * d + columns * Tk * d + extra)

    return oracle


ATTENTION = Function(
    id="04.5",
    title="The work of attention",
    minutes=8,
    dots=2,
    size="4 lines",
    answer="attention_work",
    signature="attention_work(B: int, H: int, Tq: int, Tk: int, d: int, size: bytes, fused: bool) -> (flops: int, moved: int)",
    inputs=heads,
    oracle=attended,
    shapes=[dict(what=what) for what in ("fused", "not fused", "decode", "fused", "not fused")],
    rivals=(
        *alike("half-flops", "**The FLOPs are half of what they are.** There are two products, Q·Kᵀ and P·V, and a "
               "multiply-add counts two.", attended_but(flops=2)),
        *alike("one-operand", "**Q, K, V and O: four arrays.** Q and O have Tq rows, K and V have Tk.",
               attended_but(rows=1), attended_but(columns=1), attended_but(rows=1, columns=1)),
        *alike("scores-once", "**Unfused, the scores cross the memory four times**: S is written by the first product and read "
               "by the softmax, P is written by the softmax and read by the second product.",
               attended_but(scores=1), attended_but(scores=2), attended_but(scores=3)),
        *alike("never-fused", "**`fused` makes no difference here.** A flash kernel never writes S and P.",
               lambda *a: attended(*a[:-1], False)),
        *alike("always-fused", "**`fused` makes no difference here.** Without fusion S and P are written and read.",
               lambda *a: attended(*a[:-1], True)),
        *alike("no-heads", "**The heads are missing**: every head has its own scores and its own Q, K, V, O.",
               attended_but(by_head=False)),
        *alike("wrong-rows", "**Queries and keys are mixed up**: Q and O have Tq rows, K and V have Tk.",
               lambda B, H, Tq, Tk, d, s, f: (attended(B, H, Tq, Tk, d, s, f)[0],
                                              s * B * H * (4 * Tq * d + (0 if f else 4 * Tq * Tk))),
               lambda B, H, Tq, Tk, d, s, f: (attended(B, H, Tq, Tk, d, s, f)[0],
                                              s * B * H * (3 * Tk * d + Tq * d + (0 if f else 4 * Tq * Tk)))),
    ),
    hints=("One head: Q·Kᵀ has Tq·Tk results of length d, P·V has Tq·d results of length Tk. Both are 2·Tq·Tk·d FLOP.",
           "Bytes of a fused head: Q and O, Tq·d each; K and V, Tk·d each. Without fusion add S and P, each written once and "
           "read once: 4·Tq·Tk."),
    why="4·B·H·Tq·Tk·d operations. Fused, the bytes are those of Q, K, V and O; unfused, the Tq × Tk scores cross four times "
    "and set the time. That difference is what flash attention is about (chapter 08).",
    follow_up="a causal mask halves the FLOPs. When does it not halve the time?",
)  # fmt: skip

# --- 04.6, 04.7: fusion, and a time that is too good --------------------------------------------------------


def gates(rng: np.random.Generator, n: int) -> tuple:
    return spread(rng, n), spread(rng, n), np.zeros(n, "float32"), n


def silu(v: np.ndarray) -> np.ndarray:
    v = v.astype(np.float64)
    return v / (1 + np.exp(-v))


GATED = Cuda(
    id="04.6",
    title="Two kernels into one",
    minutes=6,
    dots=1,
    size="4 lines",
    answer="gated",
    signature="gated(const float* gate, const float* up, float* y, int n)",
    inputs=gates,
    oracle=lambda gate, up, y, n: silu(gate) * up,
    outputs=("y",),
    shapes=[dict(n=n) for n in (1, 255, 256, 257, 1009, 4096)],
    launch=lambda n: dict(grid=-(-n // 256), block=256),
    dtype="float32",
    tolerance=Tolerance(1e-5, floor=4.0),
    block=(256,),
    rivals=(
        Rival(key="sigmoid-only", sentence="**This is sigmoid(gate)·up**: silu(g) is g·sigmoid(g).",
              oracle=lambda g, u, y, n: u / (1 + np.exp(-g.astype(np.float64)))),
        Rival(key="no-up", sentence="**`up` is not used**: this is silu(gate).", oracle=lambda g, u, y, n: silu(g)),
        Rival(key="wrong-input", sentence="**silu is taken of `up`**; it belongs to `gate`.",
              oracle=lambda g, u, y, n: silu(u) * g),
        Rival(key="silu-of-product", sentence="**silu is taken of gate·up**; it belongs to `gate` alone.",
              oracle=lambda g, u, y, n: silu(g * u)),
        Rival(key="exp-sign", sentence="**The sign in the exponent is wrong**: silu(g) = g / (1 + exp(−g)).",
              oracle=lambda g, u, y, n: -silu(-g) * u),
    ),
    budgets=(
        Budget(quantity="traffic", at_most=1.05, where=lambda n: n >= 1009, key="traffic",
               because="gate and up are read once, y is written once, and nothing else crosses the memory: keep silu(gate) "
               "in a register, not in `y`."),
        Budget(quantity="global load", at_most=1.0, of_ideal=True, where=lambda n: n >= 256, key="coalescing",
               because="Neighbouring lanes take neighbouring elements."),
    ),
    hints=("One thread an element: i = blockIdx.x * blockDim.x + threadIdx.x, and nothing for i ≥ n.",
           "float g = gate[i]; y[i] = g / (1 + expf(-g)) * up[i];"),
    why="Two kernels move 5 arrays: gate in, t out, t in, up in, y out. Fused it is 3: a floor 1.67 times lower, and one launch "
    "less. The value between them lives in a register.",
    follow_up="both inputs come out of one matrix product. What would you fuse next?",
)  # fmt: skip


def again_rate() -> float:
    """TB/s at which 16.8 MB were read 64 times."""
    one = report("again")
    return 64 * one["needed"] / one["seconds"] / 1e12


CACHED = Predict(
    id="04.7",
    title="Faster than the memory",
    minutes=2,
    quantities=(
        Quantity(
            name="terabytes_per_second",
            value=again_rate,
            unit="TB/s",
            rtol=0.05,
            because="64 times 16.8 MB in 155 µs.",
            misreads=(Misread(report("again")["needed"] / report("again")["seconds"] / 1e12, "once",
                              "That counts the array once; the kernel reads it 64 times."),),
        ),
        Quantity(
            name="served_by",
            value="L2",
            choices=("HBM", "L2", "L1"),
            because="More than the memory's 3.0 TB/s, so it does not come from there. 16.8 MB fit into the H100's 50 MB of L2 and "
            "not into an SM's 256 KB of L1. Nsight Compute counted 16.8 MB from HBM, once.",
        ),
    ),
    hints=("bytes = 64 × 16.8 MB.", "Compare the rate with the copy's 3.0 TB/s, and 16.8 MB with the sizes of the caches."),
    why="A rate above the memory's ceiling means that the bytes did not come from the memory. A benchmark that repeats a small "
    "input measures the L2 cache.",
)  # fmt: skip

# --- 04.8, 04.9: Little's law -----------------------------------------------------------------------------

LATENCY = H100.latency["HBM"]["ns"] * 1e-9
IN_FLIGHT = H100.copy * LATENCY / 132  # bytes on one SM

LITTLE = Predict(
    id="04.8",
    title="Bytes under way",
    minutes=3,
    quantities=(
        Quantity(
            name="kilobytes_an_sm",
            value=IN_FLIGHT / 1e3,
            unit="kB",
            rtol=0.05,
            because="3.0 TB/s × 349 ns = 1.05 MB under way on the whole GPU, a 132nd of it on each SM.",
            misreads=(Misread(IN_FLIGHT * 132 / 1e3, "whole-gpu", "That is the whole GPU's. It has 132 SMs."),),
        ),
        Quantity(
            name="warps_with_one_float",
            value=IN_FLIGHT / 128,
            rtol=0.05,
            because="32 lanes of 4 bytes are 128 bytes a warp: nearly all of the 64 warps that an SM holds.",
            misreads=(Misread(IN_FLIGHT / 4, "lanes", "Those are threads; a warp has 32."),),
        ),
        Quantity(
            name="warps_with_one_float4",
            value=IN_FLIGHT / 512,
            rtol=0.06,
            because="512 bytes a warp: a quarter of the warps.",
            misreads=(Misread(IN_FLIGHT / 128 * 4, "more", "Wider loads need fewer warps, not more."),),
        ),
    ),
    hints=("Little's law: under way = rate × time. Divide by 132 SMs.", "A warp with one load a lane has 32 × 4 bytes under way."),
    why="Bandwidth is bytes under way divided by the time each of them takes. Too little under way, and no tuning of "
    "the arithmetic helps.",
)  # fmt: skip


def loads(rng: np.random.Generator, what: str) -> tuple:
    lane_bytes = {"4 bytes": 4, "16 bytes": 16, "2 bytes": 2, "several loads": 4, "whole": 4}[what]
    many = int(rng.integers(2, 9)) if what == "several loads" else 1
    sms, latency = int(rng.integers(40, 150)), float(rng.uniform(250, 900)) * 1e-9
    if what == "whole":  # comes out even
        return 48 * 32 * 4 * 100 / 2**-21, 2**-21, 100, 4, 1
    for _ in range(100):
        bandwidth = float(rng.uniform(0.4, 6)) * 1e12
        warps = bandwidth * latency / sms / (32 * lane_bytes * many)
        if 0.2 < warps % 1 < 0.8:
            break
    return bandwidth, latency, sms, lane_bytes, many


def warps_for(bandwidth, latency, sms, lane_bytes, many, up=np.ceil):
    return int(up(bandwidth * latency / sms / (32 * lane_bytes * many)))


WARPS = Function(
    id="04.9",
    title="Enough warps to hide the latency",
    minutes=5,
    dots=1,
    size="2 lines",
    answer="warps_needed",
    signature="warps_needed(bandwidth: bytes/s, latency: seconds, sms: int, lane_bytes: int, loads: int) -> int",
    inputs=loads,
    oracle=warps_for,
    shapes=[dict(what=what) for what in ("4 bytes", "16 bytes", "2 bytes", "several loads", "whole", "several loads")],
    rivals=(
        Rival(key="rounded-down", sentence="**Rounded down**: with a part of a warp too few the memory is not kept busy. "
              "Round up.", oracle=lambda *a: warps_for(*a, up=np.floor)),
        Rival(key="whole-gpu", sentence="**This is the number for the whole GPU**; it is asked for one SM.",
              oracle=lambda b, lat, s, w, k: warps_for(b, lat, 1, w, k)),
        Rival(key="threads", sentence="**These are threads.** A warp has 32 lanes, each with its own load.",
              oracle=lambda b, lat, s, w, k: int(np.ceil(b * lat / s / (w * k)))),
        Rival(key="no-loads", sentence="**`loads` is ignored**: a thread that issues four loads before it needs the first has "
              "four under way.", oracle=lambda b, lat, s, w, k: warps_for(b, lat, s, w, 1)),
        Rival(key="no-width", sentence="**`lane_bytes` is ignored.**", oracle=lambda b, lat, s, w, k: warps_for(b, lat, s, 4, k)),
        Rival(key="plus-one", sentence="**One too many where the division comes out even.** Round up, do not add 1.",
              oracle=lambda *a: warps_for(*a, up=np.floor) + 1),
    ),
    hints=("Bytes that must be under way on an SM: bandwidth · latency / sms.",
           "A warp has 32 · lane_bytes · loads under way. Divide and round up: `math.ceil`."),
    why="Warps × 32 lanes × bytes a load × loads a thread must be at least bandwidth × latency / SMs. Four knobs, and occupancy "
    "is only one of them.",
    follow_up="which of the four knobs costs registers?",
)  # fmt: skip

# --- 04.10 to 04.12: occupancy ----------------------------------------------------------------------------


def up(value, step):
    return -(-value // step) * step


def resident(
    registers, threads, shared, unit=256, quarters=True, reserved=1024, step=128, most=32, warps_most=64, own=False,
    apart=False,
):  # fmt: skip
    """Blocks of an SM of compute capability 9.0, or what a rule left out makes of it."""
    warps = -(-threads // 32) if own is not True else threads / 32
    per_warp = up(registers * 32, unit)
    held = 65536 // per_warp
    held = held // 4 * 4 if quarters else held
    by_registers = held // 4 // warps * 4 if apart else held // warps
    by_warps = 2048 // threads if own else warps_most // warps
    by_shared = 233472 // up(shared + reserved, step) if shared + reserved else most
    return int(max(0, min(most, by_warps, by_registers, by_shared)))


CLIFF = Predict(
    id="04.10",
    title="One register too many",
    minutes=2,
    quantities=(
        Quantity(
            name="warps_with_64",
            value=lambda: 8 * resident(64, 256, 0),
            because="64 × 32 = 2048 registers a warp: 8 warps in each quarter's 16,384, 32 on the SM, 4 blocks of 8.",
            misreads=(
                Misread(64, "no-limit", "That is what the SM can hold at most; the registers do not suffice."),
                Misread(4, "blocks", "Those are blocks; each has 8 warps."),
            ),
        ),
        Quantity(
            name="warps_with_65",
            value=lambda: 8 * resident(65, 256, 0),
            because="65 × 32 = 2080 rounds up to 2304: 7 warps a quarter, 28 on the SM. A block needs 8, so 3 blocks: 24 warps.",
            misreads=(
                Misread(28, "whole-blocks", "28 warps would fit, but blocks come whole: 3 of 8 warps."),
                Misread(31, "no-rounding", "Registers are handed out in units of 256 a warp, and blocks come whole."),
                Misread(32, "no-cliff", "The 65th register does not fit any more."),
            ),
        ),
    ),
    hints=("A warp's registers are 32 × registers, rounded up to a multiple of 256.",
           "Each quarter of the SM has 16,384 registers and a fourth of the warps. Then whole blocks of 8 warps."),
    why="Registers are handed out per warp in steps of 256 (8 a thread), and blocks come whole. One more register can cost a "
    "quarter of the warps.",
)  # fmt: skip


@cache
def answered() -> dict[tuple[int, int, int], int]:
    """(registers, threads, shared) -> blocks, as an H100 said."""
    return {tuple(row[:3]): row[3] for row in figures("occupancy")}


KINDS = {
    "small blocks": lambda r, t, s: t <= 100 and s <= 1024,
    "registers": lambda r, t, s: t > 100 and s <= 1024,
    "shared memory": lambda r, t, s: r <= 64 and s > 1024,
    "everything": lambda r, t, s: True,
    "does not fit": lambda r, t, s: answered()[r, t, s] <= 1,
}
PART_EMPTY = "part-empty warps"  # which the record hardly has: made up, by the rules


def launches(rng: np.random.Generator, what: str) -> tuple:
    if what == PART_EMPTY:
        threads = [t for t in range(33, 512) if 0 < t % 32 < 16]
        rows = [(int(r), int(t), 0) for r, t in zip(rng.integers(16, 33, 60), rng.choice(threads, 60), strict=True)]
    else:
        rows = [row for row in answered() if KINDS[what](*row)]
    rows = [rows[i] for i in rng.permutation(len(rows))[:300]]  # all where a rule tells few rows apart
    return tuple(np.array(column, np.int64) for column in zip(*rows, strict=True))


def as_said(registers, threads, shared):
    asked = zip(registers.tolist(), threads.tolist(), shared.tolist(), strict=True)
    return np.array([answered()[row] if row in answered() else resident(*row) for row in asked], np.int64)


def each_with(**rule):
    times = rule.pop("times_warps", False)

    def oracle(registers, threads, shared):
        rows = list(zip(registers.tolist(), threads.tolist(), shared.tolist(), strict=True))
        found = [resident(*row, **rule) * (-(-row[1] // 32) if times else 1) for row in rows]
        return np.array(found, np.int64)

    return oracle


OCCUPANCY = Function(
    id="04.11",
    title="An occupancy calculator",
    minutes=15,
    dots=3,
    size="7 lines",
    answer="blocks_on_an_sm",
    signature="blocks_on_an_sm(registers: int, threads: int, shared: bytes) -> int",
    inputs=launches,
    oracle=as_said,
    shapes=[dict(what=what) for what in (*KINDS, PART_EMPTY)],
    dtype="int64",
    each=True,
    forbid=(Forbid(names=("utils.recorded", "utils.records"), because="The rules are on the card."),),
    rivals=(
        Rival(key="no-register-unit", sentence="**Registers are not rounded up.** A warp takes 32 · registers, rounded up to a "
              "multiple of 256.", oracle=each_with(unit=1), hint=0),
        Rival(key="no-register-unit", sentence="**Registers are not rounded up.** A warp takes 32 · registers, rounded up to a "
              "multiple of 256.", oracle=each_with(unit=1, quarters=False), hint=0),
        Rival(key="no-quarters", sentence="**The SM's 65,536 registers are treated as one pool.** Each quarter has 16,384, and a "
              "warp lives in one quarter: the warps that fit are 4 · (16384 // registers of a warp).",
              oracle=each_with(quarters=False), hint=1),
        Rival(key="no-reserve", sentence="**The reserved kilobyte is missing**: each block takes 1024 bytes of shared memory on "
              "top of its own.", oracle=each_with(reserved=0), hint=1),
        Rival(key="no-shared-unit", sentence="**Shared memory is not rounded up**: it is handed out in units of 128 bytes.",
              oracle=each_with(step=1), hint=1),
        Rival(key="no-block-limit", sentence="**An SM holds at most 32 blocks**, however small they are.",
              oracle=each_with(most=64), hint=0),
        Rival(key="no-block-limit", sentence="**An SM holds at most 32 blocks**, however small they are.",
              oracle=each_with(most=10**6), hint=0),
        Rival(key="no-warp-limit", sentence="**An SM holds at most 64 warps** (2048 threads).",
              oracle=each_with(warps_most=10**6), hint=0),
        *alike("threads-not-warps", "**A warp is never part-empty in the hardware's books**: 33 threads take two "
               "warps. Round threads up to whole warps first.", each_with(own=True), each_with(own="for the limit of 2048")),
        Rival(key="blocks-a-quarter", sentence="**A block is not kept in one quarter**: its warps are spread over all four. Count the "
              "warps that fit on the SM, 4 times a quarter's, and divide these by the block's.", oracle=each_with(apart=True), hint=1),
        Rival(key="warps-returned", sentence="**These are warps**; blocks are asked for.", oracle=each_with(times_warps=True)),
    ),
    hints=(
        "Four limits, and the answer is the smallest: 32 blocks; 64 warps // warps of a block; the registers; the shared memory.",
        "Registers: a warp takes 32 · registers rounded up to 256; a quarter of the SM holds 16384 // that many warps; the SM 4 "
        "times as many; divide by the block's warps. Shared memory: (shared + 1024) rounded up to 128; 233472 // that.",
    ),
    why="Each resource is handed out in its own unit, and the scarcest one decides. The result is what "
    "`cudaOccupancyMaxActiveBlocksPerMultiprocessor` says, for every one of 780 launches asked on an H100.",
    follow_up="which of the four limits would an A100 change?",
)  # fmt: skip


def bounds(rng: np.random.Generator, what: str) -> tuple:
    pairs = [(t, b) for t in range(32, 1025, 32) for b in range(1, 33) if t * b <= 2048]
    if what == "not a multiple of 32":
        pairs = [(t - int(rng.integers(1, 31)), b) for t, b in pairs]
    if what == "few warps":
        pairs = [(t, b) for t, b in pairs if t * b <= 512]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))[:40]]
    return tuple(np.array(column, np.int64) for column in zip(*pairs, strict=True))


@cache
def most_that_fit(threads: int, blocks: int, most: int, unit: int, quarters: bool) -> int:
    fits = (r for r in range(most, 0, -1) if resident(r, threads, 0, unit, quarters, reserved=0) >= blocks)
    return next(fits, 0)


def by_trying(most=255, unit=256, quarters=True):
    def oracle(threads, blocks):
        pairs = zip(threads.tolist(), blocks.tolist(), strict=True)
        return np.array([most_that_fit(t, b, most, unit, quarters) for t, b in pairs], np.int64)

    return oracle


BOUNDS = Function(
    id="04.12",
    title="What may a thread use?",
    minutes=8,
    dots=2,
    size="4 lines",
    answer="most_registers",
    signature="most_registers(threads: int, blocks: int) -> int",
    inputs=bounds,
    oracle=by_trying(),
    shapes=[dict(what=what) for what in ("whole warps", "few warps", "not a multiple of 32")],
    dtype="int64",
    each=True,
    rivals=(
        Rival(key="no-255", sentence="**A thread can name 255 registers at most**, however many there are.",
              oracle=by_trying(most=512)),
        Rival(key="no-255", sentence="**A thread can name 255 registers at most**, however many there are.",
              oracle=by_trying(most=256)),
        Rival(key="no-rounding", sentence="**The hardware rounds up**: a thread's registers come in eights, so the result is a "
              "multiple of 8 (or 255).", oracle=by_trying(unit=1)),
        Rival(key="no-rounding", sentence="**The hardware rounds up**: a thread's registers come in eights, so the result is a "
              "multiple of 8 (or 255).",
              oracle=lambda t, b: np.minimum(255, 65536 // (t * b))),
        Rival(key="no-quarters", sentence="**The registers are four pools of 16,384**: the fullest quarter holds ⌈blocks · warps / "
              "4⌉ warps.", oracle=by_trying(quarters=False)),
        Rival(key="no-quarters", sentence="**The registers are four pools of 16,384**: the fullest quarter holds ⌈blocks · warps / "
              "4⌉ warps.", oracle=lambda t, b: np.minimum(255, 65536 // (-(-t // 32) * 32 * b) // 8 * 8)),
        Rival(key="one-too-many", sentence="**One step too many**: with that many the blocks no longer fit.",
              oracle=lambda t, b: np.minimum(255, by_trying()(t, b) + 8)),
    ),
    hints=("Use your `blocks_on_an_sm`: the most registers for which it still gives at least `blocks`.",
           "`max(r for r in range(1, 256) if blocks_on_an_sm(r, threads, 0) >= blocks)`."),
    why="This is what the compiler works out from `__launch_bounds__(threads, blocks)`. If the kernel needs more, the rest spills "
    "to local memory, which can cost more than the warps gain.",
    follow_up="when is it right to give up occupancy for registers?",
)  # fmt: skip

# --- 04.13 to 04.15: waves --------------------------------------------------------------------------------


def took(blocks: int) -> float:
    return dict(figures("curves")["waves"]["one block an SM"])[blocks]


WAVES = Predict(
    id="04.13",
    title="One block more",
    minutes=2,
    quantities=(
        Quantity(
            name="ratio_133_to_132",
            value=lambda: took(133) / took(132),
            rtol=0.12,
            because="The 133rd block starts when one of the others has ended: a second wave, with one block in it.",
            misreads=(Misread(133 / 132, "divisible", "0.8 % more work, but a block cannot be shared out among SMs."),),
        ),
        Quantity(
            name="ratio_132_to_33",
            value=lambda: took(132) / took(33),
            rtol=0.12,
            because="Both are one wave: with 33 blocks three quarters of the SMs have nothing to do.",
            misreads=(Misread(4, "work", "Four times the work, on four times the SMs."),),
        ),
    ),
    hints=("132 SMs, one block on each at a time.", "How many waves are 33, 132 and 133 blocks?"),
    why="Time goes in steps of whole waves. A grid a little above a multiple of what fits at once pays a full wave for a few "
    "blocks.",
)  # fmt: skip


def tiling(rng: np.random.Generator, what: str) -> tuple:
    tile_m, tile_n = (int(v) for v in rng.choice([64, 128, 256, 96], 2, replace=False))
    M, N = (int(v) for v in rng.integers(300, 9000, 2))
    if what == "thin":
        M = int(rng.integers(1, 33))
    if what == "whole tiles":
        M, N = tile_m * int(rng.integers(2, 30)), tile_n * int(rng.integers(2, 30))
    per_sm, sms = int(rng.integers(1, 4)), int(rng.choice([108, 132, 148]))
    while what == "several waves":  # the last of them partly filled, and partial tiles on both sides
        per_sm = int(rng.integers(2, 4))
        tile_m, tile_n = (int(v) for v in rng.choice([64, 96, 128], 2, replace=False))
        M = tile_m * int(rng.integers(30, 60)) + int(rng.integers(1, 60))
        across = -(-M // tile_m)
        N = tile_n * (int(rng.uniform(1.3, 2.7) * per_sm * sms) // across) + int(rng.integers(1, 60))
        drawn = M, N, tile_m, tile_n, per_sm, sms
        if quantized(*drawn) != quantized(*drawn[:4], 1, sms):  # the blocks on an SM tell
            break
    return M, N, tile_m, tile_n, per_sm, sms


def quantized(M, N, tile_m, tile_n, per_sm, sms, round_up=True):
    tiles = int(np.ceil(M / tile_m) * np.ceil(N / tile_n))
    slots = sms * per_sm
    waves = np.ceil(tiles / slots)
    return M * N / (tiles * tile_m * tile_n), tiles / (waves * slots)


def wave_as(sizes, share):
    M, N, tile_m, tile_n, per_sm, sms = sizes
    return quantized(*sizes)[0], share(int(np.ceil(M / tile_m) * np.ceil(N / tile_n)), per_sm * sms)


QUANTIZATION = Function(
    id="04.14",
    title="Tiles and waves",
    minutes=8,
    dots=2,
    size="5 lines",
    answer="efficiencies",
    signature="efficiencies(M, N, tile_m, tile_n, per_sm, sms) -> (tile: float, wave: float)",
    inputs=tiling,
    oracle=quantized,
    shapes=[dict(what=what) for what in ("several waves", "thin", "whole tiles", "any", "several waves", "thin")],
    tolerance=CLOSE,
    rivals=(
        Rival(key="no-partial-tiles", sentence="**Partial tiles are left out**: ⌈M / tile_m⌉ × ⌈N / tile_n⌉ blocks are launched.",
              oracle=lambda M, N, a, b, k, s: (1.0, quantized(M, N, a, b, k, s)[1])),
        Rival(key="fractional-tiles", sentence="**Tiles come whole**: round each of M / tile_m and N / tile_n up by itself.",
              oracle=lambda M, N, a, b, k, s: (M * N / (np.ceil(M * N / (a * b)) * a * b),
                                               np.ceil(M * N / (a * b)) / (np.ceil(np.ceil(M * N / (a * b)) / (k * s)) * k * s))),
        Rival(key="one-per-sm", sentence="**`per_sm` is ignored**: the GPU holds sms · per_sm blocks at once.",
              oracle=lambda M, N, a, b, k, s: (quantized(M, N, a, b, 1, s)[0], quantized(M, N, a, b, 1, s)[1])),
        *alike("no-last-wave", "**The last wave is not rounded up**: it takes as long as a full one.",
               lambda *t: wave_as(t, lambda tiles, slots: tiles / slots),
               lambda *t: wave_as(t, lambda tiles, slots: min(1, tiles / slots))),
        Rival(key="last-wave-only", sentence="**This is how full the *last* wave is.** The full waves before it count too: blocks over "
              "the places of all waves.",
              oracle=lambda *t: wave_as(t, lambda tiles, slots: (tiles - 1) % slots / slots + 1 / slots)),
        Rival(key="inverted", sentence="**Upside down**: an efficiency is useful / paid for, and at most 1.",
              oracle=lambda *t: tuple(1 / e for e in quantized(*t))),
        Rival(key="swapped", sentence="**The two results are in the wrong order**: tile first, wave second.",
              oracle=lambda *t: quantized(*t)[::-1]),
        Rival(key="swapped-sides", sentence="**The tile's sides are mixed up**: tile_m cuts M, tile_n cuts N.",
              oracle=lambda M, N, a, b, k, s: quantized(M, N, b, a, k, s)),
    ),
    hints=("tiles = ceil(M / tile_m) * ceil(N / tile_n); tile efficiency = M·N / (tiles · tile_m · tile_n).",
           "slots = sms · per_sm; waves = ceil(tiles / slots); wave efficiency = tiles / (waves · slots)."),
    why="Two losses that no profiler line calls by name: work on the empty parts of edge tiles, and SMs idle in the last wave. "
    "Multiply them to get the most that a tiling can reach.",
    follow_up="how do split-K and stream-K change the second number?",
)  # fmt: skip


BLOCKS = {1: 1, 3: 8, 29: 3, 16: 4, 5: 2}  # rows -> blocks that are launched


def rows_of(rng: np.random.Generator, rows: int, what: str = "") -> tuple:
    lengths = np.where(rng.random(rows) < 0.3, rng.integers(100, 140, rows), rng.integers(0, 33, rows))
    if what == "long rows":
        lengths = rng.integers(270, 300, rows)
    if what == "one long row":
        lengths = rng.integers(0, 9, rows)
        lengths[int(rng.integers(rows))] = 300
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype("int32")
    return spread(rng, max(int(starts[-1]), 1)), starts, np.zeros(rows, "float32"), np.zeros(1, "int32"), rows


def row_sums(x, starts, sums, next, rows, draws=1):
    """The sums, and the number that is next when each block has drawn `draws` numbers beyond the last row."""
    x = x.astype(np.float64)
    drawn = np.array([rows + draws * BLOCKS[rows] if draws else 0], "int32")
    return np.array([x[a:b].sum() for a, b in zip(starts, starts[1:], strict=False)]), drawn


RAGGED = Cuda(
    id="04.15",
    title="Take the next row",
    minutes=14,
    dots=3,
    size="14 lines",
    answer="ragged",
    signature="ragged(const float* x, const int* starts, float* sums, int* next, int rows)",
    inputs=rows_of,
    oracle=row_sums,
    outputs=("sums", "next"),
    accumulates=("next",),
    shapes=[dict(rows=1), dict(rows=3), dict(rows=16, what="one long row"), dict(rows=5, what="long rows"), dict(rows=29)],
    launch=lambda rows, what="": dict(grid=BLOCKS[rows], block=128),
    dtype=("float32", "int32"),
    tolerance=Tolerance.of("float32", 400, floor=32.0),
    steps=20_000,
    rivals=(
        Rival(key="never-drawn", sentence="**The sums are right, but no row was drawn**: `*next` is still 0. Rows that are dealt out "
              "beforehand, one to each block in turn, wait for the slowest block. Draw each with `atomicAdd(next, 1)`.",
              oracle=lambda *a: row_sums(*a, draws=0)),
        Rival(key="one-ticket-a-row", sentence="**Each warp draws for itself**: `*next` ends at rows + 4 · blocks. A row is the whole "
              "block's: thread 0 draws, and hands the number to the other 127 through shared memory.",
              oracle=lambda *a: row_sums(*a, draws=4)),
        Rival(key="one-ticket-a-row", sentence="**Each thread draws for itself**: `*next` ends at rows + 128 · blocks. A row is the "
              "whole block's: thread 0 draws, and hands the number to the other 127 through shared memory.",
              oracle=lambda *a: row_sums(*a, draws=128)),
    ),
    budgets=(
        Budget(quantity="l1tex__t_requests_pipe_lsu_mem_global_op_atom.sum", at_most=lambda rows, what="": rows + BLOCKS[rows],
               key="one-ticket-a-row", because="A block draws one number for a row (and one more to learn that nothing is left): "
               "let thread 0 draw it, and hand it to the others through shared memory."),
        Budget(quantity="global load", at_most=10, where=lambda rows, what="": rows == 29, key="coalescing",
               because="Neighbouring lanes read neighbouring elements of the row: x[starts[r] + t], then 128 further."),
        Budget(quantity="instructions", at_most=lambda rows, what="": 700 * rows,
               where=lambda rows, what="": what == "long rows", key="shared-out",
               because="All 128 threads work on a row: each sums every 128th element, then the partial sums are added up."),
    ),
    hints=(
        "`__shared__ int row;` Thread 0 does `row = atomicAdd(next, 1)`, then `__syncthreads()`, then all read `row` and leave "
        "the loop if it is at least `rows`.",
        "Sum x[i] for i = starts[r] + t, step 128, up to starts[r + 1]; add the 128 partial sums with shuffles and a shared "
        "array of 4. Between the last read of a shared value and the next write to it there must be a barrier.",
        "while (true) { if (t == 0) row = atomicAdd(next, 1); __syncthreads(); int r = row; if (r >= rows) return; ... "
        "__syncthreads(); if (t == 0) sums[r] = part[0] + part[1] + part[2] + part[3]; }",
    ),
    why="A block that draws its next row when it has finished the last one never waits for a slower block: the tail is at most "
    "one row long. Persistent GEMM and attention kernels do this with tiles.",
    follow_up="in which order should the rows be drawn, if their lengths are known?",
)  # fmt: skip

# --- 04.16 to 04.18: divergence ---------------------------------------------------------------------------

WAYS = r"""
__global__ void ways(const float* x, float* y, int steps, int by) {
    int i = threadIdx.x, way = i / by % 8;
    float v = x[i];
    if (way == 0) for (int k = 0; k < steps; ++k) v = 0.91f * v + 0.1f;
    else if (way == 1) for (int k = 0; k < steps; ++k) v = 0.92f * v + 0.2f;
    else if (way == 2) for (int k = 0; k < steps; ++k) v = 0.93f * v + 0.3f;
    else if (way == 3) for (int k = 0; k < steps; ++k) v = 0.94f * v + 0.4f;
    else if (way == 4) for (int k = 0; k < steps; ++k) v = 0.95f * v + 0.5f;
    else if (way == 5) for (int k = 0; k < steps; ++k) v = 0.96f * v + 0.6f;
    else if (way == 6) for (int k = 0; k < steps; ++k) v = 0.97f * v + 0.7f;
    else for (int k = 0; k < steps; ++k) v = 0.98f * v + 0.8f;
    y[i] = v;
}"""


@cache
def lanes_of(by: int) -> float:
    """Active lanes of an average instruction, as emulated; `by` neighbours take the same way."""
    x = np.linspace(-1, 1, 256, dtype="float32")
    seen = emulate(WAYS, "ways", grid=1, block=256, args=[x, np.zeros_like(x), 256, by])
    return seen.metrics["smsp__thread_inst_executed_per_inst_executed.ratio"]


def ways_ratio(count: int) -> float:
    curve = dict(figures("curves")["ways"])
    return curve[count] / curve[1]


BRANCHES = Predict(
    id="04.16",
    title="Eight ways through a warp",
    minutes=2,
    quantities=(
        Quantity(
            name="lanes_by_thread",
            value=lambda: lanes_of(1),
            rtol=0.15,
            because="Each of the eight loops runs for 4 lanes while 28 wait.",
            misreads=(Misread(8, "ways", "8 is the number of ways; each has 32 / 8 lanes."),
                      Misread(32, "all", "All lanes are alive, but a warp issues one instruction at a time.")),
        ),
        Quantity(
            name="lanes_by_warp",
            value=lambda: lanes_of(32),
            rtol=0.05,
            because="Each warp takes one way, so no lane waits. That warps differ from each other costs nothing.",
            misreads=(Misread(4, "still-divergent", "Eight ways in the block, but only one in each warp."),),
        ),
        Quantity(
            name="times_slower",
            value=lambda: ways_ratio(8),
            rtol=0.3,
            because="Nearly the eight of the count: the loops run one after the other. (The rest of the kernel is not repeated.)",
            misreads=(Misread(1, "free", "A warp has one instruction stream: the ways are run in turn."),),
        ),
    ),
    hints=("A warp issues one instruction at a time, for the lanes that take that way.",
           "by = 32: threads 0 to 31 have the same way."),
    why="Divergence is a matter of lanes in one warp. Eight ways by thread cost eight turns; eight ways by warp cost nothing.",
)  # fmt: skip


def steps_of(rng: np.random.Generator, n: int) -> tuple:
    return spread(rng, n), np.zeros(n, "float32"), 40, n


def settled(x, a, b, steps):
    v = x.astype(np.float64)
    for _ in range(steps):
        v = a * v + b
    return v


def bent(x, y, steps, n):
    low = x < 0
    return settled(x, np.where(low, 0.95, 0.90), np.where(low, 0.1, -0.2), steps)


BENT = Cuda(
    id="04.17",
    title="One formula, two sets of constants",
    minutes=6,
    dots=1,
    size="4 lines",
    answer="bent",
    signature="bent(const float* x, float* y, int steps, int n)",
    inputs=steps_of,
    oracle=bent,
    outputs=("y",),
    shapes=[dict(n=n) for n in (1, 127, 128, 129, 1009)],
    launch=lambda n: dict(grid=-(-n // 128), block=128),
    dtype="float32",
    tolerance=Tolerance.of("float32", 40, floor=4.0),
    block=(128,),
    rivals=(
        Rival(key="one-branch", sentence="**Every element takes the way of x ≥ 0.**", oracle=lambda x, y, s, n: settled(x, 0.90, -0.2, s)),
        Rival(key="one-branch", sentence="**Every element takes the way of x < 0.**", oracle=lambda x, y, s, n: settled(x, 0.95, 0.1, s)),
        Rival(key="swapped", sentence="**The two sets of constants are swapped**: 0.95 and 0.1 belong to x < 0.",
              oracle=lambda x, y, s, n: bent(-x.astype(np.float64), y, s, n) * 0
              + settled(x, np.where(x < 0, 0.90, 0.95), np.where(x < 0, -0.2, 0.1), s)),
        Rival(key="decided-anew", sentence="**The way is chosen anew in every step**, by the v of that step. It is the sign of x "
              "that decides, once.", oracle=lambda x, y, s, n: _anew(x, s)),
        Rival(key="one-constant", sentence="**Only one of the two constants is chosen**; the other is the same for both.",
              oracle=lambda x, y, s, n: settled(x, np.where(x < 0, 0.95, 0.90), -0.2, s)),
    ),
    budgets=(
        Budget(quantity="instructions", at_most=lambda n: 125 * (4 * -(-n // 128)), where=lambda n: n > 128, key="divergence",
               because="In nearly every warp some x are negative and some not, so it runs both loops, one after the other. Choose "
               "the two constants first (`x < 0 ? … : …`), then run one loop."),
    ),
    hints=("Both loops are v = a·v + b. Only a and b depend on the sign.",
           "float a = v < 0 ? 0.95f : 0.90f, b = v < 0 ? 0.1f : -0.2f; then one loop."),
    why="A select (one instruction, no branch) picks the constants, and the loop is run once by all lanes. Branches that differ "
    "in data rather than in work can always be folded like this.",
    follow_up="the compiler folds such branches by itself when they are short. How would you find out whether it did?",
)  # fmt: skip


def _anew(x, steps):
    v = x.astype(np.float64)
    for _ in range(steps):
        v = np.where(v < 0, 0.95 * v + 0.1, 0.90 * v - 0.2)
    return v


def rare(rng: np.random.Generator, n: int, what: str = "") -> tuple:
    x = rng.uniform(0.05, 2.9, n) * rng.choice([-1, 1], n)
    far = rng.random(n) < {"": 1 / 12, "all far": 2.0, "none far": -1.0}[what]
    x = np.where(far, rng.uniform(3.1, 6, n) * rng.choice([-1, 1], n), x)
    return x.astype("float32"), np.zeros(n, "float32"), n


def slowly(x):
    v = x.astype(np.float64)
    for _ in range(64):
        v = 0.97 * v + 0.01 / (1 + v * v)
    return v


OUTLIERS = Cuda(
    id="04.18",
    title="Collect the rare ones",
    minutes=14,
    dots=3,
    size="12 lines",
    answer="outliers",
    signature="outliers(const float* x, float* y, int n)",
    inputs=rare,
    oracle=lambda x, y, n: np.where(np.abs(x) > 3, slowly(x), 0.5 * x.astype(np.float64)),
    outputs=("y",),
    shapes=[dict(n=1), dict(n=255), dict(n=256), dict(n=257), dict(n=300, what="all far"), dict(n=512, what="none far"),
            dict(n=2048)],
    launch=lambda n, what="": dict(grid=-(-n // 256), block=256),
    dtype="float32",
    tolerance=Tolerance.of("float32", 64, floor=4.0),
    block=(256,),
    rivals=(
        Rival(key="all-slow", sentence="**Every element goes through `slow`.**", oracle=lambda x, y, n: slowly(x)),
        Rival(key="none-slow", sentence="**No element goes through `slow`.**", oracle=lambda x, y, n: 0.5 * x.astype(np.float64)),
        Rival(key="no-abs", sentence="**Large negative values take the short way**: |x| > 3 is the test.",
              oracle=lambda x, y, n: np.where(x > 3, slowly(x), 0.5 * x.astype(np.float64))),
        Rival(key="swapped", sentence="**The two ways are swapped.**",
              oracle=lambda x, y, n: np.where(np.abs(x) > 3, 0.5 * x.astype(np.float64), slowly(x))),
    ),
    budgets=(
        Budget(quantity="instructions", at_most=lambda n, what="": 1300 * -(-n // 256), where=lambda n, what="": n == 2048,
               key="divergence", because="One far element in a warp makes the whole warp run `slow`, with one lane of 32 at work, and "
               "nearly every warp has one. First let the block collect the indices of its far elements in shared memory, then let "
               "its first threads, one for each collected index, run `slow`."),
    ),
    hints=(
        "`__shared__ int queue[256], count;` Set count to 0, barrier; each far element takes a place with "
        "`atomicAdd(&count, 1)` and writes its index there; barrier; then threads t < count work on queue[t].",
        "Put the bounds check around the work rather than a `return` before the barriers: then all threads are there for the second part.",
        "if (t < count) { int j = queue[t]; y[j] = slow(x[j]); }: about 21 of 256 are far, so one warp does it.",
    ),
    why="Before: 8 warps run the slow way, each for one or two lanes. After: one warp, for all that were collected. The same trick "
    "sorts rays by material, tokens by expert and outliers out of a matrix.",
    follow_up="what if a block collects 40? And what if all 256 are far?",
)  # fmt: skip

# --- 04.19: pipes -----------------------------------------------------------------------------------------

PIPES = ("fma", "alu", "xu", "fp64", "lsu")


def mix(rng: np.random.Generator, what: str) -> tuple:
    count = 1 if what == "one pipe" else 4
    names = [PIPES[i] for i in rng.permutation(5)[:count]]
    rates = {"fma": 128, "alu": 64, "xu": 16, "fp64": 64, "lsu": 32}
    work = {name: float(rng.uniform(1e9, 1e12)) for name in names}
    for _ in range(200):  # most work, slowest and fastest: three different pipes
        told = {max(work, key=work.get), *(slowest(work, rates, 1, 1, pick)[1] for pick in (min, max))}
        if count == 1 or len(told) == 3:
            break
        work = {name: float(rng.uniform(1e9, 1e12)) for name in names}
    if what == "a small part decides":
        work = {"fma": float(rng.uniform(1e11, 1e12))}
        work["xu"] = work["fma"] * float(rng.uniform(0.2, 0.8))
    return work, rates, int(rng.choice([108, 132])), float(rng.uniform(1.2, 2.0)) * 1e9


def slowest(work, rates, sms, clock, pick=max):
    times = {name: count / (rates[name] * sms * clock) for name, count in work.items()}
    name = pick(times, key=times.__getitem__)
    return times[name], name


MIX = Function(
    id="04.19",
    title="The busiest pipe",
    minutes=6,
    dots=2,
    size="3 lines",
    answer="pipe_floor",
    signature="pipe_floor(work: dict, rates: dict, sms: int, clock: Hz) -> (seconds: float, pipe: str)",
    inputs=mix,
    oracle=slowest,
    shapes=[dict(what=what) for what in ("one pipe", "several pipes", "a small part decides", "several pipes")],
    tolerance=CLOSE,
    rivals=(
        Rival(key="sum", sentence="**The times are added up.** The pipes work side by side; the busiest one decides.",
              oracle=lambda w, r, s, c: (sum(slowest({k: v}, r, s, c)[0] for k, v in w.items()), slowest(w, r, s, c)[1])),
        Rival(key="most-work", sentence="**The pipe with the most operations is not the busiest**: compare times, work / rate.",
              oracle=lambda w, r, s, c: slowest({(k := max(w, key=w.get)): w[k]}, r, s, c)),
        Rival(key="fastest", sentence="**This is the pipe that is done first.**", oracle=lambda *a: slowest(*a, pick=min)),
        Rival(key="one-sm", sentence="**`sms` is left out**: the rates are those of one SM.",
              oracle=lambda w, r, s, c: slowest(w, r, 1, c)),
        Rival(key="per-warp", sentence="**Off by 32**: work and rates both count lanes, not warps.",
              oracle=lambda w, r, s, c: (slowest(w, r, s, c)[0] / 32, slowest(w, r, s, c)[1])),
        Rival(key="no-clock", sentence="**These are cycles**: divide by the clock.",
              oracle=lambda w, r, s, c: slowest(w, r, s, 1)),
    ),
    hints=("Time of a pipe: its work / (its rate · sms · clock).",
           "times = {name: count / (rates[name] * sms * clock) for name, count in work.items()}; the largest decides."),
    why="FLOP/s is one ceiling of many. Each kind of instruction has a unit of its own with its own rate, and a kernel can be at "
    "100 % of one while all others idle.",
    follow_up="flash attention takes one exponential a score. At which head dimension do exp and the products take equally long?",
)  # fmt: skip

# --- 04.20, 04.21: launches, and what is worth doing ------------------------------------------------------

LAUNCHES = Predict(
    id="04.20",
    title="Four hundred small kernels",
    minutes=2,
    quantities=(
        Quantity(
            name="milliseconds_eager",
            value=lambda: 400 * H100.operator * 1e3,
            unit="ms",
            rtol=0.05,
            because="The host needs 6.8 µs for each operator and the GPU 1.6 µs: the GPU waits for the host.",
            misreads=(
                Misread(400 * report("few")["replayed"] * 1e3, "gpu-only", "That is the GPU's part. It finishes each kernel before "
                        "the host has sent the next."),
                Misread(400 * (report("few")["replayed"] + H100.operator) * 1e3, "sum", "The host sends the next kernel while the "
                        "GPU works: the slower of the two sets the pace."),
            ),
        ),
        Quantity(
            name="milliseconds_graph",
            value=lambda: 400 * report("few")["replayed"] * 1e3,
            unit="ms",
            rtol=0.05,
            because="In a graph the GPU starts each kernel by itself, 1.6 µs each, start included.",
            misreads=(Misread(400 * H100.operator * 1e3, "host", "In a graph the host sends all 400 at once."),),
        ),
    ),
    hints=("Host and GPU work at the same time: the slower one sets the pace.", "400 × 6.8 µs, and 400 × 1.6 µs."),
    why="Below some 7 µs a kernel the host is the limit (on this machine, with torch). A CUDA graph or fusion removes it; a "
    "faster kernel does not.",
)  # fmt: skip


def portfolio(rng: np.random.Generator, what: str) -> tuple:
    names = ["attention", "mlp", "norms", "sampling", "copies"]
    steps = {name: float(rng.uniform(0.2, 9)) for name in names}
    changes = [(str(rng.choice(names)), float(rng.uniform(1.1, 4)), int(rng.integers(1, 8))) for _ in range(7)]
    if what == "same step twice":
        changes[1] = (changes[0][0], float(rng.uniform(1.5, 3)), 2)
        changes[0] = (changes[0][0], float(rng.uniform(1.5, 3)), 2)
    if what == "two small ones":  # whatever comes first leaves no room for the other two, which gain more together
        unit = float(rng.uniform(0.5, 2))
        steps = {"attention": 6 * unit, "mlp": 4.5 * unit, "norms": 4.4 * unit}
        return steps, [("attention", 2.1, 6), ("mlp", 2.0, 5), ("norms", 2.0, 5)], 10
    return steps, changes, {"no time": 0, "all of them": 60}.get(what, int(rng.integers(6, 12)))


def best_time(steps, changes, days):
    best = sum(steps.values())
    for count in range(len(changes) + 1):
        for chosen in combinations(changes, count):
            if sum(d for _, _, d in chosen) <= days:
                left = dict(steps)
                for name, factor, _ in chosen:
                    left[name] /= factor
                best = min(best, sum(left.values()))
    return best


def greedy(by):
    def oracle(steps, changes, days):
        left, rest = dict(steps), days
        for name, factor, cost in sorted(changes, key=lambda c: by(steps, c), reverse=True):
            if cost <= rest:
                left[name], rest = left[name] / factor, rest - cost
        return sum(left.values())

    return oracle


def greedy_now(by):
    """As `greedy`, by what a change gains after those already made."""

    def oracle(steps, changes, days):
        left, open_ = dict(steps), list(changes)
        while fitting := [change for change in open_ if change[2] <= days]:
            name, factor, cost = best = max(fitting, key=lambda c: by(left, c))
            open_.remove(best)
            left[name], days = left[name] / factor, days - cost
        return sum(left.values())

    return oracle


def best_if(faster):
    """The best plan where the changes of one step, `factors`, make it `faster(factors)` times as fast."""

    def oracle(steps, changes, days):
        best = sum(steps.values())
        for count in range(len(changes) + 1):
            for chosen in combinations(changes, count):
                factors = {name: [f for n, f, _ in chosen if n == name] for name in steps}
                if sum(d for _, _, d in chosen) <= days:
                    best = min(
                        best, sum(ms / (faster(factors[name]) if factors[name] else 1) for name, ms in steps.items())
                    )
        return best

    return oracle


def best_without(steps, changes, days):
    """As if the gains on one step could be added."""
    best = total = sum(steps.values())
    for count in range(len(changes) + 1):
        for chosen in combinations(changes, count):
            if sum(d for _, _, d in chosen) <= days:
                best = min(best, total - sum(steps[n] * (1 - 1 / f) for n, f, _ in chosen))
    return best


PLAN = Function(
    id="04.21",
    title="Which optimizations?",
    minutes=10,
    dots=2,
    size="10 lines",
    answer="best_plan",
    signature="best_plan(steps: dict[str, ms], changes: list[(step, factor, days)], days: int) -> float",
    inputs=portfolio,
    oracle=best_time,
    shapes=[dict(what=what) for what in ("one", "two small ones", "same step twice", "no time", "all of them", "three", "four", "five")],
    tolerance=CLOSE,
    rivals=(
        Rival(key="greedy", sentence="**Taking the largest factor first is not the best plan**: a factor of 3 on a step of 4 % is "
              "worth 1.03. Try every subset: there are only 2⁷.", oracle=greedy(lambda s, c: c[1])),
        Rival(key="greedy", sentence="**Taking the largest gain first is not the best plan**: a day's budget is filled best by "
              "another choice. Try every subset: there are only 2⁷.", oracle=greedy(lambda s, c: s[c[0]] * (1 - 1 / c[1]))),
        Rival(key="greedy", sentence="**Taking the largest gain a day first is not always the best plan.** Try every subset: there "
              "are only 2⁷.", oracle=greedy(lambda s, c: s[c[0]] * (1 - 1 / c[1]) / c[2])),
        *alike("greedy", "**One change after the other, always what looks best next, is not the best plan.** Two small changes can gain "
               "more than the large one that takes their days. Try every subset: there are only 2⁷.",
               greedy_now(lambda s, c: s[c[0]] * (1 - 1 / c[1])), greedy_now(lambda s, c: s[c[0]] * (1 - 1 / c[1]) / c[2]),
               greedy_now(lambda s, c: s[c[0]]), greedy_now(lambda s, c: -c[2]), greedy(lambda s, c: -c[2]), greedy(lambda s, c: s[c[0]]),
               greedy(lambda s, c: c[1] / c[2]), greedy(lambda s, c: 0)),
        *alike("same-step", "**Two changes of one step multiply**: after a factor of 2 and a factor of 3 it is 6 times as fast. Here one "
               "replaces the other, or they are added.",
               best_if(lambda f: f[-1]), best_if(max), best_if(sum), best_if(lambda f: f[0])),
        Rival(key="gains-added", sentence="**Two changes to one step do not add their gains**: the second speeds up what the first "
              "left. Divide the step's time by both factors.", oracle=best_without),
        Rival(key="no-budget", sentence="**The days are ignored**: all changes are made.",
              oracle=lambda s, c, d: best_time(s, c, 10**6)),
        Rival(key="longest-step", sentence="**Only one change is made.**",
              oracle=lambda s, c, d: min([sum(s.values())] + [sum(s.values()) - s[n] * (1 - 1 / f) for n, f, k in c if k <= d])),
    ),
    hints=("`itertools.combinations(changes, k)` for every k from 0 to len(changes); skip those that take more than `days`.",
           "For each subset copy `steps`, divide the time of a changed step by its factor, add up; keep the smallest sum."),
    why="Amdahl: making a share p faster by s speeds the whole up by 1 / ((1 − p) + p / s). The share matters more than the "
    "factor, and the days more than either.",
    follow_up="which of the five numbers would you measure again after each change, and why?",
)  # fmt: skip

# --- 04.22 to 04.24: reading reports ----------------------------------------------------------------------

NAMES = ("launch", "tail", "divergence", "special functions", "compute", "local memory", "bank conflicts", "L2",
         "wasted bytes", "memory", "barrier", "atomics", "latency")  # fmt: skip
TRUTH = {
    "scale": "memory", "field": "wasted bytes", "turn": "bank conflicts", "walk": "latency", "poly": "compute",
    "choose": "divergence", "rounds": "tail", "few": "launch", "tally": "atomics", "gauss": "special functions",
    "recent": "local memory", "again": "L2", "leader": "barrier", "thin": "latency",
}  # fmt: skip
SAID = {
    "scale": "DRAM at 88 %, 517 MB moved for 537 needed (the rest is still in the cache): nothing is wasted. It runs at the rate "
    "of a copy.",
    "field": "DRAM at 92 %, and yet 602 MB are moved where 134 are needed: each lane's 4 bytes cost a sector of 32. A percentage "
    "of peak says how busy a unit is, not how useful.",
    "turn": "L1 at 87 % while DRAM is at 47 %; 92 % of the shared-memory wavefronts are conflicts.",
    "walk": "Memory 55 %, compute 0 %: below 60 both. Occupancy 12 %, one load under way in each thread, stalled for long "
    "scoreboard.",
    "choose": "Compute at 95 %, the FMA pipe at 84 %, and 5.5 of 32 lanes at work: the pipe works mostly for lanes that are switched "
    "off.",
    "rounds": "Compute 52 %, but an average SM is busy only 53 % of the time: 1.06 waves. 8 blocks run while 124 SMs wait.",
    "tally": "Memory 2 %, compute 1 %, occupancy 92 %: warps enough, and all wait. One atomic for every load, on 16 addresses.",
    "gauss": "The XU pipe (exp, sin, 1/x) at 99 %, the FMA pipe at 25 %.",
}
WEIGHED = {
    "memory": "The memory is what is busiest, but look at what it does: moved against needed, and which level is at its peak.",
    "compute": "The pipes are busy or not, that is one figure; the other is for whom: lanes, and which pipe.",
    "latency": "Latency is what is left when nothing else explains it. Here something does.",
    "tail": "An average SM is busy nearly all the time here: there is no tail.",
    "launch": "It runs far longer than a launch takes.",
    "wasted bytes": "Moved and needed are alike here: no byte is wasted.",
}


def limited(name: str) -> Quantity:
    truth = TRUTH[name]
    misreads = tuple(
        Misread(value, f"not-{value.replace(' ', '-')}", said) for value, said in WEIGHED.items() if value != truth
    )
    return Quantity(name=f"{name}_is", value=truth, choices=NAMES, because=SAID[name], misreads=misreads)


READING = Predict(
    id="04.22",
    title="What limits these four?",
    minutes=5,
    dots=2,
    quantities=tuple(limited(name) for name in ("scale", "field", "turn", "walk")),
    hints=("Which is higher, memory or compute, and is it above 60 %? If so: is what it does needed?",
           "moved against needed; conflicts; l1, l2 and dram against each other; if nothing is high: occupancy and stall."),
    why="A unit near its peak is busy. Whether it is busy with what the task needs is a second question, and bytes moved against "
    "bytes needed answers it.",
)  # fmt: skip

AGAIN = Predict(
    id="04.23",
    title="And these four?",
    minutes=5,
    dots=2,
    quantities=tuple(limited(name) for name in ("choose", "rounds", "tally", "gauss")),
    hints=("For high compute: lanes, then fma against xu. For low everything: busy first, then atomics, then stall.",
           "`busy` is the share of the time that an average SM has work."),
    why="Four kernels, four different reasons, and in each the figure that shows it is not the percentage at the top.",
)  # fmt: skip


def checklist(m: dict, skip: str = "", order: tuple[str, ...] = ()) -> str:
    """The card's table, line by line; without the line `skip`."""
    high = max(m["compute"], m["memory"]) >= 60
    computes, moves = high and m["compute"] >= m["memory"], high and m["compute"] < m["memory"]
    lines = (
        ("launch", m["us"] < 5 and m["waves"] < 1),
        ("tail", m["busy"] < 80),
        ("divergence", computes and m["lanes"] < 24),
        ("special functions", computes and m["xu"] >= 80),
        ("compute", computes),
        ("local memory", moves and m["local"] >= 20),
        ("bank conflicts", moves and m["l1"] >= max(m["l2"], m["dram"]) and m["conflicts"] >= 20),
        ("L2", moves and m["dram"] < 60),
        ("wasted bytes", moves and m["moved"] >= 1.3 * m["needed"]),
        ("memory", moves),
        ("barrier", m["stall"] == "barrier"),
        ("atomics", m["atomics"] >= 10),
        ("latency", True),
    )
    return next(name for name, holds in lines if holds and name != skip)


def reported(rng: np.random.Generator, kernel: str) -> tuple:
    if kernel.startswith("boss"):
        found = measures(figures("boss")[int(kernel[-1])])
    elif kernel == "a tail with few lanes":
        found = measures(report("rounds")) | {"compute": 71.0, "lanes": 9.0}
    elif kernel == "short, with few lanes":
        found = measures(report("few")) | {"lanes": 4.0}
    elif kernel == "busy on both sides":
        found = measures(report("poly")) | {"memory": 83.0, "dram": 83.0}
    else:
        found = measures(report(kernel))
    noise = {name: value * rng.uniform(0.985, 1.015) for name, value in found.items() if not isinstance(value, str)}
    return (found | {name: min(value, 100.0) if name in PERCENT else value for name, value in noise.items()},)


PERCENT = {"memory", "compute", "dram", "l2", "l1", "fma", "xu", "issue", "busy", "conflicts", "local", "occupancy"}
CASES = (
    *TRUTH,
    *(f"boss {i}" for i in range(5)),
    "a tail with few lanes",
    "short, with few lanes",
    "busy on both sides",
)
MISSING = {
    "launch": "**A kernel that is over in 5 µs on less than one wave is not recognized**: look at `us` and `waves` first.",
    "tail": "**Idle SMs are not recognized**: `busy` below 80 % comes second, before any percentage of peak.",
    "divergence": "**Idle lanes are not recognized**: compute is high, but `lanes` is below 24.",
    "special functions": "**The XU pipe is not recognized**: `xu` at 80 % or more.",
    "local memory": "**Local memory is not recognized**: `local` at 20 % or more.",
    "bank conflicts": "**Bank conflicts are not recognized**: `l1` is the highest of the three and `conflicts` at least 20 %.",
    "L2": "**The L2 cache is not recognized**: memory is high although `dram` is below 60 %.",
    "wasted bytes": "**Wasted bytes are not recognized**: `moved` at 1.3 times `needed` or more.",
    "barrier": "**The barrier is not recognized**: nothing is high, and `stall` says it.",
    "atomics": "**Atomics are not recognized**: nothing is high, and there are 10 or more for 100 loads.",
}

DIAGNOSE = Function(
    id="04.24",
    title="The checklist as a function",
    minutes=12,
    dots=3,
    size="15 lines",
    answer="diagnose",
    signature="diagnose(m: dict) -> str",
    inputs=reported,
    oracle=lambda m: checklist(m),
    shapes=[dict(kernel=kernel) for kernel in CASES],
    forbid=(Forbid(names=("utils.headroom", "utils.measures"), because="The checklist is yours to write."),),
    rivals=tuple(Rival(key=f"no-{name.replace(' ', '-')}", sentence=sentence, oracle=lambda m, name=name: checklist(m, name))
                 for name, sentence in MISSING.items()),
    hints=("One `if` a line of the table, in its order, each with a `return`.",
           "high = max(m['compute'], m['memory']) >= 60. Inside `if high and m['compute'] >= m['memory']:` divergence, special "
           "functions, compute; inside the next `if high:` the five of memory; then the last three."),
    why="The order matters: idle SMs make every percentage look low, and idle lanes make it look high. What spoils other figures is "
    "asked first.",
    follow_up="which two of these thirteen can a kernel have at the same time, and which would you mend first?",
)  # fmt: skip

# --- 04.25, 04.26: the boss -------------------------------------------------------------------------------


def boss_seconds(atomic: str, conflicts: bool, doubles: bool) -> float:
    wanted = {"an atomic for each": atomic, "conflicts": conflicts, "doubles": doubles}
    return next(row["seconds"] for row in figures("scale_transpose") if wanted.items() <= row.items())


GAIN = Predict(
    id="04.25",
    title="Which mistake first?",
    minutes=4,
    dots=2,
    quantities=(
        Quantity(
            name="first",
            value="atomics",
            choices=("atomics", "bank conflicts", "doubles"),
            because="Nothing in the report is near its peak, and there is one atomic for every load, all on one address. 2.1 million of "
            "them, one after the other, take longer than everything else together.",
        ),
        Quantity(
            name="gain_of_conflicts_alone",
            value=lambda: boss_seconds("element", True, True) / boss_seconds("element", False, True),
            rtol=0.1,
            because="The conflicts are real, 32 wavefronts for each read of the tile. But they hide behind the atomics: what does not limit "
            "does not matter.",
            misreads=(Misread(32, "wavefronts", "32 times fewer wavefronts, in a unit that was idle most of the time."),
                      Misread(2, "guess", "Not even that: the time is the atomics'.")),
        ),
        Quantity(
            name="gain_of_all",
            value=lambda: boss_seconds("element", True, True) / boss_seconds("block", False, False),
            rtol=0.25,
            because="From 1932 µs to 201 µs. The floor, 537 MB at 3.0 TB/s, is 179 µs: no more than 10.8 times was there to gain.",
            misreads=(Misread(32, "wavefronts", "More than the floor allows: 1932 / 179 = 10.8."),),
        ),
    ),
    hints=("Which figure in the report is near its peak? Which is far from what it should be?",
           "No gain can pass 1932 µs / floor, and a unit that is idle most of the time gains nothing."),
    why="A kernel has one limit at a time. Mending anything else first shows no gain, and people throw away a right change because of "
    "it.",
)  # fmt: skip


def matrix(rng: np.random.Generator, rows: int, cols: int) -> tuple:
    x = spread(rng, (rows, cols))
    # The largest lies with a warp other than the first, and is negative where rows is odd.
    at, largest = np.abs(x).argmax(), (max(0, min(rows, 32) - 2), int(rng.integers(cols)))
    x.flat[at], x[largest] = x[largest], x.flat[at]
    x[largest] = -abs(x[largest]) if rows % 2 else abs(x[largest])
    before = np.float32(7.0 if rows in (33, 32) else 0.25)
    return (
        x,
        np.zeros((cols, rows), "float32"),
        before.reshape(1).view("int32"),
        np.float32(rng.uniform(0.003, 0.007)),  # x is up to 4: some of it is clamped
        rows,
        cols,
    )


def scaled(x, y, amax, scale, rows, cols):
    most = max(amax.view("float32")[0], np.abs(x).max())
    return np.clip(x.T.astype(np.float64) / np.float64(scale), -448, 448), np.float32([most]).view("int32")


def scaled_but(transposed=True, clipped=True, divide=True, magnitude=True, keeps=True):
    def oracle(x, y, amax, scale, rows, cols):
        value = x.astype(np.float64) / scale if divide else x.astype(np.float64) * scale
        value = np.clip(value, -448, 448) if clipped else value
        seen = np.abs(x).max() if magnitude else max(x.max(), 0)
        most = max(amax.view("float32")[0], seen) if keeps else seen
        return value.T if transposed else value.reshape(cols, rows), np.float32([most]).view("int32")

    return oracle


def blocks(rows, cols):
    return -(-rows // 32) * -(-cols // 32)


ATOMS = "l1tex__t_requests_pipe_lsu_mem_global_op_{}.sum"
ONE = ("Every element asks for the same address, and one address takes one update at a time. Find the largest in registers, then in "
       "the warp (`__reduce_max_sync` or shuffles), then in the block through shared memory, then one atomicMax.")  # fmt: skip
NARROW = ("448.0 and (double) make the arithmetic double: conversions, and a division of some forty instructions. Use 448.f, and one "
          "`1.f / scale` for the thread.")  # fmt: skip
BOSS = Cuda(
    id="04.26",
    title="Boss: three mistakes, in order of gain",
    minutes=25,
    dots=3,
    size="20 lines",
    answer="scale_transpose",
    signature="scale_transpose(const float* x, float* y, int* amax, float scale, int rows, int cols)",
    inputs=matrix,
    oracle=scaled,
    outputs=("y", "amax"),
    accumulates=("amax",),
    shapes=[dict(rows=r, cols=c) for r, c in ((1, 1), (31, 33), (32, 32), (33, 1), (45, 70), (128, 64))],
    launch=lambda rows, cols: dict(grid=(-(-cols // 32), -(-rows // 32)), block=(32, 8)),
    dtype=("float32", "int32"),
    tolerance=Tolerance.of("float32", floor=448.0),
    block=(32,),
    rivals=(
        Rival(key="not-clipped", sentence="**Nothing is clamped** to ±448.", oracle=scaled_but(clipped=False)),
        Rival(key="multiplied", sentence="**x is multiplied by the scale**; it is to be divided.", oracle=scaled_but(divide=False)),
        Rival(key="no-magnitude", sentence="**`amax` is the largest x, not the largest |x|.**", oracle=scaled_but(magnitude=False)),
        Rival(key="not-transposed", sentence="**`y` is not transposed.**", oracle=scaled_but(transposed=False)),
        Rival(key="amax-forgets", sentence="**`amax` forgets what it held**: it is the largest so far, over earlier launches too.",
              oracle=scaled_but(keeps=False)),
    ),
    budgets=(
        Budget(quantity=ATOMS.format("red"), at_most=lambda rows, cols: blocks(rows, cols), key="atomics", because=ONE),
        Budget(quantity=ATOMS.format("atom"), at_most=lambda rows, cols: blocks(rows, cols), key="atomics", because=ONE),
        Budget(quantity="global load", at_most=4, where=lambda rows, cols: rows % 32 == cols % 32 == 0, key="coalescing",
               because="Loads go along the rows of x: threadIdx.x on the column."),
        Budget(quantity="global store", at_most=4, where=lambda rows, cols: rows % 32 == cols % 32 == 0, key="coalescing",
               because="Stores go along the rows of y: that is what the tile is for."),
        Budget(quantity="conflicts", at_most=0, key="bank-conflicts",
               because="A column of tile[32][32] lies in one bank. Pad the row, or swizzle."),
        Budget(quantity="traffic", at_most=1.05, where=lambda rows, cols: rows == 128, key="traffic", because="Once in, once out."),
        Budget(quantity="ptx__thread_inst_executed_f64.sum", at_most=0, key="doubles", because=NARROW),
    ),
    hints=(
        "The report names the order: atomics, then bank conflicts, then the doubles. Mend one, run, look at the counters, mend the next.",
        "Atomics: keep `most` in a register over the four loads; `most = __reduce_max_sync(~0u, most)`; lane 0 of each of the 8 warps "
        "writes it to shared memory; after the barrier that is there already, one thread takes the largest of 8 and does one atomicMax.",
        "Conflicts: tile[32][33]. Doubles: `float inverse = 1.f / scale;` and `fminf(fmaxf(v * inverse, -448.f), 448.f)`.",
    ),
    why="Atomics first: 1932 → 314 µs. Then the conflicts: 314 → 210. Then the doubles: 210 → 201. In any other order the first two "
    "mends gain nothing at all. A copy of as many bytes takes 182 (all on the H100 of the chapter's record).",
    follow_up="201 against a copy's 182 µs: where are the last 19, and is it worth looking?",
)  # fmt: skip

EXERCISES = [FLOOR, FLOORS, GEMM, DECODE, ATTENTION, GATED, CACHED, LITTLE, WARPS, CLIFF, OCCUPANCY, BOUNDS, WAVES, QUANTIZATION,
             RAGGED, BRANCHES, BENT, OUTLIERS, MIX, LAUNCHES, PLAN, READING, AGAIN, DIAGNOSE, GAIN, BOSS]  # fmt: skip
