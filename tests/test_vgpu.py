"""The emulated GPU's machine: control, memory, warps, faults, refusals. Values and counters: test_calibration.py."""

from __future__ import annotations

import numpy as np
import pytest

from utils.vgpu import LaunchError, NotEmulated, Report, coverage, emulate

FLOATS, OUT = np.arange(100, dtype=np.float32), np.zeros(100, np.float32)


def run(body: str, block: int = 32, grid: int = 1, before: str = "", **options) -> tuple[Report, np.ndarray]:
    """`body` of a kernel with `int t` (its thread), `int* out` (128 zeros) and `const float* x` (100 floats)."""
    out = np.zeros(128, np.int32)
    source = before + "\n__global__ void k(int* out, const float* x) {\nint t = threadIdx.x;\n" + body + "\n}"
    return emulate(source, "k", grid, block, [out, FLOATS], **options), out


def kinds(report: Report) -> set[str]:
    return {fault.kind for fault in report.faults}


# Control


def test_a_switch_and_threads_that_part_and_meet() -> None:
    report, out = run("switch (t % 4) { case 0: out[t] = 10; break; case 1: out[t] = t * t; break;"
                      " case 2: out[t] = -t; break; default: out[t] = 1; }")  # fmt: skip
    want = [10 if t % 4 == 0 else t * t if t % 4 == 1 else -t if t % 4 == 2 else 1 for t in range(32)]
    assert out[:32].tolist() == want and not report.faults


def test_a_loop_of_another_length_in_each_thread() -> None:
    _, out = run(
        "int s = 0; for (int i = 0; i <= t; ++i) { if (i == 20) break; if (i % 3) continue; s += i; } out[t] = s;"
    )
    assert out[:32].tolist() == [sum(i for i in range(min(t, 19) + 1) if i % 3 == 0) for t in range(32)]


def test_functions_that_are_called_and_threads_that_wait_for_those_in_a_call() -> None:
    before = "__device__ __noinline__ int g(int a) { return a * a; }\n"
    before += "__device__ __noinline__ int f(int a) { return g(a) + 1; }"
    report, out = run("int r = t; if (t & 1) r = f(t); out[t] = r;", before=before)
    assert out[:32].tolist() == [t * t + 1 if t & 1 else t for t in range(32)]
    assert report.metrics["l1tex__t_requests_pipe_lsu_mem_global_op_st.sum"] == 1


def test_recursion_is_refused_by_name() -> None:
    with pytest.raises(NotEmulated, match="calls itself"):
        run("out[t] = f(t);", before="__device__ int f(int n) { return n < 2 ? 1 : f(n - 1) + f(n - 2); }")


def test_an_instruction_that_is_not_emulated_is_named_with_its_line() -> None:
    with pytest.raises(NotEmulated, match=r"`mbarrier\.init.*line 4 of your source"):
        run('asm volatile("mbarrier.init.shared.b64 [%0], 1;" : : "r"(t));')


@pytest.mark.parametrize("spin", ["while (atomicCAS(&out[1], 0, 1) != 0) {}", "while (atomicExch(&out[1], 1)) {}"])
def test_a_lock_that_every_thread_of_several_blocks_takes(spin: str) -> None:
    body = spin + "\n__threadfence(); int v = ((volatile int*)out)[0]; ((volatile int*)out)[0] = v + 1;"
    report, out = run(body + " __threadfence(); atomicExch(&out[1], 0);", grid=3)
    assert out[0] == 96 and not report.faults


def test_blocks_beyond_one_batch_see_what_earlier_ones_wrote() -> None:
    report, out = run("atomicAdd(out, 1);", block=256, grid=1000)
    assert out[0] == 256_000 and not report.faults


# Shapes of launches


@pytest.mark.parametrize(("grid", "block"), [((2, 3, 2), (4, 2, 2)), (7, (3, 5)), ((1, 1, 3), 33)])
def test_every_thread_of_a_launch_of_any_shape_runs_once(grid, block) -> None:
    source = """__global__ void k(int* out) {
        int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
        int number = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
        out[number * blockDim.x * blockDim.y * blockDim.z + thread] += number * 1000 + thread; }"""
    threads, blocks = int(np.prod(block)), int(np.prod(grid))
    out = np.zeros(blocks * threads, np.int32)
    assert not emulate(source, "k", grid, block, [out]).faults
    assert (out.reshape(blocks, threads) == np.arange(blocks)[:, None] * 1000 + np.arange(threads)).all()


def test_limits_of_the_hardware() -> None:
    with pytest.raises(LaunchError, match="at most 1024"):
        run("out[t] = 1;", block=(64, 17))
    with pytest.raises(LaunchError, match="232448"):
        run("out[t] = 1;", dynamic_shared=228 * 1024)


def test_views_of_one_array_are_pointers_into_it() -> None:
    x = np.arange(64, dtype=np.float32)
    source = "__global__ void k(const float* a, float* b) { b[threadIdx.x] = a[threadIdx.x]; }"
    report = emulate(source, "k", 1, 32, [x[1:33], x[32:]])
    assert x[32:].tolist() == [*range(1, 33)]
    assert report.metrics["l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"] == 5  # 4 bytes after a sector's start


# printf, assert


def test_printf_is_collected() -> None:
    report, _ = run(r'if (t < 2) printf("%d %s %5.2f %lld %c%% %x\n", t, "abc", 1.5, 1ll << 40, 65 + t, 255);')
    assert report.printed == "0 abc  1.50 1099511627776 A% ff\n1 abc  1.50 1099511627776 B% ff\n"


def test_a_failed_assertion_says_what_failed_where() -> None:
    report, _ = run("assert(t < 3);", before="#include <assert.h>")
    assert "t < 3" in report.printed and "thread 3" in report.printed


# Faults


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("out[t] = x[t + 69];", "out-of-bounds", r"Thread 31 of block 0 reads x\[100\], but `x` has 100 elements"),
        ("out[t - 1] = 1;", "out-of-bounds", r"writes out\[-1\]"),
        ("out[t * 1000000] = 1;", "out-of-bounds", "belongs to no array"),
        ("*(int4*)(out + t) = int4{};", "misaligned", "Thread 1 of block 0 writes 16 bytes at byte 4 of `out`"),
        ("__shared__ int s[32]; out[t] = s[t];", "uninitialized", r"reads s\[0\] of shared memory before"),
        ("__shared__ int s[32]; s[t + 1] = t; __syncthreads(); out[t] = s[t + 1];", "out-of-bounds", r"s\[32\]"),
        ("__shared__ int s[32]; s[t] = t; out[t] = s[t ^ 1];", "race", r"s\[\d+\]: thread"),
        ("out[0] = t;", "race", r"out\[0\]"),
        ("if (t < 16) __syncthreads(); out[t] = t;", "barrier", "other lanes of its warp went past it"),
        ("for (int k = 0; k < 32; ++k) if (t < k) __syncthreads();", "barrier", "other lanes of its warp went past it"),
        ("int sum; for (int k = t; k < 99; ++k) sum += x[k]; out[t] = sum;", "uninitialized", "that has no value yet"),
        ("while (((volatile int*)out)[0] == 0) {}", "endless-loop", "no thread will write"),
        ("if (t < 16) out[t] = __shfl_down_sync(~0u, t, 1);", "barrier", "does not take part"),
    ],
)
def test_a_fault_is_told_with_thread_place_and_line(body: str, kind: str, words: str) -> None:
    report, _ = run(body)
    fault = next(fault for fault in report.faults if fault.kind == kind)
    assert fault.line == 4
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(str(fault))


def test_a_loop_without_an_end_is_stopped() -> None:
    report, _ = run("unsigned i = t; while (x[0] == 0.f) { i = i * 3 + 1; if (i == 7) out[t] = 1; }", limit=20_000)
    (fault,) = report.faults
    assert fault.kind == "endless-loop" and "20,000 steps" in fault.message and fault.line == 4


def test_an_array_that_nothing_was_written_to() -> None:
    source = "__global__ void k(float* sum) { sum[threadIdx.x] += 1; }"
    total = np.zeros(32, np.float32)
    report = emulate(source, "k", 1, 32, [total], unwritten=[total])
    assert kinds(report) == {"uninitialized"} and report.faults[0].count == 32


@pytest.mark.parametrize(
    "body",
    [
        "__shared__ int s[32]; s[t] = t; __syncwarp(); out[t] = s[t ^ 1];",
        "__shared__ int s[32]; s[t] = t; __syncthreads(); out[t] = s[t ^ 1];",
        "if (t >= 20) return; __syncthreads(); out[t] = t;",
        "atomicAdd(&out[t % 3], 1);",
        "out[5] = 7;",  # all the same value: no order changes the result
    ],
)
def test_clean_kernels_are_clean(body: str) -> None:
    assert not run(body)[0].faults


VOTES = "int v = t * 37 % 64, n = 0; while (__any_sync(~0u, v > 1)) { if (v > 1) v = v % 2 ? v - 1 : v / 2; ++n; }"


def test_lanes_that_part_in_a_loop_meet_at_the_vote_that_names_them() -> None:
    report, out = run(VOTES + " out[t] = n;", block=64)

    def steps(v: int) -> int:
        return 0 if v <= 1 else 1 + steps(v - 1 if v % 2 else v // 2)

    want = [max(steps(t * 37 % 64) for t in range(w, w + 32)) for w in (0, 32)]
    assert out[:64].tolist() == [want[0]] * 32 + [want[1]] * 32 and not report.faults


def test_what_a_block_had_computed_survives_the_wait() -> None:
    """Odd lanes come to the shuffle one turn later; both have values of this turn in flight."""
    body = """
    int s = 0, k = 0;
    while (k < 4) {
        int mine = x[k] * 2 + t;
        s += __shfl_xor_sync(~0u, mine, 1) + mine;
        if ((t + k) % 3 == 0) for (int j = 0; j < t; ++j) s += x[j] > 50;
        ++k;
    }
    out[t] = s;"""
    report, out = run(body)
    assert out[:32].tolist() == [sum(4 * k + t + (t ^ 1) for k in range(4)) for t in range(32)] and not report.faults


def test_a_warp_waits_for_its_own_lanes_only() -> None:
    """The second warp, all there, goes on to raise the flag that lanes of the first one wait for."""
    body = """
    volatile int* flag = out + 127;
    int v = t;
    if (t < 16) while (*flag == 0) {}
    v += __shfl_xor_sync(~0u, v, 16);
    if (t == 40) *flag = 1;
    out[t] = v;"""
    report, out = run(body, block=64)
    assert out[:64].tolist() == [t + (t ^ 16) for t in range(64)] and kinds(report) <= {"race"}


def test_lanes_that_have_left_are_missed_by_a_shuffle_that_reads_them_and_by_no_vote() -> None:
    report, out = run("if (t >= 20) return; out[t] = __popc(__ballot_sync(~0u, t & 1));")
    assert out[:20].tolist() == [10] * 20 and not report.faults
    report, _ = run("if (t >= 20) return; out[t] = __shfl_sync(~0u, t, t / 2);")
    assert not report.faults
    report, _ = run("if (t >= 20) return; out[t] = __shfl_down_sync(~0u, t, 4);")
    assert kinds(report) == {"barrier"}


def test_an_exchange_of_half_a_warp_waits_for_nobody() -> None:
    body = (
        "int v = t; if (t & 1) v = __shfl_sync(0xaaaaaaaau, t, 5); else v = __shfl_sync(0x55555555u, t, 8); out[t] = v;"
    )
    report, out = run(body)
    assert out[:32].tolist() == [8, 5] * 16 and not report.faults


def test_a_copy_reads_no_more_than_it_is_told_to() -> None:
    body = """
    __shared__ __align__(16) float s[128];
    unsigned to = (unsigned)__cvta_generic_to_shared(s + 4 * t);
    int bytes = t < 25 ? 16 : t == 25 ? %d : 0;
    asm volatile("cp.async.cg.shared.global [%%0], [%%1], 16, %%2; cp.async.wait_all;"
                 :: "r"(to), "l"(t < 26 ? x + 4 * t : x), "r"(bytes) : "memory");
    __syncthreads();
    for (int k = 0; k < 4; ++k) out[k * 32 + t] = (int)s[k * 32 + t];"""
    report, out = run(body % 0)
    assert out.tolist() == [*range(100), *[0] * 28] and not report.faults
    report, _ = run(body % 4)  # one float past the end
    assert [fault.array for fault in report.faults] == ["x"]


@pytest.mark.parametrize(("kind", "parts"), [("float2", 2), ("float4", 4)])
def test_vector_atomics_add_every_part(kind: str, parts: int) -> None:
    values = ", ".join(f"{part + 1}.0f" for part in range(parts))
    source = f"__global__ void k({kind}* out) {{ atomicAdd(&out[threadIdx.x % 3], make_{kind}({values})); }}"
    out = np.zeros((3, parts), np.float32)
    report = emulate(source, "k", 1, 32, [out])
    assert (out == np.outer([11, 11, 10], np.arange(1, parts + 1))).all() and not report.faults


def test_traits_and_limits_of_the_standard_library() -> None:
    source = """
    #include <cuda/std/type_traits>
    #include <limits>
    #include <utility>
    template <class T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0> __device__ int f(T) { return 1; }
    template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0> __device__ int f(T) { return 2; }
    template <class T> __global__ void k(int* out) {
        int a = f(T(0)), b = cuda::std::is_same_v<T, float> ? 10 : std::is_signed_v<T> ? 20 : 30;
        std::swap(a, b);
        out[0] = a, out[1] = b, out[2] = std::numeric_limits<std::conditional_t<sizeof(T) == 8, int, T>>::max() > 1e9;
    }"""
    for kind, want in {"float": [10, 1, 1], "unsigned char": [30, 2, 0], "long long": [20, 2, 1]}.items():
        out = np.zeros(3, np.int32)
        emulate(source, f"k<{kind}>", 1, 1, [out])
        assert out.tolist() == want, kind


def test_asynchronous_copies_land_when_they_are_waited_for() -> None:
    source = """#include <cuda_pipeline.h>
    __global__ void k(const float* x, float* y, int wait) {
        __shared__ float s[32];
        __pipeline_memcpy_async(&s[threadIdx.x], &x[threadIdx.x], 4);
        __pipeline_commit();
        if (wait) __pipeline_wait_prior(0);
        __syncthreads();
        y[threadIdx.x] = s[31 - threadIdx.x];
    }"""
    y = np.zeros(32, np.float32)
    assert not emulate(source, "k", 1, 32, [FLOATS, y, 1]).faults and y.tolist() == FLOATS[:32][::-1].tolist()
    assert kinds(emulate(source, "k", 1, 32, [FLOATS, y, 0])) & {"uninitialized", "race"}


# Counters by line


def test_counters_stand_at_their_lines() -> None:
    report, _ = run("float a = x[t];\nfloat b = x[(t * 3) % 97];\nout[t] = a + b;")
    sectors = {
        line: counts.get("l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum", 0) for line, counts in report.by_line.items()
    }
    assert sectors[4] == 4 and sectors[5] == 12 and not sectors[6]
    assert report.by_line[6]["smsp__sass_thread_inst_executed_op_fadd_pred_on.sum"] == 32
    (strided,) = [access for access in report.accesses if access.line == 5]
    assert strided.array == "x" and strided.addresses[1] == 12 and strided.sectors == 12


def test_bytes_needed_are_each_counted_once() -> None:
    report, _ = run("out[t] = x[t / 2];")
    assert report.metrics["bytes_needed.read"] == 64 and report.metrics["bytes_needed.written"] == 128


def test_divergence_is_lanes_per_instruction() -> None:
    assert run("out[t] = t;")[0].metrics["smsp__thread_inst_executed_per_inst_executed.ratio"] == 32
    assert run("if (t % 2) for (int i = 0; i < out[100] + 50; ++i) atomicAdd(out, i);")[0].metrics[
        "smsp__thread_inst_executed_per_inst_executed.ratio"] < 20  # fmt: skip


def test_the_published_table_of_what_is_covered() -> None:
    text = coverage.README.read_text()
    assert coverage.document(text) == text, "python -m utils.vgpu.coverage writes it anew"


def test_a_guarded_instruction_leaves_the_other_threads_registers_alone() -> None:
    body = 'int v; asm("{ .reg .pred p; setp.lt.s32 p, %1, 5; mov.b32 %0, 7; @p mov.b32 %0, 1; }"'
    _, out = run(body + ' : "=r"(v) : "r"(t)); out[t] = v;')
    assert out[:32].tolist() == [1] * 5 + [7] * 27


def test_names_that_cuda_has_without_an_include() -> None:
    _, out = run("out[t] = x[t] < INFINITY ? warpSize : 0;")
    assert out[:32].tolist() == [32] * 32


WAITS = """
__global__ void spins(volatile int* flag, int* out) { while (*flag == 0); out[threadIdx.x] = 1; }
__global__ void counts(volatile int* flag, int* out) {
    int i = 0;
    while (*flag == 0 && i < 300) ++i;  // sees the same in every turn, and ends all the same
    out[threadIdx.x] = i;
}
__global__ void one_counts_one_waits(volatile int* flag, int* out) {
    int i = 0;
    if (threadIdx.x == 0) {
        while (flag[1] == 0 && i < 200) ++i;
        __threadfence();
        *flag = i;
    } else if (threadIdx.x == 32) {
        while ((i = *flag) == 0);
    }
    out[threadIdx.x] = i;
}"""


@pytest.mark.parametrize(("kernel", "want"), [("counts", (300, 300)), ("one_counts_one_waits", (200, 200))])
def test_a_loop_that_sees_the_same_and_counts_ends(kernel: str, want: tuple[int, int]) -> None:
    out = np.zeros(64, np.int32)
    report = emulate(WAITS, kernel, 1, 64, [np.zeros(2, np.int32), out])
    assert not report.faults and (out[0], out[32]) == want


def test_a_loop_that_nobody_will_end_is_a_fault() -> None:
    report = emulate(WAITS, "spins", 1, 64, [np.zeros(2, np.int32), np.zeros(64, np.int32)])
    assert [fault.kind for fault in report.faults] == ["endless-loop"] and "waits" in report.faults[0].message
