// Copies: element types, offsets, strides, lane orders, masks, layouts of structures.
#include <cuda_fp16.h>

template <typename T>
__global__ void copy(const T* in, T* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i];
}

template <typename T>
__global__ void copy_grid_stride(const T* in, T* out, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) out[i] = in[i];
}

template <typename T>
__global__ void load_shifted(const T* in, T* out, int n, int offset) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i + offset];
}

template <typename T>
__global__ void store_shifted(const T* in, T* out, int n, int offset) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i + offset] = in[i];
}

template <typename T>
__global__ void load_strided(const T* in, T* out, int n, int stride) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i * stride];
}

template <typename T>
__global__ void store_strided(const T* in, T* out, int n, int stride) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i * stride] = in[i];
}

__global__ void copy_reversed_lanes(const float* in, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = in[i ^ 31];
}

template <typename T>
__global__ void copy_permuted_lanes(const T* in, T* out, int times) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int lane = threadIdx.x & 31;
    out[i] = in[(i & ~31) | (lane * times & 31)];
}

__global__ void copy_even_lanes(const float* in, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if ((threadIdx.x & 1) == 0) out[i] = in[i];
}

template <typename T>
__global__ void copy_one_lane(const T* in, T* out, int lane) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if ((threadIdx.x & 31) == lane) out[i] = in[i];
}

__global__ void copy_upper_half_warp(const float4* in, float4* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (threadIdx.x & 16) out[i] = in[i];
}

template <typename T>
__global__ void load_same_address(const T* in, T* out) {
    out[blockIdx.x * blockDim.x + threadIdx.x] = in[blockIdx.x * 3 + 1];
}

template <typename T>
__global__ void load_in_groups(const T* in, T* out, int lanes) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = in[i / lanes];
}

struct Point { float x, y, z; };
struct Quad { float x, y, z, w; };

__global__ void aos_x(const Point* points, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = points[i].x;
}

__global__ void aos_norm(const Point* points, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    Point p = points[i];
    out[i] = p.x * p.x + p.y * p.y + p.z * p.z;
}

__global__ void aos_scale(Quad* quads, float factor) {
    Quad& q = quads[blockIdx.x * blockDim.x + threadIdx.x];
    q.x *= factor;
    q.w *= factor;
}

__global__ void aos_to_soa(const Point* points, float* x, float* y, float* z) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    x[i] = points[i].x;
    y[i] = points[i].y;
    z[i] = points[i].z;
}

__global__ void soa_norm(const float* x, const float* y, const float* z, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = x[i] * x[i] + y[i] * y[i] + z[i] * z[i];
}

__global__ void halves_to_floats(const __half* in, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = __half2float(in[i]);
}

__global__ void four_copies_unrolled(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x * 4 + threadIdx.x;
#pragma unroll
    for (int k = 0; k < 4; ++k)
        if (i + k * blockDim.x < n) out[i + k * blockDim.x] = in[i + k * blockDim.x];
}
