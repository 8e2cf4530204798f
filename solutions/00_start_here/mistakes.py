"""Wrong answers of chapter 00 and the diagnosis each must get; unusual right ones."""

from utils.judge import Right, Wrong


def predicted(name: str, diagnosis: str, megabytes: object, microseconds: object = 11.2) -> Wrong:
    code = f"megabytes_fp16 = {megabytes}\nmicroseconds_to_read = {microseconds}"
    return Wrong("00.1", name, code=code, diagnosis=diagnosis)


ATTEMPTS = [
    predicted("one byte a number", "one-byte", 16.8),
    predicted("bits", "bits", 268.4),
    predicted("one row", "one-row", 0.008192),
    predicted("float32", "float32", 67.1),
    predicted("mebibytes", "thousand-1024", 32),
    predicted("gigabytes", "power-of-ten", 0.03355),
    predicted("a text", "not-a-number", "'33.5 MB'"),
    predicted("nanoseconds", "milli", 33.5, 0.0112),
    predicted("only one of two", "open", 33.5, "..."),
    Right("00.1", "as formulas", code="megabytes_fp16 = 4096**2 * 2 / 1e6\nmicroseconds_to_read = megabytes_fp16 / 3"),
    Right("00.1", "as NumPy numbers", code="import numpy as np\nmegabytes_fp16 = np.float32(33.55)\n"
          "microseconds_to_read = np.int64(11)"),  # fmt: skip
    Wrong("00.2", "in place", code="def saxpy(a, x, y):\n    y += a * x\n    return y", diagnosis="input-changed"),
    Wrong("00.2", "no return", edits=(("return a * x + y", "a * x + y"),), diagnosis="returned-nothing"),
    Wrong("00.2", "swapped", edits=(("a * x + y", "a * y + x"),), diagnosis="swapped"),
    Wrong("00.2", "a forgotten", edits=(("a * x + y", "x + y"),), diagnosis="no-a"),
    Wrong("00.2", "y forgotten", edits=(("a * x + y", "a * x"),), diagnosis="no-y"),
    Wrong("00.2", "one short", edits=(("a * x + y", "(a * x + y)[:-1]"),), diagnosis="wrong-shape"),
    Wrong("00.2", "float64", edits=(("a * x + y", "np.float64(a) * x.astype(np.float64) + y"),), diagnosis="wrong-dtype"),
    Wrong("00.2", "in float16", diagnosis="low-precision",
          edits=(("a * x + y", "(np.float16(a) * x.astype(np.float16) + y.astype(np.float16)).astype(np.float32)"),)),
    Right("00.2", "a loop", code="import numpy as np\ndef saxpy(a, x, y):\n    out = np.empty_like(x)\n"
          "    for i in range(len(x)):\n        out[i] = a * x[i] + y[i]\n    return out"),
    Right("00.2", "einsum", code="import numpy as np\ndef saxpy(a, x, y):\n"
          "    return np.einsum('ki,k->i', np.stack([x, y]), np.array([a, 1.0], dtype=np.float32))"),
    Wrong("00.3", "no mask on the loads", seeds=5, edits=(("tl.load(x + i, mask=i < n)", "tl.load(x + i)"),),
          diagnosis="out-of-bounds"),
    Wrong("00.3", "no mask on the store", seeds=5, edits=(("a + b, mask=i < n", "a + b"),), diagnosis="outside-output"),
    Wrong("00.3", "the program's number forgotten", seeds=5, edits=(("tl.program_id(0) * BLOCK + ", ""),),
          diagnosis="tail-unwritten"),
    Wrong("00.3", "the programs lie one element apart", seeds=5, edits=(("tl.program_id(0) * BLOCK", "tl.program_id(0)"),),
          diagnosis="race"),
    Wrong("00.3", "mask one too small", seeds=5, edits=(("a + b, mask=i < n", "a + b, mask=i < n - 1"),),
          diagnosis="tail-unwritten"),
    Wrong("00.3", "y never read", seeds=5, edits=(("b = tl.load(y + i", "b = tl.load(x + i"),), diagnosis="one-input"),
    Wrong("00.3", "subtracts", seeds=5, edits=(("a + b", "a - b"),), diagnosis="subtracts"),
    Wrong("00.3", "negative", seeds=5, edits=(("a + b", "-(a + b)"),), diagnosis="sign"),
    Wrong("00.3", "torch does it", seeds=5, edits=(("return out", "return x + y"),), diagnosis="forbidden-route"),
    Wrong("00.3", "no kernel", seeds=5, code="def add(x, y):\n    return x + y", diagnosis="no-launch"),
    Wrong("00.3", "stores nothing", seeds=5, edits=(("    tl.store(out + i, a + b, mask=i < n)\n", ""),), diagnosis="never-written"),
    Right("00.3", "one program loops over everything", seeds=5, code="""
@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    for start in range(0, n, BLOCK):
        i = start + tl.arange(0, BLOCK)
        a = tl.load(x + i, mask=i < n, other=0.0)
        tl.store(out + i, a + tl.load(y + i, mask=i < n, other=0.0), mask=i < n)

def add(x, y):
    out = torch.empty_like(x)
    add_kernel[(1,)](x, y, out, x.numel(), BLOCK=256)
    return out
"""),
]  # fmt: skip
