#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "base/check.h"
#include "base/math.h"
#include "scoring/pooled_prior.h"
#include "scoring/scorer.h"
#include "scoring/value_posterior.h"

namespace fulcrum::scoring {
namespace {

// A model that is certain would make a posterior that no count can move.
constexpr double kScoreMin = 1e-6;
constexpr double kScoreMax = 1 - 1e-6;

// Without a model's opinion: one success and one failure, so that an arm never seen may be
// anything.
constexpr BetaPosterior kUniform = {1, 1};

const Model::Values* ValuesOf(const domain::ReadRow& row) {
  return row.row == nullptr ? nullptr : &row.row->values;
}

std::string SegmentOf(const config::Surface& surface, const Model::Values* user) {
  if (surface.segment_feature.empty() || user == nullptr) return "";
  const auto found = user->find(surface.segment_feature);
  if (found == user->end()) return "";
  const auto* text = std::get_if<std::string>(&found->second);
  return text == nullptr ? "" : *text;
}

BetaPosterior Update(const BetaPosterior& prior, const ArmCounts& counts) {
  return {prior.alpha + counts.successes, prior.beta + counts.Failures()};
}

// `without` is the prior where the model's opinion is worth nothing.
ScoredCandidate FromModel(double score, double strength, const BetaPosterior& without,
                          const ArmCounts& counts) {
  if (!std::isfinite(score)) return {.score = std::numeric_limits<double>::quiet_NaN()};
  const double mu = std::clamp(score, kScoreMin, kScoreMax);
  const BetaPosterior prior =
      strength > 0 ? BetaPosterior{strength * mu, strength * (1 - mu)} : without;
  const BetaPosterior posterior = Update(prior, counts);
  return {.score = mu, .alpha = posterior.alpha, .beta = posterior.beta};
}

ScoredCandidate FromCounts(const BetaPosterior& prior, const ArmCounts& counts) {
  const BetaPosterior posterior = Update(prior, counts);
  return {.score = posterior.alpha / (posterior.alpha + posterior.beta),
          .alpha = posterior.alpha,
          .beta = posterior.beta};
}

// The belief in one arm of a linear surface. An arm of another shape was learned under another
// configuration and says nothing here.
Belief Believe(const config::Surface& surface, const Posteriors& posteriors,
               std::string_view action_id, double score, absl::Span<const double> shared) {
  const Terms x = ArmTerms(surface, score, shared);
  const LinearArm* const arm = posteriors.FindLinear(surface.id, action_id);
  return arm == nullptr || arm->terms() != x.size() ? PriorBelief(surface.linear->prior_sd, x)
                                                    : arm->At(x);
}

// One row per candidate; what they share is looked up once and copied.
std::vector<double> EncodeAll(const config::Bundle& bundle, const Model& model,
                              const domain::DecisionContext& context, const Model::Values* user,
                              absl::Span<const int32_t> actions,
                              absl::Span<const domain::ReadRow> items) {
  const size_t columns = model.columns();
  std::vector<double> inputs(actions.size() * columns);
  for (size_t i = 0; i < actions.size(); ++i) {
    const absl::Span<double> row(inputs.data() + i * columns, columns);
    if (i == 0) {
      model.EncodeRequest(user, context.values, row);
    } else {
      std::copy_n(inputs.begin(), columns, row.begin());
    }
    const config::Action& action = bundle.actions[static_cast<size_t>(actions[i])];
    model.EncodeCandidate(ValuesOf(items[i]), context.values, action.id, row);
  }
  return inputs;
}

void ScoreBeta(const config::Bundle& bundle, const config::Surface& surface, bool has_model,
               const ArmBook& book, absl::Span<const int32_t> actions,
               absl::Span<const double> predictions, Scores* scores) {
  std::optional<PooledPriors> pooled;
  if (surface.pooling && !(has_model && surface.model_strength > 0)) {
    pooled.emplace(bundle, surface, *surface.pooling, book, scores->segment);
  }
  scores->candidates.reserve(actions.size());
  for (size_t i = 0; i < actions.size(); ++i) {
    const config::Action& action = bundle.actions[static_cast<size_t>(actions[i])];
    const ArmCounts counts = book.Find(scores->segment, action.id);
    const BetaPosterior prior = pooled ? pooled->Of(action, counts) : kUniform;
    scores->candidates.push_back(
        has_model ? FromModel(predictions[i], surface.model_strength, prior, counts)
                  : FromCounts(prior, counts));
  }
  const BetaPosterior neutral = Update({surface.baseline_alpha, surface.baseline_beta},
                                       book.Find(scores->segment, kNeutralActionId));
  scores->neutral = {.alpha = neutral.alpha, .beta = neutral.beta};
}

// Beta posteriors of a sale become beliefs in the value.
void ScoreValue(const config::Bundle& bundle, const config::ValuePosterior& value,
                const ArmBook& book, absl::Span<const int32_t> actions, Scores* scores) {
  for (size_t i = 0; i < actions.size(); ++i) {
    ScoredCandidate& one = scores->candidates[i];
    if (std::isnan(one.score)) continue;
    const std::string& action_id = bundle.actions[static_cast<size_t>(actions[i])].id;
    const Belief belief =
        ValueBelief(value, {one.alpha, one.beta}, book.Find(scores->segment, action_id));
    one = {.score = one.score, .mean = belief.mean, .sd = belief.sd};
  }
  const Belief neutral = ValueBelief(value, {scores->neutral.alpha, scores->neutral.beta},
                                     book.Find(scores->segment, kNeutralActionId));
  scores->neutral = {.mean = neutral.mean, .sd = neutral.sd};
}

void ScoreLinear(const config::Bundle& bundle, const config::Surface& surface,
                 const Posteriors& posteriors, bool has_model, absl::Span<const int32_t> actions,
                 absl::Span<const double> predictions, Scores* scores) {
  const double neutral_score = NeutralScore(surface);
  scores->log_odds = surface.linear->log_odds;
  scores->candidates.reserve(actions.size());
  for (size_t i = 0; i < actions.size(); ++i) {
    if (!std::isfinite(predictions[i])) {
      scores->candidates.push_back({.score = std::numeric_limits<double>::quiet_NaN()});
      continue;
    }
    const config::Action& action = bundle.actions[static_cast<size_t>(actions[i])];
    double score = predictions[i];
    if (scores->log_odds)
      score = has_model ? std::clamp(score, kScoreMin, kScoreMax) : neutral_score;
    const Belief belief = Believe(surface, posteriors, action.id, score, scores->basis);
    scores->candidates.push_back({.score = score, .mean = belief.mean, .sd = belief.sd});
  }
  const Belief neutral =
      Believe(surface, posteriors, kNeutralActionId, neutral_score, scores->basis);
  scores->neutral = {.mean = neutral.mean, .sd = neutral.sd};
}

}  // namespace

Terms ArmTerms(const config::Surface& surface, double score, absl::Span<const double> shared) {
  return TermsOf(surface.linear->log_odds ? base::Logit(score) : score, shared);
}

double NeutralScore(const config::Surface& surface) {
  if (!surface.linear->log_odds) return 0;
  const double expected = surface.baseline_alpha / (surface.baseline_alpha + surface.baseline_beta);
  return std::clamp(surface.baseline_value.value_or(expected), kScoreMin, kScoreMax);
}

void ScoreInputs(const config::Bundle& bundle, const config::Surface& surface, const Model* model,
                 const Posteriors& posteriors, absl::Span<const int32_t> actions, Scores* scores) {
  std::vector<double> predictions(actions.size());
  if (model != nullptr) model->Predict(scores->inputs, absl::MakeSpan(predictions));
  if (surface.linear) {
    ScoreLinear(bundle, surface, posteriors, model != nullptr, actions, predictions, scores);
    return;
  }
  static const auto* const kNothing = new ArmBook();
  const ArmBook* book = &posteriors.CountsOf(absl::ToInt64Microseconds(surface.forgetting));
  if (surface.value) {
    book = posteriors.FindValues(surface.id);
    if (book == nullptr) book = kNothing;  // posteriors of another configuration
  }
  ScoreBeta(bundle, surface, model != nullptr, *book, actions, predictions, scores);
  if (surface.value) ScoreValue(bundle, *surface.value, *book, actions, scores);
}

Scores Score(const config::Bundle& bundle, const config::Surface& surface, const Model* model,
             const Posteriors& posteriors, const domain::DecisionContext& context,
             const domain::UserFeatures& user, absl::Span<const int32_t> actions,
             absl::Span<const domain::ReadRow> items) {
  FULCRUM_CHECK(actions.size() == items.size());
  const Model::Values* const user_row = ValuesOf(user.row);
  Scores scores;
  scores.segment = SegmentOf(surface, user_row);
  if (model != nullptr) {
    scores.columns = model->columns();
    scores.inputs = EncodeAll(bundle, *model, context, user_row, actions, items);
  }
  if (surface.linear) scores.basis = SharedTerms(*surface.linear, scores.segment, context.values);
  ScoreInputs(bundle, surface, model, posteriors, actions, &scores);
  return scores;
}

}  // namespace fulcrum::scoring
