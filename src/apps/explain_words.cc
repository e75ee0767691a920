#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "apps/explanation.h"
#include "base/hash.h"
#include "base/strings.h"
#include "config/bundle.h"
#include "decision_log/record_names.h"
#include "policy/policies.h"
#include "policy/recorded.h"
#include "telemetry/metrics.h"

namespace fulcrum::apps {
namespace {

using decision_log::Shown;

std::string Number(double value) {
  return absl::StrFormat("%.6g", value);
}

// "label     text", the label in a column of its own.
void Line(const std::string& label, const std::string& text, std::string* out) {
  absl::StrAppend(out, absl::StrFormat("%-11s %s\n", label, text));
}

std::string Describe(const policy::Posterior& posterior) {
  if (!policy::IsValid(posterior)) return "-";
  if (const auto* const beta = std::get_if<policy::BetaArm>(&posterior)) {
    return absl::StrFormat("Beta(%s, %s)", Number(beta->alpha), Number(beta->beta));
  }
  if (const auto* const logit = std::get_if<policy::LogitArm>(&posterior)) {
    return absl::StrFormat("LogOdds(%s, sd %s)", Number(logit->mean), Number(logit->sd));
  }
  const auto& gauss = std::get<policy::GaussArm>(posterior);
  return absl::StrFormat("Gauss(%s, sd %s)", Number(gauss.mean), Number(gauss.sd));
}

std::string MeanText(const policy::Posterior& posterior) {
  return policy::IsValid(posterior) ? Number(policy::MeanOf(posterior)) : "-";
}

std::string NeutralText(const DecisionRecord& record) {
  if (record.neutral_known) return "worth " + Number(record.neutral_value) + ", a known value";
  const policy::Posterior posterior = policy::NeutralPosteriorOf(record);
  return absl::StrCat(Describe(posterior), ", mean ", MeanText(posterior));
}

void TellAsked(const DecisionRecord& record, std::string* out) {
  Line("asked",
       absl::StrCat("surface ", record.surface, " by ", record.principal,
                    record.request_id.empty() ? "" : ", request_id ", record.request_id,
                    ", slate of ", record.slate_size),
       out);
  Line("",
       absl::StrCat("user ", base::ToHex(record.user_ref), ", segment ",
                    record.segment.empty() ? "none" : record.segment, ", context hash ",
                    VersionText(record.context_hash)),
       out);
}

void TellKnown(const DecisionRecord& record, std::string* out) {
  std::string text = "all feature rows were fresh";
  if (record.features_missing + record.features_stale != 0) {
    text = absl::StrCat("feature rows missing: ", record.features_missing,
                        ", too old: ", record.features_stale);
  }
  if (record.candidates.empty() && record.detail == Detail::kWhole) {
    text = "not looked at, or not in time";
  }
  Line("known", text, out);
}

void TellAnswer(const DecisionRecord& record, std::string* out) {
  const std::string reason = InWords(record.degradation);
  Line("answer",
       absl::StrCat(base::ToAbsl(telemetry::ToWord(record.answer)), reason.empty() ? "" : ": ",
                    reason, record.log_pending ? "; it did not wait for its record" : ""),
       out);
  if (record.defer_until_us != 0) {
    Line("deferred",
         absl::StrCat("no action can be had before ", TimeText(record.defer_until_us),
                      " unless something is given back or changed"),
         out);
  }
  const Versions& versions = record.versions;
  Line("versions",
       absl::StrCat("bundle ", VersionText(versions.bundle), ", model ",
                    versions.model == 0 ? "none" : VersionText(versions.model), ", schema ",
                    versions.schema, ", posteriors as of LSN ", versions.posterior_lsn),
       out);
  Line("prices",
       versions.price_version == 0 ? "no prices yet"
                                   : absl::StrCat("version ", versions.price_version),
       out);
}

void TellDetail(const DecisionRecord& record, std::string* out) {
  const std::string text = DetailInWords(record);
  if (!text.empty()) Line("detail", text, out);
  if (!record.redacted.empty()) {
    Line("masked", absl::StrCat("by ", absl::StrJoin(record.redacted, ", ")), out);
  }
}

// What else could have been served, and to whom.
void TellMode(const DecisionRecord& record, std::string* out) {
  if (record.mode != Mode::kLive) Line("mode", decision_log::NameOf(record.mode), out);
  if (record.holdout_ticks != 0) {
    Line("holdout",
         absl::StrCat(record.answer == Answer::kHeldOut ? "held out, one of " : "not one of the ",
                      Number(100 * PropensityOf(record.holdout_ticks)), " % of the users"),
         out);
  }
  if (!record.unserved.empty()) {
    const auto action = [](std::string* text, const PositionRecord& position) {
      absl::StrAppend(text, position.action_id);
    };
    Line("unserved", absl::StrCat("the policy drew ", absl::StrJoin(record.unserved, ", ", action)),
         out);
  }
  for (size_t i = 0; i < record.shadows.size(); ++i) {
    const ShadowRecord& shadow = record.shadows[i];
    Line("shadow",
         absl::StrCat(shadow.id, ": ", ToText(shadow.policy), ", floor ",
                      Number(shadow.exploration_floor)),
         out);
  }
}

// "0.05 to 0.4, weight 2" of what is set for an action; empty if nothing is.
std::string ShareText(const Share& share) {
  std::string text;
  if (share.min != 0 || share.max != 1) {
    text = absl::StrCat(" kept within ", Number(share.min), " and ", Number(share.max));
  }
  if (share.weight != 0) absl::StrAppend(&text, " weight ", Number(share.weight));
  return text;
}

void TellCandidates(const DecisionRecord& record, std::string* out) {
  if (record.candidates.empty()) return;
  int width = 6;
  for (const auto& candidate : record.candidates) {
    width = std::max(width, static_cast<int>(candidate.action_id.size()));
  }
  std::string header =
      absl::StrFormat("  %-*s %-12s %-26s %-10s", width, "action", "score", "posterior", "mean");
  const std::vector<PositionRecord>& drawn_positions =
      record.unserved.empty() ? record.positions : record.unserved;
  for (size_t i = 0; i < drawn_positions.size(); ++i) {
    absl::StrAppend(&header, absl::StrFormat(" p at %-4d", i + 1));
  }
  absl::StrAppend(out, "candidates\n", header, "\n");
  for (size_t c = 0; c <= record.candidates.size(); ++c) {
    const bool neutral = c == record.candidates.size();
    const CandidateRecord none;
    const CandidateRecord& one = neutral ? none : record.candidates[c];
    const policy::Posterior posterior =
        neutral ? policy::NeutralPosteriorOf(record) : policy::PosteriorOf(one, record.log_odds);
    const bool known = neutral && record.neutral_known;
    std::string row = absl::StrFormat(
        "  %-*s %-12s %-26s %-10s", width, neutral ? kNeutralActionId : one.action_id,
        neutral ? "-" : Number(one.score), known ? "known value" : Describe(posterior),
        known ? Number(record.neutral_value) : MeanText(posterior));
    for (const PositionRecord& position : drawn_positions) {
      const bool drawn = c < position.ticks.size();
      absl::StrAppend(&row, " ",
                      drawn ? absl::StrFormat("%-9.6f", PropensityOf(position.ticks[c])) : "-");
    }
    const std::string mask = neutral ? "" : InWords(one.mask);
    absl::StrAppend(out, row, ShareText(neutral ? record.neutral_share : one.share),
                    mask.empty() ? "" : " masked: ", mask, "\n");
  }
}

void TellInputs(const Explanation& explanation, std::string* out) {
  if (!explanation.snapshot.has_value() || explanation.snapshot->columns == 0) return;
  const FeatureSnapshot& snapshot = *explanation.snapshot;
  const auto& candidates = explanation.record.candidates;
  absl::StrAppend(out, "what the model saw\n");
  for (size_t c = 0; c < candidates.size(); ++c) {
    std::vector<std::string> inputs;
    for (size_t i = 0; i < snapshot.columns; ++i) {
      const size_t at = c * snapshot.columns + i;
      if (at >= snapshot.values.size()) break;
      const double value = snapshot.values[at];
      const std::string name =
          i < explanation.columns.size() ? explanation.columns[i] : absl::StrCat("#", i);
      const auto& masked = snapshot.masked_columns;
      inputs.push_back(
          absl::StrCat(name, "=", value == value ? Number(value) : "missing",
                       std::binary_search(masked.begin(), masked.end(), i) ? " (masked)" : ""));
    }
    absl::StrAppend(out, "  ", candidates[c].action_id, ": ", absl::StrJoin(inputs, ", "), "\n");
  }
}

// When it is due and what gives it back; empty if it is due at once.
std::string TermsText(const DebitTerms& terms) {
  std::string text;
  if (!terms.charged_on.empty()) text = absl::StrCat(", due on ", terms.charged_on);
  if (!terms.returned_on.empty()) {
    absl::StrAppend(&text, ", returned on ", absl::StrJoin(terms.returned_on, " or "));
  }
  if (terms.kept_unshown) text += ", kept if it is not shown";
  return text;
}

void TellPosition(const Explanation& explanation, size_t index, std::string* out) {
  const DecisionRecord& record = explanation.record;
  const PositionRecord& position = record.positions[index];
  const std::string label = absl::StrCat("position ", index + 1);
  if (const auto interval = IntervalOf(record, index)) {
    Line(label,
         absl::StrFormat("drew %s with probability %.9f (%d of 2^32 ticks)", position.action_id,
                         PropensityOf(interval->high - interval->low),
                         interval->high - interval->low),
         out);
    Line("",
         absl::StrFormat("seed %016x gives %d, which lies in [%d, %d)", position.seed,
                         interval->uniform, interval->low, interval->high),
         out);
  } else if (position.drawn_ticks > 0) {
    Line(label,
         absl::StrFormat("drew %s with probability %.9f (%d of 2^32 ticks); what else could have "
                         "been drawn is not in the record",
                         position.action_id, PropensityOf(position.drawn_ticks),
                         position.drawn_ticks),
         out);
  } else {
    Line(label, absl::StrCat(position.action_id, ", not drawn"), out);
  }
  std::vector<std::string> basis;
  for (size_t i = 0; i < position.basis.size(); ++i) {
    const std::string name =
        i < explanation.terms.size() ? explanation.terms[i] : absl::StrCat("#", i);
    basis.push_back(absl::StrCat(name, "=", Number(position.basis[i])));
  }
  if (!basis.empty()) Line("", "x: " + absl::StrJoin(basis, ", "), out);
  for (const Debit& debit : position.debits) {
    Line("",
         absl::StrCat(
             "takes ", debit.amount, " of ", debit.row, " (",
             debit.limit == config::kNoLimit ? "no limit" : absl::StrCat("limit ", debit.limit),
             debit.per_user ? " per user" : "", debit.soft ? ", soft" : "",
             debit.window_start_us == INT64_MIN
                 ? ""
                 : absl::StrCat(", from ", TimeText(debit.window_start_us)),
             ")", TermsText(debit.terms)),
         out);
  }
}

const char* InWords(SettlementCause cause) {
  switch (cause) {
    case SettlementCause::kWindowClosed:
      return "the attribution window closed";
    case SettlementCause::kReturned:
      return "it was returned";
    case SettlementCause::kUnshown:
      return "it was not shown in time";
    case SettlementCause::kCorrected:
      return "an outcome was corrected";
  }
  return "";
}

std::string EventText(const LogEvent& event) {
  if (const auto* const exposure = std::get_if<ExposureRecord>(&event)) {
    return absl::StrCat("position ", exposure->position, " reported as shown at ",
                        TimeText(exposure->occurred_us));
  }
  if (const auto* const outcome = std::get_if<OutcomeRecord>(&event)) {
    return absl::StrCat(
        outcome->kind, " ", Number(outcome->value), outcome->currency.empty() ? "" : " ",
        outcome->currency, " (", outcome->outcome_id, ") for ",
        outcome->position == 0 ? "the slate" : absl::StrCat("position ", outcome->position), " at ",
        TimeText(outcome->occurred_us),
        outcome->cost_micros.has_value() ? absl::StrCat(", cost ", *outcome->cost_micros) : "");
  }
  if (const auto* const superseded = std::get_if<SupersededRecord>(&event)) {
    return absl::StrCat("superseded: ", superseded->served_action_id, " was served instead");
  }
  if (const auto* const unshown = std::get_if<UnshownRecord>(&event)) {
    return absl::StrCat("no exposure in time of position ",
                        absl::StrJoin(unshown->positions, ", "));
  }
  if (const auto* const settlement = std::get_if<SettlementRecord>(&event)) {
    const auto amount = [](std::string* out, const Debit& refund) {
      absl::StrAppend(out, refund.amount, " of ", refund.row);
    };
    return absl::StrCat("position ", settlement->position, " gives back ",
                        absl::StrJoin(settlement->refunds, ", ", amount), " (",
                        InWords(settlement->cause), ")");
  }
  return "a decision of the same id";
}

// Whether it is not all given back if it is not shown.
bool OnTerms(const PositionRecord& position) {
  return std::any_of(position.debits.begin(), position.debits.end(),
                     [](const Debit& debit) { return debit.terms != DebitTerms(); });
}

std::string EndText(const Explanation& explanation, size_t index) {
  const PositionEnd& end = explanation.positions[index];
  const char* kind = explanation.record.reward_kind.c_str();
  switch (end.shown) {
    case Shown::kMissing:
      return OnTerms(explanation.record.positions[index])
                 ? "missing: not shown in time; it teaches nothing"
                 : "missing: not shown in time; it spends nothing and teaches nothing";
    case Shown::kPending:
      return "pending: no exposure yet";
    case Shown::kShown:
      break;
  }
  if (end.settled) return absl::StrCat("settled: shown, reward (", kind, ") ", Number(end.reward));
  return absl::StrCat("shown, reward (", kind, ") so far ", Number(end.reward),
                      "; pending until the attribution window is over");
}

void TellEnd(const Explanation& explanation, std::string* out) {
  absl::StrAppend(out, "what became of it\n");
  for (const LaterEvent& later : explanation.later) {
    absl::StrAppend(out, "  LSN ", later.lsn, "  ", EventText(later.event), ": ", later.meaning,
                    "\n");
  }
  if (explanation.superseded.has_value()) {
    absl::StrAppend(out, "  it was not served: the log took it too late\n");
  } else if (!explanation.evidence) {
    absl::StrAppend(out, "  no evidence: it teaches nothing\n");
  } else {
    for (size_t i = 0; i < explanation.positions.size(); ++i) {
      absl::StrAppend(out, "  position ", i + 1, " ", EndText(explanation, i), "\n");
    }
  }
}

}  // namespace

std::string DetailInWords(const DecisionRecord& record) {
  switch (record.detail) {
    case Detail::kWhole:
      return record.detail_ticks == kTicksTotal
                 ? ""
                 : absl::StrCat("kept, with probability ",
                                Number(PropensityOf(record.detail_ticks)));
    case Detail::kSampledOut:
      return absl::StrCat("sampled out; it would have been kept with probability ",
                          Number(PropensityOf(record.detail_ticks)));
    case Detail::kWithheld:
      return "withheld: a masking rule could not be applied";
    case Detail::kUnknown:
      return "unknown to where the record came from";
  }
  return "";
}

std::string ExplainInWords(const Explanation& explanation) {
  const DecisionRecord& record = explanation.record;
  std::string out;
  Line("decision",
       absl::StrCat(record.id.ToString(), ", LSN ", explanation.lsn, ", ",
                    TimeText(record.occurred_us)),
       &out);
  TellAsked(record, &out);
  TellKnown(record, &out);
  TellAnswer(record, &out);
  TellDetail(record, &out);
  if (!record.candidates.empty()) {
    Line(kNeutralActionId, NeutralText(record), &out);
    Line("policy",
         absl::StrCat(ToText(record.policy), ", floor ", Number(record.exploration_floor),
                      record.region.empty() ? "" : absl::StrCat(", region ", record.region)),
         &out);
  }
  TellMode(record, &out);
  TellCandidates(record, &out);
  TellInputs(explanation, &out);
  for (size_t i = 0; i < record.positions.size(); ++i) TellPosition(explanation, i, &out);
  const StageTimes& times = record.times;
  Line("time",
       absl::StrFormat("edge %d, features %d, scoring %d, selection %d us of a budget of %d us",
                       times.edge_us, times.features_us, times.scoring_us, times.orchestration_us,
                       record.latency_budget_us),
       &out);
  constexpr const char* kLevels[] = {"none", "the selection", "full"};
  Line("replay",
       absl::StrCat(kLevels[static_cast<int>(record.replayable)],
                    record.replayable_reason.empty() ? "" : ": ", record.replayable_reason),
       &out);
  TellEnd(explanation, &out);
  for (const std::string& note : explanation.notes) absl::StrAppend(&out, "note: ", note, "\n");
  return out;
}

std::string InWords(MaskReason mask) {
  switch (mask) {
    case MaskReason::kNone:
      return "";
    case MaskReason::kNoHold:
      return "one of its hard limits had no room left";
    case MaskReason::kCampaignInactive:
      return "outside its campaign's dates";
    case MaskReason::kInvalidScore:
      return "the model or the posterior gave no finite number";
    case MaskReason::kNoUserRef:
      return "a cap per user applies and the user has no durable reference";
    case MaskReason::kLedgerUnavailable:
      return "the ledger could not grant a lease in time";
    case MaskReason::kQuietHours:
      return "its campaign's quiet hours";
    case MaskReason::kExcluded:
      return "the user was shown what excludes it";
    case MaskReason::kVariant:
      return "there is room for what it is a cheaper form of";
    case MaskReason::kCautious:
      return "left out by cautious mode, others promise more";
    case MaskReason::kPaused:
      return "an operator paused it, its campaign or its creative";
  }
  return "for a reason of a later version";
}

std::string InWords(Degradation reason) {
  switch (reason) {
    case Degradation::kNone:
      return "";
    case Degradation::kDeadline:
      return "the latency budget ran out";
    case Degradation::kFeatureError:
      return "the feature store failed, rows were taken as missing";
    case Degradation::kFeatureStale:
      return "a feature row was too old and taken as missing";
    case Degradation::kNoCandidate:
      return "nothing could be drawn but the neutral action";
    case Degradation::kLedgerUnavailable:
      return "a candidate was masked because no lease could be had";
    case Degradation::kDisk:
      return "the log could not take the record in time";
    case Degradation::kShed:
      return "a queue was full";
    case Degradation::kPaused:
      return "an operator paused the surface, or everything";
  }
  return "for a reason of a later version";
}

const char* ToWord(Shown shown) {
  constexpr const char* kWords[] = {"pending", "shown", "missing"};
  return kWords[static_cast<size_t>(shown)];
}

}  // namespace fulcrum::apps
