#include "masking/input_mask.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "config/masking_fields.h"

namespace fulcrum::masking {
namespace {

using config::ColumnSource;

// The values that a column is made of, as rules call them.
std::string FieldOf(const config::ManifestColumn& column) {
  switch (column.source) {
    case ColumnSource::kUser:
      return absl::StrCat("user.", column.key);
    case ColumnSource::kItem:
      return absl::StrCat("item.", column.key);
    case ColumnSource::kContext:
      return absl::StrCat("context.", column.key);
    case ColumnSource::kCandidate:  // a key per candidate
      return absl::StrCat("context.", column.key, ".*");
  }
  return "";
}

const config::MaskingRule* RuleOf(const std::vector<config::MaskingRule>& rules,
                                  const std::string& field) {
  for (const config::MaskingRule& rule : rules) {
    for (const std::string& name : rule.fields) {
      if (config::NamesOverlap(name, field)) return &rule;
    }
  }
  return nullptr;
}

// Numbers of so many steps are left alone: they are not told apart by less than a step or so, and
// rounding them again could change them.
constexpr double kStepsMax = 0x1p50;

double Instead(double value, double step) {
  if (step == 0) return std::numeric_limits<double>::quiet_NaN();
  const double steps = value / step;
  return std::abs(steps) < kStepsMax ? std::nearbyint(steps) * step : value;
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

}  // namespace

InputMask::InputMask(const std::vector<config::MaskingRule>& rules,
                     const config::ModelManifest* manifest) {
  if (manifest == nullptr) return;
  model_ = manifest->version;
  model_columns_ = manifest->columns.size();
  for (size_t i = 0; i < model_columns_; ++i) {
    const config::MaskingRule* const rule = RuleOf(rules, FieldOf(manifest->columns[i]));
    if (rule == nullptr) continue;
    const bool rounds = rule->action == config::MaskingAction::kRound;
    columns_.push_back({static_cast<uint32_t>(i), static_cast<size_t>(rule - rules.data()),
                        rounds ? rule->step : 0});
  }
}

bool InputMask::Fits(const FeatureSnapshot& snapshot) const {
  return snapshot.model == model_ && snapshot.columns == model_columns_ &&
         snapshot.values.size() % model_columns_ == 0;
}

void InputMask::Apply(FeatureSnapshot* snapshot, Masked* masked) const {
  if (columns_.empty()) return;
  if (!Fits(*snapshot)) {
    masked->failed = columns_.front().rule;
    return;
  }
  for (const Column& one : columns_) {
    bool changed = false;
    for (size_t at = one.column; at < snapshot->values.size(); at += model_columns_) {
      double& value = snapshot->values[at];
      const double instead = Instead(value, one.step);
      changed = changed || !SameBits(value, instead);
      value = instead;
    }
    if (!changed) continue;
    snapshot->masked_columns.push_back(one.column);
    masked->changed.push_back(one.rule);
  }
}

}  // namespace fulcrum::masking
