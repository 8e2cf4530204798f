// Tiled products with odd tiles, and other linear algebra.
#include <cuda_fp16.h>

template <int TILE> __global__ void square_tiles(const float* a, const float* b, float* c, int m, int n, int k) {
    __shared__ float s[TILE][TILE], t[TILE][TILE];
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * TILE + y, column = blockIdx.x * TILE + x;
    float sum = 0;
    for (int at = 0; at < k; at += TILE) {
        s[y][x] = row < m && at + x < k ? a[row * k + at + x] : 0;
        t[y][x] = column < n && at + y < k ? b[(at + y) * n + column] : 0;
        __syncthreads();
        for (int j = 0; j < TILE; ++j) sum += s[y][j] * t[j][x];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

template <int M, int N, int K> __global__ void odd_tiles(const float* a, const float* b, float* c, int n, int k) {
    __shared__ float s[M * K], t[K * N];
    int id = threadIdx.x, x = id % N, y = id / N;
    a += blockIdx.y * M * k, b += blockIdx.x * N, c += blockIdx.y * M * n + blockIdx.x * N;
    float sum = 0;
    for (int at = 0; at < k; at += K) {
        for (int i = id; i < M * K; i += M * N) s[i] = a[i / K * k + at + i % K];
        for (int i = id; i < K * N; i += M * N) t[i] = b[(at + i / N) * n + i % N];
        __syncthreads();
        for (int j = 0; j < K; ++j) sum = fmaf(s[y * K + j], t[j * N + x], sum);
        __syncthreads();
    }
    c[y * n + x] = sum;
}

__global__ void four_by_two(const float* a, const float* b, float* c, int n, int k) {
    __shared__ float s[32][9], t[8][32];  // 32 x 32 of c by 16 x 8 threads
    int x = threadIdx.x, y = threadIdx.y, id = y * 16 + x;
    float sum[4][2] = {};
    for (int at = 0; at < k; at += 8) {
        for (int i = id; i < 256; i += 128) {
            s[i / 8][i % 8] = a[(blockIdx.y * 32 + i / 8) * k + at + i % 8];
            t[i / 32][i % 32] = b[(at + i / 32) * n + blockIdx.x * 32 + i % 32];
        }
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 8; ++j)
            for (int p = 0; p < 4; ++p)
                for (int q = 0; q < 2; ++q) sum[p][q] += s[y * 4 + p][j] * t[j][x + 16 * q];
        __syncthreads();
    }
    for (int p = 0; p < 4; ++p)
        for (int q = 0; q < 2; ++q) c[(blockIdx.y * 32 + y * 4 + p) * n + blockIdx.x * 32 + x + 16 * q] = sum[p][q];
}

__global__ void matrix_vector(const float* a, const float* x, float* y, int rows, int columns) {
    __shared__ float s[64];
    int row = blockIdx.x * 64 + threadIdx.x;
    float sum = 0;
    for (int at = 0; at < columns; at += 64) {
        if (at + threadIdx.x < columns) s[threadIdx.x] = x[at + threadIdx.x];
        __syncthreads();
        if (row < rows)
            for (int j = 0; j < min(64, columns - at); ++j) sum += a[row * columns + at + j] * s[j];
        __syncthreads();
    }
    if (row < rows) y[row] = sum;
}

__global__ void transposed_vector(const float* a, const float* x, float* y, int rows, int columns) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= columns) return;
    float sum = 0;
    for (int r = 0; r < rows; ++r) sum += a[r * columns + c] * x[r];
    y[c] = sum;
}

__global__ void outer(const float* x, const float* y, float* out, int n) {
    int i = blockIdx.y * blockDim.y + threadIdx.y, j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j < n) out[i * n + j] += x[i] * y[j];
}

__global__ void small_products(const float* a, const float* b, float* c) {  // 3 x 3, nine threads each
    int which = blockIdx.x * 14 + threadIdx.x / 9, e = threadIdx.x % 9;
    if (threadIdx.x >= 126) return;
    float sum = 0;
    for (int k = 0; k < 3; ++k) sum += a[which * 9 + e / 3 * 3 + k] * b[which * 9 + k * 3 + e % 3];
    c[which * 9 + e] = sum;
}

__global__ void bytes_dp4a(const int* a, const int* b, int* c, int n, int k4) {
    int i = threadIdx.y + blockIdx.y * 8, j = threadIdx.x + blockIdx.x * 16, sum = 0;
    for (int k = 0; k < k4; ++k) sum = __dp4a(a[i * k4 + k], b[j * k4 + k], sum);
    c[i * n + j] = sum;
}

__global__ void halves(const half2* a, const half* b, half* c, int n, int k2) {
    int i = blockIdx.y, j = threadIdx.x;
    half2 sum = __float2half2_rn(0);
    for (int k = 0; k < k2; ++k) sum = __hfma2(a[i * k2 + k], __halves2half2(b[2 * k * n + j], b[(2 * k + 1) * n + j]), sum);
    c[i * n + j] = __hadd(__low2half(sum), __high2half(sum));
}

__global__ void band(const float* diagonals, const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (int d = -2; d <= 2; ++d)
        if (i + d >= 0 && i + d < n) sum += diagonals[(d + 2) * n + i] * x[i + d];
    y[i] = sum;
}

__global__ void triangular(const float* a, float* out, int n) {
    int i = threadIdx.y, j = threadIdx.x;
    float sum = 0;
    for (int k = 0; k <= min(i, j); ++k) sum += a[i * n + k] * a[j * n + k];
    if (j <= i) out[i * (i + 1) / 2 + j] = sum;
}

__global__ void integer_tiles(const short* a, const short* b, int* c, int n) {
    __shared__ short s[16][18], t[16][16];
    int x = threadIdx.x, y = threadIdx.y, sum = 0;
    for (int at = 0; at < n; at += 16) {
        s[y][x] = a[(blockIdx.y * 16 + y) * n + at + x];
        t[y][x] = b[(at + y) * n + blockIdx.x * 16 + x];
        __syncthreads();
#pragma unroll
        for (int j = 0; j < 16; ++j) sum += s[y][j] * t[j][x];
        __syncthreads();
    }
    c[(blockIdx.y * 16 + y) * n + blockIdx.x * 16 + x] = sum;
}
