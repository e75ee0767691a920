// The transcendentals of the decision path. Own polynomials in a fixed order, because the C
// library's differ by bits between processors with and without fused multiply-add, and a replay
// must give the same bits. Thread-safe. Stated errors are the largest measured over 300,000
// arguments per range, in units in the last place of the result (tests/base/math_property_test.cc).
#pragma once

namespace fulcrum::base {

double Exp(double x);      // 1.1 ulp; +inf above 709.78, 0 below -745.13; NaN passes through
double Expm1(double x);    // exp(x) - 1, accurate near 0; 2.7 ulp
double Log(double x);      // 1.2 ulp; -inf at 0, NaN below
double Log1p(double x);    // ln(1 + x), accurate near 0; 1.3 ulp; -inf at -1, NaN below
double Sigmoid(double x);  // 1 / (1 + exp(-x)); 2.2 ulp
double Logit(double p);    // ln(p / (1 - p)), 0 < p < 1; 2 ulp

}  // namespace fulcrum::base
