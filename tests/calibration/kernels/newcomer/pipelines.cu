// Copies that run ahead: cp.async with several stages.
#define T threadIdx.x

__device__ unsigned place(const void* p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ void copy4(void* to, const void* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(place(to)), "l"(from) : "memory");
}
__device__ void copy8(void* to, const void* from) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(place(to)), "l"(from) : "memory");
}
__device__ void copy16(void* to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(place(to)), "l"(from) : "memory");
}
__device__ void copy16_some(void* to, const void* from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(place(to)), "l"(from), "r"(bytes) : "memory");
}
__device__ void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ void wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

__global__ void three_stages(const float* in, float* out, int tiles) {
    __shared__ float s[3][128];
    const float* from = in + blockIdx.x * tiles * 128 + T;
    for (int k = 0; k < 2; ++k) {
        if (k < tiles) copy4(&s[k][T], from + k * 128);
        commit();
    }
    float sum = 0;
    for (int k = 0; k < tiles; ++k) {
        if (k + 2 < tiles) copy4(&s[(k + 2) % 3][T], from + (k + 2) * 128);
        commit();
        wait<2>();
        __syncthreads();
        sum += s[k % 3][(T * 33) % 128];
        __syncthreads();
    }
    out[blockIdx.x * 128 + T] = sum;
}

__global__ void ring_of_four(const float4* in, float4* out, int tiles) {
    __shared__ float4 s[4][64];
    for (int k = 0; k < 3; ++k) {
        copy16(&s[k][T], in + k * 64 + T);
        commit();
    }
    for (int k = 0; k < tiles; ++k) {
        wait<2>();
        __syncthreads();
        float4 v = s[k % 4][63 - T];
        out[k * 64 + T] = make_float4(v.w, v.z, v.y, v.x);
        if (k + 3 < tiles) copy16(&s[(k + 3) % 4][T], in + (k + 3) * 64 + T);
        commit();
    }
}

__global__ void tail_of_zeros(const int* in, int* out, int n) {
    __shared__ __align__(16) int s[512];
    int i = 4 * T, left = n - i, bytes = left >= 4 ? 16 : left > 0 ? 4 * left : 0;
    copy16_some(s + i, bytes ? in + i : in, bytes);
    commit();
    wait<0>();
    __syncthreads();
    out[T] = s[T] + s[T + 128] + s[T + 256] + s[T + 384];
}

__global__ void product_in_three_stages(const float* a, const float* b, float* c, int n, int k) {
    __shared__ __align__(16) float s[3][16][16], t[3][16][16];
    int x = threadIdx.x, y = threadIdx.y, id = y * 16 + x, tiles = k / 16;
    auto fetch = [&](int at) {
        if (id < 64) copy16(&s[at % 3][id / 4][id % 4 * 4], a + (blockIdx.y * 16 + id / 4) * k + at * 16 + id % 4 * 4);
        else if (id < 128) {
            int e = id - 64;
            copy16(&t[at % 3][e / 4][e % 4 * 4], b + (at * 16 + e / 4) * n + blockIdx.x * 16 + e % 4 * 4);
        }
    };
    for (int at = 0; at < 2; ++at) {
        if (at < tiles) fetch(at);
        commit();
    }
    float sum = 0;
    for (int at = 0; at < tiles; ++at) {
        wait<1>();
        __syncthreads();
        if (at + 2 < tiles) fetch(at + 2);
        commit();
        for (int j = 0; j < 16; ++j) sum += s[at % 3][y][j] * t[at % 3][j][x];
    }
    c[(blockIdx.y * 16 + y) * n + blockIdx.x * 16 + x] = sum;
}

__global__ void transpose_by_copies(const float2* in, float2* out) {
    __shared__ float2 s[16][17];
    copy8(&s[threadIdx.x][threadIdx.y], in + threadIdx.y * 16 + threadIdx.x);
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    out[threadIdx.y * 16 + threadIdx.x] = s[threadIdx.y][threadIdx.x];
}

__global__ void gathered_copies(const float* in, const int* at, float* out) {
    __shared__ float s[128];
    copy4(s + (T ^ 5), in + at[T]);
    commit();
    wait<0>();
    __syncthreads();
    out[T] = s[T] * 2;
}

__global__ void stencil_ahead(const float* in, float* out, int rows, int n) {
    __shared__ float s[3][128];
    copy4(&s[0][T], in + T), commit();
    copy4(&s[1][T], in + n + T), commit();
    for (int r = 1; r + 1 < rows; ++r) {
        copy4(&s[(r + 1) % 3][T], in + (r + 1) * n + T);
        commit();
        wait<0>();
        __syncthreads();
        float v = s[(r - 1) % 3][T] + s[(r + 1) % 3][T] - 2 * s[r % 3][T];
        if (T > 0 && T < 127) v += s[r % 3][T - 1] + s[r % 3][T + 1];
        out[r * n + T] = v;
        __syncthreads();
    }
}

__global__ void lanes_of_bytes(const float4* in, const int* bytes, float* out) {
    __shared__ float4 s[64];
    copy16_some(s + (T ^ 3), in + T * 2 % 64, bytes[T]);
    commit();
    wait<0>();
    __syncthreads();
    float4 v = s[T];
    out[T] = v.x + v.y + v.z + v.w;
}
