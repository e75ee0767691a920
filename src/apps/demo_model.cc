#include "apps/demo_model.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

// When the rows became true: before the first request of the data set.
constexpr char kRowsSince[] = "2019-11-23T00:00:00Z";

#ifdef FULCRUM_WITH_TRAINING
training::TrainingRow TrainingRowOf(const DemoCampaign& campaign, const LoggedRow& row) {
  training::TrainingRow result;
  result.event_time_us = absl::ToUnixMicros(row.time);
  result.action_id = ActionIdOf(campaign.name, row.item);
  result.reward = row.clicked ? 1 : 0;
  result.propensity = row.propensity;
  result.segment = row.user_features[0];
  for (size_t i = 0; i < row.user_features.size(); ++i) {
    result.user[absl::StrCat("user_feature_", i)] = row.user_features[i];
  }
  result.context["position"] = static_cast<double>(row.position);
  result.context["hour"] = static_cast<double>(HourOf(row));
  const Item& item = campaign.items[static_cast<size_t>(row.item)];
  result.item["item_feature_0"] = item.number;
  for (size_t i = 0; i < item.categories.size(); ++i) {
    result.item[absl::StrCat("item_feature_", i + 1)] = item.categories[i];
  }
  result.candidate["affinity"] = row.affinities[static_cast<size_t>(row.item)];
  return result;
}
#endif

}  // namespace

#ifdef FULCRUM_WITH_TRAINING
std::vector<training::TrainingRow> DemoTrainingRows(const DemoData& data) {
  std::vector<training::TrainingRow> rows;
  for (const DemoCampaign& campaign : data.campaigns) {
    for (const LoggedRow& row : campaign.bts) rows.push_back(TrainingRowOf(campaign, row));
  }
  return rows;
}

absl::StatusOr<std::string> TrainDemoModel(base::FileSystem* files, const DemoData& data,
                                           const std::string& directory, uint64_t seed) {
  training::TrainingOptions options;
  options.name = "click";
  options.trained_on = "Open Bandit Dataset sample, Thompson sampling logs";
  options.segment_key = "user_feature_0";
  options.seed = seed;
  FULCRUM_ASSIGN_OR_RETURN(const training::TrainedModel model,
                           training::TrainModel(DemoTrainingRows(data), options));
  FULCRUM_RETURN_IF_ERROR(training::WriteModel(files, directory, model));
  return training::ToText(model.report);
}
#else
absl::StatusOr<std::string> TrainDemoModel(base::FileSystem*, const DemoData&, const std::string&,
                                           uint64_t) {
  return absl::UnimplementedError(
      "this build cannot train: configure with -DFULCRUM_WITH_XGBOOST=ON (package libxgboost-dev)");
}
#endif

std::string UsersCsv(const DemoData& data) {
  std::map<std::string, const LoggedRow*> users;
  for (const DemoCampaign& campaign : data.campaigns) {
    for (const LoggedRow& row : campaign.random) users.emplace(UserIdOf(campaign.name, row), &row);
  }
  std::string csv = "id,event_time,user_feature_0,user_feature_1,user_feature_2,user_feature_3\n";
  for (const auto& [id, row] : users) {
    absl::StrAppend(&csv, id, ",", kRowsSince);
    for (const std::string& feature : row->user_features) absl::StrAppend(&csv, ",", feature);
    csv.push_back('\n');
  }
  return csv;
}

std::string ItemsCsv(const DemoData& data) {
  std::string csv = "id,event_time,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n";
  for (const DemoCampaign& campaign : data.campaigns) {
    for (size_t i = 0; i < campaign.items.size(); ++i) {
      const Item& item = campaign.items[i];
      absl::StrAppend(&csv, ActionIdOf(campaign.name, static_cast<int>(i)), ",", kRowsSince,
                      absl::StrFormat(",%.17g", item.number));
      for (const std::string& category : item.categories) absl::StrAppend(&csv, ",", category);
      csv.push_back('\n');
    }
  }
  return csv;
}

}  // namespace fulcrum::apps
