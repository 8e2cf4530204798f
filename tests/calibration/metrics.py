"""Which counters are recorded, under Nsight Compute's names; and its CSV read back."""

from __future__ import annotations

import csv
from pathlib import Path


def each(pattern: str, ways: str) -> list[str]:
    """'a{}b', 'ld st' -> ['aldb', 'astb']; '-' stands for nothing."""
    return [pattern.format("" if way == "-" else way) for way in ways.split()]


METRICS: tuple[str, ...] = tuple(
    [
        *each("l1tex__t_requests_pipe_lsu_mem_global_op_{}.sum", "ld st atom red ldgsts"),
        *each(
            "l1tex__t_sectors_pipe_lsu_mem_global_op_{}.sum",
            "ld st atom red ldgsts ldgsts_cache_access ldgsts_cache_bypass",
        ),
        *each("l1tex__t_requests_pipe_lsu_mem_local_op_{}.sum", "ld st"),
        *each("l1tex__t_sectors_pipe_lsu_mem_local_op_{}.sum", "ld st"),
        *each("l1tex__data_pipe_lsu_wavefronts_mem_shared{}.sum", "- _op_ld _op_st _op_atom _op_red"),
        *each("l1tex__data_bank_conflicts_pipe_lsu_mem_shared{}.sum", "- _op_ld _op_st _op_atom _op_red _op_ldgsts"),
        *each("l1tex__data_pipe_lsu_wavefronts{}.sum", "- _mem_lg"),
        "l1tex__data_bank_conflicts_pipe_lsu.sum",
        "smsp__inst_executed.sum",
        "smsp__inst_issued.sum",
        "smsp__thread_inst_executed.sum",
        "smsp__thread_inst_executed_pred_on.sum",
        "smsp__thread_inst_executed_per_inst_executed.ratio",
        *each(
            "smsp__sass_thread_inst_executed_op_{}_pred_on.sum", "fadd fmul ffma hadd hmul hfma dadd dmul dfma integer"
        ),
        *each("smsp__inst_executed_op_global_{}.sum", "ld st atom red"),
        *each("smsp__inst_executed_op_shared_{}.sum", "ld st"),
        *each("smsp__inst_executed_op_shared_{}.sum", "atom atom_dot_alu atom_dot_cas"),
        *each("smsp__inst_executed_op_local_{}.sum", "ld st"),
        *each(
            "smsp__inst_executed_op_{}.sum",
            "ldgsts ldsm branch generic_ld generic_st generic_atom_dot_alu global_atom_dot_alu",
        ),
        *each(
            "smsp__sass_inst_executed_op_{}.sum",
            "shared shared_ld shared_st shared_atom global global_ld global_st ldgsts",
        ),
        *each("smsp__sass_inst_executed_op_{}.sum", "memory_8b memory_16b memory_32b memory_64b memory_128b"),
        *each("smsp__sass_l1tex_data_bank_conflicts_pipe_lsu_mem_shared{}.sum", "- _op_ld _op_st _op_atom _op_ldgsts"),
        *each("smsp__sass_l1tex_data_pipe_lsu_wavefronts_mem_shared{}.sum", "- _op_ld _op_st _op_atom _op_ldgsts"),
        *each("smsp__sass_l1tex_t_{}_pipe_lsu_mem_global_op_ld.sum", "requests sectors"),
        *each("smsp__sass_l1tex_t_{}_pipe_lsu_mem_global_op_st.sum", "requests sectors"),
        *each("smsp__sass_data_bytes_mem_{}.sum", "shared_op_ld shared_op_st global_op_ld global_op_st"),
        *each("memory_l1_wavefronts_shared{}", "- _ideal"),
        *each("memory_l2_theoretical_sectors_global{}", "- _ideal"),
        "memory_l2_theoretical_sectors_local",
        "memory_l1_tag_requests_global",
        *each("smsp__branch_targets_threads_{}.sum", "divergent uniform"),
        *each("sm__{}_launched.sum", "ctas warps"),
        "smsp__warps_launched.sum",
        "launch__registers_per_thread",
        *each("launch__shared_mem_per_block_{}", "static dynamic allocated"),
        *each("launch__occupancy_limit_{}", "blocks registers shared_mem warps barriers"),
    ]
)


def rows(path: Path) -> list[dict[str, str]]:
    """One dict a launch, in launch order, from `ncu --csv --page raw`: the line of units and messages left out."""
    lines = path.read_text(errors="replace").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        return []
    found = [row for row in csv.DictReader(lines[start:]) if (row.get("ID") or "").isdigit()]
    return sorted(found, key=lambda row: int(row["ID"]))


def number(text: str | None) -> float | int | None:
    """'1,024' -> 1024; None for 'n/a' and the like."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return int(value) if value.is_integer() else value
