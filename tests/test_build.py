"""The build: what learners get, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from tiny_course import cell, chapter_of, solved, tiny_course, unsolved

from utils import course
from utils.notebook.build import build
from utils.notebook.leak import leaks, triples
from utils.notebook.questions import questions
from utils.notebook.stub import BadCell, stub, with_values


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_course(tmp_path)


def rebuilt(root: Path, file: str, old: str, new: str, check: bool = True) -> list[str]:
    """The problems after replacing `old` in a file of the chapter."""
    path = root / "solutions" / "90_tiny" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    course._module.cache_clear()
    return build(check, course.chapters(root))


def test_a_learner_gets_stubs_cards_and_folded_questions(root: Path) -> None:
    notebook = unsolved(root)
    nbformat.validate(notebook)
    assert cell(notebook, "ex-90-1").source == ("# Predict 90.1\nbits = ...  # in all\nexponent = ...  # of these")
    assert cell(notebook, "ex-90-2").source == (
        '# Exercise 90.2\ndef double(x):\n    """x: float32[n]. Returns float32[n]."""\n    ...  # your code here'
    )
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "### Predict 90.1 · Half\n1 min" in text
    assert "### Exercise 90.2 · Double\n●○○ · 1 min · about 4 lines" in text
    assert "</summary>\n\n**Strong answer**\n- half" in text and "\n\n**30 seconds**" in text
    assert "{{" not in text and "SOLUTION" not in text
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not c.outputs and c.execution_count is None for c in notebook.cells if c.cell_type == "code")


def test_building_twice_changes_no_byte(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*.ipynb")}
    assert len(before) == 2
    assert build(chapters=course.chapters(root)) == []
    assert {path: path.read_bytes() for path in root.rglob("*.ipynb")} == before


def test_ids_are_stable_and_unique(root: Path) -> None:
    ids = [cell.id for cell in unsolved(root).cells]
    assert len(set(ids)) == len(ids)
    assert ids == [cell.id for cell in solved(root).cells]
    assert ids.index("check-90-2") == ids.index("ex-90-2") + 1


def test_check_finds_drift_and_writes_nothing_in_chapters(root: Path) -> None:
    before = chapter_of(root).notebook.read_bytes()
    problems = rebuilt(root, "chapter.py", "A chapter as small", "A chapter almost as small")
    assert problems == ["chapters/90_tiny.ipynb: differs from its source; run ./study build"]
    assert chapter_of(root).notebook.read_bytes() == before
    assert "almost" in solved(root).cells[0].source


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("chapter.py", "# {{card 90.2}}\n", "", "90.2: chapter.py has no {{card 90.2}}"),
        ("chapter.py", 'check("90.3")', 'check("90.7")', "90.3: the code cell after its exercise cell must be"),
        ("chapter.py", "# {{card 90.3}}", "# {{card 90.4}}", "checks.py declares no such exercise"),
        ("chapter.py", "# Exercise 90.3", "# Exercise 90.2", "two cells are ex-90-2"),
        ("chapter.py", "    ### END SOLUTION\n\n# %% tags", "\n# %% tags", "BEGIN SOLUTION without END SOLUTION"),
        ("chapter.py", "    y = np.", "    pass\n" * 30 + "    y = np.", "(at most 30): # Exercise 90.2"),
        ("checks.py", '"Add it to itself.", ', "", "90.2: `hints` is one text"),
        ("checks.py", '"Add it to itself.", "`x + x`"', '"Add it.",', "90.2: 1 hints, at least 2 are needed"),
        ("checks.py", 'why="Twice is a sum."', 'why=""', "90.2: no `why`"),
        ("checks.py", "import numpy as np", "np.float", "checks.py cannot be loaded (NameError: name 'np'"),
        ("mistakes.py", "range(5)", "range(4)", "90.3: mistakes.py has 4 wrong answers, at least 5"),
        ("mistakes.py", 'name="right"', 'name="wrong 1"', "2 attempts of 90.1 are called 'wrong 1'"),
        ("mistakes.py", "import Right", "import Rihgt", "mistakes.py cannot be loaded"),
        ("questions.md", "**Trap**", "**Trick**", "'Why is float16 called half?' has no Trap"),
    ],
)
def test_the_build_names_what_is_wrong(root: Path, file: str, old: str, new: str, problem: str) -> None:
    found = rebuilt(root, file, old, new)
    assert any(problem in sentence for sentence in found), found


def test_an_answer_in_the_prose_or_in_an_output_is_a_leak(root: Path) -> None:
    shown = "# y = np.empty_like(x)\n#\n# for i in range(len(x)):\n#     y[i] = x[i] + x[i]"
    problems = rebuilt(root, "chapter.py", "# A chapter as small as one can be.", shown, check=False)
    assert ["shows the answer of 90.2" in problem for problem in problems] == [True]
    path = chapter_of(root).notebook
    data = json.loads(path.read_text())
    data["cells"][0]["source"] = ["harmless"]
    lines = ["best = float(x[0])\n", "for value in x[1:]:\n", "best = max(best, float(value))\n"]
    data["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": lines}]
    path.write_text(json.dumps(data))
    assert any("cell 2: shows the answer of 90.3" in problem for problem in build(True, [chapter_of(root)]))


def test_a_notebook_without_source_is_named(root: Path) -> None:
    (root / "chapters" / "91_gone.ipynb").write_text("{}")
    assert build(True, [chapter_of(root)]) == ["chapters/91_gone.ipynb: nothing in solutions/ makes it; delete it"]


def test_stubs_of_cuda_and_of_several_regions() -> None:
    source = (
        '# Exercise 90.4\nSOURCE = r"""\nvoid f() {\n  // ### BEGIN SOLUTION\n  x = 1;\n  // ### END SOLUTION\n}"""\n'
        "def g():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    )
    assert stub(source) == (
        '# Exercise 90.4\nSOURCE = r"""\nvoid f() {\n  // your code here\n}"""\ndef g():\n    ...  # your code here'
    )


@pytest.mark.parametrize("source", ["x = 1", "# Exercise 90.4\nx = 1", "# Predict 90.4\na, b = 1, 2"])
def test_cells_without_a_stub_are_refused(source: str) -> None:
    with pytest.raises(BadCell):
        stub(source)


def test_a_prediction_may_have_markers() -> None:
    source = "# Predict 90.4\n### BEGIN SOLUTION\na = 4 * 2\n### END SOLUTION"
    assert stub(source) == "# Predict 90.4\na = ..."


def test_values_are_replaced_whole() -> None:
    source = "# Predict 90.4\na = (\n    1 +\n    2\n)  # ä\nb = 'é'; c = 3"
    assert with_values(source, {"a": "...", "c": "4"}) == "# Predict 90.4\na = ...  # ä\nb = 'é'; c = 4"


def test_given_lines_and_boilerplate_are_no_leak() -> None:
    model = (
        "# Exercise 90.4\ndef f(x):\n    given = 1\n    more = 2\n    third = 3\n    ### BEGIN SOLUTION\n"
        "    import numpy\n    else:\n    own = 1\n    own = 2\n    own = 3\n    ### END SOLUTION"
    ).replace("    else:\n", "")
    assert triples(model) == {("own = 1", "own = 2", "own = 3")}
    assert leaks({"a": "given = 1\nmore = 2\nthird = 3"}, {"90.4": model}) == []
    assert leaks({"a": "own = 1\n# said\n\n  own = 2\n  own = 3"}, {"90.4": model}) != []


def test_questions_may_hold_code_with_hashes() -> None:
    text = "## One\n```\n## no heading\n```\n**Strong answer** yes\n\n## Two\n"
    one, two = questions(text)
    assert (one.title, one.prompt, one.answer) == ("One", "```\n## no heading\n```", "**Strong answer** yes")
    assert len(two.missing) == 6
