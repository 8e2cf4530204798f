// Each output from a neighbourhood of inputs.
#define RADIUS 3

__global__ void stencil_1d_global(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < RADIUS || i >= n - RADIUS) return;
    float sum = 0;
    for (int k = -RADIUS; k <= RADIUS; ++k) sum += in[i + k];
    out[i] = sum;
}

__global__ void stencil_1d_shared(const float* in, float* out, int n) {
    __shared__ float tile[128 + 2 * RADIUS];
    int i = blockIdx.x * 128 + threadIdx.x, t = threadIdx.x + RADIUS;
    tile[t] = in[i];
    if (threadIdx.x < RADIUS) {
        tile[t - RADIUS] = i >= RADIUS ? in[i - RADIUS] : 0.0f;
        tile[t + 128] = i + 128 < n ? in[i + 128] : 0.0f;
    }
    __syncthreads();
    float sum = 0;
    for (int k = -RADIUS; k <= RADIUS; ++k) sum += tile[t + k];
    out[i] = sum;
}

__global__ void heat_global(const float* in, float* out, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x < 1 || y < 1 || x >= width - 1 || y >= height - 1) return;
    int i = y * width + x;
    out[i] = in[i] + 0.2f * (in[i - 1] + in[i + 1] + in[i - width] + in[i + width] - 4.0f * in[i]);
}

__global__ void heat_shared(const float* in, float* out, int width, int height) {
    __shared__ float tile[10][34];
    int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 8 + threadIdx.y;
    for (int r = threadIdx.y; r < 10; r += 8)
        for (int c = threadIdx.x; c < 34; c += 32) {
            int gx = blockIdx.x * 32 + c - 1, gy = blockIdx.y * 8 + r - 1;
            tile[r][c] = gx >= 0 && gy >= 0 && gx < width && gy < height ? in[gy * width + gx] : 0.0f;
        }
    __syncthreads();
    int c = threadIdx.x + 1, r = threadIdx.y + 1;
    float sum = tile[r][c - 1] + tile[r][c + 1] + tile[r - 1][c] + tile[r + 1][c];
    if (x < width && y < height) out[y * width + x] = tile[r][c] + 0.2f * (sum - 4.0f * tile[r][c]);
}

// The game of life on bytes, on a torus.
__global__ void life(const unsigned char* in, unsigned char* out, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y, near = 0;
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
            near += in[(y + dy + height) % height * width + (x + dx + width) % width];
    int alive = in[y * width + x];
    out[y * width + x] = near - alive == 3 || (alive && near - alive == 2);
}

__global__ void convolution_3x3(const float* in, const float* weight, float* out, int width, int height) {
    __shared__ float w[9];
    int t = threadIdx.y * blockDim.x + threadIdx.x;
    if (t < 9) w[t] = weight[t];
    __syncthreads();
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    float sum = 0;
    for (int dy = 0; dy < 3; ++dy)
        for (int dx = 0; dx < 3; ++dx) {
            int sx = x + dx - 1, sy = y + dy - 1;
            if (sx >= 0 && sx < width && sy >= 0 && sy < height) sum += w[dy * 3 + dx] * in[sy * width + sx];
        }
    out[y * width + x] = sum;
}
