"""CUDA C++ compiles without a GPU; what does not compile is shown at its line, with a sentence that helps."""

from __future__ import annotations

import collections
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from utils.vgpu import compile_errors, nvrtc
from utils.vgpu.compile_errors import kernels
from utils.vgpu.compiler import (
    CompileError,
    NvrtcMissing,
    UnknownKernel,
    compile_cuda,
    compile_together,
    nvrtc_version,
    parameter_names,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="NVRTC has wheels for Linux")

ADD = """
__global__ void add(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += x[i];
}"""
KERNEL = 'extern "C" __global__ void k(const float* x, float* y, int n)\n{\n    int i = threadIdx.x;\n    %s\n}\n'

TYPES = """
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#include <cuda_fp8.h>
#define N 5
#define F 1
#define I 2
typedef float real;
struct Pair { char a; double b; };
template <class T, int K> struct Array { T values[K]; };
template <int T, class V> __global__ void __launch_bounds__(256) kernel(
    const V* __restrict__ x, __half2* const y, nv_bfloat16 *z, __nv_fp8_e4m3* f8, uchar4 u, size_t n, Pair pair,
    Array<real, 3> three, bool on, const float rows[], volatile signed char* s, void* any, long long big = 5)
{ y[T] = __half2(); }
"""


def test_the_program() -> None:
    program = compile_cuda(ADD, "add")
    assert program.kernel == "add" and program.entry == "_Z3addPKfPfi"
    assert program.parameters == ("const float *", "float *", "int")
    assert program.names == ("x", "y", "n") and program.sizes == (8, 8, 4)
    assert ".target sm_90" in program.ptx and f".entry {program.entry}(" in program.ptx and ".loc" in program.ptx
    assert program.cubin.startswith(b"\x7fELF") and program.log == ""
    assert compile_cuda(ADD, "add") is program
    assert ".target sm_80" in compile_cuda(ADD, "add", "sm_80").ptx
    assert nvrtc_version().startswith(f"{nvrtc.version()}.")


def test_types_are_resolved_and_macros_do_no_harm() -> None:
    program = compile_cuda(TYPES, "kernel<3, real>")
    expected = {
        "x": ("const float *", 8), "y": ("__half2 *", 8), "z": ("__nv_bfloat16 *", 8), "f8": ("__nv_fp8_e4m3 *", 8),
        "u": ("uchar4", 4), "n": ("unsigned long", 8), "pair": ("Pair", 16), "three": ("Array<float, 3>", 12),
        "on": ("bool", 1), "rows": ("const float *", 8), "s": ("volatile signed char *", 8), "any": ("void *", 8),
        "big": ("long long", 8),
    }  # fmt: skip
    found = zip(program.names, zip(program.parameters, program.sizes, strict=True), strict=True)
    assert dict(found) == expected
    assert compile_cuda('extern "C" __global__ void nothing() {}', "nothing").parameters == ()
    spaced = compile_cuda("namespace inner { static __global__ void k(float2 v) {} }", "inner::k")
    assert spaced.parameters == ("float2",)


def test_what_asks_for_the_types_leaves_no_trace() -> None:
    name, options = compile_errors.FILE, ["-lineinfo", "--std=c++17", "-default-device", "--gpu-architecture=sm_90"]
    plain, asked = nvrtc.compile(ADD, name, ("add",), {}, options), compile_cuda(ADD, "add")
    assert asked.ptx == plain.ptx and "vgpu" not in asked.ptx
    assert asked.cubin == plain.cubin


HABITS = """stdint.h cstdint stdio.h cstdio math.h cmath stddef.h cstddef stdlib.h limits.h climits float.h cfloat
    assert.h cassert string.h iostream cuda_runtime.h cuda_fp16.h cuda_bf16.h cuda_fp8.h cuda_pipeline.h cuda.h
    device_launch_parameters.h cooperative_groups.h cooperative_groups/reduce.h""".split()


def test_headers_included_out_of_habit() -> None:
    body = """
    uint32_t a = UINT32_MAX; int64_t b = INT64_MIN; uintptr_t c = 0; size_t d = INT_MAX; uint8_t e = 255;
    static_assert(sizeof(int64_t) == 8 && sizeof(uint16_t) == 2 && INT64_MAX > 0 && INT8_MIN == -128);
    y[i] = FLT_MAX + INFINITY + M_PI + sqrtf(x[i]) + max(1, n) + a + b + c + d + e;
    assert(n > 0);
    printf("%d\\n", n);"""
    program = compile_cuda("".join(f"#include <{name}>\n" for name in HABITS) + KERNEL % body, "k")
    assert "vprintf" in program.ptx and "__assertfail" in program.ptx


def test_printf_assert_and_plain_functions_need_no_header() -> None:
    text = "float twice(float a) { return 2 * a; }\n" + KERNEL % 'assert(n); printf("%f", twice(y[i]));'
    assert compile_cuda(text, "k").cubin


def test_cooperative_groups() -> None:
    text = """#include <cooperative_groups.h>
    #include <cooperative_groups/reduce.h>
    namespace cg = cooperative_groups;
    __global__ void k(float* x) {
        auto block = cg::this_thread_block(); auto warp = cg::tiled_partition<32>(block);
        x[0] = cg::reduce(warp, x[threadIdx.x], cg::plus<float>()) + warp.shfl_down(x[1], 1);
        block.sync();
    }"""
    assert "shfl.sync.down" in compile_cuda(text, "k").ptx


# Errors: what is put into the kernel, the line it is found at, and a part of the sentence.
WRONG = {
    "semicolon": ("float a = x[i]\n    y[i] = a;", 5, "missing at the end of line 4"),
    "semicolon in a line": ("float a = x[i] y[i] = a;", 4, r"semicolon is missing before the \^"),
    "undeclared": ("y[i] = x[j];", 4, "j is declared nowhere"),
    "case": ("y[threadidx.x] = x[i];", 4, "Did you mean threadIdx?"),
    "barrier": ("syncthreads();", 4, "Did you mean __syncthreads?"),
    "misspelt": ("y[i] = expff(x[i]);", 4, "Did you mean expf?"),
    "own name": ("float total = 0; y[i] = totl;", 4, "Did you mean total?"),
    "host's function": ("cudaMalloc(&y, n);", 4, "runs on the host"),
    "types": ("int* p = y; y[i] = *p;", 4, "pointers to different types"),
    "const": ("float* p = x; y[i] = *p;", 4, "declare the new pointer const"),
    "const written": ("x[i] = y[i];", 4, "it is const"),
    "const cast": ("y[i] = reinterpret_cast<float4*>(x)[i].x;", 4, "const float4*"),
    "half": ("__half h = y[i];", 4, "#include <cuda_fp16.h>"),
    "bf16": ("__nv_bfloat16 h = y[i];", 4, "#include <cuda_bf16.h>"),
    "stdint": ("uint32_t u = i;", 4, "#include <stdint.h>"),
    "too many": ("y[i] = sqrtf(x[i], 2);", 4, "fewer arguments"),
    "expression": ("y[i] = x[i] + ;", 4, r"just before the \^"),
    "brace": ("if (i < n) { y[i] = x[i];", 2, "never closed"),
    "superfluous brace": ("y[i] = x[i]; }", 5, "one } too many"),
    "bracket": ("y[i] = (x[i] + 1;", 4, "bracket is opened"),
    "quote": ('printf("hello);', 4, 'needs a " at its end'),
    "comment": ("/* y[i]", 4, r"never closed with \*/"),
    "shared": ("__shared__ float s[20000]; s[i] = x[i]; __syncthreads(); y[i] = s[n];", 4, "49152 bytes .* 80000"),
    "size": ("__shared__ float s[n]; s[i] = 0;", 4, "extern __shared__"),
    "std": ("y[i] = std::max(x[i], 1.0f);", 4, "without std::"),
    "return": ("return 1;", 4, "void, as kernels are"),
    "launch": ("k<<<1, 2>>>(x, y, n);", 4, "from Python"),
    "mask": ("y[i] = __shfl_down_sync(x[i], 1);", 4, "0xffffffff"),
    "old shuffle": ("y[i] = __shfl_down(x[i], 1);", 4, "Did you mean __shfl_down_sync?"),
    "atomic": ("atomicAdd(y[i], 1.0f);", 4, "the address first"),
    "vector": ("float4 v = x[i];", 4, "make_float4"),
    "inline PTX": ('asm("foo.bar %0;" : "=r"(i)); y[i] = i;', 4, "PTX ISA"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_is_shown_at_its_line(name: str) -> None:
    body, line, sentence = WRONG[name]
    with pytest.raises(CompileError, match=sentence) as found:
        compile_cuda(KERNEL % body, "k")
    text = str(found.value)
    assert found.value.line == line and text.startswith(f"line {line}: "), text
    assert (KERNEL % body).splitlines()[line - 1].strip() in text
    assert "vgpu" not in text and compile_errors.QUERY not in text


ELSEWHERE = {
    "host": ("__host__ float f(float a) { return a; }\n" + KERNEL % "y[i] = f(x[i]);", "__device__ in place"),
    "result": ('extern "C" __global__ int k(float* x) { return 1; }', "__global__ void"),
    "template": ("template <class T> T f(T a, T b) { return a; } " + KERNEL % "y[i] = f(1, x[i]);", "share a type T"),
    "library": ("#include <thrust/sort.h>\n" + KERNEL % "", "no libraries"),
    "host's C++": ("#include <vector>\n" + KERNEL % "", "host's C\\+\\+"),
    "constants": ("__constant__ float c[20000];\n" + KERNEL % "y[i] = c[i];", "64 KB"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_errors_outside_the_kernel(name: str) -> None:
    source, sentence = ELSEWHERE[name]
    with pytest.raises(CompileError, match=sentence) as found:
        compile_cuda(source, "k")
    assert found.value.line == (4 if name == "template" else 1)


def test_the_caret_stands_under_the_error_and_consequences_are_counted() -> None:
    with pytest.raises(CompileError) as found:
        compile_cuda(KERNEL % "a = 1; b = 2; c = 3; d = 4; y[i] = 0;", "k")
    lines = str(found.value).splitlines()
    assert lines[1].index("a = 1") == lines[2].index("^") and lines[-1].startswith("(1 more")
    again = pickle.loads(pickle.dumps(found.value))
    assert str(again) == str(found.value) and again.diagnostics == found.value.diagnostics


def test_warnings_are_told() -> None:
    assert "never referenced" in compile_cuda(KERNEL % "int unused;", "k").log
    with pytest.raises(ValueError, match="silences"):
        compile_cuda(ADD, "add", options=("-w",))


# Names

SEVERAL = """
template <int T> __global__ void transpose(float* x) { x[T] = 0; }
__global__ void scale(float* x) { x[0] = 2; } // __global__ void gone(int)
__global__ void scale(int* x) { x[0] = 2; }
__device__ void helper(float* x) { x[0] = 2; }
__global__ void __launch_bounds__(128, 2) reduce(float* x) { helper(x); }
"""
NAMES = {
    "transpos": "transpose, scale, reduce. Did you mean transpose",
    "gone": "no kernel 'gone'",
    "transpose": '"transpose<32>"',
    "transpose<float>": "cannot be compiled as it is named",
    "reduce<3>": "not a template",
    "scale": "several kernels",
    "helper": "write __global__ before",
    "other::reduce": "other",
    "": "no kernel ''",
    "reduce); (": "no kernel",
}


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_kernel(name: str) -> None:
    with pytest.raises(UnknownKernel) as found:
        compile_cuda(SEVERAL, name)
    assert NAMES[name] in str(found.value) and "vgpu" not in str(found.value)
    assert isinstance(found.value, ValueError)


def test_names_read_from_the_text() -> None:
    assert kernels(SEVERAL) == ["transpose", "scale", "reduce"]
    with pytest.raises(UnknownKernel, match="no __global__ function at all"):
        compile_cuda("float x;", "k")
    assert parameter_names("#define BOTH int a, int b\n__global__ void k(BOTH) {}", "k", 2) == ("", "")
    assert parameter_names("__global__ void k(int /* a, b */ n, float (&x)[3]);", "k", 2) == ("", "")


def test_an_unknown_architecture() -> None:
    with pytest.raises(ValueError, match="sm_12'.*sm_90"):
        compile_cuda(ADD, "add", "sm_12")
    with pytest.raises(ValueError, match="zero byte"):
        compile_cuda(ADD + "\0", "add")
    with pytest.raises(CompileError, match="unrecognized option"):
        compile_cuda(ADD, "add", options=("--nonsense",))


# The library


def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvrtc, "_folders", lambda package, inside: iter(()))
    monkeypatch.setattr(nvrtc, "LIBRARY", "libnvrtc-that-is-not-here.so")
    with pytest.raises(NvrtcMissing, match="python -m pip install .*nvidia-cuda-nvrtc"):
        nvrtc.load.__wrapped__()
    with pytest.raises(NvrtcMissing, match="cuda_fp16.h"):
        nvrtc.include.__wrapped__()
    monkeypatch.setattr(nvrtc.sys, "platform", "darwin")
    assert "on Linux" in str(nvrtc.missing("x")) and "pip" not in str(nvrtc.missing("x"))


def test_the_library_of_the_package_is_the_one_in_use() -> None:
    nvrtc.load()
    mapped = {
        line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libnvrtc" in line
    }
    folder = next(nvrtc._folders("nvidia", "cu13/lib"))
    assert mapped and all(Path(name).parent.samefile(folder) for name in mapped)


def compile_in_child(number: int) -> int:
    return len(compile_cuda(ADD + f"// {number}", "add").ptx)


def test_after_a_fork_and_in_threads() -> None:
    here = compile_in_child(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(compile_in_child, [1, 2]) == [here, here]
    lengths: list[int] = []
    threads = [threading.Thread(target=lambda n=n: lengths.append(compile_in_child(n))) for n in (3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [here] * 3


def test_importing_costs_nothing() -> None:
    code = "import sys, utils.vgpu.compiler; print([n for n in ('torch', 'numpy', 'cuda') if n in sys.modules])"
    code = code.replace("utils.vgpu.compiler", "utils.vgpu.nvrtc, utils.vgpu.compile_errors, utils.vgpu.headers")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.getcwd())
    assert "torch" not in done.stdout and "cuda" not in done.stdout, done.stderr


def test_many_kernels_of_one_source_are_compiled_together() -> None:
    source = ADD + "\ntemplate <int N> __global__ void fill(int* out, short x) { out[N] = x; }\n"
    source += "__global__ void other(float* x, const float* y, float* z, int n) { z[n] = x[n] * y[n]; }\n"
    compile_together(source, ["add", "fill<3>", "fill<4>", "other"])
    for kernel in ("add", "fill<3>", "fill<4>", "other"):
        together, alone = compile_cuda(source, kernel), compile_cuda(source + "\n", kernel)
        assert together.ptx == compile_cuda(source, "add").ptx
        assert (together.entry, together.parameters, together.sizes) == (alone.entry, alone.parameters, alone.sizes)


def test_the_widest_accesses_are_read_off_the_machine_code() -> None:
    from utils.vgpu.machine_code import widest

    source = """__global__ void k(const T* x, T* y) {
        __shared__ T tile[64];
        tile[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        y[threadIdx.x] = tile[threadIdx.x ^ 33];
    }"""
    for kind, bytes_ in (("char", 1), ("short", 2), ("float", 4), ("double", 8), ("float4", 16)):
        program = compile_cuda(source.replace("T*", f"{kind}*").replace("T tile", f"{kind} tile"), "k")
        found = widest(program.cubin, program.entry)
        assert all(found[space, op] == bytes_ for space in ("shared", "global") for op in ("ld", "st")), (kind, found)
    assert widest(program.cubin, "another") is None and widest(b"", "k") is None


LINES = """__device__ __forceinline__ float both(const float* p, int i) {
    return p[i] +
           p[i + 1];
}
__device__ __noinline__ int twice(const int* p) { return p[threadIdx.x] * 2; }
extern "C" __global__ void k(const float* x, const int* q, float* y, int n) {
    __shared__ float4 rows[64];
    __shared__ unsigned char bytes[256];
    float mine[8];
    for (int i = 0; i < 8; i++) mine[i] = x[8 * threadIdx.x + i];
    rows[threadIdx.x] = make_float4(mine[0], mine[1], mine[2], mine[3]);
    bytes[threadIdx.x + 1] = n;
    __syncthreads();
    float sum = both(x, threadIdx.x) + twice(q) + mine[n & 7] + rows[0].x + bytes[blockIdx.x] + bytes[blockIdx.x + 4];
    if (n > 3) sum += both((const float*)rows, threadIdx.x ^ 2);
    y[threadIdx.x] = sum;
    y[threadIdx.x + 32] = both(&sum, 0);
}
extern "C" __global__ void another(float* y) { y[0] = 1; }"""
ACCESS = re.compile(r"\b(LDS|STS|LDG|STG|LDL|STL)((?:\.\w+)*)\s[^\[;]*?(?:desc\[\w+\])?\[([^\]]*)\]")


@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_90"])
def test_accesses_and_their_lines_are_those_that_nvdisasm_prints(tmp_path, arch) -> None:
    from utils.vgpu.machine_code import accesses

    triton = find_spec("triton")
    tool = Path(triton.submodule_search_locations[0]) / "backends/nvidia/bin/nvdisasm" if triton else None
    if tool is None or not tool.exists():
        pytest.skip("no nvdisasm: it comes with Triton")
    program = compile_cuda(LINES, "k", arch)
    (tmp_path / "k.cubin").write_bytes(program.cubin)
    text = subprocess.run([tool, "-c", "-gi", tmp_path / "k.cubin"], capture_output=True, text=True, check=True).stdout
    told, line, inside = collections.Counter(), 0, False
    for row in text.splitlines():
        if row.startswith(".text."):
            inside = row == f".text.{program.entry}:"
        elif place := re.search(r'//## File "[^"]*", line (\d+)', row):
            line = int(place[1])
        elif inside and (access := ACCESS.search(row)):
            name, width, address = access.groups()
            offset = re.search(r"-?0x[0-9a-f]+$", address)
            sizes = {"64": 8, "128": 16, "U8": 1, "S8": 1, "U16": 2, "S16": 2}
            size = next((size for word, size in sizes.items() if word in width.split(".")), 4)
            told[line, name, int(offset[0], 16) if offset else 0, size] += 1
    found = collections.Counter()
    for (line, space, op), runs in accesses(program.cubin, program.entry).items():
        for run in runs:
            found.update((line, op.upper()[:2] + space[0].upper(), *access) for access in run)
    assert {name for _, name, _, _ in told} >= {"LDG", "STG", "LDS", "STS"}
    assert set(found) == set(told) and {line for line, *_ in found} >= {10, 11, 12, 14, 15}


def test_a_kernel_may_have_a_texture():
    """NVRTC's -minimal, which is tried first, knows none."""
    source = "__global__ void f(cudaTextureObject_t t, float* y) { y[0] = tex1Dfetch<float>(t, 0); }"
    assert compile_cuda(source, "f").parameters[1] == "float *"
