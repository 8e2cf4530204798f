"""The limits of an H100's tiles: each error names the limit and the number; what is allowed raises nothing."""

import pytest
import torch

from utils.tiles import SHARED, TileError, check_descriptor, check_tile, problems, registers_left, shared_bytes


@pytest.mark.parametrize("tile", [(128, 256, 64, 3, 8), (64, 8, 16, 1, 4), (256, 128, 64, 4, 8), (64, 256, 64, 5, 4)])
def test_what_runs_raises_nothing(tile):
    check_tile(*tile)


@pytest.mark.parametrize(
    ("tile", "names"),
    [
        ((96, 128, 64), ("bm = 96", "powers of two")),
        ((128, 0, 64), ("bn = 0", "powers of two")),
        ((128, 128, 48), ("bk = 48", "powers of two")),
        ((128, 128, 64, 3, 6), ("warps = 6", "powers of two")),
        ((128, 128, 64, 0, 4), ("stages = 0",)),
        ((128, 128, 64, 3, 2), ("warps = 2", "4 warps")),
        ((32, 128, 64), ("bm = 32", "64 rows")),
        ((64, 4, 64), ("bn = 4", "multiple of 8")),
        ((64, 64, 8), ("bk = 8", "16 elements")),
        ((64, 64, 16, 3, 4, 1), ("bk = 16", "32 elements of 1 byte,")),
        ((128, 128, 128, 4, 8), ("262,144 bytes", "232,448", "4 stages x (128 x 128 + 128 x 128) x 2")),
        ((128, 256, 64, 1, 4), ("256 a thread", "255")),
        ((256, 256, 16, 1, 16), ("128 a thread", "128", "65,536")),
    ],
)
def test_the_error_names_the_limit_and_the_number(tile, names):
    with pytest.raises(TileError) as caught:
        check_tile(*tile)
    assert isinstance(caught.value, ValueError)
    assert all(name in str(caught.value) for name in names), str(caught.value)


def test_the_limit_itself_is_allowed():
    spare = SHARED - shared_bytes(128, 256, 64, 4)
    check_tile(128, 256, 64, 4, 8, store=spare)
    with pytest.raises(TileError, match="232,449 bytes"):
        check_tile(128, 256, 64, 4, 8, store=spare + 1)


def test_k_matters_only_to_a_kernel_without_a_mask():
    check_tile(128, 128, 64, 3, 8)
    check_tile(128, 128, 64, 3, 8, whole_k=640)
    with pytest.raises(TileError, match=r"K = 1000 .* bk = 64 \(40 left over\)"):
        check_tile(128, 128, 64, 3, 8, whole_k=1000)


def test_a_configuration_may_break_several_limits():
    found = list(problems(32, 256, 128, 4, 2, 2))
    assert [said.split(":")[0].split(" =")[0] for said in found] == ["warps", "bm", "shared memory"]
    assert registers_left(4) == registers_left(8) == 255 and registers_left(16) == 128


def storage(count: int = 4096) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.bfloat16)


def test_a_descriptor_of_what_tma_can_read():
    check_descriptor(storage().view(64, 64), [64, 64])
    check_descriptor(storage().view(64, 64)[:, 8:56], [256, 8])  # begins at 16 bytes, rows of 128
    check_descriptor(torch.zeros(3, 5, 16, dtype=torch.uint8), [1, 5, 16])
    check_descriptor(storage(), [256])


@pytest.mark.parametrize(
    ("x", "block", "names"),
    [
        (storage().view(64, 64)[:, 1:], [64, 64], ("begins 2 bytes behind", "16")),
        (storage(63 * 65).view(63, 65), [64, 64], ("x.stride(0) = 65", "130 bytes", "16 bytes")),
        (storage().view(64, 64).T, [64, 64], ("x.stride(1) = 64", "stride 1")),
        (storage().view(64, 64), [512, 64], ("block[0] = 512", "256")),
        (storage().view(64, 64), [64, 4], ("block[1] = 4", "8 bytes", "16 bytes")),
        (torch.zeros(64, 64, dtype=torch.uint8), [64, 8], ("8 elements of 1 byte = 8 bytes",)),
        (storage().view(64, 64), [64], ("1 sides", "2 dimensions")),
        (torch.zeros(()), [], ("0 dimensions", "1 to 5")),
        (torch.zeros(1, 1, 1, 1, 1, 8), [1] * 5 + [8], ("6 dimensions",)),
        (torch.zeros(0, 64), [64, 64], ("x.shape[0] = 0",)),
        (storage().view(64, 64), [0, 64], ("block[0] = 0",)),
    ],
)
def test_the_descriptors_error_names_the_limit_and_the_number(x, block, names):
    with pytest.raises(TileError) as caught:
        check_descriptor(x, block)
    assert all(name in str(caught.value) for name in names), str(caught.value)


def test_the_error_names_the_tensor():
    with pytest.raises(TileError, match=r"^weights begins"):
        check_descriptor(storage()[1:], [64], "weights")
