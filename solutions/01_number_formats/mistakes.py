"""Wrong answers to chapter 01 with the diagnosis each must get, and right answers of another shape."""

from __future__ import annotations

from utils.judge import Right, Wrong


def guess(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """A wrong prediction: nothing random in it, so one seed is enough."""
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, edits=edits, seeds=1)


def slip(exercise: str, name: str, diagnosis: str, *edits: tuple[str, str]) -> Wrong:
    """The model answer with one thing changed."""
    return Wrong(exercise=exercise, name=name, diagnosis=diagnosis, edits=edits, seeds=SEEDS.get(exercise, 10))


def same(exercise: str, name: str, *edits: tuple[str, str], seeds: int = 10) -> Right:
    """The model answer written another way."""
    return Right(exercise=exercise, name=name, edits=edits, seeds=seeds)


# Where a check tries (nearly) every pattern there is, another seed has nothing left to find; kernels are slow.
SEEDS = {"01.2": 3, "01.4": 5, "01.6": 5, "01.8": 5, "01.13": 3, "01.19": 4, "01.24": 3}


FORMULA = """
def decode(bits, E, M):
    s, e, f = bits >> (E + M), (bits >> M) & (2**E - 1), bits & (2**M - 1)
    return (-1) ** s * 2.0 ** (e - (2 ** (E - 1) - 1)) * (1 + f / 2**M)
"""

READING = [
    guess("01.1", "forgets the fraction", "no-fraction", ("-5.0", "-4.0")),
    guess("01.1", "forgets the bias", "no-bias", ("-5.0", "-163840.0")),
    guess("01.1", "forgets the sign", "sign", ("-5.0", "5.0")),
    guess("01.1", "one octave too high", "factor-of-two", ("-2048.0", "-4096.0")),
    guess("01.1", "the same number in both formats", "same-fields", ("-2048.0", "-5")),
    guess("01.1", "no hidden one", "no-hidden-one", ("-2048.0", "0.0")),
    guess("01.1", "a string", "not-a-number", ("-5.0", "'-5'")),
    same("01.1", "integers and powers", ("-5.0", "-(2**2 + 1)"), ("-2048.0", "-(2**11)"), seeds=1),
    slip("01.2", "subnormals with a hidden 1", "no-subnormals", ("if exponent == 0:", "if False:")),
    slip("01.2", "no Inf, no NaN", "no-specials", ("if exponent == 2**E - 1:", "if False:")),
    Wrong("01.2", "the formula alone", diagnosis="formula-alone", seeds=3, code=FORMULA),
    Wrong("01.2", "the formula alone, widths as masks", diagnosis="width-as-mask", seeds=3,
          code=FORMULA.replace("2**E - 1)", "E)").replace("(2**M - 1)", "M")),
    slip("01.2", "widths as masks", "width-as-mask", ("(bits >> M) & (2**E - 1)", "(bits >> M) & E"), ("bits & (2**M - 1)", "bits & M")),
    slip("01.2", "E as a mask", "width-as-mask", ("(bits >> M) & (2**E - 1)", "(bits >> M) & E")),
    slip("01.2", "M as a mask", "width-as-mask", ("bits & (2**M - 1)", "bits & M")),
    slip("01.2", "no hidden 1", "no-hidden-one", ("(1 + fraction / 2**M)", "(fraction / 2**M)")),
    slip("01.2", "bias 2**(E-1)", "wrong-bias", ("bias = 2 ** (E - 1) - 1", "bias = 2 ** (E - 1)")),
    slip("01.2", "the sign is ignored", "no-sign", ("-1.0 if (bits >> (E + M)) & 1 else 1.0", "1.0")),
    slip("01.2", "every NaN is Inf", "nan-to-inf", ('if fraction == 0 else float("nan")', "")),
    slip("01.2", "subnormals with exponent -bias", "subnormal-exponent", ("2.0 ** (1 - bias)", "2.0 ** (0 - bias)")),
    slip("01.2", "integer zero loses its sign", "zero-sign", ("return sign * (fraction / 2**M) * 2.0 ** (1 - bias)",
         "return sign * (fraction / 2**M) * 2.0 ** (1 - bias) if fraction else 0.0")),
    slip("01.2", "bias of FP16 for all", "fixed-bias", ("bias = 2 ** (E - 1) - 1", "bias = 15")),
    slip("01.2", "bias of BF16 for all", "fixed-bias", ("bias = 2 ** (E - 1) - 1", "bias = 127")),
    slip("01.2", "bias 2**E - 1", "wrong-bias", ("bias = 2 ** (E - 1) - 1", "bias = 2**E - 1")),
    slip("01.2", "-Inf is Inf", "inf-sign", ('return sign * float("inf")', 'return float("inf")')),
    slip("01.2", "the sign stays in the exponent", "exponent-mask", ("(bits >> M) & (2**E - 1)", "bits >> M")),
    slip("01.2", "a full fraction is 1", "fraction-steps",
         ("(1 + fraction / 2**M)", "(1 + fraction / (2**M - 1))"), ("(fraction / 2**M)", "(fraction / (2**M - 1))")),
    slip("01.2", "torch reads it", "forbidden-route",
         ("sign = -1.0", "if (E, M) == (5, 10):\n        return torch.tensor(bits, dtype=torch.uint16).view(torch.float16).item()\n    sign = -1.0")),
    slip("01.2", "nothing is returned", "returned-nothing", ("return sign * (1 +", "result = sign * (1 +")),
    slip("01.2", "lets the library read it", "forbidden-route",
         ('"""The number that `bits` stands for in an IEEE-style float of 1 + E + M bits."""',
          "if (E, M) == (5, 10):\n        return float(np.uint16(bits).view(np.float16))")),
    Right(exercise="01.2", name="integers only, one ldexp at the end", seeds=5, code='''
import math

def decode(bits, E, M):
    sign, rest = divmod(bits, 1 << (E + M))
    exponent, fraction = divmod(rest, 1 << M)
    if exponent == (1 << E) - 1:
        size = math.nan if fraction else math.inf
    else:
        hidden = (1 << M) if exponent else 0
        size = math.ldexp(hidden + fraction, max(exponent, 1) - (1 << (E - 1)) + 1 - M)
    return math.copysign(size, -sign or 1)
'''),
    guess("01.3", "IEEE's rule", "ieee-rule", ("448.0", "240.0")),
    guess("01.3", "the NaN pattern", "nan-pattern", ("448.0", "480")),
    guess("01.3", "E5M2's largest", "e5m2", ("448.0", "57344")),
    guess("01.3", "the octave's beginning", "wrong-value", ("448.0", "256")),
    guess("01.3", "two infinities", "ieee-rule", ("infinities = 0", "infinities = 2")),
    guess("01.3", "one octave short", "factor-of-two", ("448.0", "224.0")),
    same("01.3", "as an expression", ("448.0", "1.75 * 2**8"), seeds=1),
    slip("01.4", "IEEE's top exponent", "ieee-rule",
         ("if (bits & 0x7F) == 0x7F:", "if exponent == 15:"),
         ('return float("nan")', 'return sign * float("inf") if fraction == 0 else float("nan")')),
    slip("01.4", "NaN in all of the top exponent", "top-exponent", ("if (bits & 0x7F) == 0x7F:", "if exponent == 15:")),
    slip("01.4", "Inf in all of the top exponent", "top-exponent", ("if (bits & 0x7F) == 0x7F:", "if exponent == 15:"),
         ('return float("nan")', 'return sign * float("inf")')),
    slip("01.4", "480 instead of NaN", "no-nan", ("if (bits & 0x7F) == 0x7F:", "if False:")),
    slip("01.4", "448 instead of NaN", "nan-to-largest", ('return float("nan")', "return sign * 448.0")),
    slip("01.4", "only one of the NaNs", "one-nan", ("if (bits & 0x7F) == 0x7F:", "if bits == 0x7F:")),
    slip("01.4", "zero loses its sign", "zero-sign", ("return sign * fraction / 8 * 2.0**-6", "return sign * fraction / 8 * 2.0**-6 + 0.0")),
    slip("01.4", "three bits of exponent", "exponent-mask", ("(bits >> 3) & 15", "(bits >> 3) & 7")),
    slip("01.4", "three bits of exponent, NaN by its fields", "exponent-mask", ("(bits >> 3) & 15", "(bits >> 3) & 7"),
         ("(bits & 0x7F) == 0x7F", "exponent == 15 and fraction == 7")),
    slip("01.4", "subnormals with exponent -bias", "subnormal-exponent", ("2.0**-6", "2.0**-7")),
    slip("01.4", "FNUZ", "fnuz",
         ("if (bits & 0x7F) == 0x7F:", "if bits == 0:\n        return 0.0\n    if bits == 0x80:"),
         ("2.0**-6", "2.0**-7"), ("(exponent - 7)", "(exponent - 8)")),
    slip("01.4", "subnormals with a hidden 1", "no-subnormals", ("if exponent == 0:", "if False:")),
    slip("01.4", "bias 8", "wrong-bias", ("2.0**-6", "2.0**-7"), ("(exponent - 7)", "(exponent - 8)")),
    slip("01.4", "the sign is ignored", "no-sign", ("-1.0 if bits & 0x80 else 1.0", "1.0")),
    slip("01.4", "the cast of a library", "forbidden-route",
         ("sign = -1.0", "return float(np.uint8(bits).view(ml_dtypes.float8_e4m3fn))\n    sign = -1.0")),
    Right(exercise="01.4", name="a table built once", code="""
steps = [(8 * (e > 0) + f) * 2.0 ** (max(e, 1) - 10) for e in range(16) for f in range(8)]
steps[-1] = float("nan")

def decode_e4m3(bits):
    return -steps[bits - 128] if bits > 127 else steps[bits]
"""),
]  # fmt: skip

GAPS = [
    guess("01.5", "the last exact one", "fence-post", ("2049", "2048")),
    guess("01.5", "no hidden bit", "hidden-one", ("2049", "1025")),
    guess("01.5", "the range", "range", ("2049", "65505")),
    guess("01.5", "BF16 like FP16", "same-as-fp16", ("257", "2049")),
    guess("01.5", "BF16's last exact one", "fence-post", ("257", "256")),
    guess("01.5", "fifteen bits of integer", "integer", ("2049", "32769")),
    same("01.5", "as powers", ("2049", "2**11 + 1"), ("257", "2**8 + 1"), seeds=1),
    slip("01.6", "truncates", "truncates", ("np.rint(", "np.floor(")),
    slip("01.6", "ties go up", "ties-away", ("np.rint(np.ldexp(size, M - exponent))", "np.floor(np.ldexp(size, M - exponent) + 0.5)")),
    slip("01.6", "no subnormals", "flush-to-zero",
         ("code = np.minimum(", "code = np.where(code < 2**M, 0, code)\n    code = np.minimum(")),
    slip("01.6", "never saturates", "ignores-saturate", ("infinity - 1 if saturate else infinity", "infinity")),
    slip("01.6", "always saturates", "always-saturates", ("infinity - 1 if saturate else infinity", "infinity - 1")),
    slip("01.6", "loses the sign of zero", "zero-sign", ("np.signbit(x)", "(x < 0)")),
    slip("01.6", "a positive NaN", "nan-sign", ("np.signbit(x)", "(np.signbit(x) & ~np.isnan(x))")),
    slip("01.6", "loses the sign of zero alone", "zero-sign", ("np.signbit(x)", "((x < 0) | (np.isnan(x) & np.signbit(x)))")),
    slip("01.6", "zero as a normal number, and NaN with all bits", "zero-as-normal",
         ("np.where(size > 0, power, -999)", "power"), ("infinity + 2 ** (M - 1), code)", "infinity + 2**M - 1, code)")),
    slip("01.6", "zero as a normal number, and ties up", "ties-away",
         ("np.where(size > 0, power, -999)", "power"), ("np.rint(np.ldexp(size, M - exponent))", "np.floor(np.ldexp(size, M - exponent) + 0.5)")),
    slip("01.6", "NaN becomes Inf", "nan-to-inf", ("infinity + 2 ** (M - 1), code)", "infinity, code)")),
    slip("01.6", "zero is treated as a normal number", "zero-as-normal", ("np.where(size > 0, power, -999)", "power")),
    slip("01.6", "int64 patterns", "wrong-dtype",
         ("return code | (np.signbit(x).astype(np.uint32) << np.uint32(E + M))",
          "return (code | (np.signbit(x).astype(np.uint32) << np.uint32(E + M))).astype(np.int64)")),
    slip("01.6", "NaN becomes the largest", "nan-to-largest",
         ("infinity + 2 ** (M - 1), code)", "infinity - 1 if saturate else infinity, code)")),
    slip("01.6", "NaN with all fraction bits", "nan-payload", ("infinity + 2 ** (M - 1), code)", "infinity + 2**M - 1, code)")),
    slip("01.6", "NaN with the lowest fraction bit", "nan-payload", ("infinity + 2 ** (M - 1), code)", "infinity + 1, code)")),
    slip("01.6", "no lower end to the exponent", "exponent-too-low",
         ("np.maximum(np.where(size > 0, power, -999) - 1, 1 - bias)", "np.where(size > 0, power - 1, 1 - bias)")),
    slip("01.6", "the same, zero too", "exponent-too-low",
         ("np.maximum(np.where(size > 0, power, -999) - 1, 1 - bias)", "power - 1")),
    slip("01.6", "no lower end to the exponent, the code clipped at 0", "exponent-too-low",
         ("np.maximum(np.where(size > 0, power, -999) - 1, 1 - bias)", "np.where(size > 0, power - 1, 1 - bias)"),
         ("code = np.minimum(code, infinity", "code = np.maximum(code, 0)\n    code = np.minimum(code, infinity")),
    slip("01.6", "no lower end to the exponent, the code clipped after it has wrapped", "exponent-too-low",
         ("np.maximum(np.where(size > 0, power, -999) - 1, 1 - bias)", "np.where(size > 0, power - 1, 1 - bias)"),
         ("code = np.minimum(code, infinity",
          "code = np.where(np.isfinite(code), code, infinity).astype(np.int64).astype(np.uint32)\n    code = np.minimum(code, infinity")),
    slip("01.6", "no rule for NaN", "nan-unhandled", ("np.where(np.isnan(x), infinity + 2 ** (M - 1), code)", "code")),
    slip("01.6", "the fraction is OR-ed in", "carry-lost",
         ("code = np.minimum(code, ",
          "low = np.where(gaps >= 2**M, exponent + bias, 0).astype(np.int64)\n"
          "    f = np.where(np.isfinite(gaps), np.where(gaps >= 2**M, gaps - 2**M, gaps), 0).astype(np.int64)\n"
          "    code = np.where(np.isfinite(gaps), (low << M) | f, np.inf)\n    code = np.minimum(code, ")),
    slip("01.6", "the fraction wraps", "carry-lost",
         ("code = np.minimum(code, ",
          "low = np.where((size >= 2.0 ** (1 - bias)), exponent + bias, 0)\n"
          "    code = np.where(np.isfinite(size) & (size < 2.0 ** (bias + 1)), low * 2.0**M + gaps % 2**M, np.inf)\n"
          "    code = np.minimum(code, ")),
    slip("01.6", "e + bias, and the hidden 1 on top", "hidden-twice", ("exponent + bias - 1", "exponent + bias")),
    slip("01.6", "the same, subnormals apart", "hidden-twice",
         ("exponent + bias - 1", "exponent + bias - (size < 2.0 ** (1 - bias))")),
    slip("01.6", "subnormals with exponent -bias", "subnormal-exponent", ("- 1, 1 - bias)", "- 1, 0 - bias)")),
    slip("01.6", "subnormals apart, with exponent -bias", "subnormal-exponent",
         ("code = np.minimum(code, ", "code = np.where(size < 2.0 ** (1 - bias), np.rint(np.ldexp(size, bias + M)), code)\n"
          "    code = np.minimum(code, ")),
    slip("01.6", "no sign", "no-sign", ("return code | (np.signbit(x).astype(np.uint32) << np.uint32(E + M))", "return code")),
    slip("01.6", "not clipped", "not-clipped",
         ("np.minimum(code, infinity - 1 if saturate else infinity)",
          "np.where(np.isinf(size), infinity - 1 if saturate else infinity, code)")),
    slip("01.6", "Inf before rounding", "early-inf",
         ("code = np.minimum(code, ", "code = np.where(size > 2.0**bias * (2 - 2.0**-M), infinity, code)\n    code = np.minimum(code, ")),
    slip("01.6", "Inf is not saturated", "inf-not-saturated",
         ("np.minimum(code, infinity - 1 if saturate else infinity)",
          "np.minimum(code, np.where(saturate & np.isfinite(size), infinity - 1, infinity))")),
    slip("01.6", "torch does it", "forbidden-route",
         ("bias, infinity =", "if (E, M) == (5, 10):\n        x = torch.from_numpy(x).half().float().numpy()\n    bias, infinity =")),
    Right(exercise="01.6", name="search in the table of all values", code="""
def encode(x, E, M, saturate):
    bias, top = 2 ** (E - 1) - 1, 2**E - 1
    codes = np.arange((top << M) + 1)
    e, f = codes >> M, (codes & (2**M - 1)) / 2**M
    table = np.ldexp(f + (e > 0), np.maximum(e, 1) - bias)
    size = np.abs(x.astype(np.float64))
    middle = (table[1:] + table[:-1]) / 2
    low = np.searchsorted(middle, size, side="left")
    high = np.searchsorted(middle, size, side="right")
    code = np.where(low % 2 == 0, low, high)
    code = np.where(np.isnan(size), codes[-1] + 2 ** (M - 1), np.minimum(code, codes[-1 - saturate]))
    return (code + np.signbit(x) * 2 ** (E + M)).astype(np.uint32)
"""),
]  # fmt: skip

# 01.8's answer on the sum of pattern and noise
ROUND_AGAIN = (
    "(bits + r + np.uint32(0x7FFF) + ((bits + r) >> 16 & 1)) >> 16\n    added = bits + r\n"
    "    carried = np.where(np.isnan(added.view(np.float32)), ((added >> 16) & 0x8000) | 0x7FC0, carried)"
)

ROUNDING = [
    guess("01.7", "ties up", "ties-up", ("tie_low = 1.0", "tie_low = 1.0078125")),
    guess("01.7", "ties down", "ties-down", ("1.015625", "1.0078125")),
    guess("01.7", "not rounded at all", "unrounded", ("tie_low = 1.0", "tie_low = 1 + 2**-8")),
    guess("01.7", "NaN survives", "wrong-choice", ('"-0.0"', '"NaN"')),
    guess("01.7", "NaN becomes Inf", "wrong-choice", ('"-0.0"', '"Inf"')),
    guess("01.7", "not one of the choices", "wrong-type", ('"-0.0"', '"zero"')),
    same("01.7", "four digits", ("1.015625", "1.0156"), seeds=1),
    same("01.7", "exact fractions", ("1.015625", "1 + 2**-6"), seeds=1),
    slip("01.8", "cuts", "truncates", ("(bits + np.uint32(0x7FFF) + last) >> 16", "bits >> 16")),
    slip("01.8", "cuts, NaN and all", "truncates", ("np.where(np.isnan(x), quiet, rounded)", "(bits >> 16)")),
    slip("01.8", "adds 0x8000", "ties-away", ("np.uint32(0x7FFF) + last", "np.uint32(0x8000)")),
    slip("01.8", "no way for NaN", "nan-lost", ("np.where(np.isnan(x), quiet, rounded)", "rounded")),
    slip("01.8", "ties to odd", "rounding", ("np.uint32(0x7FFF) + last", "np.uint32(0x8000) - last")),
    slip("01.8", "0x7FFF and no more", "ties-down", (" + last)", ")")),
    slip("01.8", "0x7FFF and no more, no way for NaN", "ties-down", (" + last)", ")"), ("np.where(np.isnan(x), quiet, rounded)", "rounded")),
    slip("01.8", "every number with the top exponent is NaN", "inf-to-nan", ("np.isnan(x)", "~np.isfinite(x)")),
    slip("01.8", "torch does it", "forbidden-route",
         ("bits = x.view(np.uint32)", "return torch.from_numpy(x).bfloat16().view(torch.uint16).numpy()\n    bits = x.view(np.uint32)")),
    slip("01.8", "NaN loses its sign", "nan-sign", ("((bits >> 16) & 0x8000) | 0x7FC0", "np.uint32(0x7FC0)")),
    slip("01.8", "32-bit patterns", "wrong-dtype", (".astype(np.uint16)", "")),
    slip("01.8", "the cast of a library", "forbidden-route",
         ("bits = x.view(np.uint32)", "return x.astype(ml_dtypes.bfloat16).view(np.uint16)\n    bits = x.view(np.uint32)")),
    Right(exercise="01.8", name="plain Python with struct", seeds=5, code="""
import struct

def to_bf16(x):
    out = []
    for number, nan in zip(x, np.isnan(x)):
        (bits,) = struct.unpack("<I", struct.pack("<f", number)) if not nan else (int(number.view(np.uint32)),)
        out.append((bits >> 16) & 0x8000 | 0x7FC0 if nan else (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)
    return np.array(out, np.uint16)
"""),
    Right(exercise="01.8", name="remainder and parity, in 64 bits", code="""
def to_bf16(x):
    bits = x.view(np.uint32).astype(np.int64)
    kept, rest = bits // 65536, bits % 65536
    kept += (rest > 32768) | ((rest == 32768) & (kept % 2 == 1))
    kept[np.isnan(x)] = np.where(np.signbit(x), 0xFFC0, 0x7FC0)[np.isnan(x)]
    return kept.astype(np.uint16)
"""),
    slip("01.9", "ignores the noise", "truncates", ("(bits + r) >> 16", "bits >> 16")),
    slip("01.9", "rounds to nearest", "nearest", ("(bits + r) >> 16", "(bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16")),
    slip("01.9", "another rule for the same noise", "other-convention", ("(bits + r) >> 16", "(bits >> 16) + (r < (bits & 0xFFFF))")),
    slip("01.9", "no way for NaN", "nan-lost", ("np.where(np.isnan(x), quiet, carried)", "carried")),
    slip("01.9", "one r too many", "one-too-many", ("(bits + r) >> 16", "(bits + r + np.uint32(1)) >> 16")),
    slip("01.9", "adds to a 16-bit half", "truncates",
         ("(bits + r) >> 16", "(bits >> 16) + ((bits.astype(np.uint16) + r) >> 16)")),
    slip("01.9", "NaN loses its sign", "nan-sign", ("((bits >> 16) & 0x8000) | 0x7FC0", "np.uint32(0x7FC0)")),
    slip("01.9", "NaN is looked for in the sum", "nan-late", ("np.isnan(x)", "np.isnan((bits + r).view(np.float32))")),
    slip("01.9", "one noise for all", "one-noise", ("bits + r)", "bits + r[0])")),
    slip("01.9", "rounded again", "rounded-again", ("(bits + r) >> 16", "(bits + r + np.uint32(0x7FFF) + ((bits + r) >> 16 & 1)) >> 16")),
    slip("01.9", "rounded again, half up", "rounded-again", ("(bits + r) >> 16", "(bits + r + np.uint32(0x8000)) >> 16")),
    slip("01.9", "rounded again by to_bf16", "rounded-again", ("(bits + r) >> 16", ROUND_AGAIN)),
    slip("01.9", "rounded again by to_bf16 alone", "rounded-again", ("(bits + r) >> 16", ROUND_AGAIN),
         ("np.where(np.isnan(x), quiet, carried)", "carried")),
    slip("01.9", "r added to the number", "noise-as-number", ("(bits + r) >> 16", "(x + r).view(np.uint32) >> 16")),
    slip("01.9", "its own noise", "forbidden-route",
         ("bits = x", "r = np.random.default_rng().integers(0, 65536, len(x)).astype(np.uint16)\n    bits = x")),
    slip("01.9", "negative numbers by subtraction", "flipped-negative",
         ("(bits + r) >> 16", "np.where(x < 0, bits - r, bits + r) >> 16")),
    slip("01.9", "negative numbers with the noise upside down", "flipped-negative",
         ("(bits + r) >> 16", "(bits + np.where((x < 0) & (bits & 0xFFFF != 0), ~r, r)) >> 16")),
    slip("01.9", "the halves added in 16 bits", "truncates",
         ("(bits + r) >> 16", "(bits >> 16) + ((bits & 0xFFFF).astype(np.uint16) + r > 65535)")),
    slip("01.9", "rounds in place", "input-changed", ("(bits + r) >> 16", "np.add(bits, r, out=bits) >> 16")),
    Right(exercise="01.9", name="compares instead of carrying", code="""
def stochastic_bf16(x, r):
    bits = x.view(np.uint32)
    low = (bits & 0xFFFF).astype(np.int32)
    kept = (bits >> 16).astype(np.int32) + (r.astype(np.int32) > 65535 - low)
    return np.where(np.isnan(x), ((bits >> 16) & 0x8000) | 0x7FC0, kept).astype(np.uint16)
"""),
]  # fmt: skip

RANGE = [
    guess("01.10", "log10", "log10", ("11.09", "4.816")),
    guess("01.10", "log2", "log2", ("11.09", "15.99")),
    guess("01.10", "twelve", "rule-of-thumb", ("11.09", "12")),
    guess("01.10", "log2 of FP32's largest", "log2", ("88.72", "128")),
    guess("01.10", "float64's edge", "float64", ("88.72", "709.8")),
    guess("01.10", "a power of ten too many", "power-of-ten", ("11.09", "110.9")),
    same("01.10", "computed", ("11.09", "float(np.log(65504))"), ("88.72", "128 * np.log(2)"), seeds=1),
    slip("01.11", "no maximum, in float16", "no-max",
         ("wide = x.astype(np.float32)", "wide = x"), ("np.exp(wide - top)", "np.exp(wide)"),
         ("total = e.sum(axis=1, keepdims=True)", "total = e.sum(axis=1, keepdims=True, dtype=np.float32)"),
         ("e / np.where(total > 0, total, np.float32(1))", "e / total")),
    slip("01.11", "no maximum, in float32", "no-max", ("np.exp(wide - top)", "np.exp(wide)")),
    slip("01.11", "a fully masked row is NaN", "masked-row", ("top = np.where(np.isneginf(top), np.float32(0), top)", "pass")),
    slip("01.11", "-Inf replaced by -1e4", "masked-uniform",
         ("wide = x.astype(np.float32)", "wide = np.where(np.isneginf(x), np.float32(-1e4), x.astype(np.float32))")),
    slip("01.11", "-Inf replaced by the smallest float16", "masked-uniform",
         ("wide = x.astype(np.float32)", "wide = np.maximum(x, np.float16(-65504)).astype(np.float32)")),
    slip("01.11", "one maximum for all", "global-maximum", ("wide.max(axis=1, keepdims=True)", "wide.max()")),
    slip("01.11", "one maximum for all, no rule for a masked row", "global-maximum", ("wide.max(axis=1, keepdims=True)", "wide.max()"),
         ("np.where(total > 0, total, np.float32(1))", "total")),
    slip("01.11", "the largest absolute value", "abs-maximum", ("wide.max(axis=1, keepdims=True)", "np.abs(wide).max(axis=1, keepdims=True)")),
    slip("01.11", "clips the logits at 11", "clipped", ("wide = x.astype(np.float32)", "wide = np.clip(x.astype(np.float32), -11, 11)"),
         ("np.exp(wide - top)", "np.exp(wide)")),
    slip("01.11", "clips the logits above 80", "clipped", ("wide = x.astype(np.float32)", "wide = np.minimum(x.astype(np.float32), 80)"),
         ("np.exp(wide - top)", "np.exp(wide)"), ("np.where(total > 0, total, np.float32(1))", "total")),
    slip("01.11", "in float64", "too-wide", ("x.astype(np.float32)", "x.astype(np.float64)")),
    slip("01.11", "a float64 array on the way", "too-wide",
         ("return (e / np.where(total > 0, total, np.float32(1)))", "out = np.zeros(x.shape)\n    out += e / np.where(total > 0, total, np.float32(1))\n    return out")),
    slip("01.11", "the total in float16", "fp16-total",
         ("total = e.sum(axis=1, keepdims=True)", "total = e.sum(axis=1, keepdims=True).astype(np.float16)")),
    slip("01.11", "down the columns", "wrong-axis",
         ("wide.max(axis=1, keepdims=True)", "wide.max(axis=0, keepdims=True)"),
         ("e.sum(axis=1, keepdims=True)", "e.sum(axis=0, keepdims=True)")),
    Wrong("01.11", "down the columns, no rule for a masked one", diagnosis="wrong-axis", code="""
def safe_softmax(x):
    wide = x.astype(np.float32)
    e = np.exp(wide - wide.max(axis=0))
    return (e / e.sum(axis=0)).astype(np.float16)
"""),
    slip("01.11", "all in float16, no rule for a masked row", "masked-row", ("wide = x.astype(np.float32)", "wide = x"),
         ("top = np.where(np.isneginf(top), np.float32(0), top)", "pass"), ("np.where(total > 0, total, np.float32(1))", "total")),
    slip("01.11", "all in float16", "fp16-total", ("wide = x.astype(np.float32)", "wide = x"),
         ("np.float32(0), top)", "np.float16(0), top)"), ("total, np.float32(1))", "total, np.float16(1))")),
    slip("01.11", "one sum for all rows", "one-total", ("e.sum(axis=1, keepdims=True)", "e.sum()")),
    slip("01.11", "one sum for all rows, no rule for a masked one", "one-total", ("e.sum(axis=1, keepdims=True)", "e.sum()"),
         ("top = np.where(np.isneginf(top), np.float32(0), top)", "pass"), ("np.where(total > 0, total, np.float32(1))", "total")),
    slip("01.11", "one maximum and one sum", "one-total", ("e.sum(axis=1, keepdims=True)", "e.sum()"), ("wide.max(axis=1, keepdims=True)", "wide.max()")),
    slip("01.11", "float32 comes back", "wrong-dtype", (".astype(np.float16)", "")),
    slip("01.11", "forgets to divide", "wrong-values",
         ("(e / np.where(total > 0, total, np.float32(1)))", "e")),
    slip("01.11", "torch does it", "forbidden-route",
         ("wide = x.astype(np.float32)", "return torch.softmax(torch.from_numpy(x), dim=1).numpy()\n    wide = x.astype(np.float32)")),
    same("01.11", "compares with a Python float", ("np.isneginf(top)", "top == float('-inf')")),
    Right(exercise="01.11", name="online: one pass with a running maximum", code="""
def safe_softmax(x):
    out = np.zeros_like(x)
    for i, row in enumerate(x):
        top, total = np.float32(-np.inf), np.float32(0)
        for part in np.array_split(row.astype(np.float32), max(1, len(row) // 4096)):
            new = max(top, part.max())
            if np.isneginf(new):
                continue
            total = total * np.exp(top - new) + np.exp(part - new).sum()
            top = new
        if total > 0:
            out[i] = np.exp(row.astype(np.float32) - top) / total
    return out
"""),
]  # fmt: skip

SUMS = [
    guess("01.12", "exact", "exact", ("2048", "10000")),
    guess("01.12", "overflow instead of stalling", "range", ("2048", "65504")),
    guess("01.12", "one further", "fence-post", ("2048", "2049")),
    guess("01.12", "BF16 like FP16", "same-as-fp16", ("256", "2048")),
    guess("01.12", "one octave low", "factor-of-two", ("2048", "1024")),
    guess("01.12", "BF16 exact", "exact", ("256", "10_000")),
    same("01.12", "as powers of two", ("2048", "2.0**11"), ("256", "2.0**8"), seeds=1),
    slip("01.13", "a plain running sum", "stalls", ("y = row - lost", "y = row")),
    slip("01.13", "the compensation is added", "compensation-sign", ("row - lost", "row + lost")),
    slip("01.13", "computed after the total has moved", "stalls",
         ("lost = (new - total) - y\n        total = new", "total = new\n        lost = (new - total) - 0 * y")),
    slip("01.13", "float32 in secret", "too-wide", ("np.zeros(x.shape[1], np.float16)\n    lost", "np.zeros(x.shape[1], np.float32)\n    lost")),
    slip("01.13", "float64 by default", "too-wide", ("np.zeros(x.shape[1], np.float16)\n    lost", "np.zeros(x.shape[1])\n    lost"),
         ("return total", "return total.astype(np.float16)")),
    slip("01.13", "a running sum in float64", "too-wide",
         ("total = np.zeros", "total = np.zeros(x.shape[1])\n    for row in x:\n        total += row\n    return total.astype(np.float16)\n    total = np.zeros")),
    slip("01.13", "math.fsum", "forbidden-route",
         ("total = np.zeros", "import math\n    return np.float16([math.fsum(column) for column in x.T])\n    total = np.zeros")),
    slip("01.13", "the loss measured against the row", "lost-from-row", ("(new - total) - y", "(new - total) - row")),
    slip("01.13", "the total moves first", "total-moved",
         ("lost = (new - total) - y\n        total = new", "total = new\n        lost = (new - total) - y")),
    slip("01.13", "the losses are added at the end", "corrects-at-end",
         ("y = row - lost", "y = row"), ("lost = (new - total) - y", "lost = lost + ((total - new) + y)"), ("return total", "return total + lost")),
    slip("01.13", "Neumaier's branch, added at the end", "corrects-at-end",
         ("y = row - lost", "y = row"),
         ("lost = (new - total) - y", "lost = lost + np.where(np.abs(total) >= np.abs(y), (total - new) + y, (y - new) + total)"),
         ("return total", "return total + lost")),
    slip("01.13", "blocks of 64", "blocks",
         ("total = np.zeros(x.shape[1], np.float16)",
          "parts = []\n    for start in range(0, len(x), 64):\n        part = np.zeros(x.shape[1], np.float16)\n"
          "        for row in x[start : start + 64]:\n            part = part + row\n        parts.append(part)\n"
          "    x = np.array(parts)\n    total = np.zeros(x.shape[1], np.float16)"), ("y = row - lost", "y = row")),
    slip("01.13", "np.sum", "forbidden-route", ("total = np.zeros", "return x.sum(axis=0)\n    total = np.zeros")),
    slip("01.13", "sums the columns", "wrong-shape",
         ("np.zeros(x.shape[1], np.float16)\n    lost = np.zeros(x.shape[1], np.float16)",
          "np.zeros(x.shape[0], np.float16)\n    lost = np.zeros(x.shape[0], np.float16)"), ("for row in x:", "for row in x.T:")),
    same("01.13", "zeros narrowed", ("total = np.zeros(x.shape[1], np.float16)", "total = np.zeros(x.shape[1]).astype(np.float16)"), seeds=5),
    Right(exercise="01.13", name="a tree: halves", seeds=5, code="""
def kahan_sum(x):
    while len(x) > 1:
        half = (len(x) + 1) // 2
        upper = x[half:]
        x = np.concatenate([x[: len(upper)] + upper, x[len(upper) : half]])
    return x[0].copy()
"""),
    Right(exercise="01.13", name="a tree: neighbors first", code="""
def kahan_sum(x):
    while len(x) > 1:
        odd = x[-1:] if len(x) % 2 else x[:0]
        x = np.concatenate([x[0:-1:2] + x[1::2], odd])
    return x[0].copy()
"""),
]  # fmt: skip

GRADIENTS = [
    guess("01.14", "out of zero is enough", "subnormal", ("65536", "64")),
    guess("01.14", "just above half the smallest", "subnormal", ("65536", "32")),
    guess("01.14", "not a power of two", "not-a-power", ("65536", "61036")),
    guess("01.14", "one octave short", "factor-of-two", ("65536", "32768")),
    guess("01.14", "one octave more than needed", "factor-of-two", ("65536", "2**17")),
    guess("01.14", "the largest number", "wrong-value", ("65536", "65504")),
    same("01.14", "as a power", ("65536", "2.0**16"), seeds=1),
    slip("01.15", "divides in float16", "unscaled-in-fp16",
         ("g.astype(np.float32) / np.float32(scale)", "(g / np.float16(scale)).astype(np.float32)")),
    slip("01.15", "the step in float16", "step-in-fp16",
         ("gradient = g.astype(np.float32) / np.float32(scale)\n    return w - np.float32(lr) * gradient, scale", "return w - lr * g / scale, scale")),
    slip("01.15", "the step in float16, divided first", "step-in-fp16",
         ("gradient = g.astype(np.float32) / np.float32(scale)\n    return w - np.float32(lr) * gradient, scale", "return w - lr * (g / scale), scale")),
    slip("01.15", "the step in float16, lr / scale first", "step-in-fp16",
         ("gradient = g.astype(np.float32) / np.float32(scale)\n    return w - np.float32(lr) * gradient, scale", "return w - (lr / scale) * g, scale")),
    slip("01.15", "the step in float16, looks for Inf only", "step-in-fp16", ("not np.isfinite(g).all()", "np.isinf(g).any()"),
         ("gradient = g.astype(np.float32) / np.float32(scale)\n    return w - np.float32(lr) * gradient, scale", "return w - lr * g / scale, scale")),
    slip("01.15", "widened after lr", "step-in-fp16",
         ("gradient = g.astype(np.float32) / np.float32(scale)\n    return w - np.float32(lr) * gradient, scale", "return w - (lr * g).astype(np.float32) / np.float32(scale), scale")),
    slip("01.15", "the step narrowed at the end", "step-in-fp16",
         ("gradient = g.astype(np.float32) / np.float32(scale)\n    return w - np.float32(lr) * gradient, scale", "return w - (lr * g.astype(np.float32) / scale).astype(np.float16), scale")),
    slip("01.15", "never unscales", "not-unscaled", (" / np.float32(scale)", "")),
    slip("01.15", "zeros instead of skipping", "zeros-for-inf",
         ("return w.copy(), scale / 2", "return w - np.float32(lr) * np.where(np.isfinite(g), g, 0).astype(np.float32) / np.float32(scale), scale / 2")),
    slip("01.15", "the scale stays", "same-scale", ("scale / 2", "scale")),
    slip("01.15", "looks for Inf only", "nan-not-skipped", ("not np.isfinite(g).all()", "np.isinf(g).any()")),
    slip("01.15", "never skips", "never-skips", ("not np.isfinite(g).all()", "False")),
    slip("01.15", "looks for NaN only", "inf-not-skipped", ("not np.isfinite(g).all()", "np.isnan(g).any()")),
    slip("01.15", "looks for NaN and +Inf", "positive-inf-only", ("not np.isfinite(g).all()", "not (g < np.inf).all()")),
    slip("01.15", "skips only if nothing is finite", "never-skips", ("np.isfinite(g).all()", "np.isfinite(g).any()")),
    slip("01.15", "skips at 65504", "skips-too-early", ("not np.isfinite(g).all()", "not (np.abs(g) < 65504).all()")),
    slip("01.15", "adds up to find an Inf", "sum-overflows", ("not np.isfinite(g).all()", "not np.isfinite(g.sum())")),
    slip("01.15", "doubles after a good step", "scale-grows", ("gradient, scale", "gradient, 2 * scale")),
    slip("01.15", "goes uphill", "uphill", ("w - np.float32(lr)", "w + np.float32(lr)")),
    slip("01.15", "returns w itself", "returns-input-view", ("w.copy()", "w")),
    slip("01.15", "updates in place", "input-changed", ("return w - np.float32(lr) * gradient, scale", "w -= np.float32(lr) * gradient\n    return w, scale")),
    Right(exercise="01.15", name="in float64, narrowed at the end", code="""
def scaled_step(w, g, lr, scale):
    total = float(np.abs(g.astype(np.float64)).sum())
    if total != total or total == float("inf"):
        return np.array(w), 0.5 * scale
    return (w - lr / scale * g.astype(np.float64)).astype(np.float32), float(scale)
"""),
]  # fmt: skip

WRAPS = """
def dequant_fp16(words):
    out = np.empty((len(words), 8), np.float16)
    for e in range(8):
        out[:, e] = ((words >> 4 * [0, 4, 1, 5, 2, 6, 3, 7][e]) & 15) - 8
    return out.ravel()
"""

INT4 = [
    guess("01.16", "the base is missing", "no-base", ("1035", "11")),
    guess("01.16", "the pattern as an integer", "integer", ("1035", "0x640B")),
    guess("01.16", "as if not shifted", "not-shifted", ("1200", "1035")),
    guess("01.16", "no spill", "no-spill", ("352", "304")),
    guess("01.16", "the top bit is lost", "dropped-bit", ("352", "176")),
    same("01.16", "as sums", ("1200", "1024 + 16 * 11"), ("352", "256 + 96"), seeds=1),
    slip("01.17", "natural order assumed", "sequential-order",
         ("return np.concatenate(pairs, axis=1).ravel()", "return np.concatenate(pairs, axis=1)[:, [0, 2, 4, 6, 1, 3, 5, 7]].ravel()")),
    slip("01.17", "unsigned (AWQ's constants)", "unsigned", ("1032", "1024"), ("72", "64")),
    slip("01.17", "AWQ's constant for the upper nibbles", "awq-high", ("72", "64")),
    slip("01.17", "shifts by 4", "shift-four", ("words >> 8", "words >> 4")),
    slip("01.17", "the order read the wrong way round", "inverse-order",
         ("return np.concatenate(pairs, axis=1).ravel()",
          "by_nibble = np.concatenate(pairs, axis=1)[:, [0, 2, 4, 6, 1, 3, 5, 7]]\n    return by_nibble[:, [0, 2, 4, 6, 1, 3, 5, 7]].ravel()")),
    slip("01.17", "the upper half first", "halves-swapped",
         ("return np.concatenate(pairs, axis=1).ravel()", "return np.concatenate(pairs, axis=1)[:, [1, 0, 3, 2, 5, 4, 7, 6]].ravel()")),
    slip("01.17", "torch does it", "forbidden-route", ("pairs = []", "pairs = []\n    torch.from_numpy(words)")),
    slip("01.17", "the base stays in", "base-left", ("- 1032", "- 0"), ("* (1 / 16) - 72", "* 1")),
    slip("01.17", "the upper nibble is not divided", "high-nibble-unscaled", ("* (1 / 16) - 72", "- 1032")),
    slip("01.17", "two's complement", "twos-complement",
         ("return np.concatenate(pairs, axis=1).ravel()",
          "q = np.concatenate(pairs, axis=1).ravel()\n    return np.where(q < 0, q + np.uint16(0x4800).view(np.float16), q - np.uint16(0x4800).view(np.float16))")),
    slip("01.17", "converts", "forbidden-route", ("low.view(np.float16).reshape(-1, 2) - 1032", "((low & 15)[:, None] + 0).astype(np.float16)")),
    slip("01.17", "converts by calling the type", "forbidden-route", ("low.view(np.float16).reshape(-1, 2) - 1032", "np.float16((low & 15)[:, None] + 0)")),
    Wrong("01.17", "n - 8 in uint32", diagnosis="wraps", code=WRAPS),
    Wrong("01.17", "n - 8 in uint32, in order", diagnosis="wraps", code=WRAPS.replace("[0, 4, 1, 5, 2, 6, 3, 7][e]", "e")),
    slip("01.17", "joined end to end", "by-pair", ("np.concatenate(pairs, axis=1).ravel()", "np.concatenate([pair.ravel() for pair in pairs])")),
    slip("01.17", "stacked along axis 0", "by-pair", ("np.concatenate(pairs, axis=1).ravel()", "np.stack(pairs).ravel()")),
    slip("01.17", "forgets the second half of the word", "wrong-shape", ("(words, words >> 8)", "(words,)")),
    slip("01.17", "the patterns, not the numbers", "wrong-dtype", ("axis=1).ravel()", "axis=1).ravel().view(np.uint16)")),
    Right(exercise="01.17", name="one nibble position after the other, no upper mask", code="""
def dequant_fp16(words):
    out = np.empty((len(words), 4, 2), np.float16)
    for i in range(4):
        pair = np.bitwise_or((words >> np.uint32(4 * i)) & np.uint32(0x000F000F), np.uint32(0x64006400))
        out[:, i] = pair[:, None].view(np.float16)
    out -= np.uint16(0x6408).view(np.float16)
    return out.reshape(-1)
"""),
    slip("01.18", "the second mask of FP16", "spilled",
         ("for shift in (0, 4, 8, 12):\n        pair = ((words >> shift) & 0x000F000F) | 0x43004300\n        pairs.append(pair.view(bfloat16).reshape(-1, 2) - bfloat16(136))",
          "for shift in (0, 8):\n        pair = ((words >> shift) & 0x000F000F) | 0x43004300\n        pairs.append(pair.view(bfloat16).reshape(-1, 2) - bfloat16(136))\n"
          "        pair = ((words >> shift) & 0x00F000F0) | 0x43004300\n        pairs.append(pair.view(bfloat16).reshape(-1, 2) * bfloat16(1 / 16) - bfloat16(16))")),
    slip("01.18", "natural order assumed", "sequential-order",
         ("return np.concatenate(pairs, axis=1).ravel()", "return np.concatenate(pairs, axis=1)[:, [0, 2, 4, 6, 1, 3, 5, 7]].ravel()")),
    slip("01.18", "unsigned", "unsigned", ("136", "128")),
    slip("01.18", "a shift by 16", "shift-16", ("(0, 4, 8, 12)", "(0, 4, 8, 16)")),
    slip("01.18", "FP16's base read as BF16", "fp16-base", ("0x43004300", "0x64006400")),
    slip("01.18", "FP16 comes back", "wrong-dtype", ("0x43004300", "0x64006400"), ("pair.view(bfloat16).reshape(-1, 2) - bfloat16(136)", "pair.view(np.float16).reshape(-1, 2) - 1032")),
    slip("01.18", "converts", "forbidden-route", ("pair.view(bfloat16).reshape(-1, 2) - bfloat16(136)", "pair[:, None].astype(bfloat16)")),
    Wrong("01.18", "n - 8 in uint32", diagnosis="wraps", code=WRAPS.replace("_fp16", "_bf16").replace("np.float16", "bfloat16")),
    slip("01.18", "joined end to end", "by-pair", ("np.concatenate(pairs, axis=1).ravel()", "np.concatenate([pair.ravel() for pair in pairs])")),
    slip("01.18", "shifts by bytes", "wrong-values", ("(0, 4, 8, 12)", "(0, 8, 16, 24)")),
    Right(exercise="01.18", name="the multiply-add of the header: x × 1 − 136", code="""
def dequant_bf16(words):
    shifts = np.uint32([0, 4, 8, 12])
    pairs = (words[:, None] >> shifts) & np.uint32(0x000F000F) | np.uint32(0x43004300)
    one, minus_136 = np.uint16([0x3F80, 0xC308]).view(bfloat16)
    return (pairs.view(bfloat16) * one + minus_136).ravel()
"""),
    slip("01.19", "natural order assumed", "sequential-order", ("4 * (e // 2 + 4 * (e % 2))", "4 * e")),
    slip("01.19", "unsigned", "unsigned", ("- 1032.0", "- 1024.0")),
    slip("01.19", "two's complement", "twos-complement", ("(nibble | 0x6400)", "((nibble ^ 8) | 0x6400)")),
    slip("01.19", "a conversion where the bit cast belongs", "converted", (".to(tl.int16).to(tl.float16, bitcast=True)", ".to(tl.float16)")),
    slip("01.19", "no mask on the store", "outside-output", (", mask=(w < n)[:, None])", ")")),
    slip("01.19", "the grid rounds down", "tail-unwritten", ("triton.cdiv(n, 128)", "max(n // 128, 1)")),
    slip("01.19", "stores words apart by 1", "words-too-close", ("8 * w[:, None] + e", "w[:, None] + e")),
    slip("01.19", "the mask counts words", "mask-in-words", ("mask=(w < n)[:, None])", "mask=8 * w[:, None] + e[None, :] < n)")),
    slip("01.19", "4 * e % 2", "precedence", ("4 * (e % 2)", "4 * e % 2")),
    slip("01.19", "shifts by nibbles", "shift-in-nibbles", ("4 * (e // 2 + 4 * (e % 2))", "e // 2 + 4 * (e % 2)")),
    slip("01.19", "shifts by e", "shift-in-nibbles", ("4 * (e // 2 + 4 * (e % 2))", "e")),
    slip("01.19", "a bit cast without int16", "exception", (".to(tl.int16)", "")),
    slip("01.19", "no [:, None]", "exception", ("(word[:, None] >> shift[None, :])", "(word >> shift)")),
    slip("01.19", "no & 0xF", "no-mask", (" & 0xF\n", "\n")),
    slip("01.19", "a grid that ends at 2000 words", "tail-unwritten", ("triton.cdiv(n, 128)", "min(16, triton.cdiv(n, 128))")),
    slip("01.19", "a mask for 2048 words", "outside-output", (", mask=(w < n)[:, None])", ", mask=(w < max(n, 2048))[:, None])")),
    slip("01.19", "stores words apart by 4", "tail-unwritten", ("8 * w[:, None] + e", "4 * w[:, None] + e")),
    slip("01.19", "loads the word once an element", "too-much-traffic",
         ("(word[:, None] >> shift[None, :])",
          "(tl.load(words + w[:, None] + 0 * e[None, :], mask=(w < n)[:, None], other=0) >> shift[None, :])")),
    slip("01.19", "torch does it", "forbidden-route", ("n = words.numel()", "n = words.numel()\n    words = words + 0")),
    slip("01.19", "the store is missing", "never-written", ("tl.store(out + 8 * w[:, None] + e[None, :], values, mask=(w < n)[:, None])", "pass")),
    same("01.19", "one dimension, the word loaded per element group", ("(nibble | 0x6400).to(tl.int16)", "(nibble + 25600).to(tl.int16)"),
         ("// 2 + 4 * (e % 2)", "// 2 + 4 * (e & 1)"), ("cdiv(n, 128)", "cdiv(n, 32)"), ("BLOCK=128", "BLOCK=32"), seeds=5),
]  # fmt: skip

FP8 = [
    guess("01.20", "sixteen", "fence-post", ("15", "16")),
    guess("01.20", "positive ones only", "one-sided", ("15", "8")),
    guess("01.20", "E4M3 like INT8", "like-int8", ("189", "15")),
    guess("01.20", "both zeros", "two-zeros", ("189", "190")),
    guess("01.20", "E4M3, positive ones only", "one-sided", ("189", "95")),
    guess("01.20", "positive ones without 0", "one-sided", ("15", "7")),
    guess("01.20", "without 0", "no-zero", ("15", "14")),
    guess("01.20", "up to 8", "fence-post", ("15", "17")),
    guess("01.20", "E4M3 like INT8, positive ones only", "like-int8", ("189", "8")),
    guess("01.20", "E4M3 like INT8, positive ones without 0", "like-int8", ("189", "7")),
    guess("01.20", "E4M3, positive ones without 0", "one-sided", ("189", "94")),
    guess("01.20", "E4M3 without 0", "no-zero", ("189", "188")),
    same("01.20", "as sums", ("15", "7 + 1 + 7"), ("189", "2 * 94 + 1"), seeds=1),
    slip("01.21", "no clamp", "no-clamp", ("np.clip(x / np.float32(scale), -448, 448)", "x / np.float32(scale)")),
    slip("01.21", "returns the reciprocal", "reciprocal", (".view(np.uint8), scale", ".view(np.uint8), 1 / scale")),
    slip("01.21", "IEEE's 240", "ieee-range", ("amax / 448 if", "amax / 240 if"), ("-448, 448", "-240, 240")),
    slip("01.21", "its own amax", "own-amax",
         ("scale = amax / 448 if amax > 0 else 1.0", "amax = float(np.abs(x[np.isfinite(x)]).max())\n    scale = amax / 448 if amax > 0 else 1.0")),
    slip("01.21", "its own amax, NaN and all", "own-amax", ("scale = amax", "amax = np.abs(x).max()\n    scale = amax")),
    slip("01.21", "its own amax, NaN and all, 1 only for 0", "own-amax",
         ("scale = amax / 448 if amax > 0 else 1.0", "amax = float(np.abs(x).max())\n    scale = 1.0 if amax == 0 else amax / 448")),
    slip("01.21", "its own amax by nanmax", "own-amax", ("scale = amax", "amax = np.nanmax(np.abs(x))\n    scale = amax")),
    slip("01.21", "its own amax, no clamp", "own-amax", ("scale = amax", "amax = float(np.abs(x).max())\n    scale = amax"),
         ("np.clip(x / np.float32(scale), -448, 448)", "x / np.float32(scale)")),
    slip("01.21", "clamps x to amax", "clamps-x",
         ("np.clip(x / np.float32(scale), -448, 448)", "np.clip(x, -amax, amax) / np.float32(scale)")),
    slip("01.21", "converts the numbers", "converted", (".view(np.uint8)", ".astype(np.uint8)")),
    slip("01.21", "converts the numbers, never E4M3", "converted", (".astype(ml_dtypes.float8_e4m3fn).view(np.uint8)", ".astype(np.uint8)")),
    slip("01.21", "divides by zero", "zero-scale", (" if amax > 0 else 1.0", "")),
    slip("01.21", "NaN becomes 0", "nan-lost", ("np.clip(x / np.float32(scale), -448, 448)", "np.nan_to_num(np.clip(x / np.float32(scale), -448, 448))")),
    slip("01.21", "NaN becomes the largest", "nan-lost",
         ("np.clip(x / np.float32(scale), -448, 448)", "np.fmax(np.fmin(x / np.float32(scale), np.float32(448)), np.float32(-448))")),
    slip("01.21", "Inf becomes NaN", "inf-to-nan",
         ("np.clip(x / np.float32(scale), -448, 448)", "np.where(np.isinf(x), x, np.clip(x / np.float32(scale), -448, 448))")),
    slip("01.21", "E5M2", "e5m2", ("float8_e4m3fn", "float8_e5m2")),
    slip("01.21", "through float16", "double-rounding", ("return y.astype(", "return y.astype(np.float16).astype(")),
    slip("01.21", "multiplies", "multiplies", ("x / np.float32(scale)", "x * np.float32(scale)")),
    slip("01.21", "the codes as floats", "wrong-dtype", (".view(np.uint8)", "")),
    slip("01.21", "rounds to integers first", "wrong-values", ("np.clip(x / np.float32(scale), -448, 448)", "np.rint(np.clip(x / np.float32(scale), -448, 448))")),
    slip("01.21", "codes only", "wrong-type", (".view(np.uint8), scale", ".view(np.uint8)")),
    Right(exercise="01.21", name="multiplies by the reciprocal, through FP16's neighbor PyTorch", code="""
def quantize_fp8(x, amax):
    scale = float(amax) / 448.0 or 1.0
    y = np.minimum(np.maximum(x * np.float32(1 / scale), np.float32(-448)), np.float32(448))
    return torch.from_numpy(y).to(torch.float8_e4m3fn).view(torch.uint8).numpy().copy(), np.float32(scale)
"""),
]  # fmt: skip

BLOCKS = [
    guess("01.22", "no scale", "no-scale", ("4.25", "4")),
    guess("01.22", "a bit each", "scale-of-32", ("4.25", "5")),
    guess("01.22", "NVFP4's block", "nvfp4", ("4.25", "4.5")),
    guess("01.22", "MXFP4's block", "mxfp4", ("= 4.5", "= 4.25")),
    guess("01.22", "in bytes", "bits-for-bytes", ("4.25", "4.25 / 8")),
    same("01.22", "as sums", ("4.25", "(32 * 4 + 8) / 32"), ("= 4.5", "= 72 / 16"), seeds=1),
    guess("01.23", "the folklore", "wrong-choice", ('"about equal"', '"FP16 twice as fast"')),
    guess("01.23", "the folklore upside down", "wrong-choice", ('"about equal"', '"BF16 twice as fast"')),
    guess("01.23", "the 4090 like the H100", "wrong-choice", ('"FP16 twice as fast"', '"about equal"')),
    guess("01.23", "the 4090 upside down", "wrong-choice", ('"FP16 twice as fast"', '"BF16 twice as fast"')),
    guess("01.23", "not one of the choices", "wrong-type", ('"about equal"', '"equal"')),
    guess("01.23", "a number", "wrong-type", ('"about equal"', "1.0")),
    same("01.23", "in capitals, with a blank", ('"about equal"', '"About equal "'), seeds=1),
    slip("01.24", "scaled to 1", "not-scaled-to-six", ("- 2, 0)", "- 0, 0)")),
    slip("01.24", "nibbles swapped", "swapped-nibbles", ("e2m1_code(even * inverse) | (e2m1_code(odd * inverse) << 4)", "e2m1_code(odd * inverse) | (e2m1_code(even * inverse) << 4)")),
    slip("01.24", "ties up", "ties", ("(a > 0.25)", "(a >= 0.25)"), ("(a > 1.25)", "(a >= 1.25)"), ("(a > 2.5)", "(a >= 2.5)"), ("(a > 5.0)", "(a >= 5.0)")),
    slip("01.24", "the sign is lost", "sign-lost", (" | ((y.to(tl.int32, bitcast=True) >> 28) & 8)", "")),
    slip("01.24", "amax of the even elements only", "half-a-block", ("tl.maximum(tl.abs(even), tl.abs(odd))", "tl.abs(even)")),
    slip("01.24", "amax without abs", "amax-signed", ("tl.maximum(tl.abs(even), tl.abs(odd))", "tl.maximum(even, odd)")),
    slip("01.24", "log2 rounded", "log2-not-floored",
         ("(amax.to(tl.int32, bitcast=True) >> 23) - 2", "((amax.to(tl.int32, bitcast=True) + 0x4AFB0D) >> 23) - 2")),
    slip("01.24", "log2 rounded up", "log2-not-floored",
         ("(amax.to(tl.int32, bitcast=True) >> 23) - 2", "((amax.to(tl.int32, bitcast=True) + 0x7FFFFF) >> 23) - 2")),
    slip("01.24", "log2 in float32", "log2-not-floored",
         ("(amax.to(tl.int32, bitcast=True) >> 23) - 2", "tl.where(amax > 0, tl.floor(tl.log2(amax)), -127).to(tl.int32) + 125")),
    slip("01.24", "ceil(log2(amax / 6))", "never-saturates",
         ("(amax.to(tl.int32, bitcast=True) >> 23) - 2", "tl.where(amax > 0, tl.ceil(tl.log2(amax / 6.0)), -127.0).to(tl.int32) + 127")),
    slip("01.24", "pairs one apart", "pairs-one-apart", ("x + 2 * pair, ", "x + pair, "), ("x + 2 * pair + 1", "x + pair + 1")),
    slip("01.24", "pairs one apart, sixteen between the two", "pairs-one-apart", ("x + 2 * pair, ", "x + pair, "), ("x + 2 * pair + 1", "x + pair + 16")),
    slip("01.24", "halves packed", "halves-packed", ("x + 2 * pair, ", "x + pair + 16 * block[:, None], "),
         ("x + 2 * pair + 1", "x + pair + 16 * block[:, None] + 16")),
    slip("01.24", "the exponent without 127", "no-e8m0-bias", ("scale.to(tl.uint8)", "(scale - 127).to(tl.uint8)")),
    slip("01.24", "the scale is not clamped", "scale-code-below-0",
         ("tl.maximum((amax.to(tl.int32, bitcast=True) >> 23) - 2, 0)", "(amax.to(tl.int32, bitcast=True) >> 23) - 2")),
    slip("01.24", "one tie goes up", "ties", ("(a > 2.5)", "(a >= 2.5)")),
    slip("01.24", "the last tie goes up", "ties", ("(a > 5.0)", "(a >= 5.0)")),
    slip("01.24", "one tie goes down", "ties", ("(a >= 1.75)", "(a > 1.75)")),
    slip("01.24", "ties down", "ties", ("(a >= 0.75)", "(a > 0.75)"), ("(a >= 1.75)", "(a > 1.75)"), ("(a >= 3.5)", "(a > 3.5)")),
    slip("01.24", "-0 without its sign", "zero-sign", ("((y.to(tl.int32, bitcast=True) >> 28) & 8)", "tl.where(y < 0, 8, 0)")),
    slip("01.24", "a mask that ends at 256 blocks", "tail-unwritten",
         ("scale.to(tl.uint8), mask=block < blocks)", "scale.to(tl.uint8), mask=(block < blocks) & (block < 256))")),
    slip("01.24", "no mask on the codes", "outside-output", ("byte.to(tl.uint8), mask=live)", "byte.to(tl.uint8))")),
    slip("01.24", "scales stored without a mask", "outside-output", ("scale.to(tl.uint8), mask=block < blocks)", "scale.to(tl.uint8))")),
    slip("01.24", "the load is not masked", "out-of-bounds", ("x + 2 * pair, mask=live, other=0.0", "x + 2 * pair")),
    slip("01.24", "the scales are never written", "never-written", ("tl.store(scales + block, scale.to(tl.uint8), mask=block < blocks)", "pass")),
    slip("01.24", "x is read twice", "too-much-traffic",
         ("byte = e2m1_code(even", "even = tl.load(x + 2 * pair, mask=live, other=0.0)\n    byte = e2m1_code(even")),
    slip("01.24", "torch finds the maximum", "forbidden-route", ("def mxfp4(x, codes, scales):", "def mxfp4(x, codes, scales):\n    x.abs().max()")),
    Right(exercise="01.24", name="one tile of 32, split afterwards; codes by a chain of where", seeds=5, code='''
@triton.jit
def mxfp4_kernel(x, codes, scales, blocks, B: tl.constexpr):
    block = tl.program_id(0) * B + tl.arange(0, B)
    live = block < blocks
    at = block[:, None] * 32 + tl.arange(0, 32)[None, :]
    tile = tl.load(x + at, mask=live[:, None], other=0.0)
    amax = tl.max(tl.abs(tile), axis=1)
    e = tl.maximum(((amax.to(tl.int32, bitcast=True) >> 23) & 0xFF) - 129, -127)
    inverse = ((127 - e) << 23).to(tl.float32, bitcast=True)
    a = tl.minimum(tl.abs(tile) * inverse[:, None], 6.0)
    code = tl.where(a > 5.0, 7, tl.where(a >= 3.5, 6, tl.where(a > 2.5, 5, tl.where(a >= 1.75, 4, tl.where(
        a > 1.25, 3, tl.where(a >= 0.75, 2, tl.where(a > 0.25, 1, 0)))))))
    code = code + ((tile.to(tl.int32, bitcast=True) >> 31) & 1) * 8
    low, high = tl.split(tl.reshape(code, (B, 16, 2)))
    byte = block[:, None] * 16 + tl.arange(0, 16)[None, :]
    tl.store(codes + byte, (low + 16 * high).to(tl.uint8), mask=live[:, None])
    tl.store(scales + block, (e + 127).to(tl.uint8), mask=live)


def mxfp4(x, codes, scales):
    blocks = scales.numel()
    mxfp4_kernel[(triton.cdiv(blocks, 8),)](x, codes, scales, blocks, B=8)
'''),
]  # fmt: skip

ATTEMPTS = [*READING, *GAPS, *ROUNDING, *RANGE, *SUMS, *GRADIENTS, *INT4, *FP8, *BLOCKS]
