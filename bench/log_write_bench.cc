// `log_write_vs_raw`: the writer with durability `power` against plain write and fdatasync of the
// very same batches. The other rows say where the writer's time goes and how long a decision is.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/hash.h"
#include "bench/interleave.h"
#include "bench/log_folder.h"
#include "bench/recording_files.h"
#include "bench/rows.h"
#include "decision_log/compression.h"
#include "decision_log/record_codec.h"

namespace fulcrum::bench {
namespace {

using decision_log::Durability;
using decision_log::LogOptions;
using Clock = std::chrono::steady_clock;

constexpr size_t kDecisions = 10'000;  // a window
constexpr size_t kOutstanding = 2048;
constexpr int kPairs = 11;

double MicrosSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Opened anew before the clock starts, with the same room reserved.
double WriteRaw(const RecordingFiles::Recording& recording) {
  const BenchFolder folder;
  std::vector<int> files;
  for (size_t i = 0; i < recording.files.size(); ++i) {
    const std::string path = absl::StrCat(folder.path(), "/", i);
    files.push_back(open(path.c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600));
    FULCRUM_CHECK(files.back() >= 0);
    const auto reserved = static_cast<off_t>(recording.files[i].second);
    if (reserved > 0) static_cast<void>(fallocate(files.back(), 0, 0, reserved));
    FULCRUM_CHECK(fsync(files.back()) == 0);
  }
  const auto start = Clock::now();
  for (const RecordingFiles::Step& step : recording.steps) {
    const int file = files[step.file];
    if (step.sync) {
      FULCRUM_CHECK(fdatasync(file) == 0);
    } else {
      FULCRUM_CHECK(write(file, step.bytes.data(), step.bytes.size()) ==
                    static_cast<ssize_t>(step.bytes.size()));
    }
  }
  const double taken = MicrosSince(start);
  for (const int file : files) close(file);
  return taken;
}

struct Window {
  double us = 0;
  size_t batches = 0;
  size_t syncs = 0;
  uint64_t bytes = 0;
};

// The writer's windows and, by turns, the same batches raw.
class PowerPair {
 public:
  Window Ours() {
    const BenchFolder folder;
    RecordingFiles files;
    LogOptions options;
    options.directory = folder.path();
    options.files = &files;
    options.durability = Durability::kPower;
    RunningLog log(std::move(options));
    auto decisions = MakeDecisions(&data_, kDecisions);
    static_cast<void>(files.Take());  // of opening
    const auto start = Clock::now();
    log.Append(std::move(decisions), kOutstanding);
    Window window{.us = MicrosSince(start)};
    recording_ = files.Take();
    for (const RecordingFiles::Step& step : recording_.steps) {
      ++(step.sync ? window.syncs : window.batches);
      window.bytes += step.bytes.size();
    }
    return window;
  }

  Window Raw() { return {.us = WriteRaw(recording_)}; }

 private:
  LogData data_;
  RecordingFiles::Recording recording_;
};

void ReportPower() {
  PowerPair pair;
  const auto figures = Interleave(
      kPairs, [&] { return pair.Ours(); }, [&] { return pair.Raw(); });
  std::vector<double> ratios;
  for (const auto& [ours, raw] : figures) ratios.push_back(raw.us / ours.us);
  const auto [least, greatest] = std::minmax_element(ratios.begin(), ratios.end());
  const Window& last = figures.back().first;
  ReportRow(
      {"log_write_vs_raw", Median(ratios), "ratio", 0.9, Aim::kAtLeast, Gate::kReported,
       absl::StrFormat("rate of durability power by that of write and fdatasync of the same "
                       "batches, %d pairs of windows of %d decisions (min %.2f, max %.2f; last "
                       "window: %.1f us a decision, %d writes, %d syncs, %.1f MB)",
                       kPairs, kDecisions, *least, *greatest, last.us / kDecisions, last.batches,
                       last.syncs, static_cast<double>(last.bytes) * 1e-6)});
}

struct ProcessCost {
  double us = 0;          // until the last acknowledgement
  double writer_cpu = 0;  // processor time of all threads but the appending one
  double bytes = 0;       // of both streams
};

// All per decision.
ProcessCost MeasureProcess(LogData* data, const std::string& directory) {
  LogOptions options;
  options.directory = directory;
  options.durability = Durability::kProcess;
  RunningLog log(std::move(options));
  auto decisions = MakeDecisions(data, kDecisions);
  const double process = CpuMicros(CLOCK_PROCESS_CPUTIME_ID);
  const double thread = CpuMicros(CLOCK_THREAD_CPUTIME_ID);
  const auto start = Clock::now();
  log.Append(std::move(decisions), kOutstanding);
  ProcessCost cost{.us = MicrosSince(start)};
  cost.writer_cpu =
      CpuMicros(CLOCK_PROCESS_CPUTIME_ID) - process - (CpuMicros(CLOCK_THREAD_CPUTIME_ID) - thread);
  FULCRUM_CHECK(log.writer->Stop().ok());
  cost.bytes = static_cast<double>(log.writer->Stats().bytes);
  for (double* const figure : {&cost.us, &cost.writer_cpu, &cost.bytes}) *figure /= kDecisions;
  return cost;
}

// Where the time goes: each part alone, on what the writer would have it do.
struct Parts {
  double encoding = 0;
  double compression = 0;
  double sha256 = 0;
  double crc = 0;
};

Parts MeasureParts(LogData* data) {
  const auto decisions = MakeDecisions(data, kDecisions);
  decision_log::RecordEncoder encoder;
  std::vector<std::string> payloads[2];  // by stream
  Parts parts;
  double start = CpuMicros(CLOCK_THREAD_CPUTIME_ID);
  const auto lap = [&start](double* part) {
    const double now = CpuMicros(CLOCK_THREAD_CPUTIME_ID);
    *part = (now - start) / kDecisions;
    start = now;
  };
  uint64_t sink = 0;
  for (const LoggedDecision& one : decisions) {
    sink += encoder.Encode(LogEvent(one.record)).size();
    sink += encoder.Encode(one.snapshot).size();
  }
  lap(&parts.encoding);
  double copies = 0;  // the event that the loop above had to copy
  for (const LoggedDecision& one : decisions) sink += LogEvent(one.record).index();
  lap(&copies);
  parts.encoding -= copies;
  for (const LoggedDecision& one : decisions) {
    payloads[0].emplace_back(encoder.Encode(LogEvent(one.record)));
    payloads[1].emplace_back(encoder.Encode(one.snapshot));
  }
  std::string stored[2];
  std::vector<size_t> sizes[2];
  decision_log::PayloadCompressor compressors[2];
  for (const int stream : {0, 1}) {
    std::string dictionary;
    for (size_t i = 0; dictionary.size() < (stream == 0 ? 32U : 64U) << 10; ++i) {
      dictionary += payloads[stream][i];
    }
    compressors[stream].SetDictionary(dictionary);
    stored[stream].reserve(kDecisions * 6000);
  }
  start = CpuMicros(CLOCK_THREAD_CPUTIME_ID);
  for (const int stream : {0, 1}) {
    for (const std::string& payload : payloads[stream]) {
      uint8_t flags = 0;
      const std::string_view bytes = compressors[stream].Compress(payload, &flags);
      stored[stream] += bytes;
      sizes[stream].push_back(bytes.size());
    }
  }
  lap(&parts.compression);
  for (const std::string& bytes : stored) sink += base::Sha256(bytes)[0];
  lap(&parts.sha256);
  for (const int stream : {0, 1}) {
    std::string_view rest = stored[stream];
    for (const size_t size : sizes[stream]) {
      sink += base::Crc32c(rest.substr(0, size));
      rest.remove_prefix(size);
    }
  }
  lap(&parts.crc);
  FULCRUM_CHECK(sink != 0);
  return parts;
}

void ReportProcess() {
  LogData data;
  std::vector<double> rates, writers, bytes, shares[4];
  double by_stream[2] = {0, 0};
  for (int i = 0; i < kPairs; ++i) {
    const BenchFolder folder;
    const ProcessCost cost = MeasureProcess(&data, folder.path());
    const Parts parts = MeasureParts(&data);
    rates.push_back(1e6 / cost.us);
    writers.push_back(cost.writer_cpu);
    bytes.push_back(cost.bytes);
    const double all[] = {parts.encoding, parts.compression, parts.sha256, parts.crc};
    for (size_t part = 0; part < 4; ++part) shares[part].push_back(all[part] / cost.writer_cpu);
    const char* const streams[] = {"decisions", "features"};
    for (const int stream : {0, 1}) {
      uint64_t sum = 0;
      for (const auto& file :
           std::filesystem::directory_iterator(absl::StrCat(folder.path(), "/", streams[stream]))) {
        sum += file.file_size();
      }
      by_stream[stream] = static_cast<double>(sum) / kDecisions;
    }
  }
  const std::string of = absl::StrFormat(
      "durability process, %d windows of %d decisions, 10 candidates with 64 features", kPairs,
      kDecisions);
  ReportRow({"log_write_process_per_second", Median(rates), "1/s", 25'000, Aim::kAtLeast,
             Gate::kReported, of});
  ReportRow({"log_write_process_cpu_us", Median(writers), "us", 10, Aim::kAtMost, Gate::kReported,
             absl::StrCat("processor time of the log's threads per decision; ", of)});
  const char* const names[] = {"log_write_share_encoding", "log_write_share_compression",
                               "log_write_share_sha256", "log_write_share_crc"};
  for (size_t part = 0; part < 4; ++part) {
    ReportRow({names[part], Median(shares[part]), "ratio", part == 0 ? 0.5 : 0.25, Aim::kAtMost,
               Gate::kReported,
               "of log_write_process_cpu_us, measured alone on the same payloads"});
  }
  ReportRow({"log_bytes_per_decision", Median(bytes), "bytes", 6000, Aim::kAtMost, Gate::kReported,
             absl::StrFormat("both streams, headers, dictionaries and index included: decisions "
                             "%.0f, features %.0f (made up: bench/log_data.h)",
                             by_stream[0], by_stream[1])});
}

}  // namespace
}  // namespace fulcrum::bench

int main() {
  fulcrum::bench::ReportPower();
  fulcrum::bench::ReportProcess();
  return 0;
}
