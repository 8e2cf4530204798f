# %% [markdown]
# # 03 Shared memory: bank conflicts, barriers, reductions
#
# A transpose that reads and writes perfect rows can still be slow, because 32 lanes queue at one bank. A sum that is right
# on your machine can be wrong on the next, because one barrier is missing. A histogram can be slowed down by its
# most popular value. All three happen in shared memory, and all three are visible in a counter or a
# fault report before any clock is started.
#
# That is why "explain bank conflicts" and "write a reduction" are asked so often: about 45 of 181 recorded interviews want
# to hear how you made a kernel fast (public collection caomaolufei/AIInfraGuide, `docs/interview`, commit 604ab61), and
# shared memory is where that story usually turns.

# %% [markdown]
# **After this chapter (about 7 hours with the interview corner, best in three sittings: sections 1-5, 6-8, 9-12) you can**
#
# - count the wavefronts of any shared-memory request, for 4, 8 and 16 bytes a lane;
# - say why 33 and not 34, derive an XOR swizzle, and write both as kernels;
# - write the reduction ladder from the textbook's worst to one pass over memory;
# - scan, histogram, softmax and LayerNorm, without a race, and say where the second barrier goes;
# - overlap a copy with the work on the tile before it, and say what shared memory costs in blocks per SM.
#
# Everything in CUDA C++ runs on the course's emulated GPU: it counts what Nsight Compute counts and reports races. It has
# no clock. Predictions come before the code that answers them; the first answer is the one that is graded.

# %% tags=["setup"]
import sys
from pathlib import Path

home = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "study").is_file()), None)
assert home, "Open this notebook with ./study lab, or from a folder inside the course."
sys.path.insert(0, str(home))

import numpy as np
import torch

from utils import annotate, banks, check, compare, emulate, hint, ladder, progress, ready, reset, reveal, tl, triton
from utils import pyplot as plt
from utils.machine import gpu, triton_backend

device = "cuda" if gpu() else "cpu"


def wavefronts(report, op="ld"):
    """Wavefronts of all shared loads (or stores: "st") of a launch, by Nsight Compute's counter."""
    return int(report.metrics[f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{op}.sum"])

# %% [markdown]
# ## 1 Thirty-two banks
#
# Each SM has its own shared memory, inside the chip, visible to the threads of one block. It is cut into **32 banks**.
# A bank is 4 bytes wide, and the words go around: word 0 is in bank 0, word 31 in bank 31, word 32 in bank 0 again.
# So the **bank of word w is w mod 32**.
#
# A **request** is one load or store of one warp. The hardware serves it in **wavefronts**. In one wavefront each bank
# hands out one word, to every lane that wants it:
#
# - 32 lanes, 32 different banks: one wavefront.
# - Several lanes, the **same word**: still one wavefront. That is a *broadcast*, and it is free.
# - Several lanes, **different words of one bank**: they wait for each other. That is a *bank conflict*.
#
# The number of wavefronts is the longest queue at any bank. Here lane l reads word 2l:

# %%
touch = r"""
template <typename T>
__global__ void touch(const int* index, T* out) {
    __shared__ T s[2048];
    s[index[threadIdx.x]] = T();
    __syncwarp();
    out[threadIdx.x] = s[index[threadIdx.x]];
}"""
KINDS = {"float": (np.float32, 1), "float2": (np.float32, 2), "float4": (np.float32, 4), "double": (np.float64, 1)}


def request(index, kind="float"):
    """The load in which lane l reads element index[l] of an array of `kind` in shared memory."""
    dtype, numbers = KINDS[kind]
    report = emulate(touch, f"touch<{kind}>", 1, 32, [np.asarray(index, np.int32), np.zeros(32 * numbers, dtype)])
    return next(a for a in report.accesses if a.space == "shared" and a.op == "ld")


lane = np.arange(32)
banks(request(2 * lane))

# %% [markdown]
# Read it row by row. Lanes 0 to 15 fill the even banks. Lane 16 wants word 32, bank 0, where lane 0 wanted word 0: it has
# to wait for the second wavefront. The odd banks have nothing to do at all.

# %% [markdown]
# {{card 03.1}}
# Lane l reads word s·l. How many wavefronts does the request take for s = 3, 8, 12 and 32?

# %% tags=["exercise"]
# Predict 03.1
stride_3 = 1
stride_8 = 8
stride_12 = 4
stride_32 = 32

# %% tags=["check"]
check("03.1")

# %% [markdown]
# All strides from 1 to 64, counted on the emulated GPU:

# %%
strides = np.arange(1, 65)
counted = np.array([request(s * lane).wavefronts for s in strides])
fig, ax = plt.subplots(figsize=(7.5, 2.6))
ax.bar(strides, counted, color=np.where(strides % 2, "C2", "C1"))
ax.set(yscale="log", xlabel="stride in words (green: odd)", ylabel="wavefronts", xlim=(0, 65))
ax.set_yticks([1, 2, 4, 8, 16, 32], [1, 2, 4, 8, 16, 32])
ax.set_xticks(range(0, 65, 8))
assert (counted == np.gcd(strides, 32)).all()
print("stride s: gcd(s, 32) wavefronts, for all of them")

# %% [markdown]
# Why the greatest common divisor? The lanes visit banks 0, s, 2s, ... mod 32, and come back to bank 0 after 32 / gcd(s, 32)
# steps. That many banks share 32 lanes. An odd s shares no factor with 32, so it visits all banks: **every odd stride is
# free**. Powers of two, which programmers love, are the worst.
#
# The formula holds for strides. For anything else you count. That is your first exercise:

# %% [markdown]
# {{card 03.2}}
# `count_wavefronts(words)`: `words` is int32[32]; `words[l]` is the word that lane l wants (≥ 0), or −1 if the lane is not
# active. Return the number of wavefronts as an int: the longest queue at a bank, where lanes that want the same
# word stand in the queue once. No active lane: 0.
#
# `words = [0, 32, 64, 0, 1, -1, -1, ...]`: bank 0 is asked for words 0, 32 and 64, bank 1 for word 1. The answer is 3.
#
# Tried: strides, broadcasts, random words, idle lanes. NumPy or plain Python.

# %% tags=["exercise"]
# Exercise 03.2
def count_wavefronts(words):
    """How many wavefronts a warp's 4-byte request takes."""
    ### BEGIN SOLUTION
    wanted = np.unique(words[words >= 0])
    return int(np.bincount(wanted % 32, minlength=32).max())
    ### END SOLUTION

# %% tags=["check"]
check("03.2")

# %% [markdown]
# **What does a random pattern cost?** A lookup table in shared memory, a hash table, a gather: 32 lanes, words at random.
# Your function can tell.

# %%
if ready("03.2"):
    rng = np.random.default_rng(0)
    costs = np.array([count_wavefronts(rng.integers(0, 2048, 32)) for _ in range(3000)])
    values, times = np.unique(costs, return_counts=True)
    fig, ax = plt.subplots(figsize=(7.5, 2.2))
    ax.bar(values, times / len(costs))
    ax.set(xlabel="wavefronts of a random request", ylabel="share", xlim=(0, 8))
    print(f"on average {costs.mean():.2f} wavefronts")
    assert 3.2 < costs.mean() < 3.7

# %% [markdown]
# About 3.5: the fullest of 32 queues, when 32 lanes choose at random. That is a price worth knowing: a random gather from
# shared memory runs at less than a third of its speed, and no padding will mend it.
#
# **How much is that?** 32 banks hand out 32 · 4 = 128 bytes a clock on each SM.

# %%
sms, clock = 132, 1.83e9  # H100 SXM: the clock of the datasheet's 989 TFLOP/s; under light load it goes up to 1.98 GHz
assert round(sms * 4096 * clock / 1e12) == 989
peak = sms * 128 * clock
print(f"shared memory of an H100: {peak / 1e12:.1f} TB/s. A large copy in HBM: 3.0 TB/s (recorded on an H100 80GB HBM3)")
print(f"so {peak / 3.0e12:.0f} wavefronts a request, and shared memory is no faster than HBM")

# %% [markdown]
# ## 2 Eight and sixteen bytes a lane
#
# `float2` and `float4` move 8 and 16 bytes a lane. 32 lanes × 16 bytes are 512 bytes, and a wavefront carries at most 128.
# So the hardware does not even try: an 8-byte request is served **half warp** by half warp (lanes 0-15, 16-31), a 16-byte
# request **quarter warp** by quarter warp (lanes 0-7, 8-15, ...). Conflicts arise only *within* such a group.

# %%
banks(request(lane, "float4"))

# %% [markdown]
# {{card 03.3}}
# How many wavefronts does one request take
#
# - when lane l reads `float2` number l of an array, and `float4` number l;
# - when lane l reads `float4` number 2l;
# - when lane l reads element [l][0] of `double tile[32][33]`: a column, of 8-byte elements, padded by one?

# %% tags=["exercise"]
# Predict 03.3
float2_neighbours = 2
float4_neighbours = 4
float4_every_second = 8
double_column_padded = 2

# %% tags=["check"]
check("03.3")

# %%
print("float4 number 2l:", request(2 * lane, "float4").wavefronts, "  double, stride 33:",
      request(33 * lane, "double").wavefronts, "  double, stride 32:", request(32 * lane, "double").wavefronts)  # fmt: skip
banks(request(33 * lane, "double"))

# %% [markdown]
# So `float4` in shared memory is not slower and not faster *per byte*: 4 wavefronts for 512 bytes is the same 128 bytes a
# wavefront. What it saves is **instructions**: one load instead of four. "float4 causes 4-way bank conflicts" is a
# popular wrong answer: Nsight Compute's conflict counter stays at 0 here.
#
# And padding a row by **one element** works for doubles too: row length 33 elements = 66 words, and 66 mod 32 = 2, just the
# width of one element. Lane l of a half warp starts at bank 2l.

# %% [markdown]
# {{card 03.4}}
# `count_wide(addresses, width)`: `addresses` is int32[32], the byte address each lane wants, a multiple of `width`, or −1 for
# an idle lane; `width` is 4, 8 or 16 bytes. Return the number of wavefronts of the load. A lane of width 16 wants 4 words
# in a row. Groups: all 32 lanes, halves (8 bytes), quarters (16 bytes); the wavefronts of the groups add up, and a group
# without an active lane takes none.
#
# `addresses[l] = 32 * l`, `width = 16`: lanes 0 to 7 start at words 0, 8, ..., 56, and words 32 to 35 share banks with
# words 0 to 3. Two wavefronts a quarter: 8.
#
# Inside a group, lanes that want the same word share it, as before. NumPy or plain Python.

# %% tags=["exercise"]
# Exercise 03.4
def count_wide(addresses, width):
    """How many wavefronts a warp's load of `width` bytes a lane takes."""
    ### BEGIN SOLUTION
    lanes, total = 128 // max(width, 4), 0
    for first in range(0, 32, lanes):
        group = addresses[first : first + lanes]
        words = group[group >= 0, None] // 4 + np.arange(width // 4)
        total += int(np.bincount(np.unique(words) % 32, minlength=32).max())
    return total
    ### END SOLUTION

# %% tags=["check"]
check("03.4")

# %% [markdown]
# One thing more, which the programming guide does not tell: if lanes 2k and 2k + 1 of a wide load want the same element, **for
# every k**, two groups are served together. The recorded GPU (an H200) does it, so the emulator does. Your `count_wide` need
# not know it. It makes a broadcast of a `float4` cost 2 wavefronts instead of 4:

# %%
print("all lanes read float4 number 0:", request(0 * lane, "float4").wavefronts, "wavefronts")
print("lane l reads float4 number l / 2:", request(lane // 2, "float4").wavefronts)
if ready("03.4"):
    for kind, width in (("float", 4), ("float2", 8), ("float4", 16)):
        for stride in range(1, 20):
            seen = request(stride * lane, kind).wavefronts
            assert seen == count_wide((stride * width * lane).astype(np.int32), width), (kind, stride)
    print("your function and the emulated GPU agree on strides 1 to 19, in all three widths")

# %% [markdown]
# ## 3 A word that another thread wrote
#
# Shared memory is for handing data from thread to thread. The threads of a block run in no particular order, so the reader
# may come first. **`__syncthreads()`** is the agreement: no thread of the block passes it before all have arrived, and what
# was written before it is seen after it.
#
# Without it there is a *race*. It may well give the right answer for years: on one GPU, with one block size. The emulated
# GPU does not wait for luck. It notes who wrote and who read each word, and reports two threads with nothing between them:

# %%
neighbour = r"""
__global__ void neighbour(const float* x, float* y) {
    __shared__ float s[256];
    int t = threadIdx.x;
    s[t] = x[t];
    y[t] = s[(t + 1) % 256];
}"""
x, y = np.arange(256, dtype=np.float32), np.zeros(256, np.float32)
report = emulate(neighbour, "neighbour", 1, 256, [x, y])
assert [fault.kind for fault in report.faults] == ["race"]
annotate(report)

# %% [markdown]
# Two rules follow, and both are asked in interviews:
#
# 1. A barrier stands **between the write and the read** by another thread, and again between that read and the **next
#    write** to the same place. People forget the second one; section 7 shows what happens then.
# 2. **All threads of the block that are still running reach it, equally often.** A barrier inside `if (t < 100)`, which the
#    others go past, is undefined on a GPU: it may hang, or let half of the block through. Threads that have *returned* are
#    not waited for. But they have put nothing into shared memory either: an early `return` is the usual way to leave part of
#    it unfilled. The emulated GPU reports lanes of one warp that part at a barrier. It may not report *whole* warps that go
#    past it: arrivals are counted by warps, so nothing hangs at once. A pass is no proof here: put barriers outside any `if`.
#
# Inside one warp `__syncwarp()` is the cheaper form. Do not rely on "a warp runs in lockstep": since Volta its lanes have
# program counters of their own.
#
# A small kernel that needs shared memory: each thread wants its two neighbours' elements, and global memory shall be read
# only once.

# %% [markdown]
# {{card 03.5}}
# `blur(x, y, n)`: y[i] = x[i−1] + x[i] + x[i+1], with 0 for elements outside x. x and y are float32[n], any n ≥ 1. Launched
# with ⌈n / 256⌉ blocks of 256 threads; thread t of block b makes element 256·b + t.
#
# x = [1, 2, 4] gives y = [3, 7, 6].
#
# Each element of x may be fetched from global memory about once: bytes moved ≤ 1.5 × (x once + y once). Three loads of
# `x[...]` per thread are too many, so the block keeps its 256 elements, and one more on either side, in shared memory.

# %% tags=["exercise"]
# Exercise 03.5
blur = r"""
__global__ void blur(const float* x, float* y, int n) {
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    // ### BEGIN SOLUTION
    __shared__ float s[258];
    s[t + 1] = i < n ? x[i] : 0.0f;
    if (t == 0) s[0] = i > 0 ? x[i - 1] : 0.0f;
    if (t == 255) s[257] = i + 1 < n ? x[i + 1] : 0.0f;
    __syncthreads();
    if (i < n)
        y[i] = s[t]         // left
               + s[t + 1]   // itself
               + s[t + 2];  // right
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.5")

# %% [markdown]
# ## 4 Why everyone pads by one
#
# A matrix transpose, y[c][r] = x[r][c], reads rows and writes columns, or the other way round. One of the two is always
# strided in global memory, and chapter 02 showed what that costs:

# %%
naive = r"""
__global__ void transpose(const float* x, float* y, int n) {
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) y[c * n + r + k] = x[(r + k) * n + c];
}"""
N = 128


def run_transpose(source, n=N, grid=(N // 32, N // 32), block=(32, 8), entry="transpose"):
    """Runs a transpose of an n x n float32 matrix on the emulated GPU, and looks at the result."""
    x, y = np.arange(n * n, dtype=np.float32).reshape(n, n), np.zeros((n, n), np.float32)
    report = emulate(source, entry, grid, block, [x, y, n])
    assert np.array_equal(y, x.T) and not report.faults
    return report


annotate(run_transpose(naive))

# %% [markdown]
# 32 sectors for each store, 4 would do. The cure: a block copies a 32 × 32 **tile** into shared memory, row by row, and
# writes it out row by row of the *result*. The turning happens in shared memory, which does not mind strides. Except that
# it does:

# %%
tiled = r"""
__global__ void transpose(const float* x, float* y, int n) {
    __shared__ float tile[32][32];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * n + c];
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) y[(r + k) * n + c] = tile[threadIdx.x][threadIdx.y + k];
}"""
conflicted = run_transpose(tiled)
compare(run_transpose(naive), conflicted)

# %% [markdown]
# The global side is perfect now: 4 sectors a request, both ways. The tile is written with one wavefront a request. And it
# is read with 32. Here is that read, one warp's request:

# %%
column = next(a for a in conflicted.accesses if a.space == "shared" and a.op == "ld")
banks(column)

# %% [markdown]
# A warp writes a row: lane c goes to word 32·r + c, bank c. Then it reads a column: lane c goes to word 32·c + r, and
# (32·c + r) mod 32 = r whatever c is. Thirty-two lanes, one bank.

# %% [markdown]
# {{card 03.6}}
# The tile becomes `tile[32][33]`: nothing else changes, one word in each row is never used. How many wavefronts does one
# column read take? And with `tile[32][34]`?

# %% tags=["exercise"]
# Predict 03.6
wavefronts_33 = 1
wavefronts_34 = 2

# %% tags=["check"]
check("03.6")

# %%
def column_read(width):
    report = run_transpose(tiled.replace("[32][32]", f"[32][{width}]"))
    return next(a for a in report.accesses if a.space == "shared" and a.op == "ld")


print({width: column_read(width).wavefronts // column_read(width).requests for width in (32, 33, 34, 35, 36, 40)})
banks(column_read(34))

# %% [markdown]
# {{card 03.7}}
# `transpose(x, y, n)`: x and y are n × n float32, row-major, n any positive size; y[c][r] = x[r][c]. Launched with a grid of
# (⌈n/32⌉, ⌈n/32⌉) blocks of 32 × 8 threads. The kernel below is `tiled` with one line left out, the
# declaration of the tile. With `float tile[32][32]` it is right and slow. Make it fast: declare the tile as it should be,
# or change how it is indexed.
#
# x = [[1, 2], [3, 4]] gives y = [[1, 3], [2, 4]]. The budget: no bank conflict at all, on either side of the tile; global
# loads and stores at 4 sectors a request where n is a multiple of 32.

# %% tags=["exercise"]
# Exercise 03.7
transpose = r"""
__global__ void transpose(const float* x, float* y, int n) {
    // ### BEGIN SOLUTION
    __shared__ float tile[32][33];
    // ### END SOLUTION
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * n + c];
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) y[(r + k) * n + c] = tile[threadIdx.x][threadIdx.y + k];
}"""

# %% tags=["check"]
check("03.7")

# %% [markdown]
# **What padding costs.** 32 words a tile, 3 %. And alignment: three of four rows of 33 floats do not start at a multiple
# of 16 bytes, so `float4` accesses to the tile are misaligned there. Nor can TMA (Hopper's unit that copies whole tiles) or
# `ldmatrix` (which fetches operands for the tensor cores) use it: they want whole 16-byte pieces. "Padding avoids uncoalesced accesses" is a trap: coalescing is about *global* memory, another memory
# and another unit.
#
# A step back: does a conflict matter in a kernel that HBM limits? 32 ways do: the recorded H100 goes from 1.55 to 2.75 TB/s
# with this one word (the ladder at the end of section 5). 2 ways often cost no time that one can measure, because the
# tile's reads hide behind the loads from HBM. So **count conflicts, do not time them**.

# %% [markdown]
# ## 5 XOR: no padding, no conflict
#
# The other cure leaves the tile 32 × 32 and **shuffles the columns, differently in each row**: element (r, c) lives in column
# c ^ r of row r. Why does it work?
#
# - Writing row r: lane c goes to bank c ^ r. For a fixed r, c ↦ c ^ r hits each of 0 ... 31 once. No conflict.
# - Reading column c: lane r goes to row r, bank c ^ r. For a fixed c the same holds. No conflict.
# - Nothing collides: in each row it is a permutation.
#
# XOR costs one instruction, no memory and keeps every row where it was. In the picture, the bank of each element of a small
# tile with 8 banks: each number once in each row **and** in each column, a Latin square.

# %%
from matplotlib.colors import ListedColormap

dark = ["#1f4e8c", "#a03a12", "#1e6b3a", "#6d3a9c", "#8a1c4a", "#0f6670", "#6b5310", "#4a4f57"]  # white digits stay readable
r, c = np.mgrid[:8, :8]
fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.6))
layouts = {"plain: c": c, "padded: (r + c) mod 8": (r + c) % 8, "swizzled: c ^ r": c ^ r}
for ax, (title, bank) in zip(axes, layouts.items(), strict=True):
    ax.imshow(bank, cmap=ListedColormap(dark))
    for i in range(8):
        for j in range(8):
            ax.text(j, i, bank[i, j], ha="center", va="center", fontsize=9, color="white")
    ax.set(title=title, xticks=[], yticks=[])
    ax.title.set_fontsize(10)
    ax.grid(False)

# %% [markdown]
# {{card 03.8}}
# `place(r, c)` says where element (r, c) of a 32 × 32 float tile lives in `tile[1024]`: a number from 0 to 1023, each used
# once. The kernel around it is finished: it stores rows, loads columns, and **also stores columns and loads rows**. You write
# the one line, so that no request has a conflict. Padding is impossible: the tile has 1024 words.
#
# Written row by row, `place(r, c)` would be 32·r + c, with 32 wavefronts a column. One block of 32 × 8 threads;
# y and z are both x.T, for x float32[32][32].

# %% tags=["exercise"]
# Exercise 03.8
swizzled = r"""
__device__ int place(int r, int c) {
    // ### BEGIN SOLUTION
    return r * 32 + (c ^ r);
    // ### END SOLUTION
}

__global__ void both_ways(const float* x, float* y, float* z) {
    __shared__ float tile[1024];
    int a = threadIdx.x;
    for (int b = threadIdx.y; b < 32; b += 8) tile[place(b, a)] = x[b * 32 + a];  // rows
    __syncthreads();
    for (int b = threadIdx.y; b < 32; b += 8) y[b * 32 + a] = tile[place(a, b)];  // columns
    __syncthreads();
    for (int b = threadIdx.y; b < 32; b += 8) tile[place(a, b)] = x[b * 32 + a];  // columns
    __syncthreads();
    for (int b = threadIdx.y; b < 32; b += 8) z[b * 32 + a] = tile[place(b, a)];  // rows
}"""

# %% tags=["check"]
check("03.8")

# %% [markdown]
# Two lanes of one row or column never meet now. Not every pattern is free, though: on the **diagonal** c = r, so c ^ r = 0
# for all lanes, and they all go to bank 0. A swizzle is made for the accesses you have.
#
# **Sixteen bytes at a time.** A tile for the tensor cores holds fp16: 64 numbers a row, 128 bytes, all 32 banks. It is moved
# in chunks of 16 bytes, 8 a row, and it is read in columns of chunks: `ldmatrix` fetches 8 rows × one chunk in one go. A
# quarter warp is 8 lanes × 16 bytes. So the bank does not matter any more, only the **chunk column**, 0 to 7: the 8 lanes of a
# quarter must be in 8 different ones. This is the "128-byte swizzle" of TMA and of CUTLASS.

# %% [markdown]
# {{card 03.9}}
# `place(r, q)`: where chunk q (0 to 7) of row r (0 to 63) lives in `tile[512]`, an array of 512 chunks of 16 bytes; each place
# used once, and each row in its own 128 bytes (`place(r, q) / 8 == r`), as the TMA unit wants it. The kernel stores rows (a
# warp stores 4 rows of 8 chunks) and loads columns (a warp loads chunk q of 32 rows): both without a conflict, that
# is with 4 wavefronts a request. With r·8 + q the column costs 32.
#
# One block of 256 threads. x, y: uint32[64][8][4] (a chunk is a `uint4`); the kernel copies x to y, and writes the row of
# each place into `row`, int32[64][8], for the check.

# %% tags=["exercise"]
# Exercise 03.9
chunks = r"""
__device__ int place(int r, int q) {
    // ### BEGIN SOLUTION
    return r * 8 + (q ^ (r % 8));
    // ### END SOLUTION
}

__global__ void columns(const uint4* x, uint4* y, int* row) {
    __shared__ uint4 tile[512];
    int t = threadIdx.x;
    for (int i = t; i < 512; i += 256) tile[place(i / 8, i % 8)] = x[i];
    __syncthreads();
    for (int i = t; i < 512; i += 256) y[i % 64 * 8 + i / 64] = tile[place(i % 64, i / 64)];
    for (int i = t; i < 512; i += 256) row[i] = place(i / 8, i % 8) / 8;  // for the check
}"""

# %% tags=["check"]
check("03.9")

# %% [markdown]
# Rows of 64 bytes have only 4 chunks, and *two* of them fill the banks once. Then the row to XOR with is r / 2: section 11 has
# the general rule, which Triton's compiler prints in its intermediate code.
#
# **Several elements a thread.** The last rung is about instructions. 32 lanes × 4 bytes are 128 bytes a request; with
# `float4` each request moves 512. Fewer instructions, more bytes in flight for each. But the tile must now be turned word by word:
# four columns of the tile make one `float4` of the result.

# %% [markdown]
# {{card 03.10}}
# `transpose4(x, y, n)`: as 03.7, for n a multiple of 32. Each thread loads one `float4` of x and stores one `float4` of y.
# A grid of (n/32, n/32) blocks of **8 × 32** threads: thread (tx, ty) loads columns 4·tx ... 4·tx + 3 of row ty of the tile.
#
# The budget: n·n / 128 requests for global loads and as many for stores (each is 512 bytes); no bank conflict. The tile
# may be `float tile[32][W]` for any W. Loading: `float4 v = ((const float4*)x)[element / 4]`; its parts are `v.x`, `v.y`,
# `v.z`, `v.w`; `make_float4(a, b, c, d)` makes one.

# %% tags=["exercise"]
# Exercise 03.10
transpose4 = r"""
__global__ void transpose4(const float* x, float* y, int n) {
    int tx = threadIdx.x, ty = threadIdx.y;
    // ### BEGIN SOLUTION
    __shared__ float tile[32][33];
    int from = (blockIdx.y * 32 + ty) * n + blockIdx.x * 32 + 4 * tx;
    float4 v = ((const float4*)x)[from / 4];
    tile[ty][4 * tx] = v.x;
    tile[ty][4 * tx + 1] = v.y;
    tile[ty][4 * tx + 2] = v.z;
    tile[ty][4 * tx + 3] = v.w;
    __syncthreads();
    int to = (blockIdx.x * 32 + ty) * n + blockIdx.y * 32 + 4 * tx;
    v = make_float4(tile[4 * tx][ty], tile[4 * tx + 1][ty], tile[4 * tx + 2][ty], tile[4 * tx + 3][ty]);
    ((float4*)y)[to / 4] = v;
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.10")

# %% [markdown]
# **The transpose ladder**, all rungs on the same 128 × 128 matrix. Rungs that are exercises are your own.

# %%
rungs = {"naive": run_transpose(naive), "tile": run_transpose(tiled)}
if ready("03.7"):
    rungs["no conflicts"] = run_transpose(transpose)
if ready("03.10"):
    rungs["float4"] = run_transpose(transpose4, block=(8, 32), entry="transpose4")


def row(report):
    """What a rung costs, in five numbers."""
    m = report.metrics
    requests = sum(m[f"l1tex__t_requests_pipe_lsu_mem_global_op_{op}.sum"] for op in ("ld", "st"))
    sectors = sum(m[f"l1tex__t_sectors_pipe_lsu_mem_global_op_{op}.sum"] for op in ("ld", "st"))
    shared = wavefronts(report, "ld") + wavefronts(report, "st")
    return int(requests), int(sectors), shared, int(m["smsp__inst_executed.sum"])


print(f"{'':14}{'requests':>10}{'sectors':>10}{'shared wavefronts':>20}{'instructions':>14}")
for name, report in rungs.items():
    print(f"{name:14}" + "{:>10,}{:>10,}{:>20,}{:>14,}".format(*row(report)))

# %% [markdown]
# And the time? That only a GPU can tell. Recorded on an H100, and measured on yours if you have one:

# %%
def on_this_gpu():
    """Bytes that an 8192 x 8192 transpose moves, and each rung as a launch."""
    from utils.vgpu import kernel_on_gpu

    n = 8192
    x, y = torch.randn(n, n, device="cuda"), torch.empty(n, n, device="cuda")

    def launch(source, block=(32, 8), entry="transpose"):
        kernel = kernel_on_gpu(source, entry)
        return lambda: kernel((n // 32, n // 32), block, x, y, n)

    mine = {"naive": launch(naive), "tile[32][32]": launch(tiled)}
    if ready("03.7"):
        mine["your transpose"] = launch(transpose)
    if ready("03.10"):
        mine["your transpose4"] = launch(transpose4, (8, 32), "transpose4")
    return 8 * n * n, mine


ladder("03_transpose", on_this_gpu)

# %% [markdown]
# Read the pairs. `tile[32][32]` against `[32][33]`: the same sectors, the same instructions, 32 wavefronts against 1, and 1.8
# times the rate. Padding against XOR: the same. The recorded kernels are not quite yours: their last rung turns 4 × 4 elements a
# thread in registers, so each instruction moves more bytes. The library's copy of a transposed view is the naive kernel's neighbour.

# %%
from utils import recorded

rungs = {rung["name"]: rung["TB/s"] for rung in recorded("03_transpose")[0]["figures"]["shapes"][0]["rungs"]}
plain, padded = (next(rate for name, rate in rungs.items() if key in name) for key in ("[32][32]", "[32][33]"))
print(f"{plain:.2f} -> {padded:.2f} TB/s, {padded / plain:.2f} times")
assert 1.7 < padded / plain < 1.9

# %% [markdown]
# ## 6 Reductions: one sum, many threads
#
# "Write a sum on the GPU" is the interview's favourite, because it has a bad version for every topic so far. All of
# these add up 256 numbers a block, in 8 rounds. First the textbook's worst: in round s, the threads whose number is a multiple
# of 2s add their right neighbour at distance s.

# %%
def tree(loop):
    """A block sum: 256 numbers in shared memory, one partial sum a block."""
    return r"""
__global__ void block_sum(const float* x, float* sums, int n) {
    __shared__ float part[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    part[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    LOOP
    if (t == 0) sums[blockIdx.x] = part[0];
}""".replace("LOOP", loop)


every_other = tree("""for (int s = 1; s < 256; s *= 2) {
        if (t % (2 * s) == 0) part[t] += part[t + s];
        __syncthreads();
    }""")
strided = tree("""for (int s = 1; s < 256; s *= 2) {
        if (2 * s * t < 256) part[2 * s * t] += part[2 * s * t + s];
        __syncthreads();
    }""")


def summed(source, n=4096, grid=16, entry="block_sum"):
    """The launch on n zero-mean numbers, its result compared with NumPy's."""
    x, sums = np.random.default_rng(0).standard_normal(n).astype(np.float32), np.zeros(grid, np.float32)
    report = emulate(source, entry, grid, 256, [x, sums, n])
    assert np.allclose(sums, x.reshape(grid, -1).sum(1), atol=1e-4) and not report.faults
    return report


# %%
compare(summed(every_other), summed(strided))

# %% [markdown]
# The first version wastes **lanes**: in round s only every 2s-th thread works, and yet its warp is issued. The second
# packs the working threads into the first warps. Fewer instructions. And now thread t touches word 2·s·t: a power-of-two stride.

# %% [markdown]
# {{card 03.11}}
# In the round s = 8 of `strided`, 16 threads work. How many wavefronts does the load of `part[2 * s * t + s]` take? And in
# the round s = 1, for a warp whose 32 threads all work?
# And for `part[t + s]`, when threads t < s work and s = 64?

# %% tags=["exercise"]
# Predict 03.11
strided_8 = 8
strided_1 = 2
halving_64 = 1

# %% tags=["check"]
check("03.11")

# %% [markdown]
# The third version halves: in round s = 128, 64, ..., 1, the threads t < s add `part[t + s]` to `part[t]`. Working threads are
# neighbours, and so are their words. No divergence until the last 5 rounds, no conflict ever.

# %% [markdown]
# {{card 03.12}}
# `block_sum(x, sums, n)`: sums[b] = the sum of x[256·b] ... x[256·b + 255], as far as they exist; x float32[n], sums
# float32[⌈n/256⌉]. Launched with ⌈n/256⌉ blocks of 256 threads. n = 3, x = [1, 2, 4]: sums = [7].
#
# The budget: no bank conflict; at most 40 wavefronts of shared loads a block (the two versions above take 95); at most 8
# requests of global loads a block, so each thread loads its own number. The
# first lines are given. Off limits here: shuffles and atomics; they come next.

# %% tags=["exercise"]
# Exercise 03.12
block_sum = r"""
__global__ void block_sum(const float* x, float* sums, int n) {
    __shared__ float part[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    // ### BEGIN SOLUTION
    part[t] = i < n ? x[i] : 0.0f;
    __syncthreads();
    for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) sums[blockIdx.x] = part[0];
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.12")

# %% [markdown]
# **Shuffles.** Within a warp no memory is needed at all: `__shfl_down_sync(mask, v, d)` gives each lane the register `v` of
# the lane d places further. `mask` names the lanes that take part: all of them, `0xffffffff` or `~0u`, must come here.
# Five rounds, d = 16, 8, 4, 2, 1, and lane 0 holds the sum of 32 lanes.
#
# So a block sum becomes: each warp by shuffles → one word a warp in shared memory → **one barrier** → the first warp sums
# those words. Nine barriers have become one.

# %% [markdown]
# {{card 03.13}}
# `warp_sum(v)`: the sum of `v` over the warp, right in lane 0 at least. `block_sum`: as in 03.12, for **any block of 32 to
# 1024 threads**, a multiple of 32 (`blockDim.x`; one element a thread, so block b sums x[b·blockDim.x] and on). Tried with
# blocks of 32, 256 and 1024.
#
# The budget: at most 2 wavefronts of shared loads a block, so the warps go by shuffles. Atomics are allowed, but not needed. Mind what the lanes add for
# which there is no element, and no warp.

# %% tags=["exercise"]
# Exercise 03.13
shuffle_sum = r"""
__device__ float warp_sum(float v) {
    // ### BEGIN SOLUTION
    for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(0xffffffff, v, d);
    return v;
    // ### END SOLUTION
}

__global__ void block_sum(const float* x, float* sums, int n) {
    __shared__ float part[32];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t, lane = t % 32, warp = t / 32;
    // ### BEGIN SOLUTION
    float v = warp_sum(i < n ? x[i] : 0.0f);
    if (lane == 0) part[warp] = v;
    __syncthreads();
    if (warp == 0) {
        v = warp_sum(lane < blockDim.x / 32 ? part[lane] : 0.0f);
        if (lane == 0) sums[blockIdx.x] = v;
    }
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.13")

# %% [markdown]
# **One pass over memory.** So far each thread loads one number and the block is busy combining. At a few TB/s the loads are
# all that matters, so: few blocks, each thread walks through the array in steps of the whole grid and adds in a **register**,
# four numbers a load. Only then one block sum, and one `atomicAdd` for each block. No second kernel, no array of sums.

# %% [markdown]
# {{card 03.14}}
# `total(x, out, n)`: out[0] += the sum of x[0] ... x[n−1]; x float32[n], any n ≥ 1; out float32[1] holds 0 at the start.
# Launched with **8 blocks of 256 threads**, whatever n is. x starts at a multiple of 16 bytes.
#
# n = 5, x = [1, 2, 4, 8, 16]: out = [31].
#
# The budget, for n ≥ 4096: global loads of 16 bytes, that is at most n/128 + 8 requests; at most 8 warp requests of
# atomics; shared loads: at most 2 wavefronts a block. The last n mod 4 elements are loaded one by one.

# %% tags=["exercise"]
# Exercise 03.14
total = r"""
__device__ float warp_sum(float v) {
    for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(0xffffffff, v, d);
    return v;  // in every lane
}

__global__ void total(const float* x, float* out, int n) {
    __shared__ float part[8];
    int t = threadIdx.x, first = blockIdx.x * 256 + t, step = gridDim.x * 256;
    // ### BEGIN SOLUTION
    float v = 0.0f;
    for (int i = first; i < n / 4; i += step) {
        float4 q = ((const float4*)x)[i];
        v += (q.x + q.y) + (q.z + q.w);
    }
    if (first < n % 4) v += x[n - 1 - first];
    v = warp_sum(v);
    if (t % 32 == 0) part[t / 32] = v;
    __syncthreads();
    if (t < 32) {
        v = warp_sum(t < 8 ? part[t] : 0.0f);
        if (t == 0) atomicAdd(out, v);
    }
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.14")

# %% [markdown]
# **The reduction ladder.** 32,768 numbers, all rungs.

# %%
big = 32768
rungs = {"every other lane": summed(every_other, big, big // 256), "strided": summed(strided, big, big // 256)}
if ready("03.12"):
    rungs["halving"] = summed(block_sum, big, big // 256)
if ready("03.13"):
    rungs["shuffles"] = summed(shuffle_sum, big, big // 256)
if ready("03.14"):
    numbers, result = np.random.default_rng(0).standard_normal(big).astype(np.float32), np.zeros(1, np.float32)
    rungs["one pass"] = emulate(total, "total", 8, 256, [numbers, result, big])
    assert np.isclose(result[0], numbers.sum(dtype=np.float64), atol=1e-2)
print(f"{'':18}{'requests':>10}{'sectors':>10}{'shared wavefronts':>20}{'instructions':>14}{'lanes':>8}")
for name, report in rungs.items():
    lanes = report.metrics["smsp__thread_inst_executed_per_inst_executed.ratio"]
    print(f"{name:18}" + "{:>10,}{:>10,}{:>20,}{:>14,}".format(*row(report)) + f"{lanes:>8.1f}")

# %% [markdown]
# Sectors hardly change: every rung reads each number once. What falls is everything else, the work that keeps the loads
# waiting. Each step buys something different: "strided" busy lanes, "halving" free banks, "shuffles" nearly all of the
# shared-memory traffic and eight of nine barriers (not instructions: a shuffle is one, too), "one pass" the overhead of a
# thread for each number.
#
# %%
ladder("03_sum")

# %% [markdown]
# On the recorded H100 the second rung is **slower** than the first: it saves a quarter of the instructions, and pays with
# conflicts. Whoever stops after "I removed the divergence" has made it worse. And no rung that launches a thread for each
# number gets near the copy: only loads that are wide, many and early do.

# %% [markdown]
# Is the result the same? Not bit for bit. Floats do not add associatively, and the order of atomics is free: two runs of `total`
# on a GPU may differ in the last bits. If an interviewer says *deterministic*, write the 8 sums to an array and let the last
# block that finishes add them in order, or a second kernel. (Each block stores its sum, then a `__threadfence()`, so that the others
# see the sum before what follows; then `atomicInc` on a counter, which returns how many blocks came before.)

# %% [markdown]
# ## 7 Scan: every sum on the way
#
# An inclusive *scan* (prefix sum) turns x into x[0], x[0] + x[1], x[0] + x[1] + x[2], ... It places tokens in a batch, compacts
# lists, builds the sampling of a distribution. One thread would need 255 additions, one after the other. Hillis and Steele
# need more additions but few rounds: in the round d = 1, 2, 4, ..., every element t ≥ d adds the element d places before it.

# %%
numbers = np.ones(8, int)
table = [numbers]
for d in (1, 2, 4):
    numbers = numbers + np.concatenate([np.zeros(d, int), numbers[:-d]])
    table.append(numbers)
fig, ax = plt.subplots(figsize=(7.5, 2.5))
for step, line in enumerate(table):
    for t, value in enumerate(line):
        ax.text(t, -step, value, ha="center", va="center")
        d = 2**step
        if step < 3 and t + d < 8:
            ax.annotate("", (t + d - 0.1, -step - 0.75), (t + 0.15, -step - 0.2), arrowprops={"arrowstyle": "->", "color": "C0"})
ax.set(xlim=(-0.5, 7.5), ylim=(-3.4, 0.5), xticks=[], yticks=[0, -1, -2, -3])
ax.set_yticklabels(["x: all 1", "d = 1", "d = 2", "d = 4"])
ax.grid(False)

# %% [markdown]
# {{card 03.15}}
# For a block of 256 numbers: how many rounds does the Hillis-Steele scan take, and how many additions in all rounds together?

# %% tags=["exercise"]
# Predict 03.15
rounds = 8
additions = 1793

# %% tags=["check"]
check("03.15")

# %% [markdown]
# Seven times the additions, 1/32 of the steps. On a machine with 128 adders in each SM that is a good trade inside a
# block; for long arrays one scans blocks, scans their totals, and adds those back.
#
# **The second barrier.** This looks right, one barrier in each round:

# %%
one_barrier = r"""
__global__ void scan(const float* x, float* y) {
    __shared__ float s[256];
    int t = threadIdx.x;
    s[t] = x[t];
    __syncthreads();
    for (int d = 1; d < 256; d *= 2) {
        if (t >= d) s[t] += s[t - d];
        __syncthreads();
    }
    y[t] = s[t];
}"""
x, y = np.ones(256, np.float32), np.zeros(256, np.float32)
report = emulate(one_barrier, "scan", 1, 256, [x, y])
assert {fault.kind for fault in report.faults} == {"race"}
annotate(report)

# %% [markdown]
# Thread 5 reads s[4] in the round in which thread 4 writes s[4]. New or old? Nobody knows. Two cures: read into a register,
# **barrier**, write, **barrier**; or two arrays, one to read and one to write, which change places each round: one barrier.

# %% [markdown]
# {{card 03.16}}
# `scan(x, y, n)`: y[i] = the sum of x[256·b] ... x[i], where b = i / 256: an inclusive scan of each block of 256 by itself. x, y
# float32[n], any n ≥ 1; ⌈n/256⌉ blocks of 256 threads. x = [1, 2, 4] gives y = [1, 3, 7].
#
# The budget: at most 1100 warp instructions a block. One thread that adds everything needs more; so does each thread adding
# all those before it. In shared memory, or with `__shfl_up_sync(~0u, v, d)` (the lane d places before; the lowest d lanes get
# their own `v` back) and one word a warp.

# %% tags=["exercise"]
# Exercise 03.16
scan = r"""
__global__ void scan(const float* x, float* y, int n) {
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    // ### BEGIN SOLUTION
    __shared__ float ends[8];
    int lane = t % 32, warp = t / 32;
    float v = i < n ? x[i] : 0.0f;
    for (int d = 1; d < 32; d *= 2) {
        float before = __shfl_up_sync(0xffffffff, v, d);
        if (lane >= d) v += before;
    }
    if (lane == 31) ends[warp] = v;
    __syncthreads();
    if (warp == 0) {
        float e = lane < 8 ? ends[lane] : 0.0f;
        for (int d = 1; d < 8; d *= 2) {
            float before = __shfl_up_sync(0xffffffff, e, d);
            if (lane >= d) e += before;
        }
        if (lane < 8) ends[lane] = e;
    }
    __syncthreads();
    if (warp > 0) v += ends[warp - 1];
    if (i < n) y[i] = v;
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.16")

# %% [markdown]
# ## 8 Histogram: when many want one word
#
# `bins[x[i]]++` from many threads is a race; `atomicAdd(&bins[x[i]], 1)` is not. But atomics on one address go one after the
# other. In global memory they do so in the L2, shared by the whole GPU. The cure has a name, **privatization**: each
# block counts into its own bins in shared memory, and adds them to the global ones at the end, one atomic a bin.

# %% [markdown]
# {{card 03.17}}
# 2²⁰ numbers, 256 bins, 128 blocks. How many additions reach the bins in global memory, (a) when every number is added there, and
# (b) when every block counts in shared memory first and then adds each of its bins once?

# %% tags=["exercise"]
# Predict 03.17
direct = 2**20
privatized = 128 * 256

# %% tags=["check"]
check("03.17")

# %% [markdown]
# {{card 03.18}}
# `histogram(x, bins, n)`: bins[v] += how often v occurs in x. x int32[n] with values 0 to 63, any n ≥ 1; bins int32[64]
# **already holds counts**: add to them. Launched with 2 blocks of 256 threads, whatever n is.
#
# x = [3, 3, 5]: bins[3] grows by 2, bins[5] by 1.
#
# The budget, for n ≥ 8192: at most 128 warp requests of atomics in global memory. `__shared__ int mine[64];` holds whatever the
# last block left there.

# %% tags=["exercise"]
# Exercise 03.18
histogram = r"""
__global__ void histogram(const int* x, int* bins, int n) {
    int first = blockIdx.x * 256 + threadIdx.x, step = gridDim.x * 256;
    // ### BEGIN SOLUTION
    __shared__ int mine[64];
    if (threadIdx.x < 64) mine[threadIdx.x] = 0;
    __syncthreads();
    for (int i = first; i < n; i += step) atomicAdd(&mine[x[i]], 1);
    __syncthreads();
    if (threadIdx.x < 64) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.18")

# %% [markdown]
# Does it matter what the data look like? Uniform, sorted, all the same:

# %%
direct_to_global = r"""
__global__ void histogram(const int* x, int* bins, int n) {
    for (int i = blockIdx.x * 256 + threadIdx.x; i < n; i += gridDim.x * 256) atomicAdd(&bins[x[i]], 1);
}"""
if ready("03.18"):
    rng = np.random.default_rng(0)
    data = {"random": rng.integers(0, 64, 8192), "sorted": np.sort(rng.integers(0, 64, 8192)), "all 7": np.full(8192, 7)}
    for name, numbers in data.items():
        costs = []
        for source in (direct_to_global, histogram):
            report = emulate(source, "histogram", 2, 256, [numbers.astype(np.int32), np.zeros(64, np.int32), 8192])
            costs.append(report.metrics["l1tex__t_sectors_pipe_lsu_mem_global_op_red.sum"])
        shared = report.metrics["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_red.sum"]
        print(f"{name:8} atomics in global memory, sectors: direct {costs[0]:7,.0f}, privatized {costs[1]:4,.0f}; "
              f"shared atomics: {shared:5,.0f} wavefronts")  # fmt: skip

# %% [markdown]
# Direct to global, "all 7" costs 32 sectors for each request, the lanes one after the other. In shared memory an integer
# `atomicAdd` of 32 lanes to one word takes one wavefront: the hardware adds the lanes up first. A **float** `atomicAdd` in
# shared memory has no such instruction: the compiler makes it a loop of compare-and-swap, which turns once for each lane
# that wants the same word. An interviewer's favourite: "your histogram is slow on real images, why?" Skewed data.

# %% [markdown]
# ## 9 Softmax and LayerNorm: two reductions, one row
#
# Softmax of a row: yᵢ = exp(xᵢ − m) / s, with m the largest x and s the sum of all exp(xᵢ − m). Written as it stands that
# reads the row **three** times: for m, for s, for y. A row too long for the block's memory comes from HBM each time.
#
# **Online softmax** gets m and s in one pass. Keep a pair (m, s); papers call s ℓ. Two pairs, of two parts of the row, merge into one:
#
# $$m = \max(m_1, m_2), \qquad s = s_1\, e^{m_1 - m} + s_2\, e^{m_2 - m}$$
#
# A single element is the pair (x, 1). The merge is associative, so any tree will do: a loop in a thread, shuffles in a warp,
# shared memory in a block. It is the heart of flash attention, too.

# %%
def merge(a, b):
    m = max(a[0], b[0])
    return m, a[1] * np.exp(a[0] - m) + b[1] * np.exp(b[0] - m)


row_of = np.array([3.0, 900.0, -5.0, 901.0])  # exp(900) is infinite, even in float64
left = merge((row_of[0], 1.0), (row_of[1], 1.0))
right = merge((row_of[2], 1.0), (row_of[3], 1.0))
m, s = merge(left, right)
print("m =", m, " s =", round(float(s), 6), " softmax:", (np.exp(row_of - m) / s).round(4))
assert np.isclose(s, np.exp(row_of - row_of.max()).sum())

# %% [markdown]
# {{card 03.19}}
# `softmax(x, y, cols)`: x, y float32[rows][cols], row-major, any cols ≥ 1; y[r] = softmax of x[r]. Launched with one block of 128
# threads for each row: block r owns row r. x goes from −500 to 300, so the largest is to be subtracted. Tried with 1 to
# 1024 columns.
#
# The budget, for 1024 columns: bytes moved ≤ 1.55 × (x once + y once). Three reads and a write are 2 ×. Either read twice
# (online) or keep the row in shared memory (`__shared__ float kept[1024]` is enough here). Two columns, x = [0, ln 3]:
# y = [0.25, 0.75].
#
# Shuffles of a pair are two shuffles. `fmaxf`, `expf`, `INFINITY` exist; mind that (−∞) − (−∞) is NaN, and a thread without
# any element has a pair too.

# %% tags=["exercise"]
# Exercise 03.19
softmax = r"""
__device__ float2 merge(float2 a, float2 b) {  // .x is m, .y is s
    // ### BEGIN SOLUTION
    float m = fmaxf(a.x, b.x);
    return make_float2(m, a.y * expf(a.x - m) + b.y * expf(b.x - m));
    // ### END SOLUTION
}

__global__ void softmax(const float* x, float* y, int cols) {
    int t = threadIdx.x;
    const float* row = x + blockIdx.x * cols;
    // ### BEGIN SOLUTION
    __shared__ float2 part[4];
    float2 a = make_float2(-1e30f, 0.0f);  // not -INFINITY, whose difference with itself is NaN
    for (int c = t; c < cols; c += 128) a = merge(a, make_float2(row[c], 1.0f));
    for (int d = 16; d > 0; d /= 2)
        a = merge(a, make_float2(__shfl_xor_sync(~0u, a.x, d), __shfl_xor_sync(~0u, a.y, d)));
    if (t % 32 == 0) part[t / 32] = a;
    __syncthreads();
    a = part[t % 4];
    for (int d = 1; d < 4; d *= 2)
        a = merge(a, make_float2(__shfl_xor_sync(~0u, a.x, d), __shfl_xor_sync(~0u, a.y, d)));
    for (int c = t; c < cols; c += 128) y[blockIdx.x * cols + c] = expf(row[c] - a.x) / a.y;
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.19")

# %% [markdown]
# If your version first reduces m and then s through the *same* shared array, it needs a barrier between the last read of m
# and the first write of s: the second barrier again, the most frequent bug in softmax kernels. The check would have told you.
#
# The same in Triton, where the compiler writes shuffles and barriers for you, but where *you* still decide how often the row is
# read:

# %% [markdown]
# {{card 03.20}}
# `online_softmax(x)`: x float32[rows, cols], contiguous, any cols ≥ 1; returns a new tensor with the softmax of each row. The
# launcher is written: one program a row. A program holds `BLOCK` = 128 columns at a time, as if rows were endless: so
# **loop over the row twice**. `BLOCK` may be another number, but not one made from cols; rows of 4,111 columns are tried. Bytes moved ≤ 1.55 × (x once + result once), for each size.
#
# Keep m and s as scalars, or as vectors of BLOCK lanes that are merged after the loop. `tl.max(v, axis=0)`,
# `tl.sum(v, axis=0)`, `tl.maximum(a, b)`, `tl.exp(v)`. In the last block load −∞ outside: `other=-float("inf")`.

# %% tags=["exercise"]
# Exercise 03.20
@triton.jit
def online_softmax_kernel(x, y, cols, BLOCK: tl.constexpr):
    start = tl.program_id(0) * cols  # of this program's row
    ### BEGIN SOLUTION
    m, s = -1e30, 0.0
    for first in range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=-float("inf"))
        new = tl.maximum(m, tl.max(v, axis=0))
        s = s * tl.exp(m - new) + tl.sum(tl.exp(v - new), axis=0)
        m = new
    for first in range(0, cols, BLOCK):
        c = first + tl.arange(0, BLOCK)
        v = tl.load(x + start + c, mask=c < cols, other=-float("inf"))
        tl.store(y + start + c, tl.exp(v - m) / s, mask=c < cols)
    ### END SOLUTION


def online_softmax(x):
    y = torch.empty_like(x)
    online_softmax_kernel[(x.shape[0],)](x, y, x.shape[1], BLOCK=128)
    return y

# %% tags=["check"]
check("03.20")

# %% [markdown]
# **LayerNorm** has two reductions as well, the mean and the variance. There is a tempting one-pass formula, E[x²] − E[x]². In
# float32 it fails when the mean is large against the spread: both terms are about mean², and their difference is what
# rounding left over.

# %%
x = (100 + np.random.default_rng(0).standard_normal(1000)).astype(np.float32)
one_pass = np.float32(np.mean(x * x, dtype=np.float32)) - np.float32(np.mean(x, dtype=np.float32)) ** 2
two_pass = np.mean((x - x.mean(dtype=np.float32)) ** 2, dtype=np.float32)
print(f"variance in float64 {x.astype(np.float64).var():.6f}, two passes {two_pass:.6f}, E[x²] − E[x]² {one_pass:.6f}")
assert abs(two_pass - x.astype(np.float64).var()) < 1e-5 < abs(one_pass - x.astype(np.float64).var())

# %% [markdown]
# {{card 03.21}}
# `layernorm(x, w, b)`: x float32[rows, cols] contiguous, w and b float32[cols]; y = (x − mean) / sqrt(var + 1e-5) · w + b, with
# mean and var (divided by cols) of each row. The launcher is written: one program a row, `BLOCK` is the next power of two
# ≥ cols, so the whole row is in registers. Some rows have a
# mean of about 1000, others a spread of 0.003 around 0; cols ≥ 2.
#
# Each element of x is read once and y is written once: with w and b once for each row that is all that may move. "Two passes" over registers cost no traffic. `tl.sqrt`, `tl.rsqrt`, `tl.where(mask, v, 0.0)`.

# %% tags=["exercise"]
# Exercise 03.21
@triton.jit
def layernorm_kernel(x, w, b, y, cols, BLOCK: tl.constexpr):
    c = tl.arange(0, BLOCK)
    place = tl.program_id(0) * cols + c
    ### BEGIN SOLUTION
    live = c < cols
    v = tl.load(x + place, mask=live, other=0.0)
    mean = tl.sum(v, axis=0) / cols
    off = tl.where(live, v - mean, 0.0)
    scale = 1 / tl.sqrt(tl.sum(off * off, axis=0) / cols + 1e-5)
    weight, bias = tl.load(w + c, mask=live, other=0.0), tl.load(b + c, mask=live, other=0.0)
    tl.store(y + place, off * scale * weight + bias, mask=live)
    ### END SOLUTION


def layernorm(x, w, b):
    y = torch.empty_like(x)
    cols = x.shape[1]
    layernorm_kernel[(x.shape[0],)](x, w, b, y, cols, BLOCK=triton.next_power_of_2(cols))
    return y

# %% tags=["check"]
check("03.21")

# %% [markdown]
# What does the time say? The recorded ladder of softmax:

# %%
ladder("03_softmax")

# %% [markdown]
# A surprise worth remembering: the online version, with fewer passes, is *slower* than three passes at every recorded length,
# 2,048 to 32,768. The further reads come from L1 or L2 while a row fits there, and each merge waits for the exponential of the one
# before: a chain. What wins is the row in registers, read once, 16 bytes at a time. "Each exponential once" keeps
# exp(x − m) in registers too, instead of computing it for the sum and again for the result; that shows only in the longest rows.
# Online softmax earns its place where the row cannot be kept: flash attention, where the row never exists as a whole, and rows too
# long for registers and shared memory. (The emulated GPU has no caches: it counts what the loads ask for.)

# %%
ladder("03_layer_norm")

# %% [markdown]
# The same picture. If your emulator report shows more bytes than the ladder counts: w and b are asked for once for each row, but on a
# GPU they come from L1 or L2. The ladder's bytes are x once, y once, w and b once.
#
# All of these kernels on one **roofline**: the slope is what the memory of the recorded GPU gives, the level what its FP32 units give.
# The first and the best rung of each ladder, largest shape. The best ones lie on the slope, far left of the ridge: no arithmetic
# trick can lift them, only fewer bytes. That is how chapter 04 begins.

# %%
from utils import points, roofline

ends = {}
for topic, name in (("03_sum", "sum"), ("03_softmax", "softmax"), ("03_layer_norm", "LayerNorm")):
    rungs = points(topic)
    for rung in (next(iter(rungs)), max(rungs, key=lambda one: rungs[one][1])):
        ends[f"{name}: {rung}"] = rungs[rung]
roofline(ends, kind="fp32")

# %% [markdown]
# ## 10 Copy the next tile while working on this one
#
# A block that loads a tile, waits, works, and loads the next does nothing while it waits. `cp.async` (Ampere and later) copies from
# global to shared memory **without the registers**, and the thread goes on at once:
#
# - `__pipeline_memcpy_async(to, from, bytes)` starts a copy of 4, 8 or 16 bytes. It lands some time later.
# - `__pipeline_commit()` closes a group of the copies started so far.
# - `__pipeline_wait_prior(n)` waits until all but the **latest n groups** of this thread have landed.
#
# The wait is for *this thread's* copies only. What other threads copied is there after a barrier that follows **their** wait. So the
# order is always: wait, then barrier, then read. With two tiles in shared memory (a *double buffer*) tile k + 1 is on its way
# while tile k is used:

# %%
fig, ax = plt.subplots(figsize=(7.5, 2.2))
for level, together in enumerate((False, True)):
    for k in range(4):
        copy = (k if together else 2 * k) * 1.0
        ax.broken_barh([(copy, 0.94)], (-level - 0.1, 0.32), color="C0")
        ax.broken_barh([(copy + 1, 0.94)], (-level - 0.45, 0.32), color="C1")
        ax.text(copy + 0.47, -level + 0.06, f"copy {k}", ha="center", va="center", fontsize=8, color="white")
        ax.text(copy + 1.47, -level - 0.29, f"use {k}", ha="center", va="center", fontsize=8, color="white")
ax.set(yticks=[-0.1, -1.1], xlabel="time", xticks=[], ylim=(-1.6, 0.4))
ax.set_yticklabels(["one tile", "two tiles"])
ax.grid(False)

# %% [markdown]
# {{card 03.22}}
# Block b goes through tiles 0 ... tiles − 1 of 128 floats, one thread for each element: out[b][t] = Σₖ (k + 1) · (element t ^ 64 of
# tile k). Three helpers are written: `request(k)` starts the copy of tile k into buffer k mod 2 and commits it as a group,
# `wait(n)` is `__pipeline_wait_prior(n)`, `use(k)` adds up. You write the loop with its waits and barriers, for any tiles ≥ 1.
#
# **When `use(k)` runs, tile k + 1 must have been requested, and must not have been waited for** (the last tile has no successor).
# `use(k)` writes into `lead[b][k]` how many tiles are on their way, counted by `flying`: 1, and 0 for the last one. Off limits:
# plain loads of x, and writing `lead` yourself. No race: a buffer is overwritten only when all threads have done with it.
# 2 blocks of 128 threads. One barrier a tile is enough, two are allowed.

# %% tags=["exercise"]
# Exercise 03.22
pipeline = r"""
#include <cuda_pipeline.h>
__global__ void pipeline(const float* x, float* out, int* lead, int tiles) {
    __shared__ float tile[2][128];
    int t = threadIdx.x; float sum = 0.0f;
    auto flying = [asked = 0, landed = 0](int more, int left) mutable {
        asked += more, landed = left < 0 ? landed : max(landed, asked - left);
        return asked - landed;
    };
    auto request = [&](int k) {
        __pipeline_memcpy_async(&tile[k % 2][t], &x[(blockIdx.x * tiles + k) * 128 + t], 4);
        __pipeline_commit(), flying(1, -1);
    };
    auto wait = [&](int n) { __pipeline_wait_prior(n), flying(0, n); };
    auto use = [&](int k) {
        if (t == 0) lead[blockIdx.x * tiles + k] = flying(0, -1);
        sum += (k + 1) * tile[k % 2][t ^ 64];
    };
    // ### BEGIN SOLUTION
    request(0);
    for (int k = 0; k < tiles; ++k) {
        wait(0);
        __syncthreads();
        if (k + 1 < tiles) request(k + 1);
        use(k);
    }
    // ### END SOLUTION
    out[blockIdx.x * 128 + t] = sum;
}"""

# %% tags=["check"]
check("03.22")

# %% [markdown]
# Why is one barrier enough in the model answer (`reveal("03.22")`)? It says two things at once: all copies of tile k have landed
# (each thread waited before it came), and all threads have finished `use(k − 1)`, so that its buffer may be overwritten. That
# is why `request(k + 1)` stands *after* the barrier. Real kernels keep 3 or 4 tiles in flight, to cover a latency of several
# hundred nanoseconds. On Hopper one thread can ask the TMA for a whole tile; an `mbarrier`, a barrier object in shared memory that
# also counts arriving bytes, then says when it is there.

# %% [markdown]
# ## 11 How Triton swizzles for you
#
# A Triton program names no bank. The compiler chooses where each element of a tile lives in shared memory, and says so
# in its intermediate code (TTGIR). Here is a small matrix product, compiled for an A100 (sm_80) and an H100 (sm_90); no GPU needed.

# %%
from tempfile import TemporaryDirectory

from utils.compile_worker import compile_triton

product = """
import triton, triton.language as tl

@triton.jit
def product(a, b, c, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m, n, k = tl.arange(0, BM), tl.arange(0, BN), tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for k0 in range(0, K, BK):
        acc += tl.dot(tl.load(a + m[:, None] * K + k0 + k), tl.load(b + (k0 + k)[:, None] * BN + n))
    tl.store(c + m[:, None] * BN + n, acc)
"""


def shared_layouts(target, BK):
    """The shared-memory layouts in the TTGIR of `product` with tiles of 64 x BK and BK x 64 halves."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "product.py").write_text(product)
        types = {"a": "*fp16:16", "b": "*fp16:16", "c": "*fp32:16", "K": "i32:16"}
        made = compile_triton(Path(folder) / "product.py", "product", types, {"BM": 64, "BN": 64, "BK": BK}, target, sass=False)
    return [line.partition("#ttg.")[2] for line in made["ttgir"].split("\n") if line.startswith("#shared")]


# %%
if triton_backend():
    for target in ("sm_80", "sm_90"):
        for BK in (16, 32, 64):
            print(target, f"BK = {BK}, rows of {2 * BK} bytes:", shared_layouts(target, BK)[0])

# %% [markdown]
# `vec` numbers in a row stay together: 8 halves, 16 bytes, one chunk. `perPhase` rows share one *phase*; after `maxPhase`
# phases it starts again. The chunk's column is XORed with the phase:
#
# - BK = 64: rows of 128 bytes fill all banks, so each row has its own phase, and there are 8. That is exercise 03.9.
# - BK = 32: rows of 64 bytes; two rows fill the banks once, so 2 rows share a phase, and there are 4 chunks to swap.
# - BK = 16: 4 rows fill the banks, 2 phases.
#
# On Hopper the tensor core itself reads shared memory, and knows three such patterns: 32, 64 and 128 bytes
# (`swizzlingByteWidth`). The same numbers in another notation.

# %% [markdown]
# {{card 03.23}}
# `swizzled_column(row, col, vec, per_phase, max_phase)`: in which column of its row does element (row, col) of a tile live? All are
# ints; the chunk (col // vec) is XORed with the phase, phase = (row // per_phase) mod max_phase; inside a chunk nothing moves.
#
# vec = 8, per_phase = 1, max_phase = 8: element (3, 20) is in chunk 2, at place 4 of it; chunk 2 ^ 3 = 1; column 12.
# vec = 8, per_phase = 2, max_phase = 4: element (3, 20): phase 1, chunk 2 ^ 1 = 3; column 28. NumPy or plain Python.

# %% tags=["exercise"]
# Exercise 03.23
def swizzled_column(row, col, vec, per_phase, max_phase):
    """Triton's swizzled_shared layout: the column in which (row, col) is kept."""
    ### BEGIN SOLUTION
    phase = (row // per_phase) % max_phase
    return ((col // vec) ^ phase) * vec + col % vec
    ### END SOLUTION

# %% tags=["check"]
check("03.23")

# %% [markdown]
# Does it do what it promises? Eight rows of one chunk column, the 16-byte pieces that `ldmatrix` fetches together, must fall
# into eight different groups of four banks. For all three row lengths:

# %%
if ready("03.23"):
    for BK, per_phase, max_phase in ((64, 1, 8), (32, 2, 4), (16, 4, 2)):
        for col in range(0, BK, 8):
            kept = [2 * (row * BK + swizzled_column(row, col, 8, per_phase, max_phase)) for row in range(8)]  # bytes
            assert sorted(at % 128 // 16 for at in kept) == list(range(8))
        plain = {2 * (row * BK + 0) % 128 // 16 for row in range(8)}
        print(f"rows of {2 * BK:3} bytes: 8 groups of banks for 8 rows; without the swizzle {len(plain)}")

# %% [markdown]
# And where no layout is printed at all, as in `tl.trans`, the exchange goes through shared memory that the compiler swizzles while
# it lowers the code. The emulated GPU counts what comes out:

# %%
from utils import emulate_triton


@triton.jit
def turn(x, y, n, B: tl.constexpr):
    r, c = tl.program_id(0) * B + tl.arange(0, B), tl.program_id(1) * B + tl.arange(0, B)
    tl.store(y + c[:, None] * n + r[None, :], tl.trans(tl.load(x + r[:, None] * n + c[None, :])))


if triton_backend() == "interpreter":  # that is, without a GPU
    x, y = np.arange(N * N, dtype=np.float32).reshape(N, N), np.zeros((N, N), np.float32)
    report = emulate_triton(turn, (N // 32, N // 32), x, y, N, B=32)
    assert np.array_equal(y, x.T)
    conflicts = [v for name, v in report.metrics.items() if "bank_conflicts" in name]
    print(f"Triton's transpose: {sum(conflicts):.0f} bank conflicts, {wavefronts(report)} wavefronts of shared loads")
    assert sum(conflicts) == 0

# %% [markdown]
# ## 12 What shared memory costs
#
# The tile is not free: an SM of an H100 has 228 KB of shared memory (1 KB = 1024 bytes), a block may use at most 227 KB, and
# the system keeps 1 KB more for each block. An SM holds at most 2048 threads and 32 blocks (CUDA programming guide,
# technical specifications of compute capability 9.0). Blocks that do not fit wait, and with fewer blocks there are fewer
# warps to hide latency with.

# %% [markdown]
# {{card 03.24}}
# How many blocks of 256 threads does an SM of an H100 hold at a time, by threads and shared memory alone, when a block uses
# `float tile[32][33]`; when it uses 48 KB; and when it uses three stages of 38 KB (114 KB)?

# %% tags=["exercise"]
# Predict 03.24
small_tile = 8
with_48_kb = 4
three_stages = 1

# %% tags=["check"]
check("03.24")

# %%
def blocks_per_sm(threads, shared):
    return min(2048 // threads, 32, 228 * 1024 // (shared + 1024))


kb = np.arange(0, 228)
fig, ax = plt.subplots(figsize=(7.5, 2.4))
ax.step(kb, [blocks_per_sm(256, 1024 * k) * 8 for k in kb], where="post")
ax.set(xlabel="KB of shared memory per block (256 threads)", ylabel="warps on an SM (of 64)", ylim=(0, 70), xlim=(0, 228))
print({kb: blocks_per_sm(256, kb * 1024) for kb in (4, 24, 48, 64, 75, 113, 114)})

# %% [markdown]
# Steps, not a slope: 113 KB leave room for two blocks, 114 KB for one. Is that bad? Not by itself. A matrix product with
# three stages in flight hides its latency with *copies on the way*, not with warps; kernels of that kind run one block an
# SM by design. Chapter 04 makes a calculator of this, registers included.

# %% [markdown]
# ## Boss: one transpose for every element
#
# Model weights are bytes, halves, floats; complex numbers have 8 bytes, quaternions 16. Does your 33 still work if only the
# type changes? A column read of `T tile[32][33]`, for all 32 columns:

# %%
if ready("03.4"):
    for size in (1, 2, 4, 8, 16):
        columns = [33 * size * lane + size * column for column in range(32)]
        costs = [count_wide((a // 4 * 4 if size < 4 else a).astype(np.int32), max(size, 4)) for a in columns]
        print(f"{size:2} bytes: {np.mean(costs):.2f} wavefronts, {max(size // 4, 1)} would do")

# %% [markdown]
# For bytes and halves 33 is not even a whole number of words, and columns conflict a little. And each request moves only 32 or
# 64 bytes, so it takes four or two times as many. The boss has no conflict **and** full requests, for any size.
#
# The idea: call 4 bytes (or one element, if it is larger) a **unit**, of V = 4, 2 or 1 elements. Load and store whole units. A tile
# of 32·V × 32·V elements is 32·V rows of 32 units. Lane j of a store collects its V elements from V *rows* of the tile: rows
# j·V ... j·V + V − 1. So the rows that lanes read at the same time lie V apart: what does that do to the bank of
# c ^ r? And what should you XOR with?

# %% [markdown]
# {{card 03.25}}
# `template <typename T> transpose(x, y, rows, cols)`: x is T[rows][cols], y is T[cols][rows], y[c][r] = x[r][c]. T is
# `unsigned char`, `unsigned short`, `float`, `double` and `float4`: 1, 2, 4, 8 and 16 bytes. rows and cols are multiples of 4,
# otherwise any. With V = 4, 2, 1, 1, 1 and W = 32·V: a grid of (⌈cols/W⌉, ⌈rows/W⌉) blocks of 32 × 8 threads.
#
# The budget: no bank conflict at all; and where rows and cols are multiples of 128, a global request moves a unit for each of its 32
# lanes: rows · cols · sizeof(T) / (32 · max(sizeof(T), 4)) requests of loads, and as many of stores.
#
# `struct Unit { T e[V]; }` needs `alignas` to be loaded in one go. At most 48 KB of shared memory.

# %% tags=["exercise"]
# Exercise 03.25
any_transpose = r"""
template <typename T>
__global__ void transpose(const T* x, T* y, int rows, int cols) {
    constexpr int V = sizeof(T) < 4 ? 4 / sizeof(T) : 1, W = 32 * V;
    struct alignas(V * sizeof(T)) Unit { T e[V]; };
    // ### BEGIN SOLUTION
    __shared__ Unit tile[W][32];
    int j = threadIdx.x, r0 = blockIdx.y * W, c0 = blockIdx.x * W;
    for (int r = threadIdx.y; r < W; r += 8)
        if (r0 + r < rows && c0 + j * V < cols)
            tile[r][j ^ (r / V)] = *(const Unit*)&x[(r0 + r) * cols + c0 + j * V];
    __syncthreads();
    for (int c = threadIdx.y; c < W; c += 8)
        if (c0 + c < cols && r0 + j * V < rows) {
            Unit u;
            for (int k = 0; k < V; ++k) u.e[k] = tile[j * V + k][c / V ^ j].e[c % V];
            *(Unit*)&y[(c0 + c) * rows + r0 + j * V] = u;
        }
    // ### END SOLUTION
}"""

# %% tags=["check"]
check("03.25")

# %% [markdown]
# ## Interview corner
#
# Answer aloud, with a clock: 30 seconds first, then 3 minutes. Then unfold.
#
# {{questions}}

# %% [markdown]
# ## Recap
#
# | access | wavefronts | why |
# |---|---|---|
# | stride s words | gcd(s, 32) | so every odd stride is free |
# | the same word | 1 | broadcast |
# | random words | about 3.5 | the fullest of 32 queues |
# | `float2`, `float4` neighbours | 2, 4 | served by half and quarter warps; no conflict |
# | column of `[32][32]`, `[32][33]`, `[32][34]` | 32, 1, 2 | gcd of the row length and 32 |
# | column of c ^ r | 1 | a Latin square; no memory, aligned rows |
#
# | what | cure | how you would show it |
# |---|---|---|
# | 32 sectors a store | tile in shared memory | `l1tex__t_sectors...` / `l1tex__t_requests...` |
# | bank conflicts | pad by one, XOR | `l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum` |
# | a race | barrier between write and read, **and** between read and next write | `compute-sanitizer --tool racecheck` |
# | nine barriers | shuffles, one word a warp | `smsp__inst_executed.sum` |
# | a thread for every number | few blocks, registers, 16-byte loads | requests, instructions |
# | hot bins | private bins in shared memory | `l1tex__t_sectors_pipe_lsu_mem_global_op_red.sum` |
# | three reads of a row | online (m, s), or keep the row | bytes moved |
# | idle during copies | `cp.async`, two tiles or more | stall reasons; needs a clock |

# %%
table = {"stride 12": request(12 * lane), "broadcast": request(0 * lane), "float4": request(lane, "float4"),
         "column of [32][32]": request(32 * lane), "[32][33]": request(33 * lane), "[32][34]": request(34 * lane),
         "swizzled column 5": request(32 * lane + (5 ^ lane)), "its diagonal": request(32 * lane + (lane ^ lane))}  # fmt: skip
print({name: access.wavefronts for name, access in table.items()})
assert [access.wavefronts for access in table.values()] == [4, 1, 4, 32, 1, 2, 1, 32]

# %% [markdown]
# **Read next.** Mark Harris, *Optimizing Parallel Reduction in CUDA* (the seven steps, for hardware of its time) and *An Efficient
# Matrix Transpose in CUDA C/C++* · CUDA programming guide, "Shared Memory" of your compute capability · Milakov and
# Gimelshein, *Online normalizer calculation for softmax* (arXiv 1805.02867) · CUTLASS, `Swizzle<B, M, S>`: with B bits XORed this
# chapter's c ^ r in three numbers.
#
# Chapter 04 asks the next question: is this kernel done? In your notebook: `progress()` shows what is open.
