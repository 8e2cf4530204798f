// Loads and stores through an index: a negative index leaves the lane out.
template <typename T>
__global__ void gather(const T* in, const int* index, T* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int k = index[i];
    if (k >= 0) out[i] = in[k];
}

template <typename T>
__global__ void scatter(const T* in, const int* index, T* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int k = index[i];
    if (k >= 0) out[k] = in[i];
}

// Several lanes store one value to one address.
__global__ void scatter_equal(const int* index, int* out) {
    int k = index[blockIdx.x * blockDim.x + threadIdx.x];
    out[k] = k * 7 + 1;
}

__global__ void gather_twice(const int* first, const int* second, const float* in, float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = in[second[first[i]]];
}

__global__ void lower_bound(const int* sorted, int n, const int* keys, int* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int key = keys[i], low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (sorted[middle] < key) low = middle + 1;
        else high = middle;
    }
    out[i] = low;
}
