#include "orchestrator/diversity.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fulcrum::orchestrator {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

config::Action Of(std::vector<std::string> categories, std::vector<double> vector = {}) {
  config::Action action;
  action.categories = std::move(categories);
  double squares = 0;
  for (const double one : vector) squares += one * one;
  for (double& one : vector) one /= std::sqrt(squares);
  action.vector = std::move(vector);
  return action;
}

TEST(LikenessTest, OfCategoriesIsTheShareInCommon) {
  EXPECT_EQ(Likeness(Of({"a", "b"}), Of({"a", "b"})), 1);
  EXPECT_EQ(Likeness(Of({"a", "b"}), Of({"b", "c"})), 1.0 / 3);
  EXPECT_EQ(Likeness(Of({"a"}), Of({"b"})), 0);
  EXPECT_EQ(Likeness(Of({}), Of({})), 0);
  EXPECT_EQ(Likeness(Of({"a"}, {1, 0}), Of({"a"})), 1) << "one has no vector";
}

TEST(LikenessTest, OfVectorsIsTheirCosine) {
  EXPECT_THAT(Likeness(Of({}, {3, 4}), Of({}, {6, 8})), DoubleNear(1, 1e-15));
  EXPECT_LE(Likeness(Of({}, {3, 4}), Of({}, {6, 8})), 1);
  EXPECT_THAT(Likeness(Of({"a"}, {1, 0}), Of({"a"}, {1, 1})), DoubleNear(std::sqrt(0.5), 1e-15));
  EXPECT_EQ(Likeness(Of({}, {1, 0}), Of({}, {-1, 0.1})), 0);
}

class DiscountsTest : public ::testing::Test {
 protected:
  DiscountsTest() {
    bundle_.actions = {Of({"a"}), Of({"a", "b"}), Of({"b"}), Of({})};
    surface_.diversity = config::Diversity{0.1, 3};
  }
  std::vector<double> Discounts(const std::vector<int32_t>& picked, size_t supply = 100,
                                size_t positions = 1) {
    return DiscountsOf(bundle_, surface_, std::vector<int32_t>{0, 1, 2, 3}, picked, supply,
                       positions);
  }
  config::Bundle bundle_;
  config::Surface surface_;
};

TEST_F(DiscountsTest, AreByTheLargestLikeness) {
  EXPECT_THAT(Discounts({}), IsEmpty());
  EXPECT_THAT(Discounts({0}), ElementsAre(0.1, 0.05, 0, 0));
  EXPECT_THAT(Discounts({0, 2}), ElementsAre(0.1, 0.05, 0.1, 0));
  surface_.diversity.reset();
  EXPECT_THAT(Discounts({0}), IsEmpty());
}

TEST_F(DiscountsTest, RelaxWhereSupplyIsThin) {
  EXPECT_THAT(Discounts({0}, 6, 2)[0], DoubleEq(0.1));
  EXPECT_THAT(Discounts({0}, 4, 2)[0], DoubleEq(0.05));
  EXPECT_THAT(Discounts({0}, 3, 2)[0], DoubleEq(0.025));
  EXPECT_THAT(Discounts({0}, 2, 2), IsEmpty());
  EXPECT_THAT(Discounts({0}, 1, 2), IsEmpty());
  double last = 0;
  for (size_t supply = 2; supply < 10; ++supply) {
    const std::vector<double> discounts = Discounts({0}, supply, 2);
    const double now = discounts.empty() ? 0 : discounts[0];
    EXPECT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace fulcrum::orchestrator
