// Threads of a warp that go different ways, and the warp's votes and exchanges.
__global__ void collatz(const int* start, int* steps) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned v = start[i];
    int n = 0;
    while (v > 1) {
        v = v % 2 ? 3 * v + 1 : v / 2;
        ++n;
    }
    steps[i] = n;
}

__global__ void trips_by_lane(const float* in, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float v = in[i];
#pragma unroll 1
    for (int k = 0; k < threadIdx.x % 32; ++k) v = v * 0.5f + 1.0f;
    out[i] = v;
}

__global__ void switch_by_lane(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, v = in[i];
    switch (threadIdx.x % 8) {
        case 0: v = v * v; break;
        case 1: v = v / 7; break;
        case 2: v = v ^ 0x5555; break;
        case 3: v = in[i ^ 1] + 3; break;
        case 4: v = __popc(v); break;
        case 5: v = v % 11; break;  // and falls out of the switch as the others do
        case 6: v = v << 3;         // falls through
        default: v = v - 1;
    }
    out[i] = v;
}

__global__ void nested_branches(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, v = in[i];
    if (v & 1) {
        if (v & 2) v = v * 3 + in[v & 255];
        else v = v * 5 - in[v & 127];
        if (v & 4) v ^= out[i];
    } else {
        for (int k = 0; k < (v & 7); ++k) {
            if (k == 5) break;
            if ((v >> k) & 1) continue;
            v += in[(v + k) & 255];
        }
    }
    out[i] = v;
}

__global__ void early_exit(const int* in, int* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    if (in[i] < 0) return;
    out[i] = in[i] + 1;
}

__device__ __noinline__ int ackermann_like(int depth, int v) { return depth == 0 ? v + 1 : v * 2 + depth; }

__global__ void calls(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, v = in[i];
    for (int d = 0; d < 3; ++d)
        if ((v >> d) & 1) v = ackermann_like(d, v);
    out[i] = v;
}

__global__ void votes(const int* in, unsigned* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, v = in[i];
    unsigned all = 0xffffffffu;
    unsigned ballot = __ballot_sync(all, v & 1);
    unsigned same = __match_any_sync(all, v & 7);
    int agreed;
    unsigned every = __match_all_sync(all, v >> 30, &agreed);
    unsigned flags = __any_sync(all, v == 3) | __all_sync(all, v >= 0) << 1 | agreed << 2;
    out[i] = ballot ^ same * 3u ^ every * 5u ^ flags;
}

__global__ void votes_of_some(const int* in, unsigned* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (threadIdx.x & 1) out[i] = __ballot_sync(0xaaaaaaaau, in[i] & 1);
    else out[i] = __match_any_sync(0x55555555u, in[i] & 3);
}

__global__ void prefix_by_ballot(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned lanes = __ballot_sync(0xffffffffu, in[i] & 1), below = (1u << (threadIdx.x & 31)) - 1;
    out[i] = __popc(lanes & below);
}

__global__ void shuffles(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, v = in[i];
    unsigned all = 0xffffffffu;
    int a = __shfl_sync(all, v, (threadIdx.x * 5) & 31);
    int b = __shfl_up_sync(all, v, 3);
    int c = __shfl_down_sync(all, v, 7, 16);
    int d = __shfl_xor_sync(all, v, 9);
    int e = __shfl_sync(all, v, 2, 8);
    out[i] = a ^ b * 3 ^ c * 5 ^ d * 7 ^ e * 11;
}

__global__ void shuffle_double(const double* in, double* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = __shfl_xor_sync(0xffffffffu, in[i], 16) - in[i];
}

__global__ void mandelbrot(unsigned char* out, int width, int most) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    float cr = x * 3.0f / width - 2.0f, ci = y * 2.5f / width - 1.25f, r = 0, i = 0;
    int n = 0;
    while (n < most && r * r + i * i < 4.0f) {
        float t = r * r - i * i + cr;
        i = 2.0f * r * i + ci;
        r = t;
        ++n;
    }
    out[y * width + x] = n;
}

__global__ void barrier_counts(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int odd = __syncthreads_count(in[i] & 1);
    int any = __syncthreads_or(in[i] == 5), all = __syncthreads_and(in[i] >= 0);
    out[i] = odd * 4 + any * 2 + all;
}
