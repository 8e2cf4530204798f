"""What the memory hardware does with a warp's request: sectors, wavefronts.

A request is one memory instruction of one warp with at least one active lane. Global memory answers in sectors of
32 bytes; shared memory has 32 banks, 4 bytes wide, and serves in one wavefront any number of lanes that want at most
one 4-byte word of each bank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANES = 32
SECTOR = 32
BANKS = 32
NOWHERE = np.int64(1) << 40  # where inactive lanes stand, behind all addresses


@dataclass(frozen=True)
class Tally:
    """Sums over the warps of one instruction; worst: the row (a warp) of the costliest request."""

    requests: int
    cost: int
    ideal: int
    worst_row: int
    worst: int


def sectors(offsets: np.ndarray, active: np.ndarray, width: int) -> Tally:
    """offsets: int64 byte offsets, active: bool; both of shape (warps, 32). width: bytes a lane moves, aligned."""
    ordered, present = _ordered(offsets, active)
    first = _first(ordered >> 5) & present
    cost = first.sum(-1)
    requests = cost > 0
    distinct = (_first(ordered) & present).sum(-1)
    ideal = -(-distinct * width // SECTOR)
    return _tally(requests, cost, ideal)


def atomic_sectors(offsets: np.ndarray, active: np.ndarray, width: int) -> Tally:
    """As `sectors`, for atomics: lanes that want one address are served one after the other, each time its sector."""
    ordered, present = _ordered(offsets, active)
    run = np.arange(LANES) - np.maximum.accumulate(np.where(_first(ordered), np.arange(LANES), 0), axis=-1)
    turn_and_sector = np.where(present, (run << 40) | (ordered >> 5), NOWHERE << 20)  # the k-th to want its address
    turns = np.sort(turn_and_sector, axis=-1)
    cost = (_first(turns) & (turns < NOWHERE << 20)).sum(-1)
    distinct = (_first(ordered) & present).sum(-1)
    return _tally(cost > 0, cost, -(-distinct * width // SECTOR))


def wavefronts(offsets: np.ndarray, active: np.ndarray, width: int, paired: bool = True) -> Tally:
    """As `sectors`, for shared memory.

    8-byte accesses are served per half warp, 16-byte ones per quarter. Loads of which every two neighbouring lanes
    want one place, or one of the two is idle, are served as if they were half as many, two groups together (all of
    the warp or none; seen on an H200 and an H100). `paired=False`: ldmatrix, whose rows are served eight at a time.
    """
    group = LANES if width <= 4 else 4 * LANES // width
    warp = np.repeat(np.arange(len(offsets)), LANES // group)
    rows, present = offsets.reshape(-1, group), active.reshape(-1, group)
    if paired and width > 4:
        rows, present, warp = _paired(rows, present, warp)
    words = max(width // 4, 1)
    rows = rows >> 2
    if words > 1:
        rows = (rows[..., None] + np.arange(words)).reshape(len(rows), -1)
        present = np.repeat(present, words, axis=-1)
    ordered, present = _ordered(rows, present)
    row, column = np.nonzero(_first(ordered) & present)
    bank = ordered[row, column] & (BANKS - 1)
    taken = np.bincount(row * BANKS + bank, minlength=len(rows) * BANKS).reshape(len(rows), BANKS).max(-1)
    cost = np.bincount(warp, taken, len(offsets)).astype(np.int64)
    ideal = np.bincount(warp, taken > 0, len(offsets)).astype(np.int64)
    return _tally(ideal > 0, cost, ideal)


def _paired(rows: np.ndarray, present: np.ndarray, warp: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two groups of lanes as one in warps of which no two neighbours want two places."""
    group = rows.shape[1]
    pairs, there = rows.reshape(-1, group, 2), present.reshape(-1, group, 2)
    agree = (~there.all(-1) | (pairs[..., 0] == pairs[..., 1])).all(-1)
    agree = np.repeat(agree.reshape(-1, LANES // (2 * group)).all(-1), LANES // (2 * group))
    if not agree.any():
        return rows, present, warp
    alone = np.repeat(~agree, 2)
    either = np.where(there[agree, :, 0], pairs[agree, :, 0], pairs[agree, :, 1])
    return (
        np.concatenate([rows[alone], either]),
        np.concatenate([present[alone], there[agree].any(-1)]),
        np.concatenate([warp[alone], warp[::2][agree]]),
    )


def _ordered(values: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not active.all():
        values = np.where(active, values, NOWHERE)
    if (values[:, 1:] < values[:, :-1]).any():
        values = np.sort(values, axis=-1)
    return values, values < NOWHERE


def _first(ordered: np.ndarray) -> np.ndarray:
    """Where a value differs from the one before it in its row."""
    first = np.ones(ordered.shape, bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=first[:, 1:])
    return first


def _tally(requests: np.ndarray, cost: np.ndarray, ideal: np.ndarray) -> Tally:
    worst = int(cost.argmax())
    return Tally(int(requests.sum()), int(cost.sum()), int(ideal.sum()), worst, int(cost[worst]))
