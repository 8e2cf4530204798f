"""A ring of stages in shared memory between a producer and its consumers, as in a Hopper GEMM, on simulated mbarriers.

Whoever reads what has not landed, overwrites what is still read, or waits for ever, gets a `Fault` that says so.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .mbarriers import Actor, Barrier, Fault, Machine, Pause, Warp


@dataclass(frozen=True)
class Span:
    """Something that took time: lane "copies", "consumer 0" (its products), "epilogue 0"; of a step, or of a tile."""

    lane: str
    number: int
    start: float
    end: float


class Full(Barrier):
    """Says that a stage has been filled: one arrival, the producer's, and the bytes of its copies."""

    machine: Ring

    def __init__(self, ring: Ring, stage: int) -> None:
        super().__init__(ring, f"full[{stage}]", 1)
        self.stage, self.told = stage, 0  # told: bytes, from the beginning

    def arrive(self) -> None:
        self.machine.role("producer", f"arrives on `{self.name}`")
        if self.pending == 0:
            self.machine.filled_again(self.stage, self.phases)
        super().arrive()

    def expect(self, bytes: int) -> None:
        self.told += bytes
        super().expect(bytes)


class Empty(Barrier):
    """Says that a stage may be overwritten: an arrival of each consumer that reads it."""

    machine: Ring

    def __init__(self, ring: Ring, stage: int, readers: int) -> None:
        super().__init__(ring, f"empty[{stage}]", readers)
        self.stage = stage

    def arrive(self) -> None:
        self.machine.hand_back(self.machine.role("consumer", f"arrives on `{self.name}`"), self.stage)
        super().arrive()


class Ring(Machine):
    """`steps` steps for each of `tiles` tiles run through `stages` stages.

    A copy takes `copy` ticks of the copy engine and lands 0 to `late` ticks after that; a product takes `product` ticks
    of the tensor cores, which all consumers share; storing a tile takes a consumer `store` ticks.
    alternate: tile t belongs to consumer t mod `consumers` alone (ping-pong); else each consumer multiplies every step.
    """

    def __init__(
        self, stages: int, steps: int, tiles: int = 1, consumers: int = 1, *, copy: float = 1, late: float = 4,
        product: float = 2, store: float = 4, alternate: bool = False, bytes_a: int = 16384, bytes_b: int = 32768,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stages, self.steps, self.tiles, self.consumers = stages, steps, tiles, consumers
        self.bytes_a, self.bytes_b = bytes_a, bytes_b
        self.full = [Full(self, stage) for stage in range(stages)]
        self.empty = [Empty(self, stage, 1 if alternate else consumers) for stage in range(stages)]
        self.spans: list[Span] = []
        self._ticks, self._alternate, self._random = (copy, late, product, store), alternate, random.Random(seed)
        self._engine = self._cores = 0.0  # ticks from which they are free
        self._copied = {"A": 0, "B": 0}  # steps
        self._landed: dict[tuple[str, int], float] = {}
        self.ahead = False  # whether a step was ever asked for while the one before was still on its way
        names = [f"consumer {c}" for c in range(consumers)]
        self._issued: dict[str, list[tuple[int, float]]] = {name: [] for name in names}  # steps, ticks when they end
        self._known = dict.fromkeys(names, 0)  # products known to have ended
        self._held: dict[str, set[int]] = {name: set() for name in names}  # steps multiplied and not handed back
        self._stored = dict.fromkeys(names, 0)
        self.dry = dict.fromkeys(names, 0)  # products issued late: the last had ended, the data was there before that

    def __repr__(self) -> str:
        parts = [(self.stages, "stage"), (self.tiles, "tile"), (self.steps, "step"), (self.consumers, "consumer")]
        return ", ".join(f"{n} {name}{'s' * (n != 1)}" for n, name in parts)

    def role(self, role: str, does: str) -> str:
        """The name of the warp that runs, if it has this role."""
        name = self.act().name
        if not name.startswith(role):
            raise Fault("wrong-role", f"**The {name} {does}**: that is for a {role} to do.")
        return name

    # What a producer does

    def copy_a(self, step: int, stage: int) -> None:
        """TMA brings the tile of A of this step to the stage and counts its bytes on `full[stage]`; nobody waits."""
        self._copy("A", step, stage, self.bytes_a)

    def copy_b(self, step: int, stage: int) -> None:
        """The same for B."""
        self._copy("B", step, stage, self.bytes_b)

    def _copy(self, operand: str, step: int, stage: int, size: int) -> None:
        self.role("producer", "copies")
        if step != (wanted := self._copied[operand]) or step >= self.tiles * self.steps:
            raise Fault("wrong-step", f"**{operand} of step {step} is copied** where that of step {wanted} comes next.")
        self._in_place(step, stage)
        self._copied[operand] += 1
        if self.empty[stage].phases < step // self.stages:
            raise Fault("overwritten", f"**Stage {stage} is overwritten**: step {step} is copied into it before all "
                        f"consumers have handed step {step - self.stages} back.")  # fmt: skip
        if step and min(self._copied.values()) > step:
            self.ahead |= any((other, step - 1) not in self._landed for other in "AB")
        copy, late, _, _ = self._ticks
        start = max(self.now, self._engine)
        self._engine = start + copy
        self.spans.append(Span("copies", step, start, self._engine))

        def land() -> None:
            self._landed[operand, step] = self.now
            self.full[stage].bytes -= size
            if all((other, step) in self._landed for other in "AB"):
                self._check_bytes(step)
            self.full[stage].settle()

        self.later(self._engine + self._random.uniform(0, late), land)

    def filled_again(self, stage: int, turn: int) -> None:
        """An arrival for the next step, though the copies of this turn have been asked for and have not landed?"""
        if min(self._copied.values()) > (step := turn * self.stages + stage):
            raise Fault("overwritten", f"**Stage {stage} is filled again** while the copies of step {step} are still "
                        f"on their way to it: nobody has handed it back on `empty[{stage}]`.")  # fmt: skip

    def _check_bytes(self, step: int) -> None:
        """Of a step that is copied whole: does `full` expect its bytes, no more and no less?"""
        full, bytes = self.full[step % self.stages], self.bytes_a + self.bytes_b
        told = full.told - step // self.stages * bytes
        if min(self._copied.values()) > step and told != bytes:
            raise Fault("expected-bytes", f"**{full.name} is told to expect {told:,} bytes for step {step}**; its "
                        f"copies bring {bytes:,}: {self.bytes_a:,} of A and {self.bytes_b:,} of B.")  # fmt: skip

    def _in_place(self, step: int, stage: int) -> None:
        if stage != (wanted := step % self.stages):
            raise Fault("wrong-stage", f"**Stage {stage} for step {step}**: of {self.stages} stages its is {wanted}.")

    # What a consumer does

    def multiply(self, step: int, stage: int) -> None:
        """Starts the product of what is in the stage (wgmma); it goes on by itself."""
        name = self.role("consumer", "multiplies")
        issued = self._issued[name]
        if step != (wanted := self._step(name, len(issued))):
            raise Fault("wrong-step", f"**Step {step} is multiplied** where step {wanted} comes next.")
        self._in_place(step, stage)
        if missing := " and ".join(operand for operand in "AB" if (operand, step) not in self._landed):
            self._check_bytes(step)
            raise Fault("read-before-full", f"**Stage {stage} is read before it is full**: {missing} of step {step} "
                        f"{'have' if 'and' in missing else 'has'} not landed.")  # fmt: skip
        there = max(self._landed[operand, step] for operand in "AB")
        if len(issued) % self.steps and there < issued[-1][1] <= self.now:
            self.dry[name] += 1
        start = max(self.now, self._cores)
        self._cores = start + self._ticks[2]
        issued.append((step, self._cores))
        self._held[name].add(step)
        self.spans.append(Span(name, step, start, self._cores))

    def products(self, pending: int) -> Pause:
        """`yield` it: the warpgroup goes on when all but its last `pending` products have ended."""
        name = self.role("consumer", "waits for products")
        issued = self._issued[name]
        self._known[name] = known = max(self._known[name], len(issued) - pending)
        return self.stop(Pause(f"`products({pending})`", max(self.now, issued[known - 1][1] if known else 0)))

    def hand_back(self, name: str, stage: int) -> None:
        """A consumer says that it needs no longer what it has multiplied in this stage."""
        step = next((step for step in self._held[name] if step % self.stages == stage), None)
        if step is None:
            raise Fault("handed-back-unread", f"**Stage {stage} is handed back unread**: the {name} has multiplied "
                        "nothing in it, or has handed it back already.")  # fmt: skip
        if step not in [number for number, _ in self._issued[name][: self._known[name]]]:
            raise Fault("handed-back-too-early", f"**Stage {stage} is handed back too early**: the product of "
                        f"step {step} may still read it; `yield ring.products(...)` tells what has ended.")  # fmt: skip
        self._held[name].remove(step)

    def store(self, tile: int) -> Pause:
        """`yield` it: the warpgroup converts the sums of a tile and has them written."""
        name = self.role("consumer", "stores")
        wanted = self._step(name, self._stored[name] * self.steps) // self.steps
        if tile != wanted:
            raise Fault("wrong-step", f"**Tile {tile} is stored** where tile {wanted} comes next.")
        self._stored[name] += 1
        if self._known[name] < self._stored[name] * self.steps:
            raise Fault("stored-too-early", f"**Tile {tile} is stored too early**: not all of its products are known "
                        "to have ended; `yield ring.products(0)` waits for the last.")  # fmt: skip
        self.spans.append(Span(f"epilogue {name[-1]}", tile, self.now, self.now + self._ticks[3]))
        return self.stop(Pause(f"`store({tile})`", self.now + self._ticks[3]))

    def _step(self, name: str, number: int) -> int:
        """The step that is a consumer's `number`-th."""
        if not self._alternate:
            return number
        return (number // self.steps * self.consumers + int(name[-1])) * self.steps + number % self.steps

    # All together

    def simulate(self, producer: Warp, *consumers: Warp) -> Ring:
        """Runs them to the end, and raises the first Fault."""
        stuck = self.run({"producer": producer} | {f"consumer {c}": warp for c, warp in enumerate(consumers)})
        copied, total = min(self._copied.values()), self.tiles * self.steps
        for step in range(max(0, copied - self.stages), copied):
            self._check_bytes(step)
        if copied < total and not any(actor.name == "producer" for actor in stuck):
            raise Fault("steps-missing", f"**The producer ends after {copied} of {total} steps.**")
        waiting = {actor.name for actor in stuck}
        for name, issued in self._issued.items():
            own = [t for t in range(self.tiles) if not self._alternate or t % self.consumers == int(name[-1])]
            if len(issued) < (mine := len(own) * self.steps) and name not in waiting:
                raise Fault("steps-missing", f"**The {name} ends after {len(issued)} of its {mine} steps.**")
            if self._stored[name] < len(own) and name not in waiting:
                raise Fault("not-stored", f"**The {name} has stored {self._stored[name]} of its {len(own)} tiles.**")
        for actor in stuck:
            self._check_wait(actor)
        if stuck:
            raise Fault("deadlock", f"**Nobody can go on**: {'; '.join(map(_waiting, stuck))}.")
        return self

    def _check_wait(self, actor: Actor) -> None:
        """A consumer that is stuck before a later tile's first step: does it wait for that step?"""
        issued, pause = self._issued.get(actor.name, []), actor.pause
        if not issued or len(issued) % self.steps or pause.barrier not in self.full:
            return
        turn, stage = divmod(step := self._step(actor.name, len(issued)), self.stages)
        if (pause.barrier, pause.parity) != (self.full[stage], turn % 2):
            raise Fault("wrong-step", f"**The {actor.name} waits in {pause.why}** where step {step} comes next, "
                        f"in stage {stage} with parity {turn % 2}. Steps are counted through all tiles.")  # fmt: skip


def _waiting(actor: Actor) -> str:
    barrier = actor.pause.barrier
    arrived = f"{barrier.count - barrier.pending} of {barrier.count} arrivals"
    bytes = f", {barrier.bytes:,} bytes to come" if barrier.bytes else ""
    return (
        f"the {actor.name} waits in {actor.pause.why}, where phase {barrier.phases} (parity {barrier.phases % 2}) "
        f"goes on with {arrived}{bytes}"
    )
