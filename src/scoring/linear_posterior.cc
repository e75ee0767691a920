#include "scoring/linear_posterior.h"

// Packets would make the order of sums depend on the processor.
#define EIGEN_DONT_VECTORIZE
#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/check.h"

namespace fulcrum::scoring {
namespace {

// Below this size Eigen's factorisation does not work in blocks, whose size it takes from the
// processor's caches.
static_assert(kTermsMax < 32);

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, kTermsMax, kTermsMax>;

double Clipped(double term) {
  return std::clamp(term, -kTermMax, kTermMax);
}

// L^-1 v, `factor` being L's lower triangle row by row.
template <typename Vector>
void SolveForward(const std::vector<double>& factor, Vector* v) {
  size_t at = 0;
  for (size_t i = 0; i < v->size(); ++i) {
    double value = (*v)[i];
    for (size_t j = 0; j < i; ++j) value -= factor[at + j] * (*v)[j];
    (*v)[i] = value / factor[at + i];
    at += i + 1;
  }
}

bool AreFinite(absl::Span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

Matrix Precision(const LinearSpec& spec, const LinearSums& sums) {
  const auto terms = static_cast<Eigen::Index>(spec.terms);
  const double noise = 1 / (spec.noise_sd * spec.noise_sd);
  Matrix precision(terms, terms);
  size_t at = 0;
  for (Eigen::Index i = 0; i < terms; ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) {
      precision(i, j) = precision(j, i) = sums.xx[at++] * noise;
    }
    precision(i, i) += 1 / (spec.prior_sd * spec.prior_sd);
  }
  return precision;
}

}  // namespace

std::vector<double> SharedTerms(const config::LinearPosterior& linear, std::string_view segment,
                                const base::StringMap<domain::FeatureValue>& context) {
  std::vector<double> shared;
  shared.reserve(linear.segments.size() + linear.context_keys.size());
  for (const std::string& listed : linear.segments) shared.push_back(listed == segment ? 1 : 0);
  for (const std::string& key : linear.context_keys) {
    const auto found = context.find(key);
    const double* number = found == context.end() ? nullptr : std::get_if<double>(&found->second);
    shared.push_back(number != nullptr && std::isfinite(*number) ? Clipped(*number) : 0);
  }
  return shared;
}

Terms TermsOf(double score, absl::Span<const double> shared) {
  Terms terms = {1, Clipped(score)};
  terms.insert(terms.end(), shared.begin(), shared.end());
  return terms;
}

LinearSpec SpecOf(const config::LinearPosterior& linear, bool has_model) {
  return {linear.terms(), linear.noise_sd, linear.prior_sd, has_model || linear.log_odds,
          linear.log_odds};
}

LinearSpec Discounted(LinearSpec spec, double discount) {
  spec.noise_sd /= std::sqrt(discount);
  return spec;
}

Belief PriorBelief(double prior_sd, absl::Span<const double> x) {
  double squares = 0;
  for (const double term : x) squares += term * term;
  return {x[1], prior_sd * std::sqrt(squares)};
}

LinearArm::LinearArm(const LinearSpec& spec) : LinearArm(spec, LinearSums::Zero(spec.terms), {}) {}

LinearArm::LinearArm(const LinearSpec& spec, LinearSums sums, const LinearSums* fitted)
    : sums_(std::move(sums)) {
  if (fitted != nullptr) fitted_ = *fitted;
  Fit(spec, fitted == nullptr ? sums_ : fitted_);
}

bool LinearArm::Add(const LinearSpec& spec, absl::Span<const double> x, double weight,
                    double reward) {
  FULCRUM_CHECK(x.size() == spec.terms && x.size() == sums_.xr.size());
  LinearSums before = sums_;
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t j = 0; j <= i; ++j) sums_.xx[at++] += weight * (x[i] * x[j]);
    sums_.xr[i] += reward * x[i];
  }
  if (Fit(spec, sums_)) {
    fitted_ = {};
    return true;
  }
  if (fitted_.xr.empty()) fitted_ = std::move(before);
  return false;
}

LinearArm LinearArm::Aged(const LinearSpec& spec, int halvings) const {
  const auto halved = [halvings](LinearSums sums) {
    for (double& value : sums.xx) value = std::ldexp(value, -halvings);
    for (double& value : sums.xr) value = std::ldexp(value, -halvings);
    return sums;
  };
  LinearArm aged(spec, halved(sums_), nullptr);
  if (aged.has_factor()) return aged;
  // A factor that was good stays so: discounting brings P nearer to the prior's, whose condition is
  // 1. But what is judged is an estimate of the condition.
  LinearSums behind = halved(fitted() == nullptr ? LinearSums::Zero(terms()) : fitted_);
  aged = LinearArm(spec, aged.sums_, &behind);
  if (aged.has_factor()) return aged;
  behind = LinearSums::Zero(terms());
  return LinearArm(spec, aged.sums_, &behind);
}

bool LinearArm::Fit(const LinearSpec& spec, const LinearSums& sums) {
  const Eigen::LLT<Matrix> cholesky(Precision(spec, sums));
  if (cholesky.info() != Eigen::Success) return false;
  const double condition = 1 / cholesky.rcond();
  if (!(condition <= kConditionMax)) return false;  // nor if it is not a number

  std::vector<double> factor;
  factor.reserve(sums.xx.size());
  for (Eigen::Index i = 0; i < cholesky.rows(); ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) factor.push_back(cholesky.matrixLLT()(i, j));
  }
  std::vector<double> half_mean(spec.terms);
  for (size_t i = 0; i < spec.terms; ++i) {
    half_mean[i] = sums.xr[i] / (spec.noise_sd * spec.noise_sd);
  }
  if (spec.has_model) half_mean[1] += 1 / (spec.prior_sd * spec.prior_sd);
  SolveForward(factor, &half_mean);
  if (!AreFinite(factor) || !AreFinite(half_mean)) return false;
  factor_ = std::move(factor);
  half_mean_ = std::move(half_mean);
  condition_ = condition;
  return true;
}

Belief LinearArm::At(absl::Span<const double> x) const {
  FULCRUM_CHECK(x.size() == terms());
  Terms half(x.begin(), x.end());
  SolveForward(factor_, &half);
  double mean = 0;
  double squares = 0;
  for (size_t i = 0; i < half.size(); ++i) {
    mean += half[i] * half_mean_[i];
    squares += half[i] * half[i];
  }
  return {mean, std::sqrt(squares)};
}

}  // namespace fulcrum::scoring
