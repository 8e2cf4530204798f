"""Rows of a matrix and products."""

import numpy as np

from calibration.case import Args, Case, Shape, bfloat16, floats, int32, words, zeros

I32, F64 = np.int32, np.float64


def bound(rtol: float) -> dict:
    return {"compare": "bound", "rtol": rtol, "oracle_rtol": rtol}


def softmax(a: np.ndarray, out: np.ndarray, columns: int) -> np.ndarray:
    e = np.exp(a.astype(F64) - a.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def layernorm(a: np.ndarray, weight: np.ndarray, bias: np.ndarray, out: np.ndarray, columns: int) -> np.ndarray:
    a = a.astype(F64)
    return (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5) * weight + bias


def norm_args(rng: np.random.Generator) -> Args:
    return [floats(rng, 8, 300), floats(rng, 300), floats(rng, 300), zeros(8, 300), int32(300)]


def rmsnorm(name: str, kind: str, convert: object, rtol: float) -> Case:
    def args(rng: np.random.Generator) -> Args:
        blank = convert(zeros(8, 256))
        return [convert(floats(rng, 8, 256)), convert(floats(rng, 256)), blank, int32(256)]

    def oracle(a: np.ndarray, weight: np.ndarray, out: np.ndarray, columns: int) -> np.ndarray:
        if a.dtype == np.uint16:  # bf16 without ml_dtypes
            return out
        a = a.astype(F64)
        return a / np.sqrt((a * a).mean(1, keepdims=True) + 1e-6) * weight.astype(F64)

    return Case(name, "rows.cu", f"rmsnorm<{kind}>", 8, 128, args, (2,), oracle, **bound(rtol))


def rope(a: np.ndarray, out: np.ndarray, pairs: int) -> np.ndarray:
    row, p = np.meshgrid(np.arange(8), np.arange(32), indexing="ij")
    angle = row * 2.0 ** (-0.25 * p)
    x, y = a.astype(F64)[..., 0], a.astype(F64)[..., 1]
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], -1)


def product(
    name: str, kernel: str, n: int, grid: Shape, block: Shape, dtype: type = np.float32, rtol: float = 1e-5
) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [floats(rng, n, n, dtype=dtype), floats(rng, n, n, dtype=dtype), zeros(n, n, dtype=dtype), int32(n)]

    def oracle(a: np.ndarray, b: np.ndarray, c: np.ndarray, n: int) -> np.ndarray:
        return a.astype(F64) @ b.astype(F64)

    return Case(f"product_{name}", "products.cu", kernel, grid, block, args, (2,), oracle, rtol)


def product_int8(a: np.ndarray, b: np.ndarray, c: np.ndarray, n: int, quads: int) -> np.ndarray:
    return a.view(np.int8).astype(I32) @ b.view(np.int8).astype(I32).T


def int8_args(rng: np.random.Generator) -> Args:
    return [words(rng, 32, 12).view(I32), words(rng, 32, 12).view(I32), zeros(32, 32, dtype=I32), int32(32), int32(12)]


def matvec(name: str, grid: Shape, block: Shape) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [floats(rng, 128, 100), floats(rng, 100), zeros(128), int32(100)]

    return Case(
        f"matvec_{name}",
        "products.cu",
        f"matvec_{name}",
        grid,
        block,
        args,
        (2,),
        lambda a, x, y, n: a.astype(F64) @ x.astype(F64),
        1e-5,
    )


def on(
    file: str, name: str, grid: Shape, block: Shape, args: object, outputs: tuple, oracle: object, rtol: float = 0
) -> Case:
    return Case(name, file, name, grid, block, args, outputs, oracle, rtol)


CASES = (
    Case(
        "softmax_block",
        "rows.cu",
        "softmax_block",
        8,
        128,
        lambda r: [floats(r, 8, 300) * 9, zeros(8, 300), int32(300)],
        (1,),
        softmax,
        **bound(2e-6),
    ),
    Case(
        "softmax_online",
        "rows.cu",
        "softmax_online",
        2,
        (32, 4),
        lambda r: [floats(r, 8, 200), zeros(8, 200), int32(200)],
        (1,),
        softmax,
        **bound(2e-6),
    ),
    Case("layernorm", "rows.cu", "layernorm", 8, 128, norm_args, (3,), layernorm, **bound(1e-5)),
    Case(
        "layernorm_float4",
        "rows.cu",
        "layernorm_float4",
        2,
        (32, 4),
        lambda r: [floats(r, 8, 256), zeros(8, 256), int32(64)],
        (1,),
        lambda a, out, n: layernorm(a, 1, 0, out, n),
        **bound(1e-5),
    ),
    rmsnorm("rmsnorm_half", "__half", lambda a: a.astype(np.float16), 1e-3),
    rmsnorm("rmsnorm_bf16", "__nv_bfloat16", bfloat16, 8e-3),
    Case(
        "rope_half2",
        "rows.cu",
        "rope_half2",
        8,
        32,
        lambda r: [floats(r, 8, 32, 2, dtype=np.float16), zeros(8, 32, 2, dtype=np.float16), int32(32)],
        (1,),
        rope,
        **bound(1e-3),
    ),
    product("naive", "product_naive", 32, (1, 4), (32, 8)),
    product("tiled16", "product_tiled<16, 0>", 48, (3, 3), (16, 16)),
    product("tiled16_padded", "product_tiled<16, 1>", 32, (2, 2), (16, 16)),
    product("tiled32", "product_tiled<32, 0>", 64, (2, 2), (32, 32)),
    product("transposed", "product_transposed", 32, (2, 2), (16, 16)),
    product("registers", "product_registers", 64, (1, 1), 256),
    product("half2", "product_half2", 32, (1, 2), (16, 16), np.float16, 2e-2),
    product("double", "product_double", 32, (4, 4), (8, 8), F64, 1e-13),
    on("products.cu", "product_int8", (1, 4), (32, 8), int8_args, (2,), product_int8),
    matvec("thread_per_row", 1, 128),
    matvec("warp_per_row", 16, (32, 8)),
)
