"""Which lanes of a shared-memory request are served together."""

from __future__ import annotations

from collections.abc import Sequence

BANKS, BANK_BYTES, LANES = 32, 4, 32
Served = tuple[int, tuple[int, ...], int]  # bank, the lanes it serves, the 4-byte word they want


def lanes_together(width: int) -> int:
    """A wavefront carries 128 bytes: 8-byte accesses are served by half warps, 16-byte ones by quarters."""
    return LANES if width <= BANK_BYTES else BANKS * BANK_BYTES // width


def schedule(addresses: Sequence[int | None], width: int) -> list[list[Served]]:
    """The wavefronts of one request, each a list of (bank, lanes, word).

    addresses: shared-memory byte address of each of 32 lanes, None where a lane is not active; width: bytes a lane
    wants. In a wavefront each bank gives one word, to all lanes that want it; other words of that bank have to wait.
    """
    wavefronts = []
    for first in range(0, LANES, lanes_together(width)):
        queues: dict[int, dict[int, list[int]]] = {}  # bank -> word -> lanes
        for lane in range(first, min(first + lanes_together(width), len(addresses))):
            address = addresses[lane]
            if address is None:
                continue
            for word in range(address // BANK_BYTES, (address + width - 1) // BANK_BYTES + 1):
                queues.setdefault(word % BANKS, {}).setdefault(word, []).append(lane)
        longest = max((len(queue) for queue in queues.values()), default=0)
        for turn in range(longest):
            served = []
            for bank, queue in sorted(queues.items()):
                if turn < len(queue):
                    word, lanes = list(queue.items())[turn]
                    served.append((bank, tuple(lanes), word))
            wavefronts.append(served)
    return wavefronts
