// The bundle as the stages read it: validated, resolved to indices, immutable.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "base/strings.h"
#include "config/action_index.h"
#include "config/rule_fields.h"
#include "config/text_pattern.h"
#include "domain/feature_row.h"
#include "fulcrum/decision_record.h"
#include "fulcrum/policy.h"

namespace fulcrum::config {

enum class Durability : uint8_t {
  kNone,     // queued in memory: survives nothing, for experiments
  kProcess,  // write(2) returned: survives the death of the process (default)
  kPower     // fdatasync returned: survives the death of the machine
};

// What a surface does while the log's queue is under pressure.
enum class LogPressure : uint8_t { kBlock, kDegrade, kDropDetail };

// Settings of the process rather than of decisions; read at start only.
struct Server {
  std::string listen;          // host:port or unix:path; loopback
  std::string metrics_listen;  // host:port; loopback
  std::string data_dir;        // absolute once loaded: the loader resolves it against the bundle
  Durability durability = Durability::kProcess;
  int64_t log_segment_bytes = 64 << 20;
  uint32_t log_queue_max = 4096;  // records
  uint32_t waiting_threads = 2;   // threads that may wait for a disk
  uint32_t waiting_requests_max = 256;
  uint32_t inflight_max = 512;  // requests in the process; more are refused
  bool reflection = true;
  absl::Duration idempotency_window = absl::Minutes(10);
  uint32_t idempotency_requests_max = 1'000'000;
  absl::Duration checkpoint_interval = absl::Seconds(1);  // of the ledger; ten times that of others
  absl::Duration ledger_audit_interval = absl::Minutes(10);  // 0: never
  uint32_t user_counters_max = 5'000'000;                    // in memory; see orchestrator/ledger.h
};

enum class MaskingAction : uint8_t { kDrop, kRound, kHash, kReplace };

// What is done to some fields before they are logged.
struct MaskingRule {
  std::string name;
  std::vector<std::string> fields;  // as masking_fields.h calls them
  MaskingAction action = MaskingAction::kDrop;
  std::shared_ptr<const TextPattern> pattern;  // null: all of a text
  std::string replacement;
  double step = 0;
};

struct Masking {
  std::string salt_file;  // absolute; empty if no rule needs one
  std::vector<MaskingRule> rules;
};

// How the decision log is kept; read at start only.
struct Log {
  absl::Duration decisions_retention;  // 0 = all is kept
  absl::Duration features_retention;
  int64_t disk_reserve_bytes = int64_t{1} << 30;  // free space below which the service warns
  int64_t ballast_bytes = 4 << 20;
  bool compress = true;
  Masking masking;
};

// Gaussian posteriors, linear in [1, score, segments.., context_keys..].
struct LinearPosterior {
  static constexpr size_t kTermsMax = 30;

  double noise_sd = 0.3;
  double prior_sd = 0.3;
  std::vector<std::string> segments;
  std::vector<std::string> context_keys;
  bool log_odds = false;  // what is linear is the log odds of a success; noise_sd is 1

  size_t terms() const { return 2 + segments.size() + context_keys.size(); }

  friend bool operator==(const LinearPosterior&, const LinearPosterior&) = default;
};

// Priors of actions from their campaign's rate, and of campaigns from the surface's.
struct Pooling {
  double strength = 20;
  bool estimate = false;

  friend bool operator==(const Pooling&, const Pooling&) = default;
};

// Gaussian posteriors of an amount per decision, which is 0 for most.
struct ValuePosterior {
  double cap = 0;
  double amount_mean = 0;
  double amount_sd = 0;
  double amount_sales = 1;

  friend bool operator==(const ValuePosterior&, const ValuePosterior&) = default;
};

enum class Resource : uint8_t { kCost, kExposures, kAttribute };
enum class Window : uint8_t { kDay, kTotal, kHour, kRolling };

// The limit of a row that only counts.
inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// A text that a request must have, of the user's features or of the context.
struct Match {
  bool of_user = false;
  std::string key;
  std::vector<std::string> values;  // sorted
};

// One row of A pi <= b.
struct Constraint {
  std::string id;
  std::vector<int32_t> actions;  // that it counts, sorted
  bool per_user = false;
  Resource resource = Resource::kCost;
  std::string attribute;  // if that is the resource
  Window window = Window::kDay;
  int64_t span_us = 0;  // of a rolling window
  absl::TimeZone time_zone;
  int64_t limit = 0;        // micros, exposures or millionths, >= 0
  uint32_t relaxation = 0;  // 0: hard; else the class in which it is given up
  DebitTerms terms;         // of what is taken from it
  // Which requests it counts on; empty or unbounded: all.
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();  // exclusive
  std::vector<int32_t> surfaces;            // sorted
  std::vector<std::string> segments;        // sorted
  std::vector<std::string> regions;         // sorted
  std::vector<Match> where;

  bool IsHard() const { return relaxation == 0; }
  // Whether it is spent from leases: what must hold even after a crash, for all users together.
  bool IsLeased() const { return !per_user && IsHard(); }
};

// What an action takes from a row when it is drawn; `amount` > 0.
struct Use {
  int32_t row = -1;  // index into Bundle::constraints
  int64_t amount = 0;
};

// Actions of which a slate shows one at most.
struct Exclusion {
  std::string id;
  std::vector<int32_t> actions;  // sorted
};

// A fact about an action.
using Attribute = std::variant<double, std::string, std::vector<std::string>>;

struct Action {
  std::string id;
  int32_t campaign = -1;
  std::string item_id;                  // key of its feature row; defaults to the action id
  int64_t cost_micros = 0;              // per exposure, >= 0
  int64_t value_micros = 0;             // of one success, >= 0; for rules
  std::vector<std::string> categories;  // sorted, each once
  std::vector<double> vector;           // of length 1, or empty
  std::string creative;
  base::StringMap<Attribute> attributes;
  int32_t variant_of = -1;           // the dearer form that it stands in for; -1 = none
  std::vector<Use> uses;             // rows that count it, in bundle order
  std::vector<int32_t> excluded_by;  // rows that show it excluded once they have counted anything
  std::vector<int32_t> exclusions;   // indices into Bundle::exclusions
  RulePtr eligible;
  bool approved = true;
  absl::Time expires = absl::InfiniteFuture();
  std::vector<std::string> regions;  // it may be shown in, sorted; empty: all
};

// A part of each day in minutes from midnight; over midnight if it ends before it starts.
struct Hours {
  int from = 0;
  int to = 0;  // exclusive

  bool Contain(int minute) const {
    return from < to ? from <= minute && minute < to : from <= minute || minute < to;
  }
};

struct Campaign {
  std::string id;
  std::string account;
  std::string currency;  // ISO 4217
  absl::TimeZone time_zone;
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();  // exclusive
  std::vector<Hours> quiet_hours;
  RulePtr eligible;
};

enum class ParityBy : uint8_t { kSegment, kRegion };

// A band for the rates at which cohorts are shown some actions; watched only.
struct Parity {
  std::string id;
  ParityBy by = ParityBy::kSegment;
  std::vector<std::string> cohorts;  // sorted; empty: all that come up
  std::vector<int32_t> surfaces;     // sorted; empty: all
  std::vector<int32_t> actions;      // sorted, not empty
  double ratio_min = 0.8;
  int64_t span_us = 0;
  uint32_t decisions_min = 1000;
};

// A rule for requests from some regions.
struct Jurisdiction {
  std::string id;
  std::vector<std::string> regions;  // sorted
  RulePtr eligible;                  // never null
};

inline constexpr int32_t kNeutralAction = -1;  // where indices into Bundle::actions name an action

// How a surface draws, everywhere or in one region.
struct Choice {
  Policy policy;                    // valid
  double exploration_floor = 0.02;  // epsilon, spread evenly over the feasible arms
  // What is set for some actions, by index into Bundle::actions or kNeutralAction, ascending.
  std::vector<std::pair<int32_t, Share>> shares;

  Share ShareOf(int32_t action) const;
};

struct Region {
  std::string region;
  Choice choice;
};

// How an action is discounted by its likeness to the ones before it in a slate.
struct Diversity {
  double gamma = 0;        // reward
  double full_supply = 3;  // actions per position
};

// Users who get the neutral action.
struct Holdout {
  Ticks ticks = 0;  // share of the users
  std::string experiment;
};

// A policy that is computed and logged, never served.
struct Shadow {
  std::string id;
  Policy policy;
  double exploration_floor = 0.02;
};

struct Surface {
  std::string id;
  absl::Duration latency_budget = absl::Milliseconds(10);  // L_max
  uint32_t slate_size_max = 1;
  uint32_t candidates_max = 100;
  std::vector<int32_t> campaigns;        // who may be shown here
  std::vector<int32_t> actions;          // their actions, sorted by action id
  int32_t fallback_action = -1;          // editorial action; -1 = the neutral action
  std::optional<double> baseline_value;  // known value of doing nothing (a point mass)
  double baseline_alpha = 1;             // otherwise its Beta prior
  double baseline_beta = 1;
  double model_strength = 100;  // how many observations the model's opinion is worth
  std::string segment_feature;  // user feature whose value is the segment; may be empty
  std::string policy_salt;
  bool exposure_required = false;
  absl::Duration exposure_window = absl::Minutes(10);
  absl::Duration attribution_window = absl::Hours(1);
  std::string reward_kind = "click";
  double detail_share = 1;  // of the records, keep their detail
  LogPressure log_pressure = LogPressure::kDropDetail;
  std::optional<LinearPosterior> linear;  // these two absent: Beta posteriors
  std::optional<ValuePosterior> value;
  std::optional<Pooling> pooling;  // of Beta priors, also of those of sales
  absl::Duration forgetting;       // half-life of what was learned; 0: nothing is forgotten
  Choice choice;
  // Where a request's region is: a feature of the user or a key of the context; both empty:
  // nowhere.
  std::string region_feature;
  std::string region_context_key;
  int32_t region_slot = -1;     // the same among Bundle::rule_fields; -1: nowhere
  std::vector<Region> regions;  // with settings of their own, sorted
  std::shared_ptr<const ActionIndex> filed_actions;  // null: all are eligible, always
  Mode mode = Mode::kLive;
  uint32_t actions_max = std::numeric_limits<uint32_t>::max();  // in cautious mode
  std::optional<Holdout> holdout;
  std::optional<Diversity> diversity;
  std::vector<double> position_effects;  // examination by position; empty: 1
  std::vector<Shadow> shadows;

  // Whether what is earned is learned as counts of successes, which all such surfaces share.
  bool IsCounted() const { return !linear.has_value() && !value.has_value(); }
  // How likely what is shown at `index` (from 0) is looked at.
  double ExaminationAt(size_t index) const {
    return index < position_effects.size() ? position_effects[index] : 1;
  }

  // Of the region if it has settings of its own. Null-free; `region` may be empty.
  const Choice& ChoiceIn(std::string_view region) const;
};

struct FeatureSpec {
  std::string name;
  bool numeric = true;  // otherwise text
};

// The features of one kind of entity.
struct FeatureView {
  std::string name;
  domain::EntityKind entity = domain::EntityKind::kUser;
  absl::Duration max_age = absl::InfiniteDuration();  // freshness bound
  std::vector<FeatureSpec> features;
};

struct ContextKey {
  std::string name;  // exact name, or a prefix if it ends in '*'
  bool numeric = true;
};

// Thread-safe by being immutable. Held by shared_ptr: a request reads it once and carries it.
struct Bundle {
  uint64_t version = 0;  // first 8 bytes of `digest`, big-endian
  std::string digest;    // SHA-256 of the canonical bytes and of the model's files, hex
  Server server;
  Log log;
  uint32_t schema_version = 1;
  std::vector<FeatureView> feature_views;
  std::vector<ContextKey> context_keys;
  std::vector<Campaign> campaigns;  // sorted by id, as constraints and surfaces are
  std::vector<Action> actions;      // sorted by id
  std::vector<Constraint> constraints;
  std::vector<Exclusion> exclusions;
  std::vector<Jurisdiction> jurisdictions;
  std::vector<Parity> parity;  // sorted by id
  RuleFields rule_fields;
  std::vector<Surface> surfaces;
  std::string model_manifest;  // absolute path; empty = no model
  base::StringMap<int32_t> action_index;
  base::StringMap<int32_t> surface_index;
  base::StringMap<int32_t> campaign_index;

  const Surface* FindSurface(std::string_view id) const;
  const FeatureView* FindView(domain::EntityKind entity) const;
};

// What `action` takes from `row` when it is drawn, if that counts it.
int64_t AmountOf(const Action& action, const Constraint& row);

// Fills the actions' `uses` from the rows' `actions`.
void IndexUses(Bundle* bundle);

}  // namespace fulcrum::config
