// All that a log, and the archive beside it, know of one decision: for `fulcrum explain`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "decision_log/reward_join.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::apps {

// A record that names the decision.
struct LaterEvent {
  Lsn lsn = 0;
  LogEvent event;
  std::string meaning;  // what it changed, in words
};

// What became of one position, as far as the log goes.
struct PositionEnd {
  decision_log::Shown shown = decision_log::Shown::kPending;
  bool settled = false;  // its reward has been learned from
  double reward = 0;     // credited so far
};

struct Explanation {
  Lsn lsn = 0;
  int64_t time_us = 0;  // when it was logged
  DecisionRecord record;
  std::vector<LaterEvent> later;  // in log order
  bool evidence = false;          // it may teach: it was drawn, served and says what its reward is
  std::optional<SupersededRecord> superseded;
  std::vector<PositionEnd> positions;       // as record.positions; all pending if no evidence
  std::optional<FeatureSnapshot> snapshot;  // what the model saw, if the log holds it
  std::vector<std::string> columns;         // names of its columns, if the model is archived
  std::vector<std::string> terms;           // names of a linear posterior's x, if the bundle is
  std::vector<std::string> notes;           // what could not be found or read, and why
  bool damaged = false;                     // the log could not be read everywhere
};

// Reads the log once, from its first record to its last, at flat memory. Nothing if it does not
// hold the decision; `*missing` then says so, naming the log and what to try.
absl::StatusOr<std::optional<Explanation>> ExplainDecision(const std::string& log_directory,
                                                           const DecisionId& id,
                                                           std::string* missing);

// The two forms in which `fulcrum explain` prints it. The first is for people and may change; the
// second is one JSON object on one line, docs/explain.md.
std::string ExplainInWords(const Explanation& explanation);
std::string ExplainInJson(const Explanation& explanation);

// Why a candidate could not be drawn; empty if it could.
std::string InWords(MaskReason mask);
// Whether the record has its detail, and if not, why; empty if it has and always would have.
std::string DetailInWords(const DecisionRecord& record);
// Why an answer is not full; empty if it is.
std::string InWords(Degradation reason);
const char* ToWord(decision_log::Shown shown);  // "pending", "shown", "missing"

// Where the draw of a position fell: the ticks of the actions before the drawn one, in the order of
// the record, begin at `low`; it was drawn because `low <= uniform < high`.
struct DrawnInterval {
  uint64_t uniform = 0;
  Ticks low = 0;
  Ticks high = 0;
};
// Nothing if the position was not drawn.
std::optional<DrawnInterval> IntervalOf(const DecisionRecord& record, size_t position);

// Sixteen hexadecimal digits, as in the names of the archive.
std::string VersionText(uint64_t version);
std::string TimeText(int64_t micros);  // RFC 3339, UTC

}  // namespace fulcrum::apps
