"""The judge on a Triton kernel with its launcher, on the interpreter."""

import dataclasses
import os
import subprocess
import sys

import pytest

import utils  # sets TRITON_INTERPRET before Triton is imported
from utils.judge import Kernel, Tolerance, compiled, judge_source, sizes, spread

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton")

CARD = dict(id="99.2", title="Twice on the GPU", minutes=1, dots=1, hints=("a", "b"), why="because")
DOUBLE = Kernel(
    **CARD,
    answer="double",
    signature="double(x: float32[n]) -> float32[n]",
    inputs=lambda rng, n: (torch.from_numpy(spread(rng, n)),),
    oracle=lambda x: 2 * x.double(),
    shapes=sizes(128),
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    traffic=1.01,
    block=(128,),
    seconds=5.0,
)
PRELUDE = "import torch\nfrom utils import triton, tl\n"
RIGHT = """
@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    m = i < n
    v = tl.load(x + i, mask=m)
    tl.store(y + i, 2 * v, mask=m)

def double(x):
    y = torch.empty_like(x)
    grid = (triton.cdiv(x.numel(), 128),)
    kernel[grid](x, y, x.numel(), BLOCK=128)
    return y
"""
EDITS = {  # (old, new): the diagnosis
    ("x + i, mask=m", "x + i"): "out-of-bounds",
    ("2 * v, mask=m", "2 * v"): "outside-output",
    ("triton.cdiv(x.numel(), 128)", "max(1, x.numel() // 128)"): "tail-unwritten",
    ("grid = (triton.cdiv(x.numel(), 128),)", "grid = (1,)"): "tail-unwritten",
    ("i < n", "i < n - 1"): "tail-unwritten",
    ("2 * v", "v"): "copied-input",
    ("return y", "return 2 * x"): "forbidden-route",
    ("return y", "return torch.from_numpy(2 * x.numpy())"): "forbidden-route",
    ("kernel[grid](x, y, x.numel(), BLOCK=128)", "y.numpy()[:] = 2 * x.numpy()"): "no-launch",
    ("kernel[grid](x, y, x.numel(), BLOCK=128)", "pass"): "no-launch",
    ("return y", "kernel[grid](x, y, x.numel(), BLOCK=128)\n    return y"): "too-many-launches",
    ("    tl.store", "    v = tl.load(x + i, mask=m)\n    tl.store"): "too-much-traffic",
    ("2 * v", "2 * v + 0 * tl.sum(v)"): "nan",
    ("x + i, mask=m", "x + i - 1, mask=m"): "out-of-bounds",
    ("2 * v", "tl.nothing(v)"): "exception",
    ("def double(x):", "double = kernel\ndef other(x):"): "not-callable",
    ("return y", "while True: pass"): "timeout",
    ("x, y, x.numel()", "y, x, x.numel()"): "input-changed",
}
ALSO_RIGHT = {
    "grid as a function": (
        "grid = (triton.cdiv(x.numel(), 128),)",
        "grid = lambda meta: (triton.cdiv(x.numel(), meta['BLOCK']),)",
    ),
    "other block": ("128", "64"),
    "one program, a loop": (
        "    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)\n    m = i < n\n    v = tl.load(x + i, mask=m)\n"
        "    tl.store(y + i, 2 * v, mask=m)",
        "    for start in range(tl.program_id(0) * BLOCK, n, BLOCK * tl.num_programs(0)):\n"
        "        i = start + tl.arange(0, BLOCK)\n"
        "        tl.store(y + i, 2 * tl.load(x + i, mask=i < n), mask=i < n)",
    ),
}  # fmt: skip


def edited(old, new):
    assert RIGHT.count(old) >= 1
    return RIGHT.replace(old, new)


def test_model_passes_under_any_seed():
    assert {v.status for v in judge_source(DOUBLE, RIGHT, range(4), PRELUDE)} == {"passed"}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_other_right_kernels_pass(name):
    seen = judge_source(DOUBLE, edited(*ALSO_RIGHT[name]), (1, 2), PRELUDE)[0]
    if seen.status == "unjudged" and triton.__version__ < "3.7":
        pytest.skip("Triton 3.6 with NumPy 2.5 cannot run range(0, n) on the interpreter")
    assert seen.status == "passed", str(seen)


@pytest.mark.parametrize("edit", EDITS)
def test_wrong_kernels_get_their_diagnosis(edit):
    exercise = dataclasses.replace(DOUBLE, seconds=1.0) if EDITS[edit] == "timeout" else DOUBLE
    for seen in judge_source(exercise, edited(*edit), (1, 2, 3), PRELUDE):
        assert seen.diagnosis == EDITS[edit], str(seen)


def test_bf16_arithmetic_cannot_be_judged_on_the_interpreter():
    bf16 = dataclasses.replace(
        DOUBLE,
        inputs=lambda rng, n: (torch.from_numpy(spread(rng, n)).bfloat16(),),
        dtype="bfloat16",
        tolerance=Tolerance.of("bfloat16"),
    )
    assert judge_source(bf16, RIGHT, (1,), PRELUDE)[0].status == "unjudged"
    widened = edited("2 * v", "(2 * v.to(tl.float32)).to(tl.bfloat16)")
    assert judge_source(bf16, widened, (1,), PRELUDE)[0].status == "passed"


def test_a_launcher_may_not_write_past_what_it_allocated():
    code = edited("y = torch.empty_like(x)", "y = torch.empty(x.numel() + 1)[:-1]")
    code = code.replace("2 * v, mask=m", "2 * v, mask=i < n + 1")
    seen = judge_source(DOUBLE, code, (1,), PRELUDE)[0]
    assert seen.diagnosis == "outside-output", str(seen)


BLOCK_POINTERS = """
@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    start = tl.program_id(0) * BLOCK
    a = tl.make_block_ptr(x, (n,), (1,), (start,), (BLOCK,), (0,))
    b = tl.make_block_ptr(y, (n,), (1,), (start,), (BLOCK,), (0,))
    tl.store(b, 2 * tl.load(a, boundary_check=(0,), padding_option="zero"), boundary_check=(0,))

def double(x):
    y = torch.empty_like(x)
    kernel[(triton.cdiv(x.numel(), 128),)](x, y, x.numel(), BLOCK=128)
    return y
"""
DESCRIPTORS = BLOCK_POINTERS.replace(
    BLOCK_POINTERS[BLOCK_POINTERS.index("    a = ") : BLOCK_POINTERS.index("\ndef double")],
    "    a = tl.make_tensor_descriptor(x, [n], [1], [BLOCK])\n"
    "    b = tl.make_tensor_descriptor(y, [n], [1], [BLOCK])\n"
    "    b.store([start], 2 * a.load([start]))\n",
)


@pytest.mark.parametrize("code", [BLOCK_POINTERS, DESCRIPTORS], ids=["block pointers", "descriptors"])
def test_block_pointers_and_descriptors_are_followed(code):
    assert judge_source(DOUBLE, code, (1,), PRELUDE)[0].status == "passed"


def test_a_block_pointer_without_a_boundary_check_is_caught():
    code = BLOCK_POINTERS.replace('boundary_check=(0,), padding_option="zero"', "")
    assert judge_source(DOUBLE, code, (1,), PRELUDE)[0].diagnosis == "out-of-bounds"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (("@triton.jit\n", ""), "@triton.jit"),
        (("2 * v", "x + y"), "Load the numbers first"),
        (("v = tl.load(x + i, mask=m)", "v = x[i]"), "not indexed"),
        (("tl.store(y + i, 2 * v, mask=m)", "y[i] = 2 * v"), "not indexed"),
        (("128", "100"), "powers of two"),
    ],
)
def test_first_errors_are_put_in_plain_words(edit, words):
    seen = judge_source(DOUBLE, edited(*edit), (1,), PRELUDE)[0]
    assert seen.status == "error" and words in str(seen), str(seen)


@pytest.mark.parametrize(
    "edit",
    [
        ("\n@triton.jit", "\nTWO = 2\n\n@triton.jit"),
        ("    v = tl.load", "    for k in [1, 2, 3]:\n        pass\n    v = tl.load"),
        ("    v = tl.load", "    names = {'v': 1}\n    v = tl.load"),
    ],
    ids=["a global that is no constexpr", "a list", "a dict"],
)
def test_a_kernel_that_only_python_can_run_is_refused(edit):
    code = edited(*edit).replace("2 * v", "TWO * v") if "TWO" in edit[1] else edited(*edit)
    seen = judge_source(DOUBLE, code, (1, 2), PRELUDE)
    assert seen[0].diagnosis == "does-not-compile", str(seen[0])


def test_a_helper_kernel_is_compiled_with_it():
    code = edited("\n@triton.jit", "\n@triton.jit\ndef twice(v):\n    return 2 * v\n\n@triton.jit")
    seen = judge_source(DOUBLE, code.replace("2 * v, mask", "twice(v), mask"), (1,), PRELUDE)[0]
    assert seen.status == "passed" and "`kernel` compiles for sm_90" in str(seen), str(seen)


def test_a_global_that_is_nan_and_named_like_a_local_does_not_reach_the_compiler():
    code = "v = float('nan')\nm = float('inf')\n" + RIGHT
    assert "`kernel` compiles for sm_90" in str(judge_source(DOUBLE, code, (1,), PRELUDE)[0])


@pytest.mark.parametrize(
    ("edit", "said", "unsaid"),
    [
        (("tl.program_id(0) * BLOCK + ", ""), "where does `tl.program_id` come in", "cdiv"),
        (("grid = (triton.cdiv(x.numel(), 128),)", "grid = (1,)"), "room for 128 in the 1 program", "tl.program_id"),
        (("i < n", "i < n - 1"), "Does the last block write its part", "cdiv"),
        (("x + i, mask=m", "x + i"), "Mask the load.", "outside."),
        (("x + i, mask=m", "x + i + 4096, mask=m"), "all of it lies outside", "grid"),
    ],
)
def test_advice_is_what_the_trace_shows(edit, said, unsaid):
    likely = dict(judge_source(DOUBLE, edited(*edit), (1,), PRELUDE)[0].rows)["likely"]
    assert said in likely and unsaid not in likely, likely


def test_too_slow_may_mean_element_by_element():
    slow = "for k in tl.static_range(100000):\n        tl.store(y + k % n, tl.load(x + k % n))\n    tl.store"
    quick = dataclasses.replace(DOUBLE, seconds=1.0)
    seen = judge_source(quick, edited("tl.store", slow), (1,), PRELUDE)[0]
    assert seen.diagnosis == "timeout" and "element by element" in str(seen)


def test_when_the_courses_compiler_fails_it_says_so(monkeypatch):
    def broken(*args, **options):
        raise RuntimeError("the compiler's process ended with 1:\nNameError: name 'nan' is not defined")

    monkeypatch.setattr(compiled, "compile_triton", broken)
    seen = judge_source(DOUBLE, RIGHT, (1,), PRELUDE)[0]
    assert seen.status == "passed" and "the course's compiler failed, not `kernel` (NameError" in str(seen)


def test_in_a_notebook_the_compilers_process_starts_with_triton():
    code = (
        "import sys, types; sys.modules['ipykernel'] = types.ModuleType('ipykernel');"
        "from utils import tl, compile_worker; print(compile_worker._worker.usable)"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("STUDY_EXPECT", "STUDY_VERDICTS")}
    seen = subprocess.run([sys.executable, "-c", code], cwd=utils.machine.ROOT, env=environment, capture_output=True)
    assert seen.stdout == b"True\n", seen.stderr.decode()
