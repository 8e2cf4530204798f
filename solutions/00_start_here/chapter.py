# %% [markdown]
# # 00 · Start here
#
# About 20 minutes. Afterwards you know that your machine works, how a chapter works, and what the course
# tells you when you are right, wrong, or not there yet.
#
# Run a cell with **Shift + Enter**. Start with the next one.

# %% tags=["setup"]
import sys
from pathlib import Path

home = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "study").is_file()), None)
assert home, "Open this notebook with ./study lab, or from a folder inside the course."
sys.path.insert(0, str(home))

import numpy as np
import torch

from utils import check, hint, preflight, progress, ready, reset, reveal, tl, triton

# %% [markdown]
# ## Does your machine work?
#
# `preflight()` gives each tool a question whose answer is known. No GPU is fine: kernels then run on Triton's
# interpreter (right values, no speed) and are still compiled for an H100 so that we can look at the machine code.

# %%
preflight()

# %% [markdown]
# ## How a chapter works
#
# 1. **Predict.** You write a number down *before* anything runs. Your first answer counts. Being wrong here is
#    the cheapest way to learn.
# 2. **Run** the experiment and look.
# 3. **Write** the function or the kernel yourself.
# 4. **Check** it. A failed check says what is wrong and where to look. It never stops the notebook.
# 5. **Answer** the interviewer, at the end of each chapter, aloud.
#
# Let us do one of each.

# %% [markdown]
# {{card 00.1}}
# A layer has a weight matrix of 4096 × 4096 numbers in float16. How many megabytes (10⁶ bytes) is that?
# A large copy on one H100 80GB HBM3 was measured at 3.0 TB/s (3.0 · 10¹² bytes per second). How many microseconds does
# reading the matrix once take at that rate?
#
# Replace each `...` by a number or a formula. First run the next two cells **as they are**: that is what
# *not attempted* looks like.

# %% tags=["exercise"]
# Predict 00.1
### BEGIN SOLUTION
megabytes_fp16 = 4096 * 4096 * 2 / 1e6
microseconds_to_read = megabytes_fp16 / 3.0
### END SOLUTION

# %% tags=["check"]
check("00.1")

# %% [markdown]
# That second number is a **floor**: no kernel that needs the whole matrix finishes sooner on that GPU. Half of the
# interview questions on kernels start from a floor like it.

# %% [markdown]
# {{card 00.2}}
# `saxpy(a, x, y)`: `a` is a number, `x` and `y` are float32 arrays of length n ≥ 1. Return a **new** float32 array
# with element i equal to a·x[i] + y[i]. With a = 2, x = [1, 2], y = [10, 20] the result is [12, 24].
#
# **Be wrong first**, on purpose: replace the `...` by the two lines `y += a * x` and `return y`, then run the check.
# The values are right. See what it says all the same, then mend it.

# %% tags=["exercise"]
# Exercise 00.2
def saxpy(a, x, y):
    ### BEGIN SOLUTION
    return a * x + y
    ### END SOLUTION


# %% tags=["check"]
check("00.2")

# %% [markdown]
# Each check draws fresh random inputs: sizes 1, 2, around 128, and a prime, with values that are all different.
# The verdict names its **seed**; `check("00.2", seed=7)` repeats the inputs of seed 7.
#
# Stuck? Ask for a hint. Each further call is more concrete.

# %%
hint("00.2")

# %% [markdown]
# {{card 00.3}}
# Now a GPU kernel, in Triton. `add(x, y)`: two float32 tensors of length n ≥ 1, any n; return x + y. The launcher
# `add` is written for you: it starts ⌈n / 128⌉ **programs**, and each program handles 128 elements.
# You write `add_kernel`. `n` is the length; `BLOCK` is 128. `x`, `y` and `out` are pointers: `x` is an address, and for a
# vector of numbers i, `x + i` is a vector of addresses. Each element is read once and written once; more is too much.
#
# - `tl.program_id(0)` is this program's number, `tl.arange(0, BLOCK)` the vector 0, 1, ..., BLOCK − 1.
# - `tl.load(x + i, mask=m)` reads x[i] for a whole vector i, but only where m is true.
# - `tl.store(out + i, value, mask=m)` writes.
#
# With n = 130 there are two programs. The second has 2 elements to do and 126 that do not exist. Leave the masks
# out first and check: a real GPU would write into somebody else's memory without a word.

# %% tags=["exercise"]
# Exercise 00.3
@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    ### BEGIN SOLUTION
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(x + i, mask=i < n)
    b = tl.load(y + i, mask=i < n)
    tl.store(out + i, a + b, mask=i < n)
    ### END SOLUTION


def add(x, y):
    out = torch.empty_like(x)
    add_kernel[(triton.cdiv(x.numel(), 128),)](x, y, out, x.numel(), BLOCK=128)
    return out


# %% tags=["check"]
check("00.3")

# %% [markdown]
# ## What a verdict promises
#
# Read the line `values`: it says **where** the values were obtained. "Triton interpreter" means the numbers are right
# on a simulator; nothing is said about speed. It runs one program after the other: the check notices when two of them
# store to one address, but no other kind of race. On a GPU the same check runs there and names it.
#
# A cell that builds on your answer waits for it:

# %%
if ready("00.3"):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x = torch.arange(5, dtype=torch.float32, device=device)
    print(add(x, 10 * x))

# %% [markdown]
# ## Where you stand
#
# `progress()` shows every chapter and what to do next. `reset("00.3")` gives you the empty cell back for another try.
# `reveal("00.3")` shows a model answer with its idea, and it is noted that you looked. A copy handed out by a teacher
# comes without model answers: there it says so, and you ask the teacher.
#
# Your notebooks are copies in `work/`. A newer version of the course is merged into them with `./study update`:
# what you wrote stays.

# %%
progress()

# %% [markdown]
# ## Interview corner
#
# Every chapter ends with questions. Answer aloud, with a clock: 30 seconds first, then 3 minutes. Then unfold.
#
# {{questions}}
#
# ---
# **Next:** `01_number_formats.ipynb`, because every later chapter counts bytes, and bytes begin with the format.
