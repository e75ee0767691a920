// Runs every command of docs/analyst-guide.md as a reader would type it, on a data set of the
// demo's shape that is made here.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "apps/child_process.h"
#include "base/random.h"
#include "tests/end_to_end/world.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kItems = 34;
constexpr int kRows = 6000;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

// The lines between ```sh and ```, of the whole page.
std::string CommandsOf(const std::string& page) {
  std::istringstream lines(page);
  std::string commands;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "```sh" || line == "```") {
      inside = line == "```sh";
    } else if (inside) {
      absl::StrAppend(&commands, line, "\n");
    }
  }
  return commands;
}

// One policy's log of the campaign `men`: uniform over the items, every third of which is liked.
void WriteLog(const std::string& path, uint64_t seed) {
  base::RandomStream random(seed);
  std::ofstream file(path);
  file << ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
          "user_feature_2,user_feature_3";
  for (int item = 0; item < kItems; ++item) file << ",user-item_affinity_" << item;
  file << "\n";
  for (int row = 0; row < kRows; ++row) {
    const int minute = row * 3 / 2;
    const auto item = static_cast<int>(random.NextBelow(kItems));
    const double rate = item % 3 == 0 ? 0.08 : 0.06;
    file << row
         << absl::StrFormat(",2019-11-%02d %02d:%02d:00+00:00,", 24 + minute / 1440,
                            minute / 60 % 24, minute % 60)
         << item << "," << 1 + random.NextBelow(3) << "," << (random.NextUniform() < rate ? 1 : 0)
         << "," << absl::StrFormat("%.10f", 1.0 / kItems) << ",u" << random.NextBelow(2)
         << ",v,w,x";
    for (int i = 0; i < kItems; ++i) file << "," << (i == item ? "1.0" : "0.0");
    file << "\n";
  }
}

void WriteDataSet(const std::string& directory) {
  uint64_t seed = 0;
  for (const char* policy : {"random", "bts"}) {
    const std::string folder = absl::StrCat(directory, "/", policy, "/men");
    fs::create_directories(folder);
    WriteLog(folder + "/men.csv", ++seed);
    std::ofstream items(folder + "/item_context.csv");
    items << ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n";
    for (int item = 0; item < kItems; ++item) {
      items << item << "," << item << "," << 0.1 * item << ",a" << item % 3 << ",b,c\n";
    }
  }
}

int RunScript(const std::string& directory, const std::string& script, const std::string& output) {
  std::ofstream(directory + "/script.sh") << "set -eux\ncd " << directory << "\n" << script;
  auto child = apps::ChildProcess::Start(
      {"/bin/sh", "-c", absl::StrCat("exec sh ", directory, "/script.sh > ", output, " 2>&1")}, "");
  EXPECT_TRUE(child.ok()) << child.status();
  if (!child.ok()) return -1;
  return child->Wait(absl::Minutes(5)).value_or(-1);
}

TEST(AnalystGuide, EveryCommandRuns) {
#ifndef FULCRUM_WITH_TRAINING
  GTEST_SKIP() << "built without XGBoost: the demo cannot train";
#endif
  const testing::TemporaryDirectory temporary;
  const std::string& directory = temporary.path();
  fs::create_directories(directory + "/build/release");
  fs::create_symlink(fs::path(testing::BinaryPath("fulcrum")).parent_path(),
                     directory + "/build/release/bin");
  fs::create_symlink(fs::path(FULCRUM_SOURCE_DIR) / "configs", directory + "/configs");
  WriteDataSet(directory + "/obd");
  const std::string demo = directory + "/demo.txt";
  ASSERT_EQ(RunScript(directory, "build/release/bin/fulcrum demo --data obd", demo), 0)
      << ReadFile(demo);
  EXPECT_THAT(ReadFile(demo), HasSubstr("uniform"));

  const std::string commands = CommandsOf(ReadFile(FULCRUM_SOURCE_DIR "/docs/analyst-guide.md"));
  for (const char* command : {"log verify", "replay --verify", "explain", "evaluate", "train"}) {
    EXPECT_THAT(commands, HasSubstr(absl::StrCat("fulcrum ", command)));
  }
  const std::string output = directory + "/guide.txt";
  EXPECT_EQ(RunScript(directory, commands, output), 0) << ReadFile(output);
  const std::string said = ReadFile(output);
  EXPECT_THAT(said, HasSubstr("no verdict: see the reason")) << said;
}

}  // namespace
}  // namespace fulcrum
