// Rows of a matrix: softmax and the norms.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define INFINITY __int_as_float(0x7f800000)

__device__ float block_reduce(float v, float* part, bool maximum) {
    for (int s = 16; s > 0; s /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, v, s);
        v = maximum ? fmaxf(v, other) : v + other;
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    __syncthreads();
    v = part[0];
    for (int w = 1; w < blockDim.x / 32; ++w) v = maximum ? fmaxf(v, part[w]) : v + part[w];
    return v;
}

__global__ void softmax_block(const float* in, float* out, int columns) {
    __shared__ float part[8];
    const float* row = in + blockIdx.x * columns;
    float top = -INFINITY, sum = 0;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) top = fmaxf(top, row[c]);
    top = block_reduce(top, part, true);
    for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += expf(row[c] - top);
    sum = block_reduce(sum, part, false);
    for (int c = threadIdx.x; c < columns; c += blockDim.x) out[blockIdx.x * columns + c] = expf(row[c] - top) / sum;
}

// One pass: the sum so far is rescaled when a greater maximum comes.
__global__ void softmax_online(const float* in, float* out, int columns) {
    const float* row = in + (blockIdx.x * blockDim.y + threadIdx.y) * columns;
    float top = -INFINITY, sum = 0;
    for (int c = threadIdx.x; c < columns; c += 32) {
        float greater = fmaxf(top, row[c]);
        sum = sum * __expf(top - greater) + __expf(row[c] - greater);
        top = greater;
    }
    for (int s = 16; s > 0; s /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, top, s), more = __shfl_xor_sync(0xffffffffu, sum, s);
        float greater = fmaxf(top, other);
        sum = sum * __expf(top - greater) + more * __expf(other - greater);
        top = greater;
    }
    for (int c = threadIdx.x; c < columns; c += 32)
        out[(blockIdx.x * blockDim.y + threadIdx.y) * columns + c] = __expf(row[c] - top) / sum;
}

__global__ void layernorm(const float* in, const float* weight, const float* bias, float* out, int columns) {
    __shared__ float part[8];
    const float* row = in + blockIdx.x * columns;
    float sum = 0, squares = 0;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += row[c];
    float mean = block_reduce(sum, part, false) / columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) squares += (row[c] - mean) * (row[c] - mean);
    float scale = rsqrtf(block_reduce(squares, part, false) / columns + 1e-5f);
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        out[blockIdx.x * columns + c] = (row[c] - mean) * scale * weight[c] + bias[c];
}

// A warp per row of four float4 a lane at most, held in registers.
__global__ void layernorm_float4(const float4* in, float4* out, int quads) {
    const float4* row = in + (blockIdx.x * blockDim.y + threadIdx.y) * quads;
    float4 held[2];
    float sum = 0, squares = 0;
#pragma unroll
    for (int k = 0; k < 2; ++k) {
        float4 q = held[k] = row[threadIdx.x + 32 * k];
        sum += (q.x + q.y) + (q.z + q.w);
        squares += (q.x * q.x + q.y * q.y) + (q.z * q.z + q.w * q.w);
    }
    for (int s = 16; s > 0; s /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, s);
        squares += __shfl_xor_sync(0xffffffffu, squares, s);
    }
    float mean = sum / (quads * 4), scale = rsqrtf(squares / (quads * 4) - mean * mean + 1e-5f);
#pragma unroll
    for (int k = 0; k < 2; ++k) {
        float4 q = held[k];
        out[(blockIdx.x * blockDim.y + threadIdx.y) * quads + threadIdx.x + 32 * k] = make_float4(
            (q.x - mean) * scale, (q.y - mean) * scale, (q.z - mean) * scale, (q.w - mean) * scale);
    }
}

template <typename T> __device__ float widen(T v);
template <> __device__ float widen(__half v) { return __half2float(v); }
template <> __device__ float widen(__nv_bfloat16 v) { return __bfloat162float(v); }
template <typename T> __device__ T narrow(float v);
template <> __device__ __half narrow(float v) { return __float2half(v); }
template <> __device__ __nv_bfloat16 narrow(float v) { return __float2bfloat16(v); }

template <typename T>
__global__ void rmsnorm(const T* in, const T* weight, T* out, int columns) {
    __shared__ float part[8];
    float squares = 0;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) {
        float v = widen(in[blockIdx.x * columns + c]);
        squares += v * v;
    }
    float scale = rsqrtf(block_reduce(squares, part, false) / columns + 1e-6f);
    for (int c = threadIdx.x; c < columns; c += blockDim.x)
        out[blockIdx.x * columns + c] = narrow<T>(widen(in[blockIdx.x * columns + c]) * scale * widen(weight[c]));
}

__global__ void rope_half2(const __half2* in, __half2* out, int pairs) {
    int row = blockIdx.x, p = threadIdx.x;
    float angle = row * exp2f(-0.25f * p), s, c;
    sincosf(angle, &s, &c);
    float2 v = __half22float2(in[row * pairs + p]);
    out[row * pairs + p] = __floats2half2_rn(v.x * c - v.y * s, v.x * s + v.y * c);
}
