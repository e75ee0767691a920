// What `fulcrum train` tells, as text and as JSON.
#pragma once

#include <optional>
#include <string>

#include "training/log_rows.h"
#include "training/trainer.h"

namespace fulcrum::apps {

// `log` is what was read of a decision log, absent for CSV.
struct TrainOutcome {
  std::string manifest;  // path of the manifest that was written
  std::optional<training::LogTally> log;
  const training::TrainedModel* model = nullptr;
};

std::string TrainText(const TrainOutcome& outcome);
// One JSON object on one line; what is not known is null.
std::string TrainJson(const TrainOutcome& outcome);

}  // namespace fulcrum::apps
