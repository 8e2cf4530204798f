// Gathers and scatters in odd types: whose addresses only the data knows.
#define I (blockIdx.x * blockDim.x + threadIdx.x)

__global__ void look_up_bytes(const unsigned char* table, const unsigned char* codes, unsigned char* out) {
    out[I] = table[codes[I]];
}

__global__ void look_up_by_short(const double* table, const short* at, double* out) {
    out[I] = table[at[I]] - table[at[I] / 2];
}

__global__ void twice_indirect(const float* x, const int* first, const short* second, float* out, int n) {
    int i = I;
    if (i < n) out[i] = x[first[second[i]]];
}

struct Triple { float x, y, z; };
__global__ void gather_triples(const Triple* points, const int* at, float* out) {
    Triple p = points[at[I]];
    out[I] = p.x * p.y + p.z;
}

__global__ void scatter_shorts(const short* in, const int* to, short* out) { out[to[I]] = in[I] + 1; }

__global__ void rows_of_a_table(const float4* table, const int* tokens, float4* out, int width) {
    int row = blockIdx.y;
    for (int k = threadIdx.x; k < width; k += blockDim.x) out[row * width + k] = table[tokens[row] * width + k];
}

__global__ void bilinear(const unsigned char* image, const float2* where, float* out, int width, int height) {
    float2 p = where[I];
    float x = (p.x * 0.5f + 0.5f) * (width - 2), y = (p.y * 0.5f + 0.5f) * (height - 2);
    int i = (int)x, j = (int)y;
    float a = x - i, b = y - j;
    const unsigned char* q = image + j * width + i;
    out[I] = (q[0] * (1 - a) + q[1] * a) * (1 - b) + (q[width] * (1 - a) + q[width + 1] * a) * b;
}

__global__ void bit_reversed(const double* in, double* out, int bits) {
    unsigned i = I;
    out[__brev(i) >> (32 - bits)] = in[i];
}

__global__ void xor_partner(const long long* in, long long* out, int mask) { out[I] = in[I] - in[I ^ mask]; }

__global__ void every_third(const unsigned short* in, unsigned* out, int n) {
    int i = I;
    if (3 * i + 2 < n) out[i] = in[3 * i] + 7u * in[3 * i + 1] + 49u * in[3 * i + 2];
}

__global__ void columns_of_bytes(const signed char* in, signed char* out, int rows, int columns) {
    int r = I % rows, c = I / rows;
    if (c < columns) out[c * rows + r] = in[r * columns + c];
}

__global__ void diagonals(const float* a, float* out, int n) {
    int i = I, d = blockIdx.y;
    if (i + d < n) out[d * n + i] = a[i * n + i + d];
}

__global__ void add_to_rows(const int* row, const int* value, int* table, int width) {
    int r = row[blockIdx.x];
    if (threadIdx.x < width) atomicAdd(&table[r * width + threadIdx.x], value[blockIdx.x] + threadIdx.x);
}

__global__ void maximum_of_keys(const int* key, const int* value, int* best) { atomicMax(&best[key[I]], value[I]); }

__global__ void count_bytes(const unsigned char* in, unsigned* bins, int n) {
    for (int i = I; i < n; i += gridDim.x * blockDim.x) atomicAdd(bins + in[i], 1u);
}

__global__ void page_table(const float2* pages, const int* table, float2* out, int tokens) {
    int token = blockIdx.x, lane = threadIdx.x;
    if (token >= tokens) return;
    int page = table[token / 16];
    out[token * 32 + lane] = pages[(page * 16 + token % 16) * 32 + lane];
}

__global__ void reversed_words(const uint4* in, uint4* out, int n) {
    int i = I;
    if (i < n) {
        uint4 v = in[n - 1 - i];
        out[i] = make_uint4(v.w, v.z, v.y, v.x);
    }
}

__global__ void compare_and_take(const int* a, const int* b, int* out, int n) {
    int i = I;
    if (i < n) out[i] = a[i] > 500 ? b[(i * 7) % n] : b[i];
}
