#include "evaluation/jsonl_rows.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::evaluation {
namespace {

using Json = rapidjson::Value;

constexpr size_t kBlockBytes = 1 << 16;
constexpr size_t kLineBytesMax = 1 << 20;
constexpr double kSumTolerance = 1e-6;
constexpr double kSameProbability = 1e-9;

// The lines of a file, one block at a time.
class LineReader {
 public:
  explicit LineReader(const base::ReadFile& file) : file_(file) {}

  // False at the end of the file. RESOURCE_EXHAUSTED for a line that is too long.
  absl::StatusOr<bool> Next(std::string_view* line) {
    while (true) {
      const size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos || at_end_) {
        if (end == std::string::npos && at_ == buffer_.size()) return false;
        const size_t length = std::min(end, buffer_.size()) - at_;
        *line = std::string_view(buffer_).substr(at_, length);
        at_ = std::min(at_ + length + 1, buffer_.size());
        if (line->ends_with('\r')) line->remove_suffix(1);
        return true;
      }
      if (buffer_.size() - at_ > kLineBytesMax) {
        return absl::ResourceExhaustedError("the line is longer than 1 MiB");
      }
      FULCRUM_RETURN_IF_ERROR(Refill());
    }
  }

 private:
  absl::Status Refill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t kept = buffer_.size();
    buffer_.resize(kept + kBlockBytes);
    FULCRUM_ASSIGN_OR_RETURN(const size_t count,
                             file_.Read(offset_, kBlockBytes, buffer_.data() + kept));
    buffer_.resize(kept + count);
    offset_ += count;
    at_end_ = count == 0;
    return absl::OkStatus();
  }

  const base::ReadFile& file_;
  std::string buffer_;
  size_t at_ = 0;  // of the next line in buffer_
  uint64_t offset_ = 0;
  bool at_end_ = false;
};

absl::Status Wrong(const char* member, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(member, ": ", base::ToAbsl(what)));
}

absl::StatusOr<double> NumberOf(const Json& value, const char* member) {
  if (!value.IsNumber()) return Wrong(member, "is no number");
  const double number = value.GetDouble();
  if (!std::isfinite(number)) return Wrong(member, "is not finite");
  return number;
}

// One line to one row.
class RowReader {
 public:
  explicit RowReader(RowSet* rows) : rows_(rows) {}

  absl::Status Read(std::string_view line) {
    rapidjson::Document document;
    // Iterative: the depth of what may be nested in `context` is not bounded by the stack.
    // Not kParseFullPrecisionFlag: on a zero with many digits it asks for the leading zeros of 0.
    document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
        line.data(), line.size());
    if (document.HasParseError()) {
      return absl::InvalidArgumentError(
          absl::StrCat("column ", document.GetErrorOffset() + 1, ": ",
                       rapidjson::GetParseError_En(document.GetParseError())));
    }
    if (!document.IsObject()) return absl::InvalidArgumentError("is no JSON object");
    FULCRUM_RETURN_IF_ERROR(FindMembers(document));
    Row row;
    FULCRUM_ASSIGN_OR_RETURN(row.action, Action(*action_, "action"));
    FULCRUM_ASSIGN_OR_RETURN(row.propensity, NumberOf(*propensity_, "propensity"));
    if (!(row.propensity > 0) || row.propensity > 1) {
      return Wrong("propensity", "is not above 0 and at most 1");
    }
    FULCRUM_ASSIGN_OR_RETURN(row.reward, NumberOf(*reward_, "reward"));
    FULCRUM_RETURN_IF_ERROR(ReadPosition(&row));
    FULCRUM_RETURN_IF_ERROR(ReadDecision(&row));
    FULCRUM_RETURN_IF_ERROR(ReadCandidates(&row));
    rows_->rows.push_back(row);
    return absl::OkStatus();
  }

 private:
  absl::Status FindMembers(const Json& object) {
    const std::pair<std::string_view, const Json**> known[] = {{"action", &action_},
                                                               {"propensity", &propensity_},
                                                               {"reward", &reward_},
                                                               {"position", &position_},
                                                               {"decision", &decision_},
                                                               {"candidates", &candidates_},
                                                               {"probabilities", &probabilities_},
                                                               {"context", nullptr},
                                                               {"id", nullptr},
                                                               {"time", nullptr}};
    for (const auto& [name, place] : known) {
      if (place != nullptr) *place = nullptr;
    }
    for (const auto& member : object.GetObject()) {
      const std::string_view name(member.name.GetString(), member.name.GetStringLength());
      const auto* const found = std::find_if(std::begin(known), std::end(known),
                                             [&](const auto& one) { return one.first == name; });
      if (found == std::end(known)) {
        return absl::InvalidArgumentError(
            absl::StrCat("unknown member \"", base::ToAbsl(name),
                         "\"; put what the estimators need not know under \"context\""));
      }
      if (found->second == nullptr) continue;
      if (*found->second != nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("member \"", base::ToAbsl(name), "\" is given twice"));
      }
      *found->second = &member.value;
    }
    if (action_ == nullptr) return Wrong("action", "is missing");
    if (propensity_ == nullptr) return Wrong("propensity", "is missing");
    if (reward_ == nullptr) return Wrong("reward", "is missing");
    return absl::OkStatus();
  }

  // Whole numbers and texts with the same digits are the same action.
  absl::StatusOr<uint32_t> Action(const Json& value, const char* member) {
    if (value.IsString() && value.GetStringLength() != 0) {
      return rows_->actions.Intern({value.GetString(), value.GetStringLength()});
    }
    if (value.IsInt64()) return rows_->actions.Intern(std::to_string(value.GetInt64()));
    return Wrong(member, "is neither a text nor a whole number");
  }

  absl::Status ReadPosition(Row* row) const {
    if (position_ == nullptr) return absl::OkStatus();
    if (!position_->IsUint() || position_->GetUint() < 1 || position_->GetUint() > kPositionMax) {
      return Wrong("position", "is no whole number from 1 to 1000");
    }
    row->position = position_->GetUint();
    return absl::OkStatus();
  }

  // Lines that follow each other with the same value are one decision.
  absl::Status ReadDecision(Row* row) {
    std::string name;
    if (decision_ != nullptr) {
      if (decision_->IsString() && decision_->GetStringLength() != 0) {
        name.assign(decision_->GetString(), decision_->GetStringLength());
      } else if (decision_->IsInt64()) {
        name = std::to_string(decision_->GetInt64());
      } else {
        return Wrong("decision", "is neither a text nor a whole number");
      }
      if (name != last_decision_) ++decisions_;
      row->decision = decisions_;
    }
    last_decision_ = std::move(name);
    return absl::OkStatus();
  }

  absl::Status ReadCandidates(Row* row) {
    if (candidates_ == nullptr) {
      return probabilities_ == nullptr ? absl::OkStatus()
                                       : Wrong("probabilities", "of what? candidates is missing");
    }
    if (!candidates_->IsArray()) return Wrong("candidates", "is no array");
    actions_.clear();
    for (const Json& value : candidates_->GetArray()) {
      FULCRUM_ASSIGN_OR_RETURN(actions_.emplace_back(), Action(value, "candidates"));
    }
    sorted_ = actions_;
    std::sort(sorted_.begin(), sorted_.end());
    if (std::adjacent_find(sorted_.begin(), sorted_.end()) != sorted_.end()) {
      return Wrong("candidates", "has an action twice");
    }
    if (!std::binary_search(sorted_.begin(), sorted_.end(), row->action)) {
      return Wrong("candidates", "does not have the action itself");
    }
    FULCRUM_RETURN_IF_ERROR(ReadProbabilities(*row));
    row->logged = rows_->distributions.Add(actions_, probability_values_);
    return absl::OkStatus();
  }

  // Into probability_values_; drops from actions_ what could not be drawn.
  absl::Status ReadProbabilities(const Row& row) {
    probability_values_.clear();
    if (probabilities_ == nullptr) return absl::OkStatus();
    if (!probabilities_->IsArray()) return Wrong("probabilities", "is no array");
    if (probabilities_->Size() != actions_.size()) {
      return Wrong("probabilities", "does not have one number for each of candidates");
    }
    double sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < actions_.size(); ++i) {
      FULCRUM_ASSIGN_OR_RETURN(
          const double probability,
          NumberOf((*probabilities_)[static_cast<rapidjson::SizeType>(i)], "probabilities"));
      if (probability < 0 || probability > 1 + kSumTolerance) {
        return Wrong("probabilities", absl::StrCat(probability, " is not from 0 to 1"));
      }
      if (actions_[i] == row.action &&
          !(std::abs(probability - row.propensity) <= kSameProbability * row.propensity)) {
        return Wrong("probabilities", absl::StrFormat("the action's is %.12g, its propensity %.12g",
                                                      probability, row.propensity));
      }
      sum += probability;
      if (probability == 0) continue;
      actions_[kept++] = actions_[i];
      probability_values_.push_back(probability);
    }
    actions_.resize(kept);
    if (std::abs(sum - 1) > kSumTolerance) {
      return Wrong("probabilities", absl::StrFormat("sum to %.9g instead of 1", sum));
    }
    return absl::OkStatus();
  }

  RowSet* const rows_;
  const Json* action_ = nullptr;
  const Json* propensity_ = nullptr;
  const Json* reward_ = nullptr;
  const Json* position_ = nullptr;
  const Json* decision_ = nullptr;
  const Json* candidates_ = nullptr;
  const Json* probabilities_ = nullptr;
  std::string last_decision_;  // empty: the last line had none
  uint32_t decisions_ = 0;
  std::vector<uint32_t> actions_;
  std::vector<uint32_t> sorted_;
  std::vector<double> probability_values_;
};

}  // namespace

absl::StatusOr<RowSet> ReadJsonlRows(base::FileSystem* files, const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::ReadFile> file, files->OpenForRead(path));
  return ReadJsonlRows(*file, path);
}

absl::StatusOr<RowSet> ReadJsonlRows(const base::ReadFile& file, const std::string& name) {
  RowSet rows;
  RowReader row_reader(&rows);
  LineReader lines(file);
  for (uint64_t number = 1;; ++number) {
    const auto here = [&](const absl::Status& status) {
      return absl::Status(status.code(), absl::StrCat(name, ":", number, ": ", status.message()));
    };
    std::string_view line;
    const absl::StatusOr<bool> more = lines.Next(&line);
    if (!more.ok()) return here(more.status());
    if (!*more) break;
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    const absl::Status status = row_reader.Read(line);
    if (!status.ok()) return here(status);
  }
  rows.positions = rows.rows.size();
  return rows;
}

}  // namespace fulcrum::evaluation
