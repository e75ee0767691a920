// The bodies of base::Exp and base::Log1p without range checks, inline so that loops over
// quadrature nodes need no calls. Same bits as the checked functions on their ranges. Thread-safe;
// no errors: the caller keeps the range.
#pragma once

#include <bit>
#include <cstdint>

namespace fulcrum::base {

// Two doubles in one SSE2 or NEON register; arithmetic is element by element, so the bits are those
// of the scalar code.
using Lanes = double __attribute__((vector_size(16)));
using LaneBits = uint64_t __attribute__((vector_size(16)));

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
inline Reduced<T> Reduce(T x) {
  const T shifted = x * kInverseLn2 + kRounder;
  const T k = shifted - kRounder;
  return {(x - k * kLn2High) - k * kLn2Low, shifted};
}

// e^r - 1 for |r| <= 0.3467. The cubic remainder is a Chebyshev fit of degree 8: error 2.6e-17.
template <typename T>
inline T ReducedExpm1(T r) {
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
inline double PowerOfTwo(double shifted, uint64_t bias = 0) {
  return std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + bias + 1023) << 52);
}
inline Lanes PowerOfTwo(Lanes shifted) {
  return std::bit_cast<Lanes>((std::bit_cast<LaneBits>(shifted) + 1023) << 52);
}

}  // namespace exp_internal

// exp(x) for -708 <= x <= 709. T is double or Lanes, here and below.
template <typename T>
inline T ExpInRange(T x) {
  const exp_internal::Reduced<T> reduced = exp_internal::Reduce(x);
  const T scale = exp_internal::PowerOfTwo(reduced.shifted);
  return scale + scale * exp_internal::ReducedExpm1(reduced.r);
}

// exp(x) - 1 for -708 <= x <= 709, with small relative error near 0.
template <typename T>
inline T Expm1InRange(T x) {
  const exp_internal::Reduced<T> reduced = exp_internal::Reduce(x);
  const T scale = exp_internal::PowerOfTwo(reduced.shifted);
  return (scale - 1.0) + scale * exp_internal::ReducedExpm1(reduced.r);
}

// ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)). With s = f / (2 + f) it is 2 atanh(s); what follows
// the first term is a Chebyshev fit in s^2 of degree 6, relative error 4e-18.
template <typename T>
inline T Log1pNearZero(T f) {
  const T s = f / (2.0 + f);
  const T z = s * s;
  const T z2 = z * z;
  const T t01 = 0x1.5555555555558p-1 + z * 0x1.99999999952bfp-2;
  const T t23 = 0x1.2492492df5266p-2 + z * 0x1.c71c62e0922bcp-3;
  const T t45 = 0x1.7462b61242bb4p-3 + z * 0x1.39fe31c77715cp-3;
  const T tail = (t01 + z2 * t23) + (z2 * z2) * (t45 + z2 * 0x1.2b5a8aca255fdp-3);
  return f - s * (f - z * tail);  // f - s f = 2 s, and f is exact
}

// ln(ratio) for normal positive numbers, where `change` is ratio - 1: near 1 it has the digits.
inline Lanes LogOfRatio(Lanes ratio, Lanes change) {
  using LaneInts = int64_t __attribute__((vector_size(16)));
  constexpr uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcdULL;
  const LaneBits bits = std::bit_cast<LaneBits>(ratio);
  // ratio = 2^k * m with m in [sqrt(1/2), sqrt(2)).
  const LaneInts k = std::bit_cast<LaneInts>(bits - kSqrtHalfBits) >> 52;
  const Lanes m = std::bit_cast<Lanes>(bits - (std::bit_cast<LaneBits>(k) << 52));
  const Lanes rounder = {exp_internal::kRounder, exp_internal::kRounder};
  const Lanes power = std::bit_cast<Lanes>(std::bit_cast<LaneInts>(rounder) + k) - rounder;
  const Lanes near = Log1pNearZero(k == 0 ? change : m - 1.0);
  return power * exp_internal::kLn2High + (near + power * exp_internal::kLn2Low);
}

}  // namespace fulcrum::base
