"""C = A B in float32 on CUDA cores: 128 x 256 of C a block, 8 x 16 a thread, the next tiles on their way meanwhile.

A: M x K, B: K x N, C: M x N, row-major. Any M; K and N multiples of 4 (16-byte loads).
"""

BM, BN, BK, STAGES = 128, 256, 32, 2
SHARED = 4 * STAGES * (BM * (BK + 4) + BK * BN)  # bytes, asked for at the launch
THREADS = 256

SIZES = "".join(
    f"#define {name} {size}\n" for name, size in zip(("BM", "BN", "BK", "STAGES"), (BM, BN, BK, STAGES), strict=True)
)
SGEMM = (
    SIZES
    + r"""
// A warp makes 64 x 64 of C, a lane 8 x 16 of these: rows 8 apart, groups of 4 columns 16 apart, so that neighbouring
// lanes read neighbouring float4 of B. Of A a lane reads 8 float4 along k, four steps at a time; A's rows in shared
// memory are 4 floats longer than they need be: eight rows, eight different groups of banks.
__device__ __forceinline__ void copy16(float* to, const float* from, bool inside) {  // zeros where not inside
    unsigned at = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(inside ? 16 : 0) : "memory");
}

extern "C" __global__ void __launch_bounds__(256, 1)
sgemm(const float* __restrict__ A, const float* __restrict__ B, float* __restrict__ C, int M, int N, int K, int group) {
    extern __shared__ __align__(16) float memory[];
    auto a = (float (*)[BM][BK + 4])memory;
    auto b = (float (*)[BK][BN])(memory + STAGES * BM * (BK + 4));
    int across = (N + BN - 1) / BN, down = (M + BM - 1) / BM;
    int first = blockIdx.x / (across * group) * group, high = min(group, down - first);
    int inside = blockIdx.x % (across * group), top = (first + inside % high) * BM, left = inside / high * BN;
    int t = threadIdx.x, lane = t % 32, warp = t / 32;
    int row = warp / 4 * 64 + lane / 4, col = warp % 4 * 64 + lane % 4 * 4;
    float sum[8][16] = {};

    auto fetch = [&](int k, int stage) {
#pragma unroll
        for (int i = 0; i < BM * BK / 1024; i++) {
            int r = t / (BK / 4) + 1024 / BK * i, c = t % (BK / 4) * 4;
            bool in = top + r < M && k + c < K;
            copy16(&a[stage][r][c], in ? A + (long long)(top + r) * K + k + c : A, in);
        }
#pragma unroll
        for (int i = 0; i < BK * BN / 1024; i++) {
            int r = t / (BN / 4) + 1024 / BN * i, c = t % (BN / 4) * 4;
            bool in = k + r < K && left + c < N;
            copy16(&b[stage][r][c], in ? B + (long long)(k + r) * N + left + c : B, in);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
    };
    fetch(0, 0);
    for (int k = 0, stage = 0; k < K; k += BK, stage ^= 1) {
        asm volatile("cp.async.wait_group 0;" ::: "memory");
        __syncthreads();  // all have read the other stage, and see this one
        if (k + BK < K) fetch(k + BK, stage ^ 1);
#pragma unroll
        for (int q = 0; q < BK; q += 4) {
            float x[8][4], y[16];
#pragma unroll
            for (int m = 0; m < 8; m++) *(float4*)x[m] = *(float4*)&a[stage][row + 8 * m][q];
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int n = 0; n < 16; n += 4) *(float4*)(y + n) = *(float4*)&b[stage][q + i][col + 4 * n];
#pragma unroll
                for (int m = 0; m < 8; m++)
#pragma unroll
                    for (int n = 0; n < 16; n++) sum[m][n] += x[m][i] * y[n];
            }
        }
    }
#pragma unroll
    for (int m = 0; m < 8; m++)
#pragma unroll
        for (int n = 0; n < 16; n += 4) {
            int r = top + row + 8 * m, c = left + col + 4 * n;
            if (r < M && c < N) *(float4*)(C + (long long)r * N + c) = *(float4*)(sum[m] + n);
        }
}"""
)


def blocks(M: int, N: int) -> int:
    return -(-M // BM) * -(-N // BN)
