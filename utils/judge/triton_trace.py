"""What the kernels of one call of a launcher did: launches, bytes, accesses outside arrays, programs that meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .trial import Diagnosis

MOST_FAULTS = 8
ADDRESS = 8  # bytes of an address


@dataclass
class Launch:
    """One launch: the kernel's name, its arguments as Triton's compiler types, "*fp32" or ("constexpr", 128), and how
    many programs it had."""

    kernel: str
    arguments: dict[str, Any]
    programs: int = 0


@dataclass
class Trace:
    """loaded, stored: bytes.  written: addresses stored.  tensors: of the running launch, name -> (start, stop, item).

    faults: accesses outside arrays.  races: elements that two programs of a launch touch, one storing.
    stores: of the running launch, program -> where it stored.  same_place: all programs of a launch stored to the same
    addresses.  undefined: a load left lanes without a value.  zeros: such lanes hold 0.  programs, lanes: how many
    stored, and how many elements at most (masked-off lanes included).  share: the most elements that one program of a
    launch stored.
    """

    launches: list[Launch] = field(default_factory=list)
    faults: list[Diagnosis] = field(default_factory=list)
    races: list[Diagnosis] = field(default_factory=list)
    loaded: int = 0
    stored: int = 0
    written: list[np.ndarray] = field(default_factory=list)
    bf16: bool = False
    undefined: bool = False
    zeros: bool = False
    depth: int = 0
    tensors: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    last: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    synchronized: set[int] = field(default_factory=set)
    stores: dict[int, list[bytes]] = field(default_factory=dict)
    same_place: bool = False
    programs: int = 0
    lanes: int = 0
    share: int = 0

    @property
    def inside(self) -> bool:
        """Whether a kernel is running just now."""
        return self.depth > 0

    def begin(self, launch: Launch) -> None:
        self.launches.append(launch)
        self.depth += 1

    def end(self) -> None:
        self.depth -= 1
        places = list(self.stores.values())
        self.programs += len(places)
        self.same_place |= len(places) > 1 and any(places[0]) and all(place == places[0] for place in places)
        self.share = max([self.share, *(sum(map(len, place)) // ADDRESS for place in places)])
        for state in (self.tensors, self.last, self.synchronized, self.stores):
            state.clear()

    def covers(self, tensor: Any) -> np.ndarray:
        """Which elements of a contiguous tensor the kernels stored."""
        size, item = tensor.numel(), tensor.element_size()
        done = np.zeros(size, bool)
        for addresses in self.written:
            index = (addresses.astype(np.int64) - tensor.data_ptr()) // item
            done[index[(index >= 0) & (index < size)]] = True
        return done

    def access(self, kind: str, pointers: np.ndarray, mask: np.ndarray, item: int, program: Any) -> np.ndarray:
        """Note a "load", "store" or "atomic"; returns the lanes of `mask` whose address lies in a tensor."""
        mask = np.broadcast_to(mask, pointers.shape)
        good = np.zeros(pointers.shape, bool)
        for start, stop, _ in self.tensors.values():
            good |= (pointers >= start) & (pointers + item <= stop)
        bad = mask & ~good
        lanes = mask & good
        if bad.any() and len(self.faults) < MOST_FAULTS:
            first, count = int(pointers[bad].ravel()[0]), int(bad.sum())
            self.faults.append(self._outside(kind, first, count, program, whole=not lanes.any()))
        size = int(lanes.sum()) * item
        self.loaded += size * (kind != "store")
        self.stored += size * (kind != "load")
        if kind != "load":
            self.written.append(pointers[lanes])
        if kind == "store":
            self.lanes += pointers.size
            self.stores.setdefault(number_of(program), []).append(pointers[lanes].tobytes())
        self._order(kind, pointers[lanes].astype(np.int64), program)
        return lanes

    def _order(self, kind: str, addresses: np.ndarray, program: Any) -> None:
        """Programs of a launch run in no order: two that touch one element, one of them storing it, race.

        What a program does after an atomic may rest on other programs (locks, "last one in"): it is not judged.
        """
        me = number_of(program)
        if kind == "atomic":
            self.synchronized.add(me)
        for name, (start, stop, item) in self.tensors.items():
            index = (addresses[(addresses >= start) & (addresses < stop)] - start) // item
            if not len(index):
                continue
            if (start, stop) not in self.last:
                self.last[start, stop] = tuple(np.zeros((stop - start) // item, np.int64) for _ in range(2))
            stored, loaded = self.last[start, stop]
            if kind != "atomic" and me not in self.synchronized:
                met = (stored[index] != 0) & (stored[index] != me)
                if kind == "store":
                    met |= (loaded[index] != 0) & (loaded[index] != me)
                if met.any() and len(self.races) < MOST_FAULTS:
                    self.races.append(_race(kind, name, int(index[met][0]), stored, program))
            if kind == "store":
                stored[index] = me
            elif kind == "load":
                loaded[index] = np.where((loaded[index] == 0) | (loaded[index] == me), me, -1)
            return

    def _outside(self, kind: str, address: int, lanes: int, program: Any, whole: bool) -> Diagnosis:
        def distance(item: tuple[str, tuple[int, int, int]]) -> int:
            start, stop, _ = item[1]
            return min(abs(address - start), abs(address - stop))

        name, (start, stop, size) = min(self.tensors.items(), key=distance, default=("?", (0, 0, 1)))
        index, length = (address - start) // size, (stop - start) // size
        key, verb = ("out-of-bounds", "reads") if kind == "load" else ("outside-output", "writes")
        has, which = f"{length} element{'s' * (length != 1)}", f"{lanes} lane{'s' * (lanes != 1)}"
        advice = f"Mask the {kind}" + (
            ", and look at where the block begins: all of it lies outside." if whole else "."
        )
        return Diagnosis(
            key,
            f"**The kernel {verb} outside its arrays**: `{name}[{index}]`, but `{name}` has {has} "
            f"(program {tuple(program)}, {which}). {advice}",
        )


def number_of(program: Any) -> int:
    """One number for a program's place in the grid; never 0."""
    return 1 + program[0] + 65536 * (program[1] + 65536 * program[2])


def _race(kind: str, name: str, at: int, stored: np.ndarray, program: Any) -> Diagnosis:
    other = "stores" if stored[at] else "loads"
    return Diagnosis(
        "race",
        f"**Two programs meet at `{name}[{at}]`**: program {tuple(program)} {kind}s what another program of the same "
        f"launch {other}. The interpreter runs them one after the other, a GPU in any order: the result is luck. "
        "Give each element one program, or use an atomic or a second launch.",
    )
