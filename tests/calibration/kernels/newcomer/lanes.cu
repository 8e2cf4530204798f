// What the lanes of a warp do together.
#define T threadIdx.x
#define FULL 0xffffffffu

__global__ void transpose_in_registers(const int* in, int* out) {  // 8 x 8 in a quarter of a warp's registers
    int v[8], lane = T % 8, base = T / 8 * 64;
    for (int k = 0; k < 8; ++k) v[k] = in[base + k * 8 + lane];
#pragma unroll
    for (int d = 4; d; d /= 2) {
#pragma unroll
        for (int k = 0; k < 8; ++k)
            if (!(k & d)) {
                bool up = lane & d;
                int send = up ? v[k] : v[k | d], got = __shfl_xor_sync(FULL, send, d);
                if (up) v[k] = got;
                else v[k | d] = got;
            }
    }
    for (int k = 0; k < 8; ++k) out[base + k * 8 + lane] = v[k];
}

__global__ void sort_a_warp(const unsigned* in, unsigned* out) {
    unsigned v = in[T], lane = T % 32;
    for (int k = 2; k <= 32; k *= 2)
        for (int j = k / 2; j; j /= 2) {
            unsigned o = __shfl_xor_sync(FULL, v, j);
            bool up = (lane & k) == 0, low = (lane & j) == 0;
            v = low == up ? min(v, o) : max(v, o);
        }
    out[T] = v;
}

__global__ void one_adds_for_all(const int* in, int* count) {
    if (in[T] % 3 == 0) {
        unsigned active = __activemask();
        if (T % 32 == __ffs(active) - 1) atomicAdd(count, __popc(active));
    }
}

__global__ void narrow_shuffles(const int* in, int* out) {
    int v = in[T];
    v += __shfl_down_sync(FULL, v, 2, 8);
    v ^= __shfl_up_sync(FULL, v, 3, 16);
    v -= __shfl_sync(FULL, v, 5, 4);
    out[T] = v + __shfl_xor_sync(FULL, v, 1, 2);
}

__global__ void wide_shuffles(const long long* in, double* out) {
    long long v = in[T];
    v -= __shfl_down_sync(FULL, v, 9);
    out[T] = __shfl_xor_sync(FULL, (double)v, 12);
}

__global__ void leaders(const int* key, int* out) {
    unsigned same = __match_any_sync(FULL, key[T]);
    int leader = 31 - __clz(same), rank = __popc(same & ((1u << T % 32) - 1)), base = 0;
    if (T % 32 == leader) base = atomicAdd(&out[key[T]], __popc(same));
    base = __shfl_sync(FULL, base, leader);
    out[32 + T] = rank + 0 * base;
}

__global__ void all_match(const long long* in, unsigned* out) {
    int yes;
    unsigned m = __match_all_sync(FULL, in[T] / 1000, &yes);
    out[T] = m + yes + __match_any_sync(FULL, in[T] % 4);
}

__global__ void until_all_done(const int* in, int* out) {
    int v = in[T], n = 0;
    while (__any_sync(FULL, v > 1)) {
        if (v > 1) v = v % 2 ? v - 1 : v / 2;
        ++n;
    }
    out[T] = n;
}

__global__ void bit_tricks(const unsigned* in, unsigned* out) {
    unsigned a = in[T], b = in[T ^ 1];
    out[T] = __funnelshift_l(a, b, T) ^ __byte_perm(a, b, 0x3175) ^ __brev(a) + __ffs(b) * __clz(a) ^ __usad(a, b, 7u) +
             __umulhi(a, b) ^ __funnelshift_rc(a, b, T & 63) ^ __vadd2(a, b) ^ __vmaxs4(a, b);
}

__global__ void odd_and_even(const int* in, int* out) {
    int v = in[T];
    if (T & 1) {
        for (int d = 16; d > 1; d /= 2) v += __shfl_xor_sync(0xaaaaaaaau, v, d);
    } else {
        for (int d = 16; d > 1; d /= 2) v = max(v, __shfl_xor_sync(0x55555555u, v, d));
    }
    __syncwarp();
    out[T] = v + __shfl_xor_sync(FULL, v, 1);
}

__global__ void through_shared(const int* in, int* out) {
    __shared__ volatile int s[64];
    s[T] = in[T];
    __syncwarp();
    int v = s[T ^ 7];
    __syncwarp();
    s[T] = v * 3;
    __syncwarp();
    out[T] = s[T / 32 * 32 + (T + 1) % 32];
}

__global__ void polynomial(const float* in, float* out) {
    float x = in[T], y = 0;
    float c = (T % 32) < 7 ? in[T % 32] : 0;
    for (int k = 6; k >= 0; --k) y = fmaf(y, x, __shfl_sync(FULL, c, k));
    out[T] = y;
}

__global__ void broadcast_row(const short* in, short* out, int width) {
    int lane = T % 32;
    short mine = in[T];
    int sum = 0;
    for (int k = 0; k < width; ++k) sum += __shfl_sync(FULL, (int)mine, (lane + k * k) % 32) * (k - 2);
    out[T] = (short)sum;
}

__global__ void moves_of_matrices(const unsigned* in, unsigned* out) {
    unsigned v = in[T], w;
    asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(w) : "r"(v));
    out[T] = w;
}
