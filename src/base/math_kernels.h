// The bodies of base::Exp and base::Log1p without range checks, inline so that loops over quadrature
// nodes need no calls. Same bits as the checked functions on their ranges. Thread-safe; no errors:
// the caller keeps the range.
#pragma once

#include <bit>
#include <cstdint>

namespace fulcrum::base::exp_internal {

// x = k ln 2 + r with |r| <= ln(2) / 2 (plus rounding); `scale_bits` carries k in its low bits.
struct Reduced {
  double r;
  uint64_t scale_bits;
};

inline constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
inline constexpr double kLn2High = 0x1.62e42p-1;  // 32 bits: k * kLn2High is exact
inline constexpr double kLn2Low = 0x1.fdf473de6af28p-22;
// Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits of the pattern.
inline constexpr double kRounder = 0x1.8p52;

inline Reduced Reduce(double x) {
  const double shifted = x * kInverseLn2 + kRounder;
  const double k = shifted - kRounder;
  return {(x - k * kLn2High) - k * kLn2Low, std::bit_cast<uint64_t>(shifted)};
}

// e^r - 1 for |r| <= 0.3467. The cubic remainder is a Chebyshev fit of degree 8: error 2.6e-17.
inline double ReducedExpm1(double r) {
  const double r2 = r * r;
  const double q01 = 0x1.5555555555555p-3 + r * 0x1.5555555554cb7p-5;
  const double q23 = 0x1.1111111110e6ap-7 + r * 0x1.6c16c1738ff55p-10;
  const double q45 = 0x1.a01a01a4b322fp-13 + r * 0x1.a019c9a5652d3p-16;
  const double q67 = 0x1.71de17e40edfep-19 + r * 0x1.2880411bad1aap-22;
  const double r4 = r2 * r2;
  const double q = (q01 + r2 * q23) + r4 * ((q45 + r2 * q67) + r4 * 0x1.af236aac51d05p-26);
  return r + r2 * (0.5 + r * q);
}

inline double PowerOfTwo(uint64_t scale_bits) {
  return std::bit_cast<double>((scale_bits + 1023) << 52);
}

}  // namespace fulcrum::base::exp_internal

namespace fulcrum::base {

// exp(x) for -708 <= x <= 709.
inline double ExpInRange(double x) {
  const exp_internal::Reduced reduced = exp_internal::Reduce(x);
  const double scale = exp_internal::PowerOfTwo(reduced.scale_bits);
  return scale + scale * exp_internal::ReducedExpm1(reduced.r);
}

// exp(x) - 1 for -708 <= x <= 709, with small relative error near 0.
inline double Expm1InRange(double x) {
  const exp_internal::Reduced reduced = exp_internal::Reduce(x);
  const double scale = exp_internal::PowerOfTwo(reduced.scale_bits);
  return (scale - 1) + scale * exp_internal::ReducedExpm1(reduced.r);
}

// ln(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)). With s = f / (2 + f) it is 2 atanh(s); what follows
// the first term is a Chebyshev fit in s^2 of degree 6, relative error 4e-18.
inline double Log1pNearZero(double f) {
  const double s = f / (2 + f);
  const double z = s * s;
  const double z2 = z * z;
  const double t01 = 0x1.5555555555558p-1 + z * 0x1.99999999952bfp-2;
  const double t23 = 0x1.2492492df5266p-2 + z * 0x1.c71c62e0922bcp-3;
  const double t45 = 0x1.7462b61242bb4p-3 + z * 0x1.39fe31c77715cp-3;
  const double tail = (t01 + z2 * t23) + (z2 * z2) * (t45 + z2 * 0x1.2b5a8aca255fdp-3);
  return f - s * (f - z * tail);  // f - s f = 2 s, and f is exact
}

}  // namespace fulcrum::base
