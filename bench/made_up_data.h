// Data of the shape of the demo's, made up: so that figures do not depend on a download and can be
// compared between machines. A bench says in its row what it ran on. Stateless.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "apps/demo_data.h"
#include "base/random.h"
#include "domain/feature_row.h"
#include "fulcrum/v1/decision_service.pb.h"
#include "scoring/model.h"

namespace fulcrum::bench {

inline constexpr char kCampaign[] = "all";
inline constexpr size_t kCandidates = 10;

// 80 items, 20,000 rows to learn from and 10,000 to ask for. Clicks depend on user, item, hour and
// affinity, so that trees have something to find.
inline apps::DemoData MadeUpData() {
  constexpr int kItems = 80;
  constexpr uint32_t kUserTexts = 8;
  constexpr uint32_t kItemTexts = 6;
  base::RandomStream random(1);
  const auto text = [&random](const char* kind, uint32_t count) {
    return absl::StrCat(kind, "-", random.NextBelow(count), "-4ae385d792f81dde128124a925a8");
  };
  apps::DemoCampaign campaign;
  campaign.name = kCampaign;
  for (int i = 0; i < kItems; ++i) {
    campaign.items.push_back(
        {random.NextUniform() - 0.5,
         {text("brand", kItemTexts), text("kind", kItemTexts), text("line", kItemTexts)}});
  }
  const auto visit = [&](int64_t number) {
    apps::LoggedRow row;
    row.time = absl::FromUnixSeconds(1574553600 + 20 * number);
    row.item = static_cast<int>(random.NextBelow(kItems));
    row.position = 1 + static_cast<int>(random.NextBelow(3));
    row.propensity = 1.0 / kItems;
    for (int f = 0; f < 4; ++f) row.user_features.push_back(text("user", kUserTexts));
    row.affinities.assign(kItems, 0);
    for (int i = 0; i < 4; ++i) row.affinities[random.NextBelow(kItems)] = 1 + random.NextBelow(3);
    const apps::Item& item = campaign.items[static_cast<size_t>(row.item)];
    const double margin = -3 + item.number + 0.1 * (row.user_features[0][5] - '0') +
                          0.3 * (row.user_features[1] == row.user_features[2] ? 1 : 0) +
                          0.04 * apps::HourOf(row) +
                          0.5 * row.affinities[static_cast<size_t>(row.item)] +
                          0.2 * (item.categories[0][6] - '0') - 0.3 * row.position;
    row.clicked = random.NextUniform() < 1 / (1 + std::exp(-margin));
    return row;
  };
  for (int64_t i = 0; i < 20000; ++i) campaign.bts.push_back(visit(i));
  for (int64_t i = 0; i < 10000; ++i) campaign.random.push_back(visit(i));
  apps::DemoData data;
  data.campaigns.push_back(std::move(campaign));
  return data;
}

// The row's item and nine others.
inline std::vector<int> CandidateItems(const apps::DemoCampaign& campaign,
                                       const apps::LoggedRow& row, base::RandomStream& random) {
  std::vector<int> items = {row.item};
  while (items.size() < kCandidates) {
    const int item = static_cast<int>(random.NextBelow(campaign.items.size()));
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
  }
  return items;
}

// What the demo would send, with ten candidates instead of three and without a time and an id of
// its own.
inline v1::DecideRequest RequestOf(const apps::DemoCampaign& campaign, const apps::LoggedRow& row,
                                   base::RandomStream& random) {
  v1::DecideRequest request;
  request.set_user_id(apps::UserIdOf(campaign.name, row));
  request.set_surface("shop");
  auto& context = *request.mutable_context();
  context["position"].set_number(row.position);
  context["hour"].set_number(apps::HourOf(row));
  for (const int item : CandidateItems(campaign, row, random)) {
    const std::string action = apps::ActionIdOf(campaign.name, item);
    request.add_candidates(action);
    context[absl::StrCat("affinity.", action)].set_number(
        row.affinities[static_cast<size_t>(item)]);
  }
  request.set_slate_size(1);
  return request;
}

// Ten encoded candidates of one row, as the scorer would make them.
inline void AppendEncoded(const scoring::Model& model, const apps::DemoCampaign& campaign,
                          const apps::LoggedRow& row, base::RandomStream& random,
                          std::vector<double>* rows) {
  using Values = scoring::Model::Values;
  Values user;
  for (size_t i = 0; i < row.user_features.size(); ++i) {
    user[absl::StrCat("user_feature_", i)] = row.user_features[i];
  }
  for (const int number : CandidateItems(campaign, row, random)) {
    const apps::Item& item = campaign.items[static_cast<size_t>(number)];
    const std::string action = apps::ActionIdOf(campaign.name, number);
    Values values;
    values["item_feature_0"] = item.number;
    for (size_t i = 0; i < item.categories.size(); ++i) {
      values[absl::StrCat("item_feature_", i + 1)] = item.categories[i];
    }
    Values context;
    context["position"] = static_cast<double>(row.position);
    context["hour"] = static_cast<double>(apps::HourOf(row));
    context[absl::StrCat("affinity.", action)] = row.affinities[static_cast<size_t>(number)];
    const size_t start = rows->size();
    rows->resize(start + model.columns());
    model.Encode(&user, &values, context, action,
                 absl::MakeSpan(*rows).subspan(start, model.columns()));
  }
}

}  // namespace fulcrum::bench
