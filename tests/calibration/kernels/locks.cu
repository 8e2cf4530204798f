// Locks and flags between blocks.
__global__ void spin_lock(int* lock, int* counter, int* order) {
    if (threadIdx.x == 0) {
        while (atomicCAS(lock, 0, 1) != 0) {}
        __threadfence();
        int seen = *(volatile int*)counter;
        *(volatile int*)counter = seen + blockIdx.x;
        order[seen & 63] = 1;
        __threadfence();
        atomicExch(lock, 0);
    }
}

// Every lane of a warp takes the lock in its turn.
__global__ void spin_lock_lanes(int* lock, int* counter) {
    bool done = false;
    while (!done) {
        if (atomicCAS(lock, 0, 1) == 0) {
            __threadfence();
            *(volatile int*)counter += 1 + threadIdx.x;
            __threadfence();
            atomicExch(lock, 0);
            done = true;
        }
    }
}

__global__ void ticket_lock(unsigned* next, unsigned* serving, int* sum) {
    if (threadIdx.x == 0) {
        unsigned mine = atomicAdd(next, 1u);
        while (*(volatile unsigned*)serving != mine) {}
        __threadfence();
        *(volatile int*)sum = *(volatile int*)sum * 2 + 1;
        __threadfence();
        *(volatile unsigned*)serving = mine + 1;
    }
}

// Even blocks write, odd blocks wait for the flag of the block before them.
__global__ void flag_pairs(const int* in, int* middle, int* flags, int* out) {
    int pair = blockIdx.x / 2, i = pair * blockDim.x + threadIdx.x;
    if (blockIdx.x % 2 == 0) {
        middle[i] = in[i] * 3;
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) atomicExch(&flags[pair], 1);
    } else {
        if (threadIdx.x == 0) while (atomicAdd(&flags[pair], 0) == 0) {}
        __syncthreads();
        __threadfence();
        out[i] = ((volatile int*)middle)[pair * blockDim.x + (threadIdx.x ^ 1)] + 1;
    }
}

// A barrier of the whole grid: all its blocks must be on the machine at once.
__global__ void grid_barrier(const int* in, int* middle, unsigned* arrived, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;
    middle[i] = in[i] + 1;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicAdd(arrived, 1u);
        while (*(volatile unsigned*)arrived < gridDim.x) {}
        __threadfence();
    }
    __syncthreads();
    out[i] = ((volatile int*)middle)[n - 1 - i] * 2;
}

__global__ void acquire_release(const int* in, int* middle, int* flag, int* out) {
    if (blockIdx.x == 0) {
        middle[threadIdx.x] = in[threadIdx.x] + 5;
        __syncthreads();
        if (threadIdx.x == 0) asm volatile("st.release.gpu.global.s32 [%0], 1;" ::"l"(flag) : "memory");
    } else {
        if (threadIdx.x == 0) {
            int seen = 0;
            while (!seen) asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");
        }
        __syncthreads();
        out[threadIdx.x] = middle[threadIdx.x ^ 3];
    }
}
