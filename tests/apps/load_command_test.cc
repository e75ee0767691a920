#include "apps/load_command.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "apps/command_line.h"
#include "base/file.h"
#include "config/loader.h"
#include "features/feature_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::apps {
namespace {

using ::testing::HasSubstr;

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class LoadCommand : public ::testing::Test {
 protected:
  LoadCommand() {
    std::ofstream(config() + "/bundle.yaml") << "server: {data_dir: data}\n"
                                                "feature_views:\n"
                                                "  - name: profile\n"
                                                "    entity: user\n"
                                                "    features: [{name: age, type: number}]\n"
                                                "surfaces:\n"
                                                "  - {id: home, campaigns: [spring]}\n"
                                                "campaigns:\n"
                                                "  - id: spring\n"
                                                "    account: shop\n"
                                                "    currency: EUR\n"
                                                "    actions: [{id: coat}]\n";
  }

  const std::string& config() const { return directory_.path(); }

  Result Load(const std::string& text, const std::vector<std::string>& more = {},
              const std::string& view = "profile") const {
    const std::string file = config() + "/rows.csv";
    std::ofstream(file) << text;
    std::vector<std::string> arguments = {"load", "--config", config(), "--view",
                                          view,   "--file",   file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CLI::App app;
    Result result;
    AddLoadCommand(app, &result.exit_code);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    std::fflush(stdout);
    result.out = ::testing::internal::GetCapturedStdout();
    result.err = ::testing::internal::GetCapturedStderr();
    return result;
  }

  std::unique_ptr<features::FeatureStore> OpenStore() const {
    auto bundle = config::LoadBundle(base::PosixFileSystem(), config());
    EXPECT_THAT(bundle, testing::IsOk());
    features::FeatureStoreOptions options;
    options.directory = config() + "/data/features";
    options.files = base::PosixFileSystem();
    options.views = (*bundle)->feature_views;
    auto store = features::FeatureStore::Open(options);
    EXPECT_THAT(store, testing::IsOk());
    return std::move(*store);
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(LoadCommand, StoresWhereTheServiceReads) {
  const Result result = Load("id,age\nu1,41\nu2,\n");
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("2 rows of view profile stored"));
  auto user = OpenStore()->ReadUser("u1", absl::Now(), domain::Wait::kMayWait);
  FULCRUM_ASSERT_OK(user);
  ASSERT_EQ(user->row.state, domain::RowState::kFresh);
  EXPECT_EQ(std::get<double>(user->row.row->values.find("age")->second), 41);
}

TEST_F(LoadCommand, ABadFileIsAFinding) {
  const Result result = Load("id,age\nu1,41\nu2,old\n", {"--json"});
  EXPECT_EQ(result.exit_code, kExitFinding);
  EXPECT_EQ(result.out, "{\"stored\": 1, \"older\": 0, \"complete\": false}\n");
  EXPECT_THAT(result.err, HasSubstr("rows.csv:3: column 'age' has 'old'"));
}

TEST_F(LoadCommand, AnUnknownViewNamesTheNearest) {
  const Result result = Load("id,age\n", {}, "profle");
  EXPECT_EQ(result.exit_code, kExitFailure);
  EXPECT_THAT(result.err, HasSubstr("'profile'"));
}

TEST_F(LoadCommand, AStoreInUseIsAFailure) {
  auto store = OpenStore();
  const Result result = Load("id,age\nu1,41\n");
  EXPECT_EQ(result.exit_code, kExitFailure);
  EXPECT_THAT(result.err, HasSubstr("stop the other process"));
}

}  // namespace
}  // namespace fulcrum::apps
