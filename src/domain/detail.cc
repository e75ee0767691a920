#include "domain/detail.h"

namespace fulcrum::domain {

void DropDetail(Detail why, std::string_view replayable_reason, DecisionRecord* record) {
  for (std::vector<PositionRecord>* positions : {&record->positions, &record->unserved}) {
    for (PositionRecord& position : *positions) {
      position.drawn_ticks = DrawnTicks(*record, position);
      position.ticks.clear();
      position.shadow_ticks.clear();
      position.discounts.clear();
    }
  }
  record->candidates.clear();
  record->detail = why;
  record->replayable = Replayable::kNone;
  record->replayable_reason = replayable_reason;
}

}  // namespace fulcrum::domain
