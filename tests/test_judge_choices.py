"""Answers that choose: judged by what their choices cost together, on inputs seen and not seen."""

import pytest

from utils.judge import Choices, Rival, judge_source

BEST = {n: n % 3 for n in range(1, 41)}  # the cheapest of three results for each n


def number(value, n):
    if value not in (0, 1, 2):
        raise ValueError("0, 1 or 2 is wanted")
    return {"number": value}


PICK = Choices(
    id="00.1", title="Pick", minutes=1, dots=1, answer="pick", signature="pick(n) -> int",
    inputs=lambda rng, what: [(n,) for n in BEST if (n <= 20) == (what == "seen")],
    oracle=lambda n: {"number": BEST[n]},
    read=number, cost=lambda chosen, n: 1.0 if chosen["number"] == BEST[n] else 1.5,
    shapes=({"what": "seen"}, {"what": "others"}), learned="seen", at_most=1.05,
    groups={"small ones": lambda n: n < 10},
    rivals=(Rival(key="half", sentence="**n % 2.**", oracle=lambda n: {"number": n % 2}),),
    hints=("one", "two"), why="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("code", "diagnosis"),
    [
        ("n % 3", ""),
        ("n % 3 if n != 7 else 0", ""),  # within the limit
        ("1", "always-the-same"),
        ("n % 2", "half"),
        ("n % 3 if n <= 20 else 0", "only-seen"),
        ("n % 3 if n >= 10 else 2 - n % 3", "loses-on-small-ones"),
        ("n", "not-a-choice"),
        ("None", "returned-nothing"),
        ("1 // (n - 5)", "not-a-choice"),
        ("n % 3 // (n - 25)", "not-a-choice"),
    ],
)
def test_choices(code, diagnosis):
    (verdict,) = judge_source(PICK, f"def pick(n):\n    return {code}\n")
    assert (verdict.status == "passed") == (diagnosis == ""), str(verdict)
    assert verdict.diagnosis == diagnosis, str(verdict)


def test_the_verdict_has_the_cost():
    (verdict,) = judge_source(PICK, "def pick(n):\n    return n % 3\n")
    assert dict(verdict.rows)["cost"].startswith("geometric mean of your choice's time")
    (verdict,) = judge_source(PICK, "def pick(n):\n    return 1\n")
    assert "1.5 times" in str(verdict) or "1.50 times" in str(verdict)


def test_an_answer_that_raises_is_an_error():
    (verdict,) = judge_source(PICK, "def pick(n):\n    return [][n]\n")
    assert verdict.status == "error" and verdict.diagnosis == "exception"
