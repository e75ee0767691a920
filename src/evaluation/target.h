// The policy whose value is asked for, as what it would do at each logged position.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "evaluation/rows.h"

namespace fulcrum::evaluation {

// Immutable once made.
class Target {
 public:
  // What the log did: every weight is 1.
  static Target Logged() { return Target(Kind::kLogged); }
  // Even over what could be drawn; where the log does not say, over all actions of the log.
  static Target Uniform() { return Target(Kind::kUniform); }
  // All on the drawable action with the largest recorded posterior mean (Row::greedy).
  static Target Greedy() { return Target(Kind::kGreedy); }
  // Row::target.
  static Target PerRow() { return Target(Kind::kPerRow); }
  // One distribution per position for all rows: table[position - 1][action]. Actions beyond its
  // end have probability 0; an empty vector is a position that the table does not have.
  static Target Table(std::vector<std::vector<double>> table);

  // A table from CSV, wide (`item_id,pos1,pos2,..`; the first column may also be called `action`)
  // or long (`action,position,probability`). New actions are added to `actions`. INVALID_ARGUMENT
  // with file and line if a probability is not in [0, 1], is given twice, or a position's
  // probabilities are further than 1e-6 from a sum of 1.
  static absl::StatusOr<Target> ReadCsv(base::FileSystem* files, const std::string& path,
                                        ActionTable* actions);
  static absl::StatusOr<Target> ReadCsv(std::unique_ptr<base::ReadFile> file,
                                        const std::string& name, ActionTable* actions);

  const std::vector<std::vector<double>>& table() const { return table_; }

 private:
  friend class TargetOnRows;
  enum class Kind : uint8_t { kLogged, kUniform, kGreedy, kPerRow, kTable };
  explicit Target(Kind kind) : kind_(kind) {}

  Kind kind_;
  std::vector<std::vector<double>> table_;
};

// A target applied to rows; both must outlive it. Thread-safe.
class TargetOnRows {
 public:
  // INVALID_ARGUMENT if the rows do not hold what the target needs: a position that the table does
  // not have, or no posterior means for `greedy`.
  static absl::StatusOr<TargetOnRows> Make(const RowSet& rows, const Target& target);

  // Whether what it does at a row hangs on what else could have been drawn there, or stands in
  // Row::target: then it is undefined at rows that were not kept (Row::kept).
  bool NeedsDetail() const;
  // Of the target's and the log's probability of what was logged.
  double Weight(const Row& row) const;
  // What the square of the weight was to be before the draw: sum of target^2 / log's probability
  // over what could be drawn. Where the log does not say: the square of the weight, which has that
  // mean.
  double SquaredWeight(const Row& row) const;
  // Sum over the target's actions of probability x `value`(action). For `Logged()` where the log's
  // probabilities are unknown: value(row.action), which has the same mean.
  double Mean(const Row& row, absl::FunctionRef<double(uint32_t)> value) const;
  // Share of the target on actions that the log could not draw here, in [0, 1]. Where the log does
  // not say what it could draw: on actions that it never drew anywhere.
  double Unsupported(const Row& row) const;
  // Share of the target on actions that were never logged at the row's position, though elsewhere.
  // 0 where the log says what it could draw.
  double UnseenHere(const Row& row) const;

 private:
  TargetOnRows(const RowSet& rows, const Target& target);
  absl::Status Check() const;
  double Probability(const Row& row, uint32_t action) const;  // the target's
  absl::Span<const double> TableAt(const Row& row) const;

  const RowSet* rows_;
  const Target* target_;
  std::vector<bool> seen_;                  // anywhere, by action
  std::vector<std::vector<bool>> seen_at_;  // by position - 1, then action
  std::vector<uint32_t> every_;             // actions of the log, ascending
  // Of a table's position, where the log does not say what it could draw.
  std::vector<double> table_unsupported_;
  std::vector<double> table_unseen_here_;
};

}  // namespace fulcrum::evaluation
