#include "apps/demo_rows.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "base/status_macros.h"
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

}  // namespace

absl::StatusOr<std::vector<RowUse>> FoldRows(const config::Bundle& bundle,
                                             const std::string& log_directory) {
  using Key = std::tuple<std::string, int64_t, UserRef>;  // row, window, user
  std::map<Key, int64_t> spent;
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
  for (const config::Constraint& row : bundle.constraints) {
    RowUse use;
    use.row = row.id;
    use.campaign = CampaignOf(bundle, row);
    use.resource = row.resource;
    use.campaign_total = !row.per_user && row.window == config::Window::kTotal;
    use.limit = row.limit;
    const int64_t least = SmallestUse(bundle, row);
    for (auto use_of = spent.lower_bound({row.id, std::numeric_limits<int64_t>::min(), UserRef{}});
         use_of != spent.end() && std::get<0>(use_of->first) == row.id; ++use_of) {
      if (use_of->second == 0) continue;  // all of it was returned
      ++use.windows;
      use.spent_total += use_of->second;
      use.spent_max = std::max(use.spent_max, use_of->second);
      if (row.limit - use_of->second < least) ++use.windows_full;
    }
    uses.push_back(use);
  }
  return uses;
}

}  // namespace fulcrum::apps
