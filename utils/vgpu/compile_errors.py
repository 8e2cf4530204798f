"""What the compiler said, shown at the learner's line and followed by a plain sentence for the commonest errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

FILE = "kernel.cu"  # what the learner's code is called in messages and in the PTX
QUERY = "kernel name"  # what the code after it is called
SHOWN = 3  # errors: the rest are mostly consequences

# Names of CUDA's that are often misspelt, and what to include for those that need it.
BUILTINS = """threadIdx blockIdx blockDim gridDim warpSize __syncthreads __syncwarp __threadfence __global__ __device__
    __shared__ __constant__ __restrict__ __forceinline__ atomicAdd atomicMax atomicMin atomicCAS atomicExch __ldg
    __shfl_sync __shfl_up_sync __shfl_down_sync __shfl_xor_sync __ballot_sync __any_sync __all_sync __popc __clz
    float float2 float4 double unsigned int4 printf assert expf exp2f logf log2f sqrtf rsqrtf fabsf fmaxf fminf fmaf
    sinf cosf tanhf powf floorf ceilf min max nullptr""".split()
INCLUDES = {
    r"(__)?half2?|__half\w*|__(low|high|float|int)\w*2half\w*|__h(add|sub|mul|fma|max|min)2?": "cuda_fp16.h",
    r"(__)?nv_bfloat16\w*|__\w*bfloat16\w*": "cuda_bf16.h",
    r"__nv_fp8\w*|__nv_cvt_\w*fp8\w*": "cuda_fp8.h",
    r"cooperative_groups|cg": "cooperative_groups.h",
    r"u?int(8|16|32|64|ptr)_t|U?INT(8|16|32|64)_(MAX|MIN)": "stdint.h",
    r"(FLT|DBL)_(MAX|MIN|EPSILON)": "float.h",
    r"(U?(INT|LONG|CHAR|SHRT|LLONG))_(MAX|MIN)": "limits.h",
    r"INFINITY|NAN|M_\w+": "math.h",
}


PYTHON = {"True": "true", "False": "false", "None": "nullptr", "elif": "else if"}


class CompileError(Exception):
    """The learner's code does not compile.  diagnostics: the errors, in the compiler's order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        more = len(diagnostics) - SHOWN
        shown = "\n".join(map(str, diagnostics[:SHOWN]))
        super().__init__(shown + (f"\n({more} more, which often go away with the first)" if more > 0 else ""))

    def __reduce__(self) -> tuple:
        return CompileError, (self.diagnostics,)

    @property
    def line(self) -> int:
        return self.diagnostics[0].line


class UnknownKernel(ValueError):
    """No kernel of that name; the message lists those that are there."""


@dataclass(frozen=True)
class Diagnostic:
    """line: in the learner's code, from 1; 0 where the compiler named none.  column: from 0, or -1."""

    severity: str  # "error" or "warning"
    line: int
    column: int
    message: str
    code: str  # the line's text
    hint: str  # a plain sentence, or ""

    def __str__(self) -> str:
        parts = [f"line {self.line}: {self.message}" if self.line else self.message]
        if self.code:
            indent = len(self.code) - len(self.code.lstrip())
            parts.append("    " + self.code.strip())
            if self.column >= indent:
                parts.append(" " * (4 + self.column - indent) + "^")
        return "\n".join([*parts, f"  {self.hint}"] if self.hint else parts)


# What the assembler says -> the word in the learner's code that causes it.
ASSEMBLER = {"shared data": "__shared__", "constant data": "__constant__", "modifier|instruction|Parsing|type": "asm"}
HEAD = re.compile(
    r"^(?:(?P<file>[^\n(]+)\((?P<line>\d+)\)|At end of source|(?P<tool>nvrtc|ptxas)[^:\n]*?)\s*:?\s*"
    r"(?P<severity>(?:catastrophic )?error|warning|note)(?: #[\w-]+)?\s*: (?P<message>.*)$",
    re.M,
)


def diagnostics(source: str, log: str) -> tuple[Diagnostic, ...]:
    """The errors and warnings about `source` in the compiler's `log`, without those about what was put after it."""
    lines, heads, found = source.splitlines(), list(HEAD.finditer(log)), []
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = log[head.end() : following.start() if following else len(log)].splitlines()
        file, message = head["file"] or "", head["message"].strip()
        if head["severity"] == "note" or file in (QUERY, "__nv_name_map"):
            continue
        details = [text.strip() for text in body if text.startswith(" " * 12) and "argument types" in text]
        number, column = _place(head, body, following)
        if file not in ("", FILE):  # inside a header: the learner's line is where it was brought in
            message = f"{message} (in {file.rsplit('/')[-1]})"
            number, column = 0, -1
        if head["tool"] == "ptxas":  # it names no line
            cause = next((word for said, word in ASSEMBLER.items() if re.search(said, message)), "\n")
            number = next((n for n, text in enumerate(lines, 1) if cause in text), 0)
        code = lines[number - 1] if 0 < number <= len(lines) else ""
        severity = "warning" if head["severity"] == "warning" else "error"
        hint = _hint(message, number, column, source) if severity == "error" else ""
        found.append(Diagnostic(severity, number, column, "; ".join([message, *details]), code, hint))
    return tuple(found)


def failure(source: str, kernel: str, log: str) -> Exception:
    """The exception for a compilation that failed: about the code, or about the kernel's name."""
    errors = tuple(found for found in diagnostics(source, log) if found.severity == "error")
    if errors:
        return CompileError(errors)
    if "error" in log and QUERY not in log and "__nv_name_map" not in log:
        return CompileError((Diagnostic("error", 0, -1, log, "", ""),))
    return unknown_kernel(source, kernel, log)


def unknown_kernel(source: str, kernel: str, log: str = "") -> UnknownKernel:
    """Why there is no such kernel, and which there are."""
    names, name = kernels(source), re.split(r"[<\s]", kernel.strip())[0]
    last = name.split("::")[-1]
    near = get_close_matches(last, names, 1, 0.5)
    listed = f"the code has {', '.join(names)}" if names else "the code has no __global__ function at all"
    function = last and re.search(rf"\b{re.escape(last)}\s*\(", without_comments(source))
    if 'instance of overloaded function "' in log:
        text = f"there are several kernels called {name}: give each its own name."
    elif last in names and " is intended" in log and "<" not in kernel:
        text = f'{name} is a template: name one instance of it, such as "{name}<32>" or "{name}<float>".'
    elif last in names and "<" in kernel and "operand types are incompatible" in log:
        text = f"{name} is not a template: name it without <...>."
    elif last in names and (reasons := [said for said in re.findall(r"error: (.*)", log) if "vgpu_" not in said]):
        text = f"{kernel} cannot be compiled as it is named: {reasons[0]}."
    elif function and last not in names and "is undefined" not in log:
        text = f"{name} is a function, but not a kernel: write __global__ before it."
    else:
        text = f"no kernel {kernel!r}: {listed}." + (f" Did you mean {near[0]}?" if near else "")
    return UnknownKernel(text)


def kernels(source: str) -> list[str]:
    """The names of the __global__ functions."""
    text = re.sub(r"__launch_bounds__\s*\([^)]*\)", "", without_comments(source))
    return list(dict.fromkeys(re.findall(r"__global__[^;{}()]*?(\w+)\s*\(", text)))


def without_comments(source: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", source, flags=re.S)


def _place(head: re.Match, body: list[str], following: re.Match | None) -> tuple[int, int]:
    """Line and column. For the end of the source: the line of the brace that the note after it names."""
    if head["line"] is None:
        brace = following if following and following["severity"] == "note" else None
        return (int(brace["line"]) if brace and brace["file"] == FILE else 0), -1
    caret = next((text for text in body if text.strip() == "^"), "")
    return int(head["line"]), len(caret) - 3  # the compiler indents by two


def _semicolon(found: re.Match, line: int, column: int, source: str) -> str:
    lines = source.splitlines()
    if 0 < line <= len(lines) and not lines[line - 1][: max(column, 0)].strip():
        before = next((n for n in range(line - 1, 0, -1) if lines[n - 1].strip()), line)
        return f"A semicolon is missing at the end of line {before}."
    return "A semicolon is missing before the ^, or something there does not belong."


def _undeclared(found: re.Match, line: int, column: int, source: str) -> str:
    name = found[1]
    if name in PYTHON:
        return f"C++ writes {PYTHON[name]} for Python's {name}."
    for pattern, header in INCLUDES.items():
        if re.fullmatch(pattern, name):
            return f"{name} needs  #include <{header}>  at the top."
    if re.fullmatch(r"cuda[A-Z]\w*|malloc|main", name):
        return f"{name} runs on the host: here is the device's code only, and what calls the kernel is Python."
    own = set(re.findall(r"[A-Za-z_]\w+", without_comments(source))) - {name}
    names = {known.lower(): known for known in (*sorted(own), *BUILTINS)}
    declared = {known.lower(): known for known in BUILTINS}
    near = [declared.get(name.lower())] if name.lower() in declared else []
    near = near or [names[match] for match in get_close_matches(name.lower(), names, 1, 0.75)]
    if near:
        return f"Did you mean {near[0]}?"
    return f"{name} is declared nowhere before this line: give it a type where it is first used."


def _shared(found: re.Match, line: int, column: int, source: str) -> str:
    return (
        f"Shared memory with a size written in the code ends at {int(found[2], 16)} bytes (48 KB) a block; this is "
        f"{int(found[1], 16)}. For more, take  extern __shared__ float name[];  and give its size at the launch."
    )


def _misspelt(found: re.Match, line: int, column: int, source: str) -> str:
    words = re.findall(r"\w+", source.splitlines()[line - 1][max(column, 0) :])
    near = get_close_matches(words[0], BUILTINS, 1, 0.7) if words else []
    return f"Did you mean {near[0]}?" if near and near[0] != words[0] else ""


def _taken(found: re.Match, line: int, column: int, source: str) -> str:
    if re.search(r"\bfor\s*\([^;)]*\)", source.splitlines()[line - 1]):
        return "The three parts of a for are separated by semicolons: for (int k = 0; k < n; ++k)."
    return "The name is taken in this scope: leave the type out to assign, or choose another name."


def _host(found: re.Match, line: int, column: int, source: str) -> str:
    return "A kernel can only call functions of the device: write __device__ in place of __host__ before it."


Sentence = str | Callable[[re.Match, int, int, str], str]
SENTENCES: dict[str, Sentence] = {
    r'expected a ";"': _semicolon,
    r'identifier "(\w+)" is undefined': _undeclared,
    r'name must be a namespace name|name followed by "::" must be': (
        "The name before :: is not known here; for cg:: write  namespace cg = cooperative_groups;  after its include."
    ),
    r"__host__ function|calling a __host__": _host,
    r'"const ([^"]*)\*".* cannot be (?:used to initialize|assigned to) an? entity of type "\1\*"': (
        "This would let const data be written: declare the new pointer const as well."
    ),
    r'"const ([^"]*)\*" is incompatible with parameter of type': (
        "The function could write through this pointer, but its data are const: let it take a const pointer."
    ),
    r"modifiable lvalue": "This cannot be written: it is const, or no variable. Write to the output array.",
    r'value of type "([^"]*\*)" cannot be .*type "([^"]*\*)"': (
        "These are pointers to different types: use one type, or convert on purpose with reinterpret_cast."
    ),
    r'value of type "[^"]*\*" cannot be .*"': "A pointer stands where a value is wanted: index it, as in x[i].",
    r"cast away const": "The data are const: convert to a const pointer, as in reinterpret_cast<const float4*>(x).",
    r"is incompatible with parameter of type": "The argument under the ^ has another type than the parameter.",
    r'no instance of (?:overloaded )?function(?: template)? "(__shfl\w*|__ballot\w*|__any\w*|__all\w*)"': (
        "Warp functions take the mask of the threads that take part first, mostly 0xffffffff."
    ),
    r'no instance of (?:overloaded )?function "(atomic\w+)"': (
        "Atomics take the address first, as in atomicAdd(&sum[0], value), and a value of exactly the pointer's type."
    ),
    r"no instance of function template": (
        "The arguments do not fit the template: parameters that share a type T need arguments of one type (1 is an "
        "int, 1.0f a float), or name it, as in f<float>(...)."
    ),
    r"no instance of overloaded function": "A function of this name exists, but not with arguments of these types.",
    r"too many arguments": "The function takes fewer arguments than are given here; look at where it is defined.",
    r"too few arguments": "The function takes more arguments than are given here; look at where it is defined.",
    r"expected an expression": "Something is missing or too much just before the ^: a value, a bracket, an operator.",
    r'expected a "\}"': "A brace { is opened here and never closed: count the } below it.",
    r'expected a "[)\]]"': "A bracket is opened on this line, or the one before, and not closed.",
    r"expected a declaration": "This stands outside every function: there is one } too many above, or a { is missing.",
    r"comment unclosed": "A comment that begins with /* is never closed with */.",
    r"missing closing quote": 'The string needs a " at its end, on the same line.',
    r"uses too much shared data \((0x[0-9a-f]+) bytes, (0x[0-9a-f]+) max\)": _shared,
    r"__global__ function must have a void return type": (
        "A kernel returns nothing: write  __global__ void  and store the result through a pointer."
    ),
    r"return value type does not match": "The function is void, as kernels are: store the result through a pointer.",
    r"device-side kernel launch": "A kernel is launched from Python here: leave the <<< >>> (and main) out.",
    r"expression must have a constant value": (
        "An array's size must be known when it is compiled: a number, a constexpr or a template's parameter; for "
        "shared memory of a size known at the launch,  extern __shared__ float name[];"
    ),
    r"initializer not allowed for __shared__": (
        "Shared memory has no value at the start: let one thread store it, then __syncthreads()."
    ),
    r"must have integral or unscoped enum type": "An index, a shift or % needs an integer; or is [i] missing?",
    r'operand of "\*" must be a pointer|expression must have pointer-to-object type|subscripted value': (
        "Only a pointer or an array can be indexed or followed with *, and this is neither."
    ),
    r"already been declared": _taken,
    r'no operator "': (
        "blockIdx, threadIdx and blockDim have three parts: write .x, .y or .z. A float4 has no arithmetic of its own: "
        "compute with its .x .y .z .w."
    ),
    r"expression must have arithmetic": "A pointer stands where a value is wanted: index it, as in x[i].",
    r"unrecognized preprocessing directive": "A comment begins with // here; # is for #include and #define.",
    r'expected a "\("': "A condition stands in brackets, and no colon follows: if (i < n) ...",
    r"expected a statement": "A statement is missing before the ^, or an else stands without its if.",
    r"no storage class or type specifier": _misspelt,
    r'namespace "std" has no member': (
        "The C++ library is not here; CUDA has its own: max, min, fmaxf, sqrtf, expf, printf, without std::."
    ),
    r'cannot open source file "(thrust|cub|cuda/|cute|cutlass|mma|crt)': (
        "Only CUDA's own headers are here (cuda_fp16.h, cuda_bf16.h, cuda_fp8.h, cooperative_groups.h), no libraries."
    ),
    r"cannot open source file": "This header belongs to the host's C++, which device code here does without.",
    r'has no member "': "Look at the name after the dot: blockIdx, threadIdx, blockDim and gridDim have x, y and z.",
    r"no suitable (?:constructor|conversion function|user-defined conversion)": (
        "These types do not convert by themselves: make_float4(a, b, c, d) builds a vector, __float2half a half."
    ),
    r"too much global constant data": "Constant memory ends at 64 KB: pass larger tables as const pointers.",
    r"^Unknown modifier|known instruction|^Parsing error|Arguments mismatch for instruction": (
        "The PTX inside asm is not valid: its instructions are described in the PTX ISA manual."
    ),
}


def _hint(message: str, line: int, column: int, source: str) -> str:
    for pattern, sentence in SENTENCES.items():
        if found := re.search(pattern, message):
            return sentence if isinstance(sentence, str) else sentence(found, line, column, source)
    return ""
