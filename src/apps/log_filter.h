// Which events of a log a command is asked for.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum::apps {

// As written on the command line; empty means any.
struct FilterOptions {
  std::string from;  // RFC 3339, or a date, which means its midnight in UTC
  std::string to;
  std::string decision;
  std::string surface;
  std::string campaign;
  std::string degradation;
  std::string type;
};

void AddFilterOptions(CLI::App& command, FilterOptions* options);

class LogFilter {
 public:
  // INVALID_ARGUMENT with the option that cannot be understood, and what it may be.
  static absl::StatusOr<LogFilter> Of(const FilterOptions& options);

  bool Matches(const LogEntry& entry) const;

  const std::optional<int64_t>& from_us() const { return from_us_; }
  const std::optional<DecisionId>& decision() const { return decision_; }

 private:
  bool MatchesDecision(const DecisionRecord& record) const;

  FilterOptions options_;
  std::optional<int64_t> from_us_;  // of appending
  std::optional<int64_t> to_us_;    // exclusive
  std::optional<DecisionId> decision_;
  std::optional<Degradation> degradation_;
};

}  // namespace fulcrum::apps
