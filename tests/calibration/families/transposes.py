"""Transposes: naive, through shared memory with and without padding or swizzle, with 4 elements a thread."""

import numpy as np

from calibration.case import Case, Shape, floats, int32, words, zeros

N = 64


def matrix(name: str, kernel: str, block: Shape, dtype: type = np.float32, grid: Shape = (2, 2)) -> Case:
    def args(rng: np.random.Generator) -> list:
        source = words(rng, N, N, dtype=np.uint8) if dtype is np.uint8 else floats(rng, N, N, dtype=dtype)
        return [source, zeros(N, N, dtype=dtype), int32(N)]

    return Case(f"transpose_{name}", "transposes.cu", kernel, grid, block, args, (1,), lambda a, b, n: a.T)


def tiles(name: str, kernel: str, parts: int) -> Case:
    def args(rng: np.random.Generator) -> list:
        return [floats(rng, 2, 16, 16, parts), zeros(2, 16, 16, parts)]

    return Case(f"transpose_{name}", "transposes.cu", kernel, 2, (16, 16), args, (1,), lambda a, b: a.swapaxes(1, 2))


CASES = (
    matrix("read_rows", "transpose_read_rows", (32, 8), grid=(2, 8)),
    matrix("write_rows", "transpose_write_rows", (32, 8), grid=(2, 8)),
    matrix("shared", "transpose_tile<float, 0>", (32, 32)),
    matrix("padded", "transpose_tile<float, 1>", (32, 32)),
    matrix("bytes", "transpose_tile<unsigned char, 0>", (32, 32), np.uint8),
    matrix("bytes_padded", "transpose_tile<unsigned char, 4>", (32, 32), np.uint8),
    matrix("double_padded", "transpose_tile<double, 1>", (32, 32), np.float64),
    matrix("rows8", "transpose_rows8<float, 0>", (32, 8)),
    matrix("rows8_padded", "transpose_rows8<float, 1>", (32, 8)),
    matrix("rows8_double", "transpose_rows8<double, 0>", (32, 8), np.float64),
    matrix("swizzled", "transpose_swizzled", (32, 8)),
    matrix("float4_words", "transpose_float4_words", (8, 32)),
    tiles("quads", "transpose_quads<0>", 4),
    tiles("quads_padded", "transpose_quads<1>", 4),
    tiles("pairs", "transpose_pairs<0>", 2),
    tiles("pairs_padded", "transpose_pairs<1>", 2),
)
