"""ldmatrix and stmatrix over row addresses of many patterns."""

import numpy as np

from calibration.case import Case, words, zeros

LANE = np.arange(32)
# Row of 16 bytes, of 128, that each lane names.
ROWS = {
    "plain": LANE,
    "stride_2": LANE * 2 % 64,
    "stride_3": LANE * 3,
    "column": LANE % 16 * 8 + LANE // 16,  # rows 128 bytes apart: one bank group
    "swizzled": LANE % 8 * 8 + (LANE % 8 ^ LANE // 8),
    "same": LANE * 0,
    "pairs": LANE // 2,
    "fours": LANE // 4,
    "halves": LANE % 16,
    "quarters": LANE % 8,
    "interleaved": LANE % 8 * 4 + LANE // 8,
    "two_apart": LANE % 2 * 8 + LANE // 2 * 16 % 112,
    "random": np.array([5, 90, 33, 7, 64, 12, 99, 41, 3, 77, 18, 120, 55, 31, 86, 2,
                        11, 68, 40, 101, 29, 83, 14, 60, 1, 126, 47, 95, 22, 70, 8, 113]),
}  # fmt: skip


def case(op: str, count: int, trans: bool, rows: str, warps: int = 1) -> Case:
    kernel = f"{op}<{count}, {str(trans).lower()}>"
    name = f"{op}_{count}{'_trans' if trans else ''}_{rows}"

    def args(rng: np.random.Generator) -> list:
        at = np.asarray(ROWS[rows], np.int32)
        if op == "store":  # no two rows alike: the winner is free
            at = at if len(set(at.tolist())) == 32 else (at * 4 + np.arange(32) % 4) % 128
        return [words(rng, warps * 512), at, zeros(warps * 512 if op == "store" else warps * 128, dtype=np.uint32)]

    def oracle(source: np.ndarray, at: np.ndarray, out: np.ndarray) -> np.ndarray:
        memory = source.reshape(warps, 128, 4).copy()
        registers = np.zeros((warps, 4, 32), np.uint32)
        for w in range(warps):
            for matrix in range(count):
                rows = at[8 * matrix : 8 * matrix + 8]
                if op == "load":
                    values = memory[w, rows].view(np.uint16)
                    registers[w, matrix] = np.ascontiguousarray(values.T if trans else values).view(np.uint32).ravel()
                else:
                    values = (source.reshape(warps, 512)[w, matrix * 32 : matrix * 32 + 32] ^ 0xFFFF).astype(np.uint32)
                    values = values.reshape(8, 4).view(np.uint16)
                    memory[w, rows] = np.ascontiguousarray(values.T if trans else values).view(np.uint32)
        return memory if op == "store" else registers

    return Case(name, "matrices.cu", kernel, warps, 32, args, (2,), oracle)


FEW = ("plain", "column", "random")
SOME = ("plain", "stride_2", "column", "same", "pairs", "random")
MOST = ("plain", "stride_2", "stride_3", "column", "swizzled", "interleaved", "random")
CASES = (
    *(case("load", 4, False, rows) for rows in ROWS),
    *(case("load", count, False, rows) for count in (1, 2) for rows in SOME),
    *(case("load", count, True, rows) for count in (1, 2, 4) for rows in (*FEW, "quarters")),
    *(case("store", 4, False, rows) for rows in MOST),
    *(case("store", count, False, rows) for count in (1, 2) for rows in FEW),
    *(case("store", count, True, rows) for count in (1, 2, 4) for rows in FEW),
)
