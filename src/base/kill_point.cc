#include "base/kill_point.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace fulcrum::base::internal {
namespace {

struct Setting {
  std::string name;
  uint64_t count = 0;      // 0: by probability
  uint64_t threshold = 0;  // of a 64-bit random number
  std::atomic<uint64_t> passed{0};
  uint64_t seed = 0;
};

// A 64-bit mix (SplitMix64's finaliser): one number per pass, without shared state.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

bool ParseInto(const std::vector<std::string>& parts, Setting* setting) {
  if (parts.size() < 2 || parts[0].empty()) return false;
  setting->name = parts[0];
  if (parts.size() == 2) {
    return absl::SimpleAtoi(parts[1], &setting->count) && setting->count > 0;
  }
  double probability = 0;
  if (parts.size() != 3 || !absl::SimpleAtod(parts[1], &probability) ||
      !absl::SimpleAtoi(parts[2], &setting->seed) || !(probability > 0 && probability < 1)) {
    return false;
  }
  setting->threshold = static_cast<uint64_t>(probability * 18446744073709551615.0);
  return true;
}

std::vector<Setting*> ReadSettings() {
  std::vector<Setting*> settings;
  const char* const text = std::getenv("FULCRUM_KILL_POINT");
  if (text == nullptr || *text == '\0') return settings;
  for (const auto& part : absl::StrSplit(text, ',')) {
    const std::vector<std::string> fields = absl::StrSplit(part, ':');
    settings.push_back(new Setting);  // lives as long as the process
    if (!ParseInto(fields, settings.back())) {
      std::fprintf(stderr, "FULCRUM_KILL_POINT='%s' is neither NAME:COUNT nor NAME:P:SEED\n", text);
      std::abort();
    }
  }
  return settings;
}

const std::vector<Setting*>& Settings() {
  static const std::vector<Setting*>* const settings = new std::vector<Setting*>(ReadSettings());
  return *settings;
}

}  // namespace

bool KillPointsArmed() {
  return !Settings().empty();
}

void PassKillPoint(std::string_view name) {
  for (Setting* const setting : Settings()) {
    if (setting->name != "*" && setting->name != name) continue;
    const uint64_t passed = ++setting->passed;
    const bool due = setting->count > 0 ? passed == setting->count
                                        : Mix(setting->seed ^ Mix(passed)) < setting->threshold;
    if (due) {
      // Written first, so that the test can count which points really fired.
      std::fprintf(stderr, "kill point %.*s\n", static_cast<int>(name.size()), name.data());
      std::fflush(stderr);
      kill(getpid(), SIGKILL);
      pause();
    }
  }
}

}  // namespace fulcrum::base::internal
