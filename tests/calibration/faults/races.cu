// Kernels whose threads touch one address without an order between them, and correct ones that look like them.
#define ALL 0xffffffffu

__global__ void transpose_without_barrier(const float* in, float* out) {
    __shared__ float tile[16][17];
    tile[threadIdx.y][threadIdx.x] = in[threadIdx.y * 16 + threadIdx.x];
    out[threadIdx.y * 16 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

__global__ void tree_without_barrier(const int* in, int* out) {
    __shared__ int part[256];
    int t = threadIdx.x;
    part[t] = in[t];
    __syncthreads();
    for (int s = 128; s > 0; s /= 2)
        if (t < s) part[t] += part[t + s];
    if (t == 0) *out = part[0];
}

// The next tile is stored while slower threads still read this one.
__global__ void loop_without_second_barrier(const int* in, int* out, int tiles) {
    __shared__ int tile[128];
    int sum = 0;
    for (int k = 0; k < tiles; ++k) {
        tile[threadIdx.x] = in[k * 128 + threadIdx.x];
        __syncthreads();
        sum += tile[threadIdx.x ^ 64];
    }
    out[threadIdx.x] = sum;
}

// Written for warps in lockstep: volatile keeps the loads and stores, but orders no other thread.
__global__ void warp_sum_volatile(const int* in, int* out) {
    __shared__ volatile int part[64];
    int t = threadIdx.x;
    part[t] = in[t];
    part[t + 32] = in[t + 32];
    for (int s = 32; s > 0; s /= 2) part[t] = part[t] + part[t + s < 64 ? t + s : t];
    if (t == 0) *out = part[0];
}

__global__ void neighbours_in_a_warp(const int* in, int* out) {
    __shared__ int row[32];
    row[threadIdx.x] = in[threadIdx.x];
    __syncwarp();
    int next = row[(threadIdx.x + 1) & 31];
    row[threadIdx.x] = next * 2;
    __syncwarp();
    out[threadIdx.x] = row[threadIdx.x];
}

__global__ void warps_write_one_place(int* out) {
    __shared__ int winner;
    if (threadIdx.x % 32 == 0) winner = threadIdx.x / 32;
    __syncthreads();
    out[threadIdx.x] = winner;
}

__global__ void all_write_the_same(int* out) {
    __shared__ int flag;
    flag = 7;
    __syncthreads();
    out[threadIdx.x] = flag;
}

extern __shared__ int dynamic[];

__global__ void dynamic_without_barrier(const int* in, int* out, int n) {
    dynamic[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = dynamic[n - 1 - threadIdx.x];
}

// A shuffle hands a register over; it does not order what was stored before it.
__global__ void shuffle_as_barrier(const int* in, int* out) {
    __shared__ int row[32];
    row[threadIdx.x] = in[threadIdx.x];
    int v = __shfl_sync(ALL, in[threadIdx.x], 0);
    out[threadIdx.x] = row[threadIdx.x ^ 1] + v;
}

__global__ void histogram_plain(const int* in, int* out) {
    __shared__ int bins[8];
    if (threadIdx.x < 8) bins[threadIdx.x] = 0;
    __syncthreads();
    bins[in[threadIdx.x] & 7]++;
    __syncthreads();
    if (threadIdx.x < 8) out[threadIdx.x] = bins[threadIdx.x];
}

__global__ void blocks_add_plainly(const int* in, int* total) {
    if (threadIdx.x == 0) *total += in[blockIdx.x];
}

__global__ void halves_of_a_block(const int* in, int* out) {
    __shared__ int row[64];
    if (threadIdx.x < 32) row[threadIdx.x] = in[threadIdx.x];
    else out[threadIdx.x] = row[threadIdx.x - 32];
}

// Clean from here on.
__global__ void flag_with_fence(int* data, int* flag, int* out) {
    if (blockIdx.x == 0) {
        data[threadIdx.x] = threadIdx.x * 3;
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) atomicExch(flag, 1);
    } else {
        if (threadIdx.x == 0) while (atomicAdd(flag, 0) == 0) {}
        __syncthreads();
        __threadfence();
        out[threadIdx.x] = ((volatile int*)data)[threadIdx.x ^ 1];
    }
}

// The same without the fence: the flag may be seen before the data.
__global__ void flag_without_fence(int* data, int* flag, int* out) {
    if (blockIdx.x == 0) {
        data[threadIdx.x] = threadIdx.x * 3;
        if (threadIdx.x == 0) *(volatile int*)flag = 1;
    } else {
        if (threadIdx.x == 0) while (*(volatile int*)flag == 0) {}
        __syncthreads();
        out[threadIdx.x] = ((volatile int*)data)[threadIdx.x ^ 1];
    }
}

__global__ void last_block(const int* in, int* partial, unsigned* done, int* out) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = in[blockIdx.x] * 2;
        __threadfence();
        last = atomicAdd(done, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x < gridDim.x) {
        __threadfence();
        out[threadIdx.x] = ((volatile int*)partial)[threadIdx.x];
    }
}

__global__ void transpose_padded(const float* in, float* out) {
    __shared__ float tile[16][17];
    tile[threadIdx.y][threadIdx.x] = in[threadIdx.y * 16 + threadIdx.x];
    __syncthreads();
    out[threadIdx.y * 16 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

__global__ void syncwarp_exchange(const int* in, int* out) {
    __shared__ int row[64];
    row[threadIdx.x] = in[threadIdx.x];
    __syncwarp();
    int v = row[threadIdx.x ^ 5];
    __syncwarp();
    row[threadIdx.x] = v + 1;
    __syncwarp();
    out[threadIdx.x] = row[threadIdx.x ^ 9];
}

__global__ void atomics_mixed(const int* in, int* out) {
    __shared__ int total;
    if (threadIdx.x == 0) total = 0;
    __syncthreads();
    if (threadIdx.x & 1) atomicAdd(&total, in[threadIdx.x]);
    else atomicSub(&total, in[threadIdx.x] & 3);
    __syncthreads();
    if (threadIdx.x == 0) *out = total;
}

// Two buffers in turn: with one barrier a round, no thread stores where another may still read.
__global__ void double_buffer_one_barrier(const int* in, int* out, int tiles) {
    __shared__ int tile[2][128];
    int sum = 0;
    for (int k = 0; k < tiles; ++k) {
        tile[k & 1][threadIdx.x] = in[k * 128 + threadIdx.x];
        __syncthreads();
        sum += tile[k & 1][threadIdx.x ^ 64];
    }
    out[threadIdx.x] = sum;
}

// cp.async is waited for, but by each thread for its own copies only.
__global__ void async_without_barrier(const int* in, int* out) {
    __shared__ int tile[64];
    unsigned at = (unsigned)__cvta_generic_to_shared(&tile[threadIdx.x]);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(at), "l"(&in[threadIdx.x]) : "memory");
    asm volatile("cp.async.wait_all;" ::: "memory");
    out[threadIdx.x] = tile[threadIdx.x ^ 32];
}
