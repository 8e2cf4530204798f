"""What an H100 allows a product's tile to be, and what TMA allows a tensor: errors that name the limit and the number.

Nothing here needs a GPU. Sources: CUDA C++ Programming Guide, compute capabilities, column 9.0 (shared memory,
registers); PTX ISA, `wgmma.mma_async` (shapes); CUDA Driver API, `cuTensorMapEncodeTiled` (TMA).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

SHARED = 232_448  # bytes of shared memory that one block may have: 227 KB of the SM's 228
REGISTERS = 65_536  # 32-bit registers of an SM
OF_A_THREAD = 255  # registers that one thread may have
WARPGROUP = 4  # warps that issue one wgmma together
ROWS = 64  # of C in one wgmma
COLUMNS = 8  # the columns of C in one wgmma are a multiple of it
DEPTH = 32  # bytes along K in one wgmma: 16 elements of bf16, 32 of fp8
ALIGNED = 16  # bytes: TMA's addresses, strides and the rows of its boxes are multiples of it
BOX = 256  # elements along one side of a TMA box, at most
RANK = 5  # dimensions of a TMA descriptor, at most
LONGEST = 2**32  # elements along one dimension of a tensor that TMA reads
WIDEST = 2**40  # bytes: TMA's strides are less


class TileError(ValueError):
    """A tile that cannot run, or a tensor that TMA cannot read; the message has the limit and the number."""


def shared_bytes(bm: int, bn: int, bk: int, stages: int, itemsize: int = 2, store: int = 0) -> int:
    """Bytes of shared memory: `stages` tiles of A (bm x bk) and of B (bk x bn), and `store` bytes for C's way out."""
    return stages * (bm * bk + bk * bn) * itemsize + store


def registers_left(warps: int) -> int:
    """Registers that each thread of a block of so many warps may have: all blocks' threads share one register file."""
    return min(OF_A_THREAD, REGISTERS // (32 * warps))


def check_tile(
    bm: int, bn: int, bk: int, stages: int = 1, warps: int = 4, itemsize: int = 2, *, store: int = 0, whole_k: int = 0
) -> None:
    """Raise TileError if a tile of bm x bn sums, loaded bk of K at a time, cannot run on an H100.

    itemsize: bytes of an element of A and B.  store: bytes of shared memory beside the stages, for C say.
    whole_k: K, for a kernel that has no mask along it; 0 for one that has, or whose TMA fills with zeros.
    """
    for problem in problems(bm, bn, bk, stages, warps, itemsize, store, whole_k):
        raise TileError(problem)


def problems(
    bm: int, bn: int, bk: int, stages: int, warps: int, itemsize: int, store: int = 0, whole_k: int = 0
) -> Iterator[str]:
    """Each limit that the configuration breaks, in a sentence; those of the instruction first."""
    for name, value in {"bm": bm, "bn": bn, "bk": bk, "warps": warps}.items():
        if value < 1 or value & (value - 1):
            yield f"{name} = {value}: Triton's tiles and warps are powers of two"
            return  # the limits below are about tiles
    if stages < 1:
        yield f"stages = {stages}: at least one stage holds the tiles of A and B"
        return
    if warps % WARPGROUP:
        yield f"warps = {warps}: wgmma is issued by warpgroups of {WARPGROUP} warps"
    if bm % ROWS:
        yield f"bm = {bm}: one wgmma makes {ROWS} rows of C, so bm is a multiple of {ROWS}"
    if bn % COLUMNS:
        yield f"bn = {bn}: one wgmma makes a multiple of {COLUMNS} columns of C, so bn is one"
    if bk * itemsize % DEPTH:
        yield (f"bk = {bk}: one wgmma takes {DEPTH} bytes along K, {DEPTH // itemsize} elements of {itemsize} "
               f"byte{'s' * (itemsize > 1)}, so bk is a multiple of {DEPTH // itemsize}")  # fmt: skip
    if whole_k % bk:
        yield f"K = {whole_k} is no multiple of bk = {bk} ({whole_k % bk} left over), and this kernel loads whole steps"
    if (shared := shared_bytes(bm, bn, bk, stages, itemsize, store)) > SHARED:
        plus = f" + {store:,} for C" if store else ""
        yield (f"shared memory: {stages} stages x ({bm} x {bk} + {bk} x {bn}) x {itemsize}{plus} = {shared:,} bytes; "
               f"a block on an H100 has {SHARED:,}")  # fmt: skip
    sums, most = bm * bn // (32 * warps), registers_left(warps)
    if sums >= most:
        of = f" and {warps} warps share {REGISTERS:,}" if most < OF_A_THREAD else ""
        yield (f"registers: {bm} x {bn} sums / {32 * warps} threads = {sums} a thread; a thread has {most} at most"
               f"{of}, and needs some for all else")  # fmt: skip


def check_descriptor(x: torch.Tensor, block: Sequence[int], name: str = "x") -> None:
    """Raise TileError if no TMA descriptor can be made of x (on any device) with boxes of `block` elements.

    The box is the driver's, without interleave. Triton cuts a larger block into several boxes by itself.
    """
    rank, size = x.ndim, x.element_size()
    if not 1 <= rank <= RANK:
        raise TileError(f"{name} has {rank} dimensions: a TMA descriptor has 1 to {RANK}")
    if len(block) != rank:
        raise TileError(f"the box {tuple(block)} has {len(block)} sides, {name} has {rank} dimensions")
    for at, length in enumerate(x.shape):
        if not 1 <= length <= LONGEST:
            raise TileError(f"{name}.shape[{at}] = {length:,}: TMA reads 1 to {LONGEST:,} elements along a dimension")
    if off := x.data_ptr() % ALIGNED:
        raise TileError(f"{name} begins {off} bytes behind a multiple of {ALIGNED}: TMA wants {ALIGNED}-byte addresses")
    *strides, last = x.stride()
    if last != 1:
        raise TileError(f"{name}.stride({rank - 1}) = {last}: TMA wants neighbours along the last dimension (stride 1)")
    for at, stride in enumerate(strides):
        if (far := stride * size) % ALIGNED:
            raise TileError(f"{name}.stride({at}) = {stride} elements of {size} byte{'s' * (size > 1)} = {far} bytes: "
                            f"TMA's strides are multiples of {ALIGNED} bytes")  # fmt: skip
        if not 0 <= far < WIDEST:
            raise TileError(f"{name}.stride({at}) = {far:,} bytes: TMA's strides are less than 2^40 bytes")
    for at, side in enumerate(block):
        if not 1 <= side <= BOX:
            raise TileError(f"block[{at}] = {side}: a side of a TMA box has 1 to {BOX} elements")
    if (row := block[-1] * size) % ALIGNED:
        raise TileError(f"block[{rank - 1}] = {block[-1]} elements of {size} byte{'s' * (size > 1)} = {row} bytes: a "
                        f"row of a TMA box is a multiple of {ALIGNED} bytes")  # fmt: skip
