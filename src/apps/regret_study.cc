#include "apps/regret_study.h"

#include <rapidjson/document.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

using simulation::PolicyRegret;
using simulation::RegretStudy;

constexpr uint64_t kBytesMax = 16 << 20;  // a study has some 20 kB

absl::Status NotAStudy(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": not a regret study: ", what));
}

bool Read(const rapidjson::Value& json, const char* key, double* value) {
  if (!json.HasMember(key) || !json[key].IsNumber()) return false;
  *value = json[key].GetDouble();
  return true;
}

bool Read(const rapidjson::Value& json, const char* key, uint64_t* value) {
  if (!json.HasMember(key) || !json[key].IsUint64()) return false;
  *value = json[key].GetUint64();
  return true;
}

bool ReadPolicy(const rapidjson::Value& json, PolicyRegret* regret) {
  if (!json.IsObject() || !Read(json, "mean", &regret->mean) || !Read(json, "se", &regret->se) ||
      !Read(json, "low", &regret->low) || !Read(json, "high", &regret->high) ||
      !json.HasMember("curve") || !json["curve"].IsArray() || json["curve"].Empty()) {
    return false;
  }
  for (const rapidjson::Value& point : json["curve"].GetArray()) {
    if (!point.IsNumber()) return false;
    regret->curve.push_back(point.GetDouble());
  }
  return true;
}

}  // namespace

absl::StatusOr<RegretStudy> ReadRegretStudy(const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string text,
                           base::ReadWholeFile(base::PosixFileSystem(), path, kBytesMax));
  rapidjson::Document json;
  json.Parse(text.c_str());
  if (json.HasParseError() || !json.IsObject()) return NotAStudy(path, "no JSON object");
  RegretStudy study;
  if (!json.HasMember("world") || !json["world"].IsString()) return NotAStudy(path, "no 'world'");
  study.world = json["world"].GetString();
  if (!Read(json, "decisions", &study.decisions)) return NotAStudy(path, "no 'decisions'");
  if (!Read(json, "seeds", &study.seeds)) return NotAStudy(path, "no 'seeds'");
  if (!json.HasMember("policies") || !json["policies"].IsObject()) {
    return NotAStudy(path, "no 'policies'");
  }
  for (const auto& member : json["policies"].GetObject()) {
    PolicyRegret& regret = study.policies.emplace_back();
    regret.policy = member.name.GetString();
    if (!ReadPolicy(member.value, &regret)) {
      return NotAStudy(path, absl::StrCat("policy '", regret.policy, "'"));
    }
  }
  return study;
}

absl::StatusOr<RegretStudy> MergeStudies(const std::vector<RegretStudy>& studies) {
  if (studies.empty()) return absl::InvalidArgumentError("no regret study");
  RegretStudy merged = studies.front();
  for (size_t i = 1; i < studies.size(); ++i) {
    const RegretStudy& study = studies[i];
    if (study.world != merged.world || study.decisions != merged.decisions ||
        study.seeds != merged.seeds) {
      return absl::InvalidArgumentError(absl::StrCat(
          "studies that cannot be compared: ", merged.world, ", ", merged.decisions, " decisions, ",
          merged.seeds, " seeds; and ", study.world, ", ", study.decisions, ", ", study.seeds));
    }
    merged.policies.insert(merged.policies.end(), study.policies.begin(), study.policies.end());
  }
  return merged;
}

}  // namespace fulcrum::apps
