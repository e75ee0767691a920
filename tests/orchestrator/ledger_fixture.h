// Bundles and records for the ledger's tests.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/bundle.h"
#include "fulcrum/decision_record.h"
#include "orchestrator/lease_desk.h"
#include "orchestrator/ledger.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::orchestrator::testing {

inline UserRef User(uint8_t number) {
  UserRef ref{};
  ref[0] = number;
  ref[15] = 1;
  return ref;
}

// Campaigns with rows, actions with costs. Actions must be added in the order of their ids.
class BundleBuilder {
 public:
  BundleBuilder() : bundle_(std::make_shared<config::Bundle>()) {}

  BundleBuilder& Campaign(std::string id, absl::TimeZone zone = absl::UTCTimeZone()) {
    config::Campaign campaign;
    campaign.id = std::move(id);
    campaign.time_zone = zone;
    bundle_->campaigns.push_back(std::move(campaign));
    return *this;
  }
  BundleBuilder& Dates(absl::Time start, absl::Time end) {
    bundle_->campaigns.back().start = start;
    bundle_->campaigns.back().end = end;
    return *this;
  }
  BundleBuilder& Row(std::string id, config::Resource resource, config::Window window,
                     int64_t limit, bool per_user = false) {
    config::Constraint row;
    row.id = std::move(id);
    row.time_zone = bundle_->campaigns.back().time_zone;
    row.per_user = per_user;
    row.resource = resource;
    row.window = window;
    row.limit = limit;
    campaign_of_row_.push_back(static_cast<int32_t>(bundle_->campaigns.size()) - 1);
    bundle_->constraints.push_back(std::move(row));
    return *this;
  }
  // The last row, to be given more.
  config::Constraint& row() { return bundle_->constraints.back(); }
  BundleBuilder& Cost(std::string id, config::Window window, int64_t limit) {
    return Row(std::move(id), config::Resource::kCost, window, limit);
  }
  BundleBuilder& Cap(std::string id, config::Window window, int64_t limit) {
    return Row(std::move(id), config::Resource::kExposures, window, limit, /*per_user=*/true);
  }
  BundleBuilder& Action(std::string id, int64_t cost_micros) {
    config::Action action;
    action.id = std::move(id);
    action.campaign = static_cast<int32_t>(bundle_->campaigns.size()) - 1;
    action.cost_micros = cost_micros;
    bundle_->actions.push_back(std::move(action));
    return *this;
  }
  // Rows without `actions` count their campaign's.
  std::shared_ptr<config::Bundle> Build() const {
    auto built = std::make_shared<config::Bundle>(*bundle_);
    for (size_t row = 0; row < built->constraints.size(); ++row) {
      std::vector<int32_t>& counted = built->constraints[row].actions;
      if (!counted.empty()) continue;
      for (size_t i = 0; i < built->actions.size(); ++i) {
        if (built->actions[i].campaign != campaign_of_row_[row]) continue;
        counted.push_back(static_cast<int32_t>(i));
      }
    }
    config::IndexUses(built.get());
    return built;
  }

 private:
  std::vector<int32_t> campaign_of_row_;
  std::shared_ptr<config::Bundle> bundle_;
};

inline DecisionRecord RecordOf(std::vector<std::vector<Debit>> debits, const UserRef& user_ref,
                               absl::Time now) {
  DecisionRecord record;
  record.user_ref = user_ref;
  record.occurred_us = absl::ToUnixMicros(now);
  for (std::vector<Debit>& position_debits : debits) {
    PositionRecord position;
    position.debits = std::move(position_debits);
    record.positions.push_back(std::move(position));
  }
  return record;
}

inline std::vector<Debit> AllDebits(const DecisionRecord& record) {
  std::vector<Debit> debits;
  for (const PositionRecord& position : record.positions) {
    debits.insert(debits.end(), position.debits.begin(), position.debits.end());
  }
  return debits;
}

// A directory, a clock, and a log in memory that a ledger is recovered from.
class LedgerHome {
 public:
  LedgerHome() {
    options_.directory = directory_.path() + "/ledger";
    options_.files = base::PosixFileSystem();
    options_.clock = &clock_;
    options_.boot_id = "boot-1";
    options_.lease_ahead = false;
  }
  LedgerOptions& options() { return options_; }
  ::fulcrum::testing::SimulatedClock& clock() { return clock_; }
  std::vector<LogEvent>& log() { return log_; }
  Lsn log_last() const { return log_.size(); }
  absl::Time now() const { return clock_.Now(); }

  absl::StatusOr<std::unique_ptr<Ledger>> Open(std::shared_ptr<const config::Bundle> bundle) {
    LedgerOptions options = options_;
    auto leases = OpenLeases(options_.files, lease_directory(), &clock_);
    if (!leases.ok()) return leases.status();
    leases_ = *leases;
    options.leases = *std::move(leases);
    return Ledger::Open(options, std::move(bundle));
  }
  std::string root() const { return directory_.path(); }
  std::string lease_directory() const { return root() + "/leases"; }
  // Of the ledger that was opened last; null once that is gone.
  std::shared_ptr<leases::RocksDbLeaseStore> leases() const { return leases_.lock(); }

  // Opens, folds the log after the checkpoint and finishes the recovery.
  std::unique_ptr<Ledger> Start(std::shared_ptr<const config::Bundle> bundle,
                                RecoveryReport* report = nullptr) {
    absl::StatusOr<std::unique_ptr<Ledger>> ledger = Open(std::move(bundle));
    EXPECT_THAT(ledger, ::fulcrum::testing::IsOk());
    if (!ledger.ok()) return nullptr;
    for (Lsn lsn = (*ledger)->checkpoint_lsn() + 1; lsn <= log_last(); ++lsn) {
      (*ledger)->OnLogged(lsn, log_[lsn - 1]);
    }
    absl::StatusOr<RecoveryReport> finished = (*ledger)->FinishRecovery(log_last());
    EXPECT_THAT(finished, ::fulcrum::testing::IsOk());
    if (!finished.ok()) return nullptr;
    if (report != nullptr) *report = *finished;
    return std::move(*ledger);
  }

  // Appends to the log and tells the ledger.
  void Log(Ledger* ledger, LogEvent event) {
    log_.push_back(std::move(event));
    ledger->OnLogged(log_last(), log_.back());
  }

  // Acquires one draw of `action` and logs it. False: it was not secured.
  bool SpendOne(Ledger* ledger, int32_t action, const UserRef& user_ref = User(1)) {
    absl::StatusOr<Hold> hold =
        ledger->Acquire({action}, 1, user_ref, now(), domain::Wait::kMayWait);
    EXPECT_THAT(hold, ::fulcrum::testing::IsOk());
    if (!hold.ok() || !hold->secured()[0]) return false;
    const size_t drawn[] = {0};
    DecisionRecord record = RecordOf(hold->Keep(drawn), user_ref, now());
    hold->Detach();
    Log(ledger, std::move(record));
    return true;
  }

 private:
  ::fulcrum::testing::TemporaryDirectory directory_;
  ::fulcrum::testing::SimulatedClock clock_;
  LedgerOptions options_;
  std::weak_ptr<leases::RocksDbLeaseStore> leases_;
  std::vector<LogEvent> log_;
};

// Of all rows that are not per user, what was written off included.
inline int64_t SpentOf(const Ledger& ledger, absl::Time now) {
  int64_t spent = 0;
  for (const Ledger::RowStatus& row : ledger.Status(now)) spent += row.spent;
  return spent;
}

inline void ExpectConserved(const Ledger& ledger, absl::Time now) {
  for (const Ledger::RowStatus& row : ledger.Status(now)) {
    EXPECT_GE(row.limit, row.leased) << row.row;
    EXPECT_GE(row.leased, row.spent + row.held) << row.row;
    EXPECT_GE(row.held, 0) << row.row;
    EXPECT_GE(row.spent, 0) << row.row;
  }
}

}  // namespace fulcrum::orchestrator::testing
