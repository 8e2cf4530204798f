"""compute-sanitizer's four tools on every fault case, many processes at a time, and their verdicts read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from calibration.fault_cases import FAULT_CASES, FaultCase

TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
# racecheck: hazards of writing one value twice are of the level "info", which it leaves out unless asked
OPTIONS = {"racecheck": ["--racecheck-report", "all", "--racecheck-detect-level", "info"]}
AT_ONCE = 12
LIMIT = 20  # seconds for one kernel under one tool
# What a tool calls an error, as the fault kinds of the emulator
KINDS = {
    "out-of-bounds": r"out of bounds",
    "misaligned": r"misaligned",
    "race": r"[Rr]ace reported|hazard detected|Potential \w+ hazard|\b(?:RAW|WAR|WAW)\b",
    "uninitialized": r"Uninitialized",
    "barrier": r"Barrier error|Divergent thread|Invalid arguments",
}


def sanitize(runner: Callable, command: Callable, manifest: dict, left: Callable[[], float], log: Callable) -> dict:
    """{case: {tool: {kinds, summary, first, timed_out, text}}} for what could be run in the time left."""
    compiled = [case for case in FAULT_CASES if "cubin" in manifest.get(case.name, {})]
    # The tool meant for a case goes first, hanging kernels last: if time runs out, the least is lost.
    jobs = [(case, tool) for case in compiled for tool in TOOLS if not case.hangs or tool in ("memcheck", "synccheck")]
    jobs.sort(key=lambda job: (job[0].hangs, job[0].tool != job[1]))

    def one(job: tuple[FaultCase, str]) -> dict | None:
        case, tool = job
        if left() < 10:
            return None
        try:
            return check(runner("faults", [case.name]), command, tool, min(LIMIT, left()))
        except Exception as problem:
            return {"error": f"{type(problem).__name__}: {problem}"}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(one, jobs))
    verdicts: dict = {case.name: {} for case in compiled}
    for (case, tool), verdict in zip(jobs, found, strict=True):
        if verdict is not None:
            verdicts[case.name][tool] = verdict
    log(f"compute-sanitizer: {sum(v is not None for v in found)} of {len(jobs)} runs")
    for case in compiled:
        seen = {tool: ",".join(v.get("kinds", {})) or "-" for tool, v in verdicts[case.name].items()}
        log(f"  {case.name}: model {case.fault or 'clean'}; {seen}")
    return verdicts


def check(target: list, command: Callable, tool: str, limit: float) -> dict:
    def launch(options: list) -> tuple[int, str]:
        status, out, err = command(["compute-sanitizer", "--tool", tool, *options, *target], limit)
        return status, out + err

    status, text = launch(OPTIONS.get(tool, []))
    if tool in OPTIONS and "SUMMARY" not in text and status != 124:  # an option that this version does not know
        status, text = launch([])
    said = [line.strip("= ").strip() for line in text.splitlines() if line.startswith("=========")]
    headed = [line for line in said if not re.search(r"SUMMARY|COMPUTE-SANITIZER|Target application", line)]
    kinds = Counter(kind for line in headed for kind, pattern in KINDS.items() if re.search(pattern, line))
    return {
        "kinds": dict(kinds),
        "summary": next((line for line in reversed(said) if "SUMMARY" in line), ""),
        "first": next((line for line in headed if any(re.search(p, line) for p in KINDS.values())), ""),
        "timed_out": status == 124,
        "text": "\n".join(headed)[:600],
    }
