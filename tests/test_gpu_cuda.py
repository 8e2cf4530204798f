"""On a GPU machine: the chapters' CUDA C++ passes on the emulated GPU and on the real one, unusual answers too."""

import pytest
from test_mistakes import code_of

from utils import api, course, machine
from utils.judge import Cuda, Right
from utils.judge.source import load

pytestmark = pytest.mark.skipif(machine.triton_backend() != "gpu", reason="no GPU here")
CHAPTERS = [
    (chapter, exercise) for chapter in course.chapters() for exercise in chapter.exercises().values()
    if isinstance(exercise, Cuda)
]  # fmt: skip
RIGHTS = [(c, e, a) for c, e in CHAPTERS for a in c.attempts() if a.exercise == e.id and isinstance(a, Right)]


def judged(chapter, exercise, code, folder):
    setup = vars(load(course.setup_cell(chapter), {}, folder, "setup"))
    return api._tried(exercise, vars(load(code, setup, folder)), seed=7)


@pytest.mark.parametrize(("chapter", "exercise"), CHAPTERS, ids=lambda value: getattr(value, "id", ""))
def test_model_answers_of_the_chapters(chapter, exercise, tmp_path):
    seen = judged(chapter, exercise, course.model(exercise.id), tmp_path)
    assert seen.status == "passed" and str(machine.gpu()) in seen.backend, str(seen)


@pytest.mark.parametrize(("chapter", "exercise", "attempt"), RIGHTS, ids=lambda value: getattr(value, "name", ""))
def test_unusual_right_answers_of_the_chapters(chapter, exercise, attempt, tmp_path):
    seen = judged(chapter, exercise, code_of(attempt), tmp_path)
    assert seen.status == "passed", str(seen)
