// The transcendentals of the decision path. Own polynomials in a fixed order, because the C
// library's differ by bits between processors with and without fused multiply-add, and a replay
// must give the same bits. Accuracy: a few units in the last place, stated per function.
#pragma once

namespace fulcrum::base {

double Exp(double x);      // +inf above 709.78, 0 below -745.13; NaN passes through
double Log(double x);      // -inf at 0, NaN below
double Log1p(double x);    // ln(1 + x), accurate near 0
double Sigmoid(double x);  // 1 / (1 + exp(-x))
double Logit(double p);    // ln(p / (1 - p)), 0 < p < 1

}  // namespace fulcrum::base
