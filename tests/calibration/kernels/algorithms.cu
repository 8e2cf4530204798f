// Sorting, compaction and bodies.
__global__ void bitonic_sort(int* data) {
    __shared__ int keys[512];
    int t = threadIdx.x, base = blockIdx.x * 512;
    keys[t] = data[base + t];
    keys[t + 256] = data[base + t + 256];
    for (int size = 2; size <= 512; size *= 2)
        for (int stride = size / 2; stride > 0; stride /= 2) {
            __syncthreads();
            int low = 2 * t - (t & (stride - 1)), high = low + stride;
            bool up = (low & size) == 0;
            int a = keys[low], b = keys[high];
            if ((a > b) == up) {
                keys[low] = b;
                keys[high] = a;
            }
        }
    __syncthreads();
    data[base + t] = keys[t];
    data[base + t + 256] = keys[t + 256];
}

// Keeps the positive values of each block's slice, in order, at the front of it.
__global__ void compact_block(const int* in, int* out, int* counts) {
    __shared__ int sums[8];
    int t = threadIdx.x, base = blockIdx.x * 256, lane = t % 32, warp = t / 32, v = in[base + t];
    unsigned keep = __ballot_sync(0xffffffffu, v > 0);
    if (lane == 0) sums[warp] = __popc(keep);
    __syncthreads();
    int before = __popc(keep & ((1u << lane) - 1));
    for (int w = 0; w < warp; ++w) before += sums[w];
    if (v > 0) out[base + before] = v;
    if (t == 255) counts[blockIdx.x] = before + (v > 0);
}

// One atomic a warp finds its place: which warp comes first is free, the sum of what is kept is not.
__global__ void compact_atomic(const int* in, int* out, int* count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32, v = in[i];
    unsigned keep = __ballot_sync(0xffffffffu, v > 0);
    int base = 0;
    if (lane == 0) base = atomicAdd(count, __popc(keep));
    base = __shfl_sync(0xffffffffu, base, 0);
    if (v > 0) out[base + __popc(keep & ((1u << lane) - 1))] = 1;
}

__global__ void bodies(const float4* in, float4* out, int n) {
    __shared__ float4 tile[128];
    int i = blockIdx.x * 128 + threadIdx.x;
    float4 me = in[i];
    float ax = 0, ay = 0, az = 0;
    for (int base = 0; base < n; base += 128) {
        tile[threadIdx.x] = in[base + threadIdx.x];
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < 128; ++k) {
            float dx = tile[k].x - me.x, dy = tile[k].y - me.y, dz = tile[k].z - me.z;
            float inverse = rsqrtf(dx * dx + dy * dy + dz * dz + 0.01f);
            float pull = tile[k].w * inverse * inverse * inverse;
            ax += dx * pull, ay += dy * pull, az += dz * pull;
        }
        __syncthreads();
    }
    out[i] = make_float4(ax, ay, az, 0.0f);
}

// A list is walked to its end by doubling the distance that each element looks ahead.
__global__ void list_ranking(int* next, int* rank, int n) {
    int i = threadIdx.x;
    for (int step = 1; step < n; step *= 2) {
        int ahead = next[i], more = rank[ahead], further = next[ahead];
        __syncthreads();
        if (ahead != i) {
            rank[i] += more;
            next[i] = further;
        }
        __syncthreads();
    }
}

__global__ void radix_split(const unsigned* in, unsigned* out, int bit) {
    __shared__ int zeros[256];
    int t = threadIdx.x;
    unsigned v = in[blockIdx.x * 256 + t];
    int zero = !((v >> bit) & 1);
    zeros[t] = zero;
    __syncthreads();
    for (int s = 1; s < 256; s *= 2) {
        int more = t >= s ? zeros[t - s] : 0;
        __syncthreads();
        zeros[t] += more;
        __syncthreads();
    }
    int place = zero ? zeros[t] - 1 : zeros[255] + t - zeros[t];
    out[blockIdx.x * 256 + place] = v;
}

__global__ void csr_matvec(const int* start, const int* column, const float* value, const float* x, float* y) {
    int row = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int k = start[row]; k < start[row + 1]; ++k) sum += value[k] * x[column[k]];
    y[row] = sum;
}

__global__ void edit_distance_row(const int* a, const int* b, int* out, int n) {
    __shared__ int diagonal[3][65];
    int t = threadIdx.x;
    for (int d = 0; d <= 2 * n; ++d) {
        int j = d - t;
        if (t <= n && j >= 0 && j <= n) {
            int best;
            if (t == 0 || j == 0) best = d;
            else {
                best = min(diagonal[(d + 2) % 3][t - 1], diagonal[(d + 2) % 3][t]) + 1;
                best = min(best, diagonal[(d + 1) % 3][t - 1] + (a[t - 1] != b[j - 1]));
            }
            diagonal[d % 3][t] = best;
            if (d == 2 * n) *out = best;
        }
        __syncthreads();
    }
}
