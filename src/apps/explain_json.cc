#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>

#include "apps/explanation.h"
#include "base/hash.h"
#include "base/strings.h"
#include "decision_log/event_json.h"
#include "decision_log/record_names.h"
#include "policy/policies.h"
#include "policy/recorded.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {
namespace {

// rapidjson with keys and values at once. What is no finite number is null.
class Json {
 public:
  Json() : writer_(buffer_) {}

  void Open(const char* key = nullptr) {
    Key(key);
    writer_.StartObject();
  }
  void Close() { writer_.EndObject(); }
  void OpenArray(const char* key) {
    Key(key);
    writer_.StartArray();
  }
  void CloseArray() { writer_.EndArray(); }

  void Text(const char* key, std::string_view value) {
    Key(key);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void Number(const char* key, double value) {
    Key(key);
    if (std::isfinite(value)) {
      writer_.Double(value);
    } else {
      writer_.Null();
    }
  }
  void Count(const char* key, int64_t value) {
    Key(key);
    writer_.Int64(value);
  }
  void Flag(const char* key, bool value) {
    Key(key);
    writer_.Bool(value);
  }
  void Null(const char* key) {
    Key(key);
    writer_.Null();
  }
  void Raw(const char* key, const std::string& json) {
    Key(key);
    writer_.RawValue(json.data(), json.size(), rapidjson::kObjectType);
  }
  void Numbers(const char* key, const std::vector<double>& values, size_t begin, size_t end) {
    OpenArray(key);
    for (size_t i = begin; i < end && i < values.size(); ++i) Number(nullptr, values[i]);
    CloseArray();
  }
  void Texts(const char* key, const std::vector<std::string>& values) {
    OpenArray(key);
    for (const std::string& value : values) Text(nullptr, value);
    CloseArray();
  }
  std::string Take() const { return buffer_.GetString(); }

 private:
  void Key(const char* key) {
    if (key != nullptr) writer_.Key(key);
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

void PutPosterior(const policy::Posterior& posterior, Json* json) {
  json->Open("posterior");
  if (!policy::IsValid(posterior)) {
    json->Text("family", "none");
  } else if (const auto* const beta = std::get_if<policy::BetaArm>(&posterior)) {
    json->Text("family", "beta");
    json->Number("alpha", beta->alpha);
    json->Number("beta", beta->beta);
    json->Number("mean", policy::MeanOf(posterior));
  } else if (const auto* const logit = std::get_if<policy::LogitArm>(&posterior)) {
    json->Text("family", "log_odds");
    json->Number("log_odds_mean", logit->mean);
    json->Number("log_odds_sd", logit->sd);
    json->Number("mean", policy::MeanOf(posterior));
  } else {
    const auto& gauss = std::get<policy::GaussArm>(posterior);
    json->Text("family", "gauss");
    json->Number("mean", gauss.mean);
    json->Number("sd", gauss.sd);
  }
  json->Close();
}

void PutAsked(const DecisionRecord& record, Json* json) {
  json->Open("asked");
  json->Text("surface", record.surface);
  json->Text("principal", record.principal);
  json->Text("request_id", record.request_id);
  json->Count("slate_size", record.slate_size);
  json->Text("user_ref", base::ToHex(record.user_ref));
  json->Text("segment", record.segment);
  json->Text("context_hash", VersionText(record.context_hash));
  json->Close();
  json->Open("known");
  json->Count("features_missing", record.features_missing);
  json->Count("features_stale", record.features_stale);
  json->Close();
}

void PutAnswer(const DecisionRecord& record, Json* json) {
  json->Open("answer");
  json->Text("kind", telemetry::ToWord(record.answer));
  json->Text("degradation", telemetry::ToWord(record.degradation));
  json->Text("why", InWords(record.degradation));
  json->Flag("log_pending", record.log_pending);
  if (record.defer_until_us != 0) json->Text("defer_until", TimeText(record.defer_until_us));
  json->Close();
  const Versions& versions = record.versions;
  json->Open("versions");
  json->Text("bundle", VersionText(versions.bundle));
  json->Text("model", versions.model == 0 ? "" : VersionText(versions.model));
  json->Count("schema", versions.schema);
  json->Count("posterior_lsn", static_cast<int64_t>(versions.posterior_lsn));
  if (versions.price_version == 0) {
    json->Null("price_version");
  } else {
    json->Count("price_version", static_cast<int64_t>(versions.price_version));
  }
  json->Close();
}

void PutDetail(const DecisionRecord& record, Json* json) {
  constexpr const char* kStates[] = {"whole", "sampled_out", "withheld", "unknown"};
  json->Open("detail");
  json->Text("state", kStates[static_cast<size_t>(record.detail)]);
  json->Number("probability", PropensityOf(record.detail_ticks));
  json->Text("why", DetailInWords(record));
  json->Texts("masked_by", record.redacted);
  json->Close();
}

void PutShare(const Share& share, const char* name, Json* json) {
  json->Open(name);
  json->Number("weight", share.weight);
  json->Number("min", share.min);
  json->Number("max", share.max);
  json->Close();
}

// What was not served: by whom it would have been, and with which probabilities.
void PutUnserved(const DecisionRecord& record, Json* json) {
  json->Text("mode", decision_log::NameOf(record.mode));
  json->Number("holdout_share", PropensityOf(record.holdout_ticks));
  const auto put_ticks = [&](const char* name, const std::vector<Ticks>& ticks) {
    json->OpenArray(name);
    for (const Ticks one : ticks) json->Count(nullptr, static_cast<int64_t>(one));
    json->CloseArray();
  };
  json->OpenArray("unserved");
  for (const PositionRecord& position : record.unserved) {
    json->Open();
    json->Text("action_id", position.action_id);
    put_ticks("ticks", position.ticks);
    json->Close();
  }
  json->CloseArray();
  const auto& drawn = record.unserved.empty() ? record.positions : record.unserved;
  json->OpenArray("shadows");
  for (size_t i = 0; i < record.shadows.size(); ++i) {
    const ShadowRecord& shadow = record.shadows[i];
    json->Open();
    json->Text("id", shadow.id);
    json->Text("policy", NameOf(shadow.policy.kind));
    json->Number("policy_parameter", shadow.policy.parameter);
    json->Number("policy_uncertainty", shadow.policy.uncertainty);
    json->Number("exploration_floor", shadow.exploration_floor);
    json->OpenArray("positions");
    for (const PositionRecord& position : drawn) {
      json->Open();
      put_ticks("ticks",
                i < position.shadow_ticks.size() ? position.shadow_ticks[i] : std::vector<Ticks>{});
      json->Close();
    }
    json->CloseArray();
    json->Close();
  }
  json->CloseArray();
}

void PutCandidates(const Explanation& explanation, Json* json) {
  const DecisionRecord& record = explanation.record;
  json->Open("neutral");
  if (record.neutral_known) {
    json->Number("known_value", record.neutral_value);
  } else {
    PutPosterior(policy::NeutralPosteriorOf(record), json);
  }
  json->Close();
  json->Text("policy", NameOf(record.policy.kind));
  json->Number("policy_parameter", record.policy.parameter);
  json->Number("policy_uncertainty", record.policy.uncertainty);
  json->Number("exploration_floor", record.exploration_floor);
  json->Text("region", record.region);
  PutShare(record.neutral_share, "neutral_share", json);
  json->Texts("columns", explanation.columns);
  json->OpenArray("masked_columns");
  if (explanation.snapshot.has_value()) {
    for (const uint32_t column : explanation.snapshot->masked_columns) json->Count(nullptr, column);
  }
  json->CloseArray();
  json->OpenArray("candidates");
  for (size_t c = 0; c < record.candidates.size(); ++c) {
    const CandidateRecord& candidate = record.candidates[c];
    json->Open();
    json->Text("action_id", candidate.action_id);
    json->Text("campaign_id", candidate.campaign_id);
    json->Flag("masked", candidate.mask != MaskReason::kNone);
    json->Text("why", InWords(candidate.mask));
    PutShare(candidate.share, "share", json);
    json->Number("score", candidate.score);
    PutPosterior(policy::PosteriorOf(candidate, record.log_odds), json);
    if (explanation.snapshot.has_value()) {
      const size_t columns = explanation.snapshot->columns;
      json->Numbers("inputs", explanation.snapshot->values, c * columns, (c + 1) * columns);
    }
    json->Close();
  }
  json->CloseArray();
}

void PutTerms(const DebitTerms& terms, Json* json) {
  json->Open("terms");
  json->Text("charged_on", terms.charged_on);
  json->Texts("returned_on", terms.returned_on);
  json->Count("return_window_us", terms.return_window_us);
  json->Flag("kept_unshown", terms.kept_unshown);
  json->Close();
}

void PutDebits(const std::vector<Debit>& debits, Json* json) {
  json->OpenArray("debits");
  for (const Debit& debit : debits) {
    json->Open();
    json->Text("row", debit.row);
    json->Count("amount", debit.amount);
    json->Count("limit", debit.limit);
    json->Flag("per_user", debit.per_user);
    if (debit.window_start_us == INT64_MIN) {
      json->Null("window_start");
    } else {
      json->Text("window_start", TimeText(debit.window_start_us));
    }
    if (debit.terms != DebitTerms()) PutTerms(debit.terms, json);
    json->Close();
  }
  json->CloseArray();
}

void PutPosition(const Explanation& explanation, size_t index, Json* json) {
  const DecisionRecord& record = explanation.record;
  const PositionRecord& position = record.positions[index];
  json->Open();
  json->Count("position", static_cast<int64_t>(index + 1));
  json->Text("action_id", position.action_id);
  if (const auto interval = IntervalOf(record, index)) {
    json->Number("propensity", PropensityOf(interval->high - interval->low));
    json->Open("draw");
    json->Text("seed", VersionText(position.seed));
    json->Count("uniform", static_cast<int64_t>(interval->uniform));
    json->Count("low", static_cast<int64_t>(interval->low));
    json->Count("high", static_cast<int64_t>(interval->high));
    json->Close();
  } else {
    if (position.drawn_ticks > 0) {
      json->Number("propensity", PropensityOf(position.drawn_ticks));
    }
    json->Null("draw");
  }
  json->OpenArray("ticks");  // of the candidates in their order, then of the neutral action
  for (const Ticks ticks : position.ticks) json->Count(nullptr, static_cast<int64_t>(ticks));
  json->CloseArray();
  json->Numbers("x", position.basis, 0, position.basis.size());
  json->Numbers("discounts", position.discounts, 0, position.discounts.size());
  PutDebits(position.debits, json);
  const PositionEnd& end = explanation.positions[index];
  json->Open("outcome");
  json->Text("shown", explanation.evidence ? ToWord(end.shown) : "");
  json->Flag("settled", end.settled);
  json->Number("reward", end.reward);
  json->Close();
  json->Close();
}

void PutTimes(const DecisionRecord& record, Json* json) {
  json->Open("time_us");
  json->Count("edge", record.times.edge_us);
  json->Count("features", record.times.features_us);
  json->Count("scoring", record.times.scoring_us);
  json->Count("orchestration", record.times.orchestration_us);
  json->Count("budget", record.latency_budget_us);
  json->Close();
  constexpr const char* kLevels[] = {"none", "selection", "full"};
  json->Open("replayable");
  json->Text("level", kLevels[static_cast<size_t>(record.replayable)]);
  json->Text("why", record.replayable_reason);
  json->Close();
}

void PutEnd(const Explanation& explanation, Json* json) {
  json->Text("reward_kind", explanation.record.reward_kind);
  json->Flag("evidence", explanation.evidence && !explanation.superseded.has_value());
  if (explanation.superseded.has_value()) {
    json->Text("served_instead", explanation.superseded->served_action_id);
  } else {
    json->Null("served_instead");
  }
  json->OpenArray("later");
  for (const LaterEvent& later : explanation.later) {
    json->Open();
    json->Count("lsn", static_cast<int64_t>(later.lsn));
    json->Text("type", decision_log::EventTypeName(later.event));
    json->Text("meaning", later.meaning);
    json->Raw("event", decision_log::EventToJson(later.event));
    json->Close();
  }
  json->CloseArray();
  json->Texts("notes", explanation.notes);
}

}  // namespace

std::string ExplainInJson(const Explanation& explanation) {
  const DecisionRecord& record = explanation.record;
  Json json;
  json.Open();
  json.Text("decision_id", record.id.ToString());
  json.Count("lsn", static_cast<int64_t>(explanation.lsn));
  json.Text("occurred_at", TimeText(record.occurred_us));
  json.Text("logged_at", TimeText(explanation.time_us));
  PutAsked(record, &json);
  PutAnswer(record, &json);
  PutDetail(record, &json);
  PutCandidates(explanation, &json);
  json.Texts("terms", explanation.terms);
  json.OpenArray("positions");
  for (size_t i = 0; i < record.positions.size(); ++i) PutPosition(explanation, i, &json);
  json.CloseArray();
  PutUnserved(record, &json);
  PutTimes(record, &json);
  PutEnd(explanation, &json);
  json.Close();
  return json.Take();
}

}  // namespace fulcrum::apps
