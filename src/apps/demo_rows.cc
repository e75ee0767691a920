#include "apps/demo_rows.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "base/status_macros.h"
#include "domain/moving_span.h"
#include "fulcrum/decision_log_reader.h"

namespace fulcrum::apps {
namespace {

// What one more decision takes from the row, at the least.
int64_t SmallestUse(const config::Bundle& bundle, const config::Constraint& row) {
  int64_t smallest = std::numeric_limits<int64_t>::max();
  for (const int32_t action : row.actions) {
    const int64_t amount = config::AmountOf(bundle.actions[static_cast<size_t>(action)], row);
    if (amount > 0) smallest = std::min(smallest, amount);
  }
  return smallest;
}

// The one campaign that the row counts; empty if there are several.
std::string CampaignOf(const config::Bundle& bundle, const config::Constraint& row) {
  int32_t campaign = -1;
  for (const int32_t action : row.actions) {
    const int32_t one = bundle.actions[static_cast<size_t>(action)].campaign;
    if (campaign >= 0 && one != campaign) return "";
    campaign = one;
  }
  return campaign < 0 ? "" : bundle.campaigns[static_cast<size_t>(campaign)].id;
}

using Key = std::tuple<std::string, int64_t, UserRef>;  // row, window, user
using Spent = std::map<Key, int64_t>;

// What a row took at once, at the most, by window; of a window that moves with the clock by user.
std::vector<int64_t> Fullest(const config::Constraint& row, const Spent& spent) {
  const auto first = spent.lower_bound({row.id, std::numeric_limits<int64_t>::min(), UserRef{}});
  std::map<std::pair<int64_t, UserRef>, int64_t> fullest;
  const int64_t length_us = domain::StepUs(row.span_us) * domain::kStepsPerSpan;
  for (auto last = first; last != spent.end() && std::get<0>(last->first) == row.id; ++last) {
    const auto& [id, start_us, user] = last->first;
    if (row.span_us == 0) {
      fullest[{start_us, user}] = last->second;
      continue;
    }
    int64_t within = 0;  // the steps that count together with this one
    for (auto step = spent.lower_bound({id, start_us - length_us, UserRef{}});
         step != spent.upper_bound(last->first); ++step) {
      if (std::get<2>(step->first) == user) within += step->second;
    }
    int64_t& most = fullest[{0, user}];
    most = std::max(most, within);
  }
  std::vector<int64_t> amounts;
  for (const auto& [window, amount] : fullest) {
    if (amount != 0) amounts.push_back(amount);  // else all of it was returned
  }
  return amounts;
}

int64_t Total(const config::Constraint& row, const Spent& spent) {
  int64_t total = 0;
  for (auto use = spent.lower_bound({row.id, std::numeric_limits<int64_t>::min(), UserRef{}});
       use != spent.end() && std::get<0>(use->first) == row.id; ++use) {
    total += use->second;
  }
  return total;
}

RowUse UseOf(const config::Bundle& bundle, const config::Constraint& row, const Spent& spent) {
  RowUse use;
  use.row = row.id;
  use.campaign = CampaignOf(bundle, row);
  use.resource = row.resource;
  use.campaign_total = !row.per_user && row.window == config::Window::kTotal;
  use.soft = !row.IsHard();
  use.limit = row.limit;
  use.spent_total = Total(row, spent);
  const int64_t least = SmallestUse(bundle, row);
  for (const int64_t amount : Fullest(row, spent)) {
    ++use.windows;
    use.spent_max = std::max(use.spent_max, amount);
    if (row.limit - amount < least) ++use.windows_full;
  }
  return use;
}

}  // namespace

absl::StatusOr<std::vector<RowUse>> FoldRows(const config::Bundle& bundle,
                                             const std::string& log_directory) {
  Spent spent;
  FULCRUM_ASSIGN_OR_RETURN(const auto reader, DecisionLogReader::Open(log_directory));
  const auto add = [&spent](const Debit& debit, const UserRef& user, int64_t sign) {
    spent[{debit.row, debit.window_start_us, debit.per_user ? user : UserRef{}}] +=
        sign * debit.amount;
  };
  LogEntry entry;
  for (;;) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, reader->Next(&entry));
    if (!more) break;
    if (const auto* decision = std::get_if<DecisionRecord>(&entry.event)) {
      for (const PositionRecord& position : decision->positions) {
        for (const Debit& debit : position.debits) add(debit, decision->user_ref, 1);
      }
    } else if (const auto* superseded = std::get_if<SupersededRecord>(&entry.event)) {
      for (const Debit& debit : superseded->refunds) add(debit, superseded->user_ref, -1);
    } else if (const auto* unshown = std::get_if<UnshownRecord>(&entry.event)) {
      for (const Debit& debit : unshown->refunds) add(debit, unshown->user_ref, -1);
    } else if (const auto* settlement = std::get_if<SettlementRecord>(&entry.event)) {
      for (const Debit& debit : settlement->refunds) add(debit, settlement->user_ref, -1);
    }
  }
  if (reader->end() != LogEnd::kClean) return absl::DataLossError(ToString(reader->damage()));
  std::vector<RowUse> uses;
  uses.reserve(bundle.constraints.size());
  for (const config::Constraint& row : bundle.constraints) {
    uses.push_back(UseOf(bundle, row, spent));
  }
  return uses;
}

}  // namespace fulcrum::apps
