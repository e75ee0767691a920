#include "config/loader.h"

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::config {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(surfaces:
  - id: home
    campaigns: [spring]
    baseline: {value: 0}
campaigns:
  - id: spring
    account: shop
    currency: EUR
    actions:
      - id: coat
        cost_micros: 2_000_000
      - id: boots
)";

TEST(Loader, ReadsABundle) {
  Problems problems;
  auto bundle = BuildBundle(base::PosixFileSystem(), {{"a.yaml", kGood}}, "/nowhere", &problems);
  FULCRUM_ASSERT_OK(bundle);
  EXPECT_EQ((*bundle)->actions[1].cost_micros, 2000000);
}

}  // namespace
}  // namespace fulcrum::config
