// One warp per block reads or writes shared memory at a stride, in words of sizeof(T).
template <typename T, int STRIDE>
__global__ void shared_load(const T* in, T* out) {
    __shared__ T tile[32 * STRIDE];
    for (int i = threadIdx.x; i < 32 * STRIDE; i += 32) tile[i] = in[i];
    __syncthreads();
    out[blockIdx.x * 32 + threadIdx.x] = tile[threadIdx.x * STRIDE];
}

template <typename T, int STRIDE>
__global__ void shared_store(const T* in, T* out) {
    __shared__ T tile[32 * STRIDE];
    tile[threadIdx.x * STRIDE] = in[blockIdx.x * 32 + threadIdx.x];
    __syncthreads();
    out[blockIdx.x * 32 + threadIdx.x] = tile[(31 - threadIdx.x) * STRIDE];
}

// Every stride from 1 to 64 in one launch, through 64 elements a lane at most.
template <typename T>
__global__ void shared_load_all_strides(const T* in, T* out) {
    __shared__ T tile[2048];
    for (int i = threadIdx.x; i < 2048; i += 32) tile[i] = in[i];
    __syncthreads();
#pragma unroll 1
    for (int stride = 1; stride <= 64; ++stride) out[(stride - 1) * 32 + threadIdx.x] = tile[threadIdx.x * stride];
}

template <typename T>
__global__ void shared_store_all_strides(const T* in, T* out) {
    __shared__ T tile[2048];
#pragma unroll 1
    for (int stride = 1; stride <= 64; ++stride) {
        tile[threadIdx.x * stride] = in[(stride - 1) * 32 + threadIdx.x];
        __syncthreads();
        out[(stride - 1) * 32 + threadIdx.x] = tile[(threadIdx.x ^ 1) * stride];
        __syncthreads();
    }
}
