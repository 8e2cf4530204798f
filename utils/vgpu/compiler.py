"""CUDA C++ to PTX and machine code, by NVRTC: no GPU, no driver, no CUDA toolkit, no C++ compiler of the system."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from . import nvrtc
from .compile_errors import (
    FILE,
    QUERY,
    CompileError,
    UnknownKernel,
    diagnostics,
    failure,
    unknown_kernel,
    without_comments,
)
from .headers import HEADERS
from .nvrtc import NvrtcMissing

__all__ = ["CompileError", "NvrtcMissing", "Program", "UnknownKernel", "compile_cuda", "compile_together",
           "nvrtc_version"]  # fmt: skip

OPTIONS = (
    "-lineinfo",
    "--std=c++17",
    "-default-device",  # a plain function is one for the device: there is no host here
    "-DINFINITY=__int_as_float(0x7f800000)",  # nvcc has these two without an include; as in headers.py
    "-DNAN=__int_as_float(0x7fffffff)",
    "-D_CG_LIMIT_INCLUDED_DEPENDENCIES",  # cooperative_groups.h without CUDA's C++ library
)

# Appended to the learner's code: has the compiler spell the kernel's type, typedefs resolved, in a warning, as the
# codes of its letters. Nothing here is ever called, so the PTX and the machine code stay what they are without it.
# Every name has the prefix (written _ here): learners define macros such as N.
QUESTION = f'\n#line 1 "{QUERY}"\n#pragma nv_diag_warning 1215\n' + re.sub(
    r"\b_(?=[A-Za-z])",
    "vgpu_query_",
    """
template <class _F> constexpr auto _text() { return __PRETTY_FUNCTION__; }
template <class _F> constexpr int _length() { int _n = 0; while (_text<_F>()[_n]) ++_n; return _n; }
template <class _F> constexpr int _letter(int _i) { return _i < _length<_F>() ? _text<_F>()[_i] : ' '; }
template <class _F> constexpr int _doublings() { int _n = 0; while (1 << _n < _length<_F>()) ++_n; return _n; }
template <int... _I> struct _List {
    template <class _F> using _Spell = _List<_letter<_F>(_I)...>;
    using _Twice = _List<_I..., int(sizeof...(_I)) + _I...>;
    [[deprecated]] static int _show();
};
template <int _N, class _L = _List<0>> struct _Count : _Count<_N - 1, typename _L::_Twice> {};
template <class _L> struct _Count<0, _L> { using _Type = _L; };
template <class _F> using _Spelled = typename _Count<_doublings<_F>()>::_Type::template _Spell<_F>;
template <int _K, class _F> auto _ask(_F*) -> decltype(_Spelled<_F>::_show());
""",
)
ASK = "using vgpu_query_answer_%d = decltype(vgpu_query_ask<%d>(%s));\n"
ANSWER = re.compile(r"vgpu_query_List.*\[with vgpu_query_I=<([\d, ]+)>\]")


@dataclass(frozen=True)
class Program:
    """One kernel of a source, compiled.

    parameters: the C types of its parameters, typedefs and templates resolved, such as ("const float *", "int").
    names: what the source calls them ("" where that cannot be told).  sizes: in bytes.
    """

    kernel: str
    entry: str  # its name in the PTX
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    ptx: str = field(repr=False)
    cubin: bytes = field(repr=False)
    arch: str
    log: str  # the compiler's warnings


def compile_cuda(source: str, kernel: str, arch: str = "sm_90", options: tuple[str, ...] = ()) -> Program:
    """Compile `source` and look up `kernel`: a name, or a template's instance such as "transpose<32>".  About 0.1 s.

    The C headers that people include out of habit (stdint.h, cmath, ...) are there; CUDA's own come from the
    nvidia-cuda-runtime package.  Raises CompileError, UnknownKernel (a ValueError) or NvrtcMissing.
    """
    return _together.get((source, kernel, arch, options)) or _alone(source, kernel, arch, options)


@lru_cache(maxsize=256)
def _alone(source: str, kernel: str, arch: str, options: tuple[str, ...]) -> Program:
    return _compiled(source, (kernel,), arch, options)[kernel]


_together: dict[tuple, Program] = {}


def compile_together(source: str, kernels: Sequence[str], arch: str = "sm_90") -> None:
    """Compile many kernels of one source in the time of one, for `compile_cuda` to find; raises what it raises."""
    found = _compiled(source, tuple(kernels), arch, ())
    _together.update({(source, kernel, arch, ()): program for kernel, program in found.items()})


def _compiled(source: str, kernels: tuple[str, ...], arch: str, options: tuple[str, ...]) -> dict[str, Program]:
    known = nvrtc.architectures()
    if arch.rstrip("af") not in known:
        raise ValueError(f"NVRTC {nvrtc_version()} knows no architecture {arch!r}; it knows {', '.join(known)}")
    if "\0" in source:
        raise ValueError("the source has a zero byte in it")
    for kernel in kernels:
        if not re.fullmatch(r"[A-Za-z_][\w:]*\s*(<.*>)?", kernel.strip()):
            raise unknown_kernel(source, kernel)
    flags = [*OPTIONS, f"--gpu-architecture={arch}", f"-I{nvrtc.include()}", *options]
    asked = "".join(ASK % (number, number, kernel) for number, kernel in enumerate(kernels))
    for fewer in (["-minimal"], []):  # without textures and CUDA's runtime it is 15 ms faster: few kernels have them
        output = nvrtc.compile(source + QUESTION + asked, FILE, kernels, HEADERS, flags + fewer)
        if output.ok:
            break
    else:
        raise failure(source, kernels[0], output.log)
    answers = ANSWER.findall(output.log)
    if len(answers) != len(kernels):
        raise ValueError(f"the types of {kernels[0]}'s parameters are told in a warning, and {options} silences it")
    warnings = "\n".join(str(found) for found in diagnostics(source, output.log) if found.severity == "warning")
    programs = {}
    for kernel, entry, answer in zip(kernels, output.entries, answers, strict=True):
        declared = re.search(rf"\.entry {re.escape(entry)}\((.*?)\)\s*[\n.{{]", output.ptx, re.S)
        if not declared:
            raise unknown_kernel(source, kernel)
        types = parameters("".join(chr(int(code)) for code in answer.split(",")))
        names, sizes = parameter_names(source, kernel, len(types)), parameter_sizes(declared[1])
        programs[kernel] = Program(kernel, entry, types, names, sizes, output.ptx, output.cubin, arch, warnings)
    return programs


def parameters(spelled: str) -> tuple[str, ...]:
    """'... [with vgpu_query_F = void (const float *, int)]' -> ('const float *', 'int')"""
    inside = spelled[spelled.index("(", spelled.index("_F = ")) + 1 : spelled.rindex(")")]
    return tuple(kind.replace("__nv_bool", "bool") for kind in split(inside))


def split(inside: str) -> list[str]:
    """At the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in inside:
        depth += (letter in "<([{") - (letter in ">)]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def parameter_names(source: str, kernel: str, count: int) -> tuple[str, ...]:
    """Read from the text, for messages only: "" for all where macros or overloads hide them."""
    name = re.split(r"[<\s]", kernel.strip())[0].split("::")[-1]
    found = re.search(rf"__global__[^;{{}}]*?\b{name}\s*\(([^{{}};]*)\)\s*[{{;]", without_comments(source))
    parts = split(found[1]) if found else []
    names = [re.search(r"(\w+)\s*(?:\[\w*\])?$", part.partition("=")[0].strip()) for part in parts]
    return tuple(match[1] for match in names) if len(parts) == count and all(names) else ("",) * count


def parameter_sizes(declared: str) -> tuple[int, ...]:
    """'.param .u64 a, .param .align 4 .b8 b[12]' -> (8, 12)"""
    found = re.findall(r"\.param(?: \.align \d+)? \.[a-z]+(\d+) [^,\[]+(?:\[(\d+)\])?", declared)
    return tuple(int(bits) // 8 * int(count or 1) for bits, count in found)


def nvrtc_version() -> str:
    """As its package is numbered, such as "13.0.88"; "13.0" where the library comes from elsewhere."""
    seen = nvrtc.version()
    try:
        packaged = importlib.metadata.version("nvidia-cuda-nvrtc")
    except importlib.metadata.PackageNotFoundError:
        return seen
    return packaged if packaged.startswith(f"{seen}.") else seen
