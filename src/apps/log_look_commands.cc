#include "apps/log_look_commands.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "apps/command_line.h"
#include "apps/log_entry_text.h"
#include "apps/log_filter.h"
#include "apps/log_stats.h"
#include "base/status_macros.h"

namespace fulcrum::apps {
namespace {

struct CatOptions {
  std::string directory;
  FilterOptions filter;
  uint64_t limit = 0;
  bool json = false;
};

struct TailOptions {
  std::string directory;
  FilterOptions filter;
  size_t last = 10;
  uint64_t limit = 0;
  bool follow = false;
  bool json = false;
};

struct StatsOptions {
  std::string directory;
  bool json = false;
};

constexpr absl::Duration kPollInterval = absl::Milliseconds(100);

void TellDamage(const char* command, const DecisionLogReader& reader) {
  const bool torn = reader.end() == LogEnd::kTornTail;
  std::fprintf(stderr, "%s: %s%s\n", command, torn ? "torn tail: " : "",
               ToString(reader.damage()).c_str());
}

// Hands what `filter` lets through to `use`, until that says false. True if all could be read.
template <typename Use>
absl::StatusOr<bool> Walk(const char* command, const std::string& directory, LsnRange range,
                          const LogFilter& filter, Use use) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<DecisionLogReader> reader,
                           DecisionLogReader::Open(directory, range));
  bool whole = true;
  for (;;) {
    LogEntry entry;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      if (filter.Matches(entry) && !use(std::move(entry))) return whole;
      continue;
    }
    if (reader->end() == LogEnd::kClean) return whole;
    TellDamage(command, *reader);
    whole = false;
    reader->Resume();
  }
}

// Prints what can be read; the exit code tells of what cannot.
absl::StatusOr<int> Cat(const CatOptions& options) {
  constexpr char kCommand[] = "fulcrum log cat";
  FULCRUM_ASSIGN_OR_RETURN(const LogFilter filter, LogFilter::Of(options.filter));
  uint64_t printed = 0;
  const auto print = [&](const LogEntry& entry) {
    PrintEntry(entry, options.json);
    return ++printed != options.limit;
  };
  if (filter.decision().has_value()) {
    const absl::StatusOr<std::vector<LogEntry>> entries =
        ReadDecision(options.directory, *filter.decision());
    if (entries.ok()) {
      for (const LogEntry& entry : *entries) {
        if (filter.Matches(entry) && !print(entry)) break;
      }
      return kExitOk;
    }
    // With damage, all that can be read is looked through instead.
    if (!absl::IsDataLoss(entries.status())) return entries.status();
  }
  LsnRange range;
  if (filter.from_us().has_value()) {
    const absl::StatusOr<Lsn> after = SeekLogTime(options.directory, *filter.from_us());
    if (after.ok()) {
      range.after = *after;
    } else if (!absl::IsDataLoss(after.status())) {
      return after.status();
    }
  }
  FULCRUM_ASSIGN_OR_RETURN(const bool whole,
                           Walk(kCommand, options.directory, range, filter, print));
  return whole ? kExitOk : kExitFinding;
}

struct LastEntries {
  std::deque<LogEntry> entries;
  Lsn read_lsn = 0;  // the last one that was looked at
  bool whole = true;
};

// The last `count` that match, from as few segments as hold them.
absl::StatusOr<LastEntries> ReadLast(const std::string& directory, const LogFilter& filter,
                                     size_t count) {
  FULCRUM_ASSIGN_OR_RETURN(const std::vector<LogSegment> segments, ListLogSegments(directory));
  LastEntries last;
  for (size_t i = segments.size(); i-- > 0;) {
    const bool newest = i + 1 == segments.size();
    if (!newest && last.entries.size() >= count) break;
    const size_t room = count - std::min(count, last.entries.size());
    std::deque<LogEntry> here;
    FULCRUM_ASSIGN_OR_RETURN(
        const bool whole,
        Walk("fulcrum log tail", directory, segments[i].lsns, LogFilter(), [&](LogEntry entry) {
          last.read_lsn = std::max(last.read_lsn, entry.lsn);
          if (!filter.Matches(entry)) return true;
          here.push_back(std::move(entry));
          if (here.size() > room) here.pop_front();
          return true;
        }));
    // What is torn at the newest end may be a write that is still going on.
    if (!whole && !newest) last.whole = false;
    last.read_lsn = std::max(last.read_lsn, segments[i].lsns.after);
    last.entries.insert(last.entries.begin(), std::make_move_iterator(here.begin()),
                        std::make_move_iterator(here.end()));
  }
  return last;
}

// Prints what is appended behind `after`, as it comes, until `left` are printed.
absl::Status Follow(const TailOptions& options, const LogFilter& filter, Lsn after, uint64_t left) {
  FULCRUM_ASSIGN_OR_RETURN(std::unique_ptr<DecisionLogReader> reader,
                           DecisionLogReader::Open(options.directory, after));
  for (;;) {
    LogEntry entry;
    FULCRUM_ASSIGN_OR_RETURN(const bool found, reader->Next(&entry));
    if (found) {
      after = entry.lsn;
      if (!filter.Matches(entry)) continue;
      PrintEntry(entry, options.json);
      if (--left == 0) return absl::OkStatus();
      continue;
    }
    std::fflush(stdout);
    if (reader->end() == LogEnd::kCorrupt || reader->end() == LogEnd::kQuarantined) {
      TellDamage("fulcrum log tail", *reader);
      reader->Resume();
      continue;
    }
    absl::SleepFor(kPollInterval);  // a torn tail is a write that is going on
    reader->Resume();
  }
}

absl::StatusOr<int> Tail(const TailOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const LogFilter filter, LogFilter::Of(options.filter));
  FULCRUM_ASSIGN_OR_RETURN(const LastEntries last,
                           ReadLast(options.directory, filter, options.last));
  uint64_t left = options.limit == 0 ? ~uint64_t{0} : options.limit;
  for (const LogEntry& entry : last.entries) {
    if (left == 0) break;
    PrintEntry(entry, options.json);
    --left;
  }
  if (options.follow && left != 0) {
    FULCRUM_RETURN_IF_ERROR(Follow(options, filter, last.read_lsn, left));
  }
  return last.whole ? kExitOk : kExitFinding;
}

absl::StatusOr<int> Stats(const StatsOptions& options) {
  FULCRUM_ASSIGN_OR_RETURN(const LogSummary summary, SummarizeLog(options.directory));
  std::printf("%s\n", (options.json ? ToJson(summary) : ToText(summary)).c_str());
  return summary.damaged == 0 && summary.quarantined.empty() ? kExitOk : kExitFinding;
}

}  // namespace

void AddLogLookCommands(CLI::App& log, int* exit_code) {
  auto cat_options = std::make_shared<CatOptions>();
  CLI::App* const cat = log.add_subcommand("cat", "Print the events of a log in order");
  cat->add_option("log", cat_options->directory, "The log's directory")->required();
  AddFilterOptions(*cat, &cat_options->filter);
  cat->add_option("--limit", cat_options->limit, "At most so many events; 0 = all");
  cat->add_flag("--json", cat_options->json, "One JSON object per line");
  cat->callback(
      [cat_options, exit_code] { *exit_code = Answered("fulcrum log cat", Cat(*cat_options)); });

  auto tail_options = std::make_shared<TailOptions>();
  CLI::App* const tail = log.add_subcommand("tail", "Print the last events of a log");
  tail->add_option("log", tail_options->directory, "The log's directory")->required();
  AddFilterOptions(*tail, &tail_options->filter);
  tail->add_option("-n,--last", tail_options->last, "So many of the last ones (default 10)")
      ->check(CLI::Range(0, 1'000'000));
  tail->add_option("--limit", tail_options->limit, "Stop after so many events; 0 = never");
  tail->add_flag("-f,--follow", tail_options->follow, "Go on with what is appended");
  tail->add_flag("--json", tail_options->json, "One JSON object per line");
  tail->callback([tail_options, exit_code] {
    *exit_code = Answered("fulcrum log tail", Tail(*tail_options));
  });

  auto stats_options = std::make_shared<StatsOptions>();
  CLI::App* const stats = log.add_subcommand("stats", "Say what a log holds");
  stats->add_option("log", stats_options->directory, "The log's directory")->required();
  stats->add_flag("--json", stats_options->json, "One JSON object");
  stats->callback([stats_options, exit_code] {
    *exit_code = Answered("fulcrum log stats", Stats(*stats_options));
  });
}

}  // namespace fulcrum::apps
