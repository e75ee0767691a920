#include "apps/train_report.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "apps/json_put.h"

namespace fulcrum::apps {
namespace {

void PutTime(Json* json, const char* name, int64_t micros) {
  Put(json, name,
      absl::FormatTime(absl::RFC3339_full, absl::FromUnixMicros(micros), absl::UTCTimeZone()));
}

void PutLog(Json* json, const training::LogTally& log) {
  json->Key("log");
  json->StartObject();
  Put(json, "lsn", log.lsn);
  json->Key("torn_tail");
  json->Bool(log.torn_tail);
  Put(json, "quarantined", log.quarantined);
  Put(json, "decisions", log.decisions);
  Put(json, "fallbacks", log.fallbacks);
  Put(json, "superseded", log.superseded);
  Put(json, "positions", log.positions);
  Put(json, "settled", log.settled);
  Put(json, "counted", log.counted);
  Put(json, "missing", log.missing);
  Put(json, "pending", log.pending);
  Put(json, "neutral", log.neutral);
  Put(json, "other_surface", log.other_surface);
  Put(json, "without_model", log.without_model);
  Put(json, "other_model", log.other_model);
  Put(json, "without_detail", log.without_detail);
  Put(json, "without_snapshot", log.without_snapshot);
  Put(json, "unusable", log.unusable);
  Put(json, "masked", log.masked);
  Put(json, "rewards_clipped", log.rewards_clipped);
  json->EndObject();
}

void PutValidation(Json* json, const training::TrainingReport& report) {
  json->Key("validation");
  if (report.validation_rows == 0) {
    json->Null();
    return;
  }
  json->StartObject();
  PutNumber(json, "share", report.validation_share);
  Put(json, "rows", report.validation_rows);
  PutTime(json, "start", report.validation_start_us);
  PutNumber(json, "loss", report.validation_loss);
  PutNumber(json, "constant_loss", report.constant_loss);
  json->Key("curve");
  json->StartArray();
  for (const double loss : report.curve) json->Double(loss);
  json->EndArray();
  json->EndObject();
}

void PutDropped(Json* json, const training::TrainingReport& report) {
  json->Key("dropped");
  json->StartArray();
  for (const training::DroppedCategories& dropped : report.dropped) {
    json->StartObject();
    Put(json, "feature", dropped.feature);
    Put(json, "categories", dropped.categories);
    Put(json, "rows", dropped.rows);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

std::string TrainText(const TrainOutcome& outcome) {
  return absl::StrCat(outcome.log ? training::ToText(*outcome.log) : "",
                      training::ToText(outcome.model->report), "wrote ", outcome.manifest, "\n");
}

std::string TrainJson(const TrainOutcome& outcome) {
  const training::TrainingReport& report = outcome.model->report;
  const config::ModelManifest& manifest = outcome.model->manifest;
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  Put(&json, "manifest", outcome.manifest);
  Put(&json, "forest_sha256", manifest.forest_sha256);
  Put(&json, "counts_sha256", manifest.counts_sha256);
  Put(&json, "counts_lsn", manifest.counts_lsn);
  Put(&json, "rows", report.rows);
  Put(&json, "rows_neutral", report.rows_neutral);
  PutTime(&json, "training_start", manifest.training_start_us);
  PutTime(&json, "training_end", manifest.training_end_us);
  PutNumber(&json, "reward_mean", report.reward_mean);
  PutNumber(&json, "weight_cut", report.weight_cut);
  PutNumber(&json, "weight_cut_share", report.weight_cut_share);
  PutNumber(&json, "effective_sample_size", report.effective_sample_size);
  Put(&json, "columns", uint64_t{report.columns});
  Put(&json, "rounds", uint64_t{report.rounds});
  Put(&json, "rounds_tried", uint64_t{report.rounds_tried});
  PutValidation(&json, report);
  PutDropped(&json, report);
  if (outcome.log) PutLog(&json, *outcome.log);
  json.EndObject();
  return absl::StrCat(std::string(buffer.GetString(), buffer.GetSize()), "\n");
}

}  // namespace fulcrum::apps
