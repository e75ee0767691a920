// What an eligibility rule costs per candidate: a rule of six terms against the same condition
// written in C++ over the same values, and what makes a moment and a rule.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "bench/interleave.h"
#include "bench/rows.h"
#include "rules/rule.h"

namespace fulcrum::rules {
namespace {

constexpr double kAimNs = 100;      // of a rule: a thousand candidates in a tenth of a millisecond
constexpr double kAimRatio = 10;    // over compiled C++
constexpr size_t kCandidates = 64;  // so that branches are not learned by heart

constexpr char kRule[] =
    "user.age >= 18 and context.country in [\"de\", \"at\", \"ch\"] and "
    "not (action.category == \"alcohol\") and \"sale\" in action.tags and "
    "now in hours(\"08:00\", \"22:00\") and user.member";

enum Slot : uint16_t { kAge, kCountry, kCategory, kTags, kMember, kSlots };

Schema MakeSchema() {
  auto schema = Schema::Make({{"user.age", Type::kNumber},
                              {"context.country", Type::kText},
                              {"action.category", Type::kText},
                              {"action.tags", Type::kTexts},
                              {"user.member", Type::kBoolean}});
  FULCRUM_CHECK(schema.ok());
  return std::move(*schema);
}

// One in eight candidates is an alcoholic drink, one in eight has no tag "sale": most are looked at
// to the end, which is the dearest.
struct World {
  const Schema schema = MakeSchema();
  const Moment moment = Moment::At(absl::FromUnixSeconds(1'764'586'800), absl::UTCTimeZone());
  const std::vector<std::string> categories = {"books", "alcohol", "shoes", "garden"};
  const std::vector<std::string> on_sale = {"new", "blue", "sale"};
  const std::vector<std::string> not_on_sale = {"new", "blue", "wool"};
  std::vector<std::vector<Value>> candidates;

  World() {
    for (size_t i = 0; i < kCandidates; ++i) {
      std::vector<Value> values(kSlots);
      values[kAge] = Value::Number(42);
      values[kCountry] = Value::Text("ch");
      values[kCategory] = Value::Text(categories[i % 8 == 1 ? 1 : (i / 2 % 2) * 2]);
      values[kTags] = Value::Texts(i % 8 == 5 ? not_on_sale : on_sale);
      values[kMember] = Value::Boolean(true);
      candidates.push_back(std::move(values));
    }
  }

  Rule Compile() const {
    RuleError error;
    auto rule = Rule::Compile(kRule, schema, absl::UTCTimeZone(), &error);
    FULCRUM_CHECK(rule.has_value());
    return std::move(*rule);
  }
};

// The rule by hand, unknowns included.
bool ByHand(const std::vector<Value>& values, const Moment& moment) {
  if (!values[kAge].IsNumber() || values[kAge].number() < 18) return false;
  if (!values[kCountry].IsText()) return false;
  const std::string_view country = values[kCountry].text();
  if (country != "de" && country != "at" && country != "ch") return false;
  if (!values[kCategory].IsText() || values[kCategory].text() == "alcohol") return false;
  if (!values[kTags].IsTexts()) return false;
  bool sale = false;
  for (const std::string& tag : values[kTags].texts()) sale = sale || tag == "sale";
  if (!sale) return false;
  if (moment.minute_of_day < 8 * 60 || moment.minute_of_day >= 22 * 60) return false;
  return values[kMember].IsBoolean() && values[kMember].boolean();
}

// Calls `is_eligible` for the candidates in turn.
template <typename IsEligible>
auto InTurn(const World& world, IsEligible is_eligible) {
  return [&world, is_eligible, next = size_t{0}]() mutable {
    benchmark::DoNotOptimize(is_eligible(world.candidates[next]));
    next = (next + 1) % kCandidates;
  };
}

void BM_IsEligible(benchmark::State& state) {
  const World world;
  const Rule rule = world.Compile();
  auto step =
      InTurn(world, [&](const auto& values) { return rule.IsEligible(values, world.moment); });
  for (auto _ : state) step();
}
BENCHMARK(BM_IsEligible);

void BM_ByHand(benchmark::State& state) {
  const World world;
  auto step = InTurn(world, [&](const auto& values) { return ByHand(values, world.moment); });
  for (auto _ : state) step();
}
BENCHMARK(BM_ByHand);

void BM_MomentAt(benchmark::State& state) {
  absl::TimeZone zone;
  FULCRUM_CHECK(absl::LoadTimeZone("Europe/Berlin", &zone));
  absl::Time time = absl::FromUnixSeconds(1'764'586'800);
  for (auto _ : state) {
    time += absl::Microseconds(1);
    benchmark::DoNotOptimize(Moment::At(time, zone));
  }
}
BENCHMARK(BM_MomentAt);

void BM_Compile(benchmark::State& state) {
  const World world;
  for (auto _ : state) benchmark::DoNotOptimize(world.Compile());
}
BENCHMARK(BM_Compile)->Unit(benchmark::kMicrosecond);

void ReportRows() {
  const World world;
  const Rule rule = world.Compile();
  for (const auto& values : world.candidates) {
    FULCRUM_CHECK(rule.IsEligible(values, world.moment) == ByHand(values, world.moment));
  }
  const bench::TimeRatio times = bench::CompareTimes(
      InTurn(world, [&](const auto& values) { return rule.IsEligible(values, world.moment); }),
      InTurn(world, [&](const auto& values) { return ByHand(values, world.moment); }), 20,
      std::chrono::milliseconds(50), 256);
  bench::ReportRow({"rule_eval_ns", times.a_ns, "ns", kAimNs, bench::Aim::kAtMost,
                    bench::Gate::kReported, "6 terms over 64 candidates in turn, 20 windows"});
  bench::ReportRow({"rule_eval_vs_native", times.ratio, "ratio", kAimRatio, bench::Aim::kAtMost,
                    bench::Gate::kReported,
                    "the same condition in C++ over the same values, 20 pairs of windows"});
}

}  // namespace
}  // namespace fulcrum::rules

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  fulcrum::rules::ReportRows();
  return 0;
}
