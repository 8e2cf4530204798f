// Shared memory in odd types and strides.
#define T threadIdx.x

template <typename V, int STRIDE> __global__ void stride_of(const V* in, V* out) {
    __shared__ V s[128 * STRIDE];
    for (int k = 0; k < STRIDE; ++k) s[T + 128 * k] = in[T + 128 * k];
    __syncthreads();
    out[T] = s[T * STRIDE];
}

template <typename V> __global__ void permuted(const V* in, const int* from, const int* to, V* out) {
    __shared__ V s[256];
    s[to[T]] = in[T];
    __syncthreads();
    out[T] = s[from[T]];
}

struct Twenty { int v[5]; };
__global__ void structs_of_twenty(const Twenty* in, int* out) {
    __shared__ Twenty s[128];
    s[T] = in[T];
    __syncthreads();
    Twenty t = s[127 - T];
    out[T] = t.v[0] + t.v[1] * t.v[2] - t.v[3] + t.v[4];
}

__global__ void triples(const float3* in, float3* out) {
    __shared__ float3 s[128];
    s[T] = in[T];
    __syncthreads();
    float3 a = s[T], b = s[(T + 1) % 128];
    out[T] = make_float3(a.x - b.x, a.y - b.y, a.z - b.z);
}

__global__ void tile_of_17(const unsigned short* in, unsigned short* out) {
    __shared__ unsigned short s[17][17];
    if (threadIdx.x < 17 && threadIdx.y < 17) s[threadIdx.y][threadIdx.x] = in[threadIdx.y * 17 + threadIdx.x];
    __syncthreads();
    if (threadIdx.x < 17 && threadIdx.y < 17) out[threadIdx.y * 17 + threadIdx.x] = s[threadIdx.x][threadIdx.y];
}

__global__ void columns_of_doubles(const double* in, double* out) {
    __shared__ double s[16][16];
    s[threadIdx.y][threadIdx.x] = in[threadIdx.y * 16 + threadIdx.x];
    __syncthreads();
    out[threadIdx.y * 16 + threadIdx.x] = s[threadIdx.x][threadIdx.y];
}

__global__ void padded_doubles(const double* in, double* out) {
    __shared__ double s[16][17];
    s[threadIdx.y][threadIdx.x] = in[threadIdx.y * 16 + threadIdx.x];
    __syncthreads();
    out[threadIdx.y * 16 + threadIdx.x] = s[threadIdx.x][threadIdx.y];
}

__global__ void swizzled_quads(const float4* in, float4* out) {
    __shared__ float4 s[8][8];
    int r = T / 8, c = T % 8;
    s[r][c ^ r] = in[T];
    __syncthreads();
    out[T] = s[c][r ^ c];
}

__global__ void bytes_as_words(const unsigned char* in, unsigned* out) {
    __shared__ __align__(4) unsigned char s[512];
    for (int k = 0; k < 4; ++k) s[k * 128 + T] = in[k * 128 + T];
    __syncthreads();
    out[T] = *(unsigned*)(s + 4 * (T * 5 % 128));
}

__global__ void words_as_bytes(const unsigned* in, unsigned char* out) {
    __shared__ unsigned s[64];
    if (T < 64) s[T] = in[T];
    __syncthreads();
    const unsigned char* bytes = (const unsigned char*)s;
    out[T] = bytes[T * 2] ^ bytes[255 - T];
}

__global__ void three_lanes_a_word(const int* in, int* out) {
    __shared__ int s[64];
    if (T < 64) s[T] = in[T];
    __syncthreads();
    out[T] = s[T / 3] + s[T % 7] * s[63 - T / 5];
}

__global__ void private_counts(const unsigned char* in, unsigned* out, int n) {
    __shared__ unsigned char count[64][16];  // a row a thread
    for (int b = 0; b < 16; ++b) count[T][b] = 0;
    for (int i = T; i < n; i += 64) count[T][in[i] & 15]++;
    __syncthreads();
    if (T < 16) {
        unsigned sum = 0;
        for (int t = 0; t < 64; ++t) sum += count[t][T];
        out[T] = sum;
    }
}

__global__ void two_arrays(const float* a, const float* b, float* out, int n) {
    __shared__ float s[96], t[96];
    s[T] = a[T], t[T] = b[T];
    __syncthreads();
    float sum = 0;
    for (int k = 0; k < n; ++k) sum += s[(T + k) % 96] * t[k];
    out[T] = sum;
}

__global__ void pairs_of_quads(const float4* in, float4* out) {
    __shared__ float4 s[128];
    s[T] = in[T];
    __syncthreads();
    float4 a = s[T / 2], b = s[T / 4 * 4], c = s[T ^ 3];
    out[T] = make_float4(a.x + b.x, a.y * b.y, b.z - c.z, a.w + c.w);
}

__global__ void some_lanes(const double2* in, double* out) {
    __shared__ double2 s[64];
    if (T % 3 != 1) s[T] = in[T];
    __syncthreads();
    if (T % 3 == 0) out[T] = s[T].x + s[T + (T < 63 ? 2 : 0)].y;
}

__global__ void three_dimensional(const int* in, int* out) {
    __shared__ int s[4][5][6];
    int x = threadIdx.x, y = threadIdx.y, z = threadIdx.z;
    s[z][y][x] = in[(z * 5 + y) * 6 + x];
    __syncthreads();
    out[(z * 5 + y) * 6 + x] = s[3 - z][4 - y][5 - x] + s[z][(y + 1) % 5][(x + 2) % 6];
}

__global__ void add_in_shared(const int* key, const int* value, int* out) {
    __shared__ int s[37];
    if (T < 37) s[T] = 0;
    __syncthreads();
    atomicAdd(&s[key[T]], value[T]);
    atomicMax(&s[36 - key[T] / 8], 5);
    __syncthreads();
    if (T < 37) out[T] = s[T];
}

__global__ void long_atomics(const int* key, unsigned long long* out) {
    __shared__ unsigned long long s[32];
    if (T < 32) s[T] = T;
    __syncthreads();
    atomicAdd(&s[key[T] % 32], 1ull << (key[T] % 60));
    __syncthreads();
    if (T < 32) out[T] = s[T];
}

__global__ void halo_of_bytes(const unsigned char* in, unsigned char* out, int n) {
    __shared__ unsigned char s[130];
    int i = blockIdx.x * 128 + T;
    s[T + 1] = i < n ? in[i] : 0;
    if (T == 0) s[0] = i > 0 ? in[i - 1] : 0;
    if (T == 127) s[129] = i + 1 < n ? in[i + 1] : 0;
    __syncthreads();
    if (i < n) out[i] = (s[T] + 2 * s[T + 1] + s[T + 2]) / 4;
}
