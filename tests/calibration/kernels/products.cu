// Products of matrices and vectors; n is a multiple of the tile.
#include <cuda_fp16.h>

__global__ void product_naive(const float* a, const float* b, float* c, int n) {
    int col = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    float sum = 0;
    for (int k = 0; k < n; ++k) sum += a[row * n + k] * b[k * n + col];
    c[row * n + col] = sum;
}

template <int TILE, int PAD>
__global__ void product_tiled(const float* a, const float* b, float* c, int n) {
    __shared__ float as[TILE][TILE + PAD], bs[TILE][TILE + PAD];
    int x = threadIdx.x, y = threadIdx.y, col = blockIdx.x * TILE + x, row = blockIdx.y * TILE + y;
    float sum = 0;
    for (int k0 = 0; k0 < n; k0 += TILE) {
        as[y][x] = a[row * n + k0 + x];
        bs[y][x] = b[(k0 + y) * n + col];
        __syncthreads();
        for (int k = 0; k < TILE; ++k) sum += as[y][k] * bs[k][x];
        __syncthreads();
    }
    c[row * n + col] = sum;
}

// B is held transposed in shared memory: its column is read along a row of the tile.
__global__ void product_transposed(const float* a, const float* b, float* c, int n) {
    __shared__ float as[16][16], bt[16][17];
    int x = threadIdx.x, y = threadIdx.y, col = blockIdx.x * 16 + x, row = blockIdx.y * 16 + y;
    float sum = 0;
    for (int k0 = 0; k0 < n; k0 += 16) {
        as[y][x] = a[row * n + k0 + x];
        bt[x][y] = b[(k0 + y) * n + col];
        __syncthreads();
#pragma unroll
        for (int k = 0; k < 16; ++k) sum += as[y][k] * bt[x][k];
        __syncthreads();
    }
    c[row * n + col] = sum;
}

// 64 x 64 of C a block of 16 x 16 threads, 4 x 4 a thread, float4 in and out.
__global__ void product_registers(const float* a, const float* b, float* c, int n) {
    __shared__ float as[16][64], bs[16][64];
    int t = threadIdx.x, x = t % 16, y = t / 16, row0 = blockIdx.y * 64, col0 = blockIdx.x * 64;
    float sum[4][4] = {};
    for (int k0 = 0; k0 < n; k0 += 16) {
        float4 v = *(const float4*)&a[(row0 + t / 4) * n + k0 + t % 4 * 4];
        as[t % 4 * 4][t / 4] = v.x;
        as[t % 4 * 4 + 1][t / 4] = v.y;
        as[t % 4 * 4 + 2][t / 4] = v.z;
        as[t % 4 * 4 + 3][t / 4] = v.w;
        *(float4*)&bs[y][x * 4] = *(const float4*)&b[(k0 + y) * n + col0 + x * 4];
        __syncthreads();
#pragma unroll
        for (int k = 0; k < 16; ++k) {
            float p[4], q[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) p[i] = as[k][y * 4 + i], q[i] = bs[k][x * 4 + i];
#pragma unroll
            for (int i = 0; i < 4; ++i)
#pragma unroll
                for (int j = 0; j < 4; ++j) sum[i][j] += p[i] * q[j];
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
        *(float4*)&c[(row0 + y * 4 + i) * n + col0 + x * 4] =
            make_float4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
}

// Two columns a thread in packed halves.
__global__ void product_half2(const __half* a, const __half2* b, __half2* c, int n) {
    __shared__ __half as[16][16];
    __shared__ __half2 bs[16][16];
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 16 + y, pair = blockIdx.x * 16 + x;
    __half2 sum = __float2half2_rn(0.f);
    for (int k0 = 0; k0 < n; k0 += 16) {
        as[y][x] = a[row * n + k0 + x];
        bs[y][x] = b[(k0 + y) * (n / 2) + pair];
        __syncthreads();
        for (int k = 0; k < 16; ++k) sum = __hfma2(__half2half2(as[y][k]), bs[k][x], sum);
        __syncthreads();
    }
    c[row * (n / 2) + pair] = sum;
}

__global__ void product_double(const double* a, const double* b, double* c, int n) {
    __shared__ double as[8][8], bs[8][8];
    int x = threadIdx.x, y = threadIdx.y, col = blockIdx.x * 8 + x, row = blockIdx.y * 8 + y;
    double sum = 0;
    for (int k0 = 0; k0 < n; k0 += 8) {
        as[y][x] = a[row * n + k0 + x];
        bs[y][x] = b[(k0 + y) * n + col];
        __syncthreads();
        for (int k = 0; k < 8; ++k) sum += as[y][k] * bs[k][x];
        __syncthreads();
    }
    c[row * n + col] = sum;
}

// Rows of a and rows of b, four int8 a word.
__global__ void product_int8(const int* a, const int* b, int* c, int n, int quads) {
    int col = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    int sum = 0;
    for (int k = 0; k < quads; ++k) sum = __dp4a(a[row * quads + k], b[col * quads + k], sum);
    c[row * n + col] = sum;
}

__global__ void matvec_thread_per_row(const float* a, const float* x, float* y, int columns) {
    int row = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < columns; ++k) sum += a[row * columns + k] * x[k];
    y[row] = sum;
}

__global__ void matvec_warp_per_row(const float* a, const float* x, float* y, int columns) {
    int row = blockIdx.x * blockDim.y + threadIdx.y;
    float sum = 0;
    for (int k = threadIdx.x; k < columns; k += 32) sum += a[row * columns + k] * x[k];
    for (int s = 16; s > 0; s /= 2) sum += __shfl_down_sync(0xffffffffu, sum, s);
    if (threadIdx.x == 0) y[row] = sum;
}
