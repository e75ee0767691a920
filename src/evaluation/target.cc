#include "evaluation/target.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fulcrum::evaluation {
namespace {

double At(absl::Span<const double> probabilities, uint32_t action) {
  return action < probabilities.size() ? probabilities[action] : 0;
}

}  // namespace

Target Target::Table(std::vector<std::vector<double>> table) {
  Target target(Kind::kTable);
  target.table_ = std::move(table);
  return target;
}

absl::StatusOr<TargetOnRows> TargetOnRows::Make(const RowSet& rows, const Target& target) {
  TargetOnRows on_rows(rows, target);
  const absl::Status status = on_rows.Check();
  if (!status.ok()) return status;
  return on_rows;
}

TargetOnRows::TargetOnRows(const RowSet& rows, const Target& target)
    : rows_(&rows), target_(&target), seen_(rows.actions.size()) {
  for (const Row& row : rows.rows) {
    seen_[row.action] = true;
    if (row.position > seen_at_.size()) seen_at_.resize(row.position);
    std::vector<bool>& seen_here = seen_at_[row.position - 1];
    seen_here.resize(seen_.size());
    seen_here[row.action] = true;
  }
  for (uint32_t action = 0; action < seen_.size(); ++action) {
    if (seen_[action]) every_.push_back(action);
  }
  for (size_t i = 0; i < target.table_.size(); ++i) {
    double unsupported = 0;
    double unseen_here = 0;
    for (size_t action = 0; action < target.table_[i].size(); ++action) {
      const bool anywhere = action < seen_.size() && seen_[action];
      const bool here =
          anywhere && i < seen_at_.size() && !seen_at_[i].empty() && seen_at_[i][action];
      if (!anywhere) unsupported += target.table_[i][action];
      if (anywhere && !here) unseen_here += target.table_[i][action];
    }
    table_unsupported_.push_back(unsupported);
    table_unseen_here_.push_back(unseen_here);
  }
}

absl::Status TargetOnRows::Check() const {
  for (size_t i = 0; i < rows_->rows.size(); ++i) {
    const Row& row = rows_->rows[i];
    if (row.kept == 0 && NeedsDetail()) continue;
    if (target_->kind_ == Target::Kind::kGreedy && row.greedy == kNoAction) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i + 1,
                       ": the target greedy needs the posterior means that only a decision log "
                       "holds; use --format fulcrum, or give the target as a file"));
    }
    if (target_->kind_ == Target::Kind::kPerRow && row.target == kNoDistribution) {
      return absl::InvalidArgumentError(
          absl::StrCat("row ", i + 1, ": it does not say what the target does"));
    }
    if (target_->kind_ == Target::Kind::kTable && TableAt(row).empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "row ", i + 1, " is of position ", row.position,
          ", for which the target has no probabilities; add that position to the target's file"));
    }
  }
  return absl::OkStatus();
}

absl::Span<const double> TargetOnRows::TableAt(const Row& row) const {
  if (row.position > target_->table_.size()) return {};
  return target_->table_[row.position - 1];
}

bool TargetOnRows::NeedsDetail() const {
  switch (target_->kind_) {
    case Target::Kind::kLogged:
    case Target::Kind::kTable:
      return false;
    case Target::Kind::kUniform:
    case Target::Kind::kGreedy:
    case Target::Kind::kPerRow:
      return true;
  }
  return true;
}

double TargetOnRows::Probability(const Row& row, uint32_t action) const {
  switch (target_->kind_) {
    case Target::Kind::kLogged:
      return rows_->distributions.Get(row.logged).Probability(action);
    case Target::Kind::kUniform: {
      const size_t count = row.logged == kNoDistribution
                               ? every_.size()
                               : rows_->distributions.Get(row.logged).actions.size();
      return 1 / static_cast<double>(count);
    }
    case Target::Kind::kGreedy:
      return action == row.greedy ? 1 : 0;
    case Target::Kind::kPerRow:
      return rows_->distributions.Get(row.target).Probability(action);
    case Target::Kind::kTable:
      return At(TableAt(row), action);
  }
  return 0;
}

double TargetOnRows::Weight(const Row& row) const {
  if (target_->kind_ == Target::Kind::kLogged) return 1;
  return Probability(row, row.action) / row.propensity;
}

double TargetOnRows::SquaredWeight(const Row& row) const {
  const Distribution logged =
      row.logged == kNoDistribution ? Distribution() : rows_->distributions.Get(row.logged);
  if (target_->kind_ == Target::Kind::kLogged || logged.probabilities.empty()) {
    return Weight(row) * Weight(row);
  }
  double sum = 0;
  for (size_t i = 0; i < logged.actions.size(); ++i) {
    const double probability = Probability(row, logged.actions[i]);
    sum += probability * probability / logged.probabilities[i];
  }
  return sum;
}

double TargetOnRows::Mean(const Row& row, absl::FunctionRef<double(uint32_t)> value) const {
  const auto mean_over = [&value](const Distribution& distribution) {
    double sum = 0;
    for (size_t i = 0; i < distribution.actions.size(); ++i) {
      sum += distribution.probabilities[i] * value(distribution.actions[i]);
    }
    return sum;
  };
  const Distribution logged =
      row.logged == kNoDistribution ? Distribution() : rows_->distributions.Get(row.logged);
  switch (target_->kind_) {
    case Target::Kind::kLogged:
      return logged.probabilities.empty() ? value(row.action) : mean_over(logged);
    case Target::Kind::kUniform: {
      const absl::Span<const uint32_t> actions =
          row.logged == kNoDistribution ? absl::MakeConstSpan(every_) : logged.actions;
      double sum = 0;
      for (const uint32_t action : actions) sum += value(action);
      return sum / static_cast<double>(actions.size());
    }
    case Target::Kind::kGreedy:
      return value(row.greedy);
    case Target::Kind::kPerRow:
      return mean_over(rows_->distributions.Get(row.target));
    case Target::Kind::kTable: {
      const absl::Span<const double> probabilities = TableAt(row);
      double sum = 0;
      for (size_t action = 0; action < probabilities.size(); ++action) {
        if (probabilities[action] == 0) continue;
        sum += probabilities[action] * value(static_cast<uint32_t>(action));
      }
      return sum;
    }
  }
  return 0;
}

double TargetOnRows::Unsupported(const Row& row) const {
  const bool table = target_->kind_ == Target::Kind::kTable;
  if (!table && target_->kind_ != Target::Kind::kPerRow) return 0;
  if (table && row.logged == kNoDistribution) return table_unsupported_[row.position - 1];
  double unsupported = 0;
  const auto add = [&](uint32_t action, double probability) {
    if (probability == 0) return;
    const bool drawable = row.logged == kNoDistribution
                              ? seen_[action]
                              : rows_->distributions.Get(row.logged).Has(action);
    if (!drawable) unsupported += probability;
  };
  if (table) {
    const absl::Span<const double> probabilities = TableAt(row);
    for (size_t action = 0; action < probabilities.size(); ++action) {
      add(static_cast<uint32_t>(action), probabilities[action]);
    }
    return unsupported;
  }
  const Distribution distribution = rows_->distributions.Get(row.target);
  for (size_t i = 0; i < distribution.actions.size(); ++i) {
    add(distribution.actions[i], distribution.probabilities[i]);
  }
  return unsupported;
}

double TargetOnRows::UnseenHere(const Row& row) const {
  if (row.logged != kNoDistribution) return 0;
  if (target_->kind_ == Target::Kind::kTable) return table_unseen_here_[row.position - 1];
  if (target_->kind_ != Target::Kind::kUniform) return 0;
  const std::vector<bool>& seen_here = seen_at_[row.position - 1];
  const auto unseen = std::count_if(every_.begin(), every_.end(),
                                    [&](uint32_t action) { return !seen_here[action]; });
  return static_cast<double>(unseen) / static_cast<double>(every_.size());
}

}  // namespace fulcrum::evaluation
