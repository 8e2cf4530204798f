"""Every counter in which the emulated GPU and the recorded one differ, by cause. Anything else that differs is a bug.

`python tests/test_calibration.py` prints the figures. The causes were read off the SASS of the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOP = "smsp__sass_thread_inst_executed_op_{}_pred_on.sum"
GLOBAL = tuple(
    f"l1tex__t_{what}_pipe_lsu_mem_global_op_{op}.sum"
    for what in ("requests", "sectors")
    for op in ("ld", "st", "atom")
)
SHARED = tuple(
    f"l1tex__data_{what}_mem_shared_op_{op}.sum"
    for what in ("pipe_lsu_wavefronts", "bank_conflicts_pipe_lsu")
    for op in ("ld", "st")
)


@dataclass(frozen=True)
class Cause:
    """counters: what differs, of which kernels (cases; () for any)."""

    why: str
    counters: tuple[str, ...]
    cases: tuple[str, ...] = ()


def flops(*kinds: str) -> tuple[str, ...]:
    return tuple(FLOP.format(kind) for kind in kinds)


CAUSES = (
    Cause("ptxas makes constants with HFMA2, and adds and multiplies halves with it: moves that count as FLOPs",
          flops("hfma")),
    Cause("a half becomes a float through HADD2.F32; half products and sums are HFMA2",
          flops("hadd", "hmul"),
          ("halves_to_floats", "rmsnorm_half", "rope_half2", "half_operations", "bfloat_operations")),
    Cause("division, square root, remainder and sine are subroutines of FFMA and FMUL in machine code, one PTX"
          " instruction here; powers of two are scaled by FMUL",
          flops("fadd", "fmul", "ffma", "dadd", "dmul", "dfma"),
          ("softmax_block", "softmax_online", "layernorm", "layernorm_float4", "rmsnorm_half", "rmsnorm_bf16",
           "rope_half2", "float_operations", "float_special", "double_operations", "fast_functions",
           "exact_functions")),
    Cause("ptxas computes in fewer lanes what only some lanes use, or contracts a product and a sum",
          flops("fadd", "fmul", "ffma"),
          ("sum_shuffle_float", "sum_warp_atomic_float", "scan_shuffle_float", "matvec_warp_per_row", "gelu",
           "layernorm_float4", "rope_half2", "exact_functions")),
    Cause("ptxas unrolls a loop and runs ahead in it, in lanes that will not use the result",
          flops("ffma"), ("mandelbrot",)),
    Cause("a float atomic on shared memory is a loop of compare-and-swap: how often it turns depends on timing",
          (*SHARED, *flops("fadd")), ("sum_shared_atomic_float", "bins_shared_float", "shared_atomics")),
    Cause("printf's own loads, stores and atomics on its buffer", GLOBAL, ("say",)),
    Cause("atomics give out places in an order that is free", GLOBAL, ("compact_atomic",)),
    Cause("ptxas unrolls the loop over a row once more: lanes of rows of other lengths meet later than here",
          GLOBAL, ("csr_matvec",)),
    Cause("ptxas forwards what a thread has just stored", SHARED, ("scan_blelloch",)),
    Cause("not understood: 2 % more sectors where 32 lanes update 256 bins, about 8 lines, in random order",
          ("l1tex__t_sectors_pipe_lsu_mem_global_op_red.sum",), ("histogram_global",)),
)  # fmt: skip


def cause(case: str, counter: str) -> Cause | None:
    """Why this counter may differ, if a cause is known."""
    return next((one for one in CAUSES if counter in one.counters and (not one.cases or case in one.cases)), None)
