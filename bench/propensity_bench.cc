// Error and time of the choice probabilities, by family of posteriors and number of arms: the table
// of docs/choice_probabilities.md, and the rows propensity_*. Errors are against brute force for
// Gaussian arms and golden values for Beta arms. A time is one request's, its parameters unlike the
// request's before it; of several rounds over all requests each one's median counts, so that the
// tail is that of the parameters and not of the machine.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/simd.h"
#include "bench/gauss_panel_scalar.h"
#include "bench/interleave.h"
#include "bench/rows.h"
#include "policy/choice.h"
#include "policy/gauss_quadrature.h"
#include "tests/policy/beta_families.h"
#include "tests/policy/gauss_families.h"
#include "tests/policy/gauss_reference.h"
#include "tests/policy/golden_choice.h"

namespace fulcrum::policy {
namespace {

constexpr size_t kSizes[] = {5, 20, 50, 200};
constexpr uint64_t kRequests = 500;  // of each family and size
constexpr int kRounds = 5;
constexpr double kAccuracy = 2e-6;
constexpr double kReferenceDefect = 1e-9;

struct Request {
  std::vector<Posterior> arms;
  Baseline baseline;
};

// Half of the baselines are a posterior of the family, half a known value that some arms may miss.
template <typename Arm>
Request MakeRequest(std::vector<Arm> arms, bool known, double known_value) {
  Request request;
  if (known) {
    request.baseline.known_value = known_value;
  } else {
    request.baseline.posterior = arms.back();
  }
  arms.pop_back();
  request.arms.assign(arms.begin(), arms.end());
  return request;
}

Request GaussRequest(int family, size_t size, uint64_t round) {
  const auto arms =
      testing::MakeGaussArms(static_cast<testing::GaussFamily>(family), size + 1, round);
  return MakeRequest(arms, round % 2 == 0, testing::KnownValuesFor(arms)[1]);
}

Request BetaRequest(int family, size_t size, uint64_t round) {
  return MakeRequest(
      testing::MakeBetaArms(static_cast<testing::BetaFamily>(family), size + 1, round),
      round % 2 == 0, 0.01);
}

double GaussError(int family, size_t size) {
  const auto arms = testing::MakeGaussArms(static_cast<testing::GaussFamily>(family), size);
  double worst = 0;
  for (const double known : testing::KnownValuesFor(arms)) {
    const testing::GaussReference reference(arms, known);
    FULCRUM_CHECK(reference.defect() < kReferenceDefect);
    Baseline baseline;
    baseline.known_value = known;
    const auto p = ChoiceProbabilities(std::vector<Posterior>(arms.begin(), arms.end()), baseline);
    worst = std::max(worst, std::abs(p.back() - reference.known_wins()));
    for (size_t i = 0; i < size; ++i) {
      worst = std::max(worst, std::abs(p[i] - reference.wins(i)));
    }
  }
  return worst;
}

double BetaError(int family, size_t size) {
  double worst = -1;
  for (const testing::GoldenChoice& golden :
       testing::ReadGoldenChoices(FULCRUM_SOURCE_DIR, testing::kGoldenFamilies[family])) {
    if (golden.arms.size() != size) continue;
    double sum = 0;
    for (const double p : golden.probabilities) sum += p;
    FULCRUM_CHECK(std::abs(1 - sum) < kReferenceDefect);
    const auto p = ChoiceProbabilities(
        std::vector<Posterior>(golden.arms.begin(), golden.arms.end()), golden.baseline);
    for (size_t i = 0; i < p.size(); ++i) {
      worst = std::max(worst, std::abs(p[i] - golden.probabilities[i]));
    }
  }
  FULCRUM_CHECK(worst >= 0);  // or there is no such golden choice
  return worst;
}

struct Family {
  std::string name;
  int index;
  Request (*request)(int family, size_t size, uint64_t round);
  double (*error)(int family, size_t size);
  bool counts_for_time = true;
};

std::vector<Family> Families() {
  std::vector<Family> families;
  for (int i = 0; i < testing::kGaussFamilies; ++i) {
    families.push_back({std::string("normal ") + testing::kGaussFamilyNames[i], i, GaussRequest,
                        GaussError, i != static_cast<int>(testing::GaussFamily::kSpike)});
  }
  for (int i = 0; i < testing::kBetaFamilies; ++i) {
    families.push_back(
        {std::string("beta ") + testing::kGoldenFamilies[i], i, BetaRequest, BetaError});
  }
  return families;
}

double MicrosecondsOf(const Request& request) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<double> p = ChoiceProbabilities(request.arms, request.baseline);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  FULCRUM_CHECK(p.size() == request.arms.size() + 1);
  return took.count();
}

// Of each request, in the order of `requests`.
std::vector<double> TimesOf(const std::vector<Request>& requests) {
  std::vector<std::vector<double>> all(requests.size());
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < requests.size(); ++i) all[i].push_back(MicrosecondsOf(requests[i]));
  }
  std::vector<double> medians;
  for (std::vector<double>& times : all) medians.push_back(bench::Median(std::move(times)));
  return medians;
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

struct OfSize {
  std::vector<double> times;  // of all families that count
  double worst_p99 = 0;
  std::string worst_family;
  double error = 0;
};

OfSize MeasureSize(size_t size) {
  OfSize result;
  for (const Family& family : Families()) {
    std::vector<Request> requests;
    for (uint64_t round = 0; round < kRequests; ++round) {
      requests.push_back(family.request(family.index, size, round));
    }
    const std::vector<double> times = TimesOf(requests);
    const double error = family.error(family.index, size);
    const double p99 = Quantile(times, 0.99);
    std::printf("%-22s %4zu %10.1e %10.1f %10.1f\n", family.name.c_str(), size, error,
                Quantile(times, 0.5), p99);
    std::fflush(stdout);
    result.error = std::max(result.error, error);
    if (!family.counts_for_time) continue;
    result.times.insert(result.times.end(), times.begin(), times.end());
    if (p99 > result.worst_p99) {
      result.worst_p99 = p99;
      result.worst_family = family.name;
    }
  }
  return result;
}

std::string OneDecimal(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

void ReportTable() {
  const std::string level(base::SimdLevelName(base::ActiveSimdLevel()));
  std::printf("%-22s %4s %10s %10s %10s   (%s)\n", "family", "K", "max error", "p50 us", "p99 us",
              level.c_str());
  double error = 0;
  for (const size_t size : kSizes) {
    const OfSize measured = MeasureSize(size);
    error = std::max(error, measured.error);
    if (size == 5) continue;  // no aim
    bench::ReportRow({.name = "propensity_k" + std::to_string(size) + "_p99_us",
                      .value = Quantile(measured.times, 0.99),
                      .unit = "us",
                      .aim = size == 20   ? 25.0
                             : size == 50 ? 30.0
                                          : 80.0,
                      .against = "requests of 13 families, " + level + "; p50 " +
                                 OneDecimal(Quantile(measured.times, 0.5)) + ", worst family " +
                                 measured.worst_family + " " + OneDecimal(measured.worst_p99)});
  }
  bench::ReportRow({.name = "propensity_max_error",
                    .value = error,
                    .unit = "probability",
                    .aim = kAccuracy,
                    .gate = bench::Gate::kGated,
                    .against = "references with a defect under 1e-9; 14 families, K = 5 to 200"});
}

// One decision after the other, over and over.
class Decisions {
 public:
  explicit Decisions(GaussPanelFunction panel) : quadrature_({}, panel) {
    for (uint64_t round = 0; round < 100; ++round) {
      all_.push_back(testing::MakeGaussArms(testing::GaussFamily::kComparable, 50, round));
    }
    probabilities_.resize(50);
  }
  void Next() {
    next_ = (next_ + 1) % all_.size();
    quadrature_.Compute(all_[next_], kNoKnownValue, absl::MakeSpan(probabilities_));
  }
  const std::vector<double>& probabilities() const { return probabilities_; }

 private:
  std::vector<std::vector<GaussArm>> all_;
  GaussQuadrature quadrature_;
  std::vector<double> probabilities_;
  size_t next_ = 0;
};

void ReportRatio() {
  Decisions vectors(nullptr);
  Decisions scalar(bench::IntegrateGaussPanelScalar);
  vectors.Next();
  scalar.Next();
  FULCRUM_CHECK(vectors.probabilities() == scalar.probabilities());  // to the bit
  const bench::TimeRatio ratio =
      bench::CompareTimes([&] { vectors.Next(); }, [&] { scalar.Next(); });
  bench::ReportRow({.name = "propensity_k50_vs_scalar",
                    .value = ratio.ratio,
                    .unit = "ratio",
                    .aim = 0.6,
                    .gate = bench::Gate::kGated,
                    .against = "the same source and panels without vectors, normal comparable; " +
                               std::string(base::SimdLevelName(base::ActiveSimdLevel())) +
                               ", 20 pairs of windows"});
}

}  // namespace
}  // namespace fulcrum::policy

int main(int argc, char** argv) {
  // An argument is a level of vectors, for the tables of the documentation.
  if (argc > 1) FULCRUM_CHECK(fulcrum::base::ForceSimdLevel(std::string_view(argv[1])).ok());
  fulcrum::policy::ReportTable();
  fulcrum::policy::ReportRatio();
  return 0;
}
