#include "apps/plan_check.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "replay/counterfactual.h"

namespace fulcrum::apps {
namespace {

using replay::CounterfactualOptions;
using replay::CounterfactualReport;
using replay::Outcome;
using replay::OutcomeCandidate;

class Day {
 public:
  Day(absl::Duration bin, int64_t until_us) : until_us_(until_us) {
    check_.bin_us = absl::ToInt64Microseconds(bin);
  }

  void AddDecision(const DecisionRecord& record, const Outcome& outcome) {
    if (check_.decisions++ == 0) check_.start_us = record.occurred_us;
    check_.end_us = std::max(check_.end_us, record.occurred_us);
    check_.replayed += outcome.not_replayed.empty() ? 1 : 0;
    for (const auto& position : outcome.slate) ++check_.actions[position.action_id].drawn;
    std::map<std::string, bool> denied;
    for (const OutcomeCandidate& candidate : outcome.candidates) {
      PlanAction& action = check_.actions[candidate.action_id];
      const bool masked = candidate.mask == MaskReason::kNoHold;
      if (!masked && candidate.mask != MaskReason::kNone) continue;
      ++action.eligible;
      if (!masked) continue;
      ++action.masked;
      if (candidate.row.empty()) continue;
      ++action.masked_by[candidate.row];
      denied[candidate.row] = true;
    }
    for (const auto& [row, unused] : denied) {
      PlanRow& one = check_.rows[row];
      if (one.denied++ == 0) one.first_denied_us = record.occurred_us;
    }
  }

  // What was used so far, at a time; the curve of a bin is its last value.
  void AddUse(int64_t time_us, const CounterfactualReport& so_far) {
    if (check_.decisions == 0 || time_us >= until_us_) return;
    const int64_t since = std::max<int64_t>(0, time_us - check_.start_us);
    const auto bin = static_cast<size_t>(since / check_.bin_us);
    if (bin >= kBinsMax) return;
    for (const auto& [id, shift] : so_far.rows) {
      std::vector<double>& curve = check_.rows[id].curve;
      const double before = curve.empty() ? 0 : curve.back();
      if (curve.size() <= bin) curve.resize(bin + 1, before);
      curve.back() = static_cast<double>(shift.drawn);
    }
  }

  PlanCheck Finish(const CounterfactualReport& report, const CounterfactualReport& unlimited,
                   const config::Bundle& bundle) {
    std::map<std::string, PlanRow> rows;  // of this bundle alone
    for (const config::Constraint& constraint : bundle.constraints) {
      PlanRow& row = rows[constraint.id] = std::move(check_.rows[constraint.id]);
      row.limit = constraint.limit;
      row.per_user = constraint.per_user;
      row.used = report.rows.at(constraint.id).drawn;
      row.expected = report.rows.at(constraint.id).expected;
      row.demand = unlimited.rows.at(constraint.id).drawn;
    }
    check_.rows = std::move(rows);
    check_.readable = report.corrupt == 0;
    return std::move(check_);
  }

 private:
  static constexpr size_t kBinsMax = 10'000;

  const int64_t until_us_;
  PlanCheck check_;
};

replay::OtherPolicy WithoutLimits(const replay::OtherPolicy& policy) {
  replay::OtherPolicy unlimited = policy;  // `loaded` stays: the log was made with limits
  auto bundle = std::make_shared<config::Bundle>(*policy.bundle);
  for (config::Constraint& row : bundle->constraints) {
    row.limit = std::numeric_limits<int64_t>::max();
  }
  unlimited.bundle = std::move(bundle);
  return unlimited;
}

}  // namespace

absl::StatusOr<PlanCheck> CheckPlan(base::FileSystem* files, const std::string& log_directory,
                                    const replay::OtherPolicy& policy,
                                    const PlanCheckOptions& options) {
  CounterfactualOptions how;
  how.threads = options.threads;
  if (options.date.has_value()) {
    const absl::TimeZone utc = absl::UTCTimeZone();
    how.from_us = absl::ToUnixMicros(absl::FromCivil(*options.date, utc));
    how.until_us = absl::ToUnixMicros(absl::FromCivil(*options.date + 1, utc));
  }
  Day day(options.bin, how.until_us);
  FULCRUM_ASSIGN_OR_RETURN(
      const CounterfactualReport unlimited,
      replay::ReplayCounterfactual(files, log_directory, WithoutLimits(policy), how));
  how.on_decision = [&](const DecisionRecord& record, const Outcome& outcome) {
    day.AddDecision(record, outcome);
  };
  how.on_spend = [&](int64_t time_us, const CounterfactualReport& so_far) {
    day.AddUse(time_us, so_far);
  };
  FULCRUM_ASSIGN_OR_RETURN(const CounterfactualReport report,
                           replay::ReplayCounterfactual(files, log_directory, policy, how));
  if (report.decisions == 0) {
    return absl::FailedPreconditionError(log_directory +
                                         ": no decisions on that day; give --date, or another log");
  }
  return day.Finish(report, unlimited, *policy.bundle);
}

}  // namespace fulcrum::apps
