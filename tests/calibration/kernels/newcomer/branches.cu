// Threads that part: break, continue, several exits, searches, state machines.
#define I (blockIdx.x * blockDim.x + threadIdx.x)

__global__ void first_above(const int* in, int* out, int width, int limit) {
    const int* row = in + I * width;
    int found = -1;
    for (int k = 0; k < width; ++k)
        if (row[k] > limit) {
            found = k;
            break;
        }
    out[I] = found;
}

__global__ void lower_bound(const int* sorted, const int* keys, int* out, int n) {
    int key = keys[I], low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (sorted[middle] < key) low = middle + 1;
        else high = middle;
    }
    out[I] = low;
}

__global__ void found_early(const int* sorted, const int* keys, int* out, int n) {
    int key = keys[I], low = 0, high = n - 1;
    while (low <= high) {
        int middle = (low + high) >> 1, v = sorted[middle];
        if (v == key) {
            out[I] = middle;
            return;
        }
        if (v < key) low = middle + 1;
        else high = middle - 1;
    }
    out[I] = ~low;
}

__global__ void skip_some(const int* in, int* out, int n) {
    int sum = 0;
    for (int k = 0; k < n; ++k) {
        int v = in[(I * 5 + k * 3) % 512];
        if (v % 3 == 0) continue;
        if (v % 97 == 1) break;
        sum += v;
        if (sum > 9000) sum -= in[k];
    }
    out[I] = sum;
}

__global__ void two_loops_one_exit(const unsigned char* in, int* out, int n) {
    int steps = 0, hit = 0;
    for (int a = 0; a < n && !hit; ++a)
        for (int b = a + 1; b < n; ++b) {
            ++steps;
            if (in[(I + a) & 255] + in[(I + b) & 255] == 255) {
                hit = a * n + b;
                break;
            }
        }
    out[I] = hit * 1024 + steps;
}

__global__ void words_in_text(const char* text, int* out, int length) {
    const char* line = text + I * length;
    int state = 0, words = 0;
    for (int k = 0; k < length; ++k) {
        char c = line[k] & 15;
        switch (state) {
            case 0:
                if (c > 4) state = 1, ++words;
                break;
            case 1:
                if (c <= 4) state = 0;
                else if (c == 9) state = 2;
                break;
            default:
                if (c == 3) state = 0;
        }
    }
    out[I] = words * 4 + state;
}

__global__ void greatest_divisor(const int* a, const int* b, int* out) {
    int x = a[I] + 1, y = b[I] + 1;
    while (y) {
        int rest = x % y;
        x = y;
        y = rest;
    }
    out[I] = x;
}

__global__ void integer_root(const unsigned* in, unsigned* out) {
    unsigned v = in[I], root = 0, bit = 1u << 30;
    while (bit > v) bit >>= 2;
    while (bit) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else root >>= 1;
        bit >>= 2;
    }
    out[I] = root;
}

__global__ void sort_eight(const int* in, int* out) {
    int a[8];
    for (int k = 0; k < 8; ++k) a[k] = in[I * 8 + k];
    for (int k = 1; k < 8; ++k) {
        int v = a[k], j = k - 1;
        while (j >= 0 && a[j] > v) {
            a[j + 1] = a[j];
            --j;
        }
        a[j + 1] = v;
    }
    for (int k = 0; k < 8; ++k) out[I * 8 + k] = a[k];
}

__global__ void down_the_tree(const int* key, const int* left, const int* right, const int* want, int* depth) {
    int node = 0, d = 0, w = want[I];
    do {
        if (key[node] == w) break;
        node = w < key[node] ? left[node] : right[node];
        ++d;
    } while (node >= 0);
    depth[I] = node >= 0 ? d : -d;
}

__device__ int classify(int v, const int* table) {
    if (v < 100) return table[v & 7];
    if (v < 300) return v & 1 ? table[3] : -1;
    for (int k = 0; k < 4; ++k)
        if (v % (k + 3) == 0) return table[k] + k;
    return 77;
}
__global__ void several_returns(const int* in, const int* table, int* out) { out[I] = classify(in[I], table); }

__global__ void short_circuit(const int* a, const int* b, const int* c, int* out, int n) {
    int i = I;
    if (i < n && a[i] > 300 && (b[i] > 500 || c[i] > 700)) out[i] = a[i] + b[i] + c[i];
}

__global__ void probes(const int* keys, int* table, int* moves, int size) {
    int key = keys[I] + 1, at = key * 31 % size, n = 0;
    for (;;) {
        int old = atomicCAS(&table[at], 0, key);
        if (old == 0 || old == key) break;
        at = (at + 1) % size;
        ++n;
    }
    atomicAdd(moves, n > 0 ? 1 : 0);
}

__global__ void mountains(const float* heights, float* out, int n) {
    float h = heights[I], best = 0;
    int i = I;
    for (int k = i + 1; k < n; ++k) {
        float g = heights[k];
        if (g > 0.9f) break;
        if (g < h) continue;
        best = fmaxf(best, g - h);
    }
    out[i] = best;
}

__global__ void lanes_in_turn(int* out) {
    int v = 0;
    for (int k = 0; k < 32; ++k)
        if (threadIdx.x % 32 == k) {
            v = k * k + out[I];
            out[I] = v + 1;
        }
}

__global__ void deep(const unsigned* in, unsigned* out) {
    unsigned v = in[I], r = 1;
    if (v & 1) {
        if (v & 2) {
            if (v & 4) r = in[v & 63];
            else r = 3;
        } else if (v & 8) r = in[v >> 26];
    } else {
        while (v > 15) {
            v >>= 3;
            if (v & 1) r += in[v & 127];
            else r ^= 5;
        }
    }
    out[I] = r;
}

template <typename V> __device__ V power(V base, int e) { return e == 0 ? V(1) : e % 2 ? base * power(base * base, e / 2) : power(base * base, e / 2); }
template <int E> __device__ int constant_power(int v) {
    if constexpr (E == 0) return 1;
    else return v * constant_power<E - 1>(v);
}
__global__ void powers(const int* in, int* out) { out[I] = constant_power<5>(in[I]) - constant_power<2>(in[I]); }
