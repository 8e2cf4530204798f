"""Copies: element types, offsets, strides, lane orders, masks, layouts of structures."""

import numpy as np

from calibration.case import Args, Case, Shape, floats, int32, words, zeros

N = 1024
TYPES = {
    "unsigned char": (np.uint8, 1),
    "__half": (np.float16, 1),
    "float": (np.float32, 1),
    "float2": (np.float32, 2),
    "float4": (np.float32, 4),
    "double": (np.float64, 1),
    "double2": (np.float64, 2),
}


def array(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    dtype, parts = TYPES[kind]
    return words(rng, n, parts, dtype=np.uint8) if dtype is np.uint8 else floats(rng, n, parts, dtype=dtype)


def blank(kind: str, n: int) -> np.ndarray:
    dtype, parts = TYPES[kind]
    return zeros(n, parts, dtype=dtype)


def case(name: str, kernel: str, args: object, oracle: object, grid: Shape = 4, block: Shape = 256, **more) -> Case:
    return Case(name, "copies.cu", kernel, grid, block, args, more.pop("outputs", (1,)), oracle, **more)


def copy_of(kind: str, n: int = N, grid: int = 4, kernel: str = "copy") -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, n), blank(kind, n), int32(n)]

    return case(f"{kernel}_{short(kind)}_{n}", f"{kernel}<{kind}>", args, lambda a, b, n: a, grid)


def short(kind: str) -> str:
    return kind.replace("unsigned ", "u").strip("_")


def load_shifted(kind: str, offset: int) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, N + offset), blank(kind, N), int32(N), int32(offset)]

    return case(f"load_{short(kind)}_from_{offset}", f"load_shifted<{kind}>", args, lambda a, b, n, k: a[k:])


def store_shifted(kind: str, offset: int) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, N), blank(kind, N + offset), int32(N), int32(offset)]

    def oracle(a: np.ndarray, b: np.ndarray, n: int, k: int) -> np.ndarray:
        return np.concatenate([b[:k], a])

    return case(f"store_{short(kind)}_from_{offset}", f"store_shifted<{kind}>", args, oracle)


def strided(kind: str, stride: int, load: bool) -> Case:
    n, span = 256, 256 * stride

    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, span if load else n), blank(kind, n if load else span), int32(n), int32(stride)]

    def oracle(a: np.ndarray, b: np.ndarray, n: int, k: int) -> np.ndarray:
        if load:
            return a[::k]
        out = b.copy()
        out[::k] = a
        return out

    verb = "load" if load else "store"
    return case(f"{verb}_{short(kind)}_stride_{stride}", f"{verb}_strided<{kind}>", args, oracle, grid=1)


def permuted(kind: str, times: int) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, 512), blank(kind, 512), int32(times)]

    def oracle(a: np.ndarray, b: np.ndarray, times: int) -> np.ndarray:
        i = np.arange(512)
        return a[i & ~31 | (i * times & 31)]

    return case(f"lanes_times_{times}_{short(kind)}", f"copy_permuted_lanes<{kind}>", args, oracle, grid=2)


def masked(name: str, kernel: str, kind: str, keep: object, *scalars: np.int32) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, 512), blank(kind, 512), *scalars]

    def oracle(a: np.ndarray, b: np.ndarray, *scalars: np.int32) -> np.ndarray:
        return np.where(keep(np.arange(512) % 32)[:, None], a, b)

    return case(name, kernel, args, oracle, grid=2)


def same_address(kind: str) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, 16), blank(kind, 512)]

    def oracle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a[np.arange(512) // 128 * 3 + 1]

    return case(f"all_lanes_one_{short(kind)}", f"load_same_address<{kind}>", args, oracle, block=128)


def groups(kind: str, lanes: int) -> Case:
    def args(rng: np.random.Generator) -> Args:
        return [array(rng, kind, 512), blank(kind, 512), int32(lanes)]

    def oracle(a: np.ndarray, b: np.ndarray, lanes: int) -> np.ndarray:
        return a[np.arange(512) // lanes]

    return case(f"{lanes}_lanes_one_{short(kind)}", f"load_in_groups<{kind}>", args, oracle, block=128)


def points(rng: np.random.Generator, parts: int = 3) -> np.ndarray:
    return floats(rng, N, parts)


def norm(p: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    return (p.astype(np.float64) ** 2).sum(1)


def soa_args(rng: np.random.Generator) -> Args:
    return [floats(rng, N), floats(rng, N), floats(rng, N), zeros(N)]


def scaled(quads: np.ndarray, factor: np.float32) -> np.ndarray:
    return quads * np.array([factor, 1, 1, factor], np.float32)


CASES = (
    *(copy_of(kind) for kind in TYPES),
    copy_of("float", 1000),
    copy_of("unsigned char", 777),
    copy_of("float4", 250, 1),
    copy_of("float", 5000, 3, "copy_grid_stride"),
    copy_of("float4", 1500, 2, "copy_grid_stride"),
    *(load_shifted("float", k) for k in (1, 4, 8, 31)),
    load_shifted("unsigned char", 3),
    load_shifted("float4", 1),
    load_shifted("double", 1),
    store_shifted("float", 1),
    store_shifted("float", 8),
    store_shifted("float4", 1),
    *(strided("float", k, True) for k in (2, 3, 8, 33)),
    strided("float4", 2, True),
    strided("double", 3, True),
    strided("float", 2, False),
    strided("float", 9, False),
    strided("unsigned char", 5, False),
    case(
        "reversed_lanes",
        "copy_reversed_lanes",
        lambda r: [floats(r, N), zeros(N)],
        lambda a, b: a.reshape(-1, 32)[:, ::-1].reshape(-1),
    ),
    permuted("float", 5),
    permuted("float4", 5),
    permuted("float2", 17),
    masked("even_lanes", "copy_even_lanes", "float", lambda lane: lane % 2 == 0),
    masked("one_lane_float", "copy_one_lane<float>", "float", lambda lane: lane == 5, int32(5)),
    masked("one_lane_float4", "copy_one_lane<float4>", "float4", lambda lane: lane == 30, int32(30)),
    masked("upper_half_warp_float4", "copy_upper_half_warp", "float4", lambda lane: lane >= 16),
    same_address("float"),
    same_address("float4"),
    groups("float4", 2),
    groups("float4", 8),
    groups("float", 4),
    groups("double", 3),
    case("aos_x", "aos_x", lambda r: [points(r), zeros(N)], lambda p, out: p[:, 0]),
    case("aos_norm", "aos_norm", lambda r: [points(r), zeros(N)], norm, oracle_rtol=1e-6),
    case("aos_scale", "aos_scale", lambda r: [points(r, 4), np.float32(1.7)], scaled, outputs=(0,)),
    case(
        "aos_to_soa",
        "aos_to_soa",
        lambda r: [points(r), zeros(N), zeros(N), zeros(N)],
        lambda p, *out: [p[:, 0], p[:, 1], p[:, 2]],
        outputs=(1, 2, 3),
    ),
    case(
        "soa_norm",
        "soa_norm",
        soa_args,
        lambda x, y, z, out: norm(np.stack([x, y, z], 1)),
        outputs=(3,),
        oracle_rtol=1e-6,
    ),
    case(
        "halves_to_floats",
        "halves_to_floats",
        lambda r: [floats(r, N, dtype=np.float16), zeros(N)],
        lambda a, b: a.astype(np.float32),
    ),
    case(
        "four_copies_unrolled",
        "four_copies_unrolled",
        lambda r: [floats(r, 4000), zeros(4000), int32(4000)],
        lambda a, b, n: a,
    ),
)
