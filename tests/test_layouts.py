"""Layouts: the course's own by brute force, chapter 06's model answers on thousands of random ones, CuTe's examples."""

from __future__ import annotations

import numpy as np
import pytest

from utils import course, layouts
from utils.judge import Calls, calls

CHAPTER = next(chapter for chapter in course.chapters() if chapter.number == "06")
EXERCISES = {id: e for id, e in CHAPTER.exercises().items() if type(e) is Calls}  # not the boss, judged by its costs


@pytest.fixture(scope="module")
def answers():
    """The model answers that are functions, in one namespace."""
    namespace: dict = {}
    exec(course.setup_cell(CHAPTER), namespace)
    for id in EXERCISES:
        exec(course.model(id), namespace)
    return namespace


def random_layout(rng: np.random.Generator) -> tuple:
    rank = int(rng.integers(1, 5))
    shape, stride = (tuple(int(n) for n in rng.integers(low, 6, rank)) for low in (1, 0))
    if rank > 2:
        return (shape[:2], *shape[2:]), (stride[:2], *stride[2:])
    return (shape, stride) if rank > 1 else (shape[0], stride[0])


def test_offsets_are_dot_products_leftmost_fastest() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        layout = random_layout(rng)
        shape, stride = map(layouts.flat, layout)
        wanted = [sum(c * d for c, d in zip(crd[::-1], stride, strict=True)) for crd in np.ndindex(*shape[::-1])]
        assert layouts.offsets(layout).tolist() == wanted


def test_a_layout_is_found_from_its_offsets_and_only_if_there_is_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(2000):
        layout = random_layout(rng)
        found = layouts.layout_of(layouts.offsets(layout))
        assert (layouts.offsets(found) == layouts.offsets(layout)).all()
        assert all(s > 1 for s, _ in layouts.modes(found)) or found == (1, 0)
        assert not any(
            d1 == s * d for (s, d), (_, d1) in zip(layouts.modes(found), layouts.modes(found)[1:], strict=False)
        )
    for values in ([1, 2], [0, 3, 12], [0, 1, 2, 4], [0, 1, 4, 6], [0, -1]):
        assert layouts.layout_of(values) is None


@pytest.mark.parametrize(
    "bad", [(4,), (4, (1, 2)), ((2, 3), (1, 2, 3)), (4, -1), (0, 1), (4.0, 1), "41", (True, 1), ((), ())]
)
def test_what_is_no_layout(bad) -> None:
    with pytest.raises(ValueError):
        layouts.offsets(bad)


def test_pictures() -> None:
    picture = layouts.draw_layout(((4, 8), (8, 1)))
    assert picture.html.count("<rect") == 32 and "(4,8):(8,1)" in picture.html and "31" in picture.text
    threads = layouts.draw_threads((((4, 2), (2, 2)), ((2, 16), (1, 8))), 8, 4)
    assert "T7 V3" in threads.text and "·" not in threads.text


@pytest.mark.parametrize("id", EXERCISES)
def test_model_answers_on_thousands_of_calls(id: str, answers: dict) -> None:
    exercise, tried = EXERCISES[id], 0
    for seed in range(1000):
        for number, shape in enumerate(exercise.shapes):
            for args in exercise.inputs(np.random.default_rng([2, seed, number]), **shape):
                failure = calls.attempt(exercise, answers[exercise.answer], args)
                assert failure is None, failure.found.sentence
                tried += 1
        if tried >= (1000 if exercise.uses else 2000) or (id == "06.19" and tried > 40):  # which has no more than 21
            break


# function, arguments, what CuTe's documentation (media/docs/cpp/cute/02_layout_algebra.md) says
DOCUMENTED = [
    ("coalesce", (((2, (1, 6)), (1, (6, 2))),), (12, 1)),
    ("composition", (((6, 2), (8, 2)), ((4, 3), (3, 1))), (((2, 2), 3), ((24, 2), 8))),
    ("composition", ((20, 2), ((5, 4), (4, 1))), ((5, 4), (8, 2))),
    ("composition", (((10, 2), (16, 4)), ((5, 4), (1, 5))), ((5, (2, 2)), (16, (80, 4)))),
    ("complement", ((4, 1), 24), (6, 4)),
    ("complement", ((6, 4), 24), (4, 1)),
    ("complement", (((4, 6), (1, 4)), 24), (1, 0)),
    ("complement", ((4, 2), 24), ((2, 3), (1, 8))),
    ("complement", (((2, 4), (1, 6)), 24), (3, 2)),
    ("complement", (((2, 2), (1, 6)), 24), ((3, 2), (2, 12))),
    ("logical_divide", (((4, 2, 3), (2, 1, 8)), (4, 2)), (((2, 2), (2, 3)), ((4, 1), (2, 8)))),
    ("logical_product", (((2, 2), (4, 1)), (6, 1)), (((2, 2), (2, 3)), ((4, 1), (2, 8)))),
]


@pytest.mark.parametrize(("name", "args", "wanted"), DOCUMENTED)
def test_examples_of_the_documentation(name: str, args: tuple, wanted: tuple, answers: dict) -> None:
    assert answers[name](*args) == wanted


def test_an_mma_atoms_accumulator(answers: dict) -> None:
    """m16n8k16: thread t holds rows t/4 and t/4 + 8, columns 2 (t mod 4) and + 1 (PTX ISA)."""
    held = layouts.offsets((((4, 8), (2, 2)), ((32, 1), (16, 8)))).reshape(4, 32)
    for thread in range(32):
        places = [(row, 2 * (thread % 4) + column) for row in (thread // 4, thread // 4 + 8) for column in (0, 1)]
        assert [(int(i) % 16, int(i) // 16) for i in held[:, thread]] == places


def test_a_swizzle_is_its_own_inverse(answers: dict) -> None:
    for B, M, S in ((3, 4, 3), (2, 4, 3), (1, 4, 3), (5, 2, 5), (3, 3, 3)):
        moved = [answers["swizzle"](offset, B, M, S) for offset in range(4096)]
        assert sorted(moved) == list(range(4096)) and [moved[offset] for offset in moved] == list(range(4096))
