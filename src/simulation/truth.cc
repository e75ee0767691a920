#include "simulation/truth.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::simulation {
namespace {

// Names in worlds are ids: nothing in them needs escaping.
std::string Quoted(const std::string& name) {
  return absl::StrCat("\"", name, "\"");
}

std::string Number(double value) {
  return absl::StrFormat("%.15g", value);
}

template <typename Value>
std::string ByAction(const World& world, Value value) {
  std::vector<std::string> entries;
  for (size_t arm = 0; arm <= world.neutral(); ++arm) {
    const std::string id = arm == world.neutral() ? kNeutralActionId : world.arms[arm].id;
    entries.push_back(absl::StrCat(Quoted(id), ": ", Number(value(arm))));
  }
  return absl::StrCat("{", absl::StrJoin(entries, ", "), "}");
}

std::string CellJson(const World& world, const Oracle& oracle, size_t cell) {
  const Cell& of = world.cells[cell];
  return absl::StrCat("    {\"segment\": ", Quoted(of.segment), ", \"x\": ", Number(of.x),
                      ", \"share\": ", Number(of.share), ",\n     \"conversion\": ",
                      ByAction(world, [&](size_t arm) { return world.conversion[cell][arm]; }),
                      ",\n     \"credited\": ",
                      ByAction(world, [&](size_t arm) { return world.Credited(cell, arm); }),
                      ",\n     \"oracle\": ",
                      ByAction(world, [&](size_t arm) { return oracle.choice[cell][arm]; }), "}");
}

std::string Seconds(const char* name, absl::Duration span) {
  return absl::StrCat(Quoted(name), ": ", Number(absl::ToDoubleSeconds(span)));
}

std::string TimingJson(const Timing& timing) {
  return absl::StrCat("{", Seconds("visit_gap_s", timing.visit_gap), ", ",
                      Seconds("exposure_window_s", timing.exposure_window), ", ",
                      Seconds("exposure_lag_max_s", timing.exposure_lag_max), ", ",
                      Seconds("attribution_window_s", timing.attribution_window), ", ",
                      Seconds("outcome_delay_s", timing.outcome_delay), ", ",
                      Seconds("outcome_lag_max_s", timing.outcome_lag_max),
                      ", \"shown\": ", Number(timing.shown),
                      ", \"shown_late\": ", Number(timing.shown_late),
                      ", \"repeated\": ", Number(timing.repeated), "}");
}

}  // namespace

std::string TruthJson(const World& world, const Oracle& oracle) {
  std::vector<std::string> cells;
  for (size_t cell = 0; cell < world.cells.size(); ++cell) {
    cells.push_back(CellJson(world, oracle, cell));
  }
  return absl::StrCat("{\n  \"world\": ", Quoted(world.name), ",\n  \"cells\": [\n",
                      absl::StrJoin(cells, ",\n"),
                      "\n  ],\n  \"timing\": ", TimingJson(world.timing),
                      ",\n  \"oracle\": {\"value_per_shown\": ", Number(oracle.value),
                      ", \"spend_micros_per_shown\": ", Number(oracle.spend),
                      ", \"price_per_micro\": ", Number(oracle.price), "}\n}\n");
}

}  // namespace fulcrum::simulation
