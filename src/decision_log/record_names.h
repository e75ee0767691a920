// The words for a record's enumerations, as tables, commands and their options have them.
#pragma once

#include <array>
#include <cstddef>

#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

inline constexpr std::array<const char*, 6> kAnswerNames = {"full",    "degraded", "editorial",
                                                            "neutral", "held_out", "baseline"};
inline constexpr std::array<const char*, 9> kDegradationNames = {
    "none", "deadline", "feature_error", "feature_stale", "no_candidate", "ledger_unavailable",
    "disk", "shed",     "paused"};
inline constexpr std::array<const char*, 3> kReplayableNames = {"none", "selection", "full"};
inline constexpr std::array<const char*, 4> kDetailNames = {"whole", "sampled_out", "withheld",
                                                            "unknown"};
inline constexpr std::array<const char*, 4> kModeNames = {"live", "cautious", "apprentice",
                                                          "log_only"};

inline constexpr std::array<const char*, 4> kSettlementCauseNames = {"window_closed", "returned",
                                                                     "unshown", "corrected"};

inline const char* NameOf(Answer answer) {
  return kAnswerNames.at(static_cast<size_t>(answer));
}
inline const char* NameOf(Degradation degradation) {
  return kDegradationNames.at(static_cast<size_t>(degradation));
}
inline const char* NameOf(Replayable replayable) {
  return kReplayableNames.at(static_cast<size_t>(replayable));
}
inline const char* NameOf(Mode mode) {
  return kModeNames.at(static_cast<size_t>(mode));
}
inline const char* NameOf(SettlementCause cause) {
  return kSettlementCauseNames.at(static_cast<size_t>(cause));
}
inline const char* NameOf(Detail detail) {
  return kDetailNames.at(static_cast<size_t>(detail));
}

}  // namespace fulcrum::decision_log
