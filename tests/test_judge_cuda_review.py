"""CUDA C++ as learners write it: five exercises, each wrong answer with its mechanism, right ones of every shape.

From an attack on the judge with 125 wrong and 75 unusual right answers: what it got wrong then, and what tells most.
"""

from __future__ import annotations

import numpy as np
import pytest

from utils.judge import Budget, Cuda, Tolerance, Verdict, judge_source, spread

CARD = dict(title="T", minutes=1, dots=1, hints=("a", "b"), why="because", seconds=20.0)

AXPY = Cuda(
    **CARD, id="99.1", answer="axpy", signature="axpy(float a, const float* x, float* y, int n)",
    inputs=lambda rng, n: (float(np.float32(rng.uniform(1, 2))), spread(rng, n), spread(rng, n), n),
    oracle=lambda a, x, y, n: a * x.astype("float64") + y,
    outputs=("y",), accumulates=("y",), shapes=[dict(n=n) for n in (1, 255, 257, 1024)],
    launch=lambda n: dict(grid=-(-n // 256), block=256), dtype="float32", tolerance=Tolerance.of("float32"),
    block=(256,), budgets=(Budget(quantity="traffic", at_most=1.05, because="Once.", where=lambda n: n == 1024),),
)  # fmt: skip
TRANSPOSE = Cuda(
    **CARD, id="99.2", answer="transpose", signature="transpose(const float* x, float* y, int rows, int cols)",
    inputs=lambda rng, rows, cols: (spread(rng, (rows, cols)), np.zeros((cols, rows), "float32"), rows, cols),
    oracle=lambda x, y, rows, cols: x.T, outputs=("y",), dtype="float32", block=(32,),
    shapes=[dict(rows=r, cols=c) for r, c in ((1, 33), (33, 1), (33, 70), (64, 96))],
    launch=lambda rows, cols: dict(grid=(-(-cols // 32), -(-rows // 32)), block=(32, 8)),
    budgets=(Budget(quantity="conflicts", at_most=0, because="Pad.", key="conflicts"),),
)  # fmt: skip
TOTAL = Cuda(  # a constant added: the sum of what `spread` gives is 0
    **CARD, id="99.3", answer="block_sum", signature="block_sum(const float* x, float* sums, int n)",
    inputs=lambda rng, n: (spread(rng, n) + np.float32(1), np.zeros(-(-n // 256), "float32"), n),
    oracle=lambda x, sums, n: np.add.reduceat(x.astype("float64"), np.arange(0, n, 256)), outputs=("sums",),
    shapes=[dict(n=n) for n in (1, 255, 257, 1024)], launch=lambda n: dict(grid=-(-n // 256), block=256),
    dtype="float32", tolerance=Tolerance.of("float32", length=256), block=(256,),
)  # fmt: skip
HISTOGRAM = Cuda(
    **CARD, id="99.4", answer="histogram", signature="histogram(const unsigned char* x, int* counts, int n)",
    inputs=lambda rng, n: (rng.integers(0, 64, n).astype("uint8"), np.zeros(64, "int32"), n),
    oracle=lambda x, counts, n: np.bincount(x, minlength=64).astype("int32"), outputs=("counts",),
    accumulates=("counts",), shapes=[dict(n=n) for n in (1, 127, 1009)], dtype="int32",
    launch=lambda n: dict(grid=-(-n // 512), block=128),
)  # fmt: skip
SOFTMAX = Cuda(
    **CARD, id="99.5", answer="softmax", signature="softmax(const float* x, float* y, int cols)",
    inputs=lambda rng, cols: (far(rng, cols), np.zeros((4, cols), "float32"), cols),
    oracle=lambda x, y, cols: softmax(x.astype("float64")), outputs=("y",),
    shapes=[dict(cols=n) for n in (1, 2, 127, 129, 300)], launch=lambda cols: dict(grid=4, block=128),
    dtype="float32", tolerance=Tolerance.of("float32", length=16), block=(128,),
)  # fmt: skip


def far(rng: np.random.Generator, cols: int) -> np.ndarray:
    """Rows that overflow without their maximum, and rows that vanish with a maximum of 0."""
    return (30 * spread(rng, (4, cols)) + [[0], [120], [-240], [0]]).astype("float32")


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


MODELS = {"99.1": """
__global__ void axpy(float a, const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}""", "99.2": """
__global__ void transpose(const float* x, float* y, int rows, int cols) {
    __shared__ float tile[32][33];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < rows && c < cols) tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * cols + c];
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x; r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < cols && c < rows) y[(r + k) * rows + c] = tile[threadIdx.x][threadIdx.y + k];
}""", "99.3": """
__global__ void block_sum(const float* x, float* sums, int n) {
    __shared__ float part[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    part[t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) sums[blockIdx.x] = part[0];
}""", "99.4": """
__global__ void histogram(const unsigned char* x, int* counts, int n) {
    __shared__ int local[64];
    if (threadIdx.x < 64) local[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&local[x[i]], 1);
    __syncthreads();
    if (threadIdx.x < 64) atomicAdd(&counts[threadIdx.x], local[threadIdx.x]);
}""", "99.5": """
__global__ void softmax(const float* x, float* y, int cols) {
    __shared__ float part[128];
    const float* row = x + blockIdx.x * cols;
    float m = -INFINITY, sum = 0;
    for (int c = threadIdx.x; c < cols; c += 128) m = fmaxf(m, row[c]);
    part[threadIdx.x] = m;
    __syncthreads();
    for (int s = 64; s > 0; s /= 2) {
        if (threadIdx.x < s) part[threadIdx.x] = fmaxf(part[threadIdx.x], part[threadIdx.x + s]);
        __syncthreads();
    }
    m = part[0];
    __syncthreads();
    for (int c = threadIdx.x; c < cols; c += 128) sum += expf(row[c] - m);
    part[threadIdx.x] = sum;
    __syncthreads();
    for (int s = 64; s > 0; s /= 2) {
        if (threadIdx.x < s) part[threadIdx.x] += part[threadIdx.x + s];
        __syncthreads();
    }
    for (int c = threadIdx.x; c < cols; c += 128) y[blockIdx.x * cols + c] = expf(row[c] - m) / part[0];
}"""}  # fmt: skip
EXERCISES = {one.id: one for one in (AXPY, TRANSPOSE, TOTAL, HISTOGRAM, SOFTMAX)}
FLOAT4 = """
    if (LAST < n) {
        float4 v = ((const float4*)x)[i], u = ((float4*)y)[i];
        u.x += a * v.x; u.y += a * v.y; u.z += a * v.z; u.w += a * v.w;
        ((float4*)y)[i] = u;
    }"""

# exercise, diagnosis, words of the sentence, (old, new) in the model answer or the body that replaces it
WRONG = {
    "blockIdx left out": ("99.1", "race", "is `blockIdx` in the index?", ("blockIdx.x * blockDim.x + ", "")),
    "nothing stored": ("99.1", "never-written", "stays as it was", ("if (i < n) y[i] = ", "if (i < n) a = ")),
    "axes swapped": (
        "99.1",
        "partly-written",
        "stay as they were",
        ("blockIdx.x * blockDim.x + threadIdx.x", "threadIdx.x * blockDim.x + blockIdx.x"),
    ),
    "float4 without a tail": (
        "99.1",
        "tail-unwritten",
        "The tail stays as it was",
        ("    if (i < n) y[i] = a * x[i] + y[i];", FLOAT4.replace("LAST", "4 * i + 3")),
    ),
    "float4 too far": (
        "99.1",
        "out-of-bounds",
        "reads x[0] to x[3], but `x` has 1 element",
        ("    if (i < n) y[i] = a * x[i] + y[i];", FLOAT4.replace("LAST", "4 * i")),
    ),
    "negative": ("99.1", "out-of-bounds", "The index is negative", ("x[i] +", "x[i - 1] +")),
    "read again": (
        "99.1",
        "budget",
        "Bytes moved: 1.33 times",
        ("a * x[i]", "a * x[i] + 0 * ((volatile float*)x)[i + 32 & n - 1]"),
    ),
    "tile too narrow": ("99.2", "out-of-bounds", "writes tile[32][0]", ("[32][33]", "[32][31]")),
    "tile too low": ("99.2", "out-of-bounds", "writes tile[16][0], but `tile` has 528", ("[32][33]", "[16][33]")),
    "tile not transposed": (
        "99.2",
        "uninitialized",
        "reads tile[1][0]",
        ("= tile[threadIdx.x][threadIdx.y + k]", "= tile[threadIdx.y + k][threadIdx.x]"),
    ),
    "dynamic, of no size": (
        "99.2",
        "out-of-bounds",
        "gives no dynamic shared memory",
        ("__shared__ float tile[32][33]", "extern __shared__ float tile[][33]"),
    ),
    "__syncwarp alone": ("99.2", "race", "Put `__syncthreads()` between", ("__syncthreads", "__syncwarp")),
    "block of 32 x 32 taken for granted": ("99.2", "uninitialized", "reads tile[", ("k += 8", "k += 32")),
    "barrier in the branch": (
        "99.3",
        "barrier",
        "other lanes of its warp went past it",
        (
            "if (t < s) part[t] += part[t + s];\n        __syncthreads();",
            "if (t < s) { part[t] += part[t + s]; __syncthreads(); }",
        ),
    ),
    "volatile in place of a barrier": (
        "99.3",
        "race",
        "`volatile` orders nothing",
        ("s > 0", "s > 32"),
        (
            "    if (t == 0)",
            "    if (t < 32) { volatile float* p = part;"
            " p[t] += p[t + 32]; p[t] += p[t + 16]; p[t] += p[t + 8]; p[t] += p[t + 4];"
            " p[t] += p[t + 2]; p[t] += p[t + 1]; }\n    if (t == 0)",
        ),
    ),
    "shuffle in the guard": (
        "99.3",
        "barrier",
        "Not every lane takes part",
        (
            "part[t] = i < n ? x[i] : 0;",
            "float v = 0;\n    if (i < n) v = x[i] + 0 * __shfl_down_sync(~0u, x[i], 1);\n    part[t] = v;",
        ),
    ),
    "sum without a start": (
        "99.5",
        "uninitialized",
        "Give the variable its first value where it is declared",
        ("float m = -INFINITY, sum = 0;", "float m = -INFINITY, sum;"),
    ),
    "every warp's first writes": (
        "99.3",
        "race",
        "let one thread write it",
        (
            "part[t] = i < n ? x[i] : 0;",
            "float v = i < n ? x[i] : 0;\n    if (t % 32 == 0) sums[blockIdx.x] = v;\n    part[t] = v;",
        ),
    ),
    "half of the threads' room": ("99.3", "out-of-bounds", "A block has 256 threads", ("part[256]", "part[128]")),
    "half precision": (
        "99.3",
        "low-precision",
        "accumulator",
        ("__shared__ float", "__shared__ __half"),
        ("__global__", "#include <cuda_fp16.h>\n__global__"),
        ("part[t] += part[t + s]", "part[t] = part[t] + part[t + s]"),
        ("x[i] : 0", "__float2half(x[i]) : __half(0)"),
    ),
    "no atomic in shared memory": (
        "99.4",
        "race",
        "several threads add to one place",
        ("atomicAdd(&local[x[i]], 1)", "local[x[i]]++"),
    ),
    "no atomic between blocks": (
        "99.4",
        "race",
        "use an atomic",
        ("atomicAdd(&counts[threadIdx.x], local[threadIdx.x])", "counts[threadIdx.x] += local[threadIdx.x]"),
    ),
    "half of the bins": (
        "99.4",
        "partly-written",
        "stay as they were",
        ("if (threadIdx.x < 64) atomicAdd", "if (threadIdx.x < 32) atomicAdd"),
    ),
    "no grid stride": ("99.4", "too-few", "are missing", ("i += gridDim.x * blockDim.x", "i = n")),
    "all by each block": (
        "99.4",
        "too-many",
        "What do several threads take?",
        ("i = blockIdx.x * blockDim.x +", "i ="),
        ("gridDim.x * blockDim.x", "blockDim.x"),
    ),
    "barrier in the loop": (
        "99.4",
        "barrier",
        "the same number of turns",
        ("atomicAdd(&local[x[i]], 1);", "{ atomicAdd(&local[x[i]], 1); __syncthreads(); }"),
    ),
    "tile used again at once": (
        "99.5",
        "race",
        "Put `__syncthreads()` between",
        ("m = part[0];\n    __syncthreads();", "m = part[0];"),
    ),
    "maximum from 0": ("99.5", "nan", "0/0", ("-INFINITY", "0")),
    "no maximum": ("99.5", "nan", "after an overflow.", ("expf(row[c] - m)", "expf(row[c])")),
    "own sum only": ("99.5", "", "", (" / part[0]", " / sum")),
}
RIGHT = {
    "extern C, launch bounds, restrict": (
        "99.1",
        ("__global__ void", 'extern "C" __global__ void __launch_bounds__(256)'),
        ("float* y", "float* __restrict__ y"),
    ),
    "inline PTX": (
        "99.1",
        ("y[i] = a * x[i] + y[i];", 'asm("fma.rn.f32 %0, %1, %2, %0;" : "+f"(y[i]) : "f"(a), "f"(x[i]));'),
    ),
    "cooperative groups": (
        "99.1",
        ("__global__", "#include <cooperative_groups.h>\n__global__"),
        ("blockIdx.x * blockDim.x + threadIdx.x", "cooperative_groups::this_grid().thread_rank()"),
    ),
    "macros": (
        "99.1",
        (
            "__global__",
            "#define FOR(i, n) for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; "
            "i += gridDim.x * blockDim.x)\n__global__",
        ),
        ("if (i < n)", "FOR(j, n)"),
        ("y[i] = a * x[i] + y[i]", "y[j] += a * x[j]"),
    ),
    "functor and lambda": (
        "99.1",
        (
            "__global__",
            "struct F { float a; __device__ float operator()(float u, float v) const "
            "{ return a * u + v; } };\n__global__",
        ),
        ("a * x[i] + y[i]", "F{a}(x[i], [=] { return y[i]; }())"),
    ),
    "float4 and a tail": (
        "99.1",
        (
            "    if (i < n) y[i] = a * x[i] + y[i];",
            FLOAT4.replace("LAST", "4 * i + 3") + "\n    int j = n / 4 * 4 + i;\n    if (j < n) y[j] += a * x[j];",
        ),
    ),
    "swizzled": (
        "99.2",
        ("[33]", "[32]"),
        ("tile[threadIdx.y + k][threadIdx.x]", "tile[threadIdx.y + k][threadIdx.x ^ (threadIdx.y + k)]"),
        ("= tile[threadIdx.x][threadIdx.y + k]", "= tile[threadIdx.x][(threadIdx.y + k) ^ threadIdx.x]"),
    ),
    "asynchronous copies": (
        "99.2",
        ("__global__", "#include <cuda_pipeline.h>\n__global__"),
        (
            "tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * cols + c];",
            "__pipeline_memcpy_async(&tile[threadIdx.y + k][threadIdx.x], &x[(r + k) * cols + c], 4);",
        ),
        ("    __syncthreads();", "    __pipeline_commit(); __pipeline_wait_prior(0); __syncthreads();"),
    ),
    "barrier in PTX": ("99.2", ("__syncthreads();", 'asm volatile("bar.sync 0;" ::: "memory");')),
    "warps that leave": (
        "99.3",
        ("[256]", "[128]"),
        (
            "part[t] = i < n ? x[i] : 0;",
            "if (t >= 128) return;\n    part[t] = (i < n ? x[i] : 0) + (i + 128 < n ? x[i + 128] : 0);",
        ),
        ("s = 128", "s = 64"),
    ),
    "recursive template": (
        "99.3",
        (
            "__global__",
            "template <int S> __device__ void fold(float* p, int t) {\n    if constexpr (S > 0) {"
            " if (t < S) p[t] += p[t + S]; __syncthreads(); fold<S / 2>(p, t); }\n}\n__global__",
        ),
        ("s = 128; s > 0; s /= 2", "s = 1; s; s = 0"),
        ("if (t < s) part[t] += part[t + s];", "fold<128>(part, t);"),
    ),
    "the last warp by __syncwarp": (
        "99.3",
        ("s > 0", "s > 32"),
        (
            "    if (t == 0)",
            "    if (t < 32) for (int s = 32; s; s /= 2) {"
            " float v = part[t] + part[t + s]; __syncwarp(); part[t] = v; __syncwarp(); }\n    if (t == 0)",
        ),
    ),
    "in global memory only": (
        "99.4",
        ("atomicAdd(&local[x[i]], 1)", "atomicAdd(counts + x[i], 1)"),
        ("local[threadIdx.x])", "0)"),
    ),
    "compare and swap": (
        "99.4",
        (
            "atomicAdd(&local[x[i]], 1);",
            "{ int* p = &local[x[i]], old = *p, seen; do seen = old; "
            "while ((old = atomicCAS(p, seen, seen + 1)) != seen); }",
        ),
    ),
    "red in PTX": (
        "99.4",
        (
            "atomicAdd(&counts[threadIdx.x], local[threadIdx.x]);",
            'asm volatile("red.global.add.s32 [%0], %1;"'
            ' :: "l"(counts + threadIdx.x), "r"(local[threadIdx.x]) : "memory");',
        ),
    ),
    "output as scratch": (
        "99.5",
        ("sum += expf(row[c] - m);", "sum += y[blockIdx.x * cols + c] = expf(row[c] - m);"),
        ("y[blockIdx.x * cols + c] = expf(row[c] - m) / part[0]", "y[blockIdx.x * cols + c] /= part[0]"),
    ),
    "base two": ("99.5", ("expf(row[c] - m)", "exp2f((row[c] - m) * 1.442695041f)")),
}


def verdict(identity: str, *edits: tuple[str, str]) -> Verdict:
    exercise, source = EXERCISES[identity], MODELS[identity]
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    return judge_source(exercise, f'{exercise.answer} = r"""{source}\n"""', (1,))[0]


@pytest.mark.parametrize("identity", MODELS)
def test_the_model_answers_pass(identity: str) -> None:
    assert verdict(identity).status == "passed", str(verdict(identity))


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_hears_its_mechanism(name: str) -> None:
    identity, diagnosis, words, *edits = WRONG[name]
    found = verdict(identity, *edits)
    assert found.status == "failed", str(found)
    assert found.diagnosis == diagnosis or not diagnosis, str(found)
    assert words in dict(found.rows)["likely"], str(found)


@pytest.mark.parametrize("name", RIGHT)
def test_an_unusual_right_answer_passes(name: str) -> None:
    identity, *edits = RIGHT[name]
    found = verdict(identity, *edits)
    assert found.status == "passed", str(found)
