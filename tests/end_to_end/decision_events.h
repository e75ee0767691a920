// What a log tells of decisions, without what the service tells of itself.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fulcrum/decision_log_reader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::testing {

// The records about decisions, in order, their LSNs counted as if nothing else were in the log:
// records about the service stand where its threads, disk and clock had them stand, so that two
// runs of the same traffic have other LSNs.
inline std::vector<LogEvent> DecisionEventsOf(const std::string& log_directory) {
  std::vector<LogEvent> events;
  std::vector<Lsn> lsns;  // of `events`
  const auto renumber = [&](Lsn* lsn) {
    *lsn = static_cast<Lsn>(std::upper_bound(lsns.begin(), lsns.end(), *lsn) - lsns.begin());
  };
  const auto reader = DecisionLogReader::Open(log_directory);
  EXPECT_THAT(reader, IsOk());
  LogEntry entry;
  while (reader.ok() && *(*reader)->Next(&entry)) {
    if (!EventDecisionId(entry.event).has_value()) continue;
    lsns.push_back(entry.lsn);
    if (auto* const decision = std::get_if<DecisionRecord>(&entry.event)) {
      renumber(&decision->versions.posterior_lsn);
    } else if (auto* const superseded = std::get_if<SupersededRecord>(&entry.event)) {
      renumber(&superseded->decision_lsn);
    } else if (auto* const unshown = std::get_if<UnshownRecord>(&entry.event)) {
      renumber(&unshown->decision_lsn);
    } else if (auto* const settlement = std::get_if<SettlementRecord>(&entry.event)) {
      renumber(&settlement->decision_lsn);
      renumber(&settlement->cause_lsn);
    }
    events.push_back(entry.event);
  }
  return events;
}

}  // namespace fulcrum::testing
