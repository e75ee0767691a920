#include "apps/demo_report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace fulcrum::apps {
namespace {

constexpr double kMicrosPerUnit = 1e6;
constexpr const char* kStages[] = {"edge", "features", "scoring", "orchestration",
                                   "log",  "total",    "client"};

std::string Amount(const RowUse& row, int64_t amount) {
  if (row.resource == config::Resource::kExposures) return absl::StrCat(amount);
  return absl::StrFormat("%.0f", static_cast<double>(amount) / kMicrosPerUnit);
}

std::string Line(const std::string& label, const std::string& text) {
  return absl::StrFormat("  %-26s%s\n", label, text);
}

std::string OfAll(uint64_t part, uint64_t whole) {
  return absl::StrFormat(
      "%d (%.1f %%)", part,
      whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string TrafficTable(const DemoReport& report) {
  const TrafficResult& traffic = report.traffic;
  const evaluation::ReplayEstimate& replay = report.replay;
  std::string text = "Answers\n";
  absl::StrAppend(&text, Line("decisions", absl::StrCat(traffic.decisions)),
                  Line("  an item", OfAll(traffic.items, traffic.decisions)),
                  Line("  the neutral action", OfAll(traffic.neutral, traffic.decisions)),
                  Line("  fallback, not drawn", OfAll(traffic.fallbacks, traffic.decisions)),
                  Line("reported", absl::StrCat(traffic.exposures, " exposures, ", traffic.outcomes,
                                                " clicks")));
  for (const auto& [reason, count] : traffic.degraded) {
    absl::StrAppend(&text, Line("degraded: " + reason, OfAll(count, traffic.decisions)));
  }
  absl::StrAppend(
      &text,
      "\nClick rate per item shown (replay method: rows where the served item is the logged one)\n",
      Line("matches", OfAll(replay.matches, replay.rows)),
      Line("clicks", absl::StrCat(replay.clicks)),
      Line("click rate, served",
           absl::StrFormat("%.3f %%  [%.3f, %.3f]", 100 * replay.click_rate,
                           100 * replay.click_rate_low, 100 * replay.click_rate_high)),
      Line("click rate, logged",
           absl::StrFormat("%.3f %%  (uniform-random policy)", 100 * replay.logged_click_rate)),
      "  ", Conclusion(replay), "\n");
  return text;
}

std::string Interval(const evaluation::Estimate* estimate) {
  if (estimate == nullptr) return "";
  return absl::StrFormat("%.3f %% [%.3f, %.3f]", 100 * estimate->value, 100 * estimate->ci_low,
                         100 * estimate->ci_high);
}

std::string PolicyTable(const std::vector<PolicyValue>& policies) {
  using evaluation::Estimator;
  if (policies.empty()) return "";
  std::string text = absl::StrFormat(
      "\nWhat policies earn, from the decision log alone: clicks per action shown (95 %% "
      "intervals)\n  %-10s%-26s%-26s%-26s\n",
      "", "IPS", "SNIPS", "DR");
  for (const PolicyValue& policy : policies) {
    const evaluation::Evaluation& of = policy.evaluation;
    absl::StrAppendFormat(&text, "  %-10s%-26s%-26s%-26s\n", policy.name,
                          Interval(of.Find(Estimator::kIps)), Interval(of.Find(Estimator::kSnips)),
                          Interval(of.Find(Estimator::kDr)));
  }
  const evaluation::Evaluation& served = policies.front().evaluation;
  absl::StrAppend(&text, "  from ", served.rows, " positions that were shown");
  for (const auto& [reason, count] : served.excluded) {
    absl::StrAppend(&text, "; ", count, " ", reason);
  }
  text.push_back('\n');
  for (const auto& [finding, names] : FindingsOf(policies)) {
    absl::StrAppend(&text, "  ", absl::StrJoin(names, ", "), ": ", finding, "\n");
  }
  return text;
}

std::string LatencyTable(const TrafficResult& traffic) {
  std::string text = absl::StrFormat("\n%-28s%10s%10s\n", "Latency, microseconds", "p50", "p99");
  for (const char* stage : kStages) {
    const auto found = traffic.latencies.find(stage);
    if (found == traffic.latencies.end()) continue;
    const std::string label = std::string(stage) == "total"    ? "total, in the server"
                              : std::string(stage) == "client" ? "total, at the client"
                                                               : stage;
    absl::StrAppendFormat(&text, "  %-26s%10d%10d\n", label, Percentile(found->second, 0.5),
                          Percentile(found->second, 0.99));
  }
  return text;
}

std::string RowTable(const std::vector<RowUse>& rows) {
  std::string text = absl::StrFormat("\n%-28s%12s%14s%14s  %s\n", "Hard rows", "limit", "fullest",
                                     "all windows", "windows full");
  for (const RowUse& use : rows) {
    absl::StrAppendFormat(&text, "  %-26s%12s%14s%14s  %d of %d\n", use.row, Amount(use, use.limit),
                          Amount(use, use.spent_max), Amount(use, use.spent_total),
                          use.windows_full, use.windows);
  }
  absl::StrAppend(&text,
                  "  Costs in currency units, caps in exposures per user; a full window has no "
                  "room for one more.\n");
  return text;
}

}  // namespace

int64_t Percentile(std::vector<int64_t> values, double share) {
  if (values.empty()) return 0;
  const auto place = static_cast<size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(place), values.end());
  return values[place];
}

std::string Conclusion(const evaluation::ReplayEstimate& replay) {
  if (std::isnan(replay.click_rate)) return "Nothing was served that can be compared.";
  if (replay.difference_low > 0) {
    return "The served policy's click rate is higher than the logged one's: the interval of the "
           "difference lies above 0.";
  }
  if (replay.difference_high < 0) {
    return "The served policy's click rate is lower than the logged one's: the interval of the "
           "difference lies below 0.";
  }
  return absl::StrFormat(
      "No conclusion: %d clicks are too few. The interval of the difference, %+.3f %% to %+.3f %%, "
      "holds 0, so chance alone explains it.",
      replay.clicks, 100 * replay.difference_low, 100 * replay.difference_high);
}

std::string ToTable(const DemoReport& report) {
  std::string text = TrafficTable(report);
  absl::StrAppend(&text, PolicyTable(report.policies), LatencyTable(report.traffic),
                  RowTable(report.rows), "\nDecision log\n",
                  Line("records", absl::StrCat(report.log.records)),
                  Line("verified", report.log.finding), Line("replayed", report.log.replay_finding),
                  Line("kept in", report.log_directory));
  for (const std::string& warning : report.warnings) absl::StrAppend(&text, "\nWarning: ", warning);
  if (!report.warnings.empty()) text.push_back('\n');
  return text;
}

}  // namespace fulcrum::apps
