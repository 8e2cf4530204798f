"""The proofs hold on this machine, and a wrong answer, a missing part or a broken file is said with its cure."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from utils import bench, doctor, machine, proofs
from utils.compile_worker import CompileError, compile_triton
from utils.proofs import KERNELS, Absent, Preflight, Proof, Unfit, prove

linux = pytest.mark.skipif(machine.triton_backend() is None, reason="Triton has wheels for Linux only")


def test_every_proof_holds_or_is_not_needed_here() -> None:
    result = proofs.proofs()
    assert [proof.name for proof in result.proofs] == ["formats", "sandbox", "Triton", "compiler", "NVRTC", "GPU"]
    assert result.ok, str(result)
    if sys.platform == "linux":
        assert all(proof.ok for proof in result.proofs[:5]), str(result)
    assert "\n" not in repr(result) and "formats" in repr(result)


def test_a_wrong_answer_is_wrong_with_its_cure() -> None:
    def wrong() -> str:
        proofs.expect(0, 42, "a value")
        return "proved"

    proof = prove("values", wrong, "mend me")
    assert (proof.ok, proof.mend) == (False, "mend me") and "a value: 0, should be 42" in proof.detail
    page = Preflight((proof, Proof("other", True, "`x` < 1")))
    assert not page.ok and repr(page) == "preflight: other proved; WRONG: values"
    html = page._repr_html_()
    assert "mend me" in html and "<script" not in html and "http" not in html and "&lt; 1" in html


def test_what_is_not_here_is_no_failure() -> None:
    def absent() -> str:
        raise Absent("not on this machine")

    assert prove("GPU", absent, "x") == Proof("GPU", None, "not on this machine")


@pytest.mark.parametrize(
    "torch_has_cuda, said, mend", [(False, "CPU build", "--torch cuda"), (True, "driver", "nvidia-smi")]
)
def test_a_gpu_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, torch_has_cuda: bool, said: str, mend: str) -> None:
    monkeypatch.setattr(machine, "gpu", lambda: None)
    monkeypatch.setattr(machine, "torch_has_cuda", lambda: torch_has_cuda)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    proof = prove("GPU", proofs.gpu)
    assert proof.ok is False and said in proof.detail and mend in proof.mend


def test_without_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "triton_backend", lambda: None)
    assert prove("Triton", proofs.triton_values).ok is None
    assert prove("compiler", proofs.compiler).ok is None


def test_without_nvrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    from utils.vgpu import compiler, nvrtc

    monkeypatch.setattr(nvrtc, "_folders", lambda package, inside: iter(()))
    monkeypatch.setattr(nvrtc, "LIBRARY", "libnvrtc-that-is-not-here.so")
    cached = nvrtc.load, nvrtc.version, nvrtc.architectures, compiler._alone
    for function in cached:
        function.cache_clear()
    try:
        proof = prove("NVRTC", proofs.cuda_compiler, "mend me")
        if sys.platform == "linux":
            assert proof.ok is False and proof.mend == "mend me" and "NVRTC" in proof.detail
        else:
            assert proof.ok is None
    finally:
        for function in cached:
            function.cache_clear()


# The compiler's process


@linux
def test_compiling_gives_every_stage() -> None:
    types = {"x_ptr": "*fp32", "out_ptr": "*fp32", "n": "i32"}  # nothing known of alignment: one at a time
    kernel = compile_triton(KERNELS, "copy_kernel", types, {"BLOCK": 256}, options={"num_warps": 2})
    assert "ld.global.b32" in kernel["ptx"] and "ld.global.v4" not in kernel["ptx"]
    assert "LDG.E " in kernel["sass"] and "tt.load" in kernel["ttgir"]
    assert kernel["metadata"]["num_warps"] == 2


@linux
def test_a_kernel_that_does_not_compile() -> None:
    with pytest.raises(RuntimeError, match="has no attribute 'other_kernel'"):
        compile_triton(KERNELS, "other_kernel", {}, {})


@linux
def test_a_compiler_that_does_not_come_back() -> None:
    with pytest.raises(CompileError, match="did not finish in 0 s"):
        types = {"x_ptr": "*fp32", "out_ptr": "*fp32", "n": "i32"}
        compile_triton(KERNELS, "copy_kernel", types, {"BLOCK": 512}, seconds=0)


# The doctor


@pytest.mark.skipif(Path(sys.prefix) != machine.ROOT / ".venv", reason="not the .venv that ./study makes")
def test_the_installed_packages_are_within_their_ranges() -> None:
    assert "recorded versions" in doctor.packages()


def test_a_missing_and_a_too_old_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "rich":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    with pytest.raises(Unfit, match=r"torch 1.0 is not .*rich is missing") as found:
        doctor.packages()
    assert "rm -r .venv" in found.value.mend


def test_the_progress_file(tmp_path: Path) -> None:
    path = tmp_path / "progress.sqlite3"
    assert prove("progress", lambda: doctor.progress(path)).ok is None
    with sqlite3.connect(path) as database:
        database.execute("create table events (id integer)")
    assert doctor.progress(path) == "can be read"
    path.write_bytes(b"not a database, and longer than the header of one would be" * 40)
    broken = prove("progress", lambda: doctor.progress(path))
    assert broken.ok is False and str(path) in broken.mend
    assert path.read_bytes().startswith(b"not a database")


def test_a_work_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file in its place")
    refused = prove("work", lambda: doctor.writable(tmp_path / "work"))
    assert refused.ok is False and "chmod" in refused.mend
    assert doctor.writable(tmp_path / "other").startswith("can be written")


def test_a_taken_port_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "free", lambda port: False)
    assert prove("port", doctor.port).ok is None


# The bench


def test_a_missed_target_shows() -> None:
    assert bench.Figure("x", target=1.0, measured=0.5, what="").ok
    assert not bench.Figure("x", target=1.0, measured=1.5, what="").ok
    figures = tuple(bench.summary("01", {"01.1": 0.1, "01.2": 0.2, "01.3": 0.9}))
    assert [(figure.measured, figure.target) for figure in figures] == [(0.2, 1.0), (0.9, 5.0)]
    assert "chapter 01" in figures[0].name and figures[1].what == "01.3"
