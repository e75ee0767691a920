// The decision log behind its masking rules: what is appended is masked first, on the thread that
// appends, so that nothing downstream ever sees what may not be logged.
#pragma once

#include <optional>

#include "domain/seams.h"
#include "masking/masker.h"

namespace fulcrum::masking {

// Thread-safe; promises what the sink behind it does.
class MaskingSink final : public domain::DecisionSink {
 public:
  // Both outlive the sink.
  MaskingSink(Masker* masker, domain::DecisionSink* log) : masker_(masker), log_(log) {}

  absl::Status Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                      domain::Logged done) override;
  double Fill() const override { return log_->Fill(); }
  void WaitForRoom(base::SteadyTime until) override { log_->WaitForRoom(until); }

 private:
  Masker* const masker_;
  domain::DecisionSink* const log_;
};

}  // namespace fulcrum::masking
