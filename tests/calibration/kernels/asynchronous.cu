// cp.async: global to shared memory past the registers.
#include <cuda_pipeline.h>

template <int BYTES>
__device__ void copy_async(void* to, const void* from) {
    unsigned at = (unsigned)__cvta_generic_to_shared(to);
    if (BYTES == 16) asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(at), "l"(from) : "memory");
    else asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(at), "l"(from), "n"(BYTES) : "memory");
}

template <typename T>
__global__ void async_copy(const T* in, T* out) {
    __shared__ T tile[128];
    int i = blockIdx.x * 128 + threadIdx.x;
    copy_async<sizeof(T)>(&tile[threadIdx.x], &in[i]);
    asm volatile("cp.async.commit_group;" ::: "memory");
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    __syncthreads();
    out[i] = tile[127 - threadIdx.x];
}

template <typename T>
__global__ void async_scatter(const T* in, T* out) {
    __shared__ T tile[128 * 2];
    int i = blockIdx.x * 128 + threadIdx.x;
    copy_async<sizeof(T)>(&tile[threadIdx.x * 2], &in[i * 2]);
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    out[i] = tile[(threadIdx.x ^ 32) * 2];
}

// Two stages: the next tile is on its way while this one is added up.
__global__ void async_double_buffer(const float4* in, float* out, int tiles) {
    __shared__ float4 tile[2][64];
    const float4* mine = in + blockIdx.x * tiles * 64;
    float sum = 0;
    copy_async<16>(&tile[0][threadIdx.x], &mine[threadIdx.x]);
    asm volatile("cp.async.commit_group;" ::: "memory");
    for (int k = 0; k < tiles; ++k) {
        if (k + 1 < tiles) copy_async<16>(&tile[(k + 1) & 1][threadIdx.x], &mine[(k + 1) * 64 + threadIdx.x]);
        asm volatile("cp.async.commit_group;" ::: "memory");
        asm volatile("cp.async.wait_group 1;" ::: "memory");
        __syncthreads();
        float4 q = tile[k & 1][63 - threadIdx.x];
        sum += (q.x + q.y) + (q.z + q.w);
        __syncthreads();
    }
    out[blockIdx.x * 64 + threadIdx.x] = sum;
}

// Only the lanes inside copy; the rest of the tile is filled with zeros by the same instruction.
__global__ void async_zero_fill(const float4* in, float4* out, int quads) {
    __shared__ float4 tile[64];
    int i = blockIdx.x * 64 + threadIdx.x;
    unsigned at = (unsigned)__cvta_generic_to_shared(&tile[threadIdx.x]);
    int bytes = i < quads ? 16 : 0;
    const float4* from = &in[i < quads ? i : 0];
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes) : "memory");
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    out[i] = tile[threadIdx.x ^ 1];
}

__global__ void pipeline_primitives(const float* in, float* out, int tiles) {
    __shared__ float tile[2][128];
    const float* mine = in + blockIdx.x * tiles * 128;
    __pipeline_memcpy_async(&tile[0][threadIdx.x], &mine[threadIdx.x], 4);
    __pipeline_commit();
    float sum = 0;
    for (int k = 0; k < tiles; ++k) {
        if (k + 1 < tiles) __pipeline_memcpy_async(&tile[(k + 1) & 1][threadIdx.x], &mine[(k + 1) * 128 + threadIdx.x], 4);
        __pipeline_commit();
        __pipeline_wait_prior(1);
        __syncthreads();
        sum += tile[k & 1][threadIdx.x ^ 64] * (k + 1);
        __syncthreads();
    }
    out[blockIdx.x * 128 + threadIdx.x] = sum;
}
