// Arrays of structs, structs of arrays, and what lies between.
#define I (blockIdx.x * blockDim.x + threadIdx.x)

struct Body { float x, y, z; int id; short kind, flags; };  // 20 bytes
__global__ void age_bodies(Body* all, int n) {
    int i = I;
    if (i >= n) return;
    Body b = all[i];
    b.x += b.z;
    b.flags = b.flags + 1;
    all[i] = b;
}
__global__ void kinds_of_bodies(const Body* all, int* out, int n) {
    int i = I;
    if (i < n) out[i] = all[i].kind * 3 + all[i].flags;
}

struct Cell { double mass, energy; int count; };  // 24 bytes, padded
__global__ void merge_cells(const Cell* in, Cell* out) {
    Cell a = in[2 * I], b = in[2 * I + 1];
    Cell c;
    c.mass = a.mass + b.mass;
    c.energy = a.energy + b.energy;
    c.count = a.count + b.count;
    out[I] = c;
}

struct Color { unsigned char r, g, b; };
__global__ void gray_pixels(const Color* in, unsigned char* out, int n) {
    int i = I;
    if (i < n) out[i] = (in[i].r * 77 + in[i].g * 150 + in[i].b * 29) >> 8;
}
__global__ void split_pixels(const Color* in, unsigned char* r, unsigned char* g, unsigned char* b) {
    Color c = in[I];
    r[I] = c.r, g[I] = c.g, b[I] = c.b;
}
__global__ void swap_channels(Color* all) {
    Color c = all[I];
    all[I] = Color{c.b, c.g, c.r};
}

struct alignas(16) Wide { float a, b, c, d, e; };  // 32 bytes
__global__ void wide_structs(const Wide* in, Wide* out) {
    Wide w = in[I];
    w.a = w.b * w.c, w.e = w.d - w.a;
    out[I] = w;
}

struct Five { unsigned char v[5]; };
__global__ void five_bytes(const Five* in, unsigned long long* out) {
    Five f = in[I];
    unsigned long long sum = 0;
    for (int k = 0; k < 5; ++k) sum = sum << 8 | f.v[k];
    out[I] = sum;
}

struct Matrix3 { float m[3][3]; };
__global__ void rotate(const Matrix3* all, const float3* in, float3* out) {
    Matrix3 a = all[I];
    float3 v = in[I], w;
    w.x = a.m[0][0] * v.x + a.m[0][1] * v.y + a.m[0][2] * v.z;
    w.y = a.m[1][0] * v.x + a.m[1][1] * v.y + a.m[1][2] * v.z;
    w.z = a.m[2][0] * v.x + a.m[2][1] * v.y + a.m[2][2] * v.z;
    out[I] = w;
}

struct Parameters { float scale, offset; int stride, start; unsigned char mode; };
__global__ void passed_by_value(const float* in, float* out, Parameters p) {
    float v = in[p.start + I * p.stride] * p.scale;
    out[I] = p.mode == 2 ? v + p.offset : v - p.offset;
}

struct Block8 { float x[8], y[8]; };  // arrays of structs of arrays
__global__ void blocked_layout(const Block8* in, float* out) {
    const Block8& b = in[I / 8];
    out[I] = b.x[I % 8] * b.y[I % 8];
}

__global__ void complex_products(const float2* a, const float2* b, float2* out) {
    float2 p = a[I], q = b[I];
    out[I] = make_float2(p.x * q.x - p.y * q.y, p.x * q.y + p.y * q.x);
}

__global__ void quaternions(const float4* a, float4* b) {
    float4 p = a[I], q = b[I];
    b[I] = make_float4(p.w * q.x + p.x * q.w + p.y * q.z - p.z * q.y, p.w * q.y - p.x * q.z + p.y * q.w + p.z * q.x,
                       p.w * q.z + p.x * q.y - p.y * q.x + p.z * q.w, p.w * q.w - p.x * q.x - p.y * q.y - p.z * q.z);
}

union Word { unsigned u; float f; unsigned char c[4]; };
__global__ void through_a_union(const float* in, unsigned* out) {
    Word w;
    w.f = in[I];
    w.c[0] ^= 0x55;
    out[I] = w.u + w.c[3];
}

struct Bits { unsigned low : 5, middle : 11, high : 16; };
__global__ void bit_fields(const Bits* in, Bits* out) {
    Bits b = in[I];
    b.middle += b.low;
    b.high ^= b.middle;
    out[I] = b;
}

__global__ void shorts_by_three(const short3* in, int* out) {
    short3 v = in[I];
    out[I] = v.x * v.y - v.z;
}

__global__ void halves_of_long(const longlong2* in, int4* out) {
    longlong2 v = in[I];
    out[I] = make_int4((int)v.x, (int)(v.x >> 32), (int)v.y, (int)(v.y >> 32));
}
