#include "masking/masking_sink.h"

#include <utility>

namespace fulcrum::masking {

absl::Status MaskingSink::Append(LogEvent event, std::optional<FeatureSnapshot> snapshot,
                                 domain::Logged done) {
  masker_->Apply(&event, &snapshot);
  return log_->Append(std::move(event), std::move(snapshot), std::move(done));
}

}  // namespace fulcrum::masking
