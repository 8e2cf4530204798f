// The classic sums of a block, one partial sum a block, and sums of the whole grid.
template <typename T>
__global__ void sum_interleaved_divergent(const T* in, T* out) {
    __shared__ T part[256];
    int t = threadIdx.x;
    part[t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int s = 1; s < 256; s *= 2) {
        if (t % (2 * s) == 0) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = part[0];
}

template <typename T>
__global__ void sum_interleaved_strided(const T* in, T* out) {
    __shared__ T part[256];
    int t = threadIdx.x;
    part[t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int s = 1; s < 256; s *= 2) {
        int i = 2 * s * t;
        if (i < 256) part[i] += part[i + s];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = part[0];
}

template <typename T>
__global__ void sum_sequential(const T* in, T* out) {
    __shared__ T part[256];
    int t = threadIdx.x;
    part[t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = part[0];
}

template <typename T>
__global__ void sum_first_add(const T* in, T* out) {
    __shared__ T part[256];
    int t = threadIdx.x;
    int i = blockIdx.x * 512 + t;
    part[t] = in[i] + in[i + 256];
    __syncthreads();
#pragma unroll
    for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = part[0];
}

template <typename T>
__global__ void sum_last_warp_unrolled(const T* in, T* out) {
    __shared__ T part[256];
    int t = threadIdx.x;
    part[t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int s = 128; s > 32; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t < 32) {
        T v = part[t];
#pragma unroll
        for (int s = 32; s > 0; s /= 2) {
            v += part[t + s];
            __syncwarp();
            part[t] = v;
            __syncwarp();
        }
        if (t == 0) out[blockIdx.x] = v;
    }
}

template <typename T>
__device__ T warp_sum(T v) {
    for (int s = 16; s > 0; s /= 2) v += __shfl_down_sync(0xffffffffu, v, s);
    return v;
}

template <typename T>
__global__ void sum_shuffle(const T* in, T* out) {
    __shared__ T part[8];
    int t = threadIdx.x;
    T v = warp_sum(in[blockIdx.x * 256 + t]);
    if (t % 32 == 0) part[t / 32] = v;
    __syncthreads();
    if (t < 32) {
        v = warp_sum(t < 8 ? part[t] : T(0));
        if (t == 0) out[blockIdx.x] = v;
    }
}

__global__ void sum_vectorised(const float4* in, float* out, int quads) {
    __shared__ float part[8];
    int t = threadIdx.x;
    float v = 0;
    for (int i = blockIdx.x * blockDim.x + t; i < quads; i += gridDim.x * blockDim.x) {
        float4 q = in[i];
        v += (q.x + q.y) + (q.z + q.w);
    }
    v = warp_sum(v);
    if (t % 32 == 0) part[t / 32] = v;
    __syncthreads();
    if (t == 0) {
        v = 0;
        for (int k = 0; k < 8; ++k) v += part[k];
        out[blockIdx.x] = v;
    }
}

template <typename T>
__global__ void sum_global_atomic(const T* in, T* out) {
    atomicAdd(out, in[blockIdx.x * blockDim.x + threadIdx.x]);
}

template <typename T>
__global__ void sum_warp_atomic(const T* in, T* out) {
    T v = warp_sum(in[blockIdx.x * blockDim.x + threadIdx.x]);
    if (threadIdx.x % 32 == 0) atomicAdd(out, v);
}

template <typename T>
__global__ void sum_shared_atomic(const T* in, T* out) {
    __shared__ T total;
    if (threadIdx.x == 0) total = T(0);
    __syncthreads();
    atomicAdd(&total, in[blockIdx.x * blockDim.x + threadIdx.x]);
    __syncthreads();
    if (threadIdx.x == 0) atomicAdd(out, total);
}

// The block that finishes last adds the partial sums of all.
__global__ void sum_last_block(const float* in, float* partial, unsigned* done, float* out) {
    __shared__ float part[256];
    __shared__ bool last;
    int t = threadIdx.x;
    part[t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) {
        partial[blockIdx.x] = part[0];
        __threadfence();
        last = atomicInc(done, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && t == 0) {
        __threadfence();
        float v = 0;
        for (int b = 0; b < gridDim.x; ++b) v += ((volatile float*)partial)[b];
        *out = v;
    }
}

__global__ void sum_redux(const int* in, int* out, unsigned* least) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int v = __reduce_add_sync(0xffffffffu, in[i]);
    unsigned m = __reduce_min_sync(0xffffffffu, (unsigned)in[i]);
    if (threadIdx.x % 32 == 0) {
        out[i / 32] = v;
        least[i / 32] = m;
    }
}

__global__ void argmax_rows(const float* in, float* best, int* where, int columns) {
    int row = blockIdx.x * blockDim.y + threadIdx.y;
    float v = -1e30f;
    int at = -1;
    for (int c = threadIdx.x; c < columns; c += 32)
        if (in[row * columns + c] > v) {
            v = in[row * columns + c];
            at = c;
        }
    for (int s = 16; s > 0; s /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, v, s);
        int place = __shfl_xor_sync(0xffffffffu, at, s);
        if (other > v || (other == v && place < at)) {
            v = other;
            at = place;
        }
    }
    if (threadIdx.x == 0) {
        best[row] = v;
        where[row] = at;
    }
}
