# %% [markdown]
# # 01 Number formats
#
# A weight of 1.0 receives a thousand updates of 0.001 and is still 1.0. A softmax row comes back as NaN because one
# logit is 12. A NaN, rounded with an integer trick from a textbook, comes back as an ordinary number and nobody ever
# hears of it again. Each of these is sixteen bits doing exactly what they promise, and you will produce all three.
#
# Interviewers like formats because one question separates those who have read "FP16 is faster" from those who have
# debugged it: 7 of 181 recorded interviews ask for the layouts themselves, 15 for scales and zero-points (the integer
# that stands for 0), 13 for W4A16 (4-bit weights, 16-bit activations) against INT8 and FP8 (counted in the public
# collection caomaolufei/AIInfraGuide, `docs/interview`, commit 604ab61).

# %% [markdown]
# **After this chapter (about 4 hours, best in two sittings: sections 1-6, then 7-12) you can**
#
# - read and write any bit pattern of FP32, TF32, FP16, BF16, FP8 and FP4, edges included;
# - round FP32 to BF16 with integer instructions, three ways, and say what each does to a NaN;
# - say where FP16 overflows, where BF16 blurs, where a sum stalls, and mend all three;
# - turn int4 into FP16 with one OR and one subtract, and prove why BF16 needs more shifts;
# - quantize to FP8 and MXFP4, and defend a format for weights, gradients, optimizer state and the KV cache.
#
# Predictions come before the code that answers them. Your first answer is the one that is graded; being wrong here, and
# seeing why, is what makes it stick.

# %% tags=["setup"]
import sys
from pathlib import Path

home = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "study").is_file()), None)
assert home, "Open this notebook with ./study lab, or from a folder inside the course."
sys.path.insert(0, str(home))

import ml_dtypes
import numpy as np
import torch

from utils import check, draw, hint, progress, ready, recorded, reset, reveal, tl, triton
from utils import pyplot as plt
from utils.machine import gpu, triton_backend

bfloat16, e4m3, e5m2 = ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
device = "cuda" if gpu() else "cpu"

# %% [markdown]
# ## 1 One word, three fields
#
# A float is scientific notation in base 2, packed into a word. The **sign** takes one bit. The **exponent** picks the
# stretch from 2ᵏ to 2ᵏ⁺¹, called an *octave* here. The **fraction** says how far into the octave you are. Exponent bits
# buy range, fraction bits buy resolution, and every format is another cut of the same word:

# %%
draw.bits("Fields of each format, in bits", [
    draw.layout("FP32", 1, 8, 23),
    draw.layout("TF32", 1, 8, 10, "tensor-core input, kept in 32 bits"),
    draw.layout("BF16", 1, 8, 7, "the upper half of FP32"),
    draw.layout("FP16", 1, 5, 10),
    draw.layout("FP8 E5M2", 1, 5, 2, "the upper half of FP16"),
    draw.layout("FP8 E4M3", 1, 4, 3),
    draw.layout("FP4 E2M1", 1, 2, 1, "for blocks of numbers: section 10"),
    draw.layout("E8M0", 0, 8, 0, "a power of two, nothing else: section 10"),
])  # fmt: skip

# %% [markdown]
# INT8 and INT4 have no fields: they are plain integers, and all their range comes from a scale kept elsewhere (section 9).
#
# Take a float with one sign bit s, `E` exponent bits and `M` fraction bits. Read as unsigned integers, its exponent
# field is e and its fraction field is f. Then
#
# $$\text{value} = (-1)^{s} \times 2^{\,e - \text{bias}} \times \left(1 + f/2^{M}\right), \qquad \text{bias} = 2^{E-1} - 1$$
#
# The 1 before the point is not stored: it is always there. Take FP16's `0x4500`:

# %%
draw.bits("0x4500 read as FP16", [
    draw.pattern("0x4500", 0x4500, 5, 10,
                 "e = 17, 17 − 15 = 2;  f = 256, 1 + 256/1024 = 1.25;  1.25 × 2² = 5"),
])  # fmt: skip

# %% [markdown]
# {{card 01.1}}
# The pattern `0xC500` is read once as FP16 and once as BF16. Which two numbers come out?
# Do it on paper; nothing in a tensor's bytes says which format was meant.

# %% tags=["exercise"]
# Predict 01.1
as_fp16 = -5.0
as_bf16 = -2048.0

# %% tags=["check"]
check("01.1")

# %%
word = np.array([0xC500], np.uint16)
print("as FP16:", word.view(np.float16)[0], "  as BF16:", word.view(bfloat16)[0])
draw.bits("One word, two cuts", [
    draw.pattern("FP16", 0xC500, 5, 10),
    draw.pattern("BF16", 0xC500, 8, 7),
])  # fmt: skip

# %% [markdown]
# Two exponent fields are special. **All ones**: Inf if the fraction is 0, NaN otherwise. **All zeros**: a *subnormal*,
# without the hidden 1 and with exponent 1 − bias, so that the ruler walks down to 0 in equal steps.
#
# Below, a toy format with 3 exponent and 2 fraction bits. Without subnormals there is a hole around 0, and two different
# numbers could have the difference 0: here 0.3125 − 0.25 = 0.0625 lies in the hole.

# %%
f = np.arange(4) / 4
normal = np.concatenate([(1 + f) * 2.0 ** (e - 3) for e in range(1, 5)])
subnormal = f * 2.0 ** (1 - 3)
fig, ax = plt.subplots(figsize=(7.5, 1.9))
both = np.append(normal, subnormal)
ax.eventplot([normal, both], lineoffsets=[0, 1], linelengths=0.6, colors=["C0", "C1"])
ax.set_yticks([0, 1], ["without", "with subnormals"])
ax.set_xlim(-0.02, 2)
ax.set_title("positive values below 2 of a toy float, 3 exponent and 2 fraction bits", fontsize=10)
ax.grid(False)

# %% [markdown]
# {{card 01.2}}
# `decode(bits, E, M)`: one bit pattern (a Python int) of a format with `E` exponent and `M` fraction bits under the rules
# above; returns the number as a Python float. Keep the sign of zero; any NaN will do.
#
# `decode(0x4500, 5, 10)` is 5.0, `decode(0x0001, 5, 10)` is 2⁻²⁴, `decode(0xFF80, 8, 7)` is −Inf.
# Tried are every pattern of FP16, BF16, E5M2 and an IEEE-style E4M3 (section 2 has the real one), and many of FP32.
# Write it in NumPy or plain Python. Off limits: `.view`, `struct` and libraries that decode for you.

# %% tags=["exercise"]
# Exercise 01.2
def decode(bits, E, M):
    """The number that `bits` stands for in an IEEE-style float of 1 + E + M bits."""
    ### BEGIN SOLUTION
    sign = -1.0 if (bits >> (E + M)) & 1 else 1.0
    exponent = (bits >> M) & (2**E - 1)
    fraction = bits & (2**M - 1)
    bias = 2 ** (E - 1) - 1
    if exponent == 2**E - 1:
        return sign * float("inf") if fraction == 0 else float("nan")
    if exponent == 0:
        return sign * (fraction / 2**M) * 2.0 ** (1 - bias)
    return sign * (1 + fraction / 2**M) * 2.0 ** (exponent - bias)
    ### END SOLUTION

# %% tags=["check"]
check("01.2")

# %% [markdown]
# **Why the bias?** Because of it the patterns of positive floats, compared as *integers*, are in numeric order: the
# next float up is the next integer. A radix sort of floats, a top-k on bits and the rounding in section 4 all live on that.

# %%
if ready("01.2"):
    values = [decode(code, 5, 10) for code in range(0x7C01)]  # +0 up to +Inf
    assert values == sorted(set(values))
    print("patterns 0x0000 to 0x7C00 of FP16 are in order, from", values[0], "to", values[-1])
    print("largest finite:", values[-2], "  smallest:", values[1])
    print("smallest normal:", decode(0x0400, 5, 10))

# %% [markdown]
# ## 2 Eight bits: what E4M3 gave up
#
# FP8 has 256 patterns. IEEE's rule spends the whole top exponent on Inf and NaN: with 3 fraction bits that is 16 of the
# 256. **E5M2** keeps the rule: it is FP16 with the lower byte cut off. **E4M3** does not: its top exponent is one more
# ordinary octave, and only its last fraction, S.1111.111, is NaN (arXiv 2209.05433; OCP 8-bit floating point
# specification). The paper's advice: E4M3 for weights and activations, E5M2 for gradients.

# %% [markdown]
# {{card 01.3}}
# E4M3 has bias 7. What is its largest finite number, and how many of its 256 patterns are infinities?

# %% tags=["exercise"]
# Predict 01.3
largest = 448.0
infinities = 0

# %% tags=["check"]
check("01.3")

# %% [markdown]
# {{card 01.4}}
# `decode_e4m3(bits)`: one byte (a Python int, 0 to 255) as E4M3; returns a Python float. Bias 7, subnormals as in IEEE,
# NaN for 0x7F and 0xFF alone. Keep the sign of zero.
#
# `decode_e4m3(0x38)` is 1.0, `decode_e4m3(0xC5)` is −3.25, `decode_e4m3(0x01)` is 2⁻⁹.
# NumPy or plain Python. Off limits: `.view`, `struct` and libraries that decode for you.

# %% tags=["exercise"]
# Exercise 01.4
def decode_e4m3(bits):
    """The number that a byte stands for in FP8 E4M3 (OCP: no Inf)."""
    ### BEGIN SOLUTION
    sign = -1.0 if bits & 0x80 else 1.0
    exponent, fraction = (bits >> 3) & 15, bits & 7
    if (bits & 0x7F) == 0x7F:
        return float("nan")
    if exponent == 0:
        return sign * fraction / 8 * 2.0**-6
    return sign * (1 + fraction / 8) * 2.0 ** (exponent - 7)
    ### END SOLUTION

# %% tags=["check"]
check("01.4")

# %% [markdown]
# **Folklore: "E4M3 has infinity."** Then where does 1000 go? That is up to the converter. ml_dtypes makes NaN of
# everything that would round past 448. So did PyTorch 2.11 on the CPU; PyTorch 2.13 clamps to 448 (both tried for this
# course). A kernel that cares clamps *before* it casts.

# %%
big = [448.0, 464.0, 465.0, 1000.0]
with np.errstate(invalid="ignore"):
    print("value            ", big)
    print("ml_dtypes  E4M3  ", np.array(big, np.float32).astype(e4m3).astype(float).tolist())
    print("PyTorch    E4M3  ", torch.tensor(big).to(torch.float8_e4m3fn).float().tolist(),
          f"({torch.__version__})")
    past_the_end = np.array(62000, np.float32).astype(e5m2)
    print("ml_dtypes  E5M2  ", past_the_end, "for 62000; its largest is 57344")
assert np.isnan(np.array(465.0, np.float32).astype(e4m3).astype(float))

# %% [markdown]
# **A second trap: "E4M3" is not one format.** AMD's MI300 uses the FNUZ variant (bias 8, largest 240, one NaN at 0x80):
# all but the NaN codes are worth half as much. Weights must be converted, or the scale doubled. All formats, computed:

# %%
names = ["float32", "bfloat16", "float16", "float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz",
         "float4_e2m1fn"]  # fmt: skip
print(f"{'format':16}{'largest':>11}{'min normal':>12}{'smallest':>10}{'gap at 1':>10}{'octaves':>9}")
for name in names:
    info = ml_dtypes.finfo(name)
    top, low, tiny = float(info.max), float(info.smallest_normal), float(info.smallest_subnormal)
    octaves = np.log2(top / low)
    print(f"{name:16}{top:11.5g}{low:12.3g}{tiny:10.3g}{float(info.eps):10.3g}{octaves:9.1f}")

code = np.arange(256, dtype=np.uint8)
ocp, fnuz = (code.view(kind).astype(float) for kind in (e4m3, ml_dtypes.float8_e4m3fnuz))
numbers = np.isfinite(ocp) & np.isfinite(fnuz)
assert numbers.sum() == 253 and (ocp[numbers] == 2 * fnuz[numbers]).all()  # not 0x7F, 0x80, 0xFF

# %% [markdown]
# ## 3 The gaps
#
# Between two powers of two a format has the same number of values, whatever the octave: 1024 in FP16, 128 in BF16, 8 in
# E4M3. So the gap between neighbors (the *ulp*, unit in the last place) doubles with each octave. The picture shows the
# gap at x. FP16, E5M2 and E4M3 begin and end inside it; FP32 and BF16 go on beyond both edges.

# %%
# name, fraction bits, powers of two: the smallest normal number, the first too large, where the line begins
formats = [("FP32", 23, -126, 128, -60), ("BF16", 7, -126, 128, -60), ("FP16", 10, -14, 16, -24),
           ("E5M2", 2, -14, 16, -16), ("E4M3", 3, -6, 9, -9)]  # fmt: skip
fig, ax = plt.subplots()
for name, M, normal, end, begin in formats:
    octaves = np.arange(begin, end)  # one step for each octave; subnormals keep the lowest octave's gap
    gaps = 2.0 ** (np.maximum(octaves, normal) - M)
    ax.stairs(gaps, 2.0 ** np.arange(begin, end + 1), baseline=None, linewidth=1.5, label=name)
ax.set(xscale="log", yscale="log", xlim=(1e-9, 1e9), ylim=(1e-17, 1e8))
ax.set(xlabel="x", ylabel="gap between neighbors at x")
ax.legend(loc="lower right", ncols=5)
ax.axhline(1, color="0.5", linewidth=1, linestyle=":")
_ = ax.text(2e-9, 1.6, "gap 1: above this line integers are lost", fontsize=9)

# %% [markdown]
# {{card 01.5}}
# Which is the first positive integer that FP16 cannot hold? Which for BF16?

# %% tags=["exercise"]
# Predict 01.5
lost_by_fp16 = 2049
lost_by_bf16 = 257

# %% tags=["check"]
check("01.5")

# %% [markdown]
# This is not a curiosity. Token positions are integers, and rotary embeddings (which turn a query and a key by an angle
# proportional to their position) were once computed in the model's dtype: in BF16, positions beyond the one you just
# named share their angle with a neighbor. It was found in Llama and Gemma in 2024 (Hugging Face transformers, pull
# request 29285); the remedy is to compute them in float32.

# %%
positions = np.arange(4096, dtype=np.float32)
for kind in (np.float16, bfloat16):
    different = len(np.unique(positions.astype(kind)))
    print(f"{np.dtype(kind).name:9} 4096 positions become {different:4} different ones")

x = np.random.default_rng(0).uniform(1, 2, 100_000).astype(np.float32)
kinds = (bfloat16, np.float16)
bf16, fp16 = (np.abs(x.astype(kind).astype(np.float32) - x).mean() for kind in kinds)
print(f"mean rounding error on [1, 2): BF16 is {bf16 / fp16:.2f} times FP16's")
assert 7.8 < bf16 / fp16 < 8.2

# %% [markdown]
# So **"BF16 is just FP16 with more range"** is false: it pays with three fraction bits, a ruler 8 times coarser.
#
# Now the other direction. To encode a number, count it in gaps, round the count to a whole number, and read the pattern
# off. If rounding carries out of the fraction, the integer order of section 1 does the rest: the carry walks into the
# exponent and lands on the right number.

# %%
draw.bits("One gap further: the carry walks into the exponent", [
    draw.pattern("1.99902", 0x3FFF, 5, 10, "0x3FFF, fraction full: 1023 gaps above 1.0"),
    draw.pattern("+ 1 gap", 0x4000, 5, 10, "0x4000: fraction 0, next octave, 2.0"),
    draw.pattern("65504", 0x7BFF, 5, 10, "the largest finite number ..."),
    draw.pattern("+ 1 gap", 0x7C00, 5, 10, "... and the next pattern is Inf"),
])  # fmt: skip

# %% [markdown]
# {{card 01.6}}
# `encode(x, E, M, saturate)`: x float32[n] → patterns uint32[n] of an IEEE-style float. Round to nearest, ties to the
# even pattern; subnormals; −0.0 keeps its sign. What rounds past the largest finite number becomes ±Inf, or with
# `saturate=True` ± the largest (Inf too). NaN: exponent all ones, of the fraction the top bit alone, sign as in x:
# `0x7E00` in FP16.
#
# `encode(np.float32([1.0, -0.0, 65519, 65520]), 5, 10, False)` is `[0x3C00, 0x8000, 0x7BFF, 0x7C00]`: 65519 is above the
# largest, 65504, but rounds to it. Numbers are float32, so float64 is wide enough to compute in.
# NumPy or plain Python; no casts to small formats, no bit views (`.view`, `struct`).

# %% tags=["exercise"]
# Exercise 01.6
def encode(x, E, M, saturate):
    """Bit patterns of x in a float of 1 + E + M bits, rounded to nearest even."""
    ### BEGIN SOLUTION
    bias, infinity = 2 ** (E - 1) - 1, (2**E - 1) << M
    size = np.abs(x.astype(np.float64))
    _, power = np.frexp(size)  # 2**(power - 1) <= size < 2**power
    # subnormals share the lowest octave's gap
    exponent = np.maximum(np.where(size > 0, power, -999) - 1, 1 - bias)
    gaps = np.rint(np.ldexp(size, M - exponent))
    code = gaps + (exponent + bias - 1) * 2.0**M  # the hidden 1 in gaps makes up for the -1
    code = np.minimum(code, infinity - 1 if saturate else infinity)
    code = np.where(np.isnan(x), infinity + 2 ** (M - 1), code).astype(np.uint32)
    return code | (np.signbit(x).astype(np.uint32) << np.uint32(E + M))
    ### END SOLUTION

# %% tags=["check"]
check("01.6")

# %%
if ready("01.6"):
    x = np.float32([1 + 2**-11, 1 + 3 * 2**-11, 65519, 65520, 2**-25, 1.0001 * 2**-25])
    for number, code in zip(x, encode(x, 5, 10, False), strict=True):
        print(f"{number:<14.9g} -> {code:#06x} = {np.uint16(code).view(np.float16)}")

# %% [markdown]
# Read the list again: two ties, one down and one up (each to the even pattern); the edge 65520, where Inf begins; the
# tie 2⁻²⁵, which becomes 0 while anything above it survives. That last line is where gradients die (section 7).
#
# **TF32** is never a format in memory: the tensor core takes an FP32 word and reads its upper 19 bits. Whoever prepares
# the word decides between cutting and rounding; the usual conversion rounds, as below. FP32's range, FP16's resolution.
# If an "FP32" matmul on a GPU is wrong in the fourth digit, this is why (and it can be turned off):

# %%
rng = np.random.default_rng(0)
a, b = rng.standard_normal((2, 256, 256)).astype(np.float32)
# 13 of FP32's 23 fraction bits are rounded off: half of their gap is added, then they are cut
tf32 = [((m.view(np.uint32) + np.uint32(0x1000)) & 0xFFFFE000).view(np.float32) for m in (a, b)]
exact = a.astype(np.float64) @ b.astype(np.float64)
for name, product in [("FP32", a @ b), ("TF32 inputs, FP32 sums", tf32[0] @ tf32[1])]:
    error = np.linalg.norm(product - exact) / np.linalg.norm(exact)
    print(f"{name:23} relative error {error:.1e}")

# %% [markdown]
# ## 4 Cutting FP32 in half
#
# BF16 is the upper half of an FP32 pattern, so converting back is a shift. Converting *to* it is a question of what the
# lower half is worth. Three answers: ignore it (truncate), round to nearest even, or throw dice.

# %%
fields = [("sign", 1), ("exponent", 8), ("fraction", 7), ("dropped", 16)]
pi, tie = (f"{np.float32(x).view(np.uint32):032b}" for x in (np.pi, 1 + 2**-8))
draw.bits("FP32 to BF16: what is dropped decides about the last bit kept", [
    draw.digits("π", pi, fields, "lower half 0x0FDB: below a half"),
    draw.digits("1 + 2⁻⁸", tie, fields, "lower half 0x8000: exactly a half"),
])  # fmt: skip

# %% [markdown]
# {{card 01.7}}
# Round 1 + 2⁻⁸ (`tie_low`) and 1 + 3·2⁻⁸ (`tie_high`) to BF16, ties to even: which numbers come out?
# Four digits after the point are enough.
# Then the integer trick without care: add `0x8000` to the pattern, keep the upper half. What becomes of the NaN
# `0x7FFFFFFF`? `nan_becomes` is a string, with its quotes: one of `"NaN"`, `"Inf"`, `"-0.0"`, `"largest"`.

# %% tags=["exercise"]
# Predict 01.7
tie_low = 1.0
tie_high = 1.015625
nan_becomes = "-0.0"

# %% tags=["check"]
check("01.7")

# %%
nan = np.array([0x7FFFFFFF, 0x7F800001], np.uint32)
rounded = ((nan + np.uint32(0x8000)) >> 16).astype(np.uint16)
truncated = (nan >> 16).astype(np.uint16)
print("two NaNs:            ", nan.view(np.float32))
print("+ 0x8000, upper half:", rounded.view(bfloat16))
print("upper half only:     ", truncated.view(bfloat16))

# %% [markdown]
# Neither NaN survived the add, and one of them is now a number that a training run will never notice. So a correct
# conversion has a second path for NaN. Which pattern it writes there is free (the libraries here differ); the exercise
# fixes one.

# %% [markdown]
# {{card 01.8}}
# `to_bf16(x)`: x float32[n] → BF16 patterns uint16[n], round to nearest, ties to even. Overflow goes to Inf by itself.
# NaN stays NaN: `0x7FC0` with the sign bit of x.
#
# `to_bf16(np.float32([1.0, np.pi, 1 + 2**-8, -np.inf]))` is `[0x3F80, 0x4049, 0x3F80, 0xFF80]`.
# Integer arithmetic on `x.view(np.uint32)` (or `struct`), in NumPy or plain Python; no library cast.

# %% tags=["exercise"]
# Exercise 01.8
def to_bf16(x):
    """BF16 patterns of x, rounded to nearest even; NaN stays NaN."""
    ### BEGIN SOLUTION
    bits = x.view(np.uint32)
    last = (bits >> 16) & 1  # the bit that will be the last: odd or even
    rounded = (bits + np.uint32(0x7FFF) + last) >> 16
    quiet = ((bits >> 16) & 0x8000) | 0x7FC0
    return np.where(np.isnan(x), quiet, rounded).astype(np.uint16)
    ### END SOLUTION

# %% tags=["check"]
check("01.8")

# %% [markdown]
# **Nearest is not always best.** A weight of 1.0 in BF16 has its next neighbor at 1.0078. An update of 0.001 is an
# eighth of that gap: it rounds away, and so does the next, and the thousandth. Rounding *up with probability 1/8* keeps
# the update in expectation: **stochastic rounding**. With 16 random bits `r` it is one add: `lower half + r` carries
# into the upper half for exactly `lower half` of the 65,536 values of r.

# %% [markdown]
# {{card 01.9}}
# `stochastic_bf16(x, r)`: x float32[n], r uint16[n] (uniform noise, given to you) → BF16 patterns uint16[n]. Add r to the
# lower half of the pattern; a carry moves the upper half up by one (for a negative x that is away from 0). NaN as in
# 01.8; exact numbers, Inf among them, never move. NumPy or plain Python, as before.
#
# For x = 1 + 2⁻⁸ (lower half `0x8000`): r = `0x7FFF` gives `0x3F80`, r = `0x8000` gives `0x3F81`.

# %% tags=["exercise"]
# Exercise 01.9
def stochastic_bf16(x, r):
    """BF16 patterns of x; up one with probability (lower half) / 65536, decided by the noise r."""
    ### BEGIN SOLUTION
    bits = x.view(np.uint32)
    carried = (bits + r) >> 16
    quiet = ((bits >> 16) & 0x8000) | 0x7FC0
    return np.where(np.isnan(x), quiet, carried).astype(np.uint16)
    ### END SOLUTION

# %% tags=["check"]
check("01.9")

# %%
if ready("01.8") and ready("01.9"):
    def number(bits):
        return bits.view(bfloat16).astype(np.float32)

    rng, update = np.random.default_rng(0), np.float32(0.001)
    cut, near, dice = [np.ones(1, np.float32)], [np.ones(1, np.float32)], [np.ones(10, np.float32)]
    for _ in range(1000):  # the update is added in float32; storing the sum is what rounds
        r = rng.integers(0, 65536, 10).astype(np.uint16)
        cut.append(number(((cut[-1] + update).view(np.uint32) >> 16).astype(np.uint16)))
        near.append(number(to_bf16(near[-1] + update)))
        dice.append(number(stochastic_bf16(dice[-1] + update, r)))

    fig, ax = plt.subplots()
    ax.plot([0, 1000], [1, 2], color="0.5", linestyle=":", label="exact")
    ax.plot(dice, color="C2", linewidth=0.6, alpha=0.5)
    ax.plot(np.mean(dice, axis=1), color="C2", label="stochastic: ten runs and their mean")
    ax.plot(near, color="C0", label="nearest even")
    ax.plot(cut, color="C1", linestyle="--", label="truncated")
    ax.set(xlabel="updates of 0.001", ylabel="weight stored in BF16")
    ax.legend()
    assert cut[-1] == near[-1] == 1 and 1.9 < dice[-1].mean() < 2.1

# %% [markdown]
# Nearest and truncated lie on each other: both never moved. A stochastic run wanders, but around the exact line. That is
# why optimizers keep a *master weight*, an FP32 copy that takes the updates, or round stochastically, or carry a
# compensation term (arXiv 2010.06192 shows BF16-only training working with either).
#
# Truncation has a worse habit where updates are *not* lost: it always rounds towards zero, so its errors add up instead
# of canceling.

# %%
x = np.random.default_rng(1).uniform(1, 2, 100_000).astype(np.float32)
cut = (x.view(np.uint32) & 0xFFFF0000).view(np.float32)
near = x.astype(bfloat16).astype(np.float32)
truncated, nearest = np.mean(cut - x) * 128, np.mean(near - x) * 128  # the gap on [1, 2) is 1/128
print(f"mean error in gaps: truncated {truncated:+.3f}, nearest even {nearest:+.4f}")
assert truncated < -0.49 and abs(nearest) < 0.01

# %% [markdown]
# ## 5 Range: exp(12) and friends
#
# exp(12) = 162,754.79. FP16 ends at 65,504. That much is quickly said in an interview; the useful version says where the
# cliff is in *each* format, and what really mends it.

# %%
x = np.linspace(0, 100, 500)
fig, ax = plt.subplots(figsize=(7.5, 3))
ax.plot(x, np.exp(x))
for label, top in [("FP16 ends: 65504", 65504), ("FP32 and BF16 end: 3.4e38", 3.4e38)]:
    ax.axhline(top, color="0.5", linestyle=":", linewidth=1)
    ax.plot(np.log(top), top, "o", color="C1")
    ax.text(40, top * 3, label, fontsize=9)
_ = ax.set(yscale="log", xlabel="x", ylabel="exp(x)", ylim=(1, 1e45))

# %% [markdown]
# {{card 01.10}}
# Up to which x (two decimals, 0.2 % tolerance) is exp(x) finite in FP16? In FP32?

# %% tags=["exercise"]
# Predict 01.10
edge_fp16 = 11.09
edge_fp32 = 88.72

# %% tags=["check"]
check("01.10")

# %%
def naive_softmax(x):
    e = np.exp(x)
    return e / e.sum()


with np.errstate(over="ignore", invalid="ignore"):
    for top in (11, 12, 100):
        for kind in (np.float16, bfloat16, np.float32):
            p = naive_softmax(np.array([top, top - 1, 0], kind))
            print(f"largest logit {top:3}  {np.dtype(kind).name:9}", p.astype(np.float32))
assert round(float(np.exp(12)), 2) == 162754.79

# %% [markdown]
# Look at 11 in FP16: every exp was finite, and the answer is all zeros. The *sum*, 59,872 + 22,032 + 1, overflowed.
#
# **Folklore: "exp(12) breaks softmax, so use BF16."** BF16 moved the cliff from 11 to 88 and blurred the answer; 100
# breaks FP32 as well. The remedy is not a format but an identity: softmax(x) = softmax(x − c). With c the row's maximum
# no exponent is positive, so no exp exceeds 1, in any format. Real kernels do that *and* hold exp and sum in FP32.
#
# Softmax is one of three places where FP16's range bites. The other two, with everyday numbers:

# %%
row = np.full(300, 15, np.float16)
wide = row.astype(np.float32)
product = np.dot(wide, wide)  # as a tensor core does it: FP16 in, FP32 accumulator
hidden = np.full(4096, 300, np.float16)
with np.errstate(over="ignore"):
    print(f"matmul: 300 terms of 15 x 15 = {product}")
    print(f"    stored as FP16 {np.float16(product)}, as BF16 {bfloat16(product)}")
    print("reduction: mean of x * x for 4096 elements of 300")
    for kind in (np.float32, np.float16, bfloat16):
        print(f"    {np.dtype(kind).name:9}", np.mean(hidden.astype(kind) * hidden.astype(kind)))
assert product == 67500 and float(bfloat16(product)) == 67584
assert float(np.exp(np.float16(10))) == 22032 and float(np.exp(np.float16(11))) == 59872

# %% [markdown]
# In the first line the accumulator was FP32 all along: it is the *store* that overflows. In the second it is the square,
# 300² = 90,000. (An RMSNorm, which divides a row by the root of its mean square, computes just that.) BF16 overflows in
# neither, and rounds 67,500 to 67,584. But its mean of 4,096 equal numbers is wrong by a factor of 11. Range was not the
# only problem; section 6 has the other one.
#
# It happens to real models. T5 was trained in BF16; in FP16 its hidden states pass 65,504 and the output is NaN (Hugging
# Face transformers, pull request 10956 and issue 5651; the authors: "all our experiments use bfloat16",
# text-to-text-transfer-transformer issue 539). Hence the rule: **run a model in the format it was trained in.**

# %% [markdown]
# {{card 01.11}}
# `safe_softmax(x)`: x float16[m, n], a softmax along each row → float16[m, n]. Logits reach ±60,000 and may be −Inf
# (masked, probability 0); a row of only −Inf gives zeros. Rows are up to 70,001 long. Allowed error: 0.3 % of the row's
# largest probability. NumPy, in float16 and float32 only, as a kernel would.
#
# `safe_softmax(np.float16([[12, 12], [-np.inf, 7]]))` is `[[0.5, 0.5], [0, 1]]`.

# %% tags=["exercise"]
# Exercise 01.11
def safe_softmax(x):
    """Softmax of each row; float16 in and out, float32 inside."""
    ### BEGIN SOLUTION
    wide = x.astype(np.float32)
    top = wide.max(axis=1, keepdims=True)
    # a fully masked row becomes -Inf - 0, not -Inf - -Inf
    top = np.where(np.isneginf(top), np.float32(0), top)
    e = np.exp(wide - top)
    total = e.sum(axis=1, keepdims=True)
    return (e / np.where(total > 0, total, np.float32(1))).astype(np.float16)
    ### END SOLUTION

# %% tags=["check"]
check("01.11")

# %% [markdown]
# **Where BF16 loses.** Overflow is loud; blur is quiet. Around 20 the gap of BF16 is 0.125: two logits 0.1 apart may
# become equal, and then `argmax` picks by position. Below, made-up logits over a vocabulary of 32,000: how often does
# rounding them change the greedy token (the one with the largest logit), or leave several tied for first place?

# %%
rng = np.random.default_rng(0)
logits = 5 * rng.standard_normal((300, 32_000), dtype=np.float32)
best = logits.argmax(axis=1)
for kind in (np.float16, bfloat16):
    rounded = logits.astype(kind).astype(np.float32)
    tied = (rounded == rounded.max(axis=1, keepdims=True)).sum(axis=1) > 1
    other = rounded.argmax(axis=1) != best
    print(f"{np.dtype(kind).name:9} another token in {other.mean():6.1%} of rows,"
          f" a tie for first in {tied.mean():6.1%}")  # fmt: skip
    if kind is bfloat16:
        assert tied.mean() > 0.02

# %% [markdown]
# Hence the habit of widening logits to FP32 before sampling, even where everything before them is BF16.
#
# ## 6 Precision: sums that stop
#
# Every reduction, norm, softmax and matmul is a long sum. The gap at the running total grows with the total; what you
# add does not.

# %% [markdown]
# {{card 01.12}}
# Ten thousand ones are added one after the other, and the running total is stored in FP16 (in BF16) after each
# addition. Where does it end?

# %% tags=["exercise"]
# Predict 01.12
ones_fp16 = 2048
ones_bf16 = 256

# %% tags=["check"]
check("01.12")

# %%
ones = np.ones(10_000, np.float16)
for kind in (np.float16, bfloat16):
    total = np.cumsum(ones.astype(kind))[-1]
    print(f"one after the other in {np.dtype(kind).name}: {float(total)}")
    assert total + kind(1) == total  # stuck
print("np.sum:", float(ones.sum()), "(it accumulates float16 in float32)")
print("FP32 stalls too, at 2^24: 16777216 + 1 =", int(np.float32(2**24) + np.float32(1)))
assert ones.sum() == len(ones)

# %% [markdown]
# Three cures. **A wider accumulator**: FP32 total, FP16 inputs; what tensor cores and every good kernel do.
# **A tree**: add neighbors, then neighbors of those; both operands stay alike in size, and the error grows with log n
# instead of n. A GPU reduction is a tree anyway. **Compensation**: keep a second number for what the first could not
# hold. That is Kahan's sum, the cure where terms come one at a time and there is no wider format to turn to: a loss
# logged over a million steps in FP32, a weight kept in BF16 that takes one update per step.
#
# Its trick: after `new = total + y` has rounded, `(new − total) − y` is exactly what went wrong, as long as
# |total| ≥ |y|.

# %%
total, y = np.float16(1024), np.float16(0.5)
new = total + y
lost = (new - total) - y
print(f"{total} + {y} = {new}, and (new - total) - y = {lost}")
print(f"so the next term becomes {y} - ({lost}) = {y - lost}")
print(f"and {total} + {y - lost} = {total + (y - lost)}")

# %% [markdown]
# {{card 01.13}}
# `kahan_sum(x)`: x float16[n, m] → float16[m], the sum over the n rows (axis 0). Every intermediate stays in float16;
# allowed error: 4 roundoffs (4 × 2⁻¹¹) of the largest column sum, for n up to 5,003.
#
# A column of 5,000 ones gives 5000, where a running sum is stuck long before. Loop over the rows; the m columns go
# together. Kahan's way is meant, but any method passes that stays in float16 and keeps to the error (a tree does).
# NumPy; `np.sum` and its relatives are off limits: they may accumulate in float32 behind your back.

# %% tags=["exercise"]
# Exercise 01.13
def kahan_sum(x):
    """Sum over the rows of x, every running value in float16."""
    ### BEGIN SOLUTION
    total = np.zeros(x.shape[1], np.float16)
    lost = np.zeros(x.shape[1], np.float16)
    for row in x:
        y = row - lost
        new = total + y
        lost = (new - total) - y
        total = new
    return total
    ### END SOLUTION

# %% tags=["check"]
check("01.13")

# %%
def tree_sum(x):
    while len(x) > 1:
        x = x[0::2] + x[1::2]
    return x[0]


def running_sum(x):
    return np.cumsum(x, axis=0)[-1]


def fp32_sum(x):
    return x.sum(axis=0, dtype=np.float32)


ways = {"running, FP16": running_sum, "tree, FP16": tree_sum, "FP32 accumulator": fp32_sum}
if ready("01.13"):
    ways["Kahan, FP16 (yours)"] = kahan_sum
rng, lengths = np.random.default_rng(0), 2 ** np.arange(2, 14)
fig, ax = plt.subplots()
for name, way in ways.items():
    error = []
    for n in lengths:
        x = rng.uniform(0, 1, (n, 8)).astype(np.float16)
        exact = x.astype(np.float64).sum(axis=0)
        error.append(np.abs(way(x).astype(np.float64) / exact - 1).mean())
    ax.plot(lengths, np.maximum(error, 1e-9), marker="o", markersize=3, label=name)
ax.axhline(2**-11, color="0.5", linestyle=":", linewidth=1)
ax.text(4, 2**-11 * 1.3, "storing the result in FP16 at all", fontsize=9)
ax.set(xscale="log", yscale="log", xlabel="terms, uniform in [0, 1]", ylabel="mean relative error")
_ = ax.legend()

# %% [markdown]
# Read it off your own plot: the running sum drifts from 30 terms on and falls off a cliff past 4,000. The tree grows with
# log n, too slowly to see; Kahan does not grow; both sit at what storing the result in FP16 costs anyway. FP32 lies
# hundreds to tens of thousands of times lower, for the price of a wider register.
#
# The accumulator's width is hardware you should ask about. FP16 and BF16 products are accumulated in FP32 on NVIDIA
# data-center tensor cores. Hopper's FP8 path keeps only about 14 bits, so DeepSeek-V3 adds partial sums up in real FP32
# every 128 terms (arXiv 2412.19437, section 3.3). Here is why, with FP16 standing in for a narrow accumulator:

# %%
rng = np.random.default_rng(0)
terms = (rng.uniform(0, 1, (4096, 64)) * rng.uniform(0, 1, (4096, 64))).astype(np.float16)
exact = terms.astype(np.float64).sum(axis=0)
narrow = np.cumsum(terms, axis=0)[-1].astype(np.float64)
parts = np.cumsum(terms.reshape(32, 128, 64), axis=1)[:, -1]  # 128 terms narrow, then promoted
promoted = parts.astype(np.float32).sum(axis=0)
for name, got in [("narrow all the way", narrow), ("promoted every 128", promoted)]:
    print(f"{name}: mean relative error {np.abs(got / exact - 1).mean():.1e}")
assert np.abs(promoted / exact - 1).mean() < np.abs(narrow / exact - 1).mean() / 10

# %% [markdown]
# ## 7 Gradients: the other end of the range
#
# FP16 has a floor as well. From 2⁻¹⁴ down bits are lost one by one; the smallest number is 2⁻²⁴ = 6·10⁻⁸; what is at
# most half of that, 2⁻²⁵, becomes 0. Gradients live there. The sample below is made up (log-normal); measured histograms
# are in the paper that introduced loss scaling (Micikevicius et al., arXiv 1710.03740).

# %%
rng = np.random.default_rng(0)
gradient = (rng.standard_normal(50_000) * 2.0 ** rng.normal(-20, 4, 50_000)).astype(np.float32)
fig, ax = plt.subplots(figsize=(7.5, 3))
ax.hist(np.log2(np.abs(gradient)), bins=120)
bands = [(-14, 5, "FP16 normal", 0.08), (-25, -14, "FP16 subnormal", 0.2),
         (-42, -25, "becomes 0", 0)]  # fmt: skip
for left, right, label, alpha in bands:
    ax.axvspan(left, right, color="C2", alpha=alpha)
    ax.text((left + min(right, -4)) / 2, 1680, label, ha="center", fontsize=9)
ax.set(xlim=(-42, 0), ylim=(0, 1850), xlabel="log2 |gradient|", ylabel="count")
print("11 bits: the 10 of the fraction and the hidden 1")
for scale in (1, 2**10, 2**16):
    stored = (gradient * np.float32(scale)).astype(np.float16)
    zero, normal = np.mean(stored == 0), np.mean(np.abs(stored) >= 2.0**-14)
    print(f"loss scale {scale:6}: {zero:6.1%} become 0, {normal:6.1%} keep all 11 bits")

# %% [markdown]
# Multiply the loss by S, and the chain rule multiplies every gradient by S: the histogram moves to the right by log2 S.
# Divide by S in FP32 before the update, and nothing has changed except what survived. BF16 has FP32's exponent and needs
# none of this, which is the reason it took over training: **FP16's training problem is underflow**, overflow is only
# what you get from too large an S.

# %% [markdown]
# {{card 01.14}}
# The smallest gradients you care about are 10⁻⁹. What is the smallest power of two S (`loss_scale`) that makes them
# *normal* FP16 numbers, with all 11 bits kept (10 stored, one hidden)?

# %% tags=["exercise"]
# Predict 01.14
loss_scale = 65536

# %% tags=["check"]
check("01.14")

# %%
import inspect

scaler = inspect.signature(torch.amp.GradScaler.__init__).parameters
for name in ("init_scale", "growth_factor", "backoff_factor", "growth_interval"):
    print(f"GradScaler's {name:16} {scaler[name].default}")
start = scaler["init_scale"].default
back = float(np.float16(1e-9 * start)) / start
print(f"1e-9 in FP16: {np.float16(1e-9)}; multiplied by the first scale and back: {back:.5g}")
assert 1e-9 * start >= 2.0**-14 > 1e-9 * start / 2

# %% [markdown]
# {{card 01.15}}
# `scaled_step(w, g, lr, scale)`: w float32[n] are master weights, g float16[n] is the gradient of scale × loss. Returns
# `(new w float32[n], new scale)`. If g is all finite (65504 is): w − lr·g/scale, computed in float32 or wider, and the same scale. If g holds
# any ±Inf or NaN: w unchanged (a copy) and scale / 2. Scales are powers of two, up to 2²⁴.
#
# `scaled_step(np.float32([1]), np.float16([8]), 0.5, 1024.0)` is `([0.99609375], 1024.0)`.

# %% tags=["exercise"]
# Exercise 01.15
def scaled_step(w, g, lr, scale):
    """One SGD step from a scaled FP16 gradient; if that overflowed, none, and half the scale."""
    ### BEGIN SOLUTION
    if not np.isfinite(g).all():
        return w.copy(), scale / 2
    gradient = g.astype(np.float32) / np.float32(scale)
    return w - np.float32(lr) * gradient, scale
    ### END SOLUTION

# %% tags=["check"]
check("01.15")

# %% [markdown]
# In your hands it is dynamic loss scaling: start far too high, let overflow talk you down. Below the true gradient is
# about 0.01 everywhere and the scale starts at 2²⁴.

# %%
if ready("01.15"):
    rng, w, scale, log = np.random.default_rng(0), np.ones(1000, np.float32), 2.0**24, []
    for _ in range(12):
        g = rng.normal(0.01, 0.003, 1000)
        with np.errstate(over="ignore"):
            scaled = (g * scale).astype(np.float16)
        w, new = scaled_step(w, scaled, 0.1, scale)
        log.append(f"2^{np.log2(scale):.0f} {'skipped' if new < scale else 'ok'}")
        scale = new
    print(", ".join(log))
    assert log[-1].endswith("ok") and log[0].endswith("skipped")

# %% [markdown]
# ## 8 The magic numbers: int4 to FP16 in one OR
#
# With 4-bit weights and 16-bit activations (W4A16) every weight is unpacked to FP16 in registers on its way to the tensor
# core, for every token. The obvious way, shift, mask, convert, spends an integer-to-float conversion on each of billions
# of weights, and conversions run at a fraction of the rate of logic and of the FMA (fused multiply-add, a·b + c in one
# instruction). arXiv 2211.10017 describes the way out.
#
# It is a float whose gap is 1. FP16's `0x6400` is 1024 = 2¹⁰; one step of its 10-bit fraction is exactly 1.
# So an integer OR-ed into the fraction *is* added:

# %%
kinds = [("constant", 6), ("fraction", 10)]
draw.bits("The magic number of FP16", [
    draw.digits("0x6400", f"{0x6400:016b}", kinds, "2^(25 − 15) × 1 = 1024, gap 1"),
    draw.digits("n = 11", f"{11:016b}", [("unused", 12), ("fraction", 4)], "a nibble, 0 to 15"),
    draw.digits("OR", f"{0x6400 | 11:016b}", kinds, "1024 + 11, as FP16"),
])  # fmt: skip

# %% [markdown]
# {{card 01.16}}
# As numbers: `0x6400 | 11` in FP16 (`low_nibble`), `0x6400 | (11 << 4)` in FP16 (`high_nibble`), and with BF16's base
# `0x4300` = 128, whose gap is 1 as well, `0x4300 | (11 << 4)` in BF16 (`high_nibble_bf16`). Mind how long each fraction
# is.

# %% tags=["exercise"]
# Predict 01.16
low_nibble = 1035
high_nibble = 1200
high_nibble_bf16 = 352

# %% tags=["check"]
check("01.16")

# %%
seven, eleven = np.uint16([0x4300 | (7 << 4), 0x4300 | (11 << 4)])
as_number = {code: f"{float(code.view(bfloat16)):g}" for code in (seven, eleven)}
draw.bits("Does the second nibble fit in BF16?", [
    draw.pattern("0x4300", 0x4300, 8, 7, "2^(134 − 127) = 128, gap 1, fraction 7 bits"),
    draw.pattern("| 7 << 4", seven, 8, 7, as_number[seven] + " = 128 + 16 · 7"),
    draw.pattern("| 11 << 4", eleven, 8, 7, as_number[eleven] + ": look at its top bit"),
])  # fmt: skip

# %% [markdown]
# In the last row the nibble's top bit fell out of the fraction and became an exponent bit.
#
# Now a whole word: eight nibbles, and one 32-bit register holds *two* FP16 numbers (CUDA's type `half2`). So one AND and
# one OR serve two weights, as a single `lop3`, the instruction for any logic function of three words:
#
# | mask | picks nibbles | OR `0x64006400` gives | then |
# |---|---|---|---|
# | `0x000F000F` | 0 and 4 | 1024 + n | − 1032 → n − 8 |
# | `0x00F000F0` | 1 and 5 | 1024 + 16 n | × 1/16 − 72 → n − 8 |
#
# Shift the word right by 8 and the same two masks take nibbles 2, 6 and 3, 7. The weights are stored as n = q + 8, in
# the order that makes each pair two *neighbors*: nibble i holds element `[0, 2, 4, 6, 1, 3, 5, 7][i]`, so element e is
# nibble `[0, 4, 1, 5, 2, 6, 3, 7][e]`.

# %% [markdown]
# These constants are often called "AWQ's". They are NVIDIA's, from FasterTransformer
# (`interleaved_numeric_conversion.h`), and so is the order. AWQ's weights are unsigned with a zero-point of their own, so
# it subtracts 1024 and 64 instead of 1032 and 72; vLLM's Marlin links the FasterTransformer lines in its comments. **The
# 1024 is not a zero-point**: it is scaffolding, and it is always taken off.
#
# Kernels write these constants as bit patterns; the next cell checks them. It also derives `0xEA`, the number that stands
# beside every `lop3` of such a kernel. A logic function of three bits a, b, c has eight results; as a byte, bit 4a + 2b + c
# is the result for a, b, c. In that order the inputs themselves are `0xF0`, `0xCC` and `0xAA`: put them in for a, b, c,
# and out comes the function's own byte.

# %%
for code in (0x6400, 0x6408, 0x2C00, 0xD480, 0xD400):
    print(f"{code:#06x} in FP16: {np.uint16(code).view(np.float16)}")
for code in (0x4300, 0x4308):
    print(f"{code:#06x} in BF16: {float(np.uint16(code).view(bfloat16))}")
print(f"(a & b) | c is lop3's function {(0xF0 & 0xCC) | 0xAA:#04x}")

# %% [markdown]
# {{card 01.17}}
# `dequant_fp16(words)`: words uint32[n], eight nibbles each, stored as above → float16[8n] in natural order (the eight
# elements of word 0, then those of word 1), values q = n − 8 in −8 ... 7, exact. No integer may become a float by conversion: only `&`, `|`, `>>`, `.view`, and a subtract
# or multiply-add on the result. `astype`, `float(...)`, `np.float16(...)`, `np.array`, `np.asarray` are refused, for they
# can convert. Integers assigned into a float array convert as well; the check does not see that, so watch yourself.
#
# Constants are plain Python numbers: `words & 0x000F000F` stays uint32, `x - 1032` stays float16. To put arrays together:
# `np.stack`, `np.concatenate`, or `np.empty` filled with float16 parts.
#
# `dequant_fp16(np.uint32([0x75316420]))` is `[-8, -7, -6, -5, -4, -3, -2, -1]`.

# %% tags=["exercise"]
# Exercise 01.17
def dequant_fp16(words):
    """int4 weights, FasterTransformer's order, to float16 without a conversion."""
    ### BEGIN SOLUTION
    pairs = []
    for shifted in (words, words >> 8):
        low = (shifted & 0x000F000F) | 0x64006400
        high = (shifted & 0x00F000F0) | 0x64006400
        pairs.append(low.view(np.float16).reshape(-1, 2) - 1032)
        pairs.append(high.view(np.float16).reshape(-1, 2) * (1 / 16) - 72)
    return np.concatenate(pairs, axis=1).ravel()
    ### END SOLUTION

# %% tags=["check"]
check("01.17")

# %% [markdown]
# For eight weights: 4 `lop3`, 1 shift, 2 packed subtracts, 2 packed FMAs, 9 instructions; that is the whole converter in
# FasterTransformer's header. BF16 cannot use the second mask: you saw the nibble spill. It shifts for every pair instead.

# %% [markdown]
# {{card 01.18}}
# `dequant_bf16(words)`: as before, but → bfloat16[8n]. Base `0x4300` (128), one mask, three shifts, one subtract of 136.
# The same rules. NumPy knows no BF16 of its own: `.view(bfloat16)` is how you read patterns, and a constant may be
# written `bfloat16(136)`; `x - bfloat16(136)` stays BF16.
#
# `dequant_bf16(np.uint32([0x75316420]))` is `[-8, -7, -6, -5, -4, -3, -2, -1]`.

# %% tags=["exercise"]
# Exercise 01.18
def dequant_bf16(words):
    """int4 weights, FasterTransformer's order, to bfloat16 without a conversion."""
    ### BEGIN SOLUTION
    pairs = []
    for shift in (0, 4, 8, 12):
        pair = ((words >> shift) & 0x000F000F) | 0x43004300
        pairs.append(pair.view(bfloat16).reshape(-1, 2) - bfloat16(136))
    return np.concatenate(pairs, axis=1).ravel()
    ### END SOLUTION

# %% tags=["check"]
check("01.18")

# %% [markdown]
# 4 `lop3`, 3 shifts, 4 FMAs: 11 instructions for eight (the same header). This is one of the few places where FP16 really
# is cheaper than BF16 on the same GPU. Now as a kernel. Triton has no `half2`, but it has the bit cast, and that is the
# whole trick: `pattern.to(tl.int16).to(tl.float16, bitcast=True)` costs nothing; a plain `.to(tl.float16)` would be the
# conversion.

# %% [markdown]
# {{card 01.19}}
# `dequant(words, out)`: words int32[n] (torch has few operations on uint32; the bits are the same), out float16[8n],
# written in place. One program takes `BLOCK` words and writes a tile `[BLOCK, 8]`; element e of a word is nibble
# `e // 2 + 4 * (e % 2)`. n is any positive size. Each word is read once (traffic ≤ 1.05 × the bytes of words and out).
#
# `word[:, None]` is the vector as a column [BLOCK, 1], `shift[None, :]` as a row [1, 8]; `word[:, None] >> shift[None, :]`
# has all pairs, [BLOCK, 8]. The launcher and the loads are given; you write what turns `word` into `values`, and the store.
# The point is the bit cast. A conversion gives the same values, and the check cannot tell: leave it out yourself.

# %% tags=["exercise"]
# Exercise 01.19
@triton.jit
def dequant_kernel(words, out, n, BLOCK: tl.constexpr):
    w = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    e = tl.arange(0, 8)
    word = tl.load(words + w, mask=w < n, other=0)
    ### BEGIN SOLUTION
    shift = 4 * (e // 2 + 4 * (e % 2))
    nibble = (word[:, None] >> shift[None, :]) & 0xF
    values = (nibble | 0x6400).to(tl.int16).to(tl.float16, bitcast=True) - 1032.0
    tl.store(out + 8 * w[:, None] + e[None, :], values, mask=(w < n)[:, None])
    ### END SOLUTION


def dequant(words, out):
    n = words.numel()
    dequant_kernel[(triton.cdiv(n, 128),)](words, out, n, BLOCK=128)

# %% tags=["check"]
check("01.19")

# %%
if ready("01.19") and triton_backend():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((64, 1024), dtype=np.float32)
    groups = weight.reshape(-1, 128)
    step = np.abs(groups).max(axis=1, keepdims=True) / 7  # one scale for a group of 128
    q = np.rint(groups / step).astype(np.int64).reshape(-1, 8) + 8
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    packed = sum(q[:, element] << (4 * i) for i, element in enumerate(order)).astype(np.uint32)
    out = torch.empty(weight.size, dtype=torch.float16, device=device)
    dequant(torch.from_numpy(packed.view(np.int32)).to(device), out)
    back = out.cpu().numpy().astype(np.float32).reshape(-1, 128) * step
    error = np.linalg.norm(back - groups) / np.linalg.norm(weight)
    print(f"{weight.size:,} weights in {packed.nbytes:,} bytes, relative error {error:.1%}")
    print("run on:", triton_backend())
    assert (out.cpu().numpy().astype(np.int64) == q.ravel() - 8).all() and 0.08 < error < 0.13

# %% [markdown]
# **The same trick, other formats.** E4M3 to FP16: put sign and the other seven bits where FP16 wants them and multiply
# by 2⁸, the difference of the biases (15 − 7). Subnormals come out right by themselves. Exact for every number of E4M3.
# And for the NaN? Find out before your interviewer does:

# %%
code = np.arange(256, dtype=np.uint16)
shifted = ((code & 0x80) << 8) | ((code & 0x7F) << 7)
trick = shifted.astype(np.uint16).view(np.float16) * np.float16(2**8)
want = code.astype(np.uint8).view(e4m3).astype(np.float16)
different = np.flatnonzero(trick != want)
print("different:", [f"{c:#04x}: {want[c]} -> {trick[c]}" for c in different])
assert different.tolist() == [0x7F, 0xFF] and trick[0x7F] == 480

# %% [markdown]
# ## 9 FP8 with one scale per tensor
#
# E4M3 spans 18 octaves, subnormals included; a tensor's values sit anywhere. So a tensor is stored as codes and one FP32 **scale**:
# x ≈ code × scale, with scale = amax / 448, amax the largest |x|. INT8 does the same with amax / 127. What differs is
# where the codes lie. Both rulers, stretched to the same amax = 1:

# %%
fp8 = np.arange(256, dtype=np.uint8).view(e4m3).astype(float)
fp8 = np.unique(fp8[np.isfinite(fp8)]) / 448
int8 = np.arange(-127, 128) / 127


def draw_rulers(half):
    fig, ax = plt.subplots(figsize=(7.5, 1.9))
    rulers = [ruler[np.abs(ruler) <= half] for ruler in (int8, fp8)]
    ax.eventplot(rulers, lineoffsets=[1, 0], linelengths=0.7, linewidths=0.7, colors=["C0", "C1"])
    ax.axvspan(-1 / 16, 1 / 16, color="0.5", alpha=0.25)
    ax.set_xlim(-1.02 * half, 1.02 * half)
    ax.set_yticks([0, 1], ["E4M3", "INT8"])
    ax.set_xlabel("value / amax (the inner sixteenth is shaded)")
    ax.grid(False)


draw_rulers(1)

# %% [markdown]
# {{card 01.20}}
# How many *different* values has each format in the shaded part, |x| ≤ amax/16? INT8 has the values −127 ... 127; E4M3
# has amax at 448, so count the values up to 28.

# %% tags=["exercise"]
# Predict 01.20
inner_int8 = 15
inner_e4m3 = 189

# %% tags=["check"]
check("01.20")

# %%
draw_rulers(1 / 16)

# %% [markdown]
# Most of E4M3's values sit where INT8 has a handful. If one outlier sets amax, everything else lives in that part. The
# same tensor, with and without ten outliers:

# %%
def rounded_to(x, kind, amax):
    if kind == "INT8":
        return np.rint(x * 127 / amax) * (amax / 127)
    return (x * 448 / amax).astype(e4m3).astype(np.float32) * (amax / 448)


rng = np.random.default_rng(0)
calm = rng.standard_normal(100_000, dtype=np.float32)
spiky = calm.copy()
spiky[:10] *= 100
for name, x in [("normal distribution", calm), ("ten values x 100", spiky)]:
    rest = slice(10, None)
    for kind in ("INT8", "E4M3"):
        off = rounded_to(x, kind, np.abs(x).max()) - x
        error = np.linalg.norm(off[rest]) / np.linalg.norm(x[rest])
        print(f"{name:20} {kind} {error:6.1%}")

# %% [markdown]
# Both halves of that table are interview answers. For a calm tensor **INT8 is the more accurate** byte: its even grid is
# finer than 3 fraction bits. For a tensor with outliers E4M3 does not even notice: its error is relative. Activations of
# large language models have outliers about 100 times the typical size in a few channels (SmoothQuant, arXiv
# 2211.10438), weights mostly do not.

# %% [markdown]
# {{card 01.21}}
# `quantize_fp8(x, amax)`: x float32[m, n] → (codes uint8[m, n], scale as a float). scale = amax / 448, or 1.0 if amax is 0;
# codes are the E4M3 patterns of x / scale, clamped to ±448; NaN stays NaN (`0x7F`), ±Inf is clamped.
# **amax is an argument and may be stale**: |x| can be larger than it, even when amax is 0.
#
# `quantize_fp8(np.float32([[2, 1, 500]]), 2.0)` is `([[0x7E, 0x76, 0x7E]], 2/448)`. The cast
# `.astype(ml_dtypes.float8_e4m3fn)` is yours to use: it rounds to nearest even and does not saturate.

# %% tags=["exercise"]
# Exercise 01.21
def quantize_fp8(x, amax):
    """E4M3 codes of x and the scale that undoes them."""
    ### BEGIN SOLUTION
    scale = amax / 448 if amax > 0 else 1.0
    y = np.clip(x / np.float32(scale), -448, 448)
    return y.astype(ml_dtypes.float8_e4m3fn).view(np.uint8), scale
    ### END SOLUTION

# %% tags=["check"]
check("01.21")

# %% [markdown]
# A stale amax is not a contrived case. The true amax needs a pass over the tensor before the pass that quantizes it. In
# training, Transformer Engine's *delayed scaling* takes it from a history of earlier steps instead: one pass, and a
# clamp for the step that outgrows it. Inference has the same choice as *static* (calibrated) and *dynamic* scales.

# %%
if ready("01.21"):
    x = np.random.default_rng(0).standard_normal((64, 256), dtype=np.float32)
    for stale in (0.25, 1.0, 4.0, 1000.0):
        codes, scale = quantize_fp8(x, float(np.abs(x).max()) * stale)
        back = codes.view(e4m3).astype(np.float32) * scale
        error = np.linalg.norm(back - x) / np.linalg.norm(x)
        print(f"amax x {stale:<6} relative error {error:.1%}")

# %% [markdown]
# Too small an amax clips and costs accuracy at once; too large a one costs nothing until the values sink into the
# subnormals. A floating-point code forgives a generous scale, an integer code does not.
#
# ## 10 Four bits: a scale for every block
#
# FP4 E2M1 has 16 codes: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives. With one scale for a whole tensor that is hopeless. So
# short blocks share a scale, and an outlier can only hurt its own block:
#
# - **MXFP4** (OCP Microscaling specification 1.0): 32 elements, scale E8M0, a power of two;
# - **NVFP4** (Blackwell): 16 elements, scale E4M3, plus one FP32 scale per tensor to center those.

# %% [markdown]
# {{card 01.22}}
# How many bits per element do MXFP4 and NVFP4 take, scales included? (NVFP4's one float per tensor does not count.)

# %% tags=["exercise"]
# Predict 01.22
mxfp4_bits = 4.25
nvfp4_bits = 4.5

# %% tags=["check"]
check("01.22")

# %%
e2m1 = ml_dtypes.float4_e2m1fn


def on_grid(x):
    return np.clip(x, -6, 6).astype(e2m1).astype(np.float32)


def mxfp4_round(x):
    x = x.reshape(-1, 32)
    # frexp: 2**(exponent - 1) <= amax < 2**exponent, exactly. E2M1's top octave begins at 2**2.
    _, exponent = np.frexp(np.abs(x).max(axis=1, keepdims=True))
    power = exponent - 1 - 2
    return np.ldexp(on_grid(np.ldexp(x, -power)), power).ravel()


def nvfp4_round(x):
    whole = np.abs(x).max() / (6 * 448)  # so that the largest block scale is E4M3's largest number
    x = x.reshape(-1, 16)
    scale = (np.abs(x).max(axis=1, keepdims=True) / (6 * whole)).astype(e4m3).astype(np.float32)
    scale = np.where(scale > 0, scale, 1) * whole
    return (on_grid(x / scale) * scale).ravel()


def fp4_one_scale(x):
    scale = np.abs(x).max() / 6
    return on_grid(x / scale) * scale


# %%
rng = np.random.default_rng(0)
x = rng.standard_normal(256, dtype=np.float32)
x[100] = 60
fig, axes = plt.subplots(3, 1, figsize=(7.5, 3.6), sharex=True, sharey=True)
ways = [("one scale", fp4_one_scale), ("MXFP4", mxfp4_round), ("NVFP4", nvfp4_round)]
for ax, (name, way) in zip(axes, ways, strict=True):
    error = np.abs(way(x) - x)
    ax.fill_between(np.arange(256), error, step="mid")
    ax.set_title(f"{name}: mean error {error.mean():.2f}", fontsize=10, loc="left")
    ax.set_ylim(0, 3)
    ax.text(102, 2.5, f"60 becomes {way(x)[100]:.0f}", fontsize=9)
axes[1].set_ylabel("|error|, cut off at 3")
_ = axes[2].set_xlabel("element (one outlier of 60 at 100)")

# %% [markdown]
# With one scale nearly everything rounds to 0 and the error *is* the data. With blocks the damage stays in elements 96
# to 127 (MXFP4) or 96 to 111 (NVFP4). The rest of the difference: NVFP4's scale has fraction bits, so a block's maximum
# lands near 6, while a power of two leaves it anywhere from 4 to 8, above 6 even clipped: 60 is 7.5 × 8 and becomes 48.
#
# ## 11 Which format where
#
# First an old question: which of the two 16-bit formats is faster on tensor cores?

# %% [markdown]
# {{card 01.23}}
# A large square matmul on (a) an H100, (b) a GeForce RTX 4090 that may accumulate FP16 products in FP16. Choose for each:
# `"FP16 twice as fast"`, `"about equal"`, `"BF16 twice as fast"`.

# %% tags=["exercise"]
# Predict 01.23
on_h100 = "about equal"
on_4090 = "FP16 twice as fast"

# %% tags=["check"]
check("01.23")

# %%
for run in recorded("01_matmul"):
    about = run["machine"]
    print(f"{about['gpu']}, cuBLAS, torch {about['torch']}, {about['date']}; clocks not locked")
    for row in run["figures"]:
        print(f"    n = {row['n']}: FP16 {row['fp16']:.0f} TFLOP/s, BF16 {row['bf16']:.0f},"
              f" ratio {row['fp16 over bf16']:.2f}")  # fmt: skip

# %% [markdown]
# | GPU, TFLOP/s | FP16 | BF16 | source |
# |---|---|---|---|
# | A100, tensor cores, peak | 312 | 312 | NVIDIA, "Hopper in depth" |
# | RTX 4090, peak, FP32 accumulate | 165.2 | 165.2 | pytorch/pytorch issue 123157 |
# | RTX 4090, peak, FP16 accumulate | 330.3 | not offered | the same |
# | V100, T4 | yes | no BF16 units | |
#
# **Folklore: "FP16 is faster than BF16."** It is true where BF16 units are missing, where FP16 accumulation is sold at
# twice the rate (with section 6's sums!), on A100's plain, non-tensor FP16 (78 against 39 TFLOP/s, "Hopper in depth"),
# and for int4 unpacking. Not on data-center tensor cores: the H100 above even did a little better in BF16. If you have a
# GPU, measure:

# %%
if gpu():
    def tflops(kind, n=4096):
        a, b = torch.randn(2, n, n, device="cuda", dtype=kind)
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        for repeat in range(25):
            if repeat == 5:
                start.record()
            a @ b
        stop.record()
        torch.cuda.synchronize()
        return 20 * 2 * n**3 / start.elapsed_time(stop) / 1e9

    for kind in (torch.float16, torch.bfloat16, torch.float16, torch.bfloat16):
        print(f"{gpu()}  {str(kind):15} {tflops(kind):6.0f} TFLOP/s")
else:
    print("no GPU here: the H100's figures are above")

# %% [markdown]
# | tensor | format | because |
# |---|---|---|
# | weights and activations, training | BF16; FP8 E4M3 with fine scales | FP32's range, no loss scaling; E4M3 for the finer fraction |
# | gradients | BF16; FP8 E5M2, or E4M3 in 1×128 tiles (DeepSeek-V3) | range first; with small tiles precision again |
# | master weights | FP32, or BF16 + stochastic rounding / Kahan | an update of 2⁻⁹ of the weight is lost in BF16 |
# | Adam's m and v | FP32; BF16 in DeepSeek-V3 | v holds *squares*: twice the octaves, impossible in FP16 |
# | inference weights | as trained; FP8, INT4 groups, FP4 blocks | decode reads every weight for every token: bytes are time |
# | inference activations | BF16 or FP16; FP8, a scale per token | outliers in few channels: float codes and fine scales |
# | KV cache | BF16; FP8; below that keys by channel, values by token | read for every token; keys have channel outliers (KIVI) |
# | softmax, norms, sums, logits, RoPE angles | FP32, in registers | sections 3, 5 and 6 |

# %%
square = 1e-5**2  # what Adam's v holds for a gradient of 1e-5
for kind in (np.float16, bfloat16, np.float32):
    print(f"v = g * g in {np.dtype(kind).name:9}", kind(square))
w = bfloat16(1.0)
print("1 + 2**-9 in BF16:", w + bfloat16(2**-9), "  in FP32:", np.float32(1) + np.float32(2**-9))
assert np.float16(square) == 0 and w + bfloat16(2**-9) == w

# %% [markdown]
# (Sources: arXiv 2209.05433 for E4M3 and E5M2, 2412.19437 section 3.3 for DeepSeek-V3, 1710.03740 for master weights,
# 2402.02750 for KIVI. W4A16 against FP8, and when each wins, is a chapter of its own.)
#
# ## 12 The ladder: one tensor, from 16 bits to 4
#
# The same normally distributed weights with a sprinkle of outliers, at every rung. Read it from the top: no rung takes
# more bits than the one above, and the error says what they were worth. It does not simply grow on the way down: how fine
# the scales are can matter more than the bits.

# %%
def grid_round(x, group, top):  # symmetric integers, one scale per group
    blocks = x.reshape(-1, group)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / top
    return (np.rint(blocks / scale) * scale).ravel()


rng = np.random.default_rng(0)
x = rng.standard_normal(2**16, dtype=np.float32)
x[rng.permutation(x.size)[:64]] *= 20
# name, bits per element, x in that format
rungs = [("FP16", 16, x.astype(np.float16)), ("BF16", 16, x.astype(bfloat16)),
         ("INT8, groups of 128", 8 + 16 / 128, grid_round(x, 128, 127)),
         ("INT8, one scale", 8, grid_round(x, x.size, 127)),
         ("E4M3, one scale", 8, rounded_to(x, "E4M3", np.abs(x).max())),
         ("NVFP4", 4.5, nvfp4_round(x)), ("MXFP4", 4.25, mxfp4_round(x)),
         ("INT4, groups of 128", 4 + 16 / 128, grid_round(x, 128, 7)),
         ("FP4, one scale", 4, fp4_one_scale(x))]  # fmt: skip
size = np.linalg.norm(x)
errors = [np.linalg.norm(rounded.astype(np.float32) - x) / size for _, _, rounded in rungs]
fig, ax = plt.subplots(figsize=(7.5, 3.4))
ax.barh([f"{name}  ({bits:g} bits)" for name, bits, _ in rungs], errors)
ax.set(xscale="log", xlabel="relative error", xlim=(1e-4, 2))
ax.invert_yaxis()
for i, error in enumerate(errors):
    ax.text(error * 1.1, i, f"{error:.2%}", va="center", fontsize=9)
assert errors[2] < errors[4] < errors[3]  # INT8 in groups, E4M3, INT8 with one scale

# %% [markdown]
# ## Boss: MXFP4 in one pass
#
# Everything at once: exponent fields, bit casts, ties to even, packing, a tail mask, and a traffic budget. On a GPU a
# quantizer is bound by memory, so the budget is bytes: x is read once, codes and scales are written once.
#
# The OCP rule (MX specification 1.0, section 6.3), for a block of 32: scale = 2^(⌊log₂ amax⌋ − 2), since E2M1's largest
# octave begins at 4 = 2². Then round x / scale to E2M1, ties to even, saturating at ±6.
# E2M1's codes 0 to 7 are 0, 0.5, 1, 1.5, 2, 3, 4, 6; bit 3 is the sign.

# %% [markdown]
# {{card 01.24}}
# `mxfp4(x, codes, scales)`: x float32[m, n], contiguous, n a multiple of 32, finite; writes codes uint8[m, n/2] (even
# element in the low nibble, odd in the high) and scales uint8[m, n/32] (E8M0: exponent + 127). A scale code below 0, from
# a tiny amax, is clamped to 0; a block of zeros has 0 too. Bit 3 of a code is the sign bit of x, for −0.0 and for a small
# negative number that rounds to 0 as well. One launch, each byte moved once (≤ 1.05 × the bytes of x, codes, scales).
#
# A block with amax 6: scale code 127; `[0.25, 0.75, 2.5, -5]` become 0.0, 1.0, 2.0, −4.0, bytes `[0x20, 0xE4]`.
# With m·n/32 blocks in a row, block b owns elements 32b ..., code bytes 16b ... and scale b.
#
# A verdict that says `codes[0][3]` means byte 3 of row 0, elements 6 and 7; the last hexadecimal digit is element 6.
# Scales are compared first, for a wrong scale spoils all the codes of its block.
#
# `tl.abs(t)` and `tl.maximum(a, b)` work element by element, `tl.max(t, axis=1)` gives each row's largest, and
# `t.to(tl.int32, bitcast=True)` reads float32 bits as an integer (`.to(tl.float32, bitcast=True)` goes back).

# %% tags=["exercise"]
# Exercise 01.24
@triton.jit
def e2m1_code(y):
    """y: float32, already divided by the scale -> int32 in 0 ... 15; bit 3 is the sign."""
    ### BEGIN SOLUTION
    a = tl.abs(y)
    passed = (a > 0.25).to(tl.int32) + (a >= 0.75) + (a > 1.25) + (a >= 1.75)
    passed += (a > 2.5).to(tl.int32) + (a >= 3.5) + (a > 5.0)
    return passed | ((y.to(tl.int32, bitcast=True) >> 28) & 8)
    ### END SOLUTION

@triton.jit
def mxfp4_kernel(x, codes, scales, blocks, B: tl.constexpr):
    block = tl.program_id(0) * B + tl.arange(0, B)
    pair = block[:, None] * 16 + tl.arange(0, 16)[None, :]  # its elements: 2 pair, 2 pair + 1
    ### BEGIN SOLUTION
    live = (block < blocks)[:, None]
    even = tl.load(x + 2 * pair, mask=live, other=0.0)
    odd = tl.load(x + 2 * pair + 1, mask=live, other=0.0)
    amax = tl.max(tl.maximum(tl.abs(even), tl.abs(odd)), axis=1)
    scale = tl.maximum((amax.to(tl.int32, bitcast=True) >> 23) - 2, 0)
    inverse = ((254 - scale) << 23).to(tl.float32, bitcast=True)[:, None]
    byte = e2m1_code(even * inverse) | (e2m1_code(odd * inverse) << 4)
    tl.store(codes + pair, byte.to(tl.uint8), mask=live)
    tl.store(scales + block, scale.to(tl.uint8), mask=block < blocks)
    ### END SOLUTION


def mxfp4(x, codes, scales):
    mxfp4_kernel[(triton.cdiv(scales.numel(), 16),)](x, codes, scales, scales.numel(), B=16)

# %% tags=["check"]
check("01.24")

# %%
if ready("01.24") and triton_backend():
    x = torch.randn(16, 1024, generator=torch.Generator().manual_seed(0)).to(device)
    codes = torch.empty(16, 512, dtype=torch.uint8, device=device)
    scales = torch.empty(16, 32, dtype=torch.uint8, device=device)
    mxfp4(x, codes, scales)
    byte = codes.cpu().numpy().reshape(-1, 16, 1)
    value = np.concatenate([byte & 15, byte >> 4], axis=2).view(e2m1).astype(np.float32)
    power = scales.cpu().numpy().reshape(-1, 1).astype(np.int32) - 127
    back = np.ldexp(value.reshape(-1, 32), power)
    truth = x.cpu().numpy().reshape(-1, 32)
    out = codes.nbytes + scales.nbytes
    moved = x.nbytes + out
    print(f"{x.nbytes:,} bytes in, {out:,} out: {8 * out / x.numel()} bits per element")
    error = np.linalg.norm(back - truth) / np.linalg.norm(truth)
    print(f"relative error {error:.1%}; reading is {x.nbytes / moved:.0%} of the traffic")
    assert np.array_equal(back.ravel(), mxfp4_round(truth.ravel()))

# %% [markdown]
# ## Interview corner
# {{questions}}

# %% [markdown]
# ## Recap
#
# | format | S-E-M | largest | smallest | gap at 1 | Inf, NaN | say it in a sentence |
# |---|---|---|---|---|---|---|
# | FP32 | 1-8-23 | 3.4e38 | 1.4e−45 | 2⁻²³ | IEEE | where sums, softmax and master weights live |
# | TF32 | 1-8-10 | 3.4e38 | | 2⁻¹⁰ | | FP32 as the tensor core reads it |
# | BF16 | 1-8-7 | 3.4e38 | 9.2e−41 | 2⁻⁷ | IEEE | half of FP32: its range, 8 bits of precision |
# | FP16 | 1-5-10 | 65504 | 6.0e−8 | 2⁻¹⁰ | IEEE | 8 times finer, overflows at exp(11.09) |
# | E5M2 | 1-5-2 | 57344 | 1.5e−5 | 1/4 | IEEE | half of FP16; gradients |
# | E4M3 | 1-4-3 | 448 | 2⁻⁹ | 1/8 | NaN only | weights and activations; clamp before the cast |
# | E2M1 | 1-2-1 | 6 | 0.5 | 1/2 | none | only with a scale per block (MX: 32, NVFP4: 16) |
# | E8M0 | 0-8-0 | 2¹²⁷ | 2⁻¹²⁷ | | NaN = 0xFF | a scale: a power of two |

# %%
table = {"float32": (3.4e38, 1.4e-45, 2**-23), "bfloat16": (3.4e38, 9.2e-41, 2**-7),
         "float16": (65504, 6.0e-8, 2**-10),
         "float8_e5m2": (57344, 1.5e-5, 1 / 4), "float8_e4m3fn": (448, 2**-9, 1 / 8),
         "float4_e2m1fn": (6, 0.5, 1 / 2)}  # fmt: skip
for name, row in table.items():
    info = ml_dtypes.finfo(name)
    exact = [float(v) for v in (info.max, info.smallest_subnormal, info.eps)]
    assert np.allclose(exact, row, rtol=0.02, atol=0), (name, exact)
print("the table above agrees with ml_dtypes")

# %% [markdown]
# **Read next.** arXiv 2209.05433 (FP8 formats, 9 pages) · OCP Microscaling specification 1.0, sections 5 and 6 · arXiv
# 1710.03740 (mixed precision) · FasterTransformer's `interleaved_numeric_conversion.h`, which you can now read in one
# go · DeepSeek-V3 (arXiv 2412.19437), section 3.3, as an exercise in spotting this chapter's ideas · N. Higham,
# *Accuracy and Stability of Numerical Algorithms*, chapter 4, for everything about sums.
#
# In your notebook: `progress()` shows what is open; chapter 02 puts these numbers into memory.
