"""Gathers, structs, shared memory in odd types."""

from struct import pack

import numpy as np

from calibration.families.newcomer import (
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    InOut,
    Out,
    bits,
    family,
    ints,
    order,
    real,
    struct,
)

BODY = struct(x=real, y=real, z=real, id=ints, kind=lambda n: ints(n, 9, I16), flags=lambda n: ints(n, 99, I16))
CELL = struct(mass=lambda n: real(n, F64), energy=lambda n: real(n, F64), count=ints)
PARAMETERS = np.frombuffer(pack("<ffiiB3x", 0.5, 0.25, 3, 7, 2), np.dtype("V20"))[0]
STRIDES = [("unsigned char", U8, 3), ("uchar1", U8, 8), ("short", I16, 5), ("short", I16, 16), ("double", F64, 3),
           ("double", F64, 4), ("long long", I64, 7), ("signed char", I8, 32), ("float", F32, 6)]  # fmt: skip
PERMUTED = [("unsigned char", U8, 1), ("short", I16, 1), ("float", F32, 1), ("double", F64, 1), ("float2", F32, 2),
            ("uint4", U32, 4), ("char2", I8, 2), ("ushort4", U16, 4), ("double2", F64, 2)]  # fmt: skip


def draw(n: int, dtype: type) -> object:
    return real(n, dtype) if np.dtype(dtype).kind == "f" else bits(n, dtype)


CASES = (
    *family(
        "gathers",
        ("look_up_bytes", 4, 128, [bits(256, U8), bits(512, U8), Out(512, U8)]),
        ("look_up_by_short", 2, 128, [real(300, F64), ints(256, 300, I16), Out(256, F64)]),
        ("twice_indirect", 3, 128, [real(400), order(400), ints(384, 400, I16), Out(384), 333]),
        ("gather_triples", 2, 128, [real(600), ints(256, 200), Out(256)]),
        ("scatter_shorts", 2, 128, [bits(256, I16), order(256), Out(256, I16)]),
        ("rows_of_a_table", (1, 12), 32, [real(50 * 48), ints(12, 50), Out(12 * 48), 12]),
        ("bilinear", 2, 128, [bits(40 * 37, U8), real(512), Out(256), 40, 37]),
        ("bit_reversed", 4, 64, [real(256, F64), Out(256, F64), 8]),
        ("xor_partner", 2, 128, [bits(256, I64), Out(256, I64), 37]),
        ("every_third", 2, 128, [bits(701, U16), Out(233, U32), 701]),
        ("columns_of_bytes", 4, 96, [bits(45 * 8, I8), Out(45 * 8, I8), 45, 8]),
        ("diagonals", (1, 5), 64, [real(50 * 50), Out(250), 50]),
        ("add_to_rows", 20, 64, [ints(20, 6), ints(20), Out(6 * 40, I32), 40]),
        ("maximum_of_keys", 2, 128, [ints(256, 40), ints(256), Out(40, I32)]),
        ("count_bytes", 2, 96, [bits(700, U8), Out(256, U32), 700]),
        ("page_table", 40, 32, [real(64 * 16 * 4), order(4), Out(64 * 40), 39]),
        ("reversed_words", 2, 64, [bits(400), Out(400, U32), 100]),
        ("compare_and_take", 2, 128, [ints(230), ints(230), Out(230, I32), 230]),
    ),
    *family(
        "structs",
        ("age_bodies", 2, 128, [InOut(BODY(200)), 200]),
        ("kinds_of_bodies", 2, 128, [BODY(200), Out(200, I32), 200]),
        ("merge_cells", 1, 96, [CELL(192), Out(96 * 24, U8)]),
        ("gray_pixels", 2, 128, [bits(750, U8), Out(250, U8), 250]),
        ("split_pixels", 2, 96, [bits(576, U8), Out(192, U8), Out(192, U8), Out(192, U8)]),
        ("swap_channels", 2, 64, [InOut(bits(384, U8))]),
        ("wide_structs", 2, 64, [real(1024), Out(1024)]),
        ("five_bytes", 2, 64, [bits(640, U8), Out(128, U64)]),
        ("rotate", 1, 128, [real(9 * 128), real(384), Out(384)]),
        ("passed_by_value", 2, 64, [real(400), Out(128), PARAMETERS]),
        ("blocked_layout", 2, 128, [real(512), Out(256)]),
        ("complex_products", 2, 128, [real(512), real(512), Out(512)]),
        ("quaternions", 2, 64, [real(512), InOut(real(512))]),
        ("through_a_union", 2, 64, [real(128), Out(128, U32)]),
        ("bit_fields", 2, 64, [bits(128), Out(128, U32)]),
        ("shorts_by_three", 2, 128, [bits(768, I16), Out(256, I32)]),
        ("halves_of_long", 2, 64, [bits(256, I64), Out(512, I32)]),
    ),
    *family(
        "shared",
        *(
            (f"stride_of<{kind}, {stride}>", 1, 128, [draw(128 * stride, dtype), Out(128, dtype)])
            for kind, dtype, stride in STRIDES
        ),
        *(
            (f"permuted<{kind}>", 1, 256, [draw(256 * n, dtype), order(256), order(256), Out(256 * n, dtype)])
            for kind, dtype, n in PERMUTED
        ),
        ("structs_of_twenty", 1, 128, [ints(640), Out(128, I32)]),
        ("triples", 1, 128, [real(384), Out(384)]),
        ("tile_of_17", 1, (20, 18), [bits(289, U16), Out(289, U16)]),
        ("columns_of_doubles", 1, (16, 16), [real(256, F64), Out(256, F64)]),
        ("padded_doubles", 1, (16, 16), [real(256, F64), Out(256, F64)]),
        ("swizzled_quads", 1, 64, [real(256), Out(256)]),
        ("bytes_as_words", 1, 128, [bits(512, U8), Out(128, U32)]),
        ("words_as_bytes", 1, 128, [bits(64), Out(128, U8)]),
        ("three_lanes_a_word", 1, 160, [ints(64), Out(160, I32)]),
        ("private_counts", 1, 64, [bits(900, U8), Out(16, U32), 900]),
        ("two_arrays", 1, 96, [real(96), real(96), Out(96), 61]),
        ("pairs_of_quads", 1, 128, [real(512), Out(512)]),
        ("some_lanes", 1, 64, [real(128, F64), Out(64, F64)]),
        ("three_dimensional", 1, (6, 5, 4), [ints(120), Out(120, I32)]),
        ("add_in_shared", 1, 192, [ints(192, 37), ints(192), Out(37, I32)]),
        ("long_atomics", 1, 128, [ints(128, 500), Out(32, U64)]),
        ("halo_of_bytes", 3, 128, [bits(300, U8), Out(300, U8), 300]),
    ),
    *family(
        "atomics",
        ("add_doubles", 2, 64, [ints(128, 9), Out(9, F64)]),
        ("add_pairs", 2, 64, [ints(128, 20), Out(40)]),
        ("add_quads", 2, 64, [ints(128, 20), Out(80)]),
        ("add_halves", 2, 64, [ints(128, 20), Out(40, F16)]),
        ("add_brains", 2, 64, [ints(128, 20), Out(40, "bf16")]),
        ("add_one_half", 2, 64, [ints(128, 20), Out(20, F16)]),
        ("long_maximum", 2, 64, [ints(128, 11), bits(128, I64), Out(11, I64)]),
        ("wrap_around", 1, 96, [Out(7, U32)]),
        ("bits_together", 1, 64, [bits(64), Out(6, U32)]),
        ("swap_shorts", 1, 96, [bits(96, U16), InOut(bits(96, U16))]),
        ("maximum_of_floats", 2, 64, [real(100), Out(1, I32), 100]),
        ("old_values", 2, 64, [ints(128, 13), Out(13, I32), Out(128, I32)]),
        *(
            ("bins_of_a_warp", 1, 32, [bits(32), Out(1024, U32), np.uint32(n - 1)], {"name": f"bins_of_a_warp_{n}_{k}"})
            for n, times in ((8, 2), (32, 3), (64, 3), (256, 6), (1024, 3))
            for k in range(times)
        ),
        ("bins_by_double", 1, 32, [bits(32), Out(64, U64)]),
        ("shared_floats", 1, 96, [ints(96), Out(16)]),
        ("shared_minimum", 1, 96, [bits(96, I16), Out(1, I32)]),
    ),
    *family(
        "kinds",
        ("taps_by_index", 2, 64, [real(120), Out(120), 120]),
        ("module_memory", 2, 64, [ints(128), Out(128, I32)]),
        ("local_by_data", 2, 64, [ints(256), Out(128, I32)]),
        ("local_bytes", 2, 64, [bits(300, U8), Out(128, U32)]),
        ("hints", 2, 64, [real(512), Out(512)]),
        ("carved", 1, 80, [real(80, F64), order(80, I16), Out(80, F64), 80], {"dynamic_shared": 800}),
        ("copied_by_memcpy", 2, 64, [bits(512, U8), Out(128, U32)]),
        ("integrals", 1, 64, [Out(64)]),
        ("three_axes", (2, 2, 3), (8, 4, 2), [bits(13 * 7 * 5, I16), Out(13 * 7 * 5, I16), 13, 7, 5]),
        ("prefetch_next", 2, 64, [bits(128 * 20, I32), Out(128, I32), 5]),
        ("bytes_in_fours", 2, 64, [bits(400, U8), Out(400, U8), 100]),
        ("unaligned_floats", 2, 64, [real(120), Out(120), 5, 120]),
    ),
)
