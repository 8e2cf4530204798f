"""C = A B in float32 on CUDA cores: 128 x 128 of C a block, 8 x 8 a thread, the next tiles on their way meanwhile.

A: M x K, B: K x N, C: M x N, row-major. Any M; K and N multiples of 4 (16-byte loads).
"""

SGEMM = r"""
#define BM 128
#define BN 128
#define BK 8
// 256 threads. A warp makes 64 x 32 of C, a lane 8 x 8 of these: rows from 4 i and 32 + 4 i, columns from 4 j and
// 16 + 4 j, so that neighbouring lanes read neighbouring float4 of shared memory. A lies turned in it: a lane wants 4
// rows of one k.
__device__ __forceinline__ float4 four(const float* x, int r, int c, int rows, int cols) {
    if (r >= rows || c >= cols) return make_float4(0, 0, 0, 0);
    return *reinterpret_cast<const float4*>(x + (long long)r * cols + c);
}

extern "C" __global__ void __launch_bounds__(256, 2)
sgemm(const float* __restrict__ A, const float* __restrict__ B, float* __restrict__ C, int M, int N, int K, int group) {
    __shared__ __align__(16) float a[2][BK][BM + 4], b[2][BK][BN];
    int across = (N + BN - 1) / BN, down = (M + BM - 1) / BM;
    int first = blockIdx.x / (across * group) * group, high = min(group, down - first);
    int inside = blockIdx.x % (across * group), top = (first + inside % high) * BM, left = inside / high * BN;
    int t = threadIdx.x, lane = t % 32, warp = t / 32;
    int row = warp / 4 * 64 + lane / 4 * 4, col = warp % 4 * 32 + lane % 4 * 4;  // of the lane's first 4 x 4
    int ra = t / (BK / 4), ca = t % (BK / 4) * 4, rb = t / 32, cb = t % 32 * 4;  // what the thread loads
    float sum[8][8] = {};
    float4 fa[BK / 8], fb[BK / 8];

    auto fetch = [&](int k) {
        for (int i = 0; i < BK / 8; i++) {
            fa[i] = four(A, top + ra + 1024 / BK * i, k + ca, M, K);
            fb[i] = four(B, k + rb + 8 * i, left + cb, K, N);
        }
    };
    auto keep = [&](int s) {
        for (int i = 0; i < BK / 8; i++) {
            a[s][ca + 0][ra + 1024 / BK * i] = fa[i].x;
            a[s][ca + 1][ra + 1024 / BK * i] = fa[i].y;
            a[s][ca + 2][ra + 1024 / BK * i] = fa[i].z;
            a[s][ca + 3][ra + 1024 / BK * i] = fa[i].w;
            *reinterpret_cast<float4*>(&b[s][rb + 8 * i][cb]) = fb[i];
        }
    };
    fetch(0);
    keep(0);
    __syncthreads();
    for (int k = 0, s = 0; k < K; k += BK, s ^= 1) {
        if (k + BK < K) fetch(k + BK);
#pragma unroll
        for (int i = 0; i < BK; i++) {
            float x[8], y[8];
            *reinterpret_cast<float4*>(x) = *reinterpret_cast<float4*>(&a[s][i][row]);
            *reinterpret_cast<float4*>(x + 4) = *reinterpret_cast<float4*>(&a[s][i][row + 32]);
            *reinterpret_cast<float4*>(y) = *reinterpret_cast<float4*>(&b[s][i][col]);
            *reinterpret_cast<float4*>(y + 4) = *reinterpret_cast<float4*>(&b[s][i][col + 16]);
#pragma unroll
            for (int m = 0; m < 8; m++)
#pragma unroll
                for (int n = 0; n < 8; n++) sum[m][n] += x[m] * y[n];
        }
        if (k + BK < K) keep(s ^ 1);
        __syncthreads();
    }
#pragma unroll
    for (int m = 0; m < 8; m++)
#pragma unroll
        for (int n = 0; n < 8; n += 4) {
            int r = top + row + m % 4 + m / 4 * 32, c = left + col + n / 4 * 16;
            if (r < M && c < N)
                *reinterpret_cast<float4*>(C + (long long)r * N + c) =
                    make_float4(sum[m][n], sum[m][n + 1], sum[m][n + 2], sum[m][n + 3]);
        }
}"""


def blocks(M: int, N: int) -> int:
    return -(-M // 128) * -(-N // 128)
