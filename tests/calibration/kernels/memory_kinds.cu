// Dynamic shared, local, constant and module memory, the cached and uncached forms, printf.
#include <stdio.h>

extern __shared__ float4 dynamic[];

__global__ void dynamic_reverse(const float* in, float* out, int n) {
    float* tile = (float*)dynamic;
    for (int i = threadIdx.x; i < n; i += blockDim.x) tile[i] = in[blockIdx.x * n + i];
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) out[blockIdx.x * n + i] = tile[n - 1 - i];
}

// Two arrays in one allocation, of different types.
__global__ void dynamic_two_arrays(const int* keys, const double* values, double* out, int n) {
    double* kept = (double*)dynamic;
    short* place = (short*)(kept + n);
    int t = threadIdx.x;
    kept[t] = values[t];
    place[t] = keys[t];
    __syncthreads();
    out[t] = kept[place[t]];
}

__global__ void local_array(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int box[16];
    for (int k = 0; k < 16; ++k) box[k] = in[(i + k * 7) & 255];
    for (int k = 0; k < 16; ++k) {
        int j = box[k] & 15, kept = box[j];
        box[j] = box[k];
        box[k] = kept + 1;
    }
    int v = 0;
    for (int k = 0; k < 16; ++k) v = v * 31 + box[(k + i) & 15];
    out[i] = v;
}

__constant__ float taps[8] = {0.5f, -0.25f, 0.125f, 1.0f, -1.0f, 0.75f, 2.0f, -0.0625f};
__constant__ int table[64] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3, 2, 7, 9, 5};
__device__ int weights[32] = {2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5, 2, 3, 5, 3, 6, 0, 2, 8, 7, 4, 7, 1, 3, 5, 2, 6};

__global__ void constant_taps(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < 8; ++k) sum += taps[k] * in[min(i + k, n - 1)];
    out[i] = sum;
}

__global__ void constant_by_lane(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = table[in[i] & 63] * 10 + table[threadIdx.x & 1];
}

__global__ void module_memory(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = in[i] * weights[(i * 3) & 31];
}

__global__ void cache_hints(const float* in, const float* __restrict__ once, float* out, volatile float* kept) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float v = __ldg(&in[i]) + __ldcs(&once[i]) + __ldcg(&in[i ^ 1]) + __ldca(&in[i ^ 2]);
    kept[i] = v;
    __stcs(&out[i], kept[i] + once[i]);
}

struct Particle { float position[3]; float mass; int id; };

__global__ void struct_argument(Particle* particles, int x, int y, int z) {
    Particle p = particles[threadIdx.x];
    p.position[p.id % 3] += p.mass * x;
    p.id = p.id * y + z;
    particles[threadIdx.x] = p;
}

__global__ void say(const int* in, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (threadIdx.x == 3) printf("block %d: %d, %5.2f, %s %x %c\n", blockIdx.x, in[i], in[i] * 0.5, "ok", in[i], 'a' + blockIdx.x);
    out[i] = in[i];
}

__global__ void shared_struct(const float* in, float* out) {
    __shared__ struct { float value[64]; int order[64]; } box;
    int t = threadIdx.x;
    box.value[t] = in[blockIdx.x * 64 + t];
    box.order[63 - t] = t;
    __syncthreads();
    out[blockIdx.x * 64 + t] = box.value[box.order[t]];
}

__global__ void indices_3d(int* out) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    int z = blockIdx.z * blockDim.z + threadIdx.z;
    out[(z * gridDim.y * blockDim.y + y) * gridDim.x * blockDim.x + x] = x + 100 * y + 10000 * z;
}
