// Every bundle in configs/ loads as it is shipped.
#include <filesystem>
#include <set>

#include "config/loader.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::config {
namespace {

const std::filesystem::path kConfigs = std::filesystem::path(FULCRUM_SOURCE_DIR) / "configs";

TEST(ShippedBundles, AllLoad) {
  std::set<std::string> bundles;  // folders with files
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kConfigs)) {
    if (entry.path().extension() == ".yaml") bundles.insert(entry.path().parent_path().string());
  }
  EXPECT_GE(bundles.size(), 5u);
  for (const std::string& bundle : bundles) {
    FULCRUM_EXPECT_OK(LoadBundle(base::PosixFileSystem(), bundle));
  }
}

TEST(ShippedBundles, TheDemoHasTheCampaignsOfItsData) {
  const auto bundle = LoadBundle(base::PosixFileSystem(), (kConfigs / "demo").string());
  FULCRUM_ASSERT_OK(bundle);
  for (const auto& [surface_id, count] : std::vector<std::pair<std::string, size_t>>{
           {"shop_all", 80}, {"shop_men", 34}, {"shop_women", 46}}) {
    const Surface* surface = (*bundle)->FindSurface(surface_id);
    ASSERT_NE(surface, nullptr) << surface_id;
    EXPECT_EQ(surface->actions.size(), count);
    EXPECT_EQ(surface->baseline_value, 0.0);
    EXPECT_EQ(surface->latency_budget, absl::Milliseconds(25));
    const Campaign& campaign = (*bundle)->campaigns[static_cast<size_t>(surface->campaigns[0])];
    EXPECT_EQ(campaign.currency, "JPY");
    const Action& action = (*bundle)->actions[static_cast<size_t>(surface->actions[0])];
    EXPECT_EQ(action.uses.size(), 3u);  // a budget per day, one in all, a cap
  }
  EXPECT_EQ((*bundle)->actions[(*bundle)->action_index.at("all-00")].item_id, "all-00");
}

}  // namespace
}  // namespace fulcrum::config
