#include "learning/outcome_fold.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/fingerprint.h"
#include "base/hash.h"
#include "base/status_macros.h"

namespace fulcrum::learning {
namespace {

constexpr std::string_view kMagic = "FULCFOLD";
constexpr uint32_t kVersion = 2;
constexpr uint32_t kVersionWithoutCharges = 1;
constexpr size_t kHeaderBytes = 8 + 4 + 8 + 8;  // of version 1, the shortest
constexpr size_t kChecksumBytes = 4;

template <typename T>
void Put(std::string* out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

template <typename T>
T Take(std::string_view* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<uint8_t>((*bytes)[i])) << (8 * i);
  }
  bytes->remove_prefix(sizeof(T));
  return value;
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("posterior snapshot: ", base::ToAbsl(what)));
}

// The parts of a fold's bytes.
struct Parts {
  uint64_t origin = 0;
  std::string_view posteriors, join;
  std::optional<std::string_view> charges;  // none in version 1
};

absl::StatusOr<Parts> PartsOf(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kChecksumBytes) {
    return Damaged(absl::StrCat("cut off at ", bytes.size(), " bytes"));
  }
  std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  std::string_view checksum = bytes.substr(body.size());
  if (body.substr(0, kMagic.size()) != kMagic) return Damaged("does not start with its magic");
  if (Take<uint32_t>(&checksum) != base::Crc32c(body)) {
    return Damaged("the checksum does not match");
  }
  body.remove_prefix(kMagic.size());
  const auto version = Take<uint32_t>(&body);
  if (version != kVersion && version != kVersionWithoutCharges) {
    return Damaged(absl::StrCat("version ", version, ", this program reads up to ", kVersion));
  }
  Parts parts;
  parts.origin = Take<uint64_t>(&body);
  const auto posteriors = Take<uint64_t>(&body);
  const bool sized = version == kVersion;
  if (sized && body.size() < sizeof(uint64_t)) return Damaged("does not end where its lengths say");
  const uint64_t join = sized ? Take<uint64_t>(&body) : 0;
  if (posteriors > body.size() || join > body.size() - posteriors) {
    return Damaged("does not end where its lengths say");
  }
  parts.posteriors = body.substr(0, posteriors);
  body.remove_prefix(posteriors);
  parts.join = body.substr(0, sized ? join : body.size());
  if (sized) parts.charges = body.substr(join);
  return parts;
}

// A chain of fingerprints in which every part has an end.
class Origin {
 public:
  void Add(std::string_view text) {
    Add(static_cast<uint64_t>(text.size()));
    hash_ = base::Fingerprint(text, hash_);
  }
  void Add(double number) { Add(std::bit_cast<uint64_t>(number)); }
  void Add(uint64_t number) {
    std::string bytes;
    Put(&bytes, number);
    hash_ = base::Fingerprint(bytes, hash_);
  }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = base::kFingerprintStart;
};

}  // namespace

FoldStart StartOf(const config::Bundle& bundle, scoring::Posteriors counts,
                  const config::ModelManifest* manifest) {
  FoldStart start;
  start.posteriors = std::move(counts);
  const uint64_t model = manifest == nullptr ? 0 : manifest->version;
  start.posteriors.set_model(model);
  start.posteriors.SetSurfaces(bundle, /*has_model=*/manifest != nullptr);
  start.counts_lsn = manifest == nullptr ? 0 : manifest->counts_lsn;
  Origin origin;
  origin.Add(model);
  for (const config::Surface& surface : bundle.surfaces) {
    if (surface.forgetting > absl::ZeroDuration()) {
      origin.Add(surface.id);
      origin.Add(static_cast<uint64_t>(absl::ToInt64Microseconds(surface.forgetting)));
    }
    if (surface.value) {
      origin.Add(surface.id);
      origin.Add(surface.value->cap);
    }
    if (!surface.position_effects.empty()) {
      start.position_effects.emplace(surface.id, surface.position_effects);
      origin.Add(surface.id);
      origin.Add(uint64_t{surface.position_effects.size()});
      for (const double effect : surface.position_effects) origin.Add(effect);
    }
    if (!surface.linear) continue;
    const config::LinearPosterior& linear = *surface.linear;
    origin.Add(surface.id);
    origin.Add(linear.noise_sd);
    origin.Add(linear.prior_sd);
    if (linear.log_odds) origin.Add("log odds");
    origin.Add(uint64_t{linear.segments.size()});
    for (const std::string& segment : linear.segments) origin.Add(segment);
    origin.Add(uint64_t{linear.context_keys.size()});
    for (const std::string& key : linear.context_keys) origin.Add(key);
  }
  start.origin = origin.hash();
  return start;
}

OutcomeFold::OutcomeFold(FoldStart start)
    : posteriors_(std::move(start.posteriors)),
      origin_(start.origin),
      counts_lsn_(start.counts_lsn),
      position_effects_(std::move(start.position_effects)) {
  posteriors_.set_lsn(0);
}

void OutcomeFold::Apply(Lsn lsn, const LogEvent& event) {
  if (const auto* const decision = std::get_if<DecisionRecord>(&event);
      decision != nullptr && lsn > join_.lsn()) {
    const int64_t now_us = std::max(decision->occurred_us, join_.latest_us());
    if (posteriors_.AdvanceTo(now_us, /*counts_too=*/lsn > counts_lsn_)) NoteChange(lsn);
  }
  join_.Apply(lsn, event,
              [this, lsn](const decision_log::RewardChange& change) { Teach(lsn, change); });
  charges_.Apply(lsn, event);
}

void OutcomeFold::Teach(Lsn lsn, const decision_log::RewardChange& change) {
  const decision_log::OpenDecision& decision = *change.decision;
  const bool counted = lsn <= counts_lsn_;
  // Counts hold nothing of what linear posteriors and amounts learn.
  if (counted && posteriors_.IsCounted(decision.surface)) return;
  const decision_log::OpenDecision::Position& position = decision.positions[change.position];
  const scoring::Observation observation = {decision.surface,
                                            decision.segment,
                                            position.action_id,
                                            position.basis,
                                            change.now,
                                            decision.occurred_us,
                                            ExaminationAt(decision.surface, change.position)};
  if (change.settled) {
    posteriors_.Observe(observation);
  } else {
    posteriors_.Correct(observation, change.before);
  }
  NoteChange(lsn);
}

double OutcomeFold::ExaminationAt(std::string_view surface, size_t index) const {
  const auto found = position_effects_.find(surface);
  return found != position_effects_.end() && index < found->second.size() ? found->second[index]
                                                                          : 1;
}

void OutcomeFold::NoteChange(Lsn lsn) {
  posteriors_.set_lsn(lsn);
  ++changes_;
}

std::string OutcomeFold::Serialise() const {
  const std::string posteriors = posteriors_.Serialise();
  const std::string join = join_.Serialise();
  std::string bytes(kMagic);
  Put(&bytes, kVersion);
  Put(&bytes, origin_);
  Put(&bytes, uint64_t{posteriors.size()});
  Put(&bytes, uint64_t{join.size()});
  bytes += posteriors;
  bytes += join;
  bytes += charges_.Serialise();
  Put(&bytes, base::Crc32c(bytes));
  return bytes;
}

absl::StatusOr<OutcomeFold> OutcomeFold::Parse(std::string_view bytes, const FoldStart& start) {
  FULCRUM_ASSIGN_OR_RETURN(const Parts parts, PartsOf(bytes));
  if (parts.origin != start.origin) {
    return absl::FailedPreconditionError(
        "posterior snapshot: it began with another model or other linear posteriors");
  }
  OutcomeFold fold(start);
  FULCRUM_ASSIGN_OR_RETURN(fold.posteriors_, scoring::Posteriors::Parse(parts.posteriors));
  FULCRUM_ASSIGN_OR_RETURN(fold.join_, decision_log::RewardJoin::Parse(parts.join));
  if (parts.charges.has_value()) {
    FULCRUM_ASSIGN_OR_RETURN(fold.charges_, decision_log::Charges::Parse(*parts.charges));
  } else {
    fold.charges_ = decision_log::Charges::After(fold.lsn(), fold.join_.latest_us());
  }
  if (fold.posteriors_.lsn() > fold.lsn() || fold.charges_.lsn() > fold.lsn()) {
    return Damaged("its parts are of different LSNs");
  }
  return fold;
}

absl::StatusOr<decision_log::Charges> OutcomeFold::ParseCharges(std::string_view bytes) {
  FULCRUM_ASSIGN_OR_RETURN(const Parts parts, PartsOf(bytes));
  if (!parts.charges.has_value()) return decision_log::Charges();  // there were none
  return decision_log::Charges::Parse(*parts.charges);
}

}  // namespace fulcrum::learning
