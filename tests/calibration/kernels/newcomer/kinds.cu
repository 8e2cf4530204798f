// Constant, local and module memory; cache hints; C++ as people write it.
#define I (blockIdx.x * blockDim.x + threadIdx.x)
#define T threadIdx.x

__constant__ float taps[7] = {0.1f, 0.2f, 0.3f, 0.5f, 0.3f, 0.2f, 0.1f};
__global__ void taps_by_index(const float* in, float* out, int n) {
    float sum = 0;
    for (int k = 0; k < 7; ++k)
        if (I + k < n) sum += taps[k] * in[I + k];
    if (I < n) out[I] = sum + taps[T % 7];
}

__device__ int seen[4] = {1, 2, 3, 4};
__global__ void module_memory(const int* in, int* out) { out[I] = in[I] + seen[in[I] & 3]; }

__global__ void local_by_data(const int* in, int* out) {
    int a[16];
    for (int k = 0; k < 16; ++k) a[k] = in[(I + k * 5) % 256];
    int at = 0, sum = 0;
    for (int k = 0; k < 9; ++k) {
        at = a[at] & 15;
        a[at] += k;
        sum += a[at];
    }
    out[I] = sum;
}

__global__ void local_bytes(const unsigned char* in, unsigned* out) {
    unsigned char a[24];
    for (int k = 0; k < 24; ++k) a[k] = in[(I * 3 + k) % 300];
    unsigned h = 7;
    for (int k = 0; k < 24; ++k) h = h * 31 + a[a[k] % 24];
    out[I] = h;
}

__global__ void hints(const float4* __restrict__ in, float4* out) {
    float4 a = __ldcs(in + I), b = __ldg(in + (I ^ 1)), c = __ldcg(in + (I & ~3));
    __stcs(out + I, make_float4(a.x + b.x, a.y * b.y, a.z - c.z, c.w));
}

__global__ void carved(const double* in, const short* at, double* out, int n) {
    extern __shared__ unsigned char room[];
    double* values = (double*)room;
    short* index = (short*)(values + n);
    values[T] = in[T], index[T] = at[T];
    __syncthreads();
    out[T] = values[index[T]] + index[n - 1 - T];
}

__global__ void copied_by_memcpy(const unsigned char* in, unsigned* out) {
    unsigned v;
    memcpy(&v, in + 4 * I, 4);
    unsigned char c[4];
    memcpy(c, &v, 4);
    out[I] = v + c[2];
}

struct View {
    const float* data;
    int stride;
    __device__ float operator()(int r, int c) const { return data[r * stride + c]; }
};
__global__ void through_a_view(View a, float* out, int n) {
    auto weight = [&](int r, int c) { return a(r, c) * (r == c ? 2.0f : 0.5f); };
    int r = blockIdx.y * blockDim.y + threadIdx.y, c = blockIdx.x * blockDim.x + threadIdx.x;
    if (r < n && c < n) out[r * n + c] = weight(r, c) - weight(c, r);
}

template <typename F> __device__ float integrate(F f, float from, float to, int steps) {
    float h = (to - from) / steps, sum = 0;
    for (int k = 0; k < steps; ++k) sum += f(from + (k + 0.5f) * h);
    return sum * h;
}
__global__ void integrals(float* out) {
    out[I] = integrate([](float x) { return x * x + 1; }, 0.0f, 0.25f * I, 8);
}

__global__ void __launch_bounds__(96) three_axes(const short* in, short* out, int nx, int ny, int nz) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    int z = blockIdx.z * blockDim.z + threadIdx.z;
    if (x < nx && y < ny && z < nz) out[(x * ny + y) * nz + z] = in[(z * ny + y) * nx + x];
}

__global__ void prefetch_next(const int4* in, int* out, int n) {
    int4 now = in[I];
    int sum = 0;
    for (int k = 0; k < n; ++k) {
        int4 next = k + 1 < n ? in[(k + 1) * gridDim.x * blockDim.x + I] : now;
        sum += now.x ^ now.y ^ now.z ^ now.w;
        now = next;
    }
    out[I] = sum;
}

__global__ void bytes_in_fours(const uchar4* in, uchar4* out, int n) {
    int i = I;
    if (i >= n) return;
    uchar4 v = in[i];
    out[i] = make_uchar4(v.w, v.x, (v.y + v.z) / 2, 255 - v.z);
}

__global__ void unaligned_floats(const float* in, float* out, int shift, int n) {
    int i = I;
    if (i + shift < n) out[i] = in[i + shift] + in[n - 1 - i];
}
