#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "apps/demo_report.h"
#include "apps/explanation.h"
#include "apps/recipe_demo.h"
#include "decision_log/record_names.h"

namespace fulcrum::apps {
namespace {

constexpr double kMicrosPerUnit = 1e6;

std::string Line(const std::string& label, const std::string& text) {
  return absl::StrFormat("  %-26s%s\n", label, text);
}

const char* NameOf(config::Durability durability) {
  switch (durability) {
    case config::Durability::kNone:
      return "none";
    case config::Durability::kProcess:
      return "process";
    case config::Durability::kPower:
      return "power";
  }
  return "unknown";
}

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string Percent(uint64_t part, uint64_t whole) {
  return absl::StrFormat("%.1f %%", 100 * Share(part, whole));
}

std::string Head(const RecipeReport& report) {
  const simulation::Recipe& recipe = report.recipe;
  const auto day = [&recipe](absl::Time time) {
    return absl::FormatTime("%Y-%m-%d", time, recipe.zone);
  };
  std::string text = absl::StrFormat("Recipe %s: %s\n", recipe.name, recipe.what);
  absl::StrAppend(
      &text,
      Line("shoppers", absl::StrCat(recipe.shoppers, ", simulated by seed ", report.seed,
                                    "; what they like is made up")),
      Line("visits", absl::StrFormat("%d, from %s to %s, played in %.0f s", report.traffic.visits,
                                     day(recipe.start), day(report.end), report.seconds)));
  for (const auto& [how, count] : report.log.answers) {
    const auto& [answer, degradation] = how;
    absl::StrAppend(
        &text,
        Line(absl::StrCat("  answered ", decision_log::NameOf(answer)),
             absl::StrCat(count, " (", Percent(count, report.log.decisions), ")",
                          degradation == Degradation::kNone ? "" : ": " + InWords(degradation))));
  }
  return text;
}

std::string Actions(const RecipeReport& report) {
  const std::string& unit = report.recipe.unit;
  uint64_t positions = 0;
  for (const auto& [action, use] : report.log.actions) positions += use.drawn;
  std::string text = absl::StrFormat("\nActions, by what was drawn%-4s%8s%9s%10s%10s%12s\n", "",
                                     "drawn", "share", "settled", "rewarded", "per settled");
  std::vector<std::pair<std::string, ActionUse>> actions(report.log.actions.begin(),
                                                         report.log.actions.end());
  std::stable_sort(actions.begin(), actions.end(),
                   [](const auto& a, const auto& b) { return a.second.drawn > b.second.drawn; });
  for (const auto& [action, use] : actions) {
    const std::string mean =
        use.settled == 0 ? "-"
                         : absl::StrFormat("%.4f", use.reward / static_cast<double>(use.settled));
    absl::StrAppendFormat(&text, "  %-28s%8d%9s%10d%10d%12s\n", action, use.drawn,
                          Percent(use.drawn, positions), use.settled, use.rewarded, mean);
  }
  absl::StrAppend(&text, "  Settled: shown, and the time for a reward is over. The reward is in ",
                  unit, ".\n");
  return text;
}

std::string Amount(const RowUse& row, int64_t amount) {
  if (row.resource == config::Resource::kExposures) return absl::StrCat(amount);
  return absl::StrFormat("%.2f", static_cast<double>(amount) / kMicrosPerUnit);
}

std::string Limits(const RecipeReport& report) {
  std::string text = absl::StrFormat("\n%-28s%12s%12s%14s  %s\n", "Limits", "limit", "fullest",
                                     "all together", "windows full");
  bool has_cost = false;
  for (const RowUse& use : report.rows) {
    has_cost = has_cost || use.resource == config::Resource::kCost;
    absl::StrAppendFormat(&text, "  %-26s%12s%12s%14s  %d of %d%s\n", use.row,
                          Amount(use, use.limit), Amount(use, use.spent_max),
                          Amount(use, use.spent_total), use.windows_full, use.windows,
                          use.soft ? ", soft" : "");
  }
  absl::StrAppend(&text, "  Exposures",
                  has_cost ? absl::StrCat(", or ", report.currency, " of cost") : "",
                  "; a full window has no room for one more.\n");
  if (report.log.relaxed > 0) {
    absl::StrAppendFormat(&text,
                          "  In %d decisions soft limits gave way, so as not to show nothing.\n",
                          report.log.relaxed);
  }
  return text;
}

std::string Masks(const RecipeReport& report) {
  std::string text =
      absl::StrFormat("\nCandidates that could not be drawn, of %d\n", report.log.candidates);
  if (report.log.masked.empty()) absl::StrAppend(&text, "  none\n");
  for (const auto& [reason, count] : report.log.masked) {
    absl::StrAppendFormat(&text, "  %7d  %8s  %s\n", count, Percent(count, report.log.candidates),
                          InWords(reason));
  }
  absl::StrAppend(&text, "  Who is not eligible by a rule is no candidate and not counted here.\n");
  return text;
}

std::string Guards(const RecipeReport& report) {
  std::string text =
      absl::StrFormat("\n%-55s%8s%8s\n", "What must never be shown", "visits", "shown");
  for (const GuardCount& guard : report.traffic.guards) {
    absl::StrAppendFormat(&text, "  %-53s%8d%8d%s\n", guard.what, guard.applied, guard.broken,
                          guard.broken > 0 ? "  BROKEN" : "");
  }
  return text;
}

std::string Interval(const evaluation::Estimate* estimate) {
  if (estimate == nullptr) return "";
  return absl::StrFormat("%.4f [%.4f, %.4f]", estimate->value, estimate->ci_low, estimate->ci_high);
}

std::string Policies(const RecipeReport& report) {
  using evaluation::Estimator;
  const bool slate = report.recipe.slate_size > 1;
  std::string text = absl::StrFormat(
      "\nWhat the choice earned, from the log alone: %s per %s (95 %% intervals)\n  %-28s%-28s%s\n",
      report.recipe.unit, slate ? "position shown" : "decision", "", "IPS", "DR");
  constexpr const char* kWhat[] = {"served", "uniform: drawing blindly", "greedy: the best guess"};
  for (size_t i = 0; i < report.policies.size() && i < std::size(kWhat); ++i) {
    const evaluation::Evaluation& of = report.policies[i].evaluation;
    absl::StrAppendFormat(&text, "  %-28s%-28s%s\n", kWhat[i], Interval(of.Find(Estimator::kIps)),
                          Interval(of.Find(Estimator::kDr)));
  }
  if (report.policies.empty()) return "";
  const evaluation::Evaluation& served = report.policies.front().evaluation;
  std::vector<std::string> excluded;
  excluded.reserve(served.excluded.size());
  for (const auto& [reason, count] : served.excluded) {
    excluded.push_back(absl::StrCat(count, " ", reason));
  }
  absl::StrAppend(&text, "  From ", served.rows, " rows", excluded.empty() ? "" : ", without ",
                  absl::StrJoin(excluded, ", "), ".\n");
  for (const auto& [finding, names] : FindingsOf(report.policies)) {
    absl::StrAppend(&text, "  ", absl::StrJoin(names, ", "), ": ", finding, "\n");
  }
  return text;
}

std::string LiftText(const RecipeReport& report) {
  if (!report.log.lift.has_value()) return "";
  const Lift& lift = *report.log.lift;
  const auto side = [&report](const Side& of) {
    return absl::StrFormat("%.4f %s per user, %d users", of.mean, report.recipe.unit, of.users);
  };
  const char* const verdict = lift.low > 0 ? "the interval lies above 0: it brings something"
                              : lift.high < 0
                                  ? "the interval lies below 0: it does harm"
                                  : "the interval holds 0: no conclusion, chance can explain it";
  std::string text = absl::StrFormat(
      "\nWhat doing something brings: experiment %s, %.0f %% of the users held "
      "out\n",
      lift.experiment, 100 * lift.share);
  absl::StrAppend(
      &text, Line("everybody else", side(lift.treated)), Line("held out", side(lift.held_out)),
      Line("lift",
           absl::StrFormat("%+.4f per user [%+.4f, %+.4f], %+.0f %%; %s", lift.difference, lift.low,
                           lift.high, 100 * lift.difference / lift.held_out.mean, verdict)));
  return text;
}

std::string Times(const RecipeReport& report) {
  const RecipeTraffic& traffic = report.traffic;
  const auto both = [](const std::vector<int64_t>& times) {
    return absl::StrFormat("%d us p50, %d us p99", Percentile(times, 0.5), Percentile(times, 0.99));
  };
  return absl::StrCat(
      "\nLatency, on a machine that also plays the shoppers\n",
      Line("in the server", both(traffic.server_us)),
      Line("at the client", both(traffic.client_us)),
      Line("in the bundle",
           absl::StrCat("a latency budget of ", absl::FormatDuration(report.latency_budget),
                        ", durability ", NameOf(report.durability))),
      Line("in this run", "10s and process, so that the seed decides and not the machine"));
}

std::string Proof(const RecipeReport& report) {
  const std::string& log = report.log_directory;
  return absl::StrCat(
      "\nDecision log\n", Line("records", absl::StrCat(report.proof.records)),
      Line("verified", report.proof.finding),
      Line("no limit exceeded",
           report.proof.verified ? "yes, at every record of the log" : "NOT PROVEN"),
      Line("replayed", report.proof.replay_finding), "\nTo look further\n  LOG=", log,
      "\n  fulcrum explain ", report.log.most_masked.ToString(), " --log $LOG",
      "\n  fulcrum replay --verify $LOG\n  fulcrum evaluate $LOG --target uniform --estimator "
      "ips,dr\n  fulcrum log stats $LOG\n");
}

}  // namespace

std::string ToTable(const RecipeReport& report) {
  return absl::StrCat(Head(report), Actions(report), Limits(report), Masks(report), Guards(report),
                      Policies(report), LiftText(report), Times(report), Proof(report));
}

}  // namespace fulcrum::apps
