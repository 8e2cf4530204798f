"""Scans, reductions, products, pipelines, branches, lanes, prints, halves, models."""

import numpy as np

from calibration.families.newcomer import (
    F16,
    F64,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    InOut,
    Out,
    ascending,
    bits,
    brain,
    family,
    given,
    ints,
    order,
    real,
    shifted,
    starts,
)

BOUND = {"compare": "bound", "rtol": 1e-5}
HALF = {"compare": "bound", "rtol": 2e-3}
SPINS = {"counters": False}
FREE = {"counters": False, "compare": "bound", "rtol": 9}  # who finds its place first
BF16 = {"compare": "bound", "rtol": 8e-3}


def tree(which: int) -> object:
    """A search tree of 63 random keys: key, left, right."""

    def make(rng: np.random.Generator) -> np.ndarray:
        del rng  # three arrays must agree
        keys = np.argsort((np.arange(1000) * 7919 + 13) % 1009, kind="stable")[:63].astype(I32)
        left, right = np.full(63, -1, I32), np.full(63, -1, I32)
        for i in range(1, 63):
            at = 0
            while True:
                side = left if keys[i] < keys[at] else right
                if side[at] < 0:
                    side[at] = i
                    break
                at = side[at]
        return (keys, left, right)[which]

    return make


def halves(n: int) -> object:
    """Pairs of them as words."""
    return lambda rng: real(n, F16)(rng).view(U32)


CASES = (
    *family(
        "scans",
        ("two_buffers", 2, 200, [ints(400), Out(400, I32)]),
        ("by_warps<int>", 2, 256, [ints(500), Out(500, I32), 500]),
        ("by_warps<double>", 2, 256, [real(500, F64), Out(500, F64), 500]),
        ("three_each", 1, 128, [bits(384, U8), Out(384, I32)]),
        ("segmented", 1, 128, [ints(128), ints(128, 2, U8), Out(128, I32)]),
        ("running_maximum", 1, 128, [real(101), Out(101), 101]),
        ("keep_positive", 1, 128, [bits(128, I32), Out(128, I32), Out(1, I32)]),
        ("run_lengths", 1, 128, [ints(120, 2), Out(120, I32), Out(120, I32), 120]),
        ("look_back", 6, 64, [ints(384), Out(384, I32), Out(6, I32), Out(6, I32)], SPINS),
        ("last_block", 6, 64, [ints(384), Out(6, I32), Out(1, U32), Out(1, I32)]),
        ("sum_by_key", 2, 64, [ints(128, 10), ints(128), Out(10, I32)]),
        ("exclusive_of_bools", 1, 128, [ints(128, 2, np.bool_), Out(128, U16)]),
    ),
    *family(
        "reductions",
        ("a_warp_a_segment", 5, 128, [starts(19, 90), real(1710), Out(19), 19]),
        ("a_thread_a_segment", 2, 64, [starts(100, 9), ints(900), Out(100, I32), 100]),
        ("place_of_maximum", 7, 32, [real(7 * 77), Out(7, I32), 77]),
        ("range_of_shorts", 1, 128, [bits(1000, I16), Out(2, I32), 1000]),
        ("sum_of_doubles", 2, 128, [real(900, F64), Out(8, F64), 900]),
        ("column_sums", 3, (32, 8), [real(50 * 75), Out(75), 50, 75]),
        ("distance_of_bytes", 1, 64, [bits(500), bits(500), Out(1, U32), 500]),
        ("every_redux", 1, 64, [bits(64, I32), Out(12, I32)]),
        ("redux_of_parts", 1, 64, [bits(64), Out(64, U32)]),
        ("any_and_all", 4, 96, [ints(384), Out(4, I32)]),
        ("unrolled<128, 3>", 2, 128, [ints(3072), Out(2, I32)]),
        ("histogram_by_match", 3, 128, [bits(384, U8), Out(32, U32)]),
        ("mean_and_variance", 1, 64, [real(128), Out(2), 128]),
    ),
    *family(
        "products",
        ("square_tiles<12>", (3, 2), (12, 12), [real(20 * 30), real(30 * 31), Out(20 * 31), 20, 31, 30]),
        ("square_tiles<7>", (3, 2), (7, 7), [real(13 * 15), real(15 * 20), Out(13 * 20), 13, 20, 15]),
        ("odd_tiles<8, 24, 6>", (2, 2), 192, [real(16 * 18), real(18 * 48), Out(16 * 48), 48, 18]),
        ("odd_tiles<5, 20, 10>", (2, 2), 100, [real(10 * 30), real(30 * 40), Out(10 * 40), 40, 30]),
        ("four_by_two", (2, 1), (16, 8), [real(32 * 24), real(24 * 64), Out(32 * 64), 64, 24]),
        ("matrix_vector", 2, 64, [real(100 * 150), real(150), Out(100), 100, 150]),
        ("transposed_vector", 2, 64, [real(40 * 100), real(40), Out(100), 40, 100]),
        ("outer", (3, 4), (16, 4), [real(16), real(45), InOut(real(720)), 45]),
        ("small_products", 2, 128, [real(252), real(252), Out(252)]),
        ("bytes_dp4a", (2, 2), (16, 8), [bits(16 * 9, I32), bits(32 * 9, I32), Out(512, I32), 32, 9]),
        ("halves", (1, 6), 40, [real(6 * 20, F16), real(20 * 40, F16), Out(240, F16), 40, 10]),
        ("band", 2, 64, [real(500), real(100), Out(100), 100]),
        ("triangular", 1, (20, 20), [real(400), Out(210), 20]),
        ("integer_tiles", (2, 2), (16, 16), [bits(1024, I16), bits(1024, I16), Out(1024, I32), 32]),
    ),
    *family(
        "pipelines",
        ("three_stages", 2, 128, [real(2 * 7 * 128), Out(256), 7]),
        ("ring_of_four", 1, 64, [real(9 * 256), Out(9 * 256), 9]),
        ("tail_of_zeros", 1, 128, [ints(403), Out(128, I32), 403]),
        ("product_in_three_stages", (2, 2), (16, 16), [real(32 * 80), real(80 * 32), Out(1024), 32, 80]),
        ("transpose_by_copies", 1, (16, 16), [real(512), Out(512)]),
        ("gathered_copies", 1, 128, [real(300), ints(128, 300), Out(128)]),
        ("lanes_of_bytes", 1, 64, [real(256), ints(64, 17), Out(64)]),
        ("stencil_ahead", 1, 128, [real(9 * 128), Out(9 * 128), 9, 128]),
    ),
    *family(
        "branches",
        ("first_above", 2, 64, [ints(128 * 20), Out(128, I32), 20, 900]),
        ("lower_bound", 2, 64, [ascending(300, 1000), ints(128), Out(128, I32), 300]),
        ("found_early", 2, 64, [ascending(300, 1000), ints(128), Out(128, I32), 300]),
        ("skip_some", 2, 64, [ints(512), Out(128, I32), 40]),
        ("two_loops_one_exit", 2, 64, [bits(256, U8), Out(128, I32), 14]),
        ("words_in_text", 2, 64, [bits(128 * 30, U8), Out(128, I32), 30]),
        ("greatest_divisor", 2, 64, [ints(128), ints(128), Out(128, I32)]),
        ("integer_root", 2, 64, [bits(128), Out(128, U32)]),
        ("sort_eight", 2, 64, [ints(1024), Out(1024, I32)]),
        ("down_the_tree", 2, 64, [tree(0), tree(1), tree(2), ints(128), Out(128, I32)]),
        ("several_returns", 2, 64, [ints(128, 500), ints(8), Out(128, I32)]),
        ("short_circuit", 2, 128, [ints(250), ints(250), ints(250), Out(250, I32), 250]),
        (
            "probes",
            1,
            64,
            [order(64), Out(97, I32), Out(1, I32), 97],
            FREE,
        ),
        ("mountains", 2, 64, [real(128), Out(128), 128]),
        ("lanes_in_turn", 2, 64, [InOut(ints(128))]),
        ("deep", 2, 128, [bits(256), Out(256, U32)]),
        ("powers", 1, 64, [ints(64, 50), Out(64, I32)]),
    ),
    *family(
        "lanes",
        ("transpose_in_registers", 1, 64, [ints(512), Out(512, I32)]),
        ("sort_a_warp", 1, 96, [bits(96), Out(96, U32)]),
        ("one_adds_for_all", 1, 128, [ints(128), Out(1, I32)]),
        ("narrow_shuffles", 1, 64, [ints(64), Out(64, I32)]),
        ("wide_shuffles", 1, 64, [ints(64, 1 << 50, I64), Out(64, F64)]),
        ("leaders", 1, 64, [ints(64, 7), Out(96, I32)]),
        ("all_match", 1, 96, [shifted(ints(96, 600, I64), 500), Out(96, U32)]),
        ("until_all_done", 1, 128, [ints(128), Out(128, I32)]),
        ("bit_tricks", 1, 128, [bits(128), Out(128, U32)]),
        ("odd_and_even", 1, 64, [ints(64), Out(64, I32)]),
        ("through_shared", 1, 64, [ints(64), Out(64, I32)]),
        ("polynomial", 1, 64, [real(64), Out(64)]),
        ("broadcast_row", 1, 64, [bits(64, I16), Out(64, I16), 9]),
        ("moves_of_matrices", 1, 64, [bits(64), Out(64, U32)]),
    ),
    *family(
        "prints",
        ("prints_kinds", 2, 32, [real(8), ints(8)]),
        ("prints_by_lane", (2, 2), 32, [ints(32)]),
    ),
    *family(
        "halves",
        ("axpy_half2", 2, 64, [real(256, F16), InOut(real(256, F16)), np.float16(1.5)]),
        ("relu_bf162", 2, 64, [brain(256), InOut(brain(256))]),
        ("mixed_half", 2, 128, [real(200, F16), real(200, F16), Out(200, F16), 200]),
        ("fused_relu", 2, 64, [real(256, F16), real(256, F16), Out(256, F16)]),
        ("bf16_dot", 5, 32, [brain(5 * 70), brain(70), Out(5), 70]),
        ("bf16_lerp", 2, 64, [brain(256), brain(256), Out(256, "bf16")]),
        ("to_fp8", 2, 64, [real(128), Out(128, U8), Out(128, U8)]),
        ("from_fp8", 2, 64, [ints(128, 120, U8), Out(128)]),
        ("quads_of_half", 2, 64, [halves(512), Out(512)]),
        ("eight_halves", 2, 32, [halves(512), Out(256, U32)]),
        ("round_trip", 2, 64, [real(128), Out(128, I16)]),
        ("sum_in_half", 1, 64, [real(64 * 17, F16), Out(64, F16), 17]),
        ("shuffled_halves", 1, 64, [real(128, F16), Out(128, F16)]),
    ),
    *family(
        "models",
        ("softmax_a_warp_a_row", 2, 128, [real(8 * 128), Out(8 * 128)], BOUND),
        (
            "rmsnorm_two_rows",
            2,
            64,
            [brain(4 * 200), brain(200), Out(800, "bf16"), 100],
            BF16,
        ),
        ("loss_of_tokens", 6, 32, [real(6 * 90), ints(6, 90), Out(6), 90], BOUND),
        ("dropout", 2, 128, [real(250), Out(250), 12345, np.float32(0.8), 250]),
        ("swiglu", (2, 3), 32, [real(3 * 200, F16), Out(3 * 100, F16), 50], HALF),
        ("quantize_rows", 4, 32, [real(4 * 75), Out(300, np.int8), Out(4), 75]),
        ("unpack_fours", 2, 64, [bits(128), Out(1024, F16)]),
        ("three_largest", 5, 32, [real(5 * 30), Out(15, I32), 30]),
        ("bag_of_rows", 9, 40, [real(50 * 40), starts(9, 6), ints(54, 50), Out(360), 40]),
        ("ranks_in_a_row", 2, 96, [ints(192, 60), Out(192, I32)]),
        ("causal_scores", (2, 6), (32, 8), [real(45 * 16), real(45 * 16), Out(45 * 45), 45, 16]),
        ("rope_pairs", 4, 24, [InOut(real(4 * 48)), real(96), real(96), 48]),
        ("cache_write", 6, 32, [bits(6 * 40 * 4), Out(10 * 40 * 4, U32), given(3, -1, 7, 0, -1, 9), 40]),
        ("online_attention_row", 4, 32, [real(128), real(32 * 19), real(32 * 19), Out(128), 19], BOUND),
    ),
)
