"""The commands of ./study. Each only wires; what it does lives in the module it imports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


class Mistake(typer.BadParameter):
    """What a user got wrong; shown as one line."""

    def format_message(self) -> str:
        return self.message


app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.command()
def lab(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="8888, or the next free one")] = None,
    browser: Annotated[bool, typer.Option(help="open a browser window")] = True,
) -> None:
    """Open the course in JupyterLab, on your copy of the chapters in work/."""
    from .lab import PortTaken, open_lab

    try:
        open_lab(port, browser)
    except PortTaken as taken:
        raise Mistake(str(taken)) from taken


@app.command()
def test(
    fast: Annotated[bool, typer.Option("--fast", help="without the notebooks")] = False,
    thorough: Annotated[bool, typer.Option("--thorough", help="more draws, all chapters in the browser")] = False,
) -> None:
    """Prove the whole course: lint, build drift, tests, the solved and the unsolved chapters."""
    from .suite import run

    raise typer.Exit(run(fast, thorough))


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="only say what would change")] = False,
) -> None:
    """Make chapters/ from solutions/."""
    from .notebook.build import build as build_chapters

    problems = build_chapters(check=check)
    for problem in problems:
        print(problem)
    raise typer.Exit(1 if problems else 0)


@app.command()
def grade(
    files: Annotated[list[Path], typer.Argument(help="notebooks, or folders of them")],
    report: Annotated[Path | None, typer.Option(help="write an HTML page here")] = None,
    json: Annotated[Path | None, typer.Option(help="write the verdicts here")] = None,
) -> None:
    """Grade notebooks. A submission is code: it runs with your rights unless you contain it."""
    from .notebook.report import grade_files

    if not any(file.exists() for file in files):
        raise Mistake(f"no such file: {', '.join(map(str, files))}")
    raise typer.Exit(grade_files(files, report=report, json_out=json))


@app.command()
def handout(folder: Annotated[Path, typer.Argument(help="a new or empty folder")]) -> None:
    """Write what students get: the course without its answers."""
    from .notebook.handout import Refused, write

    try:
        tell(write(folder))
    except Refused as refused:
        raise Mistake(str(refused)) from refused


@app.command()
def doctor() -> None:
    """Say what works on this machine, and the command that mends what does not."""
    from .doctor import doctor as examine

    raise typer.Exit(examine())


@app.command()
def reset(exercise: Annotated[str, typer.Argument(help='for example "01.3"')]) -> None:
    """Open one exercise again, its empty cell back in your notebook; your answer goes to work/backups/."""
    from . import history
    from .course import UnknownExercise, find
    from .notebook import workspace

    try:
        _, found = find(exercise)
    except UnknownExercise as unknown:
        raise Mistake(str(unknown)) from unknown
    tell(workspace.reset(found.id))
    history.add(found.id, "reset")
    print(f"{found.id}: open again in your progress")


@app.command()
def update() -> None:
    """Bring your notebooks in work/ up to the chapters in this folder; your answers are kept."""
    from .machine import ROOT
    from .notebook import workspace

    tell(workspace.update())
    source = "`git pull`" if (ROOT / ".git").exists() else "unpack the newer handout over this folder"
    print(f"Newer chapters: {source}, then ./study update again.")


@app.command()
def bench(
    laptop: Annotated[bool, typer.Option("--laptop", help="how fast a check answers here")] = False,
    emulator: Annotated[bool, typer.Option("--emulator", help="how fast the emulated GPU is here")] = False,
    gpu: Annotated[str, typer.Option("--gpu", metavar="NN", help="a chapter's ladders, on the GPU here")] = "",
    json: Annotated[Path | None, typer.Option(help="write the figures here (not of --gpu)")] = None,
) -> None:
    """Measure the course's own speed, or a chapter's ladders on a GPU."""
    if laptop + emulator + bool(gpu) != 1:
        raise Mistake("say what to measure: ./study bench --laptop, or --emulator, or --gpu 03")
    if gpu:
        from .climb import CannotClimb, climb_chapter

        try:
            raise typer.Exit(climb_chapter(gpu))
        except CannotClimb as reason:
            raise Mistake(str(reason)) from reason
    if laptop:
        from .bench import bench as measure
    else:
        from .bench_emulator import bench as measure
    raise typer.Exit(measure(json))


def tell(messages: list[str]) -> None:
    for message in messages:
        print(message)


def main(arguments: list[str] | None = None) -> None:
    """Run one command. What a user got wrong is one line and exit code 2, never a traceback."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="./study", standalone_mode=False)
    except typer.Abort:
        code = 130
    except Exception as problem:
        if not hasattr(problem, "format_message"):  # click's own errors have it; all else is a bug, shown whole
            raise
        print(f"./study: {' '.join(problem.format_message().split())}", file=sys.stderr)
        code = 2
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
