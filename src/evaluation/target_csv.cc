// Target::ReadCsv: both forms become cells (action, position, probability).
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/csv.h"
#include "base/status_macros.h"
#include "evaluation/target.h"

namespace fulcrum::evaluation {
namespace {

using base::CsvReader;

constexpr double kSumTolerance = 1e-6;
// Together with the positions: 80 MB of table, far beyond any real target.
constexpr size_t kCellsMax = 10'000'000;
constexpr char kForms[] =
    "a target's columns are item_id (or action), pos1, pos2, ..; or action, position, probability";

bool ParsePosition(std::string_view text, uint32_t* position) {
  return absl::SimpleAtoi(base::ToAbsl(text), position) && *position >= 1 &&
         *position <= kPositionMax;
}

class TableReader {
 public:
  TableReader(std::unique_ptr<CsvReader> csv, std::string name, ActionTable* actions)
      : csv_(std::move(csv)), name_(std::move(name)), actions_(actions) {}

  absl::StatusOr<std::vector<std::vector<double>>> Read() {
    FULCRUM_RETURN_IF_ERROR(ReadHeader());
    while (true) {
      FULCRUM_ASSIGN_OR_RETURN(const bool more, csv_->Next());
      if (!more) break;
      FULCRUM_RETURN_IF_ERROR(long_form_ ? ReadLongLine() : ReadWideLine());
    }
    FULCRUM_RETURN_IF_ERROR(CheckSums());
    return Table();
  }

 private:
  absl::Status ReadHeader() {
    const std::vector<std::string>& header = csv_->header();
    action_ = csv_->Column("action");
    position_ = csv_->Column("position");
    probability_ = csv_->Column("probability");
    long_form_ = header.size() == 3 && action_ >= 0 && position_ >= 0 && probability_ >= 0;
    if (long_form_) return absl::OkStatus();
    if (header[0] != "item_id" && header[0] != "action") return csv_->Problem(kForms);
    action_ = 0;
    for (size_t i = 1; i < header.size(); ++i) {
      uint32_t position = 0;
      if (!header[i].starts_with("pos") ||
          !ParsePosition(std::string_view(header[i]).substr(3), &position)) {
        return csv_->Problem(absl::StrCat("column \"", header[i], "\": ", kForms));
      }
      column_positions_.push_back(position);
    }
    return column_positions_.empty() ? csv_->Problem(kForms) : absl::OkStatus();
  }

  absl::Status ReadLongLine() {
    uint32_t position = 0;
    const std::string_view text = csv_->fields()[static_cast<size_t>(position_)];
    if (!ParsePosition(text, &position)) {
      return csv_->Problem(absl::StrCat("position \"", base::ToAbsl(text),
                                        "\" is no whole number from 1 to ", kPositionMax));
    }
    FULCRUM_ASSIGN_OR_RETURN(const uint32_t action, ReadAction());
    return ReadCell(action, position, static_cast<size_t>(probability_));
  }

  absl::Status ReadWideLine() {
    FULCRUM_ASSIGN_OR_RETURN(const uint32_t action, ReadAction());
    for (size_t i = 0; i < column_positions_.size(); ++i) {
      FULCRUM_RETURN_IF_ERROR(ReadCell(action, column_positions_[i], i + 1));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> ReadAction() {
    const std::string_view name = csv_->fields()[static_cast<size_t>(action_)];
    if (name.empty()) return csv_->Problem("the action is empty");
    return actions_->Intern(name);
  }

  absl::Status ReadCell(uint32_t action, uint32_t position, size_t field) {
    const std::string_view text = csv_->fields()[field];
    double probability = 0;
    if (!base::ParseFiniteDouble(text, &probability) || probability < 0 ||
        probability > 1 + kSumTolerance) {
      return csv_->Problem(absl::StrCat("probability \"", base::ToAbsl(text), "\" of action ",
                                        actions_->Name(action), " at position ", position,
                                        " is no number from 0 to 1"));
    }
    if (cells_.size() == kCellsMax) {
      return csv_->Problem(absl::StrCat("a target has at most ", kCellsMax, " probabilities"));
    }
    if (!cells_.emplace(std::pair(position, action), probability).second) {
      return csv_->Problem(absl::StrCat("action ", actions_->Name(action), " at position ",
                                        position, " has a probability already; remove one"));
    }
    sums_[position].first += probability;
    sums_[position].second = csv_->line();
    return absl::OkStatus();
  }

  absl::Status CheckSums() const {
    if (sums_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name_, ":1: there is no probability below the header"));
    }
    for (const auto& [position, sum] : sums_) {
      if (std::abs(sum.first - 1) <= kSumTolerance) continue;
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s:%d: the probabilities of position %d, of which this line has the last, sum to %.9g; "
          "they have to sum to 1 within %g",
          name_, sum.second, position, sum.first, kSumTolerance));
    }
    return absl::OkStatus();
  }

  // As long at each position as its last action asks for.
  std::vector<std::vector<double>> Table() const {
    std::vector<std::vector<double>> table(sums_.rbegin()->first);
    for (const auto& [place, probability] : cells_) {
      std::vector<double>& at_position = table[place.first - 1];
      if (at_position.size() <= place.second) at_position.resize(place.second + 1);
      at_position[place.second] = probability;
    }
    return table;
  }

  const std::unique_ptr<CsvReader> csv_;
  const std::string name_;
  ActionTable* const actions_;
  bool long_form_ = false;
  int action_ = -1, position_ = -1, probability_ = -1;  // columns
  std::vector<uint32_t> column_positions_;  // of the wide form's columns from the second
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, double> cells_;  // position, action
  std::map<uint32_t, std::pair<double, uint64_t>> sums_;              // position: sum, last line
};

absl::StatusOr<Target> ReadTable(std::unique_ptr<CsvReader> csv, const std::string& name,
                                 ActionTable* actions) {
  FULCRUM_ASSIGN_OR_RETURN(auto table, TableReader(std::move(csv), name, actions).Read());
  return Target::Table(std::move(table));
}

}  // namespace

absl::StatusOr<Target> Target::ReadCsv(base::FileSystem* files, const std::string& path,
                                       ActionTable* actions) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<CsvReader> csv, CsvReader::Open(files, path));
  return ReadTable(std::move(csv), path, actions);
}

absl::StatusOr<Target> Target::ReadCsv(std::unique_ptr<base::ReadFile> file,
                                       const std::string& name, ActionTable* actions) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<CsvReader> csv, CsvReader::Open(std::move(file), name));
  return ReadTable(std::move(csv), name, actions);
}

}  // namespace fulcrum::evaluation
