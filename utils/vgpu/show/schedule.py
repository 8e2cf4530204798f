"""Which lanes of a shared-memory request are served together."""

from __future__ import annotations

from collections.abc import Sequence

BANKS, BANK_BYTES, LANES = 32, 4, 32
Served = tuple[int, tuple[int, ...], int]  # bank, the lanes it serves, the 4-byte word they want


def lanes_together(width: int, addresses: Sequence[int | None] = ()) -> int:
    """A wavefront carries 128 bytes: 8-byte accesses are served by half warps, 16-byte ones by quarters.

    addresses: of a load. Where no two neighbours want two places, twice as many lanes are served together.
    """
    if width <= BANK_BYTES:
        return LANES
    pairs = list(zip(addresses[::2], addresses[1::2], strict=False))
    alike = pairs and all(a is None or b is None or a == b for a, b in pairs)
    return BANKS * BANK_BYTES // width * (2 if alike else 1)


def schedule(addresses: Sequence[int | None], width: int, load: bool = False) -> list[list[Served]]:
    """The wavefronts of one request, each a list of (bank, lanes, word).

    addresses: shared-memory byte address of each of 32 lanes, None where a lane is not active; width: bytes a lane
    wants. In a wavefront each bank gives one word, to all lanes that want it; other words of that bank have to wait.
    load: neighbours that want one place may be served as one (see lanes_together), as only loads are.
    """
    wavefronts = []
    together = lanes_together(width, addresses if load else ())
    for first in range(0, LANES, together):
        queues: dict[int, dict[int, list[int]]] = {}  # bank -> word -> lanes
        for lane in range(first, min(first + together, len(addresses))):
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
