"""The simulated mbarriers do what the PTX ISA says, and every way to break a ring gets its own name."""

import pytest

from utils.mbarriers import Barrier, Fault, Machine
from utils.ring import Ring


def test_a_phase_ends_with_its_last_arrival_and_its_last_byte():
    machine, seen = Machine(), []

    def warp():
        barrier = Barrier(machine, "b", 2)
        seen.append((barrier.passed(0), barrier.passed(1)))  # fresh: the phase "before" it has ended
        barrier.arrive()
        barrier.expect(48)
        seen.append(barrier.phases)
        machine.later(3, lambda: (setattr(barrier, "bytes", 0), barrier.settle()))
        yield barrier.wait(0)
        seen.append((machine.now, barrier.phases, barrier.pending, barrier.passed(0), barrier.passed(1)))

    assert machine.run({"warp": warp()}) == []
    assert seen == [(False, True), 0, (3, 1, 2, True, False)]


def test_an_arrival_too_many_is_a_fault():
    machine = Machine()

    def warp():
        barrier = Barrier(machine, "b", 1)
        barrier.expect(16)
        barrier.arrive()
        yield barrier.wait(0)

    with pytest.raises(Fault, match="gets an arrival too many"):
        machine.run({"warp": warp()})


def fill(ring, expect=None, parity=1, stop=0):
    for step in range(ring.steps * ring.tiles - stop):
        stage = step % ring.stages
        if parity is not None:
            yield ring.empty[stage].wait((step // ring.stages + parity) % 2)
        ring.full[stage].expect(ring.bytes_a + ring.bytes_b if expect is None else expect)
        ring.copy_a(step, stage)
        ring.copy_b(step, stage)


def drain(ring, wait=True, pending=0, hand_back=True, mine=0, turns=(None,)):
    for tile in range(mine, ring.tiles, len(turns)):
        if turns[mine]:
            yield turns[mine].wait((tile // len(turns) + (mine == 0)) % 2)
        for step in range(tile * ring.steps, (tile + 1) * ring.steps):
            stage = step % ring.stages
            if wait:
                yield ring.full[stage].wait(step // ring.stages % 2)
            ring.multiply(step, stage)
            yield ring.products(pending)
            if hand_back:
                ring.empty[stage].arrive()
        if turns[mine]:
            turns[mine ^ 1].arrive()
        yield ring.products(0)
        yield ring.store(tile)


@pytest.mark.parametrize(("stages", "consumers"), [(1, 1), (2, 1), (3, 2), (4, 3)])
@pytest.mark.parametrize(("late", "product"), [(0, 9), (30, 1), (4, 3)])
def test_a_ring_runs_to_its_end(stages, consumers, late, product):
    ring = Ring(stages, 5, 2, consumers, late=late, product=product)
    ring.simulate(fill(ring), *(drain(ring) for _ in range(consumers)))
    products = [span for span in ring.spans if span.lane.startswith("consumer")]
    assert len(products) == 10 * consumers and ring.now >= 10 * consumers * product
    assert all(first.end <= second.start for first, second in zip(products, products[1:], strict=False))


def test_consumers_that_alternate_store_while_the_other_multiplies():
    ring = Ring(4, 8, 4, 2, late=0, product=2, store=8, alternate=True)
    turns = [Barrier(ring, f"turn[{c}]", 1) for c in range(2)]
    ring.simulate(fill(ring), *(drain(ring, mine=c, turns=turns) for c in range(2)))
    first = next(span for span in ring.spans if span.lane == "epilogue 0")
    assert any(span.lane == "consumer 1" and first.start <= span.start < first.end for span in ring.spans)


def test_without_turns_one_bit_cannot_tell_a_phase_from_the_next_but_one():
    ring = Ring(4, 8, 4, 2, late=0, product=2, store=8, alternate=True)
    with pytest.raises(Fault, match="read before it is full"):
        ring.simulate(fill(ring), *(drain(ring, mine=c, turns=(None, None)) for c in range(2)))


@pytest.mark.parametrize(
    ("key", "producer", "consumer"),
    [
        ("expected-bytes", {"expect": 16384}, {}),
        ("expected-bytes", {"expect": 10**6}, {}),
        ("deadlock", {"parity": 0}, {}),
        ("overwritten", {"parity": None}, {}),
        ("steps-missing", {"stop": 1}, {}),
        ("read-before-full", {}, {"wait": False}),
        ("handed-back-too-early", {}, {"pending": 1}),
        ("deadlock", {}, {"hand_back": False}),
    ],
)
def test_faults(key, producer, consumer):
    ring = Ring(2, 6, 1, late=20 if key == "read-before-full" else 0, product=9)
    with pytest.raises(Fault) as caught:
        ring.simulate(fill(ring, **producer), drain(ring, **consumer))
    assert caught.value.key == key, caught.value
