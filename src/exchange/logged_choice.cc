#include "exchange/logged_choice.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "decision_log/record_codec.h"

namespace fulcrum::exchange {
namespace {

constexpr char kRewardKind[] = "reward";
constexpr char kPrincipal[] = "import";

absl::StatusOr<Ticks> TicksOf(double probability) {
  if (!(probability > 0) || probability > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the probability is not above 0 and at most 1: ", probability));
  }
  const auto ticks =
      static_cast<Ticks>(std::llround(probability * static_cast<double>(kTicksTotal)));
  if (ticks == 0) return absl::InvalidArgumentError("the probability is below 2^-33");
  return ticks;
}

}  // namespace

absl::StatusOr<std::vector<LogRecord>> RecordsOf(const LoggedChoice& choice) {
  const absl::StatusOr<Ticks> ticks = TicksOf(choice.probability);
  if (!ticks.ok()) return ticks.status();
  if (!std::isfinite(choice.reward)) {
    return absl::InvalidArgumentError("the reward is not a finite number");
  }
  const int64_t time_us = choice.occurred_us.value_or(static_cast<int64_t>(choice.line));
  DecisionRecord decision;
  // An id keeps all but the two lowest bits.
  decision.id = DecisionId::FromTimeAndRandom(absl::FromUnixMicros(time_us), 0, choice.line << 2);
  decision.principal = kPrincipal;
  decision.request_id = choice.request_id;
  decision.surface = choice.surface;
  decision.occurred_us = time_us;
  decision.replayable_reason = "imported";
  decision.reward_kind = kRewardKind;
  decision.attribution_window_us = 1;
  decision.detail = Detail::kUnknown;
  decision.positions.push_back({.action_id = std::string(choice.action), .drawn_ticks = *ticks});
  OutcomeRecord outcome{.decision_id = decision.id,
                        .position = 1,
                        .outcome_id = absl::StrCat(choice.line),
                        .kind = kRewardKind,
                        .value = choice.reward,
                        .occurred_us = time_us,
                        .principal = kPrincipal};
  std::vector<LogRecord> records;
  decision_log::RecordEncoder encoder;
  for (const LogEvent& event : {LogEvent(decision), LogEvent(outcome)}) {
    const absl::Status status = decision_log::CheckEvent(event);
    if (!status.ok()) return absl::InvalidArgumentError(status.message());
    records.push_back({decision_log::Stream::kDecisions, decision_log::TypeOf(event), 0, time_us,
                       std::string(encoder.Encode(event))});
  }
  return records;
}

}  // namespace fulcrum::exchange
