// The bundles of configs/recipes against the service's own check and the shoppers that come with
// them; and the command's options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "apps/check_command.h"
#include "apps/command_line.h"
#include "apps/demo_command.h"
#include "base/file.h"
#include "config/loader.h"
#include "simulation/recipe.h"
#include "tests/apps/command_run.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

namespace fs = std::filesystem;

using simulation::Facts;
using simulation::Recipe;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path kRecipes = fs::path(FULCRUM_SOURCE_DIR) / "configs/recipes";

std::set<std::string> Directories() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kRecipes)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

TEST(Recipes, EveryBundleIsGood) {
  for (const std::string& name : Directories()) {
    const auto result = testing::RunCommand(AddCheckCommand, "check", {(kRecipes / name).string()});
    EXPECT_EQ(result.exit_code, kExitOk) << result.err;
    EXPECT_THAT(result.out, HasSubstr("good, version ")) << name;
  }
}

TEST(Recipes, EveryBundleHasShoppersAndAPage) {
  const std::vector<std::string> names = simulation::RecipeNames();
  EXPECT_EQ(Directories(), std::set<std::string>(names.begin(), names.end()));
  for (const std::string& name : names) {
    EXPECT_TRUE(fs::exists(fs::path(FULCRUM_SOURCE_DIR) / "docs/recipes" / (name + ".md"))) << name;
  }
}

class RecipeBundle : public ::testing::TestWithParam<std::string> {
 protected:
  RecipeBundle()
      : recipe_(*simulation::FindRecipe(GetParam())),
        bundle_(*config::LoadBundle(base::PosixFileSystem(), (kRecipes / GetParam()).string())) {}

  const config::Surface* Surface() const {
    for (const config::Surface& surface : bundle_->surfaces) {
      if (surface.id == recipe_.surface) return &surface;
    }
    return nullptr;
  }
  bool HasAction(const std::string& id) const {
    return std::any_of(bundle_->actions.begin(), bundle_->actions.end(),
                       [&id](const config::Action& action) { return action.id == id; });
  }

  const Recipe recipe_;
  const std::shared_ptr<const config::Bundle> bundle_;
};

TEST_P(RecipeBundle, HasTheSurfaceThatTheShoppersAskFor) {
  const config::Surface* const surface = Surface();
  ASSERT_NE(surface, nullptr);
  EXPECT_EQ(surface->slate_size_max, recipe_.slate_size);
  EXPECT_EQ(surface->reward_kind, recipe_.reward_kind);
  EXPECT_EQ(surface->exposure_required, !recipe_.looked_at.empty());
}

TEST_P(RecipeBundle, HasTheActionsOfTheGuards) {
  for (const simulation::Guard& guard : recipe_.guards) {
    for (const std::string& action : guard.actions) {
      EXPECT_TRUE(HasAction(action)) << guard.what << ": " << action;
    }
  }
  for (const std::string& action : recipe_.unlimited) EXPECT_TRUE(HasAction(action)) << action;
}

// A misspelt feature or key would count as not known, and nobody would hear of it.
TEST_P(RecipeBundle, DeclaresWhatTheShoppersAreAndSend) {
  const std::vector<Facts> shoppers = simulation::ShoppersOf(recipe_, 1);
  std::set<std::string> features, keys;
  for (const Facts& shopper : shoppers) {
    for (const auto& [name, value] : shopper) features.insert(name);
  }
  for (const auto& visit : simulation::VisitsOf(recipe_, shoppers, 1)) {
    for (const auto& [name, value] : visit.context) keys.insert(name);
  }
  std::set<std::string> declared_features, declared_keys;
  for (const config::FeatureView& view : bundle_->feature_views) {
    for (const auto& feature : view.features) declared_features.insert(feature.name);
  }
  for (const config::ContextKey& key : bundle_->context_keys) declared_keys.insert(key.name);
  EXPECT_EQ(features, declared_features);
  EXPECT_EQ(keys, declared_keys);
}

INSTANTIATE_TEST_SUITE_P(All, RecipeBundle, ::testing::ValuesIn(simulation::RecipeNames()));

TEST(DemoCommand, AnUnknownRecipeListsThoseThatExist) {
  const auto result = testing::RunCommand(AddDemoCommand, "demo", {"--recipe", "kitchen"});
  EXPECT_EQ(result.exit_code, kExitFailure);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr("fulcrum demo: there is no recipe 'kitchen'; the recipes are "
                                    "homepage, cart_offer, email_reactivation"));
}

TEST(DemoCommand, ABundleThatIsNotThereIsAnErrorWithARemedy) {
  const testing::TemporaryDirectory work;
  const auto result = testing::RunCommand(
      AddDemoCommand, "demo",
      {"--recipe", "homepage", "--config", "no/such/directory", "--work", work.path() + "/work"});
  EXPECT_EQ(result.exit_code, kExitFailure);
  EXPECT_THAT(result.err, HasSubstr("no/such/directory"));
  EXPECT_THAT(result.err, HasSubstr("--config"));
  EXPECT_FALSE(fs::exists(work.path() + "/work"));
}

TEST(DemoCommand, AWorkDirectoryOfSomethingElseIsNotTouched) {
  const testing::TemporaryDirectory work;
  ASSERT_THAT(base::WriteFileAtomically(base::PosixFileSystem(), work.path() + "/mine", "keep"),
              testing::IsOk());
  const auto result =
      testing::RunCommand(AddDemoCommand, "demo",
                          {"--recipe", "homepage", "--config", (kRecipes / "homepage").string(),
                           "--work", work.path()});
  EXPECT_EQ(result.exit_code, kExitFailure);
  EXPECT_THAT(result.err, HasSubstr("not of an earlier demo"));
  EXPECT_TRUE(fs::exists(work.path() + "/mine"));
}

TEST(DemoCommand, HelpNamesTheRecipes) {
  CLI::App app;
  int exit_code = 0;
  AddDemoCommand(app, &exit_code);
  const std::string help = app.get_subcommand("demo")->help();
  for (const std::string& name : simulation::RecipeNames()) EXPECT_THAT(help, HasSubstr(name));
}

TEST(DemoCommand, VisitsAreOfARecipeAndDataAreNot) {
  CLI::App app;
  int exit_code = 0;
  AddDemoCommand(app, &exit_code);
  EXPECT_THROW(app.parse("demo --visits 10"), CLI::RequiresError);
  EXPECT_THROW(app.parse("demo --recipe homepage --data here"), CLI::ExcludesError);
  EXPECT_THROW(app.parse("demo --recipe homepage --visits 0"), CLI::ValidationError);
}

}  // namespace
}  // namespace fulcrum::apps
