#include "evaluation/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "evaluation/verdict.h"

namespace fulcrum::evaluation {
namespace {

absl::Status CheckOptions(const EvaluateOptions& options) {
  if (options.estimators.empty()) {
    return absl::InvalidArgumentError("no estimator was asked for; name at least one");
  }
  if (options.resamples < 0) return absl::InvalidArgumentError("resamples is below 0");
  if (!(options.level > 0 && options.level < 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the level of an interval is between 0 and 1, such as 0.95; it is ", options.level));
  }
  return absl::OkStatus();
}

// A row whose detail was kept stands for 1 / Row::kept rows: itself, and those that were as likely
// and were not kept. Rows without detail have no terms where the target needs it.
std::vector<Terms> TermsOf(const RowSet& rows, const TargetOnRows& target,
                           const RewardModel& model) {
  const bool needs_detail = target.NeedsDetail();
  std::vector<Terms> terms(rows.rows.size());
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const Row& row = rows.rows[i];
    if (needs_detail && row.kept == 0) continue;
    const double weight = target.Weight(row);
    const double direct =
        target.Mean(row, [&](uint32_t action) { return model.Predict(i, action); });
    const double robust = direct + weight * (row.reward - model.Predict(i, row.action));
    Terms& one = terms[i];
    one.rows = needs_detail ? 1 / row.kept : 1;
    one.weight = one.rows * weight;
    one.weighted_reward = one.weight * row.reward;
    one.direct = one.rows * direct;
    one.robust = one.rows * robust;
  }
  return terms;
}

// The rows of each decision as one.
std::vector<Terms> ByDecision(const RowSet& rows, const std::vector<Terms>& terms) {
  std::vector<Terms> decisions;
  for (size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].rows == 0) continue;  // and so are the others of its decision
    const uint32_t decision = rows.rows[i].decision;
    const bool goes_on = i > 0 && decision != kNoDecision && decision == rows.rows[i - 1].decision;
    if (!goes_on) decisions.emplace_back();
    Add(terms[i], &decisions.back());
  }
  return decisions;
}

// Standard error of the mean per row of `value`(terms), terms being independent. With one row each
// it is the standard deviation, n - 1 below the variance, over the root of n.
template <typename Value>
double ErrorOfMean(absl::Span<const Terms> terms, const Value& value) {
  const auto count = static_cast<double>(terms.size());
  double sum = 0;
  double rows = 0;
  for (const Terms& one : terms) {
    sum += value(one);
    rows += one.rows;
  }
  double squares = 0;
  for (const Terms& one : terms) {
    const double off = value(one) - sum / rows * one.rows;
    squares += off * off;
  }
  return std::sqrt(squares * count / (count - 1)) / rows;  // NaN for one of them
}

// Of sum(w r) / sum(w), linearised at its value.
double ErrorOfRatio(absl::Span<const Terms> terms, double ratio) {
  double squares = 0;
  double weights = 0;
  for (const Terms& one : terms) {
    const double off = one.weighted_reward - ratio * one.weight;
    squares += off * off;
    weights += one.weight;
  }
  return std::sqrt(squares) / weights;
}

double StandardError(absl::Span<const Terms> terms, Estimator estimator, double value) {
  switch (estimator) {
    case Estimator::kIps:
      return ErrorOfMean(terms, [](const Terms& one) { return one.weighted_reward; });
    case Estimator::kSnips:
      return ErrorOfRatio(terms, value);
    case Estimator::kDm:
      return ErrorOfMean(terms, [](const Terms& one) { return one.direct; });
    case Estimator::kDr:
      return ErrorOfMean(terms, [](const Terms& one) { return one.robust; });
  }
  return 0;
}

void DescribeWeights(absl::Span<const Terms> terms, absl::Span<const Terms> decisions,
                     Evaluation* evaluation) {
  double rows = 0;
  double sum = 0;
  double squares = 0;
  for (const Terms& one : terms) {
    evaluation->rows += one.rows > 0 ? 1 : 0;
    rows += one.rows;
    sum += one.weight;
    squares += one.weight * one.weight;
    evaluation->max_weight = std::max(evaluation->max_weight, one.weight);
  }
  evaluation->mean_weight = sum / rows;
  evaluation->mean_weight_se = ErrorOfMean(decisions, [](const Terms& one) { return one.weight; });
  evaluation->effective_sample_size = squares == 0 ? 0 : sum * sum / squares;
}

void DescribeRows(const RowSet& rows, Evaluation* evaluation) {
  evaluation->excluded = rows.excluded;
  if (evaluation->rows < rows.rows.size()) {
    evaluation->excluded["without_detail"] += rows.rows.size() - evaluation->rows;
  }
  double sum = 0;
  for (const Row& row : rows.rows) sum += row.reward;
  evaluation->mean_reward = sum / static_cast<double>(rows.rows.size());
  if (rows.positions != 0) {
    evaluation->fallback_share =
        static_cast<double>(rows.fallbacks) / static_cast<double>(rows.positions);
  }
}

// Mean over the rows whose detail was kept, standing for all. Over all as they are if there is none
// and the target makes do without.
template <typename Share>
double MeanShare(const RowSet& rows, bool needs_detail, const Share& share) {
  const bool by_detail = needs_detail || std::any_of(rows.rows.begin(), rows.rows.end(),
                                                     [](const Row& row) { return row.kept > 0; });
  double sum = 0;
  double count = 0;
  for (const Row& row : rows.rows) {
    if (by_detail && row.kept == 0) continue;
    const double stands_for = by_detail ? 1 / row.kept : 1;
    sum += stands_for * share(row);
    count += stands_for;
  }
  return count == 0 ? 0 : sum / count;
}

}  // namespace

const Estimate* Evaluation::Find(Estimator estimator) const {
  const auto found = std::find_if(estimates.begin(), estimates.end(),
                                  [&](const Estimate& one) { return one.estimator == estimator; });
  return found == estimates.end() ? nullptr : &*found;
}

absl::StatusOr<Evaluation> Evaluate(const RowSet& rows, const Target& target,
                                    const EvaluateOptions& options) {
  FULCRUM_RETURN_IF_ERROR(CheckOptions(options));
  FULCRUM_ASSIGN_OR_RETURN(const TargetOnRows on_rows, TargetOnRows::Make(rows, target));
  const ShrunkRewards shrunk(rows);
  const RewardModel& model = options.reward_model == nullptr ? shrunk : *options.reward_model;
  const std::vector<Terms> terms = TermsOf(rows, on_rows, model);

  Evaluation evaluation;
  const std::vector<Terms> decisions = ByDecision(rows, terms);
  DescribeWeights(terms, decisions, &evaluation);
  DescribeRows(rows, &evaluation);
  const bool needs_detail = on_rows.NeedsDetail();
  evaluation.unsupported_share =
      MeanShare(rows, needs_detail, [&](const Row& row) { return on_rows.Unsupported(row); });
  const Values values = EstimateAll(decisions);
  const std::vector<Values> resampled =
      Resample(decisions, options.seed, options.resamples, options.threads);
  for (const Estimator estimator : options.estimators) {
    Estimate one;
    one.estimator = estimator;
    one.value = values[static_cast<size_t>(estimator)];
    one.se = StandardError(decisions, estimator, one.value);
    std::tie(one.ci_low, one.ci_high) = PercentileInterval(resampled, estimator, options.level);
    evaluation.estimates.push_back(one);
  }
  Judge(rows,
        MeanShare(rows, needs_detail, [&](const Row& row) { return on_rows.UnseenHere(row); }),
        &evaluation);
  return evaluation;
}

std::string ToText(const Evaluation& evaluation) {
  std::string text =
      absl::StrFormat("%-6s  %12s  %12s  %12s  %12s\n", "", "value", "se", "ci_low", "ci_high");
  for (const Estimate& one : evaluation.estimates) {
    absl::StrAppend(&text, absl::StrFormat("%-6s  %12.6g  %12.6g  %12.6g  %12.6g\n",
                                           kEstimatorNames[static_cast<size_t>(one.estimator)],
                                           one.value, one.se, one.ci_low, one.ci_high));
  }
  if (evaluation.Find(Estimator::kDm) != nullptr) {
    absl::StrAppend(&text,
                    "        (dm: its interval takes the reward model as given and is far too "
                    "narrow)\n");
  }
  absl::StrAppend(
      &text,
      absl::StrFormat("rows %d, mean reward as logged %.6g\n"
                      "effective sample size %.1f, mean weight %.4f (se %.4f), largest %.4g\n",
                      evaluation.rows, evaluation.mean_reward, evaluation.effective_sample_size,
                      evaluation.mean_weight, evaluation.mean_weight_se, evaluation.max_weight));
  for (const auto& [reason, count] : evaluation.excluded) {
    absl::StrAppend(&text, absl::StrFormat("left out: %d %s\n", count, reason));
  }
  for (const Warning& warning : evaluation.warnings) {
    absl::StrAppend(&text, "warning: ", warning.message, "\n");
  }
  absl::StrAppend(&text,
                  evaluation.verdict.ok
                      ? "verdict: ok"
                      : absl::StrCat("verdict: REFUSED: ", evaluation.verdict.reason),
                  "\n");
  return text;
}

}  // namespace fulcrum::evaluation
