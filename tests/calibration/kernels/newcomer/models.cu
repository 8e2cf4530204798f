// What language models run, and what Triton's programs look like.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define T threadIdx.x
#define FULL 0xffffffffu

__device__ float warp_sum(float v) {
    for (int d = 16; d; d /= 2) v += __shfl_xor_sync(FULL, v, d);
    return v;
}
__device__ float warp_max(float v) {
    for (int d = 16; d; d /= 2) v = fmaxf(v, __shfl_xor_sync(FULL, v, d));
    return v;
}

__global__ void softmax_a_warp_a_row(const float4* in, float4* out) {
    int row = blockIdx.x * 4 + T / 32, at = row * 32 + T % 32;
    float4 v = in[at];
    float m = warp_max(fmaxf(fmaxf(v.x, v.y), fmaxf(v.z, v.w)));
    v = make_float4(__expf(v.x - m), __expf(v.y - m), __expf(v.z - m), __expf(v.w - m));
    float s = 1 / warp_sum(v.x + v.y + v.z + v.w);
    out[at] = make_float4(v.x * s, v.y * s, v.z * s, v.w * s);
}

__global__ void rmsnorm_two_rows(const __nv_bfloat162* in, const __nv_bfloat162* weight, __nv_bfloat162* out, int n2) {
    int row = blockIdx.x * 2 + T / 32, lane = T % 32;
    float s = 0;
    for (int k = lane; k < n2; k += 32) {
        float2 v = __bfloat1622float2(in[row * n2 + k]);
        s += v.x * v.x + v.y * v.y;
    }
    float r = rsqrtf(warp_sum(s) / (2 * n2) + 1e-5f);
    for (int k = lane; k < n2; k += 32) {
        float2 v = __bfloat1622float2(in[row * n2 + k]), w = __bfloat1622float2(weight[k]);
        out[row * n2 + k] = __floats2bfloat162_rn(v.x * r * w.x, v.y * r * w.y);
    }
}

__global__ void loss_of_tokens(const float* logits, const int* target, float* loss, int n) {
    const float* row = logits + blockIdx.x * n;
    float m = -1e30f, s = 0;
    for (int k = T; k < n; k += 32) {
        float v = row[k], top = fmaxf(m, v);
        s = s * __expf(m - top) + __expf(v - top);
        m = top;
    }
    float top = warp_max(m);
    s = warp_sum(s * __expf(m - top));
    if (T == 0) loss[blockIdx.x] = __logf(s) + top - row[target[blockIdx.x]];
}

__global__ void dropout(const float* in, float* out, unsigned seed, float keep, int n) {
    int i = blockIdx.x * blockDim.x + T;
    unsigned h = i * 0x9e3779b9u ^ seed;
    for (int k = 0; k < 3; ++k) h ^= h >> 16, h *= 0x85ebca6bu, h ^= h >> 13;
    if (i < n) out[i] = (h >> 8) * (1.0f / 16777216.0f) < keep ? in[i] * 1.25f : 0.0f;
}

__global__ void swiglu(const half2* gate_up, half2* out, int n2) {
    int row = blockIdx.y, k = blockIdx.x * blockDim.x + T;
    if (k >= n2) return;
    float2 g = __half22float2(gate_up[row * 2 * n2 + k]), u = __half22float2(gate_up[row * 2 * n2 + n2 + k]);
    out[row * n2 + k] = __floats2half2_rn(g.x / (1 + __expf(-g.x)) * u.x, g.y / (1 + __expf(-g.y)) * u.y);
}

__global__ void quantize_rows(const float* in, signed char* out, float* scale, int n) {
    const float* row = in + blockIdx.x * n;
    float top = 0;
    for (int k = T; k < n; k += 32) top = fmaxf(top, fabsf(row[k]));
    top = warp_max(top);
    for (int k = T; k < n; k += 32) out[blockIdx.x * n + k] = (signed char)__float2int_rn(row[k] * 64);
    if (T == 0) scale[blockIdx.x] = top;
}

__global__ void unpack_fours(const unsigned* in, half2* out) {
    unsigned q = in[blockIdx.x * blockDim.x + T];
    half2 h[4];
    for (int k = 0; k < 4; ++k) {
        unsigned bits = (q >> (4 * k) & 0x000f000fu) | 0x64006400u;
        h[k] = __hsub2(*(half2*)&bits, __float2half2_rn(1032));
    }
    uint4 v = *(uint4*)h;
    *(uint4*)(out + 4 * (blockIdx.x * blockDim.x + T)) = v;
}

__global__ void three_largest(const float* in, int* out, int n) {
    const float* row = in + blockIdx.x * n;
    float v = T < n ? row[T] : -1e30f;
    for (int k = 0; k < 3; ++k) {
        float m = warp_max(v);
        int who = __ffs(__ballot_sync(FULL, v == m)) - 1;
        if (T == 0) out[blockIdx.x * 3 + k] = who;
        if (T == who) v = -1e30f;
    }
}

__global__ void bag_of_rows(const float* table, const int* start, const int* ids, float* out, int width) {
    int bag = blockIdx.x;
    float sum = 0;
    for (int k = start[bag]; k < start[bag + 1]; ++k) sum += table[ids[k] * width + T];
    out[bag * width + T] = sum;
}

__global__ void ranks_in_a_row(const int* in, int* out) {
    __shared__ int s[96];
    s[T] = in[blockIdx.x * 96 + T];
    __syncthreads();
    int rank = 0;
    for (int k = 0; k < 96; ++k) rank += s[k] < s[T] || (s[k] == s[T] && k < T);
    out[blockIdx.x * 96 + rank] = T;
}

__global__ void causal_scores(const float* q, const float* k, float* out, int n, int d) {
    int i = blockIdx.y * 8 + threadIdx.y, j = blockIdx.x * 32 + threadIdx.x;
    if (j > i || i >= n) return;
    float sum = 0;
    for (int e = 0; e < d; e += 4) {
        float4 a = *(const float4*)(q + i * d + e), b = *(const float4*)(k + j * d + e);
        sum += a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
    }
    out[i * n + j] = sum;
}

__global__ void rope_pairs(float* x, const float* cosine, const float* sine, int d) {
    int row = blockIdx.x, k = T;
    float a = x[row * d + k], b = x[row * d + d / 2 + k], c = cosine[row * d / 2 + k], s = sine[row * d / 2 + k];
    x[row * d + k] = a * c - b * s;
    x[row * d + d / 2 + k] = b * c + a * s;
}

__global__ void cache_write(const uint4* fresh, uint4* cache, const int* slot, int words) {
    int token = blockIdx.x;
    if (slot[token] < 0) return;
    for (int k = T; k < words; k += blockDim.x) cache[slot[token] * words + k] = fresh[token * words + k];
}

__global__ void online_attention_row(const float* q, const float* k, const float* v, float* out, int n) {
    // a lane a dimension, 32 of them; one query a block
    float mine = q[blockIdx.x * 32 + T], m = -1e30f, l = 0, o = 0;
    for (int j = 0; j < n; ++j) {
        float s = warp_sum(mine * k[j * 32 + T]), top = fmaxf(m, s), scale = __expf(m - top), p = __expf(s - top);
        o = o * scale + p * v[j * 32 + T];
        l = l * scale + p;
        m = top;
    }
    out[blockIdx.x * 32 + T] = o / l;
}
