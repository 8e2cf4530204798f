// Integer, floating-point and bit arithmetic, conversions, and the approximate functions.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define INDEX int i = blockIdx.x * blockDim.x + threadIdx.x

__global__ void murmur(const unsigned* in, unsigned* out) {
    INDEX;
    unsigned h = 0x9747b28c, k = in[i] * 0xcc9e2d51;
    k = (k << 15 | k >> 17) * 0x1b873593;
    h ^= k;
    h = (h << 13 | h >> 19) * 5 + 0xe6546b64;
    h ^= h >> 16;
    h *= 0x85ebca6b;
    h ^= h >> 13;
    h *= 0xc2b2ae35;
    out[i] = h ^ h >> 16;
}

__global__ void splitmix(const unsigned long long* in, unsigned long long* out) {
    INDEX;
    unsigned long long z = in[i] + 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    out[i] = z ^ z >> 31;
}

__global__ void wide_integers(const long long* a, const long long* b, long long* out) {
    INDEX;
    long long x = a[i], y = b[i] | 1;
    long long v = x / y + x % y + __mul64hi(x, y) + (x >> (y & 63)) - (long long)((unsigned long long)x >> 7);
    out[i] = v + min(x, y) * 3 - llabs(x >> 1);
}

__global__ void divisions(const int* a, const int* b, int* out) {
    INDEX;
    int x = a[i], y = b[i] | 1;
    unsigned u = x, w = (unsigned)y;
    out[i] = x / y ^ (x % y) * 3 ^ (int)(u / w) * 5 ^ (int)(u % w) * 7 ^ x / 10 ^ (x % 7) << 3;
}

__global__ void bits(const unsigned* a, const unsigned* b, unsigned* out) {
    INDEX;
    unsigned x = a[i], y = b[i];
    unsigned v = __popc(x) + 33 * __clz(y) + 7 * __ffs(x) + __brev(y);
    v ^= __byte_perm(x, y, x & 0x7777) ^ __funnelshift_l(x, y, x) ^ __funnelshift_r(x, y, y & 31);
    v += __umulhi(x, y) ^ __usad(x, y, v) ^ __vadd4(x, y) ^ __uhadd(x, y);
    out[i] = v ^ (x << (y & 31)) ^ ((int)y >> (x & 31));
}

__global__ void dot_bytes(const int* a, const int* b, const unsigned* c, int* out) {
    INDEX;
    int v = __dp4a(a[i], b[i], (int)c[i]);
    unsigned u = __dp4a(c[i], (unsigned)a[i], 3u);
    out[i] = __dp2a_lo(a[i], b[i], v) ^ (int)u;
}

__global__ void float_operations(const float* a, const float* b, float* out) {
    INDEX;
    float x = a[i], y = b[i];
    float v = x / y + sqrtf(fabsf(x)) * 3.0f - fmaf(x, y, 0.1f) + fminf(x, y) * fmaxf(x, 0.25f);
    v += truncf(x * 10.0f) + floorf(y * 7.0f) - rintf(x * 5.5f) + roundf(y * 3.5f) + copysignf(x, y);
    out[i] = v + __frcp_rn(y) + __fadd_rz(x, y) - __fmul_ru(x, y) + fmodf(x * 100.0f, 0.37f);
}

__global__ void float_special(const float* a, const float* b, float* out) {
    INDEX;
    float x = a[i], y = b[i];
    out[i * 4] = x + y;
    out[i * 4 + 1] = x * y;
    out[i * 4 + 2] = x / y;
    out[i * 4 + 3] = fminf(x, y) + (x < y ? 1.0f : isnan(x) ? 2.0f : 3.0f);
}

__global__ void double_operations(const double* a, const double* b, double* out) {
    INDEX;
    double x = a[i], y = b[i];
    double v = x / y + sqrt(fabs(x)) * 3.0 - fma(x, y, 0.1) + fmin(x, y) * fmax(x, 0.25) + floor(y * 7.0);
    out[i] = v + ((x * 0.5 + 0.25) * x + y) * x - 1.0;
}

__global__ void conversions(const float* in, int* out) {
    INDEX;
    float x = in[i] * 1000.0f;
    double d = (double)x * 1.0e6;
    int v = (int)x ^ __float2int_rn(x) * 3 ^ __float2int_ru(x) * 5 ^ __float2int_rd(x) * 7 ^ (int)(unsigned)fabsf(x);
    v ^= (int)(long long)d ^ (int)(signed char)(int)x ^ (int)(short)(int)(x * 77.0f) ^ __float_as_int((float)d);
    v ^= __float_as_int((float)(long long)d) ^ __float_as_int((float)(unsigned)v) ^ (int)__float2uint_rz(x * 1.0e7f);
    out[i] = v ^ __float_as_int(__int2float_rz(v)) ^ __double2int_rn(d * 1.0e-3);
}

__global__ void half_operations(const __half* a, const __half* b, __half* out) {
    INDEX;
    __half x = a[i], y = b[i];
    __half v = __hadd(__hmul(x, y), __hsub(x, y));
    v = __hfma(v, x, y);
    v = __hgt(x, y) ? __hmax(v, x) : __hmin(v, y);
    out[i] = __hadd_sat(__habs(v), __float2half(__half2float(x) * 0.3333f));
}

__global__ void half2_operations(const __half2* a, const __half2* b, __half2* out) {
    INDEX;
    __half2 v = __hfma2(a[i], b[i], __hneg2(a[i]));
    v = __hadd2(v, __hmul2(__lowhigh2highlow(a[i]), b[i]));
    out[i] = __hmax2(v, __hmin2(a[i], b[i]));
}

__global__ void bfloat_operations(const __nv_bfloat16* a, const __nv_bfloat16* b, __nv_bfloat16* out) {
    INDEX;
    __nv_bfloat16 x = a[i], y = b[i];
    __nv_bfloat16 v = __hadd(__hmul(x, y), __hsub(x, y));
    v = __hmax(__hfma(v, x, y), __float2bfloat16(__bfloat162float(x) * 0.3333f));
    out[i] = __hlt(x, y) ? v : __hneg(v);
}

__global__ void bfloat2_operations(const __nv_bfloat162* a, const __nv_bfloat162* b, __nv_bfloat162* out) {
    INDEX;
    out[i] = __hadd2(__hfma2(a[i], b[i], a[i]), __hmul2(__hmax2(a[i], b[i]), b[i]));
}

__global__ void fast_functions(const float* in, float* out) {
    INDEX;
    float x = fabsf(in[i]) + 0.1f;
    out[i * 8] = __expf(x);
    out[i * 8 + 1] = __logf(x);
    out[i * 8 + 2] = __sinf(x);
    out[i * 8 + 3] = __cosf(x);
    out[i * 8 + 4] = rsqrtf(x);
    out[i * 8 + 5] = __fdividef(in[i], x);
    out[i * 8 + 6] = __powf(x, 1.5f);
    out[i * 8 + 7] = __tanf(x);
}

__global__ void exact_functions(const float* in, float* out) {
    INDEX;
    float x = in[i] * 4.0f, p = fabsf(x) + 0.01f;
    out[i * 8] = expf(x);
    out[i * 8 + 1] = logf(p);
    out[i * 8 + 2] = sinf(x);
    out[i * 8 + 3] = cosf(x);
    out[i * 8 + 4] = tanhf(x);
    out[i * 8 + 5] = erff(x);
    out[i * 8 + 6] = powf(p, 0.7f);
    out[i * 8 + 7] = cbrtf(p);
}

__global__ void gelu(const float* in, float* out) {
    INDEX;
    float x = in[i] * 3.0f;
    out[i] = 0.5f * x * (1.0f + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

__global__ void polynomial(const float* in, float* out) {
    INDEX;
    float x = in[i], v = 0.0f;
#pragma unroll
    for (int k = 0; k < 16; ++k) v = v * x + 1.0f / (k + 1);
    out[i] = v;
}

__global__ void carry_chain(const uint4* a, const uint4* b, uint4* out) {
    INDEX;
    uint4 x = a[i], y = b[i], s;
    asm("add.cc.u32 %0, %4, %8;\n\taddc.cc.u32 %1, %5, %9;\n\taddc.cc.u32 %2, %6, %10;\n\taddc.u32 %3, %7, %11;"
        : "=r"(s.x), "=r"(s.y), "=r"(s.z), "=r"(s.w)
        : "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w), "r"(y.x), "r"(y.y), "r"(y.z), "r"(y.w));
    out[i] = s;
}
