// Takes out of events what may not be logged as it came, by the rules of the bundle.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "config/bundle.h"
#include "config/manifest.h"
#include "fulcrum/decision_record.h"
#include "masking/input_mask.h"
#include "masking/text_mask.h"

namespace fulcrum::masking {

// The secret that hashes are made with; empty if the bundle names none. Errors name the file, what
// is wrong with it and the remedy.
absl::StatusOr<std::string> ReadSalt(base::FileSystem* files, const config::Masking& masking);

// Since the masker was made.
struct RuleStats {
  std::string rule;
  uint64_t changed = 0;  // records, or their snapshots
  uint64_t failed = 0;
};

// Thread-safe. Its cost grows with the rules that name a field which the event has, and with the
// columns that they name; texts are bounded.
class Masker {
 public:
  // `manifest` is that of the model in use, null without one.
  Masker(const config::Masking& masking, std::string_view salt,
         const config::ModelManifest* manifest);

  // Masks `event` with its snapshot. A decision says in `redacted` which rules changed it or its
  // snapshot, and that it cannot be replayed in full any more if they changed the latter. If a rule
  // fails, texts are hashed as a whole, and a decision loses its detail (Detail::kWithheld) and
  // snapshot.
  void Apply(LogEvent* event, std::optional<FeatureSnapshot>* snapshot);

  // How the log calls what a request is called, and its context.
  std::string RequestId(std::string_view request_id) const;
  uint64_t ContextHash(uint64_t hash) const;

  std::vector<RuleStats> Stats() const;  // by rule, in the bundle's order

 private:
  void Apply(DecisionRecord* record, std::optional<FeatureSnapshot>* snapshot);
  void Apply(OutcomeRecord* record);
  std::vector<std::string> NamesOf(const std::vector<size_t>& rules) const;
  void Count(const Masked& masked);

  const std::string salt_;
  std::vector<std::string> names_;
  TextMask request_id_;
  TextMask outcome_id_;
  TextMask outcome_kind_;
  InputMask inputs_;
  std::optional<size_t> context_hash_;  // the rule on it
  std::vector<std::atomic<uint64_t>> changed_;
  std::vector<std::atomic<uint64_t>> failed_;
};

}  // namespace fulcrum::masking
