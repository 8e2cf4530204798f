"""What a chapter's `checks.py` declares: exercises (the answers that test them are in `attempts.py`).

An exercise is data. The judge (`run.py`) knows how to try one; it knows no chapter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from .tolerance import EXACT, Tolerance


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """The part that every kind of exercise shares.

    id: "CC.N", chapter and number, e.g. "01.4".  answer: the name(s) the learner's cell defines.
    dots: difficulty 1 to 3, also the points a grader gives.  size: of the answer, e.g. "6 lines".
    hints: at least two, each more concrete than the one before.
    why: the idea behind the model answer, shown by `reveal`.  follow_up: a question shown after a pass.
    uses: earlier exercises whose answers this one may call. A notebook has them; tests run their model answers first.
    """

    id: str
    title: str
    minutes: int
    dots: int
    size: str = ""
    hints: tuple[str, ...]
    why: str
    follow_up: str = ""
    uses: tuple[str, ...] = ()

    kind: ClassVar[str] = ""  # the module of the judge that tries it

    @property
    def points(self) -> int:
        return self.dots

    @property
    def answers(self) -> tuple[str, ...]:
        """Names that the learner's cell must define."""
        raise NotImplementedError

    def may_be(self, value: Any) -> bool:
        """Whether something in the learner's session may be an answer, under another name."""
        return not isinstance(value, ModuleType)


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A known misconception: an answer that computes `oracle` instead of the right thing.

    When what the learner got agrees with it in every failing case, the verdict says `sentence`.
    """

    key: str
    sentence: str
    oracle: Callable[..., Any]
    hint: int = 0


@dataclass(frozen=True, kw_only=True)
class Forbid:
    """Names the answer must not use, and the reason that is given when it does.

    names: dotted names resolved to objects ("numpy.exp", "torch.softmax"), whole packages
    ("ml_dtypes"), builtins ("float"), syntax ("for", "while"), or attributes on anything (".astype"). With "()" at the
    end only a call counts: "numpy.float16()" forbids converting, not `.view(np.float16)`.
    """

    names: tuple[str, ...]
    because: str


@dataclass(frozen=True, kw_only=True)
class Function(Exercise):
    """An answer in NumPy, torch or plain Python: a callable, tried on fresh inputs against an oracle.

    inputs(rng, **shape) -> tuple of positional arguments; every shape in `shapes` is one case.
    oracle(*args) -> what a right answer returns (an array, a tensor, a scalar, or a tuple of them), computed
        independently and in float64 where it is floating point. It gets private copies.
    dtype: of the returned array ("float16", "uint16", ...; one for each output); "" for scalars and bools.
    outputs: names of parameters written in place (they are poisoned before the call); () if it returns.
    may_change: names of inputs that may be written.
    block: block size(s) to which a mismatch pattern is compared, e.g. (128,).
    expects_nonfinite: the oracle's NaN/Inf are wanted; otherwise an oracle with one is a bug of the check.
    may_return_view: a view of an input is a right answer (a bit cast, say).
    each: the answer takes scalars; it is called once for every element of the array arguments, and its
        results are collected in one array of `dtype`.
    widest: the widest float format that arithmetic on the (NumPy) inputs may produce, "float16" say; "" for any.
    seconds, gigabytes: limits of one whole check.
    """

    kind = "functions"
    answer: str
    signature: str
    inputs: Callable[..., tuple]
    oracle: Callable[..., Any]
    shapes: Sequence[dict[str, Any]]
    dtype: str | tuple[str, ...] = ""
    tolerance: Tolerance = EXACT
    outputs: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    forbid: tuple[Forbid, ...] = ()
    rivals: tuple[Rival, ...] = ()
    block: tuple[int, ...] = ()
    expects_nonfinite: bool = False
    may_return_view: bool = False
    each: bool = False
    widest: str = ""
    seconds: float = 10.0
    gigabytes: float = 2.0

    @property
    def answers(self) -> tuple[str, ...]:
        return (self.answer,)

    def may_be(self, value: Any) -> bool:
        return callable(value)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameter names, read off the signature: "f(x: float32[n, m], k) -> int" has x and k."""
        flat = re.sub(r"\[[^\]]*\]", "", self.signature)
        plain = re.search(r"\(((?:[^()]|\([^()]*\))*)\)", flat)[1]
        plain = re.sub(r"\([^()]*\)", "", plain)
        return tuple(part.split(":")[0].split("=")[0].strip() for part in plain.split(",") if part.strip(" *"))


@dataclass(frozen=True, kw_only=True)
class Calls(Function):
    """An answer on plain values (numbers, nested tuples), called many times in each case.

    inputs(rng, **shape) -> the calls of one case, each a tuple of arguments.
    oracle(*args) -> {part: integers} of one call, in the order in which parts are looked at; or it raises ValueError,
        and so must the answer. The same for the oracles of rivals.
    read(result, *args) -> the same of what the answer returned; raises ValueError, saying what is wrong with it, if it
        is nothing of the kind, or Unfit, which has a diagnosis of its own.
    write: how values are shown, arguments and results.
    inadmissible: why there is no answer where ValueError is wanted.
    """

    kind = "calls"
    read: Callable[..., Mapping[str, Any]]
    write: Callable[[Any], str] = str
    inadmissible: str = ""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a right answer may cost, counted on the emulated GPU.

    quantity: "global load", "global store", "shared load" ... (sectors or wavefronts a request, of every single
        access), "load requests", "store requests", "conflicts", "instructions", "flops", "lanes", "traffic" (bytes
        moved, as a multiple of inputs once plus outputs once), or Nsight Compute's name of a
        counter; see `budgets.QUANTITIES`.
    at_most: the limit, or a function of the shape.  of_ideal: it is a multiple of the fewest that are possible for the
        bytes asked for, so that a 16-byte load, 16 sectors a request, is as good as a 4-byte one with 4.
    where: (**shape) -> whether this case counts; all do without it.
    because: what the learner is told, after the figures.  key: of the diagnosis.
    """

    quantity: str
    at_most: float | Callable[..., float]
    because: str
    of_ideal: bool = False
    where: Callable[..., bool] | None = None
    key: str = "budget"
    hint: int = 0


@dataclass(frozen=True, kw_only=True)
class Kernel(Function):
    """A Triton kernel with its launcher: `answer` is the launcher, a function of torch tensors.

    The launcher may allocate, reshape and launch; arithmetic on tensors outside a kernel is the forbidden route.
    launches: how many kernel launches one call may use.
    programs: how many programs these launches may have together, a function of the arguments; None = not judged.
    share: how many elements one program may store at most, likewise (on the interpreter, which sees it).
    traffic: bytes the kernels may load and store, as a multiple of (inputs once + outputs once); 0 = not judged.
    budgets: what it may cost when compiled and run on the emulated GPU, after it passed on the interpreter.
    """

    kind = "kernels"
    launches: int = 1
    programs: Callable[..., int] | None = None
    share: Callable[..., int] | None = None
    traffic: float = 0.0
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cuda(Function):
    """CUDA C++: `answer` names a string with the source of a kernel, run and counted on the emulated GPU.

    signature: as it is declared, "copy(const float* x, float* y, int n)"; `inputs` are its arguments in this order
        (NumPy arrays and numbers), and `outputs` are among them.
    entry: the kernel, if not the name in the signature: an instance of a template, "copy<4>", say.
    launch(**shape) -> dict(grid=, block=) and, if they are not the usual, dynamic_shared=, entry=.
    launcher: instead, the name of a function in the learner's cell that takes the shape's numbers and returns it.
    accumulates: outputs that hold the value `inputs` gave them when the kernel starts; the others are poison.
    forbid: names that must not occur in the source ("atomicAdd", "__shfl*"), comments and texts aside.
    steps: instructions, one after the other, before a loop counts as endless.
    """

    kind = "cuda"
    launch: Callable[..., Mapping[str, Any]] | None = None
    launcher: str = ""
    entry: str = ""
    accumulates: tuple[str, ...] = ()
    budgets: tuple[Budget, ...] = ()
    steps: int = 50_000

    @property
    def answers(self) -> tuple[str, ...]:
        return (self.answer, self.launcher) if self.launcher else (self.answer,)

    def may_be(self, value: Any) -> bool:
        return isinstance(value, str) or callable(value)

    @property
    def parameters(self) -> tuple[str, ...]:
        inside = self.signature.partition("(")[2].rpartition(")")[0]
        return tuple(re.findall(r"\w+", part)[-1] for part in inside.split(",") if part.strip())

    @property
    def kernel(self) -> str:
        return self.entry or re.findall(r"\w+", self.signature.partition("(")[0])[-1]


@dataclass(frozen=True)
class Misread:
    """A wrong prediction worth an explanation: its value, a key, and the sentence."""

    value: Any
    key: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One predicted number or choice.

    value: the truth, or a function that computes it (preferred: computed, not typed).
    unit: "bits", "bytes", "" ...; choices: the allowed strings when it is a choice.
    rtol: relative tolerance; 0 = exact.  because: why the truth is what it is, shown when wrong.
    """

    name: str
    value: Any
    because: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    rtol: float = 0.0
    misreads: tuple[Misread, ...] = ()

    @property
    def truth(self) -> Any:
        return self.value() if callable(self.value) else self.value


@dataclass(frozen=True, kw_only=True)
class Predict(Exercise):
    """Numbers or choices written down before the code is run; the first submitted values count."""

    quantities: tuple[Quantity, ...]
    dots: int = 1
    minutes: int = 1

    @property
    def answers(self) -> tuple[str, ...]:
        return tuple(q.name for q in self.quantities)


def spread(rng: np.random.Generator, shape: int | tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """Zero-mean, all-distinct values of `shape` and `dtype`, in random order: what inputs should be made of.

    Distinct after rounding to `dtype` as far as the dtype has that many values in [-4, 4].
    Where all of them are added up, add a constant: the sum is 0, of which no error is a small part, and which an answer
    that adds nothing gives as well.
    """
    n = int(np.prod(shape))
    steps = (np.arange(n) + rng.uniform(0.2, 0.8, n)) / max(n, 1) * 8 - 4
    values = rng.permutation(steps - steps.mean() if n > 1 else steps)
    return values.reshape(shape).astype(dtype)


def sizes(block: int = 128) -> tuple[dict[str, int], ...]:
    """The one-dimensional sizes every check tries: 1, around a block, a prime, several blocks."""
    return tuple({"n": n} for n in (1, 2, block - 1, block, block + 1, 7 * block + 13, 1009))
