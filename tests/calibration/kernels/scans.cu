// Prefix sums: within a block, and across blocks with a look back at the flags of earlier ones.
template <typename T>
__global__ void scan_hillis_steele(const T* in, T* out) {
    __shared__ T buffer[2][256];
    int t = threadIdx.x, now = 0;
    buffer[0][t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int s = 1; s < 256; s *= 2) {
        buffer[now ^ 1][t] = t >= s ? buffer[now][t] + buffer[now][t - s] : buffer[now][t];
        now ^= 1;
        __syncthreads();
    }
    out[blockIdx.x * 256 + t] = buffer[now][t];
}

// Exclusive, 512 elements by 256 threads; PAD spreads the tree over the banks.
template <bool PAD>
__global__ void scan_blelloch(const int* in, int* out) {
    __shared__ int tree[512 + 16];
    auto at = [](int i) { return PAD ? i + i / 32 : i; };
    int t = threadIdx.x, base = blockIdx.x * 512, stride = 1;
    tree[at(t)] = in[base + t];
    tree[at(t + 256)] = in[base + t + 256];
    for (int d = 256; d > 0; d /= 2) {
        __syncthreads();
        if (t < d) tree[at(stride * (2 * t + 2) - 1)] += tree[at(stride * (2 * t + 1) - 1)];
        stride *= 2;
    }
    if (t == 0) tree[at(511)] = 0;
    for (int d = 1; d < 512; d *= 2) {
        stride /= 2;
        __syncthreads();
        if (t < d) {
            int low = at(stride * (2 * t + 1) - 1), high = at(stride * (2 * t + 2) - 1);
            int kept = tree[low];
            tree[low] = tree[high];
            tree[high] += kept;
        }
    }
    __syncthreads();
    out[base + t] = tree[at(t)];
    out[base + t + 256] = tree[at(t + 256)];
}

template <typename T>
__device__ T warp_scan(T v) {
    int lane = threadIdx.x % 32;
    for (int s = 1; s < 32; s *= 2) {
        T below = __shfl_up_sync(0xffffffffu, v, s);
        if (lane >= s) v += below;
    }
    return v;
}

template <typename T>
__global__ void scan_warps(const T* in, T* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = warp_scan(in[i]);
}

template <typename T>
__device__ T block_scan(T v, T* sums) {
    int t = threadIdx.x;
    v = warp_scan(v);
    if (t % 32 == 31) sums[t / 32] = v;
    __syncthreads();
    if (t < 32) {
        T s = warp_scan(t < 8 ? sums[t] : T(0));
        if (t < 8) sums[t] = s;
    }
    __syncthreads();
    return t >= 32 ? v + sums[t / 32 - 1] : v;
}

template <typename T>
__global__ void scan_shuffle(const T* in, T* out) {
    __shared__ T sums[8];
    int i = blockIdx.x * 256 + threadIdx.x;
    out[i] = block_scan(in[i], sums);
}

// state[b]: 0 nothing yet, 1 the block's own sum is in sum[b], 2 the sum of all blocks up to b is in prefix[b].
__global__ void scan_lookback(const int* in, int* out, unsigned* ticket, int* sum, int* prefix, unsigned* state) {
    __shared__ int sums[8];
    __shared__ int before;
    __shared__ unsigned mine;
    if (threadIdx.x == 0) mine = atomicAdd(ticket, 1u);
    __syncthreads();
    unsigned b = mine;
    int i = b * 256 + threadIdx.x;
    int v = block_scan(in[i], sums);
    if (threadIdx.x == 255) {
        if (b == 0) {
            prefix[0] = v;
            __threadfence();
            atomicExch(&state[0], 2u);
            before = 0;
        } else {
            sum[b] = v;
            __threadfence();
            atomicExch(&state[b], 1u);
            int total = 0;
            for (int k = b - 1; k >= 0;) {
                unsigned s = ((volatile unsigned*)state)[k];
                if (s == 0) continue;
                __threadfence();
                if (s == 2) {
                    total += ((volatile int*)prefix)[k];
                    break;
                }
                total += ((volatile int*)sum)[k];
                --k;
            }
            prefix[b] = total + v;
            __threadfence();
            atomicExch(&state[b], 2u);
            before = total;
        }
    }
    __syncthreads();
    out[i] = v + before;
}
