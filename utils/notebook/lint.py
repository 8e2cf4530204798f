"""What every chapter must have: a card, a cell and a check for each exercise, hints, tested mistakes."""

from __future__ import annotations

from collections import Counter

from nbformat import NotebookNode

from ..course import Chapter, NoSolutions, cell_id
from ..judge.attempts import Right, Wrong
from .questions import questions
from .source import first_line, identity_of, is_exercise
from .stub import title

MOST_LINES, FEWEST_HINTS, FEWEST_WRONG = 30, 2, 5


def problems_of(chapter: Chapter, notebook: NotebookNode) -> list[str]:
    """What is missing or wrong in a chapter; `notebook` is its solved one."""
    name = chapter.folder.name
    found = cell_problems(chapter, notebook) + hint_problems(chapter) + attempt_problems(chapter)
    return [f"{name}: {problem}" for problem in found + question_problems(chapter)]


def cell_problems(chapter: Chapter, notebook: NotebookNode) -> list[str]:
    """Long cells; exercises without a card, cell or check, and the other way round."""
    exercises = chapter.exercises()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ids = [cell.id for cell in cells]
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    cards = {line.split(" ·")[0] for source in prose for line in source.split("\n")}
    found = []
    for cell in cells:
        if (length := len(cell.source.split("\n"))) > MOST_LINES:
            found.append(f"a cell of {length} lines (at most {MOST_LINES}): {first_line(cell)}")
        if cell.id.startswith(("ex-", "check-")) and identity_of(cell.id) not in exercises:
            found.append(f"cell {cell.id}: checks.py declares no exercise {identity_of(cell.id)}")
    for identity in exercises:
        if cell_id(identity) not in ids:
            found.append(f"{identity}: chapter.py has no exercise cell for it")
        elif ids[ids.index(cell_id(identity)) + 1 :][:1] != [cell_id(identity, "check")]:
            found.append(f'{identity}: the code cell after its exercise cell must be `check("{identity}")`')
        if not {f"### Exercise {identity}", f"### Predict {identity}"} & cards:
            found.append(f"{identity}: chapter.py has no {{{{card {identity}}}}}")
    for cell in filter(is_exercise, cells):
        kind = "Predict" if hasattr(exercises.get(identity_of(cell.id)), "quantities") else "Exercise"
        if title(cell.source) != (kind, identity_of(cell.id)):
            found.append(f"cell {cell.id}: its first line must be `# {kind} {identity_of(cell.id)}`")
    return found


def hint_problems(chapter: Chapter) -> list[str]:
    """Exercises with too few hints, or with an empty one."""
    found = []
    for identity, exercise in chapter.exercises().items():
        if isinstance(exercise.hints, str):
            found.append(f"{identity}: `hints` is one text, not a tuple of texts")
            continue
        hints = [hint for hint in exercise.hints if hint.strip()]
        if len(hints) < FEWEST_HINTS:
            found.append(f"{identity}: {len(hints)} hints, at least {FEWEST_HINTS} are needed")
        if len(set(hints)) != len(exercise.hints):
            found.append(f"{identity}: a hint is empty or given twice")
        if not exercise.why.strip():
            found.append(f"{identity}: no `why`, which `reveal` shows")
    return found


def attempt_problems(chapter: Chapter) -> list[str]:
    """Exercises whose check too few wrong answers, or no right one, put to the test; attempts of no exercise."""
    exercises = chapter.exercises()
    try:
        attempts = chapter.attempts()
    except NoSolutions:
        return ["mistakes.py is missing: the wrong and right answers that test the checks"]
    except Exception as error:  # mistakes.py is code: it raises what it likes
        return [f"mistakes.py cannot be loaded ({type(error).__name__}: {error})"]
    found = []
    for identity in exercises:
        wrong = sum(isinstance(a, Wrong) and a.exercise == identity for a in attempts)
        right = sum(isinstance(a, Right) and a.exercise == identity for a in attempts)
        if wrong < FEWEST_WRONG:
            found.append(f"{identity}: mistakes.py has {wrong} wrong answers, at least {FEWEST_WRONG} are needed")
        if not right:
            found.append(f"{identity}: no unusual right answer in mistakes.py")
    strays = [attempt for attempt in attempts if attempt.exercise not in exercises]
    found += [f"mistakes.py: no exercise {stray.exercise} ({stray.name})" for stray in strays]
    for (identity, name), count in Counter((a.exercise, a.name) for a in attempts).items():
        if count > 1:
            found.append(f"mistakes.py: {count} attempts of {identity} are called {name!r}")
    return found


def question_problems(chapter: Chapter) -> list[str]:
    """Interview questions that lack a part of their answer."""
    path = chapter.folder / "questions.md"
    if not path.exists():
        return []
    return [
        f"questions.md: {question.title[:60]!r} has no {', '.join(question.missing)}"
        for question in questions(path.read_text(encoding="utf-8"))
        if question.missing
    ]
