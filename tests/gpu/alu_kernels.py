"""One kernel of inline PTX for each opcode of utils/vgpu/alu, compiled with NVRTC through cupy."""

from __future__ import annotations

from utils.vgpu import alu
from utils.vgpu.alu.core import width

CTYPE = {1: "unsigned char", 8: "unsigned char", 16: "unsigned short", 32: "unsigned int", 64: "unsigned long long"}
LETTER = {16: "h", 32: "r", 64: "l"}


def assembly(opcode: str, second: bool) -> tuple[list[str], list[str], str]:
    """(types of the inputs, of the results, the asm statement's body) with operands %0.. results first."""
    operation = alu.operation(opcode)
    family = opcode.split(".")[0]
    results = [operation.output] + (["pred"] if second or operation.carry else [])
    sources = list(operation.inputs) + (["pred"] if operation.carry else [])
    immediate = family == "lop3"
    lines, operands, number = [], [], 0

    def place(kind: str, register: str, position: int, into: bool) -> None:
        bits = width(kind)
        if kind == "pred":
            lines.append(f".reg .pred {register};")
            (lines if into else after).append(
                f"setp.ne.u32 {register}, %{position}, 0;" if into else f"selp.u32 %{position}, 1, 0, {register};"
            )
        elif bits == 8:
            lines.append(f".reg .b16 {register};")
            (lines if into else after).append(
                f"cvt.u16.u32 {register}, %{position};" if into else f"cvt.u32.u8 %{position}, {register};"
            )
        else:
            lines.append(f".reg .b{bits} {register};")
            (lines if into else after).append(
                f"mov.b{bits} {register}, %{position};" if into else f"mov.b{bits} %{position}, {register};"
            )

    after: list[str] = []
    for kind in results:
        place(kind, f"o{number}", number, False)
        number += 1
    shown = [k for i, k in enumerate(sources) if not (immediate and i == 3)]
    for i, kind in enumerate(shown):
        place(kind, f"i{i}", number, True)
        operands.append(f"i{i}")
        number += 1
    carry = operands.pop() if operation.carry else ""
    if immediate:
        operands.insert(3, "0xD8")
    target = "o0|o1" if second else "o0"
    body = f"{opcode} {target}, {', '.join(operands)};"
    if operation.carry:  # the flag set by a sum that carries exactly if the predicate holds; subc's flag is a borrow
        borrow = family == "subc"
        lines += [".reg .b32 z;", f"selp.u32 z, 1, 0, {carry};",
                  ".reg .b32 t;", "sub.cc.u32 t, 0, z;" if borrow else "add.cc.u32 t, z, 0xffffffff;"]  # fmt: skip
        after = [".reg .b32 f;", "subc.u32 f, 0, 0;" if family in ("sub", "subc") else "addc.u32 f, 0, 0;",
                 "setp.ne.u32 o1, f, 0;", *after]  # fmt: skip
    return shown, results, " ".join(["{", *lines, body, *after, "}"])


def paired(opcode: str) -> bool:
    """Whether the instruction can write a second predicate; setp of one f16 or bf16 cannot."""
    return alu.operation(opcode).second is not None and not opcode.endswith((".f16", ".bf16"))


def kernel(name: str, opcode: str) -> str:
    sources, results, body = assembly(opcode, paired(opcode))
    register = lambda kind: CTYPE[max(width(kind), 32) if width(kind) < 16 else width(kind)]  # noqa: E731
    letter = lambda kind: LETTER[32 if width(kind) < 16 else width(kind)]  # noqa: E731
    parameters = [f"const {CTYPE[width(k)]}* a{i}" for i, k in enumerate(sources)]
    parameters += [f"{CTYPE[width(k)]}* r{i}" for i, k in enumerate(results)]
    loads = "".join(f"{register(k)} x{i} = a{i}[t];" for i, k in enumerate(sources))
    outs = "".join(f"{register(k)} y{i};" for i, k in enumerate(results))
    constraints = ", ".join(f'"={letter(k)}"(y{i})' for i, k in enumerate(results))
    inputs = ", ".join(f'"{letter(k)}"(x{i})' for i, k in enumerate(sources))
    stores = "".join(f"r{i}[t] = ({CTYPE[width(k)]})y{i};" for i, k in enumerate(results))
    return (
        f'extern "C" __global__ void {name}({", ".join(parameters)}) {{ int t = blockIdx.x * blockDim.x + threadIdx.x;'
        f'{loads}{outs} asm volatile("{body}" : {constraints} : {inputs}); {stores} }}\n'
    )


def compiled(opcodes: list[str]) -> tuple[dict[str, object], dict[str, str]]:
    """Kernels by opcode, and what the assembler said of those that it refuses: halves of a failing batch are tried."""
    import cupy

    cupy.cuda.Device(0).use()  # each thread has its own current device
    names = {f"k{i}": opcode for i, opcode in enumerate(opcodes)}
    source = "".join(kernel(name, opcode) for name, opcode in names.items())
    try:
        binary = cupy.RawModule(code=source, options=("-arch=sm_90",), backend="nvrtc")
        return {opcode: binary.get_function(name) for name, opcode in names.items()}, {}
    except Exception as error:  # noqa: BLE001 - whatever NVRTC, ptxas or the driver says
        if len(opcodes) == 1:
            return {}, {opcodes[0]: str(error).strip().splitlines()[-1][:200] if str(error).strip() else repr(error)}
        middle = len(opcodes) // 2
        left, right = compiled(opcodes[:middle]), compiled(opcodes[middle:])
        return {**left[0], **right[0]}, {**left[1], **right[1]}
