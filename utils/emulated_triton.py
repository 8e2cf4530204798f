"""A Triton kernel on the emulated GPU: compiled for sm_90 as Triton's launcher would, run, counted and examined."""

from __future__ import annotations

import inspect
import json
import re
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from . import machine
from .compile_worker import compile_triton
from .judge.source import closure, plain_function
from .triton_or_not import MISSING
from .vgpu import ArgumentError, emulate_ptx
from .vgpu.arguments import describe
from .vgpu.launch import root_of

if TYPE_CHECKING:
    from .vgpu import Report

TARGET = "sm_90"
ALIGNED = 16  # what Triton's launcher looks at: bytes of a pointer, the value of an integer
WARP = 32
POINTERS = {"bool": "i1", "float16": "fp16", "bfloat16": "bf16", "float32": "fp32", "float64": "fp64",
            "float8_e4m3fn": "fp8e4nv", "float8_e5m2": "fp8e5"}  # fmt: skip
POINTERS |= {f"{kind}{bits}": f"{kind[0]}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
NUMBERS = {"u1": np.uint8, "i32": np.int32, "i64": np.int64, "u64": np.uint64, "fp32": np.float32}
Grid = int | Sequence[int] | Callable[[dict[str, Any]], int | Sequence[int]]


@dataclass(frozen=True)
class Code:
    """ptx: its lines count within the kernel.  shared: bytes of dynamic shared memory.
    registers: of a thread.  spilled: bytes of local memory of a thread.
    """

    ptx: str
    ttgir: str
    entry: str
    warps: int
    shared: int
    registers: int
    spilled: int


def emulate_triton(
    kernel: Any, grid: Grid, *args: Any, num_warps: int = 4, num_stages: int | None = None, **named: Any
) -> Report:
    """Run a `@triton.jit` kernel on the emulator as `kernel[grid](*args, **named)` would on a GPU of sm_90.

    args, named: NumPy arrays (bf16 and fp8 as ml_dtypes) and CPU tensors of torch, of any strides, written in place;
        numbers; constexprs.  grid: extents, x first, or a function of the arguments by name.
    The report's source is the kernel's, its line 1 the first decorator; what a function does that the kernel calls
    counts for the line of the call.
    Raises CompileError (of utils.compile_worker), ArgumentError, LaunchError, NotEmulated.
    """
    job = _job(kernel, args, named, num_warps, num_stages)
    extents = grid(job.given) if callable(grid) else grid
    code = job.code
    return emulate_ptx(
        code.ptx, code.entry, extents, WARP * code.warps, job.parameters, job.source, TARGET, code.shared,
        names=job.names,
    )  # fmt: skip


def triton_code(kernel: Any, *args: Any, num_warps: int = 4, num_stages: int | None = None, **named: Any) -> Code:
    """What Triton's compiler makes for sm_90 of `kernel[grid](*args, **named)`: `ptx` and `ttgir`. Nothing is run."""
    return _job(kernel, args, named, num_warps, num_stages).code


@dataclass(frozen=True)
class Job:
    """A launch made ready.  given: all arguments by name.  parameters, names: those that the machine code takes."""

    code: Code
    given: dict[str, Any]
    names: list[str]
    parameters: list[Any]
    source: str


def _job(kernel: Any, args: Sequence[Any], named: Mapping[str, Any], num_warps: int, num_stages: int | None) -> Job:
    if machine.triton_backend() is None:
        raise RuntimeError(MISSING)
    function = plain_function(kernel)
    if function is None:
        raise ArgumentError(f"{describe(kernel)} is given for the kernel: give a function under @triton.jit")
    given, constants = _arguments(function, args, named)
    values = {name: _shared(value) for name, value in given.items()}
    given = given | constants
    signature, constants = _signature(values, constants, _unspecialized(kernel))
    options = {"num_warps": num_warps} | ({"num_stages": num_stages} if num_stages else {})
    source = textwrap.dedent(inspect.getsource(function))
    module = closure({**function.__globals__, function.__name__: kernel}, (function.__name__,))
    above = module[: module.rindex(source.rstrip())].count("\n")
    code = _compiled(module, above, function.__name__, _json(signature, constants, options))
    passed = {name: values[name] for name in signature}
    parameters = [
        value if isinstance(value, np.ndarray) else NUMBERS[signature[name].partition(":")[0]](value)
        for name, value in passed.items()
    ]
    return Job(code, given, list(passed), parameters, source)


def _arguments(function: FunctionType, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[dict, dict]:
    """(values, constexprs) by name, in the kernel's order."""
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*args, **named)
    except TypeError as problem:
        listed = ", ".join(map(str, signature.parameters.values()))
        raise ArgumentError(f"{problem}: the kernel is {function.__name__}({listed})") from None
    bound.apply_defaults()
    constant = {name for name, one in signature.parameters.items() if "constexpr" in str(one.annotation)}
    values = {name: value for name, value in bound.arguments.items() if name not in constant}
    return values, {name: getattr(bound.arguments[name], "value", bound.arguments[name]) for name in constant}


def _shared(value: Any) -> Any:
    """Arrays as NumPy arrays that share the memory of what was given; NumPy's scalars as numbers."""
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "data_ptr"):
        return _tensor(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not root_of(value).flags.c_contiguous:
        if not value.T.flags.c_contiguous:
            raise ArgumentError(f"{describe(value)} has its elements apart, and shares no whole array: give a copy")
        return value.T  # the same memory
    return value


def _tensor(value: Any) -> np.ndarray:
    """The part of its storage that the tensor begins: a pointer knows no shape, and may be shared by other tensors."""
    import ml_dtypes
    import torch

    if value.device.type != "cpu":
        raise ArgumentError(f"{describe(value)} is given; the emulator works in the computer's memory: x.cpu()")
    whole = torch.empty(0, dtype=value.dtype).set_(value.untyped_storage())
    name = str(value.dtype).removeprefix("torch.")
    if hasattr(np, name):
        array = whole.numpy()
    else:
        bits = torch.int16 if value.itemsize == 2 else torch.uint8
        array = whole.view(bits).numpy().view(getattr(ml_dtypes, name))
    return array[value.storage_offset() :]


def _signature(values: Mapping[str, Any], constants: Mapping[str, Any], plain: set[str]) -> tuple[dict, dict]:
    """(types, constexprs) by name, as Triton's launcher sees them: ":16" is divisible by 16; None and 1 are constexprs.

    plain: arguments about whose value the compiler shall know nothing.
    """
    signature, known = {}, dict(constants)
    for name, value in values.items():
        kind = _type(name, value)
        if value is None or (kind in ("i32", "i64") and value == 1 and name not in plain):
            known[name] = value
            continue
        start = _offset(value) if isinstance(value, np.ndarray) else value
        aligned = kind[0] in "*iu" and kind != "u1" and start % ALIGNED == 0 and name not in plain
        signature[name] = kind + (f":{ALIGNED}" if aligned else "")
    return signature, known


def _type(name: str, value: Any) -> str:
    if isinstance(value, np.ndarray) and str(value.dtype) in POINTERS:
        return "*" + POINTERS[str(value.dtype)]
    if isinstance(value, bool):
        return "u1"
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return "i32" if -(2**31) <= value < 2**31 else "i64" if value < 2**63 else "u64"
    if isinstance(value, float):
        return "fp32"
    if value is None:
        return "constexpr"
    raise ArgumentError(f"`{name}` is {describe(value)}: give an array, a CPU tensor or a number")


def _offset(array: np.ndarray) -> int:
    """Bytes from the start of the memory that this is a view of: the emulator aligns that one as a GPU would."""
    return array.__array_interface__["data"][0] - root_of(array).__array_interface__["data"][0]


def _unspecialized(kernel: Any) -> set[str]:
    """Names in the decorator's do_not_specialize, where they are names or places."""
    while hasattr(kernel, "fn") and not hasattr(kernel, "arg_names"):
        kernel = kernel.fn
    options = getattr(kernel, "kwargs", None) or vars(kernel)
    listed = options.get("do_not_specialize") or ()
    return {kernel.arg_names[one] if isinstance(one, int) else one for one in listed}


def _json(signature: Mapping[str, str], constants: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    try:
        return json.dumps({"signature": signature, "constexprs": constants, "options": options})
    except TypeError:
        other = [name for name, one in constants.items() if not isinstance(one, bool | int | float | str | None)]
        raise ArgumentError(f"constexpr `{other[0]}` is {describe(constants[other[0]])}: give a number, a string or"
                            " None; Triton's types come from the arrays") from None  # fmt: skip


# Compiling


@lru_cache(maxsize=64)
def _compiled(module: str, above: int, name: str, job: str) -> Code:
    """above: lines of the module before the kernel's own."""
    with tempfile.TemporaryDirectory(prefix="emulate-triton-") as folder:
        file = Path(folder) / "kernel.py"
        file.write_text(module)
        stages = compile_triton(file, name, **json.loads(job), target=TARGET, sass=False)
    made = stages["metadata"]
    return Code(
        _located(stages["ptx"], above), stages["ttgir"], made["name"], made["num_warps"], made["shared"],
        made["registers"], made["stack"],
    )  # fmt: skip


PLACE = re.compile(r"\.loc\s+\d+\s+\d+\s+\d+[^\n/]*//[^\n]*?:(\d+):\d+(?: \])*[ \t]*$", re.MULTILINE)


def _located(ptx: str, above: int) -> str:
    """The line information as that of one file, of the kernel's lines.

    The compiler notes beside each place the calls that lead there, the kernel's own line last:
    `.loc 2 191 40  // standard.py:191:40 @[ kernel.py:5:32 @[ kernel.py:11:15 ] ]`.
    """
    return PLACE.sub(lambda found: f".loc 1 {max(int(found[1]) - above, 0)} 0", ptx)
