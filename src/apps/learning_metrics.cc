#include "apps/learning_metrics.h"

#include <utility>
#include <vector>

namespace fulcrum::apps {
namespace {

using decision_log::ChargeStats;
using decision_log::JoinStats;
using learning::LearnerStats;
using telemetry::Sample;

struct State {
  const char* label;
  uint64_t JoinStats::*value;
};

// One family with a label, or without one if its states have none.
void AddCounter(const char* name, const char* help, std::vector<State> states,
                const learning::Learner* learner, telemetry::Metrics* metrics) {
  const char* const label = states.size() == 1 ? "" : "state";
  metrics->AddPulled({name, help, label, true, [learner, states = std::move(states)] {
                        const JoinStats join = learner->Stats().join;
                        std::vector<Sample> samples;
                        for (const State& state : states) {
                          samples.push_back({state.label, static_cast<double>(join.*state.value)});
                        }
                        return samples;
                      }});
}

struct ChargeState {
  const char* label;
  uint64_t ChargeStats::*value;
};

void AddChargeCounter(const char* name, const char* help, std::vector<ChargeState> states,
                      const learning::Learner* learner, telemetry::Metrics* metrics,
                      const char* label = "state") {
  if (states.size() == 1) label = "";
  metrics->AddPulled(
      {name, help, label, true, [learner, states = std::move(states)] {
         const ChargeStats charges = learner->Stats().charges;
         std::vector<Sample> samples;
         for (const ChargeState& state : states) {
           samples.push_back({state.label, static_cast<double>(charges.*state.value)});
         }
         return samples;
       }});
}

void AddGauge(const char* name, const char* help, const learning::Learner* learner,
              double (*value)(const LearnerStats&), telemetry::Metrics* metrics) {
  metrics->AddPulled({name, help, "", false, [learner, value] {
                        return std::vector<Sample>{{"", value(learner->Stats())}};
                      }});
}

void AddReports(const learning::Learner* learner, telemetry::Metrics* metrics) {
  AddCounter("fulcrum_learning_settled_positions_total", "Positions that have taught their reward",
             {{"", &JoinStats::settled}}, learner, metrics);
  AddCounter("fulcrum_learning_corrections_total", "Rewards that changed after they had taught",
             {{"", &JoinStats::corrected}}, learner, metrics);
  AddCounter("fulcrum_learning_unshown_positions_total",
             "Positions whose exposure window ended without a report", {{"", &JoinStats::unshown}},
             learner, metrics);
  AddCounter("fulcrum_learning_unknown_reports_total",
             "Reports of decisions that are unknown, forgotten or no evidence",
             {{"", &JoinStats::unknown}}, learner, metrics);
  AddCounter("fulcrum_learning_exposures_total", "Exposures of known decisions",
             {{"shown", &JoinStats::exposures},
              {"late", &JoinStats::exposures_late},
              {"repeated", &JoinStats::exposures_repeated}},
             learner, metrics);
  AddCounter("fulcrum_learning_outcomes_total", "Outcomes of known decisions",
             {{"credited", &JoinStats::outcomes},
              {"late", &JoinStats::outcomes_late},
              {"repeated", &JoinStats::outcomes_repeated},
              {"other", &JoinStats::outcomes_other}},
             learner, metrics);
}

void AddCharges(const learning::Learner* learner, telemetry::Metrics* metrics) {
  AddGauge(
      "fulcrum_charges_open_decisions", "Decisions of which something may be given back", learner,
      [](const LearnerStats& stats) { return static_cast<double>(stats.open_charges); }, metrics);
  AddChargeCounter("fulcrum_charges_outcomes_total", "Outcomes that rows are charged on",
                   {{"charged", &ChargeStats::outcomes},
                    {"late", &ChargeStats::outcomes_late},
                    {"repeated", &ChargeStats::outcomes_repeated}},
                   learner, metrics);
  AddChargeCounter("fulcrum_charges_costs_above_total",
                   "Outcomes that cost more than was taken for them, which counted as that much",
                   {{"", &ChargeStats::costs_above}}, learner, metrics);
  AddChargeCounter("fulcrum_charges_returns_total", "Outcomes that give back what was taken",
                   {{"returned", &ChargeStats::returns},
                    {"late", &ChargeStats::returns_late},
                    {"repeated", &ChargeStats::returns_repeated}},
                   learner, metrics);
  AddChargeCounter("fulcrum_charges_settlements_total",
                   "Records that gave something back, by cause",
                   {{"window_closed", &ChargeStats::window_closed},
                    {"returned", &ChargeStats::returned},
                    {"unshown", &ChargeStats::unshown},
                    {"corrected", &ChargeStats::corrected}},
                   learner, metrics, "cause");
}

}  // namespace

void AddLearningMetrics(const learning::Learner* learner, const base::Clock* clock,
                        telemetry::Metrics* metrics) {
  AddReports(learner, metrics);
  AddCharges(learner, metrics);
  AddGauge(
      "fulcrum_learning_lag_records", "Records logged and not folded yet", learner,
      [](const LearnerStats& stats) {
        return static_cast<double>(stats.logged_lsn - stats.folded_lsn);
      },
      metrics);
  AddGauge(
      "fulcrum_learning_posterior_lsn", "Last record that changed the posteriors in use", learner,
      [](const LearnerStats& stats) { return static_cast<double>(stats.published_lsn); }, metrics);
  AddGauge(
      "fulcrum_learning_open_decisions", "Decisions that reports may still change", learner,
      [](const LearnerStats& stats) { return static_cast<double>(stats.open_decisions); }, metrics);
  metrics->AddPulled({"fulcrum_learning_ignored_total", "Rewards that the posteriors could not use",
                      "", true, [learner] {
                        const LearnerStats stats = learner->Stats();
                        return std::vector<Sample>{{"", static_cast<double>(stats.ignored)}};
                      }});
  metrics->AddPulled({"fulcrum_learning_capped_total",
                      "Rewards beyond the cap of their surface, which counted as the cap", "", true,
                      [learner] {
                        const LearnerStats stats = learner->Stats();
                        return std::vector<Sample>{{"", static_cast<double>(stats.capped)}};
                      }});
  metrics->AddPulled(
      {"fulcrum_learning_ill_conditioned_total",
       "Changes that a linear posterior's factor could not follow", "", true, [learner] {
         const LearnerStats stats = learner->Stats();
         return std::vector<Sample>{{"", static_cast<double>(stats.ill_conditioned)}};
       }});
  metrics->AddPulled({"fulcrum_learning_checkpoint_age_seconds",
                      "Since the last checkpoint of what was learned was written", "", false,
                      [learner, clock] {
                        const LearnerStats stats = learner->Stats();
                        const absl::Duration age = clock->Now() - stats.checkpoint_time;
                        return std::vector<Sample>{{"", absl::ToDoubleSeconds(age)}};
                      }});
}

}  // namespace fulcrum::apps
