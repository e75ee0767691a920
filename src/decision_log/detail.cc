#include "decision_log/detail.h"

#include "base/random.h"
#include "domain/detail.h"

namespace fulcrum::decision_log {

bool KeepsDetail(const DecisionId& id, Ticks pass) {
  static const uint64_t kKey = base::MixKey("", "detail", 0);
  return base::DrawUniform(id, kKey) < pass;
}

void DetailFilter::Apply(LogEvent* event, std::optional<FeatureSnapshot>* snapshot) {
  auto* const record = std::get_if<DecisionRecord>(event);
  if (record == nullptr) return;
  if (record->detail == Detail::kWithheld) withheld_.fetch_add(1, std::memory_order_relaxed);
  // An answer that was not drawn has no detail to lose.
  if (record->detail != Detail::kWhole || record->candidates.empty()) return;
  if (KeepsDetail(record->id, record->detail_ticks)) {
    whole_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  domain::DropDetail(Detail::kSampledOut, "detail sampled out", record);
  snapshot->reset();
  sampled_out_.fetch_add(1, std::memory_order_relaxed);
}

DetailStats DetailFilter::Stats() const {
  return {.whole = whole_.load(std::memory_order_relaxed),
          .sampled_out = sampled_out_.load(std::memory_order_relaxed),
          .withheld = withheld_.load(std::memory_order_relaxed)};
}

}  // namespace fulcrum::decision_log
