"""Answers that are called many times a case: the smallest failing call is shown, what must be refused is."""

from __future__ import annotations

import pytest

from utils.judge import Calls, Rival, judge_source


def halves(n: int) -> dict:
    if n % 2:
        raise ValueError("odd")
    return {"half": n // 2}


def read(value: object, n: int) -> dict:
    if not isinstance(value, int):
        raise ValueError("A whole number is wanted")
    return {"half": value}


HALF = Calls(
    id="99.1", title="T", minutes=1, dots=1, hints=("a", "b"), why="because", answer="half", signature="half(n) -> int",
    inputs=lambda rng, what: [(2 * int(n) + (what == "odd"),) for n in rng.permutation(50)], oracle=halves, read=read,
    shapes=({"what": "even"}, {"what": "odd"}), inadmissible="An odd number has no half.",
    rivals=(Rival(key="doubles", oracle=lambda n: {"half": 2 * n}, sentence="**That is the double.**", hint=1),),
)  # fmt: skip

RAISES = "    if n % 2:\n        raise ValueError('odd')\n"
CASES = {
    "": ("passed", "", "150 calls"),
    "return n // 2": ("failed", "accepted", "`half(1)` returns `0`. An odd number has no half."),
    "return n * 2": ("failed", "doubles", "**That is the double.**"),
    RAISES + "    return n // 2 + (n > 50)": ("failed", "wrong-half", "half is 27**, 26 is wanted"),
    RAISES + "    return n / 2": ("failed", "wrong-type", "`half(0)` returns `0.0`"),
    RAISES + "    n // 2": ("failed", "returned-nothing", "from `half(0)`"),
    "raise ValueError('no')": ("failed", "refused", "`half(0)` says 'no'"),
    RAISES + "    return [][n]": ("error", "exception", "IndexError"),
}


@pytest.mark.parametrize("body", CASES)
def test_verdicts(body: str) -> None:
    status, diagnosis, words = CASES[body]
    body = body.strip() and body or RAISES + "    return n // 2"
    code = "def half(n):\n" + (body if body.startswith(" ") else f"    {body}") + "\n"
    for verdict in judge_source(HALF, code, (1, 2)):
        assert (verdict.status, verdict.diagnosis) == (status, diagnosis), str(verdict)
        assert words in str(verdict), str(verdict)
        verdict._repr_html_()
