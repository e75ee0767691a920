#include "exchange/line_reader.h"

#include "base/hash.h"
#include "exchange/import.h"
#include "tests/exchange/exchange_fixture.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::exchange {
namespace {

using ::testing::ElementsAre;

constexpr char kTooLong[] = "(too long)";

std::vector<std::string> Lines(const std::string& content, size_t line_bytes_max = 10) {
  testing::MemoryFileSystem files;
  files.SetContent("in", content);
  const auto reader = LineReader::Open(&files, "in", line_bytes_max);
  EXPECT_THAT(reader, testing::IsOk());
  std::vector<std::string> lines;
  while ((*reader)->Next().value_or(false)) {
    lines.emplace_back((*reader)->too_long() ? kTooLong : (*reader)->text());
    EXPECT_EQ((*reader)->line(), lines.size());
  }
  EXPECT_EQ((*reader)->bytes_read(), content.size());
  EXPECT_EQ((*reader)->sum(), base::Crc32c(content));
  return lines;
}

TEST(LineReader, TheLastLineMayLackItsLineFeed) {
  EXPECT_THAT(Lines(""), ElementsAre());
  EXPECT_THAT(Lines("\n"), ElementsAre(""));
  EXPECT_THAT(Lines("a\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_THAT(Lines("a\r\nb\n"), ElementsAre("a\r", "b"));
}

TEST(LineReader, ALineThatIsTooLongIsPassedOver) {
  EXPECT_THAT(Lines("0123456789\n01234567890\nb\n"), ElementsAre("0123456789", kTooLong, "b"));
  EXPECT_THAT(Lines(std::string(11, 'x')), ElementsAre(kTooLong));
}

TEST(LineReader, LinesMayCrossTheBlocksInWhichTheFileIsRead) {
  const std::string a(300000, 'a');
  const std::string b((size_t{256} << 10) - 1, 'b');  // ends with its block
  EXPECT_THAT(Lines(b + "\n" + a + "\nc", 400000), ElementsAre(b, a, "c"));
  EXPECT_THAT(Lines(a + "\n" + b + "\nc", 1000), ElementsAre(kTooLong, kTooLong, "c"));
}

// That it is not held in memory is for the soak part `import` to show.
TEST(Import, ATooLongLineIsToldWithItsNumberAndTheOthersAreKept) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/in";
  WriteFile(file, "1:0:0.5 | a\n" + std::string(kLineBytesMax + 1, ' ') + "\n1:0:0.5 | a\n");
  const auto report = ImportLog(file, directory.path() + "/log", {.format = ImportFormat::kVwText});
  ASSERT_THAT(report, testing::IsOk());
  EXPECT_EQ(report->events, 4U);
  EXPECT_THAT(report->bad_lines, ElementsAre(BadLine{2, "the line is longer than 16777216 bytes"}));
}

}  // namespace
}  // namespace fulcrum::exchange
