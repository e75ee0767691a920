#include "features/row_codec.h"

#include <limits>

#include "base/hash.h"
#include "features/user_refs.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::features {
namespace {

using domain::EntityKind;
using domain::FeatureRow;
using ::fulcrum::testing::StatusIs;
using ::testing::HasSubstr;

FeatureRow ExampleRow() {
  FeatureRow row;
  row.schema_version = 3;
  row.event_time_us = 1574553600000000;
  row.values.emplace("city", "Bern");
  row.values.emplace("age", 41.0);
  row.values.emplace("gone", std::monostate());
  row.values.emplace("nan", std::numeric_limits<double>::quiet_NaN());
  return row;
}

std::string Hex(const std::string& bytes) {
  return base::ToHex(bytes);
}

// The bytes as docs/feature_store.md describes them: a change breaks what is stored.
TEST(RowCodecTest, LayoutIsTheDocumentedOne) {
  auto bytes = EncodeRow(ExampleRow());
  FULCRUM_ASSERT_OK(bytes);
  EXPECT_EQ(Hex(*bytes),
            "01"                // layout
            "03"                // schema version
            "000002540c980500"  // event time
            "02"                // values
            "03616765"          // "age"
            "01"
            "0000000000804440"  // 41.0
            "0463697479"        // "city"
            "02"
            "044265726e");  // "Bern"
  EXPECT_EQ(Hex(RowKey(EntityKind::kUser, "u1", "profile")),
            "01027531"
            "70726f66696c65");
  SaltRow salt;
  salt.salt[0] = 0xab;
  salt.created_us = 1;
  EXPECT_EQ(Hex(EncodeSalt(salt)),
            "01ab000000000000000000000000000000"
            "0100000000000000");
}

TEST(RowCodecTest, MissingValuesAreNotStored) {
  auto bytes = EncodeRow(ExampleRow());
  FULCRUM_ASSERT_OK(bytes);
  auto row = DecodeRow(*bytes);
  FULCRUM_ASSERT_OK(row);
  EXPECT_EQ(row->values.size(), 2u);
  EXPECT_EQ(row->schema_version, 3u);
  EXPECT_EQ(row->event_time_us, 1574553600000000);
  EXPECT_EQ(std::get<double>(row->values["age"]), 41.0);
  EXPECT_EQ(std::get<std::string>(row->values["city"]), "Bern");
}

TEST(RowCodecTest, EveryCutAndEveryAppendedByteIsRefused) {
  auto bytes = EncodeRow(ExampleRow());
  FULCRUM_ASSERT_OK(bytes);
  for (size_t length = 0; length < bytes->size(); ++length) {
    EXPECT_THAT(DecodeRow(bytes->substr(0, length)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("malformed")))
        << length;
  }
  EXPECT_THAT(DecodeRow(*bytes + '\0'),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("left over")));
}

std::string Bytes(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

struct MalformedCase {
  const char* what;
  std::string body;  // after a header with schema version 1 and event time 0
  const char* message;
};

TEST(RowCodecTest, RefusesWhatItWouldNotWrite) {
  const std::string header = Bytes({1, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  const std::string nan = Bytes({0, 0, 0, 0, 0, 0, 0xf8, 0x7f});
  const std::vector<MalformedCase> cases = {
      {"a count beyond the bytes", Bytes({100}), "count"},
      {"a huge count", Bytes({0xff, 0xff, 0xff, 0xff, 0x0f}), "count"},
      {"a count in a longer form", Bytes({0x80, 0x00}), "count"},
      {"names out of order", Bytes({2, 1, 'b', 2, 0, 1, 'a', 2, 0}), "order"},
      {"a name twice", Bytes({2, 1, 'a', 2, 0, 1, 'a', 2, 0}), "order"},
      {"an empty name", Bytes({1, 0, 2, 0, 0}), "order"},
      {"an unknown type", Bytes({1, 1, 'a', 3, 0}), "'a'"},
      {"a text longer than the bytes", Bytes({1, 1, 'a', 2, 9, 'x'}), "'a'"},
      {"a stored NaN", Bytes({1, 1, 'a', 1}) + nan, "'a'"},
  };
  for (const MalformedCase& test : cases) {
    EXPECT_THAT(DecodeRow(header + test.body),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(test.message)))
        << test.what;
  }
  EXPECT_THAT(DecodeRow(Bytes({2, 1})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("newer version")));
  EXPECT_THAT(DecodeSalt(Bytes({2})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("newer version")));
}

TEST(RowCodecTest, RefusesToWriteWhatItWouldNotRead) {
  FeatureRow row;
  row.values.emplace("", 1.0);
  EXPECT_THAT(EncodeRow(row), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name")));
  row.values.clear();
  row.values.emplace(std::string(kFeatureNameBytesMax + 1, 'n'), 1.0);
  EXPECT_THAT(EncodeRow(row), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name")));
  row.values.clear();
  row.values.emplace("text", std::string(kTextBytesMax + 1, 't'));
  EXPECT_THAT(EncodeRow(row), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'text'")));
}

// One entity's keys form a range that holds nobody else's.
TEST(RowKeyTest, NoEntityIsAPrefixOfAnother) {
  const std::string prefix = RowKey(EntityKind::kUser, "ab", "");
  EXPECT_TRUE(RowKey(EntityKind::kUser, "ab", "v").starts_with(prefix));
  EXPECT_FALSE(RowKey(EntityKind::kUser, "abc", "v").starts_with(prefix));
  EXPECT_FALSE(RowKey(EntityKind::kUser, "a", "bv").starts_with(prefix));
  EXPECT_FALSE(RowKey(EntityKind::kItem, "ab", "v").starts_with(prefix));
}

// RFC 4231, test case 1, cut to 16 bytes; its key is longer than a salt, so it is checked at the
// hash.
TEST(UserRefTest, IsTheHmacOfTheUserId) {
  Salt salt;
  salt.fill(0x0b);
  const base::Sha256Digest expected = base::HmacSha256(std::string(16, '\x0b'), "Hi There");
  const UserRef ref = UserRefFrom(salt, "Hi There");
  EXPECT_EQ(Hex(std::string(ref.begin(), ref.end())), base::ToHex(expected).substr(0, 32));
  EXPECT_EQ(base::ToHex(base::HmacSha256(std::string(20, '\x0b'), "Hi There")).substr(0, 32),
            "b0344c61d8db38535ca8afceaf0bf12b");
}

}  // namespace
}  // namespace fulcrum::features
