"""The C headers that CUDA code includes out of habit, small enough for a compiler that has no host's headers.

NVRTC knows printf, assert, size_t and the mathematical functions without any header; what it lacks is the names below.
"""

from __future__ import annotations

from . import headers_cpp
from .headers_cpp import ONCE

# 64 bits are "long long", as in CUDA's own headers without a host; atomicAdd takes those.
STDINT = ONCE + "".join(
    f"typedef {kind} int{bits}_t; typedef unsigned {kind.removeprefix('signed ')} uint{bits}_t;\n"
    f"typedef int{bits}_t int_least{bits}_t; typedef uint{bits}_t uint_least{bits}_t;\n"
    f"#define INT{bits}_MAX {(1 << bits - 1) - 1}{suffix}\n#define INT{bits}_MIN (-INT{bits}_MAX - 1)\n"
    f"#define UINT{bits}_MAX {(1 << bits) - 1}{unsigned}\n"
    for bits, kind, suffix, unsigned in (
        (8, "signed char", "", ""),
        (16, "short", "", ""),
        (32, "int", "", "u"),
        (64, "long long", "ll", "ull"),
    )
)
STDINT += """\
typedef int64_t intptr_t; typedef uint64_t uintptr_t; typedef int64_t intmax_t; typedef uint64_t uintmax_t;
#define SIZE_MAX UINT64_MAX
"""

LIMITS = (
    ONCE
    + """\
#define CHAR_BIT 8
#define SCHAR_MAX 127
#define SCHAR_MIN (-128)
#define CHAR_MAX 127
#define CHAR_MIN (-128)
#define UCHAR_MAX 255
#define SHRT_MAX 32767
#define SHRT_MIN (-32768)
#define USHRT_MAX 65535
#define INT_MAX 2147483647
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 4294967295u
#define LONG_MAX 9223372036854775807l
#define LONG_MIN (-LONG_MAX - 1)
#define ULONG_MAX 18446744073709551615ul
#define LLONG_MAX 9223372036854775807ll
#define LLONG_MIN (-LLONG_MAX - 1)
#define ULLONG_MAX 18446744073709551615ull
"""
)

FLOAT = (
    ONCE
    + """\
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-7f
#define FLT_DIG 6
#define FLT_MANT_DIG 24
#define DBL_MAX 1.7976931348623157e+308
#define DBL_MIN 2.2250738585072014e-308
#define DBL_EPSILON 2.2204460492503131e-16
#define DBL_DIG 15
#define DBL_MANT_DIG 53
"""
)

MATH = (
    ONCE
    + """\
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define HUGE_VALF INFINITY
#define HUGE_VAL __longlong_as_double(0x7ff0000000000000ll)
#define M_E 2.7182818284590452354
#define M_LOG2E 1.4426950408889634074
#define M_LOG10E 0.43429448190325182765
#define M_LN2 0.69314718055994530942
#define M_LN10 2.30258509299404568402
#define M_PI 3.14159265358979323846
#define M_PI_2 1.57079632679489661923
#define M_PI_4 0.78539816339744830962
#define M_SQRT2 1.41421356237309504880
#define M_SQRT1_2 0.70710678118654752440
"""
)

STDDEF = (
    ONCE
    + """\
typedef long ptrdiff_t;
#ifndef NULL
#define NULL 0
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
"""
)

# name in angle brackets -> text
HEADERS = {
    **headers_cpp.HEADERS,
    **dict.fromkeys(("stdint.h", "cstdint", "inttypes.h", "cinttypes"), STDINT),
    **dict.fromkeys(("limits.h", "climits"), LIMITS),
    **dict.fromkeys(("float.h", "cfloat"), FLOAT),
    **dict.fromkeys(("math.h", "cmath"), MATH),
    **dict.fromkeys(("stddef.h", "cstddef", "stdlib.h", "cstdlib"), STDDEF),
    **dict.fromkeys(("stdio.h", "cstdio", "assert.h", "cassert", "string.h", "cstring", "iostream", "nv/target"), ONCE),
}
