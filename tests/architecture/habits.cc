#include "tests/architecture/habits.h"

#include <algorithm>
#include <regex>

#include "tests/architecture/source_tree.h"

namespace fulcrum::architecture {
namespace {

namespace fs = std::filesystem;

struct Habit {
  std::vector<std::string> folders;  // where the rule holds
  std::vector<std::string> exempt;   // prefixes of files where it does not
  std::regex pattern;
  std::string sentence;
};

// Written in two parts, so that this file does not find itself.
const std::string kMarks = std::string("TO") + "DO|FIX" + "ME|XX" + "X|HA" + "CK";

std::vector<Habit> Habits() {
  std::vector<Habit> habits;
  habits.push_back({{"src", "include", "proto", "tests", "bench", "cmake", "scripts", "docs",
                     "tools", "configs", "deploy"},
                    {},
                    std::regex("\\b(" + kMarks + ")\\b"),
                    "leftover mark: finish it, or open an issue."});
  habits.push_back({{"src"},
                    {},
                    std::regex(R"(\babsl::(Mutex|MutexLock|CondVar)\b)"),
                    "use base/mutex.h: ThreadSanitizer cannot see into the packaged absl::Mutex."});
  habits.push_back({{"src"},
                    {"src/base/", "src/apps/"},  // where time and chance enter a process
                    std::regex(R"(\babsl::Now\(|\bgettimeofday\(|\btime\(nullptr\))"),
                    "wall time is an argument or a base::Clock."});
  habits.push_back(
      {{"src"},
       {"src/base/", "src/apps/", "src/edge/", "src/client/"},  // gRPC's deadlines are wall times
       std::regex(R"(\bsystem_clock\b)"),
       "wall time is an argument or a base::Clock."});
  habits.push_back({{"src"},
                    {"src/base/"},
                    std::regex(R"(\bstd::(mt19937|rand|\w+_distribution)\b|[^\w]rand\()"),
                    "randomness comes from base/random.h."});
  habits.push_back({{"src"},
                    {"src/base/", "src/apps/"},
                    std::regex(R"(\brandom_device\b)"),
                    "seeds are arguments."});
  // D7: glibc's differ by bits between processors with and without FMA.
  habits.push_back(
      {{"src/decider", "src/candidates", "src/scoring", "src/policy", "src/orchestrator"},
       {},
       std::regex(
           R"(\bstd::(exp|exp2|expm1|log|log2|log10|log1p|pow|tanh|erf|erfc|tgamma|lgamma)\()"),
       "on the decision path transcendentals come from base/math.h."});
  return habits;
}

// The line without what follows "//": comments may name what code may not call.
std::string Code(const std::string& line) {
  return line.substr(0, line.find("//"));
}

}  // namespace

std::vector<std::string> CheckHabits(const fs::path& root) {
  std::vector<std::string> findings;
  const std::vector<Habit> habits = Habits();
  for (size_t h = 0; h < habits.size(); ++h) {
    const Habit& habit = habits[h];
    const bool in_comments_too = h == 0;
    for (const std::string& folder : habit.folders) {
      for (const std::string& file :
           FilesBelow(root, folder,
                      {".h", ".cc", ".proto", ".cmake", ".sh", ".py", ".md", ".txt", ".yaml"})) {
        if (std::any_of(habit.exempt.begin(), habit.exempt.end(),
                        [&](const std::string& prefix) { return file.starts_with(prefix); })) {
          continue;
        }
        const auto lines = ReadLines(root / file);
        for (size_t i = 0; i < lines.size(); ++i) {
          if (std::regex_search(in_comments_too ? lines[i] : Code(lines[i]), habit.pattern)) {
            findings.push_back(file + ":" + std::to_string(i + 1) + ": " + habit.sentence);
          }
        }
      }
    }
  }
  return findings;
}

}  // namespace fulcrum::architecture
