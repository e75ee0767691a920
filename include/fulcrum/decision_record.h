// What the decision log keeps of one decision, and of what was heard about it later.
//
// Plain values without behaviour; the bytes on disk are `fulcrum.log.v1`
// (docs/decision_log_format.md). Times are int64 microseconds since 1970 UTC, money is int64 micros
// of the campaign's currency, propensities are ticks of 2^-32.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fulcrum/decision_id.h"
#include "fulcrum/policy.h"
#include "fulcrum/propensity.h"

namespace fulcrum {

// The action that always exists and costs nothing: "do nothing here".
inline constexpr char kNeutralActionId[] = "none";

// Log sequence number: 1 for a log's first record, then consecutive. 0 means "before the first".
using Lsn = uint64_t;

// 16 bytes that stand for a user in the log; all zero if none could be had. HMAC-SHA-256 of the
// user id under the user's own random salt: destroying the salt unlinks the log.
using UserRef = std::array<uint8_t, 16>;

// Why a candidate could not be drawn.
enum class MaskReason : uint8_t {
  kNone = 0,               // it could
  kNoHold = 1,             // one of its hard rows had no room left
  kCampaignInactive = 2,   // outside the campaign's dates
  kInvalidScore = 3,       // the model or the posterior gave no finite number
  kNoUserRef = 4,          // a cap per user applies and the user has no durable reference
  kLedgerUnavailable = 5,  // the ledger could not grant a lease in time
  kCautious = 6,           // left out by cautious mode: others promise more
  kQuietHours = 7,         // its campaign shows nothing at this time of the day
  kExcluded = 8,           // the user was shown what excludes it
  kVariant = 9,            // there is room for the action that it is a cheaper form of
  kPaused = 10             // an operator paused it, its campaign or its creative
};

// How a request was answered.
enum class Answer : uint8_t {
  kFull = 0,       // every stage ran
  kDegraded = 1,   // drawn as usual, but something is missing (see `Degradation`)
  kEditorial = 2,  // the surface's fallback action, not drawn
  kNeutral = 3,    // the neutral action, not drawn
  kHeldOut = 4,    // the neutral action, because the user is held out
  kBaseline = 5    // the caller's own actions, which it named in its request
};

// Why an answer is not full. One reason per decision: the first that applied.
enum class Degradation : uint8_t {
  kNone = 0,
  kDeadline = 1,           // the alarm came before the pipeline was done
  kFeatureError = 2,       // the feature store failed; rows were taken as missing
  kFeatureStale = 3,       // a row was older than its bound; taken as missing
  kNoCandidate = 4,        // nothing to choose from but the neutral action
  kLedgerUnavailable = 5,  // at least one candidate was masked because no lease could be had
  kDisk = 6,               // the log could not take the record in time
  kShed = 7,               // no room in a queue
  kPaused = 8              // an operator paused the surface, or everything
};

// How far the record can be replayed, and if not fully, why.
enum class Replayable : uint8_t { kNone = 0, kSelection = 1, kFull = 2 };

// Whether the record has its detail: the candidates, and the distributions over them. Everything
// else is the core, which is always there.
enum class Detail : uint8_t {
  kWhole = 0,
  kSampledOut = 1,  // dropped to save room; `detail_ticks` is the probability of keeping it
  kWithheld = 2,    // a masking rule could not be applied to it
  kUnknown = 3      // imported from a source that knows the chosen action alone
};

// What a surface does with its policy's choice.
enum class Mode : uint8_t {
  kLive = 0,        // serves it
  kCautious = 1,    // serves it, with fewer actions and less exploration
  kApprentice = 2,  // serves what the caller would have done
  kLogOnly = 3      // serves the surface's fallback action, or the neutral one
};

// Versions of all that shaped the choice.
struct Versions {
  uint64_t bundle = 0;         // first 8 bytes of the bundle's SHA-256, big-endian
  uint64_t model = 0;          // the same of the model manifest and its files; 0 = no model
  uint32_t schema = 0;         // feature schema version
  Lsn posterior_lsn = 0;       // the posteriors hold the log up to here
  uint64_t price_version = 0;  // 0 = no prices yet

  friend bool operator==(const Versions&, const Versions&) = default;
};

// Microseconds spent by stage; 0 for stages that were not reached.
struct StageTimes {
  int64_t edge_us = 0;           // receive, normalise, wait for a thread
  int64_t features_us = 0;       // user and item rows
  int64_t scoring_us = 0;        // candidates, model, posteriors
  int64_t orchestration_us = 0;  // holds, distribution, draw
  int64_t log_us = 0;            // append until durable; in replies only, the record is older

  friend bool operator==(const StageTimes&, const StageTimes&) = default;
};

// When what was taken is due and what gives it back. The default: at once, and nothing but that the
// position was not shown.
struct DebitTerms {
  // Kind of the outcome that makes it due, such as "click"; until the attribution window has closed
  // it is held, then given back as far as it is not due. Empty: the draw itself makes it due.
  std::string charged_on;
  std::vector<std::string> returned_on;  // kinds of outcomes that give it back; sorted
  int64_t return_window_us = 0;          // how long after the decision; 0 without such kinds
  bool kept_unshown = false;  // not given back because the position was not shown in time
  bool in_cost = false;       // the row counts cost: due is what the outcomes say they cost

  friend bool operator==(const DebitTerms&, const DebitTerms&) = default;
};

// What one decision takes from one row.
struct Debit {
  std::string row;              // constraint id
  int64_t window_start_us = 0;  // first instant of the row's window; INT64_MIN for `total`
  int64_t amount = 0;           // micros or exposures, as the row counts; > 0
  int64_t limit = 0;            // the row's limit when it was taken
  bool per_user = false;        // counted per user (key: the record's user_ref)
  bool soft = false;            // of a soft row, which may exceed its limit
  int64_t span_us = 0;          // of a row whose window moves with the clock; else 0
  DebitTerms terms;             // of what is taken; default in refunds

  friend bool operator==(const Debit&, const Debit&) = default;
};

// One arm as it stood before the draw. Candidates are sorted by action id.
struct CandidateRecord {
  std::string action_id;
  std::string campaign_id;
  MaskReason mask = MaskReason::kNone;
  double score = 0;  // model output mu(x, a), a probability; NaN if there was none
  double alpha = 0;  // Beta posterior that was used; 0 if masked before scoring or Gaussian
  double beta = 0;
  // Gaussian posterior that was used, of the reward or, if the record says so, of its log odds; sd
  // is 0 if it was Beta.
  double mean = 0;
  double sd = 0;
  Share share;  // what is set for its probability

  friend bool operator==(const CandidateRecord&, const CandidateRecord&) = default;
};

// One position of the slate: its distribution and what was drawn from it.
struct PositionRecord {
  std::string action_id;      // drawn and served
  std::vector<Ticks> ticks;   // one per candidate, then the neutral action; sums to 2^32;
                              // empty if nothing was drawn (fallback answers), or without detail
  uint64_t seed = 0;          // Philox4x32-10 key; the counter is the decision id
  std::vector<Debit> debits;  // what the drawn action takes
  std::vector<double> basis;  // x of the drawn arm if its posterior is linear in x; else empty
  Ticks drawn_ticks = 0;      // of the drawn action, without detail; 0 if `ticks` says it
  // What each of the record's shadows would have drawn from here, given the positions before: like
  // `ticks`, one per shadow. Empty where nothing was drawn, or without detail.
  std::vector<std::vector<Ticks>> shadow_ticks;
  // How much each candidate's value was discounted here for its likeness to the actions before, in
  // reward, at least 0. Empty if nothing was, or without detail.
  std::vector<double> discounts;
  // Candidates that the actions before exclude here, as indices, ascending.
  std::vector<uint32_t> excluded;

  friend bool operator==(const PositionRecord&, const PositionRecord&) = default;
};

// A policy that is computed beside the one that serves, from the same posteriors and masks.
struct ShadowRecord {
  std::string id;
  Policy policy;
  double exploration_floor = 0;

  friend bool operator==(const ShadowRecord&, const ShadowRecord&) = default;
};

struct DecisionRecord {
  DecisionId id;
  std::string request_id;  // the caller's; may be empty
  std::string principal;   // who called
  std::string surface;
  UserRef user_ref{};
  int64_t occurred_us = 0;  // the decision's wall time
  uint64_t context_hash = 0;
  std::string segment;      // whose counts were used; may be empty
  uint32_t slate_size = 1;  // as asked
  Answer answer = Answer::kFull;
  Degradation degradation = Degradation::kNone;
  bool log_pending = false;  // the answer did not wait for this record
  Versions versions;
  bool neutral_known = false;  // the baseline's value is a point mass
  double neutral_value = 0;    // that value, if known
  double neutral_alpha = 0;    // otherwise its Beta posterior
  double neutral_beta = 0;
  double neutral_mean = 0;  // or its Gaussian posterior, if neutral_sd > 0
  double neutral_sd = 0;
  bool log_odds = false;  // Gaussian posteriors are of the log odds of a success
  Policy policy;
  double exploration_floor = 0;
  Share neutral_share;  // what is set for the neutral action's probability
  std::string region;   // if it has settings of its own, or parity is watched; else empty
  Mode mode = Mode::kLive;
  // Share of the users that are held out, which is the probability of being one of them; the
  // propensities of a record are conditional on whether its user is.
  Ticks holdout_ticks = 0;
  std::vector<ShadowRecord> shadows;
  uint32_t relaxed = 0;  // soft rows up to this class were given up
  // Of the rows that count on some requests only, those that counted on this one for a candidate.
  std::vector<std::string> rows_in_scope;
  // No action could be drawn, and none can before this time unless something is given back or
  // changed; 0 = not known.
  int64_t defer_until_us = 0;
  std::vector<CandidateRecord> candidates;
  std::vector<PositionRecord> positions;  // served
  // What the policy drew instead, if that was not served: held-out users, apprentice and log-only
  // modes. Takes nothing from hard rows.
  std::vector<PositionRecord> unserved;
  uint32_t features_missing = 0;  // rows that did not exist
  uint32_t features_stale = 0;    // rows past their freshness bound
  StageTimes times;
  int64_t latency_budget_us = 0;  // the shorter of L_max and the caller's deadline
  Replayable replayable = Replayable::kNone;
  std::string replayable_reason;      // empty if full
  bool exposure_required = false;     // it counts only if an exposure is reported in time
  int64_t exposure_window_us = 0;     // how long that is; 0 if exposure is assumed
  int64_t attribution_window_us = 0;  // outcomes later than this are not credited
  std::string reward_kind;            // outcomes of this kind are the reward
  Detail detail = Detail::kWhole;
  Ticks detail_ticks = kTicksTotal;   // probability with which the detail was kept
  std::vector<std::string> redacted;  // masking rules that changed this record or its snapshot

  friend bool operator==(const DecisionRecord&, const DecisionRecord&) = default;
};

// The action was really shown.
struct ExposureRecord {
  DecisionId decision_id;
  uint32_t position = 1;  // 1-based
  int64_t occurred_us = 0;
  std::string principal;

  friend bool operator==(const ExposureRecord&, const ExposureRecord&) = default;
};

// Something that happened later and may be credited to the decision.
struct OutcomeRecord {
  DecisionId decision_id;
  uint32_t position = 0;   // 1-based; 0 = the whole slate
  std::string outcome_id;  // the caller's, unique per decision and position
  std::string kind;        // such as "click"
  double value = 0;        // in `currency` units, or a plain number if that is empty
  std::string currency;    // ISO 4217 or empty
  int64_t occurred_us = 0;
  std::string principal;
  // What it really cost, micros of the campaign's currency, >= 0; none: what was taken for it.
  std::optional<int64_t> cost_micros;

  friend bool operator==(const OutcomeRecord&, const OutcomeRecord&) = default;
};

// A logged decision that was not served, because the log answered too late: its debits are
// returned, and `served` is what the caller got instead.
struct SupersededRecord {
  DecisionId decision_id;
  Lsn decision_lsn = 0;
  std::string served_action_id;
  std::vector<Debit> refunds;
  UserRef user_ref{};
  int64_t occurred_us = 0;

  friend bool operator==(const SupersededRecord&, const SupersededRecord&) = default;
};

// The exposure window of a decision has ended and nobody reported these positions as shown: they
// are missing, not failures, and their debits are returned. Written before any later exposure of
// them, which then counts as late.
struct UnshownRecord {
  DecisionId decision_id;
  Lsn decision_lsn = 0;
  std::vector<uint32_t> positions;  // 1-based, ascending
  std::vector<Debit> refunds;       // of those positions
  UserRef user_ref{};
  int64_t occurred_us = 0;  // when the window was found to have ended

  friend bool operator==(const UnshownRecord&, const UnshownRecord&) = default;
};

// Why a part of what was taken is not due.
enum class SettlementCause : uint8_t {
  kWindowClosed = 0,  // the attribution window closed, and that is all that was reported
  kReturned = 1,      // an outcome of a kind that gives it back
  kUnshown = 2,       // the position was not shown in time
  kCorrected = 3      // an outcome was replaced, after the window, by one that costs less
};

// A part of what a position took under terms is given back, once and for good: what is reported
// after this record never takes it again.
struct SettlementRecord {
  DecisionId decision_id;
  Lsn decision_lsn = 0;
  uint32_t position = 1;       // 1-based
  std::vector<Debit> refunds;  // at least one, each of a row that the position took from
  UserRef user_ref{};
  SettlementCause cause = SettlementCause::kWindowClosed;
  Lsn cause_lsn = 0;  // of the record that is the cause; 0 for the window
  int64_t occurred_us = 0;

  friend bool operator==(const SettlementRecord&, const SettlementRecord&) = default;
};

// A snapshot of the posteriors was written, from which learning can go on.
struct PosteriorUpdateRecord {
  Lsn folded_lsn = 0;   // it holds the log up to here
  uint64_t bundle = 0;  // as in Versions, like the next one
  uint64_t model = 0;
  uint64_t digest = 0;  // first 8 bytes of the SHA-256 of its file, big-endian
  int64_t occurred_us = 0;

  friend bool operator==(const PosteriorUpdateRecord&, const PosteriorUpdateRecord&) = default;
};

// The dual price of one row.
struct Price {
  std::string row;              // constraint id
  int64_t window_start_us = 0;  // as in Debit
  double price = 0;             // value per unit of the row, in currency units; >= 0

  friend bool operator==(const Price&, const Price&) = default;
};

// The dual prices that later decisions are made with.
struct PriceUpdateRecord {
  uint64_t version = 0;       // what Versions::price_version of those decisions says; >= 1
  std::vector<Price> prices;  // all that are not 0
  int64_t occurred_us = 0;

  friend bool operator==(const PriceUpdateRecord&, const PriceUpdateRecord&) = default;
};

// The lease of one row changed: what the ledger may spend without asking.
struct LeaseRecord {
  std::string row;              // constraint id
  int64_t window_start_us = 0;  // as in Debit
  int64_t amount = 0;           // granted if above 0, given back if below; never 0
  int64_t leased = 0;           // after this
  int64_t limit = 0;
  int64_t occurred_us = 0;

  friend bool operator==(const LeaseRecord&, const LeaseRecord&) = default;
};

// What became of a user's reference.
enum class IdentityChange : uint8_t {
  kMerged = 1,  // it is the same person as another reference: both count together from here on
  kPurged = 2   // the user was erased: the reference never comes again
};

// A user was merged into another or erased. What is counted per user follows it.
struct IdentityRecord {
  IdentityChange change = IdentityChange::kMerged;
  UserRef user_ref{};  // not all zero
  UserRef into{};      // merged: the other one; purged: all zero
  int64_t occurred_us = 0;

  friend bool operator==(const IdentityRecord&, const IdentityRecord&) = default;
};

// One named fact of an audit record.
struct AuditDetail {
  std::string name;
  std::string value;

  friend bool operator==(const AuditDetail&, const AuditDetail&) = default;
};

// Something was done to the service rather than decided by it. Never sampled, never masked.
struct AuditRecord {
  std::string actor;   // a principal, or kServiceActor
  std::string action;  // such as "service.start"; not empty
  std::string target;  // may be empty
  std::vector<AuditDetail> details;
  int64_t occurred_us = 0;

  friend bool operator==(const AuditRecord&, const AuditRecord&) = default;
};

// Who did what the service does by itself.
inline constexpr char kServiceActor[] = "fulcrumd";

// New kinds go to the end.
using LogEvent = std::variant<DecisionRecord, ExposureRecord, OutcomeRecord, SupersededRecord,
                              UnshownRecord, PosteriorUpdateRecord, PriceUpdateRecord, LeaseRecord,
                              AuditRecord, IdentityRecord, SettlementRecord>;

// The decision that `event` is about; none for what is about the service.
std::optional<DecisionId> EventDecisionId(const LogEvent& event);

// When it happened, microseconds since 1970 UTC.
int64_t EventTime(const LogEvent& event);

// Whether the positions were drawn from their distributions. Otherwise they are a fallback, of a
// user who is held out, or the caller's own.
bool IsDrawn(const DecisionRecord& record);

// The probability with which a position's action was drawn; 0 if it was not drawn. With detail it
// comes from the distribution, without from the core.
Ticks DrawnTicks(const DecisionRecord& record, const PositionRecord& position);

// The model inputs of one decision as they were served: one row of doubles per candidate, in the
// order of the record, with the columns of the record's model version. Missing is NaN. Values of
// masked columns are not what was served.
struct FeatureSnapshot {
  DecisionId decision_id;
  uint64_t model = 0;
  uint32_t columns = 0;
  std::vector<double> values;            // candidates x columns, row by row
  std::vector<double> basis;             // terms of a linear posterior that all candidates share
  std::vector<uint32_t> masked_columns;  // whose values a masking rule changed; ascending
};

}  // namespace fulcrum
