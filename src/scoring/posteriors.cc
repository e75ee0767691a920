#include "scoring/posteriors.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/csv.h"
#include "base/status_macros.h"

namespace fulcrum::scoring {
namespace {

// Largest condition that one observation alone may give to P: what is left up to kConditionMax is
// room for thousands like it.
constexpr double kObservationConditionMax = 1e8;
constexpr double kRewardMax = 1e12;

bool AreCounts(const ArmCounts& counts) {
  return std::isfinite(counts.trials) && counts.successes >= 0 && counts.successes <= counts.trials;
}

absl::Status CheckCountsHeader(const base::CsvReader& csv) {
  if (csv.header() == std::vector<std::string>{"segment", "action_id", "trials", "successes"}) {
    return absl::OkStatus();
  }
  return csv.Problem("the header must be segment,action_id,trials,successes");
}

double AsSuccess(double reward) {
  return std::clamp(reward, 0.0, 1.0);
}

bool IsReward(double reward) {
  return std::abs(reward) <= kRewardMax;  // nor NaN
}

// P of x alone is I / prior^2 + x x' / noise^2: its condition is 1 + |x|^2 prior^2 / noise^2. By x
// only, so that corrections are judged as their observation was.
bool CanLearnFrom(const LinearSpec& spec, absl::Span<const double> x) {
  if (x.size() != spec.terms) return false;
  double squares = 0;
  for (const double term : x) squares += term * term;
  const double ratio = spec.prior_sd / spec.noise_sd;
  return squares * (ratio * ratio) < kObservationConditionMax;  // nor NaN
}

}  // namespace

absl::StatusOr<Posteriors> Posteriors::LoadCounts(base::FileSystem* files,
                                                  const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::CsvReader> csv,
                           base::CsvReader::Open(files, path));
  FULCRUM_RETURN_IF_ERROR(CheckCountsHeader(*csv));
  Posteriors posteriors;
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) return posteriors;
    const std::string_view segment = csv->fields()[0];
    const std::string_view action_id = csv->fields()[1];
    ArmCounts counts;
    if (action_id.empty()) return csv->Problem("the action id is empty");
    if (!base::ParseFiniteDouble(csv->fields()[2], &counts.trials) ||
        !base::ParseFiniteDouble(csv->fields()[3], &counts.successes) || !AreCounts(counts)) {
      return csv->Problem("trials and successes must be numbers, 0 <= successes <= trials");
    }
    if (!posteriors.ArmsOf(segment)->emplace(action_id, counts).second) {
      return csv->Problem("segment and action id are there twice");
    }
  }
}

Posteriors::Arms* Posteriors::ArmsOf(std::string_view segment) {
  return counts_[segment].Write();
}

ArmCounts Posteriors::Find(std::string_view segment, std::string_view action_id) const {
  for (const std::string_view name : {segment, std::string_view()}) {
    const auto arms = counts_.find(name);
    if (arms == counts_.end()) continue;
    const auto found = arms->second->find(action_id);
    if (found != arms->second->end()) return found->second;
  }
  return {};
}

void Posteriors::Set(std::string_view segment, std::string_view action_id, ArmCounts counts) {
  (*ArmsOf(segment))[action_id] = counts;
}

size_t Posteriors::size() const {
  size_t pairs = 0;
  for (const auto& [segment, arms] : counts_) pairs += arms->size();
  return pairs;
}

void Posteriors::SetSurfaces(const config::Bundle& bundle, bool has_model) {
  base::StringMap<CopyOnWrite<LinearSurface>> kept;
  for (const config::Surface& surface : bundle.surfaces) {
    if (!surface.linear) continue;
    SetLinear(surface.id, SpecOf(*surface.linear, has_model));
    kept[surface.id] = linear_[surface.id];
  }
  linear_ = std::move(kept);
}

void Posteriors::SetLinear(std::string_view surface, const LinearSpec& spec) {
  FULCRUM_CHECK(spec.terms >= 2 && spec.terms <= kTermsMax && spec.noise_sd > 0 &&
                spec.prior_sd > 0);
  const auto [entry, fresh] = linear_.try_emplace(surface);
  if (!fresh && entry->second->spec == spec) return;
  LinearSurface* const to = entry->second.Write();
  if (to->spec.terms != spec.terms) to->arms.clear();
  to->spec = spec;
  for (auto& [action_id, arm] : to->arms) {
    auto fitted = std::make_shared<LinearArm>(spec, arm->sums(), nullptr);
    if (!fitted->has_factor()) {  // the prior always has one
      ++ill_conditioned_;
      const LinearSums nothing = LinearSums::Zero(spec.terms);
      fitted = std::make_shared<LinearArm>(spec, arm->sums(), &nothing);
    }
    arm = std::move(fitted);
  }
}

const LinearSpec* Posteriors::FindSpec(std::string_view surface) const {
  const auto found = linear_.find(surface);
  return found == linear_.end() ? nullptr : &found->second->spec;
}

const LinearArm* Posteriors::FindLinear(std::string_view surface,
                                        std::string_view action_id) const {
  const auto found = linear_.find(surface);
  if (found == linear_.end()) return nullptr;
  const auto arm = found->second->arms.find(action_id);
  return arm == found->second->arms.end() ? nullptr : arm->second.get();
}

size_t Posteriors::linear_size() const {
  size_t pairs = 0;
  for (const auto& [id, surface] : linear_) pairs += surface->arms.size();
  return pairs;
}

double Posteriors::Condition() const {
  double worst = 1;
  for (const auto& [id, surface] : linear_) {
    for (const auto& [action_id, arm] : surface->arms) worst = std::max(worst, arm->condition());
  }
  return worst;
}

void Posteriors::Observe(const Observation& observation) {
  if (!IsReward(observation.reward)) {
    ++ignored_;
    return;
  }
  if (const LinearSpec* spec = FindSpec(observation.surface); spec != nullptr) {
    return AddLinear(*spec, observation, 1, observation.reward);
  }
  // The segment first. An arm that is new to it starts from what was known of it over all segments:
  // so that with its first observation the posterior moves on from what Find said before, and does
  // not fall back to the prior.
  const auto add = [&](std::string_view segment) {
    ArmCounts counts = Find(segment, observation.action_id);
    counts.trials += 1;
    counts.successes += AsSuccess(observation.reward);
    Set(segment, observation.action_id, counts);
  };
  if (!observation.segment.empty()) add(observation.segment);
  add("");
}

void Posteriors::Correct(const Observation& now, double before) {
  if (!IsReward(now.reward) || !IsReward(before)) {
    ++ignored_;
    return;
  }
  if (const LinearSpec* spec = FindSpec(now.surface); spec != nullptr) {
    return AddLinear(*spec, now, 0, now.reward - before);
  }
  const double change = AsSuccess(now.reward) - AsSuccess(before);
  const auto correct = [&](std::string_view segment) {
    const auto arms = counts_.find(segment);
    if (arms == counts_.end() || !arms->second->contains(now.action_id)) return false;
    ArmCounts& counts = (*arms->second.Write())[now.action_id];
    // Rounding must not make counts that cannot be.
    counts.successes = std::clamp(counts.successes + change, 0.0, counts.trials);
    return true;
  };
  bool known = correct("");
  if (!now.segment.empty()) known &= correct(now.segment);
  if (!known) ++ignored_;
}

void Posteriors::AddLinear(const LinearSpec& spec, const Observation& observation, double weight,
                           double reward) {
  const bool correction = weight == 0;
  if (!CanLearnFrom(spec, observation.basis) ||
      (correction && FindLinear(observation.surface, observation.action_id) == nullptr)) {
    ++ignored_;
    return;
  }
  LinearSurface* const surface = linear_.find(observation.surface)->second.Write();
  std::shared_ptr<const LinearArm>& arm = surface->arms[observation.action_id];
  auto next = arm == nullptr ? std::make_shared<LinearArm>(surface->spec)
                             : std::make_shared<LinearArm>(*arm);
  if (!next->Add(surface->spec, observation.basis, weight, reward)) ++ill_conditioned_;
  arm = std::move(next);
}

}  // namespace fulcrum::scoring
