// docs/images/propensities.svg is what the code draws. To draw it anew:
//   FULCRUM_WRITE_IMAGES=1 build/release/bin/simulation_unit_tests
//   --gtest_filter='PropensityChart*'
#include <gtest/gtest.h>

#include "base/file.h"
#include "simulation/fault_study.h"
#include "tests/support/environment.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::simulation {
namespace {

constexpr char kImage[] = FULCRUM_SOURCE_DIR "/docs/images/propensities.svg";

TEST(PropensityChart, IsTheOneInTheDocs) {
  const testing::TemporaryDirectory temporary;
  const base::SystemClock clock;
  CoverageOptions options;
  options.directory = temporary.path();
  options.clock = &clock;
  options.replications = 40;
  options.rows = 8000;
  const auto chart = PropensityChart(options);
  FULCRUM_ASSERT_OK(chart);
  const std::string drawn = ToSvg(*chart);
  base::FileSystem* const files = base::PosixFileSystem();
  if (testing::FromEnvironment("FULCRUM_WRITE_IMAGES", 0) != 0) {
    FULCRUM_ASSERT_OK(base::WriteFileAtomically(files, kImage, drawn));
  }
  const auto kept = base::ReadWholeFile(files, kImage, 1 << 20);
  FULCRUM_ASSERT_OK(kept);
  EXPECT_TRUE(*kept == drawn) << "draw it anew, as this file says, and look at it";
}

}  // namespace
}  // namespace fulcrum::simulation
