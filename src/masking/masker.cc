#include "masking/masker.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/strings.h"
#include "domain/detail.h"

namespace fulcrum::masking {
namespace {

using config::MaskingField;

constexpr size_t kSaltBytesMin = 16;
constexpr size_t kSaltBytesMax = 4096;

std::optional<size_t> FindRule(const std::vector<config::MaskingRule>& rules, MaskingField field) {
  const std::string_view name = config::MaskingFieldName(field);
  for (size_t i = 0; i < rules.size(); ++i) {
    const auto& fields = rules[i].fields;
    if (std::find(fields.begin(), fields.end(), name) != fields.end()) return i;
  }
  return std::nullopt;
}

// A record has lost its exact replay if what the model saw is not what the log says.
void TellReplay(const std::string& rules, DecisionRecord* record) {
  if (record->replayable != Replayable::kFull) return;
  record->replayable = Replayable::kSelection;
  record->replayable_reason = absl::StrCat("model inputs masked by ", rules);
}

}  // namespace

absl::StatusOr<std::string> ReadSalt(base::FileSystem* files, const config::Masking& masking) {
  if (masking.salt_file.empty()) return std::string();
  constexpr char kRemedy[] =
      "; log.masking.salt_file needs 16 to 4096 secret bytes, such as head -c 32 /dev/urandom "
      "writes";
  const auto read = base::ReadWholeFile(files, masking.salt_file, kSaltBytesMax);
  if (!read.ok()) {
    return absl::Status(read.status().code(), absl::StrCat(read.status().message(), kRemedy));
  }
  const std::string& salt = *read;
  if (salt.size() >= kSaltBytesMin) return salt;
  return absl::InvalidArgumentError(
      absl::StrCat(masking.salt_file, ": has ", salt.size(), " bytes", kRemedy));
}

Masker::Masker(const config::Masking& masking, std::string_view salt,
               const config::ModelManifest* manifest)
    : salt_(salt),
      request_id_(MaskingField::kRequestId, masking.rules, salt),
      outcome_id_(MaskingField::kOutcomeId, masking.rules, salt),
      outcome_kind_(MaskingField::kOutcomeKind, masking.rules, salt),
      inputs_(masking.rules, manifest),
      context_hash_(FindRule(masking.rules, MaskingField::kContextHash)),
      changed_(masking.rules.size()),
      failed_(masking.rules.size()) {
  for (const config::MaskingRule& rule : masking.rules) names_.push_back(rule.name);
}

void Masker::Apply(LogEvent* event, std::optional<FeatureSnapshot>* snapshot) {
  if (auto* const decision = std::get_if<DecisionRecord>(event)) return Apply(decision, snapshot);
  if (auto* const outcome = std::get_if<OutcomeRecord>(event)) return Apply(outcome);
}

void Masker::Apply(DecisionRecord* record, std::optional<FeatureSnapshot>* snapshot) {
  Masked masked;
  request_id_.Apply(&record->request_id, &masked);
  if (context_hash_.has_value()) {
    record->context_hash = ContextHash(record->context_hash);
    masked.changed.push_back(*context_hash_);
  }
  if (snapshot->has_value()) {
    Masked inputs;
    inputs_.Apply(&**snapshot, &inputs);
    inputs.Tidy();
    if (!inputs.changed.empty()) {
      TellReplay(absl::StrJoin(NamesOf(inputs.changed), ", "), record);
    }
    masked.changed.insert(masked.changed.end(), inputs.changed.begin(), inputs.changed.end());
    if (!masked.failed) masked.failed = inputs.failed;
  }
  masked.Tidy();
  Count(masked);
  record->redacted = NamesOf(masked.changed);
  if (!masked.failed) return;
  snapshot->reset();
  if (record->detail != Detail::kWhole || record->candidates.empty()) return;  // has none
  domain::DropDetail(Detail::kWithheld,
                     absl::StrCat("masking rule ", names_[*masked.failed], " failed"), record);
}

void Masker::Apply(OutcomeRecord* record) {
  Masked masked;
  outcome_id_.Apply(&record->outcome_id, &masked);
  outcome_kind_.Apply(&record->kind, &masked);
  masked.Tidy();
  Count(masked);
}

std::string Masker::RequestId(std::string_view request_id) const {
  std::string text(request_id);
  Masked ignored;
  request_id_.Apply(&text, &ignored);
  return text;
}

uint64_t Masker::ContextHash(uint64_t hash) const {
  if (!context_hash_.has_value()) return hash;
  const std::string hex = KeyedHash(salt_, config::MaskingFieldName(MaskingField::kContextHash),
                                    absl::StrCat(absl::Hex(hash, absl::kZeroPad16)), sizeof(hash));
  uint64_t masked = 0;
  FULCRUM_CHECK(absl::SimpleHexAtoi(hex, &masked));
  return masked;
}

std::vector<RuleStats> Masker::Stats() const {
  std::vector<RuleStats> stats;
  for (size_t i = 0; i < names_.size(); ++i) {
    stats.push_back({names_[i], changed_[i].load(std::memory_order_relaxed),
                     failed_[i].load(std::memory_order_relaxed)});
  }
  return stats;
}

std::vector<std::string> Masker::NamesOf(const std::vector<size_t>& rules) const {
  std::vector<std::string> names;
  names.reserve(rules.size());
  for (const size_t rule : rules) names.push_back(names_[rule]);
  return names;
}

void Masker::Count(const Masked& masked) {
  for (const size_t rule : masked.changed) changed_[rule].fetch_add(1, std::memory_order_relaxed);
  if (masked.failed) failed_[*masked.failed].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace fulcrum::masking
