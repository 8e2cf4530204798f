"""On a GPU machine: model answers and unusual right ones pass there, wrong ones get their diagnosis."""

import pytest
from test_mistakes import code_of

from utils import api, course, machine
from utils.judge import Kernel, Right
from utils.judge.source import load

pytestmark = pytest.mark.skipif(machine.triton_backend() != "gpu", reason="no GPU here")
KERNELS = [
    (chapter, exercise) for chapter in course.chapters() for exercise in chapter.exercises().values()
    if isinstance(exercise, Kernel)
]  # fmt: skip
ATTEMPTS = [(c, e, a) for c, e in KERNELS for a in c.attempts() if a.exercise == e.id]


def judged(chapter, exercise, code, folder):
    setup = vars(load(course.setup_cell(chapter), {}, folder, "setup"))
    return api._tried(exercise, vars(load(code, setup, folder)), seed=7)


@pytest.mark.parametrize(("chapter", "exercise"), KERNELS, ids=lambda value: getattr(value, "id", ""))
def test_model_answers_pass_on_the_interpreter_and_on_the_gpu(chapter, exercise, tmp_path):
    seen = judged(chapter, exercise, course.model(exercise.id), tmp_path)
    assert seen.status == "passed", str(seen)
    assert "interpreter" in str(seen) and machine.gpu() in str(seen)


@pytest.mark.parametrize(("chapter", "exercise", "attempt"), ATTEMPTS, ids=lambda value: getattr(value, "name", ""))
def test_attempts(chapter, exercise, attempt, tmp_path):
    try:
        seen = judged(chapter, exercise, code_of(attempt), tmp_path)
    except Exception as problem:  # a cell that does not even run
        assert attempt.diagnosis == "exception", problem
        return
    if isinstance(attempt, Right):
        assert seen.status == "passed", str(seen)
    else:
        assert (seen.status != "passed") and seen.diagnosis == attempt.diagnosis, str(seen)
