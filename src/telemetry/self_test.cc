#include "telemetry/self_test.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "telemetry/diagnostics.h"

namespace fulcrum::telemetry {
namespace {

constexpr uint64_t kBlockMax = 65536;
constexpr double kPValueAlarm = 1e-6;
constexpr double kWeightZAlarm = 6;
constexpr double kEntropyAlarm = 0.02;
constexpr double kExpectedMin = 100;             // cells with less are merged
constexpr Ticks kWeighedMin = kTicksTotal / 50;  // smaller ones would make the mean's tail heavy

// d' C^-1 d by Cholesky; C is `n` by `n`, symmetric. Directions without variance are left out.
template <typename Matrix, typename Vector>
double QuadraticForm(Matrix c, Vector d, size_t n, int* degrees) {
  double sum = 0;
  *degrees = 0;
  for (size_t k = 0; k < n; ++k) {
    if (c[k][k] < 1) continue;
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = c[i][k] / c[k][k];
      for (size_t j = k + 1; j < n; ++j) c[i][j] -= factor * c[k][j];
      d[i] -= factor * d[k];
    }
    sum += d[k] * d[k] / c[k][k];
    ++*degrees;
  }
  return sum;
}

}  // namespace

// Abramowitz and Stegun 26.4.4 and 26.4.5: from 1 or 2 degrees upwards.
double ChiSquareTail(double statistic, int degrees) {
  const double x = statistic / 2;
  double a = degrees % 2 == 0 ? 1 : 0.5;
  double tail = degrees % 2 == 0 ? std::exp(-x) : std::erfc(std::sqrt(x));
  for (; 2 * a < degrees; a += 1) {
    if (x > 0) tail += std::exp(a * std::log(x) - x - std::lgamma(a + 1));
  }
  return std::min(tail, 1.0);
}

void SelfTestBlock::Add(absl::Span<const Ticks> ticks, size_t drawn) {
  ++positions_;
  if (drawn >= ticks.size() || ticks[drawn] == 0) {
    ++impossible_;
    return;
  }
  absl::InlinedVector<size_t, 128> by_size;
  for (size_t i = 0; i < ticks.size(); ++i) by_size.push_back(i);
  const size_t ranked = std::min(kRanks - 1, by_size.size());
  std::partial_sort(
      by_size.begin(), by_size.begin() + static_cast<std::ptrdiff_t>(ranked), by_size.end(),
      [&](size_t a, size_t b) { return ticks[a] != ticks[b] ? ticks[a] > ticks[b] : a < b; });
  std::array<double, kRanks> p{};
  size_t rank = kRanks - 1;
  double rest = 1;
  for (size_t r = 0; r < ranked; ++r) {
    p[r] = PropensityOf(ticks[by_size[r]]);
    rest -= p[r];
    if (by_size[r] == drawn) rank = r;
  }
  p[kRanks - 1] = std::max(rest, 0.0);
  for (size_t r = 0; r < kRanks; ++r) {
    surprise_[r] += (r == rank ? 1 : 0) - p[r];
    expected_[r] += p[r];
    for (size_t s = 0; s < kRanks; ++s) products_[r][s] += p[r] * p[s];
  }
  AddWeight(ticks, drawn);
  AddEntropy(ticks);
}

void SelfTestBlock::AddWeight(absl::Span<const Ticks> ticks, size_t drawn) {
  double count = 0, inverse = 0;
  for (const Ticks one : ticks) {
    if (one < kWeighedMin) continue;
    count += 1;
    inverse += 1 / PropensityOf(one);
  }
  const double weight = ticks[drawn] < kWeighedMin ? 0 : 1 / (count * PropensityOf(ticks[drawn]));
  weight_surprise_ += weight - 1;
  weight_variance_ += inverse / (count * count) - 1;
}

void SelfTestBlock::AddEntropy(absl::Span<const Ticks> ticks) {
  double entropy = 0, count = 0;
  for (const Ticks one : ticks) {
    if (one == 0) continue;
    count += 1;
    entropy -= PropensityOf(one) * std::log(PropensityOf(one));
  }
  if (count < 2) return;
  entropy_ += entropy / std::log(count);
  ++choices_;
}

double SelfTestBlock::DrawnPValue() const {
  if (impossible_ > 0) return 0;
  // The ranks that are expected often enough, all but one of them; the others are one with that.
  std::array<size_t, kRanks> often{};
  size_t n = 0;
  for (size_t r = 0; r < kRanks; ++r) {
    if (expected_[r] >= kExpectedMin) often[n++] = r;
  }
  double merged = 0;
  for (size_t r = 0; r < kRanks; ++r) merged += expected_[r] < kExpectedMin ? expected_[r] : 0;
  if (merged < kExpectedMin && n > 0) --n;
  std::array<std::array<double, kRanks>, kRanks> covariance{};
  std::array<double, kRanks> surprise{};
  for (size_t i = 0; i < n; ++i) {
    surprise[i] = surprise_[often[i]];
    for (size_t j = 0; j < n; ++j) covariance[i][j] = -products_[often[i]][often[j]];
    covariance[i][i] += expected_[often[i]];
  }
  int degrees = 0;
  const double statistic = QuadraticForm(covariance, surprise, n, &degrees);
  return degrees == 0 ? 1 : ChiSquareTail(statistic, degrees);
}

double SelfTestBlock::MeanWeight() const {
  return positions_ == 0 ? 1 : 1 + weight_surprise_ / static_cast<double>(positions_);
}

double SelfTestBlock::WeightZ() const {
  return weight_variance_ < 1 ? 0 : weight_surprise_ / std::sqrt(weight_variance_);
}

double SelfTestBlock::Entropy() const {
  return choices_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                       : entropy_ / static_cast<double>(choices_);
}

SelfTest::SelfTest(const std::vector<std::string>& surfaces) {
  const base::MutexLock lock(&mutex_);
  for (const std::string& surface : surfaces) states_[surface].report.surface = surface;
}

void SelfTest::Observe(const LogEvent& event) {
  const auto* const record = std::get_if<DecisionRecord>(&event);
  if (record == nullptr || record->detail != Detail::kWhole) return;
  const base::MutexLock lock(&mutex_);
  const auto found = states_.find(record->surface);
  if (found == states_.end()) return;
  State& state = found->second;
  const auto& drawn = record->unserved.empty() ? record->positions : record->unserved;
  for (const PositionRecord& position : drawn) {
    if (position.ticks.empty()) continue;  // not drawn
    size_t index = 0;
    while (index < record->candidates.size() &&
           record->candidates[index].action_id != position.action_id) {
      ++index;
    }
    state.block.Add(position.ticks, index);
    ++state.report.positions;
    if (state.block.positions() >= state.block_size) Close(&state);
  }
}

void SelfTest::Close(State* state) {
  SelfTestReport& report = state->report;
  const SelfTestBlock& block = state->block;
  report.block = block.positions();
  report.drawn_p_value = block.DrawnPValue();
  report.mean_weight = block.MeanWeight();
  report.weight_z = block.WeightZ();
  report.entropy = block.Entropy();
  const bool drawn = report.drawn_p_value < kPValueAlarm;
  const bool weight = std::fabs(report.weight_z) > kWeightZAlarm;
  const bool entropy = report.entropy < kEntropyAlarm;  // false for NaN
  report.drawn_alarms += drawn ? 1 : 0;
  report.weight_alarms += weight ? 1 : 0;
  report.entropy_alarms += entropy ? 1 : 0;
  if (drawn || weight || entropy) {
    WarnLimited("self_test_alarm", {{"surface", report.surface},
                                    {"positions", absl::StrCat(report.block)},
                                    {"p_value", absl::StrCat(report.drawn_p_value)},
                                    {"mean_weight", absl::StrCat(report.mean_weight)},
                                    {"entropy", absl::StrCat(report.entropy)}});
  }
  state->block = SelfTestBlock();
  state->block_size = std::min(2 * state->block_size, kBlockMax);
}

std::vector<SelfTestReport> SelfTest::Report() const {
  const base::MutexLock lock(&mutex_);
  std::vector<SelfTestReport> reports;
  reports.reserve(states_.size());
  for (const auto& [surface, state] : states_) reports.push_back(state.report);
  return reports;
}

}  // namespace fulcrum::telemetry
