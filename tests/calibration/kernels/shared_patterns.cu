// Shared memory through an index read from global memory: a negative index leaves the lane out.
#include <cuda_fp16.h>
#define WORDS 512

template <typename T>
__global__ void shared_gather(const T* in, const int* index, T* out) {
    __shared__ T tile[WORDS];
    for (int i = threadIdx.x; i < WORDS; i += blockDim.x) tile[i] = in[i];
    __syncthreads();
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int k = index[i];
    if (k >= 0) out[i] = tile[k];
}

// The index must not name an element twice within a block.
template <typename T>
__global__ void shared_scatter(const T* in, const int* index, T* out) {
    __shared__ T tile[WORDS];
    for (int i = threadIdx.x; i < WORDS; i += blockDim.x) tile[i] = in[i];
    __syncthreads();
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int k = index[i];
    T value = in[threadIdx.x];
    if (k >= 0) tile[k] = value;
    __syncthreads();
    for (int j = threadIdx.x; j < WORDS; j += blockDim.x) out[blockIdx.x * WORDS + j] = tile[j];
}

// Lanes of one warp store the same value to the same few elements.
__global__ void shared_store_collisions(const int* index, int* out) {
    __shared__ int tile[WORDS];
    for (int i = threadIdx.x; i < WORDS; i += blockDim.x) tile[i] = 0;
    __syncthreads();
    int k = index[blockIdx.x * blockDim.x + threadIdx.x];
    tile[k] = k + 1;
    __syncthreads();
    for (int j = threadIdx.x; j < WORDS; j += blockDim.x) out[blockIdx.x * WORDS + j] = tile[j];
}

__global__ void shared_broadcast(const float* in, float* out) {
    __shared__ float row[256];
    row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    float sum = 0;
#pragma unroll 1
    for (int k = 0; k < 256; k += 5) sum += row[k];
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

__global__ void shared_bytes(const unsigned char* in, unsigned char* out) {
    __shared__ unsigned char tile[1024];
    for (int k = 0; k < 4; ++k) tile[threadIdx.x + 256 * k] = in[threadIdx.x + 256 * k];
    __syncthreads();
    for (int k = 0; k < 4; ++k) out[threadIdx.x * 4 + k] = tile[threadIdx.x * 4 + k] + tile[1023 - threadIdx.x - 256 * k];
}

__global__ void shared_halves(const __half* in, __half* out) {
    __shared__ __half tile[32][33];
    for (int k = threadIdx.y; k < 32; k += 8) tile[k][threadIdx.x] = in[k * 32 + threadIdx.x];
    __syncthreads();
    for (int k = threadIdx.y; k < 32; k += 8) out[k * 32 + threadIdx.x] = tile[threadIdx.x][k];
}
