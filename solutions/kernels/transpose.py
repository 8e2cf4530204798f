"""y = x transposed, float32: x is rows × cols, y cols × rows, both row-major, at most 2**31 elements.

Reading along rows of x means writing along columns of y. A tile in shared memory turns it, so that both sides of
global memory see whole rows; what is left is how the tile itself is read.
"""

from utils import tl, triton
from utils.launches import Launch, Rung, blocks

NAIVE = r"""
// A block of 32 × 8 threads takes 32 × 32 elements. Neighbouring lanes read neighbours, and write `rows` floats apart.
extern "C" __global__ void naive(const float* x, float* y, int rows, int cols) {
    int c = blockIdx.x * 32 + threadIdx.x;
    for (int k = threadIdx.y; k < 32; k += 8) {
        int r = blockIdx.y * 32 + k;
        if (r < rows && c < cols) y[c * rows + r] = x[r * cols + c];
    }
}"""

TILE = r"""
// PITCH: floats between rows of the tile; 32 puts a column into one bank, 33 spreads it over all.
// SWIZZLE: instead, element (r, c) lives in column c ^ r. Nothing is wasted, and rows stay aligned.
template <int PITCH, bool SWIZZLE> __global__ void tile(const float* x, float* y, int rows, int cols) {
    __shared__ float tile[32][PITCH];
    int left = blockIdx.x * 32, top = blockIdx.y * 32, lane = threadIdx.x;
#pragma unroll
    for (int k = threadIdx.y; k < 32; k += 8)  // along a row of x
        if (top + k < rows && left + lane < cols)
            tile[k][SWIZZLE ? lane ^ k : lane] = x[(top + k) * cols + left + lane];
    __syncthreads();
#pragma unroll
    for (int k = threadIdx.y; k < 32; k += 8)  // along a row of y: down a column of the tile
        if (left + k < cols && top + lane < rows)
            y[(left + k) * rows + top + lane] = tile[lane][SWIZZLE ? k ^ lane : k];
}"""

# The tile is R rows × C columns of x. A thread turns 4 × 4 elements in its registers: it reads four float4 along rows
# of x and puts four float4 that lie along rows of y into the tile. V is 4 where both sides keep rows 16-byte aligned.
# Blocks follow each other down x, which is along the rows of y: pieces of a row are written soon after each other.
VECTORS = r"""
template <int V> __device__ float4 load(const float* x, int r, int c, int rows, int cols) {
    float4 v = make_float4(0, 0, 0, 0);
    if (r >= rows || c >= cols) return v;
    const float* at = x + (r * cols + c);
    if (V == 4) return *reinterpret_cast<const float4*>(at);
    v.x = at[0];
    if (c + 1 < cols) v.y = at[1];
    if (c + 2 < cols) v.z = at[2];
    if (c + 3 < cols) v.w = at[3];
    return v;
}

template <int V> __device__ void store(float* y, int r, int c, int rows, int cols, float4 v) {
    if (r >= rows || c >= cols) return;
    float* at = y + (r * cols + c);
    if (V == 4) {
        *reinterpret_cast<float4*>(at) = v;
        return;
    }
    at[0] = v.x;
    if (c + 1 < cols) at[1] = v.y;
    if (c + 2 < cols) at[2] = v.z;
    if (c + 3 < cols) at[3] = v.w;
}

template <int R, int C, int V> __global__ void __launch_bounds__(R * C / 16)
vectors(const float* x, float* y, int rows, int cols) {
    __shared__ float4 tile[C][R / 4];  // rows of y
    int down = (rows + R - 1) / R, top = blockIdx.x % down * R, left = blockIdx.x / down * C;
    int i = threadIdx.x / (C / 4), j = threadIdx.x % (C / 4);  // rows 4 i .. and columns 4 j .. of the tile
    float4 a = load<V>(x, top + 4 * i + 0, left + 4 * j, rows, cols);
    float4 b = load<V>(x, top + 4 * i + 1, left + 4 * j, rows, cols);
    float4 c = load<V>(x, top + 4 * i + 2, left + 4 * j, rows, cols);
    float4 d = load<V>(x, top + 4 * i + 3, left + 4 * j, rows, cols);
    // A quarter of a warp is served at a time: 8 lanes, whose j are consecutive. The swizzle gives each other banks.
    int place = i ^ (j & 7);
    tile[4 * j + 0][place] = make_float4(a.x, b.x, c.x, d.x);
    tile[4 * j + 1][place] = make_float4(a.y, b.y, c.y, d.y);
    tile[4 * j + 2][place] = make_float4(a.z, b.z, c.z, d.z);
    tile[4 * j + 3][place] = make_float4(a.w, b.w, c.w, d.w);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        int at = threadIdx.x + k * (R * C / 16), row = at / (R / 4), quad = at % (R / 4);
        store<V>(y, left + row, top + 4 * quad, cols, rows, tile[row][quad ^ (row / 4 & 7)]);
    }
}"""


@triton.jit
def transpose_triton(x, y, rows, cols, R: tl.constexpr, C: tl.constexpr):
    r = tl.program_id(1) * R + tl.arange(0, R)
    c = tl.program_id(0) * C + tl.arange(0, C)
    tile = tl.load(x + r[:, None] * cols + c[None, :], mask=(r[:, None] < rows) & (c[None, :] < cols))
    # The compiler turns the tile through shared memory, and finds the swizzle by itself.
    tl.store(y + c[:, None] * rows + r[None, :], tl.trans(tile), mask=(c[:, None] < cols) & (r[None, :] < rows))


def naive(x, y):
    rows, cols = x.shape
    return [Launch("naive", (blocks(cols, 32), blocks(rows, 32)), (x, y, rows, cols), (32, 8), NAIVE)]


def tile(x, y, pitch=32, swizzle=False):
    rows, cols = x.shape
    kernel = f"tile<{pitch}, {str(swizzle).lower()}>"
    return [Launch(kernel, (blocks(cols, 32), blocks(rows, 32)), (x, y, rows, cols), (32, 8), TILE)]


def vectors(x, y, R=64, C=64):
    rows, cols = x.shape
    kernel = f"vectors<{R}, {C}, {1 if rows % 4 or cols % 4 else 4}>"
    grid = blocks(cols, C) * blocks(rows, R)
    return [Launch(kernel, grid, (x, y, rows, cols), R * C // 16, VECTORS)]


def in_triton(x, y, R=64, C=64, warps=4):
    rows, cols = x.shape
    options = {"R": R, "C": C, "num_warps": warps}
    return [Launch(transpose_triton, (blocks(cols, C), blocks(rows, R)), (x, y, rows, cols), options=options)]


RUNGS = (
    Rung("naive", ("global store", "instructions"), naive),
    Rung("tile[32][32]", ("shared load", "instructions"), tile),
    Rung("padded: tile[32][33]", ("shared load", "instructions"), lambda x, y: tile(x, y, pitch=33)),
    Rung("swizzled: column c ^ r", ("shared load", "instructions"), lambda x, y: tile(x, y, swizzle=True)),
    Rung("4 × 4 elements a thread, float4", ("conflicts", "instructions"), vectors),
    Rung("Triton, tl.trans of 64 × 64", ("conflicts", "instructions"), in_triton),
)
