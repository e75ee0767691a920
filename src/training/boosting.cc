#include "training/boosting.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/math.h"
#include "base/status_macros.h"
#include "training/booster.h"

namespace fulcrum::training {
namespace {

double WeightedMean(absl::Span<const float> values, absl::Span<const float> weights) {
  double sum = 0;
  double total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum += static_cast<double>(weights[i]) * static_cast<double>(values[i]);
    total += static_cast<double>(weights[i]);
  }
  return sum / total;
}

double Sum(absl::Span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value);
  return sum;
}

absl::Status CheckRewards(absl::Span<const float> learned, absl::Span<const float> held_back) {
  const double rewards = Sum(learned);
  const double others = static_cast<double>(learned.size()) - rewards;
  if (rewards < kRewardsMin || others < kRewardsMin) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the %d rows to learn from hold rewards of %g in all: nothing to learn; it takes at least "
        "%g, and as much without. Check that outcomes of the surface's reward kind are reported, "
        "or train when more has been seen",
        learned.size(), rewards, kRewardsMin));
  }
  const double later = Sum(held_back);
  if (!held_back.empty() && !(later > 0 && later < static_cast<double>(held_back.size()))) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the rewards of the %d rows held back are all %g: nothing to stop by. Hold back a larger "
        "share, train on more, or hold back nothing (a validation share of 0)",
        held_back.size(), later == 0 ? 0.0 : 1.0));
  }
  return absl::OkStatus();
}

Booster::Parameters ParametersOf(const TrainingOptions& options, double base_score) {
  return {{"objective", "binary:logistic"},
          {"tree_method", "hist"},
          {"nthread", "1"},
          {"verbosity", "0"},
          {"seed", absl::StrCat(options.seed & 0x7fffffff)},
          {"base_score", absl::StrFormat("%.9g", base_score)},
          {"max_depth", absl::StrCat(options.depth_max)},
          {"eta", absl::StrFormat("%.9g", options.learning_rate)},
          {"min_child_weight", absl::StrFormat("%.9g", options.child_weight_min)}};
}

class Boosting {
 public:
  Boosting(const DataSet& data, size_t learned, absl::Span<const float> weights,
           const TrainingOptions& options, TrainingReport* report)
      : data_(data),
        learned_(learned),
        weights_(weights),
        options_(options),
        report_(report),
        later_labels_(absl::MakeConstSpan(data.labels).subspan(learned)),
        later_weights_(weights.subspan(learned)) {}

  absl::StatusOr<std::string> Run() {
    const absl::Span<const float> labels = absl::MakeConstSpan(data_.labels).first(learned_);
    FULCRUM_RETURN_IF_ERROR(CheckRewards(labels, later_labels_));
    const double mean = WeightedMean(labels, weights_);
    const std::vector<float> constant(later_labels_.size(), static_cast<float>(mean));
    report_->constant_loss = LogLoss(later_labels_, later_weights_, constant);
    FULCRUM_ASSIGN_OR_RETURN(const TrainingMatrix train, Matrix(0, learned_));
    if (later_labels_.empty()) return RunAllRounds(train, mean);
    FULCRUM_ASSIGN_OR_RETURN(const TrainingMatrix later, Matrix(learned_, data_.rows()));
    const DMatrixHandle cached[] = {train.handle(), later.handle()};
    FULCRUM_ASSIGN_OR_RETURN(Booster booster,
                             Booster::Create(cached, ParametersOf(options_, mean)));
    FULCRUM_RETURN_IF_ERROR(RunUntilNoBetter(train, later, &booster));
    FULCRUM_ASSIGN_OR_RETURN(Booster best, booster.FirstRounds(static_cast<int>(report_->rounds)));
    return best.ToJson();
  }

 private:
  absl::StatusOr<TrainingMatrix> Matrix(size_t begin, size_t end) const {
    const size_t columns = data_.columns.size();
    return TrainingMatrix::Create(
        absl::MakeConstSpan(data_.values).subspan(begin * columns, (end - begin) * columns),
        columns, absl::MakeConstSpan(data_.labels).subspan(begin, end - begin),
        weights_.subspan(begin, end - begin));
  }

  absl::StatusOr<std::string> RunAllRounds(const TrainingMatrix& train, double mean) {
    const DMatrixHandle cached[] = {train.handle()};
    FULCRUM_ASSIGN_OR_RETURN(Booster booster,
                             Booster::Create(cached, ParametersOf(options_, mean)));
    for (uint32_t round = 0; round < options_.rounds_max; ++round) {
      FULCRUM_RETURN_IF_ERROR(booster.AddRound(static_cast<int>(round), train));
    }
    report_->rounds = options_.rounds_max;
    report_->rounds_tried = options_.rounds_max;
    report_->validation_loss = std::numeric_limits<double>::quiet_NaN();
    return booster.ToJson();
  }

  absl::Status RunUntilNoBetter(const TrainingMatrix& train, const TrainingMatrix& later,
                                Booster* booster) {
    report_->validation_loss = std::numeric_limits<double>::infinity();
    for (uint32_t round = 0; round < options_.rounds_max; ++round) {
      FULCRUM_RETURN_IF_ERROR(booster->AddRound(static_cast<int>(round), train));
      FULCRUM_ASSIGN_OR_RETURN(const std::vector<float> predictions, booster->Predict(later));
      const double loss = LogLoss(later_labels_, later_weights_, predictions);
      report_->curve.push_back(loss);
      report_->rounds_tried = round + 1;
      if (loss < report_->validation_loss) {
        report_->validation_loss = loss;
        report_->rounds = round + 1;
      } else if (round + 1 - report_->rounds >= options_.rounds_patience) {
        break;
      }
    }
    return absl::OkStatus();
  }

  const DataSet& data_;
  const size_t learned_;
  const absl::Span<const float> weights_;
  const TrainingOptions& options_;
  TrainingReport* const report_;
  const absl::Span<const float> later_labels_;  // of the rows held back
  const absl::Span<const float> later_weights_;
};

}  // namespace

double LogLoss(absl::Span<const float> labels, absl::Span<const float> weights,
               absl::Span<const float> predictions) {
  constexpr double kSmallest = 1e-12;
  double sum = 0;
  double total = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(static_cast<double>(predictions[i]), kSmallest, 1 - kSmallest);
    const auto label = static_cast<double>(labels[i]);
    const auto weight = static_cast<double>(weights[i]);
    sum -= weight * (label * base::Log(p) + (1 - label) * base::Log(1 - p));
    total += weight;
  }
  return sum / total;
}

absl::StatusOr<std::string> Boost(const DataSet& data, size_t learned,
                                  absl::Span<const float> weights, const TrainingOptions& options,
                                  TrainingReport* report) {
  return Boosting(data, learned, weights, options, report).Run();
}

}  // namespace fulcrum::training
