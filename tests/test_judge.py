"""The judge on a tiny exercise: each way to be wrong gets its own diagnosis, each way to misbehave is contained."""

import dataclasses
import tempfile
import time

import numpy as np
import pytest

from utils.judge import Forbid, Function, Rival, Tolerance, judge, judge_source, sizes, spread
from utils.judge.arrays import mismatch
from utils.judge.explain import apart
from utils.judge.source import closure, load
from utils.judge.verdict import sentences

CARD = dict(id="99.1", title="Twice", minutes=1, dots=1, hints=("a", "b"), why="because")
DOUBLE = Function(
    **CARD,
    answer="double",
    signature="double(x: float32[n]) -> float32[n]",
    inputs=lambda rng, n: (spread(rng, n),),
    oracle=lambda x: 2 * x.astype(np.float64),
    shapes=sizes(128),
    dtype="float32",
    tolerance=Tolerance.of("float32"),
    block=(128,),
    rivals=(Rival(key="triples", sentence="three times", oracle=lambda x: 3 * x),),
    seconds=2.0,
    gigabytes=1.0,
)
MATRIX = dataclasses.replace(
    DOUBLE,
    inputs=lambda rng, n, m: (spread(rng, (n, m)),),
    shapes=[dict(n=3, m=5), dict(n=4, m=4), dict(n=1, m=7), dict(n=64, m=33)],
    block=(),
)
SUM = dataclasses.replace(
    DOUBLE,
    answer="total",
    signature="total(x: float16[n]) -> float",
    inputs=lambda rng, n: (spread(rng, n, "float16"),),
    oracle=lambda x: x.astype(np.float64).sum() + 100,
    shapes=[dict(n=n) for n in (1, 10, 100, 1000, 5000)],
    dtype="",
    tolerance=Tolerance(1e-5),
    rivals=(),
)
RIGHT = {
    "plain": "def double(x): return x + x",
    "list": "import numpy as np\ndef double(x): return np.array([2 * v for v in x], dtype='float32')",
    "float64 inside": "def double(x): return (x.astype('float64') * 2).astype('float32')",
    "written in parts": (
        "import numpy as np\ndef double(x):\n  y = np.empty_like(x)\n  y[::2] = 2 * x[::2]\n  y[1::2] = 2 * x[1::2]\n"
        "  return y"
    ),
    "default argument": "def double(x, factor=2): return factor * x",
}
WRONG = {
    "def double(x): return x.copy()": "copied-input",
    "def double(x): return -2 * x": "sign",
    "def double(x): return 2.5 * x": "scaled",
    "def double(x): return 3 * x": "triples",
    "def double(x): return 0 * x": "constant",
    "def double(x): return 0 * x + (2 * x).mean()": "constant",
    "def double(x): x * 2": "returned-nothing",
    "def double(x): return 'x'": "wrong-type",
    "def double(x): return x[:-1] * 2": "wrong-shape",
    "def double(x): return 2 * x.astype('float64')": "wrong-dtype",
    "def double(x):\n  x *= 2\n  return x.copy()": "input-changed",
    "import numpy as np\ndef double(x): return np.roll(2 * x, 1)": "shifted",
    "import numpy as np\ndef double(x): return np.sort(2 * x)": "permuted",
    "import numpy as np\ndef double(x): return 2 * x[np.random.permutation(len(x))]": "permuted",
    "import numpy as np\ndef double(x): return (2 * x.astype(np.float16)).astype('float32')": "low-precision",
    "import numpy as np\ndef double(x):\n  y = np.empty_like(x)\n  n = len(x) // 2\n  y[:n] = 2 * x[:n]\n  return y": (
        "tail-unwritten"
    ),
    "import numpy as np\ndef double(x):\n  y = np.empty_like(x)\n  y[::2] = 2 * x[::2]\n  return y": "partly-written",
    "import numpy as np\ndef double(x): return np.empty_like(x)": "never-written",
    "def double(x):\n  y = 2 * x\n  y[len(y) // 128 * 128:] = 7\n  return y": "tail",
    "def double(x):\n  y = 2 * x\n  y[127::128] = 7\n  return y": "every-block",
    "def double(x):\n  y = 2 * x\n  y[-1] = float('nan')\n  return y": "nan",
    "def double(x): return 2 * x * 1e38 * 1e38": "overflow",
}
MISBEHAVES = {
    "def double(x):\n  while True: pass": "timeout",
    "import time\ndef double(x): time.sleep(60)": "timeout",
    "import os, signal\ndef double(x): os.kill(os.getpid(), signal.SIGSEGV)": "crash",
    "import ctypes\ndef double(x): ctypes.string_at(0)": "crash",
    "import numpy as np\ndef double(x): return np.ones(10**10)": "memory",
    "def double(x): return double(x)": "recursion",
    "import sys\ndef double(x): sys.exit(1)": "exited",
    "import os\ndef double(x): os._exit(0)": "exited",
    "def double(x): return input()": "exception",
    "def double(x): return 1 / 0": "exception",
    "def double(x): return": "returned-nothing",
    "def double(x: return": "exception",
    "raise ValueError('no')": "exception",
    "def double(x, y): return x": "wrong-signature",
    "def double(): return 1": "wrong-signature",
    "double = 3": "not-callable",
    "twice = 3": "missing",
}


def verdict(code, exercise=DOUBLE, seeds=(1,)):
    return judge_source(exercise, code, seeds)[0]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    for seen in judge_source(DOUBLE, RIGHT[name], range(20)):
        assert seen.status == "passed", str(seen)


@pytest.mark.parametrize("code", WRONG)
def test_wrong_answers_get_their_diagnosis_under_any_seed(code):
    for seen in judge_source(DOUBLE, code, range(20)):
        assert (seen.status, seen.diagnosis) == ("failed", WRONG[code]), str(seen)


@pytest.mark.parametrize("code", MISBEHAVES)
def test_misbehaving_answers_are_contained(code):
    seen = verdict(code)
    assert seen.diagnosis == MISBEHAVES[code], str(seen)
    assert seen.points == 0


def test_matrix_patterns():
    assert verdict("def double(x): return (2 * x).T.copy()", MATRIX).diagnosis == "transposed-shape"
    swapped = "def double(x): return (2 * x).T.reshape(x.shape).copy()"
    assert verdict(swapped, MATRIX).diagnosis == "transposed"
    assert verdict("def double(x): return (2 * x)[::-1].copy()", MATRIX).diagnosis == "permuted"
    rows = "def double(x):\n  y = 2 * x\n  y[0] = float('nan')\n  return y"
    assert verdict(rows, MATRIX).diagnosis == "nan"


def test_error_that_grows_with_the_length_is_low_precision():
    code = "import numpy as np\ndef total(x):\n  s = np.float16(100)\n  for v in x: s += v\n  return float(s)"
    assert verdict(code, SUM).diagnosis == "low-precision"


def test_a_view_of_the_input_is_refused_only_when_the_values_are_right():
    same = dataclasses.replace(DOUBLE, oracle=lambda x: x.copy())
    assert verdict("def double(x): return x", same).diagnosis == "returns-input-view"
    assert verdict("def double(x): return x.copy()", same).status == "passed"


def test_written_in_place_with_guard_bands():
    inplace = dataclasses.replace(
        DOUBLE,
        signature="double(x: float32[n], out: float32[n])",
        inputs=lambda rng, n: (spread(rng, n), np.empty(n, "float32")),
        oracle=lambda x, out: 2 * x,
        outputs=("out",),
        rivals=(),
    )
    assert verdict("def double(x, out): out[:] = 2 * x", inplace).status == "passed"
    assert verdict("def double(x, out): pass", inplace).diagnosis == "never-written"
    beyond = "import numpy as np\ndef double(x, out):\n  out[:] = 2 * x\n  out.base.reshape(-1)[0] = 1"
    assert verdict(beyond, inplace).diagnosis == "outside-output"


def test_megabytes_printed_are_cut():
    seen = verdict("def double(x):\n  print('x' * 10**7)\n  return 0 * x")
    assert seen.diagnosis == "constant" and len(str(seen)) < 4000 and "characters more" in str(seen)


def test_a_background_process_does_not_outlive_the_check(tmp_path):
    mark = tmp_path / "alive"
    code = "import os, time\ndef double(x):\n  if os.fork() == 0:\n    time.sleep(1); open(MARK, 'w')\n  return 2 * x"
    code = code.replace("MARK", repr(str(mark)))
    assert verdict(code).status == "passed"
    time.sleep(1.3)
    assert not mark.exists()


def test_live_answers_are_judged_in_a_child():
    calls = []

    def double(x):
        calls.append(1)
        return 2 * x

    assert judge(DOUBLE, {"double": double}).status == "passed"
    assert calls == []  # what the answer did to this process's objects stayed in the child
    assert judge(DOUBLE, {}).diagnosis == "missing"


def test_seed_replays_the_same_case():
    texts = {str(judge(DOUBLE, {"double": lambda x: x * 2.1 + 1}, seed=5)) for _ in range(3)}
    assert len(texts) == 1 and "seed=5" in texts.pop()


def test_verdict_shows_smallest_case_and_first_wrong_elements():
    text = str(verdict("def double(x): return 2 * x + (len(x) > 2)"))
    assert "Smallest: n = 127" in text and "want" in text and "got" in text and 'hint("99.1")' in text


@pytest.mark.parametrize("want", [np.array([1.0, -2.0, 3.0]), np.array([5, 6, 7], np.uint16)])
def test_zeros_mean_and_shuffles_never_match(want):
    for got in (want * 0, want * 0 + want.mean().astype(want.dtype), want[::-1]):
        assert mismatch(want, got.astype(want.dtype), Tolerance(1e-2)) is not None


def test_exact_tells_signed_zero_and_accepts_any_nan():
    exact = Tolerance()
    assert mismatch(np.array([0.0]), np.array([-0.0]), exact) is not None
    assert mismatch(np.array([np.nan]), np.array([-np.nan]), exact) is None


def test_torch_answers():
    torch = pytest.importorskip("torch")
    tensors = dataclasses.replace(DOUBLE, inputs=lambda rng, n: (torch.from_numpy(spread(rng, n)),), rivals=(),
                                  oracle=lambda x: 2 * x.double())  # fmt: skip
    torch.ones(2000, 2000) @ torch.ones(2000, 2000)  # OpenMP has run: the child must not ask for threads
    assert verdict("def double(x): return x + x", tensors).status == "passed"
    assert verdict("def double(x): return (x + x).double()", tensors).diagnosis == "wrong-dtype"
    assert verdict("def double(x): return x.mul_(2).clone()", tensors).diagnosis == "input-changed"
    parallel = "import torch\ndef double(x):\n  torch.ones(500, 500) @ torch.ones(500, 500)\n  return x + x"
    assert verdict(parallel, tensors).status == "passed"


@pytest.mark.parametrize(
    ("signature", "names"),
    [
        ("f(x: float32[n, m], k: int) -> (float32[n], float)", ("x", "k")),
        ("f(q: float16[T, H], k=(1, 2)) -> float", ("q", "k")),
        ("f() -> int", ()),
    ],
)
def test_parameters_are_read_off_the_signature(signature, names):
    assert dataclasses.replace(DOUBLE, signature=signature).parameters == names


@pytest.mark.parametrize(
    ("names", "code", "caught"),
    [
        (("numpy.add",), "import numpy as np\ndef double(x): return np.add(x, x)", True),
        (("numpy.add",), "import numpy as other\ndef double(x): return other.add(x, x)", True),
        (("numpy.add",), "def double(x):\n  from numpy import add\n  return add(x, x)", True),
        (("numpy.add",), "import numpy as np\nf = np.add\ndef double(x): return f(x, x)", True),
        (("numpy.add",), "def add(x, y): return x + y\ndef double(x): return add(x, x)", False),
        (("numpy.add",), "import numpy as np\ndef part(x): return np.add(x, x)\ndef double(x): return part(x)", True),
        ((".astype",), "def double(x): return (2 * x).astype('float32')", True),
        ((".astype",), "def double(x): return 2 * x", False),
        (("for",), "def double(x):\n  for _ in range(1): y = 2 * x\n  return y", True),
        (("numpy.float32()",), "import numpy as np\ndef double(x): return 2 * x.view(np.float32)", False),
        (("numpy.float32()",), "import numpy as np\ndef double(x): return 2 * np.float32(x)", True),
        (("math",), "def double(x):\n  import math\n  return x * math.floor(2.5)", True),
    ],
)
def test_forbidden_names_are_resolved_not_spelled(names, code, caught):
    exercise = dataclasses.replace(DOUBLE, forbid=(Forbid(names=names, because="Not here."),))
    assert verdict(code, exercise).diagnosis == ("forbidden-route" if caught else ""), code


HALF = dataclasses.replace(
    SUM,
    inputs=lambda rng, n: (spread(rng, n, "float16"),),
    oracle=lambda x: x.astype(np.float64).sum(),
    shapes=[dict(n=n) for n in (1, 10, 100)],
    tolerance=Tolerance(1e-2, floor=100.0),
    widest="float16",
)


@pytest.mark.parametrize(
    ("body", "diagnosis"),
    [
        ("t = np.zeros((), np.float16)\n  for v in x: t = t + v\n  return t", ""),
        ("t = np.zeros(1).astype(np.float16)\n  for i in range(len(x)): t = t + x[i:i+1]\n  return t[0]", ""),
        ("t = np.zeros(1)\n  for i in range(len(x)): t = t + x[i:i+1]\n  return t[0]", "too-wide"),
        ("return (x.astype(np.float32) + np.float32(0)).sum()", "too-wide"),
        ("y = x * np.ones(len(x))\n  return y.sum()", "too-wide"),
    ],
)
def test_wider_arithmetic_is_seen_not_spelled(body, diagnosis):
    assert verdict(f"import numpy as np\ndef total(x):\n  {body}", HALF).diagnosis == diagnosis


def test_patterns_on_bit_patterns_are_exact():
    """Values that span many octaves are all "close" to their neighbours; a pattern must not be read into that."""
    codes = dataclasses.replace(
        DOUBLE,
        inputs=lambda rng, n: (rng.permutation(n).astype(np.uint16),),
        oracle=lambda x: x.astype(np.float64) ** 8,
        shapes=[dict(n=n) for n in (50, 100, 300)],
        dtype="float64",
        tolerance=Tolerance(),
        rivals=(),
        block=(),
    )
    seen = verdict("def double(x):\n  y = x.astype('float64') ** 8\n  y[y < 1000] /= 2\n  return y", codes)
    assert seen.diagnosis == "wrong-values", str(seen)


def test_single_number_answers_are_shown_as_calls():
    each = dataclasses.replace(
        DOUBLE,
        answer="odd",
        signature="odd(bits: int, k: int) -> float",
        inputs=lambda rng, n: (rng.permutation(n).astype(np.uint8), 3),
        oracle=lambda bits, k: (bits & 1) * 1.0,
        shapes=[dict(n=200)],
        dtype="float64",
        each=True,
        rivals=(),
    )
    assert verdict("def odd(bits, k): return float(bits & 1)", each).status == "passed"
    assert "`odd(0x" in str(verdict("def odd(bits, k): return float(bits == 1)", each))


def test_closure_defines_an_answer_again_by_itself():
    code = (
        "import numpy as np\nfrom math import floor\nTWO = 2\ndef part(x): return np.multiply(x, floor(TWO))\n"
        "def double(x): return part(x)\nunused = part"
    )
    namespace = {}
    with tempfile.TemporaryDirectory() as folder:
        namespace = vars(load(code, {}, folder))
        text = closure(namespace, ("double",))
    assert "import numpy as np" in text and "from math import floor" in text and "TWO = 2" in text
    assert judge_source(DOUBLE, text)[0].status == "passed"


def test_closure_takes_only_what_is_read_and_writes_every_constant():
    code = (
        "import numpy as np\nv = object()\nw = float('nan')\nlost = float('nan')\nlarge = -np.inf\n"
        "half = np.float32(0.5)\n"
        "def double(x):\n  v = x\n  def part(w): return w.large if half == 0 else v\n"
        "  return part(x) + x + (large if lost == lost else 0)"
    )
    with tempfile.TemporaryDirectory() as folder:
        text = closure(vars(load(code, {}, folder)), ("double",))
    assert text.splitlines()[:3] == ["half = 0.5", 'large = float("-inf")', 'lost = float("nan")']
    assert judge_source(DOUBLE, text)[0].status == "passed"


def test_a_forbidden_name_is_said_before_anything_is_run():
    exercise = dataclasses.replace(DOUBLE, forbid=(Forbid(names=("struct",), because="Not here."),))
    seen = verdict("import struct\ndef double(x): return struct.pack('H', -1)", exercise)
    assert seen.diagnosis == "forbidden-route" and "struct" in str(seen) and "ushort" not in str(seen)


def test_the_cases_that_are_wrong_are_counted():
    late = str(verdict("def double(x):\n  y = 2 * x\n  if len(x) > 500: y[500] = 9\n  return y"))
    assert "Wrong in 2 of 8 cases (not in the first 5)" in late and "Smallest: n = 909" in late
    noticed = "def double(x):\n  if len(x) > 500: return 3 * x\n  y = 2 * x\n  x *= 2\n  return y"
    assert "Wrong in 2 of 8 cases" in str(verdict(noticed))


def test_one_case_is_one_case():
    assert "(1 case before it ran)" in str(verdict("def double(x): return 2 * x if len(x) < 2 else 1 / 0"))


def test_a_warning_names_the_answers_line():
    code = "import numpy as np\ndef double(x):\n  y = x.astype('float16') * np.float16(60000)\n  return 1 * y"
    text = str(verdict(code, dataclasses.replace(DOUBLE, widest="float32")))
    assert "line 3: RuntimeWarning: overflow" in text and "watched.py" not in text


def test_numbers_that_differ_look_different():
    assert apart(np.float64(0.00344736123), np.float64(0.00344736098)) == ("0.00344736123", "0.00344736098")
    assert apart(np.float32(1.5), np.float32(2.5)) == ("1.5", "2.5")


TWO = dataclasses.replace(
    DOUBLE,
    rivals=(
        Rival(key="no-sign", sentence="The sign is lost.", oracle=lambda x: abs(2 * x)),
        Rival(key="no-end", sentence="The end is 7.", oracle=lambda x: np.append(2 * x[:-1], 7).astype("float32")),
        Rival(key="other", sentence="Something else.", oracle=lambda x: 2 * x + 1),
    ),
)


def test_of_two_mistakes_at_once_one_is_named_with_its_evidence():
    seen = verdict("def double(x):\n  y = abs(2 * x)\n  y[-1] = 7\n  return y", TWO)
    assert seen.diagnosis == "no-sign" and "may have another cause" in str(seen) and "Case: n = " in str(seen)
    three = "def double(x):\n  y = 2 * x\n  y[::3] = x[::3] ** 2 + 11\n  return y"
    assert verdict(three, TWO).diagnosis == "wrong-values"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("right. then `np. it` is used. **bold** is too.", "Right. Then `np. it` is used. **Bold** is too."),
        (
            "**it** is. **a word** e.g. this ... and np.empty. x is",
            "**It** is. **A word** e.g. this ... and np.empty. x is",
        ),
        ("`a` is wrong? no", "`a` is wrong? No"),
    ],
)
def test_sentences_begin_with_a_capital_and_code_does_not(text, shown):
    assert sentences(text) == shown


def test_an_answer_may_be_a_text() -> None:
    exercise = Function(
        **CARD,
        answer="limit",
        signature="limit(x: float) -> str",
        inputs=lambda rng, x: (x,),
        oracle=lambda x: "memory" if x < 5 else "compute",
        shapes=[dict(x=x) for x in (1, 9)],
    )
    answers = {"'memory' if x < 5 else 'compute'": "", "'memory'": "wrong-choice", "x": "wrong-type"}
    for code, diagnosis in answers.items():
        (verdict,) = judge_source(exercise, f"def limit(x): return {code}", (1,))
        assert verdict.diagnosis == diagnosis, str(verdict)
    (verdict,) = judge_source(exercise, "def limit(x): return 'memory'", (1,))
    assert "**'memory' where 'compute' is wanted**" in str(verdict)
