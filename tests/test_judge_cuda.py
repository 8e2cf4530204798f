"""CUDA C++ answers: every way to be wrong gets its diagnosis, unusual right ones pass, costs are held to budgets."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pytest
from tiny_course import cell, solved, tiny_course, unsolved

from utils import course, machine
from utils.judge import Budget, Cuda, Forbid, Tolerance, Verdict, judge, judge_source, spread
from utils.judge.cuda_tokens import names
from utils.judge.source import closure
from utils.notebook.build import build
from utils.vgpu import compile_cuda

CARD = dict(title="T", minutes=1, dots=1, hints=("a", "b"), why="because", seconds=20.0)
SEEDS = (1, 2)


def lanes(n: int) -> np.ndarray:
    return np.zeros(n, "float32")


ADD = Cuda(
    **CARD,
    id="99.1",
    answer="add",
    signature="add(const float* x, const float* y, float* out, int n)",
    inputs=lambda rng, n: (spread(rng, n), spread(rng, n), lanes(n), n),
    oracle=lambda x, y, out, n: x.astype("float64") + y,
    outputs=("out",),
    shapes=[dict(n=n) for n in (1, 127, 128, 129, 1009)],
    launch=lambda n: dict(grid=-(-n // 128), block=128),
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    block=(128,),
    forbid=(Forbid(names=("atomic*", "asm"), because="Every thread has its own element."),),
    budgets=(
        Budget(quantity="global load", at_most=1.0, of_ideal=True, because="Let neighbours read neighbours.",
               where=lambda n: n >= 128),
        Budget(quantity="traffic", at_most=1.05, because="Read once, write once.", where=lambda n: n > 1000),
        Budget(quantity="instructions", at_most=lambda n: 40 * (n + 127) // 32, because="Too many steps.", key="steps"),
    ),
)  # fmt: skip
TRANSPOSE = Cuda(
    **CARD,
    id="99.2",
    answer="transpose",
    signature="transpose(const float* x, float* y, int n)",
    inputs=lambda rng, n: (spread(rng, (n, n)), np.zeros((n, n), "float32"), n),
    oracle=lambda x, y, n: x.T,
    outputs=("y",),
    shapes=[dict(n=n) for n in (1, 31, 33, 64)],
    launch=lambda n: dict(grid=(-(-n // 32),) * 2, block=(32, 8)),
    dtype="float32",
    block=(32,),
    budgets=(
        Budget(quantity="global load", at_most=4, because="A row at a time.", where=lambda n: n % 32 == 0),
        Budget(quantity="global store", at_most=4, because="A row at a time.", where=lambda n: n % 32 == 0),
        Budget(quantity="conflicts", at_most=0, because="Pad the tile.", key="bank-conflicts"),
    ),
)
TOTAL = Cuda(
    **CARD,
    id="99.3",
    answer="total",
    signature="total(const int* x, int* sums, int n)",
    inputs=lambda rng, n: (rng.integers(-99, 99, n, "int32"), np.zeros(-(-n // 256), "int32"), n),
    oracle=lambda x, sums, n: np.add.reduceat(x, np.arange(0, n, 256)).astype("int32"),
    outputs=("sums",),
    shapes=[dict(n=n) for n in (1, 255, 256, 1000)],
    launch=lambda n: dict(grid=-(-n // 256), block=256),
    dtype="int32",
    steps=1500,
)
GRAND = dataclasses.replace(
    TOTAL,
    id="99.4",
    signature="total(const int* x, int* sum, int n)",
    inputs=lambda rng, n: (rng.integers(-99, 99, n, "int32"), np.zeros(1, "int32"), n),
    oracle=lambda x, sum, n: np.array([x.sum()], "int32"),
    outputs=("sum",),
    accumulates=("sum",),
)
COPY = Cuda(
    **CARD,
    id="99.5",
    answer="source",
    launcher="launch",
    signature="copy(const float* x, float* y, int n)",
    inputs=lambda rng, n: (spread(rng, n), lanes(n), n),
    oracle=lambda x, y, n: x,
    outputs=("y",),
    shapes=[dict(n=n) for n in (4, 256, 1004)],
    dtype="float32",
    block=(128,),
    budgets=(Budget(quantity="global load", at_most=1.0, of_ideal=True, because="Neighbours.", where=lambda n: n > 4),),
)

ADD_MODEL = """
__global__ void add(const float* x, const float* y, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = x[i] + y[i];
}"""
TRANSPOSE_MODEL = """
__global__ void transpose(const float* x, float* y, int n) {
    __shared__ float tile[32][33];
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) tile[threadIdx.y + k][threadIdx.x] = x[(r + k) * n + c];
    __syncthreads();
    c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8)
        if (r + k < n && c < n) y[(r + k) * n + c] = tile[threadIdx.x][threadIdx.y + k];
}"""
TOTAL_MODEL = """
__global__ void total(const int* x, int* sums, int n) {
    __shared__ int part[256];
    int i = blockIdx.x * 256 + threadIdx.x, t = threadIdx.x;
    part[t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int s = 128; s > 0; s /= 2) {
        if (t < s) part[t] += part[t + s];
        __syncthreads();
    }
    if (t == 0) sums[blockIdx.x] = part[0];
}"""
GRAND_MODEL = TOTAL_MODEL.replace("sums[blockIdx.x] = part[0]", "atomicAdd(sum, part[0])").replace("sums", "sum")
COPY_MODEL = """
__global__ void copy(const float* x, float* y, int n) {
    int i = blockIdx.x * 128 + threadIdx.x;
    if (i < n) y[i] = x[i];
}"""
LAUNCH = "def launch(n):\n    return dict(grid=(n + 127) // 128, block=128)"
EXERCISES = {exercise.id: exercise for exercise in (ADD, TRANSPOSE, TOTAL, GRAND, COPY)}
MODELS = {"99.1": ADD_MODEL, "99.2": TRANSPOSE_MODEL, "99.3": TOTAL_MODEL, "99.4": GRAND_MODEL, "99.5": COPY_MODEL}

# exercise, diagnosis, (old, new) in the model answer
WRONG = {
    "no tail guard": ("99.1", "out-of-bounds", ("if (i < n) ", "")),
    "one too far": ("99.1", "out-of-bounds", ("i < n", "i <= n")),
    "one too few": ("99.1", "tail-unwritten", ("i < n", "i < n - 1")),
    "neighbour": ("99.1", "out-of-bounds", ("x[i] +", "x[i + 1] +")),
    "only one input": ("99.1", "copied-input", ("x[i] + y[i]", "x[i]")),
    "nothing written": ("99.1", "never-written", ("out[i] = x[i] + y[i]", "(void)x[i]")),
    "output read": ("99.1", "uninitialized", ("out[i] =", "out[i] +=")),
    "input written": ("99.1", "input-changed", ("out[i] = x[i] + y[i]", "out[i] = x[i] + y[i], ((float*)x)[i] = 0")),
    "double": ("99.1", "wrong-signature", ("const float* x", "const double* x")),
    "float4": ("99.1", "wrong-signature", ("float* out", "float4* out"), ("out[i] =", "out[i].x =")),
    "no size": ("99.1", "wrong-signature", (", int n", ""), ("i < n", "true")),
    "another name": ("99.1", "unknown-kernel", ("void add", "void plus")),
    "no kernel": ("99.1", "unknown-kernel", ("__global__ ", "")),
    "template": ("99.1", "unknown-kernel", ("__global__", "template <int T> __global__")),
    "semicolon": ("99.1", "compile-error", ("threadIdx.x;", "threadIdx.x")),
    "atomic": ("99.1", "forbidden-route", ("out[i] = x[i] + y[i]", "atomicExch(&out[i], x[i] + y[i])")),
    "strided": ("99.1", "budget", (
        "int i = blockIdx.x * blockDim.x + threadIdx.x;\n    if (i < n) out[i] = x[i] + y[i];",
        "for (int i = blockIdx.x * 128 + threadIdx.x * 4, e = i + 4; threadIdx.x < 32 && i < e && i < n; ++i)\n"
        "        out[i] = x[i] + y[i];")),
    "twice": ("99.1", "budget", ("x[i] + y[i]", "x[i] + y[i] + *(volatile const float*)(y + i) * 0")),
    "slow": ("99.1", "steps", ("if (i < n)", "for (volatile int k = 0; k < 50; ++k);\n    if (i < n)")),
    "no barrier": ("99.2", "race", ("    __syncthreads();\n", "")),
    "no tile": ("99.2", "budget", (TRANSPOSE_MODEL[TRANSPOSE_MODEL.index("    __shared__"):], """
    int c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y * 32 + threadIdx.y;
    for (int k = 0; k < 32; k += 8) if (r + k < n && c < n) y[c * n + r + k] = x[(r + k) * n + c];
}""")),
    "conflicts": ("99.2", "bank-conflicts", ("[33]", "[32]")),
    "conflicts, 34": ("99.2", "bank-conflicts", ("[33]", "[34]")),
    "not transposed": ("99.2", "copied-input",
                       ("tile[threadIdx.x][threadIdx.y + k]", "tile[threadIdx.y + k][threadIdx.x]"),
                       ("c = blockIdx.y * 32 + threadIdx.x, r = blockIdx.x",
                        "c = blockIdx.x * 32 + threadIdx.x, r = blockIdx.y")),
    "half of the tile": ("99.2", "partly-written", ("c < n) y", "c < n && k < 16) y")),
    "no barrier in the tree": ("99.3", "race", ("+ s];\n        __syncthreads();", "+ s];")),
    "barrier in a branch": ("99.3", "barrier", ("if (t < s) part[t] += part[t + s];\n        __syncthreads();",
                                                "if (t < s) { part[t] += part[t + s]; __syncthreads(); }"),
                            ("    if (t == 0)", "    __syncthreads();\n    if (t == 0)")),
    "left early": ("99.3", "uninitialized", ("part[t] = i < n ? x[i] : 0;", "if (i >= n) return;\n    part[t] = x[i];")),
    "shared memory not filled": ("99.3", "uninitialized",
                                 ("part[t] = i < n ? x[i] : 0;", "if (i < n) part[t] = x[i];")),
    "endless": ("99.3", "endless-loop", ("s > 0; s /= 2", "s >= 0; s /= 2")),
    "spin": ("99.3", "endless-loop", ("if (t == 0)", "while (*(volatile int*)(sums + blockIdx.x) != 7) {}\n    if (t == 0)")),
    "half of the tree": ("99.3", "wrong-values", ("s > 0", "s > 1")),
    "plain sum": ("99.4", "race", ("atomicAdd(sum, part[0])", "*sum += part[0]")),
    "last one wins": ("99.4", "race", ("atomicAdd(sum, part[0])", "*sum = part[0]")),
}  # fmt: skip
RIGHT = {
    "grid stride": ("99.1", ("if (i < n)", "for (; i < n; i += gridDim.x * blockDim.x)")),
    "named otherwise": ("99.1", ("const float* x", "const float* __restrict__ left"), ("x[i] +", "__ldg(left + i) +")),
    "commented": ("99.1", ("if (i", "/* no atomicAdd, no */ // asm\n    if (i")),
    "by value": ("99.1", ("int n)", "unsigned n)")),
    "backwards": ("99.1", ("blockIdx.x * blockDim.x + threadIdx.x", "(blockIdx.x + 1) * 128 - 1 - threadIdx.x")),
    "swizzled": ("99.2", ("[33]", "[32]"),
                 ("tile[threadIdx.y + k][threadIdx.x]", "tile[threadIdx.y + k][threadIdx.x ^ (threadIdx.y + k)]"),
                 ("tile[threadIdx.x][threadIdx.y + k]", "tile[threadIdx.x][(threadIdx.y + k) ^ threadIdx.x]")),
    "shuffles": ("99.3", (TOTAL_MODEL[TOTAL_MODEL.index("    __shared__"):], """
    __shared__ int part[8];
    int i = blockIdx.x * 256 + threadIdx.x, v = i < n ? x[i] : 0;
    for (int s = 16; s; s /= 2) v += __shfl_down_sync(~0u, v, s);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    __syncthreads();
    if (threadIdx.x == 0) { for (int k = 1; k < 8; ++k) v += part[k]; sums[blockIdx.x] = v; }
}""")),
    "atomics in shared memory": ("99.3", (TOTAL_MODEL[TOTAL_MODEL.index("    __shared__"):], """
    __shared__ int sum;
    if (threadIdx.x == 0) sum = 0;
    __syncthreads();
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < n) atomicAdd(&sum, x[i]);
    __syncthreads();
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}""")),
    "no shared memory": ("99.4", (GRAND_MODEL[GRAND_MODEL.index("    __shared__"):],
                         "    int i = blockIdx.x * 256 + threadIdx.x;\n    if (i < n) atomicAdd(sum, x[i]);\n}")),
}  # fmt: skip


def cell_of(identity: str, edits: tuple = (), launch: str = LAUNCH) -> str:
    source = MODELS[identity]
    for old, new in edits:
        assert source.count(old) >= 1, old
        source = source.replace(old, new)
    exercise = EXERCISES[identity]
    return f'{exercise.answer} = r"""{source}\n"""\n' + (launch if exercise.launcher else "")


def verdicts(identity: str, edits: tuple = (), seeds: tuple[int, ...] = SEEDS, **more: str) -> list[Verdict]:
    return judge_source(EXERCISES[identity], cell_of(identity, edits, **more), seeds)


@pytest.mark.parametrize("identity", MODELS)
def test_model_answers_pass_and_show_their_counters(identity: str) -> None:
    for verdict in verdicts(identity):
        assert verdict.status == "passed", str(verdict)
        rows = dict(verdict.rows)
        assert "no races, nothing out of bounds · emulated sm_90" in rows["values"]
        assert "sectors a request" in rows["counters"] and "moved for" in rows["counters"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_gets_its_diagnosis(name: str) -> None:
    identity, diagnosis, *edits = WRONG[name]
    (verdict,) = verdicts(identity, tuple(edits), seeds=(1,))
    assert verdict.status in ("failed", "error") and verdict.diagnosis == diagnosis, str(verdict)
    verdict._repr_html_()


@pytest.mark.parametrize("name", RIGHT)
def test_an_unusual_right_answer_passes(name: str) -> None:
    identity, *edits = RIGHT[name]
    (verdict,) = verdicts(identity, tuple(edits), seeds=(2,))
    assert verdict.status == "passed", str(verdict)


# what the launcher says instead of `grid=(n + 127) // 128, block=128`: a diagnosis, or "" for a right one
LAUNCHES = {
    "grid=n // 128, block=128": "launch",
    "grid=n / 128, block=128": "launch",
    "grid=(n + 127) // 128 - 1 or 1, block=128": "tail-unwritten",
    "grid=1, block=n + 1000": "launch",
    "blocks=1, threads=128": "launch",
    "grid=missing": "exception",
    "grid=n // 128 + 1, block=(64, 2)": "partly-written",
    "grid=n // 128 + 1, block=128": "",
    "grid=(n + 255) // 128, block=(128, 1, 1), dynamic_shared=0": "",
}


@pytest.mark.parametrize("launch", LAUNCHES)
def test_the_launch_is_judged_where_it_is_the_learners(launch: str) -> None:
    (verdict,) = verdicts("99.5", seeds=(1,), launch=f"def launch(n):\n    return dict({launch})")
    assert verdict.diagnosis == LAUNCHES[launch], str(verdict)
    assert (verdict.status == "passed") == (not verdict.diagnosis)


def test_four_elements_a_thread_are_as_good_as_one() -> None:
    edits = (("const float*", "const float4*"), ("float* y", "float4* y"), ("(i < n)", "(i < n / 4)"))
    launch = "def launch(n):\n    return dict(grid=-(-n // 512), block=128)"
    (verdict,) = verdicts("99.5", edits, seeds=(1,), launch=launch)
    assert verdict.status == "passed" and "global load 15.8 sectors" in str(verdict), str(verdict)
    generic = (("__global__", "template <typename T> __global__"), ("const float*", "const T*"), ("float* y", "T* y"))
    named = 'def launch(n):\n    return dict(grid=n // 128 + 1, block=128, entry="copy<float>")'
    (verdict,) = verdicts("99.5", generic, seeds=(1,), launch=named)
    assert verdict.status == "passed", str(verdict)


@pytest.mark.parametrize("answer, launch, diagnosis", [
    ("3", LAUNCH, "not-source"),
    ("'x'", "launch = 3", "not-callable"),
    ("'x'", "def launch(): ...", "wrong-signature"),
    ("'x'", "", "missing"),
    ("'x'", LAUNCH, "compile-error"),
    ("''", LAUNCH, "unknown-kernel"),
    ("'\\0'", LAUNCH, "compile-error"),
])  # fmt: skip
def test_what_is_no_kernel(answer: str, launch: str, diagnosis: str) -> None:
    (verdict,) = judge_source(COPY, f"source = {answer}\n{launch}", (1,))
    assert (verdict.status, verdict.diagnosis) == ("error", diagnosis), str(verdict)


def test_a_compile_error_is_shown_at_its_line() -> None:
    text = str(verdicts("99.1", (("threadIdx.x;", "threadIdx.x"),), seeds=(1,))[0])
    assert 'line 4: expected a ";"' in text and "A semicolon is missing at the end of line 3" in text


def test_a_fault_names_place_line_and_cure() -> None:
    verdict = verdicts("99.1", (("if (i < n) ", ""),), seeds=(1,))[0]
    assert "Thread 1 of block 0 reads x[1], but `x` has 1 element (line 4)" in str(verdict)
    assert "`out[i] = x[i] + y[i];`" in str(verdict) and "if (i < n)" in str(verdict)
    assert "✗" in verdict.picture.text and verdict.picture.html in verdict._repr_html_()


def test_a_budget_names_the_line_and_the_figures() -> None:
    text = str(verdicts("99.2", (("[33]", "[32]"),), seeds=(1,))[0])
    assert "right in 5 of 5 cases" in text.lower() and "But when n = 64" in text
    assert "**Bank conflicts: 3,968**, at most 0 is allowed, when n = 64. Most of it, 3,968, in line 10:" in text
    assert "Pad the tile." in text and "shared load 32 wavefronts a request (32× the fewest)" in text
    identity, _, *edits = WRONG["no tile"]
    text = str(verdicts(identity, tuple(edits), seeds=(1,))[0])
    assert "**Global store: 32 sectors a request**, at most 4 is allowed, when n = 64. Line 5 (store y): `" in text


def test_what_the_compiler_warned_of_is_shown_where_values_are_wrong() -> None:
    text = str(verdicts("99.1", (("out[i] =", "out[i] =="),), seeds=(1,))[0])
    assert "line 4: expression has no effect" in text and "never written" in text
    assert "declared but never" not in str(verdicts("99.2", (("[33]", "[32]"), ("int c", "int u, c")), seeds=(1,))[0])


@pytest.mark.parametrize("old, new, words", [
    ("threadIdx.x;", "threadIdx;", "have three parts: write .x, .y or .z"),
    ("x[i] + y[i]", "x + y[i]", "is [i] missing?"),
    ("x[i] + y[i]", "x * y[i]", "index it, as in x[i]"),
    ("    int i", "    # the index\n    int i", "A comment begins with //"),
    ("if (i < n)", "if i < n:", "A condition stands in brackets"),
    ("if (i < n)", "for (int k = 0, k < 1, k++)", "separated by semicolons"),
    ("__global__", "__gobal__", "Did you mean __global__?"),
    ("if (i < n)", "if (True && i < n)", "C++ writes true"),
    ("__global__", "#include <vector>\n__global__", "belongs to the host's C++"),
    ("out[i] =", "x[i] =", "Write to the output array"),
    ("if (i < n)", "__syncthread(); if (i < n)", "Did you mean __syncthreads?"),
    ("x[i] + y[i]", "std::max(x[i], y[i])", "without std::"),
    ("if (i < n)", "__shared__ float t[n]; if (i < n)", "extern __shared__"),
])  # fmt: skip
def test_a_compile_error_comes_with_a_plain_word(old: str, new: str, words: str) -> None:
    (verdict,) = verdicts("99.1", ((old, new),), seeds=(1,))
    assert verdict.diagnosis == "compile-error" and words in str(verdict), str(verdict)


def test_what_is_not_emulated_is_not_judged() -> None:
    exercise = dataclasses.replace(ADD, forbid=(), budgets=())
    source = cell_of("99.1", (("if (i < n)", 'asm volatile("griddepcontrol.wait;");\n    if (i < n)'),))
    (verdict,) = judge_source(exercise, source, (1,))
    assert verdict.status == "unjudged" and "griddepcontrol" in str(verdict), str(verdict)


def test_printf_is_shown_and_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    edits = (("if (i < n)", 'if (i == 5) printf("five %d\\\\n", n);\n    if (i < n - 1)'),)
    assert "five 127" in str(verdicts("99.1", edits, seeds=(1,))[0])
    monkeypatch.setattr("utils.judge.cuda.prove", missing)
    assert verdicts("99.1", seeds=(1,))[0].status == "unjudged"
    assert "pip install" in str(verdicts("99.1", seeds=(1,))[0])


def missing() -> None:
    from utils.vgpu.nvrtc import missing

    raise missing("for a test")


def test_a_notebook_that_has_used_the_compiler_is_judged() -> None:
    compile_cuda(ADD_MODEL, "add")
    namespace: dict = {}
    exec(cell_of("99.1"), namespace)
    assert judge(ADD, namespace, 1).status == "passed"


def test_names_are_read_as_the_compiler_does() -> None:
    source = r"""
    a /* b // */ c // d \
    e
    "f /* \" g" h 'i' '\'' R"x(j )" k)x" l 0x1fp3 1'000 2.5e-3f m.n u8"o" p##q
    /* r"""
    assert list(names(source)) == ["pq", "a", "c", "h", "l", "m", "n", "p", "q"]


@pytest.mark.parametrize("spelled", ["atomicAdd(out, 1.f);", "\n#define M atomic ## Add\n"])
def test_a_forbidden_name_is_found(spelled: str) -> None:
    (verdict,) = verdicts("99.1", (("if (i < n)", f"if (i < 0) {spelled}\n    if (i < n)"),), seeds=(1,))
    assert (verdict.status, verdict.diagnosis) == ("failed", "forbidden-route")
    assert "own element" in str(verdict)


def test_the_closure_of_an_answer_defines_it_again() -> None:
    namespace: dict = {}
    exec(f"source = {COPY_MODEL!r}", namespace)
    again: dict = {}
    exec(closure(namespace, ("source",)), again)
    assert again["source"] == COPY_MODEL


@pytest.mark.parametrize("broken", [False, True])
def test_on_a_gpu_the_device_is_asked_too(broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device played by the emulator; tests/test_gpu.py is for the real one."""
    from utils.judge import cuda_device
    from utils.vgpu import emulate

    def played(source: str, kernel: str, grid: object, block: object, args: list, dynamic_shared: int = 0) -> None:
        emulate(source, kernel, grid, block, args, dynamic_shared=dynamic_shared)
        if broken:
            args[2][-1:] = 7

    monkeypatch.setattr(machine, "gpu", lambda: "A GPU")
    monkeypatch.setattr(cuda_device, "run_on_gpu", played)
    monkeypatch.setattr(cuda_device, "to_device", np.copy)
    (verdict,) = verdicts("99.1", seeds=(1,))
    assert verdict.status == ("failed" if broken else "passed"), str(verdict)
    assert "A GPU" in str(verdict) and "emulated sm_90" in str(verdict)


CHAPTER = '''
# %% [markdown]
# {{card 90.4}}
# `add(x, y, out, n)`: three arrays of n float32.

# %% tags=["exercise"]
# Exercise 90.4
add = r"""
__global__ void add(const float* x, const float* y, float* out, int n) {
    // ### BEGIN SOLUTION
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    out[i] = x[i] + y[i];
    // ### END SOLUTION
}
"""

# %% tags=["check"]
check("90.4")

# %% [markdown]
# ## Interview corner
'''
CHECKS = """
from utils.judge import Cuda

EXERCISES.append(Cuda(
    id="90.4", title="Add", minutes=1, dots=1, hints=("One thread an element.", "x[i] + y[i]"), why="A sum.",
    answer="add", signature="add(const float* x, const float* y, float* out, int n)",
    inputs=lambda rng, n: (spread(rng, n), spread(rng, n), np.zeros(n, "float32"), n),
    oracle=lambda x, y, out, n: x + y, outputs=("out",), shapes=sizes(),
    launch=lambda n: dict(grid=-(-n // 128), block=128), dtype="float32",
))
"""
SCRIPT = """
import json, sys
from utils import check
from utils.api import ready
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["id"] == "ex-90-4":
        exec(cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]))
print(check("90.4").status, ready("90.4"))
"""


def test_a_chapter_with_cuda_is_built_and_checked(tmp_path: Path) -> None:
    root = tiny_course(tmp_path)
    folder = root / "solutions" / "90_tiny"
    edit(folder / "chapter.py", "\n# %% [markdown]\n# ## Interview corner\n", CHAPTER)
    edit(folder / "mistakes.py", '"90.3")', '"90.3", "90.4")')
    (folder / "checks.py").write_text((folder / "checks.py").read_text() + CHECKS)
    course._module.cache_clear()
    assert build(chapters=course.chapters(root)) == []
    stub = cell(unsolved(root), "ex-90-4").source
    assert "    // your code here\n}" in stub and "SOLUTION" not in stub and "x[i]" not in stub
    for notebook, status in ((unsolved(root), "not_attempted False"), (solved(root), "passed True")):
        file = tmp_path / "notebook.json"
        nbformat.write(notebook, file)
        env = {k: v for k, v in os.environ.items() if not k.startswith("STUDY_")}
        env |= {"PYTHONPATH": str(root), "STUDY_PROGRESS": str(tmp_path / "progress.sqlite3")}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(file)],
            cwd=root,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.stdout.rstrip().endswith(status), done.stdout + done.stderr
    answer = "int i = blockIdx.x * blockDim.x + threadIdx.x;\n# if (i >= n) return;\n# out[i] = x[i] + y[i];"
    edit(folder / "chapter.py", "`add(x, y, out, n)`: three", f"\n# {answer}\n# three")
    assert any("shows the answer of 90.4" in problem for problem in build(chapters=course.chapters(root)))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
