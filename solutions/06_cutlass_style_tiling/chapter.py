# %% [markdown]
# # 06 CUTLASS-style tiling
#
# "Write a matrix product and make it fast" is the longest-lived question in GPU interviews: 22 of 181 recorded interviews
# ask for it in some form (public collection caomaolufei/AIInfraGuide, `docs/interview`, commit 604ab61). The follow-up is
# always the same: *what does CUTLASS do that you do not?* The answer is one idea used at four sizes, and an algebra that keeps the
# index arithmetic of all four honest.
#
# In this chapter you write both: the product, from 0.06 FLOPs a byte on CUDA cores to tensor cores fed by TMA, and CuTe's layout algebra, in plain Python.

# %% [markdown]
# **After this chapter (about 13 hours; sittings: sections 1-2, 3-7, 8-12, 13, 14-15, 16-17, 18-21; a section needs those before it only where it names them) you can**
#
# - say what a BM × BN tile loads, and predict the FLOPs a byte of any tiling before you count them;
# - name the levels of a CUTLASS kernel, 2.x and 3.x, and work out warps, registers and instructions from three shapes;
# - write CuTe's layout algebra: coordinates, coalesce, composition, complement, divide, product, thread-value layouts, swizzle;
# - write SGEMM from naive to vectorized register tiles, any m, n, k, each step with the counter that it moves;
# - choose a tile size from registers, shared memory and waves;
# - say which lane holds what in `mma.sync`, and write a tensor-core product with `ldmatrix` and a swizzle, without bank conflicts;
# - write a Triton product for any shape and strides, with grouped order, fused epilogue and split-K, and read in the compiled code what stages and warps became;
# - make it persistent, and choose a tile within 5 % of exhaustive search on shapes that you have not timed;
# - write both sides of a TMA and mbarrier pipeline, read it in compiled Gluon, and say what FP8 accumulation loses and what promotion costs.
#
# CUDA C++ runs on the course's emulated GPU, which counts what Nsight Compute counts and has no clock. Triton runs in its interpreter and is compiled for
# an H100; Gluon is compiled. Times are from an H100 and say so.

# %% tags=["setup"]
import sys
from pathlib import Path

home = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "study").is_file()), None)
assert home, "Open this notebook with ./study lab, or from a folder inside the course."
sys.path.insert(0, str(home))

import numpy as np
import torch

from utils import annotate, banks, check, compare, emulate, hint, layouts, progress, ready, reset, reveal, sectors
from utils import pyplot as plt
from utils.triton_or_not import tl, triton


def product(source, m, n, k, tile, block):
    """Runs C = A · B on the emulated GPU, a block for each tile (rows, columns) of C."""
    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    C = np.zeros((m, n), np.float32)
    grid = -(-n // tile[1]), -(-m // tile[0])
    report = emulate(source, "sgemm", grid, block, [A, B, C, m, n, k])
    assert np.allclose(C, A @ B, atol=1e-3) and not report.faults
    return report


def intensity(report):
    """FLOPs for each byte that was loaded from global memory."""
    fma = report.metrics["smsp__sass_thread_inst_executed_op_ffma_pred_on.sum"]
    return 2 * fma / report.metrics["bytes_moved.read"]

# %% [markdown]
# ## 1 Why tile
#
# C = A · B, with A of m rows and k columns, B of k rows and n columns, all float32 and row-major. Each element of C is a sum of k products:
# m·n·k multiply-adds, or **2·m·n·k FLOPs**. A and B together are only 4·(m·k + k·n) bytes. For m = n = k = 4096 that is 1024 FLOPs
# for each byte of input: plenty of work for little data. If each byte came in once.
#
# Here is the product as one writes it first. A block is 32 × 8 threads:

# %%
naive = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    int i = blockIdx.y * 32 + threadIdx.x, j = blockIdx.x * 8 + threadIdx.y;
    if (i >= m || j >= n) return;
    float sum = 0;
    for (int p = 0; p < k; ++p) sum += A[i * k + p] * B[p * n + j];
    C[i * n + j] = sum;
}"""

# %% [markdown]
# {{card 06.1}}
# Look at one warp (32 threads, neighbours in `threadIdx.x`) in one turn of the loop, m = n = k = 64. How many 32-byte sectors does its
# request for `A[i * k + p]` take (`sectors_of_a`), and that for `B[p * n + j]` (`sectors_of_b`)? And how many FLOPs does the warp do
# for each byte these two move (`flops_per_byte`, to 2 %)?

# %% tags=["exercise"]
# Predict 06.1
sectors_of_a = 32
sectors_of_b = 1
flops_per_byte = 0.0606

# %% tags=["check"]
check("06.1")

# %%
before = product(naive, 64, 64, 64, (32, 8), (32, 8))
once = 2 * 64**3 / (4 * 2 * 64 * 64)
print(f"{intensity(before):.3f} FLOPs a byte; with the inputs read once it would be {once:.0f}")
annotate(before)

# %% [markdown]
# 33 sectors for 32 multiply-adds. And here is what the request for A looks like, 32 lanes in 32 rows:

# %%
sectors(next(access for access in before.accesses if access.array == "A"))

# %% [markdown]
# On a GPU the L1 cache catches some of it: the other seven floats of each sector are wanted in the next seven turns. But the request still
# takes 32 sectors of the L1's time, and caches of an SM are small against 2,048 threads in 2,048 rows. A layout that needs no luck costs
# nothing:

# %% [markdown]
# {{card 06.2}}
# Only `i` and `j` change. The launch is ⌈n / 32⌉ × ⌈m / 8⌉ blocks (x, y) of 32 × 8 threads: `threadIdx.x` runs along a row of C, so a warp has one row
# and 32 neighbouring columns. Write the two lines that compute the row `i` and the column `j` of the thread, m, n, k ≥ 1 any sizes.
#
# A = [[1, 2]], B = [[3], [4]] gives C = [[11]].
#
# Budget, where n is a multiple of 32: no load above 4 sectors a request, no store above 4.

# %% tags=["exercise"]
# Exercise 06.2
coalesced = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    // ### BEGIN SOLUTION
    int i = blockIdx.y * 8 + threadIdx.y;
    int j = blockIdx.x * 32 + threadIdx.x;
    // ### END SOLUTION
    if (i >= m || j >= n) return;
    float sum = 0;
    for (int p = 0; p < k; ++p) sum += A[i * k + p] * B[p * n + j];
    C[i * n + j] = sum;
}"""

# %% tags=["check"]
check("06.2")

# %%
picture = None
if ready("06.2"):
    after = product(coalesced, 64, 64, 64, (8, 32), (32, 8))
    print(f"{intensity(before):.3f} -> {intensity(after):.3f} FLOPs a byte")
    picture = compare(before, after)
picture

# %% [markdown]
# 5 sectors instead of 33, for two swapped names. On an RTX A6000 this step took the product from 1.3 % to 8.5 % of cuBLAS (published by
# Simon Boehm, "How to optimize a CUDA matmul kernel"; his ladder comes back in section 12).
#
# It is still 0.4 FLOPs a byte: every multiply-add loads both of its factors. Row i of A is loaded by n different
# threads, column j of B by m. **Tiling** means: a block of threads loads a piece of A and a piece of B *once* and uses
# every element many times before the next piece comes.

# %%
fig, ax = plt.subplots(figsize=(6.5, 3.9))
for x, y, w, h, name in [(4.4, 0, 4, 3.2, "C"), (0, 0, 3.8, 3.2, "A"), (4.4, 3.8, 4, 3.8, "B")]:
    ax.add_patch(plt.Rectangle((x, y), w, h, fill=False, edgecolor="0.5"))
    ax.text(x + 0.1, y + h - 0.4, name)
pieces = [(6, 1.2, 1.2, 1, "C0", "BM × BN", 6.6, 1.7), (0, 1.2, 3.8, 1, "C1", "BM rows", 0.75, 1.7),
          (6, 3.8, 1.2, 3.8, "C2", "BN columns", 6.6, 7.0), (1.6, 1.2, 0.7, 1, "C4", "BK", 1.95, 1.7),
          (6, 5.2, 1.2, 0.7, "C4", "BK", 6.6, 5.5)]
for x, y, w, h, hue, words, at_x, at_y in pieces:
    ax.add_patch(plt.Rectangle((x, y), w, h, alpha=0.4, color=hue))
    ax.text(at_x, at_y, words, ha="center", va="center", fontsize=8)
ax.text(0, 4.6, "a tile of C needs a band of A\nand a band of B; one step of the\nloop loads the two red pieces", fontsize=9)
ax.set(xlim=(-0.1, 8.5), ylim=(-0.1, 7.7), aspect="equal")
_ = ax.axis("off")

# %% [markdown]
# {{card 06.3}}
# `tile_traffic(m, n, k, bm, bn)`: the bytes that are loaded from global memory when C (m × n) is cut into tiles of bm × bn and each tile loads
# the rows of A and the columns of B it needs once. float32. A tile at the edge loads only what exists. Return an int.
#
# `tile_traffic(64, 64, 64, 32, 32)`: 4 tiles, each 32 rows of A and 32 columns of B, 64 floats each: 4 · 64 · 64 · 4 = 65,536 bytes.
#
# Tried: sizes that the tiles divide, and any others. Plain Python.

# %% tags=["exercise"]
# Exercise 06.3
def tile_traffic(m, n, k, bm, bn):
    """Bytes loaded by all tiles of a product, float32."""
    ### BEGIN SOLUTION
    columns, rows = -(-n // bn), -(-m // bm)
    return 4 * k * (m * columns + n * rows)
    ### END SOLUTION

# %% tags=["check"]
check("06.3")

# %%
if ready("06.3"):
    sides = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256])
    loaded = np.array([tile_traffic(4096, 4096, 4096, int(s), int(s)) for s in sides])
    fig, ax = plt.subplots(figsize=(7, 2.8))
    ax.plot(sides, 2 * 4096**3 / loaded, marker="o")
    ax.axhline(67 / 3.35, color="C4", linestyle="--")
    words = "H100 SXM: 67 TFLOP/s of FP32 over 3.35 TB/s (datasheet)"
    ax.text(1, 67 / 3.35 * 1.2, words, color="C4", fontsize=9)
    ax.set(xscale="log", yscale="log", xlabel="side of a square tile", ylabel="FLOPs a byte")
    ax.set_xticks(sides, sides)
    ax.minorticks_off()
    _ = ax.set_yticks([0.25, 1, 4, 16, 64], [0.25, 1, 4, 16, 64])

# %% [markdown]
# For one k, a tile loads BM + BN floats and does BM·BN multiply-adds. So
#
# $$\frac{\text{multiply-adds}}{\text{floats}} = \frac{BM \cdot BN}{BM + BN}, \qquad \frac{\text{FLOPs}}{\text{byte}} = \frac{2\,BM \cdot BN}{4\,(BM + BN)} \quad\text{in FP32}$$
#
# BK does not occur: it decides how much shared memory a step needs, not how much is loaded.

# %% [markdown]
# {{card 06.4}}
# FP32. How many FLOPs a byte for tiles of 32 × 32 (`tile_32`) and of 128 × 128 (`tile_128`)? And which is the smallest square tile, its side a power
# of two, that is above an H100's ridge of 67 TFLOP/s ÷ 3.35 TB/s, if each tile really came from HBM (`smallest_side`)?

# %% tags=["exercise"]
# Predict 06.4
tile_32 = 8
tile_128 = 32
smallest_side = 128

# %% tags=["check"]
check("06.4")

# %% [markdown]
# That is a pessimist's count: many tiles want the same rows of A, and the L2 cache (50 MB on an H100) hands them out again. But
# L2 has its own limit, a few times HBM's rate, and then the same law holds with a lower ridge. And it holds **inside the SM**: shared memory
# to registers is tiled for the same reason. That is the next section.

# %% [markdown]
# ## 2 Four sizes of tile
#
# CUTLASS is a library of C++ templates for products and what surrounds them. You do not link it as you link cuBLAS; you instantiate a kernel
# with the tile shapes you want. All its kernels are one nest of loops, cut at the levels of the machine:

# %%
# title, size (rows, columns), size of the pieces, what holds it
levels = [("device: C", (512, 512), (128, 128), "HBM and L2"),
          ("threadblock 128 × 128", (128, 128), (64, 64), "shared memory"),
          ("warp 64 × 64", (64, 64), (16, 8), "registers"),
          ("instruction 16 × 8", (16, 8), (1, 2), "operands")]
fig, axes = plt.subplots(1, 4, figsize=(7.5, 2.4))
for number, (ax, (name, (high, wide), (down, across), place)) in enumerate(zip(axes, levels)):
    hue = f"C{number}"
    for y in range(0, high, down):
        for x in range(0, wide, across):
            first = 0.6 if x == y == 0 else 0.12
            ax.add_patch(plt.Rectangle((x, y), across, down, facecolor=hue, alpha=first))
            ax.add_patch(plt.Rectangle((x, y), across, down, fill=False, edgecolor=hue, linewidth=0.7))
    ax.set(xlim=(-0.02 * wide, 1.02 * wide), ylim=(1.02 * high, -0.02 * high))
    ax.set_title(f"{name}\n{place}", fontsize=9)
    ax.axis("off")

# %% [markdown]
# The full-coloured piece of each picture is the whole of the next one. At each level the tile is loaded **once** from the memory above and used
# by all units below: HBM and L2 → shared memory → registers → the instruction's operands. In each level, k is cut too: a threadblock takes k in
# steps of BK, a warp takes a step in pieces of the instruction's k (16 for FP16 and BF16 operands of `mma.sync`).
#
# **CUTLASS 2.x** (Volta to Ampere) names the three shapes:
#
# | name | for example | what it decides |
# |---|---|---|
# | `ThreadblockShape` | `GemmShape<128, 128, 32>` | shared memory for a stage, traffic to L2 and HBM |
# | `WarpShape` | `GemmShape<64, 64, 32>` | warps in a block, accumulator registers, reads of shared memory |
# | `InstructionShape` | `GemmShape<16, 8, 16>` | which `mma.sync` |
# | stages | 3 | how many tiles are on their way while one is multiplied (`cp.async`) |

# %% [markdown]
# {{card 06.5}}
# `ThreadblockShape` 128×128×32, `WarpShape` 64×64×32, `InstructionShape` 16×8×16, FP32 accumulators. How many `warps` has a block? How many
# registers of each thread hold accumulators (`accumulators_per_thread`)? How many mma instructions does one warp issue for one step of BK = 32
# (`mma_per_warp`)?

# %% tags=["exercise"]
# Predict 06.5
warps = 4
accumulators_per_thread = 128
mma_per_warp = 64

# %% tags=["check"]
check("06.5")

# %% [markdown]
# 128 of at most 255 registers are gone before anything is loaded. So few blocks fit on an SM, the **occupancy is low on purpose**, and latency is
# hidden by pipelining (the next tiles are on their way) instead of by other warps. "Raise the occupancy" is the wrong reflex for a product
# (CUTLASS, `media/docs/cpp/efficient_gemm.md`).
#
# **CUTLASS 3.x** (Hopper on) rebuilds the same levels out of CuTe layouts, so that nothing about threads is hard-wired:
#
# | level | class | what it is |
# |---|---|---|
# | device | `GemmUniversalAdapter` | the handle that the host launches |
# | kernel | `GemmUniversal` | grid, tile scheduler: one tile a block, persistent, or **stream-K** |
# | collective | `CollectiveMma` (the mainloop), `CollectiveEpilogue` | what a block does together: the pipeline along k; then what happens to the sums |
# | tiled | `TiledMma`, `TiledCopy` | an atom repeated over threads and values: thread-value layouts (section 6) |
# | atom | `MMA_Atom`, `Copy_Atom` | one PTX instruction: `wgmma`, `mma.sync`, TMA, `ldmatrix`, `cp.async` |
#
# And it names **kernel schedules**, the division of labour inside a block:
#
# - *Warp-specialized*: one warp group issues TMA loads (the producer), others only multiply (consumers).
# - *Cooperative*: two consumer warp groups share one output tile, half of its rows each. Larger tile, more reuse.
# - *Ping-pong*: each consumer warp group has an output tile **of its own**; while one runs its epilogue, the other has the tensor cores.
# - *Stream-K* (a tile scheduler): not tiles but steps of k are dealt out evenly to the SMs; tiles that are cut are added up afterwards
#   (arXiv 2301.03598). It removes the half-empty last wave of section 11.
#
# Do not mix up the two ping-pongs: CUTLASS overlaps the epilogue of one tile with the main loop of another; FlashAttention-3 overlaps the softmax
# of one warp group with the products of the other.

# %% [markdown]
# ## 3 A layout is a function
#
# Four levels of tiles, each with rows and columns, in memory, over threads, over registers: index arithmetic by hand goes wrong there, and every new
# instruction has a new pattern. CuTe's answer (CUTLASS 3, and the CuTe DSL in Python) is one object: a **layout**, written
# `shape:stride`. It is a function from coordinates to offsets, the dot product of coordinate and stride:
#
# - `(4,8):(1,4)` is a 4 × 8 matrix, column-major: element (i, j) at 1·i + 4·j.
# - `(4,8):(8,1)` is the same matrix, row-major.
# - `((2,2),6):((1,12),2)` is 4 × 6: each row number is itself a pair. Shapes **nest**, strides nest alike.

# %%
layouts.draw_layout(((4, 8), (8, 1)))

# %%
layouts.draw_layout((((2, 2), 6), ((1, 12), 2)))

# %% [markdown]
# Row i of the second is the pair (i mod 2, i div 2): **the leftmost mode runs fastest**, always. (A *mode* is a position of the shape: the
# modes of `((2,2),6)` are `(2,2)` and `6`.) The same rule numbers all the elements of a layout, whatever its strides: index 0, 1, 2, ... goes down the first mode first. So
# a layout takes three kinds of coordinates: a number, a number for each mode, or a full tuple; they name the same element.

# %% [markdown]
# {{card 06.6}}
# L = `((2,4),8):((1,16),2)`, on paper. What is L(1, 2), the offset of coordinate 1 in the first mode and 2 in the second (`offset_of_1_2`)? And what is L(13),
# the offset of index 13 (`offset_of_index_13`)?

# %% tags=["exercise"]
# Predict 06.6
offset_of_1_2 = 5
offset_of_index_13 = 35

# %% tags=["check"]
check("06.6")

# %% [markdown]
# The whole of it, to look both up:

# %%
layouts.draw_layout((((2, 4), 8), ((1, 16), 2)))

# %% [markdown]
# Now in Python. A layout is a pair `(shape, stride)`, each a whole number or a tuple, nested alike: `((4, 8), (8, 1))`.
# `layouts` has a few tools that you may use throughout:

# %%
L = (((2, 4), 8), ((1, 16), 2))
print("text   ", layouts.text(L))
print("size   ", layouts.size(L[0]))
print("modes  ", layouts.modes(L))
print("offsets", layouts.offsets(L)[:16], "...")

# %% [markdown]
# `layouts.offsets` lists what index 0, 1, 2, ... maps to. Your answers are compared **by this list**: two layouts with the same offsets count as equal, however they are
# written. Each check tries hundreds of random layouts.

# %% [markdown]
# {{card 06.7}}
# `idx2crd(index, shape)`: the coordinate of an index, leftmost mode fastest. `shape` is a number or a nested tuple; 0 ≤ index < size. The result has the nesting of the
# shape: a number for a number, a tuple for a tuple.
#
# `idx2crd(13, 16)` is `13`; `idx2crd(13, (4, 8))` is `(1, 3)`; `idx2crd(13, ((2, 4), 8))` is `((1, 2), 1)`.
#
# Plain Python; `layouts.size` gives the size of any shape.

# %% tags=["exercise"]
# Exercise 06.7
def idx2crd(index, shape):
    """The coordinate of an index in a shape, nested as the shape is."""
    ### BEGIN SOLUTION
    if not isinstance(shape, tuple):
        return index
    crd = []
    for mode in shape:
        crd.append(idx2crd(index % layouts.size(mode), mode))
        index //= layouts.size(mode)
    return tuple(crd)
    ### END SOLUTION

# %% tags=["check"]
check("06.7")

# %% [markdown]
# {{card 06.8}}
# `crd2idx(crd, layout)`: the offset of a coordinate, an int. Wherever the shape is a tuple, the coordinate is a tuple of the same length, or one number that stands for
# all of it (as in 06.6). Coordinates are inside the shape. (The name is CuTe's; the "idx" of its answer is the offset.)
#
# With L = `(((2, 4), 8), ((1, 16), 2))`: `crd2idx(((1, 0), 2), L)` is 5, and `crd2idx((0, 3), L)` is 6; `crd2idx(9, L)` is 3.
#
# Plain Python. Your `idx2crd` may be used.

# %% tags=["exercise"]
# Exercise 06.8
def crd2idx(crd, layout):
    """The offset of a coordinate (a number, a tuple, or a mixture) in a layout."""
    ### BEGIN SOLUTION
    shape, stride = layout
    if not isinstance(shape, tuple):
        return crd * stride
    if not isinstance(crd, tuple):
        crd = idx2crd(crd, shape)
    return sum(crd2idx(c, (s, d)) for c, s, d in zip(crd, shape, stride))
    ### END SOLUTION

# %% tags=["check"]
check("06.8")

# %% [markdown]
# ## 4 Coalesce, and one layout after another
#
# Many layouts are the same function of the *index*: `(2,4):(1,2)`, `(2,(1,4)):(1,(7,2))` and `8:1` all map i to i. **Coalesce** finds the one with the fewest modes. Two
# rules do it, on neighbours in the flattened layout:
#
# - a mode of size 1 goes: its coordinate is always 0;
# - s₀:d₀ followed by s₁:d₁ becomes s₀·s₁:d₀ when d₁ = s₀·d₀: the second goes on where the first ends.

# %% [markdown]
# {{card 06.9}}
# `coalesce(A)`: the flat layout with the same size and the same offsets, and as few modes as possible. One mode: numbers, `(8, 1)`. Size 1: `(1, 0)`. Several: `((2, 4), (3, 7))`,
# no tuple inside a tuple. Strides may be 0.
#
# `coalesce(((2, (1, 6)), (1, (6, 2))))` is `(12, 1)`; `coalesce(((2, 3), (3, 1)))` is itself.
#
# Plain Python; `layouts.modes` flattens.

# %% tags=["exercise"]
# Exercise 06.9
def coalesce(A):
    """The flat layout of fewest modes that maps every index as A does."""
    ### BEGIN SOLUTION
    kept = []
    for s, d in layouts.modes(A):
        if s == 1:
            continue
        if kept and d == kept[-1][0] * kept[-1][1]:
            kept[-1] = (kept[-1][0] * s, kept[-1][1])
        else:
            kept.append((s, d))
    if not kept:
        return 1, 0
    return kept[0] if len(kept) == 1 else tuple(zip(*kept))
    ### END SOLUTION

# %% tags=["check"]
check("06.9")

# %% [markdown]
# **Composition** is "first B, then A": (A ∘ B)(i) = A(B(i)). B picks indices of A, and A says where they are. If A is how a matrix lies in memory and B picks
# the elements of one thread, A ∘ B is what that thread reads. Here A = `(6,2):(8,2)`, and B = `(4,3):(3,1)` takes its elements in another order:

# %%
A, B = ((6, 2), (8, 2)), ((4, 3), (3, 1))
a, b = layouts.offsets(A), layouts.offsets(B)
print("B(i)   ", b)
print("A(B(i))", a[b])
R = (2, 2, 3), (24, 2, 8)
print("written as a layout:", layouts.text(R), layouts.offsets(R))
layouts.draw_layout(((4, 3), (3, 1)), "B: which index of A")

# %% [markdown]
# The surprise is that the result is a layout again. One mode of B at a time: 3:1 takes A's indices 0, 1, 2: the first three of 6:8, so 3:8. 4:3 takes 0, 3, 6, 9: steps of 3 meet
# 6 / 3 = 2 elements of A's first mode, stride 3·8 = 24; the other two come from the next mode, stride 2. So 4:3 becomes (2,2):(24,2).
#
# It is not always a layout. `(4,2):(1,10)` ∘ `3:3` maps to 0, 3, 12: no shape and stride has these offsets, because 3 does not divide 4 and
# 4 does not divide 3.

# %% [markdown]
# {{card 06.10}}
# `composition(A, B)`: a layout R of B's size with R(i) = A(B(i)) for every index i of B. All offsets of B are below the size of A. Where **no layout** has these offsets, raise `ValueError`.
#
# How it goes, for one mode s:d of B (s > 1, d > 0) and the modes of `coalesce(A)`, from left to right: `extent` is a mode's size. Either d divides `extent`, then the mode offers extent / d elements; or `extent` divides d, then it
# offers 1 and d shrinks to d / extent. Take min(offer, s) of them, at stride (the mode's stride) · d; s must be a multiple of what was taken and shrinks by it. After a mode that was met, d is 1. The last mode of A
# gives all that is left of s. Modes of size 1 or stride 0 in B: s:0. Several modes of B: one after the other, side by side.
#
# Two things can go wrong: a division that leaves a remainder, and modes of B that *together* run past the end of a mode of A: `(6,2):(8,2)` ∘ `(2,3):(3,2)`. Comparing R with A(B(i)) at the end finds both.
#
# `composition(((6, 2), (8, 2)), ((4, 3), (3, 1)))` is `(((2, 2), 3), ((24, 2), 8))`; any layout with the same offsets is as good. Your `coalesce`, `layouts.modes` and `layouts.offsets` may be used.

# %% tags=["exercise"]
# Exercise 06.10
def composition(A, B):
    """The layout that maps i to A(B(i)). Raises ValueError where there is none."""
    ### BEGIN SOLUTION
    s, d = B
    if isinstance(s, tuple):
        parts = [composition(A, mode) for mode in zip(s, d)]
        R = tuple(zip(*parts))
    elif s == 1 or d == 0:
        R = s, 0
    else:
        *inner, (_, last) = layouts.modes(coalesce(A))
        taken = []
        for extent, stride in inner:
            if extent % d and d % extent:
                raise ValueError(f"neither divides the other: {extent} and a step of {d}")
            take = min(max(extent // d, 1), s)
            if s % take:
                raise ValueError(f"{s} elements, {take} of them in a mode")
            taken.append((take, stride * d))
            s, d = s // take, max(d // extent, 1)
        R = coalesce(tuple(zip(*taken, (s, last * d))))
    if (layouts.offsets(R) != layouts.offsets(A)[layouts.offsets(B)]).any():
        raise ValueError("no layout maps like A after B")
    return R
    ### END SOLUTION

# %% tags=["check"]
check("06.10")

# %% [markdown]
# CuTe has the same two conditions, the *stride* and the *shape divisibility condition*, and checks them at compile time where sizes are known
# (`media/docs/cpp/cute/02_layout_algebra.md`). It does not compare all values; that modes of B do not run into each other is left to you.
#
# Reading a vector as a matrix is a composition. `20:2` is every other element of memory; as a row-major 5 × 4 matrix:

# %%
if ready("06.10"):
    print(layouts.text(composition((20, 2), ((5, 4), (4, 1)))))
    for A, B in [(((4, 2), (1, 10)), (3, 3)), (((6, 2), (8, 2)), ((2, 3), (3, 2)))]:
        try:
            composition(A, B)
        except ValueError as problem:
            print(f"{layouts.text(A)} o {layouts.text(B)}: {problem}")
            print("    offsets", layouts.offsets(A)[layouts.offsets(B)])

# %% [markdown]
# ## 5 What is left over: complement, divide, product
#
# A tile picks some indices. To walk over *all* tiles one needs the rest: where do copies of the tile go, so that together they cover everything once?
# That is the **complement**. Below, the layout `(2,2):(1,6)` in blue, and its copies, which fill 0 to 23:

# %%
tile = layouts.offsets(((2, 2), (1, 6)))
starts = [0, 2, 4, 12, 14, 16]
copy_of = {int(offset + start): n for n, start in enumerate(starts) for offset in tile}
words = [[str(offset) for offset in range(24)]]
caption = "a colour for each copy of (2,2):(1,6); they begin at 0, 2, 4, 12, 14, 16: (3,2):(2,12)"
layouts.draw_grid(words, caption, lambda row, column: (layouts.HUES[copy_of[column]], 0.35), numbered=False)

# %% [markdown]
# {{card 06.11}}
# A = `4:2`, to cover 0 to 23. Copies are placed at the lowest free place, one after the other; the first is A itself, at 0. Where does the third copy begin (`third_copy`)? How many copies are there in
# all (`copies`)?

# %% tags=["exercise"]
# Predict 06.11
third_copy = 8
copies = 6

# %% tags=["check"]
check("06.11")

# %% [markdown]
# {{card 06.12}}
# `complement(A, M)`: the layout whose offsets, in increasing order, are where copies of A begin, so that A and its copies cover 0, 1, 2, ... once each. They cover at least M places: the last repetition is completed, so
# M is rounded up to a multiple of the largest size·stride of A's modes. If copies of A cannot do that (they would meet, or a stride is 0), raise `ValueError`.
#
# `complement((4, 2), 24)` is `((2, 3), (1, 8))`: copies at 0, 1, 8, 9, 16, 17. `complement(((4, 6), (1, 4)), 24)` is `(1, 0)`, and `complement((4, 1), 10)` is `(3, 4)`. `complement(((2, 2), (1, 3)), 12)` raises:
# 0, 1, 3, 4 and its copy from 2 on meet at 3.
#
# Your `coalesce` and `layouts.modes` may be used.

# %% tags=["exercise"]
# Exercise 06.12
def complement(A, M):
    """Where copies of A begin that cover at least M places once each, lowest first."""
    ### BEGIN SOLUTION
    found, span = [], 1  # A and the copies so far cover 0 to span - 1
    for d, s in sorted((d, s) for s, d in layouts.modes(A) if s > 1):
        if d == 0 or d % span:
            raise ValueError(f"a stride of {d} does not fit on {span} covered places")
        found.append((d // span, span))
        span = s * d
    found.append((-(-M // span), span))
    return coalesce(tuple(zip(*found)))
    ### END SOLUTION

# %% tags=["check"]
check("06.12")

# %% [markdown]
# Now tiling is one line of algebra. **Logical divide**: A ⊘ B = A ∘ (B, B*), where B* = complement(B, size of A). Two modes come out: inside a tile, and from tile to tile.

# %%
first = [0, 1, 8, 9, 16, 17]
hue = {int(start + offset): n for n, start in enumerate(first) for offset in layouts.offsets((4, 2))}
words = [[str(i) for i in range(24)]]
caption = "24:1 divided by 4:2: six tiles of four elements, two apart, a colour each"
layouts.draw_grid(words, caption, lambda row, column: (layouts.HUES[hue[column]], 0.35), numbered=False)

# %% [markdown]
# {{card 06.13}}
# `logical_divide(A, B)`: a layout of two modes, `((tile, rest), (their strides))`. The first maps like A ∘ B, the second like A ∘ complement(B, size of A). Where one of these does not exist: `ValueError` (your functions raise it).
# Whole tiles only: the size of A is a multiple of B's largest size·stride, or B's copies meet.
#
# `logical_divide(((4, 2, 3), (2, 1, 8)), (4, 2))` is `(((2, 2), (2, 3)), ((4, 1), (2, 8)))`.
#
# Use your `composition` and `complement`.

# %% tags=["exercise"]
# Exercise 06.13
def logical_divide(A, B):
    """A in tiles: mode 0 walks inside a tile, mode 1 from tile to tile."""
    ### BEGIN SOLUTION
    tile = composition(A, B)
    rest = composition(A, complement(B, layouts.size(A[0])))
    return (tile[0], rest[0]), (tile[1], rest[1])
    ### END SOLUTION

# %% tags=["check"]
check("06.13")

# %% [markdown]
# {{card 06.14}}
# `logical_product(A, B)`, the other way round: repeat A. B tells which copies, and in what order: A ⊗ B = (A, A* ∘ B), with A* = complement(A, size of A · cosize of B), cosize being the largest offset of B plus 1. Return two modes, as
# in 06.13: a copy of A, and where the copies begin. `ValueError` where A has no complement.
#
# `logical_product(((2, 2), (4, 1)), (6, 1))` is `(((2, 2), (2, 3)), ((4, 1), (2, 8)))`: six copies of 0, 4, 1, 5, at 0, 2, 8, 10, 16, 18.
#
# Use your `composition` and `complement`.

# %% tags=["exercise"]
# Exercise 06.14
def logical_product(A, B):
    """A repeated: mode 0 is A, mode 1 says where copy B(0), B(1), ... begins."""
    ### BEGIN SOLUTION
    cosize = int(layouts.offsets(B).max()) + 1
    places = composition(complement(A, layouts.size(A[0]) * cosize), B)
    return (A[0], places[0]), (A[1], places[1])
    ### END SOLUTION

# %% tags=["check"]
check("06.14")

# %% [markdown]
# A matrix is divided **by mode**: its rows by tm, its columns by tn. `logical_divide` by mode leaves ((tm, rest), (tn, rest)); **zipped divide** gathers the tile's two modes in front, so that one coordinate chooses inside the tile and
# one chooses the tile. This is what a block does with its `blockIdx`:

# %% [markdown]
# {{card 06.15}}
# `zipped_divide(A, tile)`: A is a layout of two modes (rows, columns; each may be nested), `tile = (tm, tn)`. Return `((TM, TN), (RM, RN))` as the shape, with strides alike: the first mode maps inside the tile at the upper left, the second to the first element of each
# tile. `ValueError` if tm or tn does not divide its mode, or where there is no such layout.
#
# `zipped_divide(((4, 8), (8, 1)), (2, 4))` is `(((2, 4), (2, 2)), ((8, 1), (16, 4)))`: a row-major 4 × 8 matrix in four tiles.
#
# Use your `logical_divide`.

# %% tags=["exercise"]
# Exercise 06.15
def zipped_divide(A, tile):
    """A matrix in tiles: mode 0 is the layout of a tile, mode 1 says where each begins."""
    ### BEGIN SOLUTION
    halves = []
    for shape, stride, extent in zip(*A, tile):
        if layouts.size(shape) % extent:
            raise ValueError(f"a tile of {extent} does not divide {layouts.size(shape)}")
        halves.append(logical_divide((shape, stride), (extent, 1)))
    (rows, row_steps), (columns, column_steps) = halves
    return tuple(zip(rows, columns)), tuple(zip(row_steps, column_steps))
    ### END SOLUTION

# %% tags=["check"]
check("06.15")

# %%
picture = None
if ready("06.15"):
    tiles = zipped_divide(((8, 12), (12, 1)), (4, 4))
    origin = layouts.offsets((tiles[0][1], tiles[1][1]))  # of every tile
    print(layouts.text(tiles), "  tile (1, 2) begins at", origin[1 + 2 * 2])
    caption = "a row-major 8 x 12 matrix in tiles of 4 x 4"
    picture = layouts.draw_layout(((8, 12), (12, 1)), caption, lambda i, j: i // 4 * 3 + j // 4)
picture

# %% [markdown]
# ## 6 Who holds what
#
# Offsets need not be memory. A **thread-value layout** maps (thread, value) to an element of a tile: which thread holds what. Each MMA instruction is described by three of them, for its A, B and C;
# each `TiledCopy` by two. And then partitioning is composition: *data layout ∘ thread-value layout* = (thread, value) → address.
#
# 8 threads, as 4 × 2, each holding a block of 2 × 2, make a tile of 8 × 4:

# %%
held = ((4, 2), (2, 2)), ((2, 16), (1, 8))
layouts.draw_threads(held, 8, 4, "T = thread, V = its value: ((4,2),(2,2)):((2,16),(1,8))")

# %% [markdown]
# {{card 06.16}}
# `thread_values(threads, values)`: both are layouts of two modes, a grid and its numbering: `((tr, tc), (stride, stride))`, either by columns `(1, tr)` or by rows `(tc, 1)`. Thread (r, c) of the grid holds the block of vr × vc elements whose upper left is row r·vr, column c·vc of the tile, a tile
# of tr·vr rows. Return a layout of two modes, (thread number, value number) → index of the element in the tile, **column-major**: element (i, j) has index i + j·(tr·vr).
#
# The picture above is `thread_values(((4, 2), (1, 4)), ((2, 2), (1, 2)))`. With threads numbered by rows, `thread_values(((4, 2), (2, 1)), ((2, 2), (1, 2)))`, thread 1 is the right neighbour of thread 0: index 16.
#
# Plain Python.

# %% tags=["exercise"]
# Exercise 06.16
def thread_values(threads, values):
    """(thread, value) -> index in a column-major tile in which each thread holds a block."""
    ### BEGIN SOLUTION
    rows, (vr, vc) = threads[0][0] * values[0][0], values[0]

    def numbered(grid, steps):
        _, shape, stride = zip(*sorted(zip(grid[1], grid[0], steps)))  # the fastest mode first
        return shape, stride

    (t_shape, t_stride) = numbered(threads, (vr, vc * rows))
    (v_shape, v_stride) = numbered(values, (1, rows))
    return (t_shape, v_shape), (t_stride, v_stride)
    ### END SOLUTION

# %% tags=["check"]
check("06.16")

# %% [markdown]
# Put it to work. A 16 × 16 tile of a row-major matrix with 64 columns is to be loaded by 32 threads, 8 floats each, as two `float4`. Two arrangements; compose, and count the sectors that the first `float4` of all threads touches (512 bytes: 16 sectors would do):

# %%
if ready("06.10") and ready("06.16"):
    data = (16, 16), (64, 1)  # offset of element (i, j) of the tile in the matrix
    for name, threads, values in [("a row is two threads", ((16, 2), (1, 16)), ((1, 8), (1, 1))),
                                  ("a row is four threads", ((8, 4), (4, 1)), ((2, 4), (4, 1)))]:
        address = layouts.offsets(composition(data, thread_values(threads, values)))
        by_value = address.reshape(8, 32)  # [value, thread]
        print(f"{name}: thread 0 to 5 begin at {by_value[0, :6]},",
              len(set(by_value[:4].ravel() // 8)), "sectors for the first float4")

# %% [markdown]
# ## 7 Swizzle, derived
#
# A tile in shared memory is written by rows and read by columns (or the other way round). With rows of 128 bytes every row begins at bank 0, so a column of 16-byte chunks is a pile-up. Chapter 03 padded
# and XOR-ed by hand. CuTe says it as a function on offsets, **Swizzle<B, M, S>**: take B bits of the offset from bit M + S on, and XOR them into the B bits from bit M on.

# %%
words = [["row", "16-byte chunk", "inside a chunk"], ["b9 b8 b7", "b6 b5 b4", "b3 b2 b1 b0"],
         ["stay", "^= b9 b8 b7", "stay"]]
caption = "Swizzle<3,4,3>, offsets in bytes, rows of 128 bytes"
layouts.draw_grid(words, caption, lambda row, column: (layouts.HUES[column], 0.3), numbered=False)

# %% [markdown]
# {{card 06.17}}
# A tile of 32 rows in shared memory, each 128 bytes. One warp loads a column: lane l reads the first 16 bytes (a `float4`) of row l. How many wavefronts (`plain`)? How many if chunk c of row r is stored at chunk c ^ (r mod 8) (`swizzled`)?
# And without swizzle, but with rows padded to 144 bytes (`padded`)?

# %% tags=["exercise"]
# Predict 06.17
plain = 32
swizzled = 4
padded = 4

# %% tags=["check"]
check("06.17")

# %%
column = r"""
__global__ void column(float4* out, int row, int swizzled) {
    extern __shared__ float4 s[];
    for (int i = threadIdx.x; i < 32 * row; i += 32) s[i] = make_float4(0, 0, 0, 0);
    __syncthreads();
    int at = threadIdx.x * row;
    out[threadIdx.x] = s[swizzled ? at ^ (at >> 3 & 7) : at];
}"""


def column_read(row, swizzled):
    """The load of a column of 16-byte chunks; row: chunks from one row to the next."""
    out = np.zeros(128, np.float32)
    report = emulate(column, "column", 1, 32, [out, row, swizzled], dynamic_shared=32 * row * 16)
    return next(a for a in report.accesses if a.space == "shared" and a.op == "ld")


ways = (8, 0), (8, 1), (9, 0)
print([column_read(*way).wavefronts for way in ways], "wavefronts: plain, swizzled, padded")
banks(column_read(8, 1))

# %% [markdown]
# Why is it conflict-free? The bank group (four banks, 16 bytes) of an address is its bits 4 to 6. Eight rows that are read together, aligned to eight, agree in the chunk c and differ in bits 7 to 9, the row r. After the swizzle, bits 4 to 6 hold c ^ r, and for a fixed c, eight different r
# give eight different values: XOR with a constant is one to one. Reading along a row, c runs and r is fixed: the same argument. So both directions are free, and nothing is wasted.

# %% [markdown]
# {{card 06.18}}
# `swizzle(offset, B, M, S)`: the B bits of `offset` from bit M + S on are XOR-ed into the B bits from bit M on; all else stays. Whole numbers ≥ 0. If S < B the two fields overlap: raise `ValueError`.
#
# `swizzle(0b1010000, 3, 4, 3)` is unchanged, since bits 7 to 9 are 0; `swizzle(128 + 16, 3, 4, 3)` is 128: row 1, chunk 1 moves to chunk 0.
#
# Plain Python.

# %% tags=["exercise"]
# Exercise 06.18
def swizzle(offset, B, M, S):
    """CuTe's Swizzle<B, M, S> of an offset."""
    ### BEGIN SOLUTION
    if S < B:
        raise ValueError(f"S = {S} is less than B = {B}: the fields overlap")
    rows = offset & ((2**B - 1) << (M + S))
    return offset ^ (rows >> S)
    ### END SOLUTION

# %% tags=["check"]
check("06.18")

# %%
picture = None
if ready("06.18"):
    where = [[swizzle(128 * r + 16 * c, 3, 4, 3) % 128 // 16 for c in range(8)] for r in range(8)]
    picture = layouts.draw_grid([[str(chunk) for chunk in row] for row in where],
                                "row r, chunk c: stored at this chunk of its row; a colour for each c",
                                lambda row, column: (layouts.HUES[column], 0.35))
picture

# %% [markdown]
# Every column holds eight different numbers, and so does every row. (It is the XOR table of three bits.)

# %% [markdown]
# {{card 06.19}}
# `swizzle_for(row, chunk)`: choose (B, M, S) for a tile in shared memory whose rows have `row` bytes (a power of two, 16 to 1024), accessed in chunks of `chunk` bytes (4, 8 or 16; at most `row`). Offsets are bytes. Wanted, for the 128 / chunk lanes that are served together, rows 0 to 128 / chunk − 1:
# any column of chunks is **one wavefront**; a chunk stays in one piece; and no two offsets of these rows land on each other.
#
# `swizzle_for(128, 16)` is `(3, 4, 3)`. Any other choice with these properties is right too.
#
# Plain Python. Rows shorter than 128 bytes are the interesting case: which rows meet?

# %% tags=["exercise"]
# Exercise 06.19
def swizzle_for(row, chunk):
    """(B, M, S) that makes columns of chunks free of bank conflicts."""
    ### BEGIN SOLUTION
    row_bits, M = row.bit_length() - 1, chunk.bit_length() - 1
    B = min(row_bits, 7) - M
    S = max(row_bits, 7) - M
    return B, M, S
    ### END SOLUTION

# %% tags=["check"]
check("06.19")

# %%
if ready("06.19"):
    for row in (32, 64, 128):
        print(f"rows of {row:3} bytes: Swizzle<{','.join(map(str, swizzle_for(row, 16)))}>")

# %% [markdown]
# These three are the 32-, 64- and 128-byte swizzle modes that TMA and the `wgmma` descriptors know. "Swizzle" has a second meaning in CUTLASS: *threadblock swizzle*, the order in which tiles of C are handed to blocks, for reuse in L2. Ask which one is meant.
#
# ## 8 The product, tile by tile
#
# Back to the kernel, and down the levels. First: threadblock tiles of 32 × 32 in shared memory, steps of 32 along k. Each of the 1,024 threads loads one element of either tile and then does 32 multiply-adds from shared memory.

# %% [markdown]
# {{card 06.20}}
# `sgemm` as before: A is m × k, B is k × n, C is m × n, row-major float32, any sizes from 1. Launch: ⌈n / 32⌉ × ⌈m / 32⌉ blocks (x, y) of 32 × 32 threads; thread (x, y) of a block owns element (y, x) of its tile of C.
#
# For each step of 32 along k: copy a 32 × 32 tile of A and one of B to shared memory, 0 where it is outside; multiply; go on. Every thread of the block reaches every barrier.
#
# Budgets, at m = n = 64, k = 32: bytes read as `tile_traffic(m, n, k, 32, 32)` says (+2 %); 4 sectors a request; no bank conflicts.

# %% tags=["exercise"]
# Exercise 06.20
shared_tile = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    __shared__ float As[32][32], Bs[32][32];
    int x = threadIdx.x, y = threadIdx.y;
    int i = blockIdx.y * 32 + y, j = blockIdx.x * 32 + x;
    float sum = 0;
    // ### BEGIN SOLUTION
    for (int p = 0; p < k; p += 32) {
        As[y][x] = i < m && p + x < k ? A[i * k + p + x] : 0.0f;
        Bs[y][x] = p + y < k && j < n ? B[(p + y) * n + j] : 0.0f;
        __syncthreads();
        for (int q = 0; q < 32; ++q) sum += As[y][q] * Bs[q][x];
        __syncthreads();
    }
    // ### END SOLUTION
    if (i < m && j < n) C[i * n + j] = sum;
}"""

# %% tags=["check"]
check("06.20")

# %%
picture = None
if ready("06.20"):
    rung = product(shared_tile, 64, 64, 64, (32, 32), (32, 32))
    print(f"{intensity(rung):.1f} FLOPs a byte; predicted 32 · 32 / (2 · 64) = 8")
    picture = annotate(rung)
picture

# %% [markdown]
# From 0.4 to 8 FLOPs a byte, as predicted. Look at the inner line: its loads of `As` and `Bs` are now the bulk. The counter shows *fewer* than two loads for each multiply-add, because the compiler reads four neighbouring words `As[y][q..q+3]` at once
# (`LDS.128`); the emulated GPU asks the real machine code for that. But still, each multiply-add waits for about one load. Shared memory moves 128 bytes a clock on an SM: 32 floats. The SM does 128 multiply-adds a clock. One float for each multiply-add is four times too many.

# %% [markdown]
# ## 9 Registers: the same law, one level down
#
# The cure is known: let each thread own a *tile* of C, and reuse what it has loaded. For one q, a thread with TM × TN sums reads TM values of A and TN of B, and makes TM·TN multiply-adds of them.

# %% [markdown]
# {{card 06.21}}
# How many words does a thread read from shared memory for each multiply-add, if it owns a column of 8 sums (`column_of_8`), a square of 4 × 4 (`square_4x4`), one of 8 × 8 (`square_8x8`)? Count words in the source, before any merging. (One sum a thread: 2.)

# %% tags=["exercise"]
# Predict 06.21
column_of_8 = 9 / 8
square_4x4 = 8 / 16
square_8x8 = 16 / 64

# %% tags=["check"]
check("06.21")

# %% [markdown]
# {{card 06.22}}
# `sgemm` with tiles of 64 × 64, steps of 8 along k, and **512 threads** (one-dimensional) in each of ⌈n / 64⌉ × ⌈m / 64⌉ blocks. Thread t owns column t % 64 of the tile and the eight rows from t / 64 · 8 on. Any m, n, k ≥ 1.
#
# Each tile has 512 elements: one for each thread to load. The storing of the eight sums is given.
#
# Budgets at m = n = 64, k = 32: bytes read as `tile_traffic(m, n, k, 64, 64)` (+2 %); 1.2 shared loads and 3.9 instructions for each multiply-add (of a warp).

# %% tags=["exercise"]
# Exercise 06.22
column_tile = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    __shared__ float As[64][8], Bs[8][64];
    int t = threadIdx.x, col = t % 64, row = t / 64 * 8;
    int i0 = blockIdx.y * 64, j0 = blockIdx.x * 64;
    float sum[8] = {};
    // ### BEGIN SOLUTION
    int ai = t / 8, aq = t % 8, bq = t / 64;
    for (int p = 0; p < k; p += 8) {
        As[ai][aq] = i0 + ai < m && p + aq < k ? A[(i0 + ai) * k + p + aq] : 0.0f;
        Bs[bq][col] = p + bq < k && j0 + col < n ? B[(p + bq) * n + j0 + col] : 0.0f;
        __syncthreads();
        for (int q = 0; q < 8; ++q) {
            float b = Bs[q][col];
            for (int r = 0; r < 8; ++r) sum[r] += As[row + r][q] * b;
        }
        __syncthreads();
    }
    // ### END SOLUTION
    for (int r = 0; r < 8; ++r)
        if (i0 + row + r < m && j0 + col < n) C[(i0 + row + r) * n + j0 + col] = sum[r];
}"""

# %% tags=["check"]
check("06.22")

# %% [markdown]
# {{card 06.23}}
# The same tile of 64 × 64 with **256 threads** (one-dimensional), steps of 16 along k, sixteen sums a thread: thread t owns rows t / 16 · 4 to + 3 and columns t % 16 · 4 to + 3. The storing is given. Each tile has 1,024 elements: four for each thread to load. Any m, n, k ≥ 1.
#
# Budgets at m = n = 64, k = 32: bytes read as before; 0.55 shared loads and 3.4 instructions for each multiply-add. Bank conflicts are not judged here.

# %% tags=["exercise"]
# Exercise 06.23
square_tile = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    __shared__ float As[64][16], Bs[16][64];
    int t = threadIdx.x, row = t / 16 * 4, col = t % 16 * 4, i0 = blockIdx.y * 64, j0 = blockIdx.x * 64;
    float sum[4][4] = {};
    for (int p = 0; p < k; p += 16) {
        // ### BEGIN SOLUTION
        for (int e = t; e < 1024; e += 256) {
            int i = e / 16, q = e % 16, bq = e / 64, j = e % 64;
            As[i][q] = i0 + i < m && p + q < k ? A[(i0 + i) * k + p + q] : 0.0f;
            Bs[bq][j] = p + bq < k && j0 + j < n ? B[(p + bq) * n + j0 + j] : 0.0f;
        }
        __syncthreads();
        for (int q = 0; q < 16; ++q) {
            float a[4], b[4];
            for (int r = 0; r < 4; ++r) a[r] = As[row + r][q], b[r] = Bs[q][col + r];
            for (int r = 0; r < 4; ++r)
                for (int c = 0; c < 4; ++c) sum[r][c] += a[r] * b[c];
        }
        __syncthreads();
        // ### END SOLUTION
    }
    for (int r = 0; r < 4; ++r)
        for (int c = 0; c < 4; ++c)
            if (i0 + row + r < m && j0 + col + c < n) C[(i0 + row + r) * n + j0 + col + c] = sum[r][c];
}"""

# %% tags=["check"]
check("06.23")

# %%
picture = None
if ready("06.23"):
    rung = product(square_tile, 64, 64, 64, (64, 64), 256)
    conflicts = rung.metrics["l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum"]
    loads = rung.metrics["smsp__inst_executed_op_shared_ld.sum"] / (64**3 / 32)
    print(f"{intensity(rung):.0f} FLOPs a byte; {loads:.2f} shared load instructions a multiply-add;",
          f"{conflicts:,.0f} bank conflicts in shared loads")
    picture = annotate(rung)
picture

# %% [markdown]
# Fewer load *instructions* than the 0.5 words that you predicted: this compiler proves that four neighbours may be read at once, and does it (the widths in the listing are those of the machine code). That is luck which ends with the first index it cannot see through. And look at what it could not mend: the
# *store* of C takes 16 sectors a request, since neighbouring lanes are four floats apart, and the tiles still come in one word at a time. Both have the same cure: let each lane move 16 bytes, and say so.
#
# ## 10 Sixteen bytes at a time
#
# A `float4` access is one instruction for four words, in global and in shared memory, and no matter of luck. B lies right for it: a thread's four columns are neighbours. A thread's four *rows* of A are not, unless the A tile is stored **turned**, `As[q][row]`. Turning costs something at the store:

# %% [markdown]
# {{card 06.24}}
# The A tile is `float As[16][64]`, turned. Thread t loads the `float4` at row t / 4, columns t % 4 · 4 to + 3 of the (unturned) tile and stores its four parts: with `ar = t / 4, aq = t % 4 * 4`, part i goes to `As[aq + i][ar]`. How many wavefronts does one of these four stores
# take (`store_wavefronts`)? And how many shared *load instructions* are there now for each multiply-add, with 4 × 4 sums a thread (`loads_per_fma`)?

# %% tags=["exercise"]
# Predict 06.24
loads_per_fma = 2 / 16
store_wavefronts = 4

# %% tags=["check"]
check("06.24")

# %% [markdown]
# {{card 06.25}}
# `sgemm` for **n and k multiples of 4** (m any): launch, tile and ownership as in 06.23. Every global access is a `float4`: one load for each thread and tile, four stores at the end. In shared memory: A turned, `As[16][64]`, read with one `float4` for A and one for B for each q.
# Because n and k are multiples of 4, a `float4` lies inside or outside, never half.
#
# `*(const float4*)(A + offset)` reads four floats where offset is a multiple of 4. The arrays in shared memory below are aligned to 16 bytes.
#
# Budgets: 2 load requests for each warp and step; at m = n = 64, k = 32 also `float4` stores, 0.15 shared loads and 2.0 instructions for each multiply-add. Bank conflicts of the stores are allowed here.

# %% tags=["exercise"]
# Exercise 06.25
vector_tile = r"""
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    __shared__ __align__(16) float As[16][64], Bs[16][64];  // As is turned: [q][row]
    int t = threadIdx.x, row = t / 16 * 4, col = t % 16 * 4, i0 = blockIdx.y * 64, j0 = blockIdx.x * 64;
    float sum[4][4] = {};
    // ### BEGIN SOLUTION
    int ar = t / 4, aq = t % 4 * 4, bq = t / 16;
    for (int p = 0; p < k; p += 16) {
        float4 a4 = {}, b4 = {};
        if (i0 + ar < m && p + aq < k) a4 = *(const float4*)(A + (i0 + ar) * k + p + aq);
        if (p + bq < k && j0 + col < n) b4 = *(const float4*)(B + (p + bq) * n + j0 + col);
        As[aq][ar] = a4.x, As[aq + 1][ar] = a4.y, As[aq + 2][ar] = a4.z, As[aq + 3][ar] = a4.w;
        *(float4*)&Bs[bq][col] = b4;
        __syncthreads();
        for (int q = 0; q < 16; ++q) {
            float4 a = *(float4*)&As[q][row], b = *(float4*)&Bs[q][col];
            for (int r = 0; r < 4; ++r)
                for (int c = 0; c < 4; ++c) sum[r][c] += (&a.x)[r] * (&b.x)[c];
        }
        __syncthreads();
    }
    for (int r = 0; r < 4; ++r)
        if (i0 + row + r < m && j0 + col < n)
            *(float4*)(C + (i0 + row + r) * n + j0 + col) = {sum[r][0], sum[r][1], sum[r][2], sum[r][3]};
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("06.25")

# %%
picture = None
if ready("06.23") and ready("06.25"):
    versions = [product(source, 64, 64, 64, (64, 64), 256) for source in (square_tile, vector_tile)]
    picture = compare(*versions)
picture

# %% [markdown]
# Same bytes, same FLOPs, about half the instructions. What is left are the conflicts of the turned store, which section 7 has the tool for, and sizes that are no multiples of 4. Both are the boss's.
#
# ## 11 How to choose a tile
#
# Larger tiles load less. What stops them? Registers for the sums, shared memory for the stages, and the number of tiles: they have to keep all SMs busy.

# %% [markdown]
# {{card 06.26}}
# C is 4096 × 4096, tiles are 128 × 128, an H100 has 132 SMs, and 2 blocks fit on one. How many waves does the launch take (`waves`)? Which share of the tiles' room in all these waves is used (`useful_share`, between 0 and 1, to 1 %)? And how many tiles are launched when m is 4097
# (`tiles_of_4097`)?

# %% tags=["exercise"]
# Predict 06.26
waves = 4
useful_share = 1024 / 1056
tiles_of_4097 = 33 * 32

# %% tags=["check"]
check("06.26")

# %% [markdown]
# {{card 06.27}}
# `fits(bm, bn, bk, threads, registers, stages)`: how many blocks of a product kernel fit on one SM of an H100 at the same time, an int. A block has `threads` threads (a multiple of 32) of `registers` registers each, and shared memory for `stages` stages of a bm × bk tile of A and a bk × bn tile of B,
# float32. The rules (CUDA programming guide, compute capability 9.0; Hopper tuning guide):
#
# - at most 32 blocks and 2,048 threads on an SM;
# - registers are handed out in units of 8 for each thread of a warp; the register file is four partitions of 16,384, a warp lies in one of them, and any warp may go to any partition;
# - shared memory of a block at most 232,448 bytes (227 KB), else 0 blocks; the system takes 1,024 bytes more for each block; an SM has 233,472 bytes (228 KB).
#
# `fits(128, 128, 16, 256, 128, 2)` is 2: 8 warps of 128 registers, 4 in each partition, 16 on the SM. `fits(128, 128, 64, 256, 128, 4)` is 0: 262,144 bytes.

# %% tags=["exercise"]
# Exercise 06.27
def fits(bm, bn, bk, threads, registers, stages):
    """Blocks of a tiled float32 product that one SM holds."""
    ### BEGIN SOLUTION
    shared = stages * (bm * bk + bk * bn) * 4
    if shared > 232_448:
        return 0
    rounded = -(-registers // 8) * 8
    by_registers = 4 * (16_384 // (32 * rounded)) // (threads // 32)
    by_shared = 233_472 // (shared + 1024)
    return min(32, 2048 // threads, by_registers, by_shared)
    ### END SOLUTION

# %% tags=["check"]
check("06.27")

# %% [markdown]
# {{card 06.28}}
# `useful_share(m, n, bm, bn, per_sm, sms)`: the share of the launched room that is useful: m·n elements of C, over all the elements that the launched waves have room for. A wave is sms · per_sm tiles of bm × bn; started waves count whole. A float between 0 and 1.
#
# `useful_share(4096, 4096, 128, 128, 2, 132)` is 0.9697 (06.26); `useful_share(16, 4096, 128, 256, 1, 132)` is 16·4096 / (132·128·256) = 0.0152: decoding with 16 sequences.

# %% tags=["exercise"]
# Exercise 06.28
def useful_share(m, n, bm, bn, per_sm, sms):
    """Useful elements of C over the elements that all launched waves have room for."""
    ### BEGIN SOLUTION
    tiles = -(-m // bm) * -(-n // bn)
    wave = sms * per_sm
    waves = -(-tiles // wave)
    return m * n / (waves * wave * bm * bn)
    ### END SOLUTION

# %% tags=["check"]
check("06.28")

# %%
if ready("06.28"):
    sides = np.arange(1024, 8193, 64)
    fig, ax = plt.subplots(figsize=(7.5, 2.8))
    for tile in ((64, 64), (128, 128), (128, 256)):
        shares = [useful_share(int(s), int(s), *tile, 1, 132) for s in sides]
        ax.plot(sides, shares, label=f"{tile[0]} x {tile[1]}", linewidth=1.2)
    ax.set(xlabel="m = n", ylabel="useful share, 132 SMs", ylim=(0, 1.02))
    ax.legend(ncols=3, loc="lower right")

# %% [markdown]
# Here each SM counts as one place: two blocks that share an SM take turns, so for the time it is SMs that must be busy, not places for blocks.
#
# The saw teeth are waves, the slow rise is the last wave's shrinking part. The larger the tile, the deeper the teeth: that is the trade. A tile of 128 × 256 loads a third less than 128 × 128 (BM·BN/(BM + BN): 85 against 64), and may lose half of the GPU in the last wave. Persistent kernels and stream-K exist for this.
#
# How one chooses, in order:
#
# 1. **Registers** bound the sums: bm·bn / threads of them in each thread, and about as many again to work. 8 × 8 sums are 64 registers; 16 × 8 are 128.
# 2. **Shared memory** bounds bk · stages: enough stages that the loads of the next steps are on their way while one is multiplied.
# 3. **Intensity**: bm·bn/(bm + bn) above the ridge of the level you load from.
# 4. **Waves**: enough tiles. If not: smaller tiles, split-K (several blocks share one tile's k and add up) or stream-K.
# 5. Then measure the handful that is left; `cutlass_profiler` and autotuners do nothing else.

# %%
if ready("06.27") and ready("06.28"):
    tiles = [(64, 64, 16, 256, 40, 2), (128, 64, 16, 256, 72, 2), (128, 128, 16, 256, 128, 2),
             (128, 256, 16, 256, 224, 3)]  # ..., threads, registers (assumed: the sums and some more), stages
    print("tile            sums  registers  blocks  FLOP/B   busy share at 4096², 1024²")
    for bm, bn, bk, threads, registers, stages in tiles:
        blocks = fits(bm, bn, bk, threads, registers, stages)
        large, small = (useful_share(side, side, bm, bn, 1, 132) for side in (4096, 1024))
        print(f"{bm:3} x {bn:3} x {bk:2}{bm * bn // threads:8}{registers:11}{blocks:8}"
              f"{bm * bn / (2 * (bm + bn)):8.1f}{large:14.2f}{small:8.2f}")

# %% [markdown]
# ## 12 Boss
#
# One kernel, any size, at the cost of the vectorized one where alignment allows it.

# %% [markdown]
# {{card 06.29}}
# `sgemm` for **any** m, n, k ≥ 1. Launch as in 06.23 and 06.25: tiles of 64 × 64, 256 threads, ⌈n / 64⌉ × ⌈m / 64⌉ blocks. Helper functions (`__device__`) and templates inside the string are fine; the kernel launched is `sgemm`. C comes in with nothing in it.
#
# Correct for all sizes: where n or k is no multiple of 4, rows begin anywhere and a `float4` would be misaligned (the emulated GPU says so).
#
# Budgets at m = n = 64, k = 32: bytes read as `tile_traffic(m, n, k, 64, 64)` (+2 %); 2 load requests for each warp and step of 16; **no bank conflicts**; 0.15 shared loads and 2.0 instructions for each multiply-add.

# %% tags=["exercise"]
# Exercise 06.29
fast = r"""
// ### BEGIN SOLUTION
__device__ float4 four(const float* row, int at, int end, bool aligned) {
    if (aligned) return at < end ? *(const float4*)(row + at) : float4{};
    float4 x = {};
    for (int i = 0; i < 4; ++i) if (at + i < end) (&x.x)[i] = row[at + i];
    return x;
}
__global__ void sgemm(const float* A, const float* B, float* C, int m, int n, int k) {
    __shared__ float4 As[16][16], Bs[16][16];  // [q][four rows of A], [q][four columns of B]
    int t = threadIdx.x, y = t / 16, x = t % 16, i0 = blockIdx.y * 64, j0 = blockIdx.x * 64;
    float sum[4][4] = {};
    for (int p = 0, ar = t / 4, aq = t % 4 * 4; p < k; p += 16) {
        float4 a4 = four(A + (i0 + ar) * k, p + aq, i0 + ar < m ? k : 0, k % 4 == 0);
        for (int i = 0; i < 4; ++i) ((float*)As[aq + i])[ar ^ 2 * aq] = (&a4.x)[i];
        Bs[y][x] = four(B + (p + y) * n, j0 + 4 * x, p + y < k ? n : 0, n % 4 == 0);
        __syncthreads();
        for (int q = 0; q < 16; ++q) {
            float4 a = As[q][y ^ q / 4 * 2], b = Bs[q][x];
            for (int r = 0; r < 16; ++r) sum[r / 4][r % 4] += (&a.x)[r / 4] * (&b.x)[r % 4];
        }
        __syncthreads();
    }
    for (int r = 0, i = i0 + 4 * y, j = j0 + 4 * x; r < 4 && i + r < m; ++r)
        if (n % 4 == 0 && j < n) *(float4*)(C + (i + r) * n + j) = {sum[r][0], sum[r][1], sum[r][2], sum[r][3]};
        else for (int c = 0; c < 4 && j + c < n; ++c) C[(i + r) * n + j + c] = sum[r][c];
}
// ### END SOLUTION
"""

# %% tags=["check"]
check("06.29")

# %% [markdown]
# **The ladder, counted.** Every rung that you have written, at m = n = k = 64, beside the FLOPs a byte that its tile promises. The last columns are for each multiply-add of a warp.

# %%
# name: exercise, name of the source, tile, block, FLOPs a byte that the tile promises
rungs = {"naive": ("", "naive", (32, 8), (32, 8), 2 / 33), "coalesced": ("06.2", "coalesced", (8, 32), (32, 8), 0.4),
         "shared tile": ("06.20", "shared_tile", (32, 32), (32, 32), 8),
         "column of 8": ("06.22", "column_tile", (64, 64), 512, 16),
         "square 4 x 4": ("06.23", "square_tile", (64, 64), 256, 16),
         "float4": ("06.25", "vector_tile", (64, 64), 256, 16), "boss": ("06.29", "fast", (64, 64), 256, 16)}
counted, fma = {}, 64**3 / 32
for name, (exercise, source, tile, block, _) in rungs.items():
    if exercise == "" or ready(exercise):
        counted[name] = product(globals()[source], 64, 64, 64, tile, block)
print(f"{'':14}FLOP/B promised  shared loads  wavefronts  conflicts  instructions")
for name, report in counted.items():
    seen = report.metrics
    loads = seen.get("smsp__inst_executed_op_shared_ld.sum", 0) / fma
    fronts = seen["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"] / fma
    conflicts = sum(value for metric, value in seen.items() if "data_bank_conflicts" in metric)
    print(f"{name:14}{intensity(report):6.2f}{rungs[name][-1]:9.2f}{loads:14.3f}{fronts:12.3f}"
          f"{conflicts:11,.0f}{seen['smsp__inst_executed.sum'] / fma:14.2f}")

# %%
names = list(counted)
bytes_seen = [intensity(report) for report in counted.values()]
instructions = [report.metrics["smsp__inst_executed.sum"] / fma for report in counted.values()]
fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.8), sharey=True)
for ax, values, title in [(axes[0], bytes_seen, "FLOPs a byte (log)"),
                          (axes[1], instructions, "PTX instructions a multiply-add")]:
    bars = ax.barh(names, values, color="C0", alpha=0.8)
    ax.bar_label(bars, [f"{value:.2g}" for value in values], padding=3, fontsize=8, color="0.55")
    ax.set_title(title, fontsize=10)
    ax.margins(x=0.2)
axes[0].set_xscale("log")
axes[0].invert_yaxis()

# %% [markdown]
# Two different things fall. Up to the 64 × 64 tile it is bytes; from there on bytes stay and *instructions* go: a kernel that is no longer starved has to spend its issue slots on multiply-adds.
#
# What that is worth in time: on an RTX A6000, Simon Boehm's ladder reached, in percent of cuBLAS, 1.3 (naive), 8.5 (coalesced), 12.8 (shared tile), 36.5 (column of 8), 68.7 (8 × 8 a thread), 78.4 (float4), 93.7 (warp tiles and tuned sizes) at 4096³ (his measurements, FP32).
# His register tile is 8 × 8 in a block of 128 × 128: the emulated GPU counts such a one as well as ours; only its grids are larger than a check should run. This course's own ladder, on an H100, is in section 21.

# %% [markdown]
# ## 13 Tensor cores
#
# The boss does one multiply-add a lane and instruction. An H100's SM has 128 FP32 lanes: 256 FLOPs a clock. Beside them sit four **tensor cores**, which take in a whole
# small matrix product in one instruction. What the datasheet promises for FP16, for each SM and clock:

# %%
per_clock = 989.4e12 / (132 * 1.83e9)  # H100 SXM datasheet, dense FP16: FLOP/s over SMs and clock
print(f"{per_clock:.0f} FLOPs a clock and SM, {per_clock / 256:.0f} times the ordinary cores'")
print("mma.sync        C tile   k      FLOPs   registers a lane: A  B  C")
for kind, k, bits in [("tf32", 8, 32), ("s8", 32, 8)]:
    a, b, c = 16 * k * bits // 1024, 8 * k * bits // 1024, 16 * 8 // 32
    print(f"{kind:14}  16 x 8  {k:2} {2 * 16 * 8 * k:10,} {a:22} {b:2} {c:2}")
assert abs(per_clock - 4096) < 1

# %% [markdown]
# `mma.sync` computes D = A · B + C with one **warp**: A is 16 × k, B is k × 8, C and D are 16 × 8. Whatever the type, a row of A is 32 bytes. With FP16, k is 16.
#
# (`mma.sync` itself reaches about two thirds of that rate on Hopper, even with its operands in registers; the rest needs `wgmma`: arXiv 2402.13499. A second limit, feeding it from shared memory, comes at the end of this section.)
#
# The catch: a warp has no tile. It has 32 lanes with registers. Each lane holds a piece of A, of B and of C, its **fragment**, and the instruction fixes which. Here is C: in each element the lane that holds it, and which of its four values it is.

# %%
lanes_of_c = ((4, 8), (2, 2)), ((32, 1), (16, 8))
layouts.draw_threads(lanes_of_c, 16, 8, "C of mma.sync: T = lane, V = its value: ((4,8),(2,2)):((32,1),(16,8))")

# %% [markdown]
# Write lane = 4g + t: **quad** g and **place** t in it. A quad has one row of the upper half, and the row eight below. A place has two neighbouring columns. You know this kind of thing: it is a thread-value layout (section 6), and its text is below the picture.
#
# A is made of the same pattern. Cut its 16 × 16 elements of FP16 into four blocks of 8 × 8. In each, quad g has row g, and place t has columns 2t and 2t + 1: two halves, **one register**. The order of the four blocks: down first. Register 0 is the upper left block, 1 the lower left, 2 the upper right, 3 the lower right.

# %% [markdown]
# {{card 06.30}}
# For `mma.sync` m16n8k16, FP16 with FP32 sums. How many `flops` does one instruction do, as the datasheet counts? How many 32-bit `registers` of each lane hold A, B and C together (D in place of C)? And where is the element of A in row 11, column 5 (from 0): in which `lane` (0 to 31), in which of A's four `register`s (0 to 3)?

# %% tags=["exercise"]
# Predict 06.30
flops = 4096
registers = 10
lane = 14
register = 1

# %% tags=["check"]
check("06.30")

# %% [markdown]
# So one instruction of FP16 is one clock of the whole SM, at the datasheet's rate. In the boss, that many FLOPs take 64 instructions of a warp (`FFMA`: 64 FLOPs each).
#
# All three operands, with what lane 14 (g = 3, t = 2) holds in colour. The small numbers are lanes:

# %%
fig, ax = plt.subplots(figsize=(7.5, 6.6))
corners = {"A": (0, 0, 16, 16), "B": (17.5, -17.5, 16, 8), "C": (17.5, 0, 16, 8)}  # x, y, rows, columns
for name, (left, top, high, wide) in corners.items():
    for i in range(high):
        for j in range(wide):
            along, across = (i, j) if name == "B" else (j, i)  # B's quads are columns
            owner = across % 8 * 4 + along % 8 // 2
            number = across // 8 * 2 + along % 2 if name == "C" else across // 8 + along // 8 * (1 + (name == "A"))
            mine = owner == 14
            ax.add_patch(plt.Rectangle((left + j, top + i), 1, 1, facecolor="C1" if mine else "none", alpha=0.85,
                                       edgecolor="0.6", linewidth=0.4))
            label = f"{name.lower()}{number}" if mine else owner
            ax.text(left + j + 0.5, top + i + 0.55, label, ha="center", va="center", fontsize=8 if mine else 6,
                    color="black" if mine else "0.5")
    ax.text(left, top - 0.4, f"{name}, {high} x {wide}", fontsize=9)
ax.text(0, -9, "a row of A and a column of B\nbelong to a quad; an element of C\nto the quad of its row, and to the\nplace of its column", fontsize=9)
ax.set(xlim=(-0.5, 26), ylim=(16.5, -18.7), aspect="equal")
_ = ax.axis("off")

# %% [markdown]
# (a0 to a3 and b0, b1 are registers, of two halves each; c0 to c3 are floats.) B looks like A on its side: a *column* of B belongs to a quad, and a register holds two neighbours **along k**. That is what `.row.col` in the instruction's name means: A comes by rows, B by columns, both with k running fastest.
#
# The general rule for A and B, for elements of 32 bits or fewer (C holds two neighbours of 32 bits, 8 bytes): a lane holds **4 bytes of a row** of each 8-row block, e = 32 / bits elements; four lanes make 16 bytes. If the tile is deeper than 16 bytes, it goes on with the next registers.

# %% [markdown]
# {{card 06.31}}
# `fragment(operand, k, bits)`: the thread-value layout of `"A"`, `"B"` or `"C"` of `mma.sync` m16n8k*k* with elements of `bits` bits: a layout of two modes, (lane, value) → index in the **column-major** tile. As in CuTe, the tile of A is 16 × k, that of C 16 × 8, and that of **B is 8 × k** (n first): column j, row p of B has index j + 8·p.
#
# Values are numbered register by register: value v of A is element v % e of register v // e, with e = 32 / bits. C is always 32-bit, four values, as in the picture above.
#
# Tried: k = 16 and 8 with 16 bits, k = 8 and 4 with 32 bits (tf32), k = 32 and 16 with 8 bits. At the smaller k, A has two registers (rows 0-7, rows 8-15) and B one.
#
# `fragment("C", 16, 16)` is `(((4, 8), (2, 2)), ((32, 1), (16, 8)))`. Any layout with the same offsets is as good. Plain Python.

# %% tags=["exercise"]
# Exercise 06.31
def fragment(operand, k, bits):
    """(lane, value) -> index in the column-major tile of an operand of mma.sync."""
    ### BEGIN SOLUTION
    each = 2 if operand == "C" else 32 // bits  # neighbours in a row that a lane holds
    rows = 8 if operand == "B" else 16
    columns = 8 if operand == "C" else k
    lanes = (4, 8), (each * rows, 1)
    values = (each, rows // 8, columns // (4 * each)), (rows, 8, 4 * each * rows)
    return (lanes[0], values[0]), (lanes[1], values[1])
    ### END SOLUTION

# %% tags=["check"]
check("06.31")

# %% [markdown]
# Does the hardware agree? Deal A and B to lanes **by your layouts**, on the host, and let a kernel do nothing but load four and two registers, call `mma`, and store four floats:

# %%
bare_mma = r"""
__global__ void product(const uint4* a, const uint2* b, float4* d) {
    uint4 A = a[threadIdx.x];
    uint2 B = b[threadIdx.x];
    float4 c = {};
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c.x), "+f"(c.y), "+f"(c.z), "+f"(c.w)
                 : "r"(A.x), "r"(A.y), "r"(A.z), "r"(A.w), "r"(B.x), "r"(B.y));
    d[threadIdx.x] = c;
}"""


def dealt(tile, layout):
    """What each lane holds: (32, values). The tile is numbered column-major."""
    return np.ascontiguousarray(tile.ravel(order="F")[layouts.offsets(layout)].reshape(-1, 32).T)


if ready("06.31"):
    rng = np.random.default_rng(1)
    A, B = (rng.standard_normal(shape).astype(np.float16) for shape in ((16, 16), (16, 8)))
    a, b = dealt(A, fragment("A", 16, 16)), dealt(B.T, fragment("B", 16, 16))
    d, C = np.zeros((32, 4), np.float32), np.zeros(128, np.float32)
    emulate(bare_mma, "product", 1, 32, [a.view(np.uint32), b.view(np.uint32), d])
    C[layouts.offsets(fragment("C", 16, 16))] = d.T.ravel()
    print("largest difference from A @ B:", abs(C.reshape(16, 8, order="F") - A.astype(float) @ B).max())
    same = layouts.offsets(fragment("C", 16, 16)) == layouts.offsets(fragment("A", 8, 16))
    print("C of FP32 is dealt as A of FP16 with k = 8:", same.all())

# %% [markdown]
# The last line is no accident. Two results C next to each other, rounded to FP16, **are** an A of k = 16, in the same lanes: no shared memory in between. FlashAttention lives on it: P = softmax(Q·Kᵀ) is the C of one product and the A of the next.
#
# ### What the sum is
#
# "FP16 in, FP32 accumulate" is not a chain of FP32 multiply-adds. Products are exact; then all 16 of them and C are shifted to the **largest exponent** among them, what hangs over more than two bits below FP32's last place is **cut off**, and the result is cut to FP32, toward zero. (Found by trying on an H100; the emulated GPU does it bit for bit.)
# To see it, give all rows of A the same numbers x, and all columns of B the same y. Then every element of C is the dot product x · y, 16 terms an instruction:

# %%
dot = r"""
__global__ void dot(const unsigned* x, const unsigned* y, float start, int steps, float* d) {
    float c[4] = {start, start, start, start};
    x += threadIdx.x % 4, y += threadIdx.x % 4;  // place t: words t and t + 4 of sixteen halves
    for (int s = 0; s < 8 * steps; s += 8)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%4,%5,%5}, {%6,%7}, {%0,%1,%2,%3};"
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(x[s]), "r"(x[s + 4]), "r"(y[s]), "r"(y[s + 4]));
    d[threadIdx.x] = c[0];
}"""


def three_sums(words, x, y, start):
    """Prints start + x · y: exactly, by a chain of FP32 multiply-adds, and by mma.sync."""
    x, y = np.array(x, np.float16), np.array(y, np.float16)
    d, chain, exact = np.zeros(32, np.float32), np.float32(start), start + x.astype(float) @ y
    emulate(dot, "dot", 1, 32, [x.view(np.uint32), y.view(np.uint32), start, len(x) // 16, d])
    for one in x.astype(float) * y:
        chain = np.float32(chain + one)
    print(f"{words:28} exact {exact:.9f}   chain {chain / exact - 1:+.1e}   mma {d[0] / exact - 1:+.1e}")
    return chain / exact - 1, d[0] / exact - 1


three_sums("1 + 16 · 2^-24", [2**-12] * 16, [2**-12] * 16, 1.0)
three_sums("1 + 16 · 2^-26", [2**-13] * 16, [2**-13] * 16, 1.0)
rng = np.random.default_rng(3)
off = [three_sums("4096 random products >= 0", rng.random(4096), rng.random(4096), 0.0) for _ in range(4)]
assert all(mma < -30 * abs(chain) and 2**-11 / abs(mma) > 20 for chain, mma in off)

# %% [markdown]
# Line 1: each product is half of the last place of 1. The chain rounds it away sixteen times; the tensor core adds sixteen before it cuts, and is exact. Line 2: two bits further down, the products are gone before they are added. The other lines: over a long k of positive terms, cutting always errs **downward**, while rounding errs both ways.
# So a tensor-core sum is another sum than a chain: better in line 1, more than 30 times worse here at k = 4096 (and still 20 times finer than rounding the result to FP16, 2^-11 at most). Compare with float64 and a tolerance that grows with k, never bit by bit with an FP32 kernel.

# %% [markdown]
# From here on you write it in CUDA C++. The next cell has the instructions as functions, for all exercises of this section: `mma(c, a, b)` adds A·B to the warp's C; `pair(low, high)` packs two halves in a register; `ldmatrix` and
# `ldmatrix_trans` come further down; `store` writes a warp's 16 × 8 of C to row i, column j, as far as it is inside m × n.

# %% tags=["setup"]
tensor_ops = r"""
#include <cuda_fp16.h>
__device__ void mma(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {  // c += a b
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ unsigned pair(half low, half high) { return __half_as_ushort(low) | __half_as_ushort(high) << 16; }
#define LDMATRIX(name, trans) __device__ void name(unsigned (&r)[4], const uint4* row) { \
    asm volatile("ldmatrix.sync.aligned.m8n8.x4" trans ".shared.b16 {%0,%1,%2,%3}, [%4];" \
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) \
                 : "r"((unsigned)__cvta_generic_to_shared(row)) : "memory"); }
LDMATRIX(ldmatrix, "")
LDMATRIX(ldmatrix_trans, ".trans")
__device__ void store(float* C, const float (&c)[4], int i, int j, int m, int n) {
    int lane = threadIdx.x % 32, row = i + lane / 4, column = j + lane % 4 * 2;  // n is even: both columns or none
    if (row < m && column < n) *(float2*)(C + row * n + column) = {c[0], c[1]};
    if (row + 8 < m && column < n) *(float2*)(C + (row + 8) * n + column) = {c[2], c[3]};
}
"""

# %%
def half_product(source, m, n, k, tile, block):
    """Runs C = A · B in FP16 on the emulated GPU, a block for each tile (rows, columns) of C."""
    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal(shape).astype(np.float16) for shape in ((m, k), (k, n)))
    C = np.zeros((m, n), np.float32)
    report = emulate(source, "hgemm", (-(-n // tile[1]), -(-m // tile[0])), block, [A, B, C, m, n, k])
    assert np.allclose(C, A.astype(float) @ B, atol=1e-3) and not report.faults
    return report


def tensor_flops(report):
    """FLOPs done by mma."""
    return report.metrics["sm__ops_path_tensor_src_fp16.sum"]

# %% [markdown]
# {{card 06.32}}
# `hgemm`: C = A · B, A m × k and B k × n FP16, C float32, all row-major. m is a multiple of 16, n of 8, k of 16. One block of **one warp** makes a 16 × 8 tile of C; the launch is n / 8 × m / 16 blocks (x, y). Load the fragments from global memory by hand, step through k by 16, store C.
#
# Given: `mma`, `pair` and `store` (above). A, B and C already point to the block's tile, so for `store` it begins at row 0, column 0; its n is also the length of C's rows.
#
# m = 16, n = 8, k = 16, all elements 1: every element of C is 16.
#
# Budget: 8 load requests for each step, since A's halves come in pairs. All FLOPs by `mma`.

# %% tags=["exercise"]
# Exercise 06.32
one_warp = tensor_ops + r"""
__global__ void hgemm(const half* A, const half* B, float* C, int m, int n, int k) {
    int lane = threadIdx.x, g = lane / 4, t = lane % 4;
    A += blockIdx.y * 16 * k, B += blockIdx.x * 8, C += blockIdx.y * 16 * n + blockIdx.x * 8;
    float c[4] = {};
    // ### BEGIN SOLUTION
    for (int p = 0; p < k; p += 16) {
        unsigned a[4], b[2];
        for (int r = 0; r < 4; ++r) a[r] = *(const unsigned*)(A + (g + r % 2 * 8) * k + p + r / 2 * 8 + 2 * t);
        for (int r = 0; r < 2; ++r) {
            const half* at = B + (p + r * 8 + 2 * t) * n + g;
            b[r] = pair(at[0], at[n]);
        }
        mma(c, a, b);
    }
    for (int v = 0; v < 4; ++v) C[(g + v / 2 * 8) * n + 2 * t + v % 2] = c[v];
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("06.32")

# %%
picture = None
if ready("06.32"):
    rung = half_product(one_warp, 64, 64, 64, (16, 8), 32)
    print(f"{tensor_flops(rung) / rung.metrics['bytes_moved.read']:.1f} FLOPs a byte")
    picture = annotate(rung)
picture

# %% [markdown]
# All FLOPs of the product come out of one line. And look at what feeds it: eight loads, four of them for two bytes a lane. A 4-byte load of A takes 8 rows of 16 bytes: half of each sector is thrown away, and half of what came for B as well. Tiles in shared memory mend the sectors, as in section 8. But the fragments of one mma still cost eight loads, of 4 and 2 bytes.
#
# ### ldmatrix
#
# `ldmatrix` loads fragments from shared memory in one instruction. It moves 8 × 8 matrices of 16-bit elements. **Every lane names one row** of 16 bytes, by its address, and **every quad gets one row**: address and data belong to different lanes. With `.x4`, lanes 0-7 name the rows of matrix 0, lanes 8-15 those of matrix 1, and so on; matrix q arrives in register q.

# %%
fig, axes = plt.subplots(1, 3, figsize=(7.5, 3.1))
titles = ["who gives the address", "who gets it: ldmatrix", "who gets it: ldmatrix .trans"]
for ax, title in zip(axes, titles):
    for i in range(8):
        for j in range(8):
            given, plain, turned = i, 4 * i + j // 2, 4 * j + i // 2
            owner = {titles[0]: given, titles[1]: plain, titles[2]: turned}[title]
            hue = f"C{(owner if title == titles[0] else owner // 4) % 8}"
            strong = 0.75 if title != titles[0] and owner == 5 else 0.25
            ax.add_patch(plt.Rectangle((j, i), 1, 1, facecolor=hue, alpha=strong, edgecolor="0.6", linewidth=0.5))
            if title != titles[0]:
                ax.text(j + 0.5, i + 0.55, owner, ha="center", va="center", fontsize=7)
        if title == titles[0]:
            ax.text(4, i + 0.55, f"lane {i}: 16 bytes", ha="center", va="center", fontsize=8)
    ax.set(xlim=(-0.1, 8.1), ylim=(8.1, -0.1), aspect="equal")
    ax.set_title(title, fontsize=9)
    ax.axis("off")

# %% [markdown]
# A row of the picture is a row in shared memory. In the middle, lane 5 gets two neighbours of a row. That is what A wants: rows of A are in memory as k runs. On the right, lane 5 gets two neighbours of a *column*. That is what B wants when it is row-major, as ours: B's register holds two neighbours along k, and in memory they lie in different rows. No 4-byte load can pick them up; `.trans` does it on the way, at the same price.
# (If B is stored by columns, n × k as weights often are, plain `ldmatrix` is right for both.)
#
# What does it cost? Eight rows of 16 bytes are 128 bytes: one wavefront, **if the eight rows lie in different banks**. In a tile with rows of 128 bytes they all lie in the same four. Section 7 has the cure.

# %% [markdown]
# {{card 06.33}}
# `hgemm` as before, m a multiple of 16, n and k of **64**; one warp makes a 16 × 64 tile of C, in steps of 64 along k. The launch is n / 64 × m / 16 blocks (x, y) of 32 threads.
#
# For each step: copy the tile of A (16 × 64) and that of B (64 × 64) to shared memory, in chunks of 16 bytes; for each 16 of k, get A with one `ldmatrix`, B with four `ldmatrix_trans`, and do eight products. `c[j]` is the sum of columns 8j to 8j + 7; storing it is given. A already points to the block's first row, B to its first column; C is not moved.
#
# Given: `ldmatrix(r, row)` and `ldmatrix_trans(r, row)`, `.x4` each: `r` is `unsigned r[4]`, and every lane passes the address of one row of 16 bytes. `As[8 * r + q]` is meant to be chunk q of row r; move the chunks as you like. `mma` takes `{b[0], b[1]}` as its last argument.
#
# Budgets: each tile read once a step, 20 load requests a step; 20 shared loads a step; **no bank conflicts**. All FLOPs by `mma`.

# %% tags=["exercise"]
# Exercise 06.33
by_ldmatrix = tensor_ops + r"""
__global__ void hgemm(const half* A, const half* B, float* C, int m, int n, int k) {
    __shared__ uint4 As[16 * 8], Bs[64 * 8];  // chunks of 16 bytes, 8 in a row
    int lane = threadIdx.x;
    A += blockIdx.y * 16 * k, B += blockIdx.x * 64;
    float c[8][4] = {};
    // ### BEGIN SOLUTION
    for (int p = 0; p < k; p += 64) {
        for (int e = lane; e < 64 * 8; e += 32) {
            int r = e / 8, q = e % 8, place = r * 8 + (q ^ r % 8);
            if (r < 16) As[place] = *(const uint4*)(A + r * k + p + q * 8);
            Bs[place] = *(const uint4*)(B + (p + r) * n + q * 8);
        }
        __syncthreads();
        for (int s = 0; s < 4; ++s) {
            unsigned a[4], b[4];
            int r = lane % 16, h = lane / 16;  // the lane's row of 16, and which 8 columns
            ldmatrix(a, As + r * 8 + ((2 * s + h) ^ r % 8));
            for (int j = 0; j < 4; ++j) {
                ldmatrix_trans(b, Bs + (16 * s + r) * 8 + ((2 * j + h) ^ r % 8));
                mma(c[2 * j], a, {b[0], b[1]});
                mma(c[2 * j + 1], a, {b[2], b[3]});
            }
        }
        __syncthreads();
    }
    // ### END SOLUTION
    for (int j = 0; j < 8; ++j) store(C, c[j], blockIdx.y * 16, blockIdx.x * 64 + 8 * j, m, n);
}"""

# %% tags=["check"]
check("06.33")

# %%
picture = None
if ready("06.33"):
    rung = half_product(by_ldmatrix, 64, 64, 64, (16, 64), 32)
    fronts = rung.metrics["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"]
    print(f"{tensor_flops(rung) / rung.metrics['bytes_moved.read']:.1f} FLOPs a byte;",
          f"{fronts / (tensor_flops(rung) / 4096):.2f} wavefronts of shared loads for each mma")
    picture = annotate(rung)
picture

# %% [markdown]
# Five `ldmatrix` for eight `mma`: fragments stopped being the bulk of the instructions. The swizzle is the XOR of 06.18 on chunk numbers, `Swizzle<3,4,3>` in bytes; the copy into shared memory and the `ldmatrix` address use the same expression. One warp a block is still a toy: B's 64 × 64 tile serves only 16 rows of C. Now the real thing.

# %% [markdown]
# {{card 06.34}}
# `hgemm` for **any m ≥ 1**; n and k are multiples of 8 (so that a row begins at a multiple of 16 bytes). A block of **128 threads**, four warps, makes a 64 × 64 tile of C in steps of 32 along k; each warp owns a warp tile of 32 × 32: rows `wi` to wi + 31, columns `wj` to wj + 31 of the block's tile. The launch is ⌈n / 64⌉ × ⌈m / 64⌉ blocks.
#
# Shared memory: the tile of A, 64 rows of 4 chunks; the tile of B, 32 rows of 8 chunks. What is outside of A or B is 0. `c[i][j]` is the 16 × 8 piece of the block's tile that begins at row wi + 16i, column wj + 8j; storing is given.
#
# m = 1, n = k = 8, all elements 1: eight times 8.
#
# Budgets: 16 load requests a block and step (of 16 bytes a lane); **no bank conflicts**, and mind that A's rows have only 64 bytes (`swizzle_for` of 06.19 knows); at m = n = k = 64 also bytes read: half of what `tile_traffic(m, n, k, 64, 64)` says for float32 (+2 %), and 2 wavefronts of shared loads for each mma. All FLOPs by `mma`.

# %% tags=["exercise"]
# Exercise 06.34
block_tile = tensor_ops + r"""
__global__ void hgemm(const half* A, const half* B, float* C, int m, int n, int k) {
    __shared__ uint4 As[64 * 4], Bs[32 * 8];  // chunks of 16 bytes
    int x = threadIdx.x, lane = x % 32, wi = x / 64 * 32, wj = x / 32 % 2 * 32, i0 = blockIdx.y * 64, j0 = blockIdx.x * 64;
    float c[2][4][4] = {};
    // ### BEGIN SOLUTION
    for (int p = 0; p < k; p += 32) {
        for (int e = x; e < 256; e += 128) {
            int r = e / 4, q = e % 4, i = i0 + r, at = p + 8 * q;
            As[r * 4 + (q ^ r / 2 % 4)] = i < m && at < k ? *(const uint4*)(A + i * k + at) : uint4{};
            r = e / 8, q = e % 8, at = j0 + 8 * q;
            Bs[r * 8 + (q ^ r % 8)] = p + r < k && at < n ? *(const uint4*)(B + (p + r) * n + at) : uint4{};
        }
        __syncthreads();
        for (int s = 0; s < 2; ++s) {
            unsigned a[2][4], b[2][4];
            for (int i = 0, h = lane / 16; i < 2; ++i) {
                int ar = wi + 16 * i + lane % 16, br = 16 * s + lane % 16;
                ldmatrix(a[i], As + ar * 4 + ((2 * s + h) ^ ar / 2 % 4));
                ldmatrix_trans(b[i], Bs + br * 8 + ((wj / 8 + 2 * i + h) ^ br % 8));
            }
            for (int i = 0; i < 2; ++i)
                for (int j = 0; j < 4; ++j) mma(c[i][j], a[i], {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]});
        }
        __syncthreads();
    }
    // ### END SOLUTION
    for (int i = 0; i < 2; ++i) for (int j = 0; j < 4; ++j) store(C, c[i][j], i0 + wi + 16 * i, j0 + wj + 8 * j, m, n);
}"""

# %% tags=["check"]
check("06.34")

# %%
picture = None
if ready("06.33") and ready("06.34"):
    narrow = half_product(by_ldmatrix, 64, 64, 64, (16, 64), 32)
    picture = compare(narrow, half_product(block_tile, 64, 64, 64, (64, 64), 128))
picture

# %% [markdown]
# ### Feeding it
#
# Global memory is one supplier. Shared memory is the nearer one, and it has a limit of its own: an SM gets **128 bytes a clock** out of it (a wavefront a clock). A tensor core's product waits for its fragments. For one step of 16 along k, a warp tile of R × S reads R rows of A and S columns of B, 16 deep, and does R/16 · S/8 mma with them.

# %% [markdown]
# {{card 06.35}}
# FP16, fragments by `ldmatrix` without conflicts, A and B from shared memory. How many bytes does a warp read for each mma with a warp tile of 16 × 8 (`bytes_16x8`) and of 64 × 64 (`bytes_64x64`)? With 32 × 32, at 128 bytes a clock, what share of the rate "one mma a clock" can be reached at best (`share_32x32`, between 0 and 1)?
#
# Hopper's `wgmma` m64n256k16 reads A (64 × 16) and B (16 × 256) from shared memory itself, once for a whole group of four warps. How many bytes for each 16 × 8 × 16 of its work (`bytes_wgmma`)?

# %% tags=["exercise"]
# Predict 06.35
bytes_16x8 = 768
share_32x32 = 0.5
bytes_64x64 = 128
bytes_wgmma = 80

# %% tags=["check"]
check("06.35")

# %% [markdown]
# The curve is the formula; the round points are what the emulated GPU counted for your kernels, the square is the formula for `wgmma` (a wavefront of `ldmatrix` is 128 bytes):

# %%
sides = np.array([16, 32, 64, 128, 256])
fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(sides, 32 * 2 * sides / (sides // 16 * (sides // 8)), marker=".", label="square warp tiles: formula")
for name, answer, tile, block, warp in [("06.33", "by_ldmatrix", (16, 64), 32, (16, 64)),
                                        ("06.34", "block_tile", (64, 64), 128, (32, 32))]:
    if ready(name):
        rung = half_product(globals()[answer], 64, 64, 64, tile, block)
        fronts = rung.metrics["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"]
        counted_bytes = 128 * fronts / (tensor_flops(rung) / 4096)
        assert counted_bytes == 32 * sum(warp) / (warp[0] // 16 * (warp[1] // 8))
        ax.plot((warp[0] * warp[1]) ** 0.5, counted_bytes, "o", color="C1")
        ax.annotate(f"  {name}: {warp[0]} x {warp[1]}, counted", ((warp[0] * warp[1]) ** 0.5, counted_bytes), fontsize=9)
ax.plot(128, 80, "s", color="C2")
ax.annotate("  wgmma, 64 x 256", (128, 80), fontsize=9)
ax.axhline(128, color="C4", linestyle="--")
ax.text(16, 108, "128 bytes a clock: one mma a clock", color="C4", fontsize=9, va="top")
ax.set(xscale="log", yscale="log", xlabel="side of the warp tile (root of its area)", ylabel="bytes for each mma")
ax.set_xticks(sides, sides)
ax.set_yticks([32, 64, 128, 256, 512], [32, 64, 128, 256, 512])
ax.minorticks_off()
_ = ax.margins(x=0.08, y=0.12)

# %% [markdown]
# A warp tile of 64 × 64 is only just enough, with nothing left for the copies *into* shared memory, and its sums are 128 registers of each lane (06.5). 128 × 128 would need 512: no lane has them. **That is the wall that mma.sync runs into.** Hopper's answer is `wgmma`: four warps, 128 threads, hold one tile of up to 64 × 256 together, the same 128 registers a lane; the tensor cores fetch the operands from shared memory, B once for all four. With `mma.sync` each warp would fetch B for itself: 272 bytes in place of 80. And no registers and no instructions are spent on fragments any more.
#
# **The ladder, counted**, from here on in FP16; the first two rungs are from section 12. The last two columns, wavefronts of shared loads and instructions of warps, are for 4,096 FLOPs: what one mma does.

# %%
# name: exercise, source, tile, block, FLOPs a byte that the tile promises
tensor_rungs = {"one warp, by hand": ("06.32", "one_warp", (16, 8), 32, 2 * 16 * 8 / (2 * (16 + 8))),
                "ldmatrix, 16 x 64": ("06.33", "by_ldmatrix", (16, 64), 32, 2 * 16 * 64 / (2 * (16 + 64))),
                "block 64 x 64": ("06.34", "block_tile", (64, 64), 128, 2 * 64 * 64 / (2 * (64 + 64)))}
before = globals().get("counted", {})  # of section 12, if you have run it today
shown = {f"FP32, {name}": (before[name], intensity(before[name]), rungs[name][-1], 2 * 64**3)
         for name in ("naive", "boss") if name in before}
for name, (exercise, source, tile, block, promised) in tensor_rungs.items():
    if ready(exercise):
        report = half_product(globals()[source], 64, 64, 64, tile, block)
        done = tensor_flops(report)
        shown[name] = report, done / report.metrics["bytes_moved.read"], promised, done
print(f"{'':20}FLOP/B promised  global bytes  conflicts  wavefronts  instructions")
for name, (report, seen, promised, done) in shown.items():
    fronts = report.metrics["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"] / (done / 4096)
    conflicts = sum(value for metric, value in report.metrics.items() if "data_bank_conflicts" in metric)
    print(f"{name:20}{seen:6.2f}{promised:9.2f}{report.metrics['bytes_moved.read']:14,.0f}{conflicts:11,.0f}"
          f"{fronts:12.2f}{report.metrics['smsp__inst_executed.sum'] / (done / 4096):14.1f}")

# %% [markdown]
# ## 14 The same product in Triton
#
# In Triton you write what one **program** does to one tile of C. A program is a block of threads, but you never see a thread:
#
# | yours | the compiler's |
# |---|---|
# | the tile BM × BN × BK, the order of the tiles | which thread holds which element |
# | addresses and masks | how wide a load is, layout and swizzle in shared memory |
# | `num_warps`, `num_stages` | `mma.sync` or `wgmma`, the pipeline, every barrier |
#
# A first product, float16 in and out, row-major, **k a multiple of BK**:

# %%
from utils import triton_code


@triton.jit
def first_kernel(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    i = tl.program_id(0) * BM + tl.arange(0, BM)
    j = tl.program_id(1) * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        p = start + tl.arange(0, BK)
        x = tl.load(a + i[:, None] * k + p[None, :], mask=i[:, None] < m, other=0.0)  # BM x BK
        y = tl.load(b + p[:, None] * n + j[None, :], mask=j[None, :] < n, other=0.0)  # BK x BN
        total = tl.dot(x, y, total)
    inside = (i[:, None] < m) & (j[None, :] < n)
    tl.store(c + i[:, None] * n + j[None, :], total.to(tl.float16), mask=inside)


device = "cuda" if torch.cuda.is_available() else "cpu"  # without a GPU, Triton's interpreter
a, b = (torch.randn(shape, generator=torch.Generator().manual_seed(0)).half().to(device) for shape in ((70, 64), (64, 50)))
c = torch.empty(70, 50, dtype=torch.float16, device=device)
first_kernel[(triton.cdiv(70, 32), triton.cdiv(50, 32))](a, b, c, 70, 50, 64, BM=32, BN=32, BK=32)
error = (c.double() - a.double() @ b.double()).abs().max().item()
print(f"70 x 64 times 64 x 50: 3 x 2 programs, largest error {error:.4f}")
assert error < 0.02

# %% [markdown]
# What took 30 lines of CUDA C++ is `tl.dot`: tile times tile, added to `total`. Its sides are powers of two, BK at least 16.
#
# - Products of float16 are exact in float32, and `total` is float32: each addition is cut to float32 (section 13), and there is one rounding to float16, at the store.
# - Trap: with **float32** inputs `tl.dot` uses TF32 on a GPU, 10 bits of fraction, unless you say `input_precision="ieee"`. The interpreter
#   computes in full float32 and hides it. That is why this section uses float16.
#
# ### The order of the tiles
#
# Programs start about in the order of their numbers, an H100 runs 132 at a time (one an SM, for large tiles). Those that run together can share
# what they load, in the L2 cache. So the *order* of tiles decides what comes from HBM.
#
# *Plain*: along a row of tiles, then the next row. *Grouped*: take a band of GROUP rows of tiles, walk **down** the band, then one column to the right.

# %% [markdown]
# {{card 06.36}}
# 4096 × 4096 × 4096, float16, tiles of 128 × 128: C has 32 × 32 tiles. The first wave is 132 programs. How many rows of tiles, which are bands of
# A, and how many columns of tiles, bands of B, does it touch in the plain order (`rows_plain`, `columns_plain`), and with GROUP = 8 (`rows_grouped`,
# `columns_grouped`)? All 132 do a step of BK = 64 at the same time, and every piece comes from HBM once: how many **KiB** is that in the grouped
# order (`kib_grouped`)?

# %% tags=["exercise"]
# Predict 06.36
rows_plain = 5
columns_plain = 32
rows_grouped = 8
columns_grouped = 17
kib_grouped = 400

# %% tags=["check"]
check("06.36")

# %%
def tiles_in_order(rows, columns, group):
    """Bands of `group` rows, each walked down and then to the right."""
    bands = [range(top, min(top + group, rows)) for top in range(0, rows, group)]
    return [(row, column) for band in bands for column in range(columns) for row in band]


fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.9))
for ax, group, title in zip(axes, (1, 8), ("plain", "GROUP = 8")):
    wave = tiles_in_order(32, 32, group)[:132]
    rows, columns = {row for row, _ in wave}, {column for _, column in wave}
    for row, column in wave:
        ax.add_patch(plt.Rectangle((column, row), 0.8, 0.8, color="C0"))
    for row in rows:
        ax.add_patch(plt.Rectangle((-4, row), 3, 0.8, color="C1"))
    for column in columns:
        ax.add_patch(plt.Rectangle((column, -4), 0.8, 3, color="C2"))
    ax.add_patch(plt.Rectangle((0, 0), 32, 32, fill=False, edgecolor="0.5"))
    ax.text(-2.5, -2.5, f"{len(rows)}+{len(columns)}", ha="center", va="center", fontsize=9)
    ax.text(16, 25, f"C: {len(wave)} tiles at a time\nfor {len(rows)} bands of A (left)\nand {len(columns)} bands of B (top)", ha="center", fontsize=9)
    ax.set(xlim=(-4.2, 32.2), ylim=(32.2, -4.2), aspect="equal")
    ax.set_title(title, fontsize=10)
    ax.axis("off")

# %% [markdown]
# The same 132 tiles of work, 37 bands or 25. A wave is a tile of C itself, and section 1 holds once more: it *does* rows · columns and *loads*
# rows + columns. The squarest wave is best; √132 = 11.5. Here every wave of the whole product, counted:

# %%
def bands(side, group, wave=132):
    """Bands of A and B that all waves load, for a square product in 128 x 128 tiles."""
    order = tiles_in_order(side // 128, side // 128, group)
    waves = [order[at : at + wave] for at in range(0, len(order), wave)]
    return sum(len({row for row, _ in one}) + len({column for _, column in one}) for one in waves)


print("        side 4096: bands    MiB     ms      side 8192: bands    MiB     ms   at 3.35 TB/s")
for group in (1, 2, 4, 8, 11, 16, 32):
    line = f"GROUP {group:2}"
    for side in (4096, 8192):
        count = bands(side, group)
        loaded = count * 128 * side * 2
        line += f"{count:17,}{loaded / 2**20:7,.0f}{loaded / 3.35e12 * 1e3:7.2f}{'':7}"
    print(line)
assert bands(8192, 1) > 2.4 * bands(8192, 8) and bands(4096, 4) > bands(4096, 1)

# %% [markdown]
# It is a model: nothing survives in L2 from wave to wave, everything is shared within one. It is good for three lessons:
#
# - At 8192 the plain order would need 1.3 ms of HBM alone; cuBLAS needs about 1.4 ms for all of it (section 21). That close to the limit, loads no longer hide. Grouped it is 0.5 ms.
# - GROUP need not be a power of two, and a wrong one is worthless: 4 rows · 32 columns are 128 tiles, so at 4096 a wave of 132 takes a whole band of 4 and
#   begins another.
# - At 4096 the plain order is 0.09 ms of HBM under some 0.18 ms of products: the gain may be nothing. "Grouping gives 10 %" is a statement about one GPU and size.

# %% [markdown]
# {{card 06.37}}
# `place_of(tile, rows, columns, group)`: the row and the column of the tile that program number `tile` computes, in the grouped order. C has rows ×
# columns tiles. If group does not divide rows, the last band is lower. Return a pair of ints; arithmetic on integers only, as in a kernel.
#
# 3 × 2 tiles, group 2: tiles 0 to 5 are at (0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (2, 1).

# %% tags=["exercise"]
# Exercise 06.37
def place_of(tile, rows, columns, group):
    """(row, column) of the tile-th tile in the grouped order."""
    ### BEGIN SOLUTION
    first = tile // (group * columns) * group
    within = tile % (group * columns)
    height = min(rows - first, group)
    return first + within % height, within // height
    ### END SOLUTION

# %% tags=["check"]
check("06.37")

# %%
if ready("06.37"):
    places = np.array([place_of(tile, 7, 9, 3) for tile in range(63)])
    fig, ax = plt.subplots(figsize=(5, 3.4))
    ax.plot(places[:, 1], places[:, 0], color="C0", alpha=0.4, linewidth=1)
    for tile, (row, column) in enumerate(places):
        ax.text(column, row, tile, ha="center", va="center", fontsize=9)
    ax.set(xlim=(-0.6, 8.6), ylim=(6.6, -0.6), title="7 x 9 tiles, group 3: the last band has one row")
    ax.axis("off")

# %% [markdown]
# {{card 06.38}}
# `matmul(a, b)`: a is float16[m, k], b float16[k, n], **any sizes ≥ 1 and any strides**: `a.stride(0)` and `a.stride(1)` are the distances, in elements, from row to
# row and from column to column. No copies. Returns a new contiguous float16[m, n]; sums in float32, one launch. Kernel and launcher are yours, signatures too; keep the name `matmul`.
# The grouped order of 06.37 is welcome and not asked for.
#
# a = [[1, 2]], b = [[3], [4]] gives [[11]].

# %% tags=["exercise"]
# Exercise 06.38
@triton.jit
def matmul_kernel(a, b, c, m, n, k, a_row, a_col, b_row, b_col,
                  BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    ### BEGIN SOLUTION
    tile, rows, columns = tl.program_id(0), tl.cdiv(m, BM), tl.cdiv(n, BN)
    first, within = tile // (GROUP * columns) * GROUP, tile % (GROUP * columns)
    height = min(rows - first, GROUP)
    i = (first + within % height) * BM + tl.arange(0, BM)
    j = within // height * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), tl.float32)
    for step in range(tl.cdiv(k, BK)):
        p = step * BK + tl.arange(0, BK)
        x_inside, y_inside = (i[:, None] < m) & (p[None, :] < k), (p[:, None] < k) & (j[None, :] < n)
        x = tl.load(a + i[:, None] * a_row + p[None, :] * a_col, mask=x_inside, other=0.0)
        y = tl.load(b + p[:, None] * b_row + j[None, :] * b_col, mask=y_inside, other=0.0)
        total = tl.dot(x, y, total)
    tl.store(c + i[:, None] * n + j[None, :], total.to(tl.float16), mask=(i[:, None] < m) & (j[None, :] < n))
    ### END SOLUTION


def matmul(a, b):
    ### BEGIN SOLUTION
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty((m, n), dtype=torch.float16, device=a.device)
    grid = (triton.cdiv(m, 64) * triton.cdiv(n, 64),)
    matmul_kernel[grid](a, b, c, m, n, k, *a.stride(), *b.stride(), BM=64, BN=64, BK=32, GROUP=8)
    return c
    ### END SOLUTION


# %% tags=["check"]
check("06.38")

# %%
if ready("06.38"):
    queries, keys = (torch.randn(rows, 40, generator=torch.Generator().manual_seed(rows)).half().to(device) for rows in (50, 60))
    scores = matmul(queries, keys.T)  # a view: strides swapped, nothing moved
    print("Q times K transposed, no copy: largest error",
          f"{(scores.double() - queries.double() @ keys.double().T).abs().max().item():.4f}")

# %% [markdown]
# ### What `num_stages` becomes
#
# A GPU that waits for each tile before it multiplies would wait most of the time. The cure is a **pipeline**: with `num_stages` buffers in shared memory, the loads
# of the next tiles are under way while one is multiplied. Triton builds it from your plain loop. And `tl.dot` becomes Hopper's `wgmma`: a
# **warp group** of 4 warps multiplies a 64 × 16 by a 16 × 256 piece straight out of shared memory, with 64 × 256 sums in its registers.

# %% [markdown]
# {{card 06.39}}
# `first_kernel` with BM, BN, BK = 128, 256, 64, float16. With `num_stages=3`, how much shared memory does a block take (`shared_bytes`)? How many registers of a
# thread would the sums fill, without any limit, with 4 warps (`sums_4_warps`), and with 8 (`sums_8_warps`)? With 8 warps, two warp groups share the 128 rows: how many `wgmma` m64n256k16
# does each of them issue for one step of BK = 64 (`wgmma_a_step`)?

# %% tags=["exercise"]
# Predict 06.39
shared_bytes = 147_456
sums_4_warps = 256
sums_8_warps = 128
wgmma_a_step = 4

# %% tags=["check"]
check("06.39")

# %% [markdown]
# No GPU is needed to see it: Triton compiles for an H100 (sm_90) anywhere. What follows is counted in the PTX, registers and spills are what `ptxas` says.

# %%
def compiled(kernel, tile, num_warps, num_stages):
    """The kernel for three matrices of 4096 x 4096, compiled for an H100."""
    x = np.zeros((4096, 4096), np.float16)
    return triton_code(kernel, x, x, x, 4096, 4096, 4096, *tile, num_warps=num_warps, num_stages=num_stages)


print("warps  stages  shared bytes  cp.async  wgmma  registers  spilled bytes a thread")
for warps, stages in ((8, 1), (8, 2), (8, 3), (8, 4), (4, 3)):
    code = compiled(first_kernel, (128, 256, 64), warps, stages)
    copies, products = code.ptx.count("cp.async.cg"), code.ptx.count("wgmma.mma_async")
    print(f"{warps:5}{stages:8}{code.shared:14,}{copies:10}{products:7}{code.registers:11}{code.spilled:9}")
    assert code.shared >= stages * 49_152 and products == 32 // warps and (copies > 0) == (stages > 1)
    assert (code.spilled > 0) == (warps == 4)

# %% [markdown]
# Read it line by line:
#
# - **One stage**: no `cp.async`. Tiles go through registers, and nothing overlaps.
# - **More stages**: `cp.async` copies global → shared without registers and without waiting. A thread's share of a stage is 49,152 / (256 · 16) = 12 copies of 16 bytes. With 3 stages there are 36 in
#   the code: 24 before the loop, which fill two buffers, and 12 in it, which refill the one just used. `num_stages` counts buffers, so `num_stages - 1` tiles are on their way.
# - **Each stage costs 48 KiB**. Four fit under 232,448 bytes; five would be 245,760, and the launch fails with `OutOfResources`.
# - **4 warps**: 256 sums a thread, at most 255 registers. It compiles, it is right, and it spills in the innermost loop. Nothing warns you; look at the spills.
#
# `cp.async` still needs every thread to compute addresses. Hopper's **TMA** takes a descriptor of the whole matrix and copies a tile when *one* thread asks. In Triton: a tensor descriptor.

# %%
@triton.jit
def tma_kernel(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows_of_a = tl.make_tensor_descriptor(a, [m, k], [k, 1], [BM, BK])
    rows_of_b = tl.make_tensor_descriptor(b, [k, n], [n, 1], [BK, BN])
    rows_of_c = tl.make_tensor_descriptor(c, [m, n], [n, 1], [BM, BN])
    i, j = tl.program_id(0) * BM, tl.program_id(1) * BN
    total = tl.zeros((BM, BN), tl.float32)
    for p in range(0, k, BK):
        total = tl.dot(rows_of_a.load([i, p]), rows_of_b.load([p, j]), total)
    rows_of_c.store([i, j], total.to(tl.float16))


code = compiled(tma_kernel, (128, 128, 64), 4, 3)
tiles, waits = code.ptx.count("cp.async.bulk.tensor"), code.ptx.count("mbarrier.try_wait")
print(f"{tiles} TMA copies in the code (3 stages: 2 of A, 2 of B before the loop, 1 + 1 in it, 1 for C),")
print(f"{code.ptx.count('cp.async.cg')} cp.async, mbarrier waits in the code: {waits}, {code.shared:,} bytes of shared memory")
assert tiles == 7 and code.ptx.count("cp.async.cg") == 0

# %% [markdown]
# No masks: what lies outside of the matrix is filled with 0, and not written. In return rows must begin at multiples of 16 bytes. The few bytes above 3 · 32 KiB are the **mbarriers** on which the
# arrival of a tile is awaited. This, persistent, is `solutions/kernels/gemm_triton.py`.

# %% [markdown]
# ### The epilogue rides along
#
# When the loop ends, the sums are in registers, in float32. A layer of a network wants more: a scale, a bias, an activation, a residual. Done one after the other, each is a trip of
# the whole matrix to memory and back:

# %%
m = n = 4096
trips = {"product": 1, "scale": 2, "bias": 2, "GELU": 2, "residual": 3}  # matrices of m x n read or written
apart, fused_bytes = sum(trips.values()) * m * n * 2, 2 * m * n * 2  # fused: the residual in, c out
saved = apart - fused_bytes
print(f"apart {apart / 1e6:.0f} MB, fused {fused_bytes / 1e6:.0f} MB (beyond a, b): {saved / 1e6:.0f} MB less,",
      f"{saved / 3.0e12 * 1e6:.0f} us at 3.0 TB/s")
print(f"the product itself: {2 * m * n * 4096 / 779e12 * 1e6:.0f} us at 779 TFLOP/s")
assert round(saved / 3.0e12 * 1e6) == 89

# %% [markdown]
# (3.0 TB/s is a device copy, 779 TFLOP/s is cuBLAS in bf16, both measured on one H100 80GB HBM3, clocks not locked.) Apart, the epilogue costs half as much time again as the product.

# %% [markdown]
# {{card 06.40}}
# `fused(a, b, bias, residual, scale)` is gelu(scale · (A B) + bias) + residual, in one launch: a float16[m, k], b float16[k, n], residual float16[m, n], all
# contiguous; bias float16[n], one number for each **column**; scale a Python float; k a multiple of 32. GELU in its exact form, x · Φ(x) = 0.5 · x · (1 + erf(x / √2)); `tl.erf`.
# Returns float16[m, n], **rounded once**: everything is computed in float32.
#
# The loop is written. Write what comes after it, the masked store included.
#
# a = [[1, 0, ...]], b = [[2], ...], scale = 0.5, bias = [0], residual = [[10]] gives gelu(1) + 10 = 10.84.

# %% tags=["exercise"]
# Exercise 06.40
@triton.jit
def fused_kernel(a, b, bias, residual, c, m, n, k, scale, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    i = tl.program_id(0) * BM + tl.arange(0, BM)
    j = tl.program_id(1) * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        p = start + tl.arange(0, BK)
        x = tl.load(a + i[:, None] * k + p[None, :], mask=i[:, None] < m, other=0.0)
        y = tl.load(b + p[:, None] * n + j[None, :], mask=j[None, :] < n, other=0.0)
        total = tl.dot(x, y, total)
    ### BEGIN SOLUTION
    at, live = i[:, None] * n + j[None, :], (i[:, None] < m) & (j[None, :] < n)
    shift = tl.load(bias + j, mask=j < n, other=0.0).to(tl.float32)
    rest = tl.load(residual + at, mask=live, other=0.0).to(tl.float32)
    z = scale * total + shift[None, :]
    z = 0.5 * z * (1.0 + tl.erf(z * 0.7071067811865476)) + rest
    tl.store(c + at, z.to(tl.float16), mask=live)
    ### END SOLUTION


def fused(a, b, bias, residual, scale):
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty((m, n), dtype=torch.float16, device=a.device)
    grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
    fused_kernel[grid](a, b, bias, residual, c, m, n, k, scale, BM=64, BN=64, BK=32)
    return c


# %% tags=["check"]
check("06.40")

# %% [markdown]
# "Is it the erf or the tanh GELU?" Models use both, and a checkpoint trained with one is run with the other. How far apart are they?

# %%
x = torch.linspace(-6, 6, 100_001, dtype=torch.float64)
exact, curved = (torch.nn.functional.gelu(x, approximate=form) for form in ("none", "tanh"))
apart = (exact - curved).abs().max().item()
print(f"largest difference {apart:.1e}; float16 just above 1 is spaced {2**-10:.1e}, bf16 {2**-7:.1e}")
assert 2**-12 < apart < 2**-10

# %% [markdown]
# Half of a float16 spacing at 1: added to a residual of about 1 it drowns, and the check of 06.40, whose tolerance goes with the largest number of a row, cannot tell either. But the largest difference is at ±2.7, and at -2.7 GELU is only -0.009: 5 % of it. Name the form all the same: through thirty layers, or in float32, it shows.
#
# ## 15 Few tiles: split-K and stream-K
#
# A decoder with 16 sequences multiplies 16 × 8192 by 8192 × 8192. The output has 16 rows: with tiles of 16 × 128 that are 64 tiles for 132 SMs, each with a long walk along k. Half
# of the GPU looks on, and the weights, 134 MB, come in through half of the SMs.
#
# **Split-K** gives one tile to several programs: part p adds up its share of k and writes its sums, float32, to a **workspace**; a second kernel adds the parts. More programs, at a price:

# %%
print("     m      n      k  split  programs  waves  workspace, written + read   inputs")
for m, n, k, split in ((16, 8192, 8192, 1), (16, 8192, 8192, 2), (16, 8192, 8192, 4), (16, 8192, 8192, 16), (4096, 4096, 4096, 2)):
    tile = (16, 128) if m == 16 else (128, 128)
    count = -(-m // tile[0]) * -(-n // tile[1]) * split
    workspace, inputs = 2 * split * m * n * 4 * (split > 1), 2 * (m * k + k * n)
    print(f"{m:6}{n:7}{k:7}{split:7}{count:10}{count / 132:7.2f}{workspace / 1e6:15.1f} MB ({workspace / inputs:4.0%}){inputs / 1e6:12.1f} MB")

# %% [markdown]
# For the skinny product a split of 2 puts something on 128 of the 132 SMs; a split of 4 nearly two programs on each, for 3 % more bytes. For the square one, a split of only 2 costs four times the inputs: never there.
#
# Why not `tl.atomic_add` straight into C? It needs no workspace and no second kernel, but a C in float32 that is zeroed first, and the parts arrive **in any order**:

# %%
parts = (np.random.default_rng(0).standard_normal((8, 1000)) * 100).astype(np.float32)
sums = [np.add.reduce(parts[np.random.default_rng(order).permutation(8)]) for order in range(20)]
vary = np.mean([len(set(column)) > 1 for column in np.stack(sums).T])
print(f"8 parts added in 20 orders: {vary:.0%} of 1000 sums depend on the order")
assert vary > 0.5

# %% [markdown]
# So the same prompt may give other logits on the next run, and now and then another token. A workspace that is added in a fixed order gives the same bits every time.

# %% [markdown]
# {{card 06.41}}
# `split_k(a, b, split)`: a float16[m, k], b float16[k, n], contiguous, any sizes ≥ 1, split ≥ 1. The launcher is written: ⌈m/16⌉ × ⌈n/64⌉ × split programs, then the sum. Returns
# `parts`, float32[split, m, n], and c, float16[m, n].
#
# k is cut in steps of BK = 32. **Part s has the steps s, s + split, s + 2·split, ...**, as far as they exist; the last step may be short. A part without any step is all zeros (`parts`
# comes with garbage in it). `sum_kernel` adds the parts in float32.
#
# k = 100, split = 3: steps begin at 0, 32, 64, 96. Part 0 has those at 0 and 96, part 1 the one at 32, part 2 the one at 64.

# %% tags=["exercise"]
# Exercise 06.41
@triton.jit
def part_kernel(a, b, parts, m, n, k, SPLIT: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    i, j = tl.program_id(0) * BM + tl.arange(0, BM), tl.program_id(1) * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), tl.float32)
    ### BEGIN SOLUTION
    for start in range(tl.program_id(2) * BK, k, SPLIT * BK):
        p = start + tl.arange(0, BK)
        x = tl.load(a + i[:, None] * k + p[None, :], mask=(i[:, None] < m) & (p[None, :] < k), other=0.0)
        y = tl.load(b + p[:, None] * n + j[None, :], mask=(p[:, None] < k) & (j[None, :] < n), other=0.0)
        total = tl.dot(x, y, total)
    place = parts + (tl.program_id(2) * m + i[:, None]) * n + j[None, :]
    tl.store(place, total, mask=(i[:, None] < m) & (j[None, :] < n))
    ### END SOLUTION
@triton.jit
def sum_kernel(parts, c, mn, SPLIT: tl.constexpr, BLOCK: tl.constexpr):
    e = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ### BEGIN SOLUTION
    total = tl.zeros((BLOCK,), tl.float32)
    for s in range(SPLIT):
        total += tl.load(parts + s * mn + e, mask=e < mn, other=0.0)
    tl.store(c + e, total.to(tl.float16), mask=e < mn)
    ### END SOLUTION

def split_k(a, b, split):
    (m, k), n = a.shape, b.shape[1]
    parts, c = a.new_empty(split, m, n, dtype=torch.float32), a.new_empty(m, n)
    part_kernel[triton.cdiv(m, 16), triton.cdiv(n, 64), split](a, b, parts, m, n, k, split, BM=16, BN=64, BK=32)
    sum_kernel[(triton.cdiv(m * n, 1024),)](parts, c, m * n, split, BLOCK=1024)
    return parts, c

# %% tags=["check"]
check("06.41")

# %% [markdown]
# Split-K cuts *every* tile, whether it needs it or not. **Stream-K** cuts only where a share ends: number the steps of all tiles in one row, tile after tile, and deal them out evenly. A program begins where the other
# ended, often in the middle of a tile. (Osama, Merrill, Cecka, Garland and Owens, arXiv 2301.03598.)

# %% [markdown]
# {{card 06.42}}
# `stream_k(tiles, steps, programs)`: C has `tiles` tiles, each `steps` steps of k. Return a list with one list for each program: its pieces `(tile, first, end)`, which are the steps first to end − 1 of that tile.
#
# - Every step of every tile is done exactly once.
# - Two programs' numbers of steps differ by at most 1. (With more programs than steps, some have none.)
# - A program's steps are one run in the row of all steps, and a tile occurs once in its list.
#
# Which program gets one more, and which run is whose, is up to you.
#
# `stream_k(3, 4, 2)`: 12 steps, 6 each: `[[(0, 0, 4), (1, 0, 2)], [(1, 2, 4), (2, 0, 4)]]`.

# %% tags=["exercise"]
# Exercise 06.42
def stream_k(tiles, steps, programs):
    """For each program the pieces (tile, first step, end) that it works on."""
    ### BEGIN SOLUTION
    total, schedule = tiles * steps, []
    for program in range(programs):
        low, high = program * total // programs, (program + 1) * total // programs
        pieces = []
        while low < high:
            tile = low // steps
            end = min(high, (tile + 1) * steps)
            pieces.append((tile, low - tile * steps, end - tile * steps))
            low = end
        schedule.append(pieces)
    return schedule
    ### END SOLUTION

# %% tags=["check"]
check("06.42")

# %%
if ready("06.42"):
    whole = [[(tile, 0, 8) for tile in range(program, 9, 4)] for program in range(4)]
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), sharex=True, sharey=True)
    for ax, schedule, title in zip(axes, (whole, stream_k(9, 8, 4)), ("whole tiles", "stream-K")):
        longest = 0
        for program, pieces in enumerate(schedule):
            at = 0
            for tile, first, end in pieces:
                ax.barh(program, end - first, left=at, height=0.8, color=f"C{tile % 6}", alpha=0.3, edgecolor="0.5")
                ax.text(at + (end - first) / 2, program, tile, ha="center", va="center", fontsize=9)
                at += end - first
            longest = max(longest, at)
        ax.axvline(longest, color="0.5", linestyle="--", linewidth=1)
        ax.set(title=f"{title}: done after {longest} steps", xlabel="steps of k", yticks=range(4), yticklabels=[f"SM {p}" for p in range(4)])
        ax.grid(False)
    axes[0].invert_yaxis()

# %% [markdown]
# 9 tiles of 8 steps on 4 SMs; the number in a bar is the tile. Whole tiles: the ninth has a wave of its own, 75 % of the room is used. Stream-K: everyone ends together. A tile that
# lies in two bars is the price: one program writes its sums to a workspace, the other waits for them, adds and stores. On an H100:

# %%
if ready("06.42"):
    print("tiles  steps   whole tiles   stream-K   gain   extra pieces  workspace, 128 x 128 float32 each")
    for tiles, steps in ((64, 128), (132, 64), (133, 64), (264, 64), (300, 64), (1024, 64)):
        schedule = stream_k(tiles, steps, 132)
        pieces = [piece for one in schedule for piece in one]
        waves, longest = -(-tiles // 132) * steps, max(sum(end - first for _, first, end in one) for one in schedule)
        extra = len(pieces) - len({tile for tile, *_ in pieces})  # beyond the first of each tile
        print(f"{tiles:5}{steps:7}{waves:12}{longest:12}{waves / longest:9.2f}{extra:12}{extra * 128 * 128 * 4 / 1e6:16.1f} MB")

# %% [markdown]
# What to remember:
#
# - The gain is large where the last wave is nearly empty (133 tiles: almost 2) or the tiles do not fill one wave (64: 2), and small with many waves (1024: 3 %). Where the tiles fit, there is none, and nothing is cut.
# - The fix-up is not in this count: the workspace goes out and comes back, and one program waits for another. So real stream-K kernels are **hybrids**: whole tiles for the full waves, stream-K for what is left.
# - In the paper, over 32,824 shapes with one tile size for each precision, peaks of 14 times CUTLASS's and 6.7 times cuBLAS's speed, and a more even performance. The peaks are the shapes with few tiles and long k.
# - Both are deterministic if the fix-up adds in a fixed order, and neither gives the same bits as the unsplit kernel: other sums are rounded.
#
# | | one program a tile | split-K | stream-K |
# |---|---|---|---|
# | programs | tiles | tiles · split | SMs |
# | cuts | nothing | every tile, `split` ways | at most two tiles a program are shared |
# | workspace | none | split · m · n float32 | at most one tile a program |
# | pays when | many full waves | tiles < SMs, long k | tiles a little above a multiple of the SMs |
#
# One more thing about 16 rows. A `wgmma` has 64 rows, and a tile of 16 does not fill it. What does the compiler do?

# %%
for tile in ((16, 128, 64), (64, 128, 64), (128, 16, 64)):
    code = compiled(first_kernel, tile, 4, 3)
    wgmma, mma = (code.ptx.count(name) for name in ("wgmma.mma_async", "mma.sync.aligned.m16n8k16"))
    print(f"tile {tile[0]:3} x {tile[1]:3}: {wgmma} wgmma, {mma} mma.sync")
    assert (wgmma > 0) == (tile[0] >= 64) == (mma == 0)

# %% [markdown]
# With 16 rows it falls back to `mma.sync`, the instruction of the generation before. The other way round, 128 × 16, `wgmma` is back: its n may be as small as 8. So the reference kernel for skinny products, `solutions/kernels/gemm_skinny.py`, is
# split-K with the product **turned**: W xᵀ, with the 64 rows full of weights and not of padding.

# %% [markdown]
# ## 16 Persistent kernels and what a tile size costs
#
# A block that makes one tile spends its life in three parts. It asks for its first tiles of A and B, and waits. It multiplies. It stores its tile of C, and ends. Only in the middle do the tensor cores work.
#
# A **persistent** kernel launches one block for each SM and lets it take tile after tile. Then loads for the next tile, and the store of the last, can run while this one is multiplied: TMA, tensor cores and store are different units.

# %%
def sm_timeline(ax, y, tiles, steps, fixed, overlapped):
    """Bars for one SM: waiting for the first loads, products, the store. Returns when it ends."""
    at = 0
    for tile in range(tiles):
        if not overlapped or tile == 0:
            ax.barh(y, fixed / 2, left=at, height=0.5, color="C5", alpha=0.45)
            at += fixed / 2
        ax.barh(y, steps, left=at, height=0.5, color="C0", alpha=0.85, edgecolor="none")
        ax.text(at + steps / 2, y, f"tile {tile}", ha="center", va="center", color="white", fontsize=8)
        at += steps
        if not overlapped or tile == tiles - 1:
            ax.barh(y, fixed / 2, left=at, height=0.5, color="C1", alpha=0.6)
            at += fixed / 2
        else:
            ax.barh(y - 0.33, fixed / 2, left=at, height=0.1, color="C1", alpha=0.6)
            ax.barh(y + 0.33, fixed / 2, left=at - fixed / 2, height=0.1, color="C5", alpha=0.6)
        if at and tile < tiles - 1:
            ax.plot([at, at], [y - 0.25, y + 0.25], color="0.5", linewidth=0.8)
    return at

# %%
fig, ax = plt.subplots(figsize=(7.5, 2.3))
for row in (0, 1):
    end = sm_timeline(ax, row, 3, 6, 3, overlapped=row == 1)
    ax.text(end + 0.3, row, f"{end:g}", va="center")
ax.set(yticks=[0, 1], xlabel="time on one SM, in steps along k  (3 tiles of 6 steps, 3 steps' time around them)", xlim=(0, 30))
ax.set_yticklabels(["a block for each tile", "persistent, overlapped"])
for colour, words in [("C5", "first loads"), ("C0", "products"), ("C1", "store of C")]:
    ax.bar(0, 0, color=colour, alpha=0.7, label=words)
ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.45, 1.22))
ax.invert_yaxis()
ax.grid(False)

# %% [markdown]
# {{card 06.43}}
# Tiles of C are 128 × 256, one block fits on an SM, an H100 has 132 SMs. How many waves take C of 8192 × 8192 (`waves_8192`), and C of 4225 × 4096 (`waves_4225`: m is 4225, one row more than 33 · 128)?
#
# A step along k is 64 deep. Say that a tile costs the time of **6 steps** around its products, loads before and store after. Which share of a tile's time is that at k = 512 (`fixed_share`, 0 to 1, to 1 %)? An SM makes four such tiles. How many times as fast is it
# if all fixed time but the first load and the last store (3 + 3 steps) runs beside products (`gain`, to 1 %)?

# %% tags=["exercise"]
# Predict 06.43
waves_8192 = 16
waves_4225 = 5
fixed_share = 6 / 14
gain = 56 / 38

# %% tags=["check"]
check("06.43")

# %%
rows_of_c = np.arange(3840, 4993, 8)
fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.6))
for bm, bn in ((128, 256), (128, 128), (64, 128)):
    tiles_of_c = -(-rows_of_c // bm) * -(-4096 // bn)
    room = -(-tiles_of_c // 132) * 132 * bm * bn
    axes[0].plot(rows_of_c, rows_of_c * 4096 / room, label=f"{bm} x {bn}", linewidth=1.4)
axes[0].set(xlabel="rows of C (4096 columns)", ylabel="useful share, 132 SMs", ylim=(0.6, 1.02))
axes[0].legend(fontsize=8)
steps = np.array([1, 2, 4, 8, 16, 32, 64, 128])
axes[1].plot(64 * steps, steps / (steps + 6), marker="o", markersize=3, label="a block for each tile")
axes[1].plot(64 * steps, 4 * steps / (4 * steps + 6), marker="o", markersize=3, label="persistent, 4 tiles")
axes[1].set(xlabel="k", xscale="log", ylabel="share of the time in products", ylim=(0, 1.02))
axes[1].legend(fontsize=8, loc="lower right")
axes[1].margins(x=0.05)

# %% [markdown]
# Left: the same teeth as in section 11. At 4224 rows the 128 × 256 tile fills four waves to the last place; row 4225 begins a fifth wave: a fifth of the time goes to padding, a quarter more than before. Smaller tiles have smaller teeth. Right: the fixed part hardly matters at k = 8192 and takes most of the time at k = 128. That is where a persistent kernel wins; being persistent
# does nothing for the teeth, since the last wave is as empty as before (stream-K is for those).
#
# What is the fixed part of a real kernel? The course's Triton kernel (`solutions/kernels/gemm_triton.py`) was timed on an H100, tiles of 128 × 256, steps of 64. Three products with the same 2,048 tiles differ in k only, so a wave's time is fixed + steps · step:

# %%
from utils import recorded

timed = recorded("06_tiles")[0]
figures, card = timed["figures"], timed["machine"]
one = figures["configurations"].index([128, 256, 64, 3, 8])
per_wave = {k: figures["ms"][figures["shapes"].index([8192, 8192, k])][one] / 16 * 1000 for k in (128, 512, 8192)}
step = (per_wave[8192] - per_wave[512]) / 120
print(f"{card['gpu']}, {card['date']}: m = n = 8192, 16 waves")
for k, wave in per_wave.items():
    rest = wave - k / 64 * step
    print(f"k = {k:4}: {wave:7.2f} µs a wave, {k // 64:3} steps of {step:.3f} µs, so {rest:5.2f} µs around them"
          f" = {rest / step:4.1f} steps ({rest / wave:.0%})")
written = 8192 * 8192 * 2 / (16 * per_wave[128] * 1e-6)
print(f"at k = 128, C alone is written at {written / 1e12:.1f} TB/s")

# %% [markdown]
# A line in k, as the model says: drawn through k = 512 and 8192, it leaves a time around the products that k = 128 confirms. It is a third of the time at k = 512 and next to nothing at 8192. And this kernel is persistent, its loads run ahead (`flatten=True`). At k = 128 little is left to hide behind: C alone is written at three quarters of the rate of a large copy (3.0 TB/s).

# %% [markdown]
# ### From one tile to many
#
# A kernel of the first kind, in Triton: the grid has a program for each tile, and the program's two numbers say which.

# %%
from utils import tl, triton


@triton.jit
def tile_kernel(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    i = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    j = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    sums = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        p, q = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        a_tile = tl.load(a + i * k + p, mask=(i < m) & (p < k), other=0.0)
        b_tile = tl.load(b + q * n + j, mask=(q < k) & (j < n), other=0.0)
        sums = tl.dot(a_tile, b_tile, sums)
    tl.store(c + i * n + j, sums, mask=(i < m) & (j < n))


device = "cuda" if torch.cuda.is_available() else "cpu"
a, b = (torch.randn(shape, device=device).half() for shape in ((70, 45), (45, 100)))
c = torch.empty(70, 100, device=device)
tile_kernel[(3, 4)](a, b, c, 70, 100, 45, 32, 32, 32)
print("12 programs, 12 tiles; largest error", float((c.double() - a.double() @ b.double()).abs().max()))

# %% [markdown]
# {{card 06.44}}
# `persistent(a, b, programs)`: the same product, a is m × k and b is k × n, contiguous float16, the result m × n float32; any sizes from 1. Tiles of 32 × 32, steps of 32 along k. **At most `programs` programs** are launched, in one launch, however many tiles there are, and no program makes more than
# ⌈tiles / programs⌉ of them. There may be fewer tiles than programs.
#
# `persistent(a, b, 5)` with the a and b above: 12 tiles for 5 programs. Program 0 makes tiles 0, 5 and 10, program 1 tiles 1, 6 and 11, program 4 tiles 4 and 9 (or any other even deal). `tl.num_programs(0)` is 5.

# %% tags=["exercise"]
# Exercise 06.44
from utils import tl, triton


@triton.jit
def persistent_kernel(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    ### BEGIN SOLUTION
    columns = tl.cdiv(n, BN)
    for tile in range(tl.program_id(0), tl.cdiv(m, BM) * columns, tl.num_programs(0)):
        rows = tile // columns * BM + tl.arange(0, BM)
        cols = tile % columns * BN + tl.arange(0, BN)
        total = tl.zeros((BM, BN), tl.float32)
        for p in range(0, k, BK):
            q = p + tl.arange(0, BK)
            x = tl.load(a + rows[:, None] * k + q[None, :], mask=(rows < m)[:, None] & (q < k)[None, :], other=0.0)
            y = tl.load(b + q[:, None] * n + cols[None, :], mask=(q < k)[:, None] & (cols < n)[None, :], other=0.0)
            total = tl.dot(x, y, total)
        tl.store(c + rows[:, None] * n + cols[None, :], total, mask=(rows < m)[:, None] & (cols < n)[None, :])
    ### END SOLUTION


def persistent(a, b, programs):
    """a @ b with at most `programs` programs."""
    (m, k), n = a.shape, b.shape[1]
    c = torch.empty(m, n, dtype=torch.float32, device=a.device)
    ### BEGIN SOLUTION
    persistent_kernel[(programs,)](a, b, c, m, n, k, 32, 32, 32)
    ### END SOLUTION
    return c

# %% tags=["check"]
check("06.44")

# %%
picture = None
if ready("06.44"):
    assert torch.equal(persistent(a, b, 5), c)
    makers = [[str((row * 4 + column) % 5) for column in range(4)] for row in range(3)]
    caption = "tiles of a 70 x 100 product: the program that makes each, if 5 take every fifth tile"
    picture = layouts.draw_grid(makers, caption, lambda row, column: (layouts.HUES[int(makers[row][column])], 0.35),
                                numbered=False)
picture

# %% [markdown]
# The same sums in the same order, so the results are equal bit for bit. What has changed is who does what. What it **buys**: the setup of a block (descriptors, barriers) once for each SM, not for each tile; loads that run ahead over the border of a tile; the store behind the next tile's products; an order of tiles that you choose,
# not the hardware's scheduler. What it **costs**: registers and shared memory for both tiles in flight (C's way out needs room of its own); a static deal, which is as slow as its slowest program where tiles differ or SMs are shared; and it holds the SMs until the end, so that no other kernel gets one.

# %% [markdown]
# ### What does not run, or not as meant
#
# Larger tiles, more stages: at some point the driver says no, or the compiler quietly does something else, `mma.sync` in place of `wgmma`, sums that spill. Rarely does anything name the limit and the number. The limits of an H100 for a product on its tensor cores (CUDA C++ Programming Guide, compute capability 9.0; PTX ISA, `wgmma`):
#
# | limit | broken when | its number |
# |---|---|---|
# | `"rows"` | bm is no multiple of 64: one `wgmma` makes 64 rows of C | bm |
# | `"depth"` | bk · itemsize is no multiple of 32: one `wgmma` takes 32 bytes along k | bk · itemsize |
# | `"warps"` | warps is no multiple of 4: four warps issue a `wgmma` together | warps |
# | `"shared"` | more than 232,448 bytes for a block | the bytes: `stages` tiles of A (bm × bk) and B (bk × bn), and half a tile of C in 16 bits, bm·bn bytes (this kernel stores C in two halves) |
# | `"registers"` | the float32 sums of a thread are as many as its registers, or more | the sums: bm·bn // (32·warps). A thread has min(255, 65,536 // (32·warps)) registers |

# %% [markdown]
# {{card 06.45}}
# `why_not(bm, bn, bk, stages, warps, itemsize)`: a dict of all limits that the configuration breaks, each with its number; an empty dict if it runs. All arguments but `stages` are powers of two; `itemsize` is the bytes of an element of A and B.
#
# `why_not(128, 128, 128, 4, 8, 2)` is `{"shared": 278528}`: 4 · (128·128 + 128·128) · 2 = 262,144 for the stages, and 16,384 for C. `why_not(32, 256, 64, 2, 1, 2)` is `{"rows": 32, "warps": 1, "registers": 256}`. `why_not(128, 256, 64, 4, 8, 2)` is `{}`: 229,376 bytes, 128 sums.
#
# Plain Python.

# %% tags=["exercise"]
# Exercise 06.45
def why_not(bm, bn, bk, stages, warps, itemsize):
    """Each limit that a tile configuration breaks on an H100, with its number."""
    ### BEGIN SOLUTION
    threads = 32 * warps
    shared = stages * (bm * bk + bk * bn) * itemsize + bm * bn
    sums = bm * bn // threads
    found = {}
    if bm % 64:
        found["rows"] = bm
    if bk * itemsize % 32:
        found["depth"] = bk * itemsize
    if warps % 4:
        found["warps"] = warps
    if shared > 232_448:
        found["shared"] = shared
    if sums >= min(255, 65_536 // threads):
        found["registers"] = sums
    return found
    ### END SOLUTION

# %% tags=["check"]
check("06.45")

# %% [markdown]
# The course's own kernels ask the same before they launch. Their errors name the limit and the number; a TMA descriptor has limits of its own (CUDA Driver API, `cuTensorMapEncodeTiled`):

# %%
from utils import tiles


def said(check_it, *what, **more):
    try:
        check_it(*what, **more)
        return "it runs"
    except tiles.TileError as problem:
        return str(problem)


for tile in [(128, 256, 64, 4, 8), (128, 128, 128, 4, 8), (128, 256, 64, 2, 4), (32, 128, 64, 3, 4), (96, 128, 64, 3, 4)]:
    print(f"{tile}: {said(tiles.check_tile, *tile, store=tile[0] * tile[1])}")
print("K = 1000, no mask:", said(tiles.check_tile, 128, 128, 64, 3, 8, whole_k=1000))
matrix = torch.zeros(64, 64, dtype=torch.bfloat16)
views = {"x": (matrix, [64, 64]), "x[:, 1:]": (matrix[:, 1:], [64, 64]), "x.T": (matrix.T, [64, 64]),
         "x with rows of 65": (torch.zeros(64, 65, dtype=torch.bfloat16), [64, 64]), "x, box 512 x 64": (matrix, [512, 64])}
for name, (view, box) in views.items():
    print(f"{name}: {said(tiles.check_descriptor, view, box)}")

# %% [markdown]
# ## 17 Boss: choose the tile
#
# What runs is still a long list. Here are 26 configurations (bm, bn, bk, stages, warps) of the Triton kernel, timed on an H100 for bf16 products of sizes that people have: squares, the layers of Llama models while they decode (few rows) and prefill, odd sizes, few tiles, long and short k. The kernel is persistent, one block an SM.
#
# `tile_times.configurations()` is the list. `tile_times.seen()` has the times of **half of the shapes**, `{(m, n, k): [ms, ...]}`, a time for each configuration. The picture shows all of them, as times the best of their row:

# %%
from utils import tile_times

every = tile_times.configurations()
seen = tile_times.seen()
ratios = np.array([np.array(times) / min(times) for times in seen.values()])
fig, ax = plt.subplots(figsize=(7.5, 6.6))
shown = ax.imshow(np.log2(ratios), cmap="viridis_r", vmin=0, vmax=2, aspect="auto")
ax.set_xticks(range(len(every)), ["x".join(map(str, c[:3])) + f", {c[3]}, {c[4]}" for c in every], rotation=90, fontsize=7)
ax.set_yticks(range(len(seen)), ["{} x {} x {}".format(*shape) for shape in seen], fontsize=7)
ax.set_title("time over the best of the row", fontsize=10)
bar = fig.colorbar(shown, ticks=[0, 0.5, 1, 1.5, 2])
bar.ax.set_yticklabels(["1", "1.4", "2", "2.8", "4 or more"])
ax.grid(False)

# %%
print(f"{'shape':>20}   best configuration        ms     128x256x64, 3, 8 takes")
usual = every.index((128, 256, 64, 3, 8))
for shape, times in seen.items():
    best = int(np.argmin(times))
    print(f"{str(shape):>20}   {str(every[best]):22} {times[best]:7.4f} {times[usual] / times[best]:10.2f} times as long")

# %% [markdown]
# Look at the columns: none is light all the way down. How much does the best constant choice lose?

# %%
constant = {c: np.exp(np.log(ratios[:, at]).mean()) for at, c in enumerate(every)}
for c in sorted(constant, key=constant.get)[:3]:
    print(f"always {c}: {constant[c]:.2f} times the best")
assert min(constant.values()) > 1.1

# %% [markdown]
# {{card 06.46}}
# `choose(m, n, k)`: one of `tile_times.configurations()`, a tuple (bm, bn, bk, stages, warps), for the product of an m × k and a k × n bf16 matrix on an H100. It is asked for all 60 shapes: the 30 that you have seen, and 30 that you have not.
#
# **Wanted: within 5 % of exhaustive search**, on each half: the geometric mean of (time of what you chose / time of the best) at most 1.05. A table of the seen shapes fails on the others.
#
# You may fit anything to `tile_times.seen()`, in this cell, outside the function. NumPy is at hand. Nothing is to be read from files.

# %% tags=["exercise"]
# Exercise 06.46
from utils import tile_times


### BEGIN SOLUTION
def terms(m, n, k, bm, bn, bk):
    """What a product's time is made of: a start, waves, and the steps of the waves."""
    waves = -(-(-(-m // bm) * -(-n // bn)) // 132)
    return np.array([1, waves, waves * -(-k // bk)])


shapes, times = list(tile_times.seen()), np.array(list(tile_times.seen().values()))
rates = {}  # configuration -> what its start, a wave and a step cost, in ms
for at, c in enumerate(tile_times.configurations()):
    rows = [terms(*shape, *c[:3]) / ms for shape, ms in zip(shapes, times[:, at])]  # so that relative errors count
    rates[c] = np.linalg.lstsq(np.array(rows), np.ones(len(rows)), rcond=None)[0]
### END SOLUTION


def choose(m, n, k):
    """The tile configuration for an m x k times k x n product."""
    ### BEGIN SOLUTION
    return min(rates, key=lambda c: rates[c] @ terms(m, n, k, *c[:3]))
    ### END SOLUTION

# %% tags=["check"]
check("06.46")

# %%
def over_best(pick):
    """Time over the best one's, for each of the 60 shapes."""
    found = []
    for shape, times in zip(figures["shapes"], figures["ms"]):
        known = [np.inf if ms is None else ms for ms in times]
        found.append(known[every.index(tuple(pick(*shape)))] / min(known))
    return np.array(found)


best = np.array([min(ms for ms in times if ms is not None) for times in figures["ms"]])
lines = {"always 128x256x64, 3, 8": over_best(lambda m, n, k: (128, 256, 64, 3, 8)),
         "cuBLAS": np.array(figures["cublas_ms"]) / best}
if ready("06.46"):
    lines["your chooser"] = over_best(choose)
fig, ax = plt.subplots(figsize=(7.5, 3.2))
for (name, values), colour in zip(lines.items(), ("C5", "C1", "C0")):
    mean = np.exp(np.log(values).mean())
    ax.plot(values, linestyle="", marker="o", markersize=4, alpha=0.85, color=colour, label=f"{name}: {mean:.3f}")
ax.axhline(1, color="0.5", linewidth=0.8)
ax.set(xlabel="shape (even: seen)", ylabel="time over the best of the 26", yscale="log", ylim=(0.45, 6))
ax.set_yticks([0.5, 0.7, 1, 1.5, 2, 3, 4], ["0.5", "0.7", "1", "1.5", "2", "3", "4"])
ax.legend(fontsize=8, ncols=3, loc="upper right")
ax.minorticks_off()

# %% [markdown]
# The dots of the constant choice say what a chooser is worth; those of yours, how far a few numbers for each configuration carry. cuBLAS is other kernels, with tricks of their own (split-K, clusters), so its dots may lie below 1: there a better tile is not what is missing.
#
# Try it: with the same fit, is a choice among the five configurations that together lose least better or worse than among all 26? On the shapes that the fit has seen, and on the others?

# %% [markdown]
# ## 18 Hopper: TMA, mbarriers, warp specialization
#
# In section 10 every thread works out addresses, loads, stores to shared memory, waits, multiplies. On Hopper the three jobs come apart:
#
# - the **TMA** (Tensor Memory Accelerator) copies boxes; *one* thread asks for one;
# - **mbarriers** in shared memory count what has arrived; nobody else has to wait;
# - **`wgmma`** multiplies straight from shared memory, and goes on by itself while its warps do other things.
#
# What is left to write is who waits for whom. That is this section, and it is what interviewers ask about Hopper.
#
# **TMA.** The host describes a matrix once: address, sizes, strides, size of a box, swizzle mode (section 7). That *descriptor* has 128 bytes. In the kernel, one
# instruction, `cp.async.bulk.tensor`, names the descriptor, the coordinates of a box, a place in shared memory, and a barrier. No addresses, no registers, no loop. What lies outside of the
# matrix arrives as **zeros**: no masks. The price: rows that begin at multiples of 16 bytes, and boxes of a fixed size.

# %%
matrix = np.arange(1, 6 * 10 + 1).reshape(6, 10)


def box(x, i, j, rows, columns):
    """What TMA brings of the box at (i, j): zeros where it is outside of x."""
    part = x[i : i + rows, j : j + columns]
    return np.pad(part, [(0, rows - part.shape[0]), (0, columns - part.shape[1])])


found = box(matrix, 4, 7, 4, 5)
beyond = [[str(matrix[r, c]) if r < 6 and c < 10 else "0" for c in range(12)] for r in range(8)]
layouts.draw_grid(beyond, "a matrix of 6 x 10, and the box of 4 x 5 at (4, 7): zeros outside",
                  lambda r, c: (layouts.HUES[1 if r >= 4 and c >= 7 else 0], 0.4 if r >= 4 and 7 <= c else 0.15 * (r < 6 and c < 10)))

# %%
print(found)
assert found.sum() == matrix[4:, 7:].sum()

# %% [markdown]
# A zero adds nothing to a sum of products. So k need not be a multiple of BK, and the last box of a row needs no branch.
#
# **mbarrier.** Eight bytes in shared memory. It goes through **phases**, numbered 0, 1, 2, ... A phase ends when two counts are at zero: arrivals that are *pending*, and
# *bytes* that are still to come. The next phase begins at once, with all its arrivals pending again.
#
# | operation (PTX) | here | what it does |
# |---|---|---|
# | `mbarrier.arrive` | `barrier.arrive()` | one pending arrival less |
# | `mbarrier.arrive.expect_tx` | `barrier.expect(bytes)` | so many bytes more to come, **and** arrives |
# | a copy that lands | | so many bytes less to come |
# | `mbarrier.try_wait.parity` | `yield barrier.wait(parity)` | goes on when the phase of this **parity** has ended |
#
# A waiter does not name the phase, only its parity, number modulo 2: it waits as long as the phase in progress has that parity. A fresh barrier is in phase 0. So
# `wait(0)` waits there, and `wait(1)` passes at once. Here is a simulated one. Warps are generators: `yield` stands in front of all that waits, and of nothing else.

# %%
from utils.mbarriers import Barrier, Fault, Machine


def tell(barrier, what):
    print(f"{what:36}phase {barrier.phases}  pending {barrier.pending}  bytes to come {barrier.bytes:,}")


def warp(machine, barrier):
    tell(barrier, "fresh, one arrival a phase")
    yield barrier.wait(1)
    tell(barrier, "wait(1) has passed")
    barrier.expect(48)
    tell(barrier, "expect(48)")
    machine.later(5, lambda: (setattr(barrier, "bytes", 0), barrier.settle()))  # a copy of 48 bytes lands at tick 5
    yield barrier.wait(0)
    tell(barrier, f"wait(0) has passed, tick {machine.now:.0f}")


machine = Machine()
_ = machine.run({"warp": warp(machine, Barrier(machine, "barrier", 1))})

# %% [markdown]
# **The ring.** Shared memory holds a few *stages*, each with room for a tile of A and one of B. Step s of the loop over k uses stage s mod stages. Each stage has two barriers:
#
# - `full`: the producer expects the bytes of the stage's copies; the phase ends when they have landed. Consumers wait for it.
# - `empty`: consumers arrive when they have read the stage; the producer waits for that before it fills the stage again.
#
# In the picture a copy takes 3 ticks and a product 2, but the first product 8. No wait here is a barrier of the *block*: the producer runs up to three steps ahead.

# %%
def ring_times(steps, stages, copy, product):
    """(begin, end) of every copy and of every product."""
    copies, products = [], []
    for step in range(steps):
        free = products[step - stages][1] if step >= stages else 0
        begin = max(copies[-1][1] if copies else 0, free)
        copies.append((begin, begin + copy))
        begin = max(products[-1][1] if products else 0, copies[-1][1])
        products.append((begin, begin + product + 6 * (step == 0)))
    return copies, products


fig, ax = plt.subplots(figsize=(7.5, 2.3))
for lane, spans in enumerate(ring_times(9, 3, 3, 2)):
    for step, (begin, end) in enumerate(spans):
        ax.barh(lane + 0.27 * (step % 3 - 1), end - begin, left=begin, height=0.24, color=f"C{step % 3}", alpha=0.75)
        ax.text((begin + end) / 2, lane + 0.27 * (step % 3 - 1), str(step), ha="center", va="center", fontsize=8)
ax.set(yticks=[0, 1], yticklabels=["producer:\ncopies", "consumer:\nproducts"], xlabel="ticks; a number is a step, a colour a stage")
ax.invert_yaxis()
ax.grid(False)

# %% [markdown]
# Step 3 wants the stage of step 0 and has to wait: that wait is on `empty`. Step 1's product waits for the consumer only: `full` was over long ago.

# %% [markdown]
# {{card 06.47}}
# Tiles of 128 × 256, steps of 64 along k, bf16. How many bytes does the producer expect for one stage (`bytes_a_stage`)? A block can have 227 KiB of shared memory, and a whole tile of C in bf16 (not half of it, as in 06.45) stands there
# beside the stages, 64 KiB. How many stages fit (`stages_that_fit`)?
#
# Steps are counted from 0, in a ring of 3 stages. With which parity does a consumer wait for `full` at step 7 (`parity_at_step_7`)? And with which does the producer wait for `empty` when it fills each stage for the first time
# (`parity_of_first_fill`)?

# %% tags=["exercise"]
# Predict 06.47
bytes_a_stage = 49152
stages_that_fit = 3
parity_at_step_7 = 0
parity_of_first_fill = 1

# %% tags=["check"]
check("06.47")

# %%
stage = (128 * 64 + 64 * 256) * 2
print(f"{stage:,} bytes a stage; {(227 * 1024 - 128 * 256 * 2) / stage:.2f} of them beside C")
print("step      ", *range(9))
print("stage     ", *(step % 3 for step in range(9)))
print("full, wait", *(step // 3 % 2 for step in range(9)), " parity of the turn")
print("empty, wait", *((step // 3 + 1) % 2 for step in range(9)), " parity of the turn before", sep=" ", end="\n")

# %% [markdown]
# {{card 06.48}}
# `producer(ring, steps)`: a generator, the warp that fills `ring` for steps 0 to steps − 1. The ring has
#
# - `ring.stages`, and for each stage the barriers `ring.full[stage]` and `ring.empty[stage]`;
# - `ring.copy_a(step, stage)` and `ring.copy_b(step, stage)`: TMA copies. They return at once; when one lands, `ring.bytes_a` or `ring.bytes_b` bytes are counted on `ring.full[stage]`.
#
# `full` takes one arrival a phase, `empty` one of each consumer. Step s goes to stage s % stages. A producer that fills the first stage once and stops:
# `yield ring.empty[0].wait(1)`, `ring.full[0].expect(ring.bytes_a + ring.bytes_b)`, `ring.copy_a(0, 0)`, `ring.copy_b(0, 0)`.
#
# Tried on rings of 1 to 8 stages, with slow copies, slow products, one and two consumers, tiles of any size. Whoever overwrites what is still read, or waits for ever, is told.

# %% tags=["exercise"]
# Exercise 06.48
def producer(ring, steps):
    """Fills the ring, as far ahead as its stages allow."""
    ### BEGIN SOLUTION
    for step in range(steps):
        turn, stage = divmod(step, ring.stages)
        yield ring.empty[stage].wait((turn + 1) % 2)
        ring.full[stage].expect(ring.bytes_a + ring.bytes_b)
        ring.copy_a(step, stage)
        ring.copy_b(step, stage)
    ### END SOLUTION

# %% tags=["check"]
check("06.48")

# %% [markdown]
# Here it works against a consumer that takes one step after the other: it starts a product, waits until that has ended, hands the stage back, and at the end of a tile stores the sums.

# %%
from utils.ring import Ring


def step_by_step(ring, tiles, steps):
    for step in range(tiles * steps):
        stage = step % ring.stages
        yield ring.full[stage].wait(step // ring.stages % 2)
        ring.multiply(step, stage)  # starts the product, and returns
        yield ring.products(0)  # waits until none is going on
        ring.empty[stage].arrive()
        if (step + 1) % steps == 0:
            yield ring.store(step // steps)  # converts and writes the sums of a tile: takes a while

# %%
def gantt(rings):
    """Each ring's copies, products and epilogues over time; a colour for each tile."""
    fig, axes = plt.subplots(len(rings), 1, figsize=(7.5, 1.15 + 1.25 * len(rings)), sharex=True, squeeze=False)
    for ax, (name, ring) in zip(axes[:, 0], rings.items()):
        lanes = sorted({span.lane for span in ring.spans}, key=lambda lane: (lane != "copies", lane[-1], lane))
        for span in ring.spans:
            tile = span.number if "epilogue" in span.lane else span.number // ring.steps
            ax.barh(lanes.index(span.lane), span.end - span.start, left=span.start, height=0.7, color=f"C{tile}",
                    alpha=0.4 if "epilogue" in span.lane else 0.8, edgecolor="0.5", linewidth=0.4)
        ax.set(yticks=range(len(lanes)), yticklabels=lanes)
        ax.set_title(f"{name}: {ring.now:.0f} ticks", fontsize=10)
        ax.invert_yaxis()
        ax.grid(False)
    ax.set_xlabel("ticks; a colour for each tile")


if ready("06.48"):
    simple = Ring(3, 8, 2, copy=0.75, late=2, product=2, store=6)
    simple.simulate(producer(simple, 16), step_by_step(simple, 2, 8))
    gantt({"one step after the other": simple})

# %% [markdown]
# During the store the producer goes on, until the ring is full: the next tile's first stages are there when it is over. That is what "persistent" buys a warp-specialized kernel.
#
# But this consumer wastes something that the picture hides. `wgmma` is asynchronous, as the copies are: a real consumer needs time to wake up, to look at the next barrier, to issue. If it does that only
# when the last product has ended, the tensor cores stand still meanwhile. So the next product must be **queued while the last one runs**. Then a stage cannot be handed back right away: its product is still reading.

# %% [markdown]
# {{card 06.49}}
# `consumer(ring, tiles, steps)`: a generator, the warpgroup that multiplies `steps` steps for each of `tiles` tiles. The steps are counted through: tile t has steps t·steps to (t + 1)·steps − 1. The ring has `ring.stages`, `ring.full`, `ring.empty` (step s is in stage s % stages, as in 06.48) and
#
# - `ring.multiply(step, stage)`: starts the product of the step, and returns;
# - `yield ring.products(n)`: goes on when all products but the newest n have ended;
# - `yield ring.store(tile)`: converts and writes the sums, after all of the tile's products have ended.
#
# Start each product of a tile while the one before is still running. Hand a stage back (`ring.empty[stage].arrive()`) only when its product is known to have ended, and each turn of a stage once. For one tile of one step: wait for `full[0]`, multiply(0, 0), products(0), arrive on
# `empty[0]`, store(0).
#
# Tried on rings of 2 to 8 stages, 1 to 3 tiles, slow and fast copies, alone and beside a second consumer that takes the same steps.

# %% tags=["exercise"]
# Exercise 06.49
def consumer(ring, tiles, steps):
    """Multiplies all steps of its tiles, always one product ahead of the one that ends."""
    ### BEGIN SOLUTION
    step = 0
    for tile in range(tiles):
        for k in range(steps):
            turn, stage = divmod(step, ring.stages)
            yield ring.full[stage].wait(turn % 2)
            ring.multiply(step, stage)
            yield ring.products(1)
            if k > 0:
                ring.empty[(step - 1) % ring.stages].arrive()
            step += 1
        yield ring.products(0)
        ring.empty[(step - 1) % ring.stages].arrive()
        yield ring.store(tile)
    ### END SOLUTION

# %% tags=["check"]
check("06.49")

# %% [markdown]
# **Warp specialization** is this division of labour: one warp runs `producer`, one or two *warpgroups* (of four warps: `wgmma` is an instruction of a warpgroup) run `consumer`. Section 2 named the two ways to have two of them. Cooperative: both take every step, each half
# of the tile's rows. Ping-pong: they take turns, a whole tile each, and one stores while the other multiplies. In ping-pong each consumer skips the other's steps, and there a parity's one bit is not enough. Watch what happens when consumer 1 just waits for its first step, 8, on a ring of 4 stages:

# %%
def ping_pong(ring, tiles, steps, me, turns):
    """One of two consumers that alternate; turns: a barrier for each, that says whose turn at the loop over k it is."""
    for tile in range(me, tiles, 2):
        if turns:
            yield turns[me].wait((tile // 2 + (me == 0)) % 2)
        for step in range(tile * steps, (tile + 1) * steps):
            stage = step % ring.stages
            yield ring.full[stage].wait(step // ring.stages % 2)
            ring.multiply(step, stage)
            yield ring.products(0)
            ring.empty[stage].arrive()
        if turns:
            turns[1 - me].arrive()
        yield ring.store(tile)


def alternating(ordered):
    ring = Ring(4, 8, 6, 2, copy=0.4, late=0.1, product=2, store=12, alternate=True)
    turns = [Barrier(ring, f"turn[{me}]", 1) for me in range(2)] if ordered else None
    return ring.simulate(producer(ring, 48), *(ping_pong(ring, 6, 8, me, turns) for me in range(2)))


if ready("06.48"):
    try:
        alternating(ordered=False)
    except Fault as fault:
        print(fault)

# %% [markdown]
# `full[0]` serves steps 0, 4, 8: phases 0, 1, 2. Consumer 1 waits for the end of phase 2, parity 0; but the end of phase **0** has parity 0 too, and lets it through. A parity tells the phase in progress from the one just before it, and from no others, so nobody
# may wait for a phase that has not begun. CUTLASS's `OrderedSequenceBarrier` sees to that: consumer 1 begins its loop only when consumer 0 is through with its own. Here `turns` does it:

# %%
if ready("06.48") and ready("06.49"):
    together = Ring(4, 8, 6, 2, copy=0.4, late=0.1, product=1, store=6)  # half of a tile each: half of the product, of the store
    together.simulate(producer(together, 48), *(consumer(together, 6, 8) for _ in range(2)))
    apart = alternating(ordered=True)
    gantt({"cooperative": together, "ping-pong": apart})

# %% [markdown]
# Same work: six tiles of 8 steps. Cooperative leaves the tensor cores idle for each epilogue, ping-pong hides it behind the other's loop. But in ping-pong a *whole* tile is in one warpgroup's registers, so the tile must be half as large, and each loads more for each FLOP (section 1). Hence:
# cooperative for large tiles and long k, ping-pong for short k and heavy epilogues. This model has no price for the larger traffic; a measurement has.
#
# **On the real thing.** The same ring in **Gluon**, the language below Triton: same compiler, but layouts, shared memory, barriers and warps are yours. You will recognize each line of `producer` and `consumer`:

# %%
gluon_text = '''
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import fence_async_shared, mbarrier, tma
from triton.experimental.gluon.language.nvidia.hopper import warpgroup_mma, warpgroup_mma_wait


@gluon.jit
def producer(a, b, a_ring, b_ring, full, empty, K):
    STAGES: gl.constexpr = a_ring.type.shape[0]
    BM: gl.constexpr = a_ring.type.shape[1]
    BK: gl.constexpr = a_ring.type.shape[2]
    BN: gl.constexpr = b_ring.type.shape[2]
    for step in range(gl.cdiv(K, BK)):
        stage = step % STAGES
        mbarrier.wait(empty.index(stage), step // STAGES + 1 & 1)
        mbarrier.expect(full.index(stage), a.block_type.nbytes + b.block_type.nbytes)
        tma.async_copy_global_to_shared(a, [gl.program_id(0) * BM, step * BK], full.index(stage), a_ring.index(stage))
        tma.async_copy_global_to_shared(b, [step * BK, gl.program_id(1) * BN], full.index(stage), b_ring.index(stage))

'''

# %%
gluon_text += '''
@gluon.jit
def consumer(c, a_ring, b_ring, c_tile, full, empty, K):
    STAGES: gl.constexpr = a_ring.type.shape[0]
    BM: gl.constexpr = a_ring.type.shape[1]
    BN: gl.constexpr = b_ring.type.shape[2]
    layout: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [gl.num_warps(), 1], [16, BN, 16])
    total = gl.zeros((BM, BN), gl.float32, layout)
    for step in range(gl.cdiv(K, a_ring.type.shape[2])):
        stage = step % STAGES
        mbarrier.wait(full.index(stage), step // STAGES & 1)
        total = warpgroup_mma(a_ring.index(stage), b_ring.index(stage), total, is_async=True)
        total = warpgroup_mma_wait(1, deps=[total])
        mbarrier.arrive(empty.index((step + STAGES - 1) % STAGES), pred=step > 0)
    total = warpgroup_mma_wait(0, deps=[total])
    c_tile.store(total.to(c.dtype))
    fence_async_shared()  # what threads have written to shared memory becomes visible to TMA
    tma.async_copy_shared_to_global(c, [gl.program_id(0) * BM, gl.program_id(1) * BN], c_tile)
    tma.store_wait(0)

'''

# %%
gluon_text += '''
@gluon.jit
def gemm(a, b, c, K, STAGES: gl.constexpr):
    a_ring = gl.allocate_shared_memory(a.dtype, [STAGES] + a.block_type.shape, a.layout)
    b_ring = gl.allocate_shared_memory(b.dtype, [STAGES] + b.block_type.shape, b.layout)
    c_tile = gl.allocate_shared_memory(c.dtype, c.block_type.shape, c.layout)
    full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    empty = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for stage in gl.static_range(STAGES):
        mbarrier.init(full.index(stage), count=1)
        mbarrier.init(empty.index(stage), count=1)
    gl.warp_specialize([
        (consumer, (c, a_ring, b_ring, c_tile, full, empty, K)),
        (producer, (a, b, a_ring, b_ring, full, empty, K)),
    ], [1], [24])  # beside the consumer's warps: one warp, of 24 registers a thread
'''

# %% [markdown]
# `warp_specialize` runs its first function on the kernel's own warps (8 here: two warpgroups, cooperative) and the others on warps of their own. Gluon has no interpreter, but its compiler needs no GPU. Compiled for sm_90, tiles of 128 × 256, steps of 64, three stages:

# %%
import re
from tempfile import TemporaryDirectory

from utils.compile_worker import compile_triton
from utils.machine import triton_backend


def compiled_text(text, kernel, types, constants, warps):
    """What the compiler makes of a kernel for an H100."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "kernel.py").write_text(text)
        return compile_triton(Path(folder) / "kernel.py", kernel, types, constants, "sm_90", {"num_warps": warps}, sass=False)


def boxes(rows, columns):
    """The type of a TMA descriptor for boxes of bf16, swizzled in rows of 128 bytes."""
    return f"tensordesc<bf16[{rows},{columns}],NVMMASharedLayout(swizzle_byte_width=128, element_bitwidth=16, rank=2)>"


made = None
if triton_backend():
    types = {"a": boxes(128, 64), "b": boxes(64, 256), "c": boxes(128, 256), "K": "i32"}
    made = compiled_text(gluon_text, "gemm", types, {"STAGES": 3}, warps=8)
    for word in ("wgmma.mma_async", "cp.async.bulk.tensor", "mbarrier.try_wait", "expect_tx", "setmaxnreg", ".local"):
        lines = [line.strip() for line in made["ptx"].splitlines() if word in line]
        print(f"{word:21}{len(lines):3}  {lines[0][:86] if lines else ''}")
    print(f"shared memory: {made['metadata']['shared']:,} bytes")

# %% [markdown]
# Read it against what you know:
#
# - `wgmma`: four of m64n256k16 for a step of 64. Each warpgroup executes them on its 64 rows.
# - `cp.async.bulk.tensor`: one box of A, **four** of B, one store of C. A swizzled box is at most 128 bytes wide, 64 bf16; B's tile is 256 wide.
# - `expect_tx`: your 49,152.
# - `try_wait`: two, the producer's and the consumer's.
# - no `.local`: no array of a thread lives in memory. Whether registers spill PTX cannot say, it has as many as it likes: `ptxas` decides, and `STL`, `LDL` in the machine code would show it.
#
# And `setmaxnreg`? An SM has 65,536 registers. All threads of a block start with the same number of them:

# %%
if made:
    threads = int(re.search(r"\.reqntid (\d+)", made["ptx"])[1])
    start = int(re.search(r"\.maxnreg (\d+)", made["ptx"])[1])
    changes = sorted({int(number) for number in re.findall(r"setmaxnreg\.\w+\.sync\.aligned\.u32\s+(\d+)", made["ptx"])})
    print(f"{threads} threads start with {start} registers: {threads * start:,}; later {changes}")
    least, most = changes[0], changes[-1]
    print(f"128 threads of {least} and 256 of {most}: {128 * least + 256 * most:,}")
    assert 128 * least + 256 * most == threads * start <= 65536

# %% [markdown]
# Three warpgroups of 168 registers fill the SM; 168 would not do for 128 sums and all that wgmma and the epilogue need. The producer needs almost none: `setmaxnreg` gives its registers back, down to 24, and lets the consumers have 240. (It counts for a whole warpgroup, so the producer's one warp takes three idle ones with it.)
# Without it, either the tile shrinks or the sums spill.
#
# ## 19 FP8 and who adds up
#
# FP8 halves the bytes and doubles the rate: 1,979 against 989 TFLOP/s (H100 SXM, datasheet, dense). The products of two 4-bit significands are exact. The sum is the trouble. Hopper's `wgmma` of fp8 takes "float32" accumulators, but **does not add in float32**: the products and the sum so far are
# shifted to the largest exponent among them, and what lies more than 13 bits below is cut off (DeepSeek-V3, arXiv 2412.19437, section 3.3.2, says "around 14 bits"; arXiv 2505.09343 says 13 fraction bits). For fp16 operands of `mma.sync` the cut is 25 bits below: measured on an H100, it is what this course's emulated GPU does, and nobody notices.
#
# `wgmma_fp8` is a model of that, one instruction, 32 products deep:

# %%
from utils.fp8_accumulator import wgmma_fp8

one = np.zeros((32, 1), np.float32)
one[0] = 1
for power in (12, 13, 14):
    total = np.ones((1, 1), np.float32)
    for _ in range(1000):
        total = wgmma_fp8(total, one.T * 2.0**-7, one * 2.0 ** (7 - power))
    print(f"1 + 1000 times 2^-{power}: exact {1 + 1000 / 2**power:.4f}, added {total[0, 0]:.4f}")

# %% [markdown]
# What is 14 bits below the sum is lost, however often it comes. And a real sum over k grows, while its terms do not. The cure, **promotion**: let the tensor core add up only 128 products, then add that to a float32 sum with CUDA cores, and begin anew.

# %% [markdown]
# {{card 06.50}}
# `promoted(a, b)`: a is [M, K], b is [K, N], float32 arrays whose values fp8 can hold; K is a multiple of 32, not always of 128. Returns a·b, [M, N], float32: sums of up to 128 products in the narrow accumulator (which begins at 0), and these added up in float32, in order of k.
#
# `wgmma_fp8(total, a, b)` takes [M, N], [M, 32], [32, N] and returns the new total. NumPy. K = 160 is one promotion of 128 products and one of 32.

# %% tags=["exercise"]
# Exercise 06.50
from utils.fp8_accumulator import wgmma_fp8


def promoted(a, b):
    """An fp8 product whose partial sums of 128 are added up in float32."""
    ### BEGIN SOLUTION
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for start in range(0, a.shape[1], 128):
        partial = np.zeros_like(total)
        for k in range(start, min(start + 128, a.shape[1]), 32):
            partial = wgmma_fp8(partial, a[:, k : k + 32], b[k : k + 32])
        total += partial
    return total
    ### END SOLUTION

# %% tags=["check"]
check("06.50")

# %% [markdown]
# {{card 06.51}}
# A tile of 128 × 128, two consumer warpgroups, promotion every 128 of k. How many additions (FADD) does a thread make for one promotion (`fadds_a_thread`)? An SM makes 128 of them a clock, and 8,192 FLOPs of fp8 with its tensor cores. How long do the additions take, as a share of the time of the products that they belong to
# (`share`)? If the tile were 128 × 256, how many registers of a thread would both sums take (`registers_128x256`)?
#
# And without promotion, for positive values: when K goes from 1024 to 16384, the relative error grows about how much? `error_16384_over_1024` is the nearest of `"times 1"`, `"times 4"`, `"times 16"`, `"times 256"`.

# %% tags=["exercise"]
# Predict 06.51
fadds_a_thread = 64
share = 0.25
registers_128x256 = 256
error_16384_over_1024 = "times 16"

# %% tags=["check"]
check("06.51")

# %%
import ml_dtypes


def relative_error(multiply, K, low):
    """Root mean square error against float64, of values drawn from low to 1 and rounded to fp8."""
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(low, 1, shape).astype(ml_dtypes.float8_e4m3fn).astype(np.float32) for shape in ((8, K), (K, 8)))
    exact = a.astype(np.float64) @ b
    return np.sqrt(((multiply(a, b) - exact) ** 2).mean() / (exact**2).mean())


def narrow(a, b):
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(0, a.shape[1], 32):
        total = wgmma_fp8(total, a[:, k : k + 32], b[k : k + 32])
    return total


if ready("06.50"):
    depths = 2 ** np.arange(6, 15)
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.9), sharey=True)
    for ax, low, title in [(axes[0], 0, "positive values"), (axes[1], -1, "values of both signs")]:
        for multiply, name in [(narrow, "13 bits, never promoted"), (promoted, "promoted every 128"), (np.matmul, "float32")]:
            errors = [max(relative_error(multiply, int(K), low), 1e-9) for K in depths]
            ax.plot(depths, errors, marker="o", markersize=3, label=name)
        ax.set(xscale="log", yscale="log", xlabel="K", title=title, xticks=[64, 1024, 16384], xticklabels=["64", "1024", "16384"])
        ax.minorticks_off()
    axes[0].set(ylabel="relative error", ylim=(3e-9, 1))
    axes[1].legend(fontsize=8)
    print(f"K = 4096, positive: {relative_error(narrow, 4096, 0):.1%} without promotion, {relative_error(promoted, 4096, 0):.2%} with")

# %% [markdown]
# Cutting off errs to one side, towards zero. Positive sums lose a little with each of K / 32 additions, so the error grows with K: a quarter of the sum is gone at the end. With both signs the sum grows slowly and errs to either side: less, but it grows. Promoted, it stays where it was at K = 128. It is a model: it says how errors
# grow, not what your matrix gets; DeepSeek report up to 2 % at K = 4096 on theirs.
#
# Who promotes? `torch._scaled_mm(..., use_fast_accum=False)` does, at a price: 1,426 against 1,339 TFLOP/s for 4096³, 1,521 against 1,471 for 8192³ (section 21). CUTLASS's fp8 schedules promote unless their name ends in `FP8FastAccum`. In Triton it is an argument of `tl.dot`,
# `max_num_imprecise_acc`. What is its default on Hopper? Ask the compiler:

# %%
dot_text = '''
import triton
import triton.language as tl


@triton.jit
def product(a, b, c, K, LIMIT: tl.constexpr):
    m, n, k = tl.arange(0, 128), tl.arange(0, 128), tl.arange(0, 128)
    total = tl.zeros((128, 128), tl.float32)
    for k0 in range(0, K, 128):
        x, y = tl.load(a + m[:, None] * K + k0 + k), tl.load(b + n[None, :] * K + k0 + k[:, None])
        total = tl.dot(x, y, total, max_num_imprecise_acc=LIMIT)
    tl.store(c + m[:, None] * 128 + n, total)
'''

if triton_backend():
    types = {"a": "*fp8e4nv:16", "b": "*fp8e4nv:16", "c": "*fp32:16", "K": "i32:16"}
    for limit in (None, 128, 32):
        code = compiled_text(dot_text, "product", types, {"LIMIT": limit}, warps=8)
        count = [code["ptx"].count(word) for word in ("wgmma.mma_async", "add.f32")]
        print(f"max_num_imprecise_acc = {limit}: {count[0]} wgmma, {count[1]:3} additions a thread for 128 of k")
    print(f"default on sm_90: 2^{code['metadata']['max_num_imprecise_acc_default'].bit_length() - 1}")

# %% [markdown]
# By default: never. 2³⁰ is no limit. With 128 you count your 64 additions a thread. A Triton fp8 kernel that "matches the library" in speed may have been compared with the library's exact mode; say which accumulation both had.
#
# DeepSeek's recipe has one scale for each 128 of k (and 128 × 128 weights). Then each partial sum has to be multiplied by its scale anyway, on CUDA cores: the additions of the promotion become multiply-adds, and promotion comes almost free.
#
# ## 20 Which library when
#
# You have built most pieces that the libraries name. The map, CUTLASS 3.x on the left:
#
# | CUTLASS 3.x | what you wrote |
# |---|---|
# | `TiledCopy`, `Copy_Atom` of TMA | a box asked for by one thread; 06.16's thread-value layout where threads copy themselves |
# | `TiledMma` | 06.16 again, for accumulators; the m16n8 atom's layout of section 6 |
# | `PipelineTmaAsync`, `PipelineState` | the ring: full and empty barriers; stage and parity |
# | `CollectiveMainloop` (`CollectiveMma`) | `producer` and the loop of `consumer` |
# | `CollectiveEpilogue` | what follows `products(0)`: convert, fuse, store |
# | `KernelTmaWarpSpecializedCooperative` | two consumers on every step |
# | `KernelTmaWarpSpecializedPingpong`, `OrderedSequenceBarrier` | `ping_pong` with its turns |
# | `PersistentScheduler`, `StreamKScheduler` | the loop over tiles; the same over steps of k |
# | `...FP8FastAccum`, `GmmaFP8Accumulation` | `narrow`; `promoted` |

# %% [markdown]
# And which one to reach for. Ask in this order; stop at the first yes.
#
# | ask | take | because |
# |---|---|---|
# | Is it a plain product, with at most bias, ReLU or GELU, scales? | **cuBLAS**, **cuBLASLt** | tuned for every shape, tested; Lt has heuristics, epilogues, fp8, and a flag for fast accumulation. Measure it first in any case |
# | Is the win a fusion or an odd shape, and would 95 % do? | **Triton** | tiles, masks, epilogue in a page of Python; layouts, pipelining, barriers are the compiler's |
# | Is the compiler's schedule what limits, and is it one GPU generation? | **Gluon**, **TLX** | Triton's compiler with your layouts, barriers, warp roles. Gluon comes with Triton (experimental: names moved between 3.6 and 3.7); TLX is Meta's extension of Triton itself (arXiv 2605.10905, facebookexperimental/triton), async tasks beside ordinary `tl.dot` |
# | Is it a GEMM with another type mix, epilogue or scheduler? | **CUTLASS** C++ | the collectives are there to be exchanged, the profiler finds the tile; the price is templates, compile time, a build |
# | Is it a kernel of its own, at the last percents, in Python? | **CuTe DSL** | CuTe's layouts and atoms as in C++, compiled in seconds; beta at CUTLASS 4.7 |
#
# Versions looked at: CUTLASS 4.7.0, Triton 3.6.0 and 3.7.1, torch 2.11. All of the lower rows cost you the next GPU: `wgmma` is for sm_90a alone, Blackwell has `tcgen05`. A library call ports itself.

# %% [markdown]
# ## 21 The ladder, measured
#
# The emulator counts and has no clock. Here are the same kernels on an H100, beside cuBLAS in the same run: the two alternate, the L2 cache is
# flushed before each, and what is drawn is the median of the ratios. (The clock drifts: two medians of times, the numbers beside the bars, need not be in that ratio.) First your own ladder, FP32 on CUDA cores at 4096³:

# %%
from utils import recorded


def beside(ax, topic, shape=0):
    """Bars: a recorded topic's rungs, as a share of the library's speed."""
    run = recorded(topic)[0]
    one = run["figures"]["shapes"][shape]
    names = [rung["name"] for rung in one["rungs"]]
    shares = [rung["of library"] for rung in one["rungs"]]
    bars = ax.barh(names, shares, color="C0", alpha=0.8)
    speeds = [rung["TFLOP/s"] for rung in one["rungs"]]
    ax.bar_label(bars, [f"{speed:,.0f}" if speed > 10 else f"{speed:.1f}" for speed in speeds], padding=7, fontsize=8, color="0.55")
    ax.axvline(1, color="0.5", lw=1)
    ax.grid(False, axis="y")
    ax.set_title(f"{run['figures']['title']}, {one['shape']}: TFLOP/s, and share of {one['library']['name']}"
                 f" ({one['library']['TFLOP/s']:.0f})", fontsize=9, loc="right")
    ax.set_xlim(0, 1.15)
    ax.invert_yaxis()
    about = run["machine"]
    return f"{about['gpu']}, driver {about['driver']}, torch {about['torch']}, Triton {about['triton']}, {about['date']}"


fig, ax = plt.subplots(figsize=(7.5, 3.2))
print(beside(ax, "06_sgemm"))

# %% [markdown]
# Look at what each step was worth. `threadIdx.x` along the row: almost 12 times. The shared tile: only 1.5 times, because the caches had caught much of what it saves. Register
# tiles: 2.7 times. `float4`: 1.2 times. The last bar is `solutions/kernels/sgemm.py` in the teacher's copy: tiles of 128 × 256, 8 × 16 sums a thread in 255
# registers, `cp.async` for the next tile. One block fits on an SM, 8 warps: the occupancy is 12.5 %, and it is the fastest of ours, 88 % of cuBLAS.

# %%
times = {rung["name"][:5]: rung["ms"] for rung in recorded("06_sgemm")[0]["figures"]["shapes"][0]["rungs"]}
steps = [times["naive"] / times["06.2 "], times["06.2 "] / times["06.20"], times["06.20"] / times["06.23"], times["06.23"] / times["06.25"]]
print("coalesced, shared tile, register tiles, float4:", ", ".join(f"{step:.1f}" for step in steps), "times as fast")
assert np.allclose(steps, [11.7, 1.5, 2.7, 1.2], rtol=0.07)

# %% [markdown]
# **On tensor cores.** These are kernels of a page each, in Triton and Gluon (sections 14 to 19 are how they work):

# %%
fig, axes = plt.subplots(5, 1, figsize=(7.5, 4.2), height_ratios=[2, 2, 1, 1, 1], layout="constrained")
for ax, (topic, shape) in zip(axes, [("06_gemm", 0), ("06_gemm", 1), ("06_fp8", 0), ("06_fp8", 1), ("06_fp8_promoted", 1)]):
    source = beside(ax, topic, shape)
    if ax is not axes[-1]:
        ax.set_xticks([])
print(source)

# %% [markdown]
# Within a few percent of the library, both ways. The last row took the most work. Our first kernel multiplied 64 × 128, waited, added the sums to its totals, multiplied again:
# 1,281 TFLOP/s on the same kind of GPU, 15 % below the kernel without promotion. While 64 numbers a thread are added, its tensor cores wait. Now a warpgroup has two sums of 64 × 64 in turn:
# one is added while the other is multiplied.
#
# That alone made it *slower*. The compiler had moved the additions behind the next `wgmma`, which overwrites what they read. So it copied the sums first, and `ptxas -v` warned (C7514):
# "wgmma.mma_async instructions are serialized". As `asm volatile` the additions stay where they are written: 1,462 TFLOP/s, 4 % below the kernel without promotion.
# Read what the assembler says before you doubt the idea.
#
# The last per cent to the library is waves. By `ncu` (also there), our tensor cores are busy in 95.0 % of the cycles in which an SM works, the library's in 93.8 %. But 2,048 tiles of 128 × 256 on 132 SMs are 15.5 waves, and 16 are paid for.
# The library's kernel is called `nvjet_sm90_qqtst_144x128_128x6_...`: 3,648 tiles of 144 × 128 are 27.6 waves of 28.
#
# Is the fixed cost of our tiles larger than cuBLAS's? Then the ratio would fall where K is short:

# %%
shapes = recorded("06_gemm_k")[0]["figures"]["shapes"]
lengths = [int(one["shape"].split()[-1]) for one in shapes]
over_k = [one["rungs"][0]["of library"] for one in shapes]
fig, ax = plt.subplots(figsize=(6, 2.4))
ax.semilogx(lengths, over_k, "o-", base=2)
ax.axhline(1, color="0.5", lw=1)
ax.set(xlabel="K, at M = N = 8192 (bf16)", ylabel="of cuBLAS", xticks=lengths, xticklabels=lengths, ylim=(0.9, 1.1))
print(f"geometric mean {np.exp(np.mean(np.log(over_k))):.3f}")
print(", ".join(f"K = {k}: {one['library']['TFLOP/s']:.0f}" for k, one in zip(lengths, shapes)), "TFLOP/s for cuBLAS")

# %% [markdown]
# It does not. Both pay it: at K = 512 cuBLAS, too, has lost a fifth of its rate.

# %% [markdown]
# **A figure that belongs to the benchmark.** For one row, y = x Wᵀ reads 134 MB of weights. The usual timer (`do_bench`, and ours above) writes 256 MB of zeros before each run, so that
# nothing of W is in the cache. It then reads: 2.3 TB/s. "cuBLAS leaves a quarter of the bandwidth unused", people conclude. But the cache is full of *dirty* zeros, and
# each line of W that comes in pushes one out to memory: the product pays for the timer's writes. So we timed it as a decoder would see it: eight sets of weights, 1 GiB, one after the other
# in a CUDA graph, where the start and end of a launch are hidden too:

# %%
flushed, rotated = (recorded(topic)[0]["figures"]["shapes"] for topic in ("06_skinny", "06_skinny_rotated"))
print("M × N × K         kernel                                   flushed     in turn                of cuBLAS")
for one, other in zip(flushed, rotated):
    first = {rung["name"]: rung["ms"] for rung in [one["library"], *one["rungs"]]}
    for rung in other["rungs"]:
        print(f"{other['shape']:17} {rung['name']:39} {1e3 * first[rung['name']]:5.1f} µs  "
              f"{1e3 * rung['ms']:5.1f} µs = {2 * 8192**2 / rung['ms'] / 1e9:.2f} TB/s   {rung['of library']:.3f}")

# %% [markdown]
# Most of the quarter was the timer's: its dirty zeros, and the start and end of a lone launch. In turn, cuBLAS reads at 2.8 TB/s, 94 % of what a copy reaches on this GPU (3.0), and a plain Triton kernel on CUDA cores 5 % more. With the
# flush the same kernel looks 13 % better than cuBLAS: it asks for W with `evict_first`, which leaves the dirty zeros where they are. For 16 and 64 rows that hint must go with `cp.async`, where Triton 3.6 drops it; `solutions/kernels/few_rows.py` does it in
# CUDA C++. It looks 7 and 5 % better with the flush, and in turn it is 2 % better and 1 % worse. Before you beat a library, find out what the timer measured.
#
# All of this on your GPU: `./study bench --gpu 06`, in the teacher's copy.

# %% [markdown]
# ## Interview corner
# {{questions}}

# %% [markdown]
# ## Recap
#
# | rung | loads of a tile | FLOP/B, FP32 | what it moves |
# |---|---|---|---|
# | naive, rows along x | nothing shared | 0.06 | |
# | coalesced | nothing shared | 0.4 | sectors a request: 33 → 5 |
# | shared tile 32 × 32 | 32 + 32 floats a k | 8 | bytes from L2 and HBM: 20 times fewer |
# | register tile, 64 × 64 | 64 + 64 floats a k | 16 | words from shared memory for each multiply-add: 2 → 9/8 → 1/2 |
# | float4, A turned | the same | 16 | instructions: shared loads 1/8 |
# | swizzled | the same | 16 | bank conflicts of the turned store: 4-way → none |
#
# | algebra | in a sentence |
# |---|---|
# | `shape:stride` | a function from coordinates to offsets; leftmost mode fastest; modes nest |
# | coalesce | the same function with the fewest modes |
# | A ∘ B | first B, then A: pick elements; needs divisibility |
# | complement(A, M) | where copies of A begin so that all is covered once |
# | A ⊘ B = A ∘ (B, B*) | tiles, and the walk over tiles |
# | A ⊗ B = (A, A* ∘ B) | A repeated as B says |
# | data ∘ thread-value | what each thread reads |
# | Swizzle<B, M, S> | XOR the row's bits into the chunk's bits: columns free of conflicts, no memory wasted |
#
# | on tensor cores | FLOP/B, FP16 | what it moves |
# |---|---|---|
# | `mma` by hand, 16 × 8 | 5.33 promised, 2.67 counted | instructions for 4,096 FLOPs: 102 (SGEMM boss) → 42.5 |
# | `ldmatrix`, 16 × 64 | 12.8 | no conflicts, 2.5 wavefronts an mma |
# | block 64 × 64, warp 32 × 32 | 32 | 2 wavefronts an mma, 20.5 instructions |
#
# | around the tile | what it does | number |
# |---|---|---|
# | grouped order | a wave becomes a squarish piece of C | 37 → 25 bands of A and B |
# | `num_stages` | buffers, filled by `cp.async` or TMA | 48 KiB a stage at 128 × 256 × 64 |
# | epilogue fused | no trips to memory | 268 MB less at 4096² |
# | split-K, stream-K | work for all SMs where tiles are few | 133 tiles: 128 → 65 steps |
# | persistent | next loads and last store beside products | 1.47 times at k = 512 in the model |
# | full, empty barriers | bytes and one arrival; one arrival of each consumer | parity (step // stages) mod 2, the producer's opposite |
# | FP8 promotion | FP32 sums every 128 of k | error at K = 4096, positive values: 6.7 % → 0.05 % |

# %%
for name, report in counted.items():
    assert abs(intensity(report) / rungs[name][-1] - 1) < 0.02, name
print("the first table agrees with what was counted")

# %% [markdown]
# **Read next.** CUTLASS documentation: `media/docs/cpp/efficient_gemm.md`, and `media/docs/cpp/cute/01_layout.md`, `02_layout_algebra.md`, `0x_gemm_tutorial.md`, which you can now read at speed · Cris Cecka, *CuTe Layout Representation and Algebra* (arXiv 2603.02298) · Jay Shah, *A Note on the Algebra of CuTe
# Layouts* · Simon Boehm, *How to optimize a CUDA matmul kernel* · NVIDIA, *Matrix Multiplication Background User's Guide* (tile and wave quantization).
#
# In your notebook: `progress()` shows what is open.
