// The bodies of base::Exp, base::Log and base::Log1p without range checks, for one double or a
// vector of them, inline so that loops over quadrature nodes or arms need no calls. Arithmetic is
// element by element: same bits as the checked functions on their ranges, at every width. All
// functions are static and use no library function: the linker must never let code for one
// processor stand in for another's. Thread-safe; no errors: the caller keeps the range.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fulcrum::base {

template <size_t kWidth>
struct Vector;
template <>
struct Vector<1> {
  using Doubles = double;
  using Words = uint64_t;
};
template <>
struct Vector<2> {
  using Doubles = double __attribute__((vector_size(16)));
  using Words = uint64_t __attribute__((vector_size(16)));
};
template <>
struct Vector<4> {
  using Doubles = double __attribute__((vector_size(32)));
  using Words = uint64_t __attribute__((vector_size(32)));
};
template <>
struct Vector<8> {
  using Doubles = double __attribute__((vector_size(64)));
  using Words = uint64_t __attribute__((vector_size(64)));
};

// One SSE2 or NEON register.
using Lanes = Vector<2>::Doubles;

template <typename T>
using WordsOf = typename Vector<sizeof(T) / sizeof(double)>::Words;

namespace exp_internal {

inline constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
inline constexpr double kLn2High = 0x1.62e42p-1;  // 32 bits: k * kLn2High is exact
inline constexpr double kLn2Low = 0x1.fdf473de6af28p-22;
// Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits of the pattern.
inline constexpr double kRounder = 0x1.8p52;

// x = k ln 2 + r with |r| <= ln(2) / 2 (plus rounding); `shifted` carries k in its low bits.
template <typename T>
struct Reduced {
  T r;
  T shifted;
};

template <typename T>
static inline Reduced<T> Reduce(const T& x) {
  const T shifted = x * kInverseLn2 + kRounder;
  const T k = shifted - kRounder;
  return {(x - k * kLn2High) - k * kLn2Low, shifted};
}

// e^r - 1 for |r| <= 0.3467. The cubic remainder is a Chebyshev fit of degree 8: error 2.6e-17.
template <typename T>
static inline T ReducedExpm1(const T& r) {
  const T r2 = r * r;
  const T q01 = 0x1.5555555555555p-3 + r * 0x1.5555555554cb7p-5;
  const T q23 = 0x1.1111111110e6ap-7 + r * 0x1.6c16c1738ff55p-10;
  const T q45 = 0x1.a01a01a4b322fp-13 + r * 0x1.a019c9a5652d3p-16;
  const T q67 = 0x1.71de17e40edfep-19 + r * 0x1.2880411bad1aap-22;
  const T r4 = r2 * r2;
  const T q = (q01 + r2 * q23) + r4 * ((q45 + r2 * q67) + r4 * 0x1.af236aac51d05p-26);
  return r + r2 * (0.5 + r * q);
}

// 2^(k + bias) for |k + bias| <= 1022.
template <typename T>
static inline T PowerOfTwo(const T& shifted, uint64_t bias = 0) {
  return __builtin_bit_cast(T, (__builtin_bit_cast(WordsOf<T>, shifted) + (bias + 1023)) << 52);
}

}  // namespace exp_internal

// exp(x) for -708 <= x <= 709.
template <typename T>
static inline T ExpInRange(const T& x) {
  const exp_internal::Reduced<T> reduced = exp_internal::Reduce(x);
  const T scale = exp_internal::PowerOfTwo(reduced.shifted);
  return scale + scale * exp_internal::ReducedExpm1(reduced.r);
}

// exp(x) - 1 for -708 <= x <= 709, with small relative error near 0.
template <typename T>
static inline T Expm1InRange(const T& x) {
  const exp_internal::Reduced<T> reduced = exp_internal::Reduce(x);
  const T scale = exp_internal::PowerOfTwo(reduced.shifted);
  return (scale - 1.0) + scale * exp_internal::ReducedExpm1(reduced.r);
}

// ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)). With s = f / (2 + f) it is 2 atanh(s); what follows
// the first term is a Chebyshev fit in s^2 of degree 6, relative error 4e-18.
template <typename T>
static inline T Log1pNearZero(const T& f) {
  const T s = f / (2.0 + f);
  const T z = s * s;
  const T z2 = z * z;
  const T t01 = 0x1.5555555555558p-1 + z * 0x1.99999999952bfp-2;
  const T t23 = 0x1.2492492df5266p-2 + z * 0x1.c71c62e0922bcp-3;
  const T t45 = 0x1.7462b61242bb4p-3 + z * 0x1.39fe31c77715cp-3;
  const T tail = (t01 + z2 * t23) + (z2 * z2) * (t45 + z2 * 0x1.2b5a8aca255fdp-3);
  return f - s * (f - z * tail);  // f - s f = 2 s, and f is exact
}

namespace log_internal {

// x = 2^k * m with m in [sqrt(1/2), sqrt(2)); x > 0, normal.
template <typename T>
struct Split {
  T k;
  T m;
};

template <typename T>
static inline Split<T> SplitExponent(const T& x) {
  using Words = WordsOf<T>;
  constexpr uint64_t kOne = 0x3ff0000000000000ULL;
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdULL;
  constexpr uint64_t kRounder = 0x4338000000000000ULL;  // exp_internal::kRounder
  const Words bits = __builtin_bit_cast(Words, x);
  const Words biased = (bits + (kOne - kSqrtHalf)) >> 52;  // k + 1023: no sign to shift
  const T k = __builtin_bit_cast(T, biased + kRounder) - (exp_internal::kRounder + 1023);
  return {k, __builtin_bit_cast(T, bits - ((biased - 1023) << 52))};
}

template <typename T>
static inline T Join(const T& k, const T& log_of_m, const T& correction) {
  return k * exp_internal::kLn2High + (log_of_m + (k * exp_internal::kLn2Low + correction));
}

}  // namespace log_internal

// ln(x) for x > 0, normal.
template <typename T>
static inline T LogOfNormal(const T& x) {
  const log_internal::Split<T> split = log_internal::SplitExponent(x);
  return log_internal::Join(split.k, Log1pNearZero(split.m - 1.0), T{});
}

// ln(1 + x) for x > -1, finite.
template <typename T>
static inline T Log1pInRange(const T& x) {
  const T zero = {};
  const T u = 1.0 + x;
  const log_internal::Split<T> split = log_internal::SplitExponent(u);
  const T lost = x > zero + 1.0 ? 1.0 - (u - x) : x - (u - 1.0);  // what rounding took from 1 + x
  const auto near = (x > zero - 0.29289) & (x < zero + 0.41421);
  return log_internal::Join(near ? zero : split.k, Log1pNearZero(near ? x : split.m - 1.0),
                            near ? zero : lost / u);
}

// ln(ratio) for normal positive numbers, where `change` is ratio - 1: near 1 it has the digits.
template <typename T>
static inline T LogOfRatio(const T& ratio, const T& change) {
  const log_internal::Split<T> split = log_internal::SplitExponent(ratio);
  const T near = split.k == T{} ? change : split.m - 1.0;
  return log_internal::Join(split.k, Log1pNearZero(near), T{});
}

}  // namespace fulcrum::base
