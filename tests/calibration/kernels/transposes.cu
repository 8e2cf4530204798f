// out[x][y] = in[y][x] for an n by n matrix, n a multiple of 32.
#define TILE 32

__global__ void transpose_read_rows(const float* in, float* out, int n) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    out[x * n + y] = in[y * n + x];
}

__global__ void transpose_write_rows(const float* in, float* out, int n) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    out[y * n + x] = in[x * n + y];
}

template <typename T, int PAD>
__global__ void transpose_tile(const T* in, T* out, int n) {
    __shared__ T tile[TILE][TILE + PAD];
    int x = blockIdx.x * TILE + threadIdx.x, y = blockIdx.y * TILE + threadIdx.y;
    tile[threadIdx.y][threadIdx.x] = in[y * n + x];
    __syncthreads();
    x = blockIdx.y * TILE + threadIdx.x;
    y = blockIdx.x * TILE + threadIdx.y;
    out[y * n + x] = tile[threadIdx.x][threadIdx.y];
}

// A block of 32 x 8 threads, four elements a thread.
template <typename T, int PAD>
__global__ void transpose_rows8(const T* in, T* out, int n) {
    __shared__ T tile[TILE][TILE + PAD];
    int x = blockIdx.x * TILE + threadIdx.x, y = blockIdx.y * TILE + threadIdx.y;
    for (int k = 0; k < TILE; k += 8) tile[threadIdx.y + k][threadIdx.x] = in[(y + k) * n + x];
    __syncthreads();
    x = blockIdx.y * TILE + threadIdx.x;
    y = blockIdx.x * TILE + threadIdx.y;
    for (int k = 0; k < TILE; k += 8) out[(y + k) * n + x] = tile[threadIdx.x][threadIdx.y + k];
}

__global__ void transpose_swizzled(const float* in, float* out, int n) {
    __shared__ float tile[TILE][TILE];
    int x = blockIdx.x * TILE + threadIdx.x, y = blockIdx.y * TILE + threadIdx.y;
    for (int k = 0; k < TILE; k += 8)
        tile[threadIdx.y + k][threadIdx.x ^ (threadIdx.y + k)] = in[(y + k) * n + x];
    __syncthreads();
    x = blockIdx.y * TILE + threadIdx.x;
    y = blockIdx.x * TILE + threadIdx.y;
    for (int k = 0; k < TILE; k += 8)
        out[(y + k) * n + x] = tile[threadIdx.x][(threadIdx.y + k) ^ threadIdx.x];
}

// Whole float4 in and out; 8 x 32 threads a tile; shared memory is written by the word and read by the word.
__global__ void transpose_float4_words(const float4* in, float4* out, int n) {
    __shared__ float tile[TILE][TILE + 1];
    int c = threadIdx.x * 4, r = threadIdx.y;
    float4 v = in[((blockIdx.y * TILE + r) * n + blockIdx.x * TILE + c) / 4];
    tile[r][c] = v.x;
    tile[r][c + 1] = v.y;
    tile[r][c + 2] = v.z;
    tile[r][c + 3] = v.w;
    __syncthreads();
    out[((blockIdx.x * TILE + r) * n + blockIdx.y * TILE + c) / 4] =
        make_float4(tile[c][r], tile[c + 1][r], tile[c + 2][r], tile[c + 3][r]);
}

// Columns of float4 in shared memory: 128-bit stores and loads of whole quads, transposed as quads.
template <int PAD>
__global__ void transpose_quads(const float4* in, float4* out) {
    __shared__ float4 tile[16][16 + PAD];
    int i = threadIdx.y * 16 + threadIdx.x + blockIdx.x * 256;
    tile[threadIdx.y][threadIdx.x] = in[i];
    __syncthreads();
    out[i] = tile[threadIdx.x][threadIdx.y];
}

template <int PAD>
__global__ void transpose_pairs(const float2* in, float2* out) {
    __shared__ float2 tile[16][16 + PAD];
    int i = threadIdx.y * 16 + threadIdx.x + blockIdx.x * 256;
    tile[threadIdx.y][threadIdx.x] = in[i];
    __syncthreads();
    out[i] = tile[threadIdx.x][threadIdx.y];
}
