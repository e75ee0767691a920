#include "features/row_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace fulcrum::features {
namespace {

using domain::FeatureRow;
using domain::FeatureValue;

constexpr uint8_t kRowVersion = 1;
constexpr uint8_t kSaltVersion = 1;
constexpr uint8_t kNumber = 1;
constexpr uint8_t kText = 2;

void AppendVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

// Little-endian on every machine.
void AppendFixed64(uint64_t value, std::string* out) {
  for (int shift = 0; shift < 64; shift += 8) out->push_back(static_cast<char>(value >> shift));
}

void AppendText(std::string_view text, std::string* out) {
  AppendVarint(text.size(), out);
  out->append(text);
}

// Takes values off the front; once anything is wrong everything after it fails too.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool Byte(uint8_t* value) {
    if (rest_.empty()) return false;
    *value = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return true;
  }
  // The shortest form only, at most 32 bits.
  bool Varint32(uint32_t* value) {
    uint64_t result = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      uint8_t byte = 0;
      if (!Byte(&byte)) return false;
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      if (shift > 0 && byte == 0) return false;
      if (result > UINT32_MAX) return false;
      *value = static_cast<uint32_t>(result);
      return true;
    }
    return false;
  }
  bool Fixed64(uint64_t* value) {
    if (rest_.size() < 8) return false;
    uint64_t result = 0;
    for (int i = 7; i >= 0; --i) {
      result = result << 8 | static_cast<uint8_t>(rest_[static_cast<size_t>(i)]);
    }
    rest_.remove_prefix(8);
    *value = result;
    return true;
  }
  bool Text(size_t bytes_max, std::string_view* text) {
    uint32_t size = 0;
    if (!Varint32(&size) || size > bytes_max || size > rest_.size()) return false;
    *text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed feature row: ", base::ToAbsl(what)));
}

absl::Status ReadHeader(Reader* reader, RowHeader* header) {
  uint8_t version = 0;
  if (!reader->Byte(&version)) return Malformed("it is empty");
  if (version != kRowVersion) {
    return Malformed(base::FromAbsl(
        absl::StrCat("layout ", version, " is not known; it was written by a newer version")));
  }
  uint64_t event_time = 0;
  if (!reader->Varint32(&header->schema_version) || !reader->Fixed64(&event_time)) {
    return Malformed("its header is cut");
  }
  header->event_time_us = static_cast<int64_t>(event_time);
  return absl::OkStatus();
}

bool ReadValue(Reader* reader, FeatureValue* value) {
  uint8_t type = 0;
  if (!reader->Byte(&type)) return false;
  if (type == kNumber) {
    uint64_t bits = 0;
    if (!reader->Fixed64(&bits)) return false;
    const double number = std::bit_cast<double>(bits);
    if (std::isnan(number)) return false;  // missing values are left out
    *value = number;
    return true;
  }
  std::string_view text;
  if (type != kText || !reader->Text(kTextBytesMax, &text)) return false;
  value->emplace<std::string>(text);
  return true;
}

bool IsMissing(const FeatureValue& value) {
  if (const double* number = std::get_if<double>(&value)) return std::isnan(*number);
  return std::holds_alternative<std::monostate>(value);
}

absl::Status CheckBounds(std::string_view name, const FeatureValue& value) {
  if (name.empty() || name.size() > kFeatureNameBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "feature name '", base::ToAbsl(name), "' must have 1 to ", kFeatureNameBytesMax, " bytes"));
  }
  const std::string* text = std::get_if<std::string>(&value);
  if (text != nullptr && text->size() > kTextBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("feature '", base::ToAbsl(name), "' has ",
                                                   text->size(), " bytes; at most ", kTextBytesMax,
                                                   " can be stored"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string RowKey(domain::EntityKind kind, std::string_view entity_id, std::string_view view) {
  std::string key;
  key.reserve(entity_id.size() + view.size() + 4);
  key.push_back(static_cast<char>(kind));
  AppendText(entity_id, &key);
  key.append(view);
  return key;
}

absl::StatusOr<std::string> EncodeRow(const FeatureRow& row) {
  std::vector<const std::pair<const std::string, FeatureValue>*> entries;
  entries.reserve(row.values.size());
  for (const auto& entry : row.values) {
    FULCRUM_RETURN_IF_ERROR(CheckBounds(entry.first, entry.second));
    if (!IsMissing(entry.second)) entries.push_back(&entry);
  }
  if (entries.size() > kFeaturesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(entries.size(), " features in one row; at most ", kFeaturesMax));
  }
  // By name: the same values always give the same bytes.
  std::sort(entries.begin(), entries.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });

  std::string bytes(1, static_cast<char>(kRowVersion));
  AppendVarint(row.schema_version, &bytes);
  AppendFixed64(static_cast<uint64_t>(row.event_time_us), &bytes);
  AppendVarint(entries.size(), &bytes);
  for (const auto* entry : entries) {
    AppendText(entry->first, &bytes);
    if (const double* number = std::get_if<double>(&entry->second)) {
      bytes.push_back(static_cast<char>(kNumber));
      AppendFixed64(std::bit_cast<uint64_t>(*number), &bytes);
    } else {
      bytes.push_back(static_cast<char>(kText));
      AppendText(std::get<std::string>(entry->second), &bytes);
    }
  }
  return bytes;
}

absl::StatusOr<RowHeader> DecodeRowHeader(std::string_view bytes) {
  Reader reader(bytes);
  RowHeader header;
  FULCRUM_RETURN_IF_ERROR(ReadHeader(&reader, &header));
  return header;
}

absl::StatusOr<FeatureRow> DecodeRow(std::string_view bytes) {
  Reader reader(bytes);
  RowHeader header;
  FULCRUM_RETURN_IF_ERROR(ReadHeader(&reader, &header));
  uint32_t count = 0;
  if (!reader.Varint32(&count) || count > kFeaturesMax) return Malformed("its count is wrong");
  FeatureRow row;
  row.schema_version = header.schema_version;
  row.event_time_us = header.event_time_us;
  // A value takes at least four bytes, so a lying count cannot make us reserve more.
  if (count > bytes.size() / 4) return Malformed("its count is wrong");
  row.values.reserve(count);
  std::string_view previous;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    if (!reader.Text(kFeatureNameBytesMax, &name) || name <= previous) {
      return Malformed("its names are not in order");
    }
    previous = name;
    if (!ReadValue(&reader, &row.values.try_emplace(name).first->second)) {
      return Malformed(
          base::FromAbsl(absl::StrCat("the value of '", base::ToAbsl(name), "' cannot be read")));
    }
  }
  if (!reader.empty()) return Malformed("bytes are left over");
  return row;
}

std::string EncodeSalt(const SaltRow& row) {
  std::string bytes(1, static_cast<char>(kSaltVersion));
  for (const uint8_t byte : row.salt) bytes.push_back(static_cast<char>(byte));
  AppendFixed64(static_cast<uint64_t>(row.created_us), &bytes);
  return bytes;
}

absl::StatusOr<SaltRow> DecodeSalt(std::string_view bytes) {
  SaltRow row;
  constexpr size_t kSize = 1 + std::tuple_size_v<Salt> + 8;
  if (bytes.size() != kSize || static_cast<uint8_t>(bytes[0]) != kSaltVersion) {
    return absl::InvalidArgumentError("malformed salt: it was written by a newer version");
  }
  std::memcpy(row.salt.data(), bytes.data() + 1, row.salt.size());
  Reader reader(bytes.substr(1 + row.salt.size()));
  uint64_t created = 0;
  FULCRUM_CHECK(reader.Fixed64(&created));
  row.created_us = static_cast<int64_t>(created);
  return row;
}

}  // namespace fulcrum::features
