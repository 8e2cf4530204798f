// Arithmetic in fp16, bf16 and fp8.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#define I (blockIdx.x * blockDim.x + threadIdx.x)

__global__ void axpy_half2(const half2* x, half2* y, half a) { y[I] = __hfma2(__half2half2(a), x[I], y[I]); }

__global__ void relu_bf162(const __nv_bfloat162* x, __nv_bfloat162* y) {
    __nv_bfloat162 v = __hadd2(x[I], y[I]);
    y[I] = __hmax2(v, __float2bfloat162_rn(0.0f));
}

__global__ void mixed_half(const half* x, const half* y, half* out, int n) {
    int i = I;
    if (i < n) out[i] = __hgt(x[i], y[i]) ? __hsub(x[i], y[i]) : __hmul(x[i], __int2half_rn(i % 5));
}

__global__ void fused_relu(const half2* x, const half2* y, half2* out) {
    out[I] = __hfma2_relu(x[I], y[I], __floats2half2_rn(0.25f, -0.25f));
}

__global__ void bf16_dot(const __nv_bfloat16* x, const __nv_bfloat16* y, float* out, int n) {
    float sum = 0;
    for (int k = threadIdx.x; k < n; k += 32)
        sum = fmaf(__bfloat162float(x[blockIdx.x * n + k]), __bfloat162float(y[k]), sum);
    for (int d = 16; d; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

__global__ void bf16_lerp(const __nv_bfloat162* a, const __nv_bfloat162* b, __nv_bfloat162* out) {
    __nv_bfloat162 t = __float2bfloat162_rn(0.375f);
    out[I] = __hfma2(t, __hsub2(b[I], a[I]), a[I]);
}

__global__ void to_fp8(const float* x, __nv_fp8_storage_t* e4, __nv_fp8_storage_t* e5) {
    e4[I] = __nv_cvt_float_to_fp8(x[I] * 300, __NV_SATFINITE, __NV_E4M3);
    e5[I] = __nv_cvt_float_to_fp8(x[I] * 3000, __NV_SATFINITE, __NV_E5M2);
}

__global__ void from_fp8(const unsigned char* x, float* out) {
    __nv_fp8_e4m3 v;
    v.__x = x[I];
    out[I] = float(v) * 0.5f;
}

__global__ void quads_of_half(const uint2* x, float4* out) {
    uint2 v = x[I];
    float2 a = __half22float2(*(half2*)&v.x), b = __half22float2(*(half2*)&v.y);
    out[I] = make_float4(a.x + b.x, a.y - b.y, a.x * b.x, a.y * b.y);
}

__global__ void eight_halves(const uint4* x, uint4* out) {
    uint4 v = x[I];
    half2* h = (half2*)&v;
    for (int k = 0; k < 4; ++k) h[k] = __hadd2(__hmul2(h[k], h[(k + 1) % 4]), __float2half2_rn(1));
    out[I] = v;
}

__global__ void round_trip(const float* x, short* out) {
    half h = __float2half_rz(x[I] * 1000);
    out[I] = __half2short_rd(h) + __half_as_short(__float2half_ru(x[I]));
}

__global__ void sum_in_half(const half* x, half* out, int n) {
    half s = __float2half(0);
    for (int k = 0; k < n; ++k) s = __hadd(s, x[I * n + k]);
    out[I] = s;
}

__global__ void shuffled_halves(const half2* x, half2* out) {
    half2 v = x[I];
    for (int d = 16; d; d /= 2) v = __hadd2(v, __shfl_xor_sync(0xffffffffu, v, d));
    out[I] = v;
}
