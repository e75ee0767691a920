// The Open Bandit Dataset's sample as the demo plays it: logged impressions of a fashion shop under
// two policies, uniform-random and Thompson sampling, with the probabilities they acted with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/strings.h"

namespace fulcrum::apps {

// One logged impression.
struct LoggedRow {
  absl::Time time;
  int item = 0;      // from 0
  int position = 0;  // 1..3
  bool clicked = false;
  double propensity = 0;
  std::vector<std::string> user_features;  // four hashed categories
  std::vector<double> affinities;          // by item: past clicks of this user on it
};

struct Item {
  double number = 0;                    // item_feature_0
  std::vector<std::string> categories;  // item_feature_1..3, hashed
};

// One campaign of the data set: its items, the rows to play and the rows to learn from.
struct DemoCampaign {
  std::string name;  // all, men or women
  std::vector<Item> items;
  std::vector<LoggedRow> random;  // uniform-random policy; by time
  std::vector<LoggedRow> bts;     // Thompson sampling; by time
};

struct DemoData {
  std::vector<DemoCampaign> campaigns;
  std::vector<std::string> absent;  // campaigns that `directory` does not have
};

// Reads `directory`, laid out random/<campaign>/<campaign>.csv, bts/... with item_context.csv
// beside each. NOT_FOUND if no campaign is there; INVALID_ARGUMENT with file and line for bad
// content.
absl::StatusOr<DemoData> ReadDemoData(base::FileSystem* files, const std::string& directory);

// Names as configs/demo has them.
std::string ActionIdOf(const std::string& campaign, int item);
// A synthetic user, since the data set names none: everybody with the same features in the same
// hour of the day and campaign.
std::string UserIdOf(const std::string& campaign, const LoggedRow& row);
int HourOf(const LoggedRow& row);  // UTC, 0..23

}  // namespace fulcrum::apps
