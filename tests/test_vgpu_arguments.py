"""Arguments and launches: what fits is bound as the hardware reads it; what does not is refused with its cure."""

from __future__ import annotations

import struct

import ml_dtypes
import numpy as np
import pytest

from utils.vgpu.arguments import ArgumentError, LaunchError, Pointer, Scalar, bind, check_launch

ARRAYS = {
    "float *": np.float32, "double *": np.float64, "__half *": np.float16, "__nv_bfloat16 *": ml_dtypes.bfloat16,
    "__nv_fp8_e4m3 *": ml_dtypes.float8_e4m3fn, "__nv_fp8_e5m2 *": ml_dtypes.float8_e5m2, "int *": np.int32,
    "unsigned int *": np.uint32, "char *": np.int8, "unsigned char *": np.uint8, "short *": np.int16,
    "long long *": np.int64, "unsigned long *": np.uint64, "bool *": np.bool_, "float4 *": np.float32,
    "__half2 *": np.float16, "float2 *": np.float32, "int4 *": np.int32, "uchar4 *": np.uint8, "void *": np.complex64,
    "Pair *": np.uint8, "int2 *": np.uint32,
}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_that_fit(kind: str) -> None:
    array = np.zeros((3, 8), ARRAYS[kind])
    (bound,) = bind((kind,), (array,), ("x",))
    assert isinstance(bound, Pointer) and bound.array is array and bound.writable and bound.name == "x"
    array.flags.writeable = False
    assert not bind((f"const {kind}",), (array,))[0].writable
    with pytest.raises(ArgumentError, match=r"argument 1 .* read-only array.*x\.copy\(\)"):
        bind((kind,), (array,))


SCALARS = [
    ("int", -2, "<i"), ("unsigned int", 2**32 - 1, "<I"), ("long long", -(2**63), "<q"), ("unsigned long", 5, "<Q"),
    ("char", -128, "<b"), ("unsigned char", 255, "<B"), ("short", -3, "<h"), ("float", 0.1, "<f"),
    ("double", 0.1, "<d"), ("float", 3, "<f"), ("__half", 0.1, "<e"), ("bool", True, "<?"), ("bool", 0, "<?"),
    ("int", True, "<i"), ("int", np.int64(7), "<i"), ("int", np.array(7), "<i"), ("float", np.float64(0.3), "<f"),
    ("double", np.int8(3), "<d"), ("bool", np.True_, "<?"), ("float", float("-inf"), "<f"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "layout"), SCALARS)
def test_scalars_that_fit(kind: str, value: object, layout: str) -> None:
    plain = value.item() if hasattr(value, "item") else value
    assert bind((kind,), (value,)) == [Scalar("", kind, struct.pack(layout, plain))]


def test_what_is_passed_by_value() -> None:
    bound = bind(
        ("float4", "int3", "uchar4", "Pair", "Pair", "__nv_bfloat16", "__nv_fp8_e4m3", "__half2", "float1"),
        ((1, 2, 3, 4), [1, -1, 2], (0, 1, 2, 255), b"12345678", np.zeros(1, "i4,f4")[0], 1.0, 448, (1, -2), (5,)),
        sizes=(16, 12, 4, 8, 8, 2, 1, 4, 4),
    )
    assert [one.data for one in bound] == [
        struct.pack("<4f", 1, 2, 3, 4), struct.pack("<3i", 1, -1, 2), bytes([0, 1, 2, 255]), b"12345678", bytes(8),
        b"\x80\x3f", b"\x7e", struct.pack("<2e", 1, -2), struct.pack("<f", 5),
    ]  # fmt: skip
    assert np.isnan(struct.unpack("<f", bind(("float",), (float("nan"),))[0].data)[0])
    assert bind(("const float *",), (None,)) == [Scalar("", "const float *", bytes(8))]


WRONG = [
    ("float *", np.zeros(4), r"float is float32: give x\.astype\(np\.float32\)"),
    ("__nv_bfloat16 *", np.zeros(4, np.float16), r"x\.astype\(ml_dtypes\.bfloat16\)"),
    ("int *", np.zeros(4, np.int64), "an array of int64.* int is int32"),
    ("bool *", np.zeros(4, np.uint8), "bool"),
    ("float *", np.zeros((4, 4), np.float32)[:, ::2], "np.ascontiguousarray"),
    ("float *", np.zeros((4, 3), np.float32).T, "np.ascontiguousarray"),
    ("const float *", np.broadcast_to(np.float32(1), 8), "np.ascontiguousarray"),
    ("float *", np.zeros(4, ">f4"), "plain dtype"),
    ("void *", np.array([object()]), "plain dtype"),
    ("float *", [1.0, 2.0], r"wants an array; a list is given: np\.array"),
    ("float *", 3, r"wants an array; 3 \(int\)"),
    ("float4 *", np.zeros(10, np.float32), "10 elements; float4 takes 4 at a time"),
    ("float4 *", np.zeros(9, np.float32)[1:], "4 bytes after a multiple of 16"),
    ("float **", np.zeros(4, np.uint64), "cannot be given from Python"),
    ("float (*)(int)", 0, "cannot be given from Python"),
    ("int", 2**40, "int32 holds -2147483648 to 2147483647"),
    ("unsigned int", -1, "uint32 holds 0 to"),
    ("int", 2.0, r"2.0 \(float\): give a whole number"),
    ("int", np.float32(2), "whole number"),
    ("int", np.zeros(3, np.int32), r"an array of int32, shape \(3,\): give a whole number"),
    ("int", None, "None: give a whole number"),
    ("float", "1", "a str: give a number"),
    ("float", 1e39, "a float32 ends at 3.4"),
    ("__half", 70000, "a float16 ends at 65504"),
    ("bool", 2, "give True or False"),
    ("bool", np.zeros(2), "give True or False"),
    ("float4", (1, 2, 3), "give 4 numbers"),
    ("float4", 1.0, "give 4 numbers"),
    ("Pair", (1, 2), "the struct's bytes"),
]


@pytest.mark.parametrize(("kind", "value", "said"), WRONG)
def test_an_argument_that_does_not_fit(kind: str, value: object, said: str) -> None:
    with pytest.raises(ArgumentError, match=said) as found:
        bind(("int", kind), (1, value), ("n", "value"))
    assert str(found.value).startswith("argument 2 (") and "value)" in str(found.value)


def test_the_number_of_arguments_and_the_size_of_a_struct() -> None:
    with pytest.raises(ArgumentError, match=r"takes 2 arguments \(float \* x, int n\); 1 are given"):
        bind(("float *", "int"), (1,), ("x", "n"))
    with pytest.raises(ArgumentError, match="takes 16 bytes, with the padding; 12 are given"):
        bind(("Pair",), (b"0" * 12,), sizes=(16,))
    assert bind((), ()) == []


def test_a_view_at_an_aligned_place_and_an_empty_array() -> None:
    whole = np.zeros(16, np.float32)
    assert bind(("float4 *",), (whole[4:],))[0].array.base is whole
    assert bind(("float4 *",), (whole[:0],))[0].array.size == 0


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    for name in ("float32", "bfloat16", "float16", "int64", "bool", "float8_e4m3fn", "uint8"):
        tensor = torch.ones(8).to(getattr(torch, name))
        kind = {"float32": "float *", "bfloat16": "__nv_bfloat16 *", "float16": "__half *", "int64": "long *",
                "bool": "bool *", "float8_e4m3fn": "__nv_fp8_e4m3 *", "uint8": "unsigned char *"}[name]  # fmt: skip
        array = bind((kind,), (tensor,))[0].array
        assert array.dtype.name == name and array.astype(np.float32).tolist() == [1] * 8
        array[0] = 0
        assert tensor[0] == 0, "they share their memory"
    learned = torch.ones(4, requires_grad=True)
    assert bind(("float *", "float"), (learned, torch.tensor(2.0)))[1].data == struct.pack("<f", 2)
    with pytest.raises(ArgumentError, match=r"a tensor of float64 on cpu, .*x\.to\(torch\.float32\)"):
        bind(("float *",), (torch.ones(4, dtype=torch.float64),))
    with pytest.raises(ArgumentError, match=r"x\.contiguous\(\)"):
        bind(("float *",), (torch.ones(4, 4).T,))
    with pytest.raises(ArgumentError, match=r"must be on the GPU: give x\.cuda\(\)"):
        bind(("float *",), (torch.ones(4),), device="cuda")
    with pytest.raises(ArgumentError, match="wants a tensor on the GPU"):
        bind(("float *",), (np.ones(4, np.float32),), device="cuda")
    with pytest.raises(ArgumentError, match=r"on meta.*x\.cpu\(\)"):
        bind(("float *",), (torch.ones(4, device="meta"),))


def test_launches() -> None:
    assert check_launch(3, 64) == ((3, 1, 1), (64, 1, 1))
    assert check_launch((2, 3), [8, 8, 16]) == ((2, 3, 1), (8, 8, 16))
    assert check_launch(np.int64(2), (np.int32(4), 5)) == ((2, 1, 1), (4, 5, 1))
    assert check_launch(np.array([1, 2]), 1024, 232448) == ((1, 2, 1), (1024, 1, 1))


LAUNCHES = [
    ((1, 1025), {}, "block.x is 1025: it is at most 1024"),
    ((1, (32, 33)), {}, "32 x 33 x 1 = 1056 threads"),
    ((1, (1, 1, 65)), {}, "block.z is 65: it is at most 64"),
    ((0, 32), {}, "grid.x is 0: every extent is at least 1"),
    ((1, (32, -1)), {}, "block.y is -1"),
    ((2**31, 32), {}, "grid.x is 2147483648: it is at most 2147483647"),
    (((1, 65536), 32), {}, "grid.y is 65536: it is at most 65535"),
    (((1, 1, 65536), 32), {}, "grid.z"),
    ((1000 / 256, 256), {}, r"\(n \+ 255\) // 256"),
    ((True, 32), {}, "whole numbers"),
    (((), 32), {}, "has 0 extents"),
    (((1, 1, 1, 1), 32), {}, "has 4 extents"),
    (("3", 32), {}, "whole numbers"),
    ((1, 32), {"dynamic_shared": 232449}, "232449 bytes of shared memory: a block has at most 232448"),
    ((1, 32), {"dynamic_shared": 232448, "static_shared": 4}, r"\(4 in the code, 232448 dynamic\)"),
    ((1, 32), {"dynamic_shared": 120_000, "arch": "sm_89"}, r"101376 \(99 KB\) on sm_89"),
    ((1, 32), {"dynamic_shared": -1}, "0 or more"),
    ((1, 32), {"dynamic_shared": 1.5}, "a number of bytes"),
]


@pytest.mark.parametrize(("extents", "more", "said"), LAUNCHES)
def test_a_launch_beyond_the_limits(extents: tuple, more: dict, said: str) -> None:
    with pytest.raises(LaunchError, match=said):
        check_launch(*extents, **more)
