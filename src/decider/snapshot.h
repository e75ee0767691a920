// The one immutable state that a request reads once and carries through all stages.
#pragma once

#include <memory>

#include "config/bundle.h"
#include "decider/pauses.h"
#include "scoring/model.h"
#include "scoring/posteriors.h"

namespace fulcrum::decider {

struct Snapshot {
  std::shared_ptr<const config::Bundle> bundle;
  std::shared_ptr<const scoring::Model> model;  // may be null: the counts alone decide
  std::shared_ptr<const scoring::Posteriors> posteriors;
  bool archived = false;  // bundle and model can be had again by their versions, for a replay
  std::shared_ptr<const Pauses> pauses = nullptr;  // null: nothing is paused
  bool model_paused = false;                       // that is why there is none
};

}  // namespace fulcrum::decider
