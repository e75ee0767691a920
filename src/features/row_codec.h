// Feature rows and salts as bytes. The layout is described in docs/feature_store.md; a change of it
// gets a new version byte. Thread-safe (pure functions).
//
// Decoding is strict: what EncodeRow would not have written is INVALID_ARGUMENT, never an
// assertion. Flipped bits are found by RocksDB's checksums of blocks and of the write-ahead log.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "domain/feature_row.h"

namespace fulcrum::features {

inline constexpr size_t kEntityIdBytesMax = 256;
inline constexpr size_t kFeatureNameBytesMax = 128;
inline constexpr size_t kTextBytesMax = 4096;
inline constexpr size_t kFeaturesMax = 4096;

// {kind, length of id, id, view}: all rows of one entity lie together, and no id is a prefix of
// another's keys, so that an entity can be erased by a range.
std::string RowKey(domain::EntityKind kind, std::string_view entity_id, std::string_view view);

// Missing values and NaN are left out. INVALID_ARGUMENT if a bound above is passed.
absl::StatusOr<std::string> EncodeRow(const domain::FeatureRow& row);

// What is needed before the values are: whether the row is fresh.
struct RowHeader {
  uint32_t schema_version = 0;
  int64_t event_time_us = 0;
};
absl::StatusOr<RowHeader> DecodeRowHeader(std::string_view bytes);
absl::StatusOr<domain::FeatureRow> DecodeRow(std::string_view bytes);

using Salt = std::array<uint8_t, 16>;

struct SaltRow {
  Salt salt{};
  int64_t created_us = 0;
};
std::string EncodeSalt(const SaltRow& row);
absl::StatusOr<SaltRow> DecodeSalt(std::string_view bytes);

}  // namespace fulcrum::features
