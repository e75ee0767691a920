#include "apps/demo_data.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/csv.h"
#include "base/fingerprint.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

constexpr int kUserFeatures = 4;
constexpr int kItemCategories = 3;
constexpr int kItemsMax = 1000;
constexpr const char* kCampaigns[] = {"all", "men", "women"};

// Positions of the columns by name, or an error that names the missing one.
absl::StatusOr<int> ColumnOf(const base::CsvReader& csv, const std::string& name) {
  const int column = csv.Column(name);
  if (column >= 0) return column;
  return csv.Problem(absl::StrCat("the header has no column '", name, "'"));
}

absl::StatusOr<double> NumberIn(const base::CsvReader& csv, int column) {
  const std::string_view text = csv.fields()[static_cast<size_t>(column)];
  double number = 0;
  if (base::ParseFiniteDouble(text, &number)) return number;
  return csv.Problem(absl::StrCat("'", base::ToAbsl(text), "' is not a number (column '",
                                  csv.header()[static_cast<size_t>(column)], "')"));
}

absl::StatusOr<absl::Time> TimeIn(const base::CsvReader& csv, int column) {
  // "2019-11-24 00:00:17.004101+00:00"
  const std::string text(csv.fields()[static_cast<size_t>(column)]);
  absl::Time time;
  std::string problem;
  if (absl::ParseTime("%Y-%m-%d %H:%M:%E*S%Ez", text, &time, &problem)) return time;
  return csv.Problem(absl::StrCat("'", text, "' is not a time: ", problem));
}

struct LogColumns {
  int time = 0, item = 0, position = 0, click = 0, propensity = 0;
  std::vector<int> user_features;
  std::vector<int> affinities;
};

absl::StatusOr<LogColumns> FindColumns(const base::CsvReader& csv, size_t items) {
  LogColumns columns;
  FULCRUM_ASSIGN_OR_RETURN(columns.time, ColumnOf(csv, "timestamp"));
  FULCRUM_ASSIGN_OR_RETURN(columns.item, ColumnOf(csv, "item_id"));
  FULCRUM_ASSIGN_OR_RETURN(columns.position, ColumnOf(csv, "position"));
  FULCRUM_ASSIGN_OR_RETURN(columns.click, ColumnOf(csv, "click"));
  FULCRUM_ASSIGN_OR_RETURN(columns.propensity, ColumnOf(csv, "propensity_score"));
  for (int i = 0; i < kUserFeatures; ++i) {
    FULCRUM_ASSIGN_OR_RETURN(const int column, ColumnOf(csv, absl::StrCat("user_feature_", i)));
    columns.user_features.push_back(column);
  }
  for (size_t i = 0; i < items; ++i) {
    FULCRUM_ASSIGN_OR_RETURN(const int column,
                             ColumnOf(csv, absl::StrCat("user-item_affinity_", i)));
    columns.affinities.push_back(column);
  }
  return columns;
}

absl::StatusOr<int> IntegerIn(const base::CsvReader& csv, int column, int least, int most) {
  FULCRUM_ASSIGN_OR_RETURN(const double number, NumberIn(csv, column));
  const bool whole = number >= least && number <= most && number == static_cast<int>(number);
  if (whole) return static_cast<int>(number);
  return csv.Problem(absl::StrCat(number, " is not a whole number in ", least, "..", most,
                                  " (column '", csv.header()[static_cast<size_t>(column)], "')"));
}

absl::StatusOr<LoggedRow> ReadRow(const base::CsvReader& csv, const LogColumns& columns) {
  LoggedRow row;
  const int items = static_cast<int>(columns.affinities.size());
  FULCRUM_ASSIGN_OR_RETURN(row.time, TimeIn(csv, columns.time));
  FULCRUM_ASSIGN_OR_RETURN(row.item, IntegerIn(csv, columns.item, 0, items - 1));
  FULCRUM_ASSIGN_OR_RETURN(row.position, IntegerIn(csv, columns.position, 1, 3));
  FULCRUM_ASSIGN_OR_RETURN(const int click, IntegerIn(csv, columns.click, 0, 1));
  row.clicked = click == 1;
  FULCRUM_ASSIGN_OR_RETURN(row.propensity, NumberIn(csv, columns.propensity));
  if (row.propensity <= 0 || row.propensity > 1) {
    return csv.Problem(absl::StrCat(row.propensity, " is not a probability above 0"));
  }
  for (const int column : columns.user_features) {
    row.user_features.emplace_back(csv.fields()[static_cast<size_t>(column)]);
  }
  for (const int column : columns.affinities) {
    FULCRUM_ASSIGN_OR_RETURN(const double affinity, NumberIn(csv, column));
    row.affinities.push_back(affinity);
  }
  return row;
}

absl::StatusOr<std::vector<LoggedRow>> ReadLog(base::FileSystem* files, const std::string& path,
                                               size_t items) {
  FULCRUM_ASSIGN_OR_RETURN(
      const auto csv, base::CsvReader::Open(files, path, base::CsvReader::FirstName::kMayBeEmpty));
  FULCRUM_ASSIGN_OR_RETURN(const LogColumns columns, FindColumns(*csv, items));
  std::vector<LoggedRow> rows;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    FULCRUM_ASSIGN_OR_RETURN(LoggedRow row, ReadRow(*csv, columns));
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const LoggedRow& a, const LoggedRow& b) { return a.time < b.time; });
  return rows;
}

absl::StatusOr<std::vector<Item>> ReadItems(base::FileSystem* files, const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(
      const auto csv, base::CsvReader::Open(files, path, base::CsvReader::FirstName::kMayBeEmpty));
  FULCRUM_ASSIGN_OR_RETURN(const int id_column, ColumnOf(*csv, "item_id"));
  FULCRUM_ASSIGN_OR_RETURN(const int number_column, ColumnOf(*csv, "item_feature_0"));
  std::vector<int> category_columns;
  for (int i = 1; i <= kItemCategories; ++i) {
    FULCRUM_ASSIGN_OR_RETURN(const int column, ColumnOf(*csv, absl::StrCat("item_feature_", i)));
    category_columns.push_back(column);
  }
  std::vector<Item> items;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) return items;
    FULCRUM_ASSIGN_OR_RETURN(const int id, IntegerIn(*csv, id_column, 0, kItemsMax));
    if (id != static_cast<int>(items.size())) {
      return csv->Problem(absl::StrCat("item ", id, " where ", items.size(), " was expected"));
    }
    Item item;
    FULCRUM_ASSIGN_OR_RETURN(item.number, NumberIn(*csv, number_column));
    for (const int column : category_columns) {
      item.categories.emplace_back(csv->fields()[static_cast<size_t>(column)]);
    }
    items.push_back(std::move(item));
  }
}

absl::StatusOr<DemoCampaign> ReadCampaign(base::FileSystem* files, const std::string& directory,
                                          const std::string& name) {
  DemoCampaign campaign;
  campaign.name = name;
  const auto path = [&](const char* policy, const std::string& file) {
    return absl::StrCat(directory, "/", policy, "/", name, "/", file, ".csv");
  };
  FULCRUM_ASSIGN_OR_RETURN(campaign.items, ReadItems(files, path("random", "item_context")));
  FULCRUM_ASSIGN_OR_RETURN(campaign.random,
                           ReadLog(files, path("random", name), campaign.items.size()));
  FULCRUM_ASSIGN_OR_RETURN(campaign.bts, ReadLog(files, path("bts", name), campaign.items.size()));
  return campaign;
}

}  // namespace

absl::StatusOr<DemoData> ReadDemoData(base::FileSystem* files, const std::string& directory) {
  DemoData data;
  for (const char* name : kCampaigns) {
    FULCRUM_ASSIGN_OR_RETURN(
        const bool there,
        files->Exists(absl::StrCat(directory, "/random/", name, "/", name, ".csv")));
    if (!there) {
      data.absent.emplace_back(name);
      continue;
    }
    FULCRUM_ASSIGN_OR_RETURN(DemoCampaign campaign, ReadCampaign(files, directory, name));
    data.campaigns.push_back(std::move(campaign));
  }
  if (data.campaigns.empty()) {
    return absl::NotFoundError(absl::StrCat("no campaign of the Open Bandit Dataset in ", directory,
                                            " (looked for random/{all,men,women}/<campaign>.csv)"));
  }
  return data;
}

std::string ActionIdOf(const std::string& campaign, int item) {
  return absl::StrFormat("%s-%02d", campaign, item);
}

int HourOf(const LoggedRow& row) {
  return absl::ToCivilHour(row.time, absl::UTCTimeZone()).hour();
}

std::string UserIdOf(const std::string& campaign, const LoggedRow& row) {
  uint64_t hash = base::Fingerprint(campaign);
  for (const std::string& feature : row.user_features) {
    hash = base::Fingerprint(feature, base::Fingerprint("|", hash));
  }
  hash = base::Fingerprint(absl::StrCat("|", HourOf(row)), hash);
  return absl::StrFormat("user-%016x", hash);
}

}  // namespace fulcrum::apps
