# %% [markdown]
# # 02 Global memory
#
# Two kernels read the same floats with the same number of threads. In one, thread i reads element i. In the other,
# thread i reads element 32·i. The second moves eight times the bytes, and nothing in its result tells you so.
#
# Interviewers love this because it takes one question to see whether you know what the hardware does with an index.
# Of 181 recorded interviews, 27 ask for the memory hierarchy, about 45 for "how did you optimize your kernel", and 4 for
# coalescing and `float4` by name, with the follow-up *how do you verify it?* (counted in the public collection caomaolufei/AIInfraGuide, `docs/interview`, commit 604ab61).
# You will verify it: on a laptop, with the counters that Nsight Compute shows on a GPU.

# %% [markdown]
# **After this chapter (5 to 5½ hours with the interview corner, in two or three sittings: sections 1 to 4, 5 to 7, 8 to 10) you can**
#
# - say for any index expression how many sectors a warp's request costs, before anything runs;
# - mend strided, misaligned and array-of-structs accesses, and say which of them matter;
# - move 16 bytes a lane, with tails and alignment right, and say what that buys and what it does not;
# - work out how many bytes must be in flight, name the three levers, and write a grid-stride loop;
# - read in the PTX what `__restrict__`, `__ldg` and `__ldcs` change, and what they leave alone;
# - predict the width of Triton's loads from block size, warps, masks and strides, and mend a narrow one.

# %% tags=["setup"]
import re
import sys
from pathlib import Path

home = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "study").is_file()), None)
assert home, "Open this notebook with ./study lab, or from a folder inside the course."
sys.path.insert(0, str(home))

import numpy as np
import torch

from utils import check, hint, progress, ready, reset, reveal, tl, triton

LOAD_REQUESTS = "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"
LOAD_SECTORS = "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"

# %% [markdown]
# The chapter's instruments: the emulated GPU and its pictures.

# %%
from utils import annotate, compare, emulate, emulate_triton, emulated_launches, ladder, sectors, triton_code
from utils import pyplot as plt
from utils.vgpu import compile_cuda


def floats(*shape):
    """0, 1, 2, ... as float32."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def per_request(report):
    """Sectors a request of all global loads."""
    return report.metrics[LOAD_SECTORS] / report.metrics[LOAD_REQUESTS]

# %% [markdown]
# ## 1 A GPU on your laptop
#
# CUDA C++ here is compiled by NVIDIA's own compiler (NVRTC) to **PTX**, the instruction set that is common to its GPUs.
# The PTX then runs on an **emulated GPU**: NumPy code that executes every thread and counts what the memory
# system would be asked for. No GPU is needed; with one, checks run your kernel there as well.
#
# If CUDA is new to you, four things are enough to begin:
#
# - a `__global__` function is a **kernel**; every thread runs it once;
# - a launch has a **grid** of **blocks** of threads; `blockIdx.x`, `threadIdx.x`, `blockDim.x` say who you are;
# - 32 consecutive threads of a block are a **warp**, its threads are **lanes**; a warp executes an instruction together;
# - pointers are plain addresses: nobody stops you from reading x[n].

# %%
copy = r"""
__global__ void copy(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i];
}
"""
x, y = floats(1000), np.zeros(1000, np.float32)
report = emulate(copy, "copy", grid=8, block=128, args=[x, y, 1000])  # y is written in place
assert (y == x).all()
report

# %% [markdown]
# 8 blocks of 128 threads are 1024 threads for 1000 elements; the guard `if (i < n)` turns the last 24 off. The same
# counters by line of your source:

# %%
annotate(report)

# %% [markdown]
# The names are those of **Nsight Compute** (`ncu`), NVIDIA's profiler: what you learn to read here you read there.
#
# | in the picture | in Nsight Compute |
# |---|---|
# | requests of global loads | `l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum` |
# | sectors of global loads | `l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum` |
# | sectors / request | the one divided by the other |
# | warp instructions | `smsp__inst_executed.sum` |
#
# For stores `ld` becomes `st`.

# %%
requests, moved = report.metrics[LOAD_REQUESTS], report.metrics[LOAD_SECTORS]
print(f"{requests:.0f} requests, {moved:.0f} sectors: {moved / requests:.3f} sectors a request")
assert requests == 32 and moved == 125  # 1000 floats are 4000 bytes, 125 sectors of 32

# %% [markdown]
# It also sees what a GPU lets pass in silence. Without the guard, 24 threads read and write past the end:

# %%
y = np.zeros(1000, np.float32)
emulate(copy.replace("if (i < n) ", ""), "copy", 8, 128, [x, y, 1000])

# %% [markdown]
# **How far can you trust it?** More than 300 kernels and launches were recorded under Nsight Compute on a Hopper
# data-center GPU and are run on the emulator by the course's tests. Outputs agree bit for bit (approximate functions and
# float atomics within their bounds). The memory counters are equal but for a handful of kernels, each listed with its
# cause. `utils/vgpu/README.md` names the machine; the list with every difference lies beside those tests, in the course's repository.
#
# **What it does not know: time and caches.** It counts what is asked of the first level of memory: L1, the cache of one processor
# (SM). Behind it are L2, a cache that all SMs share, and HBM, the memory chips. Which of them a sector comes from it cannot say, nor
# how long it takes. Times in this course come from real GPUs and name them.
#
# It emulates **sm_90**, the compiler's name for the architecture of an H100 (Hopper).

# %% [markdown]
# ## 2 Requests, sectors, lines
#
# One memory instruction of one warp is a **request**: up to 32 addresses at once. Global memory is moved in **sectors** of
# 32 bytes, aligned to 32. Four sectors make a **line** of 128 bytes, the unit in which caches keep their books. A
# request costs as many sectors as its lanes touch, no matter in which order and how many lanes share one.
#
# The load of `x[i]` above: 32 lanes × 4 bytes in a row.

# %%
sectors(report.accesses[0])

# %% [markdown]
# Four sectors, every byte of them wanted. That is what **coalesced** means: the lanes' accesses combine into as few sectors
# as their bytes need.

# %% [markdown]
# {{card 02.1}}
# A kernel does `y[i] = x[i + offset]`, thread i as above; x begins at a multiple of 128 bytes, elements are float32. How many
# sectors does the load of one full warp cost with `offset` = 1? With 8? And what percentage of the bytes moved is
# needed with `offset` = 1?

# %% tags=["exercise"]
# Predict 02.1
offset_1 = 5
offset_8 = 4
percent_needed = 100 * 128 / 160

# %% tags=["check"]
check("02.1")

# %%
shifted = r"""
__global__ void shifted(const float* x, float* y, int n, int offset) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i + offset];
}
"""
runs = {}
for offset in (0, 1, 4, 7, 8, 9, 16, 31):
    args = [floats(1100), np.zeros(1024, np.float32), 1024, offset]
    runs[offset] = emulate(shifted, "shifted", 8, 128, args)
    print(f"offset {offset:2}: {per_request(runs[offset]):g} sectors a request")
assert per_request(runs[1]) == 5 and per_request(runs[8]) == 4
sectors(runs[1].accesses[0])

# %% [markdown]
# **Is a misaligned load a disaster?** No. The fifth sector is the first one of the next warp, and on a GPU it is usually
# still in L1 when that warp comes. So L1 serves 25 % more sectors, HBM hardly any more: in NVIDIA's *CUDA C++ Best Practices
# Guide* a V100 loses about a tenth of its bandwidth this way, not a fifth. The counter you see is L1's. Know both
# numbers, and say which one you mean.
#
# Where do misaligned starts come from? A slice `x[1:]`, a matrix whose rows are no multiple of 32 bytes, a header in front of
# the data. `cudaMalloc` itself aligns to 256 bytes.

# %% [markdown]
# {{card 02.2}}
# `count_sectors(addresses, width)`: `addresses` is an int64 array with the byte address of each active lane (0 to 32 of them, in
# any order, repeats allowed); every lane moves `width` bytes (1, 2, 4, 8 or 16), and its address is a multiple of `width`. As on a GPU,
# addresses do not fit into 32 bits.
# Return the number of sectors that the request costs, as an int.
#
# `count_sectors(np.arange(32) * 4 + 4, 4)` is 5. 32 lanes that all want address 640 cost 1. No lane: 0.
# Plain Python or NumPy.

# %% tags=["exercise"]
# Exercise 02.2
def count_sectors(addresses, width):
    """Sectors of 32 bytes that one request of a warp touches."""
    ### BEGIN SOLUTION
    return len({int(address) // 32 for address in addresses})
    ### END SOLUTION

# %% tags=["check"]
check("02.2")

# %% [markdown]
# Is your function the hardware's rule? Here a gather with random indices, and what it says beside what the emulated GPU counts.
# The indices come from a window of `window` floats: the narrower it is, the more lanes share a sector.

# %%
gather = r"""
__global__ void gather(const float* x, const int* index, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = x[index[i]];
}
"""
rng = np.random.default_rng(0)
for window in (8, 32, 128, 1024) if ready("02.2") else ():
    index = rng.integers(0, window, 32).astype(np.int32)
    report = emulate(gather, "gather", 1, 32, [floats(1024), index, np.zeros(32, np.float32)])
    load = next(access for access in report.accesses if access.array == "x")
    mine = count_sectors(4 * index.astype(np.int64), 4)
    print(f"window {window:4}: yours {mine:2}, emulated GPU {load.sectors:2}")
    assert mine == load.sectors

# %% [markdown]
# ## 3 Who sits beside whom
#
# Lanes of a warp differ in `threadIdx.x`. So the question to ask of any index expression is: **what happens to the address when
# threadIdx.x grows by one?** It moves by 4 bytes: coalesced. By 4096: a sector for every lane.

# %% [markdown]
# {{card 02.3}}
# `axpy(a, x, y, n)`: y[i] ← a·x[i] + y[i] for n float32, in place. Launched with blocks of 128 threads, ⌈n / 128⌉ of them: a
# thread for each element. n is any size from 1. With a = 2, x = [1, 2], y = [10, 20], y becomes [12, 24].
#
# **Budget** (n ≥ 128): every load and store at the fewest sectors possible, all threads at work.

# %% tags=["exercise"]
# Exercise 02.3
axpy = r"""
__global__ void axpy(float a, const float* x, float* y, int n) {
    // ### BEGIN SOLUTION
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("02.3")

# %% [markdown]
# Now move the lanes apart.

# %% [markdown]
# {{card 02.4}}
# `y[i] = x[i * stride]`, x aligned to 128 bytes. How many sectors does the load of a full warp cost
#
# - with float32 and stride 2, stride 8, stride 100?
# - with float64 (8 bytes) and stride 1? With bytes (uint8) and stride 1?

# %% tags=["exercise"]
# Predict 02.4
stride_2 = 8
stride_8 = 32
stride_100 = 32
double_stride_1 = 8
byte_stride_1 = 1

# %% tags=["check"]
check("02.4")

# %%
strided = r"""
template <typename T>  // T is filled in by the launch: strided<float>, strided<double>
__global__ void strided(const T* x, T* y, int stride) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = x[i * stride];
}
"""
def cost(stride, name="float", dtype=np.float32):
    args = [np.zeros(128 * stride, dtype), np.zeros(128, dtype), stride]
    return per_request(emulate(strided, f"strided<{name}>", 1, 128, args))

steps = list(range(1, 17))
costs = {"uint8": [cost(s, "unsigned char", np.uint8) for s in steps],
         "float32": [cost(s) for s in steps],
         "float64": [cost(s, "double", np.float64) for s in steps]}  # fmt: skip
assert costs["float32"][:8] == [4, 8, 12, 16, 20, 24, 28, 32] and cost(100) == 32
assert costs["float64"][0] == 8 and costs["uint8"][0] == 1 and cost(1, "short", np.int16) == 2

# %%
fig, ax = plt.subplots(figsize=(7.5, 3.2))
for name, values in costs.items():
    ax.plot(steps, values, "o-", markersize=4, label=name)
ax.set(xlabel="stride in elements", ylabel="sectors a request", yticks=[1, 4, 8, 16, 24, 32])
ax.set_title("One load of a full warp: 32 lanes never touch more than 32 sectors", fontsize=10)
_ = ax.legend()

# %% [markdown]
# A straight line until every lane has a sector of its own, then flat: 32 lanes d bytes apart span 32·d bytes, that is d sectors, never
# more than 32. On the flat part 4 of every 32 bytes moved are used, for floats.
#
# **Unlike misalignment, stride is a disaster.** The unused bytes of a sector are only worth something if somebody asks for them
# while it is still cached. With a large stride nobody does, and HBM moves them, too.

# %% [markdown]
# {{card 02.5}}
# `scale_rows(s, x, y, m, n, pitch)`: y[r][c] = s[r] · x[r][c] for an m × n matrix of float32. Both are row-major; the rows of x are
# padded: element (r, c) is `x[r * pitch + c]`, with pitch ≥ n a multiple of 32. In y it is `y[r * n + c]`.
#
# In a block of two dimensions there are `threadIdx.y`, `blockIdx.y` and `blockDim.y` as well, and threadIdx.x runs fastest: with
# block=(32, 8) each warp is one row of 32 threads with the same threadIdx.y.
#
# You also write the launch: `launch_rows(m, n)` returns `dict(grid=..., block=...)`, each a number or (x, y), x first; a block has
# at most 1024 threads. Tried are 1 × 1, 8 × 32, 33 × 128, 5 × 257 and the like: mind both edges.
# With s = [3] and x = [[1, 2]] the result is [[3, 6]]. Off limits: shared memory and atomics.
#
# **Budget** (n a multiple of 32): every load and store at the fewest sectors possible.

# %% tags=["exercise"]
# Exercise 02.5
scale_rows = r"""
__global__ void scale_rows(const float* s, const float* x, float* y, int m, int n, int pitch) {
    // ### BEGIN SOLUTION
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    int r = blockIdx.y * blockDim.y + threadIdx.y;
    if (r < m && c < n) y[r * n + c] = s[r] * x[r * pitch + c];
    // ### END SOLUTION
}
"""

def launch_rows(m, n):
    ### BEGIN SOLUTION
    return dict(grid=((n + 31) // 32, (m + 7) // 8), block=(32, 8))
    ### END SOLUTION

# %% tags=["check"]
check("02.5")

# %% [markdown]
# The classic wrong turn is *one thread for one row*: it reads well on a CPU. Here both ways on the same 64 × 96 matrix, so that you
# see the price in sectors:

# %%
by_row = r"""
__global__ void scale_rows(const float* s, const float* x, float* y, int m, int n, int pitch) {
    int r = blockIdx.x * blockDim.x + threadIdx.x;
    for (int c = 0; r < m && c < n; ++c) y[r * n + c] = s[r] * x[r * pitch + c];
}
"""
better = None
if ready("02.5"):
    args = [floats(64), floats(64, 128), np.zeros((64, 96), np.float32), 64, 96, 128]
    slow = emulate(by_row, "scale_rows", 1, 64, args)
    fast = emulate(scale_rows, "scale_rows", **launch_rows(64, 96), args=args)
    better = compare(slow, fast)
better

# %% [markdown]
# The loads of s[r] cost 1 sector in your version: all lanes want the same word. That is a **broadcast**, and it is free of
# any further cost.
#
# The pitch is there so that every row starts at a multiple of 128 bytes. y has none: with n = 257 each row begins 4 bytes later
# within a sector than the one before. `cudaMallocPitch` pads rows for this reason, and a hidden size is 4096 rather than 4000.

# %% [markdown]
# ## 4 Layouts and gathers
#
# The commonest stride in real code is `sizeof(struct)`. An **array of structs** (AoS) keeps a particle's x, y, z together. A
# **struct of arrays** (SoA) keeps all x together.

# %% [markdown]
# {{card 02.6}}
# Every thread reads one float field, `x`, of its own particle: `p[i].x`. How many sectors does a full warp cost
#
# - with an array of structs of 12 bytes (x, y, z)?
# - with an array of structs of 32 bytes (position, velocity, mass, charge)?
# - with a struct of arrays, `px[i]`?
#
# And what percentage of the bytes moved is needed with the struct of 32 bytes?

# %% tags=["exercise"]
# Predict 02.6
aos_12 = 12
aos_32 = 32
soa = 4
percent_needed_aos_32 = 12.5

# %% tags=["check"]
check("02.6")

# %%
structs = r"""
struct Point { float x, y, z; };
__global__ void one_field(const Point* p, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = p[i].x;
}
__global__ void all_fields(const Point* p, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    Point q = p[i];
    out[i] = q.x + q.y + q.z;
}
"""
points = [floats(128, 3), np.zeros(128, np.float32)]
sectors(emulate(structs, "one_field", 1, 128, points).accesses[0])

# %% [markdown]
# **And if all three fields are used?** Then the compiler makes three loads of 4 bytes, each with stride 12:

# %%
annotate(emulate(structs, "all_fields", 1, 128, points))

# %% [markdown]
# 36 sectors where 12 hold everything. L1 serves three times what was needed, but the second and third load find their sectors in
# L1 if they come soon, so HBM delivers each byte once. This is the honest answer to *"AoS or SoA?"*:
#
# - **one field of many**: AoS wastes HBM bandwidth, by sizeof(struct) / 4 and at most 8 times. Use SoA.
# - **all fields**: AoS wastes L1 bandwidth and instructions. Wide loads (section 5) or staging (the boss) mend it.

# %% [markdown]
# A **gather**, `x[index[i]]`, is a stride that nobody knows. Whether it hurts depends on how much of each sector is wanted:
# single floats waste 28 of 32 bytes, whole rows waste nothing. Every LLM begins with a gather of rows:

# %% [markdown]
# {{card 02.7}}
# `embed(table, ids, out, tokens, width)`: token t has the number ids[t] (int32), and its embedding is row ids[t] of `table`, a
# row-major float32 matrix with `width` columns. Write that row to row t of `out`, a tokens × width matrix. With ids = [2, 0] `out` is row
# 2 of the table, then row 0.
#
# Launched with `tokens` blocks of 128 threads: a block for each token. Tried: width 1, 31, 127, 128, 129 and 256, so narrower and wider
# than the block. Off limits: shared memory and atomics.
#
# **Budget** (width a multiple of 128): every load and store at the fewest sectors possible; all lanes at work.

# %% tags=["exercise"]
# Exercise 02.7
embed = r"""
__global__ void embed(const float* table, const int* ids, float* out, int tokens, int width) {
    // ### BEGIN SOLUTION
    const float* row = table + (size_t)ids[blockIdx.x] * width;
    for (int c = threadIdx.x; c < width; c += blockDim.x)
        out[(size_t)blockIdx.x * width + c] = row[c];
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("02.7")

# %% [markdown]
# ## 5 Wider accesses
#
# A lane may move up to 16 bytes with one instruction. In CUDA C++ you ask for that with a type of 16 bytes: `float4`, `int4`,
# `uint4`, or a struct that is declared `__align__(16)`. In the PTX it is `ld.global.v4`:

# %%
copies = r"""
__global__ void copy1(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i];
}
__global__ void copy4(const float4* x, float4* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n / 4) y[i] = x[i];
}
"""
def in_the_ptx(source, kernel):
    """The kernel's global loads and stores, as the compiler wrote them."""
    ptx = compile_cuda(source, kernel).ptx
    body = next(part for part in ptx.split(".entry ")[1:] if kernel in part.partition("(")[0])
    return re.findall(r"(?:ld|st)\.global\S*", body)


for name in ("copy1", "copy4"):
    print(name, *in_the_ptx(copies, name))

# %% [markdown]
# {{card 02.8}}
# `copy4` copies n = 4096 floats, with 1024 threads. How many load requests does it make? How many sectors does a request
# cost? And how many sectors do all its loads cost together?

# %% tags=["exercise"]
# Predict 02.8
requests = 32
sectors_a_request = 16
sectors_total = 512

# %% tags=["check"]
check("02.8")

# %%
x, y = floats(4096), np.zeros(4096, np.float32)
scalar = emulate(copies, "copy1", 32, 128, [x, y, 4096])
vector = emulate(copies, "copy4", 8, 128, [x, y, 4096])
assert scalar.metrics[LOAD_SECTORS] == vector.metrics[LOAD_SECTORS] == 512
compare(scalar, vector)

# %% [markdown]
# "More sectors a request", which the table marks as worse, is no loss here: a request asks for four times the bytes. **What float4 buys**: a quarter of the
# instructions, and four times the bytes in flight for each thread (section 6). **What it does not buy**: fewer sectors. Whoever
# says "float4 improves coalescing" has mixed up two things.
#
# And it is the *instruction* that must be wide. Four neighbors by four loads are the worst of both:

# %%
four_loads = r"""
__global__ void four_loads(const float* x, float* y, int n) {
    int i = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    for (int k = 0; k < 4; ++k)
        if (i + k < n) y[i + k] = x[i + k];
}
"""
apart = emulate(four_loads, "four_loads", 8, 128, [x, y, 4096])
print(f"{apart.metrics[LOAD_REQUESTS]:.0f} requests of {per_request(apart):g} sectors")
sectors(apart.accesses[0])

# %% [markdown]
# The compiler may not merge them for you: a `float*` promises an alignment of 4 bytes, a 16-byte access needs 16. Only you know.

# %% [markdown]
# {{card 02.9}}
# `axpy4(a, x, y, n)`: axpy again, y[i] ← a·x[i] + y[i], n any size from 1. x and y begin at multiples of 16 bytes. Launched with
# blocks of 128 threads, ⌈n / 512⌉ of them: a thread for four elements. Read x and y and write y as `float4` wherever four
# elements fit; up to three are left at the end.
#
# `(const float4*)x` is the same address seen as float4s, and an index into it counts float4s; `make_float4(a, b, c, d)` makes one; `p.x p.y p.z p.w` are its parts.
#
# **Budget** (n > 500): 2·⌈n / 128⌉ + 8 load requests and ⌈n / 128⌉ + 4 store requests, at the fewest sectors possible. (128 elements are 32
# lanes of 4; the rest is room for the tail.)

# %% tags=["exercise"]
# Exercise 02.9
axpy4 = r"""
__global__ void axpy4(float a, const float* x, float* y, int n) {
    // ### BEGIN SOLUTION
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n / 4) {
        float4 p = ((const float4*)x)[i], q = ((const float4*)y)[i];
        ((float4*)y)[i] = make_float4(a * p.x + q.x, a * p.y + q.y, a * p.z + q.z, a * p.w + q.w);
    } else if (i == n / 4) {
        for (int k = 4 * i; k < n; ++k) y[k] = a * x[k] + y[k];
    }
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("02.9")

# %% [markdown]
# {{card 02.10}}
# With FP16 an element has 2 bytes. How many sectors does a request cost if every lane loads one `__half`? If every lane loads
# eight of them as one access of 16 bytes? Elements side by side, aligned start.
#
# And what does a load of a `float4` at `x + 1` do, when x itself is aligned: `"error"`, `"17 sectors"` or `"two requests"`?

# %% tags=["exercise"]
# Predict 02.10
half_a_lane = 2
eight_halves_a_lane = 16
float4_at_x_plus_1 = "error"

# %% tags=["check"]
check("02.10")

# %%
misaligned = r"""
__global__ void late(const float* x, float4* y) {
    y[threadIdx.x] = ((const float4*)(x + 1))[threadIdx.x];
}
"""
emulate(misaligned, "late", 1, 32, [floats(256), np.zeros((32, 4), np.float32)])

# %% [markdown]
# On a GPU the kernel dies with `misaligned address`, and so does everything after it in that process. This is why libraries look at
# a pointer before they choose the wide kernel, and why a slice `x[1:]` can be slower than `x`.
#
# | a lane moves | bytes a request | sectors | requests for 1 MiB |
# |---|---|---|---|
# | 1 half, 2 B | 64 | 2 | 16,384 |
# | 1 float, 4 B | 128 | 4 | 8,192 |
# | 8 halves or 4 floats, 16 B | 512 | 16 | 2,048 |

# %% [markdown]
# {{card 02.11}}
# `residual(x, r, y, n)`: y = x + r, three arrays of n `__half` that begin at multiples of 16 bytes; n is a multiple of 8, as hidden
# sizes are. Launched with blocks of 128 threads, ⌈n / 1024⌉ of them: a thread for eight elements. Each sum is rounded once, to the nearest FP16.
#
# A `__half2` is two halves in 4 bytes, and `__hadd2(u, v)` adds both pairs. `((const uint4*)x)[i]` loads 16 bytes; a
# pointer `(__half2*)&p` looks at them as four `__half2`.
#
# **Budget** (n > 200): 2·⌈n / 256⌉ load requests and ⌈n / 256⌉ store requests.

# %% tags=["exercise"]
# Exercise 02.11
residual = r"""
#include <cuda_fp16.h>

__global__ void residual(const __half* x, const __half* r, __half* y, int n) {
    // ### BEGIN SOLUTION
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (8 * i >= n) return;
    uint4 p = ((const uint4*)x)[i], q = ((const uint4*)r)[i];
    __half2* u = (__half2*)&p;
    const __half2* v = (const __half2*)&q;
    for (int k = 0; k < 4; ++k) u[k] = __hadd2(u[k], v[k]);
    ((uint4*)y)[i] = p;
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("02.11")

# %% [markdown]
# There is no `float4` *arithmetic* in that: 16 bytes is the width of memory instructions. Packed arithmetic exists for pairs, such as
# `__hadd2`, for bytes (`__dp4a`) and on tensor cores. "I vectorized with float4" is about loads and stores.

# %% [markdown]
# ## 6 In flight
#
# A load takes long. To keep the memory busy meanwhile, other loads must be under way. **Little's law**:
#
# bytes in flight = bandwidth × latency
#
# A water pipe of a given flow and a given length holds flow × time of passage. If you have fewer bytes on the way,
# the bandwidth you get is bytes in flight / latency, whatever the datasheet says.

# %% [markdown]
# {{card 02.12}}
# One H100 80GB HBM3 copies at 3.0·10¹² bytes per second, and a load that misses all caches took 350 ns on the idle machine (both measured;
# `solutions/recorded/04_ceilings.*`). It has 132 SMs (processors); each holds at most 2048 threads.
#
# How many kilobytes (10³) must an SM have in flight to reach that rate? How many of its threads must be waiting for a load if
# each has one float (4 bytes) under way? And if each has a float4?

# %% tags=["exercise"]
# Predict 02.12
kilobytes_per_sm = 3.0e12 * 350e-9 / 132 / 1e3
threads_with_4_bytes = 3.0e12 * 350e-9 / 132 / 4
threads_with_16_bytes = 3.0e12 * 350e-9 / 132 / 16

# %% tags=["check"]
check("02.12")

# %%
in_flight = 3.0e12 * 350e-9 / 132  # bytes an SM
fig, ax = plt.subplots(figsize=(7.5, 3.2))
threads = np.arange(64, 2049, 64)
for size, name in ((4, "float"), (8, "float2"), (16, "float4"), (64, "four float4")):
    share = np.minimum(1, threads * size / in_flight)
    ax.plot(threads, share, label=f"{name}: {size} B a thread")
ax.set(xlabel="threads on the SM, each with that much under way")
ax.set(ylabel="share of 3.0 TB/s", ylim=(0, 1.05))
ax.set_title("An upper bound by Little's law: 7.95 kB in flight an SM", fontsize=10)
_ = ax.legend()
assert 7.9e3 < in_flight < 8.0e3 and in_flight / 4 > 0.95 * 2048

# %% [markdown]
# With one float a thread, practically every thread an SM can hold must be waiting all the time; under load the latency grows
# beyond the idle 350 ns, and then that is not enough: the same H100 copies at 79 % of its rate with one float a thread, and at
# 100 % with one float4 (section 9). There are three levers: **more threads** (occupancy), **wider loads**, and
# **several loads before the first use**:
#
# ```c++
# float4 p = x[i], q = x[i + step];   // two loads under way ...
# y[i] = p;  y[i + step] = q;         // ... before the first result is needed
# ```
#
# A GPU executes a thread's instructions in order, but it does not wait for a load until its value is used.

# %% [markdown]
# **The grid-stride loop.** One thread an element ties the grid to n. Instead, launch as many blocks as the GPU holds at
# once, and let each thread walk: element g, then g + (threads of the grid), and so on. Every round is one coalesced sweep. The picture shows
# who takes which element, for 2 blocks of 4 threads and n = 20:

# %%
fig, ax = plt.subplots(figsize=(7.5, 1.6))
for i in range(20):
    thread, turn = i % 8, i // 8
    ax.barh(0, 0.9, left=i, color=f"C{turn}", alpha=0.75)
    who = f"b{thread // 4}\nt{thread % 4}"
    ax.text(i + 0.45, 0, who, ha="center", va="center", fontsize=8, color="white")
ax.set(yticks=[], xticks=[0.45, 8.45, 16.45, 19.45], xlabel="element")
ax.set_xticklabels([0, 8, 16, 19])
ax.grid(False)
_ = ax.set_title("three rounds of the grid, one color each", fontsize=10)

# %% [markdown]
# {{card 02.13}}
# `scale(a, x, y, n)`: y = a·x for n float32, any n from 1. The launch is **always** 4 blocks of 64 threads; each thread takes as many
# elements as it must: with n = 600, thread 0 of block 0 is the first of the 256 and takes elements 0, 256 and 512. Off limits: shared
# memory and atomics.
#
# **Budget** (n > 500): loads at the fewest sectors possible, each element read and written once.

# %% tags=["exercise"]
# Exercise 02.13
scale = r"""
__global__ void scale(float a, const float* x, float* y, int n) {
    // ### BEGIN SOLUTION
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        y[i] = a * x[i];
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("02.13")

# %% [markdown]
# ## 7 Hints to the caches
#
# Loads and stores come in flavors. What each is in the PTX:

# %%
flavors = r"""
__global__ void plain(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }

__global__ void restricted(const float* __restrict__ x, float* __restrict__ y) {
    y[threadIdx.x] = x[threadIdx.x];
}
__global__ void read_only(const float* x, float* y) { y[threadIdx.x] = __ldg(x + threadIdx.x); }

__global__ void streaming(const float* x, float* y) {
    __stcs(y + threadIdx.x, __ldcs(x + threadIdx.x));
}
__global__ void past_l1(const float* x, float* y) { y[threadIdx.x] = __ldcg(x + threadIdx.x); }
"""
# %% [markdown]
# {{card 02.14}}
# 1. Which load does the compiler make of `restricted` above: `"ld.global"`, `"ld.global.nc"` or `"ld.const"`?
# 2. How many sectors does `__ldg(x + 2 * i)` cost a full warp, x float32 and aligned?
# 3. Here nothing is `__restrict__`. How many times does each thread load x[0]?
#
# ```c++
# __global__ void twice(const float* x, float* y, float* z) {
#     int i = blockIdx.x * blockDim.x + threadIdx.x;
#     y[i] = 2 * x[0];
#     z[i] = 3 * x[0];
# }
# ```

# %% tags=["exercise"]
# Predict 02.14
restrict_load = "ld.global.nc"
sectors_ldg_stride_2 = 8
x0_loads_without_restrict = 2

# %% tags=["check"]
check("02.14")

# %%
for name in ("plain", "restricted", "read_only", "streaming", "past_l1"):
    args = [floats(32), np.zeros(32, np.float32)]
    counted = per_request(emulate(flavors, name, 1, 32, args))
    print(f"{name:11} {', '.join(in_the_ptx(flavors, name)):36} {counted:g} sectors a load")
apart_by_two = strided.replace("x[i * stride]", "__ldg(x + i * stride)")
hinted = emulate(apart_by_two, "strided<float>", 1, 32, [floats(64), floats(32), 2])
assert per_request(hinted) == 8  # as without the hint

# %% [markdown]
# What the PTX ISA says of them: `.nc` is the non-coherent, read-only path; `.cs` (*cache streaming*) marks data that is likely used once, to
# be evicted first; `.cg` keeps it out of L1 and caches in L2 only. They change **where data stays**, never which sectors are asked for.
#
# **Does `__ldg` still matter?** Hardly. With `const ... __restrict__` the compiler does it by itself. What matters is `__restrict__`: it is a
# promise that no other pointer reaches the same memory, so what was loaded may stay in a register.

# %%
twice = r"""
__global__ void twice(const float* x, float* y, float* z) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = 2 * x[0];
    z[i] = 3 * x[0];
}
"""
promised = twice.replace("float* ", "float* __restrict__ ")
for name, source in (("plain", twice), ("__restrict__", promised)):
    args = [floats(1), np.zeros(128, np.float32), np.zeros(128, np.float32)]
    loads = emulate(source, "twice", 1, 128, args).metrics[LOAD_REQUESTS] / 4  # 4 warps
    print(f"{name:13} x[0] is loaded {loads:g} times by each thread")
    assert loads == (2 if source is twice else 1)

# %% [markdown]
# ## 8 The same in Triton
#
# In Triton you write what a whole **program** does, with vectors of addresses. Which thread takes which element, and how wide the
# loads are, is the compiler's choice. It follows from what it can prove. First look, with chapter 00's kernel:

# %%
@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(y + i, mask=mask), mask=mask)


def try_add(n, BLOCK, num_warps=4, dtype=np.float32):
    """The kernel compiled for sm_90 and run on the emulated GPU."""
    args = [np.zeros(n, dtype) for _ in range(3)]
    grid = (triton.cdiv(n, BLOCK),)
    return emulate_triton(add_kernel, grid, *args, n, BLOCK=BLOCK, num_warps=num_warps)


annotate(try_add(4096, 1024))

# %% [markdown]
# The same counters, because it is the same machine: Triton, too, ends in PTX. A program with `num_warps=4` is a block of 128 threads.
# Here is what it became:

# %%
args = [np.zeros(4096, np.float32) for _ in range(3)]
code = triton_code(add_kernel, *args, 4096, BLOCK=1024, num_warps=4)
print("\n".join(line.strip()[:100] for line in code.ptx.splitlines() if ".global.v" in line))

# %% [markdown]
# `v4.b32`: 16 bytes a lane, without a word from you. (The `@%p` in front is the mask.) The elements of a block are dealt to
# its threads in runs: a run is as long as 16 bytes allow, if there are enough elements for all threads.

# %% [markdown]
# {{card 02.15}}
# For `add_kernel`, n a large multiple of 1024: how many **bytes** does a lane move with one load
#
# - float32, BLOCK = 256, 4 warps?
# - float32, BLOCK = 1024, 4 warps?
# - float16, BLOCK = 512, 4 warps?
# - float16, BLOCK = 1024, 8 warps?

# %% tags=["exercise"]
# Predict 02.15
fp32_256_warps_4 = 8
fp32_1024_warps_4 = 16
fp16_512_warps_4 = 8
fp16_1024_warps_8 = 8

# %% tags=["check"]
check("02.15")

# %%
print("             BLOCK  warps  elements a thread  bytes a lane  load requests")
for name, BLOCK, warps in (("float32", 128, 4), ("float32", 256, 4), ("float32", 1024, 4),
                           ("float16", 512, 4), ("float16", 1024, 4), ("float16", 1024, 8)):  # fmt: skip
    report = try_add(4096, BLOCK, warps, np.dtype(name))
    each, width = BLOCK // (32 * warps), report.accesses[0].width
    count = report.metrics[LOAD_REQUESTS]
    print(f"{name:9} {BLOCK:8} {warps:6} {each:18} {width:13} {count:14.0f}")
    assert width == min(16, each * np.dtype(name).itemsize)

# %% [markdown]
# {{card 02.16}}
# `residual_add(x, r)`: x + r for two float16 tensors of n elements, n a multiple of 16; returns a new tensor. Write the kernel **and** the
# launch: one launch, `torch.empty_like` for the result, and BLOCK and `num_warps` such that every load and store moves 16 bytes a lane.
# Mask what lies past n. FP16 sums may be rounded once.
#
# **Budget** (n > 4000; compiled, on the emulated GPU): 2·⌈n / 256⌉ load requests, ⌈n / 256⌉ store requests.

# %% tags=["exercise"]
# Exercise 02.16
@triton.jit
def residual_kernel(x, r, out, n, BLOCK: tl.constexpr):
    ### BEGIN SOLUTION
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(r + i, mask=mask), mask=mask)
    ### END SOLUTION


def residual_add(x, r):
    ### BEGIN SOLUTION
    out = torch.empty_like(x)
    residual_kernel[(triton.cdiv(x.numel(), 1024),)](x, r, out, x.numel(), BLOCK=1024, num_warps=4)
    return out
    ### END SOLUTION


# %% tags=["check"]
check("02.16")

# %% [markdown]
# So take BLOCK as large as it goes? No: a thread that holds 64 elements needs registers for them, and fewer programs share the work
# out less evenly. Begin with what 16 bytes ask for, try two and four times that, and measure.
#
# Now the length. The mask `i < n` decides lane by lane, and a wide load is one instruction.

# %% [markdown]
# {{card 02.17}}
# `add_kernel`, float32, BLOCK = 1024, 4 warps: 8 elements a thread. How many bytes does a lane move with one load when n = 4096? When
# n = 4099? When n = 4100? And how many sectors does one full load request cost when n = 4099?
#
# What the compiler knows about n: Triton's launcher looks whether an integer argument is 1 and whether 16 divides it, and compiles a
# kernel of its own for each case.

# %% tags=["exercise"]
# Predict 02.17
n_4096 = 16
n_4099 = 4
n_4100 = 4
sectors_a_request_4099 = 16

# %% tags=["check"]
check("02.17")

# %%
for n in (4096, 4099, 4100):
    report = try_add(n, 1024)
    count, moved = report.metrics[LOAD_REQUESTS], report.metrics[LOAD_SECTORS]
    width = report.accesses[0].width
    assert width == (16 if n == 4096 else 4)
    print(f"n = {n}: {width:2} bytes a lane, {count:3.0f} requests, {moved:4.0f} sectors")
sectors(try_add(4099, 1024).accesses[0])

# %% [markdown]
# Three elements more, and the kernel makes four times the requests *and* four times the sectors: each thread still owns four neighbors,
# but takes them one by one, as in `four_loads`. HBM sees little of it, since L1 keeps what the next load wants. L1 itself sees all of
# it, and that is not free: section 9 has this pattern, four neighbors one after the other, measured on an H100.
#
# Width takes three facts, all known **when compiling**:
#
# | fact | where it comes from | what loses it |
# |---|---|---|
# | **contiguity**: neighbors in the block are neighbors in memory | `tl.arange`, a stride that is 1 | a stride of 2, an index that is loaded |
# | **divisibility**: where a run begins | pointers and integers that 16 divides, constexprs | `x[1:]`, an offset that is loaded |
# | **constancy**: one mask for the run | no mask, or a bound that 16 divides | any other bound |

# %% [markdown]
# {{card 02.18}}
# `relu(x)`: max(x, 0) for a float32 tensor of any length n ≥ 1. The launch is written: BLOCK = 1024, 4 warps, ⌈n / 1024⌉ programs. Write
# the kernel so that an odd n costs only the last program something: all the others move 16 bytes a lane.
# `if` on a number that the whole program shares (a scalar) is allowed in a kernel; `tl.maximum(v, 0.0)` is max.
#
# **Budget** (n = 4099 and 7169; compiled, on the emulated GPU): ⌈n / 128⌉ + 44 load requests, as many store requests. 128 elements are 32 lanes
# of 4; 44 is room for one block that goes element by element.

# %% tags=["exercise"]
# Exercise 02.18
@triton.jit
def relu_kernel(x, out, n, BLOCK: tl.constexpr):
    ### BEGIN SOLUTION
    start = tl.program_id(0) * BLOCK
    i = start + tl.arange(0, BLOCK)
    if start + BLOCK <= n:
        tl.store(out + i, tl.maximum(tl.load(x + i), 0.0))
    else:
        tl.store(out + i, tl.maximum(tl.load(x + i, mask=i < n), 0.0), mask=i < n)
    ### END SOLUTION


def relu(x):
    out = torch.empty_like(x)
    relu_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024, num_warps=4)
    return out


# %% tags=["check"]
check("02.18")

# %% [markdown]
# **Strides.** A PyTorch tensor comes with strides, and a transposed view has its 1 in the other place. For a tile
# the compiler looks along which axis addresses are contiguous, and lets the lanes run along that one. The stride 1 is visible to it
# because the launcher makes an argument that *is* 1 a constant of the compiled kernel.

# %% [markdown]
# {{card 02.19}}
# `scale_matrix(x, s)`: returns a new **row-major** m × n float32 tensor with s[r] · x[r, c]. x may be row-major or a transposed view of a
# row-major tensor; read its strides with `x.stride(0)` and `x.stride(1)`, do not copy it (no `.contiguous()`, no `.clone()`). One launch; kernel and launcher are yours.
# `torch.empty(x.shape, dtype=x.dtype, device=x.device)` is row-major.
#
# A 2-D tile: `r[:, None] * stride_r + c[None, :] * stride_c` is a matrix of offsets, and a program may have two numbers,
# `tl.program_id(0)` and `tl.program_id(1)`, for a grid `(gx, gy)`. A tile must have some 32 elements along each direction, or there are
# no neighbors to coalesce.
#
# **Budget** (64 × 32 row-major and 32 × 64 transposed; compiled, on the emulated GPU): loads and stores at the fewest sectors possible, for
# both layouts.

# %% tags=["exercise"]
# Exercise 02.19
@triton.jit
def scale_kernel(x, s, out, m, n, stride_r, stride_c, TILE: tl.constexpr):
    ### BEGIN SOLUTION
    r = tl.program_id(0) * TILE + tl.arange(0, TILE)
    c = tl.program_id(1) * TILE + tl.arange(0, TILE)
    mask = (r[:, None] < m) & (c[None, :] < n)
    tile = tl.load(x + r[:, None] * stride_r + c[None, :] * stride_c, mask=mask)
    factor = tl.load(s + r, mask=r < m)
    tl.store(out + r[:, None] * n + c[None, :], factor[:, None] * tile, mask=mask)
    ### END SOLUTION


def scale_matrix(x, s):
    ### BEGIN SOLUTION
    m, n = x.shape
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    grid = (triton.cdiv(m, 32), triton.cdiv(n, 32))
    scale_kernel[grid](x, s, out, m, n, x.stride(0), x.stride(1), TILE=32)
    return out
    ### END SOLUTION


# %% tags=["check"]
check("02.19")

# %% [markdown]
# Look at what the transposed case costs: the tile is loaded column by column, stored row by row, and **between the two it goes through shared
# memory**. You wrote none of that. Chapter 03 does it by hand.

# %%
tiles = None
if ready("02.19"):
    tall = torch.from_numpy(floats(64, 128))
    with emulated_launches() as reports:  # what your launcher starts runs on the emulated GPU
        out = scale_matrix(tall.T, torch.arange(128.0))
    assert (out == torch.arange(128.0)[:, None] * tall.T).all()
    tiles = reports[0]
tiles

# %% [markdown]
# **Hints.** Some facts the compiler cannot see, but you know them. Sequences of different lengths are packed one behind the other,
# and every start is rounded up to a multiple of 16. The starts stand in memory; when the kernel is compiled, nobody has read them.
#
# `tl.multiple_of(v, 16)` says: 16 divides v, take my word. `tl.max_contiguous(v, 16)` says: v runs on by ones for 16 elements.

# %% [markdown]
# {{card 02.20}}
# `gather_segments(x, starts)`: x is a float32 vector, starts an int32 vector of s positions in it, **each a multiple of 16**. Row p of the result
# (s × 512) is x[starts[p]] to x[starts[p] + 511]; all of them exist. With starts = [32, 0] row 0 is x[32] to x[543]. The launch is written: s programs, W = 512, 4 warps.
#
# Promise what is true, 16 and no more. (A promise of 128 compiles to the same code, so the check cannot see it: 16 bytes, 4 floats, is the
# widest access. It would still be false.)
#
# **Budget** (s = 7 and 13; compiled, on the emulated GPU): 8·s load requests: 4 warps load their start and 16 bytes a lane, once each.

# %% tags=["exercise"]
# Exercise 02.20
@triton.jit
def segment_kernel(x, starts, out, W: tl.constexpr):
    ### BEGIN SOLUTION
    p = tl.program_id(0)
    start = tl.multiple_of(tl.load(starts + p), 16)
    i = tl.arange(0, W)
    tl.store(out + p * W + i, tl.load(x + start + i))
    ### END SOLUTION


def gather_segments(x, starts):
    out = torch.empty((starts.numel(), 512), dtype=x.dtype, device=x.device)
    segment_kernel[(starts.numel(),)](x, starts, out, W=512, num_warps=4)
    return out


# %% tags=["check"]
check("02.20")

# %% [markdown]
# **A promise is not a check.** Here one start is 33. The interpreter would not notice; the compiled kernel loads 16 bytes from an
# address that 16 does not divide:

# %%
if ready("02.20"):
    starts, out = np.array([32, 33], np.int32), np.zeros((2, 512), np.float32)
    faults = emulate_triton(segment_kernel, (2,), floats(2048), starts, out, W=512).faults
    print(faults[0] if faults else "no fault: your kernel rounds the start down, and reads another segment")

# %% [markdown]
# **Structs in Triton.** Interleaved pairs, (real, imaginary) or the pairs that rotary embeddings turn, are an array of structs of two.
# The obvious `tl.load(x + 2 * i)` and `tl.load(x + 2 * i + 1)` each have stride 2.

# %% [markdown]
# {{card 02.21}}
# `rotate(x, cos, sin)`: x holds n pairs side by side, (x[0], x[1]), (x[2], x[3]), ...; pair i is (a, b) = (x[2i], x[2i+1]) and becomes
# (a·cos[i] − b·sin[i], a·sin[i] + b·cos[i]) in the same places of the result. float32, n ≥ 1 any size. The launch is written: BLOCK = 256
# **pairs** a program, 4 warps.
#
# With x = [1, 0], cos = [0], sin = [1] the result is [0, 1]. Useful: `tl.reshape(v, (BLOCK, 2))`, `a, b = tl.split(m)` (the two columns of a
# BLOCK × 2 matrix), `tl.join(a, b)` (its opposite).
#
# **Budget**: each element is read once and written once. n = 1024 and 2048, compiled, on the emulated GPU: loads and stores at the fewest
# sectors possible.

# %% tags=["exercise"]
# Exercise 02.21
@triton.jit
def rotate_kernel(x, cos, sin, out, n, BLOCK: tl.constexpr):
    ### BEGIN SOLUTION
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    k = tl.program_id(0) * 2 * BLOCK + tl.arange(0, 2 * BLOCK)
    a, b = tl.split(tl.reshape(tl.load(x + k, mask=k < 2 * n), (BLOCK, 2)))
    c = tl.load(cos + i, mask=i < n)
    s = tl.load(sin + i, mask=i < n)
    turned = tl.join(a * c - b * s, a * s + b * c)
    tl.store(out + k, tl.reshape(turned, (2 * BLOCK,)), mask=k < 2 * n)
    ### END SOLUTION


def rotate(x, cos, sin):
    out = torch.empty_like(x)
    n = cos.numel()
    rotate_kernel[(triton.cdiv(n, 256),)](x, cos, sin, out, n, BLOCK=256, num_warps=4)
    return out


# %% tags=["check"]
check("02.21")

# %% [markdown]
# ## 9 The ladder
#
# One operation, y = 2·x, from the lanes furthest apart to the best. A thread handles `RUN` neighbors one after the other, so at each step the
# lanes stand RUN floats apart. First the counters, then what an H100 made of them.

# %%
runs = r"""
template <int RUN> __global__ void runs(const float* x, float* y, int n) {
    int first = (blockIdx.x * blockDim.x + threadIdx.x) * RUN;
    #pragma unroll 1  // keep the loop: one load at a time
    for (int k = 0; k < RUN; ++k)
        if (first + k < n) y[first + k] = 2 * x[first + k];
}
"""
n = 8192
x, y = floats(n), np.zeros(n, np.float32)
for RUN in (32, 8, 4, 2, 1):
    report = emulate(runs, f"runs<{RUN}>", n // RUN // 128 or 1, 128, [x, y, n])
    times = report.metrics["bytes_moved.read"] / x.nbytes
    print(f"{RUN:2} floats apart: {per_request(report):2g} sectors a request, {times:g} × needed")
    assert (y == 2 * x).all()

# %%
ladder("02_strided")

# %% [markdown]
# Read the two together, rung by rung:
#
# - **32 floats apart, 5 % of a copy.** Every sector is fetched for 4 bytes, and the 28 others are wanted by the same thread soon. But an
#   SM holds up to 2048 threads with a line of 128 bytes each. That is 256 KiB of x alone, all that an H100's L1 and shared memory have
#   together, and y wants as much again. Most likely the leftovers are gone before they are used.
# - **8 floats apart, 26 %.** The counter is the same, 32 sectors, yet it is five times as fast: now a thread's own stretch is one sector,
#   64 KiB for 2048 threads, and it stays in L1. What you pay is L1 and its 32 sectors a request.
# - **4 floats apart, 48 %.** This is `four_loads`, and what Triton makes of an odd n. HBM need not move a byte twice, and still half the
#   rate is lost: L1 has four times the work.
# - **Neighbors, 79 %.** Perfectly coalesced, and a fifth is missing. Little's law lets one expect it: with 4 bytes a lane nearly every
#   thread an SM can hold would have to wait for memory all the time. (2 floats apart, 84 %, gives each thread two loads.)
# - **The same four neighbors as one float4, 101 %.** 16 sectors a request again, each of them needed.
#
# So *sectors a request* is to be read beside *bytes a lane*, and a counter of L1 is not a time. Next, **copy**: coalesced from the
# first rung on. What is left is instructions, and bytes in flight.

# %%
held = r"""
template <int HELD> __global__ void held(const float4* x, float4* y, int n4) {
    int first = blockIdx.x * blockDim.x * HELD + threadIdx.x;
    float4 v[HELD];
    #pragma unroll  // write all rounds out: v is then in registers, and the loads come first
    for (int k = 0; k < HELD; ++k)
        if (int i = first + k * blockDim.x; i < n4) v[k] = x[i];
    #pragma unroll
    for (int k = 0; k < HELD; ++k)
        if (int i = first + k * blockDim.x; i < n4) y[i] = v[k];
}
"""
rungs = {"a float a thread": emulate(copies, "copy1", n // 128, 128, [x, y, n]),
         "a float4 a thread": emulate(held, "held<1>", n // 512, 128, [x, y, n // 4]),
         "two float4 a thread": emulate(held, "held<2>", n // 1024, 128, [x, y, n // 4])}
for name, report in rungs.items():
    count, steps = report.metrics[LOAD_REQUESTS], report.metrics["smsp__inst_executed.sum"]
    print(f"{name:20} {per_request(report):3g} sectors a request, {count:4.0f} load requests, "
          f"{steps:5.0f} instructions")

# %%
def on_this_gpu():
    """64 Mi floats copied by each rung; asked only where there is a GPU."""
    from utils.vgpu.device import kernel_on_gpu

    n = 1 << 26
    x, y = torch.randn(n, device="cuda"), torch.empty(n, device="cuda")
    scalar = kernel_on_gpu(copies, "copy1")
    one, two = kernel_on_gpu(held, "held<1>"), kernel_on_gpu(held, "held<2>")
    return 2 * x.nbytes, {
        "a float a thread": lambda: scalar(n // 128, 128, x, y, n),
        "a float4 a thread": lambda: one(n // 512, 128, x, y, n // 4),
        "two float4 a thread": lambda: two(n // 1024, 128, x, y, n // 4),
    }


ladder("02_copy", on_this_gpu)

# %% [markdown]
# A `float4` a thread is at the copy's rate; more does not help, since nothing is left to gain. Two things that are often recommended
# cost a little here: the streaming hints (98 %) and the grid of fixed size (95 %). A grid-stride loop is worth having where threads carry
# something along, a partial sum or a constant that was expensive to get. A plain copy carries nothing. **Measure before you recommend.**
#
# **axpy** moves three arrays for two operations an element. Nothing about it is new, and that is the point: every elementwise kernel
# ends at the copy's rate, or it is not finished. Your own two rungs first:

# %%
yours = {"02.3": ("axpy", 1), "02.9": ("axpy4", 4)} if ready("02.3") and ready("02.9") else {}
for name, each in yours.values():
    report = emulate(globals()[name], name, n // each // 128, 128, [2.0, x, y, n])
    count, steps = report.metrics[LOAD_REQUESTS], report.metrics["smsp__inst_executed.sum"]
    print(f"{name:6} {per_request(report):3g} sectors a request, {count:4.0f} load requests, {steps:5.0f} instructions")

# %%
ladder("02_axpy")

# %% [markdown]
# The same on the **roofline**, which chapter 04 is about: to the right the operations for each byte, upwards the operations for each
# second. The slope is the memory. axpy does 2 operations for 12 bytes, so it lies far to the left, and the slope is all it can reach.

# %%
from utils import points, roofline

rungs = points("02_axpy")
roofline({name: rungs[name] for name in ("a float a thread", "a float4 a thread")}, kind="fp32")

# %% [markdown]
# ## 10 Boss
#
# A simulation keeps its particles as an array of structs, 6 floats each. The kernels that come later want a struct of arrays. So one kernel
# does the step and turns the layout, and every sector shall be moved once.
#
# You need a place where the threads of a block can exchange words. That is **shared memory**, and chapter 03 is about nothing
# else. Here three facts are enough:
#
# - `__shared__ float tile[768];` in a kernel is an array that all threads of the **block** see, one for each block;
# - it is on the chip and has no sectors: any word is as good as any other (almost; chapter 03);
# - `__syncthreads();` makes every thread of the block wait until all of them are there. Without it you read what
#   nobody has written yet. Every thread of the block that is still running must reach it. Threads that have returned are not waited for
#   (nor do they help to load); a barrier inside an `if` that some threads skip and go on is an error.

# %% [markdown]
# {{card 02.22}}
# `step(aos, soa, dt, n)`: n particles of 6 floats, x y z vx vy vz. `aos` is float32[n][6]: field f of particle i is aos[6·i + f]. Write
# `soa`, float32[6][n]: field f of particle i at soa[f·n + i]. Positions move, x ← x + dt·vx and so on; velocities are copied.
#
# Launched with blocks of 128 threads, ⌈n / 128⌉ of them: a thread for each particle. n is any size from 1. A block's particles are 768 floats in a
# row. With one particle (1, 2, 3, 10, 20, 30) and dt = 0.5 the result is 6, 12, 18, 10, 20, 30. No atomics.
#
# **Budget** (n a multiple of 128): every global load and store at the fewest sectors possible; every sector moved once.

# %% tags=["exercise"]
# Exercise 02.22
step = r"""
__global__ void step(const float* aos, float* soa, float dt, int n) {
    // ### BEGIN SOLUTION
    __shared__ float tile[768];
    int t = threadIdx.x, begin = blockIdx.x * 768;
    for (int k = t; k < 768; k += 128)
        if (begin + k < 6 * n) tile[k] = aos[begin + k];
    __syncthreads();
    int i = blockIdx.x * 128 + t;
    if (i >= n) return;
    for (int f = 0; f < 3; ++f) {
        soa[f * n + i] = tile[6 * t + f] + dt * tile[6 * t + 3 + f];
        soa[(f + 3) * n + i] = tile[6 * t + 3 + f];
    }
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("02.22")

# %% [markdown]
# What the detour bought, against the direct way:

# %%
direct = r"""
__global__ void step(const float* aos, float* soa, float dt, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    for (int f = 0; f < 3; ++f) {
        soa[f * n + i] = aos[6 * i + f] + dt * aos[6 * i + 3 + f];
        soa[(f + 3) * n + i] = aos[6 * i + 3 + f];
    }
}
"""
bought = None
if ready("02.22"):
    args = [floats(640, 6), np.zeros((6, 640), np.float32), 0.5, 640]
    bought = compare(*(emulate(source, "step", 5, 128, args) for source in (direct, step)))
bought

# %% [markdown]
# ## Interview corner
# {{questions}}

# %% [markdown]
# ## Recap
#
# | pattern, float32 | sectors a request | share of bytes needed | what to do |
# |---|---|---|---|
# | neighbors | 4 | 100 % | nothing |
# | same word for all | 1 | 4 of 32 bytes, once | nothing: a broadcast |
# | starts 4 bytes late | 5 | 80 % at L1, HBM nearly 100 % | pad rows, or let it be |
# | stride 2 | 8 | 50 % | split the array, or load pairs |
# | stride 8 and more, random words | 32 | 12.5 % | change the layout, or who takes what |
# | rows gathered whole | 4 | 100 % | nothing |
# | AoS of 12 bytes, one field | 12 | 33 % | SoA |
# | `float4`, neighbors | 16 | 100 % | nothing: ¼ of the instructions |
# | four neighbors by four loads | 16 | 25 % at L1 | one `float4`, or interleave the lanes |

# %%
late = emulate(shifted, "shifted", 1, 32, [floats(40), floats(32), 32, 1])
table = {"neighbors": (cost(1), 4), "stride 2": (cost(2), 8), "stride 8": (cost(8), 32),
         "AoS of 12": (cost(3), 12), "late": (per_request(late), 5),
         "float4": (per_request(vector), 16), "four loads": (per_request(apart), 16)}
assert all(counted == said for counted, said in table.values()), table
print("the table above agrees with the emulated GPU")

# %% [markdown]
# **Three sentences to keep.** Ask what happens to the address when threadIdx.x grows by one. Sectors are decided by addresses,
# requests by width, time by bytes in flight. And a claim about memory is a counter with a name, or it is a guess.
#
# **Read next.** *CUDA C++ Best Practices Guide*, "Coalesced Access to Global Memory" · *Nsight Compute documentation*, "Memory Tables" ·
# *PTX ISA*, "Cache Operators" · the Triton compiler's `AxisInfo` analysis, where contiguity, divisibility and constancy live.
#
# In your notebook: `progress()` shows what is open. Chapter 03 goes on where the boss stopped: inside shared memory.
