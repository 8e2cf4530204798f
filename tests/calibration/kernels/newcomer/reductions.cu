// Reductions of many things, by segments, by columns, by pairs.
#define T threadIdx.x
#define FULL 0xffffffffu

__global__ void a_warp_a_segment(const int* start, const float* in, float* out, int segments) {
    int s = (blockIdx.x * blockDim.x + T) / 32, lane = T % 32;
    if (s >= segments) return;
    float sum = 0;
    for (int k = start[s] + lane; k < start[s + 1]; k += 32) sum += in[k];
    for (int d = 16; d > 0; d /= 2) sum += __shfl_down_sync(FULL, sum, d);
    if (lane == 0) out[s] = sum;
}

__global__ void a_thread_a_segment(const int* start, const int* in, int* out, int segments) {
    int s = blockIdx.x * blockDim.x + T;
    if (s >= segments) return;
    int sum = 0;
    for (int k = start[s]; k < start[s + 1]; ++k) sum += in[k];
    out[s] = sum;
}

__global__ void place_of_maximum(const float* in, int* out, int columns) {
    const float* row = in + blockIdx.x * columns;
    float best = -1e30f;
    int at = 0;
    for (int c = T; c < columns; c += 32)
        if (row[c] > best) best = row[c], at = c;
    for (int d = 16; d; d >>= 1) {
        float other = __shfl_xor_sync(FULL, best, d);
        int where = __shfl_xor_sync(FULL, at, d);
        if (other > best || (other == best && where < at)) best = other, at = where;
    }
    if (T == 0) out[blockIdx.x] = at;
}

__global__ void range_of_shorts(const short* in, int2* out, int n) {
    __shared__ int low[4], high[4];
    int a = 32767, b = -32768;
    for (int i = T; i < n; i += 128) a = min(a, (int)in[i]), b = max(b, (int)in[i]);
    a = __reduce_min_sync(FULL, a), b = __reduce_max_sync(FULL, b);
    if (T % 32 == 0) low[T / 32] = a, high[T / 32] = b;
    __syncthreads();
    if (T == 0) {
        for (int w = 1; w < 4; ++w) a = min(a, low[w]), b = max(b, high[w]);
        *out = make_int2(a, b);
    }
}

__global__ void sum_of_doubles(const double* in, double* out, int n) {
    double s = 0;
    for (int i = blockIdx.x * blockDim.x + T; i < n; i += gridDim.x * blockDim.x) s += in[i];
    for (int d = 16; d; d /= 2) s += __shfl_down_sync(FULL, s, d);
    if (T % 32 == 0) out[blockIdx.x * (blockDim.x / 32) + T / 32] = s;
}

__global__ void column_sums(const float* in, float* out, int rows, int columns) {
    int c = blockIdx.x * 32 + threadIdx.x;
    __shared__ float s[8][33];
    float v = 0;
    if (c < columns)
        for (int r = threadIdx.y; r < rows; r += 8) v += in[r * columns + c];
    s[threadIdx.y][threadIdx.x] = v;
    __syncthreads();
    if (threadIdx.y == 0 && c < columns) {
        for (int k = 1; k < 8; ++k) v += s[k][threadIdx.x];
        out[c] = v;
    }
}

__global__ void distance_of_bytes(const unsigned* a, const unsigned* b, unsigned* out, int n) {
    unsigned sum = 0;
    for (int i = T; i < n; i += 64) sum += __vsadu4(a[i], b[i]);
    sum = __reduce_add_sync(FULL, sum);
    if (T % 32 == 0) atomicAdd(out, sum);
}

__global__ void every_redux(const int* in, int* out) {
    int v = in[T];
    int r[6] = {__reduce_add_sync(FULL, v), __reduce_min_sync(FULL, v), __reduce_max_sync(FULL, v),
                (int)__reduce_and_sync(FULL, (unsigned)v), (int)__reduce_or_sync(FULL, (unsigned)v),
                (int)__reduce_xor_sync(FULL, (unsigned)v)};
    if (T % 32 < 6) out[T / 32 * 6 + T % 32] = r[T % 32];
}

__global__ void redux_of_parts(const unsigned* in, unsigned* out) {
    unsigned v = in[T], mask = T & 1 ? 0xaaaaaaaau : 0x55555555u;
    if (T & 1) v = __reduce_max_sync(mask, v);
    else v = __reduce_add_sync(mask, v);
    out[T] = v;
}

__global__ void any_and_all(const int* in, int* out) {
    int v = in[blockIdx.x * blockDim.x + T];
    int a = __syncthreads_or(v > 990), b = __syncthreads_and(v >= 0), c = __syncthreads_count(v % 3 == 0);
    if (T == 0) out[blockIdx.x] = (a != 0) + 2 * (b != 0) + 4 * c;
}

template <int BLOCK, int ITEMS> __global__ void unrolled(const int4* in, int* out) {
    __shared__ int s[BLOCK];
    int sum = 0;
#pragma unroll
    for (int k = 0; k < ITEMS; ++k) {
        int4 v = in[(blockIdx.x * ITEMS + k) * BLOCK + T];
        sum += v.x + v.y + v.z + v.w;
    }
    s[T] = sum;
    __syncthreads();
#pragma unroll
    for (int d = BLOCK / 2; d >= 32; d /= 2) {
        if (T < d) s[T] += s[T + d];
        __syncthreads();
    }
    if (T < 32) {
        sum = s[T];
        for (int d = 16; d; d /= 2) sum += __shfl_xor_sync(FULL, sum, d);
        if (T == 0) out[blockIdx.x] = sum;
    }
}

__global__ void histogram_by_match(const unsigned char* in, unsigned* bins) {
    __shared__ unsigned s[32];
    if (T < 32) s[T] = 0;
    __syncthreads();
    unsigned key = in[blockIdx.x * blockDim.x + T] % 32, same = __match_any_sync(FULL, key);
    if ((same & ((1u << T % 32) - 1)) == 0) atomicAdd(&s[key], __popc(same));
    __syncthreads();
    if (T < 32 && s[T]) atomicAdd(&bins[T], s[T]);
}

__global__ void mean_and_variance(const float* in, float2* out, int n) {
    __shared__ float s[2][64];
    float a = 0, b = 0;
    for (int i = T; i < n; i += 64) a += in[i], b = fmaf(in[i], in[i], b);
    s[0][T] = a, s[1][T] = b;
    for (int d = 32; d; d /= 2) {
        __syncthreads();
        if (T < d) s[0][T] += s[0][T + d], s[1][T] += s[1][T + d];
    }
    if (T == 0) *out = make_float2(s[0][0] * 0.0078125f, s[1][0] * 0.0078125f);
}
