"""Record the calibration set on a GPU: outputs, Nsight Compute's counters, compute-sanitizer's verdicts.

    python tests/calibration/record.py CUBINS OUT [MINUTES]

CUBINS was written by compile.py.  Needs NumPy, ncu and compute-sanitizer, nothing of the course.  Writes
OUT/record.json, outputs.npz and faults.json, and for looking closer ncu_raw.csv.gz, sass_counters.csv.gz (the youngest
CLOSER cases, by machine instruction) and log.txt.  The first three belong in tests/calibration/recorded/; of outputs
that must be equal bit for bit the digests in record.json suffice, and where the counters of a case are an older
machine's, "counted_on" says so.  One failing case never stops the others; past MINUTES (6) what is left is left out:
the oldest.  600 cases take 5 minutes, half as long again where looked at closely.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from calibration.cases import BY_NAME, CASES  # noqa: E402
from calibration.driver import Driver, raw_bytes  # noqa: E402
from calibration.metrics import METRICS, number, rows  # noqa: E402
from calibration.sanitize import sanitize  # noqa: E402

DRIVER = Path(__file__).with_name("driver.py")
CHUNK = 48  # cases a profiler process
CLOSER = 96  # cases
SANITIZER_SECONDS = 75  # kept for it


class Recorder:
    def __init__(self, cubins: Path, out: Path, minutes: float) -> None:
        self.cubins, self.out = cubins.resolve(), out
        self.start, self.seconds = time.time(), minutes * 60
        self.scratch = Path(tempfile.mkdtemp(prefix="calibration_"))
        self.manifest = json.loads((cubins / "manifest.json").read_text())
        self.record: dict = {"machines": {}, "metrics": [], "cases": {}}
        out.mkdir(parents=True, exist_ok=True)
        self.logged = (out / "log.txt").open("w")

    def log(self, text: str) -> None:
        for stream in (sys.stdout, self.logged):
            print(f"[{time.time() - self.start:6.1f}] {text}", file=stream, flush=True)

    def left(self) -> float:
        return self.seconds - (time.time() - self.start)

    def save(self) -> None:
        (self.out / "record.json").write_text(json.dumps(self.record, separators=(",", ":")).replace('},"', '},\n"'))

    def command(self, argv: list, limit: float) -> tuple[int, str, str]:
        """(status, stdout, stderr); status 124 when it ran past the limit and was ended with its children."""
        process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   errors="replace", start_new_session=True)  # fmt: skip
        try:
            out, err = process.communicate(timeout=max(limit, 1))
            return process.returncode, out, err
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return 124, out, err

    def runner(self, folder: str, names: list[str]) -> list:
        return [sys.executable, DRIVER, self.cubins, self.scratch / folder, *names]

    # -- the steps ---------------------------------------------------------------------------------------------------
    def machine(self) -> None:
        facts = {"date": time.strftime("%Y-%m-%d"), "nvrtc": self.manifest["nvrtc"], "arch": self.manifest["arch"],
                 "numpy": np.__version__}  # fmt: skip
        tools = {
            "driver": ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            "ncu": ["ncu", "--version"],
            "compute_sanitizer": ["compute-sanitizer", "--version"],
        }
        for key, argv in tools.items():
            try:
                lines = [line for line in self.command(argv, 30)[1].splitlines() if line.strip()]
                facts[key] = (
                    (re.search(r"Version [\d.]+", " ".join(lines)) or [lines[-1]])[0].replace("Version ", "").strip()
                )
            except Exception as problem:
                facts[key] = f"not found: {problem}"
        facts.update(Driver().describe())
        self.record["machines"] = {facts["device"]: facts}
        self.log(f"machine: {facts}")

    def outputs(self) -> list[str]:
        """Run all cases plainly; a case that breaks the process is named and the rest goes on in a new one."""
        todo = [c.name for c in CASES if "cubin" in self.manifest["cases"].get(c.name, {})]
        printed: dict[str, str] = {}
        while todo and self.left() > 60:
            status, out, err = self.command(self.runner("plain", todo), 90)
            spoken = re.split(r"^## (.*)\n", out, flags=re.M)
            printed.update(zip(spoken[1::2], spoken[2::2], strict=True))
            done = {name for name in todo if (self.scratch / "plain" / f"{name}.npz").exists()}
            todo = [name for name in todo if name not in done]
            if todo:
                self.record["cases"][todo[0]] = {"error": f"status {status}: {err[-800:]}"}
                self.log(f"{todo[0]} failed, {len(todo) - 1} to go: {err[-300:]}")
                todo = todo[1:]
        kept = {}
        for case in CASES:
            path = self.scratch / "plain" / f"{case.name}.npz"
            if path.exists():
                try:
                    self.record["cases"][case.name] = self.outcome(case.name, path, kept, printed.get(case.name, ""))
                except Exception as problem:
                    self.record["cases"][case.name] = {"error": f"{type(problem).__name__}: {problem}"}
        np.savez_compressed(self.out / "outputs.npz", **kept)
        wrong = [name for name, entry in self.record["cases"].items() if entry.get("oracle") is False]
        self.log(f"plain: {len(self.record['cases'])} cases; against the oracle wrong: {wrong}")
        return [c.name for c in CASES if "outputs" in self.record["cases"].get(c.name, {})]

    def outcome(self, name: str, path: Path, kept: dict, printed: str) -> dict:
        """Digests of inputs and outputs; an output is kept whole unless the oracle gives the same bits."""
        case, arrays = BY_NAME[name], np.load(path)
        args = case.make()
        try:
            expected = case.expected()
        except Exception as problem:  # of this machine's NumPy
            self.log(f"oracle of {name}: {problem}")
            expected = None
        entry: dict = {"source": self.manifest["cases"][name]["source"], "outputs": {}}
        entry["inputs"] = digest(b"".join(a.tobytes() for a in args))
        if printed:
            entry["printed"] = printed
        for k, index in enumerate(case.outputs):
            data = arrays[str(index)]
            entry["outputs"][str(index)] = digest(data.tobytes())
            exact = expected is not None and case.oracle_rtol == 0 and case.compare == "exact"
            if exact:
                want = raw_bytes(np.ascontiguousarray(expected[k]).astype(args[index].dtype))
                entry["oracle"] = entry.get("oracle", True) and bool(np.array_equal(want, data))
            if not exact or not entry["oracle"]:
                kept[f"{name}:{index}"] = data
        return entry

    def profile(
        self, names: list[str], metrics: list[str], limit: float, source: bool = True
    ) -> tuple[list[dict], str]:
        """One profiler process around one run of `names`: a row a launch, and what it said on failure."""
        report = self.scratch / f"report_{time.time_ns()}"
        collect = [
            "ncu",
            "-f",
            "-o",
            report,
            "--clock-control",
            "none",
            "--cache-control",
            "all",
            "--metrics",
            ",".join(metrics),
        ]
        if source:
            collect += ["--section", "SourceCounters"]
        status, out, err = self.command([*collect, *self.runner("ncu", names)], limit)
        said = "\n".join(line for line in (out + "\n" + err).splitlines() if "==" in line and "Profiling" not in line)
        report = report.with_name(report.name + ".ncu-rep")
        if not report.exists():
            return [], f"status {status}\n{said}\n{err[-1000:]}"
        raw = self.scratch / "raw.csv"
        raw.write_text(
            self.command(["ncu", "--import", report, "--csv", "--page", "raw", "--print-units", "base"], 90)[1]
        )
        found = rows(raw)
        if source and len(found) == len(names):
            with gzip.open(self.out / "ncu_raw.csv.gz", "at") as file:
                file.write(f"## {' '.join(names)}\n{raw.read_text()}\n")
            self.keep_sass(report, names)
        report.unlink()
        return found, f"status {status}\n{said}"

    def keep_sass(self, report: Path, names: list[str]) -> None:
        """Per machine instruction: for looking closer, so a failure here is only logged."""
        try:
            for view in (["--print-source", "sass"], []):
                argv = ["ncu", "--import", report, "--csv", "--page", "source", "--print-units", "base", *view]
                status, out, err = self.command(argv, 60)
                if status == 0 and "==ERROR==" not in out + err:
                    break
                self.log(f"source page {view}: status {status} {err[-300:]} {out[-300:]}")
            with gzip.open(self.out / "sass_counters.csv.gz", "at") as file:
                file.write(f"## {' '.join(names)}\n{out}\n")
        except Exception as problem:
            self.log(f"source page: {problem}")

    def usable(self, name: str) -> list[str]:
        """The metrics that this profiler knows on this device, tried on one case."""
        metrics = list(METRICS)
        for _ in range(4):
            found, said = self.profile([name], metrics, 60, source=False)
            if found:
                return [m for m in metrics if m in found[0]]
            unknown = [m for m in metrics if re.search(rf"(?<!\w){re.escape(m)}(?!\w)", said)]
            self.log(f"metrics refused: {unknown or said[-600:]}")
            if not unknown:
                break
            metrics = [m for m in metrics if m not in unknown]
        return [m for k in range(0, len(METRICS), 8) for m in self.known(name, list(METRICS[k : k + 8]))]

    def known(self, name: str, group: list[str]) -> list[str]:
        if self.left() < SANITIZER_SECONDS + 90:
            return []
        found, _ = self.profile([name], group, 40, source=False)
        if found:
            return [m for m in group if m in found[0]]
        half = len(group) // 2
        return self.known(name, group[:half]) + self.known(name, group[half:]) if half else []

    def counters(self, names: list[str]) -> None:
        # A case that may spin comes last and by itself.
        steady = [n for n in names[::-1] if BY_NAME[n].counters]  # the youngest first
        metrics = self.usable(steady[0])
        self.record["metrics"] = metrics
        self.log(f"{len(metrics)} of {len(METRICS)} metrics; not here: {[m for m in METRICS if m not in metrics]}")
        chunks = [steady[k : k + CHUNK] for k in range(0, len(steady), CHUNK)]
        chunks += [[n for n in names if not BY_NAME[n].counters]]
        for k, chunk in enumerate(filter(None, chunks)):
            self.count(chunk, metrics, CHUNK * k < CLOSER)

    def count(self, names: list[str], metrics: list[str], closer: bool) -> None:
        """Of one profiler process; if it fails, of two with half the cases each."""
        if self.left() < SANITIZER_SECONDS + 10:
            return self.log(f"no time left for the counters of {names}")
        found, said = self.profile(names, metrics, min(90, self.left() - SANITIZER_SECONDS), closer)
        if len(found) != len(names):
            self.log(f"{len(found)} of {len(names)} launches profiled from {names[0]}: {said[-800:]}")
            half = len(names) // 2
            for part in (names[:half], names[half:]) if half else ():
                self.count(part, metrics, closer)
            return None
        for name, row in zip(names, found, strict=True):
            self.record["cases"][name]["ncu_kernel"] = row.get("Kernel Name", "")
            self.record["cases"][name]["counters"] = [number(row.get(m)) for m in metrics]
        self.log(f"counted {len(names)} from {names[0]}")
        return self.save()

    def faults(self) -> None:
        verdicts = sanitize(self.runner, self.command, self.manifest["cases"], self.left, self.log)
        data = {"machines": self.record["machines"], "cases": verdicts}
        (self.out / "faults.json").write_text(json.dumps(data, indent=1))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def main(cubins: Path, out: Path, minutes: float) -> None:
    recorder, names = Recorder(cubins, out, minutes), []

    def step(name: str, what: object) -> None:
        try:
            what()
        except Exception as problem:
            recorder.log(f"{name}: {type(problem).__name__}: {problem}")
        recorder.save()

    step("machine", recorder.machine)
    step("outputs", lambda: names.extend(recorder.outputs()))
    step("counters", lambda: recorder.counters(names))
    step("faults", recorder.faults)
    recorder.log("done")
    shutil.rmtree(recorder.scratch, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 6.0)
