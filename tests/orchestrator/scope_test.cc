#include "orchestrator/scope.h"

#include <gtest/gtest.h>

#include <string>

namespace fulcrum::orchestrator {
namespace {

using Values = base::StringMap<domain::FeatureValue>;

// A request of surface 1, segment gold, region FR, with channel mail and cohort a.
struct Known {
  Known() {
    context.emplace("channel", std::string("mail"));
    context.emplace("hour", 9.0);
    user.emplace("cohort", std::string("a"));
  }
  RequestFacts facts() const { return {1, "gold", "FR", &user, &context}; }
  Values user, context;
};

struct ScopeCase {
  const char* name;
  config::Constraint row;
  bool counts;               // on the request above
  bool counts_if_not_known;  // of its surface alone
};

config::Match In(bool of_user, const char* key, std::vector<std::string> values) {
  return {of_user, key, std::move(values)};
}

config::Constraint With(void (*change)(config::Constraint*)) {
  config::Constraint row;
  change(&row);
  return row;
}

TEST(Scope, ARowPerScope) {
  using Row = config::Constraint;
  const ScopeCase cases[] = {
      {"nothing", {}, true, true},
      {"this surface", With([](Row* row) {
         row->surfaces = {0, 1};
       }),
       true, true},
      {"another surface", With([](Row* row) {
         row->surfaces = {0, 2};
       }),
       false, false},
      {"this segment", With([](Row* row) {
         row->segments = {"gold", "silver"};
       }),
       true, true},
      {"another segment", With([](Row* row) { row->segments = {"silver"}; }), false, true},
      {"this region", With([](Row* row) {
         row->regions = {"DE", "FR"};
       }),
       true, true},
      {"another region", With([](Row* row) { row->regions = {"DE"}; }), false, true},
      {"this channel", With([](Row* row) { row->where = {In(false, "channel", {"mail"})}; }), true,
       true},
      {"another channel", With([](Row* row) { row->where = {In(false, "channel", {"app"})}; }),
       false, true},
      {"this cohort", With([](Row* row) {
         row->where = {In(true, "cohort", {"a", "b"})};
       }),
       true, true},
      {"another cohort", With([](Row* row) { row->where = {In(true, "cohort", {"b"})}; }), false,
       true},
      {"a key that is not there", With([](Row* row) { row->where = {In(true, "x", {"b"})}; }), true,
       true},
      {"a number", With([](Row* row) { row->where = {In(false, "hour", {"9"})}; }), true, true},
      {"all of several", With([](Row* row) {
         row->where = {In(false, "channel", {"mail"}), In(true, "cohort", {"b"})};
       }),
       false, true},
  };
  const Known known;
  for (const ScopeCase& one : cases) {
    EXPECT_EQ(CountsOn(one.row, known.facts()), one.counts) << one.name;
    EXPECT_EQ(CountsOn(one.row, {.surface = 1}), one.counts_if_not_known) << one.name;
  }
}

TEST(Scope, AsksForMoreThanTheSurface) {
  using Row = config::Constraint;
  EXPECT_FALSE(AsksForFacts(With([](Row* row) { row->surfaces = {0}; })));
  EXPECT_TRUE(AsksForFacts(With([](Row* row) { row->segments = {"a"}; })));
  EXPECT_TRUE(AsksForFacts(With([](Row* row) { row->regions = {"a"}; })));
  EXPECT_TRUE(AsksForFacts(With([](Row* row) { row->where = {In(true, "a", {"b"})}; })));
}

}  // namespace
}  // namespace fulcrum::orchestrator
