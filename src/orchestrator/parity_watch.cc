#include "orchestrator/parity_watch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "domain/moving_span.h"

namespace fulcrum::orchestrator {
namespace {

int64_t FirstStep(int64_t span_us, int64_t latest_us) {
  return domain::StepStartUs(span_us, latest_us) - domain::kStepsPerSpan * domain::StepUs(span_us);
}

}  // namespace

ParityWatch::ParityWatch(std::shared_ptr<const config::Bundle> bundle)
    : bundle_(std::move(bundle)) {
  base::MutexLock lock(&mutex_);
  for (const config::Parity& parity : bundle_->parity) {
    Band& band = bands_.emplace_back();
    for (const int32_t action : parity.actions) {
      band.actions.insert(bundle_->actions[static_cast<size_t>(action)].id);
    }
    for (const std::string& cohort : parity.cohorts) band.cohorts[cohort];
  }
}

void ParityWatch::OnLogged(Lsn, const LogEvent& event) {
  const auto* const record = std::get_if<DecisionRecord>(&event);
  if (record == nullptr || bundle_->parity.empty()) return;
  base::MutexLock lock(&mutex_);
  latest_us_ = std::max(latest_us_, record->occurred_us);
  for (size_t i = 0; i < bands_.size(); ++i) Count(bundle_->parity[i], *record, &bands_[i]);
}

void ParityWatch::Count(const config::Parity& parity, const DecisionRecord& record, Band* band) {
  const std::string& cohort =
      parity.by == config::ParityBy::kRegion ? record.region : record.segment;
  if (cohort.empty()) return;
  const auto surface = bundle_->surface_index.find(record.surface);
  if (surface == bundle_->surface_index.end()) return;
  if (!parity.surfaces.empty() &&
      !std::binary_search(parity.surfaces.begin(), parity.surfaces.end(), surface->second)) {
    return;
  }
  auto steps = band->cohorts.find(cohort);
  if (steps == band->cohorts.end()) {
    if (!parity.cohorts.empty() || band->cohorts.size() >= kCohortsMax) return;
    steps = band->cohorts.try_emplace(cohort).first;
  }
  const int64_t first_us = FirstStep(parity.span_us, latest_us_);
  const int64_t step_us = domain::StepStartUs(parity.span_us, record.occurred_us);
  if (step_us < first_us) return;
  steps->second.erase(steps->second.begin(), steps->second.lower_bound(first_us));
  Step& step = steps->second[step_us];
  ++step.decisions;
  const bool shown =
      std::any_of(record.positions.begin(), record.positions.end(),
                  [&](const PositionRecord& one) { return band->actions.contains(one.action_id); });
  step.shown += shown ? 1 : 0;
}

ParityReport ParityWatch::ReportOf(const config::Parity& parity, const Band& band) const {
  ParityReport report{.id = parity.id, .ratio_min = parity.ratio_min};
  double lowest = std::numeric_limits<double>::infinity();
  double highest = 0;
  const int64_t first_us = FirstStep(parity.span_us, latest_us_);
  for (const auto& [cohort, steps] : band.cohorts) {
    CohortRate& one = report.cohorts.emplace_back();
    one.cohort = cohort;
    for (auto step = steps.lower_bound(first_us); step != steps.end(); ++step) {
      one.decisions += step->second.decisions;
      one.shown += step->second.shown;
    }
    if (one.decisions < parity.decisions_min) continue;
    ++report.judged;
    lowest = std::min(lowest, one.rate());
    highest = std::max(highest, one.rate());
  }
  if (report.judged >= 2 && highest > 0) report.ratio = lowest / highest;
  return report;
}

std::vector<ParityReport> ParityWatch::Report() const {
  std::vector<ParityReport> reports;
  base::MutexLock lock(&mutex_);
  for (size_t i = 0; i < bands_.size(); ++i) {
    reports.push_back(ReportOf(bundle_->parity[i], bands_[i]));
  }
  return reports;
}

}  // namespace fulcrum::orchestrator
