#include "apps/log_filter.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "decision_log/event_json.h"
#include "decision_log/record_names.h"

namespace fulcrum::apps {
namespace {

constexpr std::array<const char*, 11> kTypes = {
    "decision",     "exposure", "outcome", "superseded", "unshown",   "posterior_update",
    "price_update", "lease",    "audit",   "identity",   "settlement"};

absl::StatusOr<std::optional<int64_t>> ParseTime(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<int64_t>();
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) &&
      !absl::ParseTime("%Y-%m-%d", text, &time, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " '", text, "' is no time; write 2024-05-01 or 2024-05-01T12:30:00Z (",
                     error, ")"));
  }
  return std::optional<int64_t>(absl::ToUnixMicros(time));
}

template <size_t kSize>
absl::StatusOr<size_t> IndexOf(const char* option, const std::array<const char*, kSize>& names,
                               const std::string& text) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " '", text, "' is not known; one of ", absl::StrJoin(names, ", ")));
  }
  return static_cast<size_t>(found - names.begin());
}

}  // namespace

void AddFilterOptions(CLI::App& command, FilterOptions* options) {
  command.add_option("--from", options->from,
                     "Only what was appended at this time or later; RFC 3339 or a date (UTC)");
  command.add_option("--to", options->to, "Only what was appended before this time");
  command.add_option("--decision", options->decision, "Only what belongs to this decision id");
  command.add_option("--surface", options->surface, "Only decisions of this surface");
  command.add_option("--campaign", options->campaign,
                     "Only decisions with a candidate of this campaign");
  command.add_option("--degradation", options->degradation,
                     "Only decisions with this degradation, such as deadline, or none");
  command.add_option("--type", options->type, "Only events of this type, such as outcome");
}

absl::StatusOr<LogFilter> LogFilter::Of(const FilterOptions& options) {
  LogFilter filter;
  filter.options_ = options;
  FULCRUM_ASSIGN_OR_RETURN(filter.from_us_, ParseTime("--from", options.from));
  FULCRUM_ASSIGN_OR_RETURN(filter.to_us_, ParseTime("--to", options.to));
  if (!options.decision.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(filter.decision_, DecisionId::Parse(options.decision));
  }
  if (!options.degradation.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(
        const size_t index,
        IndexOf("--degradation", decision_log::kDegradationNames, options.degradation));
    filter.degradation_ = static_cast<Degradation>(index);
  }
  if (!options.type.empty()) {
    FULCRUM_RETURN_IF_ERROR(IndexOf("--type", kTypes, options.type).status());
  }
  return filter;
}

bool LogFilter::Matches(const LogEntry& entry) const {
  if (from_us_.has_value() && entry.time_us < *from_us_) return false;
  if (to_us_.has_value() && entry.time_us >= *to_us_) return false;
  if (decision_.has_value() && EventDecisionId(entry.event) != decision_) return false;
  if (!options_.type.empty() && options_.type != decision_log::EventTypeName(entry.event)) {
    return false;
  }
  if (options_.surface.empty() && options_.campaign.empty() && !degradation_.has_value()) {
    return true;
  }
  const auto* const record = std::get_if<DecisionRecord>(&entry.event);
  return record != nullptr && MatchesDecision(*record);
}

bool LogFilter::MatchesDecision(const DecisionRecord& record) const {
  if (!options_.surface.empty() && record.surface != options_.surface) return false;
  if (degradation_.has_value() && record.degradation != *degradation_) return false;
  return options_.campaign.empty() ||
         std::any_of(record.candidates.begin(), record.candidates.end(),
                     [&](const CandidateRecord& candidate) {
                       return candidate.campaign_id == options_.campaign;
                     });
}

}  // namespace fulcrum::apps
