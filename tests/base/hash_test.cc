#include "base/hash.h"

#include <gtest/gtest.h>

namespace fulcrum::base {
namespace {

std::string Ramp(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes += static_cast<char>(first + i * step);
  return bytes;
}

// RFC 3720, appendix B.4, and the customary check value.
TEST(Crc32c, MatchesTheKnownVectors) {
  const std::pair<std::string, uint32_t> vectors[] = {
      {"", 0},
      {"123456789", 0xe3069283},
      {std::string(32, '\0'), 0x8a9136aa},
      {std::string(32, '\xff'), 0x62a8ab43},
      {Ramp(0, 1), 0x46dd794e},
      {Ramp(31, -1), 0x113fdb5c},
  };
  for (const auto& [data, crc] : vectors) {
    EXPECT_EQ(Crc32c(data), crc);
    EXPECT_EQ(~internal::ExtendByTable(~0U, data), crc);
  }
}

TEST(Crc32c, GoesOnWhereItStopped) {
  const std::string data = Ramp(7, 5) + Ramp(1, 3);
  for (size_t cut = 0; cut <= data.size(); ++cut) {
    EXPECT_EQ(Crc32c(data.substr(cut), Crc32c(data.substr(0, cut))), Crc32c(data)) << cut;
  }
}

// The processor's instruction and the table are two implementations of one function.
TEST(Crc32c, BothImplementationsAgreeAtEveryLengthAndAlignment) {
  std::string data;
  uint32_t state = 1;
  for (int i = 0; i < 200; ++i) {
    state = state * 1664525 + 1013904223;
    data += static_cast<char>(state >> 24);
  }
  for (size_t from = 0; from < 9; ++from) {
    for (size_t length = 0; length + from <= data.size(); ++length) {
      const std::string_view part = std::string_view(data).substr(from, length);
      ASSERT_EQ(Crc32c(part), ~internal::ExtendByTable(~0U, part)) << from << ' ' << length;
    }
  }
}

// FIPS 180-4 examples.
TEST(Sha256, MatchesTheKnownVectors) {
  EXPECT_EQ(ToHex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(ToHex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 4231, cases 1, 2 and 6.
TEST(HmacSha256, MatchesTheKnownVectors) {
  EXPECT_EQ(ToHex(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(ToHex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(ToHex(HmacSha256(std::string(131, '\xaa'),
                             "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(ToHex(HmacSha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(ToHex, WritesTwoLowerCaseDigitsPerByte) {
  EXPECT_EQ(ToHex(std::string_view("\x00\x7f\xff\x0a", 4)), "007fff0a");
  EXPECT_EQ(ToHex(""), "");
}

TEST(ShortDigest, IsTheFirstEightBytesBigEndian) {
  EXPECT_EQ(ShortDigest(Sha256("abc")), 0xba7816bf8f01cfeaULL);
}

}  // namespace
}  // namespace fulcrum::base
