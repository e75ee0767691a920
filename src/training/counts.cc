#include "training/counts.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace fulcrum::training {
namespace {

std::string Quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

void Counts::Add(const std::string& segment, const std::string& action_id, double reward,
                 double examination) {
  const auto add = [&](const std::string& name) {
    scoring::ArmCounts& arm = counts_[{name, action_id}];
    arm.trials += examination;
    arm.successes += reward;
  };
  add("");
  if (!segment.empty()) add(segment);
}

std::string Counts::ToCsv() const {
  std::string csv = "segment,action_id,trials,successes\n";
  for (const auto& [place, arm] : counts_) {
    absl::StrAppend(
        &csv, Quoted(place.first), ",", Quoted(place.second), ",",
        absl::StrFormat("%.17g,%.17g\n", arm.successes + arm.Failures(), arm.successes));
  }
  return csv;
}

}  // namespace fulcrum::training
