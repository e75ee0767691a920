#include "simulation/truth.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fulcrum/decision_record.h"
#include "simulation/visits.h"

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

std::string Conversions(const World& world, const std::vector<double>& rates) {
  return ByAction(world, [&](size_t arm) { return rates[arm]; });
}

std::string CellJson(const World& world, const Oracle& oracle, size_t cell) {
  const Cell& of = world.cells[cell];
  std::string text =
      absl::StrCat("    {\"segment\": ", Quoted(of.segment), ", \"x\": ", Number(of.x),
                   ", \"share\": ", Number(of.share),
                   ",\n     \"conversion\": ", Conversions(world, world.conversion[cell]));
  if (world.IsStatic()) {
    absl::StrAppend(&text, ",\n     \"credited\": ",
                    ByAction(world, [&](size_t arm) { return world.Credited(cell, arm); }),
                    ",\n     \"oracle\": ", Conversions(world, oracle.choice[cell]));
  }
  return text + "}";
}

// What moves the rates of the cells: changes, earlier exposures, the position.
std::string MotionJson(const World& world) {
  std::vector<std::string> changes;
  changes.reserve(world.changes.size());
  for (const Change& change : world.changes) {
    std::vector<std::string> cells;
    cells.reserve(change.conversion.size());
    for (const std::vector<double>& rates : change.conversion) {
      cells.push_back(Conversions(world, rates));
    }
    changes.push_back(absl::StrCat("    {\"from_s\": ", Number(absl::ToDoubleSeconds(change.from)),
                                   ", \"x\": ", Number(change.x), ",\n     \"conversion\": [",
                                   absl::StrJoin(cells, ",\n       "), "]}"));
  }
  return absl::StrCat(
      "  \"changes\": [", changes.empty() ? "" : "\n", absl::StrJoin(changes, ",\n"),
      "],\n  \"period_s\": ", Number(absl::ToDoubleSeconds(world.period)),
      ",\n  \"fatigue\": ", Number(world.fatigue), ",\n  \"positions\": [",
      absl::StrJoin(world.positions, ", "), "],\n  \"outcome_delay_s\": ",
      ByAction(world, [&](size_t arm) { return absl::ToDoubleSeconds(world.OutcomeDelay(arm)); }));
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
  std::string text = absl::StrCat("{\n  \"world\": ", Quoted(world.name), ",\n  \"cells\": [\n",
                                  absl::StrJoin(cells, ",\n"), "\n  ],\n", MotionJson(world),
                                  ",\n  \"linear\": ", world.linear ? "true" : "false",
                                  ",\n  \"timing\": ", TimingJson(world.timing));
  if (world.IsStatic()) {
    absl::StrAppend(&text, ",\n  \"oracle\": {\"value_per_shown\": ", Number(oracle.value),
                    ", \"spend_micros_per_shown\": ", Number(oracle.spend),
                    ", \"price_per_micro\": ", Number(oracle.price), "}");
  }
  return text + "\n}\n";
}

std::string VisitsCsv(const World& world, uint64_t seed, uint32_t users, uint64_t count) {
  std::string text = "number,time_s,user,cell,x,shown";
  for (size_t position = 1; position <= world.positions.size(); ++position) {
    absl::StrAppend(&text, ",luck_", position, ",delay_", position);
  }
  text += "\n";
  Visits visits(world, seed, users);
  for (uint64_t i = 0; i < count; ++i) {
    const Visit visit = visits.Next();
    absl::StrAppend(&text, visit.number, ",",
                    Number(absl::ToDoubleSeconds(visit.time - WorldStart())), ",", visit.user, ",",
                    visit.cell, ",", Number(world.ContextAt(visit.time, visit.cell)), ",",
                    visit.shown ? 1 : 0);
    for (const Luck& luck : visit.positions) {
      absl::StrAppendFormat(&text, ",%.17g,%.17g", luck.luck, luck.delay);
    }
    text += "\n";
  }
  return text;
}

}  // namespace fulcrum::simulation
