#include "config/loader.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGood[] = R"(schema_version: 3
surfaces:
  - id: home
    campaigns: [spring, house]
    fallback_action: magazine
    segment_feature: level
    baseline: {value: 0.25}
campaigns:
  - id: spring
    account: shop
    currency: EUR
    time_zone: Europe/Berlin
    start: 2026-03-01T00:00:00+01:00
    end: 2026-06-01T00:00:00+02:00
    actions:
      - {id: coat, cost_micros: 2_000_000}
      - {id: boots, item_id: boots-7}
  - id: house
    account: shop
    currency: EUR
    actions:
      - id: magazine
constraints:
  - {id: day, campaign: spring, resource: cost, window: day, limit: 5_000_000}
  - {id: cap, campaign: spring, resource: exposures, per: user, window: total, limit: 3}
feature_views:
  - name: users
    entity: user
    max_age: 48h
    features:
      - {name: level, type: text}
      - {name: orders}
context_keys:
  - {name: affinity.*}
)";

absl::StatusOr<std::shared_ptr<const Bundle>> Build(const std::vector<BundleFile>& files) {
  Problems problems;
  return BuildBundle(base::PosixFileSystem(), files, "/nowhere/bundle", &problems);
}

std::shared_ptr<const Bundle> Good(const std::string& text) {
  auto bundle = Build({{"a.yaml", text}});
  EXPECT_THAT(bundle, testing::IsOk());
  return bundle.ok() ? *bundle : nullptr;
}

TEST(Loader, ResolvesWhatItRead) {
  const std::shared_ptr<const Bundle> bundle = Good(kGood);
  ASSERT_NE(bundle, nullptr);
  EXPECT_EQ(bundle->schema_version, 3u);
  ASSERT_EQ(bundle->actions.size(), 3u);
  EXPECT_EQ(bundle->actions[0].id, "boots");
  EXPECT_EQ(bundle->actions[0].item_id, "boots-7");
  EXPECT_EQ(bundle->actions[1].id, "coat");
  EXPECT_EQ(bundle->actions[1].item_id, "coat");
  EXPECT_EQ(bundle->actions[1].cost_micros, 2'000'000);
  EXPECT_EQ(bundle->campaigns[1].id, "spring");
  EXPECT_EQ(bundle->actions[1].campaign, 1);
  EXPECT_EQ(bundle->campaigns[1].time_zone.name(), "Europe/Berlin");
  EXPECT_EQ(bundle->campaigns[1].start,
            absl::FromCivil(absl::CivilDay(2026, 3, 1), bundle->campaigns[1].time_zone));
  EXPECT_EQ(bundle->campaigns[0].end, absl::InfiniteFuture());
  EXPECT_THAT(bundle->constraints[0].actions, ElementsAre(0, 1));
  EXPECT_THAT(bundle->constraints[1].actions, ElementsAre(0, 1));
  EXPECT_EQ(bundle->constraints[0].id, "cap");
  EXPECT_TRUE(bundle->constraints[0].per_user);
  EXPECT_EQ(bundle->constraints[0].resource, Resource::kExposures);
  EXPECT_EQ(bundle->constraints[0].window, Window::kTotal);
  EXPECT_EQ(bundle->constraints[1].limit, 5'000'000);
  EXPECT_EQ(bundle->FindView(domain::EntityKind::kUser)->max_age, absl::Hours(48));
  EXPECT_EQ(bundle->FindView(domain::EntityKind::kItem), nullptr);
}

TEST(Loader, FillsDefaultsAndIndices) {
  const std::shared_ptr<const Bundle> bundle = Good(kGood);
  ASSERT_NE(bundle, nullptr);
  const Surface* surface = bundle->FindSurface("home");
  ASSERT_NE(surface, nullptr);
  EXPECT_EQ(bundle->FindSurface("hom"), nullptr);
  EXPECT_EQ(surface->latency_budget, absl::Milliseconds(10));
  EXPECT_THAT(surface->actions, ElementsAre(0, 1, 2));
  EXPECT_EQ(bundle->actions[static_cast<size_t>(surface->fallback_action)].id, "magazine");
  EXPECT_EQ(surface->baseline_value, 0.25);
  EXPECT_EQ(surface->choice.exploration_floor, 0.02);
  EXPECT_EQ(surface->candidates_max, 100u);
  EXPECT_EQ(bundle->server.listen, "127.0.0.1:7171");
  EXPECT_EQ(bundle->server.data_dir, "/nowhere/bundle/data");
  EXPECT_EQ(bundle->server.durability, Durability::kProcess);
  EXPECT_EQ(bundle->server.inflight_max, 512u);
  EXPECT_TRUE(bundle->server.reflection);
  EXPECT_EQ(bundle->action_index.at("coat"), 1);
}

// The defaults of the schema are those of the structs, so that tests which build a struct by hand
// and bundles that leave a field out mean the same.
TEST(Loader, DefaultsOfTheSchemaAreThoseOfTheStructs) {
  const std::shared_ptr<const Bundle> bundle = Good(absl::StrReplaceAll(
      kGood, {{"    fallback_action: magazine\n    segment_feature: level\n", ""},
              {"    baseline: {value: 0.25}\n", ""}}));
  ASSERT_NE(bundle, nullptr);
  const Surface& surface = bundle->surfaces[0];
  const Surface plain;
  EXPECT_EQ(surface.latency_budget, plain.latency_budget);
  EXPECT_EQ(surface.slate_size_max, plain.slate_size_max);
  EXPECT_EQ(surface.candidates_max, plain.candidates_max);
  EXPECT_EQ(surface.fallback_action, plain.fallback_action);
  EXPECT_EQ(surface.baseline_value, plain.baseline_value);
  EXPECT_EQ(surface.baseline_alpha, plain.baseline_alpha);
  EXPECT_EQ(surface.baseline_beta, plain.baseline_beta);
  EXPECT_EQ(surface.choice.exploration_floor, plain.choice.exploration_floor);
  EXPECT_EQ(surface.model_strength, plain.model_strength);
  const Log log;
  EXPECT_EQ(bundle->log.decisions_retention, log.decisions_retention);
  EXPECT_EQ(bundle->log.features_retention, log.features_retention);
  EXPECT_EQ(bundle->log.disk_reserve_bytes, log.disk_reserve_bytes);
  EXPECT_EQ(bundle->log.ballast_bytes, log.ballast_bytes);
  EXPECT_EQ(bundle->log.compress, log.compress);
  const Server server;
  EXPECT_EQ(bundle->server.durability, server.durability);
  EXPECT_EQ(bundle->server.log_segment_bytes, server.log_segment_bytes);
  EXPECT_EQ(bundle->server.log_queue_max, server.log_queue_max);
  EXPECT_EQ(bundle->server.waiting_threads, server.waiting_threads);
  EXPECT_EQ(bundle->server.waiting_requests_max, server.waiting_requests_max);
  EXPECT_EQ(bundle->server.inflight_max, server.inflight_max);
  EXPECT_EQ(bundle->server.reflection, server.reflection);
}

TEST(Loader, TheLogSectionSaysHowTheLogIsKept) {
  const std::shared_ptr<const Bundle> bundle =
      Good(absl::StrCat(kGood,
                        "log:\n  decisions_retention: 720h\n  features_retention: 48h\n"
                        "  disk_reserve_bytes: 0\n  ballast_bytes: 65536\n  compression: none\n"));
  ASSERT_NE(bundle, nullptr);
  EXPECT_EQ(bundle->log.decisions_retention, absl::Hours(720));
  EXPECT_EQ(bundle->log.features_retention, absl::Hours(48));
  EXPECT_EQ(bundle->log.disk_reserve_bytes, 0);
  EXPECT_EQ(bundle->log.ballast_bytes, 65536);
  EXPECT_FALSE(bundle->log.compress);
}

TEST(Loader, VersionDependsOnTheMeaningOnly) {
  const std::string good = kGood;
  const std::string digest = Good(good)->digest;
  EXPECT_EQ(digest.size(), 64u);

  // Layout, comments, quotes, grouping of digits, another spelling of the same value.
  EXPECT_EQ(digest, Good(absl::StrReplaceAll(
                             good, {{"schema_version: 3", "# a comment\n\nschema_version:   3"},
                                    {"account: shop", "account: \"shop\""},
                                    {"2_000_000", "2000000"},
                                    {"max_age: 48h", "max_age: 2880m"},
                                    {"2026-03-01T00:00:00+01:00", "2026-02-28T23:00:00Z"}}))
                        ->digest);
  // Order of entries.
  EXPECT_EQ(digest,
            Good(absl::StrReplaceAll(good, {{"[spring, house]", "[house, spring]"}}))->digest);
  // A default written out.
  EXPECT_EQ(digest, Good(absl::StrCat(good, "server: {durability: process}\n"))->digest);
  // The same in two files, the other way round.
  const size_t cut = good.find("constraints:");
  auto split = Build({{"a.yaml", good.substr(cut)}, {"b.yaml", good.substr(0, cut)}});
  FULCRUM_ASSERT_OK(split);
  EXPECT_EQ(digest, (*split)->digest);
  EXPECT_EQ((*split)->version, Good(good)->version);
  EXPECT_EQ(absl::StrCat(absl::Hex((*split)->version, absl::kZeroPad16)), digest.substr(0, 16));

  // Any other value changes it.
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"limit: 3", "limit: 4"},
           {"value: 0.25", "value: 0.26"},
           {"per: user", "per: everyone"},
           {"48h", "49h"},
           {"boots-7", "boots-8"},
           {"schema_version: 3", "schema_version: 4"}}) {
    EXPECT_NE(digest, Good(absl::StrReplaceAll(good, {{from, to}}))->digest) << to;
  }
}

TEST(Loader, ReadsTheYamlFilesOfTheDirectoryInNameOrder) {
  const testing::TemporaryDirectory directory;
  const std::string good = kGood;
  const size_t cut = good.find("constraints:");
  std::ofstream(directory.path() + "/b.yaml") << good.substr(cut);
  std::ofstream(directory.path() + "/a.yaml") << good.substr(0, cut);
  std::ofstream(directory.path() + "/notes.txt") << "not: [yaml";
  auto bundle = LoadBundle(base::PosixFileSystem(), directory.path());
  FULCRUM_ASSERT_OK(bundle);
  EXPECT_EQ((*bundle)->digest, Good(good)->digest);
}

TEST(Loader, ADirectoryThatCannotBeReadIsNoBundle) {
  const testing::TemporaryDirectory directory;
  auto missing = LoadBundle(base::PosixFileSystem(), directory.path() + "/nothing");
  EXPECT_THAT(missing, testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("nothing")));
  auto empty = LoadBundle(base::PosixFileSystem(), directory.path());
  EXPECT_THAT(empty, testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("no *.yaml file")));
}

TEST(Loader, AFieldGivenInTwoFilesNamesBothPlaces) {
  auto bundle = Build({{"a.yaml", kGood}, {"b.yaml", "schema_version: 4\n"}});
  EXPECT_THAT(bundle, testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("b.yaml:1:1: 'schema_version' is given twice; "
                                                  "first at a.yaml:1:17")));
}

TEST(Loader, DuplicatesAcrossFilesNameBothPlaces) {
  auto bundle = Build(
      {{"a.yaml", kGood},
       {"b.yaml",
        "constraints:\n- {id: day, campaign: house, resource: cost, window: day, limit: 1}\n"}});
  EXPECT_THAT(bundle, testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("b.yaml:2:8: constraints[2].id: 'day' is given "
                                                  "twice; first at a.yaml:24:10")));
}

TEST(Loader, ReportsManyProblemsAtOnceAndBoundsThem) {
  std::string text = kGood;
  for (int i = 0; i < 30; ++i) absl::StrAppend(&text, "extra_", i, ": 1\n");
  Problems problems;
  auto bundle = BuildBundle(base::PosixFileSystem(), {{"a.yaml", text}}, "/nowhere", &problems);
  EXPECT_FALSE(bundle.ok());
  EXPECT_EQ(problems.count(), 30u);
  EXPECT_EQ(problems.kept().size(), Problems::kProblemsMax);
  EXPECT_THAT(std::string(bundle.status().message()), HasSubstr("... and 10 more"));
}

}  // namespace
}  // namespace fulcrum::config
