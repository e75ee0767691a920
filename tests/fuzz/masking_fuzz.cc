// Masking rules and values -> what is logged: whatever the rules are that the loader takes, a
// masked event can be written, keeps what the rules promise of it, and costs at most its detail.
//
// The input is a file of the bundle, a line "---", lines for request_id, outcome_id and
// outcome_kind, and bytes for model inputs.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "config/loader.h"
#include "decision_log/record_codec.h"
#include "masking/masker.h"

namespace {

using namespace fulcrum;  // NOLINT: one file, one purpose
using config::MaskingAction;
using config::MaskingField;

constexpr size_t kInputBytesMax = 1 << 13;
constexpr char kSalt[] = "the salt of the fuzzer";
constexpr uint32_t kColumns = 4;

constexpr char kBundle[] = R"(
surfaces: [{id: home, campaigns: [house], segment_feature: level, reward_kind: order,
            linear: {segments: [gold], context_keys: [hour]}}]
campaigns: [{id: house, account: shop, currency: EUR, actions: [{id: magazine}]}]
feature_views:
  - {name: users, entity: user, features: [{name: level, type: text}, {name: age}]}
  - {name: things, entity: item, features: [{name: price}]}
context_keys: [{name: hour}, {name: geo.*}]
)";

config::ModelManifest Manifest() {
  config::ModelManifest manifest;
  manifest.version = 8;
  using config::ColumnSource;
  manifest.columns = {{"a", ColumnSource::kUser, "age", {}, {}},
                      {"b", ColumnSource::kItem, "price", {}, {}},
                      {"c", ColumnSource::kCandidate, "geo", {}, {}},
                      {"d", ColumnSource::kContext, "hour", {}, {}}};
  return manifest;
}

std::string_view TakeLine(std::string_view* rest) {
  const size_t end = std::min(rest->find('\n'), rest->size());
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return line;
}

DecisionRecord Decision(std::string_view request_id) {
  DecisionRecord record;
  record.id = DecisionId::FromTimeAndRandom(absl::FromUnixMillis(1574553600000), 1, 2);
  record.request_id = std::string(request_id);
  record.context_hash = 42;
  record.candidates.resize(2);
  record.candidates[0].action_id = "a";
  record.candidates[1].action_id = "b";
  PositionRecord position;
  position.action_id = "b";
  position.ticks = {kTicksTotal / 4, kTicksTotal / 2, kTicksTotal / 4};
  record.positions.push_back(position);
  record.replayable = Replayable::kFull;
  return record;
}

FeatureSnapshot Snapshot(const DecisionRecord& record, std::string_view bytes) {
  FeatureSnapshot snapshot;
  snapshot.decision_id = record.id;
  snapshot.model = 8;
  snapshot.columns = kColumns;
  snapshot.values.resize(kColumns * record.candidates.size(), 0.1);
  std::memcpy(snapshot.values.data(), bytes.data(),
              std::min(bytes.size(), snapshot.values.size() * sizeof(double)));
  return snapshot;
}

bool Names(const config::MaskingRule& rule, MaskingField field) {
  const std::string_view name = config::MaskingFieldName(field);
  return std::find(rule.fields.begin(), rule.fields.end(), name) != rule.fields.end();
}

// What TextMask promises of a text.
void CheckText(const config::Masking& masking, MaskingField field, const std::string& before,
               const std::string& after) {
  const std::string whole =
      masking::KeyedHash(kSalt, config::MaskingFieldName(field), before, /*bytes=*/16);
  bool named = false;
  for (const config::MaskingRule& rule : masking.rules) {
    if (!Names(rule, field)) continue;
    named = true;
    if (before.empty() || after == whole) continue;
    FULCRUM_CHECK(rule.pattern != nullptr);
    FULCRUM_CHECK(rule.action != MaskingAction::kReplace || !rule.pattern->Matches(after));
  }
  if (!named || before.empty()) {
    FULCRUM_CHECK(after == before);
  } else {
    FULCRUM_CHECK(after.size() <= config::TextPattern::kTextBytesMax && base::IsUtf8(after));
  }
}

void CheckInputs(const FeatureSnapshot& before, const FeatureSnapshot& after) {
  FULCRUM_CHECK(after.values.size() == before.values.size());
  for (size_t i = 0; i < after.values.size(); ++i) {
    const auto& columns = after.masked_columns;
    const auto column = static_cast<uint32_t>(i % kColumns);
    if (std::find(columns.begin(), columns.end(), column) != columns.end()) continue;
    FULCRUM_CHECK(std::bit_cast<uint64_t>(after.values[i]) ==
                  std::bit_cast<uint64_t>(before.values[i]));
  }
}

void CheckDecision(const config::Masking& masking, masking::Masker* masker,
                   const DecisionRecord& before, const FeatureSnapshot& inputs) {
  LogEvent event = before;
  std::optional<FeatureSnapshot> snapshot = inputs;
  masker->Apply(&event, &snapshot);
  const auto& after = std::get<DecisionRecord>(event);
  FULCRUM_CHECK(after.id == before.id && after.positions.size() == before.positions.size());
  FULCRUM_CHECK(after.request_id == masker->RequestId(before.request_id));
  FULCRUM_CHECK(after.context_hash == masker->ContextHash(before.context_hash));
  FULCRUM_CHECK(DrawnTicks(after, after.positions[0]) == kTicksTotal / 2);
  CheckText(masking, MaskingField::kRequestId, before.request_id, after.request_id);
  FULCRUM_CHECK((after.detail == Detail::kWithheld) == !snapshot.has_value());
  if (base::IsUtf8(after.request_id)) FULCRUM_CHECK(decision_log::CheckEvent(event).ok());
  if (!snapshot.has_value()) {
    FULCRUM_CHECK(after.candidates.empty() && after.replayable == Replayable::kNone);
    return;
  }
  FULCRUM_CHECK(after.candidates == before.candidates);
  FULCRUM_CHECK(after.replayable ==
                (snapshot->masked_columns.empty() ? Replayable::kFull : Replayable::kSelection));
  FULCRUM_CHECK(decision_log::CheckSnapshot(*snapshot).ok());
  CheckInputs(inputs, *snapshot);
  // Inputs that are masked already stay as they are.
  std::optional<FeatureSnapshot> again = *snapshot;
  again->masked_columns.clear();
  LogEvent repeated = before;
  masker->Apply(&repeated, &again);
  FULCRUM_CHECK(again.has_value() && again->masked_columns.empty());
}

void CheckOutcome(const config::Masking& masking, masking::Masker* masker,
                  const OutcomeRecord& before) {
  LogEvent event = before;
  std::optional<FeatureSnapshot> none;
  masker->Apply(&event, &none);
  const auto& after = std::get<OutcomeRecord>(event);
  CheckText(masking, MaskingField::kOutcomeId, before.outcome_id, after.outcome_id);
  CheckText(masking, MaskingField::kOutcomeKind, before.kind, after.kind);
  LogEvent again = before;
  masker->Apply(&again, &none);
  FULCRUM_CHECK(std::get<OutcomeRecord>(again) == after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kInputBytesMax) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t split = input.find("\n---\n");
  const std::string rules(input.substr(0, split));
  std::string_view values = split == std::string_view::npos ? "" : input.substr(split + 5);
  config::Problems problems;
  const auto bundle =
      config::BuildBundle(base::PosixFileSystem(),
                          {{"bundle.yaml", kBundle}, {"rules.yaml", rules}}, "/fuzz", &problems);
  if (!bundle.ok() || !(*bundle)->model_manifest.empty()) return 0;
  const config::Masking& masking = (*bundle)->log.masking;
  static const auto* const kManifest = new config::ModelManifest(Manifest());
  masking::Masker masker(masking, kSalt, kManifest);
  const DecisionRecord decision = Decision(TakeLine(&values));
  OutcomeRecord outcome;
  outcome.outcome_id = std::string(TakeLine(&values));
  outcome.kind = std::string(TakeLine(&values));
  CheckDecision(masking, &masker, decision, Snapshot(decision, values));
  CheckOutcome(masking, &masker, outcome);
  for (const config::Surface& surface : (*bundle)->surfaces) {
    OutcomeRecord reward;
    reward.kind = surface.reward_kind;
    LogEvent event = reward;
    std::optional<FeatureSnapshot> none;
    masker.Apply(&event, &none);
    FULCRUM_CHECK(std::get<OutcomeRecord>(event).kind == surface.reward_kind);
  }
  return 0;
}
