// `fulcrum log tail --follow` beside the process that writes: what is appended comes, over the ends
// of log segments, once and in order.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "apps/command_line.h"
#include "apps/log_command.h"
#include "fulcrum/decision_log_reader.h"
#include "tests/decision_log/log_fixture.h"

namespace fulcrum::apps {
namespace {

using decision_log::LogWriter;

constexpr int kBefore = 3;
constexpr int kWhile = 40;

std::unique_ptr<LogWriter> NewLog(const std::string& directory,
                                  const testing::SimulatedClock& clock) {
  decision_log::LogOptions options;
  options.directory = directory;
  options.clock = &clock;
  options.segment_bytes = 4096;
  options.compress = false;
  decision_log::RecoveryReport report;
  auto writer = LogWriter::Open(std::move(options), &report);
  EXPECT_THAT(writer, testing::IsOk());
  (*writer)->Start();
  return *std::move(writer);
}

void AppendAudit(LogWriter* writer, int number) {
  const AuditRecord record{.actor = "tester",
                           .action = absl::StrCat("number.", number),
                           .target = std::string(300, 'x')};
  ASSERT_THAT(writer->Append(record, std::nullopt, nullptr), testing::IsOk());
  ASSERT_THAT(writer->Flush(), testing::IsOk());
}

// Standard output as lines, as they come.
class Output {
 public:
  Output() {
    std::fflush(stdout);
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    saved_ = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    read_ = fdopen(ends[0], "r");
  }
  ~Output() {
    std::fflush(stdout);
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
    std::fclose(read_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  std::string Line() {
    char text[1024];
    return std::fgets(text, sizeof text, read_) == nullptr ? "" : text;
  }

 private:
  int saved_ = -1;
  std::FILE* read_ = nullptr;
};

TEST(LogFollow, PrintsWhatIsAppendedOverTheEndsOfSegments) {
  const testing::TemporaryDirectory directory;
  const std::string log = directory.path() + "/log";
  const testing::SimulatedClock clock;
  const std::unique_ptr<LogWriter> writer = NewLog(log, clock);
  for (int i = 0; i < kBefore; ++i) AppendAudit(writer.get(), i);

  CLI::App app("fulcrum");
  int exit_code = -1;
  AddLogCommand(app, &exit_code);
  std::vector<std::string> arguments = {
      "log", "tail", log, "--json", "-f", "--limit", std::to_string(kBefore + kWhile)};
  std::reverse(arguments.begin(), arguments.end());
  std::vector<std::string> lines;
  {
    Output output;
    std::thread command([&] { app.parse(arguments); });
    // It gives these out when it has come to the end: from here on it follows.
    for (int i = 0; i < kBefore; ++i) lines.push_back(output.Line());
    for (int i = 0; i < kWhile; ++i) AppendAudit(writer.get(), kBefore + i);
    command.join();
    std::fflush(stdout);
    for (int i = 0; i < kWhile; ++i) lines.push_back(output.Line());
  }
  EXPECT_EQ(exit_code, kExitOk);
  for (int i = 0; i < kBefore + kWhile; ++i) {
    EXPECT_THAT(lines[static_cast<size_t>(i)],
                ::testing::HasSubstr(absl::StrCat("\"number.", i, "\"")));
  }
  const auto segments = ListLogSegments(log);
  ASSERT_THAT(segments, testing::IsOk());
  EXPECT_GT(segments->size(), 2U);
  EXPECT_THAT(writer->Stop(), testing::IsOk());
}

}  // namespace
}  // namespace fulcrum::apps
