# %% [markdown]
# # 04 Is this kernel done?
#
# "How do you know that your kernel cannot be faster?" is the question that ends most kernel interviews, well or badly. 9 of
# 181 recorded interviews ask for memory-bound or compute-bound by name, 11 for the profiler and its metrics, about 45 how a
# kernel was optimized and when it was finished (counted in the public collection caomaolufei/AIInfraGuide,
# `docs/interview`, commit 604ab61). The answer has a form: a floor, a measured share of it, the resource that limits, the
# evidence, and what comes next or why to stop.
#
# Every time in this chapter was measured on one NVIDIA H100 80GB HBM3 on 2026-11-24 (`solutions/recorded/04_*.json`).

# %% [markdown]
# **After this chapter (about 2½ hours) you can**
#
# - state a kernel's floor in microseconds before it is written, and place it on a measured roofline;
# - say how many bytes must be under way, and whether registers, shared memory or threads keep them from it: an occupancy
#   calculator that agrees with CUDA's own answer in all of 780 cases;
# - put a price on tiles, waves, divergence, the special-function unit and launches;
# - read a report of Nsight Compute and name the limit with its evidence: 14 recorded kernels, 13 reasons;
# - take a kernel with three mistakes to within 12 % of its floor, in the order that pays.

# %% tags=["setup"]
import sys
from pathlib import Path

home = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "study").is_file()), None)
assert home, "Open this notebook with ./study lab, or from a folder inside the course."
sys.path.insert(0, str(home))

from itertools import combinations
from math import ceil

import numpy as np

# isort: off
from utils import annotate, ceilings, check, emulate, headroom, hint, measures, progress, ready
from utils import pyplot as plt
from utils import recorded, reset, reveal, roofline

# %%
H100 = ceilings("H100 80GB")


def figures(topic):
    """What was recorded on the H100 under a topic of this chapter."""
    runs = recorded(f"04_{topic}")
    return next(run["figures"] for run in runs if "H100 80GB" in run["machine"]["gpu"])


reports = {one["name"]: one for one in figures("reports")}

# %% [markdown]
# ## 1 Two floors
#
# Before the first line of a kernel, two numbers: the **bytes** that must cross the memory (each input read once, each output
# written once) and the **operations** that must be done. Each divided by what the hardware reaches is a time. Memory and
# arithmetic run at the same time, so nothing is faster than the *larger* of the two: the floor.
#
# What the hardware reaches is measured, not read off a datasheet. Below, the ceilings of the recorded H100; beside them what
# the datasheet says (dense, without sparsity).

# %%
rows = [
    ("memory, copy", H100.copy / 1e12, "TB/s", 3.35),
    ("L2, read", H100.l2 / 1e12, "TB/s", None),
    ("shared memory, 132 SMs", H100.shared / 1e12, "TB/s", None),
    ("FP32, FMA", H100.fp32 / 1e12, "TFLOP/s", 67),
    ("BF16, matrix product", H100.bf16 / 1e12, "TFLOP/s", 989.4),
]
print(f"{H100.gpu}, {H100.date}\n{'':24}{'measured':>10}{'datasheet':>12}")
for name, value, unit, said in rows:
    share = f"{value / said:6.0%}" if said else ""
    print(f"{name:24}{value:10.3g} {unit:8}{said or '':>6} {share}")
assert 0.88 < H100.copy / 3.35e12 < 0.91 and 0.72 < H100.bf16 / 989.4e12 < 0.75

# %% [markdown]
# A copy gets 90 % of the datasheet's bandwidth and a large product 74 % of its peak. A kernel at 2.9 TB/s is "at 87 % of peak"
# and at 97 % of what can be had; only the second number tells you whether to go on.

# %% [markdown]
# {{card 04.1}}
# `y = a·x` for 2²⁶ float32 (67 million). How many megabytes (10⁶ bytes) must cross the memory, and how many microseconds
# does that take at the measured 3.0 TB/s?

# %% tags=["exercise"]
# Predict 04.1
megabytes = 536.9
microseconds = 179

# %% tags=["check"]
check("04.1")

# %%
scale = reports["scale"]
print(scale["source"])
print(f"measured: {scale['seconds'] * 1e6:.0f} µs, {scale['needed'] / scale['seconds'] / 1e12:.2f} TB/s")

# %% [markdown]
# 182 µs against a floor of 179. Nothing is left to gain *in this kernel*: whoever wants more must move fewer bytes.

# %% [markdown]
# {{card 04.2}}
# `floors(moved, flops, bandwidth, peak)`: bytes, FLOP, bytes/s and FLOP/s; returns `(seconds, limit)`, where `limit` is
# `"memory"` or `"compute"`, whichever takes longer (`"memory"` if both take equally long).
#
# `floors(3e9, 2e9, 3e12, 60e12)` is `(0.001, "memory")`: 1 ms against 33 µs. Plain Python.


# %% tags=["exercise"]
# Exercise 04.2
def floors(moved, flops, bandwidth, peak):
    """The time that no kernel can beat, and which side sets it."""
    ### BEGIN SOLUTION
    by_memory, by_compute = moved / bandwidth, flops / peak
    return max(by_memory, by_compute), "memory" if by_memory >= by_compute else "compute"
    ### END SOLUTION


# %% tags=["check"]
check("04.2")

# %%
if ready("04.2"):
    tried = [("y = a·x, 2²⁶ float32", 8 * 2**26, 2**26, "fp32"),
             ("polynomial of degree 512, 2²⁴ points", 8 * 2**24, 1024 * 2**24, "fp32"),
             ("bf16 product, 4096³", 6 * 4096**2, 2 * 4096**3, "bf16"),
             ("bf16 product, 1 × 8192 × 8192", 2 * 8192**2, 2 * 8192**2, "bf16")]  # fmt: skip
    for name, moved, flops, kind in tried:
        seconds, limit = floors(moved, flops, H100.copy, H100.peak(kind))
        print(f"{name:40}{seconds * 1e6:8.1f} µs, set by {limit}")

# %% [markdown]
# ## 2 The roofline
#
# Divide operations by bytes and you get the **arithmetic intensity**, FLOP/byte. Intensity × bandwidth is the rate that the
# memory can feed; it grows along a slope until it meets the peak. The corner is the **ridge**. Left of it memory sets the
# floor, right of it arithmetic.
#
# Here one stream kernel was given more and more FMA per element. Each point is a measurement:

# %%
sweep = figures("curves")["sweep"]
points = {f"{row['fmas']} FMA": (row["intensity"], row["flops a second"]) for row in sweep
          if row["fmas"] in (1, 4, 16, 48, 128, 512)}  # fmt: skip
roofline(points, H100, kind="fp32")
free = [row["seconds"] for row in sweep if row["fmas"] <= 48]
print(f"1 FMA an element: {free[0] * 1e6:.0f} µs; 48 FMA: {free[-1] * 1e6:.0f} µs")
assert max(free) / min(free) < 1.01

# %% [markdown]
# Up to 48 FMA an element cost *nothing*: 183 µs for one and 182 for 48. Arithmetic on a stream is free until the ridge; that is why
# an activation fused into a memory-bound kernel costs nothing (as long as its registers leave enough bytes under way, section 5),
# and why counting FLOPs alone tells you so little.
#
# Where do the operations of a language model lie? First the matrix product, C = A·B with A of M × K, B of K × N:

# %% [markdown]
# {{card 04.3}}
# `gemm_work(M, N, K, size)`: A is M × K, B is K × N, C = A·B is M × N, each element `size` bytes. Returns
# `(flops, moved)`: a multiply-add counts 2; A and B are read once, C is written once.
#
# `gemm_work(2, 3, 4, 2)` is `(48, 52)`. Plain Python, whole numbers.


# %% tags=["exercise"]
# Exercise 04.3
def gemm_work(M, N, K, size):
    """FLOP and bytes of a matrix product."""
    ### BEGIN SOLUTION
    return 2 * M * N * K, size * (M * K + K * N + M * N)
    ### END SOLUTION


# %% tags=["check"]
check("04.3")

# %% [markdown]
# {{card 04.4}}
# A weight matrix of 8192 × 8192 in bf16. A decode step multiplies it with M rows, one for each request. Three numbers:
#
# - `intensity_of_one`: FLOP/byte for M = 1;
# - `ridge`: of the H100 in bf16, from the measured 728 TFLOP/s and 3.0 TB/s;
# - `times_as_long`: how many times as long as M = 1 does M = 128 take?

# %% tags=["exercise"]
# Predict 04.4
intensity_of_one = 1.0
ridge = 243
times_as_long = 1.0

# %% tags=["check"]
check("04.4")

# %%
products = figures("curves")["products"]
if ready("04.3"):
    points = {}
    for row in products:
        flops, moved = gemm_work(row["m"], 8192, 8192, 2)
        if row["m"] in (1, 16, 128, 512, 8192):
            points[f"M = {row['m']}"] = (flops / moved, flops / row["seconds"])
    roofline(points, H100, kind="bf16")
seen = {row["m"]: round(row["seconds"] * 1e6, 1) for row in products}
print("microseconds:", {m: seen[m] for m in (1, 16, 64, 128, 256, 512, 8192)})

# %% [markdown]
# From 1 row to 128 the time is that of reading 134 MB of weights. (The library leaves a quarter of the bandwidth unused
# there: 2.3 TB/s of 3.0. Chapter 06 takes it back.) This one picture is the reason for batching, for weight-only
# quantization, and for the difference between prefill and decode.
#
# Attention has two products and something between them:

# %% [markdown]
# {{card 04.5}}
# `attention_work(B, H, Tq, Tk, d, size, fused)`: B sequences, H heads, Tq queries, Tk keys, head dimension d, `size` bytes
# an element, no mask. Returns `(flops, moved)`. Count the two products, S = Q·Kᵀ and O = P·V (the softmax's own operations
# are left out; a multiply-add is 2).
#
# Bytes: Q, K, V are read once, O is written once. If not `fused`, S (Tq × Tk a head) is also written and read back, and so is
# P = softmax(S), all with `size` bytes an element. Every head has its own K and V.
#
# `attention_work(1, 1, 2, 3, 4, 2, True)` is `(96, 80)`, and `(96, 128)` if not fused.


# %% tags=["exercise"]
# Exercise 04.5
def attention_work(B, H, Tq, Tk, d, size, fused):
    """FLOP and bytes of attention, with or without the scores crossing the memory."""
    ### BEGIN SOLUTION
    flops = 4 * B * H * Tq * Tk * d
    elements = 2 * Tq * d + 2 * Tk * d
    if not fused:
        elements += 4 * Tq * Tk
    return flops, size * B * H * elements
    ### END SOLUTION


# %% tags=["check"]
check("04.5")

# %%
if ready("04.5"):
    took = figures("curves")["operators"]
    prefill, decode = (4, 32, 4096, 4096, 128, 2), (4, 32, 1, 4096, 128, 2)
    for name, shape, fused in (("prefill, not fused", prefill, False), ("prefill, fused", prefill, True),
                               ("decode", decode, True)):  # fmt: skip
        flops, moved = attention_work(*shape, fused)
        by_memory, by_compute = moved / H100.copy, flops / H100.bf16
        print(
            f"{name:20}{flops / moved:8.1f} FLOP/byte; floors {by_memory * 1e6:6.0f} µs by memory, "
            f"{by_compute * 1e6:5.0f} by arithmetic"
        )
    print(
        "measured, torch: prefill",
        round(1e6 * took["attention 4x32x4096x128 bf16"]),
        "µs, decode",
        round(1e6 * took["decode attention 4x32x1 on 4096x128 bf16"]),
        "µs",
    )
    prefilled = took["attention 4x32x4096x128 bf16"] * H100.bf16 / attention_work(*prefill, True)[0]
    assert 1.15 < prefilled < 1.25  # times the arithmetic's floor

# %% [markdown]
# Not fused, the scores alone would take longer than the arithmetic. Fused, the memory's floor drops to a fraction, and prefill
# becomes a matter of tensor cores: torch's kernel needs 1.2 times the arithmetic's floor. Decode reads all K and V for one query:
# intensity 1, whatever you fuse.
#
# ## 3 At the floor: move fewer bytes
#
# A kernel at its floor is done; the *program* need not be. The next step is a kernel with a lower floor. A gated MLP in PyTorch
# runs two kernels: t = silu(gate), then y = t·up. Five arrays cross the memory where three would do:


# %%
def bar(ax, y, parts, label):
    left = 0
    for name, colour in parts:
        ax.barh(y, 1, left=left, color=colour, alpha=0.55, edgecolor="#8a8a8a")
        ax.text(left + 0.5, y, name, ha="center", va="center", fontsize=9)
        left += 1
    ax.text(-0.1, y, label, ha="right", va="center", fontsize=9)


fig, ax = plt.subplots(figsize=(7.5, 1.4))
bar(ax, 1, [("gate in", "C0"), ("t out", "C1"), ("t in", "C1"), ("up in", "C0"), ("y out", "C2")], "two kernels")
bar(ax, 0, [("gate in", "C0"), ("up in", "C0"), ("y out", "C2")], "one kernel")
ax.set_xlim(-1.2, 5.1)
ax.axis("off")
_ = ax.set_title("arrays that cross the memory", fontsize=10)

# %% [markdown]
# {{card 04.6}}
# `gated(const float* gate, const float* up, float* y, int n)`: y[i] = silu(gate[i]) · up[i] with silu(g) = g / (1 + e⁻ᵍ), for
# i < n, any n > 0. Launched with ⌈n / 256⌉ blocks of 256 threads; thread t of block b makes element 256·b + t.
#
# gate = 2, up = 3: silu(2) = 1.7616, y = 5.2848. `expf` and `__expf` are both precise enough.
# Budget: bytes moved ≤ 1.05 × (gate + up + y once each).

# %% tags=["exercise"]
# Exercise 04.6
gated = r"""
__global__ void gated(const float* gate, const float* up, float* y, int n) {
    // ### BEGIN SOLUTION
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        float g = gate[i];
        y[i] = g / (1 + expf(-g)) * up[i];
    }
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("04.6")

# %% [markdown]
# Your kernel on the roofline, from the emulated GPU's own counts of bytes and FLOPs. It has no clock, so the mark is hollow:
# the most that it could reach on the H100.

# %%
if ready("04.6"):
    n = 4096
    g, u, y = (np.linspace(-4, 4, n, dtype=np.float32) for _ in range(3))
    report = emulate(gated, "gated", grid=16, block=256, args=[g, u, y, n])
    flops = measures(report)["flops"]
    moved = report.metrics["bytes_moved.read"] + report.metrics["bytes_moved.written"]
    roofline({"your gated": (flops / moved, None), "scale": (1 / 8, scale["flops"] / scale["seconds"])}, H100, "fp32")
    print(f"{flops:.0f} FLOP and {moved:.0f} bytes for {n} elements: {flops / moved:.2f} FLOP/byte")

# %% [markdown]
# ## 4 A time that is too good
#
# Nothing beats the floor. A time below it means that the work was not done, or that the bytes came from elsewhere.

# %% [markdown]
# {{card 04.7}}
# The recorded kernel `again` adds up 4,194,304 float32 (16.8 MB), 64 times over, in 155 µs. At which rate did it read, in TB/s
# (10¹² bytes/s)? And where did the bytes come from: `"HBM"`, `"L2"` or `"L1"`? (`served_by` is a string, with its quotes.)

# %% tags=["exercise"]
# Predict 04.7
terabytes_per_second = 6.96
served_by = "L2"

# %% tags=["check"]
check("04.7")

# %%
m = measures(reports["again"])
print(f"HBM moved {m['moved']:.1f} MB in all; L2 at {m['l2']:.0f} % of its peak, DRAM at {m['dram']:.0f} %")

# %% [markdown]
# So a benchmark needs inputs well above the L2 (50 MB here) or flushes it between runs, as `triton.testing.do_bench` does. And:
# warm up, take the median of many runs, alternate with what you compare to (clocks move), check the last output. If the real
# caller finds its input in L2, say so and measure that.
#
# ## 5 Little's law: enough under way
#
# A load from HBM takes its time, and the memory can work on very many at once. What must be **under way** to use the bandwidth
# is rate × time, as in any queue. One thread that follows a chain of pointers measures the time:

# %%
for place, seen in H100.latency.items():
    print(f"{place:8}{seen['cycles']:8.0f} cycles" + (f"{seen['ns']:8.0f} ns" if "ns" in seen else ""))

# %% [markdown]
# {{card 04.8}}
# 3.0 TB/s, 349 ns, 132 SMs. How many kB (10³ bytes) must be under way on each SM? How many warps is that if each lane has one
# 4-byte load under way, and how many with one 16-byte load? (An SM holds at most 64 warps. Fractions are fine.)

# %% tags=["exercise"]
# Predict 04.8
kilobytes_an_sm = 7.94
warps_with_one_float = 62
warps_with_one_float4 = 15.5

# %% tags=["check"]
check("04.8")

# %% [markdown]
# {{card 04.9}}
# `warps_needed(bandwidth, latency, sms, lane_bytes, loads)`: bytes/s, seconds, number of SMs, bytes that one load brings each
# lane, loads that a thread has under way at once. Returns the fewest warps **on one SM** that keep the memory busy, an int.
#
# `warps_needed(3.0e12, 350e-9, 132, 4, 1)` is 63 (62.1 rounded up), and with `loads=4` it is 16.


# %% tags=["exercise"]
# Exercise 04.9
def warps_needed(bandwidth, latency, sms, lane_bytes, loads):
    """Warps on an SM so that bandwidth × latency bytes are under way."""
    ### BEGIN SOLUTION
    under_way = bandwidth * latency / sms
    return ceil(under_way / (32 * lane_bytes * loads))
    ### END SOLUTION


# %% tags=["check"]
check("04.9")

# %% [markdown]
# Is it true? One kernel that reads, with 1 to 64 warps on each SM and 1 to 8 loads under way in each thread:

# %%
flight = figures("curves")["flight"]
fig, ax = plt.subplots(figsize=(7.5, 3.6))
for depth in (1, 2, 4, 8):
    rows = [row for row in flight if row["depth"] == depth]
    ax.plot([row["bytes in flight an SM"] / 1e3 for row in rows], [row["bandwidth"] / 1e12 for row in rows], "o-",
            label=f"{depth} loads a thread", markersize=4)  # fmt: skip
x = np.logspace(-1, 1.9, 50)
ax.plot(x, np.minimum(x * 1e3 * 132 / 349e-9, H100.read) / 1e12, ":", color="0.5", label="Little, 349 ns")
ax.set(xscale="log", xlabel="kB under way on each SM", ylabel="TB/s", title=f"reading, {H100.gpu}")
ax.legend(fontsize=9)
at = {(row["warps"], row["depth"]): row["bandwidth"] for row in flight}
print(f"16 warps with 8 loads each: {at[16, 8] / 1e12:.2f} TB/s; 64 warps with 1: {at[64, 1] / 1e12:.2f} TB/s")
assert at[16, 8] > at[64, 1]

# %% [markdown]
# The four curves lie on one: it does not matter whether bytes are under way because of many warps or of many loads a thread. 16
# warps (25 % occupancy) with 8 loads beat 64 warps (100 %) with one. The knee is soft, since latency grows with load: at the
# computed 8 kB two thirds are reached, and 90 % need 32 kB. Take the law as the least that is needed.
#
# ## 6 Occupancy
#
# The warps that may be on an SM at once are limited four ways. On the H100 (compute capability 9.0):
#
# | resource | on an SM | handed out |
# |---|---|---|
# | blocks | 32 | one by one |
# | warps | 64 | whole: 33 threads take 2 |
# | registers | 4 quarters of 16,384 | to a warp, all in one quarter: 32 × registers a thread, rounded up to a multiple of 256 |
# | shared memory | 233,472 bytes (228 KB) | to a block: what it asks for + 1024, rounded up to a multiple of 128 |
#
# A block enters when *all* of it fits. **Occupancy** is warps on the SM over 64. It is a means, never a goal: section 5 says how much of
# it you need.

# %% [markdown]
# {{card 04.10}}
# Blocks of 256 threads, no shared memory. How many **warps** are on an SM when a thread uses 64 registers, and how many when the
# compiler needs one more, 65?

# %% tags=["exercise"]
# Predict 04.10
warps_with_64 = 32
warps_with_65 = 24

# %% tags=["check"]
check("04.10")

# %% [markdown]
# {{card 04.11}}
# `blocks_on_an_sm(registers, threads, shared)`: registers a thread (1 to 255), threads a block (1 to 1024), bytes of shared
# memory a block (0 to 232,448). Returns how many such blocks an SM of the table above holds, an int; 0 if not even one fits.
#
# `blocks_on_an_sm(64, 256, 0)` is 4. `blocks_on_an_sm(32, 128, 20_000)` is 11: shared memory is the scarcest,
# 20,000 + 1024 round up to 21,120. Plain Python.
#
# It is compared with what CUDA said on an H100 (`cuOccupancyMaxActiveBlocksPerMultiprocessor`) for 780 launches of real kernels of 17 to
# 255 registers, and with the table's rules for a few whose warps are part-empty.


# %% tags=["exercise"]
# Exercise 04.11
def blocks_on_an_sm(registers, threads, shared):
    """Blocks that fit on an SM of an H100."""
    ### BEGIN SOLUTION
    warps = ceil(threads / 32)
    of_a_warp = ceil(registers * 32 / 256) * 256
    by_registers = 4 * (16384 // of_a_warp) // warps
    of_a_block = ceil((shared + 1024) / 128) * 128
    by_shared = 233472 // of_a_block
    return min(32, 64 // warps, by_registers, by_shared)
    ### END SOLUTION


# %% tags=["check"]
check("04.11")

# %%
if ready("04.11"):
    registers = np.arange(16, 256)
    fig, ax = plt.subplots(figsize=(7.5, 3))
    for threads in (128, 256, 1024):
        warps = [blocks_on_an_sm(int(r), threads, 0) * threads // 32 for r in registers]
        ax.step(registers, warps, where="post", label=f"{threads} threads a block")
    ax.set(xlabel="registers a thread", ylabel="warps on an SM", yticks=range(0, 65, 16))
    ax.legend(fontsize=9)

# %% [markdown]
# Cliffs, and the larger the block, the deeper: with 1024 threads the 33rd register halves the warps and the 65th leaves none.
# `__launch_bounds__(threads, blocks)` asks the compiler to stay above a cliff. How many registers does that leave it?

# %% [markdown]
# {{card 04.12}}
# `most_registers(threads, blocks)`: the most registers a thread may use (at most 255) so that `blocks` blocks of `threads` threads
# fit on an SM, no shared memory. Pairs that fit for no number of registers are not asked.
#
# `most_registers(256, 4)` is 64, `most_registers(1024, 1)` is 64, `most_registers(128, 2)` is 255.
# You may call your `blocks_on_an_sm`.


# %% tags=["exercise"]
# Exercise 04.12
def most_registers(threads, blocks):
    """What __launch_bounds__(threads, blocks) leaves a thread."""
    ### BEGIN SOLUTION
    in_a_quarter = ceil(blocks * ceil(threads / 32) / 4)
    return min(255, 16384 // in_a_quarter // 256 * 8)
    ### END SOLUTION


# %% tags=["check"]
check("04.12")

# %% [markdown]
# **Why not simply 100 %?** Fewer registers a thread mean fewer values kept, fewer loads under way, and at worst spills to memory. The
# fastest matrix products run at 12 to 25 % on purpose: their many registers *are* the bytes under way and the reuse.
#
# ## 7 Waves and tails
#
# A GPU holds so many blocks at once and takes the rest as places become free. Blocks that take equally long therefore run in
# **waves**. Here every block has 1024 threads and 120 KB of shared memory, so an SM holds one; the GPU has 132.

# %% [markdown]
# {{card 04.13}}
# Each block does the same work. How many times as long as 132 blocks do 133 take? And how many times as long as 33 blocks do 132?

# %% tags=["exercise"]
# Predict 04.13
ratio_133_to_132 = 1.89
ratio_132_to_33 = 1.0

# %% tags=["check"]
check("04.13")

# %%
curves = figures("curves")["waves"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3))
for ax, (name, rows), slots in ((left, list(curves.items())[0], 132), (right, list(curves.items())[1], 1056)):
    blocks, seconds = np.array(rows).T
    ax.plot(blocks, seconds * 1e6, "o-", markersize=3)
    for edge in range(slots, int(blocks[-1]) + 1, slots):
        ax.axvline(edge, color="0.5", linewidth=0.8, linestyle=":")
    ax.set(xlabel="blocks", ylabel="µs", ylim=(0, None), title=name)

# %% [markdown]
# Left, a staircase: the 133rd block costs as much as the first 132. Right, eight small blocks on an SM: the steps are still
# there, an eighth as high, because an SM that has fewer blocks runs each of them faster. Two losses to work out for any tiling:

# %% [markdown]
# {{card 04.14}}
# `efficiencies(M, N, tile_m, tile_n, per_sm, sms)`: an M × N result is cut into tiles of tile_m × tile_n, one block each (partial tiles
# at the edges cost as much as whole ones); an SM holds `per_sm` blocks at once and there are `sms` SMs. Returns two floats:
#
# - `tile`: useful part of what the tiles compute;
# - `wave`: blocks over the places in all waves, the last one counted in full.
#
# `efficiencies(2048, 2048, 128, 256, 1, 132)`: 128 tiles, `(1.0, 0.9697)`. `efficiencies(16, 4096, 128, 256, 1, 132)`: 16 tiles,
# `(0.125, 0.1212)`.


# %% tags=["exercise"]
# Exercise 04.14
def efficiencies(M, N, tile_m, tile_n, per_sm, sms):
    """What partial tiles and a partial last wave leave."""
    ### BEGIN SOLUTION
    tiles = ceil(M / tile_m) * ceil(N / tile_n)
    places = ceil(tiles / (per_sm * sms)) * per_sm * sms
    return M * N / (tiles * tile_m * tile_n), tiles / places
    ### END SOLUTION


# %% tags=["check"]
check("04.14")

# %%
if ready("04.14"):
    sizes = np.arange(512, 8193, 64)
    both = [np.prod(efficiencies(int(n), int(n), 128, 256, 1, 132)) for n in sizes]
    fig, ax = plt.subplots(figsize=(7.5, 2.6))
    ax.plot(sizes, both, linewidth=1.2)
    ax.set(xlabel="n of an n × n result", ylabel="at most", ylim=(0, 1), title="tiles of 128 × 256 on 132 SMs")

# %% [markdown]
# Uneven blocks make it worse: sequences in a batch have different lengths, and the longest one is a tail of its own. The remedy:
# launch as many blocks as fit at once, and let each **take the next piece when it has finished one**. A counter in
# global memory is the ticket machine: `atomicAdd(next, 1)` returns the old value, a number nobody else gets.

# %%
rng = np.random.default_rng(3)
lengths = rng.pareto(1.5, 60) * 20 + 5
ends = {"dealt out beforehand": np.zeros(8), "next one, please": np.zeros(8)}
fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.4), sharex=True)
for ax, (name, busy) in zip(axes, ends.items(), strict=True):
    for i, length in enumerate(lengths):
        worker = i % 8 if name.startswith("dealt") else int(busy.argmin())
        ax.barh(worker, length, left=busy[worker], height=0.8, color=f"C{i % 6}", alpha=0.6)
        busy[worker] += length
    ax.set(title=f"{name}: {busy.max():.0f}", xlabel="time", yticks=[])
    ax.grid(False)

# %% [markdown]
# {{card 04.15}}
# `ragged(const float* x, const int* starts, float* sums, int* next, int rows)`: row r is x[starts[r]] up to, not including,
# x[starts[r + 1]] (it may be empty: its sum is 0). sums[r] is its sum. `*next` is 0 at the start.
#
# Launched with fewer blocks than rows as a rule (1 to 8 blocks of 128 threads, 1 to 29 rows), sometimes with more. A block draws a row
# with `atomicAdd(next, 1)`, sums it with all its threads, and draws again until the number is `rows` or more. So at the end `*next` is
# `rows` + the number of blocks.
#
# x = [1, 2, 3], starts = [0, 1, 1, 3] gives sums = [1, 0, 5]. Budget: one draw a row, and one more for each block.

# %% tags=["exercise"]
# Exercise 04.15
ragged = r"""
__global__ void ragged(const float* x, const int* starts, float* sums, int* next, int rows) {
    // ### BEGIN SOLUTION
    __shared__ int row;
    __shared__ float part[4];
    int t = threadIdx.x;
    while (true) {
        if (t == 0) row = atomicAdd(next, 1);
        __syncthreads();
        int r = row;
        if (r >= rows) return;
        float s = 0;
        for (int i = starts[r] + t; i < starts[r + 1]; i += 128) s += x[i];
        for (int d = 16; d > 0; d /= 2) s += __shfl_down_sync(~0u, s, d);
        if (t % 32 == 0) part[t / 32] = s;
        __syncthreads();
        if (t == 0) sums[r] = part[0] + part[1] + part[2] + part[3];
    }
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("04.15")

# %% [markdown]
# **Where is the barrier between the last read of `part` and the next write to it?** Thread 0 reads `part` while faster warps are
# already in the next turn; but they cannot write `part` before the first barrier of that turn, which thread 0 has to reach
# too. The emulated GPU checks exactly this.
#
# ## 8 Divergence
#
# A warp has one instruction stream. Where its lanes want different ways, the ways are run one after the other, with the other lanes
# switched off. Nsight Compute's figure for it is the number of active threads an instruction (`smsp__thread_inst_executed_per_inst_executed`);
# here it is called **lanes**, of 32. The kernel below picks one of eight loops by `i / by % 8`:

# %%
loops = "\n".join(
    f"    {'else ' if w else ''}if (way == {w}) for (int k = 0; k < steps; ++k) v = 0.9{w + 1}f * v + 0.{w + 1}f;"
    for w in range(8))  # fmt: skip
ways = f"""
__global__ void ways(const float* x, float* y, int steps, int by) {{
    int i = threadIdx.x, way = i / by % 8;
    float v = x[i];
{loops}
    y[i] = v;
}}"""
print(ways)

# %% [markdown]
# {{card 04.16}}
# One block of 256 threads, many steps. How many lanes are active in an average instruction with `by = 1`, and how many with `by = 32`?
# And on the H100, in a kernel of this kind: how many times as long does it take when the lanes of each warp go eight ways
# instead of one?

# %% tags=["exercise"]
# Predict 04.16
lanes_by_thread = 4
lanes_by_warp = 32
times_slower = 7

# %% tags=["check"]
check("04.16")

# %%
x = np.linspace(-1, 1, 256, dtype=np.float32)
for by in (1, 4, 32):
    seen = emulate(ways, "ways", grid=1, block=256, args=[x, np.zeros_like(x), 256, by])
    print(
        f"by = {by:2}: {seen.metrics['smsp__thread_inst_executed_per_inst_executed.ratio']:5.1f} lanes, "
        f"{seen.metrics['smsp__inst_executed.sum']:,} warp instructions (emulated)"
    )
curve = figures("curves")["ways"]
print("H100, ways: times as long  ", {n: round(s / curve[0][1], 1) for n, s in curve})

# %% [markdown]
# So the question at an `if` is never "does it branch?" but "do lanes *of one warp* part, and for how long?" Two remedies. The first: when
# the ways differ only in numbers, choose the numbers and run one way. Here is a kernel that does not:

# %%
parted = r"""
__global__ void bent(const float* x, float* y, int steps, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float v = x[i];
    if (v < 0) {
        for (int k = 0; k < steps; ++k) v = 0.95f * v + 0.1f;
    } else {
        for (int k = 0; k < steps; ++k) v = 0.90f * v - 0.2f;
    }
    y[i] = v;
}"""
x = np.random.default_rng(0).standard_normal(1009).astype(np.float32)
annotate(emulate(parted, "bent", grid=8, block=128, args=[x, np.zeros_like(x), 40, 1009]))

# %% [markdown]
# {{card 04.17}}
# `bent(const float* x, float* y, int steps, int n)`: the same results as the kernel above, with about half of its instructions. Launched
# with ⌈n / 128⌉ blocks of 128 threads, steps = 40, n from 1 to 1009. Start from a copy of it.
#
# The sign of x[i] decides once, not anew in each step. x = [−1, 1], steps = 1 gives y = [−0.85, 0.7].
# Budget: 125 instructions a warp (the kernel above takes about 180).

# %% tags=["exercise"]
# Exercise 04.17
bent = r"""
__global__ void bent(const float* x, float* y, int steps, int n) {
    // ### BEGIN SOLUTION
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        float v = x[i], a = v < 0 ? 0.95f : 0.90f, b = v < 0 ? 0.1f : -0.2f;
        for (int k = 0; k < steps; ++k) v = a * v + b;
        y[i] = v;
    }
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("04.17")

# %% [markdown]
# The second remedy is for ways that differ in *work*: a rare, slow way that a lane or two of each warp take. Below, one element in
# 12 is far from 0 and goes through 64 slow steps. Look at the lanes:

# %%
slow = r"""
__device__ float slow(float v) {
    for (int k = 0; k < 64; ++k) v = 0.97f * v + 0.01f / (1.f + v * v);
    return v;
}"""
scattered = (
    slow
    + r"""
__global__ void outliers(const float* x, float* y, int n) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= n) return;
    float v = x[i];
    if (fabsf(v) > 3.f) y[i] = slow(v);
    else                y[i] = 0.5f * v;
}"""
)
rng = np.random.default_rng(0)
x = np.where(rng.random(2048) < 1 / 12, 4.5, rng.uniform(-2.9, 2.9, 2048)).astype(np.float32)
report = emulate(scattered, "outliers", grid=8, block=256, args=[x, np.zeros_like(x), 2048])
print("far from 0:", int((abs(x) > 3).sum()), "of 2048")
report

# %% [markdown]
# {{card 04.18}}
# `outliers(const float* x, float* y, int n)`: the same results as the kernel above: y[i] = slow(x[i]) where |x[i]| > 3, else 0.5·x[i].
# Launched with ⌈n / 256⌉ blocks of 256 threads, n from 1 to 2048; all elements may be far, or none.
#
# Let a block collect the indices of its far elements in shared memory, then let its first threads work through them. `slow` is given in the
# cell: keep it.
#
# Budget: 1300 warp instructions a block at n = 2048 (the kernel above takes about 1800 with data of this kind).

# %% tags=["exercise"]
# Exercise 04.18
outliers = r"""
__device__ float slow(float v) {
    for (int k = 0; k < 64; ++k) v = 0.97f * v + 0.01f / (1.f + v * v);
    return v;
}
__global__ void outliers(const float* x, float* y, int n) {
    // ### BEGIN SOLUTION
    __shared__ int queue[256], count;
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    if (t == 0) count = 0;
    __syncthreads();
    if (i < n) {
        float v = x[i];
        if (fabsf(v) > 3.f) queue[atomicAdd(&count, 1)] = i;
        else                y[i] = 0.5f * v;
    }
    __syncthreads();
    if (t < count) y[queue[t]] = slow(x[queue[t]]);
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("04.18")

# %% [markdown]
# ## 9 The instruction mix
#
# FLOP/s is one ceiling of several. Each kind of instruction has its own pipe with its own rate. On an SM of the H100, lanes a cycle (CUDA
# C++ programming guide, throughput of native arithmetic instructions, compute capability 9.0): 128 FP32 FMA, multiply, add;
# 64 FP64; 64 integer; **16** of the special-function unit, which does exp, log, sin, 1/x, 1/√x (`XU` in Nsight Compute, MUFU in the machine code).

# %% [markdown]
# {{card 04.19}}
# `pipe_floor(work, rates, sms, clock)`: `work` is a dict, pipe → operations of all lanes together (a float); `rates` is a dict, pipe →
# operations that **one SM** does in a cycle (it may name more pipes than `work`); number of SMs; cycles a second. The pipes work side
# by side. Returns `(seconds, pipe)`: the time of the busiest pipe, and its name.
#
# `pipe_floor({"fma": 2.56e11, "xu": 6.4e10}, {"fma": 128, "xu": 16}, 100, 1e9)` is `(0.04, "xu")`: 20 ms against 40.


# %% tags=["exercise"]
# Exercise 04.19
def pipe_floor(work, rates, sms, clock):
    """The busiest pipe, and how long it takes."""
    ### BEGIN SOLUTION
    times = {name: count / (rates[name] * sms * clock) for name, count in work.items()}
    busiest = max(times, key=times.get)
    return times[busiest], busiest
    ### END SOLUTION


# %% tags=["check"]
check("04.19")

# %%
rates = {"fma": 128, "alu": 64, "xu": 16, "fp64": 64}
if ready("04.19"):
    n = 2**24
    for name, work in (("poly", {"fma": 512 * n}), ("gauss", {"fma": 128 * n, "xu": 64 * n})):
        seconds, pipe = pipe_floor(work, rates, 132, 1.98e9)
        m, took = measures(reports[name]), reports[name]["seconds"]
        print(
            f"{name:6} floor {seconds * 1e6:4.0f} µs by {pipe}; measured {took * 1e6:4.0f} µs; "
            f"Nsight Compute: fma {m['fma']:.0f} %, xu {m['xu']:.0f} %"
        )

# %% [markdown]
# `gauss` sums 64 exponentials at each point. It is at 20 % of the FP32 roofline, and done: the XU pipe is at 99 %. With head
# dimension 128 flash attention spends about half as long on exponentials as on its products, which is why FlashAttention-4
# computes a part of them with polynomials on the FMA pipe (arXiv 2603.05451).
#
# ## 10 Launches, and what is worth doing
#
# A kernel must be asked for. On the machine of the record (a virtual machine with one H100):

# %%
few = reports["few"]
for what, seconds in [("an empty kernel, back to back from a loop", H100.launch), ("the same, waited for each time", H100.wait),
                      ("torch's x.add_(1) on one element", H100.operator), ("an empty kernel in a CUDA graph", H100.graph),
                      ("y += a·x for 10,000 elements, in a graph", few["replayed"])]:  # fmt: skip
    print(f"{what:44}{seconds * 1e6:6.2f} µs")

# %% [markdown]
# {{card 04.20}}
# A decode step of 400 small operators. The host needs 6.8 µs to send each of them through torch; the GPU needs 1.6 µs for each, its
# start included. How many milliseconds does the step take when it is sent operator by operator, and how many as one CUDA graph (whose own
# launch is left out)?

# %% tags=["exercise"]
# Predict 04.20
milliseconds_eager = 2.73
milliseconds_graph = 0.66

# %% tags=["check"]
check("04.20")

# %% [markdown]
# Here a kernel twice as fast would change *nothing*. Which brings up the question before all others: is this kernel worth the time? **Amdahl's law**: if a
# share p of the time is made s times as fast, the whole becomes 1 / ((1 − p) + p / s) times as fast.


# %%
def speedup(p, s):
    return 1 / ((1 - p) + p / s)


for p in (0.05, 0.3, 0.8):
    print(f"share {p:4.0%}: twice as fast gains {speedup(p, 2):.2f}, infinitely fast {speedup(p, 1e9):.2f}")
assert round(speedup(0.05, 1e9), 2) == 1.05

# %% [markdown]
# {{card 04.21}}
# `best_plan(steps, changes, days)`: `steps` is a dict, step → milliseconds. `changes` is a list of `(step, factor, days)`: after that
# many days of work the step is `factor` times as fast. Two changes of one step multiply. Choose any of the changes whose
# days add up to at most `days`; return the least total time in ms that can be reached (all steps added up).
#
# `best_plan({"a": 8.0, "b": 2.0}, [("a", 2.0, 5), ("b", 4.0, 2), ("a", 1.25, 3)], 5)` is 6.0: the first one alone saves 4.0 ms, the
# other two 1.6 + 1.5. There are at most 7 changes. Plain Python; `combinations` is imported.


# %% tags=["exercise"]
# Exercise 04.21
def best_plan(steps, changes, days):
    """The least total time that fits into the days."""
    ### BEGIN SOLUTION
    best = sum(steps.values())
    for count in range(len(changes) + 1):
        for chosen in combinations(changes, count):
            if sum(cost for _, _, cost in chosen) > days:
                continue
            left = dict(steps)
            for step, factor, _ in chosen:
                left[step] /= factor
            best = min(best, sum(left.values()))
    return best
    ### END SOLUTION


# %% tags=["check"]
check("04.21")

# %% [markdown]
# ## 11 Reading a report
#
# Nsight Compute runs a kernel dozens of times and counts some two thousand things. Here are the two dozen that decide, of eight kernels
# profiled on the H100. Percentages are of what the unit can sustain.
#
# | name here | what it is | Nsight Compute |
# |---|---|---|
# | us | duration, µs | `gpu__time_duration` |
# | memory, compute | the busiest unit on each side, % | Speed Of Light: Memory, Compute (SM) Throughput |
# | dram, l2, l1 | each level, % | DRAM, L2, L1/TEX Throughput |
# | moved, needed | MB through the HBM; MB that the task needs | `dram__bytes_read` + `_write`; from you |
# | sectors | 32-byte sectors a global load | `l1tex__t_sectors` / `requests` |
# | conflicts | share of shared-memory wavefronts, % | bank conflicts / wavefronts |
# | local | share of L1's sectors that are local memory, % | `…_mem_local_…` |
# | atomics | atomics for 100 global loads | `…_op_red` + `_atom` |
# | fma, xu, issue | pipes and issue slots, % | Compute Workload Analysis |
# | lanes | active lanes an instruction, of 32 | Avg. Active Threads Per Warp |
# | occupancy, waves | achieved, %; grid / what fits at once | Occupancy; Launch Statistics |
# | busy | time that an average SM has work, % | `sm__cycles_active.avg` / `elapsed.max` |
# | stall | what warps wait for most | Warp State Statistics |

# %%
ROWS = ("us", "memory", "compute", "dram", "l2", "l1", "moved", "needed", "sectors", "conflicts", "atomics", "fma", "xu",
        "lanes", "occupancy", "waves", "busy", "stall")  # fmt: skip


def table(*names):
    for name in names:
        print(f"{name:8}{reports[name]['what']}")
    print("\n" + " " * 10 + "".join(f"{name:>18}" for name in names))
    seen = [measures(reports[name]) for name in names]
    for row in ROWS:
        cells = (m[row] if isinstance(m[row], str) else f"{m[row]:,.1f}" for m in seen)
        print(f"{row:10}" + "".join(f"{cell:>18}" for cell in cells))


table("scale", "field", "turn", "walk")

# %% [markdown]
# {{card 04.22}}
# What limits each of the four? Choose from `"launch"`, `"tail"`, `"divergence"`, `"special functions"`, `"compute"`,
# `"local memory"`, `"bank conflicts"`, `"L2"`, `"wasted bytes"`, `"memory"` (at its floor), `"barrier"`, `"atomics"`,
# `"latency"` (too little under way). Strings, with quotes: `scale_is = "..."`.

# %% tags=["exercise"]
# Predict 04.22
scale_is = "memory"
field_is = "wasted bytes"
turn_is = "bank conflicts"
walk_is = "latency"

# %% tags=["check"]
check("04.22")

# %% [markdown]
# Now the sources: is what you named in them?

# %%
print(reports["field"]["source"], reports["walk"]["source"], sep="\n\n")

# %%
table("choose", "rounds", "tally", "gauss")

# %% [markdown]
# {{card 04.23}}
# And these four? The same thirteen choices.

# %% tags=["exercise"]
# Predict 04.23
choose_is = "divergence"
rounds_is = "tail"
tally_is = "atomics"
gauss_is = "special functions"

# %% tags=["check"]
check("04.23")

# %% [markdown]
# A trap in each half: `field` has its memory at 92 % and four times too many bytes; `choose` has its pipes at 95 % and a sixth of
# its lanes. **A percentage of peak says how busy, not how useful.** What Nsight Compute itself says of `field`:

# %%
for said in reports["field"]["rules"]:
    if said["rule"] in ("SOLBottleneck", "MemoryCacheAccessPattern"):
        print(f"{said['rule']}: {said['says'][:210]} ...\n")

# %% [markdown]
# The first rule congratulates; the second has the truth. Read to the end. And then go through the same list every time, what spoils
# other figures first:
#
# | | if | then it is |
# |---|---|---|
# | 1 | us < 5 and waves < 1 | launch |
# | 2 | busy < 80 | tail |
# | 3 | the higher of compute and memory is ≥ 60, and compute ≥ memory: | |
# | | lanes < 24 | divergence |
# | | else xu ≥ 80 | special functions |
# | | else | compute |
# | 4 | the higher of the two is ≥ 60, and memory > compute: | |
# | | local ≥ 20 | local memory |
# | | else l1 ≥ both l2 and dram, and conflicts ≥ 20 | bank conflicts |
# | | else dram < 60 | L2 |
# | | else moved ≥ 1.3 × needed | wasted bytes |
# | | else | memory |
# | 5 | neither is ≥ 60: | |
# | | stall is "barrier" | barrier |
# | | else atomics ≥ 10 | atomics |
# | | else | latency |

# %% [markdown]
# {{card 04.24}}
# `diagnose(m)`: `m` is a dict with the names of the table in this section (numbers; `m["stall"]` is a string). Returns the limit, one of the
# thirteen strings, by the checklist above.
#
# `diagnose(measures(reports["scale"]))` is `"memory"`. Tried on 14 recorded kernels, the five stages of the boss, and some made-up ones, all with a
# little noise. Off limits: `headroom` and its module, which do the same.


# %% tags=["exercise"]
# Exercise 04.24
def diagnose(m):
    """What limits a kernel, from the figures of its report."""
    ### BEGIN SOLUTION
    if m["us"] < 5 and m["waves"] < 1:
        return "launch"
    if m["busy"] < 80:
        return "tail"
    high = max(m["compute"], m["memory"]) >= 60
    if high and m["compute"] >= m["memory"]:
        return "divergence" if m["lanes"] < 24 else "special functions" if m["xu"] >= 80 else "compute"
    if high:
        if m["local"] >= 20:
            return "local memory"
        if m["l1"] >= max(m["l2"], m["dram"]) and m["conflicts"] >= 20:
            return "bank conflicts"
        if m["dram"] < 60:
            return "L2"
        return "wasted bytes" if m["moved"] >= 1.3 * m["needed"] else "memory"
    if m["stall"] == "barrier":
        return "barrier"
    return "atomics" if m["atomics"] >= 10 else "latency"
    ### END SOLUTION


# %% tags=["check"]
check("04.24")

# %%
if ready("04.24"):
    for name, one in reports.items():
        print(f"{name:8}{diagnose(measures(one)):20}{one['what']}")

# %% [markdown]
# ## 12 The report that you hand over
#
# `headroom` puts the chapter on one card: floor, achieved share, limit, evidence, next. It takes a recorded report, or one from the emulated
# GPU, which has counters but no clock.

# %%
headroom(reports["thin"])

# %%
if ready("04.6"):
    n = 4096
    g, u, y = (np.linspace(-4, 4, n, dtype=np.float32) for _ in range(3))
    print(headroom(emulate(gated, "gated", grid=16, block=256, args=[g, u, y, n]), needed=12 * n))

# %% [markdown]
# **When to stop.** At 85 to 90 % of the floor set by *measured* ceilings; or when what is left, times the kernel's share of the run, is worth less than your
# days. Then change the algorithm (fuse, narrow the format, skip work) or leave. Say which of the two, and the number.
#
# ## 13 Ladder and boss
#
# Before an FP8 matrix product an operand is scaled, transposed and clamped, and the largest |x| is kept for the next step's scale. This
# kernel does it (the cast itself left out), rightly, at a tenth of the possible speed. `amax` holds a float's bits: those of numbers ≥ 0 compare like
# integers (chapter 01).

# %%
planted = r"""
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
}"""
x = np.random.default_rng(0).standard_normal((128, 64)).astype(np.float32)
args = [x, np.zeros((64, 128), np.float32), np.zeros(1, np.int32), np.float32(0.01), 128, 64]
annotate(emulate(planted, "scale_transpose", grid=(2, 4), block=(32, 8), args=args))

# %% [markdown]
# What Nsight Compute says of it on the H100, 8192 × 8192, in your table's terms:

# %%
stages = figures("boss")
m = measures(stages[0])
print(f"{stages[0]['seconds'] * 1e6:.0f} µs;", ", ".join(f"{row} {m[row]}" for row in ROWS if row != "us"))

# %% [markdown]
# {{card 04.25}}
# Three mistakes: an **atomic** for every element, a tile that is read with **bank conflicts**, arithmetic in **doubles**. It takes 1932 µs. Which do you mend
# first: `"atomics"`, `"bank conflicts"` or `"doubles"`? How many times as fast is it if *only* the bank conflicts are mended? And how many
# times as fast with all three mended?

# %% tags=["exercise"]
# Predict 04.25
first = "atomics"
gain_of_conflicts_alone = 1.0
gain_of_all = 9.6

# %% tags=["check"]
check("04.25")

# %%
found = figures("scale_transpose")
copy = next(row["torch copy"] for row in found if "torch copy" in row)
order = [("element", True, True), ("warp", True, True), ("block", True, True), ("block", False, True),
         ("block", False, False)]  # fmt: skip
names = ["as planted", "an atomic a warp", "an atomic a block", "+ no conflicts", "+ no doubles"]
seconds = [next(row["seconds"] for row in found if tuple(row.values())[:3] == one) for one in order]
fig, ax = plt.subplots(figsize=(7.5, 2.6))
ax.barh(
    [*names, "torch's copy"][::-1], [1e6 * s for s in [*seconds, copy]][::-1], color=["0.55"] + ["C0"] * 5, alpha=0.7
)
for y, s in enumerate([*seconds, copy][::-1]):
    ax.text(s * 1e6 + 15, y, f"{s * 1e6:.0f} µs, {537e6 / s / 1e12:.2f} TB/s", va="center", fontsize=9)
ax.axvline(536.9e6 / H100.copy * 1e6, color="C4", linewidth=1, linestyle=":")
_ = ax.set(xlim=(0, 2400), xlabel=f"µs, 8192 × 8192 float32, {H100.gpu}; dotted: the floor")
ax.grid(False)

# %%
each = {tuple(row.values())[:3]: row["seconds"] for row in found if "seconds" in row}
for label, one in (("only the conflicts mended", ("element", False, True)), ("only the doubles mended", ("element", True, False)),
                   ("both, the atomics left", ("element", False, False))):  # fmt: skip
    print(f"{label:28}{each[one] * 1e6:7.0f} µs")
    assert abs(each[one] / each["element", True, True] - 1) < 0.01

# %% [markdown]
# Two right changes, and not a microsecond gained: they would have been thrown away. Each stage's own limit says what comes next:

# %%
for name, one in zip(names, stages, strict=True):
    print(f"{name:20}", headroom(one).title)

# %% [markdown]
# {{card 04.26}}
# `scale_transpose(const float* x, float* y, int* amax, float scale, int rows, int cols)`: x is rows × cols, y is cols × rows,
# y[c][r] = x[r][c] / scale, clamped to ±448. `*amax` holds the bits of a float ≥ 0 when the kernel starts; at the end it holds the bits of the larger of that
# and the largest |x|. Any rows, cols > 0 (1 to 128 here). Launched with a grid of (⌈cols / 32⌉, ⌈rows / 32⌉) blocks of 32 × 8
# threads. Start from a copy of `planted`.
#
# x = [[1, −3]], scale = 0.01 gives y = [[100], [−300]]; with `*amax` 0 before, it is 3.0's bits after.
# Budget: one global atomic a block; no bank conflict; no instruction in double precision; loads and stores at 4 sectors a request where rows and
# cols are multiples of 32; bytes moved ≤ 1.05 × x and y once.

# %% tags=["exercise"]
# Exercise 04.26
scale_transpose = r"""
__global__ void scale_transpose(const float* x, float* y, int* amax, float scale, int rows, int cols) {
    // ### BEGIN SOLUTION
    __shared__ float tile[32][33];
    __shared__ int of_warp[8];
    int lane = threadIdx.x, warp = threadIdx.y, most = 0;
    int r0 = blockIdx.y * 32, c0 = blockIdx.x * 32;
    for (int k = warp; k < 32; k += 8)
        if (r0 + k < rows && c0 + lane < cols) {
            float v = tile[k][lane] = x[(r0 + k) * cols + c0 + lane];
            most = max(most, __float_as_int(fabsf(v)));
        }
    most = __reduce_max_sync(~0u, most);
    if (lane == 0) of_warp[warp] = most;
    __syncthreads();
    if (lane == 0 && warp == 0) {
        for (int w = 1; w < 8; ++w) most = max(most, of_warp[w]);
        atomicMax(amax, most);
    }
    float inverse = 1.f / scale;
    for (int k = warp; k < 32; k += 8)
        if (c0 + k < cols && r0 + lane < rows)
            y[(c0 + k) * rows + r0 + lane] = fminf(fmaxf(tile[lane][k] * inverse, -448.f), 448.f);
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("04.26")

# %% [markdown]
# ## Interview corner
# {{questions}}

# %% [markdown]
# ## Recap
#
# | question | figure | rule |
# |---|---|---|
# | how fast can it be? | max(bytes / bandwidth, FLOP / peak) | measured ceilings, dense peak |
# | which side? | FLOP/byte against the ridge | H100: 21 in FP32, 243 in BF16 |
# | enough under way? | warps × 32 × bytes × loads | ≥ bandwidth × latency / SMs: 8 kB an SM at least |
# | what limits the warps? | registers, shared memory, warps, blocks | each in its own unit |
# | all SMs busy? | waves; tile efficiency | whole waves, or draw the next piece |
# | all lanes busy? | lanes of 32 | one way a warp |
# | which pipe? | operations / rate | XU: 16 a cycle and SM |
# | worth it? | share of the run | 1 / ((1 − p) + p / s) |
# | done? | floor / time | ≥ 0.85: stop, or lower the floor |

# %%
assert round(H100.ridge("fp32")) == 21 and round(H100.ridge("bf16")) == 243
assert 7.5e3 < H100.copy * H100.latency["HBM"]["ns"] * 1e-9 / 132 < 8.5e3
print("the recap agrees with the record")

# %% [markdown]
# **Read next.** S. Williams, A. Waterman, D. Patterson, *Roofline: an insightful visual performance model* (2009) · V. Volkov, *Better performance at lower
# occupancy* (GTC 2010), which section 5 repeats on an H100 · NVIDIA, *Matrix Multiplication Background*, on tile and wave quantization ·
# Nsight Compute's Profiling Guide, chapters Metrics Guide and Warp State · Stream-K, arXiv 2301.03598.
#
# In your notebook: `progress()` shows what is open. Chapter 05 asks when not to write the kernel at all.
