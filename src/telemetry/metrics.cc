#include "telemetry/metrics.h"

#include <netdb.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutex.h"
#include "fulcrum/version.h"

namespace fulcrum::telemetry {
namespace {

constexpr int kAnswers = 6;
constexpr int kReasons = 9;
constexpr int kGrpcCodes = 17;
constexpr double kSecondsPerMicro = 1e-6;

// Bucket edges in seconds. The latency edges hold the usual L_max values, so that an objective can
// be read off without interpolation.
const prometheus::Histogram::BucketBoundaries& LatencyBuckets() {
  static const auto* const kBuckets = new prometheus::Histogram::BucketBoundaries{
      0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075,
      0.010,  0.015,   0.020,  0.025,   0.030, 0.050,  0.100, 0.250, 1};
  return *kBuckets;
}
const prometheus::Histogram::BucketBoundaries& StageBuckets() {
  static const auto* const kBuckets = new prometheus::Histogram::BucketBoundaries{
      0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025,
      0.0005,   0.001,   0.002,    0.005,   0.010,  0.050};
  return *kBuckets;
}

constexpr std::array<std::string_view, kGrpcCodes> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};
constexpr std::array<std::string_view, kLogPressures> kLogPressureNames = {"block", "degrade",
                                                                           "drop_detail"};
constexpr std::array<std::string_view, kMethods> kMethodNames = {
    "Decide", "ReportExposure", "ReportOutcome", "Pause", "Resume", "ListSwitches", "SetBudget"};

prometheus::Counter* PlainCounter(prometheus::Registry& registry, const std::string& name,
                                  const std::string& help) {
  return &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

// Families whose values live elsewhere (ledger, log) and are asked for at scrape time.
class PulledFamilies final : public prometheus::Collectable {
 public:
  void Add(PulledFamily family) {
    base::MutexLock lock(&mutex_);
    families_.push_back(std::move(family));
  }
  void Clear() {
    base::MutexLock lock(&mutex_);
    families_.clear();
  }
  std::vector<prometheus::MetricFamily> Collect() const override {
    base::MutexLock lock(&mutex_);
    std::vector<prometheus::MetricFamily> result;
    result.reserve(families_.size());
    for (const PulledFamily& family : families_) result.push_back(Read(family));
    return result;
  }

 private:
  static prometheus::MetricFamily Read(const PulledFamily& family) {
    prometheus::MetricFamily result;
    result.name = family.name;
    result.help = family.help;
    result.type = family.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (Sample& sample : family.read()) {
      prometheus::ClientMetric metric;
      if (!family.label_name.empty()) {
        metric.label.push_back({family.label_name, std::move(sample.label)});
      }
      for (auto& [name, value] : sample.more_labels) {
        metric.label.push_back({name, std::move(value)});
      }
      metric.counter.value = sample.value;
      metric.gauge.value = sample.value;
      result.metric.push_back(std::move(metric));
    }
    return result;
  }

  mutable base::Mutex mutex_;
  std::vector<PulledFamily> families_ ABSL_GUARDED_BY(mutex_);
};

// Connects to host:port and hangs up.
void Knock(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return;
  const int connection = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (connection >= 0) {
    // Whether it is accepted does not matter: it has woken whoever waits for it.
    (void)connect(connection, found->ai_addr, found->ai_addrlen);
    close(connection);
  }
  freeaddrinfo(found);
}

}  // namespace

struct Metrics::Parts {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::shared_ptr<PulledFamilies> pulled = std::make_shared<PulledFamilies>();
  std::unique_ptr<prometheus::Exposer> exposer;
  std::string host;  // where it listens
  std::string port;
  // [surface][answer][reason]
  std::vector<std::array<std::array<prometheus::Counter*, kReasons>, kAnswers>> decisions;
  std::vector<std::array<prometheus::Counter*, kLogPressures>> log_pressure;  // [surface][policy]
  std::vector<prometheus::Counter*> ineligible;                               // [surface]
  std::array<prometheus::Histogram*, kStages> stages{};
  std::array<prometheus::Counter*, kStages> deadlines_exceeded{};
  std::array<std::array<prometheus::Counter*, kGrpcCodes>, kMethods> rpcs{};
  std::array<prometheus::Histogram*, kMethods> rpc_durations{};
  prometheus::Counter* rows_fresh = nullptr;
  prometheus::Counter* rows_missing = nullptr;
  prometheus::Counter* rows_stale = nullptr;
  prometheus::Counter* dropped_context_keys = nullptr;
  prometheus::Counter* unlogged = nullptr;
  prometheus::Counter* superseded = nullptr;

  void RegisterDecisions(const std::vector<std::string>& surfaces);
  void RegisterLogPressure(const std::vector<std::string>& surfaces);
  void RegisterIneligible(const std::vector<std::string>& surfaces);
  void RegisterLatencies();
  void RegisterRest();
};

void Metrics::Parts::RegisterDecisions(const std::vector<std::string>& surfaces) {
  auto& family = prometheus::BuildCounter()
                     .Name("fulcrum_decisions_total")
                     .Help("Answered decisions by surface, kind of answer and reason if not full")
                     .Register(*registry);
  for (const std::string& surface : surfaces) {
    auto& handles = decisions.emplace_back();
    for (int answer = 0; answer < kAnswers; ++answer) {
      for (int reason = 0; reason < kReasons; ++reason) {
        handles[answer][reason] =
            &family.Add({{"surface", surface},
                         {"answer", std::string(ToWord(static_cast<Answer>(answer)))},
                         {"reason", std::string(ToWord(static_cast<Degradation>(reason)))}});
      }
    }
  }
}

void Metrics::Parts::RegisterLogPressure(const std::vector<std::string>& surfaces) {
  auto& family = prometheus::BuildCounter()
                     .Name("fulcrum_log_pressure_total")
                     .Help(
                         "Decisions that met a log queue at least half full, by surface and by "
                         "what the surface does then")
                     .Register(*registry);
  for (const std::string& surface : surfaces) {
    auto& handles = log_pressure.emplace_back();
    for (size_t policy = 0; policy < kLogPressures; ++policy) {
      handles[policy] =
          &family.Add({{"surface", surface}, {"policy", std::string(kLogPressureNames[policy])}});
    }
  }
}

void Metrics::Parts::RegisterIneligible(const std::vector<std::string>& surfaces) {
  auto& family = prometheus::BuildCounter()
                     .Name("fulcrum_ineligible_actions_total")
                     .Help("Actions of the surface or the caller's list that were not eligible")
                     .Register(*registry);
  for (const std::string& surface : surfaces) {
    ineligible.push_back(&family.Add({{"surface", surface}}));
  }
}

void Metrics::Parts::RegisterLatencies() {
  auto& stage_family = prometheus::BuildHistogram()
                           .Name("fulcrum_decision_stage_duration_seconds")
                           .Help("Time of a decision spent in one stage of the request path")
                           .Register(*registry);
  for (int i = 0; i < kStages; ++i) {
    stages[i] =
        &stage_family.Add({{"stage", std::string(ToWord(static_cast<Stage>(i)))}}, StageBuckets());
  }
  auto& deadline_family =
      prometheus::BuildCounter()
          .Name("fulcrum_deadline_exceeded_total")
          .Help("Decisions answered by the fallback because a stage, or all of them, took too long")
          .Register(*registry);
  for (const Stage stage : {Stage::kFeatures, Stage::kOrchestration, Stage::kTotal}) {
    deadlines_exceeded[static_cast<size_t>(stage)] =
        &deadline_family.Add({{"stage", std::string(ToWord(stage))}});
  }
  auto& rpc_family = prometheus::BuildCounter()
                         .Name("fulcrum_rpc_requests_total")
                         .Help("Finished calls by method and gRPC status code")
                         .Register(*registry);
  auto& duration_family = prometheus::BuildHistogram()
                              .Name("fulcrum_rpc_duration_seconds")
                              .Help("Time from a call's arrival until its reply left")
                              .Register(*registry);
  for (int method = 0; method < kMethods; ++method) {
    const std::string name(kMethodNames[method]);
    rpc_durations[method] = &duration_family.Add({{"method", name}}, LatencyBuckets());
    for (int code = 0; code < kGrpcCodes; ++code) {
      rpcs[method][code] =
          &rpc_family.Add({{"method", name}, {"code", std::string(kCodeNames[code])}});
    }
  }
}

void Metrics::Parts::RegisterRest() {
  auto& rows = prometheus::BuildCounter()
                   .Name("fulcrum_feature_rows_total")
                   .Help("Feature rows looked up by decisions, by state")
                   .Register(*registry);
  rows_fresh = &rows.Add({{"state", "fresh"}});
  rows_missing = &rows.Add({{"state", "missing"}});
  rows_stale = &rows.Add({{"state", "stale"}});
  dropped_context_keys =
      PlainCounter(*registry, "fulcrum_context_keys_dropped_total",
                   "Context entries that the bundle does not declare or that had the wrong type");
  unlogged = PlainCounter(*registry, "fulcrum_unlogged_answers_total",
                          "Answers sent before their log record was durable");
  superseded = PlainCounter(*registry, "fulcrum_superseded_decisions_total",
                            "Logged decisions that were not served because the log was late");
  prometheus::BuildGauge()
      .Name("fulcrum_build_info")
      .Help("Constant 1, labelled with the version")
      .Register(*registry)
      .Add({{"version", kVersion}})
      .Set(1);
}

Metrics::Metrics(const std::vector<std::string>& surfaces) : parts_(std::make_unique<Parts>()) {
  parts_->RegisterDecisions(surfaces);
  parts_->RegisterLogPressure(surfaces);
  parts_->RegisterIneligible(surfaces);
  parts_->RegisterLatencies();
  parts_->RegisterRest();
}

Metrics::~Metrics() {
  Close();
}

void Metrics::CountDecision(int surface, Answer answer, Degradation reason) {
  parts_
      ->decisions[static_cast<size_t>(surface)][static_cast<size_t>(answer)]
                 [static_cast<size_t>(reason)]
      ->Increment();
}

void Metrics::ObserveStage(Stage stage, int64_t microseconds) {
  parts_->stages[static_cast<size_t>(stage)]->Observe(static_cast<double>(microseconds) *
                                                      kSecondsPerMicro);
}

void Metrics::CountDeadlineExceeded(Stage stage) {
  prometheus::Counter* const counter = parts_->deadlines_exceeded[static_cast<size_t>(stage)];
  FULCRUM_CHECK(counter != nullptr);
  counter->Increment();
}

void Metrics::CountRpc(Method method, int grpc_code, int64_t microseconds) {
  const auto row = static_cast<size_t>(method);
  const bool known = grpc_code >= 0 && grpc_code < kGrpcCodes;
  parts_->rpcs[row][known ? static_cast<size_t>(grpc_code) : 2]->Increment();
  parts_->rpc_durations[row]->Observe(static_cast<double>(microseconds) * kSecondsPerMicro);
}

void Metrics::CountFeatureRows(uint32_t fresh, uint32_t missing, uint32_t stale) {
  if (fresh > 0) parts_->rows_fresh->Increment(fresh);
  if (missing > 0) parts_->rows_missing->Increment(missing);
  if (stale > 0) parts_->rows_stale->Increment(stale);
}

void Metrics::CountDroppedContextKeys(uint32_t keys) {
  if (keys > 0) parts_->dropped_context_keys->Increment(keys);
}

void Metrics::CountUnloggedAnswer() {
  parts_->unlogged->Increment();
}
void Metrics::CountSuperseded() {
  parts_->superseded->Increment();
}

void Metrics::CountLogPressure(int surface, LogPressure policy) {
  parts_->log_pressure[static_cast<size_t>(surface)][static_cast<size_t>(policy)]->Increment();
}

void Metrics::CountIneligible(int surface, size_t actions) {
  if (actions == 0) return;
  parts_->ineligible[static_cast<size_t>(surface)]->Increment(static_cast<double>(actions));
}

void Metrics::AddPulled(PulledFamily family) {
  parts_->pulled->Add(std::move(family));
}

absl::StatusOr<int> Metrics::Serve(const std::string& listen) {
  try {
    parts_->exposer = std::make_unique<prometheus::Exposer>(listen, /*num_threads=*/1);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", listen, ": ",
                                               error.what(),
                                               "; set server.metrics_listen to a free port"));
  }
  parts_->exposer->RegisterCollectable(parts_->registry);
  parts_->exposer->RegisterCollectable(parts_->pulled);
  const int port = parts_->exposer->GetListeningPorts().front();
  parts_->host = listen.substr(0, listen.rfind(':'));
  if (parts_->host.starts_with('[')) parts_->host = parts_->host.substr(1, parts_->host.size() - 2);
  parts_->port = absl::StrCat(port);
  return port;
}

void Metrics::Close() {
  parts_->pulled->Clear();
  if (parts_->exposer == nullptr) return;
  // Its accepting thread looks up every two seconds, or when somebody connects.
  std::atomic<bool> closed{false};
  std::thread knocking([this, &closed] {
    while (!closed) {
      Knock(parts_->host, parts_->port);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  parts_->exposer.reset();
  closed = true;
  knocking.join();
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = parts_->registry->Collect();
  for (prometheus::MetricFamily& family : parts_->pulled->Collect()) {
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::string_view ToWord(Answer answer) {
  constexpr std::array<std::string_view, kAnswers> kWords = {"full",    "degraded", "editorial",
                                                             "neutral", "held_out", "baseline"};
  return kWords[static_cast<size_t>(answer)];
}

std::string_view ToWord(Degradation reason) {
  constexpr std::array<std::string_view, kReasons> kWords = {
      "none", "deadline", "feature_error", "feature_stale", "no_candidate", "ledger_unavailable",
      "disk", "shed",     "paused"};
  return kWords[static_cast<size_t>(reason)];
}

std::string_view ToWord(Stage stage) {
  constexpr std::array<std::string_view, kStages> kWords = {"edge",          "features", "scoring",
                                                            "orchestration", "log",      "total"};
  return kWords[static_cast<size_t>(stage)];
}

}  // namespace fulcrum::telemetry
