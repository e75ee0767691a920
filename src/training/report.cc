#include "training/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace fulcrum::training {

std::string ToText(const TrainingReport& report) {
  std::string text = absl::StrFormat(
      "rows %d (%d held back, the latest), mean reward %.6f\n"
      "weights: 1/propensity, cut at %g times the mean (%.2f%% of the rows), effective sample size "
      "%.0f\n"
      "columns %d, rounds kept %d of %d\n",
      report.rows, report.validation_rows, report.reward_mean, report.weight_cut,
      100 * report.weight_cut_share, report.effective_sample_size, report.columns, report.rounds,
      report.rounds_tried);
  if (report.validation_rows == 0) {
    absl::StrAppend(&text, "not validated: no rows were held back\n");
  } else {
    absl::StrAppendFormat(&text,
                          "log loss on the rows held back (%g of all): %.6f, of the constant "
                          "%.6f\n",
                          report.validation_share, report.validation_loss, report.constant_loss);
    if (report.validation_loss >= report.constant_loss) {
      absl::StrAppend(&text,
                      "warning: no better than the constant: lower the surface's model_strength, "
                      "or serve without this model\n");
    }
  }
  if (report.rows_neutral != 0) {
    absl::StrAppendFormat(&text, "%d rows of the neutral action were only counted\n",
                          report.rows_neutral);
  }
  for (const DroppedCategories& dropped : report.dropped) {
    absl::StrAppendFormat(&text, "feature %s: %d rare texts (%d rows) got no column\n",
                          dropped.feature, dropped.categories, dropped.rows);
  }
  return text;
}

}  // namespace fulcrum::training
