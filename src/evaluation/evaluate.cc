#include "evaluation/evaluate.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "evaluation/adaptive.h"
#include "evaluation/bootstrap.h"
#include "evaluation/verdict.h"

namespace fulcrum::evaluation {
namespace {

bool Asks(const EvaluateOptions& options, Estimator estimator) {
  return std::find(options.estimators.begin(), options.estimators.end(), estimator) !=
         options.estimators.end();
}

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

absl::Status CheckSlates(const RowSet& rows, const EvaluateOptions& options) {
  if (!Asks(options, Estimator::kAipw) || !HasSlates(rows)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the estimator aipw is for decisions of one position, and the log has slates: what is left "
      "to "
      "a later position changes as the policy learns; use rips or slate_ips");
}

// Standard error of sum(value) / sum(count), a mean per row or per slate, terms being independent.
// With one row each it is the standard deviation, n - 1 below the variance, over the root of n.
double ErrorOfMean(absl::Span<const Terms> terms, double Terms::*value, double Terms::*count) {
  double sum = 0;
  double counted = 0;
  double among = 0;
  for (const Terms& one : terms) {
    sum += one.*value;
    counted += one.*count;
    among += one.*count > 0 ? 1 : 0;
  }
  double squares = 0;
  for (const Terms& one : terms) {
    const double off = one.*value - sum / counted * one.*count;
    squares += off * off;
  }
  return std::sqrt(squares * among / (among - 1)) / counted;  // NaN for one of them
}

// Of sum(value) / sum(weight), linearised at its value.
double ErrorOfRatio(absl::Span<const Terms> terms, double Terms::*value, double Terms::*weight,
                    double ratio) {
  double squares = 0;
  double weights = 0;
  for (const Terms& one : terms) {
    const double off = one.*value - ratio * one.*weight;
    squares += off * off;
    weights += one.*weight;
  }
  return std::sqrt(squares) / weights;
}

double StandardError(absl::Span<const Terms> terms, Estimator estimator, double value) {
  switch (estimator) {
    case Estimator::kIps:
      return ErrorOfMean(terms, &Terms::weighted_reward, &Terms::rows);
    case Estimator::kSnips:
      return ErrorOfRatio(terms, &Terms::weighted_reward, &Terms::weight, value);
    case Estimator::kDm:
      return ErrorOfMean(terms, &Terms::direct, &Terms::rows);
    case Estimator::kDr:
      return ErrorOfMean(terms, &Terms::robust, &Terms::rows);
    case Estimator::kRips:
      return ErrorOfMean(terms, &Terms::cascade, &Terms::slates);
    case Estimator::kSlateIps:
      return ErrorOfMean(terms, &Terms::whole, &Terms::slates);
    case Estimator::kAipw:
      return ErrorOfRatio(terms, &Terms::stable_reward, &Terms::stable_weight, value);
  }
  return 0;
}

// z with P(|Z| < z) = level for a standard normal Z, by halving; to the last bits.
double NormalWidth(double level) {
  double low = 0;
  double high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < level ? low : high) = middle;
  }
  return low;
}

void AddIntervals(absl::Span<const Terms> decisions, const EvaluateOptions& options,
                  Evaluation* evaluation) {
  const std::vector<Values> resampled =
      Resample(decisions, options.seed, options.resamples, options.threads);
  for (Estimate& one : evaluation->estimates) {
    if (one.estimator == Estimator::kAipw) {
      const double width = NormalWidth(options.level) * one.se;
      one.ci_low = one.value - width;
      one.ci_high = one.value + width;
    } else {
      std::tie(one.ci_low, one.ci_high) =
          PercentileInterval(resampled, one.estimator, options.level);
    }
  }
}

void DescribeSlates(absl::Span<const Terms> decisions, SlateWeights* weights) {
  double slates = 0;
  double sum = 0;
  double squares = 0;
  for (const Terms& one : decisions) {
    (one.slates > 0 ? weights->slates : weights->broken) += 1;
    slates += one.slates;
    sum += one.slate_weight;
    squares += one.slate_weight * one.slate_weight;
    weights->max = std::max(weights->max, one.slate_weight);
  }
  weights->mean = sum / slates;
  weights->mean_se = ErrorOfMean(decisions, &Terms::slate_weight, &Terms::slates);
  weights->effective_sample_size = squares == 0 ? 0 : sum * sum / squares;
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
  evaluation->mean_weight_se = ErrorOfMean(decisions, &Terms::weight, &Terms::rows);
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

bool Evaluation::AsksOfSlates() const {
  return Find(Estimator::kRips) != nullptr || Find(Estimator::kSlateIps) != nullptr;
}

absl::StatusOr<Evaluation> Evaluate(const RowSet& rows, const Target& target,
                                    const EvaluateOptions& options) {
  FULCRUM_RETURN_IF_ERROR(CheckOptions(options));
  FULCRUM_RETURN_IF_ERROR(CheckSlates(rows, options));
  FULCRUM_ASSIGN_OR_RETURN(const TargetOnRows on_rows, TargetOnRows::Make(rows, target));
  const ShrunkRewards shrunk(rows);
  const RewardModel& model = options.reward_model == nullptr ? shrunk : *options.reward_model;
  std::vector<Terms> terms = TermsOf(rows, on_rows, model);
  if (Asks(options, Estimator::kAipw)) AddStableTerms(rows, on_rows, &terms);

  Evaluation evaluation;
  const std::vector<Terms> decisions = ByDecision(rows, terms);
  DescribeSlates(decisions, &evaluation.slate_weights);
  DescribeWeights(terms, decisions, &evaluation);
  DescribeRows(rows, &evaluation);
  const bool needs_detail = on_rows.NeedsDetail();
  evaluation.unsupported_share =
      MeanShare(rows, needs_detail, [&](const Row& row) { return on_rows.Unsupported(row); });
  const Values values = EstimateAll(decisions);
  for (const Estimator estimator : options.estimators) {
    Estimate& one = evaluation.estimates.emplace_back();
    one.estimator = estimator;
    one.value = values[static_cast<size_t>(estimator)];
    one.se = StandardError(decisions, estimator, one.value);
  }
  AddIntervals(decisions, options, &evaluation);
  Judge(rows,
        MeanShare(rows, needs_detail, [&](const Row& row) { return on_rows.UnseenHere(row); }),
        &evaluation);
  return evaluation;
}

std::string ToText(const Evaluation& evaluation) {
  std::string text =
      absl::StrFormat("%-9s  %12s  %12s  %12s  %12s\n", "", "value", "se", "ci_low", "ci_high");
  for (const Estimate& one : evaluation.estimates) {
    absl::StrAppend(&text, absl::StrFormat("%-9s  %12.6g  %12.6g  %12.6g  %12.6g\n",
                                           kEstimatorNames[static_cast<size_t>(one.estimator)],
                                           one.value, one.se, one.ci_low, one.ci_high));
  }
  if (evaluation.Find(Estimator::kDm) != nullptr) {
    absl::StrAppend(&text,
                    "           (dm: its interval takes the reward model as given and is far too "
                    "narrow)\n");
  }
  absl::StrAppend(
      &text,
      absl::StrFormat("rows %d, mean reward as logged %.6g\n"
                      "effective sample size %.1f, mean weight %.4f (se %.4f), largest %.4g\n",
                      evaluation.rows, evaluation.mean_reward, evaluation.effective_sample_size,
                      evaluation.mean_weight, evaluation.mean_weight_se, evaluation.max_weight));
  if (evaluation.AsksOfSlates()) {
    const SlateWeights& slates = evaluation.slate_weights;
    absl::StrAppendFormat(&text,
                          "of %d slates (rips and slate_ips are per slate): effective sample size "
                          "%.1f, mean weight %.4f (se %.4f), largest %.4g\n",
                          slates.slates, slates.effective_sample_size, slates.mean, slates.mean_se,
                          slates.max);
  }
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
