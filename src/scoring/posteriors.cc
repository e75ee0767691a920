#include "scoring/posteriors.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "scoring/logistic_site.h"

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

// What the observation adds, or if `before` was observed there earlier, what makes that of it.
Site SiteOf(const LinearSpec& spec, const LinearArm& arm, const Observation& observation,
            const double* before, double age) {
  const double seen = observation.examination;
  if (!spec.log_odds) {  // the expected reward is `seen` theta' x
    if (before != nullptr) return {0, seen * (observation.reward - *before)};
    return {seen * seen, seen * observation.reward};
  }
  const Belief belief = arm.At(observation.basis);
  const double success = AsSuccess(observation.reward);
  if (before != nullptr) return LogisticChange(belief, AsSuccess(*before), success, seen, age);
  return LogisticSite(belief, success, seen);
}

// P of x alone is I / prior^2 + x x' / noise^2: its condition is 1 + |x|^2 prior^2 / noise^2. By x
// only, so that corrections are judged as their observation was.
bool CanLearnFrom(const LinearSpec& spec, absl::Span<const double> x) {
  if (x.size() != spec.terms) return false;
  double squares = 0;
  for (const double term : x) squares += term * term;
  if (spec.log_odds) return spec.prior_sd * std::sqrt(squares) <= kLogitSdMax;
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
    if (!posteriors.counts_[0].Add(segment, action_id, counts)) {
      return csv->Problem("segment and action id are there twice");
    }
  }
}

void Posteriors::Set(std::string_view segment, std::string_view action_id, ArmCounts counts) {
  counts_[0].Set(segment, action_id, counts);
}

const ArmBook& Posteriors::CountsOf(int64_t half_life_us) const {
  const auto found = counts_.find(half_life_us);
  return found == counts_.end() ? counts_.find(0)->second : found->second;
}

void Posteriors::SetSurfaces(const config::Bundle& bundle, bool has_model) {
  base::StringMap<CopyOnWrite<LinearSurface>> kept;
  base::StringMap<Values> values;
  for (const config::Surface& surface : bundle.surfaces) {
    const int64_t half_life_us = absl::ToInt64Microseconds(surface.forgetting);
    if (surface.linear) {
      SetLinear(surface.id, SpecOf(*surface.linear, has_model), half_life_us);
      kept[surface.id] = linear_[surface.id];
    } else if (surface.value) {
      SetValue(surface.id, surface.value->cap, half_life_us);
      values[surface.id] = values_[surface.id];
    } else if (const auto [book, fresh] = counts_.try_emplace(half_life_us, Decay(half_life_us));
               fresh) {
      book->second.StartFrom(counts_[0]);
    }
  }
  linear_ = std::move(kept);
  values_ = std::move(values);
}

void Posteriors::SetValue(std::string_view surface, double cap, int64_t half_life_us) {
  FULCRUM_CHECK(cap > 0 && cap <= kRewardMax);
  Values& values = values_[surface];
  if (values.cap == cap && values.book.decay().half_life_us() == half_life_us) return;
  values = {cap, ArmBook(Decay(half_life_us))};
}

const ArmBook* Posteriors::FindValues(std::string_view surface) const {
  const auto found = values_.find(surface);
  return found == values_.end() ? nullptr : &found->second.book;
}

bool Posteriors::IsCounted(std::string_view surface) const {
  return FindSpec(surface) == nullptr && FindValues(surface) == nullptr;
}

void Posteriors::SetLinear(std::string_view surface, const LinearSpec& spec, int64_t half_life_us) {
  FULCRUM_CHECK(spec.terms >= 2 && spec.terms <= kTermsMax && spec.noise_sd > 0 &&
                spec.prior_sd > 0);
  const auto [entry, fresh] = linear_.try_emplace(surface);
  const bool same_decay = !fresh && entry->second->decay.half_life_us() == half_life_us;
  if (same_decay && entry->second->spec == spec) return;
  LinearSurface* const to = entry->second.Write();
  const bool refits =
      same_decay && to->spec.terms == spec.terms && !to->spec.log_odds && !spec.log_odds;
  if (!refits) to->arms.clear();
  if (!same_decay) to->decay = Decay(half_life_us);
  to->spec = spec;
  const LinearSpec now = Discounted(spec, to->decay.Discount());
  for (auto& [action_id, arm] : to->arms) {
    auto fitted = std::make_shared<LinearArm>(now, arm->sums(), nullptr);
    if (!fitted->has_factor()) {  // the prior always has one
      ++ill_conditioned_;
      const LinearSums nothing = LinearSums::Zero(spec.terms);
      fitted = std::make_shared<LinearArm>(now, arm->sums(), &nothing);
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
  if (FindSpec(observation.surface) != nullptr) return AddLinear(observation, nullptr);
  const auto& [surface, segment, action_id, basis, reward, time, examination] = observation;
  if (const auto values = values_.find(surface); values != values_.end()) {
    ArmCounts trial = Capped(values->second, reward);
    trial.trials = examination;
    return values->second.book.Observe(segment, action_id, time, trial);
  }
  for (auto& [half_life, book] : counts_) {
    book.Observe(segment, action_id, time, {examination, AsSuccess(reward)});
  }
}

void Posteriors::Correct(const Observation& now, double before) {
  if (!IsReward(now.reward) || !IsReward(before)) {
    ++ignored_;
    return;
  }
  if (FindSpec(now.surface) != nullptr) return AddLinear(now, &before);
  const auto& [surface, segment, action_id, basis, reward, time, examination] = now;
  bool known = true;
  if (const auto values = values_.find(surface); values != values_.end()) {
    const ArmCounts trial = Capped(values->second, reward);
    const double limit = values->second.cap;
    const ArmCounts earlier = ValueOf(std::clamp(before, -limit, limit));
    known = values->second.book.Correct(segment, action_id, time, earlier, trial);
  } else {
    for (auto& [half_life, book] : counts_) {
      known &= book.Correct(segment, action_id, time, {examination, AsSuccess(before)},
                            {examination, AsSuccess(reward)});
    }
  }
  if (!known) ++ignored_;
}

ArmCounts Posteriors::Capped(const Values& values, double reward) {
  capped_ += std::abs(reward) > values.cap ? 1 : 0;
  return ValueOf(std::clamp(reward, -values.cap, values.cap));
}

bool Posteriors::AdvanceTo(int64_t now_us, bool counts_too) {
  bool changed = false;
  for (auto& [half_life, book] : counts_) changed |= counts_too && book.AdvanceTo(now_us);
  for (auto& [id, values] : values_) changed |= values.book.AdvanceTo(now_us);
  for (auto& [id, surface] : linear_) {
    Decay decay = surface->decay;
    const Decay::Move move = decay.AdvanceTo(now_us);
    if (decay == surface->decay) continue;
    LinearSurface* const to = surface.Write();
    to->decay = decay;
    if (!move.stepped) continue;
    const LinearSpec spec = Discounted(to->spec, decay.Discount());
    for (auto& [action_id, arm] : to->arms) {
      arm = std::make_shared<LinearArm>(arm->Aged(spec, move.halvings));
    }
    changed |= !to->arms.empty();
  }
  return changed;
}

void Posteriors::AddLinear(const Observation& observation, const double* before) {
  CopyOnWrite<LinearSurface>& shared = linear_.find(observation.surface)->second;
  const LinearArm* const known = FindLinear(observation.surface, observation.action_id);
  if (!CanLearnFrom(shared->spec, observation.basis) || (before != nullptr && known == nullptr)) {
    ++ignored_;
    return;
  }
  LinearSurface* const surface = shared.Write();
  const LinearSpec spec = Discounted(surface->spec, surface->decay.Discount());
  const double age = surface->decay.Weight(observation.occurred_us);
  auto next =
      known == nullptr ? std::make_shared<LinearArm>(spec) : std::make_shared<LinearArm>(*known);
  const Site site = SiteOf(spec, *next, observation, before, age);
  if (!next->Add(spec, observation.basis, age * site.weight, age * site.reward)) {
    ++ill_conditioned_;
  }
  surface->arms[observation.action_id] = std::move(next);
}

}  // namespace fulcrum::scoring
