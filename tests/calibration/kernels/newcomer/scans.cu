// Prefix sums in their many forms, segments, compaction, look-back.
#define T threadIdx.x
#define FULL 0xffffffffu

__global__ void two_buffers(const int* in, int* out) {
    __shared__ int s[2][200];
    int at = 0;
    s[0][T] = in[blockIdx.x * 200 + T];
    for (int d = 1; d < 200; d *= 2) {
        __syncthreads();
        s[1 - at][T] = s[at][T] + (T >= d ? s[at][T - d] : 0);
        at = 1 - at;
    }
    out[blockIdx.x * 200 + T] = s[at][T];
}

template <typename V> __device__ V warp_scan(V v) {
    for (int d = 1; d < 32; d *= 2) {
        V other = __shfl_up_sync(FULL, v, d);
        if (T % 32 >= d) v += other;
    }
    return v;
}

template <typename V> __global__ void by_warps(const V* in, V* out, int n) {
    __shared__ V sums[8];
    int i = blockIdx.x * 256 + T;
    V v = warp_scan(i < n ? in[i] : V(0));
    if (T % 32 == 31) sums[T / 32] = v;
    __syncthreads();
    if (T < 8) {
        V s = sums[T];
        for (int d = 1; d < 8; d *= 2) {
            V other = __shfl_up_sync(0xffu, s, d);
            if (T >= d) s += other;
        }
        sums[T] = s;
    }
    __syncthreads();
    if (T >= 32) v += sums[T / 32 - 1];
    if (i < n) out[i] = v;
}

__global__ void three_each(const unsigned char* in, int* out) {
    __shared__ int s[128];
    int a = in[3 * T], b = a + in[3 * T + 1], c = b + in[3 * T + 2];
    s[T] = c;
    __syncthreads();
    for (int d = 1; d < 128; d *= 2) {
        int v = T >= d ? s[T - d] : 0;
        __syncthreads();
        s[T] += v;
        __syncthreads();
    }
    int before = T ? s[T - 1] : 0;
    out[3 * T] = before, out[3 * T + 1] = before + a, out[3 * T + 2] = before + b;
}

__global__ void segmented(const int* in, const unsigned char* head, int* out) {
    int v = in[T], flag = head[T], lane = T % 32;
    for (int d = 1; d < 32; d *= 2) {
        int other = __shfl_up_sync(FULL, v, d), f = __shfl_up_sync(FULL, flag, d);
        if (lane >= d && !flag) v += other, flag |= f;
    }
    out[T] = v;
}

__global__ void running_maximum(const float* in, float* out, int n) {
    __shared__ float s[128];
    float v = T < n ? in[T] : -1e30f;
    s[T] = v;
    for (int d = 1; d < blockDim.x; d <<= 1) {
        __syncthreads();
        float o = T >= d ? s[T - d] : -1e30f;
        __syncthreads();
        s[T] = v = fmaxf(v, o);
    }
    if (T < n) out[T] = v;
}

__global__ void keep_positive(const int* in, int* out, int* kept) {
    __shared__ int base[4];
    int v = in[T], warp = T / 32;
    unsigned mask = __ballot_sync(FULL, v > 0);
    if (T % 32 == 0) base[warp] = __popc(mask);
    __syncthreads();
    int at = 0;
    for (int w = 0; w < warp; ++w) at += base[w];
    if (v > 0) out[at + __popc(mask & ((1u << T % 32) - 1))] = v;
    if (T == 127) *kept = at + __popc(mask);
}

__global__ void run_lengths(const int* in, int* value, int* length, int n) {
    __shared__ int start[129];
    __shared__ int runs;
    bool head = T < n && (T == 0 || in[T] != in[T - 1]);
    unsigned mask = __ballot_sync(FULL, head);
    __shared__ int count[4];
    if (T % 32 == 0) count[T / 32] = __popc(mask);
    __syncthreads();
    int at = __popc(mask & ((1u << T % 32) - 1));
    for (int w = 0; w < T / 32; ++w) at += count[w];
    if (head) start[at] = T;
    if (T == 0) {
        runs = count[0] + count[1] + count[2] + count[3];
        start[runs] = n;
    }
    __syncthreads();
    if (T < runs) {
        value[T] = in[start[T]];
        length[T] = start[T + 1] - start[T];
    }
}

__global__ void look_back(const int* in, int* out, volatile int* total, volatile int* ready) {
    __shared__ int s[64];
    __shared__ int before;
    int i = blockIdx.x * 64 + T;
    s[T] = in[i];
    __syncthreads();
    for (int d = 1; d < 64; d *= 2) {
        int v = T >= d ? s[T - d] : 0;
        __syncthreads();
        s[T] += v;
        __syncthreads();
    }
    if (T == 0) {
        int sum = 0;
        if (blockIdx.x > 0) {
            while (ready[blockIdx.x - 1] == 0) {}
            __threadfence();
            sum = total[blockIdx.x - 1];
        }
        total[blockIdx.x] = sum + s[63];
        __threadfence();
        ready[blockIdx.x] = 1;
        before = sum;
    }
    __syncthreads();
    out[i] = before + s[T];
}

__global__ void last_block(const int* in, int* partial, unsigned* done, int* out) {
    __shared__ int s[64];
    __shared__ bool last;
    s[T] = in[blockIdx.x * 64 + T];
    for (int d = 32; d > 0; d /= 2) {
        __syncthreads();
        if (T < d) s[T] += s[T + d];
    }
    if (T == 0) {
        partial[blockIdx.x] = s[0];
        __threadfence();
        last = atomicAdd(done, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && T == 0) {
        __threadfence();
        int sum = 0;
        for (int b = 0; b < gridDim.x; ++b) sum += ((volatile int*)partial)[b];
        *out = sum;
    }
}

__global__ void sum_by_key(const int* key, const int* value, int* out) {
    unsigned same = __match_any_sync(FULL, key[T]);
    int leader = __ffs(same) - 1, sum = 0;
    for (unsigned rest = same; __any_sync(FULL, rest != 0); rest &= rest - 1) {
        int from = rest ? __ffs(rest) - 1 : 0, v = __shfl_sync(FULL, value[T], from);
        if (rest) sum += v;
    }
    if (T % 32 == leader) atomicAdd(&out[key[T]], sum);
}

__global__ void exclusive_of_bools(const bool* in, unsigned short* out) {
    unsigned mask = __ballot_sync(FULL, in[T]), below;
    asm("mov.u32 %0, %%lanemask_lt;" : "=r"(below));
    out[T] = __popc(mask & below);
}
