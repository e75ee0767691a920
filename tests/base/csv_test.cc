#include "base/csv.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace fulcrum::base {
namespace {

using ::fulcrum::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file in memory whose reads may fail from some offset on.
class TextFile final : public ReadFile {
 public:
  explicit TextFile(std::string text, uint64_t fails_from = UINT64_MAX)
      : text_(std::move(text)), fails_from_(fails_from) {}

  absl::StatusOr<size_t> Read(uint64_t offset, size_t length, char* buffer) const override {
    if (offset >= fails_from_) return absl::DataLossError("t.csv: Input/output error");
    if (offset >= text_.size()) return 0;
    const size_t count = std::min<size_t>(length, std::min(text_.size(), fails_from_) - offset);
    std::memcpy(buffer, text_.data() + offset, count);
    return count;
  }
  absl::StatusOr<uint64_t> Size() const override { return text_.size(); }

 private:
  const std::string text_;
  const uint64_t fails_from_;
};

using Records = std::vector<std::vector<std::string>>;

// The header and all records, or the first error.
absl::StatusOr<Records> Parse(const std::string& text) {
  auto reader = CsvReader::Open(std::make_unique<TextFile>(text), "t.csv");
  if (!reader.ok()) return reader.status();
  Records records{(*reader)->header()};
  while (true) {
    absl::StatusOr<bool> found = (*reader)->Next();
    if (!found.ok()) return found.status();
    if (!*found) return records;
    records.emplace_back((*reader)->fields().begin(), (*reader)->fields().end());
  }
}

struct ValidCase {
  const char* what;
  std::string text;
  Records records;
};

TEST(CsvReaderTest, ReadsWhatTheFormatAllows) {
  const std::vector<ValidCase> cases = {
      {"plain", "a,b\n1,2\n", {{"a", "b"}, {"1", "2"}}},
      {"CRLF", "a,b\r\n1,2\r\n", {{"a", "b"}, {"1", "2"}}},
      {"no end of line at the end", "a,b\n1,2", {{"a", "b"}, {"1", "2"}}},
      {"empty fields", "a,b\n,\n", {{"a", "b"}, {"", ""}}},
      {"quoted comma, quote and lines", "a\n\"x,\"\"y\"\"\r\nz\"\n", {{"a"}, {"x,\"y\"\r\nz"}}},
      {"empty quoted", "a,b\n\"\",\"\"\n", {{"a", "b"}, {"", ""}}},
      {"one column, empty line is a record", "a\n\n", {{"a"}, {""}}},
      {"header only", "a,b\n", {{"a", "b"}}},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a\n1\n",
       {{"a"}, {"1"}}},
      {"blanks are text", "a,b\n 1 , 2\n", {{"a", "b"}, {" 1 ", " 2"}}},
      {"UTF-8",
       "a\nZ\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x98\x80\n",
       {{"a"}, {"Z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x98\x80"}}},
  };
  for (const ValidCase& test : cases) {
    auto records = Parse(test.text);
    FULCRUM_ASSERT_OK(records) << test.what;
    EXPECT_EQ(*records, test.records) << test.what;
  }
}

struct InvalidCase {
  const char* what;
  std::string text;
  const char* message;
};

TEST(CsvReaderTest, RefusesTheRestAndSaysWhere) {
  const std::vector<InvalidCase> cases = {
      {"empty", "", "t.csv:1:1: the file is empty"},
      {"empty name", "a,\n", "t.csv:1: the header has a column without a name"},
      {"repeated name", "a,b,a\n", "t.csv:1: the header has the column 'a' twice"},
      {"short record", "a,b\n1,2\n3\n", "t.csv:3: the record has 1 fields, the header has 2"},
      {"long record", "a,b\n1,2,3\n", "t.csv:2: the record has 3 fields"},
      {"blank line", "a,b\n\n", "t.csv:2: the record has 1 fields"},
      {"open quote", "a\n\"x\n", "t.csv:3:1: the file ends inside a quoted field"},
      {"quote in plain field", "a,b\n12,x\"y\n", "t.csv:2:5: a quote inside"},
      {"text after quote", "a\n\"x\"y\n", "t.csv:2:4: text after a closing quote"},
      {"lone carriage return", "a\nx\ry\n", "t.csv:2:3: a carriage return without"},
      {"NUL", std::string("a\nx\0y\n", 6), "t.csv:2:2: a NUL byte"},
      {"NUL in quotes", std::string("a\n\"\0\"\n", 6), "t.csv:2:2: a NUL byte"},
      {"line after quoted lines", "a,b\n\"1\n2\",3\n4\n", "t.csv:4: the record has 1 fields"},
      {"not UTF-8", "a\nZ\xFCrich\n", "t.csv:2: the record is not UTF-8"},
      {"overlong UTF-8", "a\n\xC0\xAF\n", "t.csv:2: the record is not UTF-8"},
      {"surrogate", "a\n\xED\xA0\x80\n", "t.csv:2: the record is not UTF-8"},
      {"cut sequence", "a\n\xE2\x82\n", "t.csv:2: the record is not UTF-8"},
      {"endless record", "a\n\"" + std::string((1 << 20) + 1, 'x') + "\"\n", "longer than 1 MiB"},
      {"endless plain field", "a\n" + std::string((1 << 20) + 1, 'x'), "longer than 1 MiB"},
      {"too many fields", "a\n" + std::string(5000, ',') + "\n", "more than 4096 fields"},
  };
  for (const InvalidCase& test : cases) {
    EXPECT_THAT(Parse(test.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)))
        << test.what;
  }
}

// Fields, quotes and ends of lines that fall on the border of two blocks.
TEST(CsvReaderTest, BlocksOfTheFileDoNotShow) {
  for (size_t length = (64 << 10) - 12; length < (64 << 10) + 3; ++length) {
    const std::string filler(length, 'x');
    auto records = Parse("a,b\r\n" + filler + ",\"y\"\"z\"\r\n1,2\r\n");
    FULCRUM_ASSERT_OK(records) << length;
    EXPECT_EQ(*records, (Records{{"a", "b"}, {filler, "y\"z"}, {"1", "2"}})) << length;
  }
}

TEST(CsvReaderTest, AReadErrorIsNotTheEndOfTheFile) {
  for (const char* text : {"a\n1\n2\n", "a\n\"1\n2\n\"\n", "a\n1"}) {
    auto reader = CsvReader::Open(std::make_unique<TextFile>(text, /*fails_from=*/3), "t.csv");
    FULCRUM_ASSERT_OK(reader);
    EXPECT_THAT((*reader)->Next(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("Input/output error")))
        << text;
  }
}

TEST(CsvReaderTest, TellsWhereItIs) {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/rows.csv";
  std::ofstream(path) << "a,b\n\"1\n1\",2\n3,4\n";
  auto reader = CsvReader::Open(PosixFileSystem(), path);
  FULCRUM_ASSERT_OK(reader);
  EXPECT_EQ((*reader)->Column("b"), 1);
  EXPECT_EQ((*reader)->Column("c"), -1);
  EXPECT_EQ((*reader)->bytes_read(), 4u);
  EXPECT_EQ((*reader)->bytes_total(), 16u);
  ASSERT_TRUE(*(*reader)->Next());
  EXPECT_EQ((*reader)->line(), 2u);
  ASSERT_TRUE(*(*reader)->Next());
  EXPECT_EQ((*reader)->line(), 4u);
  EXPECT_THAT((*reader)->fields(), ElementsAre("3", "4"));
  EXPECT_EQ((*reader)->Problem("no").message(), path + ":4: no");
  EXPECT_EQ((*reader)->bytes_read(), 16u);
  EXPECT_THAT(CsvReader::Open(PosixFileSystem(), path + ".none"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST(ParseFiniteDoubleTest, TakesDecimalNumbersOnly) {
  double value = 0;
  EXPECT_TRUE(ParseFiniteDouble("1.5", &value));
  EXPECT_EQ(value, 1.5);
  EXPECT_TRUE(ParseFiniteDouble("+2", &value));
  EXPECT_EQ(value, 2);
  EXPECT_TRUE(ParseFiniteDouble("-1e-3", &value));
  EXPECT_EQ(value, -1e-3);
  for (const char* text : {"", "+", "-", "+-1", " 1", "1 ", "1,5", "0x10", "inf", "nan", "1e999",
                           "one", "1.5x", "--1"}) {
    EXPECT_FALSE(ParseFiniteDouble(text, &value)) << text;
  }
}

TEST(CsvReader, TheFirstNameMayBeEmptyWhereThatIsAllowed) {
  const auto open = [](const std::string& text, CsvReader::FirstName first_name) {
    return CsvReader::Open(std::make_unique<TextFile>(text), "t.csv", first_name);
  };
  const auto numbered = open(",a\n0,x\n", CsvReader::FirstName::kMayBeEmpty);
  ASSERT_THAT(numbered, testing::IsOk());
  EXPECT_EQ((*numbered)->Column("a"), 1);
  EXPECT_FALSE(open(",a\n0,x\n", CsvReader::FirstName::kRequired).ok());
  EXPECT_FALSE(open("a,\nx,0\n", CsvReader::FirstName::kMayBeEmpty).ok());
}

TEST(AppendCsvFieldTest, IsReadBackAsItWas) {
  const std::vector<std::string> fields = {"", "a", "a b", "\"", "a,b", "\n", "\r", "ü\"\"", " x "};
  std::string record;
  for (const std::string& field : fields) {
    AppendCsvField(field, &record);
    record += ',';
  }
  record.pop_back();
  EXPECT_EQ(record.substr(0, 15), ",a,a b,\"\"\"\",\"a,");
  const auto read =
      CsvReader::Open(std::make_unique<TextFile>("1,2,3,4,5,6,7,8,9\n" + record + "\n"), "t.csv");
  ASSERT_THAT(read, testing::IsOk());
  ASSERT_TRUE((*read)->Next().value_or(false));
  EXPECT_EQ(std::vector<std::string>((*read)->fields().begin(), (*read)->fields().end()), fields);
}

TEST(ShortestDoubleTest, GivesTheSameBits) {
  EXPECT_EQ(ShortestDouble(0.1), "0.1");
  EXPECT_EQ(ShortestDouble(1e22), "1e+22");
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const double value = std::bit_cast<double>(random());
    double back = 0;
    if (!std::isfinite(value)) continue;
    ASSERT_TRUE(ParseFiniteDouble(ShortestDouble(value), &back));
    ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value));
  }
  EXPECT_EQ(ShortestDouble(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(ParseTimeMicrosTest, TakesWhatPandasWritesAndRfc3339) {
  int64_t time_us = 7;
  EXPECT_TRUE(ParseTimeMicros("2019-11-24 00:03:13.442536+00:00", &time_us));
  EXPECT_EQ(time_us, 1574553793442536);
  EXPECT_TRUE(ParseTimeMicros("2019-11-24T01:03:13.5+01:00", &time_us));
  EXPECT_EQ(time_us, 1574553793500000);
  for (const char* const wrong :
       {"", "yesterday", "2019-11-24", "2019-11-24 00:03:13", "1574553793"}) {
    EXPECT_FALSE(ParseTimeMicros(wrong, &time_us)) << wrong;
  }
  EXPECT_EQ(time_us, 1574553793500000) << "kept where there is none";
}

}  // namespace
}  // namespace fulcrum::base
