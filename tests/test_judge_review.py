"""Cases from a review of the judge: wrong answers it let pass, right ones it refused, misleading verdicts."""

import dataclasses
import os
import tempfile
import threading
import time

import numpy as np
import pytest

import utils  # noqa: F401  (sets TRITON_INTERPRET before Triton is imported)
from utils import compile_worker
from utils.judge import EXACT, Forbid, Function, Kernel, Tolerance, judge, judge_source, sizes, spread

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

CARD = dict(id="99.9", title="Review", minutes=1, dots=1, hints=("a", "b"), why="because")
PRELUDE = "import functools, torch\nimport numpy as np\nfrom utils import triton, tl\n"
LINES = sizes(128)
ROWS = [dict(n=1, m=1), dict(n=3, m=5), dict(n=4, m=16), dict(n=5, m=17), dict(n=7, m=33)]


def tensor(rng, *shape, dtype="float32"):
    return torch.from_numpy(spread(rng, shape, dtype))


def exercise(kind, oracle, shapes, inputs=None, **more):
    make = tensor if kind is Kernel else lambda rng, *shape: spread(rng, shape)
    inputs = inputs or (lambda rng, **shape: (make(rng, *shape.values()),))
    more = dict(dtype="float32", tolerance=Tolerance.of("float32", 64), signature="f(x)", seconds=20.0) | more
    return kind(**CARD, answer="f", inputs=inputs, oracle=oracle, shapes=shapes, **more)


TWICE = exercise(Kernel, lambda x: 2 * x.double(), LINES)
TWICE_ROWS = exercise(Kernel, lambda x: 2 * x.double(), ROWS)
ROWMAX = exercise(Kernel, lambda x: x.double().amax(1), ROWS)
POSITIVE = lambda rng, n: (tensor(rng, n) + 0.5,)  # noqa: E731
TOTAL = exercise(Kernel, lambda x: x.double().sum().reshape(1), LINES, POSITIVE, tolerance=Tolerance(1e-5, 100))
SCAN = exercise(Kernel, lambda x: x.double().cumsum(0), LINES, POSITIVE, tolerance=Tolerance(1e-5, 100))
DEMEAN = exercise(Kernel, lambda x: x.double() - x.double().mean(), LINES[2:], POSITIVE)
NUMPY = exercise(Function, lambda x: 2 * x.astype(np.float64), LINES, seconds=2.0, gigabytes=1.0)

KERNEL = """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(y + i, 2 * tl.load(x + i, mask=i < n), mask=i < n)
"""
LAUNCH = """
def f(x):
    n = x.numel()
    y = torch.empty_like(x)
    k[(triton.cdiv(n, 128),)](x, y, n, B=128)
    return y
"""
BY_ROW = """
def f(x):
    n, m = x.shape
    y = torch.empty({shape})
    k[(n,)](x, y, n, m, B=triton.next_power_of_2(m))
    return y
"""
TO_ONE = LAUNCH.replace("empty_like(x)", "zeros(1)")


def statuses(exercise, code, seeds=(1, 2)):
    return {v.status for v in judge_source(exercise, code, seeds, PRELUDE)}


def seen(exercise, code, seed=1):
    return judge_source(exercise, code, (seed,), PRELUDE)[0]


WRONG_KERNELS = {
    "max over lanes without other": (ROWMAX, """
@triton.jit
def k(x, y, n, m, B: tl.constexpr):
    r, c = tl.program_id(0), tl.arange(0, B)
    tl.store(y + r, tl.max(tl.load(x + r * m + c, mask=c < m), 0))
""" + BY_ROW.format(shape="n")),
    "row spills into the next row": (TWICE_ROWS, """
@triton.jit
def k(x, y, n, m, B: tl.constexpr):
    r, c = tl.program_id(0), tl.arange(0, B)
    inside = r * m + c < n * m
    v = tl.load(x + r * m + c, mask=inside, other=0.0)
    tl.store(y + r * m + c, tl.where(c < m, 2 * v, -1.0), mask=inside)
""" + BY_ROW.format(shape="n, m")),
    "sum without atomics": (TOTAL, """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(y, tl.load(y) + tl.sum(tl.load(x + i, mask=i < n, other=0.0)))
""" + TO_ONE),
    "scan that reads its neighbour's result": (SCAN, """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    p = tl.program_id(0)
    i = p * B + tl.arange(0, B)
    before = 0.0
    if p > 0:
        before = tl.load(y + p * B - 1)
    tl.store(y + i, tl.cumsum(tl.load(x + i, mask=i < n, other=0.0), 0) + before, mask=i < n)
""" + LAUNCH),
    "atomics into memory nobody zeroed": (TOTAL, """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.atomic_add(y, tl.sum(tl.load(x + i, mask=i < n, other=0.0)))
""" + TO_ONE.replace("zeros", "empty")),
    "a NumPy result": (TWICE, KERNEL.replace("2 *", "0 *") + LAUNCH.replace("return y", "return 2 * x.numpy()")),
    "computed with NumPy, copied by the kernel": (
        TWICE, KERNEL.replace("2 *", "") + LAUNCH.replace("(x, y,", "(torch.from_numpy(2 * x.numpy()), y,")),
    "mean on the host": (DEMEAN, KERNEL.replace("(x, y, n,", "(x, y, mean, n,").replace(
        "2 * tl.load(x + i, mask=i < n)", "tl.load(x + i, mask=i < n) - mean")
        + LAUNCH.replace("(x, y, n,", "(x, y, sum(x.tolist()) / n, n,")),
    "-1 never written": (
        exercise(Kernel, lambda x: torch.where(x > 50, x, -1), LINES,
                 lambda rng, n: (torch.from_numpy(rng.integers(0, 100, n).astype("int32")),), dtype="int32",
                 tolerance=EXACT),
        KERNEL.replace("mask=i < n)", "mask=i < n, other=0)", 1).replace("2 * tl.load", "tl.load").replace(
            "mask=i < n)", "mask=(i < n) & (tl.load(x + i, mask=i < n, other=0) > 50))") + LAUNCH),
    "bool never written": (
        exercise(Kernel, lambda x: x > 0, LINES, dtype="bool", tolerance=EXACT), """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i, mask=i < n, other=1.0)
    tl.store(y + i, v > 0, mask=(i < n) & (v <= 0))
""" + LAUNCH.replace("empty_like(x)", "empty_like(x, dtype=torch.bool)")),
    "remembers results by size": (TWICE, "cache = {}\n" + KERNEL + LAUNCH.replace("def f(x)", "def g(x)") + """
def f(x):
    if len(x) not in cache:
        cache[len(x)] = g(x)
    return cache[len(x)]
"""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_KERNELS)
def test_wrong_kernels_fail(name):
    assert statuses(*WRONG_KERNELS[name]) == {"failed"}


POINTERS = """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    p = tl.program_id(0)
    a, b = {}
    {}
"""
BLOCK = "tl.make_block_ptr({0}, (n,), (1,), (p * B,), (B,), (0,))"
DESCRIPTOR = "tl.make_tensor_descriptor({0}, [n], [1], [B])"
AUTOTUNED = "@triton.autotune(configs=[{}], key=['n'])" + KERNEL
TUNE = LAUNCH.replace("[(triton.cdiv(n, 128),)]", "[lambda meta: (triton.cdiv(n, meta['B']),)]").replace(", B=128", "")
HISTOGRAM = exercise(
    Kernel, lambda x, bins: torch.bincount(x, minlength=bins), LINES,
    lambda rng, n: (torch.from_numpy(rng.integers(0, 16, n).astype("int32")), 32), signature="f(x, bins)",
    dtype="int32", tolerance=EXACT)  # fmt: skip
CAST = """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(y + i, tl.load(x + i, mask=i < n).to(tl.{}), mask=i < n)
"""


def cast(name, triton_name):
    kind = getattr(torch, name)
    given = exercise(Kernel, lambda x: x.to(kind).double(), [dict(n=1000)], dtype=name, tolerance=EXACT)
    return given, CAST.format(triton_name) + LAUNCH.replace("empty_like(x)", f"empty_like(x, dtype=torch.{name})")


def strided_out(rng, n, m):
    out = torch.empty(n, m + 3)[:, :m]
    return tensor(rng, n, m), out, out.stride(0)


RIGHT_KERNELS = {
    "block pointers": (TWICE, POINTERS.format(f"{BLOCK.format('x')}, {BLOCK.format('y')}",
        "tl.store(b, 2 * tl.load(a, boundary_check=(0,)), boundary_check=(0,))") + LAUNCH),
    "tensor descriptors": (TWICE, POINTERS.format(f"{DESCRIPTOR.format('x')}, {DESCRIPTOR.format('y')}",
        "b.store([p * B], 2 * a.load([p * B]))") + LAUNCH),
    "tuple of tensors": (TWICE, KERNEL.replace("(x, y, n,", "(both, n,").replace("(x +", "(both[0] +").replace(
        "(y +", "(both[1] +") + LAUNCH.replace("(x, y, n,", "((x, y), n,")),
    "padded scratch, cut and made contiguous": (
        TWICE_ROWS,
        """
@triton.jit
def k(x, y, n, m, B: tl.constexpr):
    r, c = tl.program_id(0), tl.arange(0, B)
    tl.store(y + r * 64 + c, 2 * tl.load(x + r * m + c, mask=c < m, other=0.0))
"""
        + BY_ROW.format(shape="n, 64").replace("triton.next_power_of_2(m)", "64").replace(
            "return y", "return y[:, :m].contiguous()"
        ),
    ),
    "one autotune config": (TWICE, AUTOTUNED.format("triton.Config({'B': 128})") + TUNE),
    "two autotune configs": (TWICE, AUTOTUNED.format("triton.Config({'B': 64}), triton.Config({'B': 128})") + TUNE),
    "heuristics": (TWICE, "@triton.heuristics({'B': lambda given: 128})" + KERNEL + TUNE),
    "histogram with empty bins": (HISTOGRAM, """
@triton.jit
def k(x, y, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.atomic_add(y + tl.load(x + i, mask=i < n, other=0), 1, mask=i < n)

def f(x, bins):
    y = torch.zeros(bins, dtype=torch.int32)
    k[(triton.cdiv(len(x), 128),)](x, y, len(x), B=128)
    return y
"""),
    "lower triangle on zeros": (
        exercise(Kernel, lambda x: x.double().tril(), [dict(n=5, m=5), dict(n=16, m=16)]), """
@triton.jit
def k(x, y, n, m, B: tl.constexpr):
    r, c = tl.program_id(0), tl.arange(0, B)
    tl.store(y + r * m + c, tl.load(x + r * m + c, mask=c <= r), mask=c <= r)
""" + BY_ROW.format(shape="n, m").replace("empty", "zeros")),
    "strided output": (
        exercise(Kernel, lambda x, out, so: 2 * x.double(), ROWS, strided_out, signature="f(x, out, so)",
                 outputs=("out",)), """
@triton.jit
def k(x, y, s, m, B: tl.constexpr):
    r, c = tl.program_id(0), tl.arange(0, B)
    tl.store(y + r * s + c, 2 * tl.load(x + r * m + c, mask=c < m), mask=c < m)

def f(x, out, so):
    k[(x.shape[0],)](x, out, so, x.shape[1], B=64)
"""),
    "empty input": (exercise(Kernel, lambda x: 2 * x.double(), [dict(n=0), dict(n=5)]),
                    KERNEL + LAUNCH.replace("    k[", "    if n: k[")),
    "cast to bf16": cast("bfloat16", "bfloat16"),
    "cast to e4m3": cast("float8_e4m3fn", "float8e4nv"),
    "cast to e5m2": cast("float8_e5m2", "float8e5"),
    "cast to fp16": cast("float16", "float16"),
    "last program to arrive": (TOTAL, """
@triton.jit
def k(x, part, count, y, n, G, B: tl.constexpr):
    p, j = tl.program_id(0), tl.arange(0, 16)
    i = p * B + tl.arange(0, B)
    tl.store(part + p, tl.sum(tl.load(x + i, mask=i < n, other=0.0)))
    if tl.atomic_add(count, 1) == G - 1:
        tl.store(y, tl.sum(tl.load(part + j, mask=j < G, other=0.0)))

def f(x):
    n, G, y = len(x), triton.cdiv(len(x), 128), torch.empty(1)
    k[(G,)](x, torch.empty(G), torch.zeros(1, dtype=torch.int32), y, n, G, B=128)
    return y
"""),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT_KERNELS)
def test_right_kernels_pass(name):
    verdict = seen(*RIGHT_KERNELS[name])
    assert verdict.status == "passed", str(verdict)


RIGHT_FUNCTIONS = {
    "empty_like(x, dtype)": "def f(x):\n  y = np.empty_like(x.astype(float), np.float32)\n  y[:] = 2 * x\n  return y",
    "empty_like(shape=)": "def f(x):\n  y = np.empty_like(x, shape=(1, len(x)))\n  y[0] = 2 * x\n  return y[0]",
    "empty_like(prototype=)": "def f(x):\n  y = np.empty_like(prototype=x)\n  y[:] = 2 * x\n  return y",
    "partial": "f = functools.partial(np.multiply, np.float32(2))",
    "callable object": "class Twice:\n  def __call__(self, x): return 2 * x\nf = Twice()",
    "strided result": "def f(x): return np.repeat(2 * x, 2)[::2]",
    "torch": "def f(x): return 2 * torch.from_numpy(x)",
    "threads": "from concurrent.futures import ThreadPoolExecutor\ndef f(x):\n  with ThreadPoolExecutor(4) as pool:\n"
    "    return np.concatenate(list(pool.map(lambda part: 2 * part, np.array_split(x, 4))))",
    "strict NumPy": "np.seterr(all='raise')\nimport warnings; warnings.simplefilter('error')\ndef f(x): return 2 * x",
}


@pytest.mark.parametrize("name", RIGHT_FUNCTIONS)
def test_right_functions_pass(name):
    verdict = seen(NUMPY, RIGHT_FUNCTIONS[name])
    assert verdict.status == "passed", str(verdict)


FREE = dataclasses.replace(NUMPY, dtype="")
COUNT = exercise(Function, lambda n: 1, [dict(n=1)], lambda rng, n: (n,), dtype="", tolerance=EXACT)
EACH = exercise(Function, lambda x: np.floor(x).astype("uint32"), [dict(n=50)], lambda rng, n: (spread(rng, n) + 5,),
                dtype="uint32", each=True, tolerance=EXACT)  # fmt: skip
LONG = dataclasses.replace(EACH, oracle=lambda x: np.floor(x).astype("int64"), dtype="int64")
SAME = exercise(Function, lambda x: x.clone(), LINES, lambda rng, n: (tensor(rng, n),))
WRONG_FUNCTIONS = {
    "complex": (FREE, "def f(x): return 2 * x + 1j * x"),
    "strings": (FREE, "def f(x): return (2 * x).astype(str)"),
    "masked": (NUMPY, "def f(x): return np.ma.masked_array(2 * x, mask=True)"),
    "True for 1": (COUNT, "def f(n): return True"),
    "each: a float where an integer is wanted": (EACH, "def f(v): return v"),
    "each: a string": (EACH, "def f(v): return str(int(v))"),
    "a NumPy view of a tensor": (SAME, "def f(x): return x.numpy()"),
}


@pytest.mark.parametrize("name", WRONG_FUNCTIONS)
def test_wrong_functions_fail(name):
    assert statuses(*WRONG_FUNCTIONS[name]) == {"failed"}


def test_a_numpy_integer_is_a_number_like_any_other():
    """`np.int64(1) in range(2**63)` walks through the range."""
    assert statuses(LONG, "def f(v): return np.int64(v // 1)") == {"passed"}


DECORATOR = "def d(g):\n  def inner(x): return np.multiply(2, x)\n"


@pytest.mark.parametrize(
    ("name", "code", "caught"),
    [
        ("sum", "def f(x):\n  sum = 2 * x\n  return sum", False),
        ("max", "def f(max): return 2 * max", False),
        ("numpy.multiply", "f = functools.partial(np.multiply, np.float32(2))", True),
        ("numpy.multiply", "class T:\n  def __call__(self, x): return np.multiply(2, x)\nf = T()", True),
        ("numpy.multiply", "class T:\n  def g(self, x): return np.multiply(2, x)\nf = T().g", True),
        ("numpy.multiply", "def make(m):\n  def g(x): return m(2, x)\n  return g\nf = make(np.multiply)", True),
        ("numpy.multiply", "class H:\n  g = staticmethod(lambda x: np.multiply(2, x))\ndef f(x): return H.g(x)", True),
        ("numpy.multiply", "f = np.vectorize(lambda v: np.multiply(np.float32(2), v))", True),
        ("numpy.multiply", "h = functools.partial(np.multiply, np.float32(2))\ndef f(x): return h(x)", True),
        ("numpy.multiply", "def f(x, m=np.multiply): return m(2, x)", True),
        ("numpy.multiply", "def f(x):\n  import numpy as other\n  return other.multiply(2, x)", True),
        (
            "numpy.multiply",
            "class H:\n  def __init__(self, m): self.m = m\n  def g(self, x): return self.m(2, x)\n"
            "h = H(np.multiply)\ndef f(x): return h.g(x)",
            True,
        ),
        ("numpy.multiply", f"{DECORATOR}  return inner\n@d\ndef f(x): return x", True),
        ("numpy.multiply", f"{DECORATOR}  return functools.wraps(g)(inner)\n@d\ndef f(x): return x", True),
        ("numpy.multiply", "def d(g): return lambda x: 2 * g(x)\n@d\ndef f(x): return np.multiply(1, x)", True),
        ("numpy.multiply", "@torch.no_grad()\ndef f(x): return np.multiply(2, x)", True),
        (
            "numpy.multiply",
            "class Any:\n  def __getattr__(self, name): return self\n"
            "  def __call__(self, x): return 2 * x\nany = Any()\ndef f(x): return any.thing(x)",
            False,
        ),
        (
            "numpy.multiply()",
            "def make(t):\n  def g(x): return (2 * x, t)[0]\n  return g\nf = make(np.multiply)",
            False,
        ),
        ("numpy.multiply()", "f = functools.partial(np.multiply, np.float32(2))", True),
        ("sum", "def f(x):\n  def g(sum): return 2 * sum\n  return g(x) + 0 * sum([1])", True),
        ("sum", "def f(x): return np.array([2 * sum for sum in x], 'float32')", False),
    ],
)
def test_forbidden(name, code, caught):
    rules = dataclasses.replace(NUMPY, signature="f(x)", forbid=(Forbid(names=(name,), because="Not here."),))
    verdict = seen(rules, code)
    assert verdict.diagnosis == ("forbidden-route" if caught else ""), str(verdict)


FRIENDLY = {
    "KeyboardInterrupt": "def f(x): raise KeyboardInterrupt",
    "KeyboardInterrupt in the cell": "raise KeyboardInterrupt",
    "BaseException in the cell": "class E(BaseException): pass\nraise E",
    "an exception that cannot be printed": "class E(Exception):\n  def __str__(self): 1 / 0\ndef f(x): raise E",
    "sparse": "def f(x): return torch.from_numpy(2 * x).to_sparse()",
    "meta": "def f(x): return torch.empty(len(x), device='meta')",
    "datetime": "def f(x): return np.zeros(len(x), 'M8[s]')",
    "huge message": "def f(x): raise ValueError('y' * 10**7)",
    "closes files": "import os\ndef f(x): os.closerange(3, 100); return 2 * x",
    "stops itself": "import os\ndef f(x): os.kill(os.getpid(), 19)",
}


@pytest.mark.parametrize("name", FRIENDLY)
def test_no_answer_makes_the_judge_raise(name):
    assert seen(NUMPY, FRIENDLY[name]).status in ("failed", "error")


def test_wrong_answer_of_an_exercise_without_arguments():
    three = exercise(Function, lambda: 3, [{"n": 1}], lambda rng, n: (), signature="f()", dtype="", tolerance=EXACT)
    assert seen(three, "def f(): return 4").status == "failed"


def test_torch_out_of_memory_is_memory():
    assert seen(NUMPY, "def f(x): return torch.ones(10**10)").diagnosis == "memory"


def test_surrogates_in_a_message_can_be_shown():
    text = str(seen(NUMPY, "def f(x): raise ValueError('\\ud800')"))
    text.encode()


def test_more_than_1024_open_files():
    import resource

    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1300:
        pytest.skip("few files allowed")
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert judge(NUMPY, {"f": lambda x: 2 * x}).status == "passed"
    finally:
        for fd in held:
            os.close(fd)


def test_no_folder_is_left_behind(tmp_path, monkeypatch):
    """In a place of its own: other tests, at the same time, make folders in /tmp."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = tmp_path.stat().st_mtime_ns
    seen(NUMPY, "def f(x): return 2 * x")
    assert tmp_path.stat().st_mtime_ns > made  # one was made
    assert not list(tmp_path.iterdir())


def test_no_file_or_child_is_left_behind():
    compile_worker.stop()  # which is kept on purpose
    before = len(os.listdir("/proc/self/fd"))
    for seed in range(8):
        assert judge(NUMPY, {"f": lambda x: 2 * x}, seed).status == "passed"
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("seconds", [0.5, 1.0])
def test_the_limit_is_kept(seconds):
    start = time.monotonic()
    seen = judge(dataclasses.replace(NUMPY, seconds=seconds), {"f": lambda x: time.sleep(9)})
    assert seen.diagnosis == "timeout" and time.monotonic() - start < seconds + 0.5


def test_locks_held_by_other_threads_do_not_reach_the_child():
    import logging

    handler, stop = logging.StreamHandler(open(os.devnull, "w")), threading.Event()
    logger = logging.getLogger("review")
    logger.addHandler(handler)

    def hold():
        while not stop.is_set():
            with handler.lock:
                time.sleep(0.01)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        for _ in range(5):
            assert judge(NUMPY, {"f": lambda x: (logger.warning("x"), 2 * x)[1]}).status == "passed"
    finally:
        stop.set()
        thread.join()


SUMS = exercise(Function, lambda x: x.astype("f8").sum(1), ROWS, lambda rng, n, m: (spread(rng, (n, m)) + 0.3,),
                tolerance=Tolerance(1e-5, 50))  # fmt: skip
TOTALS = exercise(Function, lambda x: x.astype("f8").sum(), LINES, lambda rng, n: (spread(rng, n) + 0.3,), dtype="",
                  tolerance=Tolerance(1e-5))  # fmt: skip
ORDER = exercise(Function, lambda x: np.argsort(x).astype("i4"), LINES,
                 lambda rng, n: (rng.permutation(n).astype("i4"),), dtype="int32", tolerance=EXACT)  # fmt: skip
TAIL = dataclasses.replace(NUMPY, block=(128,))
NOT_THIS = {
    "last column not summed": (SUMS, "def f(x): return x[:, :-1].sum(1)", "low-precision"),
    "last element not summed": (TOTALS, "def f(x): return float(x[:-1].sum(dtype='f8'))", "permuted"),
    "floor": (NUMPY, "def f(x): return np.floor(2 * x)", "low-precision"),
    "-1 everywhere": (ORDER, "def f(x): return np.full_like(x, -1)", "never-written"),
    "atomics into memory nobody zeroed": (*WRONG_KERNELS["atomics into memory nobody zeroed"], "never-written"),
}


@pytest.mark.parametrize("name", NOT_THIS)
def test_misleading_diagnoses(name):
    exercise, code, misleading = NOT_THIS[name]
    seeds = range(4 if isinstance(exercise, Kernel) else 20)  # a try on the interpreter takes a tenth of a second
    assert misleading not in {v.diagnosis for v in judge_source(exercise, code, seeds, PRELUDE)}


MATRIX = exercise(Function, lambda x: 2 * x.astype("f8"), ROWS, lambda rng, n, m: (spread(rng, (n, m)),))
BYTES = exercise(Function, lambda x: 3 * x, LINES, lambda rng, n: (rng.permutation(n).astype("uint8"),), dtype="uint8",
                 tolerance=EXACT)  # fmt: skip
HALVES = exercise(Function, lambda x: x.astype("f2").astype("f8"), LINES, dtype="float16", tolerance=EXACT)
IN_PLACE = "def f(x):\n  y = 2 * x\n  {}\n  return y"
THIS = {
    "plus one": (NUMPY, "def f(x): return 2 * x + 1", "offset"),
    "plus the length": (NUMPY, "def f(x): return 2 * x + len(x)", "offset"),
    "indices from 1": (ORDER, "def f(x): return (np.argsort(x) + 1).astype('i4')", "offset"),
    "one less, wrapping around": (BYTES, "def f(x): return 3 * x - 1", "offset"),
    "a single number, plus one": (TOTALS, "def f(x): return float(x.sum(dtype='f8')) + 1", "offset"),
    "a single number, in float16": (TOTALS, "def f(x): return float(x.astype('f2').sum())", "low-precision"),
    "sums in float16": (SUMS, "def f(x): return x.astype('f2').sum(1).astype('f4')", "low-precision"),
    "sums of the wrong rows": (SUMS, "def f(x): return x.sum(1)[::-1].copy()", "permuted"),
    "rounded upwards, oracle in float64": (
        HALVES, "def f(x):\n  y = x.astype('f2')\n  return np.where(y < x, np.nextafter(y, np.float16(9)), y)",
        "rounding"),
    "last column": (MATRIX, IN_PLACE.format("y[:, -1] = 0"), "columns"),
    "first column": (MATRIX, IN_PLACE.format("y[:, 0] = 7"), "columns"),
    "last row": (MATRIX, IN_PLACE.format("y[-1] = 0"), "rows"),
    "one element": (MATRIX, IN_PLACE.format("y[0, 0] = 0.5"), "wrong-values"),
    "a tail of zeros": (TAIL, IN_PLACE.format("y[len(x) // 128 * 128:] = 0"), "tail"),
}  # fmt: skip


@pytest.mark.parametrize("name", THIS)
def test_patterns(name):
    exercise, code, diagnosis = THIS[name]
    assert {v.diagnosis for v in judge_source(exercise, code, range(10), PRELUDE)} == {diagnosis}


def test_spread_has_other_values_under_every_seed():
    a, b = (np.sort(spread(np.random.default_rng(seed), 100)) for seed in (1, 2))
    assert (a != b).any()
