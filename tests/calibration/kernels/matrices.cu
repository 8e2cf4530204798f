// A warp's 8x8 matrices to and from shared memory, row addresses given.
template <int N, bool T> __device__ void load_from(unsigned (&r)[4], unsigned a) {
    if constexpr (N == 1 && !T)
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(a) : "memory");
    if constexpr (N == 1 && T)
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(a) : "memory");
    if constexpr (N == 2 && !T)
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(a) : "memory");
    if constexpr (N == 2 && T)
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(a) : "memory");
    if constexpr (N == 4 && !T)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
    if constexpr (N == 4 && T)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a) : "memory");
}

template <int N, bool T> __device__ void store_to(unsigned a, const unsigned (&r)[4]) {
    if constexpr (N == 1 && !T)
        asm volatile("stmatrix.sync.aligned.m8n8.x1.shared.b16 [%0], {%1};" ::"r"(a), "r"(r[0]) : "memory");
    if constexpr (N == 1 && T)
        asm volatile("stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [%0], {%1};" ::"r"(a), "r"(r[0]) : "memory");
    if constexpr (N == 2 && !T)
        asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};" ::"r"(a), "r"(r[0]), "r"(r[1]) : "memory");
    if constexpr (N == 2 && T)
        asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(a), "r"(r[0]), "r"(r[1]) : "memory");
    if constexpr (N == 4 && !T)
        asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
                     ::"r"(a), "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]) : "memory");
    if constexpr (N == 4 && T)
        asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};"
                     ::"r"(a), "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]) : "memory");
}

template <int N, bool T> __global__ void load(const unsigned* in, const int* row, unsigned* out) {
    __shared__ __align__(128) unsigned s[512];
    for (int k = 0; k < 16; ++k) s[k * 32 + threadIdx.x] = in[blockIdx.x * 512 + k * 32 + threadIdx.x];
    __syncthreads();
    unsigned r[4] = {0, 0, 0, 0};
    load_from<N, T>(r, (unsigned)__cvta_generic_to_shared(s + 4 * row[threadIdx.x]));
    for (int k = 0; k < 4; ++k) out[blockIdx.x * 128 + k * 32 + threadIdx.x] = r[k];
}

template <int N, bool T> __global__ void store(const unsigned* in, const int* row, unsigned* out) {
    __shared__ __align__(128) unsigned s[512];
    in += blockIdx.x * 512, out += blockIdx.x * 512;
    for (int k = 0; k < 16; ++k) s[k * 32 + threadIdx.x] = in[k * 32 + threadIdx.x];
    unsigned r[4];
    for (int k = 0; k < 4; ++k) r[k] = in[k * 32 + threadIdx.x] ^ 0xffff;
    __syncthreads();
    store_to<N, T>((unsigned)__cvta_generic_to_shared(s + 4 * row[threadIdx.x]), r);
    __syncthreads();
    for (int k = 0; k < 16; ++k) out[k * 32 + threadIdx.x] = s[k * 32 + threadIdx.x];
}
