// printf: what a kernel tells.
__global__ void prints_kinds(const float* x, const int* n) {
    if (threadIdx.x == 0) {
        printf("%d %u %x %c|%5d|%-5d|%05d\n", n[0], n[1], n[2], 'a' + blockIdx.x, n[3], n[4], n[5]);
        printf("%f %.3f %e %g %8.2f%%\n", x[0], x[1], x[2], x[3], x[4]);
        printf("%s and %lld, %llu, %p\n", "text", (long long)n[0] << 33, 1ull << 40, (void*)0x1234);
    }
}
__global__ void prints_by_lane(const int* n) {
    if (n[threadIdx.x] > 800) printf("lane %d of block (%d,%d): %d\n", threadIdx.x, blockIdx.x, blockIdx.y, n[threadIdx.x]);
}
