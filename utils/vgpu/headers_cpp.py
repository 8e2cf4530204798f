"""C++'s type traits and limits, as much of them as kernels use: NVRTC has no C++ library, CUDA's is not installed.

Under std:: and cuda::std::. NVRTC itself knows std::move, std::forward and std::initializer_list.
"""

from __future__ import annotations

ONCE = "#pragma once\n"


def _traits(*names: str) -> str:
    """name_v of name, and so on."""
    return "".join(f"template <class T> inline constexpr bool {name}_v = {name}<T>::value;\n" for name in names)


def _true_of(name: str, types: str) -> str:
    """A trait that holds for the types named."""
    cases = "".join(f"template <> struct {name}_of<{one.strip()}> : true_type {{}};\n" for one in types.split(","))
    return (
        f"template <class T> struct {name}_of : false_type {{}};\n{cases}"
        f"template <class T> struct {name} : {name}_of<remove_cv_t<T>> {{}};\n"
    )


INTEGERS = (
    "bool, char, signed char, unsigned char, short, unsigned short, int, unsigned, long, unsigned long, long long,"
    " unsigned long long"
)
BASE = """\
template <class T, T V> struct integral_constant {
    static constexpr T value = V;
    using value_type = T;
    using type = integral_constant;
    __device__ constexpr operator T() const { return V; }
    __device__ constexpr T operator()() const { return V; }
};
template <bool B> using bool_constant = integral_constant<bool, B>;
using true_type = bool_constant<true>;
using false_type = bool_constant<false>;
template <class T, class U> struct is_same : false_type {};
template <class T> struct is_same<T, T> : true_type {};
template <class T, class U> inline constexpr bool is_same_v = is_same<T, U>::value;
template <bool B, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> { using type = T; };
template <bool B, class T = void> using enable_if_t = typename enable_if<B, T>::type;
template <bool B, class T, class F> struct conditional { using type = T; };
template <class T, class F> struct conditional<false, T, F> { using type = F; };
template <bool B, class T, class F> using conditional_t = typename conditional<B, T, F>::type;
template <class T> struct remove_const { using type = T; };
template <class T> struct remove_const<const T> { using type = T; };
template <class T> struct remove_volatile { using type = T; };
template <class T> struct remove_volatile<volatile T> { using type = T; };
template <class T> struct remove_cv { using type = typename remove_const<typename remove_volatile<T>::type>::type; };
template <class T> struct remove_reference { using type = T; };
template <class T> struct remove_reference<T&> { using type = T; };
template <class T> struct remove_reference<T&&> { using type = T; };
template <class T> struct remove_pointer { using type = T; };
template <class T> struct remove_pointer<T*> { using type = T; };
template <class T> struct type_identity { using type = T; };
template <class T> using remove_const_t = typename remove_const<T>::type;
template <class T> using remove_cv_t = typename remove_cv<T>::type;
template <class T> using remove_reference_t = typename remove_reference<T>::type;
template <class T> using remove_pointer_t = typename remove_pointer<T>::type;
template <class T> using remove_cvref_t = remove_cv_t<remove_reference_t<T>>;
template <class T> using decay_t = remove_cvref_t<T>;
template <class T> struct is_pointer : false_type {};
template <class T> struct is_pointer<T*> : true_type {};
template <class T> struct is_const : false_type {};
template <class T> struct is_const<const T> : true_type {};
template <class T> struct is_reference : false_type {};
template <class T> struct is_reference<T&> : true_type {};
template <class T> struct is_reference<T&&> : true_type {};
template <class...> using void_t = void;
"""
COMPOSED = """\
template <class T> struct is_arithmetic : bool_constant<is_integral<T>::value || is_floating_point<T>::value> {};
template <class T> struct is_signed : bool_constant<is_arithmetic<T>::value && T(-1) < T(0)> {};
template <class T> struct is_unsigned : bool_constant<is_integral<T>::value && !(T(-1) < T(0))> {};
template <class T> struct is_trivially_copyable : bool_constant<__is_trivially_copyable(T)> {};
"""
TRAITS = (
    BASE
    + _true_of("is_integral", INTEGERS)
    + _true_of("is_floating_point", "float, double")
    + _true_of("is_void", "void")
    + COMPOSED
    + _traits("is_integral", "is_floating_point", "is_void", "is_arithmetic", "is_signed", "is_unsigned", "is_pointer",
              "is_const", "is_reference", "is_trivially_copyable")
)  # fmt: skip

NUMBERS = {  # type -> lowest, smallest positive or lowest (min), max, epsilon, infinity
    "int": ("-2147483647 - 1", "-2147483647 - 1", "2147483647", "0", "0"),
    "unsigned": ("0u", "0u", "4294967295u", "0u", "0u"),
    "short": ("-32768", "-32768", "32767", "0", "0"),
    "unsigned short": ("0", "0", "65535", "0", "0"),
    "signed char": ("-128", "-128", "127", "0", "0"),
    "char": ("-128", "-128", "127", "0", "0"),
    "unsigned char": ("0", "0", "255", "0", "0"),
    "long long": ("-9223372036854775807ll - 1", "-9223372036854775807ll - 1", "9223372036854775807ll", "0", "0"),
    "unsigned long long": ("0", "0", "18446744073709551615ull", "0", "0"),
    "float": ("-3.402823466e+38f", "1.175494351e-38f", "3.402823466e+38f", "1.192092896e-7f",
              "__builtin_bit_cast(float, 0x7f800000)"),
    "double": ("-1.7976931348623157e+308", "2.2250738585072014e-308", "1.7976931348623157e+308",
               "2.2204460492503131e-16", "__builtin_bit_cast(double, 0x7ff0000000000000ll)"),
}  # fmt: skip


def _limits() -> str:
    out = "template <class T> struct numeric_limits { static constexpr bool is_specialized = false; };\n"
    for kind, values in NUMBERS.items():
        out += f"template <> struct numeric_limits<{kind}> {{\n    static constexpr bool is_specialized = true;\n"
        for name, value in zip(("lowest", "min", "max", "epsilon", "infinity"), values, strict=True):
            out += f"    __device__ static constexpr {kind} {name}() {{ return {value}; }}\n"
        out += "};\n"
    return out


def _in_both(text: str) -> str:
    return f"{ONCE}namespace std {{\n{text}}}\nnamespace cuda {{ namespace std {{ using namespace ::std; }} }}\n"


UTILITY = "template <class T> __device__ constexpr void swap(T& a, T& b) { T c = a; a = b; b = c; }\n"

# name in angle brackets -> text
HEADERS = {
    "type_traits": _in_both(TRAITS),
    "limits": _in_both(_limits()),
    "utility": _in_both(UTILITY),
    **{f"cuda/std/{name}": f"{ONCE}#include <{name}>\n" for name in ("type_traits", "limits", "utility", "cstdint",
                                                                   "cstddef", "cmath", "climits")},
}  # fmt: skip
