#include "exchange/decision_table.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "decision_log/record_names.h"

namespace fulcrum::exchange {
namespace {

using decision_log::JoinedRow;

// Names, types and order are relied on by who reads the files: new columns go to the end.
constexpr Column kColumns[] = {{"lsn", ColumnType::kUint64},
                               {"decision_id", ColumnType::kText},
                               {"time", ColumnType::kTime},
                               {"request_id", ColumnType::kText},
                               {"user_ref", ColumnType::kText},
                               {"surface", ColumnType::kText},
                               {"segment", ColumnType::kText},
                               {"slate_size", ColumnType::kUint64},
                               {"position", ColumnType::kUint64},
                               {"action", ColumnType::kText},
                               {"campaign", ColumnType::kText},
                               {"propensity", ColumnType::kDouble},
                               {"exposure", ColumnType::kText},
                               {"state", ColumnType::kText},
                               {"reward_kind", ColumnType::kText},
                               {"reward", ColumnType::kDouble},
                               {"attribution_window_us", ColumnType::kInt64},
                               {"answer", ColumnType::kText},
                               {"degradation", ColumnType::kText},
                               {"replayable", ColumnType::kText},
                               {"bundle", ColumnType::kText},
                               {"model", ColumnType::kText},
                               {"schema", ColumnType::kUint64},
                               {"posterior_lsn", ColumnType::kUint64},
                               {"price_version", ColumnType::kUint64}};

Cell NumberOr(double value, bool there) {
  return there ? Cell(value) : Cell();
}

// Empty text and no text are the same to CSV, so they are the same here.
Cell Text(std::string text) {
  return text.empty() ? Cell() : Cell(std::move(text));
}

Cell Version(uint64_t version) {
  return version == 0 ? Cell() : Cell(std::string(absl::StrFormat("%016x", version)));
}

Cell User(const UserRef& user) {
  return user == UserRef{} ? Cell() : Cell(base::ToHex(user));
}

}  // namespace

absl::Span<const Column> DecisionColumns() {
  return kColumns;
}

std::vector<Cell> CellsOf(const JoinedRow& row) {
  return {row.lsn,
          row.id.ToString(),
          row.occurred_us,
          Text(row.request_id),
          User(row.user_ref),
          Text(row.surface),
          Text(row.segment),
          uint64_t{row.slate_size},
          uint64_t{row.position},
          Text(row.action_id),
          Text(row.campaign_id),
          NumberOr(PropensityOf(row.drawn), row.drawn != 0),
          std::string(NameOf(row.exposure)),
          std::string(NameOf(row.state)),
          Text(row.reward_kind),
          NumberOr(row.reward, !std::isnan(row.reward)),
          row.attribution_window_us,
          std::string(decision_log::NameOf(row.answer)),
          std::string(decision_log::NameOf(row.degradation)),
          std::string(decision_log::NameOf(row.replayable)),
          Version(row.versions.bundle),
          Version(row.versions.model),
          uint64_t{row.versions.schema},
          row.versions.posterior_lsn,
          row.versions.price_version};
}

}  // namespace fulcrum::exchange
