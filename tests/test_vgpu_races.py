"""utils/vgpu/races.py against full vector clocks on random programs, and on the classics."""

import random
from collections import defaultdict
from time import perf_counter

import numpy as np
import pytest

from utils.vgpu import races
from utils.vgpu.clocks import Order
from utils.vgpu.races import Races

THREADS = 64
ACTORS = (0, 1, 2, 32, 33)  # slots that access anything; the rest only meet at barriers
SEEDS = 350
DATA, FLAGS = (0, 1, 2, 3), (6, 7)


@pytest.fixture(autouse=True)
def all_conflicts_spelled_out(monkeypatch):
    monkeypatch.setattr(races, "SHOWN", 10_000)


def merge(into, other):
    for key, time in other.items():
        into[key] = max(into.get(key, 0), time)


class Oracle:
    """Every access is kept, every thread has a full clock; threads are (block, slot)."""

    def __init__(self):
        self.knows, self.fenced, self.pending = defaultdict(dict), defaultdict(dict), defaultdict(dict)
        self.told, self.past, self.racy = {}, defaultdict(list), set()

    def access(self, place, thread, time, write, strong, value=None, rmw=False):
        past = self.past[place]
        last = next((at for at in reversed(range(len(past))) if past[at][2] and past[at][3]), 0)
        chain = last if last and past[last][5] else 0  # what an atomic came after is ordered with it
        for at, (other, when, wrote, atomic, earlier, _) in enumerate(past):
            if at < chain and wrote and atomic:
                continue
            same = write and wrote and not strong and not atomic and value == earlier
            if other != thread and (write or wrote) and not (strong and atomic) and not same:
                if when > self.knows[thread].get(other, 0):
                    self.racy.add(place)
        self.past[place].append((thread, time, write, strong, value, rmw))

    def meet(self, threads, time):
        known, fenced = {one: time for one in threads}, {}
        for one in threads:
            merge(self.knows[one], self.pending.pop(one, {}))
            merge(known, self.knows[one])
            merge(fenced, self.fenced[one])
        for one in threads:
            self.knows[one], self.fenced[one] = dict(known), dict(fenced)

    def fence(self, thread, time):
        merge(self.knows[thread], self.pending.pop(thread, {}))
        self.fenced[thread] = {**self.knows[thread], thread: time}

    def publish(self, place, thread, rmw):
        told = dict(self.fenced[thread])
        if rmw:
            merge(told, self.told.get(place, {}))
        self.told[place] = told

    def observe(self, place, thread):
        merge(self.pending[thread], self.told.get(place, {}))


class Both:
    """The same events for the oracle and for the detector."""

    def __init__(self, blocks, batches=1, fences=False, threads=THREADS):
        self.blocks, self.batches, self.batch, self.step = blocks, batches, -1, 0
        self.order = Order(threads, fences=fences)
        self.spaces = {name: Races(name, 8, self.order) for name in ("shared", "global")}
        self.oracle, self.found, self.threads = Oracle(), {"shared": set(), "global": set()}, threads
        self.next_batch()

    def next_batch(self):
        self.batch += 1
        self.order.begin_batch(self.batch * self.blocks, self.blocks)
        for one in self.spaces.values():
            one.begin_batch()

    def each(self, mask):
        mask = np.broadcast_to(mask, (self.blocks, self.threads))
        return [((self.batch * self.blocks + int(b), int(t)), (int(b), int(t))) for b, t in np.argwhere(mask)]

    def access(self, space, kind, index, mask, strong=False, values=None, span=1, acquire=False, release=False):
        """kind: read, write, atomic; strong ones publish and observe."""
        self.step += 1
        shadow, site = self.spaces[space], self.step * 10
        shape = (self.blocks, self.threads)
        who, flags = self.each(mask), self.order.fences
        full = np.broadcast_to(index, shape)
        if values is None:
            values = np.arange(self.blocks * self.threads, dtype=np.uint32).reshape(shape) + np.uint32(self.step * 4096)
        value = np.broadcast_to(values, shape)
        for thread, at in who:
            for part in range(span):
                place = (space, thread[0] if space == "shared" else 0, int(full[at]) + part)
                strongly = strong or kind == "atomic"
                self.oracle.access(
                    place, thread, self.step + 1, kind != "read", strongly, int(value[at]), kind == "atomic"
                )
            if (strong or kind == "atomic") and flags:
                if release:
                    self.oracle.fence(thread, self.step + 1)
                if kind != "write":
                    self.oracle.observe(place, thread)
                if kind != "read":
                    self.oracle.publish(place, thread, kind == "atomic")
                if acquire:
                    merge(self.oracle.knows[thread], self.oracle.pending.pop(thread, {}))
        if kind == "read":
            found = shadow.read(index, span, mask, self.step, site, strong=strong)
            if strong:
                shadow.observe(index, mask, self.step, acquire=acquire)
        elif kind == "write":
            stored = None if strong else [values] * span
            found = shadow.write(index, span, mask, self.step, site, stored, strong=strong)
            if strong:
                shadow.publish(index, mask, self.step, release=release)
        else:
            found = shadow.atomic(index, span, mask, self.step, site)
            shadow.exchange(index, mask, self.step, acquire=acquire, release=release)
        assert bool(found.examples) == bool(found.count)
        self.found[space] |= {one.granule for one in found.examples}
        return found

    def barrier(self, blocks=None):
        self.step += 1
        mask = np.ones((1, 1), bool) if blocks is None else blocks
        self.order.barrier(mask, self.step)
        for block in np.flatnonzero(np.broadcast_to(mask, (self.blocks, 1))).tolist():
            number = self.batch * self.blocks + block
            self.oracle.meet([(number, slot) for slot in ACTORS], self.step + 1)

    def partial(self, mask):
        self.step += 1
        self.order.partial_barrier(mask, self.step)
        self.groups(mask, lambda thread, at: thread[0])

    def warp_sync(self, mask, members=None):
        self.step += 1
        self.order.warp_sync(mask, self.step, members)
        if members is not None:
            members = np.broadcast_to(members, (self.blocks, self.threads))
        self.groups(mask, lambda thread, at: (thread[0], thread[1] // 32, 0 if members is None else int(members[at])))

    def groups(self, mask, key):
        groups = defaultdict(list)
        for thread, at in self.each(mask):
            if thread[1] in ACTORS:
                groups[key(thread, at)].append(thread)
        for group in groups.values():
            self.oracle.meet(group, self.step + 1)

    def fence(self, mask):
        self.step += 1
        self.order.fence(mask, self.step)
        for thread, _ in self.each(mask):
            self.oracle.fence(thread, self.step + 1)

    def expected(self):
        return {space: {at for where, _, at in self.oracle.racy if where == space} for space in self.found}


def some(rng, rows, chance=0.6):
    """A mask of a few actors; never empty."""
    mask = np.zeros((rows, THREADS), bool)
    for row in range(rows):
        for slot in ACTORS:
            mask[row, slot] = rng.random() < chance
    if not mask.any():
        mask[rng.randrange(rows), rng.choice(ACTORS)] = True
    return mask


def a_program(seed, fences=False, partial=False):
    """A random program, its accesses so ordered that about half of the programs are free of races."""
    rng = random.Random(seed)
    both = Both(rng.choice((1, 2, 3)), batches=rng.choice((1, 1, 2)), fences=fences)
    alike = rng.choice((0, 6, 99))  # for how many steps all blocks do the same
    for at in range(rng.randrange(4, 26)):
        rows = 1 if at < alike else both.blocks
        what = rng.random()
        space = rng.choice(("shared", "shared", "global"))
        wide = lambda values, rows=rows: np.array(  # noqa: E731
            [[rng.choice(values) for _ in range(THREADS)] for _ in range(rows)], np.int64
        )
        if what < 0.45:
            index = wide(DATA) if rng.random() < 0.5 else np.full((1, 1), rng.choice(DATA))
            kind = "write" if rng.random() < 0.3 else "read"
            both.access(space, kind, index, some(rng, rows, rng.choice((0.15, 0.6))))
        elif what < 0.65:
            places = FLAGS if rng.random() < 0.9 else DATA
            kind = rng.choice(("read", "write", "atomic"))
            sides = dict(acquire=rng.random() < 0.2, release=rng.random() < 0.2) if fences else {}
            both.access(space, kind, wide(places), some(rng, rows, 0.3), strong=True, **sides)
        elif what < 0.75:
            both.barrier(None if rows == 1 else np.array([[rng.random() < 0.7] for _ in range(rows)]))
        elif what < 0.85:
            if partial and rng.random() < 0.6:
                if rng.random() < 0.5:
                    both.warp_sync(some(rng, rows))
                else:
                    both.partial(some(rng, rows))
            else:
                warps = np.repeat(np.array([[rng.random() < 0.7 for _ in range(2)] for _ in range(rows)]), 32, 1)
                if warps.any():
                    both.warp_sync(warps)
        elif what < 0.95 and fences:
            both.fence(some(rng, rows))
        elif what > 0.97 and both.batch + 1 < both.batches:
            both.next_batch()
    return both


def test_random_programs_of_barriers_and_warp_syncs_are_judged_exactly():
    racy = 0
    for seed in range(SEEDS):
        both = a_program(seed)
        assert both.found == both.expected(), seed
        racy += any(both.found.values())
    assert 0.3 * SEEDS < racy < 0.95 * SEEDS


@pytest.mark.parametrize("fences, partial, missed", [(True, False, 0.03), (False, True, 0.03), (True, True, 0.05)])
def test_random_programs_of_flags_and_partial_meetings_never_raise_a_false_race(fences, partial, missed):
    there = found = 0
    for seed in range(SEEDS):
        both = a_program(10_000 + seed, fences, partial)
        expected = both.expected()
        for space, granules in both.found.items():
            assert granules <= expected[space], (seed, space)
            there, found = there + len(expected[space]), found + len(granules)
    print(f"{found} of {there}")
    assert found >= (1 - missed) * there


def one(block, slot, blocks=3):
    mask = np.zeros((blocks, THREADS), bool)
    mask[block, slot] = True
    return mask


def meet_somehow(both, rng, thread, everyone):
    """The thread meets its block, its warp or the actors of its block; or nobody."""
    (block, slot), way = np.argwhere(thread)[0], rng.random()
    here = np.arange(3)[:, None] == block
    if way < 0.3:
        both.barrier(here)
    elif way < 0.6:
        both.warp_sync((everyone | (rng.random() < 0.5)) & here & (np.arange(THREADS) // 32 == slot // 32))
    elif way < 0.8:
        both.partial(everyone & here)


def test_messages_handed_on_through_flags_are_judged_as_full_clocks_do():
    """Data, meetings, fences and flags in about the right order, each now and then left out."""
    there = found = clean = 0
    for seed in range(SEEDS):
        rng = random.Random(seed)
        both = Both(3, fences=True)
        often = rng.choice((0.75, 0.9, 1.0))
        everyone = np.isin(np.arange(THREADS), ACTORS)[None] & np.ones((3, 1), bool)

        away = 0
        for message in range(rng.randrange(1, 5)):
            home, away = away if rng.random() < 0.7 else rng.randrange(3), rng.randrange(3)  # often handed on
            writer, teller, asker, reader = (one(block, rng.choice(ACTORS)) for block in (home, home, away, away))
            flag, datum = np.array([[rng.choice(FLAGS)]]), np.array([[message % 4]])
            if rng.random() < 0.5:
                teller, reader = writer, asker
            both.access("global", "write", datum, writer)
            if rng.random() < 0.3 and rng.random() < often:
                both.fence(everyone)
                meet_somehow(both, rng, writer, everyone)
            else:
                meet_somehow(both, rng, writer, everyone)
                if rng.random() < often:
                    both.fence(teller)
            both.access("global", rng.choice(("write", "atomic")), flag, teller, strong=True)
            both.access("global", rng.choice(("read", "atomic")), flag, asker, strong=True)
            if rng.random() < often:
                both.fence(asker)
            meet_somehow(both, rng, asker, everyone)
            both.access("global", rng.choice(("read", "write")), at(rng.randrange(message + 1)), reader)
        expected = both.expected()["global"]
        assert both.found["global"] <= expected, seed
        there, found, clean = there + len(expected), found + len(both.found["global"]), clean + (not expected)
    print(f"{found} of {there}; {clean} clean")
    assert found >= 0.97 * there and SEEDS / 8 < clean < SEEDS * 7 / 8


# the classics

ALL = np.ones((1, THREADS), bool)
TID = np.arange(THREADS)[None]
FIRST = TID == 0


def at(value):
    return np.array([[value]])


@pytest.mark.parametrize("barrier", [True, False])
def test_a_tree_reduction_needs_its_barriers(barrier):
    order = Order(THREADS)
    shared = Races("shared", THREADS, order)
    order.begin_batch(0, 4)
    shared.begin_batch()
    step, found = 1, [shared.write(TID, 1, ALL, 0, 7, [np.arange(THREADS, dtype=np.uint32)])]
    half = THREADS // 2
    while half:
        if barrier:
            order.barrier(np.ones((1, 1), bool), step)
        found += [shared.read(TID + half, 1, half > TID, step + 1, 8), shared.read(TID, 1, half > TID, step + 2, 8)]
        found += [shared.write(TID, 1, half > TID, step + 3, 9, [np.arange(THREADS, dtype=np.uint32) + step])]
        step, half = step + 4, half // 2
    assert any(found) is not barrier
    if not barrier:
        first = next(filter(None, found))
        assert first.count == 4 * 32  # half of the threads, in each of four blocks
        assert first.examples[0] == races.Conflict(32, 0, 0, "read-write", 0, 32, 7)


@pytest.mark.parametrize("fence, acquire, clean", [(True, False, True), (True, True, True), (False, False, False)])
def test_the_last_block_sums_what_the_others_left(fence, acquire, clean):
    """Thread 0 of each block writes a partial sum, fences, takes a ticket; the last block reads all after a barrier."""
    both = Both(3, fences=True)
    both.access("global", "write", np.arange(3)[:, None], FIRST)
    if fence:
        both.fence(FIRST)
    both.access("global", "atomic", at(7), FIRST)
    if acquire:
        both.fence(FIRST)
    both.barrier()
    last = ALL & (np.arange(3)[:, None] == 2)
    found = both.access("global", "read", TID % 3, last)
    found_reset = both.access("global", "write", at(7), last & FIRST)
    assert (not found and not found_reset) is clean
    assert both.access("global", "read", at(2), FIRST & (np.arange(3)[:, None] == 0))  # the first ticket knows nobody


@pytest.mark.parametrize("all_fence", [True, False])
def test_a_fence_before_the_barrier_covers_its_own_thread_only(all_fence):
    both = Both(2, fences=True)
    block = np.arange(2)[:, None]
    both.access("global", "write", TID % 4, (block == 0) & (TID < 4))
    both.fence((block == 0) & ((TID == 0) | all_fence))
    both.barrier()
    both.access("global", "write", at(7), FIRST & (block == 0), strong=True)
    both.access("global", "read", at(7), FIRST & (block == 1), strong=True, acquire=True)
    both.barrier()
    assert bool(both.access("global", "read", TID % 4, (block == 1) & ALL)) is not all_fence


@pytest.mark.parametrize("fences", [True, False])
def test_look_back_over_batches(fences):
    """Each block waits for its predecessor's flag, adds to its sum and passes on."""
    order = Order(THREADS, fences=True)
    memory, step, found = Races("global", 2000, order), 0, 0
    for batch in range(20):
        order.begin_batch(batch * 25, 25)
        memory.begin_batch()
        for block in range(25):
            number, mask = batch * 25 + block, one(block, 0, 25)
            if number:
                memory.read(at(1000 + number - 1), 1, mask, step, 1, strong=True)
                memory.observe(at(1000 + number - 1), mask, step)
                if fences:
                    order.fence(mask, step + 1)
                found += memory.read(TID * 0 + number - 1, 1, mask, step + 2, 2).count
                found += memory.read(at(number // 2), 1, mask, step + 3, 2).count
            found += memory.write(at(number), 1, mask, step + 4, 3, [np.zeros((1, 1), np.uint32)]).count
            if fences:
                order.fence(mask, step + 5)
            memory.write(at(1000 + number), 1, mask, step + 6, 4, strong=True)
            memory.publish(at(1000 + number), mask, step + 6)
            step += 7
    assert (found == 0) is fences


@pytest.mark.parametrize("fence", [True, False])
def test_a_spin_lock_orders_what_it_guards(fence):
    both = Both(2, fences=True)
    found = 0
    for holder in (one(0, 5, 2), one(1, 40, 2), one(0, 6, 2)):
        both.access("global", "atomic", at(7), holder)
        if fence:
            both.fence(holder)
        found += both.access("global", "read", at(1), holder).count
        found += both.access("global", "write", at(1), holder).count
        if fence:
            both.fence(holder)
        both.access("global", "write", at(7), holder, strong=True)
    assert (found == 0) is fence


def test_a_lane_passes_on_what_another_lane_of_its_warp_had_acquired_and_fenced():
    both = Both(3, fences=True)
    both.access("global", "write", at(1), one(0, 0))
    both.fence(one(0, 0))
    both.access("global", "write", at(6), one(0, 0), strong=True)
    both.access("global", "read", at(6), one(1, 0), strong=True)
    both.fence(one(1, 0))
    both.warp_sync(ALL & (np.arange(3)[:, None] == 1))
    both.access("global", "write", at(7), one(1, 1), strong=True)
    both.access("global", "read", at(7), one(2, 0), strong=True, acquire=True)
    assert not both.access("global", "read", at(1), one(2, 0))
    assert both.access("global", "read", at(1), one(2, 1))


@pytest.mark.parametrize("plain", [True, False])
def test_a_flag_between_two_warps_of_a_block_must_be_strong(plain):
    both = Both(2, fences=True)
    both.access("shared", "write", at(1), TID == 0)
    both.fence(TID == 0)
    both.access("shared", "write", at(7), TID == 0, strong=not plain)
    flag = both.access("shared", "read", at(7), TID == 32, strong=not plain)
    both.fence(TID == 32)
    datum = both.access("shared", "read", at(1), TID == 32)
    assert (bool(flag), bool(datum)) == (plain, plain)


def test_atomics_race_with_plain_accesses_only():
    both = Both(2)
    assert not both.access("global", "atomic", at(3), ALL)
    assert not both.access("global", "atomic", at(3), ALL)
    found = both.access("global", "read", at(3), ALL)
    assert found.count == 2 * THREADS - 1  # the last atomic came after all others: its own thread may read
    assert found.examples[0].kind == "read-atomic"


def test_writers_of_one_value_do_not_race():
    five, other = np.full((1, 1), 5, np.uint32), np.arange(2 * THREADS, dtype=np.uint32).reshape(2, -1)
    both = Both(2)
    assert not both.access("shared", "write", at(3), ALL, values=five)
    assert not both.access("shared", "write", at(3), TID < 9, values=five)
    assert both.access("shared", "write", at(3), ALL, values=other).examples[0].kind == "write-write"
    both.barrier()
    assert both.access("shared", "write", at(3), ALL, values=np.where(TID < 40, five, np.uint32(6)))
    both.barrier()
    assert both.access("shared", "read", at(3), ALL).count == 0
    assert both.access("shared", "write", at(3), FIRST, values=five).examples[0].kind == "write-read"


def test_wide_values_compare_piece_by_piece():
    order = Order(THREADS)
    shared = Races("shared", 8, order)
    order.begin_batch(0, 1)
    wide = np.full((1, THREADS), 0x1_0000_0002, np.uint64)
    assert not shared.write(at(0), 2, ALL, 0, 0, [wide])
    assert not shared.write(at(0), 1, ALL, 1, 0, [np.full((), 2, np.uint32)])
    assert shared.write(at(1), 1, ALL, 2, 0, [np.full((), 2, np.uint32)]).examples[0].granule == 1


def test_tiles_of_a_warp_order_their_own_lanes_only():
    both = Both(1)
    both.access("shared", "write", TID // 16 % 4, TID % 16 == 0)
    tiles = np.where(TID % 32 < 16, 0xFFFF, 0xFFFF0000).astype(np.uint32)
    both.warp_sync(ALL, tiles)
    assert not both.access("shared", "read", TID // 16, ALL)
    assert both.access("shared", "read", (TID // 16 + 1) % 4, ALL).count == THREADS


def test_blocks_that_start_to_differ_keep_what_was_seen():
    both = Both(3)
    both.access("shared", "write", TID % 8, TID < 8)
    odd = (np.arange(3)[:, None] == 1) & (TID == 9)
    assert both.access("shared", "read", np.full((3, 1), 4), odd).examples[0][:6] == (4, 1, 9, "read-write", 1, 4)


def test_common_accesses_are_cheap():
    """Loose bounds: some tens of times what they take on an idle machine."""
    order = Order(256)
    shared, memory = Races("shared", 1024, order), Races("global", 1 << 17, order)
    order.begin_batch(0, 256)
    shared.begin_batch(), memory.begin_batch()
    thread, block = np.arange(256)[None], np.arange(256)[:, None]
    everyone, start = np.ones((1, 256), bool), perf_counter()
    for step in range(100):
        shared.read(thread, 1, everyone, step, 0)
    alike, start = perf_counter() - start, perf_counter()
    for step in range(100, 110):
        memory.read(block * 256 + thread, 1, everyone, step, 0)
    assert alike < 0.3 and perf_counter() - start < 1
