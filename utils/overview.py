"""The table that `progress()` shows."""

from __future__ import annotations

from html import escape

from . import course, history, page

MARKS = {"passed": ("●", page.GREEN), "failed": ("◐", page.RED), "error": ("◐", page.RED),
         "unjudged": ("◌", page.AMBER), "open": ("○", page.MUTED)}  # fmt: skip


def overview() -> page.Card:
    """Chapters as rows, exercises as marks, and the next thing to do."""
    states = history.states()
    rows, lines, following = [], [], None
    done = total = points = most = 0
    lost = False
    for chapter in course.chapters():
        marks, text = [], []
        for id, exercise in chapter.exercises().items():
            state = states.get(id, history.State())
            sign, colour = MARKS[state.status]
            notes = [state.status, f"{state.tries} tries"] + ([f"{state.hints} hints"] if state.hints else [])
            notes += ["solution seen"] if state.seen_solution else []
            tip = escape(f"{id} {exercise.title}: {', '.join(notes)}", quote=True)
            seen = "text-decoration:underline;" if state.seen_solution else ""
            marks.append(f'<span title="{tip}" style="color:{colour};{seen}margin-right:5px">{sign}</span>')
            text.append(sign)
            done, total = done + (state.status == "passed"), total + 1
            points, most = points + state.points, most + exercise.points
            lost |= state.status == "passed" and state.points < exercise.points
            if following is None and state.status != "passed":
                following = (chapter, exercise, state)
        passed = sum(states.get(id, history.State()).status == "passed" for id in chapter.exercises())
        count = f"{passed} of {len(chapter.exercises())}"
        name = f"{chapter.number} {chapter.title}"
        lines.append((name, f"{' '.join(text)}  {count}"))
        cells = (escape(name), f'<span style="font-size:16px">{"".join(marks)}</span>', count)
        style = "text-align:left;padding-right:16px"
        rows.append("<tr>" + "".join(f'<td style="{style}">{cell}</td>' for cell in cells) + "</tr>")
    advice = _next(following)
    table = (f'<table style="border-collapse:collapse;color:{page.TEXT};background:transparent">{"".join(rows)}</table>'
             f'<div style="margin-top:6px">{page.inline(advice)}</div>')  # fmt: skip
    counts = " (of a prediction, the first answer counts)" if lost else ""
    title = f"{done} of {total} exercises passed · {round(2 * points) / 2:g} of {most:g} points{counts}"
    return page.Card(title, (*lines, ("next", advice)), page.BLUE, raw=table)


def _next(following: tuple | None) -> str:
    if following is None:
        return (
            "**All done**: you have passed every exercise of the chapters that are here. `./study update` brings newer "
            "ones, `reset` reopens an exercise for practice."
        )
    chapter, exercise, state = following
    if state.status == "failed" or state.status == "error":
        return f'**Next:** mend {exercise.id} {exercise.title} · `hint("{exercise.id}")`'
    return f"**Next:** {exercise.id} {exercise.title} (about {exercise.minutes} min), in `{chapter.notebook.name}`"
