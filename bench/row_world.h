// A bundle whose rows all count on all of its actions, and a ledger that keeps its books in a
// folder for as long as the object lives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "config/loader.h"
#include "leases/memory_lease_store.h"
#include "orchestrator/lease_desk.h"
#include "orchestrator/ledger.h"

namespace fulcrum::bench {

// `%` is the limit. Of each kind about as many; none of them per user twice.
inline constexpr const char* kRowKinds[] = {
    "account: shop, resource: cost, window: day, limit: %",
    "account: shop, resource: cost, window: hour, limit: %",
    "account: shop, resource: exposures, window: total, limit: %",
    "account: shop, resource: exposures, per: user, window: day, limit: %",
    "account: shop, resource: exposures, window: rolling, span: 6h, limit: %",
    "surfaces: [page], resource: exposures, window: day, limit: %",
    "account: shop, resource: cost, window: total, limit: %",
    "where: [{key: context.country, values: [de]}], resource: cost, window: day, limit: %",
    "account: shop, resource: exposures, window: hour, limit: %, relaxation: 1",
    "account: shop, resource: attribute, attribute: weight, window: day, limit: %",
};

inline constexpr const char* kNoLimit = "1000000000000000";

// Actions of one campaign that cost 1,000 micros and a little more each; the first `rows` of the
// kinds, over and over. No distribution has to be computed to draw on the surface.
inline std::string RowBundleText(int actions, int rows) {
  std::string text =
      "surfaces: [{id: page, campaigns: [c], policy_salt: bench, candidates_max: 1000, policy: "
      "{kind: epsilon_greedy, epsilon: 0.1}, exploration_floor: 0}]\n"
      "campaigns: [{id: c, account: shop, currency: EUR, actions: [";
  for (int i = 0; i < actions; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", "{id: a", i, ", cost_micros: ", 1000 + i,
                    ", attributes: [{name: weight, number: 0.5}]}");
  }
  absl::StrAppend(&text, "]}]\ncontext_keys: [{name: country, type: text}]\n",
                  rows == 0 ? "" : "constraints:\n");
  for (int i = 0; i < rows; ++i) {
    std::string kind = kRowKinds[static_cast<size_t>(i) % std::size(kRowKinds)];
    kind.replace(kind.find('%'), 1, kNoLimit);
    absl::StrAppend(&text, "  - {id: r", i, ", ", kind, "}\n");
  }
  return text;
}

inline std::shared_ptr<const config::Bundle> BundleOf(const std::string& text) {
  config::Problems problems;
  auto bundle =
      config::BuildBundle(base::PosixFileSystem(), {{"bench.yaml", text}}, "/", &problems);
  FULCRUM_CHECK(bundle.ok());
  return *std::move(bundle);
}

class LedgerInFolder {
 public:
  LedgerInFolder(const std::string& name, std::shared_ptr<const config::Bundle> bundle)
      : directory_(std::filesystem::temp_directory_path() / ("fulcrum_" + name)) {
    std::filesystem::remove_all(directory_);
    orchestrator::LedgerOptions options;
    options.directory = directory_.string();
    options.files = base::PosixFileSystem();
    options.clock = &clock_;
    options.leases =
        std::make_shared<leases::MemoryLeaseStore>(orchestrator::BooksOfTheOnlyReplica(), &clock_);
    options.boot_id = "bench";
    auto ledger = orchestrator::Ledger::Open(options, std::move(bundle));
    FULCRUM_CHECK(ledger.ok());
    ledger_ = *std::move(ledger);
    FULCRUM_CHECK(ledger_->FinishRecovery(0).ok());
  }
  ~LedgerInFolder() {
    ledger_.reset();
    std::filesystem::remove_all(directory_);
  }
  LedgerInFolder(const LedgerInFolder&) = delete;
  LedgerInFolder& operator=(const LedgerInFolder&) = delete;

  orchestrator::Ledger* get() const { return ledger_.get(); }
  absl::Time now() const { return clock_.Now(); }

 private:
  const std::filesystem::path directory_;
  const base::SystemClock clock_;
  std::unique_ptr<orchestrator::Ledger> ledger_;
};

}  // namespace fulcrum::bench
