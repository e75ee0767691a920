#include "replay/outcome.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <utility>

#include "base/status_macros.h"

namespace fulcrum::replay {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;
using rapidjson::SizeType;
using rapidjson::Value;

constexpr uint64_t kFormat = 1;

absl::Status Bad(const char* what) {
  return absl::InvalidArgumentError(what);
}

void Put(Writer* json, std::string_view text) {
  json->String(text.data(), static_cast<SizeType>(text.size()));
}

void PutTicks(Writer* json, const std::vector<Ticks>& ticks) {
  json->StartArray();
  for (const Ticks one : ticks) json->Uint64(one);
  json->EndArray();
}

void PutCandidates(Writer* json, const std::vector<OutcomeCandidate>& candidates) {
  json->Key("candidates");
  json->StartArray();
  for (const OutcomeCandidate& one : candidates) Put(json, one.action_id);
  json->EndArray();
  json->Key("masked");  // those alone: [number, reason, row]
  json->StartArray();
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].mask == MaskReason::kNone) continue;
    json->StartArray();
    json->Uint64(i);
    json->Uint(static_cast<unsigned>(candidates[i].mask));
    Put(json, candidates[i].row);
    json->EndArray();
  }
  json->EndArray();
}

std::string LineOf(const rapidjson::StringBuffer& buffer) {
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

absl::StatusOr<rapidjson::Document> ParseObject(std::string_view line) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseValidateEncodingFlag>(line.data(), line.size());
  if (json.HasParseError() || !json.IsObject()) return Bad("it is no JSON object");
  return json;
}

const Value* Find(const Value& json, const char* name, rapidjson::Type type) {
  const auto found = json.FindMember(name);
  return found == json.MemberEnd() || found->value.GetType() != type ? nullptr : &found->value;
}

absl::StatusOr<uint64_t> NumberOf(const Value& json, const char* name) {
  const Value* const value = Find(json, name, rapidjson::kNumberType);
  if (value == nullptr || !value->IsUint64()) return Bad(name);
  return value->GetUint64();
}

absl::StatusOr<std::string> TextOf(const Value& json, const char* name) {
  const Value* const value = Find(json, name, rapidjson::kStringType);
  if (value == nullptr) return Bad(name);
  return std::string(value->GetString(), value->GetStringLength());
}

absl::StatusOr<std::vector<Ticks>> TicksOf(const Value& json) {
  if (!json.IsArray()) return Bad("ticks");
  std::vector<Ticks> ticks;
  Ticks sum = 0;
  for (const Value& one : json.GetArray()) {
    if (!one.IsUint64() || one.GetUint64() > kTicksTotal) return Bad("ticks");
    ticks.push_back(one.GetUint64());
    sum += ticks.back();
  }
  if (!ticks.empty() && sum != kTicksTotal) return Bad("ticks do not sum to 2^32");
  return ticks;
}

absl::Status ParseMasks(const Value& masked, std::vector<OutcomeCandidate>* candidates) {
  for (const Value& one : masked.GetArray()) {
    if (!one.IsArray() || one.Size() != 3 || !one[0].IsUint() || !one[1].IsUint() ||
        !one[2].IsString() || one[0].GetUint() >= candidates->size() ||
        one[1].GetUint() > static_cast<unsigned>(MaskReason::kLedgerUnavailable)) {
      return Bad("masked");
    }
    OutcomeCandidate& candidate = (*candidates)[one[0].GetUint()];
    candidate.mask = static_cast<MaskReason>(one[1].GetUint());
    candidate.row = one[2].GetString();
  }
  return absl::OkStatus();
}

absl::Status ParseCandidates(const Value& json, Outcome* outcome) {
  const Value* const names = Find(json, "candidates", rapidjson::kArrayType);
  const Value* const masked = Find(json, "masked", rapidjson::kArrayType);
  if (names == nullptr || masked == nullptr) return Bad("candidates");
  for (const Value& name : names->GetArray()) {
    if (!name.IsString()) return Bad("candidates");
    outcome->candidates.push_back({name.GetString(), MaskReason::kNone, ""});
  }
  return ParseMasks(*masked, &outcome->candidates);
}

absl::Status ParseSlate(const Value& json, Outcome* outcome) {
  const Value* const slate = Find(json, "slate", rapidjson::kArrayType);
  const Value* const ticks = Find(json, "slate_ticks", rapidjson::kArrayType);
  const Value* const target = Find(json, "target", rapidjson::kArrayType);
  if (slate == nullptr || ticks == nullptr || target == nullptr || ticks->Size() != slate->Size()) {
    return Bad("slate, slate_ticks or target");
  }
  for (const Value& one : target->GetArray()) {
    FULCRUM_ASSIGN_OR_RETURN(outcome->target.emplace_back(), TicksOf(one));
  }
  for (SizeType i = 0; i < slate->Size(); ++i) {
    if (!(*slate)[i].IsString()) return Bad("slate");
    OutcomePosition position;
    position.action_id = (*slate)[i].GetString();
    if ((*ticks)[i].IsNull()) {
      if (i >= outcome->target.size()) return Bad("slate_ticks");
      position.ticks = outcome->target[i];
    } else {
      FULCRUM_ASSIGN_OR_RETURN(position.ticks, TicksOf((*ticks)[i]));
    }
    outcome->slate.push_back(std::move(position));
  }
  return absl::OkStatus();
}

// Every distribution is over the candidates and the neutral action.
absl::Status CheckSizes(const Outcome& outcome) {
  const auto fits = [&](const std::vector<Ticks>& ticks) {
    return ticks.empty() || ticks.size() == outcome.candidates.size() + 1;
  };
  for (const std::vector<Ticks>& one : outcome.target) {
    if (!fits(one)) return Bad("target");
  }
  for (const OutcomePosition& one : outcome.slate) {
    if (!fits(one.ticks)) return Bad("slate_ticks");
  }
  return absl::OkStatus();
}

}  // namespace

std::string ToLine(const Outcome& outcome) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  json.Key("lsn");
  json.Uint64(outcome.lsn);
  json.Key("decision_id");
  Put(&json, outcome.id.ToString());
  json.Key("not_replayed");
  Put(&json, outcome.not_replayed);
  PutCandidates(&json, outcome.candidates);
  json.Key("target");
  json.StartArray();
  for (const std::vector<Ticks>& one : outcome.target) PutTicks(&json, one);
  json.EndArray();
  json.Key("slate");
  json.StartArray();
  for (const OutcomePosition& one : outcome.slate) Put(&json, one.action_id);
  json.EndArray();
  json.Key("slate_ticks");  // null: as in `target`
  json.StartArray();
  for (size_t i = 0; i < outcome.slate.size(); ++i) {
    if (i < outcome.target.size() && outcome.slate[i].ticks == outcome.target[i]) {
      json.Null();
    } else {
      PutTicks(&json, outcome.slate[i].ticks);
    }
  }
  json.EndArray();
  json.EndObject();
  return LineOf(buffer);
}

absl::StatusOr<Outcome> ParseOutcome(std::string_view line) {
  FULCRUM_ASSIGN_OR_RETURN(const rapidjson::Document json, ParseObject(line));
  Outcome outcome;
  FULCRUM_ASSIGN_OR_RETURN(outcome.lsn, NumberOf(json, "lsn"));
  FULCRUM_ASSIGN_OR_RETURN(const std::string id, TextOf(json, "decision_id"));
  FULCRUM_ASSIGN_OR_RETURN(outcome.id, DecisionId::Parse(id));
  FULCRUM_ASSIGN_OR_RETURN(outcome.not_replayed, TextOf(json, "not_replayed"));
  FULCRUM_RETURN_IF_ERROR(ParseCandidates(json, &outcome));
  FULCRUM_RETURN_IF_ERROR(ParseSlate(json, &outcome));
  FULCRUM_RETURN_IF_ERROR(CheckSizes(outcome));
  return outcome;
}

std::string ToLine(const TargetHeader& header) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  json.Key("fulcrum_target");
  json.Uint64(kFormat);
  const auto number = [&](const char* name, uint64_t value) {
    json.Key(name);
    json.Uint64(value);
  };
  number("bundle", header.bundle);
  number("model", header.model);
  number("first_lsn", header.first_lsn);
  number("last_lsn", header.last_lsn);
  json.Key("settings");
  Put(&json, header.settings);
  json.EndObject();
  return LineOf(buffer);
}

absl::StatusOr<TargetHeader> ParseTargetHeader(std::string_view line) {
  FULCRUM_ASSIGN_OR_RETURN(const rapidjson::Document json, ParseObject(line));
  FULCRUM_ASSIGN_OR_RETURN(const uint64_t format, NumberOf(json, "fulcrum_target"));
  if (format != kFormat) return Bad("fulcrum_target is not of this version");
  TargetHeader header;
  FULCRUM_ASSIGN_OR_RETURN(header.bundle, NumberOf(json, "bundle"));
  FULCRUM_ASSIGN_OR_RETURN(header.model, NumberOf(json, "model"));
  FULCRUM_ASSIGN_OR_RETURN(header.first_lsn, NumberOf(json, "first_lsn"));
  FULCRUM_ASSIGN_OR_RETURN(header.last_lsn, NumberOf(json, "last_lsn"));
  FULCRUM_ASSIGN_OR_RETURN(header.settings, TextOf(json, "settings"));
  return header;
}

}  // namespace fulcrum::replay
