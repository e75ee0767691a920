// `log_verify_vs_disk`: checking a whole log against only reading its files.
// `replay_selection_per_second_core`: drawing its decisions again from their records.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "bench/interleave.h"
#include "bench/log_folder.h"
#include "bench/rows.h"
#include "decision_log/verify.h"
#include "replay/verify.h"

namespace fulcrum::bench {
namespace {

constexpr size_t kDecisions = 60'000;
constexpr int kPairs = 11;

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.is_regular_file()) files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void WriteLog(const std::string& directory) {
  decision_log::LogOptions options;
  options.directory = directory;
  options.segment_bytes = uint64_t{16} << 20;
  RunningLog log(std::move(options));
  LogData data;
  for (size_t done = 0; done < kDecisions; done += 5000) {
    log.Append(MakeDecisions(&data, 5000), 2048);
  }
  FULCRUM_CHECK(log.writer->Stop().ok());
}

// What was written must be read from the disk again, by either side.
void DropFromPageCache(const std::string& directory) {
  for (const std::string& path : FilesIn(directory)) {
    const int file = open(path.c_str(), O_RDONLY);
    FULCRUM_CHECK(file >= 0 && fsync(file) == 0);
    FULCRUM_CHECK(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
    close(file);
  }
}

uint64_t ReadFiles(const std::string& directory) {
  std::vector<char> buffer(size_t{1} << 20);
  uint64_t bytes = 0;
  for (const std::string& path : FilesIn(directory)) {
    const int file = open(path.c_str(), O_RDONLY);
    FULCRUM_CHECK(file >= 0);
    for (;;) {
      const ssize_t got = read(file, buffer.data(), buffer.size());
      FULCRUM_CHECK(got >= 0);
      if (got == 0) break;
      bytes += static_cast<uint64_t>(got);
    }
    close(file);
  }
  return bytes;
}

template <typename Operation>
double Seconds(Operation&& operation) {
  const auto start = std::chrono::steady_clock::now();
  operation();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void ReportVerify(const std::string& directory, size_t threads, const char* name) {
  uint64_t bytes = 0;
  const auto verify = [&] {
    DropFromPageCache(directory);
    return Seconds([&] {
      const auto report =
          decision_log::VerifyLog(base::PosixFileSystem(), directory, {.threads = threads});
      FULCRUM_CHECK(report.ok() && report->clean() && report->records == kDecisions);
    });
  };
  const auto read = [&] {
    DropFromPageCache(directory);
    return Seconds([&] { bytes = ReadFiles(directory); });
  };
  std::vector<double> ratios;
  std::vector<double> rates;
  for (const auto& [ours, raw] : Interleave(kPairs, verify, read)) {
    ratios.push_back(raw / ours);
    rates.push_back(kDecisions / ours);
  }
  const auto [least, greatest] = std::minmax_element(ratios.begin(), ratios.end());
  ReportRow(
      {name, Median(ratios), "ratio", 0.2, Aim::kAtLeast, Gate::kReported,
       absl::StrFormat("speed of `log verify --threads %d` by that of reading the same %.0f MB, "
                       "neither in the page cache, %d pairs (min %.2f, max %.2f; %.0f "
                       "decisions/s)",
                       threads, static_cast<double>(bytes) * 1e-6, kPairs, *least, *greatest,
                       Median(rates))});
}

void ReportSelection(const std::string& directory) {
  std::vector<double> rates;
  for (int i = 0; i < kPairs; ++i) {
    const double start = CpuMicros(CLOCK_PROCESS_CPUTIME_ID);
    const auto report = replay::VerifyReplay(base::PosixFileSystem(), directory,
                                             {.level = replay::Level::kSelection});
    const double taken = CpuMicros(CLOCK_PROCESS_CPUTIME_ID) - start;
    FULCRUM_CHECK(report.ok() && report->clean());
    FULCRUM_CHECK(report->selection_identical == kDecisions);
    rates.push_back(kDecisions / taken * 1e6);
  }
  const auto [least, greatest] = std::minmax_element(rates.begin(), rates.end());
  ReportRow(
      {"replay_selection_per_second_core", Median(rates), "1/s", 100'000, Aim::kAtLeast,
       Gate::kReported,
       absl::StrFormat("decisions of 10 candidates by processor time, `replay --verify --level "
                       "selection`, median of %d (min %.0f, max %.0f)",
                       kPairs, *least, *greatest)});
}

}  // namespace
}  // namespace fulcrum::bench

int main() {
  using namespace fulcrum::bench;  // NOLINT(google-build-using-namespace)
  const BenchFolder folder;
  WriteLog(folder.path());
  ReportVerify(folder.path(), 1, "log_verify_vs_disk");
  const size_t threads = std::max(1U, std::thread::hardware_concurrency());
  ReportVerify(folder.path(), threads, "log_verify_parallel_vs_disk");
  ReportSelection(folder.path());
  return 0;
}
