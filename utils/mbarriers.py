"""mbarriers and those who wait on them, simulated: time is in ticks, warps are generators that yield where they wait.

An mbarrier as the PTX ISA describes it: a phase ends when no arrival is pending and no byte is outstanding; the next
one begins at once, with all its arrivals pending. The parity of a phase is its number modulo 2. Waiting for a parity
ends when the phase in progress has the other one, so waiting for parity 1 on a fresh barrier does not wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from dataclasses import dataclass


class Fault(ValueError):
    """What the warps did wrong: a key, and a sentence."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


@dataclass(eq=False)
class Pause:
    """What a warp yields: why it stops, and the tick at which it goes on (None: when a barrier says so)."""

    why: str
    until: float | None
    barrier: Barrier | None = None
    parity: int = 0


Warp = Generator[Pause, None, None]


@dataclass(eq=False)
class Actor:
    """A warp or warpgroup; ready: the tick at which it can go on."""

    name: str
    warp: Warp
    ready: float | None = 0
    pause: Pause | None = None
    ended: bool = False


class Machine:
    """Runs warps one after the other, always the one that is earliest; what copies bring lands at its tick."""

    def __init__(self) -> None:
        self.now = 0.0
        self.current: Actor | None = None
        self.actors: list[Actor] = []
        self.written: Pause | None = None  # a pause that nobody has yielded yet
        self.coming: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0

    def act(self) -> Actor:
        """The warp that does something now."""
        if self.current is None:
            raise RuntimeError("Nobody runs yet: a warp is a function with `yield` in front of all that waits.")
        if self.written is not None:
            raise Fault("not-yielded", f"**`yield` is missing**: {self.written.why} is written down, not waited for.")
        return self.current

    def stop(self, pause: Pause) -> Pause:
        """What a warp has to yield next."""
        self.act()
        self.written = pause
        return pause

    def later(self, tick: float, happens: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.coming, (tick, self.count, happens))

    def run(self, warps: dict[str, Warp]) -> list[Actor]:
        """Until all have ended or nobody can go on: those who have not ended."""
        self.actors = [Actor(name, warp) for name, warp in warps.items()]
        try:
            while True:
                actor = min((a for a in self.actors if a.ready is not None), key=lambda a: a.ready, default=None)
                if self.coming and (actor is None or self.coming[0][0] <= actor.ready):
                    self.now, _, happens = heapq.heappop(self.coming)
                    happens()
                elif actor is None:
                    return [actor for actor in self.actors if not actor.ended]
                else:
                    self.step(actor)
        finally:
            self.actors, self.coming, self.current, self.written = [], [], None, None

    def step(self, actor: Actor) -> None:
        """Until its next pause."""
        self.now, self.current, actor.ready, actor.pause = actor.ready, actor, None, None
        pause = next(actor.warp, None)
        self.written, written = None, self.written
        self.current, actor.ended = None, pause is None
        if written is not None and pause is not written or pause is not None and written is None:
            raise Fault("not-yielded", "**`yield` takes what `wait`, `products` and `store` return**, one at a time.")
        if pause is not None:
            actor.pause = pause
            passed = pause.barrier is not None and pause.barrier.passed(pause.parity)
            actor.ready = self.now if passed else pause.until


class Barrier:
    """One mbarrier in shared memory; phases: how many have ended."""

    def __init__(self, machine: Machine, name: str, count: int) -> None:
        self.machine, self.name, self.count = machine, name, count
        self.pending, self.bytes, self.phases = count, 0, 0

    def passed(self, parity: int) -> bool:
        """What mbarrier.test_wait.parity answers."""
        return self.phases % 2 != parity

    def wait(self, parity: int) -> Pause:
        """`yield` it: the warp goes on when the phase of this parity has ended."""
        if parity not in (0, 1):
            raise Fault("no-parity", f"**A parity is 0 or 1**: `{self.name}.wait({parity})`.")
        return self.machine.stop(Pause(f"`{self.name}.wait({int(parity)})`", None, self, int(parity)))

    def arrive(self) -> None:
        """One of the arrivals that the phase in progress waits for."""
        self.machine.act()
        if self.pending == 0:
            raise Fault("too-many-arrivals", f"**`{self.name}` gets an arrival too many**: its phase {self.phases} has "
                        f"all it needs and waits for {self.bytes:,} bytes. The PTX ISA forbids it.")  # fmt: skip
        self.pending -= 1
        self.settle()

    def expect(self, bytes: int) -> None:
        """Adds to the bytes that the phase in progress waits for, and arrives."""
        self.machine.act()
        self.bytes += bytes
        self.arrive()

    def settle(self) -> None:
        """Ends the phase if nothing is missing, and lets those go on who wait for that."""
        if self.pending or self.bytes:
            return
        self.phases, self.pending = self.phases + 1, self.count
        for actor in self.machine.actors:
            if actor.pause is not None and actor.pause.barrier is self and self.passed(actor.pause.parity):
                actor.ready = self.machine.now
