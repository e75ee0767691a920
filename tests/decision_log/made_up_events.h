// Made-up records of every type, for tests of what must keep all of them.
#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::decision_log {

// Any legal value of every field, extremes included.
class MadeUpEvents {
 public:
  explicit MadeUpEvents(uint64_t seed) : random_(seed) {}

  uint64_t Word() { return random_() >> (random_() % 64); }
  int64_t Signed() { return static_cast<int64_t>(random_()) >> (random_() % 64); }
  int64_t Count() { return static_cast<int64_t>(Word() >> 1); }
  size_t Below(size_t bound) { return random_() % bound; }
  std::string Text() {
    static const char* const kTexts[] = {"", "a", "next-best-offer", "\xc3\xbc\xe2\x82\xac",
                                         "none"};
    return absl::StrCat(kTexts[Below(5)], Below(2) == 0 ? "" : std::to_string(Below(1000)));
  }
  std::string Name() { return "n" + Text(); }
  double Number() {
    static const double kNumbers[] = {0.0,    -0.0, 1e-300,
                                      5e-324, 0.25, std::numeric_limits<double>::max()};
    return Below(3) == 0 ? kNumbers[Below(6)] : static_cast<double>(Word()) / 7;
  }
  template <typename Enum>
  Enum Any(Enum last) {
    return static_cast<Enum>(Below(static_cast<size_t>(last) + 1));
  }
  UserRef Ref() {
    UserRef ref{};
    if (Below(3) != 0) {
      for (uint8_t& byte : ref) byte = static_cast<uint8_t>(Below(256));
    }
    return ref;
  }
  DecisionId Id() { return DecisionId(random_(), random_()); }

  std::vector<Debit> Debits() {
    std::vector<Debit> debits(Below(4));
    for (Debit& debit : debits) {
      debit.row = Name();
      debit.window_start_us = Below(3) == 0 ? std::numeric_limits<int64_t>::min() : Signed();
      debit.amount = 1 + static_cast<int64_t>(Word() >> 1) / 2;
      debit.limit = static_cast<int64_t>(Word() >> 1);
      debit.per_user = Below(2) == 0;
      debit.soft = Below(4) == 0;
      debit.span_us = Below(3) == 0 ? static_cast<int64_t>(Word() >> 1) : 0;
      if (Below(3) == 0) debit.terms = Terms();
    }
    return debits;
  }

  DebitTerms Terms() {
    DebitTerms terms;
    terms.charged_on = Text();
    terms.returned_on.resize(Below(3));
    for (std::string& kind : terms.returned_on) kind = Text();
    terms.return_window_us = Count();
    terms.kept_unshown = Below(2) == 0;
    terms.in_cost = Below(2) == 0;
    return terms;
  }

  std::vector<Ticks> Distribution(size_t entries) {
    std::vector<Ticks> ticks(entries, 0);
    Ticks left = kTicksTotal;
    for (size_t i = 0; i + 1 < entries; ++i) {
      ticks[i] = Below(3) == 0 ? 0 : random_() % (left + 1);
      left -= ticks[i];
    }
    ticks.back() = left;
    return ticks;
  }

  Share AnyShare() {
    if (Below(2) == 0) return {};
    return {Number(), Number(), Below(2) == 0 ? 1 : Number()};
  }
  Policy AnyPolicy() { return {Any(PolicyKind::kFixedShares), Number(), Number()}; }

  void FillPosition(const DecisionRecord& record, PositionRecord* position) {
    position->action_id = Name();
    if (Below(4) != 0) position->ticks = Distribution(record.candidates.size() + 1);
    position->seed = Word();
    position->debits = Debits();
    position->basis.resize(Below(5));
    for (double& term : position->basis) term = static_cast<double>(Signed()) / 3;
    position->discounts.resize(Below(3) == 0 ? record.candidates.size() : 0);
    for (double& one : position->discounts) one = Number();
    for (uint32_t i = 0; i < record.candidates.size(); ++i) {
      if (Below(6) == 0) position->excluded.push_back(i);
    }
    for (size_t i = 0; i < record.shadows.size(); ++i) {
      position->shadow_ticks.push_back(Distribution(record.candidates.size() + 1));
    }
  }

  LogEvent Decision() {
    DecisionRecord record;
    record.id = Id();
    record.request_id = Text();
    record.principal = Text();
    record.surface = Text();
    record.user_ref = Ref();
    record.occurred_us = Signed();
    record.context_hash = Word();
    record.segment = Text();
    record.slate_size = static_cast<uint32_t>(Word());
    record.answer = Any(Answer::kBaseline);
    record.degradation = Any(Degradation::kPaused);
    record.log_pending = Below(2) == 0;
    record.versions = {Word(), Word(), static_cast<uint32_t>(Word()), Word(), Word()};
    record.neutral_known = Below(2) == 0;
    record.neutral_value = Number();
    record.neutral_alpha = Number();
    record.neutral_beta = Number();
    record.neutral_mean = Number();
    record.neutral_sd = Number();
    record.log_odds = Below(2) == 0;
    record.exploration_floor = Number();
    record.candidates.resize(Below(12));
    for (CandidateRecord& one : record.candidates) {
      one = {Name(),   Text(),    Any(MaskReason::kPaused), Number(), Number(), Number(), Number(),
             Number(), AnyShare()};
    }
    record.policy = AnyPolicy();
    record.neutral_share = AnyShare();
    record.region = Text();
    record.mode = Any(Mode::kLogOnly);
    record.holdout_ticks = Below(2) == 0 ? 0 : random_() % kTicksTotal;
    record.relaxed = static_cast<uint32_t>(Below(10));
    record.rows_in_scope.resize(Below(3));
    for (std::string& row : record.rows_in_scope) row = Name();
    record.defer_until_us = Below(2) == 0 ? 0 : static_cast<int64_t>(Word());
    record.shadows.resize(Below(3));
    for (ShadowRecord& one : record.shadows) one = {Name(), AnyPolicy(), Number()};
    record.positions.resize(Below(4));
    for (PositionRecord& one : record.positions) FillPosition(record, &one);
    record.unserved.resize(Below(3));
    for (PositionRecord& one : record.unserved) FillPosition(record, &one);
    record.features_missing = static_cast<uint32_t>(Word());
    record.features_stale = static_cast<uint32_t>(Word());
    record.times = {Signed(), Signed(), Signed(), Signed(), Signed()};
    record.latency_budget_us = Signed();
    record.replayable = Any(Replayable::kFull);
    record.replayable_reason = Text();
    record.exposure_required = Below(2) == 0;
    record.exposure_window_us = Signed();
    record.attribution_window_us = Signed();
    record.reward_kind = Text();
    return record;
  }

  LogEvent Event() {
    switch (Below(11)) {
      case 0:
        return ExposureRecord{Id(), 1 + static_cast<uint32_t>(Word() / 2), Signed(), Text()};
      case 1:
        return OutcomeRecord{
            Id(),
            static_cast<uint32_t>(Word()),
            Text(),
            Text(),
            Number(),
            Text(),
            Signed(),
            Text(),
            Below(2) == 0 ? std::optional<int64_t>() : std::optional<int64_t>(Count())};
      case 2:
        return SupersededRecord{Id(), 1 + Word() / 2, Text(), Debits(), Ref(), Signed()};
      case 3: {
        UnshownRecord record{Id(),     1 + Word() / 2, {static_cast<uint32_t>(1 + Below(3))},
                             Debits(), Ref(),          Signed()};
        if (Below(2) == 0)
          record.positions.push_back(record.positions.back() + 1 + static_cast<uint32_t>(Below(9)));
        return record;
      }
      case 4:
        return PosteriorUpdateRecord{Word(), Word(), Word(), Word(), Signed()};
      case 5: {
        PriceUpdateRecord record{1 + Word() / 2, {}, Signed()};
        for (size_t i = Below(4); i > 0; --i) {
          record.prices.push_back({Name(), Signed(), std::abs(Number())});
        }
        return record;
      }
      case 6: {
        LeaseRecord record{Name(), Signed(), Signed(), Count(), Count(), Signed()};
        if (record.amount == 0) record.amount = std::numeric_limits<int64_t>::min();
        return record;
      }
      case 7: {
        AuditRecord record{Name(), Name(), Text(), {}, Signed()};
        for (size_t i = Below(4); i > 0; --i) record.details.push_back({Name(), Text()});
        return record;
      }
      case 8: {
        IdentityRecord record{IdentityChange::kPurged, Ref(), {}, Signed()};
        record.user_ref[0] |= 1;
        if (Below(2) == 0) {
          record.change = IdentityChange::kMerged;
          record.into = Ref();
          record.into[0] = static_cast<uint8_t>(record.user_ref[0] + 1);
          record.into[15] |= 1;
        }
        return record;
      }
      case 9: {
        SettlementRecord record{Id(),     1 + Word() / 2, 1 + static_cast<uint32_t>(Word() / 2),
                                Debits(), Ref(),          Any(SettlementCause::kCorrected),
                                Word(),   Signed()};
        if (record.refunds.empty()) record.refunds.push_back({.row = Name(), .amount = 1});
        return record;
      }
      default:
        return Decision();
    }
  }

  // Every pattern of bits, NaNs with a payload too.
  FeatureSnapshot Snapshot() {
    FeatureSnapshot snapshot;
    snapshot.decision_id = Id();
    snapshot.model = random_();
    snapshot.columns = static_cast<uint32_t>(Below(5));
    const auto pattern = [this] {
      return std::bit_cast<double>(Below(4) == 0 ? 0x7ff8000000000000ULL | (random_() >> 13)
                                                 : random_());
    };
    for (size_t k = Below(6) * snapshot.columns; k > 0; --k) {
      snapshot.values.push_back(pattern());
    }
    for (size_t k = Below(3); k > 0; --k) snapshot.basis.push_back(pattern());
    for (uint32_t k = 0; k < snapshot.columns; ++k) {
      if (Below(2) == 0) snapshot.masked_columns.push_back(k);
    }
    return snapshot;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace fulcrum::decision_log
