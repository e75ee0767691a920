#include "evaluation/terms.h"

namespace fulcrum::evaluation {
namespace {

bool SameDecision(const Row& one, const Row& other) {
  return one.decision != kNoDecision && one.decision == other.decision;
}

// Terms of the rows [first, last), one decision, which have the same detail.
Terms SumOf(const RowSet& rows, absl::Span<const Terms> terms, size_t first, size_t last) {
  Terms sums;
  double product = 1;  // of the w up to the row
  double rewards = 0;
  bool whole = true;
  for (size_t i = first; i < last; ++i) {
    const Row& row = rows.rows[i];
    Add(terms[i], &sums);
    whole &= row.decision == kNoDecision || row.position == i - first + 1;
    product *= terms[i].weight / terms[i].rows;
    rewards += row.reward;
    sums.cascade += product * row.reward;
  }
  const double stands_for = whole ? terms[first].rows : 0;
  sums.slates = stands_for;
  sums.slate_weight = stands_for * product;
  sums.cascade *= stands_for;
  sums.whole = stands_for * product * rewards;
  return sums;
}

}  // namespace

void Add(const Terms& terms, Terms* sums) {
  sums->rows += terms.rows;
  sums->weight += terms.weight;
  sums->weighted_reward += terms.weighted_reward;
  sums->direct += terms.direct;
  sums->robust += terms.robust;
  sums->slates += terms.slates;
  sums->slate_weight += terms.slate_weight;
  sums->cascade += terms.cascade;
  sums->whole += terms.whole;
  sums->stable_weight += terms.stable_weight;
  sums->stable_reward += terms.stable_reward;
}

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

std::vector<Terms> ByDecision(const RowSet& rows, absl::Span<const Terms> terms) {
  std::vector<Terms> decisions;
  for (size_t first = 0; first < terms.size();) {
    size_t last = first + 1;
    while (last < terms.size() && SameDecision(rows.rows[first], rows.rows[last])) ++last;
    // Without detail the others of its decision have none either.
    if (terms[first].rows > 0) decisions.push_back(SumOf(rows, terms, first, last));
    first = last;
  }
  return decisions;
}

bool HasSlates(const RowSet& rows) {
  for (size_t i = 1; i < rows.rows.size(); ++i) {
    if (SameDecision(rows.rows[i - 1], rows.rows[i])) return true;
  }
  return false;
}

}  // namespace fulcrum::evaluation
