// Everything that Prometheus can see of the process. Names, units and label values are here and
// nowhere else; all series exist from the start with value 0, and their handles are resolved then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fulcrum/decision_record.h"

namespace fulcrum::telemetry {

enum class Stage : uint8_t { kEdge, kFeatures, kScoring, kOrchestration, kLog, kTotal };
inline constexpr int kStages = 6;
enum class Method : uint8_t {
  kDecide,
  kReportExposure,
  kReportOutcome,
  kPause,
  kResume,
  kListSwitches,
  kSetBudget
};
inline constexpr int kMethods = 7;

// What a surface did because the log's queue was under pressure.
enum class LogPressure : uint8_t { kBlock, kDegrade, kDropDetail };
inline constexpr int kLogPressures = 3;

// A gauge or counter whose value is asked for at scrape time.
struct Sample {
  std::string label;  // value of the family's label; ignored if the family has none
  double value = 0;
  std::vector<std::pair<std::string, std::string>> more_labels{};  // names and values
};
struct PulledFamily {
  std::string name;
  std::string help;
  std::string label_name;  // empty: a single series without labels
  bool counter = false;
  std::function<std::vector<Sample>()> read;  // called by the scraping thread
};

// Thread-safe. Updates never block on a scrape for longer than one series' lock.
class Metrics {
 public:
  // `surfaces` in bundle order: the updates name a surface by its index.
  explicit Metrics(const std::vector<std::string>& surfaces);
  ~Metrics();

  void CountDecision(int surface, Answer answer, Degradation reason);
  void ObserveStage(Stage stage, int64_t microseconds);
  // A stage (kTotal: the whole path) did not end in its share of the latency budget.
  void CountDeadlineExceeded(Stage stage);
  void CountRpc(Method method, int grpc_code, int64_t microseconds);
  void CountFeatureRows(uint32_t fresh, uint32_t missing, uint32_t stale);
  void CountDroppedContextKeys(uint32_t keys);
  void CountUnloggedAnswer();
  void CountSuperseded();
  void CountLogPressure(int surface, LogPressure policy);
  // Actions that a decision was asked for, or could have been, and that were no candidates.
  void CountIneligible(int surface, size_t actions);

  // Adds a family that is read at scrape time. `read` must stay callable until `Close`.
  void AddPulled(PulledFamily family);

  // Serves GET /metrics on `listen` (host:port, port 0 picks one). Returns the port.
  absl::StatusOr<int> Serve(const std::string& listen);
  // Stops serving; pulled families are not read any more.
  void Close();

  // The exposition text, as a scrape would get it.
  std::string Text() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Words for enums, as they stand in metrics, in JSON and in people's output.
std::string_view ToWord(Answer answer);
std::string_view ToWord(Degradation reason);
std::string_view ToWord(Stage stage);

}  // namespace fulcrum::telemetry
