"""Every counter in which the emulated GPU and the recorded one differ, by cause. Anything else that differs is a bug.

`python tests/test_calibration.py` prints the figures. The causes were read off the SASS of the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOP = "smsp__sass_thread_inst_executed_op_{}_pred_on.sum"
GLOBAL = tuple(
    f"l1tex__t_{what}_pipe_lsu_mem_global_op_{op}.sum"
    for what in ("requests", "sectors")
    for op in ("ld", "st", "atom", "red")
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
          ("halves_to_floats", "rmsnorm_half", "rope_half2", "half_operations", "bfloat_operations",
           "halves_relu_bf162", "halves_bf16_lerp", "halves_from_fp8", "halves_quads_of_half", "halves_shuffled_halves",
           "models_swiglu",
           "atomics_add_one_half")),
    Cause("division, square root, remainder and sine are subroutines of FFMA and FMUL in machine code, one PTX"
          " instruction here; powers of two are scaled by FMUL",
          flops("fadd", "fmul", "ffma", "dadd", "dmul", "dfma"),
          ("softmax_block", "softmax_online", "layernorm", "layernorm_float4", "rmsnorm_half", "rmsnorm_bf16",
           "rope_half2", "float_operations", "float_special", "double_operations", "fast_functions",
           "exact_functions", "kinds_integrals", "models_softmax_a_warp_a_row", "models_rmsnorm_two_rows",
           "models_loss_of_tokens", "models_swiglu", "models_online_attention_row")),
    Cause("ptxas computes in fewer lanes what only some lanes use, or contracts a product and a sum",
          flops("fadd", "fmul", "ffma", "dadd"),
          ("sum_shuffle_float", "sum_warp_atomic_float", "scan_shuffle_float", "matvec_warp_per_row", "gelu",
           "layernorm_float4", "rope_half2", "exact_functions", "scans_by_warps_double", "reductions_a_warp_a_segment",
           "reductions_sum_of_doubles", "halves_bf16_dot")),
    Cause("ptxas unrolls a loop and runs ahead in it, in lanes that will not use the result",
          flops("ffma"), ("mandelbrot",)),
    Cause("an atomic of floats or of 8 bytes on shared memory is a loop of compare-and-swap: how often it turns depends"
          " on timing",
          (*SHARED, *flops("fadd")), ("sum_shared_atomic_float", "bins_shared_float", "shared_atomics",
                                      "shared_long_atomics", "atomics_shared_floats")),
    Cause("an atomic of 2 bytes is a loop of compare-and-swap on their word", GLOBAL,
          ("atomics_add_one_half", "atomics_swap_shorts")),
    Cause("printf's own loads, stores and atomics on its buffer", GLOBAL,
          ("say", "prints_prints_kinds", "prints_prints_by_lane")),
    Cause("atomics give out places in an order that is free", GLOBAL, ("compact_atomic",)),
    Cause("ptxas unrolls a loop that lanes leave after different numbers of turns: those that turn seven times take"
          " four turns at once and three by themselves, beside those that take eight at once",
          (*GLOBAL, *SHARED),
          ("csr_matvec", "reductions_a_thread_a_segment", "reductions_range_of_shorts", "reductions_distance_of_bytes",
           "products_triangular", "products_matrix_vector")),
    Cause("ptxas takes what does not change out of a loop", GLOBAL, ("scans_sum_by_key",)),
    Cause("ptxas finds that a result times 0 is not wanted", GLOBAL, ("lanes_leaders",)),
    Cause("a copy that passes L1 by (cp.async.cg) is counted by the bytes it brings, not by the sectors that they are"
          " in (seen in this one kernel; Nsight Compute's own theoretical count is the emulator's)",
          GLOBAL, ("pipelines_lanes_of_bytes",)),
    Cause("ptxas forwards what a thread has just stored", SHARED, ("scan_blelloch",)),
    Cause("not understood: a reduction takes a sector more now and then where 32 lanes name about 20 sectors and two of"
          " the lanes name one address; never with fewer sectors, nor with 32 addresses",
          ("l1tex__t_sectors_pipe_lsu_mem_global_op_red.sum",),
          ("histogram_global", "gathers_count_bytes", "bins_of_a_warp_256_1", "bins_of_a_warp_256_4",
           "bins_of_a_warp_256_5", "bins_of_a_warp_1024_0")),
)  # fmt: skip


def cause(case: str, counter: str) -> Cause | None:
    """Why this counter may differ, if a cause is known."""
    return next((one for one in CAUSES if counter in one.counters and (not one.cases or case in one.cases)), None)
