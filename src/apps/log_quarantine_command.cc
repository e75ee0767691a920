#include "apps/log_quarantine_command.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "apps/command_line.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "decision_log/quarantine_plan.h"

namespace fulcrum::apps {
namespace {

using decision_log::Quarantine;
using decision_log::QuarantinePlan;

constexpr char kCommand[] = "fulcrum log quarantine";

struct QuarantineFlags {
  std::string directory;
  std::string actor;
  size_t threads = 1;
  bool apply = false;
};

std::string UserName() {
  passwd entry{};
  passwd* user = nullptr;
  std::array<char, 4096> texts;
  const int error = getpwuid_r(geteuid(), &entry, texts.data(), texts.size(), &user);
  return error != 0 || user == nullptr ? std::to_string(geteuid()) : user->pw_name;
}

void PrintSegment(const Quarantine& one) {
  std::printf("%s\n  %s\n  LSN %llu to %llu", decision_log::SegmentOf(one).c_str(),
              one.reason.c_str(), static_cast<unsigned long long>(one.first),
              static_cast<unsigned long long>(one.last));
  if (one.known < one.last) {
    std::printf(" (known up to %llu, the rest is passed over)",
                static_cast<unsigned long long>(one.known));
  }
  std::printf("\n  readable: %s\n  lost: %s\n",
              one.readable.empty() ? "none" : one.readable.c_str(),
              one.lost.empty() ? "none" : one.lost.c_str());
}

void PrintAll(const char* title, const std::vector<Quarantine>& segments) {
  if (segments.empty()) return;
  std::printf("%s\n", title);
  for (const Quarantine& one : segments) PrintSegment(one);
}

// True if damage is left that ends writing.
bool PrintLeft(const QuarantinePlan& plan) {
  bool damaged = false;
  for (const decision_log::CorruptPlace& place : plan.left) {
    damaged |= !place.at_end();
    std::printf("left alone: %s%s\n", decision_log::ToString(place.damage).c_str(),
                place.torn_tail   ? " (torn tail: the next start cuts it off)"
                : place.lost_tail ? " (lost tail: the next start goes on here and tells of it)"
                                  : " (bring the log segment back from a copy)");
  }
  return damaged;
}

absl::StatusOr<int> Run(const QuarantineFlags& flags) {
  const base::SystemClock clock;
  decision_log::QuarantineOptions options;
  options.clock = &clock;
  options.directory = flags.directory;
  options.actor = flags.actor.empty() ? UserName() : flags.actor;
  options.threads = flags.threads;
  FULCRUM_ASSIGN_OR_RETURN(const QuarantinePlan plan, flags.apply
                                                          ? decision_log::ApplyQuarantine(options)
                                                          : decision_log::PlanQuarantine(options));
  PrintAll(flags.apply ? "moved to quarantine/:" : "would be moved to quarantine/ by --apply:",
           plan.segments);
  const bool left = PrintLeft(plan);
  if (flags.apply) {
    if (plan.segments.empty() && plan.unaudited.empty()) std::printf("nothing to do\n");
    return left ? kExitFinding : kExitOk;
  }
  for (const Quarantine& one : plan.known) {
    std::printf("%s\n", decision_log::ToString(one).c_str());
  }
  for (const Quarantine& one : plan.unaudited) {
    std::printf("%s: the log does not tell of it yet; --apply finishes that\n",
                decision_log::SegmentOf(one).c_str());
  }
  const bool nothing = plan.segments.empty() && plan.unaudited.empty();
  if (nothing) std::printf("nothing to do\n");
  return nothing && !left ? kExitOk : kExitFinding;
}

}  // namespace

void AddLogQuarantineCommand(CLI::App& log, int* exit_code) {
  auto flags = std::make_shared<QuarantineFlags>();
  CLI::App* const command = log.add_subcommand(
      "quarantine", "Say which log segments are damaged in the middle; --apply takes them out");
  command->add_option("log", flags->directory, "The log's directory")->required();
  command->add_flag("--apply", flags->apply,
                    "Move them to quarantine/ and append audit records; the service must be down");
  command->add_option("--actor", flags->actor, "Who does it, for the audit [the system's user]");
  command->add_option("--threads", flags->threads, "Look on so many")->check(CLI::Range(1, 1024));
  command->callback([flags, exit_code] { *exit_code = Answered(kCommand, Run(*flags)); });
}

}  // namespace fulcrum::apps
