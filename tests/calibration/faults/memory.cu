// Accesses outside an array, at a wrong alignment, and of what was never written.
__global__ void read_one_past(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i] + in[i + 1];
}

__global__ void read_before_start(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i - 1];
}

__global__ void write_past_end(const float* in, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = 2.0f * in[0];
}

__global__ void rows_without_guard(const float* in, float* out, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    out[y * width + x] = in[y * width + x];
}

__global__ void quads_past_end(const float4* in, float4* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = in[i];
}

__global__ void atomic_past_end(const int* in, int* bins) { atomicAdd(&bins[in[threadIdx.x]], 1); }

// Past `first`, but inside what the block was given: `second` is hit.
__global__ void shared_into_neighbour(const int* in, int* out, int shift) {
    __shared__ int first[64];
    __shared__ int second[64];
    first[threadIdx.x] = in[threadIdx.x];
    second[threadIdx.x] = 0;
    __syncthreads();
    out[threadIdx.x] = first[threadIdx.x + shift] + second[threadIdx.x];
}

__global__ void shared_past_allocation(const int* in, int* out, int shift) {
    __shared__ int row[64];
    row[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x + shift];
}

extern __shared__ int dynamic[];

__global__ void dynamic_past_allocation(const int* in, int* out) {
    dynamic[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = dynamic[threadIdx.x ^ 1];
}

__global__ void local_past_end(const int* in, int* out) {
    int box[8];
    for (int k = 0; k < 8; ++k) box[k] = in[(threadIdx.x + k) & 31];
    out[threadIdx.x] = box[in[32 + threadIdx.x]];
}

__global__ void float4_off_by_one_float(const float* in, float* out) {
    float4 v = *(const float4*)(in + 1 + 4 * threadIdx.x);
    out[threadIdx.x] = v.x + v.y + v.z + v.w;
}

__global__ void store_float2_odd(const float* in, float* out) {
    *(float2*)(out + 2 * threadIdx.x + 1) = make_float2(in[threadIdx.x], 1.0f);
}

__global__ void shared_misaligned(const float* in, float* out, int shift) {
    __shared__ float row[64];
    row[threadIdx.x] = in[threadIdx.x];
    row[threadIdx.x + 32] = in[threadIdx.x];
    __syncthreads();
    float2 v = *(const float2*)(row + threadIdx.x + shift);
    out[threadIdx.x] = v.x - v.y;
}

__global__ void shared_never_written(int* out, int least) {
    __shared__ int row[64];
    if (threadIdx.x >= least) row[threadIdx.x] = threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = row[63 - threadIdx.x];
}

__global__ void accumulator_never_cleared(const int* in, int* out) {
    __shared__ int bins[16];
    atomicAdd(&bins[in[threadIdx.x] & 15], 1);
    __syncthreads();
    if (threadIdx.x < 16) out[threadIdx.x] = bins[threadIdx.x];
}

// `scratch` was allocated and never written.
__global__ void global_never_written(const int* scratch, int* out) { out[threadIdx.x] = scratch[threadIdx.x] + 1; }

// The first pass writes half of `scratch`, the second reads all of it.
__global__ void global_half_written(int* scratch, int* out) {
    if (threadIdx.x % 2 == 0) scratch[threadIdx.x] = threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = scratch[threadIdx.x ^ 1];
}

// Clean from here on.
__global__ void guarded_tail(const float* in, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = i + 1 < n ? in[i + 1] : 0.0f;
}

__global__ void scratch_written_first(int* scratch, int* out) {
    scratch[threadIdx.x] = threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = scratch[threadIdx.x ^ 1];
}
