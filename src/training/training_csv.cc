#include "training/training_csv.h"

#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/csv.h"
#include "base/status_macros.h"

namespace fulcrum::training {
namespace {

using base::CsvReader;

// Feature name with its source ("user.age") -> whether it is a number.
using Kinds = base::StringMap<bool>;

// A column of one file that holds a feature.
struct FeatureColumn {
  size_t field = 0;
  std::string full_name;  // "user.age"
  std::string key;        // "age"
  Values TrainingRow::*target = nullptr;
  bool stated = false;  // the header says of which kind it is
  bool number = true;
};

constexpr struct {
  std::string_view prefix;
  Values TrainingRow::*target;
} kPrefixes[] = {{"user.", &TrainingRow::user},
                 {"context.", &TrainingRow::context},
                 {"candidate.", &TrainingRow::candidate},
                 {"item.", &TrainingRow::item}};

// Takes `:number` or `:text` off the end of the name.
FeatureColumn Describe(size_t field, std::string_view name) {
  FeatureColumn column;
  column.field = field;
  for (const auto& [ending, number] : {std::pair<std::string_view, bool>(":number", true),
                                       std::pair<std::string_view, bool>(":text", false)}) {
    if (!name.ends_with(ending)) continue;
    name.remove_suffix(ending.size());
    column.stated = true;
    column.number = number;
  }
  column.full_name = std::string(name);
  for (const auto& [prefix, target] : kPrefixes) {
    if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
    column.key = std::string(name.substr(prefix.size()));
    column.target = target;
  }
  return column;
}

// One open file: the fixed fields by position, -1 if absent, and the feature columns.
struct Table {
  std::unique_ptr<CsvReader> csv;
  std::vector<FeatureColumn> features;
};

bool IsOneOf(std::string_view name, absl::Span<const char* const> names) {
  for (const char* candidate : names) {
    if (name == candidate) return true;
  }
  return false;
}

constexpr const char* kLogFields[] = {"event_time", "action_id", "reward", "propensity", "item_id"};
constexpr const char* kItemFields[] = {"id"};

absl::StatusOr<Table> OpenLog(base::FileSystem* files, const std::string& path) {
  Table table;
  FULCRUM_ASSIGN_OR_RETURN(table.csv, CsvReader::Open(files, path));
  for (const char* name : {"event_time", "action_id", "reward", "propensity"}) {
    if (table.csv->Column(name) < 0) {
      return table.csv->Problem(absl::StrCat("there is no column ", name));
    }
  }
  for (size_t i = 0; i < table.csv->header().size(); ++i) {
    const std::string& name = table.csv->header()[i];
    if (IsOneOf(name, kLogFields)) continue;
    FeatureColumn column = Describe(i, name);
    if (column.target == nullptr || column.target == &TrainingRow::item) {
      return table.csv->Problem(
          absl::StrCat("column \"", name,
                       "\" is none of event_time, action_id, reward, propensity, item_id, "
                       "user.<name>, context.<name>, candidate.<key>"));
    }
    table.features.push_back(std::move(column));
  }
  return table;
}

absl::StatusOr<Table> OpenItems(base::FileSystem* files, const std::string& path) {
  Table table;
  FULCRUM_ASSIGN_OR_RETURN(table.csv, CsvReader::Open(files, path));
  if (table.csv->Column("id") < 0) return table.csv->Problem("there is no column id");
  for (size_t i = 0; i < table.csv->header().size(); ++i) {
    if (IsOneOf(table.csv->header()[i], kItemFields)) continue;
    table.features.push_back(Describe(i, absl::StrCat("item.", table.csv->header()[i])));
  }
  return table;
}

// A whole pass over a file only to learn which of its features are numbers.
absl::Status FindKinds(Table table, Kinds* kinds) {
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, table.csv->Next());
    if (!more) break;
    for (FeatureColumn& column : table.features) {
      const std::string_view text = table.csv->fields()[column.field];
      double ignored = 0;
      if (column.stated || text.empty() || base::ParseFiniteDouble(text, &ignored)) continue;
      column.number = false;
    }
  }
  for (const FeatureColumn& column : table.features) {
    const auto [kind, added] = kinds->emplace(column.full_name, column.number);
    if (!added) kind->second &= column.number;
  }
  return absl::OkStatus();
}

absl::Status ReadFeatures(const Table& table, const Kinds& kinds, TrainingRow* row) {
  for (const FeatureColumn& column : table.features) {
    const std::string_view text = table.csv->fields()[column.field];
    if (text.empty()) continue;  // missing
    domain::FeatureValue& value = (row->*column.target)[column.key];
    if (!kinds.find(column.full_name)->second) {
      value = std::string(text);
      continue;
    }
    double number = 0;
    if (!base::ParseFiniteDouble(text, &number)) {
      return table.csv->Problem(absl::StrCat(column.full_name, " is not a number"));
    }
    value = number;
  }
  return absl::OkStatus();
}

absl::StatusOr<base::StringMap<Values>> ReadItems(base::FileSystem* files, const std::string& path,
                                                  const Kinds& kinds) {
  base::StringMap<Values> items;
  FULCRUM_ASSIGN_OR_RETURN(const Table table, OpenItems(files, path));
  const auto id = static_cast<size_t>(table.csv->Column("id"));
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, table.csv->Next());
    if (!more) return items;
    TrainingRow row;
    FULCRUM_RETURN_IF_ERROR(ReadFeatures(table, kinds, &row));
    if (!items.emplace(table.csv->fields()[id], std::move(row.item)).second) {
      return table.csv->Problem("this item id is there twice");
    }
  }
}

// RFC 3339 text, or microseconds since 1970 UTC.
bool ParseEventTime(std::string_view text, int64_t* micros) {
  if (absl::SimpleAtoi(base::ToAbsl(text), micros)) return true;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, base::ToAbsl(text), &time, &error)) return false;
  *micros = absl::ToUnixMicros(time);
  return true;
}

class LogReader {
 public:
  LogReader(const Kinds& kinds, const base::StringMap<Values>& items,
            const std::string& segment_key, std::vector<TrainingRow>* rows)
      : kinds_(kinds), items_(items), segment_key_(segment_key), rows_(rows) {}

  absl::Status Read(const Table& table) {
    while (true) {
      FULCRUM_ASSIGN_OR_RETURN(const bool more, table.csv->Next());
      if (!more) return absl::OkStatus();
      TrainingRow row;
      FULCRUM_RETURN_IF_ERROR(ReadFixed(*table.csv, &row));
      FULCRUM_RETURN_IF_ERROR(ReadFeatures(table, kinds_, &row));
      const auto segment = row.user.find(segment_key_);
      if (segment != row.user.end()) {
        if (const auto* text = std::get_if<std::string>(&segment->second)) row.segment = *text;
      }
      rows_->push_back(std::move(row));
    }
  }

 private:
  absl::Status ReadFixed(const CsvReader& csv, TrainingRow* row) const {
    const auto field = [&csv](const char* name) {
      return csv.fields()[static_cast<size_t>(csv.Column(name))];
    };
    row->action_id = std::string(field("action_id"));
    if (row->action_id.empty()) return csv.Problem("action_id is empty");
    if (!ParseEventTime(field("event_time"), &row->event_time_us)) {
      return csv.Problem("event_time is neither RFC 3339 nor microseconds since 1970");
    }
    if (!base::ParseFiniteDouble(field("reward"), &row->reward) || row->reward < 0 ||
        row->reward > 1) {
      return csv.Problem("reward is not a number from 0 to 1");
    }
    if (!base::ParseFiniteDouble(field("propensity"), &row->propensity) || row->propensity <= 0 ||
        row->propensity > 1) {
      return csv.Problem("propensity is not a number above 0 and at most 1");
    }
    const bool named = csv.Column("item_id") >= 0 && !field("item_id").empty();
    const auto item = items_.find(named ? field("item_id") : row->action_id);
    if (item != items_.end()) row->item = item->second;
    return absl::OkStatus();
  }

  const Kinds& kinds_;
  const base::StringMap<Values>& items_;
  const std::string& segment_key_;
  std::vector<TrainingRow>* const rows_;
};

}  // namespace

absl::StatusOr<std::vector<TrainingRow>> ReadTrainingCsv(base::FileSystem* files,
                                                         absl::Span<const std::string> log_paths,
                                                         const std::string& items_path,
                                                         const std::string& segment_key) {
  Kinds kinds;
  for (const std::string& path : log_paths) {
    FULCRUM_ASSIGN_OR_RETURN(Table table, OpenLog(files, path));
    FULCRUM_RETURN_IF_ERROR(FindKinds(std::move(table), &kinds));
  }
  base::StringMap<Values> items;
  if (!items_path.empty()) {
    FULCRUM_ASSIGN_OR_RETURN(Table table, OpenItems(files, items_path));
    FULCRUM_RETURN_IF_ERROR(FindKinds(std::move(table), &kinds));
    FULCRUM_ASSIGN_OR_RETURN(items, ReadItems(files, items_path, kinds));
  }
  std::vector<TrainingRow> rows;
  LogReader reader(kinds, items, segment_key, &rows);
  for (const std::string& path : log_paths) {
    FULCRUM_ASSIGN_OR_RETURN(const Table table, OpenLog(files, path));
    FULCRUM_RETURN_IF_ERROR(reader.Read(table));
  }
  return rows;
}

}  // namespace fulcrum::training
