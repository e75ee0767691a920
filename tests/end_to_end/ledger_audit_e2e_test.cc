// Ledger against log in the whole service: by its own rounds, and by `fulcrum ledger reconcile`
// beside it; until when an exhausted surface defers, and what its parity shows.
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "apps/ledger_command.h"
#include "apps/scrape.h"
#include "fulcrum/decision_log_reader.h"
#include "orchestrator/ledger_store.h"
#include "tests/apps/command_run.h"
#include "tests/end_to_end/service_fixture.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum {
namespace {

using ::fulcrum::testing::CommandRun;
using ::fulcrum::testing::IsOk;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1574553600);  // midnight UTC

constexpr char kBundle[] =
    R"(server: {listen: '127.0.0.1:0', metrics_listen: '127.0.0.1:0', data_dir: data, ledger_audit_interval: 0s}
surfaces:
  - {id: page, campaigns: [ads], latency_budget: 1s, region_key: context.country}
campaigns:
  - id: ads
    account: shop
    currency: EUR
    actions: [{id: big, cost_micros: 3}, {id: small, cost_micros: 1}]
constraints:
  - {id: hourly, account: shop, resource: cost, window: hour, limit: 120}
  - {id: cap, account: shop, per: user, resource: exposures, window: rolling, span: 3h, limit: 9}
parity:
  - {id: even, by: region, decisions_min: 10}
context_keys: [{name: country, type: text}]
)";

class LedgerAuditE2eTest : public testing::ServiceFixture {
 protected:
  void Start() {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ + "/bundle.yaml") << kBundle;
    apps::ServiceOptions options;
    options.bundle_directory = directory_;
    options.clock_mode = edge::ClockMode::kRequest;
    options.id_seed = 5;
    StartService(options);
  }
  absl::StatusOr<Decision> Decide(int user, absl::Time now, const std::string& request_id = "",
                                  const std::string& country = "") {
    DecisionRequest request;
    request.request_id = request_id;
    request.user_id = absl::StrCat("user-", user);
    request.surface = "page";
    request.occurred_at = now;
    if (!country.empty()) request.context["country"] = country;
    return client_->Decide(request, kLong);
  }
  CommandRun Reconcile(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"reconcile", directory_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return testing::RunCommand(apps::AddLedgerCommand, "ledger", arguments);
  }
  double Metric(const std::string& name) {
    const auto values =
        apps::Scrape(absl::StrCat("127.0.0.1:", service_->metrics_port()), absl::Seconds(10));
    EXPECT_THAT(values, IsOk());
    for (const telemetry::SeriesValue& one : *values) {
      if (one.name == name) return one.value;
    }
    ADD_FAILURE() << name;
    return -1;
  }

  testing::TemporaryDirectory temporary_;
  const std::string directory_ = temporary_.path() + "/bundle";
};

TEST_F(LedgerAuditE2eTest, RoundsAndCommandAgreeAndFindWhatIsChanged) {
  Start();
  int call = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 60; ++i, ++call) {
      ASSERT_THAT(Decide(call % 20, kStart + absl::Minutes(call)), IsOk());
    }
    const auto report = service_->ledger_auditor().Round();
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->clean());
    EXPECT_GE(report->exact, 1u + static_cast<uint64_t>(round))
        << "hours; which users, chance says";
    EXPECT_GE(report->lsn, static_cast<Lsn>(60 * (round + 1)));
  }
  EXPECT_EQ(Metric("fulcrum_ledger_audit_rounds_total"), 3);
  EXPECT_EQ(Metric("fulcrum_ledger_audit_differing_sums"), 0);
  EXPECT_GE(Metric("fulcrum_ledger_audit_sums"), 3);
  const CommandRun beside = Reconcile();
  EXPECT_EQ(beside.exit_code, 0) << beside.out << beside.err;
  EXPECT_THAT(beside.out, HasSubstr("reconciled"));
  Stop();
  EXPECT_EQ(Reconcile().exit_code, 0);

  {  // somebody changes the ledger
    auto store =
        orchestrator::LedgerStore::Open(base::PosixFileSystem(), directory_ + "/data/ledger");
    ASSERT_THAT(store, IsOk());
    const auto image = (*store)->ReadAll();
    ASSERT_THAT(image, IsOk());
    ASSERT_FALSE(image->spends.empty());
    orchestrator::StoreBatch batch;
    batch.spends.push_back(image->spends.back());
    batch.spends.back().spent -= 1;
    ASSERT_THAT((*store)->Write(batch, true), IsOk());
  }
  const CommandRun found = Reconcile();
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_THAT(found.out, HasSubstr("DIFFERS: row hourly, from 2019-11-24T"));
  EXPECT_THAT(found.out, HasSubstr("NOT RECONCILED: 1 sums differ"));
  EXPECT_THAT(Reconcile({"--json"}).out, HasSubstr("\"differing\":1"));

  Start();
  const auto report = service_->ledger_auditor().Round();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->differing, 1u);
  EXPECT_EQ(Metric("fulcrum_ledger_audit_differing_sums"), 1);
  Stop();
  bool told = false;
  const auto reader = DecisionLogReader::Open(directory_ + "/data/log");
  ASSERT_THAT(reader, IsOk());
  LogEntry entry;
  while (*(*reader)->Next(&entry)) {
    const auto* const audit = std::get_if<AuditRecord>(&entry.event);
    told = told || (audit != nullptr && audit->action == "ledger.differs");
  }
  EXPECT_TRUE(told);
}

TEST_F(LedgerAuditE2eTest, AMissingLedgerIsNamed) {
  std::filesystem::create_directories(directory_);
  std::ofstream(directory_ + "/bundle.yaml") << kBundle;
  const CommandRun run = Reconcile();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("there is no store in"));
  EXPECT_THAT(run.err, HasSubstr("--data"));
}

TEST_F(LedgerAuditE2eTest, AnExhaustedSurfaceSaysUntilWhenAndRepeatsIt) {
  Start();
  std::optional<Decision> last;
  for (int i = 0; i < 200 && !(last && last->defer_until); ++i) {
    auto decision = Decide(i, kStart + absl::Seconds(i), absl::StrCat("r-", i));
    ASSERT_THAT(decision, IsOk());
    last = *decision;
    if (!last->defer_until) continue;
    EXPECT_EQ(last->degradation, Degradation::kNoCandidate);
    EXPECT_EQ(last->actions.front().action_id, kNeutralActionId);
    EXPECT_EQ(*last->defer_until, kStart + absl::Hours(1));
    auto again = Decide(i, kStart + absl::Seconds(i), absl::StrCat("r-", i));
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(again->id, last->id);
    EXPECT_EQ(again->defer_until, last->defer_until);
  }
  ASSERT_TRUE(last && last->defer_until) << "the budget was never exhausted";
  const auto later = Decide(500, *last->defer_until);
  ASSERT_THAT(later, IsOk());
  EXPECT_EQ(later->degradation, Degradation::kNone);
  EXPECT_FALSE(later->defer_until.has_value());
  Stop();
  // The record has it, so a restarted service repeats it too.
  Start();
  const auto entries = ReadDecision(directory_ + "/data/log", last->id);
  ASSERT_THAT(entries, IsOk());
  const auto* const record = std::get_if<DecisionRecord>(&entries->front().event);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(absl::FromUnixMicros(record->defer_until_us), *last->defer_until);
}

TEST_F(LedgerAuditE2eTest, ParityIsWatched) {
  Start();
  for (int i = 0; i < 40; ++i) {
    ASSERT_THAT(Decide(i, kStart + absl::Minutes(2 * i), "", i % 2 == 0 ? "FR" : "DE"), IsOk());
  }
  EXPECT_EQ(Metric("fulcrum_parity_judged_cohorts"), 2);
  EXPECT_GT(Metric("fulcrum_parity_ratio"), 0.3);
  EXPECT_LE(Metric("fulcrum_parity_ratio"), 1);
  EXPECT_EQ(Metric("fulcrum_parity_ratio_min"), 0.8);
  EXPECT_EQ(Metric("fulcrum_parity_decisions"), 20);
}

}  // namespace
}  // namespace fulcrum
