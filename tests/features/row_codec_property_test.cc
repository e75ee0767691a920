// Random rows come back as they went in, and random bytes are refused or canonical.
#include <cmath>
#include <limits>

#include "base/random.h"
#include "features/row_codec.h"
#include "tests/support/status_matchers.h"

namespace fulcrum::features {
namespace {

using domain::FeatureRow;
using domain::FeatureValue;

std::string RandomText(base::RandomStream* random, uint32_t length_max) {
  std::string text(random->NextBelow(length_max + 1), '\0');
  for (char& byte : text) byte = static_cast<char>(random->NextBelow(256));
  return text;
}

FeatureValue RandomValue(base::RandomStream* random) {
  switch (random->NextBelow(6)) {
    case 0:
      return std::monostate();
    case 1:
      return RandomText(random, 200);
    case 2: {
      const double special[] = {0.0, -0.0, std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::quiet_NaN()};
      return special[random->NextBelow(5)];
    }
    default:
      return std::ldexp(random->NextUniform() - 0.5,
                        static_cast<int>(random->NextBelow(200)) - 100);
  }
}

FeatureRow RandomRow(base::RandomStream* random) {
  FeatureRow row;
  row.schema_version = random->Next32() >> random->NextBelow(32);
  row.event_time_us = static_cast<int64_t>(random->Next64());
  const uint32_t count = random->NextBelow(40);
  for (uint32_t i = 0; i < count; ++i) {
    row.values.insert_or_assign("n" + RandomText(random, 20), RandomValue(random));
  }
  return row;
}

bool IsMissing(const FeatureValue& value) {
  const double* number = std::get_if<double>(&value);
  return number != nullptr ? std::isnan(*number) : value.index() == 0;
}

TEST(RowCodecPropertyTest, RoundTrip) {
  base::RandomStream random(20191124);
  for (int round = 0; round < 5000; ++round) {
    const FeatureRow row = RandomRow(&random);
    auto bytes = EncodeRow(row);
    FULCRUM_ASSERT_OK(bytes);
    auto back = DecodeRow(*bytes);
    FULCRUM_ASSERT_OK(back);
    EXPECT_EQ(back->schema_version, row.schema_version);
    EXPECT_EQ(back->event_time_us, row.event_time_us);
    size_t present = 0;
    for (const auto& [name, value] : row.values) {
      const auto found = back->values.find(name);
      ASSERT_EQ(found != back->values.end(), !IsMissing(value));
      if (IsMissing(value)) continue;
      ++present;
      EXPECT_EQ(found->second, value);
    }
    EXPECT_EQ(back->values.size(), present);
    auto header = DecodeRowHeader(*bytes);
    FULCRUM_ASSERT_OK(header);
    EXPECT_EQ(header->event_time_us, row.event_time_us);
  }
}

// Whatever a damaged row decodes to, it encodes to the same bytes: nothing is read two ways.
TEST(RowCodecPropertyTest, DamagedRowsAreRefusedOrCanonical) {
  base::RandomStream random(7);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = *EncodeRow(RandomRow(&random));
    const size_t at = random.NextBelow(static_cast<uint32_t>(bytes.size()));
    bytes[at] = static_cast<char>(random.NextBelow(256));
    auto row = DecodeRow(bytes);
    if (!row.ok()) continue;
    ++accepted;
    EXPECT_EQ(*EncodeRow(*row), bytes);
  }
  EXPECT_GT(accepted, 1000) << "the damage is too coarse to test anything";
  EXPECT_LT(accepted, 20000);
}

}  // namespace
}  // namespace fulcrum::features
