#include "evaluation/verdict.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fulcrum::evaluation {
namespace {

class Judgement {
 public:
  explicit Judgement(Evaluation* evaluation) : evaluation_(evaluation) {}

  void Warn(const std::string& code, std::string message) {
    evaluation_->warnings.push_back({code, std::move(message)});
  }
  // The first reason stands in the verdict; all are warnings.
  void Refuse(const std::string& code, const std::string& message) {
    Warn(code, message);
    if (evaluation_->verdict.ok) evaluation_->verdict = {/*ok=*/false, message};
  }

 private:
  Evaluation* const evaluation_;
};

// What the weights of rows, or of slates, are worth.
struct Weighed {
  const char* what;  // "rows"
  std::string code;  // before "sample_size_too_small", "mean_weight"
  double size;       // effective
  uint64_t count;
  double mean;
  double mean_se;
};

void JudgeSampleSize(const Weighed& weighed, Judgement* judgement) {
  const std::string worth =
      absl::StrFormat("the weighted log is worth %.1f %s of %d (effective sample size)",
                      weighed.size, weighed.what, weighed.count);
  if (!(weighed.size >= kSampleSizeMin)) {
    judgement->Refuse(
        weighed.code + "sample_size_too_small",
        absl::StrFormat("%s, too few for any estimate (at least %.0f); log more %s, or ask for a "
                        "target that is closer to what was logged",
                        worth, kSampleSizeMin, weighed.what));
  } else if (weighed.size < kSampleSizeLow ||
             weighed.size < kSampleShareLow * static_cast<double>(weighed.count)) {
    judgement->Warn(
        weighed.code + "low_sample_size",
        absl::StrFormat("%s, which is below %.0f or %.0f %% of the %s: a few of them with large "
                        "weights decide, and the intervals are too narrow; log more %s or more "
                        "exploration",
                        worth, kSampleSizeLow, 100 * kSampleShareLow, weighed.what, weighed.what));
  }
}

void JudgeMeanWeight(const Weighed& weighed, Judgement* judgement) {
  const double off = std::abs(weighed.mean - 1);
  if (off <= kMeanWeightErrorsMax * weighed.mean_se + kShareTolerance) return;
  judgement->Refuse(
      weighed.code + "mean_weight",
      absl::StrFormat(
          "the mean weight of the %s is %.4f, %s its standard error off 1: the logged propensities "
          "are not the probabilities that the actions were drawn with, or rows are missing "
          "depending on the action; look for a filter after the draw, and at the excluded rows",
          weighed.what, weighed.mean,
          weighed.mean_se > 0 ? absl::StrFormat("%.1f times", off / weighed.mean_se)
                              : "any number of times"));
}

void JudgeSlates(const RowSet& rows, const Evaluation& evaluation, Judgement* judgement) {
  if (!HasSlates(rows)) return;
  if (!evaluation.AsksOfSlates()) {
    if (evaluation.mean_weight_se == 0) return;  // the log's own policy
    judgement->Warn("slates",
                    "the rows are positions of slates, and each is weighed given the positions "
                    "before it as they were logged: the value of choosing one position anew; ask "
                    "for --estimator rips for that of whole slates");
    return;
  }
  const SlateWeights& slates = evaluation.slate_weights;
  if (slates.broken > 0) {
    judgement->Warn("broken_slates",
                    absl::StrFormat("%d of %d slates miss a position before their last one, and "
                                    "rips and slate_ips leave them out; that may not be random",
                                    slates.broken, slates.broken + slates.slates));
  }
  const Weighed weighed = {"slates",      "slate_",    slates.effective_sample_size,
                           slates.slates, slates.mean, slates.mean_se};
  JudgeMeanWeight(weighed, judgement);
  JudgeSampleSize(weighed, judgement);
}

void JudgeSupport(const Evaluation& evaluation, double unseen_share, Judgement* judgement) {
  if (evaluation.unsupported_share > kShareTolerance) {
    judgement->Refuse(
        "no_support",
        absl::StrFormat("%.4g %% of the target is on actions that the log could not draw, and "
                        "nothing is known of what they earn; take them out of the target, or log "
                        "with an exploration floor",
                        100 * evaluation.unsupported_share));
  }
  if (unseen_share > kShareTolerance) {
    judgement->Warn("unseen_at_position",
                    absl::StrFormat("%.4g %% of the target is on actions that were logged, but "
                                    "never at that position; the log does not say whether they "
                                    "could have been",
                                    100 * unseen_share));
  }
}

}  // namespace

void Judge(const RowSet& rows, double unseen_share, Evaluation* evaluation) {
  evaluation->warnings = rows.warnings;
  Judgement judgement(evaluation);
  if (evaluation->rows == 0) {
    judgement.Refuse("no_rows",
                     "there is no row to evaluate on; see what was excluded, and log more");
    return;
  }
  if (rows.withheld > 0 && evaluation->excluded.contains("without_detail")) {
    judgement.Warn("detail_withheld",
                   absl::StrFormat("of %d rows the detail was withheld or never known; they are "
                                   "left out, and that is not random",
                                   rows.withheld));
  }
  if (rows.damaged) {
    judgement.Refuse("damaged_log",
                     "part of the log could not be read, and what it held is not in the estimate; "
                     "`fulcrum log verify` says where");
  }
  JudgeSupport(*evaluation, unseen_share, &judgement);
  const Weighed weighed = {"rows",
                           "",
                           evaluation->effective_sample_size,
                           evaluation->rows,
                           evaluation->mean_weight,
                           evaluation->mean_weight_se};
  JudgeMeanWeight(weighed, &judgement);
  JudgeSampleSize(weighed, &judgement);
  JudgeSlates(rows, *evaluation, &judgement);
  if (evaluation->fallback_share > kFallbackShareMax) {
    judgement.Warn("fallbacks",
                   absl::StrFormat("%.2f %% of the positions were answered without a draw and are "
                                   "left out; that is not random, so the estimate is of the "
                                   "moments when all was well",
                                   100 * evaluation->fallback_share));
  }
}

}  // namespace fulcrum::evaluation
