#include "telemetry/diagnostics.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>

#include "base/mutex.h"

namespace fulcrum::telemetry {
namespace {

spdlog::logger& Logger() {
  static spdlog::logger* const kLogger = [] {
    auto* logger = new spdlog::logger("fulcrum", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::info);
    return logger;
  }();
  return *kLogger;
}

// Quotes a value that a line-oriented reader could take for two, and hides control characters, so
// that no input can forge a line.
void AppendValue(std::string_view value, std::string* line) {
  const bool plain = value.find_first_of(" \"=\\") == std::string_view::npos && !value.empty();
  if (!plain) line->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') line->push_back('\\');
    line->push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c);
  }
  if (!plain) line->push_back('"');
}

void Write(spdlog::level::level_enum level, std::string_view event,
           std::initializer_list<Field> fields, uint64_t suppressed = 0) {
  std::string line(event);
  for (const auto& [key, value] : fields) {
    line.append(" ").append(key).append("=");
    AppendValue(value, &line);
  }
  if (suppressed > 0) line.append(" suppressed=").append(std::to_string(suppressed));
  Logger().log(level, "{}", line);
}

// A bucket of ten lines that refills every second.
class LineLimit {
 public:
  // True if a line may be written; then `suppressed` tells how many were not since the last one.
  bool Take(uint64_t* suppressed) {
    const auto now = std::chrono::steady_clock::now();
    base::MutexLock lock(&mutex_);
    if (now - window_start_ >= std::chrono::seconds(1)) {
      window_start_ = now;
      lines_ = 0;
    }
    if (lines_ >= kLinesPerSecondMax) {
      ++suppressed_;
      return false;
    }
    ++lines_;
    *suppressed = suppressed_;
    suppressed_ = 0;
    return true;
  }

 private:
  static constexpr int kLinesPerSecondMax = 10;
  base::Mutex mutex_;
  std::chrono::steady_clock::time_point window_start_ ABSL_GUARDED_BY(mutex_);
  int lines_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t suppressed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

void Info(std::string_view event, std::initializer_list<Field> fields) {
  Write(spdlog::level::info, event, fields);
}
void Warn(std::string_view event, std::initializer_list<Field> fields) {
  Write(spdlog::level::warn, event, fields);
}
void Error(std::string_view event, std::initializer_list<Field> fields) {
  Write(spdlog::level::err, event, fields);
}

void WarnLimited(std::string_view event, std::initializer_list<Field> fields) {
  static LineLimit* const kLimit = new LineLimit;
  uint64_t suppressed = 0;
  if (kLimit->Take(&suppressed)) Write(spdlog::level::warn, event, fields, suppressed);
}

}  // namespace fulcrum::telemetry
