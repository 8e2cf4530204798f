// Atomics of every width and type, on global and shared memory.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define I (blockIdx.x * blockDim.x + threadIdx.x)
#define T threadIdx.x

__global__ void add_doubles(const int* key, double* out) { atomicAdd(&out[key[I]], 0.5); }
__global__ void add_pairs(const int* key, float2* out) { atomicAdd(&out[key[I]], make_float2(1, 2)); }
__global__ void add_quads(const int* key, float4* out) { atomicAdd(&out[key[I]], make_float4(1, 2, 3, 4)); }
__global__ void add_halves(const int* key, half2* out) { atomicAdd(&out[key[I]], __floats2half2_rn(1, 0.5f)); }
__global__ void add_brains(const int* key, __nv_bfloat162* out) { atomicAdd(&out[key[I]], __floats2bfloat162_rn(1, 2)); }
__global__ void add_one_half(const int* key, half* out) { atomicAdd(&out[key[I]], __float2half(1)); }
__global__ void long_maximum(const int* key, const long long* in, long long* out) { atomicMax(&out[key[I]], in[I]); }
__global__ void wrap_around(unsigned* out) { atomicInc(&out[T % 4], 6), atomicDec(&out[4 + T % 3], 9); }
__global__ void bits_together(const unsigned* in, unsigned* out) {
    atomicOr(&out[T / 8 % 4], in[T] & 0x0f0f), atomicAnd(&out[4], in[T] | 1), atomicXor(&out[5], in[T]);
}
__global__ void swap_shorts(const unsigned short* in, unsigned short* out) {
    unsigned short old = out[T], seen;
    do {
        seen = old;
        old = atomicCAS(&out[T], seen, (unsigned short)(seen + in[T]));
    } while (old != seen);
}
__global__ void maximum_of_floats(const float* in, int* out, int n) {
    int i = I;
    if (i < n && in[i] >= 0) atomicMax(out, __float_as_int(in[i]));
}
__global__ void old_values(const int* key, int* count, int* out) { out[I] = atomicAdd(&count[key[I]], 0) + 1; }
__global__ void bins_of_a_warp(const unsigned* in, unsigned* bins, unsigned mask) { atomicAdd(&bins[in[T] & mask], 1u); }
__global__ void bins_by_double(const unsigned* in, unsigned long long* bins) { atomicAdd(&bins[in[T] & 63], 1ull); }
__global__ void shared_floats(const int* key, float* out) {
    __shared__ float s[16];
    if (T < 16) s[T] = 0;
    __syncthreads();
    atomicAdd(&s[key[T] & 15], 0.25f);
    __syncthreads();
    if (T < 16) out[T] = s[T];
}
__global__ void shared_minimum(const short* in, int* out) {
    __shared__ int low;
    if (T == 0) low = 99999;
    __syncthreads();
    atomicMin(&low, in[T]);
    __syncthreads();
    if (T == 0) *out = low;
}
