// Barriers that not all threads reach, and correct early exits.
__global__ void barrier_in_branch(const int* in, int* out) {
    __shared__ int row[64];
    row[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x < 48) __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}

// Each half waits at a barrier of its own.
__global__ void barriers_in_both_branches(const int* in, int* out) {
    __shared__ int row[64];
    row[threadIdx.x] = in[threadIdx.x];
    if (threadIdx.x % 32 < 16) {
        __syncthreads();
        out[threadIdx.x] = row[threadIdx.x ^ 1];
    } else {
        out[threadIdx.x] = 1;
        __syncthreads();
        out[threadIdx.x] += row[threadIdx.x ^ 1];
    }
}

__global__ void return_before_barrier(const int* in, int* out, int n) {
    __shared__ int row[64];
    if (threadIdx.x >= n) return;
    row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[n - 1 - threadIdx.x];
}

__global__ void barrier_by_trip_count(const int* in, int* out) {
    int v = in[threadIdx.x];
    for (int k = 0; k < threadIdx.x / 32 + 1; ++k) {
        v += k;
        __syncthreads();
    }
    out[threadIdx.x] = v;
}

// Lanes 0 to 15 name themselves; all 32 come.
__global__ void syncwarp_wrong_mask(const int* in, int* out) {
    __shared__ int row[32];
    row[threadIdx.x] = in[threadIdx.x];
    __syncwarp(0x0000ffffu);
    out[threadIdx.x] = row[threadIdx.x ^ 1];
}

// All 32 lanes are named; only 20 come.
__global__ void syncwarp_missing_lanes(const int* in, int* out) {
    int v = in[threadIdx.x];
    if (threadIdx.x < 20) __syncwarp(0xffffffffu);
    else while (((volatile int*)in)[32] == 0) {}
    out[threadIdx.x] = v;
}

__global__ void endless_wait(volatile int* flag, int* out) {
    while (*flag == 0) {}
    *out = 1;
}

// Clean: warps that leave whole before a barrier no longer count for it.
__global__ void whole_warps_leave(const int* in, int* out, int n) {
    __shared__ int row[128];
    if (threadIdx.x >= n) return;
    row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[n - 1 - threadIdx.x];
}

__global__ void barrier_in_uniform_branch(const int* in, int* out, int n) {
    __shared__ int row[64];
    if (n > 3) {
        row[threadIdx.x] = in[threadIdx.x];
        __syncthreads();
        out[threadIdx.x] = row[63 - threadIdx.x];
    }
}
