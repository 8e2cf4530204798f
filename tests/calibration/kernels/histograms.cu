// Counting with atomics on shared and global memory, and the other atomics.
__global__ void histogram_global(const unsigned char* in, unsigned* bins, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&bins[in[i]], 1u);
}

__global__ void histogram_shared(const unsigned char* in, unsigned* bins, int n) {
    __shared__ unsigned mine[256];
    mine[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&mine[in[i]], 1u);
    __syncthreads();
    if (mine[threadIdx.x]) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);
}

// A histogram of its own for each warp.
__global__ void histogram_warps(const unsigned* in, unsigned* bins, int n) {
    __shared__ unsigned mine[8][64];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    mine[warp][lane] = 0;
    mine[warp][lane + 32] = 0;
    __syncwarp();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&mine[warp][in[i] & 63], 1u);
    __syncthreads();
    if (threadIdx.x < 64) {
        unsigned total = 0;
        for (int w = 0; w < 8; ++w) total += mine[w][threadIdx.x];
        atomicAdd(&bins[threadIdx.x], total);
    }
}

template <typename T>
__global__ void bins_of_weights(const int* bin, const T* weight, T* bins) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&bins[bin[i]], weight[i]);
}

template <typename T>
__global__ void bins_of_weights_shared(const int* bin, const T* weight, T* bins) {
    __shared__ T mine[32];
    if (threadIdx.x < 32) mine[threadIdx.x] = T(0);
    __syncthreads();
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&mine[bin[i]], weight[i]);
    __syncthreads();
    if (threadIdx.x < 32) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);
}

__global__ void atomics_of_integers(const int* in, int* least, int* most, unsigned* all, unsigned* any, unsigned* odd,
                                    unsigned* ring) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, k = i % 16;
    atomicMin(&least[k], in[i]);
    atomicMax(&most[k], in[i]);
    atomicAnd(&all[k], (unsigned)in[i] | 0xff);
    atomicOr(&any[k], (unsigned)in[i] & 0xff00);
    atomicXor(&odd[k], (unsigned)in[i]);
    atomicInc(&ring[k], 9u);
}

__global__ void atomics_of_long(const unsigned long long* in, unsigned long long* sum, unsigned long long* most) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&sum[i % 8], in[i]);
    atomicMax(&most[i % 8], in[i]);
}

// A maximum of floats through compare-and-swap: how often it is tried again depends on timing.
__global__ void atomic_max_float(const float* in, int* most) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int* where = &most[i % 4];
    int seen = *where;
    while (__int_as_float(seen) < in[i]) {
        int before = atomicCAS(where, seen, __float_as_int(in[i]));
        if (before == seen) break;
        seen = before;
    }
}

// Each thread takes a place with the value that atomicAdd returned: the places are a permutation, their order is free.
__global__ void take_places(int* next, int* taken) {
    int place = atomicAdd(next, 1);
    taken[place] = 1;
}

__global__ void shared_atomics(const int* in, int* out) {
    __shared__ int most[32], sum[32];
    __shared__ unsigned long long wide[4];
    int t = threadIdx.x;
    if (t < 32) most[t] = -2147483647, sum[t] = 0;
    if (t < 4) wide[t] = 0;
    __syncthreads();
    int v = in[blockIdx.x * blockDim.x + t];
    atomicMax(&most[v & 31], v);
    atomicAdd(&sum[(v >> 5) & 31], v);
    atomicAdd(&wide[t & 3], (unsigned long long)(unsigned)v);
    __syncthreads();
    if (t < 32) out[blockIdx.x * 32 + t] = most[t] ^ sum[t] ^ (int)(wide[t & 3] >> 5);
}
