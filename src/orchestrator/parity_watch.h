// Bands of parity, watched: how often cohorts are shown some actions, by what the log says.
//
// A decision counts in the step of its own time, and a step counts as long as any of it is within
// the span that ends with the latest decision (domain/moving_span.h). What is served counts,
// fallbacks and held-out users too; a cohort that is not known counts nowhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "domain/seams.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::orchestrator {

// Cohorts of a band that names none; those that come up later count nowhere.
inline constexpr size_t kCohortsMax = 64;

struct CohortRate {
  std::string cohort;
  uint64_t decisions = 0;  // within the span
  uint64_t shown = 0;      // of them, showed one of the actions at least

  double rate() const {
    return decisions == 0 ? 0 : static_cast<double>(shown) / static_cast<double>(decisions);
  }
};

struct ParityReport {
  std::string id;
  double ratio_min = 0;
  std::vector<CohortRate> cohorts;  // by name
  size_t judged = 0;                // cohorts with enough decisions
  // Lowest rate over highest among those; 1 with less than two, or if none was shown anything.
  double ratio = 1;

  bool within() const { return ratio >= ratio_min; }
};

// Thread-safe. Begins anew with the process.
class ParityWatch final : public domain::LogObserver {
 public:
  explicit ParityWatch(std::shared_ptr<const config::Bundle> bundle);

  void OnLogged(Lsn lsn, const LogEvent& event) override;

  // In bundle order.
  std::vector<ParityReport> Report() const;

 private:
  struct Step {
    uint64_t decisions = 0;
    uint64_t shown = 0;
  };
  struct Band {
    base::StringSet actions;                                              // that are looked for
    std::map<std::string, std::map<int64_t, Step>, std::less<>> cohorts;  // by step's start
  };

  void Count(const config::Parity& parity, const DecisionRecord& record, Band* band)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ParityReport ReportOf(const config::Parity& parity, const Band& band) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<const config::Bundle> bundle_;
  mutable base::Mutex mutex_;
  std::vector<Band> bands_ ABSL_GUARDED_BY(mutex_);  // of bundle_->parity
  int64_t latest_us_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace fulcrum::orchestrator
